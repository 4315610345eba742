"""The one resource: a plain ``Line`` that knows no Dagster, opened when a step needs it."""

from pathlib import Path

import dagster as dg

from pipelines import logs
from pipelines.candidates import read_rule
from pipelines.line import Line, open_line
from pipelines.settings import setting, signing_key, site_address


class LineResource(dg.ConfigurableResource):
    """Folders of the line; empty means the setting of the same name (flag, variable, file, default)."""

    registry: str = ""
    store: str = ""
    publish: str = ""

    def setup_for_execution(self, context: dg.InitResourceContext) -> None:
        """Have all that a step logs carry the id of its run."""
        logs.configure()
        logs.bind(run=context.run.run_id if context.run else "none")

    def open(self) -> Line:
        """The line over these folders, with the registry read afresh."""
        folders = [setting(name, Path(value) if value else None) for name, value in self.model_dump().items()]
        return open_line(*folders, signing_key(), address=site_address(), rule=read_rule())
