"""How organisations are grouped in benchmarks, and what is never pooled. A hub that has published numbers of its own
names them by the same words.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

WAVE = ("period", "instrument", "audience")
"""What an organisation answers as a whole, so that it is published and revised together."""
TABLE = (*WAVE, "dimension")
"""What is never pooled: figures of different values here are different tables."""
ATTRIBUTES = {
    "sector": "sectors",
    "organisation_type": "organisation_types",
    "size_band": "size_bands",
    "region": "regions",
}
"""What is known of an organisation, and the vocabulary of each."""
ALL = "all"
"""Stands in a column by which a breakdown does not group."""

BREAKDOWNS: dict[str, tuple[str, ...]] = {
    "total": (),
    "sector": ("sector",),
    "organisation_type": ("organisation_type",),
    "size_band": ("size_band",),
    "region": ("region",),
    "sector_size_band": ("sector", "size_band"),
}
"""The cube: each breakdown and the attributes of organisations by which it groups them."""
CUBE_VERSION = 1
"""It grows with every change to ``BREAKDOWNS``."""


def terms_of(row: Mapping[str, Any]) -> tuple[str, ...]:
    """The terms of the group that a row of a published table is about, in the order of its breakdown's attributes."""
    return tuple(row[name] for name in BREAKDOWNS[row["breakdown"]])
