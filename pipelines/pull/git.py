"""Feeds in a git repository, at another host or on this machine.

Only git itself speaks to the repository, in processes that know nothing of this machine: no settings, hooks, terminal
or stored credentials, one protocol, no redirects, only addresses that were checked. Nothing is ever checked out: git
copies objects into a scratch folder, and files are read from there one by one. What they contain is for the judge.
"""

from __future__ import annotations

import base64
import errno
import io
import os
import re
import resource
import signal
import subprocess
import tempfile
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass
from pathlib import Path
from subprocess import DEVNULL, PIPE
from typing import IO, NamedTuple
from urllib.parse import unquote

from hubs.feed import NOT_CONTENT
from pipelines.pull import guard
from pipelines.pull.base import (
    MAX_FEED_BYTES,
    MAX_FILES,
    MAX_PATH_CHARACTERS,
    Files,
    NotModified,
    PullFailed,
    Unreachable,
    Visit,
    refuse_harm,
    refuse_too_large,
    shown,
    token,
)
from pipelines.pull.folder import COMMIT_DATES, commit_dates
from pipelines.pull.network import Trip
from pipelines.pull.processes import git_environment

Process = subprocess.Popen[bytes]

MAX_GIT_MEMORY_BYTES = 4 << 30
MAX_LISTING_BYTES = MAX_FILES * (MAX_PATH_CHARACTERS + 100)
MAX_LOG_BYTES = 256 << 20
"""Of the names in a whole history, where dates are asked for."""
MAX_ANSWER_BYTES = 1 << 20
"""Of what a server may say of its branches, and of what it may remark beside its answers."""
FLOOR_BYTES_A_SECOND, FLOOR_SECONDS = 1_000, 60
"""A connection slower than this for so long is given up. A server that packs much is silent for a while."""
_LOOK_EVERY_SECONDS = 0.1
_SKIP_BYTES = 1 << 20
_FEED, _HISTORY = "refs/heads/feed", "refs/heads/history"
_BRANCH = re.compile(r"(?!.*(?:\.\.|//))[A-Za-z0-9_][A-Za-z0-9._/+-]{0,199}")
_COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_SHA1_DIGITS = 40
_MAX_POINTER_BYTES = 1_024
_POINTER = b"version https://git-lfs.github.com/spec/v1\n"
_FOR_GOOD = re.compile(
    r"not found|does not exist|does not appear|not a git repository|couldn't find remote ref|dubious ownership"
    r"|Authentication failed|could not read (Username|Password)|[Pp]ermission denied|[Aa]ccess denied"
    r"|returned error: (3\d\d|400|401|403|404|405|410)|redirect|[Cc]ertificate|dumb http transport"
)
"""What git says when asking again will not help."""


def files(visit: Visit) -> Files:
    """Every file of a branch's newest commit, or of one folder of it (``#branch=…&folder=…``), in order of path.

    Raises NotModified when the commit is that of the last visit; PullFailed also for links, and for submodules and
    pointers of Git LFS, whose bytes lie elsewhere.
    """
    has_dates = visit.registration.needs_git_dates
    repository = _repository(visit.address, visit.registration.private_address)
    with tempfile.TemporaryDirectory(prefix="hubpacks-git-", ignore_cleanup_errors=True) as scratch:
        trip = visit.network.trip(visit.registration, visit.address)
        again = visit.network.retrying(trip)
        copy = _Copy(Path(scratch), trip, repository, again(_settings, visit, repository))
        commit = again(copy.newest_commit)
        if visit.known.validator(visit.address) == _validator(commit, has_dates):
            raise NotModified
        commit = again(copy.fetch, commit, has_dates)
        if has_dates:
            visit.dates.update(copy.dates(commit))
        yield from copy.files(commit)
    visit.known.keep(visit.address, _validator(commit, has_dates))


def _validator(commit: str, has_dates: bool) -> dict[str, str]:
    """Also whether the snapshot has dates: a mapping that has come to ask for them needs a new one."""
    return {"commit": commit, "dates": "all" if has_dates else "none"}


# Where the feed is.


@dataclass(frozen=True)
class _Repository:
    """Where a branch lies. ``address`` is as git takes it; ``ref`` the branch's full name or HEAD; ``folder`` "" for
    the whole; ``web`` the same address taken apart, None for a repository on this machine.
    """

    address: str
    ref: str
    folder: str
    web: guard.Place | None

    @property
    def protocol(self) -> str:
        return self.web.scheme if self.web else "file"


