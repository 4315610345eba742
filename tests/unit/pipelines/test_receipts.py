"""Receipts: every record of a submission has a fate, and the fate changes as the line goes on."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from hubs.check import report_json
from hubs.instruments import instruments
from hubs.judge import judge
from pipelines import quarantine
from pipelines.inbox import Inbox, Submission
from pipelines.line import make_benchmarks, make_library, replay
from pipelines.receipts import hub_page, receipt
from pipelines.releasing import make_release
from pipelines.schedule import next_release
from pipelines.score import score
from pipelines.standing import hub_state
from pipelines.validate import newest_verdict, used_verdict
from tests.feeds import NOW, a_case_study, a_faq, a_line, answers_of, feed_of, gather, register, submit, write_feed

DAY = timedelta(days=1)


def sent(folder: Path, *studies: dict[str, Any], hub: str = "one", when: datetime = NOW, **feed: Any) -> Submission:
    """A submission with the judge's real report, as the intake leaves it."""
    source = write_feed(folder / "sources" / f"{hub}-{when:%Y%m%d}", studies, **feed)
    line = a_line(folder)
    submission = submit(folder / "store", hub, source, when)
    inbox = Inbox(line.store.inbox)
    scratch = folder / "scratch" / submission.id
    scratch.mkdir(parents=True)
    verdict = judge(feed_of(source), line.registry.hubs[hub], instruments(), when.date(), scratch)
    return inbox.close(submission, report_json(verdict))


def fates(folder: Path, submission: Submission, now: datetime) -> dict[str, str]:
    line = a_line(folder)
    told = receipt(line.store, line.registry, submission.hub, submission.id, now)
    assert told is not None
    return {record["id"]: record["status"] for record in told["records"]}


def publish(folder: Path, now: datetime) -> str | None:
    line = a_line(folder)
    for hub in line.registry.hubs:
        gather(line, hub, now)
    make_library(line)
    make_benchmarks(line)
    return make_release(line, now)


def test_a_submission_is_followed_to_the_release_it_is_in(tmp_path) -> None:
    register(tmp_path, address="intake")
    submission = sent(tmp_path, a_case_study(), a_case_study(id="bad", sectors=["astrology"], body="Other."))
    line = a_line(tmp_path)
    waiting = receipt(line.store, line.registry, "one", submission.id, NOW)
    assert waiting is not None
    good, bad = waiting["records"]
    assert (good["status"], good["release"], good["due"]) == ("accepted", None, next_release(NOW).isoformat())
    assert (bad["status"], bad["codes"]) == ("quarantined", ["unknown_sector"])
    release = publish(tmp_path, NOW + DAY)
    there = receipt(line.store, line.registry, "one", submission.id, NOW + DAY)
    assert there is not None
    good = there["records"][0]
    assert (good["status"], good["release"], good["due"]) == ("accepted", release, None)
    assert (tmp_path / "public" / good["address"]).is_file()


def test_a_newer_submission_supersedes_only_what_it_changes(tmp_path) -> None:
    register(tmp_path, address="intake")
    others = [a_case_study(id=id, title=id, body=f"Of {id}.") for id in "cde"]
    first = sent(tmp_path, a_case_study(), a_case_study(id="b", body="Second."), *others)
    publish(tmp_path, NOW)
    sent(tmp_path, a_case_study(), a_case_study(id="b", body="Second, mended."), *others[1:], when=NOW + DAY)
    publish(tmp_path, NOW + DAY)
    told = fates(tmp_path, first, NOW + DAY)
    assert told == dict.fromkeys(("shared-schedule", "d", "e"), "accepted") | dict.fromkeys("bc", "superseded")


def test_a_feed_that_waits_for_a_confirmation_is_withheld_but_for_what_is_in_use_as_it_is(tmp_path) -> None:
    register(tmp_path, address="intake")
    sent(tmp_path, a_case_study(), *(a_case_study(id=id, title=id, body=f"Of {id}.") for id in "bcd"))
    publish(tmp_path, NOW)
    answers = answers_of(3)
    second = sent(tmp_path, a_case_study(), a_case_study(id="b", body="New."), answers=answers, when=NOW + DAY)
    publish(tmp_path, NOW + DAY)
    assert fates(tmp_path, second, NOW + DAY) == {"shared-schedule": "accepted", "b": "withheld"}
    line = a_line(tmp_path)
    told = receipt(line.store, line.registry, "one", second.id, NOW + DAY)
    assert told is not None
    (fate,) = told["returns"]
    assert (fate["status"], "2 of 4 case studies are missing" in fate["reason"]) == ("withheld", True)


def test_a_submission_that_no_pull_has_seen_is_superseded_by_the_next(tmp_path) -> None:
    register(tmp_path, address="intake")
    first = sent(tmp_path, a_case_study(), answers=answers_of(2))
    second = sent(tmp_path, a_case_study(title="A better title"), when=NOW + DAY)
    assert fates(tmp_path, first, NOW + DAY) == {"shared-schedule": "superseded"}
    assert fates(tmp_path, second, NOW + DAY) == {"shared-schedule": "accepted"}


