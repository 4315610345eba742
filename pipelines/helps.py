"""Which records of a release help with a dimension of a self-assessment, and which of them first.

The rule of help: a record helps with a dimension when one of the dimension's words (``helps`` in the instrument) stands
in its heading or summary, when it is about one of the dimension's technology types and a word stands in its text, or
when three of the words do. It must be for the organisation's sector or for all, and questions for the audience. First
come those with most words in the heading, then in the summary, then those of one of the technology types, those of the
very sector, and the newest.

Pure: rows of ``records.jsonl`` or ``pack.json`` in, the same rows out. What is said of them is for ``gap`` and
``publish``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from hubs.check import shown
from hubs.instruments import Helps

KINDS = ("case_study", "faq", "signpost", "requirement")
"""Kinds of record that help, in the order in which they are shown."""
MAX_HELPS = 3
"""Records of a kind for one dimension."""
WORDS_IN_TEXT = 3
"""Different words in the text alone that show what it is about: one may stand there by chance."""
EVERY_SECTOR = "cross_sector"
"""The term that records for all sectors name; those that name none are for all too."""
MAX_HEADING = 2_000
"""Characters of a heading that are shown."""

Record = Mapping[str, Any]


@dataclass(frozen=True)
class Help:
    """A record that helps with a dimension. ``words`` and ``technology_types`` say by what it was found; of the words,
    the numbers ``in_heading`` and ``in_summary``.
    """

    record: Record
    words: tuple[str, ...]
    technology_types: tuple[str, ...]
    in_heading: int = 0
    in_summary: int = 0


def helping(
    records: Sequence[Record], helps: Helps | None, sector: str | None, audience: str
) -> dict[str, tuple[Help, ...]]:
    """The records that help, by kind; kinds of which none does are left out. Without a sector, all sectors will do."""
    theirs = [record for record in records if is_for(record, sector, audience)]  # before their texts are read
    found = {kind: tuple(best_first(of_kind, sector)[:MAX_HELPS]) for kind, of_kind in matching(theirs, helps).items()}
    return {kind: of_kind for kind, of_kind in found.items() if of_kind}


def matching(records: Sequence[Record], helps: Helps | None) -> dict[str, list[Help]]:
    """All records that are about a dimension, whoever they are for, by kind."""
    found: dict[str, list[Help]] = {kind: [] for kind in KINDS}
    if helps is None:
        return found
    for record in records:
        if record["kind"] in found and (match := _match(record, helps)):
            found[record["kind"]].append(match)
    return found


def best_first(found: Sequence[Help], sector: str | None) -> list[Help]:
    """What helps most comes first. Without a sector, none is of the very sector."""
    by_day = sorted(found, key=lambda one: (_descending(_day(one.record)), one.record["id"]))
    return for_sector(by_day, sector)


def for_sector(found: Sequence[Help], sector: str | None) -> list[Help]:
    """The same where ``found`` is in that order already, but for what is of the very sector."""

    def rank(one: Help) -> tuple[int, int, bool, bool]:
        is_elsewhere = sector not in (one.record.get("sectors") or ())
        return -one.in_heading, -one.in_summary, not one.technology_types, is_elsewhere

    return sorted(found, key=rank)


def is_for(record: Record, sector: str | None, audience: str) -> bool:
    """Whether the record is for organisations of the sector, and for the audience."""
    sectors = record.get("sectors") or [EVERY_SECTOR]
    audiences = record.get("audience") or [audience]
    return audience in audiences and (sector is None or sector in sectors or EVERY_SECTOR in sectors)


def in_language(records: Sequence[Record], language: str) -> list[Record]:
    """Each text once: in ``language`` where there is one, else as it is. Near copies stay, each a record of its own."""
    known = {record["id"]: record for record in records}
    return [record for record in records if translation(record, language, known) is None]


def translation(record: Record, language: str, known: Mapping[str, Record]) -> Record | None:
    """The record that says the same in ``language``, None for one that is in it or has none that is ``known``."""
    if record["language"] == language:
        return None
    found = known.get((record.get("translations") or {}).get(language, ""))
    return None if found is record else found


def heading(record: Record) -> str:
    """What the record is called, without a character that nobody sees."""
    return shown(str(record.get("title") or record.get("question") or record["id"]), MAX_HEADING)


def leads_to(record: Record) -> str | None:
    """Where a signpost leads; None for a record that leads nowhere else, or nowhere that a link may lead."""
    found = record.get("signpost_address") or ""
    return found if re.match(r"https?://", found) else None


def _day(record: Record) -> str:
    return str(record.get("updated") or record.get("published") or "")


def _descending(day: str) -> tuple[int, ...]:
    return tuple(-ord(character) for character in day)


def _match(record: Record, helps: Helps) -> Help | None:
    words = helps.words.get(record["language"], ())
    in_heading = _found(words, record.get("title") or record.get("question") or "")
    in_summary = _found(words, record.get("summary") or "")
    types = tuple(sorted(helps.technology_types & set(record.get("technology_types") or ())))
    in_text = [] if in_heading or in_summary else _found(words, record.get("text") or "")
    if not in_heading and not in_summary and len(in_text) < (1 if types else WORDS_IN_TEXT):
        return None
    found = tuple(dict.fromkeys((*in_heading, *in_summary, *in_text)))
    return Help(record, found, types, len(in_heading), len(in_summary))


def _found(words: tuple[str, ...], text: str) -> list[str]:
    """Those of ``words`` with which a word of the text begins."""
    return list(dict.fromkeys(found.casefold() for found in _pattern(words).findall(text))) if words else []


@lru_cache(maxsize=64)
def _pattern(words: tuple[str, ...]) -> re.Pattern[str]:
    longest_first = sorted(words, key=lambda word: -len(word))
    return re.compile(rf"(?<!\w)(?:{'|'.join(map(re.escape, longest_first))})", re.IGNORECASE)
