"""Text as hubs send it: bytes to characters, line ends and invisible characters, headings, paragraphs, simple HTML.

Only what is needed to find fields and to even out what no reader sees. Making text safe to show is done at publication.
"""

from __future__ import annotations

import codecs
import hashlib
import re
import textwrap
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from html.parser import HTMLParser

from markdown_it import MarkdownIt
from markdown_it.token import Token

SCANNED_BYTES = 2_000
"""At the beginning of a file, to tell how it is written."""
MAX_SLUG_CHARACTERS = 100
MAX_HEADING_CHARACTERS = 1_000
"""A longer line is no heading, whatever it begins with."""
MAX_CODE_CHARACTERS = 5_000
"""A comment or a piece of template code is at most this long; what begins one and does not end it is text."""

MAX_LIST_DEPTH = 10
"""Lists inside lists are set in no further than this."""

_NOT_CHARACTERS = dict.fromkeys(
    [
        *(*range(9), 0x0B, *range(0x0E, 0x20), *range(0x7F, 0x85), *range(0x86, 0xA0)),  # controls
        *(0x061C, 0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A)),  # turn text around
        *(0x200B, 0x2060, 0xFEFF, *range(0xFFF9, 0xFFFC)),  # zero-width, byte-order mark, annotations
        *(*range(0xD800, 0xE000), *range(0xFDD0, 0xFDF0)),  # halves of characters, none at all
        *(plane + last for plane in range(0, 0x110000, 0x10000) for last in (0xFFFE, 0xFFFF)),
    ]
)
_EVENED = _NOT_CHARACTERS | {0x0C: "\n", 0x85: "\n", 0xA0: " ", 0x202F: " ", 0x2028: "\n", 0x2029: "\n"}
_LINE_END = re.compile(r"\r\n?")
_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})")
_ATX = re.compile(r" {0,3}(#{1,6})[ \t]+(.*)|(#{2,6})(?=[^#\s])(.*)")
_SETEXT = re.compile(r" {0,3}(=+|-+)[ \t]*")
_SETEXT_TEXT = re.compile(r" {0,3}[^\s>#|*+-].*")
_COMMENT = ("<!--", "-->")
_TEMPLATE = (("{%", "%}"), ("{{", "}}"))
_ATTRIBUTES = re.compile(r"\{:?[ \t]*(?:[.#:][\w:-]|[\w-]+=[\"'])[^{}\n]*\}")
_ADMONITION = re.compile(
    r"(?m)^(?:!!!|\?\?\?\+?)[ \t]+\w*[ \t]*(?:\"([^\"\n]*)\")?[ \t]*\n((?:(?: {4}|\t).*\n?|[ \t]*\n)*)"
)
_TAG = re.compile(r"</?([a-zA-Z][a-zA-Z0-9]*)\b[^<>]*>")
_TAG_OR_LESS = re.compile(rf"{_TAG.pattern}|<")
_ADDRESS = re.compile(r"""\shref\s*=\s*("[^"]*"|'[^']*'|[^\s"'>]+)""", re.IGNORECASE)


def decode(data: bytes) -> tuple[str, str | None]:
    """The text in ``data``, and what it was taken for where it is not UTF-8: ``UTF-16`` or ``Windows-1252``."""
    encoding = utf_16_of(data)
    if encoding:
        return data.decode(encoding, errors="replace"), "UTF-16"
    try:
        return data.decode("utf-8-sig"), None
    except UnicodeDecodeError:
        return data.decode("cp1252", errors="replace"), "Windows-1252"


def utf_16_of(start: bytes) -> str | None:
    """The codec of a text in UTF-16, told by its mark or, without one, by the zeros in every other byte; None for any
    other text. The first bytes of the file are enough.
    """
    if start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    first, second = start[:SCANNED_BYTES:2].count(0), start[1:SCANNED_BYTES:2].count(0)
    most, least = max(first, second), min(first, second)
    # Two in three letters of any language with a Latin alphabet; a picture or an archive has zeros everywhere.
    if not most or most < len(start[:SCANNED_BYTES]) // 3 or least * 10 > most:
        return None
    return "utf-16-be" if first > second else "utf-16-le"


def tidy(text: str) -> str:
    """``text`` with plain line ends and spaces and without characters that nobody sees."""
    return _LINE_END.sub("\n", text).translate(_EVENED)


