"""How a hub stands: which of its feeds the next release uses, since when, and why.

What is wrong with a feed is the judge's to say (``validate``), what is dangerous in its changes the breaker's. Here
both are weighed against the last good feed, and what was decided is kept and recorded.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from hubs.contract.findings import CODES
from hubs.contract.records import Record
from hubs.contract.verdict import Verdict
from hubs.registration import CADENCE, Breaker, Registration, Registry
from pipelines import quarantine
from pipelines.breaker import Change, compare
from pipelines.edition import HubState, State
from pipelines.store import Good, Standing, Store
from pipelines.validate import rules_key, used_verdict, verdict_on

CONFIRMABLE = ("feed_shrank", "feed_cut_short", "feed_rekeyed", "feed_went_back")
"""What holds a good feed until the hub says that it is meant."""
GONE_AFTER = timedelta(days=3)
GONE_ATTEMPTS = 3
"""An address that has failed so often for so long is gone, and not merely out of order."""
WARN_BEFORE = timedelta(days=30)
"""So long before a carried feed is dropped, the operator is warned."""
STALE_CADENCES = 2
"""A hub that has sent nothing new for this many of its cadences is stale."""
_CLOSED = {"closed_licence", "missing_licence"}


class NothingToConfirm(ValueError):
    """The hub has no feed that waits for a confirmation. The message says how it stands instead."""


@dataclass(frozen=True)
class _Newest:
    """What the last pull brought. ``verdict`` is None when no feed could be had, or the same again. ``held_by`` is
    empty when ``good`` is to be used from now on.
    """

    state: State
    held_by: tuple[str, ...]
    reason: str | None
    good: Good | None = None
    verdict: Verdict | None = None
    key: tuple[str | None, str | None] = (None, None)
    change: Change | None = None


def settle(store: Store, registry: Registry, hub: str, now: datetime) -> HubState:
    """Judge what the last pull brought, decide how the hub stands from ``now`` on, and keep that.

    A feed that is held or could not be had leaves the last good one in place, as long as the registration allows.
    """
    registration, before = registry.hubs[hub], store.standing(hub)
    last = before.last if before else None
    if registration.retired:
        newest = _Newest(State.RETIRED, (), "The hub has left; its content is retired on purpose.")
    else:
        last = _under_todays_rules(store, registry, hub, last) if last else None
        newest = _newest(store, registry, hub, last, now)
    state, reason = newest.state, newest.reason
    good: Good | None = None
    blocked: tuple[str, ...] = ()
    if newest.state is State.FRESH:
        good = last = newest.good
    elif last is not None and newest.state is not State.RETIRED:
        if now - last.seen <= _carried(registration):
            state, good, blocked = State.CARRIED_FORWARD, last, _blocked(newest.verdict, before, last)
        else:
            reason = f"{reason} The last good feed was last had on {last.seen:%-d %B %Y}, and has been dropped."
    for event in _events(before, newest, good):
        store.log_event(hub, {"at": now.isoformat(), **event})
    is_as_before = before is not None and (before.state, before.held_by) == (state, newest.held_by)
    since = before.since if before is not None and is_as_before else now
    change = newest.change.to_dict() if newest.change else None
    standing = Standing(state.value, since, reason, newest.held_by, good, last, *newest.key, change, blocked)
    store.save_standing(hub, standing)
    return hub_state(store, registry, hub)


def confirm(store: Store, registry: Registry, hub: str, now: datetime, *, reason: str, by: str) -> HubState:
    """Let the feed through that the breaker holds, and settle how the hub stands. Who said so and why is recorded.

    It holds for this feed in the place of the present one alone. Raises NothingToConfirm.
    """
    standing = store.standing(hub)
    if standing is None or not standing.held_by or not set(standing.held_by) <= set(CONFIRMABLE):
        how = standing.state.replace("_", " ") if standing else "not pulled yet"
        why = f": {standing.reason}" if standing and standing.reason else ""
        raise NothingToConfirm(f"{hub} has no feed that waits for a confirmation. It is {how}{why}")
    instead_of = standing.last.digest if standing.last else None
    event = {"event": "confirmed", "digest": standing.newest_digest, "instead_of": instead_of}
    told = {"codes": list(standing.held_by), "reason": reason, "by": by}
    store.log_event(hub, {"at": now.isoformat()} | event | told)
    return settle(store, registry, hub, now)


def _newest(store: Store, registry: Registry, hub: str, good: Good | None, now: datetime) -> _Newest:
    """``good`` is the last good feed, also after it was dropped: a silence is no reason to take what was held."""
    last = store.last_pull(hub)
    if last is None:
        return _Newest(State.MISSING, (), "The hub has never been pulled.")
    if "code" in last:
        return _failed(store.pulls(hub), now)
    registration, snapshot = registry.hubs[hub], store.snapshot(hub, last["digest"])
    key = (snapshot.digest, rules_key(registry, registration))
    had = Good(*key, snapshot.fetched, datetime.fromisoformat(last["at"]))
    if good is not None and (good.digest, good.rules) == key and store.has_verdict(hub, *key):
        return _Newest(State.FRESH, (), None, good._replace(seen=had.seen), None, key)
    verdict = verdict_on(store, registry, snapshot)
    quarantine.note(store, verdict, now)
    if verdict.is_held:
        reason = " ".join(CODES[code].why for code in verdict.held_by)
        return _Newest(State.HELD, verdict.held_by, reason, None, verdict, key)
    if good is None:
        return _Newest(State.FRESH, (), None, had, verdict, key)
    change = _change(store, hub, good, verdict, registration.breaker)
    if change.is_nothing:  # a stamp, an order, a file's name: the feed in use says the same, and keeps its date
        store.note_same(hub, snapshot.digest, good.digest)
        return _Newest(State.FRESH, (), None, good._replace(seen=had.seen), verdict, key)
    codes, why = change.held_by, change.why
    if (earlier := _accepted_before(store, hub, snapshot.digest, good)) is not None:
        codes = ("feed_went_back", *codes)
        why = (f"It is the feed of {earlier:%-d %B %Y} again, after that of {good.fetched:%-d %B %Y}.", *why)
    if codes and not _is_confirmed(store, hub, snapshot.digest, good):
        reason = " ".join([*(CODES[code].why for code in codes), *why])
        return _Newest(State.HELD, codes, reason, None, verdict, key, change)
    return _Newest(State.FRESH, (), None, had, verdict, key, change)


def _failed(pulls: list[dict[str, Any]], now: datetime) -> _Newest:
    """The hub's feed could not be had. After days of that its address is gone, which is CCS's to mend."""
    last, failures = pulls[-1], []
    for entry in reversed(pulls):
        if "digest" in entry:
            break
        failures.append(entry)
    code, detail = last["code"], last["detail"]
    first = datetime.fromisoformat(failures[-1]["at"])
    if code in ("address_refused", "unreachable_feed") and now - first >= GONE_AFTER and len(failures) >= GONE_ATTEMPTS:
        code, detail = "hub_gone", f"{len(failures)} attempts since {first:%-d %B %Y}; the last: {detail}"
    return _Newest(State.MISSING, (code,), f"{CODES[code].why} ({detail})")


def _change(store: Store, hub: str, good: Good, after: Verdict, limits: Breaker) -> Change:
    """What ``after`` would change in the feed in use."""
    from pipelines.profiles import profile  # numpy and Arrow take long to import, and most feeds are as they were

    before = store.verdict(hub, good.digest, good.rules)
    closed, withdrawn = closed_in(after), {notice.id for notice in after.withdrawals}
    return compare(profile(before), profile(after), limits, closed=closed, withdrawn=withdrawn)


def closed_in(verdict: Verdict) -> set[str]:
    """Ids of records that the verdict keeps back for want of an open licence."""
    return {entry.record for entry in verdict.quarantine if entry.record and not _CLOSED.isdisjoint(entry.codes)}


def _blocked(newest: Verdict | None, before: Standing | None, good: Good) -> tuple[str, ...]:
    """Ids in the feed that is carried forward which may go out no more: the hub has closed their licence or withdrawn
    them, in a feed that is itself not used.
    """
    if newest is None:
        return before.blocked if before is not None and before.good_digest == good.digest else ()
    return tuple(sorted(closed_in(newest) | {notice.id for notice in newest.withdrawals}))


def _under_todays_rules(store: Store, registry: Registry, hub: str, good: Good) -> Good:
    """The last good feed under today's rules, if they accept it. A rule that has become stricter never takes away what
    was accepted, a looser one frees what was held.
    """
    registration = registry.hubs[hub]
    key = rules_key(registry, registration)
    if key == good.rules:
        return good
    verdict = verdict_on(store, registry, store.snapshot(hub, good.digest))
    is_safe = not verdict.is_held and not _change(store, hub, good, verdict, registration.breaker).held_by
    return good._replace(rules=key) if is_safe else good


def _accepted_before(store: Store, hub: str, digest: str, good: Good) -> datetime | None:
    """When this feed was accepted first, if another one has been since; None otherwise."""
    accepted = (e for e in store.events(hub) if e["event"] == "accepted" and e["digest"] == digest != good.digest)
    first = next(accepted, None)
    return datetime.fromisoformat(first["at"]) if first else None


def _is_confirmed(store: Store, hub: str, digest: str, good: Good) -> bool:
    return any(
        event["event"] == "confirmed" and (event["digest"], event["instead_of"]) == (digest, good.digest)
        for event in store.events(hub)
    )


def _events(before: Standing | None, newest: _Newest, good: Good | None) -> Iterator[dict[str, Any]]:
    """What happened to the hub's content: a feed accepted, held or dropped. The same again is no news."""
    old = before.good if before else None
    if good is not None and (old is None or old.digest != good.digest):
        yield {"event": "accepted", "digest": good.digest}
    if newest.held_by and newest.verdict and (before is None or before.held_by != newest.held_by):
        yield {"event": "held", "digest": newest.key[0], "codes": list(newest.held_by), "reason": newest.reason}
    if old is not None and good is None:
        event = "retired" if newest.state is State.RETIRED else "expired"
        yield {"event": event, "digest": old.digest, "reason": newest.reason}


