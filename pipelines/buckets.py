"""One bucket of an object store that speaks S3, to be written to: list, put, swap, read back, delete, each failure by
name.

What belongs there, and in which order, is for ``mirror`` and ``places``. Nothing else imports ``obstore``
(docs/adr/0027).
"""

from __future__ import annotations

import hashlib
import os
import re
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlsplit

import obstore
from obstore.exceptions import (
    AlreadyExistsError,
    BaseError,
    PermissionDeniedError,
    PreconditionError,
    UnauthenticatedError,
)
from obstore.store import S3Store
from tenacity import Retrying, retry_if_exception_type, stop_after_attempt, wait_random_exponential

from hubs.check import shown

if TYPE_CHECKING:
    from obstore.store import S3Config

PART_BYTES = 8 << 20
"""What is larger goes up in parts of this size, two at a time, and is never in memory as a whole."""
LARGE_AT_ONCE = 2
REGION = "us-east-1"
"""Where the environment names none. Stores other than Amazon's take any."""
ATTEMPTS = 3
"""Of a whole request. Below it, the library asks up to ``RETRIES`` times more within ``RETRY_SECONDS``."""
RETRIES, RETRY_SECONDS = 4, 60
WAIT_SECONDS, CONNECT_SECONDS = 60, 10
"""For one request, and for its connection."""
MAX_SAID_CHARACTERS = 300

_ADDRESS = re.compile(r"s3://([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])((?:/[A-Za-z0-9_-][A-Za-z0-9._-]*)*)/?")
_CODE = re.compile(r"<Code>(\w+)</Code>")
_STATUS = re.compile(r"status code: (\d{3})")
_NEEDED = ("AWS_ACCESS_KEY_ID", "AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI")
"""One of these has to be set where no secret is named. Otherwise the library would ask a machine at a link-local
address for credentials: nobody has said that it may."""
_RETRYABLE = {"408", "425", "429"}
_DAMAGED = {"BadDigest", "XAmzContentSHA256Mismatch", "XAmzContentChecksumMismatch", "IncompleteBody", "RequestTimeout"}
_NO_ENTRY = {"InvalidAccessKeyId", "SignatureDoesNotMatch", "InvalidToken", "ExpiredToken", "InvalidSecurity"}
_ELSEWHERE = {"PermanentRedirect", "AuthorizationHeaderMalformed", "IllegalLocationConstraintException"}

T = TypeVar("T")


class BucketRefused(RuntimeError):
    """The store says no, and would say so again. The message says why and how to mend it."""


class BucketUnavailable(RuntimeError):
    """The store does not answer, or not now: what was begun can be taken up again later."""


class Changed(RuntimeError):
    """A file is not what it was said to be when it came to be sent."""


@dataclass(frozen=True)
class Stored:
    """What a list says of an object: its size, and the mark that changes with its bytes (ETag)."""

    bytes: int
    mark: str


