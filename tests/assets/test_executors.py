"""The executor that a setting chooses: each one there is, and what is said when it cannot be had."""

import sys

import dagster as dg
import pytest

from assets.executors import BACKEND, BROKER, chosen_executor
from pipelines.settings import UnusableSettings

pytestmark = pytest.mark.filterwarnings("ignore::dagster.BetaWarning", "ignore::dagster.PreviewWarning")


@dg.op
def a_step() -> None:
    """Does nothing."""


@dg.job
def a_job() -> None:
    a_step()


def config_of(executor: dg.ExecutorDefinition, given: dict | None = None) -> dict:
    """What the executor is made with, when a run's config says ``given``."""
    from dagster._config import process_config

    schema = executor.config_schema
    outcome = process_config(schema.config_type, {} if given is None else given)
    assert outcome.success, outcome.errors
    resolved = executor.apply_config_mapping({"config": outcome.value})
    assert resolved.success, resolved.errors
    return resolved.value["config"]


@pytest.fixture(autouse=True)
def nothing_set(monkeypatch, tmp_path) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("HUBPACKS_EXECUTOR", BROKER, BACKEND):
        monkeypatch.delenv(name, raising=False)


def test_steps_run_in_the_process_of_the_run_unless_somebody_says_otherwise(monkeypatch, tmp_path) -> None:
    def default() -> list[str]:
        return list(chosen_executor().config_schema.default_value)

    assert default() == ["in_process"]
    (tmp_path / "hubpacks.toml").write_text('executor = "multiprocess"\n')
    assert default() == ["multiprocess"]
    monkeypatch.setenv("HUBPACKS_EXECUTOR", "in_process")
    assert default() == ["in_process"]


@pytest.mark.parametrize("choice", [None, {"multiprocess": {"max_concurrent": 1}}])
def test_the_config_of_a_run_may_name_the_other(choice, tmp_path) -> None:
    job = dg.reconstructable(a_job_over_the_chosen)
    with dg.instance_for_test(temp_dir=str(tmp_path)) as instance:
        config = {"execution": {"config": choice}} if choice else {}
        result = dg.execute_job(job, instance, run_config=config)
        started = [e for e in result.all_events if e.is_engine_event and "process" in (e.message or "")]
    assert result.success
    assert any("multiprocess" in (e.message or "") for e in started) == bool(choice)


def a_job_over_the_chosen() -> dg.JobDefinition:
    """A job that asks for the executor of the settings."""
    return a_job.with_executor_def(chosen_executor())


def test_celery_takes_its_addresses_from_the_environment_and_shows_none(monkeypatch) -> None:
    monkeypatch.setenv("HUBPACKS_EXECUTOR", "celery")
    with pytest.raises(UnusableSettings, match=BROKER):
        chosen_executor()
    monkeypatch.setenv(BROKER, "redis://:secret@queue.example:6379/0")
    made = config_of(chosen_executor())
    assert made["broker"] == made["backend"] == "redis://:secret@queue.example:6379/0"
    monkeypatch.setenv(BACKEND, "db+postgresql://results.example/celery")
    assert config_of(chosen_executor())["backend"] == "db+postgresql://results.example/celery"
    monkeypatch.delenv(BACKEND)
    monkeypatch.setenv(BROKER, "pyamqp://queue.example//")
    assert config_of(chosen_executor())["backend"] == "rpc://"


def test_kubernetes_starts_a_job_for_each_step(monkeypatch) -> None:
    monkeypatch.setenv("HUBPACKS_EXECUTOR", "kubernetes")
    assert chosen_executor().name == "k8s"


def test_what_is_missing_or_misspelt_is_named_with_its_mend(monkeypatch) -> None:
    monkeypatch.setenv("HUBPACKS_EXECUTOR", "kubernets")
    with pytest.raises(UnusableSettings, match=r"kubernets.*in_process, multiprocess, celery, kubernetes"):
        chosen_executor()
    monkeypatch.setenv(BROKER, "redis://queue.example:6379/0")
    for name, module, extra in (("celery", "dagster_celery", "cluster"), ("kubernetes", "dagster_k8s", "kubernetes")):
        monkeypatch.setenv("HUBPACKS_EXECUTOR", name)
        monkeypatch.setitem(sys.modules, module, None)  # as if it were not installed
        with pytest.raises(UnusableSettings, match=f"{module}.*extra '{extra}'"):
            chosen_executor()
