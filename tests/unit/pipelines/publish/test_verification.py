"""A release is refused when anything in it is wrong; and also when what was right in the one before it is taken as
right.
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from pipelines.crew import Crew
from pipelines.files import sha256_of
from pipelines.publish import figures
from pipelines.publish.bill import BILL
from pipelines.publish.earlier import Earlier
from pipelines.publish.release import build_release
from pipelines.publish.signed import SUMS, sign_release
from pipelines.publish.tables import write_tables
from pipelines.publish.verification import verify_release, wrong_files
from tests.builders import KEY, a_benchmark_table, an_edition, benchmark_rows, reseal

FIRST, SECOND = "2026-11-16.01", "2026-11-23.01"
SCRIPT = "benchmarks/figures/interop-baseline-v1.decision_maker.2026-Q3.js"
PAGE = "en/benchmarks/interop-baseline-v1-decision-maker.html"


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("built") / "release"
    build_release(an_edition(benchmarks=a_benchmark_table(benchmark_rows())), folder)
    return folder


@pytest.fixture
def folder(built: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(built, tmp_path / "release"))


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
    folder = tmp_path / "release"
    build_release(an_edition(benchmarks=a_benchmark_table(benchmark_rows(n=43))), folder)
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
    folder: Path, name: str, old: bytes, new: bytes, problem: str
) -> None:
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


# What was right in the release before.


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of two releases that say the same, the second verified already."""
    root = tmp_path_factory.mktemp("both")
    build_release(an_edition(id=FIRST), root / FIRST)
    sign_release(root / FIRST, KEY)
    build_release(an_edition(id=SECOND, previous=FIRST), root / SECOND, previous=root / FIRST)
    sign_release(root / SECOND, KEY)
    assert verify_release(root / SECOND) == []
    return root


@pytest.fixture
def releases(both: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(both, tmp_path / "both"))


def made(folder: Path, before: Path | None) -> set[str]:
    """The names of the checks that are made, also of pages that are taken apart."""
    names: set[str] = set()

    class Watching(Crew):
        def share(self, work: Callable[[Any], Any], items: Iterable[Any]) -> list[Any]:
            items = [*items]
            for check in items:
                told = [getattr(check, "func", None), *getattr(check, "args", ())]
                names.update(one.__name__ for one in told if callable(one))
            return super().share(work, items)

    class Watched(figures.Page):
        def __init__(self, html: str) -> None:
            names.add("Page")
            super().__init__(html)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(figures, "Page", Watched)
        assert verify_release(folder, before, Watching()) == []
    return names


def test_what_was_right_in_the_release_before_is_not_checked_again(both: Path) -> None:
    every = made(both / SECOND, None)
    again = made(both / SECOND, both / FIRST)
    assert every - again == {"wrong_forms", "wrong_scripts", "_unsafe_counts", "Page"}
    assert again < every


def replaced(folder: Path, name: str, pattern: bytes, new: bytes) -> None:
    path = folder / name
    data, n = re.subn(pattern, new, path.read_bytes(), count=1, flags=re.DOTALL)
    assert n == 1
    path.write_bytes(data)
    reseal(folder, name)


FAULTS = {
    "CSV": ("benchmarks/benchmarks.csv", rb",45,", b",40,", r"benchmarks.csv row \d+: not as in"),
    "JSON Lines": ("benchmarks/trends.jsonl", rb'"n":45', b'"n":50', "trends.jsonl row"),
    "ODS": ("benchmarks/trends.ods", rb"PK", b"PX", "trends.ods cannot be read"),
    "JSON": ("benchmarks/benchmarks.json", rb'"n": 45', b'"n": 40', "benchmarks.json row"),
    "JSON in another object": ("benchmarks/benchmarks.json", rb"\{", b'{"x": {', "the figures cannot be checked"),
    "a script": (SCRIPT, rb",45,", b",40,", f"{SCRIPT}: its figures are not those"),
    "a count": ("benchmarks/benchmarks.csv", rb",45,", b",43,", "a count of 43"),
    "levels": ("benchmarks/distributions.csv", rb",25,0\.556,", b",20,0.556,", "do not add up"),
    "a page": (PAGE, rb'(<tr data-dimension="legal">.*?)>45<', rb"\1>43<", "n of .* is 45, and 43 is shown"),
    "a page, behind a day": (PAGE, rb">45<", b">45 on 3 May 2026, 43 since<", "and 45 43 is shown"),
    "a page that names no figure": (PAGE, rb"(</tr>)", rb"<td>7</td>\1", "7 stands there"),
}
"""A file, what in it is replaced by what, and what verification then says."""


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_in_a_file_that_has_changed_is_found(releases: Path, fault: str) -> None:
    *what, told = FAULTS[fault]
    replaced(releases / SECOND, *what)
    assert wrong_files(releases / SECOND) == []
    found = verify_release(releases / SECOND, releases / FIRST)
    assert any(re.search(told, problem) for problem in found), found


def test_a_script_that_is_gone_is_found(releases: Path) -> None:
    (releases / SECOND / SCRIPT).unlink()
    found = verify_release(releases / SECOND, releases / FIRST)
    assert {f"missing: {SCRIPT}", f"{SCRIPT}: missing"} <= {*found}


@pytest.mark.parametrize("name", ["benchmarks/trends.xlsx", "benchmarks/trends.parquet", SCRIPT, "assets/site.js"])
def test_a_damaged_file_that_should_be_as_before_is_found_by_its_checksum(releases: Path, name: str) -> None:
    path = releases / SECOND / name
    assert sha256_of(path) == sha256_of(releases / FIRST / name)
    data = path.read_bytes()
    path.write_bytes(data[:-9] + bytes([data[-9] ^ 1]) + data[-8:])
    assert f"changed: {name}" in verify_release(releases / SECOND, releases / FIRST)


