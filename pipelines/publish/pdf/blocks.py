"""A record's text as plain data that a layout can set: blocks of a few sorts, and runs of text with marks.

It starts from the same safe HTML as the site's pages (``markdown.render``), so a text says in both the same: what is
cut there is cut here. Nothing of a text is ever read as code of the layout.

* A block is ``{"sort": …}``: ``paragraph`` (``runs``, ``right_to_left``), ``heading`` (``level`` from 1, none skipped;
  ``runs``), ``bullets`` and ``numbers`` (``items``, each a list of blocks; ``start``), ``quote`` (``blocks``), ``code``
  (``text``), ``rule``, and ``table`` (``columns``, ``header_rows``, ``cells`` with ``x``, ``y``, ``width``, ``height``,
  ``runs``).
* A run is ``{"text": …}``, with ``marks`` where it has any (``strong``, ``emphasis``, ``code``, ``strike``, ``below``,
  ``above``), and ``address`` where it is a link. A line break is a run of its own, a line feed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from functools import lru_cache
from html.parser import HTMLParser
from typing import Any

from pipelines.publish import markdown, strings
from pipelines.publish.pdf.letters import LONG_WORD, breakable, is_right_to_left, settable

Block = dict[str, Any]
Run = dict[str, Any]

DEEPEST = 5
"""Lists and quotations inside one another. What lies deeper stands in the deepest, since a line needs some width."""
MOST_COLUMNS = 10
"""Of a table that is set: a page is about 100 letters wide, and a column of less than ten cannot be read."""
MOST_CELLS = 4_000
"""Of a table that is set: about 20 pages."""
LINE = 90
"""About as many letters stand in a line of a table."""

_ELEMENTS_DEEP = 60
"""Elements inside one another that are told apart; far more than any text that is meant to be read."""
_MARKS = {
    **dict.fromkeys(("b", "strong", "dt", "h1", "h2", "h3", "h4", "h5", "h6"), "strong"),
    **dict.fromkeys(("em", "i", "cite", "dfn", "var"), "emphasis"),
    **dict.fromkeys(("code", "kbd", "samp"), "code"),
    **dict.fromkeys(("del", "s"), "strike"),
    "sub": "below",
    "sup": "above",
}
_LISTS = {"ul": "bullets", "ol": "numbers"}
_HEADINGS = {f"h{level}": level for level in range(1, 7)}
_OWN_PARAGRAPH = {"p", "li", "dt", "dd", "caption", "ul", "ol", "blockquote", "tr", "td", "th", *_HEADINGS}


@dataclass
class _Element:
    """An element, or the whole text when it has no ``tag``. A child is another one, or text."""

    tag: str
    attributes: dict[str, str] = field(default_factory=dict)
    children: list[_Element | str] = field(default_factory=list)

    def inside(self, tags: Iterable[str]) -> list[_Element]:
        """The children of these tags."""
        return [child for child in self.children if isinstance(child, _Element) and child.tag in tags]

    def words(self) -> str:
        """All its text."""
        return "".join(child if isinstance(child, str) else child.words() for child in self.children)


class _Tree(HTMLParser):
    """The tree of what ``nh3`` has written: every element is closed, in order. The tags of elements that lie too deep
    are left out, so that whoever walks the tree need not go deeper.
    """

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.root = _Element("")
        self._open = [self.root]
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Open an element."""
        element = _Element(tag, {name: value or "" for name, value in attrs})
        if len(self._open) > _ELEMENTS_DEEP:
            element = self._open[-1]
        else:
            self._open[-1].children.append(element)
        if tag not in ("br", "hr"):
            self._open.append(element)

    def handle_endtag(self, tag: str) -> None:  # noqa: ARG002 - the base class names it
        """Close the innermost one."""
        if len(self._open) > 1:
            self._open.pop()

    def handle_data(self, data: str) -> None:
        """Add text."""
        self._open[-1].children.append(data)


@dataclass(frozen=True)
class _Style:
    marks: frozenset[str] = frozenset()
    address: str = ""


@lru_cache(maxsize=4096)
def blocks_of(text: str, language: str, drop_title: str = "") -> tuple[Block, ...]:
    """``text`` (Markdown, in ``language``) as blocks, which are only read. A first heading that repeats ``drop_title``
    is left out.
    """
    words = {word: strings.text(f"text.{word}", language) for word in ("image", "table")}
    html = markdown.render(text, words["image"], words["table"], drop_title).html
    return tuple(_levelled(_blocks(_Tree(html).root, language)))


