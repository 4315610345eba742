"""Columns that are one of identifiers, told by their values: is a return really anonymised?

A column is judged, never a value: a value may look like a number of the health service by chance, a column does not.
What one value looks like is ``hubs.contract.identifiers``; what follows for the table is in ``hubs.judge.tables``.

Only distinct values are looked at, and of a stretch of rows at most ``VALUES_LOOKED_AT``, evenly spaced: a column that
is one of identifiers is so everywhere.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

import pyarrow as pa

from hubs.contract.findings import Finding
from hubs.contract.identifiers import Identifier, heading_of, identified
from hubs.contract.kinds.base import TableKind
from hubs.contract.records import RawTable, UnreadableTable
from hubs.judge.columns import is_in

VALUES_LOOKED_AT = 500
"""Distinct values of a column in a stretch of rows: some 6 microseconds each."""
VALUES_MIN = 3
SHARE_MIN = 0.3
"""A column is one of identifiers from so many values of one form on, if they are more than this share."""
KEYS_COUNTED_MIN = 10
"""Keys that follow one another closely are told of from so many on: fewer may do so by chance."""
COLUMNS_NAMED = 10
"""Columns outside the contract with a finding of their own; the rest share one."""

CODE = "identifying_column"
_NUMBERED = re.compile(r"(.*?)([0-9]{1,18})\Z")


@dataclass
class _Seen:
    """What the values of one column looked like. ``values`` counts them, once a stretch; ``examples`` are the first few
    different ones of each form, kept only to know that they differ.
    """

    values: int = 0
    forms: Counter[Identifier] = field(default_factory=Counter)
    examples: dict[Identifier, set[str]] = field(default_factory=dict)

    def add(self, values: list[str], with_names: bool) -> None:
        self.values += len(values)
        for value in values:
            found = identified(value, with_names)
            if found is not None:
                self.forms[found] += 1
                examples = self.examples.setdefault(found, set())
                if len(examples) < VALUES_MIN:
                    examples.add(value)

    def verdict(self, is_closed: bool) -> str | None:
        """Which identifiers the column is of, with how many of its values were looked at; None if it is of none.

        Where the contract lists all values (``is_closed``) a single telling one is enough: it has no business there.
        Elsewhere telling ones count however few they are.
        """
        for form, number in self.forms.most_common():
            is_many = len(self.examples[form]) >= VALUES_MIN or form.is_telling
            if (is_many and number > SHARE_MIN * self.values) or (is_closed and form.is_telling):
                return f"{form.label}: {number:,} of {self.values:,} values looked at"
        return None


class Columns:
    """The contract's columns of one table, stretch by stretch."""

    def __init__(self, kind: TableKind) -> None:
        self._kind = kind
        self._seen = {column.name: _Seen() for column in kind.columns}
        self._is_counting: dict[str, bool] = {}

    def add(self, name: str, distinct: pa.Array) -> None:
        """Look at the values that a stretch of rows has in the column ``name``, each once."""
        column = self._kind.column(name)
        if column.allowed:
            distinct = distinct.filter(pa.array(~is_in(distinct, column.allowed)))
            self._seen[name].values += len(column.allowed) if not self._seen[name].values else 0
        values = _some(distinct)
        # A term that the vocabulary lacks may well be made of the words that names are made of.
        self._seen[name].add(values, with_names=column.is_key)
        if column.is_key and len(values) >= KEYS_COUNTED_MIN:
            self._is_counting[name] = self._is_counting.get(name, True) and _is_counted(values, len(distinct))

    def identifying(self) -> dict[str, str]:
        """The columns that are of identifiers, and of which."""
        found = {c.name: self._seen[c.name].verdict(is_closed=bool(c.allowed)) for c in self._kind.columns}
        return {name: detail for name, detail in found.items() if detail is not None}

    def counting(self) -> list[str]:
        """The columns of keys that are numbers in a row. They say nothing by themselves, but a list that was numbered
        in its own order, such as an alphabetical one, tells whose they are.
        """
        return [name for name, is_counting in self._is_counting.items() if is_counting]


def left_out(table: RawTable) -> Iterator[Finding]:
    """A warning for each column outside the contract that holds identifiers, by its heading or by its first values.
    None of it is read, judged or counted, whatever it holds.
    """
    found = [(name[:60], detail) for name, values in _others(table) if (detail := _by_name_or_values(name, values))]
    for name, detail in found[:COLUMNS_NAMED]:
        yield Finding("identifying_column_left_out", table.file, table.place or None, name, detail=detail)
    if rest := found[COLUMNS_NAMED:]:
        detail = f"further columns, the first of them {rest[0][0]}"
        yield Finding("identifying_column_left_out", table.file, table.place or None, count=len(rest), detail=detail)


def _others(table: RawTable) -> list[tuple[str, pa.Array]]:
    try:
        return list(table.others())
    except UnreadableTable:  # such as a cell that is longer than any that is read: the headings are still there
        return [(name, pa.array([], pa.string())) for name in table.other_names]


def _by_name_or_values(name: str, distinct: pa.Array) -> str | None:
    if label := heading_of(name):
        return f"{label}, by its heading"
    seen = _Seen()
    seen.add([value for value in _some(distinct) if value.strip()], with_names=True)
    return seen.verdict(is_closed=False)


def _some(distinct: pa.Array) -> list[str]:
    """At most ``VALUES_LOOKED_AT`` of the values, evenly spaced."""
    step = -(-len(distinct) // VALUES_LOOKED_AT) or 1
    chosen: list[str] = distinct.take(pa.array(range(0, len(distinct), step), pa.int64())).to_pylist()
    return chosen


def _is_counted(values: list[str], distinct_n: int) -> bool:
    """Whether ``values``, some of ``distinct_n`` different ones, are numbers that lie as close as if they were counted:
    in a range at most twice as wide as there are values.
    """
    parts = [_NUMBERED.match(value) for value in values]
    numbers = [int(part[2]) for part in parts if part]
    if len(numbers) < len(values) or len({part[1] for part in parts if part}) > 1:
        return False
    return max(numbers) - min(numbers) < 2 * distinct_n
