"""Finding the fields of one document by the rules of its source.

Reading files is ``readers``, judging is ``hubs.judge``.

What a record does not state itself but the mapping works out is named in ``RawDocument.derived``.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from pathlib import PurePosixPath
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from hubs.contract.findings import Finding
from hubs.contract.kinds import record_kinds
from hubs.contract.kinds.base import ID_PATTERN, RecordKind
from hubs.contract.records import RawDocument
from hubs.contract.vocabularies import vocabulary
from hubs.mapping.spec import MAX_MATCHED_CHARACTERS, Body, DocumentSource, Rule, SkipWhen, flat
from hubs.mapping.text import (
    Heading,
    clean,
    cut,
    headings,
    paragraphs,
    plain,
    plain_line,
    section,
    simple_html_to_markdown,
    slug,
    strip_template,
    tidy,
)

if TYPE_CHECKING:
    from hubs.registration import Registration

SCHEMES = {name: scheme for kind in record_kinds().values() for name, scheme in kind.schemes.items()}
"""Fields of any kind whose values are terms of a vocabulary. A term may be given by its id, its label or another of its
names.
"""

SHORTEST_PARAGRAPH = 30
"""Characters below which an opening paragraph is a caption or a heading in disguise."""

INDEX_NAMES = {"readme", "index"}
"""Files that stand for their folder, so that it is the folder which has the telling name."""


@dataclass(frozen=True)
class Material:
    """What a record offers to the rules. ``keys`` are front matter or cells, ``body`` the text that belongs to no key,
    ``changed`` the ISO date of the file's last change. ``fault`` is an error of reading, already reported.
    """

    file: str
    place: str
    keys: Mapping[str, Any]
    body: str
    raw: bytes
    changed: str | None = None
    fault: str | None = None

    @property
    def file_name(self) -> str:
        """File name without its ending; the folder's where the file stands for its folder."""
        stem = PurePosixPath(self.file).stem
        return self.folder_name if stem.lower() in INDEX_NAMES and self.folder_name else stem

    @property
    def folder_name(self) -> str:
        """Name of the folder, empty at the root."""
        return PurePosixPath(self.file).parent.name


@dataclass
class _Draft:
    """The fields found so far."""

    fields: dict[str, Any] = field(default_factory=dict)
    derived: dict[str, str] = field(default_factory=dict)
    left_out: list[tuple[str, str]] = field(default_factory=list)


def lookup(keys: Mapping[str, Any], path: str) -> Any:
    """The value at ``path``: the key of that name, or a way through nested keys (and all items of lists)."""
    if path in keys:
        return keys[path]
    head, _, rest = path.partition(".")
    value = keys.get(head)
    if not rest:
        return None
    if isinstance(value, Mapping):
        return lookup(value, rest)
    if isinstance(value, list):
        return [found for item in value if isinstance(item, Mapping) and (found := lookup(item, rest)) is not None]
    return None


def is_empty(value: object) -> bool:
    """Whether a cell or key says nothing."""
    return value is None or value == [] or (isinstance(value, str) and not value.strip())


# Records left out on purpose.


def reason_to_skip(conditions: tuple[SkipWhen, ...], material: Material) -> str | None:
    """The reason of the first condition that holds."""
    return next((condition.reason for condition in conditions if _holds(condition, material)), None)


def _holds(condition: SkipWhen, material: Material) -> bool:
    if condition.body_shorter_than is not None:
        return len(plain(clean(material.body)[0])) < condition.body_shorter_than
    value = lookup(material.keys, condition.key) if condition.key else material.place or material.file
    if condition.state is not None:
        return is_empty(value) == (condition.state == "missing")
    if condition.matches is not None:
        return any(re.search(condition.matches, str(item)[:MAX_MATCHED_CHARACTERS]) for item in flat(value))
    wanted = [str(item).casefold() for item in flat(condition.equals)]
    return any(str(item).casefold() in wanted for item in flat(value))


# The contract's own shape.


NO_COVER: Mapping[str, Any] = MappingProxyType({})

Defaults = Mapping[str, tuple[str, Any]]
"""What stands in a field that a record leaves empty: who says so, and the value."""


def native_document(
    kind_name: str, material: Material, registration: Registration, cover: Mapping[str, Any] = NO_COVER
) -> tuple[RawDocument, list[Finding]]:
    """A record that follows the contract: its keys are the fields, its body the text of its kind. ``cover`` holds what
    the feed itself says of all its records: it goes before what the registration says.
    """
    kind = record_kinds()[kind_name]
    sections, body = _sections(kind, material.body)
    draft = _Draft(sections | {name: value for name, value in material.keys.items() if not is_empty(value)})
    for name, scheme in kind.schemes.items():
        if name in draft.fields:
            draft.fields[name] = resolved_terms(scheme, draft.fields[name])
    left_out = "".join(text for name, text in sections.items() if draft.fields[name] != text)
    if kind.text in draft.fields:
        left_out = _telling(body) or left_out
    elif body:
        draft.fields[kind.text] = body
    tidying = Body(first_heading="keep", simple_html="keep")
    document, findings = _finished(kind, material, draft, tidying, _defaults(registration, cover))
    return document, findings + _left_out(document, kind, left_out)