def slug(text: str) -> str:
    """``text`` as an identifier: lower-case ASCII letters and digits with hyphens. Long ones end in a digest, so that
    texts which differ only at their end stay apart. Empty if nothing is left.
    """
    plain_text = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower().replace("'", "")
    name = re.sub(r"[^a-z0-9]+", "-", plain_text).strip("-")
    if len(name) <= MAX_SLUG_CHARACTERS:
        return name
    digest = hashlib.sha256(plain_text.encode()).hexdigest()[:8]
    return f"{name[:MAX_SLUG_CHARACTERS].rstrip('-')}-{digest}"


def folded(name: str) -> str:
    """The name of a column or a sheet without differences of case and spacing."""
    return "_".join(name.strip().lower().replace("-", " ").split())


def looks_like_html(data: bytes) -> bool:
    """Whether ``data`` is a web page, such as a log-in page sent in place of a file."""
    start = data[:512].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    return start.startswith((b"<!doctype html", b"<html", b"<head", b"<body"))


_SIGNATURES = {
    b"PK\x03\x04": "a zip archive or an office document",
    b"\xd0\xcf\x11\xe0": "an office document",
    b"%PDF-": "a PDF",
    b"{\\rtf": "a rich text document",
    b"\x89PNG": "a picture",
    b"\xff\xd8\xff": "a picture",
    b"GIF8": "a picture",
    b"\x1f\x8b": "a packed file",
    b"7z\xbc\xaf": "a packed file",
    b"PAR1": "a Parquet file",
    b"SQLite format 3": "a database",
}


def not_text(data: bytes) -> str | None:
    """What ``data`` is instead of a text that people wrote, in words; None where nothing speaks against it."""
    if looks_like_html(data):
        return "a web page"
    return next((what for start, what in _SIGNATURES.items() if data.startswith(start)), None)


@cache
def _markdown() -> MarkdownIt:
    return MarkdownIt("commonmark", {"html": True}).enable("table")


def _inline_text(token: Token) -> str:
    parts = []
    for child in token.children or ():
        if child.type in ("text", "code_inline"):
            parts.append(child.content)
        elif child.type in ("softbreak", "hardbreak"):
            parts.append(" ")
    return " ".join("".join(parts).split())


def plain(markdown: str) -> str:
    """``markdown`` without its marks, pictures and tags, on one line."""
    tokens = _markdown().parse(markdown)
    parts = [_inline_text(t) if t.type == "inline" else _code_or_html(t) for t in tokens]
    return " ".join(part for part in parts if part)


def _code_or_html(token: Token) -> str:
    if token.type == "html_block":
        return " ".join(_TAG.sub(" ", _without(token.content, *_COMMENT)).split())
    return " ".join(token.content.split()) if token.type in ("fence", "code_block") else ""


def plain_line(markdown: str) -> str:
    """One line of ``markdown`` (a heading, a title) without its marks, pictures and tags."""
    return _inline_text(_markdown().parseInline(markdown.strip()[:MAX_HEADING_CHARACTERS])[0])


def paragraphs(markdown: str) -> Iterator[str]:
    """Plain texts of the paragraphs that stand by themselves: no headings, lists, quotations, tables or pictures."""
    tokens = _markdown().parse(markdown)
    for number, token in enumerate(tokens):
        text = ""
        if token.type == "paragraph_open" and token.level == 0:
            text = _inline_text(tokens[number + 1])
        elif token.type == "html_block" and token.content.lstrip().lower().startswith("<p"):
            text = _code_or_html(token)
        if any(character.isalpha() for character in text):
            yield text


@dataclass(frozen=True)
class Heading:
    """A heading: ``start`` and ``end`` are line numbers from 0, ``end`` the first line after it."""

    level: int
    text: str
    start: int
    end: int


def headings(markdown: str) -> list[Heading]:
    """All headings outside code, also those which lack the space after ``##``. Texts are plain."""
    lines = markdown.split("\n")
    found: list[Heading] = []
    fence = ""
    for number, line in enumerate(lines):
        mark = _FENCE.match(line)
        if mark and (not fence or (mark[1].startswith(fence) and not line.strip().strip(fence[0]))):
            fence = "" if fence else mark[1]
        elif fence or len(line) > MAX_HEADING_CHARACTERS:
            continue
        elif atx := _ATX.fullmatch(line):
            text = _without_closing_marks(atx[2] if atx[1] else atx[4])
            found.append(Heading(len(atx[1] or atx[3]), plain_line(text), number, number + 1))
        elif number and _SETEXT.fullmatch(line) and _is_setext_text(lines, number - 1, found):
            found.append(Heading(1 if "=" in line else 2, plain_line(lines[number - 1]), number - 1, number + 1))
    return found


