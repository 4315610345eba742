"""Feeds at a web address: a manifest with its files beside it, a zip, or one file.

A feed is complete or it is none: a file that the manifest lists and the server does not have, an answer whose end
nobody can know, or one that is no file of its kind, fail the whole pull. What a file says is for the judge.
"""

from __future__ import annotations

import hashlib
import io
import zipfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import PurePosixPath
from typing import IO, Any
from urllib.parse import quote, unquote, urljoin, urlsplit

from hubs.contract.records import MANIFEST, MAX_MANIFEST_BYTES, SIGNATURE
from hubs.mapping.text import looks_like_html
from pipelines.files import CHUNK_BYTES, Stream
from pipelines.pull import archive
from pipelines.pull.base import Files, NotModified, PullFailed, Visit, refuse_harm
from pipelines.pull.declared import Claim, claims, read_manifest
from pipelines.pull.network import Answered, Response, Trip

_NOT_THERE = {404, 410}
_HTML_TYPES = {"text/html", "application/xhtml+xml"}
_HTML_SUFFIXES = {".html", ".htm", ".xhtml"}
_HEAD_BYTES = 512

_ZIP = (b"PK\x03\x04", b"PK\x05\x06")
_JSON = tuple(bytes([byte]) for byte in b'{["-0123456789tfn')
STARTS: dict[str, tuple[bytes, ...]] = {
    ".zip": _ZIP,
    ".xlsx": (*_ZIP, b"\xd0\xcf\x11\xe0"),  # the latter with a password, of which the judge has more to say
    ".ods": _ZIP,
    ".parquet": (b"PAR1",),
    ".json": _JSON,
    ".jsonl": _JSON,
    ".geojson": _JSON,
}
"""How files begin whose names end so. Others may begin as they like, but not as a web page."""
_ANSWERER = "answerer"
"""Beside a validator: which address gave it in the end, as a digest, since there may be a secret in its query."""
_BYTE_ORDER_MARKS = (b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")


def files(visit: Visit) -> Files:
    """Every file of the feed. A manifest's files must lie at the same host.

    Raises PullFailed; NotModified when a zip or a single file is what it was.
    """
    trip = visit.network.trip(visit.registration, visit.address)
    name = PurePosixPath(unquote(urlsplit(visit.address).path)).name or "feed"
    with _fetched(visit, trip, visit.address, name) as response:
        body = _manifest(visit, response, name)
        if body is not None:
            yield from _listed(visit, trip, body, response.has_end or response.is_not_modified)
            return
        if response.is_not_modified:
            raise NotModified
        if archive.is_archive(response.body):
            yield from archive.files(response.body)
            return
        _refuse_endless(response, name, is_declared=False)
        yield name, response.body


def _manifest(visit: Visit, response: Response, name: str) -> bytes | None:
    """The manifest's bytes; None when the answer is none. One that is called so is one, whatever it says; one that is
    called otherwise must list resources.
    """
    if not name.endswith(".json"):
        return None
    if response.is_not_modified:
        try:
            with closing(visit.known.open(MANIFEST)) as source:
                data = source.read(MAX_MANIFEST_BYTES + 1)
        except KeyError:
            return None
    else:
        data = response.body.read(MAX_MANIFEST_BYTES + 1)
        response.body.seek(0)
    if len(data) > MAX_MANIFEST_BYTES:
        if name == MANIFEST:
            raise PullFailed("too_large", f"the manifest has more than {MAX_MANIFEST_BYTES:,} bytes")
        return None
    return data if name == MANIFEST or "resources" in _parsed(data) else None


def _parsed(data: bytes) -> dict[str, Any]:
    """What the manifest says; nothing when it cannot be understood. Then the judge says what is wrong."""
    try:
        return read_manifest(data)
    except ValueError:
        return {}


def _listed(visit: Visit, trip: Trip, data: bytes, has_end: bool) -> Files:
    """The manifest and all that it lists."""
    manifest = _parsed(data)
    if not has_end and not manifest:
        raise PullFailed("partial_feed", f"{MANIFEST} cannot be read, and came without its length")
    yield MANIFEST, io.BytesIO(data)
    if visit.registration.public_key:
        with _signature(visit, trip) as signature:
            if signature is not None:
                yield SIGNATURE, signature
    declared = {claim.path: claim for claim in claims(manifest)}
    for path in _paths(manifest):
        refuse_harm(path)
        if set("*?[") & set(path):
            raise PullFailed("unreadable_manifest", f"over the web every file must be listed by name, not as {path}")
        try:
            with _resource(visit, trip, path, declared.get(path)) as stream:
                yield path, stream
        except Answered as error:
            raise PullFailed("partial_feed", f"{MANIFEST} lists {path}, and {error.detail}") from error


def _paths(manifest: dict[str, Any]) -> list[str]:
    """What the manifest lists by name, as a resource or with a hash of ours. When the resources cannot be understood,
    they are left out: the judge says why.
    """
    try:
        listed = [r["path"] if isinstance(r["path"], list) else [r["path"]] for r in manifest["resources"]]
    except (KeyError, TypeError):
        listed = []
    names = [str(path).removeprefix("./") for paths in listed for path in paths]
    return list(dict.fromkeys([*names, *(claim.path for claim in claims(manifest) if claim.is_ours)]))


@contextmanager
def _signature(visit: Visit, trip: Trip) -> Iterator[Stream | None]:
    """The file with the signature, None when there is none. Whether there has to be one is not for us."""
    try:
        with _resource(visit, trip, SIGNATURE, None) as stream:
            yield stream
    except Answered as error:
        if error.status not in _NOT_THERE:
            raise
        yield None


@contextmanager
def _resource(visit: Visit, trip: Trip, path: str, claim: Claim | None) -> Iterator[Stream]:
    """The file at ``path`` beside the manifest, or its known bytes when it is what it was and what is declared."""
    place = urljoin(visit.address, quote(path))
    with _fetched(visit, trip, place, path) as response:
        known = _known(visit, path, claim) if response.is_not_modified else None
        if known is not None:
            yield known
            return
        if not response.is_not_modified:
            _refuse_endless(response, path, is_declared=_is_checked(claim))
            yield response.body
            return
    with _fetched(visit, trip, place, path, is_known=False) as response:
        _refuse_endless(response, path, is_declared=_is_checked(claim))
        yield response.body


def _is_checked(claim: Claim | None) -> bool:
    """Whether a part of the file would be told from the whole by what the manifest declares."""
    return claim is not None and (claim.bytes is not None or claim.algorithm_and_digest is not None)


def _known(visit: Visit, path: str, claim: Claim | None) -> Stream | None:
    """The bytes that are known of ``path``, None when there are none or when the manifest declares others: a server
    may call different bytes by the same ETag.
    """
    try:
        if claim is not None:
            with closing(visit.known.open(path)) as source:
                if not _is_as_declared(source, claim):
                    return None
        return visit.known.open(path)
    except KeyError:
        return None


def _is_as_declared(source: Stream, claim: Claim) -> bool:
    algorithm, digest = claim.algorithm_and_digest or ("sha256", None)
    found, size = hashlib.new(algorithm, usedforsecurity=False), 0
    while chunk := source.read(CHUNK_BYTES):
        found.update(chunk)
        size += len(chunk)
    return claim.bytes in (None, size) and digest in (None, found.hexdigest())


@contextmanager
def _fetched(visit: Visit, trip: Trip, place: str, name: str, is_known: bool = True) -> Iterator[Response]:
    """What ``place`` answers, a file that may be called ``name``."""
    validator = visit.known.validator(place) if is_known else {}
    with visit.network.get(trip, place, validator=validator) as response:
        answerer = hashlib.sha256(response.address.encode()).hexdigest()
        if not response.is_not_modified:
            _refuse_other_kind(trip.shown(response.address), name, response)
            visit.known.keep(place, response.validator and {**response.validator, _ANSWERER: answerer})
            yield response
            return
        if answerer == validator.get(_ANSWERER):
            visit.known.keep(place, {**validator, **response.validator})
            yield response
            return
    # A redirect leads elsewhere than it did, and a date or a tag means another file there.
    with _fetched(visit, trip, place, name, is_known=False) as response:
        yield response


def _refuse_other_kind(where: str, name: str, response: Response) -> None:
    """Raise PullFailed for an answer that is no file of the kind that its name says, such as a log-in page."""
    head = response.body.read(_HEAD_BYTES)
    response.body.seek(0)
    suffix = PurePosixPath(name).suffix.lower()
    kind = response.headers.get("content-type", "").partition(";")[0].strip().lower()
    if suffix not in _HTML_SUFFIXES and (kind in _HTML_TYPES or looks_like_html(head)):
        raise PullFailed("not_a_feed", f"{where} answers with a web page")
    starts = STARTS.get(suffix)
    # Of an empty file the judge has more to say.
    if starts and head and not head.startswith(_BYTE_ORDER_MARKS) and not head.lstrip().startswith(starts):
        raise PullFailed("not_a_feed", f"{where} answers with something that is no {suffix} file")


def _refuse_endless(response: Response, name: str, is_declared: bool) -> None:
    """Raise PullFailed when a part might be taken for the whole: the server told no end, the manifest declares neither
    size nor hash, and the kind of file has no end of its own.
    """
    if response.has_end or is_declared or _has_own_end(response.body, PurePosixPath(name).suffix.lower()):
        return
    raise PullFailed("partial_feed", f"{name} came without its length, so nobody can know whether it is whole")


def _has_own_end(body: IO[bytes], suffix: str) -> bool:
    if STARTS.get(suffix) == STARTS[".parquet"]:
        body.seek(-len(STARTS[".parquet"][0]), io.SEEK_END)
        is_whole = body.read() in STARTS[".parquet"]
    else:
        is_whole = zipfile.is_zipfile(body)
    body.seek(0)
    return is_whole
