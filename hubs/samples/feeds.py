"""How each sample hub writes its returns down, its slips included, and which of its files are built.

Here: the shapes of feeds. Not here: who answered what (``population``) and how containers are written (``packing``).
The narrative files of most hubs are edited where they lie. Hubs that publish a container, and the hub whose newest
export went wrong, have theirs under ``sources/``: what is built from them is never edited by hand.
"""

from __future__ import annotations

import csv
import json
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from hubs.containers import ods_bytes, xlsx_bytes
from hubs.contract.kinds import document_kinds
from hubs.contract.vocabularies import vocabulary
from hubs.instruments import Question, instruments
from hubs.samples.packing import csv_bytes, parquet_bytes, zip_bytes
from hubs.samples.population import AUDIENCES, INSTRUMENT, PERIODS, Response, population, responses
from hubs.yamlfile import parse_yaml

FOLDER = Path(__file__).parent
SOURCES = FOLDER / "sources"

Table = list[list[str | int]]
"""Rows of a table, the header first."""
Cell = Callable[[Response], str | int]

REGISTERED_MIN = 8
"""Fewest organisations of one description in the register, but for those that are single."""

NATIVE_HUBS = ("local-government", "wales", "scotland")
NARRATIVE = {
    "case_study": "case_studies",
    "faq": "faqs",
    "requirement": "requirements",
    "signpost": "signposts",
    "term": "terms",
    "withdrawal": "withdrawals",
}
"""Where a hub that follows the contract keeps each kind: a folder of Markdown, or one file of rows of that name."""


@dataclass(frozen=True)
class Shape:
    """A table with a row a respondent, in a hub's own words. ``question`` gives a column's heading from the number of
    the question in its dimension and in the audience's list; ``answers`` the words for levels 0 to 5 and for *na*.
    """

    columns: Mapping[str, Cell]
    question: Callable[[Question, int], str]
    answers: Sequence[str | int]

    def table(self, found: Iterable[Response], audience: str) -> Table:
        """The table of those of ``found`` that belong to ``audience``, in the order of their random keys."""
        asked = instruments()[INSTRUMENT].asked_of(audience)
        table: Table = [[*self.columns, *(self.question(question, number) for number, question in enumerate(asked, 1))]]
        mine = [response for response in found if response.audience == audience]
        for response in sorted(mine, key=lambda r: (r.period, r.organisation_key, r.respondent_key)):
            levels = (response.levels[question.id] for question in asked)
            cells = [self.answers[6 if level is None else level] for level in levels]
            table.append([*(cell(response) for cell in self.columns.values()), *cells])
        return table


def _label(scheme: str, attribute: str) -> Cell:
    terms = vocabulary(scheme)
    return lambda response: terms[getattr(response.organisation, attribute)].en


def _worded(words: Mapping[str, str], attribute: str) -> Cell:
    return lambda response: words[getattr(response.organisation, attribute)]


CONTRACT: dict[str, Cell] = {
    "organisation": lambda r: r.organisation_key,
    "respondent": lambda r: r.respondent_key,
    "audience": lambda r: r.audience,
    "organisation_type": lambda r: r.organisation.organisation_type,
    "size_band": lambda r: r.organisation.size_band,
    "region": lambda r: r.organisation.region,
    "sector": lambda r: r.organisation.sector,
    "period": lambda r: r.period,
    "instrument": lambda _: INSTRUMENT,
}
"""The contract's columns before question and level."""

