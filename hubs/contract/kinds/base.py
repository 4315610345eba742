"""What every kind is made of: typed documents, notices and table specifications. No kind of its own lives here."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import cached_property
from typing import Annotated, Any, get_args
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    WithJsonSchema,
)
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from hubs.contract.vocabularies import vocabulary

MAX_BODY_CHARACTERS = 200_000
"""About 30,000 words. The longest real record seen is under 45,000 characters."""
MAX_LIST = 50
"""Most values in one list of a record. A hub once sent a record with 34,866 keywords."""

_DAY_CHARACTERS = len("2026-03-31")

MAX_ADDRESS_CHARACTERS = 2_000
"""Of a web address. Longer ones break in browsers and in mail."""

ID_PATTERN = r"^[a-z0-9][a-z0-9._-]{0,119}$"


@dataclass(frozen=True)
class InVocabulary:
    """Annotation: the text is a term of ``scheme``; ``code`` is the finding when it is not."""

    scheme: str
    code: str

    def __get_pydantic_core_schema__(self, source: type[Any], handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_after_validator_function(self._check, handler(source))

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return {"type": "string", "enum": list(vocabulary(self.scheme).terms)}

    def _check(self, value: str) -> str:
        if value not in vocabulary(self.scheme):
            raise PydanticCustomError(self.code, "not in {scheme}", {"scheme": self.scheme})
        return value


def _identifier(value: str) -> str:
    if not re.fullmatch(ID_PATTERN, value):
        raise PydanticCustomError("invalid_id", "not an identifier")
    return value


def _as_list(value: object) -> object:
    """One value, or several parted by semicolons, stand for a list: sheets and front matter are written by hand."""
    if value is None:
        return []
    if isinstance(value, str):
        value = [part.strip() for part in value.split(";") if part.strip()]
    # Said once here, not once a value below.
    if isinstance(value, list) and len(value) > MAX_LIST and len(set(map(str, value))) > MAX_LIST:
        raise PydanticCustomError("too_many_values", "over {most} values", {"most": MAX_LIST})
    return value


def _unique(values: list[str]) -> list[str]:
    return list(dict.fromkeys(values))


def _iso_date(value: object) -> object:
    """Dates come as YYYY-MM-DD, from YAML as dates. Anything else is for the mapping to say."""
    if isinstance(value, str):
        try:
            text = value.strip()
            return date.fromisoformat(text) if len(text) <= _DAY_CHARACTERS else datetime.fromisoformat(text).date()
        except ValueError as error:
            raise PydanticCustomError("invalid_date", "not a date") from error
    if hasattr(value, "date"):  # a date-time of YAML or of a sheet
        return value.date()
    if isinstance(value, date):
        return value
    raise PydanticCustomError("invalid_date", "not a date")


def _web_address(value: str) -> str:
    """An absolute http or https address that anybody may follow: a name and password in it would be given away."""
    try:
        parts = urlsplit(value)
        is_good = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:  # such as an address of the sixth version that does not end, or a port beyond all ports
        is_good = False
    if not is_good or "@" in parts.netloc or re.search(r"[\s<>\"\\^`{|}]|[^\x21-\U0010ffff]", value):
        raise PydanticCustomError("invalid_address", "not a web address")
    return value


_LIST = Field(max_length=MAX_LIST)
_LIST_NOT_EMPTY = Field(min_length=1, max_length=MAX_LIST)

LocalId = Annotated[str, AfterValidator(_identifier), WithJsonSchema({"type": "string", "pattern": ID_PATTERN})]
IsoDate = Annotated[date, BeforeValidator(_iso_date)]
Text = Annotated[str, Field(min_length=1, max_length=300)]
Address = Annotated[
    str,
    Field(min_length=1, max_length=MAX_ADDRESS_CHARACTERS),
    AfterValidator(_web_address),
    WithJsonSchema({"type": "string", "format": "uri", "maxLength": MAX_ADDRESS_CHARACTERS}),
]
LongText = Annotated[str, Field(min_length=1, max_length=MAX_BODY_CHARACTERS)]
Texts = Annotated[list[Text], BeforeValidator(_as_list), AfterValidator(_unique), _LIST]
Language = Annotated[str, InVocabulary("languages", "unknown_language")]
Licence = Annotated[str, InVocabulary("licences", "closed_licence")]
Sector = Annotated[str, InVocabulary("sectors", "unknown_sector")]
Sectors = Annotated[list[Sector], BeforeValidator(_as_list), AfterValidator(_unique), _LIST_NOT_EMPTY]
SectorsOrAll = Annotated[list[Sector], BeforeValidator(_as_list), AfterValidator(_unique), _LIST]
"""Sectors of a record that belongs to every sector when it names none."""
TechnologyType = Annotated[str, InVocabulary("technology_types", "unknown_technology_type")]
TechnologyTypes = Annotated[list[TechnologyType], BeforeValidator(_as_list), AfterValidator(_unique), _LIST]
Audience = Annotated[str, InVocabulary("audiences", "unknown_audience")]
Audiences = Annotated[list[Audience], BeforeValidator(_as_list), AfterValidator(_unique), _LIST_NOT_EMPTY]


class Document(BaseModel):
    """What all documents share. Subclasses add the fields of their kind and say which field is the heading."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)

    id: LocalId = Field(description="Identifier, unique in the hub, never changed and never used again.")
    language: Language = Field(description="Language of the text.")
    translation_of: LocalId | None = Field(None, description="Id of the record of which this is a translation.")
    sectors: Sectors = Field(description="Sectors that can use this.")
    technology_types: TechnologyTypes = Field([], description="Kinds of technology this is about.")
    licence: Licence = Field(description="Open licence under which the text may be used.")
    contact: Text | None = Field(None, description="Role mailbox or page for questions. Not a person's.")
    published: IsoDate | None = Field(None, description="Date of first publication by the hub.")
    updated: IsoDate | None = Field(None, description="Date of the hub's last change.")

    @property
    def heading(self) -> str:
        """What a reader sees in a list."""
        raise NotImplementedError

    @property
    def text(self) -> str:
        """The Markdown to read."""
        raise NotImplementedError

    @property
    def reading(self) -> str:
        """All that makes this record what it is to a reader: two that are alike here are the same record."""
        return f"{self.heading}\n{self.text}"

    @property
    def abstract(self) -> str | None:
        """One or two plain sentences for lists and search, where the kind has a field for them."""
        return None


