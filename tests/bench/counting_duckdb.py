"""The same as ``counting``, by the engine duckdb: ``python -m tests.bench.counting_duckdb RETURNS WORK``."""

from __future__ import annotations

import sys
from pathlib import Path

from pipelines.engines.duck import Duck
from tests.bench.counting import main

if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), Duck())
