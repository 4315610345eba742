"""A release from a web address: good sites, and those that lie, drip, break off or lead elsewhere."""

from __future__ import annotations

import hashlib
import json
import shutil
import socket
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from pipelines import download as downloads
from pipelines.download import CannotDownload, Downloaded, download, is_address
from pipelines.publish import publish, verify_release, wrong_signatures
from pipelines.publish.signed import SUMS
from pipelines.pull.network import Limits
from tests.builders import KEY, an_edition, reseal
from tests.faults import drip, listening
from tests.websites import Website, answer, website

RELEASE = "2026-11-23.01"
AT = f"releases/{RELEASE}"
HURRIED = Limits(attempts=1, connect_seconds=2, read_seconds=3, floor_seconds=2, minute=2)


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    public = tmp_path_factory.mktemp("download") / "public"
    publish(an_edition(), public, KEY)
    return public


@pytest.fixture
def site(original: Path, tmp_path: Path) -> Iterator[Website]:
    with website(Path(shutil.copytree(original, tmp_path / "site"))) as running:
        yield running


@pytest.fixture
def scratch(tmp_path: Path) -> Path:
    (tmp_path / "scratch").mkdir()
    return tmp_path / "scratch"


def had(site: Website, scratch: Path) -> Downloaded:
    return download(site.address, scratch, limits=HURRIED)


def verify(release: Path) -> list[str]:
    """All but the attack, which these made-up figures would not stand."""
    return [*verify_release(release), *wrong_signatures(release)]


def written(scratch: Path) -> set[str]:
    return {path.relative_to(scratch).as_posix() for path in scratch.rglob("*") if path.is_file()}


def list_also(site: Website, *lines: str) -> None:
    with (site.root / AT / SUMS).open("a") as file:
        file.writelines(f"{line}\n" for line in lines)


@pytest.mark.parametrize(("text", "is_one"), [("https://a.example", True), ("HTTP://a", True), ("public", False)])
def test_an_address_is_told_from_a_path(text: str, is_one: bool) -> None:
    assert is_address(text) is is_one


@pytest.mark.parametrize(
    "path",
    ["", "/", "/index.html", "/latest.json", f"/{AT}", f"/{AT}/", f"/{AT}/en/index.html", f"/{AT}/{SUMS}?a=b#c"],
)
def test_any_address_of_a_site_leads_to_the_release(site: Website, scratch: Path, path: str) -> None:
    done = download(f"{site.address}{path}", scratch)
    files = {p.relative_to(site.root / AT).as_posix() for p in (site.root / AT).rglob("*") if p.is_file()}
    assert (done.problems, done.folder, done.address) == ([], scratch / RELEASE, f"{site.address}/{AT}/")
    assert {name.removeprefix(f"{RELEASE}/") for name in written(scratch)} == files
    assert (done.files, done.bytes) == (len(files), sum((site.root / AT / name).stat().st_size for name in files))
    assert verify(done.folder) == []


def test_a_site_may_stand_under_a_path(site: Website, scratch: Path, tmp_path: Path) -> None:
    (tmp_path / "deeper").mkdir()
    site.root.rename(tmp_path / "deeper" / "packs")
    site.root = tmp_path / "deeper"
    assert download(f"{site.address}/packs", scratch).address == f"{site.address}/packs/{AT}/"


def test_what_is_not_listed_is_not_fetched(site: Website, scratch: Path) -> None:
    (site.root / AT / "stray.html").write_text("stray")
    assert had(site, scratch).problems == []
    assert f"{RELEASE}/stray.html" not in written(scratch)


@pytest.mark.parametrize("status", [404, 410, 403])
def test_a_listed_file_that_is_not_there_is_named(site: Website, scratch: Path, status: int) -> None:
    site.special[f"GET /{AT}/coverage.json"] = lambda request: answer(request, status, b"gone")
    assert had(site, scratch).problems == [f"coverage.json: listed, and the site answers {status}"]


def test_a_signature_that_is_not_there_is_for_verification_to_tell(site: Website, scratch: Path) -> None:
    (site.root / AT / f"{SUMS}.sshsig").unlink()
    done = had(site, scratch)
    assert done.problems == []
    assert verify(done.folder) == [f"{SUMS}.sshsig is missing"]


def test_a_file_that_was_changed_is_for_verification_to_tell(site: Website, scratch: Path) -> None:
    page = site.root / AT / "en/index.html"
    page.write_bytes(page.read_bytes()[:-1] + b"?")
    done = had(site, scratch)
    assert (done.problems, verify(done.folder)) == ([], ["changed: en/index.html"])


