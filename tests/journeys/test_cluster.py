"""More than one machine: PostgreSQL, Redis, code server, daemon, web server and two workers on hosts of their own, over
one folder. Something of it dies in the middle of a run, and the release comes out whole, without anybody's help.
"""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from pipelines.publish import verify_release
from tests.clusters import Cluster, cluster, until
from tests.feeds import a_case_study, a_faq, register, submit, write_feed

STEP = "build_and_publish"
"""The step of the job ``release`` in which something dies: the one that writes what readers see."""


def feed(folder: Path, hub: str, told: str) -> Path:
    studies = [
        a_case_study(id=f"s-{n}", title=f"Study {n} of {hub}", body=f"{told} {n} of {hub}. " * 50) for n in range(3)
    ]
    return write_feed(folder, studies, [a_faq(question=f"What does {hub} do?", answer=told)])


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    folder = tmp_path_factory.mktemp("cluster")
    for hub in ("one", "two", "three"):
        register(folder, id=hub, sector="health" if hub == "two" else "local_government")
        feed(folder / "feeds" / hub, hub, "First")
    register(folder, id="sent", address="submission")
    schedule = "* * * * *"
    with cluster(folder, HUBPACKS_SCHEDULE_PULL=schedule, HUBPACKS_SCHEDULE_WORKING_DAYS="false") as started:
        yield started


def is_whole(running: Cluster, release: str) -> bool:
    return verify_release(running.folder / "public" / "releases" / release) == []


def records(running: Cluster) -> str:
    found = running.folder / "public" / "releases" / str(running.released()) / "packs/national/records.jsonl"
    return found.read_text(encoding="utf-8")


def test_a_schedule_fires_a_submission_is_taken_and_a_release_goes_out(running: Cluster) -> None:
    running.turn_on("pull_daily")
    submit(running.folder / "store", "sent", feed(running.folder / "sent", "sent", "Submitted"))
    by_sensor = until(lambda: running.runs(tags=[{"key": "dagster/sensor_name", "value": "submissions"}]), "the sensor")
    running.wait_for_run(by_sensor[-1]["runId"])
    by_schedule = until(
        lambda: running.runs(tags=[{"key": "dagster/schedule_name", "value": "pull_daily"}]), "the schedule"
    )
    running.wait_for_run(by_schedule[-1]["runId"])
    running.turn_off("pull_daily")
    running.wait_for_run(running.launch("release"))
    release = running.released()
    assert release is not None
    assert is_whole(running, release)
    told = records(running)
    assert all(f'"{hub}/s-0"' in told for hub in ("one", "two", "three", "sent"))
    hosts = [name for name in ("host-1", "host-2") if "STEP_SUCCESS" in running.log(name)]
    assert hosts == ["host-1", "host-2"]  # both have worked


def test_the_database_and_a_worker_die_in_the_middle_of_runs_and_the_release_comes_out_whole(running: Cluster) -> None:
    before = running.released()
    feed(running.folder / "feeds/one", "one", "Second")
    pull = running.launch("pull")
    host = running.pause_in_step(pull, "gather_local_government")
    running.stop("postgres", signal.SIGQUIT)  # at once, as in a crash
    running.go_on(host)
    running.start_database()
    running.wait_for_run(pull)

    release = running.launch("release")
    running.kill(running.pause_in_step(release, STEP))
    ended = running.wait_for_run(release)
    assert ended["runId"] == release  # the queue gave the step to the other worker: the run itself never broke off
    assert len([event for event in running.events(release) if event.startswith(f"STEP_START {STEP}")]) == 2
    assert running.released() != before
    assert is_whole(running, str(running.released()))
    assert "Second" in records(running)


def test_nothing_of_a_secret_is_left_on_the_disk(running: Cluster) -> None:
    from tests.clusters import PASSWORD

    files = [path for path in running.folder.rglob("*") if path.is_file() and "queue" not in path.parts]
    assert [path for path in files if PASSWORD.encode() in path.read_bytes()] == []
    assert psutil.pid_exists(running.processes["code"].pid)
