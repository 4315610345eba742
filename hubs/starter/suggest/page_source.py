"""Writing the source that reads a group of pages: which are left out, and how each field is found."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from pathlib import PurePosixPath
from typing import Any

from hubs.contract.kinds import document_kinds
from hubs.contract.kinds.base import ID_PATTERN, DocumentKind
from hubs.contract.kinds.case_study import SECTIONS
from hubs.starter.suggest.doubts import Guess, listed, shown
from hubs.starter.suggest.fields import (
    LONGEST_HEADING,
    MANY,
    MOST,
    NEARLY_ALL,
    SOME,
    SUMMARY_LIMIT,
    Records,
    Rule,
    constant_guesses,
    date_guess,
    list_guess,
    one_or_all,
    telling_keys,
    terms_guess,
    text_rules,
)
from hubs.starter.suggest.folder import Page
from hubs.starter.suggest.pages import GLOSSARY, QUESTION, QUESTIONS, STUDY, Group, heading_of, is_dated, undated
from hubs.starter.suggest.values import keys_called, mentioned

SHORTEST_STUDY = 200
"""Characters below which a study is taken for a sign to somewhere else."""
MOST_DOUBTS = 8
_DATED_PATTERN = r"^\d{4}-\d\d-\d\d[-_](.+)$"
_DRAFT_KEYS = {"draft": True, "published": False, "hidden": True, "private": True, "archived": True, "publish": False}
_DRAFT_STATES = {"draft", "unpublished", "archived", "private", "hidden", "withdrawn"}


def _id_guess(records: Records, stems: list[str], used: set[str], prefix: str) -> Guess | None:
    """How the identifier is found: stated, or from the file's name."""
    for key in keys_called("id", records.names()):
        values = [str(value) for value in records.values(key) if isinstance(value, str | int)]
        is_id = len(values) >= NEARLY_ALL * records.total and len(set(values)) == len(values)
        if is_id and all(re.fullmatch(ID_PATTERN, value) for value in values):
            used.add(key)
            return None if key == "id" and not prefix else Guess({"key": key} | _around(prefix))
    is_own = "id" in records.names()
    if undated(stems) is not None:
        rules: list[Rule] = [{"from": "file_name", "match": _DATED_PATTERN} | _around(prefix)]
        if not all(is_dated(stem) for stem in stems):
            rules.append({"from": "file_name"} | _around(prefix))
        return Guess(one_or_all(rules))
    if prefix or is_own:
        doubts = ["the key id does not tell all records apart, so the file's name does."] if is_own else []
        return Guess({"from": "file_name"} | _around(prefix), tuple(doubts))
    return None


def _around(prefix: str) -> dict[str, str]:
    return {"around": f"{prefix}-{{}}"} if prefix else {}


def source(
    group: Group, name: str, patterns: list[tuple[str, list[str]]], constants: Mapping[str, str]
) -> dict[str, Any]:
    """The settings of the source that reads a group of pages by ``patterns``, each with what to exclude from it.

    ``constants`` are what stands in fields that a kind needs and pages never state.
    """
    kind = document_kinds()[{STUDY: "case_study", QUESTION: "faq", QUESTIONS: "faq", GLOSSARY: "term"}[group.shape]]
    reader = "markdown" if group.shape in (STUDY, QUESTION) else "faq_page"
    settings: dict[str, Any] = {
        "name": Guess(name, tuple(_few(group.doubts))),
        "kind": Guess(kind.name, _kind_doubts(group, kind)),
        "reader": reader,
        "glob": one_or_all([pattern for pattern, _ in patterns]),
    }
    if exclude := [name for _, names in patterns for name in names]:
        settings["exclude"] = one_or_all(exclude)
    settings |= group.split
    if group.join:
        settings["join"] = group.join
    skip_when, kept = _skip_when(group)
    if skip_when:
        settings["skip_when"] = skip_when
    pages = _mains(group, kept)
    records = Records([page.keys for page in pages], "files")
    fields, unused = _fields(kind, group, pages, records, constants)
    if fields or unused:
        settings["fields"] = Guess(fields, (f"keys that nothing is made of: {unused}.",) if unused else ())
    settings["expect"] = _expect(group, kind, records, fields)
    return settings


