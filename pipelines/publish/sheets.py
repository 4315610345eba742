"""Workbooks for readers, as ODS and as XLSX: what a cell may hold, and how each format is written. The same workbook
gives the same bytes. What stands in the sheets is for ``workbooks``; forms to fill in are for ``hubs.containers``.

Every text cell has the type text, so none is ever run as a formula, whatever it begins with. Both formats hold the same
cells. What one of them cannot hold, neither does, and it is said:

* a text of more than 32,767 characters, the most of a cell in XLSX, is cut (``fitted``);
* a character that XML has no place for becomes U+FFFD, and CR LF and CR become LF: an ODS cell has lines, no line ends;
* rows beyond the 1,048,576 of a sheet go on in a further sheet (``parts``);
* more than 300 columns are refused: ``Unwritable``.

OpenDocument 1.3 is written out as strings, which takes a fraction of the time of a library of objects and gives the
same bytes each time (docs/adr/0024). Excel's format is left to xlsxwriter.
"""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any
from xml.sax.saxutils import escape, quoteattr

import xlsxwriter  # type: ignore[import-untyped]  # has no type information
from xlsxwriter.packager import Packager  # type: ignore[import-untyped]

from hubs.containers import ODS_TYPE, archive, column_letters

Cell = str | int | float | date | None

MAX_CHARACTERS = 32_767
"""Of a cell in XLSX, counted in UTF-16 as Excel counts."""
MAX_ROWS = 1_048_576
MAX_COLUMNS = 300
MAX_HEADER_CHARACTERS = 255
"""Of the name of a column of a marked-up table in XLSX."""
FIRST_YEAR = 1901
"""Earlier dates are written as text: Excel has none before 1900, and counts that year's days wrongly."""
COMPRESSION = 5
"""Of libdeflate. 6 takes half as much time again, for 1% less in packs, and 10% less in workbooks of benchmarks."""

