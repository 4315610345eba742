"""How a hub stands: which of its feeds the next release uses, since when, and why.

What is wrong with a feed is the judge's to say (``validate``), what is dangerous in its changes the breaker's. Here
both are weighed against the last good feed, and what was decided is kept and recorded.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import zip_longest
from typing import Any

from hubs.contract.findings import CODES
from hubs.contract.records import Record
from hubs.contract.verdict import Verdict
from hubs.registration import CADENCE, Registration, Registry
from pipelines import quarantine
from pipelines.breaker import Change, compare
from pipelines.edition import HubState, State
from pipelines.files import together
from pipelines.identity import traits_of, update
from pipelines.store import Anchor, Good, Standing, Store
from pipelines.validate import rules_key, used_verdict, verdict_on

CONFIRMABLE = ("feed_shrank", "feed_cut_short", "feed_rekeyed", "feed_went_back")
"""What holds a good feed until the hub says that it is meant."""
GONE_AFTER = timedelta(days=3)
GONE_ATTEMPTS = 3
"""An address that has failed so often for so long is gone, and not merely out of order."""
SUMMED_FOR = timedelta(days=90)
"""So long losses are summed up: what is too much at once is too much in steps as well."""
STALE_CADENCES = 2
"""A hub that has sent nothing new for this many of its cadences is stale."""


class NothingToConfirm(ValueError):
    """The hub has no such feed that waits for a confirmation. The message says how it stands instead."""


@dataclass(frozen=True)
class _Weighed:
    """What a feed would change in the last good one: its content's digest, what holds it and why, and the anchor for
    later ones if it is accepted. ``change`` is None where there was nothing to compare it with.
    """

    content: str
    change: Change | None = None
    held_by: tuple[str, ...] = ()
    why: tuple[str, ...] = ()
    anchor: Anchor | None = None


@dataclass(frozen=True)
class _Newest:
    """What the last pull brought, and when (``seen``). ``verdict`` is None when it brought nothing, or the same again.
    ``held_by`` is empty when ``good`` is to be used from now on.
    """

    state: State
    held_by: tuple[str, ...]
    reason: str | None
    good: Good | None = None
    verdict: Verdict | None = None
    key: tuple[str, str] | None = None
    seen: datetime | None = None
    weighed: _Weighed | None = None


def settle(store: Store, registry: Registry, hub: str, now: datetime) -> HubState:
    """Judge what the last pull brought, decide how the hub stands from ``now`` on, and keep that.

    A feed that is held or could not be had leaves the last good one in place, as long as the registration allows.
    """
    one = _Hub(store, registry, registry.hubs[hub], now)
    old = store.standing(hub) or one.remembered()
    last, anchor, rejudged = old.last, old.anchor, None
    if one.registration.retired:
        left = "is not in the register any more" if hub in registry.gone else "has left"
        newest = _Newest(State.RETIRED, (), f"The hub {left}; its content is retired on purpose.")
    else:
        if last is not None:
            last, rejudged = one.under_todays_rules(last._replace(seen=min(last.seen, now)), anchor)
            anchor = rejudged.anchor if rejudged else anchor
        newest = one.newest(last, anchor)
    state, reason, accepted = newest.state, newest.reason, rejudged
    good: Good | None = None
    blocked: tuple[str, ...] = ()
    if state is State.FRESH:
        good = last = newest.good
        accepted = newest.weighed or rejudged
        anchor = accepted.anchor if accepted else anchor
    elif last is not None:
        if newest.key and newest.seen and store.same_as(hub, newest.key[0]) == last.digest:
            last = last._replace(seen=newest.seen)  # the hub has it still; it is we who will have it no more
        blocked, strays = one.blocked(last, newest, old)
        reason = " ".join(filter(None, [reason, strays]))
        if state is not State.RETIRED and now - last.seen <= _carried(one.registration):
            state, good = State.CARRIED_FORWARD, last
        elif state is not State.RETIRED:
            reason = f"{reason} The last good feed was last had on {last.seen:%-d %B %Y}, and has been dropped."
    for event in _events(old, newest, good, accepted):
        store.log_event(hub, {"at": now.isoformat(), **event})
    one.keep_ids(old.last)  # that a killed run may have left out
    since = old.since if old.state == state.value else now
    change = newest.weighed.change.to_dict() if newest.weighed and newest.weighed.change else None
    digest, rules = newest.key or (None, None)
    settled = Standing(state.value, since, reason, newest.held_by, good, last, digest, rules, change, blocked, anchor)
    with together():
        store.save_standing(hub, settled)
        one.keep_ids(last)
    return hub_state(store, registry, hub)


def confirm(
    store: Store, registry: Registry, hub: str, now: datetime, *, reason: str, by: str, feed: str = ""
) -> HubState:
    """Let the feed through that the breaker holds, and settle how the hub stands. Who said so and why is recorded.

    It holds for this feed in the place of the present one alone, once. With ``feed``, the beginning of a digest, only
    if that is the one which is held. Raises NothingToConfirm.
    """
    standing = store.standing(hub)
    if standing is None or not standing.held_by or not set(standing.held_by) <= set(CONFIRMABLE):
        how = standing.state.replace("_", " ") if standing else "not pulled yet"
        why = f": {standing.reason}" if standing and standing.reason else ""
        raise NothingToConfirm(f"{hub} has no feed that waits for a confirmation. It is {how}{why}")
    digest = standing.newest_digest or ""
    if not digest.startswith(feed):
        raise NothingToConfirm(f"{hub} is held with feed {digest[:12]} by now, not {feed}: look at that one first")
    event = {
        "event": "confirmed",
        "digest": digest,
        "content": (standing.change or {}).get("content"),
        "instead_of": standing.last.content if standing.last else None,
        "codes": list(standing.held_by),
        "reason": reason,
        "by": by,
    }
    store.log_event(hub, {"at": now.isoformat()} | event)
    return settle(store, registry, hub, now)


@dataclass(frozen=True)
class _Hub:
    """One hub at one moment: what it takes to weigh its feeds against one another."""

    store: Store
    registry: Registry
    registration: Registration
    now: datetime

    @property
    def hub(self) -> str:
        """The hub's id."""
        return self.registration.id

    def remembered(self) -> Standing:
        """How the hub stands of which nothing is kept: new, or with the feed that was accepted last if its standing was
        lost. Without that one whatever came next would pass.
        """
        last, accepted = None, self._accepted()
        if accepted:
            digest, content = accepted[-1]["digest"], accepted[-1]["content"]
            key = digest, rules_key(self.registry, self.registration)
            fetched = self.store.snapshot(self.hub, digest).fetched
            last = Good(*key, fetched, datetime.fromisoformat(accepted[-1]["at"]), content)
        return Standing("", self.now, None, (), None, last, None, None, None, (), None)

    def newest(self, good: Good | None, anchor: Anchor | None) -> _Newest:
        """What the last pull brought, against ``good``, the last good feed. That counts also after it was dropped: a
        silence is no reason to take what was held.
        """
        store, last = self.store, self.store.last_pull(self.hub)
        if last is None:
            return _Newest(State.MISSING, (), "The hub has never been pulled.")
        if "code" in last:
            return _failed(store.pulls(self.hub), self.now)
        snapshot, seen = store.snapshot(self.hub, last["digest"]), datetime.fromisoformat(last["at"])
        key = snapshot.digest, rules_key(self.registry, self.registration)
        if good is not None and good.key == key and store.has_verdict(self.hub, *key):
            return _Newest(State.FRESH, (), None, good._replace(seen=seen), None, key, seen)
        verdict = verdict_on(store, self.registry, snapshot)
        quarantine.note(store, verdict, self.now)
        if verdict.is_held:
            reason = " ".join(CODES[code].why for code in verdict.held_by)
            return _Newest(State.HELD, verdict.held_by, reason, None, verdict, key, seen)
        weighed = self.weigh(verdict, good, anchor)
        had = Good(*key, snapshot.fetched, seen, weighed.content)
        if good is None or weighed.change is None:
            return _Newest(State.FRESH, (), None, had, verdict, key, seen, weighed)
        if weighed.change.is_nothing:  # a stamp, an order, a file's name: the feed in use says the same, with its date
            store.note_same(self.hub, snapshot.digest, good.digest)
            return _Newest(State.FRESH, (), None, good._replace(seen=seen), verdict, key, seen)
        codes, why = list(weighed.held_by), list(weighed.why)
        if (earlier := self._accepted_before(weighed.content)) is not None:
            if self._is_left_behind(good, earlier):
                store.note_same(self.hub, snapshot.digest, earlier["digest"])
                return _Newest(State.FRESH, (), None, good._replace(seen=seen), verdict, key, seen)
            codes.insert(0, "feed_went_back")
            first = datetime.fromisoformat(earlier["at"])
            why.insert(0, f"It is the feed of {_moment(first)} again, after that of {_moment(good.fetched)}.")
        if codes and not self._is_confirmed(weighed.content, good):
            # Each reason with its numbers; growth or edits that come with it last.
            told = [" ".join(filter(None, pair)) for pair in zip_longest([CODES[code].why for code in codes], why)]
            reason = " ".join(told)
            return _Newest(State.HELD, tuple(codes), reason, None, verdict, key, seen, weighed)
        if codes:  # later losses are held against what was confirmed
            weighed = replace(weighed, anchor=None)
        return _Newest(State.FRESH, (), None, had, verdict, key, seen, weighed)

    def under_todays_rules(self, good: Good, anchor: Anchor | None) -> tuple[Good, _Weighed | None]:
        """The last good feed under today's rules, if they accept it, and what they change in it. A rule that has become
        stricter never takes away what was accepted, a looser one frees what was held.
        """
        key = rules_key(self.registry, self.registration)
        if key == good.rules:
            return good, None
        verdict = verdict_on(self.store, self.registry, self.store.snapshot(self.hub, good.digest))
        if verdict.is_held:
            return good, None
        weighed = self.weigh(verdict, good, anchor)
        return (good, None) if weighed.held_by else (good._replace(rules=key, content=weighed.content), weighed)

    def weigh(self, verdict: Verdict, good: Good | None, anchor: Anchor | None) -> _Weighed:
        """Hold the feed of ``verdict`` against the last good one, and what was lost in steps against the anchor."""
        from pipelines.profiles import profile  # numpy and Arrow take long to import, and most feeds are as they were

        after, limits = profile(verdict), self.registration.breaker
        if good is None:
            return _Weighed(after.content)
        if good.content == after.content:
            return _Weighed(after.content, compare(after, after, limits), anchor=anchor)
        closed, withdrawn = closed_in(verdict), {notice.id for notice in verdict.withdrawals}
        change = compare(profile(self.verdict_of(good)), after, limits, closed=closed, withdrawn=withdrawn)
        if anchor is None or self.now - anchor.good.seen > SUMMED_FOR:
            begins = Anchor(good, tuple(sorted(closed | withdrawn))) if "shrinkage" in change.kinds else None
            return _Weighed(after.content, change, change.held_by, change.why, begins)
        excused = closed | withdrawn | set(anchor.excused)
        in_sum = compare(profile(self.verdict_of(anchor.good)), after, limits, closed=closed, withdrawn=excused)
        goes_on = Anchor(anchor.good, tuple(sorted(excused))) if "shrinkage" in in_sum.kinds else None
        if "feed_shrank" not in in_sum.held_by or {"feed_shrank", "feed_cut_short"} & set(change.held_by):
            return _Weighed(after.content, change, change.held_by, change.why, goes_on)
        lost = next(text for text in in_sum.why if "missing" in text)
        told = f"In sum, since the feed that was last had on {anchor.good.seen:%-d %B %Y}: {lost}"
        return _Weighed(after.content, change, ("feed_shrank", *change.held_by), (told, *change.why), goes_on)

    def verdict_of(self, feed: Good) -> Verdict:
        """The verdict under which the feed was accepted; today's, where that one is gone."""
        if self.store.has_verdict(self.hub, *feed.key):
            return self.store.verdict(self.hub, *feed.key)
        return verdict_on(self.store, self.registry, self.store.snapshot(self.hub, feed.digest))

    def blocked(self, last: Good, newest: _Newest, old: Standing) -> tuple[tuple[str, ...], str]:
        """Ids in the last good feed, while it is not the newest, which may go out no more: the hub has closed their
        licence or withdrawn them, in a feed that is itself not used. They stay so until a feed has them accepted again.

        Also, in words, how many more the hub has closed under ids that the last good feed does not have.
        """
        blocked = set(old.blocked) if old.last is not None and old.last.content == last.content else set()
        verdict = newest.verdict
        if verdict is None:
            return tuple(sorted(blocked)), ""
        change = newest.weighed.change if newest.weighed else None
        # A record that is there under another id was renamed, whatever a notice says of its old one.
        renamed = set(change.rekeyed.values()) if change else set()
        closed = closed_in(verdict)
        gone = (closed | {notice.id for notice in verdict.withdrawals}) - renamed
        known = {record.document.id for record in self.verdict_of(last).records}
        again = {record.document.id for record in verdict.records}
        strays = len(closed - known)
        told = (
            f"{strays:,} {'record has' if strays == 1 else 'records have'} no open licence any more, under ids that "
            "the feed in use does not have: see whether they are published under others."
        )
        return tuple(sorted(((blocked - again) | gone) & known)), told if strays else ""

    def keep_ids(self, feed: Good | None) -> None:
        """Keep under which ids the records of ``feed`` are known, unless that was done."""
        known = self.store.public_ids(self.hub)
        if feed is not None and known.feed != feed.key:
            self.store.keep_public_ids(self.hub, update(known, traits_of(self.verdict_of(feed).records), feed.key))

    # What was accepted and confirmed before.

    def _accepted(self) -> list[dict[str, Any]]:
        return [event for event in self.store.events(self.hub) if event["event"] == "accepted"]

    def _accepted_before(self, content: str) -> dict[str, Any] | None:
        """The event by which a feed of this content was accepted first, if one of another content has been since."""
        accepted = self._accepted()
        if not accepted or accepted[-1]["content"] == content:  # a run was killed before it kept that
            return None
        return next((event for event in accepted if event["content"] == content), None)

    def _is_left_behind(self, good: Good, earlier: Mapping[str, Any]) -> bool:
        """Whether the address has what it had when a submission took its place, and the submission is in use: then the
        address has not changed, whatever its stamp says.
        """
        pulls = self.store.pulls(self.hub)
        submitted = {entry["digest"] for entry in pulls if "submission" in entry and "digest" in entry}
        if good.digest not in submitted or "submission" in pulls[-1]:
            return False
        at_the_address = [event for event in self._accepted() if event["digest"] not in submitted]
        return bool(at_the_address) and at_the_address[-1]["content"] == earlier["content"]

    def _is_confirmed(self, content: str, good: Good) -> bool:
        """Whether a feed of this content has been confirmed in the place of ``good``, and no other accepted since."""
        for event in reversed(self.store.events(self.hub)):
            if event["event"] == "accepted" and event["content"] != content:
                return False
            if event["event"] == "confirmed" and (event["content"], event["instead_of"]) == (content, good.content):
                return True
        return False


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


