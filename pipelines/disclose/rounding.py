"""Joint controlled rounding: the true counts of one table become multiples of ``base`` that still add up.

Every count c becomes x = base·⌊c/base⌋ + base·y with y 0 or 1, and y = 0 where base divides c. So x is less than
``base`` from c. Levels add up to a group's n, and groups to their parents, in n and on each level: also the groups that
are not told, so that what is left of a parent is rounded as well. Of all such x those with the least Σ|x - c| are
taken. That is a mixed integer programme, which HiGHS solves to the end.

Of each told group, those at or above each level are less than ``base`` from the truth as well: else the errors of three
levels could add up, and no honest limits of a share could be given.

**Organisations first.** The numbers of organisations are rounded by themselves, then the levels below them. Were all
rounded at once, the same n would come out as 10 in one dimension and as 15 in another, and whoever knows that the same
organisations answered for both would have it within four. Where no levels fit below, those that are not told may be
any multiples; where that does not help (rare), all are rounded at once, and an n is let go only when it has to be.

**Ties.** Many solutions are equally good. So rounding up costs something more, too little to outweigh |x - c|: a number
made by HMAC from the secret tie key and the cell. That leaves one best solution, in every run and whatever the order of
rows, and nobody without the returns can tell beforehand which of two it will be.

**When nothing fits**, as may be with constant cells or with tables of three and more ways: numbers may move by one more
multiple. If that does not help either, ``disclose`` withholds a group.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from scipy import sparse
from scipy.optimize import Bounds, LinearConstraint, milp

from pipelines.cube import LEVELS_N, Breakdown, Counts, Grid, Integers, Mask, families
from pipelines.disclose.eligible import BANDS, HIDDEN, LEVELS, Details
from pipelines.ledger import COUNT, N
from pipelines.policy import Policy

LEVEL_NAMES = tuple(str(level) for level in range(LEVELS_N))
BAND_NAMES = tuple(f"{low}-{low + 1}" for low in range(0, LEVELS_N, 2))
AT_OR_ABOVE = {f">={level}": range(level, LEVELS_N) for level in range(1, LEVELS_N - 1)}
IN_BANDS = {name: range(2 * i, 2 * i + 2) for i, name in enumerate(BAND_NAMES)} | {">=2": range(2, LEVELS_N)}
DISTANCE = 2**26
"""What it costs to be one organisation off. All ties together cost less. The finer ties are, the surer there is but one
best solution: at 2¹⁶ two cubes in thirty had several within the solver's tolerance, at 2²⁶ none."""
LETTING_GO = 20
"""What it costs to let go of an n that was found first, in organisations off."""
TURNING = 20
"""What it costs to round a number the other way than it was rounded before, in organisations off."""
STEPS = ("organisations first", "untold levels loose", "all at once", "one more multiple")
"""How numbers were found: the first of these that can be done."""

WIDTH = 1 + LEVELS_N
"""Variables of a cell: n, then a count for each level."""
OPTIMAL, INFEASIBLE = 0, 2
"""The answers of HiGHS that are no fault."""

Constants = Mapping[tuple[str, tuple[str, ...], str], int]
"""Numbers of one table that are published and may not change, by breakdown, terms of the cell, and ``n``, ``count:3``
or ``count:2-3``."""


Turns = Mapping[tuple[str, tuple[str, ...], str], int]
"""How numbers that may change were rounded before: 1 up, -1 down."""


class NotRounded(RuntimeError):
    """The solver gave up, or what is constant cannot be a rounded number."""


@dataclass(frozen=True)
class Rounded:
    """``levels`` has an array (cells × levels) for each breakdown, 0 throughout where nothing of the table is told; a
    cell's n is their sum. ``deviation`` is the largest distance of a told number from the true one.
    """

    levels: tuple[Grid, ...]
    step: str
    deviation: int


