"""What starts runs by itself: schedules in London time, on working days, of hubs that are due; copies of news."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import dagster as dg
import pytest

from assets.hubs import OVERVIEW, keys_of
from assets.sensors import copies
from tests.feeds import register
from tests.locations import a_line, a_location, a_resource, run

pytestmark = pytest.mark.filterwarnings("ignore::dagster.BetaWarning", "ignore::dagster.PreviewWarning")

LONDON = ZoneInfo("Europe/London")


def asked(folder, schedule: str, moment: datetime) -> dg.RunRequest | str:
    """What the schedule says at that moment: a run, or why there is none."""
    defs = a_location(folder)
    found = defs.resolve_schedule_def(schedule)
    context = dg.build_schedule_context(
        scheduled_execution_time=moment,
        resources={"line": a_resource(folder)},
        repository_def=defs.get_repository_def(),
    )
    told = found.evaluate_tick(context)
    return told.run_requests[0] if told.run_requests else told.skip_message


def test_hubs_are_pulled_that_are_due_and_no_others(once) -> None:
    pulled = datetime.fromisoformat(a_line(once).store.last_pull("one")["at"])
    register(once, id="never-pulled", cadence="yearly")
    request = asked(once, "pull_daily", pulled + timedelta(days=1))
    assert set(request.asset_selection) == {OVERVIEW, *keys_of(["never-pulled"])}
    request = asked(once, "pull_daily", pulled + timedelta(days=7))
    assert set(request.asset_selection) == {OVERVIEW, *keys_of(["never-pulled", "one", "two-b"])}
    (once / "registry/never-pulled.yaml").unlink()
    assert "No hub is due" in asked(once, "pull_daily", pulled + timedelta(days=1))


@pytest.mark.parametrize(
    ("schedule", "day", "is_due"),
    [
        ("candidate_weekly", (2026, 4, 27, 7), True),
        ("candidate_weekly", (2026, 4, 28, 7), False),
        ("candidate_weekly", (2026, 5, 4, 7), False),  # Early May bank holiday
        ("candidate_weekly", (2026, 5, 5, 7), True),
        ("release_quarterly", (2026, 10, 1, 9), True),
        ("release_quarterly", (2027, 1, 1, 9), False),  # New Year's Day
        ("release_quarterly", (2027, 1, 4, 9), True),
    ],
)
def test_candidates_and_releases_are_due_on_working_days(once, schedule, day, is_due) -> None:
    told = asked(once, schedule, datetime(*day, tzinfo=LONDON))
    assert isinstance(told, dg.RunRequest) if is_due else told.startswith("No ")


def test_a_day_without_a_release_says_when_the_next_one_is(once) -> None:
    told = asked(once, "release_quarterly", datetime(2026, 12, 31, 9, tzinfo=LONDON))
    assert told == "No release is due today. The next one is on 4 January 2027 at 09:00."


def test_schedules_tick_in_london_and_wait_for_somebody_to_switch_them_on(once) -> None:
    for schedule in a_location(once).get_repository_def().schedule_defs:
        assert schedule.execution_timezone == "Europe/London"
        assert schedule.default_status is dg.DefaultScheduleStatus.STOPPED


def test_what_is_published_is_copied_once(waiting, monkeypatch, tmp_path) -> None:
    monkeypatch.chdir(tmp_path)

    def tick(cursor: str | None) -> tuple[dg.RunRequest | dg.SkipReason, str | None]:
        context = dg.build_sensor_context(cursor=cursor, resources={"line": a_resource(waiting)})
        return copies(context), context.cursor

    monkeypatch.delenv("HUBPACKS_MIRROR", raising=False)
    assert "names no place" in tick(None)[0].skip_message
    monkeypatch.setenv("HUBPACKS_MIRROR", "s3://copies/packs")
    assert "Nothing has been published" in tick(None)[0].skip_message
    assert run(a_location(waiting), "release").success
    asked_for, cursor = tick(None)
    assert isinstance(asked_for, dg.RunRequest)
    assert "Nothing has been published" in tick(cursor)[0].skip_message
