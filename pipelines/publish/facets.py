"""What a list of records can be narrowed by: pages of two subjects at once, made beforehand, so no script is needed.

A subject is a term of a vocabulary or a kind of record. Which pairs have a page is decided here; what a page looks like
is in ``templates/facet.html``. Only two subjects are ever combined, so the number of pages is bounded by the
vocabularies: at most some 600 in each language, however many records there are.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from functools import cached_property
from itertools import product

from pipelines.edition import LibraryRecord
from pipelines.publish.strings import LANGUAGES
from pipelines.publish.views import BROWSE_SCHEMES, Library

KIND = "kind"
PAIRS = (
    ("sectors", "technology_types"),
    ("sectors", "audiences"),
    ("sectors", KIND),
    ("technology_types", KIND),
    ("audiences", KIND),
)
"""The pairs of schemes that are combined, the one that stands first in addresses and titles first."""
FEWEST_N = 3
"""Records that a page of two subjects has at least: one or two are found faster in the list that they stand in."""


@dataclass(frozen=True)
class Subject:
    """What records have in common: a ``term`` of a ``scheme``, which is ``kind`` for kinds of record."""

    scheme: str
    term: str

    @property
    def path(self) -> str:
        """The page of all its records, from the folder of a language."""
        term = self.term.replace("_", "-")
        if self.scheme == KIND:
            return f"{term}/index.html"
        return f"browse/{self.scheme.replace('_', '-')}/{term}.html"


@dataclass(frozen=True)
class Pair:
    """Two subjects at once, and the records about both."""

    first: Subject
    second: Subject
    entries: tuple[LibraryRecord, ...]

    @property
    def path(self) -> str:
        """Its page, from the folder of a language."""
        return f"{self.first.path.removesuffix('.html')}/{self.second.scheme}/{self.second.term}.html".replace("_", "-")

    def other(self, than: Subject) -> Subject:
        """The subject besides ``than``."""
        return self.second if than == self.first else self.first


class Facets:
    """The pairs of subjects of a library that have a page, by language."""

    def __init__(self, library: Library) -> None:
        self._library = library
        self._entries: dict[tuple[Subject, str], list[LibraryRecord]] = {}

    @cached_property
    def _ids(self) -> dict[tuple[Subject, Subject], list[str]]:
        found: dict[tuple[Subject, Subject], list[str]] = defaultdict(list)
        for id in self._library.order:
            entry = self._library.records[id]
            named = {scheme: [Subject(scheme, term) for term in terms] for scheme, terms in _terms(entry).items()}
            for first, second in PAIRS:
                for pair in product(named[first], named[second]):
                    found[pair].append(id)
        return found

    @cached_property
    def _by_language(self) -> dict[str, dict[Subject, list[Pair]]]:
        """The pairs of each subject, in the order of ids, which is none that readers see."""
        shown = {
            pair: {language: tuple(self._library.shown(ids, language)) for language in LANGUAGES}
            for pair, ids in self._ids.items()
        }
        result: dict[str, dict[Subject, list[Pair]]] = {language: defaultdict(list) for language in LANGUAGES}
        for (first, second), by_language in sorted(shown.items(), key=lambda item: _key(item[0])):
            # The same pages in both languages, as each leads to the other.
            if min(map(len, by_language.values())) < FEWEST_N or not self._is_narrower(first, second, by_language):
                continue
            for language, entries in by_language.items():
                pair = Pair(first, second, entries)
                result[language][first].append(pair)
                result[language][second].append(pair)
        return result

    def _is_narrower(self, first: Subject, second: Subject, by_language: dict[str, tuple[LibraryRecord, ...]]) -> bool:
        """Whether one of the two has more records than both together."""
        return any(
            len(entries) < max(self.count(first, language), self.count(second, language))
            for language, entries in by_language.items()
        )

    def count(self, subject: Subject, language: str) -> int:
        """How many records a subject has."""
        return len(self.entries(subject, language))

    def entries(self, subject: Subject, language: str) -> list[LibraryRecord]:
        """The records of a subject, newest first."""
        if (subject, language) not in self._entries:
            own = self._library.of_kind if subject.scheme == KIND else None
            found = (
                own(subject.term, language) if own else self._library.with_term(subject.scheme, subject.term, language)
            )
            self._entries[subject, language] = found
        return self._entries[subject, language]

    def pairs(self, language: str) -> list[Pair]:
        """Every pair that has a page, in a fixed order."""
        return [
            pair for subject, pairs in self._by_language[language].items() for pair in pairs if pair.first == subject
        ]

    def of(self, subject: Subject, language: str) -> list[Pair]:
        """The pairs of a subject that have a page."""
        return self._by_language[language].get(subject, [])

    def pair(self, first: Subject, second: Subject, language: str) -> Pair | None:
        """The pair of these two, None when it has no page."""
        return next((pair for pair in self.of(first, language) if pair.other(first) == second), None)

    def narrower(self, subject: Subject, language: str) -> list[tuple[str, list[tuple[Subject, Pair]]]]:
        """By scheme what the records of a subject can be narrowed to: those with most records first. What all of them
        have in common narrows nothing.
        """
        most = self.count(subject, language)
        found: dict[str, list[tuple[Subject, Pair]]] = {scheme: [] for scheme in (*BROWSE_SCHEMES, KIND)}
        for pair in self.of(subject, language):
            if len(pair.entries) < most:
                other = pair.other(subject)
                found[other.scheme].append((other, pair))
        for same in found.values():
            same.sort(key=lambda item: (-len(item[1].entries), item[0].term))
        return [(scheme, same) for scheme, same in found.items() if same]


def _terms(entry: LibraryRecord) -> dict[str, tuple[str, ...]]:
    document = entry.record.document
    return {
        "sectors": tuple(document.sectors),
        "technology_types": tuple(document.technology_types),
        "audiences": entry.audiences,
        KIND: (entry.record.kind,),
    }


def _key(pair: tuple[Subject, Subject]) -> tuple[str, ...]:
    return tuple(text for subject in pair for text in (subject.scheme, subject.term))
