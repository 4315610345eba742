"""What one release says, before any format: the plain data that ``consolidate`` and ``disclose`` make and ``publish``
writes. No step lives here.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from enum import StrEnum
from functools import cached_property
from typing import TYPE_CHECKING, Any

from hubs.contract.findings import CODES
from hubs.contract.kinds import document_kinds
from hubs.contract.personal import masked
from hubs.contract.records import Record, Withdrawal
from hubs.instruments import Instrument
from pipelines.identity import PublicIds
from pipelines.settings import PLACEHOLDER
from pipelines.withdrawals import Decision

if TYPE_CHECKING:
    import pyarrow as pa

    from pipelines.policy import Policy
    from pipelines.signatures import ReleaseKey


EXPIRY_WARNING = timedelta(days=30)
"""So long before content that is carried forward is dropped, operators are warned, and pages say it louder."""
NOT_HAD = frozenset(
    (
        *("address_refused", "forbidden_address", "hub_gone", "nothing_submitted", "partial_feed", "pull_failed"),
        *("too_large", "unreachable_feed", "unsafe_path", "unusable_registration"),
    )
)
"""Codes of feeds that could not be had: nobody has sent anything that waits for a decision."""


def sort_key(heading: str) -> str:
    """A heading for sorting: no accents, case or leading quotation marks."""
    decomposed = unicodedata.normalize("NFKD", heading)
    return "".join(c for c in decomposed if not unicodedata.combining(c)).casefold().lstrip("'\"‘“¿ ")


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

    ``fetched`` is when that content was had first, ``seen`` when the address (or inbox) was last found to hold it,
    ``expires`` until when it is carried forward, None while it needs no carrying; ``lapsed`` when content that was
    dropped since was last had. ``newest`` is the digest of the feed that was had last, ``change`` what it would change
    (``breaker.Change.to_dict``), None when nothing.
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
    seen: datetime | None = None
    expires: datetime | None = None
    lapsed: datetime | None = None
    newest: str | None = None
    change: Mapping[str, Any] | None = None

    def for_readers(self, base: int) -> HubState:
        """The same without exact numbers of answers, which tell how many took part (rounded down to ``base``), and
        without details of a failure, which may name an address or a folder of the operator.
        """
        rounded = {
            name: number // base * base if name.startswith("answers_") else number
            for name, number in self.counts.items()
        }
        reason = " ".join(CODES[code].why for code in self.held_by) or self.reason
        if self.lapsed is not None:
            reason = f"{reason} The last good feed was last had on {self.lapsed:%-d %B %Y}, and has been dropped."
        return replace(self, counts=rounded, quarantined_answers={}, reason=reason, newest=None, change=None)

    @property
    def is_held(self) -> bool:
        """Whether a feed of the hub was had and waits for somebody's decision; not one that could not be had."""
        return self.state is State.HELD or (self.state is State.CARRIED_FORWARD and not NOT_HAD & {*self.held_by})

    @property
    def is_carried(self) -> bool:
        """Whether its content is used although it could not be renewed."""
        return self.snapshot is not None and self.state not in (State.FRESH, State.RETIRED)

    def is_expiring(self, at: datetime) -> bool:
        """Whether its content, seen from ``at``, is soon dropped unless the hub sends something new."""
        return self.expires is not None and self.expires - at <= EXPIRY_WARNING

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
class Origin:
    """Where a record stands in the feed of its hub: the id that it has there, the file, and the place in the file."""

    record: str
    file: str
    place: str

    @classmethod
    def of(cls, record: Record) -> Origin:
        """Where ``record`` stands."""
        return cls(record.document.id, record.file, record.place)


def audiences_of(record: Record) -> tuple[str, ...]:
    """For whom ``record`` is: the audiences that it names, or else those of its kind."""
    return tuple(getattr(record.document, "audience", document_kinds()[record.kind].audiences))


