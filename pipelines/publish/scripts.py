"""Data for the scripts of pages: published tables once more, as scripts that hand over what the JSON files say.

A page that was opened from a disk, or out of a zip, may load scripts and read no other file: so what scripts need comes
as one. Made from the finished files of a release alone. What scripts do with it stands in ``templates/static``.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from hubs.contract.groups import ATTRIBUTES, TABLE, WAVE
from hubs.contract.records import canonical_json
from pipelines.files import json_of

FIGURES = "benchmarks/figures"
"""The folder of the figures, a script a wave (period, instrument and audience)."""
_FURTHER = ("distributions", "trends")
_GROUP = (*TABLE, "breakdown", *ATTRIBUTES)
_HEAD, _MIDDLE, _TAIL = "hubpacks.take(", ",JSON.parse('", "'));\n"


def as_script(name: str, data: Any) -> bytes:
    """A script that hands over ``data`` as ``name``: JSON in a string, which browsers read faster than a literal."""
    text = canonical_json(data).replace("\\", "\\\\").replace("'", "\\'").replace("\u2028", "\\u2028")
    return f"{_HEAD}{json.dumps(name)}{_MIDDLE}{text.replace(chr(0x2029), chr(92) + 'u2029')}{_TAIL}".encode()


def handed_over(script: bytes) -> tuple[str, Any]:
    """Name and data of a script that ``as_script`` made. Raises ValueError for any other text."""
    head, found, rest = script.decode().partition(_MIDDLE)
    if not (found and head.startswith(_HEAD) and rest.endswith(_TAIL)):
        raise ValueError("this is no script that hands over data")
    text = re.sub(r"\\(['\\])", r"\1", rest.removesuffix(_TAIL))
    return json.loads(head.removeprefix(_HEAD)), json_of(text.encode())


def wave_name(wave: Mapping[str, str]) -> str:
    """What the figures of a wave are handed over as, and the name of their script."""
    return ".".join(wave[name] for name in ("instrument", "audience", "period"))


def write_figures(folder: Path) -> None:
    """Write the figures of each wave of the release in ``folder`` into ``benchmarks/figures``."""
    (folder / FIGURES).mkdir(parents=True, exist_ok=True)
    for name, data in _figures(folder):
        (folder / FIGURES / f"{name}.js").write_bytes(as_script(name, data))


def wrong_scripts(folder: Path) -> Iterator[str]:
    """Where scripts in the release in ``folder`` do not hand over what the JSON files say, in words. Releases of older
    versions have none.
    """
    if not (folder / FIGURES).is_dir():
        return
    expected = dict(_figures(folder))
    present = {path.name.removesuffix(".js"): path for path in sorted((folder / FIGURES).iterdir())}
    for name in sorted(expected.keys() | present.keys()):
        path = f"{FIGURES}/{name}.js"
        if name not in present or name not in expected:
            yield f"{path}: {'missing' if name in expected else 'of no wave that is published'}"
        elif handed_over(present[name].read_bytes()) != (name, expected[name]):
            yield f"{path}: its figures are not those of the tables"


def _figures(folder: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """Of each wave its name and rows: ``columns`` once, then a list of values a row. ``distributions`` and ``trends``
    are shaped alike; the first value of their rows, ``of``, is the place of the group's row among those of the wave.
    """
    table = json_of((folder / "benchmarks/benchmarks.json").read_bytes())
    columns = [column["name"] for column in table["columns"] if column["name"] not in WAVE]
    waves: dict[str, dict[str, Any]] = defaultdict(dict)
    places: dict[tuple[str, ...], int] = {}
    for row in table["rows"]:
        wave = {name: row[name] for name in WAVE}
        found = waves[wave_name(wave)] or {**wave, "columns": columns, "rows": []}
        places[tuple(row[name] for name in _GROUP)] = len(found["rows"])
        found["rows"].append([row[name] for name in columns])
        waves[wave_name(wave)] = found
    for name in _FURTHER:
        table = json_of((folder / "benchmarks" / f"{name}.json").read_bytes())
        columns = [column["name"] for column in table["columns"] if column["name"] not in _GROUP]
        for found in waves.values():
            found[name] = {"columns": ["of", *columns], "rows": []}
        for row in table["rows"]:
            own = [places[tuple(row[key] for key in _GROUP)], *(row[column] for column in columns)]
            waves[wave_name(row)][name]["rows"].append(own)
    yield from sorted(waves.items())
