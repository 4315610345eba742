"""What has ever been published, in files that are only ever added to, each line sealed by the one before.

What may be published again is decided here too, as it rests on who was counted before. How cells are rounded, and what
an attacker makes of these rows, does not belong here.

A period has a file, ``<period>.jsonl``, a row a line. A line holds the hash of the line before it (the first, that of
the period's name) and its own, over all else in it. ``heads.json`` says how many lines each period has and the last
one's hash. So a line that was changed, taken out, put in or moved is found, also at the end, and a whole file too; and
``seal``, one hash over all heads, can be published for others to hold the ledger to.

Rows are written before readers see a release. When a run is killed between the two, they stay and count as published:
what might have been seen is taken as seen. The run after it adds only what is not there.

Who was counted is kept beside the rows, by organisation: it never leaves the store.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, unquote

from hubs.contract.records import canonical_json
from pipelines.files import Damaged, only_one, read_json, sync_folder, write_bytes, write_json
from pipelines.policy import BREAKDOWNS

if TYPE_CHECKING:
    import pyarrow as pa

PUBLISHED_BY_HUB = "hub:"
"""What ``Row.release`` begins with when a hub has published the row by itself."""

Table = tuple[str, str, str, str]
"""Period, instrument, audience and dimension."""


class Broken(Damaged):
    """The ledger is not as it was written."""

    def __init__(self, path: Path, why: str) -> None:
        RuntimeError.__init__(self, f"{path}: {why}. Restore the ledger from a copy: nothing is published without it")


@dataclass(frozen=True, slots=True)
class Row:
    """One published count. ``terms`` are those of the cell, in the order of its breakdown's attributes; ``statistic``
    is ``n`` or ``count:`` with a level or band. ``snapshots``, ``code`` and ``audit`` are digests: of what was counted,
    by what, and of the audit it passed. ``approver`` is a name. ``release`` is an id, or ``hub:`` with a hub's id when
    it has published this by itself.
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
    snapshots: str = ""
    code: str = ""
    audit: str = ""
    approver: str = ""

    @property
    def what(self) -> tuple[Any, ...]:
        """What the value is of: one publisher, one cell, one statistic."""
        by = self.release if self.release.startswith(PUBLISHED_BY_HUB) else ""
        return (by, *self.table, self.breakdown, self.terms, self.statistic)

    @property
    def table(self) -> Table:
        """The table it is of."""
        return self.period, self.instrument, self.audience, self.dimension


_FIELDS = {one.name for one in fields(Row)}


