from __future__ import annotations

import csv
import io
import json
import os
import shutil
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pikepdf
import pytest

from pipelines.edition import Pack, State
from pipelines.files import Damaged
from pipelines.publish import introductions, strings, views
from pipelines.publish.pdf import (
    DOCUMENTS,
    attached_records,
    bind,
    documents_due,
    file_name,
    remake_pack_pdf,
    write_pack_pdf,
    wrong_documents,
)
from pipelines.publish.pdf.model import FULL_CHARACTERS, LISTED_N, Folder, model_of
from pipelines.publish.pdf.rowheads import with_row_heads
from pipelines.publish.release import build_release
from pipelines.publish.signed import sign_release
from pipelines.publish.verification import verify_release
from tests.builders import KEY, a_case_study, a_library, a_question, a_term, an_edition
from tests.judges.pdf import pdf_problems
from tests.pdfs import elements_of, squeezed, text_of

LATER = datetime(2026, 12, 1, 12, tzinfo=UTC)


@pytest.fixture(scope="module")
def release(small_release: Path) -> Path:
    """A release of a small edition, which is only read."""
    return small_release


def built(folder: Path, before: Path | None = None, **changes: Any) -> Path:
    build_release(an_edition(**changes), folder, previous=before)
    return folder


def told(release: Path, pack: str = "national") -> dict[str, Any]:
    data: dict[str, Any] = json.loads((release / "packs" / pack / "pack.json").read_text())
    return data


def documents(release: Path, pack: str = "national") -> list[bytes]:
    return [(release / "packs" / pack / name).read_bytes() for name in ("pack.pdf", "pack.cy.pdf")]


def a_folder(release: Path, to: Path) -> Path:
    """A copy that may be changed."""
    shutil.copytree(release, to)
    return to


def of_texts(*entries: Any, to: Path) -> Path:
    """A release with one pack of these records."""
    library = a_library(*entries)
    pack = Pack("national", "national", None, "National pack", "Pecyn cenedlaethol", tuple(library))
    return built(to, library=library, packs=(pack,), withdrawn=())


def test_every_pack_has_a_pdf_in_both_languages_with_all_that_its_page_shows(release: Path) -> None:
    edition = an_edition()
    library = views.Library(edition)
    for pack in edition.packs:
        for language in strings.LANGUAGES:
            text = text_of(release / "packs" / pack.id / file_name(language))
            shown = library.shown(pack.records, language)
            for entry in shown:
                assert squeezed(entry.record.document.heading) in text, (pack.id, language, entry.id)
                assert squeezed(entry.id) in text
            for key in ("pdf.kind", "pdf.contents", "pdf.cite", "pdf.newest", "pdf.safe.text", "pdf.verify"):
                assert squeezed(strings.text(key, language)) in text
            assert squeezed(pack.title(language)) in text
            assert squeezed(strings.text("site.sample", language)) in text


def test_a_welsh_pdf_is_welsh_and_shows_welsh_records(release: Path) -> None:
    path = release / "packs" / "national" / "pack.cy.pdf"
    text = text_of(path)
    assert squeezed("Sgriniau bws sy'n siarad dwy iaith") in text
    assert squeezed("(bus)") not in text
    assert squeezed("Ni allai'r cyngor a'i bartneriaid gyfnewid cofnodion.") in text
    assert squeezed("23 Tachwedd 2026") in text
    with pikepdf.open(path) as pdf:
        assert str(pdf.Root.Lang) == "cy-GB"
        # What is told in English only is said to be English, so that it is read aloud as such.
        assert "en-GB" in {str(element.get("/Lang")) for element in elements_of(pdf)} | {
            str(element.get("/A", {}).get("/Lang", "")) for element in elements_of(pdf) if "/A" in element
        }


def test_it_is_accessible_and_fit_for_archives(release: Path) -> None:
    assert pdf_problems(release / "packs" / "national" / "pack.pdf") == []


