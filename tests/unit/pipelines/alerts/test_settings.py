"""Settings of alerts: which are good, where they come from, and what is said of the others."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipelines.alerts.settings import Settings, read_settings
from pipelines.settings import UnusableSettings

MAIL = 'smtp = "mail.example.org"\nfrom = "hubpacks@example.org"\nto = ["duty@example.org"]\n'


@pytest.fixture
def written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path / "hubpacks.toml"


def test_without_settings_nothing_is_sent(written: Path) -> None:
    assert read_settings() == Settings()
    assert not Settings().is_sending


def test_from_the_file_and_from_variables(written: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written.write_text(f'[alerts]\n{MAIL}user = "hubpacks"\npassword = "MAIL_PASSWORD"\nhubs = true\n')
    monkeypatch.setenv("HUBPACKS_ALERTS_TO", "duty@example.org, deputy@example.org")
    monkeypatch.setenv("HUBPACKS_ALERTS_DIGEST_DAYS", "1")
    monkeypatch.setenv("MAIL_PASSWORD", "s3cret")
    settings = read_settings()
    assert (settings.to, settings.digest_days, settings.hubs) == (("duty@example.org", "deputy@example.org"), 1, True)
    server = settings.server()
    assert server is not None
    assert (server.host, server.port, server.tls, server.password) == ("mail.example.org", 587, "starttls", "s3cret")
    assert "s3cret" not in repr(server)


@pytest.mark.parametrize(
    ("smtp", "tls", "place"),
    [
        ("mail.example.org:25", "starttls", ("mail.example.org", 25)),
        ("mail.example.org", "tls", ("mail.example.org", 465)),
        ("[::1]:2525", "none", ("::1", 2525)),
        ("localhost", "none", ("localhost", 25)),
    ],
)
def test_where_the_mail_server_is(written: Path, smtp: str, tls: str, place: tuple[str, int]) -> None:
    mail = MAIL.replace("mail.example.org", smtp)
    written.write_text(f'[alerts]\n{mail}tls = "{tls}"\n')
    server = read_settings().server()
    assert server is not None
    assert (server.host, server.port) == place


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('smtp = "mail.example.org"', "smtp needs from"),
        ('smtp = "mail.example.org"\nfrom = "a@example.org"', "smtp needs to"),
        (f'{MAIL}tls = "none"', "for a server on this machine alone"),
        (f'{MAIL}tls = "ssl"', "tls: .*starttls"),
        (f'{MAIL}user = "hubpacks"', "user and password, the name of a variable, go together"),
        (f'{MAIL}user = "hubpacks"\npassword = "hunter2"', "password: "),
        ('from = "a@example.org\\nBcc: thief@example.org"', "from: "),
        ('to = ["Duty <a@example.org>"]', "to.0: "),
        ('webhook = "http://example.org/"', "needs https://"),
        ('webhook = "https://example.org/"\nwebhook_secret = "plain"', "webhook_secret: "),
        ("pause = 5", "pause: "),
        ("most_a_day = 0", "most_a_day: "),
    ],
)
def test_settings_that_cannot_be_used(written: Path, text: str, told: str) -> None:
    written.write_text(f"[alerts]\n{text}\n")
    with pytest.raises(UnusableSettings, match=f"settings of alerts: .*{told}") as error:
        read_settings()
    assert "hunter2" not in str(error.value)


def test_secrets_that_are_not_set(written: Path) -> None:
    written.write_text('[alerts]\nwebhook = "https://example.org/"\nwebhook_secret = "HOOK_SECRET"\n')
    with pytest.raises(UnusableSettings, match="webhook_secret names the variable HOOK_SECRET, which is not set"):
        read_settings().hook()
