"""The level that an organisation wants to reach in each dimension: one for all, or a file with some."""

from __future__ import annotations

import csv
from collections.abc import Collection, Mapping
from pathlib import Path

from hubs.yamlfile import UnreadableYaml, read_yaml

HIGHEST_LEVEL = 5


class UnusableTarget(ValueError):
    """The target is no level and no file with levels. The message names what is wrong and the mend."""


def read_target(stated: str, dimensions: Collection[str]) -> Mapping[str, int]:
    """The level wanted in each of ``dimensions``; those that a file leaves out are not in it.

    ``stated`` is a level from 0 to 5, or a file: CSV with the columns dimension and level, or YAML or JSON with a level
    for each dimension. Raises UnusableTarget and OSError.
    """
    if stated.isdecimal():
        return dict.fromkeys(dimensions, _level(stated, "--target"))
    path = Path(stated)
    if not path.is_file():
        raise UnusableTarget(f"--target {stated}: neither a level from 0 to {HIGHEST_LEVEL} nor a file")
    found = _from_csv(path) if path.suffix.lower() == ".csv" else _from_yaml(path)
    if unknown := sorted(set(found) - set(dimensions)):
        known = ", ".join(sorted(dimensions))
        raise UnusableTarget(f"{path}: no dimension of your return is called {', '.join(unknown)}; there are {known}")
    return {dimension: _level(level, f"{path}, {dimension}") for dimension, level in found.items()}


def _from_csv(path: Path) -> dict[str, str]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            return {(row["dimension"] or "").strip(): (row["level"] or "").strip() for row in csv.DictReader(file)}
    except (KeyError, UnicodeDecodeError, csv.Error) as error:
        raise UnusableTarget(f"{path}: no CSV in UTF-8 with the columns dimension and level") from error


def _from_yaml(path: Path) -> dict[str, str]:
    try:
        data = read_yaml(path)
    except (UnreadableYaml, UnicodeDecodeError) as error:
        raise UnusableTarget(f"{path}: {error}") from error
    if not isinstance(data, dict):
        raise UnusableTarget(f"{path}: expected a level for each dimension, as governance: 3")
    return {str(dimension): str(level) for dimension, level in data.items()}


def _level(text: str, where: str) -> int:
    if text.isdecimal() and int(text) <= HIGHEST_LEVEL:
        return int(text)
    raise UnusableTarget(f"{where}: '{text}' is no level; levels go from 0 to {HIGHEST_LEVEL}")
