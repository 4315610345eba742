from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from hubs.contract.records import UnreadableTable
from tests.feeds import an_answer, csv_text
from tests.unit.hubs.mapping.feeds import a_descriptor, a_workbook, codes, mapped, only, rows

STUDY = "---\nid: one\ntitle: Title\nsummary: Short.\nsectors: [health]\ntechnology_types: APIs\n---\nBody text.\n"


def a_resource(path: object, kind: str | None = "case_study", **changes: Any) -> dict[str, Any]:
    resource: dict[str, Any] = {"name": "records", "path": path} | changes
    return resource | ({"hubpacks": {"kind": kind}} if kind else {})


def a_csv(*answers: dict[str, str]) -> str:
    return csv_text(answers or [an_answer()])


def test_markdown_is_read_with_front_matter_as_fields_and_body_as_text(tmp_path: Path) -> None:
    document = only(
        mapped(tmp_path, {"datapackage.json": a_descriptor(a_resource("studies")), "studies/one.md": STUDY})
    )
    assert document.fields == {
        "id": "one",
        "title": "Title",
        "summary": "Short.",
        "sectors": ["health"],
        "technology_types": "api",
        "body": "Body text.",
        "licence": "OGL-UK-3.0",
        "language": "en",
    }
    assert document.derived == {"licence": "registration", "language": "registration"}
    assert document.raw == STUDY.encode()


@pytest.mark.parametrize("path", ["s/*.md", ["s/a.md", "s/b.md"], "s", "./s/", "**/*.md"])
def test_paths_are_names_lists_folders_and_globs(tmp_path: Path, path: object) -> None:
    files = {"datapackage.json": a_descriptor(a_resource(path)), "s/a.md": STUDY, "s/b.md": STUDY}
    assert [d.file for d in mapped(tmp_path, files).documents] == ["s/a.md", "s/b.md"]


@pytest.mark.parametrize("path", ["../a.md", "/etc/passwd", "https://example.org/a.md", "a\\..\\b.md"])
def test_a_path_out_of_the_feed_is_unsafe(tmp_path: Path, path: str) -> None:
    assert codes(mapped(tmp_path, {"datapackage.json": a_descriptor(a_resource(path))})) == ["unsafe_path"]


def test_a_listed_file_that_is_not_there_is_missed(tmp_path: Path) -> None:
    assert codes(mapped(tmp_path, {"datapackage.json": a_descriptor(a_resource("a.md"))})) == ["missing_file"]


def test_a_path_with_many_wildcards_is_refused(tmp_path: Path) -> None:
    files = {"datapackage.json": a_descriptor(a_resource("**/a*/b*/c*/*.md")), "a/b/c/d.md": STUDY}
    result = mapped(tmp_path, files)
    assert [(f.code, f.detail) for f in result.findings if f.detail] == [
        ("missing_file", "a path may have at most 4 wildcards")
    ]


@pytest.mark.parametrize("kind", ["recipe", None])
def test_files_of_an_unknown_kind_are_named(tmp_path: Path, kind: str | None) -> None:
    files = {"datapackage.json": a_descriptor(a_resource("a.md", kind)), "a.md": STUDY}
    result = mapped(tmp_path, files)
    assert codes(result) == ["unmapped_file"]
    assert result.held_by == ()


def test_files_that_nothing_lists_are_findings_and_papers_about_the_feed_are_skips(tmp_path: Path) -> None:
    files = {"README.md": "x", "LICENCE": "x", "pic.PNG": "x", ".gitignore": "x", "notes.txt": "x"}
    result = mapped(tmp_path, {"datapackage.json": a_descriptor(), **files})
    assert [(f.code, f.file) for f in result.findings] == [("unmapped_file", "notes.txt")]
    assert {s.file for s in result.skips} == {"datapackage.json", "README.md", "LICENCE", "pic.PNG", ".gitignore"}
    assert all(skip.reason for skip in result.skips)


