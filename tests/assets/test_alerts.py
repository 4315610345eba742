"""The sensor of alerts: evaluated as the daemon does, over a real store and a real mailbox."""

from __future__ import annotations

from pathlib import Path

import dagster as dg
import pytest

from assets.alerts import alerts
from assets.resources import LineResource
from pipelines.files import only_one
from tests.feeds import NOW, a_line, gather, register
from tests.mailboxes import a_mail_server


def evaluated(folder: Path) -> str:
    resource = LineResource(**{name: str(folder / name) for name in ("registry", "store", "publish")})
    with dg.DagsterInstance.ephemeral() as instance:
        reason = alerts(dg.build_sensor_context(instance=instance), line=resource)
    assert isinstance(reason, dg.SkipReason)
    return str(reason.skip_message)


def test_the_sensor_sends_and_starts_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    register(tmp_path)
    gather(a_line(tmp_path), "one", NOW)  # there is no feed
    monkeypatch.chdir(tmp_path)
    assert evaluated(tmp_path).endswith("open, 0 messages sent, 0 wait to be sent.")
    with a_mail_server() as mailbox:
        told = f'smtp = "127.0.0.1:{mailbox.port}"\ntls = "none"\nfrom = "a@ccs.example"\nto = ["duty@ccs.example"]\n'
        (tmp_path / "hubpacks.toml").write_text(f"[alerts]\n{told}")
        assert "1 messages sent" in evaluated(tmp_path)
        assert "0 messages sent" in evaluated(tmp_path)
    assert "hub_missing one" in mailbox.subjects[0]
    with only_one(tmp_path / "store/locks/alerts"):
        assert evaluated(tmp_path) == "Somebody else is sending alerts."
