"""Turning a file's columns into the contract's, for tables of any length.

Every rule works on the distinct values of a batch and never on single rows, so that time does not grow with the rows.
The exception is a key made from the row number, which has as many values as rows.
"""

from __future__ import annotations

import hashlib
import re
from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from hubs.contract.identifiers import why_withheld
from hubs.contract.kinds import table_kinds
from hubs.contract.kinds.base import Column
from hubs.contract.vocabularies import vocabulary
from hubs.mapping.readers.tables import TableFile
from hubs.mapping.spec import MAX_MATCHED_CHARACTERS, ColumnRule, Scale, TableSource
from hubs.mapping.text import folded, tidy

KEY_PREFIXES = {"organisation": "org", "respondent": "rsp"}

Translate = Callable[[str], str | None]
"""Their value to ours; None leaves the row out."""
Rows = npt.NDArray[np.int64]


@dataclass
class Tally:
    """What became of the rows that are not passed on."""

    rows: int = 0
    dropped: Counter[str] = field(default_factory=Counter)
    blank: int = 0
    left_out: Counter[tuple[str, str]] = field(default_factory=Counter)


def position(columns: Sequence[str], names: Sequence[str]) -> int | None:
    """Where the first of ``names`` stands among ``columns``. A name that ends in ``*`` matches a beginning."""
    for name in names:
        for number, column in enumerate(columns):
            if column == name or (name.endswith("*") and column.startswith(name[:-1])):
                return number
    return None


# The contract's own columns.


def native_positions(kind: str, columns: Sequence[str]) -> tuple[dict[str, int], list[str], list[int]]:
    """Where each column of the contract stands, the required ones that are missing, and where the columns stand that
    are not allowed.

    Raises ValueError naming a column that appears twice.
    """
    where: dict[str, int] = {}
    extra = []
    known = {column.name for column in table_kinds()[kind].columns}
    for number, column in enumerate(columns):
        name = folded(column)
        if name in where:
            raise ValueError(f"the column '{name}' appears twice")
        if name in known:
            where[name] = number
        else:
            extra.append(number)
    missing = [c.name for c in table_kinds()[kind].columns if c.required and c.name not in where]
    return where, missing, extra


def native_batches(kind: str, table: TableFile, where: Mapping[str, int], sector: str) -> Iterator[pa.Table]:
    """Batches of the contract's columns. Raises UnreadableTable."""
    for batch in table.batches(sorted(set(where.values()))):
        arrays = {
            column.name: batch.column(str(where[column.name])) if column.name in where else None
            for column in table_kinds()[kind].columns
        }
        yield _contract_table(kind, arrays, batch.column("row"), sector)


def _contract_table(kind: str, arrays: Mapping[str, Any], rows: Any, sector: str) -> pa.Table:
    """The columns in the contract's order. Absent optional ones are empty, the sector is the hub's own by default."""
    columns = {}
    for column in table_kinds()[kind].columns:
        array = arrays.get(column.name)
        if array is None:
            array = _constant(sector if column.name == "sector" else "", len(rows))
        elif column.name == "sector":
            array = _without_gaps(array, sector)
        columns[column.name] = array
    return pa.table(columns | {"row": rows})


def _constant(value: str, length: int) -> pa.DictionaryArray:
    return pa.DictionaryArray.from_arrays(np.zeros(length, np.int32), pa.array([value], pa.string()))


def _without_gaps(array: Any, default: str) -> Any:
    array = _one_chunk(array)
    values = array.dictionary
    if pc.index(values, "").as_py() < 0:
        return array
    filled = pc.if_else(pc.equal(values, ""), default, values).dictionary_encode()
    return pa.DictionaryArray.from_arrays(filled.indices.take(array.indices), filled.dictionary)


def _one_chunk(array: Any) -> pa.DictionaryArray:
    if isinstance(array, pa.ChunkedArray):
        array = array.unify_dictionaries().combine_chunks() if array.num_chunks != 1 else array.chunk(0)
    return array


