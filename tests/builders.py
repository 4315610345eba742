"""Builders of plausible small things for tests: everything has a default, and a test changes only what it is about."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections import defaultdict
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, date, datetime
from functools import cache
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from hubs.contract.groups import WAVE
from hubs.contract.kinds import document_kinds
from hubs.contract.records import Record
from hubs.instruments import instruments
from pipelines.disclose.derived import BENCHMARKS, DISTRIBUTIONS, statistics
from pipelines.disclose.trend import trends
from pipelines.edition import (
    Basis,
    Edition,
    HubState,
    LibraryRecord,
    Notice,
    Origin,
    Pack,
    Related,
    State,
    WaveState,
    WaveTold,
    Withdrawn,
)
from pipelines.policy import Policy
from pipelines.publish.archives import ARCHIVE, sign_archive, write_archive
from pipelines.publish.catalogue import WRITTEN
from pipelines.publish.metadata import write_metadata
from pipelines.publish.signed import sign_release, write_keys
from pipelines.publish.writers import Column, TableSpec
from pipelines.signatures import PublicKey, ReleaseKey

KEY = Ed25519PrivateKey.generate()
"""What signs the releases of tests; another one in each process, since no private key belongs into a repository."""
RELEASE_KEY = ReleaseKey(PublicKey.of(KEY), datetime(2026, 11, 1, tzinfo=UTC))
INSTRUMENT = "interop-baseline-v1"
THINGS = TableSpec(
    "things",
    (
        Column("name", "string", "Name.", "Enw."),
        Column("size", "integer", "Size.", "Maint."),
        Column("share", "number", "Share.", "Cyfran."),
        Column("when", "date", "When.", "Pryd."),
        Column("tags", "list", "Tags.", "Tagiau."),
        Column("more", "object", "More.", "Rhagor."),
    ),
)
"""A table with a column of each type."""

BODY = """## Context

The council and its partners could not exchange records. Staff typed **4,000 letters** a year twice.

## Approach

