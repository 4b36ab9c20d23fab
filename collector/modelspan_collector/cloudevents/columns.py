"""The rows of one payload as columns of a record: features of a request; value, label and scores of an answer."""

from __future__ import annotations

import csv
import io
from typing import Any

import pyarrow as pa

from modelspan import conventions
from modelspan.capture import batches
from modelspan.capture.tables import table_of
from modelspan_collector.cloudevents.payloads import MisfitError, Payload

_STEM = "feature"


def features(payload: Payload) -> pa.Table:
    """A column a feature; what has no name is called by its place, `feature_1` and so on.

    Raises:
        MisfitError: there are no rows, or rows that do not fit each other.
    """
    rows = [_named(row) for row in _rows(payload)]
    table = table_of(rows)
    if table is None or table.rows != len(rows):
        raise MisfitError("payloads whose rows are no features")
    found = {f"{conventions.COL_FEATURE_PREFIX}{name}": _array(column) for name, column in table.columns().items()}
    return pa.table(found) if found else pa.table({conventions.COL_FEATURE_PREFIX: pa.nulls(len(rows))})


def outputs(payload: Payload) -> pa.Table:
    """What was answered, a row for each, by the rules of `modelspan.capture.outputs`.

    Raises:
        MisfitError: there are no rows, or it cannot be told what they say.
    """
    rows = _rows(payload)
    try:
        found = _of_named(rows) if isinstance(rows[0], dict) else batches.snapshot(rows, len(rows)).columns()
    except batches.UntoldError as error:
        raise MisfitError(f"answers of which no value or label can be told ({error})") from error
    columns = {conventions.COL_VALUE: found.value, conventions.COL_LABEL: found.label}
    columns |= {f"{conventions.COL_SCORE_PREFIX}{name}": score for name, score in (found.scores or {}).items()}
    given = {name: column for name, column in columns.items() if column is not None}
    if not given:
        raise MisfitError("answers of which no value or label can be told")
    return pa.table(given)


def _of_named(rows: list[dict[str, Any]]) -> batches.Outputs:
    """A lone output is the prediction; of several tensors the first is it, and one of several numbers the scores."""
    names = list(rows[0])
    if any(list(row) != names for row in rows):
        raise MisfitError("answers whose rows have different outputs")
    several = [name for name in names if isinstance(rows[0][name], list)]
    if len(names) == 1 or (several and names[0] not in several):
        told = batches.snapshot([row[names[0]] for row in rows], len(rows))
        if len(names) == 1:
            return told.columns()
        return batches.with_score(told, batches.snapshot([row[several[0]] for row in rows], len(rows))).columns()
    return batches.snapshot(rows, len(rows)).columns()


def _rows(payload: Payload) -> list[Any]:
    rows = _csv(payload) if isinstance(payload, str) else payload
    if not rows:
        raise MisfitError("payloads without a row")
    return rows


def _csv(text: str) -> list[Any]:
    lines = [[_cell(cell) for cell in line] for line in csv.reader(io.StringIO(text, newline="")) if line]
    return [line[0] for line in lines] if all(len(line) == 1 for line in lines) else lines


def _cell(text: str) -> float | str | None:
    try:
        return float(text)
    except ValueError:
        return text or None


def _named(row: Any) -> dict[str, Any]:
    if isinstance(row, dict):
        return row
    values = row if isinstance(row, list) else [row]
    return {f"{_STEM}_{place}": value for place, value in enumerate(values, 1)}


def _array(column: Any) -> pa.Array:
    """A column of one type; one that mixes kinds is text."""
    if isinstance(column, pa.ChunkedArray):
        return column.combine_chunks()
    if isinstance(column, pa.Array):
        return column
    try:
        return pa.array(column)
    except (pa.ArrowException, TypeError, ValueError):
        return pa.array([None if value is None else str(value) for value in column])
