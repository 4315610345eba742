"""Dagster's history with databases that stay open: the same files, seen by others at once, and not too many open."""

from pathlib import Path

import dagster as dg
import pytest
import yaml

from assets import history
from assets.history import INDEX, OpenEventLog

SETTINGS = Path(__file__).parents[2] / "assets" / "dagster.yaml"


@dg.asset
def thing() -> None:
    """Something to be made."""


def an_instance(home: Path, *, is_open: bool) -> dg.DagsterInstance:
    """An instance over the history in ``home``, with our storage or Dagster's own."""
    settings = yaml.safe_load(SETTINGS.read_text())
    if not is_open:
        del settings["event_log_storage"]
    (home / "dagster.yaml").write_text(yaml.safe_dump(settings))
    return dg.DagsterInstance.from_config(str(home))


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch) -> Path:
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path))
    return tmp_path


def make(instance: dg.DagsterInstance) -> str:
    return dg.materialize([thing], instance=instance).run_id


def test_it_is_the_history_that_dagster_keeps_itself(home) -> None:
    with an_instance(home, is_open=False) as plain:
        first = make(plain)
    with an_instance(home, is_open=True) as ours:
        assert isinstance(ours.event_log_storage, OpenEventLog)
        assert ours.get_latest_materialization_event(thing.key).run_id == first
        second = make(ours)
        with an_instance(home, is_open=False) as plain:  # another process, while ours is open
            assert plain.get_latest_materialization_event(thing.key).run_id == second
            third = make(plain)
        assert ours.get_latest_materialization_event(thing.key).run_id == third
        assert len(ours.all_logs(second)) == len(ours.all_logs(first)) > 0


def test_not_all_databases_stay_open_and_all_can_be_wiped(home, monkeypatch) -> None:
    monkeypatch.setattr(history, "MOST_OPEN", 2)
    with an_instance(home, is_open=True) as ours:
        runs = [make(ours) for _ in range(4)]
        storage = ours.event_log_storage
        assert len(storage._engines) == 2 + 1
        assert INDEX in storage._engines
        assert ours.all_logs(runs[0])
        ours.wipe()
        assert ours.all_logs(runs[-1]) == []
        assert make(ours)
