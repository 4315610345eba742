"""Alerts from the store to real mailboxes and a real webhook, killed and refused on the way."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from pipelines.alerts import Alerted, Outbox, Settings, alert, folder_of, plan, prove
from pipelines.alerts.memory import Memory
from pipelines.alerts.outbox import DOUBT
from pipelines.files import Damaged
from pipelines.line import Line
from pipelines.post.webhook import signature
from pipelines.settings import UnusableSettings
from tests.feeds import NOW, a_line, a_study, gather, register, write_feed
from tests.mailboxes import Mailbox, Receiver, a_mail_server, a_receiver, a_silent_server

DAY, HOUR, MINUTES = timedelta(days=1), timedelta(hours=1), timedelta(minutes=5)
DUTY, DEPUTY = "duty@ccs.example", "deputy@ccs.example"
QUIET = {"disk_free_bytes": 0, "schedule": False}


@pytest.fixture
def mailbox() -> Iterator[Mailbox]:
    with a_mail_server() as mailbox:
        yield mailbox


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with a_receiver() as receiver:
        yield receiver


@pytest.fixture(autouse=True)
def _hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipelines.alerts.FIRST_WAIT_SECONDS", 0.01)


def by_mail(port: int, **changes: Any) -> Settings:
    told = {"smtp": f"127.0.0.1:{port}", "tls": "none", "from": "hubpacks@ccs.example", "to": [DUTY]}
    return Settings.model_validate(told | QUIET | changes)


def by_webhook(receiver: Receiver, **changes: Any) -> Settings:
    return Settings.model_validate({"webhook": receiver.address} | QUIET | changes)


def a_held_hub(folder: Path, hub: str = "one", **changes: Any) -> Line:
    """The line with a hub whose newest feed lost 3 of 10 records, and one more."""
    register(folder, **{"id": hub, "data_contact": {"role": "Data officer", "email": f"data@{hub}.example"}} | changes)
    write_feed(folder / "feeds" / hub, [a_study(n, body=f"Text {n} of {hub}.") for n in range(10)])
    line = a_line(folder)
    gather(line, hub, NOW - DAY)
    for number in (1, 3, 5, 7):
        next((folder / "feeds" / hub / "case_studies").glob(f"*{number}.md")).unlink()
    gather(line, hub, NOW)
    return line


def mended(line: Line, folder: Path, hub: str = "one") -> None:
    write_feed(folder / "feeds" / hub, [a_study(n, body=f"Text {n} of {hub}.") for n in range(10)])
    gather(line, hub, NOW + HOUR)


def test_by_mail_and_by_webhook(tmp_path: Path, mailbox: Mailbox, receiver: Receiver, monkeypatch) -> None:
    monkeypatch.setenv("HOOK_SECRET", "a secret")
    line = a_held_hub(tmp_path)
    settings = by_mail(mailbox.port, to=[DUTY, DEPUTY], webhook=receiver.address, webhook_secret="HOOK_SECRET")
    done = alert(line, NOW, settings)
    assert (done.sent, done.unsent, done.failures) == (3, 0, ())
    assert sorted(mailbox.recipients) == [DEPUTY, DUTY]
    assert mailbox.subjects == ["hubpacks: 1 new (feed_held one)"] * 2
    assert "hubpacks confirm one --reason WHY" in " ".join(mailbox.texts[0].split())
    ((headers, body),) = receiver.requests
    document = json.loads(body)
    assert (document["type"], document["counts"]) == ("alerts", {"new": 1, "over": 0, "lasts": 0})
    assert document["new"][0] == done.conditions[0].to_dict()
    assert document["id"] == headers["webhook-id"]
    stamp, own = headers["webhook-timestamp"], headers["webhook-signature"]
    assert own == signature(b"a secret", document["id"], stamp, body)
    mended(line, tmp_path)
    assert alert(line, NOW + 2 * HOUR, settings).sent == 3
    assert mailbox.subjects[2] == "hubpacks: 1 over"
    assert json.loads(receiver.requests[1][1])["over"][0]["hub"] == "one"
    assert alert(line, NOW + 30 * DAY, settings) == Alerted((), 0, 0, ())


def test_weeks_of_an_operator_and_a_hub(tmp_path: Path, mailbox: Mailbox) -> None:
    line = a_held_hub(tmp_path)
    settings = by_mail(mailbox.port, hubs=True)
    for day in range(16):
        alert(line, NOW + day * DAY, settings)
    assert mailbox.recipients == [DUTY, "data@one.example"] * 3
    mended(line, tmp_path)
    for day in range(16, 40):
        alert(line, NOW + day * DAY, settings)
    assert mailbox.recipients == [DUTY, "data@one.example"] * 4
    assert mailbox.subjects[-2:] == ["hubpacks: 1 over", "hubpacks: mended / wedi'i drwsio"]


def test_a_thousand_hubs_that_fall_silent_are_one_message(tmp_path: Path, mailbox: Mailbox, monkeypatch) -> None:
    from pipelines.store import Standing

    for number in range(1_000):
        register(tmp_path, id=f"hub-{number:04}")
    line = a_line(tmp_path)
    for hub in line.registry.hubs:
        line.store.save_standing(
            hub, Standing("missing", NOW, "x", ("hub_gone",), None, None, None, None, None, (), None)
        )
    assert alert(line, NOW, by_mail(mailbox.port)).sent == 1
    assert mailbox.subjects == ["hubpacks: 1,000 new (hub_missing × 1,000)"]
    assert "and 970 more: hubpacks alerts --json lists all" in mailbox.texts[0]
    assert len(mailbox.texts[0]) < 5_000
    assert alert(line, NOW + 6 * DAY, by_mail(mailbox.port)).sent == 0


def test_a_hub_is_written_to_only_of_its_own_and_only_when_the_settings_let_it(
    tmp_path: Path, mailbox: Mailbox
) -> None:
    a_held_hub(tmp_path, "one")
    a_held_hub(tmp_path, "two", name={"en": "Hub two"})
    a_held_hub(tmp_path, "sample", sample=True)
    line = a_held_hub(tmp_path, "left-alone", data_contact={"role": "Data officer"})
    line.store.candidates.note("failed", NOW, reason="x")
    alert(line, NOW, by_mail(mailbox.port))
    assert mailbox.recipients == [DUTY]
    alert(line, NOW, by_mail(mailbox.port, hubs=True))
    assert mailbox.recipients == [DUTY, "data@one.example", "data@two.example"]
    own, other = mailbox.texts[1:]
    assert "release" not in own
    assert "What to do:" in own
    assert "Beth i'w wneud:" in own
    assert "Beth i'w wneud:" not in other
    assert "Of 10 records that are in use, 4 are missing." in " ".join(own.split())


def test_no_message_has_a_word_of_a_feed(tmp_path: Path, mailbox: Mailbox, receiver: Receiver) -> None:
    register(tmp_path, data_contact={"role": "Canary the keeper", "email": "data@one.example"})
    canaries = [a_study(n, title=f"Canary title {n}", body=f"Canary body {n}.") for n in range(10)]
    write_feed(tmp_path / "feeds/one", canaries)
    line = a_line(tmp_path)
    gather(line, "one", NOW)
    write_feed(tmp_path / "feeds/one", [a_study(1, id="canary-id", title="Canary", sectors=["canary"], body="Canary")])
    gather(line, "one", NOW + HOUR)
    done = alert(line, NOW + HOUR, by_mail(mailbox.port, hubs=True, webhook=receiver.address))
    assert done.sent == 3
    sent = " ".join([*mailbox.texts, *mailbox.subjects, receiver.requests[0][1].decode()])
    assert "feed_held" in sent
    assert "canary" not in sent.lower()
    assert str(tmp_path) not in sent


class TestNotSent:
    """What cannot be sent waits, and nothing that is new is lost meanwhile."""

    def test_a_refused_mailbox_spoils_no_other(self, tmp_path: Path, mailbox: Mailbox) -> None:
        line = a_held_hub(tmp_path)
        mailbox.says = "550 no such mailbox"
        done = alert(line, NOW, by_mail(mailbox.port, to=[DUTY, DEPUTY]))
        assert (done.sent, done.unsent) == (0, 2)
        assert done.failures == (f"127.0.0.1:{mailbox.port} refuses the recipient (550)",)
        mailbox.says = None
        assert alert(line, NOW + HOUR, by_mail(mailbox.port, to=[DUTY, DEPUTY])).sent == 0  # it was said for good
        assert alert(line, NOW + DAY, by_mail(mailbox.port, to=[DUTY, DEPUTY])).sent == 2

    def test_a_server_that_is_down_for_a_while(self, tmp_path: Path, receiver: Receiver) -> None:
        line, settings = a_held_hub(tmp_path), by_webhook(receiver)
        receiver.answers = [503] * 9
        tries = [timedelta(), timedelta(minutes=4), MINUTES, timedelta(minutes=19), timedelta(minutes=20)]
        assert [alert(line, NOW + after, settings).sent for after in tries] == [0] * 5
        assert len(receiver.requests) == 3 * 3  # three patient attempts
        (unsent,) = Outbox(folder_of(line)).waiting()
        assert (unsent.attempts, unsent.due) == (3, NOW + timedelta(minutes=20) + HOUR)
        assert Outbox(folder_of(line)).counters() == {"webhook": {"sent": 0, "failed": 3}}
        assert alert(line, NOW + 2 * HOUR, settings).sent == 1
        ids = {headers["webhook-id"] for headers, _ in receiver.requests}
        assert ids == {unsent.id}
        assert Outbox(folder_of(line)).counters() == {"webhook": {"sent": 1, "failed": 3}}

    def test_what_is_new_meanwhile_is_gathered(self, tmp_path: Path, receiver: Receiver) -> None:
        line, settings = a_held_hub(tmp_path), by_webhook(receiver)
        receiver.answers = [410]
        alert(line, NOW, settings)
        for number in range(3):
            line = a_held_hub(tmp_path, f"hub-{number}")
            alert(line, NOW + (number + 1) * HOUR, settings)
        assert len(Outbox(folder_of(line)).waiting()) == 1
        assert alert(line, NOW + DAY, settings).sent == 2
        told = [[one["hub"] for one in json.loads(body)["new"]] for _, body in receiver.requests]
        assert told == [["one"], ["one"], ["hub-0", "hub-1", "hub-2"]]

    def test_others_are_told_that_messages_wait(self, tmp_path: Path, mailbox: Mailbox, receiver: Receiver) -> None:
        line, settings = a_held_hub(tmp_path), by_mail(mailbox.port, webhook=receiver.address)
        receiver.answers = [410] * 9
        for day in range(3):
            alert(line, NOW + day * DAY, settings)
        assert mailbox.subjects[1].startswith("hubpacks: 1 new (alerts_unsent webhook:")
        assert "s3cret" not in mailbox.texts[1]

    def test_a_server_that_hangs(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(
            "pipelines.post.mail.Conversation.__init__.__kwdefaults__", {"total_seconds": 0.3, "wait_seconds": 9}
        )
        line = a_held_hub(tmp_path)
        monkeypatch.setattr("pipelines.alerts.PATIENCE_SECONDS", 0.1)
        with a_silent_server() as port:
            done = alert(line, NOW, by_mail(port))
        assert (done.sent, done.unsent) == (0, 1)
        assert "breaks off" in done.failures[0]

    def test_a_server_that_is_down_is_not_asked_for_each_hub(
        self, tmp_path: Path, receiver: Receiver, monkeypatch
    ) -> None:
        monkeypatch.setattr("pipelines.alerts.ATTEMPTS", 1)
        with a_silent_server() as port:
            pass
        for number in range(9):
            line = a_held_hub(tmp_path, f"hub-{number}")
        done = alert(line, NOW, by_mail(port, hubs=True))
        assert (done.sent, done.unsent) == (0, 10)
        assert sum(unsent.attempts for unsent in Outbox(folder_of(line)).waiting()) == 5

    def test_who_is_not_told_any_more_waits_for_nothing(self, tmp_path: Path, mailbox: Mailbox) -> None:
        line = a_held_hub(tmp_path)
        mailbox.says = "550 no"
        alert(line, NOW, by_mail(mailbox.port, hubs=True))
        mailbox.says = None
        done = alert(line, NOW + HOUR, by_mail(mailbox.port, to=[DEPUTY]))
        assert (done.sent, done.unsent, mailbox.recipients) == (1, 0, [DEPUTY])


KILLED = """
import os, signal, sys
from pathlib import Path
from datetime import datetime
import pipelines.alerts as alerts
from pipelines.alerts.outbox import Outbox
from pipelines.alerts.memory import Memory
from tests.feeds import a_line
folder, settings, now, where = Path(sys.argv[1]), sys.argv[2], sys.argv[3], sys.argv[4]
def die(*_): os.kill(os.getpid(), signal.SIGKILL)
{"before_memory": lambda: setattr(Memory, "write", die),
 "before_sending": lambda: setattr(Outbox, "begin", die),
 "before_noting": lambda: setattr(Outbox, "sent", die)}[where]()
