"""Why the intake says no: stable codes, each with status, reason and mend, as problem details (RFC 9457).

A code that the judge knows too has the judge's words. What is wrong inside a feed is the judge's to say.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from starlette.responses import JSONResponse

from hubs.contract.findings import CODES, Who

MEDIA_TYPE = "application/problem+json"


@dataclass(frozen=True)
class Refusal:
    """The meaning of a code."""

    status: int
    why: str
    mend: str
    who: Who = Who.EDITOR


def _judges(status: int, code: str) -> Refusal:
    """A refusal for what the judge would say too, in the judge's words."""
    return Refusal(status, CODES[code].why, CODES[code].mend, CODES[code].who)


REFUSALS: dict[str, Refusal] = {
    "unknown_token": Refusal(
        401, "The token is missing, or is none of ours.", "Copy the whole token, or ask CCS for a new one."
    ),
    "expired_token": Refusal(401, "The token's time is over.", "Ask CCS for a new one."),
    "revoked_token": Refusal(401, "The token has been called back.", "Ask CCS for a new one."),
    "other_hub": Refusal(
        403, "The token is not of the hub that the address names.", "Use the address of your own hub, or its token."
    ),
    "not_a_hub": Refusal(
        403,
        "The token's hub is not registered any more, or its registration cannot be used.",
        "Ask CCS; nothing that you have published is lost.",
        Who.CCS,
    ),
    "unknown_hub": Refusal(
        404, "No hub of that name is registered.", "Choose one of the hubs that the start page lists, or none."
    ),
    "not_found": Refusal(404, "There is nothing at this address, or not for you.", "Check the address."),
    "method_not_allowed": Refusal(
        405, "The address cannot be used in this way.", "Look it up in the API's document, /openapi.json."
    ),
    "slow_upload": Refusal(
        408,
        "The upload stood still, or came too slowly.",
        "Send it again; over a slow line send a smaller feed.",
        Who.TECHNICAL,
    ),
    "old_submission": _judges(409, "old_submission"),
    "too_large": _judges(413, "too_large"),
    "no_file": Refusal(400, "The request brings no file.", "Choose a zip, a workbook or another file of yours."),
    "bad_request": Refusal(
        400,
        "The request cannot be read.",
        "Send the file as it is, or as multipart/form-data with one part called feed.",
        Who.TECHNICAL,
    ),
    "unknown_host": Refusal(400, "The service is not called by this name.", "Use its public address.", Who.TECHNICAL),
    "foreign_form": Refusal(
        403,
        "The form was not sent from a page of this service, or the page was too old.",
        "Open the page again, and send the form from there.",
    ),
    "too_many_requests": Refusal(429, "Too much at once.", "Wait a little, then try again."),
    "busy": Refusal(503, "There is too much to do at the moment.", "Try again in a minute."),
    "no_room": Refusal(507, "The disk is full.", "Nothing was kept. Tell CCS, and send it again later.", Who.CCS),
    "broken": Refusal(
        500, "Something has failed here; the fault is ours.", "Try again later, and tell CCS if it stays so.", Who.CCS
    ),
}
"""Every code the intake refuses with. Listed in the docs by a test."""


class Refused(Exception):
    """The request is refused. ``detail`` adds what the code alone cannot say; ``retry_seconds`` when to come again."""

    def __init__(self, code: str, detail: str | None = None, retry_seconds: int | None = None) -> None:
        super().__init__(code)
        self.code, self.detail, self.retry_seconds = code, detail, retry_seconds

    @property
    def refusal(self) -> Refusal:
        """What the code means."""
        return REFUSALS[self.code]

    @property
    def headers(self) -> dict[str, str]:
        """Headers that belong to the refusal."""
        headers = {"Retry-After": str(self.retry_seconds)} if self.retry_seconds else {}
        if self.refusal.status == 401:  # noqa: PLR2004
            headers["WWW-Authenticate"] = 'Bearer realm="hubpacks"'
        if self.code in ("too_large", "slow_upload"):  # what is left of the body is not read
            headers["Connection"] = "close"
        return headers

    def to_dict(self) -> dict[str, Any]:
        """Problem details."""
        refusal = self.refusal
        return {
            "type": f"/codes#{self.code}",
            "title": refusal.why,
            "status": refusal.status,
            "detail": self.detail or refusal.mend,
            "code": self.code,
            "why": refusal.why,
            "mend": refusal.mend,
            "who": refusal.who.value,
        }

    def response(self) -> JSONResponse:
        """The refusal for a program."""
        return JSONResponse(self.to_dict(), self.refusal.status, self.headers, media_type=MEDIA_TYPE)
