"""What a release offers, as plain data: itself, its benchmarks, its packs, and the files of each with size and digest.

Read from the folder of a release and nothing else, so that what describes a release can be made again years later. How
that is said in any vocabulary is for the writers (``dcat``, ``uk_metadata``, ``ro_crate``, ``cff``); the pages, the
manifest and the checksums are made later, and so are not in here.
"""

from __future__ import annotations

import calendar
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

from hubs.contract.vocabularies import vocabulary
from hubs.yamlfile import read_yaml
from pipelines.files import json_of, sha256_of
from pipelines.publish import strings
from pipelines.publish.bill import BILL
from pipelines.publish.errata import ERRATA
from pipelines.publish.layouts import TEMPLATES
from pipelines.publish.signed import UNLISTED

OWN_LICENCE = "OGL-UK-3.0"
"""Licence of what the project itself writes: figures, tables, the words around the hubs' texts."""
WRITTEN = ("dcat.jsonld", "uk-metadata.json", "ro-crate-metadata.json", "CITATION.cff")
"""What is made from the catalogue, and so is not in it."""
RELEASE, BENCHMARKS = "release", "benchmarks"

Words = Mapping[str, str]
"""A text in each language of ``strings.LANGUAGES``."""


@dataclass(frozen=True)
class Format:
    """What files of one suffix are: media type, name, and code in the European Union's table of file types, None where
    that has none. ``is_registered``: IANA lists the media type.
    """

    media_type: str
    name: str
    eu: str | None
    is_registered: bool = True


FORMATS: Mapping[str, Format] = {
    ".csv": Format("text/csv", "CSV", "CSV"),
    ".parquet": Format("application/vnd.apache.parquet", "Parquet", "PARQUET"),
    ".json": Format("application/json", "JSON", "JSON"),
    ".jsonl": Format("application/jsonl", "JSON Lines", None, is_registered=False),
    ".ods": Format("application/vnd.oasis.opendocument.spreadsheet", "OpenDocument", "ODS"),
    ".xlsx": Format("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", "Excel", "XLSX"),
    ".pdf": Format("application/pdf", "PDF", "PDF"),
    ".zip": Format("application/zip", "Zip", "ZIP"),
}
"""By suffix: what counts as a data file, in whichever folder it lies."""


@dataclass(frozen=True)
class File:
    """One data file: ``path`` from the root of the release, size in bytes, digest."""

    path: str
    bytes: int
    sha256: str

    @property
    def format(self) -> Format:
        """What it is, by its name."""
        return FORMATS[Path(self.path).suffix]

    @property
    def language(self) -> str | None:
        """The language that it is in, where its name says so; None of one that has both or none."""
        middle = Path(self.path).suffixes[:-1]
        return middle[-1][1:] if middle and middle[-1][1:] in strings.LANGUAGES else None


@dataclass(frozen=True)
class Offer:
    """One thing that a release offers under one name: the release itself, its benchmarks, or a pack. ``id`` is the same
    in each release; ``page`` is where people read it, from the root of the release with ``{language}`` in it.

    ``licences`` are ids of the vocabulary; ``hubs`` are ids; ``periods`` are those of the figures, oldest first;
    ``sectors`` and ``technology_types`` are terms that it is about.
    """

    id: str
    title: Words
    description: Words
    page: str
    files: tuple[File, ...]
    licences: tuple[str, ...]
    hubs: tuple[str, ...]
    periods: tuple[str, ...] = ()
    keywords: tuple[Words, ...] = ()

    @property
    def covers(self) -> tuple[date, date] | None:
        """The first and the last day of what the figures are about; None when nothing is said of time."""
        days = [span for period in self.periods if (span := days_of(period))]
        return (min(first for first, _ in days), max(last for _, last in days)) if days else None


@dataclass(frozen=True)
class Publisher:
    """Who publishes. ``organisation`` is its id in the list of UK government organisations."""

    name: Words
    organisation: str
    contact: Words
    email: str


@dataclass(frozen=True)
class Catalogue:
    """What the release ``release`` offers to readers who find it at ``base``, among all releases at ``address``;
    ``published`` is its moment in ISO 8601. The first of ``offers`` is the release itself. ``hubs`` are their names.
    """

    address: str
    release: str
    published: str
    previous: str | None
    offers: tuple[Offer, ...]
    hubs: Mapping[str, Words]
    publisher: Publisher

    @property
    def base(self) -> str:
        """The permalink of the release, ending in a slash."""
        return permalink(self.address, self.release)

    @property
    def day(self) -> str:
        """The day of publication."""
        return self.published[:10]


def permalink(address: str, release: str) -> str:
    """Where the release stands for good, ending in a slash."""
    return f"{address}releases/{release}/"


