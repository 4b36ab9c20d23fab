"""Answers that are more than one number or class, out of checked streams: their items, and their numbers by name."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from modelspan import conventions as names
from modelspan_collector.write import cells

_TEXTS = pa.list_(pa.string())
_NUMBERS = pa.list_(pa.float64())


def items(stream: pa.Table) -> pa.Array:
    """The texts of each row; none where it has none."""
    told = cells.column(stream, names.COL_ITEMS)
    nothing = pa.array([[]], _TEXTS).take(pa.array(np.zeros(stream.num_rows, np.int64)))
    return nothing if pa.types.is_null(told.type) else pc.coalesce(told.cast(_TEXTS), nothing)


def outputs(stream: pa.Table) -> dict[str, pa.Array]:
    """Lists of numbers by name, null where a row has none of that name; a missing number is NaN."""
    prefix = names.COL_OUTPUT_PREFIX
    given = (name for name in stream.column_names if name.startswith(prefix))
    return {name.removeprefix(prefix): _without_nulls(cells.column(stream, name).cast(_NUMBERS)) for name in given}


def _without_nulls(lists: pa.Array) -> pa.Array:
    flat = lists.flatten()
    if not flat.null_count:
        return lists
    lengths = pc.list_value_length(lists).fill_null(0).to_numpy()
    ends = pa.array(np.concatenate([[0], np.cumsum(lengths)]).astype(np.int32))
    return pa.ListArray.from_arrays(ends, flat.fill_null(float("nan")), mask=lists.is_null())


def by_row(stream: pa.Table) -> pa.Array:
    """The same as a map a row."""
    found, rows = outputs(stream), stream.num_rows
    order = sorted(found)
    present = np.array([found[name].is_valid().to_numpy(zero_copy_only=False) for name in order], bool).reshape(
        -1, rows
    )
    ends = pa.array(np.concatenate([[0], np.cumsum(present.sum(axis=0))]).astype(np.int32))
    places = (np.arange(len(order) * rows).reshape(len(order), rows).T)[present.T]
    keys = pa.array(np.array(order, object).repeat(rows), pa.string()).take(pa.array(places))
    lists = pa.concat_arrays([pa.nulls(0, _NUMBERS), *(found[name] for name in order)]).take(pa.array(places))
    return pa.MapArray.from_arrays(ends, keys, lists)
