"""The gap analysis as text, as data for programs, and as a page to print: it needs no other file and runs no script.

Every word that comes from a return or a release passes through ``shown``, so that neither can steer a terminal or write
into the page.
"""

from __future__ import annotations

import os
import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import datetime
from functools import cache, partial
from pathlib import Path
from typing import Any
from urllib.parse import quote

from jinja2 import Template
from markupsafe import Markup

from hubs.check import shown
from hubs.check_html import page_template
from hubs.contract.vocabularies import vocabulary
from pipelines.gap.compare import Passed, Place
from pipelines.gap.plan import Analysis, Assessment, PlanEntry
from pipelines.gap.targets import HIGHEST_LEVEL
from pipelines.gap.words import Words, number
from pipelines.helps import MAX_HELPS, Help, heading, leads_to
from pipelines.publish.strings import day

MAX_TEXT = 2_000
"""Characters of a text from outside that are shown."""
_MARKER = re.compile(r"\[([a-z]+)\]")
_MARKERS = ("c", "x", "u", "low", "r", "p", "b")

_safe = partial(shown, limit=MAX_TEXT)


# What the forms share.


def labels(assessment: Assessment, words: Words) -> dict[str, str]:
    """The name of each dimension."""
    return {name: _safe(words.of(told["label"])) for name, told in assessment.instrument.dimensions.items()}


def groups(assessment: Assessment, words: Words) -> list[tuple[str, list[str], list[str]]]:
    """Each group of peers, the dimensions it is for, and why no narrower one is."""
    found: dict[tuple[str, tuple[str, ...]], list[str]] = defaultdict(list)
    for place in assessment.places:
        group = words.group(place.peers) if place.peers else words("no_peers")
        found[group, _why(place.passed, words)].append(labels(assessment, words)[place.dimension])
    return [(group, dimensions, list(why)) for (group, why), dimensions in found.items()]


def _why(passed: Sequence[Passed], words: Words) -> tuple[str, ...]:
    if not passed:
        return (words("narrowest"),)
    return tuple(_why_not(one, words) for one in passed)


def _why_not(passed: Passed, words: Words) -> str:
    group = words(f"breakdown_{passed.breakdown}")
    if passed.lacking:
        attributes = ", ".join(words(f"breakdown_{name}") for name in passed.lacking)
        return words("passed_lacking", group=group[:1].upper() + group[1:], attributes=attributes)
    if passed.rolled_up_to:
        parent = words(f"breakdown_{passed.rolled_up_to}")
        return words("passed_rolled", group=group, status=_safe(passed.status), parent=parent)
    return words("passed", group=group, status=_safe(passed.status))


def notes(assessment: Assessment, words: Words) -> list[str]:
    """What the release does not tell, and what its markers mean."""
    cells = [place.peers for place in assessment.places if place.peers]
    lacking = [
        words(f"older_{what}")
        for what, column in (("quartiles", "q1"), ("shares", "share_ge_1"))
        if any(column not in cell.columns for cell in cells)
    ]
    told = [words("older", what=f" {words('and')} ".join(lacking))] if lacking else []
    if any(step.place.peers and step.place.share_at_next is None for step in assessment.steps):
        told.append(words("no_shares"))
    statuses = [c.status for c in cells] + [p.status for place in assessment.places for p in place.passed]
    met = {marker for status in statuses for marker in _MARKER.findall(status)}
    return told + [words(f"marker_{marker}") for marker in _MARKERS if marker in met]


def period_note(assessment: Assessment, own: str, words: Words) -> str:
    """Of when the peers are."""
    if assessment.period is None:
        return words("no_period")
    key = "compared_period" if assessment.period == own else "other_period"
    return words(key, own=own, period=_safe(assessment.period))


def next_level(assessment: Assessment, place: Place, words: Words) -> str:
    """What the next level is, in the instrument's words."""
    told = assessment.instrument.levels[place.next or HIGHEST_LEVEL]
    return words("next_level", next=place.next, label=words.of(told["label"]), about=words.of(told["about"]))


def address(help: Help, language: str) -> str:
    """Where the record's page is, from the root of the release."""
    slug = help.record.get("slug")
    return f"{language}/records/{slug}.html" if slug else str(help.record["address"])


# As data.