def _few(doubts: list[str]) -> list[str]:
    """The doubts about the pages of one source, those beyond a few only counted."""
    few = doubts[:MOST_DOUBTS]
    return few + ([f"and {len(doubts) - len(few)} more doubts of the kind."] if len(doubts) > len(few) else [])


def _kind_doubts(group: Group, kind: DocumentKind) -> tuple[str, ...]:
    if group.shape != STUDY:
        return ()
    names = {name for of_section in SECTIONS.values() for name in of_section}
    having = sum(any(heading.text.casefold() in names for heading in page.headings) for page in group.pages)
    return (
        f"{group.count} that ask no questions are taken for {kind.plural_en.lower()}; {having} of them have a heading "
        "such as Context or Lessons.",
    )


def _mains(group: Group, pages: list[Page]) -> list[Page]:
    """The files that give the fields: all, or the first of each joined folder."""
    if not group.join:
        return pages
    order: list[str] = group.join["order"]
    return [page for page in pages if PurePosixPath(page.name).name == order[0]] or pages


def _expect(group: Group, kind: DocumentKind, records: Records, fields: dict[str, Any]) -> dict[str, Any]:
    """Guards that hold today with room to spare."""
    expect: dict[str, Any] = {"files_min": max(1, math.floor(MOST * len(group.pages)))}
    if not group.join and records.total > 2:  # noqa: PLR2004 - one file proves no rule
        count = records.names()
        rules = [rule for guess in fields.values() for rule in _rules_of(guess)]
        named = {rule if isinstance(rule, str) else rule.get("key") for rule in rules} | {kind.heading}
        always = [key for key in count if key in named and count[key] >= NEARLY_ALL * records.total]
        if always:
            expect["keys"] = sorted(always)
    return expect


def _rules_of(guess: Any) -> list[Any]:
    value = guess.value if isinstance(guess, Guess) else guess
    return value if isinstance(value, list) else [value] if value is not None else []


def _skip_when(group: Group) -> tuple[list[dict[str, Any]], list[Page]]:
    """Conditions for records to leave out, and the pages that stay."""
    conditions: list[dict[str, Any]] = []
    kept = group.pages
    for key, value in _DRAFT_KEYS.items():
        marked = [page for page in kept if page.keys.get(key) is value]
        if marked:
            reason = "Marked as a draft, or as not for publication."
            doubt = f"{len(marked)} of {len(group.pages)} files say {key}: {str(value).lower()}, and are left out."
            conditions.append({"key": Guess(key, (doubt,)), "equals": value, "reason": reason})
            kept = [page for page in kept if page.keys.get(key) is not value]
    for key in ("status", "state"):
        states = sorted({page.text(key) for page in kept if page.text(key).casefold() in _DRAFT_STATES})
        if states:
            conditions.append({"key": key, "equals": states, "reason": "Marked as a draft."})
            kept = [page for page in kept if page.text(key) not in states]
    if group.shape in (STUDY, QUESTION) and not group.join:
        kept = _without_bare_pages(group, conditions, kept)
    return conditions, kept


