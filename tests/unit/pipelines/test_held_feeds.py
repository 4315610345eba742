"""What becomes of a good feed that changes much: held, recorded, confirmed; and of what the world does to it."""

import json
import shutil
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from pipelines import publish
from pipelines.edition import HubState
from pipelines.line import confirm, make_benchmarks, make_library
from pipelines.receipts import hub_page
from pipelines.releasing import make_release
from pipelines.standing import NothingToConfirm, warnings
from pipelines.store import Store
from tests.feeds import NOW, a_line, a_withdrawal, gather, register, submit, write_feed
from tests.feeds import a_study as study

DAY = timedelta(days=1)


def feed(folder: Path, studies: list[dict], **more) -> None:
    shutil.rmtree(folder / "feeds" / "one", ignore_errors=True)
    write_feed(folder / "feeds" / "one", studies, **more)


def pulled(folder: Path, studies: list[dict], day: int, **more) -> HubState:
    feed(folder, studies, **more)
    return gather(a_line(folder), "one", NOW + day * DAY)[0]


def published(folder: Path) -> set[str]:
    """Publish, and give the ids of all published records. What is published holds together."""
    line = a_line(folder)
    make_library(line)
    make_benchmarks(line)
    make_release(line, NOW)
    newest = publish.latest(folder / "public")
    assert newest is not None
    assert publish.verify_release(folder / "public" / newest.address) == []
    return set(line.store.library())


def confirmed(folder: Path, day: int, **more) -> HubState:
    return confirm(a_line(folder), "one", NOW + day * DAY, reason="It is meant.", by="operator", **more)


def withdrawn_in_coverage(folder: Path) -> dict[str, dict]:
    newest = publish.latest(folder / "public")
    assert newest is not None
    coverage = json.loads((folder / "public" / newest.address / "coverage.json").read_bytes())
    return {notice["id"]: notice for notice in coverage["withdrawn"]}


def events(folder: Path) -> list[str]:
    return [event["event"] for event in Store(folder / "store").events("one")]


TEN = [study(number) for number in range(10)]


def test_a_loss_is_held_with_its_numbers_until_it_is_confirmed(tmp_path) -> None:
    register(tmp_path)
    good = pulled(tmp_path, TEN, 0)
    state = pulled(tmp_path, TEN[7:], 1)
    assert (state.state, state.held_by[0]) == ("carried_forward", "feed_shrank")
    assert state.snapshot == good.snapshot
    assert "7 of 10 case studies are missing (70 %, the limit is 30 %)" in (state.reason or "")
    assert state.change is not None
    assert state.change["numbers"]["records"]["case_study"]["lost"] == 7
    assert len(published(tmp_path)) == 10
    passed = confirm(a_line(tmp_path), "one", NOW + 2 * DAY, reason="Seven were out of date.", by="operator")
    assert (passed.state, passed.counts["accepted"]) == ("fresh", 3)
    assert len(published(tmp_path)) == 3
    assert events(tmp_path) == ["accepted", "held", "confirmed", "accepted"]
    log = Store(tmp_path / "store").events("one")
    assert (log[2]["reason"], log[2]["by"], log[2]["codes"]) == (
        "Seven were out of date.",
        "operator",
        list(state.held_by),
    )


def test_a_held_feed_is_told_once_and_mends_itself_when_the_hub_sends_the_whole_again(tmp_path) -> None:
    register(tmp_path)
    pulled(tmp_path, TEN, 0)
    first = pulled(tmp_path, TEN[7:], 1)
    again = pulled(tmp_path, TEN[7:], 2)
    assert again.since == first.since
    assert events(tmp_path) == ["accepted", "held"]
    mended = pulled(tmp_path, TEN, 3)
    assert (mended.state, mended.held_by, mended.change) == ("fresh", (), None)


