"""Alerts in words: for the operator, who gets everything in English; and for a hub's contact, who gets what is the
hub's to mend, in English and, where the hub's registration has Welsh, in Welsh.

Ids, codes, counts and dates, and the hub's name as its registration has it. No word of a feed.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from babel.dates import format_date

from hubs.contract.findings import CODES
from hubs.registration import Registration
from pipelines.alerts.codes import ALERTS
from pipelines.alerts.conditions import Condition, mend
from pipelines.alerts.deciding import Known, News
from pipelines.alerts.settings import Settings
from pipelines.wording import Wording, wording

SCHEMA = "https://hubpacks.example/schemas/alerts/1"
"""Names the form of the documents that the webhook gets. Fields may come to be; none changes its meaning or goes."""
WIDTH = 78
MOST_NAMED = 30
"""Of what is wrong in the same way."""
MOST_IN_SUBJECT = 3
MOST_IN_DOCUMENT = 500
LOCALES = {"en": "en_GB", "cy": "cy"}

_FACTS = {
    "lost": ("records_lost", "records_before"),
    "rekeyed": ("records_rekeyed", "records_before"),
    "failed": ("failed_pulls",),
    "quarantined": ("records_quarantined",),
}
"""What a hub is told of numbers: the text, and the facts that it needs."""


def texts() -> Wording:
    """What is said to hubs, in both languages."""
    return wording(Path(__file__).parent / "locale", "alerts")


# The operator.


def subject(news: News) -> str:
    """The subject of a message to the operator."""
    parts = []
    if news.new:
        parts.append(f"{len(news.new):,} new ({_codes(news.new)})")
    if news.over:
        parts.append(f"{len(news.over):,} over")
    if news.is_list:
        parts.append(f"{len(news.lasts):,} still so")
    return f"hubpacks: {', '.join(parts)}"


def body(news: News, site: str, now: datetime, settings: Settings) -> str:
    """The text of a message to the operator."""
    lines = [f"hubpacks at {site}, {now.astimezone(UTC):%-d %B %Y, %H:%M} UTC"]
    if news.new:
        lines += ["", "NEW", *told(news.new)]
    if news.over:
        lines += ["", "OVER", *_told_over(news.over)]
    if news.lasts and news.is_list:
        lines += ["", "STILL SO", *told(news.lasts)]
    elif news.lasts:
        lines += ["", *_wrapped(f"{len(news.lasts):,} more last, of which you know: {_codes(news.lasts)}.")]
    lines += ["", *_wrapped("hubpacks alerts lists all that is wrong now. What each code means stands in")]
    lines += ["docs/operators.md, under Alerts.", *_wrapped(rhythm(settings))]
    return "\n".join(lines) + "\n"


def rhythm(settings: Settings) -> str:
    """When the next message comes."""
    pause, days = settings.pause_minutes, settings.digest_days
    told = f"What is new comes at once, the second time on a day after {pause} minutes at least, and then more rarely."
    return f"{told} What lasts comes again every {days} days." if days else told


def told(conditions: Iterable[Condition]) -> Iterator[str]:
    """Conditions in words, line by line. What is wrong in the same way, with the same to do, is told once."""
    groups: dict[tuple[str, tuple[str, ...]], list[Condition]] = {}
    for condition in conditions:
        groups.setdefault((condition.code, condition.findings), []).append(condition)
    for (code, findings), group in groups.items():
        yield ""
        yield f"{ALERTS[code].title} ({', '.join([code, *findings])})"
        yield from _wrapped(group[0].why, "  ")
        for condition in sorted(group, key=lambda one: one.since)[:MOST_NAMED]:
            yield from _wrapped(_named(condition), "  - ", "    ")
        if len(group) > MOST_NAMED:
            yield f"  - and {len(group) - MOST_NAMED:,} more: hubpacks alerts --json lists all"
        yield from _wrapped(f"What to do: {_mend(group)}", "  ")


def _mend(group: Sequence[Condition]) -> str:
    return group[0].mend if len(group) == 1 else mend(group[0].code, group[0].findings)


def _named(condition: Condition) -> str:
    facts = ", ".join(f"{name.replace('_', ' ')} {_shown(value)}" for name, value in condition.facts.items())
    since = f"since {condition.since.astimezone(UTC):%-d %B %Y}"
    return ", ".join(filter(None, [condition.subject, since])) + (f": {facts}" if facts else "")


def _shown(value: str | int) -> str:
    if isinstance(value, int):
        return f"{value:,}"
    try:
        return f"{datetime.fromisoformat(value):%-d %B %Y}"
    except ValueError:
        return value


def _told_over(over: Sequence[Known]) -> Iterator[str]:
    for known in over[:MOST_NAMED]:
        title = ALERTS[known.code].title if known.code in ALERTS else known.code
        what = ", ".join(filter(None, [f"{title} ({known.code})", known.subject]))
        yield from _wrapped(f"{what}, which began on {known.since.astimezone(UTC):%-d %B %Y}", "  - ", "    ")
    if len(over) > MOST_NAMED:
        yield f"  - and {len(over) - MOST_NAMED:,} more"


def _codes(conditions: Sequence[Condition]) -> str:
    """Such as 'feed_held justice, hub_stale for 12 hubs'."""
    by_code: dict[str, list[str]] = {}
    for condition in conditions:
        by_code.setdefault(condition.code, []).append(condition.subject)
    told = [
        f"{code} {names[0]}".rstrip() if len(names) == 1 else f"{code} × {len(names):,}"
        for code, names in by_code.items()
    ]
    shown = ", ".join(told[:MOST_IN_SUBJECT])
    return shown + (f" and {len(told) - MOST_IN_SUBJECT} more" if len(told) > MOST_IN_SUBJECT else "")


def document(news: News, site: str, now: datetime, text: str) -> dict[str, Any]:
    """The message for programs. ``text`` is its subject in words, for chat programs that show that field."""
    return {
        "schema": SCHEMA,
        "type": "alerts",
        "at": now.astimezone(UTC).isoformat(timespec="seconds"),
        "site": site,
        "text": text,
        "counts": {"new": len(news.new), "over": len(news.over), "lasts": len(news.lasts)},
        "new": [condition.to_dict() for condition in news.new[:MOST_IN_DOCUMENT]],
        "over": [_over_to_dict(known) for known in news.over[:MOST_IN_DOCUMENT]],
        "lasts": [condition.to_dict() for condition in news.lasts[:MOST_IN_DOCUMENT]] if news.is_list else [],
    }


def _over_to_dict(known: Known) -> dict[str, Any]:
    since = known.since.astimezone(UTC).isoformat(timespec="seconds")
    return {"code": known.code, "subject": known.subject, "hub": known.hub, "since": since}


# A hub's contact.


def languages_of(registration: Registration) -> list[str]:
    """In which languages a hub is written to, its own first."""
    if registration.language == "cy":
        return ["cy", "en"]
    return ["en", "cy"] if registration.name.cy else ["en"]


def letter(news: News, registration: Registration) -> tuple[str, str]:
    """The subject and the text of a message to a hub's contact."""
    languages, words = languages_of(registration), texts()
    first = (news.new or news.lasts)[:1]
    key = f"letter.subject.{first[0].code if first else 'over'}"
    subjects = [words.text(key, language) for language in languages]
    # The program's name once, before both.
    head = f"{subjects[0]} / {subjects[1].partition(': ')[2]}" if len(subjects) > 1 else subjects[0]
    parts = ["\n".join(_letter(news, registration, language, words)) for language in languages]
    return head, f"\n\n{'-' * WIDTH}\n\n".join(parts) + "\n"


