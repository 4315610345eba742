"""Processes that share work, this one among them. What the work is, is for who hands it out.

They are fresh ones: forking a process that runs threads (Arrow, Dagster) can lock up. Each takes a second to start, so
one crew does one piece of work after the other.
"""

from __future__ import annotations

import multiprocessing
import os
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterable
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import ExitStack
from functools import cached_property
from importlib import import_module
from itertools import count
from multiprocessing.synchronize import Barrier
from typing import Any, Generic, Self, TypeVar

from pipelines.memory import look_rarely

Item = TypeVar("Item")
Made = TypeVar("Made")


class Lost(RuntimeError):
    """A process of a crew has ended, though nobody had let it go."""

    def __init__(self) -> None:
        super().__init__(
            "a process that shares the work was killed. The system does so when memory runs out, and its log says so. "
            "Run again where there is more: what was published stays"
        )


class Each(Generic[Made]):
    """What each process of a crew has of its own: ``made`` is that of this one. Work may name it as often as there are
    items, since only its ``number`` is sent.
    """

    def __init__(self, number: int, make: Callable[[], Made]) -> None:
        self._number = number
        self._make = make

    @cached_property
    def made(self) -> Made:
        """What work needs besides its item."""
        return self._make()

    def __reduce__(self) -> tuple[Callable[[int], Each[Any]], tuple[int]]:
        return _of_this_process, (self._number,)


class Crew:
    """``workers`` processes, this one among them. The others are there as long as it stands (``with``), and begin with
    importing the module ``needs``. Raises Lost when one of them is killed.
    """

    def __init__(self, workers: int = 1, needs: str = __name__) -> None:
        self.workers = workers
        self._needs = needs
        self._left = ExitStack()
        self._pool: ProcessPoolExecutor | None = None
        self._numbers = count()

    def __enter__(self) -> Self:
        if self.workers > 1:
            fresh, others = multiprocessing.get_context("spawn"), self.workers - 1
            pool = ProcessPoolExecutor(others, fresh, initializer=_begin, initargs=(fresh.Barrier(others),))
            self._pool = self._left.enter_context(pool)
            self._by_each_other(import_module, self._needs)
        return self

    def __exit__(self, _type: object, error: BaseException | None, _traceback: object) -> None:
        if self._pool is not None and sys.version_info < (3, 11, 5):
            # It waits for ever that somebody reads what was on its way to one that was killed. Later ones do this.
            self._pool._call_queue._reader.close()  # type: ignore[attr-defined]
        self._pool = None
        self._left.close()
        if isinstance(error, BrokenProcessPool) and error.__cause__ is None:  # else an answer that nobody could read
            raise Lost from error

    def each(self, make: Callable[[], Made]) -> Each[Made]:
        """What ``make``, which can be pickled, gives in each process that needs it. The one before is gone."""
        number = next(self._numbers)
        self._by_each_other(_take_over, number, make)
        return Each(number, make)

    def _by_each_other(self, work: Callable[..., object], *told: Any) -> None:
        """Let each of the others do ``work`` once."""
        if self._pool is not None:
            for _ in range(self.workers - 1):
                self._pool.submit(_once, work, *told)

    def share(self, work: Callable[[Item], Made], items: Iterable[Item]) -> list[Made]:
        """What ``work`` makes of each of ``items``, in their order; all three can be pickled. Whoever is free takes the
        next, so those that take long should come first.

        Raises what ``work`` raises, when everybody has finished what they had in hand; the rest is left.
        """
        todo, made = enumerate([*items]), dict[int, Made]()

        def take(do: Callable[[Item], Made]) -> None:
            try:
                for number, item in todo:
                    made[number] = do(item)
            finally:
                deque(todo, maxlen=0)

        pool = self._pool
        if pool is None:
            take(work)
        else:
            with ThreadPoolExecutor(self.workers - 1) as threads:
                others = [
                    threads.submit(take, lambda item: pool.submit(work, item).result()) for _ in range(self.workers - 1)
                ]
                take(work)
            for other in others:
                other.result()
        return [made[number] for number in range(len(made))]


# In the other processes.

_together: list[Barrier] = []
"""Where they wait for one another."""
_told: dict[int, Each[Any]] = {}
"""What this one was told last, by its number."""


def _begin(together: Barrier) -> None:
    """Make this process one of a crew."""
    look_rarely()
    _together.append(together)
    threading.Thread(target=_end_with_the_first, daemon=True).start()


def _end_with_the_first() -> None:
    """End when the process that hands out the work has ended, also by a kill: nobody would ever ask for more."""
    if (first := multiprocessing.parent_process()) is not None:
        first.join()
        os._exit(1)


def _once(work: Callable[..., object], *told: Any) -> None:
    """Do ``work``, and wait until all have done it: so none does it twice."""
    try:
        work(*told)
    finally:
        _together[0].wait()


def _take_over(number: int, make: Callable[[], Any]) -> None:
    _told.clear()  # what was needed for the piece of work before is needed no more
    _told[number] = Each(number, make)


def _of_this_process(number: int) -> Each[Any]:
    return _told[number]


ALONE = Crew()
"""This process, without any other."""
