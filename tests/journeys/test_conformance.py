"""One engine behind every door: whichever way a feed comes in, the report on it is the same, finding for finding.

The feeds are those of ``tests.badfeeds``, the sample hubs and the 22 real sources, whose content lies beside the
project.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from hubs.check import json_text, refusal_json, report_json
from hubs.contract.findings import CODES
from hubs.instruments import instruments
from hubs.registration import Registration, Registry, read_registry
from pipelines.check import check
from pipelines.intake.judging import Bounds, Task, report
from pipelines.keys import Keys
from pipelines.line import Line
from pipelines.store import Store
from pipelines.validate import newest_verdict
from tests import feeds
from tests.badfeeds import FEEDS, REGISTERED, zipped
from tests.feeds import NOW, gather

ROOT = Path(__file__).parents[2]
REGISTRIES = {"sample": ROOT / "hubs" / "registry", "real": Path(__file__).parent / "real"}

Report = dict[str, Any]


@dataclass(frozen=True)
class Case:
    """A feed at ``address``, the hub that sends it, and the registry in which the hub is."""

    address: str
    registration: Registration
    registry: Registry


def case_of(name: str, folder: Path) -> Case:
    """The case called ``name``: a builder's, or a hub of a registry as ``sample/health``."""
    group, _, hub = name.partition("/")
    if group in REGISTRIES:
        registry = read_registry(REGISTRIES[group])
        address = registry.address(hub)
        assert Path(address).exists(), f"no content at {address}: is the real content beside the project?"
        return Case(address, registry.hubs[hub], registry)
    (folder / "registry").mkdir()
    registration = feeds.registration(licence="OGL-UK-3.0", **REGISTERED.get(name, {}))
    return Case(str(FEEDS[name](folder)), registration, Registry(folder / "registry", {"one": registration}, {}))


CASES = [*FEEDS, *(f"{group}/{hub}" for group, path in REGISTRIES.items() for hub in read_registry(path).hubs)]


# The doors. Each takes a case and an empty folder, and gives the report for programs.


def by_check(case: Case, folder: Path) -> Report:
    banks = instruments(*case.registry.instrument_folders)
    checked = check(case.address, case.registration, banks, NOW, folder)
    if checked.refusal is not None:
        return refusal_json(*checked.refusal)
    assert checked.verdict is not None
    return report_json(checked.verdict)


def by_check_of_a_zip(case: Case, folder: Path) -> Report:
    return by_check(Case(str(as_sent(case, folder)), case.registration, case.registry), folder)


def by_intake(case: Case, folder: Path) -> Report:
    """In a process of its own, as the intake has it judged."""
    path = as_sent(case, folder)
    task = Task(path, path.name, case.registration, case.registry.instrument_folders, NOW)
    return report(task, Bounds(seconds=600, memory_bytes=8 << 30, disk_bytes=8 << 30, report_bytes=1 << 30))


def as_sent(case: Case, folder: Path) -> Path:
    """The feed as one file, a folder as a zip."""
    path = Path(case.address)
    if not path.is_dir():
        return path
    (folder / "feed").mkdir()
    (folder / "feed" / path.name).symlink_to(path)
    return zipped(folder / "feed" / path.name)


def by_pipeline(case: Case, folder: Path) -> Report:
    hub = case.registration.id
    registration = case.registration.model_copy(update={"address": case.address})
    registry = Registry(case.registry.folder, {hub: registration}, {})
    store = Store(folder / "store")
    line = Line(registry, store, folder / "public", Keys(store.keys))
    state, _ = gather(line, hub, NOW)
    verdict = newest_verdict(line.store, hub)
    if verdict is None:
        pulled = line.store.last_pull(hub) or {}
        assert state.held_by == (pulled["code"],)
        return refusal_json(pulled["code"], pulled["detail"])
    return report_json(verdict)


DOORS: list[Callable[[Case, Path], Report]] = [by_check_of_a_zip, by_intake, by_pipeline]
"""Every door but ``by_check``, with which they are compared."""
FOLDERS_ONLY = {"pipe_in_a_folder", "link_in_a_folder", "hostile_name", "name_that_is_no_text"}
"""Folders that are refused for what does not fit into a zip. They come in by the pipeline alone."""
WAYS = [(name, door) for name in CASES for door in DOORS if door is by_pipeline or name not in FOLDERS_ONLY]


def as_told(report: Report) -> Any:
    """The report as it leaves the house, so that what only looks equal in here does not count."""
    return json.loads(json_text(report))


@pytest.fixture(scope="module")
def checked(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Report]:
    """What ``by_check`` says of the case called so, found out once."""

    @cache
    def told(name: str) -> Report:
        folder = tmp_path_factory.mktemp("checked")
        report: Report = as_told(by_check(case_of(name, folder), new(folder)))
        return report

    return told


@pytest.mark.parametrize(("name", "door"), WAYS, ids=lambda part: getattr(part, "__name__", part))
def test_every_door_says_the_same(
    tmp_path: Path, checked: Callable[[str], Report], name: str, door: Callable[[Case, Path], Report]
) -> None:
    first, second = checked(name), as_told(door(case_of(name, tmp_path), new(tmp_path)))
    if first["outcome"] == "refused" or second["outcome"] == "refused":
        assert (first["outcome"], first["held_by"]) == (second["outcome"], second["held_by"])
        return
    assert first["findings"] == second["findings"]
    assert (first["counts"], first["held_by"]) == (second["counts"], second["held_by"])
    assert [record["id"] for record in first["records"]] == [record["id"] for record in second["records"]]
    assert first == second


def new(folder: Path) -> Path:
    path = folder / f"door-{sum(1 for _ in folder.iterdir())}"
    path.mkdir()
    return path


ELSEWHERE = {
    # What a feed cannot be found guilty of by itself.
    *("judge_failed", "judge_gave_up", "nothing_submitted", "old_submission", "pull_failed", "unreachable_feed"),
    *("unusable_registration", "mapping_expectation_failed", "value_left_out"),
    # What its address is guilty of, or what only a comparison with the feed before it shows.
    *("forbidden_address", "hub_gone", "feed_shrank", "feed_cut_short", "feed_rekeyed", "feed_went_back"),
    # What the registration of these feeds fills in, or what the code above it says more closely.
    *("missing_field", "missing_language", "missing_licence", "missing_sector", "invalid_value"),
    # What is tested with the reader of workbooks.
    *("formula_cells", "macros_not_run", "text_left_out"),
}
"""Codes that none of ``FEEDS`` earns, and why. Any other code has its feed there."""


def test_what_does_not_fit_into_a_zip_is_refused(checked: Callable[[str], Report]) -> None:
    assert {name: checked(name)["outcome"] for name in FOLDERS_ONLY} == dict.fromkeys(FOLDERS_ONLY, "refused")


def test_there_is_a_feed_for_every_code(checked: Callable[[str], Report]) -> None:
    """A table of cases in which nothing goes wrong would prove nothing."""
    seen: set[str] = set()
    for name in FEEDS:
        report = checked(name)
        seen |= {report["outcome"], *report["held_by"], *(finding["code"] for finding in report["findings"])}
    assert {"accepted", "held", "refused"} <= seen
    assert set(CODES) - seen == ELSEWHERE, "give a new code a feed in tests/badfeeds.py"
