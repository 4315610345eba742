"""What breaks in one hub's pull, and who hears of it."""

import io
import logging
from collections.abc import Callable
from pathlib import Path

import pytest

from pipelines.pull import pull, web
from pipelines.pull.base import Files, Visit
from pipelines.pull.network import Network
from pipelines.store import Store
from tests.feeds import NOW, registration
from tests.remotes import SECRET, Remote, attempt


class _Bug(Exception):
    """What nobody expects."""


class _Breaks(io.BytesIO):
    def read(self, size: int | None = -1, /) -> bytes:
        raise _Bug("s3cret")


def at_once(visit: Visit) -> Files:
    raise _Bug("s3cret")
    yield


def while_a_file_is_read(visit: Visit) -> Files:
    yield "a.md", _Breaks()


def after_a_file(visit: Visit) -> Files:
    yield "a.md", io.BytesIO(b"# A\n")
    raise MemoryError("s3cret")


def at_the_end(visit: Visit) -> Files:
    try:
        yield "a.md", io.BytesIO(b"# A\n")
        yield "../a.md", io.BytesIO(b"# A\n")
    finally:
        raise _Bug("s3cret")


@pytest.mark.parametrize("breaks", [at_once, while_a_file_is_read, after_a_file, at_the_end])
def test_a_crash_is_this_hubs_failure_and_our_fault(tmp_path, monkeypatch, caplog, breaks: Callable) -> None:
    monkeypatch.setenv(SECRET, "s3cret")
    monkeypatch.setattr(web, "files", breaks)
    told = attempt(tmp_path, Remote("https://hub.example/feed", tmp_path, {"secret": SECRET}))
    kind = "MemoryError" if breaks is after_a_file else "_Bug"
    assert (told["code"], told["detail"]) == ("pull_failed", f"{kind}; the log has more")
    (record,) = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert record.name == "hubpacks.pull"
    assert ("test_bulkhead.py" in record.getMessage(), "s3cret" in record.getMessage()) == (True, False)


def test_what_breaks_in_the_store_is_everybodys(tmp_path) -> None:
    (tmp_path / "feed.csv").write_text("a,b\n")
    (tmp_path / "store").write_text("no folder")
    with Network() as network, pytest.raises(OSError, match="store"):
        pull(Store(tmp_path / "store"), registration(), str(tmp_path / "feed.csv"), NOW, network)
    assert Path(tmp_path / "store").read_text() == "no folder"
