"""The whole line, stage by stage: the one place that knows their order. The command line runs it at once, Dagster asset
by asset; both call the same functions, and what passes between stages lies in the store.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
from pydantic import ValidationError

from hubs.contract.groups import ALL, CUBE_VERSION
from hubs.contract.records import canonical_json
from hubs.instruments import instruments
from hubs.judge import RULES_VERSION
from hubs.publications import read_publications
from hubs.registration import Registration, Registry, WrongRegistry, read_registry
from pipelines import logs, made_with, quarantine, runs, standing, validate
from pipelines.benchmark import by_period
from pipelines.candidates import DEFAULT_RULE, Rule
from pipelines.consolidate import HubRecords, consolidate
from pipelines.edition import HubState, LibraryRecord, State, Withdrawn
from pipelines.engines import ARROW, Engine, Everybody
from pipelines.keys import Keys
from pipelines.layout import bring_up
from pipelines.ledger import COUNT, PUBLISHED_BY_HUB, N, Row
from pipelines.memory import give_back
from pipelines.policy import read_policy
from pipelines.pull import pull
from pipelines.pull.network import Network
from pipelines.schedule import is_visit_due
from pipelines.settings import PLACEHOLDER, SecretKey
from pipelines.store import Standing, Store
from pipelines.version import code_version
from pipelines.withdrawals import in_force, keeps_out

LOG = logs.get("line")
WORKERS = 2
"""Hubs that are judged at once. Memory grows with it."""
PULLS = 32
"""Hubs that are pulled at once."""
PATIENCE_SECONDS = 60.0
"""How long a run waits at least for the slowest hubs when nothing else is left to do."""

Progress = Callable[[str, str], None]
"""Told of each step: a stage's name and what it is about."""


class Keeper:
    """Is told when something that was done must last. A store in a folder of this machine lasts by itself, so this one
    does nothing; ``working_copies`` has another.
    """

    def must_last(self, showing: str | None = None) -> None:
        """What was done lasts when this returns; ``showing`` is the release that readers will see next. What it raises
        stops that.
        """

    def may_last(self) -> None:
        """Something was done that would only cost time to do again."""


@dataclass(frozen=True)
class Line:
    """Where one line reads and writes: the registry, the store and the folder that readers see; the keys with which it
    signs; the address at which readers find that folder; the rule by which releases are approved; and which engine
    counts returns.
    """

    registry: Registry
    store: Store
    public: Path
    keys: Keys
    address: str = PLACEHOLDER
    rule: Rule = DEFAULT_RULE
    keeper: Keeper = field(default_factory=Keeper)
    engine: Engine = ARROW


def open_line(
    registry: Path,
    store: Path,
    public: Path,
    key: SecretKey | None = None,
    *,
    address: str = PLACEHOLDER,
    rule: Rule = DEFAULT_RULE,
    keeper: Keeper | None = None,
    engine: Engine = ARROW,
) -> Line:
    """The line over these folders, with the private ``key`` of releases where it is not in the store, for readers who
    find ``public`` at ``address``, whose returns ``engine`` counts. Hubs whose registration has become unusable, or is
    gone, keep their last one.

    Raises WrongRegistry; layout.UnusableLayout; OSError when the registry cannot be read.
    """
    bring_up(store)
    lasting = Store(store)
    found = read_registry(registry)
    hubs = dict(found.hubs)
    broken = {Path(name).stem for name in found.problems}
    remembered = lasting.remembered_registrations()
    # Samples leave without a word when real hubs come.
    earlier = [hub for hub, data in remembered.items() if not data.get("sample")]
    leaving = [hub for hub in earlier if hub not in {*hubs, *broken}]
    if leaving and leaving == earlier:
        raise WrongRegistry(
            f"{registry} has none of the hubs that {store} holds ({', '.join(leaving)}), and would retire them all; "
            "name their registry with --registry, or another store with --store"
        )
    problems = dict(found.problems)
    for hub in [*sorted(broken & remembered.keys()), *leaving]:
        data = remembered[hub] | {"retired": True} if hub in leaving else remembered[hub]
        try:
            hubs[hub] = Registration.model_validate(data)
        except ValidationError:
            lost = "the registration kept in the store is of another version, so the hub's last good feed is not used"
            problems[f"{hub}.yaml"] = [*problems.get(f"{hub}.yaml", []), lost]
    all_hubs = Registry(found.folder, dict(sorted(hubs.items())), problems, frozenset(leaving))
    return Line(all_hubs, lasting, public, Keys(lasting.keys, key), address, rule, keeper or Keeper(), engine)


