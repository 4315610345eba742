from __future__ import annotations

import json
import random
import re
import shutil
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hubs.contract import groups
from pipelines.crew import Crew
from pipelines.files import Damaged
from pipelines.publish import changes as module
from pipelines.publish.changes import (
    GROUP,
    MOST_PLACES,
    PLACE_CHARACTERS,
    Figures,
    Row,
    Told,
    compare,
    diff,
    for_readers,
    read,
    wrong_changes,
)
from pipelines.publish.changes_in_words import MOST, WHY, changes_in_words
from pipelines.publish.release import build_release
from pipelines.publish.verification import verify_release
from pipelines.publish.writers import json_bytes, records
from tests.builders import a_case_study, a_library, a_revision, reseal, the_least_edition

WAVE = ("2026-Q3", "interop-baseline-v1", "decision_maker")
TOTAL = (*WAVE, "legal", "total", "all", "all", "all", "all")
HEALTH = (*WAVE, "legal", "sector", "health", "all", "all", "all")


@pytest.fixture(scope="module")
def folders(revised_release: Path) -> tuple[Path, Path]:
    """Two releases, one after the other."""
    return revised_release.parent / "before", revised_release


@pytest.fixture(scope="module")
def told(folders: tuple[Path, Path]) -> Told:
    return read(folders[1])


def listed(changes: Mapping[str, Any]) -> dict[str, int]:
    """The kinds of change that were found, and how many of each."""
    return {name: number for name, number in changes["counts"].items() if number}


def with_row(told: Told, id: str, **fields: Any) -> Told:
    return replace(told, rows={**told.rows, id: {**told.rows.get("vale/letters", {}), "id": id, **fields}})


def without(told: Told, id: str) -> Told:
    return replace(told, rows={own: row for own, row in told.rows.items() if own != id})


def flat(figures: Figures) -> dict[tuple[str, ...], Row]:
    """The rows of a table by wave and group, and by level."""
    return {(*wave, *key): row for wave, rows in figures.by_wave.items() for key, row in rows.items()}


def a_table(rows: Mapping[tuple[str, ...], Row]) -> Figures:
    names = (*groups.WAVE, *GROUP, "level")
    listed = [dict(zip(names, key, strict=False)) | row for key, row in rows.items()]
    return Figures(Path("a.json"), json_bytes({"columns": [], "rows": listed}))


def with_cell(told: Told, key: tuple[str, ...], **figures: Any) -> Told:
    rows = flat(told.cells)
    return replace(told, cells=a_table(rows | {key: {**rows[key], **figures}}))


def with_wave(told: Told, **changes: Any) -> Told:
    return replace(told, waves={**told.waves, WAVE: {**told.waves[WAVE], **changes}})


# Records.


def test_the_same_release_twice_has_not_changed(told: Told) -> None:
    found = compare(told, told)
    assert listed(found) == {}
    assert found["class"] == "none"
    assert [*changes_in_words(found)][1] == "Nothing has changed."


def test_two_releases_differ_in_everything_that_can_be_told(folders: tuple[Path, Path]) -> None:
    found, _ = diff(*folders)
    assert [record["id"] for record in found["records"]["added"]] == ["cymru/bus", "cymru/bus-cy"]
    assert [record["id"] for record in found["records"]["changed"]] == ["coast/twin", "vale/code", "vale/letters"]
    assert [(record["id"], record["into"]) for record in found["records"]["merged"]] == [
        ("coast/letters", "vale/letters")
    ]
    assert [(record["id"], record["why"]) for record in found["records"]["gone"]] == [
        ("vale/assistance", "withdrawn"),
        ("vale/gone", "not_in_feed"),
    ]
    assert found["records"]["gone"][0]["successor"] == "vale/open-formats"
    assert [(hub["hub"], hub["before"], hub["after"]) for hub in found["hubs"]] == [("vale", "fresh", "held")]
    assert {wave["period"] for wave in found["benchmarks"]["added"]} == {"2026-Q2"}
    assert len(found["benchmarks"]["revisions"]) == 2
    assert found["benchmarks"]["corrections"] == []


def test_a_changed_record_tells_each_field_with_its_old_and_new_value(told: Told) -> None:
    newer = with_row(told, "vale/letters", sectors=["health"], title="Another", contact=None)
    (record,) = compare(told, newer)["records"]["changed"]
    fields = {field["field"]: (field["before"], field["after"]) for field in record["fields"]}
    assert fields == {
        "title": (told.rows["vale/letters"]["title"], "Another"),
        "sectors": (["local_government"], ["health"]),
        "contact": ("data@sample-hub.example", None),
    }
    assert record["heading"] == "Another"


