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

Numbers = np.ndarray[tuple[int], np.dtype[np.integer[Any]]]
"""Whole numbers, as short as they come."""
Integers = np.ndarray[tuple[int], np.dtype[np.int64]]
Mask = np.ndarray[tuple[int], np.dtype[np.bool_]]
Grid = np.ndarray[tuple[int, int], np.dtype[np.int64]]


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
    text = pa.dictionary(pa.int32(), pa.string())
    names = (*TABLE, "organisation", *ATTRIBUTES)
    return pa.schema([*((n, text) for n in names), *((n, pa.int32()) for n in COUNTS)]).empty_table()


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
    """Rows of several hubs in 34 bytes each: numbers of who answered (an organisation in a period), in which table
    and through which hub, and the answers by level.
    """

    hubs: list[str] = field(default_factory=list)
    who: dict[tuple[str, str], int] = field(default_factory=dict)
    described: list[tuple[str, ...]] = field(default_factory=list)
    keys: dict[tuple[str, ...], int] = field(default_factory=dict)
    rows: list[tuple[Numbers, Numbers, Numbers]] = field(default_factory=list)
    counts: list[list[Numbers]] = field(default_factory=lambda: [[] for _ in COUNTS])

    def add(self, hub: str, table: pa.Table) -> None:
        """Add the levels of one hub. Hubs come in order of id."""
        table = table.unify_dictionaries().combine_chunks()
        coded = {name: _coded(table[name]) for name in table.column_names if name not in COUNTS}
        first, at = _groups(_mixed([coded[name] for name in ("organisation", "period")]))
        subjects = list(zip(coded["organisation"].text(first), coded["period"].text(first), strict=True))
        descriptions = zip(*(coded[name].text(first) for name in ATTRIBUTES), strict=True)
        for one, description in zip(subjects, descriptions, strict=True):
            if self.who.setdefault(one, len(self.who)) == len(self.described):
                self.described.append(description)
        who = np.array([self.who[one] for one in subjects], np.int32)[at]
        first, at = _groups(_mixed([coded[name] for name in TABLE]))
        keys = zip(*(coded[name].text(first) for name in TABLE), strict=True)
        number = np.array([self.keys.setdefault(key, len(self.keys)) for key in keys], np.int32)[at]
        self.rows.append((who, number, np.full(len(who), len(self.hubs), np.int16)))
        self.hubs.append(hub)
        for parts, name in zip(self.counts, COUNTS, strict=True):
            parts.append(table[name].to_numpy().astype(np.int32))

    def table(self) -> pa.Table:
        """A row for each key and organisation."""
        nothing = (np.array([], np.int32), np.array([], np.int32), np.array([], np.int16))
        who, number, hub = (np.concatenate(parts) for parts in zip(*(self.rows or [nothing]), strict=True))
        first, at = _groups(who.astype(np.int64) * max(len(self.keys), 1) + number)
        counts = (np.concatenate([np.array([], np.int32), *parts]) for parts in self.counts)
        level = _lower_median([_added(one, at, len(first)).astype(np.int32) for one in counts])
        who, number = who[first], number[first]
        columns = {name: _recoded(number, [key[i] for key in self.keys]) for i, name in enumerate(TABLE)}
        columns["organisation"] = _recoded(who, [organisation for organisation, _ in self.who])
        for i, name in enumerate(ATTRIBUTES):
            columns[name] = _recoded(who, [description[i] for description in self.described])
        columns["level"] = pa.array(level, pa.int8())
        columns["hubs"] = _lists(self.hubs, hub, at, len(first))
        return pa.table(columns)


def _recoded(numbers: Numbers, values: Sequence[str]) -> pa.DictionaryArray:
    """A dictionary column of ``values[number]``, the dictionary without repeats and its codes as short as can be."""
    distinct = {value: i for i, value in enumerate(dict.fromkeys(values))}
    short = np.int8 if len(distinct) < 2**7 else np.int32
    codes = np.array([distinct[value] for value in values], short)[numbers]
    return pa.DictionaryArray.from_arrays(pa.array(codes), pa.array(distinct, pa.string()))