def gap_json(analysis: Analysis) -> dict[str, Any]:
    """Everything, in plain types. Texts are in the language of the analysis."""
    words = Words(analysis.language)
    return {
        "release": analysis.release.id,
        "published": analysis.release.published,
        "language": analysis.language,
        "period": analysis.own.period,
        "before": analysis.before.period if analysis.before else None,
        "organisation": dict(analysis.own.described),
        "other_periods": list(analysis.own.other_periods),
        "order": words("plan_rule"),
        "help": words("help_rule"),
        "assessments": [_assessment_json(found, words) for found in analysis.assessments],
    }


def _assessment_json(assessment: Assessment, words: Words) -> dict[str, Any]:
    names = labels(assessment, words)
    return {
        "instrument": assessment.instrument.name,
        "audience": assessment.audience,
        "respondents": assessment.respondents,
        "compared_with": assessment.period,
        "dimensions": [_place_json(place, names[place.dimension]) for place in assessment.places],
        "plan": [_step_json(rank, step, assessment, words) for rank, step in enumerate(assessment.steps, start=1)],
        "notes": notes(assessment, words),
    }


def _place_json(place: Place, label: str) -> dict[str, Any]:
    peers = place.peers
    return {
        "dimension": place.dimension,
        "label": label,
        "level": place.level,
        "target": place.target,
        "distance": place.distance,
        "before": place.before,
        "change": place.change,
        "next_step": place.next,
        "peers": peers
        and {
            "breakdown": peers.breakdown,
            **peers.terms,
            "n": peers.n,
            "median": peers.median,
            "q1": peers.q1,
            "q3": peers.q3,
            "status": peers.status,
        },
        "passed": [
            {
                "breakdown": one.breakdown,
                "status": one.status,
                "rolled_up_to": one.rolled_up_to,
                "lacking": list(one.lacking),
            }
            for one in place.passed
        ],
        "quartile_band": place.band,
        "against_median": place.against_median,
        "share_at_or_above": place.share_at_or_above,
        "share_at_next_step": place.share_at_next,
    }


def _step_json(rank: int, step: PlanEntry, assessment: Assessment, words: Words) -> dict[str, Any]:
    return {
        "rank": rank,
        "dimension": step.place.dimension,
        "level": step.place.level,
        "next_step": step.place.next,
        "target": step.place.target,
        "next_level": next_level(assessment, step.place, words),
        "questions": [
            {
                "id": question.id,
                "text": words.of(question.text),
                "level": level,
                "next_level": words.of(question.levels[level + 1]),
            }
            for question, level in step.questions
        ],
        "helps": {
            kind: [
                {
                    "id": help.record["id"],
                    "heading": heading(help.record),
                    "language": help.record["language"],
                    "address": address(help, words.language),
                    "leads_to": leads_to(help.record),
                    "words": list(help.words),
                    "technology_types": list(help.technology_types),
                }
                for help in found
            ]
            for kind, found in step.helps.items()
        },
    }


# As text.


def gap_text(analysis: Analysis) -> str:
    """The analysis for people at a terminal."""
    words = Words(analysis.language)
    lines = [words("title"), *head(analysis, words), words("private")]
    for assessment in analysis.assessments:
        lines += ["", *_assessment_text(assessment, analysis, words)]
    return "\n".join(lines) + "\n"


def head(analysis: Analysis, words: Words) -> Iterator[str]:
    """What was held against what."""
    own, release = analysis.own, analysis.release
    when = day(datetime.fromisoformat(release.published), words.language)
    yield words("head", period=own.period, release=_safe(release.id), day=when)
    yield words("you_are", terms=words.terms(dict(own.described)) or words("nothing_known"))
    if analysis.before:
        yield words("before_head", period=analysis.before.period)
    elif own.other_periods:
        yield words("other_periods", periods=", ".join(own.other_periods))
    if "sector" not in own.described:
        yield words("help_any_sector")


def audience_of(assessment: Assessment, words: Words) -> str:
    """Who answered what."""
    audience = vocabulary("audiences")[assessment.audience].label(words.language)
    return f"{audience}: {_safe(words.of(assessment.instrument.title))}"


def _assessment_text(assessment: Assessment, analysis: Analysis, words: Words) -> Iterator[str]:
    yield audience_of(assessment, words)
    people = words("answered_by", count=assessment.respondents)
    yield f"{people} {period_note(assessment, analysis.own.period, words)}"
    yield ""
    yield from _aligned(_table(assessment, words, analysis.before is not None))
    yield ""
    yield f"{words('who')}: {words('who_about')}"
    for group, dimensions, why in groups(assessment, words):
        yield f"  - {group}, {words('for_dimensions', dimensions=', '.join(dimensions))}. {' '.join(why)}"
    yield from (f"  {note}" for note in notes(assessment, words))
    yield ""
    yield f"{words('plan')}. {words('plan_rule') if assessment.steps else words('plan_none')}"
    names = labels(assessment, words)
    for rank, step in enumerate(assessment.steps, start=1):
        yield ""
        yield from _step_text(rank, step, assessment, words, names[step.place.dimension])
    if any(step.helps for step in assessment.steps):
        yield ""
        yield f"{words('help_rule')} {words('addresses')}"