def _sections(kind: RecordKind, body: str) -> tuple[dict[str, str], str]:
    """The fields that stand under headings of their own in ``body``, and the rest of it."""
    of_heading = {_evened(name): field for field, names in kind.sections.items() for name in names}
    lines = body.split("\n")
    parts: dict[str, list[str]] = {}
    rest: list[str] = []
    done = 0
    found = headings(body) if of_heading else []
    for number, heading in enumerate(found):
        name = of_heading.get(_evened(heading.text))
        if name is None or heading.start < done:
            continue
        end = next((h.start for h in found[number + 1 :] if h.level <= heading.level), len(lines))
        rest += lines[done : heading.start]
        parts.setdefault(name, []).append("\n".join(lines[heading.end : end]).strip())
        done = end
    rest += lines[done:]
    sections = {name: "\n\n".join(texts) for name, texts in parts.items() if any(texts)}
    text = "\n".join(rest).strip()
    return sections, text if not parts or _telling(text) else ""


def _telling(text: str) -> str:
    """``text``, empty if it is only headings."""
    return text if plain(_without_lines_of(text, headings(text))) else ""


def _left_out(document: RawDocument, kind: RecordKind, text: str) -> list[Finding]:
    """A warning about ``text`` that no field of the record takes up. Empty text is nothing to warn of."""
    if not text or document.faults:
        return []
    record = str(document.fields["id"]) if "id" in document.fields else document.place or None
    return [Finding("text_left_out", document.file, record, kind.text, text)]


def resolved_terms(scheme: str, value: Any) -> Any:
    """``value``, one or several parted by semicolons, with the ids of the terms that it names."""
    if isinstance(value, str) and ";" in value:
        value = [part.strip() for part in value.split(";") if part.strip()]
    terms = [_term(scheme, item) or item for item in flat(value)]
    return terms if isinstance(value, list) else next(iter(terms), None)


def _term(scheme: str, value: object) -> str | None:
    return vocabulary(scheme).resolve(value) if isinstance(value, str) else None


# A shape of the hub's own.


def mapped_document(
    source: DocumentSource, material: Material, registration: Registration
) -> tuple[RawDocument, list[Finding], list[tuple[str, str]]]:
    """The record, findings about it, and the values that its vocabulary maps left out, as (field, value)."""
    kind = record_kinds()[source.kind]
    draft = _Draft()
    # Where the settings could not be read nothing is guessed in their place: the record is only told apart from others.
    names: Iterable[str] = ("id", kind.text) if material.fault else kind.model.model_fields
    sections, rest = _sections(kind, material.body)
    own = replace(material, keys=sections | {n: v for n, v in material.keys.items() if not is_empty(v)}, body=rest)
    rules = {name: source.fields.get(name, _default_rules(kind, name)) for name in names}
    # Keywords are looked for in the heading and the summary, so those come first.
    for name in sorted(rules, key=lambda name: any(rule.keywords for rule in rules[name])):
        # Rules of the hub's own see the file as it is.
        _fill(draft, name, rules[name], kind, material if name in source.fields else own)
    has_rule = kind.text in source.fields
    left_out = "" if has_rule or not sections or draft.fields.get(kind.text) == rest else _telling(rest)
    _identify(draft, kind, material)
    document, findings = _finished(kind, material, draft, source.body, _defaults(registration))
    return document, findings + _left_out(document, kind, left_out), draft.left_out


def _default_rules(kind: RecordKind, name: str) -> tuple[Rule, ...]:
    """Without a rule a field is the key of its name, or its section, and the text of the kind is the body."""
    return (Rule(key=name), Rule(origin="body")) if name == kind.text else (Rule(key=name),)


def _fill(draft: _Draft, name: str, rules: tuple[Rule, ...], kind: RecordKind, material: Material) -> None:
    """The first rule that gives a value wins. A value that none can make sense of is passed on to be judged."""
    senseless: Any = None
    for rule in rules:
        found = _found(rule, draft, kind, material)
        if is_empty(found):
            continue
        value, is_understood = _shaped(rule, name, found, draft, kind.schemes.get(name))
        if is_empty(value):
            continue
        if not is_understood:
            senseless = value if senseless is None else senseless
            continue
        draft.fields[name] = value
        how = _how(rule, found)
        if how:
            draft.derived[name] = how
        return
    if senseless is not None:
        draft.fields[name] = senseless