@pytest.mark.parametrize(
    ("change", "complaint"),
    [(lambda data: data[:-1], "bytes, and release.json lists"), (lambda data: data + b"x" * 100, "has more than")],
)
def test_a_file_of_another_size_is_named(site: Website, scratch: Path, change, complaint: str) -> None:
    page = site.root / AT / "en/index.html"
    page.write_bytes(change(page.read_bytes()))
    (problem,) = had(site, scratch).problems
    assert problem.startswith("en/index.html: ")
    assert complaint in problem


# Lists that lie.


@pytest.mark.parametrize(
    "path",
    [
        "../outside.txt",
        "/tmp/outside.txt",
        "en/../../outside.txt",
        "a\\b",
        "a//b",
        "./a",
        "a/",
        "bell\x07",
        "\u202eright-to-left",
        "x" * 256,
        "a/" * 600 + "b",
        ".env",
        "en/.hidden/x",
    ],
)
def test_a_path_that_no_release_has_is_named_and_nothing_is_fetched(site: Website, scratch: Path, path: str) -> None:
    list_also(site, f"{'0' * 64}  {path}")
    (problem,) = had(site, scratch).problems
    assert problem.startswith(f"{SUMS}, line ")
    assert written(scratch) == {f"{RELEASE}/{SUMS}"}


@pytest.mark.parametrize(
    ("lines", "complaint"),
    [
        (["no line"], "not a line of checksums"),
        ([f"{'0' * 64}  coverage.json"], "listed twice"),
        ([f"{'0' * 64}  {SUMS}"], "no place there"),
        ([f"{'0' * 64}  coverage.json/x"], "as a file and as a folder"),
    ],
)
def test_a_list_that_contradicts_itself_is_named(site: Website, scratch: Path, lines, complaint: str) -> None:
    list_also(site, *lines)
    (problem,) = had(site, scratch).problems
    assert complaint in problem


def test_a_list_of_too_many_files_is_not_begun(site: Website, scratch: Path) -> None:
    list_also(site, *(f"{'0' * 64}  {number}" for number in range(downloads.MAX_FILES)))
    assert had(site, scratch).problems == [f"{SUMS} lists more than 50,000 files"]
    assert written(scratch) == {f"{RELEASE}/{SUMS}"}


def test_a_list_without_end_is_given_up(site: Website, scratch: Path) -> None:
    with (site.root / AT / SUMS).open("ab") as file:
        file.truncate(downloads.MAX_SUMS_BYTES + 1)
    with pytest.raises(CannotDownload, match=r"SHA256SUMS has more than 16,777,216 bytes"):
        had(site, scratch)


def test_of_many_problems_the_first_are_told_and_the_rest_is_not_asked_for(site: Website, scratch: Path) -> None:
    for path in (site.root / AT).rglob("*.html"):
        path.unlink()
    problems = had(site, scratch).problems
    assert len(problems) == downloads.MAX_SHOWN + 1
    assert problems[-1] == "and more; nothing more was fetched"
    assert len(site.asked) < 60 + downloads.MAX_SHOWN


def test_more_bytes_than_a_release_may_have_are_not_fetched(site: Website, scratch: Path, monkeypatch) -> None:
    monkeypatch.setattr(downloads, "MAX_BYTES", 100_000)
    assert had(site, scratch).problems == ["release.json lists more than 100,000 bytes"]


@pytest.mark.parametrize("told", ["{}", "[]", '"x"', "\xff", '{"files": [{"path": 1, "bytes": "x"}]}'])
def test_without_sizes_the_bounds_hold(site: Website, scratch: Path, monkeypatch, told: str) -> None:
    (site.root / AT / "release.json").write_text(told, encoding="latin-1")
    reseal_sums(site.root / AT, "release.json")
    monkeypatch.setattr(downloads, "MAX_FILE_BYTES", 1000)
    problems = had(site, scratch).problems
    assert any("has more than 1,000 bytes" in problem for problem in problems)


def reseal_sums(release: Path, name: str) -> None:
    lines = (release / SUMS).read_text().splitlines()
    digest = hashlib.sha256((release / name).read_bytes()).hexdigest()
    (release / SUMS).write_text("".join(f"{digest}  {name}\n" if li[66:] == name else f"{li}\n" for li in lines))


def test_an_old_release_is_not_passed_off_as_a_new_one(site: Website, scratch: Path) -> None:
    (site.root / AT).rename(site.root / "releases/2026-12-24.01")
    (site.root / "latest.json").write_text(json.dumps({"release": "2026-12-24.01"}))
    assert had(site, scratch).problems == [f"this is release {RELEASE}, and 2026-12-24.01 was asked for"]


# A release that is issued anew meanwhile.


