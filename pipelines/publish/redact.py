"""Taking records out of the files of a release that is out already: out of statements, packs and pages.

Only knows what stands where in a file. Which records go, and what becomes of the release, is for ``reissue``.
Everything else in a file stays byte for byte as it was: readers hold what they have against what is there now.

**Pages** are not made again: what a page looked like is part of what was published, and its templates have changed
since. Instead every element that shows a record carries the record's id (``data-record``), and goes with it. A link
around a word that a term explains carries the id of the term (``data-term``): it goes, and the word, which is another
record's, stays. Structured data in a page has nodes with the id as their ``identifier``; they go too.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Collection, Iterator, Mapping
from html import unescape
from html.parser import HTMLParser
from typing import Any

from hubs.contract.records import canonical_json
from pipelines.files import json_of
from pipelines.publish import changes
from pipelines.publish.languages import of_texts
from pipelines.publish.schema_org import in_script

MARK = "data-record"
TERM = "data-term"
_TERM_LINK = re.compile(r'<a\b[^<>]*\bdata-term="([^"<>]*)"[^<>]*>(.*?)</a>', re.DOTALL)
_VOID = frozenset(
    {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"}
)
_STRUCTURED = re.compile(r'(<script type="application/ld\+json">)(.*?)(</script>)', re.DOTALL)
_COUNTED = re.compile(r'<section data-counted="([a-z_]+)">(.*?)</section>', re.DOTALL)
_ITEM = re.compile(rf"<li [^>]*{MARK}=")
_COUNT = re.compile(r'(<span [^>]*data-count="([a-z_]+)">)[\d,]+')
"""A part of a page whose records are counted, one of them, and a place that says how many there are."""

Statement = dict[str, Any]


# Pages.


def page(html: str, ids: Collection[str]) -> str:
    """``html`` without what it says of the records ``ids``. The same text when it says nothing of them."""
    html = _unwrapped(html, ids)
    kept, end = [], 0
    for start, stop in _spans(html, ids):
        kept.append(html[end:start].removesuffix("\n") if html.startswith("\n", stop) else html[end:start])
        end = stop
    left = _recounted("".join(kept) + html[end:]) if kept else html
    return _STRUCTURED.sub(lambda found: _structured(found, ids), left)


def _recounted(html: str) -> str:
    """``html`` with the numbers of records beside its headings as they are now. Pages of older versions do not say
    which numbers those are, and keep them.
    """
    counts = {name: len(_ITEM.findall(part)) for name, part in _COUNTED.findall(html)}
    return _COUNT.sub(lambda found: f"{found[1]}{counts.get(found[2], 0):,}", html)


def relinked(html: str, path: str, slugs: Collection[str]) -> str:
    """``html`` of the page at ``path`` with no link to the pages of the records ``slugs``: a record's page that has its
    counterpart in another language there gets its own one, and all else leads to the start page of that language.
    """
    if not slugs:
        return html
    pattern = "|".join(re.escape(slug) for slug in sorted(slugs))
    links = re.compile(rf'((?:href|src)="[^"]*?/)records/(?:{pattern})\.html(#[^"]*)?"')
    folder, own = posixpath.split(path)
    target = f"records/{own}" if folder.endswith("/records") else "index.html"
    return links.sub(lambda found: f'{found[1]}{target}"', html)


def noted(html: str, note: str) -> str:
    """``html`` with ``note`` (HTML) at the beginning of its main part. Raises ValueError when it has none."""
    start = re.search(r"<main\b[^>]*>\n?", html)
    if start is None:
        raise ValueError("a page without a main part")
    return f"{html[: start.end()]}{note}{html[start.end() :]}"


def unlisted(html: str) -> str:
    """``html`` told to searches as a page that they are to forget."""
    return html.replace("</head>", '  <meta name="robots" content="noindex">\n</head>', 1)


def _unwrapped(html: str, ids: Collection[str]) -> str:
    """``html`` without the links that lead from a word to its meaning in one of these records. Links hold no links."""
    if TERM not in html:
        return html
    return _TERM_LINK.sub(lambda found: found[2] if unescape(found[1]) in ids else found[0], html)


def _spans(html: str, ids: Collection[str]) -> Iterator[tuple[int, int]]:
    """Where the elements of these records begin and end, one after another."""
    if any(f'{MARK}="{id}"' in html for id in ids):
        finder = _Finder(html, frozenset(ids))
        finder.feed(html)
        finder.close()
        yield from finder.spans


class _Finder(HTMLParser):
    def __init__(self, html: str, ids: frozenset[str]) -> None:
        super().__init__(convert_charrefs=False)
        self.spans: list[tuple[int, int]] = []
        self._ids = ids
        self._open: list[str] = []
        self._start: tuple[int, int] | None = None  # where the element began, and how deep it stands
        self._lines = [0, *(found.end() for found in re.finditer("\n", html))]
        self._html = html

    def _at(self) -> int:
        line, column = self.getpos()
        return self._lines[line - 1] + column

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        is_void = tag in _VOID
        if self._start is None and dict(attrs).get(MARK) in self._ids:
            if is_void:
                self.spans.append((self._at(), self._at() + len(self.get_starttag_text() or "")))
            else:
                self._start = (self._at(), len(self._open))
        if not is_void:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Drawings close their elements in themselves."""

    def handle_endtag(self, tag: str) -> None:
        while self._open and self._open.pop() != tag:
            pass
        if self._start is not None and len(self._open) <= self._start[1]:
            end = self._html.index(">", self._at()) + 1
            self.spans.append((self._start[0], end))
            self._start = None


