"""The tools that readers verify signatures with, as Debian has them: minisign, OpenSSH, openssl."""

from __future__ import annotations

import subprocess
from pathlib import Path

TOOLS = {
    "minisign": "minisign -Vm SHA256SUMS -p keys/minisign.pub",
    "ssh-keygen": (
        "ssh-keygen -Y verify -f keys/allowed_signers -I hubpacks -n file -s SHA256SUMS.sshsig < SHA256SUMS"
    ),
    "openssl": ("openssl pkeyutl -verify -pubin -inkey keys/openssl.pem -rawin -in SHA256SUMS -sigfile SHA256SUMS.sig"),
}
"""A command for each, for the folder of a release."""


def run(command: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """What comes of ``command`` in ``folder``."""
    return subprocess.run(["/bin/bash", "-c", command], cwd=folder, capture_output=True, text=True, check=False)