def test_nothing_is_confirmed_that_does_not_wait_for_it(tmp_path) -> None:
    register(tmp_path)
    with pytest.raises(NothingToConfirm, match="not pulled yet"):
        confirm(a_line(tmp_path), "one", NOW, reason="why", by="operator")
    pulled(tmp_path, TEN, 0)
    with pytest.raises(NothingToConfirm, match="It is fresh"):
        confirm(a_line(tmp_path), "one", NOW, reason="why", by="operator")
    held = pulled(tmp_path, [], 1)
    assert held.held_by == ("empty_feed",)
    with pytest.raises(NothingToConfirm, match="no record that can be accepted"):
        confirm(a_line(tmp_path), "one", NOW, reason="an empty feed can never go out", by="operator")


def test_limits_are_the_hubs_own(tmp_path) -> None:
    register(tmp_path, breaker={"shrinkage_share": 0.8, "cut_share": 0.8})
    pulled(tmp_path, TEN, 0)
    assert pulled(tmp_path, TEN[7:], 1).state == "fresh"


def test_incident_e_new_ids_are_held_and_readers_keep_the_old_ones(tmp_path) -> None:
    register(tmp_path)
    pulled(tmp_path, TEN, 0)
    before = published(tmp_path)
    renamed = [study | {"id": f"new-{number}"} for number, study in enumerate(TEN)]
    state = pulled(tmp_path, renamed, 1)
    assert (state.state, state.held_by) == ("carried_forward", ("feed_rekeyed",))
    assert state.change is not None
    assert state.change["rekeyed"] == {f"new-{number}": f"study-{number}" for number in range(10)}
    assert confirm(a_line(tmp_path), "one", NOW + DAY, reason="A new system.", by="operator").state == "fresh"
    assert published(tmp_path) == before
    # The receipt goes by the hub's own ids, and leads to the page that readers know.
    (entry,) = (e for e in hub_page(Store(tmp_path / "store"), a_line(tmp_path).registry, "one", NOW)["records"][:1])
    assert (entry["id"], entry["status"]) == ("new-0", "accepted")
    assert entry["address"].endswith(".html")


def test_an_id_that_was_published_is_never_given_to_another_record(tmp_path) -> None:
    register(tmp_path)
    pulled(tmp_path, TEN, 0)
    published(tmp_path)
    pulled(tmp_path, TEN[:9], 1)
    assert "one/study-9" not in published(tmp_path)
    other = study(99, id="study-9")
    pulled(tmp_path, [*TEN[:9], other], 2)
    assert {"one/study-9-2"} == published(tmp_path) - {f"one/study-{n}" for n in range(9)}
    pulled(tmp_path, [*TEN, study(50)], 3)
    assert "one/study-9" in published(tmp_path)


def test_an_older_feed_after_a_newer_one_is_held(tmp_path) -> None:
    register(tmp_path)
    pulled(tmp_path, TEN[:8], 0)
    newer = pulled(tmp_path, TEN, 1)
    state = pulled(tmp_path, TEN[:8], 2)
    assert (state.state, state.held_by[0], state.snapshot) == ("carried_forward", "feed_went_back", newer.snapshot)
    assert "of 1 October 2026 at 09:30 again, after that of 2 October 2026 at 09:30." in (state.reason or "")
    assert (
        confirm(a_line(tmp_path), "one", NOW + 3 * DAY, reason="Two were wrong.", by="operator").counts["accepted"] == 8
    )
    assert pulled(tmp_path, TEN, 4).held_by == ("feed_went_back",)


def test_a_confirmation_holds_for_that_one_change_only(tmp_path) -> None:
    register(tmp_path)
    pulled(tmp_path, TEN, 0)
    few = [study(50), *TEN[:2]]
    pulled(tmp_path, few, 1)
    confirm(a_line(tmp_path), "one", NOW + DAY, reason="Meant.", by="operator")
    pulled(tmp_path, [*few, *[study(n) for n in range(60, 80)]], 2)
    assert pulled(tmp_path, few, 3).state == "carried_forward"


