"""How a pack introduces itself: what it is about, in words of our own, and what it holds, counted from its records.

The words stand in ``templates/text/introductions``, in English and Welsh: a whole text for each audience and for the
national pack, a short one for each sector and technology type. What a pack holds follows from ``pack.json``, so it
can be told anew when a record is withdrawn. How it looks is for the templates.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache
from typing import Any

from hubs.contract.kinds import document_kinds
from hubs.yamlfile import read_yaml
from pipelines.edition import LibraryRecord, Pack
from pipelines.publish import markdown, strings
from pipelines.publish.catalogue import Words
from pipelines.publish.layouts import TEMPLATES
from pipelines.publish.rows import Row, heading, shown, touched
from pipelines.publish.strings import LANGUAGES

INTRODUCTION = "introduction"
"""The field of ``pack.json``: Markdown by language."""
TEXTS = TEMPLATES / "text" / "introductions"
PARTS = ("line", "fails", "ask")
"""What is said of each sector and technology type: one line for lists, what often fails to connect, what to ask for."""
NAMED_HUBS_N = 5
"""Hubs that an introduction names; of more it says how many."""
RELATED_N = 4
PREFIX = "introduction--"
"""Stands before the ids of the headings of an introduction in a page."""

_FIRST = ("case_study", "requirement", "faq", "signpost")
_FIRST_OF = {"procurement_professional": ("requirement", "case_study", "faq", "signpost")}
"""Of which kinds one record each is recommended, in order; for buyers the clause comes first."""
_SUBJECTS = ("sectors", "technology_types")
_SIGNS = re.compile(r"([\\`*_\[\]<>&~|])")
"""What Markdown may read as more than a letter, inside a line."""


@dataclass(frozen=True)
class Facts:
    """What a pack holds: numbers of records by kind, the ids of the hubs that own them (those with most first), the day
    on which the newest was last touched, and the records to read first, at most one of a kind.
    """

    kinds: tuple[tuple[str, int], ...]
    hubs: tuple[str, ...]
    newest: date | None
    first: tuple[Row, ...]


def line(scheme: str, term: str | None, language: str) -> str:
    """What a pack is about in one line of plain text; empty for a term that no text is written for."""
    return str(_told(scheme, term).get("line", {}).get(language, ""))


def written(scheme: str, term: str | None, language: str) -> str:
    """The text of our own with which a pack opens, as Markdown with headings from level 2; empty when there is none."""
    path = TEXTS / f"{term or scheme}.{language}.md"
    if scheme not in _SUBJECTS:
        return path.read_text(encoding="utf-8") if path.is_file() else ""
    told = _told(scheme, term)
    if not told:
        return ""
    lead, fails, ask = (told[name][language] for name in PARTS)
    labels = [strings.text(f"pack_intro.{name}", language) for name in ("fails", "ask")]
    items = "".join(f"- {item}\n" for item in ask)
    return f"{lead}\n\n**{labels[0]}** {fails}\n\n**{labels[1]}**\n\n{items}"


def facts(rows: Iterable[Row], scheme: str, term: str | None, language: str) -> Facts:
    """What a pack of the records ``rows`` holds, each text once, in reading order (see ``rows.shown``).

    The record to read first of each kind is in ``language`` if any is. In a pack of a subject it is the one that is
    about least else, elsewhere one that is about no single technology; among equals the one that most hubs have sent,
    that names standards, that is newest.
    """
    rows = list(rows)
    tally = Counter(row["kind"] for row in rows)
    hubs = Counter(row["hub"] for row in rows)
    days = [day for row in rows if (day := touched(row)) is not None]

    def rank(row: Row) -> tuple[Any, ...]:
        breadth = sum(len(row.get(name) or ()) for name in _SUBJECTS)
        return (
            row["language"] != language,
            breadth if scheme in _SUBJECTS else bool(row.get("technology_types")),
            -len(row["credits"]),
            not row.get("standards_used"),
            -(touched(row) or date.min).toordinal(),
        )

    first = [min(found, key=rank) for kind in _FIRST_OF.get(term or "", _FIRST) if (found := _of_kind(rows, kind))]
    return Facts(
        tuple((kind, tally[kind]) for kind in _kinds(tally)),
        tuple(sorted(hubs, key=lambda hub: (-hubs[hub], hub))),
        max(days, default=None),
        tuple(first),
    )


def as_html(pack: Pack, language: str, under: int) -> tuple[str, list[markdown.Heading]]:
    """The text of our own with which a pack opens, as HTML under a heading of level ``under``, and its main headings
    with the ids that they have there.
    """
    rendered = markdown.render(written(pack.scheme, pack.term, language))
    return (
        markdown.deeper(rendered, under - 1, PREFIX),
        [
            markdown.Heading(heading.level + under - 1, f"{PREFIX}{heading.id}", heading.text)
            for heading in rendered.main
        ],
    )


def related(pack: Pack, packs: Iterable[Pack]) -> list[Pack]:
    """The packs that a reader of ``pack`` may want next: of a sector the technology types that share most records with
    it, of a technology type the sectors; and those that are for everybody, or for a role.
    """
    others = [other for other in packs if other.id != pack.id and other.records]
    own = {*pack.records}
    of_subject = {name for name in _SUBJECTS if pack.scheme in _SUBJECTS and name != pack.scheme}
    shared = {other.id: len(own & {*other.records}) for other in others if other.scheme in of_subject}
    nearest = sorted((other for other in others if shared.get(other.id)), key=lambda other: -shared[other.id])
    return [*nearest[:RELATED_N], *(other for other in others if other.scheme not in _SUBJECTS)]


def row_of(entry: LibraryRecord) -> dict[str, Any]:
    """A record of the library as far as ``facts`` reads rows, and itself as ``entry``."""
    document = entry.record.document
    return {
        "entry": entry,
        "id": entry.id,
        "kind": entry.record.kind,
        "hub": entry.record.hub,
        "credits": entry.credits,
        **{
            name: getattr(document, name, None)
            for name in ("language", *_SUBJECTS, "standards_used", "published", "updated")
        },
    }


def hub_names(hubs: Sequence[str], names: Mapping[str, Words], language: str) -> str:
    """The hubs in words, by their ids: the first few by name (``names`` by id), and how many more there are."""
    named = ", ".join(names[hub][language] if hub in names else hub for hub in hubs[:NAMED_HUBS_N])
    more = len(hubs) - NAMED_HUBS_N
    return strings.text("cite.more", language, hubs=named, count=more) if more > 0 else named


def of_pack(pack: Row, hubs: Mapping[str, Words]) -> dict[str, dict[str, str]]:
    """What ``pack.json`` says to introduce the pack, from what else it says. ``hubs`` are names by id."""
    texts = {language: written(pack["scheme"], pack["term"], language) for language in LANGUAGES}
    return _introduced(pack, hubs, texts)


def again(pack: Row, hubs: Mapping[str, Words]) -> dict[str, dict[str, str]]:
    """The same once a record has gone from the pack: what was written stays as it was published, what is counted is
    counted anew. Nothing for a pack of an older version, which has no introduction.
    """
    if INTRODUCTION not in pack:
        return {}
    return _introduced(pack, hubs, {language: about(pack, language) for language in LANGUAGES})


def about(pack: Row, language: str) -> str:
    """What ``pack.json`` says of itself in words of our own, without what it counts; empty when it says nothing."""
    text: str = pack.get(INTRODUCTION, {}).get(language, "")
    return text.partition(_heading(language))[0]


def _introduced(pack: Row, hubs: Mapping[str, Words], texts: Mapping[str, str]) -> dict[str, dict[str, str]]:
    held = {language: _holds(pack, hubs, language) for language in LANGUAGES}
    return {INTRODUCTION: {code: "\n\n".join(filter(None, (texts[code].strip(), held[code]))) for code in LANGUAGES}}


def _holds(pack: Row, hubs: Mapping[str, Words], language: str) -> str:
    """What the pack holds, as Markdown."""
    found = facts(shown(pack["records"], language), pack["scheme"], pack["term"], language)
    lines = [_heading(language), ""]
    if not found.kinds:
        return "\n".join([*lines, strings.text("pack.empty", language), ""])
    lines += [f"- {strings.text(f'kind.{kind}.title', language)}: {number:,}" for kind, number in found.kinds]
    lines.append(f"- {strings.text('pack_intro.hubs', language)}: {_plain(hub_names(found.hubs, hubs, language))}")
    if found.newest is not None:
        lines.append(f"- {strings.text('pack_intro.newest', language)}: {strings.day(found.newest, language)}")
    if found.first:
        lines += ["", f"### {strings.text('pack_intro.first', language)}", ""]
        lines += [f"{number}. {_recommended(row, hubs, language)}" for number, row in enumerate(found.first, 1)]
    return "\n".join([*lines, ""])


def _recommended(row: Row, hubs: Mapping[str, Words], language: str) -> str:
    told = [strings.text(f"pack_intro.kind.{row['kind']}", language), hub_names([row["hub"]], hubs, language)]
    if row["language"] != language:
        told.append(strings.text(f"language.in_{row['language']}", language))
    return f"**{_plain(heading(row))}** ({_plain(', '.join(told))})"


def _heading(language: str) -> str:
    return f"## {strings.text('pack_intro.holds', language)}"


def _plain(text: str) -> str:
    """``text`` in Markdown that shows it letter for letter, on one line."""
    return _SIGNS.sub(r"\\\1", " ".join(text.split()))


def _kinds(tally: Mapping[str, int]) -> list[str]:
    """The kinds that there are, in the order of the contract; those that it does not know any more come last."""
    known = [kind for kind in document_kinds() if kind in tally]
    return [*known, *sorted(tally.keys() - {*known})]


def _of_kind(rows: Iterable[Row], kind: str) -> list[Row]:
    return [row for row in rows if row["kind"] == kind]


@cache
def _subjects() -> dict[str, Any]:
    found: dict[str, Any] = read_yaml(TEXTS / "subjects.yaml")
    return found


def _told(scheme: str, term: str | None) -> Mapping[str, Any]:
    of_scheme = _subjects().get(scheme, {})
    found: Mapping[str, Any] = of_scheme if term is None else of_scheme.get(term, {})
    return found
