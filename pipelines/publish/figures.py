"""Whether all figures of a release come from its tables: all forms of a table say the same, and pages show no number
about organisations that is not in one. What the tables may say is for ``disclose``; how figures are printed, ``views``.

An element that shows figures names their columns in ``data-figures``, as ``share_ge_3 share_ge_3_low``. Which row they
are of is said by ``data-<column>`` on it and on the elements around it; a column of groups that none names is ``all``.
A figure may name its dimension itself, ``median@legal``. One of all dimensions says how it follows from theirs:
``n:max``. With ``data-level`` it is of the distributions; trends have columns of their own. With ``data-before`` it is
what the release before told, by ``changes.json``. A figure of another group or period says so,
``share_ge_3@sector=health``.

In a chart, ``data-origin`` and ``data-unit`` say where 0 is and how long 1 is. ``data-drawn`` names what an element
draws and does not print: ``q1 q3`` is a line from the first to the second. With ``data-parts`` a chart draws the counts
of levels as parts of their group, ``joined`` end to end or ``apart``; the unit is then the length of the whole.
"""

from __future__ import annotations

import csv
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from html import unescape
from html.parser import HTMLParser
from itertools import chain, zip_longest
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
from python_calamine import CalamineError, CalamineWorkbook

from hubs.contract.groups import ALL, ATTRIBUTES, WAVE
from pipelines.files import json_of
from pipelines.publish.changes import CHANGES

TABLES = ("benchmarks", "distributions", "trends")
CHANGED = ("revisions", "corrections", "groups")
"""What ``changes.json`` has of benchmarks that are told otherwise."""
FOLLOWS: Mapping[str, Callable[[list[float]], float]] = {
    "max": max,
    "min": min,
    "most": lambda values: values.count(max(values)),
    "least": lambda values: values.count(min(values)),
}
"""How a figure of all dimensions follows from those of each; ``most`` and ``least`` count the dimensions that have the
highest value and the lowest."""

_NUMBER = re.compile(r"[+−]?\d+(?:[.,]\d+)*%?")
_VOID = frozenset({"meta", "link", "br", "hr", "img", "input", "col", "wbr", "source"})
_MARKS = (b" data-figures=", b" data-drawn=")
_LENGTHS = ("x", "x1", "x2", "cx", "dx", "width", "r", "rx", "points", "d", "transform", "style")
"""Attributes by which a chart could show a number."""

Row = Mapping[str, Any]


def wrong_figures(folder: Path) -> Iterator[str]:
    """What is wrong with the figures of the release in ``folder``, in words: rows that differ between the forms of a
    table, and figures on pages that are not those of their row, or name none.

    Raises OSError, ValueError, KeyError, TypeError and csv.Error when the tables cannot be read.
    """
    tables = {name: _rows(folder / "benchmarks" / f"{name}.parquet") for name in TABLES}
    for name, rows in tables.items():
        yield from _other_forms(folder / "benchmarks" / name, rows)
    figures = _Figures(tables, _cells_before(folder / CHANGES))
    for path in sorted(folder.rglob("*.html")):
        html = path.read_bytes()
        if any(mark in html for mark in _MARKS):
            page = Page(html.decode(errors="replace"))
            for problem in [*page.loose, *(found for shown in page.shown for found in figures.problems(shown, page))]:
                yield f"{path.relative_to(folder).as_posix()}: {problem}"


def _rows(path: Path) -> list[Row]:
    found: list[Row] = pq.read_table(path).to_pylist()
    return found


def _cells_before(path: Path) -> Iterator[Row]:
    """What ``changes.json`` says that benchmarks were, with the columns that say which they are."""
    if path.is_file():  # releases of older versions have none
        benchmarks = json_of(path.read_bytes())["benchmarks"]
        for entry in (entry for name in CHANGED for entry in benchmarks[name]):
            for cell in entry["cells"]:
                before = {name: pair["before"] for name, pair in cell["figures"].items()}
                yield {name: entry[name] for name in WAVE} | cell | before


