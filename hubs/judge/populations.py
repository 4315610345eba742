"""How many organisations a return may be of: k-map against a register, or k and l of the sample where none is named.

Organisations are listed in public. One of which there are two in all, by type, size and region, is known by these
alone, however random its key. What a register holds is ``hubs.register``; why it is so is docs/adr/0018.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa

from hubs.judge.columns import Hashes, Integers, Mask, codes_of, combined, hashes_of
from hubs.judge.tallies import Tallies, Tally
from hubs.register import NOT_STATED, Register

K = 5
"""Fewest organisations that a description must fit."""
L = 2
"""Fewest different answers among those that a description fits: if all say the same, one need not be told apart."""
GENERALISED = ("region", "size_band")
"""What is left out of a description that fits too few, in this order, until it fits enough."""
DESCRIPTION = ("organisation_type", "size_band", "region", "sector")
GROUPS_NAMED = 10
"""Descriptions with a finding of their own, a table; the rest share one."""

SMALL, TOO_SMALL, SAMPLE = "small_population", "population_too_small", "small_sample"


def _combinations(rows: pa.Table, names: tuple[str, ...]) -> tuple[list[tuple[str, ...]], Integers]:
    """The different combinations of values in the columns ``names`` (of one chunk, nothing missing but what is null
    throughout a row that is refused), and the number of that of each row.
    """
    code = np.zeros(rows.num_rows, np.int64)
    sizes = []
    for name in names:
        sizes.append(len(rows[name].chunk(0).dictionary) + 1)
        code = code * sizes[-1] + codes_of(rows[name])
    present, at = _numbered(code, int(np.prod(sizes, dtype=np.float64)))
    places = np.unravel_index(present, sizes)
    values = [[*rows[name].chunk(0).dictionary.to_pylist(), ""] for name in names]
    texts = [[own[i] for i in place.tolist()] for own, place in zip(values, places, strict=True)]
    return list(zip(*texts, strict=True)), at


def _numbered(code: Integers, size: int) -> tuple[Integers, Integers]:
    """The different numbers in ``code``, which are below ``size``, and the place of each among them."""
    if size > 4 * len(code) + 1_000_000:
        found, at = np.unique(code, return_inverse=True)
        return found, at
    present = np.flatnonzero(np.bincount(code, minlength=1))
    place = np.zeros(size, np.int64)
    place[present] = np.arange(len(present))
    return present, place[code]


def _who(rows: pa.Table) -> Hashes:
    """A hash a row of organisation and period."""
    return combined([hashes_of(rows[n].chunk(0).dictionary)[codes_of(rows[n])] for n in ("organisation", "period")])


@dataclass
class _Group:
    """A description that fits too few: how many of the register, what was left out of it, whose rows they are."""

    population: int
    without: tuple[str, ...]
    tally: Tally = field(default_factory=Tally)
    who: set[int] = field(default_factory=set)


class Mapped:
    """K-map: every description in the returns fits at least ``K`` organisations of the register, or is made to."""

    def __init__(self, register: Register) -> None:
        self._register = register
        self._names = tuple(name for name in DESCRIPTION if name in register.columns)
        self._groups: dict[tuple[str, ...], _Group] = {}
        self._without: dict[tuple[str, ...], tuple[str, ...] | None] = {}

    def too_small(self, rows: pa.Table) -> Mask:
        """Which rows tell whose they are even without region and size band. Nothing is said of values that are no
        terms: these rows are refused anyway.
        """
        combinations, at = _combinations(rows, self._names)
        is_hopeless = np.array([self._left_out_of(combination) is None for combination in combinations], bool)
        found: Mask = is_hopeless[at]
        return found

    def generalised(self, rows: pa.Table) -> pa.Table:
        """Accepted ``rows``, in which a description that fits too few has become one that fits enough."""
        if not rows.num_rows:
            return rows
        combinations, at = _combinations(rows, self._names)
        without = [self._left_out_of(combination) or () for combination in combinations]
        if not any(without):
            return rows
        self._note(rows, combinations, without, at)
        for name in GENERALISED:
            is_left_out = np.array([name in names for names in without])[at]
            if is_left_out.any():
                rows = rows.set_column(rows.column_names.index(name), name, _not_stated(rows[name], is_left_out))
        return rows

    def tell(self, tallies: Tallies) -> None:
        """A warning for each description that was made coarser, the first ones by name."""
        groups = sorted(self._groups.items(), key=lambda item: item[1].tally.rows[0])
        for combination, group in groups[:GROUPS_NAMED]:
            detail = f"{group.population:,} in the register, {len(group.who):,} answered"
            tallies.add_finding(
                SMALL,
                field=" and ".join(group.without),
                value=", ".join(combination),
                row=group.tally.rows[0],
                count=group.tally.count,
                rows=tuple(group.tally.rows),
                detail=detail,
            )
        if rest := [group for _, group in groups[GROUPS_NAMED:]]:
            tallies.add_finding(
                SMALL,
                row=rest[0].tally.rows[0],
                count=sum(group.tally.count for group in rest),
                detail=f"{len(rest):,} further descriptions, of {sum(len(g.who) for g in rest):,} organisations",
            )

    def _left_out_of(self, combination: tuple[str, ...]) -> tuple[str, ...] | None:
        """What has to be left out of a description; None where leaving out is not enough."""
        if combination not in self._without:
            self._without[combination] = self._work_out(dict(zip(self._names, combination, strict=True)))
        return self._without[combination]

    def _work_out(self, described: dict[str, str]) -> tuple[str, ...] | None:
        without: tuple[str, ...] = ()
        for name in (None, *GENERALISED):
            if name is not None and described[name] != NOT_STATED:
                described, without = described | {name: NOT_STATED}, (*without, name)
            if self._register.population(described) >= K:
                return without
        return None

    def _note(
        self,
        rows: pa.Table,
        combinations: list[tuple[str, ...]],
        without: list[tuple[str, ...]],
        at: Integers,
    ) -> None:
        who, numbers = _who(rows), rows["row"].to_numpy()
        for place, (combination, names) in enumerate(zip(combinations, without, strict=True)):
            if names:
                described = dict(zip(self._names, combination, strict=True))
                group = self._groups.setdefault(combination, _Group(self._register.population(described), names))
                is_here = at == place
                group.tally.add(numbers[is_here])
                group.who |= set(np.unique(who[is_here]).tolist())


def _not_stated(column: pa.ChunkedArray, is_left_out: Mask) -> pa.DictionaryArray:
    """The column with ``NOT_STATED`` in those rows. What no row has any more leaves the dictionary."""
    values = column.chunk(0).dictionary.to_pylist()
    codes = np.where(is_left_out, len(values), codes_of(column))
    present, at = _numbered(codes, len(values) + 1)
    kept = [[*values, NOT_STATED][i] for i in present.tolist()]
    terms = list(dict.fromkeys(kept))
    places = np.array([terms.index(term) for term in kept], np.int32)
    return pa.DictionaryArray.from_arrays(pa.array(places[at], pa.int32()), pa.array(terms, pa.string()))


class Sample:
    """K and l of the returns themselves. They say less than k-map: two in the sample may be two of two hundred."""

    def __init__(self) -> None:
        self._groups: dict[tuple[str, ...], int] = {}
        self._asked: dict[tuple[str, ...], int] = {}
        self._answers = np.zeros((64, 64), np.uint8)
        """By group and question, a bit for each level that somebody chose."""
        self._members: list[tuple[Hashes, Integers]] = []

    def add(self, rows: pa.Table) -> None:
        """Count the accepted ``rows``, whose ``level`` is a number."""
        if not rows.num_rows:
            return
        groups, at = _combinations(rows, ("period", *DESCRIPTION[:3]))
        asked, question = _combinations(rows, ("instrument", "audience", "question"))
        group = np.array([self._groups.setdefault(one, len(self._groups)) for one in groups])
        column = np.array([self._asked.setdefault(one, len(self._asked)) for one in asked])
        who = _who(rows)
        is_change = np.ones(len(who), bool)
        is_change[1:] = (who[1:] != who[:-1]) | (at[1:] != at[:-1])
        self._members.append((who[is_change], group[at[is_change]]))
        level = rows["level"].chunk(0).fill_null(7).to_numpy()
        code = (at * len(asked) + question) * 8 + level
        counts = np.bincount(code, minlength=len(groups) * len(asked) * 8)
        bits = np.packbits(counts.reshape(len(groups), len(asked), 8) > 0, axis=2)[:, :, 0]
        self._grow()
        self._answers[np.ix_(group, column)] |= bits

    def tell(self, tallies: Tallies) -> None:
        """A note where groups are small or of one mind: how many, and how many organisations that is about."""
        if not self._members:
            return
        who, group = (np.concatenate(parts) for parts in zip(*self._members, strict=True))
        if len(np.unique(who)) < K:
            return  # small as a whole, which is plain to see
        pairs = np.unique(np.stack([who, group.astype(np.uint64)]), axis=1)
        sizes = np.bincount(pairs[1].astype(np.int64), minlength=len(self._groups))
        answers = self._answers[: len(sizes), : len(self._asked)]
        is_small = sizes < K
        is_alike = ~is_small & ((answers > 0) & (answers & (answers - 1) == 0)).any(axis=1)
        parts = [
            f"{int(is_small.sum()):,} of {len(sizes):,} groups have fewer than {K} organisations, "
            f"{int(sizes[is_small].sum()):,} in all"
        ]
        if is_alike.any():
            parts.append(f"in {int(is_alike.sum()):,} of the others all answered some question alike")
        if is_small.any() or is_alike.any():
            tallies.add_finding(SAMPLE, count=int(is_small.sum() + is_alike.sum()), detail="; ".join(parts))

    def _grow(self) -> None:
        rows, columns = self._answers.shape
        wanted = max(rows, len(self._groups)), max(columns, len(self._asked))
        if wanted != (rows, columns):
            grown = np.zeros((wanted[0] * 2, wanted[1] * 2), np.uint8)
            grown[:rows, :columns] = self._answers
            self._answers = grown
