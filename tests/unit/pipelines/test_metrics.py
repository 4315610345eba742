"""Metrics of a real store, read as Prometheus reads them; and the dashboard and the rules that are made of them."""

from __future__ import annotations

import json
import re
import subprocess
import threading
import urllib.request
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from pipelines import metrics, runs
from pipelines.alerts import ALERTS, Settings
from pipelines.line import Line, open_line
from pipelines.metrics import MEASURES, Hubpacks, serve, text
from pipelines.settings import DEFAULTS
from tests.feeds import NOW, a_line, register

DEPLOY = Path(__file__).parents[3] / "deploy"
DASHBOARD, RULES = DEPLOY / "grafana/hubpacks.json", DEPLOY / "prometheus/rules.yml"
NAME = re.compile(r"\bhubpacks_[a-z_]+")


@pytest.fixture(scope="module")
def opened(sample_folder: Path) -> Callable[[], Line]:
    return lambda: open_line(DEFAULTS["registry"], sample_folder / "store", sample_folder / "public")


@pytest.fixture(scope="module")
def scrape(opened: Callable[[], Line]) -> str:
    return text(opened, Settings(schedule=False)).decode()


def samples(scrape: str) -> dict[str, dict[tuple[str, ...], float]]:
    """Values by name and values of labels."""
    found: dict[str, dict[tuple[str, ...], float]] = {}
    for family in text_string_to_metric_families(scrape):
        for sample in family.samples:
            found.setdefault(sample.name, {})[tuple(sample.labels.values())] = sample.value
    return found


