"""Feeds and what may happen to them, with what is to come of it: the labelled pairs by which the breaker is measured.

A mutation is given a feed and says what it has done: which records and answers it took, which it gave other ids. From
that alone follows whether the pair must be held, and by which code (``Done.held_by``); the breaker has no part in it.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import math
import random
import shutil
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import yaml

from hubs.contract.kinds import document_kinds
from hubs.contract.verdict import Verdict
from tests.feeds import as_cells

SHRINKAGE, CUT, REKEYED = 0.3, 0.1, 0.1
LAYOUTS = ("json", "csv", "markdown")
Fields = dict[str, Any]
Row = dict[str, str]


@dataclass(frozen=True)
class Content:
    """A feed as data: records (each with its ``kind``), rows of returns by file, notices of withdrawal."""

    records: tuple[Fields, ...] = ()
    rows: Mapping[str, tuple[Row, ...]] = field(default_factory=dict)
    notices: tuple[Fields, ...] = ()
    settings: Mapping[str, Any] = field(default_factory=dict)
    style: str = ""
    layout: str = ""

    def by_kind(self) -> dict[str, list[Fields]]:
        found: dict[str, list[Fields]] = defaultdict(list)
        for fields in self.records:
            found[fields["kind"]].append(fields)
        return found


@dataclass
class Done:
    """What a mutation did, each a count by scope: a kind of records, or a period of returns. ``word`` is what the
    breaker must call it. ``cut`` is the part of ``lost`` of scopes that lost only the ends of files, or whole files.
    ``refused_by`` is the code by which the judge must hold it, before the breaker ever sees it.
    """

    word: str
    before: Counter[str] = field(default_factory=Counter)
    lost: Counter[str] = field(default_factory=Counter)
    rekeyed: Counter[str] = field(default_factory=Counter)
    added: Counter[str] = field(default_factory=Counter)
    excused: Counter[str] = field(default_factory=Counter)
    cut: Counter[str] = field(default_factory=Counter)
    refused_by: str = ""

    def held_by(self) -> set[str]:
        """The codes that the documented rules say, given what was done; none if it must pass."""
        if self.refused_by:
            return {self.refused_by}
        documents = [scope for scope in self.before if not scope.startswith("20")]
        periods = [scope for scope in self.before if scope.startswith("20")]
        whole = [group for group in (documents, periods) if len(group) > 1]
        return {code for scopes in [*([scope] for scope in self.before), *whole] for code in self._codes(scopes)}

    def _codes(self, scopes: Iterable[str]) -> Iterable[str]:
        before, lost, rekeyed, added, excused, cut = (
            sum(counts[scope] for scope in scopes)
            for counts in (self.before, self.lost, self.rekeyed, self.added, self.excused, self.cut)
        )
        base = before - excused
        if base <= 0:
            return
        least = 10 if all(scope.startswith("20") for scope in scopes) else 2
        is_cut = cut >= least and cut / base > CUT
        if is_cut:
            yield "feed_cut_short"
        if (lost / base > SHRINKAGE or (0 < lost == base and not added)) and not (is_cut and cut == lost):
            yield "feed_shrank"
        if rekeyed >= 2 and rekeyed / base > REKEYED:
            yield "feed_rekeyed"


Mutation = Callable[[random.Random, Content], "tuple[Content, Done] | None"]
"""Gives None where the feed has nothing for it to do."""


def content_of(verdict: Verdict, organisations: int = 12) -> Content:
    """What was accepted, as data. Of each file of returns the answers of so many organisations a period."""
    records = []
    for record in verdict.records:
        fields = record.document.model_dump(mode="json", exclude_none=True)
        records.append({"kind": record.kind} | {name: value for name, value in fields.items() if value != []})
    order = list(document_kinds())
    records.sort(key=lambda fields: order.index(fields["kind"]))
    rows: dict[str, tuple[Row, ...]] = {}
    for number, table in enumerate(verdict.tables):
        if table.accepted is not None:
            rows[f"returns/{number:02d}.csv"] = tuple(_few(_rows(table.accepted), organisations))
    return Content(tuple(records), rows)


def _rows(path: Path) -> list[Row]:
    import pyarrow.parquet as pq

    table = pq.read_table(path).drop_columns(["row"])
    return [
        {name: "na" if name == "level" and value is None else str(value) for name, value in row.items()}
        for row in table.to_pylist()
    ]


def _few(rows: list[Row], organisations: int) -> list[Row]:
    chosen: dict[str, set[str]] = defaultdict(set)
    for row in rows:
        if len(chosen[row["period"]]) < organisations:
            chosen[row["period"]].add(row["organisation"])
    return [row for row in rows if row["organisation"] in chosen[row["period"]]]


# Writing.


def write(content: Content, folder: Path, layout: str) -> Path:
    """A feed in the contract's own shape: records in a JSON or CSV file a kind, or a Markdown file each."""
    files: dict[str, str] = {}
    resources = []
    layout = content.layout or layout
    for kind, records in content.by_kind().items():
        plain = [{name: value for name, value in fields.items() if name != "kind"} for fields in records]
        resources.append(_resource(kind, _written(files, kind, plain, layout, content.style)))
    if content.notices:
        files["withdrawals.json"] = json.dumps(content.notices)
        resources.append(_resource("withdrawal", "withdrawals.json"))
    for path, rows in content.rows.items():
        if rows:
            files[path] = _csv(rows, content.style)
            resources.append(_resource("assessment", path, path))
    descriptor = {"name": "feed", "hubpacks": {"contract": "1"}, "resources": resources} | dict(content.settings)
    files["datapackage.json"] = json.dumps(descriptor, indent=2 if content.style == "wide" else None)
    for path, text in files.items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(_ended(text, content.style).encode())
    return folder


