"""The difference of two means, with an interval that holds at all times at once: look as often as you like.

What is compared comes in batches, such as windows. Within a batch the two means are compared, so that what differs from
batch to batch (nights, the share of the traffic that the challenger gets) is no difference. The sum of the differences,
each weighted by h = n m / (n + m), is a martingale where there is none; with its estimated variance V it stays within
sqrt((V + r) log((V + r) / (r a^2))) at all times with a probability of 1 - a: the mixture of Robbins (1970) in the form
of Howard, Ramdas, McAuliffe and Sekhon, Time-uniform, nonparametric, nonasymptotic confidence sequences (Annals of
Statistics 2021, eq. 14), with an estimated variance by Waudby-Smith, Arbour, Sinha, Kennedy and Ramdas, Time-uniform
central limit theory and asymptotic confidence sequences (Annals of Statistics 2024, theorem 2.2; two arms: section 3).
It is asymptotic in what comes before the first look: so nothing is said until each side has `LEAST` rows over their
kurtosis, as 60 normal rows have. Of shares that is about so many of the rarer kind: where there are fewer, the variance
is taken as if there were so many, so that what never happens is known to be rare. What is compared may be unbounded, as
costs are, if only its variance exists. One side that does not vary at all, as a price a call, is taken to vary as the
other does, which is more than what was seen of it; where neither varies, nothing is said.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

LEAST: Final = 20.0
"""Rows over their kurtosis, of each side, before which nothing is said."""


_NORMAL: Final = 3.0
"""Kurtosis of normal rows."""


@dataclass(frozen=True, slots=True)
class Moments:
    """Some rows, by their powers: what is known of a mean and of how sure it is."""

    rows: int
    mean: float
    squares: float
    """Sum of the squared distances from the mean."""
    fourth: float
    """Sum of their squares."""


@dataclass(frozen=True, slots=True)
class Batch:
    """What was seen at one time of both; `champion` is None where pairs were compared: their differences."""

    challenger: Moments
    champion: Moments | None = None
    usual: float = 0.0
    """Of pairs, the champion's mean, which their differences do not say."""
    shares: bool = False
    """Whether each row is 0 or 1, and a difference -1, 0 or 1."""

    @property
    def sides(self) -> tuple[Moments, ...]:
        """Of pairs one, else two."""
        return (self.challenger,) if self.champion is None else (self.challenger, self.champion)

    @property
    def rows(self) -> int:
        """Of both."""
        return self.challenger.rows * 2 if self.champion is None else self.challenger.rows + self.champion.rows

    @property
    def weight(self) -> float:
        """Half the harmonic mean of the rows; of n pairs n / 2, which is what n rows of each have."""
        if self.champion is None:
            return self.challenger.rows / 2
        return self.challenger.rows * self.champion.rows / max(1, self.rows)

    @property
    def difference(self) -> float:
        """Challenger less champion."""
        return self.challenger.mean - (self.champion.mean if self.champion else 0.0)


@dataclass(frozen=True, slots=True)
class Standing:
    """How the comparison stands."""

    rows: int
    difference: float
    """Challenger less champion; nan before anything came."""
    lower: float
    upper: float
    """Of an interval that holds at all times at once; infinite until enough came."""
    p_value: float
    """Always valid: the level at which 0 is just excluded."""
    weight: float = 0.0
    variance: float = math.nan
    """Of the weighted sum; 0 where no row differs from another of its side, which tells nothing of how sure it is."""
    counts: float = 0.0
    """Rows over their kurtosis, of the side that has less."""


def best_rho(variance: float, alpha: float) -> float:
    """Where the boundary is lowest at a variance, nearly: up to an alpha of 0.2 it could lie 0.02 % lower at most.

    The expansion of Lambert's W in Howard and others (2021) and Waudby-Smith and others (2024, eq. 9).

    >>> round(best_rho(100, 0.05), 2)
    12.6
    """
    twice = -2 * math.log(alpha)
    return variance / (twice + math.log(twice + 1))


def boundary(variance: float, rho: float, alpha: float) -> float:
    """What a martingale of that variance exceeds, either way and ever, with a probability of at most alpha.

    >>> round(boundary(100, best_rho(100, 0.05), 0.05), 3)
    30.352
    """
    return math.sqrt((variance + rho) * math.log((variance + rho) / (rho * alpha * alpha)))


def always_valid_p(total: float, variance: float, rho: float) -> float:
    """The level at which the boundary just is the total: 1 over the mixture's likelihood ratio, at most 1.

    >>> always_valid_p(30.352, 100, 12.602) < 0.0501
    True
    """
    exponent = 0.5 * math.log((variance + rho) / rho) - total * total / (2 * (variance + rho))
    return math.exp(min(0.0, exponent))


