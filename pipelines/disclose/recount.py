"""What a published row may say besides its counts, worked out again from them. How rows are made does not belong here:
this is written a second time on purpose, so that a slip in the making is found.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from fractions import Fraction
from functools import cache
from itertools import product
from math import comb, sqrt
from statistics import NormalDist
from typing import Any

import numpy as np

from hubs.contract.groups import ATTRIBUTES, TABLE
from pipelines.disclose.intervals import BAND, BANDS, LEVELS, STATISTICS, Anything, N
from pipelines.policy import Policy

SHARE_DIGITS, MEAN_DIGITS = 3, 1
EVEN = 1e-6
"""Room for the machine's own rounding."""
GOOD_LEVEL = 3
"""Groups are compared by how many are on this level or above."""

_FIGURES = (
    *("median", "median_low", "median_high", "q1", "q3", "mean"),
    *(f"share_ge_{level}{end}" for level in range(1, LEVELS) for end in ("", "_low", "_high")),
)
NUMBERS = (*_FIGURES, "comparison")
"""The columns of a benchmark that are looked at."""


def wrong_numbers(
    row: Mapping[str, Any],
    told: Anything,
    is_low: Anything,
    *,
    shares: Mapping[int, float | None],
    national: Sequence[Anything],
    errors: Sequence[int],
    policy: Policy,
) -> Iterator[tuple[str, str]]:
    """The numbers of a benchmark ``row`` and of the ``shares`` of its levels that do not follow from the counts
    ``told`` (13; -1: not told), each with words. Where counts are low, those must fit that some way of filling them in
    gives. ``national`` are the counts that all organisations may have; none where they are not told, or are the row's
    own. ``errors`` are how far counts may be from the true ones, by which limits are moved outwards.
    """
    if told[N] < 0:
        yield from (
            (name, f"{row[name]} is told of a withheld group") for name in NUMBERS if row[name] not in {None, ""}
        )
        return
    numbers = {name: row[name] for name in _FIGURES if row[name] is not None}
    comparison = row["comparison"] or ""
    found = [
        _not_following(numbers, counts, policy, error)
        + _shares_not_following(shares, counts, policy)
        + ([] if comparison in _comparisons(counts, national, policy, error) else [_not("comparison", comparison)])
        for counts in filled(told, is_low, policy.base)
        for error in errors
    ]
    yield from min(found, key=len, default=[])


def wrong_trends(
    trends: Iterable[Mapping[str, Any]],
    benchmarks: Iterable[Mapping[str, Any]],
    distributions: Iterable[Mapping[str, Any]],
    policy: Policy,
    widened: Collection[str],
) -> Iterator[tuple[Mapping[str, Any], str, str]]:
    """What does not follow from the published counts in the rows of ``trends``: each time a row that says which group,
    the column, and words. Also rows that are missing, and rows of groups that are not told. ``widened`` names the
    tables whose numbers may be further off, ``/`` between the values.
    """
    told = {_group(row): row for row in benchmarks}
    levels: dict[tuple[str, ...], dict[str, int | None]] = {}
    for row in distributions:
        levels.setdefault(_group(row), {})[row["level"]] = row["count"]
    periods: dict[tuple[str, str, bool], set[str]] = {}
    for group in told:
        periods.setdefault(_asked(group), set()).add(group[0])
    seen = set()
    for row in trends:
        group = _group(row)
        if group in seen or group not in told or told[group]["n"] is None:
            yield row, "n", "a change is told of a group that has none"
            continue
        seen.add(group)
        earlier = sorted(period for period in periods[_asked(group)] if period < group[0])
        when = (earlier[-1] if earlier else "", group[0])
        rows = [told.get((period, *group[1:]), {}) for period in when]
        counts = [levels.get((period, *group[1:]), {}) for period in when]
        widths = [1 + ("/".join((period, *group[1:4])) in widened) for period in when]
        expected = _trend(when[0], rows, counts, [width * policy.base - 1 for width in widths], policy)
        if any("[r]" in found.get("status", "") for found in rows):
            expected["status"] = f"{expected['status']} [r]".strip()
        for name, value in expected.items():
            if not _is_as(row[name], value):
                yield row, name, f"{row[name]} does not follow from the counts of both periods"
    for group, row in told.items():
        if row["n"] is not None and group not in seen:
            yield row, "n", "its change is not told"


_GROUP = (*TABLE, "breakdown", *ATTRIBUTES)


