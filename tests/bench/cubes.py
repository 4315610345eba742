"""From accepted returns to the true cube: by the line beside bare DuckDB, and by each engine that can be set."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from hubs.instruments import instruments
from tests.bench.counting import check_cube
from tests.bench.generator import INSTRUMENT, Work, write_returns
from tests.bench.measure import Case, Run, Way, empty, ours

ROWS = (1_000_000, 20_000_000)
HUBS = 50


def cases(folder: Path) -> Iterator[Case]:
    """Each number of answers, and half of the most in half of the hubs and in one."""
    half = ROWS[-1] // 2
    works = [*(Work(rows, HUBS, bad=0) for rows in ROWS), Work(half, HUBS // 2, bad=0), Work(half, 1, bad=0)]
    for work in works:
        ways = {"hubpacks": "counting", "bare DuckDB": "grouping"}
        yield _case(folder, work, ways, f"{work.rows:,} answers to cube, {work.hubs} hubs")


def engine_cases(folder: Path) -> Iterator[Case]:
    """The same by each engine of ``pipelines.engines``."""
    for rows in ROWS:
        ways = {"duckdb": "counting_duckdb", "spark": "counting_spark", "arrow": "counting"}
        yield _case(folder, Work(rows, HUBS, bad=0), ways, f"{rows:,} answers to cube, {HUBS} hubs, by engine", 1)


def _case(folder: Path, work: Work, modules: dict[str, str], name: str, rounds: int = 3) -> Case:
    returns = folder / f"returns-{work.rows}-{work.hubs}"
    write_returns(returns, work, instruments()[INSTRUMENT])
    places = {label: folder / "work" / module for label, module in modules.items()}
    ways = tuple(
        Way(label, ours(module, returns, places[label]), lambda label=label: empty(places[label]))  # type: ignore[misc]
        for label, module in modules.items()
    )

    def agree(_: dict[str, Run]) -> None:
        *others, last = places.values()
        for other in others:
            check_cube(other, last)

    return Case(name, ways, rounds=rounds, warm_ups=1 if rounds > 1 else 0, agree=agree)
