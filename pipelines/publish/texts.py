"""Texts of hubs as safe HTML, kept by what they are made of: a text that has not changed since the last release, or
that another process has rendered already, is not rendered again. How a text is rendered is for ``markdown``.

A file a text, named by a digest of the text, of how it is rendered and of the versions of what renders it; so a file is
never wrong, only no longer wanted.
"""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Collection
from dataclasses import asdict, dataclass
from functools import cache
from importlib.metadata import version
from pathlib import Path

from hubs.contract.records import canonical_json
from pipelines.publish import markdown
from pipelines.publish.markdown import Heading, Rendered


@dataclass(frozen=True)
class Texts:
    """Rendered texts in ``folder``, which need not be there yet; with None, none are kept."""

    folder: Path | None = None

    def render(self, text: str, image: str, table: str, drop_title: str) -> Rendered:
        """See ``markdown.render``. Raises OSError."""
        arguments = (text, image, table, drop_title)
        if self.folder is None:
            return markdown.render(*arguments)
        path = _path(self.folder, kept_as(*arguments))
        found = _read(path)
        if found is None:
            found = markdown.render(*arguments)
            _write(path, json.dumps(asdict(found), ensure_ascii=False).encode())
        return found

    def keep_only(self, keys: Collection[str]) -> None:
        """Remove all texts but those of these ``keys``. Raises OSError."""
        if self.folder is not None:
            wanted = {_path(self.folder, key) for key in keys}
            for path in self.folder.glob("*/*"):
                if path not in wanted:
                    path.unlink(missing_ok=True)


NOT_KEPT = Texts()


def kept_as(text: str, image: str, table: str, drop_title: str) -> str:
    """What a rendered text is kept as."""
    return hashlib.sha256(canonical_json([_maker(), text, image, table, drop_title]).encode()).hexdigest()


@cache
def _maker() -> str:
    """What renders texts: our own code and the libraries that it asks."""
    own = hashlib.sha256(Path(markdown.__file__).read_bytes()).hexdigest()
    return " ".join([own, *(version(name) for name in ("comrak", "nh3"))])


def _path(folder: Path, key: str) -> Path:
    return folder / key[:2] / f"{key[2:]}.json"


def _write(path: Path, data: bytes) -> None:
    """In one step for other processes. A crash may leave half of it, which ``_read`` takes for none: thousands of files
    are not worth a flush of the disk each.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_suffix(f".{secrets.token_hex(8)}")
    aside.write_bytes(data)
    aside.replace(path)


def _read(path: Path) -> Rendered | None:
    """The text in the file, None when there is none, or only the beginning of one."""
    try:
        data = json.loads(path.read_bytes())
    except (FileNotFoundError, ValueError):
        return None
    return Rendered(data["html"], tuple(Heading(**heading) for heading in data["headings"]))
