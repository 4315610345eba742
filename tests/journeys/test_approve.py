"""A candidate from the first look to the last reader, by the commands as an operator types them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import threading
from pathlib import Path

import httpx
import pytest

from tests.feeds import a_case_study, register, write_feed
from tests.intakes import COMMAND
from tests.journeys.test_run import hubpacks
from tests.servers import free_port

WHO = ("--by", "Sample operator")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a registry of one hub."""
    register(tmp_path)
    write_feed(tmp_path / "feeds/one", [a_case_study()])
    return tmp_path


def waiting(folder: Path) -> str:
    """The id of the candidate that waits."""
    done = hubpacks(folder, "candidates", "--registry", "registry", "--json")
    assert done.returncode == 0, done.stderr
    return str(json.loads(done.stdout)["candidate"]["id"])


def test_from_candidate_to_release(folder: Path) -> None:
    run = ("run", "--registry", "registry")
    none = hubpacks(folder, "candidates", "--registry", "registry")
    assert (none.returncode, none.stdout) == (0, "No candidate waits.\n")
    built = hubpacks(folder, *run, "--candidate")
    assert built.returncode == 0, built.stderr
    id = waiting(folder)
    assert f"Candidate {id} waits" in built.stdout
    assert not (folder / "public/latest.json").exists()
    told = hubpacks(folder, "candidates", "--registry", "registry").stdout
    assert f"{id}: waiting, built on " in told
    assert f"hubpacks approve {id} --by NAME" in told

    approved = hubpacks(folder, "approve", id, *WHO, "--note", "Read it", "--registry", "registry")
    assert approved.returncode == 0, approved.stderr
    assert f"Published release {id}" in approved.stdout
    assert json.loads((folder / "public/latest.json").read_text())["release"] == id
    release = json.loads((folder / "public/releases" / id / "release.json").read_text())
    assert release["approved_by"] == "Sample operator"
    assert hubpacks(folder, "verify", "public").returncode == 0

    write_feed(folder / "feeds/one", [a_case_study(body="Changed.")])
    hubpacks(folder, *run, "--candidate")
    other = waiting(folder)
    told = hubpacks(folder, "candidates", "--registry", "registry").stdout
    assert f"From release {id} to {other}" in told
    assert "Records changed: 1" in told
    assert f"{id}: published" in told
    refused = hubpacks(folder, "refuse", other, *WHO, "--reason", "The old text was better", "--registry", "registry")
    assert refused.stdout == f"{other} is refused. Readers go on seeing {id}.\n"
    after = hubpacks(folder, *run)
    assert after.returncode == 0
    assert f"{other} said the same, and Sample operator refused it: The old text was better" in after.stdout
    assert json.loads((folder / "public/latest.json").read_text())["release"] == id


def test_two_people_by_a_setting(folder: Path) -> None:
    (folder / "hubpacks.toml").write_text('[approval]\npeople = 2\nautomatic = "never"\n')
    built = hubpacks(folder, "run", "--registry", "registry")
    assert "It does not go out by itself: somebody has to approve each release" in built.stdout
    id = waiting(folder)
    approve = ("approve", id, "--note", "Read it", "--registry", "registry")
    first = hubpacks(folder, *approve, *WHO)
    assert first.stdout == f"{id} is approved by Sample operator. A second person has to approve it.\n"
    assert "approved by 1 of 2" in hubpacks(folder, "candidates", "--registry", "registry").stdout
    again = hubpacks(folder, *approve, *WHO)
    assert (again.returncode, again.stderr) == (
        1,
        f"hubpacks: Sample operator has approved {id} already: a second person has to\n",
    )
    assert hubpacks(folder, *approve, "--by", "Second reader", "--json").returncode == 0
    assert json.loads((folder / "public/latest.json").read_text())["release"] == id


@pytest.mark.parametrize(
    ("arguments", "exit", "why"),
    [
        (("approve", "2020-01-01.01", *WHO, "--note", "x"), 2, "there is no candidate 2020-01-01.01; none waits"),
        (("refuse", "nonsense", *WHO, "--reason", "x"), 2, "there is no candidate nonsense"),
        (("candidates", "nonsense"), 2, "there is no candidate nonsense"),
    ],
)
def test_what_is_not_there_is_named(folder: Path, arguments: tuple[str, ...], exit: int, why: str) -> None:
    done = hubpacks(folder, *arguments, "--registry", "registry")
    assert done.returncode == exit
    assert why in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("settings", "why"),
    [
        ("people = 3", "people = 3: write 1 or 2"),
        ('automatic = "sometimes"', "write always, green, never"),
        ('preview = "preview.example"', "an address with a slash at its end"),
        ("poeple = 2", "has no poeple; there are people, automatic, preview"),
    ],
)
def test_a_rule_that_cannot_be_is_refused(folder: Path, settings: str, why: str) -> None:
    (folder / "hubpacks.toml").write_text(f"[approval]\n{settings}\n")
    done = hubpacks(folder, "run", "--registry", "registry")
    assert done.returncode == 2
    assert why in done.stderr


def test_a_preview_is_served_and_leaves_nothing(folder: Path) -> None:
    command = [*COMMAND, "serve", "--candidate", "--port", "0"]
    none = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=60)
    assert none.returncode == 2
    assert "no candidate waits" in none.stderr
    hubpacks(folder, "run", "--registry", "registry", "--candidate")
    id = waiting(folder)
    port = free_port()
    with subprocess.Popen([*command[:-1], str(port)], cwd=folder, stdout=subprocess.PIPE, text=True) as serving:
        watchdog = threading.Timer(60, serving.kill)
        watchdog.start()
        assert serving.stdout is not None
        assert serving.stdout.readline().startswith(f"http://127.0.0.1:{port}/")
        address = f"http://127.0.0.1:{port}"
        assert httpx.get(f"{address}/latest.json").json()["release"] == id
        assert httpx.get(f"{address}/releases/{id}/en/index.html").status_code == 200
        assert httpx.get(f"{address}/").status_code == 200
        os.kill(serving.pid, signal.SIGINT)
        assert serving.wait(30) == 0
        watchdog.cancel()
    assert not [*(folder / "public").glob(".preview-*")]
    assert not (folder / "public/latest.json").exists()
