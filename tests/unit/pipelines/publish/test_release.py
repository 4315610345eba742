from __future__ import annotations

import csv
import json
import shutil
import subprocess
from pathlib import Path

import pytest

from hubs.contract import CONTRACT_VERSION
from pipelines.publish.release import build_release
from pipelines.publish.verification import verify_release
from tests.builders import a_digest, an_edition


def a_release(tmp_path: Path, **changes: object) -> Path:
    folder = tmp_path / "release"
    build_release(an_edition(**changes), folder)
    return folder


@pytest.fixture
def folder(small_release: Path, tmp_path: Path) -> Path:
    """A copy of the small release."""
    return Path(shutil.copytree(small_release, tmp_path / "small"))


def test_a_release_verifies_and_its_checksums_work_with_the_common_tool(folder: Path) -> None:
    assert verify_release(folder) == []
    done = subprocess.run(["/usr/bin/sha256sum", "-c", "--quiet", "SHA256SUMS"], cwd=folder, check=False)
    assert done.returncode == 0


def test_the_same_edition_gives_the_same_bytes(tmp_path: Path) -> None:
    first, second = a_release(tmp_path / "a"), a_release(tmp_path / "b")
    assert (first / "SHA256SUMS").read_bytes() == (second / "SHA256SUMS").read_bytes()
    assert verify_release(second) == []


def test_the_manifest_says_what_went_in_and_what_came_out(tmp_path: Path) -> None:
    before = a_release(tmp_path / "before", id="2026-11-01.01")
    folder = tmp_path / "release"
    build_release(an_edition(previous="2026-11-01.01"), folder, previous=before)
    manifest = json.loads((folder / "release.json").read_text())
    assert manifest["id"] == "2026-11-23.01"
    assert manifest["previous"] == "2026-11-01.01"
    assert manifest["period"] == "2026-Q3"
    assert manifest["contract"] == CONTRACT_VERSION
    assert manifest["approved_by"] is None
    assert [(i["hub"], i["state"]) for i in manifest["inputs"]] == [
        ("coast", "carried_forward"),
        ("cymru", "fresh"),
        ("harbour", "missing"),
        ("vale", "held"),
    ]
    coast, cymru, *_ = manifest["inputs"]
    assert (coast["seen"], coast["expires"]) == ("2026-10-01T09:00:00+00:00", "2026-12-20T09:00:00+00:00")
    assert (cymru["seen"], cymru["expires"]) == ("2026-11-23T09:00:00+00:00", None)
    listed = {file["path"]: file for file in manifest["files"]}
    on_disk = {p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()}
    assert set(listed) == on_disk - {"release.json", "SHA256SUMS"}
    csv_file = listed["benchmarks/benchmarks.csv"]
    assert csv_file["bytes"] == (folder / "benchmarks" / "benchmarks.csv").stat().st_size
    assert csv_file["media_type"] == "text/csv"


def test_a_pack_has_its_records_in_every_format(folder: Path) -> None:
    national = folder / "packs" / "national"
    lines = [json.loads(line) for line in (national / "records.jsonl").read_text().splitlines()]
    with (national / "records.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    data = json.loads((national / "pack.json").read_text())
    ids = [line["id"] for line in lines]
    assert ids == [row["id"] for row in rows] == [record["id"] for record in data["records"]]
    letters = lines[ids.index("vale/letters")]
    assert letters["source"] == {
        "snapshot": a_digest("snapshot of vale"),
        "file": "case_study/letters.md",
        "file_sha256": a_digest("vale: case_study/letters.md"),
        "place": "",
        "record": "letters",
        "rules": "test",
        "fetched": "2026-11-20T09:00:00+00:00",
        "state": "held",
    }
    assert data["hubs"]["coast"] == {
        "state": "carried_forward",
        "since": "2026-10-02T09:00:00+00:00",
        "snapshot": a_digest("snapshot of coast"),
        "fetched": "2026-09-01T00:00:00+00:00",
        "seen": "2026-10-01T09:00:00+00:00",
        "expires": "2026-12-20T09:00:00+00:00",
    }
    assert {row["hub"] for row in lines} <= data["hubs"].keys() < {hub.id for hub in an_edition().hubs}
    assert letters["credits"] == ["vale", "coast"]
    assert letters["merged"] == ["coast/letters"]
    assert letters["related"] == [{"id": "coast/twin", "relation": "near_copy", "similarity": 0.91}]
    assert "question" not in letters
    question = lines[ids.index("vale/who-owns-it")]
    assert question["question"].startswith("Who owns")
    assert "title" not in question
    requirement, signpost, term = (lines[ids.index(f"vale/{id}")] for id in ("open-formats", "code", "open-standard"))
    assert requirement["text"].startswith("1. The Supplier")
    assert (requirement["evaluation"], requirement["verification"]) == (
        "- Ask for a **sample export**.",
        "- Export everything once a quarter.",
    )
    assert signpost["signpost_address"] == "https://www.standards.example/code?part=1&page=2"
    assert (signpost["publisher"], signpost["signpost_type"]) == ("Sample Standards Body", "code_of_practice")
    assert (term["term"], term["title"], term["term_source"]) == (*[term["title"]] * 2, "Sample Standards Body")
    assert rows[ids.index("vale/open-formats")]["evaluation"] == "'- Ask for a **sample export**."
    for line in lines:
        assert (national.parents[1] / line["address"]).is_file()


def test_coverage_and_quality_tell_how_each_hub_stands_without_contents(folder: Path) -> None:
    coverage = json.loads((folder / "coverage.json").read_text())
    assert coverage["states"] == {"carried_forward": 1, "fresh": 1, "held": 1, "missing": 1}
    assert coverage["hubs"][0]["derived"] == {"title from first_heading": 1}
    assert (coverage["hubs"][0]["seen"], coverage["hubs"][0]["expires"]) == (
        "2026-10-01T09:00:00+00:00",
        "2026-12-20T09:00:00+00:00",
    )
    notice = {
        "snapshot": a_digest("snapshot of vale"),
        "file": "withdrawals.csv",
        "file_sha256": a_digest("vale: withdrawals.csv"),
    }
    assert coverage["withdrawn"] == [
        {
            "id": "vale/assistance",
            "hub": "vale",
            "heading": None,
            "reason": "Nobody could enforce it.",
            "date": "2026-06-03",
            "successor": "vale/open-formats",
            "successor_address": "en/records/vale-open-formats.html",
            "source": notice | {"place": "row 1"},
        },
        {
            "id": "vale/old-code",
            "hub": "vale",
            "heading": None,
            "reason": "It is out of date.",
            "date": "2026-07-01",
            "successor": None,
            "successor_address": None,
            "source": notice | {"place": "row 2"},
        },
    ]
    quality = json.loads((folder / "quality.json").read_text())
    assert quality["hubs"][3]["quarantined_by_code"] == {"missing_licence": 2, "unknown_sector": 1}


def test_readers_are_not_told_how_far_numbers_are_off(tmp_path: Path) -> None:
    table = {"table": "a/b/c/d", "cells": {"levels": 1, "bands": 0, "withheld": 2}, "step": "organisations first"}
    own = {"deviation": 2, "lowered": 1, "refused": 0, "unsafe_rests": ["total less sector"]}
    folder = a_release(tmp_path, audit=an_edition().audit | {"tables": [table | own]})
    told = json.loads((folder / "audit.json").read_text())
    assert told["tables"] == [table]
    assert told.keys() == {"release", "attack", "ledger", "tables", "waves"}


def test_a_folder_that_holds_anything_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x").write_text("")
    with pytest.raises(FileExistsError):
        build_release(an_edition(), tmp_path)
