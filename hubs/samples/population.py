"""The invented organisations behind the sample returns, and their answers, drawn from one fixed seed.

Here: who answers, how mature they are and what they say, as numbers. Not here: files, hubs' own wording, mistakes.
Only ``Generator.random`` of PCG64 is used and sums are exact, so the same seed gives the same answers on any machine.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from hubs.instruments import Instrument, Question, instruments

SEED = "hubpacks sample returns 1"
INSTRUMENT = "interop-baseline-v1"
PERIODS = ("2025-Q4", "2026-Q1", "2026-Q2", "2026-Q3")
AUDIENCES = ("decision_maker", "procurement_professional")
KEY_LETTERS = "abcdefghijkmnpqrstuvwxyz23456789"
KEY_LENGTH = 10
SIZE_BANDS = ("under_50", "50_to_249", "250_to_999", "1000_to_4999", "5000_and_over")

ENGLAND = {
    "north_east": 6,
    "north_west": 14,
    "yorkshire_and_the_humber": 10,
    "east_midlands": 10,
    "west_midlands": 11,
    "east_of_england": 11,
    "london": 12,
    "south_east": 15,
    "south_west": 11,
}
"""Weights in per cent; roughly where public bodies are."""


@dataclass(frozen=True)
class Group:
    """Organisations of one type that a hub reaches. ``sizes`` are counts per band of ``SIZE_BANDS``;
    ``regions`` are fixed counts, and whatever remains is spread over England.
    """

    hub: str
    sector: str
    organisation_type: str
    sizes: tuple[int, int, int, int, int]
    regions: Mapping[str, int]


GROUPS = (
    Group("local-government", "local_government", "council", (0, 4, 38, 34, 14), {"northern_ireland": 3}),
    Group("local-government", "local_government", "combined_authority", (0, 3, 4, 1, 0), {}),
    Group("health", "health", "nhs_provider", (0, 0, 2, 14, 21), {"northern_ireland": 3, "wales": 2, "scotland": 2}),
    Group("health", "health", "nhs_commissioner", (0, 2, 8, 1, 0), {}),
    Group("health", "health", "care_provider", (4, 3, 2, 0, 0), {"wales": 3, "scotland": 2}),
    Group("education", "education", "school_trust", (8, 11, 5, 2, 0), {"wales": 3, "scotland": 3}),
    Group("education", "education", "college", (0, 3, 12, 4, 0), {"northern_ireland": 3, "wales": 1, "scotland": 2}),
    Group("education", "education", "university", (0, 0, 1, 5, 2), {"wales": 1, "scotland": 2}),
    Group("housing", "housing", "housing_provider", (6, 14, 14, 6, 0), {"wales": 5, "scotland": 4}),
    Group("transport", "transport", "transport_body", (2, 8, 7, 5, 0), {"wales": 2, "scotland": 2}),
    Group("transport", "transport", "charity", (4, 0, 0, 0, 0), {"wales": 1}),
    Group("emergency-services", "emergency_services", "police", (0, 0, 0, 11, 6), {"northern_ireland": 1}),
    Group("emergency-services", "emergency_services", "fire_and_rescue", (0, 0, 6, 8, 0), {"northern_ireland": 1}),
    Group("infrastructure", "infrastructure", "utility", (0, 1, 3, 6, 2), {"wales": 1, "scotland": 1, "uk_wide": 1}),
    Group("justice", "justice", "justice_body", (0, 0, 3, 4, 2), {"uk_wide": 1}),
    # The two hubs of a nation reach bodies of many sectors, so that no sector group rests on its own hub alone.
    Group("wales", "local_government", "council", (0, 0, 0, 12, 5), {"wales": 17}),
    Group("wales", "health", "nhs_provider", (0, 0, 1, 2, 6), {"wales": 9}),
    Group("wales", "health", "care_provider", (1, 2, 0, 0, 0), {"wales": 3}),
    Group("wales", "education", "school_trust", (2, 5, 1, 0, 0), {"wales": 8}),
    Group("wales", "education", "college", (0, 0, 4, 2, 0), {"wales": 6}),
    Group("wales", "housing", "housing_provider", (0, 5, 5, 2, 0), {"wales": 12}),
    Group("wales", "transport", "transport_body", (1, 3, 3, 1, 0), {"wales": 8}),
    Group("wales", "emergency_services", "police", (0, 0, 0, 3, 1), {"wales": 4}),
    Group("wales", "emergency_services", "fire_and_rescue", (0, 0, 1, 2, 0), {"wales": 3}),
    Group("wales", "emergency_services", "nhs_provider", (0, 0, 0, 1, 0), {"wales": 1}),
    Group("wales", "infrastructure", "utility", (0, 0, 1, 1, 0), {"wales": 2}),
    Group("scotland", "local_government", "council", (0, 0, 0, 13, 9), {"scotland": 22}),
    Group("scotland", "health", "nhs_provider", (0, 0, 1, 4, 8), {"scotland": 13}),
    Group("scotland", "health", "care_provider", (1, 1, 0, 0, 0), {"scotland": 2}),
    Group("scotland", "education", "school_trust", (1, 4, 0, 0, 0), {"scotland": 5}),
    Group("scotland", "education", "college", (0, 1, 6, 1, 0), {"scotland": 8}),
    Group("scotland", "housing", "housing_provider", (1, 6, 4, 1, 0), {"scotland": 12}),
    Group("scotland", "transport", "transport_body", (0, 4, 3, 2, 0), {"scotland": 9}),
    Group("scotland", "emergency_services", "police", (0, 0, 0, 0, 1), {"scotland": 1}),
    Group("scotland", "emergency_services", "fire_and_rescue", (0, 0, 1, 1, 1), {"scotland": 3}),
    Group("scotland", "emergency_services", "nhs_provider", (0, 0, 0, 0, 1), {"scotland": 1}),
    Group("scotland", "infrastructure", "utility", (0, 0, 1, 1, 0), {"scotland": 2}),
)

SHARED = {"wales": ("health", "housing", "education"), "scotland": ("health", "housing")}
"""One Welsh or Scottish member of each of these hubs sends the same return to the nation's hub as well."""

