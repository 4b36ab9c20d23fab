"""Two shares compared: tests, and the confidence interval of a share."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from modelspan_analyzer.statistics.counts import Floats
from modelspan_analyzer.statistics.g_test import g_test
from modelspan_analyzer.statistics.special import betainc, ndtri
from modelspan_analyzer.statistics.types import TestResult, TestResults


class Interval(NamedTuple):
    """A closed confidence interval."""

    lower: float
    upper: float


def conditional_rate_test(successes_1: float, n_1: float, successes_2: float, n_2: float) -> TestResult:
    """Two-sided test that two rare events are equally frequent, valid for any counts, even 0.

    Given the total number of events, those of sample 2 are binomial with share n2 / (n1 + n2) (Przyborowski and
    Wilenski 1940); twice the smaller tail. Statistic: the ratio of the rates (infinite when only sample 2 has any,
    1 when neither has). Conservative for shares, whose given-the-total distribution is narrower (Hoeffding 1963).

    >>> round(conditional_rate_test(0, 10, 3, 10).p_value, 6)
    0.25
    """
    return conditional_rate_tests(successes_1, n_1, successes_2, n_2).single()


def conditional_rate_tests(
    successes_1: ArrayLike, n_1: ArrayLike, successes_2: ArrayLike, n_2: ArrayLike
) -> TestResults:
    """The same of arrays, whose shapes broadcast."""
    first, rows_1, second, rows_2 = (np.asarray(given, np.float64) for given in (successes_1, n_1, successes_2, n_2))
    _check(first, rows_1)
    _check(second, rows_2)
    share = rows_2 / (rows_1 + rows_2)
    with np.errstate(divide="ignore", invalid="ignore"):
        at_least = np.where(second > 0, betainc(second, first + 1.0, share), 1.0)
        at_most = np.where(first > 0, 1.0 - betainc(second + 1.0, first, share), 1.0)
        ratio = np.where(first + second > 0, (second / rows_2) / (first / rows_1), 1.0)
    return TestResults(ratio, np.minimum(2.0 * np.minimum(at_least, at_most), 1.0))


def two_share_test(successes_1: float, n_1: float, successes_2: float, n_2: float) -> TestResult:
    """Two-sided test that two shares are equal, by the test whose tail is true for these counts.

    Where every cell expects five rows or more: the likelihood-ratio test (Williams' correction); its tail is true where
    the z-test's is too small for shares near 0 or 1. Else the conditional test of the rarer outcome.
    """
    _check(successes_1, n_1)
    _check(successes_2, n_2)
    successes, rows = successes_1 + successes_2, n_1 + n_2
    if min(successes, rows - successes) * min(n_1, n_2) / rows >= 5.0:
        return g_test([successes_1, n_1 - successes_1], [successes_2, n_2 - successes_2], williams=True)
    if successes > rows / 2.0:
        return conditional_rate_test(n_1 - successes_1, n_1, n_2 - successes_2, n_2)
    return conditional_rate_test(successes_1, n_1, successes_2, n_2)


def wilson_interval(successes: float, n: float, confidence: float = 0.95) -> Interval:
    """Wilson's (1927) score interval of a share: inside 0 to 1, and informative at 0 and at n successes.

    >>> round(wilson_interval(0, 10).upper, 4)
    0.2775
    """
    _check(successes, n)
    z = float(ndtri(0.5 + confidence / 2.0))
    share, spread = successes / n, z * z / n
    centre = (share + spread / 2.0) / (1.0 + spread)
    half = z / (1.0 + spread) * math.sqrt(share * (1.0 - share) / n + spread / (4.0 * n))
    # At the ends rounding would leave 1e-17 instead of the exact bound.
    return Interval(
        0.0 if successes == 0 else max(0.0, centre - half), 1.0 if successes == n else min(1.0, centre + half)
    )


def _check(successes: float | Floats, n: float | Floats) -> None:
    if not np.all((np.asarray(n) > 0) & (np.asarray(successes) >= 0) & (np.asarray(successes) <= n)):
        raise ValueError(f"{successes} of {n} is no share, expected 0 <= successes <= n and n > 0")
