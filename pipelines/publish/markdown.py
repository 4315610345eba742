"""Markdown from strangers to HTML that is safe and fits the page. No page layout lives here.

Hubs write HTML inside their Markdown (tables, line breaks, anchors), so it is let through the parser and then cut down
by ``nh3`` (an HTML5 parser, so there is no gap between what is judged and what a browser sees) to an allow-list:

* text, lists, quotations, code and tables; no ``div`` or ``span``, no ``class``, ``style``, ``id`` or event handler:
  a text cannot imitate or restyle the page around it;
* links to ``http`` and ``https`` only; a relative link leads nowhere outside its own site, so it is unwrapped and its
  text stays; a link to a heading of the same text is kept;
* no images: a published page asks no third party for anything (and says so in its content security policy). An
  image becomes its alternative text, linked to the picture where it has a full web address;
* no forms, frames, SVG, scripts or styles, contents included.

What is left is then shaped: headings are moved down to fit under the page's own, no level skipped, with stable unique
ids; wide tables scroll inside a box that the keyboard can reach.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache
from html import escape, unescape

import comrak
import nh3

TAGS = {
    *("p", "br", "hr", "h1", "h2", "h3", "h4", "h5", "h6", "ul", "ol", "li", "dl", "dt", "dd", "blockquote", "pre"),
    *("a", "abbr", "b", "cite", "code", "del", "dfn", "em", "i", "img", "ins", "kbd", "mark", "q", "s", "samp"),
    *("small", "strong", "sub", "sup", "var", "table", "caption", "thead", "tbody", "tfoot", "tr", "th", "td"),
}
ATTRIBUTES = {
    "a": {"href"},
    "abbr": {"title"},
    "img": {"src", "alt"},
    "ol": {"start"},
    "td": {"colspan", "rowspan"},
    "th": {"colspan", "rowspan", "scope"},
}
EMPTIED = {
    *("script", "style", "title", "iframe", "object", "embed", "svg", "math", "template", "noscript"),
    *("select", "textarea", "button", "video", "audio", "canvas"),
}
"""Elements whose contents go too: what stands inside is not text to read."""
RESERVED_IDS = {"main-content", "contents", "about-this-record", "provenance", "related", "words", "cite", "cite-line"}
"""Ids that our own pages use."""

TOP_LEVEL = 2
_LOWEST_LEVEL = 6
_WHOLE_NUMBER = re.compile(r"[1-9][0-9]{0,2}")
_LINK_OR_IMAGE = re.compile(r'<(/?)(a|img)((?:\s+[a-z-]+(?:="[^"]*")?)*)\s*>')
_ATTRIBUTE = re.compile(r'([a-z-]+)="([^"]*)"')
_HEADING = re.compile(r"<h([1-6])>(.*?)</h\1>", re.DOTALL)
_EMPTY_HEADER_CELL = re.compile(r"<th[^>]*>\s*</th>")
_EMPTY_BLOCK = re.compile(r"<(p|li|ul|ol|strong|em|blockquote)>\s*</\1>")
_WEB = re.compile(r"https?://[^/?#@]+(?:[/?#]|$)", re.IGNORECASE)
"""A full web address without a user name and password in it."""

_EXTENSIONS = comrak.ExtensionOptions()
_EXTENSIONS.table = _EXTENSIONS.strikethrough = True
_RENDERING = comrak.RenderOptions()
_RENDERING.unsafe_ = True
"""HTML is kept, for ``nh3`` to judge."""
_CLEANER = nh3.Cleaner(
    tags=TAGS,
    attributes=ATTRIBUTES,
    attribute_filter=lambda _tag, name, value: _attribute(name, value),
    clean_content_tags=EMPTIED,
    url_schemes={"http", "https"},
    link_rel="noopener noreferrer",
)


@dataclass(frozen=True)
class Heading:
    """A heading of a text: its level on the page, its id and its words."""

    level: int
    id: str
    text: str


@dataclass(frozen=True)
class Rendered:
    """Safe HTML whose headings begin at level 2, and its headings in order."""

    html: str
    headings: tuple[Heading, ...]

    @property
    def main(self) -> list[Heading]:
        """The headings that part the text as a whole."""
        return [heading for heading in self.headings if heading.level == TOP_LEVEL]


@lru_cache(maxsize=8192)
def render(text: str, image: str = "Image", table: str = "Table", drop_title: str = "") -> Rendered:
    """``text`` (Markdown) as safe HTML.

    ``image`` and ``table`` are the words, in the text's language, that stand before an image's alternative text and
    name a table's box. A first heading that only repeats ``drop_title`` is left out, since the page shows it already.
    """
    html = _CLEANER.clean(comrak.render_markdown(text, extension_options=_EXTENSIONS, render_options=_RENDERING))
    html, headings = _with_headings(html, drop_title)
    html = _with_links(html, {heading.id for heading in headings}, image)
    html = _EMPTY_HEADER_CELL.sub("<td></td>", html)
    while (shorter := _EMPTY_BLOCK.sub("", html)) != html:
        html = shorter
    return Rendered(_with_scrolling_tables(html, table).strip(), headings)


def deeper(rendered: Rendered, levels: int, prefix: str) -> str:
    """The same HTML, every heading ``levels`` further down and every id behind ``prefix``: for a page of many texts."""

    def heading(match: re.Match[str]) -> str:
        level = min(int(match[2]) + levels, _LOWEST_LEVEL)
        return f"</h{level}" if match[1] else f'<h{level} id="{prefix}{match[3]}"'

    html = re.sub(r'<(/?)h([2-6])(?: id="([^"]*)")?', heading, rendered.html)
    return html.replace('<a href="#', f'<a href="#{prefix}')


def slugged(text: str) -> str:
    """``text`` as an id: lower-case ASCII letters, digits and hyphens; ``section`` when none are left."""
    ascii_text = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", ascii_text).strip("-")[:60].strip("-") or "section"


def _attribute(name: str, value: str) -> str | None:
    if name in ("colspan", "rowspan", "start"):
        return value if _WHOLE_NUMBER.fullmatch(value) else None
    if name == "scope":
        return value if value in ("col", "row", "colgroup", "rowgroup") else None
    return value


def _with_headings(html: str, drop_title: str) -> tuple[str, tuple[Heading, ...]]:
    """Headings from level 2 on without a skipped level. Levels are kept relative to one another."""
    above: list[int] = []  # the source levels of the headings that this one stands under
    headings: list[Heading] = []
    seen = set(RESERVED_IDS)
    is_first = True

    def replace(match: re.Match[str]) -> str:
        nonlocal is_first
        words = " ".join(unescape(re.sub(r"<[^>]*>", "", match[2])).split())
        repeats_title = is_first and words.casefold() == drop_title.casefold()
        if not words or repeats_title:
            is_first = is_first and not repeats_title
            return ""
        is_first = False
        source = int(match[1])
        while above and above[-1] >= source:
            above.pop()
        level = min(TOP_LEVEL + len(above), _LOWEST_LEVEL)
        above.append(source)
        identifier = base = slugged(words)
        count = 1
        while identifier in seen:
            count += 1
            identifier = f"{base}-{count}"
        seen.add(identifier)
        headings.append(Heading(level, identifier, words))
        return f'<h{level} id="{identifier}">{match[2]}</h{level}>'

    return _HEADING.sub(replace, html), tuple(headings)


def _with_links(html: str, ids: set[str], image: str) -> str:
    """Links that lead somewhere, images as words. Works on nh3's output, where every tag is written one way and no
    attribute holds a ``<``.
    """
    kept: list[bool] = []  # for each open link, whether its tags stay

    def replace(match: re.Match[str]) -> str:
        closing, tag = match[1], match[2]
        attributes = dict(_ATTRIBUTE.findall(match[3]))
        if tag == "a" and closing:
            return "</a>" if kept and kept.pop() else ""
        if tag == "a":
            address = attributes.get("href", "")
            leads = _WEB.match(address) is not None
            kept.append(leads or (address.startswith("#") and address[1:] in ids))
            rel = ' rel="noopener noreferrer"' if leads else ""
            return f'<a href="{address}"{rel}>' if kept[-1] else ""
        return _image(attributes, image, is_linked=any(kept))

    return _LINK_OR_IMAGE.sub(replace, html)


def _image(attributes: dict[str, str], word: str, *, is_linked: bool) -> str:
    words, address = attributes.get("alt", "").strip(), attributes.get("src", "")
    has_address = _WEB.match(address) is not None
    if not words and not (has_address and not is_linked):
        return ""  # decoration, or nothing that a reader could use
    label = f"{escape(word)}: {words}" if words else escape(word)
    if has_address and not is_linked:
        return f'<a href="{address}" rel="noopener noreferrer">{label}</a>'
    return f"[{label}]"


def _with_scrolling_tables(html: str, word: str) -> str:
    count = 0

    def replace(match: re.Match[str]) -> str:
        nonlocal count
        if match[1]:
            return "</table></div>"
        count += 1
        # A group, not a region: a long text would otherwise fill the list of landmarks.
        return (
            f'<div class="hp-scroll" role="group" tabindex="0" aria-label="{escape(word)} {count}">'
            '<table class="govuk-table">'
        )

    return re.sub(r"<(/?)table>", replace, html)
