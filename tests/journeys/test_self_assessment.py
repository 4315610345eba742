"""An organisation answers the self-assessment in a browser: keyboard, print, file, telephone, Welsh, no connection."""

from __future__ import annotations

import csv
import json
import re
import subprocess
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Locator, Page, Request, expect

from hubs.instruments import instruments
from pipelines.gap import analysed, read_return
from pipelines.gap.tell import _table
from pipelines.gap.words import Words
from tests.browser import CONTRAST, scrolls_sideways, violations
from tests.builders import INSTRUMENT
from tests.feeds import NOW, csv_text
from tests.gaps import DESCRIBED, answers
from tests.intakes import COMMAND
from tests.websites import published

BANK = f"self-assessment/{INSTRUMENT}-decision-maker.html"
QUESTIONS = instruments()[INSTRUMENT].asked_of("decision_maker")
DIMENSIONS = list(instruments()[INSTRUMENT].dimensions)
LEVELS = dict(zip(DIMENSIONS, [1, 2, 0, 3, 5, "na", 4, 2, 1, 2], strict=True))
SHIFTS = """() => new Promise((done) => {
  new PerformanceObserver((list) => done(list.getEntries().reduce((sum, entry) => sum + entry.value, 0)))
    .observe({ type: "layout-shift", buffered: true });
  setTimeout(() => done(0), 400);
})"""


@pytest.fixture(scope="module")
def address(sample_release: Path) -> Iterator[str]:
    with published(sample_release) as found:
        yield found


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    made = browser.new_context(viewport={"width": 1200, "height": 900})
    yield made
    made.close()


class Watched:
    """A page with what went wrong in it, and what it asked for since it was loaded."""

    def __init__(self, context: BrowserContext, address: str) -> None:
        self.page: Page = context.new_page()
        self.problems: list[str] = []
        self.requests: list[tuple[str, str]] = []
        self.page.on("console", lambda message: self.problems.append(message.text))
        self.page.on("pageerror", lambda error: self.problems.append(str(error)))
        self.page.goto(address)
        self.page.on("request", self._note)

    def _note(self, request: Request) -> None:
        if not request.url.endswith("/favicon.svg"):  # which the browser asks for when it likes
            self.requests.append((request.method, request.url))


def answer(page: Page, levels: dict[str, int | str] = LEVELS) -> None:
    """Every question of a dimension alike."""
    for question in QUESTIONS:
        page.check(f'input[name="{question.id}"][value="{levels[question.dimension]}"]')


def describe(page: Page) -> None:
    for name, term in DESCRIBED.items():
        page.select_option(f"#{name.replace('_', '-')}", term)
    page.fill("#period", "2026-q3")
    page.press("#period", "Tab")


def results(page: Page) -> Locator:
    """Ask for results; they are in place when this returns."""
    page.click("[data-form] [type=submit]")
    expect(page.locator("#results")).to_be_focused()
    return page.locator("[data-results-body]")


def saved(page: Page, folder: Path) -> Path:
    with page.expect_download() as download:
        page.click("[data-save]")
    path = folder / download.value.suggested_filename
    download.value.save_as(path)
    return path


def test_a_person_with_a_keyboard_answers_comes_back_and_sees_where_they_stand(
    context: BrowserContext, address: str
) -> None:
    watched = Watched(context, f"{address}/en/{BANK}")
    page, first = watched.page, QUESTIONS[0].id
    page.locator(f'input[name="{first}"]').first.focus()
    page.keyboard.press("Space")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.name") == QUESTIONS[1].id
    page.keyboard.press("Space")
    expect(page.locator(f'[data-progress="{DIMENSIONS[0]}"]')).to_have_text("2 of 4")
    expect(page.locator("[data-progress-total]")).to_have_text("2 of 40 questions answered.")
    page.reload()
    assert page.evaluate(f"document.querySelector('input[name=\"{first}\"]:checked').value") == "2"
    watched.requests.clear()
    page.locator("[data-form] [type=submit]").focus()
    page.keyboard.press("Enter")
    expect(page.locator("#results")).to_be_focused()
    expect(page.locator("[data-said]")).to_have_text("The results are shown.")
    expect(page.locator("[data-results-body]")).to_contain_text("You have answered 2 of 40 questions.")
    expect(page.locator(".hp-plan__step").first).to_contain_text("Governance: from level 0 to 1")
    assert {method for method, _ in watched.requests} == {"GET"}
    assert {re.sub(r"2026-Q\d", "…", url.removeprefix(f"{address}/")) for _, url in watched.requests} == {
        f"benchmarks/figures/{INSTRUMENT}.decision_maker.….js",
        "en/self-assessment/helps.js",
    }
    assert watched.problems == []