DIMENSION_LEVEL = {
    "governance": 2.2,
    "legal": 2.4,
    "organisational": 2.1,
    "semantic": 1.9,
    "technical": 2.2,
    "skills": 1.9,
    "procurement": 1.4,
    "legacy": 1.3,
    "security": 2.9,
    "reuse": 1.8,
}
SECTOR_EFFECT: dict[str, dict[str, float]] = {
    "local_government": {"reuse": 0.6, "organisational": 0.2, "procurement": 0.1},
    "health": {"all": 0.1, "security": 0.6, "semantic": 0.6, "legal": 0.2, "legacy": -0.3, "reuse": -0.3},
    "education": {"all": -0.15, "technical": -0.6, "skills": -0.3, "security": -0.3},
    "housing": {"all": -0.1, "semantic": -0.2, "legacy": -0.3, "reuse": -0.2},
    "transport": {"technical": 0.3, "reuse": 0.6, "legal": -0.2},
    "emergency_services": {"security": 0.7, "organisational": 0.5, "technical": -0.2, "legacy": -0.3},
    "infrastructure": {"all": 0.15, "technical": 0.4, "security": 0.4, "reuse": -0.5},
    "justice": {"all": -0.1, "legal": 0.6, "legacy": -0.7},
}
SIZE_EFFECT: dict[str, tuple[float, float, float, float, float]] = {
    "governance": (-0.7, -0.35, 0.0, 0.3, 0.55),
    "legacy": (0.6, 0.35, 0.0, -0.3, -0.5),
    "skills": (-0.35, -0.2, 0.0, 0.1, 0.25),
    "procurement": (-0.4, -0.2, 0.0, 0.15, 0.3),
    "security": (-0.4, -0.2, 0.0, 0.1, 0.2),
}
AUDIENCE_EFFECT = {
    "decision_maker": {"governance": 0.15, "skills": 0.1},
    "procurement_professional": {"governance": -0.15, "procurement": 0.15, "legacy": -0.15, "skills": -0.1},
}
QUARTERLY_GAIN = {"skills": 0.12, "reuse": 0.11, "procurement": 0.1, "legacy": 0.03}
USUAL_QUARTERLY_GAIN = 0.07

NOT_APPLICABLE = 0.02
NOT_APPLICABLE_WHEN_TINY = {"procurement": 0.08, "legacy": 0.08, "technical": 0.05}
JOINS_BY = (0.94, 0.97, 0.99, 1.0)
"""Share of organisations that have sent a first return by each quarter."""
SKIPS_A_QUARTER = 0.04
ANSWERS = {"decision_maker": 0.95, "procurement_professional": 0.9}
ANSWERS_WHEN_TINY = {"decision_maker": 1.0, "procurement_professional": 0.45}
RESPONDENTS = (0.6, 0.9, 1.0)
"""Cumulative: one, two or three people answer for one organisation and audience."""


@dataclass(frozen=True)
class Organisation:
    """An invented organisation. ``number`` is the place in the population and is never published."""

    number: int
    hubs: tuple[str, ...]
    sector: str
    organisation_type: str
    size_band: str
    region: str


@dataclass(frozen=True)
class Response:
    """One person's answers in one quarter: ``levels`` by question id, 0 to 5, None where not applicable."""

    organisation: Organisation
    organisation_key: str
    respondent_key: str
    audience: str
    period: str
    levels: dict[str, int | None]


