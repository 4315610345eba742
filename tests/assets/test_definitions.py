"""The code location for real: an instance in a folder, jobs run in process, each check seen to pass and to fail."""

import subprocess
import sys
from pathlib import Path

import dagster as dg
import pytest

from assets.hubs import OVERVIEW, snapshot_key, standing_key
from assets.sensors import submissions
from pipelines import publish
from pipelines.validate import used_verdict
from tests.feeds import a_case_study, register, submit, write_feed
from tests.locations import (
    a_line,
    a_location,
    a_resource,
    checks,
    materialized,
    run,
    write_two_hubs,
)

pytestmark = pytest.mark.filterwarnings("ignore::dagster.BetaWarning", "ignore::dagster.PreviewWarning")


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


def test_nothing_new_is_no_snapshot_and_no_release(published) -> None:
    defs = a_location(published)
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


def test_an_address_that_moved_stops_the_release(published) -> None:
    assert passes(published, "addresses_are_unique")
    store = a_line(published).store
    library = store.library()
    first, *_ = library
    slugs = store.root / "slugs.json"
    slugs.write_text(slugs.read_text().replace(library[first].slug, "moved-away"))
    assert not passes(published, "addresses_are_unique")


def test_an_unrounded_or_small_number_stops_the_release(published) -> None:
    import pyarrow as pa

    store = a_line(published).store
    table = store.benchmarks()
    for bad in (5, 23):
        numbers = pa.array([bad] * table.num_rows, table.schema.field("n").type)
        store.write_benchmarks(table.set_column(table.column_names.index("n"), "n", numbers))
        assert not passes(published, "thresholds_are_kept")


def test_a_number_that_can_be_worked_out_stops_the_release(published) -> None:
    assert passes(published, "nobody_can_be_picked_out")
    store = a_line(published).store
    audit, _, waves = store.disclosure()
    store.write_disclosure(audit, ["2026-Q3/total, n: exact_cell: planted"], waves)
    assert not passes(published, "nobody_can_be_picked_out")


def test_a_release_that_was_changed_afterwards_does_not_verify(published) -> None:
    newest = publish.latest(published / "publish")
    assert newest is not None
    (published / "publish/releases" / newest.id / "coverage.json").write_text("{}")
    assert not passes(published, "latest_release_verifies")


def passes(folder: Path, name: str) -> bool:
    """What the check called ``name`` says now."""
    from assets import release

    alone = dg.define_asset_job("alone", dg.AssetSelection.checks(getattr(release, name)))
    (passed,) = checks(run(dg.Definitions.merge(a_location(folder), dg.Definitions(jobs=[alone])), "alone")).values()
    return passed


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
    line = a_resource(tmp_path)
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
