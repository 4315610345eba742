"""No number about organisations stands in a release but those of its tables, each at its own group.

``verify_release`` holds pages and forms against the tables; here, what it has to take on trust is looked at as well:
prose, headings, and the other JSON. Each has tests that plant a number.
"""

from __future__ import annotations

import json
import re
import shutil
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from html.parser import HTMLParser
from itertools import chain
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from hubs.contract.groups import ATTRIBUTES
from hubs.contract.vocabularies import vocabulary
from hubs.instruments import instruments
from pipelines.policy import read_policy
from pipelines.publish import figures, strings, writers
from pipelines.publish.site import Site
from pipelines.publish.strings import LANGUAGES
from pipelines.publish.tables import write_tables
from tests.builders import a_benchmark_table, an_edition, benchmark_rows

SPECS = {spec.name: spec for spec in (writers.BENCHMARKS, writers.DISTRIBUTIONS, writers.TRENDS)}
BENCHMARKS, DISTRIBUTIONS, _ = SPECS
LEVELS = "012345"
LAYOUT = ("viewbox", "y", "y1", "y2", "height", "text-anchor")
"""Attributes of charts that say where their rows are: the same in every chart of as many rows."""
FORMS = ((46, 30, {16, 22, 33, 36, 44}, set()), (50, 2, {16, 22, 38}, {24}), (46, 2, {16, 23, 36}, {16}))
"""Of charts whose rows are not all alike: how high a row is, and what else the chart is, where in a row anything may
stand, and how high it may be.
"""
LEGENDS = {"0 0 28 16", *map(str, (0, 3, 7, 8, 14, 16, 21, 25, 28))}
"""What signs in legends, which are drawn of no figure, are made of."""
ON_SCALE = ("x", "x1", "x2", "width")
"""Those that ``verify_release`` holds against the scale."""
VERIFIED = ("data-figures", "data-drawn", "data-origin", "data-unit")
KEYS = (*("period", "instrument", "audience", "dimension"), *ATTRIBUTES)
VOID = {"meta", "link", "br"}

_OF_HUBS = r"(coverage|quality|release)\.json (hubs|inputs)\.(records|by_verdict)\."
_OF_WAVES = r"changes\.json benchmarks\.(revisions|corrections|groups)\."
FOR_READERS: Mapping[str, str] = {
    r"audit\.json attack\.\w+": "the attack's own work, over all tables together, and that it found nothing",
    r"sbom\.cdx\.json version": "the edition of the bill of materials, always the first",
    r"audit\.json tables\.cells\.\w+": "groups, no organisations; counted again below",
    _OF_HUBS + r"answers_\w+": "rounded down; see below",
    _OF_HUBS + r"(accepted|quarantined|skipped|withdrawals|withdrawn)": "documents",
    _OF_HUBS + r"(errors|warnings|notes)": "findings, in each of which all rows of the same are one",
    r"coverage\.json languages\.(interface|texts|of)": "texts of the interface and of documents",
    r"coverage\.json states\.\w+": "hubs",
    r"coverage\.json hubs\.(published|derived\.[\w ]+)": "documents",
    r"quality\.json hubs\.quarantined_by_code\.\w+": "documents",
    r"release\.json files\.bytes": "sizes of files",
    r"(release|errata)\.json issue|errata\.json issues\.(issue|withdrawn\.number)": "how often it was reissued",
    r"benchmarks/\w+\.csv-metadata\.json tableSchema\.columns\.datatype\.(minimum|maximum)": "what can be at all",
    r"datapackage\.json resources\.schema\.fields\.constraints\.(minimum|maximum)": "what can be at all",
    r"datapackage\.json resources\.bytes": "sizes of files",
    r"provenance\.json policy\.\w+": "the policy",
    r"packs/[\w-]+/pack\.json records\.related\.similarity": "how alike two texts are",
    r"changes\.json counts\.\w+": "records, hubs, groups and columns; no organisations",
    r"changes\.json records\.changed\.fields\.characters_\w+": "how long a text is",
    r"changes\.json records\.changed\.fields\.(before|after)\.similarity": "how alike two texts are",
    r"changes\.json hubs\.published_\w+": "documents",
    _OF_WAVES + r"(changed|appeared|disappeared|of|levels|compared_otherwise)": "groups, no organisations",
    _OF_WAVES + r"(cells\.figures|largest)\.\w+\.(before|after)": "published figures; see below",
}
"""All numbers in JSON, the tables aside, by file and path, and why each may stand there."""


# What stands on pages besides figures.


