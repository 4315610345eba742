"""An object store behind a door that counts, breaks and damages requests, a reader who looks at a mirror all the time,
and mirrors that are killed.
"""

from __future__ import annotations

import hashlib
import http.client
import json
import os
import random
import shutil
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote, urlsplit

import httpx

from pipelines.buckets import Bucket
from pipelines.publish import publish
from pipelines.publish.pointers import POINTERS
from tests.builders import KEY, the_least_edition
from tests.intakes import COMMAND
from tests.servers import BUCKET, s3
from tests.websites import serving

SECRET = "PACKS_KEY"
FIRST, SECOND = "2026-11-01.01", "2026-11-23.01"

Way = Callable[[BaseHTTPRequestHandler, bytes], bytes | None]
"""Answers a request itself and gives None, or gives the body that is passed on."""


@dataclass
class Door:
    """What every request to the store passes: ``asked`` are those so far (method and key), ``way`` is done to each."""

    address: str = ""
    store: str = ""
    key: str = ""
    asked: list[str] = field(default_factory=list)
    way: Way = lambda _request, body: body
    client: Any = None

    def bucket(self, folder: str = "packs") -> Bucket:
        """The mirror in that folder of the bucket, by the door."""
        return Bucket(f"s3://{BUCKET}/{folder}", self.address, SECRET)

    def site(self, folder: str = "packs") -> str:
        """Where everybody reads it, past the door."""
        return f"{self.store}/{BUCKET}/{folder}"

    def held(self, folder: str = "packs") -> set[str]:
        """What lies there, as the store itself says."""
        pages = self.client.get_paginator("list_objects_v2").paginate(Bucket=BUCKET, Prefix=f"{folder}/")
        return {about["Key"].removeprefix(f"{folder}/") for page in pages for about in page.get("Contents", ())}

    def puts(self) -> list[str]:
        """The keys that were put, in their order."""
        return [line.removeprefix("PUT ") for line in self.asked if line.startswith("PUT ")]


