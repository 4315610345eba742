"""The site of a release: its pages written, each rendered with what it may ask of the edition.

Which pages there are is for ``pages`` and ``lists``, what every page is set into for ``frame``. Layout and wording live
in ``templates``; figures and groupings in ``views``. Every link is relative, so that a release opens from a disk and
under any address; nothing is asked of any other site.
"""

from __future__ import annotations

import gc
import posixpath
import shutil
import uuid
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from functools import cache, cached_property, partial
from itertools import islice
from pathlib import Path
from typing import Any

from jinja2.environment import TemplateModule
from jinja2.runtime import Macro
from markupsafe import Markup

from hubs.contract.findings import CODES
from hubs.contract.kinds import document_kinds
from hubs.contract.vocabularies import vocabulary
from pipelines.crew import ALONE, Crew, Each
from pipelines.edition import Edition, HubState, LibraryRecord, Pack, Published, State, Withdrawn
from pipelines.publish import (
    assessment,
    benchmarks,
    citation,
    explain,
    introductions,
    markdown,
    schema_org,
    strings,
    views,
)
from pipelines.publish.catalogue import OWN_LICENCE, licences_of, permalink, publisher
from pipelines.publish.facets import Subject
from pipelines.publish.frame import SECTIONS, lang, navigation, page_environment, script_words, words
from pipelines.publish.languages import completeness
from pipelines.publish.layouts import GOVUK, TEMPLATES
from pipelines.publish.lists import Lists, hub_path, leaf_path
from pipelines.publish.pages import PACKED, Page, Pages, page_address, record_path
from pipelines.publish.related import Related
from pipelines.publish.strings import LANGUAGES
from pipelines.publish.wordlist import Words
from pipelines.settings import PLACEHOLDER

ASSETS = {
    "assets/govuk-frontend.css": GOVUK / "govuk-frontend.css",
    "assets/govuk-frontend-licence.txt": GOVUK / "LICENSE.txt",
    "assets/hubpacks.css": TEMPLATES / "static" / "hubpacks.css",
    "assets/site.js": TEMPLATES / "static" / "site.js",
    "assets/terms.js": TEMPLATES / "static" / "terms.js",
    "assets/explore.js": TEMPLATES / "static" / "explore.js",
    "assets/gap.js": TEMPLATES / "static" / "gap.js",
    "assets/assess.js": TEMPLATES / "static" / "assess.js",
    "assets/search_index.js": TEMPLATES / "static" / "search_index.js",
    "assets/search.js": TEMPLATES / "static" / "search.js",
    "assets/favicon.svg": TEMPLATES / "static" / "favicon.svg",
}
DEFINITION_CHARACTERS = 320
SHARES_A_WORKER = 8
"""Of the pages: a worker that has finished early takes another."""

derived = views.derived


@dataclass(frozen=True)
class Part:
    """One of a record's texts: the ``name`` of its field, an ``id`` for its heading, and safe HTML."""

    name: str
    id: str
    html: Markup


class Macros:
    """The macros of a module of templates that was made for pages of one language and folder. What those of ``KEPT``
    say depends on their arguments alone, which many pages have in common.
    """

    KEPT = ("hub_link", "licence_link", "term_link", "term_links", "day_fact", "hub_notes")

    def __init__(self, module: TemplateModule) -> None:
        self.__dict__ |= module.__dict__ | {name: cache(getattr(module, name)) for name in self.KEPT}


def successor(edition: Edition, entry: Withdrawn) -> LibraryRecord | None:
    """The record that takes the place of a withdrawn one, under whichever id it stands in the library."""
    if entry.successor is None or entry.successor in edition.library:
        return edition.library.get(entry.successor or "")
    return next((kept for kept in edition.library.values() if entry.successor in kept.merged), None)


def write_printables(writer: Each[Writer], folder: Path, crew: Crew = ALONE) -> None:
    """Write style sheets, pictures, the page of each whole pack and the self-assessments without a frame into
    ``folder``: what an offline pack takes along. They show nothing of what else the release has.
    """
    for name, source in ASSETS.items():
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target)
    crew.share(partial(_write_packed, writer), writer.made.packed)


def write_site(writer: Each[Writer], sizes: Mapping[str, int], changes: Mapping[str, Any], crew: Crew = ALONE) -> None:
    """Write every page but those of ``write_printables``.

    ``sizes`` are the bytes of the files that the downloads page offers, by path; ``changes`` is what ``changes.json``
    says.
    """
    shares_n = crew.workers * SHARES_A_WORKER
    crew.share(partial(_write_share, writer, sizes, changes, shares_n), range(shares_n))


