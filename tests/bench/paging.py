"""The pages, the search index and the sitemap of the edition that ``pages`` has prepared. Imports no more than a
release needs for them. ``python -m tests.bench.paging FOLDER WORK``.
"""

from __future__ import annotations

import json
import os
import pickle
import shutil
import sys
from functools import partial
from pathlib import Path
from typing import Any

from pipelines.crew import Crew
from pipelines.publish import search, site, sitemap

PREPARED = "edition.pickle"


def main(folder: Path, work: Path) -> dict[str, Any]:
    """Write the pages of what is in ``folder`` into ``work``; how many there are of records."""
    made, sizes, changes = pickle.loads((folder / PREPARED).read_bytes())
    shutil.copytree(folder / "beside", work, dirs_exist_ok=True)
    with Crew(len(os.sched_getaffinity(0)), site.__name__) as crew:
        search.write_search(work)
        site.write_site(crew.each(partial(site.Writer, made, work)), sizes, changes, crew)
    sitemap.write_sitemaps(work, made.address)
    return {"pages": len(list(work.glob("*/records/*.html")))}


if __name__ == "__main__":
    print(json.dumps(main(Path(sys.argv[1]), Path(sys.argv[2]))))
