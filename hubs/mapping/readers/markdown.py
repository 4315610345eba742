"""Markdown files with or without YAML front matter, one record each or several joined into one."""

from __future__ import annotations

import re
from pathlib import PurePosixPath
from typing import Any

from hubs.feed import Feed
from hubs.mapping.fields import Material
from hubs.mapping.spec import Join
from hubs.mapping.text import decode, headings, tidy
from hubs.yamlfile import UnreadableYaml, parse_yaml

_FRONT_MATTER = re.compile(r"\s*---[ \t]*\n(.*?)(?:\n|^)(?:---|\.\.\.)[ \t]*(?:\n|\Z)", re.DOTALL | re.MULTILINE)
_OPENING = re.compile(r"\s*---[ \t]*\n")
_ID_LINE = re.compile(r"(?m)^[ \t]*id:[ \t]*[\"']?([a-z0-9][a-z0-9._-]{0,119})[\"']?[ \t]*$")


def split_front_matter(text: str) -> tuple[dict[str, Any], str]:
    """Keys and body of ``text``, which is tidied already. Without front matter all of it is body; front matter that
    never ends is all there is, as site generators take it.

    Raises UnreadableYaml when the block is no YAML mapping.
    """
    opening = _OPENING.match(text)
    if opening is None:
        return {}, text
    block = _FRONT_MATTER.match(text)
    keys = parse_yaml(block[1] if block else text[opening.end() :])
    if keys is None:
        keys = {}
    if not isinstance(keys, dict):
        raise UnreadableYaml("the block that begins with --- holds no settings" + ("" if block else " and never ends"))
    return {str(name): value for name, value in keys.items()}, text[block.end() :].strip() if block else ""


def read_markdown(feed: Feed, name: str) -> tuple[Material, str | None]:
    """The record in the file ``name``, and what is wrong with its front matter, if anything is.

    A record with unreadable front matter keeps its body, and its id where that can be made out.
    """
    raw = feed.read(name)
    text = tidy(decode(raw)[0])
    changed = feed.dates.get(name)
    try:
        keys, body = split_front_matter(text)
    except UnreadableYaml as error:
        block = _FRONT_MATTER.match(text)
        identifier = _ID_LINE.search(block[1] if block else text)
        salvaged = {"id": identifier[1]} if identifier else {}
        body = text[block.end() :].strip() if block else ""
        return Material(name, "", salvaged, body, raw, changed, fault="unreadable_front_matter"), str(error)
    return Material(name, "", keys, body, raw, changed), None


def joined(parts: list[Material], join: Join) -> Material:
    """Several files as one record: keys, place and date of the first that has any, bodies one after the other."""
    first = next((part for part in parts if part.keys), parts[0])
    bodies = [_with_heading(part, join) for part in parts]
    changed = max((part.changed for part in parts if part.changed), default=None)
    raw = b"\n\n".join(part.raw for part in parts)
    return Material(first.file, "", first.keys, "\n\n".join(filter(None, bodies)), raw, changed, fault=first.fault)


def _with_heading(part: Material, join: Join) -> str:
    heading = join.headings.get(PurePosixPath(part.file).name)
    if heading is None:
        return part.body
    own = next(iter(headings(part.body)), None)
    lines = part.body.split("\n")
    body = "\n".join(lines[own.end :]) if own and not "".join(lines[: own.start]).strip() else part.body
    return f"## {heading}\n\n{body.strip()}"
