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
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

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
MAX_RECORDS = 60
"""Of a feed so many records are mutated, so that twenty times as many are judged quickly."""
SHARES = (0.01, 0.1, 0.2, 0.3, 0.31, 0.4, 0.5, 0.6, 0.75, 0.9, 0.99)

CONTENT: dict[str, list[m.Mutation]] = {
    "growth": [*(m.grow(factor) for factor in (1.02, 1.1, 1.5, 2, 4, 9, 20)), m.grow_by_copies, m.grow_and_edit],
    "shrinkage": [
        *(m.trim(share, where) for share in SHARES for where in ("random", "head", "tail")),
        *(m.spoil(share) for share in (0.2, 0.35)),
        *(m.trim_and_edit(share) for share in (0.2, 0.35, 0.6)),
        m.trim_and_grow,
    ],
    "emptied": [m.empty_a_kind, m.empty_all],
    "re-keying": [
        *(m.rekey(how) for how in m.REKEYINGS),
        *(m.rekey(how, share) for how in ("numbers", "shuffled") for share in (0.05, 0.1, 0.2, 0.5)),
        *(m.rekey("suffix", share, edit) for share in (0.2, 1.0) for edit in ("texts", "titles", "both")),
        m.rekey("digests", 1.0, is_disordered=True),
        m.rekey_and(m.grow(3)),
        m.rekey_and(m.trim(0.2, "head")),
        m.rekey_and(m.edit("dates", 0.5)),
    ],
    "edits": [
        *(m.edit(what, share) for what in ("titles", "texts", "dates", "both") for share in (0.1, 0.5, 1.0)),
        m.edit("rewritten", 0.3),
    ],
    "no change": [
        *(m.restyle(style) for style in ("crlf", "wide", "split")),
        *(m.relayout(layout) for layout in m.LAYOUTS),
        m.reorder,
        m.stamp,
    ],
    "licence": [m.relicense(0.2, "closed"), m.relicense(1.0, "CC-BY-4.0")],
    "withdrawal": [m.withdraw(0.1), m.withdraw(0.6)],
    "returns lost": [
        *(m.trim_rows(share, where) for share in (0.05, 0.35, 0.9) for where in ("random", "tail")),
        *(m.drop_organisations(share) for share in (0.1, 0.5)),
        *(m.replaced_organisations(share) for share in (0.1, 0.2, 0.5)),
        m.drop_a_period,
    ],
    "returns re-keyed": [
        m.rekey_organisations(1.0),
        *(m.rekey_organisations(share) for share in (0.05, 0.2, 0.5)),
        *(m.rekey_organisations(0.2, levels=share) for share in (0.02, 0.1, 0.5)),
        m.rekey_organisations(1.0, levels=0.1),
        m.rekey_organisations(1.0, is_growing=True),
    ],
    "returns grown": [*(m.more_organisations(factor) for factor in (2, 4, 9, 20)), m.new_period(is_rolling=False)],
    "returns edited": [
        *(m.edit_rows(share, column) for share in (0.05, 0.3, 1.0) for column in ("level", "region")),
        m.other_respondents,
        m.new_period(is_rolling=True),
    ],
}
FILES: dict[str, list[m.FileMutation]] = {
    "no change": [m.other_line_ends, m.blank_lines_at_the_end],
    "re-keying": [m.files_renamed],
    "shrinkage": [
        *(m.files_missing(share, w) for share in (0.2, 0.5) for w in ("random", "tail")),
        m.cut_at_a_byte(0.5),
    ],
    "edits": [m.texts_edited, m.headings_edited(0.3)],
    "returns lost": [m.rows_cut(0.5)],
}
OF_RETURNS = ("returns lost", "returns re-keyed", "returns grown", "returns edited")

T = TypeVar("T", bound=m.Mutation | m.FileMutation)


@dataclass(frozen=True)
class Pair:
    """One pair: of what feed and mutation, by what codes and with which word the rules say it is held and called
    (``word`` is empty where none is given), and what the breaker said. With ``is_refused`` the judge has
    held the feed for a fault of its own, such as an expectation of its mapping, and the breaker was not asked.
    """

    group: str
    feed: str
    mutation: str
    rules: frozenset[str]
    held_by: frozenset[str]
    word: str
    kinds: tuple[str, ...]
    is_refused: bool = False

    @property
    def must_hold(self) -> bool:
        """Whether the rules say that it is held."""
        return bool(self.rules)

    @property
    def is_right(self) -> bool:
        """Whether the breaker held what it had to, and nothing else."""
        return self.must_hold == bool(self.held_by)

    @property
    def is_told_right(self) -> bool:
        """Whether it did so by the right codes, and called the change by its word."""
        return self.rules == self.held_by and (not self.word or self.word in self.kinds)


@dataclass(frozen=True)
class Origin:
    """A hub's feed: its registration, its question banks, its files, and the verdict on them."""

    name: str
    registration: Registration
    banks: Mapping[str, Instrument]
    folder: Path
    verdict: Verdict


