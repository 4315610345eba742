"""Advice to those who write a registration: what is valid as data but cannot do what it seems to.

What is wrong whatever the feed says is found when the registration is loaded (``spec``); what only the feed can show is
found when it is mapped. Each message says where, what, and how to mend it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from ipaddress import ip_address
from itertools import combinations
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from hubs.contract.kinds import record_kinds, table_kinds
from hubs.contract.kinds.base import Column, RecordKind
from hubs.contract.vocabularies import vocabulary
from hubs.feed import Feed
from hubs.mapping.spec import (
    ColumnRule,
    DocumentSource,
    FaqPageSource,
    MarkdownSource,
    Rule,
    TableSource,
    flat,
)

if TYPE_CHECKING:
    from hubs.instruments import Instrument
    from hubs.registration import Registration

MOST_LEVELS = 5
"""Edges between the levels 0 to 5."""

_DEFAULTED = {"language", "sectors"}
"""Required fields that the registration always fills."""
_SAMPLE_DAY = datetime(2026, 3, 31, 13, 45, 59)  # noqa: DTZ001 - only tries out formats


def lint(registration: Registration, instruments: Mapping[str, Instrument] = MappingProxyType({})) -> list[str]:
    """Doubts about the registration's mapping, empty when there are none. ``instruments`` are the question banks known
    where it is used, by name: a mapping to one of them may only name its questions.
    """
    messages = []
    for number, source in enumerate(registration.sources):
        where = f"sources.{number} ({source.label})"
        if isinstance(source, TableSource):
            messages += [f"{where} {message}" for message in _table_doubts(source)]
            messages += [f"{where} {message}" for message in _strange_questions(source, instruments)]
        else:
            messages += [f"{where} {message}" for message in _document_doubts(source, registration)]
    return [*messages, *_address_doubts(registration), *_paging_doubts(registration), *_overlaps(registration)]


def _address_doubts(registration: Registration) -> Iterator[str]:
    """About addresses that no pull would take as they are registered."""
    scheme = registration.address.partition("://")[0].lower() if "://" in registration.address else ""
    if scheme == "sftp" and registration.host_key is None:
        yield (
            "host_key: an SFTP server is known by its key alone. Add what ssh-keyscan prints after the server's name, "
            "once the hub has told you by another way that it is theirs."
        )
    if scheme == "sftp" and registration.secret is None:
        yield "secret: an SFTP server lets nobody in without one. Name the variable with the password or private key."
    if scheme != "sftp" and registration.host_key is not None:
        yield "host_key: has no effect here. Only sftp addresses have a host with a key."
    if scheme != "s3" and registration.endpoint is not None:
        yield "endpoint: has no effect here. Only s3 addresses have one."
    if registration.private_address:
        return
    if scheme in ("http", "https", "git+http", "git+https", "sftp") and _is_inside(registration.address):
        yield "address: leads to this machine or into a private network. Say private_address: true if that is meant."
    if scheme == "s3" and (registration.endpoint or "").lower().startswith("http://"):
        yield "endpoint: http is only for private networks. Use https, or say private_address: true."
    if scheme == "git+http":
        yield "address: git+http is only for private networks. Use git+https, or say private_address: true."
    if scheme == "http" and registration.secret is not None:
        yield "secret: it would travel unencrypted. Use an https address, or say private_address: true."


def _is_inside(address: str) -> bool:
    """Whether the host of ``address`` is this machine, or a number that is not public. Names are not looked up."""
    host = urlsplit(address).hostname or ""
    try:
        return not ip_address(host).is_global
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def _paging_doubts(registration: Registration) -> Iterator[str]:
    from hubs.registration import RECORDS_FILE

    if registration.paging is None:
        return
    if not registration.address.lower().startswith(("http://", "https://")):
        yield "paging: only a web address answers page by page. Correct the address, or take paging out."
    feed = Feed({RECORDS_FILE: Path(RECORDS_FILE)})
    if not any(feed.glob(glob) for source in registration.sources for glob in source.glob if source.reader == "rows"):
        yield f"paging: all pages come as {RECORDS_FILE}. Add a source with reader: rows and glob: {RECORDS_FILE}."
    if registration.public_key:
        yield "public_key: what comes page by page cannot be signed, so no feed is ever accepted. Take one of them out."


# Documents.


def _document_doubts(source: DocumentSource, registration: Registration) -> Iterator[str]:
    kind = record_kinds()[source.kind]
    for name, rules in source.fields.items():
        if name not in kind.model.model_fields:
            known = ", ".join(kind.model.model_fields)
            yield f"fields.{name}: {source.kind} has no such field. Use one of: {known}."
            continue
        for number, rule in enumerate(rules):
            yield from (f"fields.{name}.{number}: {doubt}" for doubt in _rule_doubts(kind.schemes.get(name), rule))
        if rules and rules[-1].unmapped == "next":
            yield (
                f"fields.{name}: the last rule says unmapped: next, so values it does not know vanish unnoticed. "
                "Say error or drop, or add a rule after it."
            )
    yield from _missing_rules(source, kind, registration)
    if isinstance(source, FaqPageSource):
        yield from _question_doubts(source)
    if isinstance(source, MarkdownSource) and source.join:
        for name in sorted(set(source.join.headings) - set(source.join.order)):
            yield f"join.headings.{name}: the file is not joined. Add it to join.order or take the heading out."


def _rule_doubts(scheme: str | None, rule: Rule) -> Iterator[str]:
    ours: list[str] = [value for term in (rule.map or {}).values() for value in flat(term)]
    ours += [str(value) for value in flat(rule.constant)]
    ours += list(rule.keywords or {})
    if scheme:
        yield from _unknown_terms(scheme, ours)
    if rule.keywords and not all(rule.keywords.values()):
        yield "keywords: a term without words is never found. Add words or take it out."
    if rule.match and re.compile(rule.match).groups > 1:
        yield "match: only the first group counts. Write the others as (?:…)."
    if rule.under and rule.origin not in ("section", "first_paragraph", "first_heading"):
        yield "under: has no effect here. Use it with from: section or from: first_paragraph."
    if rule.map is not None and rule.constant is not None:
        yield "map: has no effect on a constant. Write the constant as it shall be."
    for form in rule.dates:
        if not _is_date_format(form):
            yield f"dates: '{form}' is no format for a day. Write it as in %d/%m/%Y."


def _unknown_terms(scheme: str, values: Iterable[str]) -> Iterator[str]:
    for value in dict.fromkeys(values):
        if value not in vocabulary(scheme):
            nearest = vocabulary(scheme).resolve(value)
            mend = f"Write {nearest}." if nearest else f"Use one of: {', '.join(vocabulary(scheme).terms)}."
            yield f"'{value}' is not in the vocabulary {scheme}. {mend}"


def _is_date_format(form: str) -> bool:
    try:
        return datetime.strptime(_SAMPLE_DAY.strftime(form), form).date() == _SAMPLE_DAY.date()  # noqa: DTZ007
    except ValueError:
        return False


def _missing_rules(source: DocumentSource, kind: RecordKind, registration: Registration) -> Iterator[str]:
    given = set(source.fields) | set(source.expect.keys) | _DEFAULTED | {kind.text}
    given |= {"id"} if kind.heading != "id" else set()
    given |= set(kind.sections) if isinstance(source, MarkdownSource) else set()
    given |= {"question", "answer"} if isinstance(source, FaqPageSource) else set()
    given |= {"licence"} if registration.licence else set()
    given |= {"audience"} if registration.audience else set()
    for name in kind.missing:
        if name not in given:
            yield (
                f"fields.{name}: required, but there is no rule for it. "
                f"Add one, or name it in expect.keys if the records state it."
            )


def _question_doubts(source: FaqPageSource) -> Iterator[str]:
    if source.line and not re.compile(source.line).groups:
        yield "line: has no group, so the marks around the question stay in it. Put the question itself into (…)."
    if source.question and source.line:
        yield "question: has no effect together with line. Take one of them out."


# Tables.


def _table_doubts(source: TableSource) -> Iterator[str]:
    kind = table_kinds()[source.kind]
    columns = {column.name: column for column in kind.columns}
    for name, rule in source.columns.items():
        if name not in columns:
            yield f"columns.{name}: {source.kind} has no such column. Use one of: {', '.join(columns)}."
        else:
            yield from (f"columns.{name}: {doubt}" for doubt in _column_doubts(columns[name], rule))
    given = set(source.columns) | set(source.expect.columns) | ({"question", "level"} if source.wide else set())
    for column in kind.columns:
        if column.required and column.name not in given:
            yield (
                f"columns.{column.name}: required, but there is no rule for it. "
                f"Add one, or name it in expect.columns if the file has it."
            )
    if source.wide:
        yield from _wide_doubts(source, columns)


def _column_doubts(column: Column, rule: ColumnRule) -> Iterator[str]:
    ours = [*(rule.map or {}).values(), *filter(None, (rule.constant, rule.otherwise, rule.default))]
    yield from _unfit_values(column, ours)
    if len(rule.bins) > MOST_LEVELS:
        yield f"bins: {len(rule.bins)} edges make a level above {MOST_LEVELS}. Leave some out."
    if rule.bins and column.name != "level":
        yield "bins: make levels 0 to 5, so they have a place in level only. Use map."
    if rule.hash and (rule.map or rule.bins):
        yield "hash: map and bins have no effect on a hashed key. Take them out."
    if column.name in ("organisation", "respondent") and rule.constant is not None:
        yield "constant: makes all rows the same one. Name the column that tells them apart, or from: row."


def _strange_questions(source: TableSource, instruments: Mapping[str, Instrument]) -> Iterator[str]:
    rule = source.columns.get("instrument")
    if rule is None or rule.constant is None or rule.constant not in instruments:
        return
    known = instruments[rule.constant].questions
    mapped = list(source.wide.questions) if source.wide else []
    if "question" in source.columns:
        mapped += (source.columns["question"].map or {}).values()
    for name in dict.fromkeys(mapped):
        if name not in known:
            yield f"{name}: {rule.constant} has no such question. Use the ids of the question bank."


def _unfit_values(column: Column, values: Iterable[str]) -> Iterator[str]:
    for value in dict.fromkeys(values):
        if column.vocabulary:
            yield from _unknown_terms(column.vocabulary, [value])
        elif column.values and value not in column.values:
            yield f"'{value}' is not allowed. Use one of: {', '.join(column.values)}."
        elif column.pattern and not re.fullmatch(column.pattern, value):
            yield f"'{value}' does not fit. It must match {column.pattern}."


def _wide_doubts(source: TableSource, columns: dict[str, Column]) -> Iterator[str]:
    wide = source.wide
    if wide is None:
        return
    for name, scale in wide.scales.items():
        values = (scale.map or {}).values()
        yield from (f"wide.scales.{name}: {doubt}" for doubt in _unfit_values(columns["level"], values))
        if len(scale.bins) > MOST_LEVELS:
            yield f"wide.scales.{name}: {len(scale.bins)} edges make a level above {MOST_LEVELS}. Leave some out."
    for name in sorted(set(wide.scales) - {question.scale for question in wide.questions.values()}):
        yield f"wide.scales.{name}: no question uses it. Take it out."
    for name in wide.questions:
        yield from (f"wide.questions: {doubt}" for doubt in _unfit_values(columns["question"], [name]))


# Files.


def _overlaps(registration: Registration) -> Iterator[str]:
    """Files that two sources would take: only the first gets them, which is rarely meant."""
    for (first, one), (second, other) in combinations(enumerate(registration.sources), 2):
        for glob in other.glob:
            sample = _sample_name(glob)
            feed = Feed({sample: Path(sample)})
            is_taken = any(feed.glob(pattern) for pattern in one.glob) or glob in one.glob
            is_left = any(feed.glob(pattern) for pattern in one.exclude)
            if is_taken and not is_left:
                yield (
                    f"sources.{second} ({other.label}) glob: '{glob}' overlaps with sources.{first} ({one.label}), "
                    "which takes the files first. Make it narrower, or exclude them there."
                )


def _sample_name(glob: str) -> str:
    """A file name that ``glob`` matches."""
    name = glob.replace("**/", "any/").replace("**", "any").replace("*", "any").replace("?", "a")
    return re.sub(r"\[(.)[^\]]*\]", r"\1", name)
