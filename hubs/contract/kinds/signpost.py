"""Signposts: where to find the codes of practice, standards, guidance and policy that others publish."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from hubs.contract.kinds.base import (
    COMMON_MISSING,
    DEFAULTS,
    MAX_BODY_CHARACTERS,
    Address,
    Document,
    DocumentKind,
    InVocabulary,
    Text,
)

SignpostType = Annotated[str, InVocabulary("signpost_types", "unknown_signpost_type")]


class Signpost(Document):
    """One address, what is found there, and who publishes it."""

    title: Text = Field(description="What is found there, in a line.")
    address: Address = Field(description="Web address, beginning with https:// or http://.")
    publisher: Text = Field(description="Who publishes it.")
    signpost_type: SignpostType = Field(description="What it is.")
    description: str | None = Field(
        None, min_length=1, max_length=MAX_BODY_CHARACTERS, description="Markdown: what it is good for, and when."
    )

    @property
    def heading(self) -> str:
        return self.title

    @property
    def text(self) -> str:
        return self.description or ""

    @property
    def reading(self) -> str:
        # Many bodies call what they publish 'Data standard': the address tells one from the other.
        return f"{self.title}\n{self.address}\n{self.text}"


def _warn(signpost: Signpost) -> list[tuple[str, str]]:
    return [] if signpost.technology_types else [("missing_technology_type", "technology_types")]


KIND = DocumentKind(
    name="signpost",
    label_en="Signpost",
    label_cy="Arwyddbost",
    plural_en="Signposts",
    plural_cy="Arwyddbyst",
    model=Signpost,
    heading="title",
    text="description",
    missing=COMMON_MISSING
    | {
        "title": "missing_title",
        "address": "missing_address",
        "publisher": "missing_publisher",
        "signpost_type": "missing_signpost_type",
    },
    is_id_derived=True,
    defaults=DEFAULTS,
    warn=_warn,
    audiences=("decision_maker", "procurement_professional"),
)
