"""The report on a feed, as a hub reads it: all findings at once, alike ones together, each with its mend.

Only wording lives here. The verdict itself is the judge's.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import Any

from hubs.contract.findings import CODES, Finding
from hubs.contract.verdict import Verdict

EXAMPLES = 3


def report_json(verdict: Verdict) -> dict[str, Any]:
    """Everything about the verdict that a program may want, in plain types."""
    return {
        "hub": verdict.hub,
        "contract": verdict.contract,
        "rules": verdict.rules,
        "outcome": "held" if verdict.is_held else "accepted",
        "held_by": list(verdict.held_by),
        "counts": verdict.counts(),
        "quarantined_by_code": verdict.quarantined_by_code(),
        "answers_quarantined_by_code": verdict.answers_quarantined_by_code(),
        "derived": verdict.derived(),
        "findings": [finding.to_dict() for finding in verdict.findings],
        "skipped": [{"file": s.file, "place": s.place, "reason": s.reason} for s in verdict.skips],
        "files": [file.__dict__ for file in verdict.files],
    }


def report_text(verdict: Verdict, name: str) -> str:
    """The report for people on the feed called ``name``: the outcome first, then each kind of finding once, with
    examples and what to do.
    """
    return "\n".join(_lines(verdict, name)) + "\n"


def _lines(verdict: Verdict, feed: str) -> Iterator[str]:
    counts = verdict.counts()
    yield f"{feed}: {'HELD' if verdict.is_held else 'accepted'}"
    for name in verdict.held_by:
        yield f"  {name}: {CODES[name].why}"
        yield f"  Mend: {CODES[name].mend}"
    yield (
        f"  {counts['accepted']:,} records accepted, {counts['quarantined']:,} quarantined; "
        f"{counts['answers_accepted']:,} answers accepted, {counts['answers_quarantined']:,} quarantined; "
        f"{counts['skipped']:,} skipped on purpose"
    )
    groups: dict[str, list[Finding]] = defaultdict(list)
    for finding in verdict.findings:
        if finding.code not in verdict.held_by or finding.file or finding.detail:
            groups[finding.code].append(finding)
    for name, findings in groups.items():
        code, total = CODES[name], sum(finding.count for finding in findings)
        yield ""
        yield f"{code.severity.value.upper()} {name} ({total:,} {'time' if total == 1 else 'times'})"
        yield f"  {code.why}"
        for finding in findings[:EXAMPLES]:
            yield f"  - {place(finding)}"
        if len(findings) > EXAMPLES:
            yield f"  - and {len(findings) - EXAMPLES:,} more"
        yield f"  Mend ({code.who.value}): {code.mend}"
    if derived := verdict.derived():
        yield ""
        yield "Worked out, because records or answers do not say it (correct the feed where this is wrong):"
        yield from (f"  - {what}: {number:,}" for what, number in derived.items())


def place(finding: Finding) -> str:
    """Where a finding is and what stands there, in one line."""
    parts = [finding.file or "the feed"]
    if finding.row is not None:
        others = finding.count - 1
        parts.append(f"row {finding.row}" + (f" and {others:,} more" if others else ""))
    if finding.record:
        parts.append(f"record {finding.record}")
    if finding.field:
        parts.append(f"{finding.field} = {finding.value!r}" if finding.value is not None else finding.field)
    elif finding.value is not None:
        parts.append(repr(finding.value))
    return ", ".join(parts) + (f" ({finding.detail})" if finding.detail else "")
