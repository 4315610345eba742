"""From feeds to the true cube by the product's own line, beside bare DuckDB: how time and memory grow with answers and
with hubs, and what rubbish costs. What is told of the cube, rounded and attacked, is for ``disclose``; it is here only
so that it is seen beside the rest.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pyarrow.parquet as pq

from hubs.contract.groups import ALL, ATTRIBUTES, TABLE
from hubs.instruments import instruments
from tests.bench.counting import check_cube
from tests.bench.generator import INSTRUMENT, WORST, Work, write_feeds
from tests.bench.measure import Case, Reach, Run, Way, empty, ours

FEW, MANY, MOST = Work(1_000_000), Work(20_000_000), Work(100_000_000, hubs=250)
"""A hub of ``MANY`` and of ``MOST`` has as many answers."""
HUB_ROWS, HUB_DOCUMENTS = 2_000, 3
"""What a hub has where their number grows."""
BASE = 5
"""Published numbers are rounded to multiples of it."""
HUBPACKS, RIVAL = "hubpacks", "bare DuckDB"


def cases(folder: Path) -> Iterator[Case]:
    """All but the largest."""
    yield _beside_rival(folder, FEW, Reach(HUBPACKS, RIVAL, 2.0))
    yield _beside_rival(folder, MANY, Reach(HUBPACKS, RIVAL, 0.8, stretch=0.5), Reach(HUBPACKS, "", 750, "peak_mb"))
    yield _every_row_bad(folder)
    yield _more_hubs(folder)
    yield _to_benchmarks(folder)


def largest_cases(folder: Path) -> Iterator[Case]:
    """Five times as many answers in five times as many hubs: minutes, and 30 GB of disk."""
    most, many = f"{MOST.rows:,} answers", f"{MANY.rows:,} answers"
    yield Case(
        f"{most} in {MOST.hubs} hubs to cube",
        (_way(most, folder, MOST), _way(many, folder, MANY)),
        (Reach(most, many, 1.2, "peak_mb"), Reach(most, many, 1.2 * MOST.rows / MANY.rows)),
        rounds=1,
        warm_ups=0,
    )


def _beside_rival(folder: Path, work: Work, *reaches: Reach) -> Case:
    ways = _way(HUBPACKS, folder, work), _way(RIVAL, folder, work, "rival")

    def agree(runs: dict[str, Run]) -> None:
        own, other = (runs[label].result for label in (HUBPACKS, RIVAL))
        assert own == other, (own, other)
        check_cube(*(_place(folder, label) for label in (HUBPACKS, RIVAL)))

    return Case(f"{work.rows:,} answers in {work.hubs} hubs to cube", ways, reaches, agree=agree)


def _every_row_bad(folder: Path) -> Case:
    """Each feed is held: nothing is left to count."""
    clean = _way("clean", folder, Work(FEW.rows, bad=0.0))
    worst = {how: Work(FEW.rows, worst=how) for how in WORST} | {"each in one way": Work(FEW.rows, bad=1.0)}
    ways = [_way(label, folder, work) for label, work in worst.items()]

    def agree(runs: dict[str, Run]) -> None:
        bad = {label: run.result["quarantined"] for label, run in runs.items() if label != clean.label}
        # A row that has become like the one before it is bad only while that one stays as it is.
        assert min(bad.values()) > 0.95 * FEW.rows, bad

    reaches = tuple(Reach(label, clean.label, 3.0) for label in worst)
    return Case(f"{FEW.rows:,} answers in {FEW.hubs} hubs, every one bad", (*ways, clean), reaches, agree=agree)


def _more_hubs(folder: Path) -> Case:
    """With documents, so that the library is made as well. What one hub takes is start-up."""
    numbers = (1_000, 100, 1)
    works = [Work(HUB_ROWS * hubs, hubs, documents=HUB_DOCUMENTS) for hubs in numbers]
    labels = [f"{hubs:,} hubs" for hubs in numbers]
    ways = tuple(_way(label, folder, work, "product", "library") for label, work in zip(labels, works, strict=True))
    many, few, start_up = labels
    reach = Reach(many, few, 1.2 * numbers[0] / numbers[1], start_up=start_up)
    return Case(f"hubs of {HUB_ROWS:,} answers and {HUB_DOCUMENTS} documents to cube and library", ways, (reach,))


def _to_benchmarks(folder: Path) -> Case:
    told, rival = "to benchmarks", _way(RIVAL, folder, FEW, "rival")

    def agree(_: dict[str, Run]) -> None:
        check_agreement(_place(folder, told), _place(folder, RIVAL))

    ways = _way(told, folder, FEW, "product", "benchmarks"), _way("to cube", folder, FEW), rival
    return Case(f"{FEW.rows:,} answers in {FEW.hubs} hubs to benchmarks", ways, rounds=1, warm_ups=0, agree=agree)


def _way(label: str, folder: Path, work: Work, module: str = "product", *arguments: str) -> Way:
    place, feeds = _place(folder, label), _feeds(folder, work)
    return Way(label, ours(module, feeds, place, *arguments), lambda: empty(place))


def _place(folder: Path, label: str) -> Path:
    return folder / "work" / label.replace(" ", "-")


def _feeds(folder: Path, work: Work) -> Path:
    name = "-".join(map(str, (work.rows, work.hubs, work.bad, work.documents, *work.worst.split())))
    feeds = folder / "feeds" / name
    write_feeds(feeds, work, instruments()[INSTRUMENT])
    return feeds


def check_agreement(product: Path, rival: Path) -> None:
    """Every number of organisations that the product publishes is less than a base from the rival's. Raises
    AssertionError.
    """
    keys = [*TABLE, *ATTRIBUTES]
    told = pq.read_table(product / "cube.parquet").to_pandas().dropna(subset="n")
    counted = pq.read_table(rival / "cube.parquet").to_pandas().fillna(dict.fromkeys(ATTRIBUTES, ALL))
    counted = counted.groupby(keys, as_index=False)["n"].sum()
    both = told.merge(counted, on=keys, suffixes=("", "_rival"), validate="one_to_one")
    wrong = (both["n"] - both["n_rival"]).abs() >= BASE
    if len(both) != len(told) or not len(told) or wrong.any():
        raise AssertionError(f"{len(told) - len(both)} groups are missing, {int(wrong.sum())} are wrong")
