"""Who is asking: bearer tokens of programs, sessions of browsers, and the proof that a form came from our own page.

Sessions live in memory: when the service restarts, browsers sign in again, and no secret lies on the disk.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections import OrderedDict
from dataclasses import dataclass
from datetime import datetime, timedelta

from starlette.requests import Request
from starlette.responses import Response

from pipelines.intake.limits import LOOPBACK_NAMES, Limits
from pipelines.intake.problems import Refused
from pipelines.tokens import Token, TokenRefused, Tokens

MAX_SESSIONS = 10_000
MAX_TOKEN_CHARACTERS = 200
CSRF = "csrf"
"""The form's field with the proof."""


@dataclass
class _Session:
    token_id: str
    began: datetime
    seen: datetime


@dataclass(frozen=True)
class Visitor:
    """The browser that asks: its key (the cookie's value), and its hub's token when it is signed in."""

    key: str
    token: Token | None
    is_new: bool

    @property
    def hub(self) -> str:
        """The hub that is signed in. Raises Refused when none is."""
        if self.token is None:
            raise Refused("unknown_token", "Sign in first.")
        return self.token.hub


class Access:
    """The door-keeper of one running service."""

    def __init__(self, tokens: Tokens, limits: Limits) -> None:
        self._tokens, self._limits = tokens, limits
        self._secret = secrets.token_bytes(32)
        self._sessions: OrderedDict[str, _Session] = OrderedDict()

    def bearer(self, request: Request, now: datetime) -> Token:
        """The token of a program. Raises Refused."""
        scheme, _, text = request.headers.get("authorization", "").partition(" ")
        return self.holder(text if scheme.lower() == "bearer" else "", now)

    def holder(self, text: str, now: datetime) -> Token:
        """The token whose text this is. Raises Refused."""
        try:
            return self._tokens.holder(text[:MAX_TOKEN_CHARACTERS], now)
        except TokenRefused as refused:
            raise Refused(refused.code) from refused

    def visitor(self, request: Request, now: datetime) -> Visitor:
        """The browser behind ``request``. A session whose token has been called back, or is over, has ended."""
        key = request.cookies.get(_cookie(request), "")
        session = self._sessions.get(_digest(key)) if key else None
        if session is None:
            return Visitor(key or secrets.token_urlsafe(32), None, not key)
        limits = self._limits
        is_over = now - session.seen > timedelta(seconds=limits.session_seconds) or now - session.began > timedelta(
            seconds=limits.longest_session_seconds
        )
        try:
            token = self._tokens.still_good(session.token_id, now)
        except TokenRefused:
            is_over = True
        if is_over:
            del self._sessions[_digest(key)]
            return Visitor(key, None, False)
        session.seen = now
        return Visitor(key, token, False)

    def sign_in(self, token: Token, now: datetime) -> Visitor:
        """A new session, under a key that nobody knew before."""
        visitor = Visitor(secrets.token_urlsafe(32), token, True)
        self._sessions[_digest(visitor.key)] = _Session(token.id, now, now)
        if len(self._sessions) > MAX_SESSIONS:
            self._sessions.popitem(last=False)
        return visitor

    def sign_out(self, visitor: Visitor) -> None:
        """End the session."""
        self._sessions.pop(_digest(visitor.key), None)

    def proof(self, visitor: Visitor) -> str:
        """What a form of ours carries."""
        return hmac.new(self._secret, visitor.key.encode(), hashlib.sha256).hexdigest()

    def require_proof(self, visitor: Visitor, given: str) -> None:
        """Raises Refused unless the form came from a page that we gave this browser."""
        if visitor.is_new or not hmac.compare_digest(self.proof(visitor).encode(), given.encode()):
            raise Refused("foreign_form")

    def remember(self, request: Request, response: Response, visitor: Visitor) -> None:
        """Give the browser its key."""
        response.set_cookie(
            _cookie(request), visitor.key, httponly=True, samesite="strict", secure=is_public(request), path="/"
        )


def is_public(request: Request) -> bool:
    """Whether the service is asked by a public name: then its cookies travel over TLS only."""
    return (request.url.hostname or "").strip("[]").lower() not in LOOPBACK_NAMES


def _cookie(request: Request) -> str:
    return "__Host-hubpacks" if is_public(request) else "hubpacks"


def _digest(key: str) -> str:
    """What a session is kept under: looking it up takes no time that depends on the keys of others."""
    return hashlib.sha256(key.encode()).hexdigest()
