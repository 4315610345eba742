"""A cluster of hubpacks on the loopback: PostgreSQL, Redis, code server, daemon, web server and workers, each a process
of its own, started as ``deploy/`` and docs/operators.md say and stopped with the test. Workers stand on other hosts
(``tests.hosts``), as far as they can tell.
"""

from __future__ import annotations

import getpass
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import psutil
import psycopg2
import yaml

from tests.hosts import on_another_host, without_writing
from tests.servers import free_port

DEPLOY = Path(__file__).parents[1] / "deploy"
PROGRAMS = Path(sys.executable).parent
POSTGRES = Path("/usr/lib/postgresql/15/bin")
ACCOUNT = "nobody"
"""PostgreSQL's programs refuse to run as root."""
PASSWORD = "only-in-the-environment-7f3a"
SECONDS = 90
"""How long is waited for what has to happen."""


@dataclass
class Cluster:
    """One that runs over the registry, the store and the public folder in ``folder``."""

    folder: Path
    data: Path
    environment: Mapping[str, str]
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)
    web: str = ""

    # Its parts.

    def start(self, name: str, command: list[str], **more: str) -> None:
        """Start a part; what it says goes into ``<name>.log``."""
        with (self.folder / f"{name}.log").open("ab") as log:
            self.processes[name] = subprocess.Popen(
                ["setpriv", "--pdeathsig", "KILL", *command],  # also when the tests themselves are killed
                cwd=self.folder,
                env={**self.environment, **more},
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def stop(self, name: str, sign: signal.Signals = signal.SIGTERM) -> None:
        """Stop a part and everything that it has started."""
        process = self.processes.pop(name)
        with suppress(ProcessLookupError):
            os.killpg(process.pid, sign)
        try:
            process.wait(timeout=15)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()

    def kill(self, name: str) -> None:
        """As when the machine of a part loses power."""
        self.stop(name, signal.SIGKILL)

    def end(self) -> None:
        """Stop all parts. They are not asked: some would look for the others first."""
        for name in reversed(list(self.processes)):
            self.stop(name, signal.SIGQUIT if name == "postgres" else signal.SIGKILL)

    def log(self, name: str) -> str:
        """What a part has said."""
        return (self.folder / f"{name}.log").read_text(encoding="utf-8", errors="replace")

    def start_worker(self, name: str) -> None:
        """A worker on a host of that name, which takes two steps at once."""
        command = [str(PROGRAMS / "celery"), "-A", "assets.worker", "worker", "--queues", "dagster"]
        self.start(name, on_another_host([*command, "--concurrency", "2", "--without-gossip"], name))

    def start_database(self) -> None:
        """PostgreSQL, with the history that it had."""
        port = self.environment["HUBPACKS_DATABASE_PORT"]
        options = {"listen_addresses": "127.0.0.1", "port": port, "unix_socket_directories": "", "fsync": "off"}
        given = [word for name, value in options.items() for word in ("-c", f"{name}={value}")]
        self.start("postgres", [*_as_account(), str(POSTGRES / "postgres"), "-D", str(self.data), *given])
        until(self.can_connect, "PostgreSQL answers")

    def can_connect(self) -> bool:
        """Whether the database lets anybody in."""
        with suppress(psycopg2.OperationalError):
            self.connect("postgres", "postgres").close()
            return True
        return False

    def connect(self, user: str, database: str) -> Any:
        """A connection to the database."""
        port = self.environment["HUBPACKS_DATABASE_PORT"]
        return psycopg2.connect(host="127.0.0.1", port=port, user=user, dbname=database, password=PASSWORD)

    # What happens in the middle of a run.

    def pause_in_step(self, run_id: str, step: str) -> str:
        """Wait until a worker is at work on ``step`` of the run, and stop it there; gives the worker's host."""
        mark = f"{run_id} - "

        def at_work() -> str | None:
            for name in self.processes:
                if name.startswith("host-") and any(
                    mark in line and f"{step} - STEP_START" in line for line in self.log(name).splitlines()
                ):
                    return name
            return None

        host = str(until(at_work, f"{step} begins", told=lambda: self.events(run_id)))
        for process in self._tree(host):
            process.suspend()
        return host

    def go_on(self, host: str) -> None:
        """Let the worker go on that ``pause_in_step`` stopped."""
        for process in self._tree(host):
            with suppress(psutil.NoSuchProcess):
                process.resume()

    def stopped_process(self, host: str) -> psutil.Process:
        """The process that is at work on a step: of the two it is the one that has worked more."""
        main = next(process for process in self._tree(host) if "celery" in " ".join(process.cmdline()))
        return max(main.children(), key=lambda process: process.cpu_times().user)

    def processes_of_runs(self) -> list[psutil.Process]:
        """The processes of the runs that are at work."""
        found = psutil.Process(self.processes["code"].pid).children(recursive=True)
        return [process for process in found if "multiprocessing.spawn" in " ".join(process.cmdline())]

    def _tree(self, name: str) -> list[psutil.Process]:
        first = psutil.Process(self.processes[name].pid)
        return first.children(recursive=True)

    # What it is asked.

    def turn_on(self, schedule: str) -> None:
        """Switch a schedule on, as the UI does."""
        selector = {"repositoryLocationName": "hubpacks", "repositoryName": "__repository__", "scheduleName": schedule}
        told = self.ask(TURN_ON, selector=selector)["startSchedule"]
        assert told["__typename"] == "ScheduleStateResult", told

    def turn_off(self, schedule: str) -> None:
        """Switch a schedule off."""
        selector = {"repositoryLocationName": "hubpacks", "repositoryName": "__repository__", "scheduleName": schedule}
        found = self.ask(SCHEDULE, selector=selector)["scheduleOrError"]["scheduleState"]
        told = self.ask(TURN_OFF, id=found["id"])["stopRunningSchedule"]
        assert told["__typename"] == "ScheduleStateResult", told

    def ask(self, query: str, **variables: Any) -> Any:
        """An answer of the web server, as the UI asks it. It is asked again after a refusal: each connection to the
        database that it has kept is noticed to be broken by the request that gets it.
        """

        def answered() -> httpx.Response | None:
            answer = httpx.post(f"{self.web}/graphql", json={"query": query, "variables": variables}, timeout=60)
            return None if answer.is_server_error else answer

        answer = until(answered, "the web server answers", told=lambda: self.log("web")[-2000:])
        told = answer.json()
        assert "errors" not in told, told
        return told["data"]

    def launch(self, job: str, **more: Any) -> str:
        """Launch a job as the UI does; gives the id of the run."""
        selector = {
            "repositoryLocationName": "hubpacks",
            "repositoryName": "__repository__",
            "jobName": job,
        } | more
        launched = self.ask(LAUNCH, params={"selector": selector, "runConfigData": {}})["launchRun"]
        assert launched["__typename"] == "LaunchRunSuccess", launched
        return str(launched["run"]["runId"])

    def runs(self, **filters: Any) -> list[dict[str, Any]]:
        """The runs, newest first."""
        return list(self.ask(RUNS, filter=filters)["runsOrError"]["results"])

    def run(self, run_id: str) -> dict[str, Any]:
        """One run."""
        return next(run for run in self.runs() if run["runId"] == run_id)

    def family(self, run_id: str) -> list[dict[str, Any]]:
        """A run and those that tried it again, newest first."""
        return [run for run in self.runs() if run_id in (run["runId"], run["rootRunId"])]

    def wait_for_run(self, run_id: str, seconds: float = SECONDS) -> dict[str, Any]:
        """The run that ended well: this one, or the last that tried it again."""

        def ended() -> dict[str, Any] | None:
            newest = self.family(run_id)[0]
            if newest["status"] == "SUCCESS":
                return newest
            has_given_up = newest["status"] in ("FAILURE", "CANCELED") and len(self.family(run_id)) > 3
            assert not has_given_up, self.events(newest["runId"])
            return None

        return until(ended, f"run {run_id} ends well", seconds, lambda: self.family(run_id))

    def events(self, run_id: str) -> list[str]:
        """What happened in a run, oldest first."""
        told = self.ask(EVENTS, run=run_id)["logsForRun"]["events"]
        return [
            f"{one['eventType']} {one.get('stepKey') or ''} {one['message']} {one.get('error') or ''}".rstrip()
            for one in told
            if one.get("eventType") and "PLANNED" not in one["eventType"]
        ]

    def released(self) -> str | None:
        """The release that readers see."""
        path = self.folder / "public" / "latest.json"
        return json.loads(path.read_bytes())["release"] if path.exists() else None


LAUNCH = """mutation($params: ExecutionParams!) { launchRun(executionParams: $params) {
  __typename ... on LaunchRunSuccess { run { runId } } ... on PythonError { message }
  ... on RunConfigValidationInvalid { errors { message } } } }"""
TURN_ON = """mutation($selector: ScheduleSelector!) { startSchedule(scheduleSelector: $selector) {
  __typename ... on PythonError { message } } }"""
TURN_OFF = """mutation($id: String!) { stopRunningSchedule(id: $id) { __typename ... on PythonError { message } } }"""
SCHEDULE = """query($selector: ScheduleSelector!) { scheduleOrError(scheduleSelector: $selector) {
  ... on Schedule { scheduleState { id } } } }"""
RUNS = """query($filter: RunsFilter) { runsOrError(filter: $filter) { ... on Runs { results {
  runId rootRunId status jobName tags { key value } } } } }"""
EVENTS = """query($run: ID!) { logsForRun(runId: $run) { ... on EventConnection { events {
  ... on MessageEvent { eventType message stepKey }
  ... on ExecutionStepFailureEvent { error { message cause { message } } } } } } }"""


def until(condition: Callable[[], Any], what: str, seconds: float = SECONDS, told: Callable[[], Any] = str) -> Any:
    """Wait until ``condition`` gives something, and give it; ``told`` says how things stand when it does not."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if found := condition():
            return found
        time.sleep(0.1)
    raise TimeoutError(f"{what}: not within {seconds} s; {told()}")


@contextmanager
def cluster(folder: Path, workers: int = 2, patience_seconds: int = 5, **more: str) -> Iterator[Cluster]:
    """A cluster over ``folder``, with everything up. ``more`` are variables of all its parts."""
    home, files = folder / "home", folder / "files"
    for path in (home, files):
        path.mkdir(parents=True, exist_ok=True)
    instance = yaml.safe_load((DEPLOY / "dagster.yaml").read_text(encoding="utf-8"))
    # As shipped, but for what would make a test slow: how often something is looked at.
    instance["run_monitoring"] |= {"poll_interval_seconds": 2}
    instance["run_coordinator"]["config"] = {"dequeue_interval_seconds": 1}
    (home / "dagster.yaml").write_text(yaml.safe_dump(instance), encoding="utf-8")
    shutil.copy(DEPLOY / "workspace.yaml", folder)
    database, queue, web = free_port(), free_port(), free_port()
    environment = {
        "PATH": f"{PROGRAMS}:{os.environ['PATH']}",
        "HOME": str(folder),
        "LANG": "C.UTF-8",
        "PYTHONWARNINGS": "ignore",
        "DAGSTER_HOME": str(home),
        "HUBPACKS_DAGSTER_FILES": str(files),
        "HUBPACKS_CODE_SOCKET": str(folder / "code.sock"),
        "HUBPACKS_DATABASE_HOST": "127.0.0.1",
        "HUBPACKS_DATABASE_PORT": str(database),
        "HUBPACKS_DATABASE_NAME": "dagster",
        "HUBPACKS_DATABASE_USER": "hubpacks",
        "HUBPACKS_DATABASE_PASSWORD": PASSWORD,
        "HUBPACKS_CELERY_BROKER": f"redis://127.0.0.1:{queue}/0",
        "HUBPACKS_CELERY_PATIENCE_SECONDS": str(patience_seconds),
        "HUBPACKS_EXECUTOR": "celery",
        "HUBPACKS_REGISTRY": str(folder / "registry"),
        "HUBPACKS_STORE": str(folder / "store"),
        "HUBPACKS_PUBLISH": str(folder / "public"),
    } | more
    with ExitStack() as stack:
        # Not below the folder of a test, which is its owner's alone.
        data = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="hubpacks-database-"))) / "data"
        running = Cluster(folder, data, environment, web=f"http://127.0.0.1:{web}")
        stack.callback(running.end)
        (folder / "queue").mkdir(exist_ok=True)
        redis_options = ["--port", str(queue), "--bind", "127.0.0.1", "--dir", str(folder / "queue"), "--save", ""]
        running.start("redis", ["redis-server", *redis_options, "--appendonly", "yes"])
        for number in range(workers):
            running.start_worker(f"host-{number + 1}")
        _make_database(data)
        running.start_database()
        _make_user(running)
        running.start(
            "code",
            [
                "dagster",
                "code-server",
                "start",
                "-s",
                environment["HUBPACKS_CODE_SOCKET"],
                "-m",
                "assets.definitions",
                "--location-name",
                "hubpacks",
            ],
        )
        until((folder / "code.sock").exists, "the code server listens", told=lambda: running.log("code"))
        running.start("daemon", without_writing(["dagster-daemon", "run", "-w", "workspace.yaml"], folder))
        running.start(
            "web",
            without_writing(["dagster-webserver", "-w", "workspace.yaml", "-h", "127.0.0.1", "-p", str(web)], folder),
        )
        until(lambda: _answers(running.web), "the web server answers", told=lambda: running.log("web"))
        yield running


def _account() -> str:
    return ACCOUNT if os.geteuid() == 0 else getpass.getuser()


def _as_account() -> list[str]:
    return (
        ["setpriv", f"--reuid={ACCOUNT}", "--regid=nogroup", "--clear-groups", "--pdeathsig=QUIT"]
        if os.geteuid() == 0
        else []
    )


def _make_database(data: Path) -> None:
    """An empty database in the new folder ``data``, which has to belong to its account."""
    secret = data.with_name("superuser")
    secret.write_text(PASSWORD)
    for path in (secret, data.parent):
        shutil.chown(path, _account())
    options = ["--username=postgres", f"--pwfile={secret}", "--auth=scram-sha-256", "--no-sync", "--encoding=UTF8"]
    made = subprocess.run(
        [*_as_account(), str(POSTGRES / "initdb"), "-D", str(data), *options, "--locale=C.UTF-8"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert made.returncode == 0, made.stdout + made.stderr


def _make_user(running: Cluster) -> None:
    """As docs/operators.md says: a user that owns its database and nothing else."""
    connection = running.connect("postgres", "postgres")
    connection.autocommit = True
    with connection.cursor() as cursor:
        cursor.execute("CREATE ROLE hubpacks LOGIN PASSWORD %s", [PASSWORD])
        cursor.execute("CREATE DATABASE dagster OWNER hubpacks")
    connection.close()


def _answers(address: str) -> bool:
    with suppress(httpx.TransportError):
        return httpx.get(f"{address}/server_info", timeout=5).status_code == 200
    return False
