"""What holds for every page of a whole release: it says what it is, how old and under what licence, it leads on, and it
is light.
"""

from __future__ import annotations

import gzip
import posixpath
import re
from collections.abc import Iterator
from functools import cache
from html.parser import HTMLParser
from pathlib import Path

import pytest

from pipelines.publish.pages import DESCRIPTION_CHARACTERS

pytestmark = pytest.mark.untraced

MAX_BYTES = 100_000
"""Of a page and all that it loads at first, as it is sent: compressed. The index of the search comes later."""
_DATE = re.compile(r"\b\d{1,2} [A-Z][a-z]+ 20\d\d\b")


class Seen(HTMLParser):
    """The parts of a page that are looked at."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.h1_n = 0
        self.title = ""
        self.descriptions: list[str] = []
        self.leads: set[str] = set()
        self.loads: list[str] = []
        self.licences: set[str] = set()
        self.languages: list[str] = []
        self._open: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        told = {name: value or "" for name, value in attrs}
        self._open.append(tag)
        self.h1_n += tag == "h1"
        if tag == "meta" and told.get("name") == "description":
            self.descriptions.append(told["content"])
        if tag == "html":
            self.languages.append(told.get("lang", ""))
        if tag == "a" and "main" in self._open and ".html" in told.get("href", ""):
            self.leads.add(told.get("href", ""))
        if tag == "a" and told.get("rel") == "license":
            self.licences.add(told["href"])
        if (tag == "script" and "src" in told) or (tag == "link" and told.get("rel") in ("stylesheet", "icon")):
            self.loads.append(told.get("src") or told["href"])
        if tag in ("meta", "link", "br", "img", "input", "hr", "col", "wbr"):
            self._open.pop()

    def handle_endtag(self, tag: str) -> None:
        while self._open and self._open.pop() != tag:
            pass

    def handle_data(self, data: str) -> None:
        if self._open[-1:] == ["title"] and "svg" not in self._open:
            self.title += data


@pytest.fixture(scope="module")
def pages(sample_release: Path) -> dict[str, tuple[str, Seen]]:
    """Every page of the sample release by its path: the text and what is seen in it."""
    found = {}
    for path in sorted(sample_release.rglob("*.html")):
        html = path.read_text(encoding="utf-8")
        found[path.relative_to(sample_release).as_posix()] = html, Seen(html)
    assert len(found) > 600
    return found


def test_every_page_says_what_it_is_how_old_and_under_what_licence(pages: dict[str, tuple[str, Seen]]) -> None:
    wrong = [f"{name}: {problem}" for name, (html, seen) in pages.items() for problem in _lacks(html, seen)]
    assert wrong == []


def _lacks(html: str, seen: Seen) -> Iterator[str]:
    if seen.h1_n != 1:
        yield f"{seen.h1_n} headings of the first level"
    if not re.fullmatch(r".{3,} – hubpacks", seen.title, re.DOTALL):
        yield f"called {seen.title!r}"
    if len(seen.descriptions) != 1 or not 20 <= len(seen.descriptions[0]) <= DESCRIPTION_CHARACTERS + 100:
        yield f"described as {seen.descriptions}"
    if not _DATE.search(html):
        yield "no date"
    if not seen.licences and "Open Government Licence" not in html and "Trwydded Llywodraeth Agored" not in html:
        yield "no licence"
    if seen.languages not in (["en"], ["cy"]):
        yield f"in the languages {seen.languages}"


def test_every_page_leads_on(pages: dict[str, tuple[str, Seen]]) -> None:
    ends = {
        name
        for name, (_, seen) in pages.items()
        if not seen.leads and not name.startswith("packs/")  # a document of its own, with a trail to the site
    }
    assert ends == set()


def test_titles_tell_pages_apart(pages: dict[str, tuple[str, Seen]]) -> None:
    titles: dict[tuple[str, str], list[str]] = {}
    for name, (_, seen) in pages.items():
        if name.startswith(("en/", "cy/")):
            titles.setdefault((name[:2], seen.title), []).append(name)
    assert {key: names for key, names in titles.items() if len(names) > 1} == {}


def test_every_page_is_light(pages: dict[str, tuple[str, Seen]], sample_release: Path) -> None:
    @cache
    def sent(path: str) -> int:
        return len(gzip.compress((sample_release / path).read_bytes(), 6))

    weights = {
        name: sent(name)
        + sum(sent(posixpath.normpath(posixpath.join(posixpath.dirname(name), one))) for one in seen.loads)
        for name, (_, seen) in pages.items()
        if not name.startswith("packs/")  # a whole pack is a document of its own
    }
    assert {name: weight for name, weight in weights.items() if weight > MAX_BYTES} == {}


def test_what_a_page_may_lack_would_be_told() -> None:
    bare = "<html><head><title>x</title></head><body><main><h1>a</h1><h1>b</h1></main></body></html>"
    assert len(list(_lacks(bare, Seen(bare)))) == 6
    assert Seen(bare).leads == set()
