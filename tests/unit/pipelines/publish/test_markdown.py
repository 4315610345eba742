from __future__ import annotations

import re

import pytest

from pipelines.publish import markdown
from pipelines.publish.markdown import render


@pytest.mark.parametrize(
    "text",
    [
        "<script>alert(1)</script>",
        "<img src=x onerror=alert(1)>",
        "[x](javascript:alert(1))",
        "<a href='java&#115;cript:alert(1)'>x</a>",
        "<svg><script>alert(1)</script></svg>",
        "<iframe src='https://example.org'></iframe>",
        "<math><mtext><table><mglyph><style><img src=x onerror=alert(1)>",
        "<p style='position:fixed' class='govuk-x' id='main-content' onclick='alert(1)'>x</p>",
        "<form action='https://example.org'><input name=a></form>",
        "<style>body{display:none}</style>",
        '<a href="data:text/html,<script>alert(1)</script>">x</a>',
        "![x](data:image/svg+xml;base64,PHN2Zz4=)",
    ],
)
def test_nothing_that_acts_gets_through(text: str) -> None:
    html = render(text).html
    assert not re.search(r"<(script|iframe|svg|math|form|input|style|img)\b", html)
    assert not re.search(r"<[^>]*\s(on\w+|style|class|id)=", html)
    assert not re.search(r'<[^>]*"\s*(javascript|data):', html)
    assert "body{" not in html


def test_html_tables_of_real_hubs_survive() -> None:
    html = render('<table class="x"><tr><td colspan="2" width="3">a<br>b</td></tr></table>').html
    assert '<td colspan="2">a<br>b</td>' in html
    assert html.startswith('<div class="hp-scroll" role="group" tabindex="0" aria-label="Table 1">')


def test_headings_begin_at_level_two_and_skip_none() -> None:
    rendered = render("# One\n\n#### Deep\n\n<h6>Deeper</h6>\n\n## Two\n\n# Three")
    assert [(h.level, h.text) for h in rendered.headings] == [
        (2, "One"),
        (3, "Deep"),
        (4, "Deeper"),
        (3, "Two"),
        (2, "Three"),
    ]


def test_ids_of_headings_are_unique_and_never_ours() -> None:
    rendered = render("## Costs\n\n## Costs\n\n## Main content\n\n## Ŵyn & tŷ\n\n## ???")
    assert [h.id for h in rendered.headings] == ["costs", "costs-2", "main-content-2", "wyn-ty", "section"]


def test_a_first_heading_that_repeats_the_title_goes() -> None:
    assert [h.text for h in render("# A title\n\n## Context", drop_title="A Title").headings] == ["Context"]
    assert [h.text for h in render("# Other\n\n# A title", drop_title="A title").headings] == ["Other", "A title"]


def test_empty_headings_go() -> None:
    assert render("##\n\ntext").html == "<p>text</p>"


def test_relative_links_are_unwrapped_and_links_within_the_text_kept() -> None:
    html = render(
        "## Costs\n\n[a](other.md) [b](/x) [c](#costs) [d](#gone) [e](//x.example) [f](https://x.example)"
    ).html
    assert 'a b <a href="#costs">c</a> d e <a href="https://x.example" rel="noopener noreferrer">f</a>' in html


def test_a_link_with_a_password_in_it_is_unwrapped() -> None:
    assert render("[a](https://user:secret@x.example/p) [b](HTTPS://x.example)").html == (
        '<p>a <a href="HTTPS://x.example" rel="noopener noreferrer">b</a></p>'
    )


def test_an_image_becomes_its_words_and_a_link() -> None:
    assert 'href="https://x.example/a.png"' in render("![Map of Vale](https://x.example/a.png)").html
    assert ">Image: Map of Vale</a>" in render("![Map of Vale](https://x.example/a.png)").html
    assert render("![Map](a.png)", image="Delwedd").html == "<p>[Delwedd: Map]</p>"
    assert render("![](a.png)").html == ""
    assert "<img" not in render("[![Map](https://x.example/a.png)](https://x.example)").html
    assert render("[![Map](https://x.example/a.png)](https://x.example)").html.count("<a ") == 1


def test_code_that_looks_like_markup_stays_text() -> None:
    text = '`<a href="/x"><img src="y"><h2 id="z">`'
    rendered = render(text)
    assert "&lt;a href=" in rendered.html
    assert markdown.deeper(rendered, 2, "p--") == rendered.html


def test_deeper_moves_headings_down_and_keeps_ids_unique_on_a_page_of_many() -> None:
    rendered = render("## Costs\n\n[c](#costs)")
    html = markdown.deeper(rendered, 2, "letters--")
    assert '<h4 id="letters--costs">Costs</h4>' in html
    assert '<a href="#letters--costs">' in html


def test_the_same_text_is_rendered_once() -> None:
    assert render("a *b*") is render("a *b*")


def test_empty_header_cells_are_not_headers() -> None:
    html = render("|  | 2025 |\n|---|---|\n| a | 1 |").html
    assert "<th></th>" not in html
    assert "<th>2025</th>" in html


def test_what_an_attribute_says_is_no_link() -> None:
    """Links are found in cleaned HTML by their sign, which no attribute may hold."""
    shown = markdown.render('<abbr title="<a href=/x>a</a><img src=/y>">HTML</abbr> [gone](/x)').html
    assert shown == '<p><abbr title="&lt;a href=/x&gt;a&lt;/a&gt;&lt;img src=/y&gt;">HTML</abbr> gone</p>'
