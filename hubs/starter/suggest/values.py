"""What keys and columns are called, and what their values look like: names of fields, dates, terms of vocabularies.

Nothing here knows where a value came from.
"""

from __future__ import annotations

import difflib
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache
from typing import Any

from hubs.contract.vocabularies import vocabulary
from hubs.mapping.readers.rows import column_name

NAMES: dict[str, tuple[str, ...]] = {
    "title": ("title", "name", "heading", "headline", "case_study", "project", "project_name", "study"),
    "question": ("question", "title", "query", "heading", "name"),
    "answer": ("answer", "response", "reply", "body", "text", "content"),
    "summary": (
        *("summary", "description", "abstract", "excerpt", "strapline", "standfirst", "subtitle", "tagline"),
        *("synopsis", "overview", "intro", "introduction", "teaser", "blurb", "lede"),
    ),
    "body": ("body", "text", "content", "full_text", "details", "story", "case_study_text", "markdown"),
    "published": (
        *("published", "date", "date_published", "published_date", "publication_date", "publish_date", "pubdate"),
        *("published_at", "published_on", "first_published", "created", "created_at", "date_created", "posted"),
        *("issued", "timestamp"),
    ),
    "updated": (
        *("updated", "modified", "last_updated", "last_modified", "updated_at", "modified_at", "date_modified"),
        *("date_updated", "lastmod", "revised", "reviewed", "last_reviewed", "checked", "changed"),
    ),
    "organisations": (
        *("organisations", "organisation", "organizations", "organization", "organisation_name", "orgs", "org"),
        *("partners", "partner", "members", "member", "council", "councils", "authority", "agency", "department"),
        *("client", "customer", "company", "body_name", "institution"),
    ),
    "standards_used": ("standards_used", "standards", "standard"),
    "sectors": (
        *("sectors", "sector", "industry", "domain", "topics", "topic", "tags", "categories", "category", "themes"),
    ),
    "technology_types": (
        *("technology_types", "technology_type", "technologies", "technology", "tech", "topics", "topic", "tags"),
        *("categories", "category", "keywords", "themes", "theme", "type"),
    ),
    "audience": ("audience", "audiences", "for", "who", "role"),
    "language": ("language", "lang", "locale"),
    "licence": ("licence", "license"),
    "translation_of": ("translation_of",),
    "term": ("term", "word", "phrase", "acronym", "abbreviation", "name", "title"),
    "definition": ("definition", "meaning", "description", "explanation", "means"),
    "address": ("address", "url", "link", "href", "web_address", "website", "uri"),
    "publisher": ("publisher", "publishing_body", "owner", "source", "author", "organisation"),
    "clause": ("clause", "model_clause", "requirement", "specification", "text", "wording"),
    "evaluation": ("evaluation", "how_to_evaluate", "evaluate", "scoring", "how_to_evaluate_a_bid"),
    "verification": ("verification", "how_to_check", "verify", "check", "test"),
    "signpost_type": ("signpost_type", "type", "kind", "what_it_is"),
    "source": ("source", "origin", "reference"),
    "description": ("description", "summary", "about", "notes"),
    "id": ("id", "identifier", "uid", "ref", "reference", "slug", "key"),
}
"""The contract's field to what hubs call it, the likeliest first. A field that is not here goes by its own name."""

DATE_FORMATS = (
    *("%d/%m/%Y", "%m/%d/%Y", "%d-%m-%Y", "%m-%d-%Y", "%d.%m.%Y", "%Y/%m/%d", "%Y.%m.%d", "%d/%m/%y", "%m/%d/%y"),
    *("%d %B %Y", "%d %b %Y", "%B %d, %Y", "%b %d, %Y", "%B %d %Y", "%A %d %B %Y", "%A, %d %B %Y", "%d-%b-%Y"),
    *("%d-%b-%y", "%d/%m/%Y %H:%M", "%d/%m/%Y %H:%M:%S", "%m/%d/%Y %H:%M", "%B %Y", "%b %Y", "%Y"),
)
"""Day before month first: it is a British hub until its dates say otherwise."""
MAX_DATE_CHARACTERS = 60
NEAR = 0.9
"""Similarity from which a word is taken for a term's name that is spelt another way."""
MOST_TERMS = 60
"""Values of one key that are given a place one by one."""


