"""Tensors by name, as inference servers take and give them: rows of features, a prediction, scores."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

MOST_COLUMNS = 1000
"""Columns of one input among several up to which each is a feature; more are an embedding."""


def rows_of(inputs: Mapping[str, Any]) -> Any:
    """The rows: an only input as it is, of several each a column, or as many as it has."""
    if len(inputs) == 1:
        return next(iter(inputs.values()))
    columns: dict[str, Any] = {}
    for name, tensor in inputs.items():
        columns |= _columns(name, tensor)
    return columns


def _columns(name: str, tensor: Any) -> dict[str, Any]:
    """A tensor, the first dimension of which are rows, as columns."""
    rows = tensor.reshape(len(tensor), -1)
    if rows.shape[1] == 1:
        return {name: rows[:, 0]}
    if tensor.ndim == 2 and rows.shape[1] <= MOST_COLUMNS:
        return {f"{name}_{position}": rows[:, position] for position in range(rows.shape[1])}
    return {name: [list(map(float, row)) for row in rows]}


def prediction_of(outputs: list[Any]) -> Any:
    """The first output; a matrix of one column is that column."""
    first = outputs[0]
    return first[:, 0] if getattr(first, "ndim", 1) == 2 and first.shape[1] == 1 else first


def scores_of(outputs: list[Any]) -> Any:
    """The second output, where it is what converters of classifiers give beside labels: a score of each class."""
    labels, scores = (*outputs, None)[:2]
    if scores is None or getattr(labels, "ndim", 0) != 1 or getattr(labels, "dtype", None) not in _LABELS:
        return None
    return scores if isinstance(scores, list) or getattr(scores, "ndim", 0) == 2 else None


_LABELS = ("int64", "int32", "object")
