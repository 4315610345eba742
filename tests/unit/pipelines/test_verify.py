"""A release is attacked by whoever verifies it, and refused when it gives numbers away."""

import shutil
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipelines import publish
from pipelines.line import gather, make_benchmarks, make_library, make_release, run
from pipelines.verify import verify
from tests.builders import reseal
from tests.feeds import NOW, a_case_study, a_line, answers_of, register, write_feed


@pytest.fixture(scope="module")
def world(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("verify")
    for hub, first in (("one", 1), ("two", 1_001), ("three", 2_001)):
        register(folder, id=hub)
        answers = answers_of(40, first=first)
        write_feed(folder / "feeds" / hub, [a_case_study(body=f"Of {hub}.")], answers=answers)
    run(a_line(folder), NOW, lambda _stage, _what: None)
    return folder


def release_of(folder: Path) -> Path:
    newest = publish.latest(folder / "public")
    assert newest is not None
    return folder / "public" / newest.address


def test_a_good_release_stands_the_attack(world: Path) -> None:
    release = release_of(world)
    table = pq.read_table(release / "benchmarks/benchmarks.parquet")
    assert table.num_rows - table["n"].null_count > 0
    assert verify(release) == []


def test_a_figure_that_says_more_than_the_counts_is_found(world: Path, tmp_path: Path) -> None:
    release = tmp_path / "release"
    shutil.copytree(release_of(world), release)
    path = release / "benchmarks/benchmarks.parquet"
    table = pq.read_table(path)
    rows = table.to_pylist()
    at = next(i for i, row in enumerate(rows) if row["mean"] is not None)
    rows[at]["mean"] = round(rows[at]["mean"] + 0.1, 1)
    pq.write_table(pa.Table.from_pylist(rows, table.schema), path)
    reseal(release, "benchmarks/benchmarks.parquet")
    assert [problem for problem in verify(release) if "other_number" in problem]


def test_a_release_that_gives_numbers_away_is_refused_and_the_old_one_stays(world: Path) -> None:
    line = a_line(world)
    before = release_of(world)
    write_feed(world / "feeds/one", [a_case_study(body="Of one, changed.")], answers=answers_of(40))
    gather(line, "one", NOW)
    make_library(line)
    make_benchmarks(line)
    audit, leaks, waves = line.store.disclosure()
    assert leaks == []
    line.store.write_disclosure(audit, ["2026-Q3/total, n: exact_cell: planted"], waves)
    with pytest.raises(publish.ReleaseRefused, match="give 1 numbers away: 2026-Q3/total, n: exact_cell"):
        make_release(line, NOW)
    assert release_of(world) == before
