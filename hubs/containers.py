"""Writing zip, ODS and XLSX, each the same bytes for the same content; workbooks plain, or as forms to fill in.

No content is decided here. A form has drop-downs, remarks and date formats; what they say is given. ODS follows
OpenDocument 1.3 and is written out here; Excel's format is left to xlsxwriter.
"""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from xml.sax.saxutils import escape, quoteattr

import xlsxwriter  # type: ignore[import-untyped]  # has no type information
from deflate import crc32, deflate_compress
from xlsxwriter.utility import xl_col_to_name  # type: ignore[import-untyped]

Cell = str | int | date
Rows = Iterable[Sequence[Cell]]
"""Rows of a sheet, the header first. Whole numbers become numeric cells, dates cells with a date."""

EPOCH = (1980, 1, 1, 0, 0, 0)
"""The earliest date that a zip can hold."""
ODS_TYPE = "application/vnd.oasis.opendocument.spreadsheet"


def archive(files: Mapping[str, bytes], stored: Collection[str] = (), level: int = 9) -> bytes:
    """A zip of ``files`` (path to content) in their order, compressed as hard as ``level`` (1 to 12) says; those called
    as in ``stored`` are not compressed.
    """
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as container:
        for name, content in files.items():
            entry = _entry(name)
            entry.compress_type = zipfile.ZIP_STORED if name in stored else zipfile.ZIP_DEFLATED
            packed = content if name in stored else deflate_compress(content, level)
            entry.CRC, entry.file_size, entry.compress_size = crc32(content), len(content), len(packed)
            # zipfile knows no compressor but zlib, so it gets the entry as it stands in the end.
            entry.header_offset = target.tell()
            target.writelines((entry.FileHeader(), packed))
            container.filelist.append(entry)
            container.start_dir = target.tell()
    return target.getvalue()


def append(path: Path, files: Mapping[str, bytes]) -> None:
    """Put ``files`` at the end of the zip at ``path``, as ``archive`` would have, not compressed."""
    with zipfile.ZipFile(path, "a") as container:
        for name, content in files.items():
            container.writestr(_entry(name), content)


def _entry(name: str) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name, EPOCH)
    entry.create_system, entry.external_attr = 3, 0o644 << 16
    return entry


# Forms.


@dataclass(frozen=True)
class Choices:
    """What a cell offers. ``values`` also stand in the workbook itself at the range ``where``, since XLSX has only
    short lists of its own. Where ``is_several``, a cell may hold several of them, so nothing is ever refused.
    """

    values: tuple[str, ...]
    where: str
    is_several: bool = False
    help: str = ""


@dataclass(frozen=True)
class Field:
    """A column of a form: ``remark`` is what its header's comment says. ``choices`` hold for all its rows."""

    remark: str = ""
    choices: Choices | None = None
    is_date: bool = False
    width_cm: float = 4.0


@dataclass(frozen=True)
class Form:
    """A sheet to fill in: a header, which stays in view, and rows, with a field for each column. ``choices`` are those
    of single cells by row and column, from 0. ``empty_rows`` below the last one have the columns' drop-downs and
    formats as well.
    """

    rows: Sequence[Sequence[Cell]]
    fields: Sequence[Field]
    choices: Mapping[tuple[int, int], Choices] = field(default_factory=dict)
    empty_rows: int = 0


def _offered(form: Form, row: int, column: int) -> Choices | None:
    single = form.choices.get((row, column))
    if single is not None or row == 0:
        return single
    return form.fields[column].choices


# OpenDocument.

