"""What programs are told of a release's tables: CSV on the Web beside each CSV, and one Data Package over all files.
Made from the columns in the JSON of each table, and from the files in the folder.

Catalogues of data sets, and what pages tell search engines, are not made here.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hubs.contract.vocabularies import vocabulary
from pipelines.edition import State
from pipelines.files import reading, sha256_of
from pipelines.publish import strings, writers
from pipelines.publish.catalogue import FORMATS
from pipelines.publish.strings import LANGUAGES

if TYPE_CHECKING:
    from pipelines.publish.workbooks import About

CSVW_END = "-metadata.json"
"""What stands behind the name of a CSV in the name of the file that describes it: programs look for it there."""
DATAPACKAGE = "datapackage.json"
PROFILE = "https://datapackage.org/profiles/2.0/datapackage.json"
RECORDS_SCHEMA = "schemas/records.json"
"""The Table Schema of the records, which every pack refers to."""

STATEMENTS = (
    "coverage.json",
    "changes.json",
    "quality.json",
    "provenance.json",
    "audit.json",
    "vocabularies.json",
)
"""What a release says besides its tables; ``release.json`` and ``errata.json`` tell the digest of the Data Package."""
_FORMATS = {".csv": "csv", ".parquet": "vnd.apache.parquet", ".json": "json", ".jsonl": "json-lines"}
"""The data of the release by the end of the file's name. Workbooks are for people, and are left
to ``release.json``. By the names ``parquet`` and ``jsonl`` frictionless, the tool that most have, refuses a package
unless parts of it are there that few have; by these it holds size and digest."""
_BINARY = (".parquet",)
_CSVW_TYPES = {
    "string": "string",
    "integer": "integer",
    "number": "number",
    "date": "date",
    "list": "string",
    "object": "json",
}


def table_schema(spec: writers.TableSpec) -> dict[str, Any]:
    """The Table Schema (Data Package 2.0) of a table as CSV and Parquet have it. What a column means stands in English,
    and in Welsh under ``description_cy``, of which other programs know nothing.
    """
    schema: dict[str, Any] = {"fields": [_field(column) for column in spec.columns], "missingValues": [""]}
    return schema | ({"primaryKey": list(spec.key)} if spec.key else {})


def _field(column: writers.Column) -> dict[str, Any]:
    told: dict[str, Any] = {
        "name": column.name,
        "type": column.json or "any" if column.type == "object" else column.type,
    }
    if column.type == "list":
        told |= {"delimiter": column.separator, "itemType": "string"}
    told |= {"description": column.description_en, "description_cy": column.description_cy}
    if column.unit:
        told["unit"] = column.unit
    constraints = {
        "required": column.is_required or None,
        "minimum": column.minimum,
        "maximum": column.maximum,
        # Of a list these hold of each item, for which Table Schema has no word.
        "pattern": column.pattern if column.type == "string" else None,
        "enum": list(column.allowed) or None if column.type == "string" else None,
    }
    if kept := {name: value for name, value in constraints.items() if value is not None}:
        told["constraints"] = kept
    return told


def csvw(spec: writers.TableSpec, file: str, about: About) -> dict[str, Any]:
    """What CSV on the Web says of the CSV called ``file``, which stands beside it."""
    licence = vocabulary("licences")[about.licence].address if about.licence else None
    schema: dict[str, Any] = {"columns": [_csvw_column(column) for column in spec.columns]}
    if spec.key:
        schema["primaryKey"] = list(spec.key)
    return {
        "@context": ["http://www.w3.org/ns/csvw", {"@language": "en"}],
        "url": file,
        "dc:title": _in_languages(about.title),
        "dc:description": _in_languages(about.description),
        "dc:issued": {"@value": about.published.date().isoformat(), "@type": "xsd:date"},
        **({"dc:license": {"@id": licence}} if licence else {}),
        "dialect": {
            "encoding": "utf-8",
            "lineTerminators": ["\r\n"],
            "delimiter": ",",
            "quoteChar": '"',
            "header": True,
        },
        "tableSchema": schema,
    }


def _in_languages(words: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"@value": words[language], "@language": language} for language in LANGUAGES]


def _csvw_column(column: writers.Column) -> dict[str, Any]:
    limits = {"minimum": column.minimum, "maximum": column.maximum, "format": _pattern(column)}
    limits = {name: value for name, value in limits.items() if value is not None}
    base = _CSVW_TYPES[column.type]
    words = {language: column.description(language) for language in LANGUAGES}
    return {
        "name": column.name,
        "titles": column.name,
        "dc:description": _in_languages(words),
        "datatype": {"base": base, **limits} if limits else base,
        **({"separator": column.separator} if column.type == "list" else {}),
        **({"required": True} if column.is_required else {}),
    }


def _pattern(column: writers.Column) -> str | None:
    """The texts that there can be, as a regular expression: CSV on the Web has no list of values."""
    if column.type not in ("string", "list"):
        return None
    return column.pattern or "|".join(value.replace(".", r"\.") for value in column.allowed) or None


# The whole release.


def write_datapackage(folder: Path) -> None:
    """Write ``datapackage.json`` (Data Package 2.0) over the data files of the release in ``folder``, and the Table
    Schema that its packs share. What is there is overwritten. All other data files have to be there; ``release.json``,
    which lists this one, is none of them.

    Raises FileNotFoundError, and files.Damaged when one of the JSON files cannot be read.
    """
    with reading(folder / "coverage.json") as coverage:
        packs = [path.parent for path in sorted(folder.glob("packs/*/pack.json"))]
        schemas: dict[str, Any] = {}
        licences = set()
        for name in sorted(path.stem for path in folder.glob("benchmarks/*.json") if _is_table(path)):
            with reading(folder / "benchmarks" / f"{name}.json", writers.besides_rows) as data:
                schemas[f"benchmarks/{name}"] = table_schema(writers.spec_of(name, data["columns"]))
                licences.add(data["licence"])
        for pack in packs:
            with reading(pack / "pack.json") as data:
                licences |= {record["licence"] for record in data["records"]}
                columns = data["columns"]
        if packs:
            schema = table_schema(writers.spec_of("records", columns))
            (folder / RECORDS_SCHEMA).parent.mkdir(exist_ok=True)
            (folder / RECORDS_SCHEMA).write_bytes(writers.json_bytes(schema))
        names = [*_statements(folder), *_tables(folder, schemas), *_packs(folder, packs)]
        used = [hub for hub in coverage["hubs"] if hub["snapshot"] and hub["state"] != State.RETIRED]
        data = {
            "$schema": PROFILE,
            "name": f"hubpacks-{coverage['release']}",
            "id": f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, 'hubpacks/releases/' + coverage['release'])}",
            "version": coverage["release"],
            "created": coverage["published"],
            "title": strings.text("package.title", "en", release=coverage["release"]),
            "description": strings.text("package.description", "en"),
            "title_cy": strings.text("package.title", "cy", release=coverage["release"]),
            "description_cy": strings.text("package.description", "cy"),
            "licenses": [_licence(licence) for licence in sorted(licences)],
            "sources": [{"title": hub["name"]["en"]} for hub in used],
            "contributors": [{"title": "hubpacks", "roles": ["publisher"]}],
            "resources": [_resource(folder, name, schemas) for name in names],
        }
    (folder / DATAPACKAGE).write_bytes(writers.json_bytes(data))


def _is_table(path: Path) -> bool:
    return not path.name.endswith(CSVW_END)


def _statements(folder: Path) -> Iterator[str]:
    yield from (name for name in STATEMENTS if (folder / name).is_file())


def _tables(folder: Path, tables: Iterable[str]) -> Iterator[str]:
    for table in tables:
        yield from (f"{table}{end}" for end in _FORMATS if (folder / f"{table}{end}").is_file())


def _packs(folder: Path, packs: Iterable[Path]) -> Iterator[str]:
    for pack in packs:
        for stem in ("pack", "records"):
            here = (pack / f"{stem}{end}" for end in _FORMATS)
            yield from (path.relative_to(folder).as_posix() for path in here if path.is_file())


def _resource(folder: Path, name: str, schemas: Mapping[str, Any]) -> dict[str, Any]:
    path = folder / name
    told: dict[str, Any] = {
        "name": name.replace("/", "-"),
        "path": name,
        "format": _FORMATS[path.suffix],
        "mediatype": FORMATS[path.suffix].media_type,
        **({} if path.suffix in _BINARY else {"encoding": "utf-8"}),
        "bytes": path.stat().st_size,
        "hash": f"sha256:{sha256_of(path)}",
    }
    if path.suffix == ".csv":
        dialect = {"delimiter": ",", "lineTerminator": "\r\n", "quoteChar": '"', "header": True}
        told |= {"type": "table", "dialect": dialect, "schema": schemas.get(name[: -len(path.suffix)], RECORDS_SCHEMA)}
    return told


def _licence(licence: str) -> dict[str, str]:
    term = vocabulary("licences")[licence]
    return {"name": licence, "title": term.label("en"), **({"path": term.address} if term.address else {})}
