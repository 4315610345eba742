"""Jobs by which the operator decides and acts. Each is one call of ``pipelines``, which says what it does; here is what
the Launchpad asks for, and what it shows.
"""

from datetime import UTC, datetime

import dagster as dg
from pydantic import Field

from assets.hubs import CHECKS, OVERVIEW, check_results, overview_metadata, standing_key, state_metadata
from assets.queue import RELEASING
from assets.refusals import refusals_fail
from assets.release import RELEASE, release_metadata
from assets.resources import LineResource
from pipelines import releasing
from pipelines import withdraw as withdrawal
from pipelines.buckets import Bucket
from pipelines.candidates import Candidate
from pipelines.line import Line, confirm
from pipelines.mirror import mirror as mirror_to
from pipelines.settings import FILE, MIRROR, MIRROR_ENDPOINT, MIRROR_SECRET, named
from pipelines.validate import newest_verdict
from pipelines.withdrawals import Kind

RELEASE_ID = Field(description="Id of the candidate, as the asset candidate shows it, such as 2026-11-29.01.")
KEPT = "It is kept in the store, and not published."
MIRROR_RETRIES = dg.RetryPolicy(max_retries=3, delay=60, backoff=dg.Backoff.EXPONENTIAL)
"""For object stores that cannot be had for a while."""


class Approval(dg.Config):
    """Which candidate is published, and in whose name."""

    release: str = RELEASE_ID
    by: str = Field(description="Who approves: a name or an office. It is published in release.json.")
    note: str = Field(description=f"What was looked at, or agreed. {KEPT}")


@dg.op
def approve_candidate(context: dg.OpExecutionContext, config: Approval, line: LineResource) -> None:
    """Publish a candidate. Where the rule asks for two people, the first approval waits for the second."""
    opened = line.open()
    with refusals_fail(context):
        found = releasing.approve(opened, config.release, datetime.now(UTC), by=config.by, note=config.note)
    if found.decided is None:
        context.log.warning(f"{found.id} is approved by {found.approved_by}. A second person has to approve it.")
    else:
        _tell_release(context, opened, found)


class Refusal(dg.Config):
    """Which candidate is not published, and why."""

    release: str = RELEASE_ID
    by: str = Field(description=f"Who refuses. {KEPT}")
    reason: str = Field(description=f"Why. {KEPT}")


@dg.op
def refuse_candidate(context: dg.OpExecutionContext, config: Refusal, line: LineResource) -> None:
    """Refuse a candidate: it goes, and why stays. The same is not built again until something changes."""
    with refusals_fail(context):
        refused = releasing.refuse(line.open(), config.release, datetime.now(UTC), by=config.by, reason=config.reason)
    context.log.info(f"{refused.id} is refused. Readers go on seeing {refused.previous or 'nothing'}.")


class Confirmation(dg.Config):
    """Which held feed goes through, why, and who says so."""

    hub: str = Field(description="Id of the hub, such as local-government.")
    reason: str = Field(description=f"Why the change is meant, as the hub has said. {KEPT}")
    by: str = Field(description=f"Who lets it through: a name or a role. {KEPT}")
    feed: str = Field(
        "", description="The beginning of the feed's digest (newest_feed of the standing): then no other."
    )


@dg.op
def let_through(context: dg.OpExecutionContext, config: Confirmation, line: LineResource) -> None:
    """Let the hub's newest feed through, although it changes much. Fails when none waits for that."""
    opened, now, hub = line.open(), datetime.now(UTC), config.hub
    if hub not in opened.registry.hubs:
        raise dg.Failure(f"No hub is called {hub!r}; there are {', '.join(opened.registry.hubs)}", allow_retries=False)
    with refusals_fail(context):
        state = confirm(opened, hub, now, reason=config.reason, by=config.by, feed=config.feed)
    context.log.info(f"{hub}: {state.state.value}, in use is feed {state.snapshot}")
    metadata = state_metadata(opened, state, newest_verdict(opened.store, hub))
    context.log_event(dg.AssetMaterialization(standing_key(hub), metadata=metadata))
    context.log_event(dg.AssetMaterialization(OVERVIEW, metadata=overview_metadata(opened, now)))
    for result in check_results(opened, hub, {dg.AssetCheckKey(standing_key(hub), name) for name in CHECKS}, now):
        told = {"severity": result.severity, "description": result.description, "metadata": result.metadata}
        evaluation = dg.AssetCheckEvaluation(result.asset_key, result.check_name, result.passed, **told)
        context.instance.report_runless_asset_event(evaluation)


