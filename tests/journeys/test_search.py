"""A reader looks for something: in Debian's Chromium, over HTTP and from the disk, with a keyboard, in Welsh."""

from __future__ import annotations

import itertools
import json
import random
import re
import shutil
import unicodedata
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from pipelines.publish.scripts import as_script
from pipelines.publish.search import STOP_WORDS, words_of
from tests.browser import CONTRAST, RULES, scrolls_sideways, violations
from tests.builders import a_case_study
from tests.searches import index, searched
from tests.websites import published

NASTY = [
    *("", " ", "'", "i'r gwasanaeth", "e\u0301a\u0301", "ŵ Ŵ ŷ Ŷ", "ΟΔΟΣ ΣΑΣ", "İI ıi", "ß ẞ", "ﬁ ﬂ ℡ ½ ²"),
    *(
        "x" * 5000,
        "\U0001f9ea" * 50,
        "\u202eabc\u202c",
        "\U0001d400old",
        "a_b-c.d",
        "</script><b>",
        "日本語",
        "e\u200bx",
    ),
    *("\U0001043c" * 60, "नमस्ते", "٣٤ ৪৫", "\x01ab", "Ǆ ǆ", "o\u0308" * 30, "\u212a \u212b"),
]
HOSTILE = '</script><img src=x onerror="alert(1)"> \u202e<b>walrus</b>'


