"""Whether tables and their descriptions are what the standards for data say: Data Package and CSV on the Web.

frictionless reads each file that a package names, with its schema; csvw does so from the metadata beside a CSV.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from pathlib import Path

from tests.judges.apart import a_schema, answer, ask

PROFILE = "datapackage-2.0.json"


def data_package_problems(release: Path) -> list[str]:
    """What frictionless finds in ``datapackage.json`` and in every file that it names."""
    return ask("data", "package", release)


def data_package_profile_problems(release: Path) -> list[str]:
    """Where ``datapackage.json`` breaks the profile of Data Package 2.0."""
    return schema_problems(release / "datapackage.json", PROFILE)


def schema_problems(document: Path, schema: str) -> list[str]:
    """Where a JSON document breaks a JSON Schema of others, one of those that ``a_schema`` finds."""
    return ask("data", "schema", document, a_schema(schema))


def csvw_problems(metadata: Iterable[Path]) -> list[str]:
    """What csvw finds in the CSV beside each of these ``csv-metadata.json``."""
    return ask("data", "csvw", *metadata)


def _judge_package(folder: Path) -> None:
    from frictionless import Package

    report = Package(str(folder / "datapackage.json")).validate()
    problems = [f"{'/'.join(map(str, row[:1]))}: {' '.join(map(str, row[1:]))}" for row in _rows(report)]
    assert report.valid is not bool(problems), report
    answer(problems, len(report.tasks) + len(report.errors))


def _rows(report: object) -> Iterable[list[object]]:
    for error in report.errors:  # type: ignore[attr-defined]
        yield ["datapackage.json", error.message]
    for task in report.tasks:  # type: ignore[attr-defined]
        for error in task.errors:
            yield [task.place, error.message]
        for warning in task.warnings:
            yield [task.place, warning]


def _judge_schema(document: Path, schema: Path) -> None:
    from jsonschema.validators import validator_for

    rules = json.loads(schema.read_text(encoding="utf-8"))
    kind = validator_for(rules)
    kind.check_schema(rules)
    found = kind(rules).iter_errors(json.loads(document.read_text(encoding="utf-8")))
    answer([f"{document.name}: {error.json_path}: {error.message[:300]}" for error in found], len(rules))


def _judge_csvw(metadata: list[str]) -> None:
    import warnings

    from csvw import CSVW

    problems = []
    for name in metadata:
        with warnings.catch_warnings(record=True) as said:
            warnings.simplefilter("always")
            try:
                reasons = [] if CSVW(name, validate=True).is_valid else ["not valid"]
            except ValueError as error:  # so it says that a table cannot be read at all
                reasons = [f"not valid: {error}"]
        reasons += [str(one.message) for one in said]
        problems += [f"{name}: {'; '.join(reasons)}"] if reasons else []
    answer(problems, len(metadata))


if __name__ == "__main__":
    what, *rest = sys.argv[1:]
    if what == "package":
        _judge_package(Path(rest[0]))
    elif what == "schema":
        _judge_schema(Path(rest[0]), Path(rest[1]))
    else:
        _judge_csvw(rest)
