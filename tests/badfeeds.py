"""Feeds as they come when something has gone wrong, or somebody means harm, and some that are as they should be.

Each builder writes one under a folder that it is given and says where it is. Which codes they earn is for the tests.
"""

from __future__ import annotations

import json
import os
import stat
import struct
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import xlsxwriter

from hubs.samples.feeds import FOLDER
from tests.feeds import (
    GOOD,
    a_case_study,
    a_faq,
    a_requirement,
    a_signpost,
    a_term,
    a_withdrawal,
    an_answer,
    answers_of,
    write_csv,
    write_feed,
    write_markdown,
    write_sheet,
)

EVIL = (
    "<script>alert(1)</script> \x1b[31mred\x07 \u202eoverride\u2066 </td></table> & \"q\" 'a' \u200b\x9b2J \U000e0041"
)
"""Markup, terminal controls and characters that turn lines around or are not seen."""

FEEDS: dict[str, Callable[[Path], Path]] = {}
"""Every builder by name."""


REGISTERED: dict[str, dict[str, Any]] = {}
"""What the registration says of the hubs of some of them, by the builder's name."""
PUBLIC_KEY = "ed25519:A6EHv/POEL4dcN0Y50vAmWfk1jCbpQ1fHdyGZBJVMbg="
"""Of the key with which ``tests.declaring`` signs."""


def feed(builder: Callable[[Path], Path]) -> Callable[[Path], Path]:
    """Enter a builder."""
    FEEDS[builder.__name__] = builder
    return builder


def keyed(builder: Callable[[Path], Path]) -> Callable[[Path], Path]:
    """Enter a builder of a feed whose hub has registered a key."""
    REGISTERED[builder.__name__] = {"public_key": PUBLIC_KEY}
    return feed(builder)


def measured(builder: Callable[[Path], Path]) -> Callable[[Path], Path]:
    """Enter a builder of a feed whose hub has registered the sample hubs' register of organisations."""
    REGISTERED[builder.__name__] = {"register_file": str(FOLDER / "register.csv")}
    return feed(builder)


def zipped(folder: Path) -> Path:
    """The folder as a zip beside it, packed as a folder is: all of it under its name."""
    path = folder.with_name(f"{folder.name}.zip")
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in sorted(file for file in folder.rglob("*") if file.is_file()):
            archive.write(file, file.relative_to(folder.parent).as_posix())
    return path


def studies(number: int, **changes: Any) -> list[dict[str, Any]]:
    """So many case studies that differ in id, title and text."""
    return [
        a_case_study(id=f"study-{n}", title=f"Study {n}", body=f"What body {n} did.\n" * 5, **changes)
        for n in range(number)
    ]


def written(folder: Path, files: Mapping[str, bytes | str]) -> Path:
    """A folder with these files."""
    for name, data in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data.encode() if isinstance(data, str) else data)
    return folder


def descriptor(path: str, kind: str = "case_study", **settings: Any) -> str:
    """A ``datapackage.json`` with one resource."""
    resource = {"name": "one", "path": path, "hubpacks": {"kind": kind}}
    return json.dumps({"hubpacks": {"contract": "1"} | settings, "resources": [resource]})


def study_text(**changes: Any) -> str:
    """A case study as the Markdown file that it is in a feed."""
    fields = a_case_study(**changes)
    front = "".join(
        f"{name}: {json.dumps(value, ensure_ascii=False)}\n" for name, value in fields.items() if name != "body"
    )
    return f"---\n{front}---\n{fields['body']}"


# As they should be.


@feed
def good(folder: Path) -> Path:
    return write_feed(folder / "feed", [a_case_study()], [a_faq()], answers_of(12))


@feed
def good_zip(folder: Path) -> Path:
    return zipped(good(folder))


@feed
def all_kinds(folder: Path) -> Path:
    rows = {
        "term": [a_term()],
        "signpost": [a_signpost()],
        "requirement": [a_requirement()],
        "withdrawal": [a_withdrawal(), a_withdrawal(id="shared-schedule", successor="what-is-an-api")],
    }
    return write_feed(folder / "feed", [a_case_study()], [a_faq()], rows=rows)


