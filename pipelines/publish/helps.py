"""The records that help with each dimension of a self-assessment, as a script that its pages load (``scripts``).

Which they are is worked out here, when a release is made; in a reader's browser they are only chosen by sector and
audience. The rules are in ``pipelines.helps``, the choice in ``templates/static/gap.js``. Made from the national pack
and the question banks; of a release that is out, entries are only ever taken away, since its question banks are not in
it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

from hubs.contract.vocabularies import vocabulary
from hubs.instruments import Instrument
from pipelines.files import json_of, write_bytes
from pipelines.helps import (
    MAX_HELPS,
    Help,
    Record,
    best_first,
    for_sector,
    heading,
    in_language,
    is_for,
    leads_to,
    matching,
    translation,
)
from pipelines.publish.scripts import as_script, handed_over
from pipelines.publish.strings import LANGUAGES

NATIONAL = "packs/national/pack.json"
KEPT = 12
"""Records of a kind for one dimension, sector and audience: what is shown, and some in reserve, as what is withdrawn
later leaves a gap."""

Data = dict[str, Any]


def path_of(language: str) -> str:
    """Where the script of a language is, from the root of the release."""
    return f"{language}/self-assessment/helps.js"


def name_of(language: str) -> str:
    """What it hands its data over as."""
    return f"helps.{language}"


def write_helps(folder: Path, instruments: Mapping[str, Instrument]) -> None:
    """Write what helps into the release in ``folder``, in which the packs must be."""
    records = _records(folder)
    about = {
        name: {dimension: matching(records, helps) for dimension, helps in instrument.helps.items()}
        for name, instrument in instruments.items()
    }
    for language in LANGUAGES:
        path = folder / path_of(language)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(as_script(name_of(language), _data(records, about, language)))


def read_helps(folder: Path, language: str) -> Data:
    """What the script of a language hands over. Raises OSError, and ValueError for what is no such script."""
    name, data = handed_over((folder / path_of(language)).read_bytes())
    if name != name_of(language) or not isinstance(data, dict):
        raise ValueError(f"{path_of(language)} hands over something else")
    return data


def take_out(folder: Path, ids: Collection[str]) -> None:
    """Take the records ``ids`` out of what helps in the release in ``folder``. Releases of older versions have none."""
    for language in LANGUAGES:
        path = folder / path_of(language)
        if path.is_file():
            data = read_helps(folder, language)
            if (left := _without(data, ids)) != data:
                write_bytes(path, as_script(name_of(language), left))


def wrong_helps(folder: Path) -> Iterator[str]:
    """Where what helps does not fit the national pack of the release in ``folder``, in words. Releases of older
    versions have neither script.
    """
    paths = [path_of(language) for language in LANGUAGES]
    if not any((folder / path).is_file() for path in paths):
        return
    rows = {row["id"]: row for row in _records(folder)}
    for language, path in zip(LANGUAGES, paths, strict=True):
        if not (folder / path).is_file():
            yield f"{path}: missing"
            continue
        try:
            yield from (f"{path}: {problem}" for problem in _problems(read_helps(folder, language), rows, language))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            yield f"{path}: not of the shape that pages read: {error!r}"


def _records(folder: Path) -> list[Record]:
    path = folder / NATIONAL
    records: list[Record] = json_of(path.read_bytes())["records"] if path.is_file() else []
    return records


def _problems(data: Data, rows: Mapping[str, Record], language: str) -> Iterator[str]:
    told = data["records"]
    for id, told_of in told.items():
        if id not in rows:
            yield f"it names {id}, which the national pack does not have"
        elif told_of != _told(rows[id], rows, language):
            yield f"what it says of {id} is not what the national pack says"
    named = {entry[0] for of_bank in data["dimensions"].values() for found in of_bank.values() for entry in found}
    yield from (f"it ranks {id}, of which it says nothing" for id in sorted(named - told.keys()))


def _data(records: list[Record], about: Mapping[str, Mapping[str, dict[str, list[Help]]]], language: str) -> Data:
    """``about`` are the records that are about each dimension of each instrument, by kind."""
    known = {record["id"]: record for record in records}
    shelf = {record["id"] for record in in_language(records, language)}
    dimensions = {
        name: {
            dimension: _entries([help for of_kind in found.values() for help in _kept(of_kind, shelf)])
            for dimension, found in of_bank.items()
        }
        for name, of_bank in about.items()
    }
    named = {entry[0] for of_bank in dimensions.values() for found in of_bank.values() for entry in found}
    told = {id: _told(known[id], known, language) for id in sorted(named)}
    return {"language": language, "most": MAX_HELPS, "records": told, "dimensions": dimensions}


def _entries(found: list[Help]) -> list[list[Any]]:
    """Best first for whoever names no sector; a stable order of those of the very sector is all that is left to do."""
    return [
        [help.record["id"], help.in_heading, help.in_summary, list(help.words), list(help.technology_types)]
        for help in best_first(found, None)
    ]


def _kept(found: list[Help], shelf: Collection[str]) -> list[Help]:
    """Those that anybody may be shown, and some in reserve. A text that stands in another language is in reserve for
    its translation.
    """
    kept: set[str] = set()
    ordered = best_first(found, None)
    for is_shown in (True, False):
        group = [help for help in ordered if (help.record["id"] in shelf) is is_shown]
        for sector in (None, *vocabulary("sectors").terms):
            ranked = for_sector(group, sector)
            for audience in vocabulary("audiences").terms:
                best = [help.record["id"] for help in ranked if is_for(help.record, sector, audience)]
                kept.update(best[:KEPT])
    return [help for help in found if help.record["id"] in kept]


def _told(record: Record, known: Mapping[str, Record], language: str) -> dict[str, Any]:
    """What a page needs of a record. ``instead`` is the record that says the same in the page's language."""
    other = translation(record, language, known)
    told = {
        "kind": record["kind"],
        "heading": heading(record),
        "language": record["language"],
        "slug": record["slug"],
        "sectors": record.get("sectors") or [],
        "audience": record.get("audience") or [],
        "leads_to": leads_to(record),
        "instead": other["id"] if other else None,
    }
    return {name: value for name, value in told.items() if value not in (None, [])}


def _without(data: Data, ids: Collection[str]) -> Data:
    def left(told: Mapping[str, Any]) -> dict[str, Any]:
        return {name: value for name, value in told.items() if name != "instead" or value not in ids}

    return data | {
        "records": {id: left(told) for id, told in data["records"].items() if id not in ids},
        "dimensions": {
            bank: {dimension: [entry for entry in found if entry[0] not in ids] for dimension, found in of_bank.items()}
            for bank, of_bank in data["dimensions"].items()
        },
    }
