"""The key that releases are signed with: where the private half comes from, and the list of all keys there ever were.

A setting names the private key, or the store has one: ``keys/signing.pem``, made when the first release is signed, for
its owner alone. ``keys/keys.json`` lists the public halves, the current one last. What the list says counts: a private
key that is not the current one signs nothing, so that a slip in the settings changes no key. Changing it is ``rotate``.

How keys and signatures are written is for ``signatures``, what a release says of them for ``publish``.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from pipelines.files import reading, write_bytes, write_json
from pipelines.settings import SecretKey, UnusableSettings
from pipelines.signatures import PublicKey, ReleaseKey, private_pem, read_private

MAX_KEY_BYTES = 65_536
"""More than any key has. A device or a log named by mistake is not read to its end."""
_OWNER_ONLY, _OWNER_ONLY_FOLDER = 0o600, 0o700
_LABEL = "PRIVATE KEY"
_PEM_LINES = f"-----BEGIN {_LABEL}-----\n{{}}\n-----END {_LABEL}-----\n"


class KeyRefused(UnusableSettings):
    """Nothing was signed or changed, because the key is not the one it should be. The message says what to do."""


@dataclass(frozen=True)
class Signer:
    """What signs a release: the private key, and all public ones, that of ``private`` last. ``is_new`` when it was made
    just now.
    """

    private: Ed25519PrivateKey = field(repr=False)
    keys: tuple[ReleaseKey, ...]
    is_new: bool = False

    @property
    def public(self) -> PublicKey:
        """The current key."""
        return self.keys[-1].public


class Keys:
    """The keys that are kept in ``folder``, and the private one that a setting has ``given``, if any.

    Whoever signs or rotates holds the store's lock of ``release``.
    """

    def __init__(self, folder: Path, given: SecretKey | None = None) -> None:
        self.folder, self._given = folder, given

    @property
    def private_path(self) -> Path:
        """Where the private key is, unless a setting gives one."""
        return self.folder / "signing.pem"

    def known(self) -> tuple[ReleaseKey, ...]:
        """All keys, the current one last; none before the first release. Raises files.Damaged."""
        try:
            with reading(self._list_path) as data:
                return tuple(ReleaseKey.from_dict(entry) for entry in data["keys"])
        except FileNotFoundError:
            return ()

    def signer(self, now: datetime, published: PublicKey | None) -> Signer:
        """What signs a release made at ``now``, when the one before it was signed with ``published`` (None when it was
        not signed, or there is none). Makes a key when there has never been one.

        Raises KeyRefused, UnusableKey, files.Damaged, OSError.
        """
        known = self.known()
        if published is not None and published not in {key.public for key in known}:
            raise KeyRefused(
                f"the releases here are signed with key {published.id}, of which {self.folder} knows nothing: restore "
                "that folder from a copy; or, if the key is lost, run hubpacks key rotate to go on with another"
            )
        private, is_new = self._private(known), False
        if private is None and known:
            raise KeyRefused(
                f"{self.private_path} is not there, the private key of {known[-1].public.id}: restore it from a copy; "
                "or, if it is lost, run hubpacks key rotate to go on with another"
            )
        if private is None:
            private, is_new = Ed25519PrivateKey.generate(), True
            self._write(self.private_path, private)
        public = PublicKey.of(private)
        if not known:
            known = (ReleaseKey(public, now),)
            self._write_list(known)
        if public != known[-1].public:
            raise KeyRefused(
                f"{self._place} is key {public.id}, and releases are signed with {known[-1].public.id}: name that one; "
                "or, to change the key, run hubpacks key rotate"
            )
        return Signer(private, known, is_new)

    def rotate(self, now: datetime, recovered: Sequence[ReleaseKey], *, reason: str, is_stolen: bool) -> ReleaseKey:
        """Retire the current key at ``now`` and go on with the one that a setting gives, else with a new one, whose
        private half takes the place of the old one. The new current key.

        When the list is lost, ``recovered``, that of the latest release, stands for it. Whenever this is killed, the
        old key is current or the new one is. Raises KeyRefused, UnusableKey, files.Damaged, OSError.
        """
        known = self.known() or tuple(recovered)
        if not known:
            raise KeyRefused("there is no key yet: the first release makes one, or name one in the settings")
        if now < known[-1].since:
            raise KeyRefused(
                f"the clock says {now:%-d %B %Y}, and the key of today is in use since {known[-1].since:%-d %B %Y}: set "
                "the clock"
            )
        private = self._read_given() or Ed25519PrivateKey.generate()
        new = ReleaseKey(PublicKey.of(private), now)
        if new.public in {key.public for key in known}:
            raise KeyRefused(
                f"{self._place} is still key {new.public.id}, and no key is used twice: put the new one there first"
            )
        if self._given is None:
            self._write(self._next_path, private)
        old = replace(known[-1], retired=now, reason=reason, is_stolen=is_stolen)
        self._write_list((*known[:-1], old, new))
        if self._given is None:
            self._next_path.replace(self.private_path)
        return new

    @property
    def _list_path(self) -> Path:
        return self.folder / "keys.json"

    @property
    def _next_path(self) -> Path:
        return self.folder / "next.pem"

    @property
    def _place(self) -> str:
        return self._given.name if self._given else str(self.private_path)

    def _private(self, known: Sequence[ReleaseKey]) -> Ed25519PrivateKey | None:
        """The private key as it is given or kept; None when there is none."""
        if self._given is not None:
            return self._read_given()
        if known and self._next_path.exists():
            # A rotation was killed: after its new list was written, or before that, and then it does not count.
            private = read_private(self._next_path.read_bytes(), str(self._next_path))
            if PublicKey.of(private) == known[-1].public:
                self._next_path.replace(self.private_path)
        return _read_file(self.private_path) if self.private_path.exists() else None

    def _read_given(self) -> Ed25519PrivateKey | None:
        if self._given is None:
            return None
        if isinstance(self._given.key, Path):
            return _read_file(self._given.key)
        # Files of variables have no lines within a value: the middle one of the three of a PEM will do.
        text = self._given.key.strip()
        return read_private((text if text.startswith("-") else _PEM_LINES.format(text)).encode(), self._given.name)

    def _write(self, path: Path, private: Ed25519PrivateKey) -> None:
        self.folder.mkdir(mode=_OWNER_ONLY_FOLDER, parents=True, exist_ok=True)
        write_bytes(path, private_pem(private), _OWNER_ONLY)

    def _write_list(self, keys: Sequence[ReleaseKey]) -> None:
        self.folder.mkdir(mode=_OWNER_ONLY_FOLDER, parents=True, exist_ok=True)
        write_json(self._list_path, {"keys": [key.to_dict() for key in keys]})


def _read_file(path: Path) -> Ed25519PrivateKey:
    """The private key in the file ``path``. Raises UnusableKey, KeyRefused when everybody may read it, and OSError."""
    with path.open("rb") as file:
        if os.fstat(file.fileno()).st_mode & stat.S_IROTH:
            raise KeyRefused(
                f"everybody on this machine may read {path}: if nobody else can have, run chmod 600 on it; otherwise "
                "take another key"
            )
        return read_private(file.read(MAX_KEY_BYTES), str(path))
