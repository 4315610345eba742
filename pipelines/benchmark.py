"""From accepted returns to true counts: how many organisations of each group of the cube are on each level.

Counting lives here. What may be told of the counts is for ``disclose``; breakdowns are ``pipelines.policy``; what an
answer may say was judged before. Pure: Parquet files in, tables and counts out. No count made here is published as it
is, or leaves the machine.

The unit is the organisation. All valid answers (0 to 5) of its respondents in one audience, dimension, period and
instrument become one level, their lower median; reached through two hubs, it still counts once.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from hubs.contract.groups import ATTRIBUTES, TABLE
from hubs.contract.vocabularies import vocabulary
from hubs.instruments import Instrument
from pipelines.cube import LEVELS_N, Breakdown, Counts, Grid, Integers, Key, Numbers
from pipelines.policy import Policy

COUNTS = tuple(f"c{level}" for level in range(LEVELS_N))
"""Columns with the number of valid answers on each level."""

CHUNK_ROWS = 262_144
"""Organisations looked at together."""

_TEXT = pa.dictionary(pa.int32(), pa.string())
_DESCRIBED = ("period", *ATTRIBUTES)
"""What is said of a subject besides who it is."""

AnyShape = np.ndarray[Any, np.dtype[np.integer[Any]]]


# A hub at a time: answers become a histogram for each organisation.


def organisation_levels(returns: Iterable[Path], instruments: Mapping[str, Instrument]) -> pa.Table:
    """The valid answers of one hub's organisations, counted.

    ``returns`` are accepted assessment tables as Parquet, read a row group at a time. One row for each combination of
    ``TABLE`` and ``organisation`` that has a valid answer, with the attributes of the organisation's first row in the
    period, and the answers on each level in ``COUNTS`` (int32). Text columns are dictionaries.

    Raises KeyError for an instrument or a question that is not in ``instruments``: the judge let none through.
    """
    parts = [_count(rows, instruments) for path in returns for rows in _row_groups(path)]
    if not parts:
        return _empty_levels()
    return _summed(pa.concat_tables([counted for counted, _ in parts]), pa.concat_tables([who for _, who in parts]))


def _empty_levels() -> pa.Table:
    names = (*TABLE, "organisation", *ATTRIBUTES)
    return pa.schema([*((n, _TEXT) for n in names), *((n, pa.int32()) for n in COUNTS)]).empty_table()


def _row_groups(path: Path) -> Iterator[pa.Table]:
    text = ["period", "instrument", "audience", "question", "organisation", *ATTRIBUTES]
    with pq.ParquetFile(path, read_dictionary=text) as file:
        for number in range(file.num_row_groups):
            yield file.read_row_group(number, columns=[*text, "level"], use_threads=False)


def _count(rows: pa.Table, instruments: Mapping[str, Instrument]) -> tuple[pa.Table, pa.Table]:
    """Answers by organisation and level, and the first description of each organisation and period."""
    rows = rows.unify_dictionaries().combine_chunks()
    coded = {name: _coded(rows[name]) for name in rows.column_names if name != "level"}
    instrument, question = coded["instrument"], coded["question"]
    dimensions, where = _dimensions(instrument.values.to_pylist(), question.values.to_pylist(), instruments)
    coded["dimension"] = _Coded(where[instrument.codes, question.codes], pa.array(dimensions, pa.string()))
    first, at = _groups(_mixed([coded[name] for name in (*TABLE, "organisation")]))
    not_applicable = len(COUNTS)
    level = rows["level"].chunk(0).fill_null(not_applicable).to_numpy()
    width = not_applicable + 1
    counts = np.bincount(at * width + level, minlength=len(first) * width).reshape(-1, width)[:, :not_applicable]
    is_valid = counts.any(axis=1)
    counted = {name: coded[name].take(first[is_valid]) for name in (*TABLE, "organisation")}
    counted |= {name: pa.array(counts[is_valid, i], pa.int32()) for i, name in enumerate(COUNTS)}
    described, _ = _groups(_mixed([coded["period"], coded["organisation"]]))
    who = {name: coded[name].take(described) for name in ("period", "organisation", *ATTRIBUTES)}
    return pa.table(counted), pa.table(who)


def _dimensions(
    names: Sequence[str], questions: Sequence[str], instruments: Mapping[str, Instrument]
) -> tuple[list[str], Grid]:
    """All dimensions, and for each instrument and question which of them it is about (-1: not its question)."""
    dimensions = list(dict.fromkeys(dimension for name in names for dimension in instruments[name].dimensions))
    where = np.full((len(names), len(questions)), -1)
    for i, name in enumerate(names):
        for q, question in enumerate(questions):
            asked = instruments[name].questions.get(question)
            if asked is not None:
                where[i, q] = dimensions.index(asked.dimension)
    return dimensions, where


def _summed(counted: pa.Table, who: pa.Table) -> pa.Table:
    """Rows of ``counted`` with the same key added up, each with the first description in ``who``."""
    counted, who = counted.unify_dictionaries().combine_chunks(), who.unify_dictionaries().combine_chunks()
    coded = {name: _coded(counted[name]) for name in (*TABLE, "organisation")}
    first, at = _groups(_mixed(list(coded.values())))
    columns = {name: column.take(first) for name, column in coded.items()}
    columns |= _described(counted, who, first)
    columns |= {name: pa.array(_added(counted[name].to_numpy(), at, len(first)), pa.int32()) for name in COUNTS}
    return pa.table(columns)


def _described(counted: pa.Table, who: pa.Table, rows: Integers) -> dict[str, pa.Array]:
    """The attributes of the organisations on ``rows`` of ``counted``: their first ones in ``who`` for the period."""
    names = ("period", "organisation")
    keys = pa.concat_tables([who.select(names), counted.select(names).take(pa.array(rows))])
    keys = keys.unify_dictionaries().combine_chunks()
    first, at = _groups(_mixed([_coded(keys[name]) for name in names]))
    source = first[at[who.num_rows :]]
    return {name: _coded(who[name]).take(source) for name in ATTRIBUTES}


def by_period(levels: pa.Table) -> list[pa.Table]:
    """The rows of one hub's table by period, in order, so that a period can be kept and read by itself. What is in the
    dictionaries of one is of that period alone. Of nobody, one table of no rows.
    """
    periods = sorted(pc.unique(levels["period"]).to_pylist())
    return [_alone(levels.filter(pc.equal(levels["period"], period))) for period in periods] or [levels]


def _alone(levels: pa.Table) -> pa.Table:
    for i, column in enumerate(levels.schema):
        if pa.types.is_dictionary(column.type):
            text = levels[i].combine_chunks().dictionary_decode()
            levels = levels.set_column(i, column, text.dictionary_encode())
    return levels


# Over all hubs: an organisation counts once.


def combine(tables: Mapping[str, pa.Table]) -> pa.Table:
    """The level of each organisation, over all hubs.

    ``tables`` are those of ``organisation_levels`` by hub. The same organisation key reached through several hubs is
    one organisation: its answers are added up, its attributes are those of the first of its hubs in the period.
    Columns: ``TABLE``, ``organisation``, the attributes, ``level`` (int8, lower median) and ``hubs`` (list); text
    columns are dictionaries. A chunk for each of ``TABLE``, which come in order.
    """
    if chunks := list(combined(tables)):
        return pa.Table.from_batches(chunks)
    hubs = pa.list_(pa.dictionary(pa.int16(), pa.string()))
    fields = [*((name, _TEXT) for name in (*TABLE, "organisation", *ATTRIBUTES)), ("level", pa.int8()), ("hubs", hubs)]
    return pa.schema(fields).empty_table()


def combined(tables: Mapping[str, pa.Table]) -> Iterator[pa.RecordBatch]:
    """The chunks of the table that ``combine`` gives, each made when it is wanted. Each of ``tables`` is asked for
    once, before the first chunk, so that a mapping may read it then.
    """
    gathered = _Gathered()
    for hub in sorted(tables):
        gathered.add(hub, tables[hub])
    return gathered.chunks()


@dataclass
class _Gathered:
    """Rows of several hubs, by ``TABLE``, in some 12 bytes each: who answered (the number of a subject), through which
    hub (its number), and the answers by level (a row of counts).

    A subject is an organisation in a period, as one hub knows it. Only in the end is it found out which of them are the
    same, since that takes one look at all names together.
    """

    hubs: list[str] = field(default_factory=list)
    organisations: list[pa.DictionaryArray] = field(default_factory=list)
    described: dict[str, _Numbered] = field(default_factory=lambda: {name: _Numbered() for name in _DESCRIBED})
    parts: dict[Key, list[tuple[Numbers, Numbers, Grid]]] = field(default_factory=dict)
    subjects_n: int = 0

    def add(self, hub: str, table: pa.Table) -> None:
        """Add the levels of one hub. Hubs come in order of id."""
        table = table.unify_dictionaries().combine_chunks()
        coded = {name: _coded(table[name]) for name in table.column_names if name not in COUNTS}
        first, at = _groups(_mixed([coded[name] for name in ("organisation", "period")]))
        if len(first):
            self.organisations.append(coded["organisation"].take(first))
        for name, numbered in self.described.items():
            numbered.add(coded[name], first)
        who = (at + self.subjects_n).astype(np.int32)
        self.subjects_n += len(first)
        counts = np.stack([table[name].to_numpy() for name in COUNTS], axis=1)
        counts = counts.astype(np.min_scalar_type(counts.max(initial=0)))
        for key, rows in _by_table(coded):
            number = np.full(len(rows), len(self.hubs), np.int16)
            self.parts.setdefault(key, []).append((who[rows], number, counts[rows]))
        self.hubs.append(hub)

    def chunks(self) -> Iterator[pa.RecordBatch]:
        """A row for each organisation in each of ``TABLE``, which come in order, a chunk each. Takes the rows away."""
        if not self.parts:
            return
        organisations = pa.chunked_array(self.organisations).unify_dictionaries().combine_chunks()
        self.organisations.clear()
        period, *attributes = (numbered.finished() for numbered in self.described.values())
        organisation = organisations.indices.to_numpy().astype(np.int64)
        first, same = _groups(organisation * len(period.values) + period.codes)
        same = same.astype(np.int32)
        described = {"organisation": _Coded(organisation[first].astype(np.int32), organisations.dictionary)}
        described |= {name: column.only(first) for name, column in zip(ATTRIBUTES, attributes, strict=True)}
        hub_names = pa.array(self.hubs, pa.string())
        # Of one buffer for all chunks and columns, which nobody writes to, the system keeps next to nothing.
        zeros = pa.array(np.zeros(max(sum(len(who) for who, _, _ in parts) for parts in self.parts.values()), np.int32))
        for key in sorted(self.parts):
            who, hub, counts = (np.concatenate(parts) for parts in zip(*self.parts.pop(key), strict=True))
            who = same[who]
            first, at = _groups(who)
            columns = {
                name: pa.DictionaryArray.from_arrays(zeros[: len(first)], pa.array([term], pa.string()))
                for name, term in zip(TABLE, key, strict=True)
            }
            for name, column in described.items():
                columns[name] = pa.DictionaryArray.from_arrays(pa.array(column.codes[who[first]]), column.values)
            columns["level"] = pa.array(_lower_median(_added(counts, at, len(first))), pa.int8())
            columns["hubs"] = _lists(hub_names, hub, at, len(first))
            yield pa.record_batch(columns)


class _Numbered:
    """A column of few different values, gathered piece by piece."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}
        self._codes: list[Numbers] = []

    def add(self, column: _Coded, rows: Integers) -> None:
        """Add the values on ``rows``."""
        codes, values = column.codes[rows], column.values.to_pylist()
        numbers = np.zeros(len(values), np.int32)
        for code in np.flatnonzero(np.bincount(codes)).tolist():
            numbers[code] = self._numbers.setdefault(values[code], len(self._numbers))
        self._codes.append(numbers[codes])

    def finished(self) -> _Coded:
        """The whole column."""
        return _Coded(np.concatenate(self._codes), pa.array(list(self._numbers), pa.string()))


