"""Whether all figures of a release come from its tables: all forms of a table say the same, and pages show no number
about organisations that is not in one. What the tables may say is for ``disclose``; how figures are printed, ``views``.

An element that shows figures names their columns in ``data-figures``, as ``share_ge_3 share_ge_3_low``. Which row they
are of is said by ``data-<column>`` on it and on the elements around it; a column of groups that none names is ``all``.
A figure may name its dimension itself, ``median@legal``. One of all dimensions says how it follows from theirs:
``n:max``. With ``data-level`` it is of the distributions; trends have columns of their own. With ``data-before`` it is
what the release before told, by ``changes.json``. A figure of another group or period says so,
``share_ge_3@sector=health``. Days, and releases, which are called after one, are no figures.

In a chart, ``data-origin`` and ``data-unit`` say where 0 is and how long 1 is. ``data-drawn`` names what an element
draws and does not print: ``q1 q3`` is a line from the first to the second. With ``data-parts`` a chart draws the counts
of levels as parts of their group, ``joined`` end to end or ``apart``; the unit is then the length of the whole.
"""

from __future__ import annotations

import csv
import re
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import cache, cached_property, lru_cache
from html import unescape
from html.parser import HTMLParser
from itertools import chain, zip_longest
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow.parquet as pq
from python_calamine import CalamineError, CalamineWorkbook

from hubs.contract.groups import ALL, ATTRIBUTES, WAVE
from pipelines.files import Damaged, json_of, sha256_of
from pipelines.publish import strings
from pipelines.publish.changes import CHANGES
from pipelines.publish.earlier import Earlier
from pipelines.publish.strings import LANGUAGES

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
_TO_MACHINES = re.compile(rb'(<script type="application/ld\+json">)[^<]*')
_ISO_DAY = re.compile(rb"\b20[0-9]{2}-[0-9]{2}-[0-9]{2}(?:\.[0-9]{2})?\b")
_MARKS = (b" data-figures=", b" data-drawn=")
_LENGTHS = ("x", "x1", "x2", "cx", "dx", "width", "r", "rx", "points", "d", "transform", "style")
"""Attributes by which a chart could show a number."""

Row = Mapping[str, Any]


def has_figures(html: bytes) -> bool:
    """Whether an element of the page names figures, so that ``wrong_pages`` has to look at it."""
    return any(mark in html for mark in _MARKS)


def wrong_pages(folder: Path, names: Iterable[str], earlier: Earlier | None = None) -> Iterator[str]:
    """What is wrong with the figures on the pages ``names`` of the release in ``folder``, in words: those that are not
    as in their row of a table, which is taken from Parquet, or name none. ``earlier`` is a release with the same
    figures (``has_same_figures``): pages that are as there, apart from what is no figure, were right and are.

    Raises OSError, ValueError, KeyError and TypeError when the tables cannot be read.
    """
    figures: _Figures | None = None
    for name in names:
        html = _looked_at((folder / name).read_bytes())
        if earlier is not None and _is_as_before(html, name, earlier):
            continue
        figures = figures or _figures_of(folder)
        page = Page(html.decode(errors="replace"))
        for problem in [*page.loose, *(found for shown in page.shown for found in figures.problems(shown, page))]:
            yield f"{name}: {problem}"


def has_same_figures(folder: Path, earlier: Earlier) -> bool:
    """Whether all that figures on pages are held against says the same in the release in ``folder`` as in ``earlier``;
    also no when it cannot be read.
    """
    tables = [f"benchmarks/{name}.parquet" for name in TABLES]
    try:
        before = [*_cells_before(earlier.read(CHANGES) or b"")]
        is_same = before == [*_cells_before((folder / CHANGES).read_bytes())]
        return is_same and all(sha256_of(folder / name) == earlier.digests.get(name) for name in tables)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, Damaged):
        return False


def _is_as_before(html: bytes, name: str, earlier: Earlier) -> bool:
    try:
        before = earlier.read(name)
    except (OSError, Damaged):
        return False
    return before is not None and _looked_at(before) == html


