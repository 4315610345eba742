from __future__ import annotations

import io
import os
import re
import subprocess
import sys
import zipfile
from datetime import UTC, date, datetime
from typing import Any

import pytest
from python_calamine import CalamineWorkbook

from pipelines.publish import sheets, workbooks
from pipelines.publish.sheets import MAX_CHARACTERS, Unwritable, Workbook, fitted, parts
from pipelines.publish.workbooks import About, workbook
from pipelines.publish.writers import Column, TableSpec
from tests.builders import THINGS

ABOUT = About(
    {"en": "Things", "cy": "Pethau"},
    {"en": "All things.", "cy": "Pob peth."},
    "2026-11-28.01",
    datetime(2026, 11, 28, 12, 30, tzinfo=UTC),
    "OGL-UK-3.0",
    "things.json",
    is_sample=True,
)
ROW = {"name": "tŷ", "size": -5, "share": 0.5, "when": "2026-03-01", "tags": ["a", "b"], "more": {"z": 1, "a": 2}}
FORMS = pytest.mark.parametrize("form", list(sheets.WRITERS))


def written(book: Workbook, form: str) -> bytes:
    return sheets.WRITERS[form](book)


def read(data: bytes, sheet: str = "things") -> list[list[Any]]:
    rows: list[list[Any]] = CalamineWorkbook.from_filelike(io.BytesIO(data)).get_sheet_by_name(sheet).to_python()
    return rows


def table_of(rows: list[dict[str, Any]], form: str, **more: Any) -> list[list[Any]]:
    return read(written(workbook(THINGS, rows, ABOUT, **more), form))[workbooks.LINES :]


def name_of(text: str, form: str) -> Any:
    return table_of([{"name": text}], form)[1][0]


@FORMS
def test_cells_have_their_type(form: str) -> None:
    header, row = table_of([ROW], form)
    assert header == list(THINGS.names)
    assert row == ["tŷ", -5, 0.5, date(2026, 3, 1), "a;b", '{"a":2,"z":1}']


@FORMS
@pytest.mark.parametrize(
    "text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "＝1", '=HYPERLINK("https://x.example")', "'=1"]
)
def test_a_text_that_looks_like_a_formula_is_the_exact_text(text: str, form: str) -> None:
    data = written(workbook(THINGS, [{"name": text}], ABOUT), form)
    assert read(data)[-1][0] == text
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        xml = "".join(archive.read(name).decode() for name in archive.namelist())
    assert "table:formula" not in xml
    assert "<f>" not in xml


TEXTS = {
    "emoji": "👩‍👩‍👧 ok",
    "right to left": "\u202bשלום\u202c مرحبا",
    "spaces": "  two  and   three  ",
    "a tab": "a\tb\n\tc",
    "lines": "one\n\n    two\n",
    "marks": "</script><text:p>&amp;\"'",
    "an escape of Excel": "_x0041_ _x000D_",
    "a web address": "https://example.org/",
    "a number": "007",
    "one word": "w" * 10_000,
}


@FORMS
@pytest.mark.parametrize("what", TEXTS)
def test_texts_stay_as_they_are(what: str, form: str) -> None:
    assert name_of(TEXTS[what], form) == TEXTS[what]


@FORMS
def test_what_xml_cannot_hold_is_replaced_and_noted(form: str) -> None:
    book = workbook(THINGS, [{"name": "good"}, {"name": "a\x01b\x1fc\ufffe"}, {"name": "x\r\ny\rz"}], ABOUT)
    data = written(book, form)
    assert [row[0] for row in read(data)[-3:]] == ["good", "a\ufffdb\ufffdc\ufffd", "x\ny\nz"]
    (note,) = (row for row in read(data, workbooks.NOTES) if "�" in str(row[0]))
    assert note[2].endswith("name: 2.")
    assert "name: 2." in note[3]
    clean = read(written(workbook(THINGS, [{"name": "good"}], ABOUT), form), workbooks.NOTES)
    assert not any("�" in str(row[0]) for row in clean)


