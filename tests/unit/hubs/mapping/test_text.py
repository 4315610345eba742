from __future__ import annotations

from time import process_time

import pytest

from hubs.mapping.text import (
    clean,
    cut,
    decode,
    headings,
    looks_like_html,
    paragraphs,
    plain,
    section,
    simple_html_to_markdown,
    slug,
    strip_template,
    tidy,
)


@pytest.mark.parametrize(
    ("data", "text", "encoding"),
    [
        ("Tŷ".encode(), "Tŷ", None),
        ("\ufeffTŷ".encode(), "Tŷ", None),
        ("Tŷ".encode("utf-16"), "Tŷ", "UTF-16"),
        ("Tŷ da yn y cwm".encode("utf-16-le"), "Tŷ da yn y cwm", "UTF-16"),
        ("Tŷ da yn y cwm".encode("utf-16-be"), "Tŷ da yn y cwm", "UTF-16"),
        (b"a\x00b\x00" + b"\x00" * 50, "a\x00b\x00" + "\x00" * 50, None),
        ("caf\u00e9 \u2013".encode("cp1252"), "caf\u00e9 \u2013", "Windows-1252"),
        (b"", "", None),
    ],
)
def test_bytes_are_decoded_and_a_wrong_encoding_is_told(data: bytes, text: str, encoding: str | None) -> None:
    assert decode(data) == (text, encoding)


def test_line_ends_spaces_and_invisible_characters_are_evened_out() -> None:
    assert tidy("a\r\nb\rc\u00a0d\u200be\ufefff\x00g") == "a\nb\nc defg"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("What is an API?", "what-is-an-api"),
        ("Cyngor Ynys Môn's plan", "cyngor-ynys-mons-plan"),
        ("2024_plan.final", "2024-plan-final"),
        ("???", ""),
    ],
)
def test_slug(text: str, expected: str) -> None:
    assert slug(text) == expected


def test_long_slugs_that_differ_only_at_the_end_stay_apart() -> None:
    one, other = slug("word " * 40 + "one"), slug("word " * 40 + "other")
    assert one != other
    assert len(one) <= 110


def test_headings_are_found_with_and_without_space_underlined_and_never_in_code() -> None:
    text = "# One\n\n##Two ##\n\n```\n# code\n```\n\nThree\n=====\n\n#tag\n\n- item\n---\n"
    assert [(h.level, h.text) for h in headings(text)] == [(1, "One"), (2, "Two"), (1, "Three")]


def test_a_heading_is_plain_text() -> None:
    assert [h.text for h in headings("## About C#\n## Closed ##\n## ##")] == ["About C#", "Closed", ""]
    assert headings('## <a name="x"></a>**Bold** [link](y) ![](z) &amp; more')[0].text == "Bold link & more"


def test_a_section_ends_at_the_next_heading_of_its_level() -> None:
    text = "# A\n\n## Outcome:\n\nGood.\n\n### Detail\n\nVery.\n\n## Lessons\n\nMany."
    assert section(text, ("Results", "outcome")) == "Good.\n\n### Detail\n\nVery."
    assert section(text, ("Costs",)) is None


def test_paragraphs_leave_out_lists_quotations_and_pictures() -> None:
    text = "# T\n\n![](p.png)\n\n> quoted\n\n- item\n\n<p>In <b>HTML</b>.</p>\n\nPlain *text*."
    assert list(paragraphs(text)) == ["In HTML .", "Plain text."]


def test_template_code_comments_and_attributes_go_but_code_stays() -> None:
    text = 'A{% include "x" %} b {{ page.title }}<!-- no\none -->{: target="_blank"}\n\n```\n{{ keep }}\n```\n\n##End'
    cleaned, had_code = clean(text)
    assert cleaned == "A b \n\n```\n{{ keep }}\n```\n\n## End"
    assert had_code


def test_text_without_template_code_is_not_blamed() -> None:
    assert clean("Costs {about} 5 % { .")[1] is False
    assert strip_template("As it is") == ("As it is", False)


def test_a_boxed_remark_becomes_a_quotation() -> None:
    cleaned, _ = clean('!!! warning "Take care"\n    This is new.\n\nText.')
    assert cleaned == "> **Take care**\n>\n> This is new.\n\nText."


def test_simple_html_becomes_markdown() -> None:
    html = (
        '<p><strong> Title </strong></p><p> </p><p>See <a href="https://example.org" rel="nofollow">this</a>'
        " &amp; that.<br />Next</p><ul><li>one</li><li>two</li></ul>"
    )
    assert simple_html_to_markdown(html) == "**Title**\n\nSee [this](https://example.org) & that.\nNext\n\n- one\n- two"


@pytest.mark.parametrize("text", ["Just text", "<p>One</p><iframe src='x'></iframe>", "Text, then <p>HTML</p>"])
def test_other_texts_are_left_as_they_are(text: str) -> None:
    assert simple_html_to_markdown(text) is None


def test_ordered_and_nested_lists_and_stray_tags() -> None:
    html = "<ol><li>a<ul><li>b</li></ul></li><li>c</li></ol></p><h2>H</h2><blockquote>q</blockquote></a>"
    assert simple_html_to_markdown(html) == "1. a\n  - b\n2. c\n\n## H\n\n> q"


def test_a_long_text_is_cut_after_a_sentence_or_a_word() -> None:
    assert cut("Short.", 20) == "Short."
    assert cut("A first sentence. A second one that is longer.", 30) == "A first sentence."
    assert cut("word " * 20, 22) == "word word word word…"


def test_plain_text_has_no_marks() -> None:
    assert plain("# A\n\n*b* `c`\n\n<div>d</div>\n\n    e") == "A b c d e"


@pytest.mark.parametrize("piece", ["{%", "{{", "<!--", "<a", "# ", "- ", "`", "{#a ", "\n", " ", "*_", "!!! x\n    "])
def test_no_text_takes_for_ever(piece: str) -> None:
    text = "## " + piece * (200_000 // len(piece))
    started = process_time()
    cleaned, _ = clean(text)
    headings(cleaned)
    simple_html_to_markdown(cleaned)
    strip_template(text)
    assert process_time() - started < 4


def test_what_begins_like_code_and_never_ends_is_text() -> None:
    assert clean("Costs {{ about 5 and <!-- more") == ("Costs {{ about 5 and <!-- more", False)


def test_web_pages_are_recognised() -> None:
    assert looks_like_html(b"\xef\xbb\xbf \n<!DOCTYPE html><title>Log in</title>")
    assert not looks_like_html(b"<p>part of a text</p>")


def test_what_is_left_open_in_simple_html_is_text() -> None:
    html = "<p class='x' title=\"a > b\">Levels <3 of <a onclick=go href='https://example.org'>five</a></p>"
    assert "[five](https://example.org)" in (simple_html_to_markdown(html) or "")
    assert "Levels <3 of" in (simple_html_to_markdown("<p>Levels <3 of five</p>") or "")


def test_lists_inside_lists_are_set_in_no_further_than_can_be_read() -> None:
    deep = simple_html_to_markdown("<ul><li>x" * 300 + "</li></ul>" * 300) or ""
    assert deep.count("x") == 300
    assert max(len(line) - len(line.lstrip()) for line in deep.splitlines()) == 20
