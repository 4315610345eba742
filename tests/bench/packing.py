"""The packs of the edition that ``publishing`` has prepared, in all formats, as a release makes them.
``python -m tests.bench.packing FOLDER WORK``.
"""

from __future__ import annotations

import json
import pickle
import shutil
import sys
from functools import partial
from pathlib import Path
from typing import Any

from pipelines.crew import ALONE
from pipelines.publish import release, site, tables
from pipelines.publish.archives import write_archive
from pipelines.publish.pdf import documents_due

PREPARED = "edition.pickle"
WHOLE = "whole"


def main(folder: Path, work: Path) -> dict[str, Any]:
    """Write the packs of what is in ``folder`` into ``work``; their number and bytes."""
    made = pickle.loads((folder / PREPARED).read_bytes())
    shutil.copytree(folder / WHOLE, work, dirs_exist_ok=True, ignore=shutil.ignore_patterns("packs", "*.html"))
    rows = {id: release.record_row(made, entry) for id, entry in made.library.items()}
    for pack in made.packs:
        for name in release._write_pack(made, pack, [rows[id] for id in pack.records], work, None):
            tables.write_other_forms(work, name)
    for write in documents_due(work, made.id, made.published.isoformat()):
        write()
    site.write_printables(ALONE.each(partial(site.Writer, made, work)), work)
    for pack in made.packs:
        write_archive(work, pack.id, made.address)
    return told(work)


def told(work: Path) -> dict[str, Any]:
    """How many packs there are, and their bytes by format."""
    sizes: dict[str, int] = {}
    for path in (work / "packs").glob("*/*"):
        sizes[path.suffix] = sizes.get(path.suffix, 0) + path.stat().st_size
    return {"packs": len(list((work / "packs").iterdir())), "bytes": sizes}


if __name__ == "__main__":
    print(json.dumps(main(Path(sys.argv[1]), Path(sys.argv[2]))))