@pytest.fixture(scope="module")
def server(sample_release: Path) -> Iterator[str]:
    with published(sample_release.parents[1]) as address:
        yield f"{address}/releases/{sample_release.name}"


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A page in which nothing may go wrong."""
    opened = browser.new_page(viewport={"width": 1200, "height": 900})
    problems: list[str] = []
    opened.on("console", lambda message: problems.append(message.text))
    opened.on("pageerror", lambda error: problems.append(str(error)))
    yield opened
    opened.close()
    assert problems == []


def look(page: Page, home: str, question: str = "", language: str = "en", more: str = "") -> list[str]:
    """Open the search page with a question in its address; the titles of what it shows, in order."""
    page.goto(f"{home}/{language}/search.html?q={question}{more}")
    told = page.locator("[data-told]")
    expect(told).to_have_text(re.compile(r"^[^…]+$"))
    return page.locator(".hp-search__term h2, .hp-list__link").all_text_contents()


def number_told(page: Page) -> int:
    """How many results the page says that there are."""
    return int((page.locator("[data-told]").text_content() or "").split()[0])


def test_words_are_cut_alike_by_the_release_and_by_the_browser(page: Page, server: str, sample_release: Path) -> None:
    page.goto(f"{server}/en/search.html")
    rows = json.loads((sample_release / "packs/national/pack.json").read_text(encoding="utf-8"))["records"]
    texts = [text for row in rows for text in row.values() if isinstance(text, str)] + NASTY
    # Every sign that this Python knows. A browser may know newer ones, which are in no word of an index.
    signs = [chr(code) for code in range(0x110000) if unicodedata.category(chr(code)) not in ("Cs", "Cn", "Co")]
    texts += ["".join(f"a{sign}b " for sign in signs[start : start + 500]) for start in range(0, len(signs), 500)]
    cut = page.evaluate("texts => texts.map((text) => hubpacks.search.wordsOf(text))", texts)
    for text, words in zip(texts, cut, strict=True):
        assert words == words_of(text), text[:200]


def test_words_of_all_texts_find_their_records(page: Page, server: str, sample_release: Path) -> None:
    rows = json.loads((sample_release / "packs/national/pack.json").read_text(encoding="utf-8"))["records"]
    shown = {record[0] for record in index(sample_release)["records"]}
    expected: dict[str, set[str]] = {}
    for row in rows:
        plain = re.sub(r"\]\(\S*|https?://\S+|<[^>]*>", " ", f"{row['title'] or row['question']} {row['text']}")
        for word in words_of(plain) if row["id"] in shown else ():
            expected.setdefault(word, set()).add(row["id"])
    asked = sorted(expected.keys() - STOP_WORDS)[::7]
    assert len(asked) > 300
    page.goto(f"{server}/en/search.html")
    page.wait_for_function("hubpacks.search && document.querySelector('[data-filters]').children.length")
    found = page.evaluate(
        """async (words) => {
          const index = new hubpacks.search.Index(await hubpacks.load("search.en", "search/en.js"));
          return words.map((word) => index.find(word, {}, false).places.map((place) => index.record(place).id));
        }""",
        asked,
    )
    missing = {word: expected[word] - {*ids} for word, ids in zip(asked, found, strict=True)}
    assert {word: ids for word, ids in missing.items() if ids} == {}


def test_what_is_typed_is_found_told_and_kept_in_the_address(page: Page, server: str) -> None:
    page.goto(f"{server}/en/search.html")
    expect(page.get_by_role("heading", name="Other ways to find things")).to_be_visible()
    page.get_by_role("searchbox").press_sequentially("open stand")
    shown = page.locator("li[data-record]")
    expect(shown.first).to_be_visible()
    expect(page.get_by_role("status")).to_contain_text("results")
    expect(page.get_by_role("heading", name="Other ways to find things")).to_be_hidden()
    assert page.url.endswith("/en/search.html?q=open+stand")
    assert {"open", "standard"} <= {text.lower() for text in page.locator("mark").all_text_contents()}
    for word in ("hub", "20", "Licence"):  # whose, when, under which licence
        expect(shown.first.locator(".hp-meta")).to_contain_text(word)
    assert page.title() == "open stand – Search – hubpacks"
    titles = page.locator(".hp-list__link").all_text_contents()
    shown.first.get_by_role("link").click()
    expect(page.locator("h1")).to_have_text(titles[0])
    page.go_back()
    expect(page.locator(".hp-list__link").first).to_have_text(titles[0])
    expect(page.get_by_role("searchbox")).to_have_value("open stand")


@pytest.mark.parametrize(
    ("question", "title"),
    [
        ("uprn", "UPRN (unique property reference number)"),
        ("unique property reference number", "UPRN (unique property reference number)"),
        ("what is lock in", "Lock-in"),
        ("data standards", "Data standard"),
        ("interoperability", "Interoperability"),
    ],
)
def test_the_meaning_of_a_word_comes_first_and_once(page: Page, server: str, question: str, title: str) -> None:
    titles = look(page, server, question)
    assert titles[0] == title
    first = page.locator(".hp-search__term")
    expect(first).to_contain_text("Glossary")
    id = first.get_attribute("data-record")
    assert page.locator(f'.hp-search [data-record="{id}"]').count() == 1


@pytest.mark.parametrize(
    ("one", "others"),
    [
        ("gwasanaeth", ("wasanaeth", "ngwasanaeth")),
        ("cyngor", ("gyngor", "chyngor", "nghyngor")),
        ("rhyngweithredu", ("ryngweithredu",)),
        ("trwydded", ("drwydded", "nhrwydded")),
        ("meddygon", ("feddygon",)),
    ],
)
def test_initial_mutations_make_no_difference(page: Page, server: str, one: str, others: tuple[str, ...]) -> None:
    titles = {*look(page, server, one, "cy")}
    welsh = page.locator("li[data-record]:not(:has([lang=en]))").count()
    assert titles
    assert welsh
    for other in others:
        look(page, server, other, "cy")
        expect(page.locator(".hp-search [data-record]").first).to_be_visible()
        assert titles & {*page.locator(".hp-search__term h2, .hp-list__link").all_text_contents()}, other


def test_a_mutation_finds_what_is_written_in_another_one(page: Page, server: str) -> None:
    page.goto(f"{server}/cy/search.html")
    found = page.evaluate(
        "['pori', 'bori', 'gwasanaeth', 'ngardd'].map((word) => [...hubpacks.search.mutations(word)])"
    )
    pori, bori, service, garden = ({*words} for words in found)
    assert {"bori", "phori", "mhori"} <= pori
    assert {"pori", "phori", "mhori"} <= bori
    assert {"wasanaeth", "ngwasanaeth"} <= service
    assert {"gardd", "ardd"} <= garden


def test_english_words_are_not_mutated(page: Page, server: str, tmp_path: Path) -> None:
    """Mutations count in Welsh records alone; words of three letters have no slips of typing."""
    english, welsh = (a_case_study(code, title="Cat", language=code, body="x", summary="x") for code in ("en", "cy"))
    page.goto(f"{server}/en/search.html")
    ask = "([data, asked]) => new hubpacks.search.Index(data).find(asked).places.map((n) => data.records[n][0])"
    data = index(searched(tmp_path, english, welsh))
    assert page.evaluate(ask, [data, "cat"]) == ["vale/en", "vale/cy"]  # that of the page's language first
    assert page.evaluate(ask, [index(tmp_path, "cy"), "cat"]) == ["vale/cy", "vale/en"]
    assert page.evaluate(ask, [data, "gat"]) == page.evaluate(ask, [data, "nghat"]) == ["vale/cy"]


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("interopability standrads", "interoperability standards"),
        ("procurment", "procurement"),
        ("suplier lokc-in", "supplier lock-in"),
    ],
)
def test_slips_of_typing_find_what_was_meant_and_say_so(page: Page, server: str, typed: str, meant: str) -> None:
    assert look(page, server, typed)
    link = page.locator(".hp-search__mean a")
    expect(link).to_have_text(meant)
    link.click()
    expect(page.get_by_role("searchbox")).to_have_value(meant)
    expect(page.locator(".hp-search__mean")).to_have_count(0)
    assert "q=" + meant.replace(" ", "+") in page.url
    page.go_back()
    expect(page.get_by_role("searchbox")).to_have_value(typed)
    expect(link).to_have_text(meant)


def slips(typed: str, word: str) -> list[int]:
    """How many slips lead from ``typed`` to each beginning of ``word``, by the plain table of distances."""
    table = [
        [row + column if 0 in (row, column) else 0 for column in range(len(word) + 1)] for row in range(len(typed) + 1)
    ]
    for row, column in itertools.product(range(1, len(typed) + 1), range(1, len(word) + 1)):
        swapped = typed[row - 2 : row][::-1] == word[column - 2 : column] if min(row, column) > 1 else False
        ways = [table[row - 1][column] + 1, table[row][column - 1] + 1]
        ways.append(table[row - 1][column - 1] + (typed[row - 1] != word[column - 1]))
        table[row][column] = min(ways + ([table[row - 2][column - 2] + 1] if swapped else []))
    return table[-1]


def test_slips_are_counted_as_in_the_plain_table(page: Page, server: str) -> None:
    draw = random.Random(31)
    pairs = [["".join(draw.choices("abc", k=draw.randint(1, 9))) for _ in range(2)] for _ in range(3000)]
    page.goto(f"{server}/en/search.html")
    for most in (1, 2):
        ask = f"([a, b]) => [0, 1].map((n) => Math.min({most + 1}, hubpacks.search.slips(a, b, {most}, n)))"
        ask = f"(pairs) => pairs.map({ask})"
        for (typed, word), (whole, beginning) in zip(pairs, page.evaluate(ask, pairs), strict=True):
            told = slips(typed, word)
            assert whole == min(told[-1], most + 1), (typed, word)
            assert beginning == min(*told[max(0, len(typed) - most) :], most + 1, most + 1), (typed, word)


def test_accents_make_no_difference(page: Page, server: str) -> None:
    assert look(page, server, "cy\u0302d-destun", "cy") == look(page, server, "cyd destun", "cy")
    assert look(page, server, "DATA Â MEWNGOFNODION", "cy")
    with_accent, without = (look(page, server, word, "cy") for word in ("iâr", "iar"))
    assert with_accent == without


def test_filters_say_how_many_they_leave_and_stay_in_the_address(page: Page, server: str) -> None:
    look(page, server, "data")
    before = number_told(page)
    kind = page.get_by_label("Kind")
    option = kind.locator("option", has_text="Questions and answers")
    left = int((option.text_content() or "").rpartition("(")[2].strip(")"))
    assert 0 < left < before
    kind.select_option(value="faq")
    expect(page.locator("[data-told]")).to_have_text(f"{left} results")
    assert "kind=faq" in page.url
    assert all("Questions and answers" in text for text in page.locator(".hp-meta").all_text_contents())
    page.get_by_label("Sector").select_option(value="health")
    expect(page.locator("[data-told]")).not_to_have_text(f"{left} results")
    both = number_told(page)
    assert both < left
    page.reload()
    expect(page.locator("[data-told]")).to_have_text(f"{both} results")
    expect(page.get_by_label("Kind")).to_have_value("faq")
    page.go_back()
    expect(page.get_by_label("Sector")).to_have_value("")
    expect(page.locator("[data-told]")).to_have_text(f"{left} results")


def test_what_is_not_found_leads_on(page: Page, server: str) -> None:
    assert look(page, server, "zzxqy") == []
    expect(page.locator("[data-told]")).to_contain_text("Nothing was found for “zzxqy”")
    for name in ("Glossary", "A to Z", "Find practice", "Health", "Case studies"):
        expect(page.locator("[data-lead]").get_by_role("link", name=name, exact=True).first).to_be_visible()
    assert look(page, server, "uprn", more="&sector=culture_and_leisure") == []
    page.get_by_role("link", name="Search without filters").click()
    expect(page.locator(".hp-search__term")).to_contain_text("UPRN")


def test_more_results_are_shown_on_demand_and_reached_by_keyboard(page: Page, server: str) -> None:
    look(page, server, "data")
    first = page.locator("li[data-record]").count()
    page.get_by_role("button", name="Show more results").press("Enter")
    expect(page.locator("li[data-record]")).to_have_count(first + 20)
    assert (
        page.evaluate("document.activeElement.textContent") == page.locator(".hp-list__link").nth(first).text_content()
    )


def test_a_keyboard_is_enough(page: Page, server: str) -> None:
    page.goto(f"{server}/en/index.html")
    for _ in range(3):  # over the link to the content and the name of the site
        page.keyboard.press("Tab")
    page.keyboard.type("exit plan")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(r"/en/search\.html\?q=exit\+plan$"))
    expect(page.locator(".hp-search__term")).to_contain_text("Exit plan")
    page.get_by_role("searchbox").focus()
    for _ in range(5):  # the button, three filters, the meaning of the word
        page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.locator("h1")).to_have_text("Exit plan")


@pytest.mark.parametrize(("language", "scheme", "rules"), [("en", "light", RULES), ("cy", "dark", CONTRAST)])
def test_results_are_accessible_and_fit(
    browser: Browser, server: str, language: str, scheme: str, rules: dict[str, object]
) -> None:
    found = []
    for width, question in ((1200, "data"), (320, "rhyngweithredu"), (320, "interopability"), (360, "zzxqy")):
        page = browser.new_page(viewport={"width": width, "height": 800}, color_scheme=scheme)
        look(page, server, question, language)
        page.wait_for_timeout(800)  # until the number has been told
        found += [f"{width} {question}: {problem}" for problem in violations(page, rules)]
        found += [f"{width} {question}: scrolls sideways"] if scrolls_sideways(page) else []
        page.close()
    assert found == []


def test_nothing_moves_while_the_search_is_loaded(browser: Browser, server: str) -> None:
    page = browser.new_page(viewport={"width": 360, "height": 800})
    page.add_init_script(
        "window.moved = 0; new PerformanceObserver((list) => list.getEntries().forEach((one) => {"
        " if (!one.hadRecentInput) window.moved += one.value; })).observe({type: 'layout-shift', buffered: true})"
    )
    for path in ("en/search.html?q=data", "en/search.html", "en/index.html"):
        page.goto(f"{server}/{path}")
        page.wait_for_timeout(500)
        assert page.evaluate("window.moved") < 0.02, path
    page.close()


def test_the_search_opens_from_a_disk(page: Page, sample_release: Path) -> None:
    page.goto((sample_release / "en/records").as_uri() + "/uprn-unique-property-reference-number.html")
    page.get_by_role("searchbox").fill("exit plan")
    page.keyboard.press("Enter")
    expect(page.locator(".hp-search__term")).to_contain_text("Exit plan")
    page.get_by_role("searchbox").press("End")
    page.get_by_role("searchbox").press_sequentially("s")
    expect(page).to_have_url(re.compile(r"^file:.*/en/search\.html\?q=exit\+plans$"))
    page.get_by_role("link", name="Cymraeg").click()
    expect(page.get_by_role("searchbox")).to_have_value("exit plans")
    expect(page.locator("h1")).to_have_text("Chwilio")


def test_without_scripts_the_box_leads_to_a_page_that_leads_on(browser: Browser, server: str) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{server}/cy/index.html")
    page.get_by_role("searchbox").fill("data")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(r"/cy/search\.html\?q=data$"))
    assert "Mae angen JavaScript ar y chwiliad hwn" in (page.locator("main noscript").text_content() or "")
    expect(page.locator("[data-lead]").get_by_role("link", name="Geirfa", exact=True).first).to_be_visible()
    context.close()


def test_a_search_that_cannot_be_loaded_is_told(browser: Browser, server: str) -> None:
    page = browser.new_page()
    page.route("**/search/en.js", lambda route: route.abort())
    page.goto(f"{server}/en/search.html?q=data")
    expect(page.locator("[data-told]")).to_contain_text("could not be loaded")
    expect(page.get_by_role("heading", name="Other ways to find things")).to_be_visible()
    page.close()


def test_what_a_hub_writes_is_never_markup(page: Page, sample_release: Path, tmp_path: Path) -> None:
    release = tmp_path / "release"
    shutil.copytree(sample_release / "assets", release / "assets")
    shutil.copytree(sample_release / "en", release / "en")
    small = searched(tmp_path / "small", a_case_study("one", title=HOSTILE, summary=HOSTILE, body=HOSTILE))
    (release / "search").mkdir()
    (release / "search/en.js").write_bytes(as_script("search.en", index(small)))
    page.goto((release / "en/search.html").as_uri() + "?q=walrus")
    expect(page.locator(".hp-list__link")).to_have_text(HOSTILE)
    expect(page.locator(".hp-list__text")).to_have_text(HOSTILE)
    assert page.locator("main img, main b").count() == 0
    assert page.locator("mark").all_text_contents() == ["walrus", "walrus"]
