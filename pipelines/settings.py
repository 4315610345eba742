"""Where a command reads and writes, and where readers find that: a flag, a ``HUBPACKS_*`` variable, ``hubpacks.toml``,
the default: first wins.
"""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass, field
from ipaddress import ip_address
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

DEFAULTS = {
    "registry": Path(__file__).parents[1] / "hubs" / "registry",
    "store": Path("store"),
    "publish": Path("public"),
}
"""The sample hubs that ship with the project, a store and a public folder where the command is run."""
KEY_FILE = "signing_key_file"
"""The file that has the private key of releases; its variable has a sister that has the key itself."""
ADDRESS = "address"
PLACEHOLDER = "https://hubpacks.example/"
"""The address of the site while nobody has given one: reserved, so that it is nobody's."""
MIRROR, MIRROR_ENDPOINT, MIRROR_SECRET = "mirror", "mirror_endpoint", "mirror_secret"
"""The place in an object store that has a copy of what is published; the address of the store, where it is not
Amazon's; and the name of the environment variable with the access key."""
STORE = "store"
STORE_CACHE, STORE_ENDPOINT, STORE_SECRET = "store_cache", "store_endpoint", "store_secret"
"""Of a store in an object store: its folder on this machine, and the same as of the mirror."""
BACKUP, BACKUP_ENDPOINT, BACKUP_SECRET = "backup", "backup_endpoint", "backup_secret"
"""The place of checkpoints, a folder or in an object store; and the same of it as of the mirror."""
EXECUTOR = "executor"
"""How Dagster runs the steps of a job (``assets.executors``)."""
COUNTING, SPARK_MASTER = "counting", "spark_master"
"""Which engine counts returns, and the Spark master that it is asked of (``engines``)."""
TABLES = ("intake", "alerts", "approval", "schedule")
"""Tables of the file whose entries a room of its own understands."""
FILE = Path("hubpacks.toml")

PLACES = (BACKUP, BACKUP_ENDPOINT, BACKUP_SECRET, STORE_CACHE, STORE_ENDPOINT, STORE_SECRET)
"""All settings of places that last."""
_BUCKET = re.compile("s3:/+")

_ADDRESS = re.compile(r"https?://(?:[a-z0-9.-]+|\[[0-9a-f:]+\])(?::[0-9]{1,5})?/(?:[A-Za-z0-9._~-]+/)*")
"""Lower-case scheme and host, a path of plain names; no user, query or fragment."""


class UnusableSettings(ValueError):
    """The settings file, or something that a setting names, cannot be used. The message says why."""


def setting(name: str, flag: Path | None = None) -> Path:
    """The folder called ``name`` (``registry``, ``store`` or ``publish``). Raises UnusableSettings."""
    value = _value(name, flag)
    if name == STORE and (bucket := bucket_address(value)):
        raise UnusableSettings(f"{bucket}: this cannot work on a store in an object store: name a folder with --store")
    return Path(value)


def store_address(flag: Path | None = None) -> str | None:
    """The address of the store where it is in an object store (``s3://…``), None where it is a folder. Raises
    UnusableSettings.
    """
    return bucket_address(_value(STORE, flag))


def bucket_address(address: str) -> str | None:
    """``s3://…`` with both of its slashes, of which a path keeps one; None when ``address`` names no bucket."""
    return _BUCKET.sub("s3://", address) if _BUCKET.match(address) else None


def store_cache() -> Path:
    """Where stores in object stores have their folders on this machine. Raises UnusableSettings."""
    if cache := named(STORE_CACHE):
        return Path(cache)
    of_user = os.environ.get("XDG_CACHE_HOME")
    return (Path(of_user) if of_user else Path.home() / ".cache") / "hubpacks"


def _value(name: str, flag: Path | None) -> str:
    if flag is not None:
        return str(flag)
    return os.environ.get(f"HUBPACKS_{name.upper()}") or str(_from_file().get(name, DEFAULTS[name]))


