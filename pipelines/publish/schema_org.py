"""What a page is about, in the words of schema.org, as JSON-LD for searches: made here, placed by ``templates``.

**A node that describes a record has the record's id as its identifier** (``hub/local-id``), and records are listed as
arrays of such nodes: whoever has to take a record out of a page finds it by that. Breadcrumbs name no record. Addresses
are those of this release, which stay. Nothing here runs: it is data that a page carries, and that a policy which allows
no script lets pass.
"""

from __future__ import annotations

import json
import posixpath
import re
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from hubs.contract.vocabularies import vocabulary
from pipelines.publish import strings
from pipelines.publish.catalogue import FORMATS, OWN_LICENCE, days_of, publisher

if TYPE_CHECKING:
    from pipelines.edition import LibraryRecord, Pack
    from pipelines.publish.pages import Page
    from pipelines.publish.site import Site

Node = dict[str, Any]

TYPES = {"case_study": "Article", "faq": "Question", "term": "DefinedTerm"}
"""What a record is called, by kind; any other kind is a work."""
WORK = "CreativeWork"

_SIGNS = re.compile("[<>&\u2028\u2029]")
_ENCODER = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))


def as_json(nodes: Sequence[Node]) -> Markup:
    """The nodes as one JSON-LD document that may stand in a ``script`` element, whatever texts are in it; empty text
    when there is none.
    """
    if not nodes:
        return Markup("")
    return Markup(in_script({"@context": "https://schema.org", "@graph": nodes}))  # noqa: S704 - no sign of markup is left


def in_script(document: Any) -> str:
    """``document`` as JSON without a sign that could end the ``script`` element around it."""
    return _SIGNS.sub(lambda sign: f"\\u{ord(sign[0]):04x}", _ENCODER.encode(document))


def of_page(site: Site, page: Page) -> list[Node]:
    """What ``page`` describes, and where it stands; empty for a page of neither."""
    make = next((make for name, make in _MAKERS.items() if name in page.data), None) or _BY_TEMPLATE.get(page.template)
    return [*(make(site, page) if make else ()), *_breadcrumbs(site, page)]


def _record_page(site: Site, page: Page) -> Iterator[Node]:
    entry: LibraryRecord = page.data["entry"]
    node = _record(site, entry)
    if entry.record.kind == "faq":
        node["acceptedAnswer"]["text"] = str(site.body(entry).html) or entry.record.document.heading
        yield {"@type": "FAQPage", "@id": site.link(page.path), "inLanguage": page.language, "mainEntity": [node]}
    elif entry.record.kind == "term":
        terms = f"{page.language}/term/index.html"
        name = strings.text("kind.term.title", page.language)
        yield node | {"inDefinedTermSet": {"@type": "DefinedTermSet", "name": name, "url": site.link(terms)}}
    else:
        yield node


def _kind_page(site: Site, page: Page) -> Iterator[Node]:
    """All records of a kind."""
    about = {"@id": site.link(page.path), "name": page.title, "description": page.description}
    about |= {"inLanguage": page.language}
    found = [_record(site, entry, is_listed=True) for entry in page.data["entries"]]
    lists = {"faq": ("FAQPage", "mainEntity"), "term": ("DefinedTermSet", "hasDefinedTerm")}
    kind, part = lists.get(page.data["kind"], ("CollectionPage", "hasPart"))
    yield {"@type": kind, **about, part: found}


def _pack_page(site: Site, page: Page) -> Iterator[Node]:
    """A pack: its questions as those of a page of questions, everything else as parts of a collection."""
    pack: Pack = page.data["pack"]
    entries: Sequence[LibraryRecord] = page.data["entries"]
    here = site.link(page.path)
    yield {
        "@type": "Collection",
        "@id": here,
        "url": here,
        "identifier": f"pack-{pack.id}",
        "name": page.title,
        "description": page.description,
        "license": [_licence(id) for id in site.licences(pack)],
        "encoding": _files(site, f"packs/{pack.id}", "MediaObject"),
        "hasPart": [_record(site, entry, is_listed=True) for entry in entries if entry.record.kind != "faq"],
        **_release(site, page),
    }
    if asked := [_record(site, entry, is_listed=True) for entry in entries if entry.record.kind == "faq"]:
        yield {"@type": "FAQPage", "isPartOf": {"@id": here}, "inLanguage": page.language, "mainEntity": asked}


def _benchmark_page(site: Site, page: Page) -> Iterator[Node]:
    view = page.data["view"]
    labels = (view.instrument.dimensions[dimension]["label"] for dimension in view.dimensions)
    measured = [label.get(page.language, label["en"]) for label in labels]
    yield _figures(site, page, page.title, [view.period]) | {"variableMeasured": measured}


