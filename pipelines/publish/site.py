"""The pages of a release: which there are, what each is called, and how it is rendered.

Layout and wording live in ``templates``; figures and groupings in ``views``. Every link is relative, so that a release
opens from a disk and under any address; nothing is asked of any other site.
"""

from __future__ import annotations

import multiprocessing
import shutil
import uuid
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from functools import cache, cached_property, partial
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, PrefixLoader
from markupsafe import Markup

from hubs.contract.findings import CODES
from hubs.contract.kinds import document_kinds
from hubs.contract.vocabularies import vocabulary
from hubs.instruments import Instrument
from pipelines.edition import Edition, HubState, LibraryRecord, Pack, Published, State, Withdrawn
from pipelines.publish import (
    assessment,
    benchmarks,
    citation,
    explain,
    introductions,
    markdown,
    pdf,
    schema_org,
    strings,
    tables,
    views,
    writers,
)
from pipelines.publish.catalogue import OWN_LICENCE, licences_of, permalink, publisher
from pipelines.publish.facets import KIND, Subject
from pipelines.publish.languages import completeness
from pipelines.publish.layouts import GOVUK, TEMPLATES, environment
from pipelines.publish.lists import LISTED_N, SHORT_N, Lists, hub_path, leaf_path
from pipelines.publish.related import Related
from pipelines.publish.strings import LANGUAGES
from pipelines.publish.texts import NOT_KEPT, Texts, kept_as
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
PRINTABLE = "pack_printable.html"
"""The template of the page of a whole pack."""
_PACKED = (PRINTABLE, assessment.OFFLINE)
"""Templates of pages that go into offline packs."""
_SCRIPT_WORDS = ("site.newer", "site.copied")
"""The beginnings of the keys of texts that the script of every page uses."""
EXPLORER = "benchmarks/explore.html"
"""The page to filter benchmarks, from the folder of a language."""
_EXPLORER_WORDS = (
    *("explore.", "told.", "benchmark.compared", "benchmark.chart.", "benchmark.level", "benchmark.dimension"),
    *("benchmark.group", "benchmark.median", "benchmark.national_row", "benchmark.range", "benchmark.share"),
)
DESCRIPTION_CHARACTERS = 200
LATEST_N = 5
MOST_CHANGES = 100
"""Changes of one kind that the page of changes lists; the file has all."""
LATEST_PER_HUB_N = 2
OLD_YEARS = 2
"""The age from which on a text is called old; the text ``find.old`` says it in words."""
DEFINITION_CHARACTERS = 320

derived = views.derived

_GOVUK = {
    "govuk_breadcrumbs": ("breadcrumbs", "govukBreadcrumbs"),
    "govuk_service_navigation": ("service-navigation", "govukServiceNavigation"),
    "govuk_skip_link": ("skip-link", "govukSkipLink"),
}


@dataclass(frozen=True)
class Page:
    """One page. ``path`` and ``alternate`` (the same in the other language) count from the root of the release,
    the addresses of ``crumbs`` from the folder of the page's language. ``scripts`` are loaded beside that of every
    page, from the root of the release; ``words`` are the beginnings of the keys of texts that they use. A page that
    ``is_private`` may ask nobody for anything.
    """

    path: str
    language: str
    template: str
    title: str
    description: str
    section: str
    alternate: str
    crumbs: tuple[tuple[str, str], ...] = ()
    title_language: str | None = None
    scripts: tuple[str, ...] = ()
    words: tuple[str, ...] = ()
    is_private: bool = False
    data: Mapping[str, Any] = field(default_factory=dict)

    @property
    def up(self) -> str:
        """From the page's folder to the root of the release."""
        return "../" * self.path.count("/")


@dataclass(frozen=True)
class Part:
    """One of a record's texts: the ``name`` of its field, an ``id`` for its heading, and safe HTML."""

    name: str
    id: str
    html: Markup


def record_path(entry: LibraryRecord) -> str:
    """The address of a record's page, from the folder of a language."""
    return f"records/{entry.slug}.html"


def page_address(entry: LibraryRecord) -> str:
    """A record's page in its own language, from the root of the release."""
    return f"{entry.record.document.language}/{record_path(entry)}"


def successor(edition: Edition, entry: Withdrawn) -> LibraryRecord | None:
    """The record that takes the place of a withdrawn one, under whichever id it stands in the library."""
    if entry.successor is None or entry.successor in edition.library:
        return edition.library.get(entry.successor or "")
    return next((kept for kept in edition.library.values() if entry.successor in kept.merged), None)


