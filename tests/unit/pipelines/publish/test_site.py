from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from pipelines.edition import State
from pipelines.publish.release import build_release
from pipelines.publish.site import ASSETS, Site
from tests.builders import a_case_study, a_hub, a_library, an_edition


class Outline(HTMLParser):
    """The headings, links and languages of a page."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.headings: list[int] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if re.fullmatch("h[1-6]", tag):
            self.headings.append(int(tag[1]))

    def having(self, tag: str, **attributes: str) -> list[dict[str, str | None]]:
        return [a for t, a in self.tags if t == tag and all(a.get(k) == v for k, v in attributes.items())]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("release") / "r"
    build_release(an_edition(), path)
    return path


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


def test_no_page_asks_anything_of_another_site_or_carries_script_or_style(folder: Path) -> None:
    for path in folder.rglob("*.html"):
        html = path.read_text(encoding="utf-8")
        outline = Outline(html)
        assert not {"script", "style", "img", "iframe", "form"} & {tag for tag, _ in outline.tags}, path
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
        "sha256:",
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
    for text in ("Carried forward", "Held", "Missing", "the server did not answer", "Without an open licence nothing"):
        assert text in html, text
    assert "83 days old at release" in html


def test_a_hub_that_changed_everything_at_once_does_not_fill_the_start_page(tmp_path: Path) -> None:
    many = [a_case_study(f"s{n}", published="2026-11-01") for n in range(6)]
    edition = an_edition(library=a_library(*many, a_case_study("old", "coast", published="2020-01-01")), packs=())
    build_release(edition, tmp_path / "r")
    html = page(tmp_path / "r", "en/index.html")
    assert html.count("records/vale-s") == 2
    assert "records/coast-old" in html


def test_what_is_good_in_a_held_feed_is_not_counted_as_used(tmp_path: Path) -> None:
    held = a_hub(state=State.HELD, held_by=("hopeless_feed",), snapshot=None, fetched=None)
    build_release(an_edition(hubs=(held,)), tmp_path / "r")
    html = page(tmp_path / "r", "en/coverage.html")
    assert "not used in this release" in html


def test_suppressed_figures_are_marked_and_explained(folder: Path) -> None:
    html = page(folder, "en/benchmarks/interop-baseline-v1-decision-maker.html")
    assert "What the signs mean" in html
    assert "[x]" in html
    assert re.search(r"Not shown, because every figure is confidential \[c\]:\s*Health\.", html)


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
    edition = an_edition(library=a_library(nasty), packs=())
    build_release(edition, tmp_path / "r")
    html = page(tmp_path / "r", "en/records/vale-letters.html")
    outline = Outline(html)
    assert not outline.having("script")
    assert not outline.having("img")
    assert "{{ 7*7 }}" in html
    assert not any((a.get("href") or "").startswith("javascript") for a in outline.having("a"))


def test_an_edition_without_anything_still_makes_a_site(tmp_path: Path) -> None:
    empty = an_edition(library={}, packs=(), hubs=(), benchmarks=an_edition().benchmarks.slice(0, 0))
    build_release(empty, tmp_path / "r")
    assert "There are no benchmarks" in page(tmp_path / "r", "en/benchmarks/index.html")


def test_the_sample_notice_goes_when_hubs_are_real(tmp_path: Path) -> None:
    real = tuple(a_hub(hub.id, is_sample=False) for hub in an_edition().hubs)
    build_release(an_edition(hubs=real), tmp_path / "r")
    assert "Sample content" not in page(tmp_path / "r", "en/records/vale-letters.html")
    assert "Sample content" not in page(tmp_path / "r", "en/index.html")


def test_workers_share_the_pages_and_the_bytes_stay_the_same(folder: Path, tmp_path: Path) -> None:
    build_release(an_edition(), tmp_path / "r", workers=2)
    assert (tmp_path / "r" / "SHA256SUMS").read_bytes() == (folder / "SHA256SUMS").read_bytes()


def test_pages_have_addresses_of_their_own() -> None:
    edition = an_edition()
    sizes = {f"packs/{p.id}/{n}": 1 for p in edition.packs for n in ("records.csv", "records.jsonl", "pack.json")}
    paths = [page.path for page in Site(edition, sizes).pages()]
    assert len(paths) == len(set(paths))


@pytest.mark.parametrize("asset", sorted(ASSETS))
def test_style_sheets_carry_no_brand_and_no_outside_address(asset: str) -> None:
    text = ASSETS[asset].read_text(encoding="utf-8")
    if asset.endswith(".css"):
        assert not re.search(r"url\(|@import|GDS Transport|crest|crown|sourceMappingURL", text)
        assert text.count("{") == text.count("}")
