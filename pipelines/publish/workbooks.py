"""What stands in the workbook of a table: cover, contents, notes and the table itself, in English and Welsh. How it is
written is for ``sheets``, what the columns mean for ``writers``.

Follows the Analysis Function's guidance on releasing statistics in spreadsheets: a cover first; one marked-up table a
sheet, right below its title and what a reader has to know; no merged cells, no empty rows, nothing said by colour;
empty cells are explained above the table. Both languages stand in one workbook, one below or beside the other, so that
a link leads everybody to the same file; in ODS each cell says its language. The header row is marked as such, and is
not frozen: with the title above it, it would fill the window of readers who enlarge.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from hubs.contract.vocabularies import vocabulary
from pipelines.publish import strings
from pipelines.publish.sheets import (
    FIRST_YEAR,
    MAX_ROWS,
    Cell,
    Line,
    Sheet,
    Table,
    Workbook,
    fitted,
    parts,
    refuse_wide,
)
from pipelines.publish.strings import LANGUAGES
from pipelines.publish.writers import Column, TableSpec, plain_cell

COVER, CONTENTS, NOTES = "Cover", "Contents", "Notes"
LINES = 5
"""Above each table: its title and a remark in both languages, and the way back."""

ROW_CM = 2.0
"""Height of the rows of a table with long texts: four lines. As high as its text, a single record would fill the screen
several times over. The whole text is in the cell."""
LONG = 120
"""Characters from which on a text is long."""
LEAST_CM, MOST_CM, CM_A_CHARACTER = 2.5, 10.0, 0.23
NAMED = 20
"""Cells that the notes name at most, of those that do not hold all."""
_SHORT = 64
"""Characters of a text that may well stand in the table again."""


@dataclass(frozen=True)
class About:
    """What a workbook is about: ``title`` and ``description`` by language, its ``version`` (the release in which it
    last changed) and when that was ``published`` (a day where nobody has said the time), ``licence``: a term of the
    vocabulary, or None where each row names its own. ``whole`` is the file that holds what a cell cannot.
    ``is_sample``: all of it is invented.
    """

    title: Mapping[str, str]
    description: Mapping[str, str]
    version: str
    published: datetime
    licence: str | None
    whole: str
    is_sample: bool


@dataclass
class _Misfits:
    """The cells that do not hold their text as it is, by column: numbers of rows."""

    cut: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))
    replaced: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))


def workbook(spec: TableSpec, rows: Sequence[Mapping[str, Any]], about: About, most_rows: int = MAX_ROWS) -> Workbook:
    """The workbook of a table, whose ``rows`` are those of its JSON. A sheet has ``most_rows`` at most; what is more
    goes on in a further one. Raises ``sheets.Unwritable`` for a table with too many columns.
    """
    refuse_wide(f"{spec.name} ({about.whole})", spec.names)
    misfits = _Misfits()
    cells = _cells(spec, rows, about.whole, misfits)
    widths, row_cm = _measures(spec, cells)
    shares = list(parts(spec.name, cells, LINES, most_rows))
    sheets = [
        _table_sheet(name, about, Table(spec.names, share, widths, row_cm=row_cm), (number, len(shares)))
        for number, (name, share) in enumerate(shares, 1)
    ]
    return Workbook(
        _both(about.title),
        _both(about.description),
        about.published,
        (
            _cover(about),
            _contents(about, [sheet.name for sheet in sheets]),
            _notes(spec, about, misfits),
            *sheets,
        ),
    )


def _both(words: Mapping[str, str]) -> str:
    return " / ".join(dict.fromkeys(words[language] for language in LANGUAGES))


def _words(key: str, **values: object) -> str:
    """The text ``key`` in both languages."""
    return _both({language: strings.text(key, language, **values) for language in LANGUAGES})


# The table.


def _cells(spec: TableSpec, rows: Sequence[Mapping[str, Any]], whole: str, misfits: _Misfits) -> list[list[Cell]]:
    readers = [(column.name, _reader(column, whole, misfits)) for column in spec.columns]
    return [[read(row.get(name), row, number) for name, read in readers] for number, row in enumerate(rows, 1)]


def _reader(column: Column, whole: str, misfits: _Misfits) -> Callable[[Any, Mapping[str, Any], int], Cell]:
    """How a value of the column becomes a cell, given its row and the number of that."""
    if column.type in ("integer", "number"):
        return lambda value, _row, _number: plain_cell(column, value)
    if column.type == "date":
        return lambda value, _row, _number: None if value is None else _day(value)
    known: dict[str, str] = {}

    def read(value: Any, row: Mapping[str, Any], number: int) -> Cell:
        if value is None:
            return None
        text = value if type(value) is str else str(plain_cell(column, value))
        found = known.get(text)
        if found is None:
            fits = fitted(text, lambda: _rest(row, whole))
            found = fits.text
            if fits.is_cut:
                misfits.cut[column.name].append(number)
            if fits.is_replaced:
                misfits.replaced[column.name].append(number)
            elif len(text) <= _SHORT:
                known[text] = found
        return found

    return read


def _day(value: str) -> date | str:
    day = date.fromisoformat(value)
    return day if day.year >= FIRST_YEAR else value


def _rest(row: Mapping[str, Any], whole: str) -> str:
    """Where the rest of a text is that was cut: in a file, and on the page of a record."""
    where = ", ".join(filter(None, (whole, row.get("address"))))
    words = _words("sheet.cut", where=where)
    return f" […] [{words}]"


def _measures(spec: TableSpec, cells: Sequence[Sequence[Cell]]) -> tuple[tuple[float, ...], float | None]:
    """The width of each column, and the height of rows."""
    longest = [
        max((len(cell) for cell in column if isinstance(cell, str)), default=0)
        for column in (zip(*cells, strict=True) if cells else [()] * len(spec.columns))
    ]
    widths = tuple(
        round(min(max(LEAST_CM, CM_A_CHARACTER * max(length, len(name)) + 0.5), MOST_CM), 1)
        for name, length in zip(spec.names, longest, strict=True)
    )
    return widths, ROW_CM if max(longest, default=0) > LONG else None


def _table_sheet(name: str, about: About, table: Table, part: tuple[int, int]) -> Sheet:
    number, of = part
    lines = [
        Line(
            about.title[language] + (strings.text("sheet.part", language, number=number, of=of) if of > 1 else ""),
            language,
            "title" if language == "en" else "heading",
        )
        for language in LANGUAGES
    ]
    lines += [Line(strings.text("sheet.table", language, count=len(table.rows)), language) for language in LANGUAGES]
    lines.append(Line(_words("sheet.back"), "en", target=CONTENTS))
    return Sheet(name, tuple(lines), table)


# The sheets before it.


def _cover(about: About) -> Sheet:
    lines: list[Line] = []
    for language in LANGUAGES:
        words = strings.text
        lines.append(Line(about.title[language], language, "title" if language == "en" else "heading"))
        lines.append(Line(about.description[language], language))
        if about.is_sample:
            lines.append(Line(words("site.sample", language), language))
        day = strings.day(about.published.date(), language)
        lines.append(Line(words("sheet.version", language, version=about.version, day=day), language))
        if about.licence is None:
            lines.append(Line(words("sheet.licences", language), language))
        else:
            licence = vocabulary("licences")[about.licence]
            text = words("sheet.licence", language, licence=licence.label(language))
            lines.append(Line(text, language, target=licence.address))
        lines.append(Line(words("sheet.whole", language, file=about.whole), language))
        lines.append(Line(words("sheet.to_contents", language), language, target=CONTENTS))
    return Sheet(COVER, tuple(lines))


def _titles(key: str) -> list[Line]:
    return [
        Line(strings.text(key, language), language, "title" if language == "en" else "heading")
        for language in LANGUAGES
    ]


def _contents(about: About, sheets: Sequence[str]) -> Sheet:
    told: dict[str, Mapping[str, str]] = {
        name: {language: strings.text(f"sheet.about.{name.lower()}", language) for language in LANGUAGES}
        for name in (COVER, NOTES)
    }
    told |= dict.fromkeys(sheets, about.title)
    header = (_words("sheet.sheet"), *(strings.text("data.what", language) for language in LANGUAGES))
    rows = [[name, *(words[language] for language in LANGUAGES)] for name, words in told.items()]
    table = Table(header, rows, (5.0, 10.0, 10.0), languages=((2, "cy"),), is_index=True)
    return Sheet(CONTENTS, tuple(_titles("sheet.contents")), table)


def _notes(spec: TableSpec, about: About, misfits: _Misfits) -> Sheet:
    rows: list[list[Cell]] = [
        [column.name, _words(f"data.type.{column.type}"), *(column.description(language) for language in LANGUAGES)]
        for column in spec.columns
    ]
    rows.append(_note("sheet.empty.name", "sheet.empty", about.whole, {}))
    if misfits.cut:
        rows.append(_note("sheet.cut_cells.name", "sheet.cut_cells", about.whole, misfits.cut))
    if misfits.replaced:
        rows.append(_note("sheet.replaced_cells.name", "sheet.replaced_cells", about.whole, misfits.replaced))
    header = (
        _words("sheet.name"),
        _words("data.type"),
        *(strings.text("data.meaning", language) for language in LANGUAGES),
    )
    lines = [*_titles("sheet.notes"), Line(_words("sheet.back"), "en", target=CONTENTS)]
    return Sheet(NOTES, tuple(lines), Table(header, rows, (5.5, 4.0, 8.5, 8.5), languages=((3, "cy"),)))


def _note(name: str, key: str, file: str, cells: Mapping[str, Sequence[int]]) -> list[Cell]:
    """A note that is of no column; ``cells`` are those that it is about."""
    told = (strings.text(key, language, file=file) + _where(cells) for language in LANGUAGES)
    return [_words(name), _words("sheet.marker"), *told]


def _where(cells: Mapping[str, Sequence[int]]) -> str:
    """Which cells: the column, and the numbers of rows of the table, from 1."""
    told = []
    for name, numbers in cells.items():
        more = f" … ({len(numbers):,})" if len(numbers) > NAMED else ""
        told.append(f"{name}: {', '.join(map(str, numbers[:NAMED]))}{more}")
    return f" {'; '.join(told)}." if told else ""
