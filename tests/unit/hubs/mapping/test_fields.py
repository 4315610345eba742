from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pytest

from hubs.mapping import map_feed
from tests.unit.hubs.mapping.feeds import a_feed, a_registration, a_source, codes, mapped, only

PAGE = """---
name: Front title
about: {what: Nested, who: [{n: A}, {n: B}]}
day: 25/6/2012
topics: "maps; stats"
tags: [GIS, Cooking]
---
# Body title

Opening paragraph that is long enough to be one.

## Results

It worked out very well for all who took part.

## Next

More.
"""


def found(tmp_path: Path, name: str, rule: Any, page: str = PAGE, file: str = "2024-05-01-a-study.md") -> Any:
    """What a rule finds for a field, and how."""
    document = only(mapped(tmp_path, {file: page}, a_source(fields={name: rule})))
    return document.fields.get(name), document.derived.get(name)


@pytest.mark.parametrize(
    ("rule", "value", "how"),
    [
        ("name", "Front title", None),
        ("about.what", "Nested", None),
        ({"constant": "Fixed"}, "Fixed", "constant"),
        ({"from": "first_heading"}, "Body title", "first_heading"),
        ({"from": "first_heading", "under": "Body title"}, "Results", "first_heading"),
        ({"from": "first_paragraph"}, "Opening paragraph that is long enough to be one.", "first_paragraph"),
        (
            {"from": "first_paragraph", "under": ["Outcome", "Results"]},
            "It worked out very well for all who took part.",
            "first_paragraph",
        ),
        ({"from": "section", "under": "Next"}, "More.", "section"),
        ({"from": "file_name"}, "2024-05-01-a-study", "file_name"),
        ({"from": "file_name", "match": r"^\d{4}-\d\d-\d\d-(.+)$"}, "a-study", "file_name"),
        ({"from": "file_name", "match": "study"}, "study", "file_name"),
        (["absent", {"key": "name", "match": "nothing"}, "about.what"], "Nested", None),
        ({"key": "name", "around": "About: {}"}, "About: Front title", "wording"),
        ({"key": "name", "limit": 20}, "Front title", None),
        ("absent", None, None),
        ([], None, None),
    ],
)
def test_a_title_is_found_by_rule(tmp_path: Path, rule: Any, value: object, how: str | None) -> None:
    assert found(tmp_path, "title", rule) == (value, how)


def test_a_field_without_a_rule_is_the_key_of_its_name(tmp_path: Path) -> None:
    document = only(mapped(tmp_path, {"a.md": "---\ntitle: T\nnonsense: x\n---\nB"}, a_source()))
    assert document.fields["title"] == "T"
    assert "nonsense" not in document.fields


def test_lists_are_read_through_nested_keys_and_split(tmp_path: Path) -> None:
    assert found(tmp_path, "organisations", "about.who.n")[0] == ["A", "B"]
    assert found(tmp_path / "2", "standards_used", {"key": "topics", "split": ";"})[0] == ["maps", "stats"]


@pytest.mark.parametrize(
    ("rule", "value"),
    [
        ({"key": "day", "dates": ["%Y.%m.%d", "%d/%m/%Y"]}, date(2012, 6, 25)),
        ({"key": "day", "dates": "%m/%d/%Y"}, "25/6/2012"),
        (
            [{"key": "day", "dates": "%m/%d/%Y"}, {"from": "file_name", "match": "^.{10}", "dates": "%Y-%m-%d"}],
            date(2024, 5, 1),
        ),
        ({"from": "git_date"}, "2026-02-03"),
    ],
)
def test_dates(tmp_path: Path, rule: Any, value: object) -> None:
    feed = a_feed(tmp_path, {"2024-05-01-a.md": PAGE}, {"2024-05-01-a.md": "2026-02-03"})
    document = only(map_feed(feed, a_registration(a_source(fields={"published": rule}))))
    assert document.fields["published"] == value


@pytest.mark.parametrize("text", ["2012-06-25", "2012-06-25 10:00:00 Z", "'2012-06-25T10:00:00'"])
def test_what_is_a_date_already_needs_no_format(tmp_path: Path, text: str) -> None:
    page = f"---\nday: {text}\n---\nB"
    assert found(tmp_path, "published", {"key": "day", "dates": "%d/%m/%Y"}, page)[0] == date(2012, 6, 25)


