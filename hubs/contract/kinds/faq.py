"""Frequently asked questions, each with an answer that stands alone."""

from __future__ import annotations

from pydantic import Field

from hubs.contract.kinds.base import (
    COMMON_MISSING,
    DEFAULTS,
    Audiences,
    Document,
    DocumentKind,
    LongText,
    Text,
    common_warnings,
)


class Faq(Document):
    """One question and its answer, in Markdown."""

    question: Text = Field(description="The question as a reader would ask it.")
    answer: LongText = Field(description="Markdown: the answer, complete in itself.")
    audience: Audiences = Field(description="For whom it is.")

    @property
    def heading(self) -> str:
        return self.question

    @property
    def text(self) -> str:
        return self.answer


def _warn(faq: Faq) -> list[tuple[str, str]]:
    # An answer is often true of any technology, so a missing technology type is no fault here.
    return [warning for warning in common_warnings(faq) if warning[0] != "missing_technology_type"]


KIND = DocumentKind(
    name="faq",
    label_en="Question and answer",
    label_cy="Cwestiwn ac ateb",
    plural_en="Questions and answers",
    plural_cy="Cwestiynau ac atebion",
    model=Faq,
    heading="question",
    text="answer",
    missing=COMMON_MISSING
    | {"question": "missing_question", "answer": "missing_answer", "audience": "missing_audience"},
    defaults=(*DEFAULTS, "audience"),
    warn=_warn,
)
