"""How good a hub's feed is, in six steps that stand each for themselves, and what gains the next point.

For the hub and the operator. It is never published: a league table would make hubs hide what they have.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from math import ceil

from hubs.contract.findings import CODES, Severity
from hubs.contract.records import Record
from hubs.contract.verdict import Verdict
from hubs.registration import CADENCE, Registration
from pipelines.edition import HubState, State

MOST = 0.9
"""The share of records that must do well for a point: one forgotten field should not cost it."""
LINKED = 0.5
"""The share that must lead somewhere: not every text can."""
EXAMPLES = 5
_LINKS = ("standards_used", "translation_of", "address", "source")
"""Fields that lead from a record to something else."""


@dataclass(frozen=True)
class Step:
    """One of the six. ``measure`` says how it stands in words, ``gain`` what would reach it (empty once reached)."""

    name: str
    title: str
    is_reached: bool
    measure: str
    gain: str


@dataclass(frozen=True)
class Score:
    """The six steps in the order in which they are best taken."""

    steps: tuple[Step, ...]

    @property
    def points(self) -> int:
        """From 0 to 6."""
        return sum(step.is_reached for step in self.steps)

    @property
    def next(self) -> Step | None:
        """The step to take next; None when all are taken."""
        return next((step for step in self.steps if not step.is_reached), None)


def score(state: HubState, registration: Registration, verdict: Verdict | None, now: datetime) -> Score:
    """The score of a hub that stands as ``state``; ``verdict`` is that on the feed in use, None when none is."""
    return Score(
        (
            _in_use(state),
            _newest(state),
            _valid(verdict),
            _current(state, registration, now),
            _complete(verdict),
            _linked(verdict),
        )
    )


def _step(name: str, title: str, is_reached: bool, measure: str, gain: str) -> Step:
    return Step(name, title, is_reached, measure, "" if is_reached else gain)


def _in_use(state: HubState) -> Step:
    used = state.snapshot is not None
    measure = "a feed of yours is in use" if used else "no feed of yours is in use"
    gain = " ".join(CODES[code].mend for code in state.held_by) or "Send a first feed."
    return _step("in_use", "In use", used, measure, gain)


def _newest(state: HubState) -> Step:
    fresh = state.state is State.FRESH
    measure = "your newest feed is the one in use" if fresh else "your newest feed is not the one in use"
    gain = " ".join(CODES[code].mend for code in state.held_by) or "Send a feed that can be accepted."
    return _step("newest", "Newest feed", fresh, measure, gain)


def _valid(verdict: Verdict | None) -> Step:
    counts = verdict.counts() if verdict else {}
    records, answers = counts.get("quarantined", 0), counts.get("answers_quarantined", 0)
    errors = counts.get("errors", 0)
    measure = f"{records:,} records and {answers:,} answers in quarantine, {errors:,} errors" if verdict else "no feed"
    commonest = next((f.code for f in verdict.findings if f.severity is Severity.ERROR), None) if verdict else None
    gain = f"Mend the errors, first {commonest}: {CODES[commonest].mend}" if commonest else "Send a first feed."
    return _step("valid", "Valid", verdict is not None and not errors + records + answers, measure, gain)


def _current(state: HubState, registration: Registration, now: datetime) -> Step:
    limit = CADENCE[registration.cadence]
    age = now - state.fetched if state.fetched else None
    measure = f"the content is {age.days:,} days old" if age else "no feed"
    gain = (
        f"Bring your content up to date: a hub that is {registration.cadence} should change within {limit.days} days."
    )
    return _step("current", "Current", age is not None and age <= limit, measure, gain)


def _complete(verdict: Verdict | None) -> Step:
    lacking = {
        finding.record
        for finding in (verdict.findings if verdict else ())
        if finding.severity is Severity.WARNING and finding.code.startswith("missing_")
    }
    gain = "Fill in what the warnings say is missing"
    return _share(verdict, lambda record: record.document.id not in lacking, MOST, ("complete", "Complete", gain))


def _linked(verdict: Verdict | None) -> Step:
    gain = "Name the standards a record uses, its source, or its translation"
    return _share(verdict, _leads_on, LINKED, ("linked", "Linked", gain))


def _leads_on(record: Record) -> bool:
    return any(getattr(record.document, name, None) for name in _LINKS)


def _share(
    verdict: Verdict | None, is_good: Callable[[Record], bool], share: float, words: tuple[str, str, str]
) -> Step:
    """A step that is reached when at least ``share`` of the records are good; a feed of returns alone reaches it.
    ``words`` are its name, its title and what to do.
    """
    name, title, gain = words
    if verdict is None:
        return _step(name, title, False, "no feed", "Send a first feed.")
    poor = [record.document.id for record in verdict.records if not is_good(record)]
    total = len(verdict.records)
    missing = ceil(share * total) - (total - len(poor))
    examples = ", ".join(poor[:EXAMPLES])
    measure = f"{total - len(poor):,} of {total:,} records" if total else "no records, so none that lacks anything"
    return _step(name, title, missing <= 0, measure, f"{gain}, for {missing:,} more records: {examples}.")
