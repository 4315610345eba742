"""What a hub has itself published of the returns that it also sends: numbers that everybody knows beside ours.

Only reading the file lives here. What somebody can make of the numbers is for the attack on the benchmarks.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from hubs.contract.vocabularies import vocabulary

TABLE = ("period", "instrument", "audience", "dimension")
ATTRIBUTES = {
    "sector": "sectors",
    "organisation_type": "organisation_types",
    "size_band": "size_bands",
    "region": "regions",
}
ALL = "all"
GROUPINGS = ((), ("sector",), ("organisation_type",), ("size_band",), ("region",), ("sector", "size_band"))
"""The attributes by which groups of the benchmarks are formed. Numbers of other groups cannot be compared with them."""
LEVELS = (ALL, *map(str, range(6)), "0-1", "2-3", "4-5")
COLUMNS = (*TABLE, *ATTRIBUTES, "level", "count")
MAX_BYTES = 32_000_000
PROBLEMS_NAMED = 10


class UnusablePublications(ValueError):
    """The file cannot be used. The message says in which line and why, a line a problem."""


@dataclass(frozen=True)
class Publication:
    """One published number: ``count`` organisations of a table (a value for each of ``TABLE``) in the group of those
    ``terms`` (by attribute) on ``level``: ``all``, one level, or a band.
    """

    table: tuple[str, str, str, str]
    terms: Mapping[str, str]
    level: str
    count: int


def read_publications(path: Path) -> list[Publication]:
    """The numbers in the CSV file ``path``, whose columns are ``COLUMNS``, as in ``distributions.csv`` of a release; an
    attribute that does not form the group is ``all``, and so is the level of all of it.

    Raises UnusablePublications.
    """
    try:
        if path.stat().st_size > MAX_BYTES:
            raise UnusablePublications(f"has more than {MAX_BYTES:,} bytes")
        rows = csv.DictReader(io.StringIO(path.read_bytes().decode("utf-8-sig"), newline=""))
        named = rows.fieldnames or []
    except OSError as error:
        raise UnusablePublications(f"cannot be read: {error.strerror}") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise UnusablePublications("is not a CSV file in UTF-8") from error
    if missing := [name for name in COLUMNS if name not in named]:
        raise UnusablePublications(f"has no column {', '.join(missing)}")
    found, problems = [], []
    for row in rows:
        told = {name: row[name] or "" for name in COLUMNS}
        if wrong := list(_problems(told)):
            problems += [f"line {rows.line_num}: {problem}" for problem in wrong]
        else:
            period, instrument, audience, dimension = (told[name] for name in TABLE)
            terms = {name: told[name] for name in ATTRIBUTES if told[name] != ALL}
            table = (period, instrument, audience, dimension)
            found.append(Publication(table, terms, told["level"], int(told["count"])))
    if problems:
        more = [f"and {len(problems) - PROBLEMS_NAMED:,} more"] if len(problems) > PROBLEMS_NAMED else []
        raise UnusablePublications("\n".join([*problems[:PROBLEMS_NAMED], *more]))
    return found


def _problems(row: Mapping[str, str]) -> Iterator[str]:
    for name in TABLE:
        if not row[name]:
            yield f"{name} is missing"
    for name, scheme in ATTRIBUTES.items():
        if row[name] != ALL and row[name] not in vocabulary(scheme):
            yield f"'{row[name][:60]}' is no {name} of the vocabulary; use its id, or {ALL}"
    if tuple(name for name in ATTRIBUTES if row[name] != ALL) not in GROUPINGS:
        known = "; ".join(" and ".join(by) or "none" for by in GROUPINGS)
        yield f"no benchmark is told by these attributes together; they are told by {known}"
    if row["level"] not in LEVELS:
        yield f"'{row['level'][:60]}' is no level; it is {', '.join(LEVELS)}"
    if not (row["count"].isascii() and row["count"].isdecimal()):
        yield "count must be a whole number"
