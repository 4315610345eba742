"""When hubs are pulled and releases made, unless somebody does it by hand: said once, for Dagster and for receipts."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from cronsim import CronSim

TIME_ZONE = "Europe/London"
PULL = "0 5 * * *"
"""Every day at five in the morning."""
RELEASE = "0 7 * * 1"
"""Every Monday at seven, when the night's pulls are done."""


def next_release(now: datetime) -> datetime:
    """When the next release is due after ``now``, in UTC. Nothing is published then if nothing has changed."""
    return next(CronSim(RELEASE, now.astimezone(ZoneInfo(TIME_ZONE)))).astimezone(UTC)
