"""Answers that are a score of each class, in a column a class: the class of the highest one is the prediction."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from modelspan_analyzer.captures.capture import PREDICTION
from modelspan_analyzer.files.rows import Remarks

_ROUNDING: Final = 0.01
"""How far from 1 the scores of a row may add up, which were written with a few digits."""


def are_scores(rows: pa.Table, outputs: Sequence[str]) -> bool:
    """Whether outputs are probabilities of classes: numbers from 0 to 1 that add up to 1 in each row that has any."""
    if len(outputs) < 2 or PREDICTION in outputs or PREDICTION in rows.column_names:
        return False
    if not all(pa.types.is_floating(rows.schema.field(name).type) for name in outputs):
        return False
    scores = _matrix(rows, outputs)
    scores = scores[~np.isnan(scores).all(axis=1)]
    inside = (scores >= 0) & (scores <= 1)
    return bool(len(scores) and inside.all() and (np.abs(scores.sum(axis=1) - 1) <= _ROUNDING).all())


def with_class(rows: pa.Table, outputs: Sequence[str], remarks: Remarks) -> pa.Table:
    """The rows with the class of the highest score as their prediction; none where a row has no scores."""
    listed = ", ".join(outputs[:3]) + (f" and {len(outputs) - 3} more" if len(outputs) > 3 else "")
    remarks.assume(
        f"the outputs are the scores of the classes {listed}, as they add up to 1 (--prediction says otherwise)"
    )
    scores = _matrix(rows, outputs)
    without = np.isnan(scores).all(axis=1)
    highest = pa.array(np.where(np.isnan(scores), -1.0, scores).argmax(axis=1), mask=without)
    return rows.append_column(PREDICTION, pa.array(list(outputs), pa.string()).take(highest))


def _matrix(rows: pa.Table, outputs: Sequence[str]) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    columns = [pc.cast(rows[name], pa.float64()).to_numpy() for name in outputs]
    return np.column_stack(columns)
