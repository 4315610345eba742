"""Which values a table's true counts can have, given bounds on some: witnesses first, integer programmes for the rest.

Only arithmetic lives here. What is published, who knows what and which interval is a leak is ``attack``.

A table is everything of one period, instrument, audience and dimension: for each cell of the cube thirteen counts of
organisations, on the six levels, in the three bands, at or above levels, and in all (``n``). Unknown are those on
levels. They are whole, not negative, and each cell is the sum of its children, in every breakdown that divides it.

A *chain* is the cells of all breakdowns in which one organisation would stand. From a table that fits the bounds, three
moves give others that fit: so many organisations more or fewer on one level of a chain; so many from one level to
another; so many from one chain to another that differs in one attribute. How far they go is the least room along the
chains. Every whole number between is reached, which proves a width without a programme. What they cannot show wide
enough is solved exactly. So it costs time, and changes nothing of what is found, from which table the moves start.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, reduce
from itertools import chain, pairwise, product
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

VARIABLES = 3_000
"""Small programmes are solved as one of about so many."""

_ADDS_UP = np.array([[level in levels for level in range(LEVELS)] for levels in MEMBERS], np.int64)
_TO, _FROM = np.array([pair for pair in product(range(LEVELS), repeat=2) if pair[0] != pair[1]]).T
_MOVES = np.concatenate([np.eye(LEVELS), -np.eye(LEVELS), np.eye(LEVELS)[_TO] - np.eye(LEVELS)[_FROM]])
"""What moves along a chain do to its levels: one more on each, one fewer, one to each from each other."""
_RAISING, _LOWERING = ([np.flatnonzero(done == sign) for done in (_MOVES @ _ADDS_UP.T).T] for sign in (1, -1))
"""For each of the thirteen counts the moves that do it."""
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

    @cached_property
    def crossings(self) -> list[list[str]]:
        """The breakdowns in groups that share no attribute: how a chain goes through one group says nothing of how it
        goes through another.
        """
        groups: list[list[str]] = []
        for name, by in self.by.items():
            linked = [group for group in groups if any(set(by) & set(self.by[other]) for other in group)]
            groups = [group for group in groups if group not in linked] + [[*chain(*linked), name]]
        return groups

    def over_chains(self, room: Anything, names: Sequence[str]) -> Anything:
        """The least of ``room``, (…, cells, what), along each chain through the breakdowns ``names``: an axis for each
        attribute in the place of the cells.
        """
        lead, what = room.shape[:-2], room.shape[-1]
        parts = (room[..., self.places[name], :].reshape(*lead, *self.shapes[name], what) for name in names)
        return reduce(np.minimum, parts)

    def over_cells(self, chains: Anything, names: Sequence[str]) -> Iterator[tuple[slice, Anything]]:
        """Of each of the breakdowns ``names`` the places, and the most of ``chains`` that go through each cell,
        (…, cells, what).
        """
        axes = len(self.terms)
        lead, what = chains.shape[: -axes - 1], chains.shape[-1]
        for name in names:
            away = tuple(axis - axes - 1 for axis, size in enumerate(self.shapes[name]) if size == 1)
            yield self.places[name], chains.max(axis=away).reshape(*lead, -1, what)

    @cached_property
    def margins(self) -> sparse.csc_matrix:
        """A row for each cell that is divided and each breakdown that divides it: its count less those of its parts,
        which must be 0. A column a cell.
        """
        size = len(self.cells)
        rows = [sparse.csc_matrix((0, size), dtype=np.int64)]
        for parent, child in self.families:
            parts = self.children(parent, child)
            place = self.places[parent]
            at = np.concatenate([np.arange(place.start, place.stop), parts.ravel()])
            row = np.concatenate([np.arange(len(parts)), np.arange(len(parts)).repeat(parts.shape[1])])
            values = np.repeat([1, -1], [len(parts), parts.size])
            rows.append(sparse.csc_matrix((values, (row, at)), (len(parts), size)))
        return sparse.vstack(rows, format="csc")

    @cached_property
    def level_margins(self) -> sparse.csc_matrix:
        """The same on each level: a column a cell and level."""
        return sparse.kron(self.margins, sparse.eye(LEVELS), format="csc")

    @cached_property
    def level_sums(self) -> sparse.csc_matrix:
        """What a cell's levels add up to: a row for each cell and count that is more than a level."""
        return sparse.kron(sparse.eye(len(self.cells)), _ADDS_UP[LEVELS:], format="csc")


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
        self._margins, self._sums = cube.level_margins, cube.level_sums

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
            sparse.hstack([self._margins, -self._margins]),
        )
        return None if moved is None else point + moved[: len(point)] - moved[len(point) :]

    def raised(self, point: Grid, low: Anything, high: Anything, is_held: Anything) -> Anything:
        """For each of several bounds, (several, cells, 13), a table near ``point``, which adds up: with no more than
        there in the cells that ``is_held``, (cells,), where that can be.

        Each level by itself and by linear programmes, which takes a fraction of what ``nearest`` does. What comes of it
        may not fit (``fits``).
        """
        at = columns(point)
        # How far a level can go while the others of its cell stay.
        fall, rise = (np.maximum(_of_levels(room, range(LEVELS, N + 1)), 0) for room in (at - low, high - at))
        least = np.maximum(low[..., :LEVELS], point - fall)
        most = np.minimum(high[..., :LEVELS], np.where(is_held[:, None], point, point + rise))
        most = np.maximum(most, least)
        points = np.broadcast_to(point, least.shape).copy()
        short = np.argwhere((least > point).any(axis=1))
        together = max(VARIABLES // len(point), 1)
        for place in range(0, len(short), together):
            who, level = short[place : place + together].T
            rows = who, slice(None), level
            points[rows] = self._highest(least[rows], most[rows], is_held, points[rows])
        return points

    def _highest(self, least: Grid, most: Grid, is_held: Anything, otherwise: Grid) -> Grid:
        """For each row of bounds on cells, counts that add up and are as high as can be where ``is_held``; those of
        ``otherwise`` where nothing fits.
        """
        self.solved += 1
        found = milp(
            -np.tile(is_held.astype(float), len(least)),
            bounds=Bounds(least.ravel(), most.ravel()),
            constraints=_are_0(sparse.kron(sparse.eye(len(least)), self.cube.margins, format="csc")),
            options={"presolve": False},
        )
        if found.status == _FITS:
            counts: Grid = np.rint(found.x).astype(np.int64).reshape(least.shape)
            return counts
        if found.status != _INFEASIBLE:
            raise RuntimeError(f"the solver gave up: {found.message}")
        if len(least) == 1:
            return otherwise
        halves = (slice(None, len(least) // 2), slice(len(least) // 2, None))
        return np.concatenate([self._highest(least[h], most[h], is_held, otherwise[h]) for h in halves])

    def fits(self, point: Anything, low: Anything, high: Anything) -> Anything:
        """Whether tables, (…, cells, 6), add up and are within the bounds, (…)."""
        at = columns(point)
        is_within: Any = ((at >= low) & (at <= high)).all(axis=(-2, -1))
        counts = np.moveaxis(point, -2, 0)
        off = self.cube.margins @ counts.reshape(len(counts), -1)
        does_add_up: Any = (off == 0).all(axis=0).reshape(counts.shape[1:]).all(axis=-1)
        fits: Anything = is_within & does_add_up
        return fits

    def _solve(self, cost: Grid, bounds: _Bounds, sums: _Bounds, sum_rows: Any, margin_rows: Any) -> Grid | None:
        if any((least > most).any() for least, most in (bounds, sums)):
            return None
        self.solved += 1
        rows = [LinearConstraint(sum_rows, sums[0].ravel(), sums[1].ravel()), *_are_0(margin_rows)]
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

    def reach(self, point: Anything, low: Anything, high: Anything) -> Range:
        """What the moves show from ``point``, (…, cells, 6), a table within the bounds."""
        at = columns(point)
        up, down = (np.minimum(room, ROOM).astype(np.int8) for room in (high - at, at - low))
        more, fewer = (_of_levels(room, range(N)) for room in (up, down))
        alone_up, alone_down = np.minimum(more, up[..., N:]), np.minimum(fewer, down[..., N:])
        # On each level one more, or one fewer; and one from each level to each other.
        swapped = np.minimum(more[..., _TO], fewer[..., _FROM])
        far = self._along_chains(np.concatenate([alone_up, alone_down, swapped], axis=-1))
        rise, fall = np.zeros_like(at), np.zeros_like(at)
        for statistic, (raising, lowering) in enumerate(zip(_RAISING, _LOWERING, strict=True)):
            rise[..., statistic] = far[..., raising].max(axis=-1)
            fall[..., statistic] = far[..., lowering].max(axis=-1)
        for names, axis in self._exchanges:
            one, other = (self.cube.over_chains(room, names) for room in (alone_up, alone_down))
            for seen, way, back in ((rise, one, other), (fall, other, one)):
                for place, moved in self.cube.over_cells(_between(way, back, axis - len(self.cube.terms) - 1), names):
                    by_statistic = np.stack([moved[..., levels].max(axis=-1) for levels in MEMBERS], axis=-1)
                    np.maximum(seen[..., place, :], by_statistic, out=seen[..., place, :])
        return Range(at - fall, at + rise)

    def _along_chains(self, room: Anything) -> Anything:
        """For each cell the most, over the chains through it, of the least ``room`` along the chain.

        Chains need not be tried one by one: through breakdowns that share no attribute each goes as it likes.
        """
        best = np.empty_like(room)
        tops = []
        for names in self.cube.crossings:
            chains = self.cube.over_chains(room, names)
            for place, most in self.cube.over_cells(chains, names):
                best[..., place, :] = most
            tops.append(best[..., self.cube.places[names[0]], :].max(axis=-2))
        for i, names in enumerate(self.cube.crossings):
            others = [top for j, top in enumerate(tops) if j != i]
            if others:
                least = reduce(np.minimum, others)[..., None, :]
                for name in names:
                    np.minimum(best[..., self.cube.places[name], :], least, out=best[..., self.cube.places[name], :])
        return best

    @cached_property
    def _exchanges(self) -> list[tuple[list[str], int]]:
        """For each attribute (its axis) the breakdowns by it: of two chains that differ in its term only, the others
        see no change.
        """
        by = self.cube.by
        exchanges = [([b for b in by if a in by[b]], axis) for axis, a in enumerate(self.cube.terms)]
        return [(names, axis) for names, axis in exchanges if names]

    def search(self, seen: Range, low: Grid, high: Grid, is_wide: Callable[[Range], Mask], enough: int) -> Mask:
        """Widen what was ``seen`` of all counts, and say which of them are exact. Only those that ``is_wide`` cannot
        pass are solved, and no more than until ``enough`` turn out too narrow. Which are exact does not depend on what
        was seen before.
        """
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
        return is_exact


def _are_0(rows: sparse.csc_matrix) -> list[LinearConstraint]:
    """That these sums are 0, if there are any."""
    return [LinearConstraint(rows, 0, 0)] if rows.shape[0] else []


def _of_levels(room: Anything, parts: Iterable[int]) -> Anything:
    """For each level the least ``room`` of those of the thirteen counts, ``parts``, that it is part of."""
    theirs = [[s for s in parts if level in MEMBERS[s]] for level in range(LEVELS)]
    return np.stack([room[..., own].min(axis=-1) for own in theirs], axis=-1)


def _between(room: Anything, back: Anything, axis: int) -> Anything:
    """How far each chain lets its counts go while another, elsewhere on ``axis``, goes ``back``."""
    if back.shape[axis] == 1:
        return np.zeros_like(room)
    order = np.sort(back, axis=axis)
    first, second = (order.take([place], axis=axis) for place in (-1, -2))
    return np.minimum(room, np.where(back == first, second, first))