def test_where_a_record_comes_from_is_no_change_of_it(told: Told) -> None:
    newer = with_row(told, "vale/letters", source={"snapshot": "0" * 64})
    assert listed(compare(told, newer)) == {}


def test_a_long_text_is_told_by_the_words_that_differ(told: Told) -> None:
    text = told.rows["vale/letters"]["text"]
    newer = with_row(told, "vale/letters", text=text.replace("4,000 letters", "5,000 cards").replace("£20,000", "£9"))
    (record,) = compare(told, newer)["records"]["changed"]
    (field,) = record["fields"]
    assert field["places"] == [
        {"before": "**4,000 letters**", "after": "**5,000 cards**"},
        {"before": "£20,000", "after": "£9"},
    ]
    assert field["characters_before"] == len(text)
    assert field["characters_after"] == len(text) - 7


def test_other_spacing_of_a_long_text_is_a_change_without_a_word(told: Told) -> None:
    text = told.rows["vale/letters"]["text"]
    newer = with_row(told, "vale/letters", text=text.replace("\n\n", "\n\n\n"))
    assert compare(told, newer)["records"]["changed"][0]["fields"][0]["places"] == []


def test_texts_of_any_length_are_compared_in_bounded_time_and_space(told: Told) -> None:
    draw = random.Random(1)
    # Words that are each too rare to be passed over, and common enough to match in many places.
    few, many = ([" ".join(f"w{draw.randrange(150)}" for _ in range(n)) for _ in range(2)] for n in (4_000, 100_000))
    for one, other in (
        few,
        many,
        ("a b " * 400_000, "b a " * 400_000),
        (" ".join(f"w{n}" for n in range(4_000)), " ".join(f"w{n}" for n in reversed(range(4_000)))),
        ("same " * 3_900, "same other " * 1_950),
        ("x" * 2_000_000, "y" * 2_000_000),
    ):
        begun = time.monotonic()
        older, newer = (with_row(told, "vale/letters", text=text) for text in (one, other))
        found = compare(older, newer)
        assert time.monotonic() - begun < 10
        assert len(json.dumps(found)) < 2 * MOST_PLACES * PLACE_CHARACTERS + 10_000


def test_what_was_a_part_of_another_record_may_stand_alone_again(told: Told) -> None:
    newer = replace(with_row(told, "coast/letters"), merged={})
    (record,) = compare(told, newer)["records"]["added"]
    assert (record["id"], record["apart_from"]) == ("coast/letters", "vale/letters")


def hub_of(told: Told, **changes: Any) -> Told:
    return replace(told, hubs={**told.hubs, "coast": {**told.hubs["coast"], **changes}})


WHYS: Mapping[str, Callable[[Told], Told]] = {
    "withdrawn": lambda told: replace(
        told,
        withdrawn={
            "coast/exit": {"reason": "Wrong.", "date": "2026-11-20", "successor": None, "successor_address": None}
        },
    ),
    "left": lambda told: replace(told, hubs={id: hub for id, hub in told.hubs.items() if id != "coast"}),
    "retired": lambda told: hub_of(told, state="retired"),
    "held": lambda told: hub_of(told, state="held", snapshot=None),
    "missing": lambda told: hub_of(told, state="missing", snapshot=None),
    "not_in_feed": lambda told: told,
}


@pytest.mark.parametrize("why", WHYS)
def test_what_is_gone_is_told_with_the_reason(told: Told, why: str) -> None:
    found = compare(told, WHYS[why](without(told, "coast/exit")))
    (record,) = found["records"]["gone"]
    assert (record["id"], record["why"]) == ("coast/exit", why)
    assert record["heading_before"].startswith("Who owns")
    words = "\n".join(changes_in_words(found))
    assert (WHY[why] if why != "withdrawn" else "withdrawn on 2026-11-20: Wrong.") in words


def test_every_reason_has_words() -> None:
    assert WHY.keys() == WHYS.keys()


ROWS = st.dictionaries(st.sampled_from([f"vale/{n}" for n in range(8)]), st.sampled_from(["x", "y", "z"]), max_size=8)


