"""The threat model is true: what it names is there, and what it says of the whole code holds."""

from __future__ import annotations

import ast
import os
import re
from pathlib import Path

import pytest

from pipelines.inbox import Inbox
from pipelines.store import Store

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "threat-model.md"
TEXT = PAGE.read_text(encoding="utf-8")
ROOMS = "tests|pipelines|hubs|assets|templates|docs|\\.ci"
PATHS = sorted(set(re.findall(rf"`((?:{ROOMS})/[^`\s]*|Makefile|[a-z-]+\.lock)`", TEXT)))
ADRS = re.findall(r"\[ADR (\d+)\]\((adr/(\d{4})-[^)]+)\)", TEXT)


@pytest.mark.parametrize("named", PATHS)
def test_every_place_and_test_it_names_exists(named: str) -> None:
    path, _, test = named.partition("::")
    assert (ROOT / path).exists()
    if test:
        tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
        functions = {one.name for one in ast.walk(tree) if isinstance(one, ast.FunctionDef)}
        assert test in functions


def test_every_decision_it_names_exists_under_its_number() -> None:
    assert len(ADRS) > 5
    for number, path, padded in ADRS:
        assert (int(number), (PAGE.parent / path).is_file()) == (int(padded), True), path


def test_every_row_says_what_stops_it_and_where() -> None:
    rows = [line.split("|")[1:-1] for line in TEXT.splitlines() if line.startswith("| ") and line.count("|") == 4]
    threats = [row for row in rows if row[2].strip() != "shown by"]
    assert len(threats) > 25
    for _, stops, shown in threats:
        assert stops.strip()
        assert "::test_" in shown or shown.strip() == "–" or "tests/" in shown


@pytest.mark.parametrize("mask", [0o000, 0o022, 0o077])
def test_the_store_is_for_its_owner_alone_whatever_the_mask(mask: int, tmp_path: Path) -> None:
    before = os.umask(mask)
    try:
        with Store(tmp_path / "store").locked("run"):
            pass
        with Inbox(tmp_path / "store2" / "inbox").staging():
            pass
    finally:
        os.umask(before)
    for folder in ("store", "store2/inbox"):
        assert (tmp_path / folder).stat().st_mode & 0o777 == 0o700


def wrong_calls(source: str) -> list[str]:
    """Calls that run what they are given, and imports of what makes objects out of bytes."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found += [one.name for one in node.names if one.name in {"pickle", "marshal", "shelve", "dill"}]
        elif isinstance(node, ast.ImportFrom):
            found += [node.module] if node.module in {"pickle", "marshal", "shelve", "dill"} else []
        elif isinstance(node, ast.Call):
            name = ast.unparse(node.func)
            if name in {"eval", "exec", "os.system", "os.popen", "yaml.unsafe_load", "yaml.full_load"}:
                found.append(name)
            values = {keyword.arg: ast.unparse(keyword.value) for keyword in node.keywords}
            if values.get("shell", "False") != "False":
                found.append(f"{name}(shell)")
            if values.get("allow_pickle", "False") != "False":
                found.append(f"{name}(allow_pickle)")
    return found


def test_nothing_is_unpickled_evaluated_or_given_to_a_shell() -> None:
    files = [path for room in ("hubs", "pipelines", "assets") for path in (ROOT / room).rglob("*.py")]
    assert len(files) > 200
    assert {path.name: wrong for path in files if (wrong := wrong_calls(path.read_text(encoding="utf-8")))} == {}


def test_what_would_run_is_seen() -> None:
    source = (
        "import pickle\nfrom marshal import loads\neval('1')\nsubprocess.run('ls', shell=True)\nrun('ls', shell=False)"
    )
    assert wrong_calls(source) == ["pickle", "marshal", "eval", "subprocess.run(shell)"]
