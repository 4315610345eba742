"""What the line says and does when the machine has no room, no inodes, no leave to write, or the wrong time."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from pipelines import cli, line, publish, releasing
from pipelines.ledger import Ledger
from tests.feeds import a_case_study, answers_of, register, write_feed
from tests.intakes import COMMAND
from tests.kills import half_public
from tests.starving import Disk, a_disk

GOES_ON = "run again: it goes on where it was, and what was published stays"


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    with a_disk(tmp_path / "disk") as mounted:
        yield mounted


def change(folder: Path, text: str) -> None:
    """A hub with a study, and two with returns, which stay as they are."""
    for number, hub in enumerate(("one", "two", "three")):
        register(folder, id=hub)
        answers = answers_of(40 if number else 0, 1 + 1000 * number)
        write_feed(folder / "feeds" / hub, [a_case_study(body=text if number == 0 else hub)], answers=answers)


class Here:
    """The command in this process, so that it can be starved at a certain step."""

    def __init__(self, folder: Path, store: Path, public: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.folder, self.public, self._capsys = folder, public, capsys
        self._flags = ["--registry", str(folder / "registry"), "--store", str(store), "--publish", str(public)]

    def run(self, monkeypatch: pytest.MonkeyPatch) -> tuple[int, str]:
        """The exit code of ``hubpacks run``, and its last line on standard error."""
        monkeypatch.setattr("sys.argv", ["hubpacks", "run", *self._flags])
        try:
            cli.main()
            code = 0
        except SystemExit as end:
            code = int(end.code or 0)
        said = self._capsys.readouterr().err
        assert "Traceback" not in said
        assert sum(row.startswith("hubpacks: ") for row in said.splitlines()) == (code != 0)
        return code, said.splitlines()[-1]

    def seen(self) -> str | None:
        """The release that readers see, which is whole."""
        assert half_public(self.public) == []
        newest = publish.latest(self.public)
        return newest.id if newest else None


STEPS: dict[str, tuple[Any, str]] = {
    "ledger": (Ledger, "add"),
    "pull": (line, "fetch"),
    "judge": (line, "settle"),
    "consolidate": (releasing, "make_library"),
    "benchmark": (releasing, "make_benchmarks"),
    "publish": (publish, "build_candidate"),
    "show": (publish, "show_candidate"),
}


def starve_at(step: str, starve: Callable[[], None], monkeypatch: pytest.MonkeyPatch) -> None:
    """Starve when the line comes to that step."""
    room, name = STEPS[step]
    real = getattr(room, name)

    def starved(*arguments: Any, **named: Any) -> Any:
        starve()
        return real(*arguments, **named)

    monkeypatch.setattr(room, name, starved)


def test_a_full_disk_is_named_at_every_step_and_the_next_run_goes_on(
    disk: Disk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    here = Here(tmp_path, disk.root / "store", disk.root / "public", capsys)
    seen = None
    for step in STEPS:
        change(tmp_path, f"Of the time when {step} had no room.")
        with monkeypatch.context() as patch:
            starve_at(step, disk.fill, patch)
            code, said = here.run(patch)
        assert code == 2, step
        assert said.startswith(f"hubpacks: the disk of {disk.root}"), (step, said)
        assert said.endswith(f" is full. Make room, and {GOES_ON}")
        assert here.seen() == seen, step
        disk.make_room()
        code, said = here.run(monkeypatch)
        assert code == 0, (step, said)
        assert here.seen() != seen, step
        seen = here.seen()
    ledger = Ledger(disk.root / "store/ledger")
    ledger.verify()
    assert ledger.periods() == ["2026-Q3"]


@pytest.mark.parametrize("step", ["pull", "publish"])
def test_a_disk_without_inodes_is_named(
    disk: Disk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], step: str
) -> None:
    here = Here(tmp_path, disk.root / "store", disk.root / "public", capsys)
    change(tmp_path, "Of the time when there were no inodes.")
    with monkeypatch.context() as patch:
        starve_at(step, disk.use_inodes_up, patch)
        code, said = here.run(patch)
    assert code == 2
    assert said.startswith(f"hubpacks: the disk of {disk.root}")
    assert said.endswith(f" has no inodes left: it holds as many files as it can. Remove files there, and {GOES_ON}")
    assert here.seen() is None
    disk.make_room()
    assert here.run(monkeypatch)[0] == 0
    assert here.seen() is not None


@pytest.mark.parametrize("what", ["store", "public"])
def test_a_folder_that_is_read_only_is_named(
    disk: Disk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], what: str
) -> None:
    other = tmp_path / "other"
    store, public = (disk.root / "store", other) if what == "store" else (other, disk.root / "public")
    here = Here(tmp_path, store, public, capsys)
    change(tmp_path, "Of the time before.")
    assert here.run(monkeypatch)[0] == 0
    seen = here.seen()
    change(tmp_path, "Of the time when nobody could write.")
    disk.set_read_only(True)
    code, said = here.run(monkeypatch)
    assert code == 2
    assert said.startswith(f"hubpacks: {disk.root / what}/")
    assert said.endswith(f" cannot be written to: its disk is mounted read-only. Mount it for writing, and {GOES_ON}")
    assert here.seen() == seen
    disk.set_read_only(False)
    assert here.run(monkeypatch)[0] == 0
    assert here.seen() != seen


def as_process(folder: Path, *command: str, before: tuple[str, ...] = ()) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"HUBPACKS_ADDRESS": "http://localhost/", "HUBPACKS_REGISTRY": "registry"}
    done = subprocess.run(
        [*before, *COMMAND, *command], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    assert "Traceback" not in done.stderr, done.stderr
    return done


def test_a_store_of_another_user_is_named_and_left_alone(tmp_path: Path) -> None:
    register(tmp_path, id="one")
    write_feed(tmp_path / "feeds/one", [a_case_study()])
    # pytest's folders are their owner's alone: they are not what is tested here.
    place = Path(shutil.copytree(tmp_path, Path("/tmp") / f"of-root-{os.getpid()}"))
    try:
        place.chmod(0o755)
        assert as_process(place, "token", "create", "one").returncode == 0
        (place / "store/locks").mkdir(exist_ok=True)
        nobody = ("setpriv", "--reuid", "nobody", "--regid", "nogroup", "--clear-groups")
        done = as_process(place, "run", before=nobody)
        assert (done.returncode, done.stdout) == (2, "")
        assert done.stderr == (
            "hubpacks: store/locks/layout: Permission denied: it belongs to root, and nobody runs this. Run it as "
            "root, or give the folders to nobody with chown -R\n"
        )
    finally:
        shutil.rmtree(place)


def test_a_clock_that_went_back_is_named_and_nothing_is_done(tmp_path: Path) -> None:
    register(tmp_path, id="one")
    write_feed(tmp_path / "feeds/one", [a_case_study()])
    assert as_process(tmp_path, "run").returncode == 0
    newest = publish.latest(tmp_path / "public")
    assert newest is not None
    write_feed(tmp_path / "feeds/one", [a_case_study(body="Another text.")])
    assert as_process(tmp_path, "run", "--candidate").returncode == 0
    waiting = next((tmp_path / "public/releases").glob(".candidate-*")).name.removeprefix(".candidate-")
    write_feed(tmp_path / "feeds/one", [a_case_study(body="A third text.")])
    for command, code, complaint in (
        (["run"], 1, "check the clock"),
        (["run", "--candidate"], 1, "check the clock"),
        (["approve", waiting, "--by", "Duty operator", "--note", "Fine"], 1, "after now: check the clock"),
        (["key", "rotate", "--reason", "A new one"], 2, "the clock says 1 January 2020, and the current key is in use"),
        (["withdraw", "one/shared-schedule", "--reason", "Wrong"], 2, f"before release {newest.id} was published"),
    ):
        done = as_process(tmp_path, *command, before=("faketime", "2020-01-01"))
        assert done.returncode == code, (command, done.stderr)
        assert complaint in done.stderr.splitlines()[-1], command
        assert publish.latest(tmp_path / "public") == newest
    assert not (tmp_path / "store/withdrawals.jsonl").exists()
    assert as_process(tmp_path, "run").returncode == 0
    assert publish.latest(tmp_path / "public") != newest
