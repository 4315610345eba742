"""``python -m tests.bench.attack``: how long the attack on a whole release takes, by itself and with coalitions.

The release is 12 dimensions × 2 audiences × 8 periods of the full cube. Organisations are made up, in 11 hubs of which
each has most of a sector. Tables are made first, and are no part of what is measured.
"""

from __future__ import annotations

import argparse
import json
import threading
import time
from itertools import product

import numpy as np
import psutil
import pyarrow as pa

from hubs.contract.vocabularies import vocabulary
from pipelines.disclose.attack import Key, Known, attack
from pipelines.disclose.intervals import LEVELS
from tests.cubes import ATTRIBUTES, a_cube, a_policy, a_release, count

TERMS = {name: tuple(vocabulary(f"{name}s").terms) for name in ATTRIBUTES}
HUBS = 11
OWN = 0.6
"""The part of a hub's sector that is in no other hub."""


def organisations(n: int, random: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """``n`` organisations, crowded as real ones are, and the hub that has each to itself (-1: none)."""
    terms = [random.choice(len(t), n, p=random.dirichlet(np.full(len(t), 4))) for t in TERMS.values()]
    hub = np.where((terms[0] < HUBS) & (random.random(n) < OWN), terms[0], -1)
    return np.stack(terms, axis=1), hub


def release(n: int, dimensions: int, audiences: int, periods: int) -> tuple[pa.Table, pa.Table, dict[Key, Known]]:
    """Published tables, and what hubs know."""
    random = np.random.default_rng(5)
    policy = a_policy()
    cube = a_cube(policy, TERMS)
    terms, hub = organisations(n, random)
    parts, knows = [], {}
    for period, audience, dimension in product(range(periods), range(audiences), range(dimensions)):
        key = (f"20{period:02}", "interop-baseline-v1", f"audience-{audience}", f"dimension-{dimension}")
        has_answered = random.random(n) < 0.9
        middle = random.normal(2, 0.5, len(TERMS["sector"]))[terms[:, 0]]
        level = np.clip(random.normal(middle, 1.2), 0, LEVELS - 1).astype(int)
        rows = np.column_stack([terms, level])[has_answered]
        hubs = [rows[hub[has_answered] == h] for h in range(HUBS)]
        parts.append(a_release(rows, policy, hubs, TERMS, key).tables())
        own = np.array([count(cube, members) for members in hubs])
        places = [cube.places[name] for name in policy.breakdowns]
        knows[key] = Known(tuple(f"hub-{h}" for h in range(HUBS)), tuple(own[:, p].astype(np.int32) for p in places))
    benchmarks, distributions = (pa.concat_tables(tables) for tables in zip(*parts, strict=True))
    return benchmarks, distributions, knows


class Peak:
    """The most memory that this process and its children have had, less what it had before."""

    def __enter__(self) -> Peak:
        self.process = psutil.Process()
        self.before = self.bytes = self.process.memory_info().rss
        self.is_over = False
        self.watcher = threading.Thread(target=self._watch)
        self.watcher.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.is_over = True
        self.watcher.join()

    def _watch(self) -> None:
        while not self.is_over:
            found = 0
            for one in [self.process, *self.process.children(recursive=True)]:
                try:
                    found += one.memory_info().rss
                except psutil.NoSuchProcess:
                    continue
            self.bytes = max(self.bytes, found)
            time.sleep(0.05)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--organisations", type=int, default=4000)
    parser.add_argument("--shape", type=int, nargs=3, default=[12, 2, 8], help="dimensions, audiences, periods")
    parser.add_argument("--workers", type=int, default=2)
    chosen = parser.parse_args()
    started = time.perf_counter()
    benchmarks, distributions, knows = release(chosen.organisations, *chosen.shape)
    print(f"made in {time.perf_counter() - started:.0f} s: {benchmarks.num_rows:,} + {distributions.num_rows:,} rows")
    for what, known in (("release alone", None), (f"with {HUBS} hubs", knows)):
        with Peak() as peak:
            started = time.perf_counter()
            result = attack(benchmarks, distributions, a_policy(), TERMS, knows=known, workers=chosen.workers)
            seconds = time.perf_counter() - started
        print(f"{what}: {seconds:.1f} s, {peak.bytes / 2**20:.0f} MB at most, {peak.before / 2**20:.0f} MB before")
        print(json.dumps(result.audit))


if __name__ == "__main__":
    main()