def fetch(line: Line, hub: str, now: datetime, network: Network) -> str | None:
    """Pull one hub's feed into the store, and judge nothing. The code of why it could not be had, None when it was.

    Raises files.Busy.
    """
    registration, store, began = line.registry.hubs[hub], line.store, time.monotonic()
    with store.locked(f"hub-{hub}"):
        problem = _problem(line.registry, hub)
        if problem is not None:
            store.log_pull(hub, {"at": now.isoformat(), "code": "unusable_registration", "detail": problem})
        elif not registration.retired:
            # Only what was written: a rule may mean something else once its defaults are written out.
            store.remember_registration(hub, registration.model_dump(mode="json", exclude_unset=True))
            pull(store, registration, line.registry.address(hub), now, network)
        code: str | None = (store.last_pull(hub) or {}).get("code")
        seconds = time.monotonic() - began
        if code is None:
            LOG.info("hub_pulled", hub=hub, seconds=seconds)
        else:
            LOG.warning("hub_not_pulled", hub=hub, code=code, seconds=seconds)
        return code


def settle(line: Line, hub: str, now: datetime) -> tuple[HubState, bool]:
    """Judge what the last pull brought, and settle how the hub stands; also whether that was anything new.

    Raises files.Busy when somebody else is at work on the same hub.
    """
    with line.store.locked(f"hub-{hub}"):
        before = line.store.standing(hub)
        state = standing.settle(line.store, line.registry, hub, now)
        digest = (line.store.last_pull(hub) or {}).get("digest")
        known = {before.good_digest, before.newest_digest} if before else set()
        told = {name: state.counts.get(name, 0) for name in ("accepted", "quarantined", "answers_accepted")}
        LOG.info("hub_settled", hub=hub, state=state.state.value, codes=",".join(state.held_by) or None, **told)
        return state, digest is not None and digest not in known and not _is_as_before(before, state)


def _is_as_before(before: Standing | None, state: HubState) -> bool:
    """Whether the hub's content is what it was: new bytes with nothing new in them are no news."""
    return before is not None and state.state is State.FRESH and state.snapshot == before.good_digest


@dataclass(frozen=True)
class Replay:
    """What judging a hub's newest feed again has changed: ``freed`` are ids of records, ``freed_answers`` counts rows
    of returns; ``held`` is what stays in quarantine.
    """

    state: HubState
    rules_before: str | None
    rules: str
    freed: tuple[str, ...]
    freed_answers: int
    held: tuple[quarantine.Held, ...]


def replay(line: Line, hub: str, now: datetime) -> Replay:
    """Judge the hub's feed again under today's rules and mapping, without pulling it, and settle how the hub stands.

    Raises files.Busy when somebody else is at work on the same hub.
    """
    store = line.store
    with store.locked(f"hub-{hub}"):
        before = validate.newest_verdict(store, hub) or validate.used_verdict(store, hub)
        state = standing.settle(store, line.registry, hub, now)
        after = validate.newest_verdict(store, hub) or validate.used_verdict(store, hub)
        was_held = {(e.kind, e.record, e.file, e.place) for e in before.quarantine} if before else set()
        accepted = {(r.kind, r.document.id, r.file, r.place) for r in after.records} if after else set()
        rows = [verdict.counts()["answers_quarantined"] if verdict else 0 for verdict in (before, after)]
        return Replay(
            state=state,
            rules_before=before.rules if before else None,
            rules=RULES_VERSION,
            freed=tuple(sorted(id for _, id, _, _ in accepted & was_held)),
            freed_answers=max(rows[0] - rows[1], 0),
            held=tuple(quarantine.held(store, after, now)),
        )


