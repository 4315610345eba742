"""The operator's jobs beside those for candidates: a feed is let through, records are withdrawn, copies are made."""

import dagster as dg
import pytest

from assets.hubs import OVERVIEW, standing_key
from assets.release import RELEASE
from pipelines import publish
from tests.feeds import a_case_study, write_feed
from tests.locations import a_line, a_location, materialized, metadata, run, why_failed

pytestmark = pytest.mark.filterwarnings("ignore::dagster.BetaWarning", "ignore::dagster.PreviewWarning")

WHY = {"reason": "The supplier has corrected its figures", "by": "Duty operator"}


def test_a_feed_that_was_let_through_is_green_at_once(published) -> None:
    write_feed(published / "feeds/one", [a_case_study(body="Of one.")])  # without its answers
    defs = a_location(published)
    assert metadata(run(defs, "pull"), "all_hubs")["need_somebody"] == 1
    config = {"hub": "one", "reason": "The survey has moved", "by": "duty operator"}
    with dg.DagsterInstance.ephemeral() as instance:
        given = {"ops": {"let_through": {"config": config}}}
        result = defs.resolve_job_def("confirm_feed").execute_in_process(instance=instance, run_config=given)
        key = dg.AssetCheckKey(standing_key("one"), "newest_feed_is_used")
        (record,) = instance.event_log_storage.get_asset_check_execution_history(key, limit=1)
    assert materialized(result) == {standing_key("one"), OVERVIEW}
    assert metadata(result, "hubs", "one", "standing")["state"] == "fresh"
    assert metadata(result, "all_hubs")["need_somebody"] == 0
    assert record.event.dagster_event.asset_check_evaluation_data.passed


def test_a_hub_that_there_is_not_and_one_that_needs_nothing_are_named(waiting) -> None:
    defs = a_location(waiting)
    nobody = run(defs, "confirm_feed", {"hub": "three", "reason": "r", "by": "b"})
    assert "No hub is called 'three'; there are one, two-b" in why_failed(nobody)
    nothing = run(defs, "confirm_feed", {"hub": "one", "reason": "r", "by": "b"})
    assert "one has no feed that waits for a confirmation" in why_failed(nothing)


def test_a_withdrawal_is_a_dry_run_unless_somebody_says_otherwise(published) -> None:
    defs, before = a_location(published), publish.latest(published / "publish").id
    dry = run(defs, "withdraw", {"records": ["one/shared-schedule"], **WHY})
    assert dry.success
    assert list(a_line(published).store.decisions.all()) == []
    done = run(defs, "withdraw", {"records": ["one/shared-schedule"], "dry_run": False, **WHY})
    assert done.success
    assert materialized(done) == {RELEASE}
    assert metadata(done, "release")["records_gone"] == 1
    assert publish.latest(published / "publish").id != before
    wrong = run(defs, "withdraw", {"records": ["one/shared-shedule"], **WHY})
    assert "one/shared-shedule was never published here; did you mean" in why_failed(wrong)


def test_a_copy_needs_a_place(published, monkeypatch, tmp_path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("HUBPACKS_MIRROR", raising=False)
    defs = a_location(published)
    assert "give one here, or mirror in hubpacks.toml" in why_failed(run(defs, "mirror"))
    assert "s3://" in why_failed(run(defs, "mirror", {"place": "ftp://copies"}))