def test_incident_t_what_is_no_content_is_no_change(tmp_path) -> None:
    register(tmp_path)
    first = pulled(tmp_path, TEN, 0)
    published(tmp_path)
    feed(tmp_path, TEN)
    manifest = tmp_path / "feeds/one/datapackage.json"
    manifest.write_text(json.dumps(json.loads(manifest.read_text()) | {"created": "2026-10-02T00:00:00Z"}))
    line = a_line(tmp_path)
    state, is_new = gather(line, "one", NOW + DAY)
    assert (state.state, state.snapshot, state.fetched, is_new) == ("fresh", first.snapshot, first.fetched, False)
    assert state.seen == NOW + DAY
    make_library(line)
    make_benchmarks(line)
    assert make_release(line, NOW + DAY) is None
    fates = {entry["status"] for entry in hub_page(line.store, line.registry, "one", NOW)["records"]}
    assert fates == {"accepted"}


def test_incident_o_what_lost_its_licence_leaves_even_if_the_feed_is_held(tmp_path) -> None:
    register(tmp_path)
    pulled(tmp_path, TEN, 0)
    assert "one/study-0" in published(tmp_path)
    closed = [study(0, licence="All rights reserved"), *TEN[1:]]
    state = pulled(tmp_path, closed, 1)
    assert (state.state, "licence_change" in (state.change or {})["kinds"]) == ("fresh", True)
    assert "one/study-0" not in published(tmp_path)


def test_incident_o_a_held_feed_still_takes_back_licence_and_record(tmp_path) -> None:
    register(tmp_path)
    pulled(tmp_path, TEN, 0)
    published(tmp_path)
    few = [study(0, licence="All rights reserved"), *TEN[1:4]]
    state = pulled(tmp_path, few, 1, rows={"withdrawal": [a_withdrawal(id="study-9")]})
    assert state.state == "carried_forward"
    assert published(tmp_path) == {f"one/study-{n}" for n in range(1, 9)}
    shutil.rmtree(tmp_path / "feeds/one")
    gather(a_line(tmp_path), "one", NOW + 2 * DAY)
    assert "one/study-0" not in published(tmp_path)


def test_the_last_good_feed_is_carried_from_when_it_was_last_had(tmp_path) -> None:
    register(tmp_path, carry_for_days=90)
    pulled(tmp_path, TEN, 0)
    pulled(tmp_path, TEN, 80)
    shutil.rmtree(tmp_path / "feeds/one")
    line = a_line(tmp_path)
    state, _ = gather(line, "one", NOW + 100 * DAY)
    assert (state.state, state.expires) == ("carried_forward", NOW + 170 * DAY)
    assert warnings(state, line.registry, NOW + 139 * DAY) == []
    (warning,) = warnings(state, line.registry, NOW + 141 * DAY)
    assert "dropped on 20 March 2027 (in 29 days)" in warning
    state, _ = gather(line, "one", NOW + 171 * DAY)
    assert (state.state, state.snapshot) == ("missing", None)
    assert events(tmp_path) == ["accepted", "expired"]


def test_a_hub_whose_address_says_no_for_days_is_gone(tmp_path) -> None:
    register(tmp_path)
    pulled(tmp_path, TEN, 0)
    shutil.rmtree(tmp_path / "feeds/one")
    codes = [gather(a_line(tmp_path), "one", NOW + day * DAY)[0].held_by for day in (1, 2, 3, 4)]
    assert codes == [("address_refused",)] * 3 + [("hub_gone",)]
    state, _ = gather(a_line(tmp_path), "one", NOW + 5 * DAY)
    assert "5 attempts since 2 October 2026" in (state.reason or "")
    assert pulled(tmp_path, TEN, 6).held_by == ()


def test_a_hub_that_sends_nothing_new_for_two_cadences_is_stale(tmp_path) -> None:
    register(tmp_path, cadence="monthly")
    pulled(tmp_path, TEN, 0)
    state = pulled(tmp_path, TEN, 63)
    registry = a_line(tmp_path).registry
    assert state.state == "fresh"
    assert warnings(state, registry, NOW + 62 * DAY) == []
    assert warnings(state, registry, NOW + 63 * DAY) == [
        "Stale: nothing new for 63 days, although the hub's cadence is monthly."
    ]


