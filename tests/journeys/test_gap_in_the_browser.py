"""The gap analysis is worked out twice, by ``hubpacks gap`` and in a browser: both say the same of the same return."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, Route

from hubs.contract.groups import ATTRIBUTES
from hubs.contract.vocabularies import vocabulary
from hubs.instruments import instruments
from pipelines.gap.plan import Analysis, analyse
from pipelines.gap.read import NOT_STATED, Own, read_return
from pipelines.gap.release import read_release
from pipelines.gap.targets import read_target
from pipelines.gap.tell import _table, gap_json, groups, step_peers
from pipelines.gap.words import Words
from tests.builders import INSTRUMENT
from tests.feeds import NOW, csv_text
from tests.websites import published

RETURNS_N = 200
AUDIENCES = ("decision_maker", "procurement_professional")
PERIODS = ("2025-Q4", "2026-Q3", "2026-Q4", "2026", "2026-Q1")
EARLIER = ("2024", "2025-Q2", "2025-Q3")
Told = dict[str, Any]
"""What is told of a return, by audience; None for one that said nothing."""
MUTANTS = {
    "the lower median": ("Math.floor((levels.length - 1) / 2)", "Math.floor(levels.length / 2)"),
    "the quartiles": ("if (level < peers.q1)", "if (level <= peers.q1)"),
    "the order of groups": ('"sector_size_band", "sector", "organ', '"sector", "sector_size_band", "organ'),
    "the order of the plan": ("(b.share_at_next_step || 0) - (a", "(a.share_at_next_step || 0) - (a"),
    "the order of what helps": ("isElsewhere(a) - isElsewhere(b)", "0"),
    "whom records are for": ("!record.audience || ", "!record.audience || true || "),
    "shares as words": ("share <= LOWEST_SHARE", "share < LOWEST_SHARE"),
    "questions that do not apply": ('if (row.level !== "na")', "if (true)"),
}


@dataclass(frozen=True)
class Case:
    """A return, one of an earlier period or none, and targets; for the command as files, for the page as texts."""

    language: str
    own: str
    before: str | None
    targets: Mapping[str, int]


def a_description(chance: random.Random) -> dict[str, str]:
    """Of an organisation; a sector may be left out."""
    terms = {name: [term.id for term in vocabulary(scheme)] for name, scheme in ATTRIBUTES.items()}
    common = {"sector": "local_government", "organisation_type": "council", "size_band": "250_to_999"}
    found = {
        name: common[name] if name in common and chance.random() < 0.4 else chance.choice(terms[name])
        for name in ATTRIBUTES
    }
    if chance.random() < 0.2:
        found["sector"] = ""
    for name in ("size_band", "region"):
        if chance.random() < 0.2:
            found[name] = NOT_STATED
    return found


def answers(chance: random.Random, described: Mapping[str, str], period: str) -> list[dict[str, str]]:
    """Of one organisation in a period: both audiences or one, one person or several, some questions left out."""
    audiences = chance.choice([AUDIENCES, AUDIENCES[:1], AUDIENCES[1:]])
    middle = {dimension: chance.choice([0, 1, 1, 2, 2, 3, 4, 5, "na"]) for dimension in bank().dimensions}

    def level(dimension: str) -> str:
        around = middle[dimension]
        if around == "na" or chance.random() < 0.1:
            return "na"
        return str(min(5, max(0, around + chance.choice([-1, 0, 0, 1]))))

    rows = [
        {
            "organisation": "organisation",
            "respondent": f"respondent-{audience[:2]}-{person}",
            "audience": audience,
            **described,
            "period": period,
            "instrument": INSTRUMENT,
            "question": question.id,
            "level": level(question.dimension),
        }
        for audience in audiences
        for person in range(chance.choice([1, 1, 1, 2, 3, 4]))
        for question in bank().asked_of(audience)
        if chance.random() > 0.08
    ]
    chance.shuffle(rows)
    if all(row["level"] == "na" for row in rows):
        rows[0]["level"] = "3"
    return rows


def some_cases(number: int, seed: int = 7) -> list[Case]:
    chance = random.Random(seed)
    described = [a_description(chance) for _ in range(24)]  # few, since each costs a reading of the release
    found = []
    for _ in range(number):
        who, period = chance.choice(described), chance.choice(PERIODS)
        rows = answers(chance, who, period)
        before = answers(chance, chance.choice(described), chance.choice(EARLIER)) if chance.random() < 0.4 else []
        if before and chance.random() < 0.3:
            rows += before  # both in one file, as a workbook of several years is saved
        wanted = {
            "none": {},
            "one": dict.fromkeys(bank().dimensions, chance.randrange(6)),
            "some": {name: chance.randrange(6) for name in bank().dimensions if chance.random() < 0.5},
        }
        targets = wanted[chance.choice(["none", "one", "some"])]
        found.append(Case(chance.choice(["en", "cy"]), csv_text(rows), csv_text(before) if before else None, targets))
    return found


@cache
def bank() -> Any:
    return instruments()[INSTRUMENT]


@cache
def release_for(folder: Path, described: tuple[tuple[str, str], ...]) -> Any:
    return read_release(folder, dict(described))


def by_the_command(case: Case, release: Path, folder: Path) -> Analysis:
    """What ``hubpacks gap`` works out, by its own reading of the same files."""

    def read(text: str, name: str, before: str | None = None) -> Own:
        path = folder / name
        path.write_text(text, encoding="utf-8")
        verdict, own = read_return(path, instruments(), NOW.date(), before=before)
        assert own is not None, [finding.to_dict() for finding in verdict.findings]
        return own

    own = read(case.own, "own.csv")
    before = read(case.before, "before.csv", own.period) if case.before else None
    targets: Mapping[str, int] = {}
    if case.targets:
        path = folder / "targets.csv"
        path.write_text("dimension,level\n" + "".join(f"{name},{level}\n" for name, level in case.targets.items()))
        targets = read_target(str(path), list(bank().dimensions))
    told = release_for(release, tuple(sorted(own.described.items())))
    return analyse(own, before, told, instruments(), targets=targets, language=case.language)


def as_told(analysis: Analysis, audience: str) -> dict[str, Any] | None:
    """The JSON of one audience, and what people read of it; None when that audience gave no answer with a level."""
    words = Words(analysis.language)
    found = [one for one in analysis.assessments if one.audience == audience]
    if not found:
        return None
    (assessment,) = found
    whole = gap_json(analysis)
    whole["assessments"] = [one for one in whole["assessments"] if one["audience"] == audience]
    rows = _table(assessment, words, True)[1:]
    return {
        "json": json.loads(json.dumps(whole)),
        "table": rows,
        "groups": json.loads(json.dumps(groups(assessment, words))),
        "peers": [step_peers(step, words) for step in assessment.steps],
    }


IN_THE_BROWSER = """async (cases) => {
  const { analysis, known, texts, valuesOf } = hubpacks.assessment;
  const read = (text, before) => hubpacks.gap.ownOf(hubpacks.gap.readRows(text, known), known, before);
  const told = [];
  for (const { own: text, before, targets } of cases) {
    const own = read(text, null);
    if (own.answers === null) {
      told.push(null);
      continue;
    }
    const json = await analysis(own, before === null ? null : read(before, own.period), targets);
    const [{ dimensions, plan }] = json.assessments;
    const places = plan.map((step) => dimensions.find((place) => place.dimension === step.dimension));
    told.push({
      json,
      table: dimensions.map((place) => {
        const cells = valuesOf(place);
        const names = ["level", "before", "target", "median", "n", "at_or_above", "at_next", "band"];
        return [place.label, ...names.map((name) => cells[name])];
      }),
      groups: texts.groups(dimensions).map(({ group, dimensions: of, why }) => [group, of, why]),
      peers: places.map((place) => texts.stepPeers(place)),
    });
  }
  return told;
}"""


@pytest.fixture(scope="module")
def cases() -> list[Case]:
    return some_cases(RETURNS_N)


@pytest.fixture(scope="module")
def expected(cases: list[Case], sample_release: Path, tmp_path_factory: pytest.TempPathFactory) -> list[Told]:
    folder = tmp_path_factory.mktemp("returns")
    found = [by_the_command(case, sample_release, folder) for case in cases]
    return [{audience: as_told(analysis, audience) for audience in AUDIENCES} for analysis in found]


@pytest.fixture(scope="module")
def address(sample_release: Path) -> Iterator[str]:
    with published(sample_release) as found:
        yield found


def differences(page: Page, address: str, cases: list[Case], expected: list[Told], bank: tuple[str, str]) -> int:
    """How many of the cases in a language the page of an audience (``bank``) tells otherwise."""
    language, audience = bank
    chosen = [number for number, case in enumerate(cases) if case.language == language]
    page.goto(f"{address}/{language}/self-assessment/{INSTRUMENT}-{audience.replace('_', '-')}.html")
    told = in_the_browser(page, [cases[number] for number in chosen])
    assert sum(one is not None for one in told) > len(cases) / 8
    return sum(one != expected[number][audience] for number, one in zip(chosen, told, strict=True))


def in_the_browser(page: Page, cases: list[Case]) -> list[Any]:
    given = [{"own": case.own, "before": case.before, "targets": dict(case.targets)} for case in cases]
    told: list[Any] = page.evaluate(IN_THE_BROWSER, given)
    return told


def with_change(route: Route, change: tuple[str, str]) -> None:
    script = route.fetch().text()
    assert change[0] in script
    route.fulfill(body=script.replace(*change), content_type="text/javascript")


@pytest.mark.parametrize("bank", [(language, audience) for language in ("en", "cy") for audience in AUDIENCES])
def test_the_page_and_the_command_say_the_same_of_200_returns(
    browser: Browser, address: str, cases: list[Case], expected: list[Told], bank: tuple[str, str]
) -> None:
    page = browser.new_page()
    assert differences(page, address, cases, expected, bank) == 0
    page.close()


@pytest.mark.parametrize("change", MUTANTS.values(), ids=MUTANTS)
def test_a_page_that_works_it_out_otherwise_is_found(
    browser: Browser, address: str, cases: list[Case], expected: list[Told], change: tuple[str, str]
) -> None:
    page = browser.new_page()
    page.route("**/assets/gap.js", lambda route: with_change(route, change))
    assert differences(page, address, cases[:60], expected, ("en", "procurement_professional")) > 0
    page.close()
