from __future__ import annotations

import json
import re
from collections import Counter
from datetime import date
from itertools import pairwise, product
from pathlib import Path
from typing import Any

import pytest
from markupsafe import escape

from hubs.contract.vocabularies import vocabulary
from hubs.yamlfile import read_yaml
from pipelines.consolidate import packs as packs_of
from pipelines.edition import Pack
from pipelines.publish import introductions, markdown, redact, strings, writers
from pipelines.publish.introductions import PARTS, TEXTS
from pipelines.publish.pdf.blocks import blocks_of
from pipelines.publish.release import record_row
from pipelines.publish.site import Site
from pipelines.publish.strings import LANGUAGES
from tests.builders import a_case_study, a_library, a_question, a_requirement, a_signpost, an_edition
from tests.reading import grade, plain

AUDIENCES = tuple(term.id for term in vocabulary("audiences"))
SUBJECTS = [(scheme, term.id) for scheme in ("sectors", "technology_types") for term in vocabulary(scheme)]
OLDEST = 14
"""Years: the age at which everybody should be able to read our texts."""
YEARS_BEFORE_SCHOOL = 5
NAMES = {hub: {"en": f"The {hub} hub", "cy": f"Hwb {hub}"} for hub in ("vale", "coast", "cymru")}


def whole_texts() -> list[tuple[str, str]]:
    return [*product(("audiences",), AUDIENCES), ("national", "")]


def text(scheme: str, term: str, language: str) -> str:
    return introductions.written(scheme, term or None, language)


def shape(markdown_text: str) -> list[str]:
    """What each line of a text is, in order: headings by level, items by depth and kind, whether it begins in bold."""
    found = []
    for line in markdown_text.splitlines():
        match = re.match(r"(#+ |\s*- |\s*\d+\. )?(\*\*)?", line)
        assert match is not None
        found.append(f"{match[1] or ''}{match[2] or ''}" if line.strip() else "")
    return found


def pack_json(*entries: Any, scheme: str = "national", term: str | None = None) -> dict[str, Any]:
    """A ``pack.json`` of these records, as far as an introduction reads it."""
    edition = an_edition(library=a_library(*entries), packs=(), withdrawn=())
    rows = [record_row(edition, entry) for entry in edition.library.values()]
    data = {"scheme": scheme, "term": term, "records": writers.json_rows(writers.records(), rows)}
    return data | introductions.of_pack(data, NAMES)


# The texts.


@pytest.mark.parametrize(("scheme", "term"), whole_texts())
def test_a_text_has_the_same_parts_in_both_languages(scheme: str, term: str) -> None:
    english, welsh = (text(scheme, term, language) for language in LANGUAGES)
    assert english
    assert shape(english) == shape(welsh)


@pytest.mark.parametrize("audience", AUDIENCES)
def test_every_audience_has_an_introduction_of_all_parts(audience: str) -> None:
    english = text("audiences", audience, "en")
    headings = re.findall(r"(?m)^## (.*)$", english)
    assert headings == [
        "What interoperability is",
        "What goes wrong without it",
        "Four layers that have to fit",
        "What it costs and what it saves",
        "Why it matters now",
        "Words you will meet",
        "Ten questions to ask a supplier",
        "What to do next",
        "How to use this pack",
    ]
    assert re.findall(r"(?m)^### (.*)$", english) == ["On Monday", "In the next 90 days"]
    assert 900 <= len(plain(english).split()) <= 1_700
    layers = english.partition("## Four layers")[2].partition("\n## ")[0]
    assert re.findall(r"(?m)^- \*\*(\w+)\.\*\*", layers) == ["Legal", "Organisational", "Semantic", "Technical"]


@pytest.mark.parametrize(("audience", "language"), [*product(AUDIENCES, LANGUAGES)])
def test_ten_questions_each_have_a_good_and_a_bad_answer(audience: str, language: str) -> None:
    good, bad = {"en": ("Good answer:", "Bad answer:"), "cy": ("Ateb da:", "Ateb gwael:")}[language]
    numbers = next(
        block for block in blocks_of(text("audiences", audience, language), language, "") if block["sort"] == "numbers"
    )
    assert len(numbers["items"]) == 10
    for question, answers in numbers["items"]:
        words = "".join(run["text"] for run in question["runs"])
        assert words.endswith("?"), words
        said = [item[0]["runs"] for item in answers["items"]]
        assert [runs[0]["text"] for runs in said] == [good, bad], words
        assert all(len("".join(run["text"] for run in runs[1:]).split()) >= 3 for runs in said), words


