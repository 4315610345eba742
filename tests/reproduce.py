"""Build a release twice, as two people on two machines would, and hold every byte of the one against the other.

What differs: the folder, the times of the feeds' files, the clock (by 400 days), the zone, the locale, the order of
hashes, the number of cores and the mask for new files. What is the same: the feeds, the code, the moment that the
release is of (``SOURCE_DATE_EPOCH``), and the key that signs it.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from pipelines.signatures import private_pem

COMMAND = (str(Path(sys.executable).with_name("hubpacks")),)
MOMENT = "1795824000"
"""27 November 2026, noon (UTC), in seconds since 1970."""
OLDER_SECONDS = 300 * 24 * 3600
"""So much older are the files of the second builder's feeds."""


class Differs(RuntimeError):
    """The two builds are not the same, byte for byte. The message names the files."""


@dataclass(frozen=True)
class Builder:
    """Who builds: ``environment`` and ``mask`` for new files; ``wrapper`` is what the command is started by."""

    environment: Mapping[str, str]
    mask: int
    wrapper: Sequence[str] = ()


ONE = Builder({"TZ": "UTC", "LC_ALL": "C.UTF-8", "PYTHONHASHSEED": "0"}, 0o022)
OTHER = Builder(
    {"TZ": "Asia/Kathmandu", "LC_ALL": "C", "PYTHONHASHSEED": "4242"},
    0o077,
    ("taskset", "--cpu-list", "0", "faketime", "-f", "+400d"),
)


def files_of(public: Path) -> dict[str, str]:
    """The SHA-256 of everything that readers can open, by path."""
    found = {}
    for path in sorted(public.rglob("*")):
        hidden = any(part.startswith(".") for part in path.relative_to(public).parts)
        if path.is_file() and not hidden:
            found[str(path.relative_to(public))] = hashlib.sha256(path.read_bytes()).hexdigest()
    return found


def build(builder: Builder, registry: Path, folder: Path, key: str) -> dict[str, str]:
    """What readers are given when ``builder`` makes a release of ``registry``, signed with ``key``, in the new
    ``folder``.

    Raises RuntimeError with what the command said when it did not end well.
    """
    folder.mkdir(parents=True)
    same = {"PATH": os.environ["PATH"], "SOURCE_DATE_EPOCH": MOMENT, "HUBPACKS_SIGNING_KEY": key}
    environment = {**same, "HOME": str(folder), **builder.environment}
    places = ["--registry", str(registry), "--store", str(folder / "store"), "--publish", str(folder / "public")]
    command = [*builder.wrapper, *COMMAND, "run", *places]
    done = subprocess.run(
        command, check=False, cwd=folder, env=environment, umask=builder.mask, capture_output=True, text=True
    )
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)} ended with {done.returncode}: {done.stderr}")
    return files_of(folder / "public")


@contextmanager
def elsewhere(registry: Path, feeds: Path) -> Iterator[Path]:
    """``registry`` and its ``feeds``, which lie beside it, copied to another folder and with other times."""
    with tempfile.TemporaryDirectory(prefix="a folder with a long name, ") as name:
        root = Path(name)
        for source in (registry, feeds):
            shutil.copytree(source, root / source.name)
        for path in root.rglob("*"):
            os.utime(path, (path.stat().st_mtime - OLDER_SECONDS, path.stat().st_mtime - OLDER_SECONDS))
        yield root / registry.name


def compare(registry: Path, feeds: Path, one: Builder = ONE, other: Builder = OTHER) -> int:
    """Build twice and give the number of files that are the same. Raises Differs."""
    key = private_pem(Ed25519PrivateKey.generate()).decode()
    with tempfile.TemporaryDirectory() as name, elsewhere(registry, feeds) as copied:
        first = build(one, registry, Path(name) / "one", key)
        second = build(other, copied, Path(name) / "deeper" / "other", key)
    differing = sorted(path for path in first.keys() | second.keys() if first.get(path) != second.get(path))
    if differing or not first:
        raise Differs(f"{len(differing)} of {len(first)} files differ: {', '.join(differing[:10])}")
    return len(first)


def main() -> None:
    """Build the release of the sample hubs twice."""
    hubs = Path(__file__).parents[1] / "hubs"
    try:
        same = compare(hubs / "registry", hubs / "samples")
    except Differs as error:
        sys.exit(f"not reproducible: {error}")
    print(f"{same} files, the same bytes twice")


if __name__ == "__main__":
    main()
