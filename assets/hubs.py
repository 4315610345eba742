"""Assets of hubs: what each delivered, and how it stands. The hub is in the asset key.

One step gathers the hubs of a sector, many at once, so a thousand hubs are as many steps as ten. Checks come with it.
"""

import textwrap
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Set
from datetime import UTC, datetime
from typing import Any

import dagster as dg

from assets.resources import LineResource
from assets.showing import bars, listed, moment, pack_links, table, version_of
from hubs.check import report_text
from hubs.contract.findings import CODES
from hubs.contract.verdict import Verdict
from hubs.contract.vocabularies import vocabulary
from hubs.registration import CADENCE, Registration
from pipelines.consolidate import numbers_by_pack
from pipelines.edition import HubState, State
from pipelines.line import Gathered, Line, gather_some, standings
from pipelines.standing import STALE_CADENCES, hub_state, is_stale, records_in_use, warnings
from pipelines.validate import newest_verdict

OVERVIEW = dg.AssetKey("all_hubs")
WIDTH = 52
"""Characters of a line that the UI shows of a value without cutting it off."""
Told = dg.MaterializeResult | dg.AssetCheckResult
CHECKS = {
    "newest_feed_is_used": "The newest feed was had, was accepted, and is what the next release uses.",
    "content_is_current": "The feed in use has changed within twice the hub's cadence: the same bytes are no news.",
    "last_good_feed_lasts": "A feed that is carried forward will still be carried for a month.",
}
"""Checks of each hub's standing. They warn and never block: one hub's trouble is not another's."""


def snapshot_key(hub: str) -> dg.AssetKey:
    """Key of what the hub delivered."""
    return dg.AssetKey(["hubs", hub, "snapshot"])


def standing_key(hub: str) -> dg.AssetKey:
    """Key of how the hub stands."""
    return dg.AssetKey(["hubs", hub, "standing"])


def keys_of(hubs: Iterable[str]) -> list[dg.AssetKey]:
    """Keys of the assets of ``hubs``."""
    return [key(hub) for hub in hubs for key in (snapshot_key, standing_key)]


def hubs_assets(registrations: Iterable[Registration]) -> list[dg.AssetsDefinition]:
    """The assets of all hubs, a step for each sector that has any."""
    hubs = list(registrations)
    sectors = {term.id: [hub for hub in hubs if hub.sector == term.id] for term in vocabulary("sectors")}
    return [_sector_assets(sector, of_sector) for sector, of_sector in sectors.items() if of_sector]


def overview_asset(hubs: Iterable[str]) -> dg.AssetsDefinition:
    """The place to look each morning, at ten hubs or a thousand: those that need somebody, why, and what to do."""

    @dg.asset(
        key=OVERVIEW,
        deps=[standing_key(hub) for hub in hubs],
        group_name="overview",
        description="How all hubs stand: how many in which state, and of those that need somebody why and what to do.",
    )
    def all_hubs(line: LineResource) -> dg.MaterializeResult:
        return dg.MaterializeResult(metadata=overview_metadata(line.open(), datetime.now(UTC)))

    return all_hubs


def overview_metadata(line: Line, now: datetime) -> dict[str, Any]:
    """Numbers of hubs by state, which the UI plots over time; and the hubs that need somebody, each with a link."""
    states = standings(line)
    told = [(state, warnings(state, line.registry, now)) for state in states]
    rows = [
        (_link(line, state.id), state.state.value, " ".join([state.reason or "", *more]), what_to_do(state))
        for state, more in told
        if more or state.state not in (State.FRESH, State.RETIRED)
    ]
    numbers = Counter(state.state.value for state in states)
    return {
        "need_somebody": len(rows),
        "who_and_why": table(("hub", "state", "why", "what to do"), rows, none="Every hub stands well."),
        "hubs": len(states),
        **{state.value: numbers[state.value] for state in State},
    }


def _link(line: Line, hub: str) -> str:
    """The hub's page in the UI; one whose registration was never usable has none."""
    return f"[{hub}](/assets/hubs/{hub}/standing)" if hub in line.registry.hubs else hub


