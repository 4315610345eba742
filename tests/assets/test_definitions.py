"""The code location for real: an instance in a folder, jobs run in process, each check seen to pass and to fail."""

import subprocess
import sys
from pathlib import Path

import dagster as dg
import pytest

from assets.definitions import build_defs
from assets.hubs import OVERVIEW, snapshot_key, standing_key
from assets.resources import LineResource
from assets.sensors import submissions
from pipelines import publish
from pipelines.validate import used_verdict
from tests.feeds import a_case_study, answers_of, register, submit, write_feed

pytestmark = pytest.mark.filterwarnings("ignore::dagster.BetaWarning", "ignore::dagster.PreviewWarning")


def a_location(folder: Path) -> dg.Definitions:
    resource = LineResource(**{name: str(folder / name) for name in ("registry", "store", "publish")})
    return build_defs(resource)


def write_two_hubs(folder: Path) -> None:
    for number, hub in enumerate(("one", "two-b")):
        register(folder, id=hub)
        answers = answers_of(12, first=1 + 100 * number)
        write_feed(folder / "feeds" / hub, [a_case_study(body=f"Of {hub}.")], answers=answers)


def run(defs: dg.Definitions, job: str) -> dg.ExecuteInProcessResult:
    with dg.DagsterInstance.ephemeral() as instance:
        return defs.resolve_job_def(job).execute_in_process(instance=instance, raise_on_error=False)


def checks(result: dg.ExecuteInProcessResult) -> dict[str, bool]:
    """Whether each check passed, by hub or asset and name."""
    found = {}
    for evaluation in result.get_asset_check_evaluations():
        path = evaluation.asset_key.path
        found[f"{path[1] if len(path) > 1 else path[0]}.{evaluation.check_name}"] = evaluation.passed
    return found


def materialized(result: dg.ExecuteInProcessResult) -> set[dg.AssetKey]:
    return {event.asset_key for event in result.get_asset_materialization_events()}


def test_the_two_jobs_publish_a_release_and_every_check_passes(tmp_path) -> None:
    write_two_hubs(tmp_path)
    defs = a_location(tmp_path)
    pulled = run(defs, "pull")
    assert pulled.success
    assert {snapshot_key("one"), standing_key("one"), snapshot_key("two-b")} <= materialized(pulled)
    released = run(defs, "release")
    assert released.success
    assert dg.AssetKey("release") in materialized(released)
    assert publish.latest(tmp_path / "publish") is not None
    outcomes = checks(pulled) | checks(released)
    assert len(outcomes) == 2 * 3 + 5
    assert all(outcomes.values()), outcomes


def test_nothing_new_is_no_snapshot_and_no_release(tmp_path) -> None:
    write_two_hubs(tmp_path)
    defs = a_location(tmp_path)
    for job in ("pull", "release"):
        run(defs, job)
    assert materialized(run(defs, "pull")) == {standing_key("one"), standing_key("two-b"), OVERVIEW}
    again = run(defs, "release")
    assert again.success
    assert dg.AssetKey("release") not in materialized(again)


def test_a_hub_in_trouble_warns_and_never_stops_the_release(tmp_path) -> None:
    write_two_hubs(tmp_path)
    write_feed(tmp_path / "feeds" / "one")
    (tmp_path / "feeds/one/datapackage.json").write_text('{"resources": []}')
    defs = a_location(tmp_path)
    pulled = run(defs, "pull")
    assert pulled.success
    outcomes = checks(pulled)
    assert outcomes["one.newest_feed_is_used"] is False
    assert outcomes["one.content_is_current"] is False
    assert outcomes["two-b.newest_feed_is_used"] is True
    assert run(defs, "release").success


def test_an_empty_library_stops_the_release(tmp_path) -> None:
    register(tmp_path)
    write_feed(tmp_path / "feeds" / "one")
    defs = a_location(tmp_path)
    run(defs, "pull")
    released = run(defs, "release")
    assert not released.success
    assert checks(released)["library.a_feed_is_in_use"] is False
    assert publish.latest(tmp_path / "publish") is None


def test_an_address_that_moved_stops_the_release(tmp_path) -> None:
    write_two_hubs(tmp_path)
    defs = a_location(tmp_path)
    for job in ("pull", "release"):
        run(defs, job)
    result = check_result(defs, tmp_path, "addresses_are_unique")
    assert result.passed
    store = LineResource(**{n: str(tmp_path / n) for n in ("registry", "store", "publish")}).open().store
    library = store.library()
    first, *_ = library
    slugs = store.root / "slugs.json"
    slugs.write_text(slugs.read_text().replace(library[first].slug, "moved-away"))
    assert not check_result(defs, tmp_path, "addresses_are_unique").passed


