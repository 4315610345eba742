"""The proof that a folder is the release that it claims to be. Who made it is for ``signed``."""

from __future__ import annotations

import csv
import posixpath
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from urllib.parse import unquote

from pipelines.files import files_in, json_of, sha256_of
from pipelines.publish import changes, writers
from pipelines.publish.archives import wrong_archives
from pipelines.publish.bill import wrong_bill
from pipelines.publish.figures import wrong_figures
from pipelines.publish.helps import wrong_helps
from pipelines.publish.metadata import wrong_metadata
from pipelines.publish.pdf import wrong_documents
from pipelines.publish.provenance import broken_chains
from pipelines.publish.scripts import wrong_scripts
from pipelines.publish.search import wrong_search
from pipelines.publish.signed import MANIFEST, SUMS, UNLISTED, read_sums

THRESHOLD_N = 10
ROUNDING_BASE = 5
"""What verification holds every published count against. Kept apart from the policy that made the counts on purpose:
a slip there must not loosen the check here."""

_GROUP = tuple(name for name in writers.BENCHMARKS.names if name in writers.DISTRIBUTIONS.names and name != "status")
_FIGURES = tuple(column.name for column in writers.BENCHMARKS.columns if column.type == "number")
"""The columns that say which group a row is about; those that say something of it, besides its count."""

NEWEST = "../../index.html"
"""The page that leads to the newest release, from the root of a release: the only place outside that pages lead to."""

_TAG = re.compile(r'<[a-z][^<>"]*(?:"[^"]*"[^<>"]*)*>')
_LINK = re.compile(r'\s(?:href|src)="([^"]*)"')
_ID = re.compile(r'\sid="([^"]*)"')
_UNREADABLE = (OSError, ValueError, KeyError, TypeError)
"""What is raised over a release whose manifest or checksums are of another shape."""
_OUTSIDE = re.compile(r"[a-z][a-z0-9+.-]*:|//", re.IGNORECASE)


def verify_release(folder: Path) -> list[str]:
    """What is wrong with the release in ``folder``, in words; an empty list when nothing is.

    Needs nothing but the folder. Checks: every file is listed and as listed, the manifest agrees with the checksums,
    every link between pages leads somewhere, no published count is under the threshold or unrounded, levels add up,
    pages and all forms of a table show the same figures, everything can be traced to a snapshot, what is said to
    have changed fits the rest, metadata describe the files that are there, the bill of materials is of the code that
    made it, and every record has an open licence. Who made it is for ``wrong_signatures``.
    """
    try:
        problems = _differences(folder)
    except _UNREADABLE as error:
        return [f"the release cannot be read: {error}"]
    present = files_in(folder)
    unsafe = _unsafe_counts(folder / "benchmarks")
    figures = _checked("the figures", folder, wrong_figures, wrong_scripts, wrong_helps)
    told = [
        *figures,
        *_checked("what is searched", folder, wrong_search),
        *broken_chains(folder),
        *changes.wrong_changes(folder),
    ]
    made = [*wrong_documents(folder), *wrong_archives(folder), *wrong_metadata(folder), *wrong_bill(folder)]
    return [*problems, *_broken_links(present), *unsafe, *told, *made]


def wrong_files(folder: Path) -> list[str]:
    """What is wrong with the files of the release in ``folder``, in words: one that is missing, changed or not listed.
    A part of ``verify_release``.
    """
    try:
        return _differences(folder)
    except _UNREADABLE as error:
        return [f"the release cannot be read: {error}"]


def _differences(folder: Path) -> list[str]:
    sums = read_sums(folder)
    manifest = json_of((folder / MANIFEST).read_bytes())
    listed = {file["path"]: file["sha256"] for file in manifest["files"]}
    present = files_in(folder)
    problems = [f"missing: {name}" for name in sorted(sums.keys() - present.keys())]
    problems += [f"not listed: {name}" for name in sorted(present.keys() - sums.keys() - {*UNLISTED})]
    problems += [
        f"changed: {name}" for name in sorted(sums.keys() & present.keys()) if sha256_of(present[name]) != sums[name]
    ]
    expected = {name: digest for name, digest in sums.items() if name != MANIFEST}
    return problems + [
        f"{MANIFEST} and {SUMS} differ: {name}"
        for name in sorted(expected.keys() | listed.keys())
        if expected.get(name) != listed.get(name)
    ]


