"""The three forms say the same, in both languages, and let nothing from outside steer them."""

import json
import re
from pathlib import Path

import pytest

from hubs.instruments import instruments
from pipelines.gap import report, words
from pipelines.gap.plan import Analysis, analyse
from pipelines.gap.read import Answers, Own
from pipelines.gap.release import read_release
from pipelines.wording import wording
from tests.builders import INSTRUMENT
from tests.gaps import DESCRIBED, OLDER, a_record, a_release, a_row, confidential

EVIL = "<script>alert(1)</script>\x1b[2J\u202e"


def an_analysis(folder: Path, language: str = "en", before: bool = False, **release) -> Analysis:
    """Of an organisation on level 2 in governance and 4 in legal, with a question of each."""
    questions = {"dm-governance-1": 2, "dm-legal-1": 4}
    own = Own(
        "2026-Q3", DESCRIBED, {(INSTRUMENT, "decision_maker"): Answers({"governance": 2, "legal": 4}, questions, 2)}
    )
    earlier = Own("2025-Q4", DESCRIBED, {(INSTRUMENT, "decision_maker"): Answers({"governance": 1}, {}, 1)})
    read = read_release(a_release(folder / "release", **release), DESCRIBED)
    return analyse(own, earlier if before else None, read, instruments(), targets={"legal": 4}, language=language)


def test_text_tells_level_peers_and_plan(tmp_path: Path) -> None:
    signpost = a_record(
        "signpost", "vale/code", title="Code", summary="Who owns it", signpost_address="https://a.example/"
    )
    text = report(an_analysis(tmp_path, before=True, records=[a_record(), signpost]), "text", None)
    assert re.search(r"^Governance +2 +1 +3 +3 +45 +80% +60% +between the lower quartile and the median$", text, re.M)
    assert "1. Governance: from level 2 to 3\n   60% of your peers (Local government, 50 to 249 staff)" in text
    assert "Now 2. Level 3 is: One post in the senior team is accountable" in text
    assert "- Who is accountable (vale/one)\n     en/records/vale-one.html\n" in text
    assert "- Code\n     en/records/vale-code.html\n     https://a.example/\n" in text
    assert "\n2. " not in text  # legal is at its target, and nothing else applies


def test_data_has_all_that_the_text_has(tmp_path: Path) -> None:
    analysis = an_analysis(tmp_path, before=True, records=[a_record()])
    data = json.loads(report(analysis, "json", None))
    (assessment,) = data["assessments"]
    governance = assessment["dimensions"][0]
    assert {k: governance[k] for k in ("level", "target", "distance", "before", "change", "next_step")} == {
        "level": 2,
        "target": 3,
        "distance": 1,
        "before": 1,
        "change": 1,
        "next_step": 3,
    }
    assert governance["peers"] == {
        "breakdown": "sector_size_band",
        "sector": "local_government",
        "size_band": "50_to_249",
        "n": 45,
        "median": 3,
        "q1": 2,
        "q3": 4,
        "status": "",
    }
    assert (governance["quartile_band"], governance["share_at_or_above"], governance["share_at_next_step"]) == (
        "q1_to_median",
        0.8,
        0.6,
    )
    (step,) = assessment["plan"]
    assert (step["rank"], step["dimension"], step["questions"][0]["id"]) == (1, "governance", "dm-governance-1")
    assert step["helps"]["case_study"][0]["words"] == ["accountable"]


def test_why_peers_are_who_they_are_is_said(tmp_path: Path) -> None:
    rows = [confidential("legal", "sector_size_band", "sector"), a_row("legal", "sector"), a_row("governance")]
    text = report(an_analysis(tmp_path, rows=rows), "text", None)
    assert "Local government, for Legal. No figures for sector and size: [c], rolled up to sector." in text
    assert "[c] confidential" in text


def test_an_older_release_is_told_in_words(tmp_path: Path) -> None:
    text = report(an_analysis(tmp_path, columns=OLDER), "text", None)
    assert "does not tell quartiles and the share of peers on each level" in text
    assert re.search(r"^Governance +2 +3 +3 +45 +not told +not told +below the median$", text, re.M)
    assert "keep the order of the self-assessment" in text


def test_a_release_without_figures_is_told_in_words(tmp_path: Path) -> None:
    text = report(an_analysis(tmp_path, rows=[]), "text", None)
    assert "no figures of this self-assessment and audience" in text


def test_another_period_is_told_in_words(tmp_path: Path) -> None:
    text = report(an_analysis(tmp_path, rows=[a_row("legal", period="2026-Q2")]), "text", None)
    assert "The release has no figures of 2026-Q3. Peers are those of 2026-Q2, its newest." in text


def test_what_a_return_does_not_say_is_told_in_words(tmp_path: Path) -> None:
    described = {"size_band": "50_to_249"}
    key = (INSTRUMENT, "decision_maker")
    own = Own("2026-Q3", described, {key: Answers({"legal": 2}, {"dm-legal-1": 2}, 1)}, ("2025-Q4",))
    read = read_release(a_release(tmp_path / "release", [a_row("legal", "size_band")]), described)
    text = report(analyse(own, None, read, instruments(), targets={}, language="en"), "text", None)
    assert "Your organisation: 50 to 249 staff." in text
    assert "The file also has answers of 2025-Q4. Name it with --before" in text
    assert "Name it with --sector." in text
    assert "Sector and size was not looked for: your return does not say your sector." in text


@pytest.mark.parametrize("form", ["text", "html", "json"])
def test_nothing_from_a_release_steers_a_terminal_or_a_page(tmp_path: Path, form: str) -> None:
    record = a_record("signpost", title=f"Accountable {EVIL}", signpost_address="javascript:alert(1)", slug=EVIL)
    rows = [a_row("governance", status=EVIL), a_row("legal", period="2026-Q2")]
    told = report(an_analysis(tmp_path, rows=rows, records=[record]), form, None)
    assert "\x1b" not in told
    assert "\u202e" not in told
    assert "javascript:" not in told
    assert "<script" not in told or form != "html"


def test_a_page_leads_to_the_release_beside_it(tmp_path: Path) -> None:
    analysis = an_analysis(tmp_path, records=[a_record()])
    assert 'href="release/en/records/vale-one.html"' in report(analysis, "html", tmp_path / "gap.html")
    assert 'href="../release/en/records/vale-one.html"' in report(analysis, "html", tmp_path / "reports/gap.html")
    assert "href=" not in report(analysis, "html", None)


def test_welsh_is_welsh(tmp_path: Path) -> None:
    analysis = an_analysis(tmp_path, "cy", records=[a_record()])
    text, page = (report(analysis, form, tmp_path / "gap.html") for form in ("text", "html"))
    assert text.startswith("Dadansoddiad o'r bwlch\nEich ateb ar gyfer 2026-Q3")
    assert "1. Llywodraethu: o lefel 2 i 3" in text
    assert '<html lang="cy">' in page
    assert '<span lang="en"><a href="release/cy/records/vale-one.html">' in page


def test_shares_at_the_limits_are_told_as_limits() -> None:
    english = words.Words("en")
    assert [english.share(share) for share in (0.05, 0.061, 0.5, 0.95, None)] == [
        "5% or less",
        "6%",
        "50%",
        "95% or more",
        "not told",
    ]


def test_every_text_is_in_both_languages_with_the_same_values() -> None:
    known = wording(Path(words.__file__).with_name("locale"), "gap")
    assert len(known.texts) > 80
    assert known.unfinished == ()