def _without_bare_pages(group: Group, conditions: list[dict[str, Any]], kept: list[Page]) -> list[Page]:
    shortest = SHORTEST_STUDY if group.shape == STUDY else 1
    bare = [page for page in kept if page.text_length < shortest and not page.fault]
    of_layout = Counter(page.text("layout") for page in kept)
    bare_of_layout = Counter(page.text("layout") for page in bare)
    empty = sorted(
        layout for layout, count in bare_of_layout.items() if layout and count == of_layout[layout] < len(kept)
    )
    if empty:
        count = sum(bare_of_layout[layout] for layout in empty)
        doubt = f"{count} files of these layouts have no text of their own."
        conditions.append(
            {
                "key": Guess("layout", (doubt,)),
                "equals": one_or_all(empty),
                "reason": "A page without text of its own.",
            }
        )
        kept = [page for page in kept if page.text("layout") not in empty]
        bare = [page for page in bare if page.text("layout") not in empty]
    if bare and len(bare) < len(kept):
        doubt = (
            f"{len(bare)} of {len(kept)} files have fewer than {shortest} characters of text and are left out, such as "
            f"{shown(bare[0].name)}."
        )
        conditions.append({"body_shorter_than": Guess(shortest, (doubt,)), "reason": "Too short to tell anything."})
        kept = [page for page in kept if page not in bare]
    return kept


def _fields(
    kind: DocumentKind, group: Group, pages: list[Page], records: Records, constants: Mapping[str, str]
) -> tuple[dict[str, Any], str]:
    """The rules of the fields, and the keys that none of them uses."""
    used: set[str] = set()
    fields: dict[str, Any] = {}
    is_page = group.shape in (QUESTIONS, GLOSSARY)
    if is_page:
        # Identifier, heading and text come from the parts of the page, whatever its own keys say.
        used |= {key for key in ("question", "answer", "category") if key in records.names()}
        fields |= _page_rules(kind, pages, group)
        if "id" in records.names():
            fields["id"] = []
    else:
        if (guess := _id_guess(records, [page.stem for page in pages], used, group.prefix)) is not None:
            fields["id"] = guess
        fields[kind.heading] = _heading_guess(kind, records, pages, used)
        if "summary" in kind.model.model_fields:
            fields["summary"] = _summary_guess(records, used)
    dated_names = None if is_page else _dated_names(pages)
    for name in ("updated", "published"):
        fallback = dated_names if name == "published" else None
        if (guess := date_guess(name, records, used, fallback)) is not None:
            fields[name] = guess
    for name in ("organisations", "standards_used"):
        if name in kind.model.model_fields and (guess := list_guess(name, records, used)) is not None:
            fields[name] = guess
    texts = [] if is_page else [f"{heading_of(page)} {_told(page)}" for page in pages]
    doubted: set[str] = set()
    for name in kind.schemes:
        if (guess := terms_guess(name, kind, records, used, texts)) is not None:
            fields[name] = replace(guess, doubts=tuple(doubt for doubt in guess.doubts if doubt not in doubted))
            doubted |= set(guess.doubts)
    if is_page and (guess := _categories(pages, group)) is not None:
        fields["audience"] = guess
    _guard_own_names(kind, records, used, fields)
    fields |= constant_guesses(kind, constants, {*fields, *records.names()})
    return fields, _left(records, used, kind)


def _page_rules(kind: DocumentKind, pages: list[Page], group: Group) -> dict[str, Any]:
    """Rules for the parts of a page: their questions may go by another name, or be longer than a heading may be."""
    long = [h.text for page in pages for h in page.headings if h.level == group.split.get("level")]
    count = sum(len(text) > LONGEST_HEADING for text in long)
    heading: Rule = {"key": "question", "limit": LONGEST_HEADING} if count else "question"
    rules: dict[str, Any] = {}
    if count or kind.heading != "question":
        doubts = (f"{count} are longer than {LONGEST_HEADING} characters and are cut.",) if count else ()
        rules[kind.heading] = Guess(heading, doubts)
    return rules if kind.text == "answer" else rules | {kind.text: "answer"}


def _told(page: Page) -> str:
    return next((page.text(key) for key in keys_called("summary", page.keys) if page.text(key)), "")


