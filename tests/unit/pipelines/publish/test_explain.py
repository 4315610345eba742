from __future__ import annotations

import re

import pytest

from pipelines.edition import LibraryRecord
from pipelines.publish.explain import MOST_N, Glossary, names_of
from tests.builders import a_case_study, a_term

TERMS = (
    a_term("api", term="API (application programming interface)"),
    a_term("standard", term="Standard"),
    a_term("open-standard", term="Open standard"),
    a_term("it", term="IT (information technology)"),
    a_term("lock-in", term="Lock-in"),
    a_term("saas", term="SaaS"),
    a_term("dm-d", term="dm+d (dictionary of medicines and devices)"),
)


def explained(html: str, terms: tuple[LibraryRecord, ...] = TERMS, about: LibraryRecord | None = None) -> list[str]:
    """The words that are linked, each with its term, once it is sure that nothing else has changed."""
    (changed,), used = Glossary(terms).explain([html], about or a_case_study())
    links = re.findall(r'<a class="hp-term" href="#word--([a-z-]+)" data-term="([a-z/-]+)">([^<]*)</a>', changed)
    assert re.sub(r'<a class="hp-term"[^>]*>([^<]*)</a>', r"\1", changed) == html
    assert [id for _, id, _ in links] == [entry.id for entry in used]
    return [f"{word}={id.partition('/')[2]}" for _, id, word in links]


@pytest.mark.parametrize(
    ("html", "expected"),
    [
        ("<p>An API and an application programming interface, and APIs.</p>", ["API=api"]),
        ("<p>The APIs are open.</p>", ["APIs=api"]),
        ("<p>Application programming\n interfaces</p>", ["Application programming\n interfaces=api"]),
        ("<p>An open standard is a standard.</p>", ["open standard=open-standard", "standard=standard"]),
        ("<p>Standardisation, substandard, standard_name</p>", ["standard=standard"]),
        ("<p>Get it out of IT.</p>", ["IT=it"]),
        ("<p>Prices that lock in; that is lock-in.</p>", ["lock-in=lock-in"]),
        ("<p>SaaS, not SAAS or saas</p>", ["SaaS=saas"]),
        ("<p>dm+d codes</p>", ["dm+d=dm-d"]),
        ("<p>R&amp;D with <strong>standards</strong></p>", ["standards=standard"]),
        ("<p>open <em>standard</em></p>", ["standard=standard"]),
        ('<h2 id="standard">Standard</h2><p>No more</p>', []),
        ('<p><a href="https://x.example/">a standard</a> <code>API</code></p><pre>IT</pre>', []),
        ('<p><a href="https://x.example/">x</a> standard</p>', ["standard=standard"]),
        ('<div aria-label="Standard > API">text</div>', []),
        ("<p>&lt;standard&gt;</p>", ["standard=standard"]),
        ("", []),
    ],
)
def test_terms_are_found_as_whole_words_outside_headings_links_and_code(html: str, expected: list[str]) -> None:
    assert explained(html) == expected


def test_the_first_occurrence_in_all_texts_of_a_record_counts() -> None:
    texts, used = Glossary(TERMS).explain(
        ["<p>Nothing.</p>", "<p>A standard.</p>", "<p>A standard.</p>"], a_case_study()
    )
    assert [text.count("hp-term") for text in texts] == [0, 1, 0]
    assert [entry.id for entry in used] == ["vale/standard"]


def test_no_term_is_explained_by_itself_under_any_hub() -> None:
    other = a_term("standard", "coast", term="standard")
    assert explained("<p>A standard is an open standard.</p>", TERMS, other) == ["open standard=open-standard"]
    welsh = a_term("safon", term="Safon", translations={"en": "vale/standard"}, language="cy")
    assert explained("<p>A standard</p>", TERMS, welsh) == []


def test_the_own_hub_explains_its_word_and_else_the_first() -> None:
    terms = (a_term("api", "coast", term="API"), a_term("api", "vale", term="API"))
    for hub, id in (("vale", "vale/api"), ("coast", "coast/api"), ("cymru", "coast/api")):
        _, used = Glossary(terms).explain(["<p>An API</p>"], a_case_study(hub=hub))
        assert [entry.id for entry in used] == [id]


def test_a_text_of_many_terms_has_the_first_of_them_explained() -> None:
    words = [f"{letter}{letter}{letter}" for letter in "bcdfghjklmnpqrstvwx"]
    terms = tuple(a_term(word, term=word) for word in words)
    assert len(explained(f"<p>{' '.join(words)}</p>", terms)) == MOST_N


@pytest.mark.parametrize(
    ("heading", "names"),
    [
        ("API (application programming interface)", ["API", "application programming interface"]),
        ("General Transit Feed Specification (GTFS)", ["General Transit Feed Specification", "GTFS"]),
        ("NaPTAN (National Public Transport Access Nodes)", ["NaPTAN", "National Public Transport Access Nodes"]),
        ("Register (data)", ["Register"]),
        ("Standard (set of rules)", ["Standard"]),
        ("Open data", ["Open data"]),
        ("(only brackets)", ["(only brackets)"]),
    ],
)
def test_what_stands_in_brackets_is_a_name_when_one_is_short_for_the_other(heading: str, names: list[str]) -> None:
    assert names_of(heading) == names


def test_a_name_of_signs_or_of_one_letter_is_never_looked_for() -> None:
    terms = (a_term("c", term="C"), a_term("sign", term="(→)"), a_term("to", term="to"))
    assert explained("<p>C is → to C</p>", terms) == []