@settings(deadline=None)
@given(older=ROWS, newer=ROWS, data=st.data())
def test_changes_lead_from_the_ids_of_one_release_to_those_of_the_other(
    told: Told, older: dict[str, str], newer: dict[str, str], data: st.DataObject
) -> None:
    def a_release(rows: dict[str, str]) -> Told:
        others = [f"vale/{n}" for n in range(8) if f"vale/{n}" not in rows]
        targets = st.sampled_from(sorted(rows)) if rows else st.nothing()
        merged = data.draw(st.dictionaries(st.sampled_from(others), targets) if others and rows else st.just({}))
        base = told.rows["vale/letters"]
        return replace(told, rows={id: {**base, "id": id, "title": title} for id, title in rows.items()}, merged=merged)

    one, other = a_release(older), a_release(newer)
    told_of = compare(one, other)["records"]
    ids = {name: {record["id"] for record in found} for name, found in told_of.items()}
    assert (one.rows.keys() - ids["gone"] - ids["merged"]) | ids["added"] == other.rows.keys()
    assert ids["changed"] == {id for id in older.keys() & newer.keys() if older[id] != newer[id]}
    assert all(record["into"] in other.rows for record in told_of["merged"])
    assert compare(one, one)["counts"] == dict.fromkeys(compare(one, one)["counts"], 0)


# Hubs.


def test_hubs_that_come_and_go_are_told(told: Told) -> None:
    fewer = replace(told, hubs={id: hub for id, hub in told.hubs.items() if id != "harbour"})
    (come,), (gone,) = compare(fewer, told)["hubs"], compare(told, fewer)["hubs"]
    assert (come["before"], come["after"], come["published_before"]) == (None, "missing", 0)
    assert (gone["before"], gone["after"]) == ("missing", None)


# Benchmarks.


def test_a_figure_that_changes_when_its_wave_was_counted_anew_is_a_revision(told: Told) -> None:
    older = with_cell(with_wave(told, counted_for="2026-10-01.01"), TOTAL, n=40, mean=9.0)
    found = compare(older, told)["benchmarks"]
    assert found["corrections"] == []
    (entry,) = found["revisions"]
    assert (entry["changed"], entry["of"], entry["appeared"]) == (1, 50, 0)
    (cell,) = entry["cells"]
    mean = flat(told.cells)[TOTAL]["mean"]
    assert cell["figures"] == {"n": {"before": 40, "after": 45}, "mean": {"before": 9.0, "after": mean}}
    assert entry["largest"]["n"]["before"] == 40


def test_a_wave_that_was_told_anew_in_a_release_between_the_two_is_revised_too(told: Told) -> None:
    newer = with_cell(with_wave(told, state="kept", counted_for="2026-12-01.01"), TOTAL, n=60)
    older = with_wave(told, state="new", counted_for="2026-11-23.01")
    assert listed(compare(older, newer)) == {"benchmarks_revised": 1}


def test_a_figure_that_changes_otherwise_is_a_correction_with_size_and_effect(told: Told) -> None:
    kept = with_wave(told, state="kept", counted_for="2026-11-01.01")
    newer = with_cell(kept, TOTAL, median=3.0, comparison="worse")
    newer = with_cell(newer, (*WAVE, "skills", *TOTAL[4:]), median=2.0)
    found = compare(kept, newer)
    assert listed(found) == {"benchmarks_corrected": 2}
    (entry,) = found["benchmarks"]["corrections"]
    assert (entry["changed"], entry["compared_otherwise"]) == (2, 1)
    before = flat(kept.cells)[TOTAL]["median"]
    assert entry["largest"]["median"] == dict(zip(GROUP, TOTAL[3:], strict=True)) | {"before": before, "after": 3.0}
    words = "\n".join(changes_in_words(found))
    assert "Corrections of benchmarks: 1" in words
    assert "2 of 50 told otherwise" in words
    assert "1 compare otherwise with all organisations" in words


def test_groups_that_are_told_in_addition_or_no_more_are_neither(told: Told) -> None:
    kept = with_wave(told, state="kept", counted_for="2026-11-01.01")
    newer = with_cell(kept, HEALTH, n=10, status="")
    more, less = compare(kept, newer), compare(newer, kept)
    assert listed(more) == {"benchmarks_appeared": 1}
    assert listed(less) == {"benchmarks_disappeared": 1}
    (cell,) = more["benchmarks"]["groups"][0]["cells"]
    assert cell["figures"]["n"] == {"before": None, "after": 10}