def test_what_changes_meanwhile_is_fetched_once_more(site: Website, scratch: Path) -> None:
    changes = [1]

    def change(request: BaseHTTPRequestHandler) -> None:
        if changes:
            changes.pop()
            (site.root / AT / "en/index.html").write_text("anew")
            reseal(site.root / AT, "en/index.html")
        answer(request, 200, (site.root / AT / "coverage.json").read_bytes())

    site.special[f"GET /{AT}/coverage.json"] = change
    done = had(site, scratch)
    assert (done.folder / "en/index.html").read_text() == "anew"
    assert (done.folder / SUMS).read_bytes() == (site.root / AT / SUMS).read_bytes()
    assert sum(f"{SUMS}" in line and line.endswith(SUMS) for line in site.asked) == 4


def test_what_changes_all_the_time_is_said_so(site: Website, scratch: Path) -> None:
    def change(request: BaseHTTPRequestHandler) -> None:
        page = site.root / AT / "en/index.html"
        page.write_text(page.read_text() + "x")
        reseal(site.root / AT, "en/index.html")
        answer(request, 200, (site.root / AT / "coverage.json").read_bytes())

    site.special[f"GET /{AT}/coverage.json"] = change
    assert had(site, scratch).problems[-1] == f"{SUMS} has changed twice meanwhile: try again later"


# Servers.


def test_a_redirect_of_the_whole_site_is_followed_and_told(site: Website, scratch: Path, tmp_path: Path) -> None:
    (tmp_path / "old").mkdir()
    with website(tmp_path / "old") as old:
        there = f"{site.address}/latest.json"
        old.special["GET /latest.json"] = lambda request: answer(request, 301, b"", Location=there)
        assert had(old, scratch).address == f"{site.address}/{AT}/"


def test_a_redirect_of_one_file_to_another_site_is_not_followed(site: Website, scratch: Path, original: Path) -> None:
    with website(original) as other:
        there = f"{other.address}/{AT}/coverage.json"
        site.special[f"GET /{AT}/coverage.json"] = lambda request: answer(request, 302, b"", Location=there)
        assert had(site, scratch).problems == ["coverage.json: coverage.json is redirected to another site"]


def test_a_redirect_into_a_private_network_is_refused(site: Website, scratch: Path) -> None:
    there = "http://10.0.0.1/latest.json"
    site.special["GET /latest.json"] = lambda request: answer(request, 302, b"", Location=there)
    with pytest.raises(CannotDownload, match="private address"):
        had(site, scratch)


@pytest.mark.parametrize(
    ("pointer", "complaint"),
    [
        (b"<html>log in</html>", "is no pointer to a release"),
        (b"[]", "is no pointer to a release"),
        (b'{"release": "../../etc"}', "names something that is no release id"),
        (b'{"release": ["2026-11-23.01"]}', "names something that is no release id"),
        (b"[" * 100_000, "is no pointer to a release"),
        (b" " * ((1 << 20) + 1), "has more than 1,048,576 bytes"),
    ],
)
def test_a_pointer_that_is_none_is_refused(site: Website, scratch: Path, pointer: bytes, complaint: str) -> None:
    (site.root / "latest.json").write_bytes(pointer)
    with pytest.raises(CannotDownload, match=complaint):
        had(site, scratch)
    assert written(scratch) == set()


@pytest.mark.parametrize("address", ["http://", "http://user:secret@127.0.0.1:9/", "http://[::1", "http://127.0.0.1:9"])
def test_an_address_that_leads_nowhere_is_named(scratch: Path, address: str) -> None:
    with pytest.raises(CannotDownload) as refused:
        download(address, scratch, limits=HURRIED)
    assert "secret" not in str(refused.value)


def test_a_site_without_a_release_is_named(site: Website, scratch: Path) -> None:
    with pytest.raises(CannotDownload, match=f"{SUMS} answers 404"):
        download(f"{site.address}/releases/2020-01-01.01/", scratch)


def test_a_site_that_fails_in_the_middle_is_given_up(site: Website, scratch: Path) -> None:
    site.special[f"GET /{AT}/coverage.json"] = lambda request: answer(request, 503, b"")
    with pytest.raises(CannotDownload, match=r"coverage\.json answers 503"):
        had(site, scratch)


def endless(connection: socket.socket, _path: str) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    while True:
        connection.sendall(b"10000\r\n" + b"x" * 0x10000 + b"\r\n")


def dripping(connection: socket.socket, _path: str) -> None:
    drip(connection, b"HTTP/1.1 200 OK\r\n\r\n")


@pytest.mark.parametrize(
    ("way", "complaint"), [(endless, "has more than 1,048,576 bytes"), (dripping, "bytes a second")]
)
def test_an_answer_without_end_is_given_up(scratch: Path, way, complaint: str) -> None:
    started = time.monotonic()
    with listening(way) as port, pytest.raises(CannotDownload, match=complaint):
        download(f"http://127.0.0.1:{port}/", scratch, limits=HURRIED)
    assert time.monotonic() - started < 20
