"""Who made a release: its signatures, the statement of what it was made from, the keys that belong to them, and whether
all that holds.

``SHA256SUMS`` lists every file but itself and these. Its three signatures say the same in the formats of three tools.
The statement is an in-toto Statement v1 with SLSA provenance v1 as its predicate, in a signed envelope, as tools for
supply chains read it; it says nothing that ``release.json`` and ``provenance.json`` do not say to people. The formats
themselves are in ``pipelines.signatures``; which key signs is decided in ``pipelines.keys``.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from hubs.contract.records import canonical_json
from pipelines.files import Damaged, json_of
from pipelines.publish import writers
from pipelines.signatures import (
    STATEMENT_TYPE,
    PublicKey,
    ReleaseKey,
    UnusableKey,
    WrongSignature,
    check_envelope,
    check_minisign,
    check_raw,
    check_ssh,
    minisign_signature,
    moment,
    raw_signature,
    read_public,
    signed_envelope,
    ssh_signature,
)

MANIFEST = "release.json"
SUMS = "SHA256SUMS"
MINISIGN, SSH, RAW = f"{SUMS}.minisig", f"{SUMS}.sshsig", f"{SUMS}.sig"
STATEMENT = "provenance.intoto.jsonl"
SIGNATURES = (MINISIGN, SSH, RAW)
UNLISTED = (SUMS, *SIGNATURES, STATEMENT)
"""What cannot stand in ``SHA256SUMS``, because it is made from it."""

KEYS = "keys/keys.json"
KEY_FILES: Mapping[str, Callable[[PublicKey], str]] = {
    "keys/minisign.pub": lambda key: key.minisign_file,
    "keys/allowed_signers": lambda key: key.allowed_signers,
    "keys/openssl.pem": lambda key: key.pem,
}
"""The key that signs, as each tool wants it."""
_SUMS_LINE = re.compile(r"([0-9a-f]{64})  (.+)")
_MAX_BYTES = 1 << 20
"""What no checksum covers is not read without end."""

_STATEMENT = "https://in-toto.io/Statement/v1"
_PREDICATE = "https://slsa.dev/provenance/v1"
_BUILD = "urn:x-hubpacks:release:1"
"""What is built and how to read the parameters: this module, in this version."""


def write_keys(folder: Path, release: str, keys: Sequence[ReleaseKey]) -> None:
    """Write into ``folder``, which is to be ``release``, all ``keys`` that releases were ever signed with, the current
    one first (of ``keys`` it is the last), and that one for each tool.
    """
    signs = keys[-1].public
    data = {"release": release, "signed_by": signs.id, "keys": [key.to_dict() for key in reversed(keys)]}
    (folder / KEYS).parent.mkdir(exist_ok=True)
    (folder / KEYS).write_bytes(writers.json_bytes(data))
    for name, form in KEY_FILES.items():
        (folder / name).write_text(form(signs), encoding="utf-8")


def sign_release(folder: Path, key: Ed25519PrivateKey) -> None:
    """Write the signatures and the statement of the release in ``folder``, which is complete. The same release and key
    give the same bytes: no moment of their own is in them.
    """
    sums = (folder / SUMS).read_bytes()
    manifest = json_of((folder / MANIFEST).read_bytes())
    for name, signature in three_signatures(key, sums, _comment(manifest)).items():
        (folder / name).write_bytes(signature)
    envelope = signed_envelope(key, _statement(folder), STATEMENT_TYPE)
    (folder / STATEMENT).write_text(canonical_json(envelope) + "\n", encoding="utf-8")


def three_signatures(key: Ed25519PrivateKey, sums: bytes, comment: str) -> dict[str, bytes]:
    """The signatures of ``sums`` by the name of their files; minisign's says ``comment``."""
    return {
        MINISIGN: minisign_signature(key, sums, comment),
        SSH: ssh_signature(key, sums),
        RAW: raw_signature(key, sums),
    }


