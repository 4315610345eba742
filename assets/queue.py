"""Tags by which the queue of a cluster knows which runs wait for one another (``deploy/dagster.yaml``). On one machine
without that file they say nothing, and the locks of the line decide: a second run is refused.
"""

RELEASING = {"hubpacks/line": "release"}
"""Of jobs that change what readers see, or build what they may see."""
PULLING = {"hubpacks/line": "pull"}
"""Of runs that gather hubs. One run gathers many at once, and two may not be at work on the same hub."""
