"""What is searched: every text once, in words that a browser cuts alike, and a proof that it is what the packs say."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.publish import search
from pipelines.publish.scripts import as_script
from pipelines.publish.search import MOST_LETTERS, SEARCH, postings, read_postings, words_of, write_search, wrong_search
from pipelines.publish.verification import verify_release
from pipelines.publish.writers import json_bytes
from tests.builders import a_case_study, a_question, a_requirement, a_term
from tests.searches import index, searched

PLACES = st.lists(st.integers(0, 200_000), unique=True).map(sorted)


def ids(data: dict[str, Any]) -> list[str]:
    return [record[0] for record in data["records"]]


def found(data: dict[str, Any], word: str) -> dict[str, int]:
    """The ids of the records that have a word, and the step of its weight in each."""
    where = data["words"].split().index(word)
    return {ids(data)[place]: step for place, step in read_postings(data["postings"].split()[where])}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Open Standards, in 2026!", ["open", "standards", "in", "2026"]),
        ("ŵyr, tŷ bach a phêl", ["wyr", "ty", "bach", "phel"]),
        ("cafe\u0301 CAFÉ", ["cafe", "cafe"]),
        ("snake_case e-bost i'r", ["snake", "case", "bost"]),
        ("costs£400 tŷ_bach ＿名前£x9", ["costs", "400", "ty", "bach", "名前", "x9"]),
        ("ﬁle №12 ½", ["file", "no12"]),
        ("ΟΔΟΣ İstanbul", ["οδοσ", "istanbul"]),
        ("</script> \u202eevil \U0001f9ea", ["script", "evil"]),
        ("", []),
    ],
)
def test_words_have_neither_accents_nor_case(text: str, words: list[str]) -> None:
    assert words_of(text) == words


def test_a_word_of_ten_thousand_letters_is_cut() -> None:
    assert [len(word) for word in words_of("x" * 10_000)] == [MOST_LETTERS]


@given(places=PLACES, data=st.data())
def test_postings_can_be_read_again(places: list[int], data: st.DataObject) -> None:
    told = [(place, data.draw(st.integers(0, 7))) for place in places]
    text = postings(told)
    assert read_postings(text) == told
    assert not {*text} & {*" \"'\\"}


def test_postings_that_end_too_soon_are_no_postings() -> None:
    text = postings([(10_000, 3)])
    with pytest.raises(ValueError, match="within a number"):
        read_postings(text[:-1])


def test_each_text_is_searched_once_in_the_language_of_the_site_where_there_is_one(tmp_path: Path) -> None:
    folder = searched(tmp_path)
    english, welsh = index(folder, "en"), index(folder, "cy")
    assert "cymru/bus" in ids(english)
    assert "cymru/bus-cy" not in ids(english)
    assert "cymru/bus-cy" in ids(welsh)
    assert "cymru/bus" not in ids(welsh)
    assert len(ids(english)) == len(ids(welsh)) == len({*ids(english)}) == 10
    assert {record[7] for record in welsh["records"]} == {"en", "cy"}
    assert english["release"] == "2026-11-23.01"


def test_words_are_found_in_all_texts_and_weigh_most_in_headings(tmp_path: Path) -> None:
    folder = searched(
        tmp_path,
        a_case_study("one", title="Walrus", body="A body of words."),
        a_case_study("two", title="Other", summary="About the walrus.", body="A body of words."),
        a_case_study("three", title="Third", body="Somewhere stands a walrus."),
        a_requirement("four", title="Fourth", evaluation="Count each walrus.", verification="Ask for penguins."),
        a_question("five", question="Fifth?", answer="No [animal](https://walrus.example/walrus) here: walruses."),
    )
    steps = found(index(folder), "walrus")
    assert set(steps) == {"vale/one", "vale/two", "vale/three", "vale/four"}
    assert steps["vale/one"] > steps["vale/two"] > steps["vale/three"]
    assert set(found(index(folder), "penguins")) == {"vale/four"}
    assert set(found(index(folder), "government")) >= {"vale/one"}  # the label of its sector
    words = index(folder)["words"].split()
    assert not {"example", "https", "the", "about"} & {*words}


def test_words_stand_in_the_order_of_javascript(tmp_path: Path) -> None:
    # Beyond the first plane JavaScript sorts by halves of a pair, which come before some single signs.
    astral, late = "\U0001043c\U0001043d", "ﶗﶗ"
    folder = searched(tmp_path, a_case_study("one", title=f"{astral} ꯀꯁ {late} zebra"))
    words = index(folder)["words"].split()
    assert words == sorted(words, key=lambda word: word.encode("utf-16-be"))
    assert words.index(astral) > words.index("zebra")


def test_a_summary_is_cut_at_a_word_and_a_definition_later(tmp_path: Path) -> None:
    long = ("word " * 110).strip()
    folder = searched(tmp_path, a_case_study("one", summary=long), a_term(abstract=long))
    shown = {record[0]: record[4] for record in index(folder)["records"]}
    assert shown["vale/one"].endswith(" word…")
    assert len(shown["vale/one"]) <= 221
    assert 221 < len(shown["vale/open-standard"]) <= 401


def test_the_same_files_give_the_same_bytes_in_whatever_order_records_come(tmp_path: Path) -> None:
    first = searched(tmp_path / "first")
    shutil.copytree(first, tmp_path / "second")
    for path in (tmp_path / "second" / "packs").glob("*/pack.json"):
        data = json.loads(path.read_text(encoding="utf-8"))
        path.write_bytes(json_bytes(data | {"records": data["records"][::-1]}))
    write_search(tmp_path / "second")
    for language in ("en", "cy"):
        name = f"{SEARCH}/{language}.js"
        assert (first / name).read_bytes() == (tmp_path / "second" / name).read_bytes()


def test_a_release_without_a_national_pack_is_searched_for_nothing(tmp_path: Path) -> None:
    (tmp_path / "coverage.json").write_bytes(json_bytes({"release": "2026-11-23.01", "hubs": []}))
    write_search(tmp_path)
    assert (index(tmp_path)["records"], index(tmp_path)["words"]) == ([], "")
    assert list(wrong_search(tmp_path)) == []


def _other_title(data: dict[str, Any]) -> None:
    data["records"][0][3] += "!"


def _other_address(data: dict[str, Any]) -> None:
    data["records"][0][1] = "elsewhere"


def _another_record(data: dict[str, Any]) -> None:
    data["records"][0][0] = "vale/secret"


def _twice(data: dict[str, Any]) -> None:
    data["records"].append(data["records"][0])


def _translation_too(data: dict[str, Any]) -> None:
    data["records"][ids(data).index("cymru/bus")][0] = "cymru/bus-cy"


def _fewer_records(data: dict[str, Any]) -> None:
    data["records"].pop()


def _fewer_postings(data: dict[str, Any]) -> None:
    data["postings"] = data["postings"].rpartition(" ")[0]


def _other_release(data: dict[str, Any]) -> None:
    data["release"] = "2026-11-24.01"


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (_other_title, "has another title"),
        (_other_address, "has another slug"),
        (_another_record, "vale/secret is not in the national pack"),
        (_twice, "is listed 2 times"),
        (_translation_too, "cymru/bus-cy is shown beside its translation"),
        (_fewer_records, "is missing"),
        (_fewer_records, "words lead to records that are not listed"),
        (_fewer_postings, "words and their records are not equally many"),
        (_other_release, "is the search of something else"),
    ],
)
def test_what_is_not_what_the_packs_say_is_told(
    change: Callable[[dict[str, Any]], None], problem: str, tmp_path: Path
) -> None:
    folder = searched(tmp_path)
    assert list(wrong_search(folder)) == []
    data = index(folder)
    change(data)
    (folder / SEARCH / "en.js").write_bytes(as_script("search.en", data))
    told = list(wrong_search(folder))
    assert any(problem in one for one in told), told
    assert all(one.startswith("search/en.js: ") for one in told)


def test_a_missing_language_is_told_and_an_older_release_is_not(tmp_path: Path) -> None:
    folder = searched(tmp_path)
    (folder / SEARCH / "cy.js").unlink()
    assert list(wrong_search(folder)) == ["search/cy.js: missing"]
    shutil.rmtree(folder / SEARCH)
    assert list(wrong_search(folder)) == []


def test_a_release_is_verified_with_what_is_searched_in_it(small_release: Path, tmp_path: Path) -> None:
    folder = tmp_path / small_release.name
    shutil.copytree(small_release, folder)
    data = index(folder)
    data["records"][0][3] = "Another title"
    (folder / SEARCH / "en.js").write_bytes(as_script("search.en", data))
    problems = verify_release(folder)
    assert f"search/en.js: {data['records'][0][0]} has another title" in problems
    (folder / SEARCH / "en.js").write_text("alert(1)", encoding="utf-8")
    assert any("what is searched cannot be checked" in problem for problem in verify_release(folder))


def test_columns_are_those_that_the_script_names() -> None:
    script = (Path(search.__file__).parents[2] / "templates/static/search_index.js").read_text(encoding="utf-8")
    assert "const BASE = 45;" in script
    assert "const STEPS = 8;" in script
    assert f"const MOST_LETTERS = {MOST_LETTERS};" in script
    assert len(search.WEIGHTS) == 8
