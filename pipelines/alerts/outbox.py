"""Messages that are to be sent: a file each, so that none is lost when this is killed, and none sent twice but when it
was killed in the very moment between sending and noting that.

``<generation>-<id>.json``           a message; it counts once ``memory`` is at that generation, and goes when sent
``<generation>-<id>.json.sending``   one that is being sent. Found when nobody sends, it may have arrived: it is tried
                                     again after ``DOUBT``, under the same id, by which mail programs know it again
"""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from pipelines.files import read_json, reading, write_json

DOUBT = timedelta(minutes=15)
"""Not at once: whoever restarts what has died must not make it send the same again and again."""
AGAIN_AFTER = tuple(timedelta(minutes=minutes) for minutes in (5, 15, 60, 240))
AT_LAST_AFTER = timedelta(days=1)
"""Between two attempts once those are used up, and when the other side has said no."""
_SENDING = ".sending"


@dataclass(frozen=True)
class Unsent:
    """One message: for which ``recipient`` of ``memory``, in words (``subject``, ``body``) and as ``document``."""

    id: str
    recipient: str
    written: datetime
    subject: str
    body: str
    document: Mapping[str, Any] = field(repr=False)
    generation: int
    attempts: int = 0
    due: datetime | None = None
    failure: str | None = None

    def failed(self, why: str, now: datetime, *, is_final: bool) -> Unsent:
        """The same after one more attempt that failed."""
        waits = AT_LAST_AFTER if is_final or self.attempts >= len(AGAIN_AFTER) else AGAIN_AFTER[self.attempts]
        return replace(self, attempts=self.attempts + 1, due=now + waits, failure=why)

    def to_dict(self) -> dict[str, Any]:
        """Plain types, for storing."""
        times = {"written": self.written.isoformat(), "due": self.due.isoformat() if self.due else None}
        return asdict(self) | times

    @property
    def name(self) -> str:
        """The name of its file, while it is not being sent."""
        return f"{self.generation:010d}-{self.id}.json"

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Unsent:
        """What ``to_dict`` made."""
        due = datetime.fromisoformat(data["due"]) if data["due"] else None
        return cls(**dict(data) | {"written": datetime.fromisoformat(data["written"]), "due": due})


def new_id() -> str:
    """An id that no other message has."""
    return secrets.token_hex(16)


class Outbox:
    """The messages in the folder ``outbox`` of ``root``. Whoever changes anything holds the lock of alerts."""

    def __init__(self, root: Path) -> None:
        self._folder = root / "outbox"
        self._counters = root / "sent.json"

    def waiting(self) -> list[Unsent]:
        """Every message, the oldest first, those for the operator before those for hubs."""
        found = []
        for path in self._paths():
            with contextlib.suppress(FileNotFoundError):  # sent while we looked
                found.append(_read(path))
        return sorted(found, key=lambda one: (one.generation, one.recipient.startswith("hub:"), one.recipient))

    def recover(self, generation: int, now: datetime) -> None:
        """Put right what a kill has left: messages that were never decided go, and those in doubt are tried later."""
        for path in self._paths():
            if int(path.name.partition("-")[0]) > generation:
                path.unlink()
            elif path.name.endswith(_SENDING):
                self.add(replace(_read(path), due=now + DOUBT))
                path.unlink()

    def add(self, unsent: Unsent) -> None:
        """Keep a message, which counts once ``memory`` is at its generation."""
        write_json(self._folder / unsent.name, unsent.to_dict(), 0o600)

    def drop(self, unsent: Unsent) -> None:
        """Forget the message: there is nobody any more who would get it."""
        (self._folder / unsent.name).unlink()

    def begin(self, unsent: Unsent) -> None:
        """Note that the message is about to be sent."""
        (self._folder / unsent.name).rename(self._folder / f"{unsent.name}{_SENDING}")

    def sent(self, unsent: Unsent) -> None:
        """Note that the message was sent."""
        (self._folder / f"{unsent.name}{_SENDING}").unlink()

    def keep(self, unsent: Unsent) -> None:
        """Note that the message was not sent, and keep it as it is now."""
        self.add(unsent)
        self.sent(unsent)

    def count(self, channel: str, outcome: str, number: int) -> None:
        """Count attempts by ``channel`` (``mail``, ``webhook``) that were ``sent`` or ``failed``."""
        counters = self.counters()
        counters.setdefault(channel, {"sent": 0, "failed": 0})[outcome] += number
        write_json(self._counters, counters)

    def counters(self) -> dict[str, dict[str, int]]:
        """How many attempts were ``sent`` and ``failed``, by channel."""
        return read_json(self._counters) or {}

    def _paths(self) -> list[Path]:
        return sorted(path for path in self._folder.glob("[0-9]*-*.json*")) if self._folder.is_dir() else []


def _read(path: Path) -> Unsent:
    with reading(path) as data:
        return Unsent.from_dict(data)
