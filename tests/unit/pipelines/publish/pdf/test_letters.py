from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.publish.pdf.letters import BREAK, _characters, breakable, is_right_to_left, settable

FAMILY = "\U0001f468\u200d\U0001f469\u200d\U0001f467"


@pytest.mark.parametrize(
    "text",
    [
        "plain",
        "Tŷ Gŵyr – “quoted”… £5 ≥ 3 → ½",
        "שלום",
        "مرحبا",
        "Привет",
        FAMILY,
        "1\ufe0f\u20e3",
        "x\u0304\u0301",
        "a\nb",
    ],
)
def test_what_the_typefaces_have_stays(text: str) -> None:
    assert settable(text, "en") == text


def test_a_character_that_no_typeface_has_is_named_and_many_are_counted() -> None:
    assert settable("a 中 b", "en") == "a [cjk unified ideograph-4e2d] b"
    assert settable("\ue000!", "en") == "[u+e000]!"
    assert settable("\U000fe4e6", "en") == "[u+fe4e6]"  # a typeface has it, but PDF/A forbids private codes
    assert settable("中文字符", "en") == "[4 signs that cannot be shown here]"
    assert settable("中文字符", "cy") == "[4 arwydd na ellir eu dangos yma]"


def test_a_letter_whose_mark_is_in_another_typeface_is_named_with_it() -> None:
    # No typeface has both, and half a letter would be set without a glyph.
    assert settable("x\u05b0", "en") == "[latin small letter x][hebrew point sheva]"


def test_a_mark_without_a_letter_is_named() -> None:
    assert (
        settable("\u0610 a\n\u0301b", "en") == "[arabic sign sallallahou alayhe wassallam] a\n[combining acute accent]b"
    )


def test_control_characters_and_commands_to_turn_the_text_go() -> None:
    assert settable("a\x00b\x1b[31mc\x7f\u202egpj.exe\u202c\ufeff\tend", "en") == "ab[31mcgpj.exe end"
    assert settable("a\r\nb", "en") == "a\nb"


@given(st.text())
def test_every_character_that_is_left_has_a_typeface(text: str) -> None:
    for character in settable(text, "en"):
        assert (
            character == "\n" or any(ord(character) in found for found in _characters()) or not character.isprintable()
        )


def test_a_word_without_end_gets_places_to_break_and_loses_nothing() -> None:
    broken = breakable("x" * 10_000)
    assert broken.replace(BREAK, "") == "x" * 10_000
    assert max(map(len, broken.split(BREAK))) == 20
    assert breakable("short words stay as they are, however many of them there are").count(BREAK) == 0


def test_an_address_breaks_after_its_signs() -> None:
    address = "https://www.example.org/a/long/path/to/something.html?part=1&page=2"
    assert breakable(address).split(BREAK)[:3] == ["https://", "www.", "example."]


def test_marks_stay_with_their_letter() -> None:
    assert all(not piece.startswith("\u0301") for piece in breakable("e\u0301" * 500).split(BREAK))


@pytest.mark.parametrize(
    ("text", "expected"), [("שלום abc", True), ("123 مرحبا", True), ("abc שלום", False), ("", False)]
)
def test_the_first_letter_says_where_a_paragraph_begins(text: str, expected: bool) -> None:
    assert is_right_to_left(text) is expected
