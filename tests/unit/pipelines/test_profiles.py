"""What two profiles have in common, and in what they differ."""

from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from pipelines.profiles import Profile, profile
from pipelines.returns import COARSE_ROWS, FINE_ROWS, Tables
from tests.feeds import a_case_study, a_faq, a_term, a_withdrawal, answers_of, judged, write_feed


def of(folder: Path, **feed: Any) -> Profile:
    """The profile of the feed that ``write_feed`` writes of this."""
    return profile(judged(write_feed(folder / "feed", **feed)))


BASE: dict[str, Any] = {"case_studies": [a_case_study()], "faqs": [a_faq()], "answers": answers_of(6)}


def test_a_profile_names_each_record_with_its_file_place_and_licence(tmp_path) -> None:
    found = of(tmp_path, faqs=[a_faq()], rows={"term": [a_term(), a_term(term="Open data")]})
    assert list(found.records) == ["open-standard", "open-data", "what-is-an-api"]
    term, faq = found.records["open-data"], found.records["what-is-an-api"]
    assert (term.file, term.position, term.licence, term.is_named_by_heading) == ("term.json", 1, "OGL-UK-3.0", True)
    assert (faq.file, faq.is_named_by_heading) == ("faqs/what-is-an-api.md", False)


def test_what_is_in_quarantine_is_named_by_its_id_with_its_codes(tmp_path) -> None:
    spoilt = a_case_study(id="spoilt", sectors=["astrology"])
    found = of(tmp_path, case_studies=[a_case_study(), spoilt], answers=[*answers_of(6), answers_of(1)[0]])
    assert list(found.refused) == ["spoilt"]
    assert found.refused_rows == {"assessment": 2}


@pytest.mark.parametrize(
    "feed",
    [
        {"created": "2026-09-30T00:00:00Z"},
        {"answers": BASE["answers"][::-1]},
        {"faqs": (), "rows": {"faq": [a_faq()]}},
    ],
    ids=["a stamp", "the order of rows", "another file"],
)
def test_what_is_no_content_is_no_difference(tmp_path, feed) -> None:
    assert of(tmp_path / "new", **BASE | feed).content == of(tmp_path / "old", **BASE).content


@pytest.mark.parametrize(
    "feed",
    [
        {"case_studies": [a_case_study(contact="other@sample.example")]},
        {"case_studies": [a_case_study(licence="CC-BY-4.0")]},
        {"case_studies": [a_case_study(id="other")]},
        {"answers": [BASE["answers"][0] | {"level": "5"}, *BASE["answers"][1:]]},
        {"answers": BASE["answers"][1:]},
        {"answers": answers_of(6, period="2026-Q2")},
        {"rows": {"withdrawal": [a_withdrawal()]}},
        {"faqs": [a_faq(), a_faq(id="spoilt", sectors=["astrology"])]},
    ],
    ids=["contact", "licence", "id", "level", "row", "period", "withdrawal", "quarantine"],
)
def test_what_a_release_would_say_otherwise_is_a_difference(tmp_path, feed) -> None:
    assert of(tmp_path / "new", **BASE | feed).content != of(tmp_path / "old", **BASE).content


def test_another_reason_for_a_withdrawal_is_a_difference(tmp_path) -> None:
    old, new = (
        of(tmp_path / reason, faqs=[a_faq()], rows={"withdrawal": [a_withdrawal(reason=reason)]})
        for reason in ("Out of date.", "Wrong.")
    )
    assert old.content != new.content


def test_returns_are_counted_by_organisation_and_period(tmp_path) -> None:
    answers = [*answers_of(3, period="2026-Q2"), *answers_of(5)]
    found = of(tmp_path, answers=answers)
    periods = {key: (len(one.keys), one.rows_n, one.rows.tolist()) for key, one in found.returns.items()}
    assert periods == {
        ("assessment", "2026-Q2"): (3, 9, [3] * 3),
        ("assessment", "2026-Q3"): (5, 15, [3] * 5),
    }


def test_an_organisations_answers_are_known_without_its_key(tmp_path) -> None:
    old, new = of(tmp_path / "old", answers=answers_of(6)), of(tmp_path / "new", answers=answers_of(6, first=61))
    (one,), (other,) = old.returns.values(), new.returns.values()
    assert not set(one.keys.tolist()) & set(other.keys.tolist())
    assert sorted(one.answered.tolist()) == sorted(other.answered.tolist())
    assert one.digest != other.digest


def test_blocks_of_a_file_say_where_it_changed(tmp_path) -> None:
    answers = answers_of(400)
    place = COARSE_ROWS // 2
    edited = [*answers[:place], answers[place] | {"region": "scotland"}, *answers[place + 1 :]]
    (old,), (new,) = (of(tmp_path / name, answers=a).sheets.values() for name, a in (("a", answers), ("b", edited)))
    assert [block for block in old.blocks if old.blocks[block] != new.blocks[block]] == [place // FINE_ROWS]
    assert old.last == new.last


def test_without_tables_a_profile_has_no_returns(tmp_path) -> None:
    found = of(tmp_path, faqs=[a_faq()])
    assert (found.returns, found.sheets, found.refused_rows) == ({}, {}, {})


def test_returns_do_not_depend_on_how_their_rows_lie_in_files(tmp_path) -> None:
    (table,) = judged(write_feed(tmp_path / "feed", answers=answers_of(40))).tables
    assert table.accepted is not None
    cut = tmp_path / "cut.parquet"
    pq.write_table(pq.read_table(table.accepted), cut, row_group_size=7)
    whole, parts = Tables(), Tables()
    whole.add(table, table.accepted)
    parts.add(table, cut)
    (one,), (other,) = whole.returns().values(), parts.returns().values()
    for name in ("keys", "answered", "asked", "rows"):
        assert getattr(one, name).tolist() == getattr(other, name).tolist()
    assert (one.digest, whole.sheets) == (other.digest, parts.sheets)
