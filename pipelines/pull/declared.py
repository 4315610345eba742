"""What a feed declares of itself, held against what came: sizes and hashes of its files, and the hub's signature.

Every door looks once all files of a feed have been read. Making a signature is ``pipelines.sign``; what the files
contain is for the judge.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hubs.contract.records import MANIFEST, MAX_MANIFEST_BYTES, SIGNATURE
from hubs.jsonfile import parse_json
from hubs.mapping.text import decode
from hubs.registration import Registration
from pipelines.pull.base import PullFailed
from pipelines.store import SnapshotFile

ALGORITHMS = {"md5": 32, "sha1": 40, "sha256": 64, "sha512": 128}
"""Hashes that are looked at, and the hexadecimal digits of each. A hash without a name is told by its length."""
KEY_PREFIX = "ed25519:"
MAX_SIGNATURE_BYTES = 1_000
_SHOWN_PATH, _SHOWN_DIGITS = 100, 12
_ELSEWHERE = ("*", "?", "[", "://", "..")
"""In a path that need not be the name of one file of the feed."""

Where = Callable[[SnapshotFile], Path]
"""Where the bytes of a file of the feed lie."""


@dataclass(frozen=True)
class Claim:
    """What the manifest says of the file at ``path``, as it is stated there: ``bytes`` and ``hash``, None when not.

    ``is_ours`` of what stands in ``hubpacks.hashes``; the rest stands at a resource.
    """

    path: str
    bytes: Any
    hash: Any
    is_ours: bool

    @property
    def algorithm_and_digest(self) -> tuple[str, str] | None:
        """The hash taken apart; None when there is none, or none that is known here."""
        if self.hash is None:
            return None
        algorithm, _, digest = str(self.hash).strip().lower().rpartition(":")
        by_length = {length: name for name, length in ALGORITHMS.items()}
        algorithm = algorithm or by_length.get(len(digest), "md5")
        return (algorithm, digest) if algorithm in ALGORITHMS else None


def claims(manifest: Mapping[str, Any]) -> list[Claim]:
    """All that a manifest says of its files, ``hubpacks.hashes`` last. Raises PullFailed when those are no hashes."""
    return [*_of_resources(manifest.get("resources")), *_ours(manifest.get("hubpacks"))]


def read_manifest(data: bytes) -> dict[str, Any]:
    """The manifest in ``data``. Raises ValueError."""
    manifest = parse_json(decode(data)[0])
    if not isinstance(manifest, dict):
        raise ValueError("it is no JSON object")
    return manifest


def confirm(registration: Registration, files: Iterable[SnapshotFile], where: Where) -> None:
    """Hold a whole feed against what it declares. Raises PullFailed: ``wrong_signature`` when the hub has a key and
    the feed is not signed with it in all its parts, ``partial_feed`` when a file is absent or is another.
    """
    by_path = {file.path: file for file in files}
    data = _manifest_bytes(by_path, where)
    if registration.public_key:
        _confirm_signature(registration.public_key, data, by_path, where)
    if data is None:
        return
    try:
        stated = claims(read_manifest(data))
    except ValueError as error:
        if registration.public_key:
            raise PullFailed("unreadable_manifest", f"{MANIFEST}: {error}") from error
        return  # says nothing that could be looked at; the judge says what is wrong with it
    if registration.public_key:
        _confirm_all_covered(stated, by_path)
    for claim in stated:
        _confirm_claim(claim, by_path, where)


# What is declared.


def _of_resources(resources: Any) -> Iterator[Claim]:
    for resource in resources if isinstance(resources, list) else []:
        if not isinstance(resource, dict):
            continue
        path = resource.get("path")
        path = path[0] if isinstance(path, list) and len(path) == 1 else path
        # A size or a hash of several files in one cannot be told apart.
        if isinstance(path, str) and not (resource.get("bytes") is None and resource.get("hash") is None):
            yield Claim(path.removeprefix("./"), resource.get("bytes"), resource.get("hash"), is_ours=False)


def _ours(settings: Any) -> Iterator[Claim]:
    hashes = settings.get("hashes") if isinstance(settings, dict) else None
    if hashes is None:
        return
    if not isinstance(hashes, dict):
        raise PullFailed("unreadable_manifest", "hubpacks.hashes is no object of paths and hashes")
    for path, stated in hashes.items():
        claim = Claim(path.removeprefix("./"), None, stated, is_ours=True)
        if not isinstance(stated, str) or not _is_sha256(claim):
            raise PullFailed("unreadable_manifest", f"hubpacks.hashes, {path[:_SHOWN_PATH]}: must be sha256:… in full")
        yield claim


def _is_sha256(claim: Claim) -> bool:
    algorithm, digest = claim.algorithm_and_digest or ("", "")
    return algorithm == "sha256" and len(digest) == ALGORITHMS[algorithm] and set(digest) <= set("0123456789abcdef")


# What came.


def _manifest_bytes(by_path: Mapping[str, SnapshotFile], where: Where) -> bytes | None:
    file = by_path.get(MANIFEST)
    if file is None:
        return None
    if file.bytes > MAX_MANIFEST_BYTES:
        raise PullFailed("too_large", f"{MANIFEST} has more than {MAX_MANIFEST_BYTES:,} bytes")
    return where(file).read_bytes()


def _confirm_claim(claim: Claim, by_path: Mapping[str, SnapshotFile], where: Where) -> None:
    file = by_path.get(claim.path)
    if file is None:
        if not claim.is_ours and _need_not_be_a_file(claim.path, by_path):
            return
        raise PullFailed("partial_feed", f"{claim.path[:_SHOWN_PATH]} is declared, and is not there")
    if claim.bytes is not None and claim.bytes != file.bytes:
        raise PullFailed("partial_feed", _other(claim, f"{str(claim.bytes)[:20]} bytes", f"{file.bytes} bytes"))
    if claim.algorithm_and_digest is None:
        return
    algorithm, digest = claim.algorithm_and_digest
    found = _digest(algorithm, file, where)
    if digest != found:
        shown = [f"{algorithm}:{text[:_SHOWN_DIGITS]}…" for text in (digest, found)]
        raise PullFailed("partial_feed", _other(claim, *shown))


def _other(claim: Claim, declared: str, found: str) -> str:
    where = "hubpacks.hashes" if claim.is_ours else "its resource"
    return f"{claim.path[:_SHOWN_PATH]}: {where} declares {declared}, found {found}"


def _need_not_be_a_file(path: str, by_path: Mapping[str, SnapshotFile]) -> bool:
    """Whether the path of a resource may mean several files, or none of the feed: that is for the judge."""
    folder = path.rstrip("/")
    is_folder = folder in ("", ".") or any(name.startswith(f"{folder}/") for name in by_path)
    return is_folder or any(mark in path for mark in _ELSEWHERE)


def _digest(algorithm: str, file: SnapshotFile, where: Where) -> str:
    if algorithm == "sha256":
        return file.sha256
    with where(file).open("rb") as source:
        return hashlib.file_digest(source, lambda: hashlib.new(algorithm, usedforsecurity=False)).hexdigest()


# Who signed.


def _confirm_signature(key: str, data: bytes | None, by_path: Mapping[str, SnapshotFile], where: Where) -> None:
    # Imported here because few feeds are signed.
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    if data is None:
        alone = "; a feed that is one file cannot be signed, so put it into a folder" if len(by_path) == 1 else ""
        raise PullFailed("wrong_signature", f"there is no {MANIFEST} to be signed{alone}")
    file = by_path.get(SIGNATURE)
    if file is None:
        raise PullFailed("wrong_signature", f"there is no {SIGNATURE}")
    public = Ed25519PublicKey.from_public_bytes(base64.b64decode(key.removeprefix(KEY_PREFIX)))
    if file.bytes > MAX_SIGNATURE_BYTES:  # what no signature covers may not hide behind it
        raise PullFailed("wrong_signature", f"{SIGNATURE} has more than {MAX_SIGNATURE_BYTES:,} bytes")
    try:
        # Tools that write base64 break it into lines.
        text = b"".join(where(file).read_bytes().split())
        public.verify(base64.b64decode(text, validate=True), data)
    except binascii.Error as error:
        raise PullFailed("wrong_signature", f"{SIGNATURE} is no signature in base64") from error
    except InvalidSignature as error:
        raise PullFailed("wrong_signature", f"{SIGNATURE} is not of these bytes of {MANIFEST} by {key}") from error


def _confirm_all_covered(stated: Iterable[Claim], by_path: Mapping[str, SnapshotFile]) -> None:
    covered = {claim.path for claim in stated if _is_sha256(claim)} | {MANIFEST, SIGNATURE}
    if bare := sorted(by_path.keys() - covered):
        more = f", nor for {len(bare) - 1:,} more" if len(bare) > 1 else ""
        raise PullFailed("wrong_signature", f"the signed {MANIFEST} has no sha256 for {bare[0][:_SHOWN_PATH]}{more}")
