"""How ways are measured in turn, and how what they took is compared."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from tests.bench import report
from tests.bench.measure import Case, Reach, Run, Way, in_turn


def a_run(seconds: float, *, cpu_s: float = 1.0, peak_mb: float = 1.0, **result: float) -> Run:
    return Run("way", seconds, cpu_s, peak_mb, result)


def python(code: str) -> tuple[str, ...]:
    return (sys.executable, "-c", code)


def test_ways_take_turns_each_is_prepared_and_rounds_to_warm_up_do_not_count(tmp_path: Path) -> None:
    seen: list[str] = []
    ways = tuple(Way(label, python("pass"), lambda label=label: seen.append(label)) for label in "ab")  # type: ignore[misc]
    done = in_turn(Case("case", ways, rounds=2, warm_ups=1))
    assert seen == ["a", "b"] * 3
    assert {label: len(runs) for label, runs in done.items()} == {"a": 2, "b": 2}


def test_a_way_is_told_what_it_printed_last() -> None:
    way = Way("a", python("print('{\"rows\": 1}'); print('{\"rows\": 2}')"))
    [run] = in_turn(Case("case", (way,), rounds=1, warm_ups=0))["a"]
    assert run.result == {"rows": 2}
    assert run.figure("rows") == 2
    with pytest.raises(KeyError):
        run.figure("columns")


def test_time_is_the_processors_and_memory_that_of_all_processes(tmp_path: Path) -> None:
    child = "import time; held = b'x' * (150 << 20); time.sleep(0.5)"
    parent = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {child!r}])"
    work = "import time\nwhile time.process_time() < 0.4: pass"
    ways = (Way("child", python(parent)), Way("work", python(work)), Way("nothing", python("pass")))
    done = {label: runs[0] for label, runs in in_turn(Case("case", ways, rounds=1, warm_ups=0)).items()}
    assert done["child"].peak_mb > done["nothing"].peak_mb + 150
    assert done["work"].cpu_s > max(0.4, done["nothing"].cpu_s)
    assert done["child"].seconds > 0.5 > done["child"].cpu_s - done["nothing"].cpu_s


def test_ways_that_do_not_agree_are_no_measurement() -> None:
    def agree(runs: dict[str, Run]) -> None:
        assert len({json.dumps(run.result) for run in runs.values()}) == 1

    ways = tuple(Way(label, python(f"print('{{\"rows\": {label}}}')")) for label in "12")
    with pytest.raises(AssertionError):
        in_turn(Case("case", ways, rounds=1, warm_ups=0, agree=agree))
    in_turn(Case("case", ways[:1], rounds=1, warm_ups=0, agree=agree))


def test_a_ratio_is_the_median_over_rounds_and_not_of_medians() -> None:
    runs = {"a": [a_run(1), a_run(20), a_run(3)], "b": [a_run(1), a_run(10), a_run(1)]}
    assert Reach("a", "b", 1).found(runs) == 2


def test_start_up_is_taken_off_both_sides() -> None:
    runs = {"a": [a_run(1.2)], "b": [a_run(5)], "start": [a_run(1)]}
    assert Reach("a", "b", 1, start_up="start").found(runs) == pytest.approx(0.2 / 4)


def test_a_figure_alone_is_held_against_its_limit() -> None:
    runs = {"a": [a_run(1, peak_mb=700, ms=40)]}
    assert Reach("a", "", 750, "peak_mb").found(runs) == 700
    assert Reach("a", "", 50, "ms").found(runs) == 40


def test_what_was_found_is_written_down_and_the_history_grows(tmp_path: Path) -> None:
    reaches = (Reach("a", "b", 2), Reach("a", "b", 4, "cpu_s", 3), Reach("a", "b", 3.5, "peak_mb", 1))
    case = Case("work", (Way("a", ()), Way("b", ())), reaches)
    done = {"work": {"a": [a_run(3, cpu_s=3, peak_mb=3)], "b": [a_run(1)]}}
    history, page = tmp_path / "history.jsonl", tmp_path / "page.md"
    page.write_text(f"Before.\n{report.START}\nOld.\n{report.END}After.\n", encoding="utf-8")
    for _ in range(2):
        text = report.write([case], done, tmp_path, {"processors": 2}, history=history, page=page)
    assert "| work | time of a over b | ≤ 2 | 3 | missed by 50% |" in text
    assert "| ≤ 4 (stretch 3) | 3 | met, with its stretch |" in text
    assert "| ≤ 3.5 (stretch 1) | 3 | met |" in text
    assert (tmp_path / "bench.md").read_text(encoding="utf-8") == text
    lines = [json.loads(line) for line in history.read_text(encoding="utf-8").splitlines()]
    assert [[one["found"] for one in line["reaches"]] for line in lines] == [[3, 3, 3]] * 2
    assert [one["met"] for one in lines[0]["reaches"]] == [False, True, True]
    assert lines[0]["environment"] == {"processors": 2}
    told = json.loads((tmp_path / "bench.json").read_text(encoding="utf-8"))
    assert told["runs"]["work"]["a"][0]["seconds"] == 3
    shown = page.read_text(encoding="utf-8")
    assert shown.startswith("Before.\n")
    assert shown.endswith("\n\n## After.\n")
    assert "Old." not in shown
    assert shown.count("missed by 50%") == 1  # of what was measured twice, the newest


def test_the_page_says_what_was_measured_last() -> None:
    page = report.PAGE.read_text(encoding="utf-8")
    assert report.on_the_page(page, report.newest()) == page
