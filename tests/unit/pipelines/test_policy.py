"""The disclosure policy may be made stricter, never looser."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from pipelines.policy import BREAKDOWNS, FILE, Policy, UnusablePolicy, read_policy


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
