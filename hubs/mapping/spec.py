"""What a registration may say about reading a feed of another shape: typed data, checked on load, never code.

Applying it is ``hubs.mapping.fields`` (documents) and ``hubs.mapping.columns`` (tables); advice about a mapping that is
valid but doubtful is ``hubs.mapping.lint``.
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from hubs.contract.kinds import record_kinds, table_kinds

MAX_PATTERN_CHARACTERS = 200
MAX_WAYS = 30_000_000
"""In which a pattern may be tried on one text before it fails: some tenths of a second."""
MAX_MATCHED_CHARACTERS = 300
"""A pattern only ever sees this much of a name or a heading, so that none can hold up a run."""

_PATTERN_TOKEN = re.compile(
    r"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]|(?P<opening>\()|(?P<closing>\))|(?P<bar>\|)"
    r"|(?P<repeat>[*+]|\{(?P<least>\d*),(?P<most>\d*)\})[?+]?|(?P<optional>\?)[?+]?|\(\?|.",
    re.DOTALL,
)
_REPEATED_GROUP = re.compile(r"(?<!\\)\)(?:[*+]|\{)")


def _guarded(pattern: str) -> str:
    """A regular expression that cannot run away: short, no repeated groups, few ways to be tried."""
    if len(pattern) > MAX_PATTERN_CHARACTERS:
        raise ValueError(f"a pattern may have at most {MAX_PATTERN_CHARACTERS} characters")
    try:
        re.compile(pattern)
    except (re.error, OverflowError) as error:
        raise ValueError(f"not a regular expression: {error}") from error
    if _REPEATED_GROUP.search(pattern):
        raise ValueError("a group may not be repeated with *, + or {}: it can take for ever")
    if _ways(pattern) > MAX_WAYS:
        raise ValueError(
            "can be tried in too many ways, so it can take for ever: begin it with ^, and use fewer *, +, {}, ? and |"
        )
    return pattern


def _ways(pattern: str) -> int:
    """At most in how many ways a pattern without repeated groups can be tried on a text before it fails."""
    # What ends a pattern has nothing after it that could fail, so it is tried once.
    pattern = re.sub(r"(?<!\\)[*+][?+]?(\)*)$", r"\1", pattern)
    groups = [(0, 1)]  # for each open group: the ways of its alternatives so far, and of the present one
    for token in _PATTERN_TOKEN.finditer(pattern):
        done, here = groups[-1]
        if token["opening"]:
            groups.append((0, 1))
        elif token["closing"]:
            groups.pop()
            groups[-1] = groups[-1][0], groups[-1][1] * (done + here)
        elif token["bar"]:
            groups[-1] = done + here, 1
        elif token["repeat"]:
            least, most = int(token["least"] or 0), int(token["most"] or MAX_MATCHED_CHARACTERS)
            groups[-1] = done, here * max(min(most, MAX_MATCHED_CHARACTERS) - least + 1, 1)
        elif token["optional"] and pattern[token.start() - 1] != "(":  # (?: and its like open a group
            groups[-1] = done, here * 2
    is_anchored = pattern.startswith("^") and not groups[0][0]
    return sum(groups[0]) * (1 if is_anchored else MAX_MATCHED_CHARACTERS)


def _date_format(form: str) -> str:
    try:
        datetime.strptime("", form)  # noqa: DTZ007 - only asks whether the format can be used
    except re.error as error:
        raise ValueError(f"'{form}' names a part of the day twice") from error
    except ValueError:  # the empty text is no day, which says nothing about the format
        return form
    return form


def _safe_glob(glob: str) -> str:
    if glob.startswith("/") or ".." in glob.split("/"):
        raise ValueError("must be relative to the feed and stay inside it")
    return glob


def _as_tuple(value: object) -> object:
    """One value stands for a list of one."""
    return (value,) if isinstance(value, str | dict) else value


Pattern = Annotated[str, AfterValidator(_guarded)]
Glob = Annotated[str, Field(min_length=1), AfterValidator(_safe_glob)]
Globs = Annotated[tuple[Glob, ...], BeforeValidator(_as_tuple), Field(min_length=1)]
Names = Annotated[tuple[str, ...], BeforeValidator(_as_tuple)]
DateFormats = Annotated[tuple[Annotated[str, AfterValidator(_date_format)], ...], BeforeValidator(_as_tuple)]
Scalar = str | int | float | bool | None


class _Strict(BaseModel):
    # Compiled at the first use: a registration compiles what it is made of, and hardly any is used by itself.
    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True, defer_build=True)


class SkipRule(_Strict):
    """Files left out on purpose."""

    glob: Globs
    reason: str = Field(min_length=1)


class Expect(_Strict):
    """What the source looks like. When it no longer does, the feed is held and the message says why."""

    files_min: int = Field(1, ge=0)
    files_max: int | None = Field(None, ge=1)
    keys: Names = Field((), description="Front-matter keys or columns that records have.")
    keys_share: float = Field(0.9, gt=0, le=1, description="Share of the records that have each of the keys.")
    columns: Names = Field((), description="Columns that each table has.")
    rows_min: int = Field(0, ge=0, description="Least rows over all tables of the source.")


# Documents.


class Rule(_Strict):
    """One way to find a field. Exactly one of ``key``, ``constant``, ``from`` and ``keywords`` says where to look;
    the rest says what to do with what is found, in the order in which it stands here.
    """

    key: str | None = Field(None, description="Front-matter key or column; dots lead into nested keys.")
    constant: str | tuple[str, ...] | None = None
    origin: (
        Literal["first_heading", "first_paragraph", "section", "body", "file_name", "folder_name", "place", "git_date"]
        | None
    ) = Field(None, alias="from")
    keywords: dict[str, Names] | None = Field(None, description="Term to the words that stand for it in the heading.")
    under: Names = Field((), description="Headings under which a section or a first paragraph is looked for.")
    match: Pattern | None = Field(None, description="Keeps the part that matches, or its first group.")
    dates: DateFormats = Field((), description="Formats of dates, as in strptime.")
    split: str | None = Field(None, min_length=1, description="Separator between values.")
    map: dict[str, str | tuple[str, ...]] | None = Field(None, description="Their value to ours.")
    unmapped: Literal["error", "drop", "next"] = Field(
        "error",
        description="A value that neither map nor vocabulary knows: pass it on to be judged, leave it out with a "
        "note, or go on to the next rule.",
    )
    around: str | None = Field(None, description="Text around the value, which takes the place of {}.")
    limit: int | None = Field(None, ge=20, description="Most characters; cut at the end of a sentence or word.")

    @model_validator(mode="after")
    def _one_origin(self) -> Rule:
        ways = [self.key, self.constant, self.origin, self.keywords]
        if sum(way is not None for way in ways) != 1:
            raise ValueError("needs exactly one of key, constant, from and keywords")
        if self.origin == "section" and not self.under:
            raise ValueError("from: section needs the heading in under:")
        if self.around is not None and self.around.count("{}") != 1:
            raise ValueError("around: must hold {} once, where the value goes")
        return self


def _as_rules(value: object) -> object:
    """A name stands for a key, and one rule for a list of one."""
    entries = value if isinstance(value, list | tuple) else [value]
    return tuple({"key": entry} if isinstance(entry, str) else entry for entry in entries)


Rules = Annotated[tuple[Rule, ...], BeforeValidator(_as_rules)]


class SkipWhen(_Strict):
    """A record left out on purpose: the one condition given, and the reason."""

    key: str | None = None
    equals: Scalar | tuple[Scalar, ...] = Field(None, description="Value, or values, of key.")
    state: Literal["missing", "present"] | None = Field(None, description="Whether key has a value at all.")
    matches: Pattern | None = Field(None, description="Pattern in the value of key, or in the place without a key.")
    body_shorter_than: int | None = Field(None, ge=1, description="Characters of plain text.")
    reason: str = Field(min_length=1)

    @model_validator(mode="after")
    def _one_condition(self) -> SkipWhen:
        given = [
            "equals" in self.model_fields_set,
            self.state is not None,
            self.matches is not None,
            self.body_shorter_than is not None,
        ]
        if sum(given) != 1:
            raise ValueError("needs exactly one of equals, state, matches and body_shorter_than")
        if self.key is None and (given[0] or given[1]):
            raise ValueError("needs the key to look at")
        return self


class Body(_Strict):
    """How a text is tidied. What makes it safe to show is done at publication, not here."""

    first_heading: Literal["keep", "drop_if_title", "drop"] = "drop_if_title"
    drop_headings: Names = Field((), description="Headings that say nothing, such as 'Case study'; only the line goes.")
    simple_html: Literal["to_markdown", "keep"] = "to_markdown"


class _SourceBase(_Strict):
    name: str | None = None
    kind: str
    glob: Globs
    exclude: Globs | tuple[()] = ()
    expect: Expect = Expect()

    @property
    def label(self) -> str:
        """How messages call the source."""
        return self.name or ", ".join(self.glob)

    @property
    def needs_git_dates(self) -> bool:
        """Whether a rule asks for the date of a file's last commit."""
        return False