_MANIFEST = f"""<?xml version="1.0" encoding="UTF-8"?>
<manifest:manifest xmlns:manifest="urn:oasis:names:tc:opendocument:xmlns:manifest:1.0" manifest:version="1.3">
<manifest:file-entry manifest:full-path="/" manifest:version="1.3" manifest:media-type="{ODS_TYPE}"/>
%s</manifest:manifest>
"""
_NAMESPACES = {
    "office": "office",
    "table": "table",
    "text": "text",
    "style": "style",
    "number": "datastyle",
    "fo": "xsl-fo-compatible",
    "config": "config",
}
_PLAIN = ("office", "table", "text")
_STYLES = """<office:automatic-styles>
<number:date-style style:name="day"><number:year number:style="long"/><number:text>-</number:text>\
<number:month number:style="long"/><number:text>-</number:text><number:day number:style="long"/></number:date-style>
<style:style style:name="header" style:family="table-cell"><style:table-cell-properties fo:wrap-option="wrap"/>\
<style:text-properties fo:font-weight="bold"/></style:style>
<style:style style:name="entry" style:family="table-cell"><style:table-cell-properties fo:wrap-option="wrap" \
style:vertical-align="top"/></style:style>
<style:style style:name="date" style:family="table-cell" style:data-style-name="day">\
<style:table-cell-properties style:vertical-align="top"/></style:style>
%s</office:automatic-styles>
"""


def _head(kind: str, prefixes: Iterable[str]) -> str:
    names = " ".join(
        f'xmlns:{prefix}="urn:oasis:names:tc:opendocument:xmlns:{_NAMESPACES[prefix]}:1.0"' for prefix in prefixes
    )
    return f'<?xml version="1.0" encoding="UTF-8"?>\n<office:document-{kind} {names} office:version="1.3">'


def _ods(content: str, settings: str | None = None) -> bytes:
    parts = {"content.xml": content} | ({"settings.xml": settings} if settings else {})
    entries = "".join(
        f'<manifest:file-entry manifest:full-path="{name}" manifest:media-type="text/xml"/>\n' for name in parts
    )
    files = {"mimetype": ODS_TYPE.encode()} | {name: text.encode() for name, text in parts.items()}
    return archive(files | {"META-INF/manifest.xml": (_MANIFEST % entries).encode()}, stored=("mimetype",))


def ods_bytes(sheets: Mapping[str, Rows]) -> bytes:
    """An OpenDocument workbook of text and whole numbers."""
    body = "".join(
        f"<table:table table:name={quoteattr(name)}>\n{''.join(map(_plain_row, rows))}</table:table>\n"
        for name, rows in sheets.items()
    )
    return _ods(
        f"{_head('content', _PLAIN)}<office:body><office:spreadsheet>\n{body}"
        "</office:spreadsheet></office:body></office:document-content>\n"
    )


def _plain_row(row: Sequence[Cell]) -> str:
    return f"<table:table-row>{''.join(_cell(value) for value in row)}</table:table-row>\n"


def _cell(value: Cell, attributes: str = "", remark: str = "") -> str:
    note = f'<office:annotation office:display="false">{_paragraphs(remark)}</office:annotation>' if remark else ""
    if isinstance(value, date):
        kind, text = f' office:value-type="date" office:date-value="{value.isoformat()}"', value.isoformat()
    elif isinstance(value, int):
        kind, text = f' office:value-type="float" office:value="{value}"', str(value)
    elif value:
        kind, text = ' office:value-type="string"', value
    elif note:
        return f"<table:table-cell{attributes}>{note}</table:table-cell>"
    else:
        return f"<table:table-cell{attributes}/>"
    return f"<table:table-cell{attributes}{kind}>{note}{_paragraphs(text)}</table:table-cell>"


def _paragraphs(text: str) -> str:
    return "".join(f"<text:p>{_text(line)}</text:p>" for line in text.split("\n"))


def _text(line: str) -> str:
    # OpenDocument collapses runs of spaces, and indentation means something in Markdown.
    return re.sub(r"^ +| {2,}", lambda spaces: f'<text:s text:c="{len(spaces.group())}"/>', escape(line))


