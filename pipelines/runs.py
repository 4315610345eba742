"""How long the stages of the line took, for metrics: ``runs.jsonl`` in the store, a line a stage, the newest last.

It is no record of what happened, which is in the logs of pulls, events and candidates. Nothing is decided by it, so it
is bounded, and what of it is lost is not missed. Its times are the machine's own, whatever moment a run is made for.
"""

from __future__ import annotations

import functools
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, Protocol, TypeVar

from pipelines import logs
from pipelines.files import append_line, read_log, write_bytes

STAGES = ("pull", "judge", "consolidate", "count", "publish")
MOST_BYTES, KEPT_LINES = 1 << 20, 2_000
LOG = logs.get("line")

P = ParamSpec("P")
R = TypeVar("R")


class _Store(Protocol):
    @property
    def root(self) -> Path: ...


class _Line(Protocol):
    @property
    def store(self) -> _Store: ...


L = TypeVar("L", bound=_Line)


def new_run() -> str:
    """Begin a run: an id, which everything that is logged from now on carries."""
    run = secrets.token_hex(6)
    logs.bind(run=run)
    return run


@contextmanager
def timed(root: Path, stage: str) -> Iterator[None]:
    """Keep in the store at ``root`` how long the block takes, as the ``stage``."""
    began = time.monotonic()
    try:
        yield
    except BaseException as error:
        _note(root, stage, time.monotonic() - began, outcome="failed")
        LOG.error("stage_failed", stage=stage, seconds=time.monotonic() - began, error=type(error).__name__)
        raise
    seconds = time.monotonic() - began
    _note(root, stage, seconds, outcome="ended")
    LOG.info("stage_ended", stage=stage, seconds=seconds)


def stage(name: str) -> Callable[[Callable[Concatenate[L, P], R]], Callable[Concatenate[L, P], R]]:
    """Keep how long a function of a line takes, as the stage called ``name``."""

    def decorate(work: Callable[Concatenate[L, P], R]) -> Callable[Concatenate[L, P], R]:
        @functools.wraps(work)
        def watched(line: L, /, *args: P.args, **kwargs: P.kwargs) -> R:
            with timed(line.store.root, name):
                return work(line, *args, **kwargs)

        return watched

    return decorate


class Watch:
    """How long a stage takes whose work is done hub by hub, by several threads: from the first to the last."""

    def __init__(self, root: Path, stage: str) -> None:
        self._root, self._stage, self._lock = root, stage, threading.Lock()
        self._began: float | None = None
        self._ended, self._hubs = 0.0, 0

    def over(self, work: Callable[P, R]) -> Callable[P, R]:
        """``work``, watched."""

        def watched(*args: P.args, **kwargs: P.kwargs) -> R:
            with self._lock:
                self._began = time.monotonic() if self._began is None else self._began
            try:
                return work(*args, **kwargs)
            finally:
                with self._lock:
                    self._ended, self._hubs = time.monotonic(), self._hubs + 1

        return watched

    def note(self) -> None:
        """Keep it."""
        if self._began is not None:
            seconds = self._ended - self._began
            _note(self._root, self._stage, seconds, outcome="ended", hubs=self._hubs)
            LOG.info("stage_ended", stage=self._stage, seconds=seconds, hubs=self._hubs)


def newest(root: Path) -> dict[str, dict[str, Any]]:
    """The newest entry of each stage."""
    return {entry["stage"]: entry for entry in read_log(root / "runs.jsonl") if entry.get("stage") in STAGES}


def _note(root: Path, stage: str, seconds: float, **told: Any) -> None:
    path, at = root / "runs.jsonl", datetime.now(UTC).isoformat(timespec="seconds")
    entry = {"at": at, "stage": stage, "seconds": round(seconds, 3), "run": logs.bound("run")} | told
    append_line(path, entry)
    if path.stat().st_size > MOST_BYTES:
        write_bytes(path, b"".join(path.read_bytes().splitlines(keepends=True)[-KEPT_LINES:]))
