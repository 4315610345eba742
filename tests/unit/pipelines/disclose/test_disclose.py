"""True counts in, tables out: what is told is rounded, adds up, and is the same again."""

from __future__ import annotations

import json

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hubs.contract.groups import BREAKDOWNS
from pipelines.cube import Breakdown, Counts
from pipelines.disclose import Before, Disclosed, NotRounded, disclose
from pipelines.disclose.derived import BENCHMARKS, DISTRIBUTIONS
from pipelines.policy import Policy
from tests.counts import counts_of, members, moved, on_levels, published, random_members

NAMES = {"0": (0,), "1": (1,), "2": (2,), "3": (3,), "4": (4,), "5": (5,), "0-1": (0, 1), "2-3": (2, 3), "4-5": (4, 5)}


def truth(counts: Counts, breakdown: str, terms: tuple[str, ...]) -> np.ndarray:
    place = counts.breakdowns.index(breakdown)
    found: np.ndarray = counts.levels[place][counts.cube[place].cells.index(terms)]
    return found


def check_against_truth(counts: Counts, made: Disclosed) -> int:
    """Assert that every told number is less than a base from the true one, and that levels add up. How many cells."""
    told = published(made.benchmarks, made.distributions)
    sums: dict[tuple[str, tuple[str, ...]], int] = {}
    for (breakdown, terms, name), x in told.items():
        true = truth(counts, breakdown, terms)
        assert x % 5 == 0
        if name == "n":
            assert x >= 10
            assert true.sum() >= 10
            assert abs(x - true.sum()) < 5
        else:
            assert abs(x - true[list(NAMES[name.removeprefix("count:")])].sum()) < 5
            sums[breakdown, terms] = sums.get((breakdown, terms), 0) + x
    assert sums == {cell: told[*cell, "n"] for cell in sums}
    assert len(sums) == made.benchmarks.num_rows - made.benchmarks["n"].null_count
    return len(sums)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 600), st.integers(1, 4), st.integers(2, 20))
def test_what_is_told_is_near_the_truth_and_adds_up(seed: int, n: int, hubs_n: int, terms_n: int) -> None:
    everybody = random_members(seed, n, hubs_n, terms_n)
    counts = counts_of(everybody)
    made = disclose(counts, Policy())
    assert (made.benchmarks.schema, made.distributions.schema) == (BENCHMARKS, DISTRIBUTIONS)
    cells_n = check_against_truth(counts, made)
    assert made.audit["cells"]["levels"] + made.audit["cells"]["bands"] == cells_n
    assert made.audit["deviation"] < 5
    again = disclose(counts_of(everybody[::-1]), Policy())
    assert [written(table) for table in (again.benchmarks, again.distributions)] == [
        written(table) for table in (made.benchmarks, made.distributions)
    ]


def written(table: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    pa.ipc.new_file(sink, table.schema).write_table(table)
    return sink.getvalue().to_pybytes()


def test_every_group_of_the_cube_has_a_row_whether_anybody_is_in_it() -> None:
    made = disclose(counts_of(random_members(1, 300)), Policy())
    rows = made.benchmarks.select(["breakdown"]).to_pandas().groupby("breakdown").size().to_dict()
    assert rows == {name: len(Breakdown.named(name).cells) for name in BREAKDOWNS}
    nobody = disclose(counts_of([]), Policy())
    assert nobody.distributions.num_rows == 0
    assert set(nobody.benchmarks["status"].to_pylist()) == {"[c]"}


def test_a_small_group_names_the_nearest_parent_that_is_told() -> None:
    spread = [i % 6 for i in range(60)]
    counts = counts_of(
        members(spread[:30], sector="health", size_band="under_50"),
        members(spread[:12], sector="health", size_band="50_to_249"),
        members(spread[:5], sector="justice", size_band="under_50"),
        members(spread[:12], sector="housing", size_band="under_50"),
        members(spread[:7], sector="culture_and_leisure", size_band="under_50"),
    )
    rows = {
        (row["breakdown"], row["sector"], row["size_band"]): row
        for row in disclose(counts, Policy()).benchmarks.to_pylist()
    }
    small = rows["sector_size_band", "justice", "under_50"]
    assert (small["status"], small["rolled_up_to"]) == ("[c]", "total")
    empty = rows["sector_size_band", "health", "1000_to_4999"]
    assert (empty["status"], empty["rolled_up_to"]) == ("[c]", "sector")
    assert rows["sector", "health", "all"]["rolled_up_to"] == ""


def test_what_is_published_stays_when_returns_come_late() -> None:
    everybody = random_members(11, 400)
    first = disclose(counts_of(everybody), Policy())
    known = published(first.benchmarks, first.distributions)
    late = counts_of(moved(everybody, 3, 5), random_members(12, 6))
    second = disclose(late, Policy(), Before(known))
    assert published(second.benchmarks, second.distributions) == known
    assert second.benchmarks == first.benchmarks
    assert second.distributions == first.distributions


def test_a_new_breakdown_fits_what_is_published() -> None:
    everybody = random_members(13, 500)
    few = Policy(breakdowns=("total", "sector"))
    first = disclose(counts_of(everybody, breakdowns=few.breakdowns), few)
    known = published(first.benchmarks, first.distributions)
    second = disclose(counts_of(everybody), Policy(), Before(known))
    both = published(second.benchmarks, second.distributions)
    assert {key: both[key] for key in known} == known
    assert {breakdown for breakdown, *_ in both} == {*BREAKDOWNS}


def test_groups_are_withheld_until_what_is_published_adds_up() -> None:
    """The total was published with 20 fewer organisations than there are now: no rounding of all sectors fits."""
    sectors = ("health", "justice", "housing", "education")
    few = Policy(breakdowns=("total", "sector"))
    counts = counts_of(*(on_levels(3, 3, 3, 3, sector=s) for s in sectors), breakdowns=few.breakdowns)
    known = {("total", (), "n"): 20, **{("total", (), f"count:{k}"): 5 if k < 4 else 0 for k in range(6)}}
    made = disclose(counts, few, Before(known))
    assert made.audit["refused"] > 0
    assert made.benchmarks.slice(0, 1)["n"].to_pylist() == [20]
    with pytest.raises(NotRounded, match="does not add up"):
        disclose(counts, few, Before(known | {("total", (), "count:0"): 50}))


def test_the_audit_has_no_true_number() -> None:
    counts = counts_of(random_members(17, 433))
    made = disclose(counts, Policy())
    assert json.loads(json.dumps(made.audit)) == made.audit
    assert made.audit["table"] == "2026-Q1/interop-baseline-v1/decision_maker/governance"
    assert "433" not in json.dumps(made.audit)


def test_strict_tells_no_low_count() -> None:
    made = disclose(counts_of(random_members(19, 400)), Policy(strict=True))
    rows = made.distributions.to_pylist()
    assert {row["status"] for row in rows if row["count"] is None} == {"[low]"}
    assert min(row["count"] for row in rows if row["count"] is not None) == 10
    assert all((row["share"] is None) == (row["count"] is None) for row in rows)
