"""Whether portals and archives can take a release in: DCAT-AP, RO-Crate and the UK's model for metadata.

``harvest_problems`` is no validator but a harvester: it knows rdflib and the address of the catalogue, and must get to
every file.
"""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path
from typing import Any

from tests.judges.apart import NODE_MODULES, a_schema, answer, ask
from tests.judges.data import schema_problems

DCAT_AP = "dcat-ap-3.0.1-SHACL.ttl"
UK_MODEL = "mxm-dataset.schema.json"
CRATE_VERSION = "1.2"


def dcat_problems(release: Path) -> list[str]:
    """Where ``dcat.jsonld`` breaks the shapes of DCAT-AP 3.0.1, by pySHACL."""
    return ask("catalogues", "dcat", release, a_schema(DCAT_AP))


def crate_problems(release: Path) -> list[str]:
    """What RO-Crate 1.2 requires and the release does not have, by CRS4's validator."""
    return ask("catalogues", "crate", release, NODE_MODULES / "ro-crate" / "lib" / "context.json")


def uk_problems(release: Path) -> list[str]:
    """Where ``uk-metadata.json`` breaks the UK government's metadata exchange model."""
    return schema_problems(release / "uk-metadata.json", UK_MODEL)


def harvest_problems(release: Path) -> list[str]:
    """What keeps a harvester that starts at the catalogue from a file, or gives it another one."""
    return ask("catalogues", "harvest", release)


def _judge_dcat(release: Path, shapes: str) -> None:
    import pyshacl
    import rdflib

    data = rdflib.Graph().parse(release / "dcat.jsonld", format="json-ld")
    _, results, text = pyshacl.validate(data, shacl_graph=shapes, advanced=False)
    shacl = rdflib.Namespace("http://www.w3.org/ns/shacl#")
    problems = [
        " ".join(str(results.value(found, shacl[name])) for name in ("focusNode", "resultPath", "resultMessage"))
        for found in results.subjects(rdflib.RDF.type, shacl.ValidationResult)
    ]
    assert bool(problems) is ("Conforms: False" in text), text
    answer(problems, len(data))


def _judge_crate(release: Path, context: Path) -> None:
    import requests
    from requests.adapters import HTTPAdapter

    asked = []

    def from_disk(_self: object, request: Any, **_more: object) -> requests.Response:
        """The one document that may be wanted from the network, out of the package ro-crate."""
        asked.append(request.url)
        if f"w3id.org/ro/crate/{CRATE_VERSION}" not in request.url:
            raise requests.ConnectionError(f"there is no network: {request.url}")
        response = requests.Response()
        response.status_code, response.url, response.request = 200, request.url, request
        response.headers["Content-Type"] = "application/ld+json"
        response._content = context.read_bytes()
        return response

    HTTPAdapter.send = from_disk  # type: ignore[method-assign,assignment]
    from rocrate_validator import models, services

    settings = services.ValidationSettings(
        rocrate_uri=str(release),
        profile_identifier=f"ro-crate-{CRATE_VERSION}",
        requirement_severity=models.Severity.REQUIRED,
        no_cache=True,
    )
    result = services.validate(settings)
    problems = [f"{issue.check.identifier}: {issue.violatingEntity}: {issue.message}" for issue in result.get_issues()]
    answer(problems, len(result.executed_checks) if asked else 0)


def _harvest(release: Path) -> None:
    import rdflib
    from rdflib.namespace import DCAT, RDF

    spdx = rdflib.Namespace("http://spdx.org/rdf/terms#")
    graph = rdflib.Graph().parse(release / "dcat.jsonld", format="json-ld")
    problems, files = [], 0
    catalogues = list(graph.subjects(RDF.type, DCAT.Catalog))
    seen = {
        distribution
        for catalogue in catalogues
        for dataset in graph.objects(catalogue, DCAT.dataset)
        for distribution in graph.objects(dataset, DCAT.distribution)
    }
    problems += [f"no data set leads to {one}" for one in set(graph.subjects(RDF.type, DCAT.Distribution)) - seen]
    for distribution in sorted(seen):
        address = str(graph.value(distribution, DCAT.downloadURL))
        path = release / address.partition(f"/releases/{release.name}/")[2]
        if not path.is_file():
            problems.append(f"nothing is to be had at {address}")
            continue
        digest = graph.value(graph.value(distribution, spdx.checksum), spdx.checksumValue)
        if hashlib.sha256(path.read_bytes()).hexdigest() != str(digest):
            problems.append(f"another file is at {address}")
        files += 1
    answer(problems, files)


if __name__ == "__main__":
    what, folder, *rest = sys.argv[1:]
    if what == "dcat":
        _judge_dcat(Path(folder), rest[0])
    elif what == "crate":
        _judge_crate(Path(folder), Path(rest[0]))
    else:
        _harvest(Path(folder))
