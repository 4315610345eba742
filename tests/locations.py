"""The code location over folders of a test, and jobs of it run in process."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import dagster as dg

from assets.definitions import build_defs
from assets.resources import LineResource
from pipelines.line import Line
from tests.feeds import a_case_study, answers_of, register, write_feed

FOLDERS = ("registry", "store", "publish")


def a_resource(folder: Path) -> LineResource:
    """The resource over ``folder``'s registry, store and published site."""
    return LineResource(**{name: str(folder / name) for name in FOLDERS})


def a_line(folder: Path) -> Line:
    """The line of the same folders."""
    return a_resource(folder).open()


def a_location(folder: Path) -> dg.Definitions:
    """The definitions over ``folder``."""
    return build_defs(a_resource(folder))


def write_two_hubs(folder: Path) -> None:
    """Two good hubs of one sector."""
    for number, hub in enumerate(("one", "two-b")):
        register(folder, id=hub)
        answers = answers_of(12, first=1 + 100 * number)
        write_feed(folder / "feeds" / hub, [a_case_study(body=f"Of {hub}.")], answers=answers)


def copied(source: Path, folder: Path) -> Path:
    """A copy of the folders in ``source``, that may be changed."""
    shutil.copytree(source, folder, symlinks=True, dirs_exist_ok=True)
    return folder


def run(defs: dg.Definitions, job: str, config: dict[str, Any] | None = None, **how: Any) -> dg.ExecuteInProcessResult:
    """The job, run to its end. ``config`` is that of its one op."""
    with dg.DagsterInstance.ephemeral() as instance:
        definition = defs.resolve_job_def(job)
        given = {"ops": {definition.nodes[0].name: {"config": config}}} if config is not None else None
        return definition.execute_in_process(instance=instance, raise_on_error=False, run_config=given, **how)


def why_failed(result: dg.ExecuteInProcessResult) -> str:
    """What the operator reads of the steps that failed."""
    failures = [event.step_failure_data for event in result.all_events if event.is_step_failure]
    return "\n".join(f"{one.user_failure_data.description if one.user_failure_data else one.error}" for one in failures)


def checks(result: dg.ExecuteInProcessResult) -> dict[str, bool]:
    """Whether each check passed, by hub or asset and name."""
    found = {}
    for evaluation in result.get_asset_check_evaluations():
        path = evaluation.asset_key.path
        found[f"{path[1] if len(path) > 1 else path[0]}.{evaluation.check_name}"] = evaluation.passed
    return found


def materialized(result: dg.ExecuteInProcessResult) -> set[dg.AssetKey]:
    """The assets that the run has made."""
    return {event.asset_key for event in result.get_asset_materialization_events()}


def metadata(result: dg.ExecuteInProcessResult, *path: str) -> dict[str, Any]:
    """What the run tells of the asset, in plain values."""
    (event,) = [e for e in result.get_asset_materialization_events() if e.asset_key.path == [*path]]
    return {name: value.value for name, value in event.materialization.metadata.items()}


def packs_in(keys: Iterable[dg.AssetKey]) -> set[str]:
    """The packs among ``keys``."""
    return {key.path[1] for key in keys if key.path[0] == "packs"}
