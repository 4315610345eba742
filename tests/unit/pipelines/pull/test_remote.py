"""git, object stores and SFTP, each against a real server on the loopback."""

import shutil
import subprocess
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from pipelines.pull import pull
from pipelines.pull.base import PullFailed
from pipelines.pull.network import Limits, Network
from pipelines.pull.s3 import read_page
from pipelines.store import Store
from tests.feeds import NOW, a_case_study, a_faq, registration, write_feed
from tests.servers import BUCKET, git_remote, s3, sshd

SECRET = "HUB_SECRET"


def git(folder: Path, *arguments: str, date: str = "2026-03-04T12:00:00+00:00") -> None:
    who = ["-c", "user.name=Sample", "-c", "user.email=sample@hub.example", "-c", "protocol.file.allow=always"]
    environment = {"PATH": "/usr/bin:/bin", "GIT_COMMITTER_DATE": date, "GIT_AUTHOR_DATE": date}
    subprocess.run(["git", "-C", str(folder), *who, *arguments], check=True, capture_output=True, env=environment)


@dataclass
class Remote:
    """A feed at some address: ``publish`` makes what is in ``folder`` what is there; ``changes`` are the registration's
    entries that it needs, ``secret`` what the environment must hold.
    """

    address: str
    folder: Path
    publish: Callable[[], None]
    changes: dict[str, Any]
    secret: str | None


@contextmanager
def a_git(tmp_path: Path) -> Iterator[Remote]:
    work = write_feed(tmp_path / "git/feed", [a_case_study()], [a_faq()])
    git(work, "init", "--quiet", "--initial-branch=main")

    def publish() -> None:
        git(work, "add", "--all")
        git(work, "commit", "--quiet", "--message=Change")

    publish()
    with git_remote(tmp_path / "git", token="s3cret") as (address, _):
        yield Remote(f"{address}/feed/.git#branch=main", work, publish, {"private_address": True}, "s3cret")


@contextmanager
def a_bucket(tmp_path: Path) -> Iterator[Remote]:
    folder = write_feed(tmp_path / "s3/one", [a_case_study()], [a_faq()])
    with s3(tmp_path / "s3") as (endpoint, upload):
        changes = {"private_address": True, "endpoint": endpoint}
        yield Remote(f"s3://{BUCKET}/one", folder, upload, changes, "KEY:s3cret")


@contextmanager
def an_sftp(tmp_path: Path) -> Iterator[Remote]:
    folder = write_feed(tmp_path / "sftp/one", [a_case_study()], [a_faq()])
    with sshd(tmp_path / "sshd") as server:
        changes = {"private_address": True, "host_key": server.host_key}
        yield Remote(server.address(folder), folder, lambda: None, changes, server.private_key)


REMOTES = {"git": a_git, "s3": a_bucket, "sftp": an_sftp}
each_remote = pytest.mark.parametrize("remote", REMOTES.values(), ids=REMOTES)


def attempt(tmp_path: Path, remote: Remote, address: str | None = None, **changes: Any) -> dict[str, Any]:
    """Pull once; the entry in the log."""
    store = Store(tmp_path / "store")
    hub = registration(**{"secret": SECRET} | remote.changes | changes)
    limits = Limits(attempts=2, wait_seconds=0.01, connect_seconds=2, read_seconds=5)
    with Network(limits) as network:
        pull(store, hub, address or remote.address, NOW, network)
    entry = store.last_pull("one")
    assert entry is not None
    return entry


def whole(tmp_path: Path, digest: str) -> dict[str, bytes]:
    store = Store(tmp_path / "store")
    return {file.path: store.blob(file.sha256).read_bytes() for file in store.snapshot("one", digest).files}


@each_remote
def test_a_remote_feed_is_what_its_folder_is_and_is_had_once(tmp_path, monkeypatch, remote) -> None:
    with remote(tmp_path) as there:
        monkeypatch.setenv(SECRET, there.secret)
        first = attempt(tmp_path, there)
        files = {
            path.relative_to(there.folder).as_posix(): path.read_bytes()
            for path in there.folder.rglob("*")
            if path.is_file() and ".git" not in path.parts
        }
        assert whole(tmp_path, first["digest"]) == files
        again = attempt(tmp_path, there)
        assert (again["digest"], again.get("unchanged")) == (first["digest"], True)
        (there.folder / "datapackage.json").write_text((there.folder / "datapackage.json").read_text() + " ")
        there.publish()
        changed = attempt(tmp_path, there)
        assert changed["digest"] != first["digest"]
        assert "unchanged" not in changed


