"""The intake as its clients meet it: a real server in a process of its own, over HTTP on the loopback."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import socket
import subprocess
import time
import zipfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import psutil
import pytest

from hubs.contract.findings import CODES
from pipelines.intake.problems import REFUSALS
from pipelines.store import Store
from pipelines.tokens import Tokens
from tests.badfeeds import zipped
from tests.feeds import a_case_study, a_faq, as_cells, register, write_feed
from tests.intakes import (
    COMMAND,
    Intake,
    expired_token,
    form_of,
    intake,
    new_token,
    packed,
    registered,
    signed_in,
    verdict,
    wait_for,
)

CHECK, ONE, TWO = "/api/v1/check", "/api/v1/hubs/one/submissions", "/api/v1/hubs/two/submissions"


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Intake]:
    with intake(registered(tmp_path_factory.mktemp("intake")), upload_bytes=3_000_000, patience_seconds=1) as started:
        yield started


def a_zip(folder: Path, **changes: Any) -> Path:
    """A good feed in a zip, with a case study that has these changes."""
    return zipped(write_feed(folder / "feed", [a_case_study(**changes)], [a_faq()]))


def send(client: httpx.Client, path: Path, address: str = ONE) -> httpx.Response:
    return client.post(address, content=path.read_bytes(), params={"name": path.name})


def problem(response: httpx.Response, status: int, code: str) -> dict[str, Any]:
    """The problem details, which have to be these."""
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    data: dict[str, Any] = response.json()
    assert (data["status"], data["code"]) == (status, code)
    assert data["why"]
    assert data["mend"]
    return data


# The way of a good feed.


def test_a_check_tells_all_and_keeps_nothing(running: Intake, tmp_path: Path) -> None:
    before = running.kept()
    with running.client() as client:
        raw = send(client, packed("bad_values", tmp_path), CHECK)
        form = client.post(CHECK, files={"feed": ("bad.zip", (tmp_path / "feed.zip").read_bytes())})
    assert raw.status_code == 200
    assert raw.json() == form.json()
    assert raw.json()["outcome"] == "accepted"
    assert {"unknown_sector", "closed_licence"} <= {finding["code"] for finding in raw.json()["findings"]}
    assert running.kept() == before


def test_a_check_says_what_the_command_says(running: Intake, tmp_path: Path) -> None:
    path = packed("all_kinds", tmp_path)
    done = subprocess.run([*COMMAND, "check", str(path), "--json"], capture_output=True, text=True, check=False)
    with running.client() as client:
        report = send(client, path, CHECK).json()
    told = json.loads(done.stdout)
    assert {name: told[name] for name in report} == report


def test_a_check_may_use_the_mapping_of_a_hub(running: Intake, tmp_path: Path) -> None:
    path = zipped(write_feed(tmp_path / "feed", [a_case_study(licence=None)]))
    with running.client() as client:
        alone = send(client, path, CHECK).json()
        mapped = client.post(CHECK, params={"hub": "one", "name": path.name}, content=path.read_bytes()).json()
        problem(client.post(CHECK, params={"hub": "nobody"}, content=path.read_bytes()), 404, "unknown_hub")
    assert "missing_licence" in {finding["code"] for finding in alone["findings"]}
    assert "missing_licence" not in {finding["code"] for finding in mapped["findings"]}


def test_from_submission_to_receipt(tmp_path: Path) -> None:
    with intake(registered(tmp_path)) as running, running.client("one") as client:
        path = a_zip(tmp_path)
        sent = send(client, path)
        assert sent.status_code == 202
        assert sent.json()["submission"]["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
        receipt = verdict(client, sent.headers["location"])
        assert receipt["submission"]["state"] == "accepted"
        assert {record["status"] for record in receipt["records"]} == {"accepted"}
        assert all(record["due"] for record in receipt["records"])
        again = send(client, path)
        assert (again.status_code, again.headers["location"]) == (200, sent.headers["location"])
        listed = client.get(ONE).json()["submissions"]
        assert [entry["id"] for entry in listed] == [receipt["submission"]["id"]]
        page = client.get("/api/v1/hubs/one").json()
        assert page["submissions"] == listed
        assert page["score"]["of"] == 6


def test_the_command_submits_waits_and_tells(tmp_path: Path) -> None:
    folder = registered(tmp_path)
    good = write_feed(tmp_path / "good", [a_case_study()], [a_faq()])
    held = write_feed(tmp_path / "held", [a_case_study(sectors=["trees"])])
    with intake(folder) as running:

        def submit(feed: Path, *more: str, token: str = running.tokens["one"]) -> subprocess.CompletedProcess[str]:
            command = [*COMMAND, "submit", str(feed), "--to", running.address, *more]
            environment = os.environ | {"HUBPACKS_TOKEN": token}
            return subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=120)

        done = submit(good, "--json")
        receipt = json.loads(done.stdout)
        assert (done.returncode, receipt["submission"]["state"]) == (0, "accepted")
        assert json.loads(submit(good, "--json").stdout)["submission"]["id"] == receipt["submission"]["id"]
        refused = submit(held)
        assert refused.returncode == 1
        assert "ERROR unknown_sector" in refused.stdout
        assert submit(good, "--hub", "two").returncode == 2
        wrong = submit(good, token="hubpacks_00000000_" + "x" * 43)
        assert (wrong.returncode, "unknown_token" in wrong.stderr) == (2, True)
        assert submit(tmp_path / "nowhere").returncode == 2
        newer = write_feed(tmp_path / "newer", [a_case_study(body="Newer.")])
        assert submit(newer).returncode == 0
        old = submit(good)
        assert (old.returncode, "old_submission" in old.stdout) == (1, True)
        assert submit(write_feed(tmp_path / "last", [a_faq()]), "--no-wait").returncode == 0
        assert "Traceback" not in done.stderr + refused.stderr + wrong.stderr + old.stderr


def test_a_token_never_travels_in_the_clear(tmp_path: Path) -> None:
    command = [*COMMAND, "submit", str(a_zip(tmp_path)), "--to", "http://intake.example"]
    done = subprocess.run(
        command, env=os.environ | {"HUBPACKS_TOKEN": "x"}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert "in the clear" in done.stderr


# Feeds that mean harm, or are broken: a finding or a refusal with its code, nothing kept, the service still up.

HARM = {
    "zip_bomb": "too_large",
    "zip_that_claims_gigabytes": "too_large",
    "zip_in_a_zip": "unreadable_file",
    "zip_with_a_link": "unsafe_path",
    "zip_with_an_absolute_path": "unsafe_path",
    "zip_that_leads_out": "unsafe_path",
    "zip_cut_short": "not_a_feed",
    "workbook_with_a_password": "protected_file",
    "manifest_of_another_hub": "wrong_hub",
    "page": "not_a_feed",
    "picture": "not_a_feed",
    "hopeless": "hopeless_feed",
}


def codes_of(report: dict[str, Any]) -> set[str]:
    return {*report["held_by"], *(finding["code"] for finding in report["findings"])}


@pytest.mark.parametrize("name", HARM)
def test_a_harmful_feed_is_refused_with_its_code_and_not_kept(running: Intake, tmp_path: Path, name: str) -> None:
    path, before = packed(name, tmp_path), running.kept()
    with running.client("one") as client:
        checked = client.post(CHECK, params={"name": path.name, "hub": "one"}, content=path.read_bytes())
        assert checked.status_code == 200
        assert checked.json()["outcome"] != "accepted"
        assert HARM[name] in codes_of(checked.json())
        assert running.kept() == before
        sent = send(client, path)
        receipt = verdict(client, sent.headers["location"])
    assert receipt["submission"]["state"] == "refused"
    assert HARM[name] in codes_of(receipt["report"])
    assert set(receipt["submission"]["codes"]) <= set(CODES)
    new = {Path(file).name for file in running.kept().keys() - before.keys()}
    assert new == {"submission.json", "report.json", "report.html", "outcome.json"}
    assert running.is_up()


def test_names_that_differ_in_case_only_are_told(running: Intake, tmp_path: Path) -> None:
    with running.client() as client:
        report = send(client, packed("zip_with_names_that_differ_in_case", tmp_path), CHECK).json()
    assert "names_alike" in codes_of(report)


def test_formulas_and_macros_are_told_and_not_run(running: Intake, tmp_path: Path) -> None:
    import xlsxwriter

    path = tmp_path / "hub.xlsx"
    with xlsxwriter.Workbook(path) as book:
        sheet = book.add_worksheet("FAQs")
        for row, cells in enumerate((a_faq(), as_cells(a_faq()).values())):
            sheet.write_row(row, 0, cells)
        sheet.write(0, 12, "category")
        sheet.write_formula(1, 12, '=WEBSERVICE("http://127.0.0.1/")', value="x")
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("xl/vbaProject.bin", b"macro")
    with running.client() as client:
        report = send(client, path, CHECK).json()
    assert report["outcome"] == "accepted"
    assert {"formula_cells", "macros_not_run"} <= codes_of(report)


def test_an_old_submission_is_not_taken_again(running: Intake, tmp_path: Path) -> None:
    first, second = a_zip(tmp_path / "a", body="First."), a_zip(tmp_path / "b", body="Second.")
    with running.client("two") as client:
        for path in (first, second):
            verdict(client, send(client, path, TWO).headers["location"])
        before = running.kept()
        problem(send(client, first, TWO), 409, "old_submission")
        assert send(client, second, TWO).status_code == 200
    assert running.kept() == before


@pytest.mark.parametrize("declared", [True, False])
def test_too_large_an_upload_is_refused(running: Intake, declared: bool) -> None:
    before = running.kept()
    data = bytes(4_000_000)
    content = data if declared else iter([data[:1_000_000]] * 4)
    with running.client("one") as client:
        problem(client.post(ONE, content=content), 413, "too_large")
        problem(client.post(CHECK, files={"feed": ("x.zip", data)}), 413, "too_large")
    assert running.kept() == before
    assert running.is_up()


def test_ten_gigabytes_that_are_only_promised_are_refused_at_once(running: Intake) -> None:
    with connection(running) as sock:
        sock.sendall(b"POST /api/v1/check HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10000000000\r\n\r\nPK")
        assert sock.recv(4096).startswith(b"HTTP/1.1 413")
    assert running.is_up()


@pytest.mark.parametrize(
    ("request_", "status", "code"),
    [
        ({"content": b""}, 400, "no_file"),
        ({"data": {"csrf": "x"}}, 400, "no_file"),
        ({"files": {"other": ("x.zip", b"PK")}}, 400, "bad_request"),
        ({"files": [("feed", ("x.zip", b"PK")), ("feed", ("y.zip", b"PK"))]}, 400, "bad_request"),
        ({"files": {"feed": ("x.zip", b"PK")}, "data": {"hub": "x" * 20_000}}, 400, "bad_request"),
        ({"content": b"--x", "headers": {"content-type": "multipart/form-data"}}, 400, "bad_request"),
        ({"content": b"rubbish", "headers": {"content-type": "multipart/form-data; boundary=x"}}, 400, "bad_request"),
        ({"content": b"--x\r\n", "headers": {"content-type": "multipart/form-data; boundary=x"}}, 400, "bad_request"),
    ],
)
def test_a_request_that_cannot_be_read_is_refused(running: Intake, request_: Any, status: int, code: str) -> None:
    before = running.kept()
    with running.client() as client:
        problem(client.post(CHECK, **request_), status, code)
    assert running.kept() == before


@pytest.mark.parametrize(
    "name", ["../../../escaped.zip", "/etc/escaped.zip", "..", "a\0b.zip", "\u202egpj.zip", "x" * 999]
)
def test_the_name_of_a_file_is_never_a_path(running: Intake, tmp_path: Path, name: str) -> None:
    before = {path for path in running.folder.rglob("*") if "inbox" not in path.parts}
    data = a_zip(tmp_path, body=name.encode("unicode_escape").decode()).read_bytes()
    with running.client("one") as client:
        raw = client.post(ONE, params={"name": name}, content=data)
        receipt = verdict(client, raw.headers["location"])
        assert client.post(CHECK, files={"feed": (name, data)}).status_code == 200
    assert receipt["submission"]["state"] == "accepted"
    assert {path for path in running.folder.rglob("*") if "inbox" not in path.parts} == before
    (feed,) = (running.store / "inbox/one" / receipt["submission"]["id"] / "feed").iterdir()
    assert feed.read_bytes() == data


# Tokens, and what one hub may know of another.


def test_wrong_tokens_open_nothing_and_say_nothing(tmp_path: Path) -> None:
    folder = registered(tmp_path)
    now = datetime.now(UTC)
    revoked = new_token(folder, "one")
    Tokens(Store(folder / "store").tokens).revoke(revoked.split("_")[1], now)
    wrong = {
        "": "unknown_token",
        "Bearer": "unknown_token",
        "Bearer nonsense": "unknown_token",
        f"Bearer hubpacks_00000000_{'x' * 43}": "unknown_token",
        f"Bearer {new_token(folder, 'one')[:-1]}!": "unknown_token",
        f"Bearer {expired_token(folder, 'one')}": "expired_token",
        f"Bearer {revoked}": "revoked_token",
        "Bearer " + "x" * 9_000: "unknown_token",
    }
    with intake(folder, wrong_tokens_at_once=1000) as running:
        before = running.kept()
        with running.client() as client:
            for header, code in wrong.items():
                for address in (ONE, "/api/v1/hubs/nobody/submissions"):
                    headers = {"Authorization": header}
                    data = problem(client.post(address, content=b"PK", headers=headers), 401, code)
                    assert data == client.get(address, headers=headers).json()
        assert running.kept() == before
        secrets = [header.split("_", 2)[2] for header in wrong if "_" in header]
        assert len(secrets) == 4
        assert not [secret for secret in secrets if secret in running.log]


def test_a_hub_learns_nothing_of_another(running: Intake, tmp_path: Path) -> None:
    with running.client("one") as one, running.client("two") as two:
        sent = send(one, a_zip(tmp_path, body="Only for one."))
        receipt = verdict(one, sent.headers["location"])
        number = receipt["submission"]["id"]
        there, nowhere = (two.get(f"{TWO}/{found}") for found in (number, "20260101T000000000000Z-00000000"))
        assert problem(there, 404, "not_found") == problem(nowhere, 404, "not_found")
        denied = [two.get(address) for address in (ONE, f"{ONE}/{number}", f"{ONE}/no", "/api/v1/hubs/nobody")]
        assert {response.text for response in denied} == {denied[0].text}
        problem(denied[0], 403, "other_hub")
        problem(two.post(ONE, content=b"PK"), 403, "other_hub")
        assert number not in two.get("/api/v1/hubs/two").text
        for odd in ("../../one", "%2e%2e%2fone", f"{number}%00"):
            assert two.get(f"{TWO}/{odd}").status_code in (403, 404)


def test_a_hub_that_has_left_may_submit_no_more(tmp_path: Path) -> None:
    folder = registered(tmp_path)
    with intake(folder) as running, running.client("two") as client:
        assert client.get(TWO).status_code == 200
        registration = folder / "registry/two.yaml"
        registration.write_text(registration.read_text(encoding="utf-8") + "retired: true\n", encoding="utf-8")
        problem(client.post(TWO, content=b"PK"), 403, "not_a_hub")


# Guards.


def test_every_answer_carries_its_headers(running: Intake) -> None:
    with running.client() as client:
        for address in ("/", "/sign-in", "/codes", "/nowhere", "/healthz", "/openapi.json", CHECK, ONE):
            headers = client.get(address).headers
            assert headers["content-security-policy"].startswith("default-src 'none'"), address
            assert "frame-ancestors 'none'" in headers["content-security-policy"]
            assert headers["x-content-type-options"] == "nosniff"
            assert headers["cache-control"] == "no-store"
            assert "server" not in headers
        assert "max-age" in client.get("/assets/intake.css").headers["cache-control"]
        assert client.get("/assets/../app.py").status_code == 404


def test_only_its_own_names_are_answered(running: Intake) -> None:
    with running.client() as client:
        assert client.get("/healthz", headers={"Host": "localhost:99"}).status_code == 200
        for host in ("evil.example", "localhost.evil.example", "evil.example:8001", "[::2]"):
            problem(client.get("/healthz", headers={"Host": host}), 400, "unknown_host")


def test_a_session_is_a_strict_cookie_that_ends_with_its_token(tmp_path: Path) -> None:
    folder = registered(tmp_path)
    with intake(folder, hosts="intake.example") as running, signed_in(running, "one") as client:
        cookie = client.post("/sign-in", data={"csrf": form_of(client, "/sign-in"), "token": running.tokens["one"]})
        told = cookie.headers["set-cookie"]
        assert "HttpOnly" in told
        assert "SameSite=strict" in told
        assert "Secure" not in told
        public = client.get("/", headers={"Host": "intake.example", "Cookie": ""}).headers["set-cookie"]
        assert public.startswith("__Host-hubpacks=")
        assert "Secure" in public
        assert client.get("/hub").status_code == 200
        Tokens(Store(running.store).tokens).revoke(running.tokens["one"].split("_")[1], datetime.now(UTC))
        assert client.get("/hub").status_code == 303
        assert running.tokens["one"] not in running.log


def test_a_session_ends_when_nobody_is_there(tmp_path: Path) -> None:
    with intake(registered(tmp_path), session_seconds=2) as running, signed_in(running, "one") as client:
        assert client.get("/hub").status_code == 200
        time.sleep(2.1)  # to ask would be to be there
        assert client.get("/hub").status_code == 303


def test_a_session_sees_its_own_hub_only(running: Intake, tmp_path: Path) -> None:
    with running.client("one") as one:
        sent = send(one, a_zip(tmp_path, body="For the eyes of one."))
        number = verdict(one, sent.headers["location"])["submission"]["id"]
    with signed_in(running, "two") as two, signed_in(running, "one") as own, running.client() as nobody:
        for end in ("", "/receipt.json", "/receipt.html", "/report.json", "/report.html"):
            address = f"/hub/submissions/{number}{end}"
            assert own.get(address).status_code == 200, address
            there, nowhere = two.get(address), two.get(f"/hub/submissions/20260101T000000000000Z-00000000{end}")
            assert (there.status_code, there.text) == (nowhere.status_code, nowhere.text)
            assert there.status_code == 404
            assert nobody.get(address).status_code in (303, 401)
        assert number not in two.get("/hub.json").text


def test_a_form_from_elsewhere_is_refused(running: Intake, tmp_path: Path) -> None:
    before, path = running.kept(), a_zip(tmp_path)
    files = {"feed": (path.name, path.read_bytes())}
    with signed_in(running, "one") as client, running.client() as stranger:
        proof = form_of(client, "/hub")
        foreign = [
            client.post("/hub/submissions", files=files),
            client.post("/hub/submissions", files=files, data={"csrf": "0" * 64}),
            client.post("/hub/submissions", files=files, data={"csrf": form_of(stranger)}),
            client.post(
                "/hub/submissions", files=files, data={"csrf": proof}, headers={"Sec-Fetch-Site": "cross-site"}
            ),
            client.post(
                "/hub/submissions", files=files, data={"csrf": proof}, headers={"Origin": "http://evil.example"}
            ),
            client.post("/hub/submissions", files=files, data={"csrf": proof}, headers={"Origin": "null"}),
            client.post("/sign-out", data={"csrf": "x"}),
            client.post("/check", files=files),
            stranger.post("/sign-in", data={"token": running.tokens["two"]}),
            stranger.post(CHECK, files=files, headers={"Origin": "http://evil.example"}),
        ]
        assert [response.status_code for response in foreign] == [403] * len(foreign)
        assert running.kept() == before
        assert client.post("/hub/submissions", files=files, data={"csrf": proof}).status_code == 303
        assert client.post("/sign-out", data={"csrf": proof}).status_code == 303
        assert client.get("/hub").headers["location"] == "/sign-in"


def test_after_signing_in_nobody_is_sent_elsewhere(running: Intake) -> None:
    for wanted, led in {"https://evil.example": "/hub", "//evil.example": "/hub", "/hub/submissions/x": None}.items():
        with running.client() as client:
            data = {"csrf": form_of(client, "/sign-in"), "token": running.tokens["one"], "next": wanted}
            assert client.post("/sign-in", data=data).headers["location"] == (led or wanted)


def test_rates_are_kept_for_each_client_and_each_token(tmp_path: Path) -> None:
    limits = {"checks_at_once": 2, "submissions_at_once": 2, "wrong_tokens_at_once": 2}
    with intake(registered(tmp_path), **limits) as running, running.client() as client:
        for _ in range(2):
            assert client.post(CHECK, content=b"x").status_code == 200
        problem(client.post(CHECK, content=b"x"), 429, "too_many_requests")
        with running.client("one") as one, running.client("two") as two:
            statuses = [one.post(ONE, content=bytes([number])).status_code for number in range(3)]
            assert statuses == [202, 202, 429]
            assert two.post(TWO, content=b"x").status_code == 202
        for _ in range(2):
            assert client.get(ONE, headers={"Authorization": "Bearer x"}).status_code == 401
        waiting = client.get(ONE, headers={"Authorization": "Bearer x"})
        problem(waiting, 429, "too_many_requests")
        assert int(waiting.headers["retry-after"]) > 0
    with intake(tmp_path, requests_at_once=5, seconds_a_request=60) as running, running.client() as client:
        assert [client.get("/healthz").status_code for _ in range(7)] == [200] * 5 + [429] * 2


def test_too_many_checks_at_once_are_asked_to_wait(tmp_path: Path) -> None:
    data = a_zip(tmp_path).read_bytes()
    with intake(registered(tmp_path), checks_waiting=1) as running, running.client() as client:
        with ThreadPoolExecutor(8) as pool:
            answers = list(pool.map(lambda _: client.post(CHECK, content=data), range(8)))
        statuses = {answer.status_code for answer in answers}
        assert statuses == {200, 503}
        assert all("retry-after" in answer.headers for answer in answers if answer.status_code == 503)
        assert running.is_up()


def connection(running: Intake) -> socket.socket:
    parts = urlsplit(running.address)
    assert parts.hostname
    assert parts.port
    return socket.create_connection((parts.hostname, parts.port), timeout=20)


def test_slow_clients_are_cut_off(tmp_path: Path) -> None:
    with intake(registered(tmp_path), header_seconds=1, patience_seconds=1, slowest_bytes_a_second=100_000) as running:
        before = running.kept()
        head = f"POST {CHECK} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\n".encode()
        for start in (b"", head[:20]):
            with connection(running) as sock:
                sock.sendall(start)
                assert sock.recv(100) == b""  # nobody waits for a head for ever
        with connection(running) as sock:
            sock.sendall(head + b"PK")
            assert sock.recv(100).startswith(b"HTTP/1.1 408")
        with connection(running) as sock:
            sock.sendall(head)
            answer, start = b"", time.monotonic()
            sock.settimeout(0.05)
            while not answer and time.monotonic() - start < 15:
                sock.sendall(b".")
                try:
                    answer = sock.recv(100)
                except TimeoutError:
                    continue
            assert answer.startswith(b"HTTP/1.1 408")
        with connection(running) as sock:
            sock.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\nX: " + b"x" * 100_000)
            assert sock.recv(100).startswith(b"HTTP/1.1 400")
        assert running.kept() == before
        assert running.is_up()


@pytest.mark.parametrize("framing", ["Content-Length: 1000", "Transfer-Encoding: chunked"])
def test_who_leaves_half_way_has_sent_nothing(running: Intake, framing: str) -> None:
    before = running.kept()
    token = running.tokens["one"]
    head = f"POST {ONE} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\n{framing}\r\n\r\n"
    with connection(running) as sock:
        sock.sendall(head.encode() + b"5\r\nPK\3\4x\r\n")
        wait_for(lambda: running.kept() != before)
    wait_for(lambda: running.kept() == before)
    assert running.is_up()


def test_who_leaves_while_the_judge_works_stops_it(tmp_path: Path) -> None:
    data = zipped(write_feed(tmp_path / "feed", [a_case_study(id=f"s-{n}") for n in range(3_000)])).read_bytes()
    with intake(registered(tmp_path)) as running:
        head = f"POST {CHECK}?name=x.zip HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(data)}\r\n\r\n"
        with connection(running) as sock:
            sock.sendall(head.encode() + data)
            judge = wait_for_judge(running)
        psutil.wait_procs([judge], timeout=10)
        assert not judge.is_running()
        wait_for(lambda: any("status=499" in line for line in running.log.splitlines()))
        wait_for(lambda: running.kept().keys() == {"tokens.json"})


def judges_of(running: Intake) -> list[psutil.Process]:
    return psutil.Process(running.process.pid).children()


def wait_for_judge(running: Intake) -> psutil.Process:
    return wait_for(lambda: judges_of(running))[0]


# Machines that fail.


def test_a_submission_outlives_kill_9(tmp_path: Path) -> None:
    folder = registered(tmp_path)
    path = zipped(write_feed(tmp_path / "feed", [a_case_study(id=f"s-{n}", body=f"B {n}.") for n in range(400)]))
    with intake(folder) as running, running.client("one") as client:
        address = send(client, path).headers["location"]
        judge = wait_for_judge(running)
        running.kill()
        psutil.wait_procs([judge], timeout=10)
        assert not judge.is_running()  # the judge goes with its intake
    (waiting,) = Store(folder / "store").inbox.glob("one/*/submission.json")
    assert not waiting.with_name("outcome.json").exists()
    with intake(folder) as running, running.client("one") as client:
        receipt = verdict(client, address)
    assert receipt["submission"]["state"] == "accepted"
    assert receipt["report"]["counts"]["accepted"] == 400
    assert not list((folder / "store/inbox/.staging").iterdir())  # neither the upload nor what its judge unpacked


def test_an_upload_that_kill_9_cuts_leaves_nothing(tmp_path: Path) -> None:
    folder = registered(tmp_path)
    with intake(folder) as running:
        head = f"POST {ONE} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {running.tokens['one']}\r\n"
        with connection(running) as sock:
            sock.sendall(f"{head}Content-Length: 1000\r\n\r\nPK".encode())
            wait_for(lambda: running.kept().keys() != {"tokens.json"})
            running.kill()
    with intake(folder) as running:
        assert running.is_up()
        assert running.kept().keys() == {"tokens.json"}


@pytest.mark.parametrize(
    ("limit", "seen"),
    [
        ({"judge_memory_bytes": 100 << 20}, "judge_gave_up"),
        ({"submission_seconds": 0.2, "check_seconds": 0.2}, "judge_gave_up"),
        ({"judge_disk_bytes": 10_000}, "judge_gave_up"),
        ({"report_bytes": 1000}, "judge_gave_up"),
    ],
)
def test_a_judge_that_takes_too_much_is_ended_and_the_feed_refused(tmp_path: Path, limit: Any, seen: str) -> None:
    path = zipped(write_feed(tmp_path / "feed", [a_case_study(id=f"s-{n}", body="B " * 9999) for n in range(20)]))
    with intake(registered(tmp_path), **limit) as running, running.client("one") as client:
        assert send(client, path, CHECK).json()["held_by"] == [seen]
        receipt = verdict(client, send(client, path).headers["location"])
        assert (receipt["submission"]["state"], receipt["submission"]["codes"]) == ("refused", [seen])
        assert running.is_up()
        assert not (running.store / "inbox/one" / receipt["submission"]["id"] / "feed").exists()


def test_a_judge_that_is_shot_refuses_and_the_next_feed_is_judged(tmp_path: Path) -> None:
    path = zipped(write_feed(tmp_path / "feed", [a_case_study(id=f"s-{n}", body=f"B {n}.") for n in range(400)]))
    with intake(registered(tmp_path)) as running, running.client("one") as client:
        address = send(client, path).headers["location"]
        wait_for_judge(running).send_signal(signal.SIGSEGV)
        assert verdict(client, address)["submission"]["codes"] == ["judge_failed"]
        assert verdict(client, send(client, path).headers["location"])["submission"]["state"] == "accepted"


def test_two_intakes_cannot_serve_one_store(tmp_path: Path) -> None:
    with intake(registered(tmp_path)):
        command = [*COMMAND, "intake", "--port", "0", "--registry", "registry", "--store", "store"]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 2
    assert "at work here" in done.stderr


def test_settings_that_cannot_be_are_named(tmp_path: Path) -> None:
    folder = registered(tmp_path)
    (folder / "hubpacks.toml").write_text("[intake]\nupload_bytes = -1\n", encoding="utf-8")
    command = [*COMMAND, "intake", "--port", "0", "--registry", "registry", "--store", "store"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 2
    assert "upload_bytes" in done.stderr


def test_many_submissions_at_once_lose_none(tmp_path: Path) -> None:
    """The small sister of the soak test: 12 of 2 MB."""
    paths = [tmp_path / f"{number}.zip" for number in range(12)]
    for number, path in enumerate(paths):
        feed = write_feed(tmp_path / str(number), [a_case_study(body=f"Text {number}.")])
        (feed / "picture.bin").write_bytes(os.urandom(2_000_000))
        assert zipped(feed) == path
    with intake(registered(tmp_path)) as running, running.client("one") as client:
        with ThreadPoolExecutor(12) as pool:
            answers = list(pool.map(lambda path: send(client, path), paths))
        assert [answer.status_code for answer in answers] == [202] * 12
        receipts = [verdict(client, answer.headers["location"]) for answer in answers]
    assert {receipt["submission"]["state"] for receipt in receipts} == {"accepted"}
    digests = {hashlib.sha256(path.read_bytes()).hexdigest() for path in paths}
    assert {receipt["submission"]["sha256"] for receipt in receipts} == digests


def test_every_refusal_is_in_the_list_of_codes(running: Intake) -> None:
    with running.client() as client:
        page = client.get("/codes").text
    assert all(f'id="{code}"' in page for code in {**REFUSALS, **CODES})


def test_a_registry_that_breaks_while_it_runs_stops_nothing(tmp_path: Path) -> None:
    folder = registered(tmp_path)
    with intake(folder) as running, running.client("one") as client:
        (folder / "registry/one.yaml").unlink()
        (folder / "registry/two.yaml").write_text("id: [", encoding="utf-8")
        assert client.get("/").status_code == 200
        assert client.post(CHECK, content=a_zip(tmp_path).read_bytes()).json()["outcome"] == "accepted"
        register(folder, id="one", licence="OGL-UK-3.0")
        sent = send(client, a_zip(tmp_path / "more", body="More."))
        assert verdict(client, sent.headers["location"])["submission"]["state"] == "accepted"


def test_who_leaves_the_queue_frees_a_place(tmp_path: Path) -> None:
    data = zipped(write_feed(tmp_path / "feed", [a_case_study(id=f"s-{n}") for n in range(3_000)])).read_bytes()
    head = f"POST {CHECK}?name=x.zip HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(data)}\r\n\r\n".encode()
    with intake(registered(tmp_path), checks_waiting=1) as running, running.client() as client:
        with connection(running) as first, connection(running) as second:
            first.sendall(head + data)
            wait_for_judge(running)
            second.sendall(head + data)
            wait_for(lambda: len(uploads_of(running)) == 2)
            problem(client.post(CHECK, content=data), 503, "busy")
        small = a_zip(tmp_path / "small").read_bytes()
        wait_for(lambda: client.post(CHECK, content=small).status_code == 200, 10)


def uploads_of(running: Intake) -> list[str]:
    """The uploads that are complete and not yet judged."""
    return [name for name in running.kept() if "/named/" in name]
