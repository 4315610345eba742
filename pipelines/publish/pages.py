"""Which pages a release has: the path, title, description and place of each, and what it is about. Lists of records are
in ``lists``; how a page is rendered, and what it may ask, is for ``site``; layout and wording are in ``templates``.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from hubs.contract.kinds import document_kinds
from hubs.contract.vocabularies import vocabulary
from hubs.instruments import Instrument, text_in
from pipelines.edition import Edition, LibraryRecord, Pack, Withdrawn
from pipelines.publish import assessment, introductions, pdf, strings, views, writers
from pipelines.publish.facets import Subject
from pipelines.publish.lists import Lists, MakePage
from pipelines.publish.strings import LANGUAGES, other_language

PRINTABLE = "pack_printable.html"
"""The template of the page of a whole pack."""
PACKED = (PRINTABLE, assessment.OFFLINE)
"""Templates of pages that go into offline packs."""
EXPLORER = "benchmarks/explore.html"
"""The page to filter benchmarks, from the folder of a language."""
_EXPLORER_WORDS = (
    *("explore.", "told.", "benchmark.compared", "benchmark.chart.", "benchmark.level", "benchmark.dimension"),
    *("benchmark.group", "benchmark.median", "benchmark.national_row", "benchmark.range", "benchmark.share"),
)
DESCRIPTION_CHARACTERS = 200
LATEST_N = 5
LATEST_PER_HUB_N = 2


@dataclass(frozen=True)
class Page:
    """One page. ``path`` and ``alternate`` (the same in the other language) count from the root of the release,
    the addresses of ``crumbs`` from the folder of the page's language. ``name`` is what browsers call it where that is
    not its ``title``, which another page has too. ``scripts`` are loaded beside that of every
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
    name: str | None = None
    scripts: tuple[str, ...] = ()
    words: tuple[str, ...] = ()
    is_private: bool = False
    data: Mapping[str, Any] = field(default_factory=dict)

    @property
    def up(self) -> str:
        """From the page's folder to the root of the release."""
        return "../" * self.path.count("/")


def record_path(entry: LibraryRecord) -> str:
    """The address of a record's page, from the folder of a language."""
    return f"records/{entry.slug}.html"


def page_address(entry: LibraryRecord) -> str:
    """A record's page in its own language, from the root of the release."""
    return f"{entry.record.document.language}/{record_path(entry)}"


def printable_path(pack: Pack, language: str) -> str:
    """The page of the whole pack, from the root of the release."""
    return f"packs/{pack.id}/{'pack.html' if language == 'en' else f'pack.{language}.html'}"


class Pages:
    """The pages of an edition. ``benchmarks`` are its views."""

    def __init__(
        self,
        edition: Edition,
        library: views.Library,
        lists: Lists,
        benchmarks: list[views.BenchmarkView],
    ) -> None:
        self.edition = edition
        self.library = library
        self.lists = lists
        self.benchmarks = benchmarks
        self._headings = Counter(entry.record.document.heading for entry in library.records.values())

    def all(self) -> list[Page]:
        """Every page, in a fixed order."""
        pages = [page for language in LANGUAGES for page in self._in(language)]
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

    def _in(self, language: str) -> Iterator[Page]:
        words = partial(strings.text, language=language)
        other = other_language(language)

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
        yield plain("changes.html", "changes.html", "changes")
        yield plain("method.html", "method.html", "method")
        yield plain("accessibility.html", "accessibility.html", "accessibility")

    def _dimension_pages(self, view: views.BenchmarkView, language: str, page: MakePage) -> Iterator[Page]:
        audience = vocabulary("audiences")[view.audience].label(language)
        title = strings.text("benchmark.title", language, audience=audience)
        for dimension in view.dimensions:
            name = text_in(view.instrument.dimensions[dimension]["label"], language)
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

    def _bank_pages(self, instrument: Instrument, audience: str, language: str, page: MakePage) -> Iterator[Page]:
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
        other = other_language(language)
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

    def _pack_pages(self, pack: Pack, language: str, page: MakePage) -> Iterator[Page]:
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
            name=strings.text("pack.name", language, title=pack.title(language)),
            crumbs=((strings.text("nav.packs", language), "packs/index.html"),),
            data=data | {"printable": printable_path(pack, language), "document": pdf.file_name(language)},
        )
        yield Page(
            path=printable_path(pack, language),
            language=language,
            template=PRINTABLE,
            title=pack.title(language),
            description=description,
            section="packs",
            alternate=printable_path(pack, other_language(language)),
            data=data,
        )

    def _term_page(self, scheme: str, term: str, entries: list[LibraryRecord], language: str, page: MakePage) -> Page:
        label = vocabulary(scheme)[term].label(language)
        packs = [pack for pack in self.edition.packs if pack.scheme == scheme and pack.term == term]
        return page(
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
                "narrower": self.lists.facets.narrower(Subject(scheme, term), language),
            },
        )

    def _record_page(self, entry: LibraryRecord, language: str, other: str, page: MakePage) -> Page:
        document = entry.record.document
        kind = entry.record.kind
        counterpart = self.library.in_language(entry, other)
        return page(
            record_path(entry),
            f"kinds/{kind}.html",
            document.heading,
            views.shortened(entry.abstract or document.heading, DESCRIPTION_CHARACTERS),
            kind,
            title_language=None if document.language == language else document.language,
            name=self._name(entry, language),
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

    def _name(self, entry: LibraryRecord, language: str) -> str | None:
        """A record's heading and what tells it from others of the same heading: its language, else its hub."""
        document = entry.record.document
        if self._headings[document.heading] == 1:
            return None
        if document.language != language:
            return f"{document.heading} ({strings.text(f'language.in_{document.language}', language)})"
        hub = self.edition.states.get(entry.record.hub)
        return f"{document.heading} ({hub.name(language) if hub else entry.record.hub})"

    def _withdrawn_page(self, gone: Withdrawn, language: str, page: MakePage) -> Page:
        """The page of a record that is no more: why, and where to go."""
        return page(
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
