"""The published site over HTTP. ``hubpacks serve`` and Debian's nginx, with the configuration that ``hubpacks serve
--nginx`` prints, pass the same tests.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
from playwright.sync_api import Browser

from pipelines.publish import gone, publish
from pipelines.publish.pointers import POINTERS
from pipelines.publish.release import MEDIA_TYPES
from pipelines.publish.signed import UNLISTED
from tests.browser import is_styled
from tests.builders import KEY, an_edition
from tests.servers import by_serve, free_port, nginx_of
from tests.websites import serving

COMMAND = str(Path(sys.executable).with_name("hubpacks"))
FIRST, SECOND = "2026-11-23.01", "2026-11-23.02"
RELEASE = f"releases/{FIRST}"
PAGES = (
    "",
    f"{RELEASE}/",
    f"{RELEASE}/en/index.html",
    f"{RELEASE}/en/packs/sector-local-government.html",
    f"{RELEASE}/packs/national/pack.html",
    f"{RELEASE}/cy/records/vale-letters.html",
    f"{RELEASE}/en/benchmarks/interop-baseline-v1-decision-maker.html",
    f"{RELEASE}/cy/benchmarks/interop-baseline-v1-procurement-professional.html",
    f"{RELEASE}/en/self-assessment/interop-baseline-v1-decision-maker.html",
    f"{RELEASE}/en/browse/a-z.html",
    f"{RELEASE}/en/data.html",
    f"{RELEASE}/en/coverage.html",
)
GONE = f"{RELEASE}/en/records/taken-down.html"
CSV = f"{RELEASE}/benchmarks/benchmarks.csv"
PARQUET = f"{RELEASE}/benchmarks/benchmarks.parquet"
IMMUTABLE, FRESH = "public, max-age=31536000, immutable", "no-cache"
SECURITY = {
    "content-security-policy": "default-src 'none'; style-src 'self'; img-src 'self'; script-src 'self'; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "permissions-policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    "cross-origin-opener-policy": "same-origin",
}
KEYS = ("keys/keys.json", "keys/minisign.pub", "keys/openssl.pem", "keys/allowed_signers")
SECRET = "not for readers"


@contextmanager
def by_nginx(public: Path, scratch: Path) -> Iterator[str]:
    """Debian's nginx, with nothing but what the command prints."""
    port = free_port()
    with nginx_of(printed("--publish", str(public), "--port", str(port)), scratch / "nginx", port):
        yield f"http://127.0.0.1:{port}"


SERVERS: dict[str, Callable[[Path, Path], object]] = {"serve": by_serve, "nginx": by_nginx}
each_server = pytest.mark.parametrize("running", SERVERS, indirect=True)


