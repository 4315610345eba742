"""HTML in a text that runs, loads or asks for something: found for the hub. Taking it out is done at publication."""

from __future__ import annotations

import re

_CODE_SPAN = re.compile(r"(`{1,10})(?!`).{1,2000}?(?<!`)\1(?!`)", re.DOTALL)
_ACTIVE = re.compile(
    r"<\s{0,9}(?:script|style|iframe|frame|object|embed|svg|math|template|noscript|form|input|select|textarea|button"
    r"|video|audio|canvas|link|meta|base)\b"
    r"|<[a-z][^<>]{0,2000}?[\s\"'/]on[a-z]{3,30}\s{0,9}="
    r"|(?:\]\(\s{0,9}<?|href\s{0,9}=\s{0,9}[\"']?\s{0,9}|<)(?:javascript|vbscript|data):",
    re.IGNORECASE,
)
"""Bounded throughout: each start is tried on a limited stretch, whatever the text."""


def has_active_html(markdown: str) -> bool:
    """Whether ``markdown``, which holds no fenced code, has such HTML outside its code spans."""
    return _ACTIVE.search(_CODE_SPAN.sub("", markdown)) is not None
