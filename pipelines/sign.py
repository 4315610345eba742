"""Signing a feed: the hashes of all its files go into its manifest, and a signature over the manifest beside it.

What a signature must cover is said in ``pull.declared``, and nothing is written that would not pass there. Keys are
files of their hub's; none is kept here.
"""

from __future__ import annotations

import base64
import hashlib
import json
import tempfile
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from hubs.contract.records import MANIFEST, SIGNATURE
from hubs.registration import Registration
from pipelines.files import write_bytes
from pipelines.pull import folder
from pipelines.pull.base import PullFailed
from pipelines.pull.declared import confirm, read_manifest
from pipelines.signatures import PublicKey, UnusableKey, private_pem, read_private
from pipelines.store import SnapshotFile


class CannotSign(ValueError):
    """The feed or the key will not do; nothing was written. The message says what to do."""


@dataclass(frozen=True)
class Signed:
    """What was signed: how many ``files``, not counting the manifest, with the private key of which ``public_key``
    is the other half, as the registration names it. ``is_new_key`` when there was no key before.
    """

    files: int
    public_key: str
    is_new_key: bool


def sign(feed: Path, key_file: Path, registration: Registration) -> Signed:
    """Sign the feed in the folder ``feed`` with the key in ``key_file``, which is made when there is none.

    A feed in a shape of its own gets a manifest for this alone. The same bytes and the same key give the same files.
    Raises CannotSign, and OSError.
    """
    root = feed.resolve()
    if not root.is_dir():
        raise CannotSign(f"{feed} is no folder: sign the folder before it is packed; one file cannot be signed")
    if key_file.resolve().is_relative_to(root):
        raise CannotSign(f"{key_file} would be published with the feed: name a file outside of {feed}")
    key, is_new = _key(key_file)
    public = PublicKey.of(key).text
    if registration.public_key not in (None, public):
        raise CannotSign(f"{key_file} is not the key that the registration names: use that one, or register {public}")
    try:
        files = _files(root)
        manifest = _manifest(root, files, registration)
        signature = base64.b64encode(key.sign(manifest)) + b"\n"
        _try(root, files, {MANIFEST: manifest, SIGNATURE: signature}, registration, public)
    except PullFailed as failure:
        raise CannotSign(f"{feed} would be refused: {failure}") from failure
    if is_new:
        write_bytes(key_file, private_pem(key), mode=0o600)
    for name, data in ((MANIFEST, manifest), (SIGNATURE, signature)):
        _put(root / name, data)
    return Signed(len(files), public, is_new)


def _key(path: Path) -> tuple[Ed25519PrivateKey, bool]:
    """The private key in ``path``, or a new one, and whether it is new."""
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return Ed25519PrivateKey.generate(), True
    try:
        return read_private(data, str(path)), False
    except UnusableKey as error:
        raise CannotSign(f"{error}, and nothing is ever overwritten") from error


def _files(root: Path) -> list[SnapshotFile]:
    """All that has to be covered, as a pull finds it."""
    found = []
    with closing(folder.files(root)) as files:
        for name, stream in files:
            stream.close()
            if name not in (MANIFEST, SIGNATURE):
                found.append(_measured(name, root / name))
    return found


def _measured(name: str, path: Path) -> SnapshotFile:
    with path.open("rb") as source:
        return SnapshotFile(name, hashlib.file_digest(source, "sha256").hexdigest(), path.stat().st_size)


def _manifest(root: Path, files: list[SnapshotFile], registration: Registration) -> bytes:
    """The bytes of the manifest with the hashes of ``files``; those that are there, if they are right already."""
    path = root / MANIFEST
    before = path.read_bytes() if path.exists() else b"{}"
    if not (path.exists() or registration.sources):
        raise CannotSign(
            f"there is no {MANIFEST} in {root.name}: if the files are in a shape of their own, name the registration "
            "with --mapping; a workbook alone cannot be signed"
        )
    try:
        manifest: dict[str, Any] = read_manifest(before)
        settings = manifest.setdefault("hubpacks", {})
        hashes = {file.path: f"sha256:{file.sha256}" for file in sorted(files, key=lambda file: file.path)}
        if settings.get("hashes") == hashes:
            return before
        settings["hashes"] = hashes
    except (ValueError, AttributeError) as error:
        reason = error if isinstance(error, ValueError) else "hubpacks is no object"
        raise CannotSign(f"{path.name} cannot be used: {reason}") from error
    return (json.dumps(manifest, indent=2, ensure_ascii=False) + "\n").encode()


def _try(
    root: Path, files: list[SnapshotFile], new: dict[str, bytes], registration: Registration, public_key: str
) -> None:
    """Let the doors look at the feed as it will be. Raises PullFailed."""
    with tempfile.TemporaryDirectory() as made:
        staged = {name: Path(made, name) for name in new}
        for name, data in new.items():
            staged[name].write_bytes(data)
        all_files = [*files, *(_measured(name, path) for name, path in staged.items())]
        keyed = registration.model_copy(update={"public_key": public_key})
        confirm(keyed, all_files, lambda file: staged.get(file.path, root / file.path))


def _put(path: Path, data: bytes) -> None:
    if not path.exists() or path.read_bytes() != data:
        write_bytes(path, data)
