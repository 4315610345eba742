"""Figures that scripts read: the JSON files once more, and a proof that they are."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.publish.scripts import FIGURES, as_script, handed_over, wrong_scripts

DATA = st.recursive(st.none() | st.booleans() | st.integers() | st.text(), st.lists)


@given(name=st.text(), data=DATA)
def test_a_script_hands_over_what_it_was_given(name: str, data: Any) -> None:
    assert handed_over(as_script(name, data)) == (name, data)


@pytest.mark.parametrize("text", ["</script>", "it's", "\\", "\\'", "\u2028 \u2029", '"', "\n"])
def test_signs_of_javascript_stay_inside_their_string(text: str) -> None:
    script = as_script("name", [text]).decode()
    assert not {"\u2028", "\u2029", "\n"} & {*script.rstrip("\n")}
    assert handed_over(script.encode()) == ("name", [text])


@pytest.mark.parametrize("script", [b"", b"alert(1)", b"hubpacks.take(1", as_script("a", 1) + b"alert(1)"])
def test_what_is_no_such_script_is_told(script: bytes) -> None:
    with pytest.raises(ValueError, match="hands over"):
        handed_over(script)


def rows_of_groups(wave: dict[str, Any], further: str) -> list[dict[str, Any]]:
    """The rows of a further table of a wave with what says which group they are of."""
    keys = ("period", "instrument", "audience")
    rows = [dict(zip(wave["columns"], row, strict=True)) for row in wave["rows"]]
    found = []
    for values in wave[further]["rows"]:
        own = dict(zip(wave[further]["columns"], values, strict=True))
        group = rows[own.pop("of")]
        names = ("dimension", "breakdown", "sector", "organisation_type", "size_band", "region")
        found.append({name: wave[name] for name in keys} | {name: group[name] for name in names} | own)
    return found


def test_figures_are_those_of_the_tables(sample_release: Path, tmp_path: Path) -> None:
    assert list(wrong_scripts(sample_release)) == []
    shutil.copytree(sample_release / "benchmarks", tmp_path / "benchmarks")
    first, second, *_ = sorted((tmp_path / FIGURES).iterdir())
    name, data = handed_over(first.read_bytes())
    table = json.loads((tmp_path / "benchmarks/benchmarks.json").read_text())
    assert sum(len(handed_over(p.read_bytes())[1]["rows"]) for p in (tmp_path / FIGURES).iterdir()) == len(
        table["rows"]
    )
    for further in ("distributions", "trends"):
        told = json.loads((tmp_path / f"benchmarks/{further}.json").read_text())["rows"]
        given = [handed_over(path.read_bytes())[1] for path in sorted((tmp_path / FIGURES).iterdir())]
        found = [row for wave in given for row in rows_of_groups(wave, further)]
        assert sorted(found, key=str) == sorted(({name: row[name] for name in found[0]} for row in told), key=str)
    data["distributions"]["rows"][0][-2] = 0.33
    first.write_bytes(as_script(name, data))
    second.rename(second.with_name("other.js"))
    assert list(wrong_scripts(tmp_path)) == sorted(
        [
            f"{FIGURES}/{first.name}: its figures are not those of the tables",
            f"{FIGURES}/{second.name}: missing",
            f"{FIGURES}/other.js: of no wave that is published",
        ]
    )
