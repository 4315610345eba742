"""A store that an older version left: nothing that has to last is lost, and what it judged is judged again."""

from __future__ import annotations

import hashlib
import json
from datetime import timedelta
from pathlib import Path

import pytest

import hubs.judge
from pipelines import line as line_module
from pipelines import publish, validate, version
from pipelines.layout import FORMAT
from pipelines.ledger import Ledger
from pipelines.line import confirm
from pipelines.releasing import run as run_line
from tests.feeds import NOW, a_case_study, a_line, a_study, answers_of, gather, register, write_feed
from tests.journeys.test_run import hubpacks

HUBS = ("one", "two")


def an_old_store(folder: Path) -> None:
    """What an older version left, under older rules: two releases, records in quarantine, a feed that was confirmed, a
    record withdrawn, and the layout of before there were numbers.
    """
    with pytest.MonkeyPatch.context() as older:
        for module in (hubs.judge, validate, line_module):
            older.setattr(module, "RULES_VERSION", "2")
        older.setattr(version, "digest_of", lambda *_rooms: "0123456789abcdef")
        older.setattr(validate, "digest_of", lambda *_rooms: "0123456789abcdef")
        for number, hub in enumerate(HUBS):
            register(folder, id=hub)
            studies = [a_study(10 * number + n) for n in range(8)]
            write_feed(folder / "feeds" / hub, studies, answers=answers_of(40, 1 + 1000 * number))
        run_line(a_line(folder), NOW, lambda _stage, _what: None)
        write_feed(folder / "feeds/one", [a_study(0), a_study(1), a_case_study(id="held", licence=None)])
        line = a_line(folder)
        gather(line, "one", NOW + timedelta(days=1))
        confirm(line, "one", NOW + timedelta(days=1), reason="It has moved", by="duty operator")
        run_line(line, NOW + timedelta(days=1), lambda _stage, _what: None)
    (folder / "store" / FORMAT).unlink()
    for path in (folder / "store/hubs").glob("*.json"):
        told = json.loads(path.read_text())
        del told["anchor"]
        path.write_text(json.dumps(told))


def lasting(folder: Path) -> dict[str, object]:
    """What must be as it was after any upgrade."""
    store = folder / "store"
    names = ["slugs.json", "keys/keys.json", "keys/signing.pem", *(f"events/{hub}.jsonl" for hub in HUBS)]
    ids = {hub: json.loads((store / f"ids/{hub}.json").read_text()) for hub in HUBS}
    for told in ids.values():
        del told["feed"]  # which was looked at last, and under which rules
    releases = sorted((folder / "public/releases").glob("2*"))
    sums = {one.name: hashlib.sha256((one / "SHA256SUMS").read_bytes()).hexdigest() for one in releases}
    return {
        "files": {name: (store / name).read_bytes() for name in names},
        "ids": {hub: sorted(json.dumps(one, sort_keys=True) for one in told.items()) for hub, told in ids.items()},
        "ledger": Ledger(store / "ledger").verify(),
        "releases": sums,
    }


def records(folder: Path) -> dict[str, str]:
    newest = publish.latest(folder / "public")
    assert newest is not None
    path = folder / "public" / newest.address / "packs/national/records.jsonl"
    return {row["id"]: row["slug"] for row in map(json.loads, path.read_text(encoding="utf-8").splitlines())}


def test_a_store_of_an_older_version_is_brought_up_and_loses_nothing(tmp_path: Path) -> None:
    an_old_store(tmp_path)
    before, known = lasting(tmp_path), records(tmp_path)
    assert len(known) == 10
    done = hubpacks(tmp_path, "replay", "--all", "--registry", "registry", "--json")
    assert done.returncode == 1, done.stderr  # one is held still
    told = {one["hub"]: one for one in json.loads(done.stdout)["hubs"]}
    assert {one["rules_before"] for one in told.values()} == {"2"}
    assert {one["rules"] for one in told.values()} == {hubs.judge.RULES_VERSION}
    assert [entry["record"] for entry in told["one"]["held"]] == ["held"]
    assert json.loads((tmp_path / "store" / FORMAT).read_text()) == {"layout": 1}
    assert lasting(tmp_path) == before
    done = hubpacks(tmp_path, "run", "--registry", "registry", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["is_new"], "rules are a part of what a release says"
    after = lasting(tmp_path)
    assert records(tmp_path) == known
    assert after["ids"] == before["ids"]
    assert after["ledger"] == before["ledger"]
    for name, data in before["files"].items():  # type: ignore[attr-defined]
        assert after["files"][name].startswith(data), name  # type: ignore[index]
    for release, sums in before["releases"].items():  # type: ignore[attr-defined]
        assert after["releases"][release] == sums, release  # type: ignore[index]
    assert hubpacks(tmp_path, "verify", "public").returncode == 0


def test_what_the_new_rules_let_through_is_told(tmp_path: Path) -> None:
    for hub in HUBS:
        register(tmp_path, id=hub)
        write_feed(tmp_path / "feeds" / hub, [a_study(1), a_study(2), a_study(3, licence=None)])
    run_line(a_line(tmp_path), NOW, lambda _stage, _what: None)
    for hub in HUBS:
        register(tmp_path, id=hub, licence="OGL-UK-3.0")  # a mapping is a rule of the hub's own
    done = hubpacks(tmp_path, "replay", "--all", "--registry", "registry")
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("  accepted now: 1 records, 0 answers\n  - study-3\n  still in quarantine: 0\n") == 2


@pytest.mark.parametrize("arguments", [[], ["one", "--all"]])
def test_it_is_one_hub_or_all(tmp_path: Path, arguments: list[str]) -> None:
    done = hubpacks(tmp_path, "replay", *arguments)
    assert (done.returncode, done.stderr) == (2, "hubpacks: name a hub, or give --all\n")


def test_a_store_of_a_later_version_is_refused(tmp_path: Path) -> None:
    register(tmp_path, id="one")
    write_feed(tmp_path / "feeds/one", [a_case_study()])
    assert hubpacks(tmp_path, "token", "create", "one", "--registry", "registry").returncode == 0
    (tmp_path / "store" / FORMAT).write_text('{"layout": 99}')
    for command in (["run"], ["status"]):
        done = hubpacks(tmp_path, *command, "--registry", "registry")
        assert (done.returncode, done.stdout) == (2, "")
        assert "hubpacks: store has layout 99, and this version of hubpacks knows 1: use the one" in done.stderr
