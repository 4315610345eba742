"""Feeds of any size from a seed: folders in the contract's own shape, a long CSV each, a few rows of them bad, and
case studies and questions, some of which say what others say already.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv

from hubs.contract.kinds import table_kinds
from hubs.contract.vocabularies import vocabulary
from hubs.instruments import Instrument

INSTRUMENT = "interop-baseline-v1"
"""The question bank that generated returns answer."""
PERIODS = ("2026-Q1", "2026-Q2", "2026-Q3", "2026-Q4")
RESPONDENTS = 3
"""Most respondents of one organisation in one audience."""
ANSWERED = 0.95
"""Share of questions that a respondent answers."""
BAD_KINDS = (
    "level_out_of_range",
    "unknown_region",
    "invalid_period",
    "missing_value",
    "unknown_question",
    "duplicate_answer",
)


WORST = ("rubbish", "long rubbish", "repeated keys", "unknown questions", "levels out of range")
"""Ways in which every row of a feed is bad, and no value of the fault, or next to none, comes twice."""
LONG_CHARACTERS = 100

QUESTIONS_EVERY = 3
"""One document in so many is a question with its answer, the others are case studies."""
STUDY_SENTENCES, ANSWER_SENTENCES, SENTENCE_WORDS = 36, 20, 12
COPIED = 0.8
"""How much of a near-copy is the text that it was taken from."""
SECTIONS = ("Context", "Approach", "Outcome", "Lessons")
SYLLABLES = ("ba", "cor", "den", "fi", "gal", "hum", "is", "lo", "mer", "ni", "ost", "pra", "quil", "ra", "sten", "tu")
WORDS = np.array([one + other for one in SYLLABLES for other in SYLLABLES])


@dataclass(frozen=True)
class Work:
    """How much to generate. ``bad`` is the share of rows that are made bad, in equal parts of ``BAD_KINDS``; with
    ``worst`` every row is, in one way of ``WORST``.

    ``documents`` is how many each hub has. Of them ``near_duplicates`` is the share in which another document, of any
    hub, has had a word corrected, ``near_copies`` the share that has most of another's text, and something of its own.
    """

    rows: int
    hubs: int = 50
    bad: float = 0.001
    seed: int = 20260101
    worst: str = ""
    documents: int = 0
    near_duplicates: float = 0.02
    near_copies: float = 0.05


def write_feeds(folder: Path, work: Work, instrument: Instrument) -> list[Path]:
    """The feed folders, by hub; each has ``answers.csv``, Markdown files and ``datapackage.json``. Left alone if they
    exist.
    """
    feeds = []
    for hub in range(work.hubs):
        feed = folder / hub_name(hub)
        feeds.append(feed)
        if (feed / "datapackage.json").exists():
            continue
        feed.mkdir(parents=True, exist_ok=True)
        described = descriptor(hub)
        described["resources"] += [_written(feed, kind, of_kind) for kind, of_kind in _by_kind(work, hub).items()]
        rows = work.rows // work.hubs + (hub < work.rows % work.hubs)
        answers = hub_answers(np.random.default_rng([work.seed, hub]), rows, work.bad, hub, instrument)
        text = pa.table({name: answers[name].cast(pa.string()) for name in answers.column_names})
        text = _spoilt(text, work.worst) if work.worst else text
        pa_csv.write_csv(text, feed / "answers.csv", pa_csv.WriteOptions(quoting_style="none"))
        (feed / "datapackage.json").write_text(json.dumps(described, indent=2), encoding="utf-8")
    return feeds


def hub_name(hub: int) -> str:
    """The id of hub number ``hub``."""
    return f"hub-{hub:03d}"


def write_returns(folder: Path, work: Work, instrument: Instrument) -> list[Path]:
    """Accepted returns as the judge leaves them, a Parquet file a hub, none of them bad. Left alone if they exist."""
    # The judge takes half a second to import, and contenders import this module.
    from hubs.judge.rowfiles import ParquetFile
    from hubs.judge.tables import STRETCH_ROWS

    files = []
    for hub in range(work.hubs):
        file = folder / f"{hub_name(hub)}.parquet"
        files.append(file)
        if file.exists():
            continue
        folder.mkdir(parents=True, exist_ok=True)
        rows = work.rows // work.hubs + (hub < work.rows % work.hubs)
        answers = hub_answers(np.random.default_rng([work.seed, hub]), rows, 0, hub, instrument)
        typed = {name: answers[name] for name in answers.column_names}
        level = answers["level"].cast(pa.string())
        typed["level"] = pc.if_else(pc.equal(level, "na"), pa.scalar(None, pa.string()), level).cast(pa.int8())
        sector = answers["sector"].cast(pa.string())
        typed["sector"] = pc.if_else(pc.equal(sector, ""), hub_sector(hub), sector).dictionary_encode()
        table = pa.table(typed | {"row": np.arange(1, rows + 1)})
        with ParquetFile(file, file.with_suffix(".aside")) as written:
            for start in range(0, rows, STRETCH_ROWS):
                written.write(table.slice(start, STRETCH_ROWS))
    return files


def descriptor(hub: int) -> dict[str, Any]:
    """The Data Package descriptor of a generated feed without documents."""
    return {
        "$schema": "https://datapackage.org/profiles/2.0/datapackage.json",
        "name": hub_name(hub),
        "hubpacks": {"contract": "1"},
        "resources": [{"name": "answers", "path": "answers.csv", "kind": "assessment", "format": "csv"}],
    }


def hub_sector(hub: int) -> str:
    """The sector of hub number ``hub``."""
    sectors = list(vocabulary("sectors").terms)
    return sectors[hub % len(sectors)]


def hub_answers(rng: np.random.Generator, rows: int, bad: float, hub: int, instrument: Instrument) -> pa.Table:
    """Answers of one hub: the contract's columns as dictionaries, ``rows`` rows, organisation by organisation."""
    questions = {a: [q.id for q in instrument.asked_of(a)] for a in vocabulary("audiences").terms}
    audiences = list(questions)
    per_organisation = sum(len(q) for q in questions.values()) * (1 + RESPONDENTS) / 2
    n = int(rows / (per_organisation * ANSWERED)) + RESPONDENTS * 2
    # One respondent after another of one audience, then of the other; then the next organisation.
    respondents = rng.integers(1, RESPONDENTS + 1, size=(n, len(audiences)))
    organisation = np.repeat(np.arange(n), respondents.sum(axis=1))
    audience = np.repeat(np.tile(np.arange(len(audiences)), n), respondents.ravel())
    asked = np.array([len(questions[a]) for a in audiences])[audience]
    row_respondent = np.repeat(np.arange(len(audience)), asked)
    first_question = np.cumsum([0, *(len(q) for q in questions.values())])[:-1]
    number = np.arange(len(row_respondent)) - np.repeat(np.cumsum(asked) - asked, asked)
    row_question = first_question[audience[row_respondent]] + number
    kept = np.flatnonzero(rng.random(len(row_respondent)) < ANSWERED)[:rows]
    if len(kept) < rows:
        kept = np.arange(rows)
    row_respondent, row_question = row_respondent[kept], row_question[kept]
    row_organisation, row_audience = organisation[row_respondent], audience[row_respondent]

    types, sizes, regions = (vocabulary(s).terms for s in ("organisation_types", "size_bands", "regions"))
    size = rng.choice(len(sizes), size=n, p=[0.15, 0.25, 0.25, 0.2, 0.1, 0.05])
    stated = ["", hub_sector(hub + 1)]
    maturity = np.clip(rng.normal(1.2 + 0.35 * size + 0.1 * (hub % 7), 0.8), 0, 5)
    level = np.clip(np.rint(maturity[row_organisation] + rng.normal(0, 0.9, rows)), 0, 5).astype(int)
    level[rng.random(rows) < 0.03] = 6
    codes = {
        "organisation": (row_organisation, _keys(rng, n)),
        "respondent": (row_respondent, _keys(rng, len(audience))),
        "audience": (row_audience, audiences),
        "organisation_type": (rng.integers(0, len(types), n)[row_organisation], list(types)),
        "size_band": (size[row_organisation], list(sizes)),
        "region": (rng.integers(0, len(regions), n)[row_organisation], list(regions)),
        "sector": ((rng.random(n) < 0.1).astype(int)[row_organisation], stated),
        "period": ((np.arange(n) * len(PERIODS) // n)[row_organisation], list(PERIODS)),
        "instrument": (np.zeros(rows, int), [instrument.name]),
        "question": (row_question, [q for a in audiences for q in questions[a]]),
        "level": (level, ["0", "1", "2", "3", "4", "5", "na"]),
    }
    table = {name: [np.array(c), list(values)] for name, (c, values) in codes.items()}
    _spoil(table, rng, rng.choice(rows, size=round(rows * bad), replace=False))
    assert list(table) == [column.name for column in table_kinds()["assessment"].columns]
    return pa.table(
        {n: pa.DictionaryArray.from_arrays(pa.array(c, pa.int32()), pa.array(v)) for n, (c, v) in table.items()}
    )


def _keys(rng: np.random.Generator, n: int) -> list[str]:
    text = rng.bytes(n * 8).hex()
    return [text[i : i + 16] for i in range(0, len(text), 16)]


def _spoil(table: dict[str, list[Any]], rng: np.random.Generator, rows: np.ndarray) -> None:
    """Make ``rows`` bad, in turn in each way of ``BAD_KINDS``."""
    wrong = {
        "level_out_of_range": ("level", "9"),
        "unknown_region": ("region", "Narnia"),
        "invalid_period": ("period", "last year"),
        "missing_value": ("size_band", ""),
        "unknown_question": ("question", "no-such-question"),
    }
    for i, kind in enumerate(BAD_KINDS):
        chosen = np.sort(rows[i :: len(BAD_KINDS)])
        if kind == "duplicate_answer":
            chosen = chosen[chosen > 0]
            for codes, _ in table.values():
                codes[chosen] = codes[chosen - 1]
        else:
            name, value = wrong[kind]
            codes, values = table[name]
            codes[chosen] = len(values)
            values.append(value)


def _spoilt(rows: pa.Table, how: str) -> pa.Table:
    """``rows`` with every one of them bad, in the way ``how`` of ``WORST``."""
    numbers = range(rows.num_rows)
    if how == "repeated keys":
        return rows.take(pa.array([i // 2 * 2 for i in numbers]))
    if how == "unknown questions":
        return rows.set_column(rows.column_names.index("question"), "question", [[f"no-{i}" for i in numbers]])
    if how == "levels out of range":
        return rows.set_column(rows.column_names.index("level"), "level", [[str(i + 6) for i in numbers]])
    padding = "~" * LONG_CHARACTERS if how == "long rubbish" else ""
    return pa.table({name: [f"{name[:3]}! {i:x}{padding}" for i in numbers] for name in rows.column_names})


# Documents.


def hub_documents(work: Work, hub: int) -> Iterator[tuple[str, dict[str, Any]]]:
    """The documents of one hub, each its kind and its fields. What one of them says depends on the seed, its number and
    how many documents each hub has alone: one that was taken from another follows it wherever that is.
    """
    for number in range(hub * work.documents, (hub + 1) * work.documents):
        yield _document(work, number)


def _document(work: Work, number: int) -> tuple[str, dict[str, Any]]:
    origin, how = _origin(work, number)
    heading, sentences = _sentences(work, origin)
    own = np.random.default_rng([work.seed, number, 1])
    if how == "near-duplicate":
        sentences[own.integers(len(sentences)), own.integers(SENTENCE_WORDS)] = own.choice(WORDS)
    elif how == "near-copy":
        heading = own.choice(WORDS, len(heading))
        kept = round(COPIED * len(sentences))
        start = own.integers(kept + 1)  # a passage, as people edit
        sentences[start : start + len(sentences) - kept] = own.choice(WORDS, (len(sentences) - kept, SENTENCE_WORDS))
    sectors, technologies, audiences = (
        sorted(own.choice(list(vocabulary(name).terms), own.integers(1, 3), replace=False).tolist())
        for name in ("sectors", "technology_types", "audiences")
    )
    fields: dict[str, Any] = {
        "id": f"document-{number}",
        "sectors": sectors,
        "technology_types": technologies,
        "published": str(date(2025, 1, 1) + timedelta(days=number % 600)),
        "language": "en",
        "licence": "OGL-UK-3.0",
    }
    lines = [f"{' '.join(sentence).capitalize()}." for sentence in sentences.tolist()]
    title = " ".join(heading.tolist()).capitalize()
    if _is_question(origin):
        return "faq", fields | {"question": f"{title}?", "audience": audiences, "answer": " ".join(lines) + "\n"}
    parts = np.array_split(lines, len(SECTIONS))
    body = "\n\n".join(f"## {name}\n\n{' '.join(part)}" for name, part in zip(SECTIONS, parts, strict=True))
    about = {"organisations": [f"Sample {heading[0].title()} Council"], "standards_used": [heading[1].title()]}
    return "case_study", fields | about | {"title": title, "summary": " ".join(lines[:2]), "body": f"{body}\n"}


def _origin(work: Work, number: int) -> tuple[int, str]:
    """Which document's text this one has, and how it was taken: its own where it was not."""
    random = np.random.default_rng([work.seed, number, 0])
    share, which = random.random(), int(random.integers(max(number, 1)))
    if not number or share >= work.near_duplicates + work.near_copies:
        return number, ""
    how = "near-duplicate" if share < work.near_duplicates else "near-copy"
    return _origin(work, which)[0], how


def _sentences(work: Work, number: int) -> tuple[np.ndarray, np.ndarray]:
    """The words of the heading, and of each sentence (sentences × words)."""
    random = np.random.default_rng([work.seed, number, 2])
    sentences = ANSWER_SENTENCES if _is_question(number) else STUDY_SENTENCES
    words = random.choice(WORDS, (sentences + 1, SENTENCE_WORDS))
    return words[0, : SENTENCE_WORDS // 2], words[1:]


def _is_question(number: int) -> bool:
    return number % QUESTIONS_EVERY == QUESTIONS_EVERY - 1


def _by_kind(work: Work, hub: int) -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = {}
    for kind, fields in hub_documents(work, hub):
        found.setdefault(kind, []).append(fields)
    return found


def _written(feed: Path, kind: str, documents: list[dict[str, Any]]) -> dict[str, Any]:
    """The resource of the descriptor with these ``documents``, each now a Markdown file in ``feed``."""
    name, text = {"case_study": ("case-studies", "body"), "faq": ("questions", "answer")}[kind]
    (feed / name).mkdir(exist_ok=True)
    for fields in documents:
        # JSON is YAML too.
        front = json.dumps({key: value for key, value in fields.items() if key != text}, indent=1)
        (feed / name / f"{fields['id']}.md").write_text(f"---\n{front}\n---\n{fields[text]}", encoding="utf-8")
    return {"name": name, "path": [f"{name}/{fields['id']}.md" for fields in documents], "kind": kind}
