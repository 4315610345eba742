"""git, against its own server, repositories on this machine, and servers that only pretend."""

import os
import shutil
import socket
import subprocess
import time
from contextlib import suppress
from functools import partial
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import psutil
import pytest

from pipelines.pull import folder, pull
from pipelines.pull.network import Limits, Network
from pipelines.store import Store
from tests.faults import WAYS, listening
from tests.feeds import NOW, a_case_study, registration, write_feed
from tests.remotes import LIMITS, SECRET, Remote, a_git, attempt, commit, git, whole
from tests.websites import serving

BY_DATE = {
    "reader": "markdown",
    "kind": "case_study",
    "glob": "*.md",
    "fields": {"published": {"from": "git_date"}},
}


def here(work: Path, fragment: str = "") -> Remote:
    return Remote(f"git+file://{work}{fragment}", work, {})


def test_a_folder_of_a_branch_and_nothing_else_of_it(tmp_path) -> None:
    work = tmp_path / "work"
    write_feed(work / "content", [a_case_study()])
    (work / "readme.md").write_text("# Not in the feed\n")
    commit(work)
    git(work, "checkout", "--quiet", "-b", "draft")
    (work / "content/draft.md").write_text("# Draft\n")
    commit(work)
    git(work, "checkout", "--quiet", "main")
    known = {"datapackage.json", "case_studies/shared-schedule.md"}
    on_main = attempt(tmp_path, here(work, "#folder=content"))
    assert set(whole(tmp_path, on_main["digest"])) == known
    on_draft = attempt(tmp_path, here(work, "#branch=draft&folder=content"))
    assert set(whole(tmp_path, on_draft["digest"])) == known | {"draft.md"}
    assert attempt(tmp_path, here(work, "#folder=none"))["code"] == "address_refused"
    assert attempt(tmp_path, here(work, "#branch=none"))["code"] == "address_refused"


def test_dates_are_those_of_a_checkout(tmp_path) -> None:
    work = tmp_path / "work"
    write_feed(work / "content", [a_case_study()])
    commit(work)
    (work / "content/later.md").write_text("# Later\n")
    commit(work, "2026-05-06T12:00:00+00:00")
    git(work, "checkout", "--quiet", "-b", "side")
    (work / "content/side.md").write_text("# Side\n")
    commit(work, "2026-05-07T12:00:00+00:00")
    git(work, "checkout", "--quiet", "main")
    git(work, "mv", "content/later.md", "content/moved.md")
    commit(work, "2026-06-08T12:00:00+00:00")
    git(work, "merge", "--quiet", "--no-edit", "side", date="2026-07-09T12:00:00+00:00")
    entry = attempt(tmp_path, here(work, "#folder=content"), sources=[BY_DATE])
    snapshot = Store(tmp_path / "store").snapshot("one", entry["digest"])
    expected = {
        "case_studies/shared-schedule.md": "2026-03-04",
        "datapackage.json": "2026-03-04",
        "moved.md": "2026-06-08",
        "side.md": "2026-05-07",
    }
    assert {file.path: snapshot.dates[file.path] for file in snapshot.files} == expected
    of_checkout = folder.git_dates(work / "content")
    assert {path: of_checkout[path] for path in expected} == expected


def test_dates_come_over_the_network_too(tmp_path, monkeypatch) -> None:
    with a_git(tmp_path) as there:
        monkeypatch.setenv(SECRET, there.secret)
        without = attempt(tmp_path, there)
        (there.folder / "later.md").write_text("# Later\n")
        commit(there.folder, "2026-05-06T12:00:00+00:00")
        dated = attempt(tmp_path, there, sources=[BY_DATE])
        store = Store(tmp_path / "store")
        assert store.snapshot("one", without["digest"]).dates == {}
        dates = store.snapshot("one", dated["digest"]).dates
        assert (dates["later.md"], dates["datapackage.json"]) == ("2026-05-06", "2026-03-04")


@pytest.mark.parametrize(
    ("script", "seconds", "told"),
    [
        ("exec sleep 30", 0.2, ("unreachable_feed", "git took over 0.2 seconds to tell dates")),
        ("exit 128", 60, (None, None)),
        (None, 60, (None, None)),
    ],
    ids=["too slow", "no checkout", "no git"],
)
def test_a_folder_without_dates_is_a_feed_but_none_whose_dates_did_not_come(
    tmp_path, monkeypatch, script, seconds, told
) -> None:
    work = write_feed(tmp_path / "work", [a_case_study()])
    (tmp_path / "bin").mkdir()
    if script:
        (tmp_path / "bin/git").write_text(f"#!/bin/sh\nPATH=/usr/bin:/bin\n{script}\n")
        (tmp_path / "bin/git").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setattr(folder, "GIT_SECONDS", seconds)
    entry = attempt(tmp_path, Remote(str(work), work, {"sources": [BY_DATE]}))
    assert (entry.get("code"), entry.get("detail")) == told