def test_the_saved_return_is_one_that_a_hub_accepts_and_of_which_the_command_says_the_same(
    context: BrowserContext, address: str, sample_release: Path, tmp_path: Path
) -> None:
    page = Watched(context, f"{address}/en/{BANK}").page
    answer(page)
    describe(page)
    shown = results(page)
    cells = [row.locator("th, td").all_inner_texts() for row in shown.locator(".hp-standing-table tbody tr").all()]
    path = saved(page, tmp_path)
    assert path.name == "return-decision-maker-2026-Q3.csv"
    rows = list(csv.DictReader(path.read_text(encoding="utf-8").splitlines()))
    assert len(rows) == len(QUESTIONS)
    assert len({row["organisation"] for row in rows}) == len({row["respondent"] for row in rows}) == 1
    assert re.fullmatch("[a-z]{26}", rows[0]["organisation"])
    feed = {"name": "return", "resources": [{"name": "r", "path": path.name, "hubpacks": {"kind": "assessment"}}]}
    (tmp_path / "datapackage.json").write_text(json.dumps(feed | {"hubpacks": {"contract": 1}}))
    done = subprocess.run(
        [*COMMAND, "check", str(tmp_path), "--format", "json"], capture_output=True, text=True, check=False, timeout=120
    )
    assert (done.returncode, json.loads(done.stdout)["findings"]) == (0, [])
    verdict, own = read_return(path, instruments(), NOW.date())
    assert (verdict.findings, own is not None) == ([], True)
    assert own is not None
    told = analysed(own, None, sample_release, instruments(), target=None, peers={}, language="en")
    table = _table(told.assessments[0], Words("en"), False)[1:]
    by_command = [[row[i] for i in (0, 1, 2, 3, 7, 5, 6, 4)] for row in table]
    assert [[*row[:7], row[8]] for row in cells] == by_command
    again = saved(page, tmp_path)
    assert again.read_text(encoding="utf-8") == path.read_text(encoding="utf-8")  # the keys of a period stay
    page.fill("#period", "2027")
    page.press("#period", "Tab")
    other = list(csv.DictReader(saved(page, tmp_path).read_text(encoding="utf-8").splitlines()))
    assert {other[0]["organisation"], other[0]["respondent"]}.isdisjoint(
        {rows[0]["organisation"], rows[0]["respondent"]}
    )


def test_saving_needs_what_every_return_says(context: BrowserContext, address: str) -> None:
    page = Watched(context, f"{address}/en/{BANK}").page
    page.click("[data-form] [type=submit]")
    expect(page.locator("#show-error")).to_contain_text("Answer at least one question")
    page.check(f'input[name="{QUESTIONS[0].id}"][value="na"]')
    page.click("[data-form] [type=submit]")
    expect(page.locator("#show-error")).to_contain_text("Answer at least one question")
    page.check(f'input[name="{QUESTIONS[0].id}"][value="5"]')
    page.fill("#period", "autumn")
    page.press("#period", "Tab")
    expect(page.locator("#period-error")).to_contain_text("such as 2026-Q4")
    page.click("[data-form] [type=submit]")
    expect(page.locator("#period")).to_be_focused()
    page.fill("#period", "2026")
    results(page)
    page.click("[data-save]")
    expect(page.locator("#save-error")).to_contain_text("Choose your type of organisation")
    expect(page.locator("#organisation-type")).to_be_focused()


