"""Which groups may be told, and in what detail. On true counts; nothing is rounded here, and nothing leaves.

A group is *safe* when it has at least ``threshold`` organisations, and as many without the members that any one hub has
to itself (a hub knows those). It is *spread* when at least ``spread`` organisations are off its commonest level:
otherwise whoever knows who is in it knows where they all are, but for one at most. A group that is safe and spread is
told by levels. One that is safe, and spread over bands of levels only, is told by bands. Any other is not told.

What a told parent has beyond its told children can be had by subtraction. So it must be nobody, or a group that could
be told itself, in the same detail. Where it is not, the smallest of those children is told in less detail, or not at
all. A child is never told in more detail than its parents.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pipelines.cube import Counts, Cube, Family, Grid, Integers, Mask, families
from pipelines.policy import Policy

HIDDEN, BANDS, LEVELS = 0, 1, 2
"""The detail in which a group is told; each tells what the one before does, and more."""

Details = tuple[Integers, ...]
"""For each breakdown the detail of each of its cells."""


@dataclass(frozen=True)
class Eligible:
    """``details`` are those to be told. ``lowered_n`` counts cells told in less detail than by themselves they could
    be; ``unsafe_rests`` names what can be had by subtraction and should not, because it follows from constants.
    """

    details: Details
    lowered_n: int
    unsafe_rests: tuple[str, ...]


def eligible(counts: Counts, policy: Policy, constant: Sequence[Integers]) -> Eligible:
    """What may be told of ``counts``. ``constant`` has the detail of each cell that was told before, and must be told
    like that again, -1 elsewhere: what is out cannot be taken back.
    """
    telling = _Telling(counts, policy, constant)
    kin = families(counts.cube)
    rules = [(family, detail) for family in kin for detail in (LEVELS, BANDS)]
    while any([telling.follow_parent(family) for family in kin] + [telling.mend(*rule) for rule in rules]):
        pass  # each round tells less, so there is an end
    lowered_n = sum(int((told < best).sum()) for told, best in zip(telling.details, telling.best, strict=True))
    return Eligible(telling.details, lowered_n, tuple(name for rule in rules for name in telling.unsafe(*rule)))


def best_detail(levels: Grid, own: Cube, policy: Policy) -> Integers:
    """The detail in which each of some groups could be told if it were alone in the world. ``levels`` is groups ×
    levels, ``own`` hubs × groups × levels.
    """
    by_levels, by_bands = _may_be_told(levels, own, policy)
    return np.where(by_levels, LEVELS, np.where(by_bands, BANDS, HIDDEN))


def _may_be_told(levels: Grid, own: Cube, policy: Policy) -> tuple[Mask, Mask]:
    """Which groups are safe and spread over levels, and which are safe and spread over bands."""
    without = np.concatenate([levels[None], levels[None] - own])  # nobody taken away, then each hub
    banded = without[..., 0::2] + without[..., 1::2]
    n = without.sum(axis=2)
    is_safe: Mask = (n >= policy.threshold).all(axis=0)
    is_spread, is_spread_over_bands = (
        (n - found.max(axis=2) >= policy.spread).all(axis=0) for found in (without, banded)
    )
    return is_safe & is_spread, is_safe & is_spread_over_bands


class _Telling:
    """What is told at the moment, and how it is told less."""

    def __init__(self, counts: Counts, policy: Policy, constant: Sequence[Integers]) -> None:
        self.counts, self.policy, self.cube = counts, policy, counts.cube
        groups = list(zip(counts.levels, counts.own, strict=True))
        self.is_fixed = [before >= 0 for before in constant]
        self.by_bands = [_may_be_told(levels, own, policy)[1] for levels, own in groups]
        self.best = tuple(best_detail(levels, own, policy) for levels, own in groups)
        self.details: Details = tuple(
            np.where(before >= 0, before, best) for before, best in zip(constant, self.best, strict=True)
        )

    def follow_parent(self, family: Family) -> bool:
        """Lower children that are told in more detail than their parent. Whether there were any."""
        most = self.details[family.parent][family.parent_of]
        above = np.flatnonzero((self.details[family.child] > most) & ~self.is_fixed[family.child])
        for cell in above.tolist():
            self._lower(family.child, cell, int(most[cell]))
        return len(above) > 0

    def mend(self, family: Family, detail: int) -> bool:
        """Lower the smallest child of each parent of which the rest is unsafe. Whether any was."""
        n = self.counts.levels[family.child].sum(axis=1)
        is_free = (self.details[family.child] >= detail) & ~self.is_fixed[family.child]
        is_changed = False
        for parent in self._unsafe_parents(family, detail).tolist():
            among = np.flatnonzero(is_free & (family.parent_of == parent))
            if len(among):
                self._lower(family.child, int(among[n[among].argmin()]), detail - 1)
                is_changed = True
        return is_changed

    def unsafe(self, family: Family, detail: int) -> list[str]:
        """Names of the rests that are unsafe."""
        parent, child = self.cube[family.parent], self.cube[family.child]
        return [
            f"{' '.join((parent.name, *parent.cells[cell]))} less {child.name}"
            for cell in self._unsafe_parents(family, detail).tolist()
        ]

    def _lower(self, breakdown: int, cell: int, to: int) -> None:
        """Tell a cell in the detail ``to``, or not at all when it is not spread over bands."""
        self.details[breakdown][cell] = HIDDEN if to == BANDS and not self.by_bands[breakdown][cell] else to

    def _unsafe_parents(self, family: Family, detail: int) -> Integers:
        """The parents whose rest, once the children are taken away that are told in ``detail`` or more, is somebody and
        could not be told in that detail itself.
        """
        is_told = self.details[family.child] >= detail
        of = family.parent_of[is_told]
        levels, own = self.counts.levels[family.parent].copy(), self.counts.own[family.parent].copy()
        np.subtract.at(levels, of, self.counts.levels[family.child][is_told])
        for hub, told in zip(own, self.counts.own[family.child][:, is_told], strict=True):
            np.subtract.at(hub, of, told)
        is_divided = np.isin(np.arange(len(levels)), of) & (self.details[family.parent] >= detail)
        return np.flatnonzero(is_divided & levels.any(axis=1) & (best_detail(levels, own, self.policy) < detail))
