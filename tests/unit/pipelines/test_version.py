"""A change of whatever decides what a release says is a change of code."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from pipelines import version

ROOMS = ("hubs", "pipelines", "templates")


def digest() -> str:
    return version.digest_of.__wrapped__(*ROOMS)  # not the one that this process has found before


def test_a_file_of_each_kind_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also catalogues of texts, introductions and plain texts: what is taken over from the release before is alike only
    when they are.
    """
    left_out = shutil.ignore_patterns("__pycache__", ".*", *version._DATA)
    for room in ROOMS:
        shutil.copytree(version.ROOT / room, tmp_path / room, ignore=left_out)
    monkeypatch.setattr(version, "ROOT", tmp_path)
    kinds = {path.suffix: path for path in sorted(tmp_path.rglob("*")) if path.is_file()}
    assert {".py", ".po", ".pot", ".md", ".txt"} <= kinds.keys()
    before, unseen = digest(), []
    for kind, path in kinds.items():
        data = path.read_bytes()
        path.write_bytes(data + b"\n")
        if digest() == before:
            unseen.append(kind)
        path.write_bytes(data)
    assert unseen == []
    assert digest() == before
