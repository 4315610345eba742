"""Which pages of a release search engines may list: sitemaps in the release, and what leads to them from the root.

A release lists its own pages, since they never change; the root names the lists of the newest release only, so that a
search finds what holds today. A page that says ``noindex`` of itself, such as one of a withdrawn record, is not listed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from html import unescape
from pathlib import Path
from urllib.parse import quote, urlsplit

from pipelines.edition import Published
from pipelines.files import json_of
from pipelines.publish.catalogue import permalink
from pipelines.settings import PLACEHOLDER

MOST_ADDRESSES = 50_000
"""Of one sitemap, by its standard."""
NAMES = "sitemap-*.xml"
HEAD_BYTES = 1 << 14
"""Of a page, within which its head ends."""

_HEAD = '<?xml version="1.0" encoding="UTF-8"?>\n'
_XMLNS = 'xmlns="http://www.sitemaps.org/schemas/sitemap/0.9"'
_ALTERNATE = re.compile(r'<link rel="alternate" hreflang="([a-z]{2})" href="([^"]*)">')
_NOINDEX = re.compile(r'<meta name="robots" content="[^"]*noindex')
_RECORD = re.compile(r"[a-z]{2}/records/([^/]+)\.html")


def write_sitemaps(folder: Path, address: str) -> None:
    """Write the sitemaps of the release in ``folder``, whose pages are complete, for readers who find all releases at
    ``address``. Those that are there are replaced; the same folder and address give the same bytes.
    """
    for old in folder.glob(NAMES):
        old.unlink()
    told = json_of((folder / "coverage.json").read_bytes())
    base, day = permalink(address, told["release"]), told["published"][:10]
    entries = list(_entries(folder, base, day, _updated(folder)))
    for number, start in enumerate(range(0, max(len(entries), 1), MOST_ADDRESSES), 1):
        lines = "".join(entries[start : start + MOST_ADDRESSES])
        head = f'{_HEAD}<urlset {_XMLNS} xmlns:xhtml="http://www.w3.org/1999/xhtml">\n'
        (folder / f"sitemap-{number}.xml").write_text(f"{head}{lines}</urlset>\n", encoding="utf-8")


def sitemaps_of(folder: Path) -> tuple[str, ...]:
    """The names of the sitemaps of the release in ``folder``, in order."""
    return tuple(sorted((path.name for path in folder.glob(NAMES)), key=lambda name: (len(name), name)))


def index(newest: Published) -> str:
    """``sitemap.xml`` at the root: the sitemaps of the newest release."""
    base, day = permalink(newest.site, newest.id), newest.published[:10]
    lines = "".join(
        f"  <sitemap><loc>{base}{name}</loc><lastmod>{day}</lastmod></sitemap>\n" for name in newest.sitemaps
    )
    return f"{_HEAD}<sitemapindex {_XMLNS}>\n{lines}</sitemapindex>\n"


def robots(newest: Published) -> str:
    """``robots.txt`` at the root: of releases only the newest is for searches; the longest rule that fits counts. Where
    nobody has given an address, it cannot say where the sitemap is.
    """
    root = urlsplit(newest.site).path if newest.site != PLACEHOLDER else "/"
    lines = ["User-agent: *", f"Allow: {root}releases/{newest.id}/", f"Disallow: {root}releases/"]
    if newest.site != PLACEHOLDER:
        lines += ["", f"Sitemap: {newest.site}sitemap.xml"]
    return "\n".join([*lines, ""])


def _updated(folder: Path) -> Mapping[str, str]:
    """When each record was last changed, by the short name of its page; those that say so."""
    packs = (json_of(path.read_bytes()) for path in sorted(folder.glob("packs/*/pack.json")))
    found = ((record["slug"], record["updated"] or record["published"]) for pack in packs for record in pack["records"])
    return {slug: day for slug, day in found if day}


def _entries(folder: Path, base: str, day: str, updated: Mapping[str, str]) -> Iterator[str]:
    """A line for each page that may be listed, in order of paths."""
    pages = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*.html"))
    for page in pages:
        with (folder / page).open("rb") as file:
            head = file.read(HEAD_BYTES).partition(b"</head>")[0].decode(errors="replace")
        if _NOINDEX.search(head):
            continue
        depth = page.count("/")
        alternates = "".join(
            f'<xhtml:link rel="alternate" hreflang="{language}" href="{base}{quote(unescape(target))}"/>'
            for language, target in _alternates(head, depth, base)
        )
        record = _RECORD.fullmatch(page)
        changed = updated.get(record[1], day) if record else day
        yield f"  <url><loc>{base}{quote(page)}</loc><lastmod>{changed}</lastmod>{alternates}</url>\n"


def _alternates(head: str, depth: int, base: str) -> list[tuple[str, str]]:
    """The languages of a page ``depth`` folders down and where they stand, from the root of the release, which readers
    find at ``base``: in full, or relative to the page.
    """
    found = [
        (language, href, base if href.startswith(base) else "../" * depth)
        for language, href in _ALTERNATE.findall(head)
    ]
    return [(language, href.removeprefix(up)) for language, href, up in found if href.startswith(up)]
