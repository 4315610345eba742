"""What was told of a wave stays, unless enough have come or left since."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from pipelines import benchmark
from pipelines.cube import Key
from pipelines.disclose.rounding import STEPS, rounded
from pipelines.edition import WaveState, WaveTold
from pipelines.engines import Everybody
from pipelines.ledger import SAMPLE, Broken, Ledger, Row, rows_of
from pipelines.policy import Policy
from pipelines.telling import Source, Telling, _beside, tell
from pipelines.waves import Wave, by_wave
from tests.counts import KEY, Member, levels_of, named, random_members

REAL = Source({"hub-0": "a" * 64, "hub-1": "b" * 64}, frozenset())
LATER = Source({"hub-0": "c" * 64, "hub-1": "b" * 64}, frozenset())
OTHER: Key = (*KEY[:3], "legal")
WAVE_NAMES = ("period", "instrument", "audience", "dimension", "breakdown")
POLICY = Policy()
EVERYBODY = named(random_members(3, 400, hubs_n=2, terms_n=4))


def tables(everybody: Mapping[str, Member], *keys: Key) -> Any:
    return levels_of(dict.fromkeys(keys or (KEY, OTHER), everybody))


def everybody_of(levels: pa.Table) -> Everybody:
    return Everybody(list(by_wave(levels.to_batches())), benchmark.cube)


def told(ledger: Ledger, everybody: Mapping[str, Member], source: Source = REAL, policy: Policy = POLICY) -> Telling:
    return tell(everybody_of(tables(everybody)), source, ledger, policy)


def test_waves_are_taken_one_at_a_time_beside_what_was_published_of_them() -> None:
    a, b, c, d, e = (("2026-Q1", "i-v1", name) for name in "abcde")
    asked, members = [], pa.table({})

    def today() -> Iterator[tuple[Wave, pa.Table]]:
        for wave in (b, c, d):
            asked.append(wave)
            yield wave, members

    found = []
    for wave, rows, counted in _beside(iter([(a, []), (c, []), (e, [])]), today()):
        assert rows == []
        found.append((wave, counted is not None))
        assert asked[-1:] == [max(wave, b) if wave < e else d]
    assert found == [(a, False), (b, True), (c, True), (d, True), (e, False)]


def enter(ledger: Ledger, telling: Telling, release: str = "r1") -> None:
    """Publish it."""
    wave = the_wave(telling)
    by = f"{SAMPLE if wave.is_sample else ''}{release}"
    rows = rows_of(telling.benchmarks, telling.distributions, POLICY.base)
    ledger.add(replace(row, release=by, counted=wave.counted) for row in rows)


def the_wave(telling: Telling) -> WaveTold:
    (wave,) = telling.waves
    return wave


def joiners(n: int, hub: str = "hub-0") -> dict[str, Member]:
    """Like those who are there, so that every cell that gets one gets many."""
    member = next(iter(EVERYBODY.values()))
    return {f"late-{hub}-{i}": replace(member, level=i % 6, hub=hub) for i in range(n)}


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Telling]:
    ledger = Ledger(tmp_path_factory.mktemp("first") / "ledger")
    telling = told(ledger, EVERYBODY)
    assert the_wave(telling).state is WaveState.NEW
    assert telling.leaks == ()
    enter(ledger, telling)
    return ledger.root, telling


@pytest.fixture
def ledger(first: tuple[Path, Telling], tmp_path: Path) -> Ledger:
    shutil.copytree(first[0], tmp_path / "ledger")
    return Ledger(tmp_path / "ledger")


def test_the_same_returns_are_told_in_the_same_numbers(ledger: Ledger, first: tuple[Path, Telling]) -> None:
    again = told(ledger, EVERYBODY, LATER)
    wave = the_wave(again)
    assert (wave.state, wave.release, wave.is_waiting) == (WaveState.KEPT, "r1", False)
    assert wave.snapshots == REAL.snapshots, "those that were in use when they were counted"
    assert again.benchmarks.equals(first[1].benchmarks)
    assert again.distributions.equals(first[1].distributions)
    assert again.audit["tables"] == first[1].audit["tables"]


@pytest.mark.parametrize("change", ["one more", "nine more", "one less", "one on another level", "nobody at all"])
def test_what_was_published_stays_when_few_come_or_leave(
    ledger: Ledger, first: tuple[Path, Telling], change: str
) -> None:
    name, member = next(iter(EVERYBODY.items()))
    after: dict[str, Mapping[str, Member]] = {
        "one more": EVERYBODY | joiners(1),
        "nine more": EVERYBODY | joiners(9),
        "one less": {other: EVERYBODY[other] for other in EVERYBODY if other != name},
        "one on another level": EVERYBODY | {name: replace(member, level=(member.level + 1) % 6)},
        "nobody at all": {},
    }
    levels = tables(after[change]) if after[change] else tables(EVERYBODY).slice(0, 0)
    again = tell(everybody_of(levels), LATER, ledger, POLICY)
    assert (the_wave(again).state, the_wave(again).is_waiting) == (WaveState.KEPT, True)
    assert again.benchmarks.equals(first[1].benchmarks)
    assert again.distributions.equals(first[1].distributions)
    assert again.leaks == ()


def test_a_wave_is_told_anew_when_enough_have_come(ledger: Ledger, first: tuple[Path, Telling]) -> None:
    after = EVERYBODY | joiners(60, "hub-0") | joiners(60, "hub-1")
    anew = told(ledger, after, LATER)
    wave = the_wave(anew)
    assert (wave.state, wave.release, wave.is_waiting) == (WaveState.REVISED, None, False)
    assert wave.snapshots == LATER.snapshots
    assert anew.leaks == ()
    old, new = (
        {tuple(row[name] for name in (*WAVE_NAMES, *rest)): row for row in telling.benchmarks.to_pylist()}
        for rest in [("sector", "organisation_type", "size_band", "region")]
        for telling in (first[1], anew)
    )
    member = next(iter(EVERYBODY.values()))
    revised = {key for key, row in new.items() if "[r]" in row["status"]}
    assert revised
    for key, row in new.items():
        is_theirs = all(row[name] in ("all", getattr(member, name)) for name in ("sector", "region", "size_band"))
        is_theirs &= row["organisation_type"] in ("all", member.organisation_type)
        if not is_theirs:
            assert row == old[key], "who is not like those who came is told as before"
        elif row["n"] is not None and old[key]["n"] is not None:
            assert abs(row["n"] - old[key]["n"] - 120) < 2 * 5
            assert key in revised
    # From now on it is this that stays, and the mark with it.
    enter(ledger, anew, "r2")
    kept = told(ledger, after | joiners(65), LATER)
    assert (the_wave(kept).state, the_wave(kept).release) == (WaveState.KEPT, "r2")
    assert kept.benchmarks.equals(anew.benchmarks)
    assert kept.distributions.equals(anew.distributions)


@settings(max_examples=12, deadline=None)
@example(seed=8, came_n=25, left_n=0, by_one_hub=False)  # could only be told anew with one more multiple
@given(seed=st.integers(0, 10_000), came_n=st.integers(0, 60), left_n=st.integers(0, 60), by_one_hub=st.booleans())
def test_whatever_comes_and_goes_nothing_leaks_and_what_is_told_fits_what_was(
    tmp_path_factory: pytest.TempPathFactory, seed: int, came_n: int, left_n: int, *, by_one_hub: bool
) -> None:
    ledger = Ledger(tmp_path_factory.mktemp("ledger"))
    everybody = named(random_members(seed, 300, hubs_n=2, terms_n=2))
    first = told(ledger, everybody)
    enter(ledger, first)
    # All of one description, so that every cell that is touched is touched by many.
    alike = replace(next(iter(everybody.values())), level=0, hub="")
    going = [name for name, one in everybody.items() if replace(one, level=0, hub="") == alike][:left_n]
    others = random_members(seed + 1, came_n, hubs_n=2)
    came = {
        f"new-{i}": replace(alike, level=one.level, hub="hub-0" if by_one_hub else one.hub)
        for i, one in enumerate(others)
    }
    after = {name: one for name, one in everybody.items() if name not in going} | came
    again = told(ledger, after, LATER)
    assert first.leaks == again.leaks == ()
    before, now = (rows_of(one.benchmarks, one.distributions, 5) for one in (first, again))
    if the_wave(again).state is WaveState.KEPT:
        assert list(before) == list(now)
        assert the_wave(again).is_waiting is bool(came or going)
        return
    assert the_wave(again).state is WaveState.REVISED
    assert max(len(came), len(going)) >= POLICY.threshold
    truth = {
        (row.breakdown, row.terms): row.value
        for counts in benchmark.cube(tables(after, KEY), POLICY)
        for one, levels in zip(counts.cube, counts.levels, strict=True)
        for terms, value in zip(one.cells, levels.sum(axis=1).tolist(), strict=True)
        for row in [Row("", *KEY, 1, one.name, terms, "n", value)]
    }
    told_now = {(row.breakdown, row.terms): row.value for row in now if row.statistic == "n" and row.table == KEY}
    assert all(abs(value - truth[cell]) < POLICY.base for cell, value in told_now.items())
    assert {(row.breakdown, row.terms) for row in before if row.table == KEY} <= told_now.keys()


def test_limits_stay_wide_where_numbers_were_rounded_further(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ledger = Ledger(tmp_path)
    usual = told(ledger, EVERYBODY)

    def wider(*args: Any) -> Any:
        made = rounded(*args)
        return made and replace(made, step=STEPS[-1])

    monkeypatch.setattr("pipelines.disclose.rounded", wider)
    first = told(ledger, EVERYBODY)
    enter(ledger, first)
    monkeypatch.undo()
    kept = told(ledger, EVERYBODY)
    assert {table["step"] for table in kept.audit["tables"]} == {STEPS[-1]}
    assert kept.benchmarks.equals(first.benchmarks)
    lows = (telling.benchmarks["share_ge_3_low"].drop_null().to_pylist() for telling in (kept, usual))
    assert all(wide <= narrow for wide, narrow in zip(*lows, strict=True))


def test_a_wave_with_a_dimension_less_is_not_told_anew(ledger: Ledger, first: tuple[Path, Telling]) -> None:
    after = EVERYBODY | joiners(60, "hub-0") | joiners(60, "hub-1")
    again = tell(everybody_of(tables(after, KEY)), LATER, ledger, POLICY)
    assert the_wave(again).state is WaveState.KEPT
    assert again.benchmarks.equals(first[1].benchmarks)


def test_nothing_is_kept_of_a_wave_of_which_nothing_is_told(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    few = named(random_members(1, 9))
    telling = told(ledger, few)
    assert (the_wave(telling).counted, telling.distributions.num_rows) == ("", 0)
    enter(ledger, telling)
    assert ledger.periods() == []
    assert the_wave(told(ledger, EVERYBODY)).state is WaveState.NEW


def test_samples_that_leave_bind_nobody_and_those_that_stay_do(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    samples = Source(REAL.snapshots, frozenset(REAL.snapshots))
    everybody = {name: replace(member, hub=member.hub or "hub-0") for name, member in EVERYBODY.items()}
    telling = told(ledger, everybody, samples)
    assert the_wave(telling).is_sample
    enter(ledger, telling)
    assert all(row.is_sample for row in ledger.rows(KEY[0]))
    assert the_wave(told(ledger, everybody | joiners(1), samples)).state is WaveState.KEPT
    others = {f"real-{name}": replace(member, hub="hub-real") for name, member in everybody.items()}
    real = Source({"hub-real": "d" * 64, "hub-too": "e" * 64}, frozenset())
    halves = {name: replace(one, hub=("hub-real", "hub-too")[i % 2]) for i, (name, one) in enumerate(others.items())}
    telling = told(ledger, halves, real)
    assert (the_wave(telling).state, the_wave(telling).is_sample) == (WaveState.NEW, False)
    assert not any("[r]" in status for status in telling.benchmarks["status"].to_pylist())
    enter(ledger, telling, "r2")
    kept = told(ledger, halves, real)
    assert (the_wave(kept).state, the_wave(kept).release) == (WaveState.KEPT, "r2")
    assert kept.benchmarks.equals(telling.benchmarks)


def test_a_policy_by_which_what_was_published_is_not_rounded_leaves_the_wave_out(ledger: Ledger) -> None:
    policy = Policy(base=10, threshold=20)
    again = told(ledger, EVERYBODY, policy=policy)
    assert the_wave(again).state is WaveState.LEFT_OUT
    assert again.benchmarks.num_rows == again.distributions.num_rows == 0


def test_what_a_hub_has_published_by_itself_makes_everybody_that_hub(ledger: Ledger) -> None:
    before = told(ledger, EVERYBODY)
    own = sum(member.hub == "hub-1" for member in EVERYBODY.values())
    ledger.add(Row("hub:hub-1", *key, 1, "total", (), "n", own) for key in (KEY, OTHER))
    after = told(ledger, EVERYBODY)
    assert (the_wave(after).state, after.leaks) == (WaveState.KEPT, ())
    assert after.benchmarks.equals(before.benchmarks)
    known = [telling.audit["attack"]["coalitions_of_hubs"] for telling in (before, after)]
    assert known == [2, 3]


def test_a_ledger_that_somebody_meddled_with_stops_everything(ledger: Ledger) -> None:
    path = ledger.root / f"{KEY[0]}.jsonl"
    path.write_bytes(path.read_bytes().replace(b'"value":20', b'"value":25', 1))
    with pytest.raises(Broken):
        told(ledger, EVERYBODY)
