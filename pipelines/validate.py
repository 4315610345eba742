"""Validate: have a hub's snapshot judged under today's rules, and keep the verdict with it.

What is wrong with a feed is the judge's to say (``hubs.judge``), what a verdict leads to is for ``standing``.
"""

from __future__ import annotations

import hashlib

from hubs.contract import CONTRACT_VERSION
from hubs.contract.records import canonical_json
from hubs.contract.verdict import Verdict
from hubs.instruments import instruments
from hubs.judge import RULES_VERSION, judge
from hubs.registration import Registration, Registry
from pipelines.store import Snapshot, Store
from pipelines.version import digest_of


def rules_key(registry: Registry, registration: Registration) -> str:
    """Digest of everything but the bytes that a verdict depends on: code, contract, rules, mapping, question banks."""
    folders = registry.instrument_folders[1:]
    banks = [
        hashlib.sha256(path.read_bytes()).hexdigest() for folder in folders for path in sorted(folder.rglob("*.yaml"))
    ]
    parts = [CONTRACT_VERSION, RULES_VERSION, digest_of("hubs"), registration.reading(), banks]
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


def used_verdict(store: Store, hub: str) -> Verdict | None:
    """The verdict on the feed that a release uses; None when none is used."""
    standing = store.standing(hub)
    if standing is None or standing.good is None:
        return None
    return store.verdict(hub, standing.good.digest, standing.good.rules)


def newest_verdict(store: Store, hub: str) -> Verdict | None:
    """The verdict on the feed that was pulled last; None when it could not be had."""
    standing = store.standing(hub)
    if standing is None or standing.newest_digest is None or standing.newest_rules is None:
        return None
    return store.verdict(hub, standing.newest_digest, standing.newest_rules)
