"""Confidence intervals of what is counted: Wilson for shares and for what is made of shares, draws for the rest.

A bootstrap of rows only changes how often each kind of row occurs; so a multinomial draw over aggregated counts *is*
the bootstrap of the rows, at the cost of the number of cells. Intervals of means are in `means`, of areas in `areas`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from modelspan_analyzer.statistics.performance.counts import Estimate, FloatArray, ratios
from modelspan_analyzer.statistics.special import ndtri

CONFIDENCE: Final = 0.95
DRAWS: Final = 1000
SEED: Final = 20230928
"""Fixed, so that the same counts always give the same interval."""
_PRIOR: Final = 2.0
"""Rows that are spread over the cells of a matrix before any is seen: half a row a cell of a binary one (Jeffreys)."""


class Ends(NamedTuple):
    """The lower and the upper ends of intervals, of one shape; NaN where there is none."""

    lower: FloatArray
    upper: FloatArray


def quantile_of_normal(confidence: float) -> float:
    """How many standard errors a two-sided interval of this confidence reaches to either side.

    >>> round(quantile_of_normal(0.95), 3)
    1.96
    """
    return float(ndtri(0.5 + confidence / 2))


def wilson_ends(successes: ArrayLike, trials: ArrayLike, confidence: float = CONFIDENCE) -> Ends:
    """Wilson's score intervals (Wilson 1927) of shares of any one shape, NaN without trials.

    >>> wilson_ends([0.0, 5.0], [10.0, 10.0]).upper.round(4).tolist()
    [0.2775, 0.7634]
    """
    z, hits, rows = quantile_of_normal(confidence), np.asarray(successes, float), np.asarray(trials, float)
    share, spread = ratios(hits, rows), ratios(z**2, rows)
    middle = (share + spread / 2) / (1 + spread)
    reach = np.sqrt(spread * share * (1 - share) + spread**2 / 4) / (1 + spread)
    return Ends(np.maximum(middle - reach, 0.0), np.minimum(middle + reach, 1.0))


def wilson(successes: float, trials: float, confidence: float = CONFIDENCE) -> Estimate:
    """A share with Wilson's score interval, which stays inside 0 to 1 and holds for small counts.

    >>> round(wilson(0, 10).upper, 4)
    0.2775
    """
    if trials <= 0:
        return Estimate(np.nan, np.nan, np.nan)
    lower, upper = wilson_ends(successes, trials, confidence)
    return Estimate(successes / trials, float(lower), float(upper))


def f1_ends(hits: ArrayLike, union: ArrayLike, confidence: float = CONFIDENCE) -> Ends:
    """Intervals of F1 by Wilson's of the Jaccard index `J`, as `F1 = 2J / (1 + J)` rises with it.

    Of the rows that are of a class or predicted as it, `J` is the share that is both: a share of counted rows. A
    bootstrap has no width where no row is both, which is common at rare classes (Takahashi et al., "Confidence
    interval for micro-averaged F1 and macro-averaged F1 scores", 2022, take the delta method, whose width is 0 there
    too).

    Args:
        hits: rows that are both; any shape.
        union: rows that are either, of the same shape.
        confidence: of the interval.

    >>> [round(float(end), 3) for end in f1_ends(0.0, 20.0)]
    [0.0, 0.278]
    """
    lower, upper = wilson_ends(hits, union, confidence)
    return Ends(2 * lower / (1 + lower), 2 * upper / (1 + upper))


def mean_of_shares(values: FloatArray, ends: Ends, correlation: FloatArray | None = None) -> Ends:
    """The interval of the plain mean of several values, from the interval of each.

    The distances of the ends from the values add up as standard errors do, below and above apart (MOVER: Zou and
    Donner, "Construction of confidence limits about effect measures", 2008; Newcombe 1998 for two shares). Values
    that are NaN are left out.

    Args:
        values: `(k,)`.
        ends: of each.
        correlation: `(k, k)`, of their errors; of independent values where it is None.

    >>> lower, upper = mean_of_shares(np.array([0.5, 0.9]), wilson_ends([5.0, 9.0], [10.0, 10.0]))
    >>> round(float(lower), 3), round(float(upper), 3)
    (0.499, 0.838)
    """
    known = np.isfinite(values)
    together = np.eye(values.size) if correlation is None else np.nan_to_num(correlation)
    below, above = (np.where(known, np.abs(values - end), 0.0) for end in (ends.lower, ends.upper))
    mean, count = ratios(values[known].sum(), known.sum()), known.sum()
    low, high = (ratios(np.sqrt(np.maximum(reach @ together @ reach, 0.0)), count) for reach in (below, above))
    return Ends(mean - low, mean + high)


def normal(value: float, error: float, confidence: float = CONFIDENCE) -> Estimate:
    """A value with the normal interval of its standard error.

    >>> round(normal(0.0, 1.0).upper, 3)
    1.96
    """
    reach = quantile_of_normal(confidence) * error
    return Estimate(value, value - reach, value + reach)


def posterior(
    cells: FloatArray, measure: Callable[[FloatArray], FloatArray], confidence: float = CONFIDENCE
) -> tuple[FloatArray, FloatArray]:
    """Equal-tailed interval of `measure(cells)` over the shares of the cells that these rows leave possible.

    The shares are drawn from their Dirichlet posterior with two rows spread evenly over the cells beforehand: half a
    row a cell of a binary matrix, which is Jeffreys' prior. Unlike a bootstrap's, its interval has a width where
    cells are empty (Goutte and Gaussier, "A probabilistic interpretation of precision, recall and F-score", 2005).

    Args:
        cells: effective rows of each kind, of any shape.
        measure: vectorised over one leading axis: `(draws, *cells.shape)` in, `(draws, ...)` out.
        confidence: share of the draws inside the interval.

    Returns:
        The lower and the upper ends, of the measure's shape; NaN where fewer than half of the draws define it.
    """
    return quantiles(measure(possible(cells)), confidence)


def possible(cells: FloatArray) -> FloatArray:
    """Draws of matrices that these effective rows leave possible (see `posterior`), along a new first axis."""
    generator = np.random.default_rng(SEED)
    weights = generator.standard_gamma(cells.ravel() + _PRIOR / cells.size, size=(DRAWS, cells.size))
    return np.asarray(weights.reshape(DRAWS, *cells.shape))


def bootstrap(
    cells: FloatArray, effective: float, measure: Callable[[FloatArray], FloatArray], confidence: float = CONFIDENCE
) -> tuple[FloatArray, FloatArray]:
    """Percentile interval of `measure(cells)` under resampling of the rows behind the cells.

    Args:
        cells: weights of each kind of row, of any shape.
        effective: how many rows they stand for (see `Confusion.effective`).
        measure: vectorised over one leading axis: `(draws, *cells.shape)` in, `(draws, ...)` out.
        confidence: share of the draws inside the interval.

    Returns:
        The lower and the upper ends, of the measure's shape; NaN where fewer than half of the draws define it.
    """
    total = float(cells.sum())
    if total <= 0 or effective < 1:
        empty = np.full_like(measure(cells[None])[0], np.nan)
        return empty, empty
    generator = np.random.default_rng(SEED)
    drawn = generator.multinomial(round(effective), cells.ravel() / total, size=DRAWS).reshape(DRAWS, *cells.shape)
    return quantiles(measure((drawn * (total / round(effective))).astype(np.float64)), confidence)


def quantiles(values: FloatArray, confidence: float = CONFIDENCE) -> tuple[FloatArray, FloatArray]:
    """The ends that hold this share of draws, which are along the first axis; NaN where half of them are."""
    defined = np.isfinite(values).mean(axis=0) >= 0.5
    tail = (1 - confidence) / 2
    safe = np.where(defined, values, 0.0)
    quantile = np.nanquantile if np.isnan(safe).any() else np.quantile  # the latter is five times as fast
    with np.errstate(invalid="ignore"):  # between two infinite draws no end is defined
        lower, upper = quantile(safe, [tail, 1 - tail], axis=0)
    return np.where(defined, lower, np.nan), np.where(defined, upper, np.nan)