@feed
def workbook(folder: Path) -> Path:
    path = folder / "hub.xlsx"
    with xlsxwriter.Workbook(path) as book:
        write_sheet(book, "Case studies", studies(3))
        write_sheet(book, "FAQs", [a_faq(), a_faq(id="two", sectors=["trees"])])
        book.add_worksheet("Cover").write_row(0, 0, ["hub", "one"])
        book.add_worksheet("Notes to self").write(0, 0, "Ring them")
    return path


@keyed
def good_signed(folder: Path) -> Path:
    return _signed(good(folder))


# What is declared, and signed.


def _signed(path: Path, **key: bytes) -> Path:
    from tests.declaring import with_signature  # the tests of hubs do without pipelines

    with_signature(path, **key)
    return path


@feed
def signed_where_no_key_is_registered(folder: Path) -> Path:
    return _signed(good(folder))


@keyed
def unsigned_where_a_key_is_registered(folder: Path) -> Path:
    return good(folder)


@keyed
def workbook_where_a_key_is_registered(folder: Path) -> Path:
    return workbook(folder)


@keyed
def signed_by_somebody_else(folder: Path) -> Path:
    return _signed(good(folder), seed=bytes(32))


@keyed
def signed_and_then_one_file_more(folder: Path) -> Path:
    path = _signed(good(folder))
    written(path, {"more.md": study_text(id="more")})
    return path


@keyed
def signed_and_then_changed(folder: Path) -> Path:
    path = _signed(good(folder))
    written(path, {"faqs/what-is-an-api.md": "---\nid: what-is-an-api\n---\nEvil."})
    return path


@feed
def file_cut_short_of_its_hash(folder: Path) -> Path:
    path = signed_where_no_key_is_registered(folder)
    file = path / "returns.csv"
    file.write_bytes(file.read_bytes()[:-100])
    return path


@feed
def file_of_the_hashes_left_out(folder: Path) -> Path:
    path = signed_where_no_key_is_registered(folder)
    (path / "returns.csv").unlink()
    return path


# Records.


@feed
def bad_values(folder: Path) -> Path:
    broken: list[dict[str, Any]] = [
        {"sectors": ["trees"]},
        {"licence": None},
        {"licence": "All rights reserved"},
        {"published": "31/13/2026"},
        {"published": "2099-01-01"},
        {"title": "", "colour": "red"},
        {"title": "x" * 301},
        {"technology_types": [f"type-{n}" for n in range(35_000)]},
        {"language": "de"},
        {"translation_of": "nobody"},
        {"body": "Ring 020 7946 0018 or write to somebody@sample.example. {{ site.title }} <script>x</script>"},
        {"draft": True},
    ]
    records = [a_case_study(id=f"bad-{n}", body=f"Text {n}.") | changes for n, changes in enumerate(broken)]
    return write_feed(folder / "feed", [*studies(12), *records, a_case_study(id="study-1")], [a_faq(id="Not An Id")])


@feed
def every_field_wrong(folder: Path) -> Path:
    """Of each kind a good record, one without each field, and one with rubbish in each field."""
    rows = {}
    for kind, builder in GOOD.items():
        good = [builder(id=f"{kind}-{n}", published="2026-03-01") for n in range(30)]
        without = [builder(id=f"{kind}-no-{name}") | {name: None} for name in builder()]
        rubbish = [builder(id=f"{kind}-bad-{name}") | {name: "?!"} for name in builder()]
        rows[kind] = [*good, *without, *rubbish, good[0], builder(id=f"{kind}-lost", successor="nobody")]
    return write_feed(folder / "feed", rows=rows)


@feed
def every_column_wrong(folder: Path) -> Path:
    bad = [
        an_answer(respondent=f"res-bad-{value or 'none'}-{name}") | {name: value}
        for name in an_answer()
        for value in ("", "?")
    ]
    other = an_answer(respondent="res-other-1", region="scotland", organisation_type="charity")
    return write_feed(folder / "feed", [a_case_study()], answers=[*answers_of(30), other, *bad])


@feed
def many_alike(folder: Path) -> Path:
    return write_feed(folder / "feed", [*studies(500), *studies(400, sectors=["trees"])][:900])


