from __future__ import annotations

from typing import Any

import pytest

from pipelines.cube import Counts
from pipelines.disclose import disclose, gate
from pipelines.disclose.attack import Attack, Finding
from pipelines.policy import Policy
from tests.counts import KEY, counts_of, on_levels


def two_sectors() -> Counts:
    """Organisations of two sectors and regions, half of each reached through one hub alone."""
    return counts_of(
        *(
            on_levels(8, 9, 7, 9, 8, 7, hub=hub, sector=sector, region=region)
            for sector, region in (("health", "wales"), ("education", "london"))
            for hub in ("", sector)
        )
    )


def statuses(table: Any) -> dict[str, str]:
    rows = table.to_pylist()
    return {row["sector"]: row["status"] for row in rows if row["breakdown"] == "sector" and row["n"] is not None}


def test_what_stands_the_attack_is_told_as_it_was_made() -> None:
    counts = two_sectors()
    told = gate.told(counts, Policy())
    assert (told.attack.findings, told.withheld_n) == ((), 0)
    assert told.made.benchmarks.equals(disclose(counts, Policy()).benchmarks)
    audit = gate.audit([told, told])
    assert (audit["tables"], audit["findings"], audit["groups_withheld_for_the_attack"]) == (2, 0, 0)
    assert audit["narrowest_interval"] >= Policy().base


def test_what_the_attack_names_is_withheld_and_the_rest_made_and_attacked_again(monkeypatch) -> None:
    counts = two_sectors()
    assert {"health", "education"} <= statuses(disclose(counts, Policy()).benchmarks).keys()
    attacks = []
    honest = gate.attack

    def finds_one(*tables: Any, **known: Any) -> Attack:
        attacks.append(tables)
        found = honest(*tables, **known)
        if len(attacks) > 1:
            return found
        return Attack((Finding("narrow_cell", KEY, "sector", ("health",), "n", "planted"),), found.audit)

    monkeypatch.setattr(gate, "attack", finds_one)
    told = gate.told(counts, Policy())
    assert (len(attacks), told.withheld_n, told.attack.findings) == (2, 1, ())
    assert "health" not in statuses(told.made.benchmarks)


@pytest.mark.parametrize(
    ("named", "withheld"),
    [
        ([("total", ()), ("sector", ("health",))], "health"),
        ([("sector_size_band", ("education", "250_to_999"))], "education"),
    ],
)
def test_the_most_divided_group_is_withheld_that_is_told(monkeypatch, named, withheld: str) -> None:
    honest = gate.attack
    attacks = []

    def finds(*tables: Any, **known: Any) -> Attack:
        attacks.append(tables)
        found = honest(*tables, **known)
        planted = tuple(Finding("narrow_cell", KEY, *cell, "n", "planted") for cell in named)
        return found if len(attacks) > 1 else Attack(planted, found.audit)

    monkeypatch.setattr(gate, "attack", finds)
    told = gate.told(two_sectors(), Policy())
    assert (told.withheld_n, told.attack.findings) == (1, ())
    assert statuses(told.made.benchmarks).keys() == {"health", "education"} - {withheld}


def test_what_is_found_again_and_again_is_left_for_whoever_refuses_the_release(monkeypatch) -> None:
    found = Finding("exact_cell", KEY, "total", (), "n", "planted", who="hub one")
    honest = gate.attack
    monkeypatch.setattr(gate, "attack", lambda *t, **k: Attack((found,), honest(*t, **k).audit))
    told = gate.told(two_sectors(), Policy())
    assert told.attack.findings == (found,)
    assert gate.in_words(found).endswith("total, n: exact_cell (hub one): planted")


def test_an_outsider_finds_a_number_that_says_more_than_the_counts() -> None:
    made = disclose(two_sectors(), Policy())
    assert gate.problems(made.benchmarks, made.distributions, Policy(), []) == []
    rows = made.benchmarks.to_pylist()
    rows[0]["mean"] += 0.1
    planted = made.benchmarks.from_pylist(rows, made.benchmarks.schema)
    (problem,) = gate.problems(planted, made.distributions, Policy(), [])
    assert "other_number" in problem


@pytest.mark.parametrize("named", [{("sector", ("health",))}, {("total", ())}])
def test_withheld_cells_are_told_in_nothing(named) -> None:
    made = disclose(two_sectors(), Policy(), withheld=named)
    ((breakdown, terms),) = named
    told = [row for row in made.benchmarks.to_pylist() if row["breakdown"] == breakdown and row["n"] is not None]
    assert not [row for row in told if not terms or row["sector"] in terms]
