"""Where outcomes differ from what the model expects, feature by feature, compared with the baseline's own differences.

If P(y|x) holds, the mean residual (outcome less expectation) in any part of a feature's range is what it was on the
baseline. A change of it is concept drift seen along that feature; a feature that no longer means what it did
(permuted, re-scaled, stale) shows as a change of its own residuals even where its distribution is untouched. Residuals
conditional on inputs have tested specifications since Ramsey (1969); for probabilities, Hosmer and Lemeshow (1980).
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from modelspan_analyzer.statistics.performance.counts import FloatArray, ratios
from modelspan_analyzer.statistics.special import fdtrc, stdtr

PARTS: Final = 10
_FEWEST: Final = 20


class Residuals(NamedTuple):
    """Outcome less expectation of each row, and the variance that the expectation gives it; of shape `(n,)`."""

    value: FloatArray
    variance: FloatArray | None
    """None where the expectation says nothing of it: each part's rows then tell, as it may differ from part to part."""
    weight: FloatArray
    unit: float = 1.0
    """What one of the outcome's unit is in these: the baseline's counts for both sides."""


class Means(NamedTuple):
    """Of each part; of shape `(parts,)`."""

    rows: npt.NDArray[np.int64]
    mean: FloatArray
    variance: FloatArray
    """Of the mean."""
    degrees: FloatArray
    """Of freedom of the variance: infinite where it is not estimated."""


class Gap(NamedTuple):
    """How much the residuals along one feature changed."""

    gap: float
    """Mean absolute change of the residual over the parts, beyond what chance gives, in the outcome's unit."""
    p_value: float
    worst_part: int
    """Place of the part with the largest change, for a reader."""
    strength: float = 0.0
    """Standard errors by which two sides of it differ: tells p-values apart that are all 0."""


NOTHING: Final = Gap(0.0, 1.0, -1)
"""Of a feature that has no two parts with enough rows."""


def parts_of(column: FloatArray, borders: FloatArray | None) -> npt.NDArray[np.int64]:
    """The part of each row: 0 where missing, else by borders (numbers) or by code (categories, None for borders).

    >>> parts_of(np.array([np.nan, 0.5, 1.5]), np.array([1.0])).tolist()
    [0, 1, 2]
    """
    missing = np.isnan(column)
    filled = np.where(missing, 0.0, column)
    place = np.minimum(filled, 50) if borders is None else np.searchsorted(borders, filled, side="right")
    return np.where(missing, 0, place + 1).astype(np.int64)


def borders_of(column: FloatArray) -> FloatArray:
    """Inner deciles of a baseline's numbers, without repeats.

    >>> borders_of(np.arange(101.0)).tolist()
    [10.0, 20.0, 30.0, 40.0, 50.0, 60.0, 70.0, 80.0, 90.0]
    """
    known = column[np.isfinite(column)]
    if not known.size:
        return np.empty(0)
    return np.unique(np.quantile(known, np.arange(1, PARTS) / PARTS))


def change_of_gaps(
    now: Residuals,
    now_part: npt.NDArray[np.int64],
    base: Residuals,
    base_part: npt.NDArray[np.int64],
    *,
    ordered: bool = True,
) -> Gap:
    """Compare the residuals of each part with the baseline's; the overall mean of each is taken off first.

    Two tests share the level. `Σ (change of the part's mean)² / variance` over its degrees of freedom, parts less one,
    sees any pattern: chi-squared where the expectation gives the variances, and where rows do, judged as Welch (1951)
    judges means of unequal variances, each with the degrees of freedom that Satterthwaite (1946) gives a difference.
    The largest contrast of two sides (below and above a border, or one category and the others) sees a change of one
    of them with far fewer rows; it counts as often as there are contrasts. Parts with fewer than 20 rows on either
    side are left out.

    Args:
        now: of the window.
        now_part: the part of each of its rows.
        base: of the baseline.
        base_part: the part of each of its rows.
        ordered: whether parts follow on each other, as those of numbers do.

    Outcomes that rose by a half in one of two parts:

    >>> part, one = np.repeat([1, 2], 50), np.ones(100)
    >>> before, now = (Residuals(value, one * 0.01, one) for value in (np.zeros(100), np.repeat([0.0, 0.5], 50)))
    >>> gap = change_of_gaps(now, part, before, part)
    >>> round(gap.gap, 3), gap.p_value < 0.001, change_of_gaps(before, part, before, part).gap
    (0.234, True, 0.0)
    """
    size = int(max(now_part.max(initial=0), base_part.max(initial=0))) + 1
    one, other = _means(now, now_part, size), _means(base, base_part, size)
    if now.variance is None:
        one = _no_surer(one, other)
    else:
        times = _wider(base, base_part, other)
        one, other = (side._replace(variance=side.variance * times) for side in (one, other))
    usable = (one.rows >= _FEWEST) & (other.rows >= _FEWEST)
    if usable.sum() < 2:
        return NOTHING
    variance = (one.variance + other.variance)[usable]
    moved = (one.mean - other.mean)[usable]
    moved = moved - np.average(moved, weights=1 / variance)
    spread = (one.variance**2 / one.degrees + other.variance**2 / other.degrees)[usable]
    degrees = _degrees(variance, spread)
    share = one.rows[usable] / one.rows[usable].sum()
    worst = int(np.flatnonzero(usable)[np.argmax(np.abs(moved) * share)])
    every = _Change(_welch(float((moved**2 / variance).sum()), variance, degrees), _beyond(share, moved, variance))
    # where rows tell the variance, it goes with the mean, and may not weigh it
    weight = share if now.variance is None else 1 / variance
    contrast, strength = _contrast(moved, variance, degrees, weight, share, ordered)
    surer = min(every, contrast, key=lambda test: test.p_value)
    # of many parts chance is taken off that often, and what changed with it: two sides may show more
    return Gap(max(every.gap, contrast.gap) / base.unit, min(1.0, 2 * surer.p_value), worst, strength)