def test_the_same_record_of_two_hubs_is_merged_and_says_into_what(tmp_path) -> None:
    register(tmp_path, id="one", address="intake")
    register(tmp_path, id="two", address="intake")
    submissions = [sent(tmp_path, a_case_study(), hub=hub) for hub in ("one", "two")]
    release = publish(tmp_path, NOW)
    line = a_line(tmp_path)
    told = [receipt(line.store, line.registry, s.hub, s.id, NOW) for s in submissions]
    kept, merged = (entry["records"][0] for entry in told if entry)
    assert (kept["status"], kept["release"]) == ("accepted", release)
    assert (merged["status"], merged["into"], merged["address"]) == ("merged", "one/shared-schedule", kept["address"])


def test_the_records_of_a_retired_hub_are_withheld(tmp_path) -> None:
    register(tmp_path, address="intake")
    submission = sent(tmp_path, a_case_study())
    gather(a_line(tmp_path), "one", NOW)
    register(tmp_path, address="intake", retired=True)
    gather(a_line(tmp_path), "one", NOW + DAY)
    assert fates(tmp_path, submission, NOW + DAY) == {"shared-schedule": "withheld"}


def test_a_held_feed_withholds_what_was_good_in_it(tmp_path) -> None:
    register(tmp_path)
    bad = [a_case_study(id=f"bad-{n}", sectors=["astrology"], body=f"Text {n}.") for n in range(3)]
    write_feed(tmp_path / "feeds" / "one", [a_case_study(), *bad])
    line = a_line(tmp_path)
    gather(line, "one", NOW)
    page = hub_page(line.store, line.registry, "one", NOW + 3 * DAY)
    assert page["held_by"] == ["hopeless_feed"]
    assert [r["status"] for r in page["records"]] == ["withheld", "quarantined", "quarantined", "quarantined"]
    assert {entry["days"] for entry in page["quarantine"]} == {3}


def test_returns_have_a_receipt_too(tmp_path) -> None:
    register(tmp_path, address="intake")
    answers = [*answers_of(12), *({**row, "level": "9"} for row in answers_of(1, first=500))]
    submission = sent(tmp_path, a_case_study(), answers=answers)
    line = a_line(tmp_path)
    before = receipt(line.store, line.registry, "one", submission.id, NOW)
    release = publish(tmp_path, NOW)
    after = receipt(line.store, line.registry, "one", submission.id, NOW)
    assert before is not None
    assert after is not None
    (table,) = before["returns"]
    assert (table["accepted"], table["quarantined"], table["due"]) == (36, 3, next_release(NOW).isoformat())
    assert after["returns"][0]["release"] == release


def test_a_receipt_is_for_its_own_hub_only(tmp_path) -> None:
    register(tmp_path, id="one", address="intake")
    register(tmp_path, id="two", address="intake")
    submission = sent(tmp_path, a_case_study())
    line = a_line(tmp_path)
    assert receipt(line.store, line.registry, "two", submission.id, NOW) is None
    with pytest.raises(KeyError):
        hub_page(line.store, line.registry, "three", NOW)


# What changed last counts.


def test_a_hub_that_has_submitted_nothing_is_missing(tmp_path) -> None:
    register(tmp_path, address="intake")
    state, _ = gather(a_line(tmp_path), "one", NOW)
    assert (state.state, state.held_by) == ("missing", ("nothing_submitted",))


def test_a_submission_takes_the_place_of_the_address_until_the_address_changes(tmp_path) -> None:
    register(tmp_path)
    feed = write_feed(tmp_path / "feeds" / "one", [a_case_study(title="From the address")])
    titles = []

    def title(when: datetime) -> str:
        line = a_line(tmp_path)
        gather(line, "one", when)
        verdict = used_verdict(line.store, "one")
        assert verdict is not None
        return verdict.records[0].document.heading

    titles.append(title(NOW))
    sent(tmp_path, a_case_study(title="Submitted"), when=NOW + DAY)
    titles += [title(NOW + 2 * DAY), title(NOW + 3 * DAY)]
    write_feed(feed, [a_case_study(title="Changed at the address")])
    titles.append(title(NOW + 4 * DAY))
    sent(tmp_path, a_case_study(title="Submitted again"), when=NOW + 5 * DAY)
    titles.append(title(NOW + 6 * DAY))
    assert titles == ["From the address", "Submitted", "Submitted", "Changed at the address", "Submitted again"]


def test_a_submission_serves_while_the_address_is_down(tmp_path) -> None:
    register(tmp_path, address="../feeds/nowhere")
    sent(tmp_path, a_case_study())
    state, _ = gather(a_line(tmp_path), "one", NOW + DAY)
    assert (state.state, state.counts["accepted"]) == ("fresh", 1)


# Quarantine and replay.


