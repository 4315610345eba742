from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from hubs.instruments import instruments
from pipelines.publish import shapes, writers
from pipelines.publish.shapes import MAJOR, MINOR, PATCH, Shape, fields_of, highest, schema_changes

FIELDS = {"hubs": [{"id": "vale", "state": "fresh", "records": {"accepted": 3}}], "withdrawn": [], "next": None}


def a_shape() -> Shape:
    columns = {column["name"]: column for column in writers.json_columns(writers.BENCHMARKS)}
    told = {
        scheme: {code["id"]: code["label"] for code in found} for scheme, found in shapes.codes(instruments()).items()
    }
    files = frozenset({"coverage.json", "benchmarks/benchmarks.csv"})
    return Shape(files, {"benchmarks": columns}, {"coverage.json": fields_of(FIELDS)}, told)


def with_columns(change: Callable[[dict[str, Any]], object]) -> Shape:
    columns = dict(a_shape().tables["benchmarks"])
    change(columns)
    return replace(a_shape(), tables={"benchmarks": columns})


def with_fields(fields: Any) -> Shape:
    return replace(a_shape(), fields={"coverage.json": fields_of(fields)})


def with_codes(**codes: dict[str, str]) -> Shape:
    return replace(a_shape(), codes={**a_shape().codes, "sectors": codes})


def a_hub(**changes: Any) -> dict[str, Any]:
    return FIELDS | {"hubs": [FIELDS["hubs"][0] | changes]}  # type: ignore[index]


SECTORS = dict(a_shape().codes["sectors"])
LESS = {id: label for id, label in SECTORS.items() if id != "health"}
CHANGES = {
    "a file less": (replace(a_shape(), files=frozenset({"coverage.json"})), MAJOR, "file", "removed"),
    "a file more": (replace(a_shape(), files=a_shape().files | {"a.csv"}), MINOR, "file", "added"),
    "a table less": (replace(a_shape(), tables={}), MAJOR, "table", "removed"),
    "a column less": (with_columns(lambda columns: columns.pop("mean")), MAJOR, "column", "removed"),
    "a column more": (
        with_columns(lambda columns: columns.update(new=columns["mean"] | {"name": "new", "description": "x"})),
        MINOR,
        "column",
        "added",
    ),
    "a column renamed": (
        with_columns(lambda columns: columns.update(average=columns.pop("mean"))),
        MAJOR,
        "column",
        "renamed",
    ),
    "a column of another type": (
        with_columns(lambda columns: columns.update(n=columns["n"] | {"type": "number"})),
        MAJOR,
        "column",
        "type",
    ),
    "another description": (
        with_columns(lambda columns: columns.update(n=columns["n"] | {"description": {"en": "x", "cy": "x"}})),
        PATCH,
        "column",
        "description",
    ),
    "a field less": (with_fields({"hubs": FIELDS["hubs"], "next": None}), MAJOR, "field", "removed"),
    "a field more": (with_fields(a_hub(name="Vale")), MINOR, "field", "added"),
    "a field of another type": (with_fields(a_hub(state=["fresh"])), MAJOR, "field", "type"),
    "a code less": (with_codes(**LESS), MAJOR, "code", "removed"),
    "a code more": (with_codes(**SECTORS, space={"en": "Space", "cy": "Gofod"}), MINOR, "code", "added"),
    "another label": (with_codes(**SECTORS | {"health": {"en": "x", "cy": "x"}}), PATCH, "code", "label"),
}
"""A later shape, and the class, the thing and the change that are told of it."""


@pytest.mark.parametrize("change", CHANGES)
def test_each_change_has_its_class(change: str) -> None:
    newer, grade, what, how = CHANGES[change]
    (found,) = schema_changes(a_shape(), newer)
    assert (found["class"], found["what"], found["change"]) == (grade, what, how)
    assert highest([found]) == grade


def test_the_same_shape_has_not_changed() -> None:
    assert schema_changes(a_shape(), a_shape()) == []
    assert highest([]) == "none"


def test_the_gravest_comes_first_and_is_the_class_of_all() -> None:
    older = replace(a_shape(), files=a_shape().files | {"a.csv"})
    found = schema_changes(
        older, with_columns(lambda columns: columns.update(new={"type": "string", "description": ""}))
    )
    assert [change["class"] for change in found] == [MAJOR, MINOR]
    assert highest(found) == MAJOR


@pytest.mark.parametrize(
    "fields",
    [
        FIELDS | {"hubs": []},  # nothing is seen of entries
        FIELDS | {"withdrawn": [{"id": "vale/gone"}]},  # nothing was seen before
        FIELDS | {"next": "2026-12-01"},  # null is no type
        a_hub(records={"accepted": 3, "quarantined": 1}),  # the names are data
    ],
)
def test_what_only_data_show_is_no_change_of_fields(fields: Any) -> None:
    assert schema_changes(a_shape(), with_fields(fields)) == []
    assert schema_changes(with_fields(fields), a_shape()) == []


def test_a_release_of_an_older_version_that_tells_no_codes_has_lost_none() -> None:
    assert schema_changes(replace(a_shape(), codes={}), a_shape()) == []


def test_the_codes_are_those_that_stand_in_the_files_with_both_names() -> None:
    told = shapes.codes(instruments())
    assert {"sectors", "regions", "kinds", "states", "dimensions:interop-baseline-v1"} <= told.keys()
    for found in told.values():
        assert found
        assert all(code["id"] and set(code["label"]) == {"en", "cy"} for code in found)