def test_a_changed_mapping_that_would_lose_what_was_accepted_is_held_too(tmp_path) -> None:
    by_row = {"reader": "rows", "kind": "case_study", "glob": "case_study.json", "fields": {}}
    register(tmp_path, sources=[by_row])
    pulled(tmp_path, [], 0, rows={"case_study": TEN})
    half = by_row | {"skip_when": [{"key": "title", "matches": "number [0-4] ", "reason": "A test."}]}
    register(tmp_path, sources=[half])
    state, _ = gather(a_line(tmp_path), "one", NOW + DAY)
    assert (state.state, state.held_by, state.counts["accepted"]) == ("carried_forward", ("feed_shrank",), 10)
    state = confirm(a_line(tmp_path), "one", NOW + DAY, reason="They are drafts.", by="operator")
    assert (state.state, state.counts["accepted"]) == ("fresh", 5)


def test_a_held_feed_does_not_pass_because_the_last_good_one_was_dropped(tmp_path) -> None:
    register(tmp_path, carry_for_days=90)
    pulled(tmp_path, TEN, 0)
    for day in (1, 91, 92):
        state = pulled(tmp_path, TEN[7:], day)
    assert (state.state, state.held_by[0], state.snapshot) == ("held", "feed_shrank", None)
    assert "has been dropped" in (state.reason or "")
    assert confirm(a_line(tmp_path), "one", NOW + 93 * DAY, reason="Meant.", by="operator").counts["accepted"] == 3
    assert events(tmp_path) == ["accepted", "held", "expired", "confirmed", "accepted"]


def test_a_hub_that_returns_as_it_was_is_fresh_again_with_its_old_date(tmp_path) -> None:
    register(tmp_path, carry_for_days=90)
    first = pulled(tmp_path, TEN, 0)
    shutil.rmtree(tmp_path / "feeds/one")
    gather(a_line(tmp_path), "one", NOW + 91 * DAY)
    state = pulled(tmp_path, TEN, 100)
    assert (state.state, state.snapshot, state.fetched) == ("fresh", first.snapshot, first.fetched)


# What must not slip through, or vanish.


def test_a_feed_whose_licence_column_was_lost_is_held_and_keeps_its_records(tmp_path) -> None:
    register(tmp_path)
    pulled(tmp_path, TEN, 0)
    bare = [{name: value for name, value in study.items() if name != "licence"} for study in TEN]
    assert pulled(tmp_path, bare, 1).held_by == ("hopeless_feed",)
    assert len(published(tmp_path)) == 10
    state = pulled(tmp_path, [*TEN[:6], *bare[6:]], 2)
    assert (state.held_by, len(published(tmp_path))) == (("feed_shrank",), 10)
    assert "4 of them are in the feed with errors" in (state.reason or "")


def test_a_record_that_is_renamed_and_said_to_be_withdrawn_is_there_still(tmp_path) -> None:
    register(tmp_path)
    pulled(tmp_path, TEN, 0)
    before = published(tmp_path)
    renamed = [one | {"id": f"new-{number}"} for number, one in enumerate(TEN)]
    notices = [a_withdrawal(id=f"study-{n}", successor=f"new-{n}", reason="Renamed.") for n in range(10)]
    state = pulled(tmp_path, renamed, 1, rows={"withdrawal": notices})
    assert (state.held_by, published(tmp_path)) == (("feed_rekeyed",), before)
    confirmed(tmp_path, 2)
    assert published(tmp_path) == before
    assert withdrawn_in_coverage(tmp_path) == {}


def test_what_was_closed_or_withdrawn_stays_away_until_a_feed_has_it_again(tmp_path) -> None:
    register(tmp_path)
    pulled(tmp_path, TEN, 0)
    published(tmp_path)
    few = [study(0, licence="All rights reserved"), *TEN[1:4]]
    pulled(tmp_path, few, 1, rows={"withdrawal": [a_withdrawal(id="study-9", reason="It was wrong.")]})
    left = published(tmp_path)
    assert left == {f"one/study-{n}" for n in range(1, 9)}
    assert withdrawn_in_coverage(tmp_path)["one/study-9"]["reason"] == "It was wrong."  # though the feed is held
    pulled(tmp_path, [], 2)
    assert published(tmp_path) == left
    register(tmp_path, retired=True)
    gather(a_line(tmp_path), "one", NOW + 3 * DAY)
    register(tmp_path)
    shutil.rmtree(tmp_path / "feeds/one")
    gather(a_line(tmp_path), "one", NOW + 4 * DAY)
    assert published(tmp_path) == left
    pulled(tmp_path, TEN, 5)
    assert len(published(tmp_path)) == 10


