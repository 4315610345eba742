"""Listening: an HTTP server that cuts off slow heads, tells nobody its version, and keeps contents out of its log."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from pipelines import logs
from pipelines.files import only_one
from pipelines.intake.app import build
from pipelines.intake.limits import Limits
from pipelines.intake.service import Folders, Service

LONGEST_HEAD_BYTES = 16 << 10
KEEP_ALIVE_SECONDS = 5
BACKLOG = 512
GRACE_SECONDS = 10
"""To let requests end when the service is told to stop."""


def serve(folders: Folders, limits: Limits, host: str, port: int, say: Callable[[str], None]) -> None:
    """Serve until told to stop; ``say`` is given the address. Raises files.Busy when another intake serves the same
    store, WrongRegistry, and OSError when the port cannot be had.
    """
    logs.configure()
    service = Service(folders, limits)
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with (
        only_one(service.inbox.root / ".intake.lock"),
        socket.create_server((host, port), family=family, backlog=BACKLOG) as listener,
    ):
        shown = f"[{host}]" if ":" in host else host
        say(f"http://{shown}:{listener.getsockname()[1]}/")
        _run(service, limits, listener)


def _run(service: Service, limits: Limits, listener: socket.socket) -> None:
    class Protocol(PatientProtocol):
        head_seconds = limits.header_seconds

    config = uvicorn.Config(
        build(service),
        http=Protocol,  # h11 bounds the head of a request; the faster httptools does not
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=limits.behind_proxy,
        forwarded_allow_ips="127.0.0.1,::1",
        limit_concurrency=limits.connections,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=GRACE_SECONDS,
        h11_max_incomplete_event_size=LONGEST_HEAD_BYTES,
    )
    uvicorn.Server(config).run([listener])


class PatientProtocol(H11Protocol):
    """HTTP/1.1 that waits only so long for the head of a request."""

    head_seconds: float = 10
    _deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._wait_for_a_head()

    def data_received(self, data: bytes) -> None:
        self._wait_for_a_head()
        super().data_received(data)
        if self._is_answering():
            self._stop_waiting()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_waiting()
        super().connection_lost(exc)

    def _is_answering(self) -> bool:
        return self.cycle is not None and not self.cycle.response_complete

    def _wait_for_a_head(self) -> None:
        if self._deadline is None and not self._is_answering():
            self._deadline = self.loop.call_later(self.head_seconds, self.transport.abort)

    def _stop_waiting(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None
