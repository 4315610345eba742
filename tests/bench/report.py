"""What a bench has found, as people and programs read it: tables in Markdown, JSON, a line of the history, and what
``docs/performance.md`` says of the newest measurement of each thing to reach.
"""

from __future__ import annotations

import json
import os
import platform
import shutil
import statistics
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from importlib.metadata import distributions, version
from pathlib import Path
from typing import Any

from pipelines.version import code_version
from tests.bench.measure import PEERS, Case, Run

HISTORY = Path(__file__).with_name("history.jsonl")
"""A line a run: when, which code, on what, how each thing to reach came out, and medians of how many rounds. Kept in
the repository.
"""
PAGE = Path(__file__).parents[2] / "docs/performance.md"
START, END = "## As measured last\n", "\n## "
"""What is between them on the page is written by ``make bench``."""
PACKAGES = ("pyarrow", "numpy", "pandas", "great-expectations", "duckdb", "scipy", "highspy", "jinja2", "typst")
FIGURES = ("seconds", "cpu_s", "peak_mb")

Done = Mapping[str, Mapping[str, list[Run]]]
"""Runs by the name of the case and by way."""


def environment() -> dict[str, Any]:
    """What figures depend on besides the code."""
    return {
        "python": platform.python_version(),
        "machine": platform.machine(),
        "processors": os.cpu_count(),
        "load_1_min": round(os.getloadavg()[0], 2),
        "versions": {name: version(name) for name in PACKAGES if _is_there(name)} | dict(_peers()),
    }


def _is_there(package: str) -> bool:
    return any(distributions(name=package))


def _peers() -> Iterator[tuple[str, str]]:
    """The versions of the programs of others."""
    if (hugo := shutil.which("hugo")) is not None:
        yield "hugo", _said(hugo, "version").split()[1]
    if (pip := PEERS / "python").exists():
        listed = _said(str(pip), "-m", "pip", "list", "--format", "json", "--disable-pip-version-check")
        for package in json.loads(listed):
            if package["name"] in {"frictionless", "mkdocs"}:
                yield package["name"], package["version"]


def _said(*command: str) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def medians(runs: list[Run]) -> dict[str, float]:
    """The median of time and processor time over the rounds, and the most of memory."""
    seconds, cpu_s = (statistics.median(getattr(run, figure) for run in runs) for figure in FIGURES[:2])
    return {"seconds": seconds, "cpu_s": cpu_s, "peak_mb": max(run.peak_mb for run in runs)}


def measured(done: Done) -> str:
    """The table of what was measured: medians, their spread, and multiples of the last way of each case."""
    lines = ["| work | way | s | from – to | processor s | peak MB | × the last |", "|---|---|--:|--:|--:|--:|--:|"]
    for name, by_way in done.items():
        last = list(by_way.values())[-1]
        for label, runs in by_way.items():
            found, all_s = medians(runs), [run.seconds for run in runs]
            times = statistics.median(one.seconds / other.seconds for one, other in zip(runs, last, strict=True))
            spread = f"{min(all_s):.2f} – {max(all_s):.2f}"
            figures = f"{found['seconds']:.2f} | {spread} | {found['cpu_s']:.2f} | {found['peak_mb']:.0f} | {times:.2f}"
            lines.append(f"| {name} | {label} | {figures} |")
    return "\n".join(lines)


def reached(cases: list[Case], done: Done) -> list[dict[str, Any]]:
    """How each thing to reach came out, in the order of the cases."""
    found = [(case.name, reach, reach.found(done[case.name])) for case in cases for reach in case.reaches]
    return [
        {"work": name, "found": round(at, 3), "met": at <= reach.at_most} | asdict(reach) for name, reach, at in found
    ]


WORDS = {"seconds": "time", "cpu_s": "processor time", "peak_mb": "memory"}


def judged(reaches: list[dict[str, Any]]) -> str:
    """The table of what was meant to be reached, and was or was not."""
    lines = ["| work | what | asked | found | | on |", "|---|---|--:|--:|---|---|"]
    for one in reaches:
        beyond = " beyond start-up" if one["start_up"] else ""
        over = f" over {one['to']}" if one["to"] else ""
        figure = WORDS.get(one["figure"], one["figure"]) if one["to"] else one["figure"].replace("peak_mb", "MB")
        what = f"{figure}{beyond} of {one['way']}{over}"
        stretch = f" (stretch {one['stretch']:g})" if one["stretch"] else ""
        missed = "met" if one["met"] else f"missed by {one['found'] / one['at_most'] - 1:.0%}"
        if one["met"] and one["stretch"] and one["found"] <= one["stretch"]:
            missed = "met, with its stretch"
        lines.append(
            f"| {one['work']} | {what} | ≤ {one['at_most']:g}{stretch} | {one['found']:.3g} | {missed} | {one['day']} |"
        )
    return "\n".join(lines)


def newest(history: Path = HISTORY) -> list[dict[str, Any]]:
    """The newest measurement of each thing to reach, in the order of the first ones."""
    found: dict[tuple[str, ...], dict[str, Any]] = {}
    for line in history.read_text(encoding="utf-8").splitlines():
        told = json.loads(line)
        for one in told["reaches"]:
            key = (one["work"], one["way"], one["to"], one["figure"])
            found[key] = one
    return list(found.values())


def on_the_page(page: str, reaches: list[dict[str, Any]]) -> str:
    """``page`` with the table of ``reaches`` where it belongs."""
    before, _, rest = page.partition(START)
    _, _, after = rest.partition(END)
    return f"{before}{START}\n{judged(reaches)}\n{END}{after}"


def write(
    cases: list[Case],
    done: Done,
    out: Path,
    started: Mapping[str, Any],
    *,
    history: Path = HISTORY,
    page: Path = PAGE,
) -> str:
    """Write ``bench.md`` and ``bench.json`` into ``out``, a line into the ``history``, and the newest of all of them
    onto the ``page``; the Markdown of this one.
    """
    now = datetime.now(UTC)
    reaches = [one | {"day": now.date().isoformat()} for one in reached(cases, done)]
    text = "\n\n".join([*([judged(reaches)] if reaches else []), measured(done)]) + "\n"
    out.mkdir(parents=True, exist_ok=True)
    (out / "bench.md").write_text(text, encoding="utf-8")
    head = {"at": now.isoformat(timespec="seconds"), "code": code_version(), "environment": started}
    runs = {name: {way: [asdict(run) for run in own] for way, own in ways.items()} for name, ways in done.items()}
    (out / "bench.json").write_text(json.dumps(head | {"reaches": reaches, "runs": runs}, indent=2) + "\n")
    figures = {
        name: {
            way: {"rounds": len(own)} | {what: round(n, 2) for what, n in medians(own).items()}
            for way, own in ways.items()
        }
        for name, ways in done.items()
    }
    with history.open("a", encoding="utf-8") as lines:
        lines.write(json.dumps(head | {"reaches": reaches, "medians": figures}) + "\n")
    page.write_text(on_the_page(page.read_text(encoding="utf-8"), newest(history)), encoding="utf-8")
    return text