def runs_of(text: str, language: str, address: str = "") -> list[Run]:
    """Plain ``text`` of one line as runs, linked to ``address`` if there is one."""
    words = breakable(settable(" ".join(text.split()), language))
    return [{"text": words} | ({"address": address} if address else {})] if words else []


def flat(blocks: Iterable[Block]) -> list[Run]:
    """Blocks as the runs of one paragraph, with line breaks where they begin: for a cell of a table."""
    runs: list[Run] = []
    for block in blocks:
        if runs:
            runs.append({"text": "\n"})
        match block["sort"]:
            case "paragraph" | "heading":
                runs += block["runs"]
            case "bullets" | "numbers":
                for number, item in enumerate(block["items"], block["start"]):
                    runs.append({"text": "\n"})
                    runs.append({"text": "• " if block["sort"] == "bullets" else f"{number}. "})
                    runs += flat(item)
            case "quote":
                runs += flat(block["blocks"])
            case "code":
                runs.append({"text": block["text"], "marks": ["code"]})
            case "table":
                for cell in block["cells"]:
                    runs += [*cell["runs"], {"text": "\n"}]
    return _trimmed(runs)


def _blocks(element: _Element, language: str, depth: int = 0, longest: int = LONG_WORD) -> list[Block]:
    writer = _Writer(language, depth, longest)
    writer.walk(element, _Style())
    writer.end()
    return writer.blocks


