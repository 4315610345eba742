"""Feeds at servers that are no web servers, and one pull of them."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pipelines.pull import pull
from pipelines.pull.network import Limits, Network
from pipelines.store import Store
from tests.feeds import NOW, a_case_study, a_faq, registration, write_feed
from tests.servers import BUCKET, git_remote, s3, sshd

SECRET = "HUB_SECRET"
LIMITS = Limits(attempts=2, wait_seconds=0.01, connect_seconds=2, read_seconds=5)


def git(folder: Path, *arguments: str, date: str = "2026-03-04T12:00:00+00:00") -> None:
    """Run git in ``folder``, as on the day ``date``."""
    who = ["-c", "user.name=Sample", "-c", "user.email=sample@hub.example", "-c", "protocol.file.allow=always"]
    environment = {"PATH": "/usr/bin:/bin", "GIT_COMMITTER_DATE": date, "GIT_AUTHOR_DATE": date}
    subprocess.run(["git", "-C", str(folder), *who, *arguments], check=True, capture_output=True, env=environment)


def commit(work: Path, date: str = "2026-03-04T12:00:00+00:00") -> None:
    """Commit all that is in ``work``, which becomes a repository when it is none."""
    if not (work / ".git").exists():
        git(work, "init", "--quiet", "--initial-branch=main")
    git(work, "add", "--all")
    git(work, "commit", "--quiet", "--message=Change", date=date)


@dataclass
class Remote:
    """A feed at some address: ``publish`` makes what is in ``folder`` what is there; ``changes`` are the registration's
    entries that it needs, ``secret`` what the environment must hold, ``asked`` the requests that came (git alone).
    """

    address: str
    folder: Path
    changes: dict[str, Any]
    publish: Callable[[], None] = lambda: None
    secret: str = ""
    asked: list[str] = field(default_factory=list)


@contextmanager
def a_git(tmp_path: Path) -> Iterator[Remote]:
    """A repository behind git's own server, for those who have the token."""
    work = write_feed(tmp_path / "git/feed", [a_case_study()], [a_faq()])
    commit(work)
    with git_remote(tmp_path / "git", token="s3cret") as (address, asked):
        changes = {"private_address": True, "secret": SECRET}
        yield Remote(f"{address}/feed/.git#branch=main", work, changes, lambda: commit(work), "s3cret", asked)


@contextmanager
def a_bucket(tmp_path: Path) -> Iterator[Remote]:
    """An object store that checks signatures."""
    folder = write_feed(tmp_path / "s3/one", [a_case_study()], [a_faq()])
    with s3(tmp_path / "s3") as store:
        changes = {"private_address": True, "endpoint": store.address, "secret": SECRET}
        yield Remote(f"s3://{BUCKET}/one", folder, changes, store.upload, store.key)


@contextmanager
def an_sftp(tmp_path: Path) -> Iterator[Remote]:
    """OpenSSH."""
    folder = write_feed(tmp_path / "sftp/one", [a_case_study()], [a_faq()])
    with sshd(tmp_path / "sshd") as server:
        changes = {"private_address": True, "host_key": server.host_key, "secret": SECRET}
        yield Remote(server.address(folder), folder, changes, secret=server.private_key)


def attempt(
    tmp_path: Path, remote: Remote, address: str | None = None, limits: Limits = LIMITS, **changes: Any
) -> dict[str, Any]:
    """Pull once into the store in ``tmp_path``; the entry in the log."""
    store = Store(tmp_path / "store")
    with Network(limits) as network:
        pull(store, registration(**remote.changes | changes), address or remote.address, NOW, network)
    entry = store.last_pull("one")
    assert entry is not None
    return dict(entry)


def whole(tmp_path: Path, digest: str) -> dict[str, bytes]:
    """The files of a snapshot of the store in ``tmp_path``."""
    store = Store(tmp_path / "store")
    return {file.path: store.blob(file.sha256).read_bytes() for file in store.snapshot("one", digest).files}
