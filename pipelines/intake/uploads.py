"""Bringing the bytes of one upload to the disk: as they come, never more than allowed, never slower than allowed.

What is in them is for the judge. The name that comes with a file is only ever shown; where it lies is decided here.
"""

from __future__ import annotations

import asyncio
import hashlib
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from python_multipart import MultipartParser
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import parse_options_header
from starlette.requests import ClientDisconnect, Request

from pipelines.intake.limits import Limits
from pipelines.intake.problems import Refused

if TYPE_CHECKING:
    from python_multipart.multipart import MultipartCallbacks

FEED = "feed"
"""The part of a form that is the file."""
MAX_FIELD_BYTES = 10_000
MAX_PARTS = 10
LINGER_SECONDS = 5
"""So long a refused upload is read and thrown away: a browser reads the answer only after it has sent."""
FORM_EXTRA_BYTES = 100_000
"""What the wrapping of a form may add to the file."""

_SUFFIXES = {
    b"application/vnd.oasis.opendocument.spreadsheet": ".ods",
    b"application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": ".xlsx",
    b"application/zip": ".zip",
    b"text/csv": ".csv",
}
"""What a file without a name is called after its media type."""


@dataclass(frozen=True)
class Upload:
    """A complete file at ``path``, the name it came under (empty without one), and the form's other fields."""

    path: Path
    name: str
    sha256: str
    bytes: int
    fields: dict[str, str]


class _Sink(Protocol):
    def feed(self, chunk: bytes) -> None: ...

    def finish(self) -> Upload: ...

    def close(self) -> None: ...


class _File:
    """The file being written: hashed on the way, capped."""

    def __init__(self, path: Path, limit_bytes: int) -> None:
        self.path, self._limit = path, limit_bytes
        self._file, self._digest, self.size = path.open("wb"), hashlib.sha256(), 0

    def feed(self, chunk: bytes) -> None:
        self.size += len(chunk)
        if self.size > self._limit:
            raise too_large(self._limit)
        self._digest.update(chunk)
        self._file.write(chunk)

    def close(self) -> None:
        self._file.close()

    def done(self, name: str, fields: dict[str, str]) -> Upload:
        self._file.close()
        if self.size == 0:
            raise Refused("no_file")
        return Upload(self.path, name, self._digest.hexdigest(), self.size, fields)


class _Raw:
    """A body that is the file."""

    def __init__(self, path: Path, limit_bytes: int, name: str) -> None:
        self._file, self._name = _File(path, limit_bytes), name
        self.feed, self.close = self._file.feed, self._file.close

    def finish(self) -> Upload:
        return self._file.done(self._name, {})


class _Form:
    """A body that is a form with the file as one part of it, called ``feed``."""

    def __init__(self, path: Path, limit_bytes: int, boundary: bytes) -> None:
        self._path, self._limit = path, limit_bytes
        self._header, self._value, self._disposition = b"", b"", b""
        self._part = ""
        self._parts = 0
        self._text = bytearray()
        self._file: _File | None = None
        self._is_file = False
        self._is_whole = False
        self._name = ""
        self._fields: dict[str, str] = {}
        callbacks: MultipartCallbacks = {
            "on_part_begin": self._begin,
            "on_header_field": self._on_header,
            "on_header_value": self._on_value,
            "on_header_end": self._end_header,
            "on_headers_finished": self._open,
            "on_part_data": self._data,
            "on_part_end": self._end,
            "on_end": self._on_end,
        }
        self._parser = MultipartParser(boundary, callbacks)

    def feed(self, chunk: bytes) -> None:
        try:
            self._parser.write(chunk)
        except FormParserError as error:
            raise Refused("bad_request", "The form cannot be taken apart.") from error

    def finish(self) -> Upload:
        if not self._is_whole:
            raise Refused("bad_request", "The form breaks off.")
        if self._file is None:
            raise Refused("no_file")
        return self._file.done(self._name, self._fields)

    def close(self) -> None:
        if self._file is not None:
            self._file.close()

    def _begin(self) -> None:
        self._disposition = b""
        self._text = bytearray()
        self._parts += 1
        if self._parts > MAX_PARTS:
            raise Refused("bad_request", f"The form has more than {MAX_PARTS} parts.")

    def _on_header(self, data: bytes, start: int, end: int) -> None:
        self._header += data[start:end]

    def _on_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _end_header(self) -> None:
        if self._header.lower() == b"content-disposition":
            self._disposition = self._value
        self._header, self._value = b"", b""

    def _open(self) -> None:
        _, options = parse_options_header(self._disposition)
        self._part = options.get(b"name", b"").decode("utf-8", "replace")
        self._is_file = b"filename" in options
        if self._is_file:
            if self._part != FEED or self._file is not None:
                raise Refused("bad_request", f"One file at a time, in the part called {FEED}.")
            self._name = options[b"filename"].decode("utf-8", "replace")
            self._file = _File(self._path, self._limit)

    def _data(self, data: bytes, start: int, end: int) -> None:
        if self._is_file and self._file is not None:
            self._file.feed(data[start:end])
            return
        self._text += data[start:end]
        if len(self._text) > MAX_FIELD_BYTES:
            raise Refused("bad_request", f"The field {self._part[:40]!r} is too long.")

    def _end(self) -> None:
        if not self._is_file:
            self._fields[self._part] = self._text.decode("utf-8", "replace")

    def _on_end(self) -> None:
        self._is_whole = True


