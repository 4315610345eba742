"""What the bench of ``hubpacks check`` compares is the same work, and it says so when it is not."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from hubs.instruments import instruments
from tests.bench import checking
from tests.bench.generator import Work, write_feeds
from tests.bench.measure import ROOT, Run
from tests.judges.apart import PYTHON


def printed(*command: str | Path) -> dict[str, Any]:
    done = subprocess.run([*map(str, command)], capture_output=True, text=True, check=True, cwd=ROOT)
    return json.loads(done.stdout.splitlines()[-1])


def as_runs(results: dict[str, dict[str, Any]]) -> dict[str, Run]:
    return {label: Run(label, 1, 1, 1, result) for label, result in results.items()}


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    """What the product and frictionless print about the same 3,000 answers, of which 30 were made bad."""
    folder = tmp_path_factory.mktemp("bench")
    instrument = instruments()[checking.INSTRUMENT]
    [feed] = write_feeds(folder / "feeds", Work(3_000, 1, bad=0.01), instrument)
    schema = folder / "schema.json"
    schema.write_text(json.dumps(checking.schema_of(instrument)), encoding="utf-8")
    assert PYTHON.exists(), f"{PYTHON} is missing: run 'make build/judges/.made', as 'make test' does"
    return {
        "hubpacks check": printed(sys.executable, "-m", "tests.bench.check", feed),
        "frictionless": printed(PYTHON, "tests/bench/check_peer.py", feed / "answers.csv", schema),
    }


def test_frictionless_finds_the_same_rows_bad_by_the_same_rules(results: dict[str, dict[str, Any]]) -> None:
    checking.check_agreement(as_runs(results))
    assert results["frictionless"]["rows"] == 3_000
    assert results["hubpacks check"]["by"].keys() == {*checking.FIELDS, "duplicate_answer"}


@pytest.mark.parametrize(
    ("label", "one"),
    [
        *(("hubpacks check", one) for one in ("accepted", "quarantined", "duplicate_answer", "level_out_of_range")),
        *(("frictionless", one) for one in ("rows", "bad", "primary-key", "level")),
    ],
)
def test_one_row_less_on_either_side_is_noticed(results: dict[str, dict[str, Any]], label: str, one: str) -> None:
    damaged = json.loads(json.dumps(results))
    [told] = [part for part in (damaged[label], damaged[label]["by"]) if one in part]
    told[one] -= 1
    with pytest.raises(AssertionError):
        checking.check_agreement(as_runs(damaged))
