from __future__ import annotations

import dataclasses
import re
from datetime import timedelta
from html import unescape
from html.parser import HTMLParser
from pathlib import Path

import pytest
from jinja2 import UndefinedError

from hubs.contract.kinds import document_kinds
from pipelines.crew import Crew
from pipelines.edition import Edition, LibraryRecord, State
from pipelines.publish import redact, release, views
from pipelines.publish.lists import LEAF_N, LISTED_N
from pipelines.publish.release import build_release
from pipelines.publish.site import ASSETS, Site
from pipelines.publish.tables import PACK_FILES
from tests.builders import (
    a_benchmark_table,
    a_case_study,
    a_digest,
    a_hub,
    a_library,
    a_question,
    a_requirement,
    a_signpost,
    a_small_edition,
    a_term,
    a_withdrawn,
    an_edition,
    benchmark_rows,
    the_least_edition,
)


class Outline(HTMLParser):
    """The headings, links and languages of a page."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.headings: list[int] = []
        self.scripts: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        told = dict(attrs)
        if tag == "script" and told.get("type") in ("application/ld+json", "application/json"):
            return  # data, which nobody runs: see test_schema_org
        if tag == "script" and told.keys() == {"src", "defer"}:
            self.scripts.append(told["src"] or "")
            return
        self.tags.append((tag, dict(attrs)))
        if re.fullmatch("h[1-6]", tag):
            self.headings.append(int(tag[1]))

    def having(self, tag: str, **attributes: str) -> list[dict[str, str | None]]:
        return [a for t, a in self.tags if t == tag and all(a.get(k) == v for k, v in attributes.items())]


@pytest.fixture(scope="module")
def folder(small_release: Path) -> Path:
    return small_release


def page(folder: Path, name: str) -> str:
    return (folder / name).read_text(encoding="utf-8")


def test_every_page_has_one_main_heading_no_skipped_level_and_its_head(folder: Path) -> None:
    names = [path.relative_to(folder).as_posix() for path in folder.rglob("*.html")]
    assert len(names) > 80
    for name in names:
        html = page(folder, name)
        outline = Outline(html)
        assert outline.headings.count(1) == 1, name
        assert all(b - a <= 1 for a, b in zip(outline.headings, outline.headings[1:], strict=False)), name
        assert re.search(r"<title[^>]*>[^<]{3,} – hubpacks</title>", html), name
        assert outline.having("meta", name="description")[0]["content"], name
        language = "cy" if name.startswith("cy/") or name.endswith(".cy.html") else "en"
        assert outline.having("html")[0]["lang"] == language, name
        assert outline.having("link", rel="alternate", hreflang="cy" if language == "en" else "en"), name
        assert outline.having("main", id="main-content"), name
        ids = [a["id"] for _, a in outline.tags if "id" in a]
        assert len(ids) == len(set(ids)), name


def test_a_question_that_is_called_like_its_dimension_has_an_anchor_of_its_own(tmp_path: Path) -> None:
    edition, named = an_edition(packs=()), {}
    for id, instrument in edition.instruments.items():
        (question, *_) = instrument.questions.values()
        alike = dataclasses.replace(question, id=question.dimension)
        named[id] = dataclasses.replace(instrument, questions={alike.id: alike})
    build_release(dataclasses.replace(edition, instruments=named), tmp_path / "r")
    banks = [path.read_text(encoding="utf-8") for path in (tmp_path / "r/en/self-assessment").glob("*.html")]
    banks = [html for html in banks if "hp-question" in html]
    assert banks
    for html in banks:
        ids = [a["id"] for _, a in Outline(html).tags if "id" in a]
        assert len(ids) == len(set(ids))


def test_no_page_asks_anything_of_another_site_or_carries_style_or_running_script(folder: Path) -> None:
    for path in folder.rglob("*.html"):
        html = path.read_text(encoding="utf-8")
        outline = Outline(html)
        assert not {"script", "style", "img", "iframe"} & {tag for tag, _ in outline.tags}, path
        for script in outline.scripts:
            assert re.fullmatch(r"(\.\./)*assets/[a-z_]+\.js", script), path
            assert (path.parent / script).is_file(), path
        assert not any("style" in a or any(k.startswith("on") for k in a) for _, a in outline.tags), path
        assert "default-src 'self'" in html
        for link in outline.having("link"):
            assert "//" not in (link["href"] or ""), path
        assert not re.search(r'(href|src)="/', html), path


def test_a_record_page_says_whose_it_is_how_old_and_under_what_licence(folder: Path) -> None:
    html = page(folder, "en/records/vale-letters.html")
    for text in (
        "Sample Vale hub",
        "Sample Coast hub",
        "14 March 2026",
        "Open Government Licence v3.0",
        "data@sample-hub.example",
        "OpenAPI 3.0",
        a_digest("snapshot of vale"),
        a_digest("vale: case_study/letters.md"),
        "case_study/letters.md",
        "91% of the text in common",
        "coast/letters",
        "Sample content",
    ):
        assert text in html, text


def test_what_was_worked_out_is_said_on_the_record_and_on_the_coverage_page(folder: Path) -> None:
    assert "title: first heading" in page(folder, "en/records/coast-twin.html")
    assert "title from first heading" in page(folder, "en/coverage.html")


def test_a_page_in_welsh_shows_the_welsh_text_and_marks_english(folder: Path) -> None:
    listed = page(folder, "cy/case-study/index.html")
    assert "Sgriniau bws" in listed
    assert "cymru-bus.html" not in listed
    assert 'lang="en">An open interface' in listed
    alone = page(folder, "cy/records/vale-letters.html")
    assert "Dim ond yn Saesneg" in alone
    assert '<div class="hp-text" lang="en">' in alone


def test_a_pair_of_languages_leads_from_one_to_the_other(folder: Path) -> None:
    english = Outline(page(folder, "en/records/cymru-bus.html"))
    assert english.having("link", hreflang="cy")[0]["href"] == "../../cy/records/cymru-bus-cy.html"
    assert "../../cy/records/cymru-bus-cy.html" in {a["href"] for a in english.having("a", hreflang="cy")}


def test_the_state_of_every_hub_is_told_in_words(folder: Path) -> None:
    html = page(folder, "en/coverage.html")
    for text in (
        "Carried forward",
        "Held",
        "Missing",
        "did not answer, or broke off",
        "Without an open licence nothing",
    ):
        assert text in html, text
    assert "83 days old at release" in html


@pytest.mark.parametrize(
    ("language", "texts"),
    [
        (
            "en",
            (
                "could not be renewed since 2 October 2026.",
                "left out after 20 December 2026 unless",
                "First had from the hub",
                "1 September 2026",
                "Last confirmed with the hub",
                "1 October 2026",
                "The hub's server did not answer, or broke off.",
            ),
        ),
        (
            "cy",
            (
                "na ellid ei adnewyddu ers 2 Hydref 2026.",
                "hepgor ar ôl 20 Rhagfyr 2026 oni bai",
                "Cafwyd gyntaf gan yr hwb",
                "1 Medi 2026",
                "Cadarnhawyd ddiwethaf",
                "1 Hydref 2026",
                "Ni atebodd gweinydd yr hwb, neu torrwyd y cysylltiad.",
            ),
        ),
    ],
)
def test_incident_n_a_record_that_is_carried_forward_says_since_when_why_and_until_when(
    folder: Path, language: str, texts: tuple[str, ...]
) -> None:
    html = unescape(page(folder, f"{language}/records/coast-twin.html"))
    for text in texts:
        assert text in html, text
    fresh = page(folder, f"{language}/records/cymru-bus.html")
    assert "hp-note__why" not in fresh
    assert 'datetime="2026-11-23"' in fresh


def test_incident_n_every_page_of_many_records_says_how_many_hubs_are_not_up_to_date(folder: Path) -> None:
    for name in (
        "index",
        "packs/index",
        "packs/national",
        "packs/sector-transport",
        "case-study/index",
        "faq/index",
        "term/index",
        "signpost/index",
        "browse/sectors/transport",
        "browse/a-z",
        "benchmarks/index",
        "benchmarks/interop-baseline-v1-decision-maker",
    ):
        html = page(folder, f"en/{name}.html")
        assert "Not all hubs are up to date: carried forward 1, held 1, missing 1." in html, name
        assert "Nid yw pob hwb yn gyfredol" in page(folder, f"cy/{name}.html"), name


def test_incident_n_packs_and_benchmarks_name_the_hubs_that_are_carried_forward(folder: Path) -> None:
    coast = '#hub-coast">Sample Coast hub</a>, since 2 October 2026, <strong>kept until 20 December 2026</strong>'
    for name in (
        "en/packs/national.html",
        "en/packs/technology-cloud.html",
        "packs/technology-cloud/pack.html",
        "en/benchmarks/index.html",
        "en/benchmarks/interop-baseline-v1-decision-maker.html",
    ):
        assert coast in page(folder, name), name
    assert "could not be renewed" not in page(folder, "en/packs/sector-transport.html")


def test_incident_n_the_last_thirty_days_are_told_louder(tmp_path: Path) -> None:
    for days, is_loud in ((30, True), (31, False)):
        edition = an_edition()
        hubs = (a_hub("coast", state=State.CARRIED_FORWARD, expires=edition.published + timedelta(days=days)),)
        entry = a_case_study("twin", "coast")
        build_release(an_edition(hubs=hubs, library=a_library(entry), packs=(), withdrawn=()), tmp_path / str(days))
        html = page(tmp_path / str(days), "en/records/coast-twin.html")
        assert ("hp-note--warning" in html) is is_loud
        assert ("Soon to be left out." in html) is is_loud
        assert ("Soon to be left out." in page(tmp_path / str(days), "en/coverage.html")) is is_loud


def test_where_all_hubs_are_up_to_date_no_page_says_otherwise(tmp_path: Path) -> None:
    build_release(an_edition(hubs=tuple(a_hub(hub.id) for hub in an_edition().hubs)), tmp_path / "r")
    for path in (tmp_path / "r").rglob("*.html"):
        html = path.read_text(encoding="utf-8")
        assert "hp-standing" not in html, path
        assert "could not be renewed" not in html, path


def test_coverage_tells_when_content_was_had_confirmed_and_until_when_it_is_kept(folder: Path) -> None:
    html = page(folder, "en/coverage.html")
    for heading in ("First had", "Last confirmed", "Kept until"):
        assert f'<th scope="col">{heading}</th>' in html
    row = html[html.index('<a class="govuk-link" href="#hub-coast">') :]
    row = row[: row.index("</tr>")]
    assert re.findall(r"\d+ \w+ 2026", row) == ["2 Oct 2026", "1 Sep 2026", "1 Oct 2026", "20 Dec 2026"]


def test_hubs_with_few_answers_are_not_named_as_having_sent_any(tmp_path: Path) -> None:
    few = a_hub("coast", state=State.CARRIED_FORWARD, counts={"answers_accepted": 0})  # rounded down from up to 99
    others = (a_hub("cymru"), a_hub("vale"))
    build_release(an_edition(hubs=(few, *others), packs=()), tmp_path / "r")
    assert "could not be renewed" not in page(tmp_path / "r", "en/benchmarks/index.html")


def test_a_record_under_an_older_id_names_the_id_that_it_has_at_its_hub(tmp_path: Path) -> None:
    entry = a_case_study("new-id")
    entry = dataclasses.replace(entry, record=dataclasses.replace(entry.record, public="old-id"))
    build_release(the_least_edition(library=a_library(entry), packs=()), tmp_path / "r")
    html = page(tmp_path / "r", "en/records/vale-new-id.html")
    assert "vale/old-id" in html
    assert "Identifier at the hub today" in html


def test_a_hub_that_changed_everything_at_once_does_not_fill_the_start_page(tmp_path: Path) -> None:
    many = [a_case_study(f"s{n}", published="2026-11-01") for n in range(6)]
    edition = an_edition(library=a_library(*many, a_case_study("old", "coast", published="2020-01-01")), packs=())
    build_release(edition, tmp_path / "r")
    html = page(tmp_path / "r", "en/index.html")
    assert html.count("records/vale-s") == 2
    assert "records/coast-old" in html


def test_what_is_good_in_a_held_feed_is_not_counted_as_used(tmp_path: Path) -> None:
    held = a_hub(state=State.HELD, held_by=("hopeless_feed",), snapshot=None, fetched=None)
    build_release(an_edition(hubs=(held,), library={}, packs=(), withdrawn=()), tmp_path / "r")
    html = page(tmp_path / "r", "en/coverage.html")
    assert "not used in this release" in html


def test_suppressed_figures_are_marked_and_explained(folder: Path) -> None:
    html = page(folder, "en/benchmarks/interop-baseline-v1-decision-maker.html")
    table, _, after = html.partition('id="by-region"')[2].partition("</table>")
    assert "[x]" in table
    key = after.partition("</dl>")[0]
    assert re.search(r"<dt>\[x\]</dt><dd>not available: ", key)
    assert "[c]" not in key
    assert re.search(r"Not shown, because every figure is confidential \[c\]:\s*Health\.", html)


def test_medians_have_their_limits(folder: Path) -> None:
    html = page(folder, "en/benchmarks/interop-baseline-v1-decision-maker.html")
    edition = an_edition()
    rows = [row for row in edition.benchmarks.to_pylist() if row["period"] == "2026-Q3" and row["breakdown"] == "total"]
    told = {f"{row['median']:g} ({row['median_low']:g} to {row['median_high']:g})" for row in rows}
    assert len(told) > 2
    assert told == set(re.findall(r"[0-5] \([0-5] to [0-5]\)", re.sub(r"<[^>]+>", "", html)))


def test_a_change_is_told_in_both_languages_with_its_limits(tmp_path: Path) -> None:
    edition = an_edition(packs=())
    rows = edition.trends.to_pylist()
    words = {"total": "better", "sector": "worse", "region": "better", "size_band": "similar"}
    for row in rows:
        if (row["period"], row["audience"]) == ("2026-Q3", "decision_maker"):
            row.update(trend=words.get(row["breakdown"], ""), change=0.118, change_low=-0.032, change_high=0.251)
            if row["dimension"] != "governance":
                row.update(trend="similar" if row["breakdown"] != "total" else "", change=None, status="[x]")
    build_release(
        dataclasses.replace(edition, trends=edition.trends.from_pylist(rows, edition.trends.schema)), tmp_path / "r"
    )
    plain = {}
    for language in ("en", "cy"):
        html = page(tmp_path / "r", f"{language}/benchmarks/interop-baseline-v1-decision-maker.html")
        plain[language] = " ".join(re.sub(r"<[^>]+>", " ", html).split())
    assert "Change since 2026-Q2: organisations at level 3 or above Dimension Trend 2026-Q2 2026-Q3" in plain["en"]
    assert re.search(r"Governance better ≤ 5% ≤ 5% \+12 \( ?−3 to \+25 ?\)", plain["en"])
    assert re.search(r"Legal \[x\] ≤ 5% ≤ 5% \[x\]", plain["en"])
    assert "Worse than in 2026-Q2, by the share at level 3 or above: Local government (Governance)." in plain["en"]
    assert "Better than in 2026-Q2, by the share at level 3 or above: Wales (Governance)." in plain["en"]
    assert "Newid ers 2026-Q2" in plain["cy"]
    assert re.search(r"gwell ≤ 5% ≤ 5% \+12 \( ?−3 i \+25 ?\)", plain["cy"])
    assert "Gwaeth nag yn 2026-Q2" in plain["cy"]


def test_the_first_period_has_no_change_to_show(tmp_path: Path) -> None:
    build_release(an_edition(benchmarks=a_benchmark_table(benchmark_rows()), packs=()), tmp_path / "r")
    assert "Change since" not in page(tmp_path / "r", "en/benchmarks/interop-baseline-v1-decision-maker.html")


@pytest.mark.parametrize(
    ("difference", "shown"), [(0.118, "+12"), (-0.032, "−3"), (0.0, "0"), (-0.004, "0"), (0.9, "+90")]
)
def test_differences_are_printed_in_whole_points(difference: float, shown: str) -> None:
    assert views.points(difference) == shown


def test_a_chart_has_title_description_and_its_table(folder: Path) -> None:
    outline = Outline(page(folder, "en/benchmarks/interop-baseline-v1-decision-maker.html"))
    chart = outline.having("svg", role="img")[0]
    title, description = (chart["aria-labelledby"] or "").split()
    assert outline.having("title", id=title)
    assert outline.having("desc", id=description)
    assert outline.having("table")


def test_the_printable_pack_holds_every_text_in_full(folder: Path) -> None:
    html = page(folder, "packs/national/pack.html")
    assert html.count("Nobody types a letter twice.") == 3
    assert "You do, <strong>if the contract says so</strong>." in html


def test_a_text_of_a_hub_cannot_break_out_of_its_page(tmp_path: Path) -> None:
    nasty = a_case_study(
        title='<script>alert("t")</script>',
        summary="<b onclick=x>s</b>",
        organisations=["<img src=x>"],
        contact="javascript://alert(1)",
        body="{{ 7*7 }} <script>alert(2)</script>\n\n## </main>",
    )
    edition = the_least_edition(library=a_library(nasty), packs=())
    build_release(edition, tmp_path / "r")
    html = page(tmp_path / "r", "en/records/vale-letters.html")
    outline = Outline(html)
    assert not outline.having("script")
    assert not outline.having("img")
    assert "{{ 7*7 }}" in html
    assert not any((a.get("href") or "").startswith("javascript") for a in outline.having("a"))


def test_a_requirement_shows_its_three_texts_under_headings_of_their_own(folder: Path) -> None:
    outline = Outline(page(folder, "en/records/vale-open-formats.html"))
    assert {a["id"] for a in outline.having("h2") if "id" in a} >= {"clause", "evaluation", "verification"}
    assert {"#clause", "#evaluation", "#verification"} <= {a["href"] for a in outline.having("a")}
    html = page(folder, "en/records/vale-open-formats.html")
    for text in ("How to evaluate a bid", "<strong>sample export</strong>", "once a quarter", "CSV (RFC 4180)"):
        assert text in html, text
    printed = page(folder, "packs/sector-local-government/pack.html")
    for text in ("<strong>sample export</strong>", "once a quarter", 'id="vale-open-formats--evaluation"'):
        assert text in printed, text


def test_headings_inside_the_texts_of_a_requirement_stand_below_those_of_the_page(tmp_path: Path) -> None:
    text = "## Marks\n\nTen.\n\n### Half marks\n\nFive. [Up](#marks)"
    entry = a_requirement(clause=text, evaluation=text, verification=text)
    build_release(the_least_edition(library=a_library(entry), packs=()), tmp_path / "r")
    html = page(tmp_path / "r", "en/records/vale-open-formats.html")
    for name in ("clause", "evaluation", "verification"):
        assert f'<h3 id="{name}--marks">' in html
        assert f'<h4 id="{name}--half-marks">' in html
        assert f'<a href="#{name}--marks">' in html


def test_a_signpost_leads_out_by_a_plain_link_that_names_its_host(folder: Path) -> None:
    address = "https://www.standards.example/code?part=1&page=2"
    for name, host in (
        ("en/records/vale-code.html", "(www.standards.example)"),
        ("cy/signpost/index.html", ">www.standards.example<"),
        ("packs/sector-local-government/pack.html", ">https://www.standards.example/code?part=1&amp;page=2<"),
    ):
        html = page(folder, name)
        assert Outline(html).having("a", href=address, rel="noopener external"), name
        assert host in html, name
    assert "Code of practice" in page(folder, "en/records/vale-code.html")
    assert "Cod ymarfer" in page(folder, "cy/signpost/index.html")


@pytest.mark.parametrize(
    "address",
    ["javascript:alert(1)", "data:text/html,x", "https://user:secret@standards.example/", "//x.example/", "http://["],
)
def test_an_address_that_is_no_web_address_is_shown_and_never_linked(address: str, tmp_path: Path) -> None:
    entry = a_signpost()
    document = entry.record.document.model_copy(update={"address": address})  # as an older store may hold it
    entry = dataclasses.replace(entry, record=dataclasses.replace(entry.record, document=document))
    build_release(the_least_edition(library=a_library(entry), packs=()), tmp_path / "r")
    for name in ("en/records/vale-code.html", "en/signpost/index.html"):
        assert address not in {a.get("href") for a in Outline(page(tmp_path / "r", name)).having("a")}, name
    assert address in page(tmp_path / "r", "en/records/vale-code.html")


def test_a_signpost_without_a_description_still_has_its_pages(tmp_path: Path) -> None:
    edition = the_least_edition(library=a_library(a_signpost(description=None)), packs=())
    build_release(edition, tmp_path / "r")
    html = page(tmp_path / "r", "en/records/vale-code.html")
    assert Outline(html).having("meta", name="description")[0]["content"] == "Code of practice (code)"
    assert 'class="hp-text' not in html


def test_the_glossary_goes_from_a_to_z_in_each_language(folder: Path) -> None:
    english, welsh = page(folder, "en/term/index.html"), page(folder, "cy/term/index.html")
    assert [a["href"] for a in Outline(english).having("a") if (a["href"] or "").startswith("#")][1:] == ["#l", "#o"]
    places = [english.index(text) for text in (">Lock-in<", ">Open data<", ">Open standard (open-standard)<")]
    assert places == sorted(places)
    assert "A rule that <strong>anybody</strong> may read and use." in english
    assert "Data y caiff unrhyw un ei ddefnyddio." in welsh
    assert welsh.index(">Data agored<") < welsh.index(">Lock-in<")
    assert "cymru-open-data.html" not in welsh


def test_texts_of_the_new_kinds_are_cleaned_like_any_other(tmp_path: Path) -> None:
    nasty = "<script>alert(1)</script> <img src=https://x.example/i.png onerror=alert(1)> [x](javascript:alert(1))"
    entries = (
        a_term(term="<b onclick=x>t</b>", definition=nasty, source=nasty[:200]),
        a_signpost(title="<i>t</i>", description=nasty, publisher=nasty[:200]),
        a_requirement(title="<u>t</u>", clause=nasty, evaluation=nasty, verification=nasty),
    )
    edition = an_edition(library=a_library(*entries), packs=(an_edition().packs[1],), withdrawn=())
    edition = dataclasses.replace(
        edition, packs=(dataclasses.replace(edition.packs[0], records=tuple(edition.library)),)
    )
    build_release(edition, tmp_path / "r")
    for path in (tmp_path / "r").rglob("*.html"):
        outline = Outline(path.read_text(encoding="utf-8"))
        assert not {"script", "img", "u"} & {tag for tag, _ in outline.tags}, path
        assert not any((a.get("href") or "").startswith("javascript") for a in outline.having("a")), path


def test_what_hubs_have_withdrawn_is_told_with_reason_and_successor(folder: Path, tmp_path: Path) -> None:
    html = page(folder, "en/coverage.html")
    for text in ("Withdrawn records", "vale/assistance", "Nobody could enforce it.", "3 June 2026"):
        assert text in html, text
    assert Outline(html).having("a", href="../en/records/vale-open-formats.html")
    build_release(the_least_edition(), tmp_path / "r")
    assert "Withdrawn records" not in page(tmp_path / "r", "en/coverage.html")


def rendered(edition: Edition, path: str) -> str:
    """One page of an edition, without the rest of the release."""
    site = Site(edition, {}, {})
    return site.render(next(page for page in site.pages() if page.path == path))


def of_records(*entries: LibraryRecord) -> Edition:
    return a_small_edition(library=a_library(*entries))


GLOSSARY = (
    a_term("format", term="Open format", definition="A way of **storing** that anybody may read."),
    a_case_study(body="## Open formats\n\nWe asked for open formats. Open formats last.", title="A study"),
)


def test_a_word_of_the_glossary_is_explained_on_the_page_that_uses_it() -> None:
    html = rendered(of_records(*GLOSSARY), "en/records/vale-letters.html")
    assert html.count('data-term="vale/format"') == 1
    assert 'for <a class="hp-term" href="#word--vale-format" data-term="vale/format">open formats</a>. Open' in html
    assert Outline(html).having("div", id="word--vale-format", **{"data-record": "vale/format"})
    assert "that anybody may read." in html
    assert Outline(html).having("a", href="../../en/records/vale-format.html")
    own = rendered(of_records(*GLOSSARY), "en/records/vale-format.html")
    assert "hp-words" not in own


def test_a_word_is_explained_in_the_language_of_the_text_on_a_page_in_another() -> None:
    welsh = rendered(of_records(*GLOSSARY), "cy/records/vale-letters.html")
    assert '<dt lang="en">Open format</dt>' in welsh
    assert "Geiriau a ddefnyddir yma" in welsh


def test_a_term_that_is_taken_down_leaves_the_words_of_others() -> None:
    html = rendered(of_records(*GLOSSARY), "en/records/vale-letters.html")
    left = redact.relinked(redact.page(html, ["vale/format"]), "en/records/vale-letters.html", ["vale-format"])
    assert "We asked for open formats. Open formats last." in left
    assert "anybody may read" not in left
    assert not redact.traces(left.encode(), ["vale/format"], ["vale-format"])
    assert "vale-format" not in left


def test_other_pages_of_the_same_text_have_no_links_in_it(folder: Path) -> None:
    for name in ("packs/national/pack.html", "en/term/index.html"):
        assert "data-term" not in page(folder, name)


@pytest.mark.parametrize(("updated", "is_old"), [("2024-11-23", True), ("2024-11-24", False), ("2026-11-24", False)])
def test_a_text_of_more_than_two_years_says_so(updated: str, is_old: bool) -> None:
    html = rendered(of_records(a_case_study(updated=updated)), "en/records/vale-letters.html")
    assert ("Check names, versions and law" in html) is is_old
    assert f'datetime="{updated}"' in html


def test_a_text_without_a_date_is_not_called_old() -> None:
    html = rendered(of_records(a_case_study(published=None)), "en/records/vale-letters.html")
    assert "Check names, versions and law" not in html
    assert "Not dated by the hub" in html


def test_a_clause_and_a_citation_can_be_copied(folder: Path) -> None:
    outline = Outline(page(folder, "en/records/vale-open-formats.html"))
    copied = {a["data-copy"]: a["data-label"] for a in outline.having("p") if "data-copy" in a}
    assert copied == {"copied-text": "Copy the clause", "cite-line": "Copy the citation"}
    assert all(outline.having(tag, id=id) for tag, id in (("div", "copied-text"), ("p", "cite-line")))
    assert not Outline(page(folder, "en/records/vale-letters.html")).having("div", id="copied-text")


def test_the_start_page_begins_with_what_people_come_for(folder: Path) -> None:
    for language, first in (("en", "Specifying a system"), ("cy", "Pennu manyleb system")):
        html = page(folder, f"{language}/index.html")
        main = html[html.index("<main") :]
        places = [main.index(text) for text in (first, "hp-cards", "hp-figures", "hp-top")]
        assert places == sorted(places)
        assert len(re.sub(r"<[^>]+>", "", main[: places[0]]).split()) < 45


@pytest.mark.parametrize(
    ("name", "entry"),
    [
        ("browse/index", "Find practice"),
        ("task/evaluate", "Find practice"),
        ("records/vale-letters", "Find practice"),
        ("packs/national", "Packs"),
        ("benchmarks/index", "Benchmarks"),
        ("self-assessment/index", "Where do we stand?"),
        ("coverage", "About the data"),
    ],
)
def test_the_menu_is_short_and_says_where_a_page_belongs(folder: Path, name: str, entry: str) -> None:
    html = page(folder, f"en/{name}.html")
    menu = html[html.index("govuk-service-navigation__list") :]
    menu = menu[: menu.index("</ul>")]
    entries = re.split(r"<li", menu)[1:]
    assert len(entries) == 5
    active = [text for text in entries if "--active" in text]
    assert [re.sub(r"<[^>]+>", "", f"<{text}").strip() for text in active] == [entry]
    assert ('aria-current="page"' in active[0]) is name.endswith("index")


def test_pages_of_two_subjects_lead_to_the_wider_lists(tmp_path: Path) -> None:
    entries = [a_case_study(f"s{n}") for n in range(4)]
    edition = of_records(*entries, a_case_study("t", sectors=["transport"]), a_question())
    html = rendered(edition, "en/browse/sectors/local-government/technology-types/api.html")
    links = {a["href"] for a in Outline(html).having("a")}
    up = "../../../../../en/"
    assert {f"{up}browse/sectors/local-government.html", f"{up}browse/technology-types/api.html"} <= links
    assert html.count('class="hp-list__item"') == 4
    wider = rendered(edition, "en/browse/technology-types/api.html")
    assert "technology-types/api/kind/case-study.html" not in wider  # all of them are
    assert "sectors/local-government/technology-types/api.html" in wider


def test_a_long_list_of_a_subject_shows_the_newest_and_leads_to_the_others() -> None:
    entries = [a_case_study(f"s{n}") for n in range(LISTED_N + 1)]
    html = rendered(of_records(*entries, a_question(technology_types=["api"])), "en/browse/technology-types/api.html")
    assert html.count("records/vale-s") == LISTED_N
    assert "All 11: APIs, Case studies" in html
    assert "technology-types/api/kind/case-study.html" in html


def test_a_guide_shows_how_to_evaluate_there_and_then(folder: Path) -> None:
    html = page(folder, "en/task/evaluate.html")
    row = html[html.index('data-record="vale/open-formats"') :]
    row = row[: row.index("</li>\n    </li>") if "</li>\n    </li>" in row else row.index("</details>")]
    assert "<strong>sample export</strong>" in row
    assert "Set the marks before bids arrive" in html
    assert "Pennwch y marciau cyn i gynigion gyrraedd" in page(folder, "cy/task/evaluate.html")


def test_a_list_too_long_for_a_page_goes_on_on_others() -> None:
    edition = of_records(*(a_case_study(f"s{n:03}") for n in range(LEAF_N + 1)), a_question())
    pages = [page for page in Site(edition, {}, {}).pages() if page.path.startswith("en/browse/hub/vale")]
    assert [page.path for page in pages] == ["en/browse/hub/vale.html", "en/browse/hub/vale-page-2.html"]
    htmls = [rendered(edition, page.path) for page in pages]
    assert [html.count('class="hp-list__item"') for html in htmls] == [LEAF_N, 2]
    assert 'href="../../../en/browse/hub/vale-page-2.html"' in htmls[0]
    assert 'href="../../../cy/browse/hub/vale-page-2.html"' in htmls[1]
    assert '<strong class="hp-jump__here" aria-current="page">2</strong>' in htmls[1]


def test_a_long_list_of_a_kind_shows_the_newest_of_each_sector_and_leads_to_the_others() -> None:
    many = [a_case_study(f"s{n:03}") for n in range(LISTED_N + 1)]
    html = rendered(of_records(*many, a_case_study("t", sectors=["transport"])), "en/case-study/index.html")
    assert html.count('href="../../en/records/vale-s') == LISTED_N
    assert 'href="../../en/browse/sectors/local-government/kind/case-study.html">All 11' in html


def test_a_hub_has_a_page_of_its_records(folder: Path) -> None:
    html = page(folder, "en/browse/hub/coast.html")
    assert {"../../../en/records/coast-twin.html", "../../../en/coverage.html#hub-coast"} <= {
        a["href"] for a in Outline(html).having("a")
    }
    assert not (folder / "en/browse/hub/harbour.html").exists()


def test_the_start_page_has_a_card_for_each_kind(folder: Path) -> None:
    links = {a["href"] for a in Outline(page(folder, "en/index.html")).having("a")}
    assert {f"../en/{kind.replace('_', '-')}/index.html" for kind in document_kinds()} <= links


def test_an_edition_without_anything_still_makes_a_site(tmp_path: Path) -> None:
    empty = an_edition(library={}, packs=(), hubs=(), benchmarks=an_edition().benchmarks.slice(0, 0))
    build_release(empty, tmp_path / "r")
    assert "There are no benchmarks" in page(tmp_path / "r", "en/benchmarks/index.html")


def test_the_sample_notice_goes_when_hubs_are_real(tmp_path: Path) -> None:
    real = tuple(a_hub(hub.id, is_sample=False) for hub in an_edition().hubs)
    build_release(an_edition(hubs=real, packs=()), tmp_path / "r")
    assert "Sample content" not in page(tmp_path / "r", "en/records/vale-letters.html")
    assert "Sample content" not in page(tmp_path / "r", "en/index.html")


def test_workers_share_the_pages_and_the_bytes_stay_the_same(folder: Path, tmp_path: Path) -> None:
    with Crew(2) as crew:
        build_release(an_edition(), tmp_path / "r", crew=crew)
    assert (tmp_path / "r" / "SHA256SUMS").read_bytes() == (folder / "SHA256SUMS").read_bytes()


@pytest.mark.parametrize(
    ("records_n", "packs_n", "processors_n", "workers_n"),
    [(3, 3, 8, 1), (450, 3, 8, 2), (3, 45, 8, 2), (450, 45, 8, 4), (450, 45, 1, 1), (10_000, 45, 4, 4)],
)
def test_a_release_takes_as_many_processes_as_are_there_and_worth_their_start(
    monkeypatch: pytest.MonkeyPatch, records_n: int, packs_n: int, processors_n: int, workers_n: int
) -> None:
    monkeypatch.setattr(release.os, "sched_getaffinity", lambda _: set(range(processors_n)))
    (entry, *_) = an_edition().library.values()
    (pack, *_) = an_edition().packs
    edition = an_edition(library={str(number): entry for number in range(records_n)}, packs=(pack,) * packs_n)
    assert release.workers(edition) == workers_n


def test_what_pages_of_a_folder_share_is_made_once_and_knows_nothing_of_one_page() -> None:
    site = Site(an_edition(), {}, {})
    one, other, *_ = [page for page in site.pages() if page.path.startswith("en/records/")]
    welsh = next(page for page in site.pages() if page.path.startswith("cy/records/"))
    assert site.same("footer.html", one) is site.same("footer.html", other)
    assert 'href="../../cy/coverage.html"' in site.same("footer.html", welsh)
    assert site.same("trail.html", one, crumbs=(("Here", "here.html"),)) != site.same("trail.html", one, crumbs=())
    with pytest.raises(UndefinedError, match="'page' is undefined"):
        site.same("head.html", one, policy="")


def test_a_record_in_lists_is_the_same_as_in_the_first_of_them() -> None:
    site = Site(an_edition(), {}, {})
    calls = []

    class Counted:
        name = "record_line"

        def __call__(self, entry: LibraryRecord, with_summary: bool) -> str:
            calls.append(entry.id)
            return f"<li>{entry.id} {with_summary}"

    (entry, *_) = site.library.records.values()
    lines = [site.line(Counted(), entry, "en", "../", with_summary=shown) for shown in (True, False, True)]
    assert lines == [f"<li>{entry.id} True", f"<li>{entry.id} False", f"<li>{entry.id} True"]
    assert len(calls) == 2


def test_every_page_has_a_search_box_but_that_of_the_search_and_those_that_ask_nobody_for_anything() -> None:
    edition = an_edition(withdrawn=(a_withdrawn(slug="vale-gone"),))
    site = Site(edition, {f"packs/{p.id}/{n}": 1 for p in edition.packs for n in PACK_FILES}, {"changes": {}})
    pages = {page.path: page for page in site.pages()}
    for path, action in (
        ("en/coverage.html", "../en/search.html"),
        ("cy/records/vale-gone.html", "../../cy/search.html"),
    ):
        forms = Outline(site.render(pages[path])).having("form", role="search")
        assert [(form["action"], form["method"]) for form in forms] == [(action, "get")], path
    search = Outline(site.render(pages["en/search.html"]))
    assert len(search.having("form", role="search")) == 1
    assert "../assets/search.js" in search.scripts
    private = Outline(site.render(dataclasses.replace(pages["en/coverage.html"], is_private=True)))
    assert not private.having("form")
    assert private.having("a", href="../en/search.html")


def test_pages_have_addresses_of_their_own() -> None:
    edition = an_edition()
    sizes = {f"packs/{p.id}/{n}": 1 for p in edition.packs for n in PACK_FILES}
    paths = [page.path for page in Site(edition, sizes, {}).pages()]
    assert len(paths) == len(set(paths))


@pytest.mark.parametrize("asset", sorted(ASSETS))
def test_style_sheets_carry_no_brand_and_no_outside_address(asset: str) -> None:
    text = ASSETS[asset].read_text(encoding="utf-8")
    if asset.endswith(".css"):
        assert not re.search(r"url\(|@import|GDS Transport|crest|crown|sourceMappingURL", text)
        assert text.count("{") == text.count("}")
