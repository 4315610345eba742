"""A thousand hubs on the loopback, thirty of them hostile: is every good one fresh, nothing of the others published?
Do they hold up the run? Does the memory grow with the number of hubs? What does a run cost that finds nothing new?
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import xlsxwriter

from pipelines.publish import latest
from tests.badfeeds import zipped
from tests.bench.soak.memory import Memory
from tests.faults import MARK, WAYS, hostile_hubs
from tests.feeds import a_case_study, a_faq, a_term, answers_of, register, write_feed, write_sheet
from tests.intakes import COMMAND, wait_for

HOSTILE_SHARE = 0.03
HOSTS = 64
"""Addresses that the good hubs share: as many hubs of one host would wait for one another, as they should."""
HELD_UP = 1.5
"""How much longer it may take until all good hubs are judged when there are hostile ones."""
LONGEST_WAIT_SECONDS = 150
"""How long a run may wait for hostile hubs when all good ones are done."""
MEMORY_GROWTH = 1.25
"""How much more memory pulling and judging may take for four times as many hubs."""
UNCHANGED_SHARE = 0.5
"""Of the time of the first run, for one that finds nothing new."""


@dataclass(frozen=True)
class Ran:
    """One ``hubpacks run``: seconds until the judge had the last good hub, until all hubs were judged, and in all; the
    most megabytes until all were judged, and in all; how each hub stands; the release.
    """

    good_s: float
    gathered_s: float
    seconds: float
    gathering_mb: float
    most_mb: float
    states: Mapping[str, str]
    release: str
    is_new: bool


def write_hub(feeds: Path, number: int) -> str:
    """Write the feed of good hub ``number``; its path. No text is like another's."""
    hub = f"hub-{number:04d}"
    words = " ".join(f"{word}{number}" for word in ("bins", "roads", "parks", "rents", "maps", "desks"))
    study = a_case_study(title=f"How {hub} did it", body=f"What was done for {words}. " * 8)
    records = [a_faq(question=f"Why {words}?", answer=f"Because of {words} and {number * 7}.")]
    terms = [a_term(term=f"Word {number}", definition=f"What {words} mean.")] if number % 2 else []
    if number % 50 == 1:
        with xlsxwriter.Workbook(feeds / f"{hub}.xlsx") as book:
            write_sheet(book, "Case studies", [study])
            write_sheet(book, "FAQs", records)
        return f"{hub}.xlsx"
    answers = answers_of(12, first=1 + 12 * number) if number % 20 == 2 else []
    folder = write_feed(feeds / hub, [study], records, answers, rows={"term": terms} if terms else None)
    return zipped(folder).name if number % 10 == 3 else f"{hub}/datapackage.json"


def run(folder: Path) -> Ran:
    """A ``hubpacks run`` over the line in ``folder``, and what it took."""
    start = time.monotonic()
    with (folder / "summary.json").open("w+") as summary:
        process = subprocess.Popen(
            [*COMMAND, "run", "--registry", "registry", "--json"],
            cwd=folder,
            stdout=summary,
            stderr=subprocess.PIPE,
            text=True,
        )
        memory = Memory(process.pid)
        memory.start()
        good_s, gathered_s, gathering = 0.0, 0.0, 0
        assert process.stderr is not None
        for line in process.stderr:
            if line.startswith("judge: hub-"):
                good_s = time.monotonic() - start
            elif line.startswith("consolidate:"):
                gathered_s, gathering = time.monotonic() - start, memory.most
        process.wait()
        seconds = time.monotonic() - start
        memory.stop()
        summary.seek(0)
        data = json.load(summary)
    states = {hub["id"]: hub["state"] for hub in data["hubs"]}
    return Ran(good_s, gathered_s, seconds, gathering / 1e6, memory.most / 1e6, states, data["release"], data["is_new"])


