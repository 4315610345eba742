"""The words of the glossary where they stand: which terms a text uses, and a link around the first of each.

The meanings themselves are listed on the page, by ``templates/record.html``, and shown beside the word by
``templates/static/terms.js``. A link carries the id of its term (``data-term``): when the term is taken down, the link
is unwrapped and the word of the other record's text stays (``redact``).

A term is found by its heading, as whole words, however they are parted by spaces; with or without a plural s. Of a
heading such as "API (application programming interface)" both names count, as one is short for the other. Capital
letters count in what is short for something: IT is no it. Where two terms begin at the same word, the longer one is
meant; where two hubs explain the same word, the record's own hub, then the newest.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape

from pipelines.edition import LibraryRecord

MOST_N = 12
"""Terms explained on one page: more would be a second text."""
SHORTEST_N = 3
"""Characters of a name that is not short for something."""

_PIECE = re.compile(r'<[^<>"]*(?:"[^"]*"[^<>"]*)*>|&[#\w]+;|[^\W_]+')
"""A tag, a character reference or a word."""
_LEFT_ALONE = frozenset({"a", "code", "pre", "kbd", "samp", "dfn", "abbr", *(f"h{level}" for level in range(1, 7))})
_TAG_NAME = re.compile(r"</?([a-z][a-z0-9]*)")
_WITH_BRACKETS = re.compile(r"(.+?)\s*\(([^()]+)\)\s*")
_WORD = re.compile(r"[^\W_]+")


@dataclass(frozen=True)
class Name:
    """One name of a term. ``text`` is without case, unless it ``has_case``; ``words_n`` words are in it."""

    text: str
    has_case: bool
    words_n: int
    entry: LibraryRecord

    def is_in(self, text: str) -> bool:
        """Whether ``text`` is this name, or its plural."""
        told = text if self.has_case else text.casefold()
        return told in (self.text, f"{self.text}s")


def names_of(heading: str) -> list[str]:
    """The names that a heading gives to a term: what stands in brackets counts when one is short for the other."""
    split = _WITH_BRACKETS.fullmatch(heading)
    if split is None:
        return [heading.strip()]
    outside, inside = split[1].strip(), split[2].strip()
    return [outside, inside] if is_short_for(outside, inside) or is_short_for(inside, outside) else [outside]


def is_short_for(short: str, long: str) -> bool:
    """Whether ``short`` is an abbreviation of ``long``: one word whose letters begin words of it, in their order."""
    initials = iter([word[0].casefold() for word in _WORD.findall(long)])
    letters = [letter.casefold() for letter in short if letter.isalpha()]
    if len(short.split()) != 1 or len(letters) < 2 or len(long.split()) < 2:  # noqa: PLR2004 - fewer begin nothing
        return False
    capitals = [letter.casefold() for letter in short if letter.isupper()]
    # NaPTAN takes more than one letter of a word; its capitals are still those that begin words.
    return all(letter in initials for letter in (capitals if len(capitals) > 1 else letters))


class Glossary:
    """The terms of one language."""

    def __init__(self, terms: Iterable[LibraryRecord]) -> None:
        """``terms`` in the order in which they come first."""
        first: dict[str, list[Name]] = defaultdict(list)
        for entry in terms:
            names = names_of(entry.record.document.heading)
            for name in names:
                words = _WORD.findall(name)
                has_case = sum(letter.isupper() for letter in name) > 1 and len(words) == 1
                if not words or (len(name) < SHORTEST_N and not has_case):
                    continue
                text = " ".join(name.split()) if has_case else " ".join(name.casefold().split())
                found = Name(text, has_case, len(words), entry)
                for key in (
                    {words[0].casefold(), f"{words[0].casefold()}s"} if len(words) == 1 else {words[0].casefold()}
                ):
                    first[key].append(found)
        self._first = {
            key: sorted(found, key=lambda name: (-name.words_n, -len(name.text))) for key, found in first.items()
        }

    def explain(self, parts: Sequence[str], about: LibraryRecord) -> tuple[list[str], list[LibraryRecord]]:
        """The same safe HTML with a link around the first occurrence of each term in all of ``parts``, and the terms in
        the order in which they occur. ``about`` is the record whose text it is: no term is explained by itself.
        """
        if all(not self._first or self._first.keys().isdisjoint(_WORD.findall(html.casefold())) for html in parts):
            return list(parts), []  # quickly seen
        own = {name.casefold() for name in names_of(about.record.document.heading)}
        own_ids = {about.id, *about.translations.values()}
        used: dict[str, LibraryRecord] = {}
        return [self._explained(html, about, own, own_ids, used) for html in parts], list(used.values())

    def _explained(
        self, html: str, about: LibraryRecord, own: set[str], own_ids: set[str], used: dict[str, LibraryRecord]
    ) -> str:
        pieces = list(_PIECE.finditer(html))
        done: list[str] = []
        end = depth = place = 0
        while place < len(pieces) and len(used) < MOST_N:
            piece = pieces[place]
            place += 1
            text = piece[0]
            if text[0] == "<":
                tag = _TAG_NAME.match(text)
                if tag and tag[1] in _LEFT_ALONE:
                    depth += -1 if text[1] == "/" else 1
                continue
            if depth or (found := self._first.get(text.casefold())) is None:
                continue
            match = self._match(html, pieces, place - 1, found)
            if match is None:
                continue
            stop, names = match
            place += names[0].words_n - 1
            entry = next((name.entry for name in names if name.entry.record.hub == about.record.hub), names[0].entry)
            is_own = not own_ids.isdisjoint(name.entry.id for name in names) or names[0].text.casefold() in own
            if is_own or entry.id in used:
                continue
            used[entry.id] = entry
            done.append(html[end : piece.start()])
            done.append(
                f'<a class="hp-term" href="#{place_of(entry)}" data-term="{escape(entry.id)}">'
                f"{html[piece.start() : stop]}</a>"
            )
            end = stop
        return "".join(done) + html[end:]

    @staticmethod
    def _match(
        html: str, pieces: Sequence[re.Match[str]], place: int, found: Sequence[Name]
    ) -> tuple[int, list[Name]] | None:
        """Where the longest name ends that begins here, and all terms that are called so."""
        for name in found:
            last = place + name.words_n - 1
            if last < len(pieces):
                text = " ".join(html[pieces[place].start() : pieces[last].end()].split())
                if name.is_in(text):
                    same = [other for other in found if other.words_n == name.words_n and other.is_in(text)]
                    return pieces[last].end(), same
        return None


def place_of(entry: LibraryRecord) -> str:
    """The id of a term's meaning on a page that uses it. Headings never have two hyphens in their ids."""
    return f"word--{entry.slug}"