def test_a_licence_that_is_closed_under_another_id_is_told(tmp_path) -> None:
    register(tmp_path)
    pulled(tmp_path, TEN, 0)
    renamed = [one | {"id": f"new-{number}"} for number, one in enumerate(TEN)]
    state = pulled(tmp_path, [renamed[0] | {"licence": "All rights reserved"}, *renamed[1:]], 1)
    assert "1 record has no open licence any more, under ids that the feed in use does not have" in (state.reason or "")


def by_rows(matches: str | None = None) -> dict:
    source = {"reader": "rows", "kind": "case_study", "glob": "case_study.json", "fields": {}}
    return source | ({"skip_when": [{"key": "title", "matches": matches, "reason": "A test."}]} if matches else {})


def test_a_confirmed_mapping_opens_no_door_for_the_next(tmp_path) -> None:
    register(tmp_path, sources=[by_rows()])
    pulled(tmp_path, [], 0, rows={"case_study": TEN})
    for day, matches in ((1, "number [0-4] "), (2, "number [0-8] ")):
        register(tmp_path, sources=[by_rows(matches)])
        assert gather(a_line(tmp_path), "one", NOW + day * DAY)[0].held_by == ("feed_shrank",)
        assert confirmed(tmp_path, day).held_by == ()
    assert events(tmp_path) == ["accepted", *["held", "confirmed", "accepted"] * 2]


def test_a_confirmation_is_used_up(tmp_path) -> None:
    register(tmp_path)
    pulled(tmp_path, TEN, 0)
    pulled(tmp_path, TEN[:2], 1)
    confirmed(tmp_path, 1)
    pulled(tmp_path, TEN, 2)
    confirmed(tmp_path, 2)
    assert "feed_went_back" in pulled(tmp_path, TEN[:2], 3).held_by


def stamp(folder: Path, day: int) -> None:
    manifest = folder / "feeds/one/datapackage.json"
    data = json.loads(manifest.read_text()) | {"created": f"2026-10-{day + 1:02d}T05:00:00Z"}
    manifest.write_text(json.dumps(data))


def test_an_older_feed_is_known_by_its_content_whatever_its_stamp_says(tmp_path) -> None:
    register(tmp_path)
    older = [study(n, summary="The old wording, which was wrong.") for n in range(10)]
    pulled(tmp_path, older, 0)
    pulled(tmp_path, TEN, 1)
    feed(tmp_path, older)
    stamp(tmp_path, 2)
    assert gather(a_line(tmp_path), "one", NOW + 2 * DAY)[0].held_by == ("feed_went_back",)


def test_an_address_with_a_stamp_does_not_take_the_place_of_a_newer_submission(tmp_path) -> None:
    register(tmp_path)
    older = [study(n, summary="The old wording, which was wrong.") for n in range(10)]
    feed(tmp_path, older)
    stamp(tmp_path, 0)
    gather(a_line(tmp_path), "one", NOW)
    submit(tmp_path / "store", "one", write_feed(tmp_path / "sent", TEN), NOW + DAY)
    submitted, _ = gather(a_line(tmp_path), "one", NOW + 2 * DAY)
    for day in (3, 4):
        stamp(tmp_path, day)
        state, _ = gather(a_line(tmp_path), "one", NOW + day * DAY)
        assert (state.state, state.snapshot, state.held_by) == ("fresh", submitted.snapshot, ())
    assert pulled(tmp_path, [*TEN, study(50)], 5).counts["accepted"] == 11  # a change is one


def test_what_is_too_much_at_once_is_too_much_in_steps(tmp_path) -> None:
    register(tmp_path)
    many = [study(number) for number in range(40)]
    assert [pulled(tmp_path, many[day * 3 :], day).held_by for day in range(5)] == [()] * 5
    state = pulled(tmp_path, many[15:], 5)
    assert state.held_by == ("feed_shrank",)
    assert "In sum, since the feed that was last had on 1 October 2026: 15 of 40" in (state.reason or "")
    confirmed(tmp_path, 5)
    assert pulled(tmp_path, many[18:], 6).held_by == ()
    accepted = [event for event in Store(tmp_path / "store").events("one") if event["event"] == "accepted"]
    assert "3 records are missing" in accepted[-1]["reason"]


