"""Receipts: what became of every record that a hub sent, and when readers will see it.

Only tells what other rooms have decided: the judge's report, which feed is in use, what the latest release says.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from itertools import takewhile
from typing import Any

from hubs.check import report_json
from hubs.contract.findings import CODES
from hubs.contract.verdict import Verdict
from hubs.registration import INTAKE, Registry
from pipelines import quarantine
from pipelines.edition import HubState, State
from pipelines.identity import PublicIds
from pipelines.inbox import Inbox, Submission
from pipelines.schedule import next_release
from pipelines.score import score
from pipelines.standing import hub_state, warnings
from pipelines.store import Store
from pipelines.validate import newest_verdict, used_verdict
from pipelines.withdrawals import Decision, in_force


@dataclass(frozen=True)
class _Situation:
    """What the fate of a record depends on. ``digest`` is that of the feed the receipt is about, None before it was
    pulled; ``turn`` whether it has been ``taken`` by a pull, is the ``next`` to be, or is ``past``: another came first.
    ``is_held`` says that the feed waits for a confirmation; ``used`` gives the content of each record in use,
    ``decided`` what the operator has withdrawn, by public id.
    """

    state: HubState
    digest: str | None
    turn: str
    is_held: bool
    used: Mapping[str, str]
    ids: PublicIds
    decided: Mapping[str, Decision]
    published: Mapping[str, Any]
    due: str

    @property
    def is_used(self) -> bool:
        return self.digest is not None and self.digest == self.state.snapshot


def hub_page(store: Store, registry: Registry, hub: str, now: datetime) -> dict[str, Any]:
    """All that a hub may know of itself, in plain types: how it stands, its outlook, its submissions, and the fate of
    each record of its newest feed. Raises KeyError when there is no such hub.
    """
    registration = registry.hubs[hub]
    state, used = hub_state(store, registry, hub), used_verdict(store, hub)
    newest = newest_verdict(store, hub) or used
    last = store.last_pull(hub) or {}
    digest = last.get("digest") or state.snapshot
    return {
        "hub": hub,
        "name": registration.name.en,
        "state": state.state.value,
        "since": _iso(state.since),
        "reason": state.reason,
        "held_by": list(state.held_by),
        "fetched": _iso(state.fetched),
        "seen": _iso(state.seen),
        "expires": _iso(state.expires),
        "lapsed": _iso(state.lapsed),
        "sends_through_intake": registration.address == INTAKE,
        "release": store.published()["release"],
        "submissions": submissions(store, hub),
        **_outlook(store, registry, state, (used, newest), now),
        **_fates(
            report_json(newest) if newest else None, _situation(store, state, used, digest, turn="taken", now=now), hub
        ),
    }


def outlook(store: Store, registry: Registry, hub: str, now: datetime) -> dict[str, Any]:
    """What a hub can do next, in plain types: its score (with what gains the next point), what of it is in quarantine
    and for how long, when the next release is due, what to beware of; and for the operator what has happened, the
    newest first. Raises KeyError when there is no such hub.
    """
    used = used_verdict(store, hub)
    verdicts = used, newest_verdict(store, hub) or used
    told = _outlook(store, registry, hub_state(store, registry, hub), verdicts, now)
    return told | {"events": store.events(hub)[::-1], "attempts": _attempts(store.pulls(hub))}


def _attempts(pulls: Sequence[Mapping[str, Any]]) -> dict[str, Any] | None:
    """When the feed was asked for last; where that failed, since when and how often in a row. None before the first."""
    if not pulls:
        return None
    failed = list(takewhile(lambda entry: "code" in entry, reversed(pulls)))
    return {"last": pulls[-1]["at"], "failed": len(failed), "since": failed[-1]["at"] if failed else None}


def submissions(store: Store, hub: str) -> list[dict[str, Any]]:
    """What the hub has submitted, in plain types, the newest first."""
    return [_plain(submission) for submission in Inbox(store.inbox).of(hub)]


def _outlook(
    store: Store,
    registry: Registry,
    state: HubState,
    verdicts: tuple[Verdict | None, Verdict | None],
    now: datetime,
) -> dict[str, Any]:
    """``verdicts`` are those on the feed in use and on the newest."""
    used, newest = verdicts
    result = score(state, registry.hubs[state.id], used, now)
    return {
        "score": {
            "points": result.points,
            "of": len(result.steps),
            "next": asdict(result.next) if result.next else None,
            "steps": [asdict(step) for step in result.steps],
        },
        "next_release": _iso(next_release(now)),
        "quarantine": [entry.to_dict(now) for entry in quarantine.held(store, newest, now)],
        "warnings": warnings(state, registry, now),
    }


def receipt(store: Store, registry: Registry, hub: str, submission_id: str, now: datetime) -> dict[str, Any] | None:
    """What became of one submission and each of its records, in plain types. None when the hub has no such one."""
    inbox = Inbox(store.inbox)
    submission = inbox.get(hub, submission_id)
    if submission is None:
        return None
    state = hub_state(store, registry, hub)
    own = [entry for entry in store.pulls(hub) if entry.get("submission") == submission.id and "digest" in entry]
    is_next = inbox.newest(hub) == submission and submission.received > store.address_changed(hub)
    digest = own[-1]["digest"] if own else None
    turn = "taken" if own else "next" if is_next else "past"
    report = inbox.report(submission)
    return {
        "submission": _plain(submission),
        "hub": hub,
        "next_release": _iso(next_release(now)),
        "report": report,
        **_fates(report, _situation(store, state, used_verdict(store, hub), digest, turn=turn, now=now), hub),
    }


def _situation(
    store: Store, state: HubState, used: Verdict | None, digest: str | None, *, turn: str, now: datetime
) -> _Situation:
    contents = {record.document.id: record.content for record in used.records} if used else {}
    standing = store.standing(state.id)
    is_newest = standing is not None and digest is not None and digest == standing.newest_digest
    if is_newest and state.state is State.FRESH:
        digest = state.snapshot  # where nothing but a stamp had changed, the feed before it is in use
    is_held = is_newest and bool(state.held_by)
    due = str(_iso(next_release(now)))
    decided = {id: decision for decision in in_force(store.decisions.all()).values() for id in decision.ids}
    ids, published = store.public_ids(state.id), store.published()
    return _Situation(state, digest, turn, is_held, contents, ids, decided, published, due)


def _fates(report: Mapping[str, Any] | None, situation: _Situation, hub: str) -> dict[str, Any]:
    """The fate of every record and table of a report; nothing before there is a report."""
    if report is None or "records" not in report:
        return {"records": [], "returns": []}
    is_good = report["outcome"] == "accepted"
    why_held = " ".join(CODES[code].why for code in report["held_by"])
    records = [
        {"id": entry["id"], "kind": entry["kind"], "heading": entry["heading"]}
        | (_fate(entry, situation, hub) if is_good else _told("withheld", why_held))
        for entry in report["records"]
    ]
    records += [
        {"id": entry["id"], "kind": entry["kind"], "heading": None, "file": entry["file"], "place": entry["place"]}
        | _told("quarantined", " ".join(CODES[code].why for code in entry["codes"]))
        | {"codes": entry["codes"]}
        for entry in report["quarantined"]
    ]
    records += [
        {"id": entry["id"], "kind": entry["kind"], "heading": None} | _told("withdrawn", entry["reason"])
        for entry in report["withdrawn"]
    ]
    returns = [
        dict(table) | (_counted(situation) if is_good else _told("withheld", why_held)) for table in report["tables"]
    ]
    return {"records": records, "returns": returns}


def _fate(entry: Mapping[str, Any], situation: _Situation, hub: str) -> dict[str, Any]:
    """The fate of a record that the judge has accepted."""
    public = f"{hub}/{situation.ids.public(entry['id'])}"
    if public in situation.decided:
        decision = situation.decided[public]
        return _told("withdrawn", f"{decision.kind.value.capitalize()} on {decision.at:%-d %B %Y}: {decision.reason}")
    if not (situation.is_used or situation.turn == "next"):
        if situation.state.snapshot is None and situation.turn == "past":
            return _told("superseded", "You have sent another feed since.")
        if situation.state.snapshot is None:
            return _told("withheld", situation.state.reason or "No feed of the hub is in use.")
        if situation.used.get(entry["id"]) != entry["content"]:
            if situation.is_held:
                return _told("withheld", situation.state.reason)
            gone = "with another text" if entry["id"] in situation.used else "without this record"
            return _told("superseded", f"Another feed of yours is in use, {gone}.")
    records, release = situation.published["records"], situation.published["release"]
    seen = records.get(public, {})
    if "into" in seen:
        survivor = records[seen["into"]]
        into = {"into": seen["into"], "release": release, "address": _address(release, survivor)}
        return _told("merged", "The same text came from another hub, or twice from yours; both are credited.") | into
    if seen.get("content") == entry["content"]:
        return _told("accepted") | {"release": release, "address": _address(release, seen)}
    return _told("accepted") | {"due": situation.due}


def _counted(situation: _Situation) -> dict[str, Any]:
    """The fate of a table of returns that the judge has accepted."""
    snapshots = situation.published["snapshots"]
    if situation.digest is not None and snapshots.get(situation.state.id) == situation.digest:
        return _told("accepted") | {"release": situation.published["release"]}
    if situation.is_used or situation.turn == "next":
        return _told("accepted") | {"due": situation.due}
    if situation.is_held or (situation.state.snapshot is None and situation.turn != "past"):
        return _told("withheld", situation.state.reason or "No feed of the hub is in use.")
    return _told("superseded", "Another feed of yours is in use.")


def _told(status: str, reason: str | None = None) -> dict[str, Any]:
    return {"status": status, "reason": reason, "release": None, "address": None, "into": None, "due": None}


def _address(release: str, seen: Mapping[str, str]) -> str:
    """Where the record's page is, from the root of what is published."""
    return f"releases/{release}/{seen['language']}/records/{seen['slug']}.html"


def _plain(submission: Submission) -> dict[str, Any]:
    return asdict(submission) | {"received": _iso(submission.received), "codes": list(submission.codes)}


def _iso(moment: datetime | None) -> str | None:
    return moment.astimezone(UTC).isoformat(timespec="seconds") if moment else None