def printed(*arguments: str) -> str:
    command = [COMMAND, "serve", "--nginx", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A public folder with one release, and with what should never lie there."""
    public = tmp_path_factory.mktemp("original") / "public"
    publish(an_edition(), public, KEY)
    gone.add(public, [GONE])
    (public / "releases" / f".building-{SECOND}").mkdir()
    (public / "releases" / f".building-{SECOND}" / "index.html").write_text(SECRET)
    (public / ".env").write_text(SECRET)
    (public.parent / "outside.html").write_text(SECRET)
    (public / RELEASE / "leak.html").symlink_to("../../../outside.html")
    (public / RELEASE / "up").symlink_to("../../..")
    (public / "leak.json").symlink_to(public.parent / "outside.html")
    (public / "loop.json").symlink_to("loop.json")
    return public


@pytest.fixture(scope="module")
def running(request: pytest.FixtureRequest, original: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with SERVERS[request.param](original, tmp_path_factory.mktemp(request.param)) as address:
        yield address


@pytest.fixture
def client(running: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=running, headers={"Accept-Encoding": "identity"}) as client:
        yield client


def raw(address: str, target: str, method: str = "GET") -> bytes:
    """The answer to a request whose target is sent as it stands."""
    parts = urlsplit(address)
    with socket.create_connection((parts.hostname, parts.port), timeout=10) as connection:
        connection.sendall(f"{method} {target} HTTP/1.1\r\nHost: {parts.netloc}\r\nConnection: close\r\n\r\n".encode())
        return b"".join(iter(lambda: connection.recv(65536), b""))


@each_server
def test_the_bytes_are_those_of_the_files(client: httpx.Client, original: Path) -> None:
    wanted = [path for path in (original / RELEASE).rglob("*") if path.is_file() and "leak" not in path.name]
    wanted = [path for path in wanted if "up" not in path.relative_to(original / RELEASE).parts]
    assert len(wanted) > 100
    for path in [*wanted, *(original / name for name in POINTERS)]:
        answer = client.get(f"/{path.relative_to(original)}")
        assert (answer.status_code, answer.content) == (200, path.read_bytes()), path
    assert client.get("/").content == (original / "index.html").read_bytes()
    assert client.get(f"/{RELEASE}/").content == (original / RELEASE / "index.html").read_bytes()


@each_server
def test_every_answer_is_secure_and_says_no_version(client: httpx.Client) -> None:
    etag = client.get("/").headers["etag"]
    answers = {
        200: client.get("/"),
        206: client.get(f"/{CSV}", headers={"Range": "bytes=0-1"}),
        301: client.get(f"/{RELEASE}"),
        304: client.get("/", headers={"If-None-Match": etag}),
        404: client.get("/nowhere"),
        405: client.post("/"),
        410: client.get(f"/{GONE}"),
        416: client.get(f"/{CSV}", headers={"Range": "bytes=9999999-"}),
    }
    for status, answer in answers.items():
        assert answer.status_code == status
        assert {name: answer.headers.get(name) for name in SECURITY} == SECURITY, status
        assert answer.headers.get("access-control-allow-origin", "*") == "*", status
        assert answer.headers.get("server", "nginx") == "nginx"


@each_server
def test_what_was_taken_down_is_gone_and_that_is_asked_about_each_time(client: httpx.Client, original: Path) -> None:
    answer = client.get(f"/{GONE}")
    assert (answer.status_code, answer.headers["cache-control"]) == (410, FRESH)
    assert answer.text == "What was published at this address has been taken down.\n"
    assert answer.headers["content-type"].startswith("text/plain")
    assert client.get(f"/{GONE}x").status_code == 404
    assert client.get("/.gone.map").status_code == 404
    assert client.head(f"/{GONE}").status_code == 410


@each_server
def test_releases_are_kept_for_ever_and_pointers_are_asked_about(client: httpx.Client) -> None:
    for name in ("index.html", "release.json", "packs/national/records.csv", "assets/hubpacks.css", ""):
        assert client.get(f"/{RELEASE}/{name}").headers["cache-control"] == IMMUTABLE
    for name in ("", *POINTERS):
        answer = client.get(f"/{name}")
        assert (answer.headers["cache-control"], bool(answer.headers["etag"])) == (FRESH, True)
    kept = client.get(f"/{CSV}")
    again = client.get(f"/{CSV}", headers={"If-None-Match": kept.headers["etag"]})
    part = client.get(f"/{CSV}", headers={"Range": "bytes=0-9"})
    assert (again.status_code, again.headers["cache-control"]) == (304, IMMUTABLE)
    assert (part.status_code, part.headers["cache-control"]) == (206, IMMUTABLE)
    # What is not there may come yet.
    for path in (f"/{RELEASE}/nowhere.html", f"/releases/{SECOND}/index.html", "/releases/", f"/{RELEASE}"):
        assert client.get(path).headers["cache-control"] == FRESH
    beyond = client.get(f"/{CSV}", headers={"Range": "bytes=99999999-"})
    assert FRESH in beyond.headers.get_list("cache-control", split_commas=True)


@each_server
@pytest.mark.parametrize("name", ["index.html", "latest.json", f"{RELEASE}/en/index.html", CSV, PARQUET])
def test_what_a_reader_has_is_not_sent_again(client: httpx.Client, name: str) -> None:
    first = client.get(f"/{name}")
    for tag in (first.headers["etag"], f'"other", {first.headers["etag"]}', f"W/{first.headers['etag']}", "*"):
        again = client.get(f"/{name}", headers={"If-None-Match": tag})
        assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", first.headers["etag"]), tag
    assert client.get(f"/{name}", headers={"If-None-Match": '"other"'}).status_code == 200
    since = {"If-Modified-Since": first.headers["last-modified"]}
    assert client.get(f"/{name}", headers=since).status_code == 304


@each_server
def test_a_part_of_a_file_can_be_had(client: httpx.Client, original: Path) -> None:
    data = (original / PARQUET).read_bytes()
    for wanted, start, end in (("4-11", 4, 12), ("0-0", 0, 1), ("-8", len(data) - 8, len(data)), ("8-", 8, len(data))):
        answer = client.get(f"/{PARQUET}", headers={"Range": f"bytes={wanted}", "Accept-Encoding": "gzip"})
        assert (answer.status_code, answer.content) == (206, data[start:end])
        assert answer.headers["content-range"] == f"bytes {start}-{end - 1}/{len(data)}"
    assert client.get(f"/{PARQUET}").headers["accept-ranges"] == "bytes"
    assert client.get(f"/{PARQUET}", headers={"Range": f"bytes={len(data)}-"}).status_code == 416
    etag = client.get(f"/{PARQUET}").headers["etag"]
    same = client.get(f"/{PARQUET}", headers={"Range": "bytes=0-3", "If-Range": etag})
    changed = client.get(f"/{PARQUET}", headers={"Range": "bytes=0-3", "If-Range": '"other"'})
    assert (same.status_code, changed.status_code, changed.content) == (206, 200, data)


@each_server
@pytest.mark.parametrize("name", ["index.html", "latest.json", CSV, f"{RELEASE}/packs/national/records.jsonl"])
def test_text_is_compressed_for_those_who_accept_it(client: httpx.Client, original: Path, name: str) -> None:
    data = (original / name).read_bytes()
    answer = client.get(f"/{name}", headers={"Accept-Encoding": "br, gzip"})
    assert answer.content == data
    if len(data) < 500:  # not worth it: one server does, the other does not
        return
    assert answer.headers["content-encoding"] == "gzip"
    assert answer.num_bytes_downloaded < len(data)
    plain = client.get(f"/{name}")
    assert "content-encoding" not in plain.headers
    assert answer.headers["vary"] == plain.headers["vary"] == "Accept-Encoding"
    # Its bytes are others than the file's: what it calls them must not join the two in a download that broke off.
    etag = answer.headers["etag"]
    assert etag.startswith("W/")
    part = client.get(f"/{name}", headers={"Range": "bytes=10-", "If-Range": etag})
    assert (part.status_code, part.content) == (200, data)
    accepting = {"If-None-Match": etag, "Accept-Encoding": "gzip"}
    assert client.get(f"/{name}", headers=accepting).status_code == 304


@each_server
def test_what_is_packed_already_is_sent_as_it_is(client: httpx.Client) -> None:
    answer = client.get(f"/{PARQUET}", headers={"Accept-Encoding": "gzip"})
    assert "content-encoding" not in answer.headers
    assert not answer.headers["etag"].startswith("W/")


@each_server
@pytest.mark.parametrize("name", ["", CSV, PARQUET, "nowhere", RELEASE])
def test_head_says_the_same_without_a_body(client: httpx.Client, name: str) -> None:
    head, get = client.head(f"/{name}"), client.get(f"/{name}")
    assert head.content == b""
    apart = ("date", "connection")
    told = [{k: v for k, v in answer.headers.items() if k not in apart} for answer in (head, get)]
    assert (head.status_code, told[0]) == (get.status_code, told[1])


@each_server
@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "PROPFIND"])
@pytest.mark.parametrize("path", ["/", "/latest.json", "/nowhere", "/.env"])
def test_nothing_is_done_but_reading(client: httpx.Client, method: str, path: str) -> None:
    answer = client.request(method, path, content=b"x" if method in ("POST", "PUT") else None)
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET, HEAD")
    assert (answer.headers["content-type"], len(answer.text.splitlines())) == ("text/plain; charset=utf-8", 1)


@each_server
def test_every_file_says_what_it_is(client: httpx.Client, original: Path) -> None:
    charset = "; charset=utf-8"
    names = {path.suffix: path.relative_to(original) for path in (original / RELEASE).rglob("*") if path.is_file()}
    assert set(MEDIA_TYPES) <= set(names)
    for suffix, kind in MEDIA_TYPES.items():
        wanted = kind + charset if kind.startswith("text/") else kind
        assert client.get(f"/{names[suffix]}").headers["content-type"] == wanted
    signed = [client.get(f"/{RELEASE}/{name}").headers["content-type"] for name in UNLISTED]
    assert signed == ["text/plain" + charset] * 3 + ["application/octet-stream", "application/jsonl"]
    assert client.get("/feed.xml").headers["content-type"] == "application/atom+xml"
    assert client.get("/feed.json").headers["content-type"] == "application/feed+json"
    assert client.get("/latest.json").headers["content-type"] == "application/json"
    assert client.get("/sitemap.xml").headers["content-type"] == "application/xml"
    assert client.get("/robots.txt").headers["content-type"] == "text/plain" + charset
    assert client.get("/index.html").headers["content-type"] == "text/html" + charset


@each_server
def test_data_are_open_to_the_pages_of_others_and_pages_are_not(client: httpx.Client) -> None:
    data = [
        CSV,
        PARQUET,
        "latest.json",
        "feed.xml",
        "feed.json",
        f"{RELEASE}/dcat.jsonld",
        f"{RELEASE}/packs/national/records.jsonl",
    ]
    for name in [*data, *(f"{RELEASE}/{name}" for name in (*UNLISTED, *KEYS))]:
        answer = client.get(f"/{name}", headers={"Origin": "https://other.example"})
        assert answer.status_code == 200
        assert answer.headers["access-control-allow-origin"] == "*"
        assert answer.headers["access-control-expose-headers"] == "Accept-Ranges, Content-Range, ETag"
    for name in ("", "index.html", f"{RELEASE}/en/index.html", f"{RELEASE}/assets/hubpacks.css", "nowhere"):
        answer = client.get(f"/{name}", headers={"Origin": "https://other.example"})
        assert "access-control-allow-origin" not in answer.headers


@each_server
@pytest.mark.parametrize(
    "path",
    [
        "/nowhere",
        "/releases/",
        f"/{RELEASE}/benchmarks/",
        "/index.html/",
        "/index.html/more",
        f"/{RELEASE}/assets/hubpacks.css/",
        "/" + "a" * 300,
        "/.env",
        "/.current/index.html",
        "/.pointers/1/latest.json",
        "/.publishing.lock",
        f"/releases/.building-{SECOND}/",
        f"/releases/.building-{SECOND}/index.html",
        f"/releases/%2ebuilding-{SECOND}/index.html",
        f"/{RELEASE}/leak.html",
        f"/{RELEASE}/up/outside.html",
        f"/{RELEASE}/up/public/latest.json",
        "/leak.json",
        "/loop.json",
    ],
)
def test_what_is_not_for_readers_is_not_there(running: str, client: httpx.Client, path: str) -> None:
    told = raw(running, path)
    head, _, body = told.partition(b"\r\n\r\n")
    assert head.splitlines()[0].split()[1] == b"404"
    assert b"content-type: text/plain" in head.lower()
    assert body == b"Nothing is published at this address.\n"


@each_server
@pytest.mark.parametrize(
    "target",
    [
        "/../outside.html",
        f"/{RELEASE}/../../../outside.html",
        "/%2e%2e/outside.html",
        "/..%2foutside.html",
        "/releases/..%2f..%2foutside.html",
        "/%2e%2e%2f%2e%2e%2f%2e%2e%2f%2e%2e%2fetc/passwd",
        "/..%5coutside.html",
        "//etc/passwd",
        "/index.html%00.txt",
        "/%00",
        "/\\..\\outside.html",
        "http://other.example/../outside.html",
        "/releases/%c0%ae%c0%ae/%c0%ae%c0%ae/outside.html",
    ],
)
def test_no_path_leads_out_of_the_folder(running: str, target: str) -> None:
    told = raw(running, target)
    assert told.split()[1] in (b"400", b"404")
    assert SECRET.encode() not in told
    assert b"root:" not in told
    assert raw(running, "/").split()[1] == b"200"  # and it goes on


@each_server
def test_a_folder_is_one_address_and_no_way_to_another_site(running: str, client: httpx.Client) -> None:
    answer = client.get(f"/{RELEASE}")
    assert (answer.status_code, answer.headers["location"]) == (301, f"/{RELEASE}/")
    for target in (f"//{RELEASE}", f"//other.example/../{RELEASE}", f"//other.example/%2e%2e/{RELEASE}"):
        head = raw(running, target).partition(b"\r\n\r\n")[0].lower()
        assert b"location: //" not in head
        assert b"location: http" not in head


@each_server
def test_the_pages_break_no_rule_of_their_own_policy(browser: Browser, running: str) -> None:
    said: list[str] = []
    blocks = 0
    page = browser.new_page()
    page.on("console", lambda message: said.append(f"{page.url}: {message.text}"))
    page.on("pageerror", lambda error: said.append(f"{page.url}: {error}"))
    for name in PAGES:
        answer = page.goto(f"{running}/{name}")
        assert answer is not None
        assert (answer.status, is_styled(page)) == (200, True), name
        blocks += page.locator('script[type="application/ld+json"]').count()
    assert said == []
    assert blocks > 5  # data that the policy lets pass, since nobody runs them
    # The ear is not deaf.
    page.evaluate("document.body.insertAdjacentHTML('beforeend', '<img src=\"https://other.example/x.png\">')")
    page.wait_for_timeout(200)
    assert any("Content Security Policy" in message for message in said)
    page.close()


@contextmanager
def a_foreign_site(framed: str) -> Iterator[str]:
    """A page of somebody else's, which shows ``framed`` in a frame."""

    class Page(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(f'<!doctype html><title>x</title><iframe src="{framed}"></iframe>'.encode())

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    with serving(Page) as address:
        yield address


@each_server
def test_another_site_reads_data_but_no_page_and_frames_nothing(browser: Browser, running: str) -> None:
    page = browser.new_page()
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    with a_foreign_site(f"{running}/{RELEASE}/en/index.html") as address:
        page.goto(address)
        read = "([url, range]) => fetch(url, {headers: range ? {Range: range} : {}}).then(async a => [a.status,"
        read += " a.headers.get('content-range'), (await a.text()).length], () => 'refused')"
        assert page.evaluate(read, [f"{running}/{CSV}", "bytes=0-9"])[::2] == [206, 10]
        assert page.evaluate(read, [f"{running}/{CSV}", "bytes=0-9"])[1].startswith("bytes 0-9/")
        assert page.evaluate(read, [f"{running}/latest.json", None])[0] == 200
        assert page.evaluate(read, [f"{running}/{RELEASE}/en/index.html", None]) == "refused"
    assert any("frame-ancestors" in message for message in said)
    page.close()


@pytest.mark.parametrize("server", SERVERS)
def test_a_new_release_is_seen_at_once_and_whole(original: Path, tmp_path: Path, server: str) -> None:
    public = tmp_path / "public"
    shutil.copytree(original, public, symlinks=True)
    for name in POINTERS:
        # An hour old, as the last release's are: nginx tells files of one size apart by the second only.
        file = (public / name).resolve()
        os.utime(file, (file.stat().st_mtime - 3600,) * 2)
    with SERVERS[server](public, tmp_path) as address, httpx.Client(base_url=address) as client:
        before = {name: client.get(f"/{name}") for name in POINTERS}
        publish(an_edition(id=SECOND, previous=FIRST), public, KEY)
        after = {
            name: client.get(f"/{name}", headers={"If-None-Match": before[name].headers["etag"]}) for name in POINTERS
        }
        assert {answer.status_code for answer in after.values()} == {200}
        assert all(SECOND not in answer.text for answer in before.values())
        assert all(SECOND in answer.text for answer in after.values())
        assert client.get(f"/releases/{SECOND}/").status_code == client.get(f"/{RELEASE}/").status_code == 200
        tag = after["latest.json"].headers["etag"]
        assert client.get("/latest.json", headers={"If-None-Match": tag}).status_code == 304


@pytest.mark.parametrize("server", SERVERS)
def test_readers_never_get_half_a_pointer(original: Path, tmp_path: Path, server: str) -> None:
    from pipelines.publish.pointers import swap

    public = tmp_path / "public"
    shutil.copytree(original, public, symlinks=True)
    publish(an_edition(id=SECOND, previous=FIRST), public, KEY)
    stop, wrong, seen = threading.Event(), [], set()
    with SERVERS[server](public, tmp_path) as address:

        def read() -> None:
            with httpx.Client(base_url=address) as client:
                while not stop.is_set():
                    answer = client.get("/releases.json")
                    try:
                        seen.add(len(json.loads(answer.content)["releases"]))
                    except ValueError:
                        wrong.append((answer.status_code, answer.content))

        readers = [threading.Thread(target=read) for _ in range(2)]
        for reader in readers:
            reader.start()
        for number in range(40):
            swap(public, (FIRST, SECOND)[number % 2])
        stop.set()
        for reader in readers:
            reader.join()
    assert wrong == []
    assert seen == {1, 2}


def test_ctrl_c_ends_it_without_a_complaint(original: Path) -> None:
    command = [COMMAND, "serve", "--publish", str(original), "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        address = process.stdout.readline().split()[0]
        assert httpx.get(address).status_code == 200
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=30)
    assert (process.returncode, out, err) == (0, "stopped\n", "")


def test_a_pointer_that_leads_out_is_not_followed(original: Path, tmp_path: Path) -> None:
    public = tmp_path / "public"
    shutil.copytree(original, public, symlinks=True)
    (tmp_path / "outside.json").write_text(SECRET)
    (public / "feed.xml").unlink()
    (public / "feed.xml").symlink_to(tmp_path / "outside.json")
    with by_serve(public, tmp_path) as address:
        assert httpx.get(f"{address}/feed.xml").status_code == 404
        assert httpx.get(f"{address}/latest.json").status_code == 200


# What only nginx has.


def test_an_operators_own_lines_stand_beside_and_lose_nothing(original: Path, tmp_path: Path) -> None:
    secure, plain = free_port(), free_port()
    own = tmp_path / "nginx" / "hubpacks.d"
    own.mkdir(parents=True)
    key, certificate = own / "key.pem", own / "cert.pem"
    command = f"openssl req -x509 -newkey ed25519 -nodes -days 2 -subj /CN=x -keyout {key} -out {certificate}"
    command = [*command.split(), "-addext", "subjectAltName=DNS:localhost"]
    subprocess.run(command, check=True, capture_output=True)
    guide = (Path(__file__).parents[2] / "docs" / "operators.md").read_text(encoding="utf-8")
    (lines,) = re.findall(r"^```text\n(listen 443 ssl;\n.*?)^```$", guide, re.MULTILINE | re.DOTALL)
    lines = lines.replace("443", f"127.0.0.1:{secure}").replace("packs.example.org", "localhost")
    lines = lines.replace("/etc/ssl/packs.pem", str(certificate)).replace("/etc/ssl/packs.key", str(key))
    (own / "own.conf").write_text(lines)
    trusting = ssl.create_default_context(cafile=str(certificate))
    with nginx_of(printed("--publish", str(original), "--port", str(plain)), tmp_path / "nginx", plain):
        answer = httpx.get(f"https://localhost:{secure}/latest.json", verify=trusting)
        assert answer.status_code == 200
        assert answer.headers["strict-transport-security"] == "max-age=31536000"
        assert {name: answer.headers.get(name) for name in SECURITY} == SECURITY


def test_the_configuration_stands_beside_debians_own(original: Path, tmp_path: Path) -> None:
    port = free_port()
    debian = "include /etc/nginx/mime.types; default_type application/octet-stream; gzip on; server_tokens off;"
    with nginx_of(debian + printed("--publish", str(original), "--port", str(port)), tmp_path / "nginx", port):
        answer = httpx.get(f"http://127.0.0.1:{port}/{CSV}", headers={"Accept-Encoding": "gzip"})
        assert answer.headers["content-type"] == "text/csv; charset=utf-8"
        assert answer.headers["content-encoding"] == "gzip"


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--publish", "/srv/my packs"], "nginx cannot be given a folder"),
        (["--publish", "/srv/a$uri"], "nginx cannot be given a folder"),
        (["--publish", "/srv/a;b"], "nginx cannot be given a folder"),
        (["--port", "0"], "name one"),
    ],
)
def test_what_nginx_would_misread_is_refused(arguments: list[str], complaint: str) -> None:
    done = subprocess.run([COMMAND, "serve", "--nginx", *arguments], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert complaint in done.stderr


def test_the_sixth_version_of_ip_is_written_as_nginx_wants_it() -> None:
    assert "listen [::1]:8000;" in printed("--host", "::1")
