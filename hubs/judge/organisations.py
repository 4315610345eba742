"""Organisations that are described in two ways within one period. A warning: the first description is used."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from hubs.judge.columns import Hashes, codes_of, combined, hashes_of
from hubs.judge.tallies import VALUES_NAMED, Tallies, Tally

ATTRIBUTES = ("organisation_type", "size_band", "region", "sector")
"""What is said of an organisation on each of its rows."""
IDENTITY = ("organisation", "period")
CODE = "conflicting_organisation"


class Descriptions:
    """Who is described how, over the stretches of one table: 16 bytes for each run of rows that say the same."""

    def __init__(self) -> None:
        self._runs: list[tuple[Hashes, Hashes]] = []

    def add(self, rows: pa.Table) -> None:
        """Remember the accepted ``rows``, columns of one chunk each."""
        if rows.num_rows:
            who, what = _hashes(rows)
            is_change = np.ones(len(who), bool)
            is_change[1:] = (who[1:] != who[:-1]) | (what[1:] != what[:-1])
            self._runs.append((who[is_change], what[is_change]))

    def tell(self, accepted: Path | None, tallies: Tallies) -> None:
        """Add the warnings to ``tallies``. The finished file ``accepted`` is read again only if there are any."""
        if accepted is None:
            return
        who, what = (np.concatenate(parts) for parts in zip(*self._runs, strict=True))
        at = np.argsort(who, kind="stable")
        is_first = np.ones(len(at), bool)
        is_first[1:] = who[at[1:]] != who[at[:-1]]
        first = at[is_first][np.cumsum(is_first) - 1]  # for each run, the first run of its organisation
        suspects = np.unique(first[what[at] != what[first]])  # in the order of rows
        if len(suspects):
            _tell(accepted, who[suspects], what[suspects], tallies)


def _hashes(rows: pa.Table) -> tuple[Hashes, Hashes]:
    """One hash a row for who is described, one for how."""
    hashes = {}
    for name in (*IDENTITY, *ATTRIBUTES):
        hashes[name] = hashes_of(rows[name].chunk(0).dictionary)[codes_of(rows[name])]
    return combined([hashes[name] for name in IDENTITY]), combined([hashes[name] for name in ATTRIBUTES])


def _tell(accepted: Path, suspects: Hashes, expected: Hashes, tallies: Tallies) -> None:
    order = np.argsort(suspects)
    first: list[dict[str, str] | None] = [None] * min(len(suspects), VALUES_NAMED)
    tally = [Tally() for _ in first]
    differing: list[set[str]] = [set() for _ in first]
    with pq.ParquetFile(accepted, read_dictionary=[*IDENTITY, *ATTRIBUTES]) as file:
        for number in range(file.num_row_groups):
            rows = file.read_row_group(number, columns=[*IDENTITY, *ATTRIBUTES, "row"]).unify_dictionaries()
            rows = rows.combine_chunks()
            who, what = _hashes(rows)
            at = order[np.minimum(np.searchsorted(suspects, who, sorter=order), len(suspects) - 1)]
            is_suspect = suspects[at] == who
            differs = is_suspect & (what != expected[at])
            for i in np.unique(at[is_suspect & (at < len(first))]).tolist():
                own = is_suspect & (at == i)
                described = first[i] or rows.slice(int(own.argmax()), 1).to_pylist()[0]
                first[i] = described
                others = rows.filter(pa.array(own & differs))
                differing[i] |= {n for n in ATTRIBUTES if set(pc.unique(others[n]).to_pylist()) - {described[n]}}
                tally[i].add(others["row"].to_numpy())
            tallies.add_rest(CODE, "organisation", rows["row"].to_numpy()[differs & (at >= len(first))])
    for described, names, count in zip(first, differing, tally, strict=True):
        if described is not None and names:
            detail = f"{described['period']}: {', '.join(sorted(names))}"
            tallies.add_tally(CODE, "organisation", described["organisation"], detail, count)
