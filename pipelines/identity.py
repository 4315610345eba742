"""Which record of today's feed is which of yesterday's, and under which id it is published.

A record is known by what it says, not by what its hub calls it today: unchanged content keeps its public id, whatever
the hub does to its own ids, and a public id is never given to another record. Pure: traits in, ids out. Whether a
change is dangerous is for ``breaker`` to say.
"""

from __future__ import annotations

import re
import struct
import unicodedata
import zlib
from base64 import b64decode, b64encode
from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from heapq import nsmallest
from typing import Any

from hubs.contract.records import Record

SKETCH_SIZE = 32
"""Hashes kept of a text: its share of another's words is then known to within some 7 points."""
SHINGLE_WORDS = 3
MAX_WORDS = 5_000
"""Of a text so many words are looked at; the longest records have 30,000."""
NEAR = 0.8
"""From this share of shingles in common on, two texts are one that was edited."""
NEAR_SHINGLES = 8
"""A text of fewer shingles is too short to be known by resemblance."""
EQUAL_SHINGLES = 3
"""A text of fewer, such as 'Yes.', is too short to be known by itself at all."""
MAX_ALIKE = 32
"""A hash that more texts have is of a phrase that the hub always uses, and tells nothing."""
MAX_ID_CHARACTERS = 120


