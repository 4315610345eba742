"""The API's description: valid, and the same as what is served."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from openapi_spec_validator import OpenAPIV31SpecValidator

from pipelines.intake import api
from pipelines.intake.limits import Limits
from pipelines.intake.problems import REFUSALS, Refused
from pipelines.intake.service import Folders, Service
from tests.intakes import registered


def served(folder: Path) -> set[tuple[str, str]]:
    """Address and method of everything for programs."""
    registered(folder)
    service = Service(Folders(folder / "registry", folder / "store", folder / "public"), Limits())
    return {
        (route.path, method)
        for route in api.routes(service)
        for method in sorted(route.methods or ())
        if method != "HEAD"
    }


def described() -> set[tuple[str, str]]:
    paths: dict[str, Any] = api.document()["paths"]
    return {
        (path, method.upper()) for path, entry in paths.items() for method in entry if method in ("get", "post", "put")
    }


def test_the_document_is_valid() -> None:
    OpenAPIV31SpecValidator(api.document()).validate()


def test_everything_served_is_described_and_everything_described_is_served(tmp_path: Path) -> None:
    assert served(tmp_path) == described()


def test_every_status_of_a_refusal_is_described() -> None:
    statuses = {str(refusal.status) for refusal in REFUSALS.values()} - {"405", "500"}
    told = set(re.findall(r"'([45]\d\d)'", str(api.document()["paths"])))
    assert statuses == told


def test_a_refusal_has_the_fields_of_the_document() -> None:
    fields = api.document()["components"]["schemas"]["Problem"]["properties"]
    assert Refused("busy", retry_seconds=3).to_dict().keys() == fields.keys()
