"""What the PDF of a pack says, as plain data: read from the folder of a release and from nothing else, so that it can
be made again from a folder that is years old. How it looks is for ``templates/pack.typ``.

Nothing stands in it that changes without the pack: not the release, not the day, not how hubs stand. What has changed
in it has changed for the reader.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import Any

from hubs.contract.kinds import document_kinds
from hubs.contract.vocabularies import vocabulary
from hubs.instruments import instruments
from pipelines.edition import sort_key
from pipelines.files import json_of
from pipelines.publish import introductions, shapes, strings, views, writers
from pipelines.publish.catalogue import OWN_LICENCE
from pipelines.publish.pdf.blocks import Block, Run, blocks_of, flat, runs_of
from pipelines.publish.pdf.letters import settable

ALL_RECORDS = "national"
"""The pack that has every record of a release."""
FULL_CHARACTERS = 500_000
"""Of the texts that a pack is set with in full: about 230 pages, for which Typst takes half a gigabyte."""
LISTED_N = 500
"""Records that a pack too long for that lists without their texts."""
LEFT_OUT = ("source",)
"""Columns of records that are not attached: they say how feeds stand, which changes with every release."""

Row = Mapping[str, Any]


class Folder:
    """The folder of a release, read as far as packs need it. Raises OSError, ValueError and KeyError when it is not as
    a release is.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def pack(self, id: str) -> dict[str, Any]:
        """What ``pack.json`` says."""
        found: dict[str, Any] = self._read(f"packs/{id}/pack.json")
        return found

    @cached_property
    def records(self) -> Mapping[str, Row]:
        """Every record of the release, by id; none where no pack has them all."""
        has_all = (self.path / "packs" / ALL_RECORDS / "pack.json").exists()
        return {row["id"]: row for row in self.pack(ALL_RECORDS)["records"]} if has_all else {}

    @cached_property
    def hubs(self) -> Mapping[str, Row]:
        """What is said of each hub, by id."""
        return {hub["id"]: hub for hub in self._read("coverage.json")["hubs"]}

    def label(self, scheme: str, term: str, language: str) -> str:
        """What a code is called in ``language``; itself where nobody says."""
        return self._labels.get(scheme, {}).get(term, {}).get(language, term)

    def dimensions(self, instrument: str) -> Sequence[str]:
        """The dimensions of an instrument in its order."""
        return tuple(self._labels.get(f"dimensions:{instrument}", {}))

    @cached_property
    def waves(self) -> Sequence[tuple[tuple[str, str, str], Sequence[Row]]]:
        """The newest period of each instrument and audience, with its benchmarks of all organisations and of single
        sectors.
        """
        rows = self._read("benchmarks/benchmarks.json")["rows"]
        newest: dict[tuple[str, str], str] = {}
        for row in rows:
            key = row["instrument"], row["audience"]
            newest[key] = max(newest.get(key, ""), row["period"])
        found: dict[tuple[str, str, str], list[Row]] = {}
        for row in rows:
            key = row["instrument"], row["audience"]
            if row["period"] == newest[key] and row["breakdown"] in (views.NATIONAL, "sector"):
                found.setdefault((*key, row["period"]), []).append(row)
        return sorted(found.items())

    @cached_property
    def _labels(self) -> Mapping[str, Mapping[str, Mapping[str, str]]]:
        is_told = (self.path / "vocabularies.json").exists()  # the first releases had none
        told = self._read("vocabularies.json") if is_told else shapes.codes(instruments())
        return {scheme: {term["id"]: term["label"] for term in terms} for scheme, terms in told.items()}

    def _read(self, name: str) -> Any:
        return json_of((self.path / name).read_bytes())


def csv_of(pack: Row) -> bytes:
    """The pack's records as CSV, without the columns that change with every release."""
    columns = [column for column in pack["columns"] if column["name"] not in LEFT_OUT]
    return writers.csv_bytes(writers.spec_of("records", columns), pack["records"])


def model_of(folder: Folder, pack: Row, language: str, note: str | None = None) -> dict[str, Any]:
    """What the PDF of ``pack`` (a ``pack.json``) says in ``language``, but for its version and day. ``note``: a
    sentence for the cover, such as why it is published again.
    """
    return _Model(folder, pack, language).whole(note)


