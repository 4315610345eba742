from __future__ import annotations

from typing import Any

import pytest

from hubs.instruments import instruments
from hubs.mapping.lint import lint
from tests.unit.hubs.mapping.feeds import a_registration, a_source, a_table_source

STATED = {"keys": ["title", "summary"]}


def doubts(*sources: dict[str, Any], **changes: Any) -> list[str]:
    return lint(a_registration(*sources, **changes))


def test_a_sound_mapping_raises_no_doubt() -> None:
    assert doubts(a_source(expect=STATED), a_table_source()) == []
    assert doubts() == []


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"author": "by"}, "fields.author: case_study has no such field. Use one of: id,"),
        ({"sectors": {"constant": "Council"}}, "'Council' is not in the vocabulary sectors. Write local_government."),
        ({"sectors": {"constant": "space"}}, "Use one of: local_government"),
        ({"technology_types": {"key": "t", "map": {"a": ["api", "apps"]}}}, "'apps' is not in the vocabulary"),
        ({"technology_types": {"keywords": {"apps": ["app"]}}}, "'apps' is not in the vocabulary"),
        ({"technology_types": {"keywords": {"api": []}}}, "a term without words"),
        ({"licence": {"constant": "All rights reserved"}}, "vocabulary licences"),
        ({"published": {"key": "d", "dates": "%d/%m"}}, "'%d/%m' is no format for a day"),
        ({"published": {"key": "d", "dates": "day"}}, "'day' is no format for a day"),
        ({"title": {"from": "file_name", "match": "(a)(b)"}}, "only the first group counts"),
        ({"title": {"from": "file_name", "under": "X"}}, "under: has no effect"),
        ({"title": {"constant": "a", "map": {"a": "b"}}}, "map: has no effect on a constant"),
        ({"sectors": {"key": "s", "unmapped": "next"}}, "vanish unnoticed"),
    ],
)
def test_doubts_about_fields(fields: dict[str, Any], said: str) -> None:
    (message,) = doubts(a_source(fields=fields, expect=STATED))
    assert message.startswith("sources.0 (**/*.md) fields.")
    assert said in message


def test_a_required_field_needs_a_rule_or_a_promise_or_a_default() -> None:
    messages = doubts(a_source(), licence=None)
    assert [message.split(" ")[2] for message in messages] == ["fields.licence:", "fields.title:", "fields.summary:"]
    page = {"kind": "faq", "reader": "faq_page", "glob": "a.md", "level": 2}
    assert [message.split(" ")[2] for message in doubts(page)] == ["fields.audience:"]
    assert doubts(page, audience=["decision_maker"]) == []


def test_doubts_about_an_address_that_answers_page_by_page() -> None:
    rows = {"kind": "faq", "reader": "rows", "glob": "records.json", "expect": {"keys": ["id", "question", "answer"]}}
    sound = {"address": "https://hub.example/api", "audience": ["decision_maker"], "paging": {"next": "/next"}}
    assert doubts(rows, **sound) == []
    assert [m.split(":")[0] for m in doubts(rows, **sound | {"address": "feed"})] == ["paging"]
    assert "Add a source" in doubts(rows | {"glob": "*.csv"}, **sound)[0]
    assert "Add a source" in doubts(**sound)[0]
    (message,) = doubts(rows, **sound, public_key=f"ed25519:{'A' * 43}=")
    assert message.startswith("public_key: what comes page by page cannot be signed")


SFTP = {"address": "sftp://hub@hub.example/feed", "host_key": "ssh-ed25519 AAAA", "secret": "HUB"}
S3 = {"address": "s3://bucket/feed"}


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (SFTP | {"host_key": None}, "host_key: an SFTP server is known by its key alone."),
        (SFTP | {"secret": None}, "secret: an SFTP server lets nobody in without one."),
        ({"host_key": "ssh-ed25519 AAAA"}, "host_key: has no effect here."),
        ({"endpoint": "https://store.example"}, "endpoint: has no effect here."),
        (S3 | {"endpoint": "http://store.example"}, "endpoint: http is only for private networks."),
        ({"address": "git+http://hub.example/feed.git"}, "address: git+http is only for private networks."),
        ({"address": "http://hub.example/feed.zip", "secret": "HUB"}, "secret: it would travel unencrypted."),
        ({"address": "http://127.0.0.1:8000/feed.zip"}, "address: leads to this machine or into a private network."),
        ({"address": "https://localhost/feed.zip"}, "address: leads to this machine or into a private network."),
        ({"address": "https://[fd00::1]/feed.zip"}, "address: leads to this machine or into a private network."),
    ],
)
def test_doubts_about_addresses(changes: dict[str, Any], said: str) -> None:
    (message,) = doubts(**changes)
    assert message.startswith(said)


