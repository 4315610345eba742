"""What a gap analysis reads of a release: its figures of one organisation's groups, and the records that may help.

A release is a folder, or a zip of one, that nothing is unpacked from; a public folder stands for its latest. Older
releases have fewer columns, and what they do not have is unknown. Whether a release is whole, ``hubpacks verify`` says.
"""

from __future__ import annotations

import csv
import io
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hubs.contract.groups import ALL, ATTRIBUTES, BREAKDOWNS
from pipelines.files import json_of

LEVELS = range(1, 6)
"""Levels that a share can be at or above."""

Key = tuple[str, str, str, str, str]
"""Period, instrument, audience, dimension and breakdown: of each organisation's groups there is one."""


class UnusableRelease(ValueError):
    """There is no release, or it cannot be read. The message names the place and the mend."""


@dataclass(frozen=True)
class Cell:
    """The figures of one group in one dimension, each None where it is not told. ``terms`` has the group's term by
    attribute; ``at_or_above`` the share (0 to 1, told from 0.05 to 0.95) at or above each level. ``columns`` are those
    that the release has at all.
    """

    breakdown: str
    terms: Mapping[str, str]
    n: int | None
    median: float | None
    q1: float | None
    q3: float | None
    at_or_above: Mapping[int, float | None]
    status: str
    rolled_up_to: str
    columns: frozenset[str]


@dataclass(frozen=True)
class Release:
    """One release. ``records`` are the rows of its national pack; ``folder`` is None for a zip."""

    id: str
    published: str
    cells: Mapping[Key, Cell]
    records: tuple[Mapping[str, Any], ...]
    folder: Path | None

    def periods(self, instrument: str, audience: str) -> list[str]:
        """The periods of which it has figures, oldest first."""
        return sorted({key[0] for key in self.cells if key[1:3] == (instrument, audience)})


def read_release(path: Path, described: Mapping[str, str]) -> Release:
    """The release in ``path``, with the figures of the groups of an organisation so ``described``, and no others.

    Raises UnusableRelease and OSError.
    """
    try:
        with _opened(path) as top:
            root = _latest(top)
            if not (root / "release.json").is_file():
                raise UnusableRelease(f"{path}: no release here (there is no release.json)")
            manifest = json_of((root / "release.json").read_bytes())
            return Release(
                manifest["id"],
                manifest["published"],
                dict(_cells(_text(root, "benchmarks/benchmarks.csv"), described)),
                tuple(json_of(line) for line in _text(root, "packs/national/records.jsonl").splitlines()),
                root if isinstance(root, Path) else None,
            )
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError) as error:
        raise UnusableRelease(f"{path}: this is no folder and no zip that can be read; name a release") from error
    except (ValueError, KeyError, TypeError) as error:
        if isinstance(error, UnusableRelease):
            raise
        raise UnusableRelease(f"{path}: this release is damaged, or of another version; get it again") from error


@contextmanager
def _opened(path: Path) -> Iterator[Path | zipfile.Path]:
    if not path.exists():
        raise UnusableRelease(f"{path}: there is no such folder or zip; name a release with --release")
    if path.is_dir():
        yield path
        return
    with zipfile.ZipFile(path) as archive:
        yield _inside(zipfile.Path(archive))


def _inside(root: zipfile.Path) -> zipfile.Path:
    """The top of a zip, or its one folder where it has nothing else."""
    entries = list(root.iterdir())
    return _inside(entries[0]) if len(entries) == 1 and entries[0].is_dir() else root


def _latest(root: Path | zipfile.Path) -> Path | zipfile.Path:
    """The release that a public folder points to; ``root`` if it is none."""
    pointer = root / "latest.json"
    return root / "releases" / str(json_of(pointer.read_bytes())["release"]) if pointer.is_file() else root


def _text(root: Path | zipfile.Path, name: str) -> str:
    file = root / name
    if not file.is_file():
        raise UnusableRelease(f"{name} is missing from the release; get it again")
    return file.read_bytes().decode()


def _cells(text: str, described: Mapping[str, str]) -> Iterator[tuple[Key, Cell]]:
    """The rows of the groups that an organisation so ``described`` is in."""
    reader = csv.DictReader(io.StringIO(text, newline=""))
    columns = frozenset(reader.fieldnames or ())
    for row in reader:
        if all(row[name] in (ALL, described.get(name)) for name in ATTRIBUTES) and row["breakdown"] in BREAKDOWNS:
            key = (row["period"], row["instrument"], row["audience"], row["dimension"], row["breakdown"])
            yield key, _cell(row, columns)


def _cell(row: Mapping[str, str], columns: frozenset[str]) -> Cell:
    def number(name: str) -> float | None:
        return float(found) if (found := row.get(name)) else None

    n = number("n")
    return Cell(
        row["breakdown"],
        {name: row[name] for name in BREAKDOWNS[row["breakdown"]]},
        None if n is None else int(n),
        number("median"),
        number("q1"),
        number("q3"),
        {level: number(f"share_ge_{level}") for level in LEVELS},
        row["status"],
        row["rolled_up_to"],
        columns,
    )
