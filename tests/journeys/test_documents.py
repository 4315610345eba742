"""The PDFs of a whole release, as a reader has them."""

from __future__ import annotations

import json
from pathlib import Path

from pipelines.publish.pdf import DOCUMENTS, file_name
from pipelines.publish.strings import LANGUAGES
from tests.judges.pdf import problems_of
from tests.pdfs import squeezed, text_of

JUDGED = ("sector-health", "technology-payments", "audience-decision-maker")


def test_every_record_stands_in_the_pdfs_of_its_packs(sample_release: Path) -> None:
    packs = sorted((sample_release / "packs").iterdir())
    assert len(packs) > 30
    for pack in packs:
        told = json.loads((pack / "pack.json").read_text())
        assert told[DOCUMENTS]["version"] == sample_release.name
        for language in LANGUAGES:
            text = text_of(pack / file_name(language))
            for record in told["records"]:
                if record["language"] == language or language not in (record["translations"] or {}):
                    heading = record["title"] or record["question"]
                    assert squeezed(heading) in text, (pack.name, language, record["id"])
                    assert squeezed(record["id"]) in text


def test_the_pdfs_are_accessible_and_fit_for_archives(sample_release: Path) -> None:
    paths = [sample_release / "packs" / pack / file_name(language) for pack in JUDGED for language in LANGUAGES]
    assert problems_of(paths) == {path: [] for path in paths}


def test_the_pages_offer_them_with_their_size(sample_release: Path) -> None:
    for language in LANGUAGES:
        link = f"../../packs/sector-health/{file_name(language)}"
        page = (sample_release / language / "packs" / "sector-health.html").read_text()
        assert f'href="{link}"' in page
        size = (sample_release / "packs" / "sector-health" / file_name(language)).stat().st_size
        assert f"PDF, {size / 1000:.0f} KB" in page
        assert f"packs/sector-health/{file_name(language)}" in (sample_release / language / "data.html").read_text()