def test_the_judge_refuses_a_pdf_without_structure_and_one_whose_structure_was_broken(
    release: Path, tmp_path: Path
) -> None:
    import typst

    plain, broken = tmp_path / "plain.pdf", tmp_path / "broken.pdf"
    plain.write_bytes(typst.compile(b"= Hello", format="pdf", pdf_tags=False))
    assert {problem.partition(" ")[0] for problem in pdf_problems(plain)} == {"ua1", "3a"}
    with pikepdf.open(release / "packs" / "national" / "pack.pdf") as pdf:
        for element in elements_of(pdf):
            if element.get("/S") == pikepdf.Name.Figure:
                del element.Alt
        pdf.save(broken)
    assert any("Figure" in problem for problem in pdf_problems(broken, ["ua1"]))


def test_heads_of_rows_title_date_and_chart_can_be_read_by_programs(release: Path) -> None:
    path = release / "packs" / "national" / "pack.pdf"
    with pikepdf.open(path) as pdf:
        assert str(pdf.docinfo["/Title"]) == "National pack"
        assert str(pdf.docinfo["/CreationDate"]).startswith("D:20261123")
        rows = [element for element in elements_of(pdf) if element.get("/S") == pikepdf.Name.TR]
        assert len(rows) > 20
        for row in rows:
            cells = [kid for kid in row.K if kid.get("/S") in (pikepdf.Name.TH, pikepdf.Name.TD)]
            assert cells[0].S == pikepdf.Name.TH
            told = list(cells[0].A) if isinstance(cells[0].A, pikepdf.Array) else [cells[0].A]
            assert {str(one.get("/Scope")) for one in told} & {"/Row", "/Column"}
        figures = [element for element in elements_of(pdf) if element.get("/S") == pikepdf.Name.Figure]
        assert len(figures) == 2
        assert str(figures[0].Alt).startswith("Bar chart of median levels. Governance: ")


def test_the_records_are_attached_but_not_how_feeds_stand(release: Path) -> None:
    attached = attached_records(release / "packs" / "national" / "pack.pdf")
    rows = list(csv.DictReader(io.StringIO(attached.decode(), newline="")))
    with (release / "packs" / "national" / "records.csv").open(encoding="utf-8", newline="") as file:
        expected = [{name: value for name, value in row.items() if name != "source"} for row in csv.DictReader(file)]
    assert rows == expected
    assert len(rows) > 5


def test_figures_are_those_of_the_tables(release: Path) -> None:
    folder = Folder(release)
    rows = json.loads((release / "benchmarks" / "benchmarks.json").read_text())["rows"]
    model = model_of(folder, folder.pack("sector-local-government"), "en")
    assert [figure["title"] for figure in model["figures"]] == [
        "Benchmarks answered by decision-makers, 2026-Q3",
        "Benchmarks answered by procurement professionals, 2026-Q3",
    ]

    def of(breakdown: str, **group: str) -> list[dict[str, Any]]:
        wanted = {"period": "2026-Q3", "audience": "decision_maker", "breakdown": breakdown} | group
        return [row for row in rows if all(row[name] == value for name, value in wanted.items())]

    own, everybody = of("sector", sector="local_government"), of("total")
    figure = model["figures"][0]
    assert [bar["value"] for bar in figure["bars"]] == [row["median"] for row in own]
    assert [bar["all"] for bar in figure["bars"]] == [row["median"] for row in everybody]
    assert [row[3] for row in figure["rows"]] == [views.percent(row["share_ge_3"]) for row in own]
    assert [row[4] for row in figure["rows"]] == [views.percent(row["share_ge_3"]) for row in everybody]
    assert "Governance" in figure["alt"]
    text = text_of(release / "packs" / "sector-local-government" / "pack.pdf")
    for row in figure["rows"]:
        assert squeezed("".join(row)) in text
    # A sector whose figures are all confidential has none.
    assert not any(pack.term == "health" for pack in an_edition().packs)


def test_a_confidential_group_has_no_chart(release: Path) -> None:
    folder = Folder(release)
    pack = folder.pack("sector-local-government") | {"term": "health"}
    assert model_of(folder, pack, "en")["figures"] == []


