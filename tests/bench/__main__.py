"""``python -m tests.bench``: what the product runs, beside bare DuckDB doing the same, in one run and in turn."""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path

import pyarrow.parquet as pq

from hubs.instruments import instruments
from tests.bench.generator import Work, write_feeds
from tests.bench.measure import Run, run

INSTRUMENT = "interop-baseline-v1"
KEYS = ["period", "instrument", "audience", "dimension", "sector", "organisation_type", "size_band", "region"]


@dataclass(frozen=True)
class Case:
    """Work to do, by whom, how often."""

    name: str
    work: Work
    contenders: tuple[str, ...]
    runs: int


def cases(rows: list[int], hubs: int, runs: int, *, is_full: bool) -> list[Case]:
    """The cases: each number of rows against the rival; with ``is_full`` also what memory and bad rows do."""
    found = [Case(f"{n:,} answers, {hubs} hubs", Work(n, hubs), ("product", "rival"), runs) for n in rows]
    if is_full:
        half, few = max(rows) // 2, min(rows)
        found.append(Case(f"{half:,} answers, {hubs // 2} hubs", Work(half, hubs // 2), ("product",), 1))
        found.append(Case(f"{half:,} answers, 1 hub", Work(half, 1), ("product", "rival"), 1))
        found.append(Case(f"{few:,} answers, every row bad", Work(few, hubs, bad=1.0), ("product", "rival"), runs))
    return found


def measure(case: Case, folder: Path) -> list[Run]:
    """Run the contenders in turn, and check that they agree."""
    feeds = folder / "feeds" / f"{case.work.rows}-{case.work.hubs}-{case.work.bad}"
    write_feeds(feeds, case.work, instruments()[INSTRUMENT])
    done = []
    for _ in range(case.runs):
        for contender in case.contenders:
            done.append(run(contender, feeds, folder / "work" / contender))
            print(f"{case.name}: {contender} {done[-1].seconds:.1f} s, {done[-1].peak_mb:.0f} MB", flush=True)
    if len(case.contenders) > 1:
        results = {json.dumps(one.result) for one in done}
        if len(results) > 1:
            raise AssertionError(f"{case.name}: the contenders do not agree: {results}")
        if case.work.bad < 1 and case.work.hubs > 1:  # of one hub, or of none, nothing is published
            check_agreement(folder / "work" / "product", folder / "work" / "rival")
    return done


def check_agreement(product: Path, rival: Path) -> None:
    """Every figure that the product publishes is the rival's, rounded."""
    told = pq.read_table(product / "cube.parquet").to_pandas().dropna(subset="n")
    counted = pq.read_table(rival / "cube.parquet").to_pandas().fillna(dict.fromkeys(KEYS, "all"))
    both = told.merge(counted, on=KEYS, suffixes=("", "_rival"), validate="one_to_one")
    wrong = (both["n"] != both["n_rival"] // 5 * 5) | (
        both["median"].notna() & (both["median"] != both["median_rival"])
    )
    if len(both) != len(told) or not len(told) or wrong.any():
        raise AssertionError(f"{len(told) - len(both)} groups are missing, {int(wrong.sum())} are wrong")


def table(done: dict[str, list[Run]]) -> str:
    """Markdown: medians by case and contender, and the ratio to the rival."""
    lines = ["| work | way | s | processor s | peak MB | × DuckDB |", "|---|---|--:|--:|--:|--:|"]
    for name, runs in done.items():
        seconds = {
            c: statistics.median(r.seconds for r in runs if r.contender == c) for c in {r.contender for r in runs}
        }
        for contender in sorted(seconds):
            own = [r for r in runs if r.contender == contender]
            ratio = f"{seconds[contender] / seconds['rival']:.2f}" if "rival" in seconds else ""
            cpu, peak = statistics.median(r.cpu_s for r in own), max(r.peak_mb for r in own)
            label = {"product": "hubpacks", "rival": "bare DuckDB"}[contender]
            lines.append(f"| {name} | {label} | {seconds[contender]:.1f} | {cpu:.1f} | {peak:.0f} | {ratio} |")
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
    parser.add_argument("--out", type=Path, default=Path("build/bench"))
    options = parser.parse_args()
    started = environment()
    done = {}
    for case in cases(options.rows, options.hubs, options.runs, is_full=options.full):
        done[case.name] = measure(case, options.out)
    text = table(done)
    print(text)
    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / "bench.md").write_text(text + "\n", encoding="utf-8")
    report = {"environment": started, "runs": {name: [asdict(r) for r in runs] for name, runs in done.items()}}
    (options.out / "bench.json").write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