def _other_forms(path: Path, rows: list[Row]) -> Iterator[str]:
    """The rows of all other forms that are not those of Parquet."""
    names = list(rows[0]) if rows else []
    wanted = [_cells(row.values()) for row in rows]
    for suffix, read in _FORMS.items():
        form = path.with_suffix(suffix)
        if suffix not in _ALWAYS and not form.is_file():  # releases of older versions have fewer
            continue
        try:
            for number, (row, other) in enumerate(zip_longest(wanted, read(form, names)), 1):
                if other != row:
                    yield f"{form.name} row {number}: not as in {path.name}.parquet"
                    break
        except CalamineError as error:
            yield f"{form.name} cannot be read: {error}"


# Each gives the rows of a form as its cells stand in CSV, in the order of ``names``; ``_NO_ROW`` for what has others.


def _csv_rows(path: Path, names: list[str]) -> Iterator[Sequence[str]]:
    with path.open(encoding="utf-8", newline="") as file:
        yield from _ordered(csv.reader(file), names)


def _json_rows(path: Path, names: list[str]) -> Iterator[Sequence[str]]:
    return _of_objects(json_of(path.read_bytes())["rows"], names)


def _jsonl_rows(path: Path, names: list[str]) -> Iterator[Sequence[str]]:
    return _of_objects(map(json_of, path.read_bytes().splitlines()), names)


def _sheet_rows(path: Path, names: list[str]) -> Iterator[Sequence[str]]:
    """The rows below the header of each sheet of the table, which begins where no cell of a row is empty. A cell beside
    the table makes its row one that no table has.
    """
    book = CalamineWorkbook.from_path(path)
    for sheet in (name for name in book.sheet_names if re.fullmatch(rf"{path.stem}(_[0-9]+)?", name)):
        lines = iter(book.get_sheet_by_name(sheet).to_python())
        header = next((cells for cells in lines if all(cells)), [])
        yield from _ordered((_cells(cells) for cells in chain([header], lines)), names)


def _of_objects(rows: Iterable[Any], names: list[str]) -> Iterator[Sequence[str]]:
    """JSON Lines leaves empty cells out."""
    known = {*names}
    for row in rows:
        is_row = isinstance(row, dict) and row.keys() <= known
        yield _cells(map(row.get, names)) if is_row else _NO_ROW


def _ordered(rows: Iterator[list[str]], names: list[str]) -> Iterator[Sequence[str]]:
    """The rows below the header, which comes first."""
    header = next(rows, [])
    if header == names:
        yield from rows
    elif sorted(header) == sorted(names):
        places = [header.index(name) for name in names]
        yield from ([row[place] for place in places] if len(row) == len(header) else _NO_ROW for row in rows)
    else:
        yield from (_NO_ROW for _ in rows)


_NO_ROW: Sequence[str] = ()
"""Like no row at all, also where no more is wanted."""

_FORMS: Mapping[str, Callable[[Path, list[str]], Iterator[Sequence[str]]]] = {
    ".json": _json_rows,
    ".csv": _csv_rows,
    ".jsonl": _jsonl_rows,
    ".ods": _sheet_rows,
    ".xlsx": _sheet_rows,
}
_ALWAYS = (".json", ".csv")


def _cells(values: Iterable[Any]) -> list[str]:
    """Values as they stand in CSV."""
    # Of millions most are text, or none.
    return [value if value.__class__ is str else "" if value is None else _cell(value) for value in values]


def _cell(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) and value.is_integer() else str(value)


# What a page shows.


@dataclass
class Shown:
    """An element that shows figures: the ``columns`` they are of, what it and the elements around it say of their row
    (``of``), its text, and the lengths and places in it, with their attribute. One that only draws prints none.
    """

    line: int
    columns: tuple[str, ...]
    of: Mapping[str, str]
    text: list[str] = field(default_factory=list)
    lengths: list[tuple[str, str]] = field(default_factory=list)
    is_drawn: bool = False


@dataclass(frozen=True)
class _Open:
    """An element that has begun. ``is_strict``: numbers in it must be figures; ``tick`` is the one that need not, since
    it stands at its own place on a chart's scale.
    """

    tag: str
    of: Mapping[str, str]
    shown: Shown | None
    is_strict: bool
    words: list[str] | None
    tick: str = ""


