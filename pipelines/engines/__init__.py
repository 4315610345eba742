"""Which engine counts returns, by the setting ``counting``: Arrow in this process, DuckDB, or Spark on its executors.

Choosing lives here, and what every engine has to do. Counting by Arrow and numpy is ``benchmark``; the same for the
other two is written once, in ``frames``. They are imported when they are chosen. All give the same numbers: a release
does not show which one counted (docs/adr/0043). What may be told of the numbers is for ``disclose``.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Protocol

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from hubs.instruments import Instrument
from pipelines import benchmark
from pipelines.cube import Counts
from pipelines.files import Damaged
from pipelines.policy import Policy
from pipelines.settings import COUNTING, SPARK_MASTER, UnusableSettings, named
from pipelines.waves import Wave, by_wave

Returns = Mapping[str, Sequence[Path]]
"""By hub the Parquet files with the accepted rows of its assessment tables, in the order of the feed."""

LOCAL = "local[*]"
"""The Spark master while nobody names one: this machine, with all its cores."""


@dataclass(frozen=True)
class Everybody:
    """The organisations of all hubs: ``waves``, which come in order, each with its rows of what ``benchmark.combine``
    gives; and ``cube``, which counts those of a wave as ``benchmark.cube`` does.

    A wave may be made when it is asked for, so that only one is in memory: who has done with it lets it go. Asked for
    its waves again, it makes them again. Raises files.Damaged then.
    """

    waves: Iterable[tuple[Wave, pa.Table]]
    cube: Callable[[pa.Table, Policy], Iterator[Counts]]


class Engine(Protocol):
    """One way of counting. ``is_at_once`` says that many hubs together cost it hardly more than one."""

    name: str
    is_at_once: bool

    def organisation_levels(
        self, returns: Returns, instruments: Mapping[str, Instrument]
    ) -> Iterator[tuple[str, pa.Table]]:
        """Each hub with its organisations' answers by level, as ``benchmark.organisation_levels`` gives them, in
        whatever order of rows. Raises KeyError as that does.
        """
        ...

    def everybody(self, levels: Mapping[str, Path]) -> Everybody:
        """The organisations of all hubs, an organisation once. ``levels`` has by hub the Parquet file in which its
        table is kept, best a row group for each period (``benchmark.by_period``). Raises files.Damaged.
        """
        ...


class Arrow:
    """Arrow and numpy in this process, a hub at a time (docs/adr/0020)."""

    name = "arrow"
    is_at_once = False

    def organisation_levels(
        self, returns: Returns, instruments: Mapping[str, Instrument]
    ) -> Iterator[tuple[str, pa.Table]]:
        for hub, paths in returns.items():
            yield hub, benchmark.organisation_levels(paths, instruments)

    def everybody(self, levels: Mapping[str, Path]) -> Everybody:
        return Everybody(_Waves(levels), benchmark.cube)


@dataclass(frozen=True)
class _Waves:
    """The waves of what is kept in Parquet files by hub. A period is read at a time: an organisation is described in
    the same way in all its waves, and another period has no say in it.
    """

    paths: Mapping[str, Path]

    def __iter__(self) -> Iterator[tuple[Wave, pa.Table]]:
        groups: defaultdict[str, dict[str, list[int]]] = defaultdict(dict)
        for hub, path in self.paths.items():
            for number, periods in enumerate(_periods(path)):
                for period in periods:
                    groups[period].setdefault(hub, []).append(number)
        for period in sorted(groups):
            yield from by_wave(benchmark.combined(_Files(self.paths, period, groups.pop(period))))


def _periods(path: Path) -> list[list[str]]:
    """The periods in each row group of a file of levels."""
    with _opened(path) as file:
        groups = (file.read_row_group(n, columns=["period"], use_threads=False) for n in range(file.num_row_groups))
        return [pc.unique(group["period"]).to_pylist() for group in groups]


@contextmanager
def _opened(path: Path) -> Iterator[pq.ParquetFile]:
    try:
        with pq.ParquetFile(path) as file:
            yield file
    except pa.ArrowInvalid as error:
        raise Damaged(path) from error


class _Files(Mapping[str, pa.Table]):
    """What hubs have of one period, which is in the row ``groups`` of their files. Each is read when it is asked for:
    all at once would not be flat in the number of hubs.
    """

    def __init__(self, paths: Mapping[str, Path], period: str, groups: Mapping[str, list[int]]) -> None:
        self._paths, self._period, self._groups = paths, period, groups

    def __getitem__(self, hub: str) -> pa.Table:
        with _opened(self._paths[hub]) as file:
            levels = file.read_row_groups(self._groups[hub], use_threads=False)
        is_here = pc.equal(levels["period"], self._period)
        return levels if pc.all(is_here).as_py() else levels.filter(is_here)

    def __iter__(self) -> Iterator[str]:
        return iter(self._groups)

    def __len__(self) -> int:
        return len(self._groups)


ARROW: Engine = Arrow()
"""What counts when nobody says otherwise."""


def chosen() -> Engine:
    """The engine that the settings name. It is imported, and a session with Spark begins, when something is counted.

    Raises UnusableSettings when there is no such engine, or it is not installed.
    """
    name = named(COUNTING) or ARROW.name
    if name == ARROW.name:
        return ARROW
    if name not in _OTHERS:
        known = ", ".join((ARROW.name, *_OTHERS))
        raise UnusableSettings(f"{COUNTING} = {name!r}: no such engine; write one of {known}")
    needs, load = _OTHERS[name]
    if missing := [package for package in needs if find_spec(package) is None]:
        raise UnusableSettings(
            f"{COUNTING} = {name!r}: {' and '.join(missing)} is not installed; install hubpacks with its extra, as "
            f"hubpacks[{name}], or write {COUNTING} = {ARROW.name!r}"
        )
    return _Late(name, load)


class _Late:
    """An engine that is loaded when it is used: most commands count nothing."""

    is_at_once = True

    def __init__(self, name: str, load: Callable[[], Engine]) -> None:
        self.name = name
        self._loaded = cache(load)

    def organisation_levels(
        self, returns: Returns, instruments: Mapping[str, Instrument]
    ) -> Iterator[tuple[str, pa.Table]]:
        return self._loaded().organisation_levels(returns, instruments)

    def everybody(self, levels: Mapping[str, Path]) -> Everybody:
        return self._loaded().everybody(levels)


def _duckdb() -> Engine:
    from pipelines.engines.duck import Duck

    return Duck()


def _spark() -> Engine:
    from pipelines.engines.spark import Spark

    return Spark(named(SPARK_MASTER) or LOCAL)


_OTHERS: Mapping[str, tuple[tuple[str, ...], Callable[[], Engine]]] = {
    "duckdb": (("duckdb", "narwhals"), _duckdb),
    "spark": (("pyspark", "narwhals"), _spark),
}
"""What each other engine needs installed, and how it is loaded."""
