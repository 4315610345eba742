"""Terms of the jargon buster: a word that a reader meets, and what it means in plain language."""

from __future__ import annotations

from pydantic import Field

from hubs.contract.kinds.base import COMMON_MISSING, Document, DocumentKind, SectorsOrAll, Text

MAX_DEFINITION_CHARACTERS = 5_000
"""Two pages. What needs more is a question and answer, or a study."""


class Term(Document):
    """One term. It belongs to every sector unless it names some."""

    term: Text = Field(description="The word, or words, that need to be explained.")
    definition: str = Field(
        min_length=1, max_length=MAX_DEFINITION_CHARACTERS, description="Markdown: what it means, in plain language."
    )
    source: Text = Field(description="Where the definition comes from.")
    sectors: SectorsOrAll = Field([], description="Sectors in which the word means this; every sector when empty.")

    @property
    def heading(self) -> str:
        return self.term

    @property
    def text(self) -> str:
        return self.definition


def _warn(_: Term) -> list[tuple[str, str]]:
    # A word may belong to any technology and grows no older, so neither is asked for.
    return []


KIND = DocumentKind(
    name="term",
    label_en="Term",
    label_cy="Term",
    plural_en="Terms",
    plural_cy="Termau",
    model=Term,
    heading="term",
    text="definition",
    missing={name: code for name, code in COMMON_MISSING.items() if name != "sectors"}
    | {"term": "missing_term", "definition": "missing_definition", "source": "missing_source"},
    is_id_derived=True,
    defaults=("licence", "language"),
    warn=_warn,
    audiences=("decision_maker", "procurement_professional"),
    is_glossary=True,
)