def _repository(address: str, may_be_plain: bool) -> _Repository:
    address, _, fragment = address.removeprefix("git+").partition("#")
    ref, folder = _options(fragment)
    if address.startswith("file:"):
        if not address.startswith("file:///") or not address.isprintable():
            raise PullFailed("address_refused", "write git+file:/// and an absolute path")
        return _Repository(address, ref, folder, None)
    web = guard.place(address)
    if "?" in web.target:
        raise PullFailed("address_refused", f"{shown(address)}: a token belongs in the secret, not after a ?")
    if web.scheme == "http" and not may_be_plain:
        raise PullFailed("address_refused", f"{shown(address)}: git+http:// is for private networks; use git+https://")
    return _Repository(f"{web.scheme}://{web.host_header}{web.target}", ref, folder, web)


def _options(fragment: str) -> tuple[str, str]:
    """The full name of the branch, and the folder, after the #."""
    pairs = [part.partition("=") for part in fragment.split("&") if part]
    given = {name: unquote(value) for name, _, value in pairs}
    for name in given:
        if name not in ("branch", "folder"):
            raise PullFailed("address_refused", f"after the # may stand branch= and folder=, not {name}")
    branch, folder = given.get("branch"), given.get("folder", "").strip("/")
    if branch is not None and not _BRANCH.fullmatch(branch):
        raise PullFailed("address_refused", f"{branch} is no name of a branch")
    if folder:
        refuse_harm(folder)
    return "HEAD" if branch is None else f"refs/heads/{branch}", folder


# What git is told.

_BASIC_SETTINGS = {
    "core.hooksPath": os.devnull,
    "core.packedGitLimit": "512m",  # far below what a process may have
    "core.packedGitWindowSize": "64m",
    "credential.helper": "",
    "fetch.unpackLimit": "1",
    "gc.auto": "0",
    "maintenance.auto": "false",
    "pack.threads": "1",
    "protocol.version": "2",
}


@dataclass(frozen=True)
class _Settings:
    """What git is told for a repository; ``hidden`` is what nobody may read of it."""

    values: dict[str, str]
    hidden: tuple[str, ...] = ()


def _settings(visit: Visit, repository: _Repository) -> _Settings:
    values = {"remote.origin.url": repository.address}
    if repository.web is None:
        return _Settings(values)
    web, registration = repository.web, visit.registration
    numbers = visit.network.resolve(web.host, web.port, web.host if registration.private_address else None)
    values |= {
        "http.followRedirects": "false",
        "http.lowSpeedLimit": str(FLOOR_BYTES_A_SECOND),
        "http.lowSpeedTime": str(FLOOR_SECONDS),
        "http.proxy": "",
    }
    if web.host not in numbers:  # a name, and curl must not look it up again
        written = ",".join(f"[{number}]" if ":" in number else number for number in numbers)
        values["http.curloptResolve"] = f"{web.host}:{web.port}:{written}"
    if "SSL_CERT_FILE" in os.environ:
        values["http.sslCAInfo"] = os.environ["SSL_CERT_FILE"]
    sent = token(registration)
    if sent is None:
        return _Settings(values)
    # Servers that take a token alone take it as the password, with any name.
    credentials = sent if ":" in sent else f"x-access-token:{sent}"
    code = base64.b64encode(credentials.encode()).decode()
    values[f"http.{web.scheme}://{web.host_header}/.extraHeader"] = f"Authorization: Basic {code}"
    return _Settings(values, (code, credentials, credentials.partition(":")[2]))


# What git does.


class _Blob(NamedTuple):
    path: str
    name: str
    size: int


