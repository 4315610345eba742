"""Publications and takedowns that are killed while a reader polls the site: does anybody ever see a file that is
missing, or one that does not fit its checksum?
"""

from __future__ import annotations

import random
import tempfile
from pathlib import Path

from tests.publishing_kills import PublishingKills, Reader
from tests.servers import by_serve

A_ROUND = 5
"""Kills of each kind before the work is let through."""


def main(kills: int = 100) -> bool:
    """Kill until so many of each kind have landed; whether all went well."""
    with tempfile.TemporaryDirectory() as scratch:
        public = Path(scratch) / "public"
        killing = PublishingKills(public, random.Random(kills))
        with by_serve(public, Path(scratch)) as address, Reader(address) as reader:
            number = 2
            while min(killing.landed.values()) < kills and not reader.problems:
                killing.round(number, A_ROUND)
                number += 1
    for problem in reader.problems[:5]:
        print(problem)
    landed = ", ".join(f"{what} {count}" for what, count in killing.landed.items())
    print(f"killed: {landed}; polled {reader.rounds:,} times, {reader.reissued} of them while a release was reissued")
    print(f"files missing, wrong sums, mixed releases: {len(reader.problems)}")
    return not reader.problems and reader.rounds > kills
