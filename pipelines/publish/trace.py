"""Following what a release says back to where it comes from: release, hub, snapshot, file, record, rules. It reads the
release's own files and nothing else; whether they are as they were published is for ``verify_release``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from pipelines.files import Damaged, json_of
from pipelines.publish.provenance import PROVENANCE, VERSIONS, rows_of_packs

BENCHMARKS = "benchmarks"
_RECORD_PAGE = re.compile(r"(?:^|/)(?:en|cy)/records/([^/]+)\.html$")
_BENCHMARK_PAGE = re.compile(r"(?:^|/)(?:en|cy)/benchmarks/([^/]+)\.html$")
_RELEASE = re.compile(r"(?:^|/)releases/([0-9.-]+)(?:/|$)")
_WIDTH = 10


class NotTraced(LookupError):
    """What was asked for is not in the release. The message says how to find what is."""


def release_named(address: str) -> str | None:
    """The id of the release that the address of a page names, None when it names none."""
    found = _RELEASE.search(urlsplit(address).path)
    return found[1] if found else None


def trace(folder: Path, what: str) -> dict[str, Any]:
    """Where ``what`` comes from, in plain types: a record's id or the address of its page, the address of a page of
    benchmarks, or ``benchmarks[:period[:instrument]]``, of the release in ``folder``.

    ``kind`` says what was found: ``record``, ``merged`` (a record that became another), ``withdrawn`` or
    ``benchmarks``. Raises NotTraced, OSError and files.Damaged.
    """
    try:
        manifest, told, coverage = (_read(folder, name) for name in ("release.json", PROVENANCE, "coverage.json"))
        named = release_named(what)
        if named is not None and named != manifest["id"]:
            mend = "name the folder of that release with --release"
            raise NotTraced(f"{what} is of release {named}, and this is {manifest['id']}; {mend}")
        found = _found(_Files(folder, manifest, told, coverage), what)
        if found is None:
            periods = ", ".join(sorted({entry["period"] for entry in told["benchmarks"]})) or "none"
            raise NotTraced(
                f"{what} is not in release {manifest['id']}; name a record as hub/local-id, the address of its page, "
                f"or {BENCHMARKS}:PERIOD (periods: {periods})"
            )
        versions = {name: told[name] for name in VERSIONS}
        return {"release": manifest["id"], "published": manifest["published"], **versions, **found}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise Damaged(folder) from error


def _found(files: _Files, what: str) -> dict[str, Any] | None:
    path = unquote(urlsplit(what).path)
    if page := _BENCHMARK_PAGE.search(path):
        return files.benchmarks(page[1])
    if page := _RECORD_PAGE.search(path):
        return files.record("slug", page[1])
    subject, _, table = what.partition(":")
    if subject == BENCHMARKS:
        period, _, instrument = table.partition(":")
        return files.benchmarks(None, period, instrument)
    return files.record("id", what)


def in_words(found: Mapping[str, Any]) -> Iterator[str]:
    """What ``trace`` found, line by line."""
    yield from _WORDS[found["kind"]](found)
    yield _line("release", f"{found['release']}, published {_day(found['published'])}")
    yield _line("made by", f"hubpacks {found['code_version']}, rules {found['rules']}, contract {found['contract']}")


class _Files:
    """The statements of one release."""

    def __init__(
        self, folder: Path, manifest: Mapping[str, Any], told: Mapping[str, Any], coverage: Mapping[str, Any]
    ) -> None:
        self.folder = folder
        self.told = told
        self.withdrawn = {entry["id"]: entry for entry in coverage["withdrawn"]}
        self.merged = {entry["id"]: entry for entry in told["merged"]}
        bases = {hub["id"]: {name: hub[name] for name in ("rules", "rules_key")} for hub in told["hubs"]}
        names = {hub["id"]: hub["name"]["en"] for hub in coverage["hubs"]}
        self.hubs = {
            entry["hub"]: {"id": entry["hub"], "name": names[entry["hub"]]} | entry | bases.get(entry["hub"], {})
            for entry in manifest["inputs"]
        }

    def record(self, key: str, wanted: str) -> dict[str, Any] | None:
        """The chain of the record whose ``key`` (``id`` or ``slug``) is ``wanted``; None when there is none."""
        merged = self.merged.get(wanted) if key == "id" else None
        if key == "id" and wanted in self.withdrawn:
            notice = self.withdrawn[wanted]
            told = {name: notice[name] for name in ("id", "reason", "date", "successor")}
            source = notice["source"]
            hub = self._hub(notice["hub"]) | {"snapshot": source["snapshot"] if source else None}
            return {"kind": "withdrawn", **told, "hub": hub, "source": source}
        row = self._row(key, merged["into"] if merged else wanted)
        if row is None:
            return None
        chain = self._chain(row)
        if merged is None:
            return {"kind": "record", **chain}
        source = {name: merged[name] for name in ("file", "file_sha256", "place", "record")}
        hub = self._hub(wanted.partition("/")[0])
        return {"kind": "merged", "id": wanted, "hub": hub, "source": source, "into": chain}

    def benchmarks(self, page: str | None, period: str = "", instrument: str = "") -> dict[str, Any] | None:
        """What the benchmarks on the page of that name, or of a period and an instrument, were counted over; None when
        there are none.
        """
        tables = [
            {name: value for name, value in entry.items() if name != "snapshots"}
            | {"hubs": [self._counted(hub, snapshot) for hub, snapshot in entry["snapshots"].items()]}
            for entry in self.told["benchmarks"]
            if period in ("", entry["period"]) and instrument in ("", entry["instrument"])
            if page is None or page in {f"{entry['instrument']}-{a.replace('_', '-')}" for a in entry["audiences"]}
        ]
        return {"kind": BENCHMARKS, "tables": tables, "policy": self.told["policy"]} if tables else None

    def _counted(self, hub: str, snapshot: str) -> dict[str, Any]:
        """The hub with the ``snapshot`` that was counted; nothing else is known of one that is not in use any more."""
        in_use = self._hub(hub) if hub in self.hubs else {}
        return in_use if in_use.get("snapshot") == snapshot else {"id": hub, "snapshot": snapshot}

    def _row(self, key: str, wanted: str) -> dict[str, Any] | None:
        return next((row for _, row in rows_of_packs(self.folder) if row[key] == wanted), None)

    def _chain(self, row: Mapping[str, Any]) -> dict[str, Any]:
        place = {name: row["source"][name] for name in ("file", "file_sha256", "place", "record")}
        return {
            "id": row["id"],
            "heading": row.get("title") or row.get("question"),
            "address": row["address"],
            "hub": self._hub(row["hub"]),
            "source": place,
            "merged": row.get("merged", []),
        }

    def _hub(self, hub: str) -> dict[str, Any]:
        names = ("id", "name", "state", "since", "snapshot", "rules", "rules_key", "fetched", "seen", "expires")
        return {name: self.hubs[hub].get(name) for name in names}


def _read(folder: Path, name: str) -> Any:
    return json_of((folder / name).read_bytes())


def _record_in_words(found: Mapping[str, Any]) -> Iterator[str]:
    yield f"{found['id']}: {found['heading']}"
    yield _line("page", found["address"])
    yield from _source_in_words(found)
    if found["merged"]:
        yield _line("merged", f"{', '.join(found['merged'])} said the same and became this one")


def _merged_in_words(found: Mapping[str, Any]) -> Iterator[str]:
    into = found["into"]
    yield f"{found['id']}: said the same as {into['id']} and became it"
    yield from _source_in_words(found)
    yield "What readers see:"
    yield from _record_in_words(into)


def _withdrawn_in_words(found: Mapping[str, Any]) -> Iterator[str]:
    by = "its hub" if found["source"] else "the operator"
    yield f"{found['id']}: withdrawn by {by} on {_day(found['date'])}: {found['reason']}"
    if found["successor"]:
        yield _line("successor", found["successor"])
    if found["source"]:
        yield from _source_in_words(found)


def _benchmarks_in_words(found: Mapping[str, Any]) -> Iterator[str]:
    for table in found["tables"]:
        audiences = ", ".join(name.replace("_", " ") for name in table["audiences"])
        yield f"benchmarks of {table['period']}, {table['instrument']} ({audiences}): counted over the returns in"
        for hub in table["hubs"]:
            if "state" in hub:
                yield _line("hub", f"{hub['name']} ({hub['id']}), {_state(hub)}")
                yield _line("snapshot", f"{hub['snapshot']}, {_age(hub)}, rules {hub['rules']} ({hub['rules_key']})")
            else:
                yield _line("hub", hub["id"])
                yield _line("snapshot", f"{hub['snapshot']}, in use then and not any more")
        first = f"for release {table['release']}" if table["release"] else "earlier"
        yield _line("counted", f"{first}; what was published of a period stays")
    policy = found["policy"]
    yield _line(
        "policy",
        f"cube {policy['cube_version']}, at least {policy['threshold']} organisations, numbers "
        f"rounded to multiples of {policy['base']} (SHA-256 {policy['sha256']})",
    )
    yield _line("limit", "which hub's returns weighed in, and their files, are not told: that could say who took part")


def _source_in_words(found: Mapping[str, Any]) -> Iterator[str]:
    hub, source = found["hub"], found["source"]
    yield _line("hub", f"{hub['name']} ({hub['id']}), {_state(hub)}")
    yield _line("snapshot", f"{hub['snapshot']}, {_age(hub)}")
    yield _line("file", f"{source['file']} (SHA-256 {source['file_sha256']})")
    if source["place"]:
        yield _line("place", source["place"])
    if source.get("record"):
        yield _line("record", f"{source['record']}, as the hub calls it")
    yield _line("judged", f"under rules {hub['rules']} (key {hub['rules_key']})")


def _state(hub: Mapping[str, Any]) -> str:
    since = f" since {_day(hub['since'])}" if hub["since"] else ""
    until = f", kept until {_day(hub['expires'])}" if hub["expires"] else ""
    return f"{hub['state'].replace('_', ' ')}{since}{until}"


def _age(hub: Mapping[str, Any]) -> str:
    seen = f", last confirmed {_day(hub['seen'])}" if hub["seen"] else ""
    return f"first had {_day(hub['fetched'])}{seen}" if hub["fetched"] else "of unknown age"


def _day(moment: str) -> str:
    return moment[:10]


def _line(name: str, text: str) -> str:
    return f"  {name:<{_WIDTH}}{text}"


_WORDS = {
    "record": _record_in_words,
    "merged": _merged_in_words,
    "withdrawn": _withdrawn_in_words,
    BENCHMARKS: _benchmarks_in_words,
}
