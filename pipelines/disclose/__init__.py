"""From true counts to what may be published of them. All numbers that decide are ``pipelines.policy``.

``eligible`` says which groups may be told, and whether by levels or by bands of levels. ``rounding`` turns all counts
of a table into multiples of a base that still add up. ``derived`` works out everything else from those, and from
nothing else; ``trend`` compares two periods. ``history`` is what was told before and has to stay.

``gate`` calls ``disclose`` below and has what comes of it attacked before it is told: ``attack`` says what is a leak,
``intervals`` which values a count can have, ``recount`` works every figure out a second time.

Pure: counts in, tables out.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa

from pipelines.cube import Counts, Integers
from pipelines.disclose import derived
from pipelines.disclose.eligible import BANDS, HIDDEN, LEVELS, Details, Eligible, eligible
from pipelines.disclose.rounding import BAND_NAMES, LEVEL_NAMES, STEPS, Constants, NotRounded, Rounded, Turns, rounded
from pipelines.policy import Policy

__all__ = ["Constants", "Disclosed", "NotRounded", "disclose"]

Cell = tuple[str, tuple[str, ...]]
"""A breakdown, and the terms of one of its cells."""


@dataclass(frozen=True)
class Before:
    """What was told of a table before. ``constants`` are its numbers that must stay: so must every breakdown that has
    any, but for the cells ``touched``, over which others are counted now; ``turns`` is how numbers of those were
    rounded. ``is_wide`` says that some of it was rounded with one more multiple.
    """

    constants: Constants = field(default_factory=dict)
    touched: Collection[Cell] = ()
    turns: Turns = field(default_factory=dict)
    is_wide: bool = False


NOTHING = Before()


@dataclass(frozen=True)
class Disclosed:
    """What may be published of one table, in the columns of ``derived.BENCHMARKS`` and ``derived.DISTRIBUTIONS``; and
    what was done to it, in plain JSON types and without any true number. That is for the operator: ``lowered`` and all
    that follow say more of the truth than readers may know.

    ``table`` by name; ``cells`` told by ``levels``, by ``bands`` and ``withheld``; ``step`` of ``rounding.STEPS``;
    ``lowered`` cells are told in less detail than by themselves they could be, ``refused`` are those of them that could
    not be rounded; ``deviation``, the most a number is off; ``unsafe_rests``, what follows by subtraction from
    numbers that were published before, by name.
    """

    benchmarks: pa.Table
    distributions: pa.Table
    audit: Mapping[str, Any]

    @property
    def is_wide(self) -> bool:
        """Whether some of it was rounded with one more multiple, now or when it was told first."""
        return bool(self.audit["step"] == STEPS[-1])


def disclose(counts: Counts, policy: Policy, before: Before = NOTHING, *, withheld: Collection[Cell] = ()) -> Disclosed:
    """What may be published of one table beside what was published ``before``. ``withheld`` are cells that are not told
    whatever they hold.

    The same counts and constants give the same tables, byte for byte. Raises NotRounded when not even nothing new can
    be told beside the constants.
    """
    fixed = _details_before(counts, before)
    for details, one in zip(fixed, counts.cube, strict=True):
        details[[(one.name, cell) in withheld for cell in one.cells]] = HIDDEN
    refused_n = 0
    while True:
        found = eligible(counts, policy, fixed)
        made = rounded(counts, found.details, policy, before.constants, before.turns)
        if made is not None:
            step = STEPS[-1] if before.is_wide else made.step
            told = _told(counts, policy, found.details, made, is_wide=step == STEPS[-1])
            audit = _audit(counts, found, made) | {"step": step, "refused": refused_n}
            return Disclosed(derived.benchmarks(told, policy), derived.distributions(told, policy), audit)
        breakdown, cell = _smallest(counts, found.details, fixed)
        fixed[breakdown][cell] = HIDDEN
        refused_n += 1


def _details_before(counts: Counts, before: Before) -> list[Integers]:
    """The detail that each cell must be told in, -1 where that is open: a breakdown of which anything is published says
    no more and no less than it did, but for the cells that are touched.
    """
    known: dict[Cell, int] = {}
    for breakdown, cell, name in before.constants:
        levels = name.rpartition(":")[2]
        detail = BANDS if levels in BAND_NAMES else LEVELS if levels in LEVEL_NAMES else HIDDEN
        known[breakdown, cell] = max(known.get((breakdown, cell), HIDDEN), detail)
    published = {breakdown for breakdown, _ in known}
    touched = set(before.touched)

    def unless_known(cell: Cell) -> int:
        return HIDDEN if cell[0] in published and cell not in touched else -1

    return [
        np.array([known.get(cell, unless_known(cell)) for cell in ((one.name, terms) for terms in one.cells)])
        for one in counts.cube
    ]


def _smallest(counts: Counts, details: Details, before: list[Integers]) -> tuple[int, int]:
    """The smallest group that is told and need not be, the most divided of equals: its breakdown and its cell."""
    open_cells = [
        (int(levels[cell].sum()), -i, cell)
        for i, (levels, detail, fixed) in enumerate(zip(counts.levels, details, before, strict=True))
        for cell in np.flatnonzero((detail > HIDDEN) & (fixed < 0)).tolist()
    ]
    if not open_cells:
        raise NotRounded(f"what is published of {', '.join(counts.key)} does not add up")
    _, breakdown, cell = min(open_cells)
    return -breakdown, cell


def _told(counts: Counts, policy: Policy, details: Details, made: Rounded, *, is_wide: bool) -> derived.Told:
    error = np.full(sum(len(detail) for detail in details), policy.base - 1 + is_wide * policy.base)
    levels = tuple(derived.banded(*pair) for pair in zip(made.levels, details, strict=True))
    return derived.Told(counts.key, counts.cube, levels, details, error)


def _audit(counts: Counts, found: Eligible, made: Rounded) -> dict[str, Any]:
    cells = Counter(np.concatenate(found.details).tolist())
    return {
        "table": "/".join(counts.key),
        "cells": {"levels": cells[LEVELS], "bands": cells[BANDS], "withheld": cells[HIDDEN]},
        "lowered": found.lowered_n,
        "deviation": made.deviation,
        "unsafe_rests": list(found.unsafe_rests),
    }
