"""What is told of each wave: what was told before stays, unless enough have come or left since for telling it anew.

The one place that knows ledger, counts and disclosure at once. How each of them works is its own affair.
"""

from __future__ import annotations

import json
from collections import defaultdict, deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from hubs.contract.records import canonical_json
from pipelines import benchmark
from pipelines.cube import Breakdown, Counts, Key, Moves
from pipelines.disclose import NotRounded, derived, gate, trend
from pipelines.disclose.history import History
from pipelines.disclose.remembered import Remembered
from pipelines.edition import WaveState, WaveTold
from pipelines.engines import Everybody
from pipelines.ledger import SAMPLE, Ledger, Row
from pipelines.policy import Policy
from pipelines.waves import Wave, alone, hubs_of, moves

WORKERS = 2
"""Tables that are rounded and attacked at once, since HiGHS lets others work. Memory grows with it."""
_SNAPSHOTS, _WIDE = b"snapshots", b"wide"
"""Where the schema of kept members names the snapshots that they come from, and the dimensions of which some numbers
were rounded with one more multiple."""

Tables = list[gate.Told]


@dataclass(frozen=True)
class Source:
    """The hubs in use: ``snapshots`` has the digest of each one's, ``samples`` are those whose content is invented."""

    snapshots: Mapping[str, str]
    samples: frozenset[str]


@dataclass(frozen=True)
class Telling:
    """What may be told: tables as in ``derived`` and ``trend``, the ``audit`` for readers, ``leaks`` for the operator,
    in words.
    """

    benchmarks: pa.Table
    distributions: pa.Table
    trends: pa.Table
    audit: Mapping[str, Any]
    leaks: tuple[str, ...]
    waves: tuple[WaveTold, ...]


def tell(
    everybody: Everybody, source: Source, ledger: Ledger, policy: Policy, remembered: Remembered | None = None
) -> Telling:
    """What may be told of ``everybody`` beside what ``ledger`` has. Tables that are ``remembered`` are not told again.

    Who is counted is kept in the ledger; rows are for whoever publishes them. Raises ledger.Broken, and RuntimeError
    when the solver gives up.
    """
    teller = _Teller(source, ledger, policy, everybody, remembered or Remembered())
    waves, told = [], []
    for wave, rows, today in _beside(_published(ledger), everybody.waves):
        if (found := teller.told(wave, rows, today)) is not None:
            waves.append(found[0])
            told += found[1]
    leaks = [gate.in_words(finding) for one in told for finding in one.attack.findings]
    audits = [one.made.audit for one in told]
    audit = {"attack": gate.audit(told), "tables": audits}
    benchmarks = derived.stacked([one.made.benchmarks for one in told], derived.BENCHMARKS)
    distributions = derived.stacked([one.made.distributions for one in told], derived.DISTRIBUTIONS)
    widened = gate.widened(audits)
    trends = trend.trends(benchmarks, distributions, policy, widened)
    leaks += gate.wrong_trends(trends, benchmarks, distributions, policy, widened)
    return Telling(benchmarks, distributions, trends, audit, tuple(leaks), tuple(waves))


def _published(ledger: Ledger) -> Iterator[tuple[Wave, list[Row]]]:
    """Each wave that ``ledger`` has rows of, in order."""
    for period in ledger.periods():
        rows: defaultdict[Wave, list[Row]] = defaultdict(list)
        for row in ledger.rows(period):
            rows[row.table[:-1]].append(row)
        yield from sorted(rows.items())


def _beside(
    published: Iterator[tuple[Wave, list[Row]]], today: Iterable[tuple[Wave, pa.Table]]
) -> Iterator[tuple[Wave, list[Row], pa.Table | None]]:
    """Each wave that is in either, in order, as both are. One is taken after the other: all organisations at once would
    grow with waves.
    """
    known = next(published, None)
    for wave, members in today:
        while known is not None and known[0] < wave:
            yield *known, None
            known = next(published, None)
        is_known = known is not None and known[0] == wave
        yield wave, known[1] if known is not None and is_known else [], members
        if is_known:
            known = next(published, None)
    while known is not None:
        yield *known, None
        known = next(published, None)


def _disclosed(tables: Iterable[tuple[Counts, History]], policy: Policy, remembered: Remembered) -> Iterator[gate.Told]:
    """What may be told of each of ``tables``, in their order; ``WORKERS`` at once.

    Tables are taken as they are needed: all true counts at once would grow with periods and hubs.
    """
    with ThreadPoolExecutor(WORKERS) as pool:
        waiting: deque[Future[gate.Told]] = deque()
        for counts, history in tables:
            if len(waiting) == 2 * WORKERS:
                yield waiting.popleft().result()
            waiting.append(pool.submit(remembered.told, counts, policy, history))
        while waiting:
            yield waiting.popleft().result()


