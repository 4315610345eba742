"""What many tests read and none may change."""

from __future__ import annotations

import fcntl
import logging
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path

import pytest
from coverage import Coverage

from pipelines import logs
from pipelines.settings import DEFAULTS
from tests.feeds import NOW

JOURNEYS = Path(__file__).parent / "journeys"


def pytest_configure() -> None:
    """Let tests be interrupted, also where a shell has started them in the background: Dagster does on SIGTERM what is
    done on SIGINT, and servers that tests start would not end either.
    """
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@contextmanager
def untraced() -> Iterator[None]:
    """Work of whose lines coverage is told by other tests. To trace it would take half as long again."""
    tracing = Coverage.current()
    if tracing is None:
        yield
        return
    tracing.stop()
    try:
        yield
    finally:
        tracing.start()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    """Coverage is of what tests of the code and of its assets reach. Journeys go through processes, which are not
    traced; what they do in this one is the same again. So is what tests do that are marked as ``untraced``.
    """
    is_again = item.path.is_relative_to(JOURNEYS) or item.get_closest_marker("untraced") is not None
    with untraced() if is_again else nullcontext():
        return (yield)


def pytest_runtest_setup() -> None:
    """Let what is logged go where tests look for it, whatever program a test before has begun in this process."""
    logs._bound.set({})
    for name in logs._LOGGERS:
        logger = logging.getLogger(name)
        logger.handlers, logger.propagate = [], True
        logger.setLevel(logging.NOTSET)


@contextmanager
def unchanged(folder: Path) -> Iterator[None]:
    """Assert that what is in ``folder`` is the same after as it was before."""
    from tests.reproduce import files_of

    before = files_of(folder)
    yield
    after = files_of(folder)
    changed = sorted(path for path in before.keys() | after.keys() if before.get(path) != after.get(path))
    assert changed == [], "a test has changed what others read"


@pytest.fixture(scope="session")
def sample_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the ``store`` and the ``public`` folder of one run over the sample hubs, which takes half a minute,
    so all processes that share the tests have the same. It is only read: who changes anything takes a copy.
    """
    from pipelines.line import open_line
    from pipelines.releasing import run  # most tests do without the line

    root = tmp_path_factory.getbasetemp()
    folder = (root.parent if "PYTEST_XDIST_WORKER" in os.environ else root) / "samples"
    folder.mkdir(exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "public" / "latest.json").exists():
            line = open_line(DEFAULTS["registry"], folder / "store", folder / "public")
            with untraced():
                run(line, NOW, lambda _stage, _what: None)
    return folder


@pytest.fixture(scope="session")
def small_release(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The release of the edition that ``tests.builders`` gives, unsigned. It is only read: who changes anything takes a
    copy, or is found out at the end.
    """
    from pipelines.publish.release import build_release
    from tests.builders import an_edition

    folder = tmp_path_factory.mktemp("small") / "2026-11-23.01"
    with untraced():
        build_release(an_edition(), folder)
    with unchanged(folder):
        yield folder


@pytest.fixture(scope="session")
def revised_release(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A release that tells what has changed since the one in the folder ``before`` beside it. Both are only read."""
    from pipelines.publish.release import build_release
    from tests.builders import a_revision, an_edition_before

    folder = tmp_path_factory.mktemp("revised")
    with untraced():
        build_release(an_edition_before(), folder / "before")
        build_release(a_revision(), folder / "after", previous=folder / "before")
    with unchanged(folder):
        yield folder / "after"


@pytest.fixture(scope="session")
def sample_release(sample_folder: Path) -> Path:
    """The release in it."""
    (release,) = (sample_folder / "public" / "releases").glob("2*")
    return release