@feed
def hopeless(folder: Path) -> Path:
    return write_feed(folder / "feed", [*studies(1), *studies(5, sectors=["trees"])[1:]])


@feed
def bad_answers(folder: Path) -> Path:
    bad = [
        an_answer(organisation="org-99999991", level="9"),
        an_answer(organisation="Sample Council", level="3"),
        an_answer(organisation="org-99999992", question="no-such-question"),
        an_answer(organisation="org-99999993", instrument="nothing-v1"),
        an_answer(),
        an_answer(),
        an_answer(organisation="org-00000002", respondent="res-9999", region="scotland", period="2026-Q9"),
    ]
    return write_feed(folder / "feed", [a_case_study()], answers=[*answers_of(30), *bad])


@feed
def ragged_answers(folder: Path) -> Path:
    path = write_feed(folder / "feed", [a_case_study()], answers=answers_of(12))
    with (path / "returns.csv").open("a", encoding="utf-8") as file:
        file.write("a,b,c\n")
    return path


@feed
def answers_with_names(folder: Path) -> Path:
    rows = [row | {"Name": "Sample Person", "Remarks": "none"} for row in answers_of(12)]
    return write_feed(folder / "feed", [a_case_study()], answers=rows)


@feed
def answers_keyed_by_codes_of_councils(folder: Path) -> Path:
    rows = [row | {"organisation": f"E060000{row['organisation'][-2:]}", "E-mail": "none"} for row in answers_of(12)]
    return write_feed(folder / "feed", [a_case_study()], answers=rows)


@measured
def answers_of_the_few(folder: Path) -> Path:
    groups = [
        {},
        {"organisation_type": "police", "size_band": "5000_and_over", "region": "scotland"},
        {"organisation_type": "government_department"},
    ]
    rows = [row for n, group in enumerate(groups) for row in answers_of(3, first=100 * n + 1, **group)]
    return write_feed(folder / "feed", [a_case_study()], answers=rows)


@feed
def no_columns(folder: Path) -> Path:
    path = write_feed(folder / "feed", [a_case_study()], answers=answers_of(2))
    write_csv(path / "returns.csv", [{"organisation": "org-00000001", "level": "3"}])
    return path


@feed
def hostile_words(folder: Path) -> Path:
    rows = [
        a_case_study(id="good", title=EVIL, summary=EVIL),
        a_case_study(id=EVIL),
        a_case_study(id="b", sectors=[EVIL]),
        {**a_case_study(id="c"), EVIL: "x"},
        a_case_study(id="w", language="cy", title="Beth yw API?"),
        a_case_study(id="d", body="Five."),
    ]
    level = EVIL.replace('"', "").replace(",", "")
    path = write_feed(
        folder / "feed",
        answers=[*answers_of(12), an_answer(organisation="org-99999999", level=level)],
        rows={"case_study": rows},
    )
    return written(path, {"<img src=x onerror=alert(1)> & \"'.txt": "x"})


# Files.


@feed
def strange_texts(folder: Path) -> Path:
    text = study_text(title="Café")
    files: dict[str, bytes | str] = {
        "a/cp1252.md": text.replace("shared-schedule", "a").encode("cp1252"),
        "a/utf16.md": text.replace("shared-schedule", "b").encode("utf-16"),
        "a/bom.md": text.replace("shared-schedule", "c").encode("utf-8-sig"),
        "a/cr.md": text.replace("shared-schedule", "d").replace("\n", "\r").encode(),
        "a/bomb.md": "---\na: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b]\n---\nText",
        "a/open.md": "---\nid: open\ntitle: 'never closed\n---\nText",
        "a/deep.md": f"---\na: {'[' * 500}\n---\nText",
        "a/empty.md": "",
        "c/none.csv": "id,title\n",
        "a/nul.md": b"\0\0\0\0",
        "a/page.md": "<!DOCTYPE html><html><body>Log in</body></html>",
        "a/README.md": "About",
        "a/picture.png": b"\x89PNG",
        "b/left.docx": "x",
    }
    resources = [{"name": n, "path": p, "hubpacks": {"kind": "case_study"}} for n, p in (("a", "a/*.md"), ("c", "c"))]
    manifest = json.dumps({"hubpacks": {"contract": "1"}, "resources": resources})
    return written(folder / "feed", files | {"datapackage.json": manifest})


