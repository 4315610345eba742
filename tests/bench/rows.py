"""What ``check`` does, in bare DuckDB: read, test, write, count nothing. ``python -m tests.bench.rows FEEDS WORK``.

See ``rival``, of which this is the first half.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from tests.bench import rival
from tests.bench.generator import hub_sector


def main(feeds: Path, work: Path) -> None:
    """Judge the only feed in ``feeds``; Parquet files go to ``work``."""
    [feed] = feeds.iterdir()
    accepted, rejected = rival.judge(rival.connect(work), feed, work, hub_sector(0))
    print(json.dumps({"accepted": accepted, "quarantined": rejected}))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
