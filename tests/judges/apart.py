"""Judges in an environment of their own, ``build/judges``, which ``make test`` makes: how they are asked.

A module of this folder that is run by that environment's Python ends in ``answer``, and its functions for tests go
through ``ask``. It imports nothing of the product, and what only that environment has late.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).parents[2]
APART = ROOT / "build" / "judges"
PYTHON = APART / "bin" / "python"
NODE_MODULES = APART / "node_modules"
SCHEMAS = ROOT / ".." / "shared" / "judges" / "schemas"
"""Schemas of others, beside the project and not in it: of the Data Package, of DCAT-AP and of the UK model."""
_MOST_SECONDS = 300


def ask(module: str, *arguments: object) -> list[str]:
    """The problems that ``module`` of this folder finds in the environment apart. A judge that cannot judge, or looked
    at nothing, is an AssertionError: silence is no verdict.
    """
    assert PYTHON.exists(), f"{PYTHON} is missing: run 'make build/judges/.made', as 'make test' does"
    command = [str(PYTHON), "-W", "ignore", "-m", f"tests.judges.{module}", *map(str, arguments)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=_MOST_SECONDS)
    assert done.returncode == 0, f"the judge itself failed: {done.stderr[-2000:]}"
    told = json.loads(done.stdout.splitlines()[-1])
    assert told["checked"] > 0, f"{module} looked at nothing: {arguments}"
    return list(told["problems"])


def answer(problems: Sequence[str], checked: int) -> None:
    """What a module in the environment apart says last: its problems, and at how much it looked."""
    print(json.dumps({"problems": list(problems), "checked": checked}))


def run(command: Sequence[object], folder: Path | None = None) -> tuple[int, str]:
    """How a judge that is a command ended, and what it said, without waiting for anybody's input."""
    done = subprocess.run(
        [str(one) for one in command],
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=_MOST_SECONDS,
        env=os.environ | {"LC_ALL": "C.UTF-8"},
    )
    return done.returncode, done.stdout


def lines_when_refused(
    command: Sequence[object], folder: Path | None = None, refusals: Sequence[int] = (1,)
) -> list[str]:
    """What ``command`` said when it ended in one of ``refusals``; an empty list when it found all in order. Any other
    end is an AssertionError.
    """
    status, said = run(command, folder)
    assert status in (0, *refusals), f"the judge itself failed: {status}: {said[-2000:]}"
    return (said.splitlines() or [f"refused without a word: {status}"]) if status else []


def a_schema(name: str) -> Path:
    """A schema of others. Raises AssertionError, which says where it belongs, when it is not there."""
    path = (SCHEMAS / name).resolve()
    assert path.is_file(), f"is {name} beside the project, in ../shared/judges/schemas?"
    return path
