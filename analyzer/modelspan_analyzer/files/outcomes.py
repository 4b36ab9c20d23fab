"""Predictions, scores and labels of a file: classes as texts, numbers as numbers, and which of the two they are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from modelspan_analyzer.files import scores
from modelspan_analyzer.files.amounts import amounts
from modelspan_analyzer.files.cells import is_number, is_text, lost, numbers, trimmed, utf8, valid
from modelspan_analyzer.files.classes import MOST_SPELLINGS, align, canonical
from modelspan_analyzer.files.rows import SHOWN, FileError, FileRows, shown

CLASSIFICATION: Final = "classification"
REGRESSION: Final = "regression"
TASKS: Final = (CLASSIFICATION, REGRESSION)
MOST_CLASSES: Final = 20
"""More different whole numbers than this are taken for amounts, unless `--task` says that they are classes."""


@dataclass(frozen=True, slots=True)
class Guess:
    """What a model's outcomes are."""

    task: str = ""
    """`classification`, `regression`, or '' where there is no outcome."""
    scored: bool = False
    """The prediction itself is the score of a positive class."""
    spelling: tuple[str, ...] = ()
    """The classes that the predictions name, by which labels are spelt."""


def guess(rows: FileRows, prediction: str | None, score: str | None, label: str | None, told: str) -> Guess:
    """Whether the outcomes are classes or numbers; what cannot be told for sure is said.

    Raises:
        FileError: a column is neither, or what was told does not fit.
    """
    if told and told not in TASKS:
        raise FileError(f"--task is one of {', '.join(TASKS)}, not {told!r}")
    if score and told == REGRESSION:
        raise FileError("a regression has no score; name the predicted number with --prediction alone")
    outcome = prediction or label
    if outcome is None:
        return Guess(told)
    column = _without_nan(rows.column(outcome))
    if told == REGRESSION:
        return Guess(REGRESSION)
    if score or told == CLASSIFICATION:
        if not told:
            _check_classes(rows, outcome, column)
        scored = not score and is_number(column.type) and _is_share(column) and not are_whole(column)
        return Guess(CLASSIFICATION, scored, () if scored else _spelling(column))
    values = _numbers_in(rows, outcome)
    if not is_number(values.type):
        _check_classes(rows, outcome, values)
        return Guess(CLASSIFICATION, spelling=_spelling(values))
    truth = _numbers_in(rows, label) if label else None
    return _guess_numbers(rows, outcome, values, truth)


def _check_classes(rows: FileRows, name: str, column: pa.Array) -> None:
    """Say that many different texts are taken for classes.

    Raises:
        FileError: they are fractions, which are none.
    """
    if is_number(column.type) and not are_whole(column) and len(_distinct(column)) > MOST_CLASSES:
        first = shown(column.filter(pc.not_equal(pc.floor(column), column))[0])
        raise FileError(
            f"column {name!r} holds fractions such as {first}, which are no classes; beside --score, --prediction names"
            f" the class: name amounts, or a score, with --prediction alone"
        )
    if is_text(column.type) and (many := int(pc.count_distinct(column).as_py())) > MOST_CLASSES:
        rows.remarks.assume(f"{name!r} holds {many:,} different texts: classes (--task {REGRESSION} says otherwise)")


def _guess_numbers(rows: FileRows, name: str, values: pa.Array, truth: pa.Array | None) -> Guess:
    """Numbers without a score: classes, amounts, or shares of a positive class."""
    numeric_truth = truth is not None and is_number(truth.type)
    if truth is not None and not numeric_truth:
        scored = _is_share(values) and not are_whole(values)
        return Guess(CLASSIFICATION, scored, () if scored else _spelling(values))
    if not are_whole(values):
        if truth is not None and _is_share(values) and are_whole(truth) and _distinct(truth) <= {0.0, 1.0}:
            rows.remarks.assume(f"{name!r} is the score of class 1, as the labels are 0 and 1 (--task says otherwise)")
            return Guess(CLASSIFICATION, scored=True)
        return Guess(REGRESSION)
    seen = _distinct(values) | (_distinct(truth) if truth is not None else set())
    if seen <= {0.0, 1.0}:
        return Guess(CLASSIFICATION, spelling=_spelling(values))
    amounts = len(seen) > MOST_CLASSES or not all(number.is_integer() for number in seen)
    kind = "amounts, so a regression" if amounts else "classes"
    many = f"more than {MOST_CLASSES}" if len(seen) > MOST_CLASSES else f"{len(seen)}"
    other = CLASSIFICATION if amounts else REGRESSION
    rows.remarks.assume(f"{name!r} holds whole numbers, {many} different ones: {kind} (--task {other} says otherwise)")
    return Guess(REGRESSION) if amounts else Guess(CLASSIFICATION, spelling=_spelling(values))


