"""The judge: one engine behind every door. A feed and a registration go in, a verdict comes out.

Reading a hub's own shape is ``hubs.mapping``; what is allowed is ``hubs.contract``. Whether a feed takes the place of
the last good one is decided in ``pipelines.validate``.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import date
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from hubs.contract import CONTRACT_VERSION
from hubs.contract.findings import CODES, Finding
from hubs.contract.kinds import notice_kinds
from hubs.contract.records import RawTable
from hubs.contract.verdict import FileAccount, JudgedTable, Verdict
from hubs.feed import Feed
from hubs.instruments import Instrument
from hubs.judge.documents import judge_documents
from hubs.judge.notices import judge_withdrawals, lost_successors
from hubs.mapping import map_feed
from hubs.register import Register, read_register
from hubs.registration import Registration

if TYPE_CHECKING:
    import pyarrow as pa

IDENTIFYING = "identifying_column"
"""One such column holds the feed: who sends it has not done what makes a return one."""

RULES_VERSION = "3"
"""Raised with every change of a rule, so that stored verdicts are made anew."""

HOPELESS_SHARE = 0.5
"""A feed of which more than this share has errors is held: it has been broken as a whole, not in places."""


def judge(
    feed: Feed,
    registration: Registration,
    instruments: Mapping[str, Instrument],
    today: date,
    folder: Path,
    *,
    on_rows: Callable[[int], None] | None = None,
) -> Verdict:
    """The verdict on ``feed``, with every finding at once.

    ``today`` is the day the feed was fetched; ``folder`` takes the Parquet files of judged tables; ``on_rows`` is told
    of each stretch of rows that comes to be judged, how many they are. Bad data never raises; OSError may come from
    the disk.
    """
    mapped = map_feed(feed, registration)
    notices = [raw for raw in mapped.documents if raw.kind in notice_kinds()]
    documents = [raw for raw in mapped.documents if raw.kind not in notice_kinds()]
    withdrawals, quarantine, notice_findings = judge_withdrawals(notices, today)
    withdrawn = {withdrawal.id for withdrawal in withdrawals}
    records, bad_documents, document_findings = judge_documents(documents, registration, today, withdrawn)
    quarantine += bad_documents
    notice_findings += lost_successors(withdrawals, {record.document.id for record in records})
    tables, table_findings = _judge_tables(_watched(mapped.tables, on_rows), registration, instruments, folder)
    findings = _in_order([*mapped.findings, *notice_findings, *document_findings, *table_findings])
    held_by = list(mapped.held_by)
    if any(finding.code == IDENTIFYING for finding in table_findings):
        held_by.append(IDENTIFYING)
    if not held_by:
        held_by = _feed_faults(len(records), len(quarantine), len(withdrawals), tables)
        findings = [Finding(code) for code in held_by] + findings
    verdict = Verdict(
        hub=registration.id,
        contract=CONTRACT_VERSION,
        rules=RULES_VERSION,
        held_by=tuple(held_by),
        records=records,
        tables=tables,
        quarantine=quarantine,
        skips=mapped.skips,
        findings=findings,
        withdrawals=withdrawals,
    )
    return replace(verdict, files=_accounts(feed, verdict))


def _watched(tables: list[RawTable], on_rows: Callable[[int], None] | None) -> list[RawTable]:
    """The same tables; ``on_rows`` is told of their rows as they are read."""
    if on_rows is None:
        return tables

    def told(table: RawTable) -> Iterator[pa.Table]:
        for batch in table.batches():
            on_rows(batch.num_rows)
            yield batch

    return [replace(table, batches=partial(told, table)) for table in tables]


def _judge_tables(
    tables: list[RawTable], registration: Registration, instruments: Mapping[str, Instrument], folder: Path
) -> tuple[list[JudgedTable], list[Finding]]:
    if not tables:
        return [], []
    # Imported here because a feed of documents does without the libraries for tables.
    from hubs.judge.tables import TableContext, judge_tables

    return judge_tables(tables, TableContext(registration.sector, instruments, _register(registration)), folder)


def _register(registration: Registration) -> Register | None:
    return read_register(Path(registration.register_file)) if registration.register_file else None


def _feed_faults(accepted: int, quarantined: int, withdrawals: int, tables: list[JudgedTable]) -> list[str]:
    answers = sum(table.accepted_rows for table in tables)
    bad_answers = sum(table.quarantined_rows for table in tables)
    if not (accepted or quarantined or answers or bad_answers):
        return ["empty_feed"]
    shares = [(quarantined, accepted + quarantined + withdrawals), (bad_answers, answers + bad_answers)]
    if any(total and bad / total > HOPELESS_SHARE for bad, total in shares):
        return ["hopeless_feed"]
    return []


def _in_order(findings: list[Finding]) -> list[Finding]:
    """Worst first, then by place: the order in which people mend."""
    return sorted(
        findings, key=lambda f: (f.severity.rank, CODES[f.code].scope != "feed", f.file or "", f.row or 0, f.code)
    )


def _accounts(feed: Feed, verdict: Verdict) -> list[FileAccount]:
    accepted = Counter(record.file for record in verdict.records)
    quarantined = Counter(entry.file for entry in verdict.quarantine)
    for table in verdict.tables:
        accepted[table.file] += table.accepted_rows
        quarantined[table.file] += table.quarantined_rows
    skipped = Counter(skip.file for skip in verdict.skips)
    found = Counter(finding.file for finding in verdict.findings)
    withdrawals = Counter(withdrawal.file for withdrawal in verdict.withdrawals)
    return [
        FileAccount(name, accepted[name], quarantined[name], skipped[name], found[name], withdrawals[name])
        for name in sorted(feed.files)
    ]
