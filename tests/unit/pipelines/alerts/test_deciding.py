"""Who is told what and when, over simulated weeks."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from pipelines.alerts import Condition, Settings
from pipelines.alerts.deciding import News, Told, decide
from tests.feeds import NOW

MINUTES, HOUR, DAY = timedelta(minutes=5), timedelta(hours=1), timedelta(days=1)


def held(hub: str = "one", code: str = "feed_held") -> Condition:
    return Condition(code, hub, NOW, hub)


LOW = Condition("disk_low", "store", NOW)
READY = Condition("candidate_ready", "2026-10-01.01", NOW)


@dataclass
class Reader:
    """A recipient who is asked about every five minutes, and what came when."""

    settings: Settings = field(default_factory=Settings)
    told: Told = field(default_factory=Told)
    now: datetime = NOW
    news: list[tuple[datetime, News]] = field(default_factory=list)

    def live(self, span: timedelta, *holding: Condition, is_waiting: bool = False) -> list[tuple[str, ...]]:
        """What comes while ``holding`` lasts for ``span``, in short."""
        before, ends = len(self.news), self.now + span
        while self.now < ends:
            self.told, news = decide(self.told, holding, self.now, self.settings, is_waiting=is_waiting)
            self.told = Told.from_dict(self.told.to_dict())
            if news is not None:
                self.news.append((self.now, news))
            self.now += MINUTES
        return [in_short(news) for _, news in self.news[before:]]


def in_short(news: News) -> tuple[str, ...]:
    def keys(sign: str, ones: Iterable[object]) -> list[str]:
        return [f"{sign}{one.code} {one.subject}" for one in ones]  # type: ignore[attr-defined]

    return (*keys("+", news.new), *keys("-", news.over), *(keys("=", news.lasts) if news.is_list else []))


def test_first_at_once_then_weekly_and_once_when_it_is_over() -> None:
    reader = Reader()
    assert reader.live(DAY) == []
    assert reader.live(MINUTES, held()) == [("+feed_held one",)]
    assert reader.live(6 * DAY, held()) == []
    assert reader.live(9 * DAY, held()) == [("=feed_held one",), ("=feed_held one",)]
    assert reader.live(MINUTES) == [("-feed_held one",)]
    assert reader.live(30 * DAY) == []
    first, second, third, over = (at for at, _ in reader.news)
    assert (second - first, third - second) == (7 * DAY, 7 * DAY)
    assert over - third < 2 * DAY


def test_hundreds_of_hubs_that_fall_silent_in_one_night_are_few_messages() -> None:
    reader, silent = Reader(), []
    for number in range(300):
        silent.append(held(f"hub-{number:04}"))
        if number % 3 == 0:  # in eight hours
            reader.live(MINUTES, *silent)
    assert len(reader.news) == 4
    reader.live(DAY, *silent)
    assert len(reader.news) == 5
    assert sum(len(news.new) for _, news in reader.news) == 300
    at_once = Reader()
    ((*told,),) = at_once.live(DAY, *silent)
    assert len(told) == 300


def test_what_comes_up_in_the_pause_is_gathered() -> None:
    reader = Reader()
    reader.live(MINUTES, held("one"))
    assert reader.live(30 * timedelta(minutes=1), held("one"), held("two")) == []
    assert reader.live(HOUR, held("one"), held("two"), held("three")) == [("+feed_held two", "+feed_held three")]
    assert reader.news[1][0] - reader.news[0][0] == HOUR
    assert [one.subject for one in reader.news[1][1].lasts] == ["one"]


def test_what_is_critical_does_not_wait_for_the_pause() -> None:
    reader = Reader()
    reader.live(MINUTES, held())
    assert reader.live(MINUTES, held(), LOW) == [("+disk_low store",)]


def test_no_recipient_gets_more_than_so_many_a_day() -> None:
    reader = Reader(Settings(most_a_day=3, pause_minutes=0))
    for number in range(100):
        reader.live(MINUTES, *(held(f"hub-{n}") for n in range(number)), LOW)
    times = [at for at, _ in reader.news]
    assert len(times) == 3
    reader.live(2 * DAY, LOW)
    later = [at for at, _ in reader.news]
    assert all(three - one >= DAY for one, three in zip(later, later[3:], strict=False))


def test_what_flickers_is_told_once_a_day_at_most() -> None:
    reader = Reader(Settings(pause_minutes=0, most_a_day=1_000))
    for _ in range(3 * 24):
        reader.live(HOUR / 2, held())
        reader.live(HOUR / 2)
    assert len(reader.news) <= 2 * 4
    assert reader.live(3 * DAY, held()) == [("+feed_held one",)]


def test_what_comes_back_soon_and_stays_is_told_after_a_day() -> None:
    reader = Reader()
    reader.live(DAY, held())
    reader.live(HOUR)
    assert [in_short(news) for _, news in reader.news] == [("+feed_held one",), ("-feed_held one",)]
    began = reader.now
    assert reader.live(2 * DAY, held()) == [("+feed_held one",)]
    assert timedelta() < reader.news[-1][0] - began <= DAY


def test_what_came_and_went_while_nothing_could_be_sent_is_told() -> None:
    reader = Reader()
    reader.live(MINUTES, held("one"))
    assert reader.live(DAY, held("one"), held("two"), is_waiting=True) == []
    assert reader.live(DAY, held("one"), is_waiting=True) == []
    assert reader.live(HOUR, held("one")) == [("-feed_held two",)]


def test_a_candidate_that_was_decided_is_not_told_of_again() -> None:
    reader = Reader()
    assert reader.live(DAY, READY) == [("+candidate_ready 2026-10-01.01",)]
    assert reader.live(30 * DAY) == []


def test_a_list_has_what_is_new_as_well() -> None:
    reader = Reader()
    reader.live(7 * DAY, held("one"))
    assert reader.live(MINUTES, held("one"), held("two")) == [("+feed_held two", "=feed_held one")]
    assert reader.live(6 * DAY, held("one"), held("two")) == []


def test_without_a_digest_nothing_is_told_twice() -> None:
    reader = Reader(Settings(digest_days=0))
    assert reader.live(60 * DAY, held()) == [("+feed_held one",)]
