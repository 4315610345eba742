"""What to do first, and what helps: a plan in order of what is gained, with records of the release for each dimension.

The rule of order: dimensions farthest from their target come first; of those equally far, the one in which most peers
are at the next step already, as it has been shown to be within reach; then in the instrument's order.

Which records help is for ``pipelines.helps``. The same is worked out in readers' browsers: what changes here changes in
``templates/static/gap.js`` too (docs/adr/0030), and a test holds them equal.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from hubs.instruments import Instrument, Question
from pipelines.gap.compare import Place, period_for, place
from pipelines.gap.read import Answers, Own
from pipelines.gap.release import Release
from pipelines.gap.targets import HIGHEST_LEVEL
from pipelines.helps import Help, helping, in_language

MAX_QUESTIONS = 3
"""Questions of a dimension, those answered lowest."""


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
    shelf = in_language(release.records, language)
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
