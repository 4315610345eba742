"""Assets over all hubs: the library, the benchmarks and the release, with the checks that stop a release.

One run makes all three, since a blocking check acts only inside its run.
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import dagster as dg

from assets.hubs import standing_key
from assets.resources import LineResource
from pipelines import publish
from pipelines.consolidate import packs
from pipelines.line import make_benchmarks, make_library, standings
from pipelines.policy import read_policy, rows_that_break
from pipelines.releasing import make_release

PREVIEW_ROWS = 10


def release_assets(hubs: list[str]) -> list[dg.AssetsDefinition]:
    """``library``, ``benchmarks`` and ``release``, downstream of how the given hubs stand."""
    standings = [standing_key(hub) for hub in hubs]

    @dg.asset(deps=standings, group_name="consolidation", kinds={"python"})
    def library(line: LineResource) -> dg.MaterializeResult:
        """All accepted documents, merged, linked and given their addresses."""
        made = make_library(line.open())
        rows = [{"id": r.id, "heading": r.record.document.heading, "hubs": " ".join(r.credits)} for r in made.values()]
        preview = _markdown_table(["id", "heading", "hubs"], rows[:PREVIEW_ROWS])
        merged = sum(len(record.merged) for record in made.values())
        metadata = {"dagster/row_count": len(made), "merged": merged, "packs": len(packs(made))}
        return dg.MaterializeResult(metadata=metadata | {"preview": dg.MetadataValue.md(preview)})

    @dg.asset(deps=standings, group_name="consolidation", kinds={"parquet"})
    def benchmarks(line: LineResource) -> dg.MaterializeResult:
        """What may be published of the returns: rounded numbers of organisations, and what they tell, by group."""
        table = make_benchmarks(line.open())
        preview = _markdown_table(table.column_names, table.slice(0, PREVIEW_ROWS).to_pylist())
        published = table.num_rows - table["n"].null_count
        metadata = {"dagster/row_count": table.num_rows, "cells_published": published}
        return dg.MaterializeResult(metadata=metadata | {"preview": dg.MetadataValue.md(preview)})

    spec = dg.AssetSpec(
        "release",
        deps=[library, benchmarks],
        description="The immutable release that readers see. Nothing is published when nothing has changed.",
        group_name="consolidation",
        kinds={"html"},
        skippable=True,
    )

    @dg.multi_asset(name="publish_release", specs=[spec])  # the plain name is the job's
    def release(context: dg.AssetExecutionContext, line: LineResource) -> Iterator[dg.MaterializeResult]:
        opened = line.open()

        def tell(stage: str, what: str) -> None:
            context.log.warning(f"{stage}: {what}")

        if (made := make_release(opened, datetime.now(UTC), tell)) is not None:
            folder = (opened.public / "releases" / made).resolve()
            metadata = {"release": made, "site": dg.MetadataValue.url((folder / "index.html").as_uri())}
            yield dg.MaterializeResult("release", metadata=metadata)

    return [library, benchmarks, release]


def _markdown_table(columns: list[str], rows: list[dict[str, Any]]) -> str:
    """The first rows of a table, for the operator's eye."""
    lines = [columns, ["---"] * len(columns), *([str(row[name]) for name in columns] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


@dg.asset_check(asset="library", blocking=True)
def a_feed_is_in_use(line: LineResource) -> dg.AssetCheckResult:
    """There is something to publish: no feed in use means that every hub was lost at once."""
    in_use = [state.id for state in standings(line.open()) if state.snapshot]
    return dg.AssetCheckResult(passed=bool(in_use), metadata={"hubs": in_use})


@dg.asset_check(asset="library", blocking=True)
def addresses_are_unique(line: LineResource) -> dg.AssetCheckResult:
    """No two records share an address, and none has lost the address it was published under."""
    store = line.open().store
    given, entries = store.slugs(), store.library()
    slugs = [entry.slug for entry in entries.values()]
    moved = [id for id, entry in entries.items() if given.get(id, entry.slug) != entry.slug]
    return dg.AssetCheckResult(passed=len(set(slugs)) == len(slugs) and not moved, metadata={"moved": moved})


@dg.asset_check(asset="benchmarks", blocking=True)
def thresholds_are_kept(line: LineResource) -> dg.AssetCheckResult:
    """No published number is of fewer organisations than the policy allows, or not rounded."""
    offenders = rows_that_break(read_policy(), line.open().store.benchmarks())
    return dg.AssetCheckResult(passed=not offenders, metadata={"offenders": offenders[:PREVIEW_ROWS]})


@dg.asset_check(asset="benchmarks", blocking=True)
def nobody_can_be_picked_out(line: LineResource) -> dg.AssetCheckResult:
    """An attack on the benchmarks, also by each hub that knows its own members, finds nothing."""
    audit, leaks, _ = line.open().store.disclosure()
    return dg.AssetCheckResult(passed=not leaks, metadata={"leaks": leaks[:PREVIEW_ROWS], **audit["attack"]})


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
