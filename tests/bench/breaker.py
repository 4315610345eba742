"""How well the breaker tells: labelled pairs of feeds, made by mutation of the sample hubs and of the real sources.

Every feed is written as files and judged for real, before and after. What has to come of a pair is said by the mutation
alone (``mutations.Done``).
"""

from __future__ import annotations

import os
import random
import shutil
import tempfile
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from hubs.contract.verdict import Verdict
from hubs.instruments import FOLDER, Instrument, instruments
from hubs.judge import judge
from hubs.registration import Breaker, Registration, read_registry
from pipelines.breaker import compare
from pipelines.profiles import profile
from pipelines.settings import DEFAULTS
from pipelines.standing import closed_in
from tests.bench import mutations as m
from tests.feeds import NOW, feed_of, registration

REAL_REGISTRY = Path(__file__).parents[1] / "journeys" / "real"
REAL = Path(os.environ.get("HUBPACKS_REAL") or Path(__file__).parents[3] / "shared" / "real")
SHARES = (0.01, 0.1, 0.25, 0.31, 0.4, 0.6, 0.9, 0.99)

CONTENT: dict[str, list[m.Mutation]] = {
    "growth": [*(m.grow(factor) for factor in (1.1, 2, 9, 20)), m.more_organisations(2), m.more_organisations(9)],
    "shrinkage": [
        *(m.trim(share, where) for share in SHARES for where in ("random", "head", "tail")),
        m.trim_and_grow,
        m.empty_a_kind,
    ],
    "re-keying": [
        *(m.rekey(how) for how in m.REKEYINGS),
        *(m.rekey("numbers", share) for share in (0.05, 0.2, 0.5)),
        *(m.rekey("suffix", 1.0, edit) for edit in ("texts", "titles")),
        m.rekey("digests", 1.0, is_disordered=True),
    ],
    "edits": [
        *(m.edit(what, share) for what in ("titles", "texts", "dates") for share in (0.1, 1.0)),
        m.edit("rewritten", 0.3),
    ],
    "no change": [*(m.restyle(style) for style in ("crlf", "spaced")), m.reorder, m.stamp],
    "licence": [m.relicense(0.2, "closed"), m.relicense(1.0, "CC-BY-4.0")],
    "withdrawal": [m.withdraw(0.1), m.withdraw(0.6)],
    "returns lost": [
        *(m.trim_rows(share, where) for share in (0.05, 0.35, 0.9) for where in ("random", "tail")),
        *(m.drop_organisations(share) for share in (0.1, 0.5)),
        m.drop_a_period,
    ],
    "returns re-keyed": [
        m.rekey_organisations(1.0),
        m.rekey_organisations(0.5),
        m.rekey_organisations(1.0, levels=0.1),
        m.rekey_organisations(1.0, is_growing=True),
    ],
    "returns edited": [
        m.edit_rows(0.3, "level"),
        m.edit_rows(0.3, "region"),
        m.other_respondents,
        m.new_period(is_rolling=True),
        m.new_period(is_rolling=False),
    ],
}
FILES: dict[str, list[m.FileMutation]] = {
    "no change": [m.other_line_ends, m.blank_lines_at_the_end, m.files_renamed],
    "shrinkage": [
        *(m.files_missing(share, w) for share in (0.2, 0.5) for w in ("random", "tail")),
        m.cut_at_a_byte(0.5),
    ],
    "edits": [m.texts_edited, m.headings_edited(0.3)],
    "returns lost": [m.rows_cut(0.5)],
}
OF_RETURNS = ("returns lost", "returns re-keyed", "returns edited")


@dataclass(frozen=True)
class Pair:
    """One pair: of what feed and mutation, what the rules say of it, and what the breaker said."""

    group: str
    feed: str
    mutation: str
    must_hold: bool
    held_by: tuple[str, ...]
    word: str
    kinds: tuple[str, ...]

    @property
    def is_right(self) -> bool:
        """Whether the breaker held what it had to, and nothing else."""
        return self.must_hold == bool(self.held_by)


@dataclass(frozen=True)
class Origin:
    """A hub's feed: its registration, its question banks, its files, and the verdict on them."""

    name: str
    registration: Registration
    banks: Mapping[str, Instrument]
    folder: Path
    verdict: Verdict


def origins(scratch: Path, registries: Iterable[tuple[Path, Path | None]]) -> Iterator[Origin]:
    """The feeds of registries (each with the folder that addresses count from, None for its own) that are accepted."""
    for folder, files in registries:
        registry = read_registry(folder)
        banks = instruments(FOLDER, *registry.instrument_folders[1:])
        for hub, about in registry.hubs.items():
            source = files / hub / "files" if files else Path(registry.address(hub))
            if source.is_file():
                source = _unpacked(source, scratch / "unpacked" / hub)
            verdict = _judged(source, about, banks, scratch)
            if not verdict.is_held:
                yield Origin(hub, about, banks, source, verdict)


def _unpacked(source: Path, target: Path) -> Path:
    with zipfile.ZipFile(source) as archive:
        archive.extractall(target)
    inside = list(target.iterdir())
    return inside[0] if len(inside) == 1 and inside[0].is_dir() else target


