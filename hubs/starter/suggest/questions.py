"""Finding the questions of known instruments among the columns of a survey, by their wording.

What is not found there is a doubt, never an answer.
"""

from __future__ import annotations

import difflib
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from hubs.instruments import Instrument
from hubs.mapping.readers.rows import column_name
from hubs.starter.suggest.doubts import shown
from hubs.starter.suggest.fields import SOME
from hubs.starter.suggest.scales import Scale, scale_of, shares_of

ALIKE = 0.72
"""Likeness from which a column's wording is taken for that of a question."""
MOST_LINES = 6
"""Lines of a column's name that are looked at."""
MAX_HEADER_CHARACTERS = 400
MOST_NAMED = 15
"""Questions without a place that are named in a doubt."""
_STOP = {
    *("a", "an", "the", "and", "or", "of", "to", "in", "on", "for", "with", "by", "at", "from", "is", "are", "was"),
    *("were", "be", "been", "being", "do", "does", "did", "have", "has", "had", "you", "your", "yours", "i", "my"),
    *("me", "we", "our", "us", "it", "its", "this", "that", "these", "those", "there", "how", "what", "which", "who"),
    *("when", "where", "why", "please", "rate", "following"),
}
"""Words that tell no question from another."""


@dataclass(frozen=True, eq=False)
class Column:
    """A column of a survey with its different answers and their counts."""

    number: int
    name: str
    answers: Counter[str]

    @cached_property
    def scale(self) -> Scale | None:
        """The scale of its answers; None if they are on none, so are words or names."""
        return scale_of(self.answers)

    @cached_property
    def shares(self) -> Scale | None:
        """A scale for numbers of any size, such as shares, which only the hub can really say."""
        return shares_of(self.answers)

    @property
    def levels(self) -> Scale | None:
        """How its answers become levels: by a scale or, failing that, as shares."""
        return self.scale or self.shares


def first_called(columns: list[Column], names: tuple[str, ...]) -> Column | None:
    """The first column called by one of the names, the likeliest name first."""
    for name in names:
        for column in columns:
            if column_name(column.name) == name:
                return column
    return None


def _question_texts(header: str) -> list[str]:
    """What a column may ask: its whole header, and what survey tools put into brackets, without their codes."""
    header = header[:MAX_HEADER_CHARACTERS]
    texts = []
    for line in header.split("\n")[:MOST_LINES]:
        bare = re.sub(r"^[\w.]{1,20}(?:\[[^\]]{0,20}\])?\s*[.:)]\s+", "", line)
        texts += [*re.findall(r"\[([^\]]{12,})\]", bare), bare]
    return texts


@dataclass(frozen=True)
class Match:
    """A column that asks a question of an instrument, with how alike their wordings are: 1 is the same."""

    question: str
    column: Column
    likeness: float
    wording: str


@dataclass(frozen=True)
class Known:
    """An instrument and which of its questions are asked."""

    instrument: str
    matches: list[Match]


def known_questions(columns: list[Column], banks: Mapping[str, Instrument]) -> Known:
    """The instrument that most columns ask, and which of its questions each asks. Each question and column but once."""
    best = Known(min(banks, default="instrument-v1"), [])
    for name, bank in sorted(banks.items()):
        texts = {question.id: _words(question.text["en"]) for question in bank.questions.values()}
        pairs = []
        for column in columns:
            asked = [_words(text) for text in _question_texts(column.name)]
            for identifier, text in texts.items():
                is_called_so = column_name(column.name) == column_name(identifier)
                alike = max((_likeness(one, text) for one in asked if _may_be(one, text)), default=0.0)
                if is_called_so or alike >= ALIKE:
                    wording = bank.questions[identifier].text["en"]
                    pairs.append(Match(identifier, column, 1.0 if is_called_so else alike, wording))
        chosen: list[Match] = []
        for pair in sorted(pairs, key=lambda pair: (-pair.likeness, pair.column.number, pair.question)):
            if pair.question not in {c.question for c in chosen} and pair.column not in [c.column for c in chosen]:
                chosen.append(pair)
        if len(chosen) > len(best.matches):
            best = Known(name, chosen)
    return best


def _may_be(one: list[str], other: list[str]) -> bool:
    """Whether two texts share words enough to be alike at all: the quick half of a slow question."""
    return 2 * len(set(one) & set(other)) >= ALIKE * min(len(one), len(other))


def match_doubts(match: Match) -> tuple[str, ...]:
    """What speaks against a match."""
    if match.likeness == 1.0:
        return ()
    return (f"taken for '{shown(match.wording)}' because {match.likeness:.0%} of the wording is alike.",)


def unmatched(scales: list[Column], usable: list[Match], banks: Mapping[str, Instrument]) -> tuple[str, ...]:
    """The doubt about columns that have a scale but no question, with the question that is nearest to each."""
    taken = {match.column.number for match in usable}
    left = [column for column in scales if column.number not in taken]
    if not left:
        return ()
    texts = {f"{name} {q.id}": _words(q.text["en"]) for name, bank in banks.items() for q in bank.questions.values()}
    lines = [f"{len(left)} columns have answers on a scale, but no question of an instrument is worded alike:"]
    for column in left[:MOST_NAMED]:
        asked = _words(_question_texts(column.name)[0])
        alike, nearest = max(((_likeness(asked, text), name) for name, text in texts.items()), default=(0.0, ""))
        hint = f" (nearest: {nearest}, {alike:.0%})" if alike > SOME else ""
        lines.append(f"'{shown(column.name)}'{hint}")
    if len(left) > MOST_NAMED:
        lines.append(f"and {len(left) - MOST_NAMED} more")
    return ("\n".join(lines),)


def _words(text: str) -> list[str]:
    """The telling words of a question, in order, without endings."""
    found = re.findall(r"[a-z0-9]+", text.casefold())
    return [re.sub(r"(?:ing|ed|es|s|d|e)$", "", word) if len(word) > 4 else word for word in found if word not in _STOP]  # noqa: PLR2004


def _likeness(one: list[str], other: list[str]) -> float:
    """How alike two texts are by their words and their order, from 0 to 1."""
    shared = len(set(one) & set(other))
    if not shared:
        return 0.0
    return difflib.SequenceMatcher(None, one, other, autojunk=False).ratio()