class _DocumentSource(_SourceBase):
    fields: dict[str, Rules] = {}
    skip_when: tuple[SkipWhen, ...] = ()
    body: Body = Body()

    @property
    def needs_git_dates(self) -> bool:
        return any(rule.origin == "git_date" for rules in self.fields.values() for rule in rules)

    @model_validator(mode="after")
    def _document_kind(self) -> _DocumentSource:
        if self.kind not in record_kinds():
            raise ValueError(f"kind: '{self.kind}' is not a kind of document ({', '.join(record_kinds())})")
        return self


class Join(_Strict):
    """Several files that are one record together: those of one folder, in this order. The first that is there gives
    the fields. Other files of the folder are left alone.
    """

    order: Names = Field(min_length=1, description="File names in the order of reading.")
    headings: dict[str, str] = Field({}, description="File name to the heading that its part gets instead of its own.")


class MarkdownSource(_DocumentSource):
    """One record a file: Markdown with or without front matter."""

    reader: Literal["markdown"]
    join: Join | None = None


class FaqPageSource(_DocumentSource):
    """Many records a file: headings (of one level) or lines (that match) are questions, what follows the answers."""

    reader: Literal["faq_page"]
    level: int | None = Field(None, ge=1, le=6, description="Level of the headings that are questions.")
    line: Pattern | None = Field(
        None,
        description="Pattern of the line that is a question; first group its text, second (if any) where the answer "
        "begins.",
    )
    question: Pattern | None = Field(None, description="Headings that do not match are no question.")
    answer_prefix: str | None = Field(None, description="What stands before each answer, such as 'A:'.")

    @model_validator(mode="after")
    def _one_way(self) -> FaqPageSource:
        if (self.level is None) == (self.line is None):
            raise ValueError("needs either level or line")
        return self


