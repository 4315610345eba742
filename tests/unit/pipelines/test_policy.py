"""The disclosure policy may be made stricter, never looser."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
import yaml

from hubs.contract.groups import BREAKDOWNS
from pipelines.policy import FILE, Policy, UnusablePolicy, read_policy, rows_that_break


def a_file(folder: Path, **changes: Any) -> Path:
    path = folder / "policy.yaml"
    path.write_text(yaml.safe_dump(yaml.safe_load(FILE.read_text(encoding="utf-8")) | changes), encoding="utf-8")
    return path


def test_the_file_that_ships_holds_the_defaults() -> None:
    assert read_policy() == Policy()
    assert (Policy().threshold, Policy().base, Policy().median_gate, Policy().quartile_gate) == (10, 5, 20, 40)
    assert Policy().breakdowns == tuple(BREAKDOWNS)


def test_stricter_is_allowed_and_breakdowns_keep_the_order_of_the_cube(tmp_path: Path) -> None:
    policy = read_policy(a_file(tmp_path, threshold=20, base=10, breakdowns=["region", "total"]))
    assert (policy.threshold, policy.base, policy.breakdowns) == (20, 10, ("total", "region"))


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"threshold": 5}, "threshold"),
        ({"base": 1}, "base"),
        ({"median_gate": 10}, "median_gate"),
        ({"quartile_gate": 20}, "quartile_gate"),
        ({"reliable_gate": 20}, "reliable_gate"),
        ({"reliable_gate": 42}, "reliable_gate must be a multiple of base"),
        ({"spread": 1}, "spread"),
        ({"share_cap": 0.01}, "share_cap"),
        ({"limits_confidence": 0.9}, "limits_confidence"),
        ({"comparison_confidence": 0.95}, "comparison_confidence"),
        ({"threshold": 12}, "threshold must be a multiple of base"),
        ({"threshold": 15}, "threshold must be at most twice base"),
        ({"threshold": 50, "base": 25, "median_gate": 25, "quartile_gate": 50, "reliable_gate": 50}, "must not fall"),
        ({"breakdowns": ["total", "postcode"]}, "not in the cube: postcode"),
        ({"breakdowns": ["sector"]}, "must have total"),
        ({"exceptions": True}, "exceptions"),
    ],
)
def test_looser_or_unknown_is_refused_by_name(changes: dict[str, Any], named: str, tmp_path: Path) -> None:
    with pytest.raises(UnusablePolicy, match=named):
        read_policy(a_file(tmp_path, **changes))


def test_a_file_that_is_not_yaml_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "policy.yaml"
    path.write_text("threshold: [", encoding="utf-8")
    with pytest.raises(UnusablePolicy, match="cannot be read"):
        read_policy(path)
    with pytest.raises(UnusablePolicy, match="cannot be read"):
        read_policy(tmp_path / "none.yaml")


@pytest.mark.parametrize(
    ("told", "is_broken"),
    [
        ({"n": 20, "median": 2, "median_low": 1, "median_high": 3}, False),
        ({"n": 40, "median": 2, "median_low": 1, "median_high": 3, "q1": 1, "q3": 3}, False),
        ({"n": None}, False),
        ({"n": 5}, True),
        ({"n": 12}, True),
        ({"n": 15, "median": 2}, True),
        ({"n": 15, "median_low": 1}, True),
        ({"n": 15, "median_high": 3}, True),
        ({"n": 35, "q3": 3}, True),
        ({"n": None, "median_low": 1}, True),
    ],
)
def test_a_table_that_tells_too_much_is_held_to_account(told: dict[str, Any], is_broken: bool) -> None:
    row = dict.fromkeys(("n", "median", "median_low", "median_high", "q1", "q3")) | told
    assert bool(rows_that_break(Policy(), pa.Table.from_pylist([row]))) == is_broken