@feed
def empty_folder(folder: Path) -> Path:
    (folder / "feed").mkdir()
    return folder / "feed"


@feed
def no_resources(folder: Path) -> Path:
    return write_feed(folder / "feed")


@feed
def only_withdrawals(folder: Path) -> Path:
    return write_feed(folder / "feed", rows={"withdrawal": [a_withdrawal()]})


@feed
def no_manifest(folder: Path) -> Path:
    write_markdown(folder / "feed" / "a.md", a_case_study(), "body")
    return folder / "feed"


@feed
def manifest_is_a_page(folder: Path) -> Path:
    return written(folder / "feed", {"datapackage.json": "<!DOCTYPE html><html><body>Log in</body></html>"})


@feed
def manifest_is_broken(folder: Path) -> Path:
    return written(folder / "feed", {"datapackage.json": '{"resources": [', "a.md": study_text()})


@feed
def manifest_of_another_contract(folder: Path) -> Path:
    text = json.dumps({"hubpacks": {"contract": "7"}, "resources": [{"name": "a", "path": "a.md"}]})
    return written(folder / "feed", {"datapackage.json": text, "a.md": study_text()})


@feed
def manifest_of_another_hub(folder: Path) -> Path:
    return write_feed(folder / "feed", [a_case_study()], hub="somebody-else")


@feed
def manifest_that_lists_too_much(folder: Path) -> Path:
    resources = [
        {"name": name, "path": path, "hubpacks": {"kind": kind}}
        for name, path, kind in (
            ("gone", "gone.md", "case_study"),
            ("out", "../../etc/passwd", "case_study"),
            ("web", "https://hub.example/a.md", "case_study"),
            ("odd", "b.md", EVIL),
            (EVIL, EVIL, "case_study"),
            ("a", "a.md", "case_study"),
        )
    ]
    text = json.dumps({"hubpacks": {"contract": "1"}, "resources": resources})
    return written(folder / "feed", {"datapackage.json": text, "a.md": study_text(), "b.md": "x"})


@feed
def two_workbooks(folder: Path) -> Path:
    return written(folder / "feed", {"a.xlsx": workbook(folder).read_bytes(), "b.xlsx": b"PK\x03\x04"})


@feed
def workbook_with_a_password(folder: Path) -> Path:
    streams = {"EncryptionInfo": b"\4\0\4\0", "EncryptedPackage": b"x"}
    return written(folder, {"locked.xlsx": compound_file(streams)}) / "locked.xlsx"


@feed
def sheet_with_a_password(folder: Path) -> Path:
    path = folder / "locked.ods"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet")
        archive.writestr("META-INF/manifest.xml", '<manifest:encryption-data manifest:checksum="x"/>')
        archive.writestr("content.xml", b"\1\2\3")
    return path


@feed
def workbook_in_name_only(folder: Path) -> Path:
    return written(folder, {"hub.xlsx": b"PK\x03\x04 and no more"}) / "hub.xlsx"


@feed
def picture(folder: Path) -> Path:
    return written(folder, {"picture.png": b"\x89PNG\r\n"}) / "picture.png"


@feed
def page(folder: Path) -> Path:
    return written(folder, {"feed": "<html><body>Log in</body></html>"}) / "feed"


# Never taken in.


@feed
def nowhere(folder: Path) -> Path:
    return folder / "nowhere"


@feed
def below_a_file(folder: Path) -> Path:
    return written(folder, {"a.md": "x"}) / "a.md" / "b"


@feed
def no_plain_file(folder: Path) -> Path:
    os.mkfifo(folder / "pipe")
    return folder / "pipe"


@feed
def link_that_goes_round(folder: Path) -> Path:
    (folder / "round").symlink_to("round")
    return folder / "round"


@feed
def pipe_in_a_folder(folder: Path) -> Path:
    path = good(folder)
    os.mkfifo(path / "pipe")
    return path


@feed
def link_in_a_folder(folder: Path) -> Path:
    path = good(folder)
    (path / "link.md").symlink_to("/etc/passwd")
    return path


