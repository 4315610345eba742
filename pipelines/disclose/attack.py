"""The attacker: what somebody who has the whole release, and perhaps more, can work out of organisations.

It reads published tables, and nothing of how they were made but the rules, which are public. How wide an interval is
``intervals`` works out, and what a row may say besides its counts ``recount``. Nothing is mended here.

What the attacker knows of each table: every published number of organisations is less than ``base`` away from the
true one, and so is the number at or above each level; one that ``base`` does not divide is the true one. A published
group has ``threshold`` organisations or more. Cells add up. What the ledger says was published before still stands. A
coalition also knows its own members.

What is a leak, by code, is ``CODES``. "Possible values" are those of the smallest interval that holds all of them.

Why a good release is silent: the published counts, with those of withheld cells, are themselves a table that fits. From
it every count can rise by ``base`` - 1, along a chain, so it has ``base`` possible values. And what is certain for the
attacker is true, so where no group is all on one level, and no residual small, none can be proven to be.

Nor does one organisation that subtracts itself learn more. Where its chain has a published 0, it knows that 1 to
``base`` - 1 are there: 0 others are possible, and that nobody else is there singles out nobody. Elsewhere the table
that fits has room for it. Only where all but one of a group are on one level does the one know all others, and that has
a code. Tests try every organisation of small cubes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import islice
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from hubs.contract.groups import BREAKDOWNS
from pipelines.disclose.intervals import (
    ABOVE,
    BAND,
    BANDS,
    FREE,
    LEVELS,
    MEMBERS,
    STATISTICS,
    Anything,
    Cube,
    Grid,
    Mask,
    N,
    Range,
    System,
    columns,
)
from pipelines.disclose.recount import NUMBERS, filled, wrong_numbers
from pipelines.ledger import Row
from pipelines.policy import Policy

CODES = {
    "raw_count": "a published number of organisations is not rounded",
    "under_threshold": "a group is published that is smaller than the threshold",
    "not_in_cube": "a row is of no group of the cube, or a group has two rows",
    "category_missing": "a group has no row, or a published group not all of its levels, or they do not add up to n",
    "other_number": "a number does not follow from the published counts, so it says more than they do",
    "margin_broken": "published counts do not add up, so they were not rounded together",
    "exact_cell": "a count has one possible value",
    "narrow_cell": "a count that may be under the threshold has fewer possible values than half the threshold",
    "pinned_cell": "a published count has fewer possible values than the base",
    "implied_small": "what is left of a published group without its published parts is somebody, and too few",
    "class_disclosed": "all of a published group are certainly on one level, or in one published band",
    "coalition_organisation": "all but one of a published group are certainly on one level: the one knows the others",
    "coalition_exact": "a hub that subtracts its own members is left with a count of one possible value",
    "coalition_narrow": "a hub that subtracts its own members is left with a small count of few possible values",
    "coalition_class": "a hub that subtracts its own members knows the level of all others, or of all but one",
    "differs_between_releases": "a group was published with another n, and the difference is less than the threshold",
}
"""What is found. A code never changes its meaning."""

TABLE = ("period", "instrument", "audience", "dimension")
ALL = "all"
LOW = "[low]"
"""Status of a count of 0 or ``base`` that is not told."""
ENOUGH = 50
"""With so many intervals too narrow, a table is not searched further: the release is refused anyway."""
TOGETHER = 64
"""Coalitions whose witnesses are looked for together."""
ROWS = 8192
"""Rows of a published table looked at together."""

Key = tuple[str, str, str, str]
Bounds = tuple[Grid, Grid]
"""The least and the most that the counts can be, (cells, 13) each."""


class Finding(NamedTuple):
    """One leak: of which cell (``breakdown``, ``terms``), ``statistic`` what of it, ``least`` and ``most`` the possible
    values (None: not known), ``who`` the coalition. A coalition's findings tell what only it knows, and those of a
    refused release what it would have told: they are for the operator and never published.
    """

    code: str
    table: Key
    breakdown: str
    terms: tuple[str, ...]
    statistic: str
    words: str
    least: int | None = None
    most: int | None = None
    who: str = ""

    @property
    def cell(self) -> str:
        """The cell in words."""
        return f"{self.breakdown}: {', '.join(self.terms)}" if self.terms else self.breakdown


@dataclass(frozen=True)
class Attack:
    """``findings``, and the ``audit``, which may be published: numbers of tables and counts attacked, the narrowest
    interval, how many findings of each code.
    """

    findings: tuple[Finding, ...]
    audit: dict[str, Any]


@dataclass(frozen=True)
class Known:
    """What coalitions know of one table: each of ``names`` its own members in every cell on every level.
    ``counts`` has for each breakdown of the policy an array (names, cells, 6).

    Of a table that is told anew they also know by how much their own members have grown since (``grown``, the same
    shape), and, it is assumed, where nobody else's have changed (``is_alone``, names, cells): there, what was told
    before still tells something.
    """

    names: tuple[str, ...]
    counts: tuple[Anything, ...]
    grown: tuple[Anything, ...] = ()
    is_alone: tuple[Anything, ...] = ()


class _Coalition(NamedTuple):
    """``who`` knows its ``own`` members in each cell and count, (cells, 13), and with them the bounds ``low`` and
    ``high``. ``is_none`` when there is nothing that others do not know.
    """

    who: str
    own: Grid
    low: Grid
    high: Grid
    is_none: bool


@dataclass
class _Table:
    """What is published of one table: ``told``, (cells, 13), -1 where nothing is; ``is_low`` where a count is 0 or
    ``base``; ``rows`` the benchmark of each cell; ``shares`` of each cell and statistic; ``before`` what an earlier
    release has told, -1 where nothing.
    """

    told: Grid
    is_low: Mask
    before: Grid
    rows: dict[int, dict[str, Any]] = field(default_factory=dict)
    shares: dict[tuple[int, int], float | None] = field(default_factory=dict)
    by_hubs: dict[str, Grid] = field(default_factory=dict)


def attack(
    benchmarks: pa.Table,
    distributions: pa.Table,
    policy: Policy,
    terms: Mapping[str, Sequence[str]],
    *,
    ledger: Iterable[Row] = (),
    knows: Mapping[Key, Known] | None = None,
    widened: Collection[Key] = (),
) -> Attack:
    """Attack a release.

    ``terms`` are the attributes of organisations in the order of the breakdowns' columns, each with its terms.
    ``ledger`` is what was published before, in order. ``knows`` are the hubs' own members, for coalitions; without it
    only what hubs have published themselves is tried. ``widened`` are tables that were rounded with one more multiple,
    where published and true counts may be up to 2 × ``base`` - 1 apart.

    Raises KeyError for a column that is missing, RuntimeError when the solver gives up.
    """
    before = list(ledger)
    # A breakdown that is not in the policy any more was published all the same.
    names = {*policy.breakdowns, *(row.breakdown for row in before)}
    by = (name for name in BREAKDOWNS if name in names)
    cube = _cube(tuple(by), tuple((attribute, tuple(known)) for attribute, known in terms.items()))
    reader = _Reader(cube, policy)
    reader.read(benchmarks, distributions)
    reader.remember(before)
    jobs = [
        _Job(key, table, (knows or {}).get(key), 2 * policy.base if key in widened else policy.base)
        for key, table in sorted(reader.tables.items())
    ]
    system = System(cube)
    results = [_Attacker(policy, system, job).run() for job in jobs]
    findings = (*reader.findings, *(finding for result in results for finding in result.findings))
    told = [table.told for table in reader.tables.values()]
    audit = {
        "tables": len(told),
        "published_cells": sum(int((counts[:, N] >= 0).sum()) for counts in told),
        "published_counts": sum(int((counts >= 0).sum()) for counts in told),
        "attacked_counts": sum(result.attacked for result in results),
        "narrowest_interval": min((result.narrowest for result in results if result.attacked), default=None),
        "coalitions": len({name for result in results for name in result.coalitions}),
        "programmes_solved": sum(result.solved for result in results),
        "findings": dict(sorted(Counter(finding.code for finding in findings).items())),
    }
    return Attack(findings, audit)


@lru_cache(maxsize=8)
def _cube(names: tuple[str, ...], terms: tuple[tuple[str, tuple[str, ...]], ...]) -> Cube:
    """The same one for the same breakdowns and terms: what follows from it is worked out once."""
    return Cube({name: BREAKDOWNS[name] for name in names}, dict(terms))


class _Job(NamedTuple):
    """A table to attack. Published and true counts are less than ``reach`` apart."""

    key: Key
    table: _Table
    known: Known | None
    reach: int


@dataclass
class _Result:
    """What came of it: ``narrowest`` is the narrowest interval of the counts that were ``attacked``."""

    findings: list[Finding] = field(default_factory=list)
    attacked: int = 0
    narrowest: int = 0
    coalitions: set[str] = field(default_factory=set)
    solved: int = 0


class _Reader:
    """The tables of a release, as they are read, and the rows that have no place in them."""

    def __init__(self, cube: Cube, policy: Policy) -> None:
        self.cube, self.policy = cube, policy
        self.tables: dict[Key, _Table] = {}
        self.findings: list[Finding] = []

    def read(self, benchmarks: pa.Table, distributions: pa.Table) -> None:
        """Take in the tables."""
        for row in _rows(benchmarks):
            table, cell = self._place(row)
            if cell is None or cell in table.rows:
                self._misplaced(row)
                continue
            table.rows[cell] = {name: row[name] for name in NUMBERS}
            table.told[cell, N] = -1 if row["n"] is None else row["n"]
        for row in _rows(distributions):
            table, cell = self._place(row)
            statistic = _STATISTIC.get(f"count:{row['level']}")
            if cell is None or statistic is None or (cell, statistic) in table.shares:
                self._misplaced(row, f"count:{row['level']}")
                continue
            table.shares[cell, statistic] = row["share"]
            table.is_low[cell, statistic] = row["count"] is None and row["status"] == LOW
            table.told[cell, statistic] = -1 if row["count"] is None else row["count"]

    def remember(self, ledger: Iterable[Row]) -> None:
        """Take in what was published before of these tables."""
        for row in ledger:
            cell = self.cube.cells.get((row.breakdown, row.terms))
            statistic = _STATISTIC.get(row.statistic)
            if row.table not in self.tables or cell is None or statistic is None:
                continue
            table = self.tables[row.table]
            if row.is_of_hub:
                own = table.by_hubs.setdefault(row.release, np.zeros_like(table.told))
                own[cell, statistic] = row.value
            else:
                table.before[cell, statistic] = row.value

    def _place(self, row: Mapping[str, Any]) -> tuple[_Table, int | None]:
        key = _key(row)
        if key not in self.tables:
            shape = (len(self.cube.cells), len(STATISTICS))
            self.tables[key] = _Table(np.full(shape, -1), np.zeros(shape, bool), np.full(shape, -1))
        by = self.cube.by.get(row["breakdown"], ())
        is_of_cube = row["breakdown"] in self.policy.breakdowns
        is_of_cube &= all((row[name] != ALL) == (name in by) for name in self.cube.terms)
        terms = tuple(row[name] for name in by)
        return self.tables[key], self.cube.cells.get((row["breakdown"], terms)) if is_of_cube else None

    def _misplaced(self, row: Mapping[str, Any], statistic: str = "") -> None:
        terms = tuple(str(row[name]) for name in self.cube.terms if row[name] != ALL)
        cell = (str(row["breakdown"]), terms)
        self.findings.append(Finding("not_in_cube", _key(row), *cell, statistic, CODES["not_in_cube"]))


_STATISTIC = {name: number for number, name in enumerate(STATISTICS) if ">=" not in name}
"""What is published of a cell."""


def _rows(table: pa.Table) -> Iterator[dict[str, Any]]:
    for batch in table.to_batches(max_chunksize=ROWS):
        yield from batch.to_pylist()


def _key(row: Mapping[str, Any]) -> Key:
    period, instrument, audience, dimension = (row[name] for name in TABLE)
    return period, instrument, audience, dimension


class _Attacker:
    """The attack on one table. ``low`` and ``high`` bound what is possible, (cells, 13)."""

    def __init__(self, policy: Policy, system: System, job: _Job) -> None:
        self.policy, self.system, self.cube = policy, system, system.cube
        self.key, self.table, self.known, self.reach = job
        self.half = -(-policy.threshold // 2)
        self.told = self._with_above(np.where(self.table.told >= 0, self.table.told, self._unrevised()))
        self.low, self.high = self._bounds(self.reach)
        self.result = _Result()

    def _unrevised(self) -> Grid:
        """What was published before and is not told now. Nothing of a table that was revised: it is of others."""
        is_revised = ((self.table.told >= 0) & (self.table.before >= 0) & (self.table.told != self.table.before)).any()
        return np.full_like(self.table.before, -1) if is_revised else self.table.before

    def _with_above(self, told: Grid) -> Grid:
        """``told`` with those at or above each level, where they follow: they too were rounded by less than base."""
        told = told.copy()
        is_raw = (told % self.policy.base > 0).any(axis=1) & (told >= 0).any(axis=1)
        by_level = (told[:, :LEVELS] >= 0).all(axis=1) & ~is_raw
        by_band = (told[:, BAND] >= 0).all(axis=1) & ~is_raw
        for i, levels in enumerate(ABOVE):
            told[by_level, BAND.stop + i] = told[by_level][:, levels].sum(axis=1)
        told[by_level, BAND.stop - 1] = told[by_level][:, BANDS[-1]].sum(axis=1)
        told[by_band, BAND.stop + 1] = told[by_band, BAND.start + 1 : BAND.stop].sum(axis=1)
        return told

    def _bounds(self, reach: int) -> tuple[Grid, Grid]:
        """Bounds of counts that are less than ``reach`` from those told."""
        told, base = self.told, self.policy.base
        apart = np.where(told % base, 0, reach - 1)
        low = np.where(told >= 0, np.maximum(told - apart, 0), 0)
        high = np.where(told >= 0, told + apart, np.where(self.table.is_low, base + reach - 1, FREE))
        is_large = told[:, N] >= self.policy.threshold
        low[is_large, N] = np.maximum(low[is_large, N], self.policy.threshold)
        return low, high

    def add(self, code: str, cell: int, statistic: str = "", words: str = "", **more: Any) -> None:
        """Note a finding."""
        found = Finding(code, self.key, *self.cube.names[cell], statistic, words or CODES[code], **more)
        self.result.findings.append(found)

    def run(self) -> _Result:
        """Everything that can be tried on this table."""
        solved = self.system.solved
        self._compare()
        self._look()
        start = self._fitting()
        if start is not None:
            self._count(start)
            self._subtract(start)
            self._classes(start)
            coalitions = self._coalitions()
            while some := list(islice(coalitions, TOGETHER)):
                self._subtract_members(some, start)
        self.result.solved = self.system.solved - solved
        return self.result

    # One row at a time.

    def _compare(self) -> None:
        told, before = self.table.told[:, N], self.table.before[:, N]
        apart = np.abs(told - before)
        is_close = (told >= 0) & (before >= 0) & (apart > 0) & (apart < self.policy.threshold)
        for cell in np.flatnonzero(is_close).tolist():
            self.add(
                "differs_between_releases", cell, "n", f"published as {before[cell]} before and as {told[cell]} now"
            )

    def _look(self) -> None:
        told = self.table.told
        for cell, statistic in np.argwhere((told > 0) & (told % self.policy.base > 0)).tolist():
            words = f"{told[cell, statistic]} is no multiple of {self.policy.base}"
            self.add("raw_count", cell, STATISTICS[statistic], words)
        for cell in np.flatnonzero((told[:, N] >= 0) & (told[:, N] < self.policy.threshold)).tolist():
            self.add("under_threshold", cell, "n", f"{told[cell, N]} organisations are published")
        nationals = tuple(filled(told[0], self.table.is_low[0], self.policy.base)) if told[0, N] >= 0 else ()
        for cell in range(len(told)):
            row = self.table.rows.get(cell)
            if row is None:
                if self.cube.names[cell][0] in self.policy.breakdowns:
                    self.add("category_missing", cell, words="there is no row for it")
                continue
            self._look_at_levels(cell)
            shares = {s: self.table.shares[cell, s] for s in range(BAND.stop) if (cell, s) in self.table.shares}
            is_low = self.table.is_low[cell]
            errors = sorted({self.policy.base - 1, self.reach - 1})
            national = nationals if cell else ()  # the first cell of every cube is the total
            for number, words in wrong_numbers(
                row, told[cell], is_low, shares=shares, national=national, errors=errors, policy=self.policy
            ):
                self.add("other_number", cell, number, words)

    def _look_at_levels(self, cell: int) -> None:
        told, is_low = self.table.told[cell], self.table.is_low[cell]
        has = (told >= 0) | is_low
        n = told[N]
        levels, bands = has[:LEVELS], has[BAND]
        if n < 0:
            if has.any():
                self.add("category_missing", cell, words="levels are told of a group whose n is not")
        elif not (levels.all() and not bands.any()) and not (bands.all() and not levels.any()):
            missing = [name for name, there in zip(STATISTICS[:LEVELS], levels, strict=True) if not there]
            self.add("category_missing", cell, words=f"not told: {', '.join(missing)}")
        else:
            least = int(np.maximum(told[:N], 0).sum())
            if not least <= n <= least + int(is_low.sum()) * self.policy.base:
                self.add("category_missing", cell, "n", f"the counts add up to {least}, n is {n}")

    # The table as a whole.

    def _fitting(self) -> Grid | None:
        """A table that fits what is published, as near to it as can be; None if nothing does."""
        broken = self._broken_margins()
        for reach in range(1, self.reach + 1):
            low, high = self._bounds(reach)
            start = self.system.fitting(np.maximum(low, self.low), np.minimum(high, self.high))
            if start is not None:
                break
        else:
            broken = broken or [(0, "")]
        more = "" if start is not None else "; no true counts could be rounded to them"
        for cell, margin in broken[:ENOUGH]:
            self.add("margin_broken", cell, margin, CODES["margin_broken"] + more)
        return start

    def _broken_margins(self) -> list[tuple[int, str]]:
        """Published cells that their published children exceed, or all of which are published and do not make them."""
        found = []
        for parent, child in self.cube.families:
            place = self.cube.places[parent]
            for cell, children in zip(range(place.start, place.stop), self.cube.children(parent, child), strict=True):
                parts = self.told[children]
                total = np.where(parts >= 0, parts, 0).sum(axis=0)
                is_off = (total > self.told[cell]) | ((parts >= 0).all(axis=0) & (total != self.told[cell]))
                is_off &= self.told[cell] >= 0
                found += [(cell, f"{STATISTICS[s]}, by {child}") for s in np.flatnonzero(is_off).tolist()]
        return found

    def _count(self, start: Grid) -> None:
        """Find counts that are exact, narrow or pinned."""
        is_told = self.told >= 0
        matters = np.ones(is_told.shape, bool)
        matters[:, LEVELS:N] = is_told[:, LEVELS:N]
        needed = np.where(is_told, max(self.half, self.policy.base), self.half)

        def is_wide(seen: Range) -> Mask:
            wide: Mask = ~matters | (seen.most - seen.least + 1 >= needed)
            return wide

        seen = self.system.reach(start, self.low, self.high)
        is_exact = self.system.search(seen, self.low, self.high, is_wide, ENOUGH)
        self.result.attacked = int(matters.sum())
        self.result.narrowest = int((seen.most - seen.least + 1)[matters].min())
        for cell, statistic in np.argwhere(is_exact).tolist():
            least, most = int(seen.least[cell, statistic]), int(seen.most[cell, statistic])
            if least == most:
                code = "exact_cell"
            elif least < self.policy.threshold and most - least + 1 < self.half:
                code = "narrow_cell"
            elif is_told[cell, statistic] and most - least + 1 < self.policy.base:
                code = "pinned_cell"
            else:
                continue
            self.add(code, cell, STATISTICS[statistic], _between(least, most), least=least, most=most)

    def _subtract(self, start: Grid) -> None:
        """Find what is left of published cells without their published children, when it is certainly a few."""
        published = self.told[:, N] >= 0
        n = start.sum(axis=1)
        for parent, child in self.cube.families:
            place = self.cube.places[parent]
            for cell, children in zip(range(place.start, place.stop), self.cube.children(parent, child), strict=True):
                hidden = children[~published[children]]
                if not published[cell] or not len(hidden) or self._may_be_left(int(n[hidden].sum())):
                    continue
                cost = np.zeros((len(n), LEVELS), np.int64)
                cost[hidden] = 1
                least = self._extreme(cost)
                most = least if self._may_be_left(least) else -self._extreme(-cost)
                if not self._may_be_left(least) and not self._may_be_left(most):
                    words = f"without its published parts by {child}, {_between(least, most)} are left"
                    self.add("implied_small", cell, f"residual:{child}", words, least=least, most=most)

    def _may_be_left(self, n: int) -> bool:
        return n == 0 or n >= self.policy.threshold

    def _extreme(self, cost: Grid, bounds: Bounds | None = None) -> int:
        """The least sum of ``cost`` times counts."""
        point = self.system.extreme(cost, *(bounds or (self.low, self.high)))
        if point is None:
            raise RuntimeError("nothing fits where something did")
        return int((cost * point).sum())

    def _classes(self, start: Grid) -> None:
        """Find published cells that are certainly on one level, or in a published band, with one exception or none."""
        for cell in np.flatnonzero(self.told[:, N] >= 0).tolist():
            for statistic in self._classes_of(cell):
                others = self._most_others(cell, statistic, start, (self.low, self.high))
                if others <= 1:
                    code = "coalition_organisation" if others else "class_disclosed"
                    words = f"{'all' if others == 0 else 'all but one'} are certainly counted there"
                    self.add(code, cell, STATISTICS[statistic], words)

    def _classes_of(self, cell: int) -> list[int]:
        """The levels and published bands of a cell in which nearly all may be, by the bounds alone."""
        kinds = [*range(LEVELS), *(np.flatnonzero(self.table.told[cell, BAND] >= 0) + LEVELS).tolist()]
        return [s for s in kinds if self.high[cell, s] + 1 >= self.low[cell, N]]

    def _most_others(self, cell: int, statistic: int, start: Grid, bounds: Bounds, less: int = 0) -> int:
        """How many of a cell may at most be elsewhere than on ``statistic``, less ``less``: 2 stands for any more."""
        others = [level for level in range(LEVELS) if level not in MEMBERS[statistic]]
        short = 2 + less - int(start[cell, others].sum())
        if short <= 0 or self._can_rise(cell, others, short, start, bounds):
            return 2
        cost = np.zeros((len(start), LEVELS), np.int64)
        cost[cell, others] = -1
        return min(2, -self._extreme(cost, bounds) - less)

    def _can_rise(self, cell: int, levels: Sequence[int], by: int, point: Grid, bounds: Bounds) -> bool:
        """Whether a table shows so many more of a cell on one of ``levels`` than ``point``. False proves nothing."""
        low, high = (np.repeat(bound[None], len(levels), axis=0) for bound in bounds)
        which = np.arange(len(levels)), cell, levels
        low[which] = np.maximum(low[which], point[cell, levels] + by)
        points = self.system.raised(point, low, high, self.told[:, N] >= 0)
        return bool(self.system.fits(points, low, high).any())

    # Coalitions.

    def _coalitions(self) -> Iterator[_Coalition]:
        if self.known is not None:
            for i, name in enumerate(self.known.names):
                own = columns(self._over_cells(self.known.counts, i))
                yield self._coalition(name, own, self._earlier(self.known, i) if self.known.grown else None)
        for name, told in self.table.by_hubs.items():
            yield self._coalition(name, np.maximum(told, columns(told[:, :LEVELS])))

    def _coalition(self, who: str, own: Grid, earlier: Bounds | None = None) -> _Coalition:
        self.result.coalitions.add(who)
        low, high = np.maximum(self.low, own), self.high
        if earlier is not None:
            low, high = np.maximum(low, earlier[0]), np.minimum(high, earlier[1])
        return _Coalition(who, own, low, high, is_none=earlier is None and not own.any())

    def _over_cells(self, parts: Sequence[Anything], who: int) -> Grid:
        """The rows of one coalition in ``parts`` (an array a breakdown of the policy) where they stand in the cube."""
        cells = np.zeros((len(self.told), *parts[0].shape[2:]), np.int64)
        for breakdown, part in zip(self.policy.breakdowns, parts, strict=True):
            cells[self.cube.places[breakdown]] = part[who]
        return cells

    def _earlier(self, known: Known, who: int) -> Bounds:
        """Bounds that follow from what was told before, where nobody else's members have changed since."""
        grown = columns(self._over_cells(known.grown, who))
        is_alone = self._over_cells(known.is_alone, who) > 0
        told, base = self._with_above(self.table.before), self.policy.base
        apart = np.where(told % base, 0, base - 1)
        least = np.where(np.arange(len(STATISTICS)) == N, self.policy.threshold, 0)
        is_known = (told >= 0) & is_alone[:, None]
        low = np.where(is_known, np.maximum(told - apart, least) + grown, 0)
        return low, np.where(is_known, told + apart + grown, FREE)

    def _subtract_members(self, coalitions: Sequence[_Coalition], start: Grid) -> None:
        """Find what is exact, narrow or all on one level of those who are no members of each of ``coalitions``. That
        nobody else is there singles out nobody.
        """
        knowing = [one for one in coalitions if not one.is_none]
        if not knowing:
            return
        low, high = np.array([one.low for one in knowing]), np.array([one.high for one in knowing])
        points = self.system.raised(start, low, high, self.told[:, N] >= 0)
        does_fit = self.system.fits(points, low, high)
        for i in np.flatnonzero(~does_fit).tolist():
            point = self.system.nearest(start, low[i], high[i])
            if point is not None:
                points[i], does_fit[i] = point, True
        seen = self.system.reach(points, low, high)
        for i, one in enumerate(knowing):
            if does_fit[i]:
                self._without(one, points[i], Range(seen.least[i], seen.most[i]))
            else:
                self.add("margin_broken", 0, words="the members of a hub do not fit what is published", who=one.who)

    def _without(self, one: _Coalition, point: Grid, seen: Range) -> None:
        """The same of one coalition. ``point`` is a table that fits what it knows, ``seen`` what that shows."""
        own = one.own
        matters = np.ones(own.shape, bool)
        matters[:, LEVELS:N] = False

        def is_wide(seen: Range) -> Mask:
            width = seen.most - seen.least + 1
            wide: Mask = ~matters | (width >= self.half) | (seen.least == own)
            return wide

        is_exact = self.system.search(seen, one.low, one.high, is_wide, ENOUGH)
        for cell, statistic in np.argwhere(is_exact).tolist():
            least, most = (int(bound[cell, statistic] - own[cell, statistic]) for bound in (seen.least, seen.most))
            if least == most or least < self.policy.threshold:
                code = "coalition_exact" if least == most else "coalition_narrow"
                words = _between(least, most)
                self.add(code, cell, STATISTICS[statistic], words, least=least, most=most, who=one.who)
        self._classes_without(one, point, seen)

    def _classes_without(self, one: _Coalition, point: Grid, seen: Range) -> None:
        """Find published cells in which others certainly are, and all of them on one level, with one exception or
        none.
        """
        own, n = one.own, columns(point)[:, N:]
        has_others = (self.told[:, N] >= 0) & (own[:, N] > 0) & (seen.least[:, N] > own[:, N])
        has_others &= own[:, :LEVELS].sum(axis=1) == own[:, N]  # a hub may have published less than it knows
        less = own[:, N:] - own[:, :LEVELS]
        may_be = has_others[:, None] & (one.high[:, :LEVELS] + 1 >= one.low[:, N:] - less)
        may_be &= n - point - less < 2  # noqa: PLR2004
        for cell, level in np.argwhere(may_be).tolist():
            bounds = one.low, one.high
            others = self._most_others(cell, level, point, bounds, int(less[cell, level]))
            if others <= 1 and self._extreme(self.system.cost(cell, N), bounds) > own[cell, N]:
                words = f"{'all' if others == 0 else 'all but one'} of the others are certainly on this level"
                self.add("coalition_class", cell, STATISTICS[level], words, who=one.who)


def _between(least: int, most: int) -> str:
    return str(least) if least == most else f"{least} to {most}"
