"""Tokens: shown once, kept as digests, good until they expire or are called back."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from pipelines.files import Damaged
from pipelines.tokens import TokenRefused, Tokens

NOW = datetime(2026, 9, 1, 12, tzinfo=UTC)


def test_a_token_opens_its_own_hub(tmp_path: Path) -> None:
    tokens = Tokens(tmp_path / "tokens.json")
    made, text = tokens.create("parks", NOW, days=30)
    _, other = tokens.create("museums", NOW, days=30)
    assert tokens.holder(f" {text}\n", NOW).hub == "parks"
    assert tokens.holder(other, NOW).hub == "museums"
    assert tokens.still_good(made.id, NOW) == made
    assert {token.hub for token in tokens.all()} == {"parks", "museums"}


def test_the_text_is_in_no_file(tmp_path: Path) -> None:
    tokens = Tokens(tmp_path / "tokens.json")
    _, text = tokens.create("parks", NOW, days=30)
    secret = text.split("_", 2)[2]
    assert all(secret not in path.read_text() for path in tmp_path.iterdir())
    assert tokens.path.stat().st_mode & 0o077 == 0


def test_wrong_tokens_are_unknown(tmp_path: Path) -> None:
    tokens = Tokens(tmp_path / "tokens.json")
    made, text = tokens.create("parks", NOW, days=30)
    other = text[:-1] + ("A" if text[-1] != "A" else "B")
    for wrong in ("", "letmein", text[:-1], other, text.replace(made.id, "00000000"), text + "x"):
        with pytest.raises(TokenRefused) as refused:
            tokens.holder(wrong, NOW)
        assert refused.value.code == "unknown_token"


def test_an_expired_token_opens_nothing(tmp_path: Path) -> None:
    tokens = Tokens(tmp_path / "tokens.json")
    made, text = tokens.create("parks", NOW, days=1)
    late = NOW + timedelta(days=1)
    for ask in (lambda: tokens.holder(text, late), lambda: tokens.still_good(made.id, late)):
        with pytest.raises(TokenRefused, match="expired_token"):
            ask()


def test_a_revoked_token_opens_nothing(tmp_path: Path) -> None:
    tokens = Tokens(tmp_path / "tokens.json")
    made, text = tokens.create("parks", NOW, days=1)
    assert tokens.revoke(made.id, NOW).revoked == NOW
    for ask in (lambda: tokens.holder(text, NOW), lambda: tokens.still_good(made.id, NOW)):
        with pytest.raises(TokenRefused, match="revoked_token"):
            ask()
    with pytest.raises(KeyError):
        tokens.revoke("00000000", NOW)


def test_a_damaged_file_is_named(tmp_path: Path) -> None:
    tokens = Tokens(tmp_path / "tokens.json")
    tokens.path.write_text("[]")
    with pytest.raises(Damaged, match=r"tokens\.json"):
        tokens.all()