def _carried(registration: Registration) -> timedelta:
    return timedelta(days=registration.carry_for_days)


def hub_state(store: Store, registry: Registry, hub: str) -> HubState:
    """How the hub stands for a release: its state and the counts of the content that is used."""
    registration, standing = registry.hubs[hub], store.standing(hub)
    unknown = HubState(
        id=hub,
        name_en=registration.name.en,
        name_cy=registration.name.label("cy"),
        sector=registration.sector,
        is_sample=registration.sample,
        state=State.MISSING,
        since=None,
        reason="The hub has never been pulled.",
        held_by=(),
        snapshot=None,
        fetched=None,
        counts={},
        quarantined={},
    )
    if standing is None:
        return unknown
    good, state = standing.good, State(standing.state)
    known = replace(
        unknown,
        state=state,
        since=standing.since,
        reason=standing.reason,
        held_by=standing.held_by,
        change=standing.change,
    )
    if good is not None:
        expires = good.seen + _carried(registration) if state is State.CARRIED_FORWARD else None
        known = replace(known, snapshot=good.digest, fetched=good.fetched, seen=good.seen, expires=expires)
    shown = (good.digest, good.rules) if good else (standing.newest_digest, standing.newest_rules)
    if shown[0] is None or shown[1] is None:
        return known
    return replace(known, **store.verdict_summary(hub, shown[0], shown[1]))


def records_in_use(store: Store, hub: str) -> tuple[Record, ...]:
    """The documents of the feed in use, without those that may go out no more."""
    standing, verdict = store.standing(hub), used_verdict(store, hub)
    if standing is None or verdict is None:
        return ()
    return tuple(record for record in verdict.records if record.document.id not in standing.blocked)


def warnings(state: HubState, registration: Registration, now: datetime) -> list[str]:
    """What the operator should know of a hub beyond its state: that its last good feed is about to be dropped, or that
    nothing new has come for long.
    """
    found = []
    if state.expires is not None and state.expires - now <= WARN_BEFORE:
        days = max((state.expires - now).days, 0)
        found.append(f"The last good feed will be dropped on {state.expires:%-d %B %Y} (in {days} days).")
    if state.fetched is not None and now - state.fetched > STALE_CADENCES * CADENCE[registration.cadence]:
        days = (now - state.fetched).days
        found.append(f"Stale: nothing new for {days} days, although the hub's cadence is {registration.cadence}.")
    return found
