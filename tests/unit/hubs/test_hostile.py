"""What strangers, old programs and mishaps put into a feed: each ends in a finding with its code, and the good record
beside it is accepted.
"""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Mapping
from pathlib import Path

import pytest
import xlsxwriter

from hubs.contract.findings import CODES, Severity
from hubs.contract.verdict import Verdict
from tests import feeds
from tests.badfeeds import compound_file, study_text, written
from tests.feeds import a_case_study, a_faq, answers_of, as_cells, csv_text

GOOD = {"good.json": json.dumps([a_faq()]).encode()}


def judged(folder: Path, files: Mapping[str, bytes]) -> Verdict:
    """The verdict on these files."""
    return feeds.judged(written(folder / "feed", files))


def beside_a_good_one(folder: Path, kind: str, files: Mapping[str, bytes]) -> Verdict:
    """The verdict on ``files`` of ``kind`` in a feed with a good question, which must be accepted."""
    resources = [
        {"name": "good", "path": "good.json", "hubpacks": {"kind": "faq"}},
        {"name": "hostile", "path": list(files), "hubpacks": {"kind": kind}},
    ]
    descriptor = {"hubpacks": {"contract": "1"}, "resources": resources}
    verdict = judged(folder, {"datapackage.json": json.dumps(descriptor).encode()} | GOOD | dict(files))
    assert verdict.held_by == ()
    assert "what-is-an-api" in [record.document.id for record in verdict.records]
    return verdict


def found(verdict: Verdict) -> list[tuple[str, str | None]]:
    """Code and field of each finding."""
    return [(finding.code, finding.field) for finding in verdict.findings]


MANY = [f"word-{number}" for number in range(35_000)]


# Too much of a good thing.


@pytest.mark.parametrize("field", ["technology_types", "sectors", "standards_used", "organisations"])
def test_thirty_five_thousand_values_make_one_finding(field: str, tmp_path) -> None:
    verdict = beside_a_good_one(tmp_path, "case_study", {"a.md": study_text(**{field: MANY}).encode()})
    assert found(verdict) == [("too_many_values", field)]
    assert [entry.record for entry in verdict.quarantine] == ["shared-schedule"]


def test_thirty_five_thousand_keywords_that_nobody_asked_for_are_left_out(tmp_path) -> None:
    verdict = beside_a_good_one(tmp_path, "case_study", {"a.md": study_text(keywords=MANY).encode()})
    assert found(verdict) == [("unknown_field", "keywords")]
    assert len(verdict.records) == 2


def test_thirty_five_thousand_columns_make_one_finding(tmp_path) -> None:
    fields = as_cells(a_faq(id="wide"))
    text = csv_text([fields | {name: name for name in MANY}])
    verdict = beside_a_good_one(tmp_path, "faq", {"q.csv": text.encode()})
    assert [(f.code, f.count) for f in verdict.findings] == [("unknown_field", 35_000)]


def test_a_value_said_many_times_is_one_value(tmp_path) -> None:
    verdict = beside_a_good_one(tmp_path, "case_study", {"a.md": study_text(sectors=["health"] * 35_000).encode()})
    assert found(verdict) == []


def test_a_bomb_of_yaml_aliases_is_refused_where_it_stands(tmp_path) -> None:
    lines = ["a: &a [x, x, x, x, x, x, x, x, x]"]
    lines += [f"{n}: &{n} [{', '.join([f'*{b}'] * 9)}]" for b, n in zip("abcdefgh", "bcdefghi", strict=True)]
    verdict = beside_a_good_one(tmp_path, "case_study", {"a.md": "\n".join(["---", *lines, "---", "Text."]).encode()})
    assert found(verdict) == [("unreadable_front_matter", None)]
    assert "aliases" in (verdict.findings[0].detail or "")


# Text that is more than text.


@pytest.mark.parametrize(
    "text",
    [
        "Before <script>alert(1)</script> after.",
        "<IFRAME src=//a.example></IFRAME>",
        "<img src=x onerror=alert(1)>",
        "<p\nonclick = 'x'>P</p>",
        "[a link](javascript:alert(1))",
        "<a href='JavaScript:alert(1)'>a link</a>",
        "<svg/onload=alert(1)>",
        "<form action=//a.example><input name=password></form>",
    ],
)
def test_active_html_is_accepted_and_told_of(text: str, tmp_path) -> None:
    body = a_case_study()["body"] + "\n\n" + text
    verdict = beside_a_good_one(tmp_path, "case_study", {"a.md": study_text(body=body).encode()})
    assert found(verdict) == [("active_html", "body")]
    assert CODES["active_html"].severity is Severity.WARNING
    assert len(verdict.records) == 2


