from __future__ import annotations

from typing import Any

import pytest

from pipelines.publish.pdf.blocks import DEEPEST, blocks_of, flat, runs_of


def of(text: str, **more: Any) -> list[dict[str, Any]]:
    return list(blocks_of(text, "en", **more))


def words(blocks: Any) -> str:
    """All text in some blocks."""
    if isinstance(blocks, dict):
        return str(blocks.get("text", "")) + "".join(words(value) for name, value in blocks.items() if name != "text")
    return "".join(map(words, blocks)) if isinstance(blocks, list | tuple) else ""


def sorts(text: str) -> list[str]:
    return [block["sort"] for block in of(text)]


def test_marks_and_links_become_runs() -> None:
    (paragraph,) = of("Ask for **an [open *interface*](https://example.org/i)** and `x = 1`, ~~soon~~.")
    assert paragraph["runs"] == [
        {"text": "Ask for "},
        {"text": "an ", "marks": ["strong"]},
        {"text": "open ", "marks": ["strong"], "address": "https://example.org/i"},
        {"text": "interface", "marks": ["emphasis", "strong"], "address": "https://example.org/i"},
        {"text": " and "},
        {"text": "x = 1", "marks": ["code"]},
        {"text": ", "},
        {"text": "soon", "marks": ["strike"]},
        {"text": "."},
    ]


def test_blocks_of_every_sort() -> None:
    assert sorts("a\n\n## b\n\n- c\n\n3. d\n\n> e\n\n```\nf\n```\n\n---\n\n|g|h|\n|---|---|\n|i|j|") == [
        *("paragraph", "heading", "bullets", "numbers", "quote", "code", "rule", "table")
    ]


def test_typst_code_stays_text() -> None:
    text = '#import "@preview/x": * $x^2$ @ref <label> #eval("1")'
    assert words(of(text)) == '#import "@preview/x": * $x^2$ @ref #eval("1")'  # <label> is a tag, cut as on the site
    assert words(of("```\n#panic()\n$x$\n```")) == "#panic()\n$x$"


def test_headings_begin_at_one_and_skip_none_whatever_stands_in_quotations() -> None:
    text = "# One\n\n> ## Quoted\n\n#### Deep\n\n## Two\n\n# Three"
    assert [(block["level"], words(block["runs"])) for block in of(text) if block["sort"] == "heading"] == [
        (1, "One"),
        (2, "Deep"),
        (2, "Two"),
        (1, "Three"),
    ]
    assert "Quoted" in words(of(text))


def test_a_first_heading_that_repeats_the_title_goes() -> None:
    assert sorts("# Letters\n\ntext") == ["heading", "paragraph"]
    assert [block["sort"] for block in of("# Letters\n\ntext", drop_title="Letters")] == ["paragraph"]


def test_what_lies_too_deep_is_kept_further_up() -> None:
    text = "\n".join(f"{'  ' * depth}- item {depth}" for depth in range(8))

    def depth_of(blocks: list[dict[str, Any]]) -> int:
        return max((1 + depth_of(item) for block in blocks for item in block.get("items", [])), default=0)

    assert depth_of(of(text)) == DEEPEST
    assert all(f"item {depth}" in words(of(text)) for depth in range(8))


@pytest.mark.parametrize("text", ["<b><i>" * 5000 + "x", "<ul><li>" * 5000 + "x", "<blockquote>" * 5000 + "x"])
def test_no_depth_of_elements_is_too_deep(text: str) -> None:
    assert words(of(text)).endswith("x")


def test_an_image_is_its_words_and_nothing_is_fetched() -> None:
    assert flat(of("![Map of Vale](https://example.org/a.png)")) == [
        {"text": "Image: Map of Vale", "address": "https://example.org/a.png"}
    ]
    assert flat(of("![](https://example.org/a.png)")) == [{"text": "Image", "address": "https://example.org/a.png"}]


def test_a_link_that_leads_nowhere_is_text() -> None:
    assert flat(of("[a](#b) [c](x.md) <a href='javascript:alert(1)'>d</a>")) == [{"text": "a c d"}]


def test_a_table_is_set_with_every_cell_in_its_place() -> None:
    (table,) = of("|a|b|\n|---|---|\n|c|**d**|")
    assert (table["columns"], table["header_rows"]) == (2, 1)
    assert [(cell["x"], cell["y"], words(cell["runs"])) for cell in table["cells"]] == [
        (0, 0, "a"),
        (1, 0, "b"),
        (0, 1, "c"),
        (1, 1, "d"),
    ]


def test_cells_that_span_stay_inside_the_table_and_holes_are_filled() -> None:
    html = (
        "<table><caption>Costs</caption><thead><tr><th rowspan='9'>h</th><th>i</th></tr></thead>"
        "<tbody><tr><td rowspan='9'>a</td><td>b</td></tr><tr></tr></tbody></table>"
    )
    caption, table = of(html)
    assert words(caption["runs"]) == "Costs"
    assert [(cell["x"], cell["y"], cell["width"], cell["height"], words(cell["runs"])) for cell in table["cells"]] == [
        (0, 0, 1, 1, "h"),
        (1, 0, 1, 1, "i"),
        (0, 1, 1, 2, "a"),
        (1, 1, 1, 1, "b"),
        (1, 2, 1, 1, ""),
    ]


def test_a_table_too_large_for_a_page_is_named() -> None:
    wide = f"|{'|'.join(map(str, range(300)))}|\n|{'---|' * 300}\n"
    long = "|a|\n|---|\n" + "|b|\n" * 5000
    assert words(of(wide)).startswith("Here the text has a table of 300 columns and 1 row")
    assert words(of(long)).startswith("Here the text has a table of 1 column and 5,001 rows")
    assert "table of" not in words(of("|a|\n|---|\n|b|"))


def test_lists_in_cells_become_lines() -> None:
    (table,) = of("<table><tr><td><p>a</p><ul><li>b</li><li>c</li></ul></td></tr></table>")
    assert "".join(run["text"] for run in table["cells"][0]["runs"]) == "a\n• b\n• c"


def test_an_empty_text_is_nothing() -> None:
    assert of(" \n<!-- nothing --><br>") == []
    assert of("\u202e\x01") == []
    assert runs_of("  ", "en") == []
