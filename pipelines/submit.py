"""Sending a feed to an intake and bringing back its receipt: the hub's end of the intake's API.

What the intake makes of it is ``intake``'s affair. A token never travels in the clear, nor to another address.
"""

from __future__ import annotations

import contextlib
import tempfile
import time
import zipfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any
from urllib.parse import urlsplit

import httpx

from hubs.check import accepted_and_quarantined, grouped, of_group, shown
from hubs.contract.findings import Finding
from pipelines.files import CHUNK_BYTES
from pipelines.pull import folder
from pipelines.pull.base import PullFailed

BASE = "/api/v1"
LOOPBACK = ("localhost", "127.0.0.1", "::1")
TIMEOUT = httpx.Timeout(60, connect=10)
"""Seconds for each wait on the network."""
WAIT_SECONDS = 1_800
"""For a verdict. The submission is safe all the while; the receipt can be looked at later."""
POLL_SECONDS = 1.0
ZIP_DATE = (1980, 1, 1, 0, 0, 0)
"""The same folder makes the same zip, so that sending it twice is one submission."""
_REFUSED = 409


class Unusable(ValueError):
    """The feed, the token or the address cannot be used. The message says why and how to mend it."""


def submit(feed: Path, address: str, hub: str | None, token: str, wait: bool) -> dict[str, Any]:
    """Send ``feed`` (a folder is packed) to the intake at ``address`` as a submission of ``hub`` (None: the token's).

    The receipt, after the verdict if ``wait``; or problem details when the feed is refused as an old one. Raises
    Unusable.
    """
    if not token:
        raise Unusable("no token; put your hub's token into the environment variable HUBPACKS_TOKEN")
    if not (token.isascii() and token.isprintable()):
        raise Unusable("HUBPACKS_TOKEN holds characters that no token has; copy the whole token again")
    _require_safe(address)
    headers = {"Authorization": f"Bearer {token}", "User-Agent": "hubpacks"}
    with _packed(feed) as (file, name), httpx.Client(base_url=address, headers=headers, timeout=TIMEOUT) as client:
        hub = hub or str(_answer(client, "GET", f"{BASE}/token")["hub"])
        headers = {"Content-Type": "application/octet-stream", "Content-Length": str(_size(file))}
        path = f"{BASE}/hubs/{hub}/submissions"
        receipt = _answer(client, "POST", path, params={"name": name}, content=_chunks(file), headers=headers)
        if not wait or "submission" not in receipt:
            return receipt
        return _followed(client, f"{path}/{receipt['submission']['id']}", receipt)


def receipt_text(receipt: dict[str, Any]) -> str:
    """The receipt for people."""
    return "\n".join(_lines(receipt))


def _require_safe(address: str) -> None:
    parts = urlsplit(address)
    if parts.scheme == "https" and parts.hostname:
        return
    if parts.scheme != "http" or not parts.hostname:
        raise Unusable(f"--to {address}: give the intake's whole address, such as https://intake.example.org")
    if parts.hostname not in LOOPBACK:
        raise Unusable(f"--to {address}: your token would travel in the clear; use the address with https://")


@contextlib.contextmanager
def _packed(feed: Path) -> Iterator[tuple[IO[bytes], str]]:
    """The feed as one open file, and its name."""
    if not feed.is_dir():
        try:
            with feed.open("rb") as file:
                yield file, feed.name
        except OSError as error:
            raise Unusable(f"{feed}: {error.strerror}") from error
        return
    with tempfile.TemporaryFile() as packed:
        try:
            with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
                for entry, stream in folder.files(feed):
                    with contextlib.closing(stream), archive.open(zipfile.ZipInfo(entry, ZIP_DATE), "w") as target:
                        while chunk := stream.read(CHUNK_BYTES):
                            target.write(chunk)
        except PullFailed as failure:
            raise Unusable(f"{feed}: {failure}") from failure
        packed.seek(0)
        yield packed, f"{feed.resolve().name}.zip"


def _size(file: IO[bytes]) -> int:
    size = file.seek(0, 2)
    file.seek(0)
    return size


def _chunks(file: IO[bytes]) -> Iterator[bytes]:
    while chunk := file.read(CHUNK_BYTES):
        yield chunk


def _answer(client: httpx.Client, method: str, path: str, **more: Any) -> dict[str, Any]:
    """What the intake says. Raises Unusable unless it is good, or a feed that it refuses."""
    try:
        response = client.request(method, path, **more)
    except (httpx.RequestError, httpx.InvalidURL) as error:
        raise Unusable(f"{client.base_url}: {type(error).__name__}: {error or 'no answer'}") from error
    try:
        data = response.json()
    except ValueError as error:
        raise Unusable(f"{client.base_url} answers {response.status_code}, and not as an intake does") from error
    if response.is_success or (response.status_code == _REFUSED and "code" in data):
        return dict(data)
    raise Unusable(f"{data.get('code', response.status_code)}: {data.get('why', '')} {data.get('detail', '')}".strip())


def _followed(client: httpx.Client, path: str, receipt: dict[str, Any]) -> dict[str, Any]:
    """The receipt once there is a verdict, or as it is when waiting has been long enough."""
    deadline = time.monotonic() + WAIT_SECONDS
    while receipt["submission"]["state"] == "received" and time.monotonic() < deadline:
        time.sleep(POLL_SECONDS)
        receipt = _answer(client, "GET", path)
    return receipt


def _lines(receipt: dict[str, Any]) -> Iterator[str]:
    if "submission" not in receipt:
        yield f"refused ({receipt['code']}): {receipt['why']}"
        yield f"  {receipt['detail']}"
        yield f"  Mend: {receipt['mend']}"
        return
    submission, report = receipt["submission"], receipt["report"] or {}
    yield f"{shown(submission['name'])}: {submission['state']}"
    yield f"  receipt {submission['id']}, received {submission['received']}"
    if counts := report.get("counts"):
        yield f"  {accepted_and_quarantined(counts)}"
    for group in grouped(Finding.from_dict(finding) for finding in report.get("findings", ())):
        yield from of_group(group)
    tally = Counter(record["status"] for record in receipt["records"])
    if tally:
        yield f"Records: {', '.join(f'{number:,} {status}' for status, number in tally.most_common())}."
    if due := sorted({fate["due"] for fate in [*receipt["records"], *receipt["returns"]] if fate["due"]}):
        yield f"The next release is due {due[0]}."
