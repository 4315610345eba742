"""The counting of returns as lazy frames: written once over narwhals, run by whatever engine holds the frames.

The numbers are those of ``benchmark``, where each of them is defined. Only what all engines do alike stands here; how
one reads files, and keeps what is used twice, is its own. What is known of an organisation, its *description*, is one
number: the place of its terms among all combinations of terms. "The description on the first row" is then the least of
a sum, which every engine has, and no ordered aggregate, which Spark has not.
"""

from __future__ import annotations

import abc
import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from functools import partial
from itertools import pairwise, product
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import narwhals as nw
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from hubs.contract.groups import ATTRIBUTES, TABLE
from hubs.contract.vocabularies import vocabulary
from hubs.instruments import Instrument
from pipelines.benchmark import COUNTS, combine, organisation_levels, tie_keys
from pipelines.cube import LEVELS_N, Breakdown, Counts, Integers, Key
from pipelines.engines import Everybody, Returns
from pipelines.policy import Policy
from pipelines.waves import by_wave

Frame = nw.LazyFrame[Any]

FILE, POSITION = "file", "position"
"""What a session adds to the columns that it reads: the number of the file among those it was given, and of the row in
the file as it comes there; both from 0 on.
"""
ROWS_MOST = 2**33
"""Rows of a file, at most: more than a hub may send bytes in one."""
_ORGANISATION = (*TABLE, "organisation")
_SUBJECT = ("period", "organisation")
_ANSWERS = ("period", "instrument", "audience", "question", "organisation", *ATTRIBUTES, "level")
_SEVERAL = -1
"""Stands for the hub of an organisation that is in several."""
_UNKNOWN = -1
"""Stands for a description, or a hub, that is none."""


class Session(Protocol):
    """An engine at work."""

    def read(self, paths: Sequence[Path], columns: Sequence[str]) -> Frame:
        """The ``columns`` of Parquet files with ``FILE`` and ``POSITION``. There is at least one file."""
        ...

    def table(self, columns: Mapping[str, Sequence[Any]]) -> Frame:
        """A small table of texts or whole numbers."""
        ...

    def keep(self, frame: Frame) -> Frame:
        """The same frame, worked out once, however often it is used while the session lasts."""
        ...


class Frames(abc.ABC):
    """Counting by an engine that has lazy frames."""

    name: str
    is_at_once = True

    @abc.abstractmethod
    def opened(self) -> AbstractContextManager[Session]:
        """A session, at whose end all that it has kept is gone."""

    def organisation_levels(
        self, returns: Returns, instruments: Mapping[str, Instrument]
    ) -> Iterator[tuple[str, pa.Table]]:
        counted = {}
        if files := [(hub, place, path) for hub, paths in returns.items() for place, path in enumerate(paths)]:
            with self.opened() as session:
                counted = _by_hub(_answers_counted(session, files, instruments))
        nothing = organisation_levels([], instruments)
        for hub in returns:
            yield hub, _levels(counted[hub], nothing.schema) if hub in counted else nothing

    def everybody(self, levels: Mapping[str, Path]) -> Everybody:
        hubs = sorted(levels)
        if not hubs:
            return Everybody([], partial(_cube, {}))
        with self.opened() as session:
            members, shared, cells = _organisations_counted(session, [levels[hub] for hub in hubs])
        waves = list(by_wave(_members_table(members, shared, hubs).to_batches()))
        return Everybody(waves, partial(_cube, _cells_by_key(cells, hubs)))


# What an engine does.


