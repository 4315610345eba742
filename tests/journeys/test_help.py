"""Every command explains itself, at once: what a command works with is imported by its work and not by its help."""

from __future__ import annotations

import subprocess
import sys

from tests.journeys.test_check import SLOW_TO_IMPORT

PROGRAM = """
import contextlib, io, sys
import typer.main
from pipelines import cli

def helped(command, path):
    sys.argv = ["hubpacks", *path, "--help"]
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        try:
            cli.main()
        except SystemExit as end:
            assert not end.code, path
    assert " ".join(said.getvalue().split()).startswith(f"Usage: {' '.join(['hubpacks', *path])} "), said.getvalue()
    assert (" ".join(path) == "" or "commands" in vars(command) or "Example: hubpacks" in said.getvalue()), path
    print(*path)
    for name, below in getattr(command, "commands", {}).items():
        helped(below, [*path, name])

helped(typer.main.get_command(cli.app), [])
print(*sorted(sys.modules))
"""


def test_the_help_of_no_command_imports_what_only_its_work_needs() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    *commands, modules = done.stdout.splitlines()
    assert {"", "run", "check", "status", "registry check", "map suggest", "verify", "gap"} <= {*commands}
    loaded = set(modules.split())
    assert "pipelines.cli.hub_side" in loaded
    assert {name for name in loaded if name.partition(".")[0] == "hubs"} == set()
    ours = {name for name in loaded if name.startswith("pipelines.") and not name.startswith("pipelines.cli")}
    assert ours == {"pipelines.memory", "pipelines.settings"}
    assert loaded & (SLOW_TO_IMPORT | {"yaml", "markdown_it", "cryptography", "ssl", "asyncio"}) == set()


def test_the_first_help_does_without_models() -> None:
    program = "import sys\nfrom pipelines import cli\nsys.argv = ['hubpacks', '--help']\n"
    program += "try:\n    cli.main()\nexcept SystemExit:\n    print(*sys.modules)\n"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
    loaded = set(done.stdout.splitlines()[-1].split())
    assert "typer" in loaded
    assert loaded & (SLOW_TO_IMPORT | {"pydantic", "yaml"}) == set()