def sums_bytes(digests: Mapping[str, str]) -> bytes:
    """``SHA256SUMS`` of files whose SHA-256 by path is ``digests``."""
    return "".join(f"{digest}  {name}\n" for name, digest in sorted(digests.items())).encode()


def read_sums(folder: Path) -> dict[str, str]:
    """The SHA-256 of each file by its path, as the release in ``folder`` lists them. Raises OSError and ValueError."""
    return sums_of((folder / SUMS).read_text(encoding="utf-8"))


def published_bytes(release: Path, name: str, sums: Mapping[str, str]) -> bytes:
    """The bytes of the file ``name`` in the folder ``release``, which are what its ``sums`` say: read once, so that
    nobody can exchange them in between. Raises OSError, and files.Damaged when they are others.
    """
    path = release / name
    if not path.is_file():
        raise Damaged(path)
    data = path.read_bytes()
    if hashlib.sha256(data).hexdigest() != sums.get(name):
        raise Damaged(path)
    return data


def sums_of(text: str) -> dict[str, str]:
    """The SHA-256 of each file by its path, as the ``text`` of a ``SHA256SUMS`` lists them. Raises ValueError."""
    sums = {}
    for line in text.splitlines():
        match = _SUMS_LINE.fullmatch(line)
        if match is None:
            raise ValueError(f"{SUMS}: not a line of checksums: {line[:80]}")
        sums[match[2]] = match[1]
    return sums


def published_keys(folder: Path) -> list[ReleaseKey]:
    """The keys that the release in ``folder`` lists, the one that signs it first. Raises UnusableKey and OSError."""
    return read_keys(_small(folder / KEYS))


def read_keys(data: bytes) -> list[ReleaseKey]:
    """The keys that the bytes of ``keys/keys.json`` list, the one that signs first. Raises UnusableKey."""
    keys = read_public(data.decode(errors="replace"))
    if not keys:
        raise UnusableKey("no key in it")
    return keys


def signing_key_of(folder: Path) -> ReleaseKey | None:
    """The key that the release in ``folder`` says that it is signed with, whether that is so or not; None when it does
    not say.
    """
    try:
        return published_keys(folder)[0]
    except (OSError, UnusableKey):
        return None