def convert(
    rows: FileRows, prediction: str | None, score: str | None, label: str | None, found: Guess, scale: str
) -> FileRows:
    """Rows with outcomes as Float64 (numbers and scores) or as texts (classes).

    Raises:
        FileError: a column holds no such thing.
    """
    if score and score != prediction:
        rows = rows.set(score, scores.convert(rows, score, scale))
    if prediction and found.scored:
        rows = rows.set(prediction, scores.convert(rows, prediction, scale))
        prediction = None
    for name, option in ((prediction, "--prediction"), (label, "--label")):
        if name:
            values = _outcome(rows, name, found.task, option)
            if found.task == CLASSIFICATION:
                values = align(values, found.spelling, name, rows.remarks)
            rows = rows.set(name, values)
    if label:
        _check_labels(rows, label, found)
    return rows


def _check_labels(rows: FileRows, name: str, found: Guess) -> None:
    """Count the rows whose label is not known yet, and see that the others name classes that are predicted.

    Raises:
        FileError: not one does: all predictions would be wrong.
    """
    column = rows.column(name)
    if column.null_count:
        rows.remarks.leave_out(
            f"{column.null_count:,} of {len(column):,} labels: {name!r} holds none there, so they are not known yet"
        )
    named = set(column.drop_null().unique()[:MOST_SPELLINGS].to_pylist()) if found.spelling else set()
    if not named or named & set(found.spelling):
        return
    labels, classes = (", ".join(map(repr, sorted(each)[:SHOWN])) for each in (named, found.spelling))
    words = f"no label of column {name!r} ({labels}) is a class that the predictions name ({classes})"
    if min(len(named), len(found.spelling)) > 1:
        raise FileError(f"{words}; spell them alike, or leave out --label")
    rows.remarks.assume(f"{words}: all of them are wrong")


def _outcome(rows: FileRows, name: str, task: str, option: str) -> pa.Array:
    if task == REGRESSION:
        return amounts(rows, name, option)
    column = rows.column(name)
    if not (_names_classes(column.type) or pa.types.is_null(column.type)):
        raise FileError(
            f"column {name!r} holds {column.type}, and an outcome is one class or one number;"
            f" name a column of such with {option}"
        )
    if is_text(column.type):
        _say_marks(rows, name, column)
    return canonical(column)


def _say_marks(rows: FileRows, name: str, column: pa.Array) -> None:
    """Say of texts such as NA, which stand for nothing elsewhere, that they are a class here."""
    texts = utf8(column)
    written = pc.fill_null(pc.not_equal(pc.utf8_trim_whitespace(texts), ""), False).to_numpy(zero_copy_only=False)
    at = np.flatnonzero(written & ~valid(trimmed(texts)))
    if at.size:
        rows.remarks.assume(
            f"{at.size:,} of {len(column):,} cells of column {name!r} hold a text such as {shown(column[int(at[0])])},"
            f" which is a class like any other ({rows.where(int(at[0]))}); leave a cell empty where nothing is known"
        )


def _numbers_in(rows: FileRows, name: str) -> pa.Array:
    """Numbers as numbers, texts that hold many different numbers too, and all else as it is."""
    column = rows.column(name)
    if is_text(column.type):
        texts = trimmed(utf8(column))
        values = numbers(texts)
        if lost(texts, values).size or pc.count_distinct(values).as_py() <= MOST_CLASSES:
            return column
        rows.remarks.assume(f"{name!r} is text that holds more than {MOST_CLASSES} different numbers: read as numbers")
        return values
    return _without_nan(column)


def _without_nan(column: pa.Array) -> pa.Array:
    if pa.types.is_floating(column.type):
        return pc.if_else(pc.is_nan(column), pa.scalar(None, column.type), column)
    return column


def _spelling(column: pa.Array) -> tuple[str, ...]:
    if not _names_classes(column.type):
        return ()
    seen = canonical(column).drop_null().unique()
    return tuple(sorted(seen.to_pylist())) if len(seen) <= 1000 else ()


def _names_classes(kind: pa.DataType) -> bool:
    return is_number(kind) or is_text(kind) or bool(pa.types.is_boolean(kind))


def are_whole(column: pa.Array) -> bool:
    """Whether no number of a column has a fraction."""
    if pa.types.is_integer(column.type):
        return True
    values = np.asarray(numbers(column).drop_null())
    return bool((values == np.floor(values))[np.isfinite(values)].all())


def _is_share(column: pa.Array) -> bool:
    values = np.asarray(numbers(column).drop_null())
    return bool(values.size and (values >= 0).all() and (values <= 1).all())


def _distinct(column: pa.Array) -> set[float]:
    """Different numbers, at most a few more than classes there may be."""
    return set(np.unique(np.asarray(numbers(column).drop_null())).tolist()[: 10 * MOST_CLASSES])