def test_a_return_is_loaded_to_go_on_and_last_years_to_see_progress(
    context: BrowserContext, address: str, tmp_path: Path
) -> None:
    own, old = tmp_path / "own.csv", tmp_path / "old.csv"
    both = [*answers(LEVELS), *answers(dict.fromkeys(DIMENSIONS, 2), "procurement_professional")]
    own.write_text("\ufeff" + csv_text(both).replace("\n", "\r\n").replace("council", '"council"'), encoding="utf-8")
    old.write_text(csv_text(answers(dict.fromkeys(DIMENSIONS, 2), period="2025-Q4")), encoding="utf-8")
    watched = Watched(context, f"{address}/en/{BANK}")
    page = watched.page
    page.click(".hp-tools summary")
    page.set_input_files("#load", own)
    expect(page.locator("[data-said]")).to_contain_text("Loaded: the answers of 2026-Q3.")
    expect(page.locator("[data-said]")).to_contain_text("also has answers of procurement professionals")
    assert page.input_value("#sector") == "local_government"
    page.set_input_files("#before", old)
    expect(page.locator("[data-before-text]")).to_have_text("Your return of 2025-Q4 is loaded.")
    page.select_option("#target", "4")
    row = results(page).locator(".hp-standing-table tbody tr").first.locator("td")
    assert row.all_inner_texts()[:4] == ["1", "2", "−1", "4"]
    page.check(f'input[name="{QUESTIONS[0].id}"][value="5"]')  # results follow
    page.check(f'input[name="{QUESTIONS[1].id}"][value="5"]')
    page.check(f'input[name="{QUESTIONS[2].id}"][value="5"]')
    expect(row.first).to_have_text("5")
    path = saved(page, tmp_path)
    (organisation,) = {line["organisation"] for line in csv.DictReader(path.read_text().splitlines())}
    assert organisation == "org-00000001"
    page.fill("#period", "2025")
    page.press("#period", "Tab")
    expect(row).to_have_count(8)  # nothing is compared with a return that is no earlier one
    page.reload()
    expect(page.locator("[data-before-text]")).to_have_text("Your return of 2025-Q4 is loaded.")
    page.click("[data-before-remove]")
    expect(page.locator("[data-before]")).to_be_hidden()
    assert watched.problems == []


def test_the_returns_of_colleagues_are_put_together(context: BrowserContext, address: str, tmp_path: Path) -> None:
    for number, level in enumerate([1, 4, 5]):
        rows = answers(dict.fromkeys(DIMENSIONS, level), organisation=f"organisation-{number}")
        (tmp_path / f"{number}.csv").write_text(csv_text(rows))
    page = Watched(context, f"{address}/en/{BANK}").page
    page.click(".hp-tools summary")
    page.set_input_files("#load", [tmp_path / f"{number}.csv" for number in range(3)])
    expect(page.locator("[data-several-text]")).to_contain_text("The answers of 3 people are loaded.")
    expect(page.locator("fieldset").first).to_be_hidden()
    row = results(page).locator(".hp-standing-table tbody tr").first.locator("td")
    assert row.first.inner_text() == "4"
    verdict, own = read_return(saved(page, tmp_path), instruments(), NOW.date())
    assert verdict.findings == []
    assert own is not None
    assert [found.respondents for found in own.answers.values()] == [3]
    page.click("[data-several-stop]")
    expect(page.locator("fieldset").first).to_be_visible()
    expect(page.locator("[data-results]")).to_be_hidden()


def a_changed(text: str, replacement: str) -> str:
    return csv_text(answers(LEVELS)).replace(text, replacement, 1)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "it has no column organisation"),
        ("PK\x03\x04 a workbook", "it has no column organisation"),
        (csv_text(answers(LEVELS)[:1]).splitlines()[0], "There are no answers in own.csv"),
        (a_changed("level", "levels"), "it has no column level"),
        (a_changed(",council,", ',"council,'), "a quotation mark is never closed"),
        (
            a_changed(",council,", ",Council of Mars,"),
            "row 2: “Council of Mars” is nothing",
        ),
        (a_changed("dm-governance-1", "dm-governance-9"), "row 2: “dm-governance-9” is nothing"),
        (a_changed("org-00000001", "org-00000002"), "answers of 2 organisations in 2026-Q3"),
        (csv_text([*answers(LEVELS), answers(LEVELS)[0]]), "row 42: the same person answers the same question twice"),
        (csv_text(answers(LEVELS, "procurement_professional")), "no answers of 2026-Q3 to this self-assessment"),
    ],
)
def test_a_file_that_is_no_return_of_this_is_told_with_the_mend(
    context: BrowserContext, address: str, tmp_path: Path, text: str, said: str
) -> None:
    (tmp_path / "own.csv").write_text(text, encoding="utf-8")
    watched = Watched(context, f"{address}/en/{BANK}")
    watched.page.click(".hp-tools summary")
    watched.page.set_input_files("#load", tmp_path / "own.csv")
    expect(watched.page.locator("#load-error")).to_contain_text(said)
    expect(watched.page.locator("#load")).to_be_focused()
    assert watched.page.get_attribute("#load", "aria-invalid") == "true"
    expect(watched.page.locator("[data-progress-total]")).to_have_text("0 of 40 questions answered.")
    assert watched.problems == []


def test_clearing_asks_first_and_leaves_nothing(context: BrowserContext, address: str) -> None:
    page = Watched(context, f"{address}/en/{BANK}").page
    answer(page)
    results(page)
    page.click("[data-clear]")
    expect(page.locator("[data-clear-question]")).to_be_focused()
    page.click("[data-clear-no]")
    expect(page.locator("[data-clear]")).to_be_focused()
    expect(page.locator("[data-progress-total]")).to_have_text("40 of 40 questions answered.")
    page.click("[data-clear]")
    page.click("[data-clear-yes]")
    expect(page.locator("[data-progress-total]")).to_have_text("0 of 40 questions answered.")
    expect(page.locator("[data-results]")).to_be_hidden()
    assert page.evaluate("localStorage.length") == 0


