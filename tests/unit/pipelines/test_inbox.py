"""Submissions: complete or absent, told apart by their bytes, gone from the disk when they are of no use."""

from __future__ import annotations

import hashlib
import subprocess
import sys
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from pipelines.inbox import Inbox, OldSubmission, Submission, safe_name

NOW = datetime(2026, 9, 1, 12, tzinfo=UTC)
GOOD = {"outcome": "accepted", "held_by": []}
BAD = {"outcome": "held", "held_by": ["empty_feed"]}


def send(inbox: Inbox, data: bytes, hub: str = "parks", hours: int = 0, name: str = "feed.zip") -> Submission:
    with inbox.staging() as folder:
        staged = folder / "upload"
        staged.write_bytes(data)
        return inbox.receive(hub, name, staged, hashlib.sha256(data).hexdigest(), NOW + timedelta(hours=hours))


def test_a_submission_waits_until_the_judge_has_seen_it(tmp_path: Path) -> None:
    inbox = Inbox(tmp_path / "inbox")
    sent = send(inbox, b"one")
    assert (sent.state, sent.bytes, sent.received) == ("received", 3, NOW)
    assert inbox.waiting() == [sent]
    assert inbox.newest("parks") is None
    closed = inbox.close(sent, GOOD)
    assert closed.state == "accepted"
    assert inbox.waiting() == []
    assert inbox.newest("parks") == closed
    assert inbox.feed(closed).read_bytes() == b"one"
    assert inbox.report(closed) == GOOD


def test_a_refused_submission_leaves_its_report_and_no_bytes(tmp_path: Path) -> None:
    inbox = Inbox(tmp_path / "inbox")
    closed = inbox.close(send(inbox, b"one"), BAD)
    assert (closed.state, closed.codes) == ("refused", ("empty_feed",))
    assert inbox.newest("parks") is None
    assert [path.name for path in (tmp_path / "inbox" / "parks" / closed.id).iterdir() if path.is_dir()] == []
    assert send(inbox, b"one", hours=1).state == "received"  # once mended rules may take it


def test_the_newest_bytes_again_are_the_same_submission(tmp_path: Path) -> None:
    inbox = Inbox(tmp_path / "inbox")
    assert send(inbox, b"one").id == send(inbox, b"one", hours=1).id
    assert len(inbox.of("parks")) == 1


def test_an_older_submission_sent_again_is_refused(tmp_path: Path) -> None:
    inbox = Inbox(tmp_path / "inbox")
    first = inbox.close(send(inbox, b"one"), GOOD)
    inbox.close(send(inbox, b"two", hours=1), GOOD)
    with pytest.raises(OldSubmission) as refused:
        send(inbox, b"one", hours=2)
    assert refused.value.earlier.id == first.id
    assert [s.state for s in inbox.of("parks")] == ["accepted", "accepted"]


def test_bytes_that_newer_ones_replace_are_not_kept(tmp_path: Path) -> None:
    inbox = Inbox(tmp_path / "inbox")
    first = inbox.close(send(inbox, b"one"), GOOD)
    second = inbox.close(send(inbox, b"two", hours=1), GOOD)
    with pytest.raises(FileNotFoundError):
        inbox.feed(first)
    assert inbox.feed(second).read_bytes() == b"two"


def test_incident_a_two_hubs_with_the_same_bytes_have_a_submission_each(tmp_path: Path) -> None:
    inbox = Inbox(tmp_path / "inbox")
    submissions = [send(inbox, b"same", hub) for hub in ("parks", "museums")]
    assert len({submission.id for submission in submissions}) == 2
    assert inbox.get("parks", submissions[1].id) is None
    assert {s.hub for s in inbox.waiting()} == {"parks", "museums"}


def test_fifty_at_once_are_all_kept(tmp_path: Path) -> None:
    inbox = Inbox(tmp_path / "inbox")
    threads = [threading.Thread(target=send, args=(inbox, b"%d" % n), kwargs={"hours": n}) for n in range(50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(inbox.waiting()) == 50


def test_what_a_dead_process_left_is_removed(tmp_path: Path) -> None:
    inbox = Inbox(tmp_path / "inbox")
    imports = "import sys; from pathlib import Path; from pipelines.inbox import Inbox"
    script = f"import os; {imports}; held = Inbox(Path(sys.argv[1])).staging(); print(held.__enter__(), flush=True)"
    command = [sys.executable, "-c", f"{script}; os._exit(9)", str(inbox.root)]
    left = Path(subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip())
    assert left.is_dir()
    with inbox.staging() as mine:
        assert list(mine.parent.glob("*[!k]")) == [mine]
    assert list(mine.parent.iterdir()) == []
    assert inbox.waiting() == []


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("our feed.zip", "our feed.zip"),
        ("../../etc/passwd", "passwd"),
        ("C:\\feeds\\Hwb Ceredigion ŵ.ods", "Hwb Ceredigion -.ods"),
        (".hidden", "hidden"),
        ("..", "feed"),
        ("\x00/", "feed"),
        ("x" * 400 + ".xlsx", "x" * 115 + ".xlsx"),
    ],
)
def test_a_sent_name_is_never_a_path(sent: str, kept: str) -> None:
    assert safe_name(sent) == kept
