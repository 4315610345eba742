"""Texts of an interface, as gettext catalogues: English in a template, other languages in catalogues that translators'
tools open.

A folder ``locale`` has ``<domain>.pot``, where each text stands in English (``msgid``) under its key (``msgctxt``), and
``<language>/LC_MESSAGES/<domain>.po`` with what it is in that language. Values are put in as ``{name}``. What a text
says, and where, is for those who ask; no text of a hub is here. Run as a program (``make words``), it brings the keys
of templates into the catalogues, where translators find those that are new without a text.
"""

from __future__ import annotations

import io
import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from babel.messages.catalog import Catalog, Message
from babel.messages.pofile import PoFileError, read_po, write_po

SOURCE = "en"
TRANSLATIONS = ("cy",)
LANGUAGES = (SOURCE, *TRANSLATIONS)
FORMS = ("one", "other")
"""What stands behind the key of a text with a count: for one, and for any other number. Welsh keeps the singular."""
_VALUE = re.compile(r"\{(\w+)\}")


class UnusableCatalogue(ValueError):
    """A catalogue is missing or cannot be read. The message names it."""


@dataclass(frozen=True)
class Wording:
    """Texts by key, then by language: English where there is no other. ``unfinished`` says of which keys a text in
    another language is missing, marked as fuzzy, made for another English text, or lacks a value; in words.
    """

    texts: Mapping[str, Mapping[str, str]]
    unfinished: tuple[str, ...]

    def text(self, key: str, language: str, **values: object) -> str:
        """The text called ``key`` with ``values`` put in; whole numbers with thousands parted. With a value ``count``
        the text ``<key>.one`` is used for one, ``<key>.other`` for any other number. Raises KeyError for an unknown
        key or value.
        """
        if "count" in values:
            key = f"{key}.{FORMS[values['count'] != 1]}"
        words = self.texts[key][language]
        return words.format(**{name: _shown(value) for name, value in values.items()}) if values else words

    def share_finished(self, language: str) -> float:
        """Which share of the texts is finished in ``language``, from 0 to 1."""
        lacking = sum(line.startswith(f"{language}: ") for line in self.unfinished)
        return 1 - lacking / len(self.texts)


def _shown(value: object) -> str:
    return f"{value:,}" if isinstance(value, int) else str(value)


@cache
def wording(folder: Path, domain: str) -> Wording:
    """The texts of ``domain`` in ``folder``. Raises UnusableCatalogue."""
    source = dict(_texts(_read(folder / f"{domain}.pot"), is_source=True))
    texts = {key: {SOURCE: english} for key, english in source.items()}
    unfinished = []
    for language in TRANSLATIONS:
        catalogue = _read(folder / language / "LC_MESSAGES" / f"{domain}.po")
        originals = dict(_texts(catalogue, is_source=True))
        translated = dict(_texts(catalogue))
        for key, english in source.items():
            found = translated.get(key, "")
            texts[key][language] = found or english
            if not found:
                unfinished.append(f"{language}: {key} is not translated")
            elif originals[key] != english:
                unfinished.append(f"{language}: {key} is translated from another text")
            elif sorted(_VALUE.findall(found)) != sorted(_VALUE.findall(english)):
                unfinished.append(f"{language}: {key} has other values")
    return Wording(texts, tuple(unfinished))


def _read(path: Path) -> Catalog:
    try:
        with path.open("rb") as file:
            return read_po(file, abort_invalid=True)
    except (OSError, PoFileError, UnicodeDecodeError) as error:
        raise UnusableCatalogue(f"{path}: {error}") from error


def _texts(catalogue: Catalog, *, is_source: bool = False) -> Iterator[tuple[str, str]]:
    """Each key and its text: the English one, or the translation. What is marked as fuzzy is no translation."""
    for key, message in _messages(catalogue).items():
        found = message.id if is_source else "" if message.fuzzy else message.string
        if isinstance(message.id, str):
            yield key, str(found)
        else:
            parts = found or ("",) * len(FORMS)
            yield from ((f"{key}.{form}", part) for form, part in zip(FORMS, parts, strict=True))


def update(folder: Path, domain: str) -> None:
    """Bring the keys and English texts of ``domain`` into its other languages, in the same order. A text whose English
    has changed is marked as fuzzy, one that has no key any more is dropped. Raises UnusableCatalogue and OSError.
    """
    source = _messages(_read(folder / f"{domain}.pot"))
    for language in TRANSLATIONS:
        path = folder / language / "LC_MESSAGES" / f"{domain}.po"
        known = _messages(_read(path))
        head = path.read_bytes().partition(b"\n\n")[0]
        made = read_po(io.BytesIO(head + b"\n"))
        for key, message in source.items():
            earlier = known.get(key, message)
            is_changed = earlier.id != message.id
            flags = {*earlier.flags, "fuzzy"} if is_changed and earlier.string else earlier.flags
            made.add(message.id, earlier.string, flags=flags, context=key)
        with path.open("wb") as file:
            file.write(head + b"\n\n")
            write_po(file, made, width=0, omit_header=True)


def _messages(catalogue: Catalog) -> dict[str, Message]:
    """By key; the head of the file has none."""
    return {message.context: message for message in catalogue if message.id and message.context is not None}


if __name__ == "__main__":
    for place in sys.argv[1:]:
        update(Path(place).parent, Path(place).stem)
