"""Runs of the line that are killed while they pull, and what must hold afterwards."""

from __future__ import annotations

import hashlib
import json
import random
import subprocess
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pipelines import publish
from pipelines.line import open_line
from pipelines.releasing import run as run_line
from pipelines.store import Store, digest_of_files
from tests.feeds import a_case_study, a_faq, register, write_feed
from tests.intakes import COMMAND
from tests.websites import Website


@dataclass
class Killing:
    """Hubs on ``site``, the run that is killed in ``folder``, and the choice of moments. ``landed`` counts the kills
    that came before the run had ended by itself.
    """

    folder: Path
    site: Website
    hubs: int
    random: random.Random
    landed: int = 0

    def change(self, round: int) -> None:
        """New content for two hubs of three, another two each round."""
        for number in range(self.hubs):
            if round == 0 or (number + round) % 3:
                hub = f"hub-{number:02d}"
                register(self.folder, id=hub, address=self.site.manifest(hub), private_address=True)
                studies = [
                    a_case_study(id=f"s-{n}", title=f"Study {n} of {hub}", body=f"Study {n} of {hub}, {round}. " * 200)
                    for n in range(3)
                ]
                faqs = [a_faq(question=f"What does {hub} do?", answer=f"What it did in round {round}.")]
                write_feed(self.site.root / hub, studies, faqs)

    def run(self, where: str) -> None:
        """Run to the end over the store and the public folder of ``where``."""
        line = open_line(self.folder / "registry", self.folder / where / "store", self.folder / where / "public")
        run_line(line, datetime.now(UTC), lambda _stage, _what: None)

    def kill(self) -> None:
        """Start a run, and kill it at a random moment of its pulls."""
        before = len(self.site.asked)
        folders = ["--registry", "registry", "--store", "killed/store", "--publish", "killed/public"]
        with subprocess.Popen([*COMMAND, "run", *folders], cwd=self.folder, stderr=subprocess.DEVNULL) as process:
            while len(self.site.asked) == before and process.poll() is None:
                time.sleep(0.005)
            requests = self.random.randrange(1, self.hubs * 5)
            while len(self.site.asked) < before + requests and process.poll() is None:
                time.sleep(0.001)
            self.landed += process.poll() is None
            process.kill()

    def told(self, where: str) -> Any:
        """What the latest release of ``where`` says: its records, and how hubs stand, without when that began."""
        public = self.folder / where / "public"
        newest = publish.latest(public)
        assert newest is not None
        release = public / newest.address
        assert publish.verify_release(release) == []
        lines = (release / "packs/national/records.jsonl").read_text(encoding="utf-8").splitlines()
        hubs = json.loads((release / "coverage.json").read_bytes())["hubs"]
        records = [json.loads(line) for line in lines]
        for record in records:  # all but when the content was had, which is another moment in each store
            record["source"] = {name: record["source"][name] for name in ("snapshot", "file", "file_sha256", "place")}
        return records, [(hub["id"], hub["state"], hub["snapshot"]) for hub in hubs]


def half_snapshots(root: Path) -> Iterator[str]:
    """What is not whole in the store at ``root``: snapshots that lack a file, or are not what their digest says."""
    store = Store(root)
    for path in sorted((root / "snapshots").glob("*/*.json")):
        snapshot = store.snapshot(path.parent.name, path.stem)
        if digest_of_files(snapshot.files) != path.stem:
            yield f"{path}: another digest"
        for file in snapshot.files:
            with suppress(FileNotFoundError):
                data = store.blob(file.sha256).read_bytes()
                if (len(data), hashlib.sha256(data).hexdigest()) == (file.bytes, file.sha256):
                    continue
            yield f"{path}: {file.path}"


def half_public(public: Path) -> list[str]:
    """What is not whole of the release that readers see; nothing when there is none yet."""
    newest = publish.latest(public)
    if newest is None:
        return []
    release = public / newest.address
    return [*publish.verify_release(release), *publish.wrong_signatures(release)]


def survive(killing: Killing, kills: int) -> None:
    """Kill so many runs while they pull, each over new content, look at what is left, and let the next run end: it must
    end as one in an empty store would. A run that ends before it is killed does not count.
    """
    for round in range(2 * kills):
        if killing.landed == kills:
            return
        killing.change(round)
        killing.kill()
        where = killing.folder / "killed"
        assert list(half_snapshots(where / "store")) == []
        assert half_public(where / "public") == []
        killing.run("killed")
        fresh = f"fresh-{round}"
        killing.run(fresh)
        assert killing.told("killed") == killing.told(fresh)