def _looked_at(html: bytes) -> bytes:
    """A page without what is no figure in any place: days, releases, which are called after one, and what it tells to
    machines (JSON-LD).
    """
    html = _TO_MACHINES.sub(rb"\1", html)
    return _ISO_DAY.sub(b"day", _days().sub(b"day", html))


@cache
def _days() -> re.Pattern[bytes]:
    """Days as pages tell them, in all languages."""
    months = {strings.day(date(2000, month, 1), code).split()[1] for month in range(1, 13) for code in LANGUAGES}
    return re.compile(rf"\b[0-9]{{1,2}} (?:{'|'.join(sorted(months))}) 20[0-9]{{2}}\b".encode())


def wrong_forms(folder: Path, name: str, suffixes: Collection[str]) -> Iterator[str]:
    """Where the forms of the table ``name`` with these ``suffixes``, of ``FORMS``, do not have the rows of its Parquet
    in the release in ``folder``, in words: the first row of each that differs.

    Raises OSError, ValueError, KeyError, TypeError and csv.Error when the tables cannot be read.
    """
    path = folder / "benchmarks" / name
    rows = _rows(path.with_suffix(".parquet"))
    names = list(rows[0]) if rows else []
    wanted = [_cells(row.values()) for row in rows]
    for suffix in suffixes:
        form = path.with_suffix(suffix)
        if suffix not in _ALWAYS and not form.is_file():  # releases of older versions have fewer
            continue
        try:
            for number, (row, other) in enumerate(zip_longest(wanted, FORMS[suffix](form, names)), 1):
                if other != row:
                    yield f"{form.name} row {number}: not as in {name}.parquet"
                    break
        except CalamineError as error:
            yield f"{form.name} cannot be read: {error}"


def _figures_of(folder: Path) -> _Figures:
    changes = folder / CHANGES
    before = _cells_before(changes.read_bytes()) if changes.is_file() else ()  # releases of older versions have none
    return _Figures([_rows(folder / "benchmarks" / f"{name}.parquet") for name in TABLES], before)


def _rows(path: Path) -> list[Row]:
    found: list[Row] = pq.read_table(path).to_pylist()
    return found


def _cells_before(changes: bytes) -> Iterator[Row]:
    """What ``changes.json`` says that benchmarks were, with the columns that say which they are."""
    benchmarks = json_of(changes)["benchmarks"]
    for entry in (entry for name in CHANGED for entry in benchmarks[name]):
        for cell in entry["cells"]:
            before = {name: pair["before"] for name, pair in cell["figures"].items()}
            yield {name: entry[name] for name in WAVE} | cell | before


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

FORMS: Mapping[str, Callable[[Path, list[str]], Iterator[Sequence[str]]]] = {
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


class _Scope(NamedTuple):
    """What holds in an element that has begun. ``is_strict``: numbers in it must be figures; ``tick`` is the one that
    need not, since it stands at its own place on a chart's scale.
    """

    of: Mapping[str, str]
    shown: Shown | None = None
    is_strict: bool = False
    words: list[str] | None = None
    tick: str = ""


@dataclass(frozen=True)
class Tag:
    """What opens an element: its name and what it says (``said``); of that, what it says of a row (``own``, by column),
    the columns that it shows, and whether it only draws them (``shows``), and its lengths and places.
    """

    name: str
    said: Mapping[str, str]
    own: Mapping[str, str]
    shows: Sequence[tuple[tuple[str, ...], bool]]
    lengths: Sequence[tuple[str, str]]

    @classmethod
    def of(cls, name: str, attributes: Iterable[tuple[str, str | None]]) -> Tag:
        """The tag ``name`` with these attributes, of which the last of a name holds."""
        said = {name: value or "" for name, value in attributes}
        own = {name.removeprefix("data-"): text for name, text in said.items() if name.startswith("data-")}
        shows = [(tuple(own.pop(how).split()), how == "drawn") for how in ("figures", "drawn") if how in own]
        return cls(name, said, own, shows, [(name, said[name]) for name in _LENGTHS if name in said])

    @cached_property
    def is_name(self) -> bool:
        """Whether it heads a row or a column, or names something in a chart."""
        return self.name == "th" or self.said.get("class") == "hp-chart__name"

    @cached_property
    def is_telling(self) -> bool:
        """Whether something else holds in the element than around it."""
        return bool(self.own or self.shows or self.is_name or self.name in ("table", "td", "svg"))


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
    rf"</(?P<end>{_NAME})>"
    rf"|<(?!(?i:{_UNLIKE}))(?P<start>{_NAME}{_SAYS})[ \n]*(?P<closed>/?)>"
    rf"|<(?P<coded>(?P<raw>script|style){_SAYS})[ \n]*>(?P<code>(?:[^<]|<(?![/!]))*)</(?P=raw)>"
    r"|<!(?i:doctype) html>"
)
"""What stands between texts in HTML as our templates write it, of which there is but one reading."""
_CUT = re.compile(r'(<(?:script|style)\b[^<>]*>(?:[^<]|<(?![/!]))*</(?:script|style)>|<[^<>"]+(?:"[^"]*"[^<>"]*)*>)')
"""Where a page is cut, which finds all that is plain, and more."""
_CODE = re.compile("<(?:script|style)")


