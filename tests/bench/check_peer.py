"""What ``hubpacks check`` does of a table, in frictionless: ``python tests/bench/check_peer.py CSV SCHEMA``.

Runs where frictionless is and the product is not. It takes the Table Schema that the product publishes, with the ids of
the instrument that the product knows by itself, and reports every bad row, as the product does.
"""

from __future__ import annotations

import json
import sys
from collections import defaultdict
from pathlib import Path

from frictionless import Checklist, Resource, Schema

ALL_ERRORS = 1_000_000_000
"""frictionless stops after 1,000 errors where nobody says otherwise."""


def main(table: Path, schema: Path) -> None:
    """Print how many rows have an error, and how many have one of each field; a repeated key has none."""
    with table.open("rb") as lines:
        rows = sum(1 for _ in lines) - 1
    resource = Resource(
        path=table.name,
        basepath=str(table.parent),
        schema=Schema.from_descriptor(json.loads(schema.read_text(encoding="utf-8"))),
    )
    report = resource.validate(Checklist(), limit_errors=ALL_ERRORS)
    bad: dict[str, set[int]] = defaultdict(set)
    for number, kind, field in report.flatten(["rowNumber", "type", "fieldName"]):
        bad[field if kind == "constraint-error" else kind].add(number)
    refused = set().union(*bad.values())
    print(json.dumps({"rows": rows, "bad": len(refused), "by": {name: len(bad[name]) for name in sorted(bad)}}))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
