import io
import multiprocessing
import os
import signal
from pathlib import Path

import pytest

from pipelines.files import Busy, Damaged, copy_hashed, only_one, read_json, write_bytes, write_json
from pipelines.settings import DEFAULTS, UnusableSettings, setting


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path) -> None:
    path = tmp_path / "a.json"
    write_json(path, {"old": True})
    with pytest.raises(TypeError):
        write_bytes(path, "text is not bytes")  # type: ignore[arg-type]
    assert read_json(path) == {"old": True}
    assert list(tmp_path.iterdir()) == [path]


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