def test_an_unrounded_or_small_number_stops_the_release(tmp_path) -> None:
    import pyarrow as pa

    write_two_hubs(tmp_path)
    defs = a_location(tmp_path)
    for job in ("pull", "release"):
        run(defs, job)
    store = LineResource(**{n: str(tmp_path / n) for n in ("registry", "store", "publish")}).open().store
    table = store.benchmarks()
    for bad in (5, 23):
        numbers = pa.array([bad] * table.num_rows, table.schema.field("n").type)
        store.write_benchmarks(table.set_column(table.column_names.index("n"), "n", numbers))
        assert not check_result(defs, tmp_path, "thresholds_are_kept").passed


def test_a_number_that_can_be_worked_out_stops_the_release(tmp_path) -> None:
    write_two_hubs(tmp_path)
    defs = a_location(tmp_path)
    for job in ("pull", "release"):
        run(defs, job)
    assert check_result(defs, tmp_path, "nobody_can_be_picked_out").passed
    store = LineResource(**{n: str(tmp_path / n) for n in ("registry", "store", "publish")}).open().store
    audit, _, waves = store.disclosure()
    store.write_disclosure(audit, ["2026-Q3/total, n: exact_cell: planted"], waves)
    assert not check_result(defs, tmp_path, "nobody_can_be_picked_out").passed


def test_a_release_that_was_changed_afterwards_does_not_verify(tmp_path) -> None:
    write_two_hubs(tmp_path)
    defs = a_location(tmp_path)
    for job in ("pull", "release"):
        run(defs, job)
    newest = publish.latest(tmp_path / "publish")
    assert newest is not None
    (tmp_path / "publish/releases" / newest.id / "coverage.json").write_text("{}")
    assert not check_result(defs, tmp_path, "latest_release_verifies").passed


def check_result(defs: dg.Definitions, folder: Path, name: str) -> dg.AssetCheckResult:
    """What the check called ``name`` says now."""
    from assets import release

    resource = LineResource(**{n: str(folder / n) for n in ("registry", "store", "publish")})
    return getattr(release, name)(line=resource)


def test_each_hub_has_its_own_freshness_policy_and_sectors_are_groups(tmp_path) -> None:
    write_two_hubs(tmp_path)
    register(tmp_path, id="three", sector="health", cadence="yearly")
    specs = {spec.key: spec for spec in a_location(tmp_path).resolve_all_asset_specs()}
    windows = {hub: specs[snapshot_key(hub)].freshness_policy.fail_window for hub in ("one", "two-b", "three")}
    assert windows["one"] == windows["two-b"] < windows["three"]
    groups = {hub: specs[standing_key(hub)].group_name for hub in ("one", "two-b", "three")}
    assert groups == {"one": "hubs_local_government", "two-b": "hubs_local_government", "three": "hubs_health"}


def test_the_workspace_loads_as_dagster_loads_it() -> None:
    root = Path(__file__).parents[2]
    command = [str(Path(sys.executable).with_name("dagster")), "definitions", "validate", "-w", "workspace.yaml"]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr


def test_the_sensor_gathers_a_hub_once_for_each_submission(tmp_path) -> None:
    write_two_hubs(tmp_path)
    defs = a_location(tmp_path)
    line = LineResource(**{name: str(tmp_path / name) for name in ("registry", "store", "publish")})
    with dg.DagsterInstance.ephemeral() as instance:

        def tick(cursor: str | None) -> dg.SensorResult:
            context = dg.build_sensor_context(instance, cursor=cursor, resources={"line": line}, definitions=defs)
            return submissions(context)

        nothing = tick(None)
        assert nothing.run_requests == []
        sent = submit(tmp_path / "store", "one", write_feed(tmp_path / "new", [a_case_study(title="A newer title")]))
        asked = tick(nothing.cursor)
        assert [request.run_key for request in asked.run_requests] == [sent.id]
        assert tick(asked.cursor).run_requests == []
        keys = asked.run_requests[0].asset_selection
        job = defs.resolve_implicit_job_def_def_for_assets(keys)
        assert job is not None
        gathered = job.execute_in_process(instance=instance, asset_selection=keys)
    assert gathered.success
    assert materialized(gathered) == {snapshot_key("one"), standing_key("one"), OVERVIEW}
    store = line.open().store
    assert store.last_pull("one")["submission"] == sent.id
    assert used_verdict(store, "one").records[0].document.title == "A newer title"
