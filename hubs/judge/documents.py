"""Judging documents: each against the typed model of its kind, all faults of a record at once."""

from __future__ import annotations

import re
from collections.abc import Iterable, Set
from dataclasses import replace
from datetime import date
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from hubs.contract.active import has_active_html
from hubs.contract.findings import CODES, Finding, Severity
from hubs.contract.kinds import document_kinds
from hubs.contract.kinds.base import Document, DocumentKind, RecordKind
from hubs.contract.personal import contacts_in
from hubs.contract.records import RawDocument, Record
from hubs.contract.verdict import Quarantined
from hubs.mapping.text import outside_code
from hubs.registration import Registration

Typed = TypeVar("Typed", bound=BaseModel)

MAX_FIELDS_NAMED = 10
"""Fields that the contract does not know are named one by one up to this many, then only counted."""

_CREDENTIALS = re.compile(r"//[^/@\s]*@")
_PYDANTIC_CODES = {"string_too_long": "too_long", "too_long": "too_many_values"}
_ABSENT = {"missing", "string_too_short", "too_short"}


def judge_documents(
    documents: Iterable[RawDocument], registration: Registration, today: date, withdrawn: Set[str] = frozenset()
) -> tuple[list[Record], list[Quarantined], list[Finding]]:
    """Accepted records, quarantined documents and findings, each in the order of ``documents``.

    ``today`` is the day the feed was fetched; a later date in a record earns a warning. ``withdrawn`` are the ids of
    records that the hub has taken back: these are neither accepted nor quarantined.
    """
    records: list[Record] = []
    quarantine: list[Quarantined] = []
    findings: list[Finding] = []
    first_place: dict[str, str] = {}
    for raw in documents:
        kind = document_kinds()[raw.kind]
        local_id = local_id_of(raw)
        if local_id in withdrawn:
            findings.append(Finding("withdrawn_record", raw.file, local_id, detail=raw.place or None))
            continue
        if raw.faults:  # what could be read of it is not what its author wrote; the mapping has said why
            quarantine.append(Quarantined(raw.kind, raw.file, raw.place, local_id, raw.faults, raw.raw))
            continue
        found, document = typed(kind, kind.model, raw)
        if document is not None:
            place = f"{raw.file} {raw.place}".strip()
            if document.id in first_place:
                also = f"also: {first_place[document.id]}"
                found.append(Finding("duplicate_id", field="id", value=document.id, detail=also))
                document = None
            else:
                first_place[document.id] = place
        if document is None:
            quarantine.append(quarantined(raw, found))
        else:
            found += _remarks(kind, document, today)
            records.append(Record(registration.id, raw.kind, document, raw.file, raw.place, raw.derived))
        findings += [replace(finding, file=raw.file, record=local_id or raw.place or None) for finding in found]
    return records, quarantine, findings + _lost_translations(records)


def local_id_of(raw: RawDocument) -> str | None:
    """The id that the record gives itself, whatever it is like."""
    stated = raw.fields.get("id")
    return str(stated) if stated not in (None, "") else None


def quarantined(raw: RawDocument, findings: Iterable[Finding]) -> Quarantined:
    """The record as it goes to quarantine, with the codes of the errors among ``findings``."""
    codes = tuple(dict.fromkeys(f.code for f in findings if f.severity is Severity.ERROR))
    return Quarantined(raw.kind, raw.file, raw.place, local_id_of(raw), codes, raw.raw)


def typed(kind: RecordKind, model: type[Typed], raw: RawDocument) -> tuple[list[Finding], Typed | None]:
    """The record as a ``model`` of its kind, or None and why not. A field that the contract does not know is left out
    with a warning.
    """
    fields = {name: value for name, value in raw.fields.items() if value is not None}
    known = {name: value for name, value in fields.items() if name in model.model_fields}
    findings = _unknown({name: value for name, value in fields.items() if name not in known})
    try:
        return findings, model.model_validate(known)
    except ValidationError as error:
        return findings + [_finding(kind, problem) for problem in _worth_saying(kind, error.errors())], None


def _worth_saying(kind: RecordKind, problems: list[ErrorDetails]) -> list[ErrorDetails]:
    """Where the id comes from the heading, a record without either lacks only the heading."""
    missing = {problem["loc"][0] for problem in problems if problem["type"] in _ABSENT}
    is_told = kind.is_id_derived and kind.heading in missing
    return [p for p in problems if not (is_told and p["type"] == "missing" and p["loc"] == ("id",))]


def _unknown(fields: dict[str, Any]) -> list[Finding]:
    """A warning for each field, or one for all of them when they are many."""
    if len(fields) <= MAX_FIELDS_NAMED:
        return [Finding("unknown_field", field=name, value=_shown(value)) for name, value in fields.items()]
    names = ", ".join(name[:60] for name in list(fields)[:MAX_FIELDS_NAMED])
    return [Finding("unknown_field", count=len(fields), detail=f"first of them: {names}")]


def _finding(kind: RecordKind, problem: ErrorDetails) -> Finding:
    name, type_ = str(problem["loc"][0]), problem["type"]
    is_whole_field = len(problem["loc"]) == 1
    if type_ in _ABSENT and is_whole_field:
        return Finding(kind.missing.get(name, "missing_field"), field=name)
    code = _PYDANTIC_CODES.get(type_, type_ if type_ in CODES else "invalid_value")
    if code == type_:  # one of the contract's own, which says all there is to say
        return Finding(code, field=name, value=_shown(problem["input"]))
    return Finding(code, field=name, value=_shown(problem["input"]), detail=problem["msg"])


def _remarks(kind: DocumentKind, document: Document, today: date) -> list[Finding]:
    """What readers lose although the record is accepted."""
    findings = [Finding(code, field=name) for code, name in kind.warn(document)]
    findings += [
        Finding("date_in_future", field=name, value=value.isoformat())
        for name in ("published", "updated")
        if (value := getattr(document, name)) is not None and value > today
    ]
    return findings + text_remarks(kind, document)


def text_remarks(kind: RecordKind, record: BaseModel) -> list[Finding]:
    """A warning for each text of ``record`` of which something is masked or left out when it is published."""
    findings = []
    for name in kind.texts:
        text = getattr(record, name) or ""
        if contacts := len(contacts_in(text)):
            # The value is not repeated: a report travels further than the feed.
            findings.append(Finding("contact_masked", field=name, count=contacts))
        if has_active_html("".join(part for is_text, part in outside_code(text) if is_text)):
            findings.append(Finding("active_html", field=name))
    return findings


def _lost_translations(records: list[Record]) -> list[Finding]:
    ids = {record.document.id for record in records}
    return [
        Finding("unknown_translation", r.file, r.document.id, "translation_of", r.document.translation_of)
        for r in records
        if r.document.translation_of and r.document.translation_of not in ids
    ]


def _shown(value: object) -> str:
    # A report travels further than the feed, so it repeats no password.
    return _CREDENTIALS.sub("//…@", value) if isinstance(value, str) else repr(value)
