"""Registrations: one YAML file a hub says who it is, where its feed is and how to read it. Data, never code."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic_core import ErrorDetails

from hubs.contract.kinds.base import Audience, Licence, Sector
from hubs.csvfile import UnusableCsv
from hubs.mapping.spec import SkipRule, Source
from hubs.publications import read_publications
from hubs.register import read_register
from hubs.yamlfile import UnreadableYaml, read_yaml

HUB_ID_PATTERN = r"^[a-z][a-z0-9-]{1,59}$"
_POINTER = r"^(/[^/]*)*$"
HubId = Annotated[str, Field(pattern=HUB_ID_PATTERN)]

CADENCE = {
    "weekly": timedelta(days=7),
    "monthly": timedelta(days=31),
    "quarterly": timedelta(days=92),
    "yearly": timedelta(days=366),
}
"""How long a hub may take between two changes before its feed counts as stale."""
UNREGISTERED = "unregistered"
"""Id of a hub that nobody has registered. What its feed says of itself is compared with nothing."""
INTAKE = "intake"
"""The address of a hub that sends its feed through the intake and has it nowhere else."""
RECORDS_FILE = "records.json"
"""The one file of a feed that comes page by page: a JSON list of the records of all pages."""


_NOT_READING = {
    *("address", "secret", "private_address", "endpoint", "host_key", "public_key", "paging", "time_limit_minutes"),
    *("breaker", "cadence", "carry_for_days", "owner", "data_contact", "register_file", "published_file"),
}


class _Strict(BaseModel):
    # Compiled at the first use, so once and as a whole, and not each part by itself before.
    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)


class Name(_Strict):
    """A name in English and, where there is one, Welsh."""

    en: str = Field(min_length=1)
    cy: str | None = None

    def label(self, language: str) -> str:
        """The name in ``en`` or ``cy``, English where there is no Welsh one."""
        return self.cy if language == "cy" and self.cy else self.en


class Contact(_Strict):
    """A role and how to reach it. Never a person's name."""

    role: str = Field(min_length=1)
    email: str | None = None


class Paging(_Strict):
    """How to walk through an address that answers with JSON a page at a time. Pointers are JSON Pointers (RFC 6901)."""

    records: str = Field("", pattern=_POINTER, description="Where the list of records stands; empty: the page is it.")
    next: str = Field(
        "", pattern=_POINTER, description="Where the next page's address stands; empty: in the header Link, rel=next."
    )
    total: str | None = Field(
        None, pattern=_POINTER, description="Where the number of all records stands; pages that miss it are no feed."
    )


class Breaker(_Strict):
    """From where on a change is held until the hub confirms it. Shares are of what the last good feed had."""

    shrinkage_share: float = Field(
        0.3, gt=0, le=1, description="Share of records, or of rows of returns, that is lost."
    )
    cut_share: float = Field(
        0.1, gt=0, le=1, description="The same, when what is lost is the end of a file or whole files."
    )
    rekeyed_share: float = Field(0.1, gt=0, le=1, description="Share of records whose content comes under another id.")


class Registration(_Strict):
    """One hub. Without ``sources`` its feed must follow the contract as it is."""

    model_config = ConfigDict(populate_by_name=True)

    id: HubId
    name: Name
    sector: Sector = Field(description="Sector of the hub; default for its records and returns.")
    owner: Contact
    data_contact: Contact
    address: str = Field(
        min_length=1,
        description="Folder or zip (relative to this file), an http(s), git+https, git+file, s3 or sftp address, "
        "or the word intake.",
    )
    sample: bool = Field(False, description="The content was written to show how hubpacks works.")
    retired: bool = Field(False, description="The hub has left; its content is retired on purpose.")
    contract: Literal["1"] = "1"
    cadence: Literal["weekly", "monthly", "quarterly", "yearly"] = "quarterly"
    carry_for_days: int = Field(365, ge=1, description="How long the last good feed may be carried forward.")
    licence: Licence | None = Field(None, description="Licence of records that state none.")
    language: Literal["en", "cy"] = Field("en", description="Language of records that state none.")
    audience: list[Audience] = Field([], description="Audience of questions that state none.")
    secret: str | None = Field(
        None,
        pattern=r"^[A-Z][A-Z0-9_]*$",
        description="Environment variable with what opens the address: a token, an access key, a password or a private "
        "key.",
    )
    private_address: bool = Field(
        False, description="The feed's own host may lie inside a private network, or on this machine."
    )
    endpoint: str | None = Field(None, description="Address of the object store, when it is not Amazon's.")
    host_key: str | None = Field(
        None,
        pattern=r"^[a-z0-9@.-]+ [A-Za-z0-9+/]+=*$",
        description="Public key of the SFTP server's host: type and key.",
    )
    public_key: str | None = Field(
        None,
        pattern=r"^ed25519:[A-Za-z0-9+/]{43}=$",
        description="Key by which the hub signs its feeds. With it no unsigned feed is ever accepted.",
    )
    paging: Paging | None = Field(None, description="How to walk through an address that answers page by page.")
    time_limit_minutes: int = Field(10, ge=1, le=720, description="How long a pull of the feed may take.")
    breaker: Breaker = Field(Breaker(), description="From where on a change is held until the hub confirms it.")
    register_file: str | None = Field(
        None,
        alias="register",
        description="CSV file (relative to this one) with the organisations there are, or their numbers, by type, size "
        "and region; a return whose description fits fewer than 5 of them is made coarser.",
    )
    published_file: str | None = Field(
        None,
        alias="published",
        description="CSV file (relative to this one) with the numbers of organisations that the hub has itself "
        "published of the same returns, so that benchmarks beside them tell nobody more.",
    )
    sources: list[Source] = Field([], description="How to read a feed that keeps a shape of its own.")
    skip: list[SkipRule] = Field([], description="Files left out on purpose, each with a reason.")

    def reading(self) -> dict[str, Any]:
        """What of the registration decides how a feed is read and shown, and not how it is had or weighed."""
        register = Path(self.register_file) if self.register_file else None
        # Where a register lies makes no difference; what stands in it does.
        digest = hashlib.sha256(register.read_bytes()).hexdigest() if register and register.is_file() else None
        return self.model_dump(mode="json", exclude=_NOT_READING) | {"register": digest}

    @property
    def needs_git_dates(self) -> bool:
        """Whether a rule of the mapping asks for the date of a file's last commit."""
        return any(source.needs_git_dates for source in self.sources)


