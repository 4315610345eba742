"""A store in a bucket, machines that work on it, and runs that are killed there."""

from __future__ import annotations

import json
import os
import random
import subprocess
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from pipelines import publish
from pipelines.ledger import Ledger
from pipelines.line import open_line
from pipelines.publish.signed import SUMS
from pipelines.releasing import run as run_line
from tests import commands
from tests.feeds import a_case_study, answers_of, register, write_feed
from tests.intakes import COMMAND
from tests.kills import half_public, half_snapshots
from tests.mirrors import SECRET, Door
from tests.servers import BUCKET

HUBS = ("one", "two", "three")


@dataclass
class Machines:
    """Machines in ``folder`` that share one registry and the store ``name`` in the bucket behind ``door``, and nothing
    else. ``landed`` counts the kills that came in time, ``shown`` those after which readers had seen a new release.
    """

    folder: Path
    door: Door
    name: str = "store"
    landed: int = 0
    shown: int = 0
    ids: set[str] = field(default_factory=set)

    def change(self, round: int) -> None:
        """New content of one hub. Two others have returns, which stay as they are."""
        for number, hub in enumerate(HUBS):
            register(self.folder, id=hub)
            if round == 0 or number == 0:
                study = a_case_study(body=f"Of {hub}, round {round}.")
                write_feed(
                    self.folder / "feeds" / hub, [study], answers=answers_of(40 if number else 0, 1 + 1000 * number)
                )

    def command(self, machine: str, *arguments: str) -> tuple[list[str], dict[str, str]]:
        """The command on a machine, and its environment."""
        at = self.folder / machine
        at.mkdir(exist_ok=True)
        settings = {
            "STORE": f"s3://{BUCKET}/{self.name}",
            "STORE_ENDPOINT": self.door.address,
            "STORE_SECRET": SECRET,
            "STORE_CACHE": str(at / "cache"),
            "PUBLISH": str(at / "public"),
            "REGISTRY": str(self.folder / "registry"),
        }
        return [*COMMAND, *arguments], os.environ | {f"HUBPACKS_{name}": value for name, value in settings.items()}

    def do(self, machine: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        """The command, to its end. It never ends in a traceback."""
        command, environment = self.command(machine, *arguments)
        done = commands.hubpacks(Path.cwd(), *command[len(COMMAND) :], environment=environment)
        assert "Traceback" not in done.stderr, done.stderr
        return done

    def store(self, machine: str) -> Path:
        """The folder in which a machine works."""
        (store,) = (self.folder / machine / "cache").glob("*/store")
        return store

    def kill(self, machine: str, request: int) -> bool:
        """Start a run and kill it at that request; whether it was still at work."""
        before = len(self.door.asked)
        command, environment = self.command(machine, "run")
        quiet = subprocess.DEVNULL
        with subprocess.Popen(command, env=environment, stdout=quiet, stderr=quiet) as process:
            while len(self.door.asked) < before + request and process.poll() is None:
                time.sleep(0.001)
            was_at_work = process.poll() is None
            process.kill()
        return was_at_work

    def seen(self, machine: str) -> str | None:
        """The release that readers of a machine see, which is whole."""
        public = self.folder / machine / "public"
        assert half_public(public) == []
        newest = publish.latest(public)
        return newest.id if newest else None

    def told(self, public: Path) -> object:
        """What the latest release there says, without when and how it was counted."""
        newest = publish.latest(public)
        assert newest is not None
        lines = (public / newest.address / "packs/national/records.jsonl").read_text(encoding="utf-8").splitlines()
        return [(record["id"], record["source"]["snapshot"]) for record in map(json.loads, lines)]

    def look(self, dead: str, next: str) -> None:
        """After ``dead`` was killed, and ``next`` has run to its end: nothing that readers of the one have seen is
        other for the readers of the other, and the ledger has it.
        """
        for release in publish.released(self.folder / dead / "public"):
            there = self.folder / next / "public" / "releases" / release / SUMS
            here = self.folder / dead / "public" / "releases" / release / SUMS
            if release <= (self.seen(dead) or ""):
                assert here.read_bytes() == there.read_bytes(), release
        store = self.store(next)
        assert list(half_snapshots(store)) == []
        ledger = Ledger(store / "ledger")
        ledger.verify()
        assert any(row.release for period in ledger.periods() for row in ledger.rows(period))
        assert half_public(self.folder / next / "public") == []


def survive(machines: Machines, kills: int, chance: random.Random) -> None:
    """Kill so many runs at random requests, each over new content on a machine of its own, and let another machine go
    on: it ends as one with a store in a folder would.
    """
    machines.change(0)
    before = len(machines.door.asked)
    assert machines.do("machine-0", "run").returncode == 0
    requests = len(machines.door.asked) - before
    for round in range(1, 3 * kills):
        if machines.landed == kills:
            break
        machines.change(round)
        dead, next = f"dead-{round}", f"next-{round}"
        was = machines.seen("machine-0") if round == 1 else machines.seen(f"next-{round - 1}")
        machines.landed += machines.kill(dead, chance.randrange(1, requests))
        seen = machines.seen(dead) if (machines.folder / dead / "public").exists() else None
        machines.shown += seen not in (None, was)
        done = machines.do(next, "run")
        assert done.returncode == 0, done.stderr
        machines.look(dead, next)
        fresh = machines.folder / f"fresh-{round}"
        line = open_line(machines.folder / "registry", fresh / "store", fresh / "public")
        run_line(line, datetime.now(UTC), lambda _stage, _what: None)
        assert machines.told(machines.folder / next / "public") == machines.told(fresh / "public")
    assert machines.landed == kills, f"only {machines.landed} kills came in time"