@pytest.mark.parametrize(
    "text",
    [
        "Write `<script>` around it.",
        "```html\n<script>alert(1)</script>\n```",
        "A <table><tr><td>cell</td></tr></table> and an <br> are harmless.",
        "An online=yes in a text, 1 < 2, and javascript: as a word.",
        "See [the data](https://a.example/data:set).",
    ],
)
def test_html_that_only_shows_something_is_not_told_of(text: str, tmp_path) -> None:
    body = a_case_study()["body"] + "\n\n" + text
    assert found(beside_a_good_one(tmp_path, "case_study", {"a.md": study_text(body=body).encode()})) == []


def test_a_report_repeats_no_password(tmp_path) -> None:
    row = {"title": "T", "address": "https://user:secret@a.example/", "publisher": "P", "signpost_type": "policy"}
    row |= {"technology_types": ["api"], "licence": "MIT"}
    verdict = beside_a_good_one(tmp_path, "signpost", {"s.json": json.dumps([row]).encode()})
    assert {f.code for f in verdict.findings} == {"invalid_address"}
    assert "secret" not in json.dumps([f.to_dict() for f in verdict.findings])


# Encodings and line ends.

WORDS = "Café, tŷ a môr – £5"
ENCODINGS = {
    "utf-8": (lambda text: text.encode(), WORDS, []),
    "utf-8 with a mark": (lambda text: text.encode("utf-8-sig"), WORDS, []),
    "utf-16 with a mark": (lambda text: text.encode("utf-16"), WORDS, ["wrong_encoding"]),
    "utf-16 without one": (lambda text: text.encode("utf-16-le"), WORDS, ["wrong_encoding"]),
    "utf-16, the other way round": (lambda text: text.encode("utf-16-be"), WORDS, ["wrong_encoding"]),
    "Windows-1252": (
        lambda text: text.replace("ŷ", "y").encode("cp1252"),
        WORDS.replace("ŷ", "y"),
        ["wrong_encoding"],
    ),
    "bare carriage returns": (lambda text: text.replace("\n", "\r").encode(), WORDS, []),
    "zeros": (lambda text: text.replace("é", "é\0").encode(), WORDS, []),
}


@pytest.mark.parametrize(
    ("shape", "name"),
    [(shape, name) for shape in ("md", "csv", "json") for name in ENCODINGS if (shape, name) != ("json", "zeros")],
)
def test_a_text_in_another_encoding_is_read_and_told_of(shape, name, tmp_path) -> None:
    encode, words, codes = ENCODINGS[name]
    study = a_case_study(title=WORDS)
    if shape == "md":
        text = study_text(title=WORDS)
    elif shape == "json":
        text = json.dumps([study], ensure_ascii=False, indent=1)
    else:
        text = csv_text([{name: '"' + cell.replace("\n", " ") + '"' for name, cell in as_cells(study).items()}])
    verdict = beside_a_good_one(tmp_path, "case_study", {f"a.{shape}": encode(text)})
    assert [f.code for f in verdict.findings if f.code != "missing_sections"] == codes
    assert [record.document.heading for record in verdict.records if record.kind == "case_study"] == [words]


@pytest.mark.parametrize(("encode", "codes"), [(e, c) for name, (e, _, c) in ENCODINGS.items() if name != "zeros"])
def test_a_return_in_another_encoding_is_read_and_told_of(encode, codes, tmp_path) -> None:
    rows = answers_of(2)
    text = csv_text(rows)
    bad = text.replace("res-00000001", "réspondent-1", 1)
    verdict = beside_a_good_one(tmp_path, "assessment", {"good.csv": encode(text), "bad.csv": encode(bad)})
    assert verdict.answers == 11
    is_ascii = encode(text) in (text.encode("cp1252"), text.replace("\n", "\r").encode())
    told = [f.code for f in verdict.findings if f.code != "invalid_key"]
    assert told == (codes if is_ascii else codes * 2)
    [found] = [f for f in verdict.findings if f.code == "invalid_key"]
    assert (found.row, found.value, found.detail) == (1, None, "not repeated")


def test_json_with_zeros_in_it_is_no_json(tmp_path) -> None:
    verdict = beside_a_good_one(tmp_path, "faq", {"q.json": b'[{"id": "a\0b"}]'})
    assert [f.code for f in verdict.findings] == ["unreadable_file"]


# Files that are not what they seem.


def test_names_that_differ_only_in_capitals_are_told_of(tmp_path) -> None:
    files = {"Case.md": study_text().encode(), "case.md": study_text(id="another").encode()}
    verdict = beside_a_good_one(tmp_path, "case_study", files)
    assert [(f.code, f.file, f.detail) for f in verdict.findings] == [("names_alike", "case.md", "also: Case.md")]
    assert len(verdict.records) == 3


def a_zip(**members: str) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name, text in members.items():
            archive.writestr(name, text)
    return packed.getvalue()


