"""What is wrong, or waits, at one moment: worked out from the store, the public folder and the registry, and from
nothing that is called when something happens. So nothing is missed because a process died.

Values only: ids, codes, counts and moments. No word of a feed, no mailbox, no address. Who is told is for ``deciding``.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import takewhile
from pathlib import Path
from typing import Any

from hubs.contract.findings import CODES, Who
from hubs.registration import CADENCE, Registration
from pipelines import publish
from pipelines.alerts.codes import ALERTS, Alert
from pipelines.alerts.outbox import Outbox
from pipelines.alerts.settings import Settings
from pipelines.edition import EXPIRY_WARNING, HubState, Published, State
from pipelines.files import Damaged, nearest, read_json
from pipelines.inbox import Inbox
from pipelines.line import Line, hubs_due, standings
from pipelines.schedule import Schedule, read_schedule
from pipelines.settings import MIRROR, MIRROR_ENDPOINT, named
from pipelines.standing import STALE_CADENCES, is_stale
from pipelines.withdrawals import in_force

CLOCK_SLACK = timedelta(minutes=5)


@dataclass(frozen=True)
class Condition:
    """One thing that is wrong or waits: its ``code`` in ``ALERTS``, what it is about (the ``subject``: a hub, a
    release, a place), since when, the codes of findings that say why, and ``facts`` in plain types.
    """

    code: str
    subject: str
    since: datetime
    hub: str | None = None
    findings: tuple[str, ...] = ()
    facts: Mapping[str, str | int] = field(default_factory=dict)

    @property
    def key(self) -> str:
        """The same as long as it is the same matter, however its facts change."""
        return f"{self.code} {self.subject}".rstrip()

    @property
    def alert(self) -> Alert:
        """What its code means."""
        return ALERTS[self.code]

    @property
    def why(self) -> str:
        """What it means, for the operator: of a feed, what is wrong with it."""
        reasons = " ".join(CODES[code].why for code in self.findings)
        return reasons or self.alert.means

    @property
    def mend(self) -> str:
        """What the operator does."""
        return mend(self.code, self.findings).replace("HUB", self.hub or "HUB").replace("ID", self.subject)

    @property
    def is_for_hub(self) -> bool:
        """Whether the hub can mend it: nothing that is the operator's to do."""
        is_ours = any(CODES[code].who is Who.CCS and code != "hub_gone" for code in self.findings)
        return self.alert.is_for_hub and self.hub is not None and not is_ours

    def to_dict(self) -> dict[str, Any]:
        """Plain types, for programs: the schema of ``hubpacks alerts --json`` and of the webhook."""
        return {
            "code": self.code,
            "weight": self.alert.weight.value,
            "subject": self.subject,
            "hub": self.hub,
            "since": self.since.astimezone(UTC).isoformat(timespec="seconds"),
            "findings": list(self.findings),
            "facts": dict(self.facts),
            "why": self.why,
            "mend": self.mend,
        }


def mend(code: str, findings: Sequence[str]) -> str:
    """What the operator does about an alert, where HUB and ID stand for the hub, the candidate or the release."""
    if not findings:
        return ALERTS[code].mend
    return f"{CODES[findings[0]].operator.rstrip('.')}; more: hubpacks status HUB"


def conditions(line: Line, now: datetime, settings: Settings | None = None) -> list[Condition]:
    """Everything that is wrong or waits at ``now`` and has lasted for its code's grace, by code in the order of
    ``ALERTS``, then by subject. Raises UnusableSettings, OSError, and files.Damaged when the store is.
    """
    settings = settings or Settings.model_validate({})
    found = [*_of_hubs(line, now), *_of_candidates(line), *_of_releases(line, now)]
    found += _of_the_installation(line, now, settings)
    order = {code: place for place, code in enumerate(ALERTS)}
    lasting = [one for one in found if now - one.since >= one.alert.grace]
    return sorted(lasting, key=lambda one: (order[one.code], one.subject))


def _of_hubs(line: Line, now: datetime) -> Iterator[Condition]:
    broken = {Path(name).stem for name in line.registry.problems}
    for state in standings(line):
        registration = line.registry.hubs.get(state.id)
        if state.id in line.registry.gone:
            yield Condition("registration_gone", state.id, _since(line, state, now), state.id)
        if state.id in broken:
            since = _since(line, state, now)
            yield Condition("registration_unusable", state.id, since, state.id, ("unusable_registration",))
        elif registration is not None and not registration.retired:
            yield from _of_hub(line, state, registration, now)
        if state.is_expiring(now) and state.expires is not None:
            facts = {"carried_until": f"{state.expires.date()}", "state": state.state.value}
            yield Condition("hub_expiring", state.id, state.expires - EXPIRY_WARNING, state.id, (), facts)


