"""Writing the containers that hubs publish: CSV, Parquet, zip, ODS and XLSX, each the same bytes for the same content.

No content is decided here. Archives are compared by their members and Parquet by its table, because compressors and
the writer's name differ between machines.
"""

from __future__ import annotations

import csv
import io
import re
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from xml.sax.saxutils import escape

import pyarrow as pa
import pyarrow.parquet as pq
import xlsxwriter  # type: ignore[import-untyped]  # has no type information

Rows = Iterable[Sequence[str | int]]
"""Rows of a sheet, the header first. Whole numbers become numeric cells."""

_EPOCH = (1980, 1, 1, 0, 0, 0)
"""The earliest date that a zip can hold."""
_ODS_TYPE = "application/vnd.oasis.opendocument.spreadsheet"
_ODS_MANIFEST = f"""<?xml version="1.0" encoding="UTF-8"?>
<manifest:manifest xmlns:manifest="urn:oasis:names:tc:opendocument:xmlns:manifest:1.0" manifest:version="1.3">
<manifest:file-entry manifest:full-path="/" manifest:version="1.3" manifest:media-type="{_ODS_TYPE}"/>
<manifest:file-entry manifest:full-path="content.xml" manifest:media-type="text/xml"/>
</manifest:manifest>
"""
_ODS_HEAD = """<?xml version="1.0" encoding="UTF-8"?>
<office:document-content xmlns:office="urn:oasis:names:tc:opendocument:xmlns:office:1.0" \
xmlns:table="urn:oasis:names:tc:opendocument:xmlns:table:1.0" \
xmlns:text="urn:oasis:names:tc:opendocument:xmlns:text:1.0" office:version="1.3">\
<office:body><office:spreadsheet>
"""
_ODS_TAIL = "</office:spreadsheet></office:body></office:document-content>\n"


def csv_bytes(rows: Rows, encoding: str = "utf-8") -> bytes:
    """Comma-separated text with a line feed after each row."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue().encode(encoding)


def parquet_bytes(rows: Sequence[Sequence[str | int]]) -> bytes:
    """A compressed Parquet file of text columns, named by the first of ``rows``."""
    columns = zip(*rows, strict=True)
    table = pa.table({str(name): pa.array(map(str, values), pa.string()) for name, *values in columns})
    target = io.BytesIO()
    pq.write_table(table, target, compression="zstd", store_schema=False)
    return target.getvalue()


def zip_bytes(files: Mapping[str, bytes]) -> bytes:
    """An archive of ``files`` (path to content) in the order of their paths."""
    return _archive({name: files[name] for name in sorted(files)})


def ods_bytes(sheets: Mapping[str, Rows]) -> bytes:
    """An OpenDocument workbook of text and whole numbers."""
    body = "".join(
        f'<table:table table:name="{escape(name)}">\n{"".join(map(_ods_row, rows))}</table:table>\n'
        for name, rows in sheets.items()
    )
    content = (_ODS_HEAD + body + _ODS_TAIL).encode()
    parts = {"mimetype": _ODS_TYPE.encode(), "content.xml": content, "META-INF/manifest.xml": _ODS_MANIFEST.encode()}
    return _archive(parts, stored="mimetype")


def xlsx_bytes(sheets: Mapping[str, Rows]) -> bytes:
    """An Excel workbook of text and whole numbers, with a frozen bold header as people make them."""
    target = io.BytesIO()
    with xlsxwriter.Workbook(target, {"in_memory": True, "strings_to_urls": False}) as book:
        book.set_properties({"created": datetime(*_EPOCH, tzinfo=UTC)})
        bold, wrapped = book.add_format({"bold": True}), book.add_format({"text_wrap": True, "valign": "top"})
        for name, rows in sheets.items():
            sheet = book.add_worksheet(name)
            sheet.freeze_panes(1, 0)
            for number, row in enumerate(rows):
                sheet.write_row(number, 0, row, bold if number == 0 else wrapped)
    return target.getvalue()


def is_same(path: str, one: bytes, other: bytes) -> bool:
    """Whether two versions of the file at ``path`` hold the same: bytes, table or members of the archive."""
    if path.endswith((".zip", ".ods", ".xlsx")):
        return _members(one) == _members(other)
    if path.endswith(".parquet"):
        return _parquet(one) == _parquet(other)
    return one == other


def _members(content: bytes) -> list[tuple[str, bytes]] | None:
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            return [(name, archive.read(name)) for name in archive.namelist()]
    except zipfile.BadZipFile:
        return None


def _parquet(content: bytes) -> pa.Table | None:
    try:
        return pq.read_table(io.BytesIO(content))
    except pa.ArrowInvalid:
        return None


def _archive(files: Mapping[str, bytes], stored: str | None = None) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        for name, content in files.items():
            entry = zipfile.ZipInfo(name, _EPOCH)
            entry.create_system, entry.external_attr = 3, 0o644 << 16
            entry.compress_type = zipfile.ZIP_STORED if name == stored else zipfile.ZIP_DEFLATED
            archive.writestr(entry, content, compresslevel=9)
    return target.getvalue()


def _ods_row(row: Sequence[str | int]) -> str:
    return f"<table:table-row>{''.join(map(_ods_cell, row))}</table:table-row>\n"


def _ods_cell(value: str | int) -> str:
    if isinstance(value, int):
        return (
            f'<table:table-cell office:value-type="float" office:value="{value}"><text:p>{value}</text:p>'
            "</table:table-cell>"
        )
    if not value:
        return "<table:table-cell/>"
    paragraphs = "".join(f"<text:p>{_ods_text(line)}</text:p>" for line in value.split("\n"))
    return f'<table:table-cell office:value-type="string">{paragraphs}</table:table-cell>'


def _ods_text(line: str) -> str:
    # OpenDocument collapses runs of spaces, and indentation means something in Markdown.
    return re.sub(r"^ +| {2,}", lambda spaces: f'<text:s text:c="{len(spaces.group())}"/>', escape(line))