def _sector_assets(sector: str, hubs: list[Registration]) -> dg.AssetsDefinition:
    """The assets of the hubs of one sector: ``snapshot`` is made only when new bytes came, ``standing`` always.

    So a silent hub grows stale by itself, and the library never waits for a hub that has nothing. When something goes
    wrong at work on a hub that no feed can do, the others' are made, and the step fails and names it.
    """

    @dg.multi_asset(
        name=f"gather_{sector}",
        description=f"Pulls and judges the hubs of the sector {sector} that were chosen, many at once.",
        specs=[spec for hub in hubs for spec in _specs(hub)],
        check_specs=[_check_spec(hub.id, name) for hub in hubs for name in CHECKS],
        can_subset=True,
    )
    def gather_sector(context: dg.AssetExecutionContext, line: LineResource) -> Iterator[Told]:
        opened, now = line.open(), datetime.now(UTC)
        asked, checks = context.selected_asset_keys, context.selected_asset_check_keys
        failed: list[Gathered] = []
        for one in gather_some(opened, _hubs_of(asked), now, lambda *told: context.log.debug(": ".join(told))):
            if one.error is None:
                yield from _results(opened, one, asked, checks, now)
            else:
                failed.append(one)
        for hub in _hubs_of(key.asset_key for key in checks if key.asset_key not in asked):  # checked without a pull
            yield from check_results(opened, hub, checks, now)
        _fail_for(failed)

    return gather_sector


def _hubs_of(keys: Iterable[dg.AssetKey]) -> list[str]:
    return sorted({key.path[1] for key in keys})


def _fail_for(hubs: list[Gathered]) -> None:
    """Let the step fail that could not do its work on these hubs, with what was raised at each."""
    if hubs:
        told = "; ".join(f"{one.hub}: {type(one.error).__name__}: {one.error}" for one in hubs)
        raise dg.Failure(f"Not gathered: {told}. What else was asked for was done.") from hubs[0].error


def _specs(hub: Registration) -> tuple[dg.AssetSpec, dg.AssetSpec]:
    cadence = CADENCE[hub.cadence]
    shared: dict[str, Any] = {
        "group_name": f"hubs_{hub.sector}",
        "skippable": True,
        "owners": [hub.owner.email or f"team:{hub.owner.role}"],
        "tags": {"sector": hub.sector, "cadence": hub.cadence, "content": "sample" if hub.sample else "real"},
    }
    snapshot = dg.AssetSpec(
        snapshot_key(hub.id),
        description=f"{hub.name.en}: the feed's bytes, immutable, kept by content. Made only when they are new.",
        kinds={hub.id},  # shown below the node, whose own label is the last word of its key
        freshness_policy=dg.FreshnessPolicy.time_window(fail_window=cadence * STALE_CADENCES, warn_window=cadence),
        **shared,
    )
    standing = dg.AssetSpec(
        standing_key(hub.id),
        deps=[snapshot_key(hub.id)],
        description=f"{hub.name.en}: the verdict on its newest feed, and which feed the next release uses.",
        kinds={hub.id},
        **shared,
    )
    return snapshot, standing


def _check_spec(hub: str, name: str) -> dg.AssetCheckSpec:
    return dg.AssetCheckSpec(name, asset=standing_key(hub), description=CHECKS[name])


def _results(
    line: Line, gathered: Gathered, asked: Set[dg.AssetKey], checks: Set[dg.AssetCheckKey], now: datetime
) -> Iterator[Told]:
    """What is told of a hub that was gathered: of its assets and checks those that were asked for."""
    hub, state, store = gathered.hub, gathered.state, line.store
    snapshot, standing = snapshot_key(hub), standing_key(hub)
    if gathered.is_new and snapshot in asked:
        digest = store.last_pull(hub)["digest"]
        yield dg.MaterializeResult(snapshot, metadata={"digest": digest}, data_version=dg.DataVersion(digest[:16]))
    if standing in asked:
        metadata = state_metadata(line, state, newest_verdict(store, hub))
        version = version_of(state.state, state.held_by, state.snapshot, state.counts)
        yield dg.MaterializeResult(standing, metadata=metadata, data_version=version)
    yield from check_results(line, hub, checks, now)


