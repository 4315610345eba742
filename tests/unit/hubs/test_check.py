import json
import re
from datetime import UTC, datetime
from html.parser import HTMLParser

import pytest

from hubs.check import (
    EXAMPLES,
    MAX_LINES,
    groups,
    json_text,
    refusal_json,
    report_json,
    report_text,
    shown,
    stories,
)
from hubs.check_html import report_html
from tests.badfeeds import EVIL, FEEDS, studies
from tests.feeds import NOW, a_case_study, a_faq, a_withdrawal, judged, write_feed


def strange(text: str) -> set[str]:
    """What nobody sees in ``text``, but for the ends of its lines."""
    return {character for character in text if not character.isprintable()} - {"\n"}


def test_400_alike_are_one_line_with_three_examples(tmp_path) -> None:
    verdict = judged(write_feed(tmp_path / "feed", [*studies(900)[400:], *studies(400, sectors=["trees"])]))
    lines = report_text(verdict, "feed").splitlines()
    start = lines.index("ERROR unknown_sector (400 times)")
    assert lines[start + 1 : start + 4] == [
        "  Not a sector of the vocabulary.",
        "  - sectors = 'trees', 400 times: case_studies/study-0.md, record study-0; case_studies/study-1.md, "
        "record study-1; case_studies/study-10.md, record study-10; and 397 more",
        "  Mend (hub editor): Use a listed sector, or map yours to one.",
    ]
    assert len(lines) < 100


def test_different_cases_of_a_code_are_told_apart_the_commonest_first(tmp_path) -> None:
    wrong = ["trees"] * 2 + ["bees"] * 3 + ["seas", "peas", "keys"]
    records = [a_case_study(id=f"r{n}", title=f"{n}", body=f"{n}", sectors=[s]) for n, s in enumerate(wrong)]
    text = report_text(judged(write_feed(tmp_path / "feed", [*studies(9), *records])), "feed")
    found = re.search(r"ERROR unknown_sector \(8 times\)\n.*\n((?:  - .*\n)+)", text)
    assert found is not None
    first, second, third, rest = found[1].splitlines()
    assert first.startswith("  - sectors = 'bees', 3 times: case_studies/r2.md, record r2; ")
    assert second.startswith("  - sectors = 'trees', 2 times: ")
    assert third == "  - case_studies/r5.md, record r5, sectors = 'seas'"
    assert rest == "  - and 2 more"


def test_what_stops_the_feed_comes_first_then_the_commonest_error(tmp_path) -> None:
    records = [*studies(4, sectors=["trees"]), a_case_study(id="x", licence="closed"), a_faq(id="y", colour="red")]
    found = groups(judged(write_feed(tmp_path / "feed", records)))
    assert [group.name for group in found[:3]] == ["hopeless_feed", "unknown_sector", "closed_licence"]
    severities = [group.code.severity.value for group in found]
    assert severities == sorted(severities, key=["error", "warning", "note"].index)


def test_a_good_feed_is_told_in_two_lines_and_its_files_only_when_asked_for(tmp_path) -> None:
    verdict = judged(write_feed(tmp_path / "feed", [a_case_study()], [a_faq()]))
    assert report_text(verdict, "feed").splitlines() == [
        "feed: accepted",
        "  2 records accepted, 0 quarantined; 0 answers accepted, 0 quarantined; 0 skipped on purpose",
    ]
    assert report_text(verdict, "feed", with_files=True).splitlines()[2:] == [
        "",
        "What each file became:",
        "  Case studies (1)",
        "    shared-schedule: A shared schedule let six councils swap repairs data (case_studies/shared-schedule.md)",
        "  Questions and answers (1)",
        "    what-is-an-api: What is an API? (faqs/what-is-an-api.md)",
    ]


