"""The command as its users run it: real processes, real folders, exit codes and what is printed."""

import json
import subprocess
import zipfile
from pathlib import Path

import pytest

from tests import commands
from tests.feeds import a_case_study, a_faq, an_answer, answers_of, register, write_feed


def hubpacks(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """The command run in ``folder``. It may never end in a traceback."""
    done = commands.hubpacks(folder, *arguments)
    assert "Traceback" not in done.stderr, done.stderr
    return done


def run(folder: Path, *, expect: int = 0) -> dict:
    """``hubpacks run`` over the registry in ``folder``; its summary."""
    done = hubpacks(folder, "run", "--registry", "registry", "--json")
    assert done.returncode == expect, done.stderr
    return json.loads(done.stdout)


def write_three_hubs(folder: Path, organisations: int = 0) -> None:
    """Three good hubs with two records each, and returns of so many organisations (judging returns takes seconds)."""
    for number, hub in enumerate(("one", "two", "three")):
        register(folder, id=hub)
        records = [a_case_study(body=f"A text of {hub}.")], [a_faq(answer=f"An answer of {hub}.")]
        write_feed(folder / "feeds" / hub, *records, answers_of(organisations, first=1 + 100 * number))


def files_of(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def test_from_feeds_to_a_release_and_nothing_new_the_second_time(tmp_path) -> None:
    write_three_hubs(tmp_path, organisations=12)
    first = run(tmp_path)
    assert first["is_new"]
    assert first["records"] == 6
    assert [hub["state"] for hub in first["hubs"]] == ["fresh"] * 3
    latest = json.loads((tmp_path / "public/latest.json").read_text())
    assert latest["release"] == first["release"]
    release = tmp_path / "public/releases" / first["release"]
    manifest = json.loads((release / "release.json").read_text())
    assert {entry["hub"]: entry["state"] for entry in manifest["inputs"]} == {
        "one": "fresh",
        "two": "fresh",
        "three": "fresh",
    }
    lines = (release / "packs/national/records.jsonl").read_text(encoding="utf-8").splitlines()
    assert {json.loads(line)["id"] for line in lines} == {
        f"{hub}/{record}" for hub in ("one", "two", "three") for record in ("shared-schedule", "what-is-an-api")
    }
    assert hubpacks(tmp_path, "verify", "public").returncode == 0
    before = files_of(tmp_path / "public")
    second = run(tmp_path)
    assert not second["is_new"]
    assert second["release"] == first["release"]
    assert files_of(tmp_path / "public") == before
    assert "no new version" in hubpacks(tmp_path, "run", "--registry", "registry").stdout


def test_a_changed_record_makes_a_new_release_and_leaves_the_old_one_alone(tmp_path) -> None:
    write_three_hubs(tmp_path)
    first = run(tmp_path)["release"]
    before = files_of(tmp_path / "public/releases" / first)
    write_feed(tmp_path / "feeds/one", [a_case_study(body="A new text of one.")], [a_faq(answer="An answer of one.")])
    second = run(tmp_path)["release"]
    assert second > first
    assert files_of(tmp_path / "public/releases" / first) == before
    manifest = json.loads((tmp_path / "public/releases" / second / "release.json").read_text())
    assert manifest["previous"] == first


def break_folder(feed: Path) -> None:
    feed.rename(feed.with_name("elsewhere"))


def break_vocabulary(feed: Path) -> None:
    write_feed(feed, [a_case_study(sectors=["astrology"])])


def break_field(feed: Path) -> None:
    write_feed(feed, [a_case_study(licence=None)])


def break_encoding(feed: Path) -> None:
    path = feed / "case_studies/shared-schedule.md"
    path.write_bytes(path.read_text(encoding="utf-8").replace("A text", "Caf\xe9 text").encode("cp1252"))


def break_empty(feed: Path) -> None:
    (feed / "datapackage.json").write_text('{"name": "x", "hubpacks": {"contract": "1"}, "resources": []}')


def break_manifest(feed: Path) -> None:
    (feed / "datapackage.json").write_text("<!DOCTYPE html><html><body>Log in</body></html>")


def break_level(feed: Path) -> None:
    answers = [*answers_of(12), an_answer(organisation="org-99999999", level="9")]
    write_feed(feed, [a_case_study()], [a_faq()], answers)


def break_zip(feed: Path) -> None:
    for path in sorted(feed.rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    feed.rmdir()
    with zipfile.ZipFile(feed, "w") as archive:
        archive.writestr("../escaped.md", "x")


@pytest.mark.parametrize(
    ("damage", "state", "code"),
    [
        (break_folder, "missing", "address_refused"),
        (break_vocabulary, "held", "unknown_sector"),
        (break_field, "held", "missing_licence"),
        (break_encoding, "fresh", "wrong_encoding"),
        (break_empty, "held", "empty_feed"),
        (break_manifest, "held", "not_a_feed"),
        (break_level, "fresh", "level_out_of_range"),
        (break_zip, "missing", "unsafe_path"),
    ],
)
def test_one_bad_hub_is_named_and_the_others_are_published(tmp_path, damage, state: str, code: str) -> None:
    write_three_hubs(tmp_path)
    damage(tmp_path / "feeds/one")
    summary = run(tmp_path)
    hubs = {hub["id"]: hub for hub in summary["hubs"]}
    assert (hubs["one"]["state"], hubs["two"]["state"], hubs["three"]["state"]) == (state, "fresh", "fresh")
    assert summary["release"]
    assert not (tmp_path / "escaped.md").exists()
    address = str(tmp_path / "feeds/one")
    checked = hubpacks(tmp_path, "check", address, "--mapping", "registry/one.yaml")
    assert code in checked.stdout + checked.stderr + str(hubs["one"]["held_by"])
    assert checked.returncode == {"fresh": 0 if code == "wrong_encoding" else 1, "held": 1, "missing": 2}[state]


def test_an_unreadable_registration_is_named_and_the_others_are_published(tmp_path) -> None:
    write_three_hubs(tmp_path)
    (tmp_path / "registry/two.yaml").write_bytes(b"id: caf\xe9")
    summary = run(tmp_path, expect=1)
    assert list(summary["problems"]) == ["two.yaml"]
    assert {hub["id"]: hub["state"] for hub in summary["hubs"]} == {"one": "fresh", "two": "missing", "three": "fresh"}
    done = hubpacks(tmp_path, "registry", "check", "--registry", "registry")
    assert done.returncode == 1
    assert "two.yaml: cannot be read: not UTF-8" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["run", "--registry", "nowhere"], "nowhere: No such file or directory"),
        (["run", "--registry", "empty"], "no registrations here"),
        (["run", "--no-such-flag"], "No such option"),
        (["check", "nowhere"], "there is no"),
        (["check", ".", "--mapping", "nowhere.yaml"], "nowhere.yaml"),
        (["check", ".", "--format", "pdf"], "choose text"),
        (["status", "nobody", "--registry", "registry"], "no hub is called nobody"),
        (["verify", "empty"], "no release here"),
        (["serve", "--publish", "empty"], "nothing is published here yet"),
        (["serve", "--port", "70000"], "less than or equal to 65535"),
        (["intake", "--registry", "nowhere"], "nowhere: No such file or directory"),
        (["token", "create", "nobody", "--registry", "registry"], "no hub is called nobody"),
        (["token", "revoke", "00000000", "--registry", "registry"], "no token has the id 00000000"),
        (["submit", "."], "no token"),
    ],
)
def test_unusable_input_is_one_line_and_exit_2(tmp_path, arguments: list[str], complaint: str) -> None:
    (tmp_path / "empty").mkdir()
    register(tmp_path)
    done = hubpacks(tmp_path, *arguments)
    assert done.returncode == 2
    assert complaint in " ".join(done.stderr.split())


