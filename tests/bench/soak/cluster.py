"""Workers, processes of runs and the database of a cluster that die at random moments, release after release, and what
readers see meanwhile.
"""

from __future__ import annotations

import random
import signal
import tempfile
import time
from pathlib import Path

from pipelines.publish import verify_release
from tests.clusters import Cluster, cluster
from tests.feeds import a_case_study, register, write_feed

HUBS = ("one", "two", "three")


def main(deaths: int = 20) -> bool:
    """Let ``deaths`` parts die, each at a random moment of a release with new content: half of them machines of
    workers, a quarter processes of runs, a quarter databases. Every release has to come out whole, with nobody's help.
    """
    chosen = random.Random(40)
    kinds = ["worker", "database", "worker", "run"]
    bad = 0
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for hub in HUBS:
            register(folder, id=hub)
            _write(folder, hub, 0)
        with cluster(folder) as running:
            for number in range(1, deaths + 1):
                kind = kinds[number % len(kinds)]
                _write(folder, HUBS[number % len(HUBS)], number)
                began = time.monotonic()
                running.wait_for_run(running.launch("pull"), 300)
                run = running.launch("release")
                time.sleep(chosen.uniform(0, 15))
                _let_die(running, kind, chosen)
                ended = running.wait_for_run(run, 300)
                release = str(running.released())
                problems = verify_release(folder / "public/releases" / release)
                is_new = f"Round {number} " in _told(folder, release)
                bad += bool(problems) or not is_new
                how = "the same run" if ended["runId"] == run else "a run that tried it again"
                whole = "whole" if not problems and is_new else f"NOT WHOLE {problems[:3]} new: {is_new}"
                print(f"{number:>3} {kind:<8} {how}, {whole}, {time.monotonic() - began:.0f} s", flush=True)
    print(f"{deaths} deaths, {bad} releases that were not whole")
    return not bad


def _let_die(running: Cluster, kind: str, chosen: random.Random) -> None:
    if kind == "worker":
        host = chosen.choice(["host-1", "host-2"])
        running.kill(host)
        running.start_worker(host)  # as systemd does
    elif kind == "database":
        running.stop("postgres", signal.SIGQUIT)
        running.start_database()
    else:
        for process in running.processes_of_runs()[:1]:
            process.kill()


def _write(folder: Path, hub: str, number: int) -> None:
    studies = [a_case_study(id=f"s-{hub}", title=f"Study of {hub}", body=f"Round {number} of {hub}. " * 40)]
    write_feed(folder / "feeds" / hub, studies)


def _told(folder: Path, release: str) -> str:
    return (folder / "public/releases" / release / "packs/national/records.jsonl").read_text(encoding="utf-8")
