"""Groups are not told that are too small, too much one hub's, all on one level, or to be had by subtraction."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.cube import Counts, families
from pipelines.disclose.eligible import BANDS, HIDDEN, LEVELS, Eligible, best_detail, eligible
from pipelines.policy import Policy
from tests.counts import Member, counts_of, members, on_levels, random_members


def found(*groups: Iterable[Member], policy: Policy | None = None) -> tuple[Counts, Eligible]:
    counts = counts_of(*groups)
    return counts, eligible(counts, policy or Policy(), [np.full(len(grid), -1) for grid in counts.levels])


def detail(told: tuple[Counts, Eligible], breakdown: str = "total", *cell: str) -> int:
    counts, result = told
    place = counts.breakdowns.index(breakdown)
    return int(result.details[place][counts.cube[place].cells.index(cell)])


def spread(n: int, **terms: str) -> Iterable[Member]:
    return members((i % 6 for i in range(n)), **terms)


def test_a_group_at_the_threshold_is_told_and_one_below_is_not() -> None:
    assert detail(found(spread(10))) == LEVELS
    assert detail(found(spread(9))) == HIDDEN
    assert detail(found(spread(14)), "total") == LEVELS
    assert detail(found(spread(19), policy=Policy(threshold=20, base=10))) == HIDDEN


def test_a_group_that_one_hub_makes_up_is_not_told_however_large() -> None:
    assert detail(found(spread(200, hub="a"))) == HIDDEN
    assert detail(found(spread(200, hub="a"), spread(9, hub="b"))) == HIDDEN
    assert detail(found(spread(200, hub="a"), spread(10, hub="b"))) == LEVELS
    assert detail(found(spread(15, hub="a"), spread(10))) == LEVELS  # the ten are in another hub as well


@pytest.mark.parametrize(
    ("counts", "expected"),
    [
        ((0, 0, 0, 20, 0, 0), HIDDEN),  # all on one level, and so in one band
        ((1, 0, 0, 20, 0, 0), HIDDEN),
        ((2, 0, 0, 20, 0, 0), LEVELS),
        ((0, 0, 19, 1, 0, 0), HIDDEN),
        ((0, 0, 10, 10, 0, 0), LEVELS),  # one band, but two levels: told by levels, which says no more
        ((1, 0, 1, 20, 0, 0), LEVELS),
        ((3, 0, 0, 0, 3, 4), LEVELS),
    ],
)
def test_a_group_is_not_told_when_all_or_all_but_one_are_on_one_level(counts: tuple[int, ...], expected: int) -> None:
    assert detail(found(on_levels(*counts))) == expected


def test_bands_stand_in_when_a_group_is_spread_over_bands_only_without_one_hub() -> None:
    """Without hub a, whose members are on level 2, all but one are on level 3 … and a fifth is in another band."""
    levels = np.array([[2, 0, 6, 12, 0, 0]])
    own = np.array([[[0, 0, 0, 0, 0, 0]], [[0, 0, 6, 1, 0, 0]]])
    assert best_detail(levels, own, Policy()).tolist() == [LEVELS]
    own[1] = [[1, 0, 6, 1, 0, 0]]
    assert best_detail(levels, own, Policy()).tolist() == [HIDDEN]


def test_what_is_left_of_a_parent_is_nobody_or_could_be_told() -> None:
    """Three organisations of another sector would follow from total less the sectors told: one more is withheld."""
    told = found(
        spread(30, sector="health"), spread(20, sector="housing"), spread(3, sector="justice", size_band="50_to_249")
    )
    assert detail(told) == LEVELS
    assert detail(told, "sector", "health") == LEVELS
    assert detail(told, "sector", "housing") == HIDDEN
    # With a sector goes what is below it, or the sector could be added up again.
    assert detail(told, "sector_size_band", "housing", "under_50") == HIDDEN
    without = found(spread(30, sector="health"), spread(20, sector="housing"))
    assert detail(without, "sector", "housing") == LEVELS


def test_what_is_left_of_a_parent_must_not_be_one_hubs_own() -> None:
    told = found(spread(30, sector="health"), spread(20, sector="housing"), spread(15, sector="justice", hub="a"))
    assert detail(told, "sector", "justice") == HIDDEN
    assert detail(told, "sector", "housing") == HIDDEN


def test_levels_of_a_group_do_not_follow_from_those_of_its_parent_and_siblings() -> None:
    """All of justice are on level 3 but one: it is not told, and another sector neither, or its levels would follow."""
    told = found(
        spread(60, sector="health"), spread(30, sector="housing"), on_levels(0, 0, 0, 19, 1, 0, sector="justice")
    )
    assert detail(told, "sector", "justice") == HIDDEN
    assert detail(told, "sector", "housing") == HIDDEN
    assert detail(told, "sector", "health") == LEVELS


def test_what_was_told_is_told_again() -> None:
    counts = counts_of(spread(30, sector="health"), spread(20, sector="housing"), spread(3, sector="justice"))
    before = [np.full(len(grid), -1) for grid in counts.levels]
    sectors = counts.cube[1].cells
    before[1][:] = HIDDEN
    before[1][[sectors.index(("housing",)), sectors.index(("health",))]] = LEVELS
    result = eligible(counts, Policy(), before)
    assert detail((counts, result), "sector", "housing") == LEVELS
    assert "total less sector" in result.unsafe_rests


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 500), st.integers(1, 4), st.integers(2, 20))
def test_no_group_and_no_rest_is_unsafe(seed: int, n: int, hubs_n: int, terms_n: int) -> None:
    counts, result = found(random_members(seed, n, hubs_n, terms_n))
    assert not result.unsafe_rests
    for levels, own, told in zip(counts.levels, counts.own, result.details, strict=True):
        for cell in np.flatnonzero(told > HIDDEN):
            check_group(levels[cell], own[:, cell], int(told[cell]))
    for family in families(counts.cube):
        assert (result.details[family.child] <= result.details[family.parent][family.parent_of]).all()
        for parent, least in product(np.flatnonzero(result.details[family.parent]), (BANDS, LEVELS)):
            shown = (result.details[family.child] >= least) & (family.parent_of == parent)
            rest = counts.levels[family.parent][parent] - counts.levels[family.child][shown].sum(axis=0)
            own = counts.own[family.parent][:, parent] - counts.own[family.child][:, shown].sum(axis=1)
            if result.details[family.parent][parent] >= least and shown.any() and rest.any():
                check_group(rest, own, least)


def check_group(levels: np.ndarray, own: np.ndarray, least: int) -> None:
    """Assert, an organisation at a time, that a group may be told in that detail."""
    for away in (np.zeros(6, int), *own):
        rest = levels - away
        assert rest.sum() >= 10
        by_band = rest.reshape(3, 2).sum(axis=1)
        assert rest.sum() - rest.max() >= 2 or (least == BANDS and by_band.sum() - by_band.max() >= 2)
