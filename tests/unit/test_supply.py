"""What others have made comes in as it was looked at: with hashes, from no address of its own, with its licence."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pipelines.files import sha256_of
from pipelines.publish.bill import VENDOR, VENDOR_LICENCES

ROOT = Path(__file__).parents[2]
LOCKS = (*sorted(ROOT.glob("*.lock")), *sorted(ROOT.glob(".ci/*/requirements.lock")))
NPM_LOCKS = sorted(ROOT.glob(".ci/*/package-lock.json"))
VENDORED = {
    "govuk-frontend-6.3.0/LICENSE.txt": "c652f35b1f2e5b88eb49f1e8a935eec79b4761a81666ace576e1af723f4a9238",
    "govuk-frontend-6.3.0/govuk-forms.css": "df14d3f5ec796224d3421ad7311e07adc11da322c07df1086a8f341f104e5d9b",
    "govuk-frontend-6.3.0/govuk-frontend.css": "d4b1bf442e0ab63dd6f159bc34730546361b1dab62eda20027bcd7c6f16b38ec",
}
"""What ``pipelines.publish.vendor_govuk`` has made of the npm package. Who takes another version writes its digests."""


def wrong_in_lock(text: str) -> Iterator[str]:
    """What is wrong in a lock of Python, in words."""
    for entry in re.split(r"\n(?=[^ #\n])", re.sub(r"^ *#.*\n", "", text, flags=re.MULTILINE)):
        name = entry.strip().split(" ")[0]
        if not re.match(r"[A-Za-z0-9._-]+(\[[^\]]*\])?==[^ =]+$", name):
            yield f"no exact version: {name}"
        elif not re.search(r"--hash=sha256:[0-9a-f]{64}(\s|$)", entry):
            yield f"no hash: {name}"
    if "://" in text or re.search(r"^--?(index|extra-index|find-links|f\b|i\b)", text, re.MULTILINE):
        yield "an address"


def wrong_in_npm_lock(text: str) -> Iterator[str]:
    """The same of a lock of npm."""
    for path, entry in json.loads(text)["packages"].items():
        if path and not entry.get("integrity", "").startswith("sha512-"):
            yield f"no hash: {path}"
        if "://" in entry.get("resolved", ""):
            yield f"an address: {path}"


@pytest.mark.parametrize("lock", LOCKS, ids=lambda path: path.name)
def test_every_entry_of_a_lock_has_a_version_and_a_hash_and_no_address(lock: Path) -> None:
    text = lock.read_text(encoding="utf-8")
    assert text.count("==") > 5
    assert list(wrong_in_lock(text)) == []


@pytest.mark.parametrize("lock", NPM_LOCKS, ids=lambda path: path.parent.name)
def test_every_entry_of_a_lock_of_npm_has_a_hash_and_no_address(lock: Path) -> None:
    assert list(wrong_in_npm_lock(lock.read_text(encoding="utf-8"))) == []


def test_a_lock_that_is_none_is_told() -> None:
    good = f"one==1.0 \\\n    --hash=sha256:{'0' * 64}\n    # via two\n"
    assert list(wrong_in_lock(good)) == []
    assert list(wrong_in_lock("one==1.0\n")) == ["no hash: one==1.0"]
    assert list(wrong_in_lock(good.replace("==", ">="))) == ["no exact version: one>=1.0"]
    assert (
        list(wrong_in_lock(f"{good}two @ https://example.org/two.whl --hash=sha256:{'0' * 64}\n"))[-1] == "an address"
    )
    npm = {"packages": {"": {}, "one": {"resolved": "https://example.org/one.tgz"}}}
    assert list(wrong_in_npm_lock(json.dumps(npm))) == ["no hash: one", "an address: one"]


def test_files_of_others_are_as_they_were_taken_and_have_their_licence() -> None:
    found = {path.relative_to(VENDOR).as_posix(): sha256_of(path) for path in VENDOR.rglob("*") if path.is_file()}
    assert found == VENDORED
    for folder in VENDOR.iterdir():
        assert folder.name.rpartition("-")[0] in VENDOR_LICENCES
        assert "Permission is hereby granted" in (folder / "LICENSE.txt").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("told", "status", "says"),
    [
        ([{"name": "one", "version": "1", "vulns": []}], 0, ""),
        (
            [{"name": "one", "version": "1", "vulns": [{"id": "X-1", "fix_versions": ["2"]}]}],
            1,
            "one 1 X-1 mended in 2",
        ),
        ([{"name": "one", "skip_reason": "not found"}], 2, "1 of 1 packages could not be asked about, as one"),
        ([], 2, ""),
        (None, 2, ""),
    ],
)
def test_an_audit_that_could_not_ask_is_no_good_news(told: Any, status: int, says: str, tmp_path: Path) -> None:
    if told is not None:
        (tmp_path / "told.json").write_text(json.dumps({"dependencies": told}))
    command = [sys.executable, ROOT / ".ci" / "audited.py", tmp_path / "told.json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, says in done.stdout + done.stderr) == (status, True)