def _answers_counted(
    session: Session, files: Sequence[tuple[str, int, Path]], instruments: Mapping[str, Instrument]
) -> pa.Table:
    """A row for each hub, ``TABLE`` and organisation that has a valid answer: how many on each level, and the
    organisation's description on its first row in the hub and period. ``files`` are hub, place among the hub's, path.

    Raises KeyError for an instrument, a question or a term that is not known.
    """
    hubs, places, paths = zip(*files, strict=True)
    _refuse_too_many(max(places) + 1)
    numbers = session.table({FILE: range(len(files)), "hub": hubs, "place": places})
    questions = [(name, q.id, q.dimension) for name, bank in instruments.items() for q in bank.questions.values()]
    asked = session.table(dict(zip(("instrument", "question", "dimension"), zip(*questions, strict=True), strict=True)))
    on_level = {name: (nw.col("level") == level).cast(nw.Int64) for level, name in enumerate(COUNTS)}
    answers = (
        session.read(paths, _ANSWERS)
        .join(numbers, on=FILE, how="left")
        .join(asked, on=["instrument", "question"], how="left")
        .with_columns(first=nw.col("place") * ROWS_MOST + nw.col(POSITION), **on_level)
        .group_by("hub", *_ORGANISATION, *ATTRIBUTES)
        .agg(*_sums(), nw.col("first").min())
    )
    answers = session.keep(_described(session, answers))
    _refuse_unknown(answers, "dimension", "hub")
    first = answers.group_by("hub", *_SUBJECT).agg(_first("first"))
    counted = answers.group_by("hub", *_ORGANISATION).agg(*_sums())
    valid = counted.filter(nw.sum_horizontal(*COUNTS) > 0).join(first, on=["hub", *_SUBJECT])
    return _collected(valid.select("hub", *_ORGANISATION, *COUNTS, description=_description()))


def _organisations_counted(session: Session, paths: Sequence[Path]) -> tuple[pa.Table, pa.Table, pa.Table]:
    """Of the tables of levels of all hubs, in order of hub: every organisation in every ``TABLE`` with its level, its
    description, and its hub or ``_SEVERAL``; the hubs of those that are in several; and how many organisations there
    are of each ``TABLE``, description, level and hub. Hubs are numbers of files.

    Raises KeyError for a term that is not known.
    """
    _refuse_too_many(len(paths))
    levels = session.keep(_described(session, session.read(paths, (*_ORGANISATION, *ATTRIBUTES, *COUNTS))))
    _refuse_unknown(levels, FILE)
    first = levels.group_by(*_SUBJECT).agg(_first(FILE))
    total = levels.group_by(*_ORGANISATION).agg(*_sums(), nw.col(FILE).min().alias("hub"), nw.len().alias("hubs"))
    hub = nw.when(nw.col("hubs") == 1).then(nw.col("hub")).otherwise(nw.lit(_SEVERAL))
    members = total.join(first, on=list(_SUBJECT)).select(
        *_ORGANISATION, level=_lower_median(), description=_description(), hub=hub.cast(nw.Int64)
    )
    members = session.keep(members)
    in_several = members.filter(nw.col("hub") == _SEVERAL).select(*_ORGANISATION)
    shared = levels.join(in_several, on=list(_ORGANISATION), how="semi").select(*_ORGANISATION, hub=nw.col(FILE))
    cells = members.group_by(*TABLE, "description", "level", "hub").agg(nw.len().cast(nw.Int64).alias("n"))
    return _collected(members), _collected(shared), _collected(cells)


def _described(session: Session, frame: Frame) -> Frame:
    """``frame`` with the ``description`` of each row, ``_UNKNOWN`` where a term is in no vocabulary."""
    columns = zip(*product(*_terms().values()), strict=True)
    known = session.table(dict(zip(ATTRIBUTES, columns, strict=True)) | {"description": range(_descriptions_n())})
    joined = frame.join(known, on=list(ATTRIBUTES), how="left")
    return joined.with_columns(nw.col("description").fill_null(_UNKNOWN).cast(nw.Int64))


def _first(order: str) -> nw.Expr:
    """The description where ``order`` is least, mixed with it; ``_description`` takes it out again."""
    return (nw.col(order).cast(nw.Int64) * _descriptions_n() + nw.col("description")).min().alias("first")


def _description() -> nw.Expr:
    return nw.col("first") % _descriptions_n()


def _sums() -> list[nw.Expr]:
    return [nw.col(name).sum().cast(nw.Int64) for name in COUNTS]


def _lower_median() -> nw.Expr:
    """The level of the middle answer, the lower of two. Somebody has answered."""
    n = nw.sum_horizontal(*COUNTS)
    reached = nw.lit(LEVELS_N - 1)
    for level in reversed(range(LEVELS_N - 1)):
        to_level = nw.sum_horizontal(*COUNTS[: level + 1])
        reached = nw.when(to_level * 2 >= n).then(nw.lit(level)).otherwise(reached)
    return reached.cast(nw.Int64)