def rounded(
    counts: Counts, details: Details, policy: Policy, constants: Constants, turns: Turns | None = None
) -> Rounded | None:
    """The counts of one table, rounded; None when it cannot be done with all that ``details`` tells.

    ``turns`` are followed where they can be: whoever knows by how much a number has grown, and sees it rounded once up
    and once down, has it within few.

    Raises NotRounded when HiGHS stops without an answer. It has no limit of time or nodes, so that a slow machine makes
    the same numbers as a fast one.
    """
    if not any(detail.any() for detail in details):
        return Rounded(tuple(np.zeros_like(levels) for levels in counts.levels), STEPS[0], 0)
    programme = _Programme(counts, details, policy, constants, turns or {})
    ways = (programme.organisations_first, programme.loose, programme.all_at_once, programme.wider)
    for step, solve in zip(STEPS, ways, strict=True):
        found = solve()
        if found is not None:
            return Rounded(programme.levels(found), step, programme.deviation(found))
    return None


@dataclass(frozen=True)
class _Move:
    """By how much variables may move up (``sign`` 1) or down (-1), and what each multiple costs."""

    sign: int
    most: Integers
    cost: Integers


class _Programme:
    """The variables of one table, ``WIDTH`` a cell, cells one after another, in multiples of base: what they are when
    rounded down (``floor``), what is then left over, and what must hold of them.
    """

    def __init__(self, counts: Counts, details: Details, policy: Policy, constants: Constants, turns: Turns) -> None:
        self.counts, self.base = counts, policy.base
        self.cells = [(breakdown.name, cell) for breakdown in counts.cube for cell in breakdown.cells]
        detail, levels = np.concatenate(details), np.concatenate(counts.levels)
        self.true = np.concatenate([levels.sum(axis=1, keepdims=True), levels], axis=1).ravel()
        self.is_n: Mask = np.arange(len(self.true)) % WIDTH == 0
        self.is_told = np.repeat(detail, WIDTH) > np.where(self.is_n, HIDDEN, BANDS)
        names = [N, *(COUNT + name for name in LEVEL_NAMES)]
        known = np.array([constants.get((*cell, name), -1) for cell in self.cells for name in names])
        self.is_fixed = known >= 0
        self.floor, self.over = np.divmod(np.where(self.is_fixed, known, self.true), self.base)
        if self.over[self.is_fixed].any():
            raise NotRounded(f"a published number of {', '.join(counts.key)} is no multiple of {self.base}")
        # A number that is told is never below the threshold, although the true one may be further up.
        self.least = np.where(self.is_n & self.is_told, policy.threshold // self.base, 0)
        turned = np.array([turns.get((*cell, name), 0) for cell in self.cells for name in names])
        self.ties = self._ties() - turned * TURNING * DISTANCE
        self.sums = _sums(counts.breakdowns)
        self._groups_of_levels(detail, constants)
        self.first = self._organisations()

    def _ties(self) -> Integers:
        """A small cost for each variable, of the tie key and its name. That of n is the same in every dimension."""
        width = DISTANCE // (2 * len(self.true))
        *_, dimension = self.counts.key
        names = ["n", *(f"{dimension} {name}" for name in LEVEL_NAMES)]
        ids = (" ".join((breakdown, *cell, name)) for breakdown, cell in self.cells for name in names)
        digests = (hmac.digest(self.counts.tie_key, id.encode(), "sha256") for id in ids)
        return np.array([int.from_bytes(digest[:8]) % width for digest in digests])

    def _groups_of_levels(self, detail: Integers, constants: Constants) -> None:
        """Levels together that are told, or follow from what is: ``togethers`` adds them up, and each is to lie between
        two multiples. A cell that is told by levels has those at or above 1 to 4; one told by bands has its bands, and
        those at or above 2.
        """
        wanted = [
            (i, levels, COUNT + name)
            for kind, named in ((LEVELS, AT_OR_ABOVE), (BANDS, IN_BANDS))
            for i in np.flatnonzero(detail == kind).tolist()
            for name, levels in named.items()
        ]
        at = [i * WIDTH + 1 + level for i, levels, _ in wanted for level in levels]
        row = np.repeat(np.arange(len(wanted)), [len(levels) for _, levels, _ in wanted])
        self.togethers = sparse.csr_matrix((np.ones(len(at), np.int64), (row, at)), (len(wanted), len(self.true)))
        self.true_together = self.togethers @ self.true
        known = np.array([constants.get((*self.cells[i], name), -1) for i, _, name in wanted], np.int64)
        is_free = np.array([not self.is_fixed[i * WIDTH] for i, _, _ in wanted], bool)
        floor, over = np.divmod(np.where(known >= 0, known, self.true_together), self.base)
        self.is_free_together = is_free
        unbound = self.true[0] // self.base + 1 + floor.max(initial=0)
        self.together_low = np.where(is_free | (known >= 0), floor, -unbound)
        self.together_high = np.where(is_free | (known >= 0), floor + (over > 0), unbound)

    def _organisations(self) -> Integers | None:
        """The variables, with each n rounded and the levels rounded down; None when n cannot be rounded by itself."""
        is_alone = abs(self.sums) @ ~self.is_n == 0
        return self._solved(self.floor, [self._up(self.is_n)], sums=self.sums[is_alone], slack=None)

    def organisations_first(self) -> Integers | None:
        """Levels below the numbers of organisations that were found first."""
        return None if self.first is None else self._solved(self.first, [self._up(~self.is_n)])

    def loose(self) -> Integers | None:
        """The same, and those levels that are not told may be any multiples."""
        levels = [self._up(~self.is_n), *self._beyond(~self.is_n & ~self.is_told)]
        return None if self.first is None else self._solved(self.first, levels)

    def all_at_once(self) -> Integers | None:
        """Levels and numbers of organisations."""
        up = self._up(np.ones_like(self.is_n))
        if self.first is not None:
            is_up = self.first > self.floor
            up = _Move(1, up.most, up.cost + np.where(self.is_n, np.where(is_up, -1, 1) * LETTING_GO * DISTANCE, 0))
        return self._solved(self.floor, [up])

    def wider(self) -> Integers | None:
        """The same, and each may be one more multiple off, as many as it likes where it is not told."""
        every = np.ones_like(self.is_n)
        return self._solved(self.floor, [self._up(every), *self._beyond(every)], slack=1)

    def _up(self, which: Mask) -> _Move:
        """``which`` of the variables may be rounded up, where there is anything over."""
        cost = (self.base - 2 * self.over) * DISTANCE + self.ties
        return _Move(1, np.where(which & ~self.is_fixed & (self.over > 0), 1, 0), cost)

    def _beyond(self, which: Mask) -> list[_Move]:
        """``which`` of the variables may go on, up and down: by one where they are told, else as far as they like."""
        cost = self.base * DISTANCE + self.ties
        most = np.where(self.is_told, 1, self.true[self.is_n].max() // self.base + 1)
        up = np.where(which & ~self.is_fixed, most, 0)
        return [_Move(1, up, cost), _Move(-1, np.minimum(up, self.floor - self.least), cost)]

    def _solved(
        self, start: Integers, moves: Sequence[_Move], sums: sparse.csr_matrix | None = None, slack: int | None = 0
    ) -> Integers | None:
        """``start`` with those of ``moves`` that cost least and make everything add up, None when none do. Levels
        together may be ``slack`` multiples further off; with None they are left out.
        """
        rows = [self.sums if sums is None else sums]
        low = high = -(rows[0] @ start)
        if slack is not None:
            rows.append(self.togethers)
            now, free = self.togethers @ start, np.where(self.is_free_together, slack, 0)
            low = np.concatenate([low, self.together_low - free - now])
            high = np.concatenate([high, self.together_high + free - now])
        which = [np.flatnonzero(move.most > 0) for move in moves]
        together = sparse.vstack(rows, format="csc")
        columns = [move.sign * together[:, chosen] for move, chosen in zip(moves, which, strict=True)]
        cost = np.concatenate([move.cost[chosen] for move, chosen in zip(moves, which, strict=True)])
        most = np.concatenate([move.most[chosen] for move, chosen in zip(moves, which, strict=True)])
        moved = _least(cost, most, sparse.hstack(columns, format="csc"), low, high)
        if moved is None:
            return None
        end = start.copy()
        for move, chosen, by in zip(
            moves, which, np.split(moved, np.cumsum([len(w) for w in which])[:-1]), strict=True
        ):
            end[chosen] += move.sign * by
        return end

    def levels(self, found: Integers) -> tuple[Grid, ...]:
        """The counts by level that the variables ``found`` stand for."""
        sizes = [len(grid) for grid in self.counts.levels]
        return tuple(np.split(found.reshape(-1, WIDTH)[:, 1:] * self.base, np.cumsum(sizes)[:-1]))

    def deviation(self, found: Integers) -> int:
        """The largest distance of a told number from the true one."""
        off = abs(found * self.base - self.true)[self.is_told]
        off_together = abs(self.togethers @ found * self.base - self.true_together)
        return int(max(off.max(initial=0), off_together.max(initial=0)))


@cache
def _sums(names: tuple[str, ...]) -> sparse.csr_matrix:
    """Rows that must be 0: a cell's n less its levels; and for each variable, a parent less its children."""
    cube = [Breakdown.named(name) for name in names]
    starts = np.cumsum([0, *(len(breakdown.cells) for breakdown in cube)])
    variables_n = int(starts[-1]) * WIDTH
    kin = families(cube)
    between = {(a.parent, b.child) for a in kin for b in kin if a.child == b.parent}
    cells = np.arange(starts[-1])[:, None] * WIDTH
    parts = [_rows(cells.ravel(), np.arange(len(cells)).repeat(LEVELS_N), (cells + np.arange(1, WIDTH)).ravel())]
    for family in kin:
        if (family.parent, family.child) not in between:  # else it follows from those between
            parents = cells[starts[family.parent] : starts[family.parent + 1]]
            children = cells[starts[family.child] : starts[family.child + 1]]
            for k in range(WIDTH):
                parts.append(_rows((parents + k).ravel(), family.parent_of, (children + k).ravel()))
    return sparse.vstack([sparse.csr_matrix(part, (part[1][0].max() + 1, variables_n)) for part in parts], format="csr")


def _rows(ones: Integers, row: Integers, minus: Integers) -> tuple[Integers, tuple[Integers, Integers]]:
    """Entries of a sparse matrix: 1 at ``ones``, a row each, and -1 at ``minus``, which are in the rows ``row``."""
    values = np.concatenate([np.ones(len(ones), np.int64), -np.ones(len(minus), np.int64)])
    return values, (np.concatenate([np.arange(len(ones)), row]), np.concatenate([ones, minus]))


def _least(cost: Integers, most: Integers, rows: sparse.csc_matrix, low: Integers, high: Integers) -> Integers | None:
    """The whole numbers from 0 to ``most`` of the least cost with ``rows`` of them from ``low`` to ``high``."""
    if not len(cost):
        return np.zeros(0, np.int64) if ((low <= 0) & (high >= 0)).all() else None
    constraints = LinearConstraint(rows, low, high)
    options = {"mip_rel_gap": 0}
    answer = milp(
        cost, integrality=np.ones(len(cost)), bounds=Bounds(0, most), constraints=constraints, options=options
    )
    if answer.status == INFEASIBLE:
        return None
    if answer.status != OPTIMAL:
        raise NotRounded(f"HiGHS stopped without an answer: {answer.message}")
    found: Integers = np.rint(answer.x).astype(np.int64)
    sums = rows @ found
    if (sums < low).any() or (sums > high).any():
        raise NotRounded("what HiGHS found does not add up")
    return found
