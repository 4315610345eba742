"""Processes that share work, this one among them. What the work is, is for who hands it out.

They are fresh ones: forking a process that runs threads (Arrow, Dagster) can lock up. Each takes a second to start, so
one crew does one piece of work after the other.
"""

from __future__ import annotations

import multiprocessing
import os
import pickle
import tempfile
import threading
from collections import deque
from collections.abc import Callable, Iterable
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import ExitStack
from functools import cached_property, lru_cache, partial
from importlib import import_module
from itertools import count
from pathlib import Path
from typing import Any, Generic, Self, TypeVar

from pipelines.memory import look_rarely

Item = TypeVar("Item")
Made = TypeVar("Made")


class Own(Generic[Made]):
    """What each process of a crew has of its own: ``made`` is that of this one. It may be sent to the others as often
    as there are items; what it is made of stands in the file ``told``, and is read there once.
    """

    def __init__(self, make: Callable[[], Made], told: Path | None = None) -> None:
        self._make = make
        self._told = told

    @cached_property
    def made(self) -> Made:
        """What work needs besides its item."""
        return self._make()

    def __reduce__(self) -> tuple[Callable[[Path], Own[Any]], tuple[Path | None]]:
        return _of_this_process, (self._told,)


@lru_cache(maxsize=1)  # what was needed for the piece of work before is needed no more
def _of_this_process(told: Path) -> Own[Any]:
    return Own(pickle.loads(told.read_bytes()))  # noqa: S301 - written by the process that hands out the work


class Crew:
    """``workers`` processes, this one among them. The others are there as long as it stands (``with``), and begin with
    importing the module ``needs``.
    """

    def __init__(self, workers: int = 1, needs: str = __name__) -> None:
        self.workers = workers
        self._needs = needs
        self._left = ExitStack()
        self._pool: ProcessPoolExecutor | None = None
        self._folder: Path | None = None
        self._numbers = count()

    def __enter__(self) -> Self:
        if self.workers > 1:
            self._folder = Path(self._left.enter_context(tempfile.TemporaryDirectory(prefix="hubpacks-")))
            fresh, others = multiprocessing.get_context("spawn"), self.workers - 1
            self._pool = self._left.enter_context(ProcessPoolExecutor(others, fresh, initializer=_begin))
            for _ in range(others):
                self._pool.submit(import_module, self._needs)
        return self

    def __exit__(self, *_error: object) -> None:
        self._pool = None
        self._left.close()

    def each(self, make: Callable[[], Made]) -> Own[Made]:
        """What ``make``, which can be pickled, gives in each process that needs it."""
        if self._folder is None:
            return Own(make)
        told = self._folder / str(next(self._numbers))
        told.write_bytes(pickle.dumps(make))
        return Own(make, told)

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
                handed = partial(_handed, pool, work)
                others = [threads.submit(take, handed) for _ in range(self.workers - 1)]
                take(work)
            for other in others:
                other.result()
        return [made[number] for number in range(len(made))]


def _begin() -> None:
    """Make this process one of a crew."""
    look_rarely()
    threading.Thread(target=_end_with_the_first, daemon=True).start()


def _end_with_the_first() -> None:
    """End when the process that hands out the work has ended, also by a kill: nobody would ever ask for more."""
    if (first := multiprocessing.parent_process()) is not None:
        first.join()
        os._exit(1)


def _handed(pool: ProcessPoolExecutor, work: Callable[[Item], Made], item: Item) -> Made:
    return pool.submit(work, item).result()


ALONE = Crew()
"""This process, without any other."""
