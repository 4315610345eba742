"""Mirrors that are killed while a reader looks on: does it ever see half a release? And what a mirror costs: objects a
second, and memory for files of any size.
"""

from __future__ import annotations

import hashlib
import json
import logging
import random
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from tests.bench.soak.memory import Memory
from tests.intakes import COMMAND
from tests.mirrors import FIRST, SECRET, Door, a_door, kill_mirrors, two_releases
from tests.servers import BUCKET

SMALL_FILES, SMALL_BYTES = 4_000, 10_000
LARGE_MB = (10, 100, 400)
BLOCK_BYTES = 1_000_000
FLAT_MB = 60
"""So much more memory a file may take that is forty times as large: the parts that are under way at once, and slack."""


def main(kills: int = 30) -> bool:
    """Kill so many mirrors, then measure; whether all went well."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)  # a line for each request to the store
    with tempfile.TemporaryDirectory() as name, a_door(Path(name) / "door", is_open=True) as door:
        scratch = Path(name)
        try:
            seen = kill_mirrors(door, two_releases(scratch), kills, random.Random(kills))
        except AssertionError as error:
            print(f"not as it has to be: {error}")
            return False
        looks = ", ".join(f"{release} {n:,} times" for release, n in sorted(seen.items()))
        print(f"killed: {kills} mirrors; the reader saw {looks}, never half of one; each next run went on")
        small = a_folder(scratch / "small", [SMALL_BYTES] * SMALL_FILES)
        first, again = measured(door, small, "small"), measured(door, small, "small")
        rate = first["uploaded"] / first["seconds"]
        print(
            f"{first['uploaded']:,} files of {SMALL_BYTES:,} bytes: {first['seconds']} s, {rate:,.0f} a second, ",
            end="",
        )
        print(f"{first['most_mb']:,.0f} MB; again, with nothing to send: {again['seconds']} s")
        most = []
        for size in LARGE_MB:
            done = measured(door, a_folder(scratch / f"large-{size}", [size * 1_000_000]), f"large-{size}")
            most.append(done["most_mb"])
            print(f"a file of {size} MB: {done['seconds']} s, {done['most_mb']:,.0f} MB of memory")
    return again["uploaded"] == 0 and most[-1] - most[0] < FLAT_MB


def a_folder(public: Path, sizes: list[int]) -> Path:
    """A public folder with a release, unsigned as the first ones were, of files of so many bytes."""
    release = public / "releases" / FIRST
    release.mkdir(parents=True)
    lines = []
    for number, size in enumerate(sizes):
        chance, digest = random.Random(number), hashlib.sha256()
        with (release / f"{number:05}.bin").open("wb") as file:
            for begin in range(0, size, BLOCK_BYTES):
                file.write(block := chance.randbytes(min(BLOCK_BYTES, size - begin)))
                digest.update(block)
        lines.append(f"{digest.hexdigest()}  {number:05}.bin\n")
    (release / "SHA256SUMS").write_text("".join(lines))
    (public / "latest.json").write_text(json.dumps({"release": FIRST}))
    (public / "releases.json").write_text(json.dumps({"releases": [{"release": FIRST}]}))
    for name in ("index.html", "feed.xml"):
        (public / name).write_text(FIRST)
    return public


def measured(door: Door, public: Path, place: str) -> dict[str, Any]:
    """What the command tells of itself, and the most memory that it took, past the door that would slow it down."""
    where = ["--publish", str(public), "--endpoint", door.store, "--secret", SECRET]
    command = [*COMMAND, "mirror", f"s3://{BUCKET}/{place}", *where, "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        memory = Memory(process.pid)
        memory.start()
        told, _ = process.communicate()
        memory.stop()
    return dict(json.loads(told)) | {"most_mb": memory.most / 1_000_000}
