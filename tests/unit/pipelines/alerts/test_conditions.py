"""Each alert is brought about, and is gone when its cause is."""

from __future__ import annotations

import json
import os
import shutil
from collections import namedtuple
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from hubs.contract.findings import CODES, Who
from pipelines.alerts import ALERTS, Condition, Settings, conditions
from pipelines.alerts.outbox import Outbox, Unsent
from pipelines.files import sha256_of, write_bytes, write_json
from pipelines.line import Line, settle
from pipelines.mirror import FOLDER, POINTERS, _memory_path
from pipelines.withdrawals import Decision, Kind
from tests.feeds import NOW, a_case_study, a_line, a_study, gather, register, submit, write_feed

DAY = timedelta(days=1)
ROOMY = Settings(disk_free_bytes=0)
RELEASE = "2026-09-30.01"
Brought = Callable[[Path, pytest.MonkeyPatch], tuple[datetime, Settings]]


def found(folder: Path, now: datetime, settings: Settings = ROOMY) -> dict[str, Condition]:
    return {condition.code: condition for condition in conditions(a_line(folder), now, settings)}


def a_hub(folder: Path, records: int = 10, **changes: Any) -> Line:
    """The line with one hub whose feed was had at ``NOW``."""
    register(folder, **changes)
    write_feed(folder / "feeds/one", [a_study(n) for n in range(records)])
    line = a_line(folder)
    gather(line, "one", NOW)
    return line


def a_release(folder: Path, published: datetime = NOW - DAY, **changes: Any) -> Path:
    """A release with one page, and the pointers."""
    release = folder / "public/releases" / RELEASE
    write_bytes(release / "index.html", b"A page.")
    manifest = {"id": RELEASE, "published": published.isoformat(), "previous": None, "build_key": "k", "period": None}
    write_json(release / "release.json", manifest | {"files": [{"path": "index.html", "bytes": 7}]} | changes)
    for name in POINTERS:
        write_bytes(folder / "public" / name, b"A pointer.")
    write_json(folder / "public/latest.json", {"release": RELEASE})
    return release


def feed_held(folder: Path, _: pytest.MonkeyPatch) -> tuple[datetime, Settings]:
    line = a_hub(folder)
    shutil.rmtree(folder / "feeds/one")
    write_feed(folder / "feeds/one", [a_study(n) for n in range(4)])
    gather(line, "one", NOW + DAY)
    return NOW + DAY, ROOMY


def feed_not_had(folder: Path, _: pytest.MonkeyPatch) -> tuple[datetime, Settings]:
    line = a_hub(folder)
    shutil.rmtree(folder / "feeds/one")
    for days in (1, 2, 3):
        gather(line, "one", NOW + days * DAY)
    assert "feed_not_had" not in found(folder, NOW + 2 * DAY)
    return NOW + 3 * DAY, ROOMY


def hub_missing(folder: Path, _: pytest.MonkeyPatch) -> tuple[datetime, Settings]:
    register(folder)
    gather(a_line(folder), "one", NOW)
    return NOW, ROOMY


def hub_stale(folder: Path, _: pytest.MonkeyPatch) -> tuple[datetime, Settings]:
    line = a_hub(folder, cadence="weekly")
    gather(line, "one", NOW + 14 * DAY)
    assert "hub_stale" not in found(folder, NOW + 14 * DAY)
    gather(line, "one", NOW + 15 * DAY)
    return NOW + 15 * DAY, ROOMY


def hub_expiring(folder: Path, _: pytest.MonkeyPatch) -> tuple[datetime, Settings]:
    line = a_hub(folder, carry_for_days=60)
    shutil.rmtree(folder / "feeds/one")
    gather(line, "one", NOW + 29 * DAY)
    assert "hub_expiring" not in found(folder, NOW + 29 * DAY)
    return NOW + 31 * DAY, ROOMY


