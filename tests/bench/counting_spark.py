"""The same as ``counting``, by the engine spark: ``python -m tests.bench.counting_spark RETURNS WORK``."""

from __future__ import annotations

import sys
from pathlib import Path

from pipelines.engines.spark import Spark
from tests.bench.counting import main

if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), Spark("local[2]"))
