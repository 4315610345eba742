"""Where groups of organisations stand, for the pages of benchmarks: one row a group with everything that the tables
tell of it, and what may be said of several in a sentence. Nothing is worked out here that the tables do not say; how
figures are printed is in ``views`` and in templates.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

from hubs.contract.groups import ATTRIBUTES, BREAKDOWNS, WAVE
from hubs.instruments import text_in
from pipelines.edition import Edition
from pipelines.publish.views import NATIONAL, SHARED_AT, BenchmarkView, having

MARKS = ("[c]", "[low]", "[u]", "[x]", "[z]", "[r]", "[p]", "[b]")
"""The markers, in the order in which keys list them."""
OF_GROUP = ("[u]", "[r]", "[p]", "[b]")
"""Those that say something of a group as a whole, so that they stand beside its number of organisations."""
MOST_NAMED = 3
"""Groups that a sentence names; of more it says that there are others."""
PERIODS_N = 4

_SHARE = f"share_ge_{SHARED_AT}"
_KEYS = ("dimension", "breakdown", *ATTRIBUTES)


@dataclass(frozen=True)
class Benchmark:
    """A group in a dimension. ``of`` has what says which row of the tables it is, but the wave; ``row`` is that of the
    benchmarks; ``levels`` has those of the distributions by level, and ``trend`` is that of the trends, None when there
    is none.
    """

    row: Mapping[str, Any]
    levels: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    trend: Mapping[str, Any] | None = None

    @property
    def group(self) -> dict[str, str]:
        """The terms by which it is grouped, by column."""
        return {name: self.row[name] for name in BREAKDOWNS[self.row["breakdown"]]}

    @property
    def of(self) -> dict[str, str]:
        """The columns that tell it from other groups of its table."""
        return {"dimension": self.row["dimension"], **self.group}

    @property
    def address(self) -> str:
        """``of`` as figures name another row than their own."""
        return "+".join(f"{name}={value}" for name, value in self.of.items())

    @property
    def is_told(self) -> bool:
        """Whether anything is told of it."""
        return self.row["n"] is not None

    @property
    def marks(self) -> list[str]:
        """What stands beside its number of organisations."""
        return [mark for mark in OF_GROUP if mark in (self.row["status"] or "").split()]

    def parts(self) -> list[tuple[Mapping[str, Any], float, float]]:
        """Each level, upwards, that has any organisation: what the distributions tell of it, and where it begins and
        how long it is when all levels lie end to end and are 1 together.
        """
        total = sum(level["count"] for level in self.levels.values())
        below, found = 0, []
        for _, level in sorted(self.levels.items()):
            if level["count"]:
                found.append((level, below / total, level["count"] / total))
            below += level["count"]
        return found

    def part_of(self, level: str) -> float:
        """How much of all its levels together ``level`` is."""
        own: int = self.levels[level]["count"]
        return own / sum(one["count"] for one in self.levels.values())  # type: ignore[no-any-return]

    @property
    def has_bars(self) -> bool:
        """Whether the count of each level is told, so that they can be drawn."""
        return bool(self.levels) and all(level["count"] is not None for level in self.levels.values())


@dataclass(frozen=True)
class Group:
    """The groups of one breakdown in one dimension, in the order of vocabularies: those that are ``told``, and of the
    ``withheld`` each with the breakdown of the larger group that is told instead. ``national`` is all organisations.
    """

    breakdown: str
    told: tuple[Benchmark, ...]
    withheld: tuple[Benchmark, ...]
    national: Benchmark

    @property
    def rows(self) -> tuple[Benchmark, ...]:
        """The groups that are told and, last, all organisations."""
        return (*self.told, self.national)

    def compared(self, word: str) -> list[Benchmark]:
        """The groups that are ``better``, ``similar`` or ``worse`` than all organisations."""
        return [one for one in self.told if one.row["comparison"] == word]

    def changed(self, word: str) -> list[Benchmark]:
        """The groups that are ``better``, ``similar`` or ``worse`` than in the period before."""
        return [one for one in self.told if one.trend and one.trend["trend"] == word]

    @property
    def spread(self) -> tuple[Benchmark, Benchmark] | None:
        """The groups with the lowest and the highest share at or above ``SHARED_AT``; None when under two are told, or
        that of all organisations is not.
        """
        known = [one for one in self.told if one.row[_SHARE] is not None]
        if len(known) < 2 or self.national.row[_SHARE] is None:  # noqa: PLR2004 - a spread is between two
            return None
        return min(known, key=lambda one: one.row[_SHARE]), max(known, key=lambda one: one.row[_SHARE])

    @property
    def has_trends(self) -> bool:
        """Whether some group, or all organisations, can be held against a period before."""
        return any(one.trend and one.trend["period_before"] for one in self.rows)

    @property
    def rolled_up(self) -> dict[str, list[Benchmark]]:
        """The withheld groups by the breakdown whose group is told instead."""
        found: dict[str, list[Benchmark]] = defaultdict(list)
        for one in self.withheld:
            found[one.row["rolled_up_to"] or NATIONAL].append(one)
        return dict(found)


@dataclass(frozen=True)
class DimensionView:
    """One dimension for one instrument and audience, in the period of ``view``: all organisations, now and in earlier
    periods (newest last), and each breakdown of which some group is told or withheld.
    """

    view: BenchmarkView
    dimension: str
    national: Benchmark
    periods: tuple[Benchmark, ...]
    groups: tuple[Group, ...]

    @property
    def all_groups(self) -> Group:
        """The groups of all breakdowns together, those by two attributes left out."""
        single = [group for group in self.groups if len(BREAKDOWNS[group.breakdown]) == 1]
        return Group(NATIONAL, tuple(one for group in single for one in group.told), (), self.national)


class Benchmarks:
    """All benchmarks of an edition, found by the wave of a ``BenchmarkView``. Tables are read once a wave."""

    def __init__(self, edition: Edition) -> None:
        self._edition = edition
        self._waves: dict[tuple[str, ...], dict[str, list[Benchmark]]] = {}
        self._dimensions: dict[tuple[str, str], DimensionView] = {}

    def dimension(self, view: BenchmarkView, dimension: str) -> DimensionView:
        """What the page of ``dimension`` shows. Raises KeyError when the benchmarks have none of that name."""
        key = (view.name, dimension)
        if key not in self._dimensions:
            self._dimensions[key] = self._dimension(view, dimension)
        return self._dimensions[key]

    def national(self, view: BenchmarkView) -> dict[str, Benchmark]:
        """All organisations, by dimension."""
        return {name: self.dimension(view, name).national for name in view.dimensions}

    def of_term(self, view: BenchmarkView, breakdown: str, term: str) -> dict[str, Benchmark]:
        """The group of one term, by dimension; those left out in which it is withheld."""
        of_name = {name: self.dimension(view, name).groups for name in view.dimensions}
        return {
            name: one
            for name, groups in of_name.items()
            for group in groups
            for one in group.told
            if group.breakdown == breakdown and one.row[breakdown] == term
        }

    def _dimension(self, view: BenchmarkView, dimension: str) -> DimensionView:
        rows = self._wave(view, view.period)[dimension]
        (national,) = (row for row in rows if row.row["breakdown"] == NATIONAL)
        groups = []
        for breakdown in BREAKDOWNS:
            own = [row for row in rows if row.row["breakdown"] == breakdown]
            told = tuple(row for row in own if row.is_told)
            if own and breakdown != NATIONAL:
                groups.append(Group(breakdown, told, tuple(row for row in own if not row.is_told), national))
        periods = [
            row
            for period in view.medians
            for row in self._wave(view, period).get(dimension, ())
            if row.row["breakdown"] == NATIONAL
        ]
        return DimensionView(view, dimension, national, tuple(periods[-PERIODS_N:]), tuple(groups))

    def _wave(self, view: BenchmarkView, period: str) -> dict[str, list[Benchmark]]:
        """The benchmarks of a wave by dimension; of others than the last of ``view`` all organisations alone."""
        key = (period, view.instrument.name, view.audience)
        if key not in self._waves:
            self._waves[key] = _benchmarks(self._edition, key, is_whole=period == view.period)
        return self._waves[key]


def _benchmarks(edition: Edition, wave: tuple[str, ...], *, is_whole: bool) -> dict[str, list[Benchmark]]:
    def rows(table: pa.Table) -> Iterator[dict[str, Any]]:
        wanted = dict(zip(WAVE, wave, strict=True)) | ({} if is_whole else {"breakdown": NATIONAL})
        yield from having(table, **wanted).to_pylist()

    def key(row: Mapping[str, Any]) -> tuple[str, ...]:
        return tuple(row[name] for name in _KEYS)

    levels: dict[tuple[str, ...], dict[str, Any]] = defaultdict(dict)
    for row in rows(edition.distributions):
        levels[key(row)][row["level"]] = row
    trends = {key(row): row for row in rows(edition.trends)}
    found: dict[str, list[Benchmark]] = defaultdict(list)
    for row in rows(edition.benchmarks):
        found[row["dimension"]].append(Benchmark(row, levels.get(key(row), {}), trends.get(key(row))))
    return dict(found)


# Which markers a table shows, so that a key beside it explains those and no others.


def _in_order(marks: Iterable[str]) -> list[str]:
    known = set(marks)
    return [mark for mark in MARKS if mark in known]


def marks_of_medians(rows: Iterable[Benchmark]) -> list[str]:
    """Those of a table of medians, quartiles and comparisons."""
    found: list[str] = []
    for one in rows:
        found += one.marks
        shown = [one.row[name] for name in ("median", "q1", *(["comparison"] if one.group else []))]
        found += ["[x]"] if one.is_told and None in shown else [] if one.is_told else ["[c]"]
    return _in_order(found)


def marks_of_levels(rows: Iterable[Benchmark]) -> list[str]:
    """Those of a table of levels."""
    return _in_order(level["status"] or "" for one in rows for level in one.levels.values())


def marks_of_trends(rows: Iterable[Benchmark]) -> list[str]:
    """Those of a table of shares and changes."""
    found: list[str] = []
    for one in rows:
        if one.trend:
            found += (one.trend["status"] or "").split()
            found += ["[x]"] if one.row[_SHARE] is None else []
    return _in_order(found)


def marks_of_pairs(own: Mapping[str, Benchmark], dimensions: Iterable[str]) -> list[str]:
    """Those of a table of medians and shares of one group, by dimension; one that is left out is withheld."""
    found: list[str] = []
    for name in dimensions:
        figures = [own[name].row[column] for column in ("median", _SHARE)] if name in own else []
        found += ["[x]"] if None in figures else [] if figures else ["[c]"]
    return _in_order(found)


def for_explorer(edition: Edition, views: Iterable[BenchmarkView], language: str, start: str) -> dict[str, Any]:
    """What a script that shows figures has to know beside them: which waves there are, and what dimensions and levels
    are called in ``language``. Addresses of pages begin with ``start``.
    """
    waves = {tuple(row.values()) for row in edition.benchmarks.select(WAVE).to_pylist()}

    return {
        "groups": [*ATTRIBUTES],
        "shared_at": SHARED_AT,
        "periods": PERIODS_N,
        "views": [
            {
                "name": view.name,
                "instrument": view.instrument.name,
                "audience": view.audience,
                "periods": sorted(wave[0] for wave in waves if wave[1:] == (view.instrument.name, view.audience)),
                "dimensions": [
                    {
                        "id": name,
                        "label": text_in(view.instrument.dimensions[name]["label"], language),
                        "address": start + view.dimension_path(name),
                    }
                    for name in view.dimensions
                ],
                "levels": [text_in(one["label"], language) for one in view.instrument.levels],
            }
            for view in views
        ],
    }
