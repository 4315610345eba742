"""Publications and withdrawals that are killed while a reader polls the site, and what must hold all along."""

from __future__ import annotations

import hashlib
import json
import multiprocessing
import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import httpx

from pipelines.publish import ReleaseRefused, pointers, verify_release
from pipelines.withdrawals import Decision, Kind
from tests.builders import KEY, RELEASE_KEY, an_edition

FILES_A_ROUND = 8
RECORD = "vale/letters"
SLUG = "vale-letters"


def publish_next(public: Path, number: int) -> None:
    """Publish the ``number``-th release, which has the record again."""
    before = pointers.latest(public)
    previous = before.id if before else None
    pointers.publish(an_edition(id=f"2026-11-23.{number:02d}", previous=previous), public, KEY)


def take_down(public: Path, number: int) -> None:
    """Take the record down in every release, as the ``number``-th decision."""
    decision = Decision(
        number=number,
        kind=Kind.TAKEDOWN,
        record=RECORD,
        ids=(RECORD, "coast/letters"),
        fingerprints=(),
        record_kind="case_study",
        heading="Letters",
        language="en",
        slug=SLUG,
        reason="It named somebody.",
        successor=None,
        by="operator",
        at=datetime(2026, 11, 25, tzinfo=UTC),
    )
    due = {release: [decision] for release in pointers.released(public)}

    def done(release: str, outcome: object) -> None:
        if isinstance(outcome, ReleaseRefused):
            raise RuntimeError(release) from outcome

    pointers.reissue_all(public, due, KEY, [RELEASE_KEY], done)


@dataclass
class Reader:
    """Somebody who polls the site at ``address``: the newest release, its checksums, some of its files. ``problems`` is
    what they should never see. When a file does not fit its checksum they read the checksums again, as they are told:
    ``reissued`` counts how often those were others by then.
    """

    address: str
    rounds: int = 0
    reissued: int = 0
    problems: list[str] = field(default_factory=list)
    _stop: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def __enter__(self) -> Reader:
        self._thread = threading.Thread(target=self._poll, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._stop.set()
        assert self._thread is not None
        self._thread.join(30)

    def _poll(self) -> None:
        choice = random.Random(7)
        with httpx.Client(base_url=self.address, timeout=30) as client:
            while not self._stop.is_set():
                try:
                    self._look(client, choice)
                except (httpx.HTTPError, ValueError, KeyError) as error:
                    self.problems.append(repr(error))
                self.rounds += 1

    def _look(self, client: httpx.Client, choice: random.Random) -> None:
        for name in pointers.POINTERS:
            if client.get(f"/{name}").status_code != httpx.codes.OK:
                self.problems.append(f"{name} is missing")
        address = f"/{client.get('/latest.json').json()['address']}"
        sums = client.get(f"{address}SHA256SUMS").text
        listed = dict(reversed(line.split("  ", 1)) for line in sums.splitlines())
        for name in choice.sample(sorted(listed), FILES_A_ROUND):
            answer = client.get(f"{address}{name}")
            is_right = hashlib.sha256(answer.content).hexdigest() == listed[name]
            if answer.status_code != httpx.codes.OK or not is_right:
                if client.get(f"{address}SHA256SUMS").text != sums:
                    self.reissued += 1
                    return
                self.problems.append(f"{address}{name}: {answer.status_code}, right: {is_right}")


@dataclass
class PublishingKills:
    """Publishes the first release into ``public``, then kills publications and takedowns there, at moments that
    ``choice`` picks. ``landed`` counts those that came before the work was done, by the kind of work.
    """

    public: Path
    choice: random.Random
    landed: dict[str, int] = field(default_factory=lambda: {"publish": 0, "withdraw": 0})
    _lasts: dict[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._context = multiprocessing.get_context("forkserver")
        self._context.set_forkserver_preload([__name__])  # all of them sign with one key
        self._work("publish", publish_next, 1)

    def round(self, number: int, kills: int) -> None:
        """Publish the ``number``-th release, and take the record down in it, each killed ``kills`` times before it is
        let through; then look at what is on the disk.
        """
        for what, work in (("publish", publish_next), ("withdraw", take_down)):
            for _ in range(kills):
                self._kill(what, work, number)
            self._work(what, work, self._next(number, what))
        self._look()

    def _work(self, what: str, work: Callable[[Path, int], None], number: int) -> None:
        began = time.monotonic()
        process = self._context.Process(target=work, args=(self.public, number))
        process.start()
        process.join()
        assert process.exitcode == 0, what
        self._lasts[what] = time.monotonic() - began

    def _next(self, number: int, what: str) -> int:
        """A release that was killed after it came into place has its number already."""
        if what == "withdraw":
            return number
        known = pointers.released(self.public) if self.public.exists() else []
        return max([0, *(int(id.rpartition(".")[2]) for id in known)]) + 1

    def _kill(self, what: str, work: Callable[[Path, int], None], number: int) -> None:
        process = self._context.Process(target=work, args=(self.public, self._next(number, what)))
        process.start()
        process.join(self.choice.uniform(0, self._lasts.get(what, 3.0)))
        if process.is_alive():
            process.kill()
            self.landed[what] += 1
        process.join()

    def _look(self) -> None:
        releases = self.public / "releases"
        assert not [path.name for path in releases.iterdir() if path.name.startswith(".")]
        newest = json.loads((self.public / "latest.json").read_text())
        folder = releases / newest["release"]
        assert verify_release(folder) == []
        assert newest["issue"] == json.loads((folder / "errata.json").read_text())["issue"] == 2
        for release in releases.iterdir():
            assert not (release / "en" / "records" / f"{SLUG}.html").exists(), release.name
