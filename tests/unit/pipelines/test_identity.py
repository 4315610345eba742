"""Which record is which: what must hold of public ids, whatever a hub does to its own."""

from hypothesis import given
from hypothesis import strategies as st

from pipelines.identity import MAX_ID_CHARACTERS, Ledger, Trait, assign, match, resemblance, trait_of, update
from tests.builders import a_case_study

IDS = st.sampled_from(["a", "b", "c", "d", "a-2", "a-2-2", "b-2"])
CONTENTS = st.integers(0, 9)


def trait(content: int, heading: str | None = None) -> Trait:
    """A record that says ``content`` and resembles none that says another."""
    sketch = tuple(content * 1_000 + n for n in range(32))
    return Trait("faq", "en", f"fingerprint-{content}", heading or f"heading {content}", sketch)


def near(content: int, heading: str) -> Trait:
    """The record of that content with a few words changed."""
    sketch = tuple(sorted([*(content * 1_000 + n for n in range(30)), 900_000, 900_001]))
    return Trait("faq", "en", f"fingerprint-{content}-edited", heading, sketch)


feeds = st.dictionaries(IDS, CONTENTS, max_size=6).map(lambda feed: {id: trait(n) for id, n in feed.items()})


def published(ledger: Ledger, feed: dict[str, Trait]) -> tuple[Ledger, dict[str, str]]:
    given_ids = assign(ledger, feed)
    return update(ledger, given_ids, feed), given_ids


@given(st.lists(feeds, min_size=1, max_size=5))
def test_no_two_records_share_a_public_id_and_publishing_again_changes_none(history) -> None:
    ledger = Ledger()
    for feed in history:
        ledger, ids = published(ledger, feed)
        assert len(set(ids.values())) == len(ids) == len(feed)
        assert assign(ledger, feed) == ids
        assert Ledger.from_dict(ledger.to_dict()) == ledger


@given(st.lists(CONTENTS, unique=True, max_size=8), st.randoms(use_true_random=False))
def test_unchanged_content_keeps_its_public_id_under_any_other_ids(contents, random) -> None:
    feed = {f"old-{n}": trait(n) for n in contents}
    ledger, first = published(Ledger(), feed)
    names = [*feed, *(f"new-{n}" for n in contents)]
    random.shuffle(names)
    renamed = dict(zip(names, feed.values(), strict=False))
    second = assign(ledger, renamed)
    by_content = {feed[local].fingerprint: public for local, public in first.items()}
    assert {renamed[local].fingerprint: public for local, public in second.items()} == by_content


@given(st.lists(feeds, min_size=2, max_size=5))
def test_an_id_of_a_record_that_has_gone_is_given_to_no_other(history) -> None:
    ledger = Ledger()
    for feed in history:
        gone = {id: entry.trait for id, entry in ledger.entries.items() if not entry.is_present}
        ledger, ids = published(ledger, feed)
        for local, public in ids.items():
            if public in gone:
                assert gone[public].content == feed[local].content


@given(st.lists(feeds, min_size=1, max_size=5))
def test_an_id_of_the_hubs_own_leads_for_ever_to_the_record_that_it_last_was(history) -> None:
    ledger, last = Ledger(), {}
    for feed in history:
        ledger, ids = published(ledger, feed)
        last |= ids
        assert {local: ledger.public(local) for local in last} == last


def test_a_record_that_was_renamed_and_has_gone_is_still_known_by_its_old_ids() -> None:
    ledger, _ = published(Ledger(), {"a": trait(1)})
    ledger, ids = published(ledger, {"b": trait(1)})
    assert (ids, ledger.public("b")) == ({"b": "a"}, "a")
    ledger, _ = published(ledger, {})
    assert ledger.public("b") == "a"
    ledger, _ = published(ledger, {"c": trait(1)})
    assert (ledger.public("b"), ledger.public("c"), ledger.public("never")) == ("a", "a", "never")
    ledger, ids = published(ledger, {"b": trait(2)})
    assert (ids, ledger.public("b"), ledger.public("c")) == ({"b": "b"}, "b", "a")


def test_what_stands_rewritten_at_its_own_id_is_the_same_record_unless_that_had_gone() -> None:
    ledger, _ = published(Ledger(), {"a": trait(1)})
    assert assign(ledger, {"a": trait(2)}) == {"a": "a"}
    ledger, _ = published(ledger, {})
    assert assign(ledger, {"a": trait(2)}) == {"a": "a-2"}
    assert assign(ledger, {"a": near(1, "other words")}) == {"a": "a"}
    assert assign(ledger, {"x": trait(1)}) == {"x": "a"}


@given(st.lists(feeds, min_size=2, max_size=5))
def test_a_published_id_goes_to_other_content_only_where_nobody_else_says_what_stood_there(history) -> None:
    ledger = Ledger()
    for feed in history:
        before = ledger
        ledger, ids = published(ledger, feed)
        for local, public in ids.items():
            entry = before.entries.get(public)
            if entry is not None and entry.trait.content != feed[local].content:
                assert (entry.is_present, entry.local) == (True, local)
                same = [id for id, other in feed.items() if other.content == entry.trait.content]
                assert {before.entries[ids[id]].trait.content for id in same} <= {entry.trait.content}


def test_an_edited_record_is_the_same_at_its_own_id_and_at_another() -> None:
    before = {"a": trait(1), "b": trait(2)}
    assert match(before, {"a": near(1, "other words"), "b": trait(2)}) == {"a": "a", "b": "b"}
    assert match(before, {"x": near(1, "other words"), "b": trait(2)}) == {"x": "a", "b": "b"}
    assert match(before, {"x": trait(7, "heading 1"), "b": trait(2)}) == {"x": "a", "b": "b"}
    assert match(before, {"x": trait(7, "a new heading"), "b": trait(2)}) == {"b": "b"}


def test_a_record_that_is_edited_and_renamed_at_once_keeps_its_public_id() -> None:
    ledger, _ = published(Ledger(), {"a": trait(1), "b": trait(2)})
    assert assign(ledger, {"x": near(1, "other words"), "y": trait(7, "heading 2")}) == {"x": "a", "y": "b"}


def test_a_number_never_takes_the_id_of_another_record() -> None:
    ledger, _ = published(Ledger(), {"a": trait(1)})
    ledger, _ = published(ledger, {})
    assert assign(ledger, {"a": trait(2), "a-2": trait(3)}) == {"a": "a-3", "a-2": "a-2"}


def test_swapped_ids_are_seen_and_duplicates_keep_theirs() -> None:
    assert match({"a": trait(1), "b": trait(2)}, {"a": trait(2), "b": trait(1)}) == {"a": "b", "b": "a"}
    twins = {"a": trait(1), "b": trait(1)}
    assert match(twins, twins) == {"a": "a", "b": "b"}


def test_a_number_makes_an_id_of_at_most_the_contracts_length() -> None:
    long = "x" * MAX_ID_CHARACTERS
    ledger, _ = published(Ledger(), {long: trait(1)})
    ledger, _ = published(ledger, {})
    assert assign(ledger, {long: trait(2)}) == {long: f"{long[:-2]}-2"}


def test_the_trait_of_a_record_resembles_that_of_its_edited_self() -> None:
    one, other = a_case_study().record, a_case_study(title="Another heading altogether").record
    assert resemblance(trait_of(one), trait_of(other)) == 1.0
    assert trait_of(one).fingerprint != trait_of(other).fingerprint
    assert Trait.from_dict(trait_of(one).to_dict()) == trait_of(one)