def closed_in(verdict: Verdict) -> set[str]:
    """Ids of records that the verdict keeps back because their licence is not open. One that states none is another
    matter: that is a fault in the feed, and the record counts as lost.
    """
    return {entry.record for entry in verdict.quarantine if entry.record and "closed_licence" in entry.codes}


def _events(old: Standing, newest: _Newest, good: Good | None, accepted: _Weighed | None) -> Iterator[dict[str, Any]]:
    """What happened to the hub's content: a feed accepted, held or dropped. The same again is no news."""
    if good is not None and (old.good is None or old.good.content != good.content):
        change = accepted.change if accepted else None
        told = {"kinds": list(change.kinds), "reason": " ".join(change.why)} if change else {}
        yield {"event": "accepted", "digest": good.digest, "content": good.content, **told}
    if newest.held_by and newest.verdict and newest.key:
        content = newest.weighed.content if newest.weighed else None
        if (old.held_by, (old.change or {}).get("content")) != (newest.held_by, content):
            yield {
                "event": "held",
                "digest": newest.key[0],
                "content": content,
                "codes": list(newest.held_by),
                "reason": newest.reason,
            }
    if old.good is not None and good is None:
        event = "retired" if newest.state is State.RETIRED else "expired"
        yield {"event": event, "digest": old.good.digest, "content": old.good.content, "reason": newest.reason}