@contextmanager
def a_door(scratch: Path, is_open: bool = False) -> Iterator[Door]:
    """An empty store behind a door. Its key is in the environment under ``SECRET``. When it ``is_open`` everybody may
    read it, and nobody's signature is looked at.
    """
    import boto3

    door = Door()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def handle(self) -> None:
            with suppress(ConnectionResetError, BrokenPipeError):  # whoever asked was killed
                super().handle()

        def do_PUT(self) -> None:
            size = int(self.headers.get("Content-Length") or 0)
            body = self.rfile.read(size)
            if len(body) < size:
                self.close_connection = True
                return None
            door.asked.append(f"{self.command} {unquote(urlsplit(self.path).path)}")
            passed = door.way(self, body)
            return None if passed is None else self._pass_on(passed)

        do_GET = do_HEAD = do_POST = do_DELETE = do_PUT  # noqa: N815

        def _pass_on(self, body: bytes) -> None:
            there = http.client.HTTPConnection(urlsplit(door.store).netloc, timeout=30)
            there.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
            for name, value in self.headers.items():
                there.putheader(name, value)
            there.endheaders(body)
            answer = there.getresponse()
            content = answer.read()
            there.close()
            self.send_response_only(answer.status)
            for name, value in answer.getheaders():
                if name.lower() not in ("connection", "content-length", "transfer-encoding"):
                    self.send_header(name, value)
            length = answer.getheader("Content-Length", "0") if self.command == "HEAD" else str(len(content))
            self.send_header("Content-Length", length)
            self.end_headers()
            self.wfile.write(content)

    empty = scratch / "empty"
    empty.mkdir(parents=True)
    with s3(empty) as real, serving(Handler) as address:
        name, _, signing = real.key.partition(":")
        own = {"aws_access_key_id": name, "aws_secret_access_key": signing, "region_name": "us-east-1"}
        door.address, door.store, door.key = address, real.address, real.key
        door.client = boto3.client("s3", endpoint_url=real.address, **own)
        os.environ[SECRET] = real.key
        if is_open:
            everybody = {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject"}
            policy = {"Version": "2012-10-17", "Statement": [everybody | {"Resource": f"arn:aws:s3:::{BUCKET}/*"}]}
            door.client.put_bucket_policy(Bucket=BUCKET, Policy=json.dumps(policy))
            real.open_to_all()
        try:
            yield door
        finally:
            del os.environ[SECRET]
            door.client.close()


def two_releases(scratch: Path) -> tuple[Path, Path]:
    """A public folder with one release, and the same with one more."""
    first, second = scratch / "first", scratch / "second"
    publish(the_least_edition(id=FIRST, published=datetime(2026, 11, 1, 12, tzinfo=UTC)), first, KEY)
    shutil.copytree(first, second, symlinks=True)
    publish(the_least_edition(id=SECOND, previous=FIRST), second, KEY)
    return first, second


def published(public: Path) -> dict[str, str]:
    """What a mirror of ``public`` has to hold: the SHA-256 of each file by its key."""
    files = [*(public / name for name in POINTERS), *(path for path in (public / "releases").glob("2*/**/*"))]
    found = (path for path in files if path.is_file())
    return {p.relative_to(public).as_posix(): hashlib.sha256(p.read_bytes()).hexdigest() for p in found}


@dataclass
class Reader:
    """Somebody who follows ``latest.json`` to a release, and looks at some of its files, again and again. ``wrong`` is
    what must not happen; ``seen`` counts the releases that were looked at.
    """

    site: str
    random: random.Random
    wrong: list[str] = field(default_factory=list)
    seen: Counter[str] = field(default_factory=Counter)

    def look(self, client: httpx.Client, files: int = 3) -> None:
        """Once."""
        release = client.get(f"{self.site}/latest.json").raise_for_status().json()["release"]
        base = f"{self.site}/releases/{release}"
        lines = client.get(f"{base}/SHA256SUMS").raise_for_status().text.splitlines()
        signature = client.get(f"{base}/SHA256SUMS.minisig")
        if signature.status_code != httpx.codes.OK:
            self.wrong.append(f"{release}: no signature")
        for line in self.random.sample(lines, files):
            digest, _, name = line.partition("  ")
            answer = client.get(f"{base}/{quote(name)}")
            if answer.status_code != httpx.codes.OK:
                self.wrong.append(f"{release}/{name}: {answer.status_code}")
            elif hashlib.sha256(answer.content).hexdigest() != digest:
                self.wrong.append(f"{release}/{name}: another sum")
        self.seen[release] += 1

    @contextmanager
    def looking(self) -> Iterator[None]:
        """All the time while the block runs."""
        over = threading.Event()

        def go() -> None:
            try:
                with httpx.Client() as client:
                    while not over.is_set():
                        self.look(client)
            except (httpx.HTTPError, ValueError, KeyError) as error:
                self.wrong.append(repr(error))

        thread = threading.Thread(target=go)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()


def kill_mirrors(door: Door, folders: tuple[Path, Path], kills: int, chance: random.Random) -> Counter[str]:
    """Kill so many mirrors of a second release, each at a random request, while a reader looks on; each next one has to
    end with the whole, and may send again only what was under way. Gives how often the reader saw each release.

    Raises AssertionError for what must not happen.
    """
    first, second = folders
    expected = published(second)
    new = len(expected) - len(published(first)) + 4
    seen: Counter[str] = Counter()
    landed = 0
    for round in range(3 * kills):
        if landed == kills:
            break
        place = f"killed-{round}"
        public = second.parent / place
        shutil.copytree(second, public, symlinks=True)
        command = [*COMMAND, "mirror", f"s3://{BUCKET}/{place}", "--endpoint", door.address, "--secret", SECRET]
        subprocess.run([*command, "--publish", str(first)], check=True, capture_output=True)
        reader = Reader(door.site(place), chance)
        with reader.looking():
            until = len(door.puts()) + chance.randrange(new + 1)
            before = len(door.puts())
            log = subprocess.DEVNULL
            with subprocess.Popen([*command, "--publish", str(public)], stdout=log, stderr=log) as process:
                while len(door.puts()) < until and process.poll() is None:
                    time.sleep(0.001)
                landed += process.poll() is None
                process.kill()
            sent = len(door.puts()) - before
            done = subprocess.run([*command, "--publish", str(public), "--json"], check=True, capture_output=True)
            time.sleep(0.05)
        told = json.loads(done.stdout)
        assert reader.wrong == [], f"killed after {sent} files"
        assert sent + told["uploaded"] <= len(expected) + 8, "what was sent was sent again"
        assert door.held(place) == set(expected)
        again = subprocess.run([*command, "--publish", str(public), "--json"], check=True, capture_output=True)
        assert json.loads(again.stdout)["uploaded"] == 0
        seen += reader.seen
    assert landed == kills, f"only {landed} kills came in time"
    return seen