@dataclass(frozen=True)
class Tag:
    """What opens an element: its name and what it says (``said``); of that, what it says of a row (``own``, by column),
    and its lengths and places.
    """

    name: str
    said: Mapping[str, str]
    own: Mapping[str, str]
    lengths: Sequence[tuple[str, str]]

    @classmethod
    def of(cls, name: str, attributes: Iterable[tuple[str, str | None]]) -> Tag:
        """The tag ``name`` with these attributes, of which the last of a name holds."""
        said = {name: value or "" for name, value in attributes}
        own = {name.removeprefix("data-"): text for name, text in said.items() if name.startswith("data-")}
        return cls(name, said, own, [(name, said[name]) for name in _LENGTHS if name in said])


@dataclass(frozen=True)
class End:
    """What closes an element."""

    name: str


Part = tuple[int, Tag | End | str]
"""A part of a page behind the number of the line in which it begins: a tag, or text."""

_NAME = r"[A-Za-z][A-Za-z0-9]*"
_SAID = re.compile(r'[ \n]([A-Za-z][A-Za-z0-9:_-]*)(?:="([^"]*)")?')
_SAYS = r'(?:[ \n]+[A-Za-z][A-Za-z0-9:_-]*(?:="[^"]*")?)*'
_UNLIKE = "script|style|xmp|iframe|noembed|noframes|plaintext"
"""Elements in which what looks like a tag is none."""
_PLAIN = re.compile(
    r"(?P<text>[^<]+)"
    rf"|</(?P<end>{_NAME})>"
    rf"|<(?!(?i:{_UNLIKE}))(?P<start>{_NAME}{_SAYS})[ \n]*(?P<closed>/?)>"
    rf"|<(?P<coded>(?P<raw>script|style){_SAYS})[ \n]*>(?P<code>(?:[^<]|<(?![/!]))*)</(?P=raw)>"
    r"|<!(?i:doctype) html>"
)
"""HTML as our templates write it, of which there is but one reading."""


def parts_of(html: str) -> list[Part]:
    """The parts of a page: read at once where it is as plain as our templates write it, in the parser's way where
    anything in it is not. Both read the same.
    """
    parts: list[Part] = []
    at, line = 0, 1
    for found in _PLAIN.finditer(html):
        if found.start() != at:
            break
        at = found.end()
        kind, whole = found.lastgroup, found[0]
        if kind == "text":
            parts.append((line, unescape(whole) if "&" in whole else whole))
        elif kind == "end":
            parts.append((line, End(found["end"].lower())))
        elif kind == "code":
            tag, code = _tag(found["coded"]), found["code"]
            inside = line + html.count("\n", found.start(), found.start("code"))
            parts.append((line, tag))
            if code:
                parts.append((inside, code))
            parts.append((inside + code.count("\n"), End(tag.name)))
        elif kind == "closed":
            tag = _tag(found["start"])
            parts.append((line, tag))
            if found["closed"]:
                parts.append((line, End(tag.name)))
        line += whole.count("\n")
    return parts if at == len(html) else Parsed(html).parts


@lru_cache(maxsize=1 << 14)
def _tag(text: str) -> Tag:
    """The tag of that text, without what is around it: most stand in a page, and on many pages, again and again."""
    name = re.split(r"[ \n]", text, maxsplit=1)[0]
    return Tag.of(name.lower(), [(name.lower(), unescape(value)) for name, value in _SAID.findall(text)])


