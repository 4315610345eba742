"""A store's layout: numbered, refused when it is later, brought up step by step when it is older."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pipelines import layout
from pipelines.files import write_json
from pipelines.layout import FORMAT, UNFINISHED, UnusableLayout, begin, bring_up, layout_of
from pipelines.store import Store


def test_a_new_store_has_todays_layout(tmp_path: Path) -> None:
    assert layout_of(tmp_path / "store") is None
    assert bring_up(tmp_path / "store") == []
    assert not (tmp_path / "store").exists(), "looking at it makes none"
    with Store(tmp_path / "store").locked("run"):
        pass
    assert layout_of(tmp_path / "store") == len(layout.STEPS)


def test_a_later_layout_is_refused(tmp_path: Path) -> None:
    write_json(tmp_path / FORMAT, {"layout": len(layout.STEPS) + 1})
    with pytest.raises(UnusableLayout, match="use the one that wrote it, or a later one; or restore a copy"):
        bring_up(tmp_path)
    assert json.loads((tmp_path / FORMAT).read_text()) == {"layout": len(layout.STEPS) + 1}


@pytest.mark.parametrize("text", ["[]", '{"layout": "1"}', "{}"])
def test_a_damaged_number_is_named(tmp_path: Path, text: str) -> None:
    (tmp_path / FORMAT).write_text(text)
    with pytest.raises(UnusableLayout, match=r"format\.json is damaged: restore it from a copy"):
        bring_up(tmp_path)


def test_a_folder_that_is_being_restored_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / UNFINISHED).touch()
    with pytest.raises(UnusableLayout, match="run hubpacks restore to its end first"):
        bring_up(tmp_path)


def test_whenever_bringing_up_is_killed_the_next_one_ends_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two steps, each of three writes, each write killed once."""
    done: list[str] = []

    class Killed(BaseException):
        pass

    def step(name: str) -> None:
        def bring(store: Path) -> None:
            for number in range(3):
                what = f"{name} {number}"
                if what not in done:
                    done.append(what)
                    raise Killed
                (store / what).write_text(what)

        steps.append(bring)

    steps: list[object] = []
    step("first")
    step("second")
    monkeypatch.setattr(layout, "STEPS", tuple(steps))
    (tmp_path / "hubs").mkdir()
    kills, passed = 0, []
    while not passed:
        try:
            passed = bring_up(tmp_path)
        except Killed:
            kills += 1
            assert (layout_of(tmp_path) or 0) == (1 if "second 0" in done else 0)
    assert (kills, layout_of(tmp_path)) == (6, 2)
    assert len(list(tmp_path.glob("* [0-2]"))) == 6
    assert bring_up(tmp_path) == []


def test_an_old_standing_gets_what_it_lacks_and_keeps_the_rest(tmp_path: Path) -> None:
    write_json(tmp_path / "hubs/old.json", {"state": "fresh"})
    write_json(tmp_path / "hubs/new.json", {"state": "fresh", "anchor": [1]})
    assert bring_up(tmp_path) == [0]
    assert json.loads((tmp_path / "hubs/old.json").read_text()) == {"state": "fresh", "anchor": None}
    assert json.loads((tmp_path / "hubs/new.json").read_text()) == {"state": "fresh", "anchor": [1]}
    begin(tmp_path)
    assert layout_of(tmp_path) == 1