def check_results(line: Line, hub: str, asked: Set[dg.AssetCheckKey], now: datetime) -> Iterator[dg.AssetCheckResult]:
    """Those of the hub's checks that were asked for, by what the store holds of it at ``now``."""
    state, registration = hub_state(line.store, line.registry, hub), line.registry.hubs[hub]
    lasting = f", carried until {state.expires:%-d %B %Y}." if state.expires else "; it need not be carried."
    outcomes: dict[str, tuple[bool, str | None, dict[str, Any]]] = {
        "newest_feed_is_used": (
            state.state in (State.FRESH, State.RETIRED),
            state.reason,
            {"held_by": listed(state.held_by), "what_to_do": what_to_do(state)},
        ),
        "content_is_current": (
            not is_stale(state.fetched, registration, now),
            f"{_ago('First had', state.fetched, now)}; the hub's cadence is {registration.cadence}.",
            {"age_days": (now - state.fetched).days} if state.fetched else {},
        ),
        "last_good_feed_lasts": (
            not state.is_expiring(now),
            f"{_ago('Last had', state.seen, now)}{lasting}",
            {"carried_until": moment(state.expires, "not carried")},
        ),
    }
    for name, (passed, description, metadata) in outcomes.items():
        if dg.AssetCheckKey(standing_key(hub), name) in asked:
            yield dg.AssetCheckResult(
                passed=passed,
                asset_key=standing_key(hub),
                check_name=name,
                severity=dg.AssetCheckSeverity.WARN,
                description=description,
                metadata=metadata,
            )


def state_metadata(line: Line, state: HubState, newest: Verdict | None) -> dict[str, Any]:
    """What the operator sees beside a hub's standing: state, reason and what to do first; counts by verdict, which the
    UI plots over time; quarantine by code; the packs its records go into; and the report as the hub reads it.
    """
    quarantined = {**state.quarantined, **state.quarantined_answers}
    packs = numbers_by_pack(records_in_use(line.store, state.id))
    return {
        "state": state.state.value,
        "since": moment(state.since),
        "reason": textwrap.fill(state.reason or "none", WIDTH),
        "held_by": listed(state.held_by),
        "what_to_do": textwrap.fill(what_to_do(state), WIDTH),
        "report": dg.MetadataValue.md(f"```text\n{report_text(newest, state.id)}```" if newest else "no feed was had"),
        "packs": bars("pack", packs, pack_links(line)),
        "fetched": moment(state.fetched),
        "last_seen": moment(state.seen),
        "carried_until": moment(state.expires, "not carried"),
        "newest_feed": (state.newest or "none")[:12],
        "change": listed(state.change["kinds"]) if state.change else "nothing",
        "changed_by_kind": _tallies(state.change["numbers"]) if state.change else "nothing",
        **state.counts,
        "quarantined_by_code": table(("code", "number", "why"), [(c, n, CODES[c].why) for c, n in quarantined.items()]),
    }


def what_to_do(state: HubState) -> str:
    """What the operator does about the newest feed, in a sentence."""
    told = [CODES[code].operator.replace("HUB", state.id) for code in state.held_by[:1]]
    return told[0] if told else "nothing"


def _tallies(numbers: Mapping[str, Any]) -> dg.MarkdownMetadataValue:
    """Tallies of a change (``breaker.Change.numbers``) as a table."""
    names = ("before", "after", "added", "edited", "lost", "rekeyed", "withdrawn", "closed")
    scopes = [("records", numbers.get("records", {}))]
    scopes += [(f"{what} {kind}", t) for what in ("organisations", "rows") for kind, t in numbers.get(what, {}).items()]
    rows = [
        (f"{what}: {scope}", *(tally.get(name, 0) for name in names))
        for what, tallies in scopes
        for scope, tally in tallies.items()
    ]
    return table(("of", *names), rows)


def _ago(what: str, at: datetime | None, now: datetime) -> str:
    """As in "Last had 3 days ago", or that no feed was ever used."""
    days = (now - at).days if at else 0
    return f"{what} {days} day{'' if days == 1 else 's'} ago" if at else "No feed is in use"
