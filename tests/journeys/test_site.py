"""A reader's browser on a published release: Debian's Chromium, over HTTP and straight from the disk."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from http import HTTPStatus
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from pipelines.publish import ReleaseRefused, publish
from pipelines.publish.pointers import reissue_all
from pipelines.withdrawals import Decision, Kind
from tests.browser import CONTRAST, is_styled, markup_problems, scrolls_sideways, violations
from tests.builders import KEY, RELEASE_KEY, a_revision, an_edition_before
from tests.websites import published

WIDTHS = (1280, 320)
TELEPHONE = 360
TWO_LINES = 90
"""Pixels: a share with its limits beneath, beside a name of up to four lines."""
RELEASE = "releases/2026-11-23.01"
PAGES = [
    "index.html",
    f"{RELEASE}/index.html",
    f"{RELEASE}/packs/national/pack.html",
    f"{RELEASE}/packs/sector-transport/pack.cy.html",
    f"{RELEASE}/packs/sector-local-government/pack.html",
    *(
        f"{RELEASE}/{name}"
        for name in (
            "en/index.html",
            "cy/index.html",
            "en/packs/index.html",
            "en/packs/sector-local-government.html",
            "en/case-study/index.html",
            "cy/faq/index.html",
            "en/records/vale-letters.html",
            "cy/records/vale-letters.html",
            "en/records/vale-who-owns-it.html",
            "en/requirement/index.html",
            "en/records/vale-open-formats.html",
            "en/signpost/index.html",
            "cy/records/vale-code.html",
            "en/term/index.html",
            "cy/term/index.html",
            "en/records/coast-lock-in.html",
            "en/packs/audience-procurement-professional.html",
            "en/browse/index.html",
            "en/browse/sectors/transport.html",
            "cy/browse/a-z.html",
            "en/browse/sectors/local-government/technology-types/api.html",
            "cy/browse/hub/coast.html",
            "en/task/evaluate.html",
            "cy/task/plan.html",
            "en/search.html",
            "en/benchmarks/index.html",
            "en/benchmarks/interop-baseline-v1-decision-maker.html",
            "cy/benchmarks/interop-baseline-v1-procurement-professional.html",
            "en/benchmarks/interop-baseline-v1-decision-maker/governance.html",
            "cy/benchmarks/interop-baseline-v1-procurement-professional/reuse.html",
            "en/benchmarks/explore.html",
            "en/self-assessment/index.html",
            "cy/self-assessment/interop-baseline-v1-decision-maker.html",
            "self-assessment/interop-baseline-v1-procurement-professional.html",
            "en/data.html",
            "en/coverage.html",
            "en/changes.html",
            "cy/changes.html",
            "en/method.html",
            "cy/accessibility.html",
        )
    ),
]


@pytest.fixture(scope="module")
def public(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("public")
    publish(an_edition_before(), folder, KEY)
    publish(a_revision(), folder, KEY)
    return folder


@pytest.fixture(scope="module")
def server(public: Path) -> Iterator[str]:
    with published(public) as address:
        yield address


class Watched:
    """A page of the browser with everything noted that must not happen."""

    def __init__(self, browser: Browser, width: int, scheme: str = "light", home: str = "") -> None:
        self.problems: list[str] = []
        self.page: Page = browser.new_page(viewport={"width": width, "height": 800}, color_scheme=scheme)
        self.page.on("console", lambda message: self.problems.append(f"console: {message.text}"))
        self.page.on("pageerror", lambda error: self.problems.append(f"error: {error}"))
        self.page.on("request", lambda request: self._note_request(request.url, home))
        self.page.on("response", lambda response: self._note_response(response.status, response.url))

    def _note_request(self, url: str, home: str) -> None:
        if not url.startswith(home):
            self.problems.append(f"a request to somebody else: {url}")

    def _note_response(self, status: int, url: str) -> None:
        if status >= HTTPStatus.BAD_REQUEST:
            self.problems.append(f"{status}: {url}")


@pytest.mark.parametrize("width", WIDTHS)
def test_every_type_of_page_is_accessible_quiet_and_fits(browser: Browser, server: str, width: int) -> None:
    watched = Watched(browser, width, home=server)
    found = []
    for name in PAGES:
        watched.page.goto(f"{server}/{name}")
        found += [f"{name}: {problem}" for problem in violations(watched.page)]
        found += [f"{name}: scrolls sideways at {width} px"] if scrolls_sideways(watched.page) else []
        found += [] if is_styled(watched.page) else [f"{name}: has no style"]
    watched.page.close()
    assert found + watched.problems == []


def test_every_type_of_page_fits_at_200_percent(browser: Browser, server: str) -> None:
    page = browser.new_page(viewport={"width": WIDTHS[0] // 2, "height": 400}, device_scale_factor=2)
    found = []
    for name in PAGES:
        page.goto(f"{server}/{name}")
        found += [name] if scrolls_sideways(page) else []
    page.close()
    assert found == []


@pytest.fixture(scope="module")
def withdrawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A release out of which one record was retracted and another taken down since it was published."""
    folder = tmp_path_factory.mktemp("withdrawn")
    publish(an_edition_before(), folder, KEY)
    publish(a_revision(), folder, KEY)
    at = datetime(2026, 11, 25, 9, tzinfo=UTC)
    about = {"fingerprints": (), "language": "en", "reason": "The figures were wrong.", "successor": None}
    about |= {"by": "operator", "at": at, "record_kind": "case_study"}
    gone = [
        Decision(number=number, kind=kind, record=id, ids=(id,), heading=heading, slug=id.replace("/", "-"), **about)
        for number, kind, id, heading in (
            (1, Kind.RETRACTION, "vale/letters", "Letters"),
            (2, Kind.TAKEDOWN, "coast/clause", "Clause"),
        )
    ]
    outcomes = {}
    reissue_all(folder, {RELEASE.rpartition("/")[2]: gone}, KEY, [RELEASE_KEY], outcomes.__setitem__)
    assert not any(isinstance(outcome, ReleaseRefused) for outcome in outcomes.values()), outcomes
    return folder


