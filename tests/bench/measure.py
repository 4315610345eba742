"""Running one contender as a process of its own, and what it took: time, processor time, memory of the whole tree."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

INTERVAL_S = 0.02


@dataclass(frozen=True)
class Run:
    """One run. ``seconds`` is wall time with start-up, ``cpu_s`` processor time, ``peak_mb`` resident memory."""

    contender: str
    seconds: float
    cpu_s: float
    peak_mb: float
    result: dict[str, Any]


def run(contender: str, feeds: Path, work: Path) -> Run:
    """Run ``tests.bench.<contender>`` over ``feeds`` in the emptied folder ``work``. Raises CalledProcessError."""
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    command = [sys.executable, "-m", f"tests.bench.{contender}", str(feeds), str(work)]
    before = os.times()
    start = time.perf_counter()
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        peak = _peak_bytes(psutil.Process(process.pid), process)
        output, _ = process.communicate()
    seconds = time.perf_counter() - start
    after = os.times()
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)
    cpu = after.children_user + after.children_system - before.children_user - before.children_system
    return Run(contender, seconds, cpu, peak / 2**20, json.loads(output.splitlines()[-1]))


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