@dataclass
class _Model:
    folder: Folder
    pack: Row
    language: str

    def t(self, key: str, **values: object) -> str:
        return strings.text(key, self.language, **values)

    def label(self, scheme: str, term: str) -> str:
        return self.folder.label(scheme, term, self.language)

    def plain(self, text: str) -> str:
        """Text of the project's own, or of a title, for places where nothing but text can stand."""
        return settable(" ".join(text.split()), self.language)

    def whole(self, note: str | None) -> dict[str, Any]:
        title = self.plain(self.pack["title"][self.language])
        shown = self.shown()
        grouped = self.by_kind(shown)
        figures = self.figures()
        words = ("kind", "contents", "about", "term", "meaning", "figures", "listed")
        return {
            "language": self.language,
            "title": title,
            "words": {word: self.t(f"pdf.{word}") for word in words}
            | {
                "running": self.t("pdf.running", title=title),
                "page": self.t("pdf.page_of", page="{page}", pages="{pages}"),
            }
            | {"version": self.t("pdf.version_is", version="{version}")}
            | {"introduction": self.t("pack_intro.introduction")}
            | {"sample": self.t("site.sample_tag") if self.is_sample else ""},
            "sample": self.t("site.sample") if self.is_sample else "",
            "note": self.plain(note) if note else "",
            "empty": "" if grouped or figures else self.t("pack.empty"),
            "cover": self.cover(title, grouped),
            "introduction": self.introduction(shown),
            "figures": figures,
            "chapters": self.chapters(grouped),
            "about": self.about(shown),
            "attached": self.t("pdf.attached.what"),
        }

    @property
    def is_sample(self) -> bool:
        """Whether all that stands in it was written to show how hubpacks works."""
        used = {row["hub"] for row in self.pack["records"]}
        return bool(used) and all(self.folder.hubs.get(hub, {}).get("sample") for hub in used)

    def shown(self) -> list[Row]:
        """The records in reading order, each text once: in the pack's language where there is one, else as it is."""
        found: dict[str, Row] = {}
        for row in self.pack["records"]:
            other = (row["translations"] or {}).get(self.language, "")
            shown = row if row["language"] == self.language else self.folder.records.get(other, row)
            found.setdefault(shown["id"], shown)
        return list(found.values())

    def by_kind(self, rows: Iterable[Row]) -> dict[str, list[Row]]:
        """The records by kind, order kept, a glossary by heading; kinds that are not known any more come last."""
        found: dict[str, list[Row]] = {kind: [] for kind in document_kinds()}
        for row in rows:
            found.setdefault(row["kind"], []).append(row)
        for kind, about in document_kinds().items():
            if about.is_glossary:
                found[kind].sort(key=lambda row: (sort_key(_heading(row)), row["id"]))
        return {kind: rows for kind, rows in found.items() if rows}

    def cover(self, title: str, grouped: Mapping[str, Sequence[Row]]) -> list[dict[str, Any]]:
        """Names and texts; ``{version}`` and ``{date}`` are put in when the day is known."""
        own = vocabulary("licences")[OWN_LICENCE]
        licence = [*_plain_runs(f"{self.t('pdf.licence.text')} "), {"text": own.label(self.language)}, {"text": "."}]
        licence[1] |= {"address": own.address} if own.address else {}
        holds = "; ".join(f"{self.t(f'kind.{kind}.title')}: {len(rows):,}" for kind, rows in grouped.items())
        facts = [
            ("version", _plain_runs("{version}")),
            ("published", _plain_runs("{date}")),
            *([("holds", _plain_runs(f"{holds}."))] if holds else []),
            ("licence", licence),
            ("cite", _plain_runs(self.t("pdf.cite.text", title=title, version="{version}", date="{date}"))),
            ("newest", _plain_runs(self.t("pdf.newest.text"))),
        ]
        return [{"name": self.t(f"pdf.{name}"), "runs": runs} for name, runs in facts]

    def introduction(self, shown: Sequence[Row]) -> dict[str, Any] | None:
        """What the pack is about, what it holds and what to read first; None of one that says nothing of itself, as
        those of older versions.
        """
        if introductions.INTRODUCTION not in self.pack:
            return None
        text = introductions.about(self.pack, self.language)
        found = introductions.facts(shown, self.pack["scheme"], self.pack["term"], self.language)
        names = {id: hub["name"] for id, hub in self.folder.hubs.items()}
        facts = [(self.t(f"kind.{kind}.title"), _plain_runs(f"{number:,}")) for kind, number in found.kinds]
        if found.hubs:
            hubs = introductions.hub_names(found.hubs, names, self.language)
            facts.append((self.t("pack_intro.hubs"), runs_of(hubs, self.language)))
        if found.newest is not None:
            facts.append((self.t("pack_intro.newest"), _plain_runs(strings.day(found.newest, self.language))))
        return {
            "blocks": list(blocks_of(text, self.language, "")),
            "holds": self.t("pack_intro.holds"),
            "facts": [{"name": name, "runs": runs} for name, runs in facts],
            "first": self.t("pack_intro.first"),
            "records": [
                {
                    "language": row["language"],
                    "heading": self.heading(row),
                    "small": _joined(
                        [_plain_runs(self.t(f"pack_intro.kind.{row['kind']}")), self.hub(row["hub"])], " · "
                    ),
                }
                for row in found.first
            ],
        }

    def chapters(self, grouped: Mapping[str, Sequence[Row]]) -> list[dict[str, Any]]:
        """A chapter a kind. A pack that is too long has the first texts of each kind in full, as many of one as of
        another kind, and then only lists.
        """
        room = FULL_CHARACTERS
        lists = LISTED_N
        chapters = []
        for left, (kind, rows) in zip(range(len(grouped), 0, -1), sorted(grouped.items(), key=_length), strict=True):
            full, used = _that_fit(rows, room // left)
            room -= used
            rest = rows[len(full) :]
            listed = rest[: lists // left]
            lists -= len(listed)
            is_glossary = kind in document_kinds() and document_kinds()[kind].is_glossary
            chapters.append(
                {
                    "kind": kind,
                    "title": self.t(f"kind.{kind}.title"),
                    "lead": self.t(f"kind.{kind}.description"),
                    "terms": [self.term(row) for row in full] if is_glossary else [],
                    "records": [] if is_glossary else [self.record(row) for row in full],
                    "listed_note": self.t("pdf.listed.text", number=len(rest)) if rest else "",
                    "listed": [self.in_short(row) for row in listed],
                    "more": self.t("pdf.more", count=len(rest) - len(listed)) if len(rest) > len(listed) else "",
                }
            )
        order = list(grouped)
        return sorted(chapters, key=lambda chapter: order.index(chapter["kind"]))

    def record(self, row: Row) -> dict[str, Any]:
        return {
            "language": row["language"],
            "heading": self.heading(row),
            "sample": self.t("site.sample") if not self.is_sample and self.of_sample_hub(row) else "",
            "facts": [{"name": name, "runs": runs} for name, runs in self.facts(row) if runs],
            "parts": self.parts(row),
        }

    def term(self, row: Row) -> dict[str, Any]:
        return {
            "language": row["language"],
            "heading": self.heading(row),
            "runs": flat(block for part in self.parts(row) for block in part["blocks"]),
            "small": self.small(row, row.get("term_source")),
        }

    def in_short(self, row: Row) -> dict[str, Any]:
        return {
            "language": row["language"],
            "heading": self.heading(row),
            "runs": runs_of(row["summary"] or "", row["language"]),
            "small": self.small(row),
        }

    def heading(self, row: Row) -> str:
        return "".join(run["text"] for run in runs_of(_heading(row), row["language"])) or row["id"]

    def parts(self, row: Row) -> list[dict[str, Any]]:
        """The texts of a record, each with its heading where it has several."""
        kind = document_kinds().get(row["kind"])
        further = {name: row.get(name) for name in kind.further_texts} if kind else {}
        texts = {kind.text if kind else "text": row["text"]} | {name: text for name, text in further.items() if text}
        language = row["language"]
        # Pages of sample hubs carry this sentence in a place of their own.
        sample = f"> {strings.text('site.sample', language)}\n"
        parts = []
        for name, text in texts.items():
            blocks: tuple[Block, ...] = blocks_of((text or "").removeprefix(sample), language, _heading(row))
            if blocks:
                title = strings.text(f"section.{name}", self.language) if len(texts) > 1 else ""
                parts.append({"title": title, "blocks": list(blocks)})
        return parts

    def facts(self, row: Row) -> Iterable[tuple[str, list[Run]]]:
        """What is said of a record beside its texts. Codes are told in the pack's language, what the hub wrote in the
        record's.
        """
        language = row["language"]

        def own(name: str) -> list[Run]:
            value = row.get(name)
            return runs_of(", ".join(value) if isinstance(value, list) else value or "", language)

        def terms(scheme: str, name: str) -> list[Run]:
            return _plain_runs(", ".join(self.label(scheme, term) for term in row.get(name) or ()))

        kind = row["kind"]
        yield self.t("record.hub"), self.hub(row["hub"])
        others = [hub for hub in row["credits"] if hub != row["hub"]]
        yield self.t("record.credits"), _joined([self.hub(hub) for hub in others])
        yield self.t("record.audience"), terms("audiences", "audience")
        yield self.t("record.signpost_type"), _plain_runs(self.label("signpost_types", row.get("signpost_type") or ""))
        yield self.t("record.publisher"), own("publisher")
        address = row.get("signpost_address") or ""
        yield self.t("record.address"), runs_of(address, language, address if views.host(address) else "")
        yield self.t("record.organisations"), own("organisations")
        standards = "record.standards_asked" if kind == "requirement" else "record.standards_used"
        yield self.t(standards), own("standards_used")
        sectors = terms("sectors", "sectors") or _plain_runs(self.t("record.every_sector"))
        yield self.t("record.sectors"), sectors
        yield self.t("record.technology_types"), terms("technology_types", "technology_types")
        if row["published"] or not row["updated"]:
            day = self.day(row["published"]) if row["published"] else self.t("record.undated")
            yield self.t("record.published"), _plain_runs(day)
        if row["updated"]:
            yield self.t("record.updated"), _plain_runs(self.day(row["updated"]))
        if language != self.language:
            yield self.t("record.translation"), _plain_runs(self.t(f"language.only_{language}"))
        yield self.t("record.contact"), runs_of(row["contact"] or "", language)
        yield self.t("record.licence"), self.licence(row["licence"])
        yield self.t("record.id"), runs_of(row["id"], self.language)

    def small(self, row: Row, source: str | None = None) -> list[Run]:
        """In one line: from whom, when, under which licence, and the id."""
        when = row["updated"] or row["published"]
        told = [
            runs_of(source or "", row["language"]),
            self.hub(row["hub"]),
            _plain_runs(self.day(when)) if when else [],
            _plain_runs(self.label("licences", row["licence"])),
            runs_of(row["id"], self.language),
        ]
        return _joined([runs for runs in told if runs], " · ")

    def hub(self, id: str) -> list[Run]:
        return runs_of(self.folder.hubs.get(id, {}).get("name", {}).get(self.language, id), self.language)

    def of_sample_hub(self, row: Row) -> bool:
        return bool(self.folder.hubs.get(row["hub"], {}).get("sample"))

    def licence(self, id: str) -> list[Run]:
        known = vocabulary("licences")
        address = known[id].address if id in known else None
        return [{"text": self.label("licences", id)} | ({"address": address} if address else {})]

    def day(self, when: str) -> str:
        return strings.day(date.fromisoformat(when), self.language)

    def about(self, shown: Sequence[Row]) -> list[dict[str, Any]]:
        """The last chapter: credits, how benchmarks are made safe, how to check the file. Sections of blocks."""
        counts = Counter(row["hub"] for row in shown)
        hubs: list[list[Block]] = [
            [_paragraph([*self.hub(hub), {"text": f": {self.t('pdf.hubs.count', count=number)}"}])]
            for hub, number in sorted(counts.items())
        ]
        credit = [_paragraph(_plain_runs(self.t("pdf.hubs.text"))), {"sort": "bullets", "start": 1, "items": hubs}]
        check = [
            _paragraph(_plain_runs(self.t("pdf.verify.text"))),
            {"sort": "code", "text": "sha256sum --check --ignore-missing SHA256SUMS"},
            _paragraph(_plain_runs(self.t("pdf.verify.signature"))),
            {"sort": "code", "text": "minisign -Vm SHA256SUMS -p keys/minisign.pub"},
        ]
        sections = [
            *([("hubs", credit)] if hubs else []),
            ("safe", [_paragraph(_plain_runs(self.t("pdf.safe.text")))]),
            ("attached", [_paragraph(_plain_runs(self.t("pdf.attached.text")))]),
            ("verify", check),
        ]
        return [{"title": self.t(f"pdf.{name}"), "blocks": blocks} for name, blocks in sections]

    def figures(self) -> list[dict[str, Any]]:
        """The benchmarks that belong to the pack: of its sector, or of all organisations, answered by its audience or
        by anybody.
        """
        scheme, term = self.pack["scheme"], self.pack["term"]
        found = []
        for (instrument, audience, period), rows in self.folder.waves:
            everybody = {row["dimension"]: row for row in rows if row["breakdown"] == views.NATIONAL}
            own: Mapping[str, Row] = {}
            if scheme == "sectors":
                sector = (row for row in rows if row["breakdown"] == "sector" and row["sector"] == term)
                own = {row["dimension"]: row for row in sector}
            elif scheme == "national" or (scheme, term) == ("audiences", audience):
                own = everybody
            if any(row["n"] is not None for row in own.values()):
                who = self.label("audiences", audience).lower()
                found.append(
                    self.figure(instrument, f"{who}, {period}", own, everybody if scheme == "sectors" else None)
                )
        return found

    def figure(
        self, instrument: str, of: str, own: Mapping[str, Row], everybody: Mapping[str, Row] | None
    ) -> dict[str, Any]:
        """A chart and a table that tell the same of a group, beside ``everybody`` where it is a part of them."""
        names = {d: self.label(f"dimensions:{instrument}", d) for d in self.folder.dimensions(instrument) if d in own}
        names |= {d: d for d in own if d not in names}
        median, share = self.t("benchmark.median"), self.t("benchmark.share", level=views.SHARED_AT)
        pair = [self.t("benchmark.this_sector"), self.t("benchmark.all")]
        bars: list[dict[str, Any]] = [
            {"name": name, "value": own[d]["median"], "shown": _median(own[d])} for d, name in names.items()
        ]
        if everybody is None:
            head = [self.t("benchmark.dimension"), median, share, self.t("benchmark.organisations")]
            rows = [[name, _median(own[d]), _share(own[d]), _count(own[d])] for d, name in names.items()]
            told = [f"{bar['name']}: {bar['shown']}" for bar in bars]
        else:
            alls = [everybody.get(d) for d in names]
            for bar, row in zip(bars, alls, strict=True):
                bar |= {"all": row["median"] if row else None, "all_shown": _median(row)}
            head = [
                self.t("benchmark.dimension"),
                *(f"{what}: {whose.lower()}" for what in (median, share) for whose in pair),
            ]
            head.append(self.t("benchmark.compared"))
            rows = [
                [name, _median(own[d]), _median(row), _share(own[d]), _share(row), self.compared(own[d])]
                for (d, name), row in zip(names.items(), alls, strict=True)
            ]
            told = [f"{bar['name']}: {bar['shown']} ({pair[1].lower()}: {bar['all_shown']})" for bar in bars]
        signs = [sign for sign in ("c", "x") if any(f"[{sign}]" in cell for row in rows for cell in row)]
        return {
            "title": self.t("benchmark.of", audience=of),
            "caption": self.t("pdf.chart", audience=of),
            "alt": f"{self.t('benchmark.chart.desc')} {'; '.join(told)}.",
            "legend": pair if everybody is not None else [],
            "bars": bars,
            "highest": views.HIGHEST_LEVEL,
            "head": head,
            "rows": rows,
            "notes": [
                self.t("pdf.round"),
                *(f"[{sign}] {self.t(f'benchmark.signs.{sign}')}" for sign in signs),
                *([self.t("benchmark.sample")] if self.is_sample else []),
            ],
        }

    def compared(self, row: Row) -> str:
        return self.t(f"benchmark.compared.{row['comparison']}") if row["comparison"] else "–"


def _heading(row: Row) -> str:
    return str(row["title"] or row.get("question") or row["id"])


def _paragraph(runs: list[Run]) -> Block:
    return {"sort": "paragraph", "runs": runs, "right_to_left": False}


def _plain_runs(text: str) -> list[Run]:
    return [{"text": text}] if text else []


def _joined(parts: Sequence[list[Run]], by: str = ", ") -> list[Run]:
    return [run for number, part in enumerate(parts) for run in ([{"text": by}, *part] if number else part)]


def _length(kind_and_rows: tuple[str, Sequence[Row]]) -> tuple[int, str]:
    kind, rows = kind_and_rows
    return sum(map(_characters, rows)), kind


def _characters(row: Row) -> int:
    kind = document_kinds().get(row["kind"])
    texts = (row["text"], *(row.get(name) for name in (kind.further_texts if kind else ())))
    return sum(len(text or "") for text in texts)


def _that_fit(rows: Sequence[Row], room: int) -> tuple[Sequence[Row], int]:
    """The first of ``rows`` whose texts have no more than ``room`` characters together, and how many they have."""
    used = 0
    for number, row in enumerate(rows):
        if used + _characters(row) > room:
            return rows[:number], used
        used += _characters(row)
    return rows, used


def _median(row: Row | None) -> str:
    if row is None:
        return "–"
    if row["n"] is None:
        return row["status"] if row["status"].startswith("[") else "[c]"
    return "[x]" if row["median"] is None else views.level(row["median"])


def _share(row: Row | None) -> str:
    if row is None:
        return "–"
    if row["n"] is None:
        return row["status"] if row["status"].startswith("[") else "[c]"
    share = row[f"share_ge_{views.SHARED_AT}"]
    return "[x]" if share is None else views.percent(share)


def _count(row: Row) -> str:
    return "[c]" if row["n"] is None else f"{row['n']:,}"
