"""Every leak that is known is caught, for what it is; an honest release raises nothing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from hubs.contract.groups import BREAKDOWNS
from pipelines.disclose.attack import CODES, Attack, Finding, Known, attack
from pipelines.disclose.intervals import LEVELS, System
from pipelines.disclose.recount import NUMBERS
from pipelines.ledger import Row
from tests.cubes import (
    KEY,
    TERMS,
    Release,
    Unroundable,
    a_cube,
    a_policy,
    a_release,
    a_row,
    capped,
    count,
    everybody,
    published,
)

POLICY = a_policy()
ENDS = ("", "_low", "_high")


def attacked(release: Release, **known: Any) -> Attack:
    return attack(*release.tables(), release.policy, {a: release.cube.terms[a] for a in TERMS}, **known)


def codes(release: Release, **known: Any) -> set[str]:
    return {finding.code for finding in attacked(release, **known).findings}


def found(release: Release, code: str, cell: str, **known: Any) -> list[Finding]:
    return [f for f in attacked(release, **known).findings if (f.code, f.cell) == (code, cell)]


def hand_made(breakdowns: Sequence[str], counts: dict[tuple[str, ...], Sequence[int]]) -> Release:
    """A release that tells just these counts, by breakdown and terms."""
    policy = a_policy("total", *breakdowns)
    cube = a_cube(policy)
    release = published(policy, cube, np.zeros((len(cube.cells), LEVELS), np.int64), np.zeros(len(cube.cells), bool))
    for (breakdown, *terms), x in counts.items():
        release.tell(np.array(x), breakdown, *terms)
    return release


def known_by(release: Release, **members: Sequence[Sequence[int]]) -> dict[str, Any]:
    counts = np.array([count(release.cube, own) for own in members.values()])
    places = release.cube.places
    return {"knows": {KEY: Known(tuple(members), tuple(counts[:, places[name]] for name in release.policy.breakdowns))}}


@pytest.fixture(scope="module")
def clean() -> Release:
    return a_release(everybody(240))


def meddled(clean: Release, change: Callable[[Release], None]) -> Release:
    rows = ([dict(row) for row in table] for table in (clean.benchmarks, clean.distributions))
    release = replace(clean, **dict(zip(("benchmarks", "distributions"), rows, strict=True)))
    change(release)
    return release


# An honest release.


def test_an_honest_release_is_silent_and_the_audit_says_how_narrow_it_is(clean: Release) -> None:
    result = attacked(clean)
    assert result.findings == ()
    assert result.audit["tables"] == 1
    assert result.audit["published_cells"] == clean.shown.sum()
    assert result.audit["published_counts"] == 7 * clean.shown.sum()
    assert result.audit["narrowest_interval"] >= 5
    assert result.audit["findings"] == {}


def test_tables_that_are_attacked_together_are_attacked_as_each_alone() -> None:
    keys = [(*KEY[:3], dimension) for dimension in ("governance", "legal", "technical")]
    apart = [a_release(everybody(90 + i, seed=i), key=key).tables() for i, key in enumerate(keys)]
    together = attack(*(pa.concat_tables(tables) for tables in zip(*apart, strict=True)), POLICY, TERMS).audit
    audits = [attack(*tables, POLICY, TERMS).audit for tables in apart]
    for name in ("tables", "published_cells", "published_counts", "attacked_counts", "programmes_solved"):
        assert together[name] == sum(audit[name] for audit in audits), name
    assert together["narrowest_interval"] == min(audit["narrowest_interval"] for audit in audits)
    assert together["tables"] == 3


def crowds(seed: int, n: int, focus: float) -> list[tuple[int, ...]]:
    """``n`` organisations, the more in few groups and on few levels the smaller ``focus``."""
    random = np.random.default_rng(seed)
    attributes = [random.choice(len(t), n, p=random.dirichlet(np.full(len(t), focus))) for t in TERMS.values()]
    levels = random.dirichlet(np.full(LEVELS, focus), len(TERMS["sector"]))
    rows = zip(*attributes, strict=True)
    return [(*map(int, row), int(random.choice(LEVELS, p=levels[row[0]]))) for row in rows]


ORGANISATIONS = st.builds(crowds, st.integers(0, 2**32), st.integers(0, 250), st.sampled_from([0.3, 1, 3]))
CUBES = st.sampled_from([("total", "sector", "size_band", "sector_size_band"), POLICY.breakdowns])


@settings(max_examples=60, deadline=None)
@given(ORGANISATIONS, CUBES, st.integers(0, 3), st.integers(0, 2**32))
@example(crowds(973, 111, 3), ("total", "sector", "size_band", "sector_size_band"), 1, 171)
def test_after_honest_rounding_outsiders_find_nothing_and_a_hub_at_most_what_the_gate_withholds(
    organisations: list[tuple[int, ...]], breakdowns: tuple[str, ...], hubs_n: int, seed: int
) -> None:
    """A hub that subtracts its own members may be left with a small count of few values (docs/adr/0019): that is never
    exact, nobody else finds it, and the gate takes the group out.
    """
    hubs: list[list[tuple[int, ...]]] = [[] for _ in range(hubs_n + 1)]
    for organisation, hub in zip(organisations, np.random.default_rng(seed).integers(0, hubs_n + 1, 250), strict=False):
        hubs[hub].append(organisation)
    try:
        release = a_release(organisations, a_policy(*breakdowns), hubs[1:])
    except Unroundable:
        assume(False)
    known = known_by(release, **{f"hub-{i}": members for i, members in enumerate(hubs[1:])}) if hubs_n else {}
    assert attacked(release).findings == ()
    assert {finding.code for finding in attacked(release, **known).findings} <= {"coalition_narrow"}


@settings(max_examples=40, deadline=None)
@given(ORGANISATIONS, CUBES)
def test_no_organisation_that_subtracts_itself_finds_anything(
    organisations: list[tuple[int, ...]], breakdowns: tuple[str, ...]
) -> None:
    try:
        release = a_release(organisations, a_policy(*breakdowns))
    except Unroundable:
        assume(False)
    each = {str(organisation): [organisation] for organisation in organisations}
    assert attacked(release, **(known_by(release, **each) if each else {})).findings == ()


def any_release(seed: int) -> tuple[Release, dict[str, Any]]:
    """A release of a few organisations and what hubs know: rounded with regard to hubs or without any, and sometimes
    with a group that is told as it is or otherwise than was rounded; told for the first time or anew.
    """
    random = np.random.default_rng(seed)
    organisations = crowds(seed, int(random.integers(60, 200)), random.choice([0.3, 1, 3]))
    hub = random.integers(0, 4, len(organisations))
    hubs = [[one for one, of in zip(organisations, hub, strict=True) if of == number] for number in (1, 2, 3)]
    policy = a_policy("total", "sector", "size_band", "sector_size_band")
    release = a_release(organisations, policy, hubs if random.random() < 0.5 else ())
    cube, shown = release.cube, np.flatnonzero(release.shown)
    if len(shown) and random.random() < 0.5:
        cell = int(random.choice(shown))
        off = 5 * random.integers(-1, 2, LEVELS)
        told = random.choice([release.true[cell], np.maximum(release.all[cell, :LEVELS] + off, 0)])
        release.tell(told if told.any() else release.true[cell], cube.names[cell][0], *cube.names[cell][1])
    counts = np.array([count(cube, own) for own in hubs])
    places = [cube.places[name] for name in policy.breakdowns]
    anew: dict[str, Any] = {}
    ledger: list[Row] = []
    if random.random() < 0.5:
        grown = random.integers(-2, 3, counts.shape) * (random.random(counts.shape) < 0.05)
        is_alone = random.random(counts.shape[:2]) < 0.3
        anew = {"grown": tuple(grown[:, p] for p in places), "is_alone": tuple(is_alone[:, p] for p in places)}
        ledger = [row for row in ledger_of(release) if random.random() < 0.5]
    known = Known(("hub-1", "hub-2", "hub-3"), tuple(counts[:, p] for p in places), **anew)
    return release, {"knows": {KEY: known}, "ledger": ledger}


@settings(max_examples=6, deadline=None)
@given(st.integers(0, 2**32))
@example(0)  # hubs find counts that are exact, and narrow ones
@example(11)  # rounded without regard to hubs
@example(22)
def test_what_is_found_does_not_depend_on_the_tables_from_which_hubs_are_shown_widths(seed: int) -> None:
    """Nor on whether there are any: then all that is in doubt is solved exactly."""
    try:
        release, known = any_release(seed)
    except Unroundable:
        assume(False)

    def none(_: System, point: Any, low: Any, _high: Any, _is_held: Any) -> Any:
        return np.full(low[..., :LEVELS].shape, -1)

    def some(system: System, _: Any, low: Any, high: Any) -> Any:
        return system.fitting(low, high)

    usual = attacked(release, **known)
    with mock.patch.object(System, "raised", none):
        nearest = attacked(release, **known)
        with mock.patch.object(System, "nearest", some):
            anyhow = attacked(release, **known)
    assert usual.findings == nearest.findings == anyhow.findings


def test_a_hub_costs_no_programme_of_its_own(clean: Release) -> None:
    """Where a release is honest: else the attack would take as long for fifty hubs as for one fifty times."""
    organisations = everybody(240)
    hubs = {f"hub-{i}": organisations[5 * i : 5 * i + 5] for i in range(40)}
    alone, together = attacked(clean), attacked(clean, **known_by(clean, **hubs))
    assert together.findings == ()
    assert together.audit["coalitions"] == 40
    assert together.audit["programmes_solved"] - alone.audit["programmes_solved"] <= 10


def test_counts_that_are_not_told_for_being_low_are_no_leak(clean: Release) -> None:
    def hide(release: Release) -> None:
        for row in release.distributions:
            if row["count"] in {0, 5}:
                row.update(count=None, share=None, status="[low]")

    release = meddled(clean, hide)
    assert len([row for row in release.distributions if row["status"]]) > 10
    assert codes(release) == set()


def test_a_comparison_with_counts_that_are_not_told_is_no_leak() -> None:
    release = hand_made(["sector"], {("total",): (30, 0, 5, 20, 40, 5), ("sector", "health"): (10, 0, 0, 10, 20, 5)})
    assert release.row("sector", "health")["comparison"] == "similar"
    for row in release.distributions:
        if row["count"] in {0, 5}:
            row.update(count=None, share=None, status="[low]")
    assert codes(release) == set()


def test_bands_are_no_leak() -> None:
    release = hand_made(["sector"], {("total",): (30, 30, 0, 0, 20, 20), ("sector", "health"): (10, 10, 0, 0, 10, 0)})
    assert codes(release) == set()
    row, levels = release.row("sector", "health"), release.levels("sector", "health")
    medians = ("median", "median_low", "median_high")
    for name in (*medians, "q1", "q3", "mean", *(f"share_ge_{k}{end}" for k in (1, 3, 5) for end in ENDS)):
        row[name] = None
    release.distributions = [r for r in release.distributions if r not in levels]
    for level, x in (("0-1", 20), ("2-3", 0), ("4-5", 10)):
        release.distributions.append(levels[0] | {"level": level, "count": x, "share": capped(x / 30)})
    assert codes(release) == set()
    release.distributions.pop()
    assert codes(release) >= {"category_missing"}


# Leaks, planted one by one into an honest release.


def test_a_raw_count(clean: Release) -> None:
    cell = clean.cube.cells["sector", ("health",)]
    release = meddled(clean, lambda r: r.tell(clean.true[cell], "sector", "health"))
    assert found(release, "raw_count", "sector: health")
    exact = found(release, "exact_cell", "sector: health")
    assert {(f.least, f.most) for f in exact} <= {(int(c), int(c)) for c in (*clean.true[cell], clean.true[cell].sum())}
    assert exact


def test_a_share_of_true_counts(clean: Release) -> None:
    true = clean.true[clean.cube.cells["sector", ("health",)]]
    share = round(true[3:].sum() / true.sum(), 3)
    release = meddled(clean, lambda r: r.row("sector", "health").update(share_ge_3=share))
    assert [f.statistic for f in found(release, "other_number", "sector: health")] == ["share_ge_3"]
    level = meddled(clean, lambda r: r.levels("sector", "health")[2].update(share=round(true[2] / true.sum(), 3)))
    assert [f.statistic for f in found(level, "other_number", "sector: health")] == ["share of count:2"]


@pytest.mark.parametrize("digits", [1, 2, 6])
def test_an_exact_mean(clean: Release, digits: int) -> None:
    true = clean.true[clean.cube.cells["sector", ("health",)]]
    mean = round(float(true @ np.arange(LEVELS)) / true.sum(), digits)
    assert mean != clean.row("sector", "health")["mean"]
    release = meddled(clean, lambda r: r.row("sector", "health").update(mean=mean))
    assert [f.statistic for f in found(release, "other_number", "sector: health")] == ["mean"]


@pytest.mark.parametrize("name", NUMBERS)
def test_any_other_number_that_does_not_follow(clean: Release, name: str) -> None:
    def change(release: Release) -> None:
        row = release.row("total")
        is_level = name.startswith(("median", "q"))
        row[name] = "better" if name == "comparison" else row[name] + (1 if is_level else 0.1)

    assert [f.statistic for f in found(meddled(clean, change), "other_number", "total")] == [name]


def test_a_comparison_that_does_not_follow(clean: Release) -> None:
    assert clean.row("sector", "health")["comparison"] == "similar"
    release = meddled(clean, lambda r: r.row("sector", "health").update(comparison="worse"))
    assert [f.statistic for f in found(release, "other_number", "sector: health")] == ["comparison"]


def test_a_median_below_its_gate_and_a_number_of_a_withheld_group() -> None:
    release = hand_made(["sector"], {("total",): (10, 10, 10, 0, 0, 0), ("sector", "health"): (5, 5, 5, 0, 0, 0)})
    assert codes(release) == set()
    release.row("sector", "health")["median"] = 1.0
    release.row("sector", "housing")["mean"] = 1.0
    release.row("sector", "justice")["comparison"] = "worse"
    assert [f.cell for f in attacked(release).findings] == ["sector: health", "sector: housing", "sector: justice"]
    assert codes(release) == {"other_number"}


def test_one_subtotal_too_many_is_of_no_group() -> None:
    release = hand_made(["sector"], {("total",): (20, 20, 0, 0, 0, 0)})
    release.benchmarks.append(a_row(KEY, "sector", ["health and housing"]) | {"n": 25})
    assert [f.cell for f in attacked(release).findings] == ["sector: health and housing"]
    release.benchmarks[-1] = a_row(KEY, "region", ["wales"])
    assert codes(release) == {"not_in_cube"}, "a breakdown that is not in the policy"
    release.benchmarks[-1] = release.row("total") | {"n": 35}
    assert codes(release) == {"not_in_cube"}, "a second row"
    release.benchmarks.pop()
    release.distributions.append(release.levels("total")[0] | {"count": 25})
    assert codes(release) == {"not_in_cube"}, "a second count"
    release.distributions[-1] = release.levels("total")[0] | {"level": "6"}
    assert codes(release) == {"not_in_cube"}, "a level that there is not"


def test_one_subtotal_too_many_leaves_a_few() -> None:
    told = {("total",): (9, 9, 0, 0, 0, 0), ("sector", "health"): (5, 5, 0, 0, 0, 0)}
    release = hand_made(["sector"], told)
    assert {(f.least, f.most) for f in found(release, "implied_small", "total")} == {(4, 8)}
    told["sector", "health"] = (6, 4, 0, 0, 0, 0)
    told["sector", "housing"] = (3, 4, 0, 0, 0, 0)
    release = hand_made(["sector"], told)
    assert {(f.least, f.most) for f in found(release, "implied_small", "total")} == {(1, 1)}
    assert {f.statistic for f in found(release, "exact_cell", "sector: justice")} >= {"count:1", "n"}


def test_a_late_return(clean: Release) -> None:
    before = ledger_of(clean)
    assert codes(clean, ledger=before) == set()
    cell = clean.cube.cells["region", ("wales",)]
    late = clean.all[cell, :LEVELS] + np.array([5, 0, 0, 0, 0, 0])
    release = meddled(clean, lambda r: r.tell(late, "region", "wales"))
    close = found(release, "differs_between_releases", "region: wales", ledger=before)
    assert [(f.statistic, f.words) for f in close] == [
        ("n", f"published as {late.sum() - 5} before and as {late.sum()} now")
    ]


def test_what_was_published_before_is_known_still() -> None:
    sectors = {("sector", name): (10, 10, 0, 0, 0, 0) for name in TERMS["sector"]}
    old = hand_made(["sector"], {("total",): (40, 35, 0, 0, 0, 0)})
    new = hand_made(["sector"], sectors)
    assert codes(new) == codes(old) == set()
    assert "margin_broken" in codes(new, ledger=ledger_of(old))
    narrow = found(new, "pinned_cell", "sector: health", ledger=ledger_of(old))
    assert {(f.statistic, f.least, f.most) for f in narrow} >= {("n", 23, 24)}


def test_a_breakdown_that_is_not_published_any_more_is_known_still() -> None:
    both = {("total",): (30, 15, 0, 0, 0, 0)} | {("sector", s): (10, 5, 0, 0, 0, 0) for s in TERMS["sector"]}
    regions = {("region", "wales"): (30, 35, 0, 0, 0, 0), ("region", "london"): (10, 10, 0, 0, 0, 0)}
    release = hand_made(["sector"], both)
    assert codes(release, ledger=ledger_of(hand_made(["region"], {("total",): both["total",]}))) == set()
    assert "margin_broken" in codes(release, ledger=ledger_of(hand_made(["region"], regions)))


def test_a_period_that_is_revised_is_of_others() -> None:
    old = hand_made(["sector"], {("total",): (40, 35, 0, 0, 0, 0), ("sector", "health"): (20, 20, 0, 0, 0, 0)})
    new = hand_made(["sector"], {("total",): (40, 20, 0, 0, 0, 0), ("sector", "housing"): (30, 20, 0, 0, 0, 0)})
    assert codes(new, ledger=ledger_of(old)) == set()


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_a_share_of_0_or_100_per_cent(share: float) -> None:
    release = hand_made(["sector"], {("total",): (20, 0, 0, 0, 0, 20)})
    assert codes(release) == set()
    release.levels("total")[1]["share"] = share
    assert codes(release) == {"other_number"}
    release = hand_made(["sector"], {("total",): (0, 20, 0, 0, 0, 20)})
    release.row("total")["share_ge_1" if share else "share_ge_5"] = share
    assert codes(release) == {"other_number"}


def test_all_on_one_level() -> None:
    rounded = hand_made(["sector"], {("total",): (20, 0, 0, 0, 0, 0)})
    assert codes(rounded) == set(), "there may be others"
    raw = hand_made(["sector"], {("total",): (21, 0, 0, 0, 0, 0)})
    assert [f.statistic for f in found(raw, "class_disclosed", "total")] == ["count:0"]


@pytest.mark.parametrize("level", range(LEVELS))
def test_a_category_left_out(clean: Release, level: int) -> None:
    release = meddled(clean, lambda r: r.distributions.remove(r.levels("total")[level]))
    assert [f.words for f in found(release, "category_missing", "total")] == [f"not told: count:{level}"]


def test_a_group_left_out(clean: Release) -> None:
    release = meddled(clean, lambda r: r.benchmarks.remove(r.row("sector", "justice")))
    assert found(release, "category_missing", "sector: justice")


def test_levels_that_do_not_make_n(clean: Release) -> None:
    def change(release: Release) -> None:
        release.row("total")["n"] += 5

    assert found(meddled(clean, change), "category_missing", "total")


def test_a_group_under_the_threshold(clean: Release) -> None:
    release = meddled(clean, lambda r: r.tell(np.array([5, 0, 0, 0, 0, 0]), "sector", "health"))
    assert found(release, "under_threshold", "sector: health")


def test_groups_that_were_rounded_one_by_one() -> None:
    told = {("total",): (15, 20, 0, 0, 0, 0)} | {("sector", s): (5, 10, 0, 0, 0, 0) for s in TERMS["sector"]}
    release = hand_made(["sector"], told)
    assert [f.statistic for f in found(release, "margin_broken", "total")] == ["count:1, by sector", "n, by sector"]
    told["total",] = (50, 20, 0, 0, 0, 0)
    assert "no true counts" in found(hand_made(["sector"], told), "margin_broken", "total")[0].words


def test_a_large_count_that_is_pinned() -> None:
    told = {("total",): (36, 33, 0, 0, 0, 0)} | {("sector", s): (10, 10, 0, 0, 0, 0) for s in TERMS["sector"]}
    release = hand_made(["sector"], told)
    assert {(f.statistic, f.least, f.most) for f in found(release, "pinned_cell", "sector: health")} >= {("n", 21, 24)}


def test_a_small_count_that_is_narrow() -> None:
    told = {("total",): (3, 32, 0, 0, 0, 0)} | {("sector", s): (5, 10, 0, 0, 0, 0) for s in TERMS["sector"][:2]}
    narrow = found(hand_made(["sector"], told), "narrow_cell", "sector: health")
    assert {(f.statistic, f.least, f.most) for f in narrow} == {("count:0", 1, 2)}


# Coalitions.


def test_one_organisation_that_is_the_only_other() -> None:
    release = hand_made(["sector"], {("total",): (21, 1, 0, 0, 0, 0)})
    assert [f.statistic for f in found(release, "coalition_organisation", "total")] == ["count:0"]
    assert not found(hand_made(["sector"], {("total",): (21, 2, 0, 0, 0, 0)}), "coalition_organisation", "total")


JOINTLY = {
    ("total",): (10, 0, 0, 0, 0, 60),
    ("sector", "health"): (5, 0, 0, 0, 0, 20),
    ("sector", "housing"): (5, 0, 0, 0, 0, 20),
    ("sector", "justice"): (0, 0, 0, 0, 0, 20),
}
"""True counts on level 0 may be 1, 9 and 4, 14 in all: each less than 5 from these."""


def test_one_hub_that_is_left_with_a_single_other() -> None:
    release = hand_made(["sector"], JOINTLY)
    assert codes(release) == set()
    hub = [(1, 0, 0, 0, 0)] * 9 + [(2, 0, 0, 0, 0)] * 4
    left = found(release, "coalition_exact", "sector: health", **known_by(release, health=hub, other=hub[:2]))
    assert [(f.statistic, f.least, f.most, f.who) for f in left] == [("count:0", 1, 1, "health")]
    less = known_by(release, health=hub[1:])
    assert [(f.statistic, f.least, f.most) for f in found(release, "coalition_narrow", "sector: health", **less)] == [
        ("count:0", 1, 2)
    ]


def test_a_hub_that_has_published_its_own_counts_makes_everybody_that_hub() -> None:
    release = hand_made(["sector"], JOINTLY)
    own = {("sector", "housing"): 9, ("sector", "justice"): 4, ("total",): 13}
    rows = [
        Row("hub:health", *KEY, 1, breakdown, tuple(terms), "count:0", value)
        for (breakdown, *terms), value in own.items()
    ]
    left = found(release, "coalition_exact", "sector: health", ledger=rows)
    assert [(f.least, f.most, f.who) for f in left] == [(1, 1, "hub:health")]
    assert attacked(release, ledger=rows).audit["coalitions"] == 1
    members = [replace(row, statistic="n", value=row.value + 10) for row in rows]
    assert attacked(release, ledger=members).findings == (), "how many it has, and not where they are"


def test_one_hub_that_knows_the_level_of_all_others() -> None:
    release = hand_made(["sector"], {("total",): (20, 0, 0, 0, 0, 0)})
    hub = [(0, 0, 0, 0, 1)] * 4 + [(0, 0, 0, 0, 2)] * 4
    assert found(release, "coalition_class", "total", **known_by(release, hub=hub))
    assert not found(release, "coalition_class", "total", **known_by(release, hub=hub[2:]))


def test_a_hub_whose_members_do_not_fit() -> None:
    release = hand_made(["sector"], {("total",): (20, 0, 0, 0, 0, 0)})
    hub = [(0, 0, 0, 0, 0)] * 25
    assert [f.who for f in found(release, "margin_broken", "total", **known_by(release, hub=hub))] == ["hub"]
    assert codes(release, widened=[KEY], **known_by(release, hub=hub)) == set()


def test_a_hub_that_knows_what_it_alone_has_added() -> None:
    old = hand_made(["sector"], {("total",): (20, 20, 0, 0, 0, 0)})
    new = hand_made(["sector"], {("total",): (35, 20, 0, 0, 0, 0)})
    hub = [(0, 0, 0, 0, 0)] * 12
    known = known_by(new, hub=hub)["knows"][KEY]
    before = ledger_of(old)
    # It was 20 with 16 to 24, and 12 were added: 28 to 36. It is 35 with 31 to 39. So others are 19 to 24 in both.
    grown = replace(known, grown=known.counts, is_alone=tuple(np.ones(c.shape[:2], bool) for c in known.counts))
    assert codes(new, ledger=before, knows={KEY: grown}) == set()
    new = hand_made(["sector"], {("total",): (40, 20, 0, 0, 0, 0)})
    left = found(new, "coalition_exact", "total", ledger=before, knows={KEY: grown})
    assert [(f.statistic, f.least, f.most) for f in left] == [("count:0", 24, 24), ("n", 44, 44)]
    others = replace(grown, is_alone=tuple(np.zeros(c.shape[:2], bool) for c in known.counts))
    assert codes(new, ledger=before, knows={KEY: others}) == set(), "others may have come and gone as well"


def test_a_hub_that_has_left_knows_who_went() -> None:
    old = hand_made(["sector"], {("total",): (35, 20, 0, 0, 0, 0)})
    new = hand_made(["sector"], {("total",): (15, 20, 0, 0, 0, 0)})
    known = known_by(new, hub=[(0, 0, 0, 0, 0)] * 12)["knows"][KEY]
    gone = replace(
        known,
        counts=tuple(np.zeros_like(counts) for counts in known.counts),
        grown=tuple(-counts for counts in known.counts),
        is_alone=tuple(np.ones(counts.shape[:2], bool) for counts in known.counts),
    )
    left = found(new, "coalition_exact", "total", ledger=ledger_of(old), knows={KEY: gone})
    assert [(f.statistic, f.least, f.most) for f in left] == [("count:0", 19, 19), ("n", 39, 39)]


# The list of leaks.


def test_a_finding_says_where_what_and_how() -> None:
    release = hand_made(["sector"], {("total",): (20, 12, 0, 0, 0, 0)})
    finding = found(release, "raw_count", "total")[0]
    assert finding == Finding("raw_count", KEY, "total", (), "count:1", "12 is no multiple of 5")
    assert found(release, "exact_cell", "total")[0].words == "12"
    assert attacked(release).audit["findings"]["raw_count"] == 2


PLANTED = Path(__file__).read_text(encoding="utf-8")


@pytest.mark.parametrize("code", CODES)
def test_each_code_is_planted_and_caught(code: str) -> None:
    assert f'"{code}"' in PLANTED


def ledger_of(release: Release) -> list[Row]:
    """What was published, in the ledger."""
    told = [(row, "n", row["n"]) for row in release.benchmarks if row["n"] is not None]
    told += [(row, f"count:{row['level']}", row["count"]) for row in release.distributions]
    return [
        Row("r1", *KEY, 1, row["breakdown"], tuple(row[a] for a in BREAKDOWNS[row["breakdown"]]), statistic, value)
        for row, statistic, value in told
    ]
