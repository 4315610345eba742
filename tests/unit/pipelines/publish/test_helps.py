"""What helps, as pages read it: the records of the national pack that match, and nothing of one that was withdrawn."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from hubs.instruments import instruments
from pipelines.files import json_of
from pipelines.helps import MAX_HELPS, in_language, is_for, matching
from pipelines.publish import writers
from pipelines.publish.helps import (
    KEPT,
    NATIONAL,
    name_of,
    path_of,
    read_helps,
    take_out,
    write_helps,
    wrong_helps,
)
from pipelines.publish.scripts import as_script
from tests.builders import INSTRUMENT
from tests.gaps import a_record

BANK = instruments()[INSTRUMENT]


def a_folder(folder: Path, *records: dict[str, Any]) -> Path:
    path = folder / NATIONAL
    path.parent.mkdir(parents=True)
    path.write_bytes(writers.json_bytes({"records": list(records)}))
    write_helps(folder, {INSTRUMENT: BANK})
    return folder


def ranked(folder: Path, language: str = "en", dimension: str = "governance") -> list[str]:
    return [entry[0] for entry in read_helps(folder, language)["dimensions"][INSTRUMENT][dimension]]


def test_each_language_has_what_matches_best_first(tmp_path: Path) -> None:
    records = [
        a_record(id="vale/old", updated="2024-01-01"),
        a_record(id="vale/new", updated="2026-01-01"),
        a_record(id="vale/summary", title="A study", summary="Who is accountable."),
        a_record(id="vale/other", title="A study", summary="About ferries."),
        a_record("term", id="vale/term"),
    ]
    folder = a_folder(tmp_path, *records)
    assert ranked(folder) == ["vale/new", "vale/old", "vale/summary"]
    assert ranked(folder, "cy") == ranked(folder)
    assert list(wrong_helps(folder)) == []


def test_a_text_in_another_language_waits_until_its_translation_goes(tmp_path: Path) -> None:
    english = a_record(id="vale/one", translations={"cy": "vale/un"})
    welsh = a_record(id="vale/un", language="cy", title="Pwy sy'n atebol", translations={"en": "vale/one"})
    folder = a_folder(tmp_path, english, welsh)
    assert read_helps(folder, "cy")["records"]["vale/one"]["instead"] == "vale/un"
    assert "instead" not in read_helps(folder, "cy")["records"]["vale/un"]
    take_out(folder, {"vale/un"})
    assert "instead" not in read_helps(folder, "cy")["records"]["vale/one"]
    assert ranked(folder, "cy") == ranked(folder) == ["vale/one"]


def test_a_record_that_is_withdrawn_is_named_no_more(tmp_path: Path) -> None:
    folder = a_folder(tmp_path, a_record(id="vale/one"), a_record(id="vale/two"))
    before = (folder / path_of("en")).read_bytes()
    take_out(folder, {"coast/other"})
    assert (folder / path_of("en")).read_bytes() == before
    take_out(folder, {"vale/one"})
    assert b"vale/one" not in (folder / path_of("en")).read_bytes()
    assert ranked(folder) == ["vale/two"]


def test_many_records_are_kept_to_those_that_anybody_is_shown_and_some_in_reserve(tmp_path: Path) -> None:
    records = [a_record(id=f"vale/{number:03}", sectors=["health"]) for number in range(60)]
    records += [a_record(id=f"wide/{number:03}", sectors=[]) for number in range(60)]
    kept = set(ranked(a_folder(tmp_path, *records)))
    assert KEPT > MAX_HELPS
    assert kept == {f"{hub}/{number:03}" for hub in ("vale", "wide") for number in range(KEPT)}


def test_those_of_the_samples_are_all_that_anybody_may_be_shown(sample_release: Path) -> None:
    records = json_of((sample_release / NATIONAL).read_bytes())["records"]
    for language in ("en", "cy"):
        told = read_helps(sample_release, language)
        for dimension, helps in BANK.helps.items():
            for found in matching(in_language(records, language), helps).values():
                few = [help.record["id"] for help in found if is_for(help.record, "health", "decision_maker")]
                if len(few) <= KEPT:
                    assert set(few) <= {entry[0] for entry in told["dimensions"][INSTRUMENT][dimension]}
    assert list(wrong_helps(sample_release)) == []


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda data: data["records"].update({"coast/x": data["records"]["vale/one"]}), "names coast/x, which"),
        (lambda data: data["records"]["vale/one"].update({"heading": "Other"}), "of vale/one is not what"),
        (lambda data: data["records"].pop("vale/one"), "ranks vale/one, of which it says nothing"),
        (lambda data: data.pop("records"), "not of the shape"),
    ],
)
def test_what_does_not_fit_the_national_pack_is_told(tmp_path: Path, change: Any, said: str) -> None:
    folder = a_folder(tmp_path, a_record(id="vale/one"))
    data = read_helps(folder, "cy")
    change(data)
    (folder / path_of("cy")).write_bytes(as_script(name_of("cy"), data))
    (problem,) = wrong_helps(folder)
    assert problem.startswith("cy/self-assessment/helps.js: ")
    assert said in problem


def test_one_language_alone_or_another_script_in_its_place_is_told(tmp_path: Path) -> None:
    folder = a_folder(tmp_path, a_record(id="vale/one"))
    shutil.copyfile(folder / path_of("en"), folder / path_of("cy"))
    assert "hands over something else" in next(wrong_helps(folder))
    (folder / path_of("cy")).unlink()
    assert list(wrong_helps(folder)) == ["cy/self-assessment/helps.js: missing"]
    (folder / path_of("en")).unlink()
    assert list(wrong_helps(folder)) == []  # as releases of older versions
