from __future__ import annotations

import io
import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from python_calamine import load_workbook

from hubs.contract.findings import Severity
from hubs.contract.kinds import kinds, record_kinds
from hubs.contract.verdict import Verdict
from hubs.contract.vocabularies import vocabulary
from hubs.instruments import instruments
from hubs.mapping.lint import lint
from hubs.mapping.native import kind_of_sheet
from hubs.registration import Registration, read_registry, unregistered
from hubs.starter.examples import Starter, entries, example, is_several
from hubs.starter.feed import FolderNotEmpty, starter_files, write_starter
from hubs.starter.workbook import COVER, EMPTY_ROWS
from pipelines.check import check
from tests.unit.hubs.test_containers import OFFICE, SHEET, TABLE, part

STARTER = Starter("my-hub", "My: hub", "health")


def starter(folder: Path) -> Path:
    write_starter(folder / "feed", STARTER)
    return folder / "feed"


def verdict(address: Path, scratch: Path, registration: Registration | None = None) -> Verdict:
    scratch.mkdir(exist_ok=True)
    checked = check(
        str(address), registration or unregistered("x"), instruments(), datetime(2026, 8, 1, tzinfo=UTC), scratch
    )
    assert checked.verdict is not None, checked.refusal
    return checked.verdict


def assert_flawless(found: Verdict) -> None:
    bad = [f for f in found.findings if f.severity is not Severity.NOTE]
    assert bad == []
    assert not found.is_held
    assert {record.document.id for record in found.records} >= {"example-case-study", "example-faq", "example-term"}
    counts = found.counts()
    assert counts["accepted"] + counts["answers_accepted"] + len(found.withdrawals) == len(kinds())


def test_the_starter_passes_the_check_as_it_is(tmp_path: Path) -> None:
    assert_flawless(verdict(starter(tmp_path), tmp_path / "scratch"))


def test_the_starter_passes_with_its_own_registration(tmp_path: Path) -> None:
    folder = starter(tmp_path)
    registry = read_registry(folder / "registration")
    assert registry.problems == {}
    registration = registry.hubs["my-hub"]
    assert lint(registration) == []
    assert (registration.name.en, registration.sector) == ("My: hub", "health")
    assert registry.address("my-hub") == str(folder.resolve())
    assert_flawless(verdict(folder, tmp_path / "scratch", registration))


@pytest.mark.parametrize("name", ["feed.ods", "feed.xlsx"])
def test_the_workbook_is_a_feed(tmp_path: Path, name: str) -> None:
    folder = starter(tmp_path)
    registration = read_registry(folder / "registration").hubs["my-hub"]
    for known in (None, registration):
        assert_flawless(verdict(folder / "workbook" / name, tmp_path / "scratch", known))


def test_the_workbook_s_cover_is_obeyed(tmp_path: Path) -> None:
    folder = starter(tmp_path)
    data = read_registry(folder / "registration").hubs["my-hub"]
    other = data.model_copy(update={"id": "another-hub"})
    assert verdict(folder / "workbook" / "feed.ods", tmp_path / "scratch", other).held_by == ("wrong_hub",)


@pytest.mark.parametrize("name", ["feed.ods", "feed.xlsx"])
def test_a_workbook_without_its_examples_is_ready_to_be_filled_in(name: str) -> None:
    book = load_workbook(io.BytesIO(starter_files(STARTER)[f"workbook/{name}"]))
    assert book.sheet_names[0] == COVER
    assert {kind_of_sheet(sheet) for sheet in book.sheet_names[1:]} == set(kinds())
    for sheet in book.sheet_names[1:]:
        header, row, *rest = book.get_sheet_by_name(sheet).to_python()
        names = [name for name, _, _ in entries(kinds()[kind_of_sheet(sheet) or ""])]
        assert [str(cell).lower().replace(" ", "_") for cell in header] == names
        assert any(row)
        assert not any(any(cells) for cells in rest)