def _written(files: dict[str, str], kind: str, records: list[Fields], layout: str, style: str) -> str | list[str]:
    if layout == "json":
        parts = [records[:2], records[2:]] if style == "split" and len(records) > 2 else [records]
        names = [f"{kind}{f'-{number}' if number else ''}.json" for number in range(len(parts))]
        for name, part in zip(names, parts, strict=True):
            files[name] = json.dumps(part, indent=4 if style == "wide" else None, ensure_ascii=style == "wide")
        return names
    if layout == "csv":
        names = list(dict.fromkeys(name for fields in records for name in fields))
        files[f"{kind}.csv"] = _csv([{name: as_cells(f).get(name, "") for name in names} for f in records], style)
        return f"{kind}.csv"
    text = document_kinds()[kind].text
    paths = []
    for number, fields in enumerate(records):
        front = {name: value for name, value in fields.items() if name != text}
        path = f"{kind}/{number:04d}.md"
        head = yaml.safe_dump(front, allow_unicode=True, sort_keys=style == "wide")
        files[path] = f"---\n{head}---\n{fields.get(text, '')}"
        paths.append(path)
    return paths


def _resource(kind: str, path: str | list[str], name: str = "") -> Fields:
    return {"name": (name or kind).replace("/", "-").replace("_", "-"), "path": path, "hubpacks": {"kind": kind}}


def _csv(rows: Iterable[Mapping[str, Any]], style: str) -> str:
    listed = list(rows)
    names = list(listed[0])
    text = io.StringIO()
    is_wide = style == "wide"
    writer = csv.DictWriter(
        text, names[::-1] if is_wide else names, quoting=csv.QUOTE_ALL if is_wide else csv.QUOTE_MINIMAL
    )
    writer.writeheader()
    writer.writerows(listed)
    return text.getvalue().replace("\r\n", "\n")


def _ended(text: str, style: str) -> str:
    return text.replace("\n", "\r\n") if style == "crlf" else text


# Records.


def _records(content: Content, records: Iterable[Fields], **changes: Any) -> Content:
    return replace(content, records=tuple(records), **changes)


def _kinds(records: Iterable[Fields]) -> Counter[str]:
    return Counter(fields["kind"] for fields in records)


