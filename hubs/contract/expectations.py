"""The Great Expectations suite of a table kind, and running it: the only module that knows Great Expectations.

What a column may hold is said in the kind's column specification; here it becomes expectations. Which rows a verdict
touches, and what a hub is told, belong in ``hubs.judge.tables``.

An expectation is evaluated as far as the metric that says of each value whether it fails, and no further: the lists of
failing values that Great Expectations reports cost twenty times as much, and a million of them are of use to nobody.
The library takes half a second to import (``gx``), so it is imported at the first use.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pyarrow as pa

from hubs.contract.gx import LOCK, great_expectations
from hubs.contract.kinds.base import Column, TableKind

if TYPE_CHECKING:
    from great_expectations import ExpectationSuite
    from great_expectations.expectations.expectation import Expectation
    from great_expectations.validator.metric_configuration import MetricConfiguration

Mask = np.ndarray[tuple[int], np.dtype[np.bool_]]

_KEYS = "the key"
"""What the table of keys is called while it is judged; one of values is called as its column."""


def suite(kind: TableKind) -> ExpectationSuite:
    """Everything the contract expects of one table of ``kind``: each column alone, and the key of each row."""
    expectations = [e for column in kind.columns for e in (*_of_values(column), *_of_presence(column))]
    made: ExpectationSuite = great_expectations().ExpectationSuite(
        name="contract", expectations=[*expectations, _of_key(kind.key)]
    )
    return made


def unexpected_values(kind: TableKind, values: Mapping[str, pa.Array]) -> dict[str, Mask]:
    """Which values their column may not hold, by column. Null is a value too: a missing one.

    ``values`` are strings and may be of different lengths. A value's verdict never depends on the values beside it, so
    the terms that most tables have are asked about once (``_Known``).
    """
    with LOCK:
        known = {name: _known(kind.column(name)) for name in values}
        asked = {name: known[name].unknown(column_values) for name, column_values in values.items()}
        conditions: list[MetricConfiguration] = []
        for name, unknown in asked.items():
            if unknown.null_count < len(unknown):
                conditions += _conditions_of_values(kind.column(name))
            if unknown.null_count:
                conditions += _conditions_of_presence(kind.column(name))
        unexpected = {name: np.zeros(len(unknown), bool) for name, unknown in asked.items()}
        frames = {name: pa.table({name: unknown}).to_pandas() for name, unknown in asked.items() if len(unknown)}
        for name, mask in _failing(frames, conditions) if conditions else ():
            unexpected[name] |= mask
        return {name: known[name].verdict(values[name], asked[name], unexpected[name]) for name in values}


MOST_KNOWN = 1_000
"""Values of a column whose verdict is kept, and the most values that are looked up one by one."""


class _Known:
    """The verdicts on values of one column that have been judged in this process: on the missing one, and on the first
    ``MOST_KNOWN`` others. Of keys, which are others in every feed, only that on the missing one.
    """

    def __init__(self, column: Column) -> None:
        self._is_key = column.is_key
        self._verdicts: dict[str | None, bool] = {}

    def unknown(self, values: pa.Array) -> pa.Array:
        """Those of ``values`` that have to be judged."""
        if self._is_looked_up(values):
            new = [value for value in dict.fromkeys(values.to_pylist()) if value not in self._verdicts]
            return pa.array(new, pa.string())
        return values.drop_null() if None in self._verdicts else values

    def verdict(self, values: pa.Array, asked: pa.Array, unexpected: Mask) -> Mask:
        """Which of ``values`` are unexpected, now that it is known of those that were ``asked`` about."""
        if self._is_looked_up(values):
            found = self._verdicts | dict(zip(asked.to_pylist(), unexpected.tolist(), strict=True))
            if len(found) <= MOST_KNOWN:
                self._verdicts = found
            return np.fromiter((found[value] for value in values.to_pylist()), bool, len(values))
        is_missing = values.is_null().to_numpy(zero_copy_only=False)
        if len(asked) == len(values):
            if is_missing.any():
                self._verdicts[None] = bool(unexpected[is_missing].any())
            return unexpected
        mask = np.full(len(values), self._verdicts[None])
        mask[~is_missing] = unexpected
        return mask

    def _is_looked_up(self, values: pa.Array) -> bool:
        return not self._is_key and len(values) <= MOST_KNOWN


@cache
def _known(column: Column) -> _Known:
    return _Known(column)


def repeated_keys(keys: pd.DataFrame) -> Mask:
    """Which rows of ``keys`` are equal to another row. A row with a missing value never is."""
    with LOCK:
        [(_, mask)] = _failing({_KEYS: keys.reset_index(drop=True)}, [_condition_of_key(tuple(keys.columns))])
    return mask


def _of_values(column: Column) -> list[Expectation]:
    gxe = great_expectations().expectations
    found: list[Expectation] = []
    if column.allowed:
        found.append(gxe.ExpectColumnValuesToBeInSet(column=column.name, value_set=list(column.allowed)))
    if column.pattern:
        # \A and \Z, since $ would let a line end through.
        found.append(gxe.ExpectColumnValuesToMatchRegex(column=column.name, regex=rf"\A(?:{column.pattern})\Z"))
    return found


def _of_presence(column: Column) -> list[Expectation]:
    gxe = great_expectations().expectations
    return [gxe.ExpectColumnValuesToNotBeNull(column=column.name)] if column.required else []


def _of_key(columns: Sequence[str]) -> Expectation:
    gxe = great_expectations().expectations
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
    great_expectations()
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
