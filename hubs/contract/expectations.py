"""The Great Expectations suite of a table kind, and running it: the only module that knows Great Expectations.

What a column may hold is said in the kind's column specification; here it becomes expectations. Which rows a verdict
touches, and what a hub is told, belong in ``hubs.judge.tables``.

The library takes seconds to import, so it is imported at the first use, and one context serves the whole process.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Mapping, Sequence
from functools import cache
from threading import RLock
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyarrow as pa

from hubs.contract.kinds.base import Column, TableKind

if TYPE_CHECKING:
    from great_expectations import ExpectationSuite
    from great_expectations.core.batch_definition import BatchDefinition
    from great_expectations.expectations.expectation import Expectation

Positions = np.ndarray[tuple[int], np.dtype[np.int64]]

_RESULT_FORMAT: dict[str, str | bool] = {"result_format": "COMPLETE", "return_unexpected_index_query": False}
"""COMPLETE lists every unexpected position. Positions are all that is wanted, not queries that would find them."""

_LOCK = RLock()
"""One thread at a time: neither the context nor the warning filters are made for several."""


def suite(kind: TableKind) -> ExpectationSuite:
    """Everything the contract expects of one table of ``kind``: each column alone, and the key of each row."""
    expectations = [e for column in kind.columns for e in (*_of_values(column), *_of_presence(column))]
    return _suite([*expectations, _of_key(kind.key)])


def unexpected_values(kind: TableKind, values: Mapping[str, pa.Array]) -> dict[str, Positions]:
    """The positions of the values that their column may not hold, by column. Null is a value too: a missing one.

    ``values`` are strings and may be of different lengths. A value's verdict never depends on the values beside it.
    """
    values = {name: column for name, column in values.items() if len(column)}
    if not values:
        return {}
    height = max(len(column) for column in values.values())
    # A shorter column is filled up with its own first value; the verdict on the filling is not looked at.
    filled = {n: pa.concat_arrays([v, pa.repeat(v[0], height - len(v))]) for n, v in values.items()}
    expectations: list[Expectation] = []
    for name, column_values in values.items():
        column = kind.column(name)
        if column_values.null_count < len(column_values):
            expectations += _of_values(column)
        if column_values.null_count:
            expectations += _of_presence(column)
    is_unexpected = {name: np.zeros(height, bool) for name in values}
    for name, positions in _unexpected(pa.table(filled).to_pandas(), expectations):
        is_unexpected[name][positions] = True
    return {name: np.flatnonzero(mask[: len(values[name])]) for name, mask in is_unexpected.items()}


def repeated_keys(keys: pd.DataFrame) -> Positions:
    """The positions of all rows of ``keys`` that are equal to another row. A row with a missing value never is."""
    if keys.empty:
        return np.array([], np.int64)
    [(_, positions)] = _unexpected(keys.reset_index(drop=True), [_of_key(tuple(keys.columns))])
    return np.sort(np.array(positions, np.int64))


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


def _unexpected(frame: pd.DataFrame, expectations: list[Expectation]) -> list[tuple[str, list[int]]]:
    """For each expectation its column (empty for one about several) and the positions that fail it.

    Raises RuntimeError when an expectation could not be evaluated: that is a bug, never a verdict.
    """
    if not expectations:
        return []
    with _LOCK, warnings.catch_warnings():
        # A pattern may have groups; that nobody asks for their text is no fault.
        warnings.filterwarnings("ignore", "This pattern is interpreted as a regular expression", UserWarning)
        batch = _batch_definition().get_batch(batch_parameters={"dataframe": frame})
        result = batch.validate(_suite(expectations), result_format=_RESULT_FORMAT)
    found = []
    for one in result.results:
        config = one.expectation_config
        if config is None or "unexpected_index_list" not in one.result:
            raise RuntimeError(f"expectation not evaluated: {config}: {one.exception_info}")
        found.append((config.kwargs.get("column", ""), one.result["unexpected_index_list"] or []))
    return found


def _suite(expectations: list[Expectation]) -> ExpectationSuite:
    made: ExpectationSuite = _great_expectations().ExpectationSuite(name="contract", expectations=expectations)
    return made


@cache
def _great_expectations() -> Any:
    os.environ["GX_ANALYTICS_ENABLED"] = "false"
    with _LOCK, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # its imports warn of Python's future, which no user of ours can mend
        import great_expectations
        import great_expectations.expectations
    return great_expectations


@cache
def _batch_definition() -> BatchDefinition:
    context = _great_expectations().get_context(mode="ephemeral")
    context.variables.progress_bars = {"globally": False, "metric_calculations": False}
    asset = context.data_sources.add_pandas("tables").add_dataframe_asset("table")
    definition: BatchDefinition = asset.add_batch_definition_whole_dataframe("whole")
    return definition
