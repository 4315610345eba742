"""Real servers of Debian's, and a real object store, on the loopback: each is started by the test that wants it, with a
configuration, a port and a folder of its own, and stopped with it.
"""

from __future__ import annotations

import base64
import getpass
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from tests.websites import serving

NGINX, SSHD = "/usr/sbin/nginx", "/usr/sbin/sshd"
COMMAND = str(Path(sys.executable).with_name("hubpacks"))
BUCKET = "feeds"


def free_port() -> int:
    """A port of the loopback that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])


def wait_for(port: int, process: subprocess.Popen[bytes], seconds: float = 10) -> None:
    """Wait until ``process`` listens on ``port``."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        assert process.poll() is None, f"{process.args} has ended with {process.returncode}"
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.02)
    raise TimeoutError(f"{process.args} does not listen")


@contextmanager
def nginx(root: Path, more: str = "") -> Iterator[str]:
    """Debian's nginx over the files under ``root``; ``more`` stands in its ``server`` block. Gives its address."""
    port = free_port()
    with nginx_of(f"server {{ listen 127.0.0.1:{port}; root {root}; {more} }}", root.parent / "nginx", port):
        yield f"http://127.0.0.1:{port}"


@contextmanager
def nginx_of(http: str, scratch: Path, port: int) -> Iterator[None]:
    """Debian's nginx with ``http`` in its ``http`` block, which has it listen on ``port``. Files in it are found from
    the folder ``scratch``.
    """
    scratch.mkdir(exist_ok=True)
    unused = [f"{kind}_temp_path {scratch}/{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")]
    conf = [
        *(["user root;"] if os.geteuid() == 0 else []),
        f"daemon off; pid {scratch}/pid; error_log stderr; events {{ worker_connections 256; }}",
        f"http {{ access_log {scratch}/access.log; {' '.join(unused)}",
        f"{http} }}",
    ]
    (scratch / "nginx.conf").write_text("\n".join(conf))
    with subprocess.Popen([NGINX, "-e", "stderr", "-c", str(scratch / "nginx.conf")]) as process:
        try:
            wait_for(port, process)
            yield
        finally:
            process.terminate()


@contextmanager
def by_serve(public: Path, scratch: Path) -> Iterator[str]:
    """``hubpacks serve`` as a process of its own."""
    with (
        (scratch / "serve.log").open("w") as log,
        subprocess.Popen(
            [COMMAND, "serve", "--publish", str(public), "--port", "0"], stdout=subprocess.PIPE, stderr=log, text=True
        ) as process,
    ):
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            assert line.startswith("http://127.0.0.1:"), (scratch / "serve.log").read_text()
            yield line.split()[0].rstrip("/")
        finally:
            process.terminate()


@dataclass(frozen=True)
class Sshd:
    """A running SSH server: its port, the public key of its host, and a private key (PEM) that opens it."""

    port: int
    host_key: str
    private_key: str

    def address(self, path: Path) -> str:
        """The address of ``path`` on it."""
        return f"sftp://{getpass.getuser()}@127.0.0.1:{self.port}{path}"


@contextmanager
def sshd(scratch: Path) -> Iterator[Sshd]:
    """Debian's OpenSSH, for SFTP alone, with new keys."""
    scratch.mkdir(parents=True, exist_ok=True)
    host, host_key = _key_pair()
    private, public = _key_pair()
    (scratch / "host").write_text(host)
    (scratch / "host").chmod(0o600)
    (scratch / "authorized").write_text(f"{public}\n")
    if os.geteuid() == 0:
        Path("/run/sshd").mkdir(exist_ok=True)
    port = free_port()
    conf = [
        f"Port {port}",
        "ListenAddress 127.0.0.1",
        f"HostKey {scratch}/host",
        f"AuthorizedKeysFile {scratch}/authorized",
        f"PidFile {scratch}/pid",
        "PasswordAuthentication no",
        "PermitRootLogin prohibit-password",
        "StrictModes no",
        "UsePAM no",
        "Subsystem sftp internal-sftp",
        "ForceCommand internal-sftp",
    ]
    (scratch / "sshd_config").write_text("\n".join(conf) + "\n")
    with subprocess.Popen([SSHD, "-D", "-f", str(scratch / "sshd_config"), "-E", str(scratch / "log")]) as process:
        try:
            wait_for(port, process)
            yield Sshd(port, host_key, private)
        finally:
            process.terminate()


