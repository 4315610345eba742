"""What many tests read and none may change."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipelines.settings import DEFAULTS
from tests.feeds import NOW


@pytest.fixture(scope="session")
def sample_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the ``store`` and the ``public`` folder of one run over the sample hubs, which takes half a minute.
    It is only read: who changes anything takes a copy.
    """
    from pipelines.line import open_line, run  # most tests do without the line

    folder = tmp_path_factory.mktemp("samples")
    run(open_line(DEFAULTS["registry"], folder / "store", folder / "public"), NOW, lambda _stage, _what: None)
    return folder


@pytest.fixture(scope="session")
def sample_release(sample_folder: Path) -> Path:
    """The release in it."""
    (release,) = (sample_folder / "public" / "releases").glob("2*")
    return release
