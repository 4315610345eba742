from datetime import date

from hubs.contract.records import Withdrawal
from tests.feeds import a_faq, a_term, a_withdrawal, judged, write_feed


def test_a_withdrawal_is_told_and_stored_as_it_was_given(tmp_path) -> None:
    notice = a_withdrawal(successor="what-is-an-api")
    verdict = judged(write_feed(tmp_path / "feed", faqs=[a_faq()], rows={"withdrawal": [notice]}))
    assert verdict.findings == []
    [withdrawal] = verdict.withdrawals
    assert (withdrawal.id, withdrawal.reason, withdrawal.date) == ("gone", notice["reason"], date(2026, 9, 1))
    assert (withdrawal.successor, withdrawal.file, withdrawal.place) == ("what-is-an-api", "withdrawal.json", "row 1")
    assert Withdrawal.from_dict(withdrawal.to_dict()) == withdrawal
    assert [a.withdrawals for a in verdict.files if a.file == "withdrawal.json"] == [1]


def test_a_withdrawal_wins_over_the_record_that_is_still_there(tmp_path) -> None:
    records = [a_faq(), a_faq(id="gone", licence="secret")]
    verdict = judged(write_feed(tmp_path / "feed", faqs=records, rows={"withdrawal": [a_withdrawal()]}))
    assert not verdict.is_held
    assert [record.document.id for record in verdict.records] == ["what-is-an-api"]
    assert verdict.quarantine == []
    assert [(f.code, f.record, f.file) for f in verdict.findings] == [("withdrawn_record", "gone", "faqs/gone.md")]
    counts = verdict.counts()
    assert (counts["accepted"], counts["withdrawals"], counts["withdrawn"]) == (1, 1, 1)


def test_a_record_known_by_its_heading_is_withdrawn_by_the_id_made_of_it(tmp_path) -> None:
    rows = {"term": [a_term(), a_term(term="Open source")], "withdrawal": [a_withdrawal(id="open-standard")]}
    verdict = judged(write_feed(tmp_path / "feed", rows=rows))
    assert [record.document.id for record in verdict.records] == ["open-source"]


def test_a_bad_withdrawal_takes_nothing_away(tmp_path) -> None:
    rows = {"withdrawal": [a_withdrawal(id="what-is-an-api", reason="")]}
    verdict = judged(write_feed(tmp_path / "feed", faqs=[a_faq()], rows=rows))
    assert [record.document.id for record in verdict.records] == ["what-is-an-api"]
    assert [(q.kind, q.record, q.codes) for q in verdict.quarantine] == [
        ("withdrawal", "what-is-an-api", ("missing_reason",))
    ]


def test_the_second_withdrawal_of_a_record_is_told_of(tmp_path) -> None:
    rows = {"withdrawal": [a_withdrawal(), a_withdrawal(reason="Another.")]}
    verdict = judged(write_feed(tmp_path / "feed", faqs=[a_faq(), a_faq(id="b")], rows=rows))
    assert [w.reason for w in verdict.withdrawals] == [a_withdrawal()["reason"]]
    assert [(f.code, f.record, f.detail) for f in verdict.findings] == [
        ("duplicate_id", "gone", "also: withdrawal.json row 1")
    ]


def test_a_successor_has_to_be_there_for_readers(tmp_path) -> None:
    notices = [a_withdrawal(successor="b"), a_withdrawal(id="b", successor="b")]
    verdict = judged(write_feed(tmp_path / "feed", faqs=[a_faq(), a_faq(id="b")], rows={"withdrawal": notices}))
    found = [(f.code, f.record, f.value) for f in verdict.findings if f.code == "unknown_successor"]
    assert found == [("unknown_successor", "gone", "b"), ("unknown_successor", "b", "b")]


def test_withdrawals_alone_are_no_feed(tmp_path) -> None:
    verdict = judged(write_feed(tmp_path / "feed", rows={"withdrawal": [a_withdrawal()]}))
    assert verdict.held_by == ("empty_feed",)


def test_withdrawals_do_not_make_a_feed_hopeless(tmp_path) -> None:
    notices = [a_withdrawal(id=f"gone-{n}") for n in range(3)]
    verdict = judged(write_feed(tmp_path / "feed", faqs=[a_faq(id="b", licence="x")], rows={"withdrawal": notices}))
    assert verdict.held_by == ()