def wrong_signatures(folder: Path, trusted: Sequence[ReleaseKey] = ()) -> list[str]:
    """What is wrong with signatures, statement and keys of the release in ``folder``, in words. Without ``trusted``, it
    is held against the key that it names itself; with them, that has to be one of them, and good at that time.
    """
    try:
        signs = published_keys(folder)[0]
        manifest = json_of((folder / MANIFEST).read_bytes())
        published = moment(manifest["published"])
        signed_by = manifest["signed_by"]
    except FileNotFoundError as error:
        return [f"the release is not signed: there is no {Path(error.filename).relative_to(folder)}"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        return [f"it cannot be said who signed the release: {KEYS} or release.json: {error}"]
    problems = [] if signed_by == signs.public.text else [f"release.json names another key than {KEYS}"]
    problems += [
        f"{name} is not key {signs.public.id} of {KEYS}"
        for name, form in KEY_FILES.items()
        if not (folder / name).is_file() or (folder / name).read_bytes() != form(signs.public).encode()
    ]
    problems += [*_wrong(folder, signs.public, manifest)]
    return problems + (distrusted(signs.public, published, trusted) if trusted else [])


def _wrong(folder: Path, public: PublicKey, manifest: Mapping[str, Any]) -> Iterator[str]:
    try:
        sums = (folder / SUMS).read_bytes()
        stated = _statement(folder)
    except (OSError, ValueError, KeyError, TypeError) as error:
        yield f"what was signed cannot be read: {error}"
        return

    def statement(envelope: bytes) -> None:
        if check_envelope(public, envelope, STATEMENT_TYPE) != stated:
            raise WrongSignature(f"says something else than {SUMS}, release.json and provenance.json")

    for name, check in {**_checks(public, sums, _comment(manifest)), STATEMENT: statement}.items():
        try:
            check(_small(folder / name))
        except FileNotFoundError:
            yield f"{name} is missing"
        except OSError as error:
            yield f"{name} cannot be read: {error.strerror}"
        except WrongSignature as problem:
            yield f"{name} {problem}"


def wrong_three(public: PublicKey, files: Mapping[str, bytes], comment: str) -> list[str]:
    """What is wrong with the three signatures of ``SHA256SUMS`` among ``files``, in words."""
    problems = []
    for name, check in _checks(public, files.get(SUMS, b""), comment).items():
        try:
            check(files[name])
        except KeyError:
            problems.append(f"{name} is missing")
        except WrongSignature as problem:
            problems.append(f"{name} {problem}")
    return problems


def _checks(public: PublicKey, sums: bytes, comment: str) -> dict[str, Callable[[bytes], None]]:
    """How each signature of ``sums`` is checked. What is wrong is raised as WrongSignature."""

    def minisign(signature: bytes) -> None:
        if check_minisign(public, sums, signature) != comment:
            raise WrongSignature("is of another release")

    return {
        MINISIGN: minisign,
        SSH: lambda signature: check_ssh(public, sums, signature),
        RAW: lambda signature: check_raw(public, sums, signature),
    }


def distrusted(public: PublicKey, published: datetime, trusted: Sequence[ReleaseKey]) -> list[str]:
    """Why those who trust ``trusted`` should not trust what is signed with ``public``; nothing when they may."""
    key = next((key for key in trusted if key.public == public), None)
    if key is None:
        names = ", ".join(key.public.id for key in trusted)
        return [f"signed with key {public.id}, which is unknown: you trust {names}"]
    if key.is_stolen:
        return [f"signed with key {public.id}, which was stolen: compare the release with a copy from another place"]
    if key.retired and published > key.retired:
        return [f"signed with key {public.id}, which was retired on {key.retired:%-d %B %Y}, before the release"]
    return []


def _comment(manifest: Mapping[str, Any]) -> str:
    """What minisign says of who signed what. Its usual content, the time of signing, would be another each time."""
    return f"hubpacks release {manifest['id']}, published {manifest['published']}"


def _statement(folder: Path) -> bytes:
    """The in-toto statement about the release in ``folder``, worked out from its files alone. ``SHA256SUMS`` stands for
    all of them. The digest of an input is that of a snapshot: the SHA-256 of the list of its files.

    Raises OSError, ValueError, KeyError and TypeError when the release is of another shape.
    """
    manifest, told = (json_of((folder / name).read_bytes()) for name in (MANIFEST, "provenance.json"))
    inputs = [
        {
            "name": hub["id"],
            "digest": {"sha256": hub["snapshot"]},
            "annotations": {name: hub[name] for name in ("rules", "rules_key", "fetched")},
        }
        for hub in told["hubs"]
    ]
    statement = {
        "_type": _STATEMENT,
        "subject": [{"name": SUMS, "digest": {"sha256": hashlib.sha256((folder / SUMS).read_bytes()).hexdigest()}}],
        "predicateType": _PREDICATE,
        "predicate": {
            "buildDefinition": {
                "buildType": _BUILD,
                "externalParameters": {
                    "release": manifest["id"],
                    "previous": manifest["previous"],
                    "contract": manifest["contract"],
                    "rules": manifest["rules"],
                    "policy": told["policy"]["sha256"],
                },
                "resolvedDependencies": inputs,
            },
            "runDetails": {
                "builder": {
                    "id": f"urn:x-hubpacks:key:{manifest['signed_by']}",
                    "version": {"hubpacks": manifest["code_version"]},
                },
                "metadata": {"invocationId": manifest["id"], "startedOn": manifest["published"]},
            },
        },
    }
    return canonical_json(statement).encode()


def _small(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(_MAX_BYTES)
