"""Of Great Expectations only what tables need is imported, and nobody else notices."""

from __future__ import annotations

import subprocess
import sys

import pytest

PRELUDE = """
import gc, sys
from hubs.contract import gx
from hubs.contract.kinds import table_kinds
"""
JUDGE = """
import pyarrow as pa
from hubs.contract import expectations
kind = table_kinds()["assessment"]
values = pa.array(["3", "9", None])
assert expectations.unexpected_values(kind, {"level": values})["level"].tolist() == [False, True, True]
assert len(expectations.suite(kind).expectations) == 22
"""
"""Judges with every expectation but that of keys; the suite has that too."""


def python(program: str) -> str:
    """What a process of its own prints that runs ``program``."""
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_what_no_table_needs_is_not_imported() -> None:
    loaded = set(python(f"{PRELUDE}{JUDGE}print(*sys.modules, sep='\\n')").split())
    unneeded = {"sqlalchemy", "pyspark", "scipy.stats._stats_py", "altair.vegalite", "boto3", "google.auth", "psycopg2"}
    assert loaded & unneeded == set()
    expectations = {name for name in loaded if name.startswith("great_expectations.expectations.core.")}
    assert {name.rpartition(".")[2] for name in expectations} == {
        "expect_column_values_to_be_in_set",
        "expect_column_values_to_match_regex",
        "expect_column_values_to_not_be_null",
        "expect_compound_columns_to_be_unique",
    }
    sources = {name for name in loaded if name.startswith("great_expectations.datasource.fluent.")}
    assert {name.rpartition(".")[2] for name in sources if name.endswith("_datasource")} == {"invalid_datasource"}


def test_who_imports_the_rest_later_gets_it_whole() -> None:
    later = """
assert gc.isenabled()
assert not [finder for finder in sys.meta_path if isinstance(finder, gx._Finder)]
assert not [name for name, module in [*sys.modules.items()] if isinstance(module, gx._LeftOut)]
import altair, scipy.stats, sqlalchemy
assert scipy.stats.norm.cdf(0) == 0.5
assert sqlalchemy.create_engine("sqlite://").dialect.name == "sqlite"
assert altair.Chart.__module__.startswith("altair.")
from great_expectations.datasource.fluent.pandas_datasource import PandasDatasource
from great_expectations.expectations.core.expect_column_max_to_be_between import ExpectColumnMaxToBeBetween
assert PandasDatasource(name="x").type == "pandas"
assert ExpectColumnMaxToBeBetween(column="x", max_value=3).max_value == 3
"""
    python(PRELUDE + JUDGE + later)


def test_who_has_imported_the_whole_library_before_has_it_still() -> None:
    first = "import great_expectations, sqlalchemy\n"
    still = (
        "assert 'great_expectations.datasource.fluent.sql_datasource' in sys.modules and 'sqlalchemy' in sys.modules\n"
    )
    python(first + PRELUDE + JUDGE + still)


def test_other_threads_import_what_they_like_in_the_meantime() -> None:
    program = """
import threading
def elsewhere():
    import altair, sqlalchemy
    found.append((type(altair).__name__, sqlalchemy.__name__))
found = []
with gx._what_tables_need():
    try:
        import sqlalchemy
    except ImportError as error:
        assert error.name == "sqlalchemy"
    thread = threading.Thread(target=elsewhere)
    thread.start()
    thread.join()
assert found == [("module", "sqlalchemy")], found
"""
    python(PRELUDE + program)


def test_an_expectation_that_is_left_out_says_how_to_have_it() -> None:
    program = """
try:
    gx.great_expectations().expectations.ExpectColumnMaxToBeBetween(column="level", max_value=5)
except TypeError as error:
    print(error)
"""
    told = python(PRELUDE + program)
    assert told == (
        "great_expectations.expectations.core.expect_column_max_to_be_between.ExpectColumnMaxToBeBetween is not "
        "imported: add its module to hubs.contract.gx.EXPECTATIONS\n"
    )


@pytest.mark.parametrize("first", ["", "import pyspark.sql\n"])
def test_a_process_without_a_main_module_judges_where_spark_is_installed(first: str) -> None:
    """As workers are that another process has started: there ``pyspark.sql.connect`` ends the process."""
    program = (
        "import sys; del sys.modules['__main__'].__spec__; sys.modules['__main__'].__spec__ = None\n"
        "from hubs.contract.gx import great_expectations\n"
        "print(great_expectations().__name__)\n"
        "import pyspark.sql; print(pyspark.__name__)\n"
    )
    assert python(first + program).split() == ["great_expectations", "pyspark"]