@pytest.mark.parametrize("zone", ["Asia/Kathmandu", "America/Los_Angeles"])
def test_the_same_folder_gives_the_same_bytes_anywhere(release: Path, tmp_path: Path, zone: str) -> None:
    folder = a_folder(release, tmp_path / "elsewhere")
    for path in (folder / "packs").rglob("*.pdf"):
        path.unlink()
    program = (
        "import os, sys; from pathlib import Path; from pipelines.crew import Crew;"
        "from pipelines.publish.pdf import documents_due; os.umask(0o077);"
        "crew = Crew(2).__enter__();"
        "due = documents_due(Path(sys.argv[1]), '2026-11-23.01', '2026-11-23T12:00:00+00:00', crew=crew);"
        "[write() for write in due];"
        "crew.__exit__(None, None, None)"
    )
    environment = os.environ | {"TZ": zone, "LC_ALL": "C", "PYTHONHASHSEED": "7"}
    subprocess.run(
        [sys.executable, "-c", f"if __name__ == '__main__':\n {program}", folder], env=environment, check=True
    )
    for pack in an_edition().packs:
        assert documents(folder, pack.id) == documents(release, pack.id)
        assert told(folder, pack.id) == told(release, pack.id)


def test_a_pack_that_has_not_changed_keeps_its_version_and_its_file(release: Path, tmp_path: Path) -> None:
    edition = an_edition()
    hubs = tuple(replace(hub, state=State.FRESH, fetched=LATER, seen=LATER) for hub in edition.hubs)
    later = {"id": "2026-12-01.01", "published": LATER, "previous": "2026-11-23.01", "hubs": hubs}
    library = dict(edition.library) | a_library(a_question("exit", "coast", answer="Write the exit into the contract."))
    ours = a_folder(release, tmp_path / "ours")
    sign_release(ours, KEY)
    newer = built(tmp_path / "newer", ours, **later, library=library)
    assert verify_release(newer) == []
    # The question has changed, so every pack that holds it has: of feeds, only how they stand.
    holds = {pack.id for pack in edition.packs if "coast/exit" in pack.records}
    assert holds
    assert holds < {pack.id for pack in edition.packs}
    for pack in edition.packs:
        version = "2026-12-01.01" if pack.id in holds else "2026-11-23.01"
        assert told(newer, pack.id)[DOCUMENTS]["version"] == version
        assert (documents(newer, pack.id) == documents(release, pack.id)) is (pack.id not in holds)
    # A PDF that was copied is what would have been made.
    kept = next(pack.id for pack in edition.packs if pack.id not in holds)
    about = told(newer, kept)[DOCUMENTS]
    fresh = a_folder(newer, tmp_path / "fresh")
    write_pack_pdf(fresh, kept, about["version"], about["published"])
    assert documents(fresh, kept) == documents(release, kept)
    assert told(fresh, kept) == told(newer, kept)


@pytest.mark.parametrize("name", ["pack.pdf", "pack.json"])
def test_nothing_is_taken_from_a_release_that_is_not_as_it_was_published(
    release: Path, tmp_path: Path, name: str
) -> None:
    damaged = a_folder(release, tmp_path / "damaged")
    (damaged / "packs" / "national" / name).write_bytes(b"{}")
    folder = a_folder(release, tmp_path / "next")
    with pytest.raises(Damaged, match=name):
        documents_due(folder, "2026-12-01.01", LATER.isoformat(), damaged)


def test_a_pack_is_made_again_without_a_record_and_says_why(release: Path, tmp_path: Path) -> None:
    folder = a_folder(release, tmp_path / "again")
    path = folder / "packs" / "national" / "pack.json"
    pack = told(folder)
    gone = next(record for record in pack["records"] if record["id"] == "vale/letters")
    pack["records"].remove(gone)
    path.write_text(json.dumps(pack))
    remake_pack_pdf(folder, "national", LATER)
    notes = (
        "Published again on 1 December 2026, since something was withdrawn",
        "Cyhoeddwyd eto ar 1 Rhagfyr 2026, gan fod rhywbeth wedi'i dynnu'n ôl",
    )
    for name, note in zip(("pack.pdf", "pack.cy.pdf"), notes, strict=True):
        document = path.with_name(name)
        assert squeezed(gone["title"]) not in text_of(document)
        assert squeezed(note) in text_of(document)
        assert gone["title"].encode() not in attached_records(document)
    assert told(folder)[DOCUMENTS] | {"key": ""} == told(release)[DOCUMENTS] | {"key": ""}
    assert told(folder)[DOCUMENTS]["key"] != told(release)[DOCUMENTS]["key"]
    assert list(wrong_documents(folder)) == []


