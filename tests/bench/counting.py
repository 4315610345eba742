"""From accepted returns to the true cube as the line counts it: ``python -m tests.bench.counting RETURNS WORK``.

The levels of each hub's organisations are kept in a store, and read again when they are combined. Nothing is judged
before it, or rounded after it.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from hubs.contract.groups import ALL, ATTRIBUTES, TABLE
from hubs.instruments import instruments
from pipelines.benchmark import by_period
from pipelines.cube import Counts
from pipelines.engines import ARROW, Engine, Returns
from pipelines.policy import Policy
from pipelines.store import Store

WORKERS = 2
"""Hubs that are counted at once, as by ``pipelines.line``, which would bring all connectors."""


def main(returns: Path, work: Path, engine: Engine = ARROW) -> None:
    """Count all of ``returns``, a file a hub; each group and level that somebody is on goes to ``cube.parquet``."""
    store, banks = Store(work / "store"), instruments()
    files = {file.stem: [file] for file in sorted(returns.glob("*.parquet"))}

    def count(some: Returns) -> dict[str, Path]:
        paths = {}
        for hub, levels in engine.organisation_levels(some, banks):
            paths[hub] = work / "levels" / f"{hub}.parquet"
            store.write_table(paths[hub], *by_period(levels))
        return paths

    if engine.is_at_once:
        kept = count(files)
    else:
        with ThreadPoolExecutor(WORKERS) as pool:
            done = pool.map(count, ({hub: paths} for hub, paths in files.items()))
            kept = {hub: path for one in done for hub, path in one.items()}
    everybody = engine.everybody(kept)
    cubes = (everybody.cube(wave, Policy()) for _, wave in everybody.waves)
    parts = [part for cube in cubes for counts in cube for part in rows(counts)]
    table = pa.concat_tables(parts)
    pq.write_table(table, work / "cube.parquet")
    print(json.dumps({"groups": table.num_rows}))


def rows(counts: Counts) -> Iterator[pa.Table]:
    """A row for each group and level that somebody is on; ``all`` stands where a breakdown does not group."""
    for breakdown, levels in zip(counts.cube, counts.levels, strict=True):
        cell, level = np.nonzero(levels)
        keys = dict(zip(TABLE, counts.key, strict=True))
        terms = [breakdown.keys(breakdown.cells[i]) for i in cell.tolist()]
        columns = {name: [value] * len(cell) for name, value in keys.items()}
        columns |= {name: [term[name] for term in terms] for name in ATTRIBUTES}
        text = {name: pa.array(values, pa.string()) for name, values in columns.items()}
        yield pa.table(text | {"level": level.astype(np.int8), "n": levels[cell, level].astype(np.int64)})


def check_cube(product: Path, rival: Path) -> None:
    """Both folders have a ``cube.parquet`` with the same number in every group and on every level. Raises
    AssertionError.
    """
    counted, other = (_counts(folder / "cube.parquet") for folder in (product, rival))
    different = sorted(key for key in counted.keys() | other.keys() if counted.get(key) != other.get(key))
    if different or not counted:
        raise AssertionError(f"{len(different)} of {len(counted)} counts differ: {different[:3]}")


def _counts(file: Path) -> dict[tuple[str, ...], str]:
    table = pq.read_table(file, columns=[*TABLE, *ATTRIBUTES, "level", "n"])
    columns = [column.cast(pa.string()).fill_null(ALL).to_pylist() for column in table.columns]
    return {tuple(key): n for *key, n in zip(*columns, strict=True)}


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