def _how(rule: Rule, found: Any) -> str | None:
    """How a value came about, None if the record states it."""
    if rule.constant is not None:
        return "constant"
    if rule.keywords is not None:
        return "keywords"
    if rule.origin not in (None, "body"):
        return rule.origin
    if rule.around is not None:
        return "wording"
    return "shortened" if rule.limit and isinstance(found, str) and len(found) > rule.limit else None


def _found(rule: Rule, draft: _Draft, kind: RecordKind, material: Material) -> Any:
    if rule.key is not None:
        return lookup(material.keys, rule.key)
    if rule.constant is not None:
        return list(rule.constant) if isinstance(rule.constant, tuple) else rule.constant
    if rule.keywords is not None:
        return _by_keywords(rule.keywords, f"{draft.fields.get(kind.heading, '')} {draft.fields.get('summary', '')}")
    text = material.body
    if rule.under:
        text = section(text, rule.under) or ""
    match rule.origin:
        case "first_heading":
            return next((heading.text for heading in headings(text)), None)
        case "first_paragraph":
            return _opening(_as_markdown(text), str(draft.fields.get(kind.heading, "")))
        case "file_name":
            return material.file_name
        case "folder_name":
            return material.folder_name
        case "place":
            return material.place
        case "git_date":
            return material.changed
        case _:  # a section, or the body as a whole
            return text


def _opening(text: str, title: str) -> str | None:
    """The first paragraph that tells something: not the title once more, nor a few words of decoration."""
    telling = (p for p in paragraphs(text) if len(p) >= SHORTEST_PARAGRAPH and _evened(p) != _evened(title))
    return next(telling, None)


def _as_markdown(text: str) -> str:
    return simple_html_to_markdown(text) or text


def _by_keywords(keywords: Mapping[str, tuple[str, ...]], text: str) -> list[str]:
    return [
        term
        for term, words in keywords.items()
        if re.search(rf"\b(?:{'|'.join(re.escape(word) for word in words)})\b", text, re.IGNORECASE)
    ]


def _shaped(rule: Rule, name: str, found: Any, draft: _Draft, scheme: str | None) -> tuple[Any, bool]:
    """The value after match, dates, split, map, around and limit, and whether it could be made sense of."""
    values: list[Any] = [item.strip() if isinstance(item, str) else item for item in flat(found)]
    is_list = isinstance(found, list)
    if rule.match is not None:
        values = [part for item in values if (part := _matched(rule.match, str(item))) is not None]
    if rule.dates:
        days = [_date(item, rule.dates) for item in values]
        if None in days:
            return found, False
        values = days
    if rule.split is not None:
        is_list = True
        values = [part.strip() for item in values for part in str(item).split(rule.split) if part.strip()]
    if rule.map is not None or scheme:
        values, is_mapped_to_several = _translated(rule, name, values, draft, scheme)
        is_list = is_list or is_mapped_to_several
    if rule.around is not None:
        values = [rule.around.replace("{}", str(item)) for item in values]
    if rule.limit is not None:
        values = [cut(" ".join(str(item).split()), rule.limit) for item in values]
    return (values if is_list else next(iter(values), None)), True


def _matched(pattern: str, text: str) -> str | None:
    match = re.search(pattern, text[:MAX_MATCHED_CHARACTERS])
    if match is None:
        return None
    return (match[1] if match.re.groups else match[0]) or None


def _date(value: object, formats: tuple[str, ...]) -> date | None:
    """The day, None if none of the formats fits. What YAML or a sheet took for a date is one."""
    if isinstance(value, datetime):
        return value.date()
    if isinstance(value, date):
        return value
    for form in formats:
        try:
            return datetime.strptime(str(value).strip(), form).date()  # noqa: DTZ007 - a day has no time zone
        except ValueError:
            continue
    try:
        return date.fromisoformat(str(value).strip()[:10])
    except ValueError:
        return None


def _translated(rule: Rule, name: str, values: list[Any], draft: _Draft, scheme: str | None) -> tuple[list[Any], bool]:
    """Terms for their values, and whether one value became several."""
    table = {key.casefold(): term for key, term in (rule.map or {}).items()}
    result: list[Any] = []
    is_several = False
    for value in values:
        term = table.get(str(value).casefold()) or (_term(scheme, value) if scheme else None)
        if term is not None:
            is_several = is_several or not isinstance(term, str)
            result += [ours for ours in flat(term) if ours not in result]
        elif rule.unmapped == "error":
            result.append(value)
        elif rule.unmapped == "drop":
            draft.left_out.append((name, str(value)))
    return result, is_several


