from hypothesis import given, settings
from hypothesis import strategies as st

from hubs.contract.kinds import document_kinds
from hubs.contract.records import Record
from pipelines.consolidate import HubRecords, consolidate, packs
from pipelines.edition import LibraryRecord
from tests.feeds import GOOD

LONG = " ".join(f"word{number}" for number in range(200))


def record(hub: str, kind: str = "case_study", **changes) -> Record:
    fields = {"id": kind} | GOOD[kind](**changes)
    document = document_kinds()[kind].model.model_validate(fields)
    return Record(hub, kind, document, f"{fields['id']}.md", "", {})


def library(*records: Record, slugs: dict[str, str] | None = None) -> dict[str, LibraryRecord]:
    hubs = sorted({record.hub for record in records})
    feeds = [HubRecords(hub, f"digest-{hub}", tuple(r for r in records if r.hub == hub)) for hub in hubs]
    return consolidate(feeds, slugs or {})


def test_incident_a_identical_records_of_two_hubs_become_one_credited_to_both() -> None:
    made = library(record("a"), record("b", id="other-name"))
    assert list(made) == ["a/shared-schedule"]
    assert made["a/shared-schedule"].credits == ("a", "b")
    assert made["a/shared-schedule"].merged == ("b/other-name",)


def test_spacing_case_and_unicode_form_do_not_make_a_record_new() -> None:
    made = library(record("a", body="Caf\u00e9  culture"), record("b", body="cafe\u0301 CULTURE\n"))
    assert len(made) == 1


def test_the_older_record_survives_unless_the_other_was_published_before() -> None:
    older, newer = record("b", published="2024-01-01"), record("a", published="2025-01-01")
    assert list(library(older, newer)) == ["b/shared-schedule"]
    assert list(library(older, newer, slugs={"a/shared-schedule": "kept"})) == ["a/shared-schedule"]


def test_near_copies_are_linked_with_their_similarity_and_others_are_not() -> None:
    copy = LONG.replace("word90", "changed").replace("word150", "changed")
    made = library(record("a", body=LONG), record("b", body=copy), record("c", body="Quite another text."))
    (link,) = made["a/shared-schedule"].related
    assert link.id == "b/shared-schedule"
    assert 0.85 < link.similarity < 0.95
    assert made["c/shared-schedule"].related == ()


def test_a_slip_corrected_is_the_same_record() -> None:
    text = " ".join(f"word{number}" for number in range(900))
    made = library(record("a", body=text), record("b", body=text.replace("word500", "word-500")))
    assert len(made) == 1


def test_a_translation_is_not_a_copy_and_both_know_each_other() -> None:
    english = record("a")
    welsh = record("a", id="shared-schedule-cy", language="cy", translation_of="shared-schedule")
    made = library(english, welsh)
    assert made["a/shared-schedule"].translations == {"cy": "a/shared-schedule-cy"}
    assert made["a/shared-schedule-cy"].translations == {"en": "a/shared-schedule"}


def test_a_translation_follows_its_original_into_another_hubs_record() -> None:
    welsh = record("b", id="cy", language="cy", translation_of="mine", body="Testun Cymraeg.")
    made = library(record("a"), record("b", id="mine"), welsh)
    assert made["a/shared-schedule"].translations == {"cy": "b/cy"}


def test_addresses_hold_and_are_never_given_twice() -> None:
    slugs = {"a/shared-schedule": "first-title", "gone/record": "a-shared-schedule-let-six-councils-swap-repairs-data"}
    made = library(record("a", title="Another title now"), record("b", body="Other."), slugs=slugs)
    assert made["a/shared-schedule"].slug == "first-title"
    assert made["b/shared-schedule"].slug == "a-shared-schedule-let-six-councils-swap-repairs-data-2"


def test_contact_details_are_masked_in_what_is_published() -> None:
    made = library(record("a", body="Mail a.b@sample.example.", contact="data@sample.example"))
    assert "@" not in made["a/shared-schedule"].text
    assert made["a/shared-schedule"].record.document.contact == "data@sample.example"


def test_records_go_to_every_pack_they_belong_to_in_reading_order() -> None:
    entries = [
        record("a", "faq"),
        record("a", published="2024-01-01", body="Old."),
        record("a", id="newer", published="2025-01-01", body="New.", sectors=["health"]),
    ]
    made = {pack.id: pack.records for pack in packs(library(*entries))}
    assert made["national"] == ("a/newer", "a/shared-schedule", "a/what-is-an-api")
    assert made["sector-health"] == ("a/newer",)
    assert made["technology-api"] == ("a/newer", "a/shared-schedule")
    assert made["audience-decision-maker"] == ("a/what-is-an-api",)
    assert "sector-justice" not in made