def _lists(names: Sequence[str], hub: Numbers, at: Integers, n: int) -> pa.ListArray:
    """For each of ``n`` organisations its hubs, where row i is of organisation ``at[i]`` and of hub ``hub[i]``."""
    order = np.argsort(at, kind="stable")  # a hub has one row an organisation, and hubs come in order
    offsets = np.append(0, np.cumsum(np.bincount(at, minlength=n))).astype(np.int32)
    values = pa.DictionaryArray.from_arrays(pa.array(hub[order], pa.int16()), pa.array(names, pa.string()))
    return pa.ListArray.from_arrays(pa.array(offsets), values)


def _lower_median(counts: Sequence[Numbers]) -> Numbers:
    """Given how many are on each level, by row, the level of the middle one, the lower of two; -1 where nobody is."""
    n = np.sum(counts, axis=0)
    level = np.full(len(n), -1, np.int8)
    below = np.zeros_like(n)
    for i, count in enumerate(counts):
        below += count
        level[(level < 0) & (n > 0) & (below * 2 >= n)] = i
    return level


# The cube.


def benchmarks(levels: pa.Table, policy: Policy) -> pa.Table:
    """The benchmarks that may be published, of the table that ``combine`` made.

    Columns are ``COLUMNS``: ``n`` and ``median`` are null where they may not be told, ``status`` is empty when all is
    told, ``rolled_up_to`` is empty unless a parent stands in. Sorted by ``TABLE``, then in the order of the policy's
    breakdowns and of the vocabularies' terms.
    """
    if not levels.num_rows:
        return COLUMNS.empty_table()
    levels = levels.unify_dictionaries().combine_chunks()
    cube = [_Breakdown.named(name) for name in policy.breakdowns]
    tables = [_coded(levels[name]) for name in TABLE]
    first, at = _groups(_mixed(tables))
    keys = list(zip(*(column.text(first) for column in tables), strict=True))
    members = _members(levels)
    order = np.argsort(at, kind="stable")
    rows_of = np.split(order, np.cumsum(np.bincount(at))[:-1])
    published = []
    for i in sorted(range(len(keys)), key=lambda i: keys[i]):
        groups = _publishable(_counted(members.take(rows_of[i]), cube), cube, policy)
        published.append(_as_table(keys[i], groups, cube, policy))
    return pa.concat_tables(published).combine_chunks()


def below_threshold(table: pa.Table, policy: Policy) -> list[dict[str, object]]:
    """The rows of a table of benchmarks that break the policy: too few organisations, not rounded, or a median of too
    few. Empty when it may be published. Holds the table itself to account, not the code that made it.
    """
    return [
        row
        for row in table.to_pylist()
        if (row["n"] is not None and (row["n"] < policy.threshold or row["n"] % policy.base))
        or (row["median"] is not None and (row["n"] is None or row["n"] < policy.median_gate))
    ]


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
    """Organisations: the numbers of their terms, their level, and their hub (-1 if they are in several)."""

    terms: Mapping[str, Numbers]
    level: Numbers
    only_hub: Numbers
    hubs_n: int

    def take(self, rows: Integers) -> _Members:
        terms = {name: numbers[rows] for name, numbers in self.terms.items()}
        return _Members(terms, self.level[rows], self.only_hub[rows], self.hubs_n)


def _members(levels: pa.Table) -> _Members:
    terms = {}
    for name, scheme in ATTRIBUTES.items():
        numbers = {term: i for i, term in enumerate(vocabulary(scheme).terms)}
        column = _coded(levels[name])
        terms[name] = np.array([numbers[value] for value in column.values], np.int16)[column.codes]
    hubs = levels["hubs"].chunk(0)
    offsets, values = hubs.offsets.to_numpy(), hubs.values
    hub = values.indices.to_numpy()[offsets[:-1]]
    only_hub = np.where(np.diff(offsets) == 1, hub, -1)
    return _Members(terms, levels["level"].to_numpy(), only_hub, len(values.dictionary))


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
        groups.append(_Groups(counts.sum(axis=1), _lower_median(list(counts.T)), own, np.zeros(size, bool)))
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


def _added(values: Numbers, at: Integers, n: int) -> Numbers:
    """The sums of ``values`` by group."""
    if n == len(values):
        return values  # each is a group of its own, in the order of rows
    return np.bincount(at, weights=values, minlength=n).astype(np.int64)  # exact: far below 2 to the 53
