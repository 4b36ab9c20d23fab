"""What a predict function returned for a table: values, labels and class scores as Arrow columns.

The snapshot is taken inside the call, so the caller may change its arrays afterwards; the columns are made later.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from modelspan.capture import outputs
from modelspan.capture.tables import Table, array_of, table_of

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa


class Outputs(NamedTuple):
    """The predictions of a batch, each column of as many values as the batch has rows; None what there is not."""

    value: pa.Array | None = None
    label: pa.Array | None = None
    scores: Mapping[str, pa.Array] | None = None


NOTHING = Outputs()


class Snapshot(NamedTuple):
    """Outputs to be: how many rows and bytes, and how to get the columns."""

    rows: int
    nbytes: int
    columns: Callable[[], Outputs]


def snapshot(result: Any, rows: int, classes: Sequence[Any] | None = None) -> Snapshot:
    """Take what was returned for a table of so many rows.

    Raises:
        ValueError: It does not have that many rows.
    """
    if result is None:
        return Snapshot(rows, 0, lambda: NOTHING)
    if isinstance(result, tuple) and not hasattr(result, "_fields") and len(result) == 2 != rows:
        return _labels_and_scores(result, rows, classes)
    if isinstance(result, (list, tuple)) and result and _is_plain(result[0]):
        return _checked(_of_vector(array_of(list(result)), classes), rows, 64 * len(result), len(result))
    table = None if _dimensions(result) == 1 else table_of(result, _score_names(result, classes))
    if table is not None:
        return _checked(lambda: _of_table(table, classes), rows, table.nbytes, table.rows)
    if isinstance(result, (list, tuple)):
        told = [outputs.read(each, classes) for each in result]
        return _checked(lambda: of_rows(told), rows, 256 * len(told), len(told))
    return _checked(_of_vector(_copy(result), classes), rows, int(getattr(result, "nbytes", 64 * rows)), len(result))


def _checked(columns: Callable[[], Outputs], rows: int, nbytes: int, found: int | None = None) -> Snapshot:
    if found is not None and found != rows:
        raise ValueError(f"the table has {rows} rows and the result {found}")
    return Snapshot(rows, nbytes, columns)


def _is_plain(value: Any) -> bool:
    return isinstance(value, (bool, int, float, str))


def _dimensions(result: Any) -> int:
    return int(getattr(result, "ndim", 0) or 0)


def _copy(result: Any) -> Any:
    numpy = sys.modules.get("numpy")
    return result.copy() if numpy is not None and isinstance(result, numpy.ndarray) else array_of(result)


def _score_names(result: Any, classes: Sequence[Any] | None) -> list[str] | None:
    width = getattr(result, "shape", (0, 0))[-1] if _dimensions(result) == 2 else 0
    if classes is not None and len(classes) == width:
        return [str(each) for each in classes]
    return [str(position) for position in range(width)] if width else None


def _labels_and_scores(result: tuple[Any, Any], rows: int, classes: Sequence[Any] | None) -> Snapshot:
    """`(labels, scores)`: the scores are one vector, or a matrix with a column a class."""
    labels, scores = (snapshot(each, rows, classes) for each in result)

    def as_labels() -> Outputs:
        told = labels.columns()
        return Outputs(label=told.label if told.label is not None else _texts(told.value))

    return with_score(Snapshot(rows, labels.nbytes, as_labels), scores)


def with_score(prediction: Snapshot, score: Snapshot) -> Snapshot:
    """What a prediction says, and the scores given beside it."""

    def columns() -> Outputs:
        told, given = prediction.columns(), score.columns()
        value = given.value if given.value is not None else told.value
        label = told.label if told.label is not None else given.label
        return Outputs(value, label, given.scores or told.scores)

    return Snapshot(prediction.rows, prediction.nbytes + score.nbytes, columns)


def _of_vector(vector: Any, classes: Sequence[Any] | None) -> Callable[[], Outputs]:
    return lambda: _of_array(array_of(vector), classes)


def _of_array(array: pa.Array, classes: Sequence[Any] | None) -> Outputs:
    import pyarrow as pa

    kind = array.type
    if pa.types.is_dictionary(kind):
        array, kind = array.dictionary_decode(), kind.value_type
    if pa.types.is_floating(kind) or pa.types.is_decimal(kind):
        return Outputs(value=array.cast(pa.float64()))
    if pa.types.is_integer(kind) and classes is None:
        return Outputs(value=array.cast(pa.float64()))
    return Outputs(label=_texts(array))


def _texts(array: pa.Array | None) -> pa.Array | None:
    import pyarrow as pa

    return None if array is None else array.cast(pa.string())


def _of_table(table: Table, classes: Sequence[Any] | None) -> Outputs:
    """Columns by the rule of a single mapping: named ones, else the scores of the classes."""
    columns = table.columns()
    if classes is not None and set(columns) == set(map(str, classes)):
        return _of_scores(columns)
    label = next((columns.pop(key) for key in outputs.LABEL_KEYS if key in columns), None)
    value = next((columns.pop(key) for key in outputs.VALUE_KEYS if key in columns), None)
    if label is None and value is None and len(columns) == 1:
        return _of_array(next(iter(columns.values())), classes)
    told = _of_scores(columns)
    if label is not None:
        told = told._replace(label=_texts(label))
    if value is not None:
        given = _of_array(value, classes)
        told = told._replace(value=given.value, label=told.label if told.label is not None else given.label)
    return told


def _of_scores(columns: Mapping[str, pa.Array]) -> Outputs:
    import numpy as np
    import pyarrow as pa

    scores = {name: column for name, column in columns.items() if _is_number(column.type)}
    if not scores:
        return NOTHING
    matrix: np.ndarray = np.column_stack([column.to_numpy(zero_copy_only=False) for column in scores.values()])
    best = np.nan_to_num(matrix, nan=-np.inf).argmax(axis=1)
    label = pa.DictionaryArray.from_arrays(pa.array(best.astype(np.int32)), pa.array(list(scores))).dictionary_decode()
    second = list(scores.values())[1].cast(pa.float64()) if len(scores) == 2 else None
    return Outputs(second, label, scores)


def _is_number(kind: pa.DataType) -> bool:
    import pyarrow as pa

    return bool(pa.types.is_floating(kind) or pa.types.is_integer(kind))


def of_rows(told: Sequence[outputs.Output]) -> Outputs:
    """The outputs of single rows as columns."""
    import pyarrow as pa

    names = dict.fromkeys(name for each in told if each.scores for name in each.scores)
    return Outputs(
        pa.array([each.value for each in told], pa.float64()),
        pa.array([each.label for each in told], pa.string()),
        {name: pa.array([(each.scores or {}).get(name) for each in told], pa.float64()) for name in names},
    )
