"""Schedules by the settings. When something is due is decided in ``pipelines``; here a run is asked for, or not."""

from zoneinfo import ZoneInfo

import dagster as dg
from dagster import RunRequest, SkipReason

from assets.hubs import OVERVIEW, keys_of
from assets.resources import LineResource
from pipelines.line import hubs_due
from pipelines.schedule import Schedule


def pull_daily(job: object, schedule: Schedule) -> dg.ScheduleDefinition:
    """Pulls the hubs that are due, and no other."""

    @dg.schedule(
        name="pull_daily",
        job=job,
        cron_schedule=schedule.pull,
        execution_timezone=schedule.time_zone,
        description="Pulls the hubs that are due: by their cadence, and each day those that do not stand well.",
    )
    def evaluate(context: dg.ScheduleEvaluationContext, line: LineResource) -> RunRequest | SkipReason:
        due = hubs_due(line.open(), context.scheduled_execution_time)
        if not due:
            return SkipReason("No hub is due: all stand well, and were visited lately enough for their cadence.")
        return RunRequest(asset_selection=[OVERVIEW, *keys_of(due)])

    return evaluate


def on_working_days(name: str, job: object, what: str, schedule: Schedule) -> dg.ScheduleDefinition:
    """Launches ``job`` when ``what`` is due. It is asked each day, since a scheduler knows no bank holidays."""

    @dg.schedule(
        name=name,
        job=job,
        cron_schedule=schedule.ticks(what),
        execution_timezone=schedule.time_zone,
        description=f"Launches the job {what} when {getattr(schedule, what)} (cron) says so, on a working day. "
        "Asked each day: on others it says when the next one is due.",
    )
    def evaluate(context: dg.ScheduleEvaluationContext) -> RunRequest | SkipReason:
        moment = context.scheduled_execution_time
        if schedule.is_due(what, moment):
            return RunRequest()
        due = schedule.next(what, moment).astimezone(ZoneInfo(schedule.time_zone))
        return SkipReason(f"No {what} is due today. The next one is on {due:%-d %B %Y at %H:%M}.")

    return evaluate
