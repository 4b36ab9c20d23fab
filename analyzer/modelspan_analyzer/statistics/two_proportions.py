"""Two shares compared: test, and confidence intervals of a share and of a difference of shares."""

from __future__ import annotations

import math
from typing import NamedTuple

from scipy.special import betainc, ndtr, ndtri

from modelspan_analyzer.statistics.g_test import g_test
from modelspan_analyzer.statistics.types import TestResult


class Interval(NamedTuple):
    """A closed confidence interval."""

    lower: float
    upper: float


def two_proportion_test(successes_1: float, n_1: float, successes_2: float, n_2: float) -> TestResult:
    """Two-sided z-test that two shares are equal, with the pooled variance and no continuity correction.

    Statistic: (share 2 - share 1) / sqrt(p·(1 - p)·(1/n1 + 1/n2)); its square is Pearson's chi-squared of the 2 × 2
    table. 0 and p-value 1 when both shares are 0 or both 1. Raises `ValueError` for impossible counts.
    """
    _check(successes_1, n_1)
    _check(successes_2, n_2)
    pooled = (successes_1 + successes_2) / (n_1 + n_2)
    variance = pooled * (1.0 - pooled) * (1.0 / n_1 + 1.0 / n_2)
    if variance == 0:
        return TestResult(0.0, 1.0)
    z = (successes_2 / n_2 - successes_1 / n_1) / math.sqrt(variance)
    return TestResult(z, float(2.0 * ndtr(-abs(z))))


def conditional_rate_test(successes_1: float, n_1: float, successes_2: float, n_2: float) -> TestResult:
    """Two-sided test that two rare events are equally frequent, valid for any counts, even 0.

    Given the total number of events, those of sample 2 are binomial with share n2 / (n1 + n2) (Przyborowski and
    Wilenski 1940); twice the smaller tail. Statistic: the ratio of the rates (infinite when only sample 2 has any,
    1 when neither has). Conservative for shares, whose given-the-total distribution is narrower (Hoeffding 1963).
    """
    _check(successes_1, n_1)
    _check(successes_2, n_2)
    events, share = successes_1 + successes_2, n_2 / (n_1 + n_2)
    if events == 0:
        return TestResult(1.0, 1.0)
    at_least = float(betainc(successes_2, successes_1 + 1.0, share)) if successes_2 > 0 else 1.0
    at_most = 1.0 - float(betainc(successes_2 + 1.0, successes_1, share)) if successes_1 > 0 else 1.0
    ratio = (successes_2 / n_2) / (successes_1 / n_1) if successes_1 > 0 else math.inf
    return TestResult(ratio, min(1.0, 2.0 * min(at_least, at_most)))


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
    """Wilson's (1927) score interval of a share: inside 0 to 1, and informative at 0 and at n successes."""
    _check(successes, n)
    z = float(ndtri(0.5 + confidence / 2.0))
    share, spread = successes / n, z * z / n
    centre = (share + spread / 2.0) / (1.0 + spread)
    half = z / (1.0 + spread) * math.sqrt(share * (1.0 - share) / n + spread / (4.0 * n))
    # At the ends rounding would leave 1e-17 instead of the exact bound.
    return Interval(
        0.0 if successes == 0 else max(0.0, centre - half), 1.0 if successes == n else min(1.0, centre + half)
    )


def newcombe_interval(
    successes_1: float, n_1: float, successes_2: float, n_2: float, confidence: float = 0.95
) -> Interval:
    """Newcombe's (1998, method 10) interval of share 2 - share 1, built of the two Wilson intervals."""
    first, second = wilson_interval(successes_1, n_1, confidence), wilson_interval(successes_2, n_2, confidence)
    share_1, share_2 = successes_1 / n_1, successes_2 / n_2
    difference = share_2 - share_1
    return Interval(
        difference - math.hypot(share_2 - second.lower, first.upper - share_1),
        difference + math.hypot(second.upper - share_2, share_1 - first.lower),
    )


def _check(successes: float, n: float) -> None:
    if not (n > 0 and 0 <= successes <= n):
        raise ValueError(f"{successes} of {n} is no share, expected 0 <= successes <= n and n > 0")
