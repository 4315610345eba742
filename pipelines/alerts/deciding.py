"""Who is told what, and when: what holds now against what each recipient was told before. No clock, no file, no socket.

* What is new is told at once. After a message the recipient has a pause, in which everything is gathered for the next.
  Within a day each pause is twice as long as the one before, and there are no more than so many messages: a thousand
  hubs that a run finds silent are one message, and if they fall silent one by one in a night, four.
* What lasts is told again in a list of all that lasts, after so many days.
* What is over is told once, to who was told that it began. What comes back within a day of that is no news: it has to
  last for a day first, or is told with the next list.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from pipelines.alerts.codes import ALERTS, Weight
from pipelines.alerts.conditions import Condition
from pipelines.alerts.settings import Settings

DAY = timedelta(days=1)
QUIET = timedelta(days=1)
"""What comes back so soon after its end flickers."""


@dataclass(frozen=True)
class Known:
    """What is remembered of a condition: what it was, since when it is said to be, and when it was seen first."""

    code: str
    subject: str
    hub: str | None
    since: datetime
    seen: datetime

    @classmethod
    def of(cls, condition: Condition, now: datetime) -> Known:
        """Of a condition that is seen for the first time."""
        return cls(condition.code, condition.subject, condition.hub, condition.since, now)

    def to_dict(self) -> dict[str, Any]:
        """Plain types, for storing."""
        return self.__dict__ | {"since": self.since.isoformat(), "seen": self.seen.isoformat()}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Known:
        """What ``to_dict`` made."""
        return cls(**dict(data) | {name: datetime.fromisoformat(data[name]) for name in ("since", "seen")})


@dataclass(frozen=True)
class Told:
    """What one recipient knows: the conditions that it was ``told`` of and not that they are over; those that wait to
    be told (``pending``); when it was told that something is ``over``; when messages were written for it within the
    last day (``written``), and the last list of all that lasts (``listed``).
    """

    told: Mapping[str, Known] = field(default_factory=dict)
    pending: Mapping[str, Known] = field(default_factory=dict)
    over: Mapping[str, datetime] = field(default_factory=dict)
    written: Sequence[datetime] = ()
    listed: datetime | None = None

    def to_dict(self) -> dict[str, Any]:
        """Plain types, for storing."""
        return {
            "told": {key: known.to_dict() for key, known in self.told.items()},
            "pending": {key: known.to_dict() for key, known in self.pending.items()},
            "over": {key: at.isoformat() for key, at in self.over.items()},
            "written": [at.isoformat() for at in self.written],
            "listed": self.listed.isoformat() if self.listed else None,
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Told:
        """What ``to_dict`` made."""
        return cls(
            {key: Known.from_dict(known) for key, known in data["told"].items()},
            {key: Known.from_dict(known) for key, known in data["pending"].items()},
            {key: datetime.fromisoformat(at) for key, at in data["over"].items()},
            [datetime.fromisoformat(at) for at in data["written"]],
            datetime.fromisoformat(data["listed"]) if data["listed"] else None,
        )


@dataclass(frozen=True)
class News:
    """What one recipient is told now: what is ``new``, what is ``over``, and what ``lasts``, of which it was told
    before. ``is_list``: what lasts is to be listed, not only counted.
    """

    new: tuple[Condition, ...]
    over: tuple[Known, ...]
    lasts: tuple[Condition, ...]
    is_list: bool


def decide(
    before: Told, holding: Iterable[Condition], now: datetime, settings: Settings, *, is_waiting: bool
) -> tuple[Told, News | None]:
    """What a recipient is told at ``now`` (None: nothing yet) of what is ``holding``, and what it knows then.
    ``is_waiting``: its last message has not been sent yet, so that the next one waits and gathers.
    """
    current = {condition.key: condition for condition in holding}
    over = {key: at for key, at in before.over.items() if now - at < QUIET}
    pending = {key: known for key, known in before.pending.items() if key in current or key not in over}
    pending |= {
        key: Known.of(condition, now)
        for key, condition in current.items()
        if key not in before.told and key not in pending
    }
    is_list = (
        bool(settings.digest_days and current)
        and before.listed is not None
        and now - before.listed >= timedelta(days=settings.digest_days)
    )
    new = [
        key for key in pending if key in current and (is_list or key not in over or now - pending[key].seen >= QUIET)
    ]
    ended = {key: known for key, known in {**before.told, **pending}.items() if key not in current}
    silent = {key for key, known in ended.items() if not _tells_end(known)}
    told = {key: known for key, known in before.told.items() if key not in silent}
    pending = {key: known for key, known in pending.items() if key not in silent}
    gone = [key for key in ended if key not in silent]
    written = [at for at in before.written if now - at < DAY]
    is_urgent = any(current[key].alert.weight is Weight.CRITICAL for key in new)
    may_write = (
        not is_waiting
        and len(written) < settings.most_a_day
        and (is_urgent or not written or now - written[-1] >= _pause(settings, len(written)))
    )
    if not may_write or not (new or gone or is_list):
        return Told(told, pending, over, written, before.listed), None
    lasts = [current[key] for key in told if key in current]
    news = News(tuple(current[key] for key in new), tuple(ended[key] for key in gone), tuple(lasts), is_list)
    knows = {key: known for key, known in told.items() if key in current} | {key: pending[key] for key in new}
    left = {key: known for key, known in pending.items() if key not in new and key in current}
    listed = now if is_list or not lasts else before.listed
    return Told(knows, left, over | dict.fromkeys(gone, now), [*written, now], listed), news


def _pause(settings: Settings, written: int) -> timedelta:
    """How long after the last message the next one comes: twice as long after each within a day."""
    return timedelta(minutes=settings.pause_minutes) * (1 << (written - 1))


def _tells_end(known: Known) -> bool:
    return known.code in ALERTS and ALERTS[known.code].tells_end
