"""What templates read: an edition seen from a page. Finding, grouping and wording of figures; no HTML and no files."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from typing import Any
from urllib.parse import urlsplit

import pyarrow as pa
import pyarrow.compute as pc

from hubs.contract.groups import ALL, TABLE
from hubs.contract.kinds import document_kinds
from hubs.contract.vocabularies import vocabulary
from hubs.instruments import Instrument
from pipelines.edition import Edition, HubState, LibraryRecord, Pack, State

NATIONAL = "total"
"""The breakdown that is one group of all organisations."""
BROWSE_SCHEMES = ("sectors", "technology_types", "audiences")
"""The vocabularies to browse by."""
NO_SECTOR = "cross_sector"
"""Where lists by sector show what names none."""
GROUPINGS = {
    "sector": "sectors",
    "organisation_type": "organisation_types",
    "size_band": "size_bands",
    "region": "regions",
}
"""The columns of a benchmark that form groups, and the vocabulary of each."""
HIGHEST_LEVEL = 5
SHARED_AT = 3
"""Shares of organisations at or above this level are shown beside medians."""
SHARE_CAP = 0.05
"""Where shares are cut off, below and above."""
CHANGED_N = 30


@dataclass(frozen=True)
class Cell:
    """The figures of a group in a dimension: rounded count, median level with its limits, status, and the share of its
    organisations at or above ``SHARED_AT`` with its limits and how it compares; None or empty where not told.
    ``levels`` has the count and share of each level, or band of levels, by its name; None for a count that is not told.
    """

    n: int | None
    median: float | None
    status: str
    median_limits: tuple[float, float] | None = None
    share: float | None = None
    limits: tuple[float, float] | None = None
    comparison: str = ""
    levels: Mapping[str, tuple[int | None, float | None]] = field(default_factory=dict)

    @property
    def shown(self) -> str:
        """The median as printed, or the marker that stands in its place."""
        if self.n is None:
            return self.status if self.status.startswith("[") else "[c]"
        return "[x]" if self.median is None else level(self.median)

    @property
    def tint(self) -> int:
        """The level, rounded down, for shading; 0 when there is none."""
        return int(self.median) if self.median is not None else 0


@dataclass(frozen=True)
class Change:
    """By how much the share of a group at or above ``SHARED_AT`` differs from that of the period before: both shares,
    the difference and its limits, None where not told; ``trend`` in a word, empty where there is none.
    """

    before: float | None
    share: float | None
    difference: float | None
    limits: tuple[float, float] | None
    trend: str
    status: str


@dataclass(frozen=True)
class ChangedBenchmark:
    """A benchmark that was told otherwise in the release before: its dimension, the terms of its group by column, and
    its figures (``n``, ``median``, ``share_ge_3``) then and now, None where not told.
    """

    dimension: str
    group: Mapping[str, str]
    before: Mapping[str, float | None]
    now: Mapping[str, float | None]


@dataclass(frozen=True)
class GroupRow:
    """A group's medians, a cell a dimension, and the range of its counts."""

    term: str
    cells: tuple[Cell | None, ...]

    @property
    def counts(self) -> tuple[int, int] | None:
        """Lowest and highest count over the dimensions, None when all are suppressed."""
        known = [cell.n for cell in self.cells if cell is not None and cell.n is not None]
        return (min(known), max(known)) if known else None


