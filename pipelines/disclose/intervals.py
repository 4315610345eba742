"""Which values a table's true counts can have, given bounds on some: witnesses first, integer programmes for the rest.

Only arithmetic lives here. What is published, who knows what and which interval is a leak is ``attack``.

A table is everything of one period, instrument, audience and dimension: for each cell of the cube thirteen counts of
organisations, on the six levels, in the three bands, at or above levels, and in all (``n``). Unknown are those on
levels. They are whole, not negative, and each cell is the sum of its children, in every breakdown that divides it.

A *chain* is the cells of all breakdowns in which one organisation would stand. From a table that fits the bounds, three
moves give others that fit: so many organisations more or fewer on one level of a chain; so many from one level to
another; so many from one chain to another that differs in one attribute. How far they go is the least room along the
chains. Every whole number between is reached, which proves a width without a programme. What they cannot show wide
enough is solved exactly.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, reduce
from itertools import pairwise, product
from typing import Any

import numpy as np
from scipy import sparse
from scipy.optimize import Bounds, LinearConstraint, milp

LEVELS = 6
BANDS = ((0, 1), (2, 3), (4, 5))
ABOVE = tuple(tuple(range(level, LEVELS)) for level in (1, 2, 3))
STATISTICS = (
    *(f"count:{level}" for level in range(LEVELS)),
    *(f"count:{a}-{b}" for a, b in BANDS),
    *(f"count:>={levels[0]}" for levels in ABOVE),
    "n",
)
"""The thirteen counts of a cell, in order. At or above 4 is a band, and 5 a level."""
BAND = slice(LEVELS, LEVELS + len(BANDS))
"""Where the bands are in it."""
N = len(STATISTICS) - 1
MEMBERS = (*((level,) for level in range(LEVELS)), *BANDS, *ABOVE, tuple(range(LEVELS)))
"""For each of them the levels it adds up."""
FREE = 10**7
"""Upper bound of a count of which nothing is known: more organisations than there are."""
ROOM = 64
"""A move goes no further: no rule asks for a wider interval."""

Grid = np.ndarray[tuple[int, int], np.dtype[np.int64]]
Mask = np.ndarray[tuple[int, int], np.dtype[np.bool_]]
Anything = np.ndarray[Any, np.dtype[Any]]

_ADDS_UP = np.array([[level in levels for level in range(LEVELS)] for levels in MEMBERS], np.int64)
_Bounds = tuple[Anything, Anything]
_FITS, _INFEASIBLE = 0, 2  # HiGHS by way of scipy


def columns(counts: Anything) -> Anything:
    """The thirteen counts (last axis) of counts on levels (last axis)."""
    return counts @ _ADDS_UP.T


@dataclass(frozen=True)
class Cube:
    """The cells of all breakdowns, one after the other. ``by`` says for each breakdown the attributes that it groups
    by, ``terms`` for each attribute its terms. Cells are in the order of the terms.
    """

    by: Mapping[str, tuple[str, ...]]
    terms: Mapping[str, tuple[str, ...]]

    @cached_property
    def cells(self) -> dict[tuple[str, tuple[str, ...]], int]:
        """The number of each cell, by breakdown and terms."""
        named = ((name, cell) for name, by in self.by.items() for cell in product(*(self.terms[a] for a in by)))
        return {cell: number for number, cell in enumerate(named)}

    @cached_property
    def names(self) -> list[tuple[str, tuple[str, ...]]]:
        """Breakdown and terms of each cell."""
        return list(self.cells)

    @cached_property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """For each breakdown the number of its terms of every attribute, 1 where it does not group."""
        return {name: tuple(len(t) if a in by else 1 for a, t in self.terms.items()) for name, by in self.by.items()}

    @cached_property
    def places(self) -> dict[str, slice]:
        """For each breakdown where its cells are."""
        ends = np.cumsum([0, *(int(np.prod(shape)) for shape in self.shapes.values())]).tolist()
        return {name: slice(*pair) for name, pair in zip(self.by, pairwise(ends), strict=True)}

    def children(self, parent: str, child: str) -> Grid:
        """For each cell of ``parent`` (a row) the numbers of its cells in ``child``."""
        numbers = np.arange(len(self.cells))
        own = numbers[self.places[parent]].reshape(self.shapes[parent])
        parent_of = np.broadcast_to(own, self.shapes[child]).ravel()
        order = np.argsort(parent_of, kind="stable")
        return numbers[self.places[child]][order].reshape(own.size, -1)

    @cached_property
    def families(self) -> list[tuple[str, str]]:
        """All pairs of breakdowns of which the second divides the first further."""
        return [(p, c) for p, c in product(self.by, repeat=2) if set(self.by[p]) < set(self.by[c])]

    def over_chains(self, room: Anything, names: Sequence[str]) -> Anything:
        """The least of ``room`` (cells first) along each chain through the breakdowns ``names``, an axis for each
        attribute.
        """
        parts = (room[self.places[name]].reshape(*self.shapes[name], *room.shape[1:]) for name in names)
        return reduce(np.minimum, parts)

    def over_cells(self, chains: Anything, names: Sequence[str]) -> Iterator[tuple[slice, Anything]]:
        """Of each of the breakdowns ``names`` the places, and the most of ``chains`` that go through each cell."""
        for name in names:
            away = tuple(axis for axis, size in enumerate(self.shapes[name]) if size == 1)
            yield self.places[name], chains.max(axis=away).reshape(-1, *chains.shape[len(self.terms) :])


@dataclass
class Range:
    """For each cell and count the least and the most value seen so far; all between are possible."""

    least: Grid
    most: Grid

    def see(self, other: Range) -> None:
        """Add what ``other`` has seen."""
        np.minimum(self.least, other.least, out=self.least)
        np.maximum(self.most, other.most, out=self.most)


class System:
    """What holds of every table of ``cube``, with the bounds of one: ``low`` and ``high``, (cells, 13)."""

    def __init__(self, cube: Cube) -> None:
        self.cube = cube
        self.solved = 0
        size = len(cube.cells)
        margins = []
        for parent, child in cube.families:
            rows = cube.children(parent, child)
            parents = np.arange(size)[cube.places[parent]]
            margin = sparse.lil_matrix((len(parents), size))
            margin[np.arange(len(parents)), parents] = 1
            for i, cells in enumerate(rows):
                margin[i, cells] = -1
            margins.append(sparse.kron(margin, sparse.eye(LEVELS)))
        self._margins = sparse.vstack(margins).tocsc() if margins else None
        self._sums = sparse.kron(sparse.eye(size), _ADDS_UP[LEVELS:]).tocsc()

    def extreme(self, cost: Grid, low: Grid, high: Grid) -> Grid | None:
        """A table, (cells, 6), within the bounds for which the sum of ``cost`` times counts is least; None if nothing
        fits. Always the same one. Raises RuntimeError when the solver gives up.
        """
        sums = (low[:, LEVELS:], high[:, LEVELS:])
        return self._solve(cost, (low[:, :LEVELS], high[:, :LEVELS]), sums, self._sums, self._margins)

    def nearest(self, point: Grid, low: Grid, high: Grid) -> Grid | None:
        """The table within the bounds that differs least from ``point``, which adds up; None if nothing fits."""
        more = np.maximum(low[:, :LEVELS] - point, 0), np.maximum(high[:, :LEVELS] - point, 0)
        less = np.maximum(point - high[:, :LEVELS], 0), np.maximum(point - low[:, :LEVELS], 0)
        sums = columns(point)[:, LEVELS:]
        moved = self._solve(
            np.ones((2 * len(point), LEVELS), np.int64),
            (np.concatenate([more[0], less[0]]), np.concatenate([more[1], less[1]])),
            (low[:, LEVELS:] - sums, high[:, LEVELS:] - sums),
            sparse.hstack([self._sums, -self._sums]),
            sparse.hstack([self._margins, -self._margins]) if self._margins is not None else None,
        )
        return None if moved is None else point + moved[: len(point)] - moved[len(point) :]

    def _solve(self, cost: Grid, bounds: _Bounds, sums: _Bounds, sum_rows: Any, margin_rows: Any) -> Grid | None:
        if any((least > most).any() for least, most in (bounds, sums)):
            return None
        self.solved += 1
        rows = [LinearConstraint(sum_rows, sums[0].ravel(), sums[1].ravel())]
        if margin_rows is not None:
            rows.append(LinearConstraint(margin_rows, 0, 0))
        found = milp(
            cost.ravel(),
            integrality=np.ones(cost.size),
            bounds=Bounds(bounds[0].ravel(), bounds[1].ravel()),
            constraints=rows,
            options={"mip_rel_gap": 0},
        )
        if found.status == _INFEASIBLE:
            return None
        if found.status != _FITS:
            raise RuntimeError(f"the solver gave up: {found.message}")
        point: Grid = np.rint(found.x).astype(np.int64).reshape(cost.shape)
        return point

    def fitting(self, low: Grid, high: Grid) -> Grid | None:
        """Some table within the bounds; None if there is none."""
        return self.extreme(np.zeros((len(low), LEVELS), np.int64), low, high)

    def cost(self, cell: int, statistic: int) -> Grid:
        """What makes ``extreme`` look for the least of one count."""
        cost = np.zeros((len(self.cube.cells), LEVELS), np.int64)
        cost[cell] = _ADDS_UP[statistic]
        return cost

    def reach(self, point: Grid, low: Grid, high: Grid) -> Range:
        """What the moves show from ``point``, a table within the bounds."""
        at = columns(point)
        up, down = (_Room.of(room) for room in (high - at, at - low))
        rise, fall = np.zeros_like(at), np.zeros_like(at)
        for names, axis in self._kinds_of_moves:
            more, fewer = (room.along(self.cube, names) for room in (up, down))
            for seen, way, other in ((rise, more, fewer), (fall, fewer, more)):
                moves = way.in_turn(other) if axis is None else way.between(other, axis)
                for place, far in self.cube.over_cells(moves, names):
                    np.maximum(seen[place], far, out=seen[place])
        return Range(at - fall, at + rise)

    @cached_property
    def _kinds_of_moves(self) -> list[tuple[list[str], int | None]]:
        """Along whole chains; and for each attribute (its axis) between two chains that differ in its term only, which
        takes the breakdowns by it, as the others see no change.
        """
        by = self.cube.by
        exchanges = [([b for b in by if a in by[b]], axis) for axis, a in enumerate(self.cube.terms)]
        return [(list(by), None), *((names, axis) for names, axis in exchanges if names)]

    def search(
        self, start: Grid, low: Grid, high: Grid, is_wide: Callable[[Range], Mask], enough: int
    ) -> tuple[Range, Mask]:
        """The ranges of all counts, and which of them are exact. Only those that ``is_wide`` cannot pass are solved,
        and no more than until ``enough`` turn out too narrow.
        """
        seen = self.reach(start, low, high)
        is_exact = np.zeros(seen.least.shape, bool)
        narrow = 0
        while narrow < enough:
            doubtful = np.argwhere(~is_wide(seen) & ~is_exact)
            if not len(doubtful):
                break
            cell, statistic = doubtful[0].tolist()
            for sign in (1, -1):
                point = self.extreme(sign * self.cost(cell, statistic), low, high)
                if point is None:
                    raise RuntimeError("nothing fits where something did")
                seen.see(self.reach(point, low, high))
                if is_wide(seen)[cell, statistic]:
                    break
            else:
                is_exact[cell, statistic] = True
                narrow += 1
        return seen, is_exact


@dataclass(frozen=True)
class _Room:
    """How far counts may go one way: ``level`` (…, 6), with the room of all that it is part of but ``n`` (…)."""

    level: Anything
    n: Anything

    @classmethod
    def of(cls, room: Grid) -> _Room:
        """That of cells, given that of their thirteen counts."""
        short = np.minimum(room, ROOM).astype(np.int8)
        parts = [[s for s in range(N) if level in MEMBERS[s]] for level in range(LEVELS)]
        return cls(np.stack([short[:, part].min(axis=1) for part in parts], axis=1), short[:, N])

    def along(self, cube: Cube, names: Sequence[str]) -> _Room:
        """That of chains."""
        return _Room(cube.over_chains(self.level, names), cube.over_chains(self.n, names))

    def in_turn(self, back: _Room) -> Anything:
        """How far each chain lets its counts go: with ``n``, or with another level going ``back``."""
        moves = []
        for levels in MEMBERS:
            others = [level for level in range(LEVELS) if level not in levels]
            bound = np.maximum(self.n, back.level[..., others].max(axis=-1)) if others else self.n
            moves.append(np.minimum(self.level[..., levels].max(axis=-1), bound))
        return np.stack(moves, axis=-1)

    def between(self, back: _Room, axis: int) -> Anything:
        """How far each chain lets its counts go while another, elsewhere on ``axis``, goes ``back``."""
        own = np.minimum(self.level, self.n[..., None])
        theirs = np.minimum(back.level, back.n[..., None])
        if theirs.shape[axis] == 1:
            far = np.zeros_like(own)
        else:
            order = np.sort(theirs, axis=axis)
            first, second = (order.take([place], axis=axis) for place in (-1, -2))
            far = np.minimum(own, np.where(theirs == first, second, first))
        return np.stack([far[..., levels].max(axis=-1) for levels in MEMBERS], axis=-1)
