"""What packs cost: 500 case studies, 1,000 questions and 60 terms in 30 packs, with the benchmarks of the samples, in
all formats, beside the writers of each format called bare.
"""

from __future__ import annotations

import csv
import json
import pickle
import re
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from hubs.contract.vocabularies import vocabulary
from pipelines.consolidate import packs
from pipelines.edition import Edition, LibraryRecord
from pipelines.publish import release
from pipelines.publish.pdf import bind
from tests.bench.measure import Case, Reach, Run, Way, empty, ours
from tests.bench.packing import PREPARED, WHOLE
from tests.bench.writing import CONTENTS, Contents
from tests.builders import KEY, a_case_study, a_hub, a_library, a_question, a_term, an_edition

CASE_STUDIES, QUESTIONS, TERMS = 500, 1_000, 60
HUBS = tuple(f"hub-{number:02d}" for number in range(1, 11))
SECTORS_N, TECHNOLOGIES_N = 15, 12
"""With the national pack and those of the two audiences: 30 packs."""
FIRST = datetime(2026, 11, 23, 12, tzinfo=UTC)

_TEXT = (
    "ability access address agency agreement api audit authority benefit board bridge budget building bus care case "
    "catalogue charge citizen clause clinic code contract control copy cost council data delay department design "
    "document exchange export field finance format governance guide health housing identity import index interface "
    "journey key layer letter library licence list map market meaning meeting model network number open order "
    "outcome parcel partner patient payment permit plan planning platform policy portal price procurement product "
    "project public question record register report request review risk road role rule sample schema school sector "
    "service share site skill software source staff standard step supplier support survey system table team term "
    "test time tool trade transfer trust update user value vendor version view visit waste water week work year "
)
_WORDS = re.findall(r"[a-z]+", _TEXT)


# What is published.


def the_library() -> dict[str, LibraryRecord]:
    """The library, from a seed: case studies of 3,000 to 6,000 characters, questions of 300 to 900."""
    rng = np.random.default_rng(20260101)
    sectors = list(vocabulary("sectors").terms)[:SECTORS_N]
    technologies = list(vocabulary("technology_types").terms)[:TECHNOLOGIES_N]
    audiences = list(vocabulary("audiences").terms)

    def common(number: int) -> dict[str, Any]:
        return {
            "sectors": _some(rng, sectors),
            "technology_types": _some(rng, technologies),
            "published": date(2025, 1, 1) + timedelta(days=number % 600),
        }

    studies = [
        a_case_study(
            f"study-{number:03d}",
            HUBS[number % len(HUBS)],
            title=_sentence(rng, 8),
            summary=" ".join(_sentence(rng, 14) for _ in range(2)),
            body=study(rng),
            **common(number),
        )
        for number in range(CASE_STUDIES)
    ]
    questions = [
        a_question(
            f"question-{number:04d}",
            HUBS[number % len(HUBS)],
            question=_sentence(rng, 9)[:-1] + "?",
            answer=answer(rng),
            audience=_some(rng, audiences),
            **common(number),
        )
        for number in range(QUESTIONS)
    ]
    terms = [
        a_term(f"term-{n:02d}", HUBS[n % len(HUBS)], term=f"{_WORDS[n].title()} {n}", definition=_sentence(rng, 25))
        for n in range(TERMS)
    ]
    return a_library(*studies, *questions, *terms)


def _some(rng: np.random.Generator, terms: list[str]) -> list[str]:
    return sorted(str(term) for term in rng.choice(terms, rng.integers(1, 3), replace=False))


def _sentence(rng: np.random.Generator, words: int) -> str:
    return " ".join(rng.choice(_WORDS, words)).capitalize() + "."


def _paragraph(rng: np.random.Generator, sentences: int) -> str:
    return " ".join(_sentence(rng, int(rng.integers(8, 20))) for _ in range(sentences))


def study(rng: np.random.Generator) -> str:
    """The Markdown of a case study: headings, paragraphs, a list, a table, links."""
    parts = []
    for heading in ("Context", "Approach", "Outcome", "Lessons"):
        parts += [f"## {heading}", *(_paragraph(rng, int(rng.integers(3, 6))) for _ in range(rng.integers(2, 4)))]
        if heading == "Approach":
            parts.append("\n".join(f"- **{_sentence(rng, 3)}** {_sentence(rng, 12)}" for _ in range(5)))
            rows = "\n".join(
                f"| {_sentence(rng, 2)} | £{rng.integers(1, 90)},000 | {_sentence(rng, 6)} |" for _ in "1234"
            )
            parts.append(f"| Part | Cost | Why |\n|---|---|---|\n{rows}")
            parts.append(f"See [the interface](https://example.org/{rng.choice(_WORDS)}).")
    return "\n\n".join(parts) + "\n"


