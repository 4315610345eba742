"""The suite of a table kind says all that its columns say, and is run quietly."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hubs.contract import expectations
from hubs.contract.kinds import table_kinds
from hubs.contract.kinds.base import Column
from tests.unit.hubs.plain import a_batch

if TYPE_CHECKING:
    from great_expectations.validator.metric_configuration import MetricConfiguration

KIND = table_kinds()["assessment"]


def unexpected(values: dict[str, list[str | None]]) -> dict[str, list[int]]:
    arrays = {name: pa.array(column, pa.string()) for name, column in values.items()}
    return {name: np.flatnonzero(mask).tolist() for name, mask in expectations.unexpected_values(KIND, arrays).items()}


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
    assert found == {
        "organisation": [1, 2, 3, 4],
        "sector": [2],
        "level": [3, 4, 5, 6],
        "period": [2, 3],
        "question": [],
    }


def test_no_values_are_nothing_unexpected() -> None:
    assert unexpected({}) == {}
    assert unexpected({"level": []}) == {"level": []}
    assert unexpected({"level": [None], "sector": [None]}) == {"level": [0], "sector": []}


@pytest.mark.filterwarnings("ignore:This pattern is interpreted as a regular expression")
@settings(max_examples=40, deadline=None)
@given(st.data(), st.sampled_from(KIND.columns))
def test_a_value_fails_where_the_report_of_great_expectations_lists_it_and_the_specification_does_not_allow_it(
    data: st.DataObject, column: Column
) -> None:
    good = st.sampled_from(column.allowed) if column.allowed else st.from_regex(column.pattern or "", fullmatch=True)
    nearly = good.flatmap(lambda text: st.sampled_from([f"{text}\n", f" {text}", text.upper(), text[:-1], f"{text}\0"]))
    values = data.draw(st.lists(st.one_of(good, nearly, st.text(max_size=70), st.none()), min_size=1, max_size=30))
    frame = pa.table({column.name: pa.array(values, pa.string())}).to_pandas()
    batch = a_batch(frame)
    listed: set[int] = set()
    for expectation in (*expectations._of_values(column), *expectations._of_presence(column)):
        listed |= set(batch.validate(expectation, result_format="COMPLETE").result["unexpected_index_list"])
    found = set(unexpected({column.name: values})[column.name])
    assert found == listed
    assert found == {i for i, value in enumerate(values) if not _is_allowed(column, value)}


def _is_allowed(column: Column, value: str | None) -> bool:
    if value is None:
        return not column.required
    return value in column.allowed if column.allowed else bool(re.fullmatch(column.pattern or "", value))


def test_all_rows_of_a_repeated_key_are_found_and_incomplete_keys_never() -> None:
    keys = pd.DataFrame({"a": [1, 2, 1, None, None, 1], "b": [1, 1, 1, 7, 7, 2]}, index=[9, 8, 7, 6, 5, 4])
    assert np.flatnonzero(expectations.repeated_keys(keys)).tolist() == [0, 2]
    assert not expectations.repeated_keys(keys[3:5]).any()
    assert expectations.repeated_keys(keys[:0]).tolist() == []


def test_an_expectation_that_cannot_be_evaluated_is_a_bug_and_not_a_verdict() -> None:
    frames = {"level": pd.DataFrame({"other": ["x"]})}
    failing = expectations._failing(frames, expectations._conditions_of_values(KIND.column("level")))
    with pytest.raises(RuntimeError, match="not evaluated"):
        next(failing)


def test_nothing_is_printed(capfd: pytest.CaptureFixture[str]) -> None:
    unexpected({"level": ["9"], "period": ["x"]})
    assert capfd.readouterr() == ("", "")


def test_terms_are_judged_once_and_keys_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    judged = expectations._failing

    def watched(
        frames: dict[str, pd.DataFrame], conditions: list[MetricConfiguration]
    ) -> Iterator[tuple[str, expectations.Mask]]:
        asked.extend(sorted(frames))
        return judged(frames, conditions)

    monkeypatch.setattr(expectations, "_failing", watched)
    expectations._known.cache_clear()
    values = {"organisation": ["abcdefgh", None], "region": ["wales", "Narnia", None, "wales"], "level": ["na", None]}
    first = unexpected(values)
    assert (first, asked) == (
        {"organisation": [1], "region": [1, 2], "level": [1]},
        ["level", "organisation", "region"],
    )
    asked.clear()
    assert (unexpected(values), asked) == (first, ["organisation"])
    asked.clear()
    assert (unexpected({"region": ["Mordor", "wales"], "level": ["na"]}), asked) == (
        {"region": [0], "level": []},
        ["region"],
    )


def test_what_is_known_of_a_column_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(expectations, "MOST_KNOWN", 3)
    expectations._known.cache_clear()
    for _ in range(2):
        assert unexpected({"level": ["1", "8", "2", None, "9"]}) == {"level": [1, 3, 4]}
        assert unexpected({"level": ["1", "8"]}) == {"level": [1]}
        assert unexpected({"level": ["2", "3"]}) == {"level": []}
    assert len(expectations._known(KIND.column("level"))._verdicts) == 3
