"""The product's own line from feeds, as one process: ``python -m tests.bench.product FEEDS WORK [UNTIL]``.

``UNTIL`` says where it ends: at the true ``cube``, which is where the rival ends; at the ``library`` as well; or at the
``benchmarks``, which are rounded and attacked before they may be published.
"""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import yaml

from pipelines import line
from pipelines.policy import read_policy
from tests.bench.counting import rows
from tests.bench.generator import hub_sector

NOW = datetime(2026, 12, 1, tzinfo=UTC)
UNTIL = ("cube", "library", "benchmarks")


def main(feeds: Path, work: Path, until: str = "cube") -> None:
    """Pull, judge and count all of ``feeds`` into a fresh store in ``work``; what is counted goes to ``cube.parquet``:
    each group and level that somebody is on, or the benchmarks.
    """
    register(feeds, work / "registry")
    opened = line.open_line(work / "registry", work / "store", work / "public")
    line.gather_all(opened, NOW, lambda _stage, _what: None)
    documents = len(line.make_library(opened)) if until == "library" else 0
    counted = line.make_benchmarks(opened) if until == "benchmarks" else cube(opened)
    if counted is not None:
        pq.write_table(counted, work / "cube.parquet")
    counts = [state.counts for state in line.standings(opened)]
    told = {name: sum(count[f"answers_{name}"] for count in counts) for name in ("accepted", "quarantined")}
    print(json.dumps(told | ({"records": documents} if documents else {})))


def cube(opened: line.Line) -> pa.Table | None:
    """The true cube of all feeds in use, counted a wave at a time, as it is told; None where no feed is."""
    everybody = line.everybody(opened)
    cubes = (everybody.cube(wave, read_policy()) for _, wave in everybody.waves)
    parts = [part for counted in cubes for counts in counted for part in rows(counts)]
    return pa.concat_tables(parts) if parts else None


def register(feeds: Path, registry: Path) -> None:
    """A registration for each of ``feeds``."""
    registry.mkdir(parents=True)
    for number, feed in enumerate(sorted(feeds.iterdir())):
        registration = {
            "id": feed.name,
            "name": {"en": feed.name},
            "sector": hub_sector(number),
            "owner": {"role": "Owner"},
            "data_contact": {"role": "Data contact"},
            "address": str(feed.resolve()),
        }
        (registry / f"{feed.name}.yaml").write_text(yaml.safe_dump(registration), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), *sys.argv[3:])