def confirm(line: Line, hub: str, now: datetime, *, reason: str, by: str, feed: str = "") -> HubState:
    """Let the hub's newest feed through, although it changes much, and settle how the hub stands; with ``feed``, the
    beginning of a digest, only if it is that one.

    Raises standing.NothingToConfirm; files.Busy when somebody else is at work on the same hub.
    """
    with line.store.locked(f"hub-{hub}"):
        return standing.confirm(line.store, line.registry, hub, now, reason=reason, by=by, feed=feed)


def _problem(registry: Registry, hub: str) -> str | None:
    """The first thing that is wrong with the hub's registration, None when nothing is."""
    wrong = (f"{name}: {problems[0]}" for name, problems in registry.problems.items() if Path(name).stem == hub)
    return next(wrong, None)


@dataclass(frozen=True)
class Gathered:
    """What became of gathering one hub: how it stands now, and whether it brought anything new; or the ``error`` that
    was raised at work on it, which is none of what a hub may send.
    """

    hub: str
    state: HubState | None = None
    is_new: bool = False
    error: BaseException | None = None


def gather_some(line: Line, hubs: Iterable[str], now: datetime, progress: Progress) -> Iterator[Gathered]:
    """Gather ``hubs`` and count their returns; each is told when it is done. No error of one hub stops the others. Who
    stops listening stops the work.

    Up to ``PULLS`` hubs are pulled at once, since a slow server costs nothing but patience; ``WORKERS`` are judged.
    When everything else is done, the slow ones have as long again, at least ``PATIENCE_SECONDS``, and then must hurry.
    """

    def settle_and_count(hub: str) -> tuple[HubState, bool]:
        progress("judge", hub)
        settled = settle(line, hub, now)
        if not line.engine.is_at_once:
            count_returns(line, hub)
        return settled

    began = time.monotonic()
    at_pulls, at_judging = (runs.Watch(line.store.root, stage) for stage in ("pull", "judge"))
    with (
        Network() as network,
        ThreadPoolExecutor(PULLS, initializer=logs.carried()) as pulling,
        ThreadPoolExecutor(WORKERS, initializer=logs.carried()) as judging,
    ):
        pulls: dict[Future[Any], str] = {
            pulling.submit(at_pulls.over(fetch), line, hub, now, network): hub for hub in hubs
        }
        judged: dict[Future[Any], str] = {}
        waiting = set(pulls)
        patient_until: float | None = None
        try:
            while waiting:
                done, waiting = wait(waiting, timeout=1, return_when=FIRST_COMPLETED)
                ended = [_ended(future, judged[future]) for future in done & judged.keys()]
                for future in done & pulls.keys():
                    hub = pulls[future]
                    if future.exception() is not None:
                        ended.append(_ended(future, hub))
                        continue
                    code = future.result()
                    progress(*(("not had", f"{hub} ({code})") if code else ("pulled", hub)))
                    judgement = judging.submit(at_judging.over(settle_and_count), hub)
                    judged[judgement] = hub
                    waiting.add(judgement)
                if ended:
                    line.keeper.may_last()
                yield from ended
                now_s = time.monotonic()
                if not waiting <= pulls.keys():
                    patient_until = None
                elif patient_until is None:
                    patient_until = now_s + max(PATIENCE_SECONDS, now_s - began)
                elif now_s > patient_until:
                    network.hurry()
        finally:
            for future in waiting:
                future.cancel()
    at_pulls.note()
    at_judging.note()


def _ended(future: Future[Any], hub: str) -> Gathered:
    error = future.exception()
    return Gathered(hub, error=error) if error is not None else Gathered(hub, *future.result())


def gather_all(line: Line, now: datetime, progress: Progress) -> None:
    """Gather every hub (``gather_some``). What is raised at work on a hub is raised here, and ends the rest."""
    for one in gather_some(line, line.registry.hubs, now, progress):
        if one.error is not None:
            raise one.error


def hubs_due(line: Line, now: datetime) -> list[str]:
    """The hubs that are to be visited by now, by their cadence: most rarely those that have news once a year, daily
    those that do not stand well. Retired ones never.
    """
    due = []
    for hub, registration in line.registry.hubs.items():
        last, stands = line.store.last_pull(hub), line.store.standing(hub)
        visited = datetime.fromisoformat(last["at"]) if last else None
        is_well = stands is not None and stands.state == State.FRESH
        if not registration.retired and is_visit_due(registration.cadence, visited, now, is_well=is_well):
            due.append(hub)
    return due


