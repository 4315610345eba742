"""Reading JSON that strangers wrote: no repeated keys, no bottomless nesting, no halves of characters, clear errors."""

from __future__ import annotations

import json
import re
from collections import Counter
from typing import Any

MAX_DEPTH = 40

_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")


class UnreadableJson(ValueError):
    """The text is not JSON, or uses what we refuse. The message names the line where it can."""


def parse_json(text: str) -> Any:
    """The data in ``text``: dicts, lists, strings, numbers, booleans. Raises UnreadableJson.

    Half of a character (a surrogate without its other half), which no file can hold, becomes a question mark.
    """
    try:
        data = json.loads(text, object_pairs_hook=_members)
    except json.JSONDecodeError as error:
        raise UnreadableJson(f"line {error.lineno}: {error.msg}") from error
    except RecursionError as error:
        raise UnreadableJson(f"nested more than {MAX_DEPTH} deep") from error
    except UnreadableJson:
        raise
    except ValueError as error:  # more digits than a number may have
        raise UnreadableJson("a number is too long") from error
    _refuse_depth(data)
    return _whole(data) if _SURROGATE.search(text) else data


def _members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) < len(pairs):
        counted = Counter(name for name, _ in pairs)
        twice = next(name for name in members if counted[name] > 1)
        raise UnreadableJson(f"the key '{_whole(twice[:60])}' appears twice in one object")
    return members


def _refuse_depth(data: Any) -> None:
    level = [data]
    for _ in range(MAX_DEPTH + 1):
        containers = [item for item in level if isinstance(item, dict | list)]
        if not containers:
            return
        level = [child for item in containers for child in (item.values() if isinstance(item, dict) else item)]
    raise UnreadableJson(f"nested more than {MAX_DEPTH} deep")


def _whole(data: Any) -> Any:
    if isinstance(data, str):
        return data.encode("utf-8", "replace").decode()
    if isinstance(data, dict):
        return {_whole(name): _whole(value) for name, value in data.items()}
    return [_whole(item) for item in data] if isinstance(data, list) else data
