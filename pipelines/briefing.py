"""What the operator reads before a decision about a candidate: what it changes, how the hubs stand in it, what the
attack on its benchmarks found, why it did not go out by itself. Taken from the candidate's own files: what is approved
is what was read.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from pipelines import publish
from pipelines.candidates import Candidate, CandidateState
from pipelines.edition import State
from pipelines.files import reading
from pipelines.line import Line
from pipelines.releasing import why_stale


def briefing(line: Line, candidate: Candidate, now: datetime) -> dict[str, Any]:
    """In plain types: the candidate; while it waits also its age in days, why it cannot be approved any more
    (``stale``), the ``folder`` and the address at which it can be looked at (``preview``), its ``changes`` to the
    release before it, with the texts, which readers are not told, the ``hubs`` that are not fresh in it, and what the
    ``attack`` on its benchmarks found.

    Raises FileNotFoundError and files.Damaged when it is not as it was built.
    """
    told = candidate.to_dict()
    if candidate.state is not CandidateState.WAITING:
        return told
    folder = publish.candidate_folder(line.public, candidate.id)
    stale = why_stale(line, candidate)
    told |= {"age_days": (now - candidate.built).days, "stale": stale, "people": line.rule.people}
    if not folder.is_dir():
        return told
    with reading(folder / "coverage.json") as coverage, reading(folder / "audit.json") as audit:
        hubs = [
            {name: hub[name] for name in ("id", "state", "since", "reason", "held_by")}
            for hub in coverage["hubs"]
            if hub["state"] != State.FRESH
        ]
        told |= {"states": coverage["states"], "hubs": hubs, "attack": audit["attack"]}
    if candidate.previous:
        changes, _ = publish.diff(line.public / "releases" / candidate.previous, folder)
        told |= {"changes": changes}
    return told | {"folder": str(folder), "preview": f"{line.rule.preview}releases/{candidate.id}/index.html"}


def briefing_in_words(told: Mapping[str, Any]) -> Iterator[str]:
    """The same for a terminal, line by line."""
    yield one_line(told)
    for approval in told["approvals"]:
        yield f"  Approved by {approval['by']} on {_moment(approval['at'])}: {approval['note']}"
    if told["state"] != CandidateState.WAITING:
        if told["reason"]:
            by = f" by {told['by']}" if told["by"] else ""
            yield f"  {told['state'].capitalize()}{by}: {told['reason']}"
        return
    for question in told["open_questions"]:
        yield f"  It does not go out by itself: {question}"
    if told["stale"]:
        yield f"  It cannot be approved any more: {told['stale']}."
    if "folder" not in told:
        return
    yield ""
    if "changes" in told:
        yield from publish.changes_in_words(told["changes"])
        yield ""
    yield "Hubs: " + ", ".join(f"{number} {state.replace('_', ' ')}" for state, number in told["states"].items())
    for hub in told["hubs"]:
        reason = f". {hub['reason']}" if hub["reason"] else ""
        yield f"  - {hub['id']}: {hub['state'].replace('_', ' ')}{reason}"
    yield ""
    yield f"Look at it: hubpacks serve --candidate, or open {Path(told['folder']) / 'index.html'}"
    yield f'Then:       hubpacks approve {told["id"]} --by NAME --note "WHAT YOU LOOKED AT"'
    yield f'or:         hubpacks refuse {told["id"]} --by NAME --reason "WHY"'


def one_line(told: Mapping[str, Any]) -> str:
    """The candidate in one line: id, state, when it was built, over which release."""
    after = f"after {told['previous']}" if told["previous"] else "the first release"
    more = ""
    if told["state"] == CandidateState.WAITING and told["approvals"]:
        more = f", approved by {len(told['approvals'])} of {told.get('people', len(told['approvals']) + 1)}"
    return f"{told['id']}: {told['state']}{more}, built on {_moment(told['built'])}, {after}"


def _moment(text: str) -> str:
    return f"{datetime.fromisoformat(text):%-d %B %Y at %H:%M}"