def test_what_was_worked_out_is_told_of_each_record(tmp_path) -> None:
    record = {name: value for name, value in a_case_study().items() if name not in ("licence", "language")}
    verdict = judged(write_feed(tmp_path / "feed", [record]), licence="OGL-UK-3.0")
    text = report_text(verdict, "feed", with_files=True)
    assert "(case_studies/shared-schedule.md); worked out: licence, language from registration" in text
    (told,) = report_json(verdict)["records"]
    assert told["derived"] == {"language": "registration", "licence": "registration"}


def test_the_account_of_files_is_bounded_in_text_and_whole_in_data(tmp_path) -> None:
    folder = write_feed(tmp_path / "feed", [*studies(40), *studies(70, sectors=["trees"])[40:]])
    (folder / "left.docx").write_text("x")
    verdict = judged(folder)
    text = report_text(verdict, "feed")
    part = text[text.index("What each file became:") :]
    assert part.count("; --format json has all") == 2
    assert "    and 20 more; --format json has all" in part
    assert "  Nothing came of (1)\n    left.docx: unmapped_file" in part
    assert len(part.splitlines()) == 1 + 2 * (1 + MAX_LINES + 1) + 2 - 1 + 1
    data = report_json(verdict)
    assert len(data["records"]) == 40
    assert len(data["quarantined"]) == 30
    assert len(data["files"]) == 72


def test_each_file_s_story_adds_up(tmp_path) -> None:
    verdict = judged(FEEDS["bad_values"](tmp_path))
    for story in stories(verdict):
        data = story.to_dict()
        assert data["accepted"] == sum(kind["accepted"] for kind in data["kinds"].values())
        assert data["quarantined"] == sum(kind["quarantined"] for kind in data["kinds"].values())
        assert data["skipped"] == len(data["left_out"])
        assert data["findings"] == sum(data["codes"].values())
        assert data["kinds"] or data["left_out"] or data["codes"], data["file"]


def test_withdrawals_are_told_at_every_door(tmp_path) -> None:
    verdict = judged(write_feed(tmp_path / "feed", [a_case_study()], rows={"withdrawal": [a_withdrawal()]}))
    text = report_text(verdict, "feed", with_files=True)
    assert "; 1 withdrawal\n" in text
    assert "gone: The contract was never signed. (withdrawal.json, row 1)" in text
    (entry,) = report_json(verdict)["withdrawn"]
    assert (entry["kind"], entry["id"], entry["date"]) == ("withdrawal", "gone", "2026-09-01")
    assert "Records that the hub takes back" in report_html(verdict, "feed")


def test_the_data_have_these_parts(tmp_path) -> None:
    """A part may be added. One that is gone or means something else breaks somebody's program."""
    data = report_json(judged(FEEDS["bad_answers"](tmp_path)))
    assert {name: type(value).__name__ for name, value in data.items()} == {
        "hub": "str",
        "contract": "str",
        "rules": "str",
        "outcome": "str",
        "held_by": "list",
        "counts": "dict",
        "quarantined_by_code": "dict",
        "answers_quarantined_by_code": "dict",
        "derived": "dict",
        "findings": "list",
        "skipped": "list",
        "files": "list",
        "records": "list",
        "quarantined": "list",
        "withdrawn": "list",
        "tables": "list",
    }
    assert {"code", "severity", "why", "mend", "who", "count"} <= set(data["findings"][0])
    assert set(data["records"][0]) == {"id", "kind", "heading", "content", "file", "place", "derived"}
    assert set(data["tables"][0]) == {"kind", "file", "place", "accepted", "quarantined", "derived"}
    assert {"file", "accepted", "quarantined", "skipped", "findings", "kinds", "left_out", "codes"} <= set(
        data["files"][0]
    )
    assert json.loads(json_text(data)) == json.loads(json.dumps(data))


def test_a_refusal_names_its_code_and_mend() -> None:
    data = refusal_json("unsafe_path", "../up.md")
    assert (data["outcome"], data["held_by"]) == ("refused", ["unsafe_path"])
    (finding,) = data["findings"]
    assert finding["detail"] == "../up.md"
    assert finding["mend"]


