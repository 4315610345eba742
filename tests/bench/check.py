"""``hubpacks check`` of one feed, as one process: ``python -m tests.bench.check FEED``."""

from __future__ import annotations

import io
import json
import sys
from contextlib import redirect_stdout, suppress

from pipelines import cli


def main(feed: str) -> None:
    """Check ``feed``, and print how many answers came of it, and how many were quarantined for what. Its findings are
    read as a program would, and must be few.
    """
    sys.argv = ["hubpacks", "check", feed, "--format", "json"]
    output = io.StringIO()
    with redirect_stdout(output), suppress(SystemExit):  # it ends with its exit code
        cli.main()
    report = json.loads(output.getvalue())
    assert len(report["findings"]) < 1000
    counts = {name: report["counts"][f"answers_{name}"] for name in ("accepted", "quarantined")}
    print(json.dumps(counts | {"by": report["answers_quarantined_by_code"]}))


if __name__ == "__main__":
    main(sys.argv[1])
