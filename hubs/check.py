"""The report on a feed, as a hub reads it: all findings at once, alike ones together, each with its mend.

Only wording lives here: as text and as data for programs; the page to send on is ``check_html``. The verdict itself is
the judge's. Whatever a feed says is shown with every character that nobody sees written out (``shown``), so that it can
neither steer a terminal nor turn a line around.
"""

from __future__ import annotations

import json
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any

from hubs.contract.findings import CODES, Code, Finding, Severity
from hubs.contract.kinds import kinds
from hubs.contract.records import MANIFEST, Record
from hubs.contract.verdict import FileAccount, Verdict

EXAMPLES = 3
"""Places that stand for all that are alike, and different cases that stand for all of one code."""
MAX_LINES = 20
"""Of what became of the files, for each kind of record."""
MAX_SHOWN_CHARACTERS = 120
"""Of an id, a heading or a value."""
MAX_PATH_CHARACTERS = 300

WITHDRAWAL = "withdrawal"
"""The kind of the notices that take records back."""

_BEYOND_ASCII = re.compile("[\x7f-\U0010ffff]")


def shown(text: str, limit: int = MAX_SHOWN_CHARACTERS) -> str:
    """``text`` on one line of at most about ``limit`` characters, what nobody sees of it written as an escape."""
    text = text if len(text) <= limit else f"{text[: limit - 1]}…"
    return text if text.isprintable() else "".join(c if c.isprintable() else _escape(c) for c in text)


def _escape(character: str) -> str:
    return character.encode("unicode_escape").decode()


# As data.


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
        "files": [story.to_dict() for story in stories(verdict)],
        "records": [_record(record) for record in verdict.records],
        "quarantined": [
            {"id": q.record, "kind": q.kind, "file": q.file, "place": q.place, "codes": list(q.codes)}
            for q in verdict.quarantine
        ],
        "withdrawn": [{"kind": WITHDRAWAL} | notice.to_dict() for notice in verdict.withdrawals],
        "tables": [
            {
                "kind": table.kind,
                "file": table.file,
                "place": table.place,
                "accepted": table.accepted_rows,
                "quarantined": table.quarantined_rows,
                "derived": table.derived,
            }
            for table in verdict.tables
        ],
    }


def refusal_json(code: str, detail: str) -> dict[str, Any]:
    """The same for a feed that could not be had: there is no verdict on it, only the reason."""
    return {"outcome": "refused", "held_by": [code], "findings": [Finding(code, detail=detail).to_dict()]}


def json_text(report: dict[str, Any]) -> str:
    """``report`` as JSON that may be printed anywhere: a character that nobody sees stands as its escape."""
    text = json.dumps(report, indent=1, ensure_ascii=False)
    return _BEYOND_ASCII.sub(lambda found: found[0] if found[0].isprintable() else json.dumps(found[0])[1:-1], text)


def _record(record: Record) -> dict[str, Any]:
    return {
        "id": record.document.id,
        "kind": record.kind,
        "heading": record.document.heading,
        "content": record.content,
        "file": record.file,
        "place": record.place,
        "derived": record.derived,
    }


# What became of each file, and which findings are alike.


@dataclass(frozen=True)
class Story:
    """What one file of the feed became. ``kinds`` gives accepted and quarantined records or rows of each kind,
    ``left_out`` the places and reasons of what was skipped on purpose, ``codes`` the findings by code.
    """

    account: FileAccount
    kinds: dict[str, tuple[int, int]]
    left_out: list[tuple[str, str]]
    codes: dict[str, int]

    @property
    def is_unread(self) -> bool:
        """Whether nothing came of it, and nobody said that nothing should."""
        return not self.kinds and not self.left_out

    def to_dict(self) -> dict[str, Any]:
        """Plain types."""
        return self.account.__dict__ | {
            "kinds": {kind: {"accepted": a, "quarantined": q} for kind, (a, q) in self.kinds.items()},
            "left_out": [{"place": place, "reason": reason} for place, reason in self.left_out],
            "codes": self.codes,
        }


