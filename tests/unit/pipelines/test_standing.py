from dataclasses import replace
from datetime import timedelta

import pytest

from hubs.registration import WrongRegistry
from pipelines.files import Damaged
from pipelines.line import standings
from pipelines.standing import warnings
from pipelines.validate import newest_verdict, used_verdict
from tests.feeds import NOW, a_case_study, a_line, an_answer, answers_of, gather, register, write_feed


def good_feed(folder, **changes):
    return write_feed(folder / "feeds" / "one", [a_case_study(**changes)])


def test_a_good_feed_is_fresh_and_used(tmp_path) -> None:
    register(tmp_path)
    good_feed(tmp_path)
    line = a_line(tmp_path)
    state, is_new = gather(line, "one", NOW)
    assert (state.state, is_new, state.counts["accepted"]) == ("fresh", True, 1)
    again, is_new = gather(line, "one", NOW + timedelta(days=1))
    assert (again, is_new) == (replace(state, seen=NOW + timedelta(days=1)), False)


def test_incident_b_an_empty_feed_is_held_and_the_last_good_one_carried_forward(tmp_path) -> None:
    register(tmp_path)
    good_feed(tmp_path)
    line = a_line(tmp_path)
    fresh, _ = gather(line, "one", NOW)
    (tmp_path / "feeds/one/case_studies/shared-schedule.md").unlink()
    write_feed(tmp_path / "feeds" / "one")
    later = NOW + timedelta(days=30)
    state, _ = gather(line, "one", later)
    assert (state.state, state.held_by, state.since) == ("carried_forward", ("empty_feed",), later)
    assert state.snapshot == fresh.snapshot
    verdict = used_verdict(line.store, "one")
    assert verdict is not None
    assert len(verdict.records) == 1
    newest = newest_verdict(line.store, "one")
    assert newest is not None
    assert newest.is_held


def test_an_empty_feed_without_a_good_one_before_is_held(tmp_path) -> None:
    register(tmp_path)
    write_feed(tmp_path / "feeds" / "one")
    state, _ = gather(a_line(tmp_path), "one", NOW)
    assert (state.state, state.held_by, state.snapshot) == ("held", ("empty_feed",), None)
    assert "no record" in (state.reason or "")


def test_a_feed_that_is_mostly_bad_is_held_and_its_records_kept_in_quarantine(tmp_path) -> None:
    register(tmp_path)
    bad = [a_case_study(id=f"bad-{n}", sectors=["astrology"], body=f"Text {n}.") for n in range(3)]
    write_feed(tmp_path / "feeds" / "one", [a_case_study(), *bad])
    line = a_line(tmp_path)
    state, _ = gather(line, "one", NOW)
    assert (state.state, state.held_by) == ("held", ("hopeless_feed",))
    verdict = newest_verdict(line.store, "one")
    assert verdict is not None
    assert {entry.record for entry in verdict.quarantine} == {"bad-0", "bad-1", "bad-2"}
    assert b"astrology" in verdict.quarantine[0].raw


def test_incident_n_a_silent_hub_is_carried_forward_until_its_time_is_up(tmp_path) -> None:
    register(tmp_path, carry_for_days=90)
    good_feed(tmp_path).rename(tmp_path / "away")
    (tmp_path / "away").rename(tmp_path / "feeds" / "one")
    line = a_line(tmp_path)
    gather(line, "one", NOW)
    (tmp_path / "feeds" / "one").rename(tmp_path / "away")
    state, _ = gather(line, "one", NOW + timedelta(days=72))
    assert (state.state, state.held_by) == ("carried_forward", ("address_refused",))
    state, _ = gather(line, "one", NOW + timedelta(days=91))
    assert (state.state, state.snapshot) == ("missing", None)
    assert "and has been dropped" in (state.reason or "")


def test_incident_p_a_hub_that_leaves_the_register_is_retired_and_says_so(tmp_path) -> None:
    for hub in ("one", "two"):
        register(tmp_path, id=hub)
        write_feed(tmp_path / "feeds" / hub, [a_case_study()])
        gather(a_line(tmp_path), hub, NOW)
    (tmp_path / "registry/one.yaml").unlink()
    line = a_line(tmp_path)
    state, _ = gather(line, "one", NOW + timedelta(days=1))
    assert (state.state, state.snapshot) == ("retired", None)
    assert used_verdict(line.store, "one") is None
    assert state.reason == "The hub is not in the register any more; its content is retired on purpose."
    (warning,) = warnings(state, line.registry, NOW)
    assert "The registry has no one.yaml any more." in warning


def test_a_hub_whose_registration_says_that_it_has_left_is_no_cause_for_a_warning(tmp_path) -> None:
    register(tmp_path, retired=True)
    line = a_line(tmp_path)
    state, _ = gather(line, "one", NOW)
    assert state.reason == "The hub has left; its content is retired on purpose."
    assert warnings(state, line.registry, NOW) == []


