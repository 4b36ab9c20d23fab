"""What a predict function returned for a table: values, labels and class scores as Arrow columns.

The snapshot is taken inside the call, so the caller may change its arrays afterwards; the columns are made later.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import Any, NamedTuple

from modelspan._failsafe import swallowed
from modelspan.capture import arrays, output_columns, outputs, values
from modelspan.capture.held import Held
from modelspan.capture.output_columns import NOTHING, Outputs
from modelspan.capture.outputs import CLASSIFICATION, REGRESSION, UNTOLD, Told
from modelspan.capture.tables import table_of
from modelspan.conventions import RANKING, SHAPES


class Snapshot(NamedTuple):
    """Outputs to be: how many rows and bytes, and how to get the columns."""

    rows: int
    nbytes: int
    columns: Callable[[], Outputs]
    held: Held | None = None
    """The same to be read with others of its function; its reader takes what the caller says of outputs (`Told`)."""


def _snapshot(rows: int, nbytes: int, held: Held, told: Told) -> Snapshot:
    return Snapshot(rows, nbytes, lambda: held.read([held.value], told), held)


def together(snapshots: Sequence[Snapshot], told: Told) -> Outputs | None:
    """The columns of snapshots that are `alike`, one behind the other; None where each is to be read by itself."""
    first = snapshots[0].held
    found: Outputs | None = first and first.read([each.held.value for each in snapshots if each.held], told)
    return found


def alike(taken: Snapshot | None) -> Hashable:
    """What snapshots share that may be read together; None where each is read by itself."""
    if taken is None or taken.held is None or taken.held.alike is None:
        return None
    key = taken.held.alike(taken.held.value)
    return None if key is None else (taken.held.read, key)


class UntoldError(values.UnfitError):
    """What a result means cannot be told."""


def snapshot(result: Any, rows: int, told: Told = UNTOLD) -> Snapshot:
    """Take what was returned for a table of so many rows.

    Raises:
        UntoldError: It does not have that many rows, or no row of it has a place.
    """
    if result is None:
        return _snapshot(rows, 0, Held(None, _read_nothing, type), told)
    if _is_pair(result, rows):
        return _of_ranked(result, told) if told.task == RANKING else _of_pair(result, rows, told)
    if rows == 1 and not (_holds_rows(result) if told.task in SHAPES else _is_one_row(result)):
        return _of_single(result, told)
    shape = arrays.shape_of(result)
    if shape is not None:
        return _of_array(result, shape, rows, told)
    if isinstance(result, (list, tuple)):
        return _of_list(result, rows, told)
    table = table_of(result)
    if table is not None:
        _check(table.rows, rows)
        return Snapshot(rows, table.nbytes, lambda: output_columns.of_table(table.columns(), told))
    if not hasattr(result, "__len__") or isinstance(result, (str, bytes, Mapping, set, frozenset)):
        raise UntoldError(f"the table has {rows} rows, and the result is one {type(result).__name__}")
    _check(len(result), rows)
    return _of_vector(result.copy() if hasattr(result, "copy") else result, rows, told)


def _check(found: int, rows: int) -> None:
    if found != rows:
        raise UntoldError(f"the table has {rows} rows and the result {found}")


def _is_one_row(result: Any) -> bool:
    """Whether it is a table, matrix or vector of one row, rather than the row itself."""
    if isinstance(result, (str, bytes, set, frozenset)) or (isinstance(result, Mapping) and table_of(result) is None):
        return False
    if isinstance(result, tuple) and (hasattr(result, "_fields") or len(result) != 1):
        return False
    return hasattr(result, "__len__") and not _is_record(result) and len(result) == 1


def _holds_rows(result: Any) -> bool:
    """Whether it is a list or matrix of one answer, where answers are lists themselves, rather than the answer."""
    if not _is_one_row(result) or isinstance(result, Mapping):
        return False
    shape = arrays.shape_of(result)
    if shape is None and hasattr(result, "columns"):
        return True
    return len(shape) > 1 if shape is not None else not values.is_plain(next(iter(result)))


def _is_record(result: Any) -> bool:
    return arrays.shape_of(result) == () or values.fields(result) is not None


def _of_single(result: Any, told: Told) -> Snapshot:
    """What a function returned that was given one row as a table: as it would be of a single row."""
    found = outputs.read(result, told)
    if found is outputs.NOTHING:
        raise UntoldError(f"the table has one row, and the result is one {type(result).__name__}")
    return _of_outputs([found], told)


def _of_outputs(found: list[outputs.Output], told: Told) -> Snapshot:
    return _snapshot(len(found), 256 * len(found), Held(found, _read_outputs, type), told)


def _read_outputs(several: Sequence[list[outputs.Output]], _told: Told) -> Outputs:
    return output_columns.of_rows(list(itertools.chain.from_iterable(several)))


def _read_nothing(_several: Sequence[None], _told: Told) -> Outputs:
    return NOTHING


# --- pairs -------------------------------------------------------------------------------------------


def _is_pair(result: Any, rows: int) -> bool:
    """Whether it is `(labels, scores)`: two columns, whatever the number of rows."""
    if not isinstance(result, tuple) or len(result) != 2 or hasattr(result, "_fields"):
        return False
    return all(_is_column(part) and len(part) == rows for part in result)


def _is_column(part: Any) -> bool:
    if isinstance(part, (str, bytes, tuple, Mapping)) or not hasattr(part, "__len__"):
        return False
    return bool(arrays.shape_of(part) != ()) and values.fields(part) is None


def _of_pair(result: tuple[Any, Any], rows: int, told: Told) -> Snapshot:
    """`(labels, scores)`: the scores are one vector, or a matrix with a column a class."""
    answers = snapshot(result[0], rows, told)
    scores = snapshot(result[1], rows, told._replace(task=CLASSIFICATION if _is_matrix(result[1]) else REGRESSION))

    def as_labels() -> Outputs:
        found = answers.columns()
        if found.label is None and (told.task == REGRESSION or output_columns.has_fractions(found.value)):
            swallowed(
                "of a pair of columns, the first are numbers with fractions: they are the values, and the second is "
                "left out; prediction= and score= say otherwise"
            )
            return found
        labels = found.label if found.label is not None else output_columns.texts(found.value)
        return with_score(Snapshot(rows, 0, lambda: Outputs(label=labels)), scores).columns()

    return Snapshot(rows, answers.nbytes + scores.nbytes, as_labels)


def _of_ranked(result: tuple[Any, Any], told: Told) -> Snapshot:
    """`(ids, scores)`, a list or a row of a matrix for each row: ranked items with their scores."""
    pairs = zip(map(list, result[0]), map(list, result[1]), strict=True)
    return _of_outputs([outputs.read({"items": items, "scores": scores}, told) for items, scores in pairs], told)


def _is_matrix(part: Any) -> bool:
    shape = arrays.shape_of(part)
    return len(shape) == 2 if shape is not None else bool(len(part) and isinstance(part[0], (list, tuple)))


def with_score(prediction: Snapshot, score: Snapshot) -> Snapshot:
    """What a prediction says, and the scores given beside it."""

    def columns() -> Outputs:
        found, given = prediction.columns(), score.columns()
        value = given.value if given.value is not None else found.value
        label = found.label if found.label is not None else given.label
        return Outputs(value, label, given.scores or found.scores, found.answers)

    return Snapshot(prediction.rows, prediction.nbytes + score.nbytes, columns)


# --- columns and rows --------------------------------------------------------------------------------


def _of_vector(vector: Any, rows: int, told: Told) -> Snapshot:
    nbytes = int(getattr(vector, "nbytes", 64 * rows))
    return _snapshot(rows, nbytes, Held(vector, output_columns.of_vectors, output_columns.vector_alike), told)


def _of_array(result: Any, shape: tuple[int, ...], rows: int, told: Told) -> Snapshot:
    """An array of any library: a vector, or a matrix with a column a class."""
    if not shape:
        raise UntoldError(f"the table has {rows} rows, and the result is one number")
    _check(shape[0], rows)
    array = arrays.numpy_of(result)
    if len(shape) > 2 and any(length != 1 for length in shape[2:]):
        found = [outputs.read(row, told) for row in array]
        if all(each is outputs.NOTHING for each in found):
            raise UntoldError(f"the result is an array of {len(shape)} dimensions")
        return _of_outputs(found, told)
    if array.dtype.names is not None:
        table = table_of(array)
        assert table is not None
        return Snapshot(rows, table.nbytes, lambda: output_columns.of_table(table.columns(), told))
    array = array.reshape(shape[:2]).copy()
    if array.ndim == 1 or array.shape[1] == 1:
        return _of_vector(array.ravel(), rows, told)
    return _of_matrix(array, told)


def _of_matrix(matrix: Any, told: Told) -> Snapshot:
    held = Held(matrix, output_columns.of_matrices, output_columns.matrix_alike)
    return _snapshot(len(matrix), matrix.nbytes, held, told)


def _of_list(result: list[Any] | tuple[Any, ...], rows: int, told: Told) -> Snapshot:
    """A list of scalars, of vectors with a number a class, or of anything that is the output of a single row."""
    _check(len(result), rows)
    first = result[0] if result else 0.0
    if isinstance(first, (bool, int, float, str)) or first is None:
        return _of_vector(list(result), rows, told)
    matrix = _matrix(result, first)
    if matrix is not None and matrix.shape[1] > 1:
        return _of_matrix(matrix, told)
    found = [outputs.read(each, told) for each in result]
    if all(each is outputs.NOTHING for each in found):
        raise UntoldError(f"the result is a list of objects of type {type(first).__name__}")
    return _of_outputs(found, told)


def _matrix(result: list[Any] | tuple[Any, ...], first: Any) -> Any:
    """Rows of so many numbers as a matrix; None where they are anything else."""
    import numpy as np

    shape = arrays.shape_of(first)
    if shape is not None and len(shape) == 1:
        rows = [arrays.numpy_of(row) for row in result if arrays.shape_of(row) == shape]
    else:
        plain = isinstance(first, (list, tuple)) and not hasattr(first, "_fields")
        rows = [row for row in result if plain and len(row) == len(first) and set(map(type, row)) <= {int, float}]
    matrix = np.asarray(rows) if rows and len(rows) == len(result) else None
    return matrix if matrix is not None and matrix.dtype.kind in "fiu" and matrix.ndim == 2 else None


__all__ = ["NOTHING", "Outputs", "Snapshot", "UntoldError", "alike", "snapshot", "together", "with_score"]