class Parsed(HTMLParser):
    """Any HTML whatever, in parts (``parts_of``)."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.parts: list[Part] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.parts.append((self.getpos()[0], Tag.of(tag, attrs)))

    def handle_endtag(self, tag: str) -> None:
        self.parts.append((self.getpos()[0], End(tag)))

    def handle_data(self, data: str) -> None:
        self.parts.append((self.getpos()[0], data))


class Page:
    """A page that was taken apart: ``shown`` are its figures; ``loose`` says which numbers in its charts, and in cells
    of its tables of benchmarks, name no figure; ``words`` are those headings of its tables and names in its charts that
    have digits, the longest first.
    """

    def __init__(self, html: str) -> None:
        self.shown: list[Shown] = []
        self.loose: list[str] = []
        self.words: list[str] = []
        self._named: list[list[str]] = []
        self._open = [_Open("", {}, None, is_strict=False, words=None)]
        for line, part in parts_of(html):
            if isinstance(part, str):
                self._read(part, line)
            elif isinstance(part, Tag):
                self._begin(part, line)
            else:
                self._end(part.name)
        names = {"".join(parts).strip() for parts in self._named}
        self.words = sorted((name for name in names if _NUMBER.search(name)), key=len, reverse=True)

    def _begin(self, tag: Tag, line: int) -> None:
        at, said = self._open[-1], tag.said
        of = {**at.of, **tag.own} if tag.own else at.of
        shown, words = at.shown, at.words
        for name in ("data-figures", "data-drawn"):
            if name in said:
                shown = Shown(line, tuple(said[name].split()), of, is_drawn=name == "data-drawn")
                self.shown.append(shown)
        tick = ""
        if shown is not None:
            shown.lengths += tag.lengths
        elif "unit" in of:
            self.loose += [
                _loose(line, f"{name}={text} is drawn") for name, text in tag.lengths if _tick(text, of) is None
            ]
            tick = _tick(said.get("x", ""), of) or ""
        if tag.name == "th" or said.get("class") == "hp-chart__name":
            words = []
            self._named.append(words)
        if tag.name not in _VOID:
            is_strict = "audience" in of and (tag.name in ("td", "svg") or (at.is_strict and tag.name != "table"))
            self._open.append(_Open(tag.name, of, shown, is_strict, words, tick))

    def _end(self, name: str) -> None:
        if self._open[-1].tag == name or any(one.tag == name for one in self._open):
            while self._open.pop().tag != name:
                pass

    def _read(self, text: str, line: int) -> None:
        at = self._open[-1]
        if at.words is not None:
            at.words.append(text)
        elif at.shown is not None:
            at.shown.text.append(text)
        elif at.is_strict and text.strip() != at.tick and (numbers := _NUMBER.findall(text)):
            self.loose.append(_loose(line, f"{' '.join(numbers)} stands there"))


def _loose(line: int, what: str) -> str:
    return f"line {line}: {what} and names no figure"


def _tick(length: str, of: Mapping[str, str]) -> str | None:
    """The whole level at that place of a chart's scale; None where there is none."""
    try:
        place = (float(length) - float(of["origin"])) / float(of["unit"])
    except (KeyError, ValueError, ZeroDivisionError):
        return None
    return f"{place:.0f}" if place >= 0 and place.is_integer() else None