@dataclass(frozen=True)
class LibraryRecord:
    """One published record. ``text`` and ``abstract`` are masked Markdown and plain text, safe to publish;
    ``further_texts`` the same of the other fields of its kind that hold Markdown, by field.

    ``credits`` are all hubs that submitted it, the record's own first; ``merged`` the ids that became this one, and
    ``merged_from`` where each of those stood.
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
    merged_from: Mapping[str, Origin] = field(default_factory=dict)

    @property
    def id(self) -> str:
        """Canonical id: ``hub/local-id``."""
        return self.record.id

    @property
    def sort_key(self) -> str:
        """Its heading for sorting."""
        return sort_key(self.record.document.heading)

    @property
    def audiences(self) -> tuple[str, ...]:
        """For whom it is (``audiences_of``)."""
        return audiences_of(self.record)

    def to_dict(self) -> dict[str, Any]:
        """Plain types, for storing."""
        return self.__dict__ | {
            "record": self.record.to_dict(),
            "related": [[link.id, link.relation, link.similarity] for link in self.related],
            "merged_from": {id: [at.record, at.file, at.place] for id, at in self.merged_from.items()},
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
                "merged_from": {id: Origin(*at) for id, at in data["merged_from"].items()},
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
class Notice:
    """Where a hub says that it has taken a record back: in which snapshot (a digest), file and place. The snapshot need
    not be the one in use: what is taken back goes at once, also when the rest of the feed is held.
    """

    snapshot: str
    file: str
    file_sha256: str
    place: str


@dataclass(frozen=True)
class Withdrawn:
    """A record that its hub or the operator has taken back: canonical ids, the heading where it is known, the reason
    (plain text, masked), and where the hub says so, None when it was the operator who retracted it. ``slug`` is that of
    its page.
    """

    id: str
    heading: str | None
    reason: str
    date: date
    successor: str | None
    told_in: Notice | None
    slug: str | None = None
    language: str | None = None

    @classmethod
    def told_by(cls, hub: str, notice: Withdrawal, known: PublicIds, snapshot: str, file_sha256: str) -> Withdrawn:
        """What ``hub`` says in its notice. Its ids are those of its feed, ``known`` knows those of readers."""
        successor = f"{hub}/{known.public(notice.successor)}" if notice.successor else None
        id, reason = f"{hub}/{known.public(notice.id)}", masked(notice.reason)
        told_in = Notice(snapshot, notice.file, file_sha256, notice.place)
        return cls(id, None, reason, notice.date, successor, told_in)

    @classmethod
    def decided(cls, decision: Decision) -> Withdrawn:
        """What the operator has retracted."""
        told = decision.record, decision.heading, decision.reason, decision.at.date(), decision.successor
        return cls(*told, None, decision.slug, decision.language)

    @property
    def hub(self) -> str:
        """The hub whose record it was."""
        return self.id.partition("/")[0]


@dataclass(frozen=True)
class Basis:
    """What a release rests on of one hub's snapshot: the version of the rules under which it was judged, their key
    (``validate.rules_key``), and the SHA-256 of each file that something published comes from, by path. Other files
    of the snapshot are not for readers: nobody has said that even their names may be published.
    """

    rules: str
    rules_key: str
    files: Mapping[str, str]


class WaveState(StrEnum):
    """How a wave is told: for the first time, as it was, over others than before, or, since what was told of it does
    not fit today's policy, no more.
    """

    NEW = "new"
    KEPT = "kept"
    REVISED = "revised"
    LEFT_OUT = "left_out"


@dataclass(frozen=True)
class WaveTold:
    """How all benchmarks of one ``period``, ``instrument`` and ``audience`` are told, and over whom they were counted.

    ``counted`` is the digest of those organisations in the ledger, empty when nothing is told. ``snapshots`` are the
    digests of all feeds that were in use when they were counted, by hub; ``release`` is the one that told them first,
    None when readers have seen none yet. ``is_sample`` when all of them are invented. ``is_waiting`` when returns have
    changed since, and are not counted.
    """

    period: str
    instrument: str
    audience: str
    state: WaveState
    counted: str
    snapshots: Mapping[str, str]
    release: str | None
    is_sample: bool
    is_waiting: bool

    @property
    def key(self) -> tuple[str, str, str]:
        """Which wave it is."""
        return self.period, self.instrument, self.audience

    def counted_for(self, release: str) -> str | None:
        """The id of the release that told it first, told by ``release``; None for one that was stopped in the end."""
        return release if self.state in (WaveState.NEW, WaveState.REVISED) else self.release

    def published(self, release: str) -> WaveTold:
        """The same, once ``release`` has told it."""
        state = WaveState.LEFT_OUT if self.state is WaveState.LEFT_OUT else WaveState.KEPT
        return replace(self, state=state, release=self.counted_for(release))

    def to_dict(self) -> dict[str, Any]:
        """Plain types, for storing."""
        return self.__dict__ | {"snapshots": dict(self.snapshots)}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> WaveTold:
        """What ``to_dict`` made."""
        return cls(**dict(data) | {"state": WaveState(data["state"])})


@dataclass(frozen=True)
class Edition:
    """Everything a release says. ``benchmarks`` and ``distributions`` have the columns of ``BENCHMARKS`` and
    ``DISTRIBUTIONS`` in ``pipelines.disclose.derived``, ``trends`` those of ``TRENDS`` in ``pipelines.disclose.trend``;
    all were made under ``policy``.

    ``audit`` says how the benchmarks were made safe, and what an attack on them found; ``waves`` over whom they were
    counted. ``build_key`` is a digest of all
    inputs, rules, code and templates: equal keys mean equal content. ``bases`` has an entry for each hub with content
    in use. ``withdrawn`` is what hubs and the operator have taken back, by id, ``taken_down`` what nothing more may be
    told of. ``keys`` are all that releases were ever signed with; the last one signs this. ``address`` is where all
    releases stand.
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
    distributions: pa.Table
    trends: pa.Table
    audit: Mapping[str, Any]
    waves: tuple[WaveTold, ...]
    instruments: Mapping[str, Instrument]
    bases: Mapping[str, Basis]
    policy: Policy
    keys: tuple[ReleaseKey, ...]
    withdrawn: tuple[Withdrawn, ...] = ()
    taken_down: tuple[Decision, ...] = ()
    address: str = PLACEHOLDER

    @cached_property
    def states(self) -> Mapping[str, HubState]:
        """The hubs by id."""
        return {hub.id: hub for hub in self.hubs}


@dataclass(frozen=True)
class Published:
    """A release as its manifest tells it. ``signed_by`` is a public key (``PublicKey.text``), None of one that is not
    signed. ``tells_changes``: releases of older versions do not say what has changed. ``issue`` is 1 until something is
    withdrawn from it, and ``reissued`` when that was last. ``site`` is where it says that all releases stand;
    ``sitemaps`` are the names of its files that list its pages.
    """

    id: str
    published: str
    previous: str | None
    build_key: str
    period: str | None
    signed_by: str | None
    tells_changes: bool
    issue: int
    reissued: str | None
    site: str = PLACEHOLDER
    sitemaps: tuple[str, ...] = ()

    @property
    def address(self) -> str:
        """Its folder, from the root of what is published."""
        return f"releases/{self.id}/"
