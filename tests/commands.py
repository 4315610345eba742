"""The command ``hubpacks`` as its users run it, a process for each call, which has imported everything already.

A process that has only imported what commands need forks for each call. What is called has its own folder,
environment, output and exit code, and ends as any process does. What is about the start of a process, its signals, or
its life beside others starts ``COMMAND`` itself.
"""

from __future__ import annotations

import atexit
import json
import os
import socket
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from functools import cache
from importlib import import_module
from pathlib import Path

ROOT = Path(__file__).parents[1]
LONGEST_SECONDS = 300
IMPORTED = (
    *("alerts", "briefing", "candidates", "check", "checkpoints", "download", "gap", "line", "mirror", "overview"),
    *("publish", "receipts", "releasing", "sign", "submit", "telling", "verify", "waves", "withdraw", "working_copies"),
)
"""Of ``pipelines``; what they need comes with them."""
_MOST_BYTES = 2**18
"""Of arguments and environment; a message is no longer on Linux."""
_ENVIRONMENT = dict(os.environ)
"""Before any test has changed it: that of a call is for the call."""
_FILES = 3  # standard output, standard error, and where the exit code is written


def hubpacks(
    folder: Path, *arguments: str, environment: Mapping[str, str] | None = None, seconds: float = LONGEST_SECONDS
) -> subprocess.CompletedProcess[str]:
    """``hubpacks`` with these ``arguments``, run in ``folder`` to its end. ``environment`` is all that it has, that of
    this process when None. Raises TimeoutError.
    """
    told = {"arguments": arguments, "folder": str(folder), "environment": dict(os.environ)}
    if environment is not None:
        told["environment"] = dict(environment)
    ended, ends = socket.socketpair()
    with (
        ended,
        tempfile.TemporaryFile("w+", encoding="utf-8") as output,
        tempfile.TemporaryFile("w+", encoding="utf-8") as errors,
    ):
        with ends:
            files = (output.fileno(), errors.fileno(), ends.fileno())
            socket.send_fds(_ready(), [json.dumps(told).encode()], files)
        ended.settimeout(seconds)
        code = int(ended.recv(16))
        printed = [file.seek(0) or file.read() for file in (output, errors)]
    return subprocess.CompletedProcess(["hubpacks", *arguments], code, *printed)


@cache
def _ready() -> socket.socket:
    """Where the process that forks is asked. It ends with this one."""
    asks, asked = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    command = [sys.executable, "-m", __name__, str(asked.fileno())]
    nothing = subprocess.DEVNULL
    with asked:
        forks = subprocess.Popen(
            command,
            cwd=ROOT,
            env=_ENVIRONMENT,
            pass_fds=[asked.fileno()],
            stdin=nothing,
            stdout=nothing,
            stderr=nothing,
        )
    atexit.register(forks.wait)
    atexit.register(asks.close)  # what is registered last is done first
    return asks


def _wait_for_a_call(asked: socket.socket) -> None:
    """Fork for each call. Returns in the process that is to do what was asked for; in no other."""
    while True:
        message, files, *_ = socket.recv_fds(asked, _MOST_BYTES, _FILES)
        with suppress(ChildProcessError):  # when all have been seen to their end
            while os.waitpid(-1, os.WNOHANG if message else 0)[0]:
                pass
        if not message:
            sys.exit()
        if os.fork():
            for file in files:
                os.close(file)
            continue
        output, errors, ends = files
        if called := os.fork():  # this one waits for it, so that several may be called at once
            _, status = os.waitpid(called, 0)
            os.write(ends, str(os.waitstatus_to_exitcode(status)).encode())
            os._exit(0)
        told = json.loads(message)
        os.dup2(output, sys.stdout.fileno())
        os.dup2(errors, sys.stderr.fileno())
        for file in (*files, asked.detach()):
            os.close(file)
        os.environ.clear()
        os.environ.update(told["environment"])
        os.chdir(told["folder"])
        sys.argv = ["hubpacks", *told["arguments"]]
        return


if __name__ == "__main__":
    from pipelines.cli import main

    for name in IMPORTED:
        import_module(f"pipelines.{name}")
    _wait_for_a_call(socket.socket(fileno=int(sys.argv[1])))
    sys.exit(main())