class _Figures:
    """The figures of a release, by what they are of."""

    def __init__(self, tables: Mapping[str, list[Row]], before: Iterable[Row]) -> None:
        self._rows: dict[tuple[str, ...], dict[str, dict[str, Any]]] = defaultdict(dict)
        self._before: dict[tuple[str, ...], dict[str, dict[str, Any]]] = {}
        self._levels: dict[tuple[str, ...], dict[str, int | None]] = defaultdict(dict)
        for rows in tables.values():
            for row in rows:
                self._rows[_key(row)].setdefault(row["dimension"], {}).update(row)
                if "level" in row:
                    self._levels[*_key(row)[:-1], row["dimension"]][row["level"]] = row["count"]
        for row in before:
            now = self._rows.get(_key(row), {}).get(row["dimension"], {})
            self._before.setdefault(_key(row), {})[row["dimension"]] = {**now, **row}

    def problems(self, shown: Shown, page: Page) -> Iterator[str]:
        """What is wrong with what an element of ``page`` shows."""
        rows = (self._before if "before" in shown.of else self._rows).get(_key(shown.of), {})
        dimension = shown.of.get("dimension", "")
        where = (
            f"line {shown.line}: {' '.join(shown.columns)} of {' '.join(filter(None, (*_key(shown.of), dimension)))}"
        )
        try:
            values = [self._value_of(column, rows, shown.of) for column in shown.columns]
        except (KeyError, ValueError):
            yield f"{where} is not in the tables"
            return
        told = [
            _printed(column, value) for column, value in zip(shown.columns, values, strict=True) if value is not None
        ]
        found = _NUMBER.findall(_without("".join(shown.text), page.words))
        if found != ([] if shown.is_drawn else told):
            yield f"{where} is {' '.join(told) or 'not told'}, and {' '.join(found) or 'nothing'} is shown"
        if shown.lengths:
            yield from self._wrong_lengths(shown, values, where)

    def _value_of(self, column: str, rows: Mapping[str, Mapping[str, Any]], of: Mapping[str, str]) -> float | None:
        """See ``_value``; of the group and period that ``column`` names itself, if it does."""
        name, _, other = column.partition("@")
        if "=" not in other:
            return _value(column, rows, of.get("dimension", ""))
        stated = dict(part.split("=", 1) for part in other.split("+"))
        around = {name: text for name, text in of.items() if name not in ATTRIBUTES}
        rows = self._rows.get(_key(around | stated), {})
        return _value(name, rows, stated.get("dimension", of.get("dimension", "")))

    def _wrong_lengths(self, shown: Shown, values: list[float | None], where: str) -> Iterator[str]:
        """Lengths and places that show other values than ``values``."""
        try:
            origin, unit = float(shown.of["origin"]), float(shown.of["unit"])
            right = self._part(shown.of, origin, unit) if "parts" in shown.of else _places(values, origin, unit)
            wrong = [f"{name}={text}" for name, text in shown.lengths if float(text) not in right.get(name, ())]
        except (KeyError, ValueError, TypeError, ZeroDivisionError):
            wrong = [f"{name}={text}" for name, text in shown.lengths]
        if wrong:
            yield f"{where} is drawn as {' '.join(wrong)}"

    def _part(self, of: Mapping[str, str], origin: float, unit: float) -> dict[str, set[float]]:
        """The places of a level among all of its group, of which the whole is as long as ``unit``. Raises TypeError
        when some count is not told.
        """
        counts: Mapping[str, Any] = self._levels.get((*_key(of)[:-1], of["dimension"]), {})
        total, own = sum(counts.values()), counts[of["level"]]
        below = 0 if of["parts"] == "apart" else sum(n for level, n in counts.items() if level < of["level"])
        start, length = below / total, own / total
        places = {origin + unit * share for share in (start, start + length / 2, start + length)}
        return {"width": {round(unit * length, 1)}, "x": {round(place, 1) for place in places}}


def _key(of: Mapping[str, Any]) -> tuple[str, ...]:
    return (*(of.get(name, "") for name in WAVE), *(of.get(name, ALL) for name in ATTRIBUTES), of.get("level", ""))


def _value(column: str, rows: Mapping[str, Mapping[str, Any]], dimension: str) -> float | None:
    """The figure that ``column`` names. Raises KeyError when there is none of that name or dimension, and ValueError
    when nothing is told of any dimension.
    """
    column, _, own = column.partition("@")
    name, _, how = column.partition(":")
    if how:
        return FOLLOWS[how]([row[name] for row in rows.values() if row[name] is not None])
    value: float | None = rows[own or dimension][name]
    return value


def _printed(column: str, value: float) -> str:
    """A figure as pages print it; the sign before a share that was cut off aside. Changes are points, with a sign."""
    if column.startswith("change"):
        return f"{100 * value:+.0f}".replace("-", "−") if abs(value) > 1 / 200 else "0"
    if column.startswith("share"):
        return f"{100 * value:.0f}%"
    return f"{value:,}" if isinstance(value, int) else f"{value:g}"


def _without(text: str, words: list[str]) -> str:
    """``text`` without the names in it that have digits, which are words and no figures."""
    for name in words:
        text = text.replace(name, "")
    return text


def _places(values: list[float | None], origin: float, unit: float) -> dict[str, set[float]]:
    """Where ``values`` may be drawn, to a tenth: from 0 to the first as a bar, from the first to the last as a line."""
    ends = [round(origin + (value or 0) * unit, 1) for value in values]
    return {
        "width": {round((values[0] or 0) * unit, 1)},
        "x": {origin, ends[0]},
        "x1": {ends[0]},
        "x2": {ends[-1]},
    }
