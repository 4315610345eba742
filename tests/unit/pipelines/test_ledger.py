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

from pipelines.disclose import disclose
from pipelines.files import Busy, only_one
from pipelines.ledger import Broken, Ledger, Row, rows_of
from pipelines.policy import Policy
from tests.counts import counts_of, published, random_members

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


def test_what_was_added_is_there_in_the_order_it_came(tmp_path: Path) -> None:
    ledger = a_ledger(tmp_path)
    assert ledger.rows("2026-Q1") == [a_row(n) for n in range(4)]
    assert ledger.add([a_row(2, release="r2", value=40), a_row(0, period="2026/Q2")]) == 2
    assert ledger.rows("2026-Q1")[-1] == a_row(2, release="r2", value=40)
    assert ledger.periods() == ["2026-Q1", "2026/Q2"]
    assert ledger.rows("2027") == []


def test_what_hubs_and_samples_have_published_does_not_stand_in_the_way_of_ours(tmp_path: Path) -> None:
    ledger = a_ledger(tmp_path, 1)
    others = [a_row(release=release) for release in ("hub:health", "hub:wales", "sample:r0")]
    assert ledger.add(others) == 3
    assert ledger.add([*others, a_row()]) == 0
    assert [row.is_of_hub for row in ledger.rows("2026-Q1")] == [False, True, True, False]
    assert [row.is_sample for row in ledger.rows("2026-Q1")] == [False, False, False, True]


def test_a_row_that_says_nothing_new_is_not_added(tmp_path: Path) -> None:
    ledger = a_ledger(tmp_path)
    before = the_file(tmp_path).read_bytes()
    assert ledger.add([a_row(n, release="r2") for n in range(4)]) == 0
    assert the_file(tmp_path).read_bytes() == before


def test_what_says_something_new_is_told_before_it_is_added(tmp_path: Path) -> None:
    rows = [a_row(n, release="r2") for n in range(3)]
    assert Ledger(tmp_path).news(rows) == rows
    ledger = a_ledger(tmp_path, 2)
    rows = [*rows, a_row(0, release="r2", value=40), a_row(0, period="2025-Q4"), a_row(0, period="2025-Q4")]
    told = ledger.news(rows)
    assert told == [a_row(0, period="2025-Q4"), a_row(2, release="r2"), a_row(0, release="r2", value=40)]
    assert ledger.rows("2026-Q1") == [a_row(0), a_row(1)]
    assert ledger.add(rows) == len(told)
    assert ledger.news(rows[1:3] + told) == []


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
    elif how == "cut":  # the file ends where the line began
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
    if meddled.startswith(b"".join(lines)):  # what stands beyond the end was never added
        assert ledger.rows("2026-Q1") == [a_row(n) for n in range(LINES)]
        return
    with pytest.raises(Broken, match=r"2026-Q1\.jsonl: .* Restore the ledger from a copy"):
        ledger.verify()
    with pytest.raises(Broken):
        ledger.add([a_row(99)])
    assert the_file(root).read_bytes() == meddled


def test_a_file_that_was_removed_is_found(tmp_path: Path) -> None:
    ledger = a_ledger(tmp_path)
    the_file(tmp_path).unlink()
    with pytest.raises(Broken, match=r"2026-Q1\.jsonl: it is missing"):
        ledger.verify()


def test_heads_that_were_removed_are_found(tmp_path: Path) -> None:
    ledger = a_ledger(tmp_path)
    (tmp_path / "heads.json").unlink()
    with pytest.raises(Broken, match=r"heads\.json: it is missing"):
        ledger.verify()


def test_a_file_of_another_period_is_found(tmp_path: Path) -> None:
    ledger = a_ledger(tmp_path)
    ledger.add([a_row(n, period="2026-Q2") for n in range(4)])
    (tmp_path / "2026-Q2.jsonl").write_bytes(the_file(tmp_path).read_bytes())
    with pytest.raises(Broken, match="line 1, or the one before it, is not what was written there"):
        ledger.verify()


def test_a_line_that_is_sealed_anew_is_found_by_the_head(tmp_path: Path) -> None:
    ledger = a_ledger(tmp_path, 2)
    other = a_ledger(tmp_path / "other", 1)
    other.add([a_row(1, value=16)])
    the_file(tmp_path).write_bytes(the_file(tmp_path / "other").read_bytes())
    with pytest.raises(Broken, match="its end is not what was written there"):
        ledger.verify()


# Crashes.