def stories(verdict: Verdict) -> list[Story]:
    """What became of each file of the feed, in order of path."""
    became: dict[str, Counter[tuple[str, bool]]] = defaultdict(Counter)
    for record in verdict.records:
        became[record.file][record.kind, True] += 1
    for entry in verdict.quarantine:
        became[entry.file][entry.kind, False] += 1
    for withdrawal in verdict.withdrawals:
        became[withdrawal.file][WITHDRAWAL, True] += 1
    for table in verdict.tables:
        became[table.file][table.kind, True] += table.accepted_rows
        became[table.file][table.kind, False] += table.quarantined_rows
    left_out: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for skip in verdict.skips:
        left_out[skip.file].append((skip.place, skip.reason))
    codes: dict[str, Counter[str]] = defaultdict(Counter)
    for finding in verdict.findings:
        codes[finding.file or ""][finding.code] += 1
    return [
        Story(
            account,
            {kind: (became[account.file][kind, True], became[account.file][kind, False]) for kind in found},
            left_out[account.file],
            dict(codes[account.file]),
        )
        for account in verdict.files
        for found in [sorted({kind for kind, _ in became[account.file]})]
    ]


@dataclass(frozen=True)
class Group:
    """All findings of one code. ``alike`` are those that say the same of different places, most frequent first."""

    name: str
    alike: list[list[Finding]]

    @property
    def code(self) -> Code:
        """What the code means."""
        return CODES[self.name]

    @property
    def total(self) -> int:
        """How many records or rows it is about."""
        return sum(finding.count for finding in self.findings)

    @property
    def findings(self) -> list[Finding]:
        """All of them."""
        return [finding for findings in self.alike for finding in findings]


def groups(verdict: Verdict) -> list[Group]:
    """The verdict's findings by code."""
    return grouped(verdict.findings)


def grouped(findings: Iterable[Finding]) -> list[Group]:
    """Findings by code, in the order in which to mend them: what stops the feed, errors, the commonest first."""
    by_code: dict[str, dict[tuple[str | None, ...], list[Finding]]] = defaultdict(lambda: defaultdict(list))
    for finding in findings:
        by_code[finding.code][finding.field, finding.value, finding.detail].append(finding)
    found = [
        Group(name, sorted(alike.values(), key=lambda findings: -sum(f.count for f in findings)))
        for name, alike in by_code.items()
    ]
    return sorted(found, key=lambda g: (g.code.severity.rank, g.code.scope != "feed", -g.total))


# As text.


def report_text(verdict: Verdict, name: str, with_files: bool = False) -> str:
    """The report for people on the feed called ``name``: the outcome first, then each kind of finding once, with
    examples and what to do. What each file became is told if there is anything to mend, or ``with_files`` asks for it.
    """
    lines = [*_outcome(verdict, name)]
    for group in groups(verdict):
        is_said = group.name in verdict.held_by and not any(f.file or f.detail for f in group.findings)
        lines += [] if is_said else ["", *of_group(group)]
    if derived := verdict.derived():
        lines += ["", "Worked out, because records or answers do not say it (correct the feed where this is wrong):"]
        lines += [f"  - {what}: {number:,}" for what, number in derived.items()]
    if with_files or any(finding.severity is not Severity.NOTE for finding in verdict.findings):
        lines += _of_files(verdict)
    return "\n".join(lines) + "\n"


def _outcome(verdict: Verdict, feed: str) -> Iterator[str]:
    counts = verdict.counts()
    yield f"{shown(feed, MAX_PATH_CHARACTERS)}: {'HELD' if verdict.is_held else 'accepted'}"
    for name in verdict.held_by:
        yield f"  {name}: {CODES[name].why}"
        yield f"  Mend: {CODES[name].mend}"
    withdrawals = f"; {_number(counts['withdrawals'], 'withdrawal')}" if counts["withdrawals"] else ""
    yield f"  {accepted_and_quarantined(counts)}; {counts['skipped']:,} skipped on purpose{withdrawals}"


def accepted_and_quarantined(counts: Mapping[str, int]) -> str:
    """``Verdict.counts`` in words, as far as they tell what was good and what was not."""
    return (
        f"{_number(counts['accepted'], 'record')} accepted, {counts['quarantined']:,} quarantined; "
        f"{_number(counts['answers_accepted'], 'answer')} accepted, {counts['answers_quarantined']:,} quarantined"
    )


def _number(n: int, what: str) -> str:
    return f"{n:,} {what}{'' if n == 1 else 's'}"


def of_group(group: Group) -> Iterator[str]:
    """All there is to say about the findings of one code: what, why, where, and how to mend it."""
    code = group.code
    yield f"{code.severity.value.upper()} {group.name} ({_times(group.total)})"
    yield f"  {code.why}"
    yield from (f"  - {line}" for line in examples(group))
    yield f"  Mend ({code.who.value}): {code.mend}"


