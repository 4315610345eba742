"""Guessing which level the answers of a survey mean: words of common scales, and numbers."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from hubs.contract.kinds.assessment import LEVELS
from hubs.starter.suggest.doubts import shown
from hubs.starter.suggest.fields import MOST

MOST_ANSWERS = 12
"""Different answers that a question of a survey has at most; more are free text or names."""
TOP_LEVEL = 5
SCALES: dict[str, tuple[str, ...]] = {
    # from level 1 to level 5; level 0 is nothing at all
    "agreement": ("strongly disagree", "disagree", "neither agree nor disagree", "agree", "strongly agree"),
    "frequency": ("never", "rarely", "sometimes", "often", "always"),
    "quality": ("very poor", "poor", "fair", "good", "very good"),
    "satisfaction": (
        "very dissatisfied",
        "dissatisfied",
        "neither satisfied nor dissatisfied",
        "satisfied",
        "very satisfied",
    ),
    "maturity": ("ad hoc", "developing", "established", "managed", "leading"),
    "extent": ("not at all", "a little", "somewhat", "mostly", "completely"),
}
"""Words of common scales, from the lowest to the highest."""
OTHER_WORDS: dict[str, str] = {
    **dict.fromkeys(("not started", "none", "nothing", "nobody", "no"), "0"),
    **dict.fromkeys(("yes", "fully", "everybody", "everyone", "all of us", "embedded", "excellent"), "5"),
    **dict.fromkeys(
        ("partly", "partially", "in part", "somebody in places", "neutral", "neither agree or disagree"), "3"
    ),
    **dict.fromkeys(("neither", "neither good nor bad", "average", "regularly", "about half the time"), "3"),
    **dict.fromkeys(("very often", "usually", "most of the time", "mostly", "largely"), "4"),
    **dict.fromkeys(("seldom", "occasionally", "hardly ever", "planned", "tend to disagree"), "2"),
    "tend to agree": "4",
}
NOT_APPLICABLE = {
    *("na", "n/a", "n.a.", "not applicable", "does not apply", "don't know", "dont know", "do not know", "not sure"),
    *("unsure", "prefer not to say", "no answer", "ddim yn berthnasol", "i don't know", "unknown"),
}


@dataclass(frozen=True)
class Scale:
    """How the answers of a column become levels: ``map`` in small letters, ``bins`` for numbers. ``name`` is that of
    its kind, and ``note`` says what was guessed.
    """

    name: str
    map: dict[str, str]
    bins: tuple[float, ...] = ()
    note: str = ""

    @property
    def settings(self) -> dict[str, Any]:
        """As a mapping says it."""
        table = dict(sorted(self.map.items(), key=lambda pair: (pair[1], pair[0])))
        return (
            ({"map": table} if table else {}) | ({"bins": list(self.bins)} if self.bins else {}) | {"unmapped": "drop"}
        )


_LEVELS = {level: level for level in LEVELS}


def scale_of(answers: Mapping[str, int]) -> Scale | None:
    """The scale of answers, each with its count. None if they are too many for one, or most have no level."""
    if not 1 < len(answers) <= MOST_ANSWERS:
        return None
    texts: Counter[str] = Counter()
    for answer, count in answers.items():
        texts[_evened(answer)] += count
    numbers = {text: number for text in texts if (number := _number(text)) is not None}
    known = {text: level for text in texts if (level := level_of(text)) is not None}
    if sum(count for text, count in texts.items() if text in numbers or text in known) < MOST * texts.total():
        return None
    return _numeric(numbers, known) if len(numbers) > len(texts) / 2 else _worded(known)


def shares_of(answers: Mapping[str, int]) -> Scale | None:
    """A scale for numbers of any size, None if most of the answers are none."""
    numbers = [number for answer in answers if (number := _number(answer)) is not None]
    if not numbers or len(numbers) < MOST * len(answers):
        return None
    most = max(numbers)
    top = next((top for top in (1, 5, 10, 100) if most <= top * 1.02), most)
    edges = tuple(round(top * part, 4) for part in (0.2, 0.35, 0.5, 0.65, 0.8))
    name = "shares" if top in (1, 100) else "numbers"
    return Scale(
        name, {}, edges, f"numbers up to {most:g}; where one level ends and the next begins is for you to say."
    )


def _numeric(numbers: Mapping[str, float], words_of_scale: Mapping[str, str]) -> Scale | None:
    top = max(numbers.values())
    named = {text: level for text, level in words_of_scale.items() if text not in numbers}
    if top <= TOP_LEVEL and all(number == int(number) for number in numbers.values()):
        labelled = {text: str(int(number)) for text, number in numbers.items()}
        return Scale("levels", _LEVELS | named | labelled, note="numbers up to 5 are taken for levels as they are.")
    if top > 2 * TOP_LEVEL:
        return None
    bins = (2.0, 4.0, 6.0, 8.0, 10.0)
    named_numbers = {text: number for text, number in numbers.items() if not _is_number(text)}
    labelled = {text: str(sum(number >= edge for edge in bins)) for text, number in named_numbers.items()}
    return Scale("out_of_ten", named | labelled, bins, "a scale up to 10 is taken in steps of two.")


def _worded(words_of_scale: dict[str, str]) -> Scale | None:
    if len(set(words_of_scale.values()) - {"na"}) < 2:  # noqa: PLR2004 - what nobody answers otherwise is no scale
        return None
    for name, scale in SCALES.items():
        if sum(text in scale for text in words_of_scale) >= 2:  # noqa: PLR2004 - one word is in several scales
            whole = {text: str(level) for level, text in enumerate(scale, 1)}
            note = f"'{scale[0]}' is taken for level 1, '{scale[-1]}' for 5."
            return Scale(name, whole | words_of_scale, note=note)
    pairs = ", ".join(
        f"'{shown(text)}' is {level}" for text, level in sorted(words_of_scale.items(), key=lambda p: p[1])
    )
    name = "yes_or_no" if {"yes", "no"} & set(words_of_scale) else "words"
    return Scale(name, dict(words_of_scale), note=f"levels are guessed from the words: {pairs}.")


def _is_number(text: str) -> bool:
    return bool(re.fullmatch(r"\d+(?:\.\d+)?", text))


def _number(answer: str) -> float | None:
    found = re.match(r"(\d{1,3}(?:\.\d{1,18})?)\s*(?:%|$|[-(–:]\s*\D)", answer)
    return float(found[1]) if found else None


def _evened(answer: str) -> str:
    return " ".join(answer.casefold().replace("’", "'").split())


def level_of(answer: str) -> str | None:
    """The level that an answer in words seems to mean; None if none."""
    text = _evened(answer)
    if text in NOT_APPLICABLE:
        return "na"
    if text in OTHER_WORDS:
        return OTHER_WORDS[text]
    return next((str(scale.index(text) + 1) for scale in SCALES.values() if text in scale), None)
