"""Runs over thirty hubs that are killed while they pull: is half a snapshot ever left? Does the next run end as if
nothing had happened?
"""

from __future__ import annotations

import random
import tempfile
from pathlib import Path

from tests.kills import Killing, survive
from tests.websites import website

HUBS = 30


def main(kills: int = 50) -> bool:
    """Kill so many runs; whether all went well."""
    with tempfile.TemporaryDirectory() as scratch, website(Path(scratch) / "feeds", delay_seconds=0.02) as site:
        killing = Killing(Path(scratch), site, HUBS, random.Random(kills))
        try:
            survive(killing, kills)
        except AssertionError as error:
            print(f"after {killing.landed} kills: {error}")
            return False
    print(f"killed while pulling: {killing.landed} runs over {HUBS} hubs; half snapshots: 0")
    print("each time the next run ended like one in an empty store")
    return killing.landed == kills