def _key_pair() -> tuple[str, str]:
    """A new private key (OpenSSH's PEM) and its public one (type and key)."""
    key = Ed25519PrivateKey.generate()
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.OpenSSH, serialization.NoEncryption()
    )
    public = key.public_key().public_bytes(serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH)
    return private.decode(), public.decode()


@dataclass(frozen=True)
class ObjectStore:
    """A running object store: its address, an access key as KEYID:SECRETKEY, what brings the bucket ``feeds`` up to
    date with the folder, and what lets everybody in.
    """

    address: str
    key: str
    upload: Callable[[], None]
    open_to_all: Callable[[], None]


@contextmanager
def s3(root: Path) -> Iterator[ObjectStore]:
    """An object store (moto's) whose bucket ``feeds`` holds the files under ``root`` under their paths, for those who
    sign their requests with the key.
    """
    import boto3
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        address = f"http://{host}:{port}"

        def client(service: str, name: str, secret: str) -> Any:
            keys = {"aws_access_key_id": name, "aws_secret_access_key": secret}
            return boto3.client(service, endpoint_url=address, region_name="us-east-1", **keys)

        def checks_signatures_after(requests: str) -> None:
            httpx.post(f"{address}/moto-api/reset-auth", content=requests).raise_for_status()

        httpx.post(f"{address}/moto-api/reset").raise_for_status()  # what another test has left in this process
        iam = client("iam", "nobody", "nothing")
        iam.create_user(UserName="hub")
        may = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]}
        iam.put_user_policy(UserName="hub", PolicyName="all", PolicyDocument=json.dumps(may))
        made = iam.create_access_key(UserName="hub")["AccessKey"]
        bucket = client("s3", made["AccessKeyId"], made["SecretAccessKey"])
        bucket.create_bucket(Bucket=BUCKET)

        def upload() -> None:
            for path in sorted(path for path in root.rglob("*") if path.is_file()):
                key = path.relative_to(root).as_posix()
                # Public, which counts only once everybody is let in.
                bucket.put_object(Bucket=BUCKET, Key=key, Body=path.read_bytes(), ACL="public-read")

        upload()
        checks_signatures_after("0")
        try:
            key = f"{made['AccessKeyId']}:{made['SecretAccessKey']}"
            yield ObjectStore(address, key, upload, lambda: checks_signatures_after("inf"))
        finally:
            checks_signatures_after("inf")
    finally:
        server.stop()


@contextmanager
def git_remote(root: Path, token: str | None = None) -> Iterator[tuple[str, list[str]]]:
    """git's own server over HTTP for the repositories under ``root``, for those who have the ``token``. Gives its
    address and the list of what it was asked.
    """
    asked: list[str] = []

    class Backend(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(f"{self.command} {self.path}")
            expected = base64.b64encode(f"x-access-token:{token}".encode()).decode()
            if token and self.headers.get("Authorization") != f"Basic {expected}":
                self.send_response(401)
                self.send_header("WWW-Authenticate", "Basic")
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            self._answer()

        do_POST = do_GET  # noqa: N815 - the name that http.server looks for

        def _answer(self) -> None:
            parts = urlsplit(self.path)
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            environment = {
                "PATH": os.environ["PATH"],
                "GIT_PROJECT_ROOT": str(root),
                "GIT_HTTP_EXPORT_ALL": "1",
                "GIT_CONFIG_COUNT": "1",
                "GIT_CONFIG_KEY_0": "safe.directory",
                "GIT_CONFIG_VALUE_0": "*",
                "REQUEST_METHOD": self.command,
                "PATH_INFO": parts.path,
                "QUERY_STRING": parts.query,
                "CONTENT_TYPE": self.headers.get("Content-Type", ""),
                "CONTENT_LENGTH": str(len(body)),
                "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
                "GIT_PROTOCOL": self.headers.get("Git-Protocol", ""),
            }
            done = subprocess.run(
                ["git", "http-backend"], input=body, env=environment, capture_output=True, check=False
            )
            head, _, content = done.stdout.partition(b"\r\n\r\n")
            fields = dict(line.split(": ", 1) for line in head.decode().split("\r\n"))
            self.send_response(int(fields.pop("Status", "200").split()[0]))
            for name, value in fields.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

    with serving(Backend) as address:
        yield f"git+{address}", asked
