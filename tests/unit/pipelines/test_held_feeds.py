"""What becomes of a good feed that changes much: held, recorded, confirmed; and of what the world does to it."""

import json
import shutil
from datetime import timedelta
from pathlib import Path

import pytest

from pipelines.edition import HubState
from pipelines.line import confirm, gather, make_benchmarks, make_library, make_release
from pipelines.receipts import hub_page
from pipelines.standing import NothingToConfirm, warnings
from pipelines.store import Store
from tests.feeds import NOW, a_case_study, a_line, a_withdrawal, register, write_feed

DAY = timedelta(days=1)


def study(number: int, **changes) -> dict:
    """One of many studies, like no other."""
    text = " ".join(f"word{number}x{n}" for n in range(40))
    own = {"id": f"study-{number}", "title": f"Study number {number} of the series", "body": text}
    return a_case_study(**own | changes)


def feed(folder: Path, studies: list[dict], **more) -> None:
    shutil.rmtree(folder / "feeds" / "one", ignore_errors=True)
    write_feed(folder / "feeds" / "one", studies, **more)


def pulled(folder: Path, studies: list[dict], day: int, **more) -> HubState:
    feed(folder, studies, **more)
    return gather(a_line(folder), "one", NOW + day * DAY)[0]


def published(folder: Path) -> set[str]:
    """Publish, and give the ids of all published records."""
    line = a_line(folder)
    make_library(line)
    make_benchmarks(line)
    make_release(line, NOW)
    return set(line.store.library())


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
    passed = confirm(a_line(tmp_path), "one", "Seven were out of date.", "operator", NOW + 2 * DAY)
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
        confirm(a_line(tmp_path), "one", "why", "operator", NOW)
    pulled(tmp_path, TEN, 0)
    with pytest.raises(NothingToConfirm, match="It is fresh"):
        confirm(a_line(tmp_path), "one", "why", "operator", NOW)
    held = pulled(tmp_path, [], 1)
    assert held.held_by == ("empty_feed",)
    with pytest.raises(NothingToConfirm, match="no record that can be accepted"):
        confirm(a_line(tmp_path), "one", "an empty feed can never go out", "operator", NOW)


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
    assert confirm(a_line(tmp_path), "one", "A new system.", "operator", NOW + DAY).state == "fresh"
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
    assert "of 1 October 2026 again, after that of 2 October 2026" in (state.reason or "")
    assert confirm(a_line(tmp_path), "one", "Two were wrong.", "operator", NOW + 3 * DAY).counts["accepted"] == 8
    assert pulled(tmp_path, TEN, 4).held_by == ("feed_went_back",)


def test_a_confirmation_holds_for_that_one_change_only(tmp_path) -> None:
    register(tmp_path)
    pulled(tmp_path, TEN, 0)
    few = [study(50), *TEN[:2]]
    pulled(tmp_path, few, 1)
    confirm(a_line(tmp_path), "one", "Meant.", "operator", NOW + DAY)
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
    assert warnings(state, line.registry.hubs["one"], NOW + 139 * DAY) == []
    (warning,) = warnings(state, line.registry.hubs["one"], NOW + 141 * DAY)
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
    registration = a_line(tmp_path).registry.hubs["one"]
    assert state.state == "fresh"
    assert warnings(state, registration, NOW + 62 * DAY) == []
    assert warnings(state, registration, NOW + 63 * DAY) == [
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
    state = confirm(a_line(tmp_path), "one", "They are drafts.", "operator", NOW + DAY)
    assert (state.state, state.counts["accepted"]) == ("fresh", 5)


def test_a_held_feed_does_not_pass_because_the_last_good_one_was_dropped(tmp_path) -> None:
    register(tmp_path, carry_for_days=90)
    pulled(tmp_path, TEN, 0)
    for day in (1, 91, 92):
        state = pulled(tmp_path, TEN[7:], day)
    assert (state.state, state.held_by[0], state.snapshot) == ("held", "feed_shrank", None)
    assert "has been dropped" in (state.reason or "")
    assert confirm(a_line(tmp_path), "one", "Meant.", "operator", NOW + 93 * DAY).counts["accepted"] == 3
    assert events(tmp_path) == ["accepted", "held", "expired", "confirmed", "accepted"]


def test_a_hub_that_returns_as_it_was_is_fresh_again_with_its_old_date(tmp_path) -> None:
    register(tmp_path, carry_for_days=90)
    first = pulled(tmp_path, TEN, 0)
    shutil.rmtree(tmp_path / "feeds/one")
    gather(a_line(tmp_path), "one", NOW + 91 * DAY)
    state = pulled(tmp_path, TEN, 100)
    assert (state.state, state.snapshot, state.fetched) == ("fresh", first.snapshot, first.fetched)
