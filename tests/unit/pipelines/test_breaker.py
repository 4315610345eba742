"""The breaker: its rules at their borders, and a slice of the labelled corpus that `make bench` runs whole."""

from pathlib import Path

import pytest

from hubs.instruments import instruments
from hubs.registration import Breaker
from pipelines.breaker import Change, compare
from pipelines.profiles import profile
from pipelines.settings import DEFAULTS
from pipelines.standing import closed_in
from tests.bench.breaker import CONTENT, FILES, origins, pairs
from tests.feeds import a_faq, a_study, a_term, a_withdrawal, answers_of, judged, write_feed


def change(folder: Path, before: dict, after: dict, **limits: float) -> Change:
    """What the second feed would change in the first."""
    old, new = (
        judged(write_feed(folder / name / "feed", **content)) for name, content in (("old", before), ("new", after))
    )
    withdrawn = {notice.id for notice in new.withdrawals}
    return compare(profile(old), profile(new), Breaker(**limits), closed=closed_in(new), withdrawn=withdrawn)


def studies(*numbers: int, **changes) -> dict:
    return {"case_studies": [a_study(number, **changes) for number in numbers]}


@pytest.mark.parametrize(
    ("before", "kept", "held_by"),
    [
        (4, (1, 2, 3), ()),  # 25 %
        (3, (1, 2), ("feed_shrank",)),  # 33 %, in a small hub too
        (10, (3, 4, 5, 6, 7, 8, 9), ()),  # 30 % is not over 30 %
        (10, (4, 5, 6, 7, 8, 9), ("feed_shrank",)),
        (10, (0, 1, 2, 3, 4, 5, 6, 7, 8), ()),  # the last one alone may have been taken out by hand
    ],
)
def test_a_loss_is_held_above_its_limit(tmp_path, before, kept, held_by) -> None:
    found = change(tmp_path, studies(*range(before)), studies(*kept))
    assert found.held_by == held_by
    assert (found.lost_n, "shrinkage" in found.kinds) == (before - len(kept), True)


def test_what_is_missing_from_the_end_has_a_limit_of_its_own_and_is_called_by_its_name(tmp_path) -> None:
    rows = {"case_study": [a_study(n) for n in range(10)]}
    found = change(tmp_path / "a", {"rows": rows}, {"rows": {"case_study": rows["case_study"][:8]}})
    assert found.held_by == ("feed_cut_short",)
    assert found.why == ("2 of 10 case studies are missing from the end (20 %, the limit is 10 %).",)
    found = change(tmp_path / "b", {"rows": rows}, {"rows": {"case_study": rows["case_study"][2:]}})
    assert found.held_by == ()


def test_a_kind_of_which_nothing_is_left_is_held(tmp_path) -> None:
    one = studies(*range(9)) | {"faqs": [a_faq()]}
    found = change(tmp_path, one, studies(*range(9)))
    assert (found.held_by != (), "emptied" in found.kinds) == (True, True)


def test_growth_and_edits_pass_whatever_their_size(tmp_path) -> None:
    found = change(tmp_path, studies(0, 1), studies(*range(40), summary="Another summary of what was done."))
    assert (found.held_by, {"growth", "edits"} <= set(found.kinds)) == ((), True)


def test_records_with_errors_that_were_accepted_before_are_lost(tmp_path) -> None:
    after = {"case_studies": [a_study(n, sectors=["astrology"] if n < 4 else ["health"]) for n in range(10)]}
    found = change(tmp_path, studies(*range(10)), after)
    assert found.held_by == ("feed_shrank",)
    assert "4 of them are in the feed with errors" in found.why[0]


def under_new_ids(n: int, of: int) -> dict:
    """So many studies, the first ``n`` of them under new ids."""
    return {"case_studies": [*(a_study(k, id=f"new-{k}") for k in range(n)), *(a_study(k) for k in range(n, of))]}


def test_a_share_of_new_ids_is_held_and_a_single_one_is_not(tmp_path) -> None:
    assert change(tmp_path / "a", studies(*range(5)), under_new_ids(1, of=5)).held_by == ()  # 20 %, but one
    assert change(tmp_path / "b", studies(*range(20)), under_new_ids(2, of=20)).held_by == ()  # 10 % is not over 10 %
    found = change(tmp_path / "c", studies(*range(10)), under_new_ids(2, of=10))
    assert (found.held_by, found.rekeyed) == (("feed_rekeyed",), {"new-0": "study-0", "new-1": "study-1"})
    assert change(tmp_path / "d", studies(*range(10)), under_new_ids(2, of=10), rekeyed_share=0.5).held_by == ()


