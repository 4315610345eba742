"""Waves: all tables of one period, instrument and audience, who is counted in them, and who came and went since.

An organisation answers a wave as a whole, so its tables are published and revised together. What a difference means for
what may be told is for ``disclose``. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from hubs.contract.groups import ATTRIBUTES, WAVE
from pipelines.benchmark import AllMembers, Members, members_of
from pipelines.cube import LEVELS_N, Breakdown, Grid, Integers, Key, Mask, Moves, Others

Wave = tuple[str, str, str]
"""A value for each of ``WAVE``."""


def by_wave(chunks: Iterable[pa.RecordBatch]) -> Iterator[tuple[Wave, pa.Table]]:
    """Each wave and its rows of the table that ``benchmark.combine`` makes, whose ``chunks`` come in order. They share
    their memory with those, of which only one wave's are held.
    """

    def wave(batch: pa.RecordBatch) -> Wave:
        period, instrument, audience = (batch.column(name)[0].as_py() for name in WAVE)
        return period, instrument, audience

    for key, batches in groupby(chunks, wave):
        yield key, pa.Table.from_batches(list(batches))


def alone(wave: pa.Table) -> pa.Table:
    """The same rows in order of dimension and organisation, whichever engine counted them, in dictionaries that hold
    nothing of other waves.
    """
    wave = wave.take(_order(wave))
    columns = {}
    for name in wave.column_names:
        column = wave[name].combine_chunks()
        if pa.types.is_list(column.type):
            values = column.flatten().dictionary_decode().dictionary_encode()
            offsets = np.append(0, np.cumsum(column.value_lengths().to_numpy())).astype(np.int32)
            columns[name] = pa.ListArray.from_arrays(pa.array(offsets), values.cast(column.type.value_type))
        elif pa.types.is_dictionary(column.type):
            columns[name] = column.dictionary_decode().dictionary_encode()
        else:
            columns[name] = column
    return pa.table(columns)


def _order(wave: pa.Table) -> pa.Array:
    ranks = []
    for name in ("organisation", "dimension"):
        column = wave.select([name]).unify_dictionaries()[name].combine_chunks()
        rank = np.empty(len(column.dictionary), np.int64)
        rank[pc.sort_indices(column.dictionary).to_numpy()] = np.arange(len(rank))
        ranks.append(rank[column.indices.to_numpy()])
    return pa.array(np.lexsort(ranks))


def hubs_of(wave: pa.Table) -> set[str]:
    """The hubs through which anybody in it came."""
    return set(pc.unique(pc.list_flatten(wave["hubs"])).to_pylist())


def moves(before: pa.Table, after: pa.Table, cube: Sequence[Breakdown]) -> dict[Key, Moves]:
    """The difference between two tables of one wave, by table."""
    old, new = members_of(before), members_of(after)
    names = pa.chunked_array([old.organisations, new.organisations]).combine_chunks().dictionary_encode()
    number = np.split(names.indices.to_numpy().astype(np.int64), [len(old.organisations)])
    hubs = sorted({*old.hubs, *new.hubs})
    sides = list(zip((old, new), number, strict=True))
    return {
        key: _moves([_side(everybody, key, known, hubs) for everybody, known in sides], cube, hubs)
        for key in sorted({*old.parts, *new.parts})
    }


@dataclass(frozen=True)
class _Side:
    """Who is counted in a table, before or after: numbers of organisations and hubs (-1: in several) are of both."""

    organisation: Integers
    terms: Mapping[str, Integers]
    level: Integers
    only_hub: Integers


def _side(everybody: AllMembers, key: Key, number: Integers, hubs: Sequence[str]) -> _Side:
    if key not in everybody.parts:
        nobody = np.array([], np.int64)
        return _Side(nobody, dict.fromkeys(ATTRIBUTES, nobody), nobody, nobody)
    found: Members = everybody.of(key)
    of_hub = np.array([*(hubs.index(name) for name in everybody.hubs), -1], np.int64)
    terms = {name: term.astype(np.int64) for name, term in found.terms.items()}
    return _Side(number[found.organisation], terms, found.level.astype(np.int64), of_hub[found.only_hub])


def _moves(sides: Sequence[_Side], cube: Sequence[Breakdown], hubs: Sequence[str]) -> Moves:
    cells = [_Cells(sides, breakdown) for breakdown in cube]
    knowing = sorted({int(hub) for one in cells for hub in np.concatenate(one.hub) if hub >= 0})
    others = {
        hubs[hub]: Others(
            tuple(one.touched(hub) for one in cells),
            tuple(one.came(hub) for one in cells),
            tuple(one.left(hub) for one in cells),
            tuple(one.grown(hub) for one in cells),
        )
        for hub in knowing
    }
    touched, came, left = zip(*((one.touched(), one.came(), one.left()) for one in cells), strict=True)
    return Moves(touched, came, left, others)


class _Cells:
    """Who came to, left, or changed within the cells of one breakdown."""

    def __init__(self, sides: Sequence[_Side], breakdown: Breakdown) -> None:
        self.size = len(breakdown.cells)
        cell = [breakdown.cell_of(side.terms, len(side.level)) for side in sides]
        place = [side.organisation * self.size + at for side, at in zip(sides, cell, strict=True)]
        exact = [at * LEVELS_N + side.level for side, at in zip(sides, place, strict=True)]
        is_changed = [~np.isin(exact[i], exact[1 - i]) for i in (0, 1)]
        self.cell = [at[changed] for at, changed in zip(cell, is_changed, strict=True)]
        self.level = [side.level[changed] for side, changed in zip(sides, is_changed, strict=True)]
        self.hub = [side.only_hub[changed] for side, changed in zip(sides, is_changed, strict=True)]
        self.is_moved = [~np.isin(place[i], place[1 - i])[is_changed[i]] for i in (0, 1)]

    def touched(self, without: int | None = None) -> Mask:
        """By cell whether anybody changed; ``without`` a hub's own."""
        old, new = (self._by_cell(i, self.hub[i] != without) for i in (0, 1))
        return np.asarray((old + new).any(axis=1))

    def came(self, without: int | None = None) -> Grid:
        """How many came (cells × levels); ``without`` a hub's own."""
        return self._by_cell(1, self.is_moved[1] & (self.hub[1] != without))

    def left(self, without: int | None = None) -> Grid:
        """How many left (cells × levels); ``without`` a hub's own."""
        return self._by_cell(0, self.is_moved[0] & (self.hub[0] != without))

    def grown(self, hub: int) -> Grid:
        """By how many of a hub's own each level of each cell has grown (cells × levels)."""
        old, new = (self._by_cell(i, self.hub[i] == hub) for i in (0, 1))
        return new - old

    def _by_cell(self, side: int, which: Mask) -> Grid:
        at = (self.cell[side] * LEVELS_N + self.level[side])[which]
        return np.bincount(at, minlength=self.size * LEVELS_N).reshape(-1, LEVELS_N)
