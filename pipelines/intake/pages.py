"""The pages, for people: which there are and what they show. Layout and wording lie in ``templates/intake``.

Everything works without script: forms, links, and one header that loads a receipt again while it waits for the judge.
"""

from __future__ import annotations

import asyncio
import base64
import re
from collections import Counter
from collections.abc import Callable
from datetime import datetime
from functools import cache
from typing import Any
from urllib.parse import quote
from zoneinfo import ZoneInfo

from jinja2 import Environment
from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from hubs.check import examples, grouped, json_text, shown
from hubs.contract.findings import CODES, Finding
from pipelines.intake.access import CSRF, Visitor
from pipelines.intake.guard import FILE_POLICY
from pipelines.intake.judging import Judged
from pipelines.intake.problems import REFUSALS, Refused
from pipelines.intake.service import Service, utc_now
from pipelines.publish.layouts import GOVUK, TEMPLATES, environment
from pipelines.publish.site import ASSETS
from pipelines.publish.strings import day
from pipelines.schedule import TIME_ZONE

REFRESH_SECONDS = 5
MOST_ROWS = 200
"""Rows of one table on a page; the JSON has all."""
MAX_SAVED_BYTES = 4_000_000
"""A report that is kept nowhere is saved out of the page itself, up to this size."""
MAX_FORM_BYTES = 10_000
ASSET_SECONDS = 3600
ASSET_FILES = {name.removeprefix("assets/"): path for name, path in ASSETS.items()} | {
    "govuk-forms.css": GOVUK / "govuk-forms.css",
    "intake.css": TEMPLATES / "static" / "intake.css",
}
_OWN_PAGE = re.compile(r"/hub(/submissions/[A-Za-z0-9-]+)?")


def routes(service: Service) -> list[Route]:
    """The pages' addresses."""
    pages = _Pages(service)
    one = "/hub/submissions/{submission}"
    return [
        Route("/", pages.start, methods=["GET"]),
        Route("/check", pages.check, methods=["POST"]),
        Route("/sign-in", pages.sign_in, methods=["GET", "POST"]),
        Route("/sign-out", pages.sign_out, methods=["POST"]),
        Route("/hub", pages.hub, methods=["GET"]),
        Route("/hub.json", pages.hub_json, methods=["GET"]),
        Route("/hub/submissions", pages.submit, methods=["POST"]),
        Route(one, pages.submission, methods=["GET"]),
        Route(f"{one}/receipt.json", pages.receipt_json, methods=["GET"]),
        Route(f"{one}/receipt.html", pages.receipt_html, methods=["GET"]),
        Route(f"{one}/report.json", pages.report_json, methods=["GET"]),
        Route(f"{one}/report.html", pages.report_html, methods=["GET"]),
        Route("/codes", codes, methods=["GET"]),
        Route("/accessibility", accessibility, methods=["GET"]),
        Route("/assets/{name}", asset, methods=["GET"]),
    ]


def problem(refused: Refused) -> Response:
    """A page that says why something was refused."""
    return _page("problem.html", refused.refusal.status, refused.headers, here="", failed=refused)


async def codes(_: Request) -> Response:
    """All codes with their meanings."""
    return _page("codes.html", here="/codes", refusals=REFUSALS, findings=CODES)


async def accessibility(_: Request) -> Response:
    """How the pages can be used, and what is kept."""
    return _page("accessibility.html", here="")


async def asset(request: Request) -> Response:
    """A style sheet or a picture."""
    path = ASSET_FILES.get(request.path_params["name"])
    if path is None:
        raise Refused("not_found")
    return FileResponse(path, headers={"Cache-Control": f"public, max-age={ASSET_SECONDS}"})


