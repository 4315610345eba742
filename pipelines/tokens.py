"""Tokens by which hubs show the intake who they are. Only digests are kept: a copy of the store opens no door."""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from pipelines.files import Damaged, only_one, read_json, write_json

_TEXT = re.compile(r"hubpacks_([0-9a-f]{8})_([A-Za-z0-9_-]{43})")
_SECRET_BYTES = 32
"""256 random bits need no slow hash: nobody can try them all."""
_NOBODY = "0" * 64
_OWNER_ONLY = 0o600


@dataclass(frozen=True)
class Token:
    """What is known of a token. ``revoked`` is when it was called back, None while it holds."""

    id: str
    hub: str
    created: datetime
    expires: datetime
    revoked: datetime | None


class TokenRefused(ValueError):
    """A token opens nothing. ``code`` is ``unknown_token``, ``expired_token`` or ``revoked_token``; the last two are
    said only to somebody who holds the whole token.
    """

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class Tokens:
    """The tokens that are kept in the file ``path``."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def create(self, hub: str, now: datetime, days: int) -> tuple[Token, str]:
        """A new token for ``hub``, and its text. The text is in no file and cannot be had again."""
        secret = secrets.token_urlsafe(_SECRET_BYTES)
        with self._changing() as entries:
            token_id = secrets.token_hex(4)
            while token_id in entries:
                token_id = secrets.token_hex(4)
            entries[token_id] = {
                "hub": hub,
                "sha256": _digest(secret),
                "created": now.isoformat(),
                "expires": (now + timedelta(days=days)).isoformat(),
                "revoked": None,
            }
        return _token(token_id, entries[token_id]), f"hubpacks_{token_id}_{secret}"

    def holder(self, text: str, now: datetime) -> Token:
        """The token whose text this is. Raises TokenRefused; the time taken tells nothing of what is kept."""
        match = _TEXT.fullmatch(text.strip())
        token_id, secret = match.groups() if match else ("", "")
        entry = self._entries().get(token_id)
        is_right = hmac.compare_digest(_digest(secret), entry["sha256"] if entry else _NOBODY)
        if entry is None or not is_right:
            raise TokenRefused("unknown_token")
        return _valid(_token(token_id, entry), now)

    def still_good(self, token_id: str, now: datetime) -> Token:
        """The token of that id, for one who has shown it before. Raises TokenRefused."""
        entry = self._entries().get(token_id)
        if entry is None:
            raise TokenRefused("unknown_token")
        return _valid(_token(token_id, entry), now)

    def all(self) -> list[Token]:
        """Every token there has been, oldest first."""
        return sorted((_token(*item) for item in self._entries().items()), key=lambda token: token.created)

    def revoke(self, token_id: str, now: datetime) -> Token:
        """Call a token back. Raises KeyError when there is none of that id."""
        with self._changing() as entries:
            entries[token_id]["revoked"] = entries[token_id]["revoked"] or now.isoformat()
        return _token(token_id, entries[token_id])

    def _entries(self) -> dict[str, dict[str, Any]]:
        entries = read_json(self.path)
        if entries is None:
            return {}
        if not isinstance(entries, dict):
            raise Damaged(self.path)
        return entries

    @contextmanager
    def _changing(self) -> Iterator[dict[str, dict[str, Any]]]:
        with only_one(self.path.with_suffix(".lock"), wait=True):
            entries = self._entries()
            yield entries
            write_json(self.path, entries, _OWNER_ONLY)


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def _token(token_id: str, entry: dict[str, Any]) -> Token:
    created, expires = datetime.fromisoformat(entry["created"]), datetime.fromisoformat(entry["expires"])
    revoked = datetime.fromisoformat(entry["revoked"]) if entry["revoked"] else None
    return Token(token_id, entry["hub"], created, expires, revoked)


def _valid(token: Token, now: datetime) -> Token:
    if token.revoked is not None:
        raise TokenRefused("revoked_token")
    if now >= token.expires:
        raise TokenRefused("expired_token")
    return token