def test_two_tabs_show_the_same_answers(context: BrowserContext, address: str) -> None:
    one, other = (Watched(context, f"{address}/en/{BANK}").page for _ in range(2))
    one.check(f'input[name="{QUESTIONS[0].id}"][value="3"]')
    expect(other.locator(f'input[name="{QUESTIONS[0].id}"][value="3"]')).to_be_checked()
    other.check(f'input[name="{QUESTIONS[1].id}"][value="4"]')
    expect(one.locator("[data-progress-total]")).to_have_text("2 of 40 questions answered.")


def test_a_browser_that_keeps_nothing_says_so_and_works(browser: Browser, address: str) -> None:
    context = browser.new_context()
    context.add_init_script(
        "Object.defineProperty(window, 'localStorage', { get() { throw new DOMException('no', 'SecurityError'); } })"
    )
    watched = Watched(context, f"{address}/en/{BANK}")
    expect(watched.page.locator("[data-kept]")).to_contain_text("keeps nothing")
    answer(watched.page)
    expect(results(watched.page)).to_contain_text("Your plan")
    assert watched.problems == []
    context.close()


@pytest.mark.parametrize("kept", ["{", "[]", "null", '{"people": [{"answers": {"x": "<b>"}}], "period": 3}'])
def test_what_somebody_else_has_kept_does_no_harm(context: BrowserContext, address: str, kept: str) -> None:
    context.add_init_script(
        f"localStorage.setItem('hubpacks.assessment.{INSTRUMENT}.decision_maker', {json.dumps(kept)})"
    )
    watched = Watched(context, f"{address}/en/{BANK}")
    expect(watched.page.locator("[data-progress-total]")).to_have_text("0 of 40 questions answered.")
    assert watched.problems == []


def test_without_figures_it_says_so_and_still_makes_a_plan(context: BrowserContext, address: str) -> None:
    def without_figures(route: Any) -> None:
        html = route.fetch().text()
        assert '"figures":{"' in html
        route.fulfill(body=re.sub(r'"figures":\{.*?\},', '"figures":{},', html), content_type="text/html")

    context.route(f"**/{BANK}", without_figures)
    page = Watched(context, f"{address}/en/{BANK}").page
    answer(page)
    shown = results(page)
    expect(shown).to_contain_text("no figures of this self-assessment")
    expect(shown.locator(".hp-plan__step").first).to_contain_text("from level")


def test_figures_that_do_not_come_are_told(context: BrowserContext, address: str) -> None:
    context.route("**/helps.js", lambda route: route.abort())
    page = Watched(context, f"{address}/en/{BANK}").page
    answer(page)
    page.click("[data-form] [type=submit]")
    expect(page.locator("#show-error")).to_contain_text("could not be loaded (en/self-assessment/helps.js)")
    context.unroute("**/helps.js")
    results(page)
    expect(page.locator("#show-error")).to_be_empty()


@pytest.mark.parametrize(("language", "width", "scheme"), [("en", 1200, "light"), ("cy", 320, "dark")])
def test_form_and_results_are_accessible_fit_and_stay_in_place(
    browser: Browser, address: str, language: str, width: int, scheme: str
) -> None:
    context = browser.new_context(viewport={"width": width, "height": 800}, color_scheme=scheme)
    watched = Watched(context, f"{address}/{language}/{BANK}")
    page = watched.page
    assert page.evaluate(SHIFTS) == 0
    answer(page)
    describe(page)
    for summary in page.locator("summary").all():
        summary.click()
    shown = results(page)
    expect(shown.locator("h3").first).to_have_text(Words(language)("figures"))
    expect(shown.locator(".hp-plan__step a[href*='/records/']").first).to_be_attached()
    assert violations(page) == []
    assert violations(page, CONTRAST) == []
    assert not scrolls_sideways(page)
    tall = "[...document.querySelectorAll('.hp-answer')].map((one) => one.getBoundingClientRect().height)"
    sizes = page.evaluate(tall)
    assert min(sizes) >= 44
    assert watched.problems == []
    context.close()


