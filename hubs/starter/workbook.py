"""The workbook to fill in: a cover sheet, and a sheet for each kind with drop-downs from the vocabularies.

Which fields there are comes from the contract, how cells are written is ``hubs.containers``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import zip_longest

from hubs.containers import Cell, Choices, Field, Form, column_letters, ods_forms, xlsx_forms
from hubs.contract import CONTRACT_VERSION
from hubs.contract.kinds import Kind, kinds
from hubs.contract.kinds.base import RecordKind, TableKind
from hubs.contract.vocabularies import SCHEMES, vocabulary
from hubs.mapping.native import COVER_DEFAULTS
from hubs.starter.examples import EXAMPLE_LICENCE, Starter, answer, entries, example, is_day, is_several

COVER = "Cover"
EMPTY_ROWS = 500
"""Below the example, with drop-downs and formats. Rows beyond them are read as well."""
LISTS_FROM = 4
"""Column of the cover sheet (from 0) in which the vocabularies begin: name, value, explanation, a gap."""
WIDE_CM, USUAL_CM, NARROW_CM = 9.0, 4.5, 2.5
_COVER_ROWS = {
    "hub": "The id of your hub, as in its registration.",
    "contract": "Version of the feed contract. Leave it as it is.",
    "licence": "Open licence of all records that name none.",
    "language": "Language of all records that name none: English or Welsh.",
    "sector": "Sector of all records that name none.",
}
_HOW_TO = (
    "How to fill this in",
    "One row is one record. Replace the example in each sheet, or delete its row. Delete sheets that you do not need.",
    "A cell with several values parts them with semicolons: Local government; Health.",
    "Long texts are written in Markdown: a line that begins with ## is a heading.",
    "Each heading has a remark that says what the column is for. Words to choose from stand to the right of here.",
)


def ods(starter: Starter) -> bytes:
    """The workbook in OpenDocument format."""
    return ods_forms(_forms(starter))


def xlsx(starter: Starter) -> bytes:
    """The workbook in Excel's format."""
    return xlsx_forms(_forms(starter))


def _forms(starter: Starter) -> dict[str, Form]:
    return {COVER: _cover(starter)} | {kind.plural_en: _sheet(kind, starter) for kind in kinds().values()}


def _label(scheme: str, term: str) -> str:
    return vocabulary(scheme)[term].en


def _choices(scheme: str, *, are_ids: bool = False, is_several: bool = False) -> Choices:
    """A drop-down of a vocabulary: its labels, or its ids where only they are read."""
    terms = vocabulary(scheme).terms
    column = column_letters(LISTS_FROM + 2 * SCHEMES.index(scheme) + are_ids)
    where = f"'{COVER}'!${column}$2:${column}${len(terms) + 1}"
    values = tuple(terms) if are_ids else tuple(term.en for term in terms.values())
    text = "Choose one. For several, write them with semicolons between." if is_several else "Choose one."
    return Choices(values, where, is_several, text)


# The cover.


def _cover(starter: Starter) -> Form:
    values = {
        "hub": starter.hub,
        "contract": CONTRACT_VERSION,
        "licence": _label("licences", EXAMPLE_LICENCE),
        "language": _label("languages", "en"),
        "sector": _label("sectors", starter.sector),
    }
    left = [["name", "value", "explanation"]]
    left += [[name, values[name], text] for name, text in _COVER_ROWS.items()]
    left += [["", "", ""], *([text, "", ""] for text in _HOW_TO)]
    lists = [column for scheme in SCHEMES for column in _list(scheme)]
    right = zip_longest(*lists, fillvalue="")
    rows = [[*(one or ["", "", ""]), "", *(other or [])] for one, other in zip_longest(left, right)]
    choices = {
        (number, 1): _choices(COVER_DEFAULTS[name])
        for number, name in enumerate(_COVER_ROWS, start=1)
        if name in COVER_DEFAULTS
    }
    fields = [Field(width_cm=USUAL_CM), Field(width_cm=USUAL_CM), Field(width_cm=WIDE_CM), Field(width_cm=NARROW_CM)]
    return Form(rows, [*fields, *(Field(width_cm=USUAL_CM) for _ in lists)], choices)


def _list(scheme: str) -> Iterator[list[str]]:
    """Two columns of a vocabulary: the labels and the ids of its terms."""
    about = vocabulary(scheme)
    yield [about.label_en, *(term.en for term in about)]
    yield [f"{about.label_en}: id", *about.terms]


# The kinds.


def _heading(name: str) -> str:
    """A field's name as a heading; it is read as the name again."""
    return name.replace("_", " ").capitalize()


def _sheet(kind: Kind, starter: Starter) -> Form:
    names = [name for name, _, _ in entries(kind)]
    row: Mapping[str, Cell] = answer(kind) if isinstance(kind, TableKind) else _record(kind, starter)
    header = [_heading(name) for name in names]
    fields = [_field(kind, *entry) for entry in entries(kind)]
    return Form([header, [row.get(name, "") for name in names]], fields, empty_rows=EMPTY_ROWS)


def _record(kind: RecordKind, starter: Starter) -> dict[str, Cell]:
    row: dict[str, Cell] = {}
    for name, value in example(kind, starter).items():
        values = value if isinstance(value, list) else [value]
        if name in kind.schemes:
            values = [_label(kind.schemes[name], term) for term in values]
        row[name] = "; ".join(values) if len(values) > 1 else values[0]
    return row


def _field(kind: Kind, name: str, description: str, is_needed: bool) -> Field:
    remark = f"{description} {'Needed.' if is_needed else 'May be left empty.'}"
    if isinstance(kind, TableKind):
        column = kind.column(name)
        offered = _choices(column.vocabulary, are_ids=True) if column.vocabulary else None
        return Field(remark, offered, width_cm=USUAL_CM)
    several, is_date = is_several(kind, name), is_day(kind, name)
    remark += " Several with semicolons between." if several else " Year-month-day." if is_date else ""
    offered = _choices(kind.schemes[name], is_several=several) if name in kind.schemes else None
    return Field(remark, offered, is_date, _width(kind, name, is_date))


def _width(kind: RecordKind, name: str, is_date: bool) -> float:
    if name in (*kind.texts, "summary"):
        return WIDE_CM
    return NARROW_CM if is_date else USUAL_CM
