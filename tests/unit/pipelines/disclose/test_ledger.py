"""The ledger keeps what was published, through crashes and against meddling, and says what may be published again."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.disclose.ledger import Broken, Change, Ledger, Row, changes, may_revise
from pipelines.files import Busy, only_one

TABLE = ("2026-Q1", "interop-baseline-v1", "decision_maker", "governance")


def a_row(n: int = 0, **changes: object) -> Row:
    row = Row("r1", *TABLE, 1, "sector_size_band", ("health", f"size-{n}"), "n", 10 + 5 * n, "s", "c", "a", "A. Person")
    return replace(row, **changes)  # type: ignore[arg-type]


def a_ledger(root: Path, lines: int = 4) -> Ledger:
    ledger = Ledger(root)
    ledger.add([a_row(n) for n in range(lines)])
    return ledger


def the_file(root: Path) -> Path:
    return root / "2026-Q1.jsonl"


def test_what_was_added_is_there_with_the_value_that_holds_now(tmp_path: Path) -> None:
    ledger = a_ledger(tmp_path)
    assert ledger.rows("2026-Q1") == [a_row(n) for n in range(4)]
    assert ledger.add([a_row(2, release="r2", value=40), a_row(0, period="2026/Q2")]) == 2
    constants = ledger.constants("2026-Q1")
    assert constants[TABLE]["sector_size_band", ("health", "size-2"), "n"] == 40
    assert constants[TABLE]["sector_size_band", ("health", "size-3"), "n"] == 25
    assert ledger.periods() == ["2026-Q1", "2026/Q2"]
    assert ledger.constants("2027") == {}


def test_what_hubs_have_published_is_kept_and_is_no_constant(tmp_path: Path) -> None:
    ledger = a_ledger(tmp_path, 1)
    ledger.add([a_row(release="hub:health", value=7), a_row(release="hub:wales", value=8)])
    assert [row.value for row in ledger.rows("2026-Q1")] == [10, 7, 8]
    assert list(ledger.constants("2026-Q1")[TABLE].values()) == [10]


def test_a_row_that_says_nothing_new_is_not_added(tmp_path: Path) -> None:
    ledger = a_ledger(tmp_path)
    before = the_file(tmp_path).read_bytes()
    assert ledger.add([a_row(n, release="r2") for n in range(4)]) == 0
    assert the_file(tmp_path).read_bytes() == before


def test_a_value_that_comes_back_is_a_new_row(tmp_path: Path) -> None:
    ledger = a_ledger(tmp_path, 1)
    assert [ledger.add([a_row(value=value)]) for value in (20, 10)] == [1, 1]
    assert [row.value for row in ledger.rows("2026-Q1")] == [10, 20, 10]


def test_the_seal_changes_with_every_row_and_with_nothing_else(tmp_path: Path) -> None:
    ledger = a_ledger(tmp_path)
    first = ledger.verify()
    ledger.add([a_row(1)])
    assert ledger.verify() == first
    ledger.add([a_row(9)])
    assert ledger.verify() != first


# Meddling.

LINES = 6


def meddle(lines: list[bytes], how: str, which: int, other: int) -> list[bytes]:
    lines = list(lines)
    if how == "remove":
        del lines[which]
    elif how == "swap":
        lines[which], lines[other] = lines[other], lines[which]
    elif how == "repeat":
        lines.insert(other, lines[which])
    elif how == "cut":
        del lines[which:]
    else:
        place = other % len(lines[which])
        lines[which] = lines[which][:place] + how.encode() + lines[which][place + 1 :]
    return lines


@settings(max_examples=200, deadline=None)
@given(
    st.sampled_from(["remove", "swap", "repeat", "cut", "0", "5", " ", "x", "\n", ""]),
    st.integers(0, LINES - 1),
    st.integers(0, 500),
)
def test_any_line_that_was_changed_removed_or_moved_is_found(
    tmp_path_factory: pytest.TempPathFactory, how: str, which: int, other: int
) -> None:
    root = tmp_path_factory.mktemp("ledger")
    ledger = a_ledger(root, LINES)
    lines = the_file(root).read_bytes().splitlines(keepends=True)
    other = other % LINES if how in {"swap", "repeat"} else other
    meddled = b"".join(meddle(lines, how, which, other))
    the_file(root).write_bytes(meddled)
    if meddled == b"".join(lines) or meddled + b"\n" == b"".join(lines):
        assert ledger.verify()
        return
    with pytest.raises(Broken, match=r"2026-Q1\.jsonl: .* Restore the ledger from a copy"):
        ledger.verify()
    with pytest.raises(Broken):
        ledger.add([a_row(99)])
    assert the_file(root).read_bytes() == meddled


def test_a_file_that_was_removed_is_found(tmp_path: Path) -> None:
    ledger = a_ledger(tmp_path)
    the_file(tmp_path).unlink()
    with pytest.raises(Broken, match="4 lines are missing at the end"):
        ledger.verify()


def test_heads_that_were_removed_are_found(tmp_path: Path) -> None:
    ledger = a_ledger(tmp_path)
    (tmp_path / "heads.json").unlink()
    with pytest.raises(Broken, match=r"heads\.json: it is missing"):
        ledger.verify()


def test_a_file_of_another_period_is_found(tmp_path: Path) -> None:
    ledger = a_ledger(tmp_path)
    (tmp_path / "2026-Q2.jsonl").write_bytes(the_file(tmp_path).read_bytes())
    with pytest.raises(Broken, match="line 1 is not what was written there"):
        ledger.verify()


def test_a_line_that_is_sealed_anew_is_found_by_the_head(tmp_path: Path) -> None:
    ledger = a_ledger(tmp_path, 2)
    other = a_ledger(tmp_path / "other", 1)
    other.add([a_row(1, value=500)])
    the_file(tmp_path).write_bytes(the_file(tmp_path / "other").read_bytes())
    with pytest.raises(Broken, match="line 2 is not the one"):
        ledger.verify()


# Crashes.


@pytest.mark.parametrize("kept", ["nothing of it", "half of it", "all but its end"])
def test_a_line_that_a_crash_cut_short_counts_only_when_it_is_whole(tmp_path: Path, kept: str) -> None:
    ledger = a_ledger(tmp_path, 2)
    heads = (tmp_path / "heads.json").read_bytes()
    ledger.add([a_row(2), a_row(3)])
    whole = the_file(tmp_path).read_bytes()
    # The machine died before the head was written, and with the last line on the disk in part.
    (tmp_path / "heads.json").write_bytes(heads)
    last = whole.splitlines(keepends=True)[-1]
    size = {"nothing of it": 0, "half of it": len(last) // 2, "all but its end": len(last) - 1}[kept]
    the_file(tmp_path).write_bytes(whole[: len(whole) - len(last) + size])

    there = 4 if kept == "all but its end" else 3
    assert len(ledger.rows("2026-Q1")) == there
    assert ledger.add([a_row(3), a_row(4)]) == 6 - there - 1
    assert ledger.rows("2026-Q1") == [a_row(n) for n in range(5)]
    assert ledger.verify()


def test_a_half_line_of_what_was_whole_is_found(tmp_path: Path) -> None:
    ledger = a_ledger(tmp_path)
    the_file(tmp_path).write_bytes(the_file(tmp_path).read_bytes()[:-20])
    with pytest.raises(Broken, match="line 4"):
        ledger.verify()


def test_rows_of_a_release_that_never_came_out_count_as_published(tmp_path: Path) -> None:
    public = tmp_path / "current"
    public.write_text("r1")
    ledger = a_ledger(tmp_path / "ledger", 2)
    ledger.add([a_row(2, release="r2")])  # and then the run was killed, before the pointer was changed
    assert public.read_text() == "r1"
    again = Ledger(tmp_path / "ledger")
    assert ("sector_size_band", ("health", "size-2"), "n") in again.constants("2026-Q1")[TABLE]
    assert again.add([a_row(2, release="r3"), a_row(3, release="r3")]) == 1


WRITER = """
import sys
from pathlib import Path
from tests.unit.pipelines.disclose.test_ledger import a_row
from pipelines.disclose.ledger import Ledger
ledger = Ledger(Path(sys.argv[1]))
print("ready", flush=True)
for n in range(10_000):
    ledger.add([a_row(n), a_row(n, statistic="count:3")])