def _by_table(coded: Mapping[str, _Coded]) -> Iterator[tuple[Key, Integers]]:
    """Each combination of ``TABLE`` and its rows."""
    columns = [coded[name] for name in TABLE]
    rows_n = len(columns[0].codes)
    if rows_n and all((column.codes == column.codes[0]).all() for column in columns):
        [key] = zip(*(column.text([0]) for column in columns), strict=True)
        yield key, np.arange(rows_n)
        return
    first, at = _groups(_mixed(columns))
    period, instrument, audience, dimension = (column.text(first) for column in columns)
    keys = zip(period, instrument, audience, dimension, strict=True)
    order = np.argsort(at, kind="stable")
    rows_of = np.split(order, np.cumsum(np.bincount(at))[:-1]) if len(at) else []
    yield from zip(keys, rows_of, strict=True)


def _lists(names: pa.Array, hub: Numbers, at: Integers, n: int) -> pa.ListArray:
    """For each of ``n`` organisations its hubs, where row i is of organisation ``at[i]`` and of hub ``hub[i]``."""
    order = np.argsort(at, kind="stable")  # a hub has one row an organisation, and hubs come in order
    offsets = np.append(0, np.cumsum(np.bincount(at, minlength=n))).astype(np.int32)
    values = pa.DictionaryArray.from_arrays(pa.array(hub[order], pa.int16()), names)
    return pa.ListArray.from_arrays(pa.array(offsets), values)