def named(name: str, flag: str | None = None) -> str | None:
    """The text of a setting that has no default, None when nobody has set it. Raises UnusableSettings."""
    if flag is not None:
        return flag
    found = os.environ.get(f"HUBPACKS_{name.upper()}") or _from_file().get(name)
    return str(found) if found else None


@dataclass(frozen=True)
class SecretKey:
    """A private key that somebody has named: the ``key`` itself or the file that has it, and the ``name`` of the
    setting or file, which messages may show.
    """

    name: str
    key: str | Path = field(repr=False)


def signing_key(flag: Path | None = None) -> SecretKey | None:
    """The private key of releases, None when no setting names one. Nothing is read yet. Raises UnusableSettings."""
    if flag is not None:
        return SecretKey(str(flag), flag)
    key_name, file_name = "HUBPACKS_SIGNING_KEY", f"HUBPACKS_{KEY_FILE.upper()}"
    key, file = os.environ.get(key_name), os.environ.get(file_name)
    if key and file:
        raise UnusableSettings(f"{key_name} and {file_name} are both set: which key is meant? Take one away")
    if key:
        return SecretKey(key_name, key)
    path = file or _from_file().get(KEY_FILE)
    return SecretKey(str(path), Path(str(path))) if path else None


def site_address(flag: str | None = None) -> str:
    """The public address at which the folder ``publish`` is served, ending in a slash; ``PLACEHOLDER`` when no setting
    names one. Raises UnusableSettings.
    """
    variable = f"HUBPACKS_{ADDRESS.upper()}"
    if flag is not None:
        return _checked_address(f"--{ADDRESS}", flag)
    if value := os.environ.get(variable):
        return _checked_address(variable, value)
    return _checked_address(f"{FILE}: {ADDRESS}", _from_file().get(ADDRESS, PLACEHOLDER))


def _checked_address(name: str, value: object) -> str:
    """``value`` when a site can stand there. It goes into names of things (IRIs) and into lines of ``robots.txt``, so
    nothing that would have to be escaped is let in.
    """
    wrong = f"{name} = {str(value)!r}: "
    if not isinstance(value, str) or not _ADDRESS.fullmatch(value):
        raise UnusableSettings(f"{wrong}write an address such as https://packs.example.org/, with a slash at its end")
    try:
        parts = urlsplit(value)
        host, _ = parts.hostname, parts.port
    except ValueError as error:
        raise UnusableSettings(f"{wrong}{error}") from error
    if not host or {".", ".."} & {*parts.path.split("/")}:
        raise UnusableSettings(f"{wrong}no such address; write one such as https://packs.example.org/")
    if parts.scheme == "http" and not _is_loopback(host):
        raise UnusableSettings(f"{wrong}write https://, since only this machine itself (localhost) may do without")
    return value


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def table(name: str, known: Iterable[str]) -> dict[str, Any]:
    """The settings of one room: its table in the file, and over it the ``known`` names that the environment has.

    Raises UnusableSettings; what the values may be is for the room to say.
    """
    found = _from_file().get(name, {})
    if not isinstance(found, dict):
        raise UnusableSettings(f"{FILE}: {name} must be a table, written [{name}]")
    variables = {key: os.environ.get(f"HUBPACKS_{name.upper()}_{key.upper()}") for key in known}
    return found | {key: value for key, value in variables.items() if value}


def _from_file() -> dict[str, Any]:
    try:
        data = tomllib.loads(FILE.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UnusableSettings(f"{FILE} cannot be read: {error}") from error
    places = (MIRROR, MIRROR_ENDPOINT, MIRROR_SECRET, *PLACES)
    known = (*DEFAULTS, KEY_FILE, ADDRESS, *places, EXECUTOR, COUNTING, SPARK_MASTER, *TABLES)
    unknown = set(data) - set(known)
    if unknown:
        raise UnusableSettings(f"{FILE}: unknown setting {', '.join(sorted(unknown))}; known are {', '.join(known)}")
    return data
