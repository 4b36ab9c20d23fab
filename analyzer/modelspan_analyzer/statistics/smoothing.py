"""How empty bins are treated by measures that take logarithms of shares: three rules, each a function of both samples.

A rule takes the counts of two samples over the same bins and returns the shares that the measure then uses.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np

from modelspan_analyzer.statistics.counts import Floats, proportions


class Smoothing(Protocol):
    """Turns the counts of two samples, shape (bins,) each, into positive shares of the same shape."""

    def __call__(self, reference: Floats, current: Floats) -> tuple[Floats, Floats]:
        """The shares of both samples."""
        ...


def half_row(reference: Floats, current: Floats) -> tuple[Floats, Floats]:
    """An empty bin counts as half a row; a bin that is empty on both sides is left out. The default.

    Half a row is the usual continuity correction (Haldane 1956, Anscombe 1956): how far apart an empty bin and a filled
    one are then follows from how many rows were looked at. Bins without zeros keep their exact shares.
    """
    used = (reference > 0) | (current > 0)
    first, second = reference[used], current[used]
    return (
        np.where(first > 0, first, 0.5) / first.sum(),
        np.where(second > 0, second, 0.5) / second.sum(),
    )


def add_one(reference: Floats, current: Floats) -> tuple[Floats, Floats]:
    """One row more in each bin (Laplace), as Azure Machine Learning's model monitoring smooths PSI."""
    return proportions(reference + 1.0), proportions(current + 1.0)


def fill_zeros(reference: Floats, current: Floats) -> tuple[Floats, Floats]:
    """A share of 0 becomes 0.0001, or a millionth of the least other share where that is smaller, as in Evidently."""
    return _filled(proportions(reference)), _filled(proportions(current))


def _filled(shares: Floats) -> Floats:
    least = shares[shares > 0].min()
    return np.where(shares > 0, shares, least / 1e6 if least <= 1e-4 else 1e-4)
