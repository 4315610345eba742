"""What holds for git, object stores and SFTP alike, each against a real server on the loopback."""

import zipfile
from typing import Any
from urllib.parse import urlsplit

import pytest

from pipelines.pull import git, s3, sftp
from pipelines.pull.base import Files, Unreachable, Visit
from pipelines.pull.known import Nothing
from pipelines.pull.network import Limits, Network, TookTooLong
from tests.faults import listening
from tests.feeds import registration
from tests.remotes import LIMITS, SECRET, Remote, a_bucket, a_git, an_sftp, attempt, whole

REMOTES = {"git": a_git, "s3": a_bucket, "sftp": an_sftp}
each_remote = pytest.mark.parametrize("remote", REMOTES.values(), ids=REMOTES)
each_store = pytest.mark.parametrize("remote", [a_bucket, an_sftp], ids=["s3", "sftp"])


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
        there.asked.clear()
        again = attempt(tmp_path, there)
        assert (again["digest"], again.get("unchanged")) == (first["digest"], True)
        assert len(there.asked) <= 2
        (there.folder / "datapackage.json").write_text((there.folder / "datapackage.json").read_text() + " ")
        there.publish()
        changed = attempt(tmp_path, there)
        assert changed["digest"] != first["digest"]
        assert "unchanged" not in changed


@pytest.mark.parametrize("way", ["git+https://{}/feed.git", "s3://feeds/one", "sftp://hub@{}/feed"])
@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::ffff:127.0.0.1]"])
def test_without_leave_nobody_inside_the_network_is_even_connected_to(tmp_path, monkeypatch, way, host) -> None:
    monkeypatch.setenv(SECRET, "KEY:s3cret")
    came: list[str] = []
    with listening(lambda connection, path: came.append(path)) as port:
        there = Remote(way.format(f"{host}:{port}"), tmp_path, {"secret": SECRET})
        key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJzEgqxrxTcqcJxTwTDTYzCwnPpLwWXgGZTkYJWmZUJJ"
        told = attempt(tmp_path, there, endpoint=f"https://{host}:{port}", host_key=key)
        assert (told["code"], "private" in told["detail"]) == ("forbidden_address", True)
        assert not came
        leave = {"private_address": True, "endpoint": f"https://{host}:{port}", "host_key": key}
        assert attempt(tmp_path, there, **leave)["code"] == "unreachable_feed"
        assert came


@each_remote
def test_a_wrong_or_missing_secret_is_refused_and_never_told(tmp_path, monkeypatch, remote) -> None:
    with remote(tmp_path) as there:
        name = there.secret.partition(":")[0]
        monkeypatch.setenv(SECRET, f"{name}:wr0ng" if remote is a_bucket else "wr0ng")
        assert attempt(tmp_path, there)["code"] == "address_refused"
        monkeypatch.delenv(SECRET)
        told = attempt(tmp_path, there)
        assert (told["code"], "HUB_SECRET is not set" in told["detail"]) == ("address_refused", True)
        log = (tmp_path / "store/pulls/one.jsonl").read_text()
        assert "wr0ng" not in log
        assert (there.secret.partition(":")[2] or there.secret) not in log


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


@each_store
def test_an_address_may_name_a_zip(tmp_path, monkeypatch, remote) -> None:
    with remote(tmp_path) as there:
        monkeypatch.setenv(SECRET, there.secret)
        with zipfile.ZipFile(there.folder / "feed.zip", "w") as archive:
            archive.writestr("a.md", "# A\n")
        there.publish()
        entry = attempt(tmp_path, there, f"{there.address}/feed.zip")
        assert whole(tmp_path, entry["digest"]) == {"a.md": b"# A\n"}


LATER = {
    "another file": ("zz.md", "# New\n", "files have changed while"),
    "longer": ("faqs/what-is-an-api.md", "longer " * 10_000, "what-is-an-api.md has changed while"),
    "shorter": ("faqs/what-is-an-api.md", "short", "what-is-an-api.md has changed while"),
}


def read_all(coming: Files) -> None:
    for _, stream in coming:
        while stream.read(1 << 16):
            pass


@each_store
@pytest.mark.parametrize("later", LATER.values(), ids=LATER)
def test_a_store_that_changes_while_it_is_read_gives_no_feed(tmp_path, monkeypatch, remote, later) -> None:
    name, text, said = later
    with remote(tmp_path) as there, Network(LIMITS) as network:
        monkeypatch.setenv(SECRET, there.secret)
        connector: Any = s3 if remote is a_bucket else sftp
        coming = connector.files(Visit(there.address, registration(**there.changes), network, Nothing()))
        path, stream = next(coming)
        assert (path, stream.read()) == ("case_studies/shared-schedule.md", (there.folder / path).read_bytes())
        (there.folder / name).write_text(text)
        there.publish()
        with pytest.raises(Unreachable, match=said):
            read_all(coming)


@pytest.mark.parametrize("remote", [a_git, an_sftp], ids=["git", "sftp"])
def test_a_server_is_spoken_to_in_turns_whatever_it_speaks(tmp_path, monkeypatch, remote) -> None:
    with remote(tmp_path) as there, Network(Limits(per_host=1, minute=0.1)) as network:
        monkeypatch.setenv(SECRET, there.secret)
        parts = urlsplit(there.address)
        another = network.trip(registration(), there.address)
        connector: Any = git if remote is a_git else sftp
        hub = registration(**there.changes | {"time_limit_minutes": 5})
        with (
            network.turn(another, parts.hostname or "", parts.port or 0),
            pytest.raises(TookTooLong, match="was busy with other hubs' feeds"),
        ):
            read_all(connector.files(Visit(there.address, hub, network, Nothing())))