class Reader(HTMLParser):
    """The texts and attributes of the benchmark part of a page, figures aside: ``rest``. ``cells`` are its figures in
    tables, each with what it says of its row, its text, its class, and the headings above and beside it.
    """

    def __init__(self, html: str, *, is_all: bool) -> None:
        super().__init__()
        self.is_all = is_all
        self.rest: list[tuple[str, str]] = []
        self.cells: list[tuple[dict[str, str], str, str, tuple[str, str]]] = []
        self.layouts: list[tuple[str, list[tuple[str, str]]]] = []
        self._stack: list[tuple[str, dict[str, str], bool]] = []
        self._heads: dict[int, list[str]] = {}
        self._covered: dict[int, int] = {}
        self._head_row = 0
        self._row: list[tuple[str, tuple[int, int], dict[str, str], list[str]]] = []
        self.feed(html)

    @property
    def _of(self) -> dict[str, str]:
        """What the element that is open and those around it say of themselves."""
        return self._stack[-1][1] if self._stack else {}

    def _is_inside(self) -> bool:
        return "data-audience" in self._of or (self.is_all and any(tag == "main" for tag, _, _ in self._stack))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        said = {name: text or "" for name, text in attrs}
        of = {name: text for name, text in said.items() if name.startswith("data-") or name == "class"}
        self._stack.append((tag, self._of | of, "data-figures" in said))
        if tag == "svg":
            self.layouts.append((said.get("class", ""), []))
        if tag == "table":
            self._heads, self._covered, self._head_row = {}, {}, 0
        if tag == "tr":
            self._row = []
        if tag in ("td", "th"):
            spans = int(said.get("colspan", 1)), int(said.get("rowspan", 1))
            self._row.append((tag, spans, self._of, []))
        if self._is_inside():
            is_drawn = any(name == "svg" for name, _, _ in self._stack)
            for name, text in said.items():
                if is_drawn and (name in LAYOUT or (name in ON_SCALE and "data-unit" not in self._of)):
                    self.layouts[-1][1].append((name, text))
                elif not (is_drawn and name in ON_SCALE) and name not in VERIFIED:
                    self.rest.append((name, text))
        if tag in VOID:
            self._stack.pop()

    def handle_endtag(self, tag: str) -> None:
        if tag == "tr":
            self._end_row()
        while self._stack and self._stack.pop()[0] != tag:
            pass

    def _end_row(self) -> None:
        if all(tag == "th" for tag, *_ in self._row):
            self._end_head()
            return
        beside, at = "".join(self._row[0][3]).strip(), 0
        for tag, (columns, _), of, text in self._row:
            if tag == "td" and "data-figures" in of:
                heads = " | ".join(" ".join(self._heads[column]) for column in range(at, at + columns))
                self.cells.append((of, "".join(text), of["class"], (heads, beside)))
            at += columns

    def _end_head(self) -> None:
        at = 0
        for _, (columns, rows), _, text in self._row:
            while self._covered.get(at, 0) > self._head_row:
                at += 1
            for column in range(at, at + columns):
                self._heads.setdefault(column, []).append("".join(text).strip())
                self._covered[column] = self._head_row + rows
            at += columns
        self._head_row += 1

    def handle_data(self, data: str) -> None:
        if self._row:
            self._row[-1][3].append(data)
        is_tick = self._of.get("class") == "hp-chart__tick" and data in LEVELS
        if self._is_inside() and not is_tick and not any(is_figure for _, _, is_figure in self._stack):
            self.rest.append(("text", " ".join(data.split())))


Seen = tuple[str, str, Reader]
"""A page that shows benchmarks: its name, its language, and what a reader finds in it."""


def pages_of(folder: Path) -> Iterator[Seen]:
    for path in sorted(folder.rglob("*.html")):
        name, html = path.relative_to(folder).as_posix(), path.read_text(encoding="utf-8")
        if "data-audience" in html or "/benchmarks/" in name:
            yield name, html.split('<html lang="')[1][:2], Reader(html, is_all="/benchmarks/" in name)


def known_texts(folder: Path, language: str) -> set[str]:
    """All texts with digits that may stand in the benchmark part of a page in that language: our own words, names of
    terms, dimensions and levels, periods, dates, and names of hubs, files and the release.
    """
    told = [text[language] for text in strings.catalogue().values()]
    told += [strings.text("benchmark.share", language, level=3)]
    told += [strings.text("benchmark.level", language, level=int(level)) for level in LEVELS]
    for scheme in (*ATTRIBUTES.values(), "audiences", "licences"):
        told += [term.label(language) for term in vocabulary(scheme)]
    for instrument in instruments().values():
        told += [instrument.name, *instrument.title.values()]
        told += [text for found in instrument.dimensions.values() for text in found["label"].values()]
        for level in instrument.levels:
            told += [f"{level['level']} {text}" for text in level["label"].values()] + [*level["about"].values()]
    periods = pq.read_table(folder / "benchmarks/benchmarks.parquet")["period"].unique().to_pylist()
    told += periods
    told += [strings.text("told.levels_two", language, low=low, high=low + 1) for low in (0, 2, 4)]
    for key in ("benchmark.change", "benchmark.change.better", "benchmark.change.worse", "told.since"):
        told += [strings.text(key, language, period=period, level=3) for period in periods]
    coverage = json.loads((folder / "coverage.json").read_bytes())
    told += [coverage["release"], strings.day(datetime.fromisoformat(coverage["published"]), language)]
    told += [f"{strings.text(f'state.{state}', language).lower()} {n}" for state, n in coverage["states"].items()]
    for hub in coverage["hubs"]:
        told += hub["name"].values()
        for moment in filter(None, (hub["since"], hub["fetched"], hub["seen"], hub["expires"])):
            told += [strings.day(datetime.fromisoformat(moment), language), moment[:10]]
    return {text for text in told if re.search(r"\d", text)}


