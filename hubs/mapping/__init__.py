"""Reading a hub's feed, in the contract's shape or its own, into raw records that the judge can judge.

What a mapping may say is ``spec``; finding the fields of documents is ``fields``, of tables ``columns``; file formats
are ``readers``; feeds in the contract's own shape are ``native``, in another ``sources``, and the tables of both
``tables``; advice to those who write a mapping is ``lint``. Nothing here decides whether a record is good.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from hubs.contract.findings import Finding
from hubs.contract.records import MANIFEST, SIGNATURE, RawDocument, RawTable, Skip
from hubs.feed import Feed
from hubs.mapping.account import Account
from hubs.mapping.native import read_native
from hubs.mapping.sources import read_sources

if TYPE_CHECKING:
    from hubs.registration import Registration

__all__ = ["Mapped", "map_feed"]


@dataclass(frozen=True)
class Mapped:
    """What a feed holds, not yet judged. ``held_by`` are the codes for which none of it may be used."""

    documents: list[RawDocument]
    tables: list[RawTable]
    skips: list[Skip]
    findings: list[Finding]
    held_by: tuple[str, ...]


def map_feed(feed: Feed, registration: Registration) -> Mapped:
    """Read ``feed`` as ``registration`` says. Each file ends as records, a table, a finding or a skip.

    Bad data never raises; OSError may come from the disk.
    """
    account = Account(feed)
    account.skip_by_rule(registration.skip)
    if registration.sources:
        _set_signature_aside(account, registration)
        account.set_aside(MANIFEST, "Describes the feed.")
        read_sources(account, registration)
    elif not account.is_complete:
        _set_signature_aside(account, registration)
        read_native(account, registration)
    account.settle()
    return Mapped(account.documents, account.tables, account.skips, account.findings, tuple(account.held_by))


def _set_signature_aside(account: Account, registration: Registration) -> None:
    is_looked_at = registration.public_key is not None
    account.set_aside(
        SIGNATURE,
        "Signs the feed." if is_looked_at else "A signature. The registration names no key, so nobody looked at it.",
    )
