"""Who came, left and changed between two countings of a wave."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from hubs.contract.groups import BREAKDOWNS
from pipelines import benchmark
from pipelines.cube import Breakdown, Key, Moves
from pipelines.policy import Policy
from pipelines.waves import alone, by_wave, hubs_of, moves
from tests.counts import KEY, Member, levels_of, named, on_levels, random_members

OTHER: Key = (*KEY[:3], "legal")
CUBE = [Breakdown.named(name) for name in ("total", "sector")]
SECTORS = [cell for (cell,) in CUBE[1].cells]
BEFORE = named([*on_levels(0, 0, 20, sector="health"), *on_levels(0, 0, 0, 30, sector="education")])


def difference(after: dict[str, Member], before: dict[str, Member] = BEFORE) -> Moves:
    return moves(levels_of({KEY: before}), levels_of({KEY: after}), CUBE)[KEY]


def joiners(n: int, sector: str = "health", hub: str = "") -> dict[str, Member]:
    return {f"new-{sector}-{hub}-{i}": Member(2 + i % 2, hub, sector) for i in range(n)}


def in_sectors(moved: np.ndarray) -> dict[str, int]:
    return {name: int(n) for name, n in zip(SECTORS, moved.reshape(len(SECTORS), -1).sum(axis=1), strict=True) if n}


def test_nothing_has_changed_whatever_the_order_or_the_hub() -> None:
    turned = {name: replace(member, hub="hub-c") for name, member in reversed(BEFORE.items())}
    found = difference(turned)
    assert not found.are_any
    assert found.are_enough(10, 2)
    assert found.others == {}


def test_a_late_return_is_one_that_came_in_each_of_its_cells() -> None:
    found = difference(BEFORE | joiners(1))
    assert found.are_any
    assert (found.came[0].tolist(), in_sectors(found.came[1])) == ([[0, 0, 1, 0, 0, 0]], {"health": 1})
    assert not found.left[0].any()
    assert in_sectors(found.touched[1]) == {"health": 1}
    assert not found.are_enough(10, 2)


@pytest.mark.parametrize(("n", "is_enough"), [(9, False), (10, True)])
def test_enough_must_come_or_leave_in_every_cell_that_is_touched(n: int, is_enough: bool) -> None:
    after = BEFORE | joiners(n)
    assert difference(after).are_enough(10, 2) is is_enough
    assert difference(BEFORE, after).are_enough(10, 2) is is_enough, "leavers"
    assert not difference(after | joiners(1, "education")).are_enough(10, 2), "one group has a single joiner"


def test_those_who_came_must_be_on_several_levels() -> None:
    def on(*levels: int) -> Moves:
        return difference(BEFORE | {f"new-{i}": Member(level, sector="health") for i, level in enumerate(levels)})

    assert not on(*[2] * 12).are_enough(10, 2)
    assert not on(*[2] * 11, 3).are_enough(10, 2)
    assert on(*[2] * 10, 3, 3).are_enough(10, 2)


def test_who_is_on_another_level_has_neither_come_nor_left() -> None:
    name, member = next(iter(BEFORE.items()))
    found = difference(BEFORE | {name: replace(member, level=5)})
    assert (found.touched[0].tolist(), found.came[0].sum(), found.left[0].sum()) == ([True], 0, 0)
    assert not found.are_enough(10, 2)
    moved = difference(BEFORE | {name: replace(member, sector="education")})
    assert in_sectors(moved.touched[1]) == {"health": 1, "education": 1}
    assert (in_sectors(moved.left[1]), in_sectors(moved.came[1])) == ({"health": 1}, {"education": 1})
    assert (moved.came[0].sum(), moved.left[0].sum()) == (0, 0)


def test_what_a_hub_does_not_know_must_be_enough_or_nothing() -> None:
    alone_in_it = difference(BEFORE | joiners(12, hub="hub-a"))
    assert alone_in_it.are_enough(10, 2), "all came through one hub: the attack looks into that"
    assert not alone_in_it.others["hub-a"].touched[0].any()
    with_few = difference(BEFORE | joiners(12, hub="hub-a") | joiners(3, hub="hub-b"))
    assert in_sectors(with_few.others["hub-a"].came[1]) == {"health": 3}
    assert not with_few.are_enough(10, 2)
    assert difference(BEFORE | joiners(12, hub="hub-a") | joiners(10, hub="hub-b")).are_enough(10, 2)
    assert not difference(BEFORE | joiners(12, hub="hub-a") | joiners(3)).are_enough(10, 2), "through several hubs"


def test_by_how_many_of_its_own_a_hub_has_grown() -> None:
    before = BEFORE | {"x": Member(4, "hub-a"), "y": Member(4, "hub-b"), "z": Member(4, "hub-a")}
    after = BEFORE | joiners(2, hub="hub-a") | {"x": Member(3, "hub-a"), "y": Member(4, "hub-b")}
    found = difference(after, before)
    assert found.others["hub-a"].own[0].tolist() == [[0, 0, 1, 2, -2, 0]]
    assert "hub-b" not in found.others


def test_the_counts_differ_by_what_came_and_left() -> None:
    rng = np.random.default_rng(1)
    for seed in range(5):
        old, new = (named(random_members(10 * seed + i, 300)) for i in (1, 2))
        after = {name: new[name] if rng.random() < 0.3 else member for name, member in old.items()}
        after = {name: member for name, member in after.items() if rng.random() < 0.9}
        tables = [levels_of({KEY: side}) for side in (old, after)]
        found = moves(*tables, [Breakdown.named(name) for name in BREAKDOWNS])[KEY]
        before, now = (next(benchmark.cube(table, Policy())) for table in tables)
        for i, touched in enumerate(found.touched):
            is_other = (before.levels[i] != now.levels[i]).any(axis=1)
            assert not (is_other & ~touched).any()
            for hub, other in found.others.items():
                is_alone = touched & ~other.touched[i]
                assert np.array_equal(other.own[i][is_alone], (now.levels[i] - before.levels[i])[is_alone]), hub


def test_a_table_that_is_not_there_any_more_has_lost_everybody() -> None:
    found = moves(levels_of({KEY: BEFORE, OTHER: BEFORE}), levels_of({KEY: BEFORE}), CUBE)
    assert not found[KEY].are_any
    assert found[OTHER].left[0].sum() == 50


def test_waves_are_kept_whole_and_alone(tmp_path) -> None:
    later: Key = ("2026-Q2", *KEY[1:])
    strangers = {f"stranger-{i}": Member(1, "hub-z", region="london") for i in range(3)}
    levels = levels_of({KEY: BEFORE, OTHER: BEFORE, later: strangers}).unify_dictionaries()
    waves = dict(by_wave(levels.to_batches()))
    assert list(waves) == [KEY[:3], later[:3]]
    wave = waves[KEY[:3]]
    assert wave.num_rows == 100
    assert hubs_of(wave) == {"hub-a", "hub-b"}
    kept = alone(wave)
    assert kept.to_pylist() == wave.to_pylist()
    pq.write_table(kept, tmp_path / "kept.parquet")
    assert b"stranger" not in (tmp_path / "kept.parquet").read_bytes()
    again = pq.read_table(tmp_path / "kept.parquet")
    counts = [list(benchmark.cube(table, Policy())) for table in (wave, again)]
    for one, other in zip(*counts, strict=True):
        assert (one.key, one.tie_key, one.hubs) == (other.key, other.tie_key, other.hubs)
        assert all(np.array_equal(a, b) for a, b in zip(one.levels, other.levels, strict=True))


def test_no_levels_are_no_waves() -> None:
    assert list(by_wave(benchmark.combine({}).to_batches())) == []
    assert isinstance(benchmark.combine({}), pa.Table)