def test_losses_are_summed_up_for_three_months_unless_they_come_back(tmp_path) -> None:
    register(tmp_path)
    many = [study(number) for number in range(40)]
    pulled(tmp_path, many, 0)
    assert pulled(tmp_path, many[8:], 1).held_by == ()
    assert pulled(tmp_path, many, 2).held_by == ("feed_went_back",)
    assert confirmed(tmp_path, 2).held_by == ()
    assert pulled(tmp_path, many[10:], 3).held_by == ()
    assert pulled(tmp_path, [*many, study(60)], 4).held_by == ()
    assert pulled(tmp_path, many[4:], 5).held_by == ()  # 5 of 41, and 15 would have been too many
    assert pulled(tmp_path, many[12:], 100).held_by == ()


def test_the_same_in_steps_through_the_mapping(tmp_path) -> None:
    register(tmp_path, sources=[by_rows()])
    pulled(tmp_path, [], 0, rows={"case_study": TEN})
    found = []
    for day, last in enumerate("135", start=1):
        register(tmp_path, sources=[by_rows(f"number [0-{last}] ")])
        found.append(gather(a_line(tmp_path), "one", NOW + day * DAY)[0].held_by)
    assert found == [(), ("feed_shrank",), ("feed_shrank",)]


def test_only_the_feed_that_was_looked_at_is_confirmed(tmp_path) -> None:
    register(tmp_path)
    pulled(tmp_path, TEN, 0)
    first = pulled(tmp_path, TEN[7:], 1)
    pulled(tmp_path, TEN[9:], 2)
    assert events(tmp_path) == ["accepted", "held", "held"]
    with pytest.raises(NothingToConfirm, match="look at that one first"):
        confirmed(tmp_path, 3, feed=(first.newest or "")[:12])
    assert confirmed(tmp_path, 3, feed="").counts["accepted"] == 1


class Killed(BaseException):
    """As good as kill -9."""


def killed_at(monkeypatch: pytest.MonkeyPatch, method: str, do: Callable[[], object]) -> None:
    def die(*_: object, **__: object) -> None:
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(Store, method, die)
        with pytest.raises(Killed):
            do()


@pytest.mark.parametrize("method", ["log_event", "keep_public_ids", "save_standing"])
def test_a_run_that_is_killed_while_it_settles_is_as_if_it_had_not_been(tmp_path, monkeypatch, method) -> None:
    register(tmp_path)
    pulled(tmp_path, TEN, 0)
    grown = [*TEN, study(50)]
    killed_at(monkeypatch, method, lambda: pulled(tmp_path, grown, 1))
    state = pulled(tmp_path, grown, 1)
    assert (state.state, state.held_by, state.counts["accepted"]) == ("fresh", (), 11)
    assert len(published(tmp_path)) == 11


@pytest.mark.parametrize("method", ["note_published", "keep_slugs"])
def test_ids_last_though_the_run_that_published_them_was_killed(tmp_path, monkeypatch, method) -> None:
    register(tmp_path)
    pulled(tmp_path, TEN, 0)
    killed_at(monkeypatch, method, lambda: published(tmp_path))
    renamed = [one | {"id": f"new-{number}"} for number, one in enumerate(TEN)]
    pulled(tmp_path, renamed, 1)
    confirmed(tmp_path, 1)
    assert published(tmp_path) == {f"one/study-{n}" for n in range(10)}
    pulled(tmp_path, renamed[:9], 2)
    pulled(tmp_path, [*renamed[:9], study(99, id="study-9")], 3)
    assert "one/study-9" not in published(tmp_path)


