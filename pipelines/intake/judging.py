"""Having one file judged in a process of its own, so that a hostile feed can end nothing but its own judge.

The verdict is that of ``pipelines.check``, the same that ``hubpacks check`` gives. When the judge takes too long, wants
too much memory or disk, or breaks off, the feed is refused with a code. The process itself is ``judge_process``.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import IO, Any, cast

from hubs.check import refusal_json
from hubs.registration import Registration
from pipelines import logs

LOG = logs.get("intake")
REPORT, PAGE, ERRORS = "report.json", "report.html", "errors.txt"
TOO_MUCH = 75
"""How the judge ends when it was refused memory or disk."""
TICK_SECONDS = 0.02
MEASURE_SECONDS = 1.0
"""Between two looks at what the judge has written: that may be 50,000 files."""
CORES = 2
LONGEST_TRACE_BYTES = 4_000
LONGEST_TRACE = 6
_FRAME = re.compile(r'File "([^"]+)", line ([0-9]+)')
_PASSED_ON = ("PATH", "LANG", "LC_ALL", "TZ", "OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE")
"""All that a judge is told of the environment. Secrets of feeds and of this service are none of its business."""
_SPARING = {"OPENBLAS_NUM_THREADS": "1", "MALLOC_ARENA_MAX": "2"}
"""Less memory for buffers of threads that have nothing to do here."""


class Cancelled(Exception):
    """Nobody waits for the verdict any more, or the service ends. Nothing is said about the feed."""


@dataclass(frozen=True)
class Bounds:
    """What one judgement may take."""

    seconds: float
    memory_bytes: int
    disk_bytes: int
    report_bytes: int


@dataclass(frozen=True)
class Judged:
    """The report as ``hubs.check`` writes it: for programs, and as a page to send on (empty without a verdict)."""

    report: dict[str, Any]
    page: str


@dataclass(frozen=True)
class Task:
    """The file at ``path``, to be judged as it is ``now`` as a feed of the hub of ``registration`` (None: a hub that is
    not registered). On the page it is called ``name``.
    """

    path: Path
    name: str
    registration: Registration | None
    instrument_folders: tuple[Path, ...]
    now: datetime


def report(task: Task, bounds: Bounds) -> dict[str, Any]:
    """The report of ``judge`` alone."""
    return judge(task, bounds, lambda: False).report


def judge(task: Task, bounds: Bounds, is_cancelled: Callable[[], bool], scratch: Path | None = None) -> Judged:
    """Judge a file; blocks until it is done. What the judge writes is under ``scratch`` (None: where temporary files
    go) and is removed. Raises Cancelled; OSError when no process can be started.
    """
    registration = task.registration
    data = {
        "path": str(task.path.absolute()),
        "name": task.name,
        "registration": registration.model_dump(mode="json", exclude_unset=True) if registration else None,
        "instruments": [str(folder) for folder in task.instrument_folders],
        "now": task.now.isoformat(),
        "cpu_seconds": int(bounds.seconds * CORES) + 1,
        "memory_bytes": bounds.memory_bytes,
        "disk_bytes": bounds.disk_bytes,
    }
    with tempfile.TemporaryDirectory(prefix="hubpacks-judge-", dir=scratch) as made:
        folder = Path(made)
        try:
            _run(data, folder, bounds, is_cancelled)
            return _read(folder, bounds.report_bytes)
        except _Stopped as stopped:
            return Judged(refusal_json(stopped.code, stopped.detail), "")


class _Stopped(Exception):
    """The judge was ended, or broke off, without a verdict."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(code, detail)
        self.code, self.detail = code, detail


def _run(data: dict[str, Any], folder: Path, bounds: Bounds, is_cancelled: Callable[[], bool]) -> None:
    """Let a process do the task in ``folder``, and wait for its end."""
    command = [sys.executable, "-I", "-m", "pipelines.intake.judge_process"]
    environment = {name: os.environ[name] for name in _PASSED_ON if name in os.environ} | _SPARING
    environment["TMPDIR"] = str(folder)
    with (folder / ERRORS).open("wb") as errors:
        process = subprocess.Popen(  # noqa: S603 - our own judge; the feed's name is no part of the command
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=errors,
            cwd=folder,
            env=environment,
            start_new_session=True,
        )
    pipe = cast("IO[bytes]", process.stdin)
    try:
        # The pipe stays open: when this process dies, however it dies, the judge sees its end and goes too.
        with contextlib.suppress(BrokenPipeError):
            pipe.write(json.dumps(data).encode() + b"\n")
            pipe.flush()
        _watch(process, folder, bounds, is_cancelled)
    finally:
        _end(process)
        with contextlib.suppress(BrokenPipeError):
            pipe.close()
    if process.returncode == TOO_MUCH:
        raise _Stopped("judge_gave_up", f"more memory than {bounds.memory_bytes >> 20:,} MiB, or more disk")
    if process.returncode in (-signal.SIGKILL, -signal.SIGXCPU, -signal.SIGABRT):
        raise _Stopped("judge_gave_up", "the judge was ended, most likely for want of memory or time")
    if process.returncode != 0:
        last = (folder / ERRORS).read_bytes()[-LONGEST_TRACE_BYTES:].decode("utf-8", "replace")
        places = " > ".join(f"{Path(name).name}:{line}" for name, line in _FRAME.findall(last)[-LONGEST_TRACE:])
        LOG.error("judge_broke_off", exit_code=process.returncode, place=places)
        raise _Stopped("judge_failed", f"the judge ended with {process.returncode}")


def _watch(process: subprocess.Popen[bytes], folder: Path, bounds: Bounds, is_cancelled: Callable[[], bool]) -> None:
    deadline, next_measure = time.monotonic() + bounds.seconds, 0.0
    while True:
        try:
            process.wait(TICK_SECONDS)
        except subprocess.TimeoutExpired:
            now = time.monotonic()
        else:
            return
        if is_cancelled():
            raise Cancelled
        if now > deadline:
            raise _Stopped("judge_gave_up", f"more than {bounds.seconds:,.0f} seconds")
        if now > next_measure:
            if _size(folder) > bounds.disk_bytes:
                raise _Stopped("judge_gave_up", f"more than {bounds.disk_bytes >> 20:,} MiB of disk")
            next_measure = time.monotonic() + MEASURE_SECONDS


def _size(folder: Path) -> int:
    """Bytes on the disk under ``folder``. What vanishes while it is looked at counts for nothing."""
    total = 0
    for parent, _, names in os.walk(folder):
        for name in names:
            with contextlib.suppress(FileNotFoundError):
                total += Path(parent, name).lstat().st_blocks * 512
    return total


def _end(process: subprocess.Popen[bytes]) -> None:
    """End the judge and whatever it has started."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _read(folder: Path, limit_bytes: int) -> Judged:
    report, page = folder / REPORT, folder / PAGE
    if max(report.stat().st_size, page.stat().st_size) > limit_bytes:
        raise _Stopped("judge_gave_up", f"the report has more than {limit_bytes >> 20:,} MiB")
    return Judged(json.loads(report.read_bytes()), page.read_text(encoding="utf-8"))
