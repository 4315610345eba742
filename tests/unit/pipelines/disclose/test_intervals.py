"""Intervals are those that trying everything gives, those of Tau-Argus, and those of textbooks."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pytauargus._tauargus import audit_jj

from pipelines.disclose.intervals import FREE, LEVELS, MEMBERS, STATISTICS, Cube, Grid, Range, System, columns
from tests.cubes import a_cube, a_policy, count, everybody

TWO_BY_TWO = {
    "sector": ("health", "housing"),
    "organisation_type": ("x",),
    "size_band": ("small", "large"),
    "region": ("wales",),
}
CUBE = a_cube(a_policy("total", "sector", "size_band", "sector_size_band"), TWO_BY_TWO)
USED = 2
"""Levels on which somebody may be, so that everything can be tried."""


def every_table(most: int) -> Iterator[Grid]:
    """All tables of ``CUBE`` with at most ``most`` organisations on a level of a smallest cell."""
    leaves = CUBE.places["sector_size_band"]
    for values in product(range(most + 1), repeat=4 * USED):
        counts = np.zeros((len(CUBE.cells), LEVELS), np.int64)
        counts[leaves, :USED] = np.array(values).reshape(4, USED)
        for family in [f for f in CUBE.families if f[1] == "sector_size_band"]:
            counts[CUBE.places[family[0]]] = counts[CUBE.children(*family)].sum(axis=1)
        yield counts


TABLES = np.array(list(every_table(2)))
COUNTS = columns(TABLES)


def bounds_around(counts: Grid, slack: Grid) -> tuple[Grid, Grid]:
    low, high = np.maximum(counts - slack, 0), counts + slack
    high[CUBE.places["sector_size_band"], :LEVELS] = np.minimum(high[CUBE.places["sector_size_band"], :LEVELS], 2)
    high[:, USED:LEVELS] = 0
    return low, high


@settings(max_examples=25, deadline=None)
@given(st.integers(0, len(TABLES) - 1), st.integers(0, 2**32), st.integers(0, 3))
def test_ranges_are_those_that_trying_everything_gives(which: int, seed: int, most: int) -> None:
    slack = np.random.default_rng(seed).integers(0, most + 1, COUNTS[which].shape)
    low, high = bounds_around(COUNTS[which], slack)
    fitting = COUNTS[((low <= COUNTS) & (high >= COUNTS)).all(axis=(1, 2))]
    system = System(CUBE)

    seen = system.reach(TABLES[which], low, high)
    is_exact = system.search(seen, low, high, lambda seen: np.zeros(seen.least.shape, bool), 10**6)
    assert is_exact.all()
    assert (seen.least == fitting.min(axis=0)).all()
    assert (seen.most == fitting.max(axis=0)).all()

    reached = system.reach(TABLES[which], low, high)
    for cell, statistic in np.ndindex(reached.least.shape):
        shown = set(range(reached.least[cell, statistic], reached.most[cell, statistic] + 1))
        assert shown <= set(np.unique(fitting[:, cell, statistic]).tolist())


@settings(max_examples=15, deadline=None)
@given(st.integers(0, len(TABLES) - 1), st.integers(0, len(TABLES) - 1), st.integers(1, 4))
def test_the_nearest_table_is_the_nearest_of_all(which: int, other: int, most: int) -> None:
    low, high = bounds_around(COUNTS[which], np.full(COUNTS[which].shape, most))
    fits = ((low <= COUNTS) & (high >= COUNTS)).all(axis=(1, 2))
    found = System(CUBE).nearest(TABLES[other], low, high)
    assert found is not None
    assert np.abs(found - TABLES[other]).sum() == np.abs(TABLES[fits] - TABLES[other]).sum(axis=(1, 2)).min()


@settings(max_examples=15, deadline=None)
@given(st.integers(0, len(TABLES) - 1), st.integers(0, 2**32))
def test_tables_that_were_raised_have_what_was_asked_for_and_add_up(which: int, seed: int) -> None:
    random = np.random.default_rng(seed)
    lows = COUNTS[random.integers(0, len(TABLES), 5)]
    highs = np.full(lows.shape, FREE)
    system = System(CUBE)
    raised = system.raised(TABLES[which], lows, highs, np.zeros(len(CUBE.cells), bool))
    assert system.fits(raised, lows, highs).all(), "nothing holds them down"
    (same,) = system.raised(TABLES[which], 0 * lows[:1], highs[:1], np.ones(len(CUBE.cells), bool))
    assert (same == TABLES[which]).all(), "nothing is asked for"
    off = raised.copy()
    off[0, 0, 0] += 1
    assert system.fits(off, lows, highs).tolist() == [False, True, True, True, True]


def test_bounds_that_nothing_fits_have_no_table() -> None:
    system = System(CUBE)
    low, high = np.zeros(COUNTS[0].shape, np.int64), np.full(COUNTS[0].shape, 3)
    low[0, -1] = 4
    assert system.fitting(low, high) is None
    low[0, -1], low[1, -1], low[2, -1] = 0, 2, 2
    assert system.fitting(low, high) is None
    assert system.nearest(TABLES[0], low, high) is None


# Referees.


def tau_argus(cube: Cube, low: Grid, high: Grid, point: Grid) -> dict[tuple[int, int], tuple[float, float]]:
    """The intervals that Tau-Argus audits for every count, by cell and statistic. Its files hold true counts: they are
    made in a folder that is removed.
    """
    at = columns(point)
    number = np.arange(at.size).reshape(at.shape)
    lines = ["0", str(at.size)]
    for i, (value, least, most) in enumerate(zip(at.ravel(), low.ravel(), high.ravel(), strict=True)):
        lines.append(f"{i} {value} 1 u {least} {most} 0 0 0")
    relations = []
    for cell in range(len(at)):
        for total, parts in enumerate(MEMBERS[LEVELS:], LEVELS):
            relations.append((number[cell, total], [number[cell, part] for part in parts]))
    for parent, child in cube.families:
        place = cube.places[parent]
        for cell, children in zip(range(place.start, place.stop), cube.children(parent, child), strict=True):
            relations += [(number[cell, level], number[children, level].tolist()) for level in range(LEVELS)]
    lines.append(str(len(relations)))
    for total, parts in relations:
        terms = " ".join(f"{part} (1)" for part in parts)
        lines.append(f"0 {len(parts) + 1} : {total} (-1) {terms}")
    with TemporaryDirectory() as folder:
        file = Path(folder, "table.jj")
        file.write_text("\n".join(lines) + "\n")
        rows = audit_jj(str(file))
        assert [path.name for path in Path(folder).iterdir()] == ["table.jj"]
    return {divmod(row["cell"], at.shape[1]): (row["min"], row["max"]) for row in rows}


@pytest.mark.parametrize("seed", range(6))
def test_intervals_are_those_that_tau_argus_audits(seed: int) -> None:
    point = count(CUBE, everybody(40, TWO_BY_TWO, seed))
    random = np.random.default_rng(seed)
    at = columns(point)
    slack = random.integers(0, 5, at.shape)
    low, high = np.maximum(at - slack, 0), at + slack
    free = random.random(at.shape) < 0.3
    low[free], high[free] = 0, 60
    system = System(CUBE)
    seen = system.reach(point, low, high)
    system.search(seen, low, high, lambda seen: np.zeros(seen.least.shape, bool), 10**6)
    theirs = tau_argus(CUBE, low, high, point)
    ours = {
        (cell, statistic): (seen.least[cell, statistic], seen.most[cell, statistic])
        for cell, statistic in np.ndindex(seen.least.shape)
    }
    assert len(theirs) == len(ours)
    # It solves linear programmes: whole numbers lie within, and the ends are the same but for fractions.
    assert {place: (np.ceil(a - 1e-6), np.floor(b + 1e-6)) for place, (a, b) in theirs.items()} == ours


def exact_sectors(known: dict[tuple[str, tuple[str, ...]], int]) -> dict[str, tuple[int, int]]:
    """The ranges of n of the smallest cells, where ``known`` numbers of organisations are exact."""
    low = np.zeros((len(CUBE.cells), len(STATISTICS)), np.int64)
    high = np.full(low.shape, FREE)
    for cell, value in known.items():
        low[CUBE.cells[cell], -1] = high[CUBE.cells[cell], -1] = value
    system = System(CUBE)
    start = system.fitting(low, high)
    assert start is not None

    def is_wide(seen: Range) -> np.ndarray:
        wide = np.ones(seen.least.shape, bool)
        wide[CUBE.places["sector_size_band"], -1] = False
        return wide

    seen = system.reach(start, low, high)
    system.search(seen, low, high, is_wide, 100)
    return {
        " ".join(terms): (seen.least[i, -1], seen.most[i, -1])
        for (name, terms), i in CUBE.cells.items()
        if name == "sector_size_band"
    }


def test_two_linked_tables_that_are_each_safe_are_exact_together() -> None:
    by_sector = {("total", ()): 50, ("sector", ("health",)): 20, ("sector_size_band", ("housing", "small")): 12}
    by_size = {("total", ()): 50, ("size_band", ("small",)): 15}
    assert exact_sectors(by_sector)["health small"] == (0, 20)
    assert exact_sectors(by_size)["health small"] == (0, 15)
    assert exact_sectors(by_sector | by_size)["health small"] == (3, 3)


def test_three_singletons_are_known_to_be_three() -> None:
    known = {("total", ()): 13, ("sector_size_band", ("housing", "large")): 10}
    assert exact_sectors(known)["health small"] == (0, 3)
    known[("sector", ("health",))] = 2
    known[("size_band", ("small",))] = 2
    ranges = exact_sectors(known)
    assert ranges["health small"] == (1, 1), "each of the three is withheld, and there is an equation for each"
    assert ranges["health large"] == (1, 1)