class _Copy:
    """A bare copy, in the folder ``scratch``, of what is needed of a repository."""

    def __init__(self, scratch: Path, trip: Trip, repository: _Repository, settings: _Settings) -> None:
        self._scratch, self._trip, self._repository = scratch, trip, repository
        self._hidden = settings.hidden
        self._online = git_environment(_BASIC_SETTINGS | settings.values, repository.protocol)
        self._offline = git_environment(_BASIC_SETTINGS, "none")
        self._shown = shown(repository.address)

    def newest_commit(self) -> str:
        """The branch's newest commit, as the other side says. Raises PullFailed."""
        ref = self._repository.ref
        answer = self._ask("ls-remote", "origin", ref, at_most=MAX_ANSWER_BYTES)
        for line in answer.decode("utf-8", "replace").splitlines():
            commit, _, name = line.partition("\t")
            if name == ref and _COMMIT.fullmatch(commit):
                return commit
        branch = ref.removeprefix("refs/heads/")
        raise PullFailed("address_refused", f"{self._shown} has no {'commit' if ref == 'HEAD' else f'branch {branch}'}")

    def fetch(self, commit: str, has_history: bool) -> str:
        """Bring the branch's newest commit here with its files, and the commits before it with the names in them.
        ``commit`` is one of the repository's. Returns the one that came, which may be newer. Raises PullFailed.
        """
        if not (self._scratch / "HEAD").exists():
            form = "sha1" if len(commit) == _SHA1_DIGITS else "sha256"
            self._run(self._offline, "init", "--quiet", "--bare", "--template=", f"--object-format={form}")
        command = ("fetch", "--quiet", "--force", "--no-tags", "--no-write-fetch-head", "--no-recurse-submodules")
        ref = self._repository.ref
        self._ask(*command, "--depth=1", "origin", f"{ref}:{_FEED}")
        come = self._commit(_FEED)
        if has_history and (self._scratch / "shallow").exists():
            self._ask(*command, "--unshallow", "--filter=blob:none", "origin", f"{ref}:{_HISTORY}")
            if self._commit(_HISTORY) != come:
                raise Unreachable(f"{self._shown} has changed while it was read")
        return come

    def _commit(self, ref: str) -> str:
        return self._run(self._offline, "rev-parse", ref).decode().strip()

    def dates(self, commit: str) -> dict[str, str]:
        """ISO date of the last commit that touched each file of the feed."""
        folder = self._repository.folder
        command = ("--literal-pathspecs", "log", "--no-renames", *COMMIT_DATES)
        relative = f"--relative={folder}/" if folder else "--relative"
        log = self._run(self._offline, *command, relative, commit, "--", folder or ".", at_most=MAX_LOG_BYTES)
        return commit_dates(log)

    def files(self, commit: str) -> Files:
        """The files of the feed. Raises PullFailed before the first when one of them may not be in a feed."""
        blobs = self._blobs(commit)
        with self._reader() as reader:
            for blob in blobs:
                stream = reader.open(blob)
                if blob.size > _MAX_POINTER_BYTES:
                    yield blob.path, stream
                    continue
                data = stream.read()
                if data.startswith(_POINTER):
                    raise PullFailed("partial_feed", f"{blob.path} is only a pointer to a file kept by Git LFS")
                yield blob.path, io.BytesIO(data)

    def _blobs(self, commit: str) -> list[_Blob]:
        folder = self._repository.folder
        prefix = f"{folder}/" if folder else ""
        command = ("--literal-pathspecs", "ls-tree", "-r", "-z", "-l", "--full-tree", commit)
        listing = self._run(self._offline, *command, *([prefix] if prefix else []), at_most=MAX_LISTING_BYTES)
        blobs = []
        for line in filter(None, listing.split(b"\0")):
            about, _, raw_path = line.partition(b"\t")
            mode, kind, name, size = about.decode("ascii").split()
            path = os.fsdecode(raw_path).removeprefix(prefix)
            if not NOT_CONTENT.isdisjoint(path.split("/")):
                continue
            if kind == "commit":
                raise PullFailed("partial_feed", f"{path} is a submodule: its files lie in another repository")
            if mode == "120000":
                raise PullFailed("unsafe_path", f"{path} is a link")
            blobs.append(_Blob(path, name, int(size)))
        if folder and not blobs:
            raise PullFailed("address_refused", f"{self._shown} has nothing in a folder {folder}")
        refuse_too_large(len(blobs), sum(blob.size for blob in blobs))
        return blobs

    @contextmanager
    def _reader(self) -> Iterator[_Reader]:
        """What reads the objects of the copy, until the time is up."""
        with self._started(self._offline, "cat-file", "--batch", stdin=PIPE, stdout=PIPE, stderr=DEVNULL) as process:
            timer = threading.Timer(self._trip.left(), process.kill)
            timer.start()
            try:
                yield _Reader(process, self._shown)
            finally:
                timer.cancel()

    def _ask(self, *arguments: str, at_most: int = MAX_FEED_BYTES) -> bytes:
        """What git answers after it has asked the repository, when it is this pull's turn to ask that server."""
        web = self._repository.web
        with self._trip.turn(web.host, web.port) if web else nullcontext():
            return self._run(self._online, *arguments, at_most=at_most)

    def _run(self, environment: Mapping[str, str], *arguments: str, at_most: int = MAX_FEED_BYTES) -> bytes:
        """What git answers. Neither that nor what it writes into the copy may be more than ``at_most`` bytes.

        Raises PullFailed; Unreachable when trying again may help.
        """
        before = size = _size(self._scratch)
        with (
            tempfile.TemporaryFile() as out,
            tempfile.TemporaryFile() as errors,
            self._started(environment, *arguments, stdin=DEVNULL, stdout=out, stderr=errors) as process,
        ):
            while process.returncode is None:
                with suppress(subprocess.TimeoutExpired):
                    process.wait(_LOOK_EVERY_SECONDS)
                last, size = size, _size(self._scratch)
                self._trip.received(max(0, size - last))
                if os.fstat(out.fileno()).st_size + size - before > at_most:
                    raise PullFailed("too_large", f"{self._shown} brings more than {at_most:,} bytes")
                # Remarks of the server's, which git passes on.
                if os.fstat(errors.fileno()).st_size > MAX_ANSWER_BYTES:
                    raise PullFailed("too_large", f"{self._shown} remarks more than {MAX_ANSWER_BYTES:,} bytes")
                self._trip.left()
            if process.returncode:
                errors.seek(0)
                raise self._failure(errors.read(MAX_ANSWER_BYTES).decode("utf-8", "replace"), process.returncode)
            out.seek(0)
            return out.read()

    @contextmanager
    def _started(
        self,
        environment: Mapping[str, str],
        *arguments: str,
        stdin: int,
        stdout: int | IO[bytes],
        stderr: int | IO[bytes],
    ) -> Iterator[Process]:
        """A git process, which ends here at the latest, with all that it has started."""
        try:
            process = subprocess.Popen(  # noqa: S603
                ["git", *arguments],  # noqa: S607 - the machine's own
                cwd=self._scratch,
                env={**environment, "HOME": str(self._scratch), "GIT_DIR": str(self._scratch)},
                stdin=stdin,
                stdout=stdout,
                stderr=stderr,
                start_new_session=True,
            )
        except OSError as error:
            raise PullFailed("address_refused", f"git cannot be started on this machine: {error.strerror}") from error
        with suppress(ProcessLookupError):  # it may have ended already
            resource.prlimit(process.pid, resource.RLIMIT_AS, (MAX_GIT_MEMORY_BYTES, MAX_GIT_MEMORY_BYTES))
        try:
            yield process
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
            with suppress(BrokenPipeError):  # what was not sent need not be
                process.communicate()

    def _failure(self, said: str, code: int) -> PullFailed:
        lines = said.splitlines() or [f"git ended with {code}"]
        line = next((line for line in lines if line.startswith("fatal: ")), lines[-1]).removeprefix("fatal: ")
        for form in self._hidden:  # a server may repeat what it was told
            line = line.replace(form, "…")
        if os.strerror(errno.ENOSPC) in line and not line.startswith("remote error"):
            return PullFailed("pull_failed", f"{self._shown}: {line}")
        if "memory" in line:
            return PullFailed("too_large", f"{self._shown}: {line}")
        return PullFailed("address_refused", line) if _FOR_GOOD.search(line) else Unreachable(line)


