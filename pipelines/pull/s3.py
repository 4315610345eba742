"""Feeds in an object store that speaks S3: ``s3://bucket/prefix``, at Amazon or at the registration's endpoint.

Two questions are asked of a store, for a list of keys and for an object. Both are plain GETs, so they go through the
one network with its limits (docs/adr/0014). Here they are signed (AWS Signature Version 4), and the list is understood.
"""

from __future__ import annotations

import hashlib
import hmac
import io
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import islice
from typing import IO, NamedTuple
from urllib.parse import quote, unquote, unquote_plus, urlsplit
from xml.etree import ElementTree as ET

from hubs.registration import Registration
from pipelines.pull import guard, stores
from pipelines.pull.base import (
    MAX_FEED_BYTES,
    MAX_FILES,
    MAX_PATH_CHARACTERS,
    MAX_VALIDATOR_CHARACTERS,
    Files,
    PullFailed,
    Unreachable,
    Visit,
    token,
)
from pipelines.pull.network import Answered, Network, Response, Trip
from pipelines.pull.stores import Info

AMAZON = "https://s3.amazonaws.com"
PAGE_KEYS = 1_000
"""Keys on a page of a list; more are never given."""
MAX_LIST_BYTES, MAX_ELEMENTS = 2 << 20, 50 * PAGE_KEYS
"""Of one page: far more than the keys need on it. An element fills much more memory than bytes."""
MAX_PAGES = 1_000
_REGION = re.compile(r"s3[.-](?:dualstack\.)?([a-z]{2}(?:-[a-z]+)+-\d)\.amazonaws\.com(?:\.cn)?")
_BUCKET = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{1,254}")
_ELSEWHERE, _IN_A_REGION = {301, 307, 400}, "https://s3.eu-west-2.amazonaws.com"
"""What Amazon answers where a bucket lies in another region."""
_NO_CONTENT = hashlib.sha256(b"").hexdigest()


def files(visit: Visit) -> Files:
    """Every object under the address's prefix, in order of key, or the one object that it names."""
    bucket, prefix = _taken_apart(visit.address)
    registration = visit.registration
    endpoint = registration.endpoint or AMAZON
    if "?" in endpoint or "#" in endpoint:
        raise PullFailed("address_refused", "an endpoint has nothing after a ? or a #")
    if guard.place(endpoint).scheme != "https" and not registration.private_address:
        raise PullFailed("forbidden_address", "an endpoint outside of a private network needs https")
    # The secret makes signatures here, and never travels itself as a web address's does.
    trip = visit.network.trip(registration.model_copy(update={"secret": None}), endpoint)
    store = _ObjectStore(visit.network, trip, f"{endpoint.rstrip('/')}/{bucket}", _key(registration))
    yield from stores.files(visit, store, prefix)


def _taken_apart(address: str) -> tuple[str, str]:
    """Bucket and prefix. Raises PullFailed."""
    try:
        parts = urlsplit(address)
    except ValueError as error:
        raise PullFailed("address_refused", f"not an address of an object store: {error}") from error
    if not _BUCKET.fullmatch(parts.netloc) or parts.query or parts.fragment:
        raise PullFailed("address_refused", "an address of an object store is s3://bucket/prefix")
    return parts.netloc, unquote(parts.path).strip("/")


class Key(NamedTuple):
    """An access key: what names it, and what signs."""

    id: str
    secret: str


def _key(registration: Registration) -> Key | None:
    value = token(registration)
    if value is None:
        return None
    name, colon, signing = value.partition(":")
    if not (name and colon and signing):
        raise PullFailed(
            "address_refused", f"the secret {registration.secret} must be an access key as KEYID:SECRETKEY"
        )
    return Key(name, signing)


class _ObjectStore:
    """One bucket, to be read (``stores.Filesystem``). Names are keys."""

    def __init__(self, network: Network, trip: Trip, bucket: str, key: Key | None) -> None:
        self._network, self._trip, self._bucket, self._key = network, trip, bucket, key

    def find(self, path: str) -> dict[str, Info]:
        """Objects whose keys begin with ``path`` and a slash; if there are none, the one with that very key."""
        if path and not (found := self._found(f"{path}/")):
            return {name: info for name, info in self._found(path, most=1).items() if name == path}
        return found if path else self._found("")

    @contextmanager
    def open(self, path: str, info: Info) -> Iterator[IO[bytes]]:
        with self._get(f"/{quote(path, safe='/-_.~')}", {}) as response:
            size = response.body.seek(0, os.SEEK_END)
            response.body.seek(0)
            is_unpacked = "content-encoding" in response.headers  # the list tells the size as it is stored
            if response.headers.get("etag") != info["mark"] or (size != info["size"] and not is_unpacked):
                raise Unreachable(f"{path} has changed while it was read")
            yield response.body

    def _found(self, prefix: str, most: int = MAX_FILES + 1) -> dict[str, Info]:
        found: dict[str, Info] = {}
        query = {"encoding-type": "url", "list-type": "2", "max-keys": str(min(most, PAGE_KEYS)), "prefix": prefix}
        for _ in range(MAX_PAGES):
            with self._get("", query, MAX_LIST_BYTES) as response:
                page = read_page(response.body.read())
            before = len(found)
            for info in page.objects:
                _refuse_long(info, prefix)
                found[info["name"]] = info
            files = {name: info for name, info in found.items() if not name.endswith("/")}
            if page.next is None or len(files) >= most:
                return files
            if len(found) == before:
                raise PullFailed("not_a_feed", "the store's list of objects goes on, and brings nothing new")
            if len(found) > 2 * MAX_FILES:  # folders stand there too
                raise PullFailed("too_large", f"the list of objects has more than {2 * MAX_FILES:,} keys")
            query["continuation-token"] = page.next
        raise PullFailed("too_large", f"the list of objects has more than {MAX_PAGES:,} pages")

    @contextmanager
    def _get(self, path: str, query: dict[str, str], most_bytes: int = MAX_FEED_BYTES) -> Iterator[Response]:
        asked = "&".join(f"{name}={quote(value, safe='-_.~')}" for name, value in sorted(query.items()))
        address = f"{self._bucket}{path}{f'?{asked}' if asked else ''}"
        headers = signed(guard.place(address), self._key, datetime.now(UTC)) if self._key else {}
        try:
            with self._network.get(self._trip, address, headers=headers, most_bytes=most_bytes) as response:
                yield response
        except Answered as error:
            if error.status not in _ELSEWHERE or not address.startswith(AMAZON):
                raise
            detail = f"{error.detail}: name the endpoint of the bucket's region, such as {_IN_A_REGION}"
            raise PullFailed(error.code, detail) from error


