"""Generated feeds are what they are said to be: seeded, with documents of which some say what others say already."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

from hubs.instruments import instruments
from pipelines.consolidate import HubRecords, consolidate
from tests.bench.generator import Work, hub_documents, write_feeds
from tests.feeds import judged

INSTRUMENT = instruments()["interop-baseline-v1"]


def test_the_same_seed_gives_the_same_feeds_and_another_others(tmp_path: Path) -> None:
    work = Work(500, 2, documents=4)
    made = [write_feeds(tmp_path / name, work, INSTRUMENT) for name in ("one", "other")]
    contents = [
        {path.relative_to(feed).as_posix(): path.read_bytes() for feed in feeds for path in feed.rglob("*.*")}
        for feeds in made
    ]
    assert contents[0] == contents[1]
    assert list(hub_documents(work, 0)) != list(hub_documents(Work(500, 2, documents=4, seed=1), 0))


def test_near_duplicates_are_merged_near_copies_linked_and_nothing_is_held(tmp_path: Path) -> None:
    work = Work(200, 2, bad=0, documents=60, near_duplicates=0.1, near_copies=0.2)
    feeds = []
    for feed in write_feeds(tmp_path / "feeds", work, INSTRUMENT):
        verdict = judged(feed, id=feed.name)
        assert (verdict.held_by, verdict.counts()["accepted"], verdict.counts()["quarantined"]) == ((), 60, 0)
        feeds.append(HubRecords(feed.name, "a digest", tuple(verdict.records)))
    library = consolidate(feeds, {}).values()
    assert Counter(kind for hub in (0, 1) for kind, _ in hub_documents(work, hub)).keys() == {"case_study", "faq"}
    assert sum(len(entry.merged) for entry in library) == 120 - len(library) > 0
    assert any(entry.related for entry in library)


def test_a_feed_without_documents_declares_none(tmp_path: Path) -> None:
    [feed] = write_feeds(tmp_path, Work(100, 1), INSTRUMENT)
    resources = json.loads((feed / "datapackage.json").read_text(encoding="utf-8"))["resources"]
    assert [resource["name"] for resource in resources] == ["answers"]
