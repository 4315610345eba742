"""What the processes that a pull starts may know of this machine: nothing but what they are told here.

Which programs are started, and what for, is for the connectors.
"""

from __future__ import annotations

import os
from collections.abc import Mapping


def git_environment(settings: Mapping[str, str], protocol: str) -> dict[str, str]:
    """All that a git process knows: its settings, and the one protocol that it may speak (``none``: it reads what lies
    here and asks nobody, whatever the repository's own settings say). No secrets but those in ``settings``, which go
    this way since command lines are open to everybody on a machine.
    """
    environment = {
        "PATH": os.environ.get("PATH", os.defpath),
        "LC_ALL": "C.UTF-8",
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_ASKPASS": "true",
        "GIT_ALLOW_PROTOCOL": protocol,
        # A repository may say that objects are missing, and which program brings them.
        "GIT_NO_LAZY_FETCH": "1",
        "GIT_CONFIG_COUNT": str(len(settings)),
    }
    for number, (name, value) in enumerate(settings.items()):
        environment |= {f"GIT_CONFIG_KEY_{number}": name, f"GIT_CONFIG_VALUE_{number}": value}
    return environment