@pytest.mark.parametrize("audience", AUDIENCES)
def test_a_text_leads_to_that_for_the_other_audience_by_its_title(audience: str) -> None:
    titles = {pack.term: pack for pack in packs_of({}) if pack.scheme == "audiences"}
    (other,) = {*AUDIENCES} - {audience}
    for language in LANGUAGES:
        assert titles[other].title(language) in text("audiences", audience, language)


@pytest.mark.parametrize(("scheme", "term"), [*whole_texts(), *SUBJECTS])
def test_texts_can_be_read_at_the_age_of_fourteen(scheme: str, term: str) -> None:
    assert grade(plain(text(scheme, term, "en"))) <= OLDEST - YEARS_BEFORE_SCHOOL


def test_every_sector_and_technology_type_has_its_text_and_no_other_has() -> None:
    told = read_yaml(TEXTS / "subjects.yaml")
    assert {(scheme, term) for scheme in ("sectors", "technology_types") for term in told[scheme]} == {*SUBJECTS}
    assert {*told["audiences"]} == {*AUDIENCES}
    for scheme, term in SUBJECTS:
        about = told[scheme][term]
        assert set(about) == {*PARTS}, term
        for part in about.values():
            assert set(part) == {*LANGUAGES}, term
        for language in LANGUAGES:
            sentences = [about["line"][language], about["fails"][language]]
            assert all(sentence.endswith(".") for sentence in sentences), term
            assert all(item and not item.endswith(".") for item in about["ask"][language]), term
            assert not re.search(r"[*_<>\[\]#`]", " ".join([*sentences, *about["ask"][language]])), term
        assert 3 <= len(about["ask"]["en"]) == len(about["ask"]["cy"]), term


@pytest.mark.parametrize(("scheme", "term"), [*whole_texts(), *SUBJECTS])
def test_every_pack_has_a_line_for_lists(scheme: str, term: str) -> None:
    for language in LANGUAGES:
        line = introductions.line(scheme, term or None, language)
        assert 20 < len(line) <= 140, line


def test_a_term_that_no_text_is_written_for_is_no_error() -> None:
    assert introductions.line("sectors", "of_tomorrow", "en") == ""
    assert introductions.written("sectors", "of_tomorrow", "en") == ""
    assert introductions.written("audiences", "of_tomorrow", "en") == ""


# What a pack holds.


def test_a_pack_says_what_it_holds_and_from_whom() -> None:
    told = pack_json(
        a_case_study(),
        a_case_study("bins", hub="coast", published=date(2026, 5, 4)),
        a_question(),
        a_requirement(hub="coast"),
    )
    english, welsh = (told["introduction"][language] for language in LANGUAGES)
    assert introductions.written("national", None, "en").strip() in english
    assert "- Case studies: 2\n- Questions and answers: 1\n- Requirements: 1\n" in english
    assert "- From the hubs: The coast hub, The vale hub\n- Newest: 3 June 2026\n" in english
    assert "- Astudiaethau achos: 2\n" in welsh
    assert "Diweddaraf: 3 Mehefin 2026" in welsh


def test_of_many_hubs_five_are_named() -> None:
    hubs = {f"h{number}": {"en": f"Hub {number}", "cy": f"Hwb {number}"} for number in range(8)}
    assert introductions.hub_names([*hubs], hubs, "en") == "Hub 0, Hub 1, Hub 2, Hub 3, Hub 4 and 3 more hubs"
    assert introductions.hub_names(["gone"], hubs, "en") == "gone"


def test_a_text_in_two_languages_counts_once_and_stands_in_the_language_of_the_reader() -> None:
    entries = [entry for id, entry in an_edition().library.items() if id.startswith("cymru/bus")]
    told = pack_json(*entries, scheme="sectors", term="transport")
    for language, heading in (("en", "An open interface"), ("cy", "Sgriniau bws")):
        assert f"{strings.text('kind.case_study.title', language)}: 1\n" in told["introduction"][language]
        assert f"1. **{heading}" in told["introduction"][language]


def test_a_text_in_another_language_says_so() -> None:
    welsh = pack_json(a_case_study())["introduction"]["cy"]
    assert "(Astudiaeth achos, Hwb vale, yn Saesneg)" in welsh


def firsts(*entries: Any, scheme: str, term: str | None, language: str = "en") -> list[str]:
    rows = map(introductions.row_of, entries)
    return [row["id"] for row in introductions.facts(rows, scheme, term, language).first]


