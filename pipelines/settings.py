"""Where a command reads and writes: a flag, a ``HUBPACKS_*`` variable, ``hubpacks.toml``, the default: first wins."""

from __future__ import annotations

import os
import tomllib
from pathlib import Path

DEFAULTS = {
    "registry": Path(__file__).parents[1] / "hubs" / "registry",
    "store": Path("store"),
    "publish": Path("public"),
}
"""The sample hubs that ship with the project, a store and a public folder where the command is run."""
FILE = Path("hubpacks.toml")


class UnusableSettings(ValueError):
    """The settings file cannot be used. The message says why."""


def setting(name: str, flag: Path | None = None) -> Path:
    """The folder called ``name`` (``registry``, ``store`` or ``publish``). Raises UnusableSettings."""
    if flag is not None:
        return flag
    if variable := os.environ.get(f"HUBPACKS_{name.upper()}"):
        return Path(variable)
    return _from_file().get(name, DEFAULTS[name])


def _from_file() -> dict[str, Path]:
    try:
        data = tomllib.loads(FILE.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UnusableSettings(f"{FILE} cannot be read: {error}") from error
    unknown = set(data) - set(DEFAULTS)
    if unknown:
        raise UnusableSettings(f"{FILE}: unknown setting {', '.join(sorted(unknown))}; known are {', '.join(DEFAULTS)}")
    return {name: Path(str(value)) for name, value in data.items()}
