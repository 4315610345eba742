"""What every page is set into: the environment of templates with its filters and names, the words and helpers of a
language, the main menu. What a page is about is for ``pages``.
"""

from __future__ import annotations

from datetime import date, datetime
from functools import cache, partial
from typing import Any

from jinja2 import Environment, PackageLoader, PrefixLoader
from markupsafe import Markup

from hubs.contract.kinds import document_kinds
from hubs.contract.vocabularies import vocabulary
from pipelines.publish import benchmarks, explain, introductions, schema_org, strings, tables, views
from pipelines.publish.catalogue import OWN_LICENCE
from pipelines.publish.facets import KIND
from pipelines.publish.layouts import COMPILED, Compiled, environment
from pipelines.publish.lists import LISTED_N, SHORT_N
from pipelines.publish.strings import other_language

_SCRIPT_WORDS = ("site.newer", "site.copied")
"""The beginnings of the keys of texts that the script of every page uses."""
MOST_CHANGES = 100
"""Changes of one kind that the page of changes lists; the file has all."""
OLD_YEARS = 2
"""The age from which on a text is called old; the text ``find.old`` says it in words."""
_GOVUK = {
    "govuk_breadcrumbs": ("breadcrumbs", "govukBreadcrumbs"),
    "govuk_service_navigation": ("service-navigation", "govukServiceNavigation"),
    "govuk_skip_link": ("skip-link", "govukSkipLink"),
}


SECTIONS = {
    **dict.fromkeys((*document_kinds(), "task"), "browse"),
    **dict.fromkeys(("coverage", "changes", "method"), "data"),
}
"""To which entry of the main menu other sections belong."""


@cache
def navigation(language: str) -> list[tuple[str, str, str]]:
    """The entries of the main menu: address from the folder of the language, section, words."""
    return [
        ("browse/index.html", "browse", strings.text("nav.browse", language)),
        ("packs/index.html", "packs", strings.text("nav.packs", language)),
        ("benchmarks/index.html", "benchmarks", strings.text("nav.benchmarks", language)),
        ("self-assessment/index.html", "self-assessment", strings.text("find.stand", language)),
        ("data.html", "data", strings.text("nav.data", language)),
    ]


def words(language: str) -> dict[str, Any]:
    """The language-bound helpers of every template."""
    return {
        "language": language,
        "other_language": other_language(language),
        "t": partial(strings.site_words().text, language=language),
        "t_in": strings.text,
        "day": lambda when: strings.day(when, language),
        "short_day": lambda when: strings.short_day(when, language),
        "day_in": strings.day,
        "label": lambda scheme, term: vocabulary(scheme)[term].label(language),
        "terms": vocabulary,
        "kinds": document_kinds(),
    }


@cache
def script_words(language: str, words: tuple[str, ...]) -> Markup:
    """The texts that the scripts of a page use, as JSON; ``words`` are the beginnings of their keys."""
    texts = strings.starting(_SCRIPT_WORDS + words, language)
    return Markup(schema_org.in_script(texts))  # noqa: S704 - without a sign that could end the element


@cache
def lang(text_language: str, page_language: str) -> Markup:
    """The attribute of an element in another language than its page; nothing for one in the same."""
    return Markup("") if text_language == page_language else Markup(' lang="{}"').format(text_language)


@cache
def page_environment() -> Environment:
    """The environment of the site's pages."""
    made = environment()
    made.filters["slug"] = lambda text: text.replace("_", "-")
    made.filters["level"] = views.level
    made.filters["percent"] = views.percent
    made.filters["points"] = views.points
    made.filters["place"] = views.place
    made.filters["isodate"] = lambda when: (when.date() if isinstance(when, datetime) else when).isoformat()
    made.tests["dated"] = lambda when: isinstance(when, date)
    made.globals |= _govuk_macros() | {
        "groupings": views.GROUPINGS,
        "browse_schemes": tuple(views.BROWSE_SCHEMES),
        "highest_level": views.HIGHEST_LEVEL,
        "most_changes": MOST_CHANGES,
        "listed_n": LISTED_N,
        "short_n": SHORT_N,
        "old_years": OLD_YEARS,
        "place_of": explain.place_of,
        "kind_scheme": KIND,
        "shared_at": views.SHARED_AT,
        "most_named": benchmarks.MOST_NAMED,
        "marks_of_medians": benchmarks.marks_of_medians,
        "marks_of_levels": benchmarks.marks_of_levels,
        "marks_of_pairs": benchmarks.marks_of_pairs,
        "marks_of_trends": benchmarks.marks_of_trends,
        "table_forms": tables.FORMS,
        "benchmark_files": [f"{name}{form}" for name in tables.TABLES for form in tables.FORMS],
        "pack_files": tables.PACK_FILES,
        "pack_line": introductions.line,
        "own_licence": vocabulary("licences")[OWN_LICENCE],
    }
    return made


def _govuk_macros() -> dict[str, Any]:
    # The macros of govuk-frontend-jinja read parameters that nobody set, so they live outside the strict environment.
    loader = PrefixLoader({"govuk_frontend_jinja": PackageLoader("govuk_frontend_jinja")})
    lenient = Environment(
        loader=loader,
        autoescape=True,
        auto_reload=False,
        trim_blocks=True,
        lstrip_blocks=True,
        bytecode_cache=Compiled(COMPILED, "govuk"),
    )
    return {
        name: getattr(lenient.get_template(f"govuk_frontend_jinja/components/{folder}/macro.html").module, macro)
        for name, (folder, macro) in _GOVUK.items()
    }
