"""``hubpacks withdraw``: from the operator's word to releases that follow it, past and new.

How a release is changed is for ``publish.reissue``, in which order the steps of a release come for ``line``.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from pipelines import publish, standing
from pipelines.files import json_of
from pipelines.line import Line, Progress, make_benchmarks, make_library
from pipelines.publish import Reissued
from pipelines.releasing import follow_decisions, make_release
from pipelines.withdrawals import Decision, Kind, in_force

MOST_SUGGESTED = 3


class NotWithdrawn(ValueError):
    """A record cannot be withdrawn as asked. The message says why, and what to do."""


@dataclass(frozen=True)
class Outcome:
    """What a withdrawal has done. ``reissued`` are past releases that follow it now, ``refused`` those that could not
    be reissued, with the reason; ``release`` is the new release without the records, or None with ``why_none``, or with
    ``waits``, the candidate without them that somebody has to approve.

    ``alike`` are ids that are published still and say much the same: translations and near copies.
    """

    decisions: tuple[Decision, ...]
    reissued: tuple[Reissued, ...]
    refused: Mapping[str, str]
    release: str | None
    why_none: str | None
    waits: str | None
    alike: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """Plain types, for programs. ``reissued`` names every address that changed or is gone, for caches to forget."""
        return {
            "decided": [{"number": one.number, "record": one.record, "kind": one.kind.value} for one in self.decisions],
            "reissued": [
                {
                    "release": one.release,
                    "issue": one.issue,
                    "changed": [f"releases/{one.release}/{path}" for path in one.changed],
                    "gone": list(one.gone),
                }
                for one in self.reissued
            ],
            "refused": dict(self.refused),
            "release": self.release,
            "why_none": self.why_none,
            "waits": self.waits,
            "alike": list(self.alike),
        }


def decide(
    line: Line, records: Sequence[str], now: datetime, *, kind: Kind, reason: str, successor: str | None, by: str
) -> list[Decision]:
    """The decisions to withdraw ``records`` (ids as readers know them), not yet taken; none for what is withdrawn like
    that already. ``reason`` is published.

    Raises NotWithdrawn when a record was never published, is a part of another, the successor is not published, or the
    reason would tell what is taken down.
    """
    rows = dict(_newest_rows(line))
    merged = {id: row["id"] for row in rows.values() for id in row.get("merged", ())}
    before = in_force(line.store.decisions.all())
    newest = publish.latest(line.public)
    if newest is not None and now < datetime.fromisoformat(newest.published):
        raise NotWithdrawn(f"the clock says {now:%-d %B %Y}, before release {newest.id} was published: set the clock")
    current = {row["id"] for row in _rows(line, newest.id)} if newest else set()
    if successor is not None and successor not in current - {*records}:
        raise NotWithdrawn(f"{successor} is no record of the newest release: nothing can be in its place there")
    found = []
    for record in records:
        if record in before and (before[record].kind is kind or before[record].is_takedown):
            continue
        earlier = before.get(record)
        if earlier is not None:
            decision = replace(earlier, number=0, kind=kind, reason=reason, successor=successor, by=by, at=now)
        elif record in rows:
            row = rows[record]
            heading = row.get("title") or row.get("question") or record
            ids = (record, *row.get("merged", ()))
            told = ids, tuple(_fingerprints(line, ids)), row["kind"], heading, row["language"], row["slug"]
            decision = Decision(0, kind, record, *told, reason, successor, by, now)
        elif record in merged:
            raise NotWithdrawn(f"{record} says the same as {merged[record]} and became it: withdraw {merged[record]}")
        else:
            near = difflib.get_close_matches(record, rows, MOST_SUGGESTED)
            mean = f"; did you mean {' or '.join(near)}?" if near else ""
            raise NotWithdrawn(f"{record} was never published here{mean}")
        if decision.is_takedown and (named := _named_by(decision)):
            raise NotWithdrawn(
                f"--reason: readers are told it, and it names what has to go ({named}): say it otherwise"
            )
        found.append(decision)
    return found


def _named_by(decision: Decision) -> str | None:
    """What the reason gives away of the record, None when nothing."""
    secret = (*decision.ids, decision.slug, decision.heading)
    named = (word for word in secret if re.search(rf"(?<!\w){re.escape(word)}(?!\w)", decision.reason, re.IGNORECASE))
    return next(named, None)


def withdraw(line: Line, decisions: Iterable[Decision], now: datetime, progress: Progress) -> Outcome:
    """Take ``decisions``, reissue every past release that says something of what they withdraw, and publish a release
    without it. Killed at any point, the decisions hold once they are taken: call it again, or run the line.

    Raises what ``line.follow_decisions`` raises; files.Busy when a run is at work on the same store.
    """
    with line.store.locked("run"):
        taken = tuple(line.store.decisions.add(decision) for decision in decisions)
        line.keeper.must_last()
        alike = tuple(_alike(line, taken))
        with line.store.locked("release"):
            outcomes = follow_decisions(line, now, progress)
        release = why_none = waits = None
        try:
            progress("publish", "what is left")
            make_library(line)
            make_benchmarks(line)
            release = make_release(line, now, progress)
            waiting = line.store.candidates.waiting()
            waits = waiting.id if waiting else None
        except publish.ReleaseRefused as refused:
            why_none = str(refused)
        return Outcome(
            decisions=taken,
            reissued=tuple(one for one in outcomes.values() if isinstance(one, Reissued)),
            refused={id: str(one) for id, one in outcomes.items() if isinstance(one, publish.ReleaseRefused)},
            release=release,
            why_none=why_none,
            waits=waits,
            alike=alike,
        )


def plan(line: Line, decisions: Sequence[Decision]) -> dict[str, Any]:
    """What ``withdraw`` would do, in plain types: which records go, and which releases have them in their packs, the
    newest first.
    """
    ids = {id for decision in decisions for id in decision.ids}
    return {
        "records": [
            {"id": one.record, "kind": one.kind.value, "heading": one.heading, "merged": list(one.ids[1:])}
            for one in decisions
        ],
        "alike": list(_alike(line, decisions)),
        "releases": [
            release
            for release in reversed(publish.released(line.public))
            if any({row["id"], *row.get("merged", ())} & ids for row in _rows(line, release))
        ],
    }


def plan_in_words(plan: Mapping[str, Any]) -> str:
    """``plan`` for the operator. Nothing has been done."""
    if not plan["records"]:
        return "All of that is withdrawn already."
    lines = [
        f"{one['id']} ({one['heading']}): {one['kind']}"
        + (f", and with it what said the same: {', '.join(one['merged'])}" if one["merged"] else "")
        for one in plan["records"]
    ]
    lines.append(f"Releases with it, which would be reissued: {', '.join(plan['releases']) or 'none'}")
    return "\n".join([*lines, *_about_alike(plan["alike"]), "Nothing has been done."])


def in_words(outcome: Outcome) -> Iterator[str]:
    """What was done, for the operator, a line each."""
    if not outcome.decisions:
        yield "All of that was withdrawn before."
    for decision in outcome.decisions:
        yield f"{decision.record}: {decision.kind.value}, decided"
    for one in outcome.reissued:
        gone = f", {len(one.gone)} taken away" if one.gone else ""
        yield f"{one.release}: issue {one.issue}, {len(one.changed)} files changed{gone}"
    for release, why in outcome.refused.items():
        yield f"{release}: NOT reissued, it says what it said before: {why}"
    if outcome.release is not None:
        yield f"{outcome.release}: new, without what was withdrawn"
    if outcome.waits is not None:
        yield f"{outcome.waits}: without what was withdrawn, waits until somebody approves it"
    if outcome.why_none is not None:
        yield f"No new release, the newest stands as reissued: {outcome.why_none}"
    yield from _about_alike(outcome.alike)
    if any(one.is_takedown for one in outcome.decisions) and any(one.gone for one in outcome.reissued):
        yield 'Caches may keep copies for a year: purge them. nginx says that pages are gone after "nginx -s reload".'


def _about_alike(ids: Sequence[str]) -> list[str]:
    return [f"Still published, translations or near copies of it: {', '.join(ids)}"] if ids else []


def _newest_rows(line: Line) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every record that was ever published, as the last release that had it tells it."""
    for release in publish.released(line.public):
        for row in _rows(line, release):
            yield row["id"], row


