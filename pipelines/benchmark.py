"""From accepted returns to benchmarks: how far organisations have got, told so that none can be picked out.

Counting and the rules of publication live here. Thresholds and breakdowns are ``pipelines.policy``; what an answer may
say was judged before. Pure: Parquet files in, tables out.

What is published, and what is not
----------------------------------
The unit is the organisation. All valid answers (0 to 5) of its respondents in one audience, dimension, period and
instrument become one level, their lower median; reached through two hubs, it still counts once. Groups of organisations
are those of the cube and no others, and every group of the cube has a row, whether anybody is in it or not.

A group is published when it has at least ``threshold`` organisations, and as many without the members of any one hub
(an organisation that is also in another hub stays). Otherwise ``n`` and ``median`` are empty, ``status`` is ``[c]``,
and ``rolled_up_to`` names the breakdown of the nearest parent that is published.

Published are ``n``, rounded *down* to a multiple of ``base``, and the lower median of the organisations' levels from
``median_gate`` organisations on (below it is empty and ``status`` is ``[x]``, not available). Rounding down makes each
``n`` stand for ``base`` possible numbers, also at the threshold (to the nearest, 10 could only be 10, 11 or 12), and
lets the gates follow from the published number. How many organisations are on each level leaves in no form.

Against subtraction: what a published parent has beyond its published children must be nobody, or a group that could be
published itself. Where it is not, the smallest child is withheld too, and with a group everything below it.

Deferred to controlled rounding and the attack: additive margins, counts a level and everything worked out from them;
systems of several tables solved together (type against sector, one dimension against another); the ledger of earlier
releases; coalitions; and hiding that a group is empty when its parent's ``n`` equals the sum of its siblings'.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from hubs.contract.vocabularies import vocabulary
from hubs.instruments import Instrument
from pipelines.policy import BREAKDOWNS, Policy

CONFIDENTIAL = "[c]"
"""Status of a group that may not be published."""
NOT_AVAILABLE = "[x]"
"""Status of a published group that is too small for a median."""
ALL = "all"
"""Stands in a column by which a breakdown does not group."""

ATTRIBUTES = {
    "sector": "sectors",
    "organisation_type": "organisation_types",
    "size_band": "size_bands",
    "region": "regions",
}
"""What is known of an organisation, and the vocabulary of each."""

COLUMNS = pa.schema(
    [
        *((name, pa.string()) for name in ("period", "instrument", "audience", "dimension", "breakdown", *ATTRIBUTES)),
        ("n", pa.int32()),
        ("median", pa.int8()),
        ("status", pa.string()),
        ("rolled_up_to", pa.string()),
    ]
)
"""The columns of ``benchmarks``: a row a group."""

TABLE = ("period", "instrument", "audience", "dimension")
"""What is never pooled: benchmarks of different values here are different tables."""
COUNTS = tuple(f"c{level}" for level in range(6))
"""Columns with the number of valid answers on each level."""

CHUNK_ROWS = 262_144
"""Organisations looked at together."""

_TEXT = pa.dictionary(pa.int32(), pa.string())

Numbers = np.ndarray[tuple[int], np.dtype[np.integer[Any]]]
"""Whole numbers, as short as they come."""
Integers = np.ndarray[tuple[int], np.dtype[np.int64]]
AnyShape = np.ndarray[Any, np.dtype[np.integer[Any]]]
Mask = np.ndarray[tuple[int], np.dtype[np.bool_]]
Grid = np.ndarray[tuple[int, int], np.dtype[np.integer[Any]]]


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
    dimensions, where = _dimensions(coded["instrument"].values, coded["question"].values, instruments)
    coded["dimension"] = _Coded(where[coded["instrument"].codes, coded["question"].codes], dimensions)
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


# Over all hubs: an organisation counts once.


def combine(tables: Mapping[str, pa.Table]) -> pa.Table:
    """The level of each organisation, over all hubs.

    ``tables`` are those of ``organisation_levels`` by hub; each is asked for once, so that a mapping may read it when
    it is wanted. The same organisation key reached through several hubs is one organisation: its answers are added up,
    its attributes are those of the first of its hubs in the period. Columns: ``TABLE``, ``organisation``, the
    attributes, ``level`` (int8, lower median) and ``hubs`` (list); text columns are dictionaries.
    """
    gathered = _Gathered()
    for hub in sorted(tables):
        gathered.add(hub, tables[hub])
    return gathered.table()


@dataclass
class _Gathered:
    """Rows of several hubs, by ``TABLE``, in some 12 bytes each: who answered (the number of an organisation in a
    period), through which hub (its number), and the answers by level (a row of counts).
    """

    hubs: list[str] = field(default_factory=list)
    who: dict[tuple[str, str], int] = field(default_factory=dict)
    described: list[tuple[str, ...]] = field(default_factory=list)
    parts: dict[tuple[str, ...], list[tuple[Numbers, Numbers, Grid]]] = field(default_factory=dict)

    def add(self, hub: str, table: pa.Table) -> None:
        """Add the levels of one hub. Hubs come in order of id."""
        table = table.unify_dictionaries().combine_chunks()
        coded = {name: _coded(table[name]) for name in table.column_names if name not in COUNTS}
        first, at = _groups(_mixed([coded[name] for name in ("organisation", "period")]))
        subjects = list(zip(coded["organisation"].text(first), coded["period"].text(first), strict=True))
        descriptions = zip(*(coded[name].text(first) for name in ATTRIBUTES), strict=True)
        for subject, description in zip(subjects, descriptions, strict=True):
            if self.who.setdefault(subject, len(self.who)) == len(self.described):
                self.described.append(description)
        who = np.array([self.who[subject] for subject in subjects], np.int32)[at]
        counts = np.stack([table[name].to_numpy() for name in COUNTS], axis=1)
        counts = counts.astype(np.min_scalar_type(counts.max(initial=0)))
        for key, rows in _by_table(coded):
            number = np.full(len(rows), len(self.hubs), np.int16)
            self.parts.setdefault(key, []).append((who[rows], number, counts[rows]))
        self.hubs.append(hub)

    def table(self) -> pa.Table:
        """A row for each organisation in each of ``TABLE``, which come in order, a chunk each."""
        if not self.parts:
            names = (*TABLE, "organisation", *ATTRIBUTES)
            hubs = pa.list_(pa.dictionary(pa.int16(), pa.string()))
            fields = [*((name, _TEXT) for name in names), ("level", pa.int8()), ("hubs", hubs)]
            return pa.schema(fields).empty_table()
        described = {"organisation": _encoded([organisation for organisation, _ in self.who])}
        for i, name in enumerate(ATTRIBUTES):
            described[name] = _encoded([description[i] for description in self.described])
        # All chunks share their dictionaries.
        dictionaries = {name: pa.array(column.values, pa.string()) for name, column in described.items()}
        hub_names = pa.array(self.hubs, pa.string())
        chunks = []
        for key in sorted(self.parts):
            who, hub, counts = (np.concatenate(parts) for parts in zip(*self.parts[key], strict=True))
            first, at = _groups(who)
            columns = {
                name: pa.DictionaryArray.from_arrays(np.zeros(len(first), np.int32), pa.array([term], pa.string()))
                for name, term in zip(TABLE, key, strict=True)
            }
            for name, column in described.items():
                indices = pa.array(column.codes[who[first]])
                columns[name] = pa.DictionaryArray.from_arrays(indices, dictionaries[name])
            columns["level"] = pa.array(_lower_median(_added(counts, at, len(first))), pa.int8())
            columns["hubs"] = _lists(hub_names, hub, at, len(first))
            chunks.append(pa.table(columns))
        return pa.concat_tables(chunks)


def _by_table(coded: Mapping[str, _Coded]) -> Iterator[tuple[tuple[str, ...], Integers]]:
    """Each combination of ``TABLE`` and its rows."""
    columns = [coded[name] for name in TABLE]
    first, at = _groups(_mixed(columns))
    keys = zip(*(column.text(first) for column in columns), strict=True)
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
    is_reached = np.cumsum(counts, axis=1, dtype=np.int64) * 2 >= n[:, None]
    return np.where(n > 0, is_reached.argmax(axis=1), -1).astype(np.int8)


# The cube.


def benchmarks(levels: pa.Table, policy: Policy) -> pa.Table:
    """The benchmarks that may be published, of the table that ``combine`` made.

    Columns are ``COLUMNS``: ``n`` and ``median`` are null where they may not be told, ``status`` is empty when all is
    told, ``rolled_up_to`` is empty unless a parent stands in. Sorted by ``TABLE``, then in the order of the policy's
    breakdowns and of the vocabularies' terms.
    """
    if not levels.num_rows:
        return COLUMNS.empty_table()
    cube = [_Breakdown.named(name) for name in policy.breakdowns]
    members = _members(levels)
    published = []
    for key in sorted(members.parts):
        groups = _publishable(_counted(members.of(key), cube), cube, policy)
        published.append(_as_table(key, groups, cube, policy))
    return pa.concat_tables(published).combine_chunks()


@dataclass(frozen=True)
class _Breakdown:
    """One way of grouping: ``cells`` are all its groups, each a term for each of ``by``."""

    name: str
    by: tuple[str, ...]
    cells: tuple[tuple[str, ...], ...]

    @classmethod
    def named(cls, name: str) -> _Breakdown:
        by = BREAKDOWNS[name]
        return cls(name, by, tuple(product(*(vocabulary(ATTRIBUTES[attribute]).terms for attribute in by))))

    def cell_of(self, terms: Mapping[str, Numbers], n: int) -> Integers:
        """The number of the cell of each of ``n`` organisations, given the number of their term of each attribute."""
        cell = np.zeros(n, np.int64)
        for attribute in self.by:
            cell = cell * len(vocabulary(ATTRIBUTES[attribute]).terms) + terms[attribute]
        return cell

    def parent_cells(self, parent: _Breakdown) -> Integers:
        """For each cell the cell of ``parent`` that holds it."""
        at = {cell: i for i, cell in enumerate(parent.cells)}
        places = [self.by.index(attribute) for attribute in parent.by]
        return np.array([at[tuple(cell[place] for place in places)] for cell in self.cells])


@dataclass(frozen=True)
class _Members:
    """Organisations: the numbers of their terms, their level, and the number of their hub (-1: in several)."""

    terms: Mapping[str, Numbers]
    level: Numbers
    only_hub: Numbers
    hubs_n: int


@dataclass
class _AllMembers:
    """The organisations of all of ``TABLE``, as pieces of ``_Members``."""

    parts: dict[tuple[str, ...], list[_Members]]
    hubs: dict[str, int]

    def of(self, key: tuple[str, ...]) -> _Members:
        """Those of one of ``TABLE``."""
        parts = self.parts[key]
        terms = {name: np.concatenate([part.terms[name] for part in parts]) for name in ATTRIBUTES}
        level = np.concatenate([part.level for part in parts])
        return _Members(terms, level, np.concatenate([part.only_hub for part in parts]), len(self.hubs))


def _members(levels: pa.Table) -> _AllMembers:
    members = _AllMembers({}, {})
    number_of = {
        name: {term: i for i, term in enumerate(vocabulary(scheme).terms)} for name, scheme in ATTRIBUTES.items()
    }
    for batch in levels.select([*TABLE, *ATTRIBUTES, "level", "hubs"]).to_batches(max_chunksize=CHUNK_ROWS):
        piece = pa.Table.from_batches([batch])
        coded = {name: _coded(piece[name]) for name in (*TABLE, *ATTRIBUTES)}
        terms = {
            name: np.array([numbers[value] for value in coded[name].values], np.int16)[coded[name].codes]
            for name, numbers in number_of.items()
        }
        level = batch["level"].to_numpy()
        only_hub = _only_hub(batch["hubs"], members.hubs)
        for key, rows in _by_table(coded):
            part = _Members({name: term[rows] for name, term in terms.items()}, level[rows], only_hub[rows], 0)
            members.parts.setdefault(key, []).append(part)
    return members


def _only_hub(hubs: pa.ListArray, numbers: dict[str, int]) -> Numbers:
    """For each list of hubs the number of the only one, -1 if there are several. New hubs are given a number."""
    names = hubs.values.dictionary.to_pylist()
    number = np.array([numbers.setdefault(name, len(numbers)) for name in names], np.int16)
    offsets = hubs.offsets.to_numpy()
    first = number[hubs.values.indices.to_numpy()[offsets[:-1]]]
    return np.where(np.diff(offsets) == 1, first, np.int16(-1))


@dataclass
class _Groups:
    """The groups of one breakdown: a row a cell. ``own`` counts, for each hub, the members in no other hub."""

    n: Integers
    median: Numbers
    own: Grid
    is_published: Mask


def _is_safe(n: Integers, own: Grid, threshold: int) -> Mask:
    """Whether groups have enough organisations, and would without the members of any one hub."""
    safe: Mask = (n >= threshold) & (n - own.max(axis=1) >= threshold)
    return safe


def _counted(members: _Members, cube: Sequence[_Breakdown]) -> list[_Groups]:
    groups = []
    is_own = members.only_hub >= 0
    for breakdown in cube:
        cell = breakdown.cell_of(members.terms, len(members.level))
        size = len(breakdown.cells)
        counts = np.bincount(cell * len(COUNTS) + members.level, minlength=size * len(COUNTS)).reshape(size, -1)
        hub_cell = cell[is_own] * members.hubs_n + members.only_hub[is_own]
        own = np.bincount(hub_cell, minlength=size * members.hubs_n).reshape(size, -1)
        groups.append(_Groups(counts.sum(axis=1), _lower_median(counts), own, np.zeros(size, bool)))
    return groups


def _publishable(groups: list[_Groups], cube: Sequence[_Breakdown], policy: Policy) -> list[_Groups]:
    """Set ``is_published``: groups that are safe, less those withheld so that nobody can be found by subtraction."""
    for one in groups:
        one.is_published = _is_safe(one.n, one.own, policy.threshold)
    families = [
        (parent, child, cube[child].parent_cells(cube[parent]))
        for parent, child in product(range(len(cube)), repeat=2)
        if set(cube[parent].by) < set(cube[child].by)
    ]
    while any(_withhold(groups[p], groups[c], parent_of, policy.threshold) for p, c, parent_of in families):
        pass
    return groups


def _withhold(parent: _Groups, child: _Groups, parent_of: Integers, threshold: int) -> bool:
    """Withhold what the rules of subtraction ask for in one family of groups. Whether anything was."""
    is_orphan = child.is_published & ~parent.is_published[parent_of]
    child.is_published &= ~is_orphan
    is_changed = bool(is_orphan.any())
    for p in np.flatnonzero(parent.is_published).tolist():
        shown = np.flatnonzero(child.is_published & (parent_of == p))
        rest_n = parent.n[p] - child.n[shown].sum()
        rest_own = parent.own[p] - child.own[shown].sum(axis=0)
        if len(shown) and rest_n and not _is_safe(rest_n[None], rest_own[None], threshold)[0]:
            child.is_published[shown[child.n[shown].argmin()]] = False
            is_changed = True
    return is_changed


def _as_table(key: tuple[str, ...], groups: Sequence[_Groups], cube: Sequence[_Breakdown], policy: Policy) -> pa.Table:
    parts = []
    for breakdown, one in zip(cube, groups, strict=True):
        size = len(breakdown.cells)
        has_median = one.is_published & (one.n >= policy.median_gate)
        columns = {name: pa.repeat(value, size) for name, value in zip(TABLE, key, strict=True)}
        columns["breakdown"] = pa.repeat(breakdown.name, size)
        for attribute in ATTRIBUTES:
            if attribute in breakdown.by:
                place = breakdown.by.index(attribute)
                columns[attribute] = pa.array([cell[place] for cell in breakdown.cells])
            else:
                columns[attribute] = pa.repeat(ALL, size)
        columns["n"] = pa.array(one.n // policy.base * policy.base, pa.int32(), mask=~one.is_published)
        columns["median"] = pa.array(one.median, pa.int8(), mask=~has_median)
        status = np.where(has_median, "", np.where(one.is_published, NOT_AVAILABLE, CONFIDENTIAL))
        columns["status"] = pa.array(status.tolist(), pa.string())
        columns["rolled_up_to"] = pa.array(_rolled_up(breakdown, one, groups, cube), pa.string())
        parts.append(pa.table(columns).cast(COLUMNS))
    return pa.concat_tables(parts)


def _rolled_up(breakdown: _Breakdown, own: _Groups, groups: Sequence[_Groups], cube: Sequence[_Breakdown]) -> list[str]:
    """For each cell that is not published the breakdown of the nearest parent that is: first size bands are put
    together, then sectors.
    """
    found = [""] * len(breakdown.cells)
    chain = [
        (parent, one)
        for parent, one in zip(cube, groups, strict=True)
        if len(parent.by) < len(breakdown.by) and parent.by == breakdown.by[: len(parent.by)]
    ]
    for parent, one in chain:  # from the total down, so that the nearest stands in the end
        stands_in = one.is_published[breakdown.parent_cells(parent)] & ~own.is_published
        for cell in np.flatnonzero(stands_in).tolist():
            found[cell] = parent.name
    return found


# Integer codes.


@dataclass(frozen=True)
class _Coded:
    """A column as codes into its distinct values."""

    codes: Numbers
    values: list[str]

    def text(self, rows: Integers) -> list[str]:
        """The values on ``rows``, as text."""
        return [self.values[code] for code in self.codes[rows].tolist()]

    def take(self, rows: Integers) -> pa.DictionaryArray:
        """The values on ``rows``."""
        indices = pa.array(self.codes[rows], pa.int32())
        return pa.DictionaryArray.from_arrays(indices, pa.array(self.values, pa.string()))


def _encoded(values: Sequence[str]) -> _Coded:
    """Text as codes, as short as can be."""
    numbers = {value: i for i, value in enumerate(dict.fromkeys(values))}
    short = np.int8 if len(numbers) < 2**7 else np.int32
    return _Coded(np.array([numbers[value] for value in values], short), list(numbers))


def _coded(column: pa.ChunkedArray) -> _Coded:
    """A dictionary column of one chunk, without missing values."""
    if not column.num_chunks:
        return _Coded(np.array([], np.int64), [])
    array = column.chunk(0)
    return _Coded(array.indices.to_numpy(), array.dictionary.to_pylist())


def _mixed(columns: Sequence[_Coded]) -> Integers:
    """One number a row, equal where all ``columns`` are equal."""
    mixed = np.zeros(len(columns[0].codes), np.int64)
    bound = 1
    for column in columns:
        bound *= max(len(column.values), 1)
        if bound >= 2**62:
            _, mixed = np.unique(mixed, return_inverse=True)
            bound = len(mixed) * max(len(column.values), 1)
        mixed = mixed * len(column.values) + column.codes
    return mixed


def _groups(keys: Integers) -> tuple[Integers, Integers]:
    """The first row of each group of equal keys, in the order of rows, and for each row the number of its group."""
    encoded = pa.array(keys).dictionary_encode()
    at: Integers = encoded.indices.to_numpy().astype(np.int64)
    first = np.empty(len(encoded.dictionary), np.int64)
    first[at[::-1]] = np.arange(len(at))[::-1]
    return first, at


def _added(values: AnyShape, at: Integers, n: int) -> AnyShape:
    """The sums of ``values`` (numbers, or rows of numbers) by group."""
    if n == len(values):
        return values  # each is a group of its own, in the order of rows
    sums = np.zeros((n, *values.shape[1:]), np.int64)
    np.add.at(sums, at, values)
    return sums
