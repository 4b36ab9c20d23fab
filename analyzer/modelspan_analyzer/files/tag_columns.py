"""Columns of a table into tags: the groups that rows belong to, as text, whatever the columns' types are."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from modelspan.features import convert


def tag_texts(column: pa.Array | pa.ChunkedArray) -> pa.Array:
    """A column as the texts that its values have as categories; null where a row belongs to no group.

    Raises:
        ValueError: values of its type are no categories.
    """
    whole = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    if pa.types.is_nested(whole.type):
        raise ValueError(f"a column of {whole.type} cannot be a tag; expected text, numbers, booleans or times")
    coded = whole if pa.types.is_dictionary(whole.type) else whole.dictionary_encode()
    texts = convert(coded).column
    if texts is None or not pa.types.is_string(texts.type):
        raise ValueError(f"a column of {whole.type} cannot be a tag; expected text, numbers, booleans or times")
    return pc.if_else(pc.equal(pc.utf8_trim_whitespace(texts), ""), pa.scalar(None, pa.string()), texts)


def tag_maps(rows: pa.Table, names: Sequence[str]) -> pa.Array:
    """One map a row of these columns' texts, of those that are present in it.

    Raises:
        ValueError: a column is not in the table, or cannot be a tag.
    """
    if absent := [name for name in names if name not in rows.column_names]:
        raise ValueError(f"no column {', '.join(absent)} in the table; it has {', '.join(rows.column_names)}")
    if not names:
        empty = pa.array([], pa.string())
        return pa.MapArray.from_arrays(pa.array(np.zeros(rows.num_rows + 1, np.int32)), empty, empty)
    texts = [tag_texts(rows[name]) for name in names]
    present = np.column_stack([text.is_valid().to_numpy(zero_copy_only=False) for text in texts])
    row, column = np.nonzero(present)
    offsets = np.concatenate([[0], np.cumsum(present.sum(axis=1))]).astype(np.int32)
    keys = pa.array(list(names), pa.string()).take(pa.array(column))
    return pa.MapArray.from_arrays(
        pa.array(offsets), keys, pa.concat_arrays(texts).take(pa.array(column * rows.num_rows + row))
    )
