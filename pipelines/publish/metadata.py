"""The files that describe a release to machines: written from its folder, and held against it again.

Each vocabulary has a writer of its own, since the UK model is closed and contradicts DCAT-AP; all say what
``catalogue`` says. Pages describe themselves (``schema_org``).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from hubs.contract.vocabularies import vocabulary
from pipelines.files import json_of
from pipelines.publish import catalogue, citation, dcat, ro_crate, uk_metadata

_JSON = {writer.NAME: writer.document for writer in (dcat, uk_metadata, ro_crate)}


def write_metadata(folder: Path, address: str) -> None:
    """Write ``catalogue.WRITTEN`` into the root of the release in ``folder``, whose tables, packs and statements are
    complete, for readers who find all releases at ``address``. What is there already is replaced; the same folder and
    address give the same bytes. Raises OSError, ValueError, KeyError and TypeError when the folder is no release.
    """
    told = catalogue.read(folder, address)
    for name, document in _JSON.items():
        (folder / name).write_text(json.dumps(document(told), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    (folder / citation.NAME).write_text(citation.as_yaml(citation.document(told)), encoding="utf-8")


def wrong_metadata(folder: Path, digests: Mapping[str, str]) -> list[str]:
    """Where the metadata of the release in ``folder`` do not fit its files, in words; also each record that is under no
    open licence. ``digests`` are the SHA-256 of its files by path. A release of an older version, which does not say
    its address, has no metadata to fit.
    """
    try:
        manifest = json_of((folder / "release.json").read_bytes())
        problems = list(_unlicensed(folder))
        if "address" in manifest:
            problems += _wrong(folder, manifest, digests)
    except OSError as error:
        return [f"metadata cannot be checked: {Path(error.filename).name}: {error.strerror}"]
    except (ValueError, KeyError, TypeError, AttributeError, yaml.YAMLError) as error:
        return [f"metadata cannot be checked: {error!r}"]
    return problems


def _unlicensed(folder: Path) -> Iterator[str]:
    for path in sorted(folder.glob("packs/*/pack.json")):
        pack = json_of(path.read_bytes())
        for record in pack["records"]:
            if record["licence"] not in vocabulary("licences"):
                yield f"{path.relative_to(folder)}: {record['id']} is under no open licence: {record['licence']}"
        if "licences" in pack and pack["licences"] != catalogue.licences_of(pack["records"]):
            yield f"{path.relative_to(folder)}: licences are not those of its records"


def _wrong(folder: Path, manifest: Mapping[str, Any], digests: Mapping[str, str]) -> Iterator[str]:
    base = catalogue.permalink(manifest["address"], manifest["id"])
    data = {name: json_of((folder / name).read_bytes()) for name in _JSON}
    yield from _wrong_dcat(folder, base, data[dcat.NAME], digests)
    yield from _wrong_crate(folder, data[ro_crate.NAME], digests)
    record = data[uk_metadata.NAME]
    if (record["identifier"], record["version"]) != (base, manifest["id"]):
        yield f"{uk_metadata.NAME}: of another release"
    for address in record["distribution"]:
        yield from _wrong_file(folder, uk_metadata.NAME, _path(base, address), {})
    cited = yaml.safe_load((folder / citation.NAME).read_text(encoding="utf-8"))
    if (cited["url"], str(cited["version"])) != (base, manifest["id"]):
        yield f"{citation.NAME}: of another release"


def _wrong_dcat(folder: Path, base: str, data: Mapping[str, Any], digests: Mapping[str, str]) -> Iterator[str]:
    named = set()
    for node in data["@graph"]:
        if node["@type"] == "dcat:Dataset" and node["@id"].partition("#")[0] != base:
            yield f"{dcat.NAME}: {node['@id']} is of another release"
        if node["@type"] == "dcat:Distribution":
            path = _path(base, node["dcat:downloadURL"]["@id"])
            named.add(path)
            size, digest = node["dcat:byteSize"]["@value"], node["spdx:checksum"]["spdx:checksumValue"]["@value"]
            yield from _wrong_file(folder, dcat.NAME, path, digests, size=size, digest=digest)
    yield from _left_out(folder, dcat.NAME, named)


def _wrong_crate(folder: Path, data: Mapping[str, Any], digests: Mapping[str, str]) -> Iterator[str]:
    named = set()
    for node in data["@graph"]:
        if node["@type"] == "File":
            named.add(node["@id"])
            yield from _wrong_file(
                folder, ro_crate.NAME, node["@id"], digests, size=node["contentSize"], digest=node["sha256"]
            )
    yield from _left_out(folder, ro_crate.NAME, named)


def _wrong_file(
    folder: Path,
    name: str,
    path: str,
    digests: Mapping[str, str],
    *,
    size: str | None = None,
    digest: str | None = None,
) -> Iterator[str]:
    """What is wrong with what ``name`` says of the file at ``path``."""
    file = folder / path
    if not path or ".." in path.split("/") or path.startswith("/") or not file.is_file():
        yield f"{name}: no such file: {path}"
        return
    if size is not None and size != str(file.stat().st_size):
        yield f"{name}: {path} has {file.stat().st_size} bytes, not {size}"
    if digest is not None and digest != digests.get(path):
        yield f"{name}: the digest of {path} is another"


def _left_out(folder: Path, name: str, named: set[str]) -> Iterator[str]:
    """Data files of the release that ``name`` does not describe."""
    for path in catalogue.data_files(folder):
        if path not in named:
            yield f"{name}: {path} is left out"


def _path(base: str, address: str) -> str:
    """The path of what stands at ``address``, the address itself when that is elsewhere."""
    return address.removeprefix(base)
