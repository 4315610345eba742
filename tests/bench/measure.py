"""Ways of doing the same work, each as a process of its own, in turn: what they took, and how that compares.

What is measured belongs in the parts; what readers see of it in ``report``.
"""

from __future__ import annotations

import contextlib
import json
import resource
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

INTERVAL_S = 0.02
ROOT = Path(__file__).parents[2]
PEERS = ROOT / "build/peers/bin"
"""Programs of others, in an environment that never touches the product's."""


@dataclass(frozen=True)
class Run:
    """One run. ``seconds`` is wall time with start-up, ``cpu_s`` processor time, both of the whole process tree, and
    ``peak_mb`` its resident memory; ``result`` what it printed last, if that was JSON.
    """

    way: str
    seconds: float
    cpu_s: float
    peak_mb: float
    result: dict[str, Any]

    def figure(self, name: str) -> float:
        """One of its figures, or what it printed itself under that name. Raises KeyError."""
        return float({"seconds": self.seconds, "cpu_s": self.cpu_s, "peak_mb": self.peak_mb, **self.result}[name])


@dataclass(frozen=True)
class Way:
    """One way of doing the work: a command, run at the project's root. ``prepare`` is called before, and not timed."""

    label: str
    command: tuple[str, ...]
    prepare: Callable[[], object] | None = None


def ours(module: str, *arguments: str | Path) -> tuple[str, ...]:
    """The command of a module of this package."""
    return (sys.executable, "-m", f"tests.bench.{module}", *map(str, arguments))


def peer(program: str, *arguments: str | Path) -> tuple[str, ...]:
    """The command of a program in the environment of peers."""
    return (str(PEERS / program), *map(str, arguments))


@dataclass(frozen=True)
class Reach:
    """What is meant to be reached: a figure of ``way`` is at most ``at_most`` times that of ``to``, or at most that
    alone without ``to``; once that of the way ``start_up`` is taken off. ``figure`` is one of ``Run.figure``.
    """

    way: str
    to: str
    at_most: float
    figure: str = "seconds"
    stretch: float | None = None
    start_up: str = ""

    def found(self, runs: Mapping[str, list[Run]]) -> float:
        """The median, over the rounds, of what one round gives. ``runs`` are by way, in the order of the rounds."""
        off = statistics.median(run.figure(self.figure) for run in runs[self.start_up]) if self.start_up else 0.0
        own = [run.figure(self.figure) - off for run in runs[self.way]]
        others = [run.figure(self.figure) - off for run in runs[self.to]] if self.to else [1.0] * len(own)
        return statistics.median(one / other for one, other in zip(own, others, strict=True))


@dataclass(frozen=True)
class Case:
    """Ways that take turns, ``rounds`` times, after ``warm_ups`` rounds that do not count. The last way is what the
    table shows the others as multiples of. ``agree`` raises AssertionError unless what they made is alike; it is given
    the last run of each.
    """

    name: str
    ways: tuple[Way, ...]
    reaches: tuple[Reach, ...] = ()
    rounds: int = 3
    warm_ups: int = 1
    agree: Callable[[dict[str, Run]], None] | None = None


def in_turn(case: Case, tell: Callable[[str], object] = lambda _: None) -> dict[str, list[Run]]:
    """The runs that count, by way. Raises CalledProcessError, and AssertionError when the ways do not agree."""
    done: dict[str, list[Run]] = {way.label: [] for way in case.ways}
    for number in range(-case.warm_ups, case.rounds):
        for way in case.ways:
            if way.prepare:
                way.prepare()
            run = _timed(way.label, way.command)
            tell(f"{case.name}: {way.label} {run.seconds:.2f} s, {run.peak_mb:.0f} MB{' to warm up' * (number < 0)}")
            if number >= 0:
                done[way.label].append(run)
    if case.agree:
        case.agree({label: runs[-1] for label, runs in done.items()})
    return done


def _timed(label: str, command: tuple[str, ...]) -> Run:
    before = _cpu_s()
    start = time.perf_counter()
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as process:
        peak = _peak_bytes(psutil.Process(process.pid), process)
        output, _ = process.communicate()
    seconds = time.perf_counter() - start
    cpu_s = _cpu_s() - before
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)
    last = output.rstrip().rpartition("\n")[2]
    return Run(label, seconds, cpu_s, peak / 2**20, json.loads(last) if last.startswith("{") else {})


def _cpu_s() -> float:
    """Of all that this process has started, and that has ended."""
    spent = resource.getrusage(resource.RUSAGE_CHILDREN)
    return spent.ru_utime + spent.ru_stime


def _peak_bytes(root: psutil.Process, process: subprocess.Popen[str]) -> int:
    peak = 0
    while process.poll() is None:
        total = 0
        with contextlib.suppress(psutil.NoSuchProcess):
            for member in [root, *root.children(recursive=True)]:
                with contextlib.suppress(psutil.NoSuchProcess):
                    total += member.memory_info().rss
        peak = max(peak, total)
        time.sleep(INTERVAL_S)
    return peak


def empty(folder: Path) -> None:
    """Make the folder, with nothing in it."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