def strange_texts(folder: Path, pages: Iterable[Seen]) -> Iterator[str]:
    """What has a digit in the benchmark part of a page, and is neither a figure nor known."""
    layouts: dict[int, set[tuple[tuple[str, str], ...]]] = defaultdict(set)
    columns = [pq.read_table(folder / "benchmarks" / f"{name}.parquet") for name in (BENCHMARKS, DISTRIBUTIONS)]
    values = {f"data-{name}": {*columns[0][name].to_pylist()} for name in KEYS}
    values |= {"data-level": {*columns[1]["level"].to_pylist()}, "tabindex": {"0"}}
    values |= {"colspan": {"2"}, "rowspan": {"2"}, "span": {"2"}}
    known = {code: sorted(known_texts(folder, code), key=len, reverse=True) for code in LANGUAGES}
    for name, language, page in pages:
        for what, text in page.rest:
            left = text
            if what in values:
                left = "" if text in values[what] else f"{text} 0"
            elif what == "value" and any(text in vocabulary(scheme) for scheme in ATTRIBUTES.values()):
                left = ""  # what a filter chooses
            elif what == "class":
                left = re.sub(r"\bhp-level-\d\b", "", text)  # held against the figure in wrong_headings
            for phrase in known[language] if re.search(r"\d", left) else ():
                left = left.replace(phrase, "")
            if re.search(r"\d", left):
                yield f"{name}: {what}: {text}"
        for kind, layout in page.layouts:
            if kind == "hp-legend__sign" or {"hp-range", "hp-parts"} & {*kind.split()}:
                yield from (f"{name}: {what} in {kind}" for what in strange_places(kind, layout))
            else:
                layouts[len(layout)].add(tuple(layout))
    for several in layouts.values():
        if len(several) > 1:
            yield f"charts of as many rows differ: {sorted(several)}"


def strange_places(kind: str, layout: list[tuple[str, str]]) -> list[str]:
    """What is not where it stands in every legend, or in every chart of one of the ``FORMS``."""
    if kind == "hp-legend__sign":
        return [text for _, text in layout if text not in LEGENDS]
    return min((misplaced(layout, *form) for form in FORMS), key=len)


def misplaced(layout: list[tuple[str, str]], step: int, more: int, offsets: set[int], heights: set[int]) -> list[str]:
    """What is not where it stands in every chart whose rows are ``step`` high."""
    height = int(layout[0][1].rpartition(" ")[2])
    edges = {2, height - 24, height - 8}
    allowed = {
        "viewbox": lambda text: text == f"0 0 360 {height}" and (height - more) % step == 0,
        "text-anchor": lambda text: text in ("start", "middle", "end"),
        "height": lambda text: int(text) in heights,
    }
    place = lambda text: int(text) in edges or int(text) % step in offsets  # noqa: E731 - the rest
    return [f"{name}={text}" for name, text in layout if not allowed.get(name, place)(text)]


def wrong_headings(pages: Iterable[Seen]) -> Iterator[str]:
    """Figures in tables that stand under, or beside, the name of another group, or are shaded as another level."""
    for name, language, page in pages:
        own = re.search(r"/packs/sector-([a-z-]+)\.html", name)
        own_sector = vocabulary("sectors")[own[1].replace("-", "_")].label(language) if own else ""
        within = re.search(r"/benchmarks/[^/]+/([a-z-]+)\.html", name)
        labels = {term.label(language) for scheme in ATTRIBUTES.values() for term in vocabulary(scheme)}
        for of, text, look, at in page.cells:
            heads = [head.replace(strings.text("benchmark.this_sector", language), own_sector) for head in at]
            shaded = re.findall(r"hp-level-(\d)", look)
            if shaded not in ([], [text.strip()[:1]]):
                yield f"{name}: {text.strip()} is shaded as {shaded[0]}"
            wanted = [
                vocabulary(scheme)[of[f"data-{column}"]].label(language)
                for column, scheme in ATTRIBUTES.items()
                if f"data-{column}" in of
            ]
            if "data-dimension" in of:
                label = instruments()[of["data-instrument"]].dimensions[of["data-dimension"]]["label"]
                if not within or within[1].replace("-", "_") != of["data-dimension"]:
                    wanted.append(label.get(language, label["en"]))
            levels = of["data-level"].split("-") if "data-level" in of else []
            wanted += [strings.text("benchmark.level", language, level=int(level)) for level in levels]
            if missing := [label for label in wanted if not any(label and label in head for head in heads)]:
                yield f"{name}: {text.strip()} of {', '.join(missing)} stands at {heads}"
            named = [label for label in labels for head in heads if head == label or head.endswith(f" {label}")]
            if other := [label for label in named if label not in wanted]:
                yield f"{name}: {text.strip()} stands at {', '.join(other)} and is of {wanted}"