def _data_page(site: Site, page: Page) -> Iterator[Node]:
    periods = site.edition.benchmarks.column("period").unique().to_pylist()
    yield _figures(site, page, strings.text("metadata.benchmarks", page.language), periods)


def _figures(site: Site, page: Page, name: str, periods: Sequence[str]) -> Node:
    """The benchmarks as a data set, as far as ``page`` shows them."""
    days = [span for period in periods if (span := days_of(period))]
    told = f"{page.description} {strings.text('metadata.benchmarks.description', page.language)}"
    node: Node = {
        "@type": "Dataset",
        "@id": site.link(page.path),
        "url": site.link(page.path),
        "identifier": site.link(page.path),
        "name": name,
        "description": told,
        "license": _licence(OWN_LICENCE),
        "dateCreated": site.edition.published.date().isoformat(),
        "spatialCoverage": {"@type": "Place", "name": strings.text("metadata.kingdom", page.language)},
        "distribution": _files(site, "benchmarks", "DataDownload"),
        **_release(site, page),
    }
    if days:
        node["temporalCoverage"] = f"{min(first for first, _ in days)}/{max(last for _, last in days)}"
    return node


def _release(site: Site, page: Page) -> Node:
    """What all that is part of a release says of it."""
    told = publisher()
    who = {"@type": "Organization", "name": told.name[page.language], "url": site.edition.address}
    day = site.edition.published.date().isoformat()
    return {
        "inLanguage": page.language,
        "version": site.edition.id,
        "datePublished": day,
        "isAccessibleForFree": True,
        "creator": who,
        "publisher": who,
    }


def _record(site: Site, entry: LibraryRecord, *, is_listed: bool = False) -> Node:
    """A record; ``is_listed`` among others, where its name and address do."""
    document: Any = entry.record.document  # of a kind each
    kind = entry.record.kind
    here = site.link(site.page_address(entry))
    name: Any = document.heading
    if kind == "term":  # a term has no language of its own in schema.org
        name = {"@value": name, "@language": document.language}
    node: Node = {"@type": TYPES.get(kind, WORK), "@id": here, "identifier": entry.id, "name": name, "url": here}
    if kind == "faq":
        node["acceptedAnswer"] = {"@type": "Answer", "text": entry.abstract or document.heading}
    if is_listed:
        return node
    if kind == "term":
        return node | {"description": {"@value": entry.abstract, "@language": document.language}}
    node |= {"inLanguage": document.language, "license": _licence(document.licence)}
    node["author"] = [{"@type": "Organization", "name": site.hub_name(hub, document.language)} for hub in entry.credits]
    dates = (("datePublished", document.published), ("dateModified", document.updated))
    node |= {key: day.isoformat() for key, day in dates if day is not None}
    about = [
        vocabulary(scheme)[term].label(document.language)
        for scheme in ("sectors", "technology_types")
        for term in getattr(document, scheme)
    ]
    if about:
        node["keywords"] = about
    if kind == "faq":
        return node
    if kind == "case_study":
        node["headline"] = document.heading
    if kind == "signpost":
        who = {"@type": "Organization", "name": document.publisher}
        node["mainEntity"] = {"@type": WORK, "name": document.title, "url": document.address, "publisher": who}
    return node | {"description": entry.abstract}


def _breadcrumbs(site: Site, page: Page) -> Iterator[Node]:
    """Where the page stands. The page itself is left out: its name may be that of a record."""
    language = page.language
    if page.template == "root.html" or page.path == f"{language}/index.html":
        return
    steps = [(strings.text("site.home", language), "index.html"), *page.crumbs]
    items = [
        {"@type": "ListItem", "position": number, "name": name, "item": site.link(f"{language}/{path}")}
        for number, (name, path) in enumerate(steps, 1)
    ]
    yield {"@type": "BreadcrumbList", "itemListElement": items}


def _files(site: Site, folder: str, kind: str) -> list[Node]:
    """The data files in a folder of the release."""
    return [
        {
            "@type": kind,
            "name": posixpath.basename(path),
            "contentUrl": site.link(path),
            "encodingFormat": FORMATS[suffix].media_type,
            "contentSize": str(size),
        }
        for path, size in site.files_in.get(folder, ())
        if (suffix := posixpath.splitext(path)[1]) in FORMATS
    ]


def _licence(id: str) -> str:
    return vocabulary("licences")[id].address or id


_MAKERS: dict[str, Callable[[Site, Page], Iterator[Node]]] = {
    "entry": _record_page,
    "pack": _pack_page,
    "kind": _kind_page,
    "view": _benchmark_page,
}
"""By what the page is given."""
_BY_TEMPLATE: dict[str, Callable[[Site, Page], Iterator[Node]]] = {
    "data.html": _data_page,
    "benchmarks.html": _data_page,
}
