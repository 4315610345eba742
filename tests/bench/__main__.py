"""``python -m tests.bench``: what the product runs, beside bare DuckDB doing the same, in one run and in turn."""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
from collections import defaultdict
from collections.abc import Callable
from dataclasses import asdict, astuple, dataclass, replace
from importlib.metadata import version
from pathlib import Path

import pyarrow.parquet as pq

from hubs.instruments import instruments
from tests.bench import breaker, disclose, intruder, lighthouse, orchestration, pages, publishing, searching
from tests.bench.counting import check_cube
from tests.bench.generator import WORST, Work, write_feeds, write_returns
from tests.bench.measure import Run, run

INSTRUMENT = "interop-baseline-v1"
KEYS = ["period", "instrument", "audience", "dimension", "sector", "organisation_type", "size_band", "region"]


@dataclass(frozen=True)
class Contender:
    """Who does what: ``module`` of this package, over the feeds of ``work``."""

    label: str
    module: str
    work: Work


@dataclass(frozen=True)
class Case:
    """Contenders that take turns, how often. The last of them is what the others are measured by. ``write`` makes what
    they read; ``agree`` raises unless one has written the same into its folder as the last.
    """

    name: str
    contenders: tuple[Contender, ...]
    runs: int
    write: Callable[..., object] = write_feeds
    agree: Callable[[Path, Path], None] | None = None