def _broken_links(present: Mapping[str, Path]) -> Iterator[str]:
    """Links from a page of the release to a file, or a place in a page, that is not there. Signatures are
    made after the pages, and missed by ``wrong_signatures``. What has ``=`` is no place but a choice that the script of
    a page reads, as ``#sector=health``.
    """
    ids: dict[str, set[str]] = {}
    links: dict[str, set[str]] = defaultdict(set)
    for name, path in present.items():
        if not name.endswith(".html"):
            continue
        folder = posixpath.dirname(name)
        tags = " ".join(dict.fromkeys(_TAG.findall(path.read_text(encoding="utf-8"))))
        ids[name] = set(_ID.findall(tags))
        for address in set(_LINK.findall(tags)):
            if _OUTSIDE.match(address):
                continue
            target, _, fragment = unquote(address.replace("&amp;", "&")).partition("#")
            fragment = "" if "=" in fragment else fragment
            full = posixpath.normpath(posixpath.join(folder, target)) if target else name
            links[f"{full}#{fragment}"].add(name)
    for link in sorted(links):
        target, _, fragment = link.partition("#")
        if (target not in present and target not in (*UNLISTED, NEWEST)) or (
            fragment and fragment not in ids.get(target, ())
        ):
            yield f"link to nowhere: {target}{'#' + fragment if fragment else ''} (from {min(links[link])})"


def _checked(what: str, folder: Path, *checks: Callable[[Path], Iterable[str]]) -> list[str]:
    """What the checks find, or that ``what`` cannot be checked, as the files are of no known shape."""
    try:
        return [problem for check in checks for problem in check(folder)]
    except (OSError, ValueError, KeyError, IndexError, TypeError, csv.Error) as error:
        return [f"{what} cannot be checked: {error}"]


def _unsafe_counts(folder: Path) -> Iterator[str]:
    """Published numbers of organisations that are under the threshold or not rounded, figures of groups that are
    confidential, and levels that do not add up to their group.
    """
    numbers: dict[tuple[str, ...], int | None] = {}
    for number, row in _csv_rows(folder / "benchmarks.csv", writers.BENCHMARKS.names):
        if isinstance(row, str):
            yield row
            continue
        count = row["n"]
        numbers[_group(row)] = int(count) if count.isdigit() else None
        if count == "":
            if told := [name for name in _FIGURES if row[name] != ""]:
                yield f"benchmarks.csv row {number}: a {told[0]} without a count"
        elif not count.isdigit() or int(count) < THRESHOLD_N or int(count) % ROUNDING_BASE:
            yield f"benchmarks.csv row {number}: a count of {count}, under {THRESHOLD_N} or not rounded"
    sums: Counter[tuple[str, ...]] = Counter()
    is_whole: dict[tuple[str, ...], bool] = {}
    for number, row in _csv_rows(folder / "distributions.csv", writers.DISTRIBUTIONS.names):
        if isinstance(row, str):
            yield row
            continue
        count, group = row["count"], _group(row)
        is_whole[group] = is_whole.get(group, True) and row["status"] == ""
        if count.isdigit() and int(count) % ROUNDING_BASE == 0:
            sums[group] += int(count)
        elif row["status"] == "":
            yield f"distributions.csv row {number}: a count of {count or 'nothing'}, not rounded"
    for group in sorted(numbers.keys() | is_whole.keys()):
        n = numbers.get(group)
        if (n is not None) != (group in is_whole) or (is_whole.get(group) and sums[group] != n):
            yield f"distributions.csv: the levels of {' '.join(group)} do not add up to {n or 'nothing'}"


def _group(row: Mapping[str, str]) -> tuple[str, ...]:
    return tuple(row[name] for name in _GROUP)


def _csv_rows(path: Path, names: Sequence[str]) -> Iterator[tuple[int, dict[str, str] | str]]:
    """The rows of a table of the release, numbered from 1; in the place of one that is none, what is wrong."""
    if not path.is_file():
        yield 0, f"missing: benchmarks/{path.name}"
        return
    with path.open(encoding="utf-8", errors="replace", newline="") as file:
        for number, row in enumerate(csv.DictReader(file), 1):
            is_row = all(isinstance(row.get(name), str) for name in names) and None not in row
            yield number, row if is_row else f"{path.name} row {number}: not a row of {path.stem}"
