"""The product's own line from feeds to benchmarks, as one process: ``python -m tests.bench.product FEEDS WORK``."""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime
from pathlib import Path

import pyarrow.parquet as pq
import yaml

from pipelines import line
from tests.bench.generator import hub_sector

NOW = datetime(2026, 12, 1, tzinfo=UTC)


def main(feeds: Path, work: Path) -> None:
    """Pull, judge and count all of ``feeds`` into a fresh store in ``work``; benchmarks go to ``cube.parquet``."""
    registry = work / "registry"
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
    opened = line.open_line(registry, work / "store", work / "public")
    line.gather_all(opened, NOW, lambda _stage, _what: None)
    pq.write_table(line.make_benchmarks(opened), work / "cube.parquet")
    counts = [state.counts for state in line.standings(opened)]
    rows = {name: sum(count[f"answers_{name}"] for count in counts) for name in ("accepted", "quarantined")}
    print(json.dumps(rows))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