def _group(row: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(row[name] for name in _GROUP)


def _asked(group: tuple[str, ...]) -> tuple[str, str, bool]:
    """What periods of a group may be held against one another: same instrument and audience, and quarters or years."""
    return group[1], group[2], "Q" in group[0]


def _trend(
    before: str,
    rows: Sequence[Mapping[str, Any]],
    counts: Sequence[Mapping[str, int | None]],
    errors: Sequence[int],
    policy: Policy,
) -> dict[str, Any]:
    """What may stand in the row of a change, by column; a set where several words may. All pairs are of the period
    before (nothing, if it has no such row) and now.
    """
    good = f"share_ge_{GOOD_LEVEL}"
    pairs: list[list[Any]] = [[row.get(name) for row in rows] for name in ("n", good)]
    n, share = pairs
    told: dict[str, Any] = dict.fromkeys(("change", "change_low", "change_high")) | {"trend": ""}
    told |= {"period_before": before, "n_before": n[0], "n": n[1], f"{good}_before": share[0], good: share[1]}
    if not before:
        return told | {"status": "[z]"}
    if rows[0] and n[0] is None:
        return told | {"status": "[c]"}
    if any(set(found) != set("012345") for found in counts):
        return told | {"status": "[x]"}
    reached = [_told_reached(levels, own_n) for levels, own_n in zip(counts, n, strict=True)]
    if None in (*share, *reached):
        return told | {"status": "[low]"}
    change = round(share[1] - share[0], SHARE_DIGITS)
    low, high = _change_limits(reached, n, errors, policy.limits_confidence)
    told |= {"change": change, "change_low": min(low, change), "change_high": max(high, change)}
    if min(n) < policy.reliable_gate:
        return told | {"status": "[u]"}
    low, high = _change_limits(reached, n, errors, policy.comparison_confidence)
    words = {
        "better" if change > 0 and low > even else "worse" if change < 0 and high < -even else "similar"
        for even in (-EVEN, EVEN)
    }
    return told | {"trend": words, "status": ""}


def _told_reached(levels: Mapping[str, int | None], n: int) -> int | None:
    """How many are at or above ``GOOD_LEVEL``, if that follows from the counts that are told."""
    reached = [levels[str(level)] for level in range(GOOD_LEVEL, LEVELS)]
    lower = [levels[str(level)] for level in range(GOOD_LEVEL)]
    if None in reached and None in lower:
        return None
    return n - sum(k or 0 for k in lower) if None in reached else sum(k or 0 for k in reached)


def _change_limits(k: Sequence[Any], n: Sequence[Any], errors: Sequence[int], confidence: float) -> tuple[float, float]:
    """Newcombe's limits of the change from the first share to the second, the widest that may be meant when each count
    and n may be as far off as ``errors``.
    """
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    ends = []
    for way in (1, -1):
        then, now = (
            (min(max(k[i] + by, 0), max(n[i] - by, 1)), max(n[i] - by, 1))
            for i, by in enumerate((way * errors[0], -way * errors[1]))
        )
        before, after = then[0] / then[1], now[0] / now[1]
        outer_before, outer_after = _wilson(*then, z)[way > 0], _wilson(*now, z)[way < 0]
        ends.append(after - before - way * sqrt((outer_before - before) ** 2 + (outer_after - after) ** 2))
    return ends[0], ends[1]


def _is_as(value: Any, expected: Any) -> bool:
    if isinstance(expected, float):
        return value is not None and _is_rounded(value, expected, SHARE_DIGITS)
    return bool(value in expected) if isinstance(expected, set) else bool(value == expected)


def filled(told: Anything, is_low: Anything, base: int) -> Iterator[Anything]:
    """The counts, with 0 or ``base`` for those that are low."""
    places = np.flatnonzero(is_low[:N])
    kinds = BAND if (told[BAND] >= 0).any() or is_low[BAND].any() else slice(LEVELS)
    for values in product((0, base), repeat=len(places)):
        counts = told.copy()
        counts[places] = values
        if not len(places) or counts[kinds].sum() == told[N]:
            yield counts


def _not(name: str, value: object) -> tuple[str, str]:
    return name, f"{value} does not follow from the counts"


def _not_following(numbers: Mapping[str, float], counts: Anything, policy: Policy, error: int) -> list[tuple[str, str]]:
    allowed = _allowed(counts, policy, error)
    return [
        _not(name, value)
        for name, value in numbers.items()
        if name not in allowed or not _is_rounded(value, *allowed[name])
    ]


def _shares_not_following(
    shares: Mapping[int, float | None], counts: Anything, policy: Policy
) -> list[tuple[str, str]]:
    n = max(int(counts[N]), 1)
    return [
        _not(f"share of {STATISTICS[statistic]}", share)
        for statistic, share in shares.items()
        if share is not None and not _is_rounded(share, _capped(counts[statistic] / n, policy), SHARE_DIGITS)
    ]


def _allowed(counts: Anything, policy: Policy, error: int) -> dict[str, tuple[float, int]]:
    """What may be told of a group, each with its number of decimals."""
    n = max(int(counts[N]), 1)
    reached = _reached(counts)
    allowed = {}
    for level, k in reached.items():
        name = f"share_ge_{level}"
        low, high = limits(k, n, error, policy.limits_confidence)
        allowed[name] = (_capped(k / n, policy), SHARE_DIGITS)
        allowed[f"{name}_low"] = (min(low, 1 - policy.share_cap), SHARE_DIGITS)
        allowed[f"{name}_high"] = (max(high, policy.share_cap), SHARE_DIGITS)
    levels = counts[:LEVELS]
    if (levels >= 0).all():
        below = np.cumsum(levels)
        allowed["mean"] = (float(levels @ np.arange(LEVELS)) / n, MEAN_DIGITS)
        for name, part, gate in (
            ("median", 2 / 4, policy.median_gate),
            ("q1", 1 / 4, policy.quartile_gate),
            ("q3", 3 / 4, policy.quartile_gate),
        ):
            if n >= gate:
                allowed[name] = (float((below >= part * n).argmax()), 0)
        if n >= policy.median_gate:
            ends = _median_limits(reached, n, error, policy.limits_confidence)
            allowed |= {f"median_{name}": (float(end), 0) for name, end in zip(("low", "high"), ends, strict=True)}
    return allowed


def _median_limits(reached: Mapping[int, int], n: int, error: int, confidence: float) -> tuple[int, int]:
    """The lowest level that the lower end of the median's limits can have, and the highest of the upper end, when
    ``reached`` and ``n`` may be ``error`` off: the levels that the organisation of that rank has reached.
    """
    more, fewer = n + error, max(n - error, 1)
    from_below, from_above = rank(more, confidence), rank(fewer, confidence)
    low = sum(more - max(k - error, 0) < from_below for k in reached.values())
    return low, sum(min(k + error, fewer) >= from_above for k in reached.values())


@cache
def rank(n: int, confidence: float) -> int:
    """The place r, from below and from above, of the two organisations out of ``n`` between which the median lies with
    at least that confidence; 0 where there are none. Found from the middle outwards, in whole numbers.
    """
    needed = Fraction(confidence) * 2**n
    place = (n + 1) // 2
    ways = comb(n, place)
    # In how many of all runs of n tosses ``place`` to n - place are heads: in none yet where n is odd.
    covered = ways if 2 * place == n else 0
    while covered < needed and place > 0:
        ways = ways * place // (n - place + 1)
        place -= 1
        covered += 2 * ways
    return place


def _comparisons(counts: Anything, national: Sequence[Anything], policy: Policy, error: int) -> set[str]:
    """What may be said of a group beside all organisations: both, where the rounding of their share decides."""
    n = int(counts[N])
    k = _reached(counts).get(GOOD_LEVEL)
    every = [(_reached(one).get(GOOD_LEVEL), max(int(one[N]), 1)) for one in national]
    shares = [reached / size for reached, size in every if reached is not None]
    if n < policy.reliable_gate or k is None or not shares:
        return {""}
    low, high = limits(k, n, error, policy.comparison_confidence)
    told = (*shares, *(round(_capped(share, policy), SHARE_DIGITS) for share in shares))
    return {"better" if low > one else "worse" if high < one else "similar" for one in told}


def _reached(counts: Anything) -> dict[int, int]:
    """How many are on each level or above, for those levels of which the counts tell."""
    if (counts[:LEVELS] >= 0).all():
        return {level: int(counts[level:LEVELS].sum()) for level in range(1, LEVELS)}
    if (counts[BAND] >= 0).all():
        return {band[0]: int(counts[BAND][i:].sum()) for i, band in enumerate(BANDS) if band[0]}
    return {}


def limits(k: int, n: int, error: int, confidence: float) -> tuple[float, float]:
    """Wilson's limits of the share ``k`` of ``n`` when both may be ``error`` off: the widest that may be meant."""
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    fewer = max(n - error, 1)
    return _wilson(max(k - error, 0), max(n + error, 1), z)[0], _wilson(min(k + error, fewer), fewer, z)[1]


def _wilson(k: int, n: int, z: float) -> tuple[float, float]:
    p = k / n
    middle = (p + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    return max(middle - half, 0), min(middle + half, 1)


def _capped(share: float, policy: Policy) -> float:
    return float(min(max(share, policy.share_cap), 1 - policy.share_cap))


def _is_rounded(value: float, exact: float, digits: int) -> bool:
    """Whether ``value`` is ``exact`` to so many decimals, either way at a tie."""
    scaled = value * 10**digits
    return bool(abs(scaled - round(scaled)) < EVEN and abs(scaled - exact * 10**digits) <= 1 / 2 + EVEN)
