"""Ed25519 keys and what is signed with them, in the formats of tools that people already have: minisign, OpenSSH,
openssl, and DSSE (in-toto). No file and no clock: where keys lie is for ``keys``, what a release signs for ``publish``.

The formats are those of https://jedisct1.github.io/minisign/#signature-format, of OpenSSH's ``PROTOCOL.sshsig``, and of
https://github.com/secure-systems-lab/dsse/blob/master/protocol.md. Ed25519 needs no random numbers to sign: the same
key and the same bytes give the same signature. What is signed begins otherwise in each format, so that a signature in
one is none in another.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)

from pipelines.files import json_of
from pipelines.settings import UnusableSettings

KEY_PREFIX = "ed25519:"
SIGNER = "hubpacks"
"""By what name OpenSSH's tool knows who signed."""
NAMESPACE = "file"
"""What OpenSSH's tool is told a signature is for; ``file`` is what its manual gives for files."""
STATEMENT_TYPE = "application/vnd.in-toto+json"

_KEY_BYTES, _SIGNATURE_BYTES, _ID_BYTES = 32, 64, 8
_SSH_TYPE = b"ssh-ed25519"
_SSH_LINE_CHARACTERS = 70
_SSH_BEGIN, _SSH_END = b"-----BEGIN SSH SIGNATURE-----\n", b"-----END SSH SIGNATURE-----\n"
_MINISIGN_HASHED = b"ED"
"""What begins a signature of a file's BLAKE2b hash; minisign's older form, of the file itself, begins otherwise."""
_MINISIGN_LINES = re.compile(rb"untrusted comment: [^\n]*\n([^\n]*)\ntrusted comment: ([^\n]*)\n([^\n]*)\n")
_PEM = re.compile(r"-----BEGIN ([A-Z0-9 ]+)-----.*?-----END \1-----", re.DOTALL)
_SSH_KEY = re.compile(r"ssh-ed25519 ([A-Za-z0-9+/=]+)")


class UnusableKey(UnusableSettings):
    """What should be a key is none that can be used. The message says why."""


class WrongSignature(ValueError):
    """A signature does not hold. The message, which follows the signature's name, says why."""


@dataclass(frozen=True)
class PublicKey:
    """A public key of 32 bytes, in the words of every tool."""

    raw: bytes

    @classmethod
    def of(cls, private: Ed25519PrivateKey) -> PublicKey:
        """The other half of ``private``."""
        return cls(private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw))

    @cached_property
    def id(self) -> str:
        """Its short name, 16 hexadecimal digits, as minisign shows it, which leaves out zeros that come first. Names it
        to people, and proves nothing.
        """
        return self._minisign_id[::-1].hex().upper()

    @property
    def text(self) -> str:
        """As registrations and manifests name it."""
        return KEY_PREFIX + _base64(self.raw)

    @property
    def minisign(self) -> str:
        """For ``minisign -P``."""
        return _base64(b"Ed" + self._minisign_id + self.raw)

    @property
    def minisign_file(self) -> str:
        """For ``minisign -p``."""
        return f"untrusted comment: minisign public key {self.id}\n{self.minisign}\n"

    @property
    def openssh(self) -> str:
        """As in OpenSSH's files of public keys."""
        return f"{_SSH_TYPE.decode()} {_base64(self._ssh_blob)}"

    @property
    def allowed_signers(self) -> str:
        """For ``ssh-keygen -Y verify -f``. Good for signatures of files alone, so that it opens nothing else."""
        return f'{SIGNER} namespaces="{NAMESPACE}" {self.openssh}\n'

    @property
    def fingerprint(self) -> str:
        """As OpenSSH shows it."""
        return "SHA256:" + _base64(hashlib.sha256(self._ssh_blob).digest()).rstrip("=")

    @property
    def pem(self) -> str:
        """For openssl."""
        return self._key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()

    def verify(self, signature: bytes, data: bytes) -> None:
        """Raises WrongSignature."""
        try:
            self._key.verify(signature, data)
        except InvalidSignature as error:
            raise WrongSignature(f"does not fit: the file was changed, or another key than {self.id} signed") from error

    @property
    def _key(self) -> Ed25519PublicKey:
        return Ed25519PublicKey.from_public_bytes(self.raw)

    @property
    def _minisign_id(self) -> bytes:
        # minisign's own are random; one that follows from the key is the same wherever the key is written anew.
        return hashlib.sha256(self.raw).digest()[:_ID_BYTES]

    @property
    def _ssh_blob(self) -> bytes:
        return _ssh(_SSH_TYPE) + _ssh(self.raw)


