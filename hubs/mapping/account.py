"""What mapping one feed gathers: documents, tables, skips and findings, and which files were taken.

Every file of the feed must end in one of them; that is checked here and nowhere else.
"""

from __future__ import annotations

import fnmatch
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any

from hubs.contract.findings import Finding
from hubs.contract.records import RawDocument, RawTable, Skip
from hubs.feed import Feed
from hubs.mapping.spec import SkipRule
from hubs.mapping.text import decode, not_text

MAX_MARKDOWN_BYTES = 8_000_000
"""Forty times the longest text of a record: a page of questions and answers may hold many."""
MAX_WHOLE_FILE_BYTES = 64_000_000
"""Of a file of rows of documents, which is read into memory as a whole."""

_ABOUT_THE_FEED = ("readme*", "license*", "licence*", "changelog*", "contributing*", "notice*", "sha256sums*")
_PICTURES = {".png", ".jpg", ".jpeg", ".gif", ".svg", ".webp", ".ico"}


@dataclass
class Account:
    """Fills up while a feed is mapped."""

    feed: Feed
    documents: list[RawDocument] = field(default_factory=list)
    tables: list[RawTable] = field(default_factory=list)
    skips: list[Skip] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    held_by: list[str] = field(default_factory=list)
    taken: set[str] = field(default_factory=set)
    cover: dict[str, Any] = field(default_factory=dict)
    """What the feed says itself of all its records, by field: it goes before what the registration says."""

    def hold(self, code: str, detail: str, file: str | None = None) -> None:
        """Hold the feed as a whole."""
        self.findings.append(Finding(code, file=file, detail=detail))
        if code not in self.held_by:
            self.held_by.append(code)

    def fail_expectation(self, source: str, detail: str) -> None:
        """Hold the feed because the source called so no longer looks as its mapping says."""
        self.hold("mapping_expectation_failed", f"source {source}: {detail}")

    def find(self, code: str, file: str, detail: str | None = None) -> None:
        """Note a finding about a file."""
        self.findings.append(Finding(code, file=file, detail=detail))

    def skip(self, file: str, reason: str, place: str = "") -> None:
        """Leave a file, or a part of it, out on purpose."""
        self.skips.append(Skip(file, place, reason))

    def skip_by_rule(self, rules: Iterable[SkipRule]) -> None:
        """Leave out the files that the registration says to leave out; the first rule gives the reason."""
        for rule in rules:
            for name in sorted({name for glob in rule.glob for name in self.feed.glob(glob)} - self.taken):
                self.taken.add(name)
                self.skip(name, rule.reason)

    def set_aside(self, name: str, reason: str) -> None:
        """Leave out a file that is about the feed, where there is one and nothing has left it out before."""
        if name in self.feed.files and name not in self.taken:
            self.taken.add(name)
            self.skip(name, reason)

    def fits(self, name: str, limit_bytes: int) -> bool:
        """Whether a file is small enough to be read as a whole. If it is not, that is a finding."""
        size = self.feed.size(name)
        if size > limit_bytes:
            self.find("too_large", name, f"{size:,} bytes; a file of its kind may have {limit_bytes:,}")
        return size <= limit_bytes

    def text(self, name: str) -> str:
        """The text of a file; a wrong encoding is a finding."""
        text, encoding = decode(self.feed.read(name))
        if encoding:
            self.find("wrong_encoding", name, f"read as {encoding}")
        return text

    def text_file(self, name: str, what: str) -> str | None:
        """The text of a file that should be ``what``; None, and a finding, where it is something else altogether."""
        if found := not_text(self.feed.read(name)):
            self.find("unreadable_file", name, f"{found}, not {what}")
            return None
        return self.text(name)

    @property
    def is_complete(self) -> bool:
        """Whether every file of a feed that is not empty has been taken."""
        return bool(self.feed.files) and self.taken >= set(self.feed.files)

    def settle(self) -> None:
        """Account for the files that nothing took, and for names that cannot stand side by side everywhere."""
        first: dict[str, str] = {}
        for name in sorted(self.feed.files):
            other = first.setdefault(unicodedata.normalize("NFC", name).casefold(), name)
            if other != name:
                self.find("names_alike", name, f"also: {other}")
        for name in sorted(set(self.feed.files) - self.taken):
            reason = reason_to_leave_out(name)
            if reason:
                self.skip(name, reason)
            else:
                self.find("unmapped_file", name)


def reason_to_leave_out(name: str) -> str | None:
    """Why a file that no source takes needs no mention; None if it does."""
    path = PurePosixPath(name)
    if path.name.startswith("."):
        return "A settings file, not content."
    if any(fnmatch.fnmatch(path.name.lower(), pattern) for pattern in _ABOUT_THE_FEED):
        return "About the feed, not part of its content."
    if path.suffix.lower() in _PICTURES:
        return "Pictures are not read."
    return None
