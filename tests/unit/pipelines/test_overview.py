"""What an operator is shown of packs, beside those that readers have."""

from __future__ import annotations

from pipelines.consolidate import numbers_by_pack, packs, possible_packs
from pipelines.overview import ids_in_packs, packs_told
from tests.builders import a_case_study, a_library, a_question


def told_of(library, before_library=None):
    before_library = before_library or {}
    published = {"records": {id: {"content": entry.record.content} for id, entry in before_library.items()}}
    before = {pack.id: frozenset(pack.records) for pack in packs(before_library)}
    return {one.pack.id: one for one in packs_told(library, published, before)}


def test_a_pack_tells_whose_records_are_in_it() -> None:
    library = a_library(a_case_study(credits=("vale", "hill")), a_question(hub="hill", sectors=["health"]))
    national = told_of(library)["national"]
    assert national.hubs == {"hill": 2, "vale": 1}
    assert national.kinds == {"case_study": 1, "faq": 1}
    assert (national.added, national.changed, national.gone, national.is_changed) == (2, 0, 0, True)
    assert told_of(library)["sector-health"].hubs["hill"] >= 1


def test_what_stayed_as_it_was_is_nothing_new() -> None:
    library = a_library(a_case_study(), a_question())
    assert not any(one.is_changed for one in told_of(library, library).values())


def test_what_was_edited_and_what_is_gone_is_counted() -> None:
    before = a_library(a_case_study(), a_question())
    after = a_library(a_case_study(title="Another title"))
    national = told_of(after, before)["national"]
    assert (national.added, national.changed, national.gone) == (0, 1, 1)


def test_ids_are_those_of_the_release(sample_release) -> None:
    found = ids_in_packs(sample_release)
    assert found.keys() <= {pack.id for pack in possible_packs()}
    assert all(ids <= found["national"] for ids in found.values())
    assert found["sector-health"] < found["national"]


def test_records_are_counted_before_they_are_consolidated() -> None:
    library = a_library(a_case_study(sectors=["health"]), a_question(sectors=["housing"]))
    numbers = numbers_by_pack(entry.record for entry in library.values())
    assert numbers["national"] == 2
    assert numbers["sector-health"] == numbers["sector-housing"] == 1
    assert list(numbers) == [pack.id for pack in possible_packs() if pack.id in numbers]
