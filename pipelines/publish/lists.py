"""The pages of lists: by kind, by one subject or two, by hub, and the guides. Which there are, what each is called, and
how a long list is parted; their layout is in ``templates``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from hubs.contract.kinds import document_kinds
from hubs.contract.vocabularies import vocabulary
from pipelines.edition import Edition, LibraryRecord
from pipelines.publish import strings
from pipelines.publish.facets import KIND, Facets, Subject
from pipelines.publish.layouts import TEMPLATES
from pipelines.publish.strings import other_language
from pipelines.publish.tasks import Task, serving, tasks
from pipelines.publish.views import Library
from pipelines.publish.wordlist import Words

if TYPE_CHECKING:
    from pipelines.publish.pages import Page

LISTED_N = 10
"""Records of a kind that the page of a subject lists, where the kind has a page of its own."""
LEAF_N = 100
"""Records of one page of a long list."""
SHORT_N = 30
"""Records of a page from which on they are listed without their summaries."""

MakePage = Callable[..., "Page"]
"""Makes a page of a language: path, template, title, description and section, then the other fields of ``Page``."""


def hub_path(hub: str) -> str:
    """The address of the page of all records of a hub, from the folder of a language."""
    return f"browse/hub/{hub}.html"


def leaf_path(path: str, number: int) -> str:
    """The address of a page of a list whose first is at ``path``."""
    return path if number == 1 else f"{path.removesuffix('.html')}-page-{number}.html"


class Lists:
    """The lists of an edition."""

    def __init__(self, edition: Edition, library: Library, words: Words) -> None:
        self.facets = Facets(library)
        self.tasks = tasks()
        self._edition = edition
        self._library = library
        self._words = words

    def of_kind(self, kind: str, language: str, page: MakePage) -> Page:
        """The page of all records of a kind, or the newest of each sector."""
        own = f"kinds/{kind}_list.html"
        subject = Subject(KIND, kind)
        entries = self.facets.entries(subject, language)
        groups = []
        for sector, found in self._library.by_first_sector(entries):
            pair = self.facets.pair(subject, Subject("sectors", sector), language)
            is_cut = pair is not None and len(found) > LISTED_N
            groups.append((sector, found[:LISTED_N] if is_cut else found, pair if is_cut else None))
        if not document_kinds()[kind].is_glossary:  # which is read from A to Z
            shown = {entry.id for _, found, _ in groups for entry in found}
            entries = [entry for entry in entries if entry.id in shown]
        return page(
            f"{kind.replace('_', '-')}/index.html",
            own if (TEMPLATES / own).exists() else "kind.html",
            strings.text(f"kind.{kind}.title", language),
            strings.text(f"kind.{kind}.description", language),
            kind,
            crumbs=((strings.text("nav.browse", language), "browse/index.html"),),
            data={
                "kind": kind,
                "entries": entries,
                "groups": groups,
                "narrower": self.facets.narrower(subject, language),
            },
        )

    def guides(self, language: str, page: MakePage) -> Iterator[Page]:
        """A page for each task that people come with."""
        for task in self.tasks:
            yield page(
                task.path,
                "task.html",
                task.title[language],
                f"{task.about[language]} {task.lead[language]}",
                "task",
                name=strings.text("find.guide_name", language, title=task.title[language]),
                crumbs=((strings.text("nav.browse", language), "browse/index.html"),),
                data={"task": task},
            )

    def serving(self, task: Task, language: str) -> dict[str, list[tuple[str, list[LibraryRecord]]]]:
        """By step of a task, and kind, the records that serve it."""
        return serving(task, self._library, self._words, language)

    def narrowed(self, language: str, page: MakePage) -> Iterator[Page]:
        """A page for each pair of subjects, and one for each hub."""
        browse = (strings.text("nav.browse", language), "browse/index.html")
        for pair in self.facets.pairs(language):
            names = [self.name(subject, language) for subject in (pair.first, pair.second)]
            title = strings.text("find.pair", language, first=names[0], second=names[1])
            others = self.facets.pair(pair.first, pair.second, other_language(language))
            yield from self._leaves(
                page,
                language,
                pair.path,
                "facet.html",
                title=title,
                crumbs=(browse, (names[0], pair.first.path)),
                entries=pair.entries,
                others_n=len(others.entries) if others else 0,
                data={"pair": pair},
            )
        for hub in self._edition.hubs:
            if found := self._library.of_hub(hub.id, language):
                yield from self._leaves(
                    page,
                    language,
                    hub_path(hub.id),
                    "hub.html",
                    title=hub.name(language),
                    crumbs=(browse,),
                    entries=found,
                    others_n=len(self._library.of_hub(hub.id, other_language(language))),
                    data={"one": hub},
                )

    def _leaves(
        self,
        page: MakePage,
        language: str,
        path: str,
        template: str,
        *,
        title: str,
        crumbs: tuple[tuple[str, str], ...],
        entries: Sequence[LibraryRecord],
        others_n: int,
        data: dict[str, Any],
    ) -> Iterator[Page]:
        """The pages of one list, by kind, as many as it takes. ``others_n`` are the records of the same list in the
        other language.
        """
        ordered = [entry for _, found in self._library.by_kind(entries) for entry in found]
        last = -(-len(ordered) // LEAF_N)
        for number in range(1, last + 1):
            shown = ordered[(number - 1) * LEAF_N : number * LEAF_N]
            named = title if number == 1 else strings.text("find.leaf", language, title=title, number=number)
            yield page(
                leaf_path(path, number),
                template,
                named,
                strings.text("term.description", language, label=named, count=len(ordered)),
                "browse",
                alternate=f"{other_language(language)}/{leaf_path(path, max(1, min(number, -(-others_n // LEAF_N))))}",
                crumbs=crumbs,
                data={
                    "path": path,
                    "groups": self._library.by_kind(shown),
                    "number": number,
                    "last": last,
                    "found_n": len(ordered),
                }
                | data,
            )

    def name(self, subject: Subject, language: str) -> str:
        """What a subject is called in the plural, as a heading."""
        if subject.scheme == KIND:
            return strings.text(f"kind.{subject.term}.title", language)
        return vocabulary(subject.scheme)[subject.term].label(language)
