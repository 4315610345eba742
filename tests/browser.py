"""Pages as Debian's Chromium, axe and the Nu checker see them. Without one of these a test fails; none is skipped."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Locator, Page, sync_playwright

from tests.java import SHORT_LIVED

CHROMIUM = Path("/usr/bin/chromium")
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-background-networking", "--disable-sync"]
RULES = {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}
CONTRAST = {"type": "rule", "values": ["color-contrast"]}
NU = Path(__file__).parents[1] / "build" / "nu" / "node_modules" / "vnu-jar" / "build" / "dist" / "vnu.jar"
"""Where ``make test`` puts it."""


@contextmanager
def chromium() -> Iterator[Browser]:
    """A browser that runs for as long as the block lasts."""
    if not CHROMIUM.exists():
        pytest.fail(f"{CHROMIUM} is missing: install Debian's package 'chromium' to run the journeys", pytrace=False)
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=str(CHROMIUM), args=ARGUMENTS)
        yield running
        running.close()


def go(link: Locator) -> None:
    """Click what leads to another page, or to a place in this one, and wait for the whole of it: a click alone returns
    as soon as the other page begins.
    """
    with link.page.expect_navigation():
        link.click()


def violations(page: Page, rules: Mapping[str, Any] = RULES) -> list[str]:
    """What axe finds in the page that is shown: each rule with the first element that breaks it."""
    # Without preload axe asks for no style sheet again, which pages may forbid; no rule that is run here needs it. To
    # tell of what is right as well would take as long as to find what is wrong.
    options = {"runOnly": rules, "preload": False, "resultTypes": ["violations"]}
    found = Axe().run(page, options=options).response["violations"]
    return [f"{entry['id']}: {entry['nodes'][0]['html'][:200]}" for entry in found]


def scrolls_sideways(page: Page) -> bool:
    return bool(page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth"))


def is_styled(page: Page) -> bool:
    """Whether our style sheet has been let in by the page's own security policy."""
    return bool(page.evaluate("getComputedStyle(document.documentElement).getPropertyValue('--hp-deep') !== ''"))


BLOCKED = ".*(Resource|Inline script) violates Content Security Policy.*"
"""What the Nu checker says of each file that a page needs, since it knows no origin, and of data for search engines,
which are no script. What browsers let in, others test."""


GUESSED = ".*This document appears to be written in.*"
"""What the Nu checker says of a Welsh page that is mostly names and texts of English sources."""


def markup_problems(pages: list[Path]) -> list[str]:
    """What the Nu checker, the validator of the web's standards, finds in these files."""
    if not NU.exists():
        pytest.fail(f"{NU} is missing: run 'make {NU.relative_to(NU.parents[6])}', as 'make test' does", pytrace=False)
    assert all(page.is_file() for page in pages)  # of others it says nothing
    checker = ["java", *SHORT_LIVED, "-jar", str(NU), "--format", "gnu"]
    command = [*checker, "--filterpattern", f"{BLOCKED}|{GUESSED}", *map(str, pages)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode in (0, 1), done.stderr
    return done.stderr.splitlines()