def standings(line: Line) -> tuple[HubState, ...]:
    """How every hub stands, by id; a registration that never was usable counts as a missing hub."""
    states = {hub: standing.hub_state(line.store, line.registry, hub) for hub in line.registry.hubs}
    for name, problems in line.registry.problems.items():
        hub = Path(name).stem
        if hub not in states:
            reason = f"registration {name}: {problems[0]}"
            codes = ("unusable_registration",)
            states[hub] = HubState(
                hub, hub, hub, "cross_sector", False, State.MISSING, None, reason, codes, None, None, {}, {}
            )
    return tuple(states[hub] for hub in sorted(states))


@runs.stage("consolidate")
def make_library(line: Line) -> dict[str, LibraryRecord]:
    """Consolidate the documents of all feeds in use, and keep the library. Of the same feeds it is the same."""
    key = build_key(line)  # before anything is read: what a pull changes meanwhile makes the library stale
    if line.store.made_of("library") == key:
        return line.store.library()
    feeds = []
    ids, texts = keeps_out(line.store.decisions.all())
    for hub in line.registry.hubs:
        in_use = line.store.standing(hub)
        if in_use is not None and in_use.good is not None:
            found = standing.records_in_use(line.store, hub)
            kept = tuple(record for record in found if record.id not in ids and record.fingerprint not in texts)
            feeds.append(HubRecords(hub, in_use.good.digest, kept))
    published = line.store.published()["records"]
    became = {id: told["into"] for id, told in published.items() if "into" in told}
    library = consolidate(feeds, line.store.slugs(), became)
    with line.store.making("library", key):
        line.store.write_library(library)
    return library


def withdrawn(line: Line, library: Mapping[str, LibraryRecord]) -> tuple[Withdrawn, ...]:
    """What hubs have taken back and the operator has retracted, by id, and is not in ``library``: what a hub only calls
    by another id is there still.

    Also what a feed that is held takes back: it goes at once, and readers are told why. Of what was taken down nothing.
    """
    live = {id for entry in library.values() for id in (entry.id, *entry.merged)}
    taken = {entry.slug for entry in library.values()}
    slugs = {id: slug for id, slug in line.store.slugs().items() if slug not in taken}
    found = {
        told.id: replace(told, slug=slugs.get(told.id))
        for hub in line.registry.hubs
        for told in withdrawn_by(line, hub)
    }
    for decision in in_force(line.store.decisions.all()).values():
        if decision.is_takedown:
            found = {id: told for id, told in found.items() if id not in decision.ids}
        else:
            found[decision.record] = Withdrawn.decided(decision)
    return tuple(found[id] for id in sorted(found) if id not in live)


def withdrawn_by(line: Line, hub: str) -> Iterator[Withdrawn]:
    """What the hub has taken back by its notices, also by those in a feed that is held."""
    store, known = line.store, line.store.public_ids(hub)
    stands, used, newest = store.standing(hub), validate.used_verdict(store, hub), validate.newest_verdict(store, hub)
    if stands is None or stands.good is None or used is None:
        return
    held = [notice for notice in newest.withdrawals if notice.id in stands.blocked] if newest else []
    for digest, notices in ((stands.newest_digest, held), (stands.good.digest, used.withdrawals)):
        if digest is not None and notices:
            files = {file.path: file.sha256 for file in store.snapshot(hub, digest).files}
            for notice in notices:
                yield Withdrawn.told_by(hub, notice, known, digest, files[notice.file])


def count_returns(line: Line, *hubs: str) -> dict[str, Path]:
    """Count the returns of the feeds in use of ``hubs``, unless that was done before. By hub where the levels of its
    organisations are; a hub of which no feed is used is not named.
    """
    paths, returns = {}, {}
    for hub in hubs:
        in_use = line.store.standing(hub)
        if in_use is not None and in_use.good is not None:
            digest, rules = in_use.good.digest, in_use.good.rules
            paths[hub] = line.store.levels_path(hub, digest, rules)
            if not paths[hub].exists():
                tables = line.store.verdict(hub, digest, rules).tables
                returns[hub] = [table.accepted for table in tables if table.accepted is not None]
    if returns:
        banks = instruments(*line.registry.instrument_folders)
        for hub, levels in line.engine.organisation_levels(returns, banks):
            line.store.write_table(paths[hub], *by_period(levels))
    return paths


