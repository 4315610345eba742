"""Guessing how a survey is read, with a row a respondent or a row an answer.

Questions are found in the known instruments by their wording; what is not found there is a doubt, never an answer.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from hubs.contract.kinds import table_kinds
from hubs.contract.kinds.assessment import PERIOD_PATTERN
from hubs.contract.vocabularies import vocabulary
from hubs.instruments import Instrument
from hubs.mapping.readers.rows import column_name
from hubs.mapping.readers.workbook import as_text
from hubs.mapping.text import folded
from hubs.starter.look import Table
from hubs.starter.notes import Guess, listed, shown
from hubs.starter.rules import MANY, MOST, SOME
from hubs.starter.scales import Scale, scale_of, shares_of
from hubs.starter.tables import Reading, base
from hubs.starter.values import likeness, terms, words

ALIKE = 0.72
"""Likeness from which a column's wording is taken for that of a question."""
FEWEST_ANSWERED = 3
"""Columns of answers, and rows of each question, from which a table is a survey."""
FEWEST_ASKING, FEWEST_WORDS = 2, 4
"""Fewer columns will do if their names ask something, or have the words of a sentence."""
MOST_NAMED = 15
MOST_CODED, MOST_CODES = 6, 500
"""Columns and rows of a table that says what codes mean which are looked at."""
MAX_HEADER_CHARACTERS = 400
LONG_NAME = 60
"""Characters of a column's name beyond which a beginning of it is enough, if no other begins so."""
_ORGANISATION = (
    *(
        "organisation",
        "organisation_name",
        "organization",
        "organization_name",
        "council",
        "authority",
        "body",
        "company",
    ),
    *("employer", "centre", "trust", "school", "agency", "department", "institution", "organisation_code", "country"),
    *("name_of_organisation", "your_organisation", "local_authority", "provider", "site"),
)
_RESPONDENT = (
    *("respondent", "respondent_id", "response_id", "reply", "participant", "participant_id", "id", "submission_id"),
    *("case_id", "submission", "record_id", "user_id", "responseid", "row_id", "reference"),
)
_TOTAL = re.compile(r"(?i)\b(median|mean|total|average|overall|all organisations|benchmark)\b")
_LEVEL = ("level", "score", "response", "answer", "value", "rating", "result", "mark")
_QUESTION = ("question", "question_id", "questionid", "item", "measure", "indicator", "variable", "code")


@dataclass(frozen=True, eq=False)
class _Column:
    """A column of a survey with its different answers and their counts."""

    number: int
    name: str
    answers: Counter[str]

    @cached_property
    def scale(self) -> Scale | None:
        """The scale of its answers; None if they are on none, so are words or names."""
        return scale_of(self.answers)

    @cached_property
    def shares(self) -> Scale | None:
        """A scale for numbers of any size, such as shares, which only the hub can really say."""
        return shares_of(self.answers)


def survey(table: Table, others: list[Table], banks: Mapping[str, Instrument]) -> Reading | None:
    """How the table is read if it is a survey; None if it is none. ``others`` are all tables of the folder: some say
    what the codes of another mean.
    """
    columns = [
        _Column(number, name, Counter(as_text(cell)[:MAX_HEADER_CHARACTERS] for cell in table.values(number)))
        for number, name in enumerate(table.columns)
    ]
    native = {column.name for column in table_kinds()["assessment"].columns if column.required}
    if native <= {folded(name) for name in table.columns}:
        return Reading(_native_source(table))
    if _is_long(table, columns):
        return _long(table, columns, others, banks)
    named = {_called(columns, _ORGANISATION), _called(columns, _RESPONDENT)}
    scales = [column for column in columns if column.name and column not in named and column.scale is not None]
    asking = [column for column in scales if "?" in column.name or len(column.name.split()) >= FEWEST_WORDS]
    is_survey = len(asking) >= FEWEST_ASKING or len(scales) >= max(FEWEST_ANSWERED, SOME * len(columns))
    if not is_survey and not [match for match in _known_questions(columns, banks).matches if match.column.scale]:
        return None
    return _wide(table, columns, scales, banks)


def _native_source(table: Table) -> dict[str, Any]:
    return base(table, "assessment", "table") | {
        "columns": {name: column for column in table.columns if (name := folded(column)) != column and name},
        "expect": {"columns": [c for c in table.columns if folded(c) in ("question", "level")]},
    }