class _Writer:
    """Writes the blocks of one element. ``depth``: lists and quotations around it; ``longest``: see ``breakable``."""

    def __init__(self, language: str, depth: int, longest: int) -> None:
        self.blocks: list[Block] = []
        self._language = language
        self._depth = depth
        self._longest = longest
        self._runs: list[Run] = []

    def walk(self, element: _Element, style: _Style) -> None:
        """Write what is inside ``element``."""
        for child in element.children:
            if isinstance(child, str):
                self._add(child, style)
                continue
            tag = child.tag
            own = _styled(child, style)
            if tag == "br":
                self._runs.append({"text": "\n"})
            elif tag in ("hr", "pre", "table") or (tag in (*_LISTS, "blockquote") and self._depth < DEEPEST):
                self.end()
                self.blocks += self._block(child)
            elif tag in _HEADINGS and self._depth == 0:
                self.end()
                self.walk(child, style)
                self.end(_HEADINGS[tag])
            elif tag in _OWN_PARAGRAPH:
                self.end()
                self.walk(child, own)
                self.end()
            else:
                self.walk(child, own)

    def end(self, level: int | None = None) -> None:
        """End the paragraph, or the heading of ``level``, that has been begun, if any has."""
        runs = [run | {"text": settable(run["text"], self._language)} for run in _trimmed(self._runs)]
        runs, self._runs = _trimmed(runs), []
        if not runs:
            return
        is_reversed = is_right_to_left("".join(run["text"] for run in runs))
        runs = [run | {"text": breakable(run["text"], self._longest)} for run in runs]
        if level is None:
            self.blocks.append({"sort": "paragraph", "runs": runs, "right_to_left": is_reversed})
        else:
            self.blocks.append({"sort": "heading", "level": level, "runs": runs})

    def _add(self, text: str, style: _Style) -> None:
        plain = " ".join(text.split())
        plain = f"{' ' if text[:1].isspace() else ''}{plain}{' ' if plain and text[-1:].isspace() else ''}"
        if not plain:
            return
        run: Run = {"text": plain}
        if style.marks:
            run["marks"] = sorted(style.marks)
        if style.address:
            run["address"] = style.address
        self._runs.append(run)

    def _block(self, element: _Element) -> Iterator[Block]:
        if element.tag == "hr":
            yield {"sort": "rule"}
        elif element.tag == "pre":
            code = settable(element.words().strip("\n"), self._language)
            if code.strip():
                yield {"sort": "code", "text": breakable(code, LINE - 10)}
        elif element.tag == "table":
            for caption in element.inside(("caption",)):
                yield from self._inside(caption)
            yield self._table(element)
        elif element.tag == "blockquote":
            if inner := self._inside(element):
                yield {"sort": "quote", "blocks": inner}
        else:
            children = [child for child in element.children if isinstance(child, _Element)]
            if items := [inner for child in children if (inner := self._inside(child))]:
                start = int(element.attributes.get("start", 1))
                yield {"sort": _LISTS[element.tag], "start": start, "items": items}

    def _inside(self, element: _Element) -> list[Block]:
        return _blocks(element, self._language, self._depth + 1, self._longest)

    def _table(self, element: _Element) -> Block:
        head, body = _rows(element)
        placed, columns = _placed(head, body)
        if columns > MOST_COLUMNS or len(placed) > MOST_CELLS:
            sizes = {"columns": columns, "rows": len(head) + len(body)}
            told = {name: strings.text(f"pdf.{name}", self._language, count=size) for name, size in sizes.items()}
            words = strings.text("pdf.large_table", self._language, **told)
            return {"sort": "paragraph", "runs": [{"text": words, "marks": ["emphasis"]}], "right_to_left": False}
        longest = max(4, LINE // max(columns, 1) - 2)
        cells = [
            {"x": x, "y": y, "width": width, "height": height}
            | {"runs": flat(_blocks(cell, self._language, DEEPEST - 1, longest)) if cell else []}
            for cell, x, y, width, height in placed
        ]
        return {"sort": "table", "columns": columns, "header_rows": len(head), "cells": cells}


def _styled(element: _Element, style: _Style) -> _Style:
    if element.tag in _MARKS:
        style = replace(style, marks=style.marks | {_MARKS[element.tag]})
    address = element.attributes.get("href", "") if element.tag == "a" else ""
    return replace(style, address=address) if address.lower().startswith(("http://", "https://")) else style


def _trimmed(runs: list[Run]) -> list[Run]:
    """The runs without spaces and line breaks at either end, and without empty ones; neighbours alike are joined."""
    result: list[Run] = []
    for run in runs:
        text = run["text"]
        last = result[-1] if result else None
        if text != "\n" and (last is None or last["text"].endswith((" ", "\n"))):
            text = text.lstrip(" ")
        if not text or (text == "\n" and (last is None or last["text"] == "\n")):
            continue
        if last is not None and "\n" not in (text, last["text"]) and _dress(last) == _dress(run):
            result[-1] = last | {"text": last["text"] + text}
        else:
            result.append(run | {"text": text})
    while result and not (text := result[-1]["text"].rstrip()):
        result.pop()
    return [*result[:-1], result[-1] | {"text": text}] if result else []


def _dress(run: Run) -> dict[str, Any]:
    return {name: value for name, value in run.items() if name != "text"}


def _levelled(blocks: Iterable[Block]) -> Iterator[Block]:
    """The blocks with headings from level 1 on, none skipped. Levels are kept relative to one another."""
    above: list[int] = []
    for block in blocks:
        if block["sort"] != "heading":
            yield block
            continue
        while above and above[-1] >= block["level"]:
            above.pop()
        above.append(block["level"])
        yield block | {"level": len(above)}


def _rows(table: _Element) -> tuple[list[_Element], list[_Element]]:
    """The rows of the head, and those of the body. A first row all of whose cells are heads is a head too."""
    head = [row for part in table.inside(("thead",)) for row in part.inside(("tr",))]
    body = [row for part in table.inside(("tbody", "tfoot")) for row in part.inside(("tr",))]
    body += table.inside(("tr",))
    if not head and body and body[0].children and len(body[0].inside(("th",))) == len(body[0].inside(("th", "td"))):
        head, body = body[:1], body[1:]
    return head, body


_Place = tuple[_Element | None, int, int, int, int]
"""A cell, None where the table has a hole; its column and row, and how many columns and rows it spans."""


def _placed(head: list[_Element], body: list[_Element]) -> tuple[list[_Place], int]:
    """Every cell of the table with its place, row by row, holes filled; and how many columns there are. No cell reaches
    from the head into the body, or out of the table.
    """
    taken: set[tuple[int, int]] = set()
    placed: list[_Place] = []
    for y, row in enumerate((*head, *body)):
        end = len(head) if y < len(head) else len(head) + len(body)
        x = 0
        for cell in row.inside(("td", "th")):
            while (x, y) in taken:
                x += 1
            width, height = (int(cell.attributes.get(name, 1)) for name in ("colspan", "rowspan"))
            width, height = min(width, MOST_COLUMNS + 1), min(height, end - y)
            while width > 1 and any((x + more, y) in taken for more in range(1, width)):
                width -= 1
            taken |= {(x + right, y + down) for right in range(width) for down in range(height)}
            placed.append((cell, x, y, width, height))
            x += width
            if len(taken) > MOST_CELLS * MOST_COLUMNS:  # too large to be set whatever comes
                return placed, max(x, MOST_COLUMNS + 1)
    columns = max((x + 1 for x, _ in taken), default=0)
    rows = len(head) + len(body)
    holes = [(None, x, y, 1, 1) for y in range(rows) for x in range(columns) if (x, y) not in taken]
    return sorted([*placed, *holes], key=lambda place: (place[2], place[1])), columns
