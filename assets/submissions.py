"""The sensor that takes what hubs have submitted through the intake into the store, hub by hub."""

import json

import dagster as dg

from assets.hubs import snapshot_key, standing_key
from assets.resources import LineResource
from pipelines.inbox import Inbox


@dg.sensor(
    asset_selection=dg.AssetSelection.key_prefixes("hubs"),
    minimum_interval_seconds=30,
    default_status=dg.DefaultSensorStatus.RUNNING,  # it only gathers; to publish stays the operator's decision
)
def submissions(context: dg.SensorEvaluationContext, line: LineResource) -> dg.SensorResult:
    """Gather a hub once the judge has accepted a submission of it, each submission once."""
    opened = line.open()
    inbox = Inbox(opened.store.inbox)
    seen = json.loads(context.cursor) if context.cursor else {}
    newest = {hub: found.id for hub in opened.registry.hubs if (found := inbox.newest(hub)) is not None}
    requests = [
        dg.RunRequest(run_key=id, asset_selection=[snapshot_key(hub), standing_key(hub)])
        for hub, id in newest.items()
        if seen.get(hub) != id
    ]
    return dg.SensorResult(run_requests=requests, cursor=json.dumps(newest, sort_keys=True))
