"""All 22 real sources in one run of the command. The content stays where it is: beside the project, never in it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from hubs.contract.verdict import Verdict
from pipelines.line import open_line
from pipelines.validate import newest_verdict
from tests.browser import markup_problems
from tests.judges import catalogues, data, files, pages

REGISTRY = Path(__file__).parent / "real"
SOURCES = 22


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict]:
    """The folder of one run over all real sources, and the run's summary."""
    folder = tmp_path_factory.mktemp("real")
    command = [str(Path(sys.executable).with_name("hubpacks")), "run", "--registry", str(REGISTRY), "--json"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=600)
    assert done.returncode == 0, f"is the real content beside the project, in ../shared/real?\n{done.stderr}"
    return folder, json.loads(done.stdout)


def verdicts(folder: Path) -> dict[str, Verdict]:
    """The newest verdict on each hub."""
    line = open_line(REGISTRY, folder / "store", folder / "public")
    found = {hub: newest_verdict(line.store, hub) for hub in line.registry.hubs}
    return {hub: verdict for hub, verdict in found.items() if verdict is not None}


def test_every_source_was_had_and_judged(ran) -> None:
    folder, summary = ran
    assert len(summary["hubs"]) == SOURCES
    assert len(verdicts(folder)) == SOURCES
    states = {hub["id"]: (hub["state"], hub["held_by"]) for hub in summary["hubs"]}
    # Aggregates are not returns: of this source nothing can be counted, and that is said.
    assert states.pop("assess-nz-open-data") == ("held", ["empty_feed"])
    assert {state for state, _ in states.values()} == {"fresh"}


def test_the_same_content_again_is_no_new_version(ran) -> None:
    folder, first = ran
    command = [str(Path(sys.executable).with_name("hubpacks")), "run", "--registry", str(REGISTRY), "--json"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=600)
    assert done.returncode == 0, done.stderr
    again = json.loads(done.stdout)
    assert (again["release"], again["is_new"]) == (first["release"], False)


def test_no_file_disappears(ran) -> None:
    folder, _ = ran
    root = REGISTRY / "../../../../shared/real"
    for hub, verdict in verdicts(folder).items():
        on_disk = {str(p.relative_to(root / hub / "files")) for p in (root / hub / "files").rglob("*") if p.is_file()}
        accounts = {account.file: account for account in verdict.files}
        assert set(accounts) == on_disk, hub
        lost = [a.file for a in verdict.files if not (a.accepted or a.quarantined or a.skipped or a.findings)]
        assert lost == [], hub


def test_most_of_it_is_published_and_the_release_verifies(ran) -> None:
    folder, summary = ran
    assert summary["records"] >= 450
    command = [str(Path(sys.executable).with_name("hubpacks")), "verify", str(folder / "public")]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stdout


def test_judges_of_others_find_nothing_in_it(ran) -> None:
    """All but those of PDFs and of RO-Crate, which take minutes here: see test_judges."""
    public = ran[0] / "public"
    (release,) = (public / "releases").glob("2*")
    assert markup_problems(sorted(public.rglob("*.html"))) == []
    assert pages.link_problems(public) == []
    assert pages.schema_org_problems(sorted(public.rglob("*.html"))) == []
    assert data.data_package_problems(release) + data.data_package_profile_problems(release) == []
    assert data.csvw_problems(sorted(release.rglob("*.csv-metadata.json"))) == []
    assert catalogues.dcat_problems(release) + catalogues.uk_problems(release) == []
    assert catalogues.harvest_problems(release) == []
    assert files.atom_problems(public / "feed.xml") + files.sum_problems(release) == []
    workbook, rows = release / "packs/national/pack.ods", release / "packs/national/records.csv"
    assert files.office_problems(workbook, "records", rows) == []


def test_free_text_beside_scores_reaches_neither_store_nor_release(ran) -> None:
    """Sentences of the surveys' free-text columns, taken from the content itself, are nowhere in what was written
    but in the snapshot's own bytes."""
    import csv

    folder, _ = ran
    files = REGISTRY / "../../../../shared/real/assess-odb-2014/files/assets/data/primary_data_context_impact.csv"
    with files.open(encoding="utf-8", errors="replace", newline="") as file:
        essays = [row["Justification"] for row in csv.DictReader(file)]
    probes = {essay.split("\n")[0][:60].encode() for essay in essays if len(essay) > 200}
    probes = set(sorted(probes)[:200])
    assert len(probes) == 200
    written = [
        path
        for where in ("store/verdicts", "store/levels", "public")
        for path in (folder / where).rglob("*")
        if path.is_file()
    ]
    for path in written:
        data = path.read_bytes()
        assert not any(probe in data for probe in probes), path


def test_contact_details_in_texts_are_masked_in_what_is_published(ran) -> None:
    from hubs.contract.personal import contacts_in

    folder, _ = ran
    (records,) = (folder / "public/releases").glob("*/packs/national/records.jsonl")
    for line in records.read_text(encoding="utf-8").splitlines():
        record = json.loads(line)
        assert contacts_in(record["text"]) == [], record["id"]


def test_what_was_guessed_is_said(ran) -> None:
    folder, _ = ran
    for hub, verdict in verdicts(folder).items():
        if verdict.records:
            assert verdict.derived(), hub
    coverage = json.loads(next((folder / "public/releases").glob("*/coverage.json")).read_text())
    assert "derived" in json.dumps(coverage)


def test_the_registrations_name_no_place_of_this_machine() -> None:
    for path in REGISTRY.rglob("*.yaml"):
        text = path.read_text(encoding="utf-8")
        assert str(Path.home()) not in text
        assert f"address: {os.sep}" not in text
