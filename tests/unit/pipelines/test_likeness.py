from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.likeness import COMPARED, CROWD, Likeness, jaccard, shingles

TEXT = [f"word{number}" for number in range(200)]


def changed(*places: int) -> str:
    return " ".join(f"changed{place}" if place in places else word for place, word in enumerate(TEXT))


def compared(texts: list[str], shelves: list[str] | None = None) -> list[dict[int, float]]:
    """What each text is near to, of those before it."""
    likeness = Likeness(texts.__getitem__, shelves or ["one"] * len(texts))
    found = []
    for number in range(len(texts)):
        found.append(likeness.near(number))
        likeness.remember(number)
    return found


@given(st.text("ab c-É1\n"), st.text("ab c-É1\n"))
def test_a_share_is_that_of_runs_of_four_words(one: str, other: str) -> None:
    def runs(text: str) -> set[str]:
        words = text.casefold().replace("-", " ").split()
        return {" ".join(words[start : start + 4]) for start in range(max(len(words) - 4, 0) + 1)}

    expected = len(runs(one) & runs(other)) / len(runs(one) | runs(other))
    assert jaccard(shingles(one), shingles(other)) == pytest.approx(expected)


def test_case_and_unicode_form_and_what_parts_words_do_not_count() -> None:
    assert jaccard(shingles("Café: culture, in Wales."), shingles("cafe\u0301 CULTURE\nin wales")) == 1


def test_a_text_is_near_to_the_one_that_it_was_taken_from() -> None:
    first, second, third = compared([changed(), changed(90, 150), "quite another text of a few words"])
    assert (first, third) == ({}, {})
    assert second == {0: pytest.approx(189 / 205)}


def test_texts_of_two_shelves_are_not_compared() -> None:
    assert compared([changed(), changed(90)], ["en", "cy"]) == [{}, {}]


def test_what_was_not_remembered_is_not_found() -> None:
    texts = [changed(), changed(90)]
    assert Likeness(texts.__getitem__, ["one", "one"]).near(1) == {}


def test_a_text_in_a_crowd_is_compared_with_few_and_still_finds_its_own_copy() -> None:
    """As each is like all others, comparing all with all would be a work that grows with their square."""
    crowd = [changed(*range(number, number + 20)) for number in range(0, 120, 2)]
    copied = changed(*range(119, 139), 199)
    found = compared([*crowd, changed(*range(119, 139)), copied])
    assert len(crowd) > CROWD
    assert all(len(near) <= COMPARED for near in found)
    assert max(found[-1], key=found[-1].__getitem__) == len(crowd)


def test_a_crowd_remembers_no_more_of_what_all_of_them_say() -> None:
    reads: list[int] = []
    texts = [changed(number) for number in range(3 * CROWD)]

    def read(number: int) -> str:
        reads.append(number)
        return texts[number]

    likeness = Likeness(read, ["one"] * len(texts))
    for number in range(len(texts) - 1):
        likeness.remember(number)
    reads.clear()
    near = likeness.near(len(texts) - 1)
    assert len(near) == COMPARED
    assert len(reads) == COMPARED + 1


def test_what_is_found_is_the_same_from_run_to_run() -> None:
    texts = [changed(*range(number)) for number in range(40)]
    first, second = compared(texts), compared(texts)
    assert first == second
    assert [list(near) for near in first] == [list(near) for near in second]


def test_texts_without_words_are_alike() -> None:
    assert [bool(near) for near in compared(["", " – ", "one"])] == [False, True, False]


def test_a_share_falls_as_texts_part() -> None:
    shares = [jaccard(shingles(changed()), shingles(changed(*range(number)))) for number in (0, 1, 5, 50, 200)]
    assert all(one > other for one, other in pairwise(shares))
