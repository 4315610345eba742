"""What the search page searches: for each language of the site one script with all records of the national pack and
an index of their words. How it is asked stands in ``templates/static/search_index.js``, which shares two things with
this module: how a text is cut into words (``words_of``), and how postings are written.

Made from finished files of a release alone (``packs/*/pack.json`` and ``coverage.json``), so that a release that is
reissued gets it anew, without what was withdrawn. Why it is an index of our own: docs/adr/0031.

**Postings.** Each word has its records in ascending order, each as the distance from the record before, and how much
the word weighs in it, in eight steps, worked out here; positions are not kept. Both are one number, written in base 45
in printable signs, the last digit in other signs than those before it. The words that everybody uses are left out.

A past release keeps the scripts that read its index. Whoever changes the form raises ``FORMAT``, and keeps what writes
the old one for releases that have it.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from hubs.contract.kinds import document_kinds
from hubs.contract.vocabularies import vocabulary
from pipelines.edition import sort_key
from pipelines.files import json_of
from pipelines.publish import strings, views
from pipelines.publish.rows import heading, shown, touched
from pipelines.publish.scripts import as_script, handed_over

SEARCH = "search"
"""The folder of the scripts, one a language."""
FORMAT = 1
MOST_LETTERS = 40
"""Longer words are cut, so that no text makes the index large."""
SUMMARY_CHARACTERS = 220
DEFINITION_CHARACTERS = 400
"""What a result shows of a text; a term of the glossary is answered by its definition."""

COLUMNS = (
    *("id", "slug", "kind", "title", "summary", "hub", "when", "language", "licence"),
    *("sectors", "technology_types"),
)
"""The places in a record's list. Kind, hub, licence, sectors and technology types are places in lists of their own."""

_ALPHABET = "".join(chr(code) for code in range(0x21, 0x7F) if chr(code) not in "\"'\\")[:90]
_BASE = 45
_STEPS = 8
_LIMITS = (0.4, 0.7, 1.2, 2.1, 3.7, 6.4, 11.2)
WEIGHTS = (0.3, 0.5, 0.9, 1.6, 2.8, 4.9, 8.5, 14.0)
"""What the steps stand for; ``_LIMITS`` part them."""
_BOOSTS = (8.0, 3.0, 2.0, 1.0)
"""How much a word counts in a heading, a summary, a name or subject, and a text."""
_SATURATION, _LENGTH = 1.2, 0.6
"""How soon more of the same word says nothing more, and how much long texts are held back: BM25's k1 and b."""

_NOT_SAID = re.compile(r"\]\([^()\s]*|https?://\S+|</?[a-zA-Z][^<>]*>")
_WORD = re.compile(rf"([^\W_]{{2,{MOST_LETTERS}}})[^\W_]*")
_ASCII_WORD = re.compile(rf"([a-z0-9]{{2,{MOST_LETTERS}}})[a-z0-9]*")
"""The same in lower-case ASCII, where it is found in a third of the time."""
_NOT_ASCII = re.compile(r"[^\x00-\x7f]")

_COMMON = (
    "about all also am an and any are as at be because been but by can could did do does each for from had "
    "has have how if in into is it its may more most must no not of on only or other our out over shall "
    "should so some such than that the their them then there these they this those to too under up us was we "
    "were what when where which who why will with would you your "
    "ac ag ar at bod bydd byddai chi cyn dan dros drwy dylai ei eich ein er eu fel felly fod fydd gan gyda "
    "gydag hefyd hon hwn hyn hynny iddo mae maent mai mewn na nac nad neu nhw ni nid oddi oedd oes ond os pa "
    "pan pob rhai rhwng roedd rydych rydym sut sy sydd trwy wedi wrth ym yma yn yna yng yr yw "
)
STOP_WORDS = frozenset(_COMMON.split())
"""Words in which nobody looks for anything, English and Welsh: in Welsh pages stand English texts too."""


