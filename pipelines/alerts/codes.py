"""What may be wrong or waiting: one table of stable codes, each with its weight, what it means and what to do about it.

A new alert adds a line to ``ALERTS``, and a test that brings it about; a published code never changes meaning. When one
holds is for ``conditions``, who is told and how often for ``deciding``.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum


class Weight(StrEnum):
    """``critical``: readers or the safety of the store are concerned, so it does not wait for the pause between two
    messages. ``warning``: somebody has to act. ``info``: somebody may decide something.
    """

    CRITICAL = "critical"
    WARNING = "warning"
    INFO = "info"


@dataclass(frozen=True)
class Alert:
    """The meaning of a code. ``means`` and ``mend`` are for the operator; HUB stands there for the hub's id, and ID for
    that of a candidate or release. ``grace`` is how long it has to last before anybody is told. ``tells_end``: whoever
    was told is told when it is over. ``is_for_hub``: the hub's contact is told too, if it is the hub's to mend.
    """

    weight: Weight
    title: str
    means: str
    mend: str
    grace: timedelta = timedelta()
    tells_end: bool = True
    is_for_hub: bool = False


ALERTS: dict[str, Alert] = {
    # Of one hub.
    "feed_held": Alert(
        Weight.WARNING,
        "Feed held",
        "The newest feed of the hub is not used. The last good one, if there is one, stays published.",
        "Run hubpacks status HUB, and do what it says of the code.",
        is_for_hub=True,
    ),
    "feed_not_had": Alert(
        Weight.WARNING,
        "Feed not had",
        "The feed could not be had at any pull for two days. The last good one stays published for now.",
        "Run hubpacks status HUB, and do what it says of the code.",
        grace=timedelta(days=2),
        is_for_hub=True,
    ),
    "hub_missing": Alert(
        Weight.WARNING,
        "Hub missing",
        "No feed of the hub can be used, and there is no good one to carry: releases have nothing of it.",
        "Correct the address or the registration, or ask the hub.",
        is_for_hub=True,
    ),
    "hub_stale": Alert(
        Weight.INFO,
        "Hub stale",
        "The hub has sent nothing new for twice its cadence. What it sent last stays published.",
        "Ask the hub whether it has news. If it has less often, set another cadence in its registration.",
        is_for_hub=True,
    ),
    "hub_expiring": Alert(
        Weight.WARNING,
        "Hub expiring",
        "The last good feed has been carried forward for long, and is dropped within 30 days.",
        "Ask the hub to mend its feed before that day, or raise carry_for_days in its registration.",
        is_for_hub=True,
    ),
    "registration_unusable": Alert(
        Weight.WARNING,
        "Registration unusable",
        "The hub's registration cannot be read, so its feed is not pulled.",
        "Run hubpacks registry check, and mend what it names.",
    ),
    "registration_gone": Alert(
        Weight.WARNING,
        "Registration gone",
        "The registry has no file for the hub any more, so it is retired, and its content leaves the next release.",
        "If that is not meant, bring HUB.yaml back. If it is, write retired: true into it and bring it back.",
    ),
    # Of releases.
    "candidate_ready": Alert(
        Weight.INFO,
        "Candidate ready",
        "A candidate release was built and waits for somebody to approve it.",
        "Look at it with hubpacks serve --candidate, then run hubpacks approve ID, or hubpacks refuse ID.",
        tells_end=False,
    ),
    "candidate_waits_for_second": Alert(
        Weight.INFO,
        "Candidate waits for a second approval",
        "One person has approved the candidate, and the rule asks for two.",
        "Somebody else looks at it, then runs hubpacks approve ID.",
        tells_end=False,
    ),
    "release_refused": Alert(
        Weight.WARNING,
        "Release refused",
        "The last attempt to build a release made none, because it did not pass its own checks. The old one stays.",
        "Run hubpacks candidates, or hubpacks run, which name the reason; mend that.",
    ),
    "release_damaged": Alert(
        Weight.CRITICAL,
        "Release damaged",
        "A file of the release that readers see is missing, or not of the size that the release lists.",
        "Run hubpacks verify on the public folder, and restore the release from a copy.",
    ),
    "withdrawal_not_followed": Alert(
        Weight.CRITICAL,
        "Withdrawal not followed",
        "Releases that are out still have what was withdrawn, because they could not be reissued.",
        "Run hubpacks run, which goes on with it, and mend what it names.",
        grace=timedelta(hours=1),
    ),
    "keys_lost": Alert(
        Weight.CRITICAL,
        "List of keys lost",
        "The newest release is signed with a key of which the store knows nothing: nothing more can be published.",
        "Restore the store's folder keys from a copy, or run hubpacks key rotate.",
    ),
    "mirror_behind": Alert(
        Weight.WARNING,
        "Mirror behind",
        "The mirror does not show what is published here.",
        "Run hubpacks mirror, and mend what it names.",
        grace=timedelta(hours=1),
    ),
    # Of the installation.
    "schedule_missed": Alert(
        Weight.WARNING,
        "Schedule missed",
        "What was due has not been attempted.",
        "See whether Dagster's daemon runs and its schedules are switched on, or whether cron does its part.",
        grace=timedelta(hours=6),
    ),
    "submissions_waiting": Alert(
        Weight.WARNING,
        "Submissions waiting",
        "What hubs have submitted has not been judged for an hour.",
        "See whether hubpacks intake runs; it goes on where it stopped.",
        grace=timedelta(hours=1),
    ),
    "disk_low": Alert(
        Weight.CRITICAL,
        "Disk low",
        "There is little room left where the store or the public folder is. A run that finds none publishes nothing.",
        "Make room, or move the folder to a larger disk. What is published stays meanwhile.",
    ),
    "clock_wrong": Alert(
        Weight.CRITICAL,
        "Clock wrong",
        "This machine's clock stands before the newest release, so no new one gets an id.",
        "Set the clock.",
    ),
    "alerts_unsent": Alert(
        Weight.WARNING,
        "Alerts unsent",
        "Messages could not be sent for a day. They wait, and are tried again.",
        "Run hubpacks alerts --test, and mend what it names.",
        grace=timedelta(days=1),
    ),
}
"""By code, in the order in which they are told."""
