"""Benchmarks are right, and tell of no group that is too small, too much one hub's, or to be had by subtraction."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hubs.contract.vocabularies import vocabulary
from hubs.instruments import instruments
from pipelines.benchmark import (
    ALL,
    ATTRIBUTES,
    COLUMNS,
    CONFIDENTIAL,
    COUNTS,
    NOT_AVAILABLE,
    TABLE,
    benchmarks,
    combine,
    organisation_levels,
)
from pipelines.policy import BREAKDOWNS, Policy

BANKS = instruments()
QUESTIONS = [q for q in BANKS["interop-baseline-v1"].questions.values() if q.dimension in {"governance", "legal"}]
ANSWER = {
    "organisation": "org-1",
    "period": "2026-Q1",
    "instrument": "interop-baseline-v1",
    "audience": "decision_maker",
    "question": "dm-governance-1",
    "organisation_type": "council",
    "size_band": "under_50",
    "region": "wales",
    "sector": "health",
    "level": 3,
}
Rows = list[dict[str, Any]]


def an_answer(**changes: Any) -> dict[str, Any]:
    return ANSWER | changes


def a_return(path: Path, rows: Rows, row_group: int = 1000) -> Path:
    """Accepted rows in a Parquet file, as the judge writes them."""
    columns = {
        name: pa.array([row[name] for row in rows], pa.int8() if name == "level" else pa.string()) for name in ANSWER
    }
    pq.write_table(pa.table(columns), path, row_group_size=row_group)
    return path


def levels_of(hubs: dict[str, Rows], folder: Path, row_group: int = 1000) -> pa.Table:
    tables = {}
    for hub, rows in hubs.items():
        tables[hub] = organisation_levels([a_return(folder / f"{hub}.parquet", rows, row_group)], BANKS)
    return combine(tables)


def organisations(n: int, hubs: Sequence[str] = ("a", "b"), first: int = 0, **attributes: str) -> Iterator[tuple]:
    """``n`` organisations, in turn of each hub, on levels in turn."""
    for i in range(first, first + n):
        yield hubs[i % len(hubs)], an_answer(organisation=f"org-{i}", level=i % 6, **attributes)


def published(*groups: Iterator[tuple], folder: Path, policy: Policy | None = None) -> pd.DataFrame:
    """The benchmarks of organisations in hubs, indexed by breakdown and terms."""
    hubs: dict[str, Rows] = {}
    for group in groups:
        for names, row in group:
            for hub in names.split("+"):
                hubs.setdefault(hub, []).append(row)
    table = benchmarks(levels_of(hubs, folder), policy or Policy())
    return table.to_pandas(types_mapper=pd.ArrowDtype).set_index(["breakdown", *ATTRIBUTES])


def cell(frame: pd.DataFrame, breakdown: str = "total", **terms: str) -> dict[str, Any]:
    row = frame.loc[(breakdown, *(terms.get(name, ALL) for name in ATTRIBUTES))]
    return {name: None if pd.isna(row[name]) else row[name] for name in ("n", "median", "status", "rolled_up_to")}


# One hub: answers by organisation.


def test_answers_of_an_organisation_are_counted_by_level_and_dimension(tmp_path: Path) -> None:
    rows = [
        an_answer(level=2),
        an_answer(level=2, question="dm-governance-2"),
        an_answer(level=None, question="dm-governance-3"),
        an_answer(level=5, question="dm-legal-1"),
        an_answer(level=0, audience="procurement_professional", question="pp-governance-1"),
        an_answer(level=None, organisation="org-2"),
        an_answer(level=1, period="2026-Q2"),
    ]
    table = organisation_levels([a_return(tmp_path / "a.parquet", rows, row_group=2)], BANKS)
    found = {
        tuple(row[name] for name in ("organisation", "period", "audience", "dimension")): [row[c] for c in COUNTS]
        for row in table.to_pylist()
    }
    assert found == {
        ("org-1", "2026-Q1", "decision_maker", "governance"): [0, 0, 2, 0, 0, 0],
        ("org-1", "2026-Q1", "decision_maker", "legal"): [0, 0, 0, 0, 0, 1],
        ("org-1", "2026-Q1", "procurement_professional", "governance"): [1, 0, 0, 0, 0, 0],
        ("org-1", "2026-Q2", "decision_maker", "governance"): [0, 1, 0, 0, 0, 0],
    }


def test_the_first_description_of_an_organisation_in_a_period_is_used_throughout(tmp_path: Path) -> None:
    first = a_return(tmp_path / "1.parquet", [an_answer(region="wales"), an_answer(region="london")], row_group=1)
    second = a_return(tmp_path / "2.parquet", [an_answer(region="scotland", question="dm-legal-1")])
    table = organisation_levels([first, second], BANKS)
    assert table["region"].to_pylist() == ["wales", "wales"]
    assert table["dimension"].to_pylist() == ["governance", "legal"]


def test_an_instrument_that_the_judge_cannot_have_let_through_is_a_bug(tmp_path: Path) -> None:
    with pytest.raises(KeyError):
        organisation_levels([a_return(tmp_path / "a.parquet", [an_answer(instrument="other-v1")])], BANKS)


def test_no_answers_make_empty_tables(tmp_path: Path) -> None:
    nothing = organisation_levels([], BANKS)
    not_applicable = organisation_levels([a_return(tmp_path / "a.parquet", [an_answer(level=None)])], BANKS)
    assert (nothing.num_rows, not_applicable.num_rows) == (0, 0)
    assert nothing.schema == not_applicable.schema
    assert benchmarks(combine({"a": nothing, "b": not_applicable}), Policy()) == COLUMNS.empty_table()
    assert benchmarks(combine({}), Policy()) == COLUMNS.empty_table()


# Several hubs.


def test_incident_m_an_organisation_reached_through_two_hubs_counts_once(tmp_path: Path) -> None:
    rows_a = [an_answer(level=1), an_answer(level=1, question="dm-governance-2")]
    rows_b = [an_answer(level=5, region="london"), an_answer(organisation="org-2", level=4)]
    levels = levels_of({"b": rows_b, "a": rows_a}, tmp_path).to_pylist()
    assert [(row["organisation"], row["level"], row["region"], row["hubs"]) for row in levels] == [
        ("org-1", 1, "wales", ["a", "b"]),
        ("org-2", 4, "wales", ["b"]),
    ]
    twice = [*organisations(12, hubs=("a+b",))]
    assert cell(published(iter(twice), folder=tmp_path))["n"] == 10


@pytest.mark.parametrize(
    ("answers", "level"), [([0], 0), ([1, 4], 1), ([4, 1, 5], 4), ([0, 0, 5, 5], 0), ([5, 5, 5, 0], 5)]
)
def test_the_level_of_an_organisation_is_the_lower_median(answers: list[int], level: int, tmp_path: Path) -> None:
    rows = [an_answer(level=value, question=q.id) for value, q in zip(answers, QUESTIONS, strict=False)]
    assert levels_of({"a": rows}, tmp_path)["level"].to_pylist() == [level]


# Each rule of publication.


def test_a_group_at_the_threshold_is_told_and_one_below_is_not(tmp_path: Path) -> None:
    ten = published(organisations(20), folder=tmp_path)
    assert cell(ten) == {"n": 20, "median": 2, "status": "", "rolled_up_to": ""}
    nineteen = published(organisations(19), folder=tmp_path)  # nine are left without hub a
    assert cell(nineteen) == {"n": None, "median": None, "status": CONFIDENTIAL, "rolled_up_to": ""}
    shared = published(organisations(10, hubs=("a+b",)), folder=tmp_path)
    assert cell(shared) == {"n": 10, "median": None, "status": NOT_AVAILABLE, "rolled_up_to": ""}
    fewer = published(organisations(9, hubs=("a+b",)), folder=tmp_path)
    assert cell(fewer)["status"] == CONFIDENTIAL


def test_a_group_that_one_hub_makes_up_is_not_told_however_large(tmp_path: Path) -> None:
    alone = published(organisations(200, hubs=("a",)), folder=tmp_path)
    assert cell(alone)["status"] == CONFIDENTIAL
    nearly = published(organisations(200, hubs=("a",)), organisations(9, hubs=("b",), first=200), folder=tmp_path)
    assert cell(nearly)["status"] == CONFIDENTIAL
    enough = published(organisations(200, hubs=("a",)), organisations(10, hubs=("b",), first=200), folder=tmp_path)
    assert cell(enough)["n"] == 210


def test_an_organisation_that_is_also_in_another_hub_stays_when_a_hub_is_taken_away(tmp_path: Path) -> None:
    own = organisations(15, hubs=("a",))
    frame = published(own, organisations(10, hubs=("a+b",), first=15), folder=tmp_path)
    assert cell(frame)["n"] == 25


def test_a_median_waits_for_its_gate(tmp_path: Path) -> None:
    below = published(organisations(19, hubs=("a+b",)), folder=tmp_path)
    assert (cell(below)["n"], cell(below)["median"], cell(below)["status"]) == (15, None, NOT_AVAILABLE)
    at = published(organisations(20, hubs=("a+b",)), folder=tmp_path)
    assert (cell(at)["n"], cell(at)["median"], cell(at)["status"]) == (20, 2, "")
    stricter = published(organisations(20, hubs=("a+b",)), folder=tmp_path, policy=Policy(median_gate=40))
    assert cell(stricter)["median"] is None


@pytest.mark.parametrize("n", range(10, 31))
def test_the_number_told_is_rounded_down_to_the_base(n: int, tmp_path: Path) -> None:
    frame = published(organisations(n, hubs=("a+b",)), folder=tmp_path)
    assert cell(frame)["n"] == n - n % 5


def test_a_small_group_names_the_nearest_parent_that_is_told(tmp_path: Path) -> None:
    frame = published(
        organisations(30, hubs=("a+b",), sector="health", size_band="under_50"),
        organisations(12, hubs=("a+b",), first=30, sector="health", size_band="50_to_249"),
        organisations(5, hubs=("a+b",), first=50, sector="justice", size_band="under_50"),
        organisations(12, hubs=("a+b",), first=60, sector="housing", size_band="under_50"),
        organisations(7, hubs=("a+b",), first=80, sector="culture_and_leisure", size_band="under_50"),
        folder=tmp_path,
    )
    small = cell(frame, "sector_size_band", sector="justice", size_band="under_50")
    assert (small["status"], small["rolled_up_to"]) == (CONFIDENTIAL, "total")
    empty = cell(frame, "sector_size_band", sector="health", size_band="1000_to_4999")
    assert (empty["status"], empty["rolled_up_to"]) == (CONFIDENTIAL, "sector")
    assert cell(frame, "sector", sector="health")["rolled_up_to"] == ""


def test_what_is_left_of_a_parent_is_nobody_or_could_be_told(tmp_path: Path) -> None:
    """Three organisations of another sector would follow from total less the sectors told: one more is withheld."""
    frame = published(
        organisations(30, hubs=("a+b",), sector="health"),
        organisations(20, hubs=("a+b",), first=30, sector="housing"),
        organisations(3, hubs=("a+b",), first=60, sector="justice"),
        folder=tmp_path,
    )
    assert cell(frame)["n"] == 50
    assert cell(frame, "sector", sector="health")["n"] == 30
    assert cell(frame, "sector", sector="housing")["status"] == CONFIDENTIAL
    # With a sector goes what is below it, or the sector could be added up again.
    assert cell(frame, "sector_size_band", sector="housing", size_band="under_50")["status"] == CONFIDENTIAL
    without = published(
        organisations(30, hubs=("a+b",), sector="health"),
        organisations(20, hubs=("a+b",), first=30, sector="housing"),
        folder=tmp_path,
    )
    assert cell(without, "sector", sector="housing")["n"] == 20


def test_what_is_left_of_a_parent_must_not_be_one_hubs_own(tmp_path: Path) -> None:
    frame = published(
        organisations(30, hubs=("a+b",), sector="health"),
        organisations(20, hubs=("a+b",), first=30, sector="housing"),
        organisations(15, hubs=("a",), first=60, sector="justice"),
        folder=tmp_path,
    )
    assert cell(frame, "sector", sector="justice")["status"] == CONFIDENTIAL
    assert cell(frame, "sector", sector="housing")["status"] == CONFIDENTIAL


def test_every_group_of_the_cube_has_a_row_whether_anybody_is_in_it(tmp_path: Path) -> None:
    frame = published(organisations(30, hubs=("a+b",)), folder=tmp_path)
    sizes = {name: len(vocabulary(scheme).terms) for name, scheme in ATTRIBUTES.items()}
    expected = {name: int(np.prod([sizes[attribute] for attribute in by])) for name, by in BREAKDOWNS.items()}
    assert frame.groupby("breakdown").size().to_dict() == expected
    assert frame.index.is_unique
    fewer = published(organisations(30), folder=tmp_path, policy=Policy(breakdowns=("total", "region")))
    assert set(fewer.index.get_level_values("breakdown")) == {"total", "region"}


def test_periods_audiences_and_dimensions_are_never_pooled(tmp_path: Path) -> None:
    changes: list[dict[str, Any]] = [
        {},
        {"period": "2026-Q2"},
        {"audience": "procurement_professional", "question": "pp-governance-1"},
        {"question": "dm-legal-1"},
    ]
    rows = [an_answer(organisation=f"org-{i}") | change for i in range(20) for change in changes]
    table = benchmarks(levels_of({"a": rows, "b": rows}, tmp_path), Policy())
    totals = [row for row in table.to_pylist() if row["breakdown"] == "total"]
    assert [tuple(row[name] for name in (*TABLE, "n")) for row in totals] == [
        ("2026-Q1", "interop-baseline-v1", "decision_maker", "governance", 20),
        ("2026-Q1", "interop-baseline-v1", "decision_maker", "legal", 20),
        ("2026-Q1", "interop-baseline-v1", "procurement_professional", "governance", 20),
        ("2026-Q2", "interop-baseline-v1", "decision_maker", "governance", 20),
    ]


# Against a direct computation, on random returns.


def random_hubs(seed: int, n: int, hubs_n: int) -> dict[str, Rows]:
    rng = np.random.default_rng(seed)
    terms = {name: list(vocabulary(scheme).terms)[: 3 + i] for i, (name, scheme) in enumerate(ATTRIBUTES.items())}
    hubs: dict[str, Rows] = {f"hub-{h}": [] for h in range(hubs_n)}
    for i in range(n):
        who = {name: values[int(len(values) * rng.random() ** 2)] for name, values in terms.items()}
        who |= {"organisation": f"org-{i}", "period": f"2026-Q{rng.integers(1, 3)}"}
        for hub in rng.choice(list(hubs), size=1 + (rng.random() < 0.2), replace=False):
            for question in rng.choice(QUESTIONS, size=rng.integers(1, 9), replace=False):
                level = None if rng.random() < 0.1 else int(rng.integers(0, 6))
                answer = {"audience": question.audience, "question": question.id, "level": level}
                hubs[hub].append(an_answer(**who, **answer))
    return hubs


def direct_levels(hubs: dict[str, Rows]) -> pd.DataFrame:
    """A row an organisation and table, in the plainest pandas."""
    frame = pd.concat([pd.DataFrame(rows).assign(hub=hub) for hub, rows in sorted(hubs.items()) if rows])
    frame["dimension"] = frame["question"].map({q.id: q.dimension for q in QUESTIONS})
    frame = frame.dropna(subset="level")
    by = frame.groupby([*TABLE, "organisation"])
    found = by["level"].quantile(0.5, interpolation="lower").astype(int).to_frame("level")
    found["hubs"] = by["hub"].agg(frozenset)
    return found.join(by[list(ATTRIBUTES)].first()).reset_index()


def check_against_direct(hubs: dict[str, Rows], table: pa.Table, policy: Policy) -> int:
    """Assert that every row of ``table`` is right. The number of groups that are told."""
    direct = direct_levels(hubs)
    rows = table.to_pylist()
    told: dict[tuple, set[int]] = {}
    members: dict[tuple, set[int]] = {}
    hub_sets = direct["hubs"].to_list()

    def is_safe(group: set[int]) -> bool:
        return len(group) >= policy.threshold and all(
            sum(hub_sets[i] != {hub} for i in group) >= policy.threshold for hub in hubs
        )

    for row in rows:
        chosen = np.logical_and.reduce([direct[name] == row[name] for name in TABLE])
        terms = {name: row[name] for name in ATTRIBUTES if row[name] != ALL}
        assert tuple(terms) == tuple(name for name in ATTRIBUTES if name in BREAKDOWNS[row["breakdown"]])
        for name, term in terms.items():
            chosen = chosen & (direct[name] == term)
        group = direct[chosen]
        key = (*(row[name] for name in TABLE), row["breakdown"], tuple(terms.items()))
        members[key] = set(group.index)
        if row["status"] == CONFIDENTIAL:
            assert (row["n"], row["median"]) == (None, None)
            continue
        told[key] = set(group.index)
        assert is_safe(told[key])
        assert row["n"] == len(group) // policy.base * policy.base
        if len(group) >= policy.median_gate:
            assert row["median"] == int(group["level"].quantile(0.5, interpolation="lower"))
            assert row["status"] == ""
        else:
            assert (row["median"], row["status"]) == (None, NOT_AVAILABLE)
    # A safe group is withheld only for the sake of another: telling it would leave an unsafe rest somewhere.
    for key, group in members.items():
        if is_safe(group) and key not in told:
            assert key[-2] != "total"
    for parent, everybody in told.items():
        for breakdown in policy.breakdowns:
            children = [
                group
                for key, group in told.items()
                if key[:4] == parent[:4] and key[4] == breakdown and set(parent[5]) < set(key[5])
            ]
            rest = everybody.difference(*children)
            assert not children or not rest or is_safe(rest)
    return len(told)


@pytest.mark.parametrize(("n", "hubs_n"), [(60, 2), (400, 4), (900, 7)])
def test_benchmarks_are_those_of_a_direct_computation(n: int, hubs_n: int, tmp_path: Path) -> None:
    hubs = random_hubs(n, n, hubs_n)
    table = benchmarks(levels_of(hubs, tmp_path, row_group=97), Policy())
    assert table.schema == COLUMNS
    assert check_against_direct(hubs, table, Policy()) >= (n >= 400) * 40


@settings(max_examples=6, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 150), st.integers(1, 4))
def test_no_number_below_the_threshold_or_unrounded_appears(
    tmp_path_factory: pytest.TempPathFactory, seed: int, n: int, hubs_n: int
) -> None:
    hubs = random_hubs(seed, n, max(hubs_n, 2))
    table = benchmarks(levels_of(hubs, tmp_path_factory.mktemp("levels")), Policy())
    told = [value for value in table["n"].to_pylist() if value is not None]
    assert all(value >= 10 and value % 5 == 0 for value in told)
    numeric = [field.name for field in table.schema if not pa.types.is_string(field.type)]
    assert numeric == ["n", "median"]
    check_against_direct(hubs, table, Policy())


def test_the_order_of_hubs_files_and_rows_does_not_matter(tmp_path: Path) -> None:
    hubs = random_hubs(5, 300, 3)
    again = {hub: rows[::-1] for hub, rows in reversed(hubs.items())}
    first = benchmarks(levels_of(hubs, tmp_path), Policy())
    assert benchmarks(levels_of(again, tmp_path, row_group=11), Policy()) == first
    keys = [tuple(row[name] for name in TABLE) for row in first.to_pylist()]
    assert keys == sorted(keys)
