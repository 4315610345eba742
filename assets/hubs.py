"""Assets of one hub: what it delivered, and how it stands. The hub is in the asset key; nothing here knows two hubs.

Also the job by which the operator lets a held feed through.
"""

import textwrap
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

import dagster as dg

from assets.resources import LineResource
from hubs.check import report_text
from hubs.contract.findings import CODES
from hubs.contract.verdict import Verdict
from hubs.registration import CADENCE, Registration
from pipelines.edition import HubState, State
from pipelines.line import confirm, gather
from pipelines.standing import STALE_CADENCES, hub_state, is_stale
from pipelines.validate import newest_verdict

WIDTH = 52
"""Characters of a line that the UI shows of a value without cutting it off."""


def snapshot_key(hub: str) -> dg.AssetKey:
    """Key of what the hub delivered."""
    return dg.AssetKey(["hubs", hub, "snapshot"])


def standing_key(hub: str) -> dg.AssetKey:
    """Key of how the hub stands."""
    return dg.AssetKey(["hubs", hub, "standing"])


def hub_assets(registration: Registration) -> dg.AssetsDefinition:
    """The assets of one hub, made in one step: ``snapshot`` only when new bytes came, ``standing`` always.

    So a silent hub grows stale by itself, and the library never waits for a hub that has nothing.
    """
    hub, cadence = registration.id, CADENCE[registration.cadence]
    group = f"hub_{hub.replace('-', '_')}"
    snapshot = dg.AssetSpec(
        snapshot_key(hub),
        description=f"{registration.name.en}: the feed's bytes, immutable, kept by content.",
        group_name=group,
        kinds={"file"},
        skippable=True,
        freshness_policy=dg.FreshnessPolicy.time_window(fail_window=cadence * STALE_CADENCES, warn_window=cadence),
    )
    standing = dg.AssetSpec(
        standing_key(hub),
        description=f"{registration.name.en}: the verdict on its newest feed, and which feed the next release uses.",
        group_name=group,
        kinds={"pydantic", "greatexpectations"},
    )

    @dg.multi_asset(name=f"gather_{hub.replace('-', '_')}", specs=[snapshot, standing])
    def gather_hub(line: LineResource) -> Iterator[dg.MaterializeResult]:
        opened = line.open()
        state, is_new = gather(opened, hub, datetime.now(UTC))
        verdict = newest_verdict(opened.store, hub)
        if is_new:
            yield dg.MaterializeResult(snapshot_key(hub), metadata={"digest": opened.store.last_pull(hub)["digest"]})
        yield dg.MaterializeResult(standing_key(hub), metadata=state_metadata(state, verdict))

    return gather_hub


def hub_checks(registration: Registration) -> list[dg.AssetChecksDefinition]:
    """Checks of one hub. They warn and never block: one hub's trouble is not another's."""
    hub = registration.id

    @dg.asset_check(asset=standing_key(hub), name="newest_feed_is_used")
    def newest_feed_is_used(line: LineResource) -> dg.AssetCheckResult:
        """The newest feed was had, was accepted, and is what the next release uses."""
        opened = line.open()
        state = hub_state(opened.store, opened.registry, hub)
        return dg.AssetCheckResult(
            passed=state.state in (State.FRESH, State.RETIRED),
            severity=dg.AssetCheckSeverity.WARN,
            description=state.reason,
            metadata={"held_by": _listed(state.held_by), "what_to_do": what_to_do(state)},
        )

    @dg.asset_check(asset=standing_key(hub), name="content_is_current")
    def content_is_current(line: LineResource) -> dg.AssetCheckResult:
        """The feed in use has changed within twice the hub's cadence: the same bytes again are not news."""
        opened = line.open()
        state, now = hub_state(opened.store, opened.registry, hub), datetime.now(UTC)
        return dg.AssetCheckResult(
            passed=not is_stale(state.fetched, registration, now),
            severity=dg.AssetCheckSeverity.WARN,
            description=f"First had {_ago(state.fetched, now)}; the hub's cadence is {registration.cadence}.",
            metadata={"age_days": (now - state.fetched).days if state.fetched else None},
        )

    @dg.asset_check(asset=standing_key(hub), name="last_good_feed_lasts")
    def last_good_feed_lasts(line: LineResource) -> dg.AssetCheckResult:
        """A feed that is carried forward will still be carried for a month."""
        opened = line.open()
        state, now = hub_state(opened.store, opened.registry, hub), datetime.now(UTC)
        return dg.AssetCheckResult(
            passed=not state.is_expiring(now),
            severity=dg.AssetCheckSeverity.WARN,
            description=f"Last had {_ago(state.seen, now)}"
            + (f", carried until {state.expires:%-d %B %Y}." if state.expires else "; it need not be carried."),
            metadata={"carried_until": dg.MetadataValue.timestamp(state.expires) if state.expires else "not carried"},
        )

    return [newest_feed_is_used, content_is_current, last_good_feed_lasts]