def test_pages_are_read_when_the_tables_have_changed(releases: Path) -> None:
    """All forms agree, and pages are as they were."""
    folder = releases / SECOND
    data = json.loads((folder / "benchmarks/benchmarks.json").read_bytes())
    row = next(row for row in data["rows"] if row["n"] == 45 and row["dimension"] == "legal")
    row["median"] += 1
    (folder / "benchmarks/benchmarks.json").write_text(json.dumps(data))
    write_tables(folder / "benchmarks")
    reseal(folder, *(f"benchmarks/{path.name}" for path in (folder / "benchmarks").iterdir() if path.is_file()))
    assert any(problem.startswith(PAGE) for problem in verify_release(folder, releases / FIRST))


def test_pages_are_read_when_something_else_was_told_before(releases: Path) -> None:
    path = releases / SECOND / "changes.json"
    earlier = Earlier(releases / FIRST, (releases / FIRST / BILL).read_bytes())
    assert figures.has_same_figures(releases / SECOND, earlier)
    changes = json.loads(path.read_bytes())
    wave = {"period": "2026-Q3", "instrument": "interop-baseline-v1", "audience": "decision_maker"}
    cell = {"dimension": "legal", "figures": {"n": {"before": 40, "after": 45}}}
    changes["benchmarks"]["groups"] = [wave | {"cells": [cell]}]
    path.write_text(json.dumps(changes))
    assert not figures.has_same_figures(releases / SECOND, earlier)


def with_another_bill(first: Path) -> None:
    (first / BILL).write_bytes((first / BILL).read_bytes() + b"\n")
    reseal(first, BILL)


def with_another_bill_than_was_signed(first: Path) -> None:
    """As the other code would be hidden that made it."""
    now = (first / BILL).read_bytes()
    with_another_bill(first)
    (first / BILL).write_bytes(now)


def with_sums_of_nobody(first: Path) -> None:
    sums = (first / SUMS).read_text()
    (first / SUMS).write_text(sums.replace("0", "1", 1))


def with_another_key(first: Path) -> None:
    sign_release(first, Ed25519PrivateKey.generate())


def without_signatures(first: Path) -> None:
    (first / f"{SUMS}.sig").unlink()


@pytest.mark.parametrize(
    "change",
    [
        with_another_bill,
        with_another_bill_than_was_signed,
        with_sums_of_nobody,
        with_another_key,
        without_signatures,
        shutil.rmtree,
    ],
)
def test_a_release_that_cannot_be_relied_on_makes_nothing_right(
    releases: Path, change: Callable[[Path], object]
) -> None:
    change(releases / FIRST)
    assert "wrong_forms" in made(releases / SECOND, releases / FIRST)


def test_a_fault_that_was_put_into_both_releases_is_found(releases: Path) -> None:
    """With checksums that fit, and signatures that the earlier one had before."""
    name = "benchmarks/trends.xlsx"
    for folder in (releases / FIRST, releases / SECOND):
        before = sha256_of(folder / name)
        shutil.copy(folder / "benchmarks/benchmarks.xlsx", folder / name)
        (folder / SUMS).write_text((folder / SUMS).read_text().replace(before, sha256_of(folder / name)))
    reseal(releases / SECOND, name)
    found = verify_release(releases / SECOND, releases / FIRST)
    assert [problem for problem in found if problem.startswith("trends.xlsx row 1: not as in")]


@pytest.mark.parametrize("name", ["pack.ods", "pack.xlsx", "pack.pdf", "records.csv", "records.csv-metadata.json"])
def test_what_somebody_has_put_into_the_release_before_is_not_taken_over(once_more: Path, name: str) -> None:
    assert PLANTED not in (once_more / "packs/national" / name).read_bytes()


PLANTED = b"planted by nobody we know"


@pytest.fixture(scope="module")
def once_more(both: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The second release, built after somebody has changed files of a pack in the first, with checksums that fit."""
    root = tmp_path_factory.mktemp("once-more")
    first = root / FIRST
    shutil.copytree(both / FIRST, first)
    for path in (first / "packs/national").iterdir():
        if path.name not in ("pack.json", "records.jsonl"):  # in which changes are looked for
            before = sha256_of(path)
            path.write_bytes(path.read_bytes() + PLANTED)
            (first / SUMS).write_text((first / SUMS).read_text().replace(before, sha256_of(path)))
    build_release(an_edition(id=SECOND, previous=FIRST), root / SECOND, previous=first)
    return root / SECOND


def test_a_page_is_held_against_none_that_is_damaged(releases: Path) -> None:
    replaced(releases / SECOND, PAGE, rb">45<", b">43<")
    page = releases / FIRST / PAGE
    page.write_bytes(page.read_bytes().replace(b">45<", b">43<", 1))
    found = verify_release(releases / SECOND, releases / FIRST)
    assert any(problem.startswith(PAGE) for problem in found)


def test_processes_can_share_the_checks(releases: Path) -> None:
    replaced(releases / SECOND, "benchmarks/benchmarks.csv", rb",45,", b",43,")
    replaced(releases / SECOND, PAGE, rb">45<", b">43<")
    alone = verify_release(releases / SECOND, releases / FIRST)
    assert len(alone) > 2
    with Crew(2) as crew:
        assert sorted(verify_release(releases / SECOND, releases / FIRST, crew)) == sorted(alone)
