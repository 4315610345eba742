"""The Great Expectations suite of a table kind, and running it: the only module that knows Great Expectations.

What a column may hold is said in the kind's column specification; here it becomes expectations. Which rows a verdict
touches, and what a hub is told, belong in ``hubs.judge.tables``.

An expectation is evaluated as far as the metric that says of each value whether it fails, and no further: the lists of
failing values that Great Expectations reports cost twenty times as much, and a million of them are of use to nobody.
The library takes a second to import, so it is imported at the first use.
"""

from __future__ import annotations

import gc
import os
import sys
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from importlib.machinery import ModuleSpec, PathFinder
from importlib.util import LazyLoader
from threading import RLock
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyarrow as pa

from hubs.contract.kinds.base import Column, TableKind

if TYPE_CHECKING:
    from great_expectations import ExpectationSuite
    from great_expectations.expectations.expectation import Expectation
    from great_expectations.validator.metric_configuration import MetricConfiguration

Mask = np.ndarray[tuple[int], np.dtype[np.bool_]]

_KEYS = "the key"
"""What the table of keys is called while it is judged; one of values is called as its column."""

_LOCK = RLock()
"""One thread at a time: neither the import nor the warning filters nor metrics are made for several."""


def suite(kind: TableKind) -> ExpectationSuite:
    """Everything the contract expects of one table of ``kind``: each column alone, and the key of each row."""
    expectations = [e for column in kind.columns for e in (*_of_values(column), *_of_presence(column))]
    made: ExpectationSuite = _great_expectations().ExpectationSuite(
        name="contract", expectations=[*expectations, _of_key(kind.key)]
    )
    return made


def unexpected_values(kind: TableKind, values: Mapping[str, pa.Array]) -> dict[str, Mask]:
    """Which values their column may not hold, by column. Null is a value too: a missing one.

    ``values`` are strings and may be of different lengths. A value's verdict never depends on the values beside it.
    """
    unexpected = {name: np.zeros(len(column), bool) for name, column in values.items()}
    conditions: list[MetricConfiguration] = []
    with _LOCK:
        for name, column_values in values.items():
            if column_values.null_count < len(column_values):
                conditions += _conditions_of_values(kind.column(name))
            if column_values.null_count:
                conditions += _conditions_of_presence(kind.column(name))
        frames = {name: pa.table({name: column_values}).to_pandas() for name, column_values in values.items()}
        for name, mask in _failing(frames, conditions):
            unexpected[name] |= mask
    return unexpected


def repeated_keys(keys: pd.DataFrame) -> Mask:
    """Which rows of ``keys`` are equal to another row. A row with a missing value never is."""
    with _LOCK:
        [(_, mask)] = _failing({_KEYS: keys.reset_index(drop=True)}, [_condition_of_key(tuple(keys.columns))])
    return mask


def _of_values(column: Column) -> list[Expectation]:
    gxe = _great_expectations().expectations
    found: list[Expectation] = []
    if column.allowed:
        found.append(gxe.ExpectColumnValuesToBeInSet(column=column.name, value_set=list(column.allowed)))
    if column.pattern:
        # \A and \Z, since $ would let a line end through.
        found.append(gxe.ExpectColumnValuesToMatchRegex(column=column.name, regex=rf"\A(?:{column.pattern})\Z"))
    return found


def _of_presence(column: Column) -> list[Expectation]:
    gxe = _great_expectations().expectations
    return [gxe.ExpectColumnValuesToNotBeNull(column=column.name)] if column.required else []


def _of_key(columns: Sequence[str]) -> Expectation:
    gxe = _great_expectations().expectations
    expectation: Expectation = gxe.ExpectCompoundColumnsToBeUnique(
        column_list=list(columns), ignore_row_if="any_value_is_missing"
    )
    return expectation


# Running expectations.


@cache
def _conditions_of_values(column: Column) -> list[MetricConfiguration]:
    return [_condition(expectation, column.name) for expectation in _of_values(column)]


