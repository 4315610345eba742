"""From the library to what readers see: packs and candidates as assets, and the jobs that decide about them."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from assets.release import CANDIDATE, RELEASE
from pipelines import publish
from pipelines.candidates import CandidateState
from tests.feeds import a_case_study, answers_of, write_feed
from tests.locations import a_line, a_location, checks, materialized, metadata, packs_in, run, why_failed

pytestmark = pytest.mark.filterwarnings("ignore::dagster.BetaWarning", "ignore::dagster.PreviewWarning")

PACKS = {
    *("national", "sector-local-government", "technology-api", "audience-decision-maker"),
    "audience-procurement-professional",
}


def a_change(folder) -> None:
    records = [a_case_study(body="A newer text."), a_case_study(id="b", title="Another", body="B")]
    write_feed(folder / "feeds/one", records, answers=answers_of(12))


def test_a_candidate_is_told_with_its_packs_and_nobody_sees_it(published) -> None:
    a_change(published)
    defs = a_location(published)
    run(defs, "pull")
    result = run(defs, "candidate")
    assert result.success
    assert packs_in(materialized(result)) == PACKS
    assert {CANDIDATE} < materialized(result)
    assert RELEASE not in materialized(result)
    told = metadata(result, "packs", "sector-local-government")
    assert told["changed"] == "1 added, 1 changed, 0 gone"
    assert [line.split(" | ")[:2] for line in told["hubs"].splitlines()[2:]] == [["| one", "2"], ["| two-b", "1"]]
    waits = a_line(published).store.candidates.waiting()
    assert waits is not None
    assert told["page"] == f"http://127.0.0.1:8002/releases/{waits.id}/en/packs/sector-local-government.html"
    shown = metadata(result, "candidate")
    assert (shown["release"], shown["state"], shown["records_added"]) == (waits.id, "waiting", 1)
    assert waits.id in shown["what_to_do"]
    assert shown["changed_records"].splitlines()[2:] == ["| added | one/b |", "| changed | one/shared-schedule |"]
    assert publish.latest(published / "publish").id != waits.id
    assert materialized(run(defs, "candidate")) & {CANDIDATE, RELEASE} == set()


def test_a_held_hub_is_a_warning_beside_the_candidate(published) -> None:
    write_feed(published / "feeds/one", [a_case_study(licence="none of them")])
    defs = a_location(published)
    run(defs, "pull")
    result = run(defs, "candidate")
    assert result.success, why_failed(result)
    assert checks(result)["candidate.is_green"] is False
    assert "| one | carried_forward | empty_feed |" in metadata(result, "candidate")["hubs_not_fresh"]


def test_an_approved_candidate_is_what_readers_see(waiting) -> None:
    defs, id = a_location(waiting), a_line(waiting).store.candidates.waiting().id
    result = run(defs, "approve", {"release": id, "by": "Duty operator", "note": "Read the changes"})
    assert result.success
    assert materialized(result) == {RELEASE}
    assert metadata(result, "release")["approved_by"] == "Duty operator"
    assert publish.latest(waiting / "publish").id == id
    again = run(defs, "approve", {"release": id, "by": "Duty operator", "note": "Once more"})
    assert not again.success
    assert f"{id} is published already" in why_failed(again)


def test_the_first_of_two_people_publishes_nothing(waiting, monkeypatch) -> None:
    monkeypatch.setenv("HUBPACKS_APPROVAL_PEOPLE", "2")
    defs, id = a_location(waiting), a_line(waiting).store.candidates.waiting().id
    first = run(defs, "approve", {"release": id, "by": "Duty operator", "note": "Read the changes"})
    assert first.success
    assert materialized(first) == set()
    assert publish.latest(waiting / "publish") is None
    assert run(defs, "approve", {"release": id, "by": "Head of data", "note": "Read them too"}).success
    assert publish.latest(waiting / "publish").id == id


def test_a_refused_candidate_keeps_its_reason(waiting) -> None:
    defs, log = a_location(waiting), a_line(waiting).store.candidates
    id = log.waiting().id
    assert run(defs, "refuse", {"release": id, "by": "Duty operator", "reason": "A hub has asked for a day"}).success
    found = log.find(id)
    assert (found.state, found.reason) == (CandidateState.REFUSED, "A hub has asked for a day")
    assert publish.latest(waiting / "publish") is None
    assert materialized(run(defs, "candidate")) & {CANDIDATE} == set()
    assert log.waiting() is None
    config = {"ops": {"build_and_publish": {"config": {"again": True}}}}
    assert defs.resolve_job_def("candidate").execute_in_process(run_config=config).success
    assert log.waiting() is not None


def test_what_is_not_filled_in_is_named(waiting) -> None:
    result = run(a_location(waiting), "approve")  # as the Launchpad begins
    assert not result.success
    assert "give a name" in why_failed(result)
    assert publish.latest(waiting / "publish") is None


def test_of_two_consolidations_at_once_one_is_refused_or_waits_and_nothing_is_lost(published) -> None:
    a_change(published)
    run(a_location(published), "pull")
    with ThreadPoolExecutor(2) as both:
        results = list(both.map(lambda _: run(a_location(published), "release"), range(2)))
    made = [result for result in results if RELEASE in materialized(result)]
    assert len(made) == 1
    for other in results:
        if other is not made[0]:
            assert other.success or "another run is at work here" in why_failed(other)
    newest = publish.latest(published / "publish")
    assert publish.verify_release(published / "publish/releases" / newest.id) == []
    assert len(publish.released(published / "publish")) == 2
    assert run(a_location(published), "release").success
    assert publish.latest(published / "publish").id == newest.id


def test_a_consolidation_while_another_publishes_is_refused_with_words(published) -> None:
    a_change(published)
    defs = a_location(published)
    run(defs, "pull")
    with a_line(published).store.locked("release"):
        result = run(defs, "release")
    assert not result.success
    assert "another run is at work here" in why_failed(result)
    assert run(defs, "release").success
