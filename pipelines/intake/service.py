"""What the intake does, whoever asks: taking an upload, checking it, submitting it, telling what became of it.

``api`` and ``pages`` only translate between this and HTTP.
"""

from __future__ import annotations

import asyncio
import errno
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from threading import Lock
from typing import Any

from starlette.requests import Request

from hubs.registration import Registration, WrongRegistry
from pipelines import logs, receipts
from pipelines.inbox import Inbox, OldSubmission, Submission, safe_name
from pipelines.intake.access import Access
from pipelines.intake.desk import Desk
from pipelines.intake.guard import Rate, client_of
from pipelines.intake.judging import Judged
from pipelines.intake.limits import Limits
from pipelines.intake.problems import Refused
from pipelines.intake.uploads import Upload, receive
from pipelines.line import Line, open_line
from pipelines.tokens import Token, Tokens

LOG = logs.get("intake")
RETRY_SECONDS = 20


def utc_now() -> datetime:
    """The time."""
    return datetime.now(UTC)


@dataclass(frozen=True)
class Folders:
    """Where the service reads and writes."""

    registry: Path
    store: Path
    public: Path


class Service:
    """One running intake over one store. ``open`` before use, ``close`` after."""

    def __init__(self, folders: Folders, limits: Limits) -> None:
        self._folders, self.limits = folders, limits
        self._line_lock = Lock()
        self._line_of: tuple[object, Line] | None = None
        self.inbox = Inbox(self.line().store.inbox)
        self.tokens = Tokens(self.line().store.tokens)
        self.access = Access(self.tokens, limits)
        self.desk = Desk(self.inbox, self.line, limits)
        self._uploads = 0
        self._check_rate = Rate(limits.checks_at_once, limits.seconds_a_check)
        self._submission_rate = Rate(limits.submissions_at_once, limits.seconds_a_submission)
        self.wrong_tokens = Rate(limits.wrong_tokens_at_once, limits.seconds_a_wrong_token)

    async def open(self) -> None:
        """Clear what a killed service has left, and begin to judge. There must be no other over the same store."""
        await asyncio.to_thread(self.inbox.clear_staging)
        await self.desk.open()

    async def close(self) -> None:
        """Stop judging."""
        await self.desk.close()

    def line(self) -> Line:
        """The registry, the store and what is published, as they are now. The registry is read when it has changed."""
        files = _state_of(self._folders.registry)
        with self._line_lock:
            if self._line_of is None:
                self._line_of = (files, self._open_line())
            elif self._line_of[0] != files:
                try:
                    self._line_of = (files, self._open_line())
                except (WrongRegistry, OSError) as error:
                    LOG.error("registry_unreadable", exc_info=error)
            return self._line_of[1]

    def _open_line(self) -> Line:
        return open_line(self._folders.registry, self._folders.store, self._folders.public)

    def hubs(self) -> dict[str, Registration]:
        """The hubs that may send something, by id."""
        return {hub: found for hub, found in self.line().registry.hubs.items() if not found.retired}

    # Who is asking.

    def holder(self, request: Request, text: str | None = None) -> Token:
        """The token of a program, or the one with the given text. Raises Refused: too many wrong ones from one client
        are not looked at any more.
        """
        client = client_of(request)
        self.wrong_tokens.require(client)
        try:
            now = utc_now()
            return self.access.bearer(request, now) if text is None else self.access.holder(text, now)
        except Refused:
            self.wrong_tokens.take(client)
            raise

    def registration_of(self, token: Token) -> Registration:
        """The registration of the token's hub. Raises Refused."""
        registration = self.hubs().get(token.hub)
        if registration is None:
            raise Refused("not_a_hub")
        return registration

    # What they bring.

    @asynccontextmanager
    async def upload(self, request: Request) -> AsyncIterator[Upload]:
        """The file that ``request`` brings, complete, for as long as the block lasts. Raises Refused."""
        if self._uploads >= self.limits.uploads_at_once:
            raise Refused("busy", "Too many uploads at once.", RETRY_SECONDS)
        self._uploads += 1
        try:
            staging = ExitStack()
            folder = await asyncio.to_thread(staging.enter_context, self.inbox.staging())
            try:
                upload = await receive(request, folder / "upload", self.limits)
                # The judge tells a workbook by its name; of that nothing is left that a path could be made of.
                named = folder / "named" / safe_name(upload.name)
                named.parent.mkdir()
                yield replace(upload, path=upload.path.replace(named))
            finally:
                await asyncio.to_thread(staging.close)
        except OSError as error:
            if error.errno not in (errno.ENOSPC, errno.EDQUOT):
                raise
            raise Refused("no_room") from error
        finally:
            self._uploads -= 1

    def allow_check(self, request: Request) -> None:
        """Raises Refused when this client has had enough checks for now."""
        self._check_rate.take(client_of(request))

    def allow_submission(self, token: Token) -> None:
        """Raises Refused when there have been enough submissions with this token for now."""
        self._submission_rate.take(token.id)

    async def check(self, request: Request, upload: Upload, hub: str) -> Judged:
        """The report on an upload, read as the hub's feed when one is named. Raises Refused, and judging.Cancelled when
        the client goes away.
        """
        registration = self.named(hub)
        gone = asyncio.Event()
        watching = asyncio.create_task(_set_when_gone(request, gone))
        try:
            return await self.desk.check(upload.path, upload.name, registration, gone)
        finally:
            watching.cancel()

    def named(self, hub: str) -> Registration | None:
        """The registration of the hub that a check names; None when it names none. Raises Refused."""
        if not hub:
            return None
        registration = self.hubs().get(hub)
        if registration is None:
            raise Refused("unknown_hub")
        return registration

    async def submit(self, token: Token, upload: Upload) -> tuple[Submission, bool]:
        """Keep an upload as a submission of the token's hub, and have it judged; also whether it is a new one. When
        this returns the bytes are safe. Raises Refused.
        """
        now = utc_now()
        try:
            submission = await asyncio.to_thread(
                self.inbox.receive, token.hub, upload.name, upload.path, upload.sha256, now
            )
        except OldSubmission as old:
            raise Refused("old_submission", str(old)) from old
        is_new = submission.received == now
        if is_new:
            await self.desk.submit(submission)
        return submission, is_new

    # What they are told.

    def hub_page(self, hub: str) -> dict[str, Any]:
        """Everything that a hub may know of itself."""
        line = self._line_with(hub)
        return receipts.hub_page(line.store, line.registry, hub, utc_now())

    def submissions(self, hub: str) -> list[dict[str, Any]]:
        """What a hub has submitted, the newest first."""
        return receipts.submissions(self._line_with(hub).store, hub)

    def receipt(self, hub: str, submission_id: str) -> dict[str, Any]:
        """What became of a submission. Raises Refused when the hub has none of that id, whoever else may have."""
        line = self._line_with(hub)
        receipt = receipts.receipt(line.store, line.registry, hub, submission_id, utc_now())
        if receipt is None:
            raise Refused("not_found")
        return receipt

    def _line_with(self, hub: str) -> Line:
        line = self.line()
        if hub not in line.registry.hubs:
            raise Refused("not_a_hub")
        return line

    def submission(self, hub: str, submission_id: str) -> Submission:
        """The submission. Raises Refused as ``receipt``."""
        self._line_with(hub)
        submission = self.inbox.get(hub, submission_id)
        if submission is None:
            raise Refused("not_found")
        return submission


def _state_of(folder: Path) -> list[tuple[str, int, int]]:
    """What tells whether a file in ``folder`` has changed."""
    found = []
    for path in sorted(folder.iterdir()):
        with suppress(FileNotFoundError):  # gone while we looked: then it is no part of the registry
            status = path.stat()
            found.append((path.name, status.st_mtime_ns, status.st_size))
    return found


async def _set_when_gone(request: Request, gone: asyncio.Event) -> None:
    """Set ``gone`` when the client leaves. The body must have been read."""
    while (await request.receive())["type"] != "http.disconnect":
        pass
    gone.set()