@contextmanager
def serving(feeds: Path) -> Iterator[int]:
    """nginx over ``feeds``, on a port of every loopback address."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    scratch = feeds.parent / "nginx"
    scratch.mkdir()
    unused = [f"{kind}_temp_path {scratch}/{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")]
    conf = [
        *(["user root;"] if os.geteuid() == 0 else []),
        f"daemon off; pid {scratch}/pid; error_log stderr; events {{ worker_connections 1024; }}",
        f"http {{ access_log off; {' '.join(unused)} server {{ listen {port}; root {feeds}; }} }}",
    ]
    (scratch / "nginx.conf").write_text("\n".join(conf))
    with subprocess.Popen(["/usr/sbin/nginx", "-e", "stderr", "-c", str(scratch / "nginx.conf")]) as server:
        try:
            wait_for(lambda: _is_open(port), 10)
            yield port
        finally:
            server.terminate()


def _is_open(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def a_world(folder: Path, good: int, port: int, paths: Sequence[str], hostile: Mapping[str, str]) -> Path:
    """A folder with a registry of the first ``good`` hubs, which nginx serves at ``port``, and of ``hostile`` ones."""
    for number, path in enumerate(paths[:good]):
        address = f"http://127.0.1.{1 + number % HOSTS}:{port}/{path}"
        register(folder, id=f"hub-{number:04d}", address=address, private_address=True)
    for hub, address in hostile.items():
        register(folder, id=hub, address=address, private_address=True, name={"en": hub})
    return folder


def texts(folder: Path) -> Iterator[str]:
    """The text files of the release that readers see."""
    newest = latest(folder / "public")
    for path in sorted((folder / "public" / newest.address).rglob("*")) if newest else ():
        if path.suffix in (".html", ".json", ".jsonl", ".csv", ".xml", ".txt"):
            yield path.read_text(encoding="utf-8")


def main(number: int = 1000) -> bool:
    """So many hubs; whether all went well."""
    conditions: dict[str, bool] = {}
    with tempfile.TemporaryDirectory() as scratch:
        root = Path(scratch)
        (root / "feeds").mkdir()
        good = number - round(number * HOSTILE_SHARE)
        paths = [write_hub(root / "feeds", each) for each in range(good)]
        with serving(root / "feeds") as port, hostile_hubs(number - good) as hostile:
            few, half = (run(a_world(root / str(n), n, port, paths, {})) for n in (number // 4, number // 2))
            alone = run(a_world(root / "alone", good, port, paths, {}))
            again = run(root / "alone")
            mixed = run(a_world(root / "mixed", good, port, paths, hostile))
            mixed_again = run(root / "mixed")
        fresh = Counter(mixed.states[f"hub-{each:04d}"] for each in range(good))
        others = Counter(mixed.states[hub] for hub in hostile)
        print(f"good hubs: {dict(fresh)}; {len(hostile)} hostile ones in {len(WAYS)} ways: {dict(others)}")
        for label, ran in (
            (f"{number // 4:,} good hubs", few),
            (f"{number // 2:,} good hubs", half),
            (f"{good:,} good hubs", alone),
            ("the same again, nothing new", again),
            (f"{good:,} good hubs and {len(hostile)} hostile", mixed),
            ("the same again, nothing new", mixed_again),
        ):
            print(
                f"{label:<34} good ones done {ran.good_s:6.1f} s, all judged {ran.gathered_s:6.1f}, "
                f"end {ran.seconds:6.1f}; most memory {ran.gathering_mb:5.0f} MB, to the end {ran.most_mb:5.0f}"
            )
        conditions["every good hub is fresh"] = set(fresh) == {"fresh"} and set(alone.states.values()) == {"fresh"}
        conditions["no hostile hub is used"] = not others.keys() & {"fresh", "carried_forward"}
        conditions["nothing of theirs is published"] = not any(MARK in text for text in texts(root / "mixed"))
        conditions["good hubs are not held up"] = mixed.good_s < HELD_UP * alone.good_s
        conditions["the run does not wait for long"] = mixed.gathered_s - mixed.good_s < LONGEST_WAIT_SECONDS
        conditions["memory is flat"] = alone.gathering_mb < MEMORY_GROWTH * few.gathering_mb
        conditions["nothing new is cheap"] = again.gathered_s < UNCHANGED_SHARE * alone.gathered_s
        conditions["nothing new is no release"] = not (again.is_new or mixed_again.is_new)
    print(f"good hubs beside hostile ones: {mixed.good_s / alone.good_s:.2f} of the time; nothing new: ", end="")
    print(
        f"{again.gathered_s / alone.gathered_s:.2f}; memory: {alone.gathering_mb / few.gathering_mb:.2f} of a quarter's"
    )
    for condition, holds in conditions.items():
        print(f"{'yes' if holds else 'NO'}: {condition}")
    return all(conditions.values())