def cases(rows: list[int], hubs: int, runs: int, *, is_full: bool) -> list[Case]:
    """The cases: each number of rows against the rival; with ``is_full`` also what memory and bad rows do."""
    found = [_line(f"{n:,} answers, {hubs} hubs", Work(n, hubs), runs) for n in rows]
    if is_full:
        half, few = max(rows) // 2, min(rows)
        found.append(_line(f"{half:,} answers, {hubs // 2} hubs", Work(half, hubs // 2), 1))
        found.append(_line(f"{half:,} answers, 1 hub", Work(half, 1), 1))
        found.append(_line(f"{few:,} answers, every row bad", Work(few, hubs, bad=1.0), runs))
    return found


def check_cases(rows: int, runs: int) -> list[Case]:
    """``hubpacks check`` of one file: beside the rival, of four times as much, and with every row bad."""
    clean, more = Work(rows, 1), Work(4 * rows, 1)
    worst = [Contender(f"check, {how}", "check", Work(rows, 1, worst=how)) for how in WORST]
    return [
        _check(clean, runs),
        _check(more, 1),
        Case("every row bad", (*worst, Contender("clean", "check", clean)), runs),
    ]


def cube_cases(rows: list[int], hubs: int, runs: int) -> list[Case]:
    """From accepted returns to the true cube: each number of rows beside the rival, and half of the most."""
    half = max(rows) // 2
    found = [_cube(Work(n, hubs, bad=0), runs) for n in rows]
    return [*found, _cube(Work(half, max(hubs // 2, 1), bad=0), 1), _cube(Work(half, 1, bad=0), 1)]


def _cube(work: Work, runs: int) -> Case:
    contenders = Contender("hubpacks", "counting", work), Contender("bare DuckDB", "grouping", work)
    name = f"{work.rows:,} answers to cube, {work.hubs} hubs"
    return Case(name, contenders, runs, write=write_returns, agree=check_cube)


def engine_cases(rows: list[int], hubs: int, runs: int) -> list[Case]:
    """The same by each engine of ``pipelines.engines``."""
    found = []
    for work in (Work(n, hubs, bad=0) for n in rows):
        others = [Contender(name, f"counting_{name}", work) for name in ("duckdb", "spark")]
        name = f"{work.rows:,} answers to cube, {work.hubs} hubs, by engine"
        found.append(Case(name, (*others, Contender("arrow", "counting", work)), runs, write_returns, check_cube))
    return found


def _line(name: str, work: Work, runs: int) -> Case:
    contenders = Contender("hubpacks", "product", work), Contender("bare DuckDB", "rival", work)
    is_told = work.bad < 1 and work.hubs > 1  # of one hub nothing is published
    return Case(name, contenders, runs, agree=check_agreement if is_told else None)


def _check(work: Work, runs: int) -> Case:
    rival = Contender("bare DuckDB, no count", "rows", work)
    return Case(f"check of {work.rows:,} answers", (Contender("hubpacks check", "check", work), rival), runs)


def measure(case: Case, folder: Path) -> list[Run]:
    """Run the contenders in turn, and check that those with the same work agree."""
    done, results = [], defaultdict(set)
    for number in range(case.runs):
        for one in case.contenders:
            what = case.write.__name__.removeprefix("write_")
            feeds = folder / what / "-".join(map(str, filter(None, astuple(one.work))))
            if not number:
                case.write(feeds, one.work, instruments()[INSTRUMENT])
            finished = replace(run(one.module, feeds, folder / "work" / one.module), contender=one.label)
            done.append(finished)
            results[one.work].add(json.dumps(finished.result))
            print(f"{case.name}: {one.label} {finished.seconds:.1f} s, {finished.peak_mb:.0f} MB", flush=True)
    if any(len(told) > 1 for told in results.values()):
        raise AssertionError(f"{case.name}: the contenders do not agree: {results}")
    if case.agree:
        *others, last = case.contenders
        for one in others:
            case.agree(folder / "work" / one.module, folder / "work" / last.module)
    return done


def check_agreement(product: Path, rival: Path) -> None:
    """Every number of organisations that the product publishes is less than a base from the rival's."""
    told = pq.read_table(product / "cube.parquet").to_pandas().dropna(subset="n")
    counted = pq.read_table(rival / "cube.parquet").to_pandas().fillna(dict.fromkeys(KEYS, "all"))
    both = told.merge(counted, on=KEYS, suffixes=("", "_rival"), validate="one_to_one")
    wrong = (both["n"] - both["n_rival"]).abs() >= 5
    if len(both) != len(told) or not len(told) or wrong.any():
        raise AssertionError(f"{len(told) - len(both)} groups are missing, {int(wrong.sum())} are wrong")


def table(done: dict[str, list[Run]]) -> str:
    """Markdown: medians by case and contender, and the ratios to the last contender of the case, round by round."""
    lines = ["| work | way | s | processor s | peak MB | × the last | × processor |", "|---|---|--:|--:|--:|--:|--:|"]
    for name, runs in done.items():
        by_contender: dict[str, list[Run]] = defaultdict(list)
        for one in runs:
            by_contender[one.contender].append(one)
        last = list(by_contender.values())[-1]
        for label, own in by_contender.items():
            seconds, cpu = (statistics.median(getattr(r, figure) for r in own) for figure in ("seconds", "cpu_s"))
            rounds = list(zip(own, last, strict=True))
            ratio = statistics.median(one.seconds / other.seconds for one, other in rounds)
            cpu_ratio = statistics.median(one.cpu_s / other.cpu_s for one, other in rounds)
            peak = max(r.peak_mb for r in own)
            figures = f"{seconds:.1f} | {cpu:.1f} | {peak:.0f} | {ratio:.2f} | {cpu_ratio:.2f}"
            lines.append(f"| {name} | {label} | {figures} |")
    return "\n".join(lines)


def environment() -> dict[str, object]:
    """What the figures depend on besides the code."""
    packages = ("pyarrow", "numpy", "pandas", "great-expectations", "duckdb")
    return {
        "python": platform.python_version(),
        "machine": platform.machine(),
        "processors": os.cpu_count(),
        "load_1_min": os.getloadavg()[0],
        "versions": {name: version(name) for name in packages},
    }


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--rows", type=int, nargs="+", default=[1_000_000, 20_000_000])
    parser.add_argument("--hubs", type=int, default=50)
    parser.add_argument("--runs", type=int, default=3, help="rounds, each contender in turn; the median counts")
    parser.add_argument("--full", action="store_true", help="also half the hubs, one hub, and every row bad")
    parser.add_argument("--check", action="store_true", help="only hubpacks check, of the least number of rows")
    parser.add_argument("--cube", action="store_true", help="only the counting, from accepted returns to the true cube")
    parser.add_argument("--engines", action="store_true", help="the same, only by each engine that can be set")
    parser.add_argument("--out", type=Path, default=Path("build/bench"))
    parser.add_argument("--breaker", action="store_true", help="only how well the breaker tells changes apart")
    parser.add_argument("--disclose", action="store_true", help="only how long the benchmarks take to round")
    parser.add_argument(
        "--intruder", action="store_true", help="only what a release helps to guess about organisations"
    )
    parser.add_argument("--publish", action="store_true", help="only what a release costs, and the one after it")
    parser.add_argument("--search", action="store_true", help="only how soon the search answers, in Chromium")
    parser.add_argument("--lighthouse", action="store_true", help="only what Lighthouse says of five types of page")
    parser.add_argument("--pages", action="store_true", help="only what pages of records take, beside Hugo")
    parser.add_argument("--dagster", action="store_true", help="only what Dagster costs beside the bare line")
    options = parser.parse_args()
    alone = (
        (breaker, options.breaker),
        (disclose, options.disclose),
        (intruder, options.intruder),
        (publishing, options.publish),
        (searching, options.search),
        (lighthouse, options.lighthouse),
        (pages, options.pages),
        (orchestration, options.dagster),
    )
    for part, is_alone in alone:
        if is_alone:
            part.main()
            return
    started = environment()
    done = {}
    is_whole = not (options.check or options.cube or options.engines)
    chosen = cases(options.rows, options.hubs, options.runs, is_full=options.full) if is_whole else []
    if is_whole or options.cube:
        chosen += cube_cases(options.rows, options.hubs, options.runs)
    if options.engines:
        chosen += engine_cases(options.rows, options.hubs, options.runs)
    if is_whole or options.check:
        chosen += check_cases(min(options.rows), options.runs)
    for case in chosen:
        done[case.name] = measure(case, options.out)
    text = table(done)
    print(text)
    if is_whole:
        breaker.main()
    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / "bench.md").write_text(text + "\n", encoding="utf-8")
    report = {"environment": started, "runs": {name: [asdict(r) for r in runs] for name, runs in done.items()}}
    (options.out / "bench.json").write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
