"""What each recipient was told, in one file that is replaced in one step: ``alerts/told.json`` in the store.

Recipients are ``mail:`` or ``webhook:`` with a digest of the address, and ``hub:`` with the hub's id: the store has no
mailbox that is not in the settings or a registration.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from pipelines.alerts.deciding import Told
from pipelines.files import reading, write_json

VERSION = 1


def recipient(channel: str, address: str) -> str:
    """What the memory calls the operator's ``address``."""
    return f"{channel}:{hashlib.sha256(address.encode()).hexdigest()[:16]}"


@dataclass(frozen=True)
class Memory:
    """``told`` by recipient; ``generation`` grows each time that something is decided."""

    generation: int = 0
    told: Mapping[str, Told] = field(default_factory=dict)

    @classmethod
    def read(cls, root: Path) -> Memory:
        """What was written under ``root``; nothing before the first time. Raises files.Damaged."""
        try:
            with reading(root / "told.json") as data:
                if data["version"] != VERSION:
                    raise ValueError(data["version"])
                told = {name: Told.from_dict(one) for name, one in data["recipients"].items()}
                return cls(data["generation"], told)
        except FileNotFoundError:
            return cls()

    def write(self, root: Path) -> None:
        """Keep it under ``root``."""
        recipients = {name: one.to_dict() for name, one in self.told.items()}
        data = {"version": VERSION, "generation": self.generation, "recipients": recipients}
        write_json(root / "told.json", data, 0o600)
