"""Which cells of a PDF's tables are heads of rows: Typst knows heads of columns, and cannot say this yet. Nothing that
is seen changes.
"""

from __future__ import annotations

import io
from collections.abc import Iterator

import pikepdf
from pikepdf import Name


def with_row_heads(data: bytes) -> bytes:
    """The PDF ``data`` with the first cell of every row in the body of a table told to be the head of its row."""
    with pikepdf.open(io.BytesIO(data)) as pdf:
        for element in _elements(pdf.Root.StructTreeRoot):
            if element.get("/S") == Name.TR and element.P.get("/S") != Name.THead:
                _tell_head(element)
        result = io.BytesIO()
        # Thousands of small objects: together they take less than half the room.
        pdf.save(result, deterministic_id=True, object_stream_mode=pikepdf.ObjectStreamMode.generate)
    return result.getvalue()


def _tell_head(row: pikepdf.Dictionary) -> None:
    first = next((cell for cell in _children(row) if cell.get("/S") in (Name.TD, Name.TH)), None)
    if first is None or first.S == Name.TH:
        return
    first.S = Name.TH
    told = first.get("/A")
    attributes = list(told) if isinstance(told, pikepdf.Array) else [] if told is None else [told]
    of_table = next((one for one in attributes if one.get("/O") == Name.Table), None)
    if of_table is None:
        of_table = pikepdf.Dictionary(O=Name.Table)
        attributes.append(of_table)
    of_table.Scope = Name.Row
    if "/Headers" in of_table:
        del of_table["/Headers"]
    first.A = pikepdf.Array(attributes)


def _elements(root: pikepdf.Object) -> Iterator[pikepdf.Dictionary]:
    """Every structure element below ``root``, in no order."""
    waiting = [pikepdf.Dictionary(K=root)]
    while waiting:
        element = waiting.pop()
        yield element
        waiting += _children(element)


def _children(element: pikepdf.Dictionary) -> list[pikepdf.Dictionary]:
    kids = element.get("/K")
    found = list(kids) if isinstance(kids, pikepdf.Array) else [] if kids is None else [kids]
    return [kid for kid in found if isinstance(kid, pikepdf.Dictionary)]