@pytest.mark.parametrize(
    ("text", "safe"),
    [
        ("plain ü 字", "plain ü 字"),
        ("\x1b[31m", r"\x1b[31m"),
        ("a\nb\tc\r", r"a\nb\tc\r"),
        ("\u202ereversed\u2066", r"\u202ereversed\u2066"),
        ("\x9b2J\u200b\ufeff", r"\x9b2J\u200b\ufeff"),
        ("\udce9", r"\udce9"),
        ("\U000e0041", r"\U000e0041"),
        ("x" * 121, "x" * 119 + "…"),
    ],
)
def test_what_nobody_sees_is_written_out(text: str, safe: str) -> None:
    assert shown(text) == safe


def test_hostile_words_reach_neither_terminal_nor_page(tmp_path) -> None:
    verdict = judged(FEEDS["hostile_words"](tmp_path))
    text, page = report_text(verdict, EVIL, with_files=True), report_html(verdict, EVIL, NOW, "0" * 64)
    data = json_text(report_json(verdict) | {"feed": EVIL})
    for report in (text, page, data):
        assert strange(report) == set()
        assert "override" in report  # it was there to be shown
    assert EVIL in json.loads(data)["feed"]
    assert "<script" not in page
    assert "<img" not in page
    assert "onerror" not in re.sub(r">[^<]*<", "><", page)


class _Seen(HTMLParser):
    """What a page is made of, and whether what opens is closed."""

    VOID = ("meta", "br")

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text: dict[str, list[str]] = {}
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and data.strip():
            self.text.setdefault(self.open[-1], []).append(data.strip())

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]


def test_the_page_says_what_was_checked_when_and_how_it_ended(tmp_path) -> None:
    verdict = judged(FEEDS["hopeless"](tmp_path))
    page = report_html(verdict, "parks.zip", datetime(2026, 11, 3, 9, 5, tzinfo=UTC), "abc123")
    seen = _Seen(page)
    assert seen.open == []
    assert seen.all("html") == [{"lang": "en"}]
    for said in ("parks.zip", "3 November 2026, 09:05 UTC", "abc123", f"rules {verdict.rules}", "Held: none of this"):
        assert said in page, said
    assert page.index("What to mend first") < page.index("Findings") < page.index("What each file became")
    assert "(4): Use a listed sector, or map yours to one." in page


def test_the_page_stands_alone_and_every_table_says_what_it_is(tmp_path) -> None:
    seen = _Seen(report_html(judged(FEEDS["bad_values"](tmp_path)), "feed"))
    assert not {"script", "link", "img", "iframe", "form"} & {tag for tag, _ in seen.tags}
    assert all((attributes["href"] or "").startswith("#") for attributes in seen.all("a"))
    targets = {attributes.get("id") for _, attributes in seen.tags}
    assert {(attributes["href"] or "")[1:] for attributes in seen.all("a")} <= targets
    assert len(seen.text["caption"]) == len(seen.all("table")) > 5
    assert all(attributes.get("scope") for attributes in seen.all("th"))
    assert len(seen.all("h1")) == 1
    policy = [meta["content"] for meta in seen.all("meta") if meta.get("http-equiv")]
    assert policy == ["default-src 'none'; style-src 'unsafe-inline'"]


def test_the_page_tells_every_place_of_a_finding_and_marks_other_languages(tmp_path) -> None:
    welsh = a_case_study(id="cymraeg", language="cy", title="Amserlen")
    page = report_html(
        judged(write_feed(tmp_path / "feed", [*studies(30), *studies(50, sectors=["x"])[30:], welsh])), "f"
    )
    assert page.count("<bdi>&#39;x&#39;</bdi>") + page.count("<bdi>x</bdi>") == 20 > EXAMPLES
    assert '<td lang="cy"><bdi>Amserlen</bdi>' in page
