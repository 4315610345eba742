"""By how much a group has changed since the period before, worked out from what is published of both periods.

Nothing else comes in here, so a trend tells nothing new: whoever has the rounded counts can work it out, and can work
back from it to them and no further. A group is held only against itself, and only where it is told by levels in both
periods. What is told of one period by itself is ``derived``'s.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from statsmodels.stats.proportion import confint_proportions_2indep

from hubs.contract.groups import ATTRIBUTES, TABLE
from pipelines.cube import LEVELS_N
from pipelines.disclose.derived import (
    COMPARED_AT,
    CONFIDENTIAL,
    LOW,
    NOT_AVAILABLE,
    REVISED,
    UNRELIABLE,
    Counted,
    Shares,
)
from pipelines.policy import Policy

NOT_APPLICABLE = "[z]"
"""Status: there is no earlier period to compare with."""
SHARE = f"share_ge_{COMPARED_AT}"
"""The share whose change is told."""
GROUP = (*TABLE, "breakdown", *ATTRIBUTES)
"""The columns that say which group a row is about."""
TRENDS = pa.schema(
    [
        *((name, pa.string()) for name in (*GROUP, "period_before")),
        ("n_before", pa.int32()),
        ("n", pa.int32()),
        *((name, pa.float64()) for name in (f"{SHARE}_before", SHARE, "change", "change_low", "change_high")),
        ("trend", pa.string()),
        ("status", pa.string()),
    ]
)
"""A row a group that is told."""

GroupKey = tuple[str, ...]
"""A value for each of ``GROUP``."""


@dataclass
class _Group:
    """What is published of a group in one period, None where it is not told: organisations, the share of them at or
    above ``COMPARED_AT``, and the counts of those on a lower level, and of the others. ``is_revised`` says that another
    number was published of it before.
    """

    n: int | None
    share: float | None
    lower: list[int | None]
    reached: list[int | None]
    is_revised: bool

    @property
    def is_by_levels(self) -> bool:
        """Whether it is told by levels, and not by bands of two."""
        return len(self.lower) + len(self.reached) == LEVELS_N

    @property
    def reached_n(self) -> int | None:
        """How many organisations are at or above ``COMPARED_AT``; None where counts that are not told hide it."""
        if None not in self.reached:
            return sum(self.reached)  # type: ignore[arg-type]
        return None if None in self.lower or self.n is None else self.n - sum(self.lower)  # type: ignore[arg-type]


def trends(benchmarks: pa.Table, distributions: pa.Table, policy: Policy, widened: Collection[str] = ()) -> pa.Table:
    """The table ``TRENDS`` of all that is published: ``derived.BENCHMARKS`` and ``derived.DISTRIBUTIONS`` of all
    periods. ``widened`` names the tables, ``/`` between the values of ``TABLE``, whose numbers may be ``base`` further
    off than those of others.

    ``change`` is the difference of the shares of the two periods, in shares (0.1 is ten percentage points).
    ``change_low`` and ``change_high`` are Newcombe's limits, moved outwards by the rounding of all four numbers; they
    hold ``change`` also where it comes from shares that were cut off. ``trend`` is ``better`` or ``worse`` where such
    limits, at the policy's ``comparison_confidence``, lie wholly above or below no change, ``similar`` where they do
    not; empty under ``reliable_gate`` in either period.
    """
    groups = _groups(benchmarks, distributions)
    periods = defaultdict(set)
    for key in groups:
        periods[key[1:3]].add(key[0])
    rows = []
    for key, now in groups.items():
        if now.n is not None:
            before = period_before(key[0], periods[key[1:3]])
            rows.append(_row(key, now, before, groups.get((before, *key[1:]))))
    _tell_changes([row for row in rows if row["status"] == ""], groups, policy, widened)
    for row in rows:
        both = (groups.get((period, *_key(row)[1:])) for period in (row["period"], row["period_before"]))
        if any(group is not None and group.is_revised for group in both):
            row["status"] = f"{row['status']} {REVISED}".strip()
    return pa.Table.from_pylist(rows, TRENDS)


def period_before(period: str, periods: Collection[str]) -> str:
    """The latest of ``periods`` before ``period``, empty when there is none. Years are held against years and quarters
    against quarters: a year holds its quarters.
    """
    return max((other for other in periods if other < period and len(other) == len(period)), default="")


def change_limits(
    before: tuple[Counted, Counted], now: tuple[Counted, Counted], errors: tuple[Counted, Counted], confidence: float
) -> tuple[Shares, Shares]:
    """Newcombe's limits of by how much shares have grown from ``before`` to ``now``, each counts and their n, which may
    be as much off as ``errors`` says of each: the lowest and the highest of all that may be meant. Limits rise with the
    share now and fall with the one before, so these are at the corners.
    """

    def newcombe(then: tuple[Counted, Counted], after: tuple[Counted, Counted]) -> tuple[Shares, Shares]:
        return confint_proportions_2indep(*after, *then, method="newcomb", compare="diff", alpha=1 - confidence)  # type: ignore[no-any-return]

    def moved(share: tuple[Counted, Counted], by: Counted) -> tuple[Counted, Counted]:
        n = np.maximum(share[1] - by, 1)
        return np.clip(share[0] + by, 0, n), n

    low, _ = newcombe(moved(before, errors[0]), moved(now, -errors[1]))
    _, high = newcombe(moved(before, -errors[0]), moved(now, errors[1]))
    return low, high


def _groups(benchmarks: pa.Table, distributions: pa.Table) -> dict[GroupKey, _Group]:
    groups = {}
    for row in benchmarks.select([*GROUP, "n", SHARE, "status"]).to_pylist():
        groups[_key(row)] = _Group(row["n"], row[SHARE], [], [], REVISED in row["status"])
    for row in distributions.select([*GROUP, "level", "count"]).to_pylist():
        group = groups[_key(row)]
        (group.reached if int(row["level"][0]) >= COMPARED_AT else group.lower).append(row["count"])
    return groups


def _key(row: Mapping[str, Any]) -> GroupKey:
    return tuple(row[name] for name in GROUP)


def _row(key: GroupKey, now: _Group, before: str, then: _Group | None) -> dict[str, Any]:
    """The row of a group without its change; its status says why there is none, if there is none."""
    told = dict(zip(GROUP, key, strict=True)) | {"period_before": before, "n": now.n, SHARE: now.share, "trend": ""}
    if then is not None:
        told |= {"n_before": then.n, f"{SHARE}_before": then.share}
    return told | {"status": _lacking(now, then) if before else NOT_APPLICABLE}


def _lacking(now: _Group, then: _Group | None) -> str:
    """The marker for why a change cannot be had, empty when it can."""
    if then is not None and then.n is None:
        return CONFIDENTIAL
    if then is None or not (now.is_by_levels and then.is_by_levels):
        return NOT_AVAILABLE
    return LOW if None in (now.share, then.share, now.reached_n, then.reached_n) else ""


def _tell_changes(
    rows: list[dict[str, Any]], groups: Mapping[GroupKey, _Group], policy: Policy, widened: Collection[str]
) -> None:
    """Add to ``rows`` by how much their groups have changed."""
    if not rows:
        return
    before_keys = [(row["period_before"], *_key(row)[1:]) for row in rows]
    counts, errors = [], []
    for keys in (before_keys, [_key(row) for row in rows]):
        counts.append((np.array([groups[key].reached_n for key in keys]), np.array([groups[key].n for key in keys])))
        is_widened = np.array(["/".join(key[: len(TABLE)]) in widened for key in keys])
        errors.append(policy.base - 1 + policy.base * is_widened)
    # Adding nothing makes 0 of -0.
    change = np.round([row[SHARE] - row[f"{SHARE}_before"] for row in rows], 3) + 0.0

    def holding_it(confidence: float) -> tuple[Shares, Shares]:
        low, high = change_limits(counts[0], counts[1], (errors[0], errors[1]), confidence)
        return np.minimum(low, change), np.maximum(high, change)

    low, high = (np.round(end, 3) + 0.0 for end in holding_it(policy.limits_confidence))
    least, most = holding_it(policy.comparison_confidence)
    words = np.where(least > 0, "better", np.where(most < 0, "worse", "similar"))
    is_reliable = np.minimum(counts[0][1], counts[1][1]) >= policy.reliable_gate
    for i, row in enumerate(rows):
        row.update(change=float(change[i]), change_low=float(low[i]), change_high=float(high[i]))
        row.update({"trend": str(words[i])} if is_reliable[i] else {"status": UNRELIABLE})
