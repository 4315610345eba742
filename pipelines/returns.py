"""The rows of returns, for comparison: digests of what was answered, by organisation and by place in the files.

Reading and counting only, a row group of Parquet at a time; what a difference means is said in ``breaker``. Sums of
hashes are digests of rows in any order. Hashes of organisations' keys stay in memory and are never stored.
"""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from hubs.contract.kinds import table_kinds
from hubs.contract.verdict import JudgedTable
from hubs.judge.columns import Hashes, codes_of, combined

KEYS = ("organisation", "respondent")
"""Columns with keys: what is left without them is what somebody answered."""
LEVEL = "level"
"""What is left without it too is who was asked what."""
FINE_ROWS, COARSE_ROWS = 16, 1024
"""Rows of a file that have a digest together: few at its beginning, so that a short file has several, more later."""
_FINE_BLOCKS = COARSE_ROWS // FINE_ROWS
_ROUND = 2**64

Numbers = np.ndarray[tuple[int], np.dtype[np.integer[Any]]]


@dataclass(frozen=True)
class Returns:
    """The returns of one period. Each organisation is one entry in four arrays, ascending by ``keys`` (a hash of its
    key): ``answered`` is a digest of its rows without keys, in any order, ``asked`` the same without levels too, and
    ``rows`` how many these are. ``digest`` is of all rows with their keys, in any order.
    """

    keys: Hashes
    answered: Hashes
    asked: Hashes
    rows: Numbers
    digest: int

    @property
    def rows_n(self) -> int:
        """Rows of all organisations."""
        return int(self.rows.sum())


@dataclass(frozen=True)
class Sheet:
    """One table of a feed: digests of blocks of its rows, in any order inside a block, and its last row's number."""

    blocks: Mapping[int, int]
    last: int


@dataclass(frozen=True)
class _Hashed:
    """A column as codes into the hashes of its distinct values, which are the same on every machine and every day."""

    codes: Numbers
    values: Hashes

    @classmethod
    def of(cls, column: pa.ChunkedArray) -> _Hashed:
        """The column, of one chunk; the last hash is of the missing value."""
        if not pa.types.is_dictionary(column.type):
            column = pa.chunked_array([column.combine_chunks().cast(pa.string()).dictionary_encode()])
        values = [*column.chunk(0).dictionary.to_pylist(), ""]
        digests = b"".join(hashlib.blake2b(value.encode(), digest_size=8).digest() for value in values)
        return cls(codes_of(column), np.frombuffer(digests, "<u8"))


@dataclass
class _Period:
    """Sums of one period, as the row groups give them."""

    digest: int = 0
    keys: list[Hashes] = field(default_factory=list)
    answered: list[Hashes] = field(default_factory=list)
    asked: list[Hashes] = field(default_factory=list)
    rows: list[Numbers] = field(default_factory=list)

    def add(self, organisations: _Hashed, rows: Numbers, asked: Hashes, answered: Hashes, whole: Hashes) -> None:
        """Add ``rows``, each by the hashes of its organisation's key and of what it says."""
        self.digest = (self.digest + int(whole[rows].sum(dtype=np.uint64))) % _ROUND
        keys, which = np.unique(organisations.values, return_inverse=True)  # many rows, few organisations
        at = which[organisations.codes[rows]]
        rows_n = np.bincount(at, minlength=len(keys))
        is_here = rows_n > 0
        self.keys.append(keys[is_here])
        self.asked.append(_sums(asked[rows], at, len(keys))[is_here])
        self.answered.append(_sums(answered[rows], at, len(keys))[is_here])
        self.rows.append(rows_n[is_here])

    def finished(self) -> Returns:
        keys, at = np.unique(np.concatenate(self.keys), return_inverse=True)
        answered, asked, rows = (
            _sums(np.concatenate(parts), at, len(keys)) for parts in (self.answered, self.asked, self.rows)
        )
        return Returns(keys, answered, asked, rows, self.digest)


class Tables:
    """The tables of a feed, added one by one."""

    def __init__(self) -> None:
        self.sheets: dict[tuple[str, str], Sheet] = {}
        self._periods: defaultdict[tuple[str, str], _Period] = defaultdict(_Period)

    def returns(self) -> dict[tuple[str, str], Returns]:
        """What was added, by kind and period."""
        return {key: period.finished() for key, period in sorted(self._periods.items())}

    def add(self, table: JudgedTable, path: Path) -> None:
        """Add the accepted rows of ``table``, which are in the Parquet file ``path``."""
        key = table.kind, f"{table.file} {table.place}".strip()
        earlier = self.sheets.get(key, Sheet({}, 0))
        blocks, last = Counter(earlier.blocks), earlier.last
        names = [column.name for column in table_kinds()[table.kind].columns]
        for group in _row_groups(path, names):
            hashed = {name: _Hashed.of(group[name]) for name in names}
            coded = {name: column.values[column.codes] for name, column in hashed.items()}
            asked = combined([coded[name] for name in names if name not in (*KEYS, LEVEL)])
            answered = combined([asked, coded[LEVEL]])
            whole = combined([answered, *(coded[name] for name in KEYS)])
            number = group["row"].to_numpy() - 1
            last = max(last, int(number.max()))
            for block, digest in _by_group(_block(number), whole):
                blocks[block] = (blocks[block] + digest) % _ROUND
            for period, here in _rows_by_text(group["period"]):
                self._periods[table.kind, period].add(hashed[KEYS[0]], here, asked, answered, whole)
        self.sheets[key] = Sheet(blocks, last)


def _row_groups(path: Path, names: Sequence[str]) -> Iterator[pa.Table]:
    text = [name for name in names if name != LEVEL]
    with pq.ParquetFile(path, read_dictionary=text) as file:
        for number in range(file.num_row_groups):
            group = file.read_row_group(number, columns=[*names, "row"], use_threads=False)
            if group.num_rows:
                yield group.unify_dictionaries().combine_chunks()


def _rows_by_text(column: pa.ChunkedArray) -> Iterator[tuple[str, Numbers]]:
    """Each text of the column and its rows."""
    codes = codes_of(column)
    for code, text in enumerate(column.chunk(0).dictionary.to_pylist()):
        here = np.flatnonzero(codes == code)
        if len(here):
            yield text, here


def _block(number: Numbers) -> Numbers:
    """The block of each row, by its number from 0 on."""
    return np.where(number < COARSE_ROWS, number // FINE_ROWS, _FINE_BLOCKS + number // COARSE_ROWS)


def _by_group(groups: Numbers, hashes: Hashes) -> Iterator[tuple[int, int]]:
    """Each group and the sum of its ``hashes``."""
    distinct, at = np.unique(groups, return_inverse=True)
    yield from zip(distinct.tolist(), _sums(hashes, at, len(distinct)).tolist(), strict=True)


def _sums(values: np.ndarray[Any, np.dtype[Any]], at: Numbers, n: int) -> Any:
    """The sum of ``values`` of each of ``n`` groups; sums of hashes go round."""
    sums = np.zeros(n, values.dtype)
    np.add.at(sums, at, values)
    return sums
