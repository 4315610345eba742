"""Assets over all hubs: library, benchmarks, packs, the candidate and the release, with the checks that stop a release.
One run makes all that come before a release, since a blocking check acts only inside its run.
"""

from collections.abc import Iterator, Mapping, Set
from datetime import UTC, datetime
from typing import Any

import dagster as dg
from pydantic import Field

from assets.hubs import standing_key
from assets.refusals import blocking_result, refusals_fail
from assets.resources import LineResource
from assets.showing import bars, folder_of, moment, page, table, version_of
from pipelines import publish
from pipelines.briefing import briefing
from pipelines.candidates import Automatic, Candidate, CandidateState, Rule
from pipelines.consolidate import packs, possible_packs
from pipelines.edition import LibraryRecord
from pipelines.files import read_json
from pipelines.line import Line, make_benchmarks, make_library, standings
from pipelines.overview import PackTold, ids_in_packs, packs_told
from pipelines.policy import read_policy, rows_that_break
from pipelines.releasing import make_candidate, make_release

PREVIEW_ROWS = 10
MOST_CHANGES = 50
GREEN = "No hub is held, and none has lost its content: a release goes out by itself where the rule is green."
Told = dg.MaterializeResult | dg.AssetCheckResult
GROUPS = {
    "national": "packs_general",
    "sectors": "packs_by_sector",
    "technology_types": "packs_by_technology",
    "audiences": "packs_general",
}
"""The groups of packs, by what they are a choice of."""
CANDIDATE, RELEASE = dg.AssetKey("candidate"), dg.AssetKey("release")
VERIFIES = dg.AssetCheckKey(RELEASE, "latest_release_verifies")
"""Looks at every file that readers see, and so has a job of its own."""


def pack_key(pack: str) -> dg.AssetKey:
    """Key of a pack."""
    return dg.AssetKey(["packs", pack])


class Build(dg.Config):
    """How a candidate is built."""

    again: bool = Field(False, description="For candidates: build also what somebody has refused. Releases ignore it.")


def release_assets(hubs: list[str]) -> list[dg.AssetsDefinition]:
    """``library``, ``benchmarks``, the packs, ``candidate`` and ``release``, downstream of how the given hubs stand."""
    upstream = [standing_key(hub) for hub in hubs]

    @dg.asset(deps=upstream, group_name="consolidation", kinds={"python"})
    def library(line: LineResource) -> dg.MaterializeResult:
        """All accepted documents of all hubs, merged, linked and given their addresses."""
        opened = line.open()
        made = make_library(opened)
        metadata = {
            "dagster/row_count": len(made),
            "merged": sum(len(record.merged) for record in made.values()),
            "packs": len(packs(made)),
            "hubs": bars("hub", {state.id: state.counts.get("accepted", 0) for state in standings(opened)}),
            "preview": table(("id", "heading", "hubs"), [_row(r) for r in list(made.values())[:PREVIEW_ROWS]]),
        }
        return dg.MaterializeResult(metadata=metadata, data_version=version_of(opened.store.made_of("library")))

    @dg.asset(deps=upstream, group_name="consolidation", kinds={"parquet"})
    def benchmarks(line: LineResource) -> dg.MaterializeResult:
        """What may be published of the returns: rounded numbers of organisations, and what they tell, by group."""
        opened = line.open()
        made = make_benchmarks(opened)
        metadata = {
            "dagster/row_count": made.num_rows,
            "cells_published": made.num_rows - made["n"].null_count,
            "dagster/column_schema": dg.TableSchema([dg.TableColumn(one.name, str(one.type)) for one in made.schema]),
            "preview": table(made.column_names, [row.values() for row in made.slice(0, PREVIEW_ROWS).to_pylist()]),
        }
        return dg.MaterializeResult(metadata=metadata, data_version=version_of(opened.store.made_of("benchmarks")))

    @dg.multi_asset(
        name="build_and_publish",
        description="Builds a candidate and verifies it; when release is chosen, publishes it as far as the rule lets.",
        specs=_specs(),
        check_specs=[dg.AssetCheckSpec("is_green", asset=CANDIDATE, description=GREEN)],
        can_subset=True,
    )
    def build_and_publish(context: dg.AssetExecutionContext, config: Build, line: LineResource) -> Iterator[Told]:
        opened, now, asked = line.open(), datetime.now(UTC), context.selected_asset_keys
        before, published = opened.store.candidates.all(), opened.store.published()
        with refusals_fail(context):
            if RELEASE in asked:
                make_release(opened, now, lambda *told: context.log.info(": ".join(told)))
            elif asked:
                make_candidate(opened, now, lambda *told: context.log.info(": ".join(told)), again=config.again)
        yield from _is_green(opened, context.selected_asset_check_keys)
        for candidate in opened.store.candidates.all():
            if candidate not in before:
                yield from _results(opened, candidate, published, asked, now)

    return [library, benchmarks, build_and_publish]


