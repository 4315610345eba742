"""Feeds at a web address: a datapackage.json with its files beside it, a zip, or one file."""

from __future__ import annotations

import io
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import PurePosixPath
from typing import IO, Any
from urllib.parse import unquote, urljoin, urlsplit

import httpx
from tenacity import Retrying, retry_if_exception_type, stop_after_attempt, wait_random_exponential

from hubs.jsonfile import parse_json
from hubs.mapping.text import decode
from pipelines.pull import archive
from pipelines.pull.base import MAX_FEED_BYTES, Files, PullFailed, Unreachable, looks_like_html

TIMEOUT = httpx.Timeout(30, connect=10)
"""Seconds for each wait on the network."""
MAX_SECONDS = 3_600
"""For one feed. A server that sends a byte now and then must not keep the other hubs waiting for ever."""
ATTEMPTS = 3
LONGEST_WAIT_SECONDS = 10
MAX_REDIRECTS = 5
MAX_MANIFEST_BYTES = 8 << 20
SPOOL_BYTES = 8 << 20
"""Up to here a download stays in memory, beyond it goes to a temporary file."""
_RETRYABLE = {408, 425, 429, 500, 502, 503, 504}


def files(address: str, token: str | None) -> Files:
    """Every file of the feed at ``address``. The manifest's files must lie at the same host.

    Raises PullFailed; Unreachable when the last of several attempts failed too.
    """
    try:
        urlsplit(address).port  # noqa: B018 - looking at it is what checks it
    except ValueError as error:
        raise PullFailed("address_refused", f"not a web address: {error}") from error
    deadline = time.monotonic() + MAX_SECONDS
    headers = {"User-Agent": "hubpacks", "Accept-Encoding": "identity"}
    if token:
        headers["Authorization"] = f"Bearer {token}"
    with (
        httpx.Client(timeout=TIMEOUT, follow_redirects=True, max_redirects=MAX_REDIRECTS, headers=headers) as client,
        _download(client, address, deadline) as body,
    ):
        name = PurePosixPath(unquote(urlsplit(address).path)).name or "feed"
        if name.endswith(".json"):
            yield from _manifest(client, address, body, deadline)
        elif archive.is_archive(body):
            yield from archive.files(body)
        else:
            yield name, body


def _manifest(client: httpx.Client, address: str, body: IO[bytes], deadline: float) -> Files:
    raw = body.read(MAX_MANIFEST_BYTES + 1)
    if len(raw) > MAX_MANIFEST_BYTES:
        raise PullFailed("too_large", f"the manifest has more than {MAX_MANIFEST_BYTES:,} bytes")
    yield "datapackage.json", io.BytesIO(raw)
    for path in _paths(raw):
        if set("*?[") & set(path):
            raise PullFailed("unreadable_manifest", f"over the web every file must be listed by name, not as {path}")
        target = _joined(address, path)
        if target is None:
            raise PullFailed("unsafe_path", f"{path} is not beside the manifest")
        with _download(client, target, deadline) as stream:
            yield path, stream


def _joined(address: str, path: str) -> str | None:
    """The address of the file at ``path``, None when that is not at the same host."""
    try:
        target = urljoin(address, path)
        return target if urlsplit(target)[:2] == urlsplit(address)[:2] else None
    except ValueError:
        return None


def _paths(raw: bytes) -> list[str]:
    """What the manifest lists. A manifest that cannot be understood is kept alone: the judge says what is wrong."""
    try:
        resources: Any = parse_json(decode(raw)[0])["resources"]
        listed = [r["path"] if isinstance(r["path"], list) else [r["path"]] for r in resources]
    except (ValueError, KeyError, TypeError):
        return []
    return list(dict.fromkeys(str(path) for paths in listed for path in paths))


@contextmanager
def _download(client: httpx.Client, address: str, deadline: float) -> Iterator[IO[bytes]]:
    retrying = Retrying(
        retry=retry_if_exception_type(Unreachable),
        stop=stop_after_attempt(ATTEMPTS),
        wait=wait_random_exponential(multiplier=0.2, max=LONGEST_WAIT_SECONDS),
        reraise=True,
    )
    with tempfile.SpooledTemporaryFile(SPOOL_BYTES) as body:
        retrying(_get, client, address, body, deadline)
        body.seek(0)
        if looks_like_html(body.read(256)) and not address.endswith((".html", ".htm")):
            raise PullFailed("not_a_feed", f"{_shown(address)} answers with a web page")
        body.seek(0)
        yield body


def _get(client: httpx.Client, address: str, body: Any, deadline: float) -> None:
    body.seek(0)
    body.truncate()
    try:
        with client.stream("GET", address) as response:
            if response.status_code in _RETRYABLE:
                raise Unreachable(f"{_shown(address)} answers {response.status_code}")
            if response.status_code != httpx.codes.OK:
                raise PullFailed("address_refused", f"{_shown(address)} answers {response.status_code}")
            for chunk in response.iter_bytes():
                body.write(chunk)
                if time.monotonic() > deadline:
                    raise PullFailed("unreachable_feed", f"{_shown(address)} took over {MAX_SECONDS:,} seconds")
                if body.tell() > MAX_FEED_BYTES:
                    raise PullFailed("too_large", f"{_shown(address)} has more than {MAX_FEED_BYTES:,} bytes")
    except (httpx.InvalidURL, httpx.UnsupportedProtocol, httpx.TooManyRedirects, UnicodeError) as error:
        raise PullFailed("address_refused", f"{_shown(address)}: {error}") from error
    except httpx.RequestError as error:  # includes a body cut short, or packed in a way that cannot be unpacked
        raise Unreachable(f"{_shown(address)}: {type(error).__name__}") from error


def _shown(address: str) -> str:
    """The address without what may be secret in it."""
    parts = urlsplit(address)
    return f"{parts.scheme}://{parts.hostname or ''}{f':{parts.port}' if parts.port else ''}{parts.path}"
