"""What a hub is told about a table: findings by code, field and value, in memory that does not grow with the rows."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa

from hubs.contract.findings import Finding
from hubs.contract.identifiers import why_withheld
from hubs.contract.records import RawTable
from hubs.judge.columns import Integers, is_in

VALUES_NAMED = 50
"""Different offending values with a finding of their own, a code and field; the rest share one."""
ROWS_NAMED = 5
"""Row numbers that a finding gives."""


@dataclass
class Tally:
    """How many rows, and the numbers of the first few."""

    count: int = 0
    rows: list[int] = field(default_factory=list)

    def add(self, rows: Integers) -> None:
        """Add rows by number, later ones than before."""
        self.count += len(rows)
        self.rows += rows[: ROWS_NAMED - len(self.rows)].tolist()


@dataclass
class _Values:
    """Rows by value and detail, and the rows of all values beyond ``VALUES_NAMED``."""

    named: dict[tuple[str | None, str | None], Tally] = field(default_factory=dict)
    rest: Tally = field(default_factory=Tally)


class Tallies:
    """The findings of one table. They are told in the order of ``codes``, then of ``fields``, then of rows."""

    def __init__(self, table: RawTable, codes: Sequence[str], fields: Sequence[str]) -> None:
        self._file = table.file
        self._place = table.place or None
        self._codes = {code: i for i, code in enumerate(codes)}
        self._fields = {name: i for i, name in enumerate(fields)}
        self._values: dict[tuple[str, str], _Values] = {}
        self._surplus: dict[str, None] = {}
        self._withheld: set[str] = set()
        self._others: list[Finding] = []

    def withhold(self, columns: Iterable[str]) -> None:
        """From now on no value of ``columns`` is repeated."""
        self._withheld |= set(columns)

    def add_finding(self, code: str, **about: Any) -> None:
        """A finding that is not about rows. It is told after all others."""
        self._others.append(Finding(code, self._file, self._place, **about))

    def add_surplus(self, columns: Iterable[str]) -> None:
        """Columns that the contract does not know, and that were left out."""
        self._surplus |= dict.fromkeys(columns)

    def add_rows(self, code: str, name: str, rows: Integers) -> None:
        """Rows (by number, ascending) with an error in which the value says nothing."""
        self.add_tally(code, name, None, None, Tally(len(rows), rows[:ROWS_NAMED].tolist()))

    def add_values(self, code: str, name: str, rows: Integers, dictionary: pa.Array, codes: Integers) -> None:
        """Rows (by number, ascending) with an error, and of each the code of its value in ``dictionary``.

        A value that may be free text, a time or an identifier is not repeated: its rows are counted under the reason.
        """
        entry = self._entry(code, name)
        if name in self._withheld:
            entry.named.setdefault((None, "not repeated"), Tally()).add(rows)
            return
        is_named = np.zeros(len(dictionary), bool)
        withheld: dict[str, list[int]] = {}
        for value, place in _places(entry, dictionary, codes):
            is_named[place] = True
            if (why := why_withheld(value)) is None:
                entry.named.setdefault((value, None), Tally()).add(rows[codes == place])
            else:
                withheld.setdefault(why, []).append(place)
        for why, places in withheld.items():
            is_here = np.isin(codes, places)
            entry.named.setdefault((None, f"not repeated: {why}"), Tally()).add(rows[is_here])
        entry.rest.add(rows[~is_named[codes]])

    def add_tally(self, code: str, name: str, value: str | None, detail: str | None, tally: Tally) -> None:
        """Rows of one value, counted elsewhere. The caller keeps to ``VALUES_NAMED``."""
        known = self._entry(code, name).named.setdefault((value, detail), Tally())
        known.count += tally.count
        known.rows = [*known.rows, *tally.rows][:ROWS_NAMED]

    def add_rest(self, code: str, name: str, rows: Integers) -> None:
        """Rows (by number, ascending) of values that are not named."""
        self._entry(code, name).rest.add(rows)

    def findings(self) -> list[Finding]:
        """All of them."""
        found = [
            Finding("column_not_allowed", file=self._file, record=self._place, field=name) for name in self._surplus
        ]
        order = sorted(self._values, key=lambda key: (self._codes[key[0]], self._fields.get(key[1], -1)))
        for code, name in order:
            entry = self._values[code, name]
            for (value, detail), tally in sorted(entry.named.items(), key=lambda item: item[1].rows[0]):
                found.append(self._finding(code, name, value, detail, tally))
            if entry.rest.count:
                found.append(self._finding(code, name, None, "further values", entry.rest))
        return [*found, *self._others]

    def _entry(self, code: str, name: str) -> _Values:
        return self._values.setdefault((code, name), _Values())

    def _finding(self, code: str, name: str, value: str | None, detail: str | None, tally: Tally) -> Finding:
        return Finding(
            code,
            file=self._file,
            record=self._place,
            field=name or None,
            value=value,
            row=tally.rows[0],
            count=tally.count,
            rows=tuple(tally.rows),
            detail=detail,
        )


def _places(entry: _Values, dictionary: pa.Array, codes: Integers) -> list[tuple[str, int]]:
    """Where in ``dictionary`` the values are that get a finding of their own: those that have one already, and new
    ones in the order of rows while there is room.
    """
    is_present = np.zeros(len(dictionary), bool)
    is_present[codes] = True
    named = [value for value, _ in entry.named if value is not None]
    known = np.flatnonzero(is_present & is_in(dictionary, named)).tolist()
    places = [(dictionary[place].as_py(), place) for place in known]
    room = VALUES_NAMED - len(named)
    if room:
        never = len(codes)
        first = np.full(len(dictionary), never)
        first[codes[::-1]] = np.arange(never)[::-1]
        first[[place for _, place in places]] = never
        new = [int(place) for place in np.argsort(first, kind="stable")[:room] if first[place] < never]
        places += [(dictionary[place].as_py(), place) for place in new]
    return places
