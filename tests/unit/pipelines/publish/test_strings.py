from __future__ import annotations

import re
from datetime import date
from itertools import product
from pathlib import Path

import pytest

from hubs.contract.findings import CODES
from pipelines import gap
from pipelines.publish import strings
from pipelines.publish.layouts import TEMPLATES
from pipelines.publish.strings import LANGUAGES
from tests.reading import grade

BUILT = re.compile(r"""\b(?:text|t)\(\s*f["']([a-z_.]+)\{""")
"""A key that code puts together: its beginning."""
CALL = re.compile(r"""\bt(?:_in)?\(\s*"([a-z_.]+)"(\s*~)?""")
SCRIPT_CALL = re.compile(r"""\bwords\(\s*"([a-z_.]+)"(\s*\+)?""")
SAID = re.compile(r"""\b(?:words|say|t)\(\s*f?["`']([a-z_.0-9]+)""")
"""A key that a script, or the gap analysis, names at least the beginning of."""
BEGINNINGS = ("", "gap.", "assess.say.")
"""What they put before the keys that they name."""


def keys_in_scripts() -> set[str]:
    """Every key, or beginning of one, that scripts and the gap analysis name."""
    paths = [*(TEMPLATES / "static").glob("*.js"), *Path(gap.__file__).parent.glob("*.*")]
    texts = [path.read_text(encoding="utf-8") for path in paths if path.suffix in (".js", ".py", ".html")]
    return {f"{beginning}{key}" for text in texts for key in SAID.findall(text) for beginning in BEGINNINGS}


SCRIPT_CALL = re.compile(r"""\bwords\(\s*"([a-z_.]+)"(\s*\+)?""")

SENTENCE_WORDS = 6
"""Shorter texts are labels."""
GRADE_AT_TWELVE = 7


def keys_in_use() -> set[tuple[str, bool]]:
    """Every key that a template names, and whether more is put behind it."""
    found = set()
    for path in TEMPLATES.rglob("*.html"):
        found |= {(key, bool(more)) for key, more in CALL.findall(path.read_text(encoding="utf-8"))}
    for path in (TEMPLATES / "static").glob("*.js"):
        found |= {(key, bool(more)) for key, more in SCRIPT_CALL.findall(path.read_text(encoding="utf-8"))}
    return found


def test_every_text_exists_in_both_languages_with_the_same_values() -> None:
    assert strings.site_words().unfinished == ()
    for key, texts in strings.catalogue().items():
        assert set(texts) == set(LANGUAGES), key
        assert all(texts.values()), key


def test_every_key_in_a_template_is_in_the_catalogue() -> None:
    known = strings.catalogue()
    used = keys_in_use()
    assert len(used) > 50
    for key, is_prefix in used:
        if is_prefix:
            assert any(k.startswith(key) for k in known), key
        else:
            assert key in known or f"{key}.other" in known, key


def test_no_text_is_kept_that_no_page_uses() -> None:
    used = keys_in_use()
    whole = {key for key, is_prefix in used if not is_prefix}
    starts = tuple(key for key, is_prefix in used if is_prefix)
    code = "".join(path.read_text(encoding="utf-8") for path in Path(strings.__file__).parent.rglob("*.py"))
    starts += tuple(BUILT.findall(code))
    said = keys_in_scripts()
    codes = "".join(path.read_text(encoding="utf-8") for path in Path(gap.__file__).parent.glob("*.py"))
    pages = "".join(path.read_text(encoding="utf-8") for path in TEMPLATES.rglob("*.html"))
    for key in strings.catalogue():
        base = re.sub(r"\.(one|other|title|description)$", "", key)
        is_named = any(f'"{name}"' in code or f'"{name}"' in pages for name in (key, base))
        is_said = key in said or base in said or any(key.startswith(one) for one in said if one.endswith(("_", ".")))
        is_code = key.startswith("gap.") and f'"{key.removeprefix("gap.")}"' in codes  # of a figure or a breakdown
        assert key in whole or base in whole or key.startswith(starts) or is_named or is_said or is_code, key


def test_readers_are_told_in_both_languages_why_a_feed_is_not_used() -> None:
    codes = {code for code, about in CODES.items() if about.scope == "feed"}
    assert {f"why.{code}" for code in codes} <= strings.catalogue().keys()


def test_an_unknown_key_is_a_bug_not_a_blank() -> None:
    with pytest.raises(KeyError):
        strings.text("no.such.text", "en")


def test_counts_choose_the_form_and_welsh_keeps_the_singular() -> None:
    assert strings.text("count.questions", "en", count=1) == "1 question"
    assert strings.text("count.questions", "en", count=1200) == "1,200 questions"
    assert strings.text("count.questions", "cy", count=3) == "3 cwestiwn"


def test_dates_in_words() -> None:
    assert strings.day(date(2026, 3, 5), "en") == "5 March 2026"
    assert strings.day(date(2026, 3, 5), "cy") == "5 Mawrth 2026"
    assert strings.short_day(date(2026, 9, 5), "en") == "5 Sep 2026"
    assert strings.short_day(date(2026, 9, 5), "cy") == "5 Medi 2026"
    for language, form in product(LANGUAGES, (strings.day, strings.short_day)):
        assert len({form(date(2026, month, 1), language) for month in range(1, 13)}) == 12


@pytest.mark.parametrize("name", ["method", "accessibility"])
def test_long_texts_have_the_same_headings_and_lists_in_both_languages(name: str) -> None:
    shapes = []
    for language in LANGUAGES:
        text = (TEMPLATES / "text" / f"{name}.{language}.html").read_text(encoding="utf-8")
        shapes.append(re.findall(r"<(h2|p|li|ul|dl)\b", text))
    assert shapes[0] == shapes[1]


def test_the_interface_can_be_read_at_the_age_of_twelve() -> None:
    texts = [re.sub(r"\{\w+\}", "one", told["en"]) for told in strings.catalogue().values()]
    sentences = [text if text[-1] in ".?!" else f"{text}." for text in texts if len(text.split()) >= SENTENCE_WORDS]
    assert len(sentences) > 300
    assert grade(" ".join(sentences)) <= GRADE_AT_TWELVE