@feed
def hostile_name(folder: Path) -> Path:
    return written(good(folder), {"\x1b]0;owned\x07\u202e.md": "x"})


@feed
def name_that_is_no_text(folder: Path) -> Path:
    path = good(folder)
    Path(os.fsdecode(os.fsencode(path) + b"/caf\xe9.md")).write_text("x")
    return path


def _zip(folder: Path, members: dict[str | zipfile.ZipInfo, bytes]) -> Path:
    path = folder / "feed.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return path


@feed
def zip_that_leads_out(folder: Path) -> Path:
    return _zip(folder, {"datapackage.json": b"{}", "../../escaped.md": b"x"})


@feed
def zip_with_an_absolute_path(folder: Path) -> Path:
    return _zip(folder, {"datapackage.json": b"{}", "/etc/escaped.md": b"x"})


@feed
def zip_with_a_link(folder: Path) -> Path:
    link = zipfile.ZipInfo("link.md")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    return _zip(folder, {"datapackage.json": b"{}", link: b"/etc/passwd"})


@feed
def zip_bomb(folder: Path) -> Path:
    return _zip(folder, {"zeros.csv": bytes(40 << 20)})


@feed
def zip_that_claims_gigabytes(folder: Path) -> Path:
    path = _zip(folder, {"big.csv": b"x"})
    data = bytearray(path.read_bytes())
    at = data.index(b"PK\x01\x02")
    data[at + 24 : at + 28] = struct.pack("<I", 0xF0000000)
    path.write_bytes(bytes(data))
    return path


@feed
def zip_in_a_zip(folder: Path) -> Path:
    inner = good_zip(folder).read_bytes()
    return _zip(folder, {"datapackage.json": descriptor("inner.zip").encode(), "inner.zip": inner})


@feed
def zip_with_names_that_differ_in_case(folder: Path) -> Path:
    first, second = study_text(id="one"), study_text(id="two", title="Another", body="Else.")
    return _zip(
        folder,
        {"datapackage.json": descriptor("*.md").encode(), "a.md": first.encode(), "A.md": second.encode()},
    )


@feed
def zip_cut_short(folder: Path) -> Path:
    path = good_zip(folder)
    path.write_bytes(path.read_bytes()[:-40])
    return path


@feed
def zip_with_damage(folder: Path) -> Path:
    path = good_zip(folder)
    data = bytearray(path.read_bytes())
    data[160:190] = bytes(30)
    path.write_bytes(bytes(data))
    return path


def compound_file(streams: dict[str, bytes]) -> bytes:
    """Microsoft's container with these streams: what a workbook with a password is kept in."""
    sector, end, free = 512, 0xFFFFFFFE, 0xFFFFFFFF
    contents = [data.ljust(4096, b"\0") for data in streams.values()]
    directories = -(-(len(streams) + 1) // 4)
    table = [0xFFFFFFFD, *range(2, directories + 1), end]
    starts = []
    for content in contents:
        starts.append(len(table))
        table += [*range(len(table) + 1, len(table) + len(content) // sector), end]
    table += [free] * (sector // 4 - len(table))

    def entry(name: str, links: tuple[int, int, int], start: int, size: int) -> bytes:
        label, (kind, right, child) = f"{name}\0".encode("utf-16-le"), links
        head = label.ljust(64, b"\0") + struct.pack("<HBBIII", len(label), kind, 1, free, right, child)
        return head + bytes(36) + struct.pack("<IQ", start, size)

    entries = [entry("Root Entry", (5, free, 1), end, 0)]
    for number, name in enumerate(streams):
        right = number + 2 if number + 1 < len(streams) else free
        entries.append(entry(name, (2, right, free), starts[number], len(contents[number])))
    header = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(16) + struct.pack("<HHHHH", 0x3E, 3, 0xFFFE, 9, 6) + bytes(6)
    header += struct.pack("<9I", 0, 1, 1, 0, 4096, end, 0, end, 0) + struct.pack("<109I", 0, *[free] * 108)
    body = struct.pack("<128I", *table) + b"".join(entries).ljust(directories * sector, b"\0") + b"".join(contents)
    return header + body