def write_printables(edition: Edition, folder: Path, texts: Texts = NOT_KEPT) -> None:
    """Write style sheets, pictures, the page of each whole pack and the self-assessments without a frame into
    ``folder``: what an offline pack takes along. They show nothing of what else the release has. ``texts`` are those
    that are rendered already.
    """
    for name, source in ASSETS.items():
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target)
    site = Site(edition, {}, {}, texts)
    for page in site.pages():
        if page.template in _PACKED:
            (folder / page.path).parent.mkdir(parents=True, exist_ok=True)
            (folder / page.path).write_text(site.render(page), encoding="utf-8")


def write_site(
    edition: Edition,
    folder: Path,
    sizes: Mapping[str, int],
    changes: Mapping[str, Any],
    workers: int = 1,
    *,
    texts: Texts = NOT_KEPT,
) -> None:
    """Write every page into ``folder`` but those of ``write_printables``. Of ``texts``, those that are rendered
    already, only what the edition has stays.

    ``sizes`` are the bytes of the files that the downloads page offers, by path; ``changes`` is what ``changes.json``
    says. ``workers`` processes share the pages.
    """
    write = partial(_write_share, edition, folder, dict(sizes), dict(changes), texts=texts, step=workers)
    if workers == 1:
        write(start=0)
    else:
        # Fresh processes: forking one that runs threads (Arrow, Dagster) can lock up.
        with ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context("spawn")) as pool:
            for future in [pool.submit(write, start=start) for start in range(workers)]:
                future.result()
    texts.keep_only(Site(edition, sizes, changes).text_keys())


def render_pointer_page(releases: Sequence[Published]) -> str:
    """The page at the root of all releases, newest first."""
    return _environment().get_template("releases.html").render(releases=releases, **_words("en"), when=_when)


def render_feed(releases: Sequence[Published]) -> str:
    """An Atom feed of the releases, newest first."""
    identifier = partial(uuid.uuid5, uuid.NAMESPACE_URL)
    return _environment().get_template("feed.xml").render(releases=releases, identifier=identifier)


def _when(moment: str, language: str) -> str:
    return strings.day(datetime.fromisoformat(moment), language)


def _write_share(
    edition: Edition,
    folder: Path,
    sizes: Mapping[str, int],
    changes: Mapping[str, Any],
    *,
    texts: Texts,
    start: int,
    step: int,
) -> None:
    """Write each page from number ``start`` on that is ``step`` after the one before."""
    site = Site(edition, sizes, changes, texts)
    for page in [page for page in site.pages() if page.template not in _PACKED][start::step]:
        path = folder / page.path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(site.render(page), encoding="utf-8")


