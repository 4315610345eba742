"""Importing Great Expectations, as far as tables need it. What is expected of a table is said in ``expectations``.

The library imports at once what anybody could want of it: sixty expectations, thirty sources of data, the clients of
databases and clouds. They would be most of the time that it takes, in each process that judges a table. So a module
that no table needs is left out while the library is imported, and an empty one stands in for it (docs/adr/0046).
"""

from __future__ import annotations

import gc
import os
import re
import sys
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from importlib.abc import Loader
from importlib.machinery import ModuleSpec, PathFinder
from importlib.util import LazyLoader
from threading import RLock, get_ident
from types import ModuleType
from typing import Any

LOCK = RLock()
"""One thread at a time: neither the import nor the library is made for several."""

EXPECTATIONS = (
    "expect_column_values_to_be_in_set",
    "expect_column_values_to_match_regex",
    "expect_column_values_to_not_be_null",
    "expect_compound_columns_to_be_unique",
)
"""The modules of those that suites are made of. All others are left out."""
_LEFT_OUT = re.compile(
    r"great_expectations\.(?:"
    rf"expectations\.core\.(?!(?:{'|'.join(EXPECTATIONS)})$)(?:expect_|unexpected_)\w+|"
    r"datasource\.fluent\.(?!(?:invalid_|meta)datasource$)\w*(?:datasource|fabric)\w*)"
)
"""Expectations, and sources of data: tables are handed over as frames."""
_PUT_OFF = frozenset({"altair", "scipy.stats"})
"""For expectations about distributions: imported when one of them is used, which none is."""
_ABSENT = frozenset({"sqlalchemy", "pyspark", "pyspark.sql.connect", "psycopg2", "boto3", "botocore", "google"})
"""For tables in databases, on Spark and in clouds. Great Expectations does without where they are not installed.
``pyspark.sql.connect`` ends the process (SystemExit) where it finds no main module, as in workers that were started by
another process.
"""


@cache
def great_expectations() -> Any:
    """The library, with ``EXPECTATIONS`` in its ``expectations``. It sends nothing to anybody."""
    os.environ["GX_ANALYTICS_ENABLED"] = "false"
    with LOCK, _what_tables_need(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # its imports warn of Python's future, which no user of ours can mend
        import great_expectations
        import great_expectations.expectations
    return great_expectations


@contextmanager
def _what_tables_need() -> Iterator[None]:
    """Within it this thread imports no more. Who imports the rest later gets it whole."""
    finder = _Finder()
    is_collecting = gc.isenabled()
    sys.meta_path.insert(0, finder)
    gc.disable()  # next to nothing of what an import makes is garbage
    try:
        yield
    finally:
        if is_collecting:
            gc.enable()
        sys.meta_path.remove(finder)
        for name in finder.left_out:
            parent, _, child = name.rpartition(".")
            delattr(sys.modules[parent], child)
            del sys.modules[name]


class _Finder(Loader):
    """Finds what is left out, put off or absent, for the thread that has made it. See importlib.abc.MetaPathFinder."""

    def __init__(self) -> None:
        self.left_out: list[str] = []
        self._thread = get_ident()

    def find_spec(self, name: str, path: Sequence[str] | None, target: Any = None) -> ModuleSpec | None:
        if get_ident() != self._thread:
            return None
        if name in _ABSENT:
            raise ModuleNotFoundError(f"{name} is not needed", name=name)
        if _LEFT_OUT.fullmatch(name):
            return ModuleSpec(name, self)
        spec = PathFinder.find_spec(name, path, target) if name in _PUT_OFF else None
        if spec is not None and spec.loader is not None:
            spec.loader = LazyLoader(spec.loader)
        return spec

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        return _LeftOut(spec.name)

    def exec_module(self, module: ModuleType) -> None:
        self.left_out.append(module.__name__)


class _LeftOut(ModuleType):
    """Stands in for a module. Whatever is imported from it is a class that cannot be used."""

    def __getattr__(self, name: str) -> type:
        if name.startswith("__"):
            raise AttributeError(name)
        return type(name, (_Unusable,), {"__module__": self.__name__})


class _Unusable:
    def __init__(self, **_: Any) -> None:
        name = type(self)
        raise TypeError(f"{name.__module__}.{name.__name__} is not imported: add its module to {__name__}.EXPECTATIONS")