def test_terms_are_mapped_and_known_names_resolved(tmp_path: Path) -> None:
    rule = {"key": "tags", "map": {"cooking": ["api", "cloud"]}}
    assert found(tmp_path, "technology_types", rule)[0] == ["geospatial", "api", "cloud"]


def test_an_unmapped_value_is_passed_on_to_be_judged(tmp_path: Path) -> None:
    assert found(tmp_path, "technology_types", "tags")[0] == ["geospatial", "Cooking"]


def test_an_unmapped_value_that_is_dropped_is_counted(tmp_path: Path) -> None:
    source = a_source(fields={"technology_types": {"key": "tags", "unmapped": "drop"}})
    result = mapped(tmp_path, {"a.md": PAGE, "b.md": PAGE}, source)
    assert [d.fields["technology_types"] for d in result.documents] == [["geospatial"], ["geospatial"]]
    finding = result.findings[0]
    assert (finding.code, finding.field, finding.value, finding.count) == (
        "value_left_out",
        "technology_types",
        "Cooking",
        2,
    )


def test_an_unmapped_value_may_lead_to_the_next_rule(tmp_path: Path) -> None:
    rules = [{"from": "file_name", "map": {"other": "health"}, "unmapped": "next"}, {"constant": "housing"}]
    assert found(tmp_path, "sectors", rules) == ("housing", "constant")


def test_keywords_are_whole_words_of_heading_and_summary(tmp_path: Path) -> None:
    page = "---\ntitle: Mapping APIs\nsummary: An api for all.\n---\ncloud"
    rule = {"keywords": {"api": ["API"], "geospatial": ["map"], "cloud": ["cloud"]}}
    assert found(tmp_path, "technology_types", rule, page) == (["api"], "keywords")


def test_the_registration_gives_what_records_leave_out(tmp_path: Path) -> None:
    page = "---\nquestion: What?\n---\nThat."
    source = {"kind": "faq", "reader": "markdown", "glob": "*.md"}
    document = only(mapped(tmp_path, {"a.md": page}, source, audience=["decision_maker"], language="cy"))
    assert document.fields == {
        "id": "a",
        "question": "What?",
        "answer": "That.",
        "sectors": ["health"],
        "licence": "OGL-UK-3.0",
        "language": "cy",
        "audience": ["decision_maker"],
    }
    assert document.derived == {
        "id": "file_name",
        "sectors": "registration",
        "licence": "registration",
        "language": "registration",
        "audience": "registration",
    }


@pytest.mark.parametrize(
    ("file", "rule", "expected"),
    [
        ("a/My Study.md", None, "my-study"),
        ("2024-big-data/README.md", None, "2024-big-data"),
        ("README.md", None, "readme"),
        ("a.md", "name", "front-title"),
        ("a.md", {"constant": "kept_as.it-is"}, "kept_as.it-is"),
    ],
)
def test_every_record_has_an_id(tmp_path: Path, file: str, rule: Any, expected: str) -> None:
    fields = {"id": rule} if rule else {}
    assert only(mapped(tmp_path, {file: PAGE}, a_source(fields=fields))).fields["id"] == expected


# Texts.


@pytest.mark.parametrize(
    ("body", "options", "expected"),
    [
        ("# Front *title*\n\nText.", {}, "Text."),
        ("# Other\n\nText.", {}, "# Other\n\nText."),
        ("# Other\n\nText.", {"first_heading": "drop"}, "Text."),
        ("# Front title\n\nText.", {"first_heading": "keep"}, "# Front title\n\nText."),
        ("Text.\n\n# Front title", {}, "Text.\n\n# Front title"),
        ("**Front title**\n\nText.", {}, "Text."),
        ("![](p)\n\n# Case Study\n\nText.", {"drop_headings": "case study"}, "![](p)\n\n\nText."),
        ("<p><b>Front title</b></p><p>Text.</p>", {}, "Text."),
        ("<p>Text.</p>", {"simple_html": "keep"}, "<p>Text.</p>"),
    ],
)
def test_bodies_are_tidied(tmp_path: Path, body: str, options: dict[str, Any], expected: str) -> None:
    page = f"---\ntitle: Front title\n---\n{body}"
    assert only(mapped(tmp_path, {"a.md": page}, a_source(body=options))).fields["body"] == expected


def test_an_opening_that_repeats_the_title_or_says_little_is_no_summary(tmp_path: Path) -> None:
    title, summary = "A title that is as long as a sentence", "This at last tells what was done."
    page = f"---\ntitle: {title}\n---\n{title}.\n\nIntro:\n\n{summary}"
    assert found(tmp_path, "summary", {"from": "first_paragraph"}, page)[0] == summary