HEALTH = Shape(
    {
        "Trust ref": lambda r: r.organisation_key,
        "Response ref": lambda r: r.respondent_key,
        "Kind of body": _worded(
            {"nhs_provider": "Trust or board", "nhs_commissioner": "Commissioner", "care_provider": "Care company"},
            "organisation_type",
        ),
        "Headcount": _worded(
            {
                "under_50": "1-49",
                "50_to_249": "50-249",
                "250_to_999": "250-999",
                "1000_to_4999": "1000-4999",
                "5000_and_over": "5000+",
            },
            "size_band",
        ),
        "Where": _label("regions", "region"),
    },
    lambda _, number: f"Q{number}",
    (
        "Not started",
        "Just begun",
        "Under way in places",
        "Normal practice",
        "Measured",
        "Leading others",
        "Doesn't apply",
    ),
)
EDUCATION = Shape(
    {
        "Quarter": lambda r: r.period,
        "Place of learning": lambda r: r.organisation_key,
        "Person": lambda r: r.respondent_key,
        "Type": _worded(
            {"school_trust": "School or trust", "college": "College", "university": "University"}, "organisation_type"
        ),
        "Staff": _label("size_bands", "size_band"),
        "Area": _label("regions", "region"),
    },
    lambda question, _: f"{question.dimension.capitalize()} {question.id.rpartition('-')[2]}",
    ("Level 0", "Level 1", "Level 2", "Level 3", "Level 4", "Level 5", "N/A"),
)
TRANSPORT = Shape(
    {
        "quarter": lambda r: r.period,
        "body": lambda r: r.organisation_key,
        "respondent": lambda r: r.respondent_key,
        "type": lambda r: r.organisation.organisation_type,
        "staff": lambda r: r.organisation.size_band,
        "region": lambda r: r.organisation.region,
    },
    lambda question, _: f"{question.id.removeprefix('dm-').removeprefix('pp-')} (%)",
    (0, 20, 40, 60, 80, 100, ""),
)
"""Scores in per cent. Where a question does not apply the cell is empty."""


def feeds() -> dict[str, bytes]:
    """Every file that is built, by its path under ``hubs/samples``."""
    by_hub: dict[str, list[Response]] = {}
    for response in responses():
        for hub in response.organisation.hubs:
            by_hub.setdefault(hub, []).append(response)
    files: dict[str, bytes] = {}
    for hub in NATIVE_HUBS:
        files |= _native(hub, by_hub[hub])
    return (
        files
        | _health(by_hub["health"])
        | _education(by_hub["education"])
        | _housing(by_hub["housing"])
        | _infrastructure(by_hub["infrastructure"])
        | _transport(by_hub["transport"])
        | _emergency_services(by_hub["emergency-services"])
        | _justice(by_hub["justice"])
        | _culture()
        | {"register.csv": _register()}
    )


def _register() -> bytes:
    """The invented register of all organisations: of every description that answers, some that do not, so that nobody
    is known by it. In Scotland there is one police force and one fire service of each size, as in life.
    """
    answering = Counter((o.organisation_type, o.size_band, o.region) for o in population())
    lines = ["organisation_type,size_band,region,n"]
    for described, n in sorted(answering.items()):
        is_single = described[0] in ("police", "fire_and_rescue") and described[2] == "scotland"
        lines.append(f"{','.join(described)},{n if is_single else max(2 * n, REGISTERED_MIN)}")
    return "".join(f"{line}\n" for line in lines).encode()


# Hubs that follow the contract.


def _native(hub: str, found: list[Response]) -> dict[str, bytes]:
    """Narrative files as they lie there, and a Parquet file a quarter: a row an answer is long, and packs well."""
    tables = {f"returns/{period}.parquet": parquet_bytes(_answers(found, period)) for period in PERIODS}
    resources = [*_narrative(hub), _resource("assessment", list(tables))]
    return _inside(hub, tables | {"datapackage.json": _descriptor(hub, resources)})


def _answers(found: Iterable[Response], period: str) -> Table:
    """The answers of one quarter as the contract has them: a row an answer."""
    table: Table = [[*CONTRACT, "question", "level"]]
    mine = (response for response in found if response.period == period)
    for response in sorted(mine, key=lambda r: (r.organisation_key, r.audience, r.respondent_key)):
        about = [cell(response) for cell in CONTRACT.values()]
        table += [[*about, question, "na" if n is None else str(n)] for question, n in response.levels.items()]
    return table