def test_nothing_is_said_of_groups_that_neither_release_tells(told: Told) -> None:
    kept = with_wave(told, state="kept", counted_for="2026-11-01.01")
    assert listed(compare(kept, with_cell(kept, HEALTH, rolled_up_to="region"))) == {}


def test_limits_are_listed_only_where_nothing_else_of_a_benchmark_has_changed(told: Told) -> None:
    kept = with_wave(told, state="kept", counted_for="2026-11-01.01")
    alone = compare(kept, with_cell(kept, TOTAL, share_ge_3_low=0.3))
    both = compare(kept, with_cell(kept, TOTAL, share_ge_3_low=0.3, share_ge_3=0.4))
    assert [*alone["benchmarks"]["corrections"][0]["cells"][0]["figures"]] == ["share_ge_3_low"]
    assert [*both["benchmarks"]["corrections"][0]["cells"][0]["figures"]] == ["share_ge_3"]


def test_rows_that_are_written_otherwise_say_the_same(told: Told) -> None:
    newer = replace(told, cells=a_table(dict(reversed(flat(told.cells).items()))))
    assert not newer.cells.is_like(told.cells)
    assert listed(compare(told, newer)) == {}


def test_levels_that_change_alone_are_counted(told: Told) -> None:
    kept = with_wave(told, state="kept", counted_for="2026-11-01.01")
    rows = flat(kept.levels)
    key = next(key for key in rows if key[:3] == WAVE)
    newer = replace(kept, levels=a_table(rows | {key: {**rows[key], "count": 5}}))
    (entry,) = compare(kept, newer)["benchmarks"]["corrections"]
    assert (entry["levels"], entry["changed"], entry["cells"]) == (1, 0, [])


def test_a_wave_that_is_left_out_says_so(told: Told) -> None:
    newer = replace(told, cells=a_table({key: row for key, row in flat(told.cells).items() if key[:3] != WAVE}))
    (entry,) = compare(told, with_wave(newer, state="left_out"))["benchmarks"]["gone"]
    assert (entry["period"], entry["why"]) == ("2026-Q3", "left_out")


# In a release.


def test_a_release_tells_what_has_changed_since_the_one_before_it(folders: tuple[Path, Path]) -> None:
    older, newer = folders
    assert verify_release(older) == verify_release(newer) == []
    changes = json.loads((newer / "changes.json").read_bytes())
    assert (changes["release"], changes["previous"]) == ("2026-11-23.01", "2026-11-01.01")
    assert changes == json.loads(json.dumps(for_readers(diff(older, newer)[0])))
    alone = json.loads((older / "changes.json").read_bytes())
    assert (alone["previous"], listed(alone)) == (None, {})


def test_the_same_two_releases_give_the_same_bytes(folders: tuple[Path, Path], tmp_path: Path) -> None:
    older, newer = folders
    previous = Path(shutil.copytree(older, tmp_path / "older"))
    with Crew(2) as crew:
        build_release(a_revision(), tmp_path / "again", previous, crew=crew)
    assert (tmp_path / "again/SHA256SUMS").read_bytes() == (newer / "SHA256SUMS").read_bytes()


def test_a_text_that_was_taken_out_is_not_told_again(folders: tuple[Path, Path]) -> None:
    older, newer = folders
    assert b"Harbour Trust" in (older / "packs/national/records.jsonl").read_bytes()
    for path in newer.rglob("*"):
        if path.is_file() and path.suffix in (".json", ".html", ".jsonl", ".csv"):
            assert b"Harbour Trust" not in path.read_bytes(), path
    # Whoever has both sees it.
    assert "Harbour Trust" in "\n".join(changes_in_words(diff(older, newer)[0]))


@pytest.mark.parametrize(
    ("language", "texts"),
    [
        (
            "en",
            ("What changed", "Release 2026-11-23.01, held against release 2026-11-01.01", "Nobody could enforce it."),
        ),
        ("cy", ("Beth sydd wedi newid", "Datganiad 2026-11-23.01, o&#39;i gymharu", "Diwygiadau i feincnodau")),
    ],
)
def test_the_page_says_it_in_words_numbers_first(
    folders: tuple[Path, Path], language: str, texts: tuple[str, ...]
) -> None:
    html = (folders[1] / language / "changes.html").read_text(encoding="utf-8")
    for text in texts:
        assert text in html, text
    main = html.partition("<main")[2]
    assert main.index("hp-figures") < main.index('<h2 class="govuk-heading-m" id=')
    assert "changes.html" in (folders[1] / language / "index.html").read_text(encoding="utf-8")