class RowsSource(_DocumentSource):
    """One record a row: CSV, JSON, JSON Lines, or a sheet of a workbook."""

    reader: Literal["rows"]
    sheet: str | None = None
    header_row: int = Field(1, ge=1)


# Tables.


class Lookup(_Strict):
    """A value from another table of the feed, found by a key that both share."""

    file: Glob
    key: str = Field(description="Column of the other table that holds the key.")
    column: str = Field(description="Column of the other table that holds the value.")


class ColumnRule(_Strict):
    """Where a column of the contract comes from. Exactly one of ``column``, ``constant`` and ``from``."""

    column: Names | None = Field(
        None, description="Column of the file; the first that it has. A final * matches a beginning."
    )
    constant: str | None = None
    origin: Literal["file_name", "folder_name", "row"] | None = Field(None, alias="from")
    match: Pattern | None = None
    lookup: Lookup | None = None
    map: dict[str, str] | None = None
    bins: tuple[float, ...] = Field((), description="Lower edges of levels 1, 2, …; below the first is level 0.")
    unmapped: Literal["error", "drop"] = Field(
        "error", description="A value not mapped: pass it on to be judged, or leave the answer out."
    )
    otherwise: str | None = Field(None, description="Stands for all values that are not mapped.")
    default: str | None = Field(None, description="Stands where nothing is.")
    hash: bool = Field(False, description="Turn names into keys that do not show them.")

    @model_validator(mode="after")
    def _one_origin(self) -> ColumnRule:
        if sum(way is not None for way in (self.column, self.constant, self.origin)) != 1:
            raise ValueError("needs exactly one of column, constant and from")
        if list(self.bins) != sorted(set(self.bins)):
            raise ValueError("bins: must rise")
        return self