def test_every_command_has_help_with_an_example(tmp_path) -> None:
    commands = ["run", "check", "registry check", "status", "verify", "serve", "intake", "submit"]
    for command in map(str.split, [*commands, "token create", "token list", "token revoke"]):
        done = hubpacks(tmp_path, *command, "--help")
        assert done.returncode == 0
        assert f"Example: hubpacks {' '.join(command)}" in " ".join(done.stdout.split())


def test_status_tells_state_reason_and_counts(tmp_path) -> None:
    write_three_hubs(tmp_path)
    break_empty(tmp_path / "feeds/two")
    run(tmp_path)
    done = hubpacks(tmp_path, "status", "--registry", "registry")
    assert "one: fresh since" in done.stdout
    assert "two: held since" in done.stdout
    assert "The feed holds no record" in done.stdout
    (only,) = json.loads(hubpacks(tmp_path, "status", "one", "--registry", "registry", "--json").stdout)
    assert only["counts"]["accepted"] == 2


def test_a_damaged_release_does_not_verify(tmp_path) -> None:
    write_three_hubs(tmp_path)
    release = tmp_path / "public/releases" / run(tmp_path)["release"]
    csv = release / "benchmarks/benchmarks.csv"
    csv.chmod(0o644)
    csv.write_bytes(csv.read_bytes() + b"x")
    done = hubpacks(tmp_path, "verify", str(release))
    assert done.returncode == 1
    assert "benchmarks/benchmarks.csv" in done.stdout


def test_two_runs_at_once_cannot_happen(tmp_path) -> None:
    from pipelines.store import Store

    write_three_hubs(tmp_path)
    with Store(tmp_path / "store").locked("run"):
        done = hubpacks(tmp_path, "run", "--registry", "registry")
    assert done.returncode == 2
    assert "another run is at work" in done.stderr
