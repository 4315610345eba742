from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures.process import BrokenProcessPool
from functools import partial
from pathlib import Path

import psutil
import pytest

from pipelines.crew import ALONE, Crew, Each, Lost


class Place:
    """Something that costs to make. ``made`` has a file for each time that it was."""

    def __init__(self, made: Path) -> None:
        (made / f"{os.getpid()}-{time.monotonic_ns()}").touch()


def _number(item: int) -> tuple[int, int]:
    return item, os.getpid()


def _number_at(place: Each[Place], item: int) -> tuple[int, int]:
    assert isinstance(place.made, Place)
    time.sleep(0.02)  # so that each process gets some
    return _number(item)


def _fail_at(folder: Path, item: int) -> None:
    (folder / str(item)).touch()
    if item == 1:
        raise ValueError(f"item {item}")
    time.sleep(0.05)


def _end_elsewhere(first: int) -> None:
    if os.getpid() != first:
        os._exit(3)
    time.sleep(0.5)


@pytest.fixture(scope="module")
def crew() -> Iterator[Crew]:
    with Crew(3) as crew:
        crew.share(time.sleep, [0.2] * 6)  # until all are there
        yield crew


def test_all_take_part_and_what_they_made_keeps_its_order(crew: Crew, tmp_path: Path) -> None:
    found = crew.share(partial(_number_at, crew.each(partial(Place, tmp_path))), range(60))
    assert [item for item, _ in found] == [*range(60)]
    processes = {process for _, process in found}
    assert len(processes) == 3
    assert os.getpid() in processes


def test_each_makes_what_it_needs_once(crew: Crew, tmp_path: Path) -> None:
    place = crew.each(partial(Place, tmp_path))
    for _ in range(2):
        crew.share(partial(_number_at, place), range(30))
    makers = [path.name.partition("-")[0] for path in tmp_path.iterdir()]
    assert len(makers) == len({*makers}) == 3


def test_nobody_begins_anything_after_an_error_and_it_is_raised(crew: Crew, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="item 1"):
        crew.share(partial(_fail_at, tmp_path), range(100))
    assert len([*tmp_path.iterdir()]) < 10
    assert [item for item, _ in crew.share(_number, [7])] == [7]


def test_alone_is_this_process(tmp_path: Path) -> None:
    place = ALONE.each(partial(Place, tmp_path))
    assert ALONE.share(partial(_number_at, place), range(3)) == [(item, os.getpid()) for item in range(3)]
    assert len([*tmp_path.iterdir()]) == 1
    with pytest.raises(ValueError, match="item 1"):
        ALONE.share(partial(_fail_at, tmp_path), [1])


def test_a_process_that_ends_is_told_of() -> None:
    with pytest.raises(Lost, match="was killed"), Crew(2) as crew:
        crew.share(_end_elsewhere, [os.getpid()] * 8)


_KILLED = """
import os
from threading import Timer
from pipelines.crew import Crew, Lost
from tests.unit.pipelines.test_crew import Large
if __name__ == "__main__":
    try:
        with Crew(3) as crew:
            crew.share(abs, range(9))
            first, *_ = crew._pool._processes
            Timer(0.02, os.kill, (first, 9)).start()
            for _ in range(100):
                crew.share(abs, [len(crew.each(Large(1 << 25)).made)])
    except Lost:
        print("told")
"""


def test_one_that_is_killed_while_it_is_told_what_it_needs_holds_up_nobody() -> None:
    """Python before 3.11.5 waited for ever."""
    done = subprocess.run([sys.executable, "-c", _KILLED], capture_output=True, text=True, timeout=60, check=False)
    assert done.stdout == "told\n"


class Large:
    """Takes a while to be sent to another process."""

    def __init__(self, size: int) -> None:
        self._data = bytes(size)

    def __call__(self) -> bytes:
        return self._data


class _Unreadable:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return int, ("no number",)


def _answer_that_nobody_reads(_item: int) -> _Unreadable:
    time.sleep(0.001)
    return _Unreadable()


def test_an_answer_that_cannot_be_read_is_not_told_as_a_kill() -> None:
    with pytest.raises(BrokenProcessPool) as told, Crew(2) as crew:
        crew.share(_answer_that_nobody_reads, range(1000))
    assert "no number" in str(told.value.__cause__)


def test_a_module_that_cannot_be_imported_stops_nobody() -> None:
    with Crew(3, "pipelines.no_such_module") as crew:
        crew.share(time.sleep, [0.2] * 6)
        assert crew.share(abs, [-1, -2, -3]) == [1, 2, 3]


_WAITS = """
import os, signal
from pipelines.crew import Crew
if __name__ == "__main__":
    with Crew(3) as crew:
        crew.share(abs, range(9))
        print(*crew._pool._processes, flush=True)
        signal.pause()
"""


def test_all_end_when_the_first_is_killed() -> None:
    with subprocess.Popen([sys.executable, "-c", _WAITS], stdout=subprocess.PIPE, text=True) as first:
        assert first.stdout
        others = [psutil.Process(int(process)) for process in first.stdout.readline().split()]
        assert others
        first.kill()
    _, alive = psutil.wait_procs(others, timeout=30)
    assert alive == []
