"""Text that can be set: which characters the typefaces of a document have, and what stands for those they lack.

A PDF that anybody can read has a glyph for every character, so one that no typeface has is named in words instead.
Words without a place to break get one, since a line that leaves the page is lost. How things look is for ``templates``.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Iterator
from functools import cache, lru_cache
from importlib.resources import files
from pathlib import Path

from pipelines.publish import strings

TYPEFACES = ("fontpkg_source_sans_3", "manimgx_fonts")
"""The packages that the typefaces come in."""
FIRST = "SourceSans3"
"""How the files of the typeface begin that texts are set in."""
LONG_WORD = 40
"""Letters that a word may have before it may be broken anywhere: a third of a line."""
PIECE = 20
NAMED_N = 3
"""So many lacking characters in a row are named one by one; of more, only their number is told."""

BREAK = "\u200b"
"""A place to break a line, of no width."""
_SIGNS_TO_BREAK_AFTER = re.compile(r"(?<=[/?&=#._\-:;,@|\\])(?=\w)")
_IGNORABLE = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f"
    "\ufeff\uffa0\ufff0-\ufff8\U000e0000-\U000e0fff]"
)
"""What is never drawn (Unicode: default ignorable)."""
_DIRECTING = re.compile("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]")
"""Commands to write in another direction, which can make a text look like another one."""
_CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]")


@cache
def typefaces() -> tuple[Path, ...]:
    """The files of the typefaces, sorted by name."""
    folders = [Path(str(files(package))) for package in TYPEFACES]
    return tuple(sorted((path for folder in folders for path in folder.rglob("*.ttf")), key=lambda path: path.name))


@cache
def typefaces_digest() -> str:
    """The SHA-256 over all of them."""
    found = hashlib.sha256()
    for path in typefaces():
        found.update(hashlib.sha256(path.read_bytes()).digest())
    return found.hexdigest()


@cache
def _characters() -> tuple[frozenset[int], ...]:
    """The characters of each family of typefaces, the one that texts are set in first: those that all of its styles
    have.
    """
    from fontTools.ttLib import TTFont  # only where a PDF is made

    found: dict[str, frozenset[int]] = {}
    for path in sorted(typefaces(), key=lambda path: (FIRST not in path.name, path.name)):
        family = path.name.partition("[")[0].removesuffix("-Italic")
        with TTFont(path, lazy=True) as font:
            # What a private code means is known to its typeface alone, so PDF/A forbids them all. And whether a code
            # that is newer than our tables belongs to the letter before it, we do not know.
            known = (code for code in font.getBestCmap() if unicodedata.category(chr(code)) not in ("Co", "Cn"))
            characters = frozenset(known)
        found[family] = found[family] & characters if family in found else characters
    return tuple(found.values())


@cache
def _plain() -> frozenset[str]:
    """The characters of the first typeface that stand alone: a text of these needs no second look."""
    letters = (chr(code) for code in _characters()[0])
    return frozenset(letter for letter in letters if letter.isprintable() and not _continues(letter)) | {"\n"}


@lru_cache(maxsize=1 << 16)
def _has(cluster: str) -> bool:
    """Whether one typeface has all of these characters. A letter and its marks are drawn by one or not at all."""
    needed = {ord(character) for character in cluster if not _IGNORABLE.match(character)}
    return any(needed <= characters for characters in _characters())


def settable(text: str, language: str) -> str:
    """``text`` in characters that can be set. In place of others stand their names, or their number, in brackets in
    ``language``; control characters and commands to change the direction go. Line breaks stay.
    """
    spaced = text.replace("\r\n", "\n").replace("\t", " ")
    plain = unicodedata.normalize("NFC", _CONTROL.sub("", _DIRECTING.sub("", spaced)))
    if _plain().issuperset(plain):
        return plain
    result: list[str] = []
    lacking: list[str] = []
    for cluster in _clusters(plain):
        if cluster == "\n" or (_has(cluster) and not _continues(cluster[0])):
            if lacking:
                result.append(_named(lacking, language))
                lacking = []
            result.append(cluster)
        elif unicodedata.category(cluster[0]) != "Cs":
            lacking.append(cluster)
    if lacking:
        result.append(_named(lacking, language))
    return "".join(result)


def breakable(text: str, longest: int = LONG_WORD) -> str:
    """``text`` with places to break in words of more than ``longest`` letters: after signs such as those of web
    addresses, and where there are none, anywhere.
    """
    if len(text) <= longest:
        return text
    return re.sub(rf"[^\s{BREAK}]{{{longest + 1},}}", lambda word: _broken(word[0], longest), text)


def is_right_to_left(text: str) -> bool:
    """Whether the first letter of ``text`` with a direction runs from right to left."""
    for character in text:
        direction = unicodedata.bidirectional(character)
        if direction in ("L", "R", "AL"):
            return direction != "L"
    return False


def _broken(word: str, longest: int) -> str:
    piece = min(PIECE, longest)
    parts = (
        part if len(part) <= longest else BREAK.join("".join(found) for found in _pieces(part, piece))
        for part in _SIGNS_TO_BREAK_AFTER.split(word)
    )
    return BREAK.join(parts)


def _pieces(word: str, size: int) -> Iterator[list[str]]:
    """The word in pieces of ``size`` characters, no letter parted from its marks."""
    piece: list[str] = []
    for cluster in _clusters(word):
        if len(piece) >= size:
            yield piece
            piece = []
        piece.append(cluster)
    yield piece


def _clusters(text: str) -> Iterator[str]:
    """Each character with the marks, selectors and joined characters that follow it."""
    cluster = ""
    for character in text:
        if cluster and cluster != "\n" and character != "\n" and (_continues(character) or cluster[-1] == "\u200d"):
            cluster += character
        else:
            if cluster:
                yield cluster
            cluster = character
    if cluster:
        yield cluster


def _continues(character: str) -> bool:
    return not character.isascii() and (
        unicodedata.category(character).startswith("M")
        or character in "\u200c\u200d"
        or "\U0001f3fb" <= character <= "\U0001f3ff"
    )


def _named(clusters: list[str], language: str) -> str:
    if len(clusters) > NAMED_N:
        return strings.text("pdf.lacking", language, count=len(clusters))
    return "".join(
        f"[{unicodedata.name(character, f'U+{ord(character):04X}').lower()}]"
        for cluster in clusters
        for character in cluster
        if not _IGNORABLE.match(character)
    )