class _Pages:
    def __init__(self, service: Service) -> None:
        self._service = service

    async def start(self, request: Request) -> Response:
        return self._start(request, self._visitor(request))

    async def check(self, request: Request) -> Response:
        visitor = self._visitor(request)
        try:
            self._service.allow_check(request)
            async with self._service.upload(request) as upload:
                self._service.access.require_proof(visitor, upload.fields.get(CSRF, ""))
                hub = upload.fields.get("hub", "")
                judged = await self._service.check(request, upload, hub)
        except Refused as refused:
            return self._start(request, visitor, refused)
        name = upload.name or "your feed"
        registration = self._service.named(hub)
        return _page(
            "report.html",
            here="/",
            name=name,
            report=judged.report,
            groups=_groups(judged.report),
            registration=registration.name.en if registration else None,
            files=_saved(judged),
        )

    async def sign_in(self, request: Request) -> Response:
        visitor = self._visitor(request)
        if request.method == "GET":
            return self._sign_in(request, visitor, request.query_params.get("next", ""))
        form = await _small_form(request)
        following = form.get("next", "")
        try:
            self._service.access.require_proof(visitor, form.get(CSRF, ""))
            token = self._service.holder(request, form.get("token", ""))
            self._service.registration_of(token)
        except Refused as refused:
            return self._sign_in(request, visitor, following, refused)
        self._service.access.sign_out(visitor)
        response = RedirectResponse(following if _OWN_PAGE.fullmatch(following) else "/hub", 303)
        self._service.access.remember(request, response, self._service.access.sign_in(token, utc_now()))
        return response

    async def sign_out(self, request: Request) -> Response:
        visitor = self._visitor(request)
        self._service.access.require_proof(visitor, (await _small_form(request)).get(CSRF, ""))
        self._service.access.sign_out(visitor)
        return RedirectResponse("/", 303)

    async def hub(self, request: Request) -> Response:
        visitor = self._visitor(request)
        if visitor.token is None:
            return RedirectResponse("/sign-in", 303)
        return await self._hub(request, visitor)

    async def hub_json(self, request: Request) -> Response:
        hub = self._own_hub(request)
        return JSONResponse(await asyncio.to_thread(self._service.hub_page, hub))

    async def submit(self, request: Request) -> Response:
        visitor = self._visitor(request)
        if visitor.token is None:
            raise Refused("unknown_token", "You are not signed in any more. Sign in, and submit the feed again.")
        try:
            self._service.registration_of(visitor.token)
            self._service.allow_submission(visitor.token)
            async with self._service.upload(request) as upload:
                self._service.access.require_proof(visitor, upload.fields.get(CSRF, ""))
                submission, _ = await self._service.submit(visitor.token, upload)
        except Refused as refused:
            return await self._hub(request, visitor, refused)
        return RedirectResponse(f"/hub/submissions/{submission.id}", 303)

    async def submission(self, request: Request) -> Response:
        visitor, submission_id = self._visitor(request), request.path_params["submission"]
        if visitor.token is None:
            following = quote(request.url.path) if _OWN_PAGE.fullmatch(request.url.path) else ""
            return RedirectResponse(f"/sign-in?next={following}", 303)
        receipt = await asyncio.to_thread(self._service.receipt, visitor.hub, submission_id)
        is_pending = receipt["submission"]["state"] == "received"
        return _page(
            "submission.html",
            headers={"Refresh": str(REFRESH_SECONDS)} if is_pending else {},
            here="/hub",
            receipt=receipt,
            report=receipt["report"],
            groups=_groups(receipt["report"] or {}),
            steps=_steps(receipt),
            is_pending=is_pending,
            refresh=REFRESH_SECONDS,
            has_page=bool(await asyncio.to_thread(self._page_of, visitor.hub, submission_id)),
            site=self._service.limits.site,
        )

    async def receipt_json(self, request: Request) -> Response:
        receipt = await asyncio.to_thread(
            self._service.receipt, self._own_hub(request), request.path_params["submission"]
        )
        return JSONResponse(receipt)

    async def receipt_html(self, request: Request) -> Response:
        receipt = await asyncio.to_thread(
            self._service.receipt, self._own_hub(request), request.path_params["submission"]
        )
        html = _render(
            "receipt_file.html",
            receipt=receipt,
            steps=_steps(receipt),
            style=_style(),
            now=utc_now().isoformat(),
            site=self._service.limits.site,
        )
        return _file(html)

    async def report_json(self, request: Request) -> Response:
        report = await asyncio.to_thread(self._report_on, self._own_hub(request), request.path_params["submission"])
        if report is None:
            raise Refused("not_found", "There is no report yet.")
        return Response(json_text(report), media_type="application/json")

    async def report_html(self, request: Request) -> Response:
        page = await asyncio.to_thread(self._page_of, self._own_hub(request), request.path_params["submission"])
        if not page:
            raise Refused("not_found", "There is no such page.")
        return _file(page)

    def _page_of(self, hub: str, submission_id: str) -> str:
        return self._service.inbox.page(self._service.submission(hub, submission_id))

    def _report_on(self, hub: str, submission_id: str) -> dict[str, Any] | None:
        return self._service.inbox.report(self._service.submission(hub, submission_id))

    def _visitor(self, request: Request) -> Visitor:
        return self._service.access.visitor(request, utc_now())

    def _own_hub(self, request: Request) -> str:
        return self._visitor(request).hub

    # Pages with a form, which may also say what was wrong with it.

    def _start(self, request: Request, visitor: Visitor, failed: Refused | None = None) -> Response:
        hubs = sorted((hub, found.name.en) for hub, found in self._service.hubs().items() if found.sources)
        return self._form(request, visitor, "start.html", failed, here="/", hubs=hubs)

    def _sign_in(self, request: Request, visitor: Visitor, following: str, failed: Refused | None = None) -> Response:
        following = following if _OWN_PAGE.fullmatch(following) else ""
        minutes = round(self._service.limits.session_seconds / 60)
        return self._form(request, visitor, "sign_in.html", failed, here="/hub", next=following, minutes=minutes)

    async def _hub(self, request: Request, visitor: Visitor, failed: Refused | None = None) -> Response:
        hub = await asyncio.to_thread(self._service.hub_page, visitor.hub)
        return self._form(request, visitor, "hub.html", failed, here="/hub", hub=hub, site=self._service.limits.site)

    def _form(self, request: Request, visitor: Visitor, template: str, failed: Refused | None, **data: Any) -> Response:
        access, limits = self._service.access, self._service.limits
        status, headers = (failed.refusal.status, failed.headers) if failed else (200, {})
        megabytes = f"{limits.upload_bytes / 1_000_000:,.0f}"
        data |= {"failed": failed, "proof": access.proof(visitor), "megabytes": megabytes}
        response = _page(template, status, headers, **data)
        if visitor.is_new:
            access.remember(request, response, visitor)
        return response