class Bucket:
    """Everything under one prefix of a bucket. Keys count from there. Thread-safe."""

    def __init__(self, address: str, endpoint: str | None = None, secret: str | None = None) -> None:
        """The bucket at ``address`` (``s3://bucket/prefix``): at Amazon, or at ``endpoint``. The access key is in the
        environment variable called ``secret``, as KEYID:SECRETKEY, or in those that tools for S3 use. Nothing is asked
        yet. Raises BucketRefused.
        """
        match = _ADDRESS.fullmatch(address)
        if match is None:
            raise BucketRefused(f"{address}: give a bucket and a folder in it, such as s3://my-bucket/packs")
        self.address = f"s3://{match[1]}{match[2]}"
        self.endpoint = _endpoint(endpoint)
        self._name = match[1]
        config: S3Config = {"checksum_algorithm": "sha256", **_key(secret)}
        if self.endpoint:
            config |= {"endpoint": self.endpoint, "virtual_hosted_style_request": False}
        if not (os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION")):
            config["region"] = REGION
        self._store = S3Store(
            match[1],
            prefix=match[2].strip("/") or None,
            config=config,
            client_options={
                "allow_http": (self.endpoint or "").startswith("http://"),
                "timeout": timedelta(seconds=WAIT_SECONDS),
                "connect_timeout": timedelta(seconds=CONNECT_SECONDS),
                "user_agent": "hubpacks",
            },
            retry_config={"max_retries": RETRIES, "retry_timeout": timedelta(seconds=RETRY_SECONDS)},
        )
        self._large = threading.Semaphore(LARGE_AT_ONCE)

    def listed(self, under: str | None = None) -> dict[str, Stored]:
        """All objects, or those under the folder ``under``. Raises BucketRefused and BucketUnavailable."""

        def find() -> dict[str, Stored]:
            pages = obstore.list(self._store, under, chunk_size=1000)
            return {about["path"]: Stored(about["size"], _mark(about["e_tag"])) for page in pages for about in page}

        return self._asked(find)

    def read(self, key: str, most_bytes: int) -> bytes | None:
        """The first ``most_bytes`` of an object, None when it is not there. Raises as ``listed`` does."""

        def get() -> bytes | None:
            try:
                stream = obstore.get(self._store, key).stream(min_chunk_size=1 << 16)
            except FileNotFoundError as error:
                if "NoSuchBucket" in str(error):
                    raise
                return None
            data = b""
            for chunk in stream:
                data += bytes(chunk)
                if len(data) >= most_bytes:
                    break
            return data[:most_bytes]

        return self._asked(get)

    def read_marked(self, key: str) -> tuple[bytes, str] | None:
        """All of a small object, and the mark by which ``swap`` knows it; None when it is not there. Raises as
        ``listed`` does.
        """

        def get() -> tuple[bytes, str] | None:
            try:
                got = obstore.get(self._store, key)
                return bytes(got.bytes()), got.meta["e_tag"] or ""
            except FileNotFoundError as error:
                if "NoSuchBucket" in str(error):
                    raise
                return None

        return self._asked(get)

    def swap(self, key: str, data: bytes, mark: str | None) -> str | None:
        """Put ``data`` in the place of the object that has ``mark``, or, with None, where there is none. The new mark;
        None when the object is another by now, or has come, and nothing was done. Raises as ``listed`` does.
        """

        def put() -> str | None:
            try:
                mode: Any = "create" if mark is None else {"e_tag": mark}
                return obstore.put(self._store, key, data, mode=mode, use_multipart=False)["e_tag"] or ""
            except (AlreadyExistsError, PreconditionError):
                return None
            except BaseError as error:
                if "409" in _STATUS.findall(str(error)):  # another swap is under way at this moment
                    return None
                raise

        return self._asked(put)

    def fetch(self, key: str, target: IO[bytes]) -> bool:
        """Write an object's bytes to ``target``, from where it stands; False when it is not there. Raises as ``listed``
        does.
        """
        start = target.tell()

        def get() -> bool:
            target.seek(start)
            target.truncate()
            try:
                for chunk in obstore.get(self._store, key).stream(min_chunk_size=1 << 20):
                    target.write(chunk)
            except FileNotFoundError as error:
                if "NoSuchBucket" in str(error):
                    raise
                return False
            return True

        return self._asked(get)

    def headers(self, key: str) -> dict[str, str]:
        """The headers that an object is answered with. Raises BucketRefused and BucketUnavailable."""
        return self._asked(lambda: dict(obstore.get(self._store, key, options={"head": True}).attributes))

    def put(self, key: str, source: Path | bytes, size: int, sha256: str, headers: Mapping[str, str]) -> str:
        """Store ``source`` (a file of ``size`` bytes, or its bytes) with ``headers``, and give the object's mark. The
        object is there as a whole or not at all, and the store has checked its SHA-256.

        Raises Changed when it has another ``sha256``, BucketRefused and BucketUnavailable.
        """
        if size > PART_BYTES and isinstance(source, Path):
            with self._large:
                return self._asked(lambda: self._put_in_parts(key, source, sha256, headers))
        data = source if isinstance(source, bytes) else source.read_bytes()
        if hashlib.sha256(data).hexdigest() != sha256:
            raise Changed(str(source if isinstance(source, Path) else key))
        return self._asked(
            lambda: _mark(
                obstore.put(self._store, key, data, attributes=dict(headers), use_multipart=False)["e_tag"],
            )
        )

    def _put_in_parts(self, key: str, path: Path, sha256: str, headers: Mapping[str, str]) -> str:
        done = obstore.put(
            self._store,
            key,
            _parts_of(path, sha256),
            attributes=dict(headers),
            use_multipart=True,
            chunk_size=PART_BYTES,
            max_concurrency=2,
        )
        return _mark(done["e_tag"])

    def delete(self, keys: Sequence[str]) -> None:
        """Remove objects, whether they are there or not. Raises BucketRefused and BucketUnavailable."""
        if keys:
            self._asked(lambda: obstore.delete(self._store, list(keys)))

    def _asked(self, ask: Callable[[], T]) -> T:
        retrying = Retrying(
            retry=retry_if_exception_type(BucketUnavailable),
            stop=stop_after_attempt(ATTEMPTS),
            wait=wait_random_exponential(multiplier=0.5, max=10),
            reraise=True,
        )
        answer: T = retrying(self._named, ask)
        return answer

    def _named(self, ask: Callable[[], T]) -> T:
        """What ``ask`` gives; what goes wrong there is named."""
        try:
            return ask()
        except FileNotFoundError as error:
            if "status code" not in str(error):  # a file of ours, not an object
                raise
            raise self._failure(error) from error
        except BaseError as error:
            raise self._failure(error) from error

    def _failure(self, error: Exception) -> BucketRefused | BucketUnavailable:
        said = str(error).partition("\n\nDebug source")[0]
        code = found[1] if (found := _CODE.search(said)) else ""
        status = found[1] if (found := _STATUS.search(said)) else ""
        at, told = self.endpoint or "Amazon S3", code or status
        if code == "NoSuchBucket":
            return BucketRefused(f"{self.address}: there is no bucket {self._name} at {at}: make it, or name another")
        if code == "RequestTimeTooSkewed":
            return BucketRefused(
                f"{self.address}: this machine's clock and that of {at} differ too much: set the clock"
            )
        if code in _NO_ENTRY or status == "401" or isinstance(error, UnauthenticatedError):
            return BucketRefused(f"{self.address}: {at} does not know the access key ({told}): check both parts")
        if code in _ELSEWHERE or "redirect without LOCATION" in said:
            return BucketRefused(f"{self.address}: the bucket is in another region: set AWS_REGION")
        if code == "AccessDenied" or status == "403" or isinstance(error, PermissionDeniedError):
            may = "it has to be allowed to list, get, put and delete objects there"
            return BucketRefused(f"{self.address}: the access key may not do this ({told}): {may}")
        if code in _DAMAGED or status in _RETRYABLE or status.startswith("5"):
            return BucketUnavailable(f"{self.address}: {at} answers {status} {code}".rstrip() + ": try again later")
        if not status and ("error sending request" in said or "HTTP error" in said or "timed out" in said):
            return BucketUnavailable(f"{self.address}: {at} cannot be reached, or breaks off: check it and try again")
        if "invalid path" in said:
            what = shown(said.rpartition("invalid path: ")[2], MAX_SAID_CHARACTERS)
            return BucketRefused(f"{self.address}: an object there has a name that none of ours has; delete it: {what}")
        return BucketRefused(f"{self.address}: {shown(' '.join(said.split()), MAX_SAID_CHARACTERS)}")


def mark_of(path: Path | bytes, size: int) -> str:
    """The mark that a store gives a file of ``size`` bytes that was put by ``Bucket.put``, where its marks are MD5s, as
    Amazon's are unless a key of its key service encrypts.
    """
    if isinstance(path, bytes) or size <= PART_BYTES:
        return hashlib.md5(path if isinstance(path, bytes) else path.read_bytes(), usedforsecurity=False).hexdigest()
    parts = [hashlib.md5(part, usedforsecurity=False).digest() for part in _parts_of(path, None)]
    return f"{hashlib.md5(b''.join(parts), usedforsecurity=False).hexdigest()}-{len(parts)}"


def _parts_of(path: Path, sha256: str | None) -> Iterator[bytes]:
    """A file in parts. Raises Changed before the last one is done when it is not the one that is meant: that breaks the
    upload off, and no object comes of it.
    """
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while part := file.read(PART_BYTES):
            digest.update(part)
            yield part
    if sha256 is not None and digest.hexdigest() != sha256:
        raise Changed(str(path))


def _mark(etag: str | None) -> str:
    return (etag or "").strip('"')


def _endpoint(endpoint: str | None) -> str | None:
    if not endpoint:
        return None
    parts = urlsplit(endpoint)
    is_plain = not (parts.query or parts.fragment or parts.username or parts.password)
    if parts.scheme not in ("http", "https") or not parts.hostname or not is_plain:
        raise BucketRefused("the endpoint must be a web address, such as https://minio.example.org")
    if parts.scheme == "http" and os.environ.get("AWS_SESSION_TOKEN"):
        raise BucketRefused(f"{endpoint}: AWS_SESSION_TOKEN would travel in the clear; the endpoint needs https")
    return endpoint.rstrip("/")


def _key(secret: str | None) -> S3Config:
    if not secret:
        if not any(os.environ.get(name) for name in _NEEDED):
            raise BucketRefused(
                "no access key: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or name the environment variable that "
                "has it as KEYID:SECRETKEY"
            )
        return {}
    name, colon, signing = os.environ.get(secret, "").strip().partition(":")
    if not (name and colon and signing):
        raise BucketRefused(f"the environment variable {secret} must hold an access key as KEYID:SECRETKEY")
    return {"access_key_id": name, "secret_access_key": signing}
