"""A file of labels as rows of ids, times and what was true; a row that cannot be used is left out alone and named."""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from modelspan_analyzer.files import ids, outcomes
from modelspan_analyzer.files.amounts import amounts
from modelspan_analyzer.files.cells import is_number, is_text, utf8, valid
from modelspan_analyzer.files.classes import canonical
from modelspan_analyzer.files.outcomes import CLASSIFICATION, REGRESSION
from modelspan_analyzer.files.roles import NO_HINTS, Hints
from modelspan_analyzer.files.rows import SHOWN, FileError, FileRows, Remarks, require
from modelspan_analyzer.files.times import UTC, instants

ID, TIME, VALUE, LABEL = "prediction_id", "timestamp", "value", "label"
COLUMNS: Final = (ID, TIME, VALUE, LABEL)
_NUMBER: Final = r"^\s*[-+]?[0-9][0-9.,']*\s*$"


_SEVERAL: Final = "labels of several parts are sent by `modelspan.label`"
_SEVERAL_IN_ONE: Final = r"(?s)^(?:\[.*\]|\(.*,.*\)|\{.*[,:].*\})$"
"""A list, or a tuple, set or mapping of which more than a word in brackets is left: a class may be `(none)`."""


@dataclass(frozen=True, slots=True)
class LabelRows:
    """Labels that can be stored, and what has to be said of the file."""

    table: pa.Table
    """Columns `prediction_id`, `timestamp`, `value` (a number or null) and `label` (a class or '')."""
    remarks: Remarks


def label_rows(
    rows: FileRows, id_column: str, label: str, time: str = "", hints: Hints = NO_HINTS, *, named: bool = False
) -> LabelRows:
    """The labels of a file.

    Args:
        rows: of the file.
        id_column: the predictions' ids.
        label: what was true.
        time: when it became known; now, if not given.
        hints: what the user said of the columns.
        named: whether it is an outcome of another name, of which whole numbers are numbers, as when they are sent.

    Raises:
        FileError: a column is missing, or of no use as a whole.
    """
    require(rows, [id_column, label, *([time] if time else [])])
    total = rows.table.num_rows
    if not total:
        raise FileError("the file has no labels below its header")
    given = rows.column(label)
    prediction_ids = ids.texts(rows, id_column)
    values, classes = _truth(rows, label, hints.task, named=named)
    stamps = instants(rows, time, hints.time_unit, hints.date_order) if time else pa.array([_now()] * total, UTC)
    held = valid(values) | valid(classes)
    empty = ~_present(given)
    unfit = {
        f"has no id in {id_column!r}": ~valid(prediction_ids),
        f"holds no label in {label!r}": ~held & ~empty,
        f"has no time in {time!r}": ~valid(stamps),
    }
    _say(rows, unfit, empty, label)
    kept = pa.array(valid(prediction_ids) & held & valid(stamps))
    table = pa.table({ID: prediction_ids, TIME: stamps, VALUE: values, LABEL: classes.fill_null("")}).filter(kept)
    if not table.num_rows:
        raise FileError(f"none of its {total:,} rows is a label: {'; '.join(rows.remarks.left_out)}")
    if repeated := table.num_rows - int(pc.count_distinct(table[ID]).as_py()):
        rows.remarks.assume(
            f"{repeated:,} ids stand more than once: the newest label of each counts, of equals the last"
        )
    return LabelRows(table, rows.remarks)


def _truth(rows: FileRows, name: str, task: str, *, named: bool) -> tuple[pa.Array, pa.Array]:
    """Numbers, and classes: of the two arrays one holds nothing."""
    column = rows.column(name)
    total = len(column)
    fractional = is_number(column.type) and (named or not outcomes.are_whole(column))
    if task == REGRESSION or (fractional and task != CLASSIFICATION):
        return amounts(rows, name, "--label"), pa.nulls(total, pa.string())
    plain = is_number(column.type) or is_text(column.type) or pa.types.is_boolean(column.type)
    if not (plain or pa.types.is_null(column.type)):
        several = f"; {_SEVERAL}" if pa.types.is_nested(column.type) else ""
        raise FileError(
            f"column {name!r} holds {column.type}, and a label is one class or one number; name another{several}"
        )
    if is_text(column.type):
        _say_if_lists(rows, name, utf8(column))
    if named and is_text(column.type):
        _say_if_numbers(rows, name, utf8(column))
    return pa.nulls(total, pa.float64()), canonical(column)


def _say_if_lists(rows: FileRows, name: str, column: pa.Array) -> None:
    """A list, tuple, set or mapping as text is another class wherever its items, or their order, are others."""
    cells = pc.utf8_trim_whitespace(column)
    listed = cells.filter(pc.fill_null(pc.match_substring_regex(cells, _SEVERAL_IN_ONE), False))
    if count := len(listed):
        first = listed[0].as_py()
        rows.remarks.assume(
            f"{count:,} of {len(column):,} cells of {name!r} look like lists ('{first[0]}…{first[-1]}'), and each is "
            f"taken for one class; {_SEVERAL}"
        )


def _say_if_numbers(rows: FileRows, name: str, column: pa.Array) -> None:
    """One cell that is no number makes classes of all others, which is seldom meant of a revenue."""
    held = column.filter(pc.fill_null(pc.not_equal(pc.utf8_trim_whitespace(column), ""), False))
    numbers = pc.match_substring_regex(held, _NUMBER)
    odd = held.filter(pc.invert(numbers))
    if len(odd) and pc.any(numbers).as_py():
        rows.remarks.assume(
            f"all of {name!r} are classes, as {odd[0].as_py()!r} is no number: --task regression (or task=regression)"
            " takes the numbers, and leaves such cells out"
        )


def _present(column: pa.Array) -> npt.NDArray[np.bool_]:
    """Where a cell holds anything at all."""
    if pa.types.is_floating(column.type):
        column = pc.if_else(pc.is_nan(column), pa.scalar(None, column.type), column)
    elif is_text(column.type):
        blank = pc.fill_null(pc.equal(pc.utf8_trim_whitespace(utf8(column)), ""), False)
        held: npt.NDArray[np.bool_] = ~np.asarray(blank.to_numpy(zero_copy_only=False), bool)
        return valid(column) & held
    return valid(column)


def _say(
    rows: FileRows,
    unfit: dict[str, npt.NDArray[np.bool_]],
    empty: npt.NDArray[np.bool_],
    label: str,
) -> None:
    total = len(empty)
    if count := int(empty.sum()):
        rows.remarks.leave_out(f"{count:,} of {total:,} rows, whose {label!r} is empty: not known yet")
    bad = np.logical_or.reduce(list(unfit.values())) & ~empty
    if not bad.any():
        return
    some = [
        f"{rows.where(int(row))} {next(why for why, where in unfit.items() if where[row])}"
        for row in np.flatnonzero(bad)[:SHOWN]
    ]
    more = f" and {int(bad.sum()) - SHOWN:,} more" if bad.sum() > SHOWN else ""
    rows.remarks.leave_out(f"{int(bad.sum()):,} of {total:,} labels: {', '.join(some)}{more}")


def _now() -> datetime.datetime:
    return datetime.datetime.now(datetime.UTC)
