"""A real web server on the loopback whose content a test changes under its hands: a folder with a feed in each folder.

It says of every file what it is (an ETag of the bytes) and answers conditional requests. What answers in a way of its
own is named in ``special``. Servers that misbehave by trade stand in ``faults``.
"""

from __future__ import annotations

import hashlib
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

Answer = Callable[[BaseHTTPRequestHandler], None]


@contextmanager
def serving(handler: type[BaseHTTPRequestHandler], tls: ssl.SSLContext | None = None) -> Iterator[str]:
    """Have ``handler`` answer on a free port, without a log, while the block runs; gives the address."""
    quiet = type("Quiet", (handler,), {"log_message": lambda *_args: None})
    with ThreadingHTTPServer(("127.0.0.1", 0), quiet) as server:
        if tls is not None:
            server.handle_error = lambda *_args: None  # type: ignore[method-assign] # clients that do not believe it
            server.socket = tls.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
        threading.Thread(target=server.serve_forever, args=[0.02], daemon=True).start()
        try:
            yield f"{'https' if tls else 'http'}://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()


@contextmanager
def published(root: Path) -> Iterator[str]:
    """Serve the files in the folder ``root`` as they are, for browsers; gives the address."""

    class Files(SimpleHTTPRequestHandler):
        def __init__(self, *arguments: Any) -> None:
            super().__init__(*arguments, directory=str(root))

    with serving(Files) as address:
        yield address


@dataclass
class Website:
    """What is served from the folder ``root``, each answer after ``delay_seconds``. ``asked`` are the requests so far
    (method and path), ``special`` answers of their own by such a line.
    """

    root: Path
    address: str
    delay_seconds: float
    asked: list[str] = field(default_factory=list)
    special: dict[str, Answer] = field(default_factory=dict)

    def manifest(self, hub: str) -> str:
        """The address of the hub's feed."""
        return f"{self.address}/{hub}/datapackage.json"


@contextmanager
def website(root: Path, delay_seconds: float = 0) -> Iterator[Website]:
    """Serve ``root`` on a free port while the block runs."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            line = f"{self.command} {self.path}"
            site.asked.append(line)
            time.sleep(site.delay_seconds)
            if line in site.special:
                site.special[line](self)
            else:
                self._file(site.root / self.path.lstrip("/"))

        do_HEAD = do_GET  # noqa: N815

        def _file(self, path: Path) -> None:
            if not path.is_file():
                return answer(self, 404, b"no such file")
            body = path.read_bytes()
            tag = f'"{hashlib.sha256(body).hexdigest()}"'
            if self.headers.get("If-None-Match") == tag:
                return answer(self, 304, b"", ETag=tag)
            return answer(self, 200, body, ETag=tag)

    with serving(Handler) as address:
        site = Website(root, address, delay_seconds)
        yield site


def answer(request: BaseHTTPRequestHandler, status: int, body: bytes, **headers: str) -> None:
    """Answer ``request``; underscores in the names of ``headers`` stand for hyphens."""
    request.send_response(status)
    for name, value in headers.items():
        request.send_header(name.replace("_", "-"), value)
    if status != 304:
        request.send_header("Content-Length", str(len(body)))
    request.end_headers()
    if request.command != "HEAD":
        request.wfile.write(body)
