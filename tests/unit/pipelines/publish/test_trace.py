from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from pipelines.files import Damaged
from pipelines.publish import NotTraced, in_words, release_named, trace
from tests.builders import a_digest

RELEASE = "2026-11-23.01"


@pytest.fixture(scope="module")
def folder(small_release: Path) -> Path:
    return small_release


@pytest.mark.parametrize(
    "what",
    [
        "coast/twin",
        "en/records/coast-twin.html",
        "cy/records/coast-twin.html",
        f"/srv/public/releases/{RELEASE}/cy/records/coast-twin.html",
        f"https://packs.example/releases/{RELEASE}/en/records/coast-twin.html?from=mail#contents",
    ],
)
def test_a_record_leads_to_hub_snapshot_file_and_rules(folder: Path, what: str) -> None:
    found = trace(folder, what)
    assert (found["release"], found["kind"], found["id"]) == (RELEASE, "record", "coast/twin")
    assert found["source"] == {
        "file": "case_study/twin.md",
        "file_sha256": a_digest("coast: case_study/twin.md"),
        "place": "",
        "record": "twin",
    }
    assert found["hub"] == {
        "id": "coast",
        "name": "Sample Coast hub",
        "state": "carried_forward",
        "since": "2026-10-02T09:00:00+00:00",
        "snapshot": a_digest("snapshot of coast"),
        "rules": "test",
        "rules_key": "0123456789abcdef",
        "fetched": "2026-09-01T00:00:00+00:00",
        "seen": "2026-10-01T09:00:00+00:00",
        "expires": "2026-12-20T09:00:00+00:00",
    }
    assert (found["rules"], found["code_version"]) == ("test", "0.1.0+test")
    words = "\n".join(in_words(found))
    for text in (
        "Sample Coast hub (coast), carried forward since 2026-10-02, kept until 2026-12-20",
        f"{a_digest('snapshot of coast')}, first had 2026-09-01, last confirmed 2026-10-01",
        f"case_study/twin.md (SHA-256 {a_digest('coast: case_study/twin.md')})",
        "under rules test (key 0123456789abcdef)",
        "hubpacks 0.1.0+test, rules test, contract",
    ):
        assert text in words, text


def test_a_question_has_a_heading_too(folder: Path) -> None:
    assert next(in_words(trace(folder, "vale/who-owns-it"))).startswith("vale/who-owns-it: Who owns the data")


def test_a_record_that_became_another_leads_to_its_own_place_and_to_what_readers_see(folder: Path) -> None:
    found = trace(folder, "coast/letters")
    assert (found["kind"], found["hub"]["id"], found["source"]["place"]) == ("merged", "coast", "row 2")
    assert found["source"]["file_sha256"] == a_digest("coast: case_study/copies.csv")
    assert (found["into"]["id"], found["into"]["hub"]["id"]) == ("vale/letters", "vale")
    words = list(in_words(found))
    assert words[0] == "coast/letters: said the same as vale/letters and became it"
    assert any(line.endswith("coast/letters said the same and became this one") for line in words)


def test_a_withdrawn_record_leads_to_the_notice(folder: Path) -> None:
    found = trace(folder, "vale/assistance")
    assert (found["kind"], found["successor"]) == ("withdrawn", "vale/open-formats")
    assert found["source"] == {
        "snapshot": a_digest("snapshot of vale"),
        "file": "withdrawals.csv",
        "file_sha256": a_digest("vale: withdrawals.csv"),
        "place": "row 1",
    }
    assert "withdrawn by its hub on 2026-06-03: Nobody could enforce it." in next(in_words(found))


@pytest.mark.parametrize(
    ("what", "periods"),
    [
        ("benchmarks", ["2026-Q2", "2026-Q3"]),
        ("benchmarks:2026-Q3", ["2026-Q3"]),
        ("benchmarks:2026-Q2:interop-baseline-v1", ["2026-Q2"]),
        ("en/benchmarks/interop-baseline-v1-decision-maker.html", ["2026-Q2", "2026-Q3"]),
    ],
)
def test_benchmarks_lead_to_the_snapshots_that_they_were_counted_over(
    folder: Path, what: str, periods: list[str]
) -> None:
    found = trace(folder, what)
    assert [table["period"] for table in found["tables"]] == periods
    for table in found["tables"]:
        told = {hub["id"]: (hub["snapshot"], hub["rules_key"]) for hub in table["hubs"]}
        assert told == {hub: (a_digest(f"snapshot of {hub}"), "0123456789abcdef") for hub in ("coast", "cymru", "vale")}
    words = "\n".join(in_words(found))
    assert f"benchmarks of {periods[0]}, interop-baseline-v1 (decision maker, procurement professional)" in words
    assert "at least 10 organisations" in words


@pytest.mark.parametrize(
    "what",
    [
        "vale/nothing",
        "en/records/nothing.html",
        "benchmarks:1999",
        "benchmarks:2026-Q3:other-v1",
        "benchmarks:2026-Q3:interop-baseline-v1:more",
        "en/benchmarks/other.html",
        "harbour",
        "",
    ],
)
def test_what_is_not_there_is_said_with_a_mend(folder: Path, what: str) -> None:
    with pytest.raises(NotTraced, match=r"name a record as hub/local-id.*periods: 2026-Q2, 2026-Q3"):
        trace(folder, what)


def test_the_page_of_another_release_is_not_taken_for_one_of_this(folder: Path) -> None:
    address = "https://packs.example/releases/2026-01-01.02/en/records/coast-twin.html"
    assert release_named(address) == "2026-01-01.02"
    with pytest.raises(NotTraced, match=r"is of release 2026-01-01\.02, and this is 2026-11-23\.01"):
        trace(folder, address)


def test_a_damaged_release_is_named(folder: Path, tmp_path: Path) -> None:
    shutil.copytree(folder, tmp_path / "r")
    (tmp_path / "r/provenance.json").write_text("[]")
    with pytest.raises(Damaged, match="is damaged"):
        trace(tmp_path / "r", "vale/letters")