def _table(assessment: Assessment, words: Words, has_before: bool) -> list[list[str]]:
    names = labels(assessment, words)
    keys = ["dimension", "level", *(["before"] if has_before else []), "target", "median", "n"]
    rows = [[words(key) for key in (*keys, "at_or_above", "at_next", "band")]]
    for place in assessment.places:
        peers = place.peers
        before = [number(place.before)] if has_before else []
        figures = [number(place.level), *before, number(place.target), number(peers.median if peers else None)]
        rest = [words.at_or_above(place), words.at_next(place), words.band(place)]
        if place.level is None:
            rest = ["–", "–", words("no_level")]
        n = f"{number(peers.n)} {_safe(peers.status)}".rstrip() if peers else "–"
        rows.append([names[place.dimension], *figures, n, *rest])
    return rows


def _aligned(rows: list[list[str]]) -> Iterator[str]:
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    for row in rows:
        yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()


def _step_text(rank: int, step: PlanEntry, assessment: Assessment, words: Words, label: str) -> Iterator[str]:
    yield f"{rank}. {step_title(step, label, words)}"
    if peers := step_peers(step, words):
        yield f"   {peers}"
    yield f"   {next_level(assessment, step.place, words)}"
    if step.questions:
        yield f"   {words('lowest')}:"
    for question, level in step.questions:
        yield f"   - {_safe(words.of(question.text))}"
        yield f"     {question_next(question.levels, level, words)}"
    if not step.helps:
        yield f"   {words('no_helps')}"
    for kind, found in step.helps.items():
        yield f"   {words(kind)}:"
        for help in found[:MAX_HELPS]:
            yield f"   - {heading(help.record)}"
            yield f"     {_safe(address(help, words.language))}"
            if outside := leads_to(help.record):
                yield f"     {_safe(outside)}"


def step_title(step: PlanEntry, label: str, words: Words) -> str:
    """What is to be gained in one dimension."""
    return words("step", dimension=label, level=step.place.level, target=step.place.target)


def step_peers(step: PlanEntry, words: Words) -> str | None:
    """How many peers are at the next step; None where that is not told."""
    place = step.place
    if place.peers is None or place.share_at_next is None:
        return None
    share = words.share(place.share_at_next)
    return words("step_peers", share=share, group=words.group(place.peers), next=place.next)


def question_next(levels: dict[int, dict[str, str]], level: int, words: Words) -> str:
    """Where a question stands, and what its next level is."""
    return words("question_next", level=level, next=level + 1, text=_safe(words.of(levels[level + 1])))


# As a page.


def gap_html(analysis: Analysis, output: Path | None = None) -> str:
    """The page. Where it is written to ``output`` beside a release in a folder, it leads to the records there."""
    words = Words(analysis.language)
    folder = analysis.release.folder

    def link(help: Help) -> str | None:
        if folder is None or output is None:
            return None
        target = os.path.realpath(folder / address(help, words.language))
        return quote(os.path.relpath(target, Path(os.path.realpath(output)).parent))

    return _template().render(
        t=words,
        number=number,
        analysis=analysis,
        head=list(head(analysis, words)),
        levels=range(HIGHEST_LEVEL + 1),
        link=link,
        address=partial(address, language=words.language),
        outside=leads_to,
        heading=heading,
        tell=_Tell(words),
    )


class _Tell:
    """What the page asks for, in one language."""

    def __init__(self, words: Words) -> None:
        self.audience = partial(audience_of, words=words)
        self.labels = partial(labels, words=words)
        self.groups = partial(groups, words=words)
        self.notes = partial(notes, words=words)
        self.period = partial(period_note, words=words)
        self.next_level = partial(next_level, words=words)
        self.step_title = partial(step_title, words=words)
        self.step_peers = partial(step_peers, words=words)
        self.question_next = partial(question_next, words=words)


@cache
def _template() -> Template:
    return page_template(Path(__file__).with_name("gap.html"), _harmless)


def _harmless(value: Any) -> Any:
    return _safe(value) if isinstance(value, str) and not isinstance(value, Markup) else value
