"""Which executor runs the steps of a job: the setting ``executor`` says, so one machine or many need no other code.

Executors of clusters are imported only when chosen: their packages are extras. What a step does stands elsewhere.
"""

import os
from importlib import import_module

import dagster as dg

from pipelines.settings import UnusableSettings, named

EXECUTORS = ("in_process", "multiprocess", "celery", "kubernetes")
"""What the setting may say, first the default: steps are few, and a process for each costs seconds of start-up."""
BROKER, BACKEND = "HUBPACKS_CELERY_BROKER", "HUBPACKS_CELERY_BACKEND"
"""Variables with the addresses of Celery's queue and results. They may hold a password, so they stand in no file."""
_EXTRAS = {"celery": "cluster", "kubernetes": "kubernetes"}


def chosen_executor() -> dg.ExecutorDefinition:
    """The executor that the setting ``executor`` (``HUBPACKS_EXECUTOR``) names.

    Raises UnusableSettings when there is none of that name, its extra is not installed, or Celery has no broker.
    """
    name = named("executor") or EXECUTORS[0]
    if name not in EXECUTORS:
        raise UnusableSettings(f"executor = {name!r}: there is no such executor; write one of {', '.join(EXECUTORS)}")
    if name == "celery":
        return _celery()
    if name == "kubernetes":
        return _of_extra(name, "dagster_k8s", "k8s_job_executor")
    return _on_this_machine(name)


def _on_this_machine(default: str) -> dg.ExecutorDefinition:
    """Steps in the run's own process, or in a process each: ``default``, unless the run's config names the other."""
    choices = {"in_process": dg.in_process_executor, "multiprocess": dg.multiprocess_executor}
    fields = {name: executor.config_schema.as_field() for name, executor in choices.items()}
    both = dg.multi_or_in_process_executor
    return dg.ExecutorDefinition(
        both.name,
        config_schema=dg.Field(dg.Selector(fields), default_value={default: {}}),
        requirements=both.get_requirements,
        executor_creation_fn=both.executor_creation_fn,
        description="Runs the steps on the machine of the run.",
    )


def _celery() -> dg.ExecutorDefinition:
    broker = os.environ.get(BROKER)
    if not broker:
        raise UnusableSettings(f"executor = 'celery' needs {BROKER}, such as redis://queue.example:6379/0: set it")
    # Redis keeps results as well; other queues send them back (rpc), which is what Celery takes for granted.
    own, back = {"env": BACKEND}, {"env": BROKER} if broker.startswith("redis") else "rpc://"
    executor = _of_extra("celery", "dagster_celery", "celery_executor")
    return executor.configured({"broker": {"env": BROKER}, "backend": own if os.environ.get(BACKEND) else back})


def _of_extra(name: str, module: str, attribute: str) -> dg.ExecutorDefinition:
    try:
        executor: dg.ExecutorDefinition = getattr(import_module(module), attribute)
    except ModuleNotFoundError as error:
        extra = _EXTRAS[name]
        raise UnusableSettings(
            f"executor = {name!r} needs the package {error.name}, which is not installed: "
            f"install hubpacks with its extra {extra!r}, as docs/operators.md tells"
        ) from error
    return executor