class _Folded(dict[int, str]):
    """Letters without accents, and a space for what is in no word, by code point: each worked out when met first."""

    def __missing__(self, code: int) -> str:
        parts = unicodedata.normalize("NFKD", chr(code))
        kept = (part for part in parts if not unicodedata.category(part).startswith("M"))
        self[code] = "".join(part if part.isalnum() else " " for part in kept)
        return self[code]


_FOLDED = _Folded()


def words_of(text: str) -> list[str]:
    """The words of ``text`` in order, without accents and case: two or more letters and figures in a row."""
    folded = _NOT_ASCII.sub(lambda sign: _FOLDED[ord(sign[0])], text).lower().replace("ς", "σ")
    found: list[str] = (_ASCII_WORD if folded.isascii() else _WORD).findall(folded)
    return found


def write_search(folder: Path) -> None:
    """Write what is searched of the release in ``folder``, whose packs and coverage statement are finished. The same
    files give the same bytes.
    """
    (folder / SEARCH).mkdir(exist_ok=True)
    told = _Release(folder)
    counted = {row["id"]: _counted(row) for row in told.rows}
    for language in strings.LANGUAGES:
        (folder / _path(language)).write_bytes(as_script(_name(language), _index(told, counted, language)))


def wrong_search(folder: Path) -> Iterator[str]:
    """Where what is searched in the release in ``folder`` is not what its packs say, in words: which records, under
    which titles and addresses, each text once. Releases of older versions have no search.
    """
    if not (folder / SEARCH).is_dir():
        return
    told = _Release(folder)
    for language in strings.LANGUAGES:
        path = _path(language)
        if not (folder / path).is_file():
            yield f"{path}: missing"
            continue
        name, data = handed_over((folder / path).read_bytes())
        if name != _name(language) or data["release"] != told.release:
            yield f"{path}: is the search of something else"
            continue
        yield from (f"{path}: {problem}" for problem in _wrong(told, data, language))


def postings(records: Iterable[tuple[int, int]]) -> str:
    """Records (their places, ascending) and the steps of their weights, as one text."""
    numbers: list[str] = []
    before = -1
    for place, step in records:
        numbers.append(_written((place - before - 1) * _STEPS + step))
        before = place
    return "".join(numbers)


@cache
def _written(number: int) -> str:
    digits = [_ALPHABET[_BASE + number % _BASE]]
    while number := number // _BASE:
        digits.append(_ALPHABET[number % _BASE])
    return "".join(reversed(digits))


def read_postings(text: str) -> list[tuple[int, int]]:
    """The other way round. Raises ValueError for a text that is none."""
    found = []
    place, number = -1, 0
    for sign in text:
        digit = _ALPHABET.index(sign)
        number = number * _BASE + digit % _BASE
        if digit >= _BASE:
            place += number // _STEPS + 1
            found.append((place, number % _STEPS))
            number = 0
    if number:
        raise ValueError(f"{text[-20:]!r} ends within a number")
    return found


class _Release:
    """What the files of a release say of its records."""

    def __init__(self, folder: Path) -> None:
        packs = {path.parent.name: json_of(path.read_bytes()) for path in sorted(folder.glob("packs/*/pack.json"))}
        coverage = json_of((folder / "coverage.json").read_bytes())
        self.release: str = coverage["release"]
        self.hubs: dict[str, Mapping[str, str]] = {hub["id"]: hub["name"] for hub in coverage["hubs"]}
        self.packs = {pack: data["title"] for pack, data in packs.items() if data["records"]}
        rows = packs["national"]["records"] if "national" in packs else []
        self.rows: list[dict[str, Any]] = sorted(rows, key=_newest_first)


def _name(language: str) -> str:
    """What the index of a language is handed over as."""
    return f"{SEARCH}.{language}"


def _path(language: str) -> str:
    return f"{SEARCH}/{language}.js"


