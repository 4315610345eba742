"""What connectors share: how they hand over files, how they fail, and the limits of a feed."""

from __future__ import annotations

from collections.abc import Generator

from hubs.contract.findings import CODES
from pipelines.files import Stream

Files = Generator[tuple[str, Stream], None, None]
"""A feed's files: path inside the feed and open stream, one after the other."""

MAX_FILES = 50_000
MAX_FEED_BYTES = 16 << 30
MAX_PATH_CHARACTERS = 1_000
MAX_DETAIL_CHARACTERS = 300


class PullFailed(Exception):
    """The feed could not be had. ``code`` is a finding code, ``detail`` says what was seen."""

    def __init__(self, code: str, detail: str) -> None:
        self.code = code
        # What is seen may be a file's name, which on some systems is any bytes, or what a server answers.
        self.detail = "".join(c if c.isprintable() else "\ufffd" for c in detail[:MAX_DETAIL_CHARACTERS])
        super().__init__(f"{CODES[code].why} ({self.detail})")


class Unreachable(PullFailed):
    """A failure that trying again may mend."""

    def __init__(self, detail: str) -> None:
        super().__init__("unreachable_feed", detail)


class Source:
    """A file of a feed as it is being read: what goes wrong there is the feed's failure, never the store's."""

    def __init__(self, name: str, stream: Stream, damage: tuple[type[Exception], ...] = (OSError,)) -> None:
        self._name, self._stream, self._damage = name, stream, damage

    def read(self, size: int = -1, /) -> bytes:
        """Up to ``size`` bytes. Raises PullFailed."""
        try:
            return self._stream.read(size)
        except self._damage as error:
            raise PullFailed("not_a_feed", f"{self._name} cannot be read: {error}") from error

    def close(self) -> None:
        """Close the file."""
        self._stream.close()


def looks_like_html(head: bytes) -> bool:
    """Whether bytes begin as an HTML page does: what a log-in page with status 200 looks like."""
    start = head.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    return start.startswith((b"<!doctype html", b"<html"))