"""


@pytest.mark.parametrize("delay_lines", [1, 7, 20])
def test_a_writer_that_is_killed_leaves_a_ledger_that_goes_on(tmp_path: Path, delay_lines: int) -> None:
    environment = os.environ | {"PYTHONPATH": str(Path.cwd())}
    with subprocess.Popen(
        [sys.executable, "-c", WRITER, str(tmp_path)], stdout=subprocess.PIPE, env=environment
    ) as writer:
        assert writer.stdout is not None
        writer.stdout.readline()
        while not the_file(tmp_path).exists() or the_file(tmp_path).read_bytes().count(b"\n") < delay_lines:
            assert writer.poll() is None
        writer.send_signal(signal.SIGKILL)
    ledger = Ledger(tmp_path)
    there = len(ledger.rows("2026-Q1"))
    assert there >= delay_lines
    assert ledger.add([a_row(100_000)]) == 1
    assert len(ledger.rows("2026-Q1")) == there + 1


def test_two_runs_do_not_add_at_once(tmp_path: Path) -> None:
    ledger = a_ledger(tmp_path)
    with only_one(tmp_path / ".lock"), pytest.raises(Busy):
        ledger.add([a_row(9)])
    assert len(ledger.rows("2026-Q1")) == 4


# What may be published again.

ROOM = {"organisation_type": "council", "size_band": "small", "region": "wales"}


def members(*groups: tuple[str, int, int, int]) -> pa.Table:
    """Organisations ``first`` to ``last`` of a sector, on one level."""
    return pa.Table.from_pylist(
        [
            {"organisation": f"{sector}-{i}", "level": level, "sector": sector, **ROOM}
            for sector, first, last, level in groups
            for i in range(first, last + 1)
        ]
    )


BREAKDOWNS = ("total", "sector")
BEFORE = members(("health", 1, 20, 2), ("housing", 1, 30, 3))


def test_what_did_not_change_may_be_published_again() -> None:
    assert changes(BEFORE, BEFORE, BREAKDOWNS) == []
    assert may_revise(BEFORE, BEFORE, BREAKDOWNS, 10)


def test_a_late_return_waits() -> None:
    after = pa.concat_tables([BEFORE, members(("health", 21, 21, 2))])
    assert changes(after=after, before=BEFORE, breakdowns=BREAKDOWNS) == [
        Change("total", (), 1, 0),
        Change("sector", ("health",), 1, 0),
    ]
    assert not may_revise(BEFORE, after, BREAKDOWNS, 10)


@pytest.mark.parametrize(("n", "is_enough"), [(9, False), (10, True)])
def test_enough_joiners_in_every_group_that_changed(n: int, is_enough: bool) -> None:
    after = pa.concat_tables([BEFORE, members(("health", 21, 20 + n, 2))])
    assert may_revise(BEFORE, after, BREAKDOWNS, 10) is is_enough
    assert may_revise(after, BEFORE, BREAKDOWNS, 10) is is_enough, "leavers"
    one_more = pa.concat_tables([after, members(("housing", 31, 31, 2))])
    assert not may_revise(BEFORE, one_more, BREAKDOWNS, 10), "one group has a single joiner"


def test_another_answer_or_another_sector_is_a_change() -> None:
    other_level = members(("health", 1, 19, 2), ("health", 20, 20, 5), ("housing", 1, 30, 3))
    assert changes(BEFORE, other_level, BREAKDOWNS) == [
        Change("total", (), 0, 0),
        Change("sector", ("health",), 0, 0),
    ]
    assert not may_revise(BEFORE, other_level, BREAKDOWNS, 10)
    moved = BEFORE.to_pylist()
    moved[0]["sector"] = "housing"
    assert changes(BEFORE, pa.Table.from_pylist(moved), BREAKDOWNS) == [
        Change("total", (), 0, 0),
        Change("sector", ("health",), 0, 1),
        Change("sector", ("housing",), 1, 0),
    ]


def test_who_was_counted_is_kept_for_the_owner_of_the_store_alone(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    assert ledger.members(TABLE) is None
    ledger.keep_members(TABLE, BEFORE)
    assert ledger.members(TABLE) == BEFORE
    kept = next(path for path in tmp_path.rglob("*.parquet"))
    assert kept.stat().st_mode & 0o777 == 0o600
    kept.write_bytes(b"half")
    with pytest.raises(RuntimeError, match="damaged"):
        ledger.members(TABLE)
