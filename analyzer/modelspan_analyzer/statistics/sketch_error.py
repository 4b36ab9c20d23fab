"""How far a measure computed from sketches can be from the exact one.

A sketch of rank error e places every value's rank within e of the true one (as a share of rows). So each value of a
distribution function is off by at most e, and a bin's share, the difference of two ranks, by at most 2e. The bounds
below follow from that alone; they hold for any distribution and are rarely reached.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from modelspan_analyzer.statistics.counts import Floats, aligned_counts, proportions
from modelspan_analyzer.statistics.special import rel_entr


class Bounds(NamedTuple):
    """The exact value lies in this closed range."""

    lower: float
    upper: float


def kolmogorov_smirnov_bounds(statistic: float, reference_error: float, current_error: float) -> Bounds:
    """Bounds of the exact statistic: both distribution functions may be off by their rank errors, in 0 to 1."""
    error = reference_error + current_error
    return Bounds(max(0.0, statistic - error), min(1.0, statistic + error))


def wasserstein_bounds(
    distance: float, reference_error: float, current_error: float, minimum: float, maximum: float
) -> Bounds:
    """Bounds of the exact distance: the area between distribution functions over the range of both samples."""
    error = (reference_error + current_error) * (maximum - minimum)
    return Bounds(max(0.0, distance - error), distance + error)


def total_variation_bounds(
    reference: ArrayLike, current: ArrayLike, reference_error: float, current_error: float
) -> Bounds:
    """Bounds of the exact total variation distance over bins, from the counts of shape (bins,) that sketches gave."""
    return _bounds(reference, current, reference_error, current_error, lambda p, q: np.abs(p - q) / 2.0, lambda t: t)


def psi_bounds(reference: ArrayLike, current: ArrayLike, reference_error: float, current_error: float) -> Bounds:
    """Bounds of the exact PSI over the same bins; infinite above where a bin's share may be 0."""
    return _bounds(reference, current, reference_error, current_error, _psi_terms, lambda total: total)


def jensen_shannon_bounds(
    reference: ArrayLike, current: ArrayLike, reference_error: float, current_error: float
) -> Bounds:
    """Bounds of the exact Jensen-Shannon distance (base 2) over the same bins."""
    bounds = _bounds(reference, current, reference_error, current_error, _jensen_shannon_terms, np.sqrt)
    return Bounds(bounds.lower, min(1.0, bounds.upper))


def _bounds(reference, current, reference_error, current_error, terms, finish) -> Bounds:  # type: ignore[no-untyped-def]
    """Sum the least and the greatest value of each bin's term.

    Terms are convex and 0 where shares agree: the greatest value is at a corner of the box of possible shares, the
    least where the two shares are as close as the box allows.
    """
    first, second = aligned_counts(reference, current)
    p, q = proportions(first), proportions(second)
    p_low, p_high = np.maximum(p - 2.0 * reference_error, 0.0), np.minimum(p + 2.0 * reference_error, 1.0)
    q_low, q_high = np.maximum(q - 2.0 * current_error, 0.0), np.minimum(q + 2.0 * current_error, 1.0)
    corners = [terms(one, other) for one in (p_low, p_high) for other in (q_low, q_high)]
    nearest_p, nearest_q = np.clip(q, p_low, p_high), np.clip(p, q_low, q_high)
    overlap = (p_low <= q_high) & (q_low <= p_high)
    least = np.where(overlap, 0.0, terms(nearest_p, nearest_q))
    return Bounds(float(finish(np.sum(least))), float(finish(np.sum(np.max(corners, axis=0)))))


def _psi_terms(p: Floats, q: Floats) -> Floats:
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(p == q, 0.0, (p - q) * np.log(p / q))


def _jensen_shannon_terms(p: Floats, q: Floats) -> Floats:
    mixture = (p + q) / 2.0
    return np.asarray((rel_entr(p, mixture) + rel_entr(q, mixture)) / (2.0 * np.log(2.0)), dtype=np.float64)