def examples(group: Group) -> Iterator[str]:
    """Where a group's findings are, in a few lines."""
    for findings in group.alike[:EXAMPLES]:
        yield place(findings[0]) if len(findings) == 1 else _places(findings)
    if rest := group.alike[EXAMPLES:]:
        yield f"and {sum(len(findings) for findings in rest):,} more"


def _times(number: int) -> str:
    return f"{number:,} {'time' if number == 1 else 'times'}"


def _places(findings: list[Finding]) -> str:
    """One line for all that are alike: what they say, how often, and the first places."""
    first, total = findings[0], sum(finding.count for finding in findings)
    head = f"{what}, {_times(total)}" if (what := _what(first)) else _times(total)
    where = "; ".join(_where(finding) for finding in findings[:EXAMPLES])
    more = f"; and {len(findings) - EXAMPLES:,} more" if len(findings) > EXAMPLES else ""
    return f"{head}{_detail(first)}: {where}{more}"


def place(finding: Finding) -> str:
    """Where a finding is and what stands there, in one line."""
    return ", ".join(filter(None, [_where(finding), _what(finding)])) + _detail(finding)


def _where(finding: Finding) -> str:
    parts = [shown(finding.file, MAX_PATH_CHARACTERS) if finding.file else "the feed"]
    if finding.row is not None:
        others = finding.count - 1
        parts.append(f"row {finding.row}" + (f" and {others:,} more" if others else ""))
    if finding.record:
        parts.append(f"record {shown(finding.record)}")
    return ", ".join(parts)


def _what(finding: Finding) -> str:
    value = "" if finding.value is None else repr(finding.value)
    if finding.field:
        return f"{shown(finding.field)} = {value}" if value else shown(finding.field)
    return value


def _detail(finding: Finding) -> str:
    return f" ({shown(finding.detail, MAX_PATH_CHARACTERS)})" if finding.detail else ""


def _of_files(verdict: Verdict) -> Iterator[str]:
    """What each file became, a part for each kind of record and each way of not becoming one."""
    told = stories(verdict)
    accepted: dict[str, list[str]] = defaultdict(list)
    for record in verdict.records:
        accepted[record.kind].append(_of_record(record))
    for notice in verdict.withdrawals:
        where = located(notice.file, notice.place)
        accepted[WITHDRAWAL].append(f"{shown(notice.id)}: {shown(notice.reason)} ({where})")
    for table in verdict.tables:
        counts = f"{table.accepted_rows:,} accepted, {table.quarantined_rows:,} quarantined"
        accepted[table.kind].append(f"{located(table.file, table.place)}: {counts}{_worked_out(table.derived)}")
    parts = [(kinds()[kind].plural_en, lines) for kind, lines in sorted(accepted.items())]
    quarantined = [
        f"{located(q.file, q.place)}{f', record {shown(q.record)}' if q.record else ''}: {', '.join(q.codes)}"
        for q in verdict.quarantine
    ]
    left_out = [
        f"{located(story.account.file, place)}: {shown(reason, MAX_PATH_CHARACTERS)}"
        for story in told
        for place, reason in story.left_out
        if story.account.file != MANIFEST
    ]
    unread = [f"{located(story.account.file)}: {', '.join(story.codes)}" for story in told if story.is_unread]
    parts += [("Quarantined", quarantined), ("Left out on purpose", left_out), ("Nothing came of", unread)]
    yield ""
    yield "What each file became:"
    for heading, lines in parts:
        if lines:
            yield f"  {heading} ({len(lines):,})"
            yield from (f"    {line}" for line in _bounded(lines))


def _of_record(record: Record) -> str:
    heading = shown(record.document.heading)
    return f"{record.document.id}: {heading} ({located(record.file, record.place)}){_worked_out(record.derived)}"


def _bounded(lines: list[str]) -> Iterable[str]:
    yield from islice(lines, MAX_LINES)
    if len(lines) > MAX_LINES:
        yield f"and {len(lines) - MAX_LINES:,} more; --format json has all"


def located(file: str, place: str = "") -> str:
    """A file, and a place in it, in one line."""
    return ", ".join([shown(file, MAX_PATH_CHARACTERS), *([shown(place)] if place else [])])


def by_origin(derived: dict[str, str]) -> list[str]:
    """What was worked out rather than stated, a text for each way of working it out."""
    by_how: dict[str, list[str]] = defaultdict(list)
    for field, how in derived.items():
        by_how[how].append(field)
    return [f"{', '.join(fields)} from {how}" for how, fields in by_how.items()]


def _worked_out(derived: dict[str, str]) -> str:
    return f"; worked out: {'; '.join(by_origin(derived))}" if derived else ""