def _judged(folder: Path, about: Registration, banks: Mapping[str, Instrument], scratch: Path) -> Verdict:
    scratch.mkdir(parents=True, exist_ok=True)
    return judge(feed_of(folder), about, banks, NOW.date(), Path(tempfile.mkdtemp(dir=scratch)))


def pairs(found: list[Origin], scratch: Path, of_each: int | None = None) -> Iterator[Pair]:
    """The labelled pairs of these feeds; with ``of_each`` each mutation is tried on so many of them, in turn."""
    yield from _content_pairs(found, scratch, of_each)
    yield from _file_pairs(found, scratch, of_each)


def _content_pairs(found: list[Origin], scratch: Path, of_each: int | None) -> Iterator[Pair]:
    """Feeds of the contract's own shape, of what was accepted of each origin."""
    own = registration()
    befores: dict[str, tuple[m.Content, Path, Verdict]] = {}
    turn = 0
    for group, listed in CONTENT.items():
        able = [o for o in found if (o.verdict.answers if group in OF_RETURNS else len(o.verdict.records) > 2)]
        for number, mutation in enumerate(listed):
            for _ in range(min(of_each or len(able), len(able))):
                origin, layout = able[turn % len(able)], m.LAYOUTS[turn % len(m.LAYOUTS)]
                turn += 1
                key = f"{origin.name}-{layout}-{group in OF_RETURNS}"
                if key not in befores:
                    content = m.content_of(origin.verdict)
                    content = m.Content(
                        () if group in OF_RETURNS else content.records[:80], content.rows if group in OF_RETURNS else {}
                    )
                    folder = m.write(content, scratch / "before" / key, layout)
                    befores[key] = content, folder, _judged(folder, own, origin.banks, scratch)
                content, _, before = befores[key]
                made = mutation(random.Random(f"{key} {group} {number}"), content)
                if before.is_held or made is None:
                    continue
                folder = scratch / "after"
                shutil.rmtree(folder, ignore_errors=True)
                after = _judged(m.write(made[0], folder, layout), own, origin.banks, scratch)
                if not after.is_held:
                    yield _pair(group, f"{origin.name} as {layout}", f"{group} {number}", made[1], (before, after))


def _file_pairs(found: list[Origin], scratch: Path, of_each: int | None) -> Iterator[Pair]:
    """The origins' own files, read by their own mappings."""
    for group, listed in FILES.items():
        able = [o for o in found if (o.verdict.answers if group in OF_RETURNS else len(o.verdict.records) > 2)]
        for number, mutation in enumerate(listed):
            for origin in able[: of_each or len(able)]:
                shutil.rmtree(scratch / "copy", ignore_errors=True)
                folder = m.copied(origin.folder, scratch / "copy")
                done = mutation(random.Random(f"{origin.name} {group} {number}"), folder, origin.verdict)
                if done is None:
                    continue
                after = _judged(folder, origin.registration, origin.banks, scratch)
                if not after.is_held:
                    yield _pair(group, f"{origin.name}'s files", f"{group} {number}", done, (origin.verdict, after))


def _pair(group: str, feed: str, mutation: str, done: m.Done, verdicts: tuple[Verdict, Verdict]) -> Pair:
    before, after = verdicts
    withdrawn = {notice.id for notice in after.withdrawals}
    change = compare(profile(before), profile(after), Breaker(), closed=closed_in(after), withdrawn=withdrawn)
    return Pair(group, feed, mutation, done.must_hold(), change.held_by, done.word, change.kinds)


def table(done: list[Pair]) -> str:
    """Markdown: for each group its pairs, what was missed, what was held without need, and what was called wrongly."""
    lines = ["| change | pairs | to be held | missed | to pass | false alarms | called by another word |"]
    lines.append("|---|--:|--:|--:|--:|--:|--:|")
    for group in [*dict.fromkeys(pair.group for pair in done), "all"]:
        own = [pair for pair in done if group in (pair.group, "all")]
        to_hold = [pair for pair in own if pair.must_hold]
        to_pass = [pair for pair in own if not pair.must_hold]
        numbers = [
            len(own),
            len(to_hold),
            sum(not pair.is_right for pair in to_hold),
            len(to_pass),
            sum(not pair.is_right for pair in to_pass),
            sum(bool(pair.word) and pair.word not in pair.kinds for pair in own),
        ]
        lines.append(f"| {group} | {' | '.join(f'{number:,}' for number in numbers)} |")
    return "\n".join(lines)


def run() -> list[Pair]:
    """All pairs of the sample hubs and the real sources."""
    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder)
        found = list(origins(scratch, [(DEFAULTS["registry"], None), (REAL_REGISTRY, REAL)]))
        return list(pairs(found, scratch, of_each=9))


def main() -> None:
    """Print the table, and every pair that was judged wrongly."""
    done = run()
    print(table(done))
    for pair in done:
        if not pair.is_right:
            print(f"{'missed' if pair.must_hold else 'false alarm'}: {pair}")


if __name__ == "__main__":
    main()
