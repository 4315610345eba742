"""The words and exit codes of ``hubpacks sign``, and the doors through which a signed feed goes."""

import json
from pathlib import Path

import yaml
from typer.testing import CliRunner, Result

from hubs.instruments import instruments
from pipelines.check import Checked, check
from pipelines.cli import app
from pipelines.intake.judging import Bounds, Task, report
from tests.badfeeds import PUBLIC_KEY, zipped
from tests.declaring import with_signature
from tests.feeds import NOW, a_case_study, a_registration, registration, write_feed
from tests.websites import website


def call(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def a_feed(tmp_path: Path) -> Path:
    return write_feed(tmp_path / "feed", [a_case_study()])


def a_mapping(tmp_path: Path, **changes) -> Path:
    path = tmp_path / "one.yaml"
    path.write_text(yaml.safe_dump(a_registration(**changes)))
    return path


def test_sign_prints_the_line_for_the_registration(tmp_path: Path) -> None:
    feed, key = a_feed(tmp_path), tmp_path / "key.pem"
    done = call("sign", feed, "--key", key)
    assert done.exit_code == 0
    said, line = done.stdout.splitlines()
    assert said == f"{feed}: signed, 1 file"
    assert "a new key" in done.stderr
    again = call("sign", feed, "--key", key)
    assert (again.stdout, again.stderr) == (done.stdout, "")
    mapping = a_mapping(tmp_path, **yaml.safe_load(line))
    assert call("check", feed, "--mapping", mapping).exit_code == 0
    (feed / "more.md").write_text("more")
    done = call("check", feed, "--mapping", mapping)
    assert (done.exit_code, "wrong_signature" in done.stderr, "more.md" in done.stderr) == (2, True, True)


def test_sign_tells_programs(tmp_path: Path) -> None:
    feed, key = a_feed(tmp_path), tmp_path / "key.pem"
    told = json.loads(call("sign", feed, "--key", key, "--json").stdout)
    assert told.pop("public_key").startswith("ed25519:")
    assert told == {"feed": str(feed), "key": str(key), "files": 1, "is_new_key": True}


def test_sign_refuses_in_a_line(tmp_path: Path) -> None:
    feed = a_feed(tmp_path)
    for arguments in ((feed, "--key", feed / "key.pem"), (tmp_path / "none", "--key", tmp_path / "key.pem")):
        done = call("sign", *arguments)
        assert (done.exit_code, done.stdout, len(done.stderr.splitlines())) == (2, "", 1)


def test_a_mapped_feed_is_signed_and_checked_with_its_mapping(tmp_path: Path) -> None:
    feed, key = tmp_path / "feed", tmp_path / "key.pem"
    feed.mkdir()
    (feed / "a.md").write_text("---\nid: a\ntitle: A\nsummary: Short.\nsectors: [health]\n---\nBody.\n")
    sources = [{"kind": "case_study", "reader": "markdown", "glob": "**"}]
    mapping = a_mapping(tmp_path, sources=sources, licence="OGL-UK-3.0")
    assert call("sign", feed, "--key", key).exit_code == 2
    line = call("sign", feed, "--key", key, "--mapping", mapping).stdout.splitlines()[-1]
    a_mapping(tmp_path, sources=sources, licence="OGL-UK-3.0", **yaml.safe_load(line))
    done = call("check", feed, "--mapping", mapping)
    assert done.exit_code == 0, done.output
    assert "1 record accepted, 0 quarantined" in done.stdout


def checked(feed: Path, scratch: Path, **changes) -> Checked:
    scratch.mkdir()
    return check(str(feed), registration(**changes), instruments(), NOW, scratch)


def test_check_refuses_what_is_not_signed_by_the_registered_key(tmp_path: Path) -> None:
    feed = a_feed(tmp_path)
    result = checked(feed, tmp_path / "a", public_key=PUBLIC_KEY)
    assert result.refusal == ("wrong_signature", "there is no datapackage.json.sig")
    with_signature(feed)
    assert checked(feed, tmp_path / "b", public_key=PUBLIC_KEY).verdict is not None
    assert checked(zipped(feed), tmp_path / "c", public_key=PUBLIC_KEY).verdict is not None


def test_files_that_systems_leave_behind_need_no_signature(tmp_path: Path) -> None:
    feed = a_feed(tmp_path)
    with_signature(feed)
    for name in (".DS_Store", "case_studies/.DS_Store", "case_studies/Thumbs.db"):
        (feed / name).write_bytes(b"\0")
    assert checked(feed, tmp_path / "a", public_key=PUBLIC_KEY).verdict is not None
    assert checked(zipped(feed), tmp_path / "b", public_key=PUBLIC_KEY).verdict is not None


def test_a_signed_feed_on_the_web_is_had_whole(tmp_path: Path) -> None:
    feed = a_feed(tmp_path)
    (feed / "README.md").write_text("About us.")
    with_signature(feed)
    with website(tmp_path) as site:
        result = checked_at(site.manifest("feed"), tmp_path / "a")
        assert result.verdict is not None, result.refusal
        assert [file.file for file in result.verdict.files] == sorted(names(feed))
        (feed / "README.md").unlink()
        assert (checked_at(site.manifest("feed"), tmp_path / "b").refusal or ("",))[0] == "partial_feed"
        write_feed(feed, [a_case_study()])
        assert (checked_at(site.manifest("feed"), tmp_path / "c").refusal or ("",))[0] == "wrong_signature"
        (feed / "datapackage.json.sig").unlink()
        assert checked_at(site.manifest("feed"), tmp_path / "d").refusal == (
            "wrong_signature",
            "there is no datapackage.json.sig",
        )


def test_a_mapped_feed_on_the_web_is_found_by_its_hashes(tmp_path: Path) -> None:
    feed = tmp_path / "feed"
    (feed / "pages").mkdir(parents=True)
    (feed / "pages" / "a.md").write_text("---\nid: a\ntitle: A\nsummary: Short.\nsectors: [health]\n---\nBody.\n")
    mapping = {"sources": [{"kind": "case_study", "reader": "markdown", "glob": "**/*.md"}], "licence": "OGL-UK-3.0"}
    with_signature(feed, **mapping)
    with website(tmp_path) as site:
        result = checked_at(site.manifest("feed"), tmp_path / "a", **mapping)
    assert result.verdict is not None, result.refusal
    assert [record.document.id for record in result.verdict.records] == ["a"]


def checked_at(address: str, scratch: Path, **changes) -> Checked:
    scratch.mkdir()
    hub = registration(public_key=PUBLIC_KEY, private_address=True, **changes)
    return check(address, hub, instruments(), NOW, scratch)


def names(folder: Path) -> list[str]:
    return [path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()]


def by_intake(path: Path) -> tuple[str, list[str]]:
    task = Task(path, path.name, registration(public_key=PUBLIC_KEY), (), NOW)
    told = report(task, Bounds(seconds=600, memory_bytes=8 << 30, disk_bytes=8 << 30, report_bytes=1 << 30))
    return told["outcome"], told["held_by"]


def test_the_intake_refuses_an_unsigned_upload_of_a_hub_with_a_key(tmp_path: Path) -> None:
    feed = a_feed(tmp_path)
    assert by_intake(zipped(feed)) == ("refused", ["wrong_signature"])
    with_signature(feed)
    assert by_intake(zipped(feed)) == ("accepted", [])
