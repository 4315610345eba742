"""What one release says, before any format: the plain data that ``consolidate`` and ``benchmark`` make and ``publish``
writes. No step lives here.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from hubs.contract.findings import CODES
from hubs.contract.kinds import document_kinds
from hubs.contract.personal import masked
from hubs.contract.records import Record, Withdrawal
from hubs.instruments import Instrument

if TYPE_CHECKING:
    import pyarrow as pa


class State(StrEnum):
    """How a hub stands in a release."""

    FRESH = "fresh"
    CARRIED_FORWARD = "carried_forward"
    HELD = "held"
    MISSING = "missing"
    RETIRED = "retired"


@dataclass(frozen=True)
class HubState:
    """One hub in one release. ``snapshot`` (digest) and ``fetched`` are of the content used, None when none is.
    ``since`` is when the present state began; ``held_by`` the codes that hold the newest feed, if any.
    ``counts`` are those of ``Verdict.counts`` for the content used, ``quarantined`` and ``quarantined_answers`` tell
    why documents and rows of returns were not accepted, by code; ``derived`` what was worked out (``Verdict.derived``).
    """

    id: str
    name_en: str
    name_cy: str
    sector: str
    is_sample: bool
    state: State
    since: datetime | None
    reason: str | None
    held_by: tuple[str, ...]
    snapshot: str | None
    fetched: datetime | None
    counts: Mapping[str, int]
    quarantined: Mapping[str, int]
    quarantined_answers: Mapping[str, int] = field(default_factory=dict)
    derived: Mapping[str, int] = field(default_factory=dict)

    def for_readers(self, base: int) -> HubState:
        """The same without exact numbers of answers, which tell how many took part (rounded down to ``base``), and
        without details of a failure, which may name an address or a folder of the operator.
        """
        rounded = {
            name: number // base * base if name.startswith("answers_") else number
            for name, number in self.counts.items()
        }
        reason = " ".join(CODES[code].why for code in self.held_by) or self.reason
        return replace(self, counts=rounded, quarantined_answers={}, reason=reason)

    def name(self, language: str) -> str:
        """The hub's name in ``en`` or ``cy``."""
        return self.name_cy if language == "cy" else self.name_en


@dataclass(frozen=True)
class Related:
    """A link from one library record to another: ``near_copy`` (with the share of text in common, 0 to 1)."""

    id: str
    relation: str
    similarity: float


@dataclass(frozen=True)
class LibraryRecord:
    """One published record. ``text`` and ``abstract`` are masked Markdown and plain text, safe to publish;
    ``further_texts`` the same of the other fields of its kind that hold Markdown, by field.

    ``credits`` are all hubs that submitted it, the record's own first; ``merged`` the ids that became this one.
    ``translations`` gives by language the ids of the same text in other languages; ``slug`` is its stable address
    inside the site. ``snapshot`` is the digest it came from.
    """

    record: Record
    slug: str
    text: str
    abstract: str
    snapshot: str
    credits: tuple[str, ...]
    merged: tuple[str, ...]
    related: tuple[Related, ...]
    translations: Mapping[str, str]
    further_texts: Mapping[str, str] = field(default_factory=dict)

    @property
    def id(self) -> str:
        """Canonical id: ``hub/local-id``."""
        return self.record.id

    @property
    def sort_key(self) -> str:
        """Its heading for sorting: no accents, case or leading quotation marks."""
        decomposed = unicodedata.normalize("NFKD", self.record.document.heading)
        return "".join(c for c in decomposed if not unicodedata.combining(c)).casefold().lstrip("'\"‘“¿ ")

    @property
    def audiences(self) -> tuple[str, ...]:
        """For whom it is: the audiences that it names, or else those of its kind."""
        return tuple(getattr(self.record.document, "audience", document_kinds()[self.record.kind].audiences))

    def to_dict(self) -> dict[str, Any]:
        """Plain types, for storing."""
        return self.__dict__ | {
            "record": self.record.to_dict(),
            "related": [[link.id, link.relation, link.similarity] for link in self.related],
        }

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> LibraryRecord:
        """The record that ``to_dict`` wrote."""
        return cls(
            **data
            | {
                "record": Record.from_dict(data["record"]),
                "credits": tuple(data["credits"]),
                "merged": tuple(data["merged"]),
                "related": tuple(Related(*link) for link in data["related"]),
            }
        )


@dataclass(frozen=True)
class Pack:
    """A bundle for one purpose: ``scheme`` is ``national``, ``sectors``, ``technology_types`` or ``audiences``;
    ``term`` the vocabulary term (None for national). ``records`` are canonical ids in reading order.
    """

    id: str
    scheme: str
    term: str | None
    title_en: str
    title_cy: str
    records: tuple[str, ...]

    def title(self, language: str) -> str:
        """The pack's title in ``en`` or ``cy``."""
        return self.title_cy if language == "cy" else self.title_en


@dataclass(frozen=True)
class Withdrawn:
    """A record that its hub has taken back: canonical ids, the heading where it is known, and the hub's reason (plain
    text, masked).
    """

    id: str
    heading: str | None
    reason: str
    date: date
    successor: str | None

    @classmethod
    def told_by(cls, hub: str, notice: Withdrawal) -> Withdrawn:
        """What ``hub`` says in its notice."""
        successor = f"{hub}/{notice.successor}" if notice.successor else None
        return cls(f"{hub}/{notice.id}", None, masked(notice.reason), notice.date, successor)

    @property
    def hub(self) -> str:
        """The hub that took it back."""
        return self.id.partition("/")[0]


@dataclass(frozen=True)
class Edition:
    """Everything a release says. ``benchmarks`` has the columns of ``pipelines.benchmark.COLUMNS``.

    ``build_key`` is a digest of all inputs, rules, code and templates: equal keys mean equal content. ``withdrawn`` is
    what hubs have taken back, by id.
    """

    id: str
    published: datetime
    previous: str | None
    build_key: str
    code_version: str
    rules: str
    hubs: tuple[HubState, ...]
    library: Mapping[str, LibraryRecord]
    packs: tuple[Pack, ...]
    benchmarks: pa.Table
    instruments: Mapping[str, Instrument]
    withdrawn: tuple[Withdrawn, ...] = ()


@dataclass(frozen=True)
class Published:
    """A release as its manifest tells it."""

    id: str
    published: str
    previous: str | None
    build_key: str
    period: str | None

    @property
    def address(self) -> str:
        """Its folder, from the root of what is published."""
        return f"releases/{self.id}/"