@dataclass(frozen=True)
class _Past:
    """What was published of one wave and still binds: ``rows``, and who was counted for the last of them."""

    rows: Sequence[Row]
    members: pa.Table

    def noted(self, what: bytes) -> Any:
        """What was noted of them."""
        return json.loads(self.members.schema.metadata[what])


class _Teller:
    """Tells one wave after the other."""

    def __init__(
        self, source: Source, ledger: Ledger, policy: Policy, everybody: Everybody, remembered: Remembered
    ) -> None:
        self.source, self.ledger, self.policy, self.remembered = source, ledger, policy, remembered
        self.cube = everybody.cube
        self.breakdowns = [Breakdown.named(name) for name in policy.breakdowns]

    def told(self, wave: Wave, rows: Sequence[Row], today: pa.Table | None) -> tuple[WaveTold, Tables] | None:
        """How one wave is told that the ledger has ``rows`` of, and its tables; None if there is nothing to tell."""
        of_hubs = [row for row in rows if row.is_of_hub]
        past = self._past(rows)
        if past is not None:
            return self._told_before(wave, past, of_hubs, today)
        if today is None:
            return None  # only a hub has published anything of it
        told = self._tables(self.cube(today, self.policy), of_hubs)
        return self._counted(wave, WaveState.NEW, today, told), told

    def _past(self, rows: Sequence[Row]) -> _Past | None:
        ours = [row for row in rows if not row.is_of_hub]
        real = [row for row in ours if not row.is_sample]
        if not ours:
            return None
        past = _Past(real or ours, self.ledger.members((real or ours)[-1].counted))
        # Samples that have left bind nobody: there is nobody behind their numbers.
        return past if real or hubs_of(past.members) & self.source.snapshots.keys() else None

    def _told_before(
        self, wave: Wave, past: _Past, of_hubs: Sequence[Row], today: pa.Table | None
    ) -> tuple[WaveTold, Tables]:
        difference = moves(past.members, today, self.breakdowns) if today is not None else {}
        is_waiting = today is None or any(one.are_any for one in difference.values())
        if today is not None and is_waiting:
            anew = self._told_anew(past, of_hubs, today, difference)
            if anew is not None:
                return self._counted(wave, WaveState.REVISED, today, anew), anew
        state = WaveState.KEPT
        try:
            told = self._tables(benchmark.cube(past.members, self.policy), of_hubs, past)
        except NotRounded:  # the policy has become stricter since
            state, told = WaveState.LEFT_OUT, []
        counted = past.rows[-1].counted
        first = next(row for row in past.rows if row.counted == counted)
        snapshots = past.noted(_SNAPSHOTS)
        release = first.release.removeprefix(SAMPLE)
        return WaveTold(*wave, state, counted, snapshots, release, first.is_sample, is_waiting), told

    def _told_anew(
        self, past: _Past, of_hubs: Sequence[Row], today: pa.Table, difference: Mapping[Key, Moves]
    ) -> Tables | None:
        """What may be told of those who would be counted ``today``; None when what was told before must stay."""
        tables = list(self.cube(today, self.policy))
        is_whole = {row.table for row in past.rows} <= {one.key for one in tables}
        enough = (self.policy.threshold, self.policy.spread)
        if not is_whole or not all(one.are_enough(*enough) for one in difference.values()):
            return None
        before = {one.key: one for one in benchmark.cube(past.members, self.policy)}
        changed = {key: (before[key], moves) for key, moves in difference.items() if key in before}
        try:
            told = self._tables(tables, of_hubs, past, changed)
        except NotRounded:
            return None
        return told if all(one.is_clean for one in told) else None

    def _tables(
        self,
        counted: Iterable[Counts],
        of_hubs: Sequence[Row],
        past: _Past | None = None,
        changed: Mapping[Key, tuple[Counts, Moves]] | None = None,
    ) -> Tables:
        rows: defaultdict[Key, list[Row]] = defaultdict(list)
        for row in (*of_hubs, *(past.rows if past else ())):
            rows[row.table].append(row)
        wide = past.noted(_WIDE) if past else []
        since = changed or {}
        tables = ((one, History(tuple(rows[one.key]), one.key[-1] in wide, *since.get(one.key, ()))) for one in counted)
        return list(_disclosed(tables, self.policy, self.remembered))

    def _counted(self, wave: Wave, state: WaveState, members: pa.Table, told: Tables) -> WaveTold:
        """How a wave is told when ``members`` are counted now. They are kept, unless nothing is told of them."""
        snapshots, digest = self.source.snapshots, ""
        if any(one.made.distributions.num_rows for one in told):
            wide = [one.made.benchmarks["dimension"][0].as_py() for one in told if one.made.is_wide]
            metadata = {_SNAPSHOTS: canonical_json(dict(snapshots)), _WIDE: canonical_json(wide)}
            digest = self.ledger.keep_members(alone(members).replace_schema_metadata(metadata))
        is_sample = hubs_of(members) <= self.source.samples
        return WaveTold(*wave, state, digest, snapshots, None, is_sample, is_waiting=False)
