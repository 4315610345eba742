"""How the search for near-duplicates grows: 100,000 documents beside 10,000, of those that the generator writes, of
some that all repeat most of one text, and of some that differ by one word only.

``python -m tests.bench.likeness FILE`` consolidates the documents that are kept in ``FILE``.
"""

from __future__ import annotations

import json
import pickle
import sys
import time
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np

from hubs.contract.kinds import document_kinds
from hubs.contract.records import Record
from pipelines.consolidate import HubRecords, consolidate
from tests.bench.generator import WORDS, Work, hub_documents, hub_name
from tests.bench.measure import Case, Reach, Run, Way, ours

HUBS = 50
FEW, MANY = 10_000, 100_000
TEXT_WORDS = 300
OWN_SHARE = 0.2
"""Of the text that most of is the same for all."""

Documents = Iterator[tuple[str, dict[str, Any]]]


def generated(documents: int) -> list[HubRecords]:
    """What hubs send: near-duplicates and near-copies among texts of their own."""
    work = Work(0, HUBS, documents=documents // HUBS)
    return [_sent(hub_name(hub), hub_documents(work, hub)) for hub in range(HUBS)]


def boilerplate(documents: int) -> list[HubRecords]:
    """Texts of which four fifths are the same in all."""
    return _around(documents, round(TEXT_WORDS * OWN_SHARE))


def slips(documents: int) -> list[HubRecords]:
    """One text, in which each has another word, so they are all one record."""
    return _around(documents, 1)


def _around(documents: int, own_words: int) -> list[HubRecords]:
    text = np.random.default_rng(1).choice(WORDS, TEXT_WORDS).tolist()

    def written(hub: int) -> Documents:
        for number in range(hub * documents // HUBS, (hub + 1) * documents // HUBS):
            rng = np.random.default_rng([2, number])
            own = [f"{one}{number}" for one in rng.choice(WORDS, own_words)]
            body = " ".join([*text[: TEXT_WORDS - own_words], *own])
            yield "case_study", _STUDY | {"id": f"document-{number}", "body": body}

    return [_sent(hub_name(hub), written(hub)) for hub in range(HUBS)]


_STUDY = {
    "title": "How we did it",
    "summary": "The same steps led here as elsewhere.",
    "organisations": ["Sample Vale Council"],
    "sectors": ["health"],
    "technology_types": ["api"],
    "published": str(date(2025, 1, 1)),
    "language": "en",
    "licence": "OGL-UK-3.0",
}
KINDS: dict[str, tuple[str, Callable[[int], list[HubRecords]]]] = {
    "generated": ("documents", generated),
    "boilerplate": ("documents that share most of their text", boilerplate),
    "slips": ("documents that differ in a word", slips),
}


def _sent(hub: str, documents: Documents) -> HubRecords:
    models = {name: kind.model for name, kind in document_kinds().items()}
    return HubRecords(
        hub,
        f"digest-{hub}",
        tuple(
            Record(hub, kind, models[kind].model_validate(fields), f"{fields['id']}.md", "", {})
            for kind, fields in documents
        ),
    )


def cases(folder: Path) -> Iterator[Case]:
    """A case for each kind of documents, by the processor seconds of consolidating alone."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, (words, make) in KINDS.items():
        files = {number: folder / f"{name}-{number}.pickle" for number in (MANY, FEW)}
        for number, path in files.items():
            if not path.exists():
                path.write_bytes(pickle.dumps(make(number)))
        many, few = (f"{number:,} {words}" for number in files)
        ways = (Way(many, ours("likeness", files[MANY])), Way(few, ours("likeness", files[FEW])))
        reaches = (Reach(many, few, 10, "consolidate_cpu_s"), Reach(many, few, 10, "peak_mb"))
        yield Case(f"near-duplicates among {words}", ways, reaches, warm_ups=0, agree=_check)


def _check(runs: dict[str, Run]) -> None:
    for label, run in runs.items():
        told = run.result
        if told["kept"] + told["merged"] != told["documents"] or not told["merged"] + told["linked"]:
            raise AssertionError(f"{label}: records are lost, or none is like another: {told}")


def main(path: Path) -> dict[str, Any]:
    """What became of the documents, and the processor seconds that it took."""
    feeds = pickle.loads(path.read_bytes())
    start = time.process_time()
    library = consolidate(feeds, {})
    return {
        "consolidate_cpu_s": time.process_time() - start,
        "documents": sum(len(feed.records) for feed in feeds),
        "kept": len(library),
        "merged": sum(len(entry.merged) for entry in library.values()),
        "linked": sum(bool(entry.related) for entry in library.values()),
    }


if __name__ == "__main__":
    print(json.dumps(main(Path(sys.argv[1]))))
