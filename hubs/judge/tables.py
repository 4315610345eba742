"""Judging tables: millions of rows held against the contract's suite, in memory that hardly grows with them.

Great Expectations judges the *distinct* values of each column and nothing else; row numbers come back through the
integer codes of dictionary-encoded columns. Only rows whose key may repeat go to the uniqueness expectation. The
verdict is that of judging every row, which a test proves. What a column may hold is said in ``hubs.contract``; whether
a feed is hopeless is decided in ``hubs.judge``.

A table is read once: each stretch of rows is spooled to disk until its values and the repeated keys are known.
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

from hubs.contract.expectations import repeated_keys, unexpected_values
from hubs.contract.findings import Finding
from hubs.contract.kinds import table_kinds
from hubs.contract.kinds.base import TableKind
from hubs.contract.records import RawTable
from hubs.contract.verdict import JudgedTable
from hubs.instruments import Instrument
from hubs.judge import organisations
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
from hubs.judge.tallies import Tallies

STRETCH_ROWS = 131_072
"""Rows judged and written together, at least: one row group of the Parquet files."""
VALUES_TOGETHER = 100_000
"""Distinct values that wait for one run of Great Expectations; a run costs some 20 ms however few there are."""
VALUES_REMEMBERED = 100_000
"""Verdicts on values kept for the next stretch or hub, a column."""
RUBBISH_VALUES = 20_000
"""With more values than this in one stretch, a column is not looked at any more once another such column has refused
all rows of the stretch: they are out already, and one column of rubbish takes as long as a hundred good ones."""
KEYS_TOGETHER = 1_000_000
"""Rows with a key that may repeat, in one run of Great Expectations."""


@dataclass(frozen=True)
class TableContext:
    """What a table is judged against besides the contract.

    ``sector`` is the hub's own, for rows that state none; ``instruments`` are those known here, by name.
    """

    sector: str
    instruments: Mapping[str, Instrument]


def judge_table(
    table: RawTable, context: TableContext, accepted: Path, quarantined: Path
) -> tuple[JudgedTable, list[Finding]]:
    """Judge every row of ``table`` and write the two Parquet files, each only if it has a row.

    ``accepted`` gets the contract's columns as dictionaries, ``level`` as int8 (null: does not apply) and ``row``;
    ``quarantined`` the columns as they came, ``row`` and ``codes`` (parted by semicolons). Rows keep their order and
    equal input gives equal bytes. A row with any error is quarantined; of rows that share a key, all are.

    Where every row of a stretch is out for what stands in a column of rubbish, further such columns are not judged
    (see ``RUBBISH_VALUES``): no row is judged otherwise for it, but its codes may not be all.

    There is one finding for each (code, field, value), and beyond ``tallies.VALUES_NAMED`` values of a code and field
    one for all the others. Raises OSError from the disk, and whatever ``table.batches`` raises.
    """
    kind = table_kinds()[table.kind]
    codes = _codes(kind)
    tallies = Tallies(table, [*codes, organisations.CODE], [column.name for column in kind.columns])
    with TemporaryDirectory(dir=accepted.parent, prefix=".judging-") as name:
        folder = Path(name)
        spool = Spool(folder / "rows.arrows")
        stretches = _read(table, kind, spool, tallies)
        _mark_repeated(kind, spool, stretches)
        descriptions = organisations.Descriptions()
        with (
            ParquetFile(accepted, folder / "accepted") as good_rows,
            ParquetFile(quarantined, folder / "quarantined") as bad_rows,
        ):
            for stretch, rows in zip(stretches, spool.tables(), strict=True):
                faults = _Faults(rows, codes, tallies)
                _judge_columns(stretch, kind, faults)
                _judge_across(stretch, context, faults)
                if stretch.is_repeated is not None:
                    faults.of_rows("duplicate_answer", "", stretch.is_repeated)
                kept = _typed(only(rows, faults.bits == 0), context)
                descriptions.add(kept)
                good_rows.write(kept)
                bad_rows.write(_as_came(rows, faults))
            descriptions.tell(good_rows.close(), tallies)
    judged = JudgedTable(
        kind=table.kind,
        file=table.file,
        place=table.place,
        rows=good_rows.rows + bad_rows.rows,
        accepted_rows=good_rows.rows,
        quarantined_rows=bad_rows.rows,
        accepted=good_rows.path,
        quarantined=bad_rows.path,
    )
    return judged, tallies.findings()


# First pass: read once, look up or queue each distinct value, hash each key, spool the rows.


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


def _read(table: RawTable, kind: TableKind, spool: Spool, tallies: Tallies) -> list[_Stretch]:
    values = _Values(kind)
    names = [column.name for column in kind.columns]
    stretches = []
    with spool:
        for raw in _gathered(table.batches()):
            tallies.add_surplus(name for name in raw.column_names if name not in {*names, "row"})
            numbers = one_chunk(raw["row"].cast(pa.int64()))
            rows = pa.table([*(encoded(raw, name) for name in names), numbers], [*names, "row"])
            unexpected, hashes = {}, {}
            is_hopeless = False
            for name in names:
                distinct = rows[name].chunk(0).dictionary
                if len(distinct) <= RUBBISH_VALUES:
                    unexpected[name] = values.look_up(name, distinct)
                elif is_hopeless:
                    unexpected[name] = np.zeros(len(distinct) + 1, bool)
                else:
                    unexpected[name] = values.ask_now(name, distinct)
                    is_hopeless = bool(unexpected[name][codes_of(rows[name])].all())
                if name in kind.key:
                    hashes[name] = hashes_of([*distinct.to_pylist(), None])[codes_of(rows[name])]
            absent = frozenset(names) - frozenset(raw.column_names)
            stretches.append(_Stretch(rows.num_rows, absent, unexpected, combined([hashes[n] for n in kind.key])))
            spool.append(rows)
    values.settle()
    return stretches


def _gathered(batches: Iterable[pa.Table]) -> Iterator[pa.Table]:
    """The same rows in the same order, in tables of at least ``STRETCH_ROWS`` but for the last."""
    waiting: list[pa.Table] = []
    height = 0
    for batch in batches:
        if batch.num_rows:
            waiting.append(batch)
            height += batch.num_rows
        if height >= STRETCH_ROWS:
            yield pa.concat_tables(waiting, promote_options="permissive")
            waiting, height = [], 0
    if waiting:
        yield pa.concat_tables(waiting, promote_options="permissive")


class _Values:
    """Which values of one table the contract does not allow, as Great Expectations says: each is asked about once."""

    def __init__(self, kind: TableKind) -> None:
        self._kind = kind
        self._known = _known(kind.name)
        self._waiting: list[tuple[str, list[str | None], list[int], Mask]] = []
        self._waiting_n = 0

    def look_up(self, column: str, values: pa.Array) -> Mask:
        """Whether each of ``values`` is unexpected, and last whether a missing value is.

        Not to be read before ``settle``, which fills in what was not known.
        """
        known, texts = self._known[column], [*values.to_pylist(), None]
        verdicts = [known.get(text) for text in texts]
        mask = np.array([verdict is True for verdict in verdicts])
        unknown = [i for i, verdict in enumerate(verdicts) if verdict is None]
        if unknown:
            self._waiting.append((column, [texts[i] for i in unknown], unknown, mask))
            self._waiting_n += len(unknown)
            if self._waiting_n >= VALUES_TOGETHER:
                self.settle()
        return mask

    def ask_now(self, column: str, values: pa.Array) -> Mask:
        """The same for so many values that they are not worth remembering."""
        values = pa.concat_arrays([values, pa.nulls(1, pa.string())])
        mask = np.zeros(len(values), bool)
        mask[unexpected_values(self._kind, {column: values})[column]] = True
        return mask

    def settle(self) -> None:
        """Ask about all values that wait."""
        waiting, self._waiting, self._waiting_n = self._waiting, [], 0
        asked: dict[str, dict[str | None, bool]] = {}
        for column, texts, _, _ in waiting:
            asked.setdefault(column, {}).update(dict.fromkeys(texts, False))
        distinct = {column: list(verdicts) for column, verdicts in asked.items()}
        arrays = {column: pa.array(texts, pa.string()) for column, texts in distinct.items()}
        for column, positions in unexpected_values(self._kind, arrays).items():
            asked[column].update((distinct[column][position], True) for position in positions.tolist())
        for column, texts, places, mask in waiting:
            mask[places] = [asked[column][text] for text in texts]
        for column, verdicts in asked.items():
            if len(self._known[column]) + len(verdicts) > VALUES_REMEMBERED:
                self._known[column].clear()
            self._known[column].update(verdicts)


@cache
def _known(kind: str) -> dict[str, dict[str | None, bool]]:
    """Verdicts by column and value. One a process: what was asked for one hub need not be asked for the next. A value
    may be forgotten at any moment, also by another thread, and its verdict never changes.
    """
    return {column.name: {} for column in table_kinds()[kind].columns}


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
        is_repeated = np.zeros(len(frame), bool)
        is_repeated[repeated_keys(frame)] = True
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
    """Which rows of a stretch have which errors: bit i of ``bits`` stands for ``codes[i]``."""

    def __init__(self, rows: pa.Table, codes: tuple[str, ...], tallies: Tallies) -> None:
        self.rows = rows
        self.bits = np.zeros(rows.num_rows, np.int64)
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
            values = self.rows[column]
            dictionary, codes = values.chunk(0).dictionary, codes_of(values)[bad]
            self._tallies.add_values(code, column, self._numbers[bad], dictionary, codes)

    def labels(self) -> pa.Array:
        """The codes of each row that has any, parted by semicolons."""
        patterns, which = np.unique(self.bits[self.bits != 0], return_inverse=True)
        texts = [";".join(c for i, c in enumerate(self._codes) if pattern >> i & 1) for pattern in patterns.tolist()]
        return pa.array(texts, pa.string()).take(pa.array(which))


@cache
def _codes(kind: TableKind) -> tuple[str, ...]:
    own = (column.code for column in kind.columns)
    return tuple(dict.fromkeys(["missing_column", "missing_value", *own, "unknown_question", "duplicate_answer"]))


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


def _as_came(rows: pa.Table, faults: _Faults) -> pa.Table:
    bad = rows.filter(pa.array(faults.bits != 0))
    columns = {name: bad[name] if name == "row" else bad[name].cast(pa.string()) for name in bad.column_names}
    return pa.table(columns | {"codes": faults.labels()})