def _descriptor(hub: str, resources: list[dict[str, object]]) -> bytes:
    descriptor = {
        "$schema": "https://datapackage.org/profiles/2.0/datapackage.json",
        "name": f"sample-{hub}",
        "title": f"Sample hub: {hub.replace('-', ' ')}",
        "description": "Written to show how hubpacks works. The organisations are not real.",
        "hubpacks": {"contract": "1"},
        "resources": resources,
    }
    return (json.dumps(descriptor, indent=2, ensure_ascii=False) + "\n").encode()


_MEDIA_TYPES = {
    "md": "text/markdown",
    "csv": "text/csv",
    "json": "application/json",
    "parquet": "application/vnd.apache.parquet",
}


def _resource(kind: str, paths: list[str], name: str | None = None) -> dict[str, object]:
    form = paths[0].rpartition(".")[2]
    return {
        "name": name or kind.replace("_", "-"),
        "path": paths[0] if len(paths) == 1 else paths,
        "format": form,
        "mediatype": _MEDIA_TYPES[form],
        "hubpacks": {"kind": kind},
    }


def _narrative(hub: str) -> list[dict[str, object]]:
    """A resource for each kind of which the hub has a folder or a file of rows."""
    resources = []
    for kind, name in NARRATIVE.items():
        rows = [file for file in (f"{name}.csv", f"{name}.json") if (FOLDER / hub / file).exists()]
        if files := [*_markdown(hub, name), *rows]:
            resources.append(_resource(kind, files))
    return resources


def _markdown(hub: str, folder: str, root: Path = FOLDER) -> list[str]:
    return sorted(f"{folder}/{path.name}" for path in (root / hub / folder).glob("*.md"))


def _inside(hub: str, files: Mapping[str, bytes]) -> dict[str, bytes]:
    return {f"{hub}/{name}": content for name, content in files.items()}


# Hubs with a shape of their own.


def _health(found: list[Response]) -> dict[str, bytes]:
    """The tree of a site generator and an exported survey, in one zip."""
    root = SOURCES / "health"
    files = {p.relative_to(root).as_posix(): p.read_bytes() for p in root.rglob("*") if p.is_file()}
    names = {"decision_maker": "managers", "procurement_professional": "buyers"}
    for period in PERIODS:
        mine = [response for response in found if response.period == period]
        for audience, name in names.items():
            files[f"survey/{period}/{name}.csv"] = csv_bytes(HEALTH.table(mine, audience))
    return {"health.zip": zip_bytes(files)}


def _education(found: list[Response]) -> dict[str, bytes]:
    names = {"decision_maker": "leaders", "procurement_professional": "buyers"}
    return {
        f"education/survey/{name}.csv": csv_bytes(EDUCATION.table(found, audience)) for audience, name in names.items()
    }


def _transport(found: list[Response]) -> dict[str, bytes]:
    return {f"transport/scores/{audience}.csv": csv_bytes(TRANSPORT.table(found, audience)) for audience in AUDIENCES}


def _housing(found: list[Response]) -> dict[str, bytes]:
    """One workbook with a sheet for each kind, named and headed as the contract has it."""
    sheets: dict[str, Table] = {}
    for kind, folder in (("case_study", "case_studies"), ("faq", "faqs"), ("requirement", "requirements")):
        fields = [name for name in document_kinds()[kind].model.model_fields if name != "translation_of"]
        sheets[kind] = [list(fields)]
        for keys in _records("housing", folder, document_kinds()[kind].text):
            sheets[kind].append([_cell(keys.get(field)) for field in fields])
    sheets["term"] = _rows("housing", "terms.csv")
    tables = [_answers(found, period) for period in PERIODS]
    sheets["assessment"] = [tables[0][0], *(row for table in tables for row in table[1:])]
    return {"housing/housing-hub.ods": ods_bytes(sheets)}


