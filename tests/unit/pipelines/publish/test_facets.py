from __future__ import annotations

from hubs.contract.kinds import document_kinds
from hubs.contract.vocabularies import vocabulary
from pipelines.edition import LibraryRecord
from pipelines.publish.facets import FEWEST_N, KIND, PAIRS, Facets, Subject
from pipelines.publish.views import Library
from tests.builders import a_case_study, a_library, a_question, a_small_edition

HEALTH = Subject("sectors", "health")
CLOUD = Subject("technology_types", "cloud")


def facets(*entries: LibraryRecord) -> Facets:
    return Facets(Library(a_small_edition(library=a_library(*entries))))


def studies(number: int, **changes: list[str]) -> list[LibraryRecord]:
    values = {"sectors": ["health"], "technology_types": ["cloud"]} | changes
    name = "-".join([*values["sectors"], *values["technology_types"], "in"]).replace("_", "-")
    return [a_case_study(f"{name}-{place}", **values) for place in range(number)]


def test_a_pair_has_a_page_when_it_has_enough_records_and_narrows_one_of_its_subjects() -> None:
    both, few = studies(FEWEST_N), studies(FEWEST_N - 1)
    others = studies(1, technology_types=["api"])
    assert facets(*both, *others).pair(HEALTH, CLOUD, "en") is not None
    assert facets(*few, *others).pair(HEALTH, CLOUD, "en") is None
    assert facets(*both).pair(HEALTH, CLOUD, "en") is None  # all that is in health, and all of the cloud


def test_what_all_records_have_in_common_narrows_nothing() -> None:
    found = facets(*studies(FEWEST_N), *studies(1, technology_types=["api"]))
    assert [scheme for scheme, _ in found.narrower(HEALTH, "en")] == ["technology_types"]
    assert [scheme for scheme, _ in found.narrower(CLOUD, "en")] == []


def test_lists_lead_to_one_another_with_true_counts() -> None:
    entries = [*studies(4), *studies(3, sectors=["health", "transport"]), *studies(1, technology_types=[])]
    found = facets(*entries, *(a_question(f"q{n}", sectors=["health"], technology_types=[]) for n in range(3)))
    listed = dict(found.narrower(HEALTH, "en"))
    assert [(other.term, len(pair.entries)) for other, pair in listed["technology_types"]] == [("cloud", 7)]
    assert [(other.term, len(pair.entries)) for other, pair in listed[KIND]] == [("case_study", 8), ("faq", 3)]
    for pair in found.pairs("en"):
        for subject in (pair.first, pair.second):
            assert pair in found.of(subject, "en")
            assert {entry.id for entry in pair.entries} <= {entry.id for entry in found.entries(subject, "en")}


def test_both_languages_have_the_same_pages_and_no_two_share_an_address() -> None:
    welsh = [
        a_case_study(f"w{n}-cy", language="cy", sectors=["health"], technology_types=["cloud"], translation_of=f"w{n}")
        for n in range(3)
    ]
    found = facets(*studies(4), *studies(2, sectors=["transport"]), *welsh)
    paths = [[pair.path for pair in found.pairs(language)] for language in ("en", "cy")]
    assert paths[0] == paths[1]
    assert len(set(paths[0])) == len(paths[0]) > 0
    assert "browse/sectors/health/technology-types/cloud.html" in paths[0]
    assert "browse/sectors/health/kind/case-study.html" in paths[0]  # which narrows all case studies


def test_the_number_of_pages_is_bounded_by_the_vocabularies() -> None:
    sizes = {scheme: len(vocabulary(scheme).terms) for scheme, _ in PAIRS} | {KIND: len(document_kinds())}
    sizes["technology_types"] = len(vocabulary("technology_types").terms)
    assert sum(sizes[first] * sizes[second] for first, second in PAIRS) < 650
