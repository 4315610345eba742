"""What the pages of records take: 5,000 of them, with indexes and all, beside Hugo, which sets the same texts into
pages of the same parts: menu, trail, contents, facts, related records, citation. Both on all processors, in turn.

``python -m tests.bench.pages FOLDER WORK`` writes our pages of the library that is kept in ``FOLDER``, twice: the
second time one text has changed.
"""

from __future__ import annotations

import json
import os
import pickle
import shutil
import statistics
import subprocess
import sys
import time
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np

from hubs.contract.vocabularies import vocabulary
from pipelines.edition import Edition, LibraryRecord
from pipelines.publish import Texts, build_release, site
from tests.bench.measure import run
from tests.bench.publishing import HUBS, _sentence, _some, study
from tests.builders import a_case_study, a_hub, a_library, an_edition

RECORDS_N = 2_500
"""Each has a page in both languages."""
ROUNDS = 3
LIBRARY = "library.pickle"
SITE = Path(__file__).parent / "hugo"
"""Hugo's configuration and layouts."""


def the_library() -> dict[str, LibraryRecord]:
    """Case studies of 3,000 to 6,000 characters, from a seed."""
    rng = np.random.default_rng(20260101)
    sectors, technologies = list(vocabulary("sectors").terms), list(vocabulary("technology_types").terms)
    return a_library(
        *(
            a_case_study(
                f"study-{number:04d}",
                HUBS[number % len(HUBS)],
                title=_sentence(rng, 8),
                summary=" ".join(_sentence(rng, 14) for _ in range(2)),
                body=study(rng),
                sectors=_some(rng, sectors),
                technology_types=_some(rng, technologies),
                published=date(2025, 1, 1) + timedelta(days=number % 600),
            )
            for number in range(RECORDS_N)
        )
    )


def write_for_hugo(library: dict[str, LibraryRecord], folder: Path) -> None:
    """The same texts, in both languages, as Hugo reads them."""
    shutil.copytree(SITE, folder)
    for language in ("en", "cy"):
        place = folder / "content" / language / "records"
        place.mkdir(parents=True)
        for entry in library.values():
            document = entry.record.document
            head = {
                "title": document.heading,
                "description": entry.abstract,
                "hub": entry.record.hub,
                "sectors": document.sectors,
                "technology": document.technology_types,
                "date": str(document.published),
                "licence": document.licence,
            }
            (place / f"{entry.slug}.md").write_text(f"{json.dumps(head)}\n\n{entry.text}", encoding="utf-8")


def edition(library: dict[str, LibraryRecord]) -> Edition:
    """An edition of nothing but these records."""
    return an_edition(library=library, packs=(), hubs=tuple(a_hub(hub) for hub in HUBS), withdrawn=())


def write_ours(folder: Path, work: Path) -> dict[str, Any]:
    """Write the pages into ``work``, and again with one text changed. Seconds of both, and the number of pages."""
    library = pickle.loads((folder / LIBRARY).read_bytes())
    own = next(iter(library.values()))
    other = library | {own.id: replace(own, text=f"{own.text}\n\nOne more sentence.\n")}
    # What pages say of other files: a small release has as many of them.
    build_release(an_edition(), work / "small")
    sizes = {path.relative_to(work / "small").as_posix(): path.stat().st_size for path in (work / "small").rglob("*.*")}
    changes = json.loads((work / "small/changes.json").read_text(encoding="utf-8"))
    seconds = []
    for number, texts in enumerate((library, other)):
        made = edition(texts)
        start = time.perf_counter()
        site.write_site(
            made, work / f"release-{number}", sizes, changes, os.cpu_count() or 1, texts=Texts(work / "texts")
        )
        seconds.append(time.perf_counter() - start)
    pages = len(list((work / "release-0").glob("*/records/*.html")))
    return {"seconds": seconds, "pages": pages}


def time_hugo(folder: Path, work: Path) -> float:
    """Seconds that Hugo takes."""
    shutil.rmtree(work, ignore_errors=True)
    start = time.perf_counter()
    subprocess.run(["hugo", "--quiet", "--source", str(folder), "--destination", str(work)], check=True)
    seconds = time.perf_counter() - start
    pages = len(list(work.glob("*/records/*/index.html")))
    if pages != 2 * RECORDS_N:
        raise AssertionError(f"Hugo wrote {pages} pages of {2 * RECORDS_N}")
    return seconds


def main(folder: Path = Path("build/bench/pages")) -> None:
    """Both in turn, and how they compare."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    library = the_library()
    (folder / LIBRARY).write_bytes(pickle.dumps(library))
    write_for_hugo(library, folder / "hugo")
    ratios, again, figures = [], [], []
    for _ in range(ROUNDS):
        theirs = time_hugo(folder / "hugo", folder.absolute() / "hugo-pages")
        ours = run("pages", folder, folder / "work")
        first, second = ours.result["seconds"]
        ratios.append(first / theirs)
        again.append(second / theirs)
        figures.append(f"{first:.1f} | {second:.1f} | {theirs:.1f} | {ratios[-1]:.2f} | {again[-1]:.2f} |")
    print(f"{ours.result['pages']:,} pages of records, {RECORDS_N:,} texts, peak {ours.peak_mb:.0f} MB\n")
    print("| hubpacks, s | one text changed, s | Hugo, s | × Hugo | one text changed, × Hugo |\n|--:|--:|--:|--:|--:|")
    print("\n".join(f"| {line}" for line in figures))
    print(f"\nMedian: {statistics.median(ratios):.2f} times Hugo (asked: 3); again {statistics.median(again):.2f}.")


if __name__ == "__main__":
    print(json.dumps(write_ours(Path(sys.argv[1]), Path(sys.argv[2]))))
