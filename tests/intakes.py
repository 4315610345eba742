"""A real intake in a process of its own, on a loopback port, over folders that a test has made."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

import httpx

from pipelines.store import Store
from pipelines.tokens import Tokens
from tests import badfeeds
from tests.feeds import register

T = TypeVar("T")

COMMAND = [str(Path(sys.executable).with_name("hubpacks"))]
HUBS = ("one", "two")
ROOMY = {"requests_at_once": 100_000, "checks_at_once": 10_000, "submissions_at_once": 10_000}
"""Limits that no test runs into which is not about them."""


@dataclass
class Intake:
    """One that runs. ``tokens`` has the text of a good token of each hub."""

    folder: Path
    address: str
    process: subprocess.Popen[str]
    tokens: dict[str, str]

    @property
    def store(self) -> Path:
        return self.folder / "store"

    @property
    def log(self) -> str:
        """What it has told on standard error."""
        return (self.folder / "intake.log").read_text(encoding="utf-8")

    def client(self, hub: str | None = None, **more: Any) -> httpx.Client:
        """A program that asks it, with the token of ``hub``."""
        headers = {"Authorization": f"Bearer {self.tokens[hub]}"} if hub else {}
        return httpx.Client(base_url=self.address, headers=headers, timeout=120, **more)

    def is_up(self) -> bool:
        with self.client() as client:
            return client.get("/healthz").json() == {"status": "ok"}

    def kept(self) -> dict[str, int]:
        """What lies in the store: path and size of each file, without locks, the layout's number and empty folders."""
        found = {}
        for parent, _, names in os.walk(self.store):  # which passes over a folder that goes away meanwhile
            for name in names:
                path = Path(parent, name)
                with suppress(FileNotFoundError):  # so may a file
                    if ".lock" not in name and path.parent.name != "locks" and path != self.store / "format.json":
                        found[str(path.relative_to(self.store))] = path.stat().st_size
        return found

    def kill(self) -> None:
        """As kill -9 does."""
        self.process.kill()
        self.process.wait()


def new_token(folder: Path, hub: str, now: datetime | None = None, days: int = 30) -> str:
    """The text of a token of ``hub`` for the store in ``folder``."""
    return Tokens(Store(folder / "store").tokens).create(hub, now or datetime.now(UTC), days)[1]


def expired_token(folder: Path, hub: str) -> str:
    return new_token(folder, hub, datetime.now(UTC) - timedelta(days=30), 7)


def registered(folder: Path) -> Path:
    """A folder with a registry of two hubs, which give their records a licence."""
    for hub in HUBS:
        register(folder, id=hub, licence="OGL-UK-3.0")
    return folder


@contextmanager
def intake(folder: Path, **limits: Any) -> Iterator[Intake]:
    """An intake over the registry in ``folder``; it is ended after the block."""
    settings = {f"HUBPACKS_INTAKE_{name.upper()}": str(value) for name, value in (ROOMY | limits).items()}
    environment = {name: value for name, value in os.environ.items() if not name.startswith("HUBPACKS_")}
    tokens = {hub: new_token(folder, hub) for hub in HUBS}
    with (folder / "intake.log").open("a", encoding="utf-8") as log:
        process = subprocess.Popen(
            [*COMMAND, "intake", "--port", "0", "--registry", "registry", "--store", "store"],
            cwd=folder,
            env=environment | settings,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        )
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line.startswith("http://127.0.0.1:"), (folder / "intake.log").read_text(encoding="utf-8")
        yield Intake(folder, line.split()[0].rstrip("/"), process, tokens)
    finally:
        with suppress(ProcessLookupError):
            process.terminate()
        process.communicate(timeout=30)


def packed(name: str, folder: Path) -> Path:
    """The feed that ``tests.badfeeds`` calls ``name``, as one file."""
    folder.mkdir(parents=True, exist_ok=True)
    path = badfeeds.FEEDS[name](folder)
    return badfeeds.zipped(path) if path.is_dir() else path


def wait_for(what: Callable[[], T | None], seconds: float = 120) -> T:
    """What ``what`` gives as soon as that is something true."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if found := what():
            return found
        time.sleep(0.02)
    raise AssertionError(f"not within {seconds} seconds")


def verdict(client: httpx.Client, address: str) -> dict[str, Any]:
    """The receipt at ``address`` once there is a verdict."""

    def decided() -> dict[str, Any] | None:
        receipt: dict[str, Any] = client.get(address).json()
        return receipt if receipt["submission"]["state"] != "received" else None

    return wait_for(decided)


def form_of(client: httpx.Client, address: str = "/") -> str:
    """The proof in the form at ``address``."""
    return client.get(address).text.split('name="csrf" value="')[1].split('"')[0]


@contextmanager
def signed_in(running: Intake, hub: str) -> Iterator[httpx.Client]:
    """A browser, more or less, in which ``hub`` has signed in."""
    with running.client() as client:
        data = {"csrf": form_of(client, "/sign-in"), "token": running.tokens[hub]}
        assert client.post("/sign-in", data=data).status_code == 303
        yield client
