"""What the operator has decided to withdraw: the list of decisions in the store, oldest first, which only grows.

A hub's own notice that a record goes is in its feed (``hubs.contract.records.Withdrawal``) and concerns what comes. A
decision concerns every release there has been as well. How releases follow it is for ``publish.reissue``.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Any

from pipelines.files import Damaged, json_of, write_bytes


class Kind(StrEnum):
    """What is done: a ``retraction`` leaves the record's page, and says on it why and where to go; a ``takedown``
    removes everything that the record said, wherever it stands.
    """

    RETRACTION = "retraction"
    TAKEDOWN = "takedown"


@dataclass(frozen=True)
class Decision:
    """One decision, the ``number``-th. ``record`` is the id that readers know; ``ids`` are that and those of the
    records of the same text that became it. ``fingerprints`` are those of the text (``Record.fingerprint``), so that it
    does not come back under another id; none when the store no longer has it.

    ``reason`` is published, and so is ``successor``, the id of the record that takes its place. ``by`` is not.
    ``heading``, ``language`` and ``slug`` are those of its page; of a takedown they never leave the store.
    """

    number: int
    kind: Kind
    record: str
    ids: tuple[str, ...]
    fingerprints: tuple[str, ...]
    record_kind: str
    heading: str
    language: str
    slug: str
    reason: str
    successor: str | None
    by: str
    at: datetime

    @property
    def hub(self) -> str:
        """The hub whose record it is."""
        return self.record.partition("/")[0]

    @property
    def is_takedown(self) -> bool:
        """Whether nothing of the record may stay."""
        return self.kind is Kind.TAKEDOWN

    def to_dict(self) -> dict[str, Any]:
        """Plain types, for storing."""
        return self.__dict__ | {"at": self.at.isoformat()}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Decision:
        """What ``to_dict`` made. Raises TypeError, KeyError and ValueError when it is something else."""
        told = {"kind": Kind(data["kind"]), "at": datetime.fromisoformat(data["at"])}
        lists = {name: tuple(data[name]) for name in ("ids", "fingerprints")}
        return cls(**dict(data) | told | lists)


class Decisions:
    """The decisions in the file at ``path``, written whole each time: a kill leaves the old list or the new."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def all(self) -> tuple[Decision, ...]:
        """Every decision, oldest first. Raises files.Damaged: without the list, what was taken down would come back."""
        try:
            return tuple(Decision.from_dict(json_of(line)) for line in self._path.read_bytes().splitlines())
        except FileNotFoundError:
            return ()
        except (ValueError, TypeError, KeyError) as error:
            raise Damaged(self._path) from error

    def add(self, decision: Decision) -> Decision:
        """Add ``decision``, and give it with its number."""
        known = self.all()
        numbered = replace(decision, number=len(known) + 1)
        lines = [json.dumps(one.to_dict(), ensure_ascii=False, sort_keys=True) for one in (*known, numbered)]
        write_bytes(self._path, ("\n".join(lines) + "\n").encode(), 0o600)
        return numbered


def in_force(decisions: Iterable[Decision]) -> dict[str, Decision]:
    """What holds for each record, by its id: the last decision, save that a takedown is never softened."""
    held: dict[str, Decision] = {}
    for decision in decisions:
        if not (decision.record in held and held[decision.record].is_takedown):
            held[decision.record] = decision
    return held


def keeps_out(decisions: Iterable[Decision]) -> tuple[frozenset[str], frozenset[str]]:
    """The ids, and the fingerprints of texts, that no new release may have."""
    every = tuple(decisions)
    ids = frozenset(id for decision in every for id in decision.ids)
    return ids, frozenset(print for decision in every if decision.is_takedown for print in decision.fingerprints)
