"""Which records belong beside one another: a handful of each kind, by what they share. What is much the same text is
found elsewhere (``consolidate``).

Two records share technology types, sectors, and words of their headings that few headings have. Work grows with the
library and not with its square: of each subject only the newest records of each kind compete, and words that many
headings have count for nothing.
"""

from __future__ import annotations

from collections import defaultdict
from functools import cached_property

from hubs.contract.records import Record
from pipelines.edition import LibraryRecord
from pipelines.publish.views import NO_SECTOR, Library
from pipelines.publish.wordlist import Words, words_of

KINDS = ("case_study", "requirement", "faq", "signpost", "term")
"""In the order in which they are shown."""
MOST_N = 3
"""Records of a kind."""
CANDIDATES_N = 25
"""Records of a kind and subject that compete, the newest."""
RARE_N = 40
"""Headings that may have a word for it to count, in a large library; in a small one, one in ``RARE_OF``."""
RARE_OF = 50
FEWEST_RARE_N = 3
SHORTEST_N = 4
"""Characters of a word that counts."""
WEIGHTS = {"word": 4, "technology_types": 3, "sectors": 1}
ELSEWHERE = -2
"""The weight of naming only sectors that the other does not name, where neither is for all sectors."""
ENOUGH = 2
"""The least that two records share to stand beside one another: one sector is not enough, and neither is one technology
in another sector.
"""


class Related:
    """The related records of a library, worked out once for both languages."""

    def __init__(self, library: Library, words: Words) -> None:
        self._library = library
        self._words = words
        self._found: dict[str, dict[str, list[str]]] = {}

    @cached_property
    def _by_subject(self) -> dict[tuple[str, str], dict[str, list[str]]]:
        """The newest ids of each subject, by kind."""
        found: dict[tuple[str, str], dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
        for id in self._library.order:
            record = self._library.records[id].record
            for scheme in ("technology_types", "sectors"):
                for term in getattr(record.document, scheme):
                    same = found[scheme, term][record.kind]
                    if len(same) < CANDIDATES_N:
                        same.append(id)
        return found

    @cached_property
    def _known(self) -> dict[str, tuple[str, frozenset[str]]]:
        """The kind and the sectors of each record."""
        return {id: (entry.record.kind, _sectors(entry.record)) for id, entry in self._library.records.items()}

    def of(self, entry: LibraryRecord, language: str) -> list[tuple[str, list[LibraryRecord]]]:
        """The related records by kind, best first, each text once, in ``language`` where there is one. Translations of
        the record and what is much the same text are not among them; a glossary only beside a term.
        """
        if entry.id not in self._found:
            self._found[entry.id] = self._ranked(entry)
        same = {entry.id, *entry.translations.values(), *(link.id for link in entry.related)}
        groups = []
        for kind, ids in self._found[entry.id].items():
            found: dict[str, LibraryRecord] = {}
            for id in ids:
                other = self._library.in_language(self._library.records[id], language)
                if other.id not in same:
                    found[other.id] = other
                if len(found) == MOST_N:
                    break
            if found:
                groups.append((kind, [*found.values()]))
        return groups

    def _ranked(self, entry: LibraryRecord) -> dict[str, list[str]]:
        own = entry.record
        shared: defaultdict[str, int] = defaultdict(int)
        for scheme in ("technology_types", "sectors"):
            for term in getattr(own.document, scheme):
                if term != NO_SECTOR:
                    for ids in self._by_subject[scheme, term].values():
                        for id in ids:
                            shared[id] += WEIGHTS[scheme]
        most = min(RARE_N, max(FEWEST_RARE_N, len(self._library.records) // RARE_OF))
        for word in words_of(own.document.heading):
            ids = self._words.in_heading[word]
            if len(word) >= SHORTEST_N and len(ids) <= most:
                for id in ids:
                    shared[id] += WEIGHTS["word"]
        grouped: dict[str, list[tuple[int, int, str]]] = {kind: [] for kind in KINDS}
        sectors = _sectors(own)
        for id, common in shared.items():
            if common < ENOUGH:
                continue
            kind, theirs = self._known[id]
            is_elsewhere = sectors and theirs and sectors.isdisjoint(theirs)
            weight = common + (ELSEWHERE if is_elsewhere else 0)
            if weight >= ENOUGH and (kind != "term" or own.kind == "term"):
                grouped[kind].append((-weight, self._library.order[id], id))
        # Translations stand beside their originals, and some records are left out later: twice as many, and a few.
        return {kind: [id for *_, id in sorted(found)[: 2 * MOST_N + 4]] for kind, found in grouped.items() if found}


def _sectors(record: Record) -> frozenset[str]:
    """The sectors that a record is for; none when it is for all."""
    named = frozenset(record.document.sectors)
    return frozenset() if NO_SECTOR in named else named