def _called(columns: list[_Column], names: tuple[str, ...]) -> _Column | None:
    """The first column called by one of the names, the likeliest name first."""
    for name in names:
        for column in columns:
            if column_name(column.name) == name:
                return column
    return None


def _is_long(table: Table, columns: list[_Column]) -> bool:
    """Whether there is a column of questions, each many times, and one of their answers."""
    question, level = _called(columns, _QUESTION), _called(columns, _LEVEL)
    if question is None or level is None or question == level:
        return False
    return len(question.answers) * FEWEST_ANSWERED <= len(table.rows)


def question_text(header: str) -> list[str]:
    """What a column may ask: its whole header, and what survey tools put into brackets, without their codes."""
    header = header[:MAX_HEADER_CHARACTERS]
    texts = []
    for line in header.split("\n")[:MOST_CODED]:
        bare = re.sub(r"^[\w.]{1,20}(?:\[[^\]]{0,20}\])?\s*[.:)]\s+", "", line)
        texts += [*re.findall(r"\[([^\]]{12,})\]", bare), bare]
    return texts


@dataclass(frozen=True)
class _Match:
    question: str
    column: _Column
    likeness: float
    wording: str


@dataclass(frozen=True)
class _Known:
    """An instrument and which of its questions are asked."""

    instrument: str
    matches: list[_Match]


def _known_questions(columns: list[_Column], banks: Mapping[str, Instrument]) -> _Known:
    """The instrument that most columns ask, and which of its questions each asks. Each question and column but once."""
    best = _Known(min(banks, default="instrument-v1"), [])
    for name, bank in sorted(banks.items()):
        texts = {question.id: words(question.text["en"]) for question in bank.questions.values()}
        pairs = []
        for column in columns:
            asked = [words(text) for text in question_text(column.name)]
            for identifier, text in texts.items():
                if column_name(column.name) == column_name(identifier):
                    pairs.append(_Match(identifier, column, 1.0, bank.questions[identifier].text["en"]))
                elif (alike := max((likeness(one, text) for one in asked if _may_be(one, text)), default=0.0)) >= ALIKE:
                    pairs.append(_Match(identifier, column, alike, bank.questions[identifier].text["en"]))
        chosen: list[_Match] = []
        for pair in sorted(pairs, key=lambda pair: (-pair.likeness, pair.column.number, pair.question)):
            if pair.question not in {c.question for c in chosen} and pair.column not in [c.column for c in chosen]:
                chosen.append(pair)
        if len(chosen) > len(best.matches):
            best = _Known(name, chosen)
    return best


def _may_be(one: list[str], other: list[str]) -> bool:
    """Whether two texts share words enough to be alike at all: the quick half of a slow question."""
    return 2 * len(set(one) & set(other)) >= ALIKE * min(len(one), len(other))


