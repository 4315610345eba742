"""``python -m tests.bench``: what the product runs, beside floors and peers that do the same, in turn in one run."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

from tests.bench import (
    again,
    breaker,
    checking,
    cubes,
    disclose,
    gathering,
    intruder,
    lighthouse,
    likeness,
    orchestration,
    pages,
    publishing,
    report,
    searching,
)
from tests.bench.measure import Case, Run, in_turn

COMPARED: dict[str, tuple[str, Callable[[Path], Iterator[Case]]]] = {
    "line": ("from feeds to the true cube, beside bare DuckDB, and how that grows", gathering.cases),
    "check": ("`hubpacks check` beside frictionless and bare DuckDB, and the start of the command", checking.cases),
    "cube": ("from accepted returns to the true cube, beside bare DuckDB", cubes.cases),
    "disclose": ("how rounding and the attack grow with organisations and with cells", disclose.cases),
    "likeness": ("how the search for near-copies grows with records", likeness.cases),
    "pages": ("5,000 pages of records beside Hugo and MkDocs", pages.cases),
    "packs": ("30 packs in all formats beside bare writers", publishing.cases),
    "again": ("a run in which nothing, a record or a hub has changed, beside a full one", again.cases),
    "search": ("how soon the search answers over 10,000 records in Chromium, and the first page", searching.cases),
}
"""Parts whose ways take turns: what they are, and their cases."""
RARE: dict[str, tuple[str, Callable[[Path], Iterator[Case]]]] = {
    "dagster": ("what Dagster costs beside the bare line, with 100 and with 1,000 hubs", orchestration.cases),
    "largest": ("a hundred million answers, for which 30 GB of disk are needed", gathering.largest_cases),
    "engines": ("the same by each engine that can be set", cubes.engine_cases),
}
"""Parts that are asked for by name, as they take long."""
TOLD: dict[str, tuple[str, Callable[[], object]]] = {
    "breaker": ("how well the breaker tells changes apart", breaker.main),
    "intruder": ("what a release helps to guess about organisations", intruder.main),
    "lighthouse": ("what Lighthouse says of five types of page, once `make test` has fetched it", lighthouse.main),
}
"""Parts that print tables of their own, as nothing there is compared."""


def parts_in_words() -> str:
    """What can be chosen, a line each."""
    every = {**COMPARED, **RARE, **TOLD}
    return "\n".join(f"  {name:<12}{words}" for name, (words, _) in every.items())


def main() -> None:
    """Measure what was chosen, print the tables, and write them down."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.bench",
        description=__doc__,
        epilog=f"Parts, of which {', '.join(RARE)} must be asked for:\n{parts_in_words()}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    every, usual = [*COMPARED, *RARE, *TOLD], [*COMPARED, *TOLD]
    parser.add_argument("parts", nargs="*", choices=every, default=usual, metavar="PART", help="see below")
    parser.add_argument("--out", type=Path, default=Path("build/bench"))
    parser.add_argument("--rounds", type=int, help="at most so many rounds, and none to warm up")
    options = parser.parse_args()
    started = report.environment()
    cases: list[Case] = []
    done: dict[str, dict[str, list[Run]]] = {}
    for name, (_, make) in {**COMPARED, **RARE}.items():
        if name in options.parts:
            for case in make(options.out.absolute() / name):
                fewer = {"rounds": min(options.rounds, case.rounds), "warm_ups": 0} if options.rounds else {}
                done[case.name] = in_turn(replace(case, **fewer), lambda line: print(line, flush=True))
                cases.append(case)
    if cases:
        print(f"\n{report.write(cases, done, options.out, started)}")
    for name, (_, tell) in TOLD.items():
        if name in options.parts:
            print(f"\n== {name}", flush=True)
            tell()


if __name__ == "__main__":
    main()