@pytest.mark.parametrize(
    "changes",
    [
        SFTP,
        S3,
        S3 | {"endpoint": "https://store.example"},
        S3 | {"endpoint": "http://store.example", "private_address": True},
        {"address": "git+http://hub.example/feed.git", "private_address": True},
        {"address": "git+https://hub.example/feed.git", "secret": "HUB"},
        {"address": "http://hub.example/feed.zip"},
        {"address": "http://hub.example/feed.zip", "secret": "HUB", "private_address": True},
        {"address": "http://10.0.0.1/feed.zip", "private_address": True},
    ],
)
def test_addresses_that_raise_no_doubt(changes: dict[str, Any]) -> None:
    assert doubts(**changes) == []


def test_doubts_about_pages_and_joins() -> None:
    page = {"kind": "faq", "reader": "faq_page", "glob": "a.md", "line": "^Q:", "question": "x"}
    messages = doubts(page, audience=["decision_maker"])
    assert ["line: has no group" in messages[0], "question: has no effect" in messages[1]] == [True, True]
    join = {"order": ["a.md"], "headings": {"b.md": "B"}}
    assert "join.headings.b.md" in doubts(a_source(join=join, expect=STATED))[0]


@pytest.mark.parametrize(
    ("columns", "said"),
    [
        ({"comment": "x"}, "columns.comment: assessment has no such column"),
        ({"region": {"column": "r", "otherwise": "Cymru"}}, "'Cymru' is not in the vocabulary regions. Write wales."),
        ({"level": {"column": "l", "map": {"good": "6"}}}, "'6' is not allowed. Use one of: 0,"),
        ({"level": {"column": "l", "bins": [1, 2, 3, 4, 5, 6]}}, "6 edges make a level above 5"),
        ({"period": {"constant": "spring"}}, "'spring' does not fit"),
        ({"organisation": {"constant": "org-00000001"}}, "makes all rows the same one"),
        ({"organisation": {"column": "o", "hash": True, "map": {"a": "organisation-a"}}}, "no effect on a hashed key"),
    ],
)
def test_doubts_about_columns(columns: dict[str, Any], said: str) -> None:
    (message,) = doubts(a_table_source(columns=columns))
    assert said in message


def test_a_required_column_needs_a_rule_or_a_promise() -> None:
    source = {"kind": "assessment", "reader": "table", "glob": "*.csv"}
    assert len(doubts(source)) == 10
    assert len(doubts(source | {"expect": {"columns": ["organisation", "level"]}})) == 8


def test_doubts_about_wide_tables() -> None:
    columns = {name: rule for name, rule in a_table_source()["columns"].items() if name not in ("question", "level")}
    scales = {
        "used": {"map": {"yes": "good"}, "bins": [1, 2, 3, 4, 5, 6]},
        "unused": {"bins": [1]},
    }
    wide = {"scales": scales, "questions": {"Question One": {"column": "q", "scale": "used"}}}
    messages = doubts(a_table_source() | {"columns": columns, "wide": wide})
    assert len(messages) == 4
    assert "'good' is not allowed" in messages[0]
    assert "6 edges" in messages[1]
    assert "no question uses it" in messages[2]
    assert "'Question One' does not fit" in messages[3]


@pytest.mark.parametrize(
    ("one", "other", "overlap"),
    [
        ("**/*.md", "posts/*.md", True),
        ("posts/*.md", "posts/a.md", True),
        ("posts/*.md", "posts/[ab].md", True),
        ("a/*.md", "b/*.md", False),
        ("*.md", "*.csv", False),
    ],
)
def test_overlapping_sources(one: str, other: str, overlap: bool) -> None:
    messages = doubts(a_source(glob=one, expect=STATED), a_source(glob=other, expect=STATED))
    assert [("overlaps with sources.0" in message) for message in messages] == [True] * overlap


def test_excluded_files_do_not_overlap() -> None:
    one = a_source(glob="**/*.md", exclude="posts/*.md", expect=STATED)
    assert doubts(one, a_source(glob="posts/*.md", expect=STATED)) == []


def test_a_mapping_to_a_known_question_bank_may_only_name_its_questions() -> None:
    columns = {"instrument": {"constant": "interop-baseline-v1"}}
    source = a_table_source()
    mapped = source | {
        "columns": source["columns"] | columns | {"question": {"column": "q", "map": {"1": "dm-legal-1", "2": "dm-99"}}}
    }
    assert [message for message in doubts(mapped) if "dm-99" in message] == []
    (message,) = [m for m in lint(a_registration(mapped), instruments()) if "dm-" in m]
    assert "dm-99: interop-baseline-v1 has no such question" in message
    bins = source | {"columns": source["columns"] | {"size_band": {"column": "staff", "bins": [50]}}}
    assert any("bins: make levels" in message for message in doubts(bins))