@dataclass(frozen=True)
class BenchmarkView:
    """The benchmarks of one instrument and audience. ``medians`` are those of all organisations, by period. The last
    period is held against ``period_before``: ``changes`` of all organisations, by dimension; ``changed`` has for each
    breakdown the groups that are better or worse, by that word, each with its dimension.
    """

    instrument: Instrument
    audience: str
    period: str
    dimensions: tuple[str, ...]
    national: dict[str, Cell]
    groups: dict[str, tuple[GroupRow, ...]]
    medians: dict[str, dict[str, Cell]]
    period_before: str
    changes: dict[str, Change]
    changed: dict[str, dict[str, list[tuple[str, str]]]]

    @property
    def name(self) -> str:
        """Name of its page."""
        return f"{self.instrument.name}-{self.audience.replace('_', '-')}"

    def dimension_path(self, dimension: str) -> str:
        """The address of the page of a dimension, from the folder of a language."""
        return f"benchmarks/{self.name}/{dimension.replace('_', '-')}.html"

    @property
    def organisations(self) -> int:
        """The highest count of the national group."""
        return max((cell.n for cell in self.national.values() if cell.n is not None), default=0)

    @property
    def national_marks(self) -> list[str]:
        """The markers that stand in place of medians of all organisations."""
        return sorted({cell.shown for cell in self.national.values() if cell.median is None})

    @property
    def distributions(self) -> list[tuple[str, Cell]]:
        """The dimensions of which the levels of all organisations are told, and what is told."""
        return [(dimension, cell) for dimension, cell in self.national.items() if cell.levels]

    def shown(self, column: str) -> list[GroupRow]:
        """The groups of a breakdown of which at least one figure is published."""
        return [row for row in self.groups[column] if row.counts is not None]

    def marks(self, column: str) -> list[str]:
        """The markers that stand in place of medians of the groups of a breakdown that are shown."""
        cells = [cell for row in self.shown(column) for cell in row.cells if cell is not None and cell.median is None]
        return sorted({cell.shown for cell in cells})

    def withheld(self, column: str) -> list[str]:
        """The terms of those groups of which nothing is published."""
        return [row.term for row in self.groups[column] if row.counts is None]

    @property
    def extremes(self) -> list[tuple[float, list[str]]]:
        """The highest national median and the lowest, each with its dimensions; one entry when all are equal."""
        known = {d: cell.median for d, cell in self.national.items() if cell.median is not None}
        levels = sorted(set(known.values()), reverse=True)
        return [(found, [d for d in known if known[d] == found]) for found in dict.fromkeys(levels[:1] + levels[-1:])]


