"""What every kind is made of: typed documents and table specifications. No kind of its own lives here."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Annotated, Any

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
        return [part.strip() for part in value.split(";") if part.strip()]
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


_LIST = Field(max_length=MAX_LIST)
_LIST_NOT_EMPTY = Field(min_length=1, max_length=MAX_LIST)

LocalId = Annotated[str, AfterValidator(_identifier), WithJsonSchema({"type": "string", "pattern": ID_PATTERN})]
IsoDate = Annotated[date, BeforeValidator(_iso_date)]
Text = Annotated[str, Field(min_length=1, max_length=300)]
LongText = Annotated[str, Field(min_length=1, max_length=MAX_BODY_CHARACTERS)]
Texts = Annotated[list[Text], BeforeValidator(_as_list), AfterValidator(_unique), _LIST]
Language = Annotated[str, InVocabulary("languages", "unknown_language")]
Licence = Annotated[str, InVocabulary("licences", "closed_licence")]
Sector = Annotated[str, InVocabulary("sectors", "unknown_sector")]
Sectors = Annotated[list[Sector], BeforeValidator(_as_list), AfterValidator(_unique), _LIST_NOT_EMPTY]
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
    def abstract(self) -> str | None:
        """One or two plain sentences for lists and search, where the kind has a field for them."""
        return None


@dataclass(frozen=True)
class DocumentKind:
    """A kind whose records are documents.

    ``missing`` names the finding code for each required field; ``heading`` and ``text`` name the fields that a
    Markdown file's title and body fill; ``warn`` gives further findings (code, field) about a valid record.
    """

    name: str
    label_en: str
    label_cy: str
    plural_en: str
    plural_cy: str
    model: type[Document]
    heading: str
    text: str
    missing: dict[str, str]
    warn: Callable[[Any], list[tuple[str, str]]]

    def label(self, language: str, count: int = 1) -> str:
        """Singular or plural name in ``en`` or ``cy``. Welsh keeps the singular after a number."""
        if language == "cy":
            return self.label_cy if count == 1 else self.plural_cy
        return self.label_en if count == 1 else self.plural_en


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