def _lower_median(counts: Grid) -> Numbers:
    """For each row of counts by level, the level of the middle one, the lower of two; -1 where nobody is."""
    n = counts.sum(axis=1, dtype=np.int64)
    below, reached = np.zeros(len(n), np.int8), np.zeros(len(n), np.int64)
    for answers in counts.T:
        reached += answers
        below += reached * 2 < n
    return np.where(n > 0, below, np.int8(-1))


# The cube.


def cube(levels: pa.Table, policy: Policy) -> Iterator[Counts]:
    """The true counts of each of ``TABLE``, in order, of the table that ``combine`` made. Every group of the policy's
    breakdowns is there, whether anybody is in it or not.
    """
    breakdowns = [Breakdown.named(name) for name in policy.breakdowns]
    members = members_of(levels)
    for tables, tie_key in _by_wave(members):
        for key, one in tables.items():
            yield _counted(key, one, members.hubs, breakdowns, tie_key)


def tie_keys(levels: pa.Table) -> dict[Key, tuple[bytes, int]]:
    """What ``Counts.tie_key`` is of each of ``TABLE`` in the table that ``combine`` made, in order, and how many
    organisations it has.
    """
    return {
        key: (tie_key, len(one.level))
        for tables, tie_key in _by_wave(members_of(levels))
        for key, one in tables.items()
    }


