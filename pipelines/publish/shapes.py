"""What the files of a release look like, and what of that has changed: files, columns, fields, codes. What stands in
them is for ``changes``.

**Classes.** A program that read the older release may fail on the newer one: ``major``. It can, and finds more:
``minor``. Only words that explain have changed: ``patch``. A column that is gone beside a new one of the same type and
meaning was renamed, which is as major as any loss.

Fields of JSON are known only where there is an entry to show them: an empty list tells nothing of its entries, and so
nothing that is not seen in both releases is said to be gone.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hubs.contract.kinds import document_kinds
from hubs.contract.vocabularies import SCHEMES, vocabulary
from hubs.instruments import Instrument
from pipelines.edition import State
from pipelines.publish import strings

MAJOR, MINOR, PATCH, NONE = "major", "minor", "patch", "none"
CLASSES = (NONE, PATCH, MINOR, MAJOR)
"""From the least to the most."""

OPEN = frozenset({"states", "records", "by_verdict", "quarantined_by_code", "derived", "snapshots", "cells"})
"""Fields whose own names are data, such as ids of hubs or codes: what is in them is not looked at."""

Paths = Mapping[str, frozenset[str]]
"""The types seen at each path of a JSON file; a list has ``[]`` in its path."""


@dataclass(frozen=True)
class Shape:
    """What a release's files look like: the paths of its data ``files``, the columns of each table by name
    (``writers.json_columns``), the fields of each JSON file, and the labels of each vocabulary's codes.
    """

    files: frozenset[str]
    tables: Mapping[str, Mapping[str, Mapping[str, Any]]]
    fields: Mapping[str, Paths]
    codes: Mapping[str, Mapping[str, Mapping[str, str]]]


def codes(instruments: Mapping[str, Instrument]) -> dict[str, list[dict[str, Any]]]:
    """The codes that stand in the files, with their labels in both languages, by vocabulary: ``vocabularies.json``."""
    found = {
        scheme: [_code(term.id, {language: term.label(language) for language in strings.LANGUAGES}) for term in terms]
        for scheme, terms in ((scheme, vocabulary(scheme)) for scheme in SCHEMES)
    }
    found["kinds"] = [
        _code(kind, {language: strings.text(f"kind.{kind}.title", language) for language in strings.LANGUAGES})
        for kind in document_kinds()
    ]
    found["states"] = [
        _code(state.value, {language: strings.text(f"state.{state}", language) for language in strings.LANGUAGES})
        for state in State
    ]
    for name, instrument in sorted(instruments.items()):
        found[f"dimensions:{name}"] = [_code(id, dict(told["label"])) for id, told in instrument.dimensions.items()]
    return found


def fields_of(data: Any) -> dict[str, frozenset[str]]:
    """The types at each path of a JSON file. ``null`` is none: it does not say what there could be."""
    found: defaultdict[str, set[str]] = defaultdict(set)
    _look(data, "", found)
    return {path: frozenset(types) for path, types in found.items()}


def schema_changes(older: Shape, newer: Shape) -> list[dict[str, Any]]:
    """What has changed from one shape to the other, the gravest first: ``class``, ``what`` (``file``, ``table``,
    ``column``, ``field`` or ``code``), ``change``, ``where`` (the table, file or vocabulary), ``name``, and ``before``
    and ``after`` where something is told otherwise.
    """
    found = [
        *_sets("file", "", older.files, newer.files),
        *_sets("table", "", older.tables.keys(), newer.tables.keys()),
        *(
            change
            for table in sorted(older.tables.keys() & newer.tables.keys())
            for change in _columns(table, older.tables[table], newer.tables[table])
        ),
        *(
            change
            for file in sorted(older.fields.keys() & newer.fields.keys())
            for change in _fields(file, older.fields[file], newer.fields[file])
        ),
        *(
            change
            # Releases of older versions tell no codes at all.
            for scheme in (sorted(older.codes.keys() | newer.codes.keys()) if older.codes and newer.codes else ())
            for change in _codes(scheme, older.codes.get(scheme, {}), newer.codes.get(scheme, {}))
        ),
    ]
    return sorted(found, key=lambda change: -CLASSES.index(change["class"]))


def highest(changes: Sequence[Mapping[str, Any]]) -> str:
    """The class of all the changes together."""
    return max((change["class"] for change in changes), key=CLASSES.index, default=NONE)


def _code(id: str, label: Mapping[str, str]) -> dict[str, Any]:
    return {"id": id, "label": dict(label)}


def _look(data: Any, path: str, found: defaultdict[str, set[str]]) -> None:
    match data:
        case dict():
            found[path].add("object")
            if path.rpartition(".")[2].removesuffix("[]") not in OPEN:
                for name, value in data.items():
                    _look(value, f"{path}.{name}", found)
        case list():
            found[path].add("list")
            for value in data:
                _look(value, f"{path}[]", found)
        case bool():
            found[path].add("boolean")
        case int() | float():
            found[path].add("number")
        case str():
            found[path].add("string")
        case _:
            found[path]  # seen, of no type


def _change(grade: str, what: str, change: str, where: str, name: str, **more: Any) -> dict[str, Any]:
    return {"class": grade, "what": what, "change": change, "where": where, "name": name, **more}


def _sets(what: str, where: str, older: Any, newer: Any) -> Iterator[dict[str, Any]]:
    for name in sorted(older - newer):
        yield _change(MAJOR, what, "removed", where, name)
    for name in sorted(newer - older):
        yield _change(MINOR, what, "added", where, name)


def _columns(
    table: str, older: Mapping[str, Mapping[str, Any]], newer: Mapping[str, Mapping[str, Any]]
) -> Iterator[dict[str, Any]]:
    gone, come = [name for name in older if name not in newer], [name for name in newer if name not in older]
    for name in gone:
        same = next((other for other in come if _meaning(newer[other]) == _meaning(older[name])), None)
        if same is None:
            yield _change(MAJOR, "column", "removed", table, name)
        else:
            come.remove(same)
            yield _change(MAJOR, "column", "renamed", table, name, before=name, after=same)
    for name in come:
        yield _change(MINOR, "column", "added", table, name)
    for name in (name for name in older if name in newer):
        one, other = older[name], newer[name]
        if one["type"] != other["type"]:
            yield _change(MAJOR, "column", "type", table, name, before=one["type"], after=other["type"])
        if one["description"] != other["description"]:
            before, after = one["description"], other["description"]
            yield _change(PATCH, "column", "description", table, name, before=before, after=after)


def _meaning(column: Mapping[str, Any]) -> tuple[Any, Any]:
    return column["type"], column["description"]


def _fields(file: str, older: Paths, newer: Paths) -> Iterator[dict[str, Any]]:
    for path in sorted(older.keys() | newer.keys()):
        before, after = older.get(path), newer.get(path)
        if before is not None and after is not None:
            if before and after and not before & after:
                types = {"before": " ".join(sorted(before)), "after": " ".join(sorted(after))}
                yield _change(MAJOR, "field", "type", file, path.lstrip("."), **types)
            continue
        parent = path[:-2] if path.endswith("[]") else path.rpartition(".")[0]
        # Below what is itself gone, new, or nowhere to be seen in one of the two, there is nothing to say.
        if not path.endswith("[]") and all("object" in shape.get(parent, ()) for shape in (older, newer)):
            grade, change = (MINOR, "added") if before is None else (MAJOR, "removed")
            yield _change(grade, "field", change, file, path.lstrip("."))


def _codes(
    scheme: str, older: Mapping[str, Mapping[str, str]], newer: Mapping[str, Mapping[str, str]]
) -> Iterator[dict[str, Any]]:
    yield from _sets("code", scheme, older.keys(), newer.keys())
    for code in (code for code in older if code in newer and older[code] != newer[code]):
        yield _change(PATCH, "code", "label", scheme, code, before=older[code], after=newer[code])
