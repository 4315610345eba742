"""Runs over a store in a bucket that are killed at random requests, each on a machine of its own; another goes on."""

from __future__ import annotations

import random
import tempfile
import time
from pathlib import Path

from tests.mirrors import a_door
from tests.stores_in_buckets import Machines, survive


def main(kills: int = 20) -> bool:
    """Print what was seen; whether it is as it has to be."""
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as scratch, a_door(Path(scratch) / "door") as door:
        machines = Machines(Path(scratch), door)
        survive(machines, kills, random.Random(20))
    print(
        f"{machines.landed} runs killed with -9, after {machines.shown} of which readers had seen the new release; "
        f"each time another machine ended as a store in a folder does; {time.monotonic() - began:.0f} s"
    )
    return machines.landed == kills