def _newest_first(row: Mapping[str, Any]) -> tuple[int, str, str]:
    return -(touched(row) or date.min).toordinal(), sort_key(heading(row)), row["id"]


def _summary(row: Mapping[str, Any]) -> str:
    """What is shown of a record: its summary, or the beginning, up to a whole word."""
    limit = DEFINITION_CHARACTERS if document_kinds()[row["kind"]].is_glossary else SUMMARY_CHARACTERS
    return views.shortened(row["summary"] or "", limit)


def _counted(row: Mapping[str, Any]) -> tuple[Counter[str], ...]:
    """How often each word stands in heading, summary, names and texts of a record."""
    kind = document_kinds()[row["kind"]]
    names = [*(row["organisations"] or ()), *(row["standards_used"] or ())]
    names += [row["publisher"] or "", row["term_source"] or ""]
    texts = [row["text"] or "", *(row[name] or "" for name in kind.further_texts)]
    parts = (heading(row), row["summary"] or "", "\n".join(names), "\n".join(texts))
    counts = tuple(Counter(words_of(_NOT_SAID.sub(" ", part))) for part in parts)
    for count in counts:
        for word in STOP_WORDS & count.keys():
            del count[word]
    return counts


def _index(told: _Release, counted: Mapping[str, tuple[Counter[str], ...]], language: str) -> dict[str, Any]:
    rows = shown(told.rows, language)
    schemes = {scheme: _terms_in_use(rows, scheme) for scheme in ("sectors", "technology_types")}
    licences = sorted({row["licence"] for row in rows})
    hubs = sorted({row["hub"] for row in rows})
    kinds = [kind for kind in document_kinds().values() if any(row["kind"] == kind.name for row in rows)]
    places = {name: place for place, name in enumerate([kind.name for kind in kinds])}

    def listed(row: Mapping[str, Any]) -> list[Any]:
        when = touched(row)
        return [
            row["id"],
            row["slug"],
            places[row["kind"]],
            heading(row),
            _summary(row),
            hubs.index(row["hub"]),
            strings.day(when, language) if when else "",
            row["language"],
            licences.index(row["licence"]),
            *([schemes[scheme].index(term) for term in row[scheme] or ()] for scheme in schemes),
        ]

    words, records = _postings(rows, counted, _subjects(rows, language))
    return {
        "format": FORMAT,
        "release": told.release,
        "language": language,
        "columns": COLUMNS,
        "kinds": [[kind.name, strings.text(f"kind.{kind.name}.title", language), kind.is_glossary] for kind in kinds],
        "hubs": [told.hubs[hub][language] if hub in told.hubs else hub for hub in hubs],
        "licences": [vocabulary("licences")[id].label(language) for id in licences],
        **{scheme: [[id, vocabulary(scheme)[id].label(language)] for id in ids] for scheme, ids in schemes.items()},
        "packs": [[pack, title[language]] for pack, title in sorted(told.packs.items())],
        "records": [listed(row) for row in rows],
        "stop": " ".join(sorted(STOP_WORDS)),
        "weights": WEIGHTS,
        "words": " ".join(words),
        "postings": " ".join(records),
    }


def _terms_in_use(rows: Iterable[Mapping[str, Any]], scheme: str) -> list[str]:
    used = {term for row in rows for term in row[scheme] or ()}
    return [term.id for term in vocabulary(scheme) if term.id in used]


def _subjects(rows: Sequence[Mapping[str, Any]], language: str) -> list[Counter[str]]:
    """The words of the sectors and technology types of each record, in the language of the page."""
    labels = {
        (scheme, term.id): [word for word in words_of(term.label(language)) if word not in STOP_WORDS]
        for scheme in ("sectors", "technology_types")
        for term in vocabulary(scheme)
    }
    return [
        Counter(
            word
            for scheme in ("sectors", "technology_types")
            for term in row[scheme] or ()
            for word in labels[scheme, term]
        )
        for row in rows
    ]