def parts_of(html: str) -> list[Part]:
    """The parts of a page: read at once where it is as plain as our templates write it, in the parser's way where
    anything in it is not. Both read the same.
    """
    parts: list[Part] = []
    line = 1
    pieces = iter(_CUT.split(html))
    for text, between in zip_longest(pieces, pieces, fillvalue=""):
        if text:
            if "<" in text:
                return Parsed(html).parts
            parts.append((line, unescape(text) if "&" in text else text))
            line += text.count("\n")
        if between:
            found = _code(between) if between[1] == "s" and _CODE.match(between) else _tag(between)
            if found is None:
                return Parsed(html).parts
            for below, part in found:
                parts.append((line + below, part))
            if "\n" in between:
                line += between.count("\n")
    return parts


@lru_cache(maxsize=1 << 14)
def _tag(text: str) -> list[Part] | None:
    """The parts of a tag, by lines from its own, None when it is not plain: most stand in a page, and on many pages,
    again and again.
    """
    found = _PLAIN.fullmatch(text)
    if found is None:
        return None
    if found["end"]:
        return [(0, End(found["end"].lower()))]
    if not found["start"]:
        return []
    tag = _opening(found["start"])
    return [(0, tag), (0, End(tag.name))] if found["closed"] else [(0, tag)]


def _code(text: str) -> list[Part] | None:
    """The parts of a script or style, likewise."""
    found = _PLAIN.fullmatch(text)
    if found is None:
        return None
    tag, code = _opening(found["coded"]), found["code"]
    inside = text.count("\n", 0, found.start("code"))
    end = (inside + code.count("\n"), End(tag.name))
    return [(0, tag), (inside, code), end] if code else [(0, tag), end]