def test_pages_about_what_is_withdrawn_are_valid_accessible_and_fit(browser: Browser, withdrawn: Path) -> None:
    names = ("records/vale-letters.html", "index.html", "changes.html", "packs/sector-local-government.html")
    pages = [withdrawn / RELEASE / language / name for language in ("en", "cy") for name in names]
    pages += [withdrawn / RELEASE / "packs/national/pack.html"]
    assert "The figures were wrong." in pages[0].read_text(encoding="utf-8")
    found = []
    for width in WIDTHS:
        watched = Watched(browser, width, home="file://")
        for path in pages:
            watched.page.goto(path.as_uri())
            found += [f"{path.name}: {problem}" for problem in violations(watched.page)]
            found += [f"{path.name}: scrolls sideways at {width} px"] if scrolls_sideways(watched.page) else []
        watched.page.close()
    assert found + markup_problems(pages) == []


def test_dark_colours_have_contrast_too(browser: Browser, server: str) -> None:
    watched = Watched(browser, WIDTHS[0], "dark", server)
    found = []
    for name in PAGES:
        watched.page.goto(f"{server}/{name}")
        found += [f"{name}: {problem}" for problem in violations(watched.page, CONTRAST)]
    background = watched.page.evaluate("getComputedStyle(document.body).backgroundColor")
    watched.page.close()
    assert background == "rgb(20, 27, 28)"
    assert found + watched.problems == []


@pytest.mark.parametrize("language", ["en", "cy"])
def test_tables_of_figures_fit_a_telephone(browser: Browser, sample_release: Path, language: str) -> None:
    watched = Watched(browser, TELEPHONE, home="file://")
    packs = sorted(path.name for path in (sample_release / language / "packs").glob("sector-*.html"))
    found, tables_n, limits_n = [], 0, 0
    for name in ("benchmarks/interop-baseline-v1-decision-maker.html", *(f"packs/{pack}" for pack in packs)):
        watched.page.goto(f"file://{sample_release}/{language}/{name}")
        tables = watched.page.locator(".hp-table--narrow")
        limits = watched.page.locator(".hp-limits")
        wide = tables.evaluate_all("all => all.filter(t => t.scrollWidth > t.parentElement.clientWidth).length")
        broken = limits.evaluate_all("all => all.filter(one => one.getClientRects().length !== 1).length")
        lines = limits.evaluate_all("all => Math.max(0, ...all.map(one => one.parentElement.clientHeight))")
        found += [f"{name}: {wide} tables scroll sideways"] if wide else []
        found += [f"{name}: {broken} limits are broken over lines"] if broken or lines > TWO_LINES else []
        tables_n, limits_n = tables_n + tables.count(), limits_n + limits.count()
    watched.page.close()
    assert found + watched.problems == []
    assert (tables_n > 5, limits_n) == (True, 30)  # medians, shares and changes of all dimensions


