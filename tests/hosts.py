"""Other hosts, as far as processes can tell: namespaces of their own, in which the processes of this one do not exist.

What is shared between hosts is the folder, and nothing else that names a process.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path


def on_another_host(command: Sequence[str], name: str = "other") -> list[str]:
    """``command`` as the first process of a host called ``name``: it sees no process but its own, and when it is killed
    all that it has started is, as when a machine loses power.
    """
    rights = [] if os.geteuid() == 0 else ["--user", "--map-root-user"]
    namespaces = ["--pid", "--fork", "--mount-proc", "--uts", "--kill-child"]
    return ["unshare", *rights, *namespaces, "sh", "-c", 'hostname "$0" && exec "$@"', name, *command]


def without_writing(command: Sequence[str], folder: Path) -> list[str]:
    """``command`` where nothing below ``folder`` can be written."""
    rights = [] if os.geteuid() == 0 else ["--user", "--map-root-user"]
    script = 'mount --bind -o ro "$0" "$0" && cd "$0" && exec "$@"'
    return ["unshare", *rights, "--mount", "sh", "-c", script, str(folder), *command]


@contextmanager
def running(command: Sequence[str]) -> Iterator[subprocess.Popen[bytes]]:
    """``command`` while the block lasts, with what it prints as ``stdout``; killed at its end, whatever that is."""
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        try:
            yield process
        finally:
            process.kill()
