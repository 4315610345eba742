"""The wall between hubs: what breaks while one hub's feed is read ends that hub's pull, and no other's.

Only reading is behind it. What goes wrong in the store is everybody's, and is raised.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from hubs.registration import Registration
from pipelines import logs
from pipelines.files import Stream
from pipelines.pull.base import Files, NotModified, PullFailed, Visit
from pipelines.pull.entries import entries

LOG = logs.get("pull")


@contextmanager
def wall(registration: Registration) -> Iterator[None]:
    """Turn what no connector should raise into PullFailed (``pull_failed``), and log it as the fault of ours that it
    is: nobody must take a crash for bad data.
    """
    try:
        yield
    except (PullFailed, NotModified):
        raise
    except Exception as error:
        # Of any kind, and here alone: strangers' bytes pass through parsers that are not ours, and what those raise
        # would end a run for every hub. Where it happened, not what was said: that may quote a server, or content.
        LOG.error("pull_broke_off", hub=registration.id, exc_info=error)
        raise PullFailed("pull_failed", f"{type(error).__name__}; the log has more") from error


def files(visit: Visit) -> Files:
    """The feed's files (``entries``), read behind the wall."""
    found = entries(visit)
    try:
        while True:
            with wall(visit.registration):
                entry = next(found, None)
            if entry is None:
                return
            yield entry.name, _Behind(entry.source, visit.registration)
    finally:
        with wall(visit.registration):
            found.close()


@dataclass(frozen=True)
class _Behind:
    """A file of a feed behind the wall."""

    source: Stream
    registration: Registration

    def read(self, size: int = -1, /) -> bytes:
        """Up to ``size`` bytes. Raises PullFailed."""
        with wall(self.registration):
            return self.source.read(size)

    def close(self) -> None:
        """Close the file."""
        with wall(self.registration):
            self.source.close()
