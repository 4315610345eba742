"""How complete a release is in each of its languages: the interface by its catalogue, records by their translations."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from pipelines.publish.strings import LANGUAGES, site_words

Statement = dict[str, Any]


def completeness(records: Collection[Mapping[str, Any]]) -> list[Statement]:
    """Of each language the share of the ``interface`` that is in it (0 to 1), and how many of all texts (``of``) are:
    ``texts``. A text counts once in however many languages its records say it. ``records`` are rows of a pack, of which
    ``id``, ``language`` and ``translations`` are read.
    """
    told = of_texts(records)
    return [
        {"language": language, "interface": site_words().share_finished(language), **told[language]}
        for language in LANGUAGES
    ]


def of_texts(records: Collection[Mapping[str, Any]]) -> dict[str, dict[str, int]]:
    """The part of ``completeness`` that is about records, by language."""
    texts = _texts(records)
    return {
        language: {"texts": sum(language in spoken for spoken in texts), "of": len(texts)} for language in LANGUAGES
    }


def _texts(records: Iterable[Mapping[str, Any]]) -> list[set[str]]:
    """Of each text the languages that it is in."""
    texts: dict[str, set[str]] = {}
    for row in records:
        ids = {row["id"], *(row.get("translations") or {}).values()}
        spoken = next((texts[id] for id in sorted(ids) if id in texts), set())
        spoken.add(row["language"])
        texts |= dict.fromkeys(ids, spoken)
    return list({id(spoken): spoken for spoken in texts.values()}.values())
