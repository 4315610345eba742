"""The verdict on a feed: a value, the same whichever door the feed came through."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from hubs.contract.findings import Finding, Severity
from hubs.contract.records import MANIFEST, Record, Skip, Withdrawal


@dataclass(frozen=True)
class Quarantined:
    """A document that was not accepted, with its original bytes, so that it can be judged again."""

    kind: str
    file: str
    place: str
    record: str | None
    codes: tuple[str, ...]
    raw: bytes


@dataclass(frozen=True)
class JudgedTable:
    """A table after judgement. ``accepted`` and ``quarantined`` are Parquet files (rows with their row number;
    the quarantine adds ``codes``), None where there is no such row. Counts are rows;
    ``derived`` is that of ``RawTable``.
    """

    kind: str
    file: str
    place: str
    rows: int
    accepted_rows: int
    quarantined_rows: int
    accepted: Path | None
    quarantined: Path | None
    derived: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class FileAccount:
    """Where one file of the feed ended. Nothing disappears: at least one of these is above zero. A record that is
    withdrawn shows as a finding; ``withdrawals`` are the notices that say so.
    """

    file: str
    accepted: int
    quarantined: int
    skipped: int
    findings: int
    withdrawals: int = 0


@dataclass(frozen=True)
class Verdict:
    """What the judge says of one feed: ``held_by`` is empty when the feed is accepted."""

    hub: str
    contract: str
    rules: str
    held_by: tuple[str, ...]
    records: list[Record]
    tables: list[JudgedTable]
    quarantine: list[Quarantined]
    skips: list[Skip]
    findings: list[Finding]
    files: list[FileAccount] = field(default_factory=list)
    withdrawals: list[Withdrawal] = field(default_factory=list)

    @property
    def is_held(self) -> bool:
        """Whether none of the feed may be used."""
        return bool(self.held_by)

    @property
    def answers(self) -> int:
        """Rows accepted over all tables."""
        return sum(table.accepted_rows for table in self.tables)

    def counts(self) -> dict[str, int]:
        """Records and rows by verdict, and findings by severity. ``withdrawn`` are records that are still in the feed
        although the hub has withdrawn them; ``withdrawals`` its notices.
        """
        by_severity = Counter(finding.severity for finding in self.findings)
        return {
            "accepted": len(self.records),
            "quarantined": len(self.quarantine),
            "answers_accepted": self.answers,
            "answers_quarantined": sum(table.quarantined_rows for table in self.tables),
            "withdrawals": len(self.withdrawals),
            "withdrawn": sum(finding.code == "withdrawn_record" for finding in self.findings),
            "skipped": sum(skip.file != MANIFEST for skip in self.skips),
            "errors": by_severity[Severity.ERROR],
            "warnings": by_severity[Severity.WARNING],
            "notes": by_severity[Severity.NOTE],
        }

    def quarantined_by_code(self) -> dict[str, int]:
        """How many documents were quarantined for each code, commonest first. One may count under several."""
        return dict(Counter(code for document in self.quarantine for code in document.codes).most_common())

    def answers_quarantined_by_code(self, file: str | None = None) -> dict[str, int]:
        """The same for rows of tables, of one file or of all. For the hub and the operator: readers get no exact number
        of answers.
        """
        tally: Counter[str] = Counter()
        quarantined_tables = {t.file for t in self.tables if t.quarantined_rows and file in (None, t.file)}
        for finding in self.findings:
            if finding.severity is Severity.ERROR and finding.row is not None and finding.file in quarantined_tables:
                tally[finding.code] += finding.count
        return dict(tally.most_common())

    def derived(self) -> dict[str, int]:
        """What was worked out rather than stated, as ``field from how``, with the number of records or answers."""
        tally: Counter[str] = Counter()
        for table in self.tables:
            tally.update({f"{name} from {how}": table.accepted_rows for name, how in table.derived.items()})
        for record in self.records:
            tally.update(f"{name} from {how}" for name, how in record.derived.items())
        return dict(tally.most_common())
