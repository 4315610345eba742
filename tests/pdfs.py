"""Reading PDFs back as others do: their text with poppler's tool, their structure with ``pikepdf``."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pikepdf

from pipelines.publish.pdf.letters import BREAK


def text_of(path: Path) -> str:
    """All text of a PDF in reading order, spaces and line breaks as one space, places to break a line left out."""
    done = subprocess.run(["/usr/bin/pdftotext", "-q", path, "-"], stdout=subprocess.PIPE, check=True)
    # Poppler leaves out a hyphen at the end of a line that it joins, so none is left anywhere.
    return squeezed(done.stdout.decode())


def squeezed(text: str) -> str:
    """``text`` without white space, hyphens and places to break a line: what can be compared across line ends."""
    return re.sub(rf"[\s{BREAK}\u00ad-]", "", text)


def elements_of(pdf: pikepdf.Pdf) -> Iterator[Any]:
    """Every element of the structure that screen readers read, from the top."""
    waiting = [pdf.Root.StructTreeRoot]
    while waiting:
        element = waiting.pop(0)
        yield element
        kids = element.get("/K")
        kids = list(kids) if isinstance(kids, pikepdf.Array) else [] if kids is None else [kids]
        waiting = [kid for kid in kids if isinstance(kid, pikepdf.Dictionary)] + waiting
