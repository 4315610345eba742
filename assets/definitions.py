"""The code location: puts assets, checks, jobs and schedules together. ``workspace.yaml`` points here."""

import dagster as dg

from assets.decisions import JOBS
from assets.executors import chosen_executor
from assets.hubs import hubs_assets, overview_asset
from assets.queue import PULLING, RELEASING, REPEATABLE
from assets.release import CHECKS, RELEASE, VERIFIES, release_assets
from assets.resources import LineResource
from assets.schedules import on_working_days, pull_daily
from assets.sensors import SENSORS
from pipelines.schedule import read_schedule


def build_defs(line: LineResource) -> dg.Definitions:
    """Fresh definitions over the hubs of ``line``'s registry."""
    registrations = list(line.open().registry.hubs.values())
    hubs = [registration.id for registration in registrations]
    of_hubs, of_release = [*hubs_assets(registrations), overview_asset(hubs)], release_assets(hubs)
    verifies = dg.AssetSelection.checks(VERIFIES)
    releasing = dg.AssetSelection.assets(*of_release) - verifies
    pull = dg.define_asset_job(
        "pull", dg.AssetSelection.assets(*of_hubs), description="Pull and judge every hub.", tags=PULLING
    )
    candidate = dg.define_asset_job(
        "candidate",
        releasing - dg.AssetSelection.assets(RELEASE),
        description="Consolidate, count, check, and build a candidate that waits for the job approve.",
        tags=RELEASING | REPEATABLE,
    )
    release = dg.define_asset_job(
        "release",
        releasing,
        description="The same, and publish it as far as the rule lets it go out by itself; else it waits.",
        tags=RELEASING | REPEATABLE,
    )
    verify = dg.define_asset_job("verify", verifies, description="Verify the release that readers see, file by file.")
    schedule = read_schedule()
    return dg.Definitions(
        assets=[*of_hubs, *of_release],
        asset_checks=CHECKS,
        jobs=[pull, candidate, release, verify, *JOBS],
        schedules=[
            pull_daily(pull, schedule),
            on_working_days("candidate_weekly", candidate, "candidate", schedule),
            on_working_days("release_quarterly", release, "release", schedule),
            dg.ScheduleDefinition(
                name="verify_daily",
                job=verify,
                cron_schedule=schedule.pull,
                execution_timezone=schedule.time_zone,
                description="Verifies each day, when hubs are pulled, that readers still see what was published.",
            ),
        ],
        sensors=SENSORS,
        resources={"line": line},
        executor=chosen_executor(),
    )


@dg.definitions
def defs() -> dg.Definitions:
    """The definitions over the folders of the settings."""
    return build_defs(LineResource())