def _invented(rng: random.Random, fields: Fields, number: int) -> Fields:
    """A record as nobody has one yet: the words of another, in another order."""
    kind = document_kinds()[fields["kind"]]
    new = fields | {"id": f"new-{number}-{rng.randrange(10**6)}"}
    new.pop("translation_of", None)
    for name in (kind.heading, *kind.texts):
        if isinstance(new.get(name), str):
            words = new[name].split()
            rng.shuffle(words)
            new[name] = " ".join([*words, f"number {number}"])[-300 if name == kind.heading else -150_000 :]
    if "address" in new:
        new["address"] = f"https://new.example/{number}"
    return new


def grow(factor: float) -> Mutation:
    def mutate(rng: random.Random, content: Content) -> tuple[Content, Done] | None:
        if not content.records:
            return None
        wanted = math.ceil(len(content.records) * (factor - 1))
        new = [_invented(rng, rng.choice(content.records), n) for n in range(wanted)]
        records = [*content.records, *new]
        if rng.random() < 0.5:
            rng.shuffle(records)
        return _records(content, records), Done("growth", _kinds(content.records), added=_kinds(new))

    return mutate


def grow_by_copies(rng: random.Random, content: Content) -> tuple[Content, Done] | None:
    """As many again, each nearly the same as one that is there."""
    new = [
        _edited(rng, fields, "both") | {"id": f"copy-{number}"}
        for number, fields in enumerate(content.records)
        if "translation_of" not in fields
    ]
    return _records(content, [*new, *content.records]), Done("growth", _kinds(content.records), added=_kinds(new))


def grow_and_edit(rng: random.Random, content: Content) -> tuple[Content, Done] | None:
    """Three times as many, and every record that was there is edited."""
    found = grow(3)(rng, content)
    if found is None:
        return None
    own = {fields["id"] for fields in content.records}
    records = [_edited(rng, fields, "both") if fields["id"] in own else fields for fields in found[0].records]
    return _records(content, records), found[1]


def trim(share: float, where: str) -> Mutation:
    """Take this share of the records of each kind: at random, from its beginning or its end."""

    def mutate(rng: random.Random, content: Content) -> tuple[Content, Done] | None:
        kept, done = [], Done("shrinkage", _kinds(content.records))
        for kind, records in content.by_kind().items():
            n = round(len(records) * share)
            order = list(range(len(records)))
            gone = {"random": rng.sample(order, n), "head": order[:n], "tail": order[len(order) - n :]}[where]
            done.lost[kind] = n
            done.cut[kind] = n if sorted(gone) == order[len(order) - n :] else 0
            kept += [fields for number, fields in enumerate(records) if number not in set(gone)]
        return (_records(content, kept), done) if done.lost.total() and kept else None

    return mutate


def trim_and_grow(rng: random.Random, content: Content) -> tuple[Content, Done] | None:
    """Half of it is gone, and as much again is new: the count says that all is well."""
    found = trim(0.5, "random")(rng, content)
    if found is None:
        return None
    smaller, done = found
    new = [_invented(rng, rng.choice(content.records), n) for n in range(len(content.records))]
    done.cut, done.added = Counter(), _kinds(new)
    return _records(content, [*smaller.records, *new]), done


def trim_and_edit(share: float) -> Mutation:
    """This share is gone, and what is left is edited."""

    def mutate(rng: random.Random, content: Content) -> tuple[Content, Done] | None:
        found = trim(share, "head")(rng, content)
        if found is None:
            return None
        smaller, done = found
        done.cut = Counter({kind: n for kind, n in done.cut.items() if n == done.before[kind]})
        return _records(content, [_edited(rng, fields, "both") for fields in smaller.records]), done

    return mutate


def empty_a_kind(rng: random.Random, content: Content) -> tuple[Content, Done] | None:
    kinds = content.by_kind()
    if len(kinds) < 2:
        return None
    kind = rng.choice(sorted(kinds))
    lost = Counter({kind: len(kinds[kind])})
    done = Done("emptied", _kinds(content.records), lost, cut=lost)
    return _records(content, [fields for fields in content.records if fields["kind"] != kind]), done


def empty_all(_: random.Random, content: Content) -> tuple[Content, Done] | None:
    before = _kinds(content.records)
    return _records(content, [], rows={}), Done("", before, before, refused_by="empty_feed")


