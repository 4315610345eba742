"""What one client, one upload and one judgement may take from this machine; and by which names the service is called.

Each is a setting: ``HUBPACKS_INTAKE_<NAME>``, or the table ``[intake]`` of ``hubpacks.toml``.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from pipelines.settings import UnusableSettings, table

LOOPBACK_NAMES = ("localhost", "127.0.0.1", "::1")


def _listed(value: object) -> object:
    return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value


class Limits(BaseModel):
    """The limits of one intake. Times are in seconds. A rate is so many at once, and one more after so many seconds."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    hosts: Annotated[tuple[str, ...], BeforeValidator(_listed)] = Field(
        (), description="Names by which the service is called, beside those of this machine itself."
    )
    site: str = Field(
        "",
        pattern="^(https?://.+/)?$",
        description="Address of the published site, with a slash at its end, for links.",
    )
    behind_proxy: bool = Field(False, description="Whether a proxy on this machine says who the client is.")

    upload_bytes: int = Field(200_000_000, ge=1, description="Size of one upload.")
    uploads_at_once: int = Field(64, ge=1, description="Uploads that are being received; more are asked to wait.")
    connections: int = Field(512, ge=1, description="Open connections.")
    header_seconds: float = Field(10, gt=0, description="For the head of a request.")
    patience_seconds: float = Field(20, gt=0, description="Without a byte, and before the slowest rate counts.")
    slowest_bytes_a_second: int = Field(16_000, ge=0, description="An upload that is slower on average is cut off.")

    judges: int = Field(1, ge=1, description="Feeds judged at once.")
    checks_waiting: int = Field(16, ge=1, description="Feeds without a token that wait for the judge.")
    check_seconds: float = Field(120, gt=0, description="To judge a feed without a token.")
    submission_seconds: float = Field(900, gt=0, description="To judge a submission.")
    judge_memory_bytes: int = Field(4 << 30, ge=1, description="Address space of a judge.")
    judge_disk_bytes: int = Field(4 << 30, ge=1, description="What a judge may write, unpacked feed and all.")
    report_bytes: int = Field(32 << 20, ge=1, description="Size of one report.")

    session_seconds: float = Field(1800, gt=0, description="Without a sign of life, a signed-in browser is signed out.")
    longest_session_seconds: float = Field(8 * 3600, gt=0, description="After so long in any case.")

    requests_at_once: int = Field(300, ge=1, description="Requests of one client.")
    seconds_a_request: float = Field(0.2, gt=0)
    checks_at_once: int = Field(20, ge=1, description="Feeds of one client without a token.")
    seconds_a_check: float = Field(15, gt=0)
    submissions_at_once: int = Field(100, ge=1, description="Submissions with one token.")
    seconds_a_submission: float = Field(30, gt=0)
    wrong_tokens_at_once: int = Field(20, ge=1, description="Tokens of one client that open nothing.")
    seconds_a_wrong_token: float = Field(30, gt=0)

    @property
    def allowed_hosts(self) -> frozenset[str]:
        """Every name that may stand in a request's ``Host``, in lower case and without port."""
        return frozenset({*LOOPBACK_NAMES, *(host.lower() for host in self.hosts)})


def read_limits() -> Limits:
    """The limits as they are set. Raises UnusableSettings."""
    try:
        return Limits.model_validate(table("intake", Limits.model_fields))
    except ValidationError as error:
        problems = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
        raise UnusableSettings(f"settings of the intake: {problems}") from error
