"""Returns are counted right: an organisation once, on its own level, in its own groups."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from hubs.contract.groups import ATTRIBUTES, BREAKDOWNS, TABLE
from hubs.contract.vocabularies import vocabulary
from hubs.instruments import instruments
from pipelines.benchmark import COUNTS, combine, cube, organisation_levels
from pipelines.cube import LEVELS_N, Counts
from pipelines.disclose import disclose
from pipelines.policy import Policy
from tests.bench import counting, grouping
from tests.bench.counting import check_cube
from tests.bench.generator import Work, write_returns

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


def counted(levels: pa.Table, policy: Policy | None = None) -> dict[tuple[str, ...], Counts]:
    return {counts.key: counts for counts in cube(levels, policy or Policy())}


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
    assert counted(combine({"a": nothing, "b": not_applicable})) == counted(combine({})) == {}


# Several hubs.


def test_incident_m_an_organisation_reached_through_two_hubs_counts_once(tmp_path: Path) -> None:
    rows_a = [an_answer(level=1), an_answer(level=1, question="dm-governance-2")]
    rows_b = [an_answer(level=5, region="london"), an_answer(organisation="org-2", level=4)]
    levels = levels_of({"b": rows_b, "a": rows_a}, tmp_path).to_pylist()
    assert [(row["organisation"], row["level"], row["region"], row["hubs"]) for row in levels] == [
        ("org-1", 1, "wales", ["a", "b"]),
        ("org-2", 4, "wales", ["b"]),
    ]
    [counts] = counted(levels_of({"b": rows_b, "a": rows_a}, tmp_path)).values()
    assert counts.levels[0].tolist() == [[0, 1, 0, 0, 1, 0]]
    assert (counts.hubs, counts.own[0].tolist()) == (("b",), [[[0, 0, 0, 0, 1, 0]]])


@pytest.mark.parametrize(
    ("answers", "level"), [([0], 0), ([1, 4], 1), ([4, 1, 5], 4), ([0, 0, 5, 5], 0), ([5, 5, 5, 0], 5)]
)
def test_the_level_of_an_organisation_is_the_lower_median(answers: list[int], level: int, tmp_path: Path) -> None:
    rows = [an_answer(level=value, question=q.id) for value, q in zip(answers, QUESTIONS, strict=False)]
    assert levels_of({"a": rows}, tmp_path)["level"].to_pylist() == [level]


# The cube.


def test_every_group_of_the_cube_is_counted_whether_anybody_is_in_it(tmp_path: Path) -> None:
    levels = levels_of({"a": [an_answer()]}, tmp_path)
    [counts] = counted(levels).values()
    sizes = {name: len(vocabulary(scheme).terms) for name, scheme in ATTRIBUTES.items()}
    expected = [int(np.prod([sizes[attribute] for attribute in by])) for by in BREAKDOWNS.values()]
    assert [grid.shape for grid in counts.levels] == [(n, LEVELS_N) for n in expected]
    assert [grid.shape for grid in counts.own] == [(1, n, LEVELS_N) for n in expected]
    [fewer] = counted(levels, Policy(breakdowns=("total", "region"))).values()
    assert fewer.breakdowns == ("total", "region")
    assert [grid.sum() for grid in fewer.levels] == [1, 1]


def test_periods_audiences_and_dimensions_are_never_pooled(tmp_path: Path) -> None:
    changes: list[dict[str, Any]] = [
        {},
        {"period": "2026-Q2"},
        {"audience": "procurement_professional", "question": "pp-governance-1"},
        {"question": "dm-legal-1"},
    ]
    rows = [an_answer(organisation=f"org-{i}") | change for i in range(20) for change in changes]
    found = counted(levels_of({"a": rows, "b": rows}, tmp_path))
    assert {key: counts.levels[0].sum() for key, counts in found.items()} == {
        ("2026-Q1", "interop-baseline-v1", "decision_maker", "governance"): 20,
        ("2026-Q1", "interop-baseline-v1", "decision_maker", "legal"): 20,
        ("2026-Q1", "interop-baseline-v1", "procurement_professional", "governance"): 20,
        ("2026-Q2", "interop-baseline-v1", "decision_maker", "governance"): 20,
    }
    keys = {key: counts.tie_key for key, counts in found.items()}
    assert [*keys] == sorted(keys)
    assert len(set(keys.values())) == 3  # one for all dimensions of a period, instrument and audience


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


@pytest.mark.parametrize(("n", "hubs_n"), [(1, 1), (60, 2), (400, 4), (900, 7)])
def test_counts_are_those_of_a_direct_computation(n: int, hubs_n: int, tmp_path: Path) -> None:
    hubs = random_hubs(n, n, hubs_n)
    direct = direct_levels(hubs)
    found = counted(levels_of(hubs, tmp_path, row_group=97))
    assert {*found} == {*direct[list(TABLE)].itertuples(index=False, name=None)}
    for key, counts in found.items():
        table = direct[np.logical_and.reduce([direct[name] == value for name, value in zip(TABLE, key, strict=True)])]
        for breakdown, levels, own in zip(counts.cube, counts.levels, counts.own, strict=True):
            check_cells(table, breakdown.by, breakdown.cells, levels)
            for hub, of_hub in zip(counts.hubs, own, strict=True):
                check_cells(table[table["hubs"] == frozenset([hub])], breakdown.by, breakdown.cells, of_hub)


def check_cells(table: pd.DataFrame, by: tuple[str, ...], cells: tuple[tuple[str, ...], ...], levels: Any) -> None:
    """Assert that ``levels`` counts the rows of ``table`` in each cell, on each level."""
    expected = {
        (*cell, level): n
        for *cell, level, n in table.groupby([*by, "level"]).size().reset_index().itertuples(index=False)
    }
    found = {(*cells[i], level): levels[i, level] for i, level in zip(*np.nonzero(levels), strict=True)}
    assert found == expected


def test_the_order_of_hubs_files_and_rows_does_not_matter(tmp_path: Path) -> None:
    hubs = random_hubs(5, 300, 3)
    again = {hub: rows[::-1] for hub, rows in reversed(hubs.items())}
    first, second = counted(levels_of(hubs, tmp_path)), counted(levels_of(again, tmp_path, row_group=11))
    assert [*first] == [*second]
    for one, other in zip(first.values(), second.values(), strict=True):
        assert (one.tie_key, one.hubs) == (other.tie_key, other.hubs)
        made = [disclose(counts, Policy()) for counts in (one, other)]
        assert (made[0].benchmarks, made[0].distributions) == (made[1].benchmarks, made[1].distributions)


def test_the_tie_key_knows_who_is_where(tmp_path: Path) -> None:
    rows = [an_answer(organisation=f"org-{i}", level=i % 6) for i in range(20)]
    other_level = [*rows[:-1], rows[-1] | {"level": 3}]
    other_name = [*rows[:-1], rows[-1] | {"organisation": "org-20"}]
    found = [counted(levels_of({"a": some}, tmp_path)) for some in (rows, other_level, other_name, rows)]
    keys = [counts.tie_key for one in found for counts in one.values()]
    assert keys[0] == keys[3]
    assert len({*keys}) == 3


def test_the_cube_is_that_of_bare_duckdb(tmp_path: Path) -> None:
    write_returns(tmp_path / "returns", Work(20_000, 3, bad=0), BANKS["interop-baseline-v1"])
    for name, way in (("product", counting), ("rival", grouping)):
        (tmp_path / name).mkdir()
        way.main(tmp_path / "returns", tmp_path / name)
    check_cube(tmp_path / "product", tmp_path / "rival")
    # One number that is another, and the two do not agree.
    file = tmp_path / "rival/cube.parquet"
    table = pq.read_table(file)
    n = table["n"].to_pylist()
    pq.write_table(table.set_column(table.column_names.index("n"), "n", [[n[0] + 1, *n[1:]]]), file)
    with pytest.raises(AssertionError, match="1 of"):
        check_cube(tmp_path / "product", tmp_path / "rival")