def test_a_feed_between_two_releases_counts_for_ids_too(tmp_path) -> None:
    register(tmp_path)
    pulled(tmp_path, TEN, 0)
    before = published(tmp_path)
    renamed = [one | {"id": f"new-{number}"} for number, one in enumerate(TEN)]
    pulled(tmp_path, renamed, 1)
    confirmed(tmp_path, 1)
    other = [" ".join(f"other{number}y{word}" for word in range(40)) for number in range(10)]
    rewritten = [one | {"title": f"Rewritten {n}", "body": other[n]} for n, one in enumerate(renamed)]
    pulled(tmp_path, rewritten, 2)
    assert published(tmp_path) == before


def test_what_was_merged_has_the_address_that_readers_know_when_the_other_leaves(tmp_path) -> None:
    for hub in ("one", "two"):
        register(tmp_path, id=hub)
        write_feed(tmp_path / "feeds" / hub, TEN[:2])
        gather(a_line(tmp_path), hub, NOW)
    published(tmp_path)
    known = {id: entry.slug for id, entry in Store(tmp_path / "store").library().items()}
    register(tmp_path, id="one", retired=True)
    gather(a_line(tmp_path), "one", NOW + DAY)
    published(tmp_path)
    left = {id: entry.slug for id, entry in Store(tmp_path / "store").library().items()}
    assert left == {id.replace("one/", "two/"): slug for id, slug in known.items()}
    register(tmp_path, id="one")
    gather(a_line(tmp_path), "one", NOW + 2 * DAY)
    published(tmp_path)
    assert {id: entry.slug for id, entry in Store(tmp_path / "store").library().items()} == left


def test_a_feed_that_only_our_rules_will_not_have_is_not_dropped_while_the_hub_has_it(tmp_path) -> None:
    register(tmp_path, sources=[by_rows()], carry_for_days=90)
    pulled(tmp_path, [], 0, rows={"case_study": TEN})
    register(tmp_path, sources=[by_rows("number [0-8] ")], carry_for_days=90)
    for day in (30, 60, 91):
        state, _ = gather(a_line(tmp_path), "one", NOW + day * DAY)
    assert (state.state, state.counts["accepted"], state.seen) == ("carried_forward", 10, NOW + 91 * DAY)


def test_a_clock_that_is_wrong_once_carries_nothing_for_ten_years(tmp_path) -> None:
    register(tmp_path, carry_for_days=90)
    pulled(tmp_path, TEN, 0)
    pulled(tmp_path, TEN, 3650)
    shutil.rmtree(tmp_path / "feeds/one")
    state, _ = gather(a_line(tmp_path), "one", NOW + 10 * DAY)
    assert state.expires == NOW + 100 * DAY


def test_since_when_a_feed_is_carried_does_not_begin_anew_with_another_cause(tmp_path) -> None:
    register(tmp_path)
    pulled(tmp_path, TEN, 0)
    shutil.rmtree(tmp_path / "feeds/one")
    states = [gather(a_line(tmp_path), "one", NOW + day * DAY)[0] for day in (1, 2, 3, 4)]
    assert [state.held_by for state in states][-1] == ("hub_gone",)
    assert {state.since for state in states} == {NOW + DAY}


def test_a_verdict_that_is_gone_is_made_again(tmp_path) -> None:
    register(tmp_path)
    pulled(tmp_path, TEN, 0)
    shutil.rmtree(tmp_path / "store/verdicts")
    assert pulled(tmp_path, TEN[7:], 1).held_by == ("feed_shrank",)


def test_only_a_notice_is_told_as_one(tmp_path) -> None:
    register(tmp_path)
    pulled(tmp_path, TEN, 0)
    state = pulled(tmp_path, TEN, 1, rows={"withdrawal": [a_withdrawal(id="never-was")]})
    assert (state.state, (state.change or {})["kinds"]) == ("fresh", ["withdrawals"])


def test_a_standing_that_was_lost_is_no_way_around(tmp_path) -> None:
    register(tmp_path)
    pulled(tmp_path, TEN, 0)
    before = published(tmp_path)
    (tmp_path / "store/hubs/one.json").unlink()
    state = pulled(tmp_path, TEN[8:], 1)
    assert (state.state, state.held_by) == ("carried_forward", ("feed_shrank",))
    assert published(tmp_path) == before
