"""Hubs in the code location: one step a sector, each hub told for itself, and all of them at a glance."""

import dagster as dg
import pytest

from assets.hubs import CHECKS, OVERVIEW, snapshot_key, standing_key
from hubs.contract.vocabularies import vocabulary
from tests.feeds import a_case_study, register, write_feed
from tests.locations import a_line, a_location, checks, copied, materialized, metadata, run, why_failed

pytestmark = pytest.mark.filterwarnings("ignore::dagster.BetaWarning", "ignore::dagster.PreviewWarning")


def test_as_many_steps_whatever_the_number_of_hubs(tmp_path) -> None:
    sectors = [term.id for term in vocabulary("sectors")]
    for number in range(3 * len(sectors)):
        register(tmp_path, id=f"hub-{number}", sector=sectors[number % len(sectors)])
    location = a_location(tmp_path)
    steps = {node.name for node in location.resolve_job_def("pull").nodes}
    assert steps == {*(f"gather_{sector}" for sector in sectors), "all_hubs"}
    assert len(location.resolve_job_def("candidate").nodes) == len(
        a_location(tmp_path).resolve_job_def("release").nodes
    )


def test_everything_is_described_and_has_an_owner_where_it_is_a_hubs(once) -> None:
    location = a_location(once)
    specs = {spec.key: spec for spec in location.resolve_all_asset_specs()}
    assert [key for key, spec in specs.items() if not spec.description] == []
    hubs = [spec for key, spec in specs.items() if key.path[0] == "hubs"]
    assert {owner for spec in hubs for owner in spec.owners} == {"team:Owner"}
    assert {spec.tags["sector"] for spec in hubs} == {"local_government"}
    assert specs[standing_key("one")].kinds == {"one"}
    repository = location.get_repository_def()
    described = [*repository.get_all_jobs(), *repository.schedule_defs, *repository.sensor_defs]
    assert [one.name for one in described if not one.name.startswith("__") and not one.description] == []
    graph = repository.asset_graph
    found = [graph.get_check_spec(key) for key in graph.asset_check_keys]
    assert found
    assert [spec.name for spec in found if not spec.description] == []


def test_a_hub_that_nobody_can_work_on_is_named_and_the_others_are_gathered(once, tmp_path) -> None:
    folder = copied(once, tmp_path)
    with a_line(folder).store.locked("hub-one"):  # as by another run
        result = run(a_location(folder), "pull")
    assert not result.success
    assert materialized(result) == {standing_key("two-b")}
    assert checks(result) == {f"two-b.{name}": True for name in CHECKS}
    told = why_failed(result)
    assert "one: Busy: another run is at work here" in told
    assert "two-b" not in told
    again = run(a_location(folder), "pull")
    assert again.success
    assert materialized(again) == {standing_key("one"), standing_key("two-b"), OVERVIEW}


def test_only_the_hubs_that_are_chosen_are_pulled(once, tmp_path) -> None:
    folder = copied(once, tmp_path)
    before = len(a_line(folder).store.pulls("two-b"))
    result = run(a_location(folder), "pull", asset_selection=[standing_key("one")])
    assert result.success
    assert materialized(result) == {standing_key("one")}
    assert len(a_line(folder).store.pulls("two-b")) == before


def test_a_check_alone_looks_at_the_store_and_pulls_nothing(once, tmp_path) -> None:
    folder = copied(once, tmp_path)
    before = len(a_line(folder).store.pulls("one"))
    key = dg.AssetCheckKey(standing_key("one"), "content_is_current")
    chosen = dg.define_asset_job("only_a_check", dg.AssetSelection.checks(key))
    location = dg.Definitions.merge(a_location(folder), dg.Definitions(jobs=[chosen]))
    result = run(location, "only_a_check")
    assert result.success
    assert checks(result) == {"one.content_is_current": True}
    assert len(a_line(folder).store.pulls("one")) == before


def test_a_hubs_standing_shows_what_becomes_of_its_records(once, tmp_path) -> None:
    told = metadata(run(a_location(copied(once, tmp_path)), "pull"), "hubs", "one", "standing")
    assert told["state"] == "fresh"
    assert told["accepted"] == 1
    assert [line.split(" | ")[0] for line in told["packs"].splitlines()[2:]] == [
        *("| national", "| sector-local-government", "| technology-api")
    ]
    assert "1 record accepted" in told["report"]


def test_all_hubs_says_who_needs_somebody_and_why(once, tmp_path) -> None:
    folder = copied(once, tmp_path)
    defs = a_location(folder)
    assert metadata(run(defs, "pull"), "all_hubs") | {"who_and_why": ""} == {
        "hubs": 2,
        "fresh": 2,
        "carried_forward": 0,
        "held": 0,
        "missing": 0,
        "retired": 0,
        "need_somebody": 0,
        "who_and_why": "",
    }
    write_feed(folder / "feeds/one", [a_case_study(licence="none of them")])
    told = metadata(run(defs, "pull"), "all_hubs")
    assert (told["fresh"], told["carried_forward"], told["need_somebody"]) == (1, 1, 1)
    (row,) = told["who_and_why"].splitlines()[2:]
    assert row.startswith("| [one](/assets/hubs/one/standing) | carried_forward | ")
    assert "More than half of the feed's records have errors" in row
    assert "Send the hub its report" in row


def test_the_snapshot_is_told_once_for_each_feed(once, tmp_path) -> None:
    folder = copied(once, tmp_path)
    write_feed(folder / "feeds/one", [a_case_study(body="A newer text.")])
    defs = a_location(folder)
    assert snapshot_key("one") in materialized(run(defs, "pull"))
    assert snapshot_key("one") not in materialized(run(defs, "pull"))