@pytest.mark.parametrize(("kind", "name"), [("faq", "i.zip"), ("assessment", "i.zip"), ("case_study", "i.md")])
def test_a_zip_inside_a_feed_is_not_unpacked(kind: str, name: str, tmp_path) -> None:
    verdict = beside_a_good_one(tmp_path, kind, {name: a_zip(a="id,question\n1,Why?\n")})
    assert [(f.code, f.file) for f in verdict.findings] == [("unreadable_file", name)]
    assert "archive" in (verdict.findings[0].detail or "")


def test_a_zip_that_the_descriptor_does_not_name_is_told_of(tmp_path) -> None:
    descriptor = {"hubpacks": {"contract": "1"}, "resources": [{"name": "a", "path": "good.json", "kind": "faq"}]}
    files = {"datapackage.json": json.dumps(descriptor).encode(), "more.zip": a_zip(a="x")}
    assert [(f.code, f.file) for f in judged(tmp_path, files | GOOD).findings] == [("unmapped_file", "more.zip")]


@pytest.mark.parametrize("start", [b"%PDF-1.7\n", b"\x89PNG\r\n\x1a\n", b"PAR1", b"{\\rtf1", b"\xd0\xcf\x11\xe0\xa1"])
def test_what_is_no_text_is_not_taken_for_markdown(start: bytes, tmp_path) -> None:
    verdict = beside_a_good_one(tmp_path, "case_study", {"a.md": start + b"\0" * 600})
    assert [(f.code, f.file) for f in verdict.findings] == [("unreadable_file", "a.md")]


# Workbooks.

FIELDS = as_cells(a_faq())


def a_workbook(answer: str = "Yes.", formula: str = "") -> bytes:
    """A workbook with one question. ``answer`` is shown, and is worked out where there is a ``formula``."""
    made = io.BytesIO()
    with xlsxwriter.Workbook(made, {"in_memory": True}) as book:
        sheet = book.add_worksheet("faq")
        for column, (name, value) in enumerate((FIELDS | {"answer": answer, "id": "of-a-sheet"}).items()):
            sheet.write(0, column, name)
            if name == "answer" and formula:
                sheet.write_formula(1, column, formula, None, answer)
            else:
                sheet.write(1, column, value)
    return made.getvalue()


def with_macros(workbook: bytes) -> bytes:
    """The same workbook with a macro project, as an XLSM has it."""
    made = io.BytesIO(workbook)
    with zipfile.ZipFile(made, "a") as archive:
        archive.writestr("xl/vbaProject.bin", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 504)
    return made.getvalue()


PROTECTED = compound_file({"EncryptionInfo": b"\4\0\4\0", "EncryptedPackage": b"x"})


def test_a_formula_is_read_as_it_was_last_shown_and_told_of(tmp_path) -> None:
    workbook = a_workbook("Shown.", '=HYPERLINK("https://a.example", "Shown.")')
    verdict = beside_a_good_one(tmp_path, "faq", {"b.xlsx": workbook})
    assert found(verdict) == [("formula_cells", None)]
    assert "Shown." in [record.document.text for record in verdict.records]


def test_a_formula_that_was_never_worked_out_is_a_missing_value(tmp_path) -> None:
    verdict = beside_a_good_one(tmp_path, "faq", {"b.xlsx": a_workbook("", "=A1")})
    assert found(verdict) == [("missing_answer", "answer"), ("formula_cells", None)]


@pytest.mark.parametrize("name", ["b.xlsm", "b.xlsx"])
def test_macros_are_not_run_and_told_of(name: str, tmp_path) -> None:
    verdict = beside_a_good_one(tmp_path, "faq", {name: with_macros(a_workbook())})
    assert found(verdict) == [("macros_not_run", None)]
    assert len(verdict.records) == 2


def test_a_workbook_with_macros_may_be_the_feed(tmp_path) -> None:
    verdict = judged(tmp_path, {"b.xlsm": with_macros(a_workbook())})
    assert (verdict.held_by, found(verdict), len(verdict.records)) == ((), [("macros_not_run", None)], 1)


@pytest.mark.parametrize("kind", ["faq", "assessment"])
def test_a_protected_workbook_in_a_feed_is_told_of(kind: str, tmp_path) -> None:
    verdict = beside_a_good_one(tmp_path, kind, {"b.xlsx": PROTECTED})
    assert [(f.code, f.file) for f in verdict.findings] == [("protected_file", "b.xlsx")]


def test_a_protected_workbook_is_no_feed(tmp_path) -> None:
    assert judged(tmp_path, {"b.xlsx": PROTECTED}).held_by == ("protected_file",)


def test_a_protected_ods_is_no_feed(tmp_path) -> None:
    manifest = "<manifest:file-entry><manifest:encryption-data/></manifest:file-entry>"
    ods = a_zip(mimetype="application/vnd.oasis.opendocument.spreadsheet", **{"META-INF/manifest.xml": manifest})
    assert judged(tmp_path, {"b.ods": ods}).held_by == ("protected_file",)