_UNHOLDABLE = re.compile("[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_LINE_END = re.compile("\r\n?")
_REPLACEMENT = "\ufffd"
_SPACES = re.compile(r"^ +| {2,}| +$")

XLSX_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


class Unwritable(RuntimeError):
    """A table does not fit into a workbook. The message says which, and why."""


@dataclass(frozen=True)
class Line:
    """A text above a table, or of a sheet without one. ``target`` is the sheet or the web address that it leads to;
    ``style`` is ``title``, ``heading`` or empty.
    """

    text: str
    language: str
    style: str = ""
    target: str | None = None


@dataclass(frozen=True)
class Table:
    """A marked-up table: ``header`` with the names of its columns, all different, and its ``rows``, whose cells are as
    ``fitted`` leaves them. ``widths`` are in centimetres; ``languages`` those of columns that are not in English, by
    number; the texts of the first column lead to the sheets of their names where ``is_index``. ``row_cm`` is the height
    of every row, None where each is as high as its text.
    """

    header: tuple[str, ...]
    rows: Sequence[Sequence[Cell]]
    widths: tuple[float, ...]
    languages: tuple[tuple[int, str], ...] = ()
    is_index: bool = False
    row_cm: float | None = None


@dataclass(frozen=True)
class Sheet:
    """A sheet: ``lines`` from A1 down, and at most one table right below them."""

    name: str
    lines: tuple[Line, ...]
    table: Table | None = None


@dataclass(frozen=True)
class Workbook:
    """Sheets in order, with the document's ``title``, ``subject``, language and time of creation (UTC)."""

    title: str
    subject: str
    created: datetime
    sheets: tuple[Sheet, ...]
    language: str = "en"


# What a cell may hold.


@dataclass(frozen=True)
class Fitted:
    """A text as a cell holds it, and whether it was cut, and whether it had characters that no cell can hold."""

    text: str
    is_cut: bool = False
    is_replaced: bool = False


def fitted(text: str, remark: Callable[[], str]) -> Fitted:
    """``text`` as a cell holds it; of one that is too long the beginning, and ``remark()``: where the rest is."""
    is_replaced = _UNHOLDABLE.search(text) is not None
    if is_replaced:
        text = _UNHOLDABLE.sub(_REPLACEMENT, text)
    if "\r" in text:
        text = _LINE_END.sub("\n", text)
    if len(text) * 2 <= MAX_CHARACTERS or _units(text) <= MAX_CHARACTERS:
        return Fitted(text, is_replaced=is_replaced)
    end = remark()
    beginning = text.encode("utf-16-le")[: 2 * (MAX_CHARACTERS - _units(end))].decode("utf-16-le", errors="ignore")
    return Fitted(beginning + end, is_cut=True, is_replaced=is_replaced)


def _units(text: str) -> int:
    return len(text.encode("utf-16-le")) // 2


def parts(name: str, rows: Sequence[Any], lines: int, most: int = MAX_ROWS) -> Iterator[tuple[str, Sequence[Any]]]:
    """The rows of the table ``name`` with the names of their sheets: one sheet, or as many as ``most`` rows of a sheet
    ask for, where each has so many ``lines`` and a header above.
    """
    room = most - lines - 1
    for number, start in enumerate(range(0, max(len(rows), 1), room), 1):
        yield (name if number == 1 else f"{name}_{number}"), rows[start : start + room]


def refuse_wide(name: str, header: Sequence[str]) -> None:
    """Raises Unwritable when the table ``name`` has more columns than a sheet, or names that a marked-up table cannot
    have.
    """
    if len(header) > MAX_COLUMNS:
        raise Unwritable(f"{name} has {len(header)} columns: a sheet holds {MAX_COLUMNS} at most; split the table")
    seen: set[str] = set()
    for column in header:
        if not 0 < len(column) <= MAX_HEADER_CHARACTERS or _UNHOLDABLE.search(column) or column.casefold() in seen:
            raise Unwritable(
                f"{name}: no column of a workbook can be called {column[:60]!r}: names have 1 to "
                f"{MAX_HEADER_CHARACTERS} characters, and differ in more than capitals"
            )
        seen.add(column.casefold())


# OpenDocument.

_PREFIXES = {
    "office": "urn:oasis:names:tc:opendocument:xmlns:office:1.0",
    "table": "urn:oasis:names:tc:opendocument:xmlns:table:1.0",
    "text": "urn:oasis:names:tc:opendocument:xmlns:text:1.0",
    "style": "urn:oasis:names:tc:opendocument:xmlns:style:1.0",
    "number": "urn:oasis:names:tc:opendocument:xmlns:datastyle:1.0",
    "fo": "urn:oasis:names:tc:opendocument:xmlns:xsl-fo-compatible:1.0",
    "meta": "urn:oasis:names:tc:opendocument:xmlns:meta:1.0",
    "dc": "http://purl.org/dc/elements/1.1/",
    "xlink": "http://www.w3.org/1999/xlink",
}
_COUNTRY = "GB"
_FACES = {"text": "", "line": "", "title": ' fo:font-size="18pt" fo:font-weight="bold"'} | {
    name: f' fo:font-size="{size}pt" fo:font-weight="bold"' for name, size in (("heading", 14), ("header", 12))
}
_WRAPPED = '<style:table-cell-properties fo:wrap-option="wrap" style:vertical-align="top"/>'
_IN_COLUMNS = ("text", "header")
"""Of the others, a text runs on over the columns to its right: as wide as the first one, it would be too narrow."""
_MANIFEST = (
    '<?xml version="1.0" encoding="UTF-8"?>\n'
    '<manifest:manifest xmlns:manifest="urn:oasis:names:tc:opendocument:xmlns:manifest:1.0" manifest:version="1.3">\n'
    f'<manifest:file-entry manifest:full-path="/" manifest:version="1.3" manifest:media-type="{ODS_TYPE}"/>\n'
    + "".join(
        f'<manifest:file-entry manifest:full-path="{name}.xml" manifest:media-type="text/xml"/>\n'
        for name in ("content", "styles", "meta")
    )
    + "</manifest:manifest>\n"
)


def ods_bytes(book: Workbook) -> bytes:
    """The workbook as OpenDocument 1.3."""
    tables = [(sheet, table) for sheet in book.sheets if (table := sheet.table) is not None]
    widths = sorted({_column_style(width) for _, table in tables for width in table.widths} | {_column_style(WIDE_CM)})
    heights = sorted({_row_style(None), *(_row_style(table.row_cm) for _, table in tables)})
    ranges = "".join(_ods_range(sheet, table) for sheet, table in tables)
    body = "".join(_ods_sheet(sheet) for sheet in book.sheets)
    content = (
        f"{_head('content')}{_automatic_styles(widths, heights)}<office:body><office:spreadsheet>\n"
        f"{body}<table:database-ranges>\n{ranges}</table:database-ranges></office:spreadsheet></office:body>"
        "</office:document-content>\n"
    )
    moment = book.created.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S")
    meta = (
        f"{_head('meta')}<office:meta><meta:generator>hubpacks</meta:generator><dc:title>{escape(book.title)}</dc:title>"
        f"<dc:subject>{escape(book.subject)}</dc:subject><dc:language>{book.language}-{_COUNTRY}</dc:language>"
        f"<meta:creation-date>{moment}</meta:creation-date><dc:date>{moment}</dc:date></office:meta>"
        "</office:document-meta>\n"
    )
    styles = (
        f'{_head("styles")}<office:styles><style:default-style style:family="table-cell"><style:text-properties '
        f'fo:font-family="Arial" fo:font-size="12pt" fo:language="{book.language}" fo:country="{_COUNTRY}"/>'
        "</style:default-style></office:styles><office:automatic-styles>"
        '<style:page-layout style:name="page"><style:page-layout-properties fo:page-width="29.7cm" '
        'fo:page-height="21cm" style:print-orientation="landscape" fo:margin="1.5cm"/></style:page-layout>'
        '</office:automatic-styles><office:master-styles><style:master-page style:name="Default" '
        'style:page-layout-name="page"/></office:master-styles></office:document-styles>\n'
    )
    files = {
        "mimetype": ODS_TYPE,
        "content.xml": content,
        "styles.xml": styles,
        "meta.xml": meta,
        "META-INF/manifest.xml": _MANIFEST,
    }
    return archive({name: text.encode() for name, text in files.items()}, stored=("mimetype",), level=COMPRESSION)


WIDE_CM = 18.0
"""Width of the first column of a sheet without a table: a line of text that is easily read."""


def _head(kind: str) -> str:
    names = " ".join(f'xmlns:{prefix}="{name}"' for prefix, name in _PREFIXES.items())
    return f'<?xml version="1.0" encoding="UTF-8"?>\n<office:document-{kind} {names} office:version="1.3">\n'


def _automatic_styles(widths: Sequence[tuple[str, float]], heights: Sequence[tuple[str, float]]) -> str:
    columns = "".join(
        f'<style:style style:name="{name}" style:family="table-column"><style:table-column-properties '
        f'style:column-width="{width:g}cm"/></style:style>\n'
        for name, width in widths
    )
    rows = "".join(
        f'<style:style style:name="{name}" style:family="table-row"><style:table-row-properties '
        + (f'style:row-height="{height:g}cm" style:use-optimal-row-height="false"' if height else _FITTING)
        + "/></style:style>\n"
        for name, height in heights
    )
    cells = "".join(
        f'<style:style style:name="{name}_{language}" style:family="table-cell">'
        f"{_WRAPPED if name in _IN_COLUMNS else ''}"
        f'<style:text-properties{face} fo:language="{language}" fo:country="{_COUNTRY}"/></style:style>\n'
        for name, face in _FACES.items()
        for language in ("en", "cy")
    )
    return (
        '<office:automatic-styles>\n<style:style style:name="sheet" style:family="table" '
        'style:master-page-name="Default"/>\n<number:date-style style:name="day"><number:year number:style="long"/>'
        '<number:text>-</number:text><number:month number:style="long"/><number:text>-</number:text>'
        '<number:day number:style="long"/></number:date-style>\n<style:style style:name="date" '
        f'style:family="table-cell" style:data-style-name="day">{_WRAPPED}</style:style>\n{cells}{columns}{rows}'
        "</office:automatic-styles>\n"
    )


_FITTING = 'style:use-optimal-row-height="true"'


def _column_style(width: float) -> tuple[str, float]:
    return f"width{round(width * 10)}", width


def _row_style(height: float | None) -> tuple[str, float]:
    return ("fitting", 0.0) if height is None else (f"height{round(height * 10)}", height)


def _ods_range(sheet: Sheet, table: Table) -> str:
    first, last = len(sheet.lines) + 1, len(sheet.lines) + 1 + len(table.rows)
    where = f"'{sheet.name}'.A{first}:'{sheet.name}'.{column_letters(len(table.header) - 1)}{last}"
    return (
        f"<table:database-range table:name={quoteattr(f'{sheet.name}_table')} "
        f'table:target-range-address={quoteattr(where)} table:contains-header="true"/>\n'
    )


def _ods_sheet(sheet: Sheet) -> str:
    table = sheet.table
    widths = table.widths if table else (WIDE_CM,)
    columns = "".join(
        f'<table:table-column table:style-name="{_column_style(width)[0]}" table:default-cell-style-name="text_en"/>'
        for width in widths
    )
    lines = "".join(
        f"<table:table-row>{_ods_line(line, is_alone=table is None)}</table:table-row>\n" for line in sheet.lines
    )
    rows = _ods_rows(table) if table else ""
    start = f'<table:table table:name={quoteattr(sheet.name)} table:style-name="sheet">'
    return f"{start}{columns}\n{lines}{rows}</table:table>\n"


def _ods_line(line: Line, is_alone: bool) -> str:
    style = f"{line.style or ('text' if is_alone else 'line')}_{line.language}"
    text = _ods_link(line.text, line.target) if line.target else _ods_text(line.text)
    return (
        f'<table:table-cell table:style-name="{style}" office:value-type="string"><text:p>{text}</text:p>'
        "</table:table-cell>"
    )


def _ods_link(text: str, target: str) -> str:
    address = target if ":" in target else f"#{target}.A1"
    return f'<text:a xlink:type="simple" xlink:href={quoteattr(address)}>{_ods_text(text)}</text:a>'


def _ods_rows(table: Table) -> str:
    style = _row_style(table.row_cm)[0]
    start = f'<table:table-row table:style-name="{style}">'
    out = [
        '<table:table-header-rows><table:table-row table:style-name="fitting">',
        *(
            f'<table:table-cell table:style-name="header_en" office:value-type="string"><text:p>{escape(name)}</text:p>'
            "</table:table-cell>"
            for name in table.header
        ),
        "</table:table-row></table:table-header-rows>\n",
    ]
    languages = dict(table.languages)
    styles = [
        f' table:style-name="text_{languages[number]}"' if number in languages else ""
        for number in range(len(table.header))
    ]
    known: dict[tuple[str, Cell], str] = {}  # most cells of a benchmark stand in it again and again
    for row in table.rows:
        out.append(start)
        empty = 0
        for number, value in enumerate(row):
            if value is None or value == "":
                empty += 1
                continue
            if empty:
                out.append(_ods_empty(empty))
                empty = 0
            key = (styles[number], value)
            cell = known.get(key)
            if cell is None:
                cell = _ods_cell(value, styles[number], is_link=table.is_index and number == 0)
                if len(cell) < _SHORT and not table.is_index:
                    known[key] = cell
            out.append(cell)
        if empty:
            out.append(_ods_empty(empty))
        out.append("</table:table-row>\n")
    return "".join(out)


_SHORT = 200
"""Characters of a cell that may well stand there again."""


def _ods_empty(count: int) -> str:
    return "<table:table-cell/>" if count == 1 else f'<table:table-cell table:number-columns-repeated="{count}"/>'


def _ods_cell(value: str | float | date, style: str, is_link: bool) -> str:
    if isinstance(value, str):
        more = ""
        if is_link:
            text = f"<text:p>{_ods_link(value, value)}</text:p>"
        else:
            text = "".join(f"<text:p>{_ods_text(line)}</text:p>" for line in value.split("\n"))
            if "\t" in value:  # readers differ on text:tab
                more = f" office:string-value={_attribute(value)}"
        return f'<table:table-cell{style} office:value-type="string"{more}>{text}</table:table-cell>'
    if isinstance(value, date):
        day = value.isoformat()
        return (
            f'<table:table-cell table:style-name="date" office:value-type="date" office:date-value="{day}">'
            f"<text:p>{day}</text:p></table:table-cell>"
        )
    told = f'office:value-type="float" office:value="{value}"'
    return f"<table:table-cell {told}><text:p>{value}</text:p></table:table-cell>"


def _attribute(text: str) -> str:
    return quoteattr(text, {"\n": "&#10;", "\t": "&#9;"})


def _ods_text(line: str) -> str:
    # OpenDocument collapses runs of spaces, and indentation means something in Markdown.
    text = escape(line)
    if "  " in text or text[:1] == " " or text[-1:] == " ":
        text = _SPACES.sub(lambda spaces: f'<text:s text:c="{len(spaces.group())}"/>', text)
    return text.replace("\t", "<text:tab/>")


# Excel.

CM_A_CHARACTER = 0.2
"""Width of a digit, in which Excel counts."""
CM_A_LETTER = 0.2
"""Width of a letter in Arial of 12 points, on average and rather more."""
POINTS_A_CM = 28.35
_A4, _PAGE_CM = 9, 29.7
_CORE = "docProps/core.xml"
_TITLE_END = b"</dc:title>"


class _Parts(Packager):  # type: ignore[misc]  # has no type information
    """The files of a workbook by their names, kept from xlsxwriter, which would compress them as slowly as zlib."""

    files: dict[str, bytes]

    def _create_package(self) -> list[Any]:
        self.files = {name: text.getvalue().encode() for text, name, _ in super()._create_package()}
        return []


class _Book(xlsxwriter.Workbook):  # type: ignore[misc]
    def __init__(self) -> None:
        # It writes a zip without any files, which nobody reads.
        options = {"strings_to_urls": False, "strings_to_formulas": False, "strings_to_numbers": False}
        super().__init__(io.BytesIO(), options | {"in_memory": True})
        self.parts = _Parts()

    def _get_packager(self) -> Packager:
        return self.parts


def xlsx_bytes(book: Workbook) -> bytes:
    """The workbook as Office Open XML."""
    with _Book() as made:
        made.set_properties({"title": book.title, "subject": book.subject, "created": book.created.astimezone(UTC)})
        formats = _Formats(made)
        for sheet in book.sheets:
            _xlsx_sheet(made.add_worksheet(sheet.name), sheet, formats)
    files = made.parts.files
    # xlsxwriter has no word for the language.
    head, end, rest = files[_CORE].partition(_TITLE_END)
    files[_CORE] = head + end + f"<dc:language>{book.language}-{_COUNTRY}</dc:language>".encode() + rest
    return archive(files, level=COMPRESSION)


class _Formats:
    """The formats of a workbook."""

    def __init__(self, book: Any) -> None:
        base = {"font_name": "Arial", "font_size": 12}
        wrapped = base | {"text_wrap": True, "valign": "top"}
        self.text = book.add_format(wrapped)
        self.plain = book.add_format(base)
        self.date = book.add_format(wrapped | {"num_format": "yyyy-mm-dd"})
        self.header = book.add_format(wrapped | {"bold": True})
        self.link = book.add_format(wrapped | {"underline": True, "font_color": "#0B0CBC"})
        self.lines = {
            "": self.plain,
            "title": book.add_format(base | {"bold": True, "font_size": 18}),
            "heading": book.add_format(base | {"bold": True, "font_size": 14}),
        }


def _xlsx_sheet(written: Any, sheet: Sheet, formats: _Formats) -> None:
    table = sheet.table
    written.set_landscape()
    written.set_paper(_A4)
    if table is None or sum(table.widths) < _PAGE_CM:
        written.fit_to_pages(1, 0)
    for number, width in enumerate(table.widths if table else (WIDE_CM,)):
        written.set_column(number, number, width / CM_A_CHARACTER, formats.text)
    if table and table.row_cm is not None:
        written.set_default_row(table.row_cm * POINTS_A_CM)
    for number, line in enumerate(sheet.lines):
        style = formats.text if table is None and line.style == "" else formats.lines[line.style]
        if table is None:
            written.set_row(number, _LINE_POINTS[line.style] * _lines(line.text, WIDE_CM))
        elif table.row_cm is not None:
            written.set_row(number, _LINE_POINTS[line.style])
        if line.target:
            written.write_url(number, 0, _xlsx_target(line.target), formats.link if table is None else style, line.text)
        else:
            written.write_string(number, 0, line.text, style)
    if table:
        _xlsx_table(written, sheet, table, formats)


_FITTED_ROWS = 1000
"""Up to so many rows are given a height: longer tables are data, whose cells are one line."""
_LINE_POINTS = {"": 16, "title": 24, "heading": 19}


def _lines(text: str, width_cm: float) -> int:
    """How many lines a text takes in a column. Programs differ on whether they find out themselves."""
    characters = max(int(width_cm / CM_A_LETTER), 1)
    return sum(-(-max(len(line), 1) // characters) for line in text.split("\n"))


def _xlsx_target(target: str) -> str:
    return target if ":" in target else f"internal:'{target}'!A1"


def _xlsx_table(written: Any, sheet: Sheet, table: Table, formats: _Formats) -> None:
    top = len(sheet.lines)
    if table.row_cm is not None:
        written.set_row(top, _LINE_POINTS[""] * 2)
    # A marked-up table has at least one row of data.
    last = top + max(len(table.rows), 1)
    columns = [{"header": name, "header_format": formats.header} for name in table.header]
    written.add_table(
        top,
        0,
        last,
        len(table.header) - 1,
        {"name": f"{sheet.name}_table", "columns": columns, "autofilter": False, "style": None},
    )
    written.repeat_rows(top)
    text, number_of = written.write_string, written.write_number
    is_high = table.row_cm is None and len(table.rows) <= _FITTED_ROWS
    for row, cells in enumerate(table.rows, top + 1):
        if is_high:
            widths = zip(cells, table.widths, strict=True)
            most = max(_lines(value, width) if isinstance(value, str) else 1 for value, width in widths)
            written.set_row(row, _LINE_POINTS[""] * most)
        for column, value in enumerate(cells):
            if value is None or value == "":
                continue
            if isinstance(value, str):
                if table.is_index and column == 0:
                    written.write_url(row, column, _xlsx_target(value), formats.link, value)
                else:
                    text(row, column, value)
            elif isinstance(value, date):
                written.write_datetime(row, column, value, formats.date)
            else:
                number_of(row, column, value)


WRITERS: dict[str, Callable[[Workbook], bytes]] = {".ods": ods_bytes, ".xlsx": xlsx_bytes}
"""By the end of the file's name, the one that readers are offered first, first."""
