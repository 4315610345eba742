"""Tables for machines and spreadsheets: one specification a table drives CSV, Parquet, JSON and the data guidance page.

What a column means is said here, once. Which rows go in is decided by the caller; nothing is counted or judged here.

**Formula injection.** A spreadsheet runs a CSV cell that begins with ``=``, ``+``, ``-``, ``@``, a tab or a carriage
return (or a full-width twin of one) as a formula. In CSV such a text cell gets an apostrophe in front, which
spreadsheets show as plain text. Numbers and dates are never touched. JSON, JSON Lines and Parquet hold the exact text.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import pyarrow as pa
import pyarrow.parquet as pq

from hubs.contract.kinds import document_kinds
from hubs.contract.kinds.base import Document
from hubs.contract.records import canonical_json
from pipelines.publish import strings

ColumnType = Literal["string", "integer", "number", "date", "list", "object"]
Row = Mapping[str, Any]

FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "＝", "＋", "－", "＠")
LIST_SEPARATOR = ";"

_ARROW_TYPES: dict[str, pa.DataType] = {
    "string": pa.string(),
    "integer": pa.int64(),
    "number": pa.float64(),
    "date": pa.date32(),
    "list": pa.list_(pa.string()),
    "object": pa.string(),
}
_COLUMN_TYPES: dict[Any, ColumnType] = {str: "string", int: "integer", float: "number", date: "date", list: "list"}


@dataclass(frozen=True)
class Column:
    """One column. A ``list`` is joined by semicolons in CSV; an ``object`` is JSON in CSV and Parquet."""

    name: str
    type: ColumnType
    description_en: str
    description_cy: str

    def description(self, language: str) -> str:
        """What the column means, in ``en`` or ``cy``."""
        return self.description_cy if language == "cy" else self.description_en


@dataclass(frozen=True)
class TableSpec:
    """A table: its columns in order. A row is a mapping; a missing or None value is an empty cell."""

    name: str
    columns: tuple[Column, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """The column names in order."""
        return tuple(column.name for column in self.columns)


_FIRST = (
    Column("kind", "string", "Kind of record, as case_study or faq.", "Math o gofnod, fel case_study neu faq."),
    Column(
        "id",
        "string",
        "Identifier, hub/local-id. Never changed and never used again.",
        "Dynodydd, hwb/dynodydd lleol. Nid yw byth yn newid nac yn cael ei ailddefnyddio.",
    ),
    Column("title", "string", "Title; empty for a question.", "Teitl; yn wag ar gyfer cwestiwn."),
)
_TEXT = (
    Column("summary", "string", "One or two plain sentences.", "Un neu ddwy frawddeg blaen."),
    Column("text", "string", "The main text, in Markdown.", "Y prif destun, mewn Markdown."),
    Column("language", "string", "Language of the text: en or cy.", "Iaith y testun: en neu cy."),
    Column(
        "sectors",
        "list",
        "Sectors that can use this; none means every sector.",
        "Sectorau a all ddefnyddio hwn; mae dim yn golygu pob sector.",
    ),
    Column("technology_types", "list", "Kinds of technology this is about.", "Mathau o dechnoleg dan sylw."),
)
_LAST = (
    Column("licence", "string", "Open licence of the text.", "Trwydded agored y testun."),
    Column(
        "contact",
        "string",
        "Role mailbox or page for questions.",
        "Blwch post rôl neu dudalen ar gyfer cwestiynau.",
    ),
    Column("published", "date", "First published by the hub.", "Cyhoeddwyd gyntaf gan yr hwb."),
    Column("updated", "date", "Last changed by the hub.", "Newidiwyd ddiwethaf gan yr hwb."),
    Column("hub", "string", "Hub that owns the record.", "Yr hwb sy'n berchen ar y cofnod."),
    Column(
        "credits",
        "list",
        "All hubs that submitted it, the owner first.",
        "Pob hwb a'i cyflwynodd, y perchennog gyntaf.",
    ),
    Column("merged", "list", "Identifiers that became this record.", "Dynodyddion a ddaeth yn gofnod hwn."),
    Column(
        "related",
        "object",
        "Other records much like it: id, relation, share of text in common (0 to 1).",
        "Cofnodion eraill tebyg iawn: id, perthynas, cyfran y testun sy'n gyffredin (0 i 1).",
    ),
    Column(
        "translations",
        "object",
        "Identifiers of the same text in other languages, by language.",
        "Dynodyddion yr un testun mewn ieithoedd eraill, fesul iaith.",
    ),
    Column(
        "derived",
        "object",
        "Fields that the hub did not state, and how they were worked out.",
        "Meysydd na nododd yr hwb, a sut y cawsant eu canfod.",
    ),
    Column(
        "source",
        "object",
        "Where it came from: digest of the snapshot, file and its SHA-256, place in the file, the record's id there, "
        "version of the rules, when the hub's content was first had, and how the hub stands.",
        "O ble y daeth: crynodeb y ciplun, ffeil a'i SHA-256, lle yn y ffeil, dynodydd y cofnod yno, fersiwn y "
        "rheolau, pryd y cafwyd cynnwys yr hwb gyntaf, a sefyllfa'r hwb.",
    ),
    Column("slug", "string", "Short name of its page.", "Enw byr ei dudalen."),
    Column("address", "string", "Its page, from the root of the release.", "Ei dudalen, o wraidd y datganiad."),
)
"""The columns that every record has: before the headings of the kinds, after them, and after their other fields."""
SHARED = {*Document.model_fields, "title", "summary"}
"""Fields of documents that have a column whatever the kind."""

_GROUP = (
    Column("period", "string", "Year or quarter of the returns.", "Blwyddyn neu chwarter yr atebion."),
    Column("instrument", "string", "Self-assessment and version.", "Hunanasesiad a fersiwn."),
    Column("audience", "string", "Who answered.", "Pwy a atebodd."),
    Column("dimension", "string", "Topic of the questions.", "Pwnc y cwestiynau."),
    Column("breakdown", "string", "How the group was formed.", "Sut y ffurfiwyd y grŵp."),
    Column("sector", "string", "Sector, or all.", "Sector, neu all (pob un)."),
    Column("organisation_type", "string", "Type of organisation, or all.", "Math o sefydliad, neu all (pob un)."),
    Column("size_band", "string", "Size of organisation, or all.", "Maint y sefydliad, neu all (pob un)."),
    Column("region", "string", "Region or nation, or all.", "Rhanbarth neu genedl, neu all (pob un)."),
)
"""What a figure is about."""


def _share_columns(level: int) -> tuple[Column, Column, Column]:
    name = f"share_ge_{level}"
    return (
        Column(
            name,
            "number",
            f"Share of organisations at level {level} or above, from 0.05 to 0.95.",
            f"Cyfran y sefydliadau ar lefel {level} neu'n uwch, o 0.05 i 0.95.",
        ),
        Column(f"{name}_low", "number", f"Lower 95% limit of {name}.", f"Terfyn isaf 95% {name}."),
        Column(f"{name}_high", "number", f"Upper 95% limit of {name}.", f"Terfyn uchaf 95% {name}."),
    )


BENCHMARKS = TableSpec(
    "benchmarks",
    (
        *_GROUP,
        Column(
            "n",
            "integer",
            "Organisations in the group, rounded to a multiple of 5; empty when confidential.",
            "Sefydliadau yn y grŵp, wedi'u talgrynnu i luosrif o 5; yn wag pan fo'n gyfrinachol.",
        ),
        Column(
            "median",
            "number",
            "Level (0 to 5) of the organisation in the middle; from 20 organisations on.",
            "Lefel (0 i 5) y sefydliad yn y canol; o 20 sefydliad ymlaen.",
        ),
        Column(
            "median_low",
            "number",
            "Lower 95% limit of the median: a level (0 to 5).",
            "Terfyn isaf 95% y canolrif: lefel (0 i 5).",
        ),
        Column(
            "median_high",
            "number",
            "Upper 95% limit of the median: a level (0 to 5).",
            "Terfyn uchaf 95% y canolrif: lefel (0 i 5).",
        ),
        Column(
            "q1",
            "number",
            "Level that a quarter of organisations do not exceed; from 40 on.",
            "Lefel nad yw chwarter y sefydliadau'n mynd yn uwch na hi; o 40 ymlaen.",
        ),
        Column(
            "q3",
            "number",
            "Level that three quarters of organisations do not exceed; from 40 on.",
            "Lefel nad yw tri chwarter y sefydliadau'n mynd yn uwch na hi; o 40 ymlaen.",
        ),
        Column("mean", "number", "Mean of the levels, to one decimal.", "Cymedr y lefelau, i un lle degol."),
        *(column for level in range(1, 6) for column in _share_columns(level)),
        Column(
            "comparison",
            "string",
            "Whether the share at level 3 or above is better, similar or worse than that of all organisations; from 40 "
            "on.",
            "A yw'r gyfran ar lefel 3 neu'n uwch yn well (better), yn debyg (similar) neu'n waeth (worse) na chyfran "
            "pob sefydliad; o 40 ymlaen.",
        ),
        Column(
            "status",
            "string",
            "Marks: [c] confidential, [x] some figure not available, [u] of few organisations, [low] some count not "
            "told, [r] revised; empty otherwise.",
            "Marciau: [c] cyfrinachol, [x] rhyw ffigur heb fod ar gael, [u] o ychydig sefydliadau, [low] rhyw gyfrif "
            "heb ei roi, [r] diwygiedig; yn wag fel arall.",
        ),
        Column(
            "rolled_up_to",
            "string",
            "For a confidential group: the breakdown of the nearest larger group that is published.",
            "Ar gyfer grŵp cyfrinachol: dadansoddiad y grŵp mwy agosaf a gyhoeddir.",
        ),
    ),
)
"""A row a group × dimension: ``benchmarks.csv``, ``.parquet`` and ``.json``."""

DISTRIBUTIONS = TableSpec(
    "distributions",
    (
        *_GROUP,
        Column(
            "level",
            "string",
            "Level, 0 to 5, or two levels together, as 2-3, where one would tell too much.",
            "Lefel, 0 i 5, neu ddwy lefel gyda'i gilydd, fel 2-3, lle byddai un yn dweud gormod.",
        ),
        Column(
            "count",
            "integer",
            "Organisations on it, rounded to a multiple of 5; those of a group add up to its n.",
            "Sefydliadau arni, wedi'u talgrynnu i luosrif o 5; mae rhai grŵp yn adio i'w n.",
        ),
        Column(
            "share",
            "number",
            "Share of the group's organisations on it, from 0.05 to 0.95.",
            "Cyfran sefydliadau'r grŵp sydd arni, o 0.05 i 0.95.",
        ),
        Column(
            "status",
            "string",
            "[low] where a count of 0 or 5 is not told; empty otherwise.",
            "[low] lle na roddir cyfrif o 0 neu 5; yn wag fel arall.",
        ),
    ),
)
"""A row a level of each published group × dimension: ``distributions.csv``, ``.parquet`` and ``.json``."""


TRENDS = TableSpec(
    "trends",
    (
        *_GROUP,
        Column(
            "period_before",
            "string",
            "Period that it is held against, the latest earlier one of the same kind; empty when there is none.",
            "Cyfnod y'i cymherir ag ef, y diweddaraf cynharach o'r un math; yn wag pan nad oes un.",
        ),
        Column(
            "n_before",
            "integer",
            "Organisations in the group then, rounded to a multiple of 5.",
            "Sefydliadau yn y grŵp bryd hynny, wedi'u talgrynnu i luosrif o 5.",
        ),
        Column(
            "n",
            "integer",
            "Organisations in the group now, rounded to a multiple of 5.",
            "Sefydliadau yn y grŵp nawr, wedi'u talgrynnu i luosrif o 5.",
        ),
        Column(
            "share_ge_3_before",
            "number",
            "Share of organisations at level 3 or above then, from 0.05 to 0.95.",
            "Cyfran y sefydliadau ar lefel 3 neu'n uwch bryd hynny, o 0.05 i 0.95.",
        ),
        Column(
            "share_ge_3",
            "number",
            "Share of organisations at level 3 or above now, from 0.05 to 0.95.",
            "Cyfran y sefydliadau ar lefel 3 neu'n uwch nawr, o 0.05 i 0.95.",
        ),
        Column(
            "change",
            "number",
            "Difference of the two shares: 0.1 is ten percentage points more.",
            "Gwahaniaeth rhwng y ddwy gyfran: mae 0.1 yn ddeg pwynt canran yn fwy.",
        ),
        Column("change_low", "number", "Lower 95% limit of change.", "Terfyn isaf 95% change."),
        Column("change_high", "number", "Upper 95% limit of change.", "Terfyn uchaf 95% change."),
        Column(
            "trend",
            "string",
            "Whether the share is better, similar or worse than in the period before; from 40 organisations on in "
            "both.",
            "A yw'r gyfran yn well (better), yn debyg (similar) neu'n waeth (worse) nag yn y cyfnod cynt; o 40 "
            "sefydliad ymlaen yn y ddau.",
        ),
        Column(
            "status",
            "string",
            "Why there is no change: [z] no earlier period, [c] confidential then, [x] not told by single levels in "
            "both, [low] some count not told. [u]: told, of few organisations. [r]: revised.",
            "Pam nad oes newid: [z] dim cyfnod cynharach, [c] cyfrinachol bryd hynny, [x] heb ei roi fesul lefel "
            "unigol yn y ddau, [low] rhyw gyfrif heb ei roi. [u]: wedi'i roi, o ychydig sefydliadau. [r]: diwygiwyd.",
        ),
    ),
)
"""A row a published group × dimension: ``trends.csv``, ``.parquet`` and ``.json``."""


@cache
def records() -> TableSpec:
    """A row a library record: ``records.csv``, ``records.jsonl`` and the records of ``pack.json``.

    The headings of all kinds come first, their other fields in the middle, so that a new kind only needs the meaning of
    its fields (``column.<name>`` in the catalogue of texts).
    """
    kinds = document_kinds().values()
    headings = {kind.heading for kind in kinds}
    fields = {
        column: kind.model.model_fields[name] for kind in kinds for name, column in own_columns(kind.name).items()
    }
    return TableSpec(
        "records",
        (
            *_FIRST,
            *(_of_a_kind(name, about.annotation) for name, about in fields.items() if name in headings),
            *_TEXT,
            *(_of_a_kind(name, about.annotation) for name, about in fields.items() if name not in headings),
            *_LAST,
        ),
    )


@cache
def own_columns(kind: str) -> Mapping[str, str]:
    """The column of each field that is the kind's own, its main text excepted, which is in ``text``. Where every record
    has a column of the field's name, the kind's name stands before it: ``signpost_address``.
    """
    taken = {column.name for column in (*_FIRST, *_TEXT, *_LAST)}
    shared = SHARED | {document_kinds()[kind].text}
    own = (name for name in document_kinds()[kind].model.model_fields if name not in shared)
    return {name: f"{kind}_{name}" if name in taken else name for name in own}


def _of_a_kind(name: str, annotation: Any) -> Column:
    """The column of a field that only some kinds have."""
    is_union = get_origin(annotation) in (Union, UnionType)
    plain = next(part for part in get_args(annotation) if part is not NoneType) if is_union else annotation
    plain = get_args(plain)[0] if get_origin(plain) is Annotated else plain
    words = [strings.text(f"column.{name}", language) for language in strings.LANGUAGES]
    return Column(name, _COLUMN_TYPES[get_origin(plain) or plain], *words)


def csv_bytes(spec: TableSpec, rows: Iterable[Row]) -> bytes:
    """The table as CSV: UTF-8 without a byte order mark, CRLF, a header row."""
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(spec.names)
    for row in rows:
        writer.writerow([_csv_cell(column, row.get(column.name)) for column in spec.columns])
    return out.getvalue().encode()


def json_rows(spec: TableSpec, rows: Iterable[Row]) -> list[dict[str, Any]]:
    """The rows in plain JSON types, every column of ``spec`` in order, None where empty."""
    return [{c.name: _json_value(c, row.get(c.name)) for c in spec.columns} for row in rows]


def json_columns(spec: TableSpec) -> list[dict[str, Any]]:
    """The columns in plain JSON types, for a reader of the file alone."""
    return [
        {"name": c.name, "type": c.type, "description": {"en": c.description_en, "cy": c.description_cy}}
        for c in spec.columns
    ]


def spec_of(name: str, columns: Iterable[Mapping[str, Any]]) -> TableSpec:
    """The table whose columns a file tells as ``json_columns`` does. Raises KeyError and TypeError."""
    return TableSpec(
        name, tuple(Column(c["name"], c["type"], c["description"]["en"], c["description"]["cy"]) for c in columns)
    )


def json_bytes(data: Any) -> bytes:
    """Readable JSON with the order of keys kept, UTF-8."""
    return (json.dumps(data, ensure_ascii=False, indent=1, allow_nan=False) + "\n").encode()


def jsonl_bytes(spec: TableSpec, rows: Iterable[Row]) -> bytes:
    """A JSON object a line. Columns without a value are left out, so a case study has no ``question``."""
    lines = []
    for row in json_rows(spec, rows):
        kept = {name: value for name, value in row.items() if value is not None}
        lines.append(json.dumps(kept, ensure_ascii=False, separators=(",", ":"), allow_nan=False) + "\n")
    return "".join(lines).encode()


def write_parquet(path: Path, spec: TableSpec, rows: Sequence[Row]) -> None:
    """The table as Parquet (zstd), with each column's description in its field metadata."""
    fields, arrays = [], []
    for column in spec.columns:
        kind = _ARROW_TYPES[column.type]
        values = [_json_value(column, row.get(column.name)) for row in rows]
        if column.type == "object":
            values = [None if value is None else canonical_json(value) for value in values]
        elif column.type == "date":
            values = [row.get(column.name) for row in rows]
        metadata = {"description_en": column.description_en, "description_cy": column.description_cy}
        fields.append(pa.field(column.name, kind, metadata=metadata))
        arrays.append(pa.array(values, type=kind))
    table = pa.Table.from_arrays(arrays, schema=pa.schema(fields))
    pq.write_table(table, path, compression="zstd", row_group_size=1 << 16)


def _json_value(column: Column, value: Any) -> Any:
    if value is None:
        return None
    if column.type == "date":
        return value if isinstance(value, str) else value.isoformat()
    if column.type == "list":
        return [str(item) for item in value]
    if column.type == "number":
        return int(value) if float(value).is_integer() else float(value)
    return value


def _csv_cell(column: Column, value: Any) -> str:
    plain = _json_value(column, value)
    if plain is None:
        return ""
    if column.type in ("integer", "number", "date"):
        return str(plain)
    if column.type == "object":
        return canonical_json(plain)
    return neutralised(LIST_SEPARATOR.join(plain) if column.type == "list" else str(plain))


def neutralised(text: str) -> str:
    """``text`` so that no spreadsheet takes it for a formula. See the head of this module."""
    return f"'{text}" if text.startswith(FORMULA_STARTS) else text
