"""``python -m tests.bench.intruder``: how much better somebody guesses an organisation's level who has the release.

The intruder knows of an organisation what anybody can look up: sector, type, size, region. With the release they say
the commonest level of the group that tells most about it; without, that of its sector as a whole.
"""

from __future__ import annotations

import tempfile
from collections import defaultdict
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path

from hubs.contract.groups import ALL, ATTRIBUTES, TABLE
from pipelines.line import everybody, open_line
from pipelines.releasing import run
from pipelines.settings import DEFAULTS

MOST_OVERALL, MOST_IN_A_GROUP = 10, 20
"""Points by which the release may help."""
LEAST_OF_A_GROUP = 10
"""Organisations; of fewer no group is told."""

Row = Mapping[str, object]


def guesses(distributions: list[Row]) -> dict[tuple[object, ...], tuple[float, object]]:
    """By table and group the largest share of a level, and that level (of a band, its lower one)."""
    found: dict[tuple[object, ...], tuple[float, object]] = {}
    for row in distributions:
        key = (*(row[name] for name in TABLE), row["breakdown"], *(row[name] for name in ATTRIBUTES))
        share = float(row["share"] or 0)  # type: ignore[arg-type]
        if share > found.get(key, (-1.0, None))[0]:
            found[key] = share, int(str(row["level"])[0])
    return found


def scored(
    organisations: list[dict[str, object]], found: Mapping[tuple[object, ...], tuple[float, object]]
) -> Iterator[tuple[tuple[object, ...], bool, bool]]:
    """For each organisation and dimension its sector and size, and whether the guess is right with the release, and
    from the sector alone.
    """
    by = {"total": (), "sector_size_band": ("sector", "size_band")} | {name: (name,) for name in ATTRIBUTES}
    for one in organisations:
        table = tuple(one[name] for name in TABLE)
        told = {
            name: found[key]
            for name, attributes in by.items()
            if (key := (*table, name, *(one[a] if a in attributes else ALL for a in ATTRIBUTES))) in found
        }
        if "sector" in told:
            best = max(told.values(), key=lambda guess: guess[0])[1]
            yield (one["sector"], one["size_band"]), best == one["level"], told["sector"][1] == one["level"]


def main() -> None:
    """Print the figures for the sample hubs."""
    with tempfile.TemporaryDirectory() as folder:
        line = open_line(DEFAULTS["registry"], Path(folder) / "store", Path(folder) / "public")
        run(line, datetime.now(UTC), lambda _stage, _what: None)
        organisations = [one for _, wave in everybody(line).waves for one in wave.to_pylist()]
        done = list(scored(organisations, guesses(line.store.distributions().to_pylist())))
    groups = defaultdict(list)
    for group, *right in done:
        groups[group].append(right)
    gain = {g: 100 * (sum(w for w, _ in r) - sum(s for _, s in r)) / len(r) for g, r in groups.items()}
    overall = 100 * (sum(w for _, w, _ in done) - sum(s for _, _, s in done)) / len(done)
    worst = max((gain[g], g) for g, r in groups.items() if len(r) >= LEAST_OF_A_GROUP)
    print(f"{len(done):,} guesses: right with the release {sum(w for _, w, _ in done) / len(done):.1%}, ", end="")
    print(f"from the sector alone {sum(s for _, _, s in done) / len(done):.1%}")
    print(f"gain: {overall:.1f} points overall (aim: {MOST_OVERALL} at most), ", end="")
    print(f"{worst[0]:.1f} in the worst group, {worst[1]} (aim: {MOST_IN_A_GROUP} at most)")


if __name__ == "__main__":
    main()