async def _small_form(request: Request) -> dict[str, str]:
    """The fields of a form without a file. Raises Refused."""
    if int(request.headers.get("content-length", MAX_FORM_BYTES + 1)) > MAX_FORM_BYTES:
        raise Refused("bad_request", "The form is too long.")
    form = await request.form(max_files=0, max_fields=10, max_part_size=MAX_FORM_BYTES)
    return {name: value for name, value in form.items() if isinstance(value, str)}


def _groups(report: dict[str, Any]) -> list[Any]:
    return grouped(Finding.from_dict(finding) for finding in report.get("findings", ()))


def _steps(receipt: dict[str, Any]) -> list[dict[str, Any]]:
    """How far a submission has come: received, judged, published."""
    state = receipt["submission"]["state"]
    fates = [*receipt["records"], *receipt["returns"]]
    released = sorted({fate["release"] for fate in fates if fate["release"]})
    due = sorted({fate["due"] for fate in fates if fate["due"]})
    titles = {"received": "Being judged", "accepted": "Accepted", "refused": "Refused"}
    reasons = " ".join(CODES[code].why for code in receipt["submission"]["codes"])
    judged = {"received": "", "accepted": "", "refused": f"{reasons} Nothing of it is kept but the report."}
    steps = [("Received", _when(receipt["submission"]["received"])), (titles[state], judged[state])]
    if state == "accepted":
        if due:
            steps.append(("In the next release", f"due {_when(due[0])}"))
        elif released:
            steps.append((f"In release {released[-1]}", ""))
        else:
            steps.append(("Not in a release", "See below why."))
    done = {"received": 1, "accepted": 3 if released and not due else 2, "refused": 2}[state]
    return [
        {"title": title, "text": text, "is_done": number < done, "is_now": number == min(done, len(steps)) - 1}
        for number, (title, text) in enumerate(steps)
    ]


def _saved(judged: Judged) -> list[tuple[str, str, str]]:
    """The report as links that save it without asking us again: name, address, words. None when it is too long."""
    data = [("report.json", "application/json", json_text(judged.report), "Report as JSON")]
    if judged.page:
        data.append(("report.html", "text/html", judged.page, "Report as a page to send on"))
    if sum(len(text) for _, _, text, _ in data) > MAX_SAVED_BYTES:
        return []
    return [
        (name, f"data:{kind};charset=utf-8;base64,{base64.b64encode(text.encode()).decode()}", words)
        for name, kind, text, words in data
    ]


def _file(html: str) -> Response:
    return HTMLResponse(html, headers={"Content-Security-Policy": FILE_POLICY})


def _page(template: str, status: int = 200, headers: dict[str, str] | None = None, **data: Any) -> Response:
    return HTMLResponse(_render(template, **data), status, headers)


def _render(template: str, **data: Any) -> str:
    return _environment().get_template(f"intake/{template}").render({"failed": None, "site": ""} | data)


@cache
def _environment() -> Environment:
    made = environment()
    filters: dict[str, Callable[..., Any]] = {
        "shown": shown,
        "when": _when,
        "day": lambda text: day(datetime.fromisoformat(text), "en"),
        "size": _size,
        "examples": examples,
        "by_status": lambda fates: Counter(fate["status"] for fate in fates).most_common(),
    }
    made.filters |= filters
    made.globals["most_rows"] = MOST_ROWS
    return made


@cache
def _style() -> Markup:
    names = ("govuk-frontend.css", "hubpacks.css", "intake.css")
    return Markup("".join(ASSET_FILES[name].read_text(encoding="utf-8") for name in names))  # noqa: S704 - our own


def _when(moment: str) -> str:
    local = datetime.fromisoformat(moment).astimezone(ZoneInfo(TIME_ZONE))
    return f"{day(local, 'en')}, {local:%H:%M}"


def _size(number: int) -> str:
    for unit, divisor in (("MB", 1_000_000), ("KB", 1_000)):
        if number >= divisor:
            return f"{number / divisor:,.1f} {unit}"
    return f"{number} bytes"
