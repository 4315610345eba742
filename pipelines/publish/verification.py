"""The proof that a folder is the release that it claims to be. Who made it is for ``signed``.

Every file is read once for its checksum, and pages for their links; then come checks of what files say. Each needs
nothing but the folder, and none needs what another has found: so processes can share them.
"""

from __future__ import annotations

import csv
import hashlib
import posixpath
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, partial
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import unquote

from pipelines.crew import ALONE, Crew
from pipelines.files import Damaged, digests_in, files_in, json_of, largest_first, sha256_of
from pipelines.publish import writers
from pipelines.publish.archives import wrong_archives
from pipelines.publish.bill import BILL, wrong_bill
from pipelines.publish.changes import wrong_changes
from pipelines.publish.earlier import Earlier
from pipelines.publish.figures import FORMS, TABLES, has_figures, has_same_figures, wrong_forms, wrong_pages
from pipelines.publish.helps import wrong_helps
from pipelines.publish.metadata import wrong_metadata
from pipelines.publish.pdf import wrong_documents
from pipelines.publish.provenance import broken_chains
from pipelines.publish.scripts import FIGURES, wrong_scripts
from pipelines.publish.search import wrong_search
from pipelines.publish.signed import MANIFEST, SUMS, UNLISTED, published_keys, read_sums, wrong_signatures
from pipelines.signatures import UnusableKey

THRESHOLD_N = 10
ROUNDING_BASE = 5
"""What verification holds every published count against. Kept apart from the policy that made the counts on purpose:
a slip there must not loosen the check here."""

_GROUP = tuple(name for name in writers.BENCHMARKS.names if name in writers.DISTRIBUTIONS.names and name != "status")
_SAID = tuple(column.name for column in writers.BENCHMARKS.columns if column.type == "number")
"""The columns that say which group a row is about; those that say something of it, besides its count."""

NEWEST = "../../index.html"
"""The page that leads to the newest release, from the root of a release: the only place outside that pages lead to."""

_TAG = re.compile(rb'<[a-z][^<>"]*(?:"[^"]*"[^<>"]*)*>')
_PLACE = re.compile(rb'\s(id|href|src)="([^"]*)"')
_UNREADABLE = (OSError, ValueError, KeyError, TypeError)
"""What is raised over a release whose manifest or checksums are of another shape."""
_OUTSIDE = re.compile(r"[a-z][a-z0-9+.-]*:|//", re.IGNORECASE)

_SHARES_A_WORKER = 2

Check = Callable[[], Iterable[str]]
"""What is wrong, in words. It can be sent to another process."""


def verify_release(folder: Path, before: Path | None = None, crew: Crew = ALONE) -> list[str]:
    """What is wrong with the release in ``folder``, in words; an empty list when nothing is.

    Needs nothing but the folder. Checks: every file is listed and as listed, the manifest agrees with the checksums,
    every link between pages leads somewhere, no published count is under the threshold or unrounded, levels add up,
    pages and all forms of a table show the same figures, everything can be traced to a snapshot, what is said to
    have changed fits the rest, metadata describe the files that are there, the bill of materials is of the code that
    made it, and every record has an open licence. Who made it is for ``wrong_signatures``.

    ``before`` may be the folder of the release before it, which was verified when it was published: what was right
    there is not checked again where it depends on nothing but what is still the same, byte for byte. The ``crew``
    shares the work.
    """
    try:
        listed = _Lists.of(folder)
        shares = _shares(folder, files_in(folder), _SHARES_A_WORKER * crew.workers)
        seen = _Seen.of_all(crew.share(partial(_look_at, folder), shares))
    except _UNREADABLE as error:
        return [f"the release cannot be read: {error}"]
    problems = listed.differences(seen.digests)
    found = crew.share(_made, _due(folder, seen, _earlier(folder, before), crew.workers))
    return [*dict.fromkeys([*problems, *_broken_links(seen), *chain.from_iterable(found)])]


def wrong_files(folder: Path) -> list[str]:
    """What is wrong with the files of the release in ``folder``, in words: one that is missing, changed or not listed.
    A part of ``verify_release``.
    """
    try:
        return _Lists.of(folder).differences(digests_in(folder))
    except _UNREADABLE as error:
        return [f"the release cannot be read: {error}"]