@dataclass(frozen=True, kw_only=True)
class RecordKind:
    """What the kinds share whose records are typed models, each with fields of its own.

    ``missing`` names the finding code for each required field; ``heading`` and ``text`` name the fields that a
    Markdown file's title and body fill, and ``further_texts`` other fields that hold Markdown; ``sections`` gives the
    headings under which a Markdown body holds fields. ``is_id_derived`` says that a record without an id is known by
    its heading. ``defaults`` are the fields that the hub's registration fills where a record does not.
    """

    name: str
    label_en: str
    label_cy: str
    plural_en: str
    plural_cy: str
    model: type[BaseModel]
    heading: str
    text: str
    missing: dict[str, str]
    further_texts: tuple[str, ...] = ()
    sections: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    is_id_derived: bool = False
    defaults: tuple[str, ...] = ()

    @property
    def texts(self) -> tuple[str, ...]:
        """All fields that hold Markdown, the main one first."""
        return (self.text, *self.further_texts)

    @cached_property
    def schemes(self) -> dict[str, str]:
        """The vocabulary of each field whose values are terms of one."""
        found = {}
        for name, about in self.model.model_fields.items():
            scheme = next(_vocabularies_in((about.annotation, *about.metadata)), None)
            if scheme is not None:
                found[name] = scheme
        return found

    def label(self, language: str, count: int = 1) -> str:
        """Singular or plural name in ``en`` or ``cy``. Welsh keeps the singular after a number."""
        if language == "cy":
            return self.label_cy if count == 1 else self.plural_cy
        return self.label_en if count == 1 else self.plural_en


def _vocabularies_in(annotations: tuple[Any, ...]) -> Iterator[str]:
    for annotation in annotations:
        if isinstance(annotation, InVocabulary):
            yield annotation.scheme
        yield from _vocabularies_in(get_args(annotation))


@dataclass(frozen=True, kw_only=True)
class DocumentKind(RecordKind):
    """A kind whose records are documents to read. ``warn`` gives further findings (code, field) about a valid one;
    ``audiences`` are those for whom every record of the kind is, when records do not say so themselves;
    ``is_glossary`` says that lists of it go by heading, not by age.
    """

    model: type[Document]
    warn: Callable[[Any], list[tuple[str, str]]]
    audiences: tuple[str, ...] = ()
    is_glossary: bool = False


class Notice(BaseModel):
    """What all notices share: each is about one record of the hub."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)

    id: LocalId = Field(description="Id of the hub's record that the notice is about.")


@dataclass(frozen=True, kw_only=True)
class NoticeKind(RecordKind):
    """A kind whose records tell what happens to other records of the hub. They are obeyed, not published."""

    model: type[Notice]


@dataclass(frozen=True)
class Column:
    """A column of a table kind: the one specification behind suites, schemas, writers and docs.

    A value must be in ``vocabulary`` or ``values`` or match ``pattern`` (whole value), whichever is given;
    ``code`` is the finding when it does not. An optional column may be absent or empty.
    """

    name: str
    description_en: str
    description_cy: str
    code: str
    vocabulary: str | None = None
    values: tuple[str, ...] = ()
    pattern: str | None = None
    required: bool = True

    @property
    def is_key(self) -> bool:
        """Whether it holds random keys."""
        return self.code == "invalid_key"

    @property
    def allowed(self) -> tuple[str, ...]:
        """The closed list of values, empty when the column is open."""
        return tuple(vocabulary(self.vocabulary).terms) if self.vocabulary else self.values


@dataclass(frozen=True)
class TableKind:
    """A kind whose records are rows. ``key`` are the columns that must not repeat together."""

    name: str
    label_en: str
    label_cy: str
    plural_en: str
    plural_cy: str
    columns: tuple[Column, ...]
    key: tuple[str, ...]

    def column(self, name: str) -> Column:
        """The column called ``name``. Raises KeyError."""
        for column in self.columns:
            if column.name == name:
                return column
        raise KeyError(name)


DEFAULTS = ("sectors", "licence", "language")
"""What any document may leave to the hub's registration."""

COMMON_MISSING = {
    "id": "missing_id",
    "language": "missing_language",
    "sectors": "missing_sector",
    "licence": "missing_licence",
}


def common_warnings(document: Document) -> list[tuple[str, str]]:
    """Warnings that any document can earn."""
    warnings = []
    if not document.technology_types:
        warnings.append(("missing_technology_type", "technology_types"))
    if document.published is None and document.updated is None:
        warnings.append(("missing_date", "published"))
    return warnings