def test_the_page_of_a_first_release_says_that_it_is_the_first(folders: tuple[Path, Path]) -> None:
    assert "This is the first release." in (folders[0] / "en/changes.html").read_text(encoding="utf-8")


def test_what_a_hub_wrote_does_nothing_on_the_page_or_the_terminal(tmp_path: Path) -> None:
    nasty = "</script><script>alert(1)</script>\x1b[31m"
    before = the_least_edition(id="2026-11-01.01")
    build_release(before, tmp_path / "older")
    library = before.library | a_library(a_case_study("nasty", title=nasty, sectors=["health"]))
    packs = tuple(replace(pack, records=tuple(library)) for pack in before.packs)
    edition = the_least_edition(previous="2026-11-01.01", library=library, packs=packs)
    build_release(edition, tmp_path / "newer", previous=tmp_path / "older")
    assert wrong_changes(tmp_path / "newer") == []
    html = (tmp_path / "newer/en/changes.html").read_text(encoding="utf-8")
    assert "<script>" not in html  # ours say what they are, or where they come from
    assert "&lt;/script&gt;" in html
    words = [*changes_in_words(diff(tmp_path / "older", tmp_path / "newer")[0])]
    assert any("</script>" in line for line in words)
    assert all(line.isprintable() for line in words)


@pytest.mark.parametrize("previous", [None, "newer"])
def test_only_the_release_that_is_named_can_be_the_one_before(
    folders: tuple[Path, Path], tmp_path: Path, previous: str | None
) -> None:
    with pytest.raises(ValueError, match=r"the release before 2026-11-23\.01 is 2026-11-01\.01"):
        build_release(a_revision(), tmp_path / "new", previous=folders[1] if previous else None)
    assert not (tmp_path / "new").exists()


def test_more_than_is_listed_is_counted(told: Told) -> None:
    newer = told
    for number in range(MOST + 3):
        newer = with_row(newer, f"vale/new-{number:03}")
    words = [*changes_in_words(compare(told, newer))]
    assert "  - and 3 more; --json has all" in words
    assert f"Records added: {MOST + 3}" in words


# Lies, and files of other shapes.


def set_to(*path: Any, value: Any) -> Callable[[Any], None]:
    def plant(data: Any) -> None:
        for name in path[:-1]:
            data = data[name]
        data[path[-1]] = value

    return plant


LIES: Mapping[str, tuple[Callable[[Any], None], str]] = {
    "another release": (set_to("release", value="2026-11-24.01"), "release is 2026-11-24.01, and release.json says"),
    "another one before": (set_to("previous", value="2026-10-01.01"), "previous is 2026-10-01.01"),
    "no one before": (set_to("previous", value=None), "there is no release before it"),
    "added": (set_to("records", "added", 0, "id", value="vale/x"), "vale/x is added, and not in the release"),
    "changed": (set_to("records", "changed", 0, "id", value="vale/x"), "vale/x is changed, and not in the release"),
    "merged": (set_to("records", "merged", 0, "into", value="vale/x"), "was merged into vale/x, and the release does"),
    "gone": (set_to("records", "gone", 1, "id", value="vale/letters"), "vale/letters is gone, and in the release"),
    "withdrawn": (set_to("records", "gone", 1, "why", value="withdrawn"), "vale/gone is withdrawn by one of"),
    "not withdrawn": (set_to("records", "gone", 0, "why", value="left"), "vale/assistance is withdrawn by one of"),
    "twice": (set_to("records", "added", 0, "id", value="vale/letters"), "vale/letters has changed in two ways"),
    "a hub": (set_to("hubs", 0, "after", value="fresh"), "vale stands as fresh, and coverage.json says otherwise"),
    "a period": (set_to("benchmarks", "added", 0, "period", value="2020-Q1"), "2020-Q1 .* is new, and not in"),
    "no period": (
        lambda data: data["benchmarks"]["gone"].append(dict(data["benchmarks"]["added"][0], why="not_told")),
        "is gone, and in benchmarks nevertheless",
    ),
    "a figure": (
        set_to("benchmarks", "revisions", 0, "cells", 0, "figures", "n", "after", value=43),
        "n of 2026-Q3 .* is 43, and 45 in benchmarks",
    ),
    "the size": (set_to("benchmarks", "revisions", 0, "appeared", value=3), "the size of the change is not"),
    "the class": (set_to("class", value="major"), "the class is major, and the changes are none"),
    "a number": (set_to("counts", "records_added", value=7), "records_added is 7, and 2 are listed"),
    "another shape": (set_to("records", value=[]), "is of another shape"),
}