def _dated_names(pages: list[Page]) -> Rule | None:
    dated = sum(bool(re.match(r"\d{4}-\d\d-\d\d", page.stem)) for page in pages)
    if dated < SOME * len(pages):
        return None
    same = Counter(page.stem[:10] for page in pages)
    if len(pages) > 2 and max(same.values()) > MANY * len(pages):  # noqa: PLR2004
        return None  # the date of a move, and of no record
    return {"from": "file_name", "match": r"^(\d{4}-\d\d-\d\d)", "dates": "%Y-%m-%d"}


def _heading_guess(kind: DocumentKind, records: Records, pages: list[Page], used: set[str]) -> Guess:
    rules, having = text_rules(kind.heading, records, used, None)
    missing = [page for number, page in enumerate(pages) if number not in having]
    doubts = []
    if missing:
        rules.append({"from": "first_heading"})
        doubts.append(
            f"{len(missing)} of {records.total} files have no {kind.heading}, so their first heading is taken."
        )
        bare = [page for page in missing if not page.headings]
        if bare:
            rules.append({"from": "file_name"})
            doubts.append(f"{len(bare)} have no heading either, so the file's name is taken.")
    long = sum(len(str(value)) > LONGEST_HEADING for key in used for value in records.values(key)) if rules else 0
    if long:
        rules = [rule if isinstance(rule, dict) else {"key": rule, "limit": LONGEST_HEADING} for rule in rules]
        doubts.append(f"{long} are longer than {LONGEST_HEADING} characters and are cut.")
    return Guess(one_or_all(rules), tuple(doubts))


def _summary_guess(records: Records, used: set[str]) -> Guess:
    rules, having = text_rules("summary", records, used, SUMMARY_LIMIT)
    doubts = []
    if len(having) < records.total:
        for key, count in telling_keys(records, used)[:2]:
            used.add(key)
            rules.append({"key": key, "limit": SUMMARY_LIMIT})
            having |= records.having(key)
            doubts.append(f"{shown(key)} is taken for a summary because it reads like one ({count} files).")
    if len(having) < records.total:
        doubts.append(f"{records.lacking(len(having))} have no summary, so the first paragraph is taken.")
    rules.append({"from": "first_paragraph", "limit": SUMMARY_LIMIT})
    return Guess(one_or_all(rules), tuple(doubts))


def _categories(pages: list[Page], group: Group) -> Guess | None:
    """Headings above the questions that say for whom they are."""
    level = group.split.get("level")
    if level is None:
        return None
    above = Counter(h.text for page in pages for h in page.headings if h.level < level)
    table = {text: sorted(found) for text in above if (found := mentioned("audiences", _singular(text)))}
    if not table:
        return None
    doubt = f"the headings above the questions say for whom they are: {listed(above)}."
    rule = {"key": "category", "map": {text: one_or_all(found) for text, found in table.items()}}
    return Guess(rule if len(table) == len(above) else rule | {"unmapped": "drop"}, (doubt,))


def _singular(text: str) -> str:
    return text + " " + " ".join(word.removesuffix("s") for word in text.split())


def _guard_own_names(kind: DocumentKind, records: Records, used: set[str], fields: dict[str, Any]) -> None:
    """Keys that happen to have a field's name are read for it unless the mapping says otherwise."""
    for name in kind.model.model_fields:
        if name not in records.names() or name in used or name in fields or name in kind.schemes:
            continue
        if name in (kind.text, kind.heading, "id"):
            continue
        values = records.values(name)
        if name == "contact" or not all(isinstance(value, str | list | int | float | date) for value in values):
            doubt = f"{len(values)} files have a {name}. It is not read: a contact must be a role, never a person."
            fields[name] = Guess([], (doubt if name == "contact" else f"the key {name} holds no text.",))


def _left(records: Records, used: set[str], kind: DocumentKind) -> str:
    known = {kind.text, "draft", "layout", "published", "permalink", *kind.model.model_fields}
    left = {key: count for key, count in records.names().items() if key not in used | known}
    return listed(left) if left else ""
