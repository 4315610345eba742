"""Candidates: releases that are built and verified, and that nobody but the operator has seen. What became of each, and
what the line has to keep until one is published. Also the rule by which they are approved.

How one is built and shown to readers is for ``publish``, in which order all that comes for ``releasing``. Layout:

``log.jsonl``            what happened, a line each: ``built``, ``approved`` (by one of two), ``entered`` (into the
                         ledger), ``published``,
                         ``refused``, ``superseded`` by another; ``failed`` and ``unchanged``, when an attempt
                         made no candidate
``<id>/library.jsonl``   the records in it
``<id>/rows.jsonl``      its numbers for the ledger
``<id>/told.json``       the rest of what has to be noted when it is published
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from pipelines.edition import HubState, LibraryRecord, WaveTold
from pipelines.files import append_line, read_lines, read_log, reading, write_json, write_lines
from pipelines.settings import FILE, UnusableSettings, table

if TYPE_CHECKING:
    from pipelines.ledger import Row

PREVIEW = "http://127.0.0.1:8002/"
"""Where ``hubpacks serve --candidate`` shows a candidate, unless the settings name another place."""
MOST_PEOPLE = 2


class CandidateRefused(RuntimeError):
    """A candidate cannot be approved, or refused. The message says why, and what to do."""


class NoSuchCandidate(CandidateRefused):
    """No candidate of that id was ever built here."""


class Automatic(StrEnum):
    """When a release goes out without anybody's name: always, when nothing is held and no hub has lost its content, or
    never.
    """

    ALWAYS = "always"
    GREEN = "green"
    NEVER = "never"


@dataclass(frozen=True)
class Rule:
    """How candidates are approved: by how many ``people``, and when by nobody. ``preview`` is the address at which the
    operator looks at one.
    """

    people: int = 1
    automatic: Automatic = Automatic.ALWAYS
    preview: str = PREVIEW

    def why_not(self, states: Iterable[HubState]) -> list[str]:
        """Why a release over hubs that stand like that does not go out by itself; nothing when it does."""
        match self.automatic:
            case Automatic.ALWAYS:
                return []
            case Automatic.NEVER:
                return ["somebody has to approve each release"]
        return [why for state in states if (why := _red(state)) is not None]


DEFAULT_RULE = Rule()


def _red(state: HubState) -> str | None:
    if state.is_held:
        return f"{state.id} is held: {', '.join(state.held_by)}"
    if state.lapsed is not None:
        return f"{state.id} has lost its content: its last good feed may be carried no longer"
    return None


def read_rule() -> Rule:
    """The rule of the settings, table ``[approval]``. Raises UnusableSettings."""
    names = [field.name for field in fields(Rule)]
    told = table("approval", names)
    if unknown := told.keys() - {*names}:
        raise UnusableSettings(f"{FILE}: [approval] has no {', '.join(sorted(unknown))}; there are {', '.join(names)}")
    automatic, people = told.get("automatic", Automatic.ALWAYS), str(told.get("people", 1))
    if automatic not in [*Automatic]:
        raise UnusableSettings(f"[approval] automatic = {automatic!r}: write {', '.join(Automatic)}")
    if people not in ("1", "2"):
        raise UnusableSettings(f"[approval] people = {people}: write 1 or {MOST_PEOPLE}")
    preview = str(told.get("preview", PREVIEW))
    if not preview.startswith(("http://", "https://")) or not preview.endswith("/"):
        raise UnusableSettings(f"[approval] preview = {preview!r}: write an address with a slash at its end")
    return Rule(int(people), Automatic(automatic), preview)


class CandidateState(StrEnum):
    """What has become of a candidate."""

    WAITING = "waiting"
    PUBLISHED = "published"
    REFUSED = "refused"
    SUPERSEDED = "superseded"


class Approval(NamedTuple):
    """That somebody has approved a candidate."""

    by: str
    note: str
    at: datetime


@dataclass(frozen=True)
class Candidate:
    """A candidate as the log tells it. ``previous`` is the release that readers saw when it was built, ``key`` a digest
    of all that it was made of, and ``open_questions`` why it did not go out by itself. ``reason`` is why it was refused
    or superseded, ``by`` whose decision that was, at ``decided``. ``entered`` is the seal of the ledger with its
    numbers in it, once they are.
    """

    id: str
    built: datetime
    previous: str | None
    key: str
    open_questions: tuple[str, ...]
    state: CandidateState = CandidateState.WAITING
    approvals: tuple[Approval, ...] = ()
    reason: str | None = None
    by: str | None = None
    decided: datetime | None = None
    entered: str | None = None

    @property
    def approved_by(self) -> str | None:
        """The names of those who have approved it, None while nobody has."""
        return " and ".join(approval.by for approval in self.approvals) or None

    def to_dict(self) -> dict[str, Any]:
        """Plain types, for programs."""
        told = asdict(self) | {
            "built": self.built.isoformat(),
            "approvals": [one._asdict() | {"at": one.at.isoformat()} for one in self.approvals],
            "decided": self.decided.isoformat() if self.decided else None,
        }
        del told["key"], told["entered"]
        return told


class Attempt(NamedTuple):
    """An attempt to build: ``outcome`` is ``built``, ``unchanged`` or ``failed``, ``reason`` why it failed."""

    at: datetime
    outcome: str
    reason: str | None


@dataclass(frozen=True)
class Kept:
    """What is noted when a candidate is published: the records in it; its ``rows`` for the ledger, without the names of
    those who approve; the digests of the ``snapshots`` in use by hub; how it stands to what was published of periods
    before; and of which returns its benchmarks were made (``returns``, a digest). ``decisions`` is the number of the
    last withdrawal that it follows, ``seal`` that of the ledger before it, ``signed_by`` the key.
    """

    library: Mapping[str, LibraryRecord]
    rows: Sequence[Row]
    snapshots: Mapping[str, str]
    waves: Sequence[WaveTold]
    audit: Mapping[str, Any]
    returns: str
    decisions: int
    seal: str
    signed_by: str


class Candidates:
    """The candidates that the folder ``root`` tells of."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def all(self) -> list[Candidate]:
        """Every candidate there ever was, oldest first."""
        found: dict[str, Candidate] = {}
        for entry in read_log(self._log):
            _follow(found, entry)
        return list(found.values())

    def find(self, id: str) -> Candidate:
        """The candidate of that id. Raises NoSuchCandidate."""
        found = {candidate.id: candidate for candidate in self.all()}
        if id not in found:
            there = self.waiting()
            mean = f"; {there.id} waits" if there else "; none waits"
            raise NoSuchCandidate(f"there is no candidate {id}{mean}")
        return found[id]

    def waiting(self) -> Candidate | None:
        """The one that waits for somebody to decide, None when none does."""
        return next((one for one in reversed(self.all()) if one.state is CandidateState.WAITING), None)

    def last_attempt(self) -> Attempt | None:
        """How the last attempt to build one ended, None before the first."""
        outcomes = ("built", "unchanged", "failed")
        found = [entry for entry in read_log(self._log) if entry["event"] in outcomes]
        if not found:
            return None
        return Attempt(datetime.fromisoformat(found[-1]["at"]), found[-1]["event"], found[-1].get("reason"))

    def note(self, event: str, at: datetime, id: str | None = None, **told: Any) -> None:
        """Write into the log what has happened."""
        append_line(self._log, {"at": at.isoformat(), "event": event, "id": id} | told)

    def keep(self, id: str, kept: Kept) -> None:
        """Keep what has to be noted when the candidate is published."""
        folder = self.root / id
        write_lines(folder / "library.jsonl", (entry.to_dict() for entry in kept.library.values()))
        write_lines(folder / "rows.jsonl", (asdict(row) for row in kept.rows), 0o600)
        told = {field.name: getattr(kept, field.name) for field in fields(Kept)}
        del told["library"], told["rows"]
        write_json(folder / "told.json", told | {"waves": [wave.to_dict() for wave in kept.waves]})

    def kept(self, id: str) -> Kept:
        """What ``keep`` wrote. Raises FileNotFoundError and files.Damaged."""
        from pipelines.ledger import Row  # it brings numpy and pyarrow, which a list of candidates does without

        folder = self.root / id
        entries = [LibraryRecord.from_dict(entry) for entry in read_lines(folder / "library.jsonl")]
        rows = [Row(**entry | {"terms": tuple(entry["terms"])}) for entry in read_lines(folder / "rows.jsonl")]
        with reading(folder / "told.json") as told:
            waves = tuple(WaveTold.from_dict(wave) for wave in told["waves"])
            return Kept({entry.id: entry for entry in entries}, rows, **told | {"waves": waves})

    def forget(self, id: str) -> None:
        """Remove what ``keep`` wrote: it is noted, or never will be."""
        shutil.rmtree(self.root / id, ignore_errors=True)

    @property
    def _log(self) -> Path:
        return self.root / "log.jsonl"


def _follow(found: dict[str, Candidate], entry: Mapping[str, Any]) -> None:
    """Bring ``found`` to where the log's ``entry`` leads."""
    id, at = entry["id"], datetime.fromisoformat(entry["at"])
    match entry["event"]:
        case "built":
            found[id] = Candidate(id, at, entry["previous"], entry["key"], tuple(entry["open_questions"]))
        case "approved":
            approval = Approval(entry["by"], entry["note"], at)
            found[id] = replace(found[id], approvals=(*found[id].approvals, approval))
        case "entered":
            found[id] = replace(found[id], entered=entry["seal"])
        case "published" | "refused" | "superseded" as event:
            reason, by = entry.get("reason"), entry.get("by")
            found[id] = replace(found[id], state=CandidateState(event), reason=reason, by=by, decided=at)
