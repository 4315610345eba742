"""What to do first, and what helps: a plan in order of what is gained, with records of the release for each dimension.

The rule of order: dimensions farthest from their target come first; of those equally far, the one in which most peers
are at the next step already, as it has been shown to be within reach; then in the instrument's order.

The rule of help: a record helps with a dimension when one of the dimension's words (``helps`` in the instrument) stands
in its heading or summary, when it is about one of the dimension's technology types and a word stands in its text, or
when three of the words do. It must be for the organisation's sector or for all, and questions for the audience. First
come those with most words in the heading, then in the summary, then those of one of the technology types, those of the
very sector, and the newest.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from hubs.instruments import Helps, Instrument, Question
from pipelines.gap.compare import Place, period_for, place
from pipelines.gap.read import Answers, Own
from pipelines.gap.release import Release
from pipelines.gap.targets import HIGHEST_LEVEL

KINDS = ("case_study", "faq", "signpost", "requirement")
"""Kinds of record that help, in the order in which they are shown."""
MAX_HELPS = 3
"""Records of a kind for one dimension."""
MAX_QUESTIONS = 3
"""Questions of a dimension, those answered lowest."""
WORDS_IN_TEXT = 3
"""Different words in the text alone that show what it is about: one may stand there by chance."""
EVERY_SECTOR = "cross_sector"
"""The term that records for all sectors name; those that name none are for all too."""


@dataclass(frozen=True)
class Help:
    """A record that helps with a dimension. ``words`` and ``technology_types`` say by what it was found."""

    record: Mapping[str, Any]
    words: tuple[str, ...]
    technology_types: tuple[str, ...]


@dataclass(frozen=True)
class PlanEntry:
    """One entry of the plan: a dimension, the ``questions`` answered lowest with the level of each, and what helps, by
    kind.
    """

    place: Place
    questions: tuple[tuple[Question, int], ...]
    helps: Mapping[str, tuple[Help, ...]]


@dataclass(frozen=True)
class Assessment:
    """One instrument and audience. ``period`` is the one compared with, None when the release has no figures;
    ``places`` are in the instrument's order, ``steps`` in that of the plan.
    """

    instrument: Instrument
    audience: str
    respondents: int
    period: str | None
    places: tuple[Place, ...]
    steps: tuple[PlanEntry, ...]


@dataclass(frozen=True)
class Analysis:
    """A whole gap analysis. ``before`` is the earlier return, None without one."""

    own: Own
    before: Own | None
    release: Release
    language: str
    assessments: tuple[Assessment, ...]


def analyse(
    own: Own,
    before: Own | None,
    release: Release,
    banks: Mapping[str, Instrument],
    *,
    targets: Mapping[str, int],
    language: str,
) -> Analysis:
    """Compare ``own`` with the release, with ``targets`` (the next level where there is none) and with ``before``.

    Records are those in ``language`` (``en`` or ``cy``) where there is a translation.
    """
    shelf = _in_language(release.records, language)
    assessments = []
    for (name, audience), answers in own.answers.items():
        bank = banks[name]
        period = period_for(release, name, audience, own.period)
        asked = {question.dimension for question in bank.asked_of(audience)}
        places = tuple(
            place(
                own,
                (period, name, audience, dimension),
                (answers.levels.get(dimension), targets.get(dimension), _level(before, (name, audience), dimension)),
                release,
            )
            for dimension in bank.dimensions
            if dimension in asked
        )
        sector = own.described.get("sector")
        steps = tuple(
            PlanEntry(
                found,
                lowest(answers, bank, audience, found.dimension),
                helping(shelf, bank.helps.get(found.dimension), sector, audience),
            )
            for found in in_order(places)
        )
        assessments.append(Assessment(bank, audience, answers.respondents, period, places, steps))
    return Analysis(own, before, release, language, tuple(assessments))


def _level(before: Own | None, key: tuple[str, str], dimension: str) -> int | None:
    answers = before.answers.get(key) if before else None
    return answers.levels.get(dimension) if answers else None


def in_order(places: Iterable[Place]) -> list[Place]:
    """The places whose target is not reached, in the order of the plan."""
    behind = [found for found in places if found.distance]
    return sorted(behind, key=lambda found: (-found.distance, -(found.share_at_next or 0)))


def lowest(answers: Answers, bank: Instrument, audience: str, dimension: str) -> tuple[tuple[Question, int], ...]:
    """The questions of the dimension answered lowest, all on one level below the highest, each with that level."""
    levels = [
        (question, level)
        for question in bank.asked_of(audience)
        if question.dimension == dimension and (level := answers.questions.get(question.id)) is not None
    ]
    least = min((level for _, level in levels), default=HIGHEST_LEVEL)
    return tuple((q, level) for q, level in levels if level == least < HIGHEST_LEVEL)[:MAX_QUESTIONS]


# What helps.


def helping(
    records: Sequence[Mapping[str, Any]], helps: Helps | None, sector: str | None, audience: str
) -> dict[str, tuple[Help, ...]]:
    """The records that help, by kind; kinds of which none does are left out. Without a sector, all sectors will do."""
    if helps is None:
        return {}
    found: dict[str, list[tuple[tuple[Any, ...], Help]]] = {kind: [] for kind in KINDS}
    for record in records:
        if record["kind"] in found and _is_for(record, sector, audience) and (match := _match(record, helps)):
            in_heading, in_summary, help = match
            rank = (
                -in_heading,
                -in_summary,
                not help.technology_types,
                sector not in record["sectors"],
                _descending(record.get("updated") or record.get("published") or ""),
                record["id"],
            )
            found[record["kind"]].append((rank, help))
    return {
        kind: tuple(help for _, help in sorted(matches, key=lambda match: match[0])[:MAX_HELPS])
        for kind, matches in found.items()
        if matches
    }


def _descending(day: str) -> tuple[int, ...]:
    return tuple(-ord(character) for character in day)


def _is_for(record: Mapping[str, Any], sector: str | None, audience: str) -> bool:
    sectors = record.get("sectors") or [EVERY_SECTOR]
    audiences = record.get("audience") or [audience]
    return audience in audiences and (sector is None or sector in sectors or EVERY_SECTOR in sectors)


def _match(record: Mapping[str, Any], helps: Helps) -> tuple[int, int, Help] | None:
    words = helps.words.get(record["language"], ())
    heading = _found(words, record.get("title") or record.get("question") or "")
    summary = _found(words, record.get("summary") or "")
    types = tuple(sorted(helps.technology_types & set(record.get("technology_types") or ())))
    text = [] if heading or summary else _found(words, record.get("text") or "")
    if not heading and not summary and len(text) < (1 if types else WORDS_IN_TEXT):
        return None
    return len(heading), len(summary), Help(record, tuple(dict.fromkeys((*heading, *summary, *text))), types)


def _found(words: tuple[str, ...], text: str) -> list[str]:
    """Those of ``words`` with which a word of the text begins."""
    return list(dict.fromkeys(found.casefold() for found in _pattern(words).findall(text))) if words else []


@lru_cache(maxsize=64)
def _pattern(words: tuple[str, ...]) -> re.Pattern[str]:
    longest_first = sorted(words, key=lambda word: -len(word))
    return re.compile(rf"(?<!\w)(?:{'|'.join(map(re.escape, longest_first))})", re.IGNORECASE)


def _in_language(records: Sequence[Mapping[str, Any]], language: str) -> list[Mapping[str, Any]]:
    """Each text once: in ``language`` where there is one, else as it is. Near copies stay, each a record of its own."""
    known = {record["id"]: record for record in records}
    chosen: dict[str, Mapping[str, Any]] = {}
    for record in records:
        other = (record.get("translations") or {}).get(language, record["id"])
        kept = record if record["language"] == language else known.get(other, record)
        chosen[kept["id"]] = kept
    return list(chosen.values())
