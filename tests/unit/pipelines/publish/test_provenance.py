from __future__ import annotations

import dataclasses
import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from hubs.contract import CONTRACT_VERSION
from pipelines.policy import Policy
from pipelines.publish.provenance import provenance
from pipelines.publish.release import build_release
from pipelines.publish.verification import verify_release
from tests.builders import a_case_study, a_digest, a_hub, a_library, an_edition, reseal


def test_it_names_versions_hubs_snapshots_rules_and_files() -> None:
    told = provenance(an_edition())
    assert (told["contract"], told["rules"], told["code_version"]) == (CONTRACT_VERSION, "test", "0.1.0+test")
    assert [hub["id"] for hub in told["hubs"]] == ["coast", "cymru", "vale"]  # harbour has never sent anything
    coast = told["hubs"][0]
    files = coast.pop("files")
    assert coast == {
        "id": "coast",
        "snapshot": a_digest("snapshot of coast"),
        "rules": "test",
        "rules_key": "0123456789abcdef",
        "fetched": "2026-09-01T00:00:00+00:00",
        "seen": "2026-10-01T09:00:00+00:00",
    }
    assert {"path": "case_study/twin.md", "sha256": a_digest("coast: case_study/twin.md")} in files
    assert [file["path"] for file in files] == sorted(file["path"] for file in files)


def test_a_record_that_became_another_keeps_its_place() -> None:
    assert provenance(an_edition())["merged"] == [
        {
            "id": "coast/letters",
            "into": "vale/letters",
            "file": "case_study/copies.csv",
            "file_sha256": a_digest("coast: case_study/copies.csv"),
            "place": "row 2",
            "record": "letters",
        }
    ]


def test_benchmarks_name_every_hub_in_use_whoever_sent_returns() -> None:
    quiet = a_hub("cymru", counts={"accepted": 4, "answers_accepted": 0})
    hubs = tuple(quiet if hub.id == "cymru" else hub for hub in an_edition().hubs)
    edition = an_edition(hubs=hubs)
    told = provenance(edition)
    common = {
        "instrument": "interop-baseline-v1",
        "audiences": ["decision_maker", "procurement_professional"],
        "release": edition.id,
        "snapshots": {hub.id: hub.snapshot for hub in hubs if hub.snapshot},
    }
    assert common["snapshots"].keys() == {"coast", "cymru", "vale"}
    assert told["benchmarks"] == [{"period": period} | common for period in ("2026-Q2", "2026-Q3")]


def test_the_policy_is_told_with_a_digest_that_changes_with_it() -> None:
    usual, strict = (
        provenance(an_edition(policy=policy))["policy"] for policy in (Policy(), Policy(threshold=20, base=10))
    )
    assert (usual["threshold"], strict["threshold"]) == (10, 20)
    assert usual["sha256"] != strict["sha256"]


def test_an_edition_without_anything_has_its_provenance_too() -> None:
    edition = an_edition(library={}, withdrawn=(), hubs=(), packs=(), benchmarks=an_edition().benchmarks.slice(0, 0))
    told = provenance(edition)
    assert (told["hubs"], told["merged"], told["benchmarks"]) == ([], [], [])


def test_a_record_of_a_file_that_nobody_knows_is_a_bug_and_not_published(tmp_path: Path) -> None:
    edition = an_edition()
    entry = a_case_study("stray", file="case_study/stray.md")
    library = a_library(entry, *edition.library.values())
    with pytest.raises(KeyError):
        build_release(dataclasses.replace(edition, library=library), tmp_path / "r")


# Broken chains.


@pytest.fixture(scope="module")
def whole(small_release: Path) -> Path:
    """A release of which every record can be traced. It is only read."""
    assert verify_release(small_release) == []
    return small_release


@pytest.fixture
def release(whole: Path, tmp_path: Path) -> Path:
    """A copy of it, to be broken."""
    return Path(shutil.copytree(whole, tmp_path / "r"))


def change(folder: Path, name: str, **changes: Any) -> None:
    """Change the JSON file ``name`` of the release, as somebody would who puts the checksums right as well."""
    path = folder / name
    data = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps(data | {key: edit(data[key]) for key, edit in changes.items()}), encoding="utf-8")
    reseal(folder, name)


def without_hub(id: str) -> Any:
    return lambda hubs: [hub for hub in hubs if hub["id"] != id]


def with_hub(**changes: Any) -> Any:
    return lambda hubs: [hub | changes if hub["id"] == "vale" else hub for hub in hubs]


STRANGER = {"id": "stranger", "snapshot": "0" * 64, "files": []}


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"hubs": without_hub("vale")}, "vale/letters comes from a snapshot of vale that provenance.json does not"),
        ({"hubs": with_hub(snapshot="0" * 64)}, "provenance.json: release.json has another snapshot of vale"),
        ({"hubs": with_hub(files=[])}, "vale/letters comes from a file of vale that provenance.json does not have"),
        ({"hubs": with_hub(files=[])}, "vale/old-code comes from a file that provenance.json does not have"),
        ({"hubs": lambda hubs: [*hubs, STRANGER]}, "provenance.json: release.json has no hub stranger"),
        ({"merged": lambda _: []}, "provenance.json does not say that coast/letters was merged into vale/letters"),
        ({"benchmarks": lambda tables: tables[1:]}, "what the benchmarks of 2026-Q2, interop-baseline-v1, decision_"),
        (
            {"benchmarks": lambda tables: [tables[0] | {"snapshots": {"vale": "0" * 64}}, tables[1]]},
            "benchmarks of 2026-Q2 were counted over other snapshots than are in use",
        ),
        (
            {"benchmarks": lambda tables: [tables[0] | {"release": "2099-01-01.01"}, tables[1]]},
            "does not say what the benchmarks of 2026-Q2 were counted over",
        ),
        ({"rules": lambda _: "other"}, "provenance.json and release.json differ: rules"),
        ({"hubs": lambda _: None}, "nothing can be traced"),
        ({"hubs": lambda _: [1]}, "nothing can be traced"),
    ],
)
def test_a_broken_chain_is_found(release: Path, changes: dict[str, Any], problem: str) -> None:
    change(release, "provenance.json", **changes)
    problems = verify_release(release)
    assert any(problem in found for found in problems), problems


def test_a_row_with_another_file_or_digest_is_found(release: Path) -> None:
    name = "packs/sector-transport/records.jsonl"
    path = release / name
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace(a_digest("cymru: case_study/bus.md"), "0" * 64), encoding="utf-8")
    reseal(release, name)
    problem = "sector-transport: cymru/bus comes from a file of cymru that provenance.json does not have"
    in_zip = "packs/sector-transport/pack.zip: records.jsonl is not that of the pack"
    assert verify_release(release) == [problem, in_zip]


def test_a_release_without_provenance_cannot_be_traced(release: Path) -> None:
    (release / "provenance.json").unlink()
    problems = verify_release(release)
    assert "missing: provenance.json" in problems
    assert "nothing can be traced: provenance.json: No such file or directory" in problems