def _codes(array: Any) -> tuple[npt.NDArray[np.int32], list[str]]:
    """Codes and distinct values of a coded column."""
    array = _one_chunk(array)
    return array.indices.to_numpy(zero_copy_only=False), array.dictionary.to_pylist()


def _recoded(
    codes: npt.NDArray[np.int32], values: Sequence[str | None]
) -> tuple[pa.DictionaryArray, npt.NDArray[np.bool_]]:
    """A column whose distinct values became ``values``, and which of its rows have one. Equal values share a code."""
    numbers: dict[str, int] = {}
    moved = np.array([-1 if v is None else numbers.setdefault(v, len(numbers)) for v in values] or [-1], np.int32)
    new = moved[codes] if len(codes) else np.zeros(0, np.int32)
    has_value = new >= 0
    array = pa.DictionaryArray.from_arrays(np.where(has_value, new, 0), pa.array(list(numbers) or [""], pa.string()))
    return array, has_value


# Columns of the hub's own.


class UnmappableTable(ValueError):
    """The file lacks a column that the mapping needs. ``column`` is the contract's name, ``names`` the hub's."""

    def __init__(self, column: str, names: Sequence[str]) -> None:
        super().__init__(f"{column}: no column {' or '.join(names)}")
        self.column = column
        self.names = names