def promtool(*arguments: str, given: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(["promtool", *arguments], input=given, capture_output=True, text=True, check=False)


def test_promtool_has_nothing_to_say(scrape: str) -> None:
    judged = promtool("check", "metrics", given=scrape)
    assert (judged.returncode, judged.stdout, judged.stderr) == (0, "", "")
    assert promtool("check", "metrics", given=scrape.replace("hubpacks_releases", "hubpacks_releasesTotal")).returncode


def test_what_is_counted_of_the_sample_hubs(scrape: str, opened: Callable[[], Line]) -> None:
    found, line = samples(scrape), opened()
    assert found["hubpacks_hubs"][("fresh",)] == 9
    assert found["hubpacks_hubs"][("held",)] == 2
    assert found["hubpacks_hub_state"][("justice", "held")] == 1
    assert ("justice",) not in found["hubpacks_hub_content_timestamp_seconds"]
    assert found["hubpacks_hub_visit_timestamp_seconds"][("justice",)] == NOW.timestamp()
    library = line.store.library()
    accepted = len(library) + sum(len(entry.merged) for entry in library.values())
    assert found["hubpacks_records"][("accepted",)] == accepted
    assert found["hubpacks_quarantined_records"][("unknown_sector",)] > 0
    assert found["hubpacks_releases"][()] == 1
    assert found["hubpacks_candidates"][("published",)] == 1
    assert found["hubpacks_release_timestamp_seconds"][()] == NOW.timestamp()
    assert {stage for (stage,) in found["hubpacks_stage_duration_seconds"]} == {*runs.STAGES}
    files = [path for path in line.public.rglob("*") if path.is_file() and not path.is_symlink()]
    assert found["hubpacks_folder_size_bytes"][("publish",)] >= sum(path.stat().st_size for path in files)
    assert {code for code, _ in found["hubpacks_alerts_open"]} == set(ALERTS)
    assert found["hubpacks_alerts_open"][("feed_held", "warning")] == 2


def test_labels_are_bounded_and_name_nobody(scrape: str) -> None:
    for family in text_string_to_metric_families(scrape):
        for sample in family.samples:
            assert set(sample.labels) == set(MEASURES[sample.name][1])
    assert "@" not in scrape
    assert all(name.endswith(("_total", "_seconds", "_bytes")) or name.rpartition("_")[2] for name in MEASURES)


def test_a_store_of_which_nothing_is_known(tmp_path: Path) -> None:
    register(tmp_path)
    found = samples(text(lambda: a_line(tmp_path), Settings()).decode())
    assert found["hubpacks_hubs"][("missing",)] == 1
    assert found["hubpacks_releases"][()] == 0
    assert "hubpacks_release_timestamp_seconds" not in found
    assert found["hubpacks_folder_size_bytes"][("store",)] == 0


def test_two_that_ask_at_once_are_told_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    register(tmp_path)
    asked = []
    collector = Hubpacks(lambda: (asked.append(1), a_line(tmp_path))[1], Settings(), lambda: NOW + timedelta(days=1))
    assert [*collector.collect()] == [*collector.collect()]
    assert len(asked) == 1
    monkeypatch.setattr(metrics, "KEPT_SECONDS", 0.0)
    [*collector.collect()]
    assert len(asked) == 2


def test_they_are_served(tmp_path: Path) -> None:
    register(tmp_path)
    told: list[str] = []
    said = threading.Event()

    def say(address: str) -> None:
        told.append(address)
        said.set()

    threading.Thread(
        target=serve, args=(lambda: a_line(tmp_path), Settings(), "127.0.0.1", 0, say), daemon=True
    ).start()
    assert said.wait(10)
    with urllib.request.urlopen(told[0], timeout=10) as answer:
        assert answer.headers["Content-Type"].startswith("text/plain; version=")
        assert b'hubpacks_hubs{state="missing"} 1.0' in answer.read()


def expressions() -> list[tuple[str, str]]:
    """Every expression of the dashboard, with its panel."""
    panels = json.loads(DASHBOARD.read_text(encoding="utf-8"))["panels"]
    return [(panel["title"], target["expr"]) for panel in panels for target in panel["targets"]]


@pytest.mark.parametrize(("panel", "expression"), expressions())
def test_every_panel_asks_for_what_there_is(panel: str, expression: str, tmp_path: Path) -> None:
    names = NAME.findall(expression)
    assert names
    assert set(names) <= set(MEASURES)
    rules = tmp_path / "rules.yml"
    rules.write_text(yaml.safe_dump({"groups": [{"name": "g", "rules": [{"record": "r", "expr": expression}]}]}))
    judged = promtool("check", "rules", str(rules))
    assert judged.returncode == 0, judged.stderr


def test_the_dashboard_shows_every_measure() -> None:
    shown = {name for _, expression in expressions() for name in NAME.findall(expression)}
    assert set(MEASURES) - shown == {
        "hubpacks_build_info",
        "hubpacks_candidate_attempt_timestamp_seconds",
        "hubpacks_stage_timestamp_seconds",
    }
    places = [panel["gridPos"] for panel in json.loads(DASHBOARD.read_text(encoding="utf-8"))["panels"]]
    cells = [(x, y) for p in places for x in range(p["x"], p["x"] + p["w"]) for y in range(p["y"], p["y"] + p["h"])]
    assert len(set(cells)) == len(cells)
    assert max(x for x, _ in cells) == 23


def test_the_measures_of_a_scrape_are_those_of_the_table(scrape: str) -> None:
    missing = set(MEASURES) - set(samples(scrape))
    assert missing == {"hubpacks_candidate_built_timestamp_seconds"}  # none waits


def test_the_rules(tmp_path: Path) -> None:
    rules = RULES.read_text(encoding="utf-8")
    assert set(NAME.findall(rules)) <= set(MEASURES)
    judged = promtool("check", "rules", str(RULES))
    assert judged.returncode == 0, judged.stderr
    assert "SUCCESS: 8 rules found" in judged.stdout
    broken = tmp_path / "rules.yml"
    broken.write_text(rules.replace("absent(", "absent((", 1))
    assert promtool("check", "rules", str(broken)).returncode != 0


def series(name: str, values: str) -> dict[str, str]:
    return {"series": name, "values": values}


@pytest.mark.parametrize(
    ("alert", "told", "after", "labels"),
    [
        ("HubpacksNotMeasured", [], "20m", {"severity": "critical"}),
        (
            "HubpacksCritical",
            [series('hubpacks_alerts_open{code="disk_low",weight="critical"}', "1x60")],
            "20m",
            {"severity": "critical", "code": "disk_low"},
        ),
        (
            "HubpacksWarning",
            [series('hubpacks_alerts_open{code="feed_held",weight="warning"}', "3x60")],
            "20m",
            {"severity": "warning", "code": "feed_held"},
        ),
        (
            "HubpacksManyHubsLost",
            [series('hubpacks_hubs{state="fresh"}', "7x99"), series('hubpacks_hubs{state="missing"}', "3x99")],
            "70m",
            {"severity": "critical"},
        ),
        ("HubpacksMessagesUnsent", [series("hubpacks_alert_messages_unsent", "1x99")], "70m", {"severity": "warning"}),
    ],
)
def test_a_rule_fires(
    alert: str, told: list[dict[str, str]], after: str, labels: dict[str, str], tmp_path: Path
) -> None:
    def judged(expected: list[dict[str, object]]) -> int:
        case = {"eval_time": after, "alertname": alert, "exp_alerts": expected}
        test = {"interval": "1m", "input_series": told, "alert_rule_test": [case]}
        file = tmp_path / "test.yml"
        file.write_text(yaml.safe_dump({"rule_files": [str(RULES)], "evaluation_interval": "1m", "tests": [test]}))
        return promtool("test", "rules", str(file)).returncode

    rules = yaml.safe_load(RULES.read_text(encoding="utf-8"))["groups"][0]["rules"]
    (rule,) = [rule for rule in rules if rule["alert"] == alert]
    value = told[0]["values"].partition("x")[0] if told else ""
    said = {
        name: text.replace("{{ $labels.code }}", labels.get("code", "")).replace("{{ $value }}", value)
        for name, text in rule["annotations"].items()
    }
    assert judged([{"exp_labels": labels, "exp_annotations": said}]) == 0
    assert judged([]) != 0
