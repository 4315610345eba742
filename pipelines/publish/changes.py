"""What has changed from one release to another, by what the two say of themselves: ``changes.json``, and the comparison
that ``hubpacks diff`` shows. Telling it to people is for ``changes_in_words`` and the templates; what files look like,
``shapes``.

**Old texts are not told again.** A hub may have taken a name or a sentence out of a record because it should never have
stood there. So ``changes.json`` has of old values only those that are codes, dates and ids; of texts, how long they
were and are. Whoever has both releases can see both texts: ``compare`` gives them, ``for_readers`` leaves them out.

**Revisions and corrections.** A benchmark that is told otherwise is a *revision* when its wave was counted anew, since
organisations have come or left, as ``audit.json`` says of each wave. Otherwise it was wrong before or is worked out in
another way now: a *correction*. Groups that are only told in addition, or no more, are neither.
"""

from __future__ import annotations

import difflib
import hashlib
import json
import posixpath
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from hubs.contract.groups import ATTRIBUTES, WAVE
from pipelines.files import Damaged, json_of
from pipelines.publish import errata, shapes
from pipelines.publish.catalogue import WRITTEN
from pipelines.publish.descriptors import DATAPACKAGE
from pipelines.publish.signed import read_sums
from pipelines.publish.writers import ROWS, besides_rows

CHANGES = "changes.json"
VOCABULARIES = "vocabularies.json"
_ROWS = "packs/national/records.jsonl"
_TABLES = ("benchmarks", "distributions", "trends")
_STATEMENTS = ("release.json", "coverage.json", "quality.json", "provenance.json", "audit.json")
_DATA = (".json", ".jsonl", ".csv", ".parquet", ".ods", ".xlsx")
_FOLDERS = ("", "benchmarks", "keys", "packs/national")
"""Where the files are that every release has, whatever its hubs send."""

PLAIN = frozenset(
    {
        *("kind", "language", "sectors", "technology_types", "audience", "licence", "published", "updated", "hub"),
        *("signpost_type", "credits", "merged", "related", "translations", "derived", "slug", "address"),
    }
)
"""Fields of records that hold codes, dates and ids: their old values may be told again."""
NOT_COMPARED = frozenset({"source"})
"""Where a record comes from changes whenever anything in its hub's feed does; ``provenance.json`` says it."""

LONG_CHARACTERS = 300
"""Values longer than this are told by the words that differ."""
MOST_WORDS = 4_000
"""Texts that still differ in more words than this, once their common beginning and end are off, are not compared word
by word: the time grows with the square."""
MOST_PLACES = 12
PLACE_CHARACTERS = 240

GROUP = ("dimension", "breakdown", *ATTRIBUTES)
_KEY = frozenset({*WAVE, *GROUP, "level"})
LARGEST = ("n", "median", "share_ge_3")
"""The figures of which the largest difference is told."""
_LIMITS = ("_low", "_high")

Row = Mapping[str, Any]
Key = tuple[str, ...]


@dataclass(frozen=True)
class Told:
    """What one release says. ``rows`` are its records by id, ``merged`` what became which record, ``withdrawn`` the
    notices by id, ``retracted`` what was retracted after the release was published, by id, ``hubs`` the statements by
    id, ``waves`` by key for which release each was counted (None when it is not said), ``cells`` the benchmarks,
    ``levels`` the distributions.
    """

    id: str
    published: str
    rows: Mapping[str, Row]
    merged: Mapping[str, str]
    withdrawn: Mapping[str, Row]
    retracted: Mapping[str, Row]
    hubs: Mapping[str, Row]
    waves: Mapping[Key, Row]
    cells: Figures
    levels: Figures
    shape: shapes.Shape


class Figures:
    """The rows of a table of benchmarks. In most releases they are those of the one before, which their bytes tell, so
    they are only taken apart for who asks for them.
    """

    def __init__(self, path: Path, data: bytes) -> None:
        self._path = path
        _, found, rows = data.partition(ROWS)
        self._rows = b'{"rows": [' + rows if found else data
        self.columns: list[Row] = besides_rows(data)["columns"]

    def is_like(self, other: Figures) -> bool:
        """Whether both are written alike. Such tables say the same; others may, too."""
        return self._rows == other._rows

    @cached_property
    def by_wave(self) -> defaultdict[Key, dict[Key, Row]]:
        """The rows of each wave by group, and by level where the table has levels. Raises files.Damaged when they are
        of another shape.
        """
        found: defaultdict[Key, dict[Key, Row]] = defaultdict(dict)
        try:
            for row in json_of(self._rows)["rows"]:
                level = (_text(row["level"]),) if "level" in row else ()
                key = (*(_text(row[name]) for name in GROUP), *level)
                found[_wave(row)][key] = {name: row[name] for name in row if name not in _KEY}
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise Damaged(self._path) from error
        return found