def _without_closing_marks(text: str) -> str:
    """A heading without the ``##`` that may close it. The mark at the end of C# is part of the text."""
    unmarked = text.rstrip().rstrip("#")
    return unmarked.rstrip() if not unmarked or unmarked[-1] in " \t" else text


def _is_setext_text(lines: list[str], number: int, found: list[Heading]) -> bool:
    """Whether the line can be the text of an underlined heading: a line by itself that is no heading already."""
    starts_paragraph = number == 0 or not lines[number - 1].strip()
    is_taken = bool(found) and found[-1].end > number
    return starts_paragraph and not is_taken and bool(_SETEXT_TEXT.fullmatch(lines[number]))


def section(markdown: str, names: tuple[str, ...]) -> str | None:
    """What stands under the first of the headings ``names`` (any case), down to the next of its level or above."""
    found = headings(markdown)
    lines = markdown.split("\n")
    for name in names:
        for number, heading in enumerate(found):
            if heading.text.casefold().rstrip(":") != name.casefold():
                continue
            end = next((h.start for h in found[number + 1 :] if h.level <= heading.level), len(lines))
            return "\n".join(lines[heading.end : end]).strip()
    return None


def outside_code(markdown: str) -> Iterator[tuple[bool, str]]:
    """The text in stretches, each with whether it may be changed: fenced code may not. Joined they are the text."""
    stretch: list[str] = []
    fence = ""
    for line in markdown.splitlines(keepends=True):
        mark = _FENCE.match(line)
        if mark and not fence:
            yield True, "".join(stretch)
            stretch, fence = [line], mark[1]
        elif mark and mark[1].startswith(fence) and not line.strip().strip(fence[0]):
            yield False, "".join([*stretch, line])
            stretch, fence = [], ""
        else:
            stretch.append(line)
    yield not fence, "".join(stretch)


def clean(markdown: str) -> tuple[str, bool]:
    """``markdown`` without comments, site generators' code and attribute lists, with a space after ``##``; and whether
    there was such code.
    """
    parts: list[str] = []
    had_code = False
    for may_change, text in outside_code(markdown):
        if not may_change:
            parts.append(text)
            continue
        without, had_code_here = strip_template(_without(text, *_COMMENT))
        had_code = had_code or had_code_here
        without = _ADMONITION.sub(_as_quotation, _ATTRIBUTES.sub("", without))
        parts.append(re.sub(r"(?m)^(#{2,6})(?=[^#\s])", r"\1 ", without))
    return re.sub(r"\n{3,}", "\n\n", "".join(parts)).strip(), had_code


def _as_quotation(admonition: re.Match[str]) -> str:
    """A boxed remark, which only some site generators know, as the quotation that all of them know."""
    title = f"**{admonition[1]}**\n\n" if admonition[1] else ""
    lines = (title + textwrap.dedent(admonition[2]).strip()).split("\n")
    return "\n".join(f"> {line}".rstrip() for line in lines) + "\n\n"


def strip_template(text: str) -> tuple[str, bool]:
    """``text`` without site generators' code, and whether there was any."""
    without = text
    for opening, closing in _TEMPLATE:
        without = _without(without, opening, closing)
    return (without, True) if without != text else (text, False)


def _without(text: str, opening: str, closing: str) -> str:
    """``text`` without the stretches from ``opening`` to ``closing``, in one pass however it is made."""
    parts = []
    start = end = 0
    while (begin := text.find(opening, start)) >= 0:
        if end < begin + len(opening):
            end = text.find(closing, begin + len(opening))
        if end < 0:
            break
        is_code = end - begin <= MAX_CODE_CHARACTERS
        parts.append(text[start : begin if is_code else begin + len(opening)])
        start = end + len(closing) if is_code else begin + len(opening)
    return "".join([*parts, text[start:]])


def cut(text: str, limit: int) -> str:
    """``text``, or its beginning of at most ``limit`` characters that ends with a sentence or, failing that, a word."""
    if len(text) <= limit:
        return text
    start = text[: limit - 1]
    sentences = re.match(r".*[.!?](?=\s)", start + " ", re.DOTALL)
    if sentences and len(sentences[0]) > limit // 3:
        return sentences[0]
    return start.rsplit(" ", 1)[0].rstrip(" ,;:") + "…"


