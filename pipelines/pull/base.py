"""What connectors share: how they hand over files, how they fail, and the limits of a feed."""

from __future__ import annotations

from collections.abc import Generator
from typing import IO

from hubs.contract.findings import CODES

Files = Generator[tuple[str, IO[bytes]], None, None]
"""A feed's files: path inside the feed and open stream, one after the other."""

MAX_FILES = 50_000
MAX_FEED_BYTES = 16 << 30


class PullFailed(Exception):
    """The feed could not be had. ``code`` is a finding code, ``detail`` says what was seen."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(f"{CODES[code].why} ({detail})")
        self.code = code
        self.detail = detail


class Unreachable(PullFailed):
    """A failure that trying again may mend."""

    def __init__(self, detail: str) -> None:
        super().__init__("unreachable_feed", detail)


def looks_like_html(head: bytes) -> bool:
    """Whether bytes begin as an HTML page does: what a log-in page with status 200 looks like."""
    start = head.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    return start.startswith((b"<!doctype html", b"<html"))