class _Reader:
    """Reads one object after the other from ``git cat-file --batch``."""

    def __init__(self, process: Process, shown: str) -> None:
        assert process.stdin and process.stdout  # noqa: S101, PT018 - both are pipes
        self._requests, self._answers, self._shown = process.stdin, process.stdout, shown
        self._last: _BlobStream | None = None

    def open(self, blob: _Blob) -> _BlobStream:
        """The bytes of an object. What is left of the one before is passed over. Raises PullFailed."""
        if self._last is not None:
            self._last.skip()
        with suppress(BrokenPipeError):  # then there is no answer either
            self._requests.write(f"{blob.name}\n".encode())
            self._requests.flush()
        answer = self._answers.readline()
        if answer != f"{blob.name} blob {blob.size}\n".encode():
            raise Unreachable(f"{self._shown}: {blob.path} did not come whole")
        self._last = _BlobStream(self._answers, blob, self._shown)
        return self._last


class _BlobStream:
    """The bytes of one object, as far as they have not been read."""

    def __init__(self, answers: IO[bytes], blob: _Blob, shown: str) -> None:
        self._answers, self._blob, self._shown = answers, blob, shown
        self._left = blob.size

    def read(self, size: int = -1, /) -> bytes:
        """Up to ``size`` bytes. Raises Unreachable when git was ended before."""
        wanted = self._left if size < 0 else min(size, self._left)
        data = self._answers.read(wanted)
        if len(data) < wanted:
            raise Unreachable(f"{self._shown}: {self._blob.path} did not come whole")
        self._left -= wanted
        return data

    def skip(self) -> None:
        """Pass over the rest, and the line's end behind it."""
        while self.read(_SKIP_BYTES):
            pass
        self._answers.read(1)

    def close(self) -> None:
        """Nothing is held."""


def _size(folder: Path) -> int:
    """Bytes of all files under ``folder``, which git may be changing."""
    size = 0
    for parent, _, names in os.walk(folder):
        for name in names:
            with suppress(OSError):
                size += os.lstat(os.path.join(parent, name)).st_size  # noqa: PTH118 - called ten times a second
    return size
