"""What the pages of records take: 5,000 of them with all lists, the search index and the sitemap, beside Hugo and
MkDocs, which set the same texts into pages of the same parts: menu, trail, contents, facts, citation. Hugo finds
related records and makes a sitemap as we do, MkDocs a sitemap and an index to search.
"""

from __future__ import annotations

import json
import pickle
import shutil
from collections.abc import Iterator
from datetime import date, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from hubs.contract.vocabularies import vocabulary
from pipelines.edition import Edition, LibraryRecord
from pipelines.publish import build_release, release, writers
from tests.bench.measure import Case, Reach, Run, Way, empty, ours, peer
from tests.bench.paging import PREPARED
from tests.bench.publishing import HUBS, _sentence, _some, study
from tests.builders import a_case_study, a_hub, a_library, an_edition

RECORDS_N = 2_500
"""Each has a page in both languages."""
LAYOUTS = Path(__file__).parent
"""Configuration and layouts of Hugo and MkDocs, a folder each."""


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


def write_for_peers(library: dict[str, LibraryRecord], folder: Path) -> None:
    """The same texts, in both languages, as Hugo and MkDocs read them."""
    for name, content in (("hugo", "content"), ("mkdocs", "docs")):
        shutil.copytree(LAYOUTS / name, folder / name, dirs_exist_ok=True)
        for language in ("en", "cy"):
            place = folder / name / content / language / "records"
            place.mkdir(parents=True, exist_ok=True)
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
                front = json.dumps(head) if name == "hugo" else f"---\n{json.dumps(head)}\n---"
                (place / f"{entry.slug}.md").write_text(f"{front}\n\n{entry.text}", encoding="utf-8")


def edition(library: dict[str, LibraryRecord]) -> Edition:
    """An edition of nothing but these records."""
    return an_edition(library=library, packs=(), hubs=tuple(a_hub(hub) for hub in HUBS), withdrawn=())


def prepare(folder: Path) -> None:
    """The work of all three in ``folder``, unless it is there: ours with what stands beside pages in a release."""
    if (folder / PREPARED).exists():
        return
    empty(folder)
    library = the_library()
    write_for_peers(library, folder)
    build_release(an_edition(), folder / "small")
    files = (folder / "small").rglob("*.*")
    sizes = {path.relative_to(folder / "small").as_posix(): path.stat().st_size for path in files}
    changes = json.loads((folder / "small/changes.json").read_text(encoding="utf-8"))
    made = edition(library)
    rows = [release.record_row(made, entry) for entry in library.values()]
    pack: dict[str, Any] = {"title": {"en": "National pack", "cy": "Pecyn cenedlaethol"}}
    pack["records"] = writers.json_rows(writers.records(), rows)
    (folder / "beside/packs/national").mkdir(parents=True)
    (folder / "beside/packs/national/pack.json").write_bytes(writers.json_bytes(pack))
    (folder / "beside/coverage.json").write_bytes(writers.json_bytes(release.coverage(made, rows)))
    (folder / PREPARED).write_bytes(pickle.dumps((made, sizes, changes)))


def cases(folder: Path) -> Iterator[Case]:
    """All three in turn, each into an empty folder."""
    prepare(folder)
    made = {name: folder / f"made-by-{name}" for name in ("us", "hugo", "mkdocs")}

    def emptied(name: str) -> None:
        empty(made[name])

    hugo = ("hugo", "--quiet", "--source", str(folder / "hugo"), "--destination", str(made["hugo"]))
    mkdocs = peer("mkdocs", "build", "-q", "-f", folder / "mkdocs/mkdocs.yml", "-d", made["mkdocs"])
    ways = (
        Way("hubpacks", ours("paging", folder, made["us"]), partial(emptied, "us")),
        Way("MkDocs", mkdocs, partial(emptied, "mkdocs")),
        Way("Hugo", hugo, partial(emptied, "hugo")),
    )
    reaches = (
        Reach("hubpacks", "Hugo", 2, stretch=1),
        Reach("hubpacks", "Hugo", 2, "cpu_s", stretch=1),
        Reach("hubpacks", "MkDocs", 0.2),
    )

    def agree(runs: dict[str, Run]) -> None:
        told = {"MkDocs": len(list(made["mkdocs"].glob("*/records/*/index.html")))}
        told |= {"Hugo": len(list(made["hugo"].glob("*/records/*/index.html")))}
        told |= {"hubpacks": runs["hubpacks"].result["pages"]}
        if {*told.values()} != {2 * RECORDS_N}:
            raise AssertionError(f"not {2 * RECORDS_N} pages of records: {told}")
        if not all(any(folder.glob("sitemap*.xml")) for folder in made.values()):
            raise AssertionError("a sitemap is missing")

    yield Case(f"{2 * RECORDS_N:,} pages, search index, sitemap", ways, reaches, agree=agree)