@cache
def publisher() -> Publisher:
    """Who publishes, as ``templates/publisher.yaml`` says."""
    return Publisher(**read_yaml(TEMPLATES / "publisher.yaml"))


def licences_of(records: Iterable[Mapping[str, Any]]) -> list[str]:
    """The licences under which a pack of these records stands: theirs, and that of the words around them; sorted."""
    return sorted({OWN_LICENCE, *(record["licence"] for record in records)})


def days_of(period: str) -> tuple[date, date] | None:
    """The first and the last day of a period, such as 2026 or 2026-Q3; None of any other text."""
    match = _PERIOD.fullmatch(period)
    if match is None:
        return None
    year, quarter = int(match[1]), int(match[2] or 0)
    first, last = (3 * quarter - 2, 3 * quarter) if quarter else (1, 12)
    return date(year, first, 1), date(year, last, calendar.monthrange(year, last)[1])


def read(folder: Path, address: str) -> Catalogue:
    """What the release in ``folder`` offers at ``address``. Raises OSError, ValueError, KeyError and TypeError when the
    folder is no release.
    """
    coverage, changes = (json_of((folder / name).read_bytes()) for name in ("coverage.json", "changes.json"))
    release = coverage["release"]
    hubs = {hub["id"]: hub["name"] for hub in coverage["hubs"]}
    packs = [_pack(folder, path) for path in sorted(folder.glob("packs/*/pack.json"))]
    periods = tuple(sorted({row["period"] for row in json_of((folder / _BENCHMARKS_JSON).read_bytes())["rows"]}))
    benchmarks = Offer(
        BENCHMARKS,
        _words("metadata.benchmarks"),
        _words("metadata.benchmarks.description"),
        "{language}/benchmarks/index.html",
        _files(folder, "benchmarks/*"),
        (OWN_LICENCE,),
        (),
        periods,
        (_words("metadata.keyword"), _words("nav.benchmarks")),
    )
    whole = Offer(
        RELEASE,
        _words("metadata.release", id=release),
        _words("metadata.release.description"),
        "{language}/index.html",
        _files(folder, "*"),
        tuple(sorted({OWN_LICENCE, *(licence for pack in packs for licence in pack.licences)})),
        tuple(sorted({hub for pack in packs for hub in pack.hubs})),
        periods,
        (_words("metadata.keyword"),),
    )
    offers = (whole, benchmarks, *packs)
    return Catalogue(address, release, coverage["published"], changes["previous"], offers, hubs, publisher())


def data_files(folder: Path) -> list[str]:
    """The paths of all data files in ``folder``: those that a catalogue of it describes."""
    found = (path for pattern in ("*", "benchmarks/*", "packs/*/*") for path in sorted(folder.glob(pattern)))
    return [path.relative_to(folder).as_posix() for path in found if _is_data(path)]


def _is_data(path: Path) -> bool:
    return path.is_file() and path.suffix in FORMATS and path.name not in _LATER


def _pack(folder: Path, path: Path) -> Offer:
    pack = json_of(path.read_bytes())
    id, records = pack["id"], pack["records"]
    named: tuple[Words, ...] = ()
    if pack["term"] is not None and pack["term"] in vocabulary(pack["scheme"]):
        term = vocabulary(pack["scheme"])[pack["term"]]
        named = ({"en": term.en, "cy": term.cy},)
    return Offer(
        f"pack-{id}",
        pack["title"],
        _words("metadata.pack.description", title=pack["title"]),
        f"{{language}}/packs/{id}.html",
        _files(folder, f"packs/{id}/*"),
        tuple(licences_of(records)),
        tuple(sorted({hub for record in records for hub in record["credits"]})),
        keywords=(_words("metadata.keyword"), *named),
    )


def _files(folder: Path, pattern: str) -> tuple[File, ...]:
    return tuple(_file(folder, path) for path in sorted(folder.glob(pattern)) if _is_data(path))


def _file(folder: Path, path: Path) -> File:
    return File(path.relative_to(folder).as_posix(), path.stat().st_size, sha256_of(path))


def _words(key: str, **values: Any) -> Words:
    """The text called ``key`` in both languages; a value may itself be in both."""

    def of(value: Any, language: str) -> Any:
        return value[language] if isinstance(value, Mapping) else value

    return {
        language: strings.text(key, language, **{name: of(value, language) for name, value in values.items()})
        for language in strings.LANGUAGES
    }


_LATER = {*WRITTEN, "release.json", ERRATA, BILL, *UNLISTED}
_BENCHMARKS_JSON = "benchmarks/benchmarks.json"
_PERIOD = re.compile("([1-9][0-9]{3})(?:-Q([1-4]))?")
