"""Consolidate: make one library of all hubs' accepted documents.

Identical records become one with credit to every hub, near-copies are linked, language pairs are kept together, each
record gets a stable address, personal contact details are masked. What a record may be was decided before; how it looks
is decided in ``publish``.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass, replace

from hubs.contract.kinds import document_kinds
from hubs.contract.personal import masked
from hubs.contract.records import Record
from hubs.contract.vocabularies import vocabulary
from hubs.mapping.text import cut, plain
from pipelines.edition import LibraryRecord, Origin, Pack, Related, audiences_of
from pipelines.likeness import Likeness

MERGE_SIMILARITY = 0.95
"""From this share of shingles in common two texts are the same record with a slip corrected."""
LINK_SIMILARITY = 0.5
"""From here on two texts tell readers the same story, and each says so."""
MAX_RELATED = 10
"""Near copies named on a record's page; a text that everybody repeats has hundreds."""
_SLUG_CHARACTERS = 80
_NOT_SLUGS = {"index", "con", "prn", "aux", "nul"} | {f"{port}{n}" for port in ("com", "lpt") for n in range(1, 10)}
"""Names that a folder's own page has, and that Windows keeps for itself: a release is also read from a zip."""
ABSTRACT_CHARACTERS = 200


@dataclass(frozen=True)
class HubRecords:
    """The accepted documents of one hub and the digest of the snapshot they came from."""

    hub: str
    snapshot: str
    records: tuple[Record, ...]


def consolidate(
    feeds: Iterable[HubRecords], slugs: Mapping[str, str], became: Mapping[str, str] | None = None
) -> dict[str, LibraryRecord]:
    """The library by canonical id, sorted. ``slugs`` are the addresses given in earlier releases, by id: they hold.
    ``became`` says which record each merged one was last a part of: when that one goes, what was merged into it has its
    address, since readers find there what they found before.
    """
    snapshots = {}
    records: dict[str, Record] = {}
    for feed in sorted(feeds, key=lambda feed: feed.hub):
        snapshots[feed.hub] = feed.snapshot
        records |= {record.id: record for record in feed.records}
    order = sorted(records, key=lambda name: (name not in slugs, _age(records[name]), name))
    survivor, near = _settle(records, order)
    kept = [id for id in sorted(records) if survivor[id] == id]
    merged = _merged(survivor)
    related = _related(near)
    addresses = _addresses([records[id] for id in kept], slugs, became or {})
    translations = _translations(records, survivor)
    return {
        id: LibraryRecord(
            record=records[id],
            slug=addresses[id],
            text=masked(records[id].document.text),
            abstract=masked(_abstract(records[id])),
            snapshot=snapshots[records[id].hub],
            credits=_credits(records[id].hub, (records[other].hub for other in merged[id])),
            merged=tuple(merged[id]),
            related=tuple(related[id]),
            translations=translations.get(id, {}),
            further_texts=_further_texts(records[id]),
            merged_from={other: Origin.of(records[other]) for other in merged[id]},
        )
        for id in kept
    }


def possible_packs() -> list[Pack]:
    """All packs that there may be, without records, in the order in which they are told: one national, one a sector and
    technology type, one an audience.
    """
    found = [Pack("national", "national", None, "National pack", "Pecyn cenedlaethol", ())]
    for scheme, prefix in (("sectors", "sector"), ("technology_types", "technology")):
        for term in vocabulary(scheme):
            found.append(Pack(f"{prefix}-{_slug(term.id)}", scheme, term.id, term.en, term.cy, ()))
    for term in vocabulary("audiences"):
        title_en = f"Interoperability 101 for {term.en.lower()}"
        title_cy = f"Rhyngweithredu 101: {term.cy.lower()}"
        found.append(Pack(f"audience-{_slug(term.id)}", "audiences", term.id, title_en, title_cy, ()))
    return found


def packs(library: Mapping[str, LibraryRecord]) -> list[Pack]:
    """The packs: one national, one a sector and technology type that has records, one an audience.

    Inside a pack records stand kind by kind, newest first; a glossary by heading. A record that names no sector belongs
    to every sector that has a pack.
    """
    order = sorted(library.values(), key=_reading_order)
    filled = [replace(pack, records=_ids(_chosen(pack, order))) for pack in possible_packs()]
    return [pack for pack in filled if pack.records or pack.scheme in ("national", "audiences")]


def numbers_by_pack(records: Iterable[Record]) -> dict[str, int]:
    """How many of ``records``, before they are consolidated, each pack has, by id, in the order of packs. Those that
    name no sector are in the packs of all sectors, and not counted there.
    """
    numbers: Counter[tuple[str, str | None]] = Counter()
    for record in records:
        document = record.document
        audiences = audiences_of(record)
        named = (
            ("sectors", document.sectors),
            ("technology_types", document.technology_types),
            ("audiences", audiences),
        )
        numbers["national", None] += 1
        numbers.update((scheme, term) for scheme, terms in named for term in terms)
    counted = {pack.id: numbers[pack.scheme, pack.term] for pack in possible_packs()}
    return {pack: number for pack, number in counted.items() if number}


def _chosen(pack: Pack, order: list[LibraryRecord]) -> list[LibraryRecord]:
    """The records of ``pack`` among all, which are in reading order."""
    if pack.term is None:
        return order
    if pack.scheme == "audiences":
        return [r for r in order if pack.term in r.audiences]
    named = {r.id for r in order if pack.term in getattr(r.record.document, pack.scheme)}
    is_general = pack.scheme == "sectors" and named
    return [r for r in order if r.id in named or (is_general and not r.record.document.sectors)]


