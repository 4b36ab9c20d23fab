"""Counts per group that all fairness measures are computed from.

Cells have the shape `(..., groups, strata, truth, prediction)`; truth and prediction are 0 (unfavourable) or 1
(favourable). Strata are the values of the attribute that conditional disparity is split by: one where there is none.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from modelspan_analyzer.statistics.performance.counts import FloatArray, ratios


@dataclass(frozen=True, slots=True)
class GroupCounts:
    """The rows of each group of a facet."""

    facet: str
    """The attribute, or several crossed, as results name it."""
    names: tuple[str, ...]
    """The groups, as results name them."""
    labelled: FloatArray
    """`(groups, strata, 2, 2)`: rows with a known truth, by truth and prediction."""
    predicted: FloatArray
    """`(groups, strata, 2)`: all rows, by prediction."""
    effective: float
    """Effective share of a row that a unit of weight is."""

    @property
    def sizes(self) -> FloatArray:
        """Effective rows of each group."""
        return np.asarray(self.predicted.sum(axis=(1, 2)) * self.effective)

    @property
    def labelled_rows(self) -> float:
        """Effective rows whose truth is known."""
        return float(self.labelled.sum()) * self.effective

    def against_rest(self, group: int) -> GroupCounts:
        """The same counts for one group (first) and all others together (second)."""
        return GroupCounts(
            self.facet,
            (self.names[group], "rest"),
            _split(self.labelled, group),
            _split(self.predicted, group),
            self.effective,
        )


def _split(cells: FloatArray, group: int) -> FloatArray:
    return np.stack([cells[group], cells.sum(axis=0) - cells[group]])


def confusion(cells: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    """True positives, false positives, false negatives and true negatives of each group, strata together."""
    flat = cells.sum(axis=-3)
    return flat[..., 1, 1], flat[..., 0, 1], flat[..., 1, 0], flat[..., 0, 0]


def selection_rate(predicted: FloatArray) -> FloatArray:
    """Share of favourable predictions in each group; takes `(..., groups, strata, 2)`.

    >>> predicted = np.array([[[60.0, 40.0]], [[40.0, 60.0]]])
    >>> selection_rate(predicted).tolist()
    [0.4, 0.6]
    """
    flat = predicted.sum(axis=-2)
    return ratios(flat[..., 1], flat.sum(axis=-1))


def recall(cells: FloatArray) -> FloatArray:
    """Of the truly favourable rows of each group, the share predicted so (true positive rate).

    >>> cells = np.array([[[[6.0, 2.0], [2.0, 10.0]]], [[[8.0, 2.0], [1.0, 9.0]]]])
    >>> recall(cells).round(3).tolist()
    [0.833, 0.9]
    """
    tp, _, fn, _ = confusion(cells)
    return ratios(tp, tp + fn)


def specificity(cells: FloatArray) -> FloatArray:
    """Of the truly unfavourable rows of each group, the share predicted so (true negative rate).

    >>> cells = np.array([[[[6.0, 2.0], [2.0, 10.0]]], [[[8.0, 2.0], [1.0, 9.0]]]])
    >>> specificity(cells).tolist()
    [0.75, 0.8]
    """
    _, fp, _, tn = confusion(cells)
    return ratios(tn, tn + fp)


def precision(cells: FloatArray) -> FloatArray:
    """Of the favourable predictions of each group, the share that is right (acceptance rate).

    >>> cells = np.array([[[[6.0, 2.0], [2.0, 10.0]]], [[[8.0, 2.0], [1.0, 9.0]]]])
    >>> precision(cells).round(3).tolist()
    [0.833, 0.818]
    """
    tp, fp, _, _ = confusion(cells)
    return ratios(tp, tp + fp)


def rejection_rate(cells: FloatArray) -> FloatArray:
    """Of the unfavourable predictions of each group, the share that is right (negative predictive value).

    >>> cells = np.array([[[[6.0, 2.0], [2.0, 10.0]]], [[[8.0, 2.0], [1.0, 9.0]]]])
    >>> rejection_rate(cells).round(3).tolist()
    [0.75, 0.889]
    """
    _, _, fn, tn = confusion(cells)
    return ratios(tn, tn + fn)


def accuracy(cells: FloatArray) -> FloatArray:
    """Share of right predictions in each group.

    >>> cells = np.array([[[[6.0, 2.0], [2.0, 10.0]]], [[[8.0, 2.0], [1.0, 9.0]]]])
    >>> accuracy(cells).tolist()
    [0.8, 0.85]
    """
    tp, fp, fn, tn = confusion(cells)
    return ratios(tp + tn, tp + fp + fn + tn)
