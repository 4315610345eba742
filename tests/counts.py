"""Organisations and their true counts, built without returns: the other half of a test of what may be published."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa

from hubs.contract.groups import ATTRIBUTES, BREAKDOWNS, TABLE
from hubs.contract.vocabularies import vocabulary
from pipelines.cube import LEVELS_N, Breakdown, Counts, Key

KEY: Key = ("2026-Q1", "interop-baseline-v1", "decision_maker", "governance")


@dataclass(frozen=True)
class Member:
    """An organisation on its level. ``hub`` is the only one that it is in, empty when it is in several."""

    level: int
    hub: str = ""
    sector: str = "health"
    organisation_type: str = "council"
    size_band: str = "under_50"
    region: str = "wales"


def members(levels: Iterable[int], **terms: str) -> Iterator[Member]:
    """An organisation for each level."""
    for level in levels:
        yield Member(level, **terms)


def on_levels(*counts: int, **terms: str) -> Iterator[Member]:
    """So many organisations on level 0, 1 and so on."""
    for level, n in enumerate(counts):
        yield from members([level] * n, **terms)


def counts_of(*groups: Iterable[Member], key: Key = KEY, breakdowns: tuple[str, ...] = tuple(BREAKDOWNS)) -> Counts:
    """The true counts of the organisations, one at a time."""
    everybody = [member for group in groups for member in group]
    hubs = tuple(sorted({member.hub for member in everybody} - {""}))
    levels, own = [], []
    for breakdown in (Breakdown.named(name) for name in breakdowns):
        at = {cell: i for i, cell in enumerate(breakdown.cells)}
        counted = np.zeros((len(at), LEVELS_N), np.int64)
        counted_own = np.zeros((len(hubs), len(at), LEVELS_N), np.int64)
        for member in everybody:
            cell = at[tuple(getattr(member, attribute) for attribute in breakdown.by)]
            counted[cell, member.level] += 1
            if member.hub:
                counted_own[hubs.index(member.hub), cell, member.level] += 1
        levels.append(counted)
        own.append(counted_own)
    tie_key = hashlib.sha256("\n".join(sorted(map(repr, everybody))).encode()).digest()
    return Counts(key, breakdowns, tuple(levels), tuple(own), hubs, tie_key)


def random_members(seed: int, n: int, hubs_n: int = 3, terms_n: int = 20) -> list[Member]:
    """``n`` organisations in many groups of which most are small, on levels that differ from sector to sector."""
    rng = np.random.default_rng(seed)
    terms = {name: list(vocabulary(scheme).terms)[:terms_n] for name, scheme in ATTRIBUTES.items()}
    shares = {name: rng.dirichlet(np.full(len(values), 0.7)) for name, values in terms.items()}
    levels = {sector: rng.dirichlet(np.full(LEVELS_N, 0.8)) for sector in terms["sector"]}
    found = []
    for _ in range(n):
        who = {name: values[rng.choice(len(values), p=shares[name])] for name, values in terms.items()}
        hub = "" if rng.random() < 0.3 else f"hub-{rng.integers(hubs_n)}"
        found.append(Member(int(rng.choice(LEVELS_N, p=levels[who["sector"]])), hub, **who))
    return found


def levels_of(tables: Mapping[Key, Mapping[str, Member]]) -> pa.Table:
    """The same organisations, by key, as ``benchmark.combine`` gives them: a chunk for each of ``tables``. Who is in no
    hub alone is in two.
    """
    chunks = []
    for key, everybody in sorted(tables.items()):
        columns = {name: [value] * len(everybody) for name, value in zip(TABLE, key, strict=True)}
        columns["organisation"] = list(everybody)
        for name in ATTRIBUTES:
            columns[name] = [getattr(member, name) for member in everybody.values()]
        coded = {name: pa.array(values, pa.string()).dictionary_encode() for name, values in columns.items()}
        coded["level"] = pa.array([member.level for member in everybody.values()], pa.int8())
        hubs = [[member.hub] if member.hub else ["hub-a", "hub-b"] for member in everybody.values()]
        coded["hubs"] = pa.array(hubs, pa.list_(pa.dictionary(pa.int16(), pa.string())))
        chunks.append(pa.table(coded))
    return pa.concat_tables(chunks)


def named(everybody: Iterable[Member]) -> dict[str, Member]:
    """Organisations by keys of their own."""
    return {f"o{number:04}": member for number, member in enumerate(everybody)}


def moved(everybody: list[Member], number: int, level: int) -> list[Member]:
    """The same organisations, one of them on another level."""
    return [replace(one, level=level) if i == number else one for i, one in enumerate(everybody)]


def published(benchmarks: pa.Table, distributions: pa.Table) -> dict[tuple[str, tuple[str, ...], str], int]:
    """The numbers that are published of one table, as they would stand in a ledger."""
    found = {}
    for row in benchmarks.to_pylist():
        if row["n"] is not None:
            found[*_cell(row), "n"] = row["n"]
    for row in distributions.to_pylist():
        if row["count"] is not None:
            found[*_cell(row), f"count:{row['level']}"] = row["count"]
    return found


def _cell(row: dict[str, str]) -> tuple[str, tuple[str, ...]]:
    return row["breakdown"], tuple(row[attribute] for attribute in Breakdown.named(row["breakdown"]).by)
