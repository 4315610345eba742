"""Guessing how a survey is read, with a row a respondent or a row an answer.

Which questions it asks is found in ``questions``, who answered in ``respondents``, what the answers mean in ``scales``.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from hubs.contract.kinds import table_kinds
from hubs.instruments import Instrument
from hubs.mapping.readers.rows import column_name
from hubs.mapping.readers.workbook import as_text
from hubs.starter.suggest.doubts import Guess, listed, shown
from hubs.starter.suggest.fields import SOME
from hubs.starter.suggest.folder import Table
from hubs.starter.suggest.questions import (
    MAX_HEADER_CHARACTERS,
    MOST_NAMED,
    Column,
    Known,
    first_called,
    known_questions,
    match_doubts,
    unmatched,
)
from hubs.starter.suggest.respondents import ORGANISATION, RESPONDENT, about_respondents, rule_for_totals
from hubs.starter.suggest.scales import Scale
from hubs.starter.suggest.tables import Reading, base

FEWEST_ANSWERED = 3
"""Columns of answers, and rows of each question, from which a table is a survey."""
FEWEST_ASKING, FEWEST_WORDS = 2, 4
"""Fewer columns will do if their names ask something, or have the words of a sentence."""
MOST_CODED, MOST_CODES = 6, 500
"""Columns and rows of a table that says what codes mean which are looked at."""
LONG_NAME = 60
"""Characters of a column's name beyond which a beginning of it is enough, if no other begins so."""
_LEVEL = ("level", "score", "response", "answer", "value", "rating", "result", "mark")
_QUESTION = ("question", "question_id", "questionid", "item", "measure", "indicator", "variable", "code")


def survey(table: Table, others: list[Table], banks: Mapping[str, Instrument]) -> Reading | None:
    """How the table is read if it is a survey; None if it is none. ``others`` are all tables of the folder: some say
    what the codes of another mean.
    """
    columns = [
        Column(number, name, Counter(as_text(cell)[:MAX_HEADER_CHARACTERS] for cell in table.values(number)))
        for number, name in enumerate(table.columns)
    ]
    native = {column.name for column in table_kinds()["assessment"].columns if column.required}
    if native <= {column_name(name) for name in table.columns}:
        return Reading(_native_source(table))
    if (found := _long(table, columns, others, banks)) is not None:
        return found
    named = {first_called(columns, ORGANISATION), first_called(columns, RESPONDENT)}
    scales = [column for column in columns if column.name and column not in named and column.scale is not None]
    asking = [column for column in scales if "?" in column.name or len(column.name.split()) >= FEWEST_WORDS]
    is_survey = len(asking) >= FEWEST_ASKING or len(scales) >= max(FEWEST_ANSWERED, SOME * len(columns))
    known = known_questions(columns, banks)
    if not is_survey and not any(match.column.scale for match in known.matches):
        return None
    return _wide(table, columns, scales, known, banks)


def _native_source(table: Table) -> dict[str, Any]:
    return base(table, "assessment", "table") | {
        "columns": {name: column for column in table.columns if (name := column_name(column)) != column and name},
        "expect": {"columns": [c for c in table.columns if column_name(c) in ("question", "level")]},
    }


def _wide(
    table: Table, columns: list[Column], scales: list[Column], known: Known, banks: Mapping[str, Instrument]
) -> Reading:
    """A table with a row a respondent."""
    usable = [match for match in known.matches if match.column.levels]
    asked = {match.column.number for match in usable} | {column.number for column in scales}
    settings = base(table, "assessment", "table")
    settings["columns"] = about_respondents(table, columns, asked, known)
    if drop := rule_for_totals(columns, settings["columns"]):
        settings["drop_rows"] = [drop]
    found = [match.column for match in usable] or scales
    named = _named_scales(found)
    settings["wide"] = {
        "scales": {name: Guess(scale.settings, (scale.note,)) for name, scale in named.items()},
        "questions": {
            match.question: Guess(
                {
                    "column": _column_pattern(match.column.name, table.columns),
                    "scale": _scale_name(match.column, named),
                },
                match_doubts(match),
            )
            for match in usable
        },
    }
    settings["other_columns"] = Guess(
        "Columns that no question of the instrument asks; never read.", unmatched(scales, usable, banks)
    )
    if usable:
        return Reading(settings)
    doubt = (
        f"{table.label} is taken for a survey with a row a respondent: {len(table.rows)} rows were seen and "
        f"{len(scales)} columns with answers on a scale. None of its questions is worded as one of a known instrument "
        f"({', '.join(sorted(banks)) or 'there is none'}), so it is left out. Give each question its place below, take "
        "the marks # away, and take the file out of skip:."
    )
    settings["wide"]["questions"] = {
        f"question-{number}": {
            "column": _column_pattern(column.name, table.columns),
            "scale": _scale_name(column, named),
        }
        for number, column in enumerate(scales[:MOST_NAMED], 1)
    }
    return Reading(None, "A survey whose questions have no place in an instrument yet.", [doubt], draft=settings)


