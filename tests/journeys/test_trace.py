"""From what a release says back to the bytes that a hub sent, with nothing but a copy of the release."""

import hashlib
import json
import shutil
import subprocess
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
import xlsxwriter

from pipelines.publish import trace
from pipelines.releasing import run
from pipelines.store import SnapshotFile, digest_of_files
from tests import commands
from tests.feeds import (
    NOW,
    a_case_study,
    a_faq,
    a_line,
    a_signpost,
    a_term,
    a_withdrawal,
    answers_of,
    register,
    write_feed,
    write_sheet,
)


def write_hubs(folder: Path) -> None:
    """Three hubs: files of every shape, a record that two of them send, a workbook, a withdrawal, returns."""
    for hub in ("one", "two", "three"):
        register(folder, id=hub)
    rows = {"term": [a_term(id="open-standard")], "withdrawal": [a_withdrawal()]}
    same = a_case_study(id="the-same", body="A text that two hubs send.")
    write_feed(folder / "feeds/one", [a_case_study(), same], [a_faq()], answers_of(25), rows)
    write_feed(folder / "feeds/two", [same | {"id": "copied"}], [], answers_of(25, first=101))
    (folder / "feeds/three").mkdir()
    with xlsxwriter.Workbook(folder / "feeds/three/book.xlsx") as book:
        write_sheet(book, "faq", [a_faq(id=f"question-{n}", question=f"What is {n}?") for n in range(3)])
        write_sheet(book, "signpost", [a_signpost(id="code")])


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def digest(feed: Path) -> str:
    """The digest of the snapshot that the files in ``feed`` make."""
    paths = [path for path in feed.rglob("*") if path.is_file()]
    return digest_of_files(
        SnapshotFile(path.relative_to(feed).as_posix(), sha256(path), path.stat().st_size) for path in paths
    )


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the hubs' ``feeds`` and a copy of the ``release``; the line that made it is gone."""
    made, kept = tmp_path_factory.mktemp("made"), tmp_path_factory.mktemp("kept")
    write_hubs(made)
    outcome = run(a_line(made), NOW, lambda _stage, _what: None)
    shutil.copytree(made / "public/releases" / str(outcome.release), kept / "release")
    shutil.copytree(made / "feeds", kept / "feeds")
    shutil.rmtree(made)
    return kept


