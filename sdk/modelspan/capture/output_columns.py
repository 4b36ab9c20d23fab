"""The outputs of many rows as Arrow columns, made in the background from what was taken inside the call."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from modelspan._failsafe import swallowed
from modelspan.capture import answer_columns, names, outputs
from modelspan.capture.answer_columns import Answers
from modelspan.capture.answers import quantile_of
from modelspan.capture.columns import column_of
from modelspan.capture.held import array_alike
from modelspan.capture.outputs import CLASSIFICATION, REGRESSION, Output, Told
from modelspan.capture.scalars import class_name
from modelspan.capture.texts import texts_of
from modelspan.capture.values import clean
from modelspan.conventions import MULTIOUTPUT, QUANTILE, SHAPES, UNTOLD

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
    answers: Answers | None = None
    """What is more than one number or class."""

    def fits(self, rows: int) -> bool:
        """Whether each column has so many values."""
        every = [self.value, self.label, *(self.scores or {}).values(), *(self.answers or {}).values()]
        return all(column is None or len(column) == rows for column in every)


NOTHING = Outputs()


def of_rows(told: Sequence[Output]) -> Outputs:
    """The outputs of single rows as columns."""
    import pyarrow as pa

    found = dict.fromkeys(name for each in told if each.scores for name in each.scores)
    return Outputs(
        pa.array([each.value for each in told], pa.float64()),
        pa.array([each.label and clean(each.label) for each in told], pa.string()),
        {name: pa.array([(each.scores or {}).get(name) for each in told], pa.float64()) for name in found},
        answer_columns.of_rows([each.answer for each in told]),
    )


def of_vector(vector: Any, told: Told) -> Outputs:
    """One column, of numbers or classes; what mixes them is looked at one by one."""
    column = column_of(vector)
    rows = column if isinstance(column, list) else column.to_pylist() if _is_nested(column) else None
    return of_array(column, told) if rows is None else of_rows([outputs.read(each, told) for each in rows])


def _is_nested(column: pa.Array) -> bool:
    import pyarrow as pa

    return bool(pa.types.is_nested(column.type) and not pa.types.is_dictionary(column.type))


def vector_alike(vector: Any) -> Hashable:
    """What columns of several calls share that are numbers, or classes, alike."""
    kind = type(vector)
    if kind is not list and kind.__module__ != "numpy":
        return None
    objects = kind is list or vector.dtype.kind == "O"
    return (kind, frozenset(map(type, vector)) if objects else array_alike(vector))


def of_vectors(vectors: Sequence[Any], told: Told) -> Outputs | None:
    """Columns of several calls as one; None where a whole column tells what it is."""
    import numpy as np

    if len(vectors) == 1:
        return of_vector(vectors[0], told)
    if told.classes and all(isinstance(each, float) for each in told.classes):
        return None
    whole = list(itertools.chain.from_iterable(vectors)) if type(vectors[0]) is list else np.concatenate(vectors)
    return of_vector(whole, told)


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


def stacked(parts: Sequence[tuple[Outputs, int]]) -> Outputs:
    """Outputs of so many rows each, one behind the other; what some of them lack is missing there."""
    import pyarrow as pa

    if len(parts) == 1:
        return parts[0][0]

    def column(pick: Callable[[Outputs], Any], kind: pa.DataType) -> Any:
        each = [(pick(told), rows) for told, rows in parts]
        if all(found is None for found, _ in each):
            return None
        return pa.concat_arrays([pa.nulls(rows, kind) if found is None else found for found, rows in each])

    names = dict.fromkeys(name for told, _ in parts for name in told.scores or {})
    scores = {name: column(lambda told: (told.scores or {}).get(name), pa.float64()) for name in names}  # noqa: B023
    answers = answer_columns.stacked([(told.answers, rows) for told, rows in parts])
    return Outputs(
        column(lambda told: told.value, pa.float64()),
        column(lambda told: told.label, pa.string()),
        scores or None,
        answers,
    )


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
    if told.task in SHAPES:
        return _of_shaped(columns, told)
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
    """Columns of which no name is known: numbers from 0 to 1 are class scores, others several outputs."""
    numeric = all(map(_is_number, columns.values()))
    scored = not told.task and numeric and all(map(_is_share, columns.values())) and not all(map(quantile_of, columns))
    if scored or (numeric and told.task == CLASSIFICATION):
        return of_scores(columns, told)
    return _of_shaped(columns, told)


def _of_shaped(columns: Mapping[str, Any], told: Told) -> Outputs:
    """Columns of which each is a part of answers of a shape: numbers by name; all else row by row."""
    quantiles = not told.task and all(map(quantile_of, columns))
    shape = told.shape or (QUANTILE if quantiles else MULTIOUTPUT)
    if shape in (MULTIOUTPUT, QUANTILE) and all(map(_is_number, columns.values())):
        named = {(quantile_of(name) or name) if shape == QUANTILE else name: each for name, each in columns.items()}
        return Outputs(answers=answer_columns.of_numbers(shape, {name: _numbers(each) for name, each in named.items()}))
    plain = {name: each if isinstance(each, list) else each.to_pylist() for name, each in columns.items()}
    rows = (dict(zip(plain, row, strict=True)) for row in zip(*plain.values(), strict=True))
    return of_rows([outputs.read(row, told) for row in rows])


def matrix_alike(matrix: np.ndarray) -> Hashable:
    """How many classes, and the type of their scores."""
    return (matrix.shape[1], array_alike(matrix))


def of_matrices(matrices: Sequence[np.ndarray], told: Told) -> Outputs | None:
    """Matrices with a column a class as one; without classes, what are no probabilities may be anything.

    None where some are probabilities and others are not: each tells by itself what it is.
    """
    import numpy as np
    import pyarrow as pa

    first = matrices[0]
    width = first.shape[1]
    whole = first if len(matrices) == 1 else np.concatenate(matrices)
    if told.shape or whole.dtype.kind not in "fiu":
        return _of_matrix(whole, told)
    classes = told.classes if told.classes is not None and len(told.classes) == width else None
    if classes is None:
        if whole.dtype.kind != "f" or told.classes is not None:
            return _of_matrix(whole, told)
        if told.task != CLASSIFICATION:
            are = _are_probabilities(whole, [len(each) for each in matrices])
            if not all(are):
                return None if any(are) else _of_matrix(whole, told)
        if len(matrices) == 1 and _look_sorted(whole):
            swallowed(
                "the scores of results that name no classes fall in every row: where they are sorted by score, they "
                "are no scores of the same classes; return them with their labels, or in the order of classes="
            )
    every = list(map(class_name, classes if classes is not None else range(width)))
    return of_scores({name: pa.array(whole[:, at].copy()) for at, name in enumerate(every)}, told)


def _of_matrix(matrix: np.ndarray, told: Told) -> Outputs:
    """A matrix whose rows are answers of a shape, or of what nothing says what they are."""
    import pyarrow as pa

    width, shape = matrix.shape[1], told.shape or UNTOLD
    if shape not in (MULTIOUTPUT, QUANTILE, UNTOLD) or matrix.dtype.kind not in "fiu":
        return of_rows([outputs.read(row, told) for row in matrix.tolist()])
    if shape == UNTOLD:
        swallowed(
            f"results of {width} columns are no class scores for sure: they are kept as they came, and nothing is "
            "measured of them; classes= names the classes, task='classification' says that they are scores, "
            "task='multioutput' several numbers, prediction= takes any"
        )
    whole = matrix.astype("float64")
    names = list(map(class_name, told.classes)) if told.classes is not None and len(told.classes) == width else None
    if names is None:
        answers = answer_columns.of_vectors(shape, whole)
    else:
        answers = answer_columns.of_numbers(
            shape, {each: pa.array(whole[:, at].copy()) for at, each in enumerate(names)}
        )
    return Outputs(value=pa.array(whole[:, 0].copy()) if told.task == REGRESSION else None, answers=answers)


def _are_probabilities(matrix: np.ndarray, rows: Sequence[int]) -> list[bool]:
    """Whether so many rows, one group behind the other, are probabilities each, as far as they are known."""
    import numpy as np

    if not len(matrix):
        return [False] * len(rows)
    known = ~np.isnan(matrix).any(axis=1)
    within = (matrix >= -_TOLERANCE).all(axis=1) & (matrix <= 1 + _TOLERANCE).all(axis=1)
    fits = within & (np.abs(matrix.sum(axis=1) - 1) <= _TOLERANCE)
    firsts = np.cumsum([0, *rows[:-1]])
    are = np.logical_and.reduceat(fits | ~known, firsts) & np.logical_or.reduceat(known, firsts)
    return [bool(each) for each in are]


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