def test_a_pack_without_pdfs_stays_without(release: Path, tmp_path: Path) -> None:
    folder = a_folder(release, tmp_path / "older")
    path = folder / "packs" / "national" / "pack.json"
    path.write_text(json.dumps({name: value for name, value in told(folder).items() if name != DOCUMENTS}))
    (path.parent / "pack.pdf").unlink()
    remake_pack_pdf(folder, "national", LATER)
    assert not (path.parent / "pack.pdf").exists()


def test_a_file_that_is_no_pdf_of_a_pack_has_no_records(tmp_path: Path) -> None:
    (tmp_path / "pack.pdf").write_bytes(b"%PDF-1.7")
    with pytest.raises(ValueError, match=r"pack.pdf is no PDF of a pack"):
        attached_records(tmp_path / "pack.pdf")


def test_a_release_of_an_older_version_can_be_made_again(release: Path, tmp_path: Path) -> None:
    folder = a_folder(release, tmp_path / "old")
    (folder / "vocabularies.json").unlink()
    write_pack_pdf(folder, "national", "2026-11-23.01", "2026-11-23T12:00:00+00:00")
    assert documents(folder) == documents(release)


def test_verification_finds_a_pdf_that_does_not_belong_to_its_pack(release: Path, tmp_path: Path) -> None:
    assert list(wrong_documents(release)) == []
    folder = a_folder(release, tmp_path / "wrong")
    packs = folder / "packs"
    shutil.copy(packs / "sector-local-government" / "pack.pdf", packs / "national" / "pack.pdf")
    (packs / "national" / "pack.cy.pdf").unlink()
    other = packs / "sector-local-government" / "pack.json"
    other.write_text(
        json.dumps({name: value for name, value in json.loads(other.read_text()).items() if name != DOCUMENTS})
    )
    assert [problem for problem in verify_release(folder) if "pack.json: it" in problem] == [
        "packs/national/pack.pdf does not belong to pack.json: it bears another key"
    ]
    assert list(wrong_documents(folder)) == [
        "packs/national/pack.pdf does not belong to pack.json: it bears another key",
        "packs/national/pack.cy.pdf is missing",
        "packs/sector-local-government/pack.pdf is there, but pack.json does not tell of it",
        "packs/sector-local-government/pack.cy.pdf is there, but pack.json does not tell of it",
    ]
    other.write_text('{"documents": []}')
    assert "packs/sector-local-government/pack.json does not say which PDFs belong to it" in list(
        wrong_documents(folder)
    )


HOSTILE = {
    "typst": '#import "@preview/x": *\n\n$x$ @ref #eval("1") `#let x` #panic("no")\n\n```\n#panic()\n```\n\n/ a: b \\',
    "long": "x" * 10_000 + "\n\n```\n" + "z" * 5_000 + "\n```\n\n# " + "w" * 3_000,
    "link": f"[{'v' * 900}](https://example.org/{'u' * 900}) https://example.org/{'t' * 900}?{'s=1&' * 300}",
    "signs": "😀 👨‍👩‍👧 1️⃣ *😀* `😀` שלום **مرحبا** 中文字符 \ue000 Z͑ͫ̓ͪ\u202egpj.exe a\x01b\x1b[31m क्षि e\u0301",
    "wide": f"|{'|'.join(map(str, range(300)))}|\n|{'---|' * 300}\n",
    "table": f"|a|b|\n|---|---|\n|{'q' * 3_000}|`{'r' * 800}`|\n",
    "spans": "<table><tr><td colspan=999 rowspan=999>x</td></tr><tr></tr></table>",
    "deep": "".join(f"{'  ' * n}- item {n}\n" for n in range(9)) + "<blockquote><ul><li>" * 300 + "y",
    "image": "![](https://example.org/a.png) ![Map](https://example.org/c.png)",
    "headings": "###### six\n\n# one\n\n> # quoted\n\n### three\n\n<h1></h1>\n\n1000000000. a",
    "nothing": "<!-- x -->",
    "marks": "~~a [b](https://example.org) **c `d`**~~ <sub><sup>e</sup></sub> <del><s>f</s></del>",
}