def hubpacks(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    done = commands.hubpacks(folder, *arguments)
    assert "Traceback" not in done.stderr, done.stderr
    return done


def rows_of(release: Path) -> list[dict]:
    lines = (release / "packs/national/records.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


def test_every_record_leads_to_the_file_that_its_hub_sent(copy: Path) -> None:
    rows = rows_of(copy / "release")
    assert len(rows) == 8
    for row in rows:
        for what in (row["id"], row["address"]):
            found = trace(copy / "release", what)
            feed = copy / "feeds" / found["hub"]["id"]
            assert found["id"] == row["id"]
            assert found["source"]["file_sha256"] == sha256(feed / found["source"]["file"])
            assert found["hub"]["snapshot"] == digest(feed)
            assert f"{found['hub']['id']}/{found['source']['record']}" == row["id"]
    assert {row["source"]["file"] for row in rows} == {
        "book.xlsx",
        "case_studies/shared-schedule.md",
        "case_studies/the-same.md",
        "faqs/what-is-an-api.md",
        "term.json",
    }
    assert trace(copy / "release", "three/question-1")["source"]["place"] == "sheet faq, row 2"


def test_a_record_that_two_hubs_sent_leads_to_both_files(copy: Path) -> None:
    (row,) = (row for row in rows_of(copy / "release") if row["merged"])
    (other,) = row["merged"]
    found = trace(copy / "release", other)
    assert (found["kind"], found["into"]["id"]) == ("merged", row["id"])
    feed = copy / "feeds" / found["hub"]["id"]
    assert found["source"]["file_sha256"] == sha256(feed / found["source"]["file"])
    assert found["hub"]["snapshot"] == digest(feed)
    assert found["hub"]["id"] != found["into"]["hub"]["id"]


def test_a_withdrawal_leads_to_the_notice(copy: Path) -> None:
    found = trace(copy / "release", "one/gone")
    assert found["kind"] == "withdrawn"
    assert found["source"]["file_sha256"] == sha256(copy / "feeds/one/withdrawal.json")


def test_a_benchmark_leads_to_the_snapshots_and_no_file_of_returns_is_named(copy: Path) -> None:
    done = hubpacks(copy, "trace", "benchmarks:2026-Q3", "--release", "release", "--json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    (table,) = found["tables"]
    assert (table["instrument"], table["audiences"]) == ("interop-baseline-v1", ["decision_maker"])
    assert {hub["id"]: hub["snapshot"] for hub in table["hubs"]} == {
        hub: digest(copy / "feeds" / hub) for hub in ("one", "two", "three")
    }
    assert found["policy"]["threshold"] == 10
    told = (copy / "release/provenance.json").read_text(encoding="utf-8")
    assert "returns.csv" not in told
    assert sha256(copy / "feeds/one/returns.csv") not in told


def test_the_command_tells_the_chain_in_words_and_the_copy_verifies(copy: Path) -> None:
    done = hubpacks(copy, "trace", "three/code", "--release", "release")
    assert done.returncode == 0, done.stderr
    for text in (
        "three/code: Code of practice for shared data",
        "Hub three (three), fresh since 2026-10-01",
        f"{digest(copy / 'feeds/three')}, first had 2026-10-01, last confirmed 2026-10-01",
        f"book.xlsx (SHA-256 {sha256(copy / 'feeds/three/book.xlsx')})",
        "sheet signpost, row 1",
    ):
        assert text in done.stdout, text
    assert hubpacks(copy, "verify", "release").stdout.splitlines()[-1] == "release: good"


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["one/nothing", "--release", "release"], "one/nothing is not in release 2026-10-01.01; name a record as hub/"),
        (["one/gone"], "public: no release here"),
        (["x/releases/2020-01-01.01/en/records/a.html", "--release", "release"], "is of release 2020-01-01.01"),
    ],
)
def test_what_cannot_be_traced_is_one_line_and_exit_2(copy: Path, arguments: list[str], complaint: str) -> None:
    done = hubpacks(copy, "trace", *arguments)
    assert done.returncode == 2
    assert complaint in done.stderr
    assert len(done.stderr.splitlines()) == 1


def break_address(feed: Path) -> None:
    feed.rename(feed.with_name("elsewhere"))


def break_manifest(feed: Path) -> None:
    (feed / "datapackage.json").write_text("<!DOCTYPE html><html><body>Log in</body></html>")


@pytest.mark.parametrize("damage", [break_address, break_manifest])
def test_incident_n_what_is_carried_forward_is_still_traced_and_says_how_old_it_is(
    tmp_path: Path, damage: Callable[[Path], None]
) -> None:
    write_hubs(tmp_path)
    run(a_line(tmp_path), NOW, lambda _stage, _what: None)
    before = digest(tmp_path / "feeds/one")
    damage(tmp_path / "feeds/one")
    later = NOW + timedelta(days=20)
    outcome = run(a_line(tmp_path), later, lambda _stage, _what: None)
    release = tmp_path / "public/releases" / str(outcome.release)
    hub = trace(release, "one/shared-schedule")["hub"]
    assert (hub["snapshot"], hub["state"]) == (before, "carried_forward")
    assert (hub["fetched"], hub["seen"], hub["since"]) == (NOW.isoformat(), NOW.isoformat(), later.isoformat())
    assert hub["expires"] > later.isoformat()
    (page,) = (release / row["address"] for row in rows_of(release) if row["id"] == "one/shared-schedule")
    html = page.read_text(encoding="utf-8")
    assert "could not be renewed since 21 October 2026." in html
    assert f'datetime="{NOW.date()}"' in html
    assert str(tmp_path) not in html