@pytest.mark.parametrize(
    ("content", "code"),
    [
        ("<!DOCTYPE html><html>Log in</html>", "not_a_feed"),
        ("{", "unreadable_manifest"),
        ("[]", "unreadable_manifest"),
        ('{"resources": [{"name": "a"}]}', "unreadable_manifest"),
        ('{"resources": [{"path": "a.md"}]}', "unreadable_manifest"),
        ('{"resources": ["a"]}', "unreadable_manifest"),
        ("[" * 100_000, "unreadable_manifest"),
        ('{"resources": [], "hubpacks": {"contract": "9"}}', "unsupported_contract"),
        ('{"resources": []}', "unsupported_contract"),
    ],
)
def test_a_manifest_that_cannot_be_used_holds_the_feed(tmp_path: Path, content: str, code: str) -> None:
    result = mapped(tmp_path, {"datapackage.json": content})
    assert result.held_by == (code,)
    assert code in codes(result)


def test_a_folder_without_manifest_and_workbook_is_no_feed(tmp_path: Path) -> None:
    assert mapped(tmp_path, {"a.md": STUDY}).held_by == ("not_a_feed",)
    assert mapped(tmp_path, {"a.ods": b"", "b.xlsx": b""}).held_by == ("not_a_feed",)
    assert mapped(tmp_path, {"a.ods": b"PK\x03\x04 nothing"}).held_by == ("not_a_feed",)
    assert mapped(tmp_path, {"a.xlsx": b"<html>Log in</html>"}).held_by == ("not_a_feed",)


def test_unreadable_front_matter_keeps_id_and_text_and_can_only_be_quarantined(tmp_path: Path) -> None:
    text = "---\nid: one\ntitle: a: b\n---\nBody.\n"
    result = mapped(tmp_path, {"datapackage.json": a_descriptor(a_resource("*.md")), "a.md": text})
    document = only(result)
    assert document.faults == ("unreadable_front_matter",)
    assert (document.fields["id"], document.fields["body"]) == ("one", "Body.")
    finding = result.findings[0]
    assert (finding.code, finding.record) == ("unreadable_front_matter", "one")
    assert "line 2" in (finding.detail or "")


def test_drafts_are_left_out_and_told(tmp_path: Path) -> None:
    text = STUDY.replace("id: one", "id: one\ndraft: true")
    result = mapped(tmp_path, {"datapackage.json": a_descriptor(a_resource("*.md")), "a.md": text})
    assert result.documents == []
    assert codes(result) == ["skipped_draft"]
    ready = mapped(
        tmp_path / "2",
        {
            "datapackage.json": a_descriptor(a_resource("*.md")),
            "a.md": STUDY.replace("id: one", "id: one\ndraft: false"),
        },
    )
    assert "draft" not in only(ready).fields


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("q.csv", "ID,Question,Technology types\n7,What?,api\n"),
        ("q.csv", b"\xef\xbb\xbfid;question;technology-types\r\n7;What?;api\r\n"),
        ("q.json", '[{"id": 7, "question": "What?", "technology_types": "api"}]'),
        ("q.json", '{"faqs": [{"id": 7, "question": "What?", "technology_types": "api"}]}'),
        ("q.jsonl", '{"id": 7, "question": "What?", "technology_types": "api"}\n'),
    ],
)
def test_documents_come_as_rows_too(tmp_path: Path, name: str, content: str | bytes) -> None:
    files = {"datapackage.json": a_descriptor(a_resource(name, "faq")), name: content}
    document = only(mapped(tmp_path, files))
    assert document.place == "row 1"
    assert {k: document.fields[k] for k in ("id", "question", "technology_types")} == {
        "id": "7",
        "question": "What?",
        "technology_types": "api",
    }


@pytest.mark.parametrize(
    "content",
    [
        "a,b\n1,2,3\n",
        "",
        'a,b\n"1,2\n',
        "<html>Log in</html>",
        "[1]",
        '{"a": 1}\n{"b"\n',
        "[" + "1" * 5000 + "]",
        "[" * 100_000,
        b"PK\x03\x04 nothing",
    ],
)
def test_rows_that_cannot_be_read_are_a_finding(tmp_path: Path, content: str | bytes) -> None:
    files = {"datapackage.json": a_descriptor(a_resource("q.csv", "faq")), "q.csv": content}
    result = mapped(tmp_path, files)
    assert codes(result) == ["unreadable_file"]
    assert result.documents == []


