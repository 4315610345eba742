from __future__ import annotations

import pytest

from tests.reading import grade, plain, syllables


@pytest.mark.parametrize(
    ("word", "number"),
    [
        *(
            ("cat", 1),
            ("asked", 1),
            ("needed", 2),
            ("makes", 1),
            ("places", 2),
            ("whole", 1),
            ("people", 2),
            ("table", 2),
        ),
        *(("supplier", 3), ("science", 2), ("video", 3), ("idea", 3), ("agree", 2), ("reuse", 2), ("copies", 2)),
        *(("interoperability", 8), ("organisation", 5), ("information", 4), ("system", 2), ("being", 2), ("year", 1)),
    ],
)
def test_syllables_are_counted_as_people_speak(word: str, number: int) -> None:
    assert syllables(word) == number


def test_a_hard_text_has_a_high_grade_and_an_easy_one_a_low_one() -> None:
    easy = "Ask who owns the data. Write it down. Ask again next year."
    hard = (
        "Interoperability necessitates organisational commitment to standardised semantic representations, "
        "irrespective of institutional heterogeneity."
    )
    assert grade(easy) < 3
    assert grade(hard) > 20


def test_every_item_of_a_list_is_a_sentence_and_headings_are_none() -> None:
    assert plain("## A heading\n\n**Bold** words.") == "\n\nBold words."
    one = "We ask for open formats and for a price"
    assert grade(f"- {one}\n- {one}") == pytest.approx(grade(f"{one}. {one}."))


def test_a_text_without_words_has_no_grade() -> None:
    with pytest.raises(ValueError, match="without words"):
        grade("1. 2.")
