"""Whatever a feed holds, mapping gives a verdict on each file and never fails."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hubs.contract.records import UnreadableTable
from hubs.mapping import Mapped, map_feed
from tests.unit.hubs.mapping.feeds import a_descriptor, a_feed, a_registration, a_source, a_table_source, rows

PIECES = [
    *("---\n", "id: a\n", "title: b\n", "tags: [x, {y: z}]\n", "sectors: [{a: b}, 3, null]\n", "# H\n", "## Q?\n"),
    *(
        "{{",
        "%}",
        "<p>",
        "</p>",
        "<a href=",
        "\r",
        "\u00a0",
        "\ufeff",
        "```\n",
        "===\n",
        "2026-13-45",
        "1e999",
        "9" * 30,
    ),
    *(
        "a,b\n",
        '"',
        "'",
        ",",
        ";",
        "\t",
        "[",
        "{",
        "}",
        "]",
        ":",
        "- ",
        "\x00",
        "\ud7ff",
        "who,asked,score\n",
        "A,q,1\n",
    ),
    "organisation,respondent,audience,organisation_type,size_band,region,period,instrument,question,level\n",
]
TEXTS = st.lists(st.sampled_from(PIECES), max_size=25).map("".join).map(str.encode)
BYTES = st.one_of(
    TEXTS,
    st.binary(max_size=200),
    TEXTS.map(lambda text: b"PK\x03\x04" + text),
    TEXTS.map(lambda text: b"PAR1" + text + b"PAR1"),
    TEXTS.map(lambda text: text.decode().encode("utf-16")),
    TEXTS.map(lambda text: b"\xff\xfe" + text),
)
PATIENT = settings(max_examples=80, deadline=None, database=None, suppress_health_check=[HealthCheck.too_slow])


def accounted(result: Mapped, files: dict[str, bytes]) -> None:
    ended = {entry.file for entry in (*result.documents, *result.tables, *result.skips, *result.findings)}
    assert ended >= set(files)
    with suppress(UnreadableTable):  # a table may break off; what else goes wrong is a fault of ours
        rows(result)


@PATIENT
@given(page=BYTES, table=BYTES, lines=BYTES)
def test_any_feed_in_the_contract_s_shape(page: bytes, table: bytes, lines: bytes) -> None:
    descriptor = a_descriptor(
        {"name": "s", "path": "a.md", "kind": "case_study"},
        {"name": "t", "path": "a.csv", "kind": "assessment"},
        {"name": "r", "path": "a.json", "kind": "faq"},
    ).encode()
    files = {"datapackage.json": descriptor, "a.md": page, "a.csv": table, "a.json": lines}
    with TemporaryDirectory() as folder:
        accounted(map_feed(a_feed(Path(folder), files), a_registration()), files)


@PATIENT
@given(descriptor=BYTES)
@pytest.mark.parametrize("name", ["datapackage.json", "feed.xlsx"])
def test_any_manifest(name: str, descriptor: bytes) -> None:
    files = {name: descriptor, "a.md": b"x"}
    with TemporaryDirectory() as folder:
        result = map_feed(a_feed(Path(folder), files), a_registration())
        assert result.held_by
        accounted(result, files)


@PATIENT
@given(page=BYTES, questions=BYTES, table=BYTES, wide=BYTES, lines=BYTES)
def test_any_feed_in_a_shape_of_its_own(page: bytes, questions: bytes, table: bytes, wide: bytes, lines: bytes) -> None:
    columns = {name: rule for name, rule in a_table_source()["columns"].items() if name not in ("question", "level")}
    unpivot = {"scales": {"s": {"bins": [1]}}, "questions": {"q": {"column": "score", "scale": "s"}}}
    registration = a_registration(
        a_source(
            glob="a.md",
            fields={
                "title": ["title", {"from": "first_heading"}],
                "summary": {"from": "first_paragraph", "limit": 50},
                "technology_types": {"key": "tags", "unmapped": "drop", "map": {"x": ["api", "cloud"]}},
                "published": {"key": "id", "dates": "%d/%m/%Y"},
            },
        ),
        {"kind": "faq", "reader": "faq_page", "glob": "q.md", "level": 2},
        {"kind": "faq", "reader": "rows", "glob": "*.json"},
        a_table_source(glob="a.csv", columns={"organisation": {"column": "who", "hash": True}}),
        a_table_source(glob="b.csv") | {"columns": columns, "wide": unpivot},
    )
    files = {"a.md": page, "q.md": questions, "a.csv": table, "b.csv": wide, "r.json": lines}
    with TemporaryDirectory() as folder:
        accounted(map_feed(a_feed(Path(folder), files), registration), files)