def test_a_web_page_in_place_of_markdown_is_unreadable(tmp_path: Path) -> None:
    files = {"datapackage.json": a_descriptor(a_resource("a.md")), "a.md": "<!doctype html><p>Log in"}
    assert codes(mapped(tmp_path, files)) == ["unreadable_file"]


def test_windows_text_is_read_with_a_warning(tmp_path: Path) -> None:
    files = {
        "datapackage.json": a_descriptor(a_resource("a.md")),
        "a.md": STUDY.replace("Body", "Café").encode("cp1252"),
    }
    result = mapped(tmp_path, files)
    assert only(result).fields["body"] == "Café text."
    assert codes(result) == ["wrong_encoding"]


# Tables.


def a_table(tmp_path: Path, content: str | bytes, name: str = "a.csv") -> Any:
    return mapped(tmp_path, {"datapackage.json": a_descriptor(a_resource(name, "assessment")), name: content})


def test_a_table_has_the_contract_s_columns_and_row_numbers(tmp_path: Path) -> None:
    result = a_table(tmp_path, a_csv(an_answer(), an_answer(level="na")))
    assert rows(result) == [
        an_answer() | {"sector": "health", "row": 1},
        an_answer(level="na") | {"sector": "health", "row": 2},
    ]
    batch = next(result.tables[0].batches())
    assert batch.schema.field("level").type == pa.dictionary(pa.int32(), pa.string())
    assert batch.schema.field("row").type == pa.int64()
    assert result.tables[0].derived == {"sector": "registration"}


def test_a_table_can_be_opened_twice(tmp_path: Path) -> None:
    result = a_table(tmp_path, a_csv())
    assert rows(result) == rows(result) != []


def test_columns_stand_in_any_order_and_spelling_and_others_are_never_read(tmp_path: Path) -> None:
    answer = an_answer()
    header = [name.replace("_", " ").title() for name in reversed(answer)]
    text = ",".join(["Comments", *header]) + "\n" + ",".join(['"Ask Ms X,\nplease"', *reversed(answer.values())]) + "\n"
    result = a_table(tmp_path, text)
    assert [(f.code, f.field) for f in result.findings] == [("column_not_allowed", "Comments")]
    assert rows(result) == [answer | {"sector": "health", "row": 1}]


def test_many_columns_that_are_not_allowed_share_a_finding(tmp_path: Path) -> None:
    extra = [f"x{number}" for number in range(40)]
    text = ",".join([*an_answer(), *extra]) + "\n" + ",".join([*an_answer().values(), *extra]) + "\n"
    finding = a_table(tmp_path, text).findings[0]
    assert (finding.code, finding.count) == ("column_not_allowed", 40)


def test_a_missing_column_is_named_and_the_table_left(tmp_path: Path) -> None:
    result = a_table(tmp_path, a_csv().replace("region", "area"))
    assert [(f.code, f.field) for f in result.findings] == [
        ("missing_column", "region"),
        ("column_not_allowed", "area"),
    ]
    assert result.tables == []


def test_a_sector_column_counts_and_its_gaps_are_filled(tmp_path: Path) -> None:
    header = ",".join([*an_answer(), "sector"])
    lines = [",".join([*an_answer().values(), sector]) for sector in ("housing", "", "health")]
    result = a_table(tmp_path, "\n".join([header, *lines]) + "\n")
    assert [row["sector"] for row in rows(result)] == ["housing", "health", "health"]
    dictionary = next(result.tables[0].batches()).column("sector").chunk(0).dictionary.to_pylist()
    assert sorted(dictionary) == ["health", "housing"]


