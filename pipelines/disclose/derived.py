"""Everything that is published of a table, worked out from its rounded counts. No true count comes in here.

So whoever has the counts that are published can work out all the rest, and learns nothing from it. Limits of a share
are Wilson's, those of a median the levels of two ranks. Both are moved outwards by the most that rounding can have done
to the numbers they come from. What needs two periods is ``trend``'s.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import pyarrow as pa
import scipy.stats
from statsmodels.stats.proportion import proportion_confint

from hubs.contract.groups import ATTRIBUTES, TABLE
from pipelines.cube import LEVELS_N, Breakdown, Grid, Integers, Key, Mask
from pipelines.disclose.eligible import BANDS, HIDDEN, LEVELS, Details
from pipelines.disclose.rounding import BAND_NAMES, LEVEL_NAMES
from pipelines.policy import Policy

# Loaded now, by one thread: the judge may have put it off (``hubs.contract.expectations``), and two would get in the
# way of one another.
_ = scipy.stats.norm

CONFIDENTIAL, LOW, UNRELIABLE, NOT_AVAILABLE, REVISED = "[c]", "[low]", "[u]", "[x]", "[r]"
"""Statuses: may not be told; nobody or one base; of few organisations; of too few, or not to be had from bands; told
otherwise before."""
COMPARED_AT = 3
"""Groups are compared by the share of their organisations at or above this level."""
ABOVE = tuple(range(1, LEVELS_N))
"""The levels at or above which shares are told."""
BAND_STARTS = (2, 4)
"""Those of ``ABOVE`` that bands tell as well."""

_KEYS = [(name, pa.string()) for name in (*TABLE, "breakdown", *ATTRIBUTES)]
_SHARES = [f"share_ge_{level}{end}" for level in ABOVE for end in ("", "_low", "_high")]
BENCHMARKS = pa.schema(
    [
        *_KEYS,
        ("n", pa.int32()),
        *((name, pa.float64()) for name in ("median", "median_low", "median_high", "q1", "q3", "mean", *_SHARES)),
        ("comparison", pa.string()),
        ("status", pa.string()),
        ("rolled_up_to", pa.string()),
    ]
)
"""A row a group, whether it is told or not."""
DISTRIBUTIONS = pa.schema(
    [*_KEYS, ("level", pa.string()), ("count", pa.int32()), ("share", pa.float64()), ("status", pa.string())]
)
"""A row a level, or a band of levels, of each group that is told."""

Counted = np.ndarray[Any, np.dtype[np.integer[Any]]]
Shares = np.ndarray[Any, np.dtype[np.floating[Any]]]


@dataclass(frozen=True)
class Told:
    """The rounded counts of one table and in what detail they are told. ``levels`` has an array (cells × levels) for
    each breakdown, in which a band stands on the lower of its levels; ``error`` is the most that a number of each cell,
    all breakdowns together, can be off.
    """

    key: Key
    cube: tuple[Breakdown, ...]
    levels: tuple[Grid, ...]
    details: Details
    error: Integers


def banded(levels: Grid, detail: Integers) -> Grid:
    """``levels`` with each pair put on the lower one where the detail is bands: no more is told of those."""
    together = np.zeros_like(levels)
    together[:, 0::2] = levels[:, 0::2] + levels[:, 1::2]
    return np.where((detail == BANDS)[:, None], together, levels)


def benchmarks(told: Told, policy: Policy) -> pa.Table:
    """The table ``BENCHMARKS`` of ``told``, in the order of breakdowns and cells. What may not be told is null."""
    levels, detail = np.concatenate(told.levels), np.concatenate(told.details)
    columns = _keys(told) | statistics(levels, detail, told.error, policy)
    columns["rolled_up_to"] = [name for i in range(len(told.cube)) for name in _rolled_up(told, i)]
    return pa.table({name: pa.array(columns[name], BENCHMARKS.field(name).type) for name in BENCHMARKS.names})


def distributions(told: Told, policy: Policy) -> pa.Table:
    """The table ``DISTRIBUTIONS`` of ``told``, levels upwards."""
    levels, detail = np.concatenate(told.levels), np.concatenate(told.details)
    keys = _keys(told)
    rows = [(i, at, name) for i in np.flatnonzero(detail > HIDDEN).tolist() for at, name in _names(int(detail[i]))]
    cell, at = (np.array([row[i] for row in rows], np.int64) for i in (0, 1))
    count = levels[cell, at]
    is_low = _is_low(count, policy)
    columns: dict[str, Any] = {name: [keys[name][i] for i in cell.tolist()] for name, _ in _KEYS}
    columns["level"] = [name for *_, name in rows]
    columns["count"] = _where(~is_low, count)
    columns["share"] = _where(~is_low, _share(count, levels.sum(axis=1)[cell], policy))
    columns["status"] = np.where(is_low, LOW, "").tolist()
    return pa.table({name: pa.array(columns[name], DISTRIBUTIONS.field(name).type) for name in DISTRIBUTIONS.names})


def statistics(levels: Grid, detail: Integers, error: Integers, policy: Policy) -> dict[str, list[Any]]:
    """All figures of the cells of one table, of which the first is that of all organisations; ``levels`` is cells ×
    levels, a band on the lower of its levels.

    ``comparison`` is ``better`` or ``worse`` where the limits of the share at or above ``COMPARED_AT`` lie wholly above
    or below the share of all organisations, ``similar`` where they do not.
    """
    n = levels.sum(axis=1)
    is_told, has_levels = detail > HIDDEN, detail == LEVELS
    above = np.cumsum(levels[:, ::-1], axis=1)[:, ::-1]
    # A band's lowness is that of both its levels, since the higher one is empty here.
    is_low = _is_low(np.where(has_levels[:, None], levels, levels[:, [0, 0, 2, 2, 4, 4]]), policy) & is_told[:, None]
    columns: dict[str, list[Any]] = {"n": _where(is_told, n)}
    quantiles = {"median": (2, 1, policy.median_gate), "q1": (4, 1, policy.quartile_gate)}
    for name, (parts, part, gate) in (quantiles | {"q3": (4, 3, policy.quartile_gate)}).items():
        columns[name] = _where(has_levels & (n >= gate), _quantile(levels, parts, part))
    # From the highest level that the limits reach, a strict policy's 0 and 5 could be told apart.
    has_limits = has_levels & (n >= policy.median_gate) & ~is_low.any(axis=1)
    for name, ends in zip(("low", "high"), median_limits(levels, error, policy.limits_confidence), strict=True):
        columns[f"median_{name}"] = _where(has_limits, ends)
    columns["mean"] = _where(has_levels, np.round(levels @ np.arange(LEVELS_N) / np.maximum(n, 1), 1))
    for level in ABOVE:
        is_shown = is_told & (has_levels | (level in BAND_STARTS)) & ~is_low[:, level] & ~is_low[:, level - 1]
        low, high = limits(above[:, level], n, error, policy.limits_confidence)
        columns[f"share_ge_{level}"] = _where(is_shown, _share(above[:, level], n, policy))
        columns[f"share_ge_{level}_low"] = _where(is_shown, np.round(np.minimum(low, 1 - policy.share_cap), 3))
        columns[f"share_ge_{level}_high"] = _where(is_shown, np.round(np.maximum(high, policy.share_cap), 3))
    columns["comparison"] = _compared(above[:, COMPARED_AT], n, has_levels, error, policy)
    is_lacking = is_told & (~has_levels | (n < policy.quartile_gate))
    marks = {
        CONFIDENTIAL: ~is_told,
        LOW: is_low.any(axis=1),
        UNRELIABLE: is_told & (n < policy.reliable_gate),
        NOT_AVAILABLE: is_lacking,
    }
    columns["status"] = [
        " ".join(mark for mark, has in zip(marks, row, strict=True) if has)
        for row in zip(*(mask.tolist() for mask in marks.values()), strict=True)
    ]
    return columns


def limits(count: Counted, n: Counted, error: Counted, confidence: float) -> tuple[Shares, Shares]:
    """Wilson's limits of the shares ``count`` of ``n``, when both may be ``error`` off: the lowest and the highest of
    all that may be meant. Limits fall with n and grow with the count, so these are at the corners.
    """
    least_n = np.maximum(n - error, 1)
    low, _ = proportion_confint(np.maximum(count - error, 0), np.maximum(n + error, 1), 1 - confidence, method="wilson")
    _, high = proportion_confint(np.minimum(count + error, least_n), least_n, 1 - confidence, method="wilson")
    return np.clip(low, 0, 1), np.clip(high, 0, 1)


def median_limits(levels: Grid, error: Counted, confidence: float) -> tuple[Integers, Integers]:
    """Limits of the median of each of some groups (``levels``: groups × levels): the levels of the organisations of two
    ranks, between which it lies with ``confidence`` or more. The number of a group, and those above each level, may be
    ``error`` off: the lowest and the highest of all that may be meant. Of so few that no ranks will do, 0 and 5.

    With more organisations, of which fewer are higher up, every rank stands lower; so these are at the corners.
    """
    n = levels.sum(axis=1)
    higher = n[:, None] - np.cumsum(levels, axis=1)
    most_n, least_n = n + error, np.maximum(n - error, 1)
    up_to = most_n[:, None] - np.maximum(higher - error[:, None], 0)
    low = (up_to >= _rank(most_n, confidence)[:, None]).argmax(axis=1)
    beyond = np.minimum(higher + error[:, None], least_n[:, None])
    beyond[:, -1] = -1  # nobody is above the highest level, whatever was rounded, and no rank is lower than 0
    return low, (beyond < _rank(least_n, confidence)[:, None]).argmax(axis=1)


def _rank(n: Counted, confidence: float) -> Counted:
    """The rank r for which the median of ``n`` lies between the r-th from below and the r-th from above with at least
    that confidence, as close together as can be; 0 where even the first and the last are too close.
    """
    return scipy.stats.binom.ppf((1 - confidence) / 2, n, 1 / 2).astype(np.int64)  # type: ignore[no-any-return]


def _compared(above: Counted, n: Counted, has_levels: Mask, error: Counted, policy: Policy) -> list[str]:
    low, high = limits(above, n, error, policy.comparison_confidence)
    national = above[0] / max(int(n[0]), 1)
    is_compared = has_levels & has_levels[0] & (n >= policy.reliable_gate)
    is_compared[0] = False
    words = np.where(low > national, "better", np.where(high < national, "worse", "similar"))
    return np.where(is_compared, words, "").tolist()  # type: ignore[no-any-return]


def _quantile(levels: Grid, parts: int, part: int) -> Integers:
    """For each row the level of the organisation of the lower nearest rank: 1 of 2 is the lower median."""
    found: Integers = (np.cumsum(levels, axis=1) * parts >= levels.sum(axis=1)[:, None] * part).argmax(axis=1)
    return found


def _share(count: Counted, n: Counted, policy: Policy) -> Shares:
    shares: Shares = np.round(np.clip(count / np.maximum(n, 1), policy.share_cap, 1 - policy.share_cap), 3)
    return shares


def _is_low(counts: Counted, policy: Policy) -> Mask:
    """Which counts a strict policy does not print: nobody, and one base."""
    return (counts <= policy.base) & policy.strict


def _where(is_shown: Mask, values: Counted | Shares) -> list[Any]:
    """``values``, None where they are not shown."""
    return [value if shown else None for shown, value in zip(is_shown.tolist(), values.tolist(), strict=True)]


@cache
def _names(detail: int) -> tuple[tuple[int, str], ...]:
    """Where the counts of a cell stand that is told in ``detail``, and what they are called."""
    return tuple(zip(range(0, LEVELS_N, 2), BAND_NAMES, strict=True) if detail == BANDS else enumerate(LEVEL_NAMES))


def _keys(told: Told) -> dict[str, Any]:
    rows = [breakdown.keys(cell) for breakdown in told.cube for cell in breakdown.cells]
    table = {name: [value] * len(rows) for name, value in zip(TABLE, told.key, strict=True)}
    return table | {name: [row[name] for row in rows] for name in ("breakdown", *ATTRIBUTES)}


def _rolled_up(told: Told, number: int) -> list[str]:
    """For each cell that is not told the breakdown of the nearest parent that is: first size bands are put together,
    then sectors.
    """
    own = told.cube[number]
    found = np.full(len(own.cells), "", object)
    chain = [
        (i, one) for i, one in enumerate(told.cube) if len(one.by) < len(own.by) and one.by == own.by[: len(one.by)]
    ]
    for i, parent in chain:  # from the total down, so that the nearest stands in the end
        found[(told.details[i][own.parent_cells(parent)] > HIDDEN) & (told.details[number] == HIDDEN)] = parent.name
    return found.tolist()


def stacked(tables: Sequence[pa.Table], schema: pa.Schema) -> pa.Table:
    """``tables`` one after another, also if there are none."""
    return pa.concat_tables([schema.empty_table(), *tables]).combine_chunks()
