"""What passes from a feed to a verdict: raw records as mapped, accepted records as typed."""

from __future__ import annotations

import hashlib
import json
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING, Any

from hubs.contract.kinds import document_kinds
from hubs.contract.kinds.base import Document

if TYPE_CHECKING:
    import pyarrow as pa

    from hubs.contract.findings import Finding


MANIFEST = "datapackage.json"
"""The descriptor at the root of a contract-native feed. It says what the other files are, and is no content itself."""
MAX_MANIFEST_BYTES = 8_000_000
SIGNATURE = "datapackage.json.sig"
"""Beside it: an Ed25519 signature over its bytes, in base64."""


@dataclass(frozen=True)
class RawDocument:
    """One document as its mapping found it, not yet judged.

    ``place`` says where in the file (``row 12``, a heading), empty for a whole file. ``raw`` are the original bytes.
    ``derived`` names the fields that were not stated but worked out, and how (``title: first_heading``).
    ``faults`` are codes of errors that mapping already reported: such a document can only be quarantined.
    """

    kind: str
    file: str
    place: str
    fields: dict[str, Any]
    raw: bytes
    derived: dict[str, str] = field(default_factory=dict)
    faults: tuple[str, ...] = ()


class UnreadableTable(ValueError):
    """A table turned out to be unreadable part of the way through. ``finding`` says where; none of it may be used."""

    def __init__(self, finding: Finding) -> None:
        super().__init__(finding.detail or finding.code)
        self.finding = finding


@dataclass(frozen=True)
class RawTable:
    """One table of a kind, not yet judged. ``batches`` opens it afresh at each call and yields tables of the
    contract's columns as (dictionary-encoded) strings, plus ``row``: the 1-based number of the source's data row.
    It raises UnreadableTable where the file breaks off or stops being a table.

    ``other_names`` are the headings of columns outside the contract that nobody has given a reason to leave out.
    ``others`` gives each of them with the distinct values of the file's first rows, to be looked at and forgotten.
    """

    kind: str
    file: str
    place: str
    batches: Callable[[], Iterator[pa.Table]]
    derived: dict[str, str] = field(default_factory=dict)
    other_names: tuple[str, ...] = ()
    others: Callable[[], Iterable[tuple[str, pa.Array]]] = tuple


@dataclass(frozen=True)
class Skip:
    """A file, or one record of it, that is left out on purpose, and why."""

    file: str
    place: str
    reason: str


@dataclass(frozen=True)
class Record:
    """An accepted document with where it came from. ``public`` is the id that readers know it by, where its hub has
    given it another one since.
    """

    hub: str
    kind: str
    document: Document
    file: str
    place: str
    derived: dict[str, str]
    public: str | None = None

    @property
    def id(self) -> str:
        """Canonical id: ``hub/local-id``."""
        return f"{self.hub}/{self.public or self.document.id}"

    @property
    def fingerprint(self) -> str:
        """SHA-256 of what a reader reads, with case, spacing and Unicode form evened out."""
        even = " ".join(unicodedata.normalize("NFKC", self.document.reading).casefold().split())
        return hashlib.sha256(even.encode()).hexdigest()

    @property
    def content(self) -> str:
        """Digest of every field: two submissions of a record say the same when theirs are equal."""
        fields = self.document.model_dump(mode="json")
        return hashlib.sha256(canonical_json([self.kind, fields]).encode()).hexdigest()

    def to_dict(self) -> dict[str, Any]:
        """Plain types, for storing."""
        return {
            "hub": self.hub,
            "kind": self.kind,
            "document": self.document.model_dump(mode="json"),
            "file": self.file,
            "place": self.place,
            "derived": self.derived,
            "public": self.public,
        }

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Record:
        """The record that ``to_dict`` wrote."""
        return cls(**data | {"document": document_kinds()[data["kind"]].model.model_validate(data["document"])})


@dataclass(frozen=True)
class Withdrawal:
    """A hub's own word that a record of its own goes: ``id`` and ``successor`` are local ids of that hub."""

    id: str
    reason: str
    date: date
    successor: str | None
    file: str
    place: str

    def to_dict(self) -> dict[str, Any]:
        """Plain types, for storing."""
        return self.__dict__ | {"date": self.date.isoformat()}

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Withdrawal:
        """The withdrawal that ``to_dict`` wrote."""
        return cls(**data | {"date": date.fromisoformat(data["date"])})


def canonical_json(data: Any) -> str:
    """JSON with sorted keys and no spaces: the form that is hashed."""
    return json.dumps(data, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