def _infrastructure(found: list[Response]) -> dict[str, bytes]:
    """Three workbooks in the hub's own words, and one long list of answers."""
    studies: Table = [
        ["Ref", "Title", "In short", "Who", "Used by", "About", "Standards", "Licence", "Date", "Changed", "Story"]
    ]
    for keys in _records("infrastructure", "case_studies", "body"):
        lists = [_cell(keys["organisations"]), *_topics(keys), _cell(keys["standards_used"])]
        studies.append(
            [keys["id"], keys["title"], keys["summary"], *lists, keys["licence"], *_dates(keys), keys["body"]]
        )
    readers = {"decision_maker": "Managers", "procurement_professional": "Buyers"}
    questions: Table = [["Ref", "Question", "Answer", "For", "Used by", "About", "Licence", "Date", "Changed"]]
    for keys in _records("infrastructure", "faqs", "answer"):
        lists = [_cell([readers[audience] for audience in keys["audience"]]), *_topics(keys)]
        questions.append([keys["id"], keys["question"], keys["answer"], *lists, keys["licence"], *_dates(keys)])
    words: Table = [["Ref", "Word", "What it means", "Who says so", "About", "Changed"]]
    for keys in _rows_by_name("infrastructure", "words.csv"):
        about = "; ".join(vocabulary("technology_types")[term].en for term in keys["technology_types"].split("; "))
        changed = _british(date.fromisoformat(keys["updated"]))
        words.append([keys["ref"], keys["word"], keys["meaning"], keys["source"], about, changed])
    notes: Table = [["How we keep this workbook"], ["One row a record. Never change a Ref once it is published."]]
    return _inside(
        "infrastructure",
        {
            "case-studies.xlsx": xlsx_bytes({"Case studies": studies, "Notes": notes}),
            "questions.xlsx": xlsx_bytes({"Questions": questions, "Notes": notes}),
            "words.xlsx": xlsx_bytes({"Words": words, "Notes": notes}),
            "answers.csv": csv_bytes(_list_of_answers(found)),
        },
    )


def _list_of_answers(found: list[Response]) -> Table:
    answers: Table = [["quarter", "company", "person", "role", "staff", "region", "question", "level"]]
    roles = {"decision_maker": "manager", "procurement_professional": "buyer"}
    for response in sorted(found, key=lambda r: (r.period, r.organisation_key, r.audience, r.respondent_key)):
        who = [response.period, response.organisation_key, response.respondent_key, roles[response.audience]]
        about = [response.organisation.size_band, response.organisation.region]
        answers += [[*who, *about, name, "n/a" if n is None else str(n)] for name, n in response.levels.items()]
    return answers


def _topics(keys: Mapping[str, Any]) -> list[str]:
    return [
        "; ".join(vocabulary(scheme)[term].en for term in keys[scheme]) for scheme in ("sectors", "technology_types")
    ]


def _dates(keys: Mapping[str, Any]) -> list[str]:
    """The two dates of a record the British way round, empty where there is none."""
    days = (keys.get(name) for name in ("published", "updated"))
    return [_british(day) if day else "" for day in days]


def _british(day: date) -> str:
    return f"{day.day}/{day.month}/{day.year}"


def _records(hub: str, folder: str, text: str) -> Iterator[dict[str, Any]]:
    """The front matter of each source file, its body added under the name ``text``."""
    for path in sorted((SOURCES / hub / folder).glob("*.md")):
        _, head, body = path.read_text(encoding="utf-8").split("---\n", 2)
        yield {**parse_yaml(head), text: body.strip()}


def _rows(hub: str, name: str) -> Table:
    """The source table called ``name``, its header first."""
    with (SOURCES / hub / name).open(encoding="utf-8", newline="") as file:
        return [list(row) for row in csv.reader(file)]


def _rows_by_name(hub: str, name: str) -> list[dict[str, str]]:
    """The rows of the source table called ``name``, by column."""
    header, *rows = _rows(hub, name)
    return [{str(column): str(cell) for column, cell in zip(header, row, strict=True)} for row in rows]


def _cell(value: object) -> str:
    if isinstance(value, list):
        return "; ".join(str(item) for item in value)
    return "" if value is None else str(value)


# Hubs with something wrong.


