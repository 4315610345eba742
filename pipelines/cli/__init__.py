"""The command ``hubpacks``. Wording and exit codes only; what a command does stands in the stages.

Exit codes: 0 good, 1 findings or refused, 2 unusable input or arguments. Slow imports wait for the command that needs
them, so that ``--help`` and small checks answer at once.
"""

from __future__ import annotations

import tempfile
from importlib import import_module
from pathlib import Path

from hubs.registration import UnusableRegistration, WrongRegistry
from pipelines.cli.common import app, at_work, stop, until_the_end
from pipelines.settings import UnusableSettings

__all__ = ["app", "main"]

for room in ("running", "hub_side", "releases", "reading", "services", "backups"):
    import_module(f"{__name__}.{room}")  # each adds its commands, which --help lists in this order


def main() -> None:
    """Run the command line. A problem that the user can mend is one line on standard error, never a traceback."""
    # Imported here because only the commands that can raise it pay for it.
    from hubs.instruments import UnusableInstrument
    from hubs.yamlfile import UnreadableYaml
    from pipelines.files import Busy, Damaged
    from pipelines.layout import UnusableLayout

    try:
        with until_the_end:
            app(prog_name="hubpacks")
    except (Busy, Damaged, UnusableLayout, UnusableSettings, UnusableRegistration, WrongRegistry) as error:
        stop(str(error))
    except (UnusableInstrument, UnreadableYaml) as error:
        stop(f"a question bank cannot be used: {error}")
    except OSError as error:
        from pipelines.faults import told

        stop(told(error, [*at_work, Path(tempfile.gettempdir())]))
