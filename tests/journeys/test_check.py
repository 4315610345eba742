"""``hubpacks check`` as its users run it: real processes, real folders, a real terminal and a real browser."""

from __future__ import annotations

import ctypes
import json
import os
import pty
import re
import subprocess
import sys
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from hubs.contract.findings import CODES
from tests.badfeeds import EVIL, FEEDS, studies, written
from tests.browser import scrolls_sideways, violations
from tests.feeds import a_case_study, a_faq, answers_of, register, write_feed
from tests.intakes import COMMAND

SLOW_TO_IMPORT = {
    *("numpy", "pandas", "pyarrow", "great_expectations", "duckdb", "dagster", "httpx", "tenacity"),
    *("jinja2", "rich", "phonenumbers", "xlsxwriter", "python_calamine", "starlette", "datasketch"),
}


def check(folder: Path, *arguments: str, **options) -> subprocess.CompletedProcess[str]:
    """``hubpacks check`` in ``folder``. It may never end in a traceback."""
    command = [*COMMAND, "check", *arguments]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=120, **options)
    assert "Traceback" not in done.stderr, done.stderr
    return done


def as_anybody() -> None:
    """Give up root's right to read what is closed to it, if it is root who runs the tests."""
    libc, drop, read_and_write, search = ctypes.CDLL(None), 24, 1, 2
    for capability in (read_and_write, search):
        libc.prctl(drop, capability, 0, 0, 0)


# Reports.


def test_the_three_forms_of_a_report_say_the_same(tmp_path) -> None:
    write_feed(tmp_path / "feed", [*studies(3), a_case_study(sectors=["trees"])])
    text, data, page = (check(tmp_path, "feed", "--format", form) for form in ("text", "json", "html"))
    assert [done.returncode for done in (text, data, page)] == [1, 1, 1]
    report = json.loads(data.stdout)
    assert text.stdout.startswith("feed: accepted\n  3 records accepted, 1 quarantined")
    assert (report["outcome"], report["counts"]["accepted"], report["counts"]["quarantined"]) == ("accepted", 3, 1)
    assert report["feed"] == "feed"
    assert len(report["digest"]) == 64
    assert report["digest"] in page.stdout
    for said in (text.stdout, page.stdout):
        assert "unknown_sector" in said
        assert "case_studies/shared-schedule.md" in said


def test_the_digest_is_that_of_the_snapshot_which_a_pull_would_make(tmp_path) -> None:
    register(tmp_path)
    write_feed(tmp_path / "feeds/one", [a_case_study()])
    run = [*COMMAND, "run", "--registry", "registry", "--json"]
    done = subprocess.run(run, cwd=tmp_path, capture_output=True, text=True, check=True, timeout=300)
    (hub,) = json.loads(done.stdout)["hubs"]
    checked = check(tmp_path, "feeds/one", "--mapping", "registry/one.yaml", "--json")
    assert json.loads(checked.stdout)["digest"] == hub["snapshot"]


def test_a_report_goes_to_a_file_but_never_into_the_feed(tmp_path) -> None:
    feed = write_feed(tmp_path / "feed", [a_case_study()])
    before = sorted(feed.rglob("*"))
    done = check(tmp_path, "feed", "--format", "html", "--output", "out/report.html")
    assert (done.returncode, done.stdout) == (0, "feed: accepted; the report is in out/report.html\n")
    assert (tmp_path / "out/report.html").read_text(encoding="utf-8").startswith("<!DOCTYPE html>\n<html lang=")
    for inside in ("feed/report.html", "feed/sub/report.html", "feed"):
        done = check(tmp_path, "feed", "--output", inside)
        assert done.returncode == 2
        assert inside in done.stderr
    assert sorted(feed.rglob("*")) == before


def test_a_feed_that_is_only_looked_at_stays_as_it_is(tmp_path) -> None:
    feed = write_feed(tmp_path / "feed", [a_case_study()], answers=answers_of(2))
    before = {path: (path.stat().st_mtime_ns, path.stat().st_ino) for path in [feed, *feed.rglob("*")]}
    check(tmp_path, "feed")
    assert {path: (path.stat().st_mtime_ns, path.stat().st_ino) for path in [feed, *feed.rglob("*")]} == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["feed"]


