from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from hubs.mapping.spec import SkipWhen
from tests.unit.hubs.mapping.feeds import a_registration, a_source, a_table_source


def problems(*sources: dict[str, Any]) -> str:
    with pytest.raises(ValidationError) as caught:
        a_registration(*sources)
    return str(caught.value)


@pytest.mark.parametrize(
    ("pattern", "why"),
    [
        ("(a+)+b", "group may not be repeated"),
        ("(a|b){5}", "group may not be repeated"),
        ("a*b*c*d*e*", "too many ways"),
        ("^a*b*c*d*e*f", "too many ways"),
        ("x" * 201, "at most 200 characters"),
        ("(open", "not a regular expression"),
    ],
)
def test_a_pattern_that_could_run_away_is_refused(pattern: str, why: str) -> None:
    assert why in problems(a_source(fields={"title": {"from": "file_name", "match": pattern}}))


def test_a_group_may_be_optional() -> None:
    assert a_registration(a_source(fields={"title": {"from": "file_name", "match": "(ab)?c+"}}))


@pytest.mark.parametrize("glob", ["/etc/*", "../other/*.md", "a/../../b"])
def test_a_glob_stays_inside_the_feed(glob: str) -> None:
    assert "stay inside" in problems(a_source(glob=glob))


@pytest.mark.parametrize(
    ("rule", "why"),
    [
        ({"key": "a", "constant": "b"}, "exactly one of"),
        ({"map": {"a": "b"}}, "exactly one of"),
        ({"from": "section"}, "needs the heading"),
        ({"key": "a", "around": "no place"}, "{} once"),
        ({"from": "moon"}, "Input should be"),
        ({"key": "a", "eval": "1"}, "Extra inputs"),
    ],
)
def test_a_rule_says_one_thing(rule: dict[str, Any], why: str) -> None:
    assert why in problems(a_source(fields={"title": rule}))


def test_a_word_stands_for_a_key_and_a_rule_for_a_list() -> None:
    source = a_registration(a_source(fields={"title": "name", "summary": ["a", {"key": "b"}]})).sources[0]
    assert [rule.key for rule in source.fields["title"]] == ["name"]  # type: ignore[union-attr]
    assert [rule.key for rule in source.fields["summary"]] == ["a", "b"]  # type: ignore[union-attr]


def test_readers_read_kinds_they_can_read() -> None:
    assert "not a kind of document" in problems(a_source(kind="assessment"))
    assert "not a kind of table" in problems(a_table_source(kind="faq"))


def test_skip_conditions_are_one_each() -> None:
    with pytest.raises(ValidationError, match="exactly one"):
        SkipWhen(key="a", reason="r")
    with pytest.raises(ValidationError, match="key to look at"):
        SkipWhen(state="missing", reason="r")
    assert SkipWhen(key="a", equals=None, reason="r").equals is None


def test_tables_are_checked_when_the_registration_is_read() -> None:
    assert "must rise" in problems(a_table_source(columns={"level": {"column": "x", "bins": [3, 1]}}))
    wide = {"scales": {"s": {"bins": [1]}}, "questions": {"q": {"column": "c", "scale": "t"}}}
    assert "no scale 't'" in problems(a_table_source(columns={"level": None}, wide=wide) | {"columns": {}})
    assert "come from wide" in problems(
        a_table_source(wide={"scales": {"s": {"bins": [1]}}, "questions": {"q": {"column": "c", "scale": "s"}}})
    )
    assert "either in or not_in" in problems(a_table_source(drop_rows=[{"column": "a", "reason": "r"}]))
    assert "map or bins" in problems(
        {**a_table_source(), "columns": {}, "wide": {"scales": {"s": {}}, "questions": {}}}
    )


def test_a_page_is_split_one_way() -> None:
    assert "either level or line" in problems({"kind": "faq", "reader": "faq_page", "glob": "a.md"})
