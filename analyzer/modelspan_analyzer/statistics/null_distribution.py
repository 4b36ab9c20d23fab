"""What PSI and the Jensen-Shannon distance look like when nothing has drifted, for these bins and numbers of rows.

Both are asymptotically a chi-squared variable of bins - 1 degrees of freedom, scaled by 1/n + 1/m: PSI by that factor
(Yurdakul and Naranjo 2020, "Statistical properties of the population stability index", Journal of Risk Model
Validation 14(4)), the divergence under the square root of the Jensen-Shannon distance by an eighth of it (second-order
expansion of Lin's divergence). Where bins expect few rows, `bootstrap_null` draws the exact distribution instead.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import chdtrc, chdtri

from modelspan_analyzer.statistics.counts import Floats, aligned_counts, proportions


def psi_scale(n_reference: float, n_current: float) -> float:
    """What a chi-squared variable is multiplied with to give PSI without drift: 1/n + 1/m."""
    return 1.0 / n_reference + 1.0 / n_current


def jensen_shannon_scale(n_reference: float, n_current: float, base: float = 2.0) -> float:
    """What a chi-squared variable is multiplied with to give the squared Jensen-Shannon distance without drift."""
    return psi_scale(n_reference, n_current) / (8.0 * float(np.log(base)))


def psi_p_value(psi: float, n_reference: float, n_current: float, bins: int) -> float:
    """Probability, without drift, of a PSI at least this large; 1 for a single bin."""
    return _upper_tail(psi / psi_scale(n_reference, n_current), bins)


def psi_critical_value(level: float, n_reference: float, n_current: float, bins: int) -> float:
    """The PSI that is exceeded without drift with probability `level`; 0 for a single bin."""
    return psi_scale(n_reference, n_current) * _critical_value(level, bins)


def jensen_shannon_p_value(
    distance: float, n_reference: float, n_current: float, bins: int, *, base: float = 2.0
) -> float:
    """Probability, without drift, of a Jensen-Shannon distance at least this large; 1 for a single bin."""
    return _upper_tail(distance**2 / jensen_shannon_scale(n_reference, n_current, base), bins)


def jensen_shannon_critical_value(
    level: float, n_reference: float, n_current: float, bins: int, *, base: float = 2.0
) -> float:
    """The Jensen-Shannon distance that is exceeded without drift with probability `level`; 0 for a single bin."""
    return float(np.sqrt(jensen_shannon_scale(n_reference, n_current, base) * _critical_value(level, bins)))


def bootstrap_null(
    measure: Callable[[Floats, Floats], float],
    reference_counts: ArrayLike,
    current_counts: ArrayLike,
    *,
    draws: int = 1000,
    seed: int = 0,
) -> Floats:
    """A measure's sorted values over `draws` pairs of samples drawn from the pooled shares, shape (draws,).

    Each pair has the sizes of the samples given (whole counts per bin, shape (bins,)), so the values show the measure
    without drift at these sizes, however few rows a bin expects.
    """
    reference, current = aligned_counts(reference_counts, current_counts)
    shares = proportions(reference + current)
    generator = np.random.default_rng(seed)
    first = generator.multinomial(round(reference.sum()), shares, size=draws).astype(np.float64)
    second = generator.multinomial(round(current.sum()), shares, size=draws).astype(np.float64)
    return np.sort([measure(one, other) for one, other in zip(first, second, strict=True)])


def bootstrap_p_value(
    measure: Callable[[Floats, Floats], float],
    reference_counts: ArrayLike,
    current_counts: ArrayLike,
    *,
    draws: int = 1000,
    seed: int = 0,
) -> float:
    """Share of the bootstrapped values at least as large as the measured one, counting that one itself.

    Never below 1 / (draws + 1) (Davison and Hinkley 1997, section 4.2).
    """
    measured = measure(*aligned_counts(reference_counts, current_counts))
    null = bootstrap_null(measure, reference_counts, current_counts, draws=draws, seed=seed)
    # Values that differ only by rounding are ties.
    return float((1 + np.sum(null >= measured - 1e-12)) / (draws + 1))


def _upper_tail(chi_squared: float, bins: int) -> float:
    return float(chdtrc(bins - 1, chi_squared)) if bins > 1 else 1.0


def _critical_value(level: float, bins: int) -> float:
    return float(chdtri(bins - 1, level)) if bins > 1 else 0.0