# Which checks there are.


def _due(folder: Path, seen: _Seen, earlier: Earlier | None, workers: int) -> list[Check]:
    """The checks that have to be made, those that take long first. Left out are those of files that are all what they
    were in ``earlier``, where nothing was wrong with them.
    """
    now, then = seen.digests, earlier.digests if earlier else {}

    def is_new(*names: str) -> bool:
        return earlier is None or any(now.get(name) != then.get(name) for name in names)

    names = largest_first(folder, (f"benchmarks/{table}.json" for table in TABLES))
    stems = [name.removesuffix(".json") for name in names]
    new_rows = {stem for stem in stems if earlier is None or _has_new_rows(folder, f"{stem}.json", earlier)}
    alike = earlier if earlier and has_same_figures(folder, earlier) else None
    due = [_figures(wrong_pages, folder, share, alike) for share in _shares(folder, seen.with_figures, workers)]
    for stem in stems:
        is_new_form = {form: stem in new_rows if form == ".json" else is_new(f"{stem}{form}") for form in FORMS}
        if forms := [form for form in FORMS if is_new_form[form] or is_new(f"{stem}.parquet")]:
            due.append(_figures(wrong_forms, folder, posixpath.basename(stem), forms))
    if new_rows or is_new(*(name for name in now.keys() | then.keys() if name.startswith(f"{FIGURES}/"))):
        due.append(_figures(wrong_scripts, folder))
    if is_new("benchmarks/benchmarks.csv", "benchmarks/distributions.csv"):
        due.append(partial(_unsafe_counts, folder / "benchmarks"))
    return [
        *due,
        _figures(wrong_helps, folder),
        partial(_checked, "what is searched", wrong_search, folder),
        *(partial(check, folder) for check in _OF_ALL),
        partial(wrong_metadata, folder, now),
    ]


_OF_ALL: Sequence[Callable[[Path], Iterable[str]]] = (
    broken_chains,
    wrong_changes,
    wrong_documents,
    wrong_archives,
    wrong_bill,
)
"""Those of what is another in every release."""


def _figures(check: Callable[..., Iterable[str]], *told: Any) -> Check:
    return partial(_checked, "the figures", check, *told)


def _checked(what: str, check: Callable[..., Iterable[str]], *told: Any) -> list[str]:
    """What the check finds, or that ``what`` cannot be checked, as the files are of no known shape."""
    try:
        return [*check(*told)]
    except (OSError, ValueError, KeyError, IndexError, TypeError, csv.Error) as error:
        return [f"{what} cannot be checked: {error}"]


def _made(check: Check) -> list[str]:
    return [*check()]


def _earlier(folder: Path, before: Path | None) -> Earlier | None:
    """The release ``before``, when it can be relied on: the same code made and verified it, and its checksums are
    signed by a key that the release in ``folder`` knows.
    """
    if before is None or not (folder / BILL).is_file():
        return None
    earlier = Earlier(before, (folder / BILL).read_bytes())
    try:
        is_reliable = not wrong_signatures(before, published_keys(folder)) and earlier.is_alike
    except (OSError, UnusableKey):  # of this one, of which wrong_signatures tells
        return None
    return earlier if is_reliable else None


def _has_new_rows(folder: Path, name: str, earlier: Earlier) -> bool:
    """Whether the JSON of a table has other columns or rows than in ``earlier``. It is not the same file: at its head
    it names its release.
    """
    try:
        before = earlier.read(name)
        return before is None or _behind_head(before) != _behind_head((folder / name).read_bytes())
    except (OSError, ValueError, Damaged):
        return True


def _behind_head(data: bytes) -> bytes:
    """The part of a table's JSON that begins with its columns; rows follow there. It says the same behind any head that
    leaves open the object itself, and nothing else; raises ValueError behind others.
    """
    mark = b'"columns": '
    head, _, rest = data.partition(mark)
    json_of(head + mark + b"0}")
    return rest


# What is seen of every file.


