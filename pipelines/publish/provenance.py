"""Where everything in a release comes from, for readers who have nothing but the release: ``provenance.json``, the
``source`` of each record, and the proof that no chain from the one to the other is broken.

What is published is decided elsewhere. Following a chain for somebody is for ``trace``.

**Benchmarks go back to snapshots, and no further.** A figure was counted over the returns in the snapshots of *all*
hubs in use, and so all of them are named, with every period and instrument alike. To name only those hubs that sent a
return for a period, or for one audience, would tell that a small hub's only member has answered, which the rounded
numbers of answers in ``coverage.json`` keep back. This list tells nothing new: it is that of ``release.json``. Files of
returns are not named: a hub may keep a file an organisation, and then the file's name says who took part, and its
digest lets somebody try what they think was answered.

A period that was published once stays as it was counted, though hubs send other feeds since. So each table names the
release that told it first, and the snapshots that were in use then.
"""

from __future__ import annotations

import csv
import hashlib
import json
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from hubs.contract import CONTRACT_VERSION
from hubs.contract.records import canonical_json
from pipelines.edition import Edition, LibraryRecord, Origin, WaveState, Withdrawn
from pipelines.files import json_of
from pipelines.policy import Policy

PROVENANCE = "provenance.json"
VERSIONS = ("contract", "rules", "code_version")
"""What ``provenance.json`` and ``release.json`` say alike."""


def provenance(edition: Edition) -> dict[str, Any]:
    """The content of ``provenance.json``: versions, hubs with content in use and the files that something published
    comes from, records that were merged into others, and what each table of benchmarks was counted over.
    """
    return {
        "release": edition.id,
        "published": edition.published.isoformat(),
        "contract": CONTRACT_VERSION,
        "rules": edition.rules,
        "code_version": edition.code_version,
        "hubs": [
            {
                "id": hub.id,
                "snapshot": hub.snapshot,
                "rules": edition.bases[hub.id].rules,
                "rules_key": edition.bases[hub.id].rules_key,
                "fetched": hub.fetched.isoformat() if hub.fetched else None,
                "seen": hub.seen.isoformat() if hub.seen else None,
                "files": [{"path": path, "sha256": sha256} for path, sha256 in edition.bases[hub.id].files.items()],
            }
            for hub in edition.hubs
            if hub.id in edition.bases
        ],
        "merged": [
            {"id": id, "into": entry.id} | _place(edition, id.partition("/")[0], origin)
            for entry in edition.library.values()
            for id, origin in sorted(entry.merged_from.items())
        ],
        "policy": _policy(edition.policy),
        "benchmarks": _benchmarks(edition),
    }


def record_source(edition: Edition, entry: LibraryRecord) -> dict[str, Any]:
    """The ``source`` of a record's row. It holds no moment that passes without a change (``seen`` would make every row
    of every release another one); what does is by hub, in ``coverage.json`` and ``pack.json``.
    """
    hub = edition.states[entry.record.hub]
    return {
        "snapshot": entry.snapshot,
        **_place(edition, hub.id, Origin.of(entry.record)),
        "rules": edition.bases[hub.id].rules,
        "fetched": hub.fetched.isoformat() if hub.fetched else None,
        "state": hub.state.value,
    }


def withdrawal_source(notice: Withdrawn) -> dict[str, Any] | None:
    """Where a hub says that it has taken a record back: in its feed in use, or in a newer one that is held. None when
    the operator has retracted it.
    """
    return None if notice.told_in is None else asdict(notice.told_in)


def broken_chains(folder: Path) -> list[str]:
    """What cannot be traced in the release in ``folder``, in words: every hub of ``provenance.json`` stands in
    ``release.json``, every record, withdrawal and table of benchmarks in ``provenance.json``; and nothing is both
    there and withdrawn.
    """
    try:
        told, manifest = (json_of((folder / name).read_bytes()) for name in (PROVENANCE, "release.json"))
        return [*_broken_hubs(told, manifest), *_broken_records(folder, told), *_broken_benchmarks(folder, told)]
    except OSError as error:
        return [f"nothing can be traced: {Path(error.filename).name}: {error.strerror}"]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        return [f"nothing can be traced: {PROVENANCE} or what it explains is of another shape ({error!r})"]


