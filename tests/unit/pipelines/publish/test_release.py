from __future__ import annotations

import csv
import json
import shutil
import subprocess
from pathlib import Path

import pytest

from hubs.contract import CONTRACT_VERSION
from pipelines.publish.release import build_release, verify_release
from tests.builders import a_benchmark_table, a_digest, an_edition, benchmark_rows, reseal


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


def test_a_missing_an_extra_and_a_changed_file_are_found(folder: Path) -> None:
    (folder / "en" / "method.html").unlink()
    (folder / "extra.txt").write_text("x")
    (folder / "coverage.json").write_text("{}")
    problems = verify_release(folder)
    assert "missing: en/method.html" in problems
    assert "not listed: extra.txt" in problems
    assert "changed: coverage.json" in problems
    assert any(problem.startswith("link to nowhere: en/method.html") for problem in problems)


def test_a_manifest_that_disagrees_with_the_checksums_is_found(folder: Path) -> None:
    manifest = json.loads((folder / "release.json").read_text())
    manifest["files"] = manifest["files"][1:]
    (folder / "release.json").write_text(json.dumps(manifest))
    assert any(problem.startswith("release.json and SHA256SUMS differ: ") for problem in verify_release(folder))


def test_a_link_to_a_place_that_is_not_on_the_page_is_found(folder: Path) -> None:
    page = folder / "en" / "index.html"
    html = page.read_text().replace("coverage.html#hub-vale", "coverage.html#hub-gone")
    page.write_text(html.replace('"../en/method.html"', '"../en/gone.html#sector=health"', 1))
    reseal(folder, "en/index.html")
    assert verify_release(folder) == [
        "link to nowhere: en/coverage.html#hub-gone (from en/index.html)",
        "link to nowhere: en/gone.html (from en/index.html)",
    ]
    assert "explore.html#view=" in (folder / "en/benchmarks/interop-baseline-v1-decision-maker.html").read_text()


def test_help_that_is_no_record_of_the_release_is_found(folder: Path) -> None:
    path = folder / "cy/self-assessment/helps.js"
    path.write_bytes(path.read_bytes().replace(b"coast/exit", b"coast/else"))
    reseal(folder, "cy/self-assessment/helps.js")
    told = "cy/self-assessment/helps.js: it names coast/else, which the national pack does not have"
    assert told in verify_release(folder)


@pytest.mark.parametrize("count", ["9", "12", "0", "-5", "10.0"])
def test_a_count_under_the_threshold_or_not_rounded_is_found(folder: Path, count: str) -> None:
    path = folder / "benchmarks" / "benchmarks.csv"
    path.write_bytes(path.read_bytes().replace(b",45,", f",{count},".encode(), 1))
    reseal(folder, "benchmarks/benchmarks.csv")
    assert [p for p in verify_release(folder) if "benchmarks.csv row" in p and f"a count of {count}," in p]


def test_counts_that_were_never_rounded_stop_a_release(tmp_path: Path) -> None:
    folder = a_release(tmp_path, benchmarks=a_benchmark_table(benchmark_rows(n=43)))
    assert any("a count of 43" in problem for problem in verify_release(folder))


@pytest.mark.parametrize(
    ("name", "old", "new", "problem"),
    [
        ("distributions", b",25,0.556,", b",23,0.556,", "distributions.csv row 1: a count of 23, not rounded"),
        ("distributions", b",25,0.556,", b",20,0.556,", "do not add up to 45"),
        ("distributions", b",25,0.556,", b",,0.556,", "distributions.csv row 1: a count of nothing, not rounded"),
        ("benchmarks", b"all,,,,,,,", b"all,,3,,,,,", "a median without a count"),
        ("benchmarks", b"all,,,,,,,,,", b"all,,,,,,,2.5,,", "a mean without a count"),
        ("benchmarks", b"total,all,", b"total,", "not a row of benchmarks"),
        ("trends", b",,45,", b",,50,", "trends.csv row 1: not as in trends.parquet"),
    ],
)
def test_levels_that_do_not_fit_their_group_are_found(
    tmp_path: Path, name: str, old: bytes, new: bytes, problem: str
) -> None:
    folder = a_release(tmp_path, benchmarks=a_benchmark_table(benchmark_rows()))
    path = folder / "benchmarks" / f"{name}.csv"
    assert old in path.read_bytes()
    path.write_bytes(path.read_bytes().replace(old, new, 1))
    reseal(folder, f"benchmarks/{name}.csv")
    assert any(problem in told for told in verify_release(folder))


def test_a_release_without_its_distributions_is_no_whole_one(folder: Path) -> None:
    (folder / "benchmarks" / "distributions.csv").unlink()
    assert {"missing: benchmarks/distributions.csv"} <= {*verify_release(folder)}


def test_what_is_no_release_is_said_so(tmp_path: Path) -> None:
    assert verify_release(tmp_path)[0].startswith("the release cannot be read")
    (tmp_path / "SHA256SUMS").write_text("nonsense\n")
    assert "not a line of checksums" in verify_release(tmp_path)[0]
