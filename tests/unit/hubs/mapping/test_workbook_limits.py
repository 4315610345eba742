import io
import zipfile

import pytest

from hubs.mapping.readers.workbook import UnreadableWorkbook, sheets

NAMES = (
    'xmlns:office="urn:oasis:names:tc:opendocument:xmlns:office:1.0" '
    'xmlns:table="urn:oasis:names:tc:opendocument:xmlns:table:1.0" '
    'xmlns:text="urn:oasis:names:tc:opendocument:xmlns:text:1.0"'
)


def an_ods(rows: str) -> bytes:
    """A workbook of one sheet with these rows, as XML."""
    content = (
        f'<office:document-content {NAMES}><office:body><office:spreadsheet><table:table table:name="faq">{rows}'
        "</table:table></office:spreadsheet></office:body></office:document-content>"
    )
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet")
        archive.writestr("content.xml", content)
    return packed.getvalue()


def test_a_cell_that_claims_to_be_repeated_for_ever_ends_its_own_process_only() -> None:
    cell = '<table:table-cell office:value-type="string" table:number-columns-repeated="1000000"><text:p>x</text:p>'
    row = f'<table:table-row table:number-rows-repeated="1000000">{cell}</table:table-cell></table:table-row>'
    with pytest.raises(UnreadableWorkbook):
        list(sheets(an_ods(row)))


def test_what_is_no_workbook_is_named() -> None:
    with pytest.raises(UnreadableWorkbook):
        list(sheets(b"PK\x03\x04 not really"))