@dataclass(frozen=True, slots=True)
class Trait:
    """By what a record is known again.

    ``fingerprint`` is ``Record.fingerprint``; ``heading`` its words without case and marks. ``sketch`` are the smallest
    hashes (32 bits, ascending, at most ``SKETCH_SIZE``) of the shingles of all that it says beside its heading: fewer
    than that are all there are.
    """

    kind: str
    language: str
    fingerprint: str
    heading: str
    sketch: tuple[int, ...]

    @property
    def content(self) -> tuple[str, str, str]:
        """Equal for records that say the same."""
        return self.kind, self.language, self.fingerprint

    def to_dict(self) -> dict[str, Any]:
        """Plain types, for storing."""
        packed = struct.pack(f">{len(self.sketch)}I", *self.sketch)
        return {
            "kind": self.kind,
            "language": self.language,
            "fingerprint": self.fingerprint,
            "heading": self.heading,
            "sketch": b64encode(packed).decode(),
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Trait:
        """The trait that ``to_dict`` wrote."""
        packed = b64decode(data["sketch"])
        sketch = struct.unpack(f">{len(packed) // 4}I", packed)
        return cls(data["kind"], data["language"], data["fingerprint"], data["heading"], sketch)


def trait_of(record: Record) -> Trait:
    """By what ``record`` is known again."""
    document = record.document
    heading = " ".join(_words(document.heading))
    text = document.reading.removeprefix(document.heading)
    return Trait(record.kind, document.language, record.fingerprint, heading, _sketch(text))


def traits_of(records: Iterable[Record]) -> dict[str, Trait]:
    """The traits of a hub's records by local id."""
    return {record.document.id: trait_of(record) for record in records}


def resemblance(one: Trait, other: Trait) -> float:
    """The share of shingles that two texts have in common (Jaccard, 0 to 1), as their sketches estimate it."""
    a, b = set(one.sketch), set(other.sketch)
    smallest = nsmallest(SKETCH_SIZE, a | b)
    return sum(value in a and value in b for value in smallest) / len(smallest) if smallest else 0.0


def _words(text: str) -> list[str]:
    return re.findall(r"\w+", unicodedata.normalize("NFKC", text).casefold())


def _sketch(text: str) -> tuple[int, ...]:
    words = _words(text)[:MAX_WORDS]
    last = max(len(words) - SHINGLE_WORDS, 0) if words else -1
    shingles = {" ".join(words[start : start + SHINGLE_WORDS]) for start in range(last + 1)}
    # A checksum is spread evenly enough, and ten times as quick as a digest.
    return tuple(nsmallest(SKETCH_SIZE, {zlib.crc32(shingle.encode()) for shingle in shingles}))


# Which is which.


def match(before: Mapping[str, Trait], after: Mapping[str, Trait]) -> dict[str, str]:
    """For each id of ``after`` that has one, the id of ``before`` under which the same record was known.

    What says the same comes first, at its own id or elsewhere (of several that say the same those that kept their id,
    then in the order of ids). Then an edited record at its own id, if it still resembles what stood there; then one
    whose heading or text nobody else has, or that resembles another most. What is left at the same id is the same
    record, rewritten.
    """
    old = _Known({id: id for id in before}, before)
    pairs = _Pairs(after)
    pairs.of_equal(old)
    pairs.of_edited(old)
    pairs.of_moved(old)
    pairs.of_rewritten(old)
    return pairs.found


class _Known:
    """Records that are known, by the id at which each is looked for first; ``names`` are what matches are told as."""

    def __init__(self, names: Mapping[str, str], traits: Mapping[str, Trait]) -> None:
        self.names = names
        self.left = dict(traits)
        self.once = _once(traits)


class _Pairs:
    """Today's records and what they were found to be. Each stage pairs some of those that earlier ones left."""

    def __init__(self, traits: Mapping[str, Trait]) -> None:
        self.left = dict(traits)
        self.once = _once(traits)
        self.found: dict[str, str] = {}

    def of_equal(self, old: _Known) -> None:
        """Those that say exactly the same."""
        self._pair(old, [id for id in self._shared(old) if old.left[id].content == self.left[id].content])
        waiting = defaultdict(list)
        for id in sorted(old.left, reverse=True):
            waiting[old.left[id].content].append(id)
        pairs = [(id, waiting[trait.content]) for id, trait in sorted(self.left.items())]
        self._pair(old, {id: places.pop() for id, places in pairs if places})

    def of_edited(self, old: _Known) -> None:
        """Those at their own id that resemble what stood there."""
        self._pair(old, [id for id in self._shared(old) if self._is_edited(old, old.left[id], self.left[id])])

    def of_moved(self, old: _Known) -> None:
        """Those at another id that have a heading or a text which is nobody else's, or resemble another most."""
        for key in (_heading, _text):
            places = {key(trait): id for id, trait in old.left.items() if key(trait) in old.once}
            keys = {id: key(trait) for id, trait in self.left.items()}
            self._pair(old, {id: places[k] for id, k in keys.items() if k in places and k in self.once})
        self._pair(old, _nearest(old.left, self.left))

    def of_rewritten(self, old: _Known) -> None:
        """Those at their own id, whatever they say."""
        self._pair(old, self._shared(old))

    def _is_edited(self, old: _Known, one: Trait, other: Trait) -> bool:
        key = _heading(one)
        if key is not None and key == _heading(other) and key in old.once and key in self.once:
            return True
        return _shelf(one) == _shelf(other) and _is_near(one, other)

    def _shared(self, old: _Known) -> list[str]:
        return sorted(self.left.keys() & old.left.keys())

    def _pair(self, old: _Known, pairs: Mapping[str, str] | list[str]) -> None:
        for id, place in (pairs if isinstance(pairs, Mapping) else {id: id for id in pairs}).items():
            self.found[id] = old.names[place]
            del self.left[id], old.left[place]


_Key = tuple[Hashable, ...] | None


def _shelf(trait: Trait) -> tuple[str, str]:
    return trait.kind, trait.language


def _heading(trait: Trait) -> _Key:
    return ("heading", *_shelf(trait), trait.heading) if trait.heading else None


def _text(trait: Trait) -> _Key:
    return ("text", *_shelf(trait), trait.sketch) if len(trait.sketch) >= EQUAL_SHINGLES else None


_KEYS: tuple[Callable[[Trait], _Key], ...] = (_heading, _text)


def _once(traits: Mapping[str, Trait]) -> set[_Key]:
    """The headings and texts that exactly one of ``traits`` has."""
    counts = Counter(key(trait) for trait in traits.values() for key in _KEYS)
    return {key for key, n in counts.items() if n == 1 and key is not None}


def _is_near(one: Trait, other: Trait) -> bool:
    return min(len(one.sketch), len(other.sketch)) >= NEAR_SHINGLES and resemblance(one, other) >= NEAR


def _nearest(old: Mapping[str, Trait], new: Mapping[str, Trait]) -> dict[str, str]:
    """For each id of ``new`` the one of ``old`` that it resembles most, the nearest pairs first, each in one pair.

    Only texts that share a hash are compared, and of hashes that many texts have none: the work grows with the number
    of texts, not with its square.
    """
    holders = defaultdict(list)
    for id in sorted(old):
        for value in old[id].sketch:
            holders[*_shelf(old[id]), value].append(id)
    found = []
    for id, trait in new.items():
        shared = (holders.get((*_shelf(trait), value), ()) for value in trait.sketch)
        candidates = {place for places in shared if len(places) <= MAX_ALIKE for place in places}
        found += [(-resemblance(old[p], trait), p, id) for p in candidates if _is_near(old[p], trait)]
    pairs: dict[str, str] = {}
    taken = set()
    for _, place, id in sorted(found):
        if id not in pairs and place not in taken:
            pairs[id] = place
            taken.add(place)
    return pairs


# Public ids.


@dataclass(frozen=True, slots=True)
class Entry:
    """A record that was in use: as what it was last, under which id of the hub's own, and whether it still is."""

    local: str
    is_present: bool
    trait: Trait


@dataclass(frozen=True)
class PublicIds:
    """Every record of one hub that was ever in use, by its public id (without the hub). None is removed.

    ``aliases`` are the ids of the hub's own that are another's in public, each with the public id of the record that
    it was last known as. ``feed`` is the key of the feed that is present; empty before the first.
    """

    entries: Mapping[str, Entry] = field(default_factory=dict)
    aliases: Mapping[str, str] = field(default_factory=dict)
    feed: tuple[str, ...] = ()

    def public(self, local: str) -> str:
        """The public id of the record that the hub calls ``local``, or last called so; ``local`` if there is none."""
        return self.aliases.get(local, local)

    @cached_property
    def present(self) -> dict[str, str]:
        """The public ids of the records in the feed that is present, by the ids they have there."""
        return {entry.local: id for id, entry in self.entries.items() if entry.is_present}

    @cached_property
    def gone(self) -> dict[str, str]:
        """Those of all others, by the ids they had last. Of several with the same one, the one numbered last has it."""
        gone = (id for id, entry in self.entries.items() if not entry.is_present)
        return {self.entries[id].local: id for id in sorted(gone, key=lambda public: (len(public), public))}

    def to_dict(self) -> dict[str, Any]:
        """Plain types, for storing."""
        entries = {
            id: {"local": entry.local, "is_present": entry.is_present} | entry.trait.to_dict()
            for id, entry in self.entries.items()
        }
        return {"entries": entries, "aliases": dict(self.aliases), "feed": list(self.feed)}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> PublicIds:
        """The ids that ``to_dict`` wrote."""
        entries = {id: Entry(e["local"], e["is_present"], Trait.from_dict(e)) for id, e in data["entries"].items()}
        return cls(entries, data["aliases"], tuple(data["feed"]))


def assign(known: PublicIds, traits: Mapping[str, Trait]) -> dict[str, str]:
    """The public id (without its hub) of each record of a feed, by the id that the feed gives it; no two are equal.

    A record that was in use keeps its public id, also under another id of its own, and gets it back when it returns:
    saying the same, or at the same id and resembling what it said. Any other record gets its own id, or, where that was
    ever another's, the id with a number from 2 on.
    """
    here, gone = _known(known, is_present=True), _known(known, is_present=False)
    pairs = _Pairs(traits)
    pairs.of_equal(here)
    pairs.of_equal(gone)
    pairs.of_edited(here)
    pairs.of_edited(gone)
    pairs.of_moved(here)
    pairs.of_rewritten(here)
    taken = set(known.entries)
    given = pairs.found
    for id in sorted(pairs.left, key=lambda local: (local in taken, local)):  # no number takes an id
        given[id] = _free(id, taken)
        taken.add(given[id])
    return {id: given[id] for id in traits}


def _known(known: PublicIds, *, is_present: bool) -> _Known:
    places = known.present if is_present else known.gone
    names = {id: place for place, id in places.items()}
    entries = {id: entry for id, entry in known.entries.items() if entry.is_present == is_present}
    # Where another has the id that a record had, it is at none: no id has a space.
    at = {names.get(id, f"{id} (gone)"): id for id in entries}
    return _Known(at, {place: entries[id].trait for place, id in at.items()})


def _free(id: str, taken: set[str]) -> str:
    number, free = 1, id
    while free in taken:
        number += 1
        suffix = f"-{number}"
        free = f"{id[: MAX_ID_CHARACTERS - len(suffix)]}{suffix}"
    return free


def update(known: PublicIds, traits: Mapping[str, Trait], feed: tuple[str, ...] = ()) -> PublicIds:
    """The ids once the feed with the key ``feed`` is present: its records are as ``assign`` says. What it no longer has
    is gone.
    """
    assigned = assign(known, traits)
    entries = {id: replace(entry, is_present=False) for id, entry in known.entries.items()}
    entries |= {public: Entry(local, True, traits[local]) for local, public in assigned.items()}
    names = {**known.aliases, **assigned}
    return PublicIds(entries, {local: public for local, public in names.items() if local != public}, feed)
