"""YAML with doubts: settings as data, each with comments that say how sure its guess is. No guess is made here."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import yaml

WIDTH = 118
MAX_DOUBT_CHARACTERS = 700
SETTINGS_DEPTH = 8
"""Columns by which the settings of a source are set in at most."""
MAX_SHOWN_CHARACTERS = 60
MOST_SHOWN = 8


@dataclass(frozen=True)
class Guess:
    """A setting with what speaks against it. ``value`` None says that only the doubts are written."""

    value: Any
    doubts: tuple[str, ...] = ()


Settings = Mapping[str, Any]
"""Names to values, to guesses, or to further settings."""


def shown(value: object) -> str:
    """What a hub wrote, on one line and short enough for a comment. Nothing in it can end the comment."""
    text = "".join(character if character.isprintable() else " " for character in str(value)[:1_000])
    text = " ".join(text.split())
    return text if len(text) <= MAX_SHOWN_CHARACTERS else text[: MAX_SHOWN_CHARACTERS - 1] + "…"


def listed(values: Mapping[Any, int]) -> str:
    """Values with how often each was seen, the commonest first."""
    ordered = sorted(values.items(), key=lambda entry: (-entry[1], str(entry[0])))
    parts = [f"'{shown(value)}' ({count})" for value, count in ordered[:MOST_SHOWN]]
    rest = len(ordered) - MOST_SHOWN
    return ", ".join(parts) + (f" and {rest} more" if rest > 0 else "")


def comment(text: str, mark: str = "doubt: ", indent: int = 0) -> Iterator[str]:
    """The lines of a comment: the first line of ``text``, and below it the others as a list."""
    begin = f"{' ' * indent}# "
    for number, line in enumerate(text.split("\n")):
        plain = "".join(character if character.isprintable() else " " for character in line[:MAX_DOUBT_CHARACTERS])
        yield from textwrap.wrap(
            mark + plain if number == 0 else f"- {plain}",
            width=WIDTH,
            initial_indent=begin if number == 0 else begin + " " * 2,
            subsequent_indent=begin + " " * (2 if number == 0 else 4),
            break_long_words=False,
            break_on_hyphens=False,
        )


def block(settings: Settings, indent: int = 0) -> Iterator[str]:
    """The lines of YAML for ``settings``, the doubts above what they are about."""
    for name, value in settings.items():
        guess = value if isinstance(value, Guess) else Guess(value)
        for doubt in guess.doubts:
            yield from comment(doubt, indent=indent)
        if guess.value is None:
            continue
        if _holds_guesses(guess.value):
            if isinstance(guess.value, Mapping):
                inner = list(block(guess.value, indent + 2))
                if any(not line.lstrip().startswith("#") for line in inner):
                    yield f"{' ' * indent}{_key(name)}"
                yield from inner
                continue
            yield f"{' ' * indent}{_key(name)}"
            for item in guess.value:
                yield from _item(item, indent + 2)
        else:
            yield from _dumped(name, guess.value, indent)


def _item(settings: Settings, indent: int) -> Iterator[str]:
    """One entry of a list: its comments stand above the mark that begins it."""
    has_begun = False
    for line in block(settings, indent + 2):
        if not has_begun and not line.lstrip().startswith("#"):
            has_begun = True
            yield f"{' ' * indent}- {line.lstrip()}"
        else:
            yield line if has_begun else line[2:]


def _holds_guesses(value: Any) -> bool:
    if isinstance(value, Guess):
        return True
    if isinstance(value, Mapping):
        return any(_holds_guesses(entry) for entry in value.values())
    return isinstance(value, list) and any(_holds_guesses(entry) for entry in value)


def _key(name: str) -> str:
    return next(_dumped(name, 0, 0)).removesuffix("0").rstrip()


def _dumped(name: str, value: Any, indent: int) -> Iterator[str]:
    """On one line if it fits, else a line an entry."""
    is_plain = not isinstance(value, dict | list) or not value
    flow = list(_yaml(name, value, is_plain=is_plain))
    lines = flow if is_plain or (len(flow) == 1 and len(flow[0]) <= WIDTH - indent) else _nested(name, value)
    for line in lines:
        yield " " * indent + line


def _yaml(name: str, value: Any, is_plain: bool) -> Iterator[str]:
    style = False if is_plain else None  # None writes the innermost collections on one line
    text = yaml.safe_dump({name: value}, sort_keys=False, allow_unicode=True, default_flow_style=style, width=10_000)
    yield from text.splitlines()


def _nested(name: str, value: Any) -> Iterator[str]:
    yield _key(name)
    if isinstance(value, Mapping):
        for key, entry in value.items():
            yield from _dumped(key, entry, 2)
        return
    for entry in value:
        flow = yaml.safe_dump([entry], sort_keys=False, allow_unicode=True, default_flow_style=True, width=10_000)
        line = f"  - {flow.strip()[1:-1]}"
        if isinstance(entry, Mapping) and len(line) > WIDTH - SETTINGS_DEPTH:
            yield from _item(entry, 2)
        else:
            yield line
