"""The bill of materials tells what a release was made with: all of it, nothing else, and the same every time."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest

from pipelines import line, made_with
from pipelines.files import sha256_of
from pipelines.publish import bill as bills
from pipelines.publish.bill import BILL, MEDIA_TYPE, VENDOR, bill, wrong_bill
from pipelines.publish.verification import verify_release
from tests.feeds import a_line

ROOT = Path(__file__).parents[4]
CODE = "0.1.0+0123456789abcdef"
BUILD_ONLY = {"editables", "hatchling", "pathspec", "pluggy", "trove-classifiers"}


def told() -> Any:
    return json.loads(bill(CODE))


def test_every_distribution_of_the_lock_is_in_it_and_no_other() -> None:
    lock = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    locked = dict(re.findall(r"^([a-z0-9-]+)(?:\[[^\]]*\])?==([^ \\\n]+)", lock, re.MULTILINE))
    found = {one["name"]: one["version"] for one in told()["components"] if one["purl"].startswith("pkg:pypi/")}
    assert found == {name: number for name, number in locked.items() if name not in BUILD_ONLY}
    # Test tools and other engines are installed here, and are not in it.
    assert version("pytest")
    assert version("duckdb")
    assert not {"pytest", "duckdb", "pyspark"} & found.keys()


def test_it_names_the_code_that_made_the_release_and_all_licences() -> None:
    product = told()["metadata"]["component"]
    assert (product["name"], product["version"], product["purl"]) == (
        "hubpacks",
        CODE,
        f"pkg:generic/hubpacks@{CODE.replace('+', '%2B')}",
    )
    assert {one["name"] for one in told()["components"] if not one.get("licenses")} == set()
    licences = {one["name"]: one["licenses"] for one in told()["components"]}
    assert licences["numpy"][0]["expression"].startswith("BSD-3-Clause AND ")
    assert licences["certifi"] == [{"license": {"acknowledgement": "declared", "id": "MPL-2.0"}}]


def test_files_of_others_are_in_it_with_their_digests() -> None:
    [vendored] = [one for one in told()["components"] if one["purl"].startswith("pkg:npm/")]
    assert vendored["purl"] == "pkg:npm/govuk-frontend@6.3.0"
    digests = {one["name"]: one["hashes"][0]["content"] for one in vendored["components"]}
    assert digests == {path.name: sha256_of(path) for path in (VENDOR / "govuk-frontend-6.3.0").iterdir()}


def test_it_is_the_same_every_time_and_tells_no_time(monkeypatch: pytest.MonkeyPatch) -> None:
    first = bill(CODE)
    monkeypatch.setattr(bills, "made_with", lambda: dict(reversed(made_with.made_with().items())))
    assert bill(CODE) == first
    assert b"timestamp" not in first
    assert bill("0.2.0+0123456789abcdef") != first


def test_another_version_of_what_it_needs_is_a_reason_for_another_release(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "registry").mkdir()
    opened = a_line(tmp_path)
    before = line.build_key(opened)
    assert line.build_key(opened) == before
    known = made_with.versions()
    monkeypatch.setattr(made_with, "versions", lambda: {**known, "typst": "0.16.0"})
    assert line.build_key(opened) != before


def changed(change: Callable[[Any], object]) -> Callable[[Path], object]:
    def apply(path: Path) -> None:
        content = json.loads(path.read_bytes())
        change(content)
        path.write_text(json.dumps(content))

    return apply


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        (lambda path: path.write_text("{"), "cannot be checked"),
        (lambda path: path.write_text("[]"), "cannot be checked"),
        (changed(lambda told: told.update(specVersion="1.5")), "is no CycloneDX 1.6"),
        (changed(lambda told: told["metadata"]["component"].update(version="0.1.0+other")), "0.1.0+other, and the"),
        (changed(lambda told: told["components"][0].update(version="0")), "serial number"),
        (changed(lambda told: told["components"].pop(0)), "alembic: alembic is needed, and not told"),
        (changed(lambda told: told["dependencies"].clear()), "alembic is needed by nothing"),
    ],
)
def test_verification_reads_it(damage: Callable[[Path], object], says: str, tmp_path: Path) -> None:
    (tmp_path / BILL).write_bytes(bill(CODE))
    (tmp_path / "release.json").write_text(json.dumps({"code_version": CODE}))
    assert wrong_bill(tmp_path) == []
    damage(tmp_path / BILL)
    assert says.replace("alembic: ", "") in "\n".join(wrong_bill(tmp_path))


def test_a_release_has_it_and_says_what_it_is(sample_release: Path) -> None:
    [listed] = [
        one for one in json.loads((sample_release / "release.json").read_bytes())["files"] if one["path"] == BILL
    ]
    assert listed["media_type"] == MEDIA_TYPE
    assert wrong_bill(sample_release) == []


def test_a_release_of_before_there_were_any_is_none_the_worse(tmp_path: Path) -> None:
    assert wrong_bill(tmp_path) == []
    assert not any(BILL in problem for problem in verify_release(tmp_path))