def test_a_changed_rule_frees_a_record_without_resubmission(tmp_path) -> None:
    register(tmp_path)
    write_feed(tmp_path / "feeds" / "one", [a_case_study(), a_case_study(id="two", licence=None, body="Other.")])
    gather(a_line(tmp_path), "one", NOW)
    (tmp_path / "feeds/one/datapackage.json").unlink()  # the hub's server is gone: nothing is pulled for a replay
    register(tmp_path, licence="OGL-UK-3.0")
    result = replay(a_line(tmp_path), "one", NOW + DAY)
    assert (result.freed, result.held, result.state.counts["accepted"]) == (("two",), (), 2)


def test_a_looser_rule_frees_a_record_of_a_feed_that_is_carried_forward(tmp_path) -> None:
    register(tmp_path)
    feed = write_feed(tmp_path / "feeds" / "one", [a_case_study(), a_case_study(id="two", licence=None, body="Other.")])
    gather(a_line(tmp_path), "one", NOW)
    write_feed(feed)
    for path in feed.rglob("*.md"):
        path.unlink()
    register(tmp_path, licence="OGL-UK-3.0")
    state, _ = gather(a_line(tmp_path), "one", NOW + DAY)
    assert (state.state, state.counts["accepted"]) == ("carried_forward", 2)


def test_what_stays_broken_grows_old_however_often_it_is_sent(tmp_path) -> None:
    register(tmp_path)
    bad = a_case_study(id="two", sectors=["astrology"], body="Other.")
    answers = [*answers_of(12), *({**row, "level": "9"} for row in answers_of(1, first=500))]
    for day in range(3):
        write_feed(tmp_path / "feeds" / "one", [a_case_study(), bad | {"title": f"Attempt {day}"}], answers=answers)
        gather(a_line(tmp_path), "one", NOW + day * DAY)
    store = a_line(tmp_path).store
    held = quarantine.held(store, newest_verdict(store, "one"), NOW + 2 * DAY)
    assert [(h.record, h.rows, h.codes, h.days(NOW + 2 * DAY)) for h in held] == [
        ("two", 0, ("unknown_sector",), 2),
        (None, 3, ("level_out_of_range",), 2),
    ]
    write_feed(tmp_path / "feeds" / "one", [a_case_study(), bad | {"sectors": ["health"]}], answers=answers_of(12))
    gather(a_line(tmp_path), "one", NOW + 3 * DAY)
    assert store.quarantined_since("one") == {}


# Score.


def steps(folder: Path, now: datetime) -> dict[str, bool]:
    line = a_line(folder)
    state = hub_state(line.store, line.registry, "one")
    result = score(state, line.registry.hubs["one"], used_verdict(line.store, "one"), now)
    assert result.points == sum(step.is_reached for step in result.steps)
    assert all(bool(step.gain) != step.is_reached for step in result.steps)
    return {step.name: step.is_reached for step in result.steps}


def test_a_good_feed_reaches_all_six(tmp_path) -> None:
    register(tmp_path)
    write_feed(tmp_path / "feeds" / "one", [a_case_study(standards_used=["GTFS"])], [], answers_of(3))
    gather(a_line(tmp_path), "one", NOW)
    assert list(steps(tmp_path, NOW).values()) == [True] * 6


def test_a_hub_without_a_feed_has_no_point(tmp_path) -> None:
    register(tmp_path, address="intake")
    gather(a_line(tmp_path), "one", NOW)
    assert not any(steps(tmp_path, NOW).values())


@pytest.mark.parametrize(
    ("records", "days", "lost"),
    [
        ([a_case_study(standards_used=["GTFS"]), a_faq(licence="closed")], 0, "valid"),
        ([a_case_study(standards_used=["GTFS"])], 100, "current"),
        ([a_case_study(standards_used=["GTFS"], published=None)], 0, "complete"),
        ([a_case_study(standards_used=[])], 0, "linked"),
    ],
)
def test_each_point_is_lost_for_its_own_reason(tmp_path, records, days: int, lost: str) -> None:
    register(tmp_path)
    studies = [record for record in records if "title" in record]
    write_feed(tmp_path / "feeds" / "one", studies, [record for record in records if "question" in record])
    gather(a_line(tmp_path), "one", NOW)
    assert [name for name, reached in steps(tmp_path, NOW + days * DAY).items() if not reached] == [lost]


def test_what_gains_the_next_point_names_the_records(tmp_path) -> None:
    register(tmp_path)
    studies = [a_case_study(id=f"study-{n}", body=f"## Context\n\nNumber {n}.", published=None) for n in range(4)]
    write_feed(tmp_path / "feeds" / "one", studies)
    gather(a_line(tmp_path), "one", NOW)
    line = a_line(tmp_path)
    step = hub_page(line.store, line.registry, "one", NOW)["score"]["next"]
    assert (step["name"], step["measure"]) == ("complete", "0 of 4 records")
    assert "for 4 more records: study-0, study-1, study-2, study-3" in step["gain"]