def ods_forms(forms: Mapping[str, Form]) -> bytes:
    """An OpenDocument workbook of forms."""
    validations = _Validations()
    body = "".join(_ods_form(name, form, validations) for name, form in forms.items())
    widths = sorted({field.width_cm for form in forms.values() for field in form.fields})
    columns = "".join(
        f'<style:style style:name="{_column_style(width)}" style:family="table-column">'
        f'<style:table-column-properties style:column-width="{width:g}cm"/></style:style>\n'
        for width in widths
    )
    prefixes = (*_PLAIN, "style", "number", "fo")
    content = (
        f"{_head('content', prefixes)}\n{_STYLES % columns}<office:body><office:spreadsheet>\n{validations.xml()}{body}"
        "</office:spreadsheet></office:body></office:document-content>\n"
    )
    return _ods(content, _frozen(list(forms)))


def _column_style(width_cm: float) -> str:
    return f"width{round(width_cm * 10)}"


class _Validations:
    """The drop-downs of a workbook, each of which cells name."""

    def __init__(self) -> None:
        self._names: dict[Choices, str] = {}
        self._cells: dict[Choices, str] = {}

    def attribute(self, choices: Choices | None, cell: str) -> str:
        """What a cell says to have the drop-down; ``cell`` is its own address."""
        if choices is None:
            return ""
        name = self._names.setdefault(choices, f"choices{len(self._names) + 1}")
        self._cells.setdefault(choices, cell)
        return f' table:content-validation-name="{name}"'

    def xml(self) -> str:
        if not self._names:
            return ""
        entries = "".join(self._entry(choices, name) for choices, name in self._names.items())
        return f"<table:content-validations>\n{entries}</table:content-validations>\n"

    def _entry(self, choices: Choices, name: str) -> str:
        values = ";".join('"' + value.replace('"', '""') + '"' for value in choices.values)
        condition = quoteattr(f"of:cell-content-is-in-list({values})")
        cell = quoteattr(self._cells[choices])
        # Where several values may stand, what is no single one of them is right, so nothing is said about it.
        error = "false" if choices.is_several else "true"
        return (
            f'<table:content-validation table:name="{name}" table:condition={condition} table:allow-empty-cell="true" '
            f'table:display-list="unsorted" table:base-cell-address={cell}>'
            f'<table:help-message table:display="true">{_paragraphs(choices.help)}</table:help-message>'
            f'<table:error-message table:message-type="warning" table:display="{error}"/>'
            "</table:content-validation>\n"
        )


def _ods_form(name: str, form: Form, validations: _Validations) -> str:
    columns = "".join(
        f'<table:table-column table:style-name="{_column_style(field.width_cm)}" '
        f'table:default-cell-style-name="{"date" if field.is_date else "entry"}"/>'
        for field in form.fields
    )
    rows = [_form_row(name, form, number, row, validations) for number, row in enumerate(form.rows)]
    if form.empty_rows:
        number = len(form.rows)
        empty = "".join(
            _cell("", _attributes(name, form, number, column, validations)) for column in range(len(form.fields))
        )
        rows.append(f'<table:table-row table:number-rows-repeated="{form.empty_rows}">{empty}</table:table-row>\n')
    return f"<table:table table:name={quoteattr(name)}>\n{columns}\n{''.join(rows)}</table:table>\n"


def _form_row(name: str, form: Form, number: int, row: Sequence[Cell], validations: _Validations) -> str:
    cells = "".join(
        _cell(
            value,
            _attributes(name, form, number, column, validations),
            form.fields[column].remark if number == 0 else "",
        )
        for column, value in enumerate(row)
    )
    return f"<table:table-row>{cells}</table:table-row>\n"


def _attributes(name: str, form: Form, row: int, column: int, validations: _Validations) -> str:
    style = "header" if row == 0 else "date" if form.fields[column].is_date else "entry"
    cell = f"'{name}'.{column_letters(column)}{row + 1}"
    return f' table:style-name="{style}"' + validations.attribute(_offered(form, row, column), cell)


def column_letters(number: int) -> str:
    """What a sheet calls the column ``number`` (from 0)."""
    return str(xl_col_to_name(number))


