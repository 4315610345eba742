"""``make bench ARGS=--dagster``: what Dagster costs beside the bare line, in one run and in turn, and how soon the code
location is there. ``python -m tests.bench.orchestration WAY FOLDER`` is one contender.
"""

from __future__ import annotations

import json
import logging
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

from hubs.contract.vocabularies import vocabulary
from tests.feeds import a_study, answers_of, register, write_feed

HUBS, LOCATIONS, ROUNDS = 100, (10, 300, 1_000), 3
STUDIES, ORGANISATIONS = 5, 100
"""What each hub sends: case studies, and organisations with answers."""
ROOT = Path(__file__).parents[2]


def write_hubs(folder: Path, hubs: int, *, has_feeds: bool = True) -> None:
    """Registrations of hubs in all sectors, and small feeds."""
    sectors = [term.id for term in vocabulary("sectors")]
    for number in range(hubs):
        hub = f"hub-{number:04d}"
        register(folder, id=hub, sector=sectors[number % len(sectors)])
        if has_feeds:
            studies = [a_study(STUDIES * number + n) for n in range(STUDIES)]
            answers = answers_of(ORGANISATIONS, first=1 + ORGANISATIONS * number)
            write_feed(folder / "feeds" / hub, studies, answers=answers)


def location_seconds(folder: Path) -> float:
    """How long Dagster's own command takes to load the code location in a process of its own, both starts included."""
    environment = os.environ | {
        f"HUBPACKS_{name.upper()}": str(folder / name) for name in ("registry", "store", "publish")
    }
    command = [str(Path(sys.executable).with_name("dagster")), "definitions", "validate", "-w", "workspace.yaml"]
    start = time.perf_counter()
    subprocess.run(command, cwd=ROOT, env=environment, check=True, capture_output=True)
    return time.perf_counter() - start


def run_bare(folder: Path) -> float:
    """Seconds of ``releasing.run``."""
    from pipelines.line import open_line
    from pipelines.releasing import run

    start = time.perf_counter()
    line = open_line(folder / "registry", folder / "bare/store", folder / "bare/public")
    run(line, datetime.now(UTC), lambda _stage, _what: None)
    return time.perf_counter() - start


def run_dagster(folder: Path) -> float:
    """Seconds of the jobs ``pull`` and ``release`` with their history in files, once the code location is there."""
    import dagster as dg

    from assets.definitions import build_defs
    from assets.resources import LineResource

    logging.disable(logging.WARNING)  # what a terminal would show is not what is measured
    own = folder / "dagster"
    defs = build_defs(
        LineResource(registry=str(folder / "registry"), store=str(own / "store"), publish=str(own / "public"))
    )
    jobs = [defs.resolve_job_def(name) for name in ("pull", "release")]
    home = own / "home"
    home.mkdir(parents=True, exist_ok=True)
    os.environ["DAGSTER_HOME"] = str(home)
    shutil.copy(ROOT / "assets/dagster.yaml", home)
    with dg.DagsterInstance.from_config(str(home)) as instance:
        start = time.perf_counter()
        for job in jobs:
            job.execute_in_process(instance=instance)
        return time.perf_counter() - start


WAYS = {"bare": run_bare, "dagster": run_dagster}


def contender(way: str, folder: Path) -> float:
    """Seconds of one contender, in a process of its own."""
    command = [sys.executable, "-W", "ignore", "-m", "tests.bench.orchestration", way, str(folder)]
    done = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
    return float(json.loads(done.stdout.splitlines()[-1]))


def main() -> None:
    """Print the tables."""
    print(f"{os.cpu_count()} processors, load {os.getloadavg()[0]:.1f}\n\n| hubs | code location loads in |\n|--:|--:|")
    for hubs in LOCATIONS:
        with tempfile.TemporaryDirectory() as folder:
            write_hubs(Path(folder), hubs, has_feeds=False)
            seconds = [location_seconds(Path(folder)) for _ in range(ROUNDS)]
            print(f"| {hubs:,} | {statistics.median(seconds):.1f} s |", flush=True)
    found: dict[tuple[str, str], list[float]] = {}
    for _ in range(ROUNDS):
        with tempfile.TemporaryDirectory() as folder:
            write_hubs(Path(folder), HUBS)
            for what in ("all is new", "nothing has changed"):
                for way in WAYS:
                    found.setdefault((what, way), []).append(contender(way, Path(folder)))
    print(f"\n| {HUBS} hubs | bare line | Dagster | more | share |\n|---|--:|--:|--:|--:|")
    for what in ("all is new", "nothing has changed"):
        rounds = list(zip(found[what, "bare"], found[what, "dagster"], strict=True))
        bare, own = (statistics.median(one[n] for one in rounds) for n in (0, 1))
        more = statistics.median(dagster - line for line, dagster in rounds)
        share = statistics.median((dagster - line) / line for line, dagster in rounds)
        print(f"| {what} | {bare:.1f} s | {own:.1f} s | {more:.1f} s | {share:.0%} |")


if __name__ == "__main__":
    print(json.dumps(WAYS[sys.argv[1]](Path(sys.argv[2]))))