def test_all_new_ids_are_held_whatever_else_the_hub_has_changed(tmp_path) -> None:
    after = [a_study(n, id=f"new-{n}", summary="Another summary of what was done.") for n in range(10)]
    found = change(tmp_path, studies(*range(10)), {"case_studies": [*after, *(a_study(n) for n in range(20, 40))]})
    assert (found.held_by, len(found.rekeyed), found.lost_n) == (("feed_rekeyed",), 10, 0)


def test_an_id_that_follows_its_heading_is_an_edit(tmp_path) -> None:
    def terms(mark: str) -> dict:
        own = [a_term(term=f"Term {n}{mark}", definition=a_study(n)["body"]) for n in range(10)]
        return {"rows": {"term": own}}

    found = change(tmp_path, terms(""), terms(" (revised)"))
    assert (found.held_by, found.kinds, len(found.rekeyed)) == ((), ("edits",), 10)
    assert found.numbers["records"]["term"]["retitled"] == 10


def test_what_the_hub_withdraws_or_closes_is_not_lost(tmp_path) -> None:
    notices = [a_withdrawal(id=f"study-{n}") for n in range(5)]
    found = change(tmp_path / "a", studies(*range(10)), studies(*range(5, 10)) | {"rows": {"withdrawal": notices}})
    assert (found.held_by, found.kinds) == ((), ("withdrawals",))
    # 2 of the 5 that should still be there are gone, that is 40 %, of the 10 before it would be 20 %.
    found = change(tmp_path / "b", studies(*range(10)), studies(*range(7, 10)) | {"rows": {"withdrawal": notices}})
    assert (found.held_by, found.lost_n) == (("feed_shrank",), 2)
    closed = {"case_studies": [a_study(n, licence="All rights reserved") if n < 5 else a_study(n) for n in range(10)]}
    found = change(tmp_path / "c", studies(*range(10)), closed)
    assert (found.held_by, found.kinds, found.lost_n) == ((), ("licence_change",), 0)


def test_another_open_licence_is_told_and_passes(tmp_path) -> None:
    found = change(tmp_path, studies(0, 1), studies(0, 1, licence="CC-BY-4.0"))
    assert (found.held_by, "licence_change" in found.kinds) == ((), True)
    assert "2 records have another licence" in found.why[0]


@pytest.mark.parametrize(
    ("before", "kept", "held_by"),
    [
        (20, 18, ()),  # 10 % is not over 10 %
        (20, 17, ("feed_cut_short",)),
        (9, 8, ()),  # 11 %, but of the end of a list the last one alone is none
        (9, 7, ("feed_cut_short",)),
        (10, 4, ("feed_cut_short",)),  # one reason is enough
    ],
)
def test_the_limit_of_what_is_missing_from_the_end(tmp_path, before, kept, held_by) -> None:
    rows = [a_study(n) for n in range(before)]
    found = change(tmp_path, {"rows": {"case_study": rows}}, {"rows": {"case_study": rows[:kept]}})
    assert found.held_by == held_by


def test_what_is_missing_from_the_end_of_a_feed_that_grows_is_not_cut(tmp_path) -> None:
    rows = [a_study(n) for n in range(11)]
    found = change(tmp_path, {"rows": {"case_study": rows[:10]}}, {"rows": {"case_study": [*rows[:8], rows[10]]}})
    assert (found.held_by, found.lost_n) == ((), 2)


# Returns.


def test_a_period_is_compared_with_itself(tmp_path) -> None:
    old, new = answers_of(20, period="2026-Q2"), answers_of(20, first=101, period="2026-Q3")
    found = change(tmp_path / "a", {"answers": [*old, *new]}, {"answers": [*old[21:], *new]})
    assert found.held_by == ("feed_shrank",)  # 21 of the 60 answers of one period, 18 % of all
    assert found.why == ("21 of 60 self-assessment answers of 2026-Q2 are missing (35 %, the limit is 30 %).",)
    found = change(tmp_path / "b", {"answers": [*old, *new]}, {"answers": [*old[18:], *new]})
    assert (found.held_by, "shrinkage" in found.kinds) == ((), True)


@pytest.mark.parametrize(("organisations", "held_by"), [(14, ()), (13, ("feed_shrank",))])
def test_a_new_period_takes_the_place_of_one_that_ends_from_seven_tenths_of_its_organisations_on(
    tmp_path, organisations, held_by
) -> None:
    old, new = answers_of(20, period="2026-Q2"), answers_of(organisations, first=101, period="2026-Q3")
    found = change(tmp_path, {"answers": old}, {"answers": new})
    assert (found.held_by, "new_period" in found.kinds) == (held_by, not held_by)


