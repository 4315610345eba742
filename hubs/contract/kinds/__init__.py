"""The kinds of record a feed may hold, one module each. Adding a kind is adding a module here and a template.

A module in this package defines ``KIND``: a :class:`DocumentKind`, a :class:`NoticeKind` or a :class:`TableKind`.
"""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache

from hubs.contract.kinds.base import DocumentKind, NoticeKind, TableKind

Kind = DocumentKind | NoticeKind | TableKind


@cache
def kinds() -> dict[str, Kind]:
    """Every kind of the contract by name, sorted by name."""
    found = {}
    for module in pkgutil.iter_modules(__path__):
        if module.name != "base":
            kind: Kind = importlib.import_module(f"{__name__}.{module.name}").KIND
            found[kind.name] = kind
    return dict(sorted(found.items()))


def document_kinds() -> dict[str, DocumentKind]:
    """The kinds whose records are documents to read."""
    return {name: kind for name, kind in kinds().items() if isinstance(kind, DocumentKind)}


def notice_kinds() -> dict[str, NoticeKind]:
    """The kinds whose records say what happens to other records."""
    return {name: kind for name, kind in kinds().items() if isinstance(kind, NoticeKind)}


def record_kinds() -> dict[str, DocumentKind | NoticeKind]:
    """The kinds whose records are read and judged one by one: documents and notices."""
    return {name: kind for name, kind in kinds().items() if not isinstance(kind, TableKind)}


def table_kinds() -> dict[str, TableKind]:
    """The kinds whose records are rows to count."""
    return {name: kind for name, kind in kinds().items() if isinstance(kind, TableKind)}