def _row(entry: LibraryRecord) -> tuple[str, str, str]:
    return entry.id, entry.record.document.heading, " ".join(entry.credits)


def _specs() -> list[dg.AssetSpec]:
    shared: dict[str, Any] = {"skippable": True, "kinds": {"html"}}
    of_packs = [
        dg.AssetSpec(
            pack_key(pack.id),
            deps=["library"],
            group_name=GROUPS[pack.scheme],
            description=f"Best-practice pack: {pack.title_en}. Told when a candidate is built that has it.",
            tags={"scheme": pack.scheme},
            **shared,
        )
        for pack in possible_packs()
    ]
    candidate = dg.AssetSpec(
        CANDIDATE,
        deps=["benchmarks", *(spec.key for spec in of_packs)],
        group_name="publication",
        description="The release that would be published: built, signed, verified, seen by nobody but the operator. "
        "None is built when nothing has changed. To decide about it launch the job approve or refuse.",
        **shared,
    )
    release = dg.AssetSpec(
        RELEASE,
        deps=[CANDIDATE],
        group_name="publication",
        description="The immutable release that readers see.",
        **shared,
    )
    return [*of_packs, candidate, release]


def _is_green(line: Line, asked: Set[dg.AssetCheckKey]) -> Iterator[dg.AssetCheckResult]:
    if asked:
        why = Rule(automatic=Automatic.GREEN).why_not(standings(line))
        yield dg.AssetCheckResult(
            passed=not why,
            asset_key=CANDIDATE,
            check_name="is_green",
            severity=dg.AssetCheckSeverity.WARN,
            description="; ".join(why) or GREEN,
        )


def _results(
    line: Line, candidate: Candidate, published: Mapping[str, Any], asked: Set[dg.AssetKey], now: datetime
) -> Iterator[dg.MaterializeResult]:
    """What is told of a candidate that was built or published: of its assets those that were asked for."""
    if candidate.state not in (CandidateState.WAITING, CandidateState.PUBLISHED):
        return
    previous = line.public / "releases" / (candidate.previous or "none")
    for told in packs_told(line.store.library(), published, ids_in_packs(previous)):
        if pack_key(told.pack.id) in asked:
            metadata = pack_metadata(line, candidate, told)
            yield dg.MaterializeResult(pack_key(told.pack.id), metadata=metadata)
    if CANDIDATE in asked:
        yield dg.MaterializeResult(CANDIDATE, metadata=candidate_metadata(line, candidate, now))
    if RELEASE in asked and candidate.state is CandidateState.PUBLISHED:
        yield dg.MaterializeResult(RELEASE, metadata=release_metadata(line, candidate))


def pack_metadata(line: Line, candidate: Candidate, told: PackTold) -> dict[str, Any]:
    """What the operator sees beside a pack: what is new in it, whose records are in it, and its page."""
    return {
        "dagster/row_count": sum(told.kinds.values()),
        "changed": f"{told.added} added, {told.changed} changed, {told.gone} gone" if told.is_changed else "nothing",
        "page": page(line, candidate, f"en/packs/{told.pack.id}.html"),
        "hubs": bars("hub", told.hubs),
        "records_by_kind": bars("kind", told.kinds),
        "release": candidate.id,
    }


def candidate_metadata(line: Line, candidate: Candidate, now: datetime) -> dict[str, Any]:
    """What the operator reads before the decision: what the candidate changes, how hubs stand in it, and what to do."""
    told = briefing(line, candidate, now)
    waits = candidate.state is CandidateState.WAITING
    decide = f"Launch the job approve or refuse with release {candidate.id}." if waits else "nothing: it is published"
    look = f"Start hubpacks serve --candidate, then open {told.get('preview')}" if waits else "nothing"
    return {
        "release": candidate.id,
        "state": candidate.state.value,
        "what_to_do": decide,
        "page": page(line, candidate, "index.html"),
        "to_look_at_it": look,
        "open_questions": "; ".join(candidate.open_questions) or "none",
        **_changes(line, candidate),
        "hubs_not_fresh": table(
            ("hub", "state", "held by", "reason"),
            [(hub["id"], hub["state"], ", ".join(hub["held_by"]), hub["reason"]) for hub in told.get("hubs", [])],
        ),
        "previous": candidate.previous or "none",
        "built": moment(candidate.built),
    }


