"""How the published site is answered, whoever serves it: headers, media types, how long to keep what, what is refused.

Data and small questions to it. ``app`` applies it, and ``nginx`` writes it into a configuration.
"""

from __future__ import annotations

import posixpath
import re

from pipelines.publish.pointers import POINTERS, RELEASE_ID
from pipelines.publish.release import MEDIA_TYPES as RELEASE_TYPES
from pipelines.publish.signed import SUMS

METHODS = ("GET", "HEAD")

POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self'; script-src 'self'; connect-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'"
)
"""All that a page uses are style sheets, pictures and scripts of its own release, and it asks only its own site. A page
that is shown in a frame could be dressed up as somebody else's."""

SECURITY = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    "Cross-Origin-Opener-Policy": "same-origin",
}
"""What every answer carries, also one that refuses."""

OPEN = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Expose-Headers": "Accept-Ranges, Content-Range, ETag",
}
"""What data carry besides, so that the page of any other site may read them, also in parts. A request for one range or
with If-None-Match has to ask nothing beforehand."""
OPEN_SUFFIXES = (
    ".ods",
    ".xlsx",
    ".csv",
    ".json",
    ".jsonl",
    ".jsonld",
    ".cff",
    ".parquet",
    ".xml",
    ".minisig",
    ".sshsig",
    ".sig",
    ".pub",
    ".pem",
)
OPEN_NAMES = (SUMS, "allowed_signers")

IMMUTABLE = "public, max-age=31536000, immutable"
"""For files of a release, which never change: a year, the longest that caches are asked for."""
FRESH = "no-cache"
"""For all else, pointers above all, and for what is not there: it may be kept, and must be asked about each time."""
LASTING_STATUSES = (200, 206, 304)

OTHER_TYPE = "application/octet-stream"
MEDIA_TYPES = {
    **RELEASE_TYPES,
    ".minisig": "text/plain",
    ".sshsig": "text/plain",
    ".sig": OTHER_TYPE,
}
"""By the end of a name, empty where it has none: of a release's files, and of those that no release lists."""
FEED_TYPES = {"feed.xml": "application/atom+xml", "feed.json": "application/feed+json"}
"""Of pointers that are more than the end of their name says."""
_WORDS = (
    "application/json",
    "application/jsonl",
    "application/ld+json",
    "application/yaml",
    "application/xml",
    *FEED_TYPES.values(),
    "image/svg+xml",
)

LINKS = POINTERS
"""The only names that may be symbolic links. Nothing else is reached through one, so that none leads out."""

MESSAGES = {
    404: "Nothing is published at this address.\n",
    410: "What was published at this address has been taken down.\n",
    405: "Only GET and HEAD are answered here.\n",
}

_LASTING = re.compile(rf"/releases/{RELEASE_ID.pattern}/.")


def media_type(path: str) -> str:
    """What a file is, by its name, without a charset. Nothing in a release is called as a feed is."""
    return FEED_TYPES.get(posixpath.basename(path)) or MEDIA_TYPES.get(posixpath.splitext(path)[1], OTHER_TYPE)


def content_type(path: str) -> str:
    """What a file is answered as: its media type, and of texts the charset."""
    kind = media_type(path)
    return f"{kind}; charset=utf-8" if is_text(kind) else kind


def is_text(kind: str) -> bool:
    """Whether files of this media type have a charset."""
    return kind.startswith("text/")


def is_compressed(kind: str) -> bool:
    """Whether files of this media type are sent compressed to those who accept it."""
    return is_text(kind) or kind in _WORDS


def kinds() -> list[str]:
    """Every media type there is, sorted."""
    return sorted({*MEDIA_TYPES.values(), *FEED_TYPES.values(), OTHER_TYPE})


def is_hidden(path: str) -> bool:
    """Whether a part of the path begins with a dot: what is being built, the folder behind the pointers, a lock, and
    the way out of the folder (``..``).
    """
    return "/." in path


def headers(path: str, status: int) -> dict[str, str]:
    """What the answer of this ``status`` to a request for ``path`` carries besides what tells of the file itself."""
    lasts = status in LASTING_STATUSES and _LASTING.match(path)
    found = SECURITY | {"Cache-Control": IMMUTABLE if lasts else FRESH}
    if posixpath.basename(path) in OPEN_NAMES or posixpath.splitext(path)[1] in OPEN_SUFFIXES:
        found |= OPEN
    if status == 405:  # noqa: PLR2004 - its name says less
        found["Allow"] = ", ".join(METHODS)
    return found
