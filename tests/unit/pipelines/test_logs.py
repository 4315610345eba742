"""Lines of the log: for people and for programs, and what never gets into one."""

from __future__ import annotations

import ast
import json
import logging
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from pipelines import logs, runs
from pipelines.settings import UnusableSettings

ROOT = Path(__file__).parents[3]


def written(capsys: pytest.CaptureFixture[str]) -> list[str]:
    text = capsys.readouterr().err
    assert text.endswith("\n"), repr(text)
    return text.splitlines()


@pytest.fixture
def for_programs(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv(logs.VARIABLE, "json")
    logs.configure()


def test_a_line_for_programs(for_programs: None, capsys) -> None:
    logs.bind(run="0f")
    logs.get("line").warning("hub_not_pulled", hub="one", code="hub_gone", seconds=1.23456)
    found = written(capsys)
    assert len(found) == 1, found
    (line,) = found
    told = json.loads(line)
    assert told.pop("time").endswith("+00:00")
    assert told == {
        "level": "warning",
        "logger": "hubpacks.line",
        "event": "hub_not_pulled",
        "run": "0f",
        "hub": "one",
        "code": "hub_gone",
        "seconds": 1.235,
    }


def test_a_line_for_people(monkeypatch: pytest.MonkeyPatch, capsys) -> None:
    monkeypatch.delenv(logs.VARIABLE, raising=False)
    logs.configure(logging.WARNING)
    logs.get("line").info("hub_pulled", hub="one")
    logs.get("line").warning("hub_not_pulled", hub="one", code="hub_gone")
    found = written(capsys)
    assert len(found) == 1, found
    (line,) = found
    assert line.endswith(" WARNING hub_not_pulled hub=one code=hub_gone")


def test_another_form_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(logs.VARIABLE, "xml")
    with pytest.raises(UnusableSettings, match="HUBPACKS_LOG=xml: write text or json"):
        logs.configure()


@pytest.mark.parametrize(
    "value",
    [
        "https://hub.example/feed?key=1",
        "data@hub.example",
        "a\nb",
        "x" * 201,
        "Ŵyl",
        "",
        "a?b=c",
        {"a": 1},
        ["x"],
        b"y",
    ],
)
def test_what_looks_like_content_or_an_address_is_hidden(for_programs: None, capsys, value: object) -> None:
    logs.get("line").info("hub_pulled", hub=value)
    assert json.loads(written(capsys)[0])["hub"] == logs.HIDDEN


def test_of_an_error_kind_and_place_are_told(for_programs: None, capsys) -> None:
    try:
        raise KeyError("canary of a feed")
    except KeyError as error:
        logs.get("pull").error("pull_broke_off", hub="one", exc_info=error)
        logging.getLogger("uvicorn").exception("canary of a query?")
    ours, servers = (json.loads(line) for line in written(capsys))
    assert (ours["error"], ours["place"].partition(":")[0]) == ("KeyError", "test_logs.py")
    assert (servers["event"], servers["text"], servers["error"]) == ("server_said", logs.HIDDEN, "KeyError")
    assert "canary" not in json.dumps([ours, servers])


def test_threads_of_a_pool_carry_the_run(for_programs: None, capsys) -> None:
    run = runs.new_run()
    with ThreadPoolExecutor(2, initializer=logs.carried()) as pool:
        both = threading.Barrier(2)
        for hub in ("one", "two"):
            pool.submit(lambda hub=hub: (both.wait(5), logs.get("line").info("hub_pulled", hub=hub)))
    assert {json.loads(line)["run"] for line in written(capsys)} == {run}


def test_every_event_of_the_code_is_in_the_table() -> None:
    found = set()
    for room in ("hubs", "pipelines", "assets"):
        for path in (ROOT / room).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                is_log = isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
                is_log = is_log and node.func.attr in ("debug", "info", "warning", "error", "exception", "critical")
                if is_log and ast.unparse(node.func.value) in ("LOG", "log"):
                    assert isinstance(node.args[0], ast.Constant), f"{path}: {ast.unparse(node)}"
                    assert len(node.args) == 1, f"{path}: {ast.unparse(node)}"
                    found.add(node.args[0].value)
    assert found | {"server_said"} == set(logs.EVENTS)


class TestStages:
    """How long stages take is kept, bounded."""

    def test_a_stage_that_ends_and_one_that_fails(self, tmp_path: Path) -> None:
        with runs.timed(tmp_path, "count"):
            pass
        with pytest.raises(ZeroDivisionError), runs.timed(tmp_path, "publish"):
            raise ZeroDivisionError
        newest = runs.newest(tmp_path)
        assert (newest["count"]["outcome"], newest["publish"]["outcome"]) == ("ended", "failed")
        assert 0 <= newest["count"]["seconds"] < 1

    def test_work_that_is_done_by_several(self, tmp_path: Path) -> None:
        watch = runs.Watch(tmp_path, "pull")
        with ThreadPoolExecutor(3) as pool:
            assert list(pool.map(watch.over(str), range(9))) == [str(n) for n in range(9)]
        watch.note()
        assert runs.newest(tmp_path)["pull"]["hubs"] == 9

    def test_the_file_stays_small(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(runs, "MOST_BYTES", 4_000)
        monkeypatch.setattr(runs, "KEPT_LINES", 10)
        for _ in range(200):
            with runs.timed(tmp_path, "count"):
                pass
        with runs.timed(tmp_path, "publish"):
            pass
        assert (tmp_path / "runs.jsonl").stat().st_size < 5_000
        assert set(runs.newest(tmp_path)) == {"count", "publish"}