class Library:
    """The records of an edition, found in the ways that pages need. Reading order is that of the packs."""

    def __init__(self, edition: Edition) -> None:
        self.edition = edition
        self.records = edition.library
        self._told_in: dict[str, dict[str, LibraryRecord]] = {}

    @cached_property
    def _sort_keys(self) -> dict[str, str]:
        return {id: entry.sort_key for id, entry in self.records.items()}

    @cached_property
    def order(self) -> dict[str, int]:
        """The place of each id in reading order: newest first, then by heading."""
        ranked = sorted((-dated(entry).toordinal(), self._sort_keys[id], id) for id, entry in self.records.items())
        return {id: place for place, (_, _, id) in enumerate(ranked)}

    def shown(self, ids: Iterable[str], language: str) -> list[LibraryRecord]:
        """The records in the order given, each text once: in ``language`` where there is one, else as it is."""
        if language not in self._told_in:
            self._told_in[language] = {id: self.in_language(entry, language) for id, entry in self.records.items()}
        found = map(self._told_in[language].__getitem__, ids)
        return [*{entry.slug: entry for entry in found}.values()]

    def latest(self, language: str, limit: int, per_hub: int) -> list[LibraryRecord]:
        """The newest records, at most ``per_hub`` of one hub: a hub that changes all at once hides no other."""
        taken: Counter[str] = Counter()
        found = []
        for entry in self.shown(self.order, language):
            taken[entry.record.hub] += 1
            if taken[entry.record.hub] <= per_hub:
                found.append(entry)
        return found[:limit]

    def in_language(self, entry: LibraryRecord, language: str) -> LibraryRecord:
        """The same text in ``language`` where the library has it, else the record itself."""
        if entry.record.document.language == language:
            return entry
        return self.records.get(entry.translations.get(language, ""), entry)

    @cached_property
    def _by_term(self) -> dict[tuple[str, str], list[str]]:
        found: dict[tuple[str, str], list[str]] = defaultdict(list)
        for id in self.order:
            entry = self.records[id]
            document = entry.record.document
            named = (document.sectors, document.technology_types, entry.audiences)
            for scheme, terms in zip(BROWSE_SCHEMES, named, strict=True):
                for term in terms:
                    found[scheme, term].append(id)
        return found

    def with_term(self, scheme: str, term: str, language: str) -> list[LibraryRecord]:
        """The records that name ``term``, newest first."""
        return self.shown(self._by_term.get((scheme, term), ()), language)

    def of_kind(self, kind: str, language: str) -> list[LibraryRecord]:
        """The records of ``kind``, newest first."""
        return self.shown((id for id in self.order if self.records[id].record.kind == kind), language)

    def of_hub(self, hub: str, language: str) -> list[LibraryRecord]:
        """The records of ``hub``, newest first."""
        return self.shown(self._by_hub.get(hub, ()), language)

    @cached_property
    def _by_hub(self) -> dict[str, list[str]]:
        found: dict[str, list[str]] = defaultdict(list)
        for id in self.order:
            found[self.records[id].record.hub].append(id)
        return found

    def by_kind(self, entries: Sequence[LibraryRecord]) -> list[tuple[str, list[LibraryRecord]]]:
        """The records grouped by kind, order kept, a glossary by heading; kinds without a record are left out."""
        grouped: dict[str, list[LibraryRecord]] = {kind: [] for kind in document_kinds()}
        for entry in entries:
            grouped[entry.record.kind].append(entry)
        for kind in document_kinds().values():
            if kind.is_glossary:
                grouped[kind.name].sort(key=lambda entry: (entry.sort_key, entry.id))
        return [(kind, found) for kind, found in grouped.items() if found]

    def by_first_sector(self, entries: Sequence[LibraryRecord]) -> list[tuple[str, list[LibraryRecord]]]:
        """The records grouped by the sector they name first, each once; sectors in vocabulary order."""
        grouped: dict[str, list[LibraryRecord]] = {term.id: [] for term in vocabulary("sectors")}
        for entry in entries:
            grouped[next(iter(entry.record.document.sectors), NO_SECTOR)].append(entry)
        return [(sector, found) for sector, found in grouped.items() if found]

    def a_to_z(self, language: str) -> list[tuple[str, list[LibraryRecord]]]:
        """All records by the first letter of their heading; figures and signs under ``#``."""
        return self.by_letter(self.shown(self.order, language))

    def by_letter(self, entries: Sequence[LibraryRecord]) -> list[tuple[str, list[LibraryRecord]]]:
        """The records by the first letter of their heading, and so within it; figures and signs under ``#``."""
        letters: dict[str, list[LibraryRecord]] = defaultdict(list)
        keys = [(self._sort_keys[entry.id], entry.id, entry) for entry in entries]
        for key, _, entry in sorted(keys):
            first = key[:1].upper()
            letters[first if first.isascii() and first.isalpha() else "#"].append(entry)
        return sorted(letters.items())

    def packs_of(self, scheme: str) -> list[Pack]:
        """The packs of one scheme, those with records."""
        return [pack for pack in self.edition.packs if pack.scheme == scheme and pack.records]


def dated(entry: LibraryRecord) -> date:
    """When the text was last touched by its hub; the first of dates when it does not say."""
    document = entry.record.document
    return document.updated or document.published or date.min


def shortened(text: str, most: int) -> str:
    """``text`` on one line, cut between words after ``most`` characters."""
    plain = " ".join(text.split())
    return plain if len(plain) <= most else plain[:most].rsplit(" ", 1)[0] + "…"


def host(address: str) -> str | None:
    """The host of a web address that may be linked to; None for any other text."""
    try:
        parts = urlsplit(address)
    except ValueError:
        return None
    return parts.hostname if parts.scheme in ("http", "https") and "@" not in parts.netloc else None


def level(value: float) -> str:
    """A level as printed: 3, 2.5."""
    return f"{value:g}"


def place(value: float, origin: float, unit: float) -> str:
    """Where a chart shows ``value``, to a tenth, when 0 is at ``origin`` and 1 is ``unit`` long."""
    return f"{round(origin + unit * value, 1):g}"


def percent(share: float) -> str:
    """A share as printed, in whole per cent. Shares are told up to a cap, which is a bound and no figure."""
    sign = "≤ " if share <= SHARE_CAP else "≥ " if share >= 1 - SHARE_CAP else ""
    return f"{sign}{100 * share:.0f}%"


