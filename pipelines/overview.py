"""What an operator is shown of packs before they go out: whose records are in which, and what is new there for readers.

Which record belongs where is decided in ``consolidate``; how it is shown, where it is shown.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Set
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipelines.consolidate import packs
from pipelines.edition import LibraryRecord, Pack


@dataclass(frozen=True)
class PackTold:
    """A pack of the library beside the one that readers have: numbers of its records by kind and by hub that has sent
    them (a record of two hubs counts for both), and how many are ``added``, ``changed`` and ``gone``.
    """

    pack: Pack
    kinds: Mapping[str, int]
    hubs: Mapping[str, int]
    added: int
    changed: int
    gone: int

    @property
    def is_changed(self) -> bool:
        """Whether readers would find anything new in it, or miss anything."""
        return bool(self.added or self.changed or self.gone)


def packs_told(
    library: Mapping[str, LibraryRecord], published: Mapping[str, Any], before: Mapping[str, Set[str]]
) -> list[PackTold]:
    """Each pack of ``library``, beside what readers have: ``published`` is ``Store.published()``, ``before`` the ids in
    each pack of that release (``ids_in_packs``).
    """
    contents = {id: told.get("content") for id, told in published["records"].items()}
    told = []
    for pack in packs(library):
        entries = [library[id] for id in pack.records]
        known = before.get(pack.id, frozenset())
        stayed = [entry for entry in entries if entry.id in known]
        kinds = Counter(entry.record.kind for entry in entries)
        hubs = Counter(hub for entry in entries for hub in entry.credits)
        changed = sum(contents.get(entry.id) != entry.record.content for entry in stayed)
        gone = len(known - {*pack.records})
        told.append(PackTold(pack, kinds, dict(sorted(hubs.items())), len(entries) - len(stayed), changed, gone))
    return told


def ids_in_packs(release: Path) -> dict[str, frozenset[str]]:
    """The ids of records by pack, of the release in the folder ``release``. Raises OSError."""
    files = {path.parent.name: path for path in release.glob("packs/*/records.jsonl")}
    return {
        pack: frozenset(json.loads(line)["id"] for line in path.read_text(encoding="utf-8").splitlines())
        for pack, path in sorted(files.items())
    }
