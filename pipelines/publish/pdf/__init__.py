"""The PDF of each pack, in English and Welsh: ``pack.pdf`` and ``pack.cy.pdf``.

It is made from the folder of a release alone (``model``), in blocks (``blocks``) of letters that can be set
(``letters``), and bound by Typst (``bind``). Here is when: only when the pack says or looks otherwise than in the
release before. Else its PDF stays the same file, and names the release in which it last changed as its version.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

from pipelines.crew import ALONE, Crew, Each
from pipelines.files import json_of, largest_first
from pipelines.memory import give_back
from pipelines.publish import strings, writers
from pipelines.publish.pdf.bind import ATTACHED, KEY_PREFIX, key_of, pdf_of
from pipelines.publish.pdf.model import Folder, csv_of, model_of
from pipelines.publish.signed import published_bytes, read_sums
from pipelines.publish.strings import LANGUAGES

DOCUMENTS = "documents"
"""The field of ``pack.json`` that tells of the PDFs: their ``version`` (the release in which they last changed), when
that was ``published``, and their ``key``, the same as long as they say and look the same.
"""
_PACK = "pack.json"


def file_name(language: str) -> str:
    """What the PDF in ``language`` is called in the folder of its pack."""
    return "pack.pdf" if language == "en" else f"pack.{language}.pdf"


def documents_due(
    folder: Path, release: str, published: str, previous: Path | None = None, crew: Crew = ALONE
) -> list[Callable[[], None]]:
    """Say in every ``pack.json`` of the release ``folder`` which PDFs belong to it, as ``write_pack_pdf`` does, and
    take over those that say what they said in the release ``previous``. Gives what is still to be done for the others,
    a call for each PDF, the longest first.
    """
    found = (path.relative_to(folder).as_posix() for path in (folder / "packs").glob(f"*/{_PACK}"))
    packs = [name.split("/")[1] for name in largest_first(folder, found)]
    source = crew.each(partial(Folder, folder))
    is_due = crew.share(partial(_settle_in, source, release, published, previous), packs)
    due = [pack for pack, is_one in zip(packs, is_due, strict=True) if is_one]
    return [partial(_write_in, source, pack, language) for pack in due for language in LANGUAGES]


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
    source = Folder(folder)
    if _settle(source, pack, release, published, previous=previous, note=note):
        for language in LANGUAGES:
            _write(source, pack, language, note)


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


def _settle_in(source: Each[Folder], release: str, published: str, previous: Path | None, pack: str) -> bool:
    return _settle(source.made, pack, release, published, previous=previous)


def _write_in(source: Each[Folder], pack: str, language: str) -> None:
    _write(source.made, pack, language)


def _settle(
    source: Folder,
    pack: str,
    release: str,
    published: str,
    *,
    previous: Path | None,
    note: Mapping[str, str] | None = None,
) -> bool:
    """Say in ``pack.json`` which PDFs belong to it, and take those over that do already; whether they are still due."""
    data, folder = source.pack(pack), source.path / "packs" / pack
    models = {language: model_of(source, data, language, (note or {}).get(language)) for language in LANGUAGES}
    told = {"version": release, "published": published, "key": key_of(models, csv_of(data))}
    before = _before(previous, pack) if previous else None
    is_same = before is not None and before["key"] == told["key"]
    if before is not None and previous is not None and is_same:
        told |= {name: before[name] for name in ("version", "published")}
        sums = read_sums(previous)
        for name in map(file_name, LANGUAGES):
            (folder / name).write_bytes(published_bytes(previous, f"packs/{pack}/{name}", sums))
    (folder / _PACK).write_bytes(writers.json_bytes(_with(data, told)))
    return not is_same


def _write(source: Folder, pack: str, language: str, note: Mapping[str, str] | None = None) -> None:
    """Write the PDF in ``language`` that belongs to ``pack.json``."""
    give_back()  # tables of all sizes were written before
    data = source.pack(pack)
    model, told = model_of(source, data, language, (note or {}).get(language)), data[DOCUMENTS]
    made = pdf_of(model, csv_of(data), told["version"], told["published"], told["key"])
    (source.path / "packs" / pack / file_name(language)).write_bytes(made)


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
    name = f"packs/{pack}/{_PACK}"
    if not (previous / name).exists():
        return None
    told: dict[str, str] | None = json_of(published_bytes(previous, name, read_sums(previous))).get(DOCUMENTS)
    return told
