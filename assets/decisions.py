"""Jobs by which the operator decides. Each is one call of ``pipelines`` with what the Launchpad asks for; what it does
stands there.
"""

from datetime import UTC, datetime

import dagster as dg
from pydantic import Field

from assets.resources import LineResource
from pipelines.line import confirm

BY = Field(description="Who decides: a name or a role. It is kept in the store, and not published.")


class Confirmation(dg.Config):
    """Which held feed goes through, why, and who says so."""

    hub: str = Field(description="The hub's id, such as local-government.")
    reason: str = Field(description="Why the change is meant, as the hub has said. It is kept in the store.")
    by: str = BY
    feed: str = Field(
        "",
        description="The beginning of the feed's digest, as newest_feed of the hub's standing shows it: then no other.",
    )


@dg.op
def let_through(context: dg.OpExecutionContext, config: Confirmation, line: LineResource) -> None:
    """Let the hub's newest feed through, although it changes much. Fails when none waits for that. The hub's standing
    shows it after the next pull.
    """
    state = confirm(line.open(), config.hub, datetime.now(UTC), reason=config.reason, by=config.by, feed=config.feed)
    context.log.info(f"{config.hub}: {state.state.value}, in use is feed {state.snapshot}")


@dg.job(description="Let a held feed through. Launch it with the hub, the reason and your name.")
def confirm_feed() -> None:
    """One step."""
    let_through()