def test_a_mapping_is_tried_out_and_each_file_s_fate_is_told(tmp_path) -> None:
    source = {"name": "all", "kind": "case_study", "reader": "markdown", "glob": "*.md"}
    fields = {"title": {"from": "first_heading"}, "summary": {"from": "first_paragraph"}, "id": {"from": "file_name"}}
    skip = [{"glob": "_*", "reason": "Settings of the site."}]
    register(tmp_path, sources=[source | {"fields": fields}], skip=skip, licence="OGL-UK-3.0")
    text = "# Title of {}\n\nA paragraph that is long enough to be telling.\n\n## Context\n\nMore.\n"
    files = {f"s{n}.md": text.format(n) + f"{n}" for n in range(3)}
    written(tmp_path / "feed", files | {"_config.yml": "a: 1", "left.csv": "a,b\n"})
    done = check(tmp_path, "feed", "--mapping", "registry/one.yaml")
    part = done.stdout[done.stdout.index("What each file became:") :]
    assert "  Case studies (3)\n    s0: Title of 0 (s0.md); worked out: " in part
    assert "id from file_name" in part
    assert "  Left out on purpose (1)\n    _config.yml: Settings of the site.\n" in part
    assert "  Nothing came of (1)\n    left.csv: unmapped_file\n" in part


# What cannot be checked.


@pytest.mark.parametrize(
    ("name", "status", "code"),
    [
        ("nowhere", 2, "address_refused"),
        ("below_a_file", 2, "address_refused"),
        ("no_plain_file", 2, "address_refused"),
        ("link_that_goes_round", 2, "address_refused"),
        ("empty_folder", 1, "not_a_feed"),
        ("picture", 1, "not_a_feed"),
        ("page", 1, "not_a_feed"),
        ("workbook_in_name_only", 1, "not_a_feed"),
        ("workbook_with_a_password", 1, "protected_file"),
        ("zip_bomb", 2, "too_large"),
        ("zip_that_claims_gigabytes", 2, "too_large"),
        ("zip_that_leads_out", 2, "unsafe_path"),
        ("zip_with_damage", 2, "not_a_feed"),
        ("link_in_a_folder", 2, "unsafe_path"),
        ("hostile_name", 2, "unsafe_path"),
        ("name_that_is_no_text", 2, "unsafe_path"),
    ],
)
def test_what_is_no_feed_is_named_with_its_mend(tmp_path, name: str, status: int, code: str) -> None:
    done = check(tmp_path, str(FEEDS[name](tmp_path)))
    said = done.stderr if status == 2 else done.stdout
    assert done.returncode == status, done.stdout + done.stderr
    assert code in said
    assert CODES[code].mend in said
    assert bool(done.stderr) == (status == 2)
    assert all(character.isprintable() for character in done.stderr.rstrip("\n"))


def test_an_address_that_is_down_or_no_address_is_named(tmp_path) -> None:
    for address, code in (
        ("http://127.0.0.1:9/feed.zip", "unreachable_feed"),
        ("ftp://hub.example/feed.zip", "address_refused"),
        ("http://[::1", "address_refused"),
    ):
        done = check(tmp_path, address)
        assert (done.returncode, code in done.stderr) == (2, True), done.stderr
    done = check(tmp_path, "http://127.0.0.1:9/feed.zip", "--json")
    assert json.loads(done.stdout)["held_by"] == ["unreachable_feed"]
    assert json.loads(done.stdout)["outcome"] == "refused"


def test_a_folder_that_may_not_be_read_is_named(tmp_path) -> None:
    feed = write_feed(tmp_path / "feed", [a_case_study()])
    feed.chmod(0)
    done = check(tmp_path, "feed", preexec_fn=as_anybody)
    feed.chmod(0o700)
    assert done.returncode == 2
    assert "address_refused" in done.stderr
    assert "Permission denied" in done.stderr


def test_a_question_bank_that_cannot_be_used_is_named(tmp_path) -> None:
    register(tmp_path)
    write_feed(tmp_path / "feed", [a_case_study()], answers=answers_of(2))
    written(tmp_path / "registry/instruments/odd-v1", {"instrument.yaml": "id: [odd"})
    done = check(tmp_path, "feed", "--mapping", "registry/one.yaml")
    assert done.returncode == 2
    assert "a question bank cannot be used: line 2: " in done.stderr


def test_a_hostile_name_of_a_feed_steers_no_terminal(tmp_path) -> None:
    name = EVIL.replace("/", "")
    for made in (False, True):
        if made:
            (tmp_path / name).mkdir()
        done = check(tmp_path, name)
        assert done.returncode == (1 if made else 2)
        assert "override" in done.stdout + done.stderr
        assert all(c.isprintable() for c in (done.stdout + done.stderr).replace("\n", ""))


