"""What a hub has itself published of the returns that it also sends: numbers that everybody knows beside ours.

Only reading the file lives here. What somebody can make of the numbers is for the attack on the benchmarks.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from hubs.contract.groups import ALL, ATTRIBUTES, BREAKDOWNS, TABLE
from hubs.contract.vocabularies import vocabulary
from hubs.csvfile import read_csv

LEVELS = (ALL, *map(str, range(6)), "0-1", "2-3", "4-5")
COLUMNS = (*TABLE, *ATTRIBUTES, "level", "count")


@dataclass(frozen=True)
class Publication:
    """One published number: ``count`` organisations of a table (a value for each of ``TABLE``), in the group of those
    ``terms`` of the ``breakdown``, on ``level``: ``all``, one level, or a band.
    """

    table: tuple[str, str, str, str]
    breakdown: str
    terms: tuple[str, ...]
    level: str
    count: int


def read_publications(path: Path) -> list[Publication]:
    """The numbers in the CSV file ``path``, whose columns are ``COLUMNS``, as in ``distributions.csv`` of a release; an
    attribute that does not form the group is ``all``, and so is the level of all of it.

    Raises UnusableCsv.
    """
    return [_publication(row) for row in read_csv(path, COLUMNS, _problems)[1]]


def _publication(row: Mapping[str, str]) -> Publication:
    period, instrument, audience, dimension = (row[name] for name in TABLE)
    by = _grouped_by(row)
    breakdown = next(name for name, attributes in BREAKDOWNS.items() if attributes == by)
    terms = tuple(row[name] for name in by)
    return Publication((period, instrument, audience, dimension), breakdown, terms, row["level"], int(row["count"]))


def _grouped_by(row: Mapping[str, str]) -> tuple[str, ...]:
    return tuple(name for name in ATTRIBUTES if row[name] != ALL)


def _problems(row: Mapping[str, str]) -> Iterator[str]:
    for name in TABLE:
        if not row[name]:
            yield f"{name} is missing"
    for name, scheme in ATTRIBUTES.items():
        if row[name] != ALL and row[name] not in vocabulary(scheme):
            yield f"'{row[name][:60]}' is no {name} of the vocabulary; use its id, or {ALL}"
    if _grouped_by(row) not in BREAKDOWNS.values():
        known = "; ".join(" and ".join(by) or "none" for by in BREAKDOWNS.values())
        yield f"no benchmark is told by these attributes together; they are told by {known}"
    if row["level"] not in LEVELS:
        yield f"'{row['level'][:60]}' is no level; it is {', '.join(LEVELS)}"
    if not (row["count"].isascii() and row["count"].isdecimal()):
        yield "count must be a whole number"
