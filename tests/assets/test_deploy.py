"""What ``deploy/`` says is what the programs take that read it: Dagster, its launcher for Kubernetes, systemd."""

from __future__ import annotations

import re
import subprocess
import warnings
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
import yaml
from dagster._core.instance.config import dagster_instance_config

from assets.definitions import build_defs
from assets.queue import PULLING, RELEASING
from assets.resources import LineResource
from pipelines.settings import DEFAULTS, UnusableSettings
from tests.clusters import DEPLOY, PROGRAMS
from tests.locations import a_line, a_location

pytestmark = pytest.mark.filterwarnings("ignore::dagster.BetaWarning", "ignore::dagster.PreviewWarning")

VALUES = yaml.safe_load((DEPLOY / "kubernetes/values.yaml").read_text(encoding="utf-8"))
INSTANCE = yaml.safe_load((DEPLOY / "dagster.yaml").read_text(encoding="utf-8"))
UNITS = sorted((DEPLOY / "systemd").glob("*.service"))
LIMITS = [{"key": "hubpacks/line", "value": value, "limit": 1} for value in ("release", "pull")]


def test_dagster_takes_the_instance() -> None:
    told, _ = dagster_instance_config(str(DEPLOY))
    assert told["telemetry"] == told["nux"] == {"enabled": False}
    assert told["concurrency"]["runs"]["tag_concurrency_limits"] == LIMITS
    database = told["storage"]["postgres"]["postgres_db"]
    assert all(set(database[name]) == {"env"} for name in ("hostname", "port", "db_name", "username", "password"))


def test_a_misspelt_instance_is_refused(tmp_path: Path) -> None:
    (tmp_path / "dagster.yaml").write_text(yaml.safe_dump(INSTANCE | {"run_monitorin": {"enabled": True}}))
    with pytest.raises(dg.DagsterInvalidConfigError):
        dagster_instance_config(str(tmp_path))


def test_jobs_that_change_what_readers_see_wait_for_one_another(tmp_path: Path) -> None:
    line = LineResource(
        registry=str(DEFAULTS["registry"]), store=str(tmp_path / "store"), publish=str(tmp_path / "public")
    )
    tags = {job.name: job.tags for job in build_defs(line).resolve_all_job_defs() if not job.name.startswith("__")}
    waiting = {name for name, told in tags.items() if RELEASING.items() <= told.items()}
    assert waiting == {"candidate", "release", "approve", "refuse", "withdraw", "mirror"}
    assert {name for name, told in tags.items() if PULLING.items() <= told.items()} == {"pull"}
    assert set(tags) - waiting == {"pull", "verify", "confirm_feed"}  # a new job has to be put into one of the two


def test_what_breaks_off_is_tried_again_and_what_is_refused_is_not(waiting: Path, monkeypatch) -> None:
    defs = a_location(waiting)

    def is_tried_again(job: str) -> str | None:
        ended = defs.resolve_job_def(job).execute_in_process(instance=instance, raise_on_error=False)
        assert not ended.success
        return instance.get_run_by_id(ended.run_id).tags.get("dagster/will_retry")

    def break_off(*_: object) -> None:
        raise ConnectionError("the server closed the connection")

    with dg.instance_for_test(overrides={"run_retries": INSTANCE["run_retries"]}) as instance:
        with a_line(waiting).store.locked("release"):
            assert is_tried_again("release") == "false"
        with monkeypatch.context() as one:
            one.setattr("assets.release.rows_that_break", lambda *_: ["a row that breaks the policy"])
            assert is_tried_again("release") == "false"
        assert is_tried_again("approve") == "false"  # nobody has filled it in
        for name in ("assets.hubs.gather_some", "assets.release.make_library"):
            monkeypatch.setattr(name, break_off)
        assert [is_tried_again(job) for job in ("pull", "candidate", "release")] == ["true"] * 3


def test_the_cluster_on_kubernetes_queues_and_retries_alike() -> None:
    queue = VALUES["dagsterDaemon"]["runCoordinator"]["config"]["queuedRunCoordinator"]
    assert queue["tagConcurrencyLimits"] == LIMITS
    assert queue["maxConcurrentRuns"] == INSTANCE["concurrency"]["runs"]["max_concurrent_runs"]
    assert VALUES["additionalInstanceConfig"]["run_retries"] == INSTANCE["run_retries"]