def test_no_text_of_a_hub_stops_a_pdf_or_leaves_its_pages(tmp_path: Path) -> None:
    title = "</script> =cmd() #import $x$ "
    studies = [a_case_study(name, title=f"{title}{name} {'T' * 200}", body=text) for name, text in HOSTILE.items()]
    terms = [a_term(f"t-{name}", term=f"{title}{name}", definition=text[:4_000]) for name, text in HOSTILE.items()]
    document = of_texts(*studies, *terms, to=tmp_path / "hostile") / "packs" / "national" / "pack.pdf"
    text = text_of(document)
    for name in HOSTILE:
        assert squeezed(f"{title}{name}") in text
    for part in ('#import "@preview/x": *', '#eval("1")', '#panic("no")', "300 columns and 1 row", "Image: Map", "😀"):
        assert squeezed(part) in text
    assert text.count("x") > 10_000  # heads of pages stand between
    assert squeezed("4 signs that cannot be shown here") in text
    assert pdf_problems(document) == []
    assert _outside(document) == []


def test_a_word_that_leaves_its_page_would_be_seen(tmp_path: Path) -> None:
    import typst

    document = tmp_path / "wide.pdf"
    document.write_bytes(typst.compile(b"#set page(margin: 30mm)\n" + b"word " * 200 + b"x" * 200, format="pdf"))
    assert [set(word) for word in _outside(document)] == [{"x"}]


def _outside(document: Path) -> list[str]:
    """The words that stand outside of their page or in its margins at the sides (30 mm, of A4)."""
    margin, width = 84.5, 595.3 - 84.5
    command = ["/usr/bin/pdftotext", "-q", "-bbox", document, "-"]
    lines = subprocess.run(command, stdout=subprocess.PIPE, check=True, text=True).stdout.splitlines()
    words = [line.split('"') for line in lines if "<word" in line]
    assert len(words) > 100
    return [
        word[8].partition("<")[0].lstrip(">") for word in words if float(word[1]) < margin or float(word[5]) > width
    ]


def test_a_pack_without_records_says_so(tmp_path: Path) -> None:
    pack = Pack("technology-none", "technology_types", "cloud", "Cloud", "Cwmwl", ())
    folder = built(tmp_path / "empty", packs=(pack,))
    document = folder / "packs" / "technology-none" / "pack.pdf"
    assert squeezed(strings.text("pack.empty", "en")) in text_of(document)
    assert pdf_problems(document) == []


def test_a_release_without_the_pack_of_everything_shows_what_it_has(tmp_path: Path) -> None:
    packs = tuple(pack for pack in an_edition().packs if pack.id != "national")
    folder = built(tmp_path / "few", packs=packs)
    for pack in packs:
        assert told(folder, pack.id)[DOCUMENTS]["version"] == "2026-11-23.01"


def test_a_pack_that_is_too_long_has_the_first_of_each_kind_in_full_and_lists_the_rest(release: Path) -> None:
    folder = Folder(release)
    pack = folder.pack("national")
    (study,) = (row for row in pack["records"] if row["id"] == "vale/letters")
    (question,) = (row for row in pack["records"] if row["id"] == "vale/who-owns-it")
    long = "A sentence. " * 1_000
    studies = [study | {"id": f"vale/s{n}", "text": long, "title": f"S{n}"} for n in range(LISTED_N + 100)]
    questions = [question | {"id": f"vale/q{n}", "question": f"Q{n}?"} for n in range(10)]
    model = model_of(folder, pack | {"records": [*studies, *questions]}, "en")
    first, second = model["chapters"]
    assert [record["heading"] for record in second["records"]] == [f"Q{n}?" for n in range(10)]
    in_full = len(first["records"])
    assert FULL_CHARACTERS * 0.9 < in_full * len(long) <= FULL_CHARACTERS
    assert [record["heading"] for record in first["records"]] == [f"S{n}" for n in range(in_full)]
    assert [record["heading"] for record in first["listed"]] == [f"S{n}" for n in range(in_full, in_full + LISTED_N)]
    assert first["more"] == f"{len(studies) - in_full - LISTED_N} more records stand in the attached records.csv."
    assert second["listed_note"] == ""


