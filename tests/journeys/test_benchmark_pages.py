"""Benchmarks as people use them: the pages of dimensions and the explorer, in Debian's Chromium."""

from __future__ import annotations

import gzip
import json
import random
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from hubs.contract.groups import ALL, ATTRIBUTES
from hubs.contract.vocabularies import vocabulary
from hubs.instruments import instruments
from tests.browser import CONTRAST, scrolls_sideways, violations
from tests.websites import published

WIDTHS = (1280, 320)
TELEPHONE = 360
CHOICES_N = 40
FIRST_LOAD_BYTES = 100_000
VIEW = "interop-baseline-v1-decision-maker"
EXPLORER = "en/benchmarks/explore.html"
KEYS = ("period", "dimension", *ATTRIBUTES)
COMPLETE = "#explore-results[data-complete]"
SHIFTS = """() => new Promise((done) => new PerformanceObserver((list) => done(
    list.getEntries().reduce((sum, entry) => sum + entry.value, 0))).observe({type: "layout-shift", buffered: true})
    || setTimeout(() => done(0), 500))"""


OVER = """() => [...document.querySelectorAll("svg.hp-chart")].flatMap((chart) => {
    const words = [...chart.querySelectorAll(".hp-chart__name, .hp-chart__mark")];
    const boxes = words.map((one) => [one, one.getBoundingClientRect()]);
    const edge = chart.getBoundingClientRect().right;
    const isOver = (a, b) => a.right > b.left && b.right > a.left && a.bottom - b.top > 3 && b.bottom - a.top > 3;
    return boxes.flatMap(([one, a], place) => [
        ...(a.right > edge + 1 ? [one.textContent + " is cut off"] : []),
        ...boxes.slice(place + 1)
            .filter(([, b]) => isOver(a, b))
            .map(([other]) => one.textContent + " runs into " + other.textContent)]);
})"""
"""Words in charts that run into others."""