def test_a_long_summary_is_shortened_and_says_so(tmp_path: Path) -> None:
    page = f"---\ntitle: T\nabstract: {'Words and words. ' * 10}\n---\nB"
    value, how = found(tmp_path, "summary", {"key": "abstract", "limit": 40}, page)
    assert (value, how) == ("Words and words. Words and words.", "shortened")


def test_a_summary_of_html_is_plain_text(tmp_path: Path) -> None:
    page = "---\ntitle: Use <select> well\nsummary: <p><em>Very</em> good.</p>\n---\nB"
    document = only(mapped(tmp_path, {"a.md": page}, a_source()))
    assert (document.fields["summary"], document.fields["title"]) == ("Very good.", "Use <select> well")


def test_template_code_is_left_out_and_told(tmp_path: Path) -> None:
    result = mapped(tmp_path, {"a.md": "---\ntitle: T\n---\nText{% include x %}."}, a_source())
    assert only(result).fields["body"] == "Text."
    assert [(f.code, f.record) for f in result.findings] == [("template_code", "a")]


# Front matter.


@pytest.mark.parametrize(
    "page",
    [
        "---\ntitle: T\n---\nB",
        "\ufeff---\r\ntitle: T\r\n---\r\nB",
        "---\rtitle: T\r---\rB",
        "\n--- \ntitle:\u00a0T\n\n--- \n\nB\n",
        "---\n  title: T\n  other: x\n...\nB",
    ],
)
def test_front_matter_is_read_however_it_is_typed(tmp_path: Path, page: str) -> None:
    document = only(mapped(tmp_path, {"a.md": page}, a_source()))
    assert (document.fields["title"], document.fields["body"]) == ("T", "B")


def test_empty_and_endless_front_matter(tmp_path: Path) -> None:
    result = mapped(tmp_path, {"a.md": "---\n---\nB", "b.md": "---\ntitle: T\n", "c.md": "Only text"}, a_source())
    bodies = [document.fields.get("body") for document in result.documents]
    assert bodies == ["B", None, "Only text"]
    assert result.documents[1].fields["title"] == "T"


@pytest.mark.parametrize("block", ["title: a: b", "just words", "a: &x 1\nb: *x", "- one"])
def test_unreadable_front_matter_is_a_fault_and_nothing_is_guessed(tmp_path: Path, block: str) -> None:
    source = a_source(fields={"title": {"from": "file_name"}})
    result = mapped(tmp_path, {"a.md": f"---\n{block}\n---\nB"}, source)
    document = only(result)
    assert document.faults == ("unreadable_front_matter",)
    assert "title" not in document.fields
    assert (document.fields["id"], document.fields["body"]) == ("a", "B")
    assert result.findings[0].detail


# Left out on purpose.


@pytest.mark.parametrize(
    ("condition", "is_skipped"),
    [
        ({"key": "status", "equals": "Draft"}, True),
        ({"key": "status", "equals": ["old", "draft"]}, True),
        ({"key": "status", "equals": "ready"}, False),
        ({"key": "live", "equals": False}, True),
        ({"key": "absent", "state": "missing"}, True),
        ({"key": "status", "state": "present"}, True),
        ({"key": "absent", "state": "present"}, False),
        ({"key": "status", "matches": "^d.a"}, True),
        ({"matches": "a.md$"}, True),
        ({"key": "topics", "equals": "news"}, True),
        ({"body_shorter_than": 10}, True),
        ({"body_shorter_than": 5}, False),
    ],
)
def test_records_are_skipped_by_rule_with_the_reason(
    tmp_path: Path, condition: dict[str, Any], is_skipped: bool
) -> None:
    page = "---\nstatus: draft\nlive: false\ntopics: [old, news]\n---\n**12345**{% x %}"
    result = mapped(tmp_path, {"a.md": page}, a_source(skip_when=[{**condition, "reason": "Because."}]))
    assert (len(result.documents) == 0) == is_skipped
    assert [skip.reason for skip in result.skips] == (["Because."] if is_skipped else [])


def test_files_are_skipped_before_any_source(tmp_path: Path) -> None:
    result = mapped(tmp_path, {"a.md": PAGE, "b.md": PAGE}, a_source(), skip=[{"glob": "a*", "reason": "Old."}])
    assert [(s.file, s.reason) for s in result.skips] == [("a.md", "Old.")]
    assert only(result).file == "b.md"