def test_in_a_pack_of_a_subject_the_record_to_read_first_is_about_least_else() -> None:
    wide = a_signpost(
        "wide", sectors=["health", "housing"], technology_types=["api", "cloud"], updated=date(2026, 9, 1)
    )
    narrow = a_signpost("narrow", sectors=["health"])
    assert firsts(wide, narrow, scheme="sectors", term="health") == ["vale/narrow"]


def test_in_other_packs_it_is_about_no_single_technology() -> None:
    of_one, general = a_question("of-one", technology_types=["api"]), a_question("general")
    assert firsts(of_one, general, scheme="audiences", term="decision_maker") == ["vale/general"]


def test_among_equals_hubs_standards_and_age_decide() -> None:
    shared = a_case_study("shared", credits=("vale", "coast"), standards_used=[])
    standards = a_case_study("standards")
    newer, none = a_case_study("newer", published=date(2026, 8, 1)), a_case_study("none", standards_used=[])
    assert firsts(standards, shared, newer, scheme="national", term=None) == ["vale/shared"]
    assert firsts(none, standards, newer, scheme="national", term=None) == ["vale/newer"]
    assert firsts(none, standards, scheme="national", term=None) == ["vale/standards"]


def test_for_buyers_the_clause_comes_first() -> None:
    entries = a_case_study(), a_question(), a_requirement(), a_signpost()
    kinds = ["letters", "open-formats", "who-owns-it", "code"]
    assert firsts(*entries, scheme="national", term=None) == [f"vale/{id}" for id in kinds]
    assert firsts(*entries, scheme="audiences", term="procurement_professional") == [
        f"vale/{id}" for id in (kinds[1], kinds[0], *kinds[2:])
    ]


def test_a_heading_from_a_hub_is_shown_letter_for_letter() -> None:
    heading = "[Read](https://evil.example) <script>**all**</script>\n\n# of\u202e it & `more` ~~now~~"
    told = pack_json(a_question(question=heading))["introduction"]["en"]
    html = markdown.render(told).html
    assert "<script" not in html
    assert "href" not in html
    assert "<del>" not in html
    assert (
        "[Read](https://evil.example) &lt;script&gt;**all**&lt;/script&gt; # of\u202e it &amp; `more` ~~now~~" in html
    )


def test_an_empty_pack_says_so() -> None:
    told = pack_json(scheme="sectors", term="health")["introduction"]
    assert told["en"].endswith(f"## What this pack holds\n\n{strings.text('pack.empty', 'en')}\n")


# When a record is withdrawn.


def test_after_a_withdrawal_numbers_are_right_and_the_record_is_named_no_more() -> None:
    whole = pack_json(a_case_study(), a_case_study("bins", hub="coast", title="Bins that call", standards_used=[]))
    assert "**Bins that call**" not in whole["introduction"]["en"]
    left = redact.pack(whole, ["vale/letters"])
    left |= introductions.again(left, NAMES)
    for language in LANGUAGES:
        assert "An open interface ended double typing" not in left["introduction"][language]
        assert "1. **Bins that call**" in left["introduction"][language]
        assert f"{strings.text('kind.case_study.title', language)}: 1\n" in left["introduction"][language]
        assert NAMES["vale"][language] not in left["introduction"][language]


def test_what_was_written_stays_as_it_was_published() -> None:
    whole = pack_json(a_case_study(), a_question(), scheme="audiences", term="decision_maker")
    was = "As it was written then.\n\n## A heading of then\n\nMore."
    held = whole["introduction"]["en"].partition("## What this pack holds")
    whole["introduction"] = {"en": f"{was}\n\n{held[1]}{held[2]}", "cy": whole["introduction"]["cy"]}
    left = redact.pack(whole, ["vale/letters"])
    again = introductions.again(left, NAMES)["introduction"]
    assert again["en"].startswith(f"{was}\n\n## What this pack holds\n\n- Questions and answers: 1\n")
    assert introductions.about(whole, "cy").strip() == text("audiences", "decision_maker", "cy").strip()


def test_a_pack_of_an_older_version_stays_without() -> None:
    old = {name: value for name, value in pack_json(a_case_study()).items() if name != "introduction"}
    assert introductions.again(old, NAMES) == {}
    assert introductions.about(old, "en") == ""


# On pages.


@pytest.fixture(scope="module")
def site() -> Site:
    edition = an_edition()
    folders = [f"packs/{pack.id}/" for pack in edition.packs]
    files = (
        "pack.pdf",
        "pack.cy.pdf",
        "pack.zip",
        "pack.ods",
        "pack.xlsx",
        "records.csv",
        "pack.json",
        "records.jsonl",
    )
    return Site(edition, {f"{folder}{name}": 1_000 for folder in folders for name in files}, {})