def _as_column(value: object) -> object:
    """A name stands for a column."""
    return {"column": value} if isinstance(value, str) else value


class DropRows(_Strict):
    """Rows left out on purpose, by the value of a column of the file."""

    column: str
    values: Names = Field((), alias="in")
    keep: Names = Field((), alias="not_in")
    reason: str = Field(min_length=1)

    @model_validator(mode="after")
    def _one_way(self) -> DropRows:
        if bool(self.values) == bool(self.keep):
            raise ValueError("needs either in or not_in")
        return self


class Scale(_Strict):
    """How answers become levels 0 to 5 or na."""

    map: dict[str, str] | None = None
    bins: tuple[float, ...] = ()
    unmapped: Literal["error", "drop"] = "error"

    @model_validator(mode="after")
    def _something(self) -> Scale:
        if self.map is None and not self.bins:
            raise ValueError("needs map or bins")
        return self


class WideQuestion(_Strict):
    """One question of a table with a row a respondent."""

    column: Names = Field(min_length=1, description="The first that the file has. A final * matches a beginning.")
    scale: str


class Wide(_Strict):
    """A row a respondent: columns become questions, cells levels. An empty cell is no answer."""

    scales: dict[str, Scale] = Field(min_length=1)
    questions: dict[str, WideQuestion] = Field(min_length=1)

    @model_validator(mode="after")
    def _known_scales(self) -> Wide:
        for name, question in self.questions.items():
            if question.scale not in self.scales:
                raise ValueError(f"questions.{name}: no scale '{question.scale}'")
        return self


class TableSource(_SourceBase):
    """Tables: CSV, Parquet or a sheet. A row an answer, or (with ``wide``) a row a respondent."""

    reader: Literal["table"]
    sheet: str | None = None
    header_row: int = Field(1, ge=1, description="Line that names the columns; data start on the next.")
    columns: dict[str, Annotated[ColumnRule, BeforeValidator(_as_column)]] = {}
    wide: Wide | None = None
    drop_rows: tuple[DropRows, ...] = ()
    other_columns: str | None = Field(None, description="Why all other columns are left unread.")

    @model_validator(mode="after")
    def _table_kind(self) -> TableSource:
        if self.kind not in table_kinds():
            raise ValueError(f"kind: '{self.kind}' is not a kind of table ({', '.join(table_kinds())})")
        if self.wide and {"question", "level"} & set(self.columns):
            raise ValueError("columns: question and level come from wide:")
        return self


DocumentSource = MarkdownSource | FaqPageSource | RowsSource
Source = Annotated[MarkdownSource | FaqPageSource | RowsSource | TableSource, Field(discriminator="reader")]
"""One set of files of one kind, read one way."""


def flat(value: Any) -> list[Any]:
    """``value`` as a list: nothing is empty, one value a list of one."""
    if value is None:
        return []
    return list(value) if isinstance(value, list | tuple) else [value]
