"""The suite of a table kind says all that its columns say, and is run quietly."""

from __future__ import annotations

import pandas as pd
import pyarrow as pa
import pytest

from hubs.contract import expectations
from hubs.contract.kinds import table_kinds

KIND = table_kinds()["assessment"]


def unexpected(values: dict[str, list[str | None]]) -> dict[str, list[int]]:
    arrays = {name: pa.array(column, pa.string()) for name, column in values.items()}
    return {name: found.tolist() for name, found in expectations.unexpected_values(KIND, arrays).items()}


def test_the_suite_says_something_about_every_column_and_the_key() -> None:
    suite = expectations.suite(KIND)
    about = {e.column for e in suite.expectations if hasattr(e, "column")}
    assert about == {column.name for column in KIND.columns}
    [key] = [e.column_list for e in suite.expectations if hasattr(e, "column_list")]
    assert tuple(key) == KIND.key


def test_values_are_judged_column_by_column_whatever_their_number() -> None:
    found = unexpected(
        {
            "organisation": ["abcdefgh", "short", "abcdefgh\n", None, "Ärzte-1234"],
            "sector": [None, "health", "Health"],
            "level": ["0", "5", "na", "6", "NA", "05", "5 "],
            "period": ["2026", "2026-Q4", "2026-Q5", "1999"],
            "question": [],
        },
    )
    assert found == {"organisation": [1, 2, 3, 4], "sector": [2], "level": [3, 4, 5, 6], "period": [2, 3]}


def test_no_values_are_no_run() -> None:
    assert unexpected({}) == {}
    assert unexpected({"level": []}) == {}


def test_all_rows_of_a_repeated_key_are_found_and_incomplete_keys_never() -> None:
    keys = pd.DataFrame({"a": [1, 2, 1, None, None, 1], "b": [1, 1, 1, 7, 7, 2]}, index=[9, 8, 7, 6, 5, 4])
    assert expectations.repeated_keys(keys).tolist() == [0, 2]
    assert expectations.repeated_keys(keys[:0]).tolist() == []


def test_an_expectation_that_cannot_be_evaluated_is_a_bug_and_not_a_verdict() -> None:
    with pytest.raises(RuntimeError, match="not evaluated"):
        expectations._unexpected(pd.DataFrame({"other": ["x"]}), expectations._of_values(KIND.column("level")))


def test_nothing_is_printed(capfd: pytest.CaptureFixture[str]) -> None:
    unexpected({"level": ["9"], "period": ["x"]})
    assert capfd.readouterr() == ("", "")