# What stands in JSON.


def numbers_in(data: Any, path: str) -> Iterator[tuple[str, float]]:
    """Each number in JSON with the names that lead to it."""
    if isinstance(data, dict):
        yield from chain.from_iterable(numbers_in(value, f"{path}.{name}") for name, value in data.items())
    elif isinstance(data, list):
        yield from chain.from_iterable(numbers_in(value, path) for value in data)
    elif isinstance(data, int | float) and not isinstance(data, bool):
        yield path, data


def strange_numbers(folder: Path) -> Iterator[str]:
    """Numbers in the JSON of a release that no reason is given for, or that say more than they may."""
    for path in sorted(folder.rglob("*.json")):
        name, data = path.relative_to(folder).as_posix(), json.loads(path.read_bytes())
        if path.parent.name == "benchmarks" and path.stem in SPECS:  # its rows are held against the other forms
            about = {"release", "published", "tables", "sample", "licence"}
            columns = writers.json_columns(SPECS[path.stem])
            known = data.keys() == about | {"columns", "rows"} and data["tables"].keys() == {"version", "published"}
            if not known or data["columns"] != columns:
                yield f"{name}: more than rows and what their columns mean"
            continue
        for where, number in numbers_in(data, ""):
            if not any(re.fullmatch(allowed, f"{name} {where[1:]}") for allowed in FOR_READERS):
                yield f"{name}: {where[1:]} is {number}"
            elif ".answers_" in where and number % read_policy().answers_base:
                yield f"{name}: {where[1:]} is {number}, which is not rounded"
    audit = json.loads((folder / "audit.json").read_bytes())
    cells = cells_of(folder)
    for table in audit["tables"]:
        if Counter(table["cells"]) != cells[table["table"]] or re.search(r"\d", table["step"]):
            yield f"audit.json: {table} does not follow from the tables"


def cells_of(folder: Path) -> dict[str, Counter[str]]:
    """Of each table how many groups are told by levels, by bands, and not."""
    benchmarks, distributions = (
        pq.read_table(folder / "benchmarks" / f"{name}.parquet").to_pylist() for name in (BENCHMARKS, DISTRIBUTIONS)
    )
    group = [name for name in writers.DISTRIBUTIONS.names if name not in ("level", "count", "share", "status")]
    details = {
        tuple(row[name] for name in group): "bands" if "-" in row["level"] else "levels" for row in distributions
    }
    found: dict[str, Counter[str]] = defaultdict(Counter)
    for row in benchmarks:
        found["/".join(row[name] for name in group[:4])][
            details.get(tuple(row[name] for name in group), "withheld")
        ] += 1
    return found


# A release without anything planted.


def all_problems(folder: Path, pages: Sequence[Seen]) -> list[str]:
    return [*wrong_figures(folder), *strange_texts(folder, pages), *wrong_headings(pages), *strange_numbers(folder)]


@pytest.fixture(scope="module")
def built(small_release: Path) -> Path:
    return small_release


def test_no_other_number_exists(built: Path) -> None:
    pages = [*pages_of(built)]
    assert all_problems(built, pages) == []
    assert sum(len(page.cells) for _, _, page in pages) > 50


def test_no_other_number_exists_in_what_has_changed(revised_release: Path) -> None:
    """Every figure of the release before is that release's, and every one of now this one's."""
    assert all_problems(revised_release, [*pages_of(revised_release)]) == []
    tables = [
        {tuple(row[name] for name in KEYS): row for row in pq.read_table(path).to_pylist()}
        for folder in (revised_release.parent / "before", revised_release)
        for path in [folder / "benchmarks/benchmarks.parquet"]
    ]
    benchmarks = json.loads((revised_release / "changes.json").read_bytes())["benchmarks"]
    entries = [entry for name in ("revisions", "corrections", "groups") for entry in benchmarks[name]]
    told = [(entry, cell) for entry in entries for cell in [*entry["cells"], *_largest(entry)]]
    assert len(told) > 50
    for entry, cell in told:
        rows = [table[tuple((entry | cell)[name] for name in KEYS)] for table in tables]
        for name, pair in cell["figures"].items():
            assert [pair["before"], pair["after"]] == [row[name] for row in rows], (name, cell)


