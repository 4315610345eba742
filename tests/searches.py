"""Small releases, as far as search is made from them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pipelines.edition import LibraryRecord
from pipelines.publish.release import record_row
from pipelines.publish.scripts import handed_over
from pipelines.publish.search import SEARCH, write_search
from pipelines.publish.writers import json_bytes, json_rows, records
from tests.builders import a_library, an_edition


def searched(folder: Path, *entries: LibraryRecord) -> Path:
    """``folder`` with what search is made from, and with the search: of these records, or those of a small edition."""
    edition = an_edition(**({"library": a_library(*entries), "withdrawn": ()} if entries else {}))
    rows = json_rows(records(), [record_row(edition, entry) for entry in edition.library.values()])
    titles = {"national": {"en": "National pack", "cy": "Pecyn cenedlaethol"}}
    titles["sector-transport"] = {"en": "Transport", "cy": "Trafnidiaeth"}
    for pack, title in titles.items():
        (folder / "packs" / pack).mkdir(parents=True)
        (folder / "packs" / pack / "pack.json").write_bytes(json_bytes({"title": title, "records": rows}))
    hubs = [{"id": hub.id, "name": {"en": hub.name_en, "cy": hub.name_cy}} for hub in edition.hubs]
    (folder / "coverage.json").write_bytes(json_bytes({"release": edition.id, "hubs": hubs}))
    write_search(folder)
    return folder


def index(folder: Path, language: str = "en") -> dict[str, Any]:
    """What the script of a language hands over."""
    data: dict[str, Any] = handed_over((folder / SEARCH / f"{language}.js").read_bytes())[1]
    return data
