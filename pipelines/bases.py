"""What a release rests on of each hub's snapshot: which files something published comes from, under which rules it was
accepted. What readers are told of it is for ``publish.provenance``.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping

from pipelines.edition import Basis, LibraryRecord, Withdrawn
from pipelines.store import Store


def bases(
    store: Store, hubs: Iterable[str], library: Mapping[str, LibraryRecord], withdrawn: Iterable[Withdrawn]
) -> dict[str, Basis]:
    """By hub, those with a feed in use. Raises FileNotFoundError and files.Damaged."""
    published = _published_files(library)
    notices = defaultdict(set)
    for notice in withdrawn:
        if notice.told_in is not None:
            notices[notice.hub, notice.told_in.snapshot].add(notice.told_in.file)
    found = {}
    for hub in sorted(hubs):
        standing = store.standing(hub)
        if standing is None or standing.good is None:
            continue
        digest, key = standing.good.key
        named = published[hub] | notices[hub, digest]
        files = {file.path: file.sha256 for file in store.snapshot(hub, digest).files if file.path in named}
        found[hub] = Basis(store.rules_version(hub, digest, key), key, files)
    return found


def _published_files(library: Mapping[str, LibraryRecord]) -> defaultdict[str, set[str]]:
    """By hub, the paths of the files from which records, and records merged into them, come."""
    files: defaultdict[str, set[str]] = defaultdict(set)
    for entry in library.values():
        files[entry.record.hub].add(entry.record.file)
        for id, origin in entry.merged_from.items():
            files[id.partition("/")[0]].add(origin.file)
    return files