class _Change(NamedTuple):
    p_value: float
    gap: float


def _beyond(share: FloatArray, moved: FloatArray, variance: FloatArray) -> float:
    """The mean absolute change beyond what chance gives."""
    return float((share * np.maximum(np.abs(moved) - np.sqrt(2 / np.pi * variance), 0)).sum())


def _contrast(
    moved: FloatArray, variance: FloatArray, degrees: FloatArray, weight: FloatArray, share: FloatArray, ordered: bool
) -> tuple[_Change, float]:
    """The two sides that differ most surely, and how surely in standard errors."""
    squares = weight**2 * variance
    sums = np.stack([weight, weight * moved, squares, squares**2 / degrees, share])
    low = np.cumsum(sums, axis=1)[:, :-1] if ordered else sums
    sides = np.stack([low, sums.sum(axis=1, keepdims=True) - low])  # (2, sums, contrasts)
    total, mean, error = sides[:, 0], sides[:, 1] / sides[:, 0], sides[:, 2] / sides[:, 0] ** 2
    whole = error.sum(axis=0)
    freedom = _degrees(whole, (sides[:, 3] / total**4).sum(axis=0))
    z = np.abs(mean[0] - mean[1]) / np.sqrt(whole)
    at = int(np.argmax(z))
    p_value = min(1.0, z.size * 2 * float(stdtr(min(freedom[at], 1e9), -z[at])))
    return _Change(p_value, _beyond(sides[:, 4, at], mean[:, at], error[:, at])), float(z[at])


def _wider(base: Residuals, part: npt.NDArray[np.int64], means: Means) -> FloatArray:
    """By how much the baseline's residuals vary more in each part than expected, beyond their error: at least 1.

    Where a model leaves out what makes outcomes of a part likely, their variance is another one than its chances give.
    """
    size = means.rows.size
    squares = base.weight**2 * (base.value - means.mean[part]) ** 2
    seen, spread = (np.bincount(part, squares**power, size) for power in (1, 2))
    error = np.sqrt(np.maximum(spread - ratios(seen**2, means.rows), 0.0))
    expected = np.bincount(part, base.weight**2 * (0.0 if base.variance is None else base.variance), size)
    return np.maximum(np.nan_to_num(ratios(seen - error, expected), nan=1.0), 1.0)


def _degrees(variance: FloatArray, spread: FloatArray) -> FloatArray:
    """Of freedom of a variance that is a sum (Satterthwaite 1946): infinite where none of its parts is estimated."""
    with np.errstate(over="ignore", divide="ignore"):
        return np.asarray(variance**2 / spread)


def _no_surer(one: Means, other: Means) -> Means:
    """A window's means with at least the error that the baseline's variance gives so few rows.

    Rows that chance left all right, or all wrong, would have none of their own (a score test; Rao 1948).
    """
    times = np.nan_to_num(ratios(other.rows, one.rows))
    return one._replace(variance=np.maximum(one.variance, np.minimum(other.variance * times, 1e12)))


def _welch(statistic: float, variance: FloatArray, degrees: FloatArray) -> float:
    """The p-value of weighted squares of differences whose variances have so many degrees of freedom (Welch 1951)."""
    parts = variance.size
    known = 1 / variance / (1 / variance).sum()
    uncertain = float(((1 - known) ** 2 / degrees).sum())
    within = (parts**2 - 1) / (3 * max(uncertain, 1e-12))
    between = statistic / (parts - 1) / (1 + 2 * (parts - 2) / (parts**2 - 1) * uncertain)
    return float(fdtrc(parts - 1, within, between))


def _means(residuals: Residuals, part: npt.NDArray[np.int64], size: int) -> Means:
    """Rows, mean residual and its variance in each part."""
    n = np.bincount(part, minlength=size)
    weight, squared = (np.bincount(part, residuals.weight**power, size) for power in (1, 2))
    mean = np.nan_to_num(ratios(np.bincount(part, residuals.weight * residuals.value, size), weight))
    known = residuals.variance
    variance = (residuals.value - mean[part]) ** 2 if known is None else known
    error = np.nan_to_num(ratios(np.bincount(part, residuals.weight**2 * variance, size), weight**2))
    degrees = np.full(size, np.inf)
    if known is None:  # one row of the whole's variance beside each part's own: in a few rows that agree it is 0
        effective = np.nan_to_num(ratios(weight**2, squared))
        degrees = np.maximum(effective - 1, 1.0)
        whole = float(np.var(residuals.value)) if residuals.value.size else 0.0
        error = error * (degrees + 1) / degrees + whole / np.maximum(effective, 1.0) ** 2
    return Means(n, mean, np.maximum(error, 1e-12), degrees)