def key_name(name: object) -> str:
    """A key's name as fields are called, as ``column_name`` has it, with camels parted too."""
    return column_name(re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", str(name))).strip("_")


def keys_called(field: str, names: Iterable[str]) -> list[str]:
    """Those of ``names`` that hubs use for the contract's ``field``, the likeliest first."""
    wanted = NAMES.get(field, (field,))
    found = [(wanted.index(key), name) for name in names if (key := key_name(name)) in wanted]
    return [name for _, name in sorted(found)]


# Dates.


@dataclass(frozen=True)
class Dates:
    """How days are written: ``formats`` in the order to try (none if all are year-month-day), how many of the values
    are days at all, what the others look like, and how many would be another day with month and day exchanged.
    """

    formats: tuple[str, ...]
    good: int
    others: Counter[str]
    ambiguous: int


def dates(values: list[Any]) -> Dates:
    """How the days among ``values`` are written."""
    texts = [str(value).strip() for value in values if not isinstance(value, date)]
    left = [text for text in texts if not _is_iso(text)]
    formats: list[str] = []
    while left:
        count, _, form = max((sum(_fits(text, form) for text in left), -n, form) for n, form in enumerate(DATE_FORMATS))
        if not count:
            break
        formats.append(form)
        left = [text for text in left if not _fits(text, form)]
    ambiguous = 0
    if formats and formats[0] in _EXCHANGED:
        other = _EXCHANGED[formats[0]]
        ambiguous = sum(_fits(text, formats[0]) and _fits(text, other) for text in texts)
    return Dates(tuple(formats), len(values) - len(left), Counter(left), ambiguous)


_EXCHANGED = {
    "%d/%m/%Y": "%m/%d/%Y",
    "%m/%d/%Y": "%d/%m/%Y",
    "%d-%m-%Y": "%m-%d-%Y",
    "%m-%d-%Y": "%d-%m-%Y",
    "%d/%m/%y": "%m/%d/%y",
    "%m/%d/%y": "%d/%m/%y",
}


def _is_iso(text: str) -> bool:
    try:
        date.fromisoformat(text[:10])
    except ValueError:
        return False
    return True


def _fits(text: str, form: str) -> bool:
    if len(text) > MAX_DATE_CHARACTERS:
        return False
    try:
        return 1900 < datetime.strptime(text, form).year < 2100  # noqa: DTZ007, PLR2004 - a day of our time
    except ValueError:
        return False


# Terms.


@dataclass(frozen=True)
class Terms:
    """Which values of a hub are terms: ``known`` with their term, ``near`` those guessed from the spelling, and
    ``unknown`` with how often each was seen. ``share`` is that of the occurrences that have a term.
    """

    known: dict[str, str]
    near: dict[str, str]
    unknown: Counter[str]
    share: float


def terms(scheme: str, values: Mapping[str, int]) -> Terms:
    """What the vocabulary ``scheme`` makes of ``values`` (each with its count)."""
    known: dict[str, str] = {}
    near: dict[str, str] = {}
    unknown: Counter[str] = Counter()
    names = _names_of(scheme)
    for value, count in Counter(dict(values)).most_common(MOST_TERMS):
        term = vocabulary(scheme).resolve(value)
        if term is not None:
            known[value] = term
        elif (guess := _nearest(value, names)) is not None:
            near[value] = guess
        else:
            unknown[value] = count
    found = sum(values[value] for value in (*known, *near))
    return Terms(known, near, unknown, found / max(sum(values.values()), 1))


def _nearest(value: str, names: Mapping[str, str]) -> str | None:
    text = _bare(value)[:80]
    close = difflib.get_close_matches(text, names, n=1, cutoff=NEAR) if text else []
    return names[close[0]] if close else None


@cache
def _names_of(scheme: str) -> dict[str, str]:
    """Every English name of a vocabulary's terms, in small letters, with its term."""
    return {_bare(name): term.id for term in vocabulary(scheme) for name in (*term.alt, term.en, term.id)}


def mentioned(scheme: str, text: str) -> set[str]:
    """The terms of a vocabulary whose names stand in ``text`` as words."""
    words = f" {_bare(text)} "
    return {term for name, term in _names_of(scheme).items() if f" {name} " in words}


def _bare(text: str) -> str:
    """The words of a text in small letters, with a space between them."""
    return " ".join(re.findall(r"[a-z0-9]+", text.casefold()))
