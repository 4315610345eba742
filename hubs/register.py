"""Registers of organisations: how many there are of each type, size and region, for k-map.

Only reading one and counting in it live here. What a number that is too small leads to is ``hubs.judge.populations``.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from hubs.contract.vocabularies import vocabulary
from hubs.csvfile import UnusableCsv, read_csv

VOCABULARIES = {
    "organisation_type": "organisation_types",
    "size_band": "size_bands",
    "region": "regions",
    "sector": "sectors",
}
"""The columns of a register, and the vocabulary of each. ``sector`` may be left out; so may ``n``."""
NOT_STATED = "not_stated"


@dataclass(frozen=True)
class Register:
    """Numbers of organisations by the terms of ``columns``. ``digest`` is the SHA-256 of the file."""

    columns: tuple[str, ...]
    counts: Mapping[tuple[str, ...], int]
    digest: str
    _known: dict[tuple[str, ...], int] = field(default_factory=dict, compare=False, repr=False)

    def population(self, described: Mapping[str, str]) -> int:
        """How many organisations of the register may be the one that is ``described``. What is not stated may be
        anything; an organisation whose own entry does not state it is counted only there.
        """
        wanted = tuple(described[name] for name in self.columns)
        if wanted not in self._known:
            self._known[wanted] = sum(
                n
                for terms, n in self.counts.items()
                if all(want in (NOT_STATED, term) for want, term in zip(wanted, terms, strict=True))
            )
        return self._known[wanted]


def read_register(path: Path) -> Register:
    """The register in the CSV file ``path``: a row an organisation, or a row a group of them with their number in
    ``n``. Columns are the contract's, values the ids of its vocabularies; further columns are not read.

    Raises UnusableCsv.
    """
    needed = ("organisation_type", "size_band", "region")
    named, rows = read_csv(path, needed, _problems, instead="; count the organisations and give n")
    columns = tuple(name for name in VOCABULARIES if name in named)
    counts: Counter[tuple[str, ...]] = Counter()
    for row in rows:
        counts[tuple(row[name] for name in columns)] += int(row.get("n", "1"))
    if not counts.total():
        raise UnusableCsv("has no organisation in it")
    return Register(columns, dict(counts), hashlib.sha256(path.read_bytes()).hexdigest())


def _problems(row: Mapping[str, str]) -> Iterator[str]:
    for name, scheme in VOCABULARIES.items():
        if name in row and row[name] not in vocabulary(scheme):
            yield f"'{row[name][:60]}' is no {name} of the vocabulary; use its id"
    if not row.get("n", "1").isdecimal():
        yield "n must be a whole number"
