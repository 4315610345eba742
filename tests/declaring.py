"""Feeds that declare something of their files, and the files of a folder as the doors see them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from pipelines.sign import sign
from pipelines.store import SnapshotFile
from tests.feeds import registration

SEED = bytes(range(32))
"""Of a key that everybody has."""


def files_of(folder: Path) -> list[SnapshotFile]:
    """All files in ``folder`` as a door lists them."""
    return [
        SnapshotFile(path.relative_to(folder).as_posix(), sha256(path.read_bytes()), path.stat().st_size)
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    ]


def where(folder: Path) -> Callable[[SnapshotFile], Path]:
    """Where they lie."""
    return lambda file: folder / file.path


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def hashes_of(folder: Path) -> dict[str, str]:
    """What ``hubpacks.hashes`` should say of the files in ``folder``."""
    named = (file for file in files_of(folder) if not file.path.startswith("datapackage.json"))
    return {file.path: f"sha256:{file.sha256}" for file in named}


def with_manifest(folder: Path, change: Callable[[dict[str, Any]], object]) -> Path:
    """The folder after a change of its manifest."""
    path = folder / "datapackage.json"
    manifest = json.loads(path.read_text(encoding="utf-8"))
    change(manifest)
    path.write_text(json.dumps(manifest), encoding="utf-8")
    return folder


def with_hashes(folder: Path, **more: str) -> Path:
    """The folder with hashes of all its files in the manifest, and ``more``."""
    return with_manifest(folder, lambda manifest: manifest["hubpacks"].update(hashes=hashes_of(folder) | more))


def with_signature(folder: Path, seed: bytes = SEED, **changes: Any) -> str:
    """Sign the feed in ``folder`` as its hub does; gives the public key."""
    key = folder.with_name(f"{folder.name}.pem")
    private = Ed25519PrivateKey.from_private_bytes(seed)
    key.write_bytes(private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    try:
        return sign(folder, key, registration(**changes)).public_key
    finally:
        key.unlink()


def written(folder: Path, files: Mapping[str, bytes]) -> Path:
    """A folder with these files."""
    for name, data in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return folder
