"""What several tests of the code location begin with."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.locations import a_location, copied, run, write_two_hubs


@pytest.fixture(scope="session")
def once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two hubs that were pulled, and a candidate of them that waits. It is only read."""
    folder = tmp_path_factory.mktemp("once")
    write_two_hubs(folder)
    defs = a_location(folder)
    for job in ("pull", "candidate"):
        assert run(defs, job).success
    return folder


@pytest.fixture
def waiting(once: Path, tmp_path: Path) -> Path:
    """A copy of it."""
    return copied(once, tmp_path)


@pytest.fixture(scope="session")
def released_once(once: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same, published. It is only read."""
    folder = copied(once, tmp_path_factory.mktemp("released"))
    assert run(a_location(folder), "release").success
    return folder


@pytest.fixture
def published(released_once: Path, tmp_path: Path) -> Path:
    """A copy of it."""
    return copied(released_once, tmp_path)