class Withdrawal(dg.Config):
    """Which records are withdrawn from all releases, past and new, and why."""

    records: list[str] = Field(description="Ids of the records, as readers see them, such as health/shared-record.")
    reason: str = Field(description="Why. It is published: in a takedown it must not say what has to go.")
    by: str = Field(description=f"Who decides. {KEPT}")
    takedown: bool = Field(
        False, description="Remove all that the records say. Otherwise their pages stay, and say why."
    )
    successor: str = Field("", description="Id of the record that takes their place, if there is one.")
    dry_run: bool = Field(True, description="Only log which releases would change. Set to false to do it: for good.")


@dg.op
def withdraw_records(context: dg.OpExecutionContext, config: Withdrawal, line: LineResource) -> None:
    """Withdraw records from all releases, past and new. It cannot be undone."""
    opened, now, kind = line.open(), datetime.now(UTC), Kind.TAKEDOWN if config.takedown else Kind.RETRACTION
    told = {"kind": kind, "reason": config.reason, "successor": config.successor or None, "by": config.by}
    with refusals_fail(context):
        decisions = withdrawal.decide(opened, config.records, now, **told)
        if config.dry_run:
            context.log.info(withdrawal.plan_in_words(withdrawal.plan(opened, decisions)))
            return
        outcome = withdrawal.withdraw(opened, decisions, now, lambda *step: context.log.info(": ".join(step)))
    context.log.info("\n".join(withdrawal.in_words(outcome)))
    if outcome.release:
        _tell_release(context, opened, opened.store.candidates.find(outcome.release))
    if outcome.refused or outcome.why_none:
        raise dg.Failure("Withdrawn, but " + "; ".join([*outcome.refused.values(), outcome.why_none or ""]).strip("; "))


class Place(dg.Config):
    """Where the copy stands."""

    place: str = Field("", description="Place in an object store, as s3://bucket/folder. Empty: the setting mirror.")


@dg.op(retry_policy=MIRROR_RETRIES)
def mirror_site(context: dg.OpExecutionContext, config: Place, line: LineResource) -> None:
    """Bring the copy of what is published in an object store up to date."""
    place = config.place or named(MIRROR)
    if not place:
        raise dg.Failure(f"No place for a copy is named: give one here, or {MIRROR} in {FILE}", allow_retries=False)
    with refusals_fail(context):
        bucket = Bucket(place, named(MIRROR_ENDPOINT), named(MIRROR_SECRET))
        done = mirror_to(line.open().public, bucket)
    context.add_output_metadata(done.to_dict())
    context.log.info(f"{done.uploaded:,} files sent, {done.deleted:,} deleted, {done.unchanged:,} as they were")


def _form(op: str, **fields: object) -> dict[str, object]:
    """What the Launchpad's editor begins with: the fields that somebody has to fill in, and nothing else."""
    return {"ops": {op: {"config": fields}}}


def _tell_release(context: dg.OpExecutionContext, line: Line, published: Candidate) -> None:
    """Let the asset ``release`` show what was published outside its own step."""
    context.log.info(f"Published release {published.id}")
    context.log_event(dg.AssetMaterialization(RELEASE, metadata=release_metadata(line, published)))


@dg.job(
    description="Publish the candidate that waits. Launch it with its id, your name and a note.",
    config=_form("approve_candidate", release="", by="", note=""),
    tags=RELEASING,
)
def approve() -> None:
    """One step."""
    approve_candidate()


@dg.job(
    description="Refuse the candidate that waits. Launch it with its id, your name and the reason.",
    config=_form("refuse_candidate", release="", by="", reason=""),
    tags=RELEASING,
)
def refuse() -> None:
    """One step."""
    refuse_candidate()


@dg.job(
    description="Let a held feed through. Launch it with the hub, the reason and your name.",
    config=_form("let_through", hub="", reason="", by=""),
)
def confirm_feed() -> None:
    """One step."""
    let_through()


@dg.job(
    description="Withdraw records from all releases, for good. A dry run unless you say otherwise.",
    config=_form("withdraw_records", records=[], reason="", by="", takedown=False, successor="", dry_run=True),
    tags=RELEASING,
)
def withdraw() -> None:
    """One step."""
    withdraw_records()


@dg.job(
    description="Bring the copy in an object store up to date with what is published.",
    config=_form("mirror_site", place=""),
    tags=RELEASING,
)
def mirror() -> None:
    """One step."""
    mirror_site()


JOBS = [approve, refuse, confirm_feed, withdraw, mirror]