def too_large(limit_bytes: int) -> Refused:
    """The refusal of an upload over ``limit_bytes``."""
    return Refused("too_large", f"An upload may have {limit_bytes // 1_000_000:,} MB ({limit_bytes:,} bytes).")


async def receive(request: Request, path: Path, limits: Limits) -> Upload:
    """Write the body of ``request``, or the file in its form, to ``path``.

    Raises Refused; ClientDisconnect when the client goes before it has sent everything; OSError of the disk.
    """
    kind, options = parse_options_header(request.headers.get("content-type"))
    is_form = kind == b"multipart/form-data"
    cap = limits.upload_bytes + FORM_EXTRA_BYTES * is_form
    body = _Body(request)
    if int(request.headers.get("content-length", 0)) > cap:
        await body.linger()
        raise too_large(limits.upload_bytes)
    boundary = options.get(b"boundary", b"")
    if is_form and not boundary:
        raise Refused("bad_request", "The form names no boundary.")
    if kind == b"application/x-www-form-urlencoded":
        raise Refused("no_file", "Send the file with Content-Type: application/octet-stream, or as a part of a form.")
    try:
        sink: _Sink = (
            _Form(path, limits.upload_bytes, boundary)
            if is_form
            else _Raw(path, limits.upload_bytes, request.query_params.get("name") or f"feed{_SUFFIXES.get(kind, '')}")
        )
    except FormParserError as error:
        raise Refused("bad_request", "The form's boundary is too long.") from error
    try:
        await _pour(body, sink, limits)
        return await asyncio.to_thread(sink.finish)
    except Refused as refused:
        if refused.code != "slow_upload":
            await body.linger()
        raise
    finally:
        sink.close()


async def _pour(body: _Body, sink: _Sink, limits: Limits) -> None:
    size, start = 0, time.monotonic()
    while not body.is_over:
        try:
            async with asyncio.timeout(limits.patience_seconds):
                chunk = await body.read()
        except TimeoutError as error:
            raise Refused("slow_upload", f"No byte came for {limits.patience_seconds:.0f} seconds.") from error
        size += len(chunk)
        counted = time.monotonic() - start - limits.patience_seconds
        if counted > 0 and size < counted * limits.slowest_bytes_a_second:
            raise Refused("slow_upload", f"Slower than {limits.slowest_bytes_a_second:,} bytes a second.")
        if chunk:
            await asyncio.to_thread(sink.feed, chunk)


class _Body:
    """The body of a request as it comes. ``is_over`` once its end has come: after that only a disconnect would."""

    def __init__(self, request: Request) -> None:
        self._receive, self.is_over = request.receive, False

    async def read(self) -> bytes:
        """The next piece, which may be empty. Raises ClientDisconnect."""
        message = await self._receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        self.is_over = not message.get("more_body", False)
        piece: bytes = message.get("body", b"")
        return piece

    async def linger(self) -> None:
        """Read on for a while and throw away, so that the client gets to read why it was refused."""
        with suppress(TimeoutError, ClientDisconnect):
            async with asyncio.timeout(LINGER_SECONDS):
                while not self.is_over:
                    await self.read()