def launcher(**changes: Any) -> Any:
    """The launcher's config, as the chart makes it of the values."""
    from dagster._config import process_config, resolve_to_config_type
    from dagster_k8s import K8sRunLauncher

    told = VALUES["runLauncher"]["config"]["k8sRunLauncher"] | changes
    names = {"podSpecConfig": "pod_spec_config", "jobSpecConfig": "job_spec_config"}
    config = {
        "load_incluster_config": told["loadInclusterConfig"],
        "image_pull_policy": told["imagePullPolicy"],
        "service_account_name": "hubpacks",
        "instance_config_map": "hubpacks-instance",
        "dagster_home": "/opt/dagster/dagster_home",
        "postgres_password_secret": VALUES["global"]["postgresqlSecretName"],
        "env_secrets": [secret["name"] for secret in told["envSecrets"]],
        "env_vars": told["envVars"],
        "volumes": told["volumes"],
        "volume_mounts": told["volumeMounts"],
        "resources": told["resources"],
        "security_context": told["securityContext"],
        "fail_pod_on_run_failure": told["failPodOnRunFailure"],
        "run_k8s_config": {names[name]: value for name, value in told["runK8sConfig"].items()},
    }
    return process_config(resolve_to_config_type(K8sRunLauncher.config_type()), config)


def test_the_launcher_for_kubernetes_takes_the_values() -> None:
    assert launcher().success, launcher().errors


def test_pods_are_what_kubernetes_knows_and_may_do_little() -> None:
    from dagster_k8s.models import k8s_snake_case_dict
    from kubernetes.client import models

    parts = [VALUES[name] for name in ("dagsterWebserver", "dagsterDaemon")]
    parts += VALUES["dagster-user-deployments"]["deployments"]
    for part in parts:
        assert k8s_snake_case_dict(models.V1PodSecurityContext, part["podSecurityContext"])["run_as_non_root"]
        container = k8s_snake_case_dict(models.V1SecurityContext, part["securityContext"])
        assert container["read_only_root_filesystem"]
        assert not container["allow_privilege_escalation"]
        assert k8s_snake_case_dict(models.V1ResourceRequirements, part["resources"])["limits"]["memory"]
        for volume, mount in zip(part["volumes"], part["volumeMounts"], strict=True):
            named = k8s_snake_case_dict(models.V1VolumeMount, mount)["name"]
            assert k8s_snake_case_dict(models.V1Volume, volume)["name"] == named
    with pytest.raises(Exception, match="Unexpected keys"):
        k8s_snake_case_dict(models.V1SecurityContext, {"readOnlyRoot": True})


def test_no_file_of_deploy_has_a_secret() -> None:
    telling = re.compile(r"(?im)^[ \t]*[\w-]*password[\w-]*[ \t]*[:=][ \t]*(?!\{env|false)\S+")
    for path in DEPLOY.rglob("*.*"):
        if path.is_file():
            assert telling.findall(path.read_text(encoding="utf-8")) == [], path
    assert telling.findall("  postgresqlPassword: test")


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.stem)
def test_units_may_do_no_more_than_they_have_to(unit: Path) -> None:
    judged = ["systemd-analyze", "security", "--offline=true", "--threshold=15", str(unit)]
    answer = subprocess.run(judged, capture_output=True, text=True, check=False)
    assert answer.returncode == 0, answer.stdout[-400:] + answer.stderr


def test_systemd_takes_the_units(tmp_path: Path) -> None:
    for unit in UNITS:
        text = unit.read_text(encoding="utf-8").replace("/opt/hubpacks/.venv/bin", str(PROGRAMS))
        (tmp_path / unit.name).write_text(text.replace("file:/opt/hubpacks/docs/operators.md", "man:nginx(8)"))
    told = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", *sorted(map(str, tmp_path.iterdir()))],
        capture_output=True,
        text=True,
        check=False,
        env={"SYSTEMD_UNIT_PATH": f"{tmp_path}:", "PATH": "/usr/bin"},
    )
    ours = [line for line in told.stderr.splitlines() if "hubpacks-" in line]
    assert ours == []
    (tmp_path / "hubpacks-daemon.service").write_text("[Service]\nExecStart=/nowhere/at/all\n")
    bad = ["systemd-analyze", "verify", "--man=no", str(tmp_path / "hubpacks-daemon.service")]
    assert subprocess.run(bad, capture_output=True, check=False).returncode


@pytest.mark.parametrize(
    ("variables", "complaint"),
    [
        ({}, "HUBPACKS_CELERY_BROKER"),
        (
            {"HUBPACKS_CELERY_BROKER": "redis://localhost/0", "HUBPACKS_CELERY_PATIENCE_SECONDS": "soon"},
            "number of seconds",
        ),
    ],
)
def test_a_worker_says_what_it_misses(monkeypatch, variables: dict[str, str], complaint: str) -> None:
    monkeypatch.setenv("HUBPACKS_CELERY_BROKER", "redis://localhost/0")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from assets.worker import settings
    monkeypatch.delenv("HUBPACKS_CELERY_BROKER")
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(UnusableSettings, match=complaint):
        settings()
