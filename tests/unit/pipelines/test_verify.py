"""A release is attacked by whoever verifies it, and refused when it gives numbers away."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from pipelines import publish
from pipelines.line import make_benchmarks, make_library
from pipelines.publish import writers
from pipelines.publish.scripts import write_figures
from pipelines.publish.tables import write_tables
from pipelines.releasing import make_release, run
from pipelines.verify import verify
from tests.builders import reseal
from tests.feeds import NOW, a_case_study, a_line, answers_of, gather, register, write_feed


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


def plant(release: Path, spec: writers.TableSpec, change: Callable[[list[dict[str, Any]]], Any]) -> None:
    """Change a table in all its forms, and hide that it was changed."""
    path = release / "benchmarks" / f"{spec.name}.json"
    data = json.loads(path.read_bytes())
    change(data["rows"])
    path.write_bytes(writers.json_bytes(data))
    write_tables(path.parent)
    write_figures(release)
    for file in [*path.parent.glob(f"{spec.name}.*"), *path.parent.glob("figures/*")]:
        reseal(release, file.relative_to(release).as_posix())


def test_a_figure_that_says_more_than_the_counts_is_found(world: Path, tmp_path: Path) -> None:
    release = tmp_path / "release"
    shutil.copytree(release_of(world), release)

    def add(rows: list[dict[str, Any]]) -> None:
        row = next(row for row in rows if row["mean"] is not None)
        row["mean"] = round(row["mean"] + 0.1, 1)

    plant(release, writers.BENCHMARKS, add)
    assert [problem for problem in verify(release) if "other_number" in problem]


def test_a_number_on_a_page_that_is_in_no_table_is_found(world: Path, tmp_path: Path) -> None:
    release = tmp_path / "release"
    shutil.copytree(release_of(world), release)
    page = release / "en/benchmarks/interop-baseline-v1-decision-maker.html"
    page.write_text(page.read_text(encoding="utf-8").replace('data-figures="n">120<', 'data-figures="n">117<', 1))
    reseal(release, page.relative_to(release).as_posix())
    (problem,) = verify(release)
    assert "is 120, and 117 is shown" in problem


def test_tables_that_cannot_be_read_are_said_so(world: Path, tmp_path: Path) -> None:
    release = tmp_path / "release"
    shutil.copytree(release_of(world), release)
    (release / "benchmarks/distributions.parquet").write_bytes(b"PAR1")
    (release / "benchmarks/benchmarks.json").write_text("{}")
    assert any("the figures cannot be checked" in problem for problem in verify(release))


def test_a_trend_that_does_not_follow_from_the_counts_is_found(world: Path, tmp_path: Path) -> None:
    release = tmp_path / "release"
    shutil.copytree(release_of(world), release)
    assert set(pq.read_table(release / "benchmarks/trends.parquet")["status"].to_pylist()) == {"[z]"}
    plant(release, writers.TRENDS, lambda rows: rows[0].update(trend="better"))
    (problem,) = verify(release)
    assert "trend trend: other_number: better does not follow" in problem
    plant(release, writers.TRENDS, lambda rows: rows.clear())
    assert any("its change is not told" in problem for problem in verify(release))


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


HOSTILE = ("[" * 200_000, "\xff\x00", "{}", "[]", "null", '{"release": ' + "9" * 6_000 + "}")
FILES = ("release.json", "provenance.json", "audit.json", "coverage.json", "benchmarks/benchmarks.json")


@pytest.mark.parametrize("name", [*FILES, "keys/keys.json", "provenance.intoto.jsonl", "packs/national/records.jsonl"])
def test_a_file_that_is_not_what_it_should_be_is_named_whatever_it_holds(
    world: Path, tmp_path: Path, name: str
) -> None:
    release = tmp_path / "release"
    shutil.copytree(release_of(world), release)
    for text in HOSTILE:
        (release / name).write_text(text, encoding="latin-1")
        assert any(Path(name).name in problem or "release" in problem for problem in verify(release)), text[:20]
