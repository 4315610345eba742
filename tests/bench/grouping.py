"""The same cube by bare DuckDB's group-by: ``python -m tests.bench.grouping RETURNS WORK``.

See ``counting``. It keeps nothing for each hub, does not count what each hub has to itself, and cannot tell later
whether anything has changed. Answers are counted by level, which took DuckDB a tenth less than its own
``quantile_disc``.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from hubs.contract.groups import ATTRIBUTES
from pipelines.cube import LEVELS_N
from tests.bench.rival import BREAKDOWNS, TABLE, connect


def main(returns: Path, work: Path) -> None:
    """Count all of ``returns``; each group and level that somebody is on goes to ``cube.parquet``."""
    table, attributes = ", ".join(TABLE), ", ".join(ATTRIBUTES)
    described = ", ".join(f"any_value({name}) AS {name}" for name in ATTRIBUTES)
    reached = ", ".join(f"count_if(level <= {level}) AS to_{level}" for level in range(LEVELS_N))
    median = " ".join(f"WHEN 2 * to_{level} >= answers THEN {level}" for level in range(LEVELS_N))
    sets = ", ".join(f"({', '.join((*TABLE, 'level', *by))})" for by in BREAKDOWNS)
    db = connect(work)
    [[groups]] = db.execute(
        f"COPY (WITH answered AS (SELECT {table}, organisation, {described}, count(*) AS answers, {reached} "
        f"FROM '{returns}/*.parquet' JOIN asked USING (instrument, audience, question) WHERE level IS NOT NULL "
        f"GROUP BY {table}, organisation), "
        f"levels AS (SELECT {table}, {attributes}, CASE {median} END AS level FROM answered) "
        f"SELECT {table}, {attributes}, level, count(*) AS n FROM levels GROUP BY GROUPING SETS ({sets})) "
        f"TO '{work / 'cube.parquet'}' (FORMAT parquet)"
    ).fetchall()
    print(json.dumps({"groups": groups}))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
