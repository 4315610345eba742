from __future__ import annotations

import io
import zipfile
from datetime import date
from pathlib import Path
from xml.etree import ElementTree

from python_calamine import load_workbook

from hubs.containers import (
    EPOCH,
    Choices,
    Field,
    Form,
    append,
    archive,
    column_letters,
    ods_bytes,
    ods_forms,
    xlsx_bytes,
    xlsx_forms,
)

OFFICE = "{urn:oasis:names:tc:opendocument:xmlns:office:1.0}"
TABLE = "{urn:oasis:names:tc:opendocument:xmlns:table:1.0}"
SHEET = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"

ONE = Choices(('say "a"', "b & c"), "'Cover'!$D$1:$D$2", help="Choose one.")
SEVERAL = Choices(("b & c",), "'Cover'!$D$2:$D$2", is_several=True)


def a_form() -> Form:
    fields = [Field("What it is.", ONE), Field("Several.", SEVERAL), Field(is_date=True, width_cm=2.5)]
    return Form([["One", "Several", "Day"], ["b & c", "x; y", date(2026, 1, 31)]], fields, empty_rows=5)


def part(content: bytes, name: str) -> ElementTree.Element:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return ElementTree.fromstring(archive.read(name))


def rows_of(content: bytes, sheet: str) -> list[list[object]]:
    book = load_workbook(io.BytesIO(content))
    return [list(row) for row in book.get_sheet_by_name(sheet).to_python()]


PLAIN = {"a.txt": b"again and " * 99, "Môn/ŵ.txt": b"", "b.pdf": b"again and " * 9, "c.pdf": b""}


def zipped(files: dict[str, bytes], method: int) -> bytes:
    """A zip as the standard library writes it."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", method) as container:
        for name, content in files.items():
            entry = zipfile.ZipInfo(name, EPOCH)
            entry.create_system, entry.external_attr = 3, 0o644 << 16
            container.writestr(entry, content, method)
    return target.getvalue()


def told(content: bytes) -> list[dict[str, object]]:
    """What a zip says of its files, but for where each is and how small it became."""
    names = set(zipfile.ZipInfo.__slots__) - {"header_offset", "compress_size", "_compresslevel"}
    with zipfile.ZipFile(io.BytesIO(content)) as container:
        return [{name: getattr(entry, name, None) for name in names} for entry in container.infolist()]


def test_a_zip_is_as_the_standard_library_writes_it() -> None:
    assert archive(PLAIN, stored=PLAIN) == zipped(PLAIN, zipfile.ZIP_STORED)
    packed = archive(PLAIN)
    assert told(packed) == told(zipped(PLAIN, zipfile.ZIP_DEFLATED))
    with zipfile.ZipFile(io.BytesIO(packed)) as container:
        assert {name: container.read(name) for name in container.namelist()} == PLAIN
    assert len(packed) < len(archive(PLAIN, stored=["b.pdf"])) < len(archive(PLAIN, stored=PLAIN))


def test_what_is_put_at_the_end_of_a_zip_is_as_if_it_had_always_stood_there(tmp_path: Path) -> None:
    (tmp_path / "a.zip").write_bytes(archive(PLAIN))
    append(tmp_path / "a.zip", {"ŵ.sig": b"signed " * 9, "e.sig": b""})
    whole = archive(PLAIN | {"ŵ.sig": b"signed " * 9, "e.sig": b""}, stored=["ŵ.sig", "e.sig"])
    assert (tmp_path / "a.zip").read_bytes() == whole


def test_both_formats_hold_the_same_cells() -> None:
    for content in (ods_forms({"A & B": a_form()}), xlsx_forms({"A & B": a_form()})):
        rows = rows_of(content, "A & B")
        assert rows[0] == ["One", "Several", "Day"]
        assert rows[1] == ["b & c", "x; y", date(2026, 1, 31)]
        assert all(cell == "" for row in rows[2:] for cell in row)


def test_the_same_form_gives_the_same_bytes() -> None:
    assert ods_forms({"A": a_form()}) == ods_forms({"A": a_form()})
    assert xlsx_forms({"A": a_form()}) == xlsx_forms({"A": a_form()})


def test_validations_of_opendocument_are_as_the_standard_says() -> None:
    content = part(ods_forms({"A": a_form()}), "content.xml")
    spreadsheet = content.find(f"{OFFICE}body/{OFFICE}spreadsheet")
    assert spreadsheet is not None
    assert spreadsheet[0].tag == f"{TABLE}content-validations"  # before any table
    one, several = spreadsheet[0]
    assert one.get(f"{TABLE}condition") == 'of:cell-content-is-in-list("say ""a""";"b & c")'
    assert one.get(f"{TABLE}base-cell-address") == "'A'.A2"
    assert [child.tag.removeprefix(TABLE) for child in one] == ["help-message", "error-message"]
    messages = [entry.find(f"{TABLE}error-message") for entry in (one, several)]
    assert [message.get(f"{TABLE}display") for message in messages if message is not None] == ["true", "false"]
    used = [cell.get(f"{TABLE}content-validation-name") for cell in content.iter(f"{TABLE}table-cell")]
    assert used == [None, None, None, *[one.get(f"{TABLE}name"), several.get(f"{TABLE}name"), None] * 2]


def test_opendocument_has_remarks_and_a_header_that_stays_in_view() -> None:
    book = ods_forms({"A": a_form(), "B": a_form()})
    cells = list(part(book, "content.xml").iter(f"{TABLE}table-cell"))
    assert [cell[0].tag for cell in cells[:2]] == [f"{OFFICE}annotation"] * 2  # before the text of the cell
    assert "".join(cells[0][0].itertext()) == "What it is."
    config = "{urn:oasis:names:tc:opendocument:xmlns:config:1.0}"
    split = [e for e in part(book, "settings.xml").iter() if e.get(f"{config}name") == "VerticalSplitPosition"]
    assert [entry.text for entry in split] == ["1", "1"]
    with zipfile.ZipFile(io.BytesIO(book)) as archive:
        assert archive.namelist()[0] == "mimetype"
        assert archive.getinfo("mimetype").compress_type == zipfile.ZIP_STORED
        assert b'full-path="settings.xml"' in archive.read("META-INF/manifest.xml")


def test_validations_of_excel_refuse_nothing_where_several_values_may_stand() -> None:
    book = xlsx_forms({"A": a_form()})
    found = list(part(book, "xl/worksheets/sheet1.xml").iter(f"{SHEET}dataValidation"))
    assert [(v.get("sqref"), v.get("showErrorMessage"), v.get("errorStyle")) for v in found] == [
        ("A2:A7", "1", "warning"),
        ("B2:B7", None, "warning"),
    ]
    assert [v.findtext(f"{SHEET}formula1") for v in found] == [ONE.where, SEVERAL.where]
    pane = part(book, "xl/worksheets/sheet1.xml").find(f".//{SHEET}pane")
    assert pane is not None
    assert (pane.get("ySplit"), pane.get("state")) == ("1", "frozen")


def test_text_that_looks_like_a_formula_stays_text() -> None:
    for content in (ods_bytes({"A": [["x"], ["=1+1"]]}), xlsx_bytes({"A": [["x"], ["=1+1"]]})):
        assert rows_of(content, "A")[1] == ["=1+1"]


def test_columns_are_called_as_sheets_call_them() -> None:
    assert [column_letters(number) for number in (0, 25, 26, 701, 702)] == ["A", "Z", "AA", "ZZ", "AAA"]
