"""Everything that is generated from the contract and checked in: schemas for programs, reference pages for people.

``python -m hubs.contract.generate`` writes it; a test says when it lags behind the contract.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from hubs.contract import CONTRACT_VERSION
from hubs.contract.findings import CODES
from hubs.contract.kinds import record_kinds, table_kinds
from hubs.contract.kinds.base import RecordKind, TableKind
from hubs.contract.vocabularies import SCHEMES, vocabulary

SCHEMAS = Path(__file__).parent / "schemas"
REFERENCE = Path(__file__).parents[2] / "docs" / "reference"
_DRAFT = "https://json-schema.org/draft/2020-12/schema"
_TABLE_SCHEMA = "https://datapackage.org/profiles/2.0/tableschema.json"
_NOTICE = "Generated from `hubs/contract` by `make schemas`; a test fails when it lags behind."
_SKOS = "http://www.w3.org/2004/02/skos/core#"


def generated() -> dict[Path, str]:
    """The text of every generated file by path."""
    schemas = {SCHEMAS / name: text for name, text in _schemas().items()}
    return schemas | {REFERENCE / "findings.md": findings_page(), REFERENCE / "contract.md": contract_page()}


def _schemas() -> dict[str, str]:
    files: dict[str, Any] = {f"{name}.schema.json": json_schema(kind) for name, kind in record_kinds().items()}
    files |= {f"{name}.table-schema.json": table_schema(kind) for name, kind in table_kinds().items()}
    files |= {f"{scheme}.skos.json": skos(scheme) for scheme in SCHEMES}
    return {name: json.dumps(data, indent=2, ensure_ascii=False) + "\n" for name, data in files.items()}


def json_schema(kind: RecordKind) -> dict[str, Any]:
    """JSON Schema 2020-12 of the records of a kind that are judged one by one."""
    schema = kind.model.model_json_schema()
    if kind.is_id_derived:
        schema["required"] = [name for name in schema["required"] if name != "id"]
    return {"$schema": _DRAFT, "title": kind.label_en, "x-hubpacks-contract": CONTRACT_VERSION} | {
        name: value for name, value in schema.items() if name != "title"
    }


def table_schema(kind: TableKind) -> dict[str, Any]:
    """Table Schema (Data Package 2.0) of a table kind."""
    fields = []
    for column in kind.columns:
        constraints: dict[str, Any] = {"required": column.required}
        if column.allowed:
            constraints["enum"] = list(column.allowed)
        if column.pattern:
            constraints["pattern"] = column.pattern
        field = {"name": column.name, "type": "string", "description": column.description_en}
        fields.append(field | {"description_cy": column.description_cy, "constraints": constraints})
    return {"$schema": _TABLE_SCHEMA, "fields": fields, "primaryKey": list(kind.key), "missingValues": [""]}


def skos(scheme: str) -> dict[str, Any]:
    """A vocabulary as SKOS in JSON-LD, with English and Welsh labels."""
    words = vocabulary(scheme)
    concepts = [
        {
            "@id": f"{scheme}/{term.id}",
            "@type": "Concept",
            "notation": term.id,
            "prefLabel": {"en": term.en, "cy": term.cy},
            "inScheme": scheme,
        }
        | ({"altLabel": {"en": list(term.alt)}} if term.alt else {})
        | ({"exactMatch": term.address} if term.address else {})
        for term in words
    ]
    labels = {name: {"@id": f"{_SKOS}{name}", "@container": "@language"} for name in ("prefLabel", "altLabel")}
    context = {
        "@vocab": _SKOS,
        **labels,
        "inScheme": {"@id": f"{_SKOS}inScheme", "@type": "@id"},
        "exactMatch": {"@id": f"{_SKOS}exactMatch", "@type": "@id"},
    }
    head = {"@id": scheme, "@type": "ConceptScheme", "prefLabel": {"en": words.label_en, "cy": words.label_cy}}
    return {"@context": context, "@graph": [head, *concepts]}


def findings_page() -> str:
    """The table of finding codes, for the docs."""
    rows = [
        f"| `{name}` | {code.severity.value} | {code.scope} | {code.who.value} | {code.why} | {code.mend} |"
        for name, code in CODES.items()
    ]
    head = ["| code | severity | stops | who mends | why | how to mend |", "|---|---|---|---|---|---|"]
    return "\n".join(["# Findings", "", _NOTICE, "", *head, *rows, ""])


def contract_page() -> str:
    """Every kind, field and vocabulary of the contract, for the docs."""
    lines = [f"# The feed contract, version {CONTRACT_VERSION}", "", _NOTICE, ""]
    for kind in record_kinds().values():
        lines += [f"## {kind.label_en} (`{kind.name}`)", "", "| field | needed | what it holds |", "|---|---|---|"]
        for name, field in kind.model.model_fields.items():
            is_derived = kind.is_id_derived and name == "id"
            needed = f"no: made of `{kind.heading}`" if is_derived else "yes" if field.is_required() else "no"
            lines.append(f"| `{name}` | {needed} | {field.description} |")
        lines.append("")
    for table in table_kinds().values():
        lines += [f"## {table.label_en} (`{table.name}`)", "", "| column | needed | what it holds |", "|---|---|---|"]
        lines += [f"| `{c.name}` | {'yes' if c.required else 'no'} | {c.description_en} |" for c in table.columns]
        lines.append("")
    for scheme in SCHEMES:
        words = vocabulary(scheme)
        lines += [f"## {words.label_en} (`{scheme}`)", "", "| id | English | Welsh |", "|---|---|---|"]
        lines += [f"| `{term.id}` | {term.en} | {term.cy} |" for term in words]
        lines.append("")
    return "\n".join(lines)


def main() -> None:
    """Write every generated file."""
    for path, text in generated().items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
