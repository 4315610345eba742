"""Guessing what pages of text are: a study, one question, a page of questions, a glossary, or none of them.

Pages of one shape are a group, which becomes a source. How their fields are found is ``page_source``.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from dataclasses import dataclass, field, replace
from glob import escape
from pathlib import PurePosixPath
from typing import Any

from hubs.mapping.text import slug
from hubs.starter.suggest.doubts import shown
from hubs.starter.suggest.fields import LONGEST_HEADING, MANY, MOST, SOME, SUMMARY_LIMIT
from hubs.starter.suggest.folder import Page
from hubs.starter.suggest.values import keys_called

STUDY, QUESTION, QUESTIONS, GLOSSARY = "case study", "question", "page of questions", "glossary"
_PLURALS = {STUDY: "case studies", QUESTION: "questions", QUESTIONS: "pages of questions", GLOSSARY: "glossaries"}
FEWEST_QUESTIONS = 2
MOST_LINES, MOST_TRIED = 5_000, 50
"""Lines of a page, and headings or lines at one place, that are looked at."""
MOST_SPLIT = 12
MOST_PREFIX = 100
_NOT_PAGES = {
    *("license", "licence", "changelog", "contributing", "code_of_conduct", "code-of-conduct", "security", "authors"),
    *("notice", "maintainers", "pull_request_template", "issue_template", "404", "search", "sitemap", "privacy"),
    *("cookies", "accessibility", "accessibility-statement", "todo"),
}
_NOT_FOLDERS = {
    *("_layouts", "_includes", "_data", "_sass", "node_modules", "vendor", "templates", "layouts", "partials"),
    *("themes", "archetypes", "test", "tests", "__tests__"),
}
_ABOUT_QUESTIONS = re.compile(r"\b(faqs?|questions?|q ?& ?a|q and a)\b")
_ABOUT_TERMS = re.compile(r"\b(glossary|jargon|jargon buster|terminology|definitions|geirfa)\b")
_NUMBERED_PATTERN = r"^Q(?:uestion )?\d{1,3}[:.)] *(.+)"
_NUMBERED = re.compile(_NUMBERED_PATTERN)
_DATED_NAME = re.compile(r"^\d{4}-\d\d-\d\d[-_]?")
_DEFINED = r"^ *<dt[^<>]{0,60}>(.+)</dt>"
_LINES = {
    "lines that begin with Q:": (r"^\*{0,2}Q\d{0,3}[:.)]\*{0,2} (.+)", "A:"),
    "lines in bold that ask": (r"^\*\*(.+\?)\*\* *$", None),
    "terms of a definition list": (_DEFINED, None),
    "headings of a folded part": (r"^ *<summary[^<>]{0,60}>(.+)</summary>", None),
}
"""Lines that may hold questions, each with what begins their answers."""
_TERM_LINES = (
    r"^\*\*([^*:]{1,80}):?\*\*:? *(.*)",
    r"^[-*] \*\*([^*:]{1,80}):?\*\*:? *(.*)",
    _DEFINED,
)
"""Lines that may hold terms: words in bold, items that begin with them, and a definition list."""


@dataclass
class Group:
    """Pages of one shape that one source reads. ``split`` says how a page of questions is parted; ``patterns`` take its
    files, where they are known.
    """

    shape: str
    pages: list[Page]
    split: dict[str, Any] = field(default_factory=dict)
    doubts: list[str] = field(default_factory=list)
    join: dict[str, Any] | None = None
    prefix: str = ""
    patterns: list[str] = field(default_factory=list)

    @property
    def called(self) -> str:
        """What it is in words."""
        return _PLURALS[self.shape] if len(self.pages) > 1 else self.shape

    @property
    def count(self) -> str:
        """How many pages, for messages."""
        return f"{len(self.pages)} file{'' if len(self.pages) == 1 else 's'}"


@dataclass
class Sorted:
    """Pages by what they seem to be: groups to read, and names to leave out, by reason."""

    groups: list[Group] = field(default_factory=list)
    left_out: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))


def sort(pages: list[Page]) -> Sorted:
    """Groups of pages of one shape."""
    result = Sorted()
    folders: dict[str, list[Page]] = defaultdict(list)
    for page in pages:
        reason = _not_content(page)
        if reason is None:
            folders[page.folder].append(page)
        else:
            result.left_out[reason].append(page.name)
    joins = _joins(folders)
    joined = {page.name for group in joins for page in group.pages}
    singles: dict[str, list[Page]] = defaultdict(list)
    for folder, found in folders.items():
        rest = [page for page in found if page.name not in joined]
        are_items = _ask(folder, rest)
        for page in rest:
            if _lists_others(page, folders, joined):
                result.left_out["A page that leads to the others."].append(page.name)
                continue
            shape, split, doubts = _shape(page, are_items, _family(page, rest, folders))
            if shape in (STUDY, QUESTION):
                singles[shape].append(page)
            else:
                _add_page(result.groups, shape, page, split, doubts)
    result.groups += joins + [Group(shape, found) for shape, found in sorted(singles.items())]
    return result


def _family(page: Page, beside: list[Page], folders: dict[str, list[Page]]) -> int:
    """How many pages are like this by their place: those beside it or, where it stands for its folder, by theirs."""
    if not page.is_index or len(beside) > 1:
        return len(beside)
    above = PurePosixPath(page.folder).parent
    return sum(
        any(other.is_index for other in pages)
        for folder, pages in folders.items()
        if PurePosixPath(folder).parent == above
    )


def _add_page(groups: list[Group], shape: str, page: Page, split: dict[str, Any], doubts: list[str]) -> None:
    """Pages that are parted the same way are one source."""
    group = next((group for group in groups if (group.shape, group.split) == (shape, split)), None)
    if group is None:
        group = Group(shape, [], split)
        groups.append(group)
    group.pages.append(page)
    group.doubts += doubts


def _not_content(page: Page) -> str | None:
    path = PurePosixPath(page.name)
    stem = path.stem.lower()
    if any(part.lower() in _NOT_FOLDERS for part in path.parent.parts):
        return "Layouts and tests of the website."
    if stem in _NOT_PAGES or (stem == "readme" and not page.folder):
        return "About the project or the website, not part of its content."
    if not page.body.strip() and not page.keys:
        return "An empty file."
    return None


def _lists_others(page: Page, folders: dict[str, list[Page]], joined: set[str]) -> bool:
    """Whether an index page says little of its own and there is something below or beside it."""
    if not page.is_index or page.name in joined:
        return False
    below = any(
        folder.startswith(f"{page.folder}/" if page.folder else "") for folder in folders if folder != page.folder
    )
    has_others = len(folders[page.folder]) > 1 or below
    links = len(re.findall(r"(?m)^[ \t]{0,8}(?:[-*+]|\d{1,3}\.|#{1,6})[ \t]{0,8}\[", page.body))
    return has_others and (page.text_length < SUMMARY_LIMIT or links > page.body.count("\n") / 3)


def _asks(text: str) -> bool:
    return text.rstrip("*_#: ").endswith("?") or bool(_NUMBERED.match(text))


def heading_of(page: Page) -> str:
    """Its title, or its first heading."""
    title = next((page.text(key) for key in keys_called("title", page.keys) if page.text(key)), "")
    return title or next((heading.text for heading in page.headings), "")


def _says(page: Page, pattern: re.Pattern[str]) -> bool:
    name = re.sub(r"[-_]+", " ", page.stem.lower())
    return bool(pattern.search(name) or pattern.search(heading_of(page).lower()))


def _ask(folder: str, pages: list[Page]) -> bool:
    """Whether the pages of a folder are one question each."""
    asking = sum(_asks(heading_of(page)) for page in pages)
    is_called_so = bool(_ABOUT_QUESTIONS.search(re.sub(r"[-_]+", " ", PurePosixPath(folder).name.lower())))
    few = 1 if is_called_so else 3
    return len(pages) >= few and asking >= (SOME if is_called_so else MANY) * len(pages)


def _shape(page: Page, are_items: bool, beside: int) -> tuple[str, dict[str, Any], list[str]]:
    """What a page is, how it is split, and what speaks against it."""
    if are_items:
        return QUESTION, {}, []
    if _says(page, _ABOUT_TERMS):
        return GLOSSARY, _glossary_split(page), []
    title = next((page.text(key) for key in keys_called("title", page.keys)), "")
    called_so = _says(page, _ABOUT_QUESTIONS) and not _asks(title)
    levels = Counter(heading.level for heading in page.headings)
    asking = Counter(heading.level for heading in page.headings if _asks(heading.text))
    if asking:
        level, count = max(asking.items(), key=lambda entry: entry[1])
        is_mostly = count >= FEWEST_QUESTIONS and count >= MANY * levels[level]
        if (called_so and count >= FEWEST_QUESTIONS) or (is_mostly and beside < 5 and count > FEWEST_QUESTIONS):  # noqa: PLR2004
            return QUESTIONS, _heading_split(page, level), _splitting_doubts(page, level, called_so)
    for what, (pattern, prefix) in _LINES.items():
        found = _lines_like(pattern, page)
        if found >= FEWEST_QUESTIONS and (called_so or (beside < 5 and found >= 4)):  # noqa: PLR2004
            split = {"line": pattern} | ({"answer_prefix": prefix} if prefix else {})
            return QUESTIONS, split, [f"{shown(page.name)}: {found} {what} are taken for questions."]
    if called_so and levels:
        level = max(levels, key=lambda level: (levels[level] * (level > 1), -level))
        if levels[level] >= FEWEST_QUESTIONS:
            doubt = (
                f"{shown(page.name)}: none of its {levels[level]} headings of level {level} asks anything; they are "
                "topics."
            )
            return QUESTIONS, {"level": level}, [doubt]
    return STUDY, {}, []


def _lines_like(pattern: str, page: Page) -> int:
    """How many lines of the beginning of a page match."""
    lines = page.body.split("\n", MOST_LINES)[:MOST_LINES]
    return sum(bool(re.search(pattern, line[:LONGEST_HEADING])) for line in lines)


def _heading_split(page: Page, level: int) -> dict[str, Any]:
    here = [heading for heading in page.headings if heading.level == level][:MOST_TRIED]
    numbered = sum(bool(_NUMBERED.match(heading.text)) for heading in here)
    split: dict[str, Any] = {"level": level}
    if numbered >= MANY * len(here):
        split["question"] = _NUMBERED_PATTERN
    lines = page.body.split("\n")
    answers = [
        next((line for line in lines[heading.end : heading.end + MOST_TRIED] if line.strip()), "") for heading in here
    ]
    if sum(answer.startswith("A:") for answer in answers) >= MANY * len(here):
        split["answer_prefix"] = "A:"
    return split


def _splitting_doubts(page: Page, level: int, called_so: bool) -> list[str]:
    here = [heading.text for heading in page.headings if heading.level == level]
    silent = [text for text in here if not _asks(text)]
    doubts = []
    if silent:
        doubts.append(
            f"{shown(page.name)}: {len(silent)} of {len(here)} headings of level {level} ask nothing, such as "
            f"'{shown(silent[0])}'."
        )
    if not called_so:
        doubts.append(f"{shown(page.name)} does not call itself a page of questions; its headings ask.")
    return doubts


def _glossary_split(page: Page) -> dict[str, Any]:
    for pattern in _TERM_LINES:
        found = _lines_like(pattern, page)
        if found >= FEWEST_QUESTIONS:
            return {"line": pattern}
    levels = Counter(heading.level for heading in page.headings)
    return {"level": max(levels, key=lambda level: (levels[level], level))} if levels else {}


def _joins(folders: dict[str, list[Page]]) -> list[Group]:
    """Folders beside one another that hold the same few files each: one record in several files."""
    beside: dict[str, list[str]] = defaultdict(list)
    for folder, pages in folders.items():
        if folder and len(pages) > 1:
            beside[str(PurePosixPath(folder).parent)].append(folder)
    groups = []
    for above, inside in beside.items():
        names = Counter(PurePosixPath(page.name).name for folder in inside for page in folders[folder])
        common = [name for name, count in names.items() if count >= MANY * len(inside)]
        pages = [page for folder in inside for page in folders[folder]]
        if len(inside) < 2 or len(common) < 2 or sum(names[name] for name in common) < MOST * len(pages):  # noqa: PLR2004
            continue
        titled = Counter(PurePosixPath(page.name).name for page in pages if keys_called("title", page.keys))
        order = sorted(common, key=lambda name: (-titled[name], PurePosixPath(name).stem.lower() != "index", name))
        if titled[order[1]] > titled[order[0]] / 2:
            continue  # each file has a title of its own, so each is a record
        parts = [page for page in pages if PurePosixPath(page.name).name in common]
        join = {"order": order}
        doubt = (
            f"{len(inside)} folders hold the same files ({', '.join(shown(name) for name in order[:6])}), so each "
            "folder is one study. Put the files into the order of reading."
        )
        endings = sorted({PurePosixPath(page.name).suffix for page in parts})
        patterns = [f"{escape(above)}/*/*{ending}" if above != "." else f"*/*{ending}" for ending in endings]
        groups.append(Group(STUDY, parts, doubts=[doubt], join=join, patterns=patterns))
    return groups


def is_dated(stem: str) -> bool:
    """Whether the name of a file begins with a date."""
    return bool(_DATED_NAME.match(stem))


def undated(stems: list[str]) -> list[str] | None:
    """Identifiers from names that begin with a date, without it; None where most have none, or those would clash."""
    bare = [slug(_DATED_NAME.sub("", stem)) for stem in stems]
    are_dated = sum(map(is_dated, stems)) >= MOST * len(stems)
    return bare if are_dated and all(bare) and len(set(bare)) == len(bare) else None


def without_clashes(group: Group) -> list[Group]:
    """The group, without the folders whose files have names that others have too; those are groups of their own, with
    the folder's name in the identifier.
    """
    if group.join or group.shape not in (STUDY, QUESTION):
        return [group]
    stems = [page.stem for page in group.pages]
    names = undated(stems) or [slug(stem) for stem in stems]
    seen = Counter(names)
    folders = sorted({page.folder for page, name in zip(group.pages, names, strict=True) if seen[name] > 1})
    if not folders:
        return [group]
    if len(folders) > MOST_SPLIT:
        group.doubts.append(
            f"{sum(seen[name] > 1 for name in names)} files have names that others have too; their ids clash."
        )
        return [group]
    rest = replace(group, pages=[page for page in group.pages if page.folder not in folders])
    apart = [
        replace(
            group,
            pages=[page for page in group.pages if page.folder == folder],
            prefix=_telling_part(folder, folders),
            doubts=[f"files of {shown(folder)} have names that others have too, so its name is put before their ids."],
        )
        for folder in folders
    ]
    return [*([rest] if rest.pages else []), *apart]


def _telling_part(folder: str, folders: list[str]) -> str:
    """What tells a folder from the others: its parts that not all of them have."""
    shared = set.intersection(*(set(other.split("/")) for other in folders)) if len(folders) > 1 else set()
    parts = [part for part in folder.split("/") if part not in shared] or folder.split("/")[-1:]
    return slug("-".join(parts))[:MOST_PREFIX] or "part"
