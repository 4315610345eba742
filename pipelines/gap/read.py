"""What an organisation says of itself: its return, read and judged as a hub's feed is, and then forgotten.

The file is taken as the one file of a feed, so that its faults are those which ``hubpacks check`` tells. Levels are
those of ``benchmark``; nothing is compared here.
"""

from __future__ import annotations

import json
import subprocess
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path
from statistics import median_low
from tempfile import TemporaryDirectory
from typing import Any

import pyarrow.parquet as pq

from hubs.contract import CONTRACT_VERSION
from hubs.contract.groups import ATTRIBUTES
from hubs.contract.kinds import table_kinds
from hubs.contract.records import MANIFEST
from hubs.contract.verdict import Verdict
from hubs.feed import Feed
from hubs.instruments import Instrument
from hubs.judge import judge
from hubs.mapping.native import kind_of_sheet
from hubs.mapping.readers.workbook import UnreadableWorkbook, is_workbook, sheets
from hubs.registration import unregistered
from pipelines.benchmark import combine, organisation_levels

KIND = "assessment"
MAX_RETURN_BYTES = 16_000_000
"""A thousand people's answers to two question banks are half of this."""
NOT_STATED = "not_stated"
"""The term of a vocabulary for what an organisation does not say; whoever says it is in no group of likes."""
_FILLINGS = ("cross_sector", "business")
"""Sectors that stand in, in turn, for one that a return leaves blank: what changes with them is not its own."""
MEMORY = Path("/dev/shm")  # noqa: S108 - a folder of our own is made in it
"""Where Linux offers files that never reach a disk."""


class UnusableReturn(ValueError):
    """The file is no return of one organisation. The message names it and the mend."""


@dataclass(frozen=True)
class Answers:
    """Of one instrument and audience: the level of each dimension that has one, the lower median of all answers, and of
    each question, the lower median over respondents (None where it does not apply).
    """

    levels: Mapping[str, int]
    questions: Mapping[str, int | None]
    respondents: int


@dataclass(frozen=True)
class Own:
    """One organisation in its newest period. ``described`` has its terms by attribute, without those that are not
    known; ``answers`` are by instrument and audience, in order; ``other_periods`` are in the same file, unread.
    """

    period: str
    described: Mapping[str, str]
    answers: Mapping[tuple[str, str], Answers]
    other_periods: tuple[str, ...] = ()


def read_return(
    path: Path, banks: Mapping[str, Instrument], today: date, *, before: str | None = None
) -> tuple[Verdict, Own | None]:
    """The verdict on the return in ``path``, and what it says; None when it has an error.

    ``before`` asks for the newest period earlier than that one. Raises UnusableReturn for what is no file, is too
    large, or is not of one organisation; OSError.
    """
    if not path.is_file():
        raise UnusableReturn(f"{path}: {'this is a folder' if path.is_dir() else 'there is no such file'}; name a file")
    if (size := path.stat().st_size) > MAX_RETURN_BYTES:
        raise UnusableReturn(f"{path}: {size:,} bytes; a return of one organisation has at most {MAX_RETURN_BYTES:,}")
    verdict, own = _read(path, banks, today, before, _FILLINGS[0])
    if own is not None and own.described.get("sector") == _FILLINGS[0]:
        _, again = _read(path, banks, today, before, _FILLINGS[1])
        if again is not None and again.described != own.described:
            known = {name: term for name, term in own.described.items() if name != "sector"}
            own = replace(own, described=known)
    return verdict, own


def _read(
    path: Path, banks: Mapping[str, Instrument], today: date, before: str | None, sector: str
) -> tuple[Verdict, Own | None]:
    """The same, with ``sector`` as that of the hub, which stands in where an organisation leaves its own blank."""
    nobody = unregistered(path.name).model_copy(update={"sector": sector})
    with _scratch() as folder:
        verdict = _without_descriptor(judge(_as_feed(path), nobody, banks, today, folder))
        if verdict.is_held or verdict.counts()["errors"]:
            return verdict, None
        return verdict, _own(path, verdict, banks, before)


# As a feed.


@dataclass(frozen=True)
class _Alone(Feed):
    """One file with the descriptor that it would have in a feed."""

    descriptor: bytes = field(default=b"", kw_only=True)

    def read(self, name: str) -> bytes:
        return self.descriptor if name == MANIFEST else super().read(name)

    def size(self, name: str) -> int:
        return len(self.descriptor) if name == MANIFEST else super().size(name)


