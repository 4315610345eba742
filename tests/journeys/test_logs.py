"""A whole run over hubs that are full of what must not get into a log, with a webhook that fails at its end."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.feeds import a_case_study, a_faq, register, write_feed
from tests.mailboxes import a_silent_server

CANARY = "canary"


class Leading(BaseHTTPRequestHandler):
    """Leads on to an address full of canaries, where there is nothing."""

    def do_GET(self) -> None:
        is_first = "/first" in self.path
        self.send_response(302 if is_first else 404, "Canary reason")
        if is_first:
            self.send_header("Location", "/canary-path/feed.zip?canary=canary-query#canary")
        body = b"canary body data@canary.example"
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        pass


@pytest.fixture
def server() -> Iterator[int]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Leading) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()


def write_hubs(folder: Path, port: int) -> None:
    text = "Write to canary@canary.example, token canary-token, https://canary.example/?canary=canary. "
    register(folder, id="good", data_contact={"role": "Canary keeper", "email": "canary@canary.example"})
    study = a_case_study(title="Canary title", summary=f"Canary summary. {text}", body=text * 3)
    write_feed(folder / "feeds/good", [study, a_faq(question="Is this a canary?")])
    register(folder, id="bad")
    bad = a_case_study(id="canary-id", title="Canary", sectors=["canary"], body=text, licence="canary")
    write_feed(folder / "feeds/bad", [bad])
    register(folder, id="broken")
    (folder / "feeds/broken").mkdir()
    (folder / "feeds/broken/datapackage.json").write_text('{"canary": [')
    address = f"http://127.0.0.1:{port}/first/canary.zip?canary=canary-query"
    register(folder, id="elsewhere", address=address, private_address=True, secret="HUB_TOKEN")
    (folder / "registry/unusable.yaml").write_text("id: unusable\nname: {en: Canary}\n")


@pytest.mark.parametrize("form", ["json", "text"])
def test_no_canary_gets_into_the_log(tmp_path: Path, server: int, form: str) -> None:
    write_hubs(tmp_path, server)
    with a_silent_server() as port:
        pass
    settings = f'webhook = "http://127.0.0.1:{port}/canary?canary=canary"\ndisk_free_bytes = 0\n'
    (tmp_path / "hubpacks.toml").write_text(f"[alerts]\n{settings}")
    command = [Path(sys.executable).with_name("hubpacks"), "run", "--address", "https://packs.example.org/"]
    folders = ["--registry", "registry", "--store", "store", "--publish", "public"]
    environment = os.environ | {"HUBPACKS_LOG": form, "HUB_TOKEN": "canary-token"}
    done = subprocess.run(
        [*command, *folders], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    log = done.stderr
    assert done.returncode == 1, log  # one registration cannot be used
    assert (tmp_path / "public/latest.json").exists()
    assert CANARY not in log.lower(), log
    assert "HUB_TOKEN" not in log
    assert "alert_not_sent" in log
    if form == "text":
        return
    said = [line for line in log.splitlines() if not line.startswith("{")]
    assert len(said) == 1  # to whoever typed the command: which registration cannot be used
    told = [json.loads(line) for line in log.splitlines() if line.startswith("{")]
    assert {"time", "level", "logger", "event", "run"} <= set.intersection(*({*line} for line in told))
    assert len({line["run"] for line in told}) == 1
    events = [line["event"] for line in told]
    assert (events[0], events[-1]) == ("run_started", "alert_not_sent")
    pulled = {line["hub"]: line.get("code") for line in told if line["event"] in ("hub_pulled", "hub_not_pulled")}
    assert pulled == {"bad": None, "broken": None, "elsewhere": "address_refused", "good": None}
    stages = {line["stage"] for line in told if line["event"] == "stage_ended"}
    assert stages == {"pull", "judge", "consolidate", "count", "publish"}
    assert [line["host"] for line in told if line["event"] == "pull_redirected"] == ["127.0.0.1"]
