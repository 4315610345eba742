"""Dagster's web UI behind Debian's nginx with ``deploy/nginx/dagster.conf``: who may see it, and who may change it."""

from __future__ import annotations

import asyncio
import json
import os
import ssl
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
import websockets

from tests.browser import chromium
from tests.clusters import DEPLOY, LAUNCH, PROGRAMS
from tests.servers import free_port, nginx_of, wait_for

DEFINITIONS = """
import dagster as dg

@dg.asset
def a_thing() -> None:
    pass

defs = dg.Definitions(assets=[a_thing], jobs=[dg.define_asset_job("make")])
"""
OPERATOR, VIEWER = ("operator", "of operators"), ("viewer", "of viewers")
VERSION = {"query": "{ version }"}


@dataclass
class Door:
    """nginx: its port, and its certificate's file."""

    port: int
    certificate: Path

    def client(self, who: tuple[str, str] | None = None, **headers: str) -> httpx.Client:
        trust = ssl.create_default_context(cafile=str(self.certificate))
        return httpx.Client(
            base_url=f"https://localhost:{self.port}", auth=who, headers=headers, verify=trust, timeout=60
        )

    async def subscribe(self, path: str, who: tuple[str, str] | None, origin: str | None = None) -> dict:
        """The first answer to a subscription, over a WebSocket as the UI opens it."""
        trust = ssl.create_default_context(cafile=str(self.certificate))
        headers = {"Authorization": httpx.BasicAuth(*who)._auth_header} if who else {}
        async with websockets.connect(
            f"wss://localhost:{self.port}{path}",
            ssl=trust,
            subprotocols=["graphql-ws"],
            additional_headers=headers,
            origin=origin or f"https://localhost:{self.port}",
        ) as socket:
            await socket.send(json.dumps({"type": "connection_init", "payload": {}}))
            return json.loads(await asyncio.wait_for(socket.recv(), 30))


@pytest.fixture(scope="module")
def door(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Door]:
    folder = tmp_path_factory.mktemp("door")
    (folder / "home").mkdir()
    (folder / "home/dagster.yaml").write_text("telemetry: {enabled: false}\n")
    (folder / "thing.py").write_text(DEFINITIONS)
    certificate, key = folder / "certificate.pem", folder / "key.pem"
    names = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]
    made = [
        "openssl",
        "req",
        "-x509",
        "-newkey",
        "rsa:2048",
        "-nodes",
        "-days",
        "2",
        "-out",
        certificate,
        "-keyout",
        key,
    ]
    subprocess.run([*made, *names], check=True, capture_output=True)
    for name, (user, password) in {"operators": OPERATOR, "viewers": VIEWER}.items():
        hashed = subprocess.run(
            ["openssl", "passwd", "-6", password], check=True, capture_output=True, text=True
        ).stdout
        (folder / f"{name}.htpasswd").write_text(f"{user}:{hashed}")
    port, plain, operators, viewers = free_port(), free_port(), free_port(), free_port()
    conf = (DEPLOY / "nginx/dagster.conf").read_text(encoding="utf-8")
    own = {
        "listen 443 ssl http2;": f"listen 127.0.0.1:{port} ssl http2;",
        "listen [::]:443 ssl http2;": "",
        "listen 80;": f"listen 127.0.0.1:{plain};",
        "listen [::]:80;": "",
        "dagster.example.org": "localhost",
        "/etc/ssl/dagster.pem": str(certificate),
        "/etc/ssl/private/dagster.key": str(key),
        "/etc/nginx/hubpacks-": f"{folder}/",
        "127.0.0.1:3000": f"127.0.0.1:{operators}",
        "127.0.0.1:3001": f"127.0.0.1:{viewers}",
    }
    for text, other in own.items():
        assert text in conf, text
        conf = conf.replace(text, other)
    environment = os.environ | {"DAGSTER_HOME": str(folder / "home"), "PYTHONWARNINGS": "ignore"}
    web = [str(PROGRAMS / "dagster-webserver"), "-f", "thing.py", "-h", "127.0.0.1"]
    with ExitStack() as stack:
        for at, more in ((operators, []), (viewers, ["--read-only", "--path-prefix", "/view"])):
            log = stack.enter_context((folder / f"{at}.log").open("wb"))
            command = [*web, "-p", str(at), *more]
            server = stack.enter_context(
                subprocess.Popen(command, cwd=folder, env=environment, stdout=log, stderr=subprocess.STDOUT)
            )
            stack.callback(server.terminate)
            wait_for(at, server, 60)
        stack.enter_context(nginx_of(conf, folder / "nginx", port))
        yield Door(port, certificate)