def render_pointer_page(releases: Sequence[Published]) -> str:
    """The page at the root of all releases, newest first."""
    return page_environment().get_template("releases.html").render(releases=releases, **words("en"), when=_when)


def render_feed(releases: Sequence[Published]) -> str:
    """An Atom feed of the releases, newest first."""
    identifier = partial(uuid.uuid5, uuid.NAMESPACE_URL)
    return page_environment().get_template("feed.xml").render(releases=releases, identifier=identifier)


def _when(moment: str, language: str) -> str:
    return strings.day(datetime.fromisoformat(moment), language)


class Writer:
    """Writes pages of ``edition`` into ``folder``."""

    def __init__(self, edition: Edition, folder: Path) -> None:
        self._site = Site(edition)
        self._folder = folder
        self._packed: dict[str, Page] = {}
        # A text in both languages is rendered once, so its pages belong to one share.
        self._pages: defaultdict[str, list[Page]] = defaultdict(list)
        pages = self._site.pages()
        for place in {(folder / page.path).parent for page in pages}:
            place.mkdir(parents=True, exist_ok=True)
        for page in pages:
            if page.template in PACKED:
                self._packed[page.path] = page
            else:
                self._pages[page.path.removeprefix(f"{page.language}/")].append(page)

    @property
    def packed(self) -> list[str]:
        """The paths of the pages that go into offline packs, those of the largest packs first."""

        def records_n(path: str) -> int:
            pack = self._packed[path].data.get("pack")
            return len(pack.records) if pack else 0

        return sorted(self._packed, key=records_n, reverse=True)

    def write_packed(self, path: str) -> None:
        """Write one of those."""
        self._write(self._packed[path])

    def write_share(self, sizes: Mapping[str, int], changes: Mapping[str, Any], start: int, step: int) -> None:
        """Write, of the others, the page at place ``start`` and each that is ``step`` places after the one before."""
        self._site.tell(sizes, changes)
        gc.freeze()  # what pages are made of stays, and need not be looked through again and again
        try:
            for pages in islice(self._pages.values(), start, None, step):
                for page in pages:
                    self._write(page)
        finally:
            gc.unfreeze()

    def _write(self, page: Page) -> None:
        (self._folder / page.path).write_bytes(self._site.render(page).encode())


def _write_packed(writer: Each[Writer], path: str) -> None:
    writer.made.write_packed(path)


def _write_share(
    writer: Each[Writer], sizes: Mapping[str, int], changes: Mapping[str, Any], shares_n: int, number: int
) -> None:
    writer.made.write_share(sizes, changes, number, shares_n)


