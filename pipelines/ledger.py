"""What has ever been published, in files that are only ever added to, each line sealed by the next.

What is counted of a period that was published before is for ``history``, what an attacker makes of these rows for
``attack``. Only reading and writing lives here.

A period has a file, ``<period>.jsonl``, a row a line. A line holds the hash of the line before it (the first, that of
the period's name). ``heads.json`` says of each period how many lines and bytes it has, and the hash of the last one. So
a line that was changed, taken out, put in or moved is found, also at the end, and a whole file too; and ``seal``, one
hash over all heads, can be published for others to hold the ledger to.

``heads.json`` is written last, in one step: what stands in a file beyond it was never added, and nobody has seen it.
Rows are added before readers see a release. When a run is killed between the two, they stay and count as published:
what might have been seen is taken as seen. The run after it adds only what is not there.

Who was counted is kept beside the rows, by organisation: it never leaves the store.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import quote

from hubs.contract.groups import CUBE_VERSION, TABLE, terms_of
from hubs.contract.records import canonical_json
from pipelines.cube import Key
from pipelines.files import Damaged, only_one, read_json, sync_folder, write_bytes, write_json

if TYPE_CHECKING:
    import pyarrow as pa

PUBLISHED_BY_HUB = "hub:"
"""What ``Row.release`` begins with when a hub has published the row by itself."""
SAMPLE = "sample:"
"""What it begins with when only sample hubs were counted: there is nobody to protect."""
N, COUNT, AT_MOST = "n", "count:", "low:"
"""Kinds of ``Row.statistic``: all of a group; those on a level or in a band; the same, told to be no more than so."""


class Broken(Damaged):
    """The ledger is not as it was written."""

    def __init__(self, path: Path, why: str) -> None:
        RuntimeError.__init__(self, f"{path}: {why}. Restore the ledger from a copy: nothing is published without it")


@dataclass(frozen=True, slots=True)
class Row:
    """One published count. ``terms`` are those of the cell, in the order of its breakdown's attributes; ``statistic``
    is ``n`` or ``count:`` with a level or band; ``low:`` when all that is told is that the count is not more than
    ``value``. ``counted``, ``code`` and ``audit`` are digests: of who was counted, by what, and of the audit it passed.
    ``approver`` is a name. ``release`` is an id, ``sample:`` with an id when all who were counted are invented, or
    ``hub:`` with a hub's id when it has published this by itself.
    """

    release: str
    period: str
    instrument: str
    audience: str
    dimension: str
    cube_version: int
    breakdown: str
    terms: tuple[str, ...]
    statistic: str
    value: int
    counted: str = ""
    code: str = ""
    audit: str = ""
    approver: str = ""

    @property
    def what(self) -> tuple[Any, ...]:
        """What the value is of: one publisher, one cell, one statistic."""
        by = self.release if self.is_of_hub else SAMPLE if self.is_sample else ""
        return (by, *self.table, self.breakdown, self.terms, self.statistic)

    @property
    def table(self) -> Key:
        """The table it is of."""
        return self.period, self.instrument, self.audience, self.dimension

    @property
    def is_of_hub(self) -> bool:
        """Whether a hub has published it by itself."""
        return self.release.startswith(PUBLISHED_BY_HUB)

    @property
    def is_sample(self) -> bool:
        """Whether it is of invented organisations alone."""
        return self.release.startswith(SAMPLE)


def rows_of(benchmarks: pa.Table, distributions: pa.Table, base: int) -> Iterator[Row]:
    """Every number of organisations in two tables that are published, by which all their other figures are made. They
    are not stamped yet: release and digests are empty.
    """
    for row in benchmarks.to_pylist():
        if row["n"] is not None:
            yield Row("", *_place(row), N, row["n"])
    for row in distributions.to_pylist():
        told = (AT_MOST, base) if row["count"] is None else (COUNT, row["count"])
        yield Row("", *_place(row), told[0] + row["level"], told[1])


def _place(row: dict[str, str]) -> tuple[str, str, str, str, int, str, tuple[str, ...]]:
    period, instrument, audience, dimension = (row[name] for name in TABLE)
    return period, instrument, audience, dimension, CUBE_VERSION, row["breakdown"], terms_of(row)


_FIELDS = {one.name for one in fields(Row)}


class _Head(NamedTuple):
    """How far a period's file was written, and the hash of its last line."""

    lines: int
    bytes: int
    hash: str


