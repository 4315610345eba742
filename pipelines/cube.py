"""The cube: the ways in which organisations are grouped, and what is counted of each group.

Shapes that ``benchmark`` fills and ``disclose`` reads. Nothing is counted and nothing is judged here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import product
from typing import Any

import numpy as np

from hubs.contract.groups import ALL, ATTRIBUTES, BREAKDOWNS
from hubs.contract.vocabularies import vocabulary

Key = tuple[str, str, str, str]
"""A value for each of ``TABLE``."""
LEVELS_N = 6
"""Levels of an organisation: 0 to 5."""

Numbers = np.ndarray[tuple[int], np.dtype[np.integer[Any]]]
"""Whole numbers, as short as they come."""
Integers = np.ndarray[tuple[int], np.dtype[np.int64]]
Mask = np.ndarray[Any, np.dtype[np.bool_]]
Grid = np.ndarray[tuple[int, int], np.dtype[np.integer[Any]]]
Cube = np.ndarray[tuple[int, int, int], np.dtype[np.integer[Any]]]


@dataclass(frozen=True)
class Breakdown:
    """One way of grouping: ``cells`` are all its groups, each a term for each of ``by``, in the vocabularies' order."""

    name: str
    by: tuple[str, ...]
    cells: tuple[tuple[str, ...], ...]

    @classmethod
    def named(cls, name: str) -> Breakdown:
        """The breakdown of that name in the cube. Raises KeyError."""
        return _named(name)

    def cell_of(self, terms: Mapping[str, Numbers], n: int) -> Integers:
        """The number of the cell of each of ``n`` organisations, given the number of their term of each attribute."""
        cell = np.zeros(n, np.int64)
        for attribute in self.by:
            cell = cell * len(vocabulary(ATTRIBUTES[attribute]).terms) + terms[attribute]
        return cell

    def parent_cells(self, parent: Breakdown) -> Integers:
        """For each cell the number of the cell of ``parent`` that holds it."""
        at = {cell: i for i, cell in enumerate(parent.cells)}
        places = [self.by.index(attribute) for attribute in parent.by]
        return np.array([at[tuple(cell[place] for place in places)] for cell in self.cells])

    def keys(self, cell: tuple[str, ...]) -> dict[str, str]:
        """The columns that say which group a cell is: ``breakdown`` and each attribute, ``ALL`` where not grouped."""
        terms = dict(zip(self.by, cell, strict=True))
        return {"breakdown": self.name} | {attribute: terms.get(attribute, ALL) for attribute in ATTRIBUTES}


@cache
def _named(name: str) -> Breakdown:
    by = BREAKDOWNS[name]
    return Breakdown(name, by, tuple(product(*(vocabulary(ATTRIBUTES[attribute]).terms for attribute in by))))


@dataclass(frozen=True)
class Family:
    """Two breakdowns, by their place in a list, of which the second divides each cell of the first; ``parent_of`` has
    the parent's cell for each of the child's.
    """

    parent: int
    child: int
    parent_of: Integers


def families(cube: Sequence[Breakdown]) -> list[Family]:
    """Every pair of ``cube`` of which one breakdown divides the other."""
    return [
        Family(parent, child, cube[child].parent_cells(cube[parent]))
        for parent, child in product(range(len(cube)), repeat=2)
        if set(cube[parent].by) < set(cube[child].by)
    ]


@dataclass(frozen=True)
class Counts:
    """True counts of organisations in one of ``TABLE``. They are kept in memory only.

    ``key`` has a value for each of ``TABLE``. ``levels`` has an array (cells × levels) for each breakdown of
    the policy; ``own`` one (hubs × cells × levels) of the members that each of ``hubs`` shares with no other hub.
    ``tie_key`` is a digest of all organisation keys and levels of the period, instrument and audience: nobody outside
    knows it, and it is the same wherever the same returns are counted.
    """

    key: Key
    breakdowns: tuple[str, ...]
    levels: tuple[Grid, ...]
    own: tuple[Cube, ...]
    hubs: tuple[str, ...]
    tie_key: bytes

    @property
    def cube(self) -> tuple[Breakdown, ...]:
        """The breakdowns."""
        return tuple(Breakdown.named(name) for name in self.breakdowns)


@dataclass(frozen=True)
class Changed:
    """How those who are counted in one table differ from those who were.

    ``touched`` says for each breakdown in which cells (cells,) anybody came, left, or is on another level now. ``came``
    and ``left`` are how many did, on each level (cells × levels); who only changed level did neither.
    """

    touched: tuple[Mask, ...]
    came: tuple[Grid, ...]
    left: tuple[Grid, ...]

    def is_enough(self, threshold: int, spread: int) -> bool:
        """Whether in every cell that was touched ``threshold`` or more came, or as many left, and of as many as that
        always ``spread`` are off their commonest level. Their difference is a group like those that are told.
        """
        return all(
            _is_enough(came[touched], left[touched], threshold, spread)
            for touched, came, left in zip(self.touched, self.came, self.left, strict=True)
        )


def _is_enough(came: Grid, left: Grid, threshold: int, spread: int) -> bool:
    n = np.stack([came.sum(axis=1), left.sum(axis=1)])
    off = n - np.stack([came.max(axis=1), left.max(axis=1)])
    is_many = n >= threshold
    return bool(is_many.any(axis=0).all() and (off[is_many] >= spread).all())


@dataclass(frozen=True)
class Others(Changed):
    """The same without the organisations that one hub has to itself; and by how many of those each level of each cell
    has grown (``own``, cells × levels).
    """

    own: tuple[Grid, ...]


@dataclass(frozen=True)
class Moves(Changed):
    """The same of all, and ``others`` by hub. A hub that is not in it knows nobody who changed."""

    others: Mapping[str, Others]

    @property
    def are_any(self) -> bool:
        """Whether anything has changed."""
        return any(bool(touched.any()) for touched in self.touched)

    def are_enough(self, threshold: int, spread: int) -> bool:
        """Whether so many changed that a table may be told anew: of all, and of those whom any one hub does not know,
        unless there are none.
        """
        return all(seen.is_enough(threshold, spread) for seen in (self, *self.others.values()))
