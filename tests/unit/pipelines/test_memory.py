from __future__ import annotations

import sys

import psutil
import pytest

from pipelines import memory


@pytest.mark.skipif(sys.platform != "linux", reason="the C library of others decides itself")
def test_freed_memory_goes_back_to_the_system() -> None:
    process = psutil.Process()
    memory.give_back()
    before = process.memory_info().rss
    # Small pieces, of which the last is still in use: the C library keeps all that lies before it.
    pieces = [bytearray(2_000) for _ in range(40_000)]
    kept = pieces[-1]
    pieces.clear()
    freed = process.memory_info().rss - before
    assert freed > 50 << 20
    memory.give_back()
    assert process.memory_info().rss - before < freed / 2
    assert len(kept) == 2_000


def test_a_c_library_without_a_word_for_it_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "_C", object())
    memory.give_back()
