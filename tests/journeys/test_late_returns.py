"""Returns that come when their period is published already: what readers, provenance and the operator see."""

from __future__ import annotations

import csv
import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from pipelines import publish
from pipelines.ledger import Ledger
from pipelines.publish.trace import in_words, trace
from pipelines.releasing import run as run_line
from pipelines.verify import verify
from tests.feeds import NOW, a_case_study, a_line, answers_of, register, write_feed
from tests.journeys.test_run import hubpacks

TABLES = ("benchmarks.csv", "distributions.csv")


def send(folder: Path, **organisations: int) -> None:
    """Feeds of hubs with so many organisations each, whose keys are their own."""
    for number, (hub, n) in enumerate(organisations.items()):
        register(folder, id=hub)
        study = a_case_study(body=f"Of {hub}, with {n} organisations.")
        write_feed(folder / "feeds" / hub, [study], answers=answers_of(n, 1 + number * 1000))


def run(folder: Path, days: float = 0) -> Path:
    """One run; the folder of the release that readers see, which must verify."""
    run_line(a_line(folder), NOW + timedelta(days=days), lambda _stage, _what: None)
    newest = publish.latest(folder / "public")
    assert newest is not None
    release = folder / "public" / newest.address
    assert verify(release) == []
    return release


def n_of_all(release: Path) -> set[str]:
    with (release / "benchmarks/benchmarks.csv").open(encoding="utf-8", newline="") as file:
        return {row["n"] for row in csv.DictReader(file) if row["breakdown"] == "total"}


def statuses(release: Path) -> set[str]:
    with (release / "benchmarks/benchmarks.csv").open(encoding="utf-8", newline="") as file:
        return {mark for row in csv.DictReader(file) for mark in row["status"].split()}


def wave_of(release: Path) -> Any:
    (wave,) = json.loads((release / "audit.json").read_bytes())["waves"]
    return wave


def tables(release: Path) -> list[bytes]:
    return [(release / "benchmarks" / name).read_bytes() for name in TABLES]


def test_a_late_return_waits_and_everybody_is_told(tmp_path: Path) -> None:
    send(tmp_path, one=40, two=40)
    first = run(tmp_path)
    assert (n_of_all(first), wave_of(first)["state"]) == ({"80"}, "new")
    send(tmp_path, one=41, two=40)
    second = run(tmp_path, days=1)
    assert second.name != first.name
    assert tables(second) == tables(first)
    assert (wave_of(second)["state"], wave_of(second)["counted_for"]) == ("kept", first.name)
    assert wave_of(second)["later_returns_wait"]
    # The chain leads back to the feed that was counted.
    (told,) = json.loads((second / "provenance.json").read_bytes())["benchmarks"]
    (before,) = json.loads((first / "provenance.json").read_bytes())["benchmarks"]
    assert told == before
    words = "\n".join(in_words(trace(second, "benchmarks")))
    assert "in use then and not any more" in words
    assert f"for release {first.name}; what was published of a period stays" in words
    done = hubpacks(tmp_path, "run", "--registry", "registry")
    waits = "2026-Q3, interop-baseline-v1, decision maker: stays as it was published."
    assert waits in done.stdout
    told = json.loads(hubpacks(tmp_path, "run", "--registry", "registry", "--json").stdout)["waves"]
    assert [(wave["state"], wave["later_returns_wait"]) for wave in told] == [("kept", True)]


def test_late_returns_that_are_enough_are_told_and_marked_from_then_on(tmp_path: Path) -> None:
    send(tmp_path, one=40, two=40)
    run(tmp_path)
    send(tmp_path, one=70, two=40)
    second = run(tmp_path, days=1)
    assert (n_of_all(second), wave_of(second)["state"]) == ({"110"}, "revised")
    assert "[r]" in statuses(second)
    send(tmp_path, one=71, two=40)
    third = run(tmp_path, days=2)
    assert tables(third) == tables(second)
    assert wave_of(third)["counted_for"] == second.name


def test_a_hub_that_leaves_takes_its_records_and_leaves_what_was_counted(tmp_path: Path) -> None:
    send(tmp_path, one=40, two=40)
    first = run(tmp_path)
    register(tmp_path, id="two", retired=True)
    second = run(tmp_path, days=1)
    assert "two/" not in (second / "packs/national/records.jsonl").read_text(encoding="utf-8")
    assert tables(second) == tables(first)


def test_a_run_that_is_killed_when_it_is_about_to_show_a_release_has_published(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    send(tmp_path, one=40, two=40)

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("pipelines.publish.pointers.os.sync", killed)  # after the ledger, before the release is there
    with pytest.raises(KeyboardInterrupt):
        run_line(a_line(tmp_path), NOW, lambda _stage, _what: None)
    monkeypatch.undo()
    assert publish.latest(tmp_path / "public") is None
    assert Ledger(tmp_path / "store/ledger").rows("2026-Q3")
    send(tmp_path, one=42, two=40)
    release = run(tmp_path, days=1)
    assert n_of_all(release) == {"80"}
    assert (wave_of(release)["state"], wave_of(release)["counted_for"]) == ("kept", None)


def test_a_refused_release_leaves_nothing_in_the_ledger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    send(tmp_path, one=40, two=40)
    monkeypatch.setattr("pipelines.publish.pointers.verify_release", lambda *_: ["planted"])
    with pytest.raises(publish.ReleaseRefused, match="planted"):
        run_line(a_line(tmp_path), NOW, lambda _stage, _what: None)
    assert Ledger(tmp_path / "store/ledger").periods() == []


def test_a_ledger_that_was_changed_stops_the_run_and_names_the_file(tmp_path: Path) -> None:
    send(tmp_path, one=40, two=40)
    first = run(tmp_path)
    path = tmp_path / "store/ledger/2026-Q3.jsonl"
    path.write_bytes(path.read_bytes().replace(b'"value":80', b'"value":85', 1))
    send(tmp_path, one=41, two=40)
    done = hubpacks(tmp_path, "run", "--registry", "registry")
    assert done.returncode == 2
    assert "2026-Q3.jsonl" in done.stderr
    assert "Restore the ledger from a copy" in done.stderr
    assert "Traceback" not in done.stderr
    newest = publish.latest(tmp_path / "public")
    assert newest is not None
    assert newest.id == first.name
