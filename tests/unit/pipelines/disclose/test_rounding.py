"""Rounded counts add up, stay near, are the best there are, and are the same in every run."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.cube import Counts, families
from pipelines.disclose.eligible import BANDS, HIDDEN, LEVELS, Details
from pipelines.disclose.rounding import STEPS, NotRounded, Rounded, rounded
from pipelines.policy import Policy
from tests.counts import Member, counts_of, on_levels, random_members


def all_told(counts: Counts, threshold: int = 1) -> Details:
    return tuple(np.where(grid.sum(axis=1) >= threshold, LEVELS, HIDDEN) for grid in counts.levels)


def round_all(counts: Counts, details: Details | None = None) -> Rounded:
    found = rounded(counts, details or all_told(counts), Policy(), {})
    assert found is not None
    return found


def numbers(counts: Sequence[np.ndarray]) -> Iterator[np.ndarray]:
    """For each breakdown n and the counts of each cell."""
    for grid in counts:
        yield np.concatenate([grid.sum(axis=1, keepdims=True), grid], axis=1)


def check(counts: Counts, found: Rounded, details: Details) -> None:
    most = 10 if found.step == STEPS[-1] else 5
    for true, x, told in zip(numbers(counts.levels), numbers(found.levels), details, strict=True):
        assert (x >= 0).all()
        assert (x % 5 == 0).all()
        shown = told == LEVELS
        assert (abs(x - true)[shown] < most).all()
        if found.step == STEPS[0]:
            assert (abs(x - true) < 5).all()
            assert (x == true)[true % 5 == 0].all()
        if found.step != STEPS[-1]:
            assert (x == true)[shown[:, None] & (true % 5 == 0)].all()
            above = [np.cumsum(grid[shown, :0:-1], axis=1) for grid in (x, true)]
            assert (abs(above[0] - above[1]) < 5).all()
    for family in families(counts.cube):
        x = list(numbers(found.levels))
        sums = np.zeros_like(x[family.parent])
        np.add.at(sums, family.parent_of, x[family.child])
        assert (sums == x[family.parent]).all()
    assert found.deviation < most


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 700), st.integers(2, 20), st.sampled_from([1, 10]))
def test_margins_add_up_and_no_number_is_a_base_off(seed: int, n: int, terms_n: int, threshold: int) -> None:
    counts = counts_of(random_members(seed, n, terms_n=terms_n))
    details = all_told(counts, threshold)
    found = round_all(counts, details)
    if any(told.any() for told in details):
        check(counts, found, details)


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 10**6), st.integers(20, 400))
def test_the_order_of_organisations_does_not_matter_and_a_run_is_like_the_next(seed: int, n: int) -> None:
    everybody = random_members(seed, n)
    first = round_all(counts_of(everybody))
    for again in (counts_of(everybody), counts_of(everybody[::-1])):
        assert all(np.array_equal(*pair) for pair in zip(first.levels, round_all(again).levels, strict=True))


def test_ties_hang_on_the_key() -> None:
    counts = counts_of(random_members(5, 300))
    details = all_told(counts, 10)
    found = [np.concatenate(round_all(replace(counts, tie_key=bytes([i])), details).levels) for i in range(6)]
    assert len({one.tobytes() for one in found}) > 1
    true = np.concatenate(counts.levels)
    # n is as near as it can be whatever the key; what that leaves for the levels may differ a little.
    assert len({abs(one.sum(axis=1) - true.sum(axis=1)).sum() for one in found}) == 1
    assert np.ptp([abs(one - true).sum() for one in found]) < 0.02 * true.sum()


def test_the_same_organisations_have_the_same_numbers_in_every_dimension() -> None:
    everybody = random_members(9, 500)
    governance = counts_of(everybody)
    legal = counts_of([replace(one, level=5 - one.level) for one in everybody], key=(*governance.key[:3], "legal"))
    found = [round_all(replace(counts, tie_key=b"both")) for counts in (governance, legal)]
    assert {one.step for one in found} == {STEPS[0]}
    for first, second in zip(found[0].levels, found[1].levels, strict=True):
        assert (first.sum(axis=1) == second.sum(axis=1)).all()


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(0, 9), min_size=4, max_size=4))
def test_the_distance_is_the_least_of_all_that_add_up(cells: list[int]) -> None:
    """Two sectors on two levels, where every solution can be tried: first n, then levels."""
    one, two, three, four = cells
    counts = counts_of(
        on_levels(one, two, sector="health"), on_levels(three, four, sector="justice"), breakdowns=("total", "sector")
    )
    found = round_all(counts, (np.full(1, HIDDEN), np.where(counts.levels[1].any(axis=1), BANDS, HIDDEN)))
    told = np.array(cells).reshape(2, 2)
    places = [counts.cube[1].cells.index((sector,)) for sector in ("health", "justice")]
    x = found.levels[1][places][:, :2]
    if found.step == STEPS[0]:
        n, levels = distance(x, told)
        assert n == min(distance(other, told)[0] for other in solutions(told))
        same_n = [other for other in solutions(told) if (other.sum(axis=1) == x.sum(axis=1)).all()]
        assert levels == min(distance(other, told)[1] for other in same_n)


def solutions(true: np.ndarray) -> Iterator[np.ndarray]:
    floors, over = true // 5 * 5, true % 5 > 0
    for ups in product((0, 5), repeat=4):
        x = floors + np.array(ups).reshape(2, 2)
        sums = [(x.sum(), true.sum())]
        for axis in (0, 1):
            sums += zip(x.sum(axis=axis), true.sum(axis=axis), strict=True)
        is_near = all(abs(a - b) < 5 and (a == b or b % 5) for a, b in sums)
        if is_near and (over | (np.array(ups).reshape(2, 2) == 0)).all():
            yield x


def distance(x: np.ndarray, true: np.ndarray) -> tuple[int, int]:
    n = abs(x.sum() - true.sum()) + abs(x.sum(axis=1) - true.sum(axis=1)).sum()
    return int(n), int(abs(x - true).sum() + abs(x.sum(axis=0) - true.sum(axis=0)).sum())


def test_three_singletons_do_not_show() -> None:
    """Three regions with one organisation each: rounded one by one they vanish, and the total would tell of them."""
    rest = on_levels(3, 3, 4, 3, 3, 4, region="wales")
    singles = [Member(level, region=region) for level, region in ((1, "london"), (3, "scotland"), (5, "north_east"))]
    counts = counts_of(rest, singles, breakdowns=("total", "region"))
    found = round_all(counts)
    check(counts, found, all_told(counts))


def test_two_linked_tables_that_are_each_safe_and_exact_together() -> None:
    """By sector and by size each count could be several, and both with their cross would leave one: not when all are
    rounded together and add up.
    """
    counts = counts_of(
        on_levels(4, 7, 3, 0, 0, 0, sector="health", size_band="under_50"),
        on_levels(1, 0, 6, 2, 0, 0, sector="health", size_band="50_to_249"),
        on_levels(0, 8, 1, 1, 3, 0, sector="justice", size_band="under_50"),
        on_levels(2, 2, 0, 6, 0, 4, sector="justice", size_band="50_to_249"),
    )
    found = round_all(counts)
    check(counts, found, all_told(counts))


def test_bands_are_as_near_as_levels() -> None:
    counts = counts_of(random_members(3, 200))
    details = tuple(np.where(grid.any(axis=1), BANDS, HIDDEN) for grid in counts.levels)
    found = round_all(counts, details)
    for true, x, told in zip(counts.levels, found.levels, details, strict=True):
        bands = [grid[told == BANDS].reshape(-1, 3, 2).sum(axis=2) for grid in (x, true)]
        assert (abs(bands[0] - bands[1]) < 5).all()


def test_constants_stay_and_the_rest_adds_up() -> None:
    counts = counts_of(random_members(7, 300))
    total = round_all(counts).levels[0].sum()
    other = int(total) + 5 if total < counts.levels[0].sum() else int(total) - 5
    found = rounded(counts, all_told(counts), Policy(), {("total", (), "n"): other})
    assert found is not None
    assert found.levels[0].sum() == other
    wrong = {("total", (), "n"): other + 100}
    assert rounded(counts, tuple(np.full(len(g), LEVELS) for g in counts.levels), Policy(), wrong) is None
    with pytest.raises(NotRounded, match="no multiple of 5"):
        rounded(counts, all_told(counts), Policy(), {("total", (), "n"): 13})


def test_nothing_told_is_nothing_rounded() -> None:
    counts = counts_of(random_members(7, 30))
    found = round_all(counts, tuple(np.full(len(grid), HIDDEN) for grid in counts.levels))
    assert not any(grid.any() for grid in found.levels)
