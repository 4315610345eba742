"""Patterns of paths that take some files of a folder and leave others. What the files are does not matter here."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from glob import escape
from pathlib import PurePosixPath

from hubs.starter.suggest.fields import SOME

MOST_EXCLUDED = 25


def globs(mine: Iterable[str], foreign: Iterable[str]) -> list[tuple[str, list[str]]]:
    """Patterns that take the files ``mine`` and none of ``foreign``, each with the patterns to exclude from it."""
    names = sorted(mine)
    folders = {str(PurePosixPath(name).parent) for name in names}
    return [(pattern, _condensed(exclude, folders)) for pattern, exclude in _cover("", names, sorted(foreign))]


def _condensed(names: list[str], wanted: set[str]) -> list[str]:
    """Patterns for ``names``: a folder as a whole where nothing of it is wanted."""
    patterns = []
    for name in names:
        parent = str(PurePosixPath(name).parent)
        is_whole = parent not in wanted and parent != "."
        patterns.append(f"{escape(parent)}/*{escape(PurePosixPath(name).suffix)}" if is_whole else escape(name))
    return list(dict.fromkeys(patterns))


def _cover(folder: str, mine: list[str], foreign: list[str]) -> Iterator[tuple[str, list[str]]]:
    start = f"{folder}/" if folder else ""
    direct = [name for name in mine if "/" not in name.removeprefix(start)]
    below: dict[str, list[str]] = defaultdict(list)
    for name in mine:
        if name not in direct:
            below[start + name.removeprefix(start).split("/", 1)[0]].append(name)
    if not direct and len(below) == 1:
        (inner,) = below
        yield from _cover(inner, mine, _under(foreign, inner))
        return
    if below and len(foreign) <= min(MOST_EXCLUDED, SOME * len(mine)) and (direct or len(below) > 1):
        yield from _deep(start, mine, foreign)
        return
    if direct:
        beside = [name for name in foreign if "/" not in name.removeprefix(start)]
        if len(beside) <= MOST_EXCLUDED and len(direct) > 1:
            for ending in sorted({PurePosixPath(name).suffix for name in direct}):
                same = [name for name in beside if PurePosixPath(name).suffix == ending]
                yield f"{escape(start)}*{escape(ending)}", same
        else:
            yield from ((escape(name), []) for name in direct)
    for inner, names in below.items():
        yield from _cover(inner, names, _under(foreign, inner))


def _under(names: list[str], folder: str) -> list[str]:
    return [name for name in names if name.startswith(f"{folder}/")]


def _deep(start: str, mine: list[str], foreign: list[str]) -> Iterator[tuple[str, list[str]]]:
    names = {PurePosixPath(name).name for name in mine}
    if len(names) == 1 and not foreign:
        yield f"{escape(start)}**/{escape(names.pop())}", []
        return
    for ending in sorted({PurePosixPath(name).suffix for name in mine}):
        yield (
            f"{escape(start)}**/*{escape(ending)}",
            [name for name in foreign if PurePosixPath(name).suffix == ending],
        )