def registration_unusable(folder: Path, _: pytest.MonkeyPatch) -> tuple[datetime, Settings]:
    a_hub(folder)
    (folder / "registry/one.yaml").write_text("id: [", encoding="utf-8")
    gather(a_line(folder), "one", NOW + DAY)
    return NOW + DAY, ROOMY


def registration_gone(folder: Path, _: pytest.MonkeyPatch) -> tuple[datetime, Settings]:
    a_hub(folder)
    register(folder, id="two")
    write_feed(folder / "feeds/two", [a_case_study()])
    gather(a_line(folder), "two", NOW)
    (folder / "registry/one.yaml").unlink()
    gather(a_line(folder), "one", NOW)
    return NOW, ROOMY


def candidate_ready(folder: Path, _: pytest.MonkeyPatch) -> tuple[datetime, Settings]:
    a_hub(folder).store.candidates.note("built", NOW, RELEASE, previous=None, key="k", open_questions=["one is held"])
    return NOW, ROOMY


def candidate_waits_for_second(folder: Path, _: pytest.MonkeyPatch) -> tuple[datetime, Settings]:
    log = a_hub(folder).store.candidates
    log.note("built", NOW, RELEASE, previous=None, key="k", open_questions=[])
    log.note("approved", NOW, RELEASE, by="Duty operator", note="Looked at")
    return NOW, ROOMY


def release_refused(folder: Path, _: pytest.MonkeyPatch) -> tuple[datetime, Settings]:
    a_hub(folder).store.candidates.note("failed", NOW, reason="the benchmarks give 3 numbers away")
    return NOW, ROOMY


def release_damaged(folder: Path, _: pytest.MonkeyPatch) -> tuple[datetime, Settings]:
    a_hub(folder)
    release = a_release(folder)
    assert "release_damaged" not in found(folder, NOW)
    (release / "index.html").write_bytes(b"Cut")
    return NOW, ROOMY


def withdrawal_not_followed(folder: Path, _: pytest.MonkeyPatch) -> tuple[datetime, Settings]:
    decisions = a_hub(folder).store.decisions
    a_release(folder)
    decision = Decision(
        0, Kind.TAKEDOWN, "one/a", ("one/a",), (), "faq", "A", "en", "a", "Why", None, "Duty", NOW - 2 * DAY
    )
    decisions.add(decision)
    assert "withdrawal_not_followed" not in found(folder, NOW)  # the release is younger
    decisions.add(replace(decision, record="one/b", at=NOW - timedelta(hours=1)))
    return NOW, ROOMY


def keys_lost(folder: Path, _: pytest.MonkeyPatch) -> tuple[datetime, Settings]:
    a_hub(folder)
    a_release(folder, signed_by="ed25519:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=")
    return NOW, ROOMY


