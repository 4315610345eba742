"""What has changed between two releases, line by line for a terminal. What that is, is for ``changes``; the site says
it in its own templates.

Headings and texts are what hubs wrote: no control character of theirs reaches the terminal.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from hubs.check import shown
from hubs.contract.groups import WAVE
from pipelines.publish.changes import GROUP

MOST = 20
"""Of each kind of change so many are listed."""

WHY = {
    "withdrawn": "withdrawn",
    "left": "its hub does not take part any more",
    "retired": "its hub has left",
    "held": "its hub's feed is held, and no earlier one is in use",
    "missing": "its hub has no feed that can be used",
    "not_in_feed": "not among the accepted records of its hub's feed any more",
}
_FIGURES = {"n": "organisations", "median": "median", "share_ge_3": "share at level 3 or above"}

Change = Mapping[str, Any]


def changes_in_words(changes: Change) -> Iterator[str]:
    """What ``changes.compare`` found, line by line: the older release, numbers, then each kind of change."""
    yield f"From release {changes['previous']} to {changes['release']}"
    counts = {name.replace("_", " "): number for name, number in changes["counts"].items() if number}
    if not counts:
        yield "Nothing has changed."
        return
    yield ", ".join(f"{name}: {number:,}" for name, number in counts.items())
    records, benchmarks = changes["records"], changes["benchmarks"]
    yield from _listed("Records added", records["added"], _added)
    yield from _listed("Records changed", records["changed"], _changed)
    yield from _listed("Records merged", records["merged"], _merged)
    yield from _listed("Records gone", records["gone"], _gone)
    yield from _listed("Hubs", changes["hubs"], _hub)
    yield from _listed("Benchmarks of new periods", benchmarks["added"], lambda entry: [_wave(entry)])
    yield from _listed("Benchmarks of periods not told any more", benchmarks["gone"], _wave_gone)
    yield from _listed("Corrections of benchmarks", benchmarks["corrections"], _told_otherwise)
    yield from _listed("Revisions of benchmarks", benchmarks["revisions"], _told_otherwise)
    yield from _listed("Groups told in addition, or not any more", benchmarks["groups"], _told_otherwise)
    yield from _listed(f"Files, columns and codes ({changes['class']})", changes["schema"], _schema)


def _listed(title: str, found: Sequence[Change], words: Callable[[Change], Iterable[str]]) -> Iterator[str]:
    if found:
        yield ""
        yield f"{title}: {len(found):,}"
    for change in found[:MOST]:
        first, *more = words(change)
        yield f"  - {first}"
        yield from (f"      {line}" for line in more)
    if len(found) > MOST:
        yield f"  - and {len(found) - MOST:,} more; --json has all"


def _value(value: Any) -> str:
    if value is None or value == []:
        return "nothing"
    return shown(", ".join(map(str, value)) if isinstance(value, list) else str(value))


def _added(change: Change) -> Iterator[str]:
    apart = f", until now a part of {shown(change['apart_from'])}" if change["apart_from"] else ""
    yield f"{shown(change['id'])}: {_value(change['heading'])}{apart}"


def _changed(change: Change) -> Iterator[str]:
    yield f"{shown(change['id'])}: {_value(change['heading'])}"
    for field in change["fields"]:
        if "places" not in field:
            yield f"{field['field']}: from {_value(field['before'])} to {_value(field['after'])}"
            continue
        yield f"{field['field']}: {field['characters_before']:,} characters before, {field['characters_after']:,} now"
        if field["places"] is None:
            yield "  too much differs to be shown"
        for place in field["places"] or ():
            yield from (f"  - {shown(place['before'])}" for _ in (0,) if place["before"])
            yield from (f"  + {shown(place['after'])}" for _ in (0,) if place["after"])
        if field["more_places"]:
            yield f"  and {field['more_places']:,} more places"


def _merged(change: Change) -> Iterator[str]:
    yield f"{shown(change['id'])} is now part of {shown(change['into'])}: {_value(change['heading'])}"


def _gone(change: Change) -> Iterator[str]:
    yield f"{shown(change['id'])}: {_value(change['heading_before'])}"
    if change["why"] == "withdrawn":
        instead = f" In its place: {_value(change['successor'])}" if change["successor"] else ""
        yield f"withdrawn on {_value(change['date'])}: {_value(change['reason'])}{instead}"
    else:
        yield WHY[change["why"]]


def _hub(change: Change) -> Iterator[str]:
    states = (_state(change[name]) for name in ("before", "after"))
    records = f"records in the release: {change['published_before']:,} before, {change['published_after']:,} now"
    yield f"{shown(change['hub'])}: from {' to '.join(states)}; {records}"


def _state(state: str | None) -> str:
    return shown(state).replace("_", " ") if state else "not taking part"


def _wave(entry: Change) -> str:
    return ", ".join(shown(entry[name]).replace("_", " ") for name in WAVE)


def _wave_gone(entry: Change) -> Iterator[str]:
    why = "today's policy rounds more coarsely" if entry["why"] == "left_out" else "not told"
    yield f"{_wave(entry)}: {why}"


def _told_otherwise(entry: Change) -> Iterator[str]:
    yield _wave(entry)
    parts = [f"{entry['changed']:,} of {entry['of']:,} told otherwise"] if entry["changed"] else []
    parts += [f"{entry['appeared']:,} told that were not before"] if entry["appeared"] else []
    parts += [f"{entry['disappeared']:,} not told any more"] if entry["disappeared"] else []
    parts += [f"{entry['levels']:,} numbers on levels told otherwise"] if not parts else []
    yield "; ".join(parts)
    for figure, most in entry["largest"].items():
        group = [shown(most[name]) for name in GROUP if most[name] != "all" and name != "breakdown"]
        yield f"largest change of {_FIGURES[figure]}: from {most['before']:g} to {most['after']:g} ({', '.join(group)})"
    if entry["compared_otherwise"]:
        yield f"{entry['compared_otherwise']:,} compare otherwise with all organisations"


def _schema(change: Change) -> Iterator[str]:
    where = f"{shown(change['where'])}: " if change["where"] else ""
    told = f", from {_value(change['before'])} to {_value(change['after'])}" if _is_short(change) else ""
    yield f"{change['class']}: {change['what']} {where}{shown(change['name'])} {_HOW[change['change']]}{told}"


_HOW = {
    "added": "is new",
    "removed": "is gone",
    "renamed": "is renamed",
    "type": "is of another type",
    "description": "is described in other words",
    "label": "is called otherwise",
}


def _is_short(change: Change) -> bool:
    return change["change"] in ("renamed", "type")
