"""A run that has much from earlier runs and one that has to make everything anew publish the same bytes, whatever has
changed between them.

What a run finds ready lies in ``CACHES`` of the store, and in the release before. A twin of the line, with the same
state, loses the former and takes nothing from the latter.
"""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from pipelines.publish.earlier import Earlier
from pipelines.releasing import run
from pipelines.store import CACHES
from pipelines.withdraw import decide, withdraw
from pipelines.withdrawals import Kind
from tests.feeds import (
    NOW,
    a_faq,
    a_line,
    a_study,
    a_term,
    a_withdrawal,
    answers_of,
    register,
    write_feed,
)
from tests.reproduce import files_of

SEEDS = (1,)
MOST_CHANGES = 4
"""Between one run and the next."""


@dataclass
class Hub:
    """What a hub sends, and what its registration says."""

    studies: dict[int, dict[str, Any]]
    answers: int = 12
    gone: list[str] = field(default_factory=list)
    licence: str = "OGL-UK-3.0"
    settings: dict[str, Any] = field(default_factory=dict)


class World:
    """Hubs and their feeds in a folder, which change as hubs do."""

    def __init__(self, folder: Path, rng: random.Random) -> None:
        self.folder, self.rng, self.studies = folder, rng, 0
        self.decided: list[tuple[str, Kind]] = []
        self.hubs = {name: Hub({}) for name in ("one", "two", "three")}
        for hub in self.hubs.values():
            for _ in range(3):
                self._add(hub)

    def write(self) -> None:
        """Write feeds and registry as they are to be."""
        for name, hub in self.hubs.items():
            shutil.rmtree(self.folder / "feeds" / name, ignore_errors=True)
            rows = {"term": [a_term(term=f"Word of {name}")]}
            rows |= {"withdrawal": [a_withdrawal(id=id) for id in hub.gone]} if hub.gone else {}
            write_feed(
                self.folder / "feeds" / name,
                case_studies=[study | {"licence": hub.licence} for study in hub.studies.values()],
                faqs=[a_faq(id=f"asked-{name}", question=f"What does {name} ask?")],
                answers=answers_of(hub.answers),
                rows=rows,
            )
            register(self.folder, id=name, **hub.settings)

    def change(self, name: str) -> None:
        """Let something of the sort ``name`` happen to a hub."""
        CHANGES[name](self, self.hubs[self.rng.choice(sorted(self.hubs))])

    def _add(self, hub: Hub) -> None:
        self.studies += 1
        topics = [["api"], ["cloud"], ["api", "cloud"]]
        hub.studies[self.studies] = a_study(self.studies, technology_types=self.rng.choice(topics))

    def _reword(self, hub: Hub) -> None:
        study = self.rng.choice(list(hub.studies.values()))
        study["body"] += f"\n\nWith {self.rng.randrange(10**9)} more.\n"

    def _withdraw(self, hub: Hub) -> None:
        if len(hub.studies) > 1:
            number = self.rng.choice(list(hub.studies))
            hub.gone.append(hub.studies.pop(number)["id"])

    def _join(self, _hub: Hub) -> None:
        new = Hub({})
        self._add(new)
        self.hubs[f"hub-{len(self.hubs)}"] = new

    def _retire(self, hub: Hub) -> None:
        hub.settings["retired"] = True

    def _be_held(self, hub: Hub) -> None:
        hub.licence = "" if hub.licence else "OGL-UK-3.0"

    def _answer(self, hub: Hub) -> None:
        hub.answers += self.rng.randrange(1, 6)

    def _map_otherwise(self, hub: Hub) -> None:
        hub.settings["name"] = {"en": f"Hub {self.rng.randrange(1000)}", "cy": "Hwb"}

    def _be_retracted(self, hub: Hub) -> None:
        self._decide(hub, Kind.RETRACTION)

    def _be_taken_down(self, hub: Hub) -> None:
        self._decide(hub, Kind.TAKEDOWN)

    def _decide(self, hub: Hub, kind: Kind) -> None:
        [name] = [name for name, one in self.hubs.items() if one is hub]
        self.decided.append((f"{name}/{next(iter(hub.studies.values()))['id']}", kind))

    def _wait(self, _hub: Hub) -> None:
        """Nothing changes."""


CHANGES: Mapping[str, Callable[[World, Hub], None]] = {
    "a record is added": World._add,
    "a record is changed": World._reword,
    "a record is withdrawn": World._withdraw,
    "a hub joins": World._join,
    "a hub retires": World._retire,
    "a feed is held, or is good again": World._be_held,
    "returns change": World._answer,
    "a registration changes": World._map_otherwise,
    "the operator retracts a record": World._be_retracted,
    "the operator takes a record down": World._be_taken_down,
    "nothing": World._wait,
}


@pytest.mark.untraced
@pytest.mark.parametrize("seed", SEEDS)
def test_what_is_ready_changes_no_byte(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int) -> None:
    rng = random.Random(seed)
    world, twin = World(tmp_path / "line", rng), tmp_path / "twin"
    world.write()
    releases = {_run(world.folder, 0, [])}
    left = rng.sample(sorted(CHANGES), len(CHANGES))
    for day, start in enumerate(range(0, len(left), MOST_CHANGES), 1):
        happens, world.decided = left[start : start + MOST_CHANGES], []
        for name in happens:
            world.change(name)
        world.write()
        shutil.rmtree(twin, ignore_errors=True)
        shutil.copytree(world.folder, twin, symlinks=True)
        for path in (twin / "store" / name for name in CACHES):
            if path.is_file():
                path.unlink()
            shutil.rmtree(path, ignore_errors=True)
        releases.add(_run(world.folder, day, world.decided))
        with monkeypatch.context() as patched:
            patched.setattr(Earlier, "take", lambda *_: False)
            _run(twin, day, world.decided)
        mine, its = files_of(world.folder / "public"), files_of(twin / "public")
        assert {path for path in mine.keys() | its.keys() if mine.get(path) != its.get(path)} == set(), happens
    assert len(releases) > 1


def _run(folder: Path, day: int, decided: list[tuple[str, Kind]]) -> str | None:
    line, now = a_line(folder), NOW + timedelta(days=day)
    release = run(line, now, _say_nothing).release
    for hour, (record, kind) in enumerate(decided, 1):
        later, about = now + timedelta(hours=hour), {"reason": "It was wrong", "successor": None, "by": "operator"}
        done = withdraw(line, decide(line, [record], later, kind=kind, **about), later, _say_nothing)
        assert done.reissued
        assert done.release
    return release


def _say_nothing(_stage: str, _what: str | None) -> None:
    """Nobody looks on."""