def unregistered(name: str) -> Registration:
    """The registration of a hub that has none yet, and whose feed, called ``name``, follows the contract as it is."""
    unnamed = Contact(role="not registered")
    return Registration(
        id=UNREGISTERED,
        name=Name(en=name or "feed"),
        sector="cross_sector",
        owner=unnamed,
        data_contact=unnamed,
        address=".",
    )


def instrument_folders(beside: Path) -> tuple[Path, ...]:
    """Folders with question banks: the project's own, then ``instruments`` in the folder of the registrations."""
    from hubs.instruments import FOLDER

    own = beside / "instruments"
    return (FOLDER, own) if own.is_dir() else (FOLDER,)


class UnusableRegistration(ValueError):
    """A registration cannot be used. The message names the file, the field and the mend, a line a problem."""


class WrongRegistry(ValueError):
    """A registry knows none of the hubs that a store holds: taking it for theirs would retire them all."""


@dataclass(frozen=True)
class Registry:
    """The registrations of one folder, by hub id, and what was wrong with the others (by file name). ``gone`` are hubs
    that were once registered and whose file is not there any more.
    """

    folder: Path
    hubs: dict[str, Registration]
    problems: dict[str, list[str]]
    gone: frozenset[str] = frozenset()

    @property
    def instrument_folders(self) -> tuple[Path, ...]:
        """Folders with the question banks that its hubs may ask from."""
        return instrument_folders(self.folder)

    def address(self, hub: str) -> str:
        """Where the hub's feed is: a web address or ``INTAKE`` as it stands, a path made absolute."""
        address = self.hubs[hub].address
        return address if "://" in address or address == INTAKE else os.path.realpath(self.folder / address)


def read_registration(path: Path) -> Registration:
    """The registration in ``path``, with the files it names as absolute paths. Raises UnusableRegistration with
    every problem at once.
    """
    try:
        data = read_yaml(path)
    except (UnreadableYaml, OSError) as error:
        raise UnusableRegistration(f"cannot be read: {error}") from error
    if not isinstance(data, dict):
        raise UnusableRegistration("is not a registration: expected fields such as id, name and address")
    try:
        registration = Registration.model_validate(data)
    except ValidationError as error:
        lines = [f"{'.'.join(str(p) for p in e['loc']) or 'file'}: {_in_words(e)}" for e in error.errors()]
        raise UnusableRegistration("\n".join(lines)) from error
    if registration.id != path.stem:
        raise UnusableRegistration(f"id: '{registration.id}' must be the file's name, '{path.stem}'")
    return registration.model_copy(update=dict(_files_beside(path.parent, registration)))


def _files_beside(folder: Path, registration: Registration) -> Iterator[tuple[str, str]]:
    """The files that ``registration`` names, by field, as absolute paths. Raises UnusableRegistration."""
    for field, read in (("register", read_register), ("published", read_publications)):
        named = getattr(registration, f"{field}_file")
        if named is not None:
            path = os.path.realpath(folder / named)
            try:
                read(Path(path))
            except UnusableCsv as error:
                lines = [f"{field}: {named} {line}" for line in str(error).splitlines()]
                raise UnusableRegistration("\n".join(lines)) from error
            yield f"{field}_file", path


def _in_words(problem: ErrorDetails) -> str:
    match problem["type"]:
        case "extra_forbidden":
            return "there is no such field; check its spelling, or take it out"
        case "missing":
            return "is missing; add it"
        case _:
            return problem["msg"]


def read_registry(folder: Path) -> Registry:
    """All registrations in ``folder``. One that is unusable is a problem, and never stops the others.

    Raises OSError when the folder itself cannot be read.
    """
    hubs: dict[str, Registration] = {}
    problems: dict[str, list[str]] = {}
    for path in sorted(p for p in folder.iterdir() if p.suffix in (".yaml", ".yml")):
        try:
            registration = read_registration(path)
        except UnusableRegistration as error:
            problems[path.name] = str(error).splitlines()
        else:
            hubs[registration.id] = registration
    return Registry(folder, hubs, problems)
