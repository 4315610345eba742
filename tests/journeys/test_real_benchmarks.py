"""Two real surveys benchmarked by groups of their own, beside a count of the raw files in pandas alone.

The Open Data Barometer 2014: 86 countries by region of the world and income. The surveys of research software engineers
2017: respondents by discipline and kind of employer, each national survey a hub. Nothing of the content is kept here.

The vocabularies are those of UK public services and have no regions of the world, incomes or disciplines. So each of
these groups stands under a term that does not mean it, which the registration maps it to. That is good enough to count
by, and for no page: these registrations are made here and nothing is published from them.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from hubs.instruments import instruments
from hubs.judge import judge
from hubs.mapping.lint import lint
from hubs.registration import Registration
from pipelines.benchmark import combine, cube, organisation_levels
from pipelines.disclose import gate
from pipelines.policy import read_policy
from tests.feeds import NOW
from tests.journeys.test_real_mapping import REAL, REGISTRY, feed, registration

BANKS = instruments(REGISTRY / "instruments")
POLICY = read_policy()
BASE, THRESHOLD, SPREAD, LEVELS = 5, 10, 2, range(6)
"""What the policy has to say; written once more, so that a looser one is found."""
BY: dict[str, list[str]] = {
    "total": [],
    "sector": ["sector"],
    "organisation_type": ["organisation_type"],
    "size_band": ["size_band"],
    "region": ["region"],
    "sector_size_band": ["sector", "size_band"],
}
BY_ALL = ["sector", "organisation_type", "size_band", "region"]

Group = tuple[str, str, tuple[str, ...]]
"""Dimension, breakdown, terms."""


def by_groups_of_its_own(source: str, **columns: Any) -> Registration:
    """The registration of ``source``, by which these columns are read otherwise."""
    data = registration(source).model_dump(mode="json", exclude_unset=True, by_alias=True)
    for one in data["sources"]:
        one["columns"] |= columns
    return Registration.model_validate(data)


# The raw files, by pandas alone.


@dataclass(frozen=True)
class Survey:
    """``answers``, a row each: ``organisation`` (any name), ``hub``, the attributes, ``dimension`` and ``level``. The
    hub of each row of each file that is mapped is in ``hub_of_row``.
    """

    registration: Registration
    answers: pd.DataFrame
    hub_of_row: Mapping[str, pd.Series]


def raw(source: str, file: str) -> pd.DataFrame:
    """All cells as text."""
    path = REAL / source / "files" / file
    if not path.is_file():
        pytest.fail(f"no content at {path}: put the real content beside the project or set HUBPACKS_REAL")
    return pd.read_csv(path, dtype=str, keep_default_na=False)


WORLD = {
    "Europe & Central Asia": "north_east",
    "Sub-Saharan Africa": "north_west",
    "Latin America & Caribbean": "london",
    "East Asia & Pacific": "wales",
    "Middle East & North Africa": "scotland",
    "South Asia": "south_east",
    "North America": "south_west",
}
INCOMES = {
    "High income": "5000_and_over",
    "Upper middle income": "1000_to_4999",
    "Lower middle income": "250_to_999",
    "Low income": "50_to_249",
}
SCORES = "assets/data/ODB-2014-Survey-Ordered.csv"
"""Its owners' own pivot of the two files that are mapped; region and income of each country stand only there."""
HUBS = ("hub-a", "hub-b", "hub-c")


