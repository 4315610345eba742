"""Quarantine as a hub and an operator meet it: what is held, how long, and judging it again without resubmission."""

import json

from tests.feeds import a_case_study, register, write_feed
from tests.journeys.test_run import hubpacks, run


def a_hub_with_two_held(folder) -> None:
    register(folder)
    held = a_case_study(id="unlicensed", licence=None, body="Other."), a_case_study(sectors=["health"], body="Third.")
    write_feed(folder / "feeds" / "one", [a_case_study(), a_case_study(id="fine", body="Fourth.")])
    for number, fields in enumerate(held):
        write_feed(folder / "more", [fields])
        (folder / "more/case_studies").joinpath(f"{fields['id']}.md").replace(
            folder / f"feeds/one/case_studies/held-{number}.md"
        )
    manifest = folder / "feeds/one/datapackage.json"
    data = json.loads(manifest.read_text())
    data["resources"][0]["path"] = "case_studies"
    manifest.write_text(json.dumps(data))
    run(folder)


def test_a_mended_registration_frees_a_record_that_the_hub_does_not_send_again(tmp_path) -> None:
    a_hub_with_two_held(tmp_path)
    status = json.loads(hubpacks(tmp_path, "status", "one", "--registry", "registry", "--json").stdout)[0]
    assert {(e["record"], *e["codes"]) for e in status["quarantine"]} == {
        ("unlicensed", "missing_licence"),
        ("shared-schedule", "duplicate_id"),
    }
    register(tmp_path, licence="OGL-UK-3.0")
    (tmp_path / "feeds/one/datapackage.json").unlink()
    done = hubpacks(tmp_path, "replay", "one", "--registry", "registry", "--json")
    assert done.returncode == 1  # one is still held
    replayed = json.loads(done.stdout)
    assert replayed["freed"] == ["unlicensed"]
    assert [(entry["record"], entry["codes"]) for entry in replayed["held"]] == [("shared-schedule", ["duplicate_id"])]
    status = json.loads(hubpacks(tmp_path, "status", "one", "--registry", "registry", "--json").stdout)[0]
    assert status["counts"]["accepted"] == 3


def test_status_shows_the_score_the_quarantine_and_what_to_do(tmp_path) -> None:
    a_hub_with_two_held(tmp_path)
    done = hubpacks(tmp_path, "status", "one", "--registry", "registry")
    assert done.returncode == 0
    assert "Quality: 5 of 6 points" in done.stdout
    assert "To gain the next point: Mend the errors, first" in done.stdout
    assert "unlicensed (case_studies/held-0.md): missing_licence, held since today" in done.stdout


def test_replaying_a_hub_that_is_not_there_names_those_that_are(tmp_path) -> None:
    a_hub_with_two_held(tmp_path)
    done = hubpacks(tmp_path, "replay", "nobody", "--registry", "registry")
    assert done.returncode == 2
    assert done.stderr == "hubpacks: no hub is called nobody; there are one\n"
