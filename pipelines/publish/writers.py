"""What the columns of each table mean, said here once; and its plain forms: CSV, JSON, JSON Lines, Parquet.

The JSON of a table holds its columns, and every other form is made from that file (``tables``), also the workbooks
(``workbooks``), the descriptions for programs (``descriptors``) and the data guidance page. Which rows go in is decided
by the caller; nothing is counted or judged here.

**Formula injection.** A spreadsheet runs a CSV cell that begins with ``=``, ``+``, ``-``, ``@``, a tab or a carriage
return (or a full-width twin of one) as a formula. In CSV such a text cell gets an apostrophe in front, which
spreadsheets show as plain text. Numbers and dates are never touched. All other forms hold the exact text: their cells
have a type, and a text is never run.
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
from pydantic.fields import FieldInfo

from hubs.contract.groups import ALL, BREAKDOWNS
from hubs.contract.kinds import document_kinds
from hubs.contract.kinds.assessment import PERIOD_PATTERN
from hubs.contract.kinds.base import Document, InVocabulary
from hubs.contract.records import canonical_json
from hubs.contract.vocabularies import vocabulary
from pipelines.files import json_of
from pipelines.publish import strings

ColumnType = Literal["string", "integer", "number", "date", "list", "object"]
Row = Mapping[str, Any]

FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "＝", "＋", "－", "＠")
LIST_SEPARATOR = ";"
ROWS, END = b',\n "rows": [', b"\n}\n"
"""In the JSON of a table, where the rows begin, after all else (in a text, a line end would be escaped); its end."""

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
    """One column. A ``list`` is joined by ``separator`` in CSV; an ``object`` is JSON in CSV and Parquet.

    What holds of every value: ``is_required`` (none is empty), ``minimum`` and ``maximum``, a ``pattern`` of the whole
    text, and the texts that there are: ``values``, and those of the vocabulary ``terms``. In a list, this holds of each
    item. ``unit`` says what numbers count or measure: ``organisations``, ``level`` or ``share``; ``json`` whether an
    ``object`` is an ``object`` or an ``array`` of them, None where nobody has said it.
    """

    name: str
    type: ColumnType
    description_en: str
    description_cy: str
    is_required: bool = False
    unit: str | None = None
    minimum: float | None = None
    maximum: float | None = None
    pattern: str | None = None
    values: tuple[str, ...] = ()
    terms: str | None = None
    separator: str = LIST_SEPARATOR
    json: str | None = None

    @property
    def allowed(self) -> tuple[str, ...]:
        """All texts that there can be; empty when there is no list of them."""
        return (*self.values, *(vocabulary(self.terms).terms if self.terms else ()))

    def description(self, language: str) -> str:
        """What the column means, in ``en`` or ``cy``."""
        return self.description_cy if language == "cy" else self.description_en


@dataclass(frozen=True)
class TableSpec:
    """A table: its columns in order. A row is a mapping; a missing or None value is an empty cell. ``key`` names the
    columns whose values are never those of another row, empty where nothing is known of it.
    """

    name: str
    columns: tuple[Column, ...]
    key: tuple[str, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """The column names in order."""
        return tuple(column.name for column in self.columns)


_FIRST = (
    Column(
        "kind",
        "string",
        "Kind of record, as case_study or faq.",
        "Math o gofnod, fel case_study neu faq.",
        is_required=True,
    ),
    Column(
        "id",
        "string",
        "Identifier, hub/local-id. Never changed and never used again.",
        "Dynodydd, hwb/dynodydd lleol. Nid yw byth yn newid nac yn cael ei ailddefnyddio.",
        is_required=True,
    ),
    Column("title", "string", "Title; empty for a question.", "Teitl; yn wag ar gyfer cwestiwn."),
)
_TEXT = (
    Column("summary", "string", "One or two plain sentences.", "Un neu ddwy frawddeg blaen."),
    Column("text", "string", "The main text, in Markdown.", "Y prif destun, mewn Markdown."),
    Column(
        "language",
        "string",
        "Language of the text: en or cy.",
        "Iaith y testun: en neu cy.",
        is_required=True,
        terms="languages",
    ),
    Column(
        "sectors",
        "list",
        "Sectors that can use this; none means every sector.",
        "Sectorau a all ddefnyddio hwn; mae dim yn golygu pob sector.",
        terms="sectors",
    ),
    Column(
        "technology_types",
        "list",
        "Kinds of technology this is about.",
        "Mathau o dechnoleg dan sylw.",
        terms="technology_types",
    ),
)
_LAST = (
    Column(
        "licence",
        "string",
        "Open licence of the text.",
        "Trwydded agored y testun.",
        is_required=True,
        terms="licences",
    ),
    Column(
        "contact",
        "string",
        "Role mailbox or page for questions.",
        "Blwch post rôl neu dudalen ar gyfer cwestiynau.",
    ),
    Column("published", "date", "First published by the hub.", "Cyhoeddwyd gyntaf gan yr hwb."),
    Column("updated", "date", "Last changed by the hub.", "Newidiwyd ddiwethaf gan yr hwb."),
    Column("hub", "string", "Hub that owns the record.", "Yr hwb sy'n berchen ar y cofnod.", is_required=True),
    Column(
        "credits",
        "list",
        "All hubs that submitted it, the owner first.",
        "Pob hwb a'i cyflwynodd, y perchennog gyntaf.",
        is_required=True,
    ),
    Column("merged", "list", "Identifiers that became this record.", "Dynodyddion a ddaeth yn gofnod hwn."),
    Column(
        "related",
        "object",
        "Other records much like it: id, relation, share of text in common (0 to 1).",
        "Cofnodion eraill tebyg iawn: id, perthynas, cyfran y testun sy'n gyffredin (0 i 1).",
        json="array",
    ),
    Column(
        "translations",
        "object",
        "Identifiers of the same text in other languages, by language.",
        "Dynodyddion yr un testun mewn ieithoedd eraill, fesul iaith.",
        json="object",
    ),
    Column(
        "derived",
        "object",
        "Fields that the hub did not state, and how they were worked out.",
        "Meysydd na nododd yr hwb, a sut y cawsant eu canfod.",
        json="object",
    ),
    Column(
        "source",
        "object",
        "Where it came from: digest of the snapshot, file and its SHA-256, place in the file, the record's id there, "
        "version of the rules, when the hub's content was first had, and how the hub stands.",
        "O ble y daeth: crynodeb y ciplun, ffeil a'i SHA-256, lle yn y ffeil, dynodydd y cofnod yno, fersiwn y "
        "rheolau, pryd y cafwyd cynnwys yr hwb gyntaf, a sefyllfa'r hwb.",
        json="object",
    ),
    Column("slug", "string", "Short name of its page.", "Enw byr ei dudalen.", is_required=True),
    Column(
        "address",
        "string",
        "Its page, from the root of the release.",
        "Ei dudalen, o wraidd y datganiad.",
        is_required=True,
    ),
)
"""The columns that every record has: before the headings of the kinds, after them, and after their other fields."""
SHARED = {*Document.model_fields, "title", "summary"}
"""Fields of documents that have a column whatever the kind."""

_GROUP = (
    Column(
        "period",
        "string",
        "Year or quarter of the returns.",
        "Blwyddyn neu chwarter yr atebion.",
        is_required=True,
        pattern=PERIOD_PATTERN,
    ),
    Column("instrument", "string", "Self-assessment and version.", "Hunanasesiad a fersiwn.", is_required=True),
    Column("audience", "string", "Who answered.", "Pwy a atebodd.", is_required=True, terms="audiences"),
    Column("dimension", "string", "Topic of the questions.", "Pwnc y cwestiynau.", is_required=True),
    Column(
        "breakdown",
        "string",
        "How the group was formed.",
        "Sut y ffurfiwyd y grŵp.",
        is_required=True,
        values=tuple(BREAKDOWNS),
    ),
    Column(
        "sector",
        "string",
        "Sector, or all.",
        "Sector, neu all (pob un).",
        is_required=True,
        values=(ALL,),
        terms="sectors",
    ),
    Column(
        "organisation_type",
        "string",
        "Type of organisation, or all.",
        "Math o sefydliad, neu all (pob un).",
        is_required=True,
        values=(ALL,),
        terms="organisation_types",
    ),
    Column(
        "size_band",
        "string",
        "Size of organisation, or all.",
        "Maint y sefydliad, neu all (pob un).",
        is_required=True,
        values=(ALL,),
        terms="size_bands",
    ),
    Column(
        "region",
        "string",
        "Region or nation, or all.",
        "Rhanbarth neu genedl, neu all (pob un).",
        is_required=True,
        values=(ALL,),
        terms="regions",
    ),
)
"""What a figure is about."""
_KEY = tuple(column.name for column in _GROUP)
_COMPARED = ("better", "similar", "worse")


def _counted(name: str, description_en: str, description_cy: str) -> Column:
    return Column(name, "integer", description_en, description_cy, unit="organisations", minimum=0)


def _level(name: str, description_en: str, description_cy: str) -> Column:
    return Column(name, "number", description_en, description_cy, unit="level", minimum=0, maximum=5)


def _share(name: str, description_en: str, description_cy: str, minimum: float = 0) -> Column:
    return Column(name, "number", description_en, description_cy, unit="share", minimum=minimum, maximum=1)


def _share_columns(level: int) -> tuple[Column, Column, Column]:
    name = f"share_ge_{level}"
    return (
        _share(
            name,
            f"Share of organisations at level {level} or above, from 0.05 to 0.95.",
            f"Cyfran y sefydliadau ar lefel {level} neu'n uwch, o 0.05 i 0.95.",
        ),
        _share(f"{name}_low", f"Lower 95% limit of {name}.", f"Terfyn isaf 95% {name}."),
        _share(f"{name}_high", f"Upper 95% limit of {name}.", f"Terfyn uchaf 95% {name}."),
    )


BENCHMARKS = TableSpec(
    "benchmarks",
    (
        *_GROUP,
        _counted(
            "n",
            "Organisations in the group, rounded to a multiple of 5; empty when confidential.",
            "Sefydliadau yn y grŵp, wedi'u talgrynnu i luosrif o 5; yn wag pan fo'n gyfrinachol.",
        ),
        _level(
            "median",
            "Level (0 to 5) of the organisation in the middle; from 20 organisations on.",
            "Lefel (0 i 5) y sefydliad yn y canol; o 20 sefydliad ymlaen.",
        ),
        _level(
            "median_low",
            "Lower 95% limit of the median: a level (0 to 5).",
            "Terfyn isaf 95% y canolrif: lefel (0 i 5).",
        ),
        _level(
            "median_high",
            "Upper 95% limit of the median: a level (0 to 5).",
            "Terfyn uchaf 95% y canolrif: lefel (0 i 5).",
        ),
        _level(
            "q1",
            "Level that a quarter of organisations do not exceed; from 40 on.",
            "Lefel nad yw chwarter y sefydliadau'n mynd yn uwch na hi; o 40 ymlaen.",
        ),
        _level(
            "q3",
            "Level that three quarters of organisations do not exceed; from 40 on.",
            "Lefel nad yw tri chwarter y sefydliadau'n mynd yn uwch na hi; o 40 ymlaen.",
        ),
        _level("mean", "Mean of the levels, to one decimal.", "Cymedr y lefelau, i un lle degol."),
        *(column for level in range(1, 6) for column in _share_columns(level)),
        Column(
            "comparison",
            "string",
            "Whether the share at level 3 or above is better, similar or worse than that of all organisations; from 40 "
            "on.",
            "A yw'r gyfran ar lefel 3 neu'n uwch yn well (better), yn debyg (similar) neu'n waeth (worse) na chyfran "
            "pob sefydliad; o 40 ymlaen.",
            values=_COMPARED,
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
            values=tuple(BREAKDOWNS),
        ),
    ),
    key=_KEY,
)
"""A row a group × dimension: ``benchmarks.json`` and its other forms."""

DISTRIBUTIONS = TableSpec(
    "distributions",
    (
        *_GROUP,
        Column(
            "level",
            "string",
            "Level, 0 to 5, or two levels together, as 2-3, where one would tell too much.",
            "Lefel, 0 i 5, neu ddwy lefel gyda'i gilydd, fel 2-3, lle byddai un yn dweud gormod.",
            is_required=True,
            pattern=r"[0-5](-[0-5])?",
        ),
        _counted(
            "count",
            "Organisations on it, rounded to a multiple of 5; those of a group add up to its n.",
            "Sefydliadau arni, wedi'u talgrynnu i luosrif o 5; mae rhai grŵp yn adio i'w n.",
        ),
        _share(
            "share",
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
    key=(*_KEY, "level"),
)
"""A row a level of each published group × dimension: ``distributions.json`` and its other forms."""


TRENDS = TableSpec(
    "trends",
    (
        *_GROUP,
        Column(
            "period_before",
            "string",
            "Period that it is held against, the latest earlier one of the same kind; empty when there is none.",
            "Cyfnod y'i cymherir ag ef, y diweddaraf cynharach o'r un math; yn wag pan nad oes un.",
            pattern=PERIOD_PATTERN,
        ),
        _counted(
            "n_before",
            "Organisations in the group then, rounded to a multiple of 5.",
            "Sefydliadau yn y grŵp bryd hynny, wedi'u talgrynnu i luosrif o 5.",
        ),
        _counted(
            "n",
            "Organisations in the group now, rounded to a multiple of 5.",
            "Sefydliadau yn y grŵp nawr, wedi'u talgrynnu i luosrif o 5.",
        ),
        _share(
            "share_ge_3_before",
            "Share of organisations at level 3 or above then, from 0.05 to 0.95.",
            "Cyfran y sefydliadau ar lefel 3 neu'n uwch bryd hynny, o 0.05 i 0.95.",
        ),
        _share(
            "share_ge_3",
            "Share of organisations at level 3 or above now, from 0.05 to 0.95.",
            "Cyfran y sefydliadau ar lefel 3 neu'n uwch nawr, o 0.05 i 0.95.",
        ),
        _share(
            "change",
            "Difference of the two shares: 0.1 is ten percentage points more.",
            "Gwahaniaeth rhwng y ddwy gyfran: mae 0.1 yn ddeg pwynt canran yn fwy.",
            minimum=-1,
        ),
        _share("change_low", "Lower 95% limit of change.", "Terfyn isaf 95% change.", minimum=-1),
        _share("change_high", "Upper 95% limit of change.", "Terfyn uchaf 95% change.", minimum=-1),
        Column(
            "trend",
            "string",
            "Whether the share is better, similar or worse than in the period before; from 40 organisations on in "
            "both.",
            "A yw'r gyfran yn well (better), yn debyg (similar) neu'n waeth (worse) nag yn y cyfnod cynt; o 40 "
            "sefydliad ymlaen yn y ddau.",
            values=_COMPARED,
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
    key=_KEY,
)
"""A row a published group × dimension: ``trends.json`` and its other forms."""


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
            *(_of_a_kind(name, about) for name, about in fields.items() if name in headings),
            *_TEXT,
            *(_of_a_kind(name, about) for name, about in fields.items() if name not in headings),
            *_LAST,
        ),
        key=("id",),
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


def _of_a_kind(name: str, about: FieldInfo) -> Column:
    """The column of a field that only some kinds have."""
    plain: Any = about.annotation
    if get_origin(plain) in (Union, UnionType):
        plain = next(part for part in get_args(plain) if part is not NoneType)
    said = list(about.metadata)
    if get_origin(plain) is Annotated:
        said += plain.__metadata__
        plain = get_args(plain)[0]
    said += [more for item in get_args(plain) if get_origin(item) is Annotated for more in item.__metadata__]
    terms = next((one.scheme for one in said if isinstance(one, InVocabulary)), None)
    english, welsh = (strings.text(f"column.{name}", language) for language in strings.LANGUAGES)
    return Column(name, _COLUMN_TYPES[get_origin(plain) or plain], english, welsh, terms=terms)


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
    """The columns in plain JSON types, for a reader of the file alone: ``spec_of`` reads them again."""
    return [_json_column(column, column.name in spec.key) for column in spec.columns]


def _json_column(column: Column, is_key: bool) -> dict[str, Any]:
    more = {
        "key": is_key,
        "required": column.is_required,
        "unit": column.unit,
        "minimum": column.minimum,
        "maximum": column.maximum,
        "pattern": column.pattern,
        "values": list(column.allowed),
        "separator": column.separator if column.type == "list" else None,
        "json": column.json,
    }
    told = {
        "name": column.name,
        "type": column.type,
        "description": {"en": column.description_en, "cy": column.description_cy},
    }
    return told | {
        name: value for name, value in more.items() if value is not None and value is not False and value != []
    }


def spec_of(name: str, columns: Sequence[Mapping[str, Any]]) -> TableSpec:
    """The table ``name`` with the columns that its JSON says: its name, type and description, and what more it says,
    which those of older versions do not. Raises KeyError, TypeError and AttributeError when they are no columns, and
    ValueError for a type that there is not.
    """
    if unknown := sorted({told["type"] for told in columns} - {*get_args(ColumnType)}):
        raise ValueError(f"{name}: no column is of the type {unknown[0]}: {', '.join(get_args(ColumnType))} are known")
    found = tuple(
        Column(
            told["name"],
            told["type"],
            told["description"]["en"],
            told["description"]["cy"],
            is_required=told.get("required", False),
            unit=told.get("unit"),
            minimum=told.get("minimum"),
            maximum=told.get("maximum"),
            pattern=told.get("pattern"),
            values=tuple(told.get("values", ())),
            separator=told.get("separator", LIST_SEPARATOR),
            json=told.get("json"),
        )
        for told in columns
    )
    return TableSpec(name, found, tuple(told["name"] for told in columns if told.get("key")))


def json_bytes(data: Any) -> bytes:
    """Readable JSON with the order of keys kept, UTF-8."""
    return (json.dumps(data, ensure_ascii=False, indent=1, allow_nan=False) + "\n").encode()


def besides_rows(data: bytes) -> Any:
    """What the JSON of a table says besides its rows, which are many. Raises ValueError."""
    head, found, _ = data.partition(ROWS)
    return json_of(head + END if found else data)


def jsonl_bytes(spec: TableSpec, rows: Iterable[Row]) -> bytes:
    """A JSON object a line. Columns without a value are left out, so a case study has no ``question``."""
    lines = []
    for row in json_rows(spec, rows):
        kept = {name: value for name, value in row.items() if value is not None}
        lines.append(json.dumps(kept, ensure_ascii=False, separators=(",", ":"), allow_nan=False) + "\n")
    return "".join(lines).encode()


def write_parquet(path: Path, spec: TableSpec, rows: Sequence[Row]) -> None:
    """The table as Parquet (zstd)."""
    arrays = []
    for column in spec.columns:
        values = [_json_value(column, row.get(column.name)) for row in rows]
        if column.type == "object":
            values = [None if value is None else canonical_json(value) for value in values]
        elif column.type == "date":
            values = [None if value is None else date.fromisoformat(value) for value in values]
        arrays.append(pa.array(values, type=_ARROW_TYPES[column.type]))
    table = pa.Table.from_arrays(arrays, schema=schema(spec))
    pq.write_table(table, path, compression="zstd", row_group_size=1 << 16)


def schema(spec: TableSpec) -> pa.Schema:
    """The columns as Parquet has them, with the description of each in its field metadata."""
    return pa.schema(
        pa.field(
            column.name,
            _ARROW_TYPES[column.type],
            metadata={"description_en": column.description_en, "description_cy": column.description_cy},
        )
        for column in spec.columns
    )


def _json_value(column: Column, value: Any) -> Any:
    if value is None:
        return None
    if column.type == "date":
        return value if isinstance(value, str) else value.isoformat()  # rows of JSON have it as text
    if column.type == "list":
        return [str(item) for item in value]
    if column.type == "number":
        return int(value) if float(value).is_integer() else float(value)
    return value


def _csv_cell(column: Column, value: Any) -> str:
    if value is None:
        return ""
    plain = plain_cell(column, value)
    return neutralised(str(plain)) if column.type in ("string", "list") else str(plain)


def plain_cell(column: Column, value: Any) -> str | int | float | None:
    """A value as it stands in a cell: a list joined, an object as JSON, a date as text."""
    if column.type == "string":
        return None if value is None else str(value)
    plain = _json_value(column, value)
    if plain is None:
        return None
    if column.type == "object":
        return canonical_json(plain)
    if column.type == "list":
        return column.separator.join(plain)
    number: str | int | float = plain
    return number if column.type in ("integer", "number") else str(plain)


def neutralised(text: str) -> str:
    """``text`` so that no spreadsheet takes it for a formula. See the head of this module."""
    return f"'{text}" if text.startswith(FORMULA_STARTS) else text
