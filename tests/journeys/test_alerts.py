"""The commands by which an operator sees what is wrong, proves the settings, and is told."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

from tests import commands
from tests.feeds import NOW, a_line, gather, register
from tests.mailboxes import Mailbox, a_mail_server

HUBPACKS = str(Path(sys.executable).with_name("hubpacks"))
FOLDERS = ["--registry", "registry", "--store", "store", "--publish", "public"]


def hubpacks(folder: Path, command: str, *flags: str, **variables: str) -> subprocess.CompletedProcess[str]:
    return commands.hubpacks(folder, command, *FOLDERS, *flags, environment=os.environ | variables)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A line with a hub that has never had a feed."""
    register(tmp_path)
    gather(a_line(tmp_path), "one", NOW)
    return tmp_path


def settings(folder: Path, mailbox: Mailbox) -> None:
    told = (
        f'smtp = "127.0.0.1:{mailbox.port}"\ntls = "none"\nfrom = "hubpacks@ccs.example"\nto = ["duty@ccs.example"]\n'
    )
    (folder / "hubpacks.toml").write_text(f"[alerts]\n{told}disk_free_bytes = 0\nschedule = false\n")


def test_without_settings_alerts_are_shown_and_nobody_is_told(folder: Path) -> None:
    shown = hubpacks(folder, "alerts")
    assert shown.returncode == 0
    assert shown.stdout.startswith("Hub missing (hub_missing, address_refused)\n")
    assert "Nobody is told: the settings name neither smtp nor webhook." in shown.stdout
    refused = hubpacks(folder, "alerts", "--test")
    assert (refused.returncode, refused.stdout) == (2, "")
    assert "the settings name neither smtp nor webhook: see [alerts]" in refused.stderr


def test_from_a_look_to_a_message(folder: Path) -> None:
    with a_mail_server() as mailbox:
        settings(folder, mailbox)
        planned = hubpacks(folder, "alerts", "--dry-run")
        assert planned.stdout.startswith("To: duty@ccs.example\nSubject: hubpacks: 1 new (hub_missing one)\n")
        assert mailbox.messages == []
        proved = hubpacks(folder, "alerts", "--test")
        assert (proved.returncode, proved.stdout) == (0, "duty@ccs.example: sent\n")
        told = json.loads(hubpacks(folder, "alerts", "--json").stdout)
        assert (told["sent"], told["unsent"], [one["code"] for one in told["conditions"]]) == (1, 0, ["hub_missing"])
        assert mailbox.subjects == ["hubpacks: a test of the settings", "hubpacks: 1 new (hub_missing one)"]
        assert "0 messages sent, 0 wait to be sent." in hubpacks(folder, "alerts").stdout
        assert hubpacks(folder, "alerts", "--dry-run").stdout == "Nothing would be sent now.\n"


def test_what_cannot_be_sent_is_named_and_ends_with_1(folder: Path) -> None:
    with a_mail_server() as mailbox:
        mailbox.says = "550 no"
        settings(folder, mailbox)
        done = hubpacks(folder, "alerts")
        assert done.returncode == 1
        assert done.stderr == f"hubpacks: not sent: 127.0.0.1:{mailbox.port} refuses the recipient (550)\n"
        assert "0 messages sent, 1 wait to be sent." in done.stdout
        assert hubpacks(folder, "alerts", "--test").returncode == 1


def test_settings_that_cannot_be_used_are_named(folder: Path) -> None:
    done = hubpacks(folder, "alerts", HUBPACKS_ALERTS_SMTP="mail.example.org")
    assert (done.returncode, done.stdout) == (2, "")
    assert "settings of alerts: Value error, smtp needs from, the mailbox that alerts come from" in done.stderr
    done = hubpacks(folder, "run", HUBPACKS_LOG="xml")
    assert (done.returncode, "HUBPACKS_LOG=xml: write text or json" in done.stderr) == (2, True)


def test_metrics_are_printed_written_and_served(folder: Path) -> None:
    printed = hubpacks(folder, "metrics")
    assert 'hubpacks_alerts_open{code="hub_missing",weight="warning"} 1.0' in printed.stdout
    written = hubpacks(folder, "metrics", "--output", "hubpacks.prom")
    assert (written.returncode, written.stdout) == (0, "")
    assert 'hubpacks_hubs{state="missing"} 1.0' in (folder / "hubpacks.prom").read_text()
    assert hubpacks(folder, "metrics", "--output", "x", "--port", "0").returncode == 2
    command = [HUBPACKS, "metrics", *FOLDERS, "--port", "0"]
    with subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout is not None
            address = server.stdout.readline().split()[0]
            with urllib.request.urlopen(address, timeout=30) as answer:
                assert b"hubpacks_collect_duration_seconds" in answer.read()
        finally:
            server.terminate()
