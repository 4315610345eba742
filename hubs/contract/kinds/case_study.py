"""Case studies: what a body did so that its systems could exchange information, and what came of it."""

from __future__ import annotations

import re

from pydantic import Field

from hubs.contract.kinds.base import (
    COMMON_MISSING,
    DEFAULTS,
    Document,
    DocumentKind,
    LongText,
    Text,
    Texts,
    common_warnings,
)

SECTIONS = {
    "context": ("context", "cyd-destun"),
    "approach": ("approach", "dull"),
    "outcome": ("outcome", "canlyniad"),
    "lessons": ("lessons", "gwersi"),
}
"""The four headings by which readers compare studies, in English and Welsh."""


class CaseStudy(Document):
    """One study. ``body`` is Markdown, best under the four headings of ``SECTIONS``."""

    title: Text = Field(description="What was gained, in a line.")
    summary: str = Field(min_length=1, max_length=600, description="One or two sentences for lists and search.")
    body: LongText = Field(description="Markdown: context, approach, outcome, lessons.")
    organisations: Texts = Field([], description="Organisations that took part.")
    standards_used: Texts = Field([], description="Standards and codes of practice used.")

    @property
    def heading(self) -> str:
        return self.title

    @property
    def text(self) -> str:
        return self.body

    @property
    def abstract(self) -> str:
        return self.summary


def _warn(study: CaseStudy) -> list[tuple[str, str]]:
    headings = {h.strip().strip("#").strip().casefold() for h in re.findall(r"(?m)^#{1,6}\s*(.+)$", study.body)}
    complete = all(headings & set(names) for names in SECTIONS.values())
    asked_for = [
        ("missing_organisations", "organisations"),
        ("missing_standards", "standards_used"),
        ("missing_contact", "contact"),
    ]
    missing = [(code, name) for code, name in asked_for if not getattr(study, name)]
    return common_warnings(study) + missing + ([] if complete else [("missing_sections", "body")])


KIND = DocumentKind(
    name="case_study",
    label_en="Case study",
    label_cy="Astudiaeth achos",
    plural_en="Case studies",
    plural_cy="Astudiaethau achos",
    model=CaseStudy,
    heading="title",
    text="body",
    missing=COMMON_MISSING | {"title": "missing_title", "summary": "missing_summary", "body": "missing_body"},
    defaults=DEFAULTS,
    warn=_warn,
)
