"""The PDF of each pack, in English and Welsh: ``pack.pdf`` and ``pack.cy.pdf``.

It is made from the folder of a release alone (``model``), in blocks (``blocks``) of letters that can be set
(``letters``), and bound by Typst (``bind``). Here is when: only when the pack says or looks otherwise than in the
release before. Else its PDF stays the same file, and names the release in which it last changed as its version.
"""

from __future__ import annotations

import multiprocessing
import shutil
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from datetime import datetime
from pathlib import Path
from typing import Any

from pipelines.files import json_of
from pipelines.memory import give_back, look_rarely
from pipelines.publish import strings, writers
from pipelines.publish.pdf.bind import ATTACHED, KEY_PREFIX, key_of, pdf_of
from pipelines.publish.pdf.model import Folder, csv_of, model_of
from pipelines.publish.signed import as_published, read_sums
from pipelines.publish.strings import LANGUAGES

DOCUMENTS = "documents"
"""The field of ``pack.json`` that tells of the PDFs: their ``version`` (the release in which they last changed), when
that was ``published``, and their ``key``, the same as long as they say and look the same.
"""
_PACK = "pack.json"


def file_name(language: str) -> str:
    """What the PDF in ``language`` is called in the folder of its pack."""
    return "pack.pdf" if language == "en" else f"pack.{language}.pdf"


def write_documents(folder: Path, release: str, published: str, previous: Path | None = None, workers: int = 1) -> None:
    """``write_pack_pdf`` for every pack in the release ``folder``; ``workers`` processes share them."""
    packs = sorted(path.parent.name for path in (folder / "packs").glob(f"*/{_PACK}"))
    if workers == 1:
        _write_share(folder, packs, release, published, previous)
        return
    # Fresh processes, as for pages. One pack after the other to whoever is free: some are a hundred times as long.
    fresh = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, mp_context=fresh, initializer=look_rarely) as pool:
        longest_first = sorted(packs, key=lambda pack: -(folder / "packs" / pack / _PACK).stat().st_size)
        shares = [longest_first[start::workers] for start in range(workers)]
        for future in [pool.submit(_write_share, folder, share, release, published, previous) for share in shares]:
            future.result()


def write_pack_pdf(
    folder: Path,
    pack: str,
    release: str,
    published: str,
    *,
    previous: Path | None = None,
    note: Mapping[str, str] | None = None,
) -> None:
    """Write the PDFs of the pack with the id ``pack`` into ``folder``, a release so far as it is written, and say so in
    its ``pack.json``. Reads that file, ``coverage.json``, ``vocabularies.json``, ``benchmarks/benchmarks.json`` and the
    national pack.

    ``release`` is the id of the release and ``published`` its moment (ISO 8601): the version and day of a PDF that has
    changed since the release in the folder ``previous``. One that has not keeps both, and is copied. ``note`` has by
    language a sentence for the cover, such as why and when it was published again.

    Raises OSError, ValueError and KeyError when the folder is not that of a release, and files.Damaged when the release
    before it is not as it was published.
    """
    _write_one(Folder(folder), pack, release, published, previous=previous, note=note)


def remake_pack_pdf(folder: Path, pack: str, at: datetime) -> None:
    """Make the PDFs of a pack again, in a release that is out already, when its ``pack.json`` has lost a record since.
    They keep their version, and say on the cover that they were published again, and when: ``at``. A pack of an older
    version, without PDFs, stays so. Raises as ``write_pack_pdf``.
    """
    told = json_of((folder / "packs" / pack / _PACK).read_bytes()).get(DOCUMENTS)
    if told is not None:
        note = {code: strings.text("pdf.reissued", code, date=strings.day(at, code)) for code in LANGUAGES}
        write_pack_pdf(folder, pack, told["version"], told["published"], note=note)


def attached_records(path: Path) -> bytes:
    """The CSV that is attached to a pack's PDF: every record that it shows. Raises ValueError when it has none."""
    import pikepdf  # late, since most commands open no PDF

    try:
        with pikepdf.open(path) as document:
            return bytes(document.attachments[ATTACHED].get_file().read_bytes())
    except (KeyError, pikepdf.PdfError) as error:
        raise ValueError(f"{path.name} is no PDF of a pack") from error


def wrong_documents(folder: Path) -> Iterator[str]:
    """What is wrong with the PDFs of the release in ``folder``: each has to bear the key that its ``pack.json`` tells.
    Releases of older versions have none.
    """
    for path in sorted((folder / "packs").glob(f"*/{_PACK}")):
        where = f"packs/{path.parent.name}"
        try:
            told = json_of(path.read_bytes()).get(DOCUMENTS)
            key = told["key"] if told is not None else None
        except (ValueError, KeyError, TypeError, AttributeError):
            yield f"{where}/{_PACK} does not say which PDFs belong to it"
            continue
        for name in map(file_name, LANGUAGES):
            document = path.parent / name
            if key is None and document.exists():
                yield f"{where}/{name} is there, but {_PACK} does not tell of it"
            elif key is not None and not document.exists():
                yield f"{where}/{name} is missing"
            elif key is not None and f"{KEY_PREFIX}{key}".encode() not in document.read_bytes():
                yield f"{where}/{name} does not belong to {_PACK}: it bears another key"


def _write_share(folder: Path, packs: Sequence[str], release: str, published: str, previous: Path | None) -> None:
    source = Folder(folder)
    give_back()  # tables of all sizes were written before
    for pack in packs:
        _write_one(source, pack, release, published, previous=previous)


def _write_one(
    source: Folder,
    pack: str,
    release: str,
    published: str,
    *,
    previous: Path | None,
    note: Mapping[str, str] | None = None,
) -> None:
    data, folder = source.pack(pack), source.path / "packs" / pack
    models = {language: model_of(source, data, language, (note or {}).get(language)) for language in LANGUAGES}
    records = csv_of(data)
    key = key_of(models, records)
    before = _before(previous, pack) if previous else None
    told = {"version": release, "published": published, "key": key}
    if before is not None and before["key"] == key and previous is not None:
        told |= {name: before[name] for name in ("version", "published")}
        for name in map(file_name, LANGUAGES):
            shutil.copyfile(previous / "packs" / pack / name, folder / name)
    else:
        for language, model in models.items():
            made = pdf_of(model, records, told["version"], told["published"], key)
            (folder / file_name(language)).write_bytes(made)
    (folder / _PACK).write_bytes(writers.json_bytes(_with(data, told)))


def _with(data: Mapping[str, Any], told: Mapping[str, str]) -> dict[str, Any]:
    """What ``pack.json`` says, and what it tells of the PDFs behind the title."""
    rest = {name: value for name, value in data.items() if name != DOCUMENTS}
    result: dict[str, Any] = {}
    for name, value in rest.items():
        result[name] = value
        if name == "title":
            result[DOCUMENTS] = dict(told)
    return result


def _before(previous: Path, pack: str) -> dict[str, str] | None:
    """What the release before tells of the PDFs of the pack; None when it has none. Raises files.Damaged."""
    folder = f"packs/{pack}"
    if not (previous / folder / _PACK).exists():
        return None
    sums = read_sums(previous)
    path = as_published(previous, f"{folder}/{_PACK}", sums)
    told: dict[str, str] | None = json_of(path.read_bytes()).get(DOCUMENTS)
    for name in map(file_name, LANGUAGES) if told is not None else ():
        as_published(previous, f"{folder}/{name}", sums)
    return told
