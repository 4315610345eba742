"""The site's own words, in English and Welsh: one catalogue, ``templates/strings.yaml``. No text of a hub is here."""

from __future__ import annotations

from datetime import date
from functools import cache

from hubs.yamlfile import read_yaml
from pipelines.publish.layouts import TEMPLATES

LANGUAGES = ("en", "cy")

_MONTHS = {
    "en": "January February March April May June July August September October November December",
    "cy": "Ionawr Chwefror Mawrth Ebrill Mai Mehefin Gorffennaf Awst Medi Hydref Tachwedd Rhagfyr",
}
_SHORT_MONTHS = {
    "en": "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec",
    "cy": "Ion Chwef Maw Ebr Mai Meh Gorff Awst Medi Hyd Tach Rhag",
}


@cache
def catalogue() -> dict[str, dict[str, str]]:
    """Every text by key, then by language."""
    texts: dict[str, dict[str, str]] = read_yaml(TEMPLATES / "strings.yaml")
    return texts


def text(key: str, language: str, **values: object) -> str:
    """The text called ``key`` in ``language`` with ``values`` put in. Raises KeyError for an unknown key.

    With a value ``count`` the text ``<key>.one`` is used for one, ``<key>.other`` for any other number.
    """
    if "count" in values:
        key = f"{key}.one" if values["count"] == 1 else f"{key}.other"
    words = catalogue()[key][language]
    return words.format(**{name: _shown(value) for name, value in values.items()}) if values else words


def starting(beginnings: tuple[str, ...], language: str) -> dict[str, str]:
    """The texts by key in ``language`` whose keys begin with one of ``beginnings``, for the scripts of a page."""
    return {key: texts[language] for key, texts in catalogue().items() if key.startswith(beginnings)}


def day(when: date, language: str) -> str:
    """A date as people write it: 5 March 2026, 5 Mawrth 2026."""
    return f"{when.day} {_MONTHS[language].split()[when.month - 1]} {when.year}"


def short_day(when: date, language: str) -> str:
    """A date for a table: 5 Mar 2026, 5 Maw 2026."""
    return f"{when.day} {_SHORT_MONTHS[language].split()[when.month - 1]} {when.year}"


def _shown(value: object) -> str:
    return f"{value:,}" if isinstance(value, int) else str(value)