class Ledger:
    """The ledger in the folder ``root``."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def periods(self) -> list[str]:
        """The periods of which something was published."""
        return sorted({*self._heads(), *(unquote(path.stem) for path in self.root.glob("*.jsonl"))})

    def rows(self, period: str) -> list[Row]:
        """All rows of ``period``, oldest first. A line that a crash cut short counts for nothing. Raises Broken."""
        return self._read(period, self._heads()).rows

    def constants(self, period: str) -> dict[Table, dict[tuple[str, tuple[str, ...], str], int]]:
        """What we have published of ``period`` and holds now: for each table the value by breakdown, terms of the cell
        and statistic. Raises Broken.
        """
        found: dict[Table, dict[tuple[str, tuple[str, ...], str], int]] = {}
        for row in self.rows(period):
            if not row.release.startswith(PUBLISHED_BY_HUB):
                found.setdefault(row.table, {})[row.breakdown, row.terms, row.statistic] = row.value
        return found

    def verify(self) -> str:
        """Walk the whole chain; give its ``seal``. Raises Broken."""
        for period in self.periods():
            self.rows(period)
        return self.seal()

    def seal(self) -> str:
        """One hash over all that was written until now."""
        return _hash(self._heads())

    def add(self, rows: Iterable[Row]) -> int:
        """Add the rows that say something new; give their number. They are on the disk when it returns.

        Raises Broken, and files.Busy when another run is adding.
        """
        by_period: dict[str, list[Row]] = {}
        for row in rows:
            by_period.setdefault(row.period, []).append(row)
        with only_one(self.root / ".lock"):
            if not self._heads():
                write_json(self.root / "heads.json", {})
            return sum(self._append(period, new) for period, new in sorted(by_period.items()))

    def _append(self, period: str, rows: Sequence[Row]) -> int:
        heads = self._heads()
        read = self._read(period, heads)
        now = {row.what: row.value for row in read.rows}
        last = read.last
        lines = []
        for row in rows:
            if now.get(row.what) != row.value:
                now[row.what] = row.value
                entry = asdict(row) | {"previous": last}
                last = _hash(entry)
                lines.append(canonical_json(entry | {"hash": last}))
        with self._path(period).open("ab") as file:
            file.truncate(read.size_bytes)  # a line that a crash cut short
            file.write(b"" if read.is_ended else b"\n")
            file.write("".join(line + "\n" for line in lines).encode())
            file.flush()
            os.fsync(file.fileno())
        sync_folder(self.root)
        heads[period] = {"lines": len(read.rows) + len(lines), "hash": last}
        write_json(self.root / "heads.json", heads)
        return len(lines)

    def _read(self, period: str, heads: Mapping[str, Any]) -> _Read:
        path = self._path(period)
        head = heads.get(period, {"lines": 0, "hash": ""})
        read = _Read(last=_hash(period))
        data = path.read_bytes() if path.exists() else b""
        for number, line in enumerate(data.splitlines(keepends=True), 1):
            entry = _entry(line)
            if entry is None and number > head["lines"] and not line.endswith(b"\n"):
                break
            if entry is None or not read.continues(entry):
                raise Broken(path, f"line {number} is not what was written there")
            read.take(entry, line)
            if number == head["lines"] and read.last != head["hash"]:
                raise Broken(path, f"line {number} is not the one that was written there")
        if len(read.rows) < head["lines"]:
            raise Broken(path, f"{head['lines'] - len(read.rows)} lines are missing at the end")
        return read

    def _heads(self) -> dict[str, Any]:
        path = self.root / "heads.json"
        heads: dict[str, Any] | None = read_json(path)
        if heads is None and any(self.root.glob("*.jsonl")):
            raise Broken(path, "it is missing")
        return heads or {}

    def _path(self, period: str) -> Path:
        return self.root / f"{quote(period, safe='')}.jsonl"

    # Who was counted.

    def keep_members(self, table: Table, members: pa.Table) -> None:
        """Keep who was counted in ``table``: columns ``organisation``, ``level`` and the attributes."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        sink = pa.BufferOutputStream()
        pq.write_table(members, sink)
        write_bytes(self._members_path(table), sink.getvalue().to_pybytes(), mode=0o600)

    def members(self, table: Table) -> pa.Table | None:
        """Who was counted in ``table`` when it was published last; None if it never was. Raises files.Damaged."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        path = self._members_path(table)
        if not path.exists():
            return None
        try:
            return pq.read_table(path)
        except pa.ArrowInvalid as error:
            raise Damaged(path) from error

    def _members_path(self, table: Table) -> Path:
        return self.root / "members" / quote(table[0], safe="") / f"{_hash(list(table))[:32]}.parquet"


@dataclass
class _Read:
    """A file as far as it is whole: its rows, their size, the last hash, whether the last line has its end."""

    last: str
    rows: list[Row] = field(default_factory=list)
    size_bytes: int = 0
    is_ended: bool = True

    def continues(self, entry: Mapping[str, Any]) -> bool:
        """Whether ``entry`` is as it was written, and follows on what was read."""
        sealed = {name: value for name, value in entry.items() if name != "hash"}
        return entry.get("previous") == self.last and entry.get("hash") == _hash(sealed)

    def take(self, entry: Mapping[str, Any], line: bytes) -> None:
        """Go on to the next line."""
        self.rows.append(Row(**{name: entry[name] for name in _FIELDS - {"terms"}}, terms=tuple(entry["terms"])))
        self.last = entry["hash"]
        self.size_bytes += len(line)
        self.is_ended = line.endswith(b"\n")


def _entry(line: bytes) -> dict[str, Any] | None:
    """The data of a line; None unless it stands there as ``add`` writes it, byte by byte."""
    try:
        entry = json.loads(line)
    except ValueError:
        return None
    is_ours = isinstance(entry, dict) and canonical_json(entry).encode() == line.removesuffix(b"\n")
    return entry if is_ours else None


def _hash(data: Any) -> str:
    return hashlib.sha256(canonical_json(data).encode()).hexdigest()


@dataclass(frozen=True)
class Change:
    """A cell whose organisations, or their levels, are not those that were published: how many came and went."""

    breakdown: str
    terms: tuple[str, ...]
    joiners: int
    leavers: int


def changes(before: pa.Table, after: pa.Table, breakdowns: Iterable[str]) -> list[Change]:
    """The cells that differ between two tables of members (columns as for ``keep_members``)."""
    old, new = (_by_organisation(table) for table in (before, after))
    found = []
    for breakdown in breakdowns:
        by = BREAKDOWNS[breakdown]
        touched: dict[tuple[str, ...], list[int]] = {}
        for organisation in old.keys() | new.keys():
            was, now = old.get(organisation), new.get(organisation)
            if was == now:
                continue
            left, came = (None if row is None else tuple(row[name] for name in by) for row in (was, now))
            for cell, number in ((came, 0), (left, 1)):
                if cell is not None:
                    touched.setdefault(cell, [0, 0])[number] += came != left
        found += [Change(breakdown, cell, *counts) for cell, counts in sorted(touched.items())]
    return found


def may_revise(before: pa.Table, after: pa.Table, breakdowns: Iterable[str], threshold: int) -> bool:
    """Whether a table that was published may be published anew: in every cell that differs at least ``threshold``
    organisations came, or as many went. One that only changed its level is neither, so by itself it waits.
    """
    return all(max(change.joiners, change.leavers) >= threshold for change in changes(before, after, breakdowns))


def _by_organisation(table: pa.Table) -> dict[str, dict[str, Any]]:
    return {row.pop("organisation"): row for row in table.to_pylist()}