def answer(rng: np.random.Generator) -> str:
    """The Markdown of an answer."""
    text = f"{_paragraph(rng, int(rng.integers(2, 7)))} **{_sentence(rng, 4)}**"
    return f"{text}\n\n- {_sentence(rng, 9)}\n- {_sentence(rng, 9)}\n"


def edition(samples: dict[str, Any]) -> Edition:
    """The edition of a first release; ``samples`` has its benchmarks."""
    library = the_library()
    hubs = tuple(a_hub(id, seen=FIRST) for id in HUBS)
    snapshots = {hub.id: hub.snapshot for hub in hubs}
    library = {id: replace(entry, snapshot=snapshots[entry.record.hub]) for id, entry in library.items()}
    counted = {id: snapshot or "" for id, snapshot in snapshots.items()}
    waves = tuple(replace(wave, snapshots=counted) for wave in samples["waves"])
    return an_edition(
        id=f"{FIRST:%Y-%m-%d}.01",
        published=FIRST,
        hubs=hubs,
        library=library,
        packs=tuple(packs(library)),
        withdrawn=(),
        **samples | {"waves": waves},
    )


def sample_benchmarks(folder: Path) -> dict[str, Any]:
    """What the benchmarks of an edition are, counted from the sample hubs; kept in ``folder``."""
    from pipelines import line
    from pipelines.settings import DEFAULTS

    kept = folder / "benchmarks.pickle"
    if not kept.exists():
        opened = line.open_line(DEFAULTS["registry"], folder / "store", folder / "samples")
        line.gather_all(opened, FIRST, lambda _stage, _what: None)
        line.make_benchmarks(opened)
        audit, _, waves = opened.store.disclosure()
        found = {name: getattr(opened.store, name)() for name in ("benchmarks", "distributions", "trends")}
        ledger = {"seal_before": opened.store.ledger.seal()}
        kept.write_bytes(pickle.dumps(found | {"audit": audit | {"ledger": ledger}, "waves": tuple(waves)}))
    return dict(pickle.loads(kept.read_bytes()))


def prepare(folder: Path) -> None:
    """The edition, a whole release of it, and what its packs say as the floor is given it, unless they are there."""
    if (folder / CONTENTS).exists():
        return
    empty(folder)
    made = edition(sample_benchmarks(folder))
    given: list[dict[str, Any]] = []
    bare = bind._compiler

    class Recording:
        def compile(self, template: bytes, **options: Any) -> Any:
            if template:
                given.append(options["sys_inputs"])
            return bare().compile(template, **options)

    bind._compiler = Recording  # type: ignore[assignment]
    try:
        release.build_release(made, folder / WHOLE, key=KEY)
    finally:
        bind._compiler = bare
    # The longest come first.
    places = sorted((folder / WHOLE / "packs").iterdir(), key=lambda place: (-_pack_size(place), place.name))
    contents = [_contents(place, given[2 * number : 2 * number + 2]) for number, place in enumerate(places)]
    (folder / CONTENTS).write_bytes(pickle.dumps(contents))
    (folder / PREPARED).write_bytes(pickle.dumps(made))


def _pack_size(place: Path) -> int:
    return (place / "pack.json").stat().st_size


def _contents(place: Path, given: list[dict[str, Any]]) -> Contents:
    with (place / "records.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file))
    packed = {}
    for name in ("pack.ods", "pack.zip"):
        with zipfile.ZipFile(place / name) as file:
            packed[name] = [(one.filename, file.read(one), one.compress_type) for one in file.infolist()]
    return Contents(
        place.name,
        json.loads((place / "pack.json").read_text(encoding="utf-8")),
        rows,
        {path.name: path.read_text(encoding="utf-8").splitlines() for path in place.glob("*.html")},
        dict(zip(("pack.pdf", "pack.cy.pdf"), given, strict=True)),
        packed,
    )


def cases(folder: Path) -> Iterator[Case]:
    """Packs beside the bare writers, by processor seconds, as the floor is one process."""
    prepare(folder)
    made = {name: folder / f"made-by-{name}" for name in ("packing", "writing")}
    ways = (
        Way("hubpacks", ours("packing", folder, made["packing"]), partial(empty, made["packing"])),
        Way("bare writers", ours("writing", folder, made["writing"]), partial(empty, made["writing"])),
    )
    reaches = (Reach("hubpacks", "bare writers", 1.5, "cpu_s"),)
    yield Case("30 packs in all formats", ways, reaches, warm_ups=0, agree=_check)


def _check(runs: dict[str, Run]) -> None:
    """Both have all packs, and files of about the same size."""
    one, other = (run.result for run in runs.values())
    sizes = {form: (size, other["bytes"].get(form, 0)) for form, size in one["bytes"].items()}
    wrong = {form: pair for form, pair in sizes.items() if not 0.8 < pair[0] / max(pair[1], 1) < 1.25}
    if one["packs"] != other["packs"] or wrong.keys() - {".csv-metadata"}:
        raise AssertionError(f"packs are not alike: {wrong}")
