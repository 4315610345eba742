"""What Dagster costs beside the bare line, when all is new and when nothing has changed, and how soon the code location
is there. ``python -m tests.bench.orchestration WAY FOLDER`` is one way; it prints the seconds without its start.
"""

from __future__ import annotations

import json
import logging
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from hubs.contract.vocabularies import vocabulary
from tests.bench.measure import ROOT, Case, Reach, Way, empty, ours
from tests.feeds import a_study, answers_of, register, write_feed

FEW, MANY = 100, 1_000
"""Hubs."""
STUDIES, ORGANISATIONS = 5, 100
"""What each hub sends: case studies, and organisations with answers."""


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


WAYS = {"bare": run_bare, "dagster": run_dagster, "location": location_seconds}
NEW, UNCHANGED = "all is new", "nothing has changed"


def cases(folder: Path) -> Iterator[Case]:
    """By number of hubs: the code location, all new, and nothing changed, which follows on all new."""
    growth = 1.2 * MANY / FEW
    for hubs in (FEW, MANY):
        place = folder / str(hubs)
        empty(place)
        write_hubs(place, hubs)
        yield _case(place, f"{hubs:,} hubs by Dagster, {NEW}", is_new=True)
        yield _case(place, f"{hubs:,} hubs by Dagster, {UNCHANGED}", is_new=False)
    for what, names in (("code location", ("location",)), (UNCHANGED, ("dagster", "bare"))):
        labels = {name: [f"{name}, {hubs:,} hubs" for hubs in (MANY, FEW)] for name in names}
        ways = [
            Way(label, ours("orchestration", name, folder / str(hubs)))
            for name, own in labels.items()
            for label, hubs in zip(own, (MANY, FEW), strict=True)
        ]
        reaches = tuple(Reach(many, few, growth, "own_s") for many, few in labels.values())
        yield Case(f"{what} with ten times as many hubs", tuple(ways), reaches)


def _case(place: Path, name: str, *, is_new: bool) -> Case:
    ways = tuple(
        Way(label, ours("orchestration", way, place), (lambda way=way: empty(place / way)) if is_new else None)
        for label, way in (("Dagster", "dagster"), ("bare line", "bare"))
    )
    return Case(name, ways, rounds=1 if is_new else 3, warm_ups=0 if is_new else 1)


if __name__ == "__main__":
    print(json.dumps({"own_s": WAYS[sys.argv[1]](Path(sys.argv[2]))}))
