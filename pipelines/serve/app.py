"""``hubpacks serve``: Starlette's files, with our rules about which of them are answered and with which headers."""

from __future__ import annotations

import asyncio
import os
import socket
import stat
from collections.abc import Callable
from http import HTTPStatus
from pathlib import Path
from urllib.parse import quote

import uvicorn
from starlette.datastructures import Headers, MutableHeaders
from starlette.middleware.gzip import GZipMiddleware
from starlette.responses import FileResponse, PlainTextResponse, Response
from starlette.staticfiles import NotModifiedResponse, StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from pipelines.publish import gone
from pipelines.serve import rules

INDEX = "index.html"
ATTEMPTS = 10
"""So often a pointer is looked up that goes before it is opened."""


def serve(public: Path, host: str, port: int, say: Callable[[str], None]) -> None:
    """Serve ``public`` until told to stop; ``say`` is given the address. Port 0 takes a free one.

    Raises OSError when the port cannot be had, and KeyboardInterrupt after Ctrl-C, when open answers have ended.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.create_server((host, port), family=family) as listener:
        shown = f"[{host}]" if ":" in host else host
        say(f"http://{shown}:{listener.getsockname()[1]}/")
        config = uvicorn.Config(
            build(public),
            http="h11",  # bounds the head of a request
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
        )
        uvicorn.Server(config).run([listener])


def build(public: Path) -> ASGIApp:
    """The application over the folder that ``publish`` writes."""
    sent_as_they_are = tuple(kind for kind in rules.kinds() if not rules.is_compressed(kind))
    return _Dressed(GZipMiddleware(_Published(public), exclude_content_types=sent_as_they_are))


class _Published(StaticFiles):
    """The files of the folder: those that readers may see, each under one address."""

    def __init__(self, public: Path) -> None:
        self._root = os.path.realpath(public)
        super().__init__(directory=self._root)

    async def get_response(self, path: str, scope: Scope) -> Response:  # noqa: ARG002 - see below
        if scope["method"] not in rules.METHODS:
            return PlainTextResponse(rules.MESSAGES[405], HTTPStatus.METHOD_NOT_ALLOWED)
        # ``path`` has lost the slash at its end, and with it where the links in a page lead.
        return await asyncio.to_thread(self._response, scope["path"], scope)

    def _response(self, asked: str, scope: Scope) -> Response:
        name = f"{asked}{INDEX}" if asked.endswith("/") else asked
        if name.removeprefix("/") in rules.LINKS:
            return self._pointer(name, scope)
        file = self._file(name)
        if file is not None:
            response = self.file_response(file, os.stat(file), scope)  # noqa: PTH116 - the library wants text
            if "content-type" in response.headers:
                response.headers["content-type"] = rules.content_type(file)
            return response
        if self._file(f"{asked}/{INDEX}") is not None:
            return Response(status_code=HTTPStatus.MOVED_PERMANENTLY, headers={"Location": f"{quote(asked)}/"})
        # Read anew each time that nothing is found: it may have been taken down a moment ago.
        if asked.removeprefix("/") in gone.read(Path(self._root)):
            return PlainTextResponse(rules.MESSAGES[410], HTTPStatus.GONE)
        return PlainTextResponse(rules.MESSAGES[404], HTTPStatus.NOT_FOUND)

    def _pointer(self, asked: str, scope: Scope) -> Response:
        """One of the few files that are swapped under readers: read at once, so that its bytes and size are of one
        release, and looked up again when it has gone in between.
        """
        for _ in range(ATTEMPTS):
            file = self._file(asked)
            if file is None:
                continue
            try:
                with open(file, "rb") as opened:  # noqa: PTH123 - a descriptor, for what it says of itself
                    data, told = opened.read(), os.fstat(opened.fileno())
            except FileNotFoundError:
                continue
            as_file = FileResponse(file, stat_result=told, media_type=rules.media_type(file)).headers
            if self.is_not_modified(as_file, Headers(scope=scope)):
                return NotModifiedResponse(as_file)
            kept = {name: as_file[name] for name in ("content-type", "etag", "last-modified")}
            return Response(data, headers=kept)
        return PlainTextResponse(rules.MESSAGES[404], HTTPStatus.NOT_FOUND)

    def _file(self, asked: str) -> str | None:
        """The file that is meant, None when there is none or nobody may see it."""
        if not asked.startswith("/") or rules.is_hidden(asked) or "\0" in asked:
            return None
        file = f"{self._root}{asked}"
        real = os.path.realpath(file)
        if asked.removeprefix("/") in rules.LINKS and Path(real).is_relative_to(self._root):
            file = real  # opened by what is behind the link now, so that size and bytes are of one release
        # Two slashes in a row are no other address of the same file, nor, in a redirect, one of another host.
        return file if real == file and _is_file(file) else None


def _is_file(path: str) -> bool:
    try:
        return stat.S_ISREG(os.stat(path).st_mode)  # noqa: PTH116 - pathlib's is_file raises for a name that is too long
    except OSError:
        return False


class _Dressed:
    """The outermost layer: headers that answers carry whatever they are."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope["path"]

        async def send_dressed(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.update(rules.headers(f"{path}{INDEX}" if path.endswith("/") else path, message["status"]))
                kind = headers.get("content-type", "").partition(";")[0]
                if rules.is_compressed(kind):
                    headers["Vary"] = "Accept-Encoding"
                if "content-encoding" in headers and "etag" in headers:
                    # Other bytes than those of the file: a download that broke off must not go on with the file's.
                    headers["ETag"] = f"W/{headers['ETag']}"
            await send(message)

        await self._app(scope, receive, send_dressed)
