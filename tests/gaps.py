"""One organisation's return, and small releases to hold it against: builders for the tests of ``hubpacks gap``."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Mapping
from itertools import product
from pathlib import Path
from typing import Any

from hubs.contract.groups import BREAKDOWNS
from hubs.instruments import instruments
from tests.builders import INSTRUMENT
from tests.feeds import an_answer, write_csv

AUDIENCES = ("decision_maker", "procurement_professional")
DESCRIBED = {
    "sector": "local_government",
    "organisation_type": "council",
    "size_band": "50_to_249",
    "region": "wales",
}
SHARES = [f"share_ge_{level}{limit}" for level in range(1, 6) for limit in ("", "_low", "_high")]
COLUMNS = [
    *("period", "instrument", "audience", "dimension", "breakdown", *DESCRIBED, "n", "median"),
    *("median_low", "median_high", "q1", "q3", "mean"),
    *(*SHARES, "comparison", "status", "rolled_up_to"),
]
"""Of benchmarks.csv, as releases have it that tell quartiles and shares."""
OLDER = [name for name in COLUMNS if name in (*COLUMNS[:11], "status", "rolled_up_to")]
"""The same of releases that do not."""


def answers(
    levels: Mapping[str, int | str], audience: str = "decision_maker", people: int = 1, **changes: Any
) -> list[dict[str, str]]:
    """A return: every question of each dimension in ``levels`` answered alike by that many people."""
    return [
        an_answer(
            **DESCRIBED
            | {
                "organisation": "org-00000001",
                "respondent": f"res-{person:08d}",
                "audience": audience,
                "instrument": INSTRUMENT,
                "period": "2026-Q3",
                "question": question.id,
                "level": str(levels[question.dimension]),
            }
            | changes
        )
        for person in range(people)
        for question in instruments()[INSTRUMENT].asked_of(audience)
        if question.dimension in levels
    ]


def a_return(folder: Path, levels: Mapping[str, int | str], name: str = "own.csv", **changes: Any) -> Path:
    """A CSV file with such a return."""
    write_csv(folder / name, answers(levels, **changes))
    return folder / name


def a_row(dimension: str, breakdown: str = "sector_size_band", **changes: Any) -> dict[str, Any]:
    """Figures of a group of the organisation: 45 others, the middle half of them on levels 2 to 4."""
    shares = {1: 0.95, 2: 0.8, 3: 0.6, 4: 0.3, 5: 0.1}
    values: dict[str, Any] = {
        "period": "2026-Q3",
        "instrument": INSTRUMENT,
        "audience": "decision_maker",
        "dimension": dimension,
        "breakdown": breakdown,
        **{name: DESCRIBED[name] if name in BREAKDOWNS[breakdown] else "all" for name in DESCRIBED},
        "n": 45,
        "median": 3,
        "median_low": 2,
        "median_high": 4,
        "q1": 2,
        "q3": 4,
        "mean": 2.8,
        **{f"share_ge_{level}": share for level, share in shares.items()},
        **{f"share_ge_{level}_low": max(share - 0.1, 0) for level, share in shares.items()},
        **{f"share_ge_{level}_high": min(share + 0.1, 1) for level, share in shares.items()},
        "comparison": "similar",
        "status": "",
        "rolled_up_to": "",
    }
    return values | changes


def confidential(dimension: str, breakdown: str, rolled_up_to: str, **changes: Any) -> dict[str, Any]:
    """A group of which nothing is told."""
    nothing = dict.fromkeys(("n", "median", "median_low", "median_high", "q1", "q3", "mean", *SHARES))
    return a_row(dimension, breakdown, **nothing, status="[c]", rolled_up_to=rolled_up_to, comparison="", **changes)


def rows_for(**changes: Any) -> list[dict[str, Any]]:
    """Figures of both audiences in all dimensions: sector and size, and all organisations."""
    dimensions = instruments()[INSTRUMENT].dimensions
    return [
        a_row(dimension, breakdown, audience=audience, **changes)
        for audience, dimension, breakdown in product(AUDIENCES, dimensions, ("total", "sector_size_band"))
    ]


def a_record(kind: str = "case_study", id: str = "vale/one", **changes: Any) -> dict[str, Any]:
    """A record of a release, about governance."""
    slug = id.replace("/", "-")
    values = {
        "kind": kind,
        "id": id,
        "title": f"Who is accountable ({id})",
        "summary": "One post answers for it.",
        "text": "Nothing more.",
        "language": "en",
        "sectors": ["local_government"],
        "technology_types": ["api"],
        "published": "2026-03-01",
        "slug": slug,
        "address": f"en/records/{slug}.html",
    }
    return values | changes


def a_release(
    folder: Path,
    rows: Iterable[Mapping[str, Any]] | None = None,
    records: Iterable[Mapping[str, Any]] = (),
    columns: list[str] = COLUMNS,
) -> Path:
    """As much of a release as a gap analysis reads, in ``folder``."""
    (folder / "benchmarks").mkdir(parents=True)
    (folder / "packs/national").mkdir(parents=True)
    manifest = {"id": "2026-11-23.01", "published": "2026-11-23T12:00:00+00:00"}
    (folder / "release.json").write_text(json.dumps(manifest))
    with (folder / "benchmarks/benchmarks.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, columns, extrasaction="ignore")
        writer.writeheader()
        writer.writerows(rows_for() if rows is None else rows)
    lines = "".join(json.dumps(record, ensure_ascii=False) + "\n" for record in records)
    (folder / "packs/national/records.jsonl").write_text(lines, encoding="utf-8")
    return folder
