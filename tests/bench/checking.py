"""How soon a hub hears of its feed: the start of the command, ten documents, a million answers beside frictionless and
bare DuckDB, and a million of which every one is bad.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from hubs.contract.generate import table_schema
from hubs.contract.kinds import table_kinds
from hubs.instruments import Instrument, instruments
from tests.bench.generator import INSTRUMENT, WORST, Work, write_feeds
from tests.bench.measure import ROOT, Case, Reach, Run, Way, empty, ours, peer
from tests.feeds import a_faq, a_study, write_feed

ROWS = 1_000_000
LONG, LONG_TIMES = "long rubbish", 9
"""Rows of it have so many times the bytes of good ones, so their number is no measure of the work."""
HUBPACKS = str(Path(sys.executable).with_name("hubpacks"))

FIELDS = {
    "unknown_region": "region",
    "invalid_period": "period",
    "missing_value": "size_band",
    "unknown_question": "question",
    "level_out_of_range": "level",
}
"""The fields in which the generator makes rows bad, by the code that tells of it. To frictionless each is a breach of
the constraints of its field.
"""


def cases(folder: Path) -> Iterator[Case]:
    """What ``hubpacks check`` takes of little, of much, and of rubbish."""
    yield _starts(folder)
    yield _against_frictionless(folder)
    yield _against_duckdb(folder)
    yield _every_row_bad(folder)


def _starts(folder: Path) -> Case:
    ten = folder / "ten"
    faqs = [a_faq(id=f"faq-{number}", question=f"What is number {number}?") for number in range(5)]
    write_feed(ten, [a_study(number) for number in range(5)], faqs)
    return Case(
        "start of the command",
        (
            Way("hubpacks --help", (HUBPACKS, "--help")),
            Way("hubpacks check --help", (HUBPACKS, "check", "--help")),
            Way("hubpacks check, ten documents", (HUBPACKS, "check", str(ten))),
            Way("python -c pass", (sys.executable, "-c", "pass")),
        ),
        (
            Reach("hubpacks --help", "", 0.3),
            Reach("hubpacks check --help", "", 0.3),
            Reach("hubpacks check, ten documents", "", 0.7, "cpu_s"),
        ),
        rounds=7,
    )


def _against_frictionless(folder: Path) -> Case:
    feed, schema = _feed(folder, Work(ROWS, 1)), folder / "answers.schema.json"
    schema.write_text(json.dumps(schema_of(instruments()[INSTRUMENT])), encoding="utf-8")
    return Case(
        f"check of {ROWS:,} answers, by the same rules",
        (
            Way("hubpacks check", ours("check", feed)),
            Way("frictionless", peer("python", ROOT / "tests/bench/check_peer.py", feed / "answers.csv", schema)),
        ),
        (Reach("hubpacks check", "frictionless", 1 / 5),),
        rounds=2,
        warm_ups=0,
        agree=check_agreement,
    )


def _against_duckdb(folder: Path) -> Case:
    feed, work = _feed(folder, Work(ROWS, 1)), folder / "work"
    ways = (
        Way("hubpacks check", ours("check", feed)),
        Way("bare DuckDB, no count", ours("rows", feed.parent, work), lambda: empty(work)),
    )
    return Case(f"check of {ROWS:,} answers", ways)


def _every_row_bad(folder: Path) -> Case:
    works = {how: Work(ROWS, 1, worst=how) for how in WORST}
    works[f"{LONG}, as many bytes"] = Work(ROWS // LONG_TIMES, 1, worst=LONG)
    worst = [Way(label, ours("check", _feed(folder, work))) for label, work in works.items()]
    clean = Way("clean", ours("check", _feed(folder, Work(ROWS, 1, bad=0))))
    reaches = tuple(Reach(way.label, clean.label, 3.0) for way in worst if way.label != LONG)
    return Case(f"check of {ROWS:,} answers, every one bad", (*worst, clean), reaches)


def _feed(folder: Path, work: Work) -> Path:
    place = folder / "-".join([str(work.rows), str(work.bad), *work.worst.split()])
    [feed] = write_feeds(place, work, instruments()[INSTRUMENT])
    return feed


def schema_of(instrument: Instrument) -> dict[str, Any]:
    """The Table Schema that the product publishes, with the ids of ``instrument``, which its own check knows too."""
    schema = table_schema(table_kinds()["assessment"])
    known = {"instrument": [instrument.name], "question": list(instrument.questions)}
    for field in schema["fields"]:
        if field["name"] in known:
            field["constraints"]["enum"] = known[field["name"]]
    return schema


def check_agreement(runs: dict[str, Run]) -> None:
    """Both find the same rows bad in each field. They differ in one rule: of answers that share a key frictionless
    takes the first and refuses the others, while the product, which cannot know the right one, refuses all. No row of
    this work has two faults.
    """
    own, other = runs["hubpacks check"].result, runs["frictionless"].result
    assert own["by"].keys() == {*FIELDS, "duplicate_answer"}, own
    assert other["by"].keys() == {*FIELDS.values(), "primary-key"}, other
    found = {field: own["by"][code] for code, field in FIELDS.items()}
    assert found == {field: other["by"][field] for field in FIELDS.values()}, (own, other)
    assert own["by"]["duplicate_answer"] == 2 * other["by"]["primary-key"], (own, other)
    assert own["quarantined"] == other["bad"] + other["by"]["primary-key"], (own, other)
    assert own["accepted"] + own["quarantined"] == other["rows"], (own, other)
