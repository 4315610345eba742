import io
import multiprocessing
import os
import signal
import subprocess
import sys
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path

import pytest

from pipelines.files import (
    Busy,
    Damaged,
    clear_staging,
    copy_hashed,
    largest_first,
    only_one,
    read_json,
    staging,
    together,
    write_bytes,
    write_json,
)
from pipelines.settings import DEFAULTS, UnusableSettings, setting
from pipelines.store import Store
from tests.hosts import on_another_host, running


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path) -> None:
    path = tmp_path / "a.json"
    write_json(path, {"old": True})
    with pytest.raises(TypeError):
        write_bytes(path, "text is not bytes")  # type: ignore[arg-type]
    assert read_json(path) == {"old": True}
    assert list(tmp_path.iterdir()) == [path]


def test_that_a_file_is_damaged_is_told_by_another_process_in_the_same_words() -> None:
    damaged = Damaged(Path("a.json"))
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        told = pool.submit(_raise, damaged).exception()
    assert isinstance(told, Damaged)
    assert str(told) == str(damaged) == "a.json is damaged, or was written by another version: restore it from a copy"


def _raise(error: Exception) -> None:
    raise error


def test_files_that_are_written_together_are_there_at_the_end(tmp_path) -> None:
    one, other = tmp_path / "one.json", tmp_path / "folder" / "other.json"
    write_json(one, 1)
    with together():
        write_json(one, 2)
        write_json(other, 3)
        write_json(one, 4)
        assert (read_json(one), read_json(other)) == (1, None)
    assert (read_json(one), read_json(other)) == (4, 3)
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["folder", "one.json", "other.json"]


def test_of_files_that_are_written_together_none_is_left_when_one_fails(tmp_path) -> None:
    def write_two() -> None:
        with together():
            write_json(tmp_path / "one.json", 1)
            write_bytes(tmp_path / "other.json", "text is not bytes")  # type: ignore[arg-type]

    with pytest.raises(TypeError):
        write_two()
    assert list(tmp_path.iterdir()) == []
    write_json(tmp_path / "one.json", 2)
    assert read_json(tmp_path / "one.json") == 2


def test_all_that_is_written_together_is_on_the_disk_before_any_takes_its_place(tmp_path, monkeypatch) -> None:
    seen = []

    def watched(handle: int) -> None:
        seen.append(sorted(path.name for path in tmp_path.glob("*.json")))

    monkeypatch.setattr(os, "fsync", watched)
    with together():
        write_json(tmp_path / "one.json", 1)
        write_json(tmp_path / "other.json", 2)
    assert seen == [[], []]


def test_another_thread_waits_for_nothing_of_what_is_written_together(tmp_path) -> None:
    with together(), ThreadPoolExecutor(1) as pool:
        pool.submit(write_json, tmp_path / "one.json", 1).result()
        assert read_json(tmp_path / "one.json") == 1


def test_a_block_of_files_has_none_within_it(tmp_path) -> None:
    with together():
        write_json(tmp_path / "one.json", 1)
        with pytest.raises(RuntimeError, match="within"), together():
            pass
    assert read_json(tmp_path / "one.json") == 1


def test_a_missing_file_reads_as_none(tmp_path) -> None:
    assert read_json(tmp_path / "none.json") is None


def test_a_damaged_file_is_named_with_what_to_do(tmp_path) -> None:
    (tmp_path / "a.json").write_text("{half")
    with pytest.raises(Damaged, match=r"a\.json is damaged"):
        read_json(tmp_path / "a.json")


def test_copying_stops_at_the_limit() -> None:
    with pytest.raises(OverflowError, match="over 3 bytes"):
        copy_hashed(io.BytesIO(b"four"), io.BytesIO(), 3)


def _hold(path: Path, ready: "multiprocessing.synchronize.Event") -> None:
    with only_one(path):
        ready.set()
        signal.pause()


def test_a_lock_is_refused_while_held_and_free_when_its_holder_is_killed(tmp_path) -> None:
    context = multiprocessing.get_context("spawn")
    ready = context.Event()
    holder = context.Process(target=_hold, args=(tmp_path / "lock", ready))
    holder.start()
    assert ready.wait(30)
    with pytest.raises(Busy, match="another run"), only_one(tmp_path / "lock"):
        pass
    assert holder.pid
    os.kill(holder.pid, signal.SIGKILL)
    holder.join()
    with only_one(tmp_path / "lock"):
        pass