def _letter(news: News, registration: Registration, language: str, words: Wording) -> Iterator[str]:
    name = " ".join(registration.name.label(language).split())
    yield from _wrapped(words.text("letter.greeting", language, name=name))
    for heading, conditions in (("letter.new", news.new), ("letter.lasts", news.lasts)):
        for condition in conditions:
            yield ""
            yield f"{words.text(heading, language)}: {words.text(f'alert.{condition.code}.title', language)}"
            yield from _wrapped(" ".join(_about(condition, language, words)), "  ")
            mend = words.text("letter.mend", language, mend=_mend_of_hub(condition, language, words))
            yield from _wrapped(mend, "  ")
    for known in news.over:
        title = words.text(f"alert.{known.code}.title", language)
        told = words.text("letter.over_since", language, title=title, date=_date(known.since, language))
        yield ""
        yield from _wrapped(f"{words.text('letter.over', language)}: {told}", "", "  ")
    yield ""
    if any(condition.findings for condition in (*news.new, *news.lasts)):
        yield from _wrapped(words.text("letter.report", language))
    if news.new or news.lasts:
        yield from _wrapped(words.text("letter.end", language))


def _about(condition: Condition, language: str, words: Wording) -> Iterator[str]:
    yield words.text("letter.since", language, date=_date(condition.since, language))
    for code in condition.findings:
        yield _of_finding(code, "why", language, words)
    for text, needed in _FACTS.items():
        numbers = {name.rpartition("_")[2]: condition.facts[name] for name in needed if condition.facts.get(name)}
        if "failed_pulls" in needed and numbers:
            numbers = {"failed": numbers["pulls"]}
        if len(numbers) == len(needed):
            yield words.text(f"facts.{text}", language, **numbers)
    until = condition.facts.get("carried_until")
    values = {"date": _date(datetime.fromisoformat(str(until)), language)} if until else {}
    yield words.text(f"alert.{condition.code}.means", language, **values)


def _mend_of_hub(condition: Condition, language: str, words: Wording) -> str:
    if condition.findings:
        return _of_finding(condition.findings[0], "mend", language, words)
    return words.text(f"alert.{condition.code}.mend", language)


def _of_finding(code: str, what: str, language: str, words: Wording) -> str:
    key = f"finding.{code}.{what}"
    if key in words.texts:
        return words.text(key, language)
    return CODES[code].why if what == "why" else CODES[code].mend


def _date(moment: datetime, language: str) -> str:
    return format_date(moment, format="long", locale=LOCALES[language])


def _wrapped(text: str, first: str = "", later: str | None = None) -> list[str]:
    indent = first if later is None else later
    return textwrap.wrap(
        text, WIDTH, initial_indent=first, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False
    )


def test_message(site: str, now: datetime) -> tuple[str, str, Mapping[str, Any]]:
    """The subject, text and document of the message that proves the settings."""
    head = "hubpacks: a test of the settings"
    text = f"hubpacks at {site} can send you alerts. This is a test, and nothing is wrong.\n"
    at = now.astimezone(UTC).isoformat(timespec="seconds")
    return head, text, {"schema": SCHEMA, "type": "test", "at": at, "site": site, "text": head}
