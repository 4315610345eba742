"""How what lies in ``templates`` is filled in: strict about names, escaping everything, each compiled once."""

from __future__ import annotations

from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

TEMPLATES = Path(__file__).parents[2] / "templates"
GOVUK = TEMPLATES / "vendor" / "govuk-frontend-6.3.0"
"""The design system, as ``vendor_govuk`` has taken it."""


def environment(*, is_html: bool = True) -> Environment:
    """A new environment over the templates, for those who add filters of their own; or for plain texts."""
    made = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=is_html,  # noqa: S701 - plain texts are no HTML
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        auto_reload=False,
    )
    made.filters["thousands"] = lambda number: f"{number:,}"
    return made