def _of_hub(line: Line, state: HubState, registration: Registration, now: datetime) -> Iterator[Condition]:
    """One trouble is one condition: of a hub that is held nobody needs to hear that it is stale as well."""
    codes = state.held_by
    if state.state is State.MISSING:
        if codes or state.lapsed:  # else it was never pulled, which is a matter of the schedule
            facts = _attempts(line, state) | ({"last_had": f"{state.lapsed.date()}"} if state.lapsed else {})
            yield Condition("hub_missing", state.id, _since(line, state, now), state.id, codes, facts)
    elif state.is_held:
        yield Condition("feed_held", state.id, _since(line, state, now), state.id, codes, _losses(state))
    elif state.state is State.CARRIED_FORWARD:
        attempts = _attempts(line, state)
        is_ours = any(CODES[code].who is Who.CCS and code != "hub_gone" for code in codes)
        since = datetime.fromisoformat(str(attempts["failing_since"])) if attempts else _since(line, state, now)
        # What is ours to mend does not mend itself at the next pull.
        since -= ALERTS["feed_not_had"].grace if is_ours else timedelta()
        yield Condition("feed_not_had", state.id, since, state.id, codes, attempts)
    elif state.fetched is not None and is_stale(state.fetched, registration, now):
        since = state.fetched + STALE_CADENCES * CADENCE[registration.cadence]
        facts = {"cadence": registration.cadence, "days_without_news": (now - state.fetched).days}
        yield Condition("hub_stale", state.id, since, state.id, (), facts)


def _since(line: Line, state: HubState, now: datetime) -> datetime:
    """Since when the hub stands so; of one that was never pulled, since its file was written."""
    return state.since or min(max(_registered(line, state.id), datetime(1970, 1, 1, tzinfo=UTC)), now)


def _attempts(line: Line, state: HubState) -> dict[str, str | int]:
    """How often in a row the feed could not be had, and since when."""
    failed = list(takewhile(lambda entry: "code" in entry, reversed(line.store.pulls(state.id))))
    return {"failed_pulls": len(failed), "failing_since": str(failed[-1]["at"])} if failed else {}


def _losses(state: HubState) -> dict[str, str | int]:
    """How many records the feed would change of those in use; of one that the judge holds, how many are bad."""
    numbers = (state.change or {}).get("numbers", {})
    tally = numbers.get("records", {}).get("all") or {}
    names = ("before", "after", "lost", "rekeyed")
    facts: dict[str, str | int] = {f"records_{name}": int(tally[name]) for name in names if name in tally}
    if not facts and state.counts.get("quarantined"):
        facts["records_quarantined"] = state.counts["quarantined"]
    return facts


def _of_candidates(line: Line) -> Iterator[Condition]:
    waiting, attempt = line.store.candidates.waiting(), line.store.candidates.last_attempt()
    if waiting is not None and waiting.approvals:
        facts = {"approvals": len(waiting.approvals), "wanted": line.rule.people}
        yield Condition("candidate_waits_for_second", waiting.id, waiting.approvals[-1].at, facts=facts)
    elif waiting is not None:
        yield Condition("candidate_ready", waiting.id, waiting.built, facts={"questions": len(waiting.open_questions)})
    if attempt is not None and attempt.outcome == "failed":
        yield Condition("release_refused", "", attempt.at)


def _of_releases(line: Line, now: datetime) -> Iterator[Condition]:
    try:
        newest = publish.latest(line.public)
    except (Damaged, FileNotFoundError):
        yield Condition("release_damaged", "latest", now)
        return
    if newest is None:
        return
    published = datetime.fromisoformat(newest.published)
    if published > now + CLOCK_SLACK:
        yield Condition("clock_wrong", "", now, facts={"newest_release": newest.id})
    damage = _damage(line.public / newest.address)
    if damage:
        yield Condition("release_damaged", newest.id, now, facts={"files": damage})
    if newest.signed_by and newest.signed_by not in {key.public.text for key in line.keys.known()}:
        yield Condition("keys_lost", newest.id, published)
    yield from _not_followed(line)
    yield from _mirror(line, newest, published)