def test_a_pack_introduces_itself_before_its_records(release: Path) -> None:
    for pack, language in (("audience-procurement-professional", "en"), ("sector-local-government", "cy")):
        text = text_of(release / "packs" / pack / file_name(language)).partition("...")[2]
        told_of = json.loads((release / "packs" / pack / "pack.json").read_text())
        written = introductions.about(told_of, language)
        parts = [line.lstrip("# ") for line in written.splitlines() if line.startswith("#")] or [
            written.splitlines()[0]
        ]
        parts += [strings.text(f"pack_intro.{name}", language) for name in ("holds", "first")]
        places = [text.rindex(squeezed(part)) for part in parts]
        assert places == sorted(places)
        kind = "faq" if pack.startswith("audience") else "case_study"
        assert places[-1] < text.rindex(squeezed(strings.text(f"kind.{kind}.description", language)))


def test_an_introduction_changes_with_its_own_pack_alone(release: Path, tmp_path: Path) -> None:
    edition = an_edition()
    new = a_case_study("new", sectors=["health"])
    packs = tuple(
        replace(pack, records=(new.id, *pack.records)) if pack.id == "national" else pack for pack in edition.packs
    )
    after = built(tmp_path / "after", library=a_library(*edition.library.values(), new), packs=packs)
    for pack in ("audience-decision-maker", "sector-local-government", "technology-cloud"):
        models = [model_of(Folder(folder), told(folder, pack), "en")["introduction"] for folder in (release, after)]
        assert models[0] == models[1]
        assert told(release, pack)["introduction"] == told(after, pack)["introduction"]
        assert told(release, pack)[DOCUMENTS]["key"] == told(after, pack)[DOCUMENTS]["key"]
    assert told(release)["introduction"] != told(after)["introduction"]
    assert told(release)[DOCUMENTS]["key"] != told(after)[DOCUMENTS]["key"]


def test_a_pack_of_an_older_version_has_no_introduction(release: Path) -> None:
    pack = {name: value for name, value in told(release).items() if name != "introduction"}
    assert model_of(Folder(release), pack, "en")["introduction"] is None


def test_what_is_recommended_is_marked_with_its_language(release: Path) -> None:
    model = model_of(Folder(release), told(release, "sector-local-government"), "cy")["introduction"]
    assert {one["language"] for one in model["records"]} == {"en"}


def test_typst_forgets_once_it_has_set_as_much_as_a_large_pack(monkeypatch: pytest.MonkeyPatch) -> None:
    compiled: list[bytes] = []

    class Compiler:
        def compile(self, template: bytes, **_: object) -> None:
            compiled.append(template)

    monkeypatch.setattr(bind, "_kept_characters", 0)
    for _ in range(3):
        bind._let_go(Compiler(), bind.MOST_CHARACTERS // 2 - 1)
    assert compiled == [b""] * bind.EVICTED_AFTER


@pytest.mark.parametrize("number", [1, 2, 99_999])
def test_text_that_looks_like_a_row_of_a_table_is_none(number: int) -> None:
    """It may name any object: a page, another dictionary, none at all."""
    plain = io.BytesIO()
    with pikepdf.new() as pdf:
        pdf.add_blank_page()
        pdf.save(plain)
    text = f"\n{number} 0 obj\n<</Type/StructElem/S/TR>>\n".encode()
    with pikepdf.open(io.BytesIO(with_row_heads(plain.getvalue() + text))) as pdf:
        assert len(pdf.pages) == 1
