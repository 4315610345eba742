"""People who come with a task, and find, read and copy what they came for: in both languages, by keyboard, on a narrow
screen, and without script where that can be.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser import go, scrolls_sideways, violations
from tests.websites import published

TASKS_N = 6
CLAUSE = "Every export is in an open format"


@pytest.fixture(scope="module")
def site(sample_release: Path) -> Iterator[str]:
    """The address of a release of the sample hubs."""
    with published(sample_release) as address:
        yield address


def visit(browser: Browser, address: str, width: int = 1200, height: int = 800, *, has_script: bool = True) -> Page:
    """A page in a browser of its own, as wide and high as said."""
    page = browser.new_page(viewport={"width": width, "height": height}, java_script_enabled=has_script)
    page.goto(address)
    return page


def follow(page: Page, name: str) -> None:
    """Go where the link of this name in the main part of the page leads."""
    go(page.get_by_role("main").get_by_role("link", name=name, exact=True).first)


def heading(page: Page) -> str:
    return page.get_by_role("heading", level=1).inner_text()


@pytest.mark.parametrize("language", ["en", "cy"])
@pytest.mark.parametrize(("size", "fewest"), [((1200, 800), TASKS_N), ((360, 740), 4)])
def test_the_start_page_shows_the_tasks_at_once(
    browser: Browser, site: str, size: tuple[int, int], fewest: int, language: str
) -> None:
    page = visit(browser, f"{site}/{language}/index.html", *size)
    ends = page.locator(".hp-tasks li .govuk-link").evaluate_all(
        "all => all.map(one => one.getBoundingClientRect().bottom)"
    )
    page.close()
    assert len(ends) == TASKS_N
    assert sum(end <= size[1] for end in ends) >= fewest


def test_a_procurer_finds_a_clause_by_task_and_copies_it(browser: Browser, site: str) -> None:
    page = visit(browser, f"{site}/en/index.html")
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    follow(page, "Specifying a system")
    follow(page, CLAUSE)
    assert heading(page) == CLAUSE
    page.locator("#copied-text a.hp-term").first.click()  # what is shown beside a word is no part of the clause
    page.get_by_role("button", name="Copy the clause").click()
    expect(page.get_by_role("status").filter(has_text="Copied")).to_be_visible()
    lines = page.evaluate("navigator.clipboard.readText()").split("\n")
    shown = page.locator("#copied-text li").evaluate_all(
        """all => all.map(one => { const copy = one.cloneNode(true);
        copy.querySelectorAll('.hp-meaning').forEach(box => box.remove()); return copy.textContent; })"""
    )
    assert lines == [f"{number}. {' '.join(text.split())}" for number, text in enumerate(shown, 1)]
    page.get_by_role("button", name="Copy the citation").click()
    expect(page.get_by_role("status").filter(has_text="Copied").first).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()").startswith("Sample local government hub: Every export")
    page.close()


def test_a_copied_text_keeps_its_paragraphs_lists_and_tables(browser: Browser, site: str) -> None:
    page = visit(browser, f"{site}/en/index.html")
    follow(page, "Copy a clause")
    follow(page, CLAUSE)
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    html = """<h3>Exports</h3><p>The Supplier <em>shall</em>\n export:</p>
      <ol start="3"><li><p>all data,</p><ul><li>notes</li><li>pictures</li></ul></li><li>its meaning.</li></ol>
      <p>One<br>two</p><table><tr><th>Field</th><th>Form</th></tr><tr><td>Date</td><td>ISO 8601</td></tr></table>"""
    page.evaluate(
        """html => document.getElementById('copied-text').replaceChildren(
        ...new DOMParser().parseFromString(html, 'text/html').body.childNodes)""",
        html,
    )
    page.get_by_role("button", name="Copy the clause").click()
    expect(page.get_by_role("status").filter(has_text="Copied")).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()").split("\n") == [
        "Exports",
        "",
        "The Supplier shall export:",
        "",
        "3. all data,",
        "   - notes",
        "   - pictures",
        "4. its meaning.",
        "",
        "One",
        "two",
        "",
        "Field\tForm",
        "Date\tISO 8601",
    ]
    page.close()


def test_a_manager_leaves_a_legacy_system_without_any_script(browser: Browser, site: str) -> None:
    page = visit(browser, f"{site}/en/index.html", has_script=False)
    follow(page, "Leaving a legacy system")
    assert [text.strip()[0] for text in page.locator("h2.govuk-heading-m[id]").all_inner_texts()] == list("1234")
    page.get_by_text("How to check it during the contract").first.click()
    assert page.locator("details[open] li").first.is_visible()
    follow(page, "Fourteen schools moved to one pupil records system without a lost term")
    assert "hp-copy" not in page.content()
    word = page.locator("a.hp-term").first
    meaning = page.locator(word.get_attribute("href") or "")
    go(word)
    assert page.url.endswith(word.get_attribute("href") or "?")
    expect(meaning).to_be_in_viewport()
    meaning.get_by_role("link").click()
    assert page.locator(".govuk-caption-l").inner_text() == "Term"
    page.close()


def test_a_list_is_narrowed_and_widened_without_any_script(browser: Browser, site: str) -> None:
    page = visit(browser, f"{site}/en/index.html", has_script=False)
    go(page.get_by_role("link", name="Find practice").first)
    follow(page, "Transport")
    row = page.locator(".hp-narrow li").filter(has_text="APIs")
    number = int(row.locator(".hp-quiet").inner_text())
    go(row.get_by_role("link"))
    assert page.locator(".hp-list__item").count() == number
    assert page.locator("h1 .hp-quiet").inner_text() == str(number)
    follow(page, "All of: APIs")
    assert heading(page).startswith("APIs ")
    page.close()


def test_a_word_is_explained_by_keyboard_and_the_way_back_is_where_it_was(browser: Browser, site: str) -> None:
    page = visit(browser, f"{site}/en/index.html")
    follow(page, "Specifying a system")
    follow(page, CLAUSE)
    word = page.locator("a.hp-term").first
    for key in ("Enter", " "):
        word.focus()
        page.keyboard.press(key)
        box = page.locator(".hp-meaning")
        expect(box).to_be_in_viewport()
        assert word.get_attribute("aria-expanded") == "true"
        assert word.get_attribute("aria-controls") == box.get_attribute("id")
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.textContent") == "More in the glossary"
        page.keyboard.press("Escape")
        assert box.count() == 0
        assert word.evaluate("word => word === document.activeElement")
        assert word.get_attribute("aria-expanded") == "false"
    word.click()
    page.get_by_role("button", name="Close").click()
    assert page.locator(".hp-meaning").count() == 0
    word.click()
    page.locator("h1").click()
    assert page.locator(".hp-meaning").count() == 0
    word.click()
    page.get_by_role("link", name="More in the glossary").click()
    assert page.locator(".govuk-caption-l").inner_text() == "Term"
    page.close()


def test_a_welsh_reader_reads_welsh_where_there_is_some_and_words_in_the_language_of_the_text(
    browser: Browser, site: str
) -> None:
    page = visit(browser, f"{site}/cy/index.html", 360, 740)
    follow(page, "Pennu manyleb system")
    welsh = page.locator(".hp-step li[data-record] > a:not([lang])")
    assert welsh.count() > 0
    english = page.locator(".hp-step li[data-record] > a[lang=en]")
    assert english.count() > 0
    follow(page, CLAUSE)
    assert page.locator("#copied-text").get_attribute("lang") == "en"
    assert page.locator(".hp-words dt[lang=en]").count() > 0
    page.locator("a.hp-term").first.click()
    assert page.get_by_role("link", name="Rhagor yn yr eirfa").is_visible()
    assert page.get_by_role("button", name="Cau").is_visible()
    page.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_pages_of_finding_and_reading_fit_the_narrowest_screen_and_are_accessible(
    browser: Browser, site: str, sample_release: Path, scheme: str
) -> None:
    page = browser.new_page(viewport={"width": 320, "height": 640}, color_scheme=scheme)  # type: ignore[arg-type]
    clause = next(
        path.name
        for path in (sample_release / "en/records").glob("*.html")
        if f">{CLAUSE}</h1>" in path.read_text(encoding="utf-8")
    )
    found = []
    for name in (
        "en/index.html",
        "cy/browse/index.html",
        "en/task/evaluate.html",
        "cy/task/leave-legacy.html",
        "en/browse/sectors/local-government.html",
        "cy/browse/sectors/local-government/technology-types/api.html",
        "en/browse/hub/wales.html",
        f"en/records/{clause}",
    ):
        page.goto(f"{site}/{name}")
        if "/records/" in name:
            page.locator("a.hp-term").first.click()
            box = page.locator(".hp-meaning").bounding_box()
            assert box is not None
            assert box["x"] >= 0
            assert box["x"] + box["width"] <= 320
        found += [f"{name}: {problem}" for problem in violations(page)]
        found += [f"{name}: scrolls sideways"] if scrolls_sideways(page) else []
    page.close()
    assert found == []


def test_on_paper_a_record_is_its_text_without_addresses_and_buttons(browser: Browser, site: str) -> None:
    page = visit(browser, f"{site}/en/index.html")
    follow(page, "Specifying a system")
    follow(page, CLAUSE)
    page.emulate_media(media="print")
    assert page.locator("#copied-text").is_visible()
    assert page.locator(".hp-words dd").first.is_visible()
    for hidden in (".govuk-service-navigation", ".hp-copy", ".hp-related", ".hp-contents", ".hp-words a"):
        assert not page.locator(hidden).first.is_visible(), hidden
    links = page.locator(".hp-article__aside a.govuk-link")
    noisy = links.evaluate_all("all => all.map(a => getComputedStyle(a, '::after').content)")
    assert {*noisy} == {"none"}
    page.close()