def test_submodules_and_pointers_are_no_content(tmp_path) -> None:
    work = write_feed(tmp_path / "work", [a_case_study()])
    (work / "big.csv").write_text("version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n")
    commit(work)
    told = attempt(tmp_path, here(work))
    assert (told["code"], "Git LFS" in told["detail"]) == ("partial_feed", True)
    (work / "big.csv").unlink()
    other = tmp_path / "other"
    shutil.copytree(work, other)
    git(work, "submodule", "add", str(other / ".git"), "part")
    commit(work)
    told = attempt(tmp_path, here(work))
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
        ("git+file:///none", "address_refused"),
        ("git+https://[::1/feed.git", "address_refused"),
        ("git+ssh://git.example/feed.git", "address_refused"),
        ("git+ext::sh -c id", "address_refused"),
    ],
)
def test_addresses_of_repositories_that_are_refused(tmp_path, address, code) -> None:
    told = attempt(tmp_path, Remote(address, tmp_path, {}))
    assert told["code"] == code
    assert "abc" not in told["detail"]
    assert "pass@" not in told["detail"]


def test_git_goes_to_the_number_that_was_checked_and_looks_up_nothing(tmp_path, monkeypatch) -> None:
    with a_git(tmp_path) as there:
        monkeypatch.setenv(SECRET, there.secret)
        asked = []

        def resolver(host: str, port: int) -> list[str]:
            asked.append(host)
            return ["127.0.0.1"]

        store = Store(tmp_path / "store")
        with Network(LIMITS, resolver=resolver) as network:
            # No resolver but this one knows the name.
            pull(store, registration(**there.changes), there.address.replace("127.0.0.1", "hub.invalid"), NOW, network)
        assert "digest" in (store.last_pull("one") or {})
        assert asked == ["hub.invalid"]


def _children() -> list[str]:
    found = []
    for process in psutil.Process().children(recursive=True):
        try:
            found.append(process.name())
        except psutil.NoSuchProcess:
            continue
    return found


def test_a_server_that_never_answers_is_left_when_time_is_up_and_git_with_it(tmp_path) -> None:
    with listening(WAYS["never_answers"][1]) as port:
        silent = Remote(f"git+http://127.0.0.1:{port}/feed.git", tmp_path, {"private_address": True})
        began = time.monotonic()
        told = attempt(tmp_path, silent, limits=Limits(minute=1.0), time_limit_minutes=1)
        assert time.monotonic() - began < 15
    assert (told["code"], "took over 1 minutes" in told["detail"]) == ("unreachable_feed", True)
    assert not [name for name in _children() if name.startswith("git")]


@pytest.mark.parametrize("answer", ["ERR", "redirect", "page"])
def test_what_a_server_says_never_tells_the_token(tmp_path, monkeypatch, answer) -> None:
    monkeypatch.setenv(SECRET, "s3cret")
    told: list[str] = []

    def repeats(connection: socket.socket, _path: str) -> None:
        # ``listening`` has read the head: what it would hold is known.
        told.append(answer)
        code = "eC1hY2Nlc3MtdG9rZW46czNjcmV0"
        said = f"ERR Basic {code} is x-access-token:s3cret is s3cret".encode()
        lines = b"001e# service=git-upload-pack\n0000%04x%s" % (len(said) + 4, said)
        kind = {"ERR": "application/x-git-upload-pack-advertisement", "page": f"text/{code}"}.get(answer, "text/html")
        status = "302 Found\r\nLocation: http://127.0.0.1:9/s3cret/info/refs" if answer == "redirect" else "200 OK"
        head = f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {len(lines)}\r\n"
        connection.sendall(f"{head}Connection: close\r\n\r\n".encode() + lines)

    with listening(repeats) as port:
        changes: dict[str, Any] = {"private_address": True, "secret": SECRET}
        entry = attempt(tmp_path, Remote(f"git+http://127.0.0.1:{port}/feed.git", tmp_path, changes))
    assert told
    assert "code" in entry
    assert "s3cret" not in str(entry)
    assert "eC1hY2Nlc3MtdG9rZW46czNjcmV0" not in str(entry)


