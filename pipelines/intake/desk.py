"""Whose turn it is to be judged: submissions, which are safe on the disk, and checks, for which somebody is waiting.

They take turns, so that neither a pile of submissions nor a crowd of checks holds up the other. A submission is
forgotten only when its verdict is kept: after a crash the inbox still has it as received, and it is judged at the next
start.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from threading import Event
from typing import Any

from hubs.registration import Registration
from pipelines import logs
from pipelines.inbox import Inbox, Submission
from pipelines.intake.judging import Bounds, Cancelled, Judged, Task, judge
from pipelines.intake.limits import Limits
from pipelines.intake.problems import Refused
from pipelines.line import Line

LOG = logs.get("intake")
RETRY_SECONDS = 30
"""When to try a submission again that could not be judged because this machine was in trouble, such as a full disk."""


@dataclass(frozen=True)
class _Check:
    """A feed that somebody waits for. ``gone`` is set when nobody does any more."""

    path: Path
    name: str
    registration: Registration | None
    verdict: asyncio.Future[Judged]
    gone: Event

    def fail(self, error: Exception) -> None:
        """Tell who waits that there will be no verdict, unless there is one."""
        if not self.verdict.done():
            self.verdict.set_exception(error)
            self.verdict.exception()  # nobody need fetch it: the client may have gone


class Desk:
    """The queue before the judge. ``line`` gives the registry as it is now."""

    def __init__(self, inbox: Inbox, line: Callable[[], Line], limits: Limits) -> None:
        self._inbox, self._line, self._limits = inbox, line, limits
        self._checks: deque[_Check] = deque()
        self._submissions: deque[Submission] = deque()
        self._news = asyncio.Condition()
        self._is_check_next = True
        self._stopping = Event()
        self._pool = ThreadPoolExecutor(limits.judges, "judge")
        self._workers: set[asyncio.Task[None]] = set()
        self._again: set[asyncio.Task[None]] = set()

    async def open(self) -> None:
        """Take up what was received before and not judged, and begin."""
        self._submissions.extend(await asyncio.to_thread(self._inbox.waiting))
        if self._submissions:
            LOG.info("submissions_waiting", submissions=len(self._submissions))
        for _ in range(self._limits.judges):
            self._hire()

    def _hire(self) -> None:
        worker = asyncio.create_task(self._work())
        self._workers.add(worker)
        worker.add_done_callback(self._replace)

    def _replace(self, worker: asyncio.Task[None]) -> None:
        """A worker ends by an error of ours only. It is told, the others' feeds go on, its own is judged at the next
        start.
        """
        self._workers.discard(worker)
        if not worker.cancelled() and not self._stopping.is_set():
            LOG.error("judge_worker_failed", exc_info=worker.exception())
            self._hire()

    async def close(self) -> None:
        """End the judges at work. What they were judging is judged at the next start."""
        self._stopping.set()
        running = [*self._workers, *self._again]
        for worker in running:
            worker.cancel()
        await asyncio.gather(*running, return_exceptions=True)
        self._pool.shutdown()

    async def submit(self, submission: Submission) -> None:
        """Have a submission judged in its turn."""
        async with self._news:
            self._submissions.append(submission)
            self._news.notify()

    async def check(self, path: Path, name: str, registration: Registration | None, gone: asyncio.Event) -> Judged:
        """Have the file at ``path`` judged, and wait for it. Raises Refused when too many wait already, and Cancelled
        when ``gone`` says that the client has left.
        """
        if len(self._checks) >= self._limits.checks_waiting:
            raise Refused("busy", retry_seconds=RETRY_SECONDS)
        entry = _Check(path, name, registration, asyncio.get_running_loop().create_future(), Event())
        async with self._news:
            self._checks.append(entry)
            self._news.notify()
        leaving = asyncio.ensure_future(gone.wait())
        either: list[asyncio.Future[Any]] = [entry.verdict, leaving]
        try:
            await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
            if not entry.verdict.done():
                raise Cancelled
            return entry.verdict.result()
        finally:
            entry.gone.set()
            leaving.cancel()

    async def _work(self) -> None:
        while True:
            async with self._news:
                await self._news.wait_for(lambda: self._checks or self._submissions)
                self._is_check_next = bool(self._checks) and (self._is_check_next or not self._submissions)
                turn = self._checks.popleft() if self._is_check_next else self._submissions.popleft()
                self._is_check_next = not self._is_check_next
            if isinstance(turn, _Check):
                await self._answer(turn)
            else:
                await self._decide(turn)

    async def _answer(self, entry: _Check) -> None:
        if entry.gone.is_set():
            return
        try:
            task = await self._task(entry.path, entry.name, entry.registration, datetime.now(UTC))
            verdict = await self._judge(task, self._limits.check_seconds, entry.gone.is_set)
        except (Cancelled, OSError) as error:
            entry.fail(error)
        else:
            if not entry.verdict.done():
                entry.verdict.set_result(verdict)
        finally:
            entry.fail(Cancelled())  # whatever else has happened: nobody waits for ever

    async def _decide(self, submission: Submission) -> None:
        registration = (await asyncio.to_thread(self._line)).registry.hubs.get(submission.hub)
        if registration is None:
            LOG.error("submission_without_hub", hub=submission.hub, submission=submission.id)
            return
        try:
            path = self._inbox.feed(submission)
            task = await self._task(path, submission.name, registration, submission.received)
            judged = await self._judge(task, self._limits.submission_seconds, self._stopping.is_set)
            closed = await asyncio.to_thread(self._inbox.close, submission, judged.report, judged.page)
        except Cancelled:
            return
        except OSError as error:
            LOG.error("submission_delayed", hub=submission.hub, submission=submission.id, error=error.strerror)
            later = asyncio.create_task(self._submit_later(submission))
            self._again.add(later)
            later.add_done_callback(self._again.discard)
        else:
            LOG.info("submission_judged", hub=submission.hub, submission=submission.id, state=closed.state)

    async def _submit_later(self, submission: Submission) -> None:
        await asyncio.sleep(RETRY_SECONDS)
        await self.submit(submission)

    async def _task(self, path: Path, name: str, registration: Registration | None, now: datetime) -> Task:
        registry = (await asyncio.to_thread(self._line)).registry
        return Task(path, name, registration, registry.instrument_folders, now)

    async def _judge(self, task: Task, seconds: float, is_cancelled: Callable[[], bool]) -> Judged:
        limits = self._limits
        bounds = Bounds(seconds, limits.judge_memory_bytes, limits.judge_disk_bytes, limits.report_bytes)

        def is_over() -> bool:
            return is_cancelled() or self._stopping.is_set()

        def work() -> Judged:
            # In the inbox's own area, which is cleared at the next start if this process is killed.
            with self._inbox.staging() as folder:
                return judge(task, bounds, is_over, folder)

        return await asyncio.get_running_loop().run_in_executor(self._pool, work)
