"""Where a command reads and writes: a flag, a ``HUBPACKS_*`` variable, ``hubpacks.toml``, the default: first wins."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

DEFAULTS = {
    "registry": Path(__file__).parents[1] / "hubs" / "registry",
    "store": Path("store"),
    "publish": Path("public"),
}
"""The sample hubs that ship with the project, a store and a public folder where the command is run."""
KEY_FILE = "signing_key_file"
"""The file that has the private key of releases; its variable has a sister that has the key itself."""
TABLES = ("intake",)
"""Tables of the file whose entries a room of its own understands."""
FILE = Path("hubpacks.toml")


class UnusableSettings(ValueError):
    """The settings file, or something that a setting names, cannot be used. The message says why."""


def setting(name: str, flag: Path | None = None) -> Path:
    """The folder called ``name`` (``registry``, ``store`` or ``publish``). Raises UnusableSettings."""
    if flag is not None:
        return flag
    if variable := os.environ.get(f"HUBPACKS_{name.upper()}"):
        return Path(variable)
    return Path(str(_from_file().get(name, DEFAULTS[name])))


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
    known = (*DEFAULTS, KEY_FILE, *TABLES)
    unknown = set(data) - set(known)
    if unknown:
        raise UnusableSettings(f"{FILE}: unknown setting {', '.join(sorted(unknown))}; known are {', '.join(known)}")
    return data
