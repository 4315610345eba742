"""What many tests read and none may change."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

import pytest

from pipelines.settings import DEFAULTS
from tests.feeds import NOW


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
            run(open_line(DEFAULTS["registry"], folder / "store", folder / "public"), NOW, lambda _stage, _what: None)
    return folder


@pytest.fixture(scope="session")
def sample_release(sample_folder: Path) -> Path:
    """The release in it."""
    (release,) = (sample_folder / "public" / "releases").glob("2*")
    return release
