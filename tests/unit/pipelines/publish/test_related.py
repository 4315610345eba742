from __future__ import annotations

from pipelines.edition import LibraryRecord
from pipelines.edition import Related as NearCopy
from pipelines.publish.related import MOST_N, Related
from pipelines.publish.views import Library
from pipelines.publish.wordlist import Words
from tests.builders import a_case_study, a_library, a_question, a_requirement, a_signpost, a_small_edition, a_term


def related(entry: LibraryRecord, *others: LibraryRecord, language: str = "en") -> dict[str, list[str]]:
    library = Library(a_small_edition(library=a_library(entry, *others)))
    found = Related(library, Words(library.records.values())).of(entry, language)
    return {kind: [other.record.document.id for other in same] for kind, same in found}


def test_records_stand_in_groups_with_what_shares_most_first() -> None:
    own = a_case_study("own", title="Bin lorries", sectors=["environment"], technology_types=["sensors", "api"])
    found = related(
        own,
        a_case_study("both", title="Nothing", sectors=["environment"], technology_types=["sensors", "api"]),
        a_case_study("one", title="Nothing", sectors=["environment"], technology_types=["api"]),
        a_case_study("word", title="Lorries elsewhere", sectors=["environment"], technology_types=["sensors", "api"]),
        a_requirement("clause", sectors=["cross_sector"], technology_types=["api"]),
        a_question("asked", sectors=["environment"], technology_types=["sensors"]),
        a_signpost("post", sectors=["environment"], technology_types=["api"]),
        a_term("word-of-glossary", technology_types=["api"]),
    )
    assert found == {
        "case_study": ["word", "both", "one"],
        "requirement": ["clause"],
        "faq": ["asked"],
        "signpost": ["post"],
    }


def test_one_sector_in_common_is_not_enough_nor_is_one_technology_in_another_sector() -> None:
    own = a_case_study("own", title="Wards", sectors=["health"], technology_types=["api"])
    apart = a_case_study("apart", title="Roads", sectors=["transport"], technology_types=["api"])
    sector = a_case_study("sector", title="Beds", sectors=["health"], technology_types=["cloud"])
    everywhere = a_signpost("everywhere", title="All", sectors=["cross_sector"], technology_types=["api"])
    assert related(own, apart, sector, everywhere) == {"signpost": ["everywhere"]}


def test_translations_near_copies_and_itself_are_not_among_them_and_each_is_in_the_language_of_the_page() -> None:
    own = a_case_study("own", translations={"cy": "vale/own-cy"}, related=(NearCopy("vale/twin", "near_copy", 0.9),))
    pair = (
        a_case_study("pair", translations={"cy": "vale/pair-cy"}),
        a_case_study("pair-cy", language="cy", translation_of="pair", translations={"en": "vale/pair"}),
    )
    own_cy = a_case_study("own-cy", language="cy", translation_of="own", translations={"en": "vale/own"})
    others = (own_cy, a_case_study("twin"), *pair)
    assert related(own, *others) == {"case_study": ["pair"]}
    assert related(own, *others, language="cy") == {"case_study": ["pair-cy"]}


def test_a_handful_of_each_kind_and_a_glossary_only_beside_a_term() -> None:
    many = [a_case_study(f"s{n}") for n in range(60)]
    assert len(related(many[0], *many[1:])["case_study"]) == MOST_N
    term = a_term("own", term="Open data", technology_types=["api"])
    assert related(term, a_term("other", term="Open format", technology_types=["api"]))["term"] == ["other"]


def test_words_that_many_headings_have_count_for_nothing() -> None:
    own = a_case_study("own", title="Council systems", sectors=["health"], technology_types=[])
    others = [a_case_study(f"s{n}", title="Council things", sectors=["housing"], technology_types=[]) for n in range(9)]
    assert related(own, *others) == {}
    assert related(own, *others[:2]) == {"case_study": ["s0", "s1"]}
