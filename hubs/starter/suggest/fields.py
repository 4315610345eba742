"""Guessing how the fields of records are found among the keys of their files or the columns of their rows.

What the files and tables are is guessed in ``pages`` and ``tables``.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from hubs.contract.kinds.base import DocumentKind
from hubs.contract.vocabularies import vocabulary
from hubs.mapping.fields import is_empty
from hubs.mapping.spec import flat
from hubs.starter.suggest.doubts import Guess, listed, shown
from hubs.starter.suggest.values import dates, key_name, keys_called, mentioned, terms

NEARLY_ALL, MOST, MANY, SOME = 0.95, 0.8, 0.6, 0.25
MOST_VALUES = 200
"""Different values of one key beyond which they are no terms."""
_LOOSE = {"technology_types"}
"""Fields that lose nothing by a value or two among many of another sense."""
SUMMARY_LIMIT = 600
LONGEST_HEADING = 300
TELLING_WORDS = 6
Rule = dict[str, Any] | str


@dataclass
class Records:
    """What the records of one source offer: the keys of each with how often it is there, and derived texts."""

    keys: list[dict[str, Any]]
    what: str

    def values(self, key: str) -> list[Any]:
        """Its values, one a record that has any."""
        return [record[key] for record in self.keys if not is_empty(record.get(key))]

    def having(self, key: str) -> set[int]:
        """The numbers of the records that have a value for it."""
        return {number for number, record in enumerate(self.keys) if not is_empty(record.get(key))}

    def names(self) -> Counter[str]:
        """Each key with how many records have a value for it."""
        return Counter(key for record in self.keys for key, value in record.items() if not is_empty(value))

    @property
    def total(self) -> int:
        """How many records."""
        return len(self.keys)

    def lacking(self, count: int) -> str:
        """'12 of 40 files', the number without something."""
        return f"{self.total - count} of {self.total} {self.what}"


def one_or_all(settings: Sequence[Any]) -> Any:
    """What stands for a list of rules, names or formats: a single one by itself."""
    return settings[0] if len(settings) == 1 else list(settings)


def date_guess(field_name: str, records: Records, used: set[str], fallback: Rule | None = None) -> Guess | None:
    """How a date is found, from the keys that hold days."""
    rules: list[Rule] = []
    doubts: list[str] = []
    dated: set[int] = set()
    for key in keys_called(field_name, records.names()):
        values = records.values(key)
        # A number may be a count, and a truth says whether, not when.
        texts = [value for value in values if isinstance(value, str | date)]
        found = dates(texts)
        if not texts or key in used or found.good < MANY * len(texts) or len(texts) < MANY * len(values):
            continue
        used.add(key)
        rules.append({"key": key, "dates": one_or_all(found.formats)} if found.formats else key)
        dated |= records.having(key)
        if found.ambiguous:
            doubts.append(
                f"{found.ambiguous} of {len(texts)} values of {shown(key)} could also have day and month the other "
                "way round."
            )
        if found.others:
            doubts.append(f"{sum(found.others.values())} values of {shown(key)} are no day: {listed(found.others)}.")
    if fallback is not None and not rules:
        return Guess(fallback, ("the day is that of the file's name.",))
    if rules and len(dated) < records.total and field_name == "published":
        doubts.append(f"{records.lacking(len(dated))} have no date.")
    if rules == [field_name] and not doubts:
        return None
    if rules:
        return Guess(one_or_all(rules), tuple(doubts))
    if field_name in records.names():
        stated = Counter(str(value) for value in records.values(field_name))
        return Guess([], (f"the key {field_name} holds no days: {listed(stated)}.",))
    return None


def _parts(value: Any) -> list[str]:
    """Values of a list, however it is written; nothing that is no plain value."""
    items = [part for item in flat(value) for part in (item.split(";") if isinstance(item, str) else [item])]
    return [str(item).strip() for item in items if isinstance(item, str | int | float) and str(item).strip()]


def terms_guess(
    field_name: str, kind: DocumentKind, records: Records, used: set[str], texts: Sequence[str] = ()
) -> Guess | None:
    """How terms of a vocabulary are found: in the keys of a hub, and kinds of technology in ``texts``, which are titles
    and summaries of the records.
    """
    scheme = kind.schemes[field_name]
    rules, doubts = _term_rules(field_name, scheme, records, used)
    if field_name == "technology_types" and texts:
        keywords, counts = _mentions(texts, scheme)
        if keywords:
            rules.append({"keywords": keywords})
            doubts.append(
                f"names of terms stand in titles and summaries of the {records.total} files: {listed(counts)}."
            )
    if rules == [field_name] and not doubts:
        return None
    if rules:
        return Guess(one_or_all(rules), tuple(doubts))
    if field_name in records.names() and field_name != "licence":
        # Without a rule the key of that name would be read, and nothing in it is a term. A licence is never guessed.
        return Guess([], tuple(doubts))
    return Guess(None, tuple(doubts)) if doubts else None


def _mentions(texts: Sequence[str], scheme: str) -> tuple[dict[str, list[str]], Counter[str]]:
    """Terms of ``scheme`` whose names stand in headings and summaries, with their words, and how often each does."""
    found: Counter[str] = Counter()
    for text in texts:
        found.update(mentioned(scheme, text))
    chosen = Counter({term: count for term, count in found.items() if count >= max(2, 0.02 * len(texts))})
    known = vocabulary(scheme)
    return {term: list(dict.fromkeys([known[term].en, *known[term].alt])) for term in sorted(chosen)}, chosen


def _term_rules(field_name: str, scheme: str, records: Records, used: set[str]) -> tuple[list[Rule], list[str]]:
    """Rules that find terms of the vocabulary ``scheme`` in the keys of a hub, and their doubts."""
    rules: list[Rule] = []
    doubts: list[str] = []
    for key in keys_called(field_name, records.names()):
        values = Counter(part for value in records.values(key) for part in _parts(value))
        if not values:
            continue
        found = terms(scheme, values)
        # A tag may be of any field: one that says something else of most records is no sector.
        least = 0.05 if key_name(key) in (field_name, field_name.removesuffix("s")) or field_name in _LOOSE else SOME
        if found.share < least or len(values) > MOST_VALUES:
            doubts.append(
                f"{shown(key)} is not used: the vocabulary {scheme} knows {found.share:.0%} of its {len(values)} "
                f"different values, which are {listed(values)}."
            )
            continue
        used.add(key)
        table = found.known | found.near
        if not found.near and not found.unknown and all(term == value for value, term in table.items()):
            rules.append(key)
            continue
        rule: dict[str, Any] = {"key": key, "map": dict(sorted(table.items()))}
        if found.near:
            pairs = ", ".join(f"'{shown(value)}' as {term}" for value, term in list(found.near.items())[:6])
            doubts.append(f"taken by their spelling: {pairs}.")
        if found.unknown:
            rule["unmapped"] = "drop"
            doubts.append(
                f"no term is like these values of {shown(key)}, so they are left out: {listed(found.unknown)}."
            )
        rules.append(rule)
    return rules, doubts


def list_guess(field_name: str, records: Records, used: set[str]) -> Guess | None:
    """How a list of free texts, such as organisations, is found."""
    names = [key for key in keys_called(field_name, records.names()) if key not in used]
    rules: list[Rule] = []
    doubts = []
    for key in names:
        values = records.values(key)
        texts = [value for value in values if isinstance(value, str)]
        if not all(isinstance(value, list | str) for value in values):
            continue
        if any(isinstance(item, dict | list) for value in values for item in flat(value)):
            continue
        if any(len(part) > LONGEST_HEADING for value in values for part in _parts(value)):
            continue
        used.add(key)
        rule: Rule = key
        commas = sum("," in text for text in texts)
        if commas >= MANY * max(len(texts), 1) and commas > 1:
            rule = {"key": key, "split": ","}
            doubts.append(
                f"{commas} of {len(texts)} values of {shown(key)} hold a comma, which is taken to part names."
            )
        elif key != field_name:
            seen = Counter(part for value in values for part in _parts(value))
            doubts.append(f"{shown(key)} is taken for {field_name} by its name: {listed(seen)}.")
        rules.append(rule)
    if not rules or rules == [field_name]:
        return None
    return Guess(one_or_all(rules), tuple(doubts))


def text_rules(field_name: str, records: Records, used: set[str], limit: int | None) -> tuple[list[Rule], set[int]]:
    """Rules for a text from the keys of its names, and the records that have one."""
    rules: list[Rule] = []
    having: set[int] = set()
    for key in keys_called(field_name, records.names()):
        values = records.values(key)
        if key in used or not all(isinstance(value, str | int | float) for value in values):
            continue
        if any(isinstance(value, bool) for value in values):
            continue
        used.add(key)
        rules.append({"key": key, "limit": limit} if limit else key)
        having |= records.having(key)
        if len(having) == records.total:
            break
    return rules, having


def telling_keys(records: Records, used: set[str]) -> list[tuple[str, int]]:
    """Unused keys whose values read like a summary: some sentences, not the same in all records."""
    found = []
    for key in records.names():
        values = [value for value in records.values(key) if isinstance(value, str)]
        if key in used or len(values) < SOME * records.total or len(set(values)) < MOST * len(values):
            continue
        lengths = [len(value.split()) for value in values]
        if sum(lengths) / len(lengths) >= TELLING_WORDS and not any("://" in value for value in values):
            found.append((key, len(values)))
    return sorted(found, key=lambda entry: (-entry[1], entry[0]))


def constant_guesses(kind: DocumentKind, constants: Mapping[str, str], given: set[str]) -> dict[str, Guess]:
    """What stands in fields that every record of a kind needs and nothing says."""
    return {
        name: Guess({"constant": value}, (f"nothing says the {name.replace('_', ' ')}, so all records get the same.",))
        for name, value in constants.items()
        if name in kind.missing and name not in given
    }
