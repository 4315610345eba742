"""When hubs are pulled, candidates built and releases made, unless somebody does it by hand: said once, for Dagster,
for receipts and for the alert that a schedule was missed.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields
from datetime import UTC, date, datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from cronsim import CronSim, CronSimError

from pipelines.settings import FILE, UnusableSettings, table

TIME_ZONE = "Europe/London"
BANK_HOLIDAYS = ("GB", "ENG")
"""Whose bank holidays count, as the library ``holidays`` calls it."""
VISIT_DAYS: dict[str, int] = {"weekly": 1, "monthly": 2, "quarterly": 7, "yearly": 14}
"""How often a hub that stands well is visited, by its cadence: more often than it has news, so that none is late."""
SLACK = timedelta(hours=2)
"""A visit counts as that of its day although it began a little later than the one before."""


@dataclass(frozen=True)
class Schedule:
    """When what is due, as cron texts in ``time_zone``. With ``working_days``, a candidate or a release that would fall
    on a weekend or a bank holiday is due on the next working day, at the same time of day.
    """

    pull: str = "0 5 * * *"
    candidate: str = "0 7 * * 1"
    release: str = "0 9 1 1,4,7,10 *"
    time_zone: str = TIME_ZONE
    working_days: bool = True

    def moments(self, what: str, now: datetime) -> Iterator[datetime]:
        """When ``what`` (``pull``, ``candidate``, ``release``) is due after ``now``, in UTC, without end."""
        # Back a month: what fell on a holiday before ``now`` may be due after it.
        earlier = now.astimezone(ZoneInfo(self.time_zone)) - timedelta(days=31)
        last = now
        for found in CronSim(getattr(self, what), earlier):
            due = (self._on_a_working_day(found) if what != "pull" else found).astimezone(UTC)
            if due > last:
                yield due
                last = due

    def next(self, what: str, now: datetime) -> datetime:
        """When ``what`` is next due after ``now``, in UTC."""
        return next(self.moments(what, now))

    def last(self, what: str, now: datetime) -> datetime:
        """When ``what`` was last due, ``now`` included, in UTC."""
        for days in (2, 10, 40, 400, 4000):
            found = None
            for due in self.moments(what, now - timedelta(days=days)):
                if due > now:
                    break
                found = due
            if found is not None:
                return found
        raise UnusableSettings(f"[schedule] {what} = {getattr(self, what)!r} was not due for ten years")

    def is_due(self, what: str, moment: datetime) -> bool:
        """Whether ``what`` is due in the minute of ``moment``."""
        minute = moment.astimezone(UTC).replace(second=0, microsecond=0)
        return self.next(what, minute - timedelta(seconds=1)) == minute

    def ticks(self, what: str) -> str:
        """The cron text by which a scheduler that knows no bank holidays asks ``is_due``: the same time of each day."""
        return " ".join([*getattr(self, what).split()[:2], "* * *"])

    def _on_a_working_day(self, moment: datetime) -> datetime:
        while self.working_days and not is_working_day(moment.date()):
            moment += timedelta(days=1)
        return moment


def read_schedule() -> Schedule:
    """The schedule of the settings, table ``[schedule]``. Raises UnusableSettings."""
    names = {field.name for field in fields(Schedule)}
    told = table("schedule", names)
    if unknown := told.keys() - names:
        known = ", ".join(sorted(names))
        raise UnusableSettings(f"{FILE}: [schedule] has no {', '.join(sorted(unknown))}; there are {known}")
    if isinstance(told.get("working_days"), str):
        words = {"true": True, "false": False}
        if told["working_days"].lower() not in words:
            raise UnusableSettings("HUBPACKS_SCHEDULE_WORKING_DAYS: write true or false")
        told["working_days"] = words[told["working_days"].lower()]
    found = Schedule(**told)
    try:
        zone = ZoneInfo(found.time_zone)
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise UnusableSettings(
            f"[schedule] time_zone = {found.time_zone!r}: write one such as Europe/London"
        ) from error
    for what in ("pull", "candidate", "release"):
        cron = getattr(found, what)
        try:
            next(CronSim(cron, datetime.now(zone)))
        except (CronSimError, StopIteration, AttributeError, TypeError) as error:
            raise UnusableSettings(f"[schedule] {what} = {cron!r} is no cron text, such as 0 7 * * 1") from error
    return found


def next_release(now: datetime) -> datetime:
    """When the next release is due after ``now``, in UTC. Nothing is published then if nothing has changed."""
    return read_schedule().next("release", now)


@cache
def _bank_holidays(year: int) -> frozenset[date]:
    import holidays  # a third of a second that most commands do without

    country, part = BANK_HOLIDAYS
    return frozenset(holidays.country_holidays(country, subdiv=part, years=year))


def is_working_day(day: date) -> bool:
    """Whether offices are open in England: no weekend and no bank holiday."""
    return day.weekday() < 5 and day not in _bank_holidays(day.year)  # noqa: PLR2004  # Saturday is 5


def is_visit_due(cadence: str, last: datetime | None, now: datetime, *, is_well: bool) -> bool:
    """Whether a hub of that cadence is to be visited, whose ``last`` visit was then; daily while it does not stand
    well, so that what was mended is seen.
    """
    days = VISIT_DAYS[cadence] if is_well else 1
    return last is None or now - last >= timedelta(days=days) - SLACK
