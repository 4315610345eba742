"""Great Expectations used the plain way, by which our use of it is judged."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

import pandas as pd

from hubs.contract.gx import great_expectations

if TYPE_CHECKING:
    from great_expectations.datasource.fluent.interfaces import Batch


def a_batch(frame: pd.DataFrame) -> Batch:
    """All rows of ``frame``, to be validated."""
    context = great_expectations().get_context(mode="ephemeral")
    import_module("great_expectations.datasource.fluent.pandas_datasource")  # the product leaves it out
    rows = context.data_sources.add_pandas("plain").add_dataframe_asset("rows")
    return rows.add_batch_definition_whole_dataframe("all").get_batch(batch_parameters={"dataframe": frame})
