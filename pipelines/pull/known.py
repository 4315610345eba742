"""What a pull remembers of the one before, so that nothing is sent twice: ``store/validators/<hub>.json``.

It is written after the snapshot that it belongs to, and no more than a help: whoever deletes it loses nothing but one
saving.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from hubs.contract.records import canonical_json
from hubs.registration import Registration
from pipelines.files import Damaged, Stream, read_json, write_json
from pipelines.pull.base import MAX_VALIDATOR_CHARACTERS
from pipelines.store import Snapshot, Store

TRUSTED = timedelta(days=7)
"""So long servers are believed when they say that nothing has changed. Then everything is fetched again."""


class Nothing:
    """Nothing is known (``base.Known``)."""

    def validator(self, _place: str) -> Mapping[str, str]:
        return {}

    def keep(self, place: str, validator: Mapping[str, str]) -> None:
        pass

    def open(self, path: str) -> Stream:
        raise KeyError(path)


class Remembered:
    """What the last pull of ``address`` left in the store (``base.Known``).

    Nothing of it counts when the address or the way of reading is another, when the last whole fetch was long ago, or
    when the snapshot's bytes are not all there any more. Which rows mean what (``sources``) may change freely.
    """

    def __init__(self, store: Store, registration: Registration, address: str, now: datetime) -> None:
        self._store, self._hub, self._now = store, registration.id, now
        self._path = store.root / "validators" / f"{registration.id}.json"
        self._key = _key(registration, address)
        self._kept: dict[str, dict[str, str]] = {}
        self._is_used = False
        self._last = self._read()
        self._snapshot = self._whole_snapshot() if self._last else None
        self._files = {file.path: file for file in self._snapshot.files} if self._snapshot else {}

    def validator(self, place: str) -> Mapping[str, str]:
        if self._snapshot is None:
            return {}
        known: dict[str, str] = self._last["places"].get(_digest(place), {})
        return known

    def keep(self, place: str, validator: Mapping[str, str]) -> None:
        if validator and all(len(value) <= MAX_VALIDATOR_CHARACTERS for value in validator.values()):
            self._kept[_digest(place)] = dict(validator)

    def open(self, path: str) -> Stream:
        file = self._files[path]
        self._is_used = True
        return self._store.blob(file.sha256).open("rb")

    def snapshot(self) -> Snapshot:
        """The snapshot that the last pull ended with. Raises KeyError when nothing is known."""
        if self._snapshot is None:
            raise KeyError(self._hub)
        return self._snapshot

    def save(self, snapshot: Snapshot) -> None:
        """Remember this pull, which ended with ``snapshot``, in place of the one before."""
        if not self._kept and not self._last:
            return
        fetched = self._last["fetched"] if self._is_used else self._now.isoformat()
        data = {"key": self._key, "digest": snapshot.digest, "fetched": fetched, "places": self._kept}
        write_json(self._path, data)

    def _read(self) -> dict[str, Any]:
        try:
            data = read_json(self._path) or {}
            is_ours = data.get("key") == self._key
            # A fetch in the future comes of a clock that was wrong once, and would be trusted until then.
            is_trusted = is_ours and timedelta(0) <= self._now - datetime.fromisoformat(data["fetched"]) < TRUSTED
        except (Damaged, KeyError, ValueError, TypeError, AttributeError):
            return {}
        return data if is_trusted and _is_readable(data) else {}

    def _whole_snapshot(self) -> Snapshot | None:
        try:
            snapshot = self._store.snapshot(self._hub, self._last["digest"])
            sizes = [self._store.blob(file.sha256).stat().st_size for file in snapshot.files]
        except (OSError, Damaged):
            return None
        return snapshot if sizes == [file.bytes for file in snapshot.files] else None


def _is_readable(data: dict[str, Any]) -> bool:
    """Whether what a hand may have changed still has the shape in which it was written."""
    digest, places = data.get("digest"), data.get("places")
    return isinstance(digest, str) and isinstance(places, dict) and all(isinstance(v, dict) for v in places.values())


def _key(registration: Registration, address: str) -> str:
    """Digest of where and how the feed is had. Digests, since an address may have a secret in its query."""
    paging = registration.paging.model_dump() if registration.paging else None
    ways = [paging, registration.endpoint, registration.secret, registration.public_key, registration.needs_git_dates]
    return _digest(canonical_json([address, *ways]))


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()
