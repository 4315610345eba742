from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.unit.hubs.mapping.feeds import codes, mapped

PAGE = """---
updated: 2026-01-02
---
Welcome.

## General

### What is it? ###

It is **this**.

#### Detail

More.

### Why?

So.

---

## Buying

Words in between.

### How?

Like that.
"""


def a_page(**changes: Any) -> dict[str, Any]:
    return {"kind": "faq", "reader": "faq_page", "glob": "*.md"} | changes


def test_headings_of_a_level_are_questions(tmp_path: Path) -> None:
    result = mapped(tmp_path, {"faq.md": PAGE}, a_page(level=3))
    assert [(d.place, d.fields["id"], d.fields["question"], d.fields["answer"]) for d in result.documents] == [
        ("What is it?", "what-is-it", "What is it?", "It is **this**.\n\n#### Detail\n\nMore."),
        ("Why?", "why", "Why?", "So."),
        ("How?", "how", "How?", "Like that."),
    ]
    assert [(s.place, s.reason) for s in result.skips] == [
        ("the beginning", "Text that answers no question."),
        ("Buying", "Text that answers no question."),
    ]


def test_the_page_and_the_heading_above_give_fields(tmp_path: Path) -> None:
    fields = {
        "audience": {"key": "category", "map": {"buying": "procurement_professional", "general": "decision_maker"}}
    }
    result = mapped(tmp_path, {"faq.md": PAGE}, a_page(level=3, fields=fields))
    assert [d.fields["audience"] for d in result.documents] == [
        "decision_maker",
        "decision_maker",
        "procurement_professional",
    ]
    assert str(result.documents[0].fields["updated"]) == "2026-01-02"


def test_the_bytes_of_an_entry_are_its_part_of_the_page(tmp_path: Path) -> None:
    result = mapped(tmp_path, {"faq.md": PAGE}, a_page(level=3))
    assert result.documents[2].raw.decode().split() == ["###", "How?", "Like", "that."]


def test_a_pattern_tells_questions_and_cuts_their_number(tmp_path: Path) -> None:
    page = "## Contents\n\n* list\n\n##Q1: What?**\nA: This.\n\n##<a name='x'></a>Q2: Why?\nA: So."
    source = a_page(level=2, question=r"^Q\d+: (.*)$", answer_prefix="A:")
    result = mapped(tmp_path, {"faq.md": page}, source)
    assert [(d.fields["question"], d.fields["answer"]) for d in result.documents] == [
        ("What?", "This."),
        ("Why?", "So."),
    ]
    assert [skip.place for skip in result.skips] == ["Contents"]


def test_a_question_longer_than_a_pattern_sees_is_whole(tmp_path: Path) -> None:
    question = "word " * 80 + "end?"
    result = mapped(tmp_path, {"faq.md": f"# Q1: {question}\n\nYes."}, a_page(level=1, question=r"^Q\d+: (.*)$"))
    assert result.documents[0].fields["question"] == question


def test_bold_lines_are_questions(tmp_path: Path) -> None:
    page = "# Page\n\n**Q: What?**\n\nThis.\n\n**Not one**\n\n**Q: Why?**\n\nSo.\n"
    result = mapped(tmp_path, {"faq.md": page}, a_page(line=r"^\*\*Q: (.+)\*\*$"))
    assert [(d.fields["question"], d.fields["answer"]) for d in result.documents] == [
        ("What?", "This.\n\n**Not one**"),
        ("Why?", "So."),
    ]


def test_the_same_question_twice_keeps_two_places(tmp_path: Path) -> None:
    result = mapped(tmp_path, {"faq.md": "# Why?\n\nA.\n\n# Why?\n\nB."}, a_page(level=1))
    assert [d.place for d in result.documents] == ["Why?", "Why? (2)"]


def test_a_page_without_questions_is_told(tmp_path: Path) -> None:
    result = mapped(tmp_path, {"faq.md": "# Title\n\nText."}, a_page(level=3))
    assert codes(result) == ["no_records_in_file"]


def test_a_question_is_skipped_by_its_heading(tmp_path: Path) -> None:
    skip = [{"matches": "^Why", "reason": "Old."}]
    result = mapped(tmp_path, {"faq.md": PAGE}, a_page(level=3, skip_when=skip))
    assert [d.place for d in result.documents] == ["What is it?", "How?"]
    assert ("Why?", "Old.") in [(s.place, s.reason) for s in result.skips]


def test_an_answer_may_begin_on_the_line_of_its_question(tmp_path: Path) -> None:
    long = "A definition that goes on. " * 30
    page = f"**API:** A way for programs to talk.\nMore of it.\n\n**Schema:** {long}\n\n**Alone:**\n"
    source = a_page(line=r"^\*\*([^*:]{1,80}):?\*\* *(.*)")
    result = mapped(tmp_path, {"page.md": page}, source)
    answers = {d.fields["question"]: d.fields.get("answer", "") for d in result.documents}
    assert answers == {"API": "A way for programs to talk.\nMore of it.", "Schema": long.strip(), "Alone": ""}
