"""The bill of materials of a release, ``sbom.cdx.json``: the software that it was made with, in CycloneDX 1.6.

hubpacks itself with its code version, every distribution of Python that it needs (``pipelines.made_with``), what others
have written of the site's style sheets, and which of them needs which. The same installation gives the same bytes: no
time and no random number is in it. It states no digests of distributions, since an installer does not note which of the
files in the lock it took; ``requirements.lock`` of that code version has all of them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from pipelines.files import json_of, sha256_of
from pipelines.made_with import ROOT, Made, made_with
from pipelines.publish import layouts, writers

BILL = "sbom.cdx.json"
MEDIA_TYPE = "application/vnd.cyclonedx+json"
VENDOR = layouts.TEMPLATES / "vendor"
FORMAT, VERSION = "CycloneDX", "1.6"
VENDOR_LICENCES = {"govuk-frontend": "MIT"}
"""By npm package, what its licence is, whose text stands beside it in ``VENDOR``."""

_VENDOR_NAME = re.compile(r"(.+)-([0-9]+(?:\.[0-9]+)+)")
_TAKEN_FROM = "Rules of components that the site does not use, the typeface and the brand are left out."


def bill(code_version: str) -> bytes:
    """The bill of materials of a release that ``code_version`` makes in this installation."""
    # It takes a while to import, and most commands write no release.
    from cyclonedx.model.bom import Bom
    from cyclonedx.model.component import Component, ComponentType
    from cyclonedx.output import make_outputter
    from cyclonedx.schema import OutputFormat, SchemaVersion
    from packageurl import PackageURL

    found = made_with()
    parts = {
        one.name: Component(
            name=one.name,
            version=code_version if one.name == ROOT else one.version,
            type=ComponentType.APPLICATION if one.name == ROOT else ComponentType.LIBRARY,
            bom_ref=one.name,
            purl=PackageURL("generic", None, ROOT, code_version)
            if one.name == ROOT
            else PackageURL("pypi", None, one.name, one.version),
            licenses=_licences(one),
        )
        for one in found.values()
    }
    vendored = list(_vendored())
    product = Bom(components=[*(part for name, part in parts.items() if name != ROOT), *vendored])
    product.metadata.component = parts[ROOT]
    for one in found.values():
        own = vendored if one.name == ROOT else []
        product.register_dependency(parts[one.name], [*(parts[name] for name in one.needs), *own])
    told = json.loads(make_outputter(product, OutputFormat.JSON, SchemaVersion.V1_6).output_as_string())
    del told["metadata"]["timestamp"]
    told["serialNumber"] = _serial_number(told)
    return writers.json_bytes(told)


def _serial_number(told: Mapping[str, Any]) -> str:
    """The same of the same content, and of no other."""
    content = {name: value for name, value in told.items() if name != "serialNumber"}
    return uuid5(NAMESPACE_URL, json.dumps(content, sort_keys=True)).urn


def _licences(one: Made) -> list[Any]:
    from cyclonedx.contrib.license.exceptions import InvalidSpdxLicenseException
    from cyclonedx.contrib.license.factories import LicenseFactory
    from cyclonedx.model.license import LicenseAcknowledgement

    make, declared = LicenseFactory(), LicenseAcknowledgement.DECLARED
    if one.expression:
        return [make.make_from_string(one.expression, license_acknowledgement=declared)]
    told = []
    for words in one.words:
        try:
            told.append(make.make_with_id(words, acknowledgement=declared))
        except InvalidSpdxLicenseException:
            told.append(make.make_with_name(words, acknowledgement=declared))
    return told


def _vendored() -> Iterator[Any]:
    """The packages whose files stand in ``VENDOR``, with those files."""
    from cyclonedx.contrib.license.factories import LicenseFactory
    from cyclonedx.model import HashAlgorithm, HashType
    from cyclonedx.model.component import Component, ComponentType, Pedigree
    from packageurl import PackageURL

    for folder in sorted(VENDOR.iterdir()):
        name, version = _name_and_version(folder)
        files = [
            Component(
                name=path.name,
                type=ComponentType.FILE,
                bom_ref=f"{folder.name}/{path.name}",
                hashes=[HashType(alg=HashAlgorithm.SHA_256, content=sha256_of(path))],
            )
            for path in sorted(folder.iterdir())
        ]
        yield Component(
            name=name,
            version=version,
            type=ComponentType.LIBRARY,
            bom_ref=folder.name,
            purl=PackageURL("npm", None, name, version),
            licenses=[LicenseFactory().make_with_id(VENDOR_LICENCES[name])],
            pedigree=Pedigree(notes=_TAKEN_FROM),
            components=files,
        )


def _name_and_version(folder: Path) -> tuple[str, str]:
    found = _VENDOR_NAME.fullmatch(folder.name)
    if found is None:
        raise ValueError(f"{folder}: write <package>-<version>, so that a bill of materials can name it")
    return found[1], found[2]


def wrong_bill(folder: Path) -> list[str]:
    """What is wrong with the bill of materials of the release in ``folder``, in words. A release of an older version
    has none.
    """
    path = folder / BILL
    if not path.is_file():
        return []
    try:
        told = json_of(path.read_bytes())
        made_by = json_of((folder / "release.json").read_bytes())["code_version"]
        return list(_wrong(told, made_by))
    except OSError as error:
        return [f"{BILL} cannot be checked: {error.strerror}"]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        return [f"{BILL} cannot be checked: {error!r}"]


def _wrong(told: Mapping[str, Any], made_by: str) -> Iterator[str]:
    if (told["bomFormat"], told["specVersion"]) != (FORMAT, VERSION):
        yield f"{BILL} is no {FORMAT} {VERSION}"
    product = told["metadata"]["component"]
    if (product["name"], product["version"]) != (ROOT, made_by):
        yield f"{BILL} is of {product['name']} {product['version']}, and the release was made by {made_by}"
    if told["serialNumber"] != _serial_number(told):
        yield f"{BILL}: the serial number is not that of its content"
    named = {product["bom-ref"], *(one["bom-ref"] for one in told["components"])}
    reached, waiting = set(), [product["bom-ref"]]
    needs = {one["ref"]: one.get("dependsOn", []) for one in told["dependencies"]}
    while waiting:
        if (one := waiting.pop()) not in reached:
            reached.add(one)
            waiting += needs.get(one, [])
    for one in sorted(named ^ reached):
        yield f"{BILL}: {one} is {'needed by nothing' if one in named else 'needed, and not told'}"