@dataclass(frozen=True)
class ReleaseKey:
    """A key that releases are signed with: ``since`` when, and when and why it was ``retired``, None while it is in
    use. ``is_stolen`` when somebody else may sign with it. Without ``since``, a key of which nothing else is known.
    """

    public: PublicKey
    since: datetime | None = None
    retired: datetime | None = None
    reason: str | None = None
    is_stolen: bool = False

    def to_dict(self) -> dict[str, Any]:
        """Plain types, in all forms that tools ask for."""
        return {
            "id": self.public.id,
            "state": "stolen" if self.is_stolen else "retired" if self.retired else "current",
            "since": self.since.isoformat() if self.since else None,
            "retired": self.retired.isoformat() if self.retired else None,
            "reason": self.reason,
            "ed25519": self.public.text,
            "minisign": self.public.minisign,
            "openssh": self.public.openssh,
            "fingerprint": self.public.fingerprint,
            "pem": self.public.pem,
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> ReleaseKey:
        """What ``to_dict`` made; one form of the key counts. Raises UnusableKey, KeyError, TypeError, ValueError."""
        public = PublicKey(_public_bytes(str(data["ed25519"])))
        since, retired = (moment(data[name]) if data[name] else None for name in ("since", "retired"))
        return cls(public, since, retired, data["reason"], data["state"] == "stolen")


def moment(text: str) -> datetime:
    """The moment that ``text`` says, as a release writes it. Raises ValueError, also where there is no time zone."""
    found = datetime.fromisoformat(text)
    if found.tzinfo is None:
        raise ValueError(f"{text} has no time zone")
    return found


# Keys that come from outside.


def read_private(data: bytes, name: str) -> Ed25519PrivateKey:
    """The private key in ``data``, PEM as openssl writes it. ``name`` is what messages call the place it comes from.

    Raises UnusableKey; no message repeats what was in there.
    """
    try:
        key = load_pem_private_key(data, None)
    except TypeError as error:
        raise UnusableKey(f"{name} has a password: name a key without one") from error
    except (ValueError, UnsupportedAlgorithm) as error:
        raise UnusableKey(f"{name} holds no private key in PEM") from error
    if not isinstance(key, Ed25519PrivateKey):
        raise UnusableKey(f"{name} is a key of another kind than Ed25519")
    return key


def private_pem(key: Ed25519PrivateKey) -> bytes:
    """As ``read_private`` reads it."""
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def read_public(text: str) -> list[ReleaseKey]:
    """The public keys that somebody gives, in any form in which one is published here: minisign's, OpenSSH's (also with
    whom it belongs to), PEM, ``ed25519:…``, or a whole ``keys.json``, which alone has more than one and says more of
    each. Raises UnusableKey.
    """
    text = text.strip()
    try:
        if text.startswith("{"):
            return [ReleaseKey.from_dict(entry) for entry in json_of(text)["keys"]]
        return [ReleaseKey(PublicKey(_public_bytes(text)))]
    except (ValueError, KeyError, TypeError, UnsupportedAlgorithm) as error:
        if isinstance(error, UnusableKey):
            raise
        raise UnusableKey("no Ed25519 public key of minisign, OpenSSH or openssl, and no keys.json") from error


def _public_bytes(text: str) -> bytes:
    """The 32 bytes of the key in ``text``. Raises UnusableKey, ValueError, UnsupportedAlgorithm."""
    if pem := _PEM.search(text):
        if "PRIVATE" in pem[1]:
            raise UnusableKey("a private key, where a public one belongs; keep it secret")
        key = load_pem_public_key(pem[0].encode())
        if not isinstance(key, Ed25519PublicKey):
            raise UnusableKey("a key of another kind than Ed25519")
        return key.public_bytes(Encoding.Raw, PublicFormat.Raw)
    if ssh := _SSH_KEY.search(text):
        return _cut(base64.b64decode(ssh[1], validate=True), _ssh(_SSH_TYPE) + struct.pack(">I", _KEY_BYTES))
    if text.startswith(KEY_PREFIX):
        return _cut(base64.b64decode(text.removeprefix(KEY_PREFIX), validate=True), b"")
    line = text.splitlines()[-1] if text else ""
    data = base64.b64decode(line.strip(), validate=True)
    # The id may be another than ours: minisign's own keys have random ones.
    return _cut(data[:2] + data[2 + _ID_BYTES :], b"Ed")


def _cut(data: bytes, head: bytes) -> bytes:
    """The key after ``head``. Raises ValueError when that is not all of ``data``."""
    if not data.startswith(head) or len(data) != len(head) + _KEY_BYTES:
        raise ValueError("of another length or kind")
    return data[len(head) :]


# Signatures. Each ``check_`` raises WrongSignature.


def raw_signature(key: Ed25519PrivateKey, data: bytes) -> bytes:
    """The 64 bytes of the signature and nothing else, for ``openssl pkeyutl -verify -rawin``."""
    return key.sign(data)


def check_raw(public: PublicKey, data: bytes, signature: bytes) -> None:
    """Hold a ``raw_signature`` against ``data``."""
    if len(signature) != _SIGNATURE_BYTES:
        raise WrongSignature(f"is no raw signature: it has {len(signature):,} bytes, not {_SIGNATURE_BYTES}")
    public.verify(signature, data)


def minisign_signature(key: Ed25519PrivateKey, data: bytes, comment: str) -> bytes:
    """For ``minisign -V``, which shows ``comment``: a line that is signed too. minisign puts the time there; whoever
    wants the same bytes again does not.
    """
    public = PublicKey.of(key)
    signature = key.sign(_prehashed(data))
    both = key.sign(signature + comment.encode())
    lines = [
        f"untrusted comment: signature with key {public.id}",
        _base64(_minisign_head(public) + signature),
        f"trusted comment: {comment}",
        _base64(both),
    ]
    return ("\n".join(lines) + "\n").encode()


def check_minisign(public: PublicKey, data: bytes, signature: bytes) -> str:
    """Hold a ``minisign_signature`` against ``data``. Its comment."""
    parts = _MINISIGN_LINES.fullmatch(signature)
    own, both = (_decoded(parts[1]), _decoded(parts[3])) if parts else (b"", b"")
    head = len(_MINISIGN_HASHED) + _ID_BYTES
    lengths = (head + _SIGNATURE_BYTES, _SIGNATURE_BYTES)
    if parts is None or not own.startswith(_MINISIGN_HASHED) or (len(own), len(both)) != lengths:
        raise WrongSignature("is no minisign signature of a hashed file")
    if own[:head] != _minisign_head(public):
        raise WrongSignature(f"is not made with key {public.id}")
    public.verify(own[head:], _prehashed(data))
    public.verify(both, own[head:] + parts[2])
    return parts[2].decode(errors="replace")


def ssh_signature(key: Ed25519PrivateKey, data: bytes) -> bytes:
    """For ``ssh-keygen -Y verify``, in the namespace ``file``."""
    head = _ssh_head(PublicKey.of(key))
    text = _base64(head + key.sign(_ssh_signed(data)))
    lines = [text[at : at + _SSH_LINE_CHARACTERS] for at in range(0, len(text), _SSH_LINE_CHARACTERS)]
    return _SSH_BEGIN + "".join(f"{line}\n" for line in lines).encode() + _SSH_END


def check_ssh(public: PublicKey, data: bytes, signature: bytes) -> None:
    """Hold an ``ssh_signature`` against ``data``."""
    if not (signature.startswith(_SSH_BEGIN) and signature.endswith(_SSH_END)):
        raise WrongSignature("is no OpenSSH signature")
    body = _decoded(signature[len(_SSH_BEGIN) : -len(_SSH_END)].replace(b"\n", b""))
    head = _ssh_head(public)
    if len(body) != len(head) + _SIGNATURE_BYTES:
        raise WrongSignature(f"is no OpenSSH signature of a file with an {_SSH_TYPE.decode()} key")
    if not body.startswith(head):
        raise WrongSignature(f"is not made with key {public.id} for a file")
    public.verify(body[len(head) :], _ssh_signed(data))


def signed_envelope(key: Ed25519PrivateKey, payload: bytes, payload_type: str) -> dict[str, Any]:
    """A DSSE envelope: ``payload`` and its signature in one JSON object."""
    signature = {"keyid": PublicKey.of(key).id, "sig": _base64(key.sign(_envelope_signed(payload, payload_type)))}
    return {"payload": _base64(payload), "payloadType": payload_type, "signatures": [signature]}


def check_envelope(public: PublicKey, envelope: bytes, payload_type: str) -> bytes:
    """The payload of a ``signed_envelope``."""
    try:
        data = json_of(envelope)
        payload, (entry,) = base64.b64decode(data["payload"], validate=True), data["signatures"]
        signature, stated = base64.b64decode(entry["sig"], validate=True), data["payloadType"]
    except (ValueError, KeyError, TypeError) as error:
        raise WrongSignature("is no DSSE envelope with one signature") from error
    if stated != payload_type:
        raise WrongSignature(f"is no envelope of {payload_type}")
    public.verify(signature, _envelope_signed(payload, payload_type))
    return payload


def _prehashed(data: bytes) -> bytes:
    return hashlib.blake2b(data).digest()


def _minisign_head(public: PublicKey) -> bytes:
    return _MINISIGN_HASHED + bytes.fromhex(public.id)[::-1]


def _ssh(data: bytes) -> bytes:
    """A string as SSH writes it: its length, then its bytes."""
    return struct.pack(">I", len(data)) + data


def _ssh_head(public: PublicKey) -> bytes:
    """All of an OpenSSH signature (version 1, SHA-512) but the 64 bytes at its end."""
    about = _ssh(public._ssh_blob) + _ssh(NAMESPACE.encode()) + _ssh(b"") + _ssh(b"sha512")
    length = len(_ssh(_SSH_TYPE)) + len(_ssh(bytes(_SIGNATURE_BYTES)))
    begun = struct.pack(">I", length) + _ssh(_SSH_TYPE) + struct.pack(">I", _SIGNATURE_BYTES)
    return b"SSHSIG" + struct.pack(">I", 1) + about + begun


def _ssh_signed(data: bytes) -> bytes:
    about = _ssh(NAMESPACE.encode()) + _ssh(b"") + _ssh(b"sha512")
    return b"SSHSIG" + about + _ssh(hashlib.sha512(data).digest())


def _envelope_signed(payload: bytes, payload_type: str) -> bytes:
    parts = (payload_type.encode(), payload)
    return b" ".join([b"DSSEv1", *(b"%d %s" % (len(part), part) for part in parts)])


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _decoded(text: bytes) -> bytes:
    """The bytes behind base64; none when it is something else, or written in another way than it would be here."""
    try:
        data = base64.b64decode(text, validate=True)
    except binascii.Error:
        return b""
    return data if base64.b64encode(data) == text else b""