# Files and sources.


def test_several_files_become_one_record(tmp_path: Path) -> None:
    join = {"order": ["index.md", "about.md", "end.md"], "headings": {"about.md": "Context"}}
    files = {
        "s/one/about.md": "## About\n\nWhy.",
        "s/one/index.md": "---\ntitle: One\n---\n# One\n\nWhat.",
        "s/one/end.md": "## Outcome\n\nGood.",
        "s/one/other.md": "Loose.",
        "s/two/about.md": "Nothing else.",
    }
    result = mapped(tmp_path, files, a_source(glob="s/*/*.md", join=join))
    assert [(d.file, d.fields.get("title"), d.fields["body"]) for d in result.documents] == [
        ("s/one/index.md", "One", "What.\n\n## Context\n\nWhy.\n\n## Outcome\n\nGood."),
        ("s/two/about.md", None, "## Context\n\nNothing else."),
    ]
    assert {(s.file, s.reason) for s in result.skips} == {
        ("s/one/about.md", "Joined into the record of s/one/index.md."),
        ("s/one/end.md", "Joined into the record of s/one/index.md."),
    }
    assert [(f.code, f.file) for f in result.findings] == [("unmapped_file", "s/one/other.md")]


def test_the_first_source_takes_a_file(tmp_path: Path) -> None:
    one, other = a_source(glob="a.md"), a_source(glob="*.md", exclude="c.md", kind="faq")
    result = mapped(tmp_path, {"a.md": "A", "b.md": "B", "c.md": "C"}, one, other)
    assert [(d.kind, d.file) for d in result.documents] == [("case_study", "a.md"), ("faq", "b.md")]
    assert codes(result) == ["unmapped_file"]


def test_a_feed_in_which_no_source_finds_anything_is_no_feed(tmp_path: Path) -> None:
    result = mapped(tmp_path, {"login.html": "<html>"}, a_source())
    assert result.held_by == ("not_a_feed",)
    assert codes(result) == ["not_a_feed", "unmapped_file"]


def test_a_feed_of_which_everything_is_skipped_is_not_held_here(tmp_path: Path) -> None:
    result = mapped(tmp_path, {"a.csv": "x"}, skip=[{"glob": "*", "reason": "Totals."}])
    assert (result.held_by, result.findings) == ((), [])


@pytest.mark.parametrize(
    ("expect", "detail"),
    [
        ({"files_min": 3}, "2 files, expected at least 3"),
        ({"files_max": 1}, "2 files, expected at most 1"),
        ({"keys": ["name", "author"]}, "1 of 2 records have 'author'"),
    ],
)
def test_a_source_that_changed_holds_the_feed(tmp_path: Path, expect: dict[str, Any], detail: str) -> None:
    files = {"a.md": "---\nname: x\nauthor: y\n---\nB", "b.md": "---\nname: x\n---\nB"}
    result = mapped(tmp_path, files, a_source(expect=expect))
    assert result.held_by == ("mapping_expectation_failed",)
    assert [detail in (f.detail or "") for f in result.findings] == [True]


def test_a_source_may_tolerate_gaps(tmp_path: Path) -> None:
    files = {"a.md": "---\nname: x\n---\nB", "b.md": "B"}
    assert mapped(tmp_path, files, a_source(expect={"keys": "name", "keys_share": 0.5})).held_by == ()


def test_rows_of_a_sheet_or_file_are_mapped(tmp_path: Path) -> None:
    source = {
        "kind": "faq",
        "reader": "rows",
        "glob": "*.csv",
        "header_row": 2,
        "fields": {"question": "Asked", "answer": "Told"},
    }
    result = mapped(tmp_path, {"a.csv": "Our questions,\nAsked,Told\nWhat is it?,This.\n,\nWhy?,So.\n"}, source)
    assert [(d.place, d.fields["id"], d.fields["answer"]) for d in result.documents] == [
        ("row 1", "what-is-it", "This."),
        ("row 3", "why", "So."),
    ]


def test_a_file_of_rows_without_any_is_told(tmp_path: Path) -> None:
    source = {"kind": "faq", "reader": "rows", "glob": "*.csv"}
    result = mapped(tmp_path, {"a.csv": "Asked,Told\n", "b.csv": "Asked\nx,y\n"}, source)
    assert [(f.code, f.file) for f in result.findings] == [
        ("no_records_in_file", "a.csv"),
        ("unreadable_file", "b.csv"),
    ]
    assert result.documents == []
