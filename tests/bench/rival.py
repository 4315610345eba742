"""The same work in bare DuckDB, as one process: ``python -m tests.bench.rival FEEDS WORK``.

A hub at a time: read as text, test the same rules, write accepted and rejected rows with their numbers to Parquet, and
count. It keeps no copy of the feed, tells nobody what to mend, and guards nothing that it publishes.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import duckdb

from hubs.contract.groups import ATTRIBUTES
from hubs.contract.kinds import table_kinds
from hubs.instruments import instruments
from tests.bench.generator import hub_sector

THREADS = 2
KIND = table_kinds()["assessment"]
NAMES = [column.name for column in KIND.columns]
TABLE = ("period", "instrument", "audience", "dimension")
BREAKDOWNS = ((), ("sector",), ("organisation_type",), ("size_band",), ("region",), ("sector", "size_band"))


def main(feeds: Path, work: Path) -> None:
    """Judge and count all of ``feeds``; Parquet files go to ``work``, the cube to ``cube.parquet``."""
    db = connect(work)
    attributes = "organisation_type VARCHAR, size_band VARCHAR, region VARCHAR, sector VARCHAR"
    keys = ", ".join(f"{name} VARCHAR" for name in (*TABLE, "organisation"))
    db.execute(f"CREATE TABLE levels ({keys}, {attributes}, level TINYINT)")
    rows = {"accepted": 0, "quarantined": 0}
    for number, feed in enumerate(sorted(feeds.iterdir())):
        for name, count in zip(rows, judge(db, feed, work, hub_sector(number)), strict=True):
            rows[name] += count
        _count(db, feed, work)
    table = ", ".join(TABLE)
    sets = ", ".join(f"({', '.join((*TABLE, 'level', *by))})" for by in BREAKDOWNS)
    db.execute(
        f"COPY (SELECT {table}, {', '.join(ATTRIBUTES)}, level, count(*) AS n FROM levels "
        f"GROUP BY GROUPING SETS ({sets})) "
        f"TO '{work / 'cube.parquet'}' (FORMAT parquet)"
    )
    print(json.dumps(rows))


def connect(work: Path) -> duckdb.DuckDBPyConnection:
    """A database that knows the questions."""
    work.mkdir(parents=True, exist_ok=True)
    db = duckdb.connect(":memory:", config={"threads": THREADS, "temp_directory": str(work / "spill")})
    db.execute("CREATE TABLE asked (instrument VARCHAR, audience VARCHAR, question VARCHAR, dimension VARCHAR)")
    for name, instrument in instruments().items():
        questions = [(name, q.audience, q.id, q.dimension) for q in instrument.questions.values()]
        db.executemany("INSERT INTO asked VALUES (?, ?, ?, ?)", questions)
    return db


def judge(db: duckdb.DuckDBPyConnection, feed: Path, work: Path, sector: str) -> tuple[int, int]:
    """Read, test and write one feed; how many rows are accepted, and how many rejected."""
    columns = ", ".join(f"'{name}': 'VARCHAR'" for name in NAMES)
    db.execute(
        "CREATE OR REPLACE TABLE answers AS SELECT row_number() OVER () AS row, * "
        f"FROM read_csv('{feed / 'answers.csv'}', auto_detect = false, header = true, delim = ',', quote = '\"', "
        f"columns = {{{columns}}})"
    )
    key = ", ".join(KIND.key)
    tests = [(_test(column.name), column.code) for column in KIND.columns]
    tests += [(f"{column.name} IS NULL", "missing_value") for column in KIND.columns if column.required]
    known = ", ".join(f"'{name}'" for name in instruments())
    tests.append((f"instrument NOT IN ({known})", "unknown_instrument"))
    tests.append(("dimension IS NULL", "unknown_question"))
    tests.append(("is_repeated", "duplicate_answer"))
    cases = ", ".join(f"CASE WHEN {test} THEN '{code}' END" for test, code in tests)
    is_bad = " OR ".join(f"coalesce({test}, false)" for test, _ in tests)
    db.execute(
        f"CREATE OR REPLACE TABLE repeated AS SELECT {key}, true AS is_repeated FROM answers "
        f"GROUP BY {key} HAVING count(*) > 1"
    )
    db.execute(
        f"CREATE OR REPLACE TABLE rejected AS SELECT answers.*, concat_ws(';', {cases}) AS codes FROM answers "
        f"LEFT JOIN asked USING (instrument, audience, question) LEFT JOIN repeated USING ({key}) WHERE {is_bad}"
    )
    names = ", ".join(name for name in NAMES if name not in {"sector", "level"})
    typed = f"{names}, coalesce(sector, '{sector}') AS sector, try_cast(level AS TINYINT) AS level"
    accepted, rejected = work / f"{feed.name}.parquet", work / f"{feed.name}-rejected.parquet"
    db.execute(
        f"COPY (SELECT {typed}, row FROM answers ANTI JOIN rejected USING (row)) TO '{accepted}' (FORMAT parquet)"
    )
    db.execute(f"COPY rejected TO '{rejected}' (FORMAT parquet)")
    [[rows, bad]] = db.execute("SELECT (SELECT count(*) FROM answers), (SELECT count(*) FROM rejected)").fetchall()
    return rows - bad, bad


def _count(db: duckdb.DuckDBPyConnection, feed: Path, work: Path) -> None:
    accepted = work / f"{feed.name}.parquet"
    described = ", ".join(f"first({name})" for name in ("organisation_type", "size_band", "region", "sector"))
    db.execute(
        f"INSERT INTO levels SELECT {', '.join(TABLE)}, organisation, {described}, quantile_disc(level, 0.5) "
        f"FROM '{accepted}' JOIN asked USING (instrument, audience, question) WHERE level IS NOT NULL "
        f"GROUP BY {', '.join(TABLE)}, organisation"
    )


def _test(name: str) -> str:
    column = KIND.column(name)
    if column.allowed:
        return f"{name} NOT IN ({', '.join(repr(value) for value in column.allowed)})"
    return f"NOT regexp_full_match({name}, '{column.pattern}')"


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