def standing(batches: Iterable[Batch], alpha: float, tuned_to: int) -> Standing:
    """What all batches say together.

    Args:
        batches: that do not overlap, of which either side may be empty: such a batch compares nothing.
        alpha: probability with which the interval may ever miss the difference.
        tuned_to: rows of both at which the interval is narrowest, half of them each; holds with any.

    >>> like = Moments(100, 0.0, 100.0, 300.0)
    >>> found = standing([Batch(Moments(100, 1.0, 100.0, 300.0), like)], 0.05, 1000)
    >>> found.difference, found.lower > 0
    (1.0, True)
    """
    used = [one for one in batches if all(side.rows for side in one.sides)]
    weight = sum(one.weight for one in used)
    rows = sum(one.rows for one in used)
    if not weight:
        return Standing(rows, math.nan, -math.inf, math.inf, 1.0)
    total = sum(one.weight * one.difference for one in used)
    variance, counts = 0.0, math.inf
    for paired in (True, False):
        same = [one for one in used if (one.champion is None) is paired]
        for side, (spread, count) in enumerate(_spreads(same)):
            variance += spread * sum(one.weight**2 / one.sides[side].rows for one in same)
            counts = min(counts, count)
    known = (rows, total / weight)
    if counts < LEAST or variance <= 0:
        return Standing(*known, -math.inf, math.inf, 1.0, weight, variance, counts)
    rho = best_rho(variance / weight * tuned_to / 4, alpha)
    reach = boundary(variance, rho, alpha) / weight
    p_value = always_valid_p(total, variance, rho)
    return Standing(*known, known[1] - reach, known[1] + reach, p_value, weight, variance, counts)


def _spreads(batches: Sequence[Batch]) -> list[tuple[float, float]]:
    """`_spread` of each side; one that never varied, as a fixed price, counts as normal and varies as the other."""
    sides = list(zip(*(one.sides for one in batches), strict=True))
    found = [_spread(side, shares=all(one.shares for one in batches)) for side in sides]
    most = max((variance for variance, _ in found), default=0.0)
    lent = [(most, sum(one.rows for one in side) / _NORMAL) for side in sides]
    return [one if one[0] or not most else other for one, other in zip(found, lent, strict=True)]


def _spread(sides: Sequence[Moments], *, shares: bool) -> tuple[float, float]:
    """The variance of a row, over all batches, and rows over their kurtosis."""
    squares, fourth = sum(one.squares for one in sides), sum(one.fourth for one in sides)
    rows = sum(one.rows for one in sides)
    variance = squares / (rows - len(sides)) if rows > len(sides) else 0.0
    counts = squares * squares / fourth if fourth > 0 else 0.0
    if shares and counts < LEAST and rows >= 2 * LEAST:
        rarer = LEAST / rows
        return max(variance, rarer * (1 - rarer)), LEAST
    return variance, counts


def rows_needed(found: Standing, effect: float, alpha: float, tuned_to: int) -> int:
    """About how many rows the interval needs until it reaches no farther than `effect`; 0 where nothing tells yet.

    >>> like = Moments(100, 0.0, 100.0, 300.0)
    >>> one = standing([Batch(like, like)], 0.05, 1000)
    >>> 900 < rows_needed(one, 0.2, 0.05, 1000) < 1_000
    True
    """
    if not found.weight or not found.variance > 0 or effect <= 0:
        return 0
    each = found.variance / found.weight
    rho = best_rho(each * tuned_to / 4, alpha)
    low, high = found.weight / found.rows, 1e12
    for _ in range(80):
        middle = math.sqrt(low * high)
        low, high = (low, middle) if boundary(each * middle, rho, alpha) / middle <= effect else (middle, high)
    least = found.rows * LEAST / found.counts if found.counts else 0.0
    return math.ceil(max(high * found.rows / found.weight, least))


def split_p_value(count: int, rows: int, share: float) -> float:
    """How probable it is, without a fault in the split, that one side *ever* gets so far from its share of the rows.

    One over the Bayes factor of a share that is not known, Beta distributed about the one that is asked for, against
    that one: a martingale where the split is right, so that looking often makes no false alarm (Ville's inequality;
    Lindon and Malek, Anytime-valid inference for multinomial count data, NeurIPS 2022). Rows have to be split each by
    itself: of people who ask often and stay on their side, counts scatter more than this knows.

    Args:
        count: rows of the side.
        rows: of both.
        share: that the side should get, between 0 and 1.

    >>> round(split_p_value(500, 1000, 0.5), 3), split_p_value(400, 1000, 0.5) < 1e-6
    (1.0, True)
    """
    a, b = _SPLIT_ROWS * share, _SPLIT_ROWS * (1 - share)
    factor = _log_beta(a + count, b + rows - count) - _log_beta(a, b)
    factor -= count * math.log(share) + (rows - count) * math.log1p(-share)
    return min(1.0, math.exp(-factor))


_SPLIT_ROWS: Final = 100.0
"""Rows that the share which is asked for counts as: faults of about a tenth of the rows are found soonest."""


def _log_beta(a: float, b: float) -> float:
    return math.lgamma(a) + math.lgamma(b) - math.lgamma(a + b)
