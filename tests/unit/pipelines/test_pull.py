import io
import json
import stat
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from hubs.registration import Registration
from pipelines.pull import pull
from pipelines.pull.network import ATTEMPTS, Limits, Network
from pipelines.store import Snapshot, Store
from tests.faults import reply, scripted
from tests.feeds import NOW, registration
from tests.websites import serving

FILES = {"datapackage.json": b'{"resources": [{"name": "a", "path": ["docs/a.md"]}]}', "docs/a.md": b"# A\n"}


QUICK = Limits(wait_seconds=0.01)
"""Pauses between attempts that a test has time for."""


def at_home(**changes) -> Registration:
    """The registration of a hub whose server is on this machine."""
    return registration(**{"private_address": True} | changes)


def pulled(tmp_path: Path, address: object, **changes) -> Snapshot:
    """The snapshot of a pull that must succeed."""
    with Network(QUICK) as network:
        snapshot = pull(Store(tmp_path / "store"), at_home(**changes), str(address), NOW, network)
    assert snapshot is not None, Store(tmp_path / "store").last_pull("one")
    return snapshot


def refused(tmp_path: Path, address: object, **changes) -> tuple[str, str]:
    """Code and detail of a pull that must fail and must leave no snapshot."""
    store = Store(tmp_path / "store")
    with Network(QUICK) as network:
        assert pull(store, at_home(**changes), str(address), NOW, network) is None
    assert not (tmp_path / "store" / "snapshots").exists()
    entry = store.last_pull("one")
    assert entry is not None
    return entry["code"], entry["detail"]


def names(snapshot: Snapshot) -> list[str]:
    return [file.path for file in snapshot.files]


def write_folder(folder: Path) -> Path:
    for name, data in FILES.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    return folder


def write_zip(path: Path, members: dict[str, bytes], prefix: str = "") -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(prefix + name, data)
    return path