def rows_of_packs(folder: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every row of every pack of the release in ``folder``, with the pack's name: the national pack, which has all,
    first.
    """
    paths = (folder / "packs").glob("*/records.jsonl")
    for path in sorted(paths, key=lambda path: (path.parent.name != "national", path.parent.name)):
        with path.open(encoding="utf-8") as file:
            for line in file:
                yield path.parent.name, json_of(line)


def _place(edition: Edition, hub: str, origin: Origin) -> dict[str, str]:
    return {
        "file": origin.file,
        "file_sha256": edition.bases[hub].files[origin.file],
        "place": origin.place,
        "record": origin.record,
    }


def _policy(policy: Policy) -> dict[str, Any]:
    values = policy.model_dump(mode="json")
    return values | {"sha256": hashlib.sha256(canonical_json(values).encode()).hexdigest()}


def _benchmarks(edition: Edition) -> list[dict[str, Any]]:
    """See the head of this module for why all hubs are named."""
    asked: defaultdict[str, set[str]] = defaultdict(set)
    for wave in edition.waves:
        if wave.state is not WaveState.LEFT_OUT:
            told = [wave.period, wave.instrument, wave.counted_for(edition.id), dict(wave.snapshots)]
            asked[canonical_json(told)].add(wave.audience)
    tables = [(json.loads(key), sorted(audiences)) for key, audiences in sorted(asked.items())]
    return [
        {"period": period, "instrument": instrument, "audiences": audiences, "release": release, "snapshots": snapshots}
        for (period, instrument, release, snapshots), audiences in tables
    ]


def _broken_hubs(told: Mapping[str, Any], manifest: Mapping[str, Any]) -> Iterator[str]:
    inputs = {entry["hub"]: entry["snapshot"] for entry in manifest["inputs"]}
    for name in VERSIONS:
        if told[name] != manifest[name]:
            yield f"{PROVENANCE} and release.json differ: {name}"
    for hub in told["hubs"]:
        if hub["id"] not in inputs:
            yield f"{PROVENANCE}: release.json has no hub {hub['id']}"
        elif hub["snapshot"] is None or inputs[hub["id"]] != hub["snapshot"]:
            yield f"{PROVENANCE}: release.json has another snapshot of {hub['id']}"


def _broken_records(folder: Path, told: Mapping[str, Any]) -> Iterator[str]:
    snapshots = {hub["id"]: hub["snapshot"] for hub in told["hubs"]}
    files = {(hub["id"], file["path"], file["sha256"]) for hub in told["hubs"] for file in hub["files"]}
    merged = {entry["id"]: entry["into"] for entry in told["merged"]}
    there = set(merged)

    def is_broken(id: str, source: Mapping[str, Any]) -> bool:
        return (id.partition("/")[0], source["file"], source["file_sha256"]) not in files

    for pack, row in rows_of_packs(folder):
        source = row["source"]
        there.add(row["id"])
        if source["snapshot"] is None or snapshots.get(row["hub"]) != source["snapshot"]:
            yield f"{pack}: {row['id']} comes from a snapshot of {row['hub']} that {PROVENANCE} does not have"
        elif is_broken(row["id"], source):
            yield f"{pack}: {row['id']} comes from a file of {row['hub']} that {PROVENANCE} does not have"
        for id in row.get("merged", ()):
            if merged.get(id) != row["id"]:
                yield f"{pack}: {PROVENANCE} does not say that {id} was merged into {row['id']}"
    withdrawn = json_of((folder / "coverage.json").read_bytes())["withdrawn"]
    by_hubs = [notice for notice in withdrawn if notice["source"] is not None]
    in_use = [notice for notice in by_hubs if notice["source"]["snapshot"] == snapshots.get(notice["hub"])]
    for entry in [*told["merged"], *(notice | notice["source"] for notice in in_use)]:
        if is_broken(entry["id"], entry):
            yield f"{entry['id']} comes from a file that {PROVENANCE} does not have"
    for notice in withdrawn:
        if notice["id"] in there:
            yield f"{notice['id']} is withdrawn, and published nevertheless"


def _broken_benchmarks(folder: Path, told: Mapping[str, Any]) -> Iterator[str]:
    known = {
        (entry["period"], entry["instrument"], audience)
        for entry in told["benchmarks"]
        for audience in entry["audiences"]
    }
    with (folder / "benchmarks" / "benchmarks.csv").open(encoding="utf-8", newline="") as file:
        tables = {(row["period"], row["instrument"], row["audience"]) for row in csv.DictReader(file)}
    for table in sorted(tables - known):
        yield f"{PROVENANCE} does not say what the benchmarks of {', '.join(table)} were counted over"
    snapshots = {hub["id"]: hub["snapshot"] for hub in told["hubs"]}
    for entry in told["benchmarks"]:
        if entry["release"] == told["release"] and entry["snapshots"] != snapshots:
            yield f"{PROVENANCE}: benchmarks of {entry['period']} were counted over other snapshots than are in use"
        elif not entry["snapshots"] or (entry["release"] or "") > told["release"]:
            yield f"{PROVENANCE} does not say what the benchmarks of {entry['period']} were counted over"
