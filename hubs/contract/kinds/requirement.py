"""Requirements to copy into a tender: a model clause, how to judge a bid against it, how to hold the supplier to it."""

from __future__ import annotations

from pydantic import Field

from hubs.contract.kinds.base import COMMON_MISSING, DEFAULTS, Document, DocumentKind, LongText, Text, Texts

SECTIONS = {
    "clause": ("clause", "model clause", "specification", "cymal", "cymal enghreifftiol", "manyleb"),
    "evaluation": (
        "how to evaluate a bid",
        "how to evaluate bids",
        "evaluation",
        "sut i werthuso cynnig",
        "sut i werthuso cynigion",
        "gwerthuso",
    ),
    "verification": (
        "how to check it during the contract",
        "how to check it in the contract's life",
        "how to check it",
        "verification",
        "sut i'w wirio yn ystod y contract",
        "sut i'w wirio",
        "gwirio",
    ),
}
"""Headings under which one Markdown text holds all three, in English and Welsh."""


class Requirement(Document):
    """One requirement. Its three texts are Markdown, each complete in itself."""

    title: Text = Field(description="What it asks for, in a line.")
    clause: LongText = Field(description="Markdown: the model clause or the text of the specification.")
    evaluation: LongText = Field(description="Markdown: how to evaluate a bid against it.")
    verification: LongText = Field(description="Markdown: how to check it during the contract.")
    standards_used: Texts = Field([], description="Standards and codes of practice that it asks for.")

    @property
    def heading(self) -> str:
        return self.title

    @property
    def text(self) -> str:
        return self.clause

    @property
    def reading(self) -> str:
        return f"{self.title}\n{self.clause}\n{self.evaluation}\n{self.verification}"


def _warn(requirement: Requirement) -> list[tuple[str, str]]:
    warnings = [] if requirement.technology_types else [("missing_technology_type", "technology_types")]
    return warnings + ([] if requirement.standards_used else [("missing_standards", "standards_used")])


KIND = DocumentKind(
    name="requirement",
    label_en="Requirement",
    label_cy="Gofyniad",
    plural_en="Requirements",
    plural_cy="Gofynion",
    model=Requirement,
    heading="title",
    text="clause",
    further_texts=("evaluation", "verification"),
    missing=COMMON_MISSING
    | {
        "title": "missing_title",
        "clause": "missing_clause",
        "evaluation": "missing_evaluation",
        "verification": "missing_verification",
    },
    sections=SECTIONS,
    is_id_derived=True,
    defaults=DEFAULTS,
    warn=_warn,
    audiences=("procurement_professional",),
)
