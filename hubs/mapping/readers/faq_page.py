"""Pages of questions and answers: one file, many records. The parts before and between questions are told apart."""

from __future__ import annotations

import re
from dataclasses import dataclass

from hubs.mapping.fields import Material
from hubs.mapping.spec import MAX_MATCHED_CHARACTERS, FaqPageSource
from hubs.mapping.text import headings, plain_line

SHORTEST_RULE = 3
"""Marks in a line that parts two texts."""


@dataclass(frozen=True)
class Page:
    """``entries`` are the questions; ``others`` the places (headings) of text that belongs to none of them."""

    entries: list[Material]
    others: list[str]


@dataclass(frozen=True)
class _Mark:
    """Where a part of the page begins: a question, or a heading that ends the part before it. ``rest`` is what of the
    answer stands on the question's own line.
    """

    start: int
    end: int
    text: str
    is_question: bool
    level: int
    rest: str = ""


def split_page(page: Material, source: FaqPageSource) -> Page:
    """The questions of one page. Each gets the keys of the page and ``question``, ``answer`` and ``category``: the
    nearest heading above it.
    """
    lines = page.body.split("\n")
    marks = _marks_by_line(page.body, source.line) if source.line else _marks_by_heading(page.body, source)
    entries, others = [], []
    if "".join(lines[: marks[0].start if marks else len(lines)]).strip():
        others.append("the beginning")
    category = ""
    for number, mark in enumerate(marks):
        end = marks[number + 1].start if number + 1 < len(marks) else len(lines)
        text = _without_rule("\n".join([*filter(None, [mark.rest]), *lines[mark.end : end]]))
        if source.answer_prefix and mark.is_question:
            text = text.removeprefix(source.answer_prefix).lstrip()
        if not mark.is_question:
            category = mark.text
            if text:
                others.append(mark.text)
            continue
        raw = "\n".join(lines[mark.start : end]).encode()
        keys = {**page.keys, "question": mark.text, "answer": text, "category": category}
        entries.append(Material(page.file, mark.text, keys, text, raw, page.changed, page.fault))
    return Page(_told_apart(entries), others)


def _marks_by_heading(body: str, source: FaqPageSource) -> list[_Mark]:
    """Headings of the level are questions; those above it part the page; those below belong to the answers."""
    level = source.level or 1
    marks = []
    for heading in headings(body):
        if heading.level > level:
            continue
        question = _question(heading.text, source.question) if heading.level == level else None
        text = question if question is not None else heading.text
        marks.append(_Mark(heading.start, heading.end, text, question is not None, heading.level))
    return marks


def _question(text: str, pattern: str | None) -> str | None:
    if pattern is None:
        return text.strip("* ") or None
    match = re.search(pattern, text[:MAX_MATCHED_CHARACTERS])
    if match is None:
        return None
    # The text may go on beyond what a pattern is shown.
    shown = match[1] if match.re.groups else match[0]
    end = match.end(1) if match.re.groups else match.end()
    return (shown + text[end:] if end == MAX_MATCHED_CHARACTERS else shown).strip("* ")


def _marks_by_line(body: str, pattern: str) -> list[_Mark]:
    marks = [_Mark(h.start, h.end, h.text, False, h.level) for h in headings(body)]
    for number, line in enumerate(body.split("\n")):
        match = re.search(pattern, line[:MAX_MATCHED_CHARACTERS])
        if match:
            text = plain_line(match[1] if match.re.groups else match[0])
            # A definition often stands behind its word, and may go on beyond what a pattern is shown.
            rest = line[match.start(2) :].strip() if match.re.groups > 1 and match[2] is not None else ""
            marks.append(_Mark(number, number + 1, text, True, 0, rest))
    return sorted(marks, key=lambda mark: mark.start)


def _without_rule(text: str) -> str:
    """The answer without the line that parts it from the next."""
    lines = text.strip().split("\n")
    while lines and _is_rule(lines[-1]):
        lines.pop()
    return "\n".join(lines).strip()


def _is_rule(line: str) -> bool:
    marks = "".join(line.split())
    return not marks or (len(marks) >= SHORTEST_RULE and set(marks) in ({"-"}, {"*"}, {"_"}))


def _told_apart(entries: list[Material]) -> list[Material]:
    """Two questions with the same words in one page get different places."""
    seen: dict[str, int] = {}
    result = []
    for entry in entries:
        seen[entry.place] = seen.get(entry.place, 0) + 1
        again = seen[entry.place]
        place = entry.place if again == 1 else f"{entry.place} ({again})"
        result.append(Material(entry.file, place, entry.keys, entry.body, entry.raw, entry.changed, entry.fault))
    return result
