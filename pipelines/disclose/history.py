"""What was told of a table before, and what that asks of what is told of it now.

What was published cannot be taken back, so it stays: its numbers enter the rounding as constants, and its groups are
told in the same detail. When a table is told anew, because enough organisations have come or left since
(``Moves.are_enough``), only the cells are free that were touched. Pure.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pyarrow as pa

from hubs.contract.groups import terms_of
from pipelines.cube import LEVELS_N, Breakdown, Counts, Moves
from pipelines.disclose import Before, Cell
from pipelines.disclose.attack import Known
from pipelines.disclose.derived import REVISED
from pipelines.disclose.rounding import Turns
from pipelines.ledger import AT_MOST, COUNT, N, Row


@dataclass(frozen=True)
class History:
    """What was told of one table: ``rows`` of the ledger, oldest first. When others are counted now than were for the
    last of them, ``counts`` are the true ones of then, and ``moves`` is the difference. ``is_wide`` says that some of
    it was rounded with one more multiple.
    """

    rows: tuple[Row, ...] = ()
    is_wide: bool = False
    counts: Counts | None = None
    moves: Moves | None = None

    @cached_property
    def _values(self) -> Mapping[_What, list[int]]:
        """What was told of each cell and statistic, oldest first."""
        values = defaultdict(list)
        for row in self.rows:
            if not row.is_of_hub:
                values[_what(row)].append(row.value)
        return values

    @property
    def content(self) -> tuple[object, ...]:
        """All that it says, whatever it is called and whichever release it was told in: histories of the same content
        ask the same.
        """
        by_hubs = sorted({(row.release, *_what(row)): row.value for row in self.rows if row.is_of_hub}.items())
        return by_hubs, sorted(self._values.items()), self.is_wide, self.counts, self.moves

    def with_told(self, rows: Iterable[Row]) -> History:
        """The history once ``rows`` are published beside it, over those who are counted now."""
        return History((*self.rows, *rows), self.is_wide)

    @property
    def is_first(self) -> bool:
        """Whether nothing was told before but by hubs themselves."""
        return not self._values

    def before(self, cube: Sequence[Breakdown]) -> Before:
        """What it asks of what is told now."""
        touched: set[Cell] = set()
        if self.moves is not None:
            for one, part in zip(cube, self.moves.touched, strict=True):
                touched |= {(one.name, one.cells[i]) for i in np.flatnonzero(part).tolist()}
        constants = {what: values[-1] for what, values in self._values.items() if what[:2] not in touched}
        return Before(constants, touched, self._turns(), self.is_wide)

    def _turns(self) -> Turns:
        """How the numbers were rounded that may change."""
        if self.counts is None:
            return {}
        true = {
            (one.name, terms, name): int(value)
            for one, levels in zip(self.counts.cube, self.counts.levels, strict=True)
            for terms, by_level in zip(one.cells, levels, strict=True)
            for name, value in zip((N, *ON_LEVEL), (by_level.sum(), *by_level), strict=True)
        }
        rounded_by = {what: values[-1] - true[what] for what, values in self._values.items() if what in true}
        return {what: int(np.sign(by)) for what, by in rounded_by.items()}

    def known(self, counts: Counts) -> Known:
        """What each hub knows of ``counts``, which are those of now, and of the difference."""
        if self.moves is None:
            return Known(counts.hubs, counts.own)
        hubs = tuple(sorted({*counts.hubs, *self.moves.others}))
        others = [self.moves.others.get(hub) for hub in hubs]
        own, grown, is_alone = [], [], []
        for i, levels in enumerate(counts.levels):
            none = np.zeros_like(levels)
            of_hubs = dict(zip(counts.hubs, counts.own[i], strict=True))
            own.append(np.array([of_hubs.get(hub, none) for hub in hubs]))
            grown.append(np.array([other.own[i] if other else none for other in others]))
            is_alone.append(np.array([~(other or self.moves).touched[i] for other in others]))
        return Known(hubs, tuple(own), tuple(grown), tuple(is_alone))

    def is_kept(self, told: Iterable[Row]) -> bool:
        """Whether every group of which anything was told before is told again in the same detail. What has only been
        let go would stand in the ledger as if it still held.
        """
        now = {_what(row) for row in told}
        exact = {what for what in self._values if not what[2].startswith(AT_MOST)}
        return now >= exact and _details(now).items() >= _details(self._values).items()

    def marked(self, benchmarks: pa.Table, told: Iterable[Row]) -> pa.Table:
        """``benchmarks`` with ``[r]`` in the status of groups of which another number was published before."""
        revised = {_what(row)[:2] for row in told if set(self._values.get(_what(row), [])) - {row.value}}
        if not revised:
            return benchmarks
        rows = benchmarks.to_pylist()
        for row in rows:
            if (row["breakdown"], terms_of(row)) in revised:
                row["status"] = f"{row['status']} {REVISED}".strip()
        return pa.Table.from_pylist(rows, benchmarks.schema)


ON_LEVEL = tuple(f"{COUNT}{level}" for level in range(LEVELS_N))

_What = tuple[str, tuple[str, ...], str]


def _what(row: Row) -> _What:
    return row.breakdown, row.terms, row.statistic


def _details(told: Iterable[_What]) -> dict[Cell, frozenset[str]]:
    """The levels or bands of each cell of which numbers are told."""
    found: defaultdict[Cell, set[str]] = defaultdict(set)
    for breakdown, terms, statistic in told:
        found[breakdown, terms].add(statistic.rpartition(":")[2])
    return {cell: frozenset(names) for cell, names in found.items()}