def _frozen(names: Sequence[str]) -> str:
    """Settings by which the first row of each sheet stays in view."""
    split = (
        ("VerticalSplitMode", "short", "2"),
        ("VerticalSplitPosition", "int", "1"),
        ("ActiveSplitRange", "short", "2"),
        ("PositionTop", "int", "0"),
        ("PositionBottom", "int", "1"),
    )
    items = "".join(_setting(*entry) for entry in split)
    entries = "".join(
        f"<config:config-item-map-entry config:name={quoteattr(name)}>{items}</config:config-item-map-entry>\n"
        for name in names
    )
    active = _setting("ActiveTable", "string", names[0])
    return (
        f"{_head('settings', ('office', 'config'))}<office:settings>\n"
        '<config:config-item-set config:name="ooo:view-settings">'
        '<config:config-item-map-indexed config:name="Views"><config:config-item-map-entry>\n'
        f"{_setting('ViewId', 'string', 'view1')}"
        f'<config:config-item-map-named config:name="Tables">\n{entries}</config:config-item-map-named>{active}\n'
        "</config:config-item-map-entry></config:config-item-map-indexed></config:config-item-set>"
        "</office:settings></office:document-settings>\n"
    )


def _setting(name: str, kind: str, value: str) -> str:
    return f'<config:config-item config:name="{name}" config:type="{kind}">{escape(value)}</config:config-item>'


# Excel.

CM_A_CHARACTER = 0.2
"""Width of a digit, in which Excel counts."""


def xlsx_bytes(sheets: Mapping[str, Rows]) -> bytes:
    """An Excel workbook of text and whole numbers, with a frozen bold header as people make them."""
    target = io.BytesIO()
    with _book(target) as book:
        bold, wrapped = book.add_format({"bold": True}), book.add_format({"text_wrap": True, "valign": "top"})
        for name, rows in sheets.items():
            sheet = book.add_worksheet(name)
            sheet.freeze_panes(1, 0)
            for number, row in enumerate(rows):
                sheet.write_row(number, 0, row, bold if number == 0 else wrapped)
    return target.getvalue()


def _book(target: io.BytesIO) -> xlsxwriter.Workbook:
    book = xlsxwriter.Workbook(target, {"in_memory": True, "strings_to_urls": False, "strings_to_formulas": False})
    book.set_properties({"created": datetime(*EPOCH, tzinfo=UTC)})
    return book


def xlsx_forms(forms: Mapping[str, Form]) -> bytes:
    """An Excel workbook of forms."""
    target = io.BytesIO()
    with _book(target) as book:
        header = book.add_format({"bold": True, "text_wrap": True, "valign": "top"})
        entry = book.add_format({"text_wrap": True, "valign": "top"})
        day = book.add_format({"num_format": "yyyy-mm-dd", "valign": "top"})
        for name, form in forms.items():
            sheet = book.add_worksheet(name)
            sheet.freeze_panes(1, 0)
            for number, field_ in enumerate(form.fields):
                sheet.set_column(number, number, field_.width_cm / CM_A_CHARACTER, day if field_.is_date else entry)
                if field_.remark:
                    sheet.write_comment(0, number, field_.remark, {"author": ""})
            for number, row in enumerate(form.rows):
                for column, value in enumerate(row):
                    style = day if isinstance(value, date) else header if number == 0 else entry
                    sheet.write(number, column, value, style)
            for first, last, column, choices in _ranges(form):
                sheet.data_validation(first, column, last, column, _validation(choices))
    return target.getvalue()


def _ranges(form: Form) -> Iterator[tuple[int, int, int, Choices]]:
    """First and last row, column and choices of each drop-down."""
    for (row, column), choices in form.choices.items():
        yield row, row, column, choices
    for column, field_ in enumerate(form.fields):
        if field_.choices is not None:
            yield 1, len(form.rows) + form.empty_rows - 1, column, field_.choices


MAX_INPUT_CHARACTERS = 255
"""Of the help that Excel shows beside a cell."""


def _validation(choices: Choices) -> dict[str, object]:
    return {
        "validate": "list",
        "source": f"={choices.where}",
        "input_message": choices.help[:MAX_INPUT_CHARACTERS],
        "error_type": "warning",
        "show_error": not choices.is_several,
    }