def points(difference: float) -> str:
    """A difference of shares as printed, in whole percentage points with a sign: +12, −3, 0."""
    whole = round(100 * difference)
    return f"{whole:+d}".replace("-", "−") if whole else "0"


def derived(edition: Edition, hub: str) -> dict[str, int]:
    """What was worked out rather than stated in a hub's published records: ``field from how``, number of records."""
    tally: Counter[str] = Counter()
    for entry in edition.library.values():
        if entry.record.hub == hub:
            tally.update(f"{field} from {how}" for field, how in entry.record.derived.items())
    return dict(sorted(tally.items(), key=lambda pair: (-pair[1], pair[0])))


def in_use(hubs: Iterable[HubState]) -> list[HubState]:
    """The hubs whose content stands in the release."""
    return [hub for hub in hubs if hub.snapshot is not None and hub.state is not State.RETIRED]


def is_sample(edition: Edition) -> bool:
    """Whether all content in use was written to show how hubpacks works."""
    used = in_use(edition.hubs)
    return bool(used) and all(hub.is_sample for hub in used)


def not_renewed(hubs: Iterable[HubState]) -> dict[State, int]:
    """How many hubs of each state that is neither up to date nor gone on purpose; states without a hub are left out."""
    tally = Counter(hub.state for hub in hubs)
    return {state: tally[state] for state in (State.CARRIED_FORWARD, State.HELD, State.MISSING) if tally[state]}


def is_expiring(edition: Edition, hub: HubState) -> bool:
    """Whether the hub's content, seen from the day of the release, is soon left out unless the hub sends a new feed."""
    return hub.is_carried and hub.is_expiring(edition.published)


def with_returns(hubs: Iterable[HubState]) -> list[HubState]:
    """The hubs of which readers know that they send returns. Their numbers of answers are rounded down, and of those
    that come out as none it stays unsaid whether they sent any.
    """
    return [hub for hub in hubs if hub.counts.get("answers_accepted")]


def having(table: pa.Table, **texts: str) -> pa.Table:
    """The rows of ``table`` that have these texts in these columns. They are told by patterns: to hold a column against
    a value of Python, Arrow imports pandas, which takes longer than all the pages of benchmarks.
    """
    for column, text in texts.items():
        table = table.filter(pc.match_substring_regex(table[column], pattern=rf"\A{re.escape(text)}\z"))
    return table


def benchmark_views(edition: Edition) -> list[BenchmarkView]:
    """The benchmarks by instrument and audience, each at its latest period."""
    rows: dict[tuple[str, str], list[dict[str, Any]]] = defaultdict(list)
    for row in edition.benchmarks.to_pylist():
        rows[row["instrument"], row["audience"]].append(row)
    levels: dict[tuple[str, ...], dict[str, tuple[int | None, float | None]]] = defaultdict(dict)
    for row in having(edition.distributions, breakdown=NATIONAL).to_pylist():
        levels[tuple(row[name] for name in TABLE)][row["level"]] = (row["count"], row["share"])
    trends: dict[tuple[str, str], list[dict[str, Any]]] = defaultdict(list)
    for row in edition.trends.to_pylist():
        if row["period_before"]:
            trends[row["instrument"], row["audience"]].append(row)
    return [
        _view(edition.instruments[instrument], audience, found, levels, trends[instrument, audience])
        for (instrument, audience), found in sorted(rows.items())
        if instrument in edition.instruments
    ]