class Site:
    """All pages of an edition."""

    def __init__(
        self, edition: Edition, sizes: Mapping[str, int], changes: Mapping[str, Any], texts: Texts = NOT_KEPT
    ) -> None:
        self.edition = edition
        self._texts = texts
        self.sizes = sizes
        self.changes = changes
        self.library = views.Library(edition)
        self.hubs = edition.states
        self.benchmarks = views.benchmark_views(edition)
        self._base = permalink(edition.address, edition.id)
        self._menus: dict[tuple[str, str, str, str], Markup] = {}
        self._parts: dict[tuple[str, int], tuple[Part, ...]] = {}
        self._explained: dict[str, tuple[tuple[Part, ...], tuple[LibraryRecord, ...]]] = {}
        self.words = Words(self.library.records[id] for id in self.library.order)
        self.lists = Lists(edition, self.library, self.words)
        self.facets = self.lists.facets

    def pages(self) -> list[Page]:
        """Every page, in a fixed order."""
        pages = [page for language in LANGUAGES for page in self._pages_in(language)]
        root = Page(
            path="index.html",
            language="en",
            template="root.html",
            title=strings.text("site.tagline", "en"),
            description=strings.text("home.description", "en"),
            section="",
            alternate="cy/index.html",
        )
        return [root, *pages]

    def render(self, page: Page) -> str:
        """The page as HTML."""
        context = self._context(page)
        return _environment().get_template(page.template).render(context | dict(page.data))

    def _pages_in(self, language: str) -> Iterator[Page]:
        words = partial(strings.text, language=language)
        other = LANGUAGES[1 - LANGUAGES.index(language)]

        def page(path: str, template: str, title: str, description: str, section: str, **more: Any) -> Page:
            more.setdefault("alternate", f"{other}/{path}")
            return Page(f"{language}/{path}", language, template, title, description, section, **more)

        def plain(path: str, template: str, key: str, **data: Any) -> Page:
            section = path.split("/", maxsplit=1)[0].removesuffix(".html")
            return page(path, template, words(f"{key}.title"), words(f"{key}.description"), section, data=data)

        library = self.library
        newest = library.latest(language, LATEST_N, LATEST_PER_HUB_N)
        yield plain("index.html", "home.html", "home", newest=newest, totals=self._totals(language))
        yield plain("packs/index.html", "packs.html", "packs")
        for pack in self.edition.packs:
            yield from self._pack_pages(pack, language, page)
        for kind in document_kinds().values():
            yield self.lists.of_kind(kind.name, language, page)
        for entry in self.library.records.values():
            yield self._record_page(entry, language, other, page)
        for gone in self.edition.withdrawn:
            if gone.slug is not None:
                yield self._withdrawn_page(gone, language, page)
        yield plain("browse/index.html", "browse.html", "browse")
        yield from self.lists.guides(language, page)
        yield from self.lists.narrowed(language, page)
        for scheme in views.BROWSE_SCHEMES:
            for term in vocabulary(scheme):
                if found := library.with_term(scheme, term.id, language):
                    yield self._term_page(scheme, term.id, found, language, page)
        yield page(
            "browse/a-z.html",
            "a_z.html",
            words("a_z.title"),
            words("a_z.description"),
            "browse",
            crumbs=((words("nav.browse"), "browse/index.html"),),
            data={"letters": library.a_to_z(language)},
        )
        yield page(
            "search.html",
            "search.html",
            words("search.title"),
            words("search.description"),
            "search",
            scripts=("assets/search_index.js", "assets/search.js"),
            words=("search.", "language.in_"),
        )
        yield plain("benchmarks/index.html", "benchmarks.html", "benchmarks")
        yield page(
            EXPLORER,
            "explore.html",
            words("explore.title"),
            words("explore.description"),
            "benchmarks",
            crumbs=((words("nav.benchmarks"), "benchmarks/index.html"),),
            scripts=("assets/explore.js",),
            words=_EXPLORER_WORDS,
        )
        for view in self.benchmarks:
            audience = vocabulary("audiences")[view.audience].label(language)
            yield page(
                f"benchmarks/{view.name}.html",
                "benchmark.html",
                words("benchmark.title", audience=audience),
                words("benchmark.description", audience=audience.lower(), period=view.period),
                "benchmarks",
                crumbs=((words("nav.benchmarks"), "benchmarks/index.html"),),
                data={"view": view},
            )
            yield from self._dimension_pages(view, language, page)
        yield plain("self-assessment/index.html", "self_assessment.html", "self_assessment", assessment=assessment)
        for instrument, audience in assessment.banks(self.edition):
            yield from self._bank_pages(instrument, audience, language, page)
        yield plain(
            "data.html",
            "data.html",
            "data",
            document=pdf.file_name(language),
            tables=(writers.records(), writers.BENCHMARKS, writers.DISTRIBUTIONS, writers.TRENDS),
        )
        yield plain("coverage.html", "coverage.html", "coverage")
        yield plain("changes.html", "changes.html", "changes", changes=self.changes)
        yield plain("method.html", "method.html", "method")
        yield plain("accessibility.html", "accessibility.html", "accessibility")

    def _dimension_pages(self, view: views.BenchmarkView, language: str, page: Any) -> Iterator[Page]:
        audience = vocabulary("audiences")[view.audience].label(language)
        title = strings.text("benchmark.title", language, audience=audience)
        for dimension in view.dimensions:
            label = view.instrument.dimensions[dimension]["label"]
            name = label.get(language, label["en"])
            yield page(
                view.dimension_path(dimension),
                "benchmark_dimension.html",
                strings.text("told.title", language, name=name, audience=audience),
                strings.text("told.description", language, name=name, audience=audience, period=view.period),
                "benchmarks",
                crumbs=(
                    (strings.text("nav.benchmarks", language), "benchmarks/index.html"),
                    (title, f"benchmarks/{view.name}.html"),
                ),
                data={"view": view, "dimension": dimension},
            )

    def _bank_pages(self, instrument: Instrument, audience: str, language: str, page: Any) -> Iterator[Page]:
        """A self-assessment in the site, and without a frame for offline packs."""
        label = vocabulary("audiences")[audience].label(language).lower()
        title = strings.text("question_bank.title", language, audience=label)
        description = strings.text("question_bank.description", language, audience=label)
        data = {
            "instrument": instrument,
            "questions": instrument.asked_of(audience),
            "audience": audience,
            "facts": assessment.facts(self.edition, instrument, audience, language),
            "assessment": assessment,
        }
        private: dict[str, Any] = {
            "scripts": assessment.SCRIPTS,
            "words": assessment.WORDS,
            "is_private": True,
            "data": data,
        }
        yield page(
            f"self-assessment/{assessment.bank_name(instrument, audience)}.html",
            "question_bank.html",
            title,
            description,
            "self-assessment",
            crumbs=((strings.text("nav.self_assessment", language), "self-assessment/index.html"),),
            **private,
        )
        other = LANGUAGES[1 - LANGUAGES.index(language)]
        yield Page(
            path=assessment.offline_path(instrument, audience, language),
            language=language,
            template=assessment.OFFLINE,
            title=title,
            description=description,
            section="self-assessment",
            alternate=assessment.offline_path(instrument, audience, other),
            **private,
        )

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

    def _pack_pages(self, pack: Pack, language: str, page: Any) -> Iterator[Page]:
        entries = self.library.shown(pack.records, language)
        description = strings.text("pack.description", language, title=pack.title(language), count=len(entries))
        description = f"{introductions.line(pack.scheme, pack.term, language)} {description}".strip()
        data = {"pack": pack, "entries": entries, "groups": self.library.by_kind(entries)}
        data |= {"holds": introductions.facts(map(introductions.row_of, entries), pack.scheme, pack.term, language)}
        yield page(
            f"packs/{pack.id}.html",
            "pack.html",
            pack.title(language),
            description,
            "packs",
            crumbs=((strings.text("nav.packs", language), "packs/index.html"),),
            data=data | {"printable": _printable(pack, language), "document": pdf.file_name(language)},
        )
        yield Page(
            path=_printable(pack, language),
            language=language,
            template=PRINTABLE,
            title=pack.title(language),
            description=description,
            section="packs",
            alternate=_printable(pack, LANGUAGES[1 - LANGUAGES.index(language)]),
            data=data,
        )

    def _term_page(self, scheme: str, term: str, entries: list[LibraryRecord], language: str, page: Any) -> Page:
        label = vocabulary(scheme)[term].label(language)
        packs = [pack for pack in self.edition.packs if pack.scheme == scheme and pack.term == term]
        return page(  # type: ignore[no-any-return]
            f"browse/{scheme.replace('_', '-')}/{term.replace('_', '-')}.html",
            "term.html",
            label,
            strings.text("term.description", language, label=label, count=len(entries)),
            "browse",
            crumbs=((strings.text("nav.browse", language), "browse/index.html"),),
            data={
                "scheme": scheme,
                "subject": Subject(scheme, term),
                "groups": self.library.by_kind(entries),
                "packs": packs,
                "narrower": self.facets.narrower(Subject(scheme, term), language),
            },
        )

    def _record_page(self, entry: LibraryRecord, language: str, other: str, page: Any) -> Page:
        document = entry.record.document
        kind = entry.record.kind
        counterpart = self.library.in_language(entry, other)
        return page(  # type: ignore[no-any-return]
            record_path(entry),
            f"kinds/{kind}.html",
            document.heading,
            _shortened(entry.abstract or document.heading),
            kind,
            title_language=None if document.language == language else document.language,
            alternate=f"{other}/{record_path(counterpart)}",
            scripts=("assets/terms.js",),
            words=("terms.",),
            crumbs=(
                (strings.text("nav.browse", language), "browse/index.html"),
                (strings.text(f"kind.{kind}.title", language), f"{kind.replace('_', '-')}/index.html"),
            ),
            data={
                "entry": entry,
                "document": document,
                "translation": self._translation(entry, language),
            },
        )

    def _withdrawn_page(self, gone: Withdrawn, language: str, page: Any) -> Page:
        """The page of a record that is no more: why, and where to go."""
        return page(  # type: ignore[no-any-return]
            f"records/{gone.slug}.html",
            "withdrawn.html",
            gone.heading or strings.text("withdrawn.untitled", language),
            strings.text("withdrawn.description", language),
            "",
            title_language=None if gone.language == language else gone.language,
            data={"gone": gone},
        )

    def _translation(self, entry: LibraryRecord, language: str) -> LibraryRecord | None:
        """The same text in the page's language, when the record itself is not in it."""
        if entry.record.document.language == language:
            return None
        found = self.library.in_language(entry, language)
        return None if found is entry else found

    def _totals(self, language: str) -> list[tuple[str, int]]:
        shown = self.library.shown(self.library.order, language)
        kinds = [(kind, len(entries)) for kind, entries in self.library.by_kind(shown)]
        hubs = len(views.in_use(self.edition.hubs))
        organisations = max((view.organisations for view in self.benchmarks), default=0)
        return [*kinds, ("hubs", hubs), ("organisations", organisations)]

    def _context(self, page: Page) -> dict[str, Any]:
        language = page.language
        return _words(language) | {
            "page": page,
            "site": self,
            # Nobody can find what stands at the placeholder, so no page says that it belongs there.
            "canonical": self.link(page.path) if self.edition.address != PLACEHOLDER else None,
            "words_for": lambda page: _script_words(language, page.words),
            "structured": lambda: schema_org.as_json(schema_org.of_page(self, page)),
            "publisher": publisher(),
            "edition": self.edition,
            "library": self.library,
            "url": lambda path: f"{page.up}{language}/{path}",
            "root": lambda path: f"{page.up}{path}",
            "lang_of": lambda entry: _lang(entry.record.document.language, language),
            "record_url": lambda entry: f"{page.up}{language}/{record_path(entry)}",
            "page_title_of": lambda view: strings.text(
                "benchmark.title", language, audience=vocabulary("audiences")[view.audience].label(language)
            ),
            "published_of": lambda hub: self.published_counts.get(hub, 0),
            "derived_of": partial(views.derived, self.edition),
            "explorer": lambda: self._explorer(page),
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
        return _shortened(entry.abstract, DEFINITION_CHARACTERS)

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
        return self._texts.render(*_as_rendered(entry, _without_sample(entry)))

    def text_keys(self) -> set[str]:
        """What the texts of all records are kept as."""
        return {
            kept_as(*_as_rendered(entry, text))
            for entry in self.library.records.values()
            for text in (_without_sample(entry), *entry.further_texts.values())
        }

    def parts(self, entry: LibraryRecord, under: int = 1) -> tuple[Part, ...]:
        """All texts of a record in the order of its kind, to stand under a heading of level ``under``: 1 on a page of
        its own, lower on a page of many records, where ids are made unique. A record of several texts needs a heading
        for each, one level below.
        """
        key = (entry.id, under)
        if key not in self._parts:
            prefix = f"{entry.slug}--" if under > 1 else ""
            rendered = {document_kinds()[entry.record.kind].text: self.body(entry)}
            rendered |= {
                name: self._texts.render(*_as_rendered(entry, text)) for name, text in entry.further_texts.items()
            }
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

    def menu(self, page: Page) -> Markup:
        """The main menu as it stands on ``page``: the same on most pages of a folder, so made once for them all."""
        entries = _navigation(page.language)
        here = page.path.removeprefix(f"{page.language}/")
        section = _SECTIONS.get(page.section, page.section)
        key = (page.language, page.up, section, here if here in {path for path, _, _ in entries} else "")
        if key not in self._menus:
            context = {"navigation": entries, "section": section, "here": here, "up": page.up}
            html = _environment().get_template("menu.html").render(context | _words(page.language))
            self._menus[key] = Markup(html)  # noqa: S704 - made by a template that escapes
        return self._menus[key]

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

    @property
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


def _as_rendered(entry: LibraryRecord, text: str) -> tuple[str, str, str, str]:
    """How a text of the record is rendered: the arguments of ``markdown.render``."""
    document = entry.record.document
    words = partial(strings.text, language=document.language)
    return text, words("text.image"), words("text.table"), document.heading


def _moved(text: markdown.Rendered, levels: int, prefix: str) -> Markup:
    """The text with its headings ``levels`` further down and its ids behind ``prefix``."""
    html = markdown.deeper(text, levels, prefix) if levels else text.html
    return Markup(html)  # noqa: S704 - cleaned by nh3


def _printable(pack: Pack, language: str) -> str:
    return f"packs/{pack.id}/{'pack.html' if language == 'en' else f'pack.{language}.html'}"


_SECTIONS = {
    **dict.fromkeys((*document_kinds(), "task"), "browse"),
    **dict.fromkeys(("coverage", "changes", "method"), "data"),
}
"""To which entry of the main menu other sections belong."""


@cache
def _navigation(language: str) -> list[tuple[str, str, str]]:
    """The entries of the main menu: address from the folder of the language, section, words."""
    return [
        ("browse/index.html", "browse", strings.text("nav.browse", language)),
        ("packs/index.html", "packs", strings.text("nav.packs", language)),
        ("benchmarks/index.html", "benchmarks", strings.text("nav.benchmarks", language)),
        ("self-assessment/index.html", "self-assessment", strings.text("find.stand", language)),
        ("data.html", "data", strings.text("nav.data", language)),
    ]


def _why(code: str) -> str:
    """A finding's code in plain English; one that is no finding of the contract as it stands."""
    return CODES[code].why if code in CODES else code.replace("_", " ")


def _words(language: str) -> dict[str, Any]:
    """The language-bound helpers of every template."""
    return {
        "language": language,
        "other_language": LANGUAGES[1 - LANGUAGES.index(language)],
        "t": partial(strings.text, language=language),
        "t_in": strings.text,
        "day": lambda when: strings.day(when, language),
        "short_day": lambda when: strings.short_day(when, language),
        "day_in": strings.day,
        "label": lambda scheme, term: vocabulary(scheme)[term].label(language),
        "terms": vocabulary,
        "kinds": document_kinds(),
    }


@cache
def _script_words(language: str, words: tuple[str, ...]) -> Markup:
    """The texts that the scripts of a page use, as JSON; ``words`` are the beginnings of their keys."""
    texts = strings.starting(_SCRIPT_WORDS + words, language)
    return Markup(schema_org.in_script(texts))  # noqa: S704 - without a sign that could end the element


def _lang(text_language: str, page_language: str) -> Markup:
    return Markup("") if text_language == page_language else Markup(' lang="{}"').format(text_language)


def _shortened(text: str, most: int = DESCRIPTION_CHARACTERS) -> str:
    plain = " ".join(text.split())
    return plain if len(plain) <= most else plain[:most].rsplit(" ", 1)[0] + "…"


@cache
def _environment() -> Environment:
    """The environment of the site's pages."""
    made = environment()
    made.filters["slug"] = lambda text: text.replace("_", "-")
    made.filters["level"] = views.level
    made.filters["percent"] = views.percent
    made.filters["points"] = views.points
    made.filters["place"] = views.place
    made.filters["isodate"] = lambda when: (when.date() if isinstance(when, datetime) else when).isoformat()
    made.tests["dated"] = lambda when: isinstance(when, date)
    made.globals |= _govuk_macros() | {
        "groupings": views.GROUPINGS,
        "browse_schemes": tuple(views.BROWSE_SCHEMES),
        "highest_level": views.HIGHEST_LEVEL,
        "most_changes": MOST_CHANGES,
        "listed_n": LISTED_N,
        "short_n": SHORT_N,
        "old_years": OLD_YEARS,
        "place_of": explain.place_of,
        "kind_scheme": KIND,
        "shared_at": views.SHARED_AT,
        "most_named": benchmarks.MOST_NAMED,
        "marks_of_medians": benchmarks.marks_of_medians,
        "marks_of_levels": benchmarks.marks_of_levels,
        "marks_of_pairs": benchmarks.marks_of_pairs,
        "marks_of_trends": benchmarks.marks_of_trends,
        "table_forms": tables.FORMS,
        "benchmark_files": [f"{name}{form}" for name in tables.TABLES for form in tables.FORMS],
        "pack_files": tables.PACK_FILES,
        "pack_line": introductions.line,
        "own_licence": vocabulary("licences")[OWN_LICENCE],
    }
    return made


def _govuk_macros() -> dict[str, Any]:
    # The macros of govuk-frontend-jinja read parameters that nobody set, so they live outside the strict environment.
    loader = PrefixLoader({"govuk_frontend_jinja": PackageLoader("govuk_frontend_jinja")})
    lenient = Environment(loader=loader, autoescape=True, auto_reload=False, trim_blocks=True, lstrip_blocks=True)
    return {
        name: getattr(lenient.get_template(f"govuk_frontend_jinja/components/{folder}/macro.html").module, macro)
        for name, (folder, macro) in _GOVUK.items()
    }
