"""No description in an accepted return fits fewer than five organisations of the register."""

from __future__ import annotations

from pathlib import Path

import pyarrow.parquet as pq
import pytest

from hubs.contract.verdict import Verdict
from hubs.csvfile import UnusableCsv
from hubs.judge.populations import K
from hubs.register import read_register
from hubs.registration import UnusableRegistration, read_registration
from tests.feeds import answers_of, judged, write_feed
from tests.feeds import register as enter

HEAD = "organisation_type,size_band,region"
REGISTER = f"""{HEAD},n
council,250_to_999,wales,5
council,250_to_999,scotland,4
council,under_50,london,2
council,5000_and_over,not_stated,1
police,1000_to_4999,wales,1
police,5000_and_over,london,2
"""


def a_register(folder: Path, text: str = REGISTER) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "register.csv"
    path.write_text(text, encoding="utf-8")
    return path


def verdict_on(folder: Path, register: Path | None, *groups: dict[str, str]) -> Verdict:
    """The verdict on a return of two organisations of each group, described so."""
    rows = [row for n, group in enumerate(groups) for row in answers_of(2, first=n * 1000 + 1, **group)]
    changes = {"register_file": str(register)} if register else {}
    return judged(write_feed(folder / "feed", answers=rows), **changes)


def accepted(verdict: Verdict) -> set[tuple[str, str, str]]:
    rows = [row for table in verdict.tables if table.accepted for row in pq.read_table(table.accepted).to_pylist()]
    return {(row["organisation_type"], row["size_band"], row["region"]) for row in rows}


def test_a_register_counts_and_what_is_not_stated_may_be_anything(tmp_path: Path) -> None:
    register = read_register(a_register(tmp_path))

    def population(type: str, size: str, region: str) -> int:
        return register.population({"organisation_type": type, "size_band": size, "region": region})

    assert population("council", "250_to_999", "wales") == 5
    assert population("council", "250_to_999", "not_stated") == 9
    assert population("council", "not_stated", "not_stated") == 12
    assert population("council", "5000_and_over", "london") == 0
    assert population("charity", "not_stated", "not_stated") == 0


def test_a_row_an_organisation_is_counted_as_one(tmp_path: Path) -> None:
    lines = [f"name,{HEAD},sector", *["Sample,council,under_50,wales,local_government"] * 3]
    register = read_register(a_register(tmp_path, "\n".join(lines)))
    assert register.columns == ("organisation_type", "size_band", "region", "sector")
    assert set(register.counts.values()) == {3}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "has no column organisation_type, size_band, region"),
        (f"{HEAD},n\n", "has no organisation in it"),
        (f"{HEAD}\ncouncil,tiny,wales", "line 2: 'tiny' is no size_band of the vocabulary; use its id"),
        (f"{HEAD},n\ncouncil,under_50,wales,some", "line 2: n must be a whole number"),
        (f"{HEAD}\ncouncil,under_50", "line 2: '' is no region of the vocabulary; use its id"),
    ],
)
def test_a_register_that_cannot_be_used_says_why(text: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(UnusableCsv) as told:
        read_register(a_register(tmp_path, text))
    assert str(told.value) == said


def test_a_description_that_fits_five_is_left_alone(tmp_path: Path) -> None:
    verdict = verdict_on(tmp_path, a_register(tmp_path), {"size_band": "250_to_999", "region": "wales"})
    assert verdict.findings == []
    assert accepted(verdict) == {("council", "250_to_999", "wales")}


def test_region_goes_first_and_then_the_size(tmp_path: Path) -> None:
    scots, small = {"region": "scotland"}, {"size_band": "under_50", "region": "london"}
    verdict = verdict_on(tmp_path, a_register(tmp_path), {}, scots, small)
    assert accepted(verdict) == {
        ("council", "250_to_999", "wales"),
        ("council", "250_to_999", "not_stated"),
        ("council", "not_stated", "not_stated"),
    }
    assert [(f.code, f.field, f.value, f.count, f.detail) for f in verdict.findings] == [
        ("small_population", "region", "council, 250_to_999, scotland", 6, "4 in the register, 2 answered"),
        ("small_population", "region and size_band", "council, under_50, london", 6, "2 in the register, 2 answered"),
    ]


def test_what_a_type_alone_gives_away_is_quarantined(tmp_path: Path) -> None:
    police = {"organisation_type": "police", "size_band": "1000_to_4999"}
    verdict = verdict_on(tmp_path, a_register(tmp_path), {}, {}, police)
    assert accepted(verdict) == {("council", "250_to_999", "wales")}
    [finding] = verdict.findings
    assert (finding.code, finding.field, finding.value, finding.count) == (
        "population_too_small",
        "organisation_type",
        "police",
        6,
    )


def test_everything_accepted_fits_enough_whatever_it_says(tmp_path: Path) -> None:
    register = a_register(tmp_path)
    sizes = ("under_50", "250_to_999", "5000_and_over", "not_stated")
    groups = [
        {"organisation_type": kind, "size_band": size, "region": region}
        for kind in ("council", "police", "charity")
        for size in sizes
        for region in ("wales", "scotland", "london", "not_stated")
    ]
    verdict = verdict_on(tmp_path, register, *groups)
    known = read_register(register)
    names = ("organisation_type", "size_band", "region")
    assert accepted(verdict)
    assert all(known.population(dict(zip(names, one, strict=True))) >= K for one in accepted(verdict))


def test_without_a_register_the_sample_is_measured(tmp_path: Path) -> None:
    rows = [*answers_of(6, region="london"), *answers_of(2, first=100)]
    rows += [row | {"level": "2"} for row in answers_of(5, first=200, region="scotland")]
    verdict = judged(write_feed(tmp_path / "feed", answers=rows))
    [finding] = [f for f in verdict.findings if f.code == "small_sample"]
    assert finding.detail == (
        "1 of 3 groups have fewer than 5 organisations, 2 in all; in 1 of the others all answered some question alike"
    )
    assert verdict.answers == len(rows)


def test_a_registration_names_its_register_beside_it(tmp_path: Path) -> None:
    a_register(tmp_path / "feeds")
    enter(tmp_path, register="../feeds/register.csv")
    registration = read_registration(tmp_path / "registry" / "one.yaml")
    assert registration.register_file == str(tmp_path / "feeds" / "register.csv")
    before = registration.reading()
    a_register(tmp_path / "feeds", REGISTER.replace("wales,5", "wales,6"))
    assert registration.reading() != before
    assert str(tmp_path) not in str(before)


def test_a_register_that_is_gone_makes_the_registration_unusable(tmp_path: Path) -> None:
    enter(tmp_path, register="none.csv")
    with pytest.raises(UnusableRegistration, match=r"^register: none.csv cannot be read: No such file"):
        read_registration(tmp_path / "registry" / "one.yaml")
