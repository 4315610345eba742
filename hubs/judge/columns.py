"""Dictionary-encoded columns: text as integer codes into a list of distinct values.

Only the shape of columns is handled here. Which values are right is judged in ``hubs.judge.tables``.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

DICTIONARY = pa.dictionary(pa.int32(), pa.string())

Mask = np.ndarray[tuple[int], np.dtype[np.bool_]]
Integers = np.ndarray[tuple[int], np.dtype[np.int64]]
Hashes = np.ndarray[tuple[int], np.dtype[np.uint64]]


def encoded(table: pa.Table, name: str) -> pa.DictionaryArray:
    """One column as one dictionary array: empty text is a missing value, and the dictionary lists each value that a
    row has, and lists it once.

    All values are missing where ``table`` has no such column.
    """
    if name not in table.column_names:
        return pa.DictionaryArray.from_arrays(pa.nulls(table.num_rows, pa.int32()), pa.array([], pa.string()))
    column = table[name]
    if column.type == DICTIONARY and 2 * sum(len(chunk.dictionary) for chunk in column.chunks) < len(column):
        array = used(one_chunk(column.unify_dictionaries()))
        values = array.dictionary
        is_plain = values.null_count == 0 and len(pc.unique(values)) == len(values)
        if is_plain and not pc.any(pc.equal(values, "")).as_py():
            return array
    # Where hardly a value comes twice, coding the text anew takes less than making one dictionary of several.
    text = column.cast(pa.string())
    text = pc.if_else(pc.equal(text, ""), pa.scalar(None, pa.string()), text)
    return one_chunk(text).dictionary_encode()


def one_chunk(column: pa.ChunkedArray) -> pa.Array:
    """The same values in one array. Dictionaries must have been unified."""
    array = column.combine_chunks()
    return array.chunk(0) if isinstance(array, pa.ChunkedArray) else array


def codes_of(column: pa.ChunkedArray) -> Integers:
    """The code of each row of a column of one chunk; a missing value has the code after the dictionary's last."""
    array = column.chunk(0)
    indices = array.indices
    if indices.null_count:
        indices = indices.fill_null(len(array.dictionary))
    codes: Integers = indices.to_numpy()
    return codes


def hashes_of(values: pa.Array) -> Hashes:
    """64 bits a value, and last those of a missing one. They differ from run to run, so they may choose what is looked
    at, and decide nothing.
    """
    return np.fromiter(map(hash, [*values.to_pylist(), None]), np.int64, len(values) + 1).view(np.uint64)


def combined(columns: Sequence[Hashes]) -> Hashes:
    """One hash a row, of the hashes of its values in the given order."""
    mixed = np.zeros_like(columns[0])
    for column in columns:
        mixed ^= column
        mixed *= np.uint64(0x9E3779B97F4A7C15)
        mixed ^= mixed >> np.uint64(29)
    return mixed


def only(rows: pa.Table, keep: Mask) -> pa.Table:
    """The rows to keep, each column one chunk, with no value left in a dictionary that no row has: what was refused
    must not stay behind in a file.
    """
    if keep.all():
        return rows
    rows = rows.filter(pa.array(keep)).combine_chunks()
    if not rows.num_rows:
        return rows
    is_text = [pa.types.is_dictionary(field.type) for field in rows.schema]
    columns = [used(c.chunk(0)) if text else c for c, text in zip(rows.columns, is_text, strict=True)]
    return pa.table(columns, rows.column_names)


def used(array: pa.DictionaryArray) -> pa.DictionaryArray:
    """The same column with only those values in its dictionary that a row has."""
    size = len(array.dictionary)
    codes = array.indices.fill_null(size).to_numpy()
    is_used = np.zeros(size + 1, bool)
    is_used[codes] = True
    if is_used[:-1].all():
        return array
    renumbered = np.cumsum(is_used, dtype=np.int32) - 1
    indices = pa.array(renumbered[codes], pa.int32(), mask=codes == size)
    return pa.DictionaryArray.from_arrays(indices, array.dictionary.filter(pa.array(is_used[:-1])))


def is_in(values: pa.Array, wanted: Sequence[str]) -> Mask:
    """Which of ``values`` are ``wanted``."""
    found: Mask = pc.is_in(values, value_set=pa.array(wanted, pa.string())).to_numpy(zero_copy_only=False)
    return found
