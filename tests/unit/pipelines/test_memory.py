from __future__ import annotations

import subprocess
import sys

import psutil
import pytest

from pipelines import cli, memory
from pipelines.crew import Lost


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


COMMAND = """
import gc, os, sys
from pipelines import memory
from pipelines.cli import main

class Knot:
    def __init__(self):
        self.itself = self
    def __del__(self, write=os.write):
        write(2, b"looked")

if sys.argv[1] == "as Python does":
    memory.look_rarely.__code__ = (lambda: None).__code__
sys.argv[1:] = ["--help"]
try:
    main()
except SystemExit:
    knots = [Knot() for _ in range(5_000)]
    del knots
"""


@pytest.mark.parametrize(("way", "told"), [("ours", ""), ("as Python does", "looked")])
def test_commands_look_rarely_for_what_holds_itself_and_never_at_their_end(way: str, told: str) -> None:
    done = subprocess.run([sys.executable, "-c", COMMAND, way], check=True, capture_output=True, text=True)
    assert done.stderr[:6] == told


@pytest.mark.parametrize(("error", "told"), [(MemoryError(), "memory has run out."), (Lost(), "was killed.")])
def test_that_memory_has_run_out_is_told_in_a_line(
    error: Exception, told: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def run_out(**_told: object) -> None:
        raise error

    monkeypatch.setattr(cli, "app", run_out)
    with pytest.raises(SystemExit):
        cli.main()
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert told in said
    assert said.endswith("what was published stays\n")