@dataclass(frozen=True)
class MappedTable:
    """One table with the rules of its source. ``lookups`` holds the values of other files by contract column."""

    source: TableSource
    file: str
    table: TableFile
    hub: str
    sector: str
    lookups: Mapping[str, Mapping[str, str]]

    @property
    def questions(self) -> dict[str, int]:
        """For a row a respondent: each question that the file asks, and where."""
        asked = self.source.wide.questions if self.source.wide else {}
        found = {name: position(self.table.columns, question.column) for name, question in asked.items()}
        return {name: place for name, place in found.items() if place is not None}

    def positions(self) -> dict[str, int]:
        """Where the hub's column for each column of the contract stands. Raises UnmappableTable."""
        found = {}
        for column in table_kinds()[self.source.kind].columns:
            if self.source.wide and column.name in ("question", "level"):
                continue
            rule = self.rule(column)
            if rule is None or rule.column is None:
                continue
            place = position(self.table.columns, rule.column)
            if place is not None:
                found[column.name] = place
            elif rule.default is None and (column.required or column.name in self.source.columns):
                raise UnmappableTable(column.name, rule.column)
        return found

    def rule(self, column: Column) -> ColumnRule | None:
        """The rule for a column of the contract; without one the column of the same name."""
        if column.name in self.source.columns:
            return self.source.columns[column.name]
        has_column = position(self.table.columns, (column.name,)) is not None
        return ColumnRule(column=(column.name,)) if has_column or column.required else None

    def dropping(self) -> dict[str, int]:
        """Where the columns by which rows are left out stand. Raises UnmappableTable."""
        found = {}
        for drop in self.source.drop_rows:
            place = position(self.table.columns, (drop.column,))
            if place is None:
                raise UnmappableTable("drop_rows", (drop.column,))
            found[drop.column] = place
        return found

    def read_positions(self) -> set[int]:
        """All columns of the file that are ever read. Raises UnmappableTable."""
        return {*self.positions().values(), *self.dropping().values(), *self.questions.values()}

    def batches(self, tally: Tally | None = None) -> Iterator[pa.Table]:
        """Batches of the contract's columns. Raises UnreadableTable."""
        tally = tally if tally is not None else Tally()
        places = self.positions()
        questions = self.questions
        for batch in self.table.batches(sorted(self.read_positions())):
            tally.rows += batch.num_rows
            batch = self._kept(batch, tally)  # noqa: PLW2901 - the batch from here on is what is kept of it
            columns = self._columns(batch, places, tally)
            if self.source.wide:
                yield from self._unpivoted(batch, columns, questions, tally)
            else:
                yield self._whole_rows(columns, batch.column("row"))

    def _kept(self, batch: pa.Table, tally: Tally) -> pa.Table:
        keep = np.ones(batch.num_rows, np.bool_)
        for drop in self.source.drop_rows:
            codes, values = _codes(batch.column(str(self.dropping()[drop.column])))
            stays = np.array([(v not in drop.values) if drop.values else (v in drop.keep) for v in values] or [True])
            stays_here = stays[codes] if len(codes) else keep
            tally.dropped[drop.reason] += int((keep & ~stays_here).sum())
            keep &= stays_here
        return batch if keep.all() else batch.filter(pa.array(keep))

    def _columns(
        self, batch: pa.Table, places: Mapping[str, int], tally: Tally
    ) -> dict[str, tuple[pa.DictionaryArray, npt.NDArray[np.bool_]]]:
        """Each column of the contract that a rule gives, and which of its rows have a value."""
        kind = table_kinds()[self.source.kind]
        rules = {column.name: (column, self.rule(column)) for column in kind.columns}
        result: dict[str, tuple[pa.DictionaryArray, npt.NDArray[np.bool_]]] = {}
        # Keys are hashed with the period, so that comes first.
        for name in sorted(rules, key=lambda name: name != "period"):
            column, rule = rules[name]
            if rule is None or (self.source.wide and name in ("question", "level")):
                continue
            codes, values = self._origin(rule, batch, places.get(name))
            if rule.hash:
                codes, values = self._hashed(name, codes, values, result.get("period"))
            else:
                translate = self._translation(column, rule)
                new = [translate(value) for value in values]
                self._note_left_out(name, codes, values, new, tally)
                result[name] = _recoded(codes, new)
                continue
            result[name] = _recoded(codes, values)
        return result

    def _origin(self, rule: ColumnRule, batch: pa.Table, place: int | None) -> tuple[npt.NDArray[np.int32], list[str]]:
        if place is not None:
            return _codes(batch.column(str(place)))
        rows = batch.num_rows
        if rule.origin == "row":
            numbers = batch.column("row").to_numpy()
            return np.arange(rows, dtype=np.int32), [f"{self.file}:{number}" for number in numbers]
        path = PurePosixPath(self.file)
        named = {"file_name": path.stem, "folder_name": path.parent.name}
        constant = rule.constant if rule.constant is not None else named.get(rule.origin or "", rule.default or "")
        return np.zeros(rows, np.int32), [constant]

    def _translation(self, column: Column, rule: ColumnRule) -> Translate:
        table = _casefolded(rule.map)
        others = self.lookups.get(column.name)

        has_rule = table is not None or bool(rule.bins)

        def unmapped(text: str) -> str | None:
            return None if has_rule and rule.unmapped == "drop" else text

        def translate(value: str) -> str | None:
            text = tidy(value).strip()
            if rule.match is not None:
                found = re.search(rule.match, text[:MAX_MATCHED_CHARACTERS])
                text = (found[1] if found.re.groups else found[0]) if found else ""
            if others is not None:
                text = others.get(text, "")
            if not text and rule.default is not None:
                return rule.default
            found_term = _level_or_term(text, table, rule.bins, column.vocabulary)
            if found_term is not None:
                return found_term
            return rule.otherwise if rule.otherwise is not None and text else unmapped(text)

        return translate

    def _hashed(
        self,
        name: str,
        codes: npt.NDArray[np.int32],
        values: Sequence[str],
        period: tuple[pa.DictionaryArray, npt.NDArray[np.bool_]] | None,
    ) -> tuple[npt.NDArray[np.int32], list[str]]:
        """Keys that do not show the names behind them, and differ from period to period."""
        period_codes, periods = _codes(period[0]) if period else (np.zeros(len(codes), np.int32), [""])
        both = codes.astype(np.int64) * len(periods) + period_codes
        used, new_codes = np.unique(both, return_inverse=True)
        prefix = KEY_PREFIXES.get(name, "key")
        keys = [
            f"{prefix}-{_digest(self.hub, periods[number % len(periods)], values[number // len(periods)].strip())}"
            for number in used.tolist()
        ]
        return new_codes.astype(np.int32), keys

    def _note_left_out(
        self,
        name: str,
        codes: npt.NDArray[np.int32],
        values: Sequence[str],
        new: Sequence[str | None],
        tally: Tally,
    ) -> None:
        if None not in new:
            return
        counts = np.bincount(codes, minlength=len(values))
        for value, result, count in zip(values, new, counts.tolist(), strict=True):
            if result is None and count:
                tally.left_out[name, value if why_withheld(value) is None else ""] += count

    def _whole_rows(
        self, columns: Mapping[str, tuple[pa.DictionaryArray, npt.NDArray[np.bool_]]], rows: Any
    ) -> pa.Table:
        arrays = {name: array for name, (array, _) in columns.items()}
        table = _contract_table(self.source.kind, arrays, rows, self.sector)
        keep = np.logical_and.reduce([has_value for _, has_value in columns.values()])
        return table if keep.all() else table.filter(pa.array(keep))

    def _unpivoted(
        self,
        batch: pa.Table,
        columns: Mapping[str, tuple[pa.DictionaryArray, npt.NDArray[np.bool_]]],
        questions: Mapping[str, int],
        tally: Tally,
    ) -> Iterator[pa.Table]:
        wide = self.source.wide
        if wide is None or not questions:
            return
        respondent_has_all = np.logical_and.reduce([has_value for _, has_value in columns.values()])
        respondents = _contract_table(
            self.source.kind, {n: a for n, (a, _) in columns.items()}, batch.column("row"), self.sector
        )
        parts = []
        for name, place in questions.items():
            scale = wide.scales[wide.questions[name].scale]
            codes, values = _codes(batch.column(str(place)))
            new = [_level(value, scale) for value in values]
            is_blank = np.array([not value.strip() for value in values] or [True])
            tally.blank += int(is_blank[codes].sum()) if len(codes) else 0
            answered = [None if not value.strip() else level for value, level in zip(values, new, strict=True)]
            self._note_left_out(
                name, codes, values, [lv if v.strip() else "" for v, lv in zip(values, new, strict=True)], tally
            )
            levels, has_level = _recoded(codes, answered)
            keep = pa.array(has_level & respondent_has_all)
            part = respondents.set_column(respondents.schema.get_field_index("level"), "level", levels)
            part = part.set_column(part.schema.get_field_index("question"), "question", _constant(name, batch.num_rows))
            parts.append(part.filter(keep))
        yield pa.concat_tables(parts).unify_dictionaries().combine_chunks()


