"""How long it takes to round a release of the largest size that is meant, and to enter it into a ledger and verify
that: 12 dimensions, 2 audiences and 8 periods.

Every group of the cube, told or not, is rounded, as the line does it: tables one after another, two at once.
"""

from __future__ import annotations

import resource
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa

from hubs.contract.groups import ATTRIBUTES, TABLE
from hubs.contract.vocabularies import vocabulary
from pipelines import benchmark
from pipelines.cube import LEVELS_N
from pipelines.disclose import Disclosed, disclose
from pipelines.ledger import Ledger, rows_of
from pipelines.policy import Policy
from pipelines.telling import WORKERS

DIMENSIONS_N, AUDIENCES, PERIODS_N = 12, ("decision_maker", "procurement_professional"), 8
ORGANISATIONS_N = (400, 4_000, 20_000)
HUBS_N = 50


def levels_of(organisations_n: int) -> Iterator[pa.Table]:
    """The levels of so many organisations, as ``benchmark.combine`` gives them, a table at a time. Most groups are
    small, and an organisation's levels hang together.
    """
    rng = np.random.default_rng(organisations_n)
    names = pa.array([f"org-{i}" for i in range(organisations_n)])
    hub_names = pa.array([f"hub-{i}" for i in range(HUBS_N)])
    for audience in AUDIENCES:
        described = {}
        for name, scheme in ATTRIBUTES.items():
            terms = list(vocabulary(scheme).terms)
            chosen = rng.choice(len(terms), organisations_n, p=rng.dirichlet(np.ones(len(terms))))
            described[name] = pa.DictionaryArray.from_arrays(pa.array(chosen, pa.int32()), pa.array(terms))
        hub = pa.DictionaryArray.from_arrays(pa.array(rng.integers(0, HUBS_N, organisations_n), pa.int16()), hub_names)
        bent = rng.normal(2.2, 0.9, organisations_n)
        for period in range(PERIODS_N):
            for dimension in range(DIMENSIONS_N):
                level = np.clip(np.rint(bent + period / 8 + rng.normal(0, 0.8, organisations_n)), 0, LEVELS_N - 1)
                key = (f"2026-P{period}", "bench-v1", audience, f"dimension-{dimension}")
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
                yield pa.table(columns)


def rounded(levels: pa.Table, policy: Policy) -> list[Disclosed]:
    """Every table, two at once."""
    with ThreadPoolExecutor(WORKERS) as pool:
        return list(pool.map(lambda counts: disclose(counts, policy), benchmark.cube(levels, policy)))


def in_a_ledger(tables: list[Disclosed], folder: Path, policy: Policy) -> str:
    """Enter the tables into a new ledger: its size, and how long entering and verifying take."""
    ledger = Ledger(folder)
    rows = [
        replace(row, release="2026-11-23.01", counted="0" * 64, code="0.1.0+0123456789abcdef", audit="0" * 64)
        for made in tables
        for row in rows_of(made.benchmarks, made.distributions, policy.base)
    ]
    began = time.monotonic()
    added = ledger.add(rows)
    entered_s, began = time.monotonic() - began, time.monotonic()
    ledger.verify()
    verified_s = time.monotonic() - began
    size = sum(path.stat().st_size for path in folder.glob("*.jsonl"))
    return f"{added:,} | {size / 1e6:.0f} | {entered_s:.1f} | {verified_s:.1f}"


def main() -> None:
    """Print a row for each number of organisations."""
    names = ("organisations", "tables", "groups told", "s", "processor s", "how")
    print(f"| {' | '.join((*names, 'rows', 'MB', 'entered s', 'verified s', 'peak MB'))} |")
    print("|--:|--:|--:|--:|--:|---|--:|--:|--:|--:|--:|")
    policy = Policy()
    for organisations_n in ORGANISATIONS_N:
        levels = pa.concat_tables(levels_of(organisations_n))
        began, began_cpu = time.monotonic(), time.process_time()
        tables = rounded(levels, policy)
        seconds, cpu_s = time.monotonic() - began, time.process_time() - began_cpu
        steps = Counter(made.audit["step"] for made in tables)
        groups_n = sum(made.audit["cells"]["levels"] + made.audit["cells"]["bands"] for made in tables)
        with tempfile.TemporaryDirectory() as folder:
            entered = in_a_ledger(tables, Path(folder), policy)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        how = ", ".join(f"{step} {n}" for step, n in steps.most_common())
        print(
            f"| {organisations_n:,} | {len(tables)} | {groups_n:,} | {seconds:.1f} | {cpu_s:.1f} | {how} | {entered} "
            f"| {peak:.0f} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
