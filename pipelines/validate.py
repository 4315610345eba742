"""Validate: have a hub's newest snapshot judged, and decide which of its feeds the next release uses.

What is wrong with a feed is the judge's to say (``hubs.judge``). Here a verdict is kept with its snapshot, and a hub
gets its state: fresh, carried forward, held, missing or retired.
"""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta

from hubs.contract import CONTRACT_VERSION
from hubs.contract.findings import CODES
from hubs.contract.records import canonical_json
from hubs.contract.verdict import Verdict
from hubs.instruments import instruments
from hubs.judge import RULES_VERSION, judge
from hubs.registration import Registration, Registry
from pipelines import quarantine
from pipelines.edition import HubState, State
from pipelines.store import Snapshot, Standing, Store
from pipelines.version import digest_of


def rules_key(registry: Registry, registration: Registration) -> str:
    """Digest of everything but the bytes that a verdict depends on: code, contract, rules, mapping, question banks."""
    folders = registry.instrument_folders[1:]
    banks = [
        hashlib.sha256(path.read_bytes()).hexdigest() for folder in folders for path in sorted(folder.rglob("*.yaml"))
    ]
    parts = [CONTRACT_VERSION, RULES_VERSION, digest_of("hubs"), registration.model_dump(mode="json"), banks]
    return hashlib.sha256(canonical_json(parts).encode()).hexdigest()[:16]


def verdict_on(store: Store, registry: Registry, snapshot: Snapshot) -> Verdict:
    """The verdict on ``snapshot`` under today's rules: the stored one, or a new one that is then stored."""
    registration = registry.hubs[snapshot.hub]
    key = rules_key(registry, registration)
    if not store.has_verdict(snapshot.hub, snapshot.digest, key):
        banks = instruments(*registry.instrument_folders)
        with store.judging(snapshot.hub, snapshot.digest, key) as folder:
            verdict = judge(store.feed(snapshot), registration, banks, snapshot.fetched.date(), folder)
            store.write_verdict(folder, verdict)
    return store.verdict(snapshot.hub, snapshot.digest, key)


def settle(store: Store, registry: Registry, hub: str, now: datetime) -> HubState:
    """Judge what the last pull brought, decide how the hub stands from ``now`` on, and keep that.

    A feed that is held or could not be had leaves the last good one in place, as long as the registration allows.
    """
    registration = registry.hubs[hub]
    before = store.standing(hub)
    good = (before.good_digest, before.good_rules, before.good_fetched) if before else (None, None, None)
    newest: tuple[str | None, str | None] = (None, None)
    held_by: tuple[str, ...] = ()
    reason = None
    last_pull = store.last_pull(hub)
    if registration.retired:
        state, reason, good = State.RETIRED, "The hub has left; its content is retired on purpose.", (None, None, None)
    elif last_pull is None:
        state, reason = State.MISSING, "The hub has never been pulled."
    elif "code" in last_pull:
        state, held_by = State.MISSING, (last_pull["code"],)
        reason = f"{CODES[last_pull['code']].why} ({last_pull['detail']})"
    else:
        snapshot = store.snapshot(hub, last_pull["digest"])
        verdict = verdict_on(store, registry, snapshot)
        newest = (snapshot.digest, rules_key(registry, registration))
        quarantine.note(store, verdict, now)
        if verdict.is_held:
            state, held_by = State.HELD, verdict.held_by
            reason = " ".join(CODES[code].why for code in held_by)
        else:
            state, good = State.FRESH, (*newest, snapshot.fetched)
    if state in (State.HELD, State.MISSING) and good[0] is not None and good[2] is not None:
        good = (good[0], _rules_for(store, registry, store.snapshot(hub, good[0])) or good[1], good[2])
        if now - good[2] <= timedelta(days=registration.carry_for_days):
            state = State.CARRIED_FORWARD
        else:
            reason = f"{reason} The last good feed is older than {registration.carry_for_days} days."
            good = (None, None, None)
    unchanged = before is not None and before.state == state and before.held_by == held_by
    since = before.since if before is not None and unchanged else now
    standing = Standing(state.value, since, reason, held_by, *good, *newest)
    store.save_standing(hub, standing)
    return hub_state(store, registry, hub)


def _rules_for(store: Store, registry: Registry, snapshot: Snapshot) -> str | None:
    """The key of today's rules, if they accept the snapshot that is carried forward. A rule that has become stricter
    never takes away what was accepted, a looser one frees what was held.
    """
    verdict = verdict_on(store, registry, snapshot)
    return None if verdict.is_held else rules_key(registry, registry.hubs[snapshot.hub])


def hub_state(store: Store, registry: Registry, hub: str) -> HubState:
    """How the hub stands for a release: its state and the counts of the content that is used."""
    registration = registry.hubs[hub]
    standing = store.standing(hub)
    verdict = used_verdict(store, hub) or newest_verdict(store, hub)
    return HubState(
        id=hub,
        name_en=registration.name.en,
        name_cy=registration.name.label("cy"),
        sector=registration.sector,
        is_sample=registration.sample,
        state=State(standing.state) if standing else State.MISSING,
        since=standing.since if standing else None,
        reason=standing.reason if standing else "The hub has never been pulled.",
        held_by=standing.held_by if standing else (),
        snapshot=standing.good_digest if standing else None,
        fetched=standing.good_fetched if standing else None,
        counts=verdict.counts() if verdict else {},
        quarantined=verdict.quarantined_by_code() if verdict else {},
        quarantined_answers=verdict.answers_quarantined_by_code() if verdict else {},
        derived=verdict.derived() if verdict else {},
    )


def used_verdict(store: Store, hub: str) -> Verdict | None:
    """The verdict on the feed that a release uses; None when none is used."""
    standing = store.standing(hub)
    if standing is None or standing.good_digest is None or standing.good_rules is None:
        return None
    return store.verdict(hub, standing.good_digest, standing.good_rules)


def newest_verdict(store: Store, hub: str) -> Verdict | None:
    """The verdict on the feed that was pulled last; None when it could not be had."""
    standing = store.standing(hub)
    if standing is None or standing.newest_digest is None or standing.newest_rules is None:
        return None
    return store.verdict(hub, standing.newest_digest, standing.newest_rules)