def _structured(found: re.Match[str], ids: Collection[str]) -> str:
    data = json_of(found[2])
    left = _without(data, ids)
    if left == data:
        return found[0]
    return found[1] + in_script(left) + found[3]


def _without(node: Any, ids: Collection[str]) -> Any:
    def is_gone(value: Any) -> bool:
        return isinstance(value, dict) and value.get("identifier") in ids

    if isinstance(node, list):
        return [_without(value, ids) for value in node if not is_gone(value)]
    if isinstance(node, dict):
        return {name: _without(value, ids) for name, value in node.items() if not is_gone(value)}
    return node


# Statements and packs.


def pack(data: Statement, ids: Collection[str]) -> Statement:
    """``pack.json`` without the records ``ids``."""
    return data | {"records": [_row(row, ids) for row in data["records"] if row["id"] not in ids]}


def _row(row: Mapping[str, Any], ids: Collection[str]) -> dict[str, Any]:
    """A record that stays, without what it says of those that go."""
    kept = dict(row)
    if row.get("related"):
        kept["related"] = [link for link in row["related"] if link["id"] not in ids]
    if row.get("translations"):
        kept["translations"] = {code: id for code, id in row["translations"].items() if id not in ids}
    return kept


def coverage(
    data: Statement, ids: Collection[str], rows: Collection[Mapping[str, Any]], kept: Collection[Mapping[str, Any]]
) -> Statement:
    """``coverage.json`` without the records ``ids``; ``rows`` are those that packs have just lost, ``kept`` those that
    they still have.
    """
    hubs = [
        hub | {"published": hub["published"] - sum(row["hub"] == hub["id"] for row in rows)} for hub in data["hubs"]
    ]
    notices = [_without_successor(notice, ids) for notice in data.get("withdrawn", ()) if notice["id"] not in ids]
    left = {"hubs": hubs} | ({"withdrawn": notices} if "withdrawn" in data else {})
    if "languages" in data:  # releases of older versions do not say
        told = of_texts(kept)
        left["languages"] = [entry | told.get(entry["language"], {}) for entry in data["languages"]]
    return data | left


def told_changes(data: Statement, ids: Collection[str]) -> Statement:
    """``changes.json`` without the records ``ids``."""
    records = {
        name: [
            _without_successor(entry, ids)
            for entry in found
            if entry["id"] not in ids and entry.get("into") not in ids and entry.get("apart_from") not in ids
        ]
        for name, found in data["records"].items()
    }
    # Records that stay may have changed in what they say of those that go.
    changed = [
        entry | {"fields": [field for field in entry["fields"] if not _is_about(field, ids)]}
        for entry in records["changed"]
    ]
    records["changed"] = [entry for entry in changed if entry["fields"]]
    told = data | {"records": records}
    return told | {"counts": changes.counts(told)}


def _is_about(field: Statement, ids: Collection[str]) -> bool:
    return bool(_named(ids).search(canonical_json(field).encode()))


def _without_successor(entry: Statement, ids: Collection[str]) -> Statement:
    if entry.get("successor") not in ids:
        return entry
    return entry | {name: None for name in ("successor", "successor_address") if name in entry}


def provenance(data: Statement, ids: Collection[str], used: Collection[tuple[str, str]]) -> Statement:
    """``provenance.json`` without the records ``ids``, and without the files of hubs that nothing else comes from: a
    file's name may say what stood in it. ``used`` are hub and path of those that something else does.
    """
    merged = [entry for entry in data["merged"] if not {entry["id"], entry["into"]} & {*ids}]
    still = {*used, *((entry["id"].partition("/")[0], entry["file"]) for entry in merged)}
    hubs = [
        hub | {"files": [file for file in hub["files"] if (hub["id"], file["path"]) in still]} for hub in data["hubs"]
    ]
    return data | {"hubs": hubs, "merged": merged}


def traces(data: bytes, ids: Collection[str], slugs: Collection[str]) -> bool:
    """Whether the bytes of a file name one of these records, or the page of one."""
    return (any(id.encode() in data for id in ids) and bool(_named(ids).search(data))) or any(
        f"/records/{slug}.html".encode() in data for slug in slugs
    )


def _named(ids: Collection[str]) -> re.Pattern[bytes]:
    """The ids themselves, and no longer one that begins or ends with one of them."""
    every = b"|".join(re.escape(id.encode()) for id in sorted(ids))
    return re.compile(rb"(?<![\w./-])(?:" + every + rb")(?![\w-])")
