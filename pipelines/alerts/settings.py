"""To whom alerts go, by which ways and how often: the table ``[alerts]`` of the settings, or ``HUBPACKS_ALERTS_…``."""

from __future__ import annotations

import os
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from pipelines.post import Refused, is_loopback
from pipelines.post.mail import PORTS, Server
from pipelines.post.webhook import Hook
from pipelines.settings import UnusableSettings, table

_VARIABLE = r"^[A-Z][A-Z0-9_]*$"
_MAILBOX = r"^[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]+@[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?$"
_SERVER = r"^(?:[A-Za-z0-9.-]+|\[[0-9a-fA-F:]+\])(?::[0-9]{1,5})?$"


def _listed(value: object) -> object:
    return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value


Mailbox = Annotated[str, Field(pattern=_MAILBOX)]


class Settings(BaseModel):
    """The settings of alerts. Without ``smtp`` and without ``webhook`` nothing is sent."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    smtp: str | None = Field(None, pattern=_SERVER, description="Mail server, as host or host:port.")
    sender: Mailbox | None = Field(None, alias="from", description="Mailbox that alerts come from.")
    to: Annotated[tuple[Mailbox, ...], BeforeValidator(_listed)] = Field(
        (), description="Mailboxes of the operator, who is told everything."
    )
    tls: Literal["starttls", "tls", "none"] = Field(
        "starttls", description="How mail is encrypted; none for a server on this machine alone."
    )
    user: str | None = Field(None, description="Name to log in with at the mail server.")
    password: str | None = Field(
        None, pattern=_VARIABLE, description="Name of the environment variable that has the password."
    )
    webhook: str | None = Field(None, description="Address that gets every message as JSON too.")
    webhook_secret: str | None = Field(
        None, pattern=_VARIABLE, description="Name of the environment variable whose text signs it."
    )
    hubs: bool = Field(False, description="Whether a hub's contact is told of what is the hub's to mend.")
    digest_days: int = Field(7, ge=0, le=366, description="Days from one list of all that lasts to the next; 0: none.")
    pause_minutes: int = Field(
        60,
        ge=0,
        description="Between the first two messages of a day to the same recipient; then twice as long.",
    )
    most_a_day: int = Field(6, ge=1, description="Messages to the same recipient within 24 hours.")
    disk_free_bytes: int = Field(5 << 30, ge=0, description="Room on a disk below which it is low.")
    schedule: bool = Field(True, description="Whether somebody is told when what was due has not been attempted.")

    @model_validator(mode="after")
    def _fits_together(self) -> Settings:
        if self.smtp and not self.sender:
            raise ValueError("smtp needs from, the mailbox that alerts come from")
        if self.smtp and not self.to:
            raise ValueError("smtp needs to, the mailboxes of the operator")
        if self.smtp and self.tls == "none" and not is_loopback(self._host_and_port()[0]):
            raise ValueError('tls = "none" is for a server on this machine alone; write "starttls" or "tls"')
        if bool(self.user) != bool(self.password):
            raise ValueError("user and password, the name of a variable, go together")
        if self.webhook:
            try:
                Hook(self.webhook)
            except Refused as error:
                raise ValueError(str(error)) from None
        return self

    @property
    def is_sending(self) -> bool:
        """Whether there is any way by which to tell anybody."""
        return bool(self.smtp or self.webhook)

    def server(self) -> Server | None:
        """The mail server, None when there is none. Raises UnusableSettings when its password is not set."""
        if not self.smtp:
            return None
        host, port = self._host_and_port()
        return Server(host, port or PORTS[self.tls], self.tls, self.user, _secret("password", self.password))

    def hook(self) -> Hook | None:
        """The webhook, None when there is none. Raises UnusableSettings when its secret is not set, or is none."""
        if not self.webhook:
            return None
        try:
            return Hook(self.webhook, _secret("webhook_secret", self.webhook_secret))
        except Refused as error:
            raise UnusableSettings(f"[alerts] {error}") from None

    def _host_and_port(self) -> tuple[str, int]:
        text = self.smtp or ""
        if text.startswith("["):
            host, _, rest = text[1:].partition("]")
            return host, int(rest.lstrip(":") or 0)
        host, _, port = text.partition(":")
        return host, int(port or 0)


def read_settings() -> Settings:
    """The settings as they are set. Raises UnusableSettings."""
    names = {field.alias or name for name, field in Settings.model_fields.items()}
    told: dict[str, Any] = table("alerts", names)
    try:
        return Settings.model_validate(told)
    except ValidationError as error:
        problems = "; ".join(": ".join(filter(None, [".".join(map(str, e["loc"])), e["msg"]])) for e in error.errors())
        raise UnusableSettings(f"settings of alerts: {problems}") from None


def _secret(setting: str, variable: str | None) -> str | None:
    if variable is None:
        return None
    found = os.environ.get(variable, "")
    if not found:
        raise UnusableSettings(f"[alerts] {setting} names the variable {variable}, which is not set")
    return found
