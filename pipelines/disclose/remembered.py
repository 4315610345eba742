"""Tables that were told before, by a digest of all that decides how they are told: what has not changed is not rounded
and attacked again.

Keeping and finding them again lives here, and what they depend on. How they are told is ``gate``; where they lie
between runs is for the store. They are as secret as what was counted: a digest can be held against guesses, and
findings are for the operator.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from hubs.contract.records import canonical_json
from pipelines.cube import Counts
from pipelines.disclose import Disclosed, gate
from pipelines.disclose.attack import Attack, Finding
from pipelines.disclose.gate import Told
from pipelines.disclose.history import History
from pipelines.policy import Policy

SCHEMA = pa.schema(
    [
        ("key", pa.string()),
        ("then", pa.string()),
        ("benchmarks", pa.binary()),
        ("distributions", pa.binary()),
        ("about", pa.string()),
    ]
)
"""A row a table: the digests under which it is found, now and once it is published (empty when it has to be told
again); Arrow streams; the rest as JSON.
"""


class Remembered:
    """What tables were told as. ``kept`` is what ``table`` gave the last time. ``made_by`` says by what code and with
    which dependencies they are told: what others made is forgotten.
    """

    def __init__(self, kept: pa.Table | None = None, made_by: str = "") -> None:
        self.made_by = made_by
        self._kept: dict[str, dict[str, Any]] = {}
        for row in kept.to_pylist() if kept is not None and kept.schema.equals(SCHEMA) else ():
            self._kept |= {key: row for key in (row["key"], row["then"]) if key}
        self._used: dict[str, dict[str, Any]] = {}

    def told(self, counts: Counts, policy: Policy, history: History) -> Told:
        """As ``gate.told``. May be asked by several threads at once."""
        key = self._key(counts, policy, history)
        row = self._kept.get(key)
        if row is None:
            told = gate.told(counts, policy, history)
            row = {"key": key, "then": self._key(counts, policy, told.then) if told.then else "", **_packed(told)}
            self._used[row["key"]] = row
            return told
        self._used[row["key"]] = row
        return _unpacked(row)

    def table(self) -> pa.Table:
        """What was asked for, in the columns of ``SCHEMA``: nothing else is of use any more."""
        return pa.Table.from_pylist([self._used[key] for key in sorted(self._used)], SCHEMA)

    def _key(self, counts: Counts, policy: Policy, history: History) -> str:
        digest = hashlib.sha256()
        _digest((self.made_by, policy.model_dump(mode="json"), counts, history.content), digest)
        return digest.hexdigest()


def _digest(value: Any, into: Any) -> None:
    """Add all that ``value`` says to a digest, each part with its kind and length, so that no two say the same. Whole
    numbers are the same however many bytes they take. Raises TypeError for what is none of a few kinds.
    """
    if is_dataclass(value):
        value = [(one.name, getattr(value, one.name)) for one in fields(value)]
    elif isinstance(value, Mapping):
        value = sorted(value.items())
    if isinstance(value, list | tuple):
        into.update(f"parts {len(value)} ".encode())
        for part in value:
            _digest(part, into)
    elif isinstance(value, np.ndarray) and value.dtype.kind in "biu":
        into.update(f"numbers {value.shape} ".encode())
        into.update(np.ascontiguousarray(value, np.int64).tobytes())
    elif value is None or isinstance(value, str | bytes | int | float):
        said = value if isinstance(value, bytes) else str(value).encode()
        into.update(f"{type(value).__name__} {len(said)} ".encode() + said)
    else:
        raise TypeError(f"a {type(value).__name__} has no digest")


def _packed(told: Told) -> dict[str, Any]:
    about = {
        "made": dict(told.made.audit),
        "attack": told.attack.audit,
        "findings": [finding._asdict() for finding in told.attack.findings],
        "withheld_n": told.withheld_n,
        "is_kept": told.is_kept,
    }
    tables = {"benchmarks": _stream(told.made.benchmarks), "distributions": _stream(told.made.distributions)}
    return {**tables, "about": canonical_json(about)}


def _unpacked(row: Mapping[str, Any]) -> Told:
    about = json.loads(row["about"])
    benchmarks, distributions = (pa.ipc.open_stream(row[name]).read_all() for name in ("benchmarks", "distributions"))
    findings = (
        Finding(**(one | {"table": tuple(one["table"]), "terms": tuple(one["terms"])})) for one in about["findings"]
    )
    made = Disclosed(benchmarks, distributions, about["made"])
    return Told(made, Attack(tuple(findings), about["attack"]), about["withheld_n"], about["is_kept"])


def _stream(table: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as stream:
        stream.write_table(table)
    written: bytes = sink.getvalue().to_pybytes()
    return written