def _refuse_unknown(frame: Frame, *columns: str) -> None:
    """Raise KeyError when there is a row with an unknown description, or with nothing in one of ``columns``: joins
    leave that where they find nothing.
    """
    is_unknown = nw.col("description") == _UNKNOWN
    for name in columns:
        is_unknown |= nw.col(name).is_null()
    shown = ("period", "instrument", "dimension", *ATTRIBUTES, *columns)
    found = _collected(frame.filter(is_unknown).select(*dict.fromkeys(shown)).head(1))
    if found.num_rows:
        raise KeyError(f"an instrument, question, term or file that is not known: {found.to_pylist()[0]}")


def _refuse_too_many(files: int) -> None:
    most = 2**63 // (ROWS_MOST * _descriptions_n())
    if files > most:
        raise ValueError(f"{files:,} files are more than can be numbered, which is {most:,}")


def _collected(frame: Frame) -> pa.Table:
    table: pa.Table = frame.collect(backend="pyarrow").to_native()
    return table


# What this process makes of it.


def _terms() -> dict[str, list[str]]:
    return {name: list(vocabulary(scheme).terms) for name, scheme in ATTRIBUTES.items()}


def _descriptions_n() -> int:
    return math.prod(len(terms) for terms in _terms().values())


def _terms_of(description: Integers) -> dict[str, Integers]:
    """The number of the term of each attribute."""
    numbers = np.unravel_index(description, [len(terms) for terms in _terms().values()])
    return dict(zip(ATTRIBUTES, numbers, strict=True))


def _attributes(description: Integers) -> dict[str, pa.DictionaryArray]:
    found = {}
    for name, numbers in _terms_of(description).items():
        terms = _terms()[name]
        short = np.int8 if len(terms) < 2**7 else np.int32
        found[name] = pa.DictionaryArray.from_arrays(pa.array(numbers.astype(short)), pa.array(terms, pa.string()))
    return found


def _by_hub(counted: pa.Table) -> dict[str, pa.Table]:
    """The rows of each hub."""
    names = counted["hub"].combine_chunks().dictionary_encode()
    codes = names.indices.to_numpy()
    return {
        hub: counted.take(pa.array(np.flatnonzero(codes == code)))
        for code, hub in enumerate(names.dictionary.to_pylist())
    }


def _levels(counted: pa.Table, schema: pa.Schema) -> pa.Table:
    """The rows of one hub as ``benchmark.organisation_levels`` gives them, in order of their keys."""
    counted = counted.sort_by([(name, "ascending") for name in _ORGANISATION])
    columns = {name: counted[name].combine_chunks().dictionary_encode() for name in _ORGANISATION}
    columns |= _attributes(counted["description"].to_numpy())
    columns |= {name: counted[name].combine_chunks() for name in COUNTS}
    return pa.table({name: columns[name] for name in schema.names}).cast(schema)


def _members_table(members: pa.Table, shared: pa.Table, hubs: Sequence[str]) -> pa.Table:
    """The table that ``benchmark.combine`` gives: a chunk for each of ``TABLE``, which come in order."""
    if not members.num_rows:
        return combine({})
    names = {name: np.sort(pc.unique(members[name]).to_numpy(zero_copy_only=False)) for name in _ORGANISATION}
    own, of_shared = (_places(table, names) for table in (members, shared))
    order = np.argsort(own)
    members, place = members.take(pa.array(order)), own[order]
    hub = members["hub"].to_numpy()
    is_single = hub != _SEVERAL
    at = np.concatenate([np.flatnonzero(is_single), np.searchsorted(place, of_shared)])
    of_hub = np.concatenate([hub[is_single], shared["hub"].to_numpy()])
    by_row = np.lexsort((of_hub, at))
    offsets = np.append(0, np.cumsum(np.bincount(at, minlength=len(place))))
    values = pa.DictionaryArray.from_arrays(pa.array(of_hub[by_row].astype(np.int16)), pa.array(hubs, pa.string()))
    columns = {}
    for name, terms in names.items():
        codes = _codes(members[name], terms)
        columns[name] = pa.DictionaryArray.from_arrays(pa.array(codes.astype(np.int32)), pa.array(terms, pa.string()))
    columns |= _attributes(members["description"].to_numpy())
    columns["level"] = pa.array(members["level"].to_numpy().astype(np.int8))
    columns["hubs"] = pa.ListArray.from_arrays(pa.array(offsets.astype(np.int32)), values)
    table = place // len(names["organisation"])
    starts = [*np.flatnonzero(np.diff(table, prepend=-1)).tolist(), len(table)]
    whole = pa.table(columns)
    return pa.concat_tables(_alone(whole.slice(start, end - start)) for start, end in pairwise(starts))