def read(folder: Path, manifest: Mapping[str, Any] | None = None) -> Told:
    """What the release in ``folder`` says. Each file is held against ``SHA256SUMS``, unless the release is being built:
    then ``manifest`` is the ``release.json`` that it will have. A release of an older version lacks some files.

    Raises OSError, and files.Damaged when a file is not as it was published, or of another shape; of rows of benchmarks
    that is found once they are compared.
    """
    try:
        return _told(_Files(folder, manifest))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise Damaged(folder) from error


def first(release: Told) -> dict[str, Any]:
    """``changes.json`` of a release that has none before it."""
    return compare(release, release) | {"previous": None, "previous_published": None}


def compare(older: Told, newer: Told) -> dict[str, Any]:
    """What has changed from ``older`` to ``newer``, in plain JSON types: numbers of each kind of change first, then
    ``schema``, ``records``, ``hubs`` and ``benchmarks``. The same release twice gives empty lists.
    """
    schema = shapes.schema_changes(older.shape, newer.shape)
    records = _records(older, newer)
    hubs = list(_hubs(older, newer))
    benchmarks = _benchmarks(older, newer)
    changed = {"schema": schema, "records": records, "hubs": hubs, "benchmarks": benchmarks}
    return {
        "release": newer.id,
        "published": newer.published,
        "previous": older.id,
        "previous_published": older.published,
        "class": shapes.highest(schema),
        "counts": counts(changed),
        **changed,
    }


def diff(one: Path, other: Path) -> tuple[dict[str, Any], bool]:
    """What has changed between the releases in two folders, from the older to the newer whichever is named first; and
    whether the newer one was. With all texts: whoever has both folders can read them anyway.

    Raises OSError, and files.Damaged when a release is not as it was published.
    """
    releases = [read(one), read(other)]
    is_reversed = releases[0].id > releases[1].id
    older, newer = reversed(releases) if is_reversed else releases
    try:
        return compare(older, newer), is_reversed
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        # Made up by somebody else, checksums and all: nothing says which of the two is the odd one.
        raise Damaged(other) from error


def counts(changes: Mapping[str, Any]) -> dict[str, int]:
    """How many changes of each kind ``changes`` lists."""
    records, benchmarks = changes["records"], changes["benchmarks"]
    told = {f"records_{name}": len(found) for name, found in records.items()}
    told |= {name: len(changes[name]) for name in ("hubs", "schema")}
    told |= {f"waves_{name}": len(benchmarks[name]) for name in ("added", "gone")}
    told |= {
        f"benchmarks_{kind}": sum(entry["changed"] for entry in benchmarks[name])
        for kind, name in (("revised", "revisions"), ("corrected", "corrections"))
    }
    groups = [*benchmarks["revisions"], *benchmarks["groups"]]
    return told | {f"benchmarks_{kind}": sum(entry[kind] for entry in groups) for kind in ("appeared", "disappeared")}


def for_readers(changes: Mapping[str, Any]) -> dict[str, Any]:
    """``changes`` as they stand in a release: without old headings and texts. See the head of this module."""
    records = changes["records"]
    changed = [
        record | {"fields": [_without_texts(field) for field in record["fields"]]} for record in records["changed"]
    ]
    bare = {
        name: [{key: value for key, value in entry.items() if key != "heading_before"} for entry in records[name]]
        for name in ("merged", "gone")
    }
    return {**changes, "records": {**records, "changed": changed, **bare}}