def test_an_older_period_never_takes_the_place_of_a_newer_one(tmp_path) -> None:
    old, new = answers_of(20, period="2026-Q3"), answers_of(20, first=101, period="2026-Q2")
    assert change(tmp_path, {"answers": old}, {"answers": new}).held_by == ("feed_shrank",)


def long_answers(organisations: int, questions: int) -> list[dict]:
    """Each organisation's answers to so many questions, in the order of a file."""
    asked = list(instruments()["interop-baseline-v1"].questions)[:questions]
    return [row | {"question": q} for row in answers_of(organisations)[::3] for q in asked]


@pytest.mark.parametrize(
    ("organisations", "missing", "held_by"),
    [
        (10, 15, ()),  # 10 % is not over 10 %
        (10, 16, ("feed_cut_short",)),
        (4, 9, ()),  # 15 %, but so few may well have been taken out by hand
        (4, 10, ("feed_cut_short",)),
    ],
)
def test_answers_missing_from_the_end_of_the_file(tmp_path, organisations, missing, held_by) -> None:
    answers = long_answers(organisations, 15)
    assert change(tmp_path, {"answers": answers}, {"answers": answers[:-missing]}).held_by == held_by


def test_organisations_missing_from_the_end_of_the_file_count_too(tmp_path) -> None:
    answers = answers_of(15)
    assert change(tmp_path, {"answers": answers}, {"answers": answers[:-6]}).held_by == ("feed_cut_short",)
    assert change(tmp_path / "b", {"answers": answers}, {"answers": answers[6:]}).held_by == ()


def renamed(answers: list[dict], n: int, **changes: str) -> dict:
    """The first ``n`` of twenty organisations come under other keys, with these changes."""
    keys = {f"org-{number:08d}": f"org-{number + 500:08d}" for number in range(1, n + 1)}
    return {
        "answers": [
            row | {"organisation": keys[row["organisation"]]} | changes if row["organisation"] in keys else row
            for row in answers
        ]
    }


def test_organisations_under_other_keys_are_held_even_if_their_levels_were_edited(tmp_path) -> None:
    answers = answers_of(20)
    assert change(tmp_path / "a", {"answers": answers}, renamed(answers, 2)).held_by == ()  # 10 % is not over 10 %
    for name, changes in (("b", {}), ("c", {"level": "5"})):
        found = change(tmp_path / name, {"answers": answers}, renamed(answers, 3, **changes))
        assert (found.held_by, "rekeyed_returns" in found.kinds) == (("feed_rekeyed",), True)
    found = change(tmp_path / "d", {"answers": answers}, renamed(answers, 3, region="scotland", level="5"))
    assert (found.held_by, "rekeyed_returns" in found.kinds) == ((), False)  # three others, of another region
    found = change(tmp_path / "e", {"answers": answers}, renamed(answers, 20, region="scotland", level="5"))
    assert found.held_by == ("feed_rekeyed",)  # nobody is who was there


def test_growth_edits_and_new_respondents_of_returns_pass(tmp_path) -> None:
    answers = answers_of(20)
    after = [row | {"level": "1", "respondent": f"{row['respondent']}9"} for row in answers]
    found = change(tmp_path, {"answers": answers}, {"answers": [*after, *answers_of(300, first=900)]})
    assert (found.held_by, {"growth", "edits"} <= set(found.kinds)) == ((), True)


def test_the_same_in_another_order_and_layout_is_nothing(tmp_path) -> None:
    answers = answers_of(12)
    before = {"rows": {"case_study": [a_study(n) for n in range(6)]}, "answers": answers}
    after = {"rows": {"case_study": [a_study(n) for n in reversed(range(6))]}, "answers": answers[::-1]}
    found = change(tmp_path, before, after)
    assert (found.is_nothing, Change.from_dict(found.to_dict())) == (True, found)


def test_a_slice_of_the_labelled_corpus_is_told_right(tmp_path) -> None:
    found = list(origins(tmp_path, [(DEFAULTS["registry"], None)], only=("education", "scotland", "wales")))
    done = [pair for pair in pairs(found, tmp_path, of_each=1, every=3) if not pair.is_refused]
    assert len(done) >= 40
    assert {pair.group for pair in done} == {*CONTENT, *FILES}
    assert [pair for pair in done if not (pair.is_right and pair.is_told_right)] == []
