"""Whether a bill of materials is what CycloneDX says: its own JSON Schema, which allows nothing that it does not know.

The schema comes with the library that writes the bill; it is read by jsonschema, which Great Expectations brings.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from cyclonedx.schema import SchemaVersion
from cyclonedx.schema._res import BOM_JSON_STRICT, JSF, SPDX_JSON
from jsonschema import Draft7Validator
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT7


def bill_problems(release: Path) -> list[str]:
    """Where ``sbom.cdx.json`` breaks the schema of CycloneDX 1.6."""
    told = json.loads((release / "sbom.cdx.json").read_bytes())
    validator = Draft7Validator(_schema(BOM_JSON_STRICT[SchemaVersion.V1_6]), registry=_others())
    return [f"{'.'.join(map(str, one.absolute_path))}: {one.message[:300]}" for one in validator.iter_errors(told)]


def _others() -> Registry[Any]:
    base = "http://cyclonedx.org/schema/"
    named = {f"{base}{Path(path).name}": path for path in (SPDX_JSON, JSF)}
    found = {uri: Resource.from_contents(_schema(path), DRAFT7) for uri, path in named.items()}
    return Registry().with_resources(found.items())


def _schema(path: str) -> Any:
    return json.loads(Path(path).read_bytes())
