"""Two runs of the line, and what a reader is told of the difference: by the command, in the file, on the page."""

from __future__ import annotations

import json
import subprocess
from datetime import timedelta
from pathlib import Path

import pytest

from pipelines.releasing import run
from pipelines.verify import verify
from tests import commands
from tests.feeds import NOW, a_case_study, a_faq, a_line, a_study, a_withdrawal, answers_of, register, write_feed

FIRST, SECOND = "2026-10-01.01", "2026-10-02.01"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which two releases were made. Between them, hub one changes a study, takes another back and sends a
    new one; hub two sends what hub one has, and returns enough for a period to be told anew.
    """
    folder = tmp_path_factory.mktemp("home")
    for hub in ("one", "two"):
        register(folder, id=hub)
    studies = [a_study(number) for number in range(1, 8)]
    own = a_case_study(body="A text that hub two will send.")
    write_feed(folder / "feeds/one", [*studies, own], [a_faq()], answers_of(40))
    write_feed(folder / "feeds/two", [a_study(20)], [], answers_of(40, 1001))
    run(a_line(folder), NOW, lambda _stage, _what: None)
    studies[0] |= {"title": "Another title", "body": f"{studies[0]['body']} and one sentence more"}
    notice = a_withdrawal(id="study-2", date="2026-06-03", reason="Out of date.", successor="study-3")
    write_feed(
        folder / "feeds/one",
        [studies[0], *studies[2:], a_study(9), own],
        [a_faq()],
        answers_of(40),
        {"withdrawal": [notice]},
    )
    write_feed(folder / "feeds/two", [a_study(20), own | {"id": "copied"}], [], answers_of(70, 1001))
    run(a_line(folder), NOW + timedelta(days=1), lambda _stage, _what: None)
    return folder


def hubpacks(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    done = commands.hubpacks(folder, *arguments)
    assert "Traceback" not in done.stderr, done.stderr
    return done


def test_the_command_tells_what_has_changed_in_words(home: Path) -> None:
    done = hubpacks(home, "diff", FIRST, SECOND)
    assert (done.returncode, done.stderr) == (0, "")
    for text in (
        f"From release {FIRST} to {SECOND}",
        "one/study-9: Study number 9 of the series",
        "title: from Study number 1 of the series to Another title",
        "+ and one sentence more",
        "withdrawn on 2026-06-03: Out of date. In its place: one/study-3",
        "Revisions of benchmarks: 1",
        "largest change of organisations: from 80 to 110",
    ):
        assert text in done.stdout, (text, done.stdout)
    assert "Corrections" not in done.stdout


def test_the_release_says_the_same_without_old_texts_and_verifies(home: Path) -> None:
    release = home / "public/releases" / SECOND
    assert verify(release) == []
    told = json.loads((release / "changes.json").read_bytes())
    found = json.loads(hubpacks(home, "diff", FIRST, SECOND, "--json").stdout)
    assert told["counts"] == found["counts"]
    assert told["benchmarks"] == found["benchmarks"]
    assert told["counts"]["records_added"] == told["counts"]["records_gone"] == 1
    assert told["counts"]["benchmarks_revised"] > 0
    assert told["class"] == "none"
    page = (release / "en/changes.html").read_text(encoding="utf-8")
    assert "Another title" in page
    assert "Study number 1 of the series" not in page
    assert "changes.html" in (home / "public/index.html").read_text(encoding="utf-8")


def test_folders_and_the_other_order_give_the_same(home: Path) -> None:
    releases = [f"public/releases/{id}" for id in (SECOND, FIRST)]
    turned = hubpacks(home, "diff", *releases, "--json")
    assert turned.stderr == (
        f"hubpacks: {releases[0]} is newer than {releases[1]}; told is what has changed from {releases[1]} to it\n"
    )
    assert json.loads(turned.stdout) == json.loads(hubpacks(home, "diff", FIRST, SECOND, "--json").stdout)
    assert hubpacks(home, "diff", "public", SECOND).stdout.splitlines()[-1] == "Nothing has changed."


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ([FIRST, "2020-01-01.01"], "public: no release 2020-01-01.01 here; see releases.json there, or name"),
        ([FIRST, SECOND, "--publish", "elsewhere"], f"elsewhere: no release {FIRST} here"),
        ([FIRST, "feeds"], "feeds: no release here (there is no release.json)"),
        (["broken", SECOND], "coverage.json is damaged, or was written by another version: restore it from a copy"),
    ],
)
def test_what_cannot_be_compared_is_one_line_and_exit_2(home: Path, arguments: list[str], complaint: str) -> None:
    if "broken" in arguments:
        subprocess.run(["/bin/cp", "-r", f"public/releases/{FIRST}", "broken"], cwd=home, check=True)
        (home / "broken/coverage.json").write_text("{}")
    done = hubpacks(home, "diff", *arguments)
    assert done.returncode == 2
    assert complaint in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_a_release_before_that_was_damaged_stops_the_next_one_and_is_named(home: Path) -> None:
    write_feed(home / "feeds/two", [a_study(20), a_study(21)], [], answers_of(70, 1001))
    path = home / "public/releases" / SECOND / "packs/national/records.jsonl"
    kept = path.read_bytes()
    path.write_bytes(kept.replace(b"Another title", b"Yet another one"))
    done = hubpacks(home, "run", "--registry", "registry")
    path.write_bytes(kept)
    assert done.returncode == 2
    assert f"{path.relative_to(home)} is damaged" in done.stderr
    assert SECOND in (home / "public/latest.json").read_text(encoding="utf-8")
