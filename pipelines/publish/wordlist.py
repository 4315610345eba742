"""Which records have a word in their heading or summary. Built once a release, for all that finds records by words; no
ranking lives here.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cached_property

from pipelines.edition import LibraryRecord

_WORD = re.compile(r"[^\W_]+")


def words_of(text: str) -> set[str]:
    """The words of a text, without case; what stands on either side of a hyphen or an apostrophe is a word each."""
    return set(_WORD.findall(text.casefold()))


class Words:
    """The words of headings and summaries, each with the ids of the records that have it, in the order given. Looked up
    when they are asked for first.
    """

    def __init__(self, entries: Iterable[LibraryRecord]) -> None:
        self._entries = tuple(entries)

    @cached_property
    def in_heading(self) -> dict[str, list[str]]:
        """The ids of the records by the words of their headings."""
        return self._index(lambda entry: entry.record.document.heading)

    @cached_property
    def in_summary(self) -> dict[str, list[str]]:
        """The ids of the records by the words of their summaries."""
        return self._index(lambda entry: entry.abstract)

    def _index(self, text_of: Callable[[LibraryRecord], str]) -> dict[str, list[str]]:
        found: dict[str, list[str]] = defaultdict(list)
        for entry in self._entries:
            for word in words_of(text_of(entry)):
                found[word].append(entry.id)
        return dict(found)

    @cached_property
    def _sorted(self) -> tuple[list[str], list[str]]:
        return sorted(self.in_heading), sorted(self.in_summary)

    def heading_begins(self, beginning: str) -> set[str]:
        """The ids of the records in whose heading a word begins so."""
        return {id for word in _beginning(self._sorted[0], beginning) for id in self.in_heading[word]}

    def summary_begins(self, beginning: str) -> set[str]:
        """The ids of the records in whose summary a word begins so."""
        return {id for word in _beginning(self._sorted[1], beginning) for id in self.in_summary[word]}


def _beginning(words: Sequence[str], beginning: str) -> Iterator[str]:
    """Those of sorted ``words`` that begin so."""
    place = bisect_left(words, beginning)
    while place < len(words) and words[place].startswith(beginning):
        yield words[place]
        place += 1