def _emergency_services(found: list[Response]) -> dict[str, bytes]:
    """Follows the contract, apart from what a busy editor gets wrong in the newest quarter."""
    hub = "emergency-services"
    files = {f"returns/{period}.parquet": parquet_bytes(_answers(found, period)) for period in PERIODS[:-1]}
    newest = f"returns/{PERIODS[-1]}.csv"
    resources = [
        *_narrative(hub),
        _resource("assessment", list(files)),
        _resource("assessment", [newest], "assessment-newest"),
    ]
    files[newest] = csv_bytes(_with_slips(_answers(found, PERIODS[-1])))
    return _inside(hub, files | {"datapackage.json": _descriptor(hub, resources)})


def _with_slips(table: Table) -> Table:
    """Mistyped levels, a word for a sector, a gap, rows pasted twice, a question of the pilot, a column of remarks."""
    at = {name: number for number, name in enumerate(table[0])}
    respondents = list(dict.fromkeys(row[at["respondent"]] for row in table[1:]))
    of = {key: [row for row in table[1:] if row[at["respondent"]] == key] for key in respondents}

    for row, typed in ((table[14], "9"), (table[203], "3.5"), (table[371], "2 or 3")):
        row[at["level"]] = typed
    organisation = of[respondents[11]][0][at["organisation"]]
    for row in table[1:]:
        if row[at["organisation"]] == organisation:
            row[at["sector"]] = "Blue light"
    for row in of[respondents[20]]:
        row[at["region"]] = ""

    table += [list(row) for row in of[respondents[5]]]
    table.append([*of[respondents[8]][0][: at["question"]], "dm-resilience-1", "3"])
    remarks = {90: "Ask the control room", 306: "From ops.support@sample-valley-fire.example", 512: "Same as last year"}
    return [[*row, remarks.get(number, "") if number else "comments"] for number, row in enumerate(table)]


def _justice(found: list[Response]) -> dict[str, bytes]:
    """The newest feed came out of a new content system broken; the one before it was good."""
    good = {p: (SOURCES / "justice" / p).read_bytes() for p in _markdown("justice", "case_studies", SOURCES)}
    good |= {p: (SOURCES / "justice" / p).read_bytes() for p in _markdown("justice", "faqs", SOURCES)}
    tables = {period: _answers(found, period) for period in PERIODS}
    before = good | {f"returns/{period}.csv": csv_bytes(tables[period]) for period in PERIODS[:-1]}
    newest = {name: _broken_export(content) for name, content in good.items()}
    newest |= {f"returns/{period}.csv": csv_bytes(_broken_references(tables[period])) for period in PERIODS[-2:]}
    return {
        "earlier/justice.zip": zip_bytes(before | {"datapackage.json": _justice_descriptor(before)}),
        **_inside("justice", newest | {"datapackage.json": _justice_descriptor(newest)}),
    }


def _justice_descriptor(files: Mapping[str, bytes]) -> bytes:
    folders = {"case_study": "case_studies/", "faq": "faqs/", "assessment": "returns/"}
    return _descriptor(
        "justice",
        [_resource(kind, sorted(name for name in files if name.startswith(at))) for kind, at in folders.items()],
    )


def _broken_export(content: bytes) -> bytes:
    """Lists written out the way a script shows an object it cannot show."""
    return re.sub(rb"(?m)^(sectors|technology_types|audience): .*$", rb'\1: ["[object Object]"]', content)


def _broken_references(table: Table) -> Table:
    """All answers but those of the first dimension were looked up in a sheet that has since been deleted."""
    return [
        [*row[:-1], row[-1] if "governance" in str(row[-2]) else "#REF!"] if n else row for n, row in enumerate(table)
    ]


def _culture() -> dict[str, bytes]:
    """Valid, and empty: the headings of two lists and nothing under them."""
    tables = {
        f"{name}.csv": csv_bytes([list(document_kinds()[kind].model.model_fields)])
        for kind, name in (("case_study", "case_studies"), ("faq", "faqs"))
    }
    resources = [_resource("case_study", ["case_studies.csv"]), _resource("faq", ["faqs.csv"])]
    return _inside("culture", tables | {"datapackage.json": _descriptor("culture", resources)})
