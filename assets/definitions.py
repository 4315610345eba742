"""The code location: puts assets, checks, jobs and schedules together. ``workspace.yaml`` points here."""

import dagster as dg

from assets.decisions import confirm_feed
from assets.executors import chosen_executor
from assets.hubs import hubs_assets
from assets.release import CHECKS, release_assets
from assets.resources import LineResource
from assets.submissions import submissions
from pipelines.schedule import read_schedule


def build_defs(line: LineResource) -> dg.Definitions:
    """Fresh definitions over the hubs of ``line``'s registry."""
    schedule = read_schedule()
    registrations = list(line.open().registry.hubs.values())
    of_hubs = hubs_assets(registrations)
    of_release = release_assets([registration.id for registration in registrations])
    pull = dg.define_asset_job("pull", dg.AssetSelection.assets(*of_hubs), description="Pull and judge every hub.")
    release = dg.define_asset_job(
        "release",
        dg.AssetSelection.assets(*of_release),
        description="Consolidate, count, check and publish.",
    )
    return dg.Definitions(
        assets=[*of_hubs, *of_release],
        asset_checks=CHECKS,
        jobs=[pull, release, confirm_feed],
        schedules=[
            dg.ScheduleDefinition(
                name="pull_daily", job=pull, cron_schedule=schedule.pull, execution_timezone=schedule.time_zone
            ),
            dg.ScheduleDefinition(
                name="release_weekly",
                job=release,
                cron_schedule=schedule.candidate,
                execution_timezone=schedule.time_zone,
            ),
        ],
        sensors=[submissions],
        resources={"line": line},
        executor=chosen_executor(),
    )


@dg.definitions
def defs() -> dg.Definitions:
    """The definitions over the folders of the settings."""
    return build_defs(LineResource())
