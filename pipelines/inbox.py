"""What hubs have submitted through the intake: each submission complete or absent, whatever is killed when.

The bytes wait here until the judge has seen them and a pull has taken them into the store. Who may submit is
``tokens``, how bytes arrive is ``intake``, what becomes of their records is ``receipts``.
"""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from pipelines.files import (
    OWNER_ONLY_FOLDER,
    clear_staging,
    only_one,
    read_json,
    reading,
    staging,
    sync_folder,
    write_bytes,
    write_json,
)

_SAFE_NAME_CHARACTERS = 120


@dataclass(frozen=True)
class Submission:
    """One file that a hub has sent. ``state`` is ``received``, then ``accepted`` or ``refused`` (``codes`` say why).

    ``id`` sorts by time; ``sha256`` and ``bytes`` are of the file as it was sent.
    """

    id: str
    hub: str
    name: str
    sha256: str
    bytes: int
    received: datetime
    state: str
    codes: tuple[str, ...]


class OldSubmission(ValueError):
    """The bytes were submitted before, and others since: taking them would undo what came later."""

    def __init__(self, earlier: Submission) -> None:
        super().__init__(f"sent first on {earlier.received:%-d %B %Y} as {earlier.id}, and other feeds since")
        self.earlier = earlier


class Inbox:
    """The submissions under ``root``: a folder a hub, in it a folder a submission."""

    def __init__(self, root: Path) -> None:
        self.root = root

    @contextlib.contextmanager
    def staging(self) -> Iterator[Path]:
        """A new folder for a file that is not complete yet. What killed processes have left there is removed."""
        self.root.mkdir(mode=OWNER_ONLY_FOLDER, parents=True, exist_ok=True)  # what hubs submit is for its owner alone
        self.clear_staging()
        with staging(self.root / ".staging") as folder:
            yield folder

    def clear_staging(self) -> None:
        """Remove what killed processes have left of files that were not complete."""
        clear_staging(self.root / ".staging")

    def receive(self, hub: str, name: str, staged: Path, sha256: str, now: datetime) -> Submission:
        """Take the complete file ``staged`` (it is moved) as a submission of ``hub``, durable when this returns.

        The bytes of the hub's newest submission again are that submission. Raises OldSubmission for those of an older
        one. ``staged`` must lie in ``staging()``.
        """
        with only_one(self.root / hub / ".lock", wait=True):
            earlier = [known for known in self.of(hub) if known.state != "refused"]
            for known in earlier:
                if known.sha256 == sha256:
                    if known is earlier[0]:
                        return known
                    raise OldSubmission(known)
            submission_id = f"{now:%Y%m%dT%H%M%S%fZ}-{secrets.token_hex(4)}"
            folder = Path(tempfile.mkdtemp(dir=staged.parent))
            feed = folder / "feed" / safe_name(name)
            feed.parent.mkdir()
            staged.replace(feed)
            with feed.open("rb") as file:
                os.fsync(file.fileno())
            sync_folder(feed.parent)
            data = {"name": name, "sha256": sha256, "bytes": feed.stat().st_size, "received": now.isoformat()}
            write_json(folder / "submission.json", data)
            sync_folder(folder)
            folder.replace(self._folder(hub, submission_id))
            sync_folder(self.root / hub)
            return self._read(hub, submission_id)

    def close(self, submission: Submission, report: Mapping[str, Any], page: str = "") -> Submission:
        """Keep the judge's ``report`` (that of ``hubs.check``, or of a refusal: ``outcome`` other than ``accepted``,
        with codes in ``held_by``), and the same as a ``page`` to send on, if there is one. Bytes that cannot be used,
        or that newer ones have replaced, are not kept.
        """
        folder = self._folder(submission.hub, submission.id)
        is_accepted = report["outcome"] == "accepted"
        write_bytes(folder / "report.html", page.encode())
        write_json(folder / "report.json", report)
        state = "accepted" if is_accepted else "refused"
        write_json(folder / "outcome.json", {"state": state, "codes": list(report["held_by"])})
        useless = [s for s in self.of(submission.hub) if s.id < submission.id] if is_accepted else [submission]
        for other in useless:
            if other.state != "received" or other.id == submission.id:
                shutil.rmtree(self._folder(other.hub, other.id) / "feed", ignore_errors=True)
        return self._read(submission.hub, submission.id)

    def waiting(self) -> list[Submission]:
        """Submissions that no judge has seen, oldest first."""
        folders = (path.parent for path in self.root.glob("[!.]*/*/submission.json"))
        waiting = [folder for folder in folders if not (folder / "outcome.json").exists()]  # few, of very many
        found = (self._read(folder.parent.name, folder.name) for folder in waiting)
        return sorted(found, key=lambda submission: submission.id)

    def of(self, hub: str) -> list[Submission]:
        """All submissions of a hub, newest first."""
        folders = (path.parent.name for path in (self.root / hub).glob("*/submission.json"))
        return [self._read(hub, submission_id) for submission_id in sorted(folders, reverse=True)]

    def newest(self, hub: str) -> Submission | None:
        """The hub's newest submission that the judge has accepted."""
        return next((submission for submission in self.of(hub) if submission.state == "accepted"), None)

    def get(self, hub: str, submission_id: str) -> Submission | None:
        """The submission, None when the hub has none of that id."""
        known = {submission.id: submission for submission in self.of(hub)}
        return known.get(submission_id)

    def feed(self, submission: Submission) -> Path:
        """The file as it was sent. Raises FileNotFoundError once its bytes are not kept any more."""
        return next((self._folder(submission.hub, submission.id) / "feed").iterdir())

    def report(self, submission: Submission) -> dict[str, Any] | None:
        """The report on it; None before the judge has seen it."""
        report: dict[str, Any] | None = read_json(self._folder(submission.hub, submission.id) / "report.json")
        return report

    def page(self, submission: Submission) -> str:
        """The report as a page to send on; empty when there is none."""
        path = self._folder(submission.hub, submission.id) / "report.html"
        return path.read_text(encoding="utf-8") if path.exists() else ""

    def _folder(self, hub: str, submission_id: str) -> Path:
        return self.root / hub / submission_id

    def _read(self, hub: str, submission_id: str) -> Submission:
        folder = self._folder(hub, submission_id)
        outcome = read_json(folder / "outcome.json") or {"state": "received", "codes": []}
        with reading(folder / "submission.json") as data:
            return Submission(
                id=submission_id,
                hub=hub,
                name=data["name"],
                sha256=data["sha256"],
                bytes=data["bytes"],
                received=datetime.fromisoformat(data["received"]),
                state=outcome["state"],
                codes=tuple(outcome["codes"]),
            )


def safe_name(name: str) -> str:
    """A file's name that is safe as a path, and still tells a workbook from a zip."""
    kept = re.sub(r"[^A-Za-z0-9._ -]+", "-", name.replace("\\", "/").rsplit("/", 1)[-1]).strip(" .-")
    return kept[-_SAFE_NAME_CHARACTERS:].strip(" .-") or "feed"
