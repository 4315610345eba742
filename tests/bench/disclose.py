"""How long rounding and the attack take: a release of the largest size that is meant, by how many organisations; and
how both grow with the cells of a table.

Organisations are made up, and as crowded as real ones are. Tables are made and attacked as the line does it, two at
once. As a program: ``python -m tests.bench.disclose ORGANISATIONS TIMES DIMENSIONS AUDIENCES PERIODS``.
"""

from __future__ import annotations

import json
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest import mock

import numpy as np
import pyarrow as pa

from hubs.contract.groups import ATTRIBUTES, TABLE
from hubs.contract.vocabularies import vocabulary
from pipelines import benchmark
from pipelines.cube import LEVELS_N, Counts
from pipelines.disclose import Disclosed, disclose
from pipelines.disclose.attack import Attack, attack
from pipelines.disclose.history import History
from pipelines.policy import Policy
from pipelines.telling import WORKERS
from tests.bench.measure import Case, Reach, Way, ours

HUBS_N = 50
LARGEST = (12, 2, 8)
"""Dimensions, audiences and periods of the largest release that is meant."""
ORGANISATIONS_N = (20_000, 4_000, 400)
ROUNDING_S, ATTACK_S, PEAK_MB = 60, 120, 1024
"""What the largest release may take."""
FEW = (2, 1, 1)
CELLS = (16, 4, 1)
UNDIVIDED = "size_band"
"""The attribute that stays as it is when there are to be more cells: all others, and so all breakdowns but this, the
total and those by both, then have that many times the cells.
"""
A_CELL = 2_000
"""Organisations for each time the cells: as many groups are told of as many cells."""


def cases(_folder: Path) -> Iterator[Case]:
    """The largest release, by organisations; and a few tables, by cells: programmes grow faster than they do, and not
    faster than their square.
    """
    ways = tuple(Way(f"{n:,} organisations", ours("disclose", *map(str, (n, 1, *LARGEST)))) for n in ORGANISATIONS_N)
    most = ways[0].label
    reaches = (
        Reach(most, "", ROUNDING_S, "rounding_s"),
        Reach(most, "", ATTACK_S, "attack_s"),
        Reach(most, "", PEAK_MB, "peak_mb"),
    )
    name = f"{np.prod(LARGEST)} tables rounded and attacked, {HUBS_N} hubs"
    yield Case(name, ways, reaches, rounds=1, warm_ups=0)
    ways = tuple(Way(f"{n} × cells", ours("disclose", *map(str, (A_CELL * n, n, *FEW)))) for n in CELLS)
    *more, once = ways
    growth = tuple(
        Reach(way.label, once.label, n**2, f"{what}_cpu_s")
        for way, n in zip(more, CELLS, strict=False)
        for what in ("rounding", "attack")
    )
    yield Case(f"{np.prod(FEW)} tables by cells, {HUBS_N} hubs", ways, growth, rounds=1, warm_ups=0)


def terms_of(scheme: str, times: int) -> list[str]:
    """The terms of a vocabulary, each divided into ``times`` ones."""
    terms = vocabulary(scheme).terms
    if scheme == ATTRIBUTES[UNDIVIDED]:
        return list(terms)
    return [f"{term} {part}" if part else term for term in terms for part in range(times)]


def levels_of(organisations_n: int, times: int, dimensions_n: int, audiences_n: int, periods_n: int) -> pa.Table:
    """The levels of so many organisations, as ``benchmark.combine`` gives them. Most groups are small, and an
    organisation's levels hang together.
    """
    rng = np.random.default_rng(organisations_n)
    names = pa.array([f"org-{i}" for i in range(organisations_n)])
    hub_names = pa.array([f"hub-{i}" for i in range(HUBS_N)])
    parts = []
    for audience in range(audiences_n):
        described = {}
        for name, scheme in ATTRIBUTES.items():
            terms = terms_of(scheme, times)
            chosen = rng.choice(len(terms), organisations_n, p=rng.dirichlet(np.ones(len(terms))))
            described[name] = pa.DictionaryArray.from_arrays(pa.array(chosen, pa.int32()), pa.array(terms))
        hub = pa.DictionaryArray.from_arrays(pa.array(rng.integers(0, HUBS_N, organisations_n), pa.int16()), hub_names)
        bent = rng.normal(2.2, 0.9, organisations_n)
        for period in range(periods_n):
            for dimension in range(dimensions_n):
                level = np.clip(np.rint(bent + period / 8 + rng.normal(0, 0.8, organisations_n)), 0, LEVELS_N - 1)
                key = (f"2026-P{period}", "bench-v1", f"audience-{audience}", f"dimension-{dimension:02}")
                columns = {
                    name: pa.DictionaryArray.from_arrays(np.zeros(organisations_n, np.int32), pa.array([value]))
                    for name, value in zip(TABLE, key, strict=True)
                }
                columns["organisation"] = pa.DictionaryArray.from_arrays(
                    pa.array(np.arange(organisations_n), pa.int32()), names
                )
                columns |= described
                columns["level"] = pa.array(level, pa.int8())
                columns["hubs"] = pa.ListArray.from_arrays(pa.array(range(organisations_n + 1), pa.int32()), hub)
                parts.append(pa.table(columns))
    return pa.concat_tables(parts)


def attacked(counts: Counts, made: Disclosed, policy: Policy, times: int) -> Attack:
    """One table, by outsiders and by hubs."""
    terms = {attribute: terms_of(scheme, times) for attribute, scheme in ATTRIBUTES.items()}
    widened = [counts.key] if made.is_wide else []
    knows = {counts.key: History().known(counts)}
    return attack(made.benchmarks, made.distributions, policy, terms, knows=knows, widened=widened)


def _timed(what: str, work: Callable[[], Any], told: dict[str, Any]) -> Any:
    """What ``work`` gives; what it took is told."""
    began, began_cpu = time.perf_counter(), time.process_time()
    done = work()
    told[f"{what}_s"] = round(time.perf_counter() - began, 2)
    told[f"{what}_cpu_s"] = round(time.process_time() - began_cpu, 2)
    return done


def main(organisations_n: int, times: int, *shape: int) -> None:
    """Round and attack every table; print what that took."""
    policy = Policy()
    levels = levels_of(organisations_n, times, *shape)
    told: dict[str, Any] = {}
    with (
        mock.patch("pipelines.cube.vocabulary", lambda scheme: SimpleNamespace(terms=terms_of(scheme, times))),
        mock.patch("pipelines.benchmark.vocabulary", lambda scheme: SimpleNamespace(terms=terms_of(scheme, times))),
        ThreadPoolExecutor(WORKERS) as pool,
    ):
        tables = list(benchmark.cube(levels, policy))
        made = _timed("rounding", lambda: list(pool.map(lambda one: disclose(one, policy), tables)), told)
        found = _timed(
            "attack", lambda: list(pool.map(lambda one, of: attacked(one, of, policy, times), tables, made)), told
        )
    told["tables"], told["cells"] = len(tables), sum(len(one.cells) for one in tables[0].cube)
    told["groups"] = sum(one.audit["cells"]["levels"] + one.audit["cells"]["bands"] for one in made)
    told["programmes"] = sum(one.audit["programmes_solved"] for one in found)
    told["findings"] = sum(len(one.findings) for one in found)
    told |= {f"rounded {step}": n for step, n in sorted(Counter(one.audit["step"] for one in made).items())}
    print(json.dumps(told))


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
