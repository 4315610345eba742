"""From what a PDF says to its bytes: set by Typst, its tables finished by ``rowheads``. What it says is for ``model``,
how it looks for ``templates/pack.typ``.

The result is PDF/UA-1 and PDF/A-3a in one file. The same content gives the same bytes: no clock, no zone, no typeface
of the machine.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, Final, cast

from hubs.contract.records import canonical_json
from pipelines.memory import give_back
from pipelines.publish import strings
from pipelines.publish.layouts import TEMPLATES
from pipelines.publish.pdf.letters import TYPEFACES, typefaces, typefaces_digest

if TYPE_CHECKING:
    import typst

STANDARDS: Final = ("ua-1", "a-3a")
TOOLS = ("typst", "pikepdf")
ATTACHED = "records.csv"
"""What the attached records are called."""
EVICTED_AFTER = 12
"""So many compilations later Typst has forgotten what it kept of one, which is all of it."""
MOST_CHARACTERS = 500_000
"""Of models, as JSON, of which Typst may keep something at the same time. With six times as many a release of the
samples took 1,150 MB instead of 760, and no less time.
"""
KEY_PREFIX = "hubpacks-key:"
"""Stands before the key among the key words of a PDF."""

_TEMPLATE = TEMPLATES / "pack.typ"
_CODE_FONT = "DejaVu Sans Mono"
"""Comes inside Typst."""


@cache
def tools_digest() -> str:
    """The SHA-256 over everything but the content that the bytes of a PDF depend on: the layout, the versions of the
    tools, the typefaces.
    """
    parts = [_TEMPLATE.read_bytes(), *(f"{tool} {version(tool)}".encode() for tool in TOOLS)]
    parts.append(typefaces_digest().encode())
    return hashlib.sha256(b"".join(hashlib.sha256(part).digest() for part in parts)).hexdigest()


def key_of(models: Mapping[str, Mapping[str, Any]], records: bytes) -> str:
    """What tells whether a pack's PDFs (``model.model_of``, by language) say and look the same: a SHA-256. ``records``
    are attached.
    """
    attached = hashlib.sha256(records).hexdigest()
    return hashlib.sha256(canonical_json([models, attached, tools_digest()]).encode()).hexdigest()


def pdf_of(model: Mapping[str, Any], records: bytes, pack_version: str, published: str, key: str) -> bytes:
    """The PDF that says ``model``. ``pack_version`` is the release in which it last changed, ``published`` the moment
    of that (ISO 8601), ``key`` the ``key_of`` the pack.

    Raises typst.TypstError when the layout cannot be set, which no content should bring about.
    """
    from pipelines.publish.pdf.rowheads import with_row_heads  # late, as Typst

    day = datetime.fromisoformat(published).astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    whole = _dated(model, pack_version, strings.day(day, model["language"])) | {
        "keywords": ["hubpacks", f"{KEY_PREFIX}{key}"],
        "date": [day.year, day.month, day.day],
        "attached_name": ATTACHED,
        "fonts": {"text": _families(), "code": [_CODE_FONT, *_families()]},
    }
    inputs = {"pack": json.dumps(whole, ensure_ascii=False), "records": records.decode()}
    compiler = _compiler()
    set_pages = compiler.compile(
        _TEMPLATE.read_bytes(), format="pdf", pdf_standards=list(STANDARDS), sys_inputs=inputs, timestamp=day
    )
    _let_go(compiler, len(inputs["pack"]))
    made = with_row_heads(cast("bytes", set_pages))
    give_back()
    return made


@cache
def _fonts() -> typst.Fonts:
    import typst  # 80 MB, for those alone who make a PDF

    folders = sorted({path.parent for path in typefaces()})
    return typst.Fonts(include_system_fonts=False, include_embedded_fonts=True, font_paths=folders)


@cache
def _families() -> list[str]:
    """The typefaces in the order in which a letter is looked for in them: the one of the texts first, emoji last."""
    found = {font.family for font in _fonts().fonts() if font.path and any(name in font.path for name in TYPEFACES)}
    first, last = "Source Sans 3", "Noto Emoji"
    return [first, "Noto Sans", *sorted(found - {first, last, "Noto Sans"}), last]


def _compiler() -> typst.Compiler:
    import typst

    return typst.Compiler(b"", root=TEMPLATES, font_paths=_fonts(), ignore_system_fonts=True)


_kept_characters = 0
"""Of models that Typst may still keep something of."""


def _let_go(compiler: typst.Compiler, characters: int) -> None:
    """Let Typst forget what it keeps, once it has set models of ``MOST_CHARACTERS`` since it last did: that takes as
    long as a short pack.
    """
    global _kept_characters  # noqa: PLW0603 - as Typst's memory is one for the process
    _kept_characters += characters
    if _kept_characters >= MOST_CHARACTERS:
        _kept_characters = 0
        for _ in range(EVICTED_AFTER):
            compiler.compile(b"", format="pdf", sys_inputs=None)


def _dated(model: Mapping[str, Any], pack_version: str, day: str) -> dict[str, Any]:
    def filled(text: str) -> str:
        return text.replace("{version}", pack_version).replace("{date}", day)

    cover = [fact | {"runs": [run | {"text": filled(run["text"])} for run in fact["runs"]]} for fact in model["cover"]]
    words = {name: filled(text) for name, text in model["words"].items()}
    return {**model, "cover": cover, "words": words}