def a_trap(tmp_path: Path) -> tuple[Path, Path]:
    """A checkout that says that trees are missing, and which program brings them; and what that program writes."""
    work, mark = tmp_path / "work", tmp_path / "mark"
    write_feed(work, [a_case_study()])
    commit(work)
    shutil.copytree(work, tmp_path / "origin")
    tree = subprocess.run(["git", "-C", str(work), "rev-parse", "HEAD^{tree}"], check=True, capture_output=True).stdout
    name = tree.decode().strip()
    (work / ".git/objects" / name[:2] / name[2:]).unlink()
    git(work, "config", "core.repositoryformatversion", "1")
    git(work, "config", "extensions.partialClone", "origin")
    git(work, "config", "remote.origin.url", str(tmp_path / "origin"))
    git(work, "config", "remote.origin.promisor", "true")
    git(work, "config", "remote.origin.uploadpack", f"echo x > {mark}; git-upload-pack")
    git(work, "config", "core.fsmonitor", f"echo x > {mark}")
    git(work, "config", "gpg.program", f"echo x > {mark}")
    return work, mark


@pytest.mark.parametrize("scheme", ["", "git+file://"])
def test_no_program_runs_that_a_repository_names(tmp_path, scheme) -> None:
    work, mark = a_trap(tmp_path)
    attempt(tmp_path, Remote(f"{scheme}{work}", work, {}), sources=[BY_DATE])
    assert not mark.exists()


def test_a_folder_has_dates_whoever_owns_it(tmp_path) -> None:
    work = tmp_path / "work"
    write_feed(work, [a_case_study()])
    commit(work)
    if os.geteuid() == 0:  # only root may give away
        for path in (work, work / ".git"):
            os.chown(path, 65534, 65534)
    assert folder.git_dates(work)["datapackage.json"] == "2026-03-04"


@pytest.mark.parametrize("when", ["x <x@x> 253402300800 +0000", "nobody"], ids=["after 9999", "none"])
def test_a_date_that_is_none_is_not_given_to_a_file(tmp_path, when) -> None:
    work = write_feed(tmp_path / "work", [a_case_study()])
    commit(work)
    (work / "late.md").write_text("# Late\n")
    git(work, "add", "--all")
    run = partial(subprocess.run, check=True, capture_output=True)
    tree, parent = (
        run(["git", "-C", str(work), *what]).stdout.decode().strip() for what in (["write-tree"], ["rev-parse", "HEAD"])
    )
    made = f"tree {tree}\nparent {parent}\nauthor x <x@x> 1 +0000\ncommitter {when}\n\nLate\n"
    command = ["git", "-C", str(work), "hash-object", "-t", "commit", "-w", "--literally", "--stdin"]
    name = run(command, input=made.encode()).stdout.decode().strip()
    git(work, "update-ref", "HEAD", name)
    dates = folder.git_dates(work)
    assert ("late.md" in dates, dates["datapackage.json"]) == (False, "2026-03-04")


def test_a_server_that_remarks_without_end_is_left(tmp_path) -> None:
    def line(data: bytes) -> bytes:
        return b"%04x" % (len(data) + 4) + data

    commit = b"1" * 40

    class Talks(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            can = b"".join(map(line, (b"version 2\n", b"ls-refs\n", b"fetch=shallow\n", b"object-format=sha1\n")))
            self._begin("advertisement")
            self.wfile.write(line(b"# service=git-upload-pack\n") + b"0000" + can + b"0000")

        def do_POST(self) -> None:
            asked = self.rfile.read(int(self.headers["Content-Length"]))
            self._begin("result")
            if b"command=ls-refs" in asked:
                self.wfile.write(line(commit + b" HEAD\n") + b"0000")
                return
            self.wfile.write(line(b"packfile\n"))
            with suppress(OSError):
                while True:
                    self.wfile.write(line(b"\x02" + b"x" * 60_000 + b"\n") * 8)

        def _begin(self, kind: str) -> None:
            self.send_response(200)
            self.send_header("Content-Type", f"application/x-git-upload-pack-{kind}")
            self.end_headers()

    with serving(Talks) as address:
        there = Remote(f"git+{address}/feed.git", tmp_path, {"private_address": True})
        told = attempt(tmp_path, there, limits=Limits(attempts=1, minute=1.0))
    assert (told["code"], "remarks more than" in told["detail"]) == ("too_large", True)


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ("fatal: write error: No space left on device", "pull_failed"),
        ("fatal: remote error: No space left on device", "unreachable_feed"),
    ],
    ids=["here", "there"],
)
def test_a_disk_that_takes_no_more_is_our_fault_when_it_is_ours(tmp_path, monkeypatch, said, code) -> None:
    stand_in = tmp_path / "bin/git"
    stand_in.parent.mkdir()
    stand_in.write_text(f"#!/bin/sh\necho '{said}' >&2\nexit 128\n")
    stand_in.chmod(0o755)
    monkeypatch.setenv("PATH", str(stand_in.parent))
    told = attempt(tmp_path, here(tmp_path))
    assert told["code"] == code