def _largest(entry: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for name, most in entry["largest"].items():
        yield most | {"figures": {name: {end: most[end] for end in ("before", "after")}}}


@pytest.mark.untraced
def test_no_other_number_exists_in_a_release_of_the_samples(sample_release: Path) -> None:
    pages = [*pages_of(sample_release)]
    assert all_problems(sample_release, pages) == []
    assert {"en/index.html", "cy/benchmarks/index.html", "cy/packs/sector-health.html"} <= {name for name, *_ in pages}
    assert sum(len(page.cells) for _, _, page in pages) > 2_000


def wrong_figures(folder: Path) -> Iterator[str]:
    """What verification says of the figures in all forms of the tables and on all pages."""
    for name in figures.TABLES:
        yield from figures.wrong_forms(folder, name, [*figures.FORMS])
    pages = (path for path in sorted(folder.rglob("*.html")) if figures.has_figures(path.read_bytes()))
    yield from figures.wrong_pages(folder, [path.relative_to(folder).as_posix() for path in pages])


# Numbers that are planted.

PAGE = "en/benchmarks/interop-baseline-v1-decision-maker.html"
OVERVIEW = "en/benchmarks/index.html"
DIMENSION = "en/benchmarks/interop-baseline-v1-decision-maker/legal.html"
PACK = "cy/packs/sector-local-government.html"
ROW = r'(<tr data-dimension="legal">.*?)'
"""The row of a dimension in the first table of ``PAGE``."""


def planted(folder: Path, name: str, pattern: str, new: str) -> None:
    """Put something else in the place of the first match in a file."""
    path = folder / name
    text, n = re.subn(pattern, new, path.read_text(encoding="utf-8"), count=1, flags=re.DOTALL)
    assert n == 1
    path.write_text(text, encoding="utf-8")


def damaged(built: Path, folder: Path, only: str = "") -> Path:
    """A copy to damage; with ``only`` that page and no other, since those are read for nothing."""

    def others(at: str, names: list[str]) -> list[str]:
        kept = {Path(only).name} if Path(at) == (built / only).parent else set()
        return [name for name in names if only and name.endswith((".html", ".pdf", ".zip")) and name not in kept]

    return Path(shutil.copytree(built, folder / "damaged", ignore=others))


IN_FIGURES = {
    "a raw count": (PAGE, ROW + r">45<", r"\g<1>>43<", "n of .* is 45, and 43 is shown"),
    "a share to a decimal": (PAGE, ROW + r"(\d+)%", r"\g<1>\2.2%", "share_ge_3 .* is shown"),
    "one number more in a figure": (PAGE, ROW + r">45<", r"\g<1>>45 of 47<", "45 47 is shown"),
    "a cell of no figure": (PAGE, ROW + r"(</tr>)", r"\g<1><td>7</td>\2", "7 stands there"),
    "a group at the row of all": (PAGE, r'<tr data-region="wales">', "<tr>", "is 45, and 15 is shown"),
    "a figure that the table does not tell": (
        PAGE,
        r'(data-region="wales".*?)">\[x\]<',
        r'\1" data-dimension="legal" data-figures="median">2.4<',
        "is not told, and 2.4 is shown",
    ),
    "a share of the period before": (PAGE, r'(_before">\D*)(\d+)%', r"\g<1>\2.2%", "share_ge_3_before .* is shown"),
    "a change to a decimal": (PAGE, r'("change [^>]*>)0 ', r"\g<1>0.4 ", "change .* is 0 .*, and 0.4 .* is shown"),
    "a limit of a change with another sign": (PAGE, r'("change [^(]*\()−', r"\1+", r"is 0 −\d+ \+\d+, and 0 \+"),
    "a group of no row": (PAGE, r'data-region="wales"', 'data-region="gone"', "not in the tables"),
    "a bar of the exact mean": (OVERVIEW, r'(hp-chart__bar" [^>]*width="\d+)\.0"', r'\1.7"', "is drawn as width"),
    "a style": (OVERVIEW, r'("median"><rect)', r'\1 style="opacity:.43"', "style=opacity:.43"),
    "a bar of no figure": (OVERVIEW, r"(</desc>)", r'\1<rect x="4" width="43"/>', "width=43 is drawn"),
    "a text in a chart": (OVERVIEW, r"(</desc>)", r'\1<text x="4">43</text>', "43 stands there"),
    "what a chart says to those who listen": (OVERVIEW, r"(<desc[^>]*>[^<]*)", r"\g<1> 43", "43 is shown"),
    "the title of a chart": (OVERVIEW, r"(<title id[^>]*>[^<]*)", r"\g<1> 43", "43 is shown"),
    "a band of other quartiles": (DIMENSION, r'(hp-range__half"[^>]* x2=")[\d.]+', r"\g<1>200.7", "q1 q3 .* x2=200.7"),
    "a dot of the exact mean": (
        DIMENSION,
        r'(median" data-drawn="median" x1=")[\d.]+',
        r"\g<1>99.9",
        "median .* x1",
    ),
    "limits of a median": (
        DIMENSION,
        r'(data-drawn="median_low median_high" x1=")[\d.]+',
        r"\g<1>99.9",
        "median_low .* x1",
    ),
    "the median of all": (DIMENSION, r'(hp-range__all"[^>]* x1=")[\d.]+', r"\g<1>99.9", "median .* x1"),
    "a share over time": (DIMENSION, r'("share_ge_3" x1=")[\d.]+', r"\g<1>99.9", "share_ge_3 .* x1=99.9"),
    "the exact part of a level": (DIMENSION, r'(hp-part"[^>]* width=")[\d.]+', r"\g<1>99.9", "count .* width=99.9"),
    "where the part of a level begins": (DIMENSION, r'(hp-part"[^>]* x=")[\d.]+', r"\g<1>99.9", "count .* x=99.9"),
    "where the share of a part stands": (
        DIMENSION,
        r'(hp-part__share"[^>]* x=")[\d.]+',
        r"\g<1>99.9",
        "share .* x=",
    ),
    "the share of a part": (DIMENSION, r'(hp-part__share"[^>]*>)\d+', r"\g<1>41", "share .* 41% is shown"),
    "the bar of a level": (DIMENSION, r'(hp-chart__bar" x="4" width=")[\d.]+', r"\g<1>99.9", "share .* width=99.9"),
    "a number in what is only drawn": (
        DIMENSION,
        r'(<rect class="hp-part"[^>]*)/>',
        r"\1><title>43</title></rect>",
        "count .* and 43 is shown",
    ),
    "quartiles in words": (DIMENSION, r"(or more are at level )\d", r"\g<1>4", "q1 q3 .* is shown"),
    "the middle half of a group": (DIMENSION, r'("q1 q3">)\d', r"\g<1>4", "q1 q3 .* is shown"),
    "a median in a pack": (PACK, r'("median">)(\d)', r"\g<1>\2.25", "median of .* is shown"),
    "the start page": ("en/index.html", r'"n:max">45', '"n:max">47', "is 45, and 47 is shown"),
    "JSON": ("benchmarks/benchmarks.json", r'"n": 45', '"n": 43', "benchmarks.json row"),
    "a field": ("benchmarks/benchmarks.json", r'"n": 45', '"n": 45, "raw": 43', "benchmarks.json row"),
    "JSON Lines": ("benchmarks/trends.jsonl", r'"n":45', '"n":43', "trends.jsonl row"),
    "CSV": ("benchmarks/distributions.csv", r",0\.556,", ",0.5581,", "distributions.csv row"),
}
"""A file, what in it is replaced by what, and what verification then says."""


@pytest.mark.parametrize("plant", IN_FIGURES)
def test_verification_finds_a_number_that_is_not_in_the_tables(built: Path, tmp_path: Path, plant: str) -> None:
    *what, problem = IN_FIGURES[plant]
    folder = damaged(built, tmp_path, what[0])
    planted(folder, *what)
    assert any(re.search(problem, told) for told in wrong_figures(folder)), [*wrong_figures(folder)]


def is_plain(html: str) -> bool:
    """Whether a page is read at once."""
    with pytest.MonkeyPatch.context() as patch:
        patch.delattr(figures, "Parsed")
        try:
            figures.parts_of(html)
        except NameError:
            return False
    return True


def test_all_pages_with_figures_are_read_at_once_as_the_parser_reads_them(built: Path, revised_release: Path) -> None:
    pages = [path.read_text(encoding="utf-8") for folder in (built, revised_release) for path in folder.rglob("*.html")]
    pages = [html for html in pages if " data-figures=" in html]
    assert len(pages) > 20
    for html in pages:
        assert is_plain(html)
        assert figures.parts_of(html) == figures.Parsed(html).parts


PLAIN = {
    "entities": '<td title="a &amp; b &lt;3&gt;">&lt;td&gt; 4 &#53; &nbsp;</td>',
    "a tag in an attribute": '<p title="<td>43</td>">7 > 6</p>',
    "lines": '<td\n  class="x"\n  data-n>\n7\n</td>\n<script\n>1\n2</script>\n<p>8</p>',
    "capitals": '<linearGradient viewBox="1"></LINEARGRADIENT>',
    "what is empty": '<rect x="1"/><br><br /><script src="a"></script>',
    "an attribute twice": '<td data-n="1" data-n="2">3</td>',
    "code": '<script>if (1 < 2 && "<td>43") a &amp; b</script><td>5</td>',
    "what is never closed": "</p><td>7",
}
NOT_PLAIN = {
    "no quotation marks": "<td data-n=43>5</td>",
    "other quotation marks": "<td data-n='43' title='\">'>5</td>",
    "spaces": '<td data-n = "43" >5</td>',
    "no space": '<td data-n="43"data-m="44">5</td>',
    "a tab": '<td\tdata-n="43">5</td>',
    "a slash": '<td / data-n="43">5</td>',
    "a comment": "<!-- <td>43</td> --><td>5</td>",
    "a tag in a comment in code": "<script><!-- <script>43</script> --></script>5",
    "code in capitals": "<SCRIPT><td>43</td></SCRIPT>",
    "code that ends as other code": "<script><td>43</td></style></script><td>5</td>",
    "code with an end in it": "<script>'</td>'</script><td>5</td>",
    "less than": "<td>4 < 5</td>",
    "an end with more": '</td class="x">5',
    "an end that is none": "</ td>5</>",
    "a declaration": "<?xml 43 ?><![CDATA[<td>43</td>]]><td>5</td>",
    "half a tag": '<td>5</td><td data-n="43',
}


@pytest.mark.parametrize("html", [pytest.param(html, id=name) for name, html in (PLAIN | NOT_PLAIN).items()])
def test_every_page_is_read_as_the_parser_reads_it(html: str) -> None:
    assert figures.parts_of(html) == figures.Parsed(html).parts
    assert is_plain(html) == (html in PLAIN.values())


def test_days_releases_and_what_machines_are_told_are_no_figures() -> None:
    html = "<td>3 March 2026</td><td>3 Mawrth 2026</td><td>2026-03-01.02</td><td>45 In 2026</td><td>2026-Q3</td>"
    begin, end = '<script type="application/ld+json">', "</script>"
    left = "<td>day</td><td>day</td><td>day</td><td>45 In 2026</td><td>2026-Q3</td>"
    assert figures._looked_at(f'{html}{begin}{{"n": 43}}{end}'.encode()) == f"{left}{begin}{end}".encode()


def test_figures_of_other_groups_are_held_against_those_groups() -> None:
    """A sentence may say the least and the most of several groups, each a figure of its own row."""
    rows = benchmark_rows()
    rows += [row | {"sector": "education"} for row in rows if row["sector"] == "local_government"]
    site = Site(an_edition(benchmarks=a_benchmark_table(rows)), {}, {})
    html = next(site.render(page) for page in site.pages() if page.path == DIMENSION)
    edition = site.edition
    tables = [edition.benchmarks, edition.distributions, edition.trends]
    known = figures._Figures([table.to_pylist() for table in tables], ())

    def problems(pattern: str, new: str) -> list[str]:
        changed, n = re.subn(pattern, new, html, count=1)
        assert n == 1
        page = figures.Page(changed)
        return [*page.loose, *(problem for shown in page.shown for problem in known.problems(shown, page))]

    assert problems("Legal", "Legal") == []
    (problem,) = problems(r"(or above: )(?:≤ )?\d+%", r"\g<1>33%")
    assert re.search(r"share_ge_3@\S+ .* is (\d+% ){2}\d+%, and 33% \d+% \d+% is shown", problem)
    (problem,) = problems(r"(share_ge_3@\S*sector=)local_government", r"\1justice")
    assert problem.endswith("is not in the tables")


def test_verification_finds_rows_that_only_one_form_has(built: Path, tmp_path: Path) -> None:
    folder = damaged(built, tmp_path)
    path = folder / "benchmarks/distributions.parquet"
    table = pq.read_table(path)
    pq.write_table(pa.concat_tables([table, table.slice(0, 1)]), path)
    rows = table.num_rows + 1
    assert [*wrong_figures(folder)] == [
        f"distributions{form} row {rows}: not as in distributions.parquet"
        for form in (".json", ".csv", ".jsonl", ".ods", ".xlsx")
    ]


@pytest.mark.parametrize("form", [".ods", ".xlsx"])
def test_verification_finds_what_only_a_workbook_says(built: Path, tmp_path: Path, form: str) -> None:
    folder = damaged(built, tmp_path)
    path = folder / "benchmarks/benchmarks.json"
    data = path.read_bytes()
    assert b'"n": 45' in data
    path.write_bytes(data.replace(b'"n": 45', b'"n": 43', 1))
    told = (folder / f"benchmarks/benchmarks{form}").read_bytes()
    write_tables(folder / "benchmarks")
    other = (folder / f"benchmarks/benchmarks{form}").read_bytes()
    shutil.copytree(built / "benchmarks", folder / "benchmarks", dirs_exist_ok=True)
    path.with_suffix(form).write_bytes(other)
    (problem,) = wrong_figures(folder)
    assert re.fullmatch(rf"benchmarks{form} row \d+: not as in benchmarks.parquet", problem)
    path.with_suffix(form).write_bytes(told[:-30])
    (problem,) = wrong_figures(folder)
    assert problem.startswith(f"benchmarks{form} cannot be read: ")


IN_CHANGES = {
    "a raw count then": (r'(data-before="">)40<', r"\g<1>38<", "n of .* is 40, and 38 is shown"),
    "a raw count now": (r'("n">)45<', r"\g<1>43<", "n of .* is 45, and 43 is shown"),
    "then and now exchanged": (r' data-before="">40<', ">40<", "n of .* is 45, and 40 is shown"),
    "a difference": (r"(</tr>\s*</tbody>)", r"<td>5</td>\1", "5 stands there"),
    "a benchmark that has not changed": (r'data-dimension="legal"', 'data-dimension="none"', "not in the tables"),
}


@pytest.mark.parametrize("plant", IN_CHANGES)
def test_verification_finds_a_number_that_neither_release_tells(
    revised_release: Path, tmp_path: Path, plant: str
) -> None:
    folder = damaged(revised_release, tmp_path)
    *what, problem = IN_CHANGES[plant]
    planted(folder, "en/changes.html", *what)
    assert any(re.search(problem, told) for told in wrong_figures(folder)), [*wrong_figures(folder)]


IN_THE_REST = {
    "a heading": (PAGE, r"</h1>", " (12 answered)</h1>"),
    "prose": (PAGE, r"(<p>Median: [^<]*)(</p>)", r"\1 7 of them are new.\2"),
    "the name of a row": (PAGE, r'(<th scope="row">[^<]*)', r"\1 (7)"),
    "the name of a column": (PAGE, r'(<th scope="col"[^>]*>[^<]*)', r"\1 (7)"),
    "a label that is only heard": (PAGE, r'(role="group"[^>]* aria-label=")', r"\1 7 "),
    "an attribute of no column": (PAGE, r"<tr data-sector", '<tr data-raw="43" data-sector'),
    "a shade": (PAGE, r'hp-level-\d" data-dimension', 'hp-level-5" data-dimension'),
    "a height": (OVERVIEW, r'(<rect [^>]*height=)"14"', r'\1"17"'),
    "where a row of a chart is": (DIMENSION, r'(hp-range__half"[^>]* y1=")33', r"\g<1>31"),
    "how high a part is": (DIMENSION, r'(hp-part"[^>]* height=")24', r"\g<1>43"),
    "how high a chart of ranges is": (DIMENSION, r'("hp-chart hp-range" viewBox="0 0 360 )\d+', r"\g<1>343"),
    "a sign in a legend": (DIMENSION, r'(hp-range__limits" x1=")3', r"\g<1>43"),
    "another dimension on its page": (DIMENSION, r'<tr data-dimension="legal"', '<tr data-dimension="technical"'),
    "a name in a chart": (OVERVIEW, r'(hp-chart__name"[^>]*>)', r"\1 7 "),
    "the name of another": (PAGE, r'(<tr data-region="wales"><th scope="row">)[^<]*', r"\1Scotland"),
    "how far numbers are off": ("audit.json", r'"tables": \[\]', '"tables": [], "deviation": 2'),
    "answers, exactly": ("coverage.json", r'"answers_accepted": 400', '"answers_accepted": 417'),
    "organisations": ("quality.json", r'"answers_accepted"', '"bodies": 43, "answers_accepted"'),
    "a pack": ("packs/national/pack.json", r'"records": \[', '"n": 43, "records": ['),
    "beside the rows": ("benchmarks/benchmarks.json", r'"rows": \[', '"raw_n": 43, "rows": ['),
}


@pytest.mark.parametrize("plant", IN_THE_REST)
def test_a_number_in_anything_else_is_found_here(built: Path, tmp_path: Path, plant: str) -> None:
    folder = damaged(built, tmp_path, IN_THE_REST[plant][0])
    planted(folder, *IN_THE_REST[plant])
    pages = [*pages_of(folder)]
    assert [*strange_texts(folder, pages), *wrong_headings(pages), *strange_numbers(folder)]


def test_an_audit_that_does_not_follow_from_the_tables_is_found(sample_release: Path, tmp_path: Path) -> None:
    folder = damaged(sample_release, tmp_path)
    planted(folder, "audit.json", r'"withheld": \d+', '"withheld": 7')
    assert len([*strange_numbers(folder)]) == 1