def changed_benchmarks(edition: Edition, entry: Mapping[str, Any]) -> list[ChangedBenchmark]:
    """The benchmarks of a wave of ``changes.json`` that both releases tell, and tell differently: those of all
    organisations first, then by how far shares are apart. At most ``CHANGED_N``.
    """
    shown = ("n", "median", f"share_ge_{SHARED_AT}")
    keys = ("dimension", "breakdown", *GROUPINGS)
    cells = [cell for cell in entry["cells"] if cell["change"] == "changed" and cell["figures"].keys() & {*shown}]
    if not cells:
        return []
    table = having(edition.benchmarks, **{name: entry[name] for name in ("period", "instrument", "audience")})
    rows = {tuple(row[name] for name in keys): row for row in table.select([*keys, *shown]).to_pylist()}

    def of(cell: Mapping[str, Any]) -> ChangedBenchmark:
        now = {name: rows[tuple(cell[key] for key in keys)][name] for name in shown}
        before = {name: cell["figures"][name]["before"] if name in cell["figures"] else now[name] for name in shown}
        group = {column: cell[column] for column in GROUPINGS if cell[column] != ALL}
        return ChangedBenchmark(cell["dimension"], group, before, now)

    def weight(one: ChangedBenchmark) -> tuple[bool, float]:
        shares = [told[shown[-1]] for told in (one.before, one.now)]
        return bool(one.group), 0.0 if None in shares else -abs(shares[1] - shares[0])  # type: ignore[operator]

    return sorted((of(cell) for cell in cells), key=weight)[:CHANGED_N]


def _cell(row: Mapping[str, Any], levels: Mapping[str, tuple[int | None, float | None]]) -> Cell:
    share, low, high = (row[f"share_ge_{SHARED_AT}{end}"] for end in ("", "_low", "_high"))
    limits = None if share is None else (low, high)
    middle = None if row["median_low"] is None else (row["median_low"], row["median_high"])
    return Cell(row["n"], row["median"], row["status"] or "", middle, share, limits, row["comparison"] or "", levels)


def _change(row: Mapping[str, Any]) -> Change:
    before, share = row[f"share_ge_{SHARED_AT}_before"], row[f"share_ge_{SHARED_AT}"]
    limits = None if row["change"] is None else (row["change_low"], row["change_high"])
    return Change(before, share, row["change"], limits, row["trend"], row["status"])


def _changed(trends: Iterable[Mapping[str, Any]]) -> dict[str, dict[str, list[tuple[str, str]]]]:
    """See ``BenchmarkView.changed``."""
    found: dict[str, dict[str, list[tuple[str, str]]]] = {column: {"better": [], "worse": []} for column in GROUPINGS}
    for row in trends:
        if row["breakdown"] in found and row["trend"] in found[row["breakdown"]]:
            found[row["breakdown"]][row["trend"]].append((row[row["breakdown"]], row["dimension"]))
    return found


def _view(
    instrument: Instrument,
    audience: str,
    rows: list[dict[str, Any]],
    levels: Mapping[tuple[str, ...], Mapping[str, tuple[int | None, float | None]]],
    trends: list[dict[str, Any]],
) -> BenchmarkView:
    """``levels`` are those of all organisations, by table."""
    period = max(row["period"] for row in rows)
    trends = [row for row in trends if row["period"] == period]
    dimensions = tuple(d for d in instrument.dimensions if any(row["dimension"] == d for row in rows))
    cells: dict[tuple[str, str, str, str], Cell] = {}
    for row in rows:
        split = [column for column in GROUPINGS if row[column] != ALL]
        if len(split) > 1:
            continue  # crossed groups are in the files; a page of them would be a wall of figures
        column, term = (split[0], row[split[0]]) if split else (ALL, ALL)
        cells[row["period"], column, term, row["dimension"]] = _cell(
            row, {} if split else levels.get(tuple(row[name] for name in TABLE), {})
        )
    groups = {}
    for column, scheme in GROUPINGS.items():
        present = {term for p, c, term, _ in cells if p == period and c == column}
        groups[column] = tuple(
            GroupRow(term.id, tuple(cells.get((period, column, term.id, d)) for d in dimensions))
            for term in vocabulary(scheme)
            if term.id in present
        )
    periods = sorted({key[0] for key in cells})[-4:]
    return BenchmarkView(
        instrument,
        audience,
        period,
        dimensions,
        {d: cells[period, ALL, ALL, d] for d in dimensions if (period, ALL, ALL, d) in cells},
        groups,
        {p: {d: cells[p, ALL, ALL, d] for d in dimensions if (p, ALL, ALL, d) in cells} for p in periods},
        max((row["period_before"] for row in trends), default=""),
        {row["dimension"]: _change(row) for row in trends if row["breakdown"] == NATIONAL},
        _changed(trends),
    )
