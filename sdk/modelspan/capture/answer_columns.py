"""Answers of many rows as Arrow columns: the shape, the items, and each column of numbers as lists."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from modelspan import conventions
from modelspan.capture.answers import VECTOR, Answer
from modelspan.capture.values import clean

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

Answers = Mapping[str, Any]
"""Arrow columns by the names that they have in records; each is null where a row has no such answer."""


def of_rows(told: Sequence[Answer | None]) -> Answers | None:
    """The answers of single rows; None where no row has one."""
    import pyarrow as pa

    if not any(told):
        return None
    numbers = pa.list_(pa.float64())
    found: dict[str, Any] = {
        conventions.COL_SHAPE: pa.array([each and each.shape for each in told], pa.string()),
        conventions.COL_ITEMS: pa.array(
            [each and list(map(clean, each.items)) for each in told], pa.list_(pa.string())
        ),
    }
    for name in dict.fromkeys(name for each in told if each for name in each.outputs):
        cells = [each.outputs.get(name) if each else None for each in told]
        found[conventions.COL_OUTPUT_PREFIX + clean(name)] = pa.array(cells, numbers)
    return found


def of_numbers(shape: str, columns: Mapping[str, pa.Array]) -> Answers:
    """One number a row for each name; a missing one is NaN, as lists have no other word for it."""
    import pyarrow as pa

    shapes, found = _shapes(shape, len(next(iter(columns.values())))), {}
    for name, column in columns.items():
        lists = pa.FixedSizeListArray.from_arrays(column.fill_null(float("nan")), 1)
        found[conventions.COL_OUTPUT_PREFIX + clean(name)] = lists.cast(pa.list_(pa.float64()))
    return {**shapes, **found}


def of_vectors(shape: str, matrix: np.ndarray) -> Answers:
    """The numbers of each row of a matrix, which have no names."""
    import pyarrow as pa

    lists = pa.FixedSizeListArray.from_arrays(pa.array(matrix.ravel()), matrix.shape[1]).cast(pa.list_(pa.float64()))
    return {**_shapes(shape, len(matrix)), conventions.COL_OUTPUT_PREFIX + VECTOR: lists}


def _shapes(shape: str, rows: int) -> dict[str, Any]:
    import pyarrow as pa

    return {conventions.COL_SHAPE: pa.repeat(pa.scalar(shape, pa.string()), rows)}


def stacked(parts: Sequence[tuple[Answers | None, int]]) -> Answers | None:
    """Answers of so many rows each, one behind the other."""
    import pyarrow as pa

    kinds = {name: column.type for answers, _ in parts for name, column in (answers or {}).items()}

    def column(name: str, kind: pa.DataType) -> pa.Array:
        each = [((answers or {}).get(name), rows) for answers, rows in parts]
        return pa.concat_arrays([pa.nulls(rows, kind) if found is None else found for found, rows in each])

    return {name: column(name, kind) for name, kind in kinds.items()} or None