def test_a_registry_without_any_known_hub_is_taken_for_the_wrong_one(tmp_path) -> None:
    register(tmp_path)
    good_feed(tmp_path)
    gather(a_line(tmp_path), "one", NOW)
    (tmp_path / "registry/one.yaml").unlink()
    register(tmp_path, id="stranger")
    with pytest.raises(WrongRegistry, match=r"none of the hubs .* \(one\)"):
        a_line(tmp_path)


def test_readers_are_not_told_the_operators_folders(tmp_path) -> None:
    register(tmp_path)
    state, _ = gather(a_line(tmp_path), "one", NOW)
    assert str(tmp_path) in (state.reason or "")
    assert str(tmp_path) not in (state.for_readers(100).reason or "")


def test_sample_hubs_leave_without_a_word_when_real_ones_come(tmp_path) -> None:
    register(tmp_path, sample=True)
    good_feed(tmp_path)
    gather(a_line(tmp_path), "one", NOW)
    (tmp_path / "registry/one.yaml").unlink()
    register(tmp_path, id="real")
    assert list(a_line(tmp_path).registry.hubs) == ["real"]


def test_a_registration_that_breaks_carries_its_hub_forward(tmp_path) -> None:
    register(tmp_path)
    good_feed(tmp_path)
    gather(a_line(tmp_path), "one", NOW)
    (tmp_path / "registry/one.yaml").write_text("id: [", encoding="utf-8")
    line = a_line(tmp_path)
    state, _ = gather(line, "one", NOW + timedelta(days=1))
    assert (state.state, state.held_by) == ("carried_forward", ("unusable_registration",))
    assert state.name_en == "Hub one"


def test_a_registration_that_never_was_usable_is_a_missing_hub(tmp_path) -> None:
    register(tmp_path)
    (tmp_path / "registry/two.yaml").write_text("id: two\nname: Two\n", encoding="utf-8")
    states = {state.id: state for state in standings(a_line(tmp_path))}
    assert states["two"].state == "missing"
    assert states["two"].held_by == ("unusable_registration",)
    assert "two.yaml" in (states["two"].reason or "")


def test_incident_q_a_changed_rule_judges_the_same_bytes_again(tmp_path) -> None:
    register(tmp_path)
    write_feed(tmp_path / "feeds" / "one", [a_case_study(), a_case_study(id="two", licence=None, body="Other.")])
    line = a_line(tmp_path)
    first, _ = gather(line, "one", NOW)
    assert first.counts["quarantined"] == 1
    register(tmp_path, licence="OGL-UK-3.0")
    second, is_new = gather(a_line(tmp_path), "one", NOW + timedelta(days=1))
    assert (second.counts["accepted"], second.counts["quarantined"], is_new) == (2, 0, False)


@pytest.mark.parametrize("leftover", ["verdict without end", "staging of the dead"])
def test_what_a_killed_run_leaves_behind_is_never_read(tmp_path, leftover: str) -> None:
    register(tmp_path)
    good_feed(tmp_path)
    line = a_line(tmp_path)
    state, _ = gather(line, "one", NOW)
    if leftover == "verdict without end":
        (verdict,) = (tmp_path / "store/verdicts").rglob("verdict.json")
        verdict.unlink()
    else:
        dead = tmp_path / "store/staging/4194305"  # above the highest process number of the system
        dead.mkdir(parents=True)
        (dead / "half").write_bytes(b"half")
    again, _ = gather(line, "one", NOW)
    assert again == state
    assert not (tmp_path / "store/staging/4194305").exists()


def test_readers_get_no_exact_number_of_answers(tmp_path) -> None:
    register(tmp_path)
    answers = [*answers_of(77), an_answer(organisation="org-99999999", level="9")]
    write_feed(tmp_path / "feeds" / "one", [a_case_study()], answers=answers)
    state, _ = gather(a_line(tmp_path), "one", NOW)
    assert (state.counts["answers_accepted"], state.quarantined_answers) == (231, {"level_out_of_range": 1})
    public = state.for_readers(100)
    assert (public.counts["answers_accepted"], public.counts["answers_quarantined"]) == (200, 0)
    assert (public.counts["accepted"], public.quarantined_answers) == (1, {})


def test_a_verdict_whose_records_were_cut_short_is_named(tmp_path) -> None:
    register(tmp_path)
    good_feed(tmp_path)
    line = a_line(tmp_path)
    gather(line, "one", NOW)
    (records,) = (tmp_path / "store" / "verdicts").rglob("records.jsonl")
    records.chmod(0o644)
    records.write_text("")
    with pytest.raises(Damaged, match=r"records\.jsonl is damaged"):
        used_verdict(line.store, "one")