@pytest.mark.parametrize(
    "content",
    [
        "",
        "\n\n",
        "<html>Log in</html>",
        b"PAR1 nothing",
        b"PK\x03\x04 nothing",
        b"\x81,\xff\n1,2\n",
        ",".join([*an_answer(), "level"]) + "\n1\n",
    ],
)
def test_what_is_no_table_is_unreadable(tmp_path: Path, content: str | bytes) -> None:
    assert codes(a_table(tmp_path, content)) == ["unreadable_file"]


def test_a_table_without_rows_is_told(tmp_path: Path) -> None:
    assert codes(a_table(tmp_path, ",".join(an_answer()) + "\n")) == ["no_records_in_file"]


def test_a_ragged_table_fails_without_showing_its_content(tmp_path: Path) -> None:
    result = a_table(tmp_path, a_csv() + "secret words,x\n")
    with pytest.raises(UnreadableTable) as caught:
        rows(result)
    assert caught.value.finding.code == "unreadable_file"
    assert "2 cells where the header names 10" in (caught.value.finding.detail or "")
    assert "secret" not in str(caught.value.finding)


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "cp1252"])
def test_tables_in_other_encodings_are_read(tmp_path: Path, encoding: str) -> None:
    text = a_csv(an_answer(organisation="café-0001")).replace(",level", ",level,Naïve", 1).replace(",3\n", ",3,x\n")
    result = a_table(tmp_path, text.encode(encoding))
    assert rows(result)[0]["organisation"] == "café-0001"
    assert ("wrong_encoding" in codes(result)) == (encoding != "utf-8-sig")


def test_parquet_of_numbers_and_texts_is_read(tmp_path: Path) -> None:
    columns = {name: [value, value] for name, value in an_answer().items()} | {"level": pa.array([3, None])}
    pq.write_table(pa.table(columns), tmp_path / "p")
    result = a_table(tmp_path, (tmp_path / "p").read_bytes(), "a.parquet")
    assert [(row["level"], row["row"]) for row in rows(result)] == [("3", 1), ("", 2)]


def test_a_workbook_is_known_by_its_first_bytes(tmp_path: Path) -> None:
    answer = an_answer()
    lines: list[list[object]] = [list(answer), [*list(answer.values())[:-1], 3.0], [], list(answer.values())]
    result = a_table(tmp_path, a_workbook({"Sheet1": lines}), "a.csv")
    assert [(row["level"], row["row"]) for row in rows(result)] == [("3", 1), ("3", 3)]


# Workbooks.


def test_a_workbook_has_a_sheet_a_kind(tmp_path: Path) -> None:
    answer = an_answer()
    content = a_workbook(
        {
            "Cover": [["About us"]],
            "Case studies": [["ID", "Title", "Summary", "Body"], ["one", "Title", "Short.", "Text."]],
            "FAQ": [["id", "question"], [2, "What?"]],
            "assessment": [list(answer), [*list(answer.values())[:-1], 3]],
            "Budget": [["secret"], [1]],
        },
    )
    result = mapped(tmp_path, {"feed.xlsx": content})
    assert [(d.kind, d.fields["id"], d.place) for d in result.documents] == [
        ("case_study", "one", "sheet Case studies, row 1"),
        ("faq", "2", "sheet FAQ, row 1"),
    ]
    assert rows(result) == [answer | {"sector": "health", "row": 1}]
    assert [(f.code, f.detail) for f in result.findings] == [("unmapped_file", "sheet Budget")]
    assert [skip.place for skip in result.skips] == ["sheet Cover"]
    assert result.held_by == ()


def test_a_workbook_without_a_known_sheet_is_no_feed(tmp_path: Path) -> None:
    assert mapped(tmp_path, {"f.xlsx": a_workbook({"Budget": [["x"]]})}).held_by == ("not_a_feed",)


def test_sheets_that_hold_nothing_of_use_are_findings(tmp_path: Path) -> None:
    content = a_workbook(
        {"FAQs": [["id", "question"]], "Case studies": [], "Case study": [[" "], ["x"]], "Assessments": [[" "], ["x"]]},
    )
    result = mapped(tmp_path, {"f.xlsx": content})
    assert codes(result).count("no_records_in_file") == 2
    assert codes(result).count("unreadable_file") == 2