def test_every_link_of_the_results_leads_somewhere(context: BrowserContext, address: str, sample_release: Path) -> None:
    page = Watched(context, f"{address}/cy/{BANK}").page
    answer(page)
    results(page)
    links = page.evaluate("[...document.querySelectorAll('[data-results-body] a')].map((link) => link.href)")
    own = [link.removeprefix(f"{address}/").partition("#") for link in links if link.startswith(address)]
    assert len(own) > 20
    for path, _, fragment in own:
        assert (sample_release / path).is_file()
        assert not fragment or f'id="{fragment}"' in (sample_release / path).read_text(encoding="utf-8")


def test_paper_gets_the_form_before_there_are_results_and_then_the_results(
    context: BrowserContext, address: str
) -> None:
    page = Watched(context, f"{address}/en/{BANK}").page
    page.emulate_media(media="print")
    expect(page.locator("fieldset").first).to_be_visible()
    expect(page.locator(".hp-tools")).to_be_hidden()
    page.emulate_media(media="screen")
    answer(page)
    results(page)
    page.emulate_media(media="print")
    for hidden in ("fieldset", "#show", "[data-save]", "nav"):
        expect(page.locator(hidden).first).to_be_hidden()
    for shown in ("h1", "#results", ".hp-ladder", ".hp-plan__step"):
        expect(page.locator(shown).first).to_be_visible()
    page.evaluate("window.print = () => (document.title = 'printed')")
    page.emulate_media(media="screen")
    page.click("[data-print]")
    assert page.title() == "printed"


def test_without_script_it_is_a_form_for_paper_and_says_so(browser: Browser, address: str) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{address}/en/{BANK}")
    expect(page.locator("noscript .hp-note")).to_contain_text("This page is a form to print.")
    expect(page.locator("fieldset")).to_have_count(len(QUESTIONS))
    for hidden in (".hp-tools", "#show", "[data-results]"):
        expect(page.locator(hidden)).to_be_hidden()
    context.close()


@pytest.mark.parametrize("language", ["en", "cy"])
def test_the_offline_pack_has_it_with_results(
    context: BrowserContext, sample_release: Path, tmp_path: Path, language: str
) -> None:
    with zipfile.ZipFile(sample_release / "packs/audience-decision-maker/pack.zip") as archive:
        archive.extractall(tmp_path)
    start = tmp_path / ("index.html" if language == "en" else "cy.html")
    watched = Watched(context, start.as_uri())
    page = watched.page
    page.click("#self-assessment + ul a")
    page.wait_for_url("**/self-assessment/*.html")
    answer(page)
    describe(page)
    shown = results(page)
    cells = shown.locator(".hp-standing-table tbody tr").first.locator("td").all_inner_texts()
    assert re.fullmatch(r"\d+", cells[2])
    assert {url for _, url in watched.requests if not url.startswith(tmp_path.as_uri())} == set()
    links = page.evaluate("[...document.querySelectorAll('.hp-plan__step a')].map((link) => link.href)")
    records = [link for link in links if ".html#" in link and "self-assessment" not in link]
    assert records
    html = start.read_text(encoding="utf-8")
    for link in records:
        assert link.partition("#")[0] == start.as_uri()
        assert f'id="{link.partition("#")[2]}"' in html
    assert violations(page) == []
    assert watched.problems == []


def test_the_front_page_says_what_it_is_and_leads_to_both_audiences(context: BrowserContext, address: str) -> None:
    page = Watched(context, f"{address}/en/self-assessment/index.html").page
    expect(page.locator("h1")).to_have_text("Where do we stand?")
    for audience in ("decision-maker", "procurement-professional"):
        page.click(f'main a[href$="{INSTRUMENT}-{audience}.html"]')
        expect(page.locator("fieldset").first).to_be_visible()
        page.go_back()
    page.goto(f"{address}/en/packs/audience-decision-maker.html")
    page.click(f'aside a[href$="{BANK}"]')
    expect(page.locator("fieldset").first).to_be_visible()


def test_the_page_may_send_nothing_to_anybody(context: BrowserContext, address: str) -> None:
    watched = Watched(context, f"{address}/en/{BANK}")
    page = watched.page
    post = f"fetch('{address}/en/data.html', {{ method: 'POST', body: 'answers' }})"
    assert page.evaluate(f"{post}.then(() => 'sent', () => 'stopped')") == "stopped"
    page.evaluate("document.querySelector('[data-form]').submit()")  # past the script
    page.evaluate(f"navigator.sendBeacon('{address}/en/data.html', 'answers')")
    page.wait_for_timeout(200)
    assert page.url == f"{address}/en/{BANK}"
    assert [method for method, _ in watched.requests if method != "GET"] == []
    assert len([problem for problem in watched.problems if "Content Security Policy" in problem]) >= 3