@dataclass
class _Seen:
    """What is seen of files: of each the SHA-256 (``digests``); of pages the places that they have (``ids``), where
    they lead to and the first that leads there (``links``), and those which show figures.
    """

    digests: dict[str, str] = field(default_factory=dict)
    ids: dict[str, set[str]] = field(default_factory=dict)
    links: dict[str, str] = field(default_factory=dict)
    with_figures: list[str] = field(default_factory=list)

    @classmethod
    def of_all(cls, parts: Iterable[_Seen]) -> _Seen:
        whole = cls()
        for part in parts:
            whole.digests |= part.digests
            whole.ids |= part.ids
            whole.with_figures += part.with_figures
            for link, page in part.links.items():
                whole.lead(link, page)
        return whole

    def lead(self, link: str, page: str) -> None:
        if page <= self.links.get(link, page):
            self.links[link] = page


def _shares(folder: Path, names: Iterable[str], most: int) -> list[list[str]]:
    """The files ``names`` in ``most`` shares of about the same size, without those that would be empty."""
    ordered = largest_first(folder, names)
    return [share for start in range(most) if (share := ordered[start::most])]


def _look_at(folder: Path, names: Iterable[str]) -> _Seen:
    seen = _Seen()
    places_in, target_of = cache(_places_in), cache(_target)  # most are the same on many pages
    for name in names:
        if not name.endswith(".html"):
            seen.digests[name] = sha256_of(folder / name)
            continue
        html = (folder / name).read_bytes()
        seen.digests[name] = hashlib.sha256(html).hexdigest()
        if has_figures(html):
            seen.with_figures.append(name)
        seen.ids[name], beside = set(), posixpath.dirname(name)
        for tag in {*_TAG.findall(html)}:
            for is_id, text in places_in(tag):
                if is_id:
                    seen.ids[name].add(text)
                else:
                    target = target_of(text, beside)
                    seen.lead(name + target if target.startswith("#") else target, name)
    return seen


def _places_in(tag: bytes) -> list[tuple[bool, str]]:
    """The places that a tag names: its own, or where it leads to within the release."""
    found = [(kind == b"id", text.decode(errors="replace")) for kind, text in _PLACE.findall(tag)]
    return [(is_id, text) for is_id, text in found if is_id or not _OUTSIDE.match(text)]


def _target(address: str, folder: str) -> str:
    """Where ``address`` leads to from a page in ``folder``: a file, none for the page itself, and behind ``#`` a place
    in it. What has ``=`` is no place but a choice that the script of a page reads, as ``#sector=health``.
    """
    target, _, fragment = unquote(address.replace("&amp;", "&")).partition("#")
    full = posixpath.normpath(posixpath.join(folder, target)) if target else ""
    return f"{full}#{'' if '=' in fragment else fragment}"


class _Lists(NamedTuple):
    """The SHA-256 of files by their path, as the two lists of a release have them."""

    sums: Mapping[str, str]
    manifest: Mapping[str, str]

    @classmethod
    def of(cls, folder: Path) -> _Lists:
        sums, manifest = read_sums(folder), json_of((folder / MANIFEST).read_bytes())
        return cls(sums, {file["path"]: file["sha256"] for file in manifest["files"]})

    def differences(self, digests: Mapping[str, str]) -> list[str]:
        """Where the two, and the files that have these ``digests``, differ."""
        sums, listed = self
        problems = [f"missing: {name}" for name in sorted(sums.keys() - digests.keys())]
        problems += [f"not listed: {name}" for name in sorted(digests.keys() - sums.keys() - {*UNLISTED})]
        problems += [f"changed: {name}" for name in sorted(sums.keys() & digests.keys()) if digests[name] != sums[name]]
        expected = {name: digest for name, digest in sums.items() if name != MANIFEST}
        return problems + [
            f"{MANIFEST} and {SUMS} differ: {name}"
            for name in sorted(expected.keys() | listed.keys())
            if expected.get(name) != listed.get(name)
        ]


def _broken_links(seen: _Seen) -> Iterator[str]:
    """Links from a page of the release to a file, or a place in a page, that is not there. Signatures are
    made after the pages, and missed by ``wrong_signatures``.
    """
    for link, page in sorted(seen.links.items()):
        target, _, fragment = link.partition("#")
        if (target not in seen.digests and target not in (*UNLISTED, NEWEST)) or (
            fragment and fragment not in seen.ids.get(target, ())
        ):
            yield f"link to nowhere: {target}{'#' + fragment if fragment else ''} (from {page})"


# Counts.


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
            if told := [name for name in _SAID if row[name] != ""]:
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