def origins(
    scratch: Path, registries: Iterable[tuple[Path, Path | None]], only: Collection[str] = ()
) -> Iterator[Origin]:
    """The feeds of registries (each with the folder that addresses count from, None for its own) that are accepted; of
    the hubs ``only``, if given.
    """
    for folder, files in registries:
        registry = read_registry(folder)
        banks = instruments(FOLDER, *registry.instrument_folders[1:])
        for hub, about in registry.hubs.items():
            if only and hub not in only:
                continue
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


def pairs(found: list[Origin], scratch: Path, of_each: int, every: int = 1) -> Iterator[Pair]:
    """The labelled pairs of these feeds: each mutation is tried on ``of_each`` of them, in turn. With ``every`` only so
    many mutations of a group are: the first, and so on.
    """
    yield from _content_pairs(found, scratch, of_each, every)
    yield from _file_pairs(found, scratch, of_each, every)


def _content_pairs(found: list[Origin], scratch: Path, of_each: int, every: int) -> Iterator[Pair]:
    """Feeds of the contract's own shape, of what was accepted of each origin."""
    own = registration()
    befores: dict[str, tuple[m.Content, Verdict]] = {}
    for group, turn, mutation, origin in _tried(CONTENT, found, of_each, every):
        layout = m.LAYOUTS[turn % len(m.LAYOUTS)]
        key = f"{origin.name}-{layout}-{group in OF_RETURNS}"
        if key not in befores:
            content = _part(m.content_of(origin.verdict), group)
            folder = m.write(content, scratch / "before" / key, layout)
            befores[key] = content, _judged(folder, own, origin.banks, scratch)
        content, before = befores[key]
        made = mutation(random.Random(f"{key} {turn}"), content)
        if before.is_held or made is None:
            continue
        folder = scratch / "after"
        shutil.rmtree(folder, ignore_errors=True)
        after = _judged(m.write(made[0], folder, layout), own, origin.banks, scratch)
        yield _pair((group, f"{origin.name} as {layout}", _name(mutation)), made[1], before, after)


def _part(content: m.Content, group: str) -> m.Content:
    return m.Content(rows=content.rows) if group in OF_RETURNS else m.Content(content.records[:MAX_RECORDS])


def _file_pairs(found: list[Origin], scratch: Path, of_each: int, every: int) -> Iterator[Pair]:
    """The origins' own files, read by their own mappings."""
    for group, turn, mutation, origin in _tried(FILES, found, of_each, every):
        shutil.rmtree(scratch / "copy", ignore_errors=True)
        folder = m.copied(origin.folder, scratch / "copy")
        done = mutation(random.Random(f"{origin.name} {turn}"), folder, origin.verdict)
        if done is not None:
            after = _judged(folder, origin.registration, origin.banks, scratch)
            yield _pair((group, f"{origin.name}'s files", _name(mutation)), done, origin.verdict, after)


def _tried(
    groups: Mapping[str, list[T]], found: list[Origin], of_each: int, every: int
) -> Iterator[tuple[str, int, T, Origin]]:
    """Each group's mutations with feeds that can have them, which take turns, and a number."""
    turns: Counter[bool] = Counter()
    for group, listed in groups.items():
        of_returns = group in OF_RETURNS
        able = [o for o in found if (o.verdict.answers if of_returns else len(o.verdict.records) > 2)]
        for mutation in listed[::every]:
            for _ in range(min(of_each, len(able))):
                turn = turns[of_returns]
                turns[of_returns] += 1
                yield group, turn, mutation, able[turn % len(able)]


def _name(mutation: m.Mutation | m.FileMutation) -> str:
    """Such as 'trim 0.3 tail'."""
    cells = mutation.__closure__ or ()
    values = [cell.cell_contents for cell in cells]
    plain = [str(value) for value in values if isinstance(value, (str, int, float))]
    return " ".join([mutation.__qualname__.partition(".")[0], *plain])


def _pair(about: tuple[str, str, str], done: m.Done, before: Verdict, after: Verdict) -> Pair:
    rules = frozenset(done.held_by())
    if after.is_held:
        held_by = frozenset(after.held_by)
        return Pair(*about, rules, held_by, "", (), is_refused=held_by != rules)
    withdrawn = {notice.id for notice in after.withdrawals}
    change = compare(profile(before), profile(after), Breaker(), closed=closed_in(after), withdrawn=withdrawn)
    return Pair(*about, rules, frozenset(change.held_by), done.word, change.kinds)


def table(done: list[Pair]) -> str:
    """Markdown: for each group its pairs, what was missed, what was held without need, and what was held by another
    code or called by another word than the rules say.
    """
    lines = ["| change | pairs | to be held | missed | to pass | false alarms | called wrongly |"]
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
            sum(pair.is_right and not pair.is_told_right for pair in own),
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
    """Print the table, and every pair that was judged or called wrongly."""
    everything = run()
    done = [pair for pair in everything if not pair.is_refused]
    print(table(done))
    refused = Counter(code for pair in everything if pair.is_refused for code in pair.held_by)
    print(f"Left out, because the judge holds them for a fault of their own: {dict(refused)}")
    for pair in done:
        if not (pair.is_right and pair.is_told_right):
            fault = "called wrongly" if pair.is_right else "missed" if pair.must_hold else "false alarm"
            print(f"{fault}: {pair}")


if __name__ == "__main__":
    main()
