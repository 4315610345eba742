"""The command ``hubpacks``. Wording and exit codes only; what a command does stands in the stages.

Exit codes: 0 good, 1 findings or refused, 2 unusable input or arguments. Slow imports wait for the command that needs
them, so that ``--help`` and small checks answer at once.
"""

from __future__ import annotations

import os
import tempfile
from importlib import import_module
from pathlib import Path

# No plugin that happens to be installed has a say in a verdict, and nobody waits for pydantic to look for one in every
# package that is installed. The command line reads arguments by it, so this comes before all else.
os.environ["PYDANTIC_DISABLE_PLUGINS"] = "__all__"

from pipelines.cli.common import app, at_work, stop, until_the_end
from pipelines.memory import look_rarely

__all__ = ["app", "main"]

for room in ("running", "hub_side", "releases", "reading", "services", "backups"):
    import_module(f"{__name__}.{room}")  # each adds its commands, which --help lists in this order


def main() -> None:
    """Run the command line. A problem that the user can mend is one line on standard error, never a traceback."""
    look_rarely()
    try:
        with until_the_end:
            app(prog_name="hubpacks")
    except SystemExit:
        raise  # so ends every command that can do its work; what the others could raise is imported only below
    except _to_be_mended() as error:
        stop(str(error))
    except _unusable_bank() as error:
        stop(f"a question bank cannot be used: {error}")
    except MemoryError:
        stop("memory has run out. Run again where there is more: what was published stays")
    except OSError as error:
        from pipelines.faults import told

        stop(told(error, [*at_work, Path(tempfile.gettempdir())]))


def _to_be_mended() -> tuple[type[Exception], ...]:
    """What says by itself what cannot be used, and why."""
    from hubs.registration import UnusableRegistration, WrongRegistry
    from pipelines.crew import Lost
    from pipelines.files import Busy, Damaged
    from pipelines.layout import UnusableLayout
    from pipelines.settings import UnusableSettings

    return Busy, Damaged, Lost, UnusableLayout, UnusableSettings, UnusableRegistration, WrongRegistry


def _unusable_bank() -> tuple[type[Exception], ...]:
    from hubs.instruments import UnusableInstrument
    from hubs.yamlfile import UnreadableYaml

    return UnusableInstrument, UnreadableYaml