def _damage(folder: Path) -> int:
    """How many files of the release are not there in their size. Whether each has its bytes, ``verify`` tells."""
    manifest = read_json(folder / "release.json")
    sizes: dict[str, int] = {}
    for parent, _, names in os.walk(folder):
        place = os.path.relpath(parent, folder)
        for name in names:
            sizes[name if place == "." else f"{place}/{name}"] = os.stat(os.path.join(parent, name)).st_size  # noqa: PTH116, PTH118
    return sum(sizes.get(file["path"]) != file["bytes"] for file in manifest["files"])


def _not_followed(line: Line) -> Iterator[Condition]:
    """Releases that were out before something was withdrawn, and still have it."""
    decisions = list(in_force(line.store.decisions.all()).values())
    if not decisions:
        return
    done = line.store.followed()
    for release in publish.released(line.public):
        due = [one.at for one in decisions if one.number > done.get(release, 0)]
        if due:
            out = datetime.fromisoformat(read_json(line.public / "releases" / release / "release.json")["published"])
            if later := [at for at in due if at >= out]:
                yield Condition("withdrawal_not_followed", release, min(later))


def _mirror(line: Line, newest: Published, published: datetime) -> Iterator[Condition]:
    target = named(MIRROR)
    if target is None:
        return
    # It brings the client of object stores, which others do without.
    from pipelines.mirror import is_behind

    if is_behind(line.public, target, named(MIRROR_ENDPOINT)):
        since = max(published, datetime.fromisoformat(newest.reissued)) if newest.reissued else published
        yield Condition("mirror_behind", "", since, facts={"newest_release": newest.id})


def _of_the_installation(line: Line, now: datetime, settings: Settings) -> Iterator[Condition]:
    waiting = Inbox(line.store.inbox).waiting()
    if waiting:
        hubs = len({submission.hub for submission in waiting})
        yield Condition(
            "submissions_waiting",
            "",
            min(submission.received for submission in waiting),
            facts={"submissions": len(waiting), "hubs": hubs},
        )
    if settings.schedule:
        yield from _missed(line, read_schedule(), now)
    yield from _disks({"store": line.store.root, "publish": line.public}, settings.disk_free_bytes, now)
    for unsent in Outbox(line.store.root / "alerts").waiting():
        if unsent.failure:
            facts: dict[str, str | int] = {"attempts": unsent.attempts, "failure": unsent.failure}
            yield Condition("alerts_unsent", unsent.recipient, unsent.written, facts=facts)


def _missed(line: Line, schedule: Schedule, now: datetime) -> Iterator[Condition]:
    """What was due so long ago that it is late, and has not been attempted since. What was due before anything was ever
    done was not missed.
    """
    late_by_now = now - ALERTS["schedule_missed"].grace
    visits = {
        hub: [datetime.fromisoformat(entry["at"]) for entry in line.store.pulls(hub)] for hub in line.registry.hubs
    }
    began = min((moments[0] for moments in visits.values() if moments), default=None)
    if began is None:
        return
    if began <= (due := schedule.last("pull", late_by_now)):
        late = [hub for hub in hubs_due(line, due) if visits[hub] or _registered(line, hub) < due]
        if late:
            yield Condition("schedule_missed", "pull", due, facts={"hubs": len(late)})
    attempt = line.store.candidates.last_attempt()
    for what in ("candidate", "release"):
        if began <= (due := schedule.last(what, late_by_now)) and (attempt is None or attempt.at < due):
            yield Condition("schedule_missed", what, due)


def _registered(line: Line, hub: str) -> datetime:
    """When the hub's registration was last changed; never, when its file is gone."""
    try:
        return datetime.fromtimestamp((line.registry.folder / f"{hub}.yaml").stat().st_mtime, UTC)
    except FileNotFoundError:
        return datetime.min.replace(tzinfo=UTC)


def _disks(places: Mapping[str, Path], least_bytes: int, now: datetime) -> Iterable[Condition]:
    """A disk that has both folders is told of once."""
    told: set[int] = set()
    for name, path in places.items():
        there = nearest(path)
        device, usage = there.stat().st_dev, shutil.disk_usage(there)
        if usage.free < least_bytes and device not in told:
            told.add(device)
            facts = {"free_bytes": usage.free, "wanted_bytes": least_bytes}
            yield Condition("disk_low", name, now, facts=facts)