alerts.alert(a_line(folder), datetime.fromisoformat(now), alerts.Settings.model_validate_json(settings))
"""


class TestKilled:
    """At any moment, and nothing is lost; nothing comes twice, but when it died between sending and noting that."""

    def die(self, folder: Path, settings: Settings, where: str) -> None:
        told = settings.model_dump_json(by_alias=True)
        arguments = [sys.executable, "-c", KILLED, str(folder), told, NOW.isoformat(), where]
        process = subprocess.run(arguments, check=False, env=os.environ | {"PYTHONPATH": str(Path.cwd())})
        assert process.returncode == -signal.SIGKILL

    def test_before_it_is_noted_that_anybody_was_told(self, tmp_path: Path, mailbox: Mailbox) -> None:
        line, settings = a_held_hub(tmp_path), by_mail(mailbox.port)
        self.die(tmp_path, settings, "before_memory")
        assert len(Outbox(folder_of(line)).waiting()) == 1
        assert alert(line, NOW + MINUTES, settings).sent == 1
        assert alert(line, NOW + DAY, settings).sent == 0
        assert len(mailbox.messages) == 1

    def test_before_it_is_sent(self, tmp_path: Path, mailbox: Mailbox) -> None:
        line, settings = a_held_hub(tmp_path), by_mail(mailbox.port)
        self.die(tmp_path, settings, "before_sending")
        assert mailbox.messages == []
        assert alert(line, NOW + MINUTES, settings).sent == 1
        assert alert(line, NOW + DAY, settings).sent == 0

    def test_before_it_is_noted_that_it_was_sent(self, tmp_path: Path, mailbox: Mailbox) -> None:
        line, settings = a_held_hub(tmp_path), by_mail(mailbox.port)
        self.die(tmp_path, settings, "before_noting")
        assert len(mailbox.messages) == 1
        assert alert(line, NOW + MINUTES, settings).sent == 0  # not the same again at once
        assert alert(line, NOW + MINUTES + DOUBT, settings).sent == 1
        first, second = (message["Message-ID"] for message in mailbox.messages)
        assert first == second
        assert alert(line, NOW + DAY, settings).sent == 0


def test_a_memory_that_was_changed_is_named(tmp_path: Path, mailbox: Mailbox) -> None:
    line = a_held_hub(tmp_path)
    alert(line, NOW, by_mail(mailbox.port))
    (folder_of(line) / "told.json").write_text("{}")
    with pytest.raises(Damaged, match=r"told\.json is damaged"):
        alert(line, NOW, by_mail(mailbox.port))


def test_the_store_keeps_no_mailbox(tmp_path: Path, mailbox: Mailbox) -> None:
    line = a_held_hub(tmp_path)
    mailbox.says = "451 later"
    alert(line, NOW, by_mail(mailbox.port, hubs=True))
    kept = [path for path in folder_of(line).rglob("*") if path.is_file()]
    assert len(kept) == 4
    assert not any(b"@" in path.read_bytes() for path in kept)
    assert Memory.read(folder_of(line)).told.keys() > {"hub:one"}


def test_nobody_to_tell_is_nothing_to_keep(tmp_path: Path) -> None:
    line = a_held_hub(tmp_path)
    done = alert(line, NOW, Settings.model_validate(QUIET))
    assert [condition.code for condition in done.conditions] == ["feed_held"]
    assert not folder_of(line).exists()


def test_a_plan_sends_and_keeps_nothing(tmp_path: Path, mailbox: Mailbox) -> None:
    line, settings = a_held_hub(tmp_path), by_mail(mailbox.port, hubs=True)
    _, planned = plan(line, NOW, settings)
    assert [one.to for one in planned] == [DUTY, "data@one.example"]
    assert not folder_of(line).exists()
    alert(line, NOW, settings)
    assert [(one.subject, one.body) for one in planned] == list(zip(mailbox.subjects, mailbox.texts, strict=True))


def test_a_test_message(tmp_path: Path, mailbox: Mailbox, receiver: Receiver) -> None:
    line, settings = a_held_hub(tmp_path), by_mail(mailbox.port, hubs=True, webhook=receiver.address)
    receiver.answers = [404]
    (mail, failure), (hook, other) = prove(line, NOW, settings)
    assert (mail, failure) == (DUTY, None)
    assert hook in receiver.address
    assert "s3cret" not in hook
    assert "answers 404" in (other or "")
    assert mailbox.subjects == ["hubpacks: a test of the settings"]
    assert not folder_of(line).exists()


def test_a_password_that_is_not_set_is_named(tmp_path: Path, mailbox: Mailbox) -> None:
    settings = by_mail(mailbox.port, user="hubpacks", password="NO_SUCH_PASSWORD")
    with pytest.raises(UnusableSettings, match="password names the variable NO_SUCH_PASSWORD, which is not set"):
        alert(a_held_hub(tmp_path), NOW, settings)
