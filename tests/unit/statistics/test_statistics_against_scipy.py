"""Every measure that scipy has equals scipy's to 1e-9, with and without ties."""

from __future__ import annotations

import math
import warnings

import numpy as np
import pytest
from scipy import stats
from scipy.spatial import distance

from modelspan_analyzer.statistics.anderson_darling import anderson_darling
from modelspan_analyzer.statistics.binomial import binomial_tail
from modelspan_analyzer.statistics.chi_squared import chi_squared
from modelspan_analyzer.statistics.cramer_von_mises import cramer_von_mises
from modelspan_analyzer.statistics.energy import energy_distance
from modelspan_analyzer.statistics.g_test import g_test
from modelspan_analyzer.statistics.jensen_shannon import jensen_shannon_distance
from modelspan_analyzer.statistics.kolmogorov_smirnov import (
    kolmogorov_smirnov,
    kolmogorov_smirnov_p_value,
    kolmogorov_smirnov_p_values,
)
from modelspan_analyzer.statistics.kullback_leibler import kullback_leibler_divergence
from modelspan_analyzer.statistics.mann_whitney import mann_whitney
from modelspan_analyzer.statistics.multiple_testing import adjusted_p_values
from modelspan_analyzer.statistics.two_proportions import (
    conditional_rate_test,
    wilson_interval,
)
from modelspan_analyzer.statistics.wasserstein import wasserstein_distance

EXACT = {"abs": 1e-9, "rel": 1e-9}
CASES = [
    (seed, n, m, digits) for seed, (n, m) in enumerate([(12, 19), (50, 400), (3000, 1000)]) for digits in (0, 1, 9)
]


@pytest.fixture(params=CASES, ids=lambda case: f"{case[1]} against {case[2]} rows, {case[3]} digits")
def samples(request):
    """Two samples, the second a little shifted and wider; few digits give ties."""
    seed, n, m, digits = request.param
    generator = np.random.default_rng(seed)
    return generator.normal(size=n).round(digits), generator.normal(0.1, 1.2, size=m).round(digits)


@pytest.fixture(params=range(6))
def counts(request):
    """Two samples' counts over a number of bins, no bin empty on both sides, some on one."""
    generator = np.random.default_rng(request.param)
    shares = generator.dirichlet(np.ones(3 + 2 * request.param))
    pair = generator.multinomial(300, shares), generator.multinomial(170, shares)
    return tuple(side[pair[0] + pair[1] > 0] for side in pair)


def test_distances_on_values(samples):
    """Wasserstein and energy distance."""
    assert wasserstein_distance(*samples) == pytest.approx(stats.wasserstein_distance(*samples), **EXACT)
    assert energy_distance(*samples) == pytest.approx(stats.energy_distance(*samples), **EXACT)


def test_distances_on_weighted_values(samples):
    """Wasserstein and energy distance with weights."""
    first, second = samples
    weights = np.linspace(1, 2, first.size), np.linspace(3, 1, second.size)
    for ours, theirs in ((wasserstein_distance, stats.wasserstein_distance), (energy_distance, stats.energy_distance)):
        assert ours(first, second, *weights) == pytest.approx(theirs(first, second, *weights), **EXACT)


@pytest.mark.parametrize("sizes", [(1, 1), (7, 5), (60, 60), (333, 167), (900, 500)])
def test_p_values_of_many_columns_together_are_those_of_each_alone(sizes):
    """From no distance at all to the greatest, whatever statistics the others have."""
    n, m = sizes
    statistics = np.unique(np.linspace(0, n * m, 90).astype(int)) / (n * m)
    together = kolmogorov_smirnov_p_values(statistics, n, m)
    np.testing.assert_array_equal(together, [kolmogorov_smirnov_p_value(one, n, m) for one in statistics])
    assert together[0] == 1.0


