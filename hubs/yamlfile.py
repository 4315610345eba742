"""Reading YAML that strangers wrote: no code, no aliases (a few lines of them can fill any memory), clear errors."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

MAX_DEPTH = 40
MAX_CHARACTERS = 1_000_000
"""Settings of this length take seconds to read; none that people write come near it."""
MAX_DIGITS = 100
"""Of a number. YAML knows short ways to write numbers that Python takes minutes to print."""

_TEXT_TAGS = {"!", "tag:yaml.org,2002:str"}
"""The tags that an author may write; all others only choose between ways to misread a value."""


class UnreadableYaml(ValueError):
    """The text is not YAML, or uses what we refuse. The message names the line."""


class _Loader(yaml.CSafeLoader):
    """Safe loader that refuses repeated and non-scalar keys."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[Any] = set()
        for key_node, _ in node.value:
            line = key_node.start_mark.line + 1
            if not isinstance(key_node, yaml.ScalarNode):
                raise UnreadableYaml(f"line {line}: a key must be plain text")
            key = self.construct_object(key_node, deep=True)
            if key in seen:
                raise UnreadableYaml(f"line {line}: the key '{key}' appears twice")
            seen.add(key)
        return super().construct_mapping(node, deep)

    def construct_number(self, node: yaml.ScalarNode) -> int | float:
        """A number as the safe loader reads it."""
        if len(node.value) > MAX_DIGITS:
            raise UnreadableYaml(f"line {node.start_mark.line + 1}: a number of more than {MAX_DIGITS} digits")
        is_whole = node.tag == "tag:yaml.org,2002:int"
        number: int | float = self.construct_yaml_int(node) if is_whole else self.construct_yaml_float(node)
        return number


for _tag in ("int", "float"):
    _Loader.add_constructor(f"tag:yaml.org,2002:{_tag}", _Loader.construct_number)


def parse_yaml(text: str) -> Any:
    """The data in ``text``: dicts, lists, strings, numbers, booleans, dates. Raises UnreadableYaml."""
    if len(text) > MAX_CHARACTERS:
        raise UnreadableYaml(f"more than {MAX_CHARACTERS:,} characters of settings")
    try:
        _refuse_harm(text)
        return yaml.load(text, Loader=_Loader)  # noqa: S506 - a subclass of the safe loader
    except UnreadableYaml:
        raise
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise UnreadableYaml(f"line {mark.line + 1 if mark else 1}: {error.problem or error.context}") from error
    except (yaml.YAMLError, ValueError) as error:
        raise UnreadableYaml(str(error)) from error


def read_yaml(path: Path) -> Any:
    """The data in the file at ``path``. Raises UnreadableYaml (also for a wrong encoding) and OSError."""
    try:
        return parse_yaml(path.read_text(encoding="utf-8-sig"))
    except UnicodeDecodeError as error:
        raise UnreadableYaml(f"not UTF-8 at byte {error.start}") from error


def _refuse_harm(text: str) -> None:
    """Look through the text without building anything: the library's own recursion dies of deep nesting."""
    depth = 0
    for event in yaml.parse(text, Loader=yaml.CSafeLoader):
        line = event.start_mark.line + 1 if event.start_mark else 1
        if isinstance(event, yaml.AliasEvent):
            raise UnreadableYaml(f"line {line}: aliases (*{event.anchor}) are not allowed")
        tag = getattr(event, "tag", None)
        if tag is not None and tag not in _TEXT_TAGS:
            raise UnreadableYaml(f"line {line}: tags (!!{tag.rpartition(':')[2].lstrip('!')}) are not allowed")
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
            if depth > MAX_DEPTH:
                raise UnreadableYaml(f"line {line}: nested more than {MAX_DEPTH} deep")
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
