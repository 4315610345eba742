"""A bar that shows how far a long command is. Only for people: on a terminal, after a moment, and gone at the end."""

from __future__ import annotations

import sys
from threading import Lock, Timer
from types import TracebackType
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

PATIENCE_SECONDS = 1.0
"""What is done by then needs no bar."""


class Bar:
    """Shown on standard error while the block runs, if that is a terminal. Call it to tell how far things are."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._timer = Timer(PATIENCE_SECONDS, self._show)
        self._timer.daemon = True
        self._shown: tuple[Progress, TaskID] | None = None
        self._told: tuple[str, int, int | None] = ("starting", 0, None)
        self._is_over = False

    def __enter__(self) -> Self:
        if sys.stderr.isatty():
            self._timer.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._timer.cancel()
        with self._lock:
            self._is_over = True
            if self._shown is not None:
                self._shown[0].stop()

    def __call__(self, what: str, done: int, total: int | None) -> None:
        """``done`` of ``total`` are ``what``; None when nobody knows how many there are."""
        self._told = (what, done, total)
        if self._shown is not None:
            self._update()

    def _show(self) -> None:
        # Only for those who wait anyway.
        from rich.console import Console
        from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

        columns = (SpinnerColumn(), TextColumn("{task.description}", markup=False), BarColumn(), TimeElapsedColumn())
        with self._lock:
            if self._is_over:
                return
            progress = Progress(*columns, console=Console(stderr=True), transient=True)
            self._shown = (progress, progress.add_task("", total=None))
            self._update()
            progress.start()

    def _update(self) -> None:
        what, done, total = self._told
        if self._shown is not None:
            progress, task = self._shown
            of = f" of {total:,}" if total else ""
            progress.update(task, description=f"{done:,}{of} {what}", completed=done, total=total)