def _refuse_long(info: Info, prefix: str) -> None:
    """Raise PullFailed for what would fill the memory before anybody looks at it as a path."""
    if len(info["name"]) > len(prefix) + MAX_PATH_CHARACTERS:
        raise PullFailed("unsafe_path", f"a key with more than {MAX_PATH_CHARACTERS:,} characters: {info['name']}")
    if len(info["mark"]) > MAX_VALIDATOR_CHARACTERS:
        raise PullFailed("not_a_feed", f"an ETag with more than {MAX_VALIDATOR_CHARACTERS:,} characters")


class Page(NamedTuple):
    """A page of a list: its objects, and what asks for the next page (None at the end)."""

    objects: list[Info]
    next: str | None


def read_page(data: bytes) -> Page:
    """The answer to a request for a list. Raises PullFailed for what is none."""
    try:
        # As text, since bytes may say of themselves that they are in an encoding in which the next check finds nothing.
        markup = data.decode("utf-8-sig")
        if "<!" in markup:  # a list needs neither document types nor entities, which may fill the memory
            raise PullFailed("not_a_feed", "the store's list of objects is not to be trusted")
        root = _parsed(markup)
        name = root.tag.rpartition("}")[0] + "}" if root.tag.startswith("{") else ""

        def text(element: ET.Element, tag: str) -> str:
            return element.findtext(f"{name}{tag}") or ""

        # Stores that do not know of encodings give keys as they are.
        plain = unquote_plus if text(root, "EncodingType") == "url" else str
        objects = [
            Info(
                name=plain(text(entry, "Key")),
                size=int(text(entry, "Size")),
                type="file",
                mark=text(entry, "ETag"),
            )
            for entry in root.iter(f"{name}Contents")
        ]
        following = text(root, "NextContinuationToken") if text(root, "IsTruncated") == "true" else None
    except (ET.ParseError, ValueError) as error:
        raise PullFailed(
            "not_a_feed", f"the store answers with something that is no list of objects: {error}"
        ) from error
    if following == "" or not root.tag.endswith("ListBucketResult"):
        raise PullFailed("not_a_feed", "the store answers with something that is no list of objects")
    return Page(objects, following)


def _parsed(markup: str) -> ET.Element:
    """The top of a document that has neither types nor entities. Raises ET.ParseError, PullFailed."""
    elements = ET.iterparse(io.StringIO(markup), events=("start",))  # noqa: S314 - without these it can do no harm
    top: ET.Element = next(elements)[1]
    if sum(1 for _ in islice(elements, MAX_ELEMENTS)) == MAX_ELEMENTS:
        raise PullFailed("not_a_feed", f"the store's list of objects has more than {MAX_ELEMENTS:,} elements on a page")
    return top


def signed(place: guard.Place, key: Key, now: datetime) -> dict[str, str]:
    """The header fields that sign a GET of ``place`` at the moment ``now``, by AWS Signature Version 4."""
    stamp, day = now.strftime("%Y%m%dT%H%M%SZ"), now.strftime("%Y%m%d")
    known = _REGION.fullmatch(place.host)
    scope = f"{day}/{known[1] if known else 'us-east-1'}/s3/aws4_request"
    fields = {"host": place.host_header, "x-amz-content-sha256": _NO_CONTENT, "x-amz-date": stamp}
    path, _, query = place.target.partition("?")
    names = ";".join(fields)
    listed = "".join(f"{name}:{value}\n" for name, value in fields.items())
    request = "\n".join(["GET", path, query, listed, names, _NO_CONTENT])
    told = "\n".join(["AWS4-HMAC-SHA256", stamp, scope, hashlib.sha256(request.encode()).hexdigest()])
    signing = f"AWS4{key.secret}".encode()
    for part in scope.split("/"):
        signing = hmac.digest(signing, part.encode(), "sha256")
    signature = hmac.digest(signing, told.encode(), "sha256").hex()
    credential = f"AWS4-HMAC-SHA256 Credential={key.id}/{scope}, SignedHeaders={names}, Signature={signature}"
    return {"x-amz-content-sha256": _NO_CONTENT, "x-amz-date": stamp, "Authorization": credential}
