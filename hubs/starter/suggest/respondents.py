"""Guessing which columns of a survey say who answered, and when."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from hubs.contract.kinds.assessment import PERIOD_PATTERN
from hubs.mapping.readers.rows import column_name
from hubs.starter.suggest.doubts import Guess, listed, shown
from hubs.starter.suggest.fields import MANY, MOST
from hubs.starter.suggest.folder import Table
from hubs.starter.suggest.questions import Column, Known, first_called
from hubs.starter.suggest.values import terms

ORGANISATION = (
    *("organisation", "organisation_name", "organization", "organization_name", "council", "authority", "body"),
    *("company", "employer", "centre", "trust", "school", "agency", "department", "institution", "organisation_code"),
    *("country", "name_of_organisation", "your_organisation", "local_authority", "provider", "site"),
)
RESPONDENT = (
    *("respondent", "respondent_id", "response_id", "reply", "participant", "participant_id", "id", "submission_id"),
    *("case_id", "submission", "record_id", "user_id", "responseid", "row_id", "reference"),
)
_TOTAL = re.compile(r"(?i)\b(median|mean|total|average|overall|all organisations|benchmark)\b")


def about_respondents(table: Table, columns: list[Column], asked: set[int], known: Known) -> dict[str, Any]:
    """Where the columns that describe a respondent come from. ``asked`` are the columns that hold answers."""
    rest = [column for column in columns if column.number not in asked]
    organisation = first_called(rest, ORGANISATION)
    respondent = first_called([column for column in rest if column is not organisation], RESPONDENT)
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
    if respondent is not None and len(respondent.answers) >= MOST * len(table.rows):
        about["respondent"] = {"column": respondent.name, "hash": True}
    else:
        about["respondent"] = Guess(
            {"from": "row", "hash": True}, ("no column tells respondents apart, so each row is one.",)
        )
    audience = _scheme_column("audience", "audiences", rest, None)
    about["audience"] = audience or Guess(
        {"constant": "decision_maker"}, ("nothing says who answered; decision_maker or procurement_professional.",)
    )
    for name, scheme, default in (
        ("organisation_type", "organisation_types", "other"),
        ("size_band", "size_bands", "not_stated"),
        ("region", "regions", "not_stated"),
    ):
        doubt = f"no column gives the {name.replace('_', ' ')} in words that the vocabulary {scheme} knows."
        about[name] = _scheme_column(name, scheme, rest, default) or Guess({"constant": default}, (doubt,))
    about["period"] = _period(table, rest)
    doubt = f"the instrument of which most questions are found: {len(known.matches)}."
    about["instrument"] = Guess({"constant": known.instrument}, (doubt,) if known.matches else ())
    return about


def _scheme_column(name: str, scheme: str, columns: list[Column], default: str | None) -> Guess | None:
    """The column whose values are terms: by its values first, since headings of surveys are sentences. ``default`` is
    the term for what is none.
    """
    best: tuple[float, Column] | None = None
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


def _band_column(columns: list[Column]) -> Guess | None:
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


def _period(table: Table, columns: list[Column]) -> Any:
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


def rule_for_totals(columns: list[Column], about: Mapping[str, Any]) -> dict[str, Any] | None:
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