def _moment(moment: datetime) -> str:
    return f"{moment:%-d %B %Y at %H:%M}"


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
        newest=standing.newest_digest,
        change=standing.change,
    )
    if good is None and standing.last is not None and state is not State.RETIRED:
        known = replace(known, lapsed=standing.last.seen)
    if good is not None:
        expires = good.seen + _carried(registration) if state is State.CARRIED_FORWARD else None
        known = replace(known, snapshot=good.digest, fetched=good.fetched, seen=good.seen, expires=expires)
    shown = (good.digest, good.rules) if good else (standing.newest_digest, standing.newest_rules)
    if shown[0] is None or shown[1] is None:
        return known
    return replace(known, **store.verdict_summary(hub, shown[0], shown[1]))


def records_in_use(store: Store, hub: str) -> tuple[Record, ...]:
    """The documents of the feed in use under the ids that readers know them by, without those that may go out no more.

    Raises FileNotFoundError and files.Damaged.
    """
    standing, verdict = store.standing(hub), used_verdict(store, hub)
    if standing is None or standing.good is None or verdict is None:
        return ()
    known = store.public_ids(hub)
    if known.feed != standing.good.key:  # a run was killed before it kept them
        known = update(known, traits_of(verdict.records), standing.good.key)
    public, blocked = known.present, set(standing.blocked)
    kept = (record for record in verdict.records if record.document.id not in blocked)
    return tuple(replace(record, public=public[record.document.id]) for record in kept)


