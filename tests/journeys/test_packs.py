"""A reader who is new to the subject, from the list of packs to the questions to ask, on the site and without it."""

from __future__ import annotations

import zipfile
from pathlib import Path

from playwright.sync_api import Browser

from tests.browser import go

BUYERS = "audience-procurement-professional"


def test_a_buyer_who_is_new_to_it_finds_the_ten_questions_and_the_self_assessment(
    browser: Browser, sample_release: Path
) -> None:
    page = browser.new_page()
    page.goto((sample_release / "en/packs/index.html").as_uri())
    go(page.get_by_role("link", name="Interoperability 101 for procurement professionals"))
    go(page.get_by_role("navigation", name="In this pack").get_by_role("link", name="Ten questions"))
    assert page.url.endswith("#introduction--ten-questions-to-ask-a-supplier")
    questions = page.locator(".hp-intro ol > li")
    assert questions.count() == 10
    assert all("Bad answer:" in question for question in questions.all_inner_texts())
    go(page.get_by_role("link", name="Take the self-assessment"))
    assert page.url.endswith("/en/self-assessment/index.html")
    page.close()


def test_the_introduction_comes_along_in_the_zip(browser: Browser, sample_release: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(sample_release / "packs" / BUYERS / "pack.zip") as archive:
        archive.extractall(tmp_path)
    page = browser.new_page()
    page.goto((tmp_path / "cy.html").as_uri())
    go(page.get_by_role("navigation", name="Cynnwys").get_by_role("link", name="Cyflwyniad"))
    assert page.get_by_role("heading", name="Deg cwestiwn i'w gofyn i gyflenwr").is_visible()
    page.close()
