"""When what is due: London time, working days, bank holidays; and what a schedule may not say."""

from datetime import UTC, datetime, timedelta
from itertools import islice, pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines import settings as own_settings
from pipelines.schedule import Schedule, is_visit_due, is_working_day, next_release, read_schedule


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def test_a_release_is_due_on_the_first_working_day_of_a_quarter_at_nine_in_london() -> None:
    due = [f"{moment:%Y-%m-%dT%H:%M}" for moment in islice(Schedule().moments("release", at("2026-11-29")), 5)]
    assert due == [
        "2027-01-04T09:00",  # the first is a holiday, then a weekend
        "2027-04-01T08:00",  # nine in summer is eight in UTC
        "2027-07-01T08:00",
        "2027-10-01T08:00",
        "2028-01-04T09:00",  # a Tuesday: New Year's Day on a Saturday is made up for on the Monday
    ]


def test_a_candidate_is_due_each_monday_or_on_the_tuesday_after_a_bank_holiday() -> None:
    due = [moment.date().isoformat() for moment in islice(Schedule().moments("candidate", at("2026-04-02")), 3)]
    assert due == ["2026-04-07", "2026-04-13", "2026-04-20"]  # Easter Monday is 6 April


def test_a_day_of_pulls_is_any_day() -> None:
    assert Schedule().next("pull", at("2026-12-25T04:00")) == at("2026-12-25T05:00")


def test_what_was_moved_is_due_once_in_its_minute_and_no_other() -> None:
    schedule = Schedule()
    assert schedule.is_due("release", at("2027-01-04T09:00:42"))
    assert not schedule.is_due("release", at("2027-01-04T09:01"))
    assert not schedule.is_due("release", at("2027-01-01T09:00"))
    assert schedule.ticks("release") == "0 9 * * *"
    assert schedule.ticks("candidate") == "0 7 * * *"


def test_two_that_a_holiday_moves_to_one_day_are_due_once() -> None:
    schedule = Schedule(candidate="0 7 * * *")
    due = list(islice(schedule.moments("candidate", at("2026-12-24T12:00")), 3))
    assert [moment.day for moment in due] == [29, 30, 31]  # 25 and 28 are holidays, 26 and 27 a weekend


def test_without_working_days_a_holiday_is_a_day() -> None:
    assert Schedule(working_days=False).next("release", at("2026-12-31")) == at("2027-01-01T09:00")


@given(st.datetimes(datetime(2020, 1, 1), datetime(2035, 1, 1)))  # noqa: DTZ001 - hypothesis wants naive bounds
@settings(max_examples=60, deadline=None)
def test_last_and_next_enclose_now_and_fall_on_working_days(naive: datetime) -> None:
    now, schedule = naive.replace(tzinfo=UTC), Schedule()
    for what in ("candidate", "release"):
        last, after = schedule.last(what, now), schedule.next(what, now)
        assert last <= now < after
        assert is_working_day(last.date())
        assert is_working_day(after.date())
        assert schedule.next(what, last) == after


def test_moments_rise() -> None:
    moments = list(islice(Schedule().moments("candidate", at("2026-01-01")), 120))
    assert all(one < other for one, other in pairwise(moments))


@pytest.mark.parametrize(
    ("cadence", "hours", "is_well", "is_due"),
    [
        ("weekly", 21, True, False),
        ("weekly", 23, True, True),  # yesterday's visit began a little later
        ("quarterly", 24 * 6, True, False),
        ("quarterly", 24 * 7, True, True),
        ("yearly", 24 * 13, True, False),
        ("yearly", 24 * 1, False, True),
    ],
)
def test_a_hub_is_visited_by_its_cadence_and_daily_while_it_stands_badly(
    cadence: str, hours: int, is_well: bool, is_due: bool
) -> None:
    now = at("2026-11-29")
    assert is_visit_due(cadence, now - timedelta(hours=hours), now, is_well=is_well) is is_due


def test_a_hub_that_was_never_visited_is_due() -> None:
    assert is_visit_due("yearly", None, at("2026-11-29"), is_well=False)


def test_the_settings_say_when(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HUBPACKS_SCHEDULE_RELEASE", "30 6 * * 5")
    monkeypatch.setenv("HUBPACKS_SCHEDULE_TIME_ZONE", "UTC")
    monkeypatch.setenv("HUBPACKS_SCHEDULE_WORKING_DAYS", "false")
    assert read_schedule() == Schedule(release="30 6 * * 5", time_zone="UTC", working_days=False)
    assert next_release(at("2026-11-29")) == at("2026-12-04T06:30")


@pytest.mark.parametrize(
    ("name", "value", "why"),
    [
        ("RELEASE", "every Monday", "no cron text"),
        ("PULL", "0 5 31 2 *", "no cron text"),
        ("TIME_ZONE", "Mars/Olympus", "such as Europe/London"),
        ("WORKING_DAYS", "perhaps", "true or false"),
    ],
)
def test_a_schedule_that_cannot_be_is_refused(monkeypatch: pytest.MonkeyPatch, name: str, value: str, why: str) -> None:
    monkeypatch.setenv(f"HUBPACKS_SCHEDULE_{name}", value)
    with pytest.raises(own_settings.UnusableSettings, match=why):
        read_schedule()


def test_an_unknown_name_is_refused(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "hubpacks.toml").write_text('[schedule]\nrelaese = "0 9 * * *"\n')
    with pytest.raises(own_settings.UnusableSettings, match="relaese"):
        read_schedule()


def test_the_hour_that_is_missing_and_the_one_that_comes_twice() -> None:
    schedule = Schedule(pull="30 1 * * *")
    spring = [f"{moment:%dT%H:%M}" for moment in islice(schedule.moments("pull", at("2026-03-28T12:00")), 2)]
    assert spring == ["29T01:00", "30T00:30"]  # 1:30 does not exist on the 29th, and 2:00 in summer is 1:00 in UTC
    autumn = [f"{moment:%dT%H:%M}" for moment in islice(schedule.moments("pull", at("2026-10-24T12:00")), 2)]
    assert autumn == ["25T00:30", "26T01:30"]