@pytest.mark.parametrize("path", ["/", "/graphql", "/view/", "/view/graphql", "/server_info", "/download_debug/x"])
@pytest.mark.parametrize("who", [None, ("operator", "guessed"), ("nobody", "")])
def test_without_a_password_nothing_is_answered(door: Door, path: str, who) -> None:
    with door.client(who) as client:
        answer = client.get(path)
    assert answer.status_code == 401
    assert "dagster" not in answer.text.lower()


def test_a_viewer_is_no_operator(door: Door) -> None:
    with door.client(VIEWER) as client:
        assert client.post("/graphql", json=VERSION).status_code == 401


@pytest.mark.parametrize(("prefix", "who"), [("", OPERATOR), ("/view", VIEWER)])
def test_with_one_the_ui_and_its_socket_answer(door: Door, prefix: str, who: tuple[str, str]) -> None:
    with door.client(who) as client:
        page = client.get(f"{prefix}/")
        assert page.status_code == 200
        assert page.headers["x-content-type-options"] == "nosniff"
        assert "frame-ancestors 'none'" in page.headers["content-security-policy"]
        assert client.post(f"{prefix}/graphql", json=VERSION).json()["data"]["version"]
    assert asyncio.run(door.subscribe(f"{prefix}/graphql", who))["type"] == "connection_ack"


@pytest.mark.parametrize("path", ["/graphql", "/view/graphql"])
def test_the_socket_asks_for_the_password_too(door: Door, path: str) -> None:
    with pytest.raises(websockets.InvalidStatus, match="401"):
        asyncio.run(door.subscribe(path, None))


def launch(client: httpx.Client, prefix: str) -> dict:
    selector = {"repositoryLocationName": "thing.py", "repositoryName": "__repository__", "jobName": "make"}
    variables = {"params": {"selector": selector, "runConfigData": {}}}
    answer = client.post(f"{prefix}/graphql", json={"query": LAUNCH, "variables": variables})
    assert answer.status_code == 200, answer.text
    return answer.json()["data"]["launchRun"]


def test_an_operator_launches_and_a_viewer_cannot(door: Door) -> None:
    with door.client(VIEWER) as viewer, door.client(OPERATOR) as operator:
        assert launch(viewer, "/view")["__typename"] == "UnauthorizedError"
        assert launch(operator, "")["__typename"] == "LaunchRunSuccess"


def test_a_page_of_another_site_cannot_use_the_operators_password(door: Door) -> None:
    with door.client(OPERATOR, Origin="https://elsewhere.example") as client:
        assert client.post("/graphql", json=VERSION).status_code == 403
    with pytest.raises(websockets.InvalidStatus, match="403"):
        asyncio.run(door.subscribe("/graphql", OPERATOR, "https://elsewhere.example"))


def test_the_headers_let_the_ui_work_in_a_browser(door: Door, tmp_path: Path) -> None:
    with chromium() as browser:
        name, password = OPERATOR
        context = browser.new_context(
            ignore_https_errors=True, http_credentials={"username": name, "password": password}
        )
        page = context.new_page()
        refused: list[str] = []
        page.on("console", lambda told: refused.append(told.text) if "Content Security" in told.text else None)
        page.goto(f"https://localhost:{door.port}/assets")
        page.get_by_text("a_thing").first.wait_for(timeout=60_000)
        page.screenshot(path=tmp_path / "ui.png")
        assert refused == []
        context.close()