@FORMS
@pytest.mark.parametrize("text", ["x" * (MAX_CHARACTERS + 1), "😀" * (MAX_CHARACTERS // 2 + 1)])
def test_a_text_that_is_too_long_is_cut_and_says_where_the_rest_is(text: str, form: str) -> None:
    spec = TableSpec("things", (*THINGS.columns, Column("address", "string", "Page.", "Tudalen.")))
    data = written(workbook(spec, [{"name": text, "address": "en/records/x.html"}], ABOUT), form)
    cell = read(data)[-1][0]
    assert len(cell.encode("utf-16-le")) // 2 in (MAX_CHARACTERS - 1, MAX_CHARACTERS)
    beginning, _, rest = cell.partition(" […] ")
    assert text.startswith(beginning)
    assert "things.json, en/records/x.html" in rest
    (note,) = (row for row in read(data, workbooks.NOTES) if str(row[0]).startswith("Text that was cut"))
    assert "name: 1." in note[2]


def test_a_text_that_just_fits_is_whole() -> None:
    for text in ("x" * MAX_CHARACTERS, "😀" * (MAX_CHARACTERS // 2)):
        assert fitted(text, lambda: "!") == sheets.Fitted(text)
        assert fitted(text + "yy", lambda: "!").is_cut


@FORMS
def test_rows_beyond_a_sheet_go_on_in_the_next(form: str) -> None:
    rows = [{"name": str(number)} for number in range(7)]
    most = workbooks.LINES + 1 + 3
    book = workbook(THINGS, rows, ABOUT, most_rows=most)
    data = written(book, form)
    names = [sheet.name for sheet in book.sheets][3:]
    assert names == ["things", "things_2", "things_3"]
    found = [read(data, name) for name in names]
    assert all(len(sheet) <= most and sheet[workbooks.LINES] == list(THINGS.names) for sheet in found)
    assert [row[0] for sheet in found for row in sheet[workbooks.LINES + 1 :]] == [row["name"] for row in rows]
    assert "(part 2 of 3)" in found[1][0][0]
    assert {"things", "things_2", "things_3"} <= {row[0] for row in read(data, workbooks.CONTENTS)}


def test_a_sheet_of_its_full_length_is_one() -> None:
    room = sheets.MAX_ROWS - workbooks.LINES - 1
    assert [name for name, _ in parts("t", range(room), workbooks.LINES)] == ["t"]
    assert [name for name, _ in parts("t", range(room + 1), workbooks.LINES)] == ["t", "t_2"]
    assert [(name, list(rows)) for name, rows in parts("t", [], workbooks.LINES)] == [("t", [])]


@pytest.mark.parametrize(
    ("names", "problem"),
    [
        ([f"c{number}" for number in range(301)], "has 301 columns"),
        (["name", "Name"], "called 'Name'"),
        ([""], "called ''"),
        (["x" * 256], "called 'xxx"),
        (["a\x01"], "called"),
    ],
)
def test_columns_that_no_workbook_can_have_are_refused_by_name(names: list[str], problem: str) -> None:
    spec = TableSpec("wide", tuple(Column(name, "string", "A.", "B.") for name in names))
    with pytest.raises(Unwritable, match=r"wide \(things.json\)") as refused:
        workbook(spec, [], ABOUT)
    assert problem in str(refused.value)


def test_as_many_columns_as_there_may_be_are_written() -> None:
    spec = TableSpec("wide", tuple(Column(f"c{number}", "string", "A.", "B.") for number in range(300)))
    for form in sheets.WRITERS:
        assert read(written(workbook(spec, [{"c299": "x"}], ABOUT), form), "wide")[-1][-1] == "x"


@FORMS
def test_dates_that_excel_counts_wrongly_are_text(form: str) -> None:
    rows = table_of([{"when": "1900-02-28"}, {"when": "1066-10-14"}, {"when": "1901-01-01"}], form)
    assert [row[3] for row in rows[1:]] == ["1900-02-28", "1066-10-14", date(1901, 1, 1)]


@FORMS
def test_an_empty_table_has_its_header(form: str) -> None:
    assert table_of([], form) == [list(THINGS.names)]


def test_both_formats_hold_the_same() -> None:
    rows = [ROW, {"name": "a\x01\r\n" + "x" * 40_000}, {"more": [1]}]
    book = workbook(THINGS, rows, ABOUT)
    for sheet in book.sheets:
        assert read(written(book, ".ods"), sheet.name) == read(written(book, ".xlsx"), sheet.name)


def accessible(data: bytes, form: str) -> list[str]:
    """What of the guidance on spreadsheets a workbook does not follow."""
    archive = zipfile.ZipFile(io.BytesIO(data))
    texts = {name: archive.read(name).decode() for name in archive.namelist()}
    if form == ".ods":
        content = texts["content.xml"]
        names = re.findall(r'<table:table table:name="([^"]+)"', content)
        tables = content.count("<table:database-range ")
        is_merged = "-spanned=" in content
        about = texts["meta.xml"]
        heads = content.count("<table:table-header-rows>")
    else:
        names = re.findall(r'<sheet name="([^"]+)"', texts["xl/workbook.xml"])
        tables = heads = sum(name.startswith("xl/tables/") for name in texts)
        is_merged = any("<mergeCell" in text for text in texts.values())
        about = texts["docProps/core.xml"]
    checks = {
        "no cover": names[0] == "Cover",
        "no contents": names[1] == "Contents",
        "no notes": names[2] == "Notes",
        "a sheet without one marked-up table": tables == heads == len(names) - 1,
        "merged cells": not is_merged,
        "no title": "<dc:title>Things / Pethau</dc:title>" in about,
        "no language": "<dc:language>en-GB</dc:language>" in about,
        "empty rows": all(any(cell != "" for cell in row) for name in names for row in read(data, name)),
    }
    return [what for what, is_good in checks.items() if not is_good]


@FORMS
def test_a_workbook_follows_the_guidance(form: str) -> None:
    good = workbook(THINGS, [ROW, ROW], ABOUT)
    assert accessible(written(good, form), form) == []
    bad = Workbook("", "", good.created, (good.sheets[3], *good.sheets[1:3]))
    assert accessible(written(bad, form), form) == ["no cover", "a sheet without one marked-up table", "no title"]
    gap = workbook(THINGS, [ROW, {}, ROW], ABOUT)
    assert accessible(written(gap, form), form) == ["empty rows"]


@FORMS
def test_the_cover_says_in_both_languages_what_it_is(form: str) -> None:
    told = [row[0] for row in read(written(workbook(THINGS, [ROW], ABOUT), form), workbooks.COVER)]
    for words in ("Things", "Pethau", "All things.", "Pob peth.", "Sample content", "Cynnwys enghreifftiol"):
        assert any(words in text for text in told), words
    assert any("2026-11-28.01" in text and "28 Tachwedd 2026" in text for text in told)


def test_sheets_lead_to_one_another() -> None:
    book = workbook(THINGS, [ROW], ABOUT)
    with zipfile.ZipFile(io.BytesIO(written(book, ".ods"))) as archive:
        content = archive.read("content.xml").decode()
    assert {"#Contents.A1", "#Cover.A1", "#Notes.A1", "#things.A1"} <= set(re.findall('xlink:href="([^"]+)"', content))
    assert 'fo:language="cy"' in content
    with zipfile.ZipFile(io.BytesIO(written(book, ".xlsx"))) as archive:
        links = "".join(archive.read(f"xl/worksheets/sheet{number}.xml").decode() for number in range(1, 5))
    assert {"Contents", "Cover", "Notes", "things"} <= set(re.findall("location=\"'?(\\w+)'?!A1\"", links))


MAKE = """
import hashlib, os
os.umask(int(os.environ["MASK"], 8))
from pipelines.publish import sheets
from tests.unit.pipelines.publish.test_sheets import ABOUT, ROW, THINGS, workbook
book = workbook(THINGS, [ROW] * 3, ABOUT)
for write in sheets.WRITERS.values():
    print(hashlib.sha256(write(book)).hexdigest())
"""


def test_the_same_table_gives_the_same_bytes_anywhere() -> None:
    made = {
        subprocess.run(
            [sys.executable, "-c", MAKE],
            env=os.environ | {"TZ": zone, "MASK": mask, "PYTHONHASHSEED": seed, "LC_ALL": language},
            check=True,
            capture_output=True,
            text=True,
        ).stdout
        for zone, mask, seed, language in (("UTC", "022", "1", "C.UTF-8"), ("Pacific/Kiritimati", "077", "2", "C"))
    }
    assert len(made) == 1
    for write in sheets.WRITERS.values():
        assert write(workbook(THINGS, [ROW] * 3, ABOUT)) != write(workbook(THINGS, [ROW] * 4, ABOUT))