def _postings(
    rows: Sequence[Mapping[str, Any]], counted: Mapping[str, tuple[Counter[str], ...]], subjects: Sequence[Counter[str]]
) -> tuple[list[str], list[str]]:
    """The words of all records, in the order of JavaScript, and the postings of each."""
    every = [
        (heading, summary, names + subject, text)
        for (heading, summary, names, text), subject in zip((counted[row["id"]] for row in rows), subjects, strict=True)
    ]
    numbers: dict[str, int] = {}  # of words, in the order in which they are met
    found: list[int] = []
    counts: list[int] = []
    for parts in every:
        for part in parts:
            found += [numbers.setdefault(word, len(numbers)) for word in part]
            counts += part.values()
    sizes = np.array([[len(part) for part in parts] for parts in every], dtype=np.int64).reshape(-1, len(_BOOSTS))
    totals = np.array([[part.total() for part in parts] for parts in every], dtype=np.int64).reshape(sizes.shape)
    means = np.maximum(totals.sum(axis=0) / max(len(rows), 1), 1.0)
    held = _SATURATION * (1 - _LENGTH + _LENGTH * totals / means)
    each = np.array(counts, dtype=float)
    weights = np.repeat(np.tile(_BOOSTS, len(every)), sizes.ravel()) * each / (each + np.repeat(held, sizes.ravel()))
    # By word, then by record, then by part: what a word weighs in a record is added up in that order.
    order = np.argsort(np.array(found, dtype=np.int64), kind="stable")
    words, weights = np.array(found, dtype=np.int64)[order], weights[order]
    places = np.repeat(np.arange(len(every)), sizes.sum(axis=1))[order]
    starts = np.flatnonzero(np.diff(words, prepend=-1) | np.diff(places, prepend=-1))
    parts_n = np.diff(starts, append=len(words))
    sums = weights[starts]
    for further in range(1, len(_BOOSTS)):
        more = np.flatnonzero(parts_n > further)
        sums[more] += weights[starts[more] + further]
    told = [*zip(places[starts].tolist(), np.searchsorted(_LIMITS, sums, side="right").tolist(), strict=True)]
    ends = np.searchsorted(words[starts], np.arange(len(numbers)), side="right").tolist()
    by_word = dict(zip(numbers, map(slice, [0, *ends[:-1]], ends), strict=True))
    in_order = sorted(numbers, key=lambda word: word.encode("utf-16-be"))
    return in_order, [postings(told[by_word[word]]) for word in in_order]


def _wrong(told: _Release, data: Mapping[str, Any], language: str) -> Iterator[str]:
    by_id = {row["id"]: row for row in told.rows}
    expected = {row["id"] for row in shown(told.rows, language)}
    listed = [dict(zip(COLUMNS, record, strict=True)) for record in data["records"]]
    seen = Counter(record["id"] for record in listed)
    yield from (f"{id} is not in the national pack" for id in sorted(seen.keys() - by_id.keys()))
    yield from (f"{id} is missing" for id in sorted(expected - seen.keys()))
    yield from (f"{id} is listed {count} times" for id, count in sorted(seen.items()) if count > 1)
    yield from (f"{id} is shown beside its translation" for id in sorted((seen.keys() & by_id.keys()) - expected))
    for record in listed:
        row = by_id.get(record["id"])
        if row is None:
            continue
        told_of = {"title": heading(row), "slug": row["slug"], "language": row["language"], "summary": _summary(row)}
        told_of["kind"] = row["kind"]
        said = record | {"kind": data["kinds"][record["kind"]][0]}
        yield from (f"{row['id']} has another {name}" for name in told_of if said[name] != told_of[name])
    words, found = data["words"].split(), data["postings"].split()
    if len(words) != len(found):
        yield "words and their records are not equally many"
    most = max((read_postings(text)[-1][0] for text in found), default=-1)
    if most >= len(listed):
        yield "words lead to records that are not listed"