def rendered(site: Site, path: str) -> str:
    return site.render(next(page for page in site.pages() if page.path == path))


def test_a_pack_page_goes_from_the_introduction_to_the_records_and_the_files(site: Site) -> None:
    html = rendered(site, "en/packs/sector-local-government.html")
    ids = [id for id in re.findall(r'<h2[^>]* id="([a-z-]+)"', html) if id != "cite"]
    assert ids == [
        *("in-this-pack", "introduction", "first", "case-study", "requirement", "signpost", "term"),
        *("files", "related-packs"),
    ]
    jumps = re.search(r'<nav class="hp-contents".*?</nav>', html, re.DOTALL)
    assert jumps is not None
    assert re.findall(r'href="#([a-z-]+)"', jumps[0]) == ids[1:]
    assert re.findall(r">([^<]+)</a> <span [^>]*>(\d+)</span>", jumps[0])[0] == ("Case studies", "2")


@pytest.mark.parametrize("path", ["cy/packs/audience-decision-maker.html", "packs/audience-decision-maker/pack.html"])
def test_no_heading_skips_a_level_and_the_parts_of_an_introduction_are_listed(site: Site, path: str) -> None:
    html = rendered(site, path)
    levels = [int(level) for level in re.findall(r"<h([1-6])", html)]
    assert levels[0] == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))
    parts = re.findall(r'<h3 id="(introduction--[a-z0-9-]+)"', html)
    assert len(parts) == 9
    assert all(f'href="#{id}"' in html for id in parts)


def test_what_is_recommended_goes_with_the_record(site: Site) -> None:
    for path in ("en/packs/technology-cloud.html", "packs/technology-cloud/pack.html"):
        html = rendered(site, path)
        assert "Who owns the data when the contract ends (exit)?" in html
        assert "coast-exit" not in redact.page(html, ["coast/exit"])


def test_numbers_beside_headings_are_counted_again_when_a_record_goes(site: Site) -> None:
    html = rendered(site, "en/packs/sector-local-government.html")
    numbers = re.compile(r'data-count="([a-z_]+)">(\d+)<')
    left = redact.page(html, ["vale/letters", "vale/code"])
    assert Counter(numbers.findall(html)) == Counter(
        {("case_study", "2"): 2, ("requirement", "1"): 2, ("signpost", "1"): 2, ("term", "1"): 2}
    )
    assert Counter(numbers.findall(left)) == Counter(
        {("case_study", "1"): 2, ("requirement", "1"): 2, ("signpost", "0"): 2, ("term", "1"): 2}
    )


def test_the_list_of_packs_has_a_line_for_each_and_begins_with_the_three_for_everybody(site: Site) -> None:
    schemes = ("audiences", "national", "sectors", "technology_types")
    order = [pack.id for scheme in schemes for pack in site.library.packs_of(scheme)]
    for language in LANGUAGES:
        main = rendered(site, f"{language}/packs/index.html").partition("<main")[2].partition("</main>")[0]
        assert re.findall(r'/packs/([a-z-]+)\.html"', main) == order
        for pack in site.edition.packs:
            assert str(escape(introductions.line(pack.scheme, pack.term, language))) in main


def test_related_packs_share_most_records() -> None:
    def a_pack(scheme: str, term: str | None, *records: str) -> Pack:
        return Pack(term or scheme, scheme, term, term or scheme, term or scheme, records)

    health = a_pack("sectors", "health", "a", "b", "c")
    others = [
        a_pack("national", None, "a", "b", "c", "d"),
        a_pack("sectors", "housing", "a", "b", "c"),
        a_pack("technology_types", "api", "a"),
        a_pack("technology_types", "cloud", "a", "b"),
        a_pack("technology_types", "sensors", "d"),
        a_pack("audiences", "decision_maker", "d"),
        a_pack("audiences", "procurement_professional"),
    ]
    assert [pack.id for pack in introductions.related(health, [health, *others])] == [
        *("cloud", "api", "national", "decision_maker")
    ]
    assert [pack.id for pack in introductions.related(others[0], [health, *others])] == ["decision_maker"]


def test_the_pack_as_data_and_its_page_say_the_same(tmp_path: Path, site: Site) -> None:
    told = pack_json(a_case_study(), scheme="technology_types", term="api")
    (tmp_path / "pack.json").write_bytes(writers.json_bytes(told))
    read = json.loads((tmp_path / "pack.json").read_text())
    html, headings = introductions.as_html(Pack("p", "technology_types", "api", "APIs", "APIau", ()), "en", 2)
    assert html == markdown.render(introductions.about(read, "en")).html
    assert headings == []
