"""Tags by which the queue of a cluster knows which runs wait for one another, and which are tried again when a step has
failed (``deploy/dagster.yaml``). On one machine without that file they say nothing, and the locks of the line decide: a
second run is refused.
"""

RELEASING = {"hubpacks/line": "release"}
"""Of jobs that change what readers see, or build what they may see."""
TRIED_AGAIN = "dagster/retry_on_asset_or_op_failure"
REPEATABLE = {TRIED_AGAIN: "true"}
"""Of runs that may be made twice, since what is done is found done. A step fails when the database goes while Dagster
asks it something; what the line refuses is not tried again (``refusals``).
"""
PULLING = {"hubpacks/line": "pull", **REPEATABLE}
"""Of runs that gather hubs. One run gathers many at once, and two may not be at work on the same hub."""
