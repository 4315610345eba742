"""What is worked out from rounded counts is right, held back below its gates, and honest about its limits."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.disclose.derived import banded, limits, median_limits, statistics
from pipelines.disclose.eligible import BANDS, HIDDEN, LEVELS
from pipelines.disclose.recount import rank as recounted_rank
from pipelines.policy import Policy
from tests import cubes


def figures(*cells: tuple[int, ...], detail: int = LEVELS, policy: Policy | None = None) -> list[dict[str, Any]]:
    """The figures of each cell, after those of all organisations: the first one."""
    grid = np.array(cells)
    details = np.full(len(grid), detail)
    columns = statistics(banded(grid, details), details, np.full(len(grid), 4), policy or Policy())
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


@pytest.mark.parametrize(
    ("count", "n", "low", "high"),
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_limits_are_those_of_newcombe_1998a_table_i(count: int, n: int, low: float, high: float) -> None:
    found = limits(np.array([count]), np.array([n]), np.array([0]), 0.95)
    assert [round(float(end[0]), 4) for end in found] == [low, high]


TEXTBOOK_RANKS = {
    6: 1,
    8: 1,
    9: 2,
    10: 2,
    11: 2,
    12: 3,
    15: 4,
    16: 4,
    17: 5,
    19: 5,
    20: 6,
    25: 8,
    30: 10,
    100: 40,
}
"""As tables of textbooks have them for 95%, from below and from above: 6 and 15 of 20 organisations, with 95.9%."""


@pytest.mark.parametrize(("n", "rank"), TEXTBOOK_RANKS.items())
def test_ranks_of_a_median_are_those_of_textbooks(n: int, rank: int) -> None:
    assert recounted_rank(n, 0.95) == rank
    # With so many on the lowest level and all others on the highest, the rank tells the two apart.
    few, more = ([below, 0, 0, 0, 0, n - below] for below in (rank - 1, rank))
    low, _ = median_limits(np.array([few, more]), np.zeros(2, int), 0.95)
    assert low.tolist() == [5, 0]
    _, high = median_limits(np.array([few[::-1], more[::-1]]), np.zeros(2, int), 0.95)
    assert high.tolist() == [0, 5]


@pytest.mark.parametrize("confidence", [0.9, 0.95, 0.99, 0.998])
def test_both_ways_to_a_rank_agree(confidence: float) -> None:
    numbers = np.arange(1, 600)
    zeros = np.zeros(len(numbers), int)
    for below in (0, 3, 40, 200):  # how many are on level 0, the others on 5
        grid = np.column_stack([np.minimum(below, numbers), *[zeros] * 4, np.maximum(numbers - below, 0)])
        low, high = median_limits(grid, zeros, confidence)
        ranks = [recounted_rank(n, confidence) for n in numbers.tolist()]
        lowest = [0 if below >= rank else 5 for rank in ranks]
        highest = [5 if rank == 0 or n - below >= rank else 0 for rank, n in zip(ranks, numbers.tolist(), strict=True)]
        assert (low.tolist(), high.tolist()) == (lowest, highest)


@pytest.mark.parametrize(
    ("levels", "low", "high"),
    [((35, 65), 0, 1), ((30, 70), 1, 1), ((65, 35), 0, 1), ((70, 30), 0, 0)],
)
def test_rounding_moves_the_limits_of_a_median_outwards(levels: tuple[int, int], low: int, high: int) -> None:
    """Up to 104 organisations may be meant, of which the 42nd is the rank, or 96, of which it is the 38th."""
    found = median_limits(np.array([[*levels, 0, 0, 0, 0]]), np.array([4]), 0.95)
    assert [int(end[0]) for end in found] == [low, high]
    assert recounted_rank(104, 0.95) == 42
    assert recounted_rank(96, 0.95) == 38


def test_of_too_few_for_any_rank_the_limits_are_all_levels() -> None:
    low, high = median_limits(np.array([[0, 0, 9, 0, 0, 0], [0, 0, 9, 0, 0, 0]]), np.array([0, 4]), 0.95)
    assert (low.tolist(), high.tolist()) == ([2, 0], [2, 5])


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, 60), min_size=6, max_size=6), st.data())
def test_limits_of_a_median_hold_those_of_every_group_that_may_be_meant(true: list[int], data: st.DataObject) -> None:
    n = sum(true)
    if n < 20:
        return
    x_n = data.draw(st.sampled_from(sorted({n // 5 * 5, -(-n // 5) * 5})))
    reached = [min(5 * data.draw(st.sampled_from([k // 5, -(-k // 5)])), x_n) for k in np.cumsum(true[:0:-1]).tolist()]
    reached = np.maximum.accumulate(reached)[::-1].tolist()
    x = -np.diff([x_n, *reached, 0])
    exact = median_limits(np.array([true]), np.zeros(1, int), 0.95)
    told = median_limits(np.array([x]), np.array([4]), 0.95)
    assert told[0][0] <= exact[0][0] <= exact[1][0] <= told[1][0]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, 40), min_size=6, max_size=6))
def test_figures_are_those_of_the_organisations_one_by_one(multiples: list[int]) -> None:
    counts = tuple(5 * m for m in multiples)
    n = sum(counts)
    if n < 10:
        return
    [found] = figures(counts)
    everybody = np.repeat(np.arange(6), counts)
    assert found["n"] == n
    for name, share, gate in (("median", 0.5, 20), ("q1", 0.25, 40), ("q3", 0.75, 40)):
        assert found[name] == (np.quantile(everybody, share, method="inverted_cdf") if n >= gate else None)
    limits_of_median = (found["median_low"], found["median_high"])
    if n >= 20:
        assert limits_of_median == tuple(cubes.median_limits(np.array(counts), 4).values())
        assert limits_of_median[0] <= found["median"] <= limits_of_median[1]
    else:
        assert limits_of_median == (None, None)
    assert found["mean"] == pytest.approx(np.mean(everybody), abs=0.0501)
    for level in range(1, 6):
        share = float(np.mean(everybody >= level))
        assert found[f"share_ge_{level}"] == pytest.approx(min(max(share, 0.05), 0.95), abs=0.000501)
        low, high = found[f"share_ge_{level}_low"], found[f"share_ge_{level}_high"]
        assert 0 <= low <= found[f"share_ge_{level}"] <= high <= 1
    assert found["status"] == ("[u] [x]" if n < 40 else "")


@settings(max_examples=60, deadline=None)
@given(st.integers(20, 400), st.data())
def test_limits_hold_the_true_share_whatever_the_rounding(n: int, data: st.DataObject) -> None:
    """Nobody knows whether the true share of a group that answered lies in limits made for its kind; but rounding alone
    must not push it out.
    """
    true = data.draw(st.integers(0, n))
    x_n = data.draw(st.sampled_from(sorted({n // 5 * 5, -(-n // 5) * 5})))
    x = data.draw(st.sampled_from(sorted({true // 5 * 5, -(-true // 5) * 5})))
    low, high = limits(np.array([min(x, x_n)]), np.array([x_n]), np.array([4]), 0.95)
    assert low[0] <= true / n + 1e-12
    assert high[0] >= true / n - 1e-12


def test_a_gate_follows_from_the_rounded_number() -> None:
    tens = figures((5, 5, 0, 0, 0, 0), (10, 10, 0, 0, 0, 0), (20, 20, 0, 0, 0, 0))
    assert [row["median"] for row in tens] == [None, 0, 0]
    assert [(row["median_low"], row["median_high"]) for row in tens] == [(None, None), (0, 5), (0, 1)]
    assert [(row["q1"], row["q3"]) for row in tens] == [(None, None), (None, None), (0, 1)]
    assert [row["status"] for row in tens] == ["[u] [x]", "[u] [x]", ""]
    [stricter] = figures((20, 20, 0, 0, 0, 0), policy=Policy(quartile_gate=60, reliable_gate=60))
    assert (stricter["median"], stricter["q1"], stricter["status"]) == (0, None, "[u] [x]")


def test_a_group_is_compared_with_all_only_when_it_is_large_and_far_off() -> None:
    everybody = (100, 100, 100, 100, 50, 50)
    rows = figures(
        everybody, (0, 0, 10, 40, 30, 20), (60, 30, 10, 0, 0, 0), (20, 20, 20, 20, 10, 10), (0, 0, 0, 5, 20, 10)
    )
    assert [row["comparison"] for row in rows] == ["", "better", "worse", "similar", ""]


def test_a_group_told_by_bands_has_what_bands_tell() -> None:
    [found] = figures((20, 0, 5, 15, 10, 0), detail=BANDS)
    assert (found["n"], found["share_ge_2"], found["share_ge_4"]) == (50, 0.6, 0.2)
    hidden = [
        "median",
        "median_low",
        "median_high",
        "q1",
        "q3",
        "mean",
        "share_ge_1",
        "share_ge_3",
        "share_ge_5",
        "share_ge_3_low",
        "share_ge_5_high",
    ]
    assert [found[name] for name in hidden] == [None] * len(hidden)
    assert found["status"] == "[x]"
    [twin] = figures((0, 20, 15, 5, 0, 10), detail=BANDS)
    assert twin == found  # nothing tells the levels of a band apart


def test_a_confidential_group_has_no_figure() -> None:
    [found] = figures((20, 0, 5, 15, 10, 0), detail=HIDDEN)
    assert {name for name, value in found.items() if value not in (None, "")} == {"status"}
    assert found["status"] == "[c]"


def test_strict_tells_no_share_from_which_a_low_count_follows() -> None:
    [found] = figures((0, 20, 20, 20, 5, 20), policy=Policy(strict=True))
    told = [level for level in range(1, 6) if found[f"share_ge_{level}"] is not None]
    assert told == [2, 3]  # 1 tells of level 0, 4 and 5 of level 4
    assert found["status"] == "[low]"
    # Up to which level the limits reach would tell a level of 5 from one of nobody.
    assert (found["median_low"], found["median_high"]) == (None, None)
    [none_low] = figures((10, 20, 20, 20, 10, 20), policy=Policy(strict=True))
    assert (none_low["median_low"], none_low["median_high"]) == (2, 3)
    [bands] = figures((0, 5, 20, 20, 20, 20), detail=BANDS, policy=Policy(strict=True))
    assert (bands["share_ge_2"], bands["share_ge_4"]) == (None, 0.471)