def _wide(table: Table, columns: list[_Column], scales: list[_Column], banks: Mapping[str, Instrument]) -> Reading:
    known = _known_questions(columns, banks)
    usable = [match for match in known.matches if match.column.scale or match.column.shares]
    asked = {match.column.number for match in usable} | {column.number for column in scales}
    settings = base(table, "assessment", "table")
    settings["columns"] = _about(table, columns, asked, known)
    if drop := _totals(columns, settings["columns"]):
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
                _match_doubts(match),
            )
            for match in usable
        },
    }
    settings["other_columns"] = Guess(
        "Columns that no question of the instrument asks; never read.", _unmatched(scales, usable, banks)
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


def _named_scales(columns: list[_Column]) -> dict[str, Scale]:
    """The scales of the columns by name: alike ones are one, of which no two parts contradict one another."""
    named: dict[str, Scale] = {}
    for column in columns:
        scale = column.scale or column.shares
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


def _scale_name(column: _Column, named: Mapping[str, Scale]) -> str:
    scale = column.scale or column.shares
    return "" if scale is None else _place(scale, named)


def _totals(columns: list[_Column], about: Mapping[str, Any]) -> dict[str, Any] | None:
    """A rule that leaves out rows about all organisations together."""
    origin = about["organisation"].value
    if "column" not in origin:
        return None
    column = next(column for column in columns if column.name == origin["column"])
    totals = sorted(name for name in column.answers if _TOTAL.search(re.sub(r"_", " ", name)))
    if not totals or len(totals) > MOST * len(column.answers):
        return None
    doubt = f"{len(totals)} values sound like figures over all: {', '.join(shown(name) for name in totals[:6])}."
    return {"column": Guess(column.name, (doubt,)), "in": totals, "reason": "Figures over all organisations."}


def _match_doubts(match: _Match) -> tuple[str, ...]:
    if match.likeness == 1.0:
        return ()
    return (f"taken for '{shown(match.wording)}' because {match.likeness:.0%} of the wording is alike.",)


def _column_pattern(name: str, columns: list[str]) -> str:
    """The column's name, or a beginning of it that no other column has."""
    if len(name) <= LONG_NAME and "*" not in name:
        return name
    for length in (30, 60, 120):
        start = name[:length].rstrip()
        if sum(column.startswith(start) for column in columns) == 1:
            return f"{start}*"
    return name


def _unmatched(scales: list[_Column], usable: list[_Match], banks: Mapping[str, Instrument]) -> tuple[str, ...]:
    taken = {match.column.number for match in usable}
    left = [column for column in scales if column.number not in taken]
    if not left:
        return ()
    texts = {f"{name} {q.id}": words(q.text["en"]) for name, bank in banks.items() for q in bank.questions.values()}
    lines = [f"{len(left)} columns have answers on a scale, but no question of an instrument is worded alike:"]
    for column in left[:MOST_NAMED]:
        asked = words(question_text(column.name)[0])
        alike, nearest = max(((likeness(asked, text), name) for name, text in texts.items()), default=(0.0, ""))
        hint = f" (nearest: {nearest}, {alike:.0%})" if alike > SOME else ""
        lines.append(f"'{shown(column.name)}'{hint}")
    if len(left) > MOST_NAMED:
        lines.append(f"and {len(left) - MOST_NAMED} more")
    return ("\n".join(lines),)


def _about(table: Table, columns: list[_Column], asked: set[int], known: _Known) -> dict[str, Any]:
    """Where the columns that describe a respondent come from. ``asked`` are the columns that hold answers."""
    rest = [column for column in columns if column.number not in asked]
    organisation = _called(rest, _ORGANISATION)
    respondent = _called([column for column in rest if column is not organisation], _RESPONDENT)
    about: dict[str, Any] = {}
    if organisation is not None:
        doubt = (
            f"'{shown(organisation.name)}' is taken for the organisation ({len(organisation.answers)} different in "
            f"{len(table.rows)} rows). Names become keys; random keys of your own are safer."
        )
        about["organisation"] = Guess({"column": organisation.name, "hash": True}, (doubt,))
    else:
        doubt = "no column names the organisation, so each row counts as an organisation of its own."
        about["organisation"] = Guess({"from": "row", "hash": True}, (doubt,))
    is_unique = respondent is not None and len(respondent.answers) >= MOST * len(table.rows)
    if respondent is not None and is_unique:
        about["respondent"] = {"column": respondent.name, "hash": True}
    else:
        about["respondent"] = Guess(
            {"from": "row", "hash": True}, ("no column tells respondents apart, so each row is one.",)
        )
    audience = _scheme_column("audience", "audiences", rest)
    about["audience"] = audience or Guess(
        {"constant": "decision_maker"}, ("nothing says who answered; decision_maker or procurement_professional.",)
    )
    for name, scheme, default in (
        ("organisation_type", "organisation_types", "other"),
        ("size_band", "size_bands", "not_stated"),
        ("region", "regions", "not_stated"),
    ):
        doubt = f"no column gives the {name.replace('_', ' ')} in words that the vocabulary {scheme} knows."
        about[name] = _scheme_column(name, scheme, rest) or Guess({"constant": default}, (doubt,))
    about["period"] = _period(table, rest)
    doubt = f"the instrument of which most questions are found: {len(known.matches)}."
    about["instrument"] = Guess({"constant": known.instrument}, (doubt,) if known.matches else ())
    return about


def _scheme_column(name: str, scheme: str, columns: list[_Column]) -> Guess | None:
    """The column whose values are terms: by its values first, since headings of surveys are sentences."""
    best: tuple[float, _Column] | None = None
    for column in columns:
        if not column.answers or len(column.answers) > 60 or not any(c.isalpha() for c in "".join(column.answers)):  # noqa: PLR2004
            continue
        share = terms(scheme, column.answers).share + (0.3 if column_name(column.name) == name else 0)
        if share >= 0.5 and (best is None or share > best[0]):  # noqa: PLR2004
            best = share, column
    if best is None:
        return _band_column(columns) if scheme == "size_bands" else None
    column = best[1]
    found = terms(scheme, column.answers)
    default = {"organisation_types": "other"}.get(scheme, "not_stated" if "not_stated" in vocabulary(scheme) else None)
    rule: dict[str, Any] = {"column": column.name}
    table = {value: term for value, term in (found.known | found.near).items() if value != term}
    if table:
        rule["map"] = dict(sorted(table.items()))
    doubts = (
        []
        if column_name(column.name) == name
        else [f"'{shown(column.name)}' is taken for the {name.replace('_', ' ')}."]
    )
    if found.unknown and default:
        rule |= {"otherwise": default}
        doubts.append(f"no term is like these, so they count as {default}: {listed(found.unknown)}.")
    if default:
        rule["default"] = default
    return Guess(rule, tuple(doubts))


_BANDS = ((50, "under_50"), (250, "50_to_249"), (1_000, "250_to_999"), (5_000, "1000_to_4999"))


def _band_column(columns: list[_Column]) -> Guess | None:
    """A column of ranges of staff, such as 50-249."""
    for column in columns:
        if not re.search(r"(?i)\b(staff|employees|size|headcount|fte)\b", column.name) or len(column.answers) > 20:  # noqa: PLR2004
            continue
        table = {answer: band for answer in column.answers if (band := _band(answer)) is not None}
        if len(table) >= MANY * len(column.answers):
            pairs = ", ".join(f"'{shown(answer)}' as {band}" for answer, band in sorted(table.items())[:8])
            rule = {
                "column": column.name,
                "map": dict(sorted(table.items())),
                "otherwise": "not_stated",
                "default": "not_stated",
            }
            return Guess(rule, (f"bands of staff are taken by their upper ends: {pairs}.",))
    return None


def _band(answer: str) -> str | None:
    numbers = [int(number.replace(",", "")) for number in re.findall(r"\d[\d,]*", answer)[:2]]
    if not numbers:
        return None
    is_open = bool(re.search(r"(?i)\+|over|more|above|and up", answer))
    top = (
        numbers[-1] + 1
        if is_open and len(numbers) == 1
        else numbers[-1] - bool(re.search(r"(?i)under|below|less", answer))
    )
    return next((band for limit, band in _BANDS if top < limit), "5000_and_over")


def _period(table: Table, columns: list[_Column]) -> Any:
    for column in columns:
        if column_name(column.name) in ("period", "year", "quarter", "survey_year", "wave"):
            fits = all(re.fullmatch(PERIOD_PATTERN, answer) for answer in column.answers)
            if column.answers and fits:
                return {"column": column.name}
    named = re.search(r"20\d\d(?:[-_ ]?Q[1-4])?", table.name.rsplit("/", 1)[-1], re.IGNORECASE)
    where = named or re.search(r"20\d\d(?:[-_ ]?Q[1-4])?", table.name, re.IGNORECASE)
    if where:
        period = re.sub(r"[-_ ]?[qQ]", "-Q", where[0])
        return Guess({"constant": period}, (f"read out of the file's name, {shown(table.name)}.",))
    return Guess({"constant": "2026"}, ("nothing says when it was answered: put the year or the quarter, as 2026-Q3.",))


def _long(table: Table, columns: list[_Column], others: list[Table], banks: Mapping[str, Instrument]) -> Reading | None:
    """A table with a row an answer."""
    question, level = _called(columns, _QUESTION), _called(columns, _LEVEL)
    if question is None or level is None:
        return None
    wordings = _wordings(question, table, others)
    asked = [_Column(number, wordings.get(code, code), Counter()) for number, code in enumerate(question.answers)]
    codes = list(question.answers)
    known = _known_questions(asked, banks)
    settings = base(table, "assessment", "table")
    about = _about(table, columns, {question.number, level.number}, known)
    about["respondent"] = Guess(
        about["organisation"].value, ("nothing tells the respondents of an organisation apart.",)
    )
    if drop := _totals(columns, about):
        settings["drop_rows"] = [drop]
    places = {codes[match.column.number]: match for match in known.matches}
    doubts = [f"'{shown(code)}': {doubt}" for code, match in places.items() for doubt in _match_doubts(match)]
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
    scale = level.scale or level.shares or Scale("levels", {"na": "na"}, note="the answers are on no known scale.")
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


def _wordings(question: _Column, table: Table, others: list[Table]) -> dict[str, str]:
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