class Ledger:
    """The ledger in the folder ``root``."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def periods(self) -> list[str]:
        """The periods of which something was published."""
        return sorted(self._heads())

    def rows(self, period: str) -> list[Row]:
        """All rows of ``period``, oldest first. Raises Broken."""
        return self._rows(period, self._heads())

    def verify(self) -> str:
        """Walk the whole chain; give its ``seal``. Raises Broken."""
        heads = self._heads()
        for period in heads:
            self._lines(period, heads)
        return _hash_of_heads(heads)

    def seal(self) -> str:
        """One hash over all that was written until now. Raises Broken."""
        return _hash_of_heads(self._heads())

    def news(self, rows: Iterable[Row]) -> list[Row]:
        """Those of ``rows`` that say something new, by period: what ``add`` would add. Raises Broken."""
        heads = self._heads()
        return [row for period, some in _by_period(rows).items() for row in self._news(period, some, heads)]

    def add(self, rows: Iterable[Row]) -> int:
        """Add the rows that say something new, all or none; give their number. They are on the disk when it returns.

        Raises Broken, and files.Busy when another run is adding.
        """
        with only_one(self.root / ".lock"):
            before = self._heads()
            if not before:
                self._write_heads(before)  # else files that a crash leaves would look like a ledger without heads
            heads = before | {period: self._append(period, new, before) for period, new in _by_period(rows).items()}
            sync_folder(self.root)
            self._write_heads({period: head for period, head in heads.items() if head.lines})
            return sum(head.lines for head in heads.values()) - sum(head.lines for head in before.values())

    def _append(self, period: str, rows: Sequence[Row], heads: Mapping[str, _Head]) -> _Head:
        head = heads.get(period, _start(period))
        last, lines = head.hash, []
        for row in self._news(period, rows, heads):
            line = canonical_json(asdict(row) | {"previous": last}).encode()
            last = _hash(line)
            lines.append(line + b"\n")
        with self._path(period).open("ab") as file:
            file.truncate(head.bytes)  # what a crash has left
            file.writelines(lines)
            file.flush()
            os.fsync(file.fileno())
        return _Head(head.lines + len(lines), head.bytes + sum(map(len, lines)), last)

    def _news(self, period: str, rows: Sequence[Row], heads: Mapping[str, _Head]) -> Iterator[Row]:
        """Those of ``rows``, all of ``period``, that say something new."""
        now = {row.what: row.value for row in self._rows(period, heads)}
        for row in rows:
            if now.get(row.what) != row.value:
                now[row.what] = row.value
                yield row

    def _rows(self, period: str, heads: Mapping[str, _Head]) -> list[Row]:
        rows = []
        for number, line in enumerate(self._lines(period, heads), 1):
            entry = _entry(line)
            if entry is None or entry.keys() != {*_FIELDS, "previous"}:
                raise Broken(self._path(period), f"line {number} is not what was written there")
            rows.append(Row(**{name: entry[name] for name in _FIELDS} | {"terms": tuple(entry["terms"])}))
        return rows

    def _lines(self, period: str, heads: Mapping[str, _Head]) -> list[bytes]:
        """The lines of ``period``, whose chain is whole. They are not taken apart: a quotation mark within a text is
        escaped, so nothing but the field itself looks like it.
        """
        head, path = heads.get(period, _start(period)), self._path(period)
        data = path.read_bytes()[: head.bytes] if head.lines else b""
        lines, last = data.splitlines(keepends=True), _hash(period.encode())
        for number, line in enumerate(lines, 1):
            if f'"previous":"{last}"'.encode() not in line or not line.endswith(b"}\n"):
                raise Broken(path, f"line {number}, or the one before it, is not what was written there")
            last = _hash(line.removesuffix(b"\n"))
        if (len(lines), len(data), last) != head:
            raise Broken(path, f"its end is not what was written there: it should have {head.lines:,} lines")
        return lines

    def _heads(self) -> dict[str, _Head]:
        path = self.root / "heads.json"
        found = read_json(path)
        if found is None and any(self.root.glob("*.jsonl")):
            raise Broken(path, "it is missing")
        heads = {period: _Head(**head) for period, head in (found or {}).items()}
        for period, head in heads.items():
            if head.lines and not self._path(period).exists():
                raise Broken(self._path(period), "it is missing")
        return heads

    def _write_heads(self, heads: Mapping[str, _Head]) -> None:
        write_json(self.root / "heads.json", {period: head._asdict() for period, head in heads.items()})

    def _path(self, period: str) -> Path:
        return self.root / f"{quote(period, safe='')}.jsonl"

    # Who was counted.

    def keep_members(self, members: pa.Table) -> str:
        """Keep who was counted, with what the table's schema says of it; give the digest by which it is found."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        sink = pa.BufferOutputStream()
        pq.write_table(members, sink)
        data = sink.getvalue().to_pybytes()
        digest = _hash(data)
        write_bytes(self._members_path(digest), data, mode=0o600)
        return digest

    def members(self, digest: str) -> pa.Table:
        """Who was counted. Raises Broken when that is not as it was kept."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        path = self._members_path(digest)
        data = path.read_bytes() if path.exists() else b""
        if _hash(data) != digest:
            raise Broken(path, "it is not what was written there" if data else "it is missing")
        return pq.read_table(pa.BufferReader(data))

    def forget_members(self, but: Container[str]) -> None:
        """Remove who was counted, except by the digests ``but``."""
        for path in (self.root / "members").glob("*.parquet"):
            if path.stem not in but:
                path.unlink()

    def _members_path(self, digest: str) -> Path:
        return self.root / "members" / f"{digest}.parquet"


def _by_period(rows: Iterable[Row]) -> dict[str, list[Row]]:
    found: dict[str, list[Row]] = {}
    for row in rows:
        found.setdefault(row.period, []).append(row)
    return dict(sorted(found.items()))


def _start(period: str) -> _Head:
    return _Head(0, 0, _hash(period.encode()))


def _entry(line: bytes) -> dict[str, Any] | None:
    try:
        entry = json.loads(line)
    except ValueError:
        return None
    return entry if isinstance(entry, dict) else None


def _hash(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _hash_of_heads(heads: Mapping[str, _Head]) -> str:
    return _hash(canonical_json({period: head.hash for period, head in heads.items()}).encode())
