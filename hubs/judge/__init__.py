"""The judge: one engine behind every door. A feed and a registration go in, a verdict comes out.

Reading a hub's own shape is ``hubs.mapping``; what is allowed is ``hubs.contract``. Whether a feed takes the place of
the last good one is decided in ``pipelines.validate``.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from pathlib import Path

from hubs.contract import CONTRACT_VERSION
from hubs.contract.findings import CODES, Finding, Severity
from hubs.contract.records import RawTable, UnreadableTable
from hubs.contract.verdict import FileAccount, JudgedTable, Quarantined, Verdict
from hubs.feed import Feed
from hubs.instruments import Instrument
from hubs.judge.documents import judge_documents
from hubs.mapping import Mapped, map_feed
from hubs.registration import Registration

RULES_VERSION = "1"
"""Raised with every change of a rule, so that stored verdicts are made anew."""

HOPELESS_SHARE = 0.5
"""A feed of which more than this share has errors is held: it has been broken as a whole, not in places."""


def judge(
    feed: Feed, registration: Registration, instruments: Mapping[str, Instrument], today: date, folder: Path
) -> Verdict:
    """The verdict on ``feed``, with every finding at once.

    ``today`` is the day the feed was fetched; ``folder`` takes the Parquet files of judged tables. Bad data never
    raises; OSError may come from the disk.
    """
    mapped = map_feed(feed, registration)
    records, quarantine, document_findings = judge_documents(mapped.documents, registration, today)
    tables, table_findings = _judge_tables(mapped.tables, registration, instruments, folder)
    findings = _in_order([*mapped.findings, *document_findings, *table_findings])
    held_by = list(mapped.held_by)
    if not held_by:
        held_by = _feed_faults(len(records), len(quarantine), tables)
        findings = [Finding(code) for code in held_by] + findings
    return Verdict(
        hub=registration.id,
        contract=CONTRACT_VERSION,
        rules=RULES_VERSION,
        held_by=tuple(held_by),
        records=records,
        tables=tables,
        quarantine=quarantine,
        skips=mapped.skips,
        findings=findings,
        files=_accounts(feed, mapped, quarantine, tables, findings),
    )


def _judge_tables(
    tables: list[RawTable], registration: Registration, instruments: Mapping[str, Instrument], folder: Path
) -> tuple[list[JudgedTable], list[Finding]]:
    if not tables:
        return [], []
    from hubs.judge.tables import TableContext, judge_table

    context = TableContext(sector=registration.sector, instruments=instruments)
    judged, findings = [], []
    for number, table in enumerate(tables, start=1):
        accepted = folder / f"{table.kind}-{number}.parquet"
        quarantined = folder / f"{table.kind}-{number}-quarantine.parquet"
        try:
            result, found = judge_table(table, context, accepted, quarantined)
        except UnreadableTable as error:  # ragged or badly encoded further down: none of the file can be trusted
            findings.append(error.finding)
        else:
            judged.append(replace(result, derived=table.derived))
            findings += found
    return judged, findings


def _feed_faults(accepted: int, quarantined: int, tables: list[JudgedTable]) -> list[str]:
    answers = sum(table.accepted_rows for table in tables)
    bad_answers = sum(table.quarantined_rows for table in tables)
    if not (accepted or quarantined or answers or bad_answers):
        return ["empty_feed"]
    shares = [(quarantined, accepted + quarantined), (bad_answers, answers + bad_answers)]
    if any(total and bad / total > HOPELESS_SHARE for bad, total in shares):
        return ["hopeless_feed"]
    return []


def _in_order(findings: list[Finding]) -> list[Finding]:
    """Worst first, then by place: the order in which people mend."""
    rank = {Severity.ERROR: 0, Severity.WARNING: 1, Severity.NOTE: 2}
    return sorted(
        findings, key=lambda f: (rank[f.severity], CODES[f.code].scope != "feed", f.file or "", f.row or 0, f.code)
    )


def _accounts(
    feed: Feed, mapped: Mapped, quarantine: list[Quarantined], tables: list[JudgedTable], findings: list[Finding]
) -> list[FileAccount]:
    documents = Counter(document.file for document in mapped.documents)
    quarantined = Counter(entry.file for entry in quarantine)
    skipped = Counter(skip.file for skip in mapped.skips)
    found = Counter(finding.file for finding in findings)
    for table in tables:
        documents[table.file] += table.rows
        quarantined[table.file] += table.quarantined_rows
    return [
        FileAccount(name, documents[name] - quarantined[name], quarantined[name], skipped[name], found[name])
        for name in sorted(feed.files)
    ]
