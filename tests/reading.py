"""How hard a text is to read: the Flesch–Kincaid grade of English. Age is about the grade and five years.

Libraries for this fetch lists of words from the web, or count worse than a handful of rules on vowels.
"""

from __future__ import annotations

import re

_SILENT = re.compile(r"(?:(?<=[^td])ed|(?<=[^sxzcgehi])es|(?<=[^aeioul])e|(?<=[aeiou]l)e)$")
"""Ends of words that are not spoken: asked, makes, make, whole; but needed, places, copies, agree, people are."""
_APART = re.compile(
    r"(?<![tscgq])i(?:[ao]|er|et)|scien|eo(?!u|ple)|(?<![gq])ua(?!r)|[aeiou]ying|\breu|eing|(?:id|ar)ea"
)
"""Vowels side by side that are spoken apart, as in supplier, science, video, actual, being, idea."""
_SENTENCE = re.compile(r"[.!?][\"”')]*(?:\s|$)|\n\s*\n|\n\s*(?:-|\d+\.)\s")
"""Where a sentence ends, or an item of a list."""


def plain(markdown: str) -> str:
    """The running text of Markdown: no headings, no marks; each item of a list stands by itself."""
    text = re.sub(r"(?m)^#+ .*$", "", markdown)
    return text.replace("*", "").replace("`", "")


def syllables(word: str) -> int:
    """About how many syllables an English word has; at least one."""
    letters = re.sub(r"[^a-z]", "", word.lower())
    groups = len(re.findall(r"[aeiouy]+", letters))
    silent = bool(_SILENT.search(letters)) and groups > 1
    return max(1, groups - silent + len(_APART.findall(letters)))


def grade(text: str) -> float:
    """The Flesch–Kincaid grade of a plain English text. Raises ValueError when it has no words."""
    sentences = [part for part in _SENTENCE.split(text) if re.search(r"[A-Za-z]", part)]
    words = re.findall(r"[A-Za-z][A-Za-z'’]*", text)
    if not words:
        raise ValueError("a text without words")
    sounds = sum(map(syllables, words))
    return 0.39 * len(words) / len(sentences) + 11.8 * sounds / len(words) - 15.59