def _identify(draft: _Draft, kind: RecordKind, material: Material) -> None:
    """Every document of a mapped source has an identifier: the stated one, or its heading's or its file's name. What a
    notice is about can only be stated.
    """
    stated = draft.fields.get("id")
    if stated is None:
        if kind.heading == "id":
            return
        # A record that is part of a file goes by its heading: a row number would change with every row put in.
        draft.fields["id"] = slug(str(draft.fields.get(kind.heading, "")) if material.place else material.file_name)
        draft.derived["id"] = "heading" if material.place else "file_name"
    elif not re.fullmatch(ID_PATTERN, str(stated)):
        draft.fields["id"] = slug(str(stated)) or str(stated)


# Common to both.


def _finished(
    kind: RecordKind, material: Material, draft: _Draft, body: Body, defaults: Defaults
) -> tuple[RawDocument, list[Finding]]:
    """The record with its texts tidied and the registration's defaults filled in."""
    has_code = False
    for name, value in draft.fields.items():
        if isinstance(value, int | float) and not isinstance(value, bool):
            draft.fields[name] = str(value)  # YAML and sheets take an id such as 1001 for a number
        elif isinstance(value, list):
            draft.fields[name] = [tidy(item) if isinstance(item, str) else item for item in value]
        elif isinstance(value, str):
            tidied, had_code = clean(tidy(value)) if name in kind.texts else _plain_text(tidy(value))
            draft.fields[name] = tidied
            has_code = has_code or had_code
    text = draft.fields.get(kind.text)
    if isinstance(text, str):
        draft.fields[kind.text] = _tidy_body(text, str(draft.fields.get(kind.heading, "")), body)
    if kind.is_id_derived and "id" not in draft.fields and (name := slug(str(draft.fields.get(kind.heading, "")))):
        draft.fields["id"] = name
        draft.derived["id"] = "heading"
    _use_defaults(kind, draft, defaults)
    faults = (material.fault,) if material.fault else ()
    document = RawDocument(
        kind.name, material.file, material.place, draft.fields, material.raw, draft.derived, faults=faults
    )
    record = str(draft.fields["id"]) if "id" in draft.fields else material.place or None
    findings = [Finding(code, material.file, record) for code in faults]
    if has_code:
        findings.append(Finding("template_code", material.file, record, kind.text))
    return document, findings


def _plain_text(value: str) -> tuple[str, bool]:
    """A title or summary without template code and, if it is HTML throughout, tags; and whether it had such code.
    Empty if a reader would see nothing of it.
    """
    without, had_code = strip_template(value)
    markdown = simple_html_to_markdown(without)
    text = plain(markdown) if markdown is not None else without.strip()
    return (text if any(unicodedata.category(character)[0] in "LNPS" for character in text) else ""), had_code


def _defaults(registration: Registration, cover: Mapping[str, Any] = NO_COVER) -> Defaults:
    registered: dict[str, Any] = {
        "sectors": [registration.sector],
        "licence": registration.licence,
        "language": registration.language,
        "audience": list(registration.audience),
    }
    said = {name: ("registration", value) for name, value in registered.items()}
    return said | {name: ("cover", value) for name, value in cover.items()}


def _use_defaults(kind: RecordKind, draft: _Draft, defaults: Defaults) -> None:
    for name in kind.defaults:
        how, value = defaults[name]
        if is_empty(draft.fields.get(name)) and not is_empty(value):
            draft.fields[name] = value
            draft.derived[name] = how


def _tidy_body(text: str, title: str, body: Body) -> str:
    if body.simple_html == "to_markdown":
        text = _as_markdown(text)
    if body.drop_headings:
        text = _without_headings(text, body.drop_headings)
    if body.first_heading == "keep":
        return text
    lines = text.split("\n")
    first = next(iter(headings(text)), None)
    if first is not None and not "".join(lines[: first.start]).strip():
        is_title = _evened(first.text) == _evened(title)
        return "\n".join(lines[first.end :]).strip() if is_title or body.first_heading == "drop" else text
    opening, _, rest = text.partition("\n\n")
    # A title set in bold above the text is no heading in Markdown, but is one to a reader.
    return rest.strip() if _evened(plain_line(opening.split("\n")[0])) == _evened(title) and rest else text


def _without_headings(text: str, names: tuple[str, ...]) -> str:
    unwanted = {_evened(name) for name in names}
    return _without_lines_of(text, [heading for heading in headings(text) if _evened(heading.text) in unwanted])


def _without_lines_of(text: str, unwanted: list[Heading]) -> str:
    lines = text.split("\n")
    for heading in reversed(unwanted):
        del lines[heading.start : heading.end]
    return "\n".join(lines).strip()


def _evened(text: str) -> str:
    return " ".join(re.sub(r"[^\w ]", " ", plain_line(text) if text else "").casefold().split())