def test_what_has_changed_fits_a_telephone(browser: Browser, public: Path) -> None:
    watched = Watched(browser, TELEPHONE, home="file://")
    for language in ("en", "cy"):
        watched.page.goto((public / RELEASE / language / "changes.html").as_uri())
        assert not scrolls_sideways(watched.page)
        tables = watched.page.locator(".hp-scroll")
        assert tables.count() == 2
        for number in range(tables.count()):
            assert tables.nth(number).evaluate("one => one.scrollWidth <= one.clientWidth"), language
    watched.page.close()
    assert watched.problems == []


def test_the_markup_is_valid(public: Path) -> None:
    assert markup_problems([public / name for name in PAGES]) == []


def test_a_release_opens_from_the_disk(browser: Browser, public: Path) -> None:
    watched = Watched(browser, WIDTHS[0], home="file://")
    for name in (f"{RELEASE}/en/index.html", f"{RELEASE}/packs/national/pack.html", "index.html"):
        watched.page.goto(f"file://{public}/{name}")
        assert is_styled(watched.page), name
    assert watched.problems == []
    watched.page.close()


def test_a_reader_finds_a_case_study_and_its_welsh_text(browser: Browser, server: str) -> None:
    watched = Watched(browser, WIDTHS[1], home=server)
    page = watched.page
    page.goto(server)
    page.get_by_role("link", name="English").click()
    page.get_by_role("link", name="See what others did").click()
    page.get_by_role("link", name="An open interface ended double typing (bus)").click()
    assert page.get_by_role("heading", level=1).inner_text() == "An open interface ended double typing (bus)"
    page.get_by_role("link", name="Cymraeg").click()
    assert page.get_by_role("heading", level=1).inner_text() == "Sgriniau bws sy'n siarad dwy iaith"
    assert page.locator("html").get_attribute("lang") == "cy"
    assert watched.problems == []
    page.close()


def test_the_keyboard_reaches_the_text_at_once(browser: Browser, server: str) -> None:
    watched = Watched(browser, WIDTHS[0], home=server)
    page = watched.page
    page.goto(f"{server}/{RELEASE}/en/benchmarks/interop-baseline-v1-decision-maker.html")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent").strip() == "Skip to main content"
    page.keyboard.press("Enter")
    assert page.url.endswith("#main-content")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.closest('main') !== null")
    page.close()


def test_a_page_says_when_it_is_not_of_the_newest_release(browser: Browser, server: str, public: Path) -> None:
    newest = json.loads((public / "latest.json").read_text(encoding="utf-8"))["release"]
    older = next(path.name for path in sorted((public / "releases").iterdir()) if path.name != newest)
    watched = Watched(browser, WIDTHS[1], home=server)
    for language, words in (("en", "A newer one"), ("cy", "Mae un mwy newydd")):
        watched.page.goto(f"{server}/releases/{older}/{language}/packs/index.html")
        note = watched.page.locator(".hp-newer")
        note.wait_for()
        assert words in note.inner_text()
        assert newest in note.inner_text()
        assert violations(watched.page) == []
    note.get_by_role("link").click()
    watched.page.wait_for_url(f"{server}/index.html")
    with watched.page.expect_response("**/latest.json"):
        watched.page.goto(f"{server}/releases/{newest}/en/packs/index.html")
    assert watched.page.locator(".hp-newer").count() == 0
    assert watched.problems == []
    watched.page.close()


def test_downloads_come_as_files(browser: Browser, server: str) -> None:
    watched = Watched(browser, WIDTHS[0], home=server)
    watched.page.goto(f"{server}/{RELEASE}/en/packs/national.html")
    address = watched.page.get_by_role("link", name="records.csv").evaluate("link => link.href")
    response = watched.page.request.get(address)
    assert response.ok
    assert response.body().startswith(b"kind,id,title")
    watched.page.close()
