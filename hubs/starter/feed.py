"""The starter feed: a folder that passes the check as it is, with one example of everything to replace.

The examples are made in ``examples``, the workbook in ``workbook``. Only new, or empty, folders are written to.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from hubs.contract import CONTRACT_VERSION
from hubs.contract.kinds import Kind, kinds
from hubs.contract.kinds.base import DocumentKind, TableKind
from hubs.contract.records import MANIFEST
from hubs.starter import workbook
from hubs.starter.examples import EXAMPLE_LICENCE, Starter, answer, entries, example, longest

SHORT_TEXT = 5_000
"""Characters of a kind's text up to which its records are rows; longer ones have a file each."""
PROFILE = "https://datapackage.org/profiles/2.0/datapackage.json"


class FolderNotEmpty(ValueError):
    """The folder holds something already. The message says what to do."""


def write_starter(folder: Path, starter: Starter) -> list[str]:
    """Write the starter feed into ``folder``, which is made if need be. Gives the paths of the files in it, sorted.

    Raises FolderNotEmpty, before anything is written, and OSError.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise FolderNotEmpty(f"{folder} is not an empty folder, and nothing is ever overwritten: name a new one")
    files = starter_files(starter)
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return sorted(files)


def starter_files(starter: Starter) -> dict[str, bytes]:
    """The files of the starter feed, path to content."""
    records = {_path(kind): _text(kind, starter).encode() for kind in kinds().values()}
    return records | {
        MANIFEST: _manifest(starter).encode(),
        "README.md": _readme(starter).encode(),
        f"registration/{starter.hub}.yaml": _registration(starter).encode(),
        "workbook/feed.ods": workbook.ods(starter),
        "workbook/feed.xlsx": workbook.xlsx(starter),
    }


# Records.


def _is_markdown(kind: Kind) -> bool:
    """Whether a record is a text to read, with a file of its own; the records of other kinds are rows."""
    if not isinstance(kind, DocumentKind) or kind.text not in kind.missing:
        return False
    limit = longest(kind, kind.text)
    return limit is None or limit > SHORT_TEXT


def _folder(kind: Kind) -> str:
    return f"{kind.name.removesuffix('y')}ies" if kind.name.endswith("y") else f"{kind.name}s"


def _path(kind: Kind) -> str:
    return f"{_folder(kind)}/example.{_ending(kind)}"


def _ending(kind: Kind) -> str:
    return "md" if _is_markdown(kind) else "csv"


def _text(kind: Kind, starter: Starter) -> str:
    if isinstance(kind, TableKind):
        return _csv(answer(kind))
    values = example(kind, starter)
    if _is_markdown(kind) and isinstance(kind, DocumentKind):
        return _markdown(kind, values)
    return _csv({name: values.get(name, "") for name, _, _ in entries(kind)})


def _csv(row: Mapping[str, Any]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(row)
    writer.writerow("; ".join(value) if isinstance(value, list) else value for value in row.values())
    return text.getvalue()


def _markdown(kind: DocumentKind, values: dict[str, Any]) -> str:
    """Front matter with a comment above each key, and the text of the record."""
    lines = ["---", "# An example to replace. Lines that begin with # are explanations and are not read."]
    under_headings = set(kind.sections) or {kind.text}
    for name, description, is_needed in entries(kind):
        if name in under_headings:
            continue
        lines.append(f"# {description}{'' if is_needed else ' May be left out.'}")
        lines.append(_yaml_line(name, values[name]) if name in values else f"# {name}:")
    body = values[kind.text]
    if kind.sections:
        body = "\n\n".join(f"## {names[0].capitalize()}\n\n{values[name]}" for name, names in kind.sections.items())
    return "\n".join([*lines, "---", body, ""])


def _yaml_line(name: str, value: Any) -> str:
    is_list = isinstance(value, list)
    dumped = yaml.safe_dump(
        {name: value}, allow_unicode=True, default_flow_style=None if is_list else False, width=10_000
    )
    return dumped.strip()


# About the feed.


def _manifest(starter: Starter) -> str:
    def resource(kind: Kind) -> dict[str, Any]:
        paths = [f"{_folder(kind)}/*.{_ending(kind)}"]
        return {"name": _folder(kind).replace("_", "-"), "path": paths, "hubpacks": {"kind": kind.name}}

    descriptor = {
        "$schema": PROFILE,
        "name": starter.hub,
        "title": starter.name,
        "licenses": [{"name": EXAMPLE_LICENCE}],
        "hubpacks": {
            "contract": CONTRACT_VERSION,
            "hub": starter.hub,
            "skip": [
                {"path": "registration/**", "reason": "The hub's registration, not content."},
                {"path": "workbook/**", "reason": "The same feed as a workbook, to be sent instead."},
            ],
        },
        "resources": [resource(kind) for kind in kinds().values()],
    }
    return json.dumps(descriptor, indent=2, ensure_ascii=False) + "\n"


def _registration(starter: Starter) -> str:
    return f"""\
# How {starter.hub} joins. Replace what is in capital letters; the guide (docs/hubs.md) explains every line.
id: {starter.hub}                  # the name of this file
name:
  {_yaml_line("en", starter.name)}
  # cy: THE WELSH NAME
sector: {starter.sector}
owner: {{role: ROLE OF WHO ANSWERS FOR THE CONTENT}}         # a role, never a person
data_contact: {{role: ROLE OF WHO MENDS THE FEED, email: {starter.contact}}}
address: ..                        # the feed: a folder, a zip, a web address, or the word intake
cadence: quarterly                 # how often it changes: weekly, monthly, quarterly, yearly
licence: {EXAMPLE_LICENCE}                # of records that name none
language: en
"""


def _readme(starter: Starter) -> str:
    rows = "\n".join(
        f"| `{_path(kind)}` | {kind.label_en}: {'a file a record' if _is_markdown(kind) else 'a row a record'} |"
        for kind in kinds().values()
    )
    return f"""\
# {starter.name}: a feed for hubpacks

Everything in this folder is an example to replace. It passes the check as it is.

1. Replace the examples with what you have, and delete those of kinds that you have not, here and in `{MANIFEST}`.
   If you would rather fill in a spreadsheet, send `workbook/feed.ods` or `workbook/feed.xlsx` instead of the folder.
2. Check it: `hubpacks check .` (or `hubpacks check workbook/feed.ods`).
3. Fill in `registration/{starter.hub}.yaml`, check it with `hubpacks registry check --registry registration`, and send
   it to the operator.

| file | what it holds |
|---|---|
{rows}

Withdrawals take a record of yours back. As long as you have none, delete that file and its entry in `{MANIFEST}`.
"""