@dataclass(frozen=True)
class Members:
    """Organisations: their numbers, the numbers of their terms, their level, and the number of their hub (-1: in
    several).
    """

    organisation: Numbers
    terms: Mapping[str, Numbers]
    level: Numbers
    only_hub: Numbers


@dataclass
class AllMembers:
    """The organisations of all of ``TABLE``, as pieces of ``Members``; the names that their numbers stand for."""

    organisations: pa.Array
    parts: dict[Key, list[Members]]
    hubs: dict[str, int]

    def of(self, key: Key) -> Members:
        """Those of one of ``TABLE``."""
        parts = self.parts[key]
        return Members(
            np.concatenate([part.organisation for part in parts]),
            {name: np.concatenate([part.terms[name] for part in parts]) for name in ATTRIBUTES},
            np.concatenate([part.level for part in parts]),
            np.concatenate([part.only_hub for part in parts]),
        )


def members_of(levels: pa.Table) -> AllMembers:
    """The organisations in the table that ``combine`` made. Raises KeyError for a term that is in no vocabulary."""
    levels = levels.select([*TABLE, "organisation", *ATTRIBUTES, "level", "hubs"])
    dictionaries = [chunk.dictionary for chunk in levels["organisation"].chunks] or [pa.array([], pa.string())]
    if not all(dictionary.equals(dictionaries[0]) for dictionary in dictionaries):
        levels = levels.unify_dictionaries()
        dictionaries = [levels["organisation"].chunk(0).dictionary]
    names = dictionaries[0]
    members = AllMembers(names, {}, {})
    number_of = {
        name: {term: i for i, term in enumerate(vocabulary(scheme).terms)} for name, scheme in ATTRIBUTES.items()
    }
    for batch in levels.to_batches(max_chunksize=CHUNK_ROWS):
        piece = pa.Table.from_batches([batch])
        coded = {name: _coded(piece[name]) for name in (*TABLE, *ATTRIBUTES)}
        terms = {
            name: np.array([numbers[value] for value in coded[name].values.to_pylist()], np.int16)[coded[name].codes]
            for name, numbers in number_of.items()
        }
        level = batch["level"].to_numpy()
        organisation = batch["organisation"].indices.to_numpy()
        only_hub = _only_hub(batch["hubs"], members.hubs)
        for key, rows in _by_table(coded):
            of_rows = {name: term[rows] for name, term in terms.items()}
            part = Members(organisation[rows], of_rows, level[rows], only_hub[rows])
            members.parts.setdefault(key, []).append(part)
    return members


