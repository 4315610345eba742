"""Sensors: what hubs have submitted through the intake is taken into the store, and copies follow what is published."""

import hashlib
import json

import dagster as dg

from assets.alerts import alerts
from assets.decisions import mirror
from assets.hubs import OVERVIEW, keys_of
from assets.queue import PULLING
from assets.resources import LineResource
from pipelines.inbox import Inbox
from pipelines.settings import MIRROR, named


@dg.sensor(
    asset_selection=dg.AssetSelection.key_prefixes("hubs") | dg.AssetSelection.assets(OVERVIEW),
    minimum_interval_seconds=30,
    default_status=dg.DefaultSensorStatus.RUNNING,  # it only gathers; to publish stays the operator's decision
    description="Pulls and judges a hub as soon as the intake has accepted a submission of it, each submission once.",
)
def submissions(context: dg.SensorEvaluationContext, line: LineResource) -> dg.SensorResult:
    """Gather a hub once the judge has accepted a submission of it, each submission once."""
    opened = line.open()
    inbox = Inbox(opened.store.inbox)
    seen = json.loads(context.cursor) if context.cursor else {}
    newest = {hub: found.id for hub in opened.registry.hubs if (found := inbox.newest(hub)) is not None}
    requests = [
        dg.RunRequest(run_key=id, asset_selection=[OVERVIEW, *keys_of([hub])], tags=PULLING)
        for hub, id in newest.items()
        if seen.get(hub) != id
    ]
    return dg.SensorResult(run_requests=requests, cursor=json.dumps(newest, sort_keys=True))


@dg.sensor(
    job=mirror,
    minimum_interval_seconds=60,
    default_status=dg.DefaultSensorStatus.RUNNING,  # it does nothing until a setting names a place
    description="Launches the job mirror when what is published has changed, if the setting mirror names a place.",
)
def copies(context: dg.SensorEvaluationContext, line: LineResource) -> dg.RunRequest | dg.SkipReason:
    """Mirror what is published, each state of it once."""
    index = line.open().public / "releases.json"
    if not named(MIRROR):
        return dg.SkipReason(f"The setting {MIRROR} names no place.")
    digest = hashlib.sha256(index.read_bytes()).hexdigest() if index.exists() else None
    if digest is None or digest == context.cursor:
        return dg.SkipReason("Nothing has been published since the last copy.")
    context.update_cursor(digest)
    return dg.RunRequest(run_key=digest)


SENSORS = [submissions, copies, alerts]