def _named_scales(columns: list[Column]) -> dict[str, Scale]:
    """The scales of the columns by name: alike ones are one, of which no two parts contradict one another."""
    named: dict[str, Scale] = {}
    for column in columns:
        scale = column.levels
        if scale is None:
            continue
        name = _place(scale, named)
        known = named.get(name, scale)
        named[name] = replace(known, name=name, map=known.map | scale.map)
    return named


def _place(scale: Scale, named: Mapping[str, Scale]) -> str:
    """The name under which a scale is kept: that of a like one, or a new one."""
    name, number = scale.name, 2
    while name in named and not _agree(scale, named[name]):
        name, number = f"{scale.name}_{number}", number + 1
    return name


def _agree(one: Scale, other: Scale) -> bool:
    same = all(other.map.get(text, level) == level for text, level in one.map.items())
    return one.bins == other.bins and same


def _scale_name(column: Column, named: Mapping[str, Scale]) -> str:
    scale = column.levels
    return "" if scale is None else _place(scale, named)


def _column_pattern(name: str, columns: list[str]) -> str:
    """The column's name, or a beginning of it that no other column has."""
    if len(name) <= LONG_NAME and "*" not in name:
        return name
    for length in (30, 60, 120):
        start = name[:length].rstrip()
        if sum(column.startswith(start) for column in columns) == 1:
            return f"{start}*"
    return name


def _long(table: Table, columns: list[Column], others: list[Table], banks: Mapping[str, Instrument]) -> Reading | None:
    """A table with a row an answer: one column names questions, each many times, and one has their answers."""
    question, level = first_called(columns, _QUESTION), first_called(columns, _LEVEL)
    if question is None or level is None or question == level:
        return None
    if len(question.answers) * FEWEST_ANSWERED > len(table.rows):
        return None
    wordings = _wordings(question, table, others)
    asked = [Column(number, wordings.get(code, code), Counter()) for number, code in enumerate(question.answers)]
    codes = list(question.answers)
    known = known_questions(asked, banks)
    settings = base(table, "assessment", "table")
    about = about_respondents(table, columns, {question.number, level.number}, known)
    about["respondent"] = Guess(
        about["organisation"].value, ("nothing tells the respondents of an organisation apart.",)
    )
    if drop := rule_for_totals(columns, about):
        settings["drop_rows"] = [drop]
    places = {codes[match.column.number]: match for match in known.matches}
    doubts = [f"'{shown(code)}': {doubt}" for code, match in places.items() for doubt in match_doubts(match)]
    if len(places) < len(codes):
        left = Counter({code: count for code, count in question.answers.items() if code not in places})
        doubts.append(f"{len(left)} of {len(codes)} questions have no place and are left out: {listed(left)}.")
    about["question"] = Guess(
        {
            "column": question.name,
            "map": {code: match.question for code, match in sorted(places.items())},
            "unmapped": "drop",
        },
        tuple(doubts),
    )
    scale = level.levels or Scale("levels", {"na": "na"}, note="the answers are on no known scale.")
    about["level"] = Guess({"column": level.name} | scale.settings, (scale.note,))
    settings["columns"] = about
    settings["other_columns"] = "Not needed for the answers; never read."
    if places:
        return Reading(settings)
    about["question"] = {"column": question.name, "map": dict.fromkeys(codes[:MOST_NAMED], "question-id")}
    doubt = (
        f"{table.label} is taken for a survey with a row an answer: '{shown(question.name)}' names the question, "
        f"'{shown(level.name)}' has the answer. None of the questions is known to an instrument "
        f"({', '.join(sorted(banks)) or 'there is none'}): {listed(question.answers)}. It is left out until each has "
        "its place below."
    )
    return Reading(None, "A survey whose questions have no place in an instrument yet.", [doubt], draft=settings)


def _wordings(question: Column, table: Table, others: list[Table]) -> dict[str, str]:
    """What the codes of questions mean, from another table with a row for many of them: its texts, a line each."""
    best: dict[str, str] = {}
    for other in others:
        if other is table:
            continue
        for position in range(min(len(other.columns), MOST_CODED)):
            found: dict[str, str] = {}
            for row in other.rows[:MOST_CODES]:
                code = as_text(row[position]) if position < len(row) else ""
                if code in question.answers and code not in found:
                    found[code] = _telling_text([cell for number, cell in enumerate(row) if number != position])
            if len(found) > max(len(best), SOME * len(question.answers)):
                best = found
    return {code: text for code, text in best.items() if text}


def _telling_text(cells: list[Any]) -> str:
    """A row's texts that may be the wording of a question, a line each."""
    texts = [" ".join(as_text(cell).split())[:MAX_HEADER_CHARACTERS] for cell in cells[:MOST_CODED]]
    return "\n".join(text for text in texts if len(text.split()) > 1)
