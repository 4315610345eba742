"""Every engine counts the same: levels, organisations, the cube cell for cell, and a release to the byte.

Spark runs on a cluster of this machine, with two executors that are processes of their own.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from hubs.contract.groups import TABLE
from hubs.instruments import instruments
from pipelines import engines, publish
from pipelines.benchmark import by_period, combine, combined
from pipelines.cube import Counts
from pipelines.engines import ARROW, Engine, Everybody
from pipelines.engines.duck import Duck
from pipelines.engines.frames import _cube
from pipelines.engines.spark import Spark
from pipelines.files import Damaged, json_of, sha256_of
from pipelines.policy import Policy
from pipelines.releasing import run
from pipelines.settings import UnusableSettings
from pipelines.store import Store
from pipelines.waves import alone, by_wave
from tests.feeds import NOW, a_case_study, a_line, answers_of, register, write_feed
from tests.java import SHORT_LIVED
from tests.unit.pipelines.test_benchmark import Rows, a_return, an_answer, random_hubs

BANKS = instruments()
SPARK = Spark("local-cluster[2,1,1024]")
OTHERS = (Duck(), SPARK)
NAMES = ("duckdb", "spark")


@pytest.fixture(scope="module", autouse=True)
def one_session(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    folder = tmp_path_factory.mktemp("spark")
    settings = [f"spark.{process}.extraJavaOptions {' '.join(SHORT_LIVED)}\n" for process in ("driver", "executor")]
    (folder / "spark-defaults.conf").write_text("".join(settings))
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("SPARK_CONF_DIR", str(folder))
        yield
        SPARK.stop()


def hostile_hubs() -> dict[str, Rows]:
    """What is odd in every way that the judge lets through."""
    twice = an_answer(organisation="both-hubs", level=1)
    return {
        "z-hub": [
            # Described otherwise on later rows, of which some are of other dimensions, and in the other period.
            an_answer(organisation="changes", region="wales", level=None),
            an_answer(organisation="changes", region="london", question="dm-legal-1", level=5),
            an_answer(organisation="changes", region="scotland", period="2026-Q2", level=2),
            # First described where nothing applies.
            an_answer(organisation="silent-first", size_band="under_50", level=None),
            an_answer(organisation="silent-first", size_band="250_to_999", question="dm-legal-1", level=4),
            twice | {"region": "london"},
            # The same organisation is only in this hub in another audience.
            twice | {"audience": "procurement_professional", "question": "pp-governance-1", "level": 0},
        ],
        "a-hub": [
            twice,
            twice | {"question": "dm-governance-2", "level": 5},
            an_answer(organisation="Case", level=3),
            an_answer(organisation="case", level=4),
            an_answer(organisation="-_-", level=0),
        ],
        "nobody": [an_answer(organisation="na-only", level=None)],
        "m-hub": [twice | {"level": 4, "sector": "housing"}],
    }


def cases() -> dict[str, dict[str, Rows]]:
    return {"random": random_hubs(41, 500, 6), "hostile": hostile_hubs()}


def counted(engine: Engine, hubs: Mapping[str, Rows], folder: Path) -> tuple[dict[str, pa.Table], Everybody]:
    """Tables of levels by hub, which are kept as files, and everybody. A hub's rows are in two files of several row
    groups; paths have all that a path may have.
    """
    place = folder / "a [b]* é+%20"
    place.mkdir(exist_ok=True)
    returns = {}
    for hub, rows in hubs.items():
        half = len(rows) // 2
        parts = [part for part in (rows[:half], rows[half:]) if part]
        returns[hub] = [a_return(place / f"{hub}-{i}.parquet", part, 97) for i, part in enumerate(parts)]
    levels, paths = {}, {}
    for hub, table in engine.organisation_levels(returns | {"without": []}, BANKS):
        levels[hub], paths[hub] = table, place / f"{engine.name}-{hub}.parquet"
        Store(folder).write_table(paths[hub], *by_period(table))
    return levels, engine.everybody(paths)


def rows_of(table: pa.Table) -> list[dict[str, Any]]:
    return sorted(table.to_pylist(), key=lambda row: [str(row[name]) for name in (*TABLE, "organisation")])


def cube_of(everybody: Everybody, policy: Policy) -> list[Counts]:
    return [counts for _, wave in everybody.waves for counts in everybody.cube(wave, policy)]


def check_same(one: Everybody, other: Everybody, policy: Policy) -> None:
    """Assert that both have the same organisations, and the same cube, cell for cell."""
    waves = dict(one.waves)
    assert list(waves) == sorted(waves) == [wave for wave, _ in other.waves]
    for wave, members in other.waves:
        assert members.schema == waves[wave].schema
        assert rows_of(members) == rows_of(waves[wave])
    cubes = [cube_of(everybody, policy) for everybody in (one, other)]
    for mine, theirs in zip(*cubes, strict=True):
        assert (mine.key, mine.hubs, mine.tie_key) == (theirs.key, theirs.hubs, theirs.tie_key)
        for grids in ((mine.levels, theirs.levels), (mine.own, theirs.own)):
            for a, b in zip(*grids, strict=True):
                np.testing.assert_array_equal(a, b, strict=True)


@pytest.mark.parametrize("engine", OTHERS, ids=NAMES)
@pytest.mark.parametrize("name", cases())
def test_organisations_and_the_cube_are_those_of_arrow(name: str, engine: Engine, tmp_path: Path) -> None:
    hubs = cases()[name]
    levels, everybody = counted(ARROW, hubs, tmp_path)
    own, other = counted(engine, hubs, tmp_path)
    assert own.keys() == levels.keys()
    for hub, table in levels.items():
        assert own[hub].schema == table.schema
        assert rows_of(own[hub]) == rows_of(table)
    check_same(everybody, other, Policy())
    check_same(everybody, other, Policy(breakdowns=("total", "sector_size_band")))


def test_spark_has_two_executors() -> None:
    # The driver counts as one; executors may still be on their way when the first work is done.
    assert SPARK.executors_n() == 2


def test_spark_has_no_web_page() -> None:
    settings = SPARK._session().sparkContext.getConf()
    assert settings.get("spark.ui.enabled") == "false"
    assert settings.get("spark.driver.bindAddress") == "127.0.0.1"


@pytest.mark.parametrize("engine", OTHERS, ids=NAMES)
def test_one_answer_that_is_another_is_seen(engine: Engine, tmp_path: Path) -> None:
    hubs = hostile_hubs()
    _, everybody = counted(ARROW, hubs, tmp_path)
    hubs["nobody"] = [hubs["nobody"][0] | {"level": 0}]
    _, other = counted(engine, hubs, tmp_path)
    with pytest.raises(AssertionError):
        check_same(everybody, other, Policy())


@pytest.mark.parametrize("engine", OTHERS, ids=NAMES)
@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"question": "no-such"}, "'dimension': None"),
        ({"instrument": "o-v1"}, "o-v1"),
        ({"region": "narnia"}, "narnia"),
    ],
)
def test_what_the_judge_cannot_have_let_through_is_a_bug(
    engine: Engine, change: dict[str, str], named: str, tmp_path: Path
) -> None:
    with pytest.raises(KeyError, match=named):
        counted(engine, {"a": [an_answer(), an_answer(organisation="o", **change)]}, tmp_path)


def test_an_engine_that_counts_others_than_it_gives_is_found_out(tmp_path: Path) -> None:
    _, everybody = counted(Duck(), hostile_hubs(), tmp_path)
    cells = everybody.cube.args[0]  # type: ignore[attr-defined]
    key = next(iter(cells))
    wrong = cells | {key: cells[key]._replace(n=cells[key].n + 1)}
    with pytest.raises(RuntimeError, match="organisations were counted"):
        cube_of(replace(everybody, cube=partial(_cube, wrong)), Policy())


@pytest.mark.parametrize("engine", OTHERS, ids=NAMES)
def test_nobody_is_nobody(engine: Engine, tmp_path: Path) -> None:
    assert list(engine.everybody({}).waves) == list(ARROW.everybody({}).waves) == []
    levels, everybody = counted(engine, {"a": [an_answer(level=None)]}, tmp_path)
    assert levels["a"].num_rows == 0
    assert levels["a"].schema == levels["without"].schema
    assert list(everybody.waves) == cube_of(everybody, Policy()) == []


def released(engine: Engine, folder: Path, keys: Path | None) -> dict[str, str]:
    """The digests of all that readers find after two runs, of which the second counts a wave anew. ``keys`` are those
    of the store of an earlier call, so that signatures are the same too.
    """
    if keys is not None:
        shutil.copytree(keys, folder / "store" / "keys")
    for days, ns in ((0, (40, 40)), (1, (70, 40))):
        for number, (hub, n) in enumerate(zip(("one", "two"), ns, strict=True)):
            register(folder, id=hub)
            answers = [*answers_of(n, 1 + number * 1000), *answers_of(30, 5000)]  # thirty are in both hubs
            write_feed(folder / "feeds" / hub, [a_case_study(body=f"Of {hub}, with {n}.")], answers=answers)
        line = replace(a_line(folder), engine=engine)
        run(line, NOW + timedelta(days=days), lambda _stage, _what: None)
    public = folder / "public"
    newest = publish.latest(public)
    assert newest is not None
    [wave] = json_of((public / newest.address / "audit.json").read_bytes())["waves"]
    assert wave["state"] == "revised"
    return {path.relative_to(public).as_posix(): sha256_of(path) for path in public.rglob("*") if path.is_file()}


@pytest.mark.untraced
def test_a_release_is_the_same_bytes_whoever_counts(tmp_path: Path) -> None:
    made = released(ARROW, tmp_path / "arrow", None)
    assert sum(name.endswith("release.json") for name in made) == 2
    for engine in OTHERS:
        assert released(engine, tmp_path / engine.name, tmp_path / "arrow/store/keys") == made


def test_what_is_kept_of_who_was_counted_does_not_depend_on_the_order_of_rows(tmp_path: Path) -> None:
    levels, _ = counted(ARROW, hostile_hubs(), tmp_path)
    turned = {hub: table.take(pa.array(range(table.num_rows)[::-1], pa.int64())) for hub, table in levels.items()}
    kept = [[alone(wave).to_pylist() for _, wave in by_wave(combined(one))] for one in (levels, turned)]
    assert kept[0] == kept[1]


# A wave at a time.


def hubs_of_two_periods() -> dict[str, Rows]:
    """An organisation that two hubs describe otherwise, of which the second alone has it in one audience."""
    other = {"audience": "procurement_professional", "question": "pp-governance-1"}
    return {
        "a": [an_answer(region="wales"), an_answer(region="london", period="2026-Q2", level=1)],
        "b": [an_answer(region="scotland", level=4), an_answer(region="scotland", **other)],
    }


def test_the_waves_of_arrow_are_those_of_all_hubs_together(tmp_path: Path) -> None:
    for hubs in (hubs_of_two_periods(), *cases().values()):
        levels, everybody = counted(ARROW, hubs, tmp_path)
        whole = dict(by_wave(combine(levels).to_batches()))
        assert [wave for wave, _ in everybody.waves] == list(whole)
        for wave, members in everybody.waves:
            assert alone(members).equals(alone(whole[wave])), wave


def test_an_organisation_is_described_by_the_first_of_its_hubs_in_the_period_in_all_waves(tmp_path: Path) -> None:
    _, everybody = counted(ARROW, hubs_of_two_periods(), tmp_path)
    assert {(wave[0], wave[2]): members["region"].to_pylist() for wave, members in everybody.waves} == {
        ("2026-Q1", "decision_maker"): ["wales"],
        ("2026-Q1", "procurement_professional"): ["wales"],
        ("2026-Q2", "decision_maker"): ["london"],
    }


def test_a_file_that_has_several_periods_in_a_row_group_is_read_too(tmp_path: Path) -> None:
    levels, everybody = counted(ARROW, random_hubs(7, 200, 3), tmp_path)
    paths = {hub: tmp_path / f"{hub}.parquet" for hub in levels}
    for hub, path in paths.items():
        pq.write_table(levels[hub], path, row_group_size=50)
    check_same(everybody, ARROW.everybody(paths), Policy())


def test_a_period_is_read_when_its_first_wave_is_asked_for(tmp_path: Path) -> None:
    levels, _ = counted(ARROW, hubs_of_two_periods(), tmp_path)
    paths = {hub: tmp_path / f"{hub}.parquet" for hub in levels}
    for hub, path in paths.items():
        Store(tmp_path).write_table(path, *by_period(levels[hub]))
    waves = iter(ARROW.everybody(paths).waves)
    first = next(waves)
    for path in paths.values():
        path.unlink()
    assert [wave[0] for wave, _ in (first, next(waves))] == ["2026-Q1", "2026-Q1"]
    with pytest.raises(FileNotFoundError):
        next(waves)


def test_levels_are_kept_a_period_in_a_row_group_with_no_name_of_another(tmp_path: Path) -> None:
    rows = [an_answer(organisation="late", period="2026-Q2"), an_answer(organisation="early")]
    levels, _ = counted(ARROW, {"a": rows}, tmp_path)
    parts = by_period(levels["a"])
    assert [part["organisation"].chunk(0).dictionary.to_pylist() for part in parts] == [["early"], ["late"]]
    assert {part.schema for part in parts} == {levels["a"].schema}
    Store(tmp_path).write_table(tmp_path / "kept.parquet", *parts)
    with pq.ParquetFile(tmp_path / "kept.parquet") as file:
        assert [file.read_row_group(n).equals(part) for n, part in enumerate(parts)] == [True, True]
        assert file.num_row_groups == 2


def test_levels_that_are_damaged_are_named(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    path.write_bytes(b"PAR1 and no more")
    with pytest.raises(Damaged, match=r"a\.parquet"):
        list(ARROW.everybody({"a": path}).waves)


# The setting.


def test_arrow_counts_unless_a_setting_says_otherwise(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    assert engines.chosen() is ARROW
    Path("hubpacks.toml").write_text('counting = "spark"\nspark_master = "spark://cluster:7077"\n')
    assert engines.chosen().name == "spark"
    monkeypatch.setenv("HUBPACKS_COUNTING", "duckdb")
    engine = engines.chosen()
    assert (engine.name, engine.is_at_once) == ("duckdb", True)
    assert list(engine.everybody({}).waves) == []
    monkeypatch.setenv("HUBPACKS_COUNTING", "abacus")
    with pytest.raises(UnusableSettings, match=r"'abacus': no such engine; write one of arrow, duckdb, spark"):
        engines.chosen()


@pytest.mark.parametrize(("name", "package"), [("duckdb", "duckdb"), ("spark", "pyspark")])
def test_an_engine_that_is_not_installed_is_named_with_its_extra(
    name: str, package: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HUBPACKS_COUNTING", name)
    monkeypatch.setattr(engines, "find_spec", lambda wanted: None if wanted == package else True)
    with pytest.raises(UnusableSettings, match=rf"{package} is not installed; .* hubpacks\[{name}\]"):
        engines.chosen()


def test_spark_without_java_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.delenv("JAVA_HOME", raising=False)
    with pytest.raises(UnusableSettings, match="Java 17"):
        Spark("local[1]").executors_n()


def test_other_engines_are_not_imported_unless_they_count() -> None:
    code = (
        "import sys, pipelines.line, pipelines.engines as e; e.chosen(); print({'duckdb', 'pyspark'} & {*sys.modules})"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={"PATH": os.environ["PATH"], "HUBPACKS_COUNTING": "spark"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "set()\n"