def barometer() -> Survey:
    """Countries take turns, by their names, to be of one hub of three. The truth is of another file than the mapped."""
    source = "assess-odb-2014"
    looked_up = {"file": SCORES, "key": "Country"}
    region = {"column": "Country", "lookup": looked_up | {"column": "Region"}, "map": WORLD}
    income = {"column": "Country", "lookup": looked_up | {"column": "Income"}, "map": INCOMES}
    scores = raw(source, SCORES)
    answers = scores.melt(["Country", "Region", "Income"], [name for name in scores if name.startswith("ODB.2013.")])
    kind = answers["variable"].str.split(".").str[2].str[0]  # Context, Impact or Dataset
    number = answers["value"].astype(float)
    bands = sum((number >= least).astype(int) for least in (5, 20, 45, 70, 90))
    hub_of = {country: HUBS[i % len(HUBS)] for i, country in enumerate(sorted(scores["Country"]))}
    found = pd.DataFrame(
        {
            "organisation": answers["Country"],
            "hub": answers["Country"].map(hub_of),
            "sector": "central_government",
            "organisation_type": "government_department",
            "size_band": answers["Income"].map(INCOMES),
            "region": answers["Region"].map(WORLD),
            "dimension": kind.map({"C": "readiness", "I": "impact", "D": "datasets"}),
            "level": bands.where(kind == "D", number // 2).astype(int),
        }
    )
    files = [f"assets/data/primary_data_{name}.csv" for name in ("context_impact", "datasets")]
    hub_of_row = {file: raw(source, file)["Country"].map(hub_of) for file in files}
    return Survey(by_groups_of_its_own(source, region=region, size_band=income), found, hub_of_row)


DISCIPLINES = {
    "Physics and Astronomy": "research",
    "Computer Science": "infrastructure",
    "Biological Sciences": "health",
    "Mathematics": "education",
    "Chemistry": "business",
    "Geography & Environmental Sciences": "environment",
    "Electrical & Electronic Engineering": "transport",
    "Mechanical Engineering": "emergency_services",
    "Psychology": "social_care",
    "Geology": "planning",
    "Civil Engineering": "housing",
}
OTHERS = "cross_sector"
"""All other disciplines, and none. Canada asked by names of its own, so nearly all of its respondents are here."""
AGREEMENT = ("strongly disagree", "disagree", "neither agree or disagree", "agree", "strongly agree")
FREQUENCY = ("never", "sometimes", "often", "very often", "always")
ASKED = {
    r"\[affRec[1-5]\]": "recognition",
    r"\[affSat[1-3]\]": "satisfaction",
    r"(?i)satisgen1(?!\[SQ002)": "satisfaction",  # the second asks about the career, and no instrument does
    r"\[perfCheck[1-7]\]": "feedback",
    r"^(open01can|open03can|conf1can|paper2)\.": "openness",
    r"^(stability2|train1)\.": "sustainability",
}
"""Headings of questions, and the dimension of each."""


def engineers() -> Survey:
    """Each national survey is a hub."""
    source = "assess-rse-2016-2017"
    discipline = {"column": "edu2.*", "map": DISCIPLINES, "otherwise": OTHERS, "default": OTHERS}
    capitalized = {name.capitalize(): term for name, term in DISCIPLINES.items()}  # Canada writes them so
    parts, hub_of_row = [], {}
    for country in ("can", "de", "nl", "uk", "us", "zaf"):
        file = f"analysis/2017/{country}/data/public_data.csv"
        cells = raw(source, file)
        [subject], [employer], [place] = (
            [name for name in cells if name.startswith(beginning)] for beginning in ("edu2.", "currentEmp1.", "socio1.")
        )
        who = pd.DataFrame(
            {
                "organisation": [f"{country} {i}" for i in range(len(cells))],
                "hub": country,
                "sector": cells[subject].str.capitalize().map(capitalized).fillna(OTHERS),
                "organisation_type": cells[employer].map(employer_type),
                "size_band": "not_stated",
                "region": cells[place].map({"United Kingdom": "uk_wide"}).fillna("outside_uk"),
            }
        )
        for pattern, dimension in ASKED.items():
            for question in (name for name in cells if re.search(pattern, name)):
                level = [point_of(text.strip("\ufeff "), question) for text in cells[question]]
                parts.append(who.assign(dimension=dimension, level=level).dropna(subset="level"))
        hub_of_row[file] = pd.Series(country, cells.index)
    return Survey(by_groups_of_its_own(source, sector=discipline), pd.concat(parts), hub_of_row)


def employer_type(text: str) -> str:
    if text.startswith(("University", "Research Institute")):
        return "university"
    if text.startswith("College"):
        return "college"
    if text.startswith("Government"):
        return "government_department"
    if text == "Other government agency":
        return "arms_length_body"
    return "charity" if text in {"NGO", "Non-profit", "Other non-profit", "Charity"} else "other"


def point_of(text: str, question: str) -> int | None:
    """The level that an answer stands for; None for no answer."""
    said = text.lower()
    if not said:
        return None
    for scale in (AGREEMENT, FREQUENCY):
        if said in scale:
            return scale.index(said) + 1
    if said in {"yes", "no"}:
        return 5 * (said == "yes")
    number = int(said.split()[0])
    # How often, from 1 to 10, in pairs from below; how satisfied, from 0 to 10, in pairs from 0 and 1.
    return -(-number // 2) if "perfCheck" in question else number // 2


def truth(survey: Survey) -> dict[Group, pd.DataFrame]:
    """How many organisations of each hub (rows) are on each level (columns), by group."""
    who = ["dimension", "organisation", "hub", *BY_ALL]
    level = survey.answers.groupby(who)["level"].quantile(0.5, interpolation="lower").astype(int).reset_index()
    found = {}
    for breakdown, by in BY.items():
        for (dimension, *terms), members in level.groupby(["dimension", *by]):
            counted = pd.crosstab(members["hub"], members["level"])
            found[dimension, breakdown, tuple(terms)] = counted.reindex(columns=LEVELS, fill_value=0)
    return found


def may_be_told(group: pd.DataFrame) -> bool:
    """Whether there are enough, and enough of them off the commonest level, also without the members of any one hub."""
    rests = [group.sum(), *(group.sum() - own for _, own in group.iterrows())]
    return all(rest.sum() >= THRESHOLD and rest.sum() - rest.max() >= SPREAD for rest in rests)


# The product's way.


@dataclass(frozen=True)
class Proof:
    """Of one survey: how many answers are accepted, its tables as they may be told, and what is true of each group."""

    survey: Survey
    answers_n: int
    tables: list[gate.Told]
    true: dict[Group, pd.DataFrame]

    def benchmarks(self) -> dict[Group, dict[str, Any]]:
        """The row of every group, told or not."""
        rows = [row for one in self.tables for row in one.made.benchmarks.to_pylist()]
        found = {group_of(row): row for row in rows}
        assert len(found) == len(rows)
        return found

    def told(self) -> dict[Group, dict[str, Any]]:
        """The rows of groups that are told."""
        return {group: row for group, row in self.benchmarks().items() if row["n"] is not None}

    def distributions(self) -> dict[Group, dict[str, int]]:
        """How many organisations are on each level of every group that is told."""
        found: dict[Group, dict[str, int]] = {}
        for row in (row for one in self.tables for row in one.made.distributions.to_pylist()):
            found.setdefault(group_of(row), {})[row["level"]] = row["count"]
        return found


def group_of(row: Mapping[str, Any]) -> Group:
    return row["dimension"], row["breakdown"], tuple(row[name] for name in BY[row["breakdown"]])


def benchmarked(survey: Survey, folder: Path, *, is_split: bool = True) -> tuple[int, list[gate.Told]]:
    """How many answers are accepted, and what may be told of the tables. All files are judged together; what is
    accepted goes to the survey's hubs, or all to one.
    """
    about = survey.registration
    assert lint(about, BANKS) == []
    verdict = judge(feed(about.id), about, BANKS, NOW.date(), folder)
    assert not verdict.held_by
    returns: dict[str, list[Path]] = {}
    for table in verdict.tables:
        assert table.accepted is not None
        for hub, rows in by_hub(pq.read_table(table.accepted), survey.hub_of_row[table.file]):
            path = folder / f"{hub}-{table.accepted.name}"
            pq.write_table(rows, path)
            returns.setdefault(hub if is_split else "all", []).append(path)
    levels = {hub: organisation_levels(paths, BANKS) for hub, paths in returns.items()}
    tables = [gate.told(counts, POLICY) for counts in cube(combine(levels), POLICY)]
    return sum(table.accepted_rows for table in verdict.tables), tables


def by_hub(rows: pa.Table, hub_of_row: pd.Series) -> Iterator[tuple[str, pa.Table]]:
    """Rows of one table by the hub of the file's row that each came from."""
    hub = hub_of_row.to_numpy()[rows["row"].to_numpy() - 1]
    for name in sorted(set(hub)):
        yield name, rows.filter(pa.array(hub == name))


@pytest.fixture(scope="module", params=[barometer, engineers], ids=lambda make: make.__name__)
def proof(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Proof:
    survey = request.param()
    return Proof(survey, *benchmarked(survey, tmp_path_factory.mktemp("returns")), truth(survey))


ANSWERS_N = {"assess-odb-2014": 2_408, "assess-rse-2016-2017": 15_682}
GROUPS = {
    "assess-odb-2014": {
        "total": (3, 3, 3),
        "sector": (3, 3, 3),
        "organisation_type": (3, 3, 3),
        "size_band": (12, 5, 3),
        "region": (21, 4, 4),
        "sector_size_band": (12, 5, 3),
    },
    "assess-rse-2016-2017": {
        "total": (5, 5, 5),
        "sector": (60, 40, 40),
        "organisation_type": (30, 11, 11),
        "size_band": (5, 5, 5),
        "region": (10, 5, 0),
        "sector_size_band": (60, 40, 40),
    },
}
"""How many groups have anybody in them, how many of those may be told by themselves, and how many are told. The others
are withheld because what is left of all would be too few: all engineers of the United Kingdom are in one hub, which
must not be told, so the rest of the world is not told either.
"""
DERIVED = {"assess-odb-2014": ({0: 19}, 0.32), "assess-rse-2016-2017": ({0: 93, -1: 4, -5: 2}, 0.36)}
"""How many medians are so many levels from the true one, and how far the farthest mean is."""


def test_every_answer_is_accepted_and_no_other(proof: Proof) -> None:
    assert proof.answers_n == len(proof.survey.answers) == ANSWERS_N[proof.survey.registration.id]


def test_every_published_number_is_less_than_a_base_from_the_truth(proof: Proof) -> None:
    told, distributions = proof.told(), proof.distributions()
    assert distributions.keys() == told.keys()
    for group, row in told.items():
        levels = proof.true[group].sum()
        assert abs(row["n"] - levels.sum()) < BASE, group
        assert sum(distributions[group].values()) == row["n"], group
        assert list(distributions[group]) == [str(level) for level in LEVELS], group
        for level, count in distributions[group].items():
            assert count % BASE == 0
            assert abs(count - levels[int(level)]) < BASE, (group, level)


def test_limits_of_shares_hold_the_true_shares(proof: Proof) -> None:
    for group, row in proof.told().items():
        levels = proof.true[group].sum()
        for level in LEVELS[1:]:
            share = levels[level:].sum() / levels.sum()
            assert row[f"share_ge_{level}_low"] <= max(share, 0.05), (group, level)
            assert row[f"share_ge_{level}_high"] >= min(share, 0.95), (group, level)


def test_groups_that_are_too_small_or_all_alike_are_confidential(proof: Proof) -> None:
    """Also those that would be, without the members of one hub, and those that nobody is in."""
    rows = proof.benchmarks()
    assert proof.true.keys() <= rows.keys()
    for group, row in rows.items():
        if group not in proof.true or not may_be_told(proof.true[group]):
            assert (row["n"], row["status"]) == (None, "[c]"), group
            assert {value for name, value in row.items() if name.startswith(("share", "me", "q"))} == {None}, group


def test_how_many_groups_are_told(proof: Proof) -> None:
    told = proof.told()
    found = {}
    for name in BY:
        groups = [group for group in proof.true if group[1] == name]
        safe = [group for group in groups if may_be_told(proof.true[group])]
        found[name] = len(groups), len(safe), sum(group in told for group in safe)
    assert found == GROUPS[proof.survey.registration.id]
    assert len(told) == sum(told_n for *_, told_n in found.values())


def test_medians_and_means_of_rounded_counts_are_near_the_true_ones(proof: Proof) -> None:
    """A median is another only where the true one is nearly another: where there are two camps, it is in the other."""
    medians: Counter[int] = Counter()
    farthest_mean = 0.0
    for group, row in proof.told().items():
        levels = proof.true[group].sum()
        n = levels.sum()
        mean = sum(level * levels[level] for level in LEVELS) / n
        farthest_mean = max(farthest_mean, abs(row["mean"] - mean))
        if row["median"] is not None:
            median = int(row["median"])
            medians[median - int((levels.cumsum() * 2 >= n).idxmax())] += 1
            assert levels[:median].sum() - BASE < n / 2 < levels[: median + 1].sum() + BASE, group
    assert (medians, round(farthest_mean, 2)) == DERIVED[proof.survey.registration.id]


def test_neither_outsiders_nor_hubs_can_work_anything_out(proof: Proof) -> None:
    hubs_n = proof.survey.answers["hub"].nunique()
    assert max(one.attack.audit["coalitions"] for one in proof.tables) == hubs_n
    assert [(one.attack.findings, one.withheld_n) for one in proof.tables] == [((), 0)] * len(proof.tables)
    whole = [pa.concat_tables(getattr(one.made, n) for one in proof.tables) for n in ("benchmarks", "distributions")]
    assert gate.problems(*whole, POLICY, widened=[]) == []


def test_through_one_hub_nothing_is_told(proof: Proof, tmp_path: Path) -> None:
    answers_n, tables = benchmarked(proof.survey, tmp_path, is_split=False)
    assert answers_n == proof.answers_n
    assert {value for one in tables for value in one.made.benchmarks["n"].to_pylist()} == {None}
    assert [one.made.distributions.num_rows for one in tables] == [0] * len(proof.tables)
