"""E-mail addresses and telephone numbers in running text: found for the hub, masked for the reader."""

from __future__ import annotations

import re
from collections.abc import Iterator

EMAIL = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._%+'-]{0,62}[A-Za-z0-9_])?@(?:[A-Za-z0-9-]{1,63}\.){1,8}[A-Za-z]{2,24}\b")
_DIGITS = re.compile(r"(?<![\w/.=#-])\+?\(?\d[\d\s().-]{7,20}\d(?![\w/-])")
"""Where a telephone number may be; the library decides whether it is one."""

EMAIL_MASK = "[e-mail address removed]"
PHONE_MASK = "[telephone number removed]"


def contacts_in(text: str) -> list[str]:
    """The e-mail addresses and telephone numbers (valid ones, British unless they begin with +) in ``text``."""
    return [text[start:end] for start, end, _ in _spans(text)]


def masked(text: str) -> str:
    """``text`` with each of them replaced by a mask."""
    parts, position = [], 0
    for start, end, mask in sorted(_spans(text)):
        if start >= position:
            parts += [text[position:start], mask]
            position = end
    return "".join([*parts, text[position:]])


def _spans(text: str) -> Iterator[tuple[int, int, str]]:
    for match in EMAIL.finditer(text):
        yield match.start(), match.end(), EMAIL_MASK
    if _DIGITS.search(text):
        import phonenumbers

        for number in phonenumbers.PhoneNumberMatcher(text, "GB", leniency=phonenumbers.Leniency.VALID):
            if _DIGITS.match(text, number.start):
                yield number.start, number.end, PHONE_MASK