@cache
def _conditions_of_presence(column: Column) -> list[MetricConfiguration]:
    return [_condition(expectation, column.name) for expectation in _of_presence(column)]


@cache
def _condition_of_key(columns: tuple[str, ...]) -> MetricConfiguration:
    return _condition(_of_key(columns), _KEYS)


def _condition(expectation: Expectation, frame: str) -> MetricConfiguration:
    """The metric that says of each row of ``frame`` whether it fails ``expectation``. It has the parameters of the
    metric that counts the failing rows, which is made from it.
    """
    from great_expectations.validator.metric_configuration import MetricConfiguration

    count = expectation.get_validation_dependencies().metric_configurations[
        f"{expectation.map_metric}.unexpected_count"
    ]
    return MetricConfiguration(
        f"{expectation.map_metric}.condition",
        count.metric_domain_kwargs | {"batch_id": frame},
        count.metric_value_kwargs,
    )


def _failing(frames: dict[str, pd.DataFrame], conditions: list[MetricConfiguration]) -> Iterator[tuple[str, Mask]]:
    """For each condition the frame it is about, and which of its rows fail. Frames are numbered from 0.

    Raises RuntimeError when a condition could not be evaluated: that is a bug, never a verdict.
    """
    _great_expectations()
    from great_expectations.execution_engine import PandasExecutionEngine
    from great_expectations.validator.metrics_calculator import MetricsCalculator

    with warnings.catch_warnings():
        # A pattern may have groups; that nobody asks for their text is no fault.
        warnings.filterwarnings("ignore", "This pattern is interpreted as a regular expression", UserWarning)
        engine = PandasExecutionEngine(batch_data_dict=frames)
        found, failed = MetricsCalculator(engine).compute_metrics(conditions)
    if failed:
        raise RuntimeError(f"not evaluated: {failed}")
    for condition in conditions:
        name = condition.metric_domain_kwargs["batch_id"]
        fails, *_ = found[condition.id]  # without the rows that the expectation passes over
        mask = np.zeros(len(frames[name]), bool)
        mask[fails.index[fails]] = True
        yield name, mask


# Importing the library.


@cache
def _great_expectations() -> Any:
    os.environ["GX_ANALYTICS_ENABLED"] = "false"
    with _LOCK, _without_what_no_table_needs(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # its imports warn of Python's future, which no user of ours can mend
        import great_expectations
        import great_expectations.expectations
    return great_expectations


_PUT_OFF = frozenset({"altair", "scipy.stats"})
"""For expectations about distributions: imported when one of them is used, which none is."""
_NOT_NEEDED = ("sqlalchemy", "pyspark", "pyspark.sql.connect")
"""For tables in databases and on Spark. Great Expectations does without where they are not installed. The last one ends
the process (SystemExit) where it finds no main module, as in workers that were started by another process.
"""


@contextmanager
def _without_what_no_table_needs() -> Iterator[None]:
    """Within it importing Great Expectations takes half as long. Nothing is changed for who imports these later."""
    hidden = [name for name in _NOT_NEEDED if name not in sys.modules]
    is_collecting = gc.isenabled()
    sys.meta_path.insert(0, _PutOff)
    for name in hidden:
        sys.modules[name] = None  # type: ignore[assignment]  # documented: an import of it fails
    gc.disable()  # next to nothing of what an import makes is garbage
    try:
        yield
    finally:
        if is_collecting:
            gc.enable()
        for name in hidden:
            del sys.modules[name]
        sys.meta_path.remove(_PutOff)


class _PutOff:
    """Finds the modules of ``_PUT_OFF``, to be loaded when something of them is asked for."""

    @staticmethod
    def find_spec(name: str, path: Sequence[str] | None, target: Any = None) -> ModuleSpec | None:
        """See importlib.abc.MetaPathFinder."""
        spec = PathFinder.find_spec(name, path, target) if name in _PUT_OFF else None
        if spec is not None and spec.loader is not None:
            spec.loader = LazyLoader(spec.loader)
        return spec