def mirror_behind(folder: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[datetime, Settings]:
    a_hub(folder)
    a_release(folder)
    monkeypatch.setenv("HUBPACKS_MIRROR", "s3://packs/site/")
    return NOW, ROOMY


def schedule_missed(folder: Path, _: pytest.MonkeyPatch) -> tuple[datetime, Settings]:
    a_hub(folder, cadence="weekly")
    long_ago = datetime(2026, 1, 1, tzinfo=UTC).timestamp()
    os.utime(folder / "registry/one.yaml", (long_ago, long_ago))
    return datetime.fromisoformat("2026-10-03T10:01:00+00:00"), ROOMY


def submissions_waiting(folder: Path, _: pytest.MonkeyPatch) -> tuple[datetime, Settings]:
    line = a_hub(folder, address="intake")
    submission = submit(folder / "store", "one", folder / "feeds/one", NOW)
    assert "submissions_waiting" not in found(folder, NOW + DAY)
    (line.store.inbox / "one" / submission.id / "outcome.json").unlink()
    return NOW + timedelta(hours=1), ROOMY


def disk_low(folder: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[datetime, Settings]:
    a_hub(folder)
    usage = namedtuple("Usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(100, 60, 40))
    assert "disk_low" not in found(folder, NOW, Settings(disk_free_bytes=40))
    return NOW, Settings(disk_free_bytes=41)


def clock_wrong(folder: Path, _: pytest.MonkeyPatch) -> tuple[datetime, Settings]:
    a_hub(folder)
    a_release(folder, published=NOW + timedelta(minutes=6))
    return NOW, ROOMY


def alerts_unsent(folder: Path, _: pytest.MonkeyPatch) -> tuple[datetime, Settings]:
    line = a_hub(folder)
    unsent = Unsent("0f", "mail:ab", NOW, "hubpacks: 1 new", "", {}, 1).failed("no", NOW, is_final=False)
    Outbox(line.store.root / "alerts").add(unsent)
    return NOW + DAY, ROOMY


BROUGHT_ABOUT: dict[str, Brought] = {
    brings.__name__: brings
    for brings in (
        *(feed_held, feed_not_had, hub_missing, hub_stale, hub_expiring, registration_unusable, registration_gone),
        *(candidate_ready, candidate_waits_for_second, release_refused, release_damaged, withdrawal_not_followed),
        *(keys_lost, mirror_behind, schedule_missed, submissions_waiting, disk_low, clock_wrong, alerts_unsent),
    )
}


def test_every_alert_is_brought_about_here() -> None:
    assert set(BROUGHT_ABOUT) == set(ALERTS)


@pytest.mark.parametrize("code", BROUGHT_ABOUT)
def test_what_brings_an_alert_about(code: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    a_hub(tmp_path / "well")
    a_release(tmp_path / "well")
    assert found(tmp_path / "well", NOW) == {}
    now, settings = BROUGHT_ABOUT[code](tmp_path, monkeypatch)
    condition = found(tmp_path, now, settings)[code]
    assert condition.since <= now
    assert condition.mend
    assert not {"HUB", "ID"} & {*condition.mend.replace(",", " ").split()}
    assert str(tmp_path) not in str(condition.to_dict())


def test_what_of_a_feed_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now, _ = feed_held(tmp_path, monkeypatch)
    assert found(tmp_path, now)["feed_held"].to_dict() == {
        "code": "feed_held",
        "weight": "warning",
        "subject": "one",
        "hub": "one",
        "since": "2026-10-02T09:30:00+00:00",
        "findings": ["feed_cut_short"],
        "facts": {"records_before": 10, "records_after": 4, "records_lost": 6},
        "why": CODES["feed_cut_short"].why,
        "mend": f"{CODES['feed_cut_short'].operator.replace('HUB', 'one')}; more: hubpacks status one",
    }


def test_one_trouble_is_told_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    held, _ = feed_held(tmp_path / "held", monkeypatch)
    assert set(found(tmp_path / "held", held + 300 * DAY, Settings(disk_free_bytes=0, schedule=False))) == {"feed_held"}
    unusable, _ = registration_unusable(tmp_path / "unusable", monkeypatch)
    assert set(found(tmp_path / "unusable", unusable)) == {"registration_unusable"}
    missing, _ = hub_missing(tmp_path / "missing", monkeypatch)
    assert set(found(tmp_path / "missing", missing)) == {"hub_missing"}


def test_whose_it_is_to_mend(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now, _ = feed_held(tmp_path, monkeypatch)
    held = found(tmp_path, now)["feed_held"]
    assert held.is_for_hub
    assert CODES["pull_failed"].who is Who.CCS
    assert not replace(held, findings=("pull_failed",)).is_for_hub
    assert replace(held, findings=("hub_gone",)).is_for_hub  # the hub knows where it is
    assert not replace(held, code="registration_gone").is_for_hub


def test_a_pull_that_broke_off_by_our_fault_is_told_at_once(tmp_path: Path) -> None:
    line = a_hub(tmp_path)
    line.store.log_pull("one", {"at": (NOW + DAY).isoformat(), "code": "pull_failed", "detail": "IndexError"})
    settle(line, "one", NOW + DAY)
    assert found(tmp_path, NOW + DAY)["feed_not_had"].findings == ("pull_failed",)


def test_a_mirror_that_shows_what_is_published_is_not_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now, _ = mirror_behind(tmp_path, monkeypatch)
    folder = tmp_path / "public"
    lines = [{"key": name, "sha256": sha256_of(folder / name), "mark": "m", "headers": {}} for name in POINTERS]
    told = "".join(f"{json.dumps(line)}\n" for line in lines).encode()
    write_bytes(_memory_path(folder / FOLDER, "s3://packs/site", ""), told)
    assert "mirror_behind" not in found(tmp_path, now)
    (folder / "feed.xml").write_bytes(b"Another pointer.")
    assert "mirror_behind" in found(tmp_path, now)


def test_two_folders_on_one_disk_are_one_alert(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now, settings = disk_low(tmp_path, monkeypatch)
    assert [one.subject for one in conditions(a_line(tmp_path), now, settings)] == ["store"]


class TestSchedule:
    """Nothing is missed before anything was due, and nothing told before it is late."""

    def missed(self, folder: Path, now: str) -> list[str]:
        found = conditions(a_line(folder), datetime.fromisoformat(now), ROOMY)
        return [one.subject for one in found if one.code == "schedule_missed"]

    def test_an_installation_that_has_not_begun(self, tmp_path: Path) -> None:
        register(tmp_path)
        assert self.missed(tmp_path, "2026-12-01T12:00:00+00:00") == []

    def test_grace(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        schedule_missed(
            tmp_path, monkeypatch
        )  # pulled on Thursday at 9:30; due on Saturday at 5:00 in London, at 4:00 here
        assert self.missed(tmp_path, "2026-10-03T09:59:00+00:00") == []
        assert self.missed(tmp_path, "2026-10-03T10:00:00+00:00") == ["pull"]
        for later in ("2026-10-04T03:59:00+00:00", "2026-10-04T05:00:00+00:00", "2026-10-04T10:00:00+00:00"):
            assert self.missed(tmp_path, later) == ["pull"]

    def test_a_visit_that_was_made(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        schedule_missed(tmp_path, monkeypatch)
        gather(a_line(tmp_path), "one", datetime.fromisoformat("2026-10-03T04:30:00+00:00"))
        assert self.missed(tmp_path, "2026-10-03T12:00:00+00:00") == []

    def test_a_hub_that_need_not_be_visited_yet(self, tmp_path: Path) -> None:
        a_hub(tmp_path, cadence="quarterly")
        assert self.missed(tmp_path, "2026-10-04T12:00:00+00:00") == []

    def test_a_hub_that_has_just_come(self, tmp_path: Path) -> None:
        a_hub(tmp_path, cadence="quarterly")
        register(tmp_path, id="two")
        came = datetime.fromisoformat("2026-10-04T08:00:00+00:00").timestamp()
        os.utime(tmp_path / "registry/two.yaml", (came, came))
        assert self.missed(tmp_path, "2026-10-04T12:00:00+00:00") == []
        assert "pull" in self.missed(tmp_path, "2026-10-05T12:00:00+00:00")

    def test_candidates_and_releases(self, tmp_path: Path) -> None:
        a_hub(tmp_path, cadence="yearly")
        line = a_line(tmp_path)
        monday = "2026-10-05T13:00:00+00:00"
        assert self.missed(tmp_path, monday) == ["candidate"]
        line.store.candidates.note("unchanged", datetime.fromisoformat("2026-10-05T06:00:10+00:00"))
        assert self.missed(tmp_path, monday) == []

    def test_it_can_be_switched_off(self, tmp_path: Path) -> None:
        a_hub(tmp_path)
        quiet = Settings(disk_free_bytes=0, schedule=False)
        assert "schedule_missed" not in found(tmp_path, NOW + 400 * DAY, quiet)