def wrong_changes(folder: Path) -> list[str]:
    """Where ``changes.json`` of the release in ``folder`` does not fit what else the release says, in words. One of an
    older version, which lists no such file, has nothing to fit.
    """
    try:
        manifest = json_of((folder / "release.json").read_bytes())
        if CHANGES not in {file["path"] for file in manifest["files"]}:
            return []
        changes = json_of((folder / CHANGES).read_bytes())
        tables = ["benchmarks"] if any(changes["benchmarks"].values()) else []
        told = _told(_Files(folder, manifest), tables)
        return [f"{CHANGES}: {problem}" for problem in _wrong(changes, told, manifest)]
    except OSError as error:
        return [f"what has changed cannot be checked: {Path(error.filename).name}: {error.strerror}"]
    except (Damaged, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        return [f"what has changed cannot be checked: {CHANGES} or what it tells of is of another shape ({error!r})"]


# What a release says.


class _Files:
    """The files of a release, each read once and held against its checksum."""

    def __init__(self, folder: Path, manifest: Mapping[str, Any] | None) -> None:
        self.folder = folder
        self.manifest = manifest
        self._sums = None if manifest is not None else read_sums(folder)

    def bytes(self, name: str) -> bytes | None:
        """The bytes of a file, None where the release has none of that name. Raises Damaged."""
        path = self.folder / name
        if self._sums is None:
            return path.read_bytes() if path.is_file() else None
        if name not in self._sums:
            return None
        if not path.is_file():
            raise Damaged(path)
        data = path.read_bytes()
        if hashlib.sha256(data).hexdigest() != self._sums[name]:
            raise Damaged(path)
        return data

    def json(self, name: str) -> Any:
        """The data of a file, None where there is none."""
        if name == "release.json" and self.manifest is not None:
            return self.manifest
        data = self.bytes(name)
        return None if data is None else json_of(data)

    def names(self) -> Iterator[str]:
        """The data files that every release has. Pages, pictures and metadata are written when these have
        been compared.
        """
        if self._sums is not None:
            every: Iterable[str] = self._sums
        else:
            found = (path for where in _FOLDERS for path in (self.folder / where).glob("*"))
            every = (
                *(path.relative_to(self.folder).as_posix() for path in found),
                "release.json",
                CHANGES,
                DATAPACKAGE,
                *WRITTEN,
            )
        for name in every:
            if posixpath.dirname(name) in _FOLDERS and name.endswith(_DATA):
                yield name


def _told(files: _Files, read: Iterable[str] = _TABLES) -> Told:
    """What they say; of the tables, those to ``read``."""
    statements = {name: found for name in _STATEMENTS if (found := files.json(name)) is not None}
    coverage = statements["coverage.json"]
    tables: dict[str, Figures] = {}
    for name in read:
        path = f"benchmarks/{name}.json"
        if (data := files.bytes(path)) is not None:
            tables[name] = Figures(files.folder / path, data)
    none = Figures(files.folder, b'{"columns": [], "rows": []}')
    lines = files.bytes(_ROWS)
    if lines is None and files.manifest is None:  # one that is being built may have no pack, and so no records
        raise ValueError(_ROWS)
    rows = [json_of(line) for line in (lines or b"").splitlines()]
    audit = statements.get("audit.json", {}).get("waves", ())
    merged = {id: row["id"] for row in rows for id in row.get("merged", ())}
    columns = {name: found.columns for name, found in tables.items()}
    pack = files.json("packs/national/pack.json")
    columns |= {"records": pack["columns"]} if pack else {}
    return Told(
        id=_text(coverage["release"]),
        published=_text(coverage["published"]),
        rows={_text(row["id"]): row for row in rows},
        merged=merged,
        withdrawn={_text(entry["id"]): entry for entry in coverage.get("withdrawn", ())},
        retracted=errata.retracted(files.json(errata.ERRATA) or errata.none_yet("")),
        hubs={_text(entry["id"]): entry for entry in coverage["hubs"]},
        waves={_wave(entry): entry for entry in audit},
        cells=tables.get("benchmarks", none),
        levels=tables.get("distributions", none),
        shape=shapes.Shape(
            files=frozenset(files.names()),
            tables={name: {_text(column["name"]): column for column in found} for name, found in columns.items()},
            fields={name: shapes.fields_of(found) for name, found in statements.items()},
            codes={
                scheme: {_text(code["id"]): code["label"] for code in found}
                for scheme, found in (files.json(VOCABULARIES) or {}).items()
            },
        ),
    )


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(value)
    return value


def _wave(row: Row) -> Key:
    return tuple(_text(row[name]) for name in WAVE)


# Records.


def _records(older: Told, newer: Told) -> dict[str, list[dict[str, Any]]]:
    added = [
        {"id": id, **_about(newer.rows[id]), "apart_from": older.merged.get(id)}
        for id in sorted(newer.rows.keys() - older.rows.keys())
    ]
    changed = [
        {"id": id, **_about(newer.rows[id]), "fields": fields}
        for id in sorted(older.rows.keys() & newer.rows.keys())
        if (fields := list(_fields(older.rows[id], newer.rows[id])))
    ]
    left = sorted(older.rows.keys() - newer.rows.keys())
    merged = [
        {"id": id, **_before(older.rows[id]), "into": newer.merged[id], **_heading(newer.rows[newer.merged[id]])}
        for id in left
        if id in newer.merged
    ]
    gone = [
        {"id": id, **_before(older.rows[id]), **_why(id, older.rows[id]["hub"], newer)}
        for id in left
        if id not in newer.merged
    ]
    # What the older one lost after it was published was in it, and readers of the newer one are told why it is not.
    gone += [
        {"id": id, "kind": notice["record_kind"], "heading_before": notice["heading"], **_why(id, notice["hub"], newer)}
        for id, notice in sorted(older.retracted.items())
        if id in newer.withdrawn and id not in newer.retracted
    ]
    return {"added": added, "changed": changed, "merged": merged, "gone": gone}


def _about(row: Row) -> dict[str, Any]:
    return {"kind": row["kind"], **_heading(row), "language": row["language"], "address": row["address"]}


def _heading(row: Row) -> dict[str, Any]:
    return {"heading": row.get("title") or row.get("question")}


def _before(row: Row) -> dict[str, Any]:
    return {"kind": row["kind"], "heading_before": row.get("title") or row.get("question")}


def _why(id: str, hub: str, newer: Told) -> dict[str, Any]:
    """Why a record is gone: ``withdrawn``; its hub has ``left`` or is ``retired``; no feed of it is used, since all are
    ``held`` or ``missing``; or ``not_in_feed``: one is used, and has no accepted record of that id.
    """
    if id in newer.withdrawn:
        notice = newer.withdrawn[id]
        return {"why": "withdrawn"} | {
            name: notice[name] for name in ("reason", "date", "successor", "successor_address")
        }
    statement = newer.hubs.get(hub)
    if statement is None:
        return {"why": "left"}
    if statement["state"] == "retired" or not statement["snapshot"]:
        why = statement["state"] if statement["state"] in ("retired", "held") else "missing"
        return {"why": why, "since": statement["since"]}
    return {"why": "not_in_feed"}


def _fields(older: Row, newer: Row) -> Iterator[dict[str, Any]]:
    """Each field that differs. JSON Lines leave out what has no value."""
    names = [*newer, *(name for name in older if name not in newer)]
    for name in names:
        before, after = older.get(name), newer.get(name)
        if name not in NOT_COMPARED and (before or None) != (after or None):
            told = {"field": name, "before": before, "after": after}
            if max(_length(before), _length(after)) > LONG_CHARACTERS:
                told = {"field": name, **_sizes(before, after), **_words(_plain(before), _plain(after))}
            yield told


def _plain(value: Any) -> str:
    return "" if value is None else value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _length(value: Any) -> int:
    return len(_plain(value))


def _sizes(before: Any, after: Any) -> dict[str, int]:
    return {"characters_before": _length(before), "characters_after": _length(after)}


def _without_texts(field: Mapping[str, Any]) -> dict[str, Any]:
    if field["field"] in PLAIN and "before" in field:
        return dict(field)
    if "before" in field:
        return {"field": field["field"], **_sizes(field["before"], field["after"])}
    return {name: field[name] for name in ("field", "characters_before", "characters_after")}


def _words(before: str, after: str) -> dict[str, Any]:
    """The places in which two long texts differ, word by word, each cut; ``places`` is None when too much differs."""
    one, other = before.split(), after.split()
    start = next((n for n, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))
    rest = min(len(one), len(other)) - start
    pairs = zip(reversed(one), reversed(other), strict=False)
    end = min(next((n for n, (a, b) in enumerate(pairs) if a != b), rest), rest)
    one, other = one[start : len(one) - end], other[start : len(other) - end]
    if max(len(one), len(other)) > MOST_WORDS:
        return {"places": None, "more_places": 0}
    matcher = difflib.SequenceMatcher(None, one, other)
    found = [
        {"before": _cut(one[a:b]), "after": _cut(other[c:d])}
        for what, a, b, c, d in matcher.get_opcodes()
        if what != "equal"
    ]
    return {"places": found[:MOST_PLACES], "more_places": max(len(found) - MOST_PLACES, 0)}


def _cut(words: Sequence[str]) -> str:
    text = " ".join(words)
    return text if len(text) <= PLACE_CHARACTERS else f"{text[: PLACE_CHARACTERS - 1]}…"


# Hubs.


def _hubs(older: Told, newer: Told) -> Iterator[dict[str, Any]]:
    """Hubs that stand otherwise than before; ``before`` or ``after`` is None where a release does not have the hub."""
    for hub in sorted(older.hubs.keys() | newer.hubs.keys()):
        before, after = older.hubs.get(hub), newer.hubs.get(hub)
        states = [None if statement is None else _text(statement["state"]) for statement in (before, after)]
        if states[0] != states[1]:
            yield {
                "hub": hub,
                "before": states[0],
                "after": states[1],
                "since": after["since"] if after else None,
                "published_before": int(before["published"]) if before else 0,
                "published_after": int(after["published"]) if after else 0,
            }


# Benchmarks.


def _benchmarks(older: Told, newer: Told) -> dict[str, list[dict[str, Any]]]:
    if older.cells.is_like(newer.cells) and older.levels.is_like(newer.levels):
        return {name: [] for name in ("added", "gone", "revisions", "corrections", "groups")}
    cells = [told.cells.by_wave for told in (older, newer)]
    levels = [told.levels.by_wave for told in (older, newer)]
    both = sorted(cells[0].keys() & cells[1].keys())
    found: dict[str, list[dict[str, Any]]] = {
        "added": [_named(wave) for wave in sorted(cells[1].keys() - cells[0].keys())],
        "gone": [
            _named(wave) | {"why": newer.waves.get(wave, {}).get("state", "not_told")}
            for wave in sorted(cells[0].keys() - cells[1].keys())
        ],
        "revisions": [],
        "corrections": [],
        "groups": [],
    }
    for wave in both:
        differences = list(_differences(cells[0][wave], cells[1][wave]))
        of_levels = sum(
            levels[0][wave].get(key) != levels[1][wave].get(key)
            for key in levels[0][wave].keys() | levels[1][wave].keys()
        )
        if not differences and not of_levels:
            continue
        counted = [told.waves.get(wave, {}).get("counted_for") for told in (older, newer)]
        told_of = sum(row["n"] is not None for row in cells[1][wave].values())
        if _is_revised(older, newer, wave):
            kinds = {"revisions": differences}
        else:
            changed = [cell for cell in differences if cell["change"] == "changed"]
            kinds = {"corrections": changed, "groups": [cell for cell in differences if cell not in changed]}
        for name, listed in kinds.items():
            # Levels belong to what has happened to their groups; to a correction where no group has changed.
            if listed or (name != "groups" and of_levels and not differences):
                own = {"of": told_of, "levels": of_levels, "counted_for_before": counted[0], "counted_for": counted[1]}
                found[name].append(_named(wave) | own | _size(listed))
    return found


def _is_revised(older: Told, newer: Told, wave: Key) -> bool:
    """Whether the wave was counted anew between the two releases."""
    before, after = older.waves.get(wave), newer.waves.get(wave)
    if after is None:
        return False
    return after["state"] == "revised" or (before is not None and before["counted_for"] != after["counted_for"])


def _named(wave: Key) -> dict[str, Any]:
    return dict(zip(WAVE, wave, strict=True))


def _differences(older: Mapping[Key, Row], newer: Mapping[Key, Row]) -> Iterator[dict[str, Any]]:
    """Each benchmark that differs in a figure that both releases know, with what it was and is."""
    for key in sorted(older.keys() | newer.keys()):
        before, after = older.get(key), newer.get(key)
        names = [name for name in (after or before or {}) if (before is None or name in before)]
        pairs = {name: ((before or {}).get(name), (after or {}).get(name)) for name in names}
        differing = {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}
        is_told = [row is not None and row["n"] is not None for row in (before, after)]
        if differing and any(is_told):  # of others nothing is told
            # Limits follow from the figures that they belong to.
            own = {name: pair for name, pair in differing.items() if not name.endswith(_LIMITS)} or differing
            change = "changed" if is_told[0] == is_told[1] else "appeared" if is_told[1] else "disappeared"
            yield {
                **dict(zip(GROUP, key, strict=True)),
                "change": change,
                "figures": {name: {"before": pair[0], "after": pair[1]} for name, pair in own.items()},
            }


def _size(cells: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """How much has changed: numbers of benchmarks, and of each figure the largest difference, with its group."""
    by = [cell["change"] for cell in cells]
    return {
        **{kind: by.count(kind) for kind in ("changed", "appeared", "disappeared")},
        "compared_otherwise": sum("comparison" in cell["figures"] for cell in cells if cell["change"] == "changed"),
        "largest": {name: found for name in LARGEST if (found := _largest(cells, name)) is not None},
        "cells": list(cells),
    }


def _largest(cells: Iterable[Mapping[str, Any]], name: str) -> dict[str, Any] | None:
    known = [
        cell
        for cell in cells
        if name in cell["figures"] and None not in (cell["figures"][name]["before"], cell["figures"][name]["after"])
    ]
    if not known:
        return None
    most = max(known, key=lambda cell: abs(cell["figures"][name]["after"] - cell["figures"][name]["before"]))
    return {**{key: most[key] for key in GROUP}, **most["figures"][name]}


# Whether it fits the release.


def _wrong(changes: Mapping[str, Any], told: Told, manifest: Mapping[str, Any]) -> Iterator[str]:
    for name, right in (("release", manifest["id"]), ("previous", manifest["previous"])):
        if changes[name] != right:
            yield f"{name} is {changes[name]}, and release.json says {right}"
    yield from _wrong_records(changes["records"], told)
    for hub in changes["hubs"]:
        statement = told.hubs.get(hub["hub"])
        if hub["after"] != (statement["state"] if statement else None):
            yield f"{hub['hub']} stands as {hub['after']}, and coverage.json says otherwise"
    yield from _wrong_benchmarks(changes["benchmarks"], told)
    if changes["class"] != shapes.highest(changes["schema"]):
        yield f"the class is {changes['class']}, and the changes are {shapes.highest(changes['schema'])}"
    listed = counts(changes)
    for name in sorted(name for name in listed if changes["counts"].get(name) != listed[name]):
        yield f"{name} is {changes['counts'].get(name)}, and {listed[name]} are listed"
    if changes["previous"] is None and any(listed.values()):
        yield "there is no release before it, and yet something has changed"


def _wrong_records(records: Mapping[str, Sequence[Row]], told: Told) -> Iterator[str]:
    for name in ("added", "changed"):
        for row in records[name]:
            if row["id"] not in told.rows:
                yield f"{row['id']} is {name}, and not in the release"
    for row in records["merged"]:
        if told.merged.get(row["id"]) != row["into"]:
            yield f"{row['id']} was merged into {row['into']}, and the release does not say so"
    for row in records["gone"]:
        if row["id"] in told.rows or row["id"] in told.merged:
            yield f"{row['id']} is gone, and in the release nevertheless"
        if (row["why"] == "withdrawn") != (row["id"] in told.withdrawn):
            yield f"{row['id']} is withdrawn by one of {CHANGES} and coverage.json, and not by the other"
    every = Counter(row["id"] for found in records.values() for row in found)
    yield from (f"{id} has changed in two ways" for id, times in sorted(every.items()) if times > 1)


def _wrong_benchmarks(benchmarks: Mapping[str, Any], told: Told) -> Iterator[str]:
    if not any(benchmarks.values()):
        return
    waves = told.cells.by_wave
    for wave in benchmarks["added"]:
        if _wave(wave) not in waves:
            yield f"{' '.join(_wave(wave))} is new, and not in benchmarks"
    for wave in benchmarks["gone"]:
        if _wave(wave) in waves:
            yield f"{' '.join(_wave(wave))} is gone, and in benchmarks nevertheless"
    for entry in (entry for name in ("revisions", "corrections", "groups") for entry in benchmarks[name]):
        own = waves.get(_wave(entry), {})
        if any(entry[name] != value for name, value in _size(entry["cells"]).items()):
            yield f"{' '.join(_wave(entry))}: the size of the change is not that of its benchmarks"
        for cell in entry["cells"]:
            row = own.get(tuple(cell[name] for name in GROUP), {})
            for name, pair in cell["figures"].items():
                if row.get(name) != pair["after"]:
                    group = " ".join((*_wave(entry), *(cell[part] for part in GROUP)))
                    yield f"{name} of {group} is {pair['after']}, and {row.get(name)} in benchmarks"