# Fast.


def test_a_feed_of_documents_needs_none_of_the_large_libraries(tmp_path) -> None:
    write_feed(tmp_path / "feed", [*studies(10), a_case_study(sectors=["trees"])], [a_faq()])
    program = (
        "import sys\nfrom pipelines.cli import main\nsys.argv = ['hubpacks', 'check', *sys.argv[1:]]\n"
        "try:\n    main()\nexcept SystemExit:\n    print(*sorted({name.partition('.')[0] for name in sys.modules}))\n"
    )
    for form in ("text", "json"):
        command = [sys.executable, "-c", program, "feed", "--format", form]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True, timeout=60)
        loaded = set(done.stdout.splitlines()[-1].split())
        assert "hubs" in loaded
        assert loaded & SLOW_TO_IMPORT == set()


def test_no_plugin_that_happens_to_be_installed_has_a_say(tmp_path) -> None:
    """One that is found by its entry point, as pydantic finds those of others."""
    write_feed(tmp_path / "feed", [a_case_study()])
    about = {
        "METADATA": "Metadata-Version: 2.1\nName: meddler\nVersion: 1\n",
        "entry_points.txt": "[pydantic]\nm = m:m\n",
    }
    written(tmp_path / "site/meddler-1.dist-info", about)
    written(tmp_path / "site", {"m.py": "raise SystemExit('meddling')\n"})
    settings = os.environ | {"PYTHONPATH": str(tmp_path / "site")}
    settings.pop("PYDANTIC_DISABLE_PLUGINS", None)  # set here by whoever has imported the command line
    meddled = [sys.executable, "-c", "from pydantic import BaseModel\nclass M(BaseModel): pass"]
    assert subprocess.run(meddled, env=settings, stderr=subprocess.PIPE, check=False).stderr == b"meddling\n"
    done = check(tmp_path, "feed", env=settings)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_bar_is_shown_on_a_terminal_after_a_moment_and_leaves_the_report_alone(tmp_path) -> None:
    write_feed(tmp_path / "long", studies(5_000), answers=answers_of(20))  # takes seconds
    write_feed(tmp_path / "short", [a_case_study()])

    def on_a_terminal(feed: str) -> tuple[str, str]:
        ours, theirs = pty.openpty()
        settings = os.environ | {"TERM": "xterm", "COLUMNS": "100"}
        command = [*COMMAND, "check", feed]
        running = subprocess.Popen(
            command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=theirs, env=settings, text=True
        )
        os.close(theirs)
        seen = b""
        while True:
            try:
                seen += os.read(ours, 65536)
            except OSError:  # how a terminal ends when nobody is left who writes to it
                break
        os.close(ours)
        report, _ = running.communicate(timeout=60)
        return report, seen.decode()

    report, bar = on_a_terminal("long")
    assert re.search(r"\d+ of 5,001 files read|\d+ rows judged", bar), bar
    assert report.startswith("long: accepted")
    assert "\x1b" not in report
    report, bar = on_a_terminal("short")
    assert (report.startswith("short: accepted"), bar) == (True, "")
    assert check(tmp_path, "long").stderr == ""


# The page in a browser.


@pytest.mark.parametrize("name", ["good", "hostile_words", "bad_values", "hopeless"])
def test_the_page_is_accessible_quiet_and_fits(tmp_path, browser: Browser, name: str) -> None:
    check(tmp_path, str(FEEDS[name](tmp_path)), "--format", "html", "--output", str(tmp_path / "report.html"))
    problems: list[str] = []
    page = browser.new_page()
    page.on("console", lambda message: problems.append(message.text))
    page.on("dialog", lambda dialog: problems.append(dialog.message))
    page.on("request", lambda request: problems.extend([request.url] * (not request.url.startswith("file://"))))
    page.goto((tmp_path / "report.html").as_uri())
    for width, scheme in ((1280, "light"), (320, "light"), (1280, "dark")):
        page.set_viewport_size({"width": width, "height": 800})
        page.emulate_media(color_scheme=scheme)
        problems += [f"{width} {scheme} {problem}" for problem in violations(page)]
        if scrolls_sideways(page):
            problems.append(f"scrolls sideways at {width}")
    page.close()
    assert problems == []
