"""The sensor by which whoever has to know is told what is wrong or waits, also when no run is at work."""

from datetime import UTC, datetime

import dagster as dg

from assets.resources import LineResource
from pipelines.alerts import alert, read_settings
from pipelines.files import Busy

SECONDS = 300


@dg.sensor(minimum_interval_seconds=SECONDS, default_status=dg.DefaultSensorStatus.RUNNING)
def alerts(context: dg.SensorEvaluationContext, line: LineResource) -> dg.SkipReason:
    """Send what alerts there are. It starts no run; the skip reason tells what was done."""
    try:
        done = alert(line.open(), datetime.now(UTC), read_settings())
    except Busy:
        return dg.SkipReason("Somebody else is sending alerts.")
    for failure in done.failures:
        context.log.warning(f"not sent: {failure}")
    return dg.SkipReason(f"{len(done.conditions)} open, {done.sent} messages sent, {done.unsent} wait to be sent.")