def warnings(state: HubState, registry: Registry, now: datetime) -> list[str]:
    """What the operator should know of a hub beyond its state: that its registration is gone, its last good feed is
    about to be dropped, or nothing new has come for long.
    """
    found = []
    if state.id in registry.gone:
        found.append(f"The registry has no {state.id}.yaml any more. If that is not meant, bring the file back.")
    if state.expires is not None and state.is_expiring(now):
        day, days = f"{state.expires:%-d %B %Y}", (state.expires.date() - now.date()).days
        when = {0: "today", 1: "tomorrow"}.get(days, f"in {days} days")
        will = (
            f"will be dropped on {day} ({when})" if days >= 0 else f"was to be kept until {day}: the next pull drops it"
        )
        found.append(f"The last good feed {will}.")
    registration = registry.hubs.get(state.id)
    if registration and state.fetched is not None and is_stale(state.fetched, registration, now):
        days = (now - state.fetched).days
        found.append(f"Stale: nothing new for {days} days, although the hub's cadence is {registration.cadence}.")
    return found


def is_stale(fetched: datetime | None, registration: Registration, now: datetime) -> bool:
    """Whether nothing new has come for so long that the hub may have fallen asleep; also when nothing ever has."""
    return fetched is None or now - fetched > STALE_CADENCES * CADENCE[registration.cadence]