@each_remote
def test_without_leave_no_remote_inside_the_network_is_visited(tmp_path, monkeypatch, remote) -> None:
    with remote(tmp_path) as there:
        monkeypatch.setenv(SECRET, there.secret)
        told = attempt(tmp_path, there, private_address=False)
        assert told["code"] in ("forbidden_address", "address_refused")
        assert "private" in told["detail"]


@each_remote
def test_a_wrong_or_missing_secret_is_refused_and_never_told(tmp_path, monkeypatch, remote) -> None:
    with remote(tmp_path) as there:
        monkeypatch.setenv(SECRET, "other:wr0ng")
        told = attempt(tmp_path, there)
        if remote is not a_bucket:  # moto lets everybody in
            assert told["code"] == "address_refused"
        monkeypatch.delenv(SECRET)
        assert attempt(tmp_path, there)["code"] == "address_refused"
        log = (tmp_path / "store/pulls/one.jsonl").read_text()
        assert "wr0ng" not in log
        assert "s3cret" not in log
        assert "HUB_SECRET is not set" in log


@each_remote
def test_what_is_not_there_is_refused(tmp_path, monkeypatch, remote) -> None:
    with remote(tmp_path) as there:
        monkeypatch.setenv(SECRET, there.secret)
        elsewhere = there.address.replace("/feed/", "/none/").replace("/one", "/none")
        assert attempt(tmp_path, there, elsewhere)["code"] == "address_refused"


@pytest.mark.parametrize("remote", [a_git, an_sftp], ids=["git", "sftp"])
def test_links_are_refused(tmp_path, monkeypatch, remote) -> None:
    with remote(tmp_path) as there:
        monkeypatch.setenv(SECRET, there.secret)
        (there.folder / "passwords").symlink_to("/etc/passwd")
        there.publish()
        assert attempt(tmp_path, there)["code"] == "unsafe_path"


@pytest.mark.parametrize("remote", [a_bucket, an_sftp], ids=["s3", "sftp"])
def test_an_address_may_name_a_zip(tmp_path, monkeypatch, remote) -> None:
    with remote(tmp_path) as there:
        monkeypatch.setenv(SECRET, there.secret)
        with zipfile.ZipFile(there.folder / "feed.zip", "w") as archive:
            archive.writestr("a.md", "# A\n")
        there.publish()
        entry = attempt(tmp_path, there, f"{there.address}/feed.zip")
        assert whole(tmp_path, entry["digest"]) == {"a.md": b"# A\n"}


# git alone.


def test_a_folder_of_a_branch_and_the_dates_of_its_files(tmp_path) -> None:
    work = tmp_path / "work"
    write_feed(work / "content", [a_case_study()])
    git(work, "init", "--quiet", "--initial-branch=main")
    git(work, "add", "--all")
    git(work, "commit", "--quiet", "--message=First")
    (work / "content/later.md").write_text("# Later\n")
    git(work, "add", "--all")
    git(work, "commit", "--quiet", "--message=Second", date="2026-05-06T12:00:00+00:00")
    there = Remote(f"git+file://{work}#folder=content", work, lambda: None, {"secret": None}, None)
    by_date = {
        "reader": "markdown",
        "kind": "case_study",
        "glob": "*.md",
        "fields": {"published": {"from": "git_date"}},
    }
    entry = attempt(tmp_path, there, sources=[by_date])
    snapshot = Store(tmp_path / "store").snapshot("one", entry["digest"])
    assert {file.path for file in snapshot.files} == {
        "datapackage.json",
        "later.md",
        "case_studies/shared-schedule.md",
    }
    assert snapshot.dates == {
        "datapackage.json": "2026-03-04",
        "case_studies/shared-schedule.md": "2026-03-04",
        "later.md": "2026-05-06",
    }