class Draws:
    """A stream of numbers that depends on nothing but ``SEED`` and its name."""

    def __init__(self, *name: object) -> None:
        digest = hashlib.sha256("/".join([SEED, *map(str, name)]).encode()).digest()
        self._generator = np.random.Generator(np.random.PCG64(int.from_bytes(digest, "big")))

    def uniform(self) -> float:
        """A number from 0 up to 1."""
        return float(self._generator.random())

    def normal(self, scale: float) -> float:
        """Close to a normal distribution of mean 0: a sum of twelve, exact on every machine (libm's log is not)."""
        return scale * (math.fsum(self._generator.random(12).tolist()) - 6.0)

    def cumulative(self, limits: Sequence[float]) -> int:
        """The index of the first of ``limits`` (rising to 1) above a uniform draw."""
        draw = self.uniform()
        return next(index for index, limit in enumerate(limits) if draw < limit)

    def order(self, count: int) -> list[int]:
        """The numbers 0 up to ``count`` in random order."""
        return [index for _, index in sorted((self.uniform(), index) for index in range(count))]

    def key(self) -> str:
        """A random key of ``KEY_LENGTH`` letters and digits."""
        return "".join(KEY_LETTERS[int(self.uniform() * len(KEY_LETTERS))] for _ in range(KEY_LENGTH))


def population() -> list[Organisation]:
    """All organisations, in the order of ``GROUPS``."""
    found: list[Organisation] = []
    for group in GROUPS:
        bands = [band for band, count in zip(SIZE_BANDS, group.sizes, strict=True) for _ in range(count)]
        draws = Draws("group", group.hub, group.sector, group.organisation_type)
        for band, region in zip(bands, _regions(group, len(bands), draws), strict=True):
            found.append(Organisation(len(found), (group.hub,), group.sector, group.organisation_type, band, region))
    for nation, hubs in SHARED.items():
        for hub in hubs:
            shared = next(o for o in found if o.region == nation and o.hubs == (hub,))
            found[shared.number] = replace(shared, hubs=(hub, nation))
    return found


def responses() -> list[Response]:
    """Every person's answers in every quarter: by organisation, quarter, audience and respondent."""
    instrument = instruments()[INSTRUMENT]
    difficulty = {question: Draws("question", question).normal(0.25) for question in instrument.questions}
    found: list[Response] = []
    for organisation in population():
        found.extend(_answers_of(organisation, instrument, difficulty))
    return found


def _regions(group: Group, count: int, draws: Draws) -> list[str]:
    regions = [region for region, fixed in group.regions.items() for _ in range(fixed)]
    limits = [sum(list(ENGLAND.values())[: n + 1]) / 100 for n in range(len(ENGLAND))]
    regions += [list(ENGLAND)[draws.cumulative(limits)] for _ in range(count - len(regions))]
    return [regions[index] for index in draws.order(count)]


def _answers_of(
    organisation: Organisation, instrument: Instrument, difficulty: Mapping[str, float]
) -> Iterator[Response]:
    draws = Draws("organisation", organisation.number)
    is_tiny = organisation.size_band == "under_50"
    joins = draws.cumulative(JOINS_BY)
    answers = ANSWERS_WHEN_TINY if is_tiny else ANSWERS
    audiences = [audience for audience in AUDIENCES if draws.uniform() < answers[audience]]
    respondents = {audience: 1 if is_tiny else 1 + draws.cumulative(RESPONDENTS) for audience in AUDIENCES}
    maturity, drift = draws.normal(0.45), draws.normal(0.04)
    strengths = {dimension: draws.normal(0.3) for dimension in instrument.dimensions}
    habits = {question: draws.normal(0.45) for question in instrument.questions}
    skips = [draws.uniform() < SKIPS_A_QUARTER for _ in PERIODS]
    for quarter, period in enumerate(PERIODS):
        if quarter < joins or skips[quarter]:
            continue
        draws = Draws("return", organisation.number, period)
        key = draws.key()
        for audience in audiences:
            for _ in range(respondents[audience]):
                respondent, temper = draws.key(), draws.normal(0.2)
                levels = {
                    question.id: _level(
                        draws,
                        _expected(organisation, question, quarter)
                        + difficulty[question.id]
                        + maturity
                        + drift * quarter
                        + strengths[question.dimension]
                        + habits[question.id]
                        + temper,
                        NOT_APPLICABLE_WHEN_TINY.get(question.dimension, NOT_APPLICABLE) if is_tiny else NOT_APPLICABLE,
                    )
                    for question in instrument.asked_of(audience)
                }
                yield Response(organisation, key, respondent, audience, period, levels)


def _expected(organisation: Organisation, question: Question, quarter: int) -> float:
    dimension = question.dimension
    sector = SECTOR_EFFECT[organisation.sector]
    size = SIZE_EFFECT.get(dimension)
    return (
        DIMENSION_LEVEL[dimension]
        + sector.get("all", 0.0)
        + sector.get(dimension, 0.0)
        + (size[SIZE_BANDS.index(organisation.size_band)] if size else 0.0)
        + AUDIENCE_EFFECT[question.audience].get(dimension, 0.0)
        + QUARTERLY_GAIN.get(dimension, USUAL_QUARTERLY_GAIN) * quarter
    )


def _level(draws: Draws, expected: float, not_applicable: float) -> int | None:
    if draws.uniform() < not_applicable:
        return None
    return max(0, min(5, math.floor(expected + draws.normal(0.25) + 0.5)))
