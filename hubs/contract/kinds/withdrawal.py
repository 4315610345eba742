"""Withdrawals: a hub takes back a record of its own, and says why. What becomes of its page is for publication."""

from __future__ import annotations

from pydantic import Field

from hubs.contract.kinds.base import IsoDate, LocalId, Notice, NoticeKind, Text


class WithdrawalNotice(Notice):
    """One record that goes. Its id is never used again."""

    reason: Text = Field(description="Why, for the readers who come to its page.")
    date: IsoDate = Field(description="Day from which it no longer holds.")
    successor: LocalId | None = Field(None, description="Id of the hub's record that takes its place.")


KIND = NoticeKind(
    name="withdrawal",
    label_en="Withdrawal",
    label_cy="Hysbysiad tynnu'n ôl",
    plural_en="Withdrawals",
    plural_cy="Hysbysiadau tynnu'n ôl",
    model=WithdrawalNotice,
    heading="id",
    text="reason",
    missing={"id": "missing_id", "reason": "missing_reason", "date": "missing_withdrawal_date"},
)