def _casefolded(table: Mapping[str, str] | None) -> dict[str, str] | None:
    return None if table is None else {key.strip().casefold(): value for key, value in table.items()}


def _level(value: str, scale: Scale) -> str | None:
    text = tidy(value).strip()
    level = _level_or_term(text, _casefolded(scale.map), scale.bins, None)
    return level if level is not None or scale.unmapped == "drop" else text


def _level_or_term(
    text: str, table: Mapping[str, str] | None, bins: tuple[float, ...], scheme: str | None
) -> str | None:
    """Our value for ``text``: by the map, by the bins, by the vocabulary; None if none of them knows it."""
    if table is not None and text.casefold() in table:
        return table[text.casefold()]
    if bins and (number := _number(text)) is not None:
        return str(bisect_right(bins, number))
    return vocabulary(scheme).resolve(text) if scheme is not None else None


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _digest(hub: str, period: str, value: str) -> str:
    return hashlib.sha256(f"{hub}\n{period}\n{value}".encode()).hexdigest()[:16]


def read_lookup(table: TableFile, key: str, column: str) -> dict[str, str]:
    """Values of ``column`` by ``key``; the first wins. Raises UnmappableTable and UnreadableTable."""
    places = []
    for name in (key, column):
        place = position(table.columns, (name,))
        if place is None:
            raise UnmappableTable("lookup", (name,))
        places.append(place)
    found: dict[str, str] = {}
    for batch in table.batches(sorted(set(places))):
        pairs = zip(*(batch.column(str(place)).to_pylist() for place in places), strict=True)
        for identifier, value in pairs:
            found.setdefault(identifier.strip(), value.strip())
    return found
