"""Which record is which: what must hold of public ids, whatever a hub does to its own."""

from hypothesis import given
from hypothesis import strategies as st

from pipelines.identity import MAX_ID_CHARACTERS, PublicIds, Trait, assign, match, resemblance, trait_of, update
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


def published(known: PublicIds, feed: dict[str, Trait]) -> tuple[PublicIds, dict[str, str]]:
    return update(known, feed), assign(known, feed)


@given(st.lists(feeds, min_size=1, max_size=5))
def test_no_two_records_share_a_public_id_and_publishing_again_changes_none(history) -> None:
    known = PublicIds()
    for feed in history:
        known, ids = published(known, feed)
        assert len(set(ids.values())) == len(ids) == len(feed)
        assert assign(known, feed) == ids
        assert PublicIds.from_dict(known.to_dict()) == known


@given(st.lists(CONTENTS, unique=True, max_size=8), st.randoms(use_true_random=False))
def test_unchanged_content_keeps_its_public_id_under_any_other_ids(contents, random) -> None:
    feed = {f"old-{n}": trait(n) for n in contents}
    known, first = published(PublicIds(), feed)
    names = [*feed, *(f"new-{n}" for n in contents)]
    random.shuffle(names)
    renamed = dict(zip(names, feed.values(), strict=False))
    second = assign(known, renamed)
    by_content = {feed[local].fingerprint: public for local, public in first.items()}
    assert {renamed[local].fingerprint: public for local, public in second.items()} == by_content


@given(st.lists(feeds, min_size=2, max_size=5))
def test_an_id_of_a_record_that_has_gone_is_given_to_no_other(history) -> None:
    known = PublicIds()
    for feed in history:
        gone = {id: entry.trait for id, entry in known.entries.items() if not entry.is_present}
        known, ids = published(known, feed)
        for local, public in ids.items():
            if public in gone:
                assert gone[public].content == feed[local].content


@given(st.lists(feeds, min_size=1, max_size=5))
def test_an_id_of_the_hubs_own_leads_for_ever_to_the_record_that_it_last_was(history) -> None:
    known, last = PublicIds(), {}
    for feed in history:
        known, ids = published(known, feed)
        last |= ids
        assert {local: known.public(local) for local in last} == last


def test_a_record_that_was_renamed_and_has_gone_is_still_known_by_its_old_ids() -> None:
    known, _ = published(PublicIds(), {"a": trait(1)})
    known, ids = published(known, {"b": trait(1)})
    assert (ids, known.public("b")) == ({"b": "a"}, "a")
    known, _ = published(known, {})
    assert known.public("b") == "a"
    known, _ = published(known, {"c": trait(1)})
    assert (known.public("b"), known.public("c"), known.public("never")) == ("a", "a", "never")
    known, ids = published(known, {"b": trait(2)})
    assert (ids, known.public("b"), known.public("c")) == ({"b": "b"}, "b", "a")


def test_what_stands_rewritten_at_its_own_id_is_the_same_record_unless_that_had_gone() -> None:
    known, _ = published(PublicIds(), {"a": trait(1)})
    assert assign(known, {"a": trait(2)}) == {"a": "a"}
    known, _ = published(known, {})
    assert assign(known, {"a": trait(2)}) == {"a": "a-2"}
    assert assign(known, {"a": near(1, "other words")}) == {"a": "a"}
    assert assign(known, {"x": trait(1)}) == {"x": "a"}


@given(st.lists(feeds, min_size=2, max_size=5))
def test_a_published_id_goes_to_other_content_only_where_nobody_else_says_what_stood_there(history) -> None:
    known = PublicIds()
    for feed in history:
        before = known
        known, ids = published(known, feed)
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
    known, _ = published(PublicIds(), {"a": trait(1), "b": trait(2)})
    assert assign(known, {"x": near(1, "other words"), "y": trait(7, "heading 2")}) == {"x": "a", "y": "b"}


def test_a_number_never_takes_the_id_of_another_record() -> None:
    known, _ = published(PublicIds(), {"a": trait(1)})
    known, _ = published(known, {})
    assert assign(known, {"a": trait(2), "a-2": trait(3)}) == {"a": "a-3", "a-2": "a-2"}


def test_swapped_ids_are_seen_and_duplicates_keep_theirs() -> None:
    assert match({"a": trait(1), "b": trait(2)}, {"a": trait(2), "b": trait(1)}) == {"a": "b", "b": "a"}
    twins = {"a": trait(1), "b": trait(1)}
    assert match(twins, twins) == {"a": "a", "b": "b"}


def test_a_number_makes_an_id_of_at_most_the_contracts_length() -> None:
    long = "x" * MAX_ID_CHARACTERS
    known, _ = published(PublicIds(), {long: trait(1)})
    known, _ = published(known, {})
    assert assign(known, {long: trait(2)}) == {long: f"{long[:-2]}-2"}


def test_the_trait_of_a_record_resembles_that_of_its_edited_self() -> None:
    one, other = a_case_study().record, a_case_study(title="Another heading altogether").record
    assert resemblance(trait_of(one), trait_of(other)) == 1.0
    assert trait_of(one).fingerprint != trait_of(other).fingerprint
    assert Trait.from_dict(trait_of(one).to_dict()) == trait_of(one)
