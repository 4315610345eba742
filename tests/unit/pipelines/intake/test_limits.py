"""Limits are read from the environment and the file, and named when they cannot be."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipelines.intake.limits import Limits, read_limits
from pipelines.intake.problems import REFUSALS
from pipelines.settings import UnusableSettings, setting

ROOT = Path(__file__).parents[4]


def test_the_environment_wins_over_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert read_limits() == Limits()
    text = 'store = "s"\n[intake]\nupload_bytes = 5\njudges = 2\nhosts = ["Intake.Example"]\n'
    Path("hubpacks.toml").write_text(text, encoding="utf-8")
    monkeypatch.setenv("HUBPACKS_INTAKE_JUDGES", "3")
    limits = read_limits()
    assert (limits.upload_bytes, limits.judges) == (5, 3)
    assert {"intake.example", "localhost"} <= limits.allowed_hosts
    monkeypatch.setenv("HUBPACKS_INTAKE_HOSTS", "a.example, b.example")
    assert {"a.example", "b.example"} <= read_limits().allowed_hosts
    assert setting("store") == Path("s")


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("[intake]\njudges = 0", "judges"),
        ("[intake]\ncolour = 1", "colour"),
        ("intake = 3", "intake"),
        ('[intake]\nsite = "ftp://x/"', "site"),
        ("[outake]\nx = 1", "outake"),
    ],
)
def test_a_setting_that_cannot_be_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, named: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("hubpacks.toml").write_text(text, encoding="utf-8")
    with pytest.raises(UnusableSettings, match=named):
        read_limits()


def test_every_limit_is_in_the_guide_for_operators() -> None:
    text = (ROOT / "docs" / "operators.md").read_text(encoding="utf-8")
    for name, field in Limits.model_fields.items():
        assert f"| `{name}` |" in text
        assert (field.description or "") in text


def test_every_refusal_is_in_the_guide_for_hubs() -> None:
    text = (ROOT / "docs" / "hubs.md").read_text(encoding="utf-8")
    assert [code for code in REFUSALS if f"`{code}`" not in text] == []