@contextmanager
def served(answers: dict[str, tuple[int, bytes]]) -> Iterator[tuple[str, list[str]]]:
    """A real server on loopback that gives ``answers`` by path; also the list of what it was asked."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(f"{self.path} {self.headers.get('Authorization', '')}".strip())
            status, body = answers.get(self.path, (404, b"no"))
            self.send_response(status)
            if status in (301, 302):
                self.send_header("Location", body.decode())
                body = b""
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    with serving(Handler) as address:
        yield address, asked


def test_a_folder_a_zip_and_an_address_give_the_same_snapshot(tmp_path) -> None:
    folder = write_folder(tmp_path / "feed")
    archive = write_zip(tmp_path / "feed.zip", FILES, prefix="top/")
    with served({f"/hub/{name}": (200, data) for name, data in FILES.items()}) as (address, _):
        snapshots = [pulled(tmp_path, where) for where in (folder, archive, f"{address}/hub/datapackage.json")]
    assert len({snapshot.digest for snapshot in snapshots}) == 1
    assert names(snapshots[0]) == sorted(FILES)
    feed = Store(tmp_path / "store").feed(snapshots[0])
    assert {name: feed.read(name) for name in feed.files} == FILES


def test_incident_g_and_t_the_same_bytes_later_are_the_same_snapshot(tmp_path) -> None:
    folder = write_folder(tmp_path / "feed")
    first = pulled(tmp_path, folder)
    (folder / "docs/a.md").touch()
    with Network() as network:
        later = pull(Store(tmp_path / "store"), registration(), str(folder), NOW.replace(year=2027), network)
    assert later == first


@pytest.mark.parametrize("name", ["../up.md", "/etc/passwd", "a\\..\\b.md", "C:/x.md", "a/../../b"])
def test_a_zip_whose_paths_lead_out_is_refused_whole(tmp_path, name: str) -> None:
    archive = write_zip(tmp_path / "feed.zip", FILES | {name: b"x"})
    code, detail = refused(tmp_path, archive)
    assert (code, detail) == ("unsafe_path", name)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["feed.zip", "store"]


def test_a_zip_with_a_link_a_twin_a_bomb_or_damage_is_refused(tmp_path) -> None:
    link = zipfile.ZipInfo("link.md")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(tmp_path / "link.zip", "w") as archive:
        archive.writestr(link, "/etc/passwd")
    assert refused(tmp_path, tmp_path / "link.zip")[0] == "unsafe_path"
    write_zip(tmp_path / "bomb.zip", {"zeros.csv": bytes(40 << 20)})
    assert refused(tmp_path, tmp_path / "bomb.zip")[0] == "too_large"
    with zipfile.ZipFile(tmp_path / "twin.zip", "w") as archive:
        archive.writestr("a.md", "1")
        with pytest.warns(UserWarning, match="Duplicate name"):
            archive.writestr("a.md", "2")
    assert refused(tmp_path, tmp_path / "twin.zip") == ("unsafe_path", "a.md appears twice")
    whole = write_zip(tmp_path / "whole.zip", {"a.md": bytes(range(256)) * 4000}).read_bytes()
    damaged = bytearray(whole)
    damaged[len(whole) // 3] ^= 0xFF
    (tmp_path / "damaged.zip").write_bytes(damaged)
    assert refused(tmp_path, tmp_path / "damaged.zip")[0] == "not_a_feed"


def test_links_in_a_folder_are_refused(tmp_path) -> None:
    folder = write_folder(tmp_path / "feed")
    (folder / "secret.md").symlink_to("/etc/hostname")
    assert refused(tmp_path, folder)[0] == "unsafe_path"
    (folder / "secret.md").unlink()
    (folder / "elsewhere").symlink_to(tmp_path)
    assert refused(tmp_path, folder)[0] == "unsafe_path"


def test_a_path_that_is_too_long_for_the_system_is_refused(tmp_path, monkeypatch) -> None:
    folder = write_folder(tmp_path / "feed")
    monkeypatch.chdir(folder)
    while len(str(folder)) < 4_050:  # made a step at a time, as unpacking does, since as a whole it cannot be named
        name = "d" * min(200, 4_080 - len(str(folder)))
        Path(name).mkdir()
        monkeypatch.chdir(name)
        folder /= name
    Path("x" * 50).touch()
    code, detail = refused(tmp_path, tmp_path / "feed")
    assert (code, "too long" in detail) == ("address_refused", True)


def test_an_address_that_is_not_there_is_refused_by_name(tmp_path) -> None:
    code, detail = refused(tmp_path, tmp_path / "nowhere")
    assert code == "address_refused"
    assert detail.endswith("nowhere")
    assert refused(tmp_path, "gopher://hub.example/feed")[0] == "address_refused"


def test_incident_i_a_log_in_page_with_status_200_is_not_a_feed(tmp_path) -> None:
    page = b"\n <!DOCTYPE html><html><form>Log in</form></html>"
    with served({"/datapackage.json": (200, page), "/feed.zip": (200, page)}) as (address, _):
        assert refused(tmp_path, f"{address}/datapackage.json")[0] == "not_a_feed"
        assert refused(tmp_path, f"{address}/feed.zip")[0] == "not_a_feed"


def test_incident_d_a_feed_with_one_file_missing_is_no_feed(tmp_path) -> None:
    manifest = json.dumps({"resources": [{"name": "a", "path": ["a.md", "b.md"]}]}).encode()
    with served({"/datapackage.json": (200, manifest), "/a.md": (200, b"A")}) as (address, _):
        code, detail = refused(tmp_path, f"{address}/datapackage.json")
    assert code == "partial_feed"
    assert detail.endswith("/b.md answers 404")


def test_permanent_failures_are_asked_once_and_passing_ones_again(tmp_path) -> None:
    with served({"/gone.zip": (410, b""), "/busy.zip": (503, b"")}) as (address, asked):
        assert refused(tmp_path, f"{address}/gone.zip")[0] == "address_refused"
        assert refused(tmp_path, f"{address}/busy.zip") == ("unreachable_feed", f"{address}/busy.zip answers 503")
    assert asked == ["/gone.zip"] + ["/busy.zip"] * ATTEMPTS


def test_a_body_cut_short_is_not_a_feed(tmp_path) -> None:
    with scripted(feed_csv=reply(b"only this", length=100)) as (address, _):
        assert refused(tmp_path, f"{address}/feed.csv")[0] == "partial_feed"


def test_a_manifest_cannot_reach_another_host_or_scheme(tmp_path) -> None:
    for path in ("http://169.254.169.254/latest", "file:///etc/passwd", "//other.example/x", "../../etc/passwd"):
        manifest = json.dumps({"resources": [{"name": "a", "path": path}]}).encode()
        with served({"/hub/datapackage.json": (200, manifest), "/etc/passwd": (200, b"x")}) as (address, _):
            assert refused(tmp_path, f"{address}/hub/datapackage.json")[0] == "unsafe_path"


def test_a_pattern_in_a_manifest_on_the_web_is_named(tmp_path) -> None:
    manifest = json.dumps({"resources": [{"name": "a", "path": "docs/*.md"}]}).encode()
    with served({"/datapackage.json": (200, manifest)}) as (address, asked):
        code, detail = refused(tmp_path, f"{address}/datapackage.json")
    assert code == "unreadable_manifest"
    assert detail.endswith("docs/*.md")
    assert asked == ["/datapackage.json"]


def test_redirects_are_followed_but_not_for_ever(tmp_path) -> None:
    body = io.BytesIO()
    with zipfile.ZipFile(body, "w") as archive:
        archive.writestr("a.md", "A")
    answers = {"/old.zip": (302, b"/new.zip"), "/new.zip": (200, body.getvalue()), "/loop": (302, b"/loop")}
    with served(answers) as (address, _):
        assert names(pulled(tmp_path, f"{address}/old.zip")) == ["a.md"]
        with Network(QUICK) as network:
            assert pull(Store(tmp_path / "store"), at_home(), f"{address}/loop", NOW, network) is None


def test_a_secret_is_sent_and_never_logged(tmp_path, monkeypatch) -> None:
    with served({"/a.csv": (200, b"x,y\n")}) as (address, asked):
        assert refused(tmp_path, f"{address}/a.csv", secret="HUB_TOKEN")[0] == "address_refused"
        monkeypatch.setenv("HUB_TOKEN", "s3cret")
        pulled(tmp_path, f"{address}/a.csv", secret="HUB_TOKEN")
        assert asked == ["/a.csv Bearer s3cret"]
        with Network(QUICK) as network:
            hub = at_home(secret="HUB_TOKEN")
            assert pull(Store(tmp_path / "store"), hub, f"{address}/missing?key=abc", NOW, network) is None
    assert "s3cret" not in (tmp_path / "store/pulls/one.jsonl").read_text()
    assert "abc" not in (tmp_path / "store/pulls/one.jsonl").read_text()


def test_a_pull_that_fails_leaves_no_bytes(tmp_path) -> None:
    manifest = json.dumps({"resources": [{"path": "a.csv"}, {"path": "b.csv"}]}).encode()
    with served({"/datapackage.json": (200, manifest), "/a.csv": (200, b"a,b\n")}) as (address, _):
        assert refused(tmp_path, f"{address}/datapackage.json")[0] == "partial_feed"
    store = tmp_path / "store"
    assert [path.name for path in store.rglob("*") if path.is_file()] == ["one.jsonl"]


def test_bytes_that_another_snapshot_has_stay_when_a_pull_fails(tmp_path) -> None:
    folder = write_folder(tmp_path / "feed")
    kept = pulled(tmp_path, folder)
    (folder / "datapackage.json").write_text('{"resources": [{"path": "docs/a.md", "bytes": 1}]}')
    with Network(QUICK) as network:
        assert pull(Store(tmp_path / "store"), at_home(), str(folder), NOW, network) is None
    store = Store(tmp_path / "store")
    assert {name: path.read_bytes() for name, path in store.feed(kept).files.items()} == FILES
    assert len([path for path in (store.root / "blobs").rglob("*") if path.is_file()]) == len(FILES)
