"""The configuration of nginx that answers as ``app`` does: the text stands in ``nginx.conf``, its data in ``rules``."""

from __future__ import annotations

import re
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from pipelines.publish.gone import GONE
from pipelines.publish.pointers import RELEASE_ID
from pipelines.serve import rules

_PLAIN = re.compile(r"[^\"'\\$;{}\s]+")
"""Of what the name of a folder may be made, so that nginx reads in it what stands there: it has no way to write a
dollar in a root."""


class UnusableFolder(ValueError):
    """A folder whose name nginx cannot be given. The message names it."""


def configuration(public: Path, host: str, port: int) -> str:
    """The lines for nginx's ``http`` block: maps, and a server for the folder ``public`` at ``host`` and ``port``.

    Raises UnusableFolder.
    """
    root = str(public.absolute())
    if not _PLAIN.fullmatch(root):
        raise UnusableFolder(f"{root}: nginx cannot be given a folder with a space, a quote or one of \\ $ ; {{ }}")
    templates = Environment(  # noqa: S701 - text for nginx, not HTML
        loader=FileSystemLoader(Path(__file__).parent),
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        undefined=StrictUndefined,
    )
    suffixes = "|".join(suffix.removeprefix(".") for suffix in rules.OPEN_SUFFIXES)
    return templates.get_template("nginx.conf").render(
        rules=rules,
        root=root,
        gone=f"{GONE[0]}[{GONE[1]}]{GONE[2:]}",  # a pattern, which may find nothing; a name must be there
        listen=f"[{host}]:{port}" if ":" in host else f"{host}:{port}",
        release=RELEASE_ID.pattern,
        open=rf"\.({suffixes})$|/({'|'.join(rules.OPEN_NAMES)})$",
        texts=[kind for kind in rules.kinds() if rules.is_text(kind) and kind != "text/html"],
        compressed=[kind for kind in rules.kinds() if rules.is_compressed(kind) and kind != "text/html"],
    )
