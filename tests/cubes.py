"""Small cubes: organisations, their true counts, and tables that are rounded and published honestly, by the shortest
way that is right. The product's own way is nowhere used, so that an attack can be tried on both.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import accumulate
from typing import Any

import numpy as np
import pyarrow as pa
from scipy.optimize import Bounds, LinearConstraint, milp

from hubs.contract.groups import BREAKDOWNS
from pipelines.disclose.intervals import LEVELS, Cube
from pipelines.policy import Policy

KEY = ("2026-Q1", "interop-baseline-v1", "decision_maker", "governance")
TERMS = {
    "sector": ("health", "housing", "justice"),
    "organisation_type": ("council", "charity"),
    "size_band": ("small", "large"),
    "region": ("wales", "london"),
}
ATTRIBUTES = tuple(TERMS)
KEYS = ("period", "instrument", "audience", "dimension", "breakdown", *ATTRIBUTES)
SHARES = [f"share_ge_{level}{end}" for level in range(1, LEVELS) for end in ("", "_low", "_high")]
BENCHMARKS = pa.schema(
    [
        *((name, pa.string()) for name in KEYS),
        ("n", pa.int32()),
        *((name, pa.float64()) for name in ("median", "median_low", "median_high", "q1", "q3", "mean", *SHARES)),
        *((name, pa.string()) for name in ("comparison", "status", "rolled_up_to")),
    ]
)
DISTRIBUTIONS = pa.schema(
    [
        *((name, pa.string()) for name in KEYS),
        ("level", pa.string()),
        ("count", pa.int32()),
        ("share", pa.float64()),
        ("status", pa.string()),
    ]
)


def a_policy(*breakdowns: str, **changes: Any) -> Policy:
    return Policy(breakdowns=breakdowns or tuple(BREAKDOWNS), **changes)


def a_cube(policy: Policy, terms: Mapping[str, Sequence[str]] = TERMS) -> Cube:
    return Cube({name: BREAKDOWNS[name] for name in policy.breakdowns}, {a: tuple(t) for a, t in terms.items()})


def count(cube: Cube, organisations: Iterable[Sequence[int]]) -> np.ndarray:
    """Counts (cells, 6) of organisations, each the number of its term of every attribute and its level."""
    rows = np.array(list(organisations), np.int64).reshape(-1, len(cube.terms) + 1)
    counts = np.zeros((len(cube.cells), LEVELS), np.int64)
    for name, shape in cube.shapes.items():
        own = np.zeros((*shape, LEVELS), np.int64)
        at = tuple(rows[:, i] if size > 1 else 0 * rows[:, i] for i, size in enumerate(shape))
        np.add.at(own, (*at, rows[:, -1]), 1)
        counts[cube.places[name]] = own.reshape(-1, LEVELS)
    return counts


def is_safe(counts: np.ndarray, own: np.ndarray, policy: Policy) -> bool:
    """Whether a group may be published, with ``own`` (hubs, 6) members of single hubs."""
    for some in (counts, *(counts - one for one in own)):
        if some.sum() < policy.threshold or some.sum() - some.max() <= 1:
            return False
    return True


def publishable(cube: Cube, counts: np.ndarray, own: np.ndarray, policy: Policy) -> np.ndarray:
    """Which cells may be published, with ``own`` (hubs, cells, 6) members of single hubs."""
    shown = np.array([is_safe(c, own[:, i], policy) for i, c in enumerate(counts)])
    is_changed = True
    while is_changed:
        is_changed = False
        for parent, child in cube.families:
            place = cube.places[parent]
            for p, children in zip(range(place.start, place.stop), cube.children(parent, child), strict=True):
                told = children[shown[children]]
                rest = counts[p] - counts[told].sum(axis=0)
                left = own[:, p] - own[:, told].sum(axis=1)
                if not shown[p] and len(told):
                    shown[told] = False
                elif len(told) and rest.sum() and not is_safe_rest(rest, left, policy):
                    shown[told[counts[told].sum(axis=1).argmin()]] = False
                else:
                    continue
                is_changed = True
    return shown


def is_safe_rest(rest: np.ndarray, left: np.ndarray, policy: Policy) -> bool:
    return bool(min(rest.sum(), *(rest.sum() - one.sum() for one in left), math.inf) >= policy.threshold)


def rounded(cube: Cube, counts: np.ndarray, shown: np.ndarray, policy: Policy) -> np.ndarray:
    """All counts rounded together, (cells, 7) with ``n`` last; of shown cells also those at or above each level."""
    true = np.column_stack([counts, counts.sum(axis=1)])
    base = policy.base
    low = true // base
    high = -(-true // base)
    low[shown, -1] = np.maximum(low[shown, -1], policy.threshold // base)
    width = true.shape[1]
    number = np.arange(true.size).reshape(true.shape)
    rows = []
    for cell in range(len(true)):
        rows.append({number[cell, LEVELS]: 1} | {number[cell, k]: -1 for k in range(LEVELS)})
    for parent, child in cube.families:
        place = cube.places[parent]
        for p, children in zip(range(place.start, place.stop), cube.children(parent, child), strict=True):
            rows += [{number[p, k]: 1} | {number[c, k]: -1 for c in children} for k in range(width)]
    least, most = [0] * len(rows), [0] * len(rows)
    for cell in np.flatnonzero(shown).tolist():
        for level in range(1, LEVELS - 1):
            at_or_above = int(true[cell, level:LEVELS].sum())
            rows.append(dict.fromkeys(number[cell, level:LEVELS], 1))
            least.append(at_or_above // base)
            most.append(-(-at_or_above // base))
    matrix = np.zeros((len(rows), true.size))
    for i, row in enumerate(rows):
        matrix[i, list(row)] = list(row.values())
    # |5y - c| is linear between the two multiples.
    cost = np.abs(base * (low + 1) - true) - np.abs(base * low - true)
    found = milp(
        cost.ravel() + np.arange(true.size) * 1e-7,
        integrality=np.ones(true.size),
        bounds=Bounds(low.ravel(), high.ravel()),
        constraints=LinearConstraint(matrix, least, most),
    )
    if found.x is None:
        raise Unroundable(found.message)
    return np.rint(found.x).astype(np.int64).reshape(true.shape) * base


class Unroundable(ValueError):
    """There is no rounding that adds up."""


def wilson(k: float, n: float, z: float) -> tuple[float, float]:
    p = k / n
    root = z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    return (p + z * z / (2 * n) - root) / (1 + z * z / n), (p + z * z / (2 * n) + root) / (1 + z * z / n)


def widest(k: float, n: float, error: int, z: float) -> tuple[float, float]:
    """The limits when both numbers may be ``error`` off."""
    fewer = max(n - error, 1)
    return wilson(max(k - error, 0), max(n + error, 1), z)[0], wilson(min(k + error, fewer), fewer, z)[1]


def capped(share: float) -> float:
    return round(min(max(share, 0.05), 0.95), 3)


@dataclass
class Release:
    """Published tables as rows, to be meddled with. ``true`` and ``all`` are what nobody sees."""

    policy: Policy
    cube: Cube
    benchmarks: list[dict[str, Any]] = field(default_factory=list)
    distributions: list[dict[str, Any]] = field(default_factory=list)
    true: np.ndarray = field(default_factory=lambda: np.zeros(0))
    all: np.ndarray = field(default_factory=lambda: np.zeros(0))
    shown: np.ndarray = field(default_factory=lambda: np.zeros(0))

    def tables(self) -> tuple[pa.Table, pa.Table]:
        return pa.Table.from_pylist(self.benchmarks, BENCHMARKS), pa.Table.from_pylist(
            self.distributions, DISTRIBUTIONS
        )

    def row(self, breakdown: str, *terms: str) -> dict[str, Any]:
        return next(r for r in self.benchmarks if _is_of(r, breakdown, terms))

    def levels(self, breakdown: str, *terms: str) -> list[dict[str, Any]]:
        return [r for r in self.distributions if _is_of(r, breakdown, terms)]

    def tell(self, x: np.ndarray, breakdown: str, *terms: str) -> None:
        """Publish ``x`` (6 counts) of a cell, with everything that follows from it."""
        row = self.row(breakdown, *terms)
        national = self.row("total")
        row.update(numbers_of(x, self.policy), n=int(x.sum()), status="")
        row["comparison"] = "" if row is national else comparison(x, national, self.policy)
        self.distributions = [r for r in self.distributions if not _is_of(r, breakdown, terms)]
        keys = {name: row[name] for name in KEYS}
        for level in range(LEVELS):
            told = {"level": str(level), "count": int(x[level]), "share": capped(x[level] / x.sum()), "status": ""}
            self.distributions.append(keys | told)


def _is_of(row: Mapping[str, Any], breakdown: str, terms: Sequence[str]) -> bool:
    return row["breakdown"] == breakdown and tuple(row[a] for a in BREAKDOWNS[breakdown]) == tuple(terms)


def numbers_of(x: np.ndarray, policy: Policy) -> dict[str, float]:
    n = int(x.sum())
    each = np.repeat(np.arange(LEVELS), x)
    told = {"mean": round(float(each.mean()), 1)}
    for level in range(1, LEVELS):
        k = int(x[level:].sum())
        told[f"share_ge_{level}"] = capped(k / n)
        low, high = widest(k, n, policy.base - 1, 1.95996398454)
        told[f"share_ge_{level}_low"] = round(min(max(low, 0), 0.95), 3)
        told[f"share_ge_{level}_high"] = round(max(min(high, 1), 0.05), 3)
    if n >= policy.median_gate:
        told["median"] = float(each[math.ceil(n / 2) - 1])
        told |= median_limits(x, policy.base - 1)
    if n >= policy.quartile_gate:
        told |= {"q1": float(each[math.ceil(n / 4) - 1]), "q3": float(each[math.ceil(3 * n / 4) - 1])}
    return told


def median_limits(x: np.ndarray, error: int) -> dict[str, float]:
    """Found one organisation after another: in the lowest group that may be meant, and in the highest."""
    n, reached = int(x.sum()), [int(x[level:].sum()) for level in range(1, LEVELS)]
    lowest = [sum(k - error > i for k in reached) for i in range(n + error)]
    highest = [sum(k + error > i for k in reached) for i in range(n - error)]
    return {
        "median_low": float(lowest[len(lowest) - textbook_rank(len(lowest))]),
        "median_high": float(highest[textbook_rank(len(highest)) - 1]),
    }


def textbook_rank(n: int) -> int:
    """The highest rank, from either end, that the median of ``n`` is beyond only once in 40 times."""
    below = accumulate(math.comb(n, k) for k in range(n))
    return next(rank for rank, ways in enumerate(below) if 40 * ways > 2**n)


def comparison(x: np.ndarray, national: Mapping[str, Any], policy: Policy) -> str:
    n, k = int(x.sum()), int(x[3:].sum())
    if n < policy.quartile_gate or national["n"] is None:
        return ""
    low, high = widest(k, n, policy.base - 1, 3.0902323)
    share = national["share_ge_3"]
    return "better" if low > share else "worse" if high < share else "similar"


def a_row(key: Sequence[str], breakdown: str, terms: Sequence[str]) -> dict[str, Any]:
    """A benchmark that tells nothing."""
    by = dict(zip(BREAKDOWNS[breakdown], terms, strict=True))
    keys = dict(zip(KEYS, (*key, breakdown), strict=False)) | {a: by.get(a, "all") for a in ATTRIBUTES}
    return dict.fromkeys(BENCHMARKS.names) | keys | {"comparison": "", "status": "[c]", "rolled_up_to": ""}


def published(policy: Policy, cube: Cube, x: np.ndarray, shown: np.ndarray, key: Sequence[str] = KEY) -> Release:
    """Tables of the counts ``x`` (cells, 6 or 7), for the cells that are ``shown``."""
    release = Release(policy, cube, all=x, shown=shown)
    release.benchmarks = [a_row(key, *cell) for cell in cube.names]
    for (breakdown, terms), counts, is_told in zip(cube.names, x, shown, strict=True):
        if is_told:
            release.tell(counts[:LEVELS], breakdown, *terms)
    return release


def a_release(
    organisations: Sequence[Sequence[int]],
    policy: Policy | None = None,
    hubs: Iterable[Sequence[Sequence[int]]] = (),
    terms: Mapping[str, Sequence[str]] = TERMS,
    key: Sequence[str] = KEY,
) -> Release:
    """An honest release of ``organisations``, of which ``hubs`` has those that are each hub's own."""
    policy = policy or a_policy()
    cube = a_cube(policy, terms)
    counts = count(cube, organisations)
    own = np.array([count(cube, members) for members in hubs], np.int64).reshape(-1, *counts.shape)
    shown = publishable(cube, counts, own, policy)
    return replace(published(policy, cube, rounded(cube, counts, shown, policy), shown, key), true=counts)


def everybody(n: int, terms: Mapping[str, Sequence[str]] = TERMS, seed: int = 7) -> list[tuple[int, ...]]:
    """``n`` organisations anywhere in the cube, on any level."""
    random = np.random.default_rng(seed)
    sizes = [*(len(t) for t in terms.values()), LEVELS]
    return [tuple(row) for row in random.integers(0, sizes, (n, len(sizes))).tolist()]
