"""What is told of a change follows from what is told of both periods, is right, and is held back where it must be."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.cube import Breakdown
from pipelines.disclose import derived, gate
from pipelines.disclose.eligible import BANDS, HIDDEN, LEVELS
from pipelines.disclose.trend import TRENDS, change_limits, period_before, trends
from pipelines.policy import Policy

NOW, BEFORE = "2026-Q2", "2026-Q1"
Tables = tuple[pa.Table, pa.Table]
Row = dict[str, Any]


def one_table(
    period: str,
    levels: Sequence[int],
    detail: int = LEVELS,
    policy: Policy | None = None,
    error: int = 4,
    **key: str,
) -> Tables:
    """What is published of all organisations in one period, dimension and audience."""
    places = {"instrument": "interop-baseline-v1", "audience": "decision_maker", "dimension": "governance"} | key
    told = derived.Told(
        (period, places["instrument"], places["audience"], places["dimension"]),
        (Breakdown.named("total"),),
        (derived.banded(np.array([levels]), np.array([detail])),),
        (np.array([detail]),),
        np.array([error]),
    )
    return derived.benchmarks(told, policy or Policy()), derived.distributions(told, policy or Policy())


def stacked(*tables: Tables) -> Tables:
    benchmarks, distributions = (pa.concat_tables(parts) for parts in zip(*tables, strict=True))
    return benchmarks, distributions


def rows_of(*tables: Tables, policy: Policy | None = None, widened: Sequence[str] = ()) -> dict[str, Row]:
    """The trends by period; they stand the second working-out."""
    both = stacked(*tables)
    made = trends(*both, policy or Policy(), widened)
    assert made.schema == TRENDS
    assert gate.wrong_trends(made, *both, policy or Policy(), widened) == []
    return {row["period"]: row for row in made.to_pylist()}


def figures(row: Mapping[str, Any]) -> tuple[Any, ...]:
    return tuple(row[name] for name in ("change", "change_low", "change_high", "trend", "status"))


NOTHING = (None, None, None, "")


@pytest.mark.parametrize(
    ("old", "new", "low", "high"),
    [((48, 80), (56, 70), 0.0524, 0.3339), ((3, 10), (9, 10), 0.1705, 0.8090)],
)
def test_a_change_has_the_limits_of_newcombe_1998b_table_ii(
    old: tuple[int, int], new: tuple[int, int], low: float, high: float
) -> None:
    pairs = [(np.array([count]), np.array([n])) for count, n in (old, new)]
    found = change_limits(pairs[0], pairs[1], (np.array([0]), np.array([0])), 0.95)
    assert [round(float(end[0]), 4) for end in found] == [low, high]


def test_each_period_has_the_rounding_of_its_own() -> None:
    def limits(before: tuple[int, int], now: tuple[int, int], *errors: int) -> list[float]:
        pairs = [(np.array([count]), np.array([n])) for count, n in (before, now)]
        found = change_limits(pairs[0], pairs[1], (np.array([errors[0]]), np.array([errors[1]])), 0.95)
        return [float(end[0]) for end in found]

    low, high = limits((50, 100), (80, 120), 9, 4)
    assert low == limits((59, 91), (76, 124), 0, 0)[0]
    assert high == limits((41, 109), (84, 116), 0, 0)[1]


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_limits_hold_those_of_every_pair_of_groups_that_may_be_meant(data: st.DataObject) -> None:
    shares, true, errors = [], [], []
    for _ in ("before", "now"):
        n = data.draw(st.integers(10, 300))
        count = data.draw(st.integers(0, n))
        error = data.draw(st.sampled_from([4, 9]))
        x_n = max(n + data.draw(st.integers(-error, error)), 1)
        x = min(max(count + data.draw(st.integers(-error, error)), 0), x_n)
        shares.append((np.array([x]), np.array([x_n])))
        true.append((np.array([count]), np.array([n])))
        errors.append(np.array([error]))
    none = np.array([0])
    exact = change_limits(true[0], true[1], (none, none), 0.95)
    told = change_limits(shares[0], shares[1], (errors[0], errors[1]), 0.95)
    assert told[0][0] <= exact[0][0] + 1e-9
    assert told[1][0] >= exact[1][0] - 1e-9


@pytest.mark.parametrize(
    ("before", "now", "word"),
    [
        ((100, 100, 50, 50, 50, 50), (50, 50, 50, 100, 100, 50), "better"),
        ((50, 50, 50, 100, 100, 50), (100, 100, 50, 50, 50, 50), "worse"),
        ((100, 100, 50, 50, 50, 50), (90, 95, 50, 55, 60, 50), "similar"),
    ],
)
def test_a_word_is_said_where_the_change_is_beyond_chance_and_rounding(
    before: Sequence[int], now: Sequence[int], word: str
) -> None:
    row = rows_of(one_table(BEFORE, before), one_table(NOW, now))[NOW]
    assert (row["trend"], row["status"]) == (word, "")
    assert (row["period_before"], row["n_before"], row["n"]) == (BEFORE, 400, 400)
    assert row["change"] == pytest.approx((sum(now[3:]) - sum(before[3:])) / 400, abs=0.00101)
    assert row["change"] == round(row["share_ge_3"] - row["share_ge_3_before"], 3)
    assert row["change_low"] < row["change"] < row["change_high"]


def test_a_word_takes_the_limits_of_comparisons_and_all_rounding() -> None:
    """The 95% limits may lie above no change where those of 99.8%, or of wider rounding, do not."""
    tables = one_table(BEFORE, (0, 0, 500, 500, 0, 0)), one_table(NOW, (0, 0, 440, 560, 0, 0))
    row = rows_of(*tables)[NOW]
    assert row["change_low"] > 0
    assert row["trend"] == "similar"
    tables = one_table(BEFORE, (0, 0, 500, 500, 0, 0)), one_table(NOW, (0, 0, 415, 585, 0, 0))
    name = "interop-baseline-v1/decision_maker/governance"
    assert rows_of(*tables)[NOW]["trend"] == "better"
    for widened in ([f"{BEFORE}/{name}"], [f"{NOW}/{name}"]):
        wider = rows_of(*tables, widened=widened)[NOW]
        assert (wider["trend"], wider["change"]) == ("similar", rows_of(*tables)[NOW]["change"])
        assert wider["change_low"] < rows_of(*tables)[NOW]["change_low"]
        assert wider["change_high"] > rows_of(*tables)[NOW]["change_high"]


def test_the_first_period_has_nothing_to_be_held_against() -> None:
    row = rows_of(one_table(NOW, (20, 20, 20, 20, 20, 20)))[NOW]
    assert figures(row) == (*NOTHING, "[z]")
    assert (row["period_before"], row["n_before"], row["n"], row["share_ge_3"]) == ("", None, 120, 0.5)


@pytest.mark.parametrize(
    ("period", "before"),
    [("2026-Q2", "2026-Q1"), ("2026-Q1", "2025-Q3"), ("2025-Q3", ""), ("2026", "2024"), ("2024", "")],
)
def test_a_quarter_is_held_against_the_last_quarter_and_a_year_against_the_last_year(period: str, before: str) -> None:
    assert period_before(period, ["2026-Q2", "2025-Q3", "2024", "2026-Q1", "2026"]) == before
    same = (20, 20, 20, 20, 20, 20)
    tables = [one_table(one, same) for one in ("2026-Q2", "2025-Q3", "2024", "2026-Q1", "2026")]
    assert rows_of(*tables)[period]["period_before"] == before


def test_only_the_same_is_held_against_the_same() -> None:
    """The periods of another audience or instrument are not those of this one."""
    same = (20, 20, 20, 20, 20, 20)
    others = (
        one_table(BEFORE, same, audience="procurement_professional"),
        one_table(BEFORE, same, instrument="other-v1"),
    )
    assert rows_of(*others, one_table(NOW, same))[NOW]["status"] == "[z]"
    # Another dimension was asked of in the period before, this one was not.
    row = rows_of(one_table(BEFORE, same, dimension="legal"), one_table(NOW, same))[NOW]
    assert (*figures(row), row["period_before"]) == (*NOTHING, "[x]", BEFORE)


@pytest.mark.parametrize(
    ("then", "now", "status"), [(HIDDEN, LEVELS, "[c]"), (BANDS, LEVELS, "[x]"), (LEVELS, BANDS, "[x]")]
)
def test_a_group_that_is_not_told_alike_twice_has_no_change(then: int, now: int, status: str) -> None:
    levels = (20, 20, 20, 20, 20, 20)
    row = rows_of(one_table(BEFORE, levels, then), one_table(NOW, levels, now))[NOW]
    assert figures(row) == (*NOTHING, status)
    assert row["n_before"] == (None if then == HIDDEN else 120)


def test_a_group_that_is_not_told_now_has_no_row() -> None:
    levels = (20, 20, 20, 20, 20, 20)
    assert NOW not in rows_of(one_table(BEFORE, levels), one_table(NOW, levels, HIDDEN))


@pytest.mark.parametrize(
    ("before", "now"), [((35, 0, 0, 0, 0, 0), (0, 0, 0, 20, 20, 0)), ((20, 20, 0, 0, 0, 0), (0, 0, 0, 0, 15, 20))]
)
def test_of_few_organisations_in_either_period_no_word_is_said(before: Sequence[int], now: Sequence[int]) -> None:
    row = rows_of(one_table(BEFORE, before), one_table(NOW, now))[NOW]
    assert row["change_low"] > 0
    assert figures(row) == (0.9, row["change_low"], row["change_high"], "", "[u]")
    enough = rows_of(one_table(BEFORE, (20, 20, 0, 0, 0, 0)), one_table(NOW, (0, 0, 0, 20, 20, 0)))[NOW]
    assert (enough["trend"], enough["status"]) == ("better", "")


def test_shares_that_are_cut_off_are_held_by_the_limits_and_do_not_change() -> None:
    row = rows_of(one_table(BEFORE, (5000, 0, 5000, 0, 0, 0)), one_table(NOW, (5000, 0, 4600, 400, 0, 0)))[NOW]
    assert figures(row) == (0.0, 0.0, row["change_high"], "similar", "")
    grown = rows_of(one_table(BEFORE, (5000, 0, 5000, 0, 0, 0)), one_table(NOW, (0, 0, 5000, 5000, 0, 0)))[NOW]
    assert figures(grown) == (0.45, 0.45, grown["change_high"], "better", "")


def test_a_strict_policy_tells_a_change_only_where_it_follows_from_what_is_told() -> None:
    strict = Policy(strict=True)

    def status(now: Sequence[int]) -> str:
        before = one_table(BEFORE, (20, 20, 20, 20, 20, 20), policy=strict)
        return str(rows_of(before, one_table(NOW, now, policy=strict), policy=strict)[NOW]["status"])

    assert status((20, 20, 20, 20, 20, 20)) == ""
    assert status((5, 20, 20, 20, 20, 20)) == ""  # those above are told
    assert status((20, 20, 20, 20, 20, 5)) == ""  # those below are
    assert status((5, 20, 20, 20, 20, 5)) == "[low]"
    assert status((20, 20, 5, 20, 20, 20)) == "[low]"  # its share is not told
    assert status((20, 20, 20, 5, 20, 20)) == "[low]"


def revised(tables: Tables) -> Tables:
    rows = [row | {"status": f"{row['status']} [r]".strip()} for row in tables[0].to_pylist()]
    return pa.Table.from_pylist(rows, derived.BENCHMARKS), tables[1]


def test_a_change_from_or_to_a_revised_number_is_marked() -> None:
    few, many = (10, 10, 0, 10, 0, 0), (20, 20, 20, 20, 20, 20)
    then, now = one_table(BEFORE, few), one_table(NOW, many)
    assert rows_of(then, now)[NOW]["status"] == "[u]"
    for tables in ((revised(then), now), (then, revised(now)), (revised(then), revised(now))):
        row = rows_of(*tables)[NOW]
        assert row["status"] == "[u] [r]"
        assert {**row, "status": ""} == {**rows_of(then, now)[NOW], "status": ""}
    assert rows_of(revised(now))[NOW]["status"] == "[z] [r]"
    assert rows_of(one_table(BEFORE, many), revised(now))[NOW]["status"] == "[r]"
    both = stacked(then, revised(now))
    assert gate.wrong_trends(trends(*stacked(then, now), Policy()), *both, Policy(), [])


def test_no_benchmarks_have_no_trends() -> None:
    empty = derived.BENCHMARKS.empty_table(), derived.DISTRIBUTIONS.empty_table()
    assert trends(*empty, Policy()).num_rows == 0
    assert gate.wrong_trends(TRENDS.empty_table(), *empty, Policy(), []) == []


# What does not follow is found.


def published() -> Tables:
    return stacked(
        one_table(BEFORE, (100, 100, 50, 50, 50, 50)),
        one_table(NOW, (50, 50, 50, 100, 100, 50)),
        one_table(BEFORE, (10, 10, 0, 10, 0, 0), dimension="legal"),
        one_table(NOW, (10, 10, 0, 10, 5, 0), dimension="legal"),
        one_table(BEFORE, (20, 20, 20, 20, 20, 20), HIDDEN, dimension="skills"),
        one_table(NOW, (20, 20, 20, 20, 20, 20), dimension="skills"),
    )


def problems(meddle: Callable[[list[Row]], Any]) -> list[str]:
    tables = published()
    rows = trends(*tables, Policy()).to_pylist()
    meddle(rows)
    return gate.wrong_trends(pa.Table.from_pylist(rows, TRENDS), *tables, Policy(), [])


def of(rows: list[Row], dimension: str) -> Row:
    return next(row for row in rows if (row["period"], row["dimension"]) == (NOW, dimension))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("period_before", "2025-Q4"),
        ("n_before", 405),
        ("n", 395),
        ("share_ge_3_before", 0.376),
        ("share_ge_3", 0.624),
        ("change", 0.251),
        ("change_low", 0.2),
        ("change_high", None),
        ("trend", "similar"),
        ("trend", ""),
        ("status", "[u]"),
    ],
)
def test_a_planted_number_is_found(name: str, value: Any) -> None:
    assert problems(lambda rows: None) == []
    (problem,) = problems(lambda rows: of(rows, "governance").update({name: value}))
    assert f"{NOW}/interop-baseline-v1/decision_maker/governance, total, trend {name}: other_number" in problem


def test_what_is_told_where_nothing_may_be_is_found() -> None:
    assert len(problems(lambda rows: of(rows, "legal").update(trend="better"))) == 1
    told = {"change": 0.1, "change_low": 0.0, "change_high": 0.2, "n_before": 120, "share_ge_3_before": 0.4}
    assert len(problems(lambda rows: of(rows, "skills").update(told))) == len(told)


def test_limits_a_thousandth_narrower_are_found() -> None:
    for name, step in (("change_low", 0.001), ("change_high", -0.001)):
        assert problems(lambda rows, n=name, s=step: of(rows, "governance").update({n: of(rows, "governance")[n] + s}))


def test_rows_too_many_and_too_few_are_found() -> None:
    assert "its change is not told" in problems(lambda rows: rows.pop())[0]
    assert "of a group that has none" in problems(lambda rows: rows.append(rows[0]))[0]
    assert problems(lambda rows: rows.append(rows[0] | {"breakdown": "sector", "sector": "health"}))
    assert "of a group that has none" in problems(lambda rows: rows.append(of(rows, "skills") | {"period": BEFORE}))[0]


def test_a_table_that_was_widened_is_held_to_its_own_limits() -> None:
    tables = published()
    name = f"{NOW}/interop-baseline-v1/decision_maker/governance"
    assert gate.wrong_trends(trends(*tables, Policy()), *tables, Policy(), [name])
    assert gate.wrong_trends(trends(*tables, Policy(), [name]), *tables, Policy(), [])
    audit = [{"table": name, "step": gate.STEPS[-1]}, {"table": "another", "step": gate.STEPS[0]}]
    assert gate.widened(audit) == [name]
