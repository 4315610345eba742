"""The operator in Dagster's UI: from the hub that needs somebody to the reason, and from a candidate to a release."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest
from playwright.sync_api import Page, expect

from pipelines import publish
from tests.browser import chromium
from tests.feeds import a_case_study, write_feed
from tests.locations import FOLDERS, a_line, a_location, write_two_hubs
from tests.servers import free_port, wait_for

pytestmark = pytest.mark.filterwarnings("ignore::dagster.BetaWarning", "ignore::dagster.PreviewWarning")

ROOT = Path(__file__).parents[2]
WEBSERVER = str(Path(sys.executable).with_name("dagster-webserver"))
SETTINGS = """
telemetry: {enabled: false}
nux: {enabled: false}
run_coordinator: {module: dagster._core.run_coordinator, class: DefaultRunCoordinator}
"""
"""An instance without a queue, which a daemon would have to serve."""
WHY = "The feed ends early"
SECONDS = 30_000


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """Two hubs, of which one is held: it has lost its answers. A candidate waits."""
    folder = tmp_path_factory.mktemp("operator")
    (folder / "dagster.yaml").write_text(SETTINGS)
    write_two_hubs(folder)
    defs = a_location(folder)
    with dg.DagsterInstance.from_config(str(folder)) as instance:
        for job in ("pull", "candidate", "pull"):
            assert defs.resolve_job_def(job).execute_in_process(instance=instance).success
            write_feed(folder / "feeds/one", [a_case_study(body="Of one.")])
    return folder


@pytest.fixture(scope="module")
def ui(folder) -> Iterator[Page]:
    """A page of the UI over ``folder``, in a browser."""
    port = free_port()
    environment = os.environ | {f"HUBPACKS_{name.upper()}": str(folder / name) for name in FOLDERS}
    command = [WEBSERVER, "-w", "workspace.yaml", "-h", "127.0.0.1", "-p", str(port)]
    with (
        (folder / "log").open("wb") as log,
        subprocess.Popen(
            command, cwd=ROOT, env=environment | {"DAGSTER_HOME": str(folder)}, stdout=log, stderr=log
        ) as server,
    ):
        try:
            wait_for(port, server, 60)
            with chromium() as browser:
                page = browser.new_page(base_url=f"http://127.0.0.1:{port}", viewport={"width": 1500, "height": 1000})
                page.set_default_timeout(SECONDS)
                yield page
        finally:
            server.terminate()


def test_from_the_hub_that_needs_somebody_to_the_reason_in_two_clicks(ui) -> None:
    ui.goto("/locations/hubpacks/asset-groups/hubs_local_government")
    ui.get_by_role("link", name="2 / 3 Passed").click()
    ui.get_by_text("newest_feed_is_used").first.click()
    expect(ui.get_by_text(WHY).first).to_be_visible(timeout=SECONDS)


def test_from_all_hubs_to_the_hub_in_one(ui) -> None:
    ui.goto("/assets/all_hubs")
    expect(ui.get_by_text(WHY).first).to_be_visible(timeout=SECONDS)
    ui.get_by_role("link", name="one", exact=True).first.click()
    expect(ui.get_by_text("Ask the hub to export it again").first).to_be_visible(timeout=SECONDS)


def test_the_lineage_leads_from_sectors_to_packs_to_the_release(ui) -> None:
    ui.goto("/asset-groups")
    for group in ("hubs_local_government", "consolidation", "packs_by_sector", "packs_by_technology", "publication"):
        expect(ui.get_by_text(group).first).to_be_visible(timeout=SECONDS)


def test_the_operator_approves_a_candidate_from_the_launchpad(ui, folder) -> None:
    waits = a_line(folder).store.candidates.waiting()
    ui.goto("/assets/candidate")
    expect(ui.get_by_text(f"Launch the job approve or refuse with release {waits.id}.")).to_be_visible(timeout=SECONDS)
    ui.goto("/locations/hubpacks/jobs/approve/playground")
    editor = ui.locator(".CodeMirror").first
    expect(editor).to_contain_text("approve_candidate", timeout=SECONDS)
    for field in ("by", "note", "release"):
        expect(editor).to_contain_text(f"{field}:")
    editor.click()
    ui.keyboard.press("Control+a")
    config = f'{{release: "{waits.id}", by: "Duty operator", note: "Read the changes"}}'
    ui.keyboard.insert_text(f"ops: {{approve_candidate: {{config: {config}}}}}")
    launch = ui.get_by_role("button", name="Launch Run")
    expect(launch).to_be_enabled(timeout=SECONDS)
    launch.click()
    until = time.monotonic() + SECONDS / 1000
    while publish.latest(folder / "publish") is None and time.monotonic() < until:
        time.sleep(0.2)
    newest = publish.latest(folder / "publish")
    assert newest is not None, (folder / "log").read_text()
    assert newest.id == waits.id
    assert a_line(folder).store.candidates.find(waits.id).approved_by == "Duty operator"