def _rows(line: Line, release: str) -> list[dict[str, Any]]:
    """The records of a release; none of one that is damaged, which is named when it is to be reissued."""
    path = line.public / "releases" / release / "packs" / "national" / "records.jsonl"
    try:
        rows = [json_of(data) for data in path.read_bytes().splitlines()]
    except (FileNotFoundError, ValueError):
        return []
    return (
        rows if all(isinstance(row, dict) and {"id", "kind", "language", "slug"} <= row.keys() for row in rows) else []
    )


def _fingerprints(line: Line, ids: Sequence[str]) -> Iterator[str]:
    """Those of the texts that these records have in the feeds in use."""
    for hub in sorted({id.partition("/")[0] for id in ids} & line.registry.hubs.keys()):
        in_use = line.store.standing(hub)
        if in_use is not None and in_use.good is not None:
            for record in standing.records_in_use(line.store, hub):
                if record.id in ids:
                    yield record.fingerprint


def _alike(line: Line, decisions: Iterable[Decision]) -> Iterator[str]:
    every = tuple(decisions)
    going = {id for decision in every for id in decision.ids}
    newest = publish.latest(line.public)
    for row in _rows(line, newest.id) if newest else ():
        if row["id"] in going:
            others = [*row.get("translations", {}).values(), *(link["id"] for link in row.get("related", ()))]
            yield from (id for id in dict.fromkeys(others) if id not in going)
