"""The site's own words in English and Welsh (``templates/locale``), and dates as people write them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from functools import cache, lru_cache

from babel.dates import format_date

from pipelines.publish.layouts import TEMPLATES
from pipelines.wording import LANGUAGES, Wording, wording

__all__ = ["LANGUAGES", "catalogue", "day", "other_language", "short_day", "site_words", "starting", "text"]


@cache
def site_words() -> Wording:
    """The texts of the site."""
    return wording(TEMPLATES / "locale", "site")


def catalogue() -> Mapping[str, Mapping[str, str]]:
    """Every text by key, then by language."""
    return site_words().texts


def text(key: str, language: str, **values: object) -> str:
    """The text called ``key`` in ``language`` with ``values`` put in; see ``Wording.text``."""
    return site_words().text(key, language, **values)


def other_language(language: str) -> str:
    """The language that pages have besides ``language``."""
    return LANGUAGES[1 - LANGUAGES.index(language)]


def starting(beginnings: tuple[str, ...], language: str) -> dict[str, str]:
    """The texts by key in ``language`` whose keys begin with one of ``beginnings``, for the scripts of a page."""
    return {key: texts[language] for key, texts in catalogue().items() if key.startswith(beginnings)}


@lru_cache(maxsize=4096)
def day(when: date, language: str) -> str:
    """A date as people write it: 5 March 2026, 5 Mawrth 2026."""
    return format_date(when, "d MMMM y", locale=language)


@lru_cache(maxsize=4096)
def short_day(when: date, language: str) -> str:
    """A date for a table: 5 Mar 2026, 5 Maw 2026."""
    return format_date(when, "d MMM y", locale=language)
