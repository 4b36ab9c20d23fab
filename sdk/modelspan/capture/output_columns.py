"""The outputs of many rows as Arrow columns, made in the background from what was taken inside the call."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from modelspan._failsafe import swallowed
from modelspan.capture import names, outputs
from modelspan.capture.columns import column_of
from modelspan.capture.outputs import CLASSIFICATION, REGRESSION, Output, Told, class_name
from modelspan.capture.texts import texts_of
from modelspan.capture.values import clean

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

_TOLERANCE = 0.01
"""How far the probabilities of a row may be from 1 together."""

_ENOUGH_ROWS = 8
"""In so many rows scores do not fall by chance."""


class Outputs(NamedTuple):
    """The predictions of a batch, each column of as many values as the batch has rows; None what there is not."""

    value: pa.Array | None = None
    label: pa.Array | None = None
    scores: Mapping[str, pa.Array] | None = None


NOTHING = Outputs()


def of_rows(told: Sequence[Output]) -> Outputs:
    """The outputs of single rows as columns."""
    import pyarrow as pa

    found = dict.fromkeys(name for each in told if each.scores for name in each.scores)
    return Outputs(
        pa.array([each.value for each in told], pa.float64()),
        pa.array([each.label and clean(each.label) for each in told], pa.string()),
        {name: pa.array([(each.scores or {}).get(name) for each in told], pa.float64()) for name in found},
    )


def of_vector(vector: Any, told: Told) -> Outputs:
    """One column, of numbers or classes; what mixes them is looked at one by one."""
    column = column_of(vector)
    return (
        of_rows([outputs.read(each, told) for each in column]) if isinstance(column, list) else of_array(column, told)
    )


def of_array(column: pa.Array, told: Told) -> Outputs:
    """One Arrow column, of numbers or classes."""
    import pyarrow as pa

    kind = column.type
    if pa.types.is_dictionary(kind):
        return Outputs(label=texts_of(column))
    if pa.types.is_boolean(kind) and told.task == REGRESSION:
        return Outputs(value=_numbers(column))
    is_number = pa.types.is_floating(kind) or pa.types.is_decimal(kind)
    if pa.types.is_integer(kind):
        is_number = told.task == REGRESSION or (told.task != CLASSIFICATION and told.classes is None)
    elif is_number and told.classes and all(isinstance(each, float) for each in told.classes):
        is_number = not _are_classes(column, told.classes)
    return Outputs(value=_numbers(column)) if is_number else Outputs(label=texts_of(column))


def _numbers(column: pa.Array) -> pa.Array:
    import pyarrow as pa

    return column.cast(pa.float64(), safe=False)


def _are_classes(column: pa.Array, classes: Sequence[float]) -> bool:
    import pyarrow as pa
    import pyarrow.compute as pc

    numbers = _numbers(column).drop_null()
    return bool(pc.all(pc.is_in(numbers, pa.array(classes, pa.float64()))).as_py())


def texts(column: pa.Array | None) -> pa.Array | None:
    """A column as texts, if there is one."""
    return None if column is None else texts_of(column)


def has_fractions(column: pa.Array | None) -> bool:
    """Whether numbers are no whole ones."""
    import pyarrow.compute as pc

    return column is not None and bool(pc.any(pc.not_equal(pc.floor(column), column)).as_py())


# --- several columns ---------------------------------------------------------------------------------


def of_table(columns: Mapping[str, Any], told: Told) -> Outputs:
    """Columns by the rule of a single mapping: named ones, else the scores of the classes."""
    classes = None if told.classes is None else set(map(class_name, told.classes))
    if classes is not None and set(columns) == classes:
        return of_scores(columns, told)
    by_key = names.plain_keys(columns)
    label, answer, score = (
        names.first_of(by_key, keys) for keys in (names.LABEL_KEYS, names.ANSWER_KEYS, names.SCORE_KEYS)
    )
    if label is None and answer is None:  # the same in the plural, where the score is a number as well
        label, scores = names.first_of(by_key, names.LABELS_KEYS), names.first_of(by_key, names.SCORES_KEYS)
        score = scores if score is None and label is not None and _is_number(scores) else score
    if label is None and answer is None and score is None:
        return of_vector(next(iter(columns.values())), told) if len(columns) == 1 else _of_unknown(columns, told)
    of_classes = {name: column for name, column in columns.items() if classes is not None and name in classes}
    found = of_scores(of_classes, told) if len(of_classes) > 1 else NOTHING
    if answer is not None:
        given = of_vector(answer, told)
        if given.label is None and not has_fractions(given.value) and names.has(by_key, names.PROBABILITY_KEYS):
            given = Outputs(label=texts(given.value))
        found = Outputs(given.value, given.label, found.scores)
    if label is not None:
        found = found._replace(label=texts_of(label))
    if score is not None and (answer is None or found.value is None):
        given = of_vector(score, Told(task=REGRESSION))
        found = found._replace(value=given.value, label=found.label if found.label is not None else given.label)
    return found


def _of_unknown(columns: Mapping[str, Any], told: Told) -> Outputs:
    """Columns of which no name is known: numbers from 0 to 1 are class scores."""
    if not all(map(_is_number, columns.values())) or told.task == REGRESSION:
        return _untold(len(columns))
    if told.task != CLASSIFICATION and not all(map(_is_share, columns.values())):
        return _untold(len(columns))
    return of_scores(columns, told)


def of_matrix(matrix: np.ndarray, told: Told) -> Outputs:
    """A matrix with a column a class; without classes, what are no probabilities may be anything."""
    import pyarrow as pa

    width = matrix.shape[1]
    if matrix.dtype.kind not in "fiu":
        return _untold(width)
    if told.task == REGRESSION:
        swallowed(f"of {width} values for a row, the first is recorded; prediction= takes another")
        return Outputs(value=pa.array(matrix[:, 0].astype("float64")))
    classes = told.classes if told.classes is not None and len(told.classes) == width else None
    are_scores = (
        matrix.dtype.kind == "f"
        and told.classes is None
        and (told.task == CLASSIFICATION or _are_probabilities(matrix))
    )
    if classes is None and not are_scores:
        return _untold(width)
    if classes is None and _look_sorted(matrix):
        swallowed(
            "the scores of results that name no classes fall in every row: where they are sorted by score, they are no"
            " scores of the same classes; return them with their labels, or in the order of classes="
        )
    every = list(map(class_name, classes if classes is not None else range(width)))
    return of_scores({name: pa.array(matrix[:, at].copy()) for at, name in enumerate(every)}, told)


def _untold(width: int) -> Outputs:
    swallowed(
        f"results of {width} columns are no class scores for sure, and are left out: classes= names the classes, "
        "task='classification' says that they are, task='regression' takes the first, prediction= takes any"
    )
    return NOTHING


def _are_probabilities(matrix: np.ndarray) -> bool:
    import numpy as np

    known = matrix[~np.isnan(matrix).any(axis=1)]
    if not len(known):
        return False
    within = known.min() >= -_TOLERANCE and known.max() <= 1 + _TOLERANCE
    return bool(within and np.abs(known.sum(axis=1) - 1).max() <= _TOLERANCE)


def _look_sorted(matrix: np.ndarray) -> bool:
    return len(matrix) >= _ENOUGH_ROWS and bool((matrix[:, 1:] <= matrix[:, :-1]).all())


def _is_number(column: Any) -> bool:
    import pyarrow as pa

    kind = getattr(column, "type", None)
    return kind is not None and bool(pa.types.is_floating(kind) or pa.types.is_integer(kind))


def _is_share(column: pa.Array) -> bool:
    import pyarrow.compute as pc

    least, most = pc.min_max(column).as_py().values()
    return least is None or (least >= 0 and most <= 1)


def of_scores(columns: Mapping[str, Any], told: Told) -> Outputs:
    """Value, label and scores that follow from the scores of the classes."""
    import numpy as np
    import pyarrow as pa

    scores = {name: _numbers(column) for name, column in columns.items() if _is_number(column)}
    if not scores:
        return NOTHING
    matrix: np.ndarray = np.column_stack([column.to_numpy(zero_copy_only=False) for column in scores.values()])
    best = np.nan_to_num(matrix, nan=-np.inf).argmax(axis=1)
    label = pa.DictionaryArray.from_arrays(pa.array(best.astype(np.int32)), pa.array(list(scores))).dictionary_decode()
    of_value = told.value_class(scores)
    return Outputs(None if of_value is None else scores[of_value], label, scores)