def test_submodules_and_pointers_are_no_content(tmp_path) -> None:
    work = write_feed(tmp_path / "work", [a_case_study()])
    git(work, "init", "--quiet", "--initial-branch=main")
    (work / "big.csv").write_text("version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n")
    git(work, "add", "--all")
    git(work, "commit", "--quiet", "--message=First")
    there = Remote(f"git+file://{work}", work, lambda: None, {"secret": None}, None)
    told = attempt(tmp_path, there)
    assert (told["code"], "Git LFS" in told["detail"]) == ("partial_feed", True)
    (work / "big.csv").unlink()
    other = tmp_path / "other"
    shutil.copytree(work, other)
    git(work, "submodule", "add", str(other / ".git"), "part")
    git(work, "add", "--all")
    git(work, "commit", "--quiet", "--message=Second")
    told = attempt(tmp_path, there)
    assert (told["code"], "submodule" in told["detail"]) == ("partial_feed", True)


@pytest.mark.parametrize(
    ("address", "code"),
    [
        ("git+http://git.example/feed.git", "address_refused"),
        ("git+https://user:pass@git.example/feed.git", "address_refused"),
        ("git+https://git.example/feed.git?token=abc", "address_refused"),
        ("git+https://git.example/feed.git#branch=--upload-pack=x", "address_refused"),
        ("git+https://git.example/feed.git#depth=1", "address_refused"),
        ("git+file://relative/path", "address_refused"),
        ("git+https://127.0.0.1/feed.git", "forbidden_address"),
        ("git+ssh://git.example/feed.git", "address_refused"),
    ],
)
def test_addresses_of_repositories_that_are_refused(tmp_path, address, code) -> None:
    told = attempt(tmp_path, Remote(address, tmp_path, lambda: None, {"secret": None}, None))
    assert told["code"] == code
    assert "abc" not in told["detail"]


# SFTP alone.


def test_another_host_key_or_none_is_refused(tmp_path, monkeypatch) -> None:
    with an_sftp(tmp_path) as there, sshd(tmp_path / "stranger") as stranger:
        monkeypatch.setenv(SECRET, there.secret or "")
        told = attempt(tmp_path, there, host_key=stranger.host_key)
        assert (told["code"], "shows another key" in told["detail"]) == ("address_refused", True)
        told = attempt(tmp_path, there, host_key=None)
        assert (told["code"], "no host_key" in told["detail"]) == ("address_refused", True)


# S3 alone.


@pytest.mark.parametrize(
    "answer",
    [
        b"<html>no</html>",
        b"not xml",
        b'<!DOCTYPE a [<!ENTITY b "c">]><ListBucketResult/>',
        b"<ListBucketResult><IsTruncated>true</IsTruncated></ListBucketResult>",
        b"<ListBucketResult><Contents><Key>a</Key><Size>x</Size></Contents></ListBucketResult>",
    ],
)
def test_a_list_that_is_none_is_not_a_feed(answer) -> None:
    with pytest.raises(PullFailed) as refusal:
        read_page(answer)
    assert refusal.value.code == "not_a_feed"


def test_a_list_of_many_pages_is_walked_to_its_end(tmp_path, monkeypatch) -> None:
    monkeypatch.setenv(SECRET, "KEY:s3cret")
    folder = tmp_path / "s3/one"
    folder.mkdir(parents=True)
    for number in range(1_001):
        (folder / f"{number:04d} & é.md").write_text(str(number))
    with s3(tmp_path / "s3") as (endpoint, _):
        there = Remote(
            f"s3://{BUCKET}/one", folder, lambda: None, {"private_address": True, "endpoint": endpoint}, None
        )
        files = whole(tmp_path, attempt(tmp_path, there)["digest"])
    assert len(files) == 1_001
    assert files["1000 & é.md"] == b"1000"


def test_a_store_that_changes_while_it_is_read_gives_no_feed(tmp_path, monkeypatch) -> None:
    with an_sftp(tmp_path) as there:
        monkeypatch.setenv(SECRET, there.secret or "")
        from pipelines.pull import stores

        real, looked = stores._listed, []

        def listed(root: str, found: dict[str, Any]) -> Any:
            looked.append(root)
            if len(looked) == 1:
                (there.folder / "new.md").write_text("# New\n")
            return real(root, found)

        monkeypatch.setattr(stores, "_listed", listed)
        told = attempt(tmp_path, there)
    assert (told["code"], "changed while they were read" in told["detail"]) == ("unreachable_feed", True)
