"""Metrics for Prometheus, worked out from the store when somebody asks, so that no process has to have counted.

What is counted stands in ``MEASURES``: a name in the conventions of Prometheus, what it means, its labels. Labels are
hub ids, states and codes; nothing that a feed says, and nobody's name. Moments are given as such and not as ages, which
would be wrong as soon as they are kept: ``time() - hubpacks_hub_content_timestamp_seconds`` is one.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path

from prometheus_client import CollectorRegistry, generate_latest, start_http_server
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from hubs.judge import RULES_VERSION
from pipelines import publish, runs
from pipelines.alerts import ALERTS, Outbox, Settings, conditions, folder_of
from pipelines.candidates import CandidateState
from pipelines.edition import HubState, State
from pipelines.files import Damaged, nearest
from pipelines.line import Line, standings
from pipelines.version import code_version

PORT = 9464
KEPT_SECONDS = 10.0
"""Two that ask at once are told the same."""
SIZES_KEPT_SECONDS = 900.0
"""Adding up the sizes of all files takes long where there are many."""
CHANNELS = ("mail", "webhook")
VERDICTS = ("accepted", "quarantined", "skipped")

MEASURES: dict[str, tuple[str, tuple[str, ...]]] = {
    "hubpacks_build_info": ("Which code and which rules are at work.", ("version", "rules")),
    "hubpacks_hubs": ("Hubs by state.", ("state",)),
    "hubpacks_hub_state": ("1 for the state of a hub.", ("hub", "state")),
    "hubpacks_hub_content_timestamp_seconds": ("When the content in use of a hub was had first.", ("hub",)),
    "hubpacks_hub_visit_timestamp_seconds": ("When a hub's feed was asked for last.", ("hub",)),
    "hubpacks_records": ("Documents of the feeds in use, or of newest ones that are held, by verdict.", ("verdict",)),
    "hubpacks_answers": ("The same of rows of returns.", ("verdict",)),
    "hubpacks_quarantined_records": ("Documents that were not accepted, by code.", ("code",)),
    "hubpacks_quarantined_answers": ("Rows of returns that were not accepted, by code.", ("code",)),
    "hubpacks_candidates": ("Candidate releases there ever were, by what became of them.", ("state",)),
    "hubpacks_candidate_built_timestamp_seconds": ("When the candidate that waits was built.", ()),
    "hubpacks_candidate_attempt_timestamp_seconds": ("When a release was last attempted.", ("outcome",)),
    "hubpacks_releases": ("Releases that are out.", ()),
    "hubpacks_release_timestamp_seconds": ("When the newest release was published.", ()),
    "hubpacks_stage_duration_seconds": ("How long a stage of the line took the last time.", ("stage",)),
    "hubpacks_stage_timestamp_seconds": ("When a stage of the line has last ended, and how.", ("stage", "outcome")),
    "hubpacks_folder_size_bytes": ("Size of all files in the store and in the public folder.", ("folder",)),
    "hubpacks_disk_free_bytes": ("Room left where the folder is.", ("folder",)),
    "hubpacks_disk_size_bytes": ("Size of the disk where the folder is.", ("folder",)),
    "hubpacks_alerts_open": ("What is wrong or waits, by code.", ("code", "weight")),
    "hubpacks_alert_messages_unsent": ("Messages that wait to be sent.", ()),
    "hubpacks_alert_messages_total": ("Messages that were sent, and attempts that failed.", ("channel", "outcome")),
    "hubpacks_collect_duration_seconds": ("How long it took to work this out.", ()),
}
"""By name: the meaning, and the labels."""

Opened = Callable[[], Line]


class Hubpacks(Collector):
    """The measures of the line that ``opened`` gives, worked out when they are asked for. Thread-safe."""

    def __init__(
        self, opened: Opened, settings: Settings, clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._opened, self._settings, self._clock = opened, settings, clock
        self._lock = threading.Lock()
        self._kept: tuple[float, list[Metric]] | None = None
        self._sizes: tuple[float, dict[str, int]] | None = None

    def describe(self) -> Iterable[Metric]:
        """Names only: to register is not to ask."""
        return [GaugeMetricFamily(name, told) for name, (told, _) in MEASURES.items()]

    def collect(self) -> Iterator[Metric]:
        """All measures. Raises OSError, and files.Damaged when the store is."""
        with self._lock:
            if self._kept is None or time.monotonic() - self._kept[0] > KEPT_SECONDS:
                began = time.monotonic()
                found = _Found()
                self._measure(found)
                found.add("hubpacks_collect_duration_seconds", time.monotonic() - began)
                self._kept = (time.monotonic(), found.families())
            yield from self._kept[1]

    def _measure(self, found: _Found) -> None:
        line, now = self._opened(), self._clock()
        found.add("hubpacks_build_info", 1, code_version(), RULES_VERSION)
        _hubs(found, line)
        _releases(found, line)
        for stage, entry in runs.newest(line.store.root).items():
            found.add("hubpacks_stage_duration_seconds", entry["seconds"], stage)
            at = datetime.fromisoformat(entry["at"]).timestamp()
            found.add("hubpacks_stage_timestamp_seconds", at, stage, entry["outcome"])
        self._disks(found, {"store": line.store.root, "publish": line.public})
        opened = Counter(condition.code for condition in conditions(line, now, self._settings))
        for code, alert in ALERTS.items():
            found.add("hubpacks_alerts_open", opened[code], code, alert.weight.value)
        outbox = Outbox(folder_of(line))
        found.add("hubpacks_alert_messages_unsent", len(outbox.waiting()))
        counters = outbox.counters()
        for channel in CHANNELS:
            for outcome in ("sent", "failed"):
                number = counters.get(channel, {}).get(outcome, 0)
                found.add("hubpacks_alert_messages_total", number, channel, outcome)

    def _disks(self, found: _Found, folders: dict[str, Path]) -> None:
        if self._sizes is None or time.monotonic() - self._sizes[0] > SIZES_KEPT_SECONDS:
            self._sizes = (time.monotonic(), {name: _size(path) for name, path in folders.items()})
        for name, path in folders.items():
            usage = shutil.disk_usage(nearest(path))
            found.add("hubpacks_folder_size_bytes", self._sizes[1][name], name)
            found.add("hubpacks_disk_free_bytes", usage.free, name)
            found.add("hubpacks_disk_size_bytes", usage.total, name)


def text(opened: Opened, settings: Settings) -> bytes:
    """The measures in Prometheus' text format, as node_exporter's textfile collector reads them too."""
    return generate_latest(_registry(opened, settings))


def serve(opened: Opened, settings: Settings, host: str, port: int, say: Callable[[str], None]) -> None:
    """Answer Prometheus until told to stop; ``say`` is given the address. Raises OSError if the port cannot be had."""
    server, thread = start_http_server(port, host, _registry(opened, settings))
    say(f"http://{f'[{host}]' if ':' in host else host}:{server.server_port}/metrics")
    try:
        thread.join()
    finally:
        server.shutdown()


def _registry(opened: Opened, settings: Settings) -> CollectorRegistry:
    registry = CollectorRegistry()
    registry.register(Hubpacks(opened, settings))
    return registry


class _Found:
    """Samples by measure."""

    def __init__(self) -> None:
        self._families: dict[str, GaugeMetricFamily | CounterMetricFamily] = {}
        for name, (told, labels) in MEASURES.items():
            kind = CounterMetricFamily if name.endswith("_total") else GaugeMetricFamily
            self._families[name] = kind(name.removesuffix("_total"), told, labels=labels)

    def add(self, name: str, value: float, *labels: str) -> None:
        self._families[name].add_metric(list(labels), value)

    def families(self) -> list[Metric]:
        return list(self._families.values())


def _hubs(found: _Found, line: Line) -> None:
    states = standings(line)
    by_state = Counter(state.state for state in states)
    for each in State:
        found.add("hubpacks_hubs", by_state[each], each.value)
    for state in states:
        found.add("hubpacks_hub_state", 1, state.id, state.state.value)
        if state.fetched is not None:
            found.add("hubpacks_hub_content_timestamp_seconds", state.fetched.timestamp(), state.id)
        if (last := line.store.last_pull(state.id)) is not None:
            visited = datetime.fromisoformat(last["at"]).timestamp()
            found.add("hubpacks_hub_visit_timestamp_seconds", visited, state.id)
    for verdict in VERDICTS:
        found.add("hubpacks_records", sum(state.counts.get(verdict, 0) for state in states), verdict)
        found.add("hubpacks_answers", sum(state.counts.get(f"answers_{verdict}", 0) for state in states), verdict)
    for name, tallies in (("records", "quarantined"), ("answers", "quarantined_answers")):
        for code, number in sorted(_summed(states, tallies).items()):
            found.add(f"hubpacks_quarantined_{name}", number, code)


def _summed(states: Iterable[HubState], tallies: str) -> Counter[str]:
    return sum((Counter(getattr(state, tallies)) for state in states), Counter())


def _releases(found: _Found, line: Line) -> None:
    candidates = line.store.candidates.all()
    by_state = Counter(candidate.state for candidate in candidates)
    for state in CandidateState:
        found.add("hubpacks_candidates", by_state[state], state.value)
    if (waiting := line.store.candidates.waiting()) is not None:
        found.add("hubpacks_candidate_built_timestamp_seconds", waiting.built.timestamp())
    if (attempt := line.store.candidates.last_attempt()) is not None:
        found.add("hubpacks_candidate_attempt_timestamp_seconds", attempt.at.timestamp(), attempt.outcome)
    found.add("hubpacks_releases", len(publish.released(line.public)))
    with contextlib.suppress(Damaged, FileNotFoundError):  # which the alert release_damaged tells
        if (newest := publish.latest(line.public)) is not None:
            published = datetime.fromisoformat(newest.published).timestamp()
            found.add("hubpacks_release_timestamp_seconds", published)


def _size(folder: Path) -> int:
    """Bytes of all files in ``folder``; what goes while it is looked at counts for nothing."""
    total, folders = 0, [os.fspath(folder)]
    while folders:
        with contextlib.suppress(FileNotFoundError), os.scandir(folders.pop()) as entries:
            for entry in entries:
                with contextlib.suppress(FileNotFoundError):
                    if entry.is_dir(follow_symlinks=False):
                        folders.append(entry.path)
                    else:
                        total += entry.stat(follow_symlinks=False).st_size
    return total
