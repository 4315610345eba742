"""Judging withdrawals: each against the typed model of its kind, and all of them against the records of the feed."""

from __future__ import annotations

from collections.abc import Iterable, Set
from dataclasses import replace
from datetime import date

from hubs.contract.findings import Finding
from hubs.contract.kinds.withdrawal import KIND, WithdrawalNotice
from hubs.contract.records import RawDocument, Withdrawal
from hubs.contract.verdict import Quarantined
from hubs.judge.documents import local_id_of, quarantined, text_remarks, typed


def judge_withdrawals(
    notices: Iterable[RawDocument], today: date
) -> tuple[list[Withdrawal], list[Quarantined], list[Finding]]:
    """Accepted withdrawals, quarantined ones and findings, each in the order of ``notices``.

    ``today`` is the day the feed was fetched; a later date earns a warning.
    """
    withdrawals: dict[str, Withdrawal] = {}
    quarantine: list[Quarantined] = []
    findings: list[Finding] = []
    for raw in notices:
        local_id = local_id_of(raw)
        if raw.faults:  # the mapping has said why
            quarantine.append(Quarantined(raw.kind, raw.file, raw.place, local_id, raw.faults, raw.raw))
            continue
        found, notice = typed(KIND, WithdrawalNotice, raw)
        if notice is not None and notice.id in withdrawals:
            first = withdrawals[notice.id]
            found.append(
                Finding("duplicate_id", field="id", value=notice.id, detail=f"also: {first.file} {first.place}".strip())
            )
            notice = None
        if notice is not None:
            if notice.date > today:
                found.append(Finding("date_in_future", field="date", value=notice.date.isoformat()))
            found += text_remarks(KIND, notice)
            withdrawals[notice.id] = Withdrawal(**notice.model_dump(), file=raw.file, place=raw.place)
        else:
            quarantine.append(quarantined(raw, found))
        findings += [replace(finding, file=raw.file, record=local_id or raw.place or None) for finding in found]
    return list(withdrawals.values()), quarantine, findings


def lost_successors(withdrawals: Iterable[Withdrawal], accepted: Set[str]) -> list[Finding]:
    """A warning for each withdrawal that sends readers to a record which is not ``accepted`` (local ids)."""
    return [
        Finding("unknown_successor", w.file, w.id, "successor", w.successor)
        for w in withdrawals
        if w.successor is not None and w.successor not in accepted
    ]
