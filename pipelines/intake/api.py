"""The same doors for programs: JSON in, JSON out, problem details when it is no. Described in ``openapi.yaml``."""

from __future__ import annotations

import asyncio
import json
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from hubs.check import json_text
from pipelines.intake.problems import Refused
from pipelines.intake.service import Service
from pipelines.tokens import Token

BASE = "/api/v1"


def routes(service: Service) -> list[Route]:
    """The API's addresses."""
    api = _Api(service)
    return [
        Route(f"{BASE}/check", api.check, methods=["POST"]),
        Route(f"{BASE}/token", api.token, methods=["GET"]),
        Route(f"{BASE}/hubs/{{hub}}", api.hub, methods=["GET"]),
        Route(f"{BASE}/hubs/{{hub}}/submissions", api.submissions, methods=["GET"]),
        Route(f"{BASE}/hubs/{{hub}}/submissions", api.submit, methods=["POST"]),
        Route(f"{BASE}/hubs/{{hub}}/submissions/{{submission}}", api.receipt, methods=["GET"]),
        Route("/openapi.json", openapi, methods=["GET"]),
        Route("/healthz", health, methods=["GET"]),
    ]


def address_of(hub: str, submission_id: str) -> str:
    """Where the receipt of a submission is."""
    return f"{BASE}/hubs/{hub}/submissions/{submission_id}"


class _Api:
    def __init__(self, service: Service) -> None:
        self._service = service

    async def check(self, request: Request) -> Response:
        hub = request.query_params.get("hub", "")
        self._service.named(hub)
        self._service.allow_check(request)
        async with self._service.upload(request) as upload:
            judged = await self._service.check(request, upload, hub or upload.fields.get("hub", ""))
        return Response(json_text(judged.report), media_type="application/json")

    async def token(self, request: Request) -> Response:
        token = self._service.holder(request)
        return JSONResponse({"id": token.id, "hub": token.hub, "expires": token.expires.isoformat()})

    async def hub(self, request: Request) -> Response:
        token = self._allowed(request)
        return JSONResponse(await asyncio.to_thread(self._service.hub_page, token.hub))

    async def submissions(self, request: Request) -> Response:
        token = self._allowed(request)
        sent = await asyncio.to_thread(self._service.submissions, token.hub)
        return JSONResponse({"hub": token.hub, "submissions": sent})

    async def submit(self, request: Request) -> Response:
        token = self._allowed(request)
        self._service.allow_submission(token)
        async with self._service.upload(request) as upload:
            submission, is_new = await self._service.submit(token, upload)
        receipt = await asyncio.to_thread(self._service.receipt, token.hub, submission.id)
        address = address_of(token.hub, submission.id)
        return JSONResponse(receipt, 202 if is_new else 200, {"Location": address})

    async def receipt(self, request: Request) -> Response:
        token = self._allowed(request)
        receipt = await asyncio.to_thread(self._service.receipt, token.hub, request.path_params["submission"])
        is_pending = receipt["submission"]["state"] == "received"
        return JSONResponse(receipt, headers={"Retry-After": "2"} if is_pending else None)

    def _allowed(self, request: Request) -> Token:
        """The token, when it is of the hub in the address. Raises Refused: whether there is such a hub is not said."""
        token = self._service.holder(request)
        if token.hub != request.path_params["hub"]:
            raise Refused("other_hub")
        self._service.registration_of(token)
        return token


@cache
def document() -> dict[str, Any]:
    """The API's own description."""
    text = Path(__file__).with_name("openapi.yaml").read_text(encoding="utf-8")
    described: dict[str, Any] = yaml.safe_load(text)
    return described


async def openapi(_: Request) -> Response:
    """The description for programs."""
    return Response(json.dumps(document(), ensure_ascii=False), media_type="application/json")


async def health(_: Request) -> Response:
    """That the service answers."""
    return JSONResponse({"status": "ok"})