@pytest.fixture(scope="module")
def server(sample_release: Path) -> Iterator[str]:
    with published(sample_release.parents[1]) as address:
        yield address


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A page of a telephone that nothing goes wrong on, and that asks nobody else."""
    problems: list[str] = []
    opened = browser.new_page(viewport={"width": TELEPHONE, "height": 800})
    opened.on("console", lambda message: problems.append(f"console: {message.text}"))
    opened.on("pageerror", lambda error: problems.append(f"error: {error}"))
    opened.on("requestfailed", lambda request: problems.append(f"failed: {request.url}"))
    opened.on("request", lambda request: _note(problems, request.url))
    yield opened
    opened.close()
    assert problems == []


def _note(problems: list[str], url: str) -> None:
    if not url.startswith(("file://", "http://127.0.0.1:", "blob:")):
        problems.append(f"a request to somebody else: {url}")


def rows_of(release: Path, table: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = json.loads((release / f"benchmarks/{table}.json").read_bytes())["rows"]
    return rows


def explore(page: Page, start: str, **chosen: str) -> None:
    """Open the explorer with a choice in its address, and wait until all is drawn."""
    page.goto("about:blank")  # else the one before would still be there
    page.goto(f"{start}/{EXPLORER}#" + "&".join(f"{name}={value}" for name, value in chosen.items()))
    page.wait_for_selector(COMPLETE)


def printed(column: str, value: float) -> str:
    if column.startswith("share"):
        return f"{100 * value:.0f}%"
    if column.startswith("change"):
        return f"{100 * value:+.0f}".replace("-", "−") if round(100 * value) else "0"
    return f"{value:,}" if column == "n" else f"{value:g}"


def cells_shown(page: Page) -> list[dict[str, Any]]:
    """The figures that the explorer shows, each with what it and its row say of themselves."""
    found: list[dict[str, Any]] = page.evaluate(
        """() => [...document.querySelectorAll("#explore-results td[data-figures]")].map((cell) => ({
            ...cell.closest("tr").dataset, ...cell.dataset, text: cell.textContent}))"""
    )
    return found


def choices(release: Path) -> list[dict[str, str]]:
    """Choices by chance, the same each time: half of them of groups of which something is told."""
    rows = rows_of(release, "benchmarks")
    dice = random.Random(7)
    told = [row for row in rows if row["n"] is not None]
    some = dice.sample(told, CHOICES_N // 2) + dice.sample(rows, CHOICES_N // 2)
    return [
        {
            "view": f"{row['instrument']}-{row['audience'].replace('_', '-')}",
            **{name: row[name] for name in KEYS if row[name] != ALL},
        }
        for row in some
    ]


def test_the_explorer_shows_what_the_tables_say(page: Page, sample_release: Path) -> None:
    names = ("instrument", "audience", *KEYS)
    tables: dict[tuple[str, ...], dict[str, Any]] = {}
    for table in ("trends", "benchmarks"):
        for row in rows_of(sample_release, table):
            tables.setdefault(tuple(row[name] for name in names), {}).update(row)
    for row in rows_of(sample_release, "distributions"):
        tables[*(row[name] for name in names), row["level"]] = row
    cells_n, confidential_n = 0, 0
    for chosen in choices(sample_release):
        explore(page, sample_release.as_uri(), **chosen)
        of = page.evaluate("({...document.getElementById('explore-results').dataset})")
        wave = {"instrument": of["instrument"], "audience": of["audience"]}
        own = tables[*((dict.fromkeys(ATTRIBUTES, ALL) | wave | chosen)[name] for name in names)]
        note = page.locator("#explore-results .hp-note")
        assert (note.count() == 1) == (own["n"] is None), chosen
        confidential_n += note.count()
        for cell in cells_shown(page):
            key = tuple((wave | cell)[name] for name in names)
            row = tables[*key, cell["level"]] if "level" in cell else tables[key]
            wanted = [printed(column, row[column]) for column in cell["figures"].split()]
            assert re.findall(r"[+−]?\d[\d.,]*%?", cell["text"]) == wanted, (chosen, cell)
            cells_n += 1
        here = {name: chosen[name] for name in ATTRIBUTES if name in chosen}
        shown = [cell for cell in cells_shown(page) if all(cell[name] == here.get(name, ALL) for name in ATTRIBUTES)]
        assert shown or own["n"] is None, chosen
    assert cells_n > 1_000
    assert confidential_n > 3


def places(page: Page, what: str) -> list[Mapping[str, float]]:
    """Where the lines of a look are in the chart at a glance, in levels."""
    found: list[Mapping[str, float]] = page.locator(f"#explore-results .hp-range .{what}").evaluate_all(
        "all => all.map((one) => ({from: (one.x1.baseVal.value - 10) / 68, to: (one.x2.baseVal.value - 10) / 68}))"
    )
    return found


def test_charts_of_the_explorer_are_drawn_of_the_same_figures(page: Page, sample_release: Path) -> None:
    explore(page, sample_release.as_uri(), view=VIEW, sector="local_government", dimension="legal")
    rows = [row for row in rows_of(sample_release, "benchmarks") if row["audience"] == "decision_maker"]
    newest = max(row["period"] for row in rows)
    rows = [row for row in rows if row["period"] == newest and row["breakdown"] in ("sector", "total")]
    order = [*instruments()["interop-baseline-v1"].dimensions]
    rows.sort(key=lambda row: order.index(row["dimension"]))
    own = [row for row in rows if row["sector"] == "local_government"]
    all_ = [row for row in rows if row["breakdown"] == "total"]
    assert [(one["from"], one["to"]) for one in places(page, "hp-range__half")] == [(r["q1"], r["q3"]) for r in own]
    limits = [(one["from"], one["to"]) for one in places(page, "hp-range__limits")][: len(own)]
    assert limits == [(row["median_low"], row["median_high"]) for row in own]
    assert [one["from"] for one in places(page, "hp-range__all")] == [row["median"] for row in all_]
    levels = [
        row
        for row in rows_of(sample_release, "distributions")
        if (row["period"], row["audience"], row["dimension"]) == (newest, "decision_maker", "legal")
    ]
    wanted = [
        [row["count"] for row in levels if row["breakdown"] == breakdown and row["sector"] == sector and row["count"]]
        for breakdown, sector in (("sector", "local_government"), ("total", ALL))
    ]
    widths = page.locator("#explore-parts-title").evaluate(
        "title => [...title.parentNode.querySelectorAll('.hp-part')].map((one) => one.width.baseVal.value)"
    )
    shares = [352 * count / sum(counts) for counts in wanted for count in counts]
    assert widths == pytest.approx(shares, abs=0.01)


def test_filters_are_used_by_keyboard_and_the_choice_is_in_the_address(
    page: Page, server: str, sample_release: Path
) -> None:
    start = f"{server}/releases/{sample_release.name}"
    page.goto(f"{start}/{EXPLORER}")
    page.wait_for_selector(COMPLETE)
    assert page.locator("#explore-group").inner_text() == "All organisations"
    page.locator("#explore-view").focus()
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.id") == "explore-sector"
    page.keyboard.type("Health")
    page.wait_for_selector(COMPLETE)
    assert page.locator("#explore-group").inner_text() == "Health"
    assert "sector=health" in page.url
    for _ in ATTRIBUTES:
        if page.evaluate("document.activeElement.id") == "explore-region":
            break
        page.keyboard.press("Tab")
    page.keyboard.type("Wales")
    page.wait_for_selector(COMPLETE)
    assert page.locator("#explore-group").inner_text() == "Wales"
    assert "Sector is set back to all" in page.locator("#explore-status").inner_text()
    assert "sector=" not in page.url
    shared = page.url
    page.goto("about:blank")
    page.goto(shared)
    page.wait_for_selector(COMPLETE)
    assert page.locator("#explore-group").inner_text() == "Wales"
    page.goto(f"{start}/{EXPLORER}#sector=gone&period=1&size_band=50_to_249&region=wales")
    page.wait_for_selector(COMPLETE)
    assert page.locator("#explore-group").inner_text() == "Wales"  # unknown ones stay out, and the last of two wins


def test_a_confidential_group_leads_to_the_one_it_is_counted_in(page: Page, sample_release: Path) -> None:
    explore(page, sample_release.as_uri(), view=VIEW, sector="local_government", size_band="under_50")
    assert page.locator("#explore-results table").count() == 0
    note = page.locator("#explore-results .hp-note")
    assert "Confidential [c]" in note.inner_text()
    note.locator("button").focus()
    page.keyboard.press("Enter")
    page.wait_for_selector(COMPLETE)
    assert page.locator("#explore-group").inner_text() == "Local government"
    marked = page.locator("#explore-sector option").all_inner_texts()
    assert "Justice [c]" in marked
    assert "Health" in marked


def test_just_these_rows_are_those_of_the_csv(page: Page, sample_release: Path) -> None:
    explore(page, sample_release.as_uri(), view=VIEW, region="wales", period="2026-Q2")
    with page.expect_download() as waiting:
        page.locator("#explore-save").click()
    lines = Path(waiting.value.path()).read_text(encoding="utf-8").splitlines()
    published = (sample_release / "benchmarks/benchmarks.csv").read_text(encoding="utf-8").splitlines()
    head, *rows = lines
    assert head == published[0]
    wanted = [
        line
        for line in published[1:]
        if line.startswith("2026-Q2,interop-baseline-v1,decision_maker,")
        and (",region,all,all,all,wales," in line or ",total,all,all,all,all," in line)
    ]
    assert rows == wanted
    assert len(rows) == 20


def test_a_table_is_copied_as_a_spreadsheet_takes_it(browser: Browser, server: str, sample_release: Path) -> None:
    context = browser.new_context()
    context.grant_permissions(["clipboard-read", "clipboard-write"], origin=server)
    page = context.new_page()
    explore(page, f"{server}/releases/{sample_release.name}", view=VIEW, sector="health")
    page.locator("#explore-copy").click()
    page.wait_for_selector(".hp-copy__told:not(:empty)")
    copied = page.evaluate("navigator.clipboard.readText()").split("\n")
    context.close()
    assert copied[0].split("\t") == ["Dimension", "Number", "Median level", "Middle half", "Compared with all"]
    assert {len(line.split("\t")) for line in copied[:11]} == {5}


@pytest.mark.parametrize("width", WIDTHS)
def test_what_scripts_show_is_accessible_and_fits(browser: Browser, sample_release: Path, width: int) -> None:
    page = browser.new_page(viewport={"width": width, "height": 800})
    found = []
    for chosen in (
        {"sector": "health"},
        {"sector": "justice"},
        {"region": "wales", "period": "2025-Q4"},
        {"view": VIEW},
    ):
        explore(page, sample_release.as_uri(), **chosen)
        found += [f"{chosen}: {problem}" for problem in violations(page)]
        found += [f"{chosen}: scrolls sideways"] if scrolls_sideways(page) else []
    page.emulate_media(color_scheme="dark")
    for name in (f"{EXPLORER}#sector=health", f"en/benchmarks/{VIEW}/governance.html"):
        page.goto(f"{sample_release.as_uri()}/{name}")
        page.wait_for_timeout(300)
        found += [f"{name} in the dark: {problem}" for problem in violations(page, CONTRAST)]
    page.close()
    assert found == []


@pytest.mark.parametrize("language", ["en", "cy"])
def test_tables_and_charts_of_a_dimension_fit_a_telephone(page: Page, sample_release: Path, language: str) -> None:
    found = []
    for name in ("governance", "legacy", "security"):
        page.goto(f"{sample_release.as_uri()}/{language}/benchmarks/{VIEW}/{name}.html")
        tables = page.locator(".hp-table--narrow")
        assert tables.count() > 10
        wide = tables.evaluate_all("all => all.filter(t => t.scrollWidth > t.parentElement.clientWidth).length")
        found += [f"{name}: {wide} tables scroll sideways"] if wide else []
        found += page.evaluate(OVER)
    page.goto(f"{sample_release.as_uri()}/{language}/benchmarks/explore.html#sector=health")
    page.wait_for_selector(COMPLETE)
    found += page.evaluate(OVER)
    wide = page.locator(".hp-table--narrow").evaluate_all(
        "all => all.filter(t => t.scrollWidth > t.parentElement.clientWidth).length"
    )
    assert [*found, wide] == [0]


def test_nothing_moves_once_it_is_there(page: Page, sample_release: Path) -> None:
    explore(page, sample_release.as_uri(), view=VIEW, sector="health")
    assert page.evaluate(SHIFTS) < 0.01


def test_without_scripts_the_explorer_leads_to_pages(browser: Browser, sample_release: Path) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{sample_release.as_uri()}/{EXPLORER}")
    assert not page.locator("#explore").is_visible()
    assert page.locator("noscript").is_visible()
    page.locator("section").get_by_role("link", name="Governance").first.click()
    assert page.locator("h1").inner_text() == "Governance"
    context.close()


def test_a_first_load_is_light(sample_release: Path) -> None:
    waves = sorted((sample_release / "benchmarks/figures").glob("interop-baseline-v1.decision_maker.*.js"))
    for name, more in ((EXPLORER, waves[-1:]), (f"en/benchmarks/{VIEW}/governance.html", [])):
        path = sample_release / name
        needed = re.findall(r'(?:src|<link rel="stylesheet" href)="([^"]+)"', path.read_text(encoding="utf-8"))
        files = [path, *more, *(path.parent / one for one in needed)]
        assert sum(len(gzip.compress(one.read_bytes())) for one in files) < FIRST_LOAD_BYTES, name


def test_filters_have_every_term(page: Page, sample_release: Path) -> None:
    page.goto(f"{sample_release.as_uri()}/{EXPLORER}")
    for column, scheme in ATTRIBUTES.items():
        values = page.locator(f"select[name={column}] option").evaluate_all("all => all.map((one) => one.value)")
        assert values == [ALL, *vocabulary(scheme).terms]
