"""What was told before is told again as it would be anew, for as long as nothing that decides it has changed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from unittest import mock

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from hubs.contract.groups import terms_of
from pipelines import benchmark
from pipelines.cube import Counts
from pipelines.disclose import gate
from pipelines.disclose.attack import Attack, Finding
from pipelines.disclose.gate import Told
from pipelines.disclose.history import History
from pipelines.disclose.remembered import SCHEMA, Remembered
from pipelines.engines import Everybody
from pipelines.ledger import PUBLISHED_BY_HUB, Ledger, Row, rows_of
from pipelines.policy import Policy
from pipelines.telling import Source, Telling, tell
from pipelines.waves import by_wave
from tests.counts import KEY, Member, levels_of, named, random_members

POLICY = Policy()
SOURCE = Source({"hub-0": "a" * 64, "hub-1": "b" * 64}, frozenset())
DIMENSIONS = ("data sharing", "governance", "legal")


def counts_of(everybody: Mapping[str, Member]) -> Counts:
    (counts,) = benchmark.cube(levels_of({KEY: everybody}), POLICY)
    return counts


def some(seed: int, n: int = 400, terms_n: int = 2) -> Counts:
    return counts_of(named(random_members(seed, n, hubs_n=2, terms_n=terms_n)))


def published(told: Told) -> tuple[Row, ...]:
    rows = rows_of(told.made.benchmarks, told.made.distributions, POLICY.base)
    return tuple(replace(row, release="2026-11-23.01", counted="c" * 64, approver="somebody") for row in rows)


def none_is_told(*_: Any) -> Told:
    raise AssertionError("it was told again")


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10_000), n=st.integers(200, 600), terms_n=st.sampled_from([2, 3]))
def test_what_is_published_is_told_in_the_same_way_without_being_told_again(seed: int, n: int, terms_n: int) -> None:
    counts = some(seed, n, terms_n)
    remembered = Remembered()
    first = remembered.told(counts, POLICY, History())
    assume(first.then is not None)
    afterwards = History(published(first))
    assert gate.told(counts, POLICY, afterwards) == replace(first, then=None)
    with mock.patch.object(gate, "told", none_is_told):
        again = Remembered(remembered.table()).told(counts, POLICY, afterwards)
    assert again == replace(first, then=None)


def test_there_are_tables_that_need_not_be_told_again() -> None:
    assert gate.told(some(2), POLICY).then is not None


def test_a_table_of_which_a_breakdown_is_not_told_or_something_was_found_is_told_again() -> None:
    assert gate.told(some(0), POLICY).then is None, "rounded all at once: once it is constant, organisations come first"
    assert gate.told(some(3), POLICY).then is None, "not all is told by sector that could be"
    assert gate.told(some(3, 5), POLICY).then is None, "nothing is told"
    found = Finding("exact_cell", KEY, "total", (), "n", "planted", who="hub one")
    honest, told = gate.attack, gate.told(some(2), POLICY)
    with mock.patch.object(gate, "attack", lambda *t, **k: Attack((found,), honest(*t, **k).audit)):
        assert gate.told(some(2), POLICY).then is None
    cell = next(row for row in told.made.benchmarks.to_pylist()[::-1] if row["n"] is not None)
    small = Finding("coalition_narrow", KEY, cell["breakdown"], terms_of(cell), "n", "planted", who="hub one")
    planted = [(small,), ()]
    with mock.patch.object(gate, "attack", lambda *t, **k: Attack(planted.pop(0), honest(*t, **k).audit)):
        less = gate.told(some(2), POLICY)
    assert (less.withheld_n, less.then) == (1, None), "then it is not withheld for the attack any more"


def test_all_of_it_is_kept_also_what_was_found() -> None:
    found = Finding("coalition_narrow", KEY, "sector", ("health",), "n", "3 to 5", 3, 5, who="hub one")
    counts, remembered, honest = some(1), Remembered(), gate.attack
    with mock.patch.object(gate, "attack", lambda *t, **k: Attack((found,), honest(*t, **k).audit)):
        told = remembered.told(counts, POLICY, History())
    assert told.attack.findings == (found,)
    assert told.withheld_n
    kept = remembered.table()
    assert kept.schema == SCHEMA
    again = Remembered(kept)
    assert again.told(counts, POLICY, History()) == told
    assert again.table() == kept


def test_what_is_not_asked_for_is_forgotten() -> None:
    remembered = Remembered()
    for seed in (1, 2):
        remembered.told(some(seed), POLICY, History())
    later = Remembered(remembered.table())
    assert later.table().num_rows == 0
    later.told(some(2), POLICY, History())
    assert later.table().num_rows == 1


def test_what_another_version_kept_is_of_no_use() -> None:
    remembered = Remembered(pa.table({"key": ["a"], "told": ["b"]}))
    assert remembered.table().num_rows == 0


COUNTS = some(1)
HUB_ROW = Row(f"{PUBLISHED_BY_HUB}hub-0", *KEY, 1, "total", (), "n", 400)
OWN_ROW = replace(HUB_ROW, release="2026-11-23.01")
MOVED = tuple(grid + (np.arange(grid.size).reshape(grid.shape) == 0) for grid in COUNTS.levels)


@pytest.mark.parametrize(
    "change",
    [
        {"policy": Policy(spread=3)},
        {"made_by": "another version"},
        {"counts": replace(COUNTS, tie_key=b"another")},
        {"counts": replace(COUNTS, levels=MOVED)},
        {"counts": replace(COUNTS, own=tuple(own * 0 for own in COUNTS.own))},
        {"counts": replace(COUNTS, hubs=("hub-0", "hub-2"))},
        {"counts": replace(COUNTS, key=(*KEY[:3], "legal"))},
        {"history": History((HUB_ROW,))},
        {"history": History((replace(HUB_ROW, value=395),))},
        {"history": History((OWN_ROW,))},
        {"history": History((OWN_ROW, replace(OWN_ROW, value=405)))},
        {"history": History(is_wide=True)},
        {"history": History(counts=COUNTS)},
    ],
)
def test_whatever_decides_it_makes_another_table(change: dict[str, Any]) -> None:
    told = mock.Mock(return_value=gate.told(COUNTS, POLICY))
    with mock.patch.object(gate, "told", told):
        before = Remembered(made_by="this version")
        before.told(COUNTS, POLICY, History())
        asked = {"counts": COUNTS, "policy": POLICY, "history": History(), "made_by": "this version"} | change
        again = Remembered(before.table(), asked.pop("made_by"))
        again.told(**asked)
    assert told.call_count == 2


def test_numbers_are_the_same_however_they_are_held_and_whichever_release_they_are_of() -> None:
    told = mock.Mock(return_value=gate.told(COUNTS, POLICY))
    short = replace(COUNTS, levels=tuple(grid.astype(np.int16) for grid in COUNTS.levels))
    with mock.patch.object(gate, "told", told):
        remembered = Remembered()
        remembered.told(COUNTS, POLICY, History((OWN_ROW, HUB_ROW)))
        Remembered(remembered.table()).told(
            short, POLICY, History((HUB_ROW, replace(OWN_ROW, release="2026-12-01.01", approver="another")))
        )
    assert told.call_count == 1


# Over all waves, whatever happens.


def everybody_of(waves: Mapping[str, Mapping[str, Member]]) -> Everybody:
    levels = {(period, *KEY[1:3], dimension): who for period, who in waves.items() for dimension in DIMENSIONS}
    return Everybody(list(by_wave(levels_of(levels).to_batches())), benchmark.cube)


def parts_of(told: Telling) -> tuple[Any, ...]:
    return told.benchmarks, told.distributions, told.trends, dict(told.audit), told.leaks, told.waves


CHANGES = ("few come", "many come", "one leaves", "published", "a hub publishes", "another period", "nothing")


@settings(max_examples=4, deadline=None)
@given(seed=st.integers(0, 1000), changes=st.lists(st.sampled_from(CHANGES), min_size=2, max_size=4))
@example(seed=3, changes=["published", "few come", "many come", "published"])
@example(seed=4, changes=["a hub publishes", "published", "another period", "published"])
def test_after_any_changes_what_is_told_is_what_would_be_told_with_nothing_remembered(
    tmp_path_factory: pytest.TempPathFactory, seed: int, changes: list[str]
) -> None:
    ledger = Ledger(tmp_path_factory.mktemp("ledger"))
    waves = {"2026-Q1": named(random_members(seed, 250, hubs_n=2, terms_n=2))}
    kept: pa.Table | None = None
    for number, change in enumerate(["nothing", *changes, "nothing"]):
        first = next(iter(waves))
        come = {f"late-{number}-{i}": replace(one, level=i % 6) for i, one in enumerate([*waves[first].values()][:80])}
        if change.endswith("come"):
            waves[first] = waves[first] | dict(list(come.items())[: 3 if change == "few come" else 80])
        elif change == "one leaves":
            waves[first] = dict(list(waves[first].items())[1:])
        elif change == "another period":
            waves[f"2026-Q{len(waves) + 1}"] = named(random_members(seed + number, 250, hubs_n=2, terms_n=2))
        elif change == "a hub publishes":
            ledger.add([replace(HUB_ROW, period=first, dimension="legal", value=120)])
        remembered = Remembered(kept)
        told = tell(everybody_of(waves), SOURCE, ledger, POLICY, remembered)
        assert parts_of(told) == parts_of(tell(everybody_of(waves), SOURCE, ledger, POLICY))
        kept = remembered.table()
        if change == "nothing":
            with mock.patch.object(gate, "told", none_is_told):
                assert parts_of(tell(everybody_of(waves), SOURCE, ledger, POLICY, Remembered(kept))) == parts_of(told)
        if change == "published":
            counted = {(wave.period, wave.instrument, wave.audience): wave.counted for wave in told.waves}
            ledger.add(
                replace(row, release=f"r{number}", counted=counted[row.table[:3]])
                for row in rows_of(told.benchmarks, told.distributions, POLICY.base)
            )