def _slug(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def _shuffled(rng: random.Random, ids: list[str]) -> list[str]:
    """Nobody keeps its own."""
    order = list(range(len(ids)))
    rng.shuffle(order)
    turned = order[1:] + order[:1]
    return [ids[turned[order.index(number)]] for number in range(len(ids))]


REKEYINGS: dict[str, Callable[[random.Random, list[str]], list[str]]] = {
    "numbers": lambda _, ids: [f"record-{number:05d}" for number in range(len(ids))],
    "suffix": lambda _, ids: [f"{id[:117]}-v2" for id in ids],
    "prefix": lambda _, ids: [f"hub.{id[:116]}" for id in ids],
    "digests": lambda _, ids: [_slug(id) for id in ids],
    "shuffled": _shuffled,
}


def rekey(how: str, share: float = 1.0, edit: str = "", is_disordered: bool = False) -> Mutation:
    """Give this share of records other ids, and edit their ``texts`` or ``titles`` (or ``both``) slightly if wanted."""

    def mutate(rng: random.Random, content: Content) -> tuple[Content, Done] | None:
        records = [dict(fields) for fields in content.records]
        chosen = sorted(rng.sample(range(len(records)), round(len(records) * share)))
        if len(chosen) < 2:
            return None
        ids = [records[number]["id"] for number in chosen]
        names = dict(zip(ids, REKEYINGS[how](rng, ids), strict=True))
        for number in chosen:
            records[number] = _edited(rng, records[number], edit) | {"id": names[records[number]["id"]]}
        for fields in records:
            if "translation_of" in fields:
                fields["translation_of"] = names.get(fields["translation_of"], fields["translation_of"])
        done = Done("rekeying", _kinds(records), rekeyed=_kinds(records[number] for number in chosen))
        if is_disordered:
            rng.shuffle(records)
        return _records(content, records), done

    return mutate


def rekey_and(change: Mutation) -> Mutation:
    """All other ids, in a feed that has changed as well."""

    def mutate(rng: random.Random, content: Content) -> tuple[Content, Done] | None:
        changed = change(rng, content)
        found = rekey("digests")(rng, changed[0]) if changed is not None else None
        if changed is None or found is None:
            return None
        done = changed[1]
        done.rekeyed, done.word = done.before - done.lost, "rekeying"
        done.cut = Counter({kind: n for kind, n in done.cut.items() if n == done.before[kind]})
        return found[0], done

    return mutate


def _edited(rng: random.Random, fields: Fields, what: str) -> Fields:
    if what == "both":
        return _edited(rng, _edited(rng, fields, "titles"), "texts")
    kind = document_kinds()[fields["kind"]]
    if what == "titles":
        return fields | {kind.heading: f"{fields[kind.heading][:280]} (revised)"}
    if what == "texts" and fields.get(kind.text):
        words = fields[kind.text].split(" ")
        words.insert(rng.randrange(len(words) + 1), "indeed")
        return fields | {kind.text: " ".join(words)}
    if what == "rewritten" and fields.get(kind.text):
        words = fields[kind.text].split()
        rng.shuffle(words)
        return fields | {kind.text: " ".join(words[: max(len(words) // 2, 5)])}
    if what == "dates":
        return fields | {"updated": "2026-09-30"}
    return fields


def edit(what: str, share: float) -> Mutation:
    """Change the titles, texts or dates of this share of records, at their own ids."""

    def mutate(rng: random.Random, content: Content) -> tuple[Content, Done] | None:
        has_date = "updated"
        records = list(content.records)
        able = [n for n, f in enumerate(records) if what != "dates" or has_date in _fields_of(f["kind"])]
        chosen = rng.sample(able, max(round(len(able) * share), 1)) if able else []
        for number in chosen:
            records[number] = _edited(rng, records[number], what)
        is_changed = records != list(content.records)
        return (_records(content, records), Done("edits", _kinds(records))) if is_changed else None

    return mutate


def _fields_of(kind: str) -> Iterable[str]:
    return document_kinds()[kind].model.model_fields


def restyle(style: str) -> Mutation:
    return lambda _, content: (replace(content, style=style), Done("none", _kinds(content.records)))


def relayout(layout: str) -> Mutation:
    """The same records as files of another form."""
    return lambda _, content: (replace(content, layout=layout), Done("none", _kinds(content.records)))


def reorder(rng: random.Random, content: Content) -> tuple[Content, Done] | None:
    records = list(content.records)
    rng.shuffle(records)
    rows = {path: tuple(rng.sample(listed, len(listed))) for path, listed in content.rows.items()}
    return _records(content, records, rows=rows), Done("none", _kinds(records))


def stamp(rng: random.Random, content: Content) -> tuple[Content, Done] | None:
    settings = {"created": f"2026-09-{rng.randrange(1, 30):02d}T04:00:00Z", "version": str(rng.randrange(100))}
    return replace(content, settings=settings), Done("none", _kinds(content.records))


def relicense(share: float, licence: str) -> Mutation:
    """Give this share of records another licence: one that is open, or ``closed``."""

    def mutate(rng: random.Random, content: Content) -> tuple[Content, Done] | None:
        records = list(content.records)
        chosen = rng.sample(range(len(records)), math.floor(len(records) * share))
        if not chosen:
            return None
        for number in chosen:
            records[number] = records[number] | {"licence": licence}
        done = Done("licence_change", _kinds(records))
        if licence == "closed":
            done.excused = _kinds(records[number] for number in chosen)
        return _records(content, records), done

    return mutate


def withdraw(share: float) -> Mutation:
    def mutate(rng: random.Random, content: Content) -> tuple[Content, Done] | None:
        gone = rng.sample(list(content.records), round(len(content.records) * share))
        if not gone or len(gone) == len(content.records):
            return None
        notices = tuple({"id": f["id"], "reason": "Out of date.", "date": "2026-09-01"} for f in gone)
        kept = [fields for fields in content.records if fields not in gone]
        return _records(content, kept, notices=notices), Done(
            "withdrawals", _kinds(content.records), excused=_kinds(gone)
        )

    return mutate


def spoil(share: float) -> Mutation:
    """This share of the records of each kind comes with an error, and cannot be accepted any more."""

    def mutate(rng: random.Random, content: Content) -> tuple[Content, Done] | None:
        records, done = [], Done("shrinkage", _kinds(content.records))
        for kind, own in content.by_kind().items():
            n = math.floor(len(own) * share)
            gone = sorted(rng.sample(range(len(own)), n))
            done.lost[kind] = n
            done.cut[kind] = n if gone == list(range(len(own)))[len(own) - n :] else 0
            records += [f | {"sectors": ["no-such-sector"]} if number in gone else f for number, f in enumerate(own)]
        return (_records(content, records), done) if done.lost.total() else None

    return mutate


# Returns.


def _periods(rows: Mapping[str, tuple[Row, ...]]) -> Counter[str]:
    return Counter(row["period"] for listed in rows.values() for row in listed)


def _key(rng: random.Random) -> str:
    return f"org-{rng.getrandbits(64):016x}"


def trim_rows(share: float, where: str) -> Mutation:
    """Take this share of the rows of each file and period: at random, or from the end of each file."""

    def mutate(rng: random.Random, content: Content) -> tuple[Content, Done] | None:
        kept: dict[str, tuple[Row, ...]] = {}
        for path, rows in content.rows.items():
            if where == "tail":
                kept[path] = rows[: len(rows) - round(len(rows) * share)]
                continue
            numbers = defaultdict(list)
            for number, row in enumerate(rows):
                numbers[row["period"]].append(number)
            gone = {n for own in numbers.values() for n in rng.sample(own, math.floor(len(own) * share))}
            kept[path] = tuple(row for number, row in enumerate(rows) if number not in gone)
        before = _periods(content.rows)
        lost = before - _periods(kept)
        done = Done("shrinkage", before, lost, cut=lost if where == "tail" else Counter())
        return (replace(content, rows=kept), done) if done.lost.total() else None

    return mutate


def drop_organisations(share: float) -> Mutation:
    def mutate(rng: random.Random, content: Content) -> tuple[Content, Done] | None:
        gone = set()
        for period, keys in _organisations(content).items():
            gone |= {(period, key) for key in rng.sample(keys, math.floor(len(keys) * share))}
        rows = {
            path: tuple(row for row in listed if (row["period"], row["organisation"]) not in gone)
            for path, listed in content.rows.items()
        }
        before = _periods(content.rows)
        done = Done("shrinkage", before, before - _periods(rows))
        return (replace(content, rows=rows), done) if gone else None

    return mutate


def _organisations(content: Content) -> dict[str, list[str]]:
    found = defaultdict(set)
    for rows in content.rows.values():
        for row in rows:
            found[row["period"]].add(row["organisation"])
    return {period: sorted(keys) for period, keys in sorted(found.items())}


def drop_a_period(rng: random.Random, content: Content) -> tuple[Content, Done] | None:
    periods = sorted(_periods(content.rows))
    if not periods:
        return None
    gone = rng.choice(periods)
    rows = {path: tuple(row for row in own if row["period"] != gone) for path, own in content.rows.items()}
    before = _periods(content.rows)
    lost = Counter({gone: before[gone]})
    at_ends = all(own[: len(rows[path])] == rows[path] for path, own in content.rows.items())
    return replace(content, rows=rows), Done("emptied", before, lost, cut=lost if at_ends else Counter())


def new_period(is_rolling: bool) -> Mutation:
    """The newest period's organisations answer again, under new keys. With ``is_rolling`` the oldest period goes."""

    def mutate(rng: random.Random, content: Content) -> tuple[Content, Done] | None:
        before = _periods(content.rows)
        if not before:
            return None
        oldest, newest = min(before), max(before)
        keys: dict[str, str] = defaultdict(lambda: _key(rng))
        new = tuple(
            row | {"period": "2027-Q1", "organisation": keys[row["organisation"]], "level": rng.choice("012345")}
            for own in content.rows.values()
            for row in own
            if row["period"] == newest
        )
        rows = {
            path: tuple(row for row in own if not is_rolling or row["period"] != oldest)
            for path, own in content.rows.items()
        }
        excused = Counter({oldest: before[oldest]} if is_rolling else {})
        done = Done("new_period" if is_rolling else "growth", before, excused=excused)
        return replace(content, rows=rows | {"returns/new.csv": new}), done

    return mutate


def more_organisations(factor: int) -> Mutation:
    def mutate(rng: random.Random, content: Content) -> tuple[Content, Done] | None:
        if not content.rows:
            return None
        keys: dict[tuple[int, str], str] = defaultdict(lambda: _key(rng))
        rows = {
            path: own
            + tuple(
                row | {"organisation": keys[copy, row["organisation"]], "level": rng.choice("012345")}
                for copy in range(1, factor)
                for row in own
            )
            for path, own in content.rows.items()
        }
        return replace(content, rows=rows), Done("growth", _periods(content.rows))

    return mutate


def rekey_organisations(share: float, levels: float = 0.0, is_growing: bool = False) -> Mutation:
    """Give this share of each period's organisations other keys; change this share of levels; add some new ones."""

    def mutate(rng: random.Random, content: Content) -> tuple[Content, Done] | None:
        keys: dict[tuple[str, str], str] = {}
        done = Done("rekeyed_returns")
        for period, own in _organisations(content).items():
            chosen = rng.sample(own, round(len(own) * share))
            keys |= {(period, key): _key(rng) for key in chosen}
            done.before[period], done.rekeyed[period] = len(own), len(chosen)
        if not keys:
            return None

        def changed(row: Row) -> Row:
            key = keys.get((row["period"], row["organisation"]), row["organisation"])
            level = rng.choice("012345") if rng.random() < levels else row["level"]
            return row | {"organisation": key, "level": level}

        rows = {path: tuple(changed(row) for row in own) for path, own in content.rows.items()}
        new = replace(content, rows=rows)
        if is_growing:
            grown = more_organisations(2)(rng, new)
            assert grown is not None
            new = grown[0]
        return new, done

    return mutate


def replaced_organisations(share: float) -> Mutation:
    """In the place of this share of each period's organisations others of another kind have answered."""

    def mutate(rng: random.Random, content: Content) -> tuple[Content, Done] | None:
        keys: dict[tuple[str, str], str] = {}
        lost: Counter[str] = Counter()
        for period, own in _organisations(content).items():
            keys |= {(period, key): _key(rng) for key in rng.sample(own, math.floor(len(own) * share))}

        def changed(row: Row) -> Row:
            if (place := (row["period"], row["organisation"])) not in keys:
                return row
            lost[row["period"]] += 1
            other = {"organisation": keys[place], "size_band": "under_50", "region": "east_of_england"}
            return row | other | {"level": rng.choice("012345")}

        rows = {path: tuple(changed(row) for row in own) for path, own in content.rows.items()}
        done = Done("shrinkage", _periods(content.rows), lost, added=lost)
        return (replace(content, rows=rows), done) if keys else None

    return mutate


def other_respondents(rng: random.Random, content: Content) -> tuple[Content, Done] | None:
    keys: dict[str, str] = defaultdict(lambda: _key(rng).replace("org", "res"))
    rows = {
        path: tuple(row | {"respondent": keys[row["respondent"]]} for row in own) for path, own in content.rows.items()
    }
    return (replace(content, rows=rows), Done("", _periods(rows))) if rows else None


def edit_rows(share: float, column: str) -> Mutation:
    """Change levels of this share of rows, or the region of this share of organisations."""

    def mutate(rng: random.Random, content: Content) -> tuple[Content, Done] | None:
        regions = ("wales", "scotland", "north_west")

        def changed(row: Row) -> Row:
            if column == "level":
                return row | {"level": rng.choice("012345")} if rng.random() < share else row
            lot = random.Random(row["organisation"])
            return row | {"region": lot.choice(regions)} if lot.random() < share else row

        rows = {path: tuple(changed(row) for row in own) for path, own in content.rows.items()}
        return (replace(content, rows=rows), Done("edits", _periods(rows))) if rows != content.rows else None

    return mutate


# A hub's own files, as they are: what happens on disks and servers.

FileMutation = Callable[[random.Random, Path, Verdict], "Done | None"]
"""Changes the folder; the verdict is that on the folder as it was."""

_TEXT = (".md", ".csv", ".json", ".html", ".yaml", ".yml", ".txt")


def _texts(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file() and path.suffix in _TEXT)


def _before(verdict: Verdict) -> Counter[str]:
    return Counter(record.kind for record in verdict.records)


def _record_files(verdict: Verdict) -> list[str]:
    return list(dict.fromkeys(record.file for record in verdict.records))


def other_line_ends(_: random.Random, folder: Path, verdict: Verdict) -> Done | None:
    for path in _texts(folder):
        path.write_bytes(path.read_bytes().replace(b"\r\n", b"\n").replace(b"\n", b"\r\n"))
    return Done("none", _before(verdict))


def blank_lines_at_the_end(_: random.Random, folder: Path, verdict: Verdict) -> Done | None:
    paths = [path for path in _texts(folder) if path.suffix in (".md", ".json")]
    for path in paths:
        path.write_bytes(path.read_bytes() + b"\n\n")
    return Done("none", _before(verdict)) if paths else None


def files_missing(share: float, where: str) -> FileMutation:
    """Take this share of the files that hold records."""

    def mutate(rng: random.Random, folder: Path, verdict: Verdict) -> Done | None:
        files = _record_files(verdict)
        n = round(len(files) * share)
        if len(files) < 4 or not n:
            return None
        gone = set(rng.sample(files, n) if where == "random" else files[len(files) - n :])
        for name in gone:
            (folder / name).unlink()
        lost = Counter(record.kind for record in verdict.records if record.file in gone)
        cut = Counter({kind: n for kind, n in lost.items() if _is_end(verdict, kind, gone)})
        return Done("shrinkage", _before(verdict), lost, cut=cut)

    return mutate


def _is_end(verdict: Verdict, kind: str, gone: set[str]) -> bool:
    """Whether what the kind misses are whole files of several records, or the last of a folder's files of one each."""
    in_file = Counter(record.file for record in verdict.records if record.kind == kind)
    folders: dict[str, list[bool]] = defaultdict(list)
    for record in verdict.records:
        if record.kind == kind and in_file[record.file] == 1:
            folders[record.file.rpartition("/")[0]].append(record.file in gone)
    return all(lost == sorted(lost) for lost in folders.values())


def files_renamed(_: random.Random, folder: Path, verdict: Verdict) -> Done | None:
    """Each Markdown file gets another name, in the manifest too. Ids made of file names are others then."""
    files = [name for name in _record_files(verdict) if name.endswith(".md")]
    if len(files) < 2:
        return None
    manifest = folder / "datapackage.json"
    for name in files:
        path = folder / name
        path.rename(path.with_name(f"{path.stem}-b.md"))
        if manifest.exists():
            manifest.write_text(manifest.read_text().replace(f'"{name}"', f'"{name.removesuffix(".md")}-b.md"'))
    moved = [r for r in verdict.records if r.file in files and r.derived.get("id") == "file_name"]
    return Done("rekeying" if moved else "none", _before(verdict), rekeyed=Counter(r.kind for r in moved))


def texts_edited(rng: random.Random, folder: Path, verdict: Verdict) -> Done | None:
    files = [name for name in _record_files(verdict) if name.endswith(".md")]
    for name in rng.sample(files, len(files) // 2):
        with (folder / name).open("a", encoding="utf-8") as file:
            file.write("\n\nThis was checked again this year.\n")
    return Done("edits", _before(verdict)) if len(files) > 1 else None


def headings_edited(share: float) -> FileMutation:
    """Another word in this share of headings, wherever a heading stands in a file as it is. Ids may follow."""

    def mutate(rng: random.Random, folder: Path, verdict: Verdict) -> Done | None:
        chosen = rng.sample(verdict.records, max(round(len(verdict.records) * share), 1)) if verdict.records else []
        n = 0
        for record in chosen:
            path, heading = folder / record.file, record.document.heading
            data = path.read_bytes()
            if path.suffix in _TEXT and data.count(heading.encode()) == 1 and heading.isascii():
                words = heading.split(" ")
                words.insert(len(words) // 2, "now")
                path.write_bytes(data.replace(heading.encode(), " ".join(words).encode()))
                n += 1
        return Done("edits", _before(verdict)) if n else None

    return mutate


def cut_at_a_byte(share: float) -> FileMutation:
    """The page with most records ends in the middle."""

    def mutate(rng: random.Random, folder: Path, verdict: Verdict) -> Done | None:
        counts = Counter(record.file for record in verdict.records if record.file.endswith((".md", ".csv")))
        name, n = counts.most_common(1)[0] if counts else ("", 0)
        if n < 4 or name.endswith(".csv"):
            return None
        data = (folder / name).read_bytes()
        stop = int(len(data) * share)
        (folder / name).write_bytes(data[:stop])
        gone = [r for r in verdict.records if r.file == name and data.rfind(r.document.heading.encode()) >= stop]
        lost = Counter(record.kind for record in gone)
        return Done("shrinkage", _before(verdict), lost, cut=lost) if gone else None

    return mutate


def rows_cut(share: float) -> FileMutation:
    """Each file of returns that is CSV ends early, at the end of a line."""

    def mutate(_: random.Random, folder: Path, verdict: Verdict) -> Done | None:
        tables = {table.file for table in verdict.tables if table.file.endswith(".csv") and table.accepted_rows > 50}
        for name in tables:
            lines = (folder / name).read_bytes().splitlines(keepends=True)
            (folder / name).write_bytes(b"".join(lines[: 1 + round((len(lines) - 1) * (1 - share))]))
        if not tables:
            return None
        lost = Counter({"2026": round(1000 * share)})
        return Done("shrinkage", Counter({"2026": 1000}), lost, cut=lost)

    return mutate


def copied(source: Path, target: Path) -> Path:
    """The folder again, to be changed."""
    return Path(shutil.copytree(source, target))