def _by_wave(members: AllMembers) -> Iterator[tuple[dict[Key, Members], bytes]]:
    """The tables of each period, instrument and audience, and the key of all of them."""
    for _, keys in groupby(sorted(members.parts), key=lambda key: key[:-1]):
        tables = {key: members.of(key) for key in keys}
        yield tables, _tie_key(members.organisations, tables)


def _only_hub(hubs: pa.ListArray, numbers: dict[str, int]) -> Numbers:
    """For each list of hubs the number of the only one, -1 if there are several. New hubs are given a number."""
    names = hubs.values.dictionary.to_pylist()
    number = np.array([numbers.setdefault(name, len(numbers)) for name in names], np.int16)
    offsets = hubs.offsets.to_numpy()
    first = number[hubs.values.indices.to_numpy()[offsets[:-1]]]
    return np.where(np.diff(offsets) == 1, first, np.int16(-1))


def _tie_key(names: pa.Array, tables: Mapping[Key, Members]) -> bytes:
    """SHA-256 over the organisations and levels of ``tables``, in whatever order their rows came."""
    is_here = np.zeros(len(names), bool)
    for members in tables.values():
        is_here[members.organisation] = True
    here = np.flatnonzero(is_here)
    in_order = here[pc.sort_indices(names.take(pa.array(here))).to_numpy()]
    rank = np.empty(len(names), np.int64)
    rank[in_order] = np.arange(len(in_order))
    digest = hashlib.sha256()
    for key, members in tables.items():
        order = np.argsort(rank[members.organisation])
        who = names.take(pa.array(members.organisation[order]))
        listed = pc.binary_join(pa.ListArray.from_arrays([0, len(who)], who), "\n")[0].as_buffer()
        for part in ("\n".join(key).encode(), listed):
            digest.update(hashlib.sha256(part).digest())
        digest.update(hashlib.sha256(members.level[order].astype(np.int8).tobytes()).digest())
    return digest.digest()


