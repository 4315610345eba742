"""The Celery application of workers: ``celery -A assets.worker worker``. A program's beginning, imported by nothing.

What a step does stands elsewhere, and which executor sends steps here is for ``executors``. Settings of Celery that
decide what becomes of a step whose worker dies stand here, since they are the worker's.
"""

import os

from dagster_celery.make_app import make_app
from dagster_celery.tasks import create_task

from assets.executors import BACKEND, BROKER
from pipelines.settings import UnusableSettings

PATIENCE = "HUBPACKS_CELERY_PATIENCE_SECONDS"
DEFAULT_PATIENCE_SECONDS = 3600
"""After so long Redis gives a step that nobody has finished to another worker, as Celery does when nothing is said."""


def settings() -> dict[str, object]:
    """Celery's settings. A step is taken off the queue when it is done, not when it is begun; so it is given to another
    worker when its own has died: at once when only its process has, else when the queue notices.

    Raises UnusableSettings.
    """
    broker = os.environ.get(BROKER)
    if not broker:
        raise UnusableSettings(f"a worker needs {BROKER}, such as redis://queue.example:6379/0: set it")
    text = os.environ.get(PATIENCE) or str(DEFAULT_PATIENCE_SECONDS)
    if not text.isdecimal() or not int(text):
        raise UnusableSettings(f"{PATIENCE} = {text!r}: write a number of seconds, longer than the longest step takes")
    # Workers look every ten seconds. Else only each tenth look would count, as other programs look all the time.
    options = {"visibility_timeout": int(text), "unacked_restore_throttle": 1} if broker.startswith("redis") else {}
    return {
        "broker_url": broker,
        "result_backend": os.environ.get(BACKEND) or (broker if broker.startswith("redis") else "rpc://"),
        "broker_transport_options": options,
        "broker_connection_retry_on_startup": True,
        "task_acks_late": True,
        "task_reject_on_worker_lost": True,
        "worker_prefetch_multiplier": 1,
        "worker_hijack_root_logger": False,
        "worker_send_task_events": False,
    }


app = make_app()
app.conf.update(settings())
execute_plan = create_task(app)