@runs.stage("count")
def make_benchmarks(line: Line) -> pa.Table:
    """Count the returns of all feeds in use, a hub at a time, and keep what may be published of them beside what was
    published before: benchmarks, which are given, distributions and trends. Of the same returns they are the same,
    whatever else has changed.

    Raises ledger.Broken, and RuntimeError when the solver gives up.
    """
    _note_publications(line)
    line.store.ledger.verify()
    key = returns_key(line)
    if line.store.made_of("benchmarks") == key:
        return line.store.benchmarks()
    # It brings HiGHS and statsmodels: two seconds that other commands do without.
    from pipelines import telling
    from pipelines.disclose.remembered import Remembered

    source = telling.Source(_snapshots(line), _samples(line))
    known = Remembered(line.store.told_before(), f"{code_version()} {made_with.digest()}")
    told = telling.tell(everybody(line), source, line.store.ledger, read_policy(), known)
    line.store.keep_told(known.table())
    with line.store.making("benchmarks", key):
        line.store.write_benchmarks(told.benchmarks)
        line.store.write_distributions(told.distributions)
        line.store.write_trends(told.trends)
        line.store.write_disclosure(told.audit, told.leaks, told.waves)
    return told.benchmarks


def _note_publications(line: Line) -> None:
    """Enter into the ledger what hubs have published by themselves. It stays there: what is out is known."""
    rows = []
    for hub, registration in line.registry.hubs.items():
        path = Path(registration.published_file) if registration.published_file else None
        if path is not None and path.is_file():  # of a hub that has left only what was entered is known
            for told in read_publications(path):
                cell = (CUBE_VERSION, told.breakdown, told.terms)
                statistic = N if told.level == ALL else f"{COUNT}{told.level}"
                rows.append(Row(f"{PUBLISHED_BY_HUB}{hub}", *told.table, *cell, statistic, told.count))
    if rows:
        line.store.ledger.add(rows)


def _snapshots(line: Line) -> dict[str, str]:
    """The digest of the feed in use of each hub that has one."""
    known = {hub: line.store.standing(hub) for hub in line.registry.hubs}
    return {hub: found.good.digest for hub, found in known.items() if found is not None and found.good is not None}


def _samples(line: Line) -> frozenset[str]:
    """The hubs whose content is invented."""
    return frozenset(hub for hub, registration in line.registry.hubs.items() if registration.sample)


def everybody(line: Line) -> Everybody:
    """The organisations of all hubs, an organisation once, and what counts them."""
    counted = _counted(line)
    give_back()  # hubs were judged before, and what that took is as much as what comes now
    return line.engine.everybody(counted)


def _counted(line: Line) -> dict[str, Path]:
    """Where the levels of organisations are, by hub."""
    return count_returns(line, *line.registry.hubs)


def returns_key(line: Line) -> str:
    """Digest of everything that the benchmarks depend on."""
    levels = {hub: hashlib.sha256(path.read_bytes()).hexdigest() for hub, path in _counted(line).items()}
    parts = [levels, line.store.ledger.seal(), read_policy().model_dump(mode="json"), code_version()]
    return hashlib.sha256(canonical_json(parts).encode()).hexdigest()


def build_key(line: Line) -> str:
    """Digest of everything that a release's content depends on. Clocks are no part of it."""
    states = [[s.id, s.state, s.held_by, s.snapshot, s.counts] for s in standings(line)]
    known = {hub: found for hub in line.registry.hubs if (found := line.store.standing(hub))}
    used = {hub: [kept.good.rules if kept.good else None, kept.blocked] for hub, kept in known.items()}
    names = {hub: registration.reading() for hub, registration in line.registry.hubs.items()}
    decided = [decision.number for decision in line.store.decisions.all()]
    parts = [states, used, names, decided, line.address, code_version(), made_with.digest()]
    return hashlib.sha256(canonical_json(parts).encode()).hexdigest()