@pytest.mark.parametrize("kept", ["nothing of it", "half of it", "all but its end", "all of it"])
def test_rows_that_a_crash_cut_short_were_never_added(tmp_path: Path, kept: str) -> None:
    ledger = a_ledger(tmp_path, 2)
    heads = (tmp_path / "heads.json").read_bytes()
    ledger.add([a_row(2), a_row(3)])
    whole = the_file(tmp_path).read_bytes()
    # The machine died before the heads were written, and with the last line on the disk in part.
    (tmp_path / "heads.json").write_bytes(heads)
    last = whole.splitlines(keepends=True)[-1]
    size = {"nothing of it": 0, "half of it": len(last) // 2, "all but its end": len(last) - 1, "all of it": len(last)}
    the_file(tmp_path).write_bytes(whole[: len(whole) - len(last) + size[kept]])

    assert ledger.rows("2026-Q1") == [a_row(0), a_row(1)]
    assert ledger.verify()
    assert ledger.add([a_row(3), a_row(4)]) == 2
    assert ledger.rows("2026-Q1") == [a_row(n) for n in (0, 1, 3, 4)]
    assert ledger.verify()


def test_rows_of_two_periods_are_added_together_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ledger = a_ledger(tmp_path, 1)

    def full(*_: object) -> None:
        raise OSError("the disk is full")

    monkeypatch.setattr("pipelines.ledger.write_json", full)
    with pytest.raises(OSError, match="the disk is full"):
        ledger.add([a_row(1), a_row(0, period="2026-Q2")])
    monkeypatch.undo()
    assert (ledger.periods(), len(ledger.rows("2026-Q1"))) == (["2026-Q1"], 1)
    assert ledger.add([a_row(0, period="2026-Q2")]) == 1


def test_a_half_line_of_what_was_whole_is_found(tmp_path: Path) -> None:
    ledger = a_ledger(tmp_path)
    the_file(tmp_path).write_bytes(the_file(tmp_path).read_bytes()[:-20])
    with pytest.raises(Broken, match="line 4, or the one before it"):
        ledger.verify()


WRITER = """
import sys
from pathlib import Path
from tests.unit.pipelines.test_ledger import a_row
from pipelines.ledger import Ledger
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
    assert there >= delay_lines - 2
    assert there % 2 == 0, "both rows of a call, or none"
    assert ledger.add([a_row(100_000)]) == 1
    assert len(ledger.rows("2026-Q1")) == there + 1


def test_two_runs_do_not_add_at_once(tmp_path: Path) -> None:
    ledger = a_ledger(tmp_path)
    with only_one(tmp_path / ".lock"), pytest.raises(Busy):
        ledger.add([a_row(9)])
    assert len(ledger.rows("2026-Q1")) == 4


# What is entered, and who was counted.


def test_every_number_of_two_tables_is_a_row() -> None:
    counts = counts_of(random_members(3, 200), key=TABLE)
    for policy in (Policy(), Policy(strict=True)):
        made = disclose(counts, policy)
        rows = list(rows_of(made.benchmarks, made.distributions, policy.base))
        exact = {(r.breakdown, r.terms, r.statistic): r.value for r in rows if not r.statistic.startswith("low:")}
        assert exact == published(made.benchmarks, made.distributions)
        low = [row for row in rows if row.statistic.startswith("low:")]
        assert len(low) == made.distributions["count"].null_count
        assert {row.value for row in low} <= {policy.base}
        assert bool(low) is policy.strict
        assert {row.table for row in rows} == {TABLE}


MEMBERS = pa.table({"organisation": pa.array(["a", "b"]).dictionary_encode(), "level": [1, 2]})


def test_who_was_counted_is_kept_for_the_owner_of_the_store_alone(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    digest = ledger.keep_members(MEMBERS.replace_schema_metadata({"snapshots": "{}"}))
    assert ledger.keep_members(MEMBERS.replace_schema_metadata({"snapshots": "{}"})) == digest
    found = ledger.members(digest)
    assert found.equals(MEMBERS)
    assert found.schema.types == MEMBERS.schema.types
    assert found.schema.metadata[b"snapshots"] == b"{}"
    kept = next(path for path in tmp_path.rglob("*.parquet"))
    assert kept.stat().st_mode & 0o777 == 0o600
    kept.write_bytes(kept.read_bytes()[:-1])
    with pytest.raises(Broken, match="not what was written there"):
        ledger.members(digest)


def test_who_was_counted_is_forgotten_when_it_does_not_hold_any_more(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    first, second = (ledger.keep_members(MEMBERS.slice(0, n)) for n in (1, 2))
    ledger.forget_members(but={second})
    assert ledger.members(second).num_rows == 2
    with pytest.raises(Broken, match="it is missing"):
        ledger.members(first)
