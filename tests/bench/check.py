"""``hubpacks check`` of one feed, as one process: ``python -m tests.bench.check FEEDS WORK``."""

from __future__ import annotations

import io
import json
import sys
from contextlib import redirect_stdout, suppress
from pathlib import Path

from pipelines import cli


def main(feeds: Path) -> None:
    """Check the only feed in ``feeds``. Its findings are read as a program would, and must be few."""
    [feed] = feeds.iterdir()
    sys.argv = ["hubpacks", "check", str(feed), "--format", "json"]
    output = io.StringIO()
    with redirect_stdout(output), suppress(SystemExit):  # it ends with its exit code
        cli.main()
    report = json.loads(output.getvalue())
    assert len(report["findings"]) < 1000
    print(json.dumps({name: report["counts"][f"answers_{name}"] for name in ("accepted", "quarantined")}))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
