import json

from hubs.instruments import instruments
from hubs.judge import judge
from pipelines.store import Store
from tests.feeds import NOW, a_faq, a_requirement, a_signpost, a_term, a_withdrawal, feed_of, registration, write_feed


def test_a_verdict_is_the_same_after_the_store(tmp_path) -> None:
    rows = {"term": [a_term()], "signpost": [a_signpost()], "requirement": [a_requirement()]}
    folder = write_feed(
        tmp_path / "feed",
        faqs=[a_faq(), a_faq(id="gone"), a_faq(id="bad", licence="secret")],
        rows=rows | {"withdrawal": [a_withdrawal(successor="open-standard")]},
    )
    store = Store(tmp_path / "store")
    with store.judging("one", "a" * 64, "rules") as place:
        verdict = judge(feed_of(folder), registration(), instruments(), NOW.date(), place)
        store.write_verdict(place, verdict)
    assert [withdrawal.successor for withdrawal in verdict.withdrawals] == ["open-standard"]
    assert store.verdict("one", "a" * 64, "rules") == verdict


def test_a_verdict_from_before_there_were_withdrawals_is_still_read(tmp_path) -> None:
    folder = write_feed(tmp_path / "feed", faqs=[a_faq()])
    store = Store(tmp_path / "store")
    with store.judging("one", "a" * 64, "rules") as place:
        store.write_verdict(place, judge(feed_of(folder), registration(), instruments(), NOW.date(), place))
    path = store.verdict_folder("one", "a" * 64, "rules") / "verdict.json"
    data = json.loads(path.read_text())
    del data["withdrawals"]
    path.write_text(json.dumps(data | {"files": [entry[:5] for entry in data["files"]]}))
    assert [record.document.id for record in store.verdict("one", "a" * 64, "rules").records] == ["what-is-an-api"]
