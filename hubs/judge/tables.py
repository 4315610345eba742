"""Judging tables: millions of rows held against the contract's suite, in memory that hardly grows with them.

Great Expectations judges the *distinct* values of each column and nothing else; row numbers come back through the
integer codes of dictionary-encoded columns. Only rows whose key may repeat go to the uniqueness expectation. The
verdict is that of judging every row, which a test proves. What a column may hold is said in ``hubs.contract``; whether
a feed is hopeless is decided in ``hubs.judge``.

A table is read once: each stretch of rows is spooled to disk until its values and the repeated keys are known. Small
tables wait for one another, so that the values of all of them are judged at once.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from hubs.contract.expectations import repeated_keys, unexpected_values
from hubs.contract.findings import Finding
from hubs.contract.kinds import table_kinds
from hubs.contract.kinds.base import TableKind
from hubs.contract.records import RawTable, UnreadableTable
from hubs.contract.verdict import JudgedTable
from hubs.instruments import Instrument
from hubs.judge import identifiers, organisations, populations
from hubs.judge.columns import (
    Hashes,
    Integers,
    Mask,
    codes_of,
    combined,
    encoded,
    hashes_of,
    is_in,
    one_chunk,
    only,
)
from hubs.judge.rowfiles import ParquetFile, Spool
from hubs.judge.tallies import ROWS_NAMED, Tallies, Tally
from hubs.register import Register

STRETCH_ROWS = 131_072
"""Rows judged and written together, at least: one row group of the Parquet files."""
STRETCH_BYTES = 16 << 20
"""Fewer rows are judged together where they have this much text, so that long values do not fill the memory."""
VALUES_TOGETHER = 400_000
"""Values that wait for one run of Great Expectations; a run costs some 15 ms however few there are."""
VALUE_BYTES_TOGETHER = 16 << 20
"""The same where values are long."""
KEYS_TOGETHER = 1_000_000
"""Rows with a key that may repeat, in one run of Great Expectations."""


@dataclass(frozen=True)
class TableContext:
    """What a table is judged against besides the contract.

    ``sector`` is the hub's own, for rows that state none; ``instruments`` are those known here, by name; ``register``
    says how many organisations there are, where the hub's registration names one.
    """

    sector: str
    instruments: Mapping[str, Instrument]
    register: Register | None = None


def judge_tables(
    tables: Iterable[RawTable], context: TableContext, folder: Path
) -> tuple[list[JudgedTable], list[Finding]]:
    """Judge every row of ``tables`` and write two Parquet files in ``folder`` for each, each only if it has a row.

    The file of accepted rows has the contract's columns as dictionaries, ``level`` as int8 (null: does not apply) and
    ``row``; that of quarantined rows ``row``, ``codes`` (parted by semicolons) and of the columns what may stand in
    them: a value that may not could be anything, so it stays in the feed and is kept nowhere else. Rows keep their
    order and equal input gives equal bytes. A row with any error is quarantined; of rows that share a key, all are, and
    so are all rows of a table with a column of identifiers.

    There is one finding for each (code, field, value) of a table, and beyond ``tallies.VALUES_NAMED`` values of a code
    and field one for all the others. Of a table that turns out to be unreadable part of the way through nothing is
    used. Raises OSError from the disk.
    """
    judged: list[JudgedTable] = []
    findings: list[Finding] = []
    with TemporaryDirectory(dir=folder, prefix=".judging-") as name:
        values = {kind.name: _Values(kind) for kind in table_kinds().values()}
        read: list[_ReadTable] = []
        rows = 0
        for number, table in enumerate(tables, start=1):
            paths = folder / f"{table.kind}-{number}.parquet", folder / f"{table.kind}-{number}-quarantine.parquet"
            spool = Spool(Path(name) / f"{number}.arrows")
            try:
                read.append(_read(table, paths, spool, values[table.kind]))
            except UnreadableTable as error:  # ragged or badly encoded further down
                findings.append(error.finding)
                spool.remove()
                continue
            rows += sum(stretch.rows for stretch in read[-1].stretches)
            if rows >= STRETCH_ROWS:
                _finish(read, values, context, judged, findings)
                read, rows = [], 0
        _finish(read, values, context, judged, findings)
    return judged, findings


def _finish(
    read: list[_ReadTable],
    values: dict[str, _Values],
    context: TableContext,
    judged: list[JudgedTable],
    findings: list[Finding],
) -> None:
    """Add the verdicts on the tables that were ``read``, small ones together, to ``judged`` and ``findings``."""
    for waiting in values.values():
        waiting.settle()
    for one in read:
        judged.append(_judge(one, context))
        findings += [*one.tallies.findings(), *identifiers.left_out(one.table)]
        one.spool.remove()


def _judge(read: _ReadTable, context: TableContext) -> JudgedTable:
    """The second pass: write the rows, and tell their faults to the tallies."""
    table, kind, spool, tallies = read.table, table_kinds()[read.table.kind], read.spool, read.tallies
    _mark_repeated(kind, spool, read.stretches)
    identifying = read.seen.identifying()
    tallies.withhold(identifying)
    descriptions = organisations.Descriptions()
    mapped = populations.Mapped(context.register) if context.register else None
    sample = populations.Sample()
    accepted, quarantined = read.paths
    with (
        ParquetFile(accepted, spool.path.with_suffix(".accepted")) as good_rows,
        ParquetFile(quarantined, spool.path.with_suffix(".quarantined")) as bad_rows,
    ):
        for stretch, rows in zip(read.stretches, spool.tables(), strict=True):
            faults = _Faults(rows, _codes(kind), tallies)
            for name, detail in identifying.items():
                faults.of_table(identifiers.CODE, name, detail)
            _judge_columns(stretch, kind, faults)
            _judge_across(stretch, context, faults)
            if stretch.is_repeated is not None:
                faults.of_rows("duplicate_answer", "", stretch.is_repeated)
            if mapped:
                faults.of_values(
                    populations.TOO_SMALL, "organisation_type", mapped.too_small(rows) & (faults.bits == 0)
                )
            kept = _typed(only(rows, faults.bits == 0), context)
            if mapped:
                kept = mapped.generalised(kept)
            else:
                sample.add(kept)
            descriptions.add(kept)
            good_rows.write(kept)
            if faults.bits.any():
                bad_rows.write(_without_refused(rows, faults))
        descriptions.tell(good_rows.close(), tallies)
    for name in read.seen.counting():
        tallies.add_finding("keys_in_sequence", field=name)
    (mapped or sample).tell(tallies)
    return JudgedTable(
        kind=table.kind,
        file=table.file,
        place=table.place,
        rows=good_rows.rows + bad_rows.rows,
        accepted_rows=good_rows.rows,
        quarantined_rows=bad_rows.rows,
        accepted=good_rows.path,
        quarantined=bad_rows.path,
        derived=table.derived,
    )


# First pass: read once, queue each distinct value, hash each key, spool the rows.


@dataclass
class _Stretch:
    """What is remembered of a stretch of rows between the passes.

    ``unexpected`` says for each column and each entry of its dictionary whether it may not stand there; its last
    entry is about the missing value. ``is_repeated`` marks rows that share their key, None where none does.
    """

    rows: int
    absent: frozenset[str]
    unexpected: dict[str, Mask]
    keys: Hashes
    is_repeated: Mask | None = None


@dataclass(frozen=True)
class _ReadTable:
    """A table after the first pass. ``paths`` are those of accepted and of quarantined rows."""

    table: RawTable
    paths: tuple[Path, Path]
    spool: Spool
    stretches: list[_Stretch]
    tallies: Tallies
    seen: identifiers.Columns


def _read(table: RawTable, paths: tuple[Path, Path], spool: Spool, values: _Values) -> _ReadTable:
    kind = table_kinds()[table.kind]
    names = [column.name for column in kind.columns]
    tallies = Tallies(table, [*_codes(kind), organisations.CODE], names)
    tallies.withhold(column.name for column in kind.columns if column.is_key)
    seen = identifiers.Columns(kind)
    stretches = []
    with spool:
        for raw in _gathered(table.batches()):
            tallies.add_surplus(name for name in raw.column_names if name not in {*names, "row"})
            numbers = one_chunk(raw["row"].cast(pa.int64()))
            rows = pa.table([*(encoded(raw, name) for name in names), numbers], [*names, "row"])
            unexpected, hashes = {}, []
            for name in names:
                distinct = rows[name].chunk(0).dictionary
                unexpected[name] = values.ask(name, distinct)
                seen.add(name, distinct)
                if name in kind.key:
                    hashes.append(hashes_of(distinct)[codes_of(rows[name])])
            absent = frozenset(names) - frozenset(raw.column_names)
            stretches.append(_Stretch(rows.num_rows, absent, unexpected, combined(hashes)))
            spool.append(rows)
    return _ReadTable(table, paths, spool, stretches, tallies, seen)


def _gathered(batches: Iterable[pa.Table]) -> Iterator[pa.Table]:
    """The same rows in the same order, in tables of at least ``STRETCH_ROWS`` or ``STRETCH_BYTES`` but for the last."""
    waiting: list[pa.Table] = []
    rows = size = 0
    for batch in batches:
        if batch.num_rows:
            waiting.append(batch)
            rows += batch.num_rows
            size += batch.nbytes
        if rows >= STRETCH_ROWS or size >= STRETCH_BYTES:
            yield pa.concat_tables(waiting, promote_options="permissive")
            waiting, rows, size = [], 0, 0
    if waiting:
        yield pa.concat_tables(waiting, promote_options="permissive")


class _Values:
    """Which values of tables of one kind the contract does not allow, as Great Expectations says of many at a time."""

    def __init__(self, kind: TableKind) -> None:
        self._kind = kind
        self._waiting: dict[str, list[tuple[pa.Array, Mask]]] = {}
        self._waiting_n = self._waiting_bytes = 0

    def ask(self, column: str, values: pa.Array) -> Mask:
        """Whether each of ``values`` is unexpected, and last whether a missing value is. Filled in by ``settle``."""
        mask = np.zeros(len(values) + 1, bool)
        self._waiting.setdefault(column, []).append((values, mask))
        self._waiting_n += len(values)
        self._waiting_bytes += values.nbytes
        if self._waiting_n >= VALUES_TOGETHER or self._waiting_bytes >= VALUE_BYTES_TOGETHER:
            self.settle()
        return mask

    def settle(self) -> None:
        """Ask about all values that wait."""
        if not self._waiting:
            return
        waiting, self._waiting, self._waiting_n, self._waiting_bytes = self._waiting, {}, 0, 0
        missing = pa.nulls(1, pa.string())
        asked = {column: pa.concat_arrays([*(v for v, _ in parts), missing]) for column, parts in waiting.items()}
        for column, unexpected in unexpected_values(self._kind, asked).items():
            start = 0
            for values, mask in waiting[column]:
                mask[:-1] = unexpected[start : start + len(values)]
                mask[-1] = unexpected[-1]
                start += len(values)


# Between the passes: which keys really repeat.


def _mark_repeated(kind: TableKind, spool: Spool, stretches: list[_Stretch]) -> None:
    """Set ``is_repeated`` of each stretch. Among the rows whose hashes are equal, Great Expectations decides."""
    hashes = _repeated([stretch.keys for stretch in stretches])
    suspected = [_is_among(stretch.keys, hashes) for stretch in stretches]
    parts = np.uint64(-(-sum(int(mask.sum()) for mask in suspected) // KEYS_TOGETHER))
    for part in range(int(parts)):
        # Equal keys have equal hashes, so they always fall into the same part.
        chosen = [mask & (s.keys % parts == part) for s, mask in zip(stretches, suspected, strict=True)]
        pieces = [rows.filter(pa.array(mask)) for rows, mask in zip(spool.tables(kind.key), chosen, strict=True)]
        keys = pa.concat_tables(pieces).unify_dictionaries()
        # Codes are equal where text is equal, and far quicker to compare.
        frame = pd.DataFrame({name: _key_codes(keys[name]) for name in kind.key})
        is_repeated = repeated_keys(frame)
        start = 0
        for stretch, mask in zip(stretches, chosen, strict=True):
            stop = start + int(mask.sum())
            if is_repeated[start:stop].any():
                if stretch.is_repeated is None:
                    stretch.is_repeated = np.zeros(stretch.rows, bool)
                stretch.is_repeated[mask] = is_repeated[start:stop]
            start = stop


def _repeated(parts: list[Hashes]) -> Hashes:
    """The hashes that occur more than once, ascending."""
    ordered = np.concatenate([np.array([], np.uint64), *parts])
    ordered.sort()
    return np.unique(ordered[1:][ordered[1:] == ordered[:-1]])


def _is_among(keys: Hashes, wanted: Hashes) -> Mask:
    """Which of ``keys`` are in ``wanted`` (ascending)."""
    if not len(wanted):
        return np.zeros(len(keys), bool)
    found: Mask = wanted[np.minimum(np.searchsorted(wanted, keys), len(wanted) - 1)] == keys
    return found


def _key_codes(column: pa.ChunkedArray) -> pd.Series:
    indices = pa.chunked_array([chunk.indices for chunk in column.chunks], pa.int32())
    codes: pd.Series = indices.to_pandas()  # a missing value becomes NaN, which the expectation passes over
    return codes


# Second pass: the faults of each row.


class _Faults:
    """Which rows of a stretch have which errors: bit i of ``bits`` stands for ``codes[i]``. ``refused`` says by column
    which rows have a value that may not stand there.
    """

    def __init__(self, rows: pa.Table, codes: tuple[str, ...], tallies: Tallies) -> None:
        self.rows = rows
        self.bits = np.zeros(rows.num_rows, np.int64)
        self.refused: dict[str, Mask] = {}
        self._codes = codes
        self._tallies = tallies
        self._numbers: Integers = rows["row"].to_numpy()

    def of_rows(self, code: str, column: str, bad: Mask) -> None:
        """``bad`` rows have the error ``code`` in which the value says nothing. ``column`` is empty for the key."""
        if bad.any():
            self.bits[bad] |= 1 << self._codes.index(code)
            self._tallies.add_rows(code, column, self._numbers[bad])

    def of_values(self, code: str, column: str, bad: Mask) -> None:
        """``bad`` rows have the error ``code`` for their value in ``column``."""
        if bad.any():
            self.bits[bad] |= 1 << self._codes.index(code)
            self.refused[column] = self.refused.get(column, np.False_) | bad
            values = self.rows[column]
            dictionary, codes = values.chunk(0).dictionary, codes_of(values)[bad]
            self._tallies.add_values(code, column, self._numbers[bad], dictionary, codes)

    def of_table(self, code: str, column: str, detail: str) -> None:
        """All rows have the error ``code`` for what the whole ``column`` is."""
        self.bits |= 1 << self._codes.index(code)
        self.refused[column] = np.ones(len(self.bits), bool)
        tally = Tally(len(self._numbers), self._numbers[:ROWS_NAMED].tolist())
        self._tallies.add_tally(code, column, None, detail, tally)

    def labels(self) -> pa.Array:
        """The codes of each row that has any, parted by semicolons."""
        patterns, which = np.unique(self.bits[self.bits != 0], return_inverse=True)
        texts = [";".join(c for i, c in enumerate(self._codes) if pattern >> i & 1) for pattern in patterns.tolist()]
        return pa.array(texts, pa.string()).take(pa.array(which))


@cache
def _codes(kind: TableKind) -> tuple[str, ...]:
    own = (column.code for column in kind.columns)
    across = ("unknown_question", "duplicate_answer", populations.TOO_SMALL)
    return tuple(dict.fromkeys([identifiers.CODE, "missing_column", "missing_value", *own, *across]))


def _judge_columns(stretch: _Stretch, kind: TableKind, faults: _Faults) -> None:
    for column in kind.columns:
        unexpected = stretch.unexpected[column.name]
        if unexpected.any():
            codes = codes_of(faults.rows[column.name])
            is_missing = codes == len(unexpected) - 1
            if unexpected[-1]:
                code = "missing_column" if column.name in stretch.absent else "missing_value"
                faults.of_rows(code, column.name, is_missing)
            faults.of_values(column.code, column.name, unexpected[codes] & ~is_missing)


def _judge_across(stretch: _Stretch, context: TableContext, faults: _Faults) -> None:
    """The instrument is known here, and asks this question of this audience.

    A row whose instrument or audience is itself refused is not held to account for the question.
    """
    names = ("instrument", "audience", "question")
    values = {name: faults.rows[name].chunk(0).dictionary for name in names}
    codes = {name: codes_of(faults.rows[name]) for name in names}
    allowed = {name: np.append(~stretch.unexpected[name][:-1], np.False_) for name in names}
    is_known = np.append(is_in(values["instrument"], list(context.instruments)), np.False_)
    is_strange = allowed["instrument"] & ~is_known
    faults.of_values("unknown_instrument", "instrument", is_strange[codes["instrument"]])
    is_refused = np.zeros(faults.rows.num_rows, bool)
    for i in np.flatnonzero(allowed["instrument"] & is_known).tolist():
        instrument = context.instruments[values["instrument"][i].as_py()]
        for a in np.flatnonzero(allowed["audience"]).tolist():
            asked = [question.id for question in instrument.asked_of(values["audience"][a].as_py())]
            is_unasked = allowed["question"] & ~np.append(is_in(values["question"], asked), np.False_)
            if is_unasked.any():
                is_here = (codes["instrument"] == i) & (codes["audience"] == a)
                is_refused |= is_here & is_unasked[codes["question"]]
    faults.of_values("unknown_question", "question", is_refused)


def _typed(rows: pa.Table, context: TableContext) -> pa.Table:
    """Accepted rows with the hub's sector where none is stated, and levels as numbers."""
    if not rows.num_rows:
        return rows
    sectors, levels = rows["sector"].chunk(0), rows["level"].chunk(0)
    if sectors.null_count:
        sectors = sectors.cast(pa.string()).fill_null(context.sector).dictionary_encode()
    numbers = [None if value == "na" else int(value) for value in levels.dictionary.to_pylist()]
    rows = rows.set_column(rows.column_names.index("sector"), "sector", sectors)
    taken = pa.array(numbers, pa.int8()).take(levels.indices)
    return rows.set_column(rows.column_names.index("level"), "level", taken)


def _without_refused(rows: pa.Table, faults: _Faults) -> pa.Table:
    """The rows with an error, without those values that may not stand where they do."""
    is_bad = faults.bits != 0
    bad = rows.filter(pa.array(is_bad))
    columns = {}
    for name in bad.column_names:
        columns[name] = bad[name] if name == "row" else bad[name].cast(pa.string())
        if name in faults.refused:
            is_refused = pa.array(faults.refused[name][is_bad])
            columns[name] = pc.if_else(is_refused, pa.scalar(None, pa.string()), columns[name])
    return pa.table(columns | {"codes": faults.labels()})