def _opening(text: str) -> Tag:
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
        open_names, scopes = [""], [_Scope({})]
        for line, part in parts_of(html):
            if isinstance(part, str):
                self._read(part, line, scopes[-1])
            elif isinstance(part, Tag):
                scope = self._within(part, line, scopes[-1])
                if part.name not in _VOID:
                    open_names.append(part.name)
                    scopes.append(scope)
            elif part.name in open_names:
                while open_names.pop() != part.name:
                    scopes.pop()
                scopes.pop()
        names = {"".join(parts).strip() for parts in self._named}
        self.words = sorted((name for name in names if _NUMBER.search(name)), key=len, reverse=True)

    def _within(self, tag: Tag, line: int, at: _Scope) -> _Scope:
        """What holds in the element that ``tag`` opens where ``at`` holds."""
        if not tag.is_telling and (at.shown is not None or "unit" not in at.of):
            if at.shown is not None:
                at.shown.lengths += tag.lengths
            return at
        of = {**at.of, **tag.own} if tag.own else at.of
        shown, words = at.shown, at.words
        for columns, is_drawn in tag.shows:
            shown = Shown(line, columns, of, is_drawn=is_drawn)
            self.shown.append(shown)
        tick = ""
        if shown is not None:
            shown.lengths += tag.lengths
        elif "unit" in of:
            self.loose += [
                _loose(line, f"{name}={text} is drawn") for name, text in tag.lengths if _tick(text, of) is None
            ]
            tick = _tick(tag.said.get("x", ""), of) or ""
        if tag.is_name:
            words = []
            self._named.append(words)
        is_strict = "audience" in of and (tag.name in ("td", "svg") or (at.is_strict and tag.name != "table"))
        return _Scope(of, shown, is_strict, words, tick)

    def _read(self, text: str, line: int, at: _Scope) -> None:
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

    def __init__(self, tables: Iterable[Iterable[Row]], before: Iterable[Row]) -> None:
        self._rows: dict[tuple[str, ...], dict[str, dict[str, Any]]] = defaultdict(dict)
        self._before: dict[tuple[str, ...], dict[str, dict[str, Any]]] = {}
        self._levels: dict[tuple[str, ...], dict[str, int | None]] = defaultdict(dict)
        for rows in tables:
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
        try:
            values = [self._value_of(column, rows, shown.of) for column in shown.columns]
        except (KeyError, ValueError):
            yield f"{_where(shown)} is not in the tables"
            return
        told = [
            _printed(column, value) for column, value in zip(shown.columns, values, strict=True) if value is not None
        ]
        found = _NUMBER.findall(_without("".join(shown.text), page.words))
        if found != ([] if shown.is_drawn else told):
            yield f"{_where(shown)} is {' '.join(told) or 'not told'}, and {' '.join(found) or 'nothing'} is shown"
        if shown.lengths:
            yield from self._wrong_lengths(shown, values)

    def _value_of(self, column: str, rows: Mapping[str, Mapping[str, Any]], of: Mapping[str, str]) -> float | None:
        """The figure that ``column`` names. Raises KeyError when there is none of that name or dimension, and
        ValueError when nothing is told of any dimension.
        """
        name, how, stated, dimension = _asked(column)
        if stated:
            around = {name: text for name, text in of.items() if name not in ATTRIBUTES}
            rows = self._rows.get(_key({**around, **stated}), {})
        if how:
            return FOLLOWS[how]([row[name] for row in rows.values() if row[name] is not None])
        value: float | None = rows[dimension or of.get("dimension", "")][name]
        return value

    def _wrong_lengths(self, shown: Shown, values: list[float | None]) -> Iterator[str]:
        """Lengths and places that show other values than ``values``."""
        try:
            origin, unit = float(shown.of["origin"]), float(shown.of["unit"])
            right = self._part(shown.of, origin, unit) if "parts" in shown.of else _places(values, origin, unit)
            wrong = [f"{name}={text}" for name, text in shown.lengths if float(text) not in right.get(name, ())]
        except (KeyError, ValueError, TypeError, ZeroDivisionError):
            wrong = [f"{name}={text}" for name, text in shown.lengths]
        if wrong:
            yield f"{_where(shown)} is drawn as {' '.join(wrong)}"

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


_OF_GROUP = (*WAVE, *ATTRIBUTES, "level")
_OF_ALL = (*("" for _ in WAVE), *(ALL for _ in ATTRIBUTES), "")
"""What a row is of, and what it is of where nothing is said."""


def _key(of: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(map(of.get, _OF_GROUP, _OF_ALL))


def _where(shown: Shown) -> str:
    group = " ".join(filter(None, (*_key(shown.of), shown.of.get("dimension", ""))))
    return f"line {shown.line}: {' '.join(shown.columns)} of {group}"


@lru_cache(maxsize=1 << 12)
def _asked(column: str) -> tuple[str, str, Mapping[str, str], str | None]:
    """The name of a figure, how it follows from those of all dimensions, and what it says itself of its group, and of
    its dimension.
    """
    column, _, other = column.partition("@")
    name, _, how = column.partition(":")
    if "=" not in other:
        return name, how, {}, other or None
    stated = dict(part.split("=", 1) for part in other.split("+"))
    return name, how, stated, stated.get("dimension")


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
