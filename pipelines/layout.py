"""Which layout a store has, and how an older one becomes today's.

``format.json`` in the store has its number. A store of a later layout is refused, since this code would not know what
it breaks. An older one is brought up when it is opened: step by step, each safe to be killed and to be done again, and
the number written after each. What the files mean is for ``store``; rules and the contract are no part of the layout:
what was judged under others is judged again (``validate.rules_key``).
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from pipelines.files import only_one, read_json, write_json

FORMAT = "format.json"
UNFINISHED = ".restoring"
"""In a folder that is being restored (``checkpoints``)."""
OF_THE_MACHINE = frozenset(("locks", "staging", "texts"))
"""What belongs to the machine: it makes no store, and is in no copy. Rendered texts are left of earlier versions, and
may be removed.
"""


class UnusableLayout(RuntimeError):
    """The store cannot be worked on by this version. The message says what to do."""


def _add_anchors(store: Path) -> None:
    """From 0 to 1: a standing tells by which feed losses are summed up. One that never did begins with none."""
    for path in sorted((store / "hubs").glob("*.json")):
        told = read_json(path)
        if isinstance(told, dict) and "anchor" not in told:
            write_json(path, told | {"anchor": None})


STEPS: tuple[Callable[[Path], None], ...] = (_add_anchors,)
"""The n-th brings a store from layout n to the next."""


def layout_of(store: Path) -> int | None:
    """The number of the store's layout; 0 for one from before there were numbers, None when there is no store yet.

    Raises UnusableLayout and files.Damaged.
    """
    if (store / UNFINISHED).exists():
        raise UnusableLayout(
            f"{store}: it is being restored, or that was killed: run hubpacks restore to its end first"
        )
    told = read_json(store / FORMAT)
    if told is None:
        return 0 if _holds_something(store) else None
    if not (isinstance(told, dict) and isinstance(told.get("layout"), int)):
        raise UnusableLayout(f"{store / FORMAT} is damaged: restore it from a copy")
    return int(told["layout"])


def bring_up(store: Path) -> list[int]:
    """Bring the store to today's layout; the layouts that it had on the way, none when it had that already.

    Raises UnusableLayout, files.Damaged and OSError.
    """
    today = len(STEPS)
    found = layout_of(store)
    if found is not None and found > today:
        raise UnusableLayout(
            f"{store} has layout {found}, and this version of hubpacks knows {today}: use the one that wrote it, or a "
            "later one; or restore a copy from before it was upgraded"
        )
    if found is None or found == today:
        return []
    passed = []
    with only_one(store / "locks" / "layout", wait=True):
        while (number := layout_of(store) or 0) < today:
            STEPS[number](store)
            _write(store, number + 1)
            passed.append(number)
    return passed


def begin(store: Path) -> None:
    """Number a store that holds nothing yet."""
    if layout_of(store) is None:
        _write(store, len(STEPS))


def _write(store: Path, number: int) -> None:
    write_json(store / FORMAT, {"layout": number})


def _holds_something(store: Path) -> bool:
    if not store.is_dir():
        return False
    return any(path.name not in OF_THE_MACHINE and not path.name.startswith(".") for path in store.iterdir())