def _counted(
    key: Key, members: Members, numbers: Mapping[str, int], cube: Sequence[Breakdown], tie_key: bytes
) -> Counts:
    is_own = members.only_hub >= 0
    present, hub = np.unique(members.only_hub[is_own], return_inverse=True)
    names = {number: name for name, number in numbers.items()}
    hubs = [names[number] for number in present.tolist()]
    order = np.argsort(np.argsort(np.array(hubs))) if hubs else np.array([], np.int64)
    levels, own = [], []
    for breakdown in cube:
        cell = breakdown.cell_of(members.terms, len(members.level))
        size = len(breakdown.cells) * LEVELS_N
        at = cell * LEVELS_N + members.level
        levels.append(np.bincount(at, minlength=size).reshape(-1, LEVELS_N))
        counted = np.bincount(order[hub] * size + at[is_own], minlength=len(hubs) * size)
        own.append(counted.reshape(len(hubs), len(breakdown.cells), LEVELS_N))
    return Counts(key, tuple(b.name for b in cube), tuple(levels), tuple(own), tuple(sorted(hubs)), tie_key)


# Integer codes.


@dataclass(frozen=True)
class _Coded:
    """A column as codes into its distinct values, which are text."""

    codes: Numbers
    values: pa.Array

    def text(self, rows: Integers | list[int]) -> list[str]:
        """The values on ``rows``, as text."""
        values = self.values.to_pylist()
        return [values[code] for code in self.codes[rows].tolist()]

    def take(self, rows: Integers) -> pa.DictionaryArray:
        """The values on ``rows``."""
        return pa.DictionaryArray.from_arrays(pa.array(self.codes[rows], pa.int32()), self.values)

    def only(self, rows: Integers) -> _Coded:
        """The column on ``rows`` alone, its codes as short as can be."""
        short = np.int8 if len(self.values) < 2**7 else np.int32
        return _Coded(self.codes[rows].astype(short), self.values)


def _coded(column: pa.ChunkedArray) -> _Coded:
    """A dictionary column of one chunk, without missing values."""
    if not column.num_chunks:
        return _Coded(np.array([], np.int64), pa.array([], pa.string()))
    array = column.chunk(0)
    return _Coded(array.indices.to_numpy(), array.dictionary)


def _mixed(columns: Sequence[_Coded]) -> Integers:
    """One number a row, equal where all ``columns`` are equal."""
    mixed = np.zeros(len(columns[0].codes), np.int64)
    bound = 1
    for column in columns:
        bound *= max(len(column.values), 1)
        if bound >= 2**62:
            _, mixed = np.unique(mixed, return_inverse=True)
            bound = len(mixed) * max(len(column.values), 1)
        mixed *= len(column.values)
        mixed += column.codes
    return mixed


def _groups(keys: Integers) -> tuple[Integers, Integers]:
    """The first row of each group of equal keys, in the order of rows, and for each row the number of its group."""
    encoded = pa.array(keys).dictionary_encode()
    at = encoded.indices.to_numpy()
    # Numbers are given in the order of first rows, so a row is one when its number is higher than all before it.
    highest = np.maximum.accumulate(at)
    is_first = np.ones(len(at), bool)
    is_first[1:] = highest[1:] > highest[:-1]
    return np.flatnonzero(is_first), at.astype(np.int64)


def _added(values: AnyShape, at: Integers, n: int) -> AnyShape:
    """The sums of ``values`` (numbers, or rows of numbers) by group."""
    if n == len(values):
        return values  # each is a group of its own, in the order of rows
    if values.ndim == 1:
        # Weights are floats, which hold every number of answers exactly up to 2**53.
        return np.bincount(at, values, n).astype(np.int64)
    return np.stack([_added(column, at, n) for column in values.T], axis=1)