def test_drop_downs_offer_the_vocabularies_in_both_formats() -> None:
    files = starter_files(STARTER)
    sectors = [term.en for term in vocabulary("sectors")]
    content = part(files["workbook/feed.ods"], "content.xml")
    conditions = [v.get(f"{TABLE}condition") or "" for v in content.iter(f"{TABLE}content-validation")]
    assert any(all(f'"{name}"' in condition for name in sectors) for condition in conditions)
    named = {v.get(f"{TABLE}name") for v in content.iter(f"{TABLE}content-validation")}
    assert {c.get(f"{TABLE}content-validation-name") for c in content.iter(f"{TABLE}table-cell")} - {None} == named
    repeated = [r.get(f"{TABLE}number-rows-repeated") for r in content.iter(f"{TABLE}table-row")]
    assert repeated.count(str(EMPTY_ROWS)) == len(kinds())
    assert content.find(f"{OFFICE}body/{OFFICE}spreadsheet")[0].tag == f"{TABLE}content-validations"  # type: ignore[index]

    cover = load_workbook(io.BytesIO(files["workbook/feed.xlsx"])).get_sheet_by_name(COVER).to_python()
    study = part(files["workbook/feed.xlsx"], f"xl/worksheets/sheet{2 + list(kinds()).index('case_study')}.xml")
    lists = [v.findtext(f"{SHEET}formula1") or "" for v in study.iter(f"{SHEET}dataValidation")]
    column = next(number for number, head in enumerate(cover[0]) if head == vocabulary("sectors").label_en)
    assert [row[column] for row in cover[1 : len(sectors) + 1]] == sectors
    assert any(f"$2:${chr(ord('A') + column)}${len(sectors) + 1}" in where for where in lists)


def test_a_cell_of_several_values_is_never_refused() -> None:
    content = part(starter_files(STARTER)["workbook/feed.ods"], "content.xml")
    rules = {v.get(f"{TABLE}name"): v for v in content.iter(f"{TABLE}content-validation")}
    tables = {t.get(f"{TABLE}name"): t for t in content.iter(f"{TABLE}table")}
    for kind in record_kinds().values():
        example_row = list(tables[kind.plural_en].iter(f"{TABLE}table-row"))[1]
        for (name, _, _), cell in zip(entries(kind), example_row, strict=True):
            rule = rules.get(cell.get(f"{TABLE}content-validation-name"))
            if rule is not None:
                message = rule.find(f"{TABLE}error-message")
                assert message is not None
                assert message.get(f"{TABLE}display") == ("false" if is_several(kind, name) else "true"), name


def test_every_field_of_every_kind_has_an_example_or_names_another_record() -> None:
    for kind in record_kinds().values():
        left = set(kind.model.model_fields) - set(example(kind, STARTER))
        assert left <= {"translation_of", "successor"}
        kind.model.model_validate(example(kind, STARTER))


def test_examples_say_that_they_are(tmp_path: Path) -> None:
    for record in verdict(starter(tmp_path), tmp_path / "scratch").records:
        assert "xample" in record.document.heading


def test_the_manifest_names_the_hub_and_what_is_no_content() -> None:
    settings = json.loads(starter_files(STARTER)["datapackage.json"])["hubpacks"]
    assert settings["hub"] == "my-hub"
    assert {entry["path"] for entry in settings["skip"]} == {"registration/**", "workbook/**"}


def test_nothing_is_ever_overwritten(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(FolderNotEmpty, match="name a new one"):
        write_starter(tmp_path, STARTER)
    with pytest.raises(FolderNotEmpty):
        write_starter(tmp_path / "mine.txt", STARTER)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_an_empty_folder_will_do(tmp_path: Path) -> None:
    assert "README.md" in write_starter(tmp_path, STARTER)


def test_the_readme_says_three_steps_and_names_every_file() -> None:
    files = starter_files(STARTER)
    text = files["README.md"].decode()
    assert all(f"\n{number}. " in text for number in (1, 2, 3))
    assert all(
        f"`{name}`" in text for name in files if name.split("/")[0] not in ("README.md", "registration", "workbook")
    )


def test_two_starters_are_the_same_bytes() -> None:
    assert starter_files(STARTER) == starter_files(STARTER)