def test_the_largest_file_comes_first_and_one_that_is_missing_last(tmp_path) -> None:
    for name, size in {"a": 1, "b": 3, "c": 3, "d": 2}.items():
        (tmp_path / name).write_bytes(b"x" * size)
    assert largest_first(tmp_path, ["missing", "d", "c", "b", "a"]) == ["b", "c", "d", "a", "missing"]


def test_a_process_that_was_forked_while_a_lock_was_held_does_not_keep_it(tmp_path) -> None:
    """As a program that another thread starts, between its fork and its first step."""
    context = multiprocessing.get_context("fork")
    over = context.Event()
    with only_one(tmp_path / "lock"):
        forked = context.Process(target=over.wait)
        forked.start()
    try:
        with only_one(tmp_path / "lock"):
            assert forked.is_alive()
    finally:
        over.set()
        forked.join()


def _python(script: str, *arguments: Path) -> list[str]:
    return [sys.executable, "-c", script, *map(str, arguments)]


LOCK_STORE = """
import sys
from pathlib import Path
from pipelines.store import Store
with Store(Path(sys.argv[1])).locked("hub-other"):
    pass
"""


def test_another_host_at_the_same_store_leaves_alone_what_is_not_complete_here(tmp_path) -> None:
    store = Store(tmp_path)
    with store.incoming() as incoming, store.judging("one", "a" * 64, "rules") as judging:
        (incoming / "half").write_bytes(b"half")
        (judging / "verdict.json").write_bytes(b"{}")
        subprocess.run(on_another_host(_python(LOCK_STORE, tmp_path)), check=True, timeout=30)
        assert (incoming / "half").exists()
    assert store.has_verdict("one", "a" * 64, "rules")
    assert list((tmp_path / "staging").iterdir()) == []


STAGE_AND_WAIT = """
import signal, sys
from pathlib import Path
from pipelines.files import staging
with staging(Path(sys.argv[1])) as folder:
    (folder / "half").write_bytes(b"half")
    print("ready", flush=True)
    signal.pause()
"""


def test_what_a_host_left_that_lost_power_is_cleared_whoever_has_its_process_id_now(tmp_path) -> None:
    command = on_another_host(_python(STAGE_AND_WAIT, tmp_path))
    with running(command) as host:
        assert host.stdout
        assert host.stdout.readline() == b"ready\n"
        clear_staging(tmp_path)
        assert [path.name for path in tmp_path.glob("*/half")] == ["half"]
        host.kill()
        assert host.stdout.read() == b""  # it is over when the last of its processes is
    clear_staging(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_lock_is_held_against_other_hosts(tmp_path) -> None:
    with only_one(tmp_path / "locks" / "hub-other"):
        command = on_another_host(_python(LOCK_STORE, tmp_path))
        refused = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    assert "Busy: another run is at work here" in refused.stderr


def test_clearing_and_staging_at_once_lose_nothing(tmp_path) -> None:
    script = "import sys; from pathlib import Path; from pipelines.files import clear_staging; print(flush=True)"
    loop = f"{script}\nwhile True: clear_staging(Path(sys.argv[1]))"
    with running(_python(loop, tmp_path)) as clearing:
        assert clearing.stdout
        assert clearing.stdout.readline()
        for number in range(500):
            with staging(tmp_path) as folder:
                (folder / "half").write_text(str(number))
                assert (folder / "half").read_text() == str(number)
        assert clearing.poll() is None
    clear_staging(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_flag_beats_a_variable_beats_the_file_beats_the_default(tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("HUBPACKS_STORE", raising=False)
    assert setting("store") == DEFAULTS["store"]
    (tmp_path / "hubpacks.toml").write_text('store = "from-file"\n')
    assert setting("store") == Path("from-file")
    monkeypatch.setenv("HUBPACKS_STORE", "from-variable")
    assert setting("store") == Path("from-variable")
    assert setting("store", Path("from-flag")) == Path("from-flag")


@pytest.mark.parametrize(
    ("text", "complaint"), [("store = ", "cannot be read"), ('shop = "a"', "unknown setting shop")]
)
def test_an_unusable_settings_file_is_named(tmp_path, monkeypatch, text: str, complaint: str) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("HUBPACKS_STORE", raising=False)
    (tmp_path / "hubpacks.toml").write_text(text)
    with pytest.raises(UnusableSettings, match=complaint):
        setting("store")