def test_rank_tests(samples):
    """Kolmogorov-Smirnov, Mann-Whitney and Cramér-von Mises: statistic and p-value."""
    first, second = samples
    ours = kolmogorov_smirnov(first, second, n_reference=first.size, n_current=second.size)
    theirs = stats.ks_2samp(first, second, method="exact" if first.size + second.size <= 1000 else "asymp")
    assert ours == pytest.approx((theirs.statistic, theirs.pvalue), **EXACT)
    theirs = stats.mannwhitneyu(first, second, method="asymptotic")
    assert mann_whitney(first, second) == pytest.approx((theirs.statistic, theirs.pvalue), **EXACT)
    theirs = stats.cramervonmises_2samp(first, second, method="asymptotic")
    # scipy cuts its series off, which leaves up to 1e-7 on p-values that are far smaller.
    tolerance = {"abs": 1e-6} if theirs.pvalue < 1e-5 else EXACT
    assert cramer_von_mises(first, second).statistic == pytest.approx(theirs.statistic, **EXACT)
    assert cramer_von_mises(first, second).p_value == pytest.approx(theirs.pvalue, **tolerance)


def test_anderson_darling(samples):
    """Statistic, and p-value within the table."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = stats.anderson_ksamp(list(samples))
        expected = theirs.statistic, theirs.pvalue
    assert anderson_darling(*samples) == pytest.approx(expected, **EXACT)


def test_tests_on_counts(counts):
    """Pearson's and the likelihood-ratio test."""
    first, second = counts
    for ours, kind in ((chi_squared, "pearson"), (g_test, "log-likelihood")):
        theirs = stats.chi2_contingency(counts, correction=False, lambda_=kind)
        assert ours(first, second) == pytest.approx((theirs.statistic, theirs.pvalue), **EXACT)


def test_yates_correction():
    """Two bins with the continuity correction."""
    theirs = stats.chi2_contingency([[12, 30], [20, 25]], correction=True)
    assert chi_squared([12, 30], [20, 25], continuity=True) == pytest.approx((theirs.statistic, theirs.pvalue), **EXACT)


def test_divergences(counts):
    """Jensen-Shannon in two bases, Kullback-Leibler where no bin is empty."""
    for base in (2.0, math.e):
        expected = distance.jensenshannon(*counts, base=base)
        assert jensen_shannon_distance(*counts, base=base) == pytest.approx(expected, **EXACT)
    filled = counts[0] + 1, counts[1] + 1
    assert kullback_leibler_divergence(*filled) == pytest.approx(stats.entropy(*filled), **EXACT)
    assert kullback_leibler_divergence(*filled, base=2) == pytest.approx(stats.entropy(*filled, base=2), **EXACT)


@pytest.mark.parametrize("table", [(3, 50, 9, 60), (0, 40, 6, 45), (20, 20, 7, 8)])
def test_rates(table):
    """The conditional test is binomial; Wilson's interval is scipy's."""
    k, n, j, m = table
    binomial = stats.binom(k + j, m / (n + m))
    expected = min(1.0, 2 * min(binomial.sf(j - 1), binomial.cdf(j)))
    assert conditional_rate_test(k, n, j, m).p_value == pytest.approx(expected, **EXACT)
    theirs = stats.binomtest(k, n).proportion_ci(method="wilson")
    assert wilson_interval(k, n) == pytest.approx((theirs.low, theirs.high), **EXACT)


def test_adjusted_p_values():
    """Benjamini-Hochberg and -Yekutieli equal scipy's, Holm and Bonferroni a hand computation."""
    p = np.array([0.01, 0.02, 0.03, 0.5, 0.001])
    assert adjusted_p_values(p) == pytest.approx(stats.false_discovery_control(p), **EXACT)
    yekutieli = stats.false_discovery_control(p, method="by")
    assert adjusted_p_values(p, "benjamini_yekutieli") == pytest.approx(yekutieli, **EXACT)
    assert adjusted_p_values(p, "holm") == pytest.approx([0.04, 0.06, 0.06, 0.5, 0.005], **EXACT)
    assert adjusted_p_values(p, "bonferroni") == pytest.approx([0.05, 0.1, 0.15, 1.0, 0.005], **EXACT)
    assert adjusted_p_values(p, "none") == pytest.approx(p)
    with pytest.raises(ValueError, match="between 0 and 1"):
        adjusted_p_values([1.5])


@pytest.mark.parametrize("rows", [1, 7, 600, 20_000_000])
@pytest.mark.parametrize("share", [0.0, 0.01, 0.5, 1.0])
def test_binomial_tail(rows, share):
    """Of nothing, of few, of about as many as are expected, and of all."""
    events = np.unique([0, 1, rows // 100, rows // 2, rows - 1, rows])
    np.testing.assert_allclose(binomial_tail(events, rows, share), stats.binom.sf(events - 1, rows, share), rtol=1e-9)
