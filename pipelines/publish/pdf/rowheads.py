"""Which cells of a PDF's tables are heads of rows: Typst knows heads of columns, and cannot say this yet. Nothing that
is seen changes.
"""

from __future__ import annotations

import io
import re

import pikepdf
from pikepdf import Name

_TR, _TD, _TH, _THEAD, _TABLE, _ROW = Name.TR, Name.TD, Name.TH, Name.THead, Name.Table, Name.Row
"""Each of them once: a pack has thousands of rows, and a name is made anew whenever it is asked for."""

_ROWS = re.compile(rb"\n(\d+) 0 obj\n<</Type/StructElem/S/TR\b")
"""Typst writes each element of the structure as an object of its own, in a line, so no tree has to be walked. Text of a
hub may look the same, and then names whatever object it likes.
"""


def with_row_heads(data: bytes) -> bytes:
    """The PDF ``data`` with the first cell of every row in the body of a table told to be the head of its row."""
    with pikepdf.open(io.BytesIO(data)) as pdf:
        for row in _ROWS.finditer(data):
            element = pdf.get_object(int(row[1]), 0)
            if isinstance(element, pikepdf.Dictionary) and element.get("/S") == _TR and element.P.get("/S") != _THEAD:
                _tell_head(element)
        result = io.BytesIO()
        # Thousands of small objects: together they take less than half the room.
        pdf.save(result, deterministic_id=True, object_stream_mode=pikepdf.ObjectStreamMode.generate)
    return result.getvalue()


def _tell_head(row: pikepdf.Dictionary) -> None:
    kids = row.get("/K")
    cells = kids if isinstance(kids, pikepdf.Array) else [] if kids is None else [kids]
    first = next(
        (cell for cell in cells if isinstance(cell, pikepdf.Dictionary) and cell.get("/S") in (_TD, _TH)), None
    )
    if first is None or first.S == _TH:
        return
    first.S = _TH
    told = first.get("/A")
    attributes = list(told) if isinstance(told, pikepdf.Array) else [] if told is None else [told]
    of_table = next((one for one in attributes if one.get("/O") == _TABLE), None)
    if of_table is None:
        of_table = pikepdf.Dictionary(O=_TABLE)
        attributes.append(of_table)
    of_table.Scope = _ROW
    if "/Headers" in of_table:
        del of_table["/Headers"]
    first.A = pikepdf.Array(attributes)