def _as_feed(path: Path) -> Feed:
    """A workbook with a sheet of answers is a feed as it stands; any other file is one with a descriptor."""
    if _has_sheet_of_answers(path):
        return Feed({path.name: path})
    resource = {"name": "return", "path": path.name, "hubpacks": {"kind": KIND}}
    descriptor = {"name": "return", "resources": [resource], "hubpacks": {"contract": CONTRACT_VERSION}}
    return _Alone({MANIFEST: path, path.name: path}, descriptor=json.dumps(descriptor).encode())


def _has_sheet_of_answers(path: Path) -> bool:
    with path.open("rb") as file:
        if not is_workbook(file.read(8)):
            return False
    try:
        return any(kind_of_sheet(sheet.name) == KIND for sheet in sheets(path.read_bytes()))
    except UnreadableWorkbook:
        return False  # the judge says what is wrong with it


def _without_descriptor(verdict: Verdict) -> Verdict:
    """The verdict without the descriptor, which nobody sent."""
    return replace(
        verdict,
        skips=[skip for skip in verdict.skips if skip.file != MANIFEST],
        files=[account for account in verdict.files if account.file != MANIFEST],
    )


@contextmanager
def _scratch() -> Iterator[Path]:
    """A folder for the judge's tables, in memory where the system offers that.

    It is gone however this process ends, also by ``kill -9``: a shell waits for its end of a pipe to close.
    """
    where = MEMORY if MEMORY.is_dir() else None
    with TemporaryDirectory(prefix="hubpacks-gap-", dir=where) as folder:
        # In a session of its own, so that Ctrl-C, which ends us, does not end it.
        command = ["/bin/sh", "-c", 'read -r _; rm -rf -- "$0"', folder]
        with subprocess.Popen(command, stdin=subprocess.PIPE, start_new_session=True):  # noqa: S603 - our words
            yield Path(folder)


# What it says.


def _own(path: Path, verdict: Verdict, banks: Mapping[str, Instrument], before: str | None) -> Own:
    files = [table.accepted for table in verdict.tables if table.accepted is not None]
    everything = list(_rows(files))
    periods = sorted({row["period"] for row in everything if before is None or row["period"] < before})
    if not periods:
        earlier = f" of a period before {before}" if before else ""
        raise UnusableReturn(f"{path}: there are no answers{earlier} in it")
    period = periods[-1]
    rows = [row for row in everything if row["period"] == period]
    if (n := len({row["organisation"] for row in rows})) > 1:
        raise UnusableReturn(f"{path}: answers of {n:,} organisations in {period}; a return is of one: leave its own")
    levels = combine({"": organisation_levels(files, banks)}).to_pylist()
    answers = _answers(rows, [entry for entry in levels if entry["period"] == period], banks)
    if not any(found.levels for found in answers.values()):
        raise UnusableReturn(f"{path}: no answer in {period} has a level; all say that the question does not apply")
    described = {name: rows[0][name] for name in ATTRIBUTES if rows[0][name] != NOT_STATED}
    if any("sector" in table.derived for table in verdict.tables):
        described.pop("sector", None)
    return Own(period, described, answers, tuple(sorted({row["period"] for row in everything} - {period})))


def _rows(files: list[Path]) -> Iterator[dict[str, Any]]:
    names = [column.name for column in table_kinds()[KIND].columns]
    for file in files:
        with pq.ParquetFile(file) as opened:
            yield from opened.read(columns=names).to_pylist()


def _answers(
    rows: list[dict[str, Any]], levels: list[dict[str, Any]], banks: Mapping[str, Instrument]
) -> dict[tuple[str, str], Answers]:
    given: dict[tuple[str, str], dict[str, list[int]]] = defaultdict(lambda: defaultdict(list))
    people: dict[tuple[str, str], set[str]] = defaultdict(set)
    for row in rows:
        key = row["instrument"], row["audience"]
        given[key][row["question"]] += [] if row["level"] is None else [row["level"]]
        people[key].add(row["respondent"])
    return {
        key: Answers(
            {e["dimension"]: e["level"] for e in levels if (e["instrument"], e["audience"]) == key},
            {
                question.id: median_low(answers) if answers else None
                for question in banks[key[0]].asked_of(key[1])
                if (answers := given[key].get(question.id)) is not None
            },
            len(people[key]),
        )
        for key in sorted(given)
    }
