"""Registers of organisations: how many there are of each type, size and region, for k-map.

Only reading one and counting in it live here. What a number that is too small leads to is ``hubs.judge.populations``.
"""

from __future__ import annotations

import csv
import hashlib
import io
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from hubs.contract.vocabularies import vocabulary

VOCABULARIES = {
    "organisation_type": "organisation_types",
    "size_band": "size_bands",
    "region": "regions",
    "sector": "sectors",
}
"""The columns of a register, and the vocabulary of each. ``sector`` may be left out; so may ``n``."""
NOT_STATED = "not_stated"
MAX_BYTES = 32_000_000
PROBLEMS_NAMED = 10


class UnusableRegister(ValueError):
    """A register cannot be used. The message says in which line and why, a line a problem."""


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

    Raises UnusableRegister.
    """
    try:
        if path.stat().st_size > MAX_BYTES:
            raise UnusableRegister(f"has more than {MAX_BYTES:,} bytes; count the organisations and give n")
        data = path.read_bytes()
        rows = csv.DictReader(io.StringIO(data.decode("utf-8-sig"), newline=""))
        named = rows.fieldnames or []
    except OSError as error:
        raise UnusableRegister(f"cannot be read: {error.strerror}") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise UnusableRegister("is not a CSV file in UTF-8") from error
    columns = tuple(name for name in VOCABULARIES if name in named)
    if missing := [name for name in ("organisation_type", "size_band", "region") if name not in named]:
        raise UnusableRegister(f"has no column {', '.join(missing)}")
    counts: Counter[tuple[str, ...]] = Counter()
    problems = []
    for row in rows:
        if found := list(_problems(row, columns)):
            problems += [f"line {rows.line_num}: {problem}" for problem in found]
        else:
            counts[tuple(row[name] for name in columns)] += int(row.get("n", "1"))
    if problems:
        more = [f"and {len(problems) - PROBLEMS_NAMED:,} more"] if len(problems) > PROBLEMS_NAMED else []
        raise UnusableRegister("\n".join([*problems[:PROBLEMS_NAMED], *more]))
    if not counts.total():
        raise UnusableRegister("has no organisation in it")
    return Register(columns, dict(counts), hashlib.sha256(data).hexdigest())


def _problems(row: Mapping[str, str | None], columns: tuple[str, ...]) -> Iterator[str]:
    for name in columns:
        if (row[name] or "") not in vocabulary(VOCABULARIES[name]):
            yield f"'{(row[name] or '')[:60]}' is no {name} of the vocabulary; use its id"
    if not (row.get("n", "1") or "").isdecimal():
        yield "n must be a whole number"
