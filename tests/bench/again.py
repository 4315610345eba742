"""What it costs to run again: 50 hubs with documents and returns, published once in full; then with nothing changed,
with one record changed, and with one hub changed, half of its texts and some of its returns. Whole processes, as an
operator starts them.

Feeds are made from a seed. Before each run they are as they were, but for what is changed, and so are the store and
what readers see. ``python -m tests.bench.again run FOLDER MOMENT`` runs the line over ``FOLDER`` as it stands;
``start`` only imports what every run needs.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from hubs.contract.vocabularies import vocabulary
from hubs.instruments import instruments
from pipelines.version import code_version
from tests.bench.generator import Work, hub_sector, write_feeds
from tests.bench.measure import ROOT, Case, Reach, Run, Way, ours
from tests.feeds import a_case_study, a_faq, a_registration, a_term, write_feed

HUBS, ANSWERS = 50, 20_000
"""Hubs, and the answers of each."""
STUDIES, QUESTIONS, TERMS = 8, 11, 1
"""Documents of each hub."""
SEED = 20260101
FIRST, LATER = 1_795_824_000, 1_796_428_800
"""When the first release was made, and a week later, when the line runs again: seconds since 1970."""
CHANGED_ROWS = 200
CHANGED = "Added since the release before.\n"


def cases(folder: Path) -> Iterator[Case]:
    """A full run, and three over what it left."""
    prepare(folder)
    full, nothing, record, hub, start_up = (
        "full",
        "nothing changed",
        "one record changed",
        "one hub changed",
        "start-up",
    )

    def again(label: str, change: Callable[[Path], object]) -> Way:
        def put() -> None:
            put_back(folder, is_published=True)
            change(folder)

        return Way(label, _run_at(folder, LATER), put)

    yield Case(
        f"{HUBS} hubs again",
        (
            again(nothing, lambda _: None),
            again(record, change_record),
            again(hub, change_hub),
            Way(start_up, ours("again", "start")),
            Way(full, _run_at(folder, FIRST), lambda: put_back(folder, is_published=False)),
        ),
        (
            Reach(nothing, full, 0.03, start_up=start_up),
            Reach(record, full, 0.05, start_up=start_up),
            Reach(hub, full, 0.10, start_up=start_up),
        ),
        rounds=1,
        warm_ups=0,
        agree=_agree,
    )


def _run_at(folder: Path, moment: int) -> tuple[str, ...]:
    return ours("again", "run", folder, str(moment))


def _agree(runs: dict[str, Run]) -> None:
    """Each has published what it was to publish."""
    new = {label: run.result.get("new") for label, run in runs.items()}
    assert new["nothing changed"] == [], new
    assert all(len(new[label]) == 1 for label in ("full", "one record changed", "one hub changed")), new


def main(folder: Path, moment: str) -> None:
    """One run of the line over ``folder`` at ``moment``, and what it published."""
    from pipelines.cli import main as hubpacks

    before = _released(folder)
    places = ("--registry", folder / "registry", "--store", folder / "store", "--publish", folder / "public")
    sys.argv = ["hubpacks", "run", *map(str, places)]
    os.environ["SOURCE_DATE_EPOCH"] = moment
    try:
        hubpacks()
    except SystemExit as ended:
        if ended.code:
            raise
    print(json.dumps({"new": sorted(_released(folder) - before)}))


def _released(folder: Path) -> set[str]:
    return {path.name for path in (folder / "public" / "releases").glob("2*")}


def start() -> None:
    """Import what every run needs."""
    for name in ("pipelines.cli", "pipelines.releasing"):
        import_module(name)
    print(json.dumps({"modules": len(sys.modules)}))


# What the line runs over.


def prepare(folder: Path, hubs: int = HUBS, answers: int = ANSWERS) -> None:
    """Feeds and their registry in ``folder``, as they are before anything changes; left alone if they exist."""
    if (folder / "as-made").exists():
        return
    made = folder / "making"
    shutil.rmtree(made, ignore_errors=True)
    [instrument] = instruments().values()
    feeds = write_feeds(made / "feeds", Work(answers * hubs, hubs, bad=0, seed=SEED), instrument)
    (made / "registry").mkdir()
    for number, feed in enumerate(feeds):
        resources = json.loads((feed / "datapackage.json").read_text())["resources"]
        write_feed(feed, **_documents(number))
        descriptor = json.loads((feed / "datapackage.json").read_text())
        descriptor["resources"] += resources
        (feed / "datapackage.json").write_text(json.dumps(descriptor))
        told = a_registration(id=feed.name, sector=hub_sector(number), address=f"../feeds/{feed.name}")
        (made / "registry" / f"{feed.name}.yaml").write_text(yaml.safe_dump(told), encoding="utf-8")
    made.rename(folder / "as-made")


def _documents(hub: int) -> dict[str, Any]:
    """The documents of hub number ``hub``, as ``write_feed`` takes them."""
    from tests.bench.publishing import answer, study  # the parts of the line that it brings are not timed

    rng = np.random.default_rng([SEED, hub])
    sectors, technologies, audiences = (
        list(vocabulary(name).terms) for name in ("sectors", "technology_types", "audiences")
    )

    def about(number: int) -> dict[str, Any]:
        return {
            "sectors": [hub_sector(hub), str(rng.choice(sectors))],
            "technology_types": [technologies[(hub + number) % len(technologies)], str(rng.choice(technologies))],
            "published": f"2025-{1 + number % 12:02d}-{1 + hub % 28:02d}",
        }

    def heading() -> str:
        return study(rng).split("\n\n")[1][:80].rpartition(" ")[0]

    studies = [
        a_case_study(id=f"study-{n}", title=heading(), summary=heading(), body=study(rng), **about(n))
        for n in range(STUDIES)
    ]
    faqs = [
        a_faq(id=f"question-{n}", question=f"{heading()}?", answer=answer(rng), audience=[audiences[n % 2]], **about(n))
        for n in range(QUESTIONS)
    ]
    terms = [a_term(term=f"Term {hub} {n}", definition=heading()) for n in range(TERMS)]
    return {"case_studies": studies, "faqs": faqs, "rows": {"term": terms}}


def put_back(folder: Path, *, is_published: bool) -> None:
    """Feeds and registry as they were made, with nothing published, or what one run has published."""
    for name in ("feeds", "registry", "store", "public"):
        shutil.rmtree(folder / name, ignore_errors=True)
    for name in ("feeds", "registry"):
        shutil.copytree(folder / "as-made" / name, folder / name)
    if is_published:
        published = folder / f"as-published-{code_version()}"  # other code would find nothing that it can use again
        if not published.exists():
            subprocess.run(_run_at(folder, FIRST), check=True, cwd=ROOT, stdout=subprocess.DEVNULL)
            making = folder / "publishing"
            shutil.rmtree(making, ignore_errors=True)
            making.mkdir()
            for name in ("store", "public"):
                (folder / name).rename(making / name)
            making.rename(published)
        for name in ("store", "public"):
            shutil.copytree(published / name, folder / name, symlinks=True)


def change_record(folder: Path) -> None:
    """Change the text of one record."""
    _lengthen(next((folder / "feeds" / "hub-000" / "case_studies").glob("*-0.md")))


def change_hub(folder: Path) -> None:
    """Change half of one hub's texts and some of its answers."""
    feed = folder / "feeds" / "hub-000"
    for path in [path for path in sorted(feed.rglob("*.md")) if int(path.stem.rpartition("-")[2]) % 2]:
        _lengthen(path)
    rows = (feed / "answers.csv").read_text().splitlines(keepends=True)
    for number in range(1, len(rows), len(rows) // CHANGED_ROWS):
        row, _, level = rows[number].rstrip("\n").rpartition(",")
        rows[number] = f"{row},{'1' if level == '0' else '0'}\n"
    (feed / "answers.csv").write_text("".join(rows))


def _lengthen(path: Path) -> None:
    path.write_text(f"{path.read_text()}\n{CHANGED}")


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["start"]:
            start()
        case ["run", place, moment]:
            main(Path(place), moment)
        case _:
            sys.exit(__doc__)
