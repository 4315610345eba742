"""``hubpacks gap`` as an organisation runs it: a real command, a release of real feeds, a real browser."""

import json
import os
import re
import signal
import subprocess
import time
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from playwright.sync_api import Browser

from hubs.instruments import instruments
from pipelines.gap import read
from pipelines.releasing import run
from tests import commands
from tests.browser import CONTRAST, markup_problems, scrolls_sideways, violations
from tests.builders import INSTRUMENT
from tests.feeds import NOW, a_case_study, a_faq, a_line, a_signpost, answers_of, register, write_csv, write_feed
from tests.gaps import DESCRIBED, a_record, a_release, a_return, answers, confidential, rows_for
from tests.intakes import COMMAND

OWN = ("level", "target", "distance", "before", "change", "next_step")
PEERS = ("n", "median", "q1", "q3", "share_at_or_above", "share_at_next_step")
"""Numbers of a gap analysis in JSON: of the organisation itself, and of its peers."""
DIMENSIONS = list(instruments()[INSTRUMENT].dimensions)
LEVELS = dict(zip(DIMENSIONS, [1, 2, 0, 3, 5, "na", 4, 2, 1, 2], strict=True))


def gap(folder: Path, *arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
    """``hubpacks gap`` in ``folder``. It may never end in a traceback."""
    done = commands.hubpacks(folder, "gap", *arguments, environment=os.environ | settings)
    assert "Traceback" not in done.stderr, done.stderr
    return done


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a release as it is told with all columns, one of feeds that were run, and two returns."""
    folder = tmp_path_factory.mktemp("organisation")
    hidden = {DIMENSIONS[1]: "sector_size_band"}
    rows = [
        confidential(row["dimension"], row["breakdown"], "total", audience=row["audience"])
        if hidden.get(row["dimension"]) == row["breakdown"]
        else row
        for row in rows_for()
    ]
    records = [a_record(kind, f"vale/{kind}-{n}") for kind in ("case_study", "faq", "requirement") for n in range(4)]
    records.append(
        a_record("signpost", "vale/code", signpost_address="https://www.standards.example/code?part=1&page=2")
    )
    a_release(folder / "told", rows, records)
    for hub in ("one", "two", "three"):
        register(folder, id=hub)
    study = a_case_study(title="Who owns the schedule", sectors=["local_government"])
    write_feed(folder / "feeds/one", [study], [a_faq()], answers_of(25), {"signpost": [a_signpost()]})
    write_feed(folder / "feeds/two", [], [a_faq(id="other")], answers_of(25, first=101))
    write_feed(folder / "feeds/three", [], [a_faq(id="third")], answers_of(25, first=201))
    run(a_line(folder), NOW, lambda _stage, _what: None)
    both = [*answers(LEVELS, people=2), *answers(LEVELS, "procurement_professional")]
    write_csv(folder / "own.csv", both)
    a_return(folder, dict.fromkeys(DIMENSIONS, 1), "old.csv", period="2025-Q4")
    return folder


def test_the_three_forms_say_the_same(folder: Path) -> None:
    done = {form: gap(folder, "own.csv", "--release", "told", "--format", form) for form in ("text", "json", "html")}
    assert [form.returncode for form in done.values()] == [0, 0, 0]
    first, second = json.loads(done["json"].stdout)["assessments"]
    assert (first["audience"], second["audience"]) == ("decision_maker", "procurement_professional")
    plan = [step["dimension"] for step in first["plan"]]
    assert plan[0] == "organisational"  # nearly all peers are at its next step
    assert set(DIMENSIONS) - set(plan) == {"technical", "skills"}  # at the top, and not applicable
    for form in ("text", "html"):
        told = done[form].stdout.replace("&#39;", "'")
        assert "Organisational: from level 0 to 1" in told
        assert "95% or more of your peers (Local government, 50 to 249 staff) are at level 1 or above." in told


def test_a_release_that_the_line_made_is_enough(folder: Path) -> None:
    done = gap(folder, "own.csv", "--before", "old.csv", "--target", "3", "--json")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    governance = told["assessments"][0]["dimensions"][0]
    assert told["release"] == "2026-10-01.01"
    assert (governance["before"], governance["level"], governance["distance"]) == (1, 1, 2)
    assert governance["peers"]["n"] >= 10
    step = next(step for step in told["assessments"][0]["plan"] if step["dimension"] == "governance")
    (study,) = step["helps"]["case_study"]
    assert (folder / "public/releases/2026-10-01.01" / study["address"]).is_file()


def test_all_figures_of_peers_are_those_of_their_row_in_the_release(folder: Path, sample_release: Path) -> None:
    forms = {
        form: gap(folder, "own.csv", "--release", str(sample_release), "--format", form).stdout
        for form in ("json", "text", "html")
    }
    key = ("period", "instrument", "audience", "dimension", "breakdown", *DESCRIBED)
    table = pq.read_table(sample_release / "benchmarks/benchmarks.parquet")
    rows = {tuple(row[name] for name in key): row for row in table.to_pylist()}
    shares: set[float] = {0.05, 0.95}  # how far shares are told
    places = 0
    for found in json.loads(forms["json"])["assessments"]:
        for place in found["dimensions"]:
            peers = place.pop("peers") or {}
            assert {name for name, value in (place | peers).items() if isinstance(value, int | float)} <= {*OWN, *PEERS}
            if peers:
                table_of = (found["compared_with"], found["instrument"], found["audience"], place["dimension"])
                row = rows[*table_of, peers["breakdown"], *(peers.get(name, "all") for name in DESCRIBED)]
                assert {name: peers[name] for name in ("n", "median", "q1", "q3", "status")}.items() <= row.items()
                for name, level in (("share_at_or_above", place["level"]), ("share_at_next_step", place["next_step"])):
                    if level:
                        assert place[name] == row[f"share_ge_{level}"]
                        shares.add(place[name])
                places += 1
    assert places > 10
    told = {f"{100 * share:.0f}" for share in shares if share is not None}
    for form in ("text", "html"):
        assert {*re.findall(r"(\d[\d.]*)%", forms[form].split("</style>")[-1])} <= told


@pytest.mark.parametrize("language", ["en", "cy"])
def test_the_page_is_accessible_and_fits_a_telephone(folder: Path, browser: Browser, language: str) -> None:
    output = folder / f"gap-{language}.html"
    how = ("--release", "told", "--before", "old.csv", "--target", "4", "--format", "html", "--language", language)
    done = gap(folder, "own.csv", *how, "--output", output.name)
    assert done.stdout == f"The gap analysis is in {output.name}\n"
    assert output.stat().st_mode & 0o777 == 0o600
    assert markup_problems([output]) == []
    for width, scheme in ((1280, "light"), (360, "light"), (1280, "dark")):
        page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
        asked = []
        page.on("request", lambda request, asked=asked: asked.append(request.url))
        page.goto(output.as_uri())
        assert violations(page) == []
        assert violations(page, CONTRAST) == []
        assert not scrolls_sideways(page)
        assert asked == [output.as_uri()]
        assert page.locator("script").count() == 0
        page.close()


def test_errors_are_told_as_check_tells_them(folder: Path, tmp_path: Path) -> None:
    path = a_return(tmp_path, {"legal": 2}, level="7")
    done = gap(folder, str(path), "--release", "told")
    assert (done.returncode, done.stdout) == (1, "")
    assert "ERROR level_out_of_range (4 times)" in done.stderr
    done = gap(folder, "own.csv", "--release", "told", "--before", str(path))
    assert done.returncode == 1


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["none.csv"], "none.csv: there is no such file"),
        (["feeds"], "feeds: this is a folder; name a file"),
        (["own.csv", "--release", "nowhere"], "nowhere: there is no such folder or zip"),
        (["own.csv", "--target", "6"], "'6' is no level"),
        (["own.csv", "--before", "own.csv"], "no answers of a period before 2026-Q3"),
        (["own.csv", "--language", "fr"], "choose en or cy"),
        (["own.csv", "--format", "pdf"], "choose text, json or html"),
        (["own.csv", "--sector", "trees"], "--sector trees: choose one of local_government"),
        (["own.csv", "--output", "own.csv"], "would become a part of the return"),
        (["own.csv", "--release", "told", "--output", "told/gap.html"], "would become a part of the release"),
    ],
)
def test_what_is_unusable_is_one_line_and_exit_2(folder: Path, arguments: list[str], complaint: str) -> None:
    done = gap(folder, *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert complaint in done.stderr
    assert len(done.stderr.splitlines()) == 1


def left(folder: Path) -> dict[Path, tuple[int, int]]:
    return {path: (path.stat().st_mtime_ns, path.stat().st_size) for path in folder.rglob("*")}


def scratch() -> set[Path]:
    return set(read.MEMORY.glob("hubpacks-gap-*"))


def test_the_numbers_are_written_nowhere_else(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    (tmp_path / "temporary").mkdir()
    settings = {"HOME": str(tmp_path / "home"), "TMPDIR": str(tmp_path / "temporary")}
    before, others = left(folder), scratch()
    done = gap(folder, "own.csv", "--release", "told", "--before", "old.csv", **settings)
    assert done.returncode == 0, done.stderr
    assert left(folder) == before
    assert scratch() <= others
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


def test_not_even_a_kill_leaves_something(folder: Path) -> None:
    others = scratch()
    process = subprocess.Popen([*COMMAND, "gap", "own.csv", "--release", "told"], cwd=folder, stdout=subprocess.DEVNULL)
    deadline = time.monotonic() + 60
    while scratch() <= others and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.002)
    assert not scratch() <= others, "the judge's folder was never seen"
    process.send_signal(signal.SIGKILL)
    process.wait()
    while not scratch() <= others and time.monotonic() < deadline:
        time.sleep(0.01)
    assert scratch() <= others
