"""What has been taken out of a release since it was published: ``errata.json``, its log of redactions.

Every release has one; that of a release that is as it was published is empty. A retraction is told with the record's
id, heading and reason. Of a takedown readers are told hub, kind, date and reason, and nothing by which to find what it
was: not even the names of the files that are gone.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from pipelines.files import json_of
from pipelines.withdrawals import Decision

ERRATA = "errata.json"
FIRST_ISSUE = 1


def none_yet(release: str) -> dict[str, Any]:
    """``errata.json`` of a release that is new."""
    return {"release": release, "issue": FIRST_ISSUE, "issues": []}


def read(folder: Path) -> dict[str, Any]:
    """``errata.json`` of the release in ``folder``; as of a new one where it was made before there were any. Raises
    OSError and ValueError.
    """
    try:
        told = json_of((folder / ERRATA).read_bytes())
    except FileNotFoundError:
        return none_yet(folder.name)
    if not isinstance(told, dict) or not isinstance(told.get("issue"), int) or not isinstance(told.get("issues"), list):
        raise ValueError(f"{ERRATA} is of another shape")
    return told


def applied(errata: Mapping[str, Any]) -> frozenset[int]:
    """The numbers of the decisions that the release follows."""
    return frozenset(one["number"] for issue in errata["issues"] for one in issue["withdrawn"])


def retracted(errata: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """What has been retracted, by the record's id."""
    told = (one for issue in errata["issues"] for one in issue["withdrawn"])
    return {one["record"]: one for one in told if one["record"] is not None}


def next_issue(
    errata: Mapping[str, Any], decisions: Sequence[Decision], before: Mapping[str, str], after: Mapping[str, str]
) -> dict[str, Any]:
    """``errata`` with one more issue, that follows ``decisions``. ``before`` and ``after`` are the SHA-256 of the files
    by path, in the issue before and in this one.
    """
    number = errata["issue"] + 1
    issue = {
        "issue": number,
        "at": reissued_at(decisions),
        "withdrawn": [told(decision) for decision in decisions],
        "files": [
            {"path": path, "sha256_before": before.get(path), "sha256": digest}
            for path, digest in sorted(after.items())
            if before.get(path) != digest
        ],
        "removed": sorted(digest for path, digest in before.items() if path not in after),
    }
    # Of what is taken down later, earlier issues tell no more than the last.
    hidden = {decision.record for decision in decisions if decision.is_takedown}
    return dict(errata) | {"issue": number, "issues": [*_without(errata["issues"], hidden), issue]}


def told(decision: Decision) -> dict[str, Any]:
    """What readers are told of a decision."""
    is_open = not decision.is_takedown
    return {
        "number": decision.number,
        "kind": decision.kind.value,
        "at": decision.at.isoformat(),
        "hub": decision.hub,
        "record_kind": decision.record_kind,
        "reason": decision.reason,
        "record": decision.record if is_open else None,
        "heading": decision.heading if is_open else None,
        "successor": decision.successor if is_open else None,
    }


def reissued_at(decisions: Iterable[Decision]) -> str:
    """When an issue that follows ``decisions`` was made: with the last of them, so that one that was begun and killed
    comes out the same.
    """
    return max(decision.at for decision in decisions).isoformat()


def _without(issues: Iterable[Mapping[str, Any]], records: set[str]) -> list[dict[str, Any]]:
    hidden = dict.fromkeys(("record", "heading", "successor"))
    return [
        dict(issue)
        | {"withdrawn": [one | hidden if one["record"] in records else one for one in issue["withdrawn"]]}
        | ({"files": []} if any(one["record"] in records for one in issue["withdrawn"]) else {})
        for issue in issues
    ]