class Confirmation(dg.Config):
    """Which held feed goes through, why, and who says so; ``feed`` is the beginning of its digest, if that matters."""

    hub: str
    reason: str
    by: str
    feed: str = ""


@dg.op
def let_through(context: dg.OpExecutionContext, config: Confirmation, line: LineResource) -> None:
    """Let the hub's newest feed through, although it changes much. Fails when none waits for that. The hub's standing
    shows it after the next pull.
    """
    state = confirm(line.open(), config.hub, datetime.now(UTC), reason=config.reason, by=config.by, feed=config.feed)
    context.log.info(f"{config.hub}: {state.state.value}, in use is feed {state.snapshot}")


@dg.job(description="Let a held feed through. Launch it with the hub, the reason and your name.")
def confirm_feed() -> None:
    """One step."""
    let_through()


def state_metadata(state: HubState, newest: Verdict | None) -> dict[str, Any]:
    """What the operator sees beside a hub's standing: state, reason, counts by verdict, quarantine by code, and the
    report on the newest feed as the hub reads it.
    """
    quarantined = [*state.quarantined.items(), *state.quarantined_answers.items()]
    rows = [f"| {code} | {number:,} |" for code, number in quarantined]
    return {
        "state": state.state.value,
        "since": _moment(state.since),
        "reason": textwrap.fill(state.reason or "none", WIDTH),
        "held_by": _listed(state.held_by),
        "what_to_do": textwrap.fill(what_to_do(state), WIDTH),
        "fetched": _moment(state.fetched),
        "last_seen": _moment(state.seen),
        "carried_until": _moment(state.expires),
        "newest_feed": (state.newest or "none")[:12],
        "change": _listed(state.change["kinds"]) if state.change else "nothing",
        "changed_by_kind": dg.MetadataValue.md(_tallies(state.change["numbers"]) if state.change else "nothing"),
        **state.counts,
        "quarantined_by_code": dg.MetadataValue.md("\n".join(["| code | number |", "|---|---|", *rows])),
        "report": dg.MetadataValue.md(f"```text\n{report_text(newest, state.id)}```" if newest else "no feed was had"),
    }


def what_to_do(state: HubState) -> str:
    """What the operator does about the newest feed, in a sentence."""
    told = [CODES[code].operator.replace("HUB", state.id) for code in state.held_by[:1]]
    return told[0] if told else "nothing"


def _listed(words: Iterable[str]) -> str:
    return ", ".join(words) or "nothing"


def _tallies(numbers: Mapping[str, Any]) -> str:
    """Tallies of a change (``breaker.Change.numbers``) as a table."""
    names = ("before", "after", "added", "edited", "lost", "rekeyed", "withdrawn", "closed")
    rows = [f"| of | {' | '.join(names)} |", "|---" * (len(names) + 1) + "|"]
    scopes = [("records", numbers.get("records", {}))]
    scopes += [(f"{what} {kind}", t) for what in ("organisations", "rows") for kind, t in numbers.get(what, {}).items()]
    for what, tallies in scopes:
        for scope, tally in tallies.items():
            rows.append(f"| {what}: {scope} | {' | '.join(f'{tally.get(name, 0):,}' for name in names)} |")
    return "\n".join(rows)


def _ago(moment: datetime | None, now: datetime) -> str:
    days = (now - moment).days if moment else 0
    return f"{days} day{'' if days == 1 else 's'} ago" if moment else "never"


def _moment(moment: datetime | None) -> dg.MetadataValue | str:
    return dg.MetadataValue.timestamp(moment) if moment else "never"