def test_an_audiences_pack_holds_what_every_record_of_a_kind_is_for() -> None:
    made = {pack.id: pack.records for pack in packs(library(*(record("a", kind) for kind in document_kinds())))}
    assert made["audience-decision-maker"] == ("a/what-is-an-api", "a/signpost", "a/term")
    assert made["audience-procurement-professional"] == ("a/requirement", "a/signpost", "a/term")


def test_a_term_without_sectors_is_in_every_sectors_pack_and_makes_none() -> None:
    entries = [record("a"), record("a", "term"), record("a", "term", id="fhir", term="FHIR", sectors=["health"])]
    made = {pack.id: pack.records for pack in packs(library(*entries))}
    assert made["sector-local-government"] == ("a/shared-schedule", "a/term")
    assert made["sector-health"] == ("a/fhir", "a/term")
    assert "sector-justice" not in made


def test_a_glossary_goes_by_heading_and_not_by_age() -> None:
    dated = {"Zebra": "2026-01-01", "apple": "2020-01-01", "Écluse": "2023-01-01"}
    entries = [record("a", "term", id=f"t{n}", term=t, updated=dated[t]) for n, t in enumerate(dated)]
    made = library(*entries)
    (national, *_) = packs(made)
    assert [made[id].record.document.heading for id in national.records] == ["apple", "Écluse", "Zebra"]


def test_signposts_of_one_name_to_different_addresses_stay_two() -> None:
    here, there = (
        record(hub, "signpost", title="Data standard", description=None, address=f"https://{hub}.sample.example/")
        for hub in ("a", "b")
    )
    assert len(library(here, there)) == 2


def test_contact_details_are_masked_in_every_text_of_a_record() -> None:
    made = library(record("a", "requirement", evaluation="Ask a.b@sample.example.", verification="Ring 020 7946 0018."))
    texts = made["a/requirement"].further_texts
    assert set(texts) == {"evaluation", "verification"}
    assert "@" not in texts["evaluation"]
    assert "7946" not in texts["verification"]


texts = st.lists(st.sampled_from(["alpha beta gamma delta", "epsilon zeta eta theta", LONG]), min_size=1, max_size=3)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.sampled_from("abc"), texts), min_size=1, max_size=8), st.randoms())
def test_nothing_is_lost_and_order_does_not_matter(parts, random) -> None:
    records = [record(hub, id=f"r{number}", body=" ".join(text)) for number, (hub, text) in enumerate(parts)]
    made = library(*records)
    accounted = [id for entry in made.values() for id in (entry.id, *entry.merged)]
    assert sorted(accounted) == sorted(r.id for r in records)
    assert len({entry.slug for entry in made.values()}) == len(made)
    random.shuffle(records)
    assert library(*records) == made


def test_names_that_a_folder_or_windows_keeps_are_no_addresses() -> None:
    made = library(record("one", title="Index"), record("two", id="b", title="Con", body="Other words altogether."))
    assert {entry.slug for entry in made.values()} == {"index-2", "con-2"}


def test_only_the_nearest_copies_are_named() -> None:
    text = " ".join(f"word{n}" for n in range(60))
    made = library(*(record("one", id=f"r{n}", body=f"{text} " + f"own{n} " * 8) for n in range(15)))
    assert len(made) == 15
    assert all(len(entry.related) == 10 for entry in made.values())


def test_a_copy_joins_the_record_that_identical_texts_became() -> None:
    """Whichever of them is looked at first."""
    text = " ".join(f"word{number}" for number in range(900))
    slip = text.replace("word500", "word-500")
    made = library(
        record("a", id="young", body=slip, published="2025-06-01"),
        record("b", id="old", body=slip, published="2024-06-01"),
        record("c", id="oldest", body=text, published="2024-01-01"),
    )
    assert list(made) == ["c/oldest"]
    assert made["c/oldest"].merged == ("a/young", "b/old")


def test_many_records_of_one_heading_have_addresses_of_their_own() -> None:
    made = library(*(record("a", id=f"r{number:03}", body=f"Text {number}.") for number in range(120)))
    base = "a-shared-schedule-let-six-councils-swap-repairs-data"
    assert [entry.slug for entry in made.values()] == [base, *(f"{base}-{number}" for number in range(2, 121))]
