"""How empty bins are treated by measures that take logarithms of shares.

A rule takes the counts of two samples over the same bins and returns the shares that the measure then uses.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np

from modelspan_analyzer.statistics.counts import Floats


class Smoothing(Protocol):
    """Turns the counts of two samples, shape (…, bins) each, into positive shares of the same shape."""

    def __call__(self, reference: Floats, current: Floats) -> tuple[Floats, Floats]:
        """The shares of both samples."""
        ...


def half_row(reference: Floats, current: Floats) -> tuple[Floats, Floats]:
    """An empty bin counts as half a row; one that is empty on both sides is left out, by a share of next to nothing.

    Half a row is the usual continuity correction (Haldane 1956, Anscombe 1956): how far apart an empty bin and a filled
    one are then follows from how many rows were looked at. Bins without zeros keep their exact shares.
    """
    unused = (reference == 0) & (current == 0)
    return _half_row(reference, unused), _half_row(current, unused)


def _half_row(counts: Floats, unused: np.ndarray[tuple[int, ...], np.dtype[np.bool_]]) -> Floats:
    shares = np.where(counts > 0, counts, 0.5) / counts.sum(axis=-1, keepdims=True)
    return np.asarray(np.where(unused, np.finfo(np.float64).tiny, shares))