def _abstract(record: Record) -> str:
    """What lists show of a record: its summary, or the beginning of its text."""
    return record.document.abstract or cut(plain(record.document.text), ABSTRACT_CHARACTERS)


def _further_texts(record: Record) -> dict[str, str]:
    """The texts of a record beside its main one, masked, by field."""
    texts = {name: getattr(record.document, name) for name in document_kinds()[record.kind].further_texts}
    return {name: masked(text) for name, text in texts.items() if text}


def _ids(entries: list[LibraryRecord]) -> tuple[str, ...]:
    return tuple(entry.id for entry in entries)


def _reading_order(entry: LibraryRecord) -> tuple[int, int, str, str]:
    document = entry.record.document
    kind_rank = list(document_kinds()).index(entry.record.kind)
    if document_kinds()[entry.record.kind].is_glossary:
        return kind_rank, 0, entry.sort_key, entry.id
    newest = document.updated or document.published
    return kind_rank, -newest.toordinal() if newest else 0, "", entry.id


def _age(record: Record) -> int:
    day = record.document.published or record.document.updated
    return day.toordinal() if day else 10**7  # undated records come after all dated ones


def _settle(records: Mapping[str, Record], order: list[str]) -> tuple[dict[str, str], dict[tuple[str, str], float]]:
    """For each id the id of the record it became: the one published first, else the oldest, survives. Then the pairs of
    survivors of the same kind and language whose texts share at least ``LINK_SIMILARITY`` of their shingles, with that
    share.
    """
    likeness = Likeness(
        lambda number: records[order[number]].document.reading,
        [(records[id].kind, records[id].document.language) for id in order],
    )
    survivor: dict[str, str] = {}
    near: dict[tuple[str, str], float] = {}
    by_content: dict[tuple[str, str, str], str] = {}
    for number, id in enumerate(order):
        content = (records[id].kind, records[id].document.language, records[id].fingerprint)
        if content not in by_content:
            found = likeness.near(number)
            copies = [other for other, similarity in found.items() if similarity >= MERGE_SIMILARITY]
            by_content[content] = order[min(copies)] if copies else id
            if not copies:
                likeness.remember(number)
                alike = {other: similarity for other, similarity in found.items() if similarity >= LINK_SIMILARITY}
                near |= {(order[other], id): round(similarity, 2) for other, similarity in alike.items()}
        survivor[id] = by_content[content]
    return survivor, near


def _merged(survivor: Mapping[str, str]) -> defaultdict[str, list[str]]:
    """For each surviving id the ids that became it, sorted."""
    merged: defaultdict[str, list[str]] = defaultdict(list)
    for id in sorted(survivor):
        if survivor[id] != id:
            merged[survivor[id]].append(id)
    return merged


def _related(near: Mapping[tuple[str, str], float]) -> defaultdict[str, list[Related]]:
    """For each surviving id its nearest neighbours, the nearest first."""
    neighbours: defaultdict[str, list[tuple[float, str]]] = defaultdict(list)
    for (one, other), similarity in near.items():
        neighbours[one].append((-similarity, other))
        neighbours[other].append((-similarity, one))
    return defaultdict(
        list,
        {
            id: [Related(other, "near_copy", -nearness) for nearness, other in sorted(found)[:MAX_RELATED]]
            for id, found in neighbours.items()
        },
    )


def _credits(own: str, others: Iterable[str]) -> tuple[str, ...]:
    return (own, *sorted(set(others) - {own}))


def _translations(records: Mapping[str, Record], survivor: Mapping[str, str]) -> dict[str, dict[str, str]]:
    """For each surviving id the ids of the same text in other languages, by language."""
    families: dict[str, dict[str, str]] = defaultdict(dict)
    as_sent = {(record.hub, record.document.id): id for id, record in records.items()}
    for id in sorted(records):
        original = as_sent.get((records[id].hub, records[id].document.translation_of or ""))
        if original:
            root = survivor[original]
            families[root].setdefault(records[root].document.language, root)
            families[root].setdefault(records[id].document.language, survivor[id])
    return {
        member: {language: other for language, other in family.items() if other != member}
        for family in families.values()
        for member in family.values()
    }


def _addresses(kept: list[Record], slugs: Mapping[str, str], became: Mapping[str, str]) -> dict[str, str]:
    """A slug a record: the earlier one if it has one, or that of a record which it was a part of and which has gone;
    else made of its heading and never one that was used before.
    """
    addresses = {record.id: slugs[record.id] for record in kept if record.id in slugs}
    free = {before: slugs[before] for before in became.values() if before in slugs and before not in addresses}
    taken = set(slugs.values()) | _NOT_SLUGS
    numbers: Counter[str] = Counter()
    for record in kept:
        if record.id not in addresses:
            slug = free.pop(became.get(record.id, ""), None)
            addresses[record.id] = slug or _new_slug(record, taken, numbers)
            taken.add(addresses[record.id])
    return addresses


def _new_slug(record: Record, taken: Set[str], numbers: Counter[str]) -> str:
    """A slug that is not taken. ``numbers`` are those that were given last, by slug: thousands may have one heading."""
    slug = base = _slug(record.document.heading) or _slug(record.id)
    while slug in taken:
        numbers[base] = max(numbers[base], 1) + 1
        slug = f"{base}-{numbers[base]}"
    return slug


def _slug(text: str) -> str:
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().casefold()
    words = re.sub(r"[^a-z0-9]+", "-", re.sub(r"['’]", "", plain)).strip("-")
    return words if len(words) <= _SLUG_CHARACTERS else words[:_SLUG_CHARACTERS].rsplit("-", 1)[0]
