"""Controlled vocabularies: sectors, technology types, audiences and the rest, in English and Welsh.

The terms are data (``vocabularies/*.yaml``); this module reads them and resolves what hubs write to a term.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from hubs.yamlfile import read_yaml

FOLDER = Path(__file__).parent / "vocabularies"
SCHEMES = (
    "sectors",
    "technology_types",
    "audiences",
    "signpost_types",
    "organisation_types",
    "size_bands",
    "regions",
    "languages",
    "licences",
)


@dataclass(frozen=True)
class Term:
    """One concept. ``alt`` are other names by which hubs call it."""

    id: str
    en: str
    cy: str
    alt: tuple[str, ...] = ()
    address: str | None = None

    def label(self, language: str) -> str:
        """The preferred label in ``en`` or ``cy``."""
        return self.cy if language == "cy" else self.en


@dataclass(frozen=True)
class Vocabulary:
    """A concept scheme: its terms in display order, keyed by id."""

    scheme: str
    label_en: str
    label_cy: str
    terms: dict[str, Term]

    def resolve(self, text: str) -> str | None:
        """The id of the term that ``text`` names by id, label or alternative label; None if there is none."""
        return _names(self.scheme).get(_fold(text))

    def __contains__(self, term: str) -> bool:
        return term in self.terms

    def __getitem__(self, term: str) -> Term:
        return self.terms[term]

    def __iter__(self) -> Iterator[Term]:
        return iter(self.terms.values())


@cache
def vocabulary(scheme: str) -> Vocabulary:
    """The vocabulary named ``scheme`` (one of ``SCHEMES``). Raises KeyError for any other name."""
    if scheme not in SCHEMES:
        raise KeyError(scheme)
    data = read_yaml(FOLDER / f"{scheme}.yaml")
    terms = {t["id"]: Term(t["id"], t["en"], t["cy"], tuple(t.get("alt", ())), t.get("address")) for t in data["terms"]}
    return Vocabulary(scheme, data["label"]["en"], data["label"]["cy"], terms)


@cache
def _names(scheme: str) -> dict[str, str]:
    names: dict[str, str] = {}
    for term in vocabulary(scheme):
        for name in (*term.alt, term.en, term.cy, term.id):
            names[_fold(name)] = term.id
    return names


def _fold(text: str) -> str:
    return re.sub(r"[\s_\-]+", " ", text.strip().casefold())