def _alone(chunk: pa.Table) -> pa.Table:
    """The rows of one of ``TABLE``, whose keys are in dictionaries of their own."""
    for name in TABLE:
        term = pa.array([chunk[name][0].as_py()], pa.string())
        column = pa.DictionaryArray.from_arrays(np.zeros(chunk.num_rows, np.int32), term)
        chunk = chunk.set_column(chunk.column_names.index(name), name, column)
    return chunk


def _places(table: pa.Table, names: Mapping[str, Any]) -> Integers:
    """A number for the keys of each row, in the order of the keys."""
    place = np.zeros(table.num_rows, np.int64)
    for name, terms in names.items():
        place = place * len(terms) + _codes(table[name], terms)
    return place


def _codes(column: pa.ChunkedArray, terms: Any) -> Integers:
    """The place of each text among ``terms``."""
    codes: Integers = pc.index_in(column.combine_chunks(), pa.array(terms, pa.string())).to_numpy()
    return codes


class _Cells(NamedTuple):
    """How many organisations, ``n``, of each combination of the numbers of their terms, their level, and the number of
    their hub; ``hubs`` has what those numbers stand for.
    """

    terms: Mapping[str, Integers]
    level: Integers
    hub: Integers
    n: Integers
    hubs: Sequence[str]


def _cells_by_key(cells: pa.Table, hubs: Sequence[str]) -> dict[Key, _Cells]:
    coded = [cells[name].combine_chunks().dictionary_encode() for name in TABLE]
    table = np.zeros(cells.num_rows, np.int64)
    for column in coded:
        table = table * len(column.dictionary) + column.indices.to_numpy()
    numbers = {name: cells[name].to_numpy() for name in ("description", "level", "hub", "n")}
    found = {}
    for one in np.unique(table).tolist():
        rows = np.flatnonzero(table == one)
        period, instrument, audience, dimension = (column[int(rows[0])].as_py() for column in coded)
        description, level, hub, n = (numbers[name][rows] for name in numbers)
        found[period, instrument, audience, dimension] = _Cells(_terms_of(description), level, hub, n, hubs)
    return found


def _cube(cells: Mapping[Key, _Cells], levels: pa.Table, policy: Policy) -> Iterator[Counts]:
    """The true counts of each of ``TABLE`` in ``levels``, in order, from what the engine has counted.

    Raises RuntimeError when it has counted others than are in ``levels``.
    """
    breakdowns = [Breakdown.named(name) for name in policy.breakdowns]
    for key, (tie_key, organisations_n) in tie_keys(levels).items():
        one = cells[key]
        if (counted := int(one.n.sum())) != organisations_n:
            there = f"{organisations_n:,} are there"
            raise RuntimeError(f"{' '.join(key)}: {counted:,} organisations were counted, and {there}")
        yield _counts(key, one, breakdowns, tie_key)


def _counts(key: Key, cells: _Cells, cube: Sequence[Breakdown], tie_key: bytes) -> Counts:
    is_own = cells.hub != _SEVERAL
    present, hub = np.unique(cells.hub[is_own], return_inverse=True)  # numbers of hubs are in the order of their ids
    levels, own = [], []
    for breakdown in cube:
        size = len(breakdown.cells) * LEVELS_N
        at = breakdown.cell_of(cells.terms, len(cells.n)) * LEVELS_N + cells.level
        levels.append(_added(at, cells.n, size).reshape(-1, LEVELS_N))
        counted = _added(hub * size + at[is_own], cells.n[is_own], len(present) * size)
        own.append(counted.reshape(len(present), len(breakdown.cells), LEVELS_N))
    names = tuple(cells.hubs[number] for number in present.tolist())
    return Counts(key, tuple(b.name for b in cube), tuple(levels), tuple(own), names, tie_key)


def _added(at: Integers, n: Integers, size: int) -> Integers:
    # Weights are floats, which hold every number of organisations exactly up to 2**53.
    return np.bincount(at, n, size).astype(np.int64)
