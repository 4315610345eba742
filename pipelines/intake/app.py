"""The application: pages and API behind the guard, and every failure as an answer that says what to do."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from pipelines.intake import api, pages
from pipelines.intake.guard import Guard
from pipelines.intake.judging import Cancelled
from pipelines.intake.problems import Refused
from pipelines.intake.service import Service

_FOR_PROGRAMS = (f"{api.BASE}/", "/healthz", "/openapi.json")
_CODES = {404: "not_found", 405: "method_not_allowed"}
CLIENT_GONE = 499
"""Nobody reads it; it stands in the log."""


def build(service: Service) -> Starlette:
    """The application over ``service``, which it opens and closes."""

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        await service.open()
        try:
            yield
        finally:
            await service.close()

    def refuse(request: Request, refused: Refused) -> Response:
        if request.url.path.startswith(_FOR_PROGRAMS):
            return refused.response()
        return pages.problem(refused)

    async def on_refused(request: Request, error: Refused) -> Response:
        return refuse(request, error)

    async def on_http(request: Request, error: HTTPException) -> Response:
        response = refuse(request, Refused(_CODES.get(error.status_code, "bad_request")))
        response.headers.update(error.headers or {})
        return response

    async def on_gone(_: Request, __: Exception) -> Response:
        return Response(status_code=CLIENT_GONE)

    async def on_failure(request: Request, _: Exception) -> Response:
        return refuse(request, Refused("broken"))

    handlers: dict[Any, Any] = {
        Refused: on_refused,
        HTTPException: on_http,
        ClientDisconnect: on_gone,
        Cancelled: on_gone,
        Exception: on_failure,
    }
    return Starlette(
        routes=[*api.routes(service), *pages.routes(service)],
        lifespan=lifespan,
        middleware=[Middleware(Guard, limits=service.limits, refuse=refuse)],
        exception_handlers=handlers,
    )
