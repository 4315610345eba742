"""How long it takes to round a release of the largest size that is meant: 12 dimensions, 2 audiences and 8 periods.

Every group of the cube, told or not, is rounded, as the line does it: tables one after another, two at once.
"""

from __future__ import annotations

import resource
import time
from collections import Counter
from collections.abc import Iterator

import numpy as np
import pyarrow as pa

from hubs.contract.vocabularies import vocabulary
from pipelines import benchmark
from pipelines.cube import ATTRIBUTES, LEVELS_N, TABLE
from pipelines.line import disclosed
from pipelines.policy import Policy

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


def main() -> None:
    """Print a row for each number of organisations."""
    print("| organisations | tables | groups told | numbers told | s | processor s | how | peak MB |")
    print("|--:|--:|--:|--:|--:|--:|---|--:|")
    policy = Policy()
    for organisations_n in ORGANISATIONS_N:
        levels = pa.concat_tables(levels_of(organisations_n))
        began, began_cpu = time.monotonic(), time.process_time()
        steps: Counter[str] = Counter()
        tables_n = groups_n = numbers_n = 0
        for one in disclosed(benchmark.cube(levels, policy), policy):
            steps[one.audit["step"]] += 1
            tables_n += 1
            groups_n += one.audit["cells"]["levels"] + one.audit["cells"]["bands"]
            numbers_n += one.distributions.num_rows
        seconds, cpu_s = time.monotonic() - began, time.process_time() - began_cpu
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        told = ", ".join(f"{step} {n}" for step, n in steps.most_common())
        print(
            f"| {organisations_n:,} | {tables_n} | {groups_n:,} | {numbers_n:,} | {seconds:.1f} | {cpu_s:.1f} "
            f"| {told} | {peak:.0f} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