def release_metadata(line: Line, candidate: Candidate) -> dict[str, Any]:
    """What the operator sees beside a release: where it is, who approved it, what it has changed."""
    return {
        "release": candidate.id,
        "page": page(line, candidate, "index.html"),
        "approved_by": candidate.approved_by or "the rule of the settings",
        **_changes(line, candidate),
        "coverage": page(line, candidate, "en/coverage.html"),
        "previous": candidate.previous or "none",
    }


def _changes(line: Line, candidate: Candidate) -> dict[str, Any]:
    """Numbers of what the candidate changes, which the UI plots over time, the records by id, and the page that tells
    more. No old text: what is taken down must not stay in Dagster's history.
    """
    changes = read_json(folder_of(line, candidate) / "changes.json")
    rows = [(what, one["id"]) for what in ("added", "changed", "merged", "gone") for one in changes["records"][what]]
    more = [("and more", f"{len(rows) - MOST_CHANGES:,} records")] if len(rows) > MOST_CHANGES else []
    first = "It is the first release." if candidate.previous is None else "No record has changed."
    return {
        **{name: number for name, number in changes["counts"].items() if name.startswith("records_")},
        "changed_records": table(("what", "record"), [*rows[:MOST_CHANGES], *more], none=first),
        "changes_page": page(line, candidate, "en/changes.html"),
    }


@dg.asset_check(asset="library", blocking=True)
def a_feed_is_in_use(context: dg.AssetCheckExecutionContext, line: LineResource) -> dg.AssetCheckResult:
    """There is something to publish: no feed in use means that every hub was lost at once."""
    in_use = [state.id for state in standings(line.open()) if state.snapshot]
    return blocking_result(context, bool(in_use), hubs=in_use)


@dg.asset_check(asset="library", blocking=True)
def addresses_are_unique(context: dg.AssetCheckExecutionContext, line: LineResource) -> dg.AssetCheckResult:
    """No two records share an address, and none has lost the address it was published under."""
    store = line.open().store
    given, entries = store.slugs(), store.library()
    slugs = [entry.slug for entry in entries.values()]
    moved = [id for id, entry in entries.items() if given.get(id, entry.slug) != entry.slug]
    return blocking_result(context, len(set(slugs)) == len(slugs) and not moved, moved=moved)


@dg.asset_check(asset="benchmarks", blocking=True)
def thresholds_are_kept(context: dg.AssetCheckExecutionContext, line: LineResource) -> dg.AssetCheckResult:
    """No published number is of fewer organisations than the policy allows, or not rounded."""
    offenders = rows_that_break(read_policy(), line.open().store.benchmarks())
    return blocking_result(context, not offenders, offenders=offenders[:PREVIEW_ROWS])


@dg.asset_check(asset="benchmarks", blocking=True)
def nobody_can_be_picked_out(context: dg.AssetCheckExecutionContext, line: LineResource) -> dg.AssetCheckResult:
    """An attack on the benchmarks, also by each hub that knows its own members, finds nothing."""
    audit, leaks, _ = line.open().store.disclosure()
    return blocking_result(context, not leaks, leaks=leaks[:PREVIEW_ROWS], **audit["attack"])


@dg.asset_check(asset="release")
def latest_release_verifies(line: LineResource) -> dg.AssetCheckResult:
    """What readers see now still has every file, byte for byte, that it was published with."""
    public = line.open().public
    newest = publish.latest(public)
    problems = ["nothing is published"]
    if newest is not None:
        folder = public / "releases" / newest.id
        problems = [*publish.verify_release(folder), *publish.wrong_signatures(folder)]
    return dg.AssetCheckResult(passed=not problems, metadata={"problems": problems[:PREVIEW_ROWS]})


CHECKS = [
    a_feed_is_in_use,
    addresses_are_unique,
    thresholds_are_kept,
    nobody_can_be_picked_out,
    latest_release_verifies,
]