@pytest.mark.parametrize("lie", LIES)
def test_verification_finds_changes_that_do_not_fit_the_release(
    folders: tuple[Path, Path], tmp_path: Path, lie: str
) -> None:
    folder = Path(shutil.copytree(folders[1], tmp_path / "release"))
    data = json.loads((folder / "changes.json").read_bytes())
    plant, problem = LIES[lie]
    plant(data)
    (folder / "changes.json").write_text(json.dumps(data))
    reseal(folder, "changes.json")
    found = wrong_changes(folder)
    assert any(re.search(problem, told) for told in found), found
    assert {*found} <= {*verify_release(folder)}


def test_verification_misses_a_file_that_is_listed(folders: tuple[Path, Path], tmp_path: Path) -> None:
    folder = Path(shutil.copytree(folders[1], tmp_path / "release"))
    (folder / "changes.json").unlink()
    assert wrong_changes(folder) == ["what has changed cannot be checked: changes.json: No such file or directory"]


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("coverage.json", b"{"),
        ("coverage.json", b"[]"),
        ("coverage.json", b'{"release": 5, "published": "", "hubs": []}'),
        ("audit.json", b"[" * 100_000),
        ("packs/national/records.jsonl", b"5\n"),
        ("packs/national/records.jsonl", b'{"id": ["a"]}\n'),
        ("benchmarks/benchmarks.json", b'{"rows": [{"period": 5}], "columns": []}'),
        ("benchmarks/benchmarks.json", b'{"rows": [], "columns": [{"name": 5}]}'),
        ("vocabularies.json", b'{"sectors": 5}'),
        ("packs/national/pack.json", b"\xff"),
    ],
)
def test_a_file_of_another_shape_is_named_as_damaged(
    folders: tuple[Path, Path], tmp_path: Path, name: str, data: bytes
) -> None:
    folder = Path(shutil.copytree(folders[0], tmp_path / "release"))
    (folder / name).write_bytes(data)
    with pytest.raises(Damaged, match=name):  # not as it was published
        read(folder)
    reseal(folder, name)
    with pytest.raises(Damaged):  # by somebody who made it up
        diff(folder, folders[1])


def test_a_file_that_is_missing_is_named(folders: tuple[Path, Path], tmp_path: Path) -> None:
    folder = Path(shutil.copytree(folders[0], tmp_path / "release"))
    (folder / "audit.json").unlink()
    with pytest.raises(Damaged, match=r"audit\.json"):
        read(folder)
    with pytest.raises(FileNotFoundError, match="SHA256SUMS"):
        read(tmp_path)


def test_a_release_of_an_older_version_can_be_held_against_a_new_one(
    folders: tuple[Path, Path], tmp_path: Path
) -> None:
    """It has no trends, no audit, no provenance, no vocabularies and no changes."""
    folder = Path(shutil.copytree(folders[0], tmp_path / "release"))
    gone = ["changes.json", "vocabularies.json", "audit.json", "provenance.json"]
    gone += [f"benchmarks/trends.{form}" for form in ("csv", "json", "parquet")]
    lines = (folder / "SHA256SUMS").read_text().splitlines(keepends=True)
    (folder / "SHA256SUMS").write_text("".join(line for line in lines if line[66:].strip() not in gone))
    for name in gone:
        (folder / name).unlink()
    found, _ = diff(folder, folders[1])
    added = {change["name"] for change in found["schema"] if change["change"] == "added"}
    assert {*gone, "trends"} <= added
    assert found["class"] == "minor"
    manifest = json.loads((folder / "release.json").read_bytes())
    manifest["files"] = [file for file in manifest["files"] if file["path"] not in gone]
    (folder / "release.json").write_text(json.dumps(manifest))
    assert wrong_changes(folder) == []


def test_which_is_named_first_does_not_matter(folders: tuple[Path, Path]) -> None:
    older, newer = folders
    assert diff(newer, older) == (diff(older, newer)[0], True)
    assert diff(older, newer)[1] is False


def test_plain_fields_are_columns_of_records() -> None:
    assert {*module.PLAIN, *module.NOT_COMPARED} <= {*records().names}