class Site:
    """All pages of an edition. ``sizes`` are the bytes of the files that it offers, by path; ``changes`` is what
    ``changes.json`` says. Pages of ``PACKED`` templates need neither.
    """

    def __init__(
        self, edition: Edition, sizes: Mapping[str, int] | None = None, changes: Mapping[str, Any] | None = None
    ) -> None:
        self.edition = edition
        self.tell({} if sizes is None else sizes, changes or {})
        self.library = views.Library(edition)
        self.hubs = edition.states
        self.benchmarks = views.benchmark_views(edition)
        self._base = permalink(edition.address, edition.id)
        self._same: dict[tuple[Any, ...], Markup] = {}
        self._folders: dict[tuple[str, str], dict[str, Any]] = {}
        self._parts: dict[tuple[str, int], tuple[Part, ...]] = {}
        self._explained: dict[str, tuple[tuple[Part, ...], tuple[LibraryRecord, ...]]] = {}
        self.words = Words(self.library.records[id] for id in self.library.order)
        self.lists = Lists(edition, self.library, self.words)
        self.facets = self.lists.facets

    def tell(self, sizes: Mapping[str, int], changes: Mapping[str, Any]) -> None:
        """Say what was not known yet: ``sizes`` and ``changes``."""
        self.sizes = sizes
        self.changes = changes
        self.files_in: defaultdict[str, list[tuple[str, int]]] = defaultdict(list)
        """Path and bytes of the files that are offered, in order, by the folder in which they lie."""
        for path, size in sorted(sizes.items()):
            self.files_in[posixpath.dirname(path)].append((path, size))

    def pages(self) -> list[Page]:
        """Every page, in a fixed order."""
        return Pages(self.edition, self.library, self.lists, self.benchmarks).all()

    def render(self, page: Page) -> str:
        """The page as HTML."""
        return page_environment().get_template(page.template).render(self._context(page) | dict(page.data))

    def same(self, template: str, page: Page, **values: Any) -> Markup:
        """What ``template`` makes of ``values``, for all pages of the folder and language of ``page``: it knows nothing
        else of the page, so it is made once.
        """
        key = (template, page.language, page.up, *values.items())
        if key not in self._same:
            html = page_environment().get_template(template).render(self._shared(page) | values)
            self._same[key] = Markup(html)  # noqa: S704 - made by a template that escapes
        return self._same[key]

    def assessments(self, pack: Pack, language: str) -> list[tuple[str, str, str]]:
        """The self-assessments that belong to a pack: what each is called, its page, and its page without a frame, from
        the root of the release.
        """
        if pack.scheme not in ("national", "audiences"):
            return []
        return [
            (
                vocabulary("audiences")[audience].label(language),
                f"{language}/self-assessment/{assessment.bank_name(instrument, audience)}.html",
                assessment.offline_path(instrument, audience, language),
            )
            for instrument, audience in assessment.banks(self.edition, pack.term)
        ]

    def _context(self, page: Page) -> dict[str, Any]:
        return self._shared(page) | {
            "page": page,
            # Nobody can find what stands at the placeholder, so no page says that it belongs there.
            "canonical": self.link(page.path) if self.edition.address != PLACEHOLDER else None,
            "words_for": lambda page: script_words(page.language, page.words),
            "structured": lambda: schema_org.as_json(schema_org.of_page(self, page)),
            "explorer": lambda: self._explorer(page),
        }

    def _shared(self, page: Page) -> dict[str, Any]:
        """What all templates know of the language and folder of ``page``; ``m`` are the macros of ``macros.html``."""
        key = (page.language, page.up)
        if key not in self._folders:
            names = self._names(*key)
            macros = page_environment().get_template("macros.html").make_module(names)
            self._folders[key] = names | {"m": Macros(macros)}
        return self._folders[key]

    def _names(self, language: str, up: str) -> dict[str, Any]:
        return words(language) | {
            "site": self,
            "up": up,
            "publisher": publisher(),
            "edition": self.edition,
            "library": self.library,
            "url": lambda path: f"{up}{language}/{path}",
            "root": lambda path: f"{up}{path}",
            "lang_of": lambda entry: lang(entry.record.document.language, language),
            "record_url": lambda entry: f"{up}{language}/{record_path(entry)}",
            "page_title_of": lambda view: strings.text(
                "benchmark.title", language, audience=vocabulary("audiences")[view.audience].label(language)
            ),
            "published_of": lambda hub: self.published_counts.get(hub, 0),
            "derived_of": partial(views.derived, self.edition),
            "why": _why,
            "successor_of": partial(successor, self.edition),
            "host": views.host,
            "subject_of": Subject,
            "hub_path": hub_path,
            "leaf_path": leaf_path,
            "states": tuple(State),
            "hub": self.hubs.get,
            "hub_name": partial(self.hub_name, language=language),
        }

    @cached_property
    def related(self) -> Related:
        """The records that belong beside one another."""
        return Related(self.library, self.words)

    @cached_property
    def _glossaries(self) -> dict[str, explain.Glossary]:
        """The glossary of each language."""
        terms: dict[str, list[LibraryRecord]] = {language: [] for language in LANGUAGES}
        for id in self.library.order:
            entry = self.library.records[id]
            if document_kinds()[entry.record.kind].is_glossary:
                terms[entry.record.document.language].append(entry)
        return {language: explain.Glossary(found) for language, found in terms.items()}

    def explained(self, entry: LibraryRecord) -> tuple[tuple[Part, ...], tuple[LibraryRecord, ...]]:
        """All texts of a record for a page of its own, with links around terms of the glossary, and those terms."""
        if entry.id not in self._explained:
            parts = self.parts(entry)
            glossary = self._glossaries[entry.record.document.language]
            texts, used = glossary.explain([str(part.html) for part in parts], entry)
            told = (
                replace(part, html=Markup(text))  # noqa: S704 - safe HTML with links of our own
                for part, text in zip(parts, texts, strict=True)
            )
            self._explained[entry.id] = (tuple(told), tuple(used))
        return self._explained[entry.id]

    def definition(self, entry: LibraryRecord) -> str:
        """What a term means, in short."""
        return views.shortened(entry.abstract, DEFINITION_CHARACTERS)

    def years_old(self, entry: LibraryRecord) -> int:
        """Whole years from when the text was last touched by its hub to the release; 0 when its hub does not say."""
        when, today = views.dated(entry), self.edition.published.date()
        if when == date.min:
            return 0
        return today.year - when.year - ((today.month, today.day) < (when.month, when.day))

    def _explorer(self, page: Page) -> Markup:
        """What the explorer has to know of the benchmarks beside their figures, as JSON."""
        told = benchmarks.for_explorer(self.edition, self.benchmarks, page.language, f"{page.up}{page.language}/")
        return Markup(schema_org.in_script(told))  # noqa: S704 - without a sign that could end the element

    def hub_name(self, hub: str, language: str) -> str:
        """The name of a hub by its id; the id of one that is unknown."""
        return self.hubs[hub].name(language) if hub in self.hubs else hub

    def link(self, path: str) -> str:
        """Where something stays for good: its ``path`` counts from the root of the release."""
        return f"{self._base}{path}"

    page_address = staticmethod(page_address)

    def licences(self, pack: Pack) -> list[str]:
        """The licences of a pack: those of its records, and ours."""
        return licences_of({"licence": self.library.records[id].record.document.licence} for id in pack.records)

    def introduction(self, pack: Pack, language: str, under: int) -> tuple[Markup, list[markdown.Heading]]:
        """The text with which a pack opens, to stand under a heading of level ``under``, and its main headings."""
        html, headings = introductions.as_html(pack, language, under)
        return Markup(html), headings  # noqa: S704 - cleaned by nh3

    def related_packs(self, pack: Pack) -> list[Pack]:
        """The packs that a reader of ``pack`` may want next."""
        return introductions.related(pack, self.edition.packs)

    def newest(self, entries: Sequence[LibraryRecord]) -> date | None:
        """When the record that its hub has touched last was touched; None when none has a date."""
        return max((day for entry in entries if (day := views.dated(entry)) != date.min), default=None)

    @cached_property
    def all_licences(self) -> list[str]:
        """The licences of all records, and ours."""
        return licences_of({"licence": entry.record.document.licence} for entry in self.library.records.values())

    def cite_record(self, entry: LibraryRecord, language: str) -> str:
        """How to cite a record."""
        document = entry.record.document
        return self._cite(document.heading, entry.credits, [document.licence], page_address(entry), language)

    def cite_pack(self, pack: Pack, language: str) -> str:
        """How to cite a pack, as its ``pack.json`` says."""
        hubs = sorted({hub for id in pack.records for hub in self.library.records[id].credits})
        return self._cite(pack.title(language), hubs, self.licences(pack), f"{language}/packs/{pack.id}.html", language)

    def cite_page(self, page: Page) -> str:
        """How to cite a page of our own."""
        return self._cite(page.title, (), [OWN_LICENCE], page.path, page.language)

    def cite_release(self, language: str) -> str:
        """How to cite all of it."""
        title = strings.text("metadata.catalogue", language)
        return self._cite(title, (), self.all_licences, f"{language}/index.html", language)

    def _cite(self, title: str, hubs: Sequence[str], licences: Sequence[str], path: str, language: str) -> str:
        names = [self.hub_name(hub, language) for hub in hubs]
        labels = [vocabulary("licences")[id].label(language) for id in licences]
        return citation.in_words(
            title,
            names,
            release=self.edition.id,
            published=self.edition.published.date(),
            licences=labels,
            link=self.link(path),
            language=language,
        )

    def body(self, entry: LibraryRecord) -> markdown.Rendered:
        """A record's text as safe HTML, rendered once however many pages show it."""
        return _rendered(entry, _without_sample(entry))

    def parts(self, entry: LibraryRecord, under: int = 1) -> tuple[Part, ...]:
        """All texts of a record in the order of its kind, to stand under a heading of level ``under``: 1 on a page of
        its own, lower on a page of many records, where ids are made unique. A record of several texts needs a heading
        for each, one level below.
        """
        key = (entry.id, under)
        if key not in self._parts:
            prefix = f"{entry.slug}--" if under > 1 else ""
            rendered = {document_kinds()[entry.record.kind].text: self.body(entry)}
            rendered |= {name: _rendered(entry, text) for name, text in entry.further_texts.items()}
            several = len(rendered) > 1
            self._parts[key] = tuple(
                Part(
                    name,
                    f"{prefix}{name}",
                    _moved(text, under - 1 + several, prefix + (f"{name}--" if several else "")),
                )
                for name, text in rendered.items()
                if text.html
            )
        return self._parts[key]

    def line(self, macro: Macro, entry: LibraryRecord, language: str, up: str, *, with_summary: bool) -> Markup:
        """What ``macro`` makes of a record for lists in one language and folder, where it stands on many pages."""
        key = (macro.name, entry.slug, language, up, with_summary)
        if key not in self._same:
            self._same[key] = Markup(macro(entry, with_summary))  # noqa: S704 - made by a template that escapes
        return self._same[key]

    def menu(self, page: Page) -> Markup:
        """The main menu as it stands on ``page``: the same on most pages of a folder."""
        entries = tuple(navigation(page.language))
        here = page.path.removeprefix(f"{page.language}/")
        section = SECTIONS.get(page.section, page.section)
        here = here if here in {path for path, _, _ in entries} else ""
        return self.same("menu.html", page, navigation=entries, section=section, here=here)

    def size(self, path: str, language: str) -> str:
        """The size of a file of the release as people write it: 12 KB."""
        number = self.sizes[path]
        for unit, divisor in (("MB", 1_000_000), ("KB", 1_000)):
            if number >= divisor:
                return f"{number / divisor:.{1 if number < 10 * divisor else 0}f} {unit}"
        return strings.text("data.bytes", language, number=number)

    def is_expiring(self, hub: HubState) -> bool:
        """Whether the hub's content is soon left out unless the hub sends a new feed."""
        return views.is_expiring(self.edition, hub)

    def age_days(self, hub: HubState) -> int | None:
        """Whole days from when the hub's content was first had to the release."""
        return (self.edition.published.date() - hub.fetched.date()).days if hub.fetched else None

    def carried(self, entries: Sequence[LibraryRecord]) -> list[HubState]:
        """The hubs of these records whose content could not be renewed."""
        here = {entry.record.hub for entry in entries}
        return [hub for hub in self.edition.hubs if hub.is_carried and hub.id in here]

    @cached_property
    def told(self) -> benchmarks.Benchmarks:
        """Where groups of organisations stand."""
        return benchmarks.Benchmarks(self.edition)

    @cached_property
    def carried_returns(self) -> list[HubState]:
        """The hubs whose returns could not be renewed."""
        return [hub for hub in views.with_returns(self.edition.hubs) if hub.is_carried]

    @cached_property
    def languages(self) -> list[dict[str, Any]]:
        """How complete the release is in each language."""
        rows = [
            {"id": entry.id, "language": entry.record.document.language, "translations": entry.translations}
            for entry in self.library.records.values()
        ]
        return completeness(rows)

    @cached_property
    def not_renewed(self) -> dict[State, int]:
        """How many hubs are not up to date, by state."""
        return views.not_renewed(self.edition.hubs)

    def why(self, hub: HubState, language: str) -> str:
        """In words for readers, why the hub's newest content is not used; empty when it is."""
        told = [strings.text(f"why.{code}", language) for code in hub.held_by]
        if not told and hub.state in (State.MISSING, State.RETIRED):
            told = [strings.text("why.left" if hub.state is State.RETIRED else "why.never", language)]
        if hub.lapsed is not None:
            told.append(strings.text("why.lapsed", language, date=strings.day(hub.lapsed, language)))
        return " ".join(told)

    def changed_benchmarks(self, entry: Mapping[str, Any]) -> list[views.ChangedBenchmark]:
        """The benchmarks of a wave that are told otherwise, those that say most about it first."""
        return views.changed_benchmarks(self.edition, entry)

    @cached_property
    def published_counts(self) -> Counter[str]:
        """How many records of each hub stand in the release."""
        return Counter(entry.record.hub for entry in self.library.records.values())

    @cached_property
    def is_sample(self) -> bool:
        """Whether all content in use was written to show how hubpacks works."""
        return views.is_sample(self.edition)

    @property
    def oldest_fetch(self) -> datetime | None:
        """When the content that has been carried longest was fetched."""
        return min((hub.fetched for hub in views.in_use(self.edition.hubs) if hub.fetched), default=None)


def _without_sample(entry: LibraryRecord) -> str:
    """The record's text without the sentence that it is a sample, which its page has in a place of its own."""
    sentence = strings.text("site.sample", entry.record.document.language)
    return entry.text.removeprefix(f"> {sentence}\n")


def _rendered(entry: LibraryRecord, text: str) -> markdown.Rendered:
    """A text of the record as safe HTML."""
    document = entry.record.document
    words = partial(strings.text, language=document.language)
    return markdown.render(text, words("text.image"), words("text.table"), document.heading)


def _moved(text: markdown.Rendered, levels: int, prefix: str) -> Markup:
    """The text with its headings ``levels`` further down and its ids behind ``prefix``."""
    html = markdown.deeper(text, levels, prefix) if levels else text.html
    return Markup(html)  # noqa: S704 - cleaned by nh3


def _why(code: str) -> str:
    """A finding's code in plain English; one that is no finding of the contract as it stands."""
    return CODES[code].why if code in CODES else code.replace("_", " ")