# Simple HTML.

_BLOCKS = {"p", "div", "br", "h1", "h2", "h3", "h4", "h5", "h6", "ul", "ol", "li", "blockquote"}
_INLINE = {"em": "*", "i": "*", "strong": "**", "b": "**", "a": "", "span": "", "u": ""}


def simple_html_to_markdown(text: str) -> str | None:
    """A text that is wholly plain HTML (paragraphs, headings, lists, links) as Markdown; None if it is not."""
    tags = {tag.lower() for tag in _TAG.findall(text)}
    starts_with_block = re.match(r"\s*<(p|div|h[1-6]|ul|ol)\b", text, re.IGNORECASE)
    if not starts_with_block or not tags <= _BLOCKS | set(_INLINE):
        return None
    converter = _ToMarkdown()
    converter.feed(_bare(text))
    converter.close()
    return converter.text()


def _bare(text: str) -> str:
    """``text`` with nothing in its tags but addresses, without comments, and with every other ``<`` as text: on what is
    left open, the library's parser can spend minutes.
    """

    def tag(match: re.Match[str]) -> str:
        if match[1] is None:
            return "&lt;"
        closing = "/" if match[0].startswith("</") else ""
        address = _ADDRESS.search(match[0])
        return f"<{closing}{match[1]}{f' href={address[1]}' if address and not closing else ''}>"

    return _TAG_OR_LESS.sub(tag, _without(text, *_COMMENT))


class _ToMarkdown(HTMLParser):
    """Writes paragraphs parted by blank lines. Unclosed and stray tags do no harm: blocks end at the next block."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self._blocks: list[str] = []
        self._line: list[str] = []
        self._lists: list[list[int]] = []
        self._links: list[str] = []
        self._prefix = ""
        self._is_opened = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _INLINE:
            if tag == "a":
                self._links.append(dict(attrs).get("href") or "")
                self._line.append("[" if self._links[-1] else "")
            else:
                self._line.append(_INLINE[tag])
            self._is_opened = True
            return
        if tag == "br":
            self._line.append("\n")
            return
        self._end_block()
        if tag in ("ul", "ol"):
            self._lists.append([1] if tag == "ol" else [])
        elif tag == "li":
            self._prefix = self._bullet()
        elif tag == "blockquote":
            self._prefix = "> "
        elif tag[0] == "h":
            self._prefix = "#" * int(tag[1]) + " "

    def handle_endtag(self, tag: str) -> None:
        if tag == "a":
            address = self._links.pop() if self._links else ""
            self._line.append(f"]({address})" if address else "")
        elif tag in _INLINE:
            self._close(_INLINE[tag])
        elif tag != "br":
            self._end_block()
            if tag in ("ul", "ol") and self._lists:
                self._lists.pop()

    def handle_data(self, data: str) -> None:
        text = re.sub(r"\s+", " ", data)
        if self._is_opened and text.startswith(" "):
            self._line.insert(-1, " ")  # a mark that is followed by a space opens nothing in Markdown
            text = text.lstrip()
        self._line.append(text)
        self._is_opened = self._is_opened and not text

    def text(self) -> str:
        """The Markdown so far."""
        self._end_block()
        joined = "\n\n".join(self._blocks)
        return re.sub(r"(?m)(^ *(?:-|\d+\.) .*)\n\n(?= *(?:-|\d+\.) )", r"\1\n", joined)

    def _bullet(self) -> str:
        indent = "  " * min(max(len(self._lists) - 1, 0), MAX_LIST_DEPTH)
        counter = self._lists[-1] if self._lists else []
        if not counter:
            return f"{indent}- "
        counter[0] += 1
        return f"{indent}{counter[0] - 1}. "

    def _close(self, mark: str) -> None:
        # Markdown knows no emphasis that is empty or ends in a space, and HTML is full of both.
        if self._line and self._line[-1] == mark:
            self._line.pop()
            return
        trailing = ""
        if mark and self._line and self._line[-1].endswith(" "):
            self._line[-1], trailing = self._line[-1].rstrip(), " "
        self._line.append(mark + trailing)

    def _end_block(self) -> None:
        content = re.sub(r" *\n *", "\n", "".join(self._line)).strip()
        content = re.sub(r" {2,}", " ", content)
        if content.strip("*_ \n"):
            self._blocks.append(self._prefix + content)
            self._prefix = ""
        self._line = []
