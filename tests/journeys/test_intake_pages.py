"""The intake's pages in Debian's Chromium: without script, with the keyboard alone, on a phone, for a screen reader."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page
from playwright.sync_api import TimeoutError as PlaywrightTimeout

from pipelines.intake.pages import REFRESH_SECONDS
from tests.badfeeds import zipped
from tests.browser import go, is_styled, markup_problems, scrolls_sideways, violations
from tests.feeds import a_case_study, a_faq, answers_of, write_feed
from tests.intakes import Intake, form_of, intake, packed, registered, signed_in

CHOOSER_TRIES, CHOOSER_MS = 3, 10_000
ADDRESSES = {name: f"/{name}" for name in ("sign-in", "codes", "accessibility", "nowhere")} | {"start": "/"}


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Intake]:
    with intake(registered(tmp_path_factory.mktemp("intake"))) as started:
        yield started


class Visit:
    """A browser that looks at pages; what is wrong with any of them is in ``problems``."""

    def __init__(self, browser: Browser, running: Intake, width: int = 1280, scheme: str = "light") -> None:
        self.problems: list[str] = []
        self.seen: list[str] = []
        context = browser.new_context(
            viewport={"width": width, "height": 800}, color_scheme=scheme, base_url=running.address
        )
        self.page: Page = context.new_page()
        self.page.on("pageerror", lambda error: self.problems.append(f"error: {error}"))
        self.page.on("request", lambda request: self._note(request.url, running.address))
        self.page.on("console", lambda message: self._hear(message.text))

    def _note(self, url: str, home: str) -> None:
        if not url.startswith((home, "data:")):
            self.problems.append(f"a request to somebody else: {url}")

    def _hear(self, text: str) -> None:
        if "Content Security Policy" in text:
            self.problems.append(text)

    def look(self, name: str) -> None:
        """Judge the page that is shown."""
        self.seen.append(name)
        self.problems += [f"{name}: {problem}" for problem in violations(self.page)]
        if scrolls_sideways(self.page):
            self.problems.append(f"{name}: scrolls sideways")
        if not is_styled(self.page):
            self.problems.append(f"{name}: has no style")
        if self.page.locator("h1").count() != 1 or not self.page.title().endswith("hubpacks intake"):
            self.problems.append(f"{name}: heading or title")

    def tab_to(self, what: str) -> None:
        """Press Tab until the element that ``what`` selects has the focus."""
        for _ in range(60):
            self.page.keyboard.press("Tab")
            if self.page.evaluate("selector => document.activeElement.matches(selector)", what):
                return
        raise AssertionError(f"the keyboard does not reach {what} on {self.page.url}")

    def choose(self, path: Path) -> None:
        """With the focus on the file field, what its dialogue does with Enter."""
        for _ in range(CHOOSER_TRIES):
            try:
                with self.page.expect_file_chooser(timeout=CHOOSER_MS) as chooser:
                    self.page.keyboard.press("Space")
            except PlaywrightTimeout:
                continue  # a busy machine: the browser asks for a fresh key
            chooser.value.set_files(path)
            return
        raise AssertionError("the file field opens no dialogue")


def a_mixed_feed(folder: Path) -> Path:
    """A zip with good and bad records, and answers."""
    studies = [
        a_case_study(id=f"s-{n}", body=f"Text {n}.", sectors=["trees"] if n == 3 else ["health"]) for n in range(6)
    ]
    return zipped(write_feed(folder / "feed", studies, [a_faq()], answers_of(12)))


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (320, "light"), (1280, "dark")])
def test_the_whole_journey_by_keyboard_alone(
    browser: Browser, running: Intake, tmp_path: Path, width: int, scheme: str
) -> None:
    feed = a_mixed_feed(tmp_path / f"{width}-{scheme}")
    visit = Visit(browser, running, width, scheme)
    page = visit.page
    page.goto("/")
    visit.look("start")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to main content"
    page.keyboard.press("Enter")
    visit.tab_to("#feed")
    visit.choose(feed)
    visit.tab_to("#hub")
    visit.tab_to("button")
    page.keyboard.press("Enter")
    page.wait_for_url("**/check")
    visit.look("report")
    assert page.locator("h1").inner_text() == "Report on feed.zip"
    assert "Not a sector of the vocabulary" in page.locator("main").inner_text()
    for name in ("report.json", "report.html"):
        visit.tab_to(f"a[download='{name}']")
        with page.expect_download() as download:
            page.keyboard.press("Enter")
        saved = Path(download.value.path()).read_text(encoding="utf-8")
        assert json.loads(saved)["outcome"] == "accepted" if name == "report.json" else "<h1" in saved
    sign_in_and_submit(visit, running, feed)
    for address in ("/codes", "/accessibility", "/nowhere"):
        page.goto(address)
        visit.look(address)
    page.context.close()
    assert visit.problems == []


def sign_in_and_submit(visit: Visit, running: Intake, feed: Path) -> None:
    """From the check to a receipt and out again."""
    page = visit.page
    page.goto("/hub")
    visit.look("sign in")
    visit.tab_to("#token")
    page.keyboard.type("hubpacks_00000000_wrong")
    page.keyboard.press("Enter")
    page.wait_for_selector("#problem")
    visit.look("sign in refused")
    assert page.title().startswith("Error: ")
    visit.tab_to("#token")
    page.keyboard.type(running.tokens["one"])
    page.keyboard.press("Enter")
    page.wait_for_url("**/hub")
    visit.look("hub")
    visit.tab_to("summary")
    page.keyboard.press("Enter")
    assert page.locator("details").get_attribute("open") is not None
    visit.tab_to("#feed")
    visit.choose(feed)
    visit.tab_to("button")
    page.keyboard.press("Enter")
    page.wait_for_url("**/hub/submissions/*")
    visit.look("receipt, received")
    # Without script the page comes again by itself until there is a verdict.
    page.wait_for_selector("text=What became of each record", timeout=(REFRESH_SECONDS * 6) * 1000)
    visit.look("receipt, accepted")
    text = page.locator("main").inner_text()
    assert "Quarantined" in text
    assert "Due" in text
    assert page.request.get(page.url).headers.get("refresh") is None
    visit.tab_to("a[download^='receipt'][href$='.html']")
    with page.expect_download() as download:
        page.keyboard.press("Enter")
    assert "<style>" in Path(download.value.path()).read_text(encoding="utf-8")
    page.goto("/hub")
    visit.look("hub with submissions")
    visit.tab_to(".hp-top button")
    page.keyboard.press("Enter")
    page.wait_for_url(f"{running.address}/")


def test_everything_works_without_script(browser: Browser, running: Intake, tmp_path: Path) -> None:
    context = browser.new_context(java_script_enabled=False, base_url=running.address)
    page = context.new_page()
    page.goto("/")
    page.locator("#feed").set_input_files(packed("zip_bomb", tmp_path))
    go(page.get_by_role("button", name="Check"))
    assert "Refused" in page.locator("main").inner_text()
    page.goto("/sign-in")
    page.locator("#token").fill(running.tokens["two"])
    go(page.get_by_role("button", name="Sign in"))
    page.locator("#feed").set_input_files(packed("manifest_of_another_hub", tmp_path / "other"))
    page.get_by_role("button", name="Submit").click()
    page.wait_for_selector("text=This feed says it is another hub's.", timeout=(REFRESH_SECONDS * 6) * 1000)
    context.close()


def test_a_file_can_be_dropped_on_the_box(browser: Browser, running: Intake, tmp_path: Path) -> None:
    """The box is the native field itself, all of it, so that the browser takes what is dropped there."""
    context = browser.new_context(base_url=running.address)
    page = context.new_page()
    page.goto("/")
    box = page.locator("#feed").bounding_box()
    assert box
    assert box["width"] > 400
    assert box["height"] > 120
    middle = [box["x"] + box["width"] - 20, box["y"] + box["height"] - 10]
    assert page.evaluate("([x, y]) => document.elementFromPoint(x, y).id", middle) == "feed"
    context.close()


def test_what_a_feed_says_never_becomes_part_of_a_page(browser: Browser, running: Intake, tmp_path: Path) -> None:
    visit = Visit(browser, running)
    page = visit.page
    path = packed("hostile_words", tmp_path)
    name = path.rename(path.with_name("<script>alert(1)<script> & 'x'.zip"))
    page.on("dialog", lambda dialog: visit.problems.append(f"a script ran: {dialog.message}"))
    page.goto("/")
    page.locator("#feed").set_input_files(name)
    go(page.get_by_role("button", name="Check"))
    visit.look("hostile report")
    assert page.locator("script").count() == 0
    assert "alert(1)" in page.locator("main").inner_text()
    page.context.close()
    assert visit.problems == []


def test_the_markup_is_valid(running: Intake, tmp_path: Path) -> None:
    feed = a_mixed_feed(tmp_path)
    with signed_in(running, "one") as client:
        pages = {name: client.get(address).text for name, address in ADDRESSES.items()}
        files = {"feed": (feed.name, feed.read_bytes())}
        pages["report"] = client.post("/check", data={"csrf": form_of(client)}, files=files).text
        pages["hub"] = client.get("/hub").text
        sent = client.post("/hub/submissions", data={"csrf": form_of(client, "/hub")}, files=files)
        receipt = sent.headers["location"]
        pages["receipt"] = client.get(receipt).text
        # The design system's rules for browsers of long ago are no valid CSS, and are none of this test's business.
        pages["receipt_file"] = re.sub("<style>.*?</style>", "", client.get(f"{receipt}/receipt.html").text, flags=re.S)
    for name, text in pages.items():
        (tmp_path / f"{name}.html").write_text(text, encoding="utf-8")
    assert markup_problems([tmp_path / f"{name}.html" for name in pages]) == []
