"""How to cite what a release holds, in words and as ``CITATION.cff`` (Citation File Format 1.2).

BibTeX and RIS are not written: people in public bodies write references in words, and tools for references read CFF.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any

import yaml

from hubs.contract.vocabularies import vocabulary
from pipelines.publish import strings
from pipelines.publish.catalogue import OWN_LICENCE, Catalogue, Words, licences_of, permalink, publisher

NAME = "CITATION.cff"
NAMED_HUBS_N = 5
"""Hubs that a citation names; of more it says how many."""


def in_words(
    title: str,
    hubs: Sequence[str],
    *,
    release: str,
    published: date,
    licences: Sequence[str],
    link: str,
    language: str,
) -> str:
    """A line to cite ``title`` of ``release`` by: who (``hubs`` are names, the owner first; the publisher when there is
    none), what, which version, when, under which licences (names), and where it stays.
    """
    return strings.text(
        "cite.line",
        language,
        who=_listed(hubs, language) or publisher().name[language],
        title=title if title.endswith((".", "?", "!")) else f"{title}.",
        release=release,
        date=strings.day(published, language),
        licences=", ".join(licences),
        link=link,
    )


def of_pack(pack: Mapping[str, Any], hubs: Mapping[str, Words], address: str) -> dict[str, Any]:
    """What ``pack.json`` says of its licences and how to cite it, from what else it says; made again when a record is
    taken out of the pack. ``hubs`` are names by id.
    """
    licences = licences_of(pack["records"])
    credited = sorted({hub for record in pack["records"] for hub in record["credits"]})

    def line(language: str) -> str:
        return in_words(
            pack["title"][language],
            [hubs[hub][language] if hub in hubs else hub for hub in credited],
            release=pack["release"],
            published=day_of(pack["published"]),
            licences=[vocabulary("licences")[id].label(language) for id in licences],
            link=f"{permalink(address, pack['release'])}{language}/packs/{pack['id']}.html",
            language=language,
        )

    return {"licences": licences, "citation": {language: line(language) for language in strings.LANGUAGES}}


def _listed(hubs: Sequence[str], language: str) -> str:
    named = ", ".join(hubs[:NAMED_HUBS_N])
    more = len(hubs) - NAMED_HUBS_N
    return strings.text("cite.more", language, hubs=named, count=more) if more > 0 else named


def document(catalogue: Catalogue) -> dict[str, Any]:
    """``CITATION.cff`` of the release, as plain data. Several licences would mean a choice there, so it names ours, and
    says where those of the records are.
    """
    whole, told = catalogue.offers[0], catalogue.publisher
    return {
        "cff-version": "1.2.0",
        "message": strings.text("cite.cff", "en"),
        "type": "dataset",
        "title": whole.title["en"],
        "abstract": whole.description["en"],
        "authors": [{"name": told.name["en"], "website": catalogue.address}],
        "contact": [{"name": told.contact["en"], "email": told.email}],
        "version": catalogue.release,
        "date-released": catalogue.day,
        "license": OWN_LICENCE,
        "url": catalogue.base,
        "keywords": sorted({words["en"] for words in whole.keywords}),
    }


def as_yaml(data: dict[str, Any]) -> str:
    """The document as its file."""
    dumped: str = yaml.safe_dump(data, sort_keys=False, allow_unicode=True, width=120)
    return dumped


def day_of(moment: str) -> date:
    """The day of a moment in ISO 8601."""
    return datetime.fromisoformat(moment).date()