- Asked every bidder for an [open interface](https://example.org/interface).
- Wrote the format into the contract.

| Part | Cost |
|---|---|
| Interface | £20,000 |
| Training | £4,000 |

## Outcome

Nobody types a letter twice.

## Lessons

Ask for the meaning of each field, not only for the field.
"""

BODY_CY = """## Cyd-destun

Ni allai'r cyngor a'i bartneriaid gyfnewid cofnodion.

## Dull

Gofynnwyd i bob cynigydd am ryngwyneb agored.

## Canlyniad

Nid oes neb yn teipio llythyr ddwywaith.

## Gwersi

Gofynnwch am ystyr pob maes.
"""


def a_digest(what: str) -> str:
    """The SHA-256 of a text, in the place of that of a snapshot or a file."""
    return hashlib.sha256(what.encode()).hexdigest()


def a_hub(id: str = "vale", **changes: Any) -> HubState:
    """A hub whose content is fresh."""
    values: dict[str, Any] = {
        "id": id,
        "name_en": f"Sample {id.title()} hub",
        "name_cy": f"Hwb Sample {id.title()}",
        "sector": "local_government",
        "is_sample": True,
        "state": State.FRESH,
        "since": datetime(2026, 11, 20, 9, tzinfo=UTC),
        "reason": None,
        "held_by": (),
        "snapshot": a_digest(f"snapshot of {id}"),
        "fetched": datetime(2026, 11, 20, 9, tzinfo=UTC),
        "seen": datetime(2026, 11, 23, 9, tzinfo=UTC),
        "counts": {"accepted": 3, "quarantined": 0, "skipped": 0, "answers_accepted": 400, "warnings": 0},
        "quarantined": {},
    }
    return HubState(**values | changes)


def a_case_study(id: str = "letters", hub: str = "vale", **changes: Any) -> LibraryRecord:
    """A case study of the library. ``changes`` may name fields of the study or of the library record."""
    values: dict[str, Any] = {
        "id": id,
        "language": "en",
        "sectors": ["local_government"],
        "technology_types": ["api"],
        "licence": "OGL-UK-3.0",
        "contact": "data@sample-hub.example",
        "published": date(2026, 3, 14),
        "title": f"An open interface ended double typing ({id})",
        "summary": "A council wrote an open interface into its contract. Letters now arrive as data.",
        "body": BODY,
        "organisations": ["Sample Vale District Council"],
        "standards_used": ["OpenAPI 3.0"],
    }
    return _entry("case_study", hub, values, changes)


def a_question(id: str = "who-owns-it", hub: str = "vale", **changes: Any) -> LibraryRecord:
    """A question and answer of the library."""
    values: dict[str, Any] = {
        "id": id,
        "language": "en",
        "sectors": ["cross_sector"],
        "licence": "OGL-UK-3.0",
        "published": date(2026, 1, 9),
        "question": f"Who owns the data when the contract ends ({id})?",
        "answer": "You do, **if the contract says so**. Ask for it in words.",
        "audience": ["procurement_professional"],
    }
    return _entry("faq", hub, values, changes)


def a_term(id: str = "open-standard", hub: str = "vale", **changes: Any) -> LibraryRecord:
    """A term of the library, for every sector."""
    values: dict[str, Any] = {
        "id": id,
        "language": "en",
        "licence": "OGL-UK-3.0",
        "updated": date(2026, 2, 11),
        "term": f"Open standard ({id})",
        "definition": "A rule that **anybody** may read and use.",
        "source": "Sample Standards Body",
    }
    return _entry("term", hub, values, changes)


def a_signpost(id: str = "code", hub: str = "vale", **changes: Any) -> LibraryRecord:
    """A signpost of the library."""
    values: dict[str, Any] = {
        "id": id,
        "language": "en",
        "sectors": ["local_government"],
        "technology_types": ["api"],
        "licence": "OGL-UK-3.0",
        "updated": date(2026, 2, 11),
        "title": f"Code of practice ({id})",
        "address": "https://www.standards.example/code?part=1&page=2",
        "publisher": "Sample Standards Body",
        "signpost_type": "code_of_practice",
        "description": "Read it before you write a specification.",
    }
    return _entry("signpost", hub, values, changes)


def a_requirement(id: str = "open-formats", hub: str = "vale", **changes: Any) -> LibraryRecord:
    """A requirement of the library."""
    values: dict[str, Any] = {
        "id": id,
        "language": "en",
        "sectors": ["local_government"],
        "technology_types": ["data_standard"],
        "licence": "OGL-UK-3.0",
        "published": date(2026, 6, 3),
        "title": f"Every export is in an open format ({id})",
        "clause": "1. The Supplier shall export all data.\n2. The format shall be open.",
        "evaluation": "- Ask for a **sample export**.",
        "verification": "- Export everything once a quarter.",
        "standards_used": ["CSV (RFC 4180)"],
    }
    texts = {name: changes.get(name, values[name]) for name in ("evaluation", "verification")}
    return _entry("requirement", hub, values, {"further_texts": texts} | changes)


def _entry(kind: str, hub: str, values: dict[str, Any], changes: dict[str, Any]) -> LibraryRecord:
    own = {name: changes.pop(name) for name in list(changes) if name in LibraryRecord.__dataclass_fields__}
    place = {name: changes.pop(name, default) for name, default in (("file", ""), ("place", ""), ("derived", {}))}
    document = document_kinds()[kind].model.model_validate(values | changes)
    record = Record(hub, kind, document, place["file"] or f"{kind}/{document.id}.md", place["place"], place["derived"])
    defaults: dict[str, Any] = {
        "record": record,
        "slug": f"{hub}-{document.id}",
        "text": document.text,
        "abstract": document.abstract or document.text[:200],
        "snapshot": a_digest(f"snapshot of {hub}"),
        "credits": (hub,),
        "merged": (),
        "related": (),
        "translations": {},
    }
    return LibraryRecord(**defaults | own)


def a_withdrawn(id: str = "gone", hub: str = "vale", *, place: str = "row 1", **changes: Any) -> Withdrawn:
    """A record that its hub has taken back, in the row ``place`` of its notices."""
    values: dict[str, Any] = {
        "heading": None,
        "reason": "It is out of date.",
        "date": date(2026, 6, 3),
        "successor": None,
        "told_in": Notice(
            a_digest(f"snapshot of {hub}"), "withdrawals.csv", a_digest(f"{hub}: withdrawals.csv"), place
        ),
    }
    return Withdrawn(f"{hub}/{id}", **values | changes)


def a_library(*entries: LibraryRecord) -> dict[str, LibraryRecord]:
    """The records by id, sorted."""
    return {entry.id: entry for entry in sorted(entries, key=lambda entry: entry.id)}


def benchmark_rows(period: str = "2026-Q3", n: int = 45) -> list[dict[str, Any]]:
    """Rows of a small cube: a national group, two sectors (one confidential), one size, one type and one region. Half
    of the organisations, in round numbers, are on one level, and the rest on the one below.
    """
    return [dict(row) for row in _benchmark_rows(period, n)]


@cache
def _benchmark_rows(period: str, n: int) -> list[dict[str, Any]]:
    instrument = instruments()[INSTRUMENT]
    groups: tuple[Mapping[str, str], ...] = (
        {},
        {"sector": "local_government"},
        {"sector": "health"},
        {"size_band": "50_to_249"},
        {"organisation_type": "council"},
        {"region": "wales"},
    )
    rows = []
    audiences = ("decision_maker", "procurement_professional")
    for audience, (place, dimension), group in product(audiences, enumerate(instrument.dimensions), groups):
        detail = 0 if group.get("sector") == "health" else 2
        own_n = 15 if "region" in group else n
        levels = np.zeros((2, 6), np.int64)
        levels[0, [place % 4, place % 4 + 1]] = n - n // 10 * 5, n // 10 * 5
        levels[1, [place % 4, place % 4 + 1]] = own_n - own_n // 10 * 5, own_n // 10 * 5
        figures = statistics(levels, np.array([2, detail]), np.array([4, 4]), Policy())
        rows.append(
            {
                "period": period,
                "instrument": INSTRUMENT,
                "audience": audience,
                "dimension": dimension,
                "breakdown": next(iter(group), "total"),
                **{key: group.get(key, "all") for key in ("sector", "organisation_type", "size_band", "region")},
                **{name: values[1] if group else values[0] for name, values in figures.items()},
                "rolled_up_to": "" if detail else "total",
            }
        )
    return rows


def distribution_rows(benchmarks: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Rows of the levels of told groups: those that ``benchmark_rows`` counted."""
    keys = [name for name in DISTRIBUTIONS.names if name in BENCHMARKS.names and name != "status"]
    rows = []
    for row in benchmarks:
        n = row["n"]
        shares = [row[f"share_ge_{level}"] or 0 for level in range(1, 6)]
        if n is not None:
            lower = 0 if shares[0] < 0.9 else max(level for level in range(1, 6) if shares[level - 1] >= 0.9)
            counts = {lower: n - n // 10 * 5, lower + 1: n // 10 * 5}
            for level in range(6):
                count = counts.get(level, 0)
                share = round(min(max(count / n, 0.05), 0.95), 3)
                told = {"level": str(level), "count": count, "share": share, "status": ""}
                rows.append({key: row[key] for key in keys} | told)
    return rows


def a_benchmark_table(rows: list[dict[str, Any]] | None = None) -> pa.Table:
    """Benchmarks of two quarters, as the edition carries them."""
    return pa.Table.from_pylist(benchmark_rows("2026-Q2", 40) + benchmark_rows() if rows is None else rows, BENCHMARKS)


def bases_of(library: Iterable[LibraryRecord], withdrawn: Iterable[Withdrawn]) -> dict[str, Basis]:
    """What the hubs of these records would have sent."""
    files: defaultdict[str, set[str]] = defaultdict(set)
    for entry in library:
        files[entry.record.hub].add(entry.record.file)
        for id, origin in entry.merged_from.items():
            files[id.partition("/")[0]].add(origin.file)
    for notice in withdrawn:
        if notice.told_in is not None:
            files[notice.hub].add(notice.told_in.file)
    return {
        hub: Basis("test", "0123456789abcdef", {path: a_digest(f"{hub}: {path}") for path in sorted(paths)})
        for hub, paths in sorted(files.items())
    }


def an_edition(**changes: Any) -> Edition:
    """A small edition with four hubs in different states, a bilingual pair, near copies and suppressed cells."""
    library = a_library(
        a_case_study(
            credits=("vale", "coast"),
            merged=("coast/letters",),
            merged_from={"coast/letters": Origin("letters", "case_study/copies.csv", "row 2")},
            related=(Related("coast/twin", "near_copy", 0.91),),
        ),
        a_case_study(
            "twin", "coast", related=(Related("vale/letters", "near_copy", 0.91),), derived={"title": "first_heading"}
        ),
        a_case_study("bus", "cymru", sectors=["transport"], translations={"cy": "cymru/bus-cy"}),
        a_case_study(
            "bus-cy",
            "cymru",
            sectors=["transport"],
            language="cy",
            title="Sgriniau bws sy'n siarad dwy iaith",
            summary="Prynodd partneriaeth sgriniau sy'n derbyn data gan unrhyw weithredwr.",
            body=BODY_CY,
            translation_of="bus",
            translations={"en": "cymru/bus"},
        ),
        a_question(),
        a_question("exit", "coast", audience=["decision_maker"], sectors=["health"], technology_types=["cloud"]),
        a_requirement(),
        a_signpost(),
        a_term(),
        a_term("lock-in", "coast", term="Lock-in", sectors=["local_government"]),
        a_term("open-data", "cymru", term="Open data", translations={"cy": "cymru/open-data-cy"}),
        a_term(
            "open-data-cy",
            "cymru",
            term="Data agored",
            definition="Data y caiff unrhyw un ei ddefnyddio.",
            language="cy",
            translation_of="open-data",
            translations={"en": "cymru/open-data"},
        ),
    )
    hubs = (
        a_hub(
            "coast",
            state=State.CARRIED_FORWARD,
            since=datetime(2026, 10, 2, 9, tzinfo=UTC),
            reason="The feed's address did not answer, or broke off.",
            held_by=("unreachable_feed",),
            fetched=datetime(2026, 9, 1, tzinfo=UTC),
            seen=datetime(2026, 10, 1, 9, tzinfo=UTC),
            expires=datetime(2026, 12, 20, 9, tzinfo=UTC),
        ),
        a_hub("cymru", name_en="Sample Wales hub", name_cy="Hwb Sample Cymru"),
        a_hub(
            "harbour",
            state=State.MISSING,
            snapshot=None,
            fetched=None,
            seen=None,
            since=None,
            counts={},
            reason="no feed has come",
        ),
        a_hub(
            "vale",
            state=State.HELD,
            held_by=("hopeless_feed",),
            counts={"accepted": 2, "quarantined": 3, "answers_accepted": 400},
            quarantined={"missing_licence": 2, "unknown_sector": 1},
        ),
    )
    packs = (
        Pack("national", "national", None, "National pack", "Pecyn cenedlaethol", tuple(library)),
        Pack(
            "sector-local-government",
            "sectors",
            "local_government",
            "Local government",
            "Llywodraeth leol",
            ("coast/twin", "vale/letters", "vale/open-formats", "vale/code", "coast/lock-in"),
        ),
        Pack("sector-transport", "sectors", "transport", "Transport", "Trafnidiaeth", ("cymru/bus", "cymru/bus-cy")),
        Pack("technology-cloud", "technology_types", "cloud", "Cloud hosting", "Gwesteia cwmwl", ("coast/exit",)),
        Pack(
            "audience-decision-maker",
            "audiences",
            "decision_maker",
            "Interoperability 101 for decision-makers",
            "Rhyngweithredu 101: penderfynwyr",
            ("coast/exit",),
        ),
        Pack(
            "audience-procurement-professional",
            "audiences",
            "procurement_professional",
            "Interoperability 101 for procurement professionals",
            "Rhyngweithredu 101: gweithwyr caffael proffesiynol",
            ("vale/who-owns-it", "vale/open-formats", "vale/code", "vale/open-standard"),
        ),
    )
    values: dict[str, Any] = {
        "id": "2026-11-23.01",
        "published": datetime(2026, 11, 23, 12, tzinfo=UTC),
        "previous": None,
        "build_key": "0" * 64,
        "code_version": "0.1.0+test",
        "rules": "test",
        "hubs": hubs,
        "library": library,
        "packs": packs,
        "benchmarks": a_benchmark_table(),
        "instruments": instruments(),
        "policy": Policy(),
        "keys": (RELEASE_KEY,),
        "audit": {"attack": {"findings": 0}, "ledger": {"seal_before": "0" * 64}, "tables": []},
        "withdrawn": (
            a_withdrawn("assistance", reason="Nobody could enforce it.", successor="vale/open-formats"),
            a_withdrawn("old-code", date=date(2026, 7, 1), place="row 2"),
        ),
    }
    values |= changes
    values.setdefault(
        "distributions", pa.Table.from_pylist(distribution_rows(values["benchmarks"].to_pylist()), DISTRIBUTIONS)
    )
    values.setdefault("trends", trends(values["benchmarks"], values["distributions"], Policy()))
    values.setdefault("bases", bases_of(values["library"].values(), values["withdrawn"]))
    values.setdefault("waves", waves_of(values["benchmarks"], values["hubs"]))
    return Edition(**values)


@cache
def _the_edition() -> Edition:
    return an_edition(packs=(), withdrawn=())


def a_small_edition(**changes: Any) -> Edition:
    """``an_edition`` without packs, for tests of what is found in a library. Its tables are made once for all."""
    bases = bases_of(changes.get("library", _the_edition().library).values(), ())
    return replace(_the_edition(), **{"bases": bases} | changes)


@cache
def _least_edition() -> Edition:
    record = a_case_study()
    of_all = [row for row in benchmark_rows() if row["breakdown"] == "total"]
    return an_edition(
        hubs=(a_hub(),),
        library=a_library(record),
        packs=(Pack("national", "national", None, "National pack", "Pecyn cenedlaethol", (record.id,)),),
        benchmarks=a_benchmark_table(of_all),
        withdrawn=(),
    )


def the_least_edition(**changes: Any) -> Edition:
    """The one record of one hub, in a pack, and benchmarks of all organisations: for tests of what becomes of a
    release, whatever is in it.
    """
    bases = bases_of(changes.get("library", _least_edition().library).values(), ())
    return replace(_least_edition(), **{"bases": bases} | changes)


def waves_of(benchmarks: pa.Table, hubs: Iterable[HubState]) -> tuple[WaveTold, ...]:
    """Waves that are told for the first time, of all hubs with content in use."""
    snapshots = {hub.id: hub.snapshot for hub in hubs if hub.snapshot}
    keys = sorted({tuple(row.values()) for row in benchmarks.select(WAVE).to_pylist()})
    return tuple(WaveTold(*key, WaveState.NEW, "0" * 64, snapshots, None, True, False) for key in keys)


def reseal(folder: Path, *names: str) -> None:
    """Make metadata, checksums and manifest agree with changed files, as somebody would who wants to hide the change;
    and sign anew with another key, where the release was signed.
    """
    manifest = json.loads((folder / "release.json").read_text())
    if is_signed := (folder / "SHA256SUMS.sig").exists():
        shutil.rmtree(folder / "keys")
        write_keys(folder, manifest["id"], (RELEASE_KEY,))
        names += tuple(path.relative_to(folder).as_posix() for path in (folder / "keys").iterdir())
        manifest["signed_by"] = RELEASE_KEY.public.text
    with suppress(ValueError, KeyError, TypeError, AttributeError, OSError):  # of data that nobody can read
        for path in folder.glob(f"packs/*/{ARCHIVE}") if is_signed else ():
            write_archive(folder, path.parent.name, manifest["address"])
            sign_archive(folder, path.parent.name, manifest["id"], KEY)
            names += (path.relative_to(folder).as_posix(),)
    if "address" in manifest:
        with suppress(ValueError, KeyError, TypeError, AttributeError, OSError):
            write_metadata(folder, manifest["address"])
            names += WRITTEN
    digests = {name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in names}
    for file in manifest["files"]:
        file["sha256"] = digests.get(file["path"], file["sha256"])
    (folder / "release.json").write_text(json.dumps(manifest))
    digests["release.json"] = hashlib.sha256((folder / "release.json").read_bytes()).hexdigest()
    listed = (line.split("  ", 1) for line in (folder / "SHA256SUMS").read_text().splitlines())
    lines = [f"{digests.get(path, digest)}  {path}\n" for digest, path in listed]
    (folder / "SHA256SUMS").write_text("".join(lines))
    if is_signed:
        sign_release(folder, KEY)


def an_edition_before(**changes: Any) -> Edition:
    """The edition before ``an_edition``, from which it differs in every way that ``changes.json`` tells apart but the
    schema: one record more, one less, one not merged yet, one with another text and heading, one that was withdrawn
    since, a hub in another state, a period less, and one that was counted over fewer organisations.
    """
    library = dict(an_edition().library)
    del library["cymru/bus"], library["cymru/bus-cy"]
    own = library["vale/letters"]
    library |= a_library(
        replace(own, credits=("vale",), merged=(), merged_from={}),
        a_case_study("letters", "coast"),
        a_case_study("twin", "coast", title="Named by mistake: Harbour Trust", body=f"{BODY}\nHarbour Trust paid.\n"),
        a_requirement("assistance"),
        a_question("gone", "vale"),
        a_signpost(sectors=["local_government", "health"]),
    )
    values: dict[str, Any] = {
        "id": "2026-11-01.01",
        "published": datetime(2026, 11, 1, 12, tzinfo=UTC),
        "library": library,
        "packs": (Pack("national", "national", None, "National pack", "Pecyn cenedlaethol", tuple(sorted(library))),),
        "hubs": tuple(replace(hub, state=State.FRESH) if hub.id == "vale" else hub for hub in an_edition().hubs),
        "benchmarks": a_benchmark_table(benchmark_rows(n=40)),
        "withdrawn": (),
    }
    return an_edition(**values | changes)


def a_revision(**changes: Any) -> Edition:
    """``an_edition`` as it follows ``an_edition_before``: what both tell of a period was counted anew."""
    waves = [
        replace(wave, state=WaveState.REVISED) if wave.period == "2026-Q3" else wave for wave in an_edition().waves
    ]
    return an_edition(**{"previous": "2026-11-01.01", "waves": tuple(waves)} | changes)
