"""The evidence keeps its level without drift, however skewed or sparse the bins."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from modelspan_analyzer.statistics.g_test import g_test
from modelspan_analyzer.statistics.mann_whitney import mann_whitney
from modelspan_analyzer.statistics.two_proportions import conditional_rate_test
from modelspan_analyzer.verdicts.evidence import drift_p_values
from modelspan_analyzer.verdicts.rule import FeatureCounts
from modelspan_analyzer.verdicts.tables import tables_of

SHARES = {
    "quantile bins and a null bin": np.append(np.full(10, 0.098), 0.02),
    "one dominant category": np.array([0.92, 0.05, 0.02, 0.006, 0.004]),
    "many rare categories": np.concatenate([[0.5, 0.3, 0.1], np.full(50, 0.002)]),
}


def p_values(pairs, ordered_bins=0):
    """The combined p-values of pairs of counts."""
    return drift_p_values(tables_of([FeatureCounts("x", b, c, ordered_bins) for b, c in pairs]))


@pytest.mark.parametrize("shares", SHARES.values(), ids=SHARES)
@pytest.mark.parametrize("rows", [50, 1000])
def test_p_values_keep_their_level_without_drift(shares, rows):
    """Among 20,000 pairs of samples without drift at most 1 % (and its noise) have p below 1 %."""
    generator = np.random.default_rng(20)
    pairs = zip(generator.multinomial(5000, shares, 20_000), generator.multinomial(rows, shares, 20_000), strict=True)
    ordered = 10 if shares.size == 11 else 0
    found = p_values(list(pairs), ordered)
    for level in (0.05, 0.01, 0.001):
        allowed = stats.binom.isf(1e-4, found.size, level)
        assert np.sum(found <= level) <= allowed


def test_filled_unordered_bins_alone_give_the_g_test():
    """With enough rows in all bins and no order, the evidence is the likelihood-ratio test itself."""
    baseline, current = [400, 300, 300], [60, 20, 30]
    assert p_values([(baseline, current)])[0] == pytest.approx(g_test(baseline, current, williams=True).p_value)


def test_ordered_bins_take_the_lesser_of_two_tests_twice():
    """Order adds the rank-sum test, and the doubling keeps the level."""
    baseline, current = np.array([300, 300, 300]), np.array([20, 30, 50])
    ranks = mann_whitney([1, 2, 3], [1, 2, 3], baseline, current, continuity=False)
    expected = 2 * min(ranks.p_value, g_test(baseline, current, williams=True).p_value)
    assert p_values([(baseline, current)], 3)[0] == pytest.approx(expected)


def test_sparse_bin_is_judged_by_the_conditional_test():
    """One empty bin filling up is judged exactly, beside the G-test on the rest."""
    baseline, current = [5000, 5000, 0], [50, 45, 5]
    exact = conditional_rate_test(0, 10_000, 5, 100).p_value
    assert p_values([(baseline, current)])[0] == pytest.approx(2 * exact)


@given(st.lists(st.tuples(st.integers(0, 500), st.integers(0, 500)), min_size=1, max_size=12), st.integers(0, 12))
@settings(max_examples=200, deadline=None)
def test_p_values_are_probabilities_and_do_not_depend_on_the_side(bins, ordered):
    """Any counts give a p-value in 0 to 1, the same whichever sample is called the baseline."""
    baseline, current = np.array(bins, dtype=float).T + 0.0
    if baseline.sum() == 0 or current.sum() == 0:
        return
    ordered = min(ordered, baseline.size)
    there, back = p_values([(baseline, current)], ordered)[0], p_values([(current, baseline)], ordered)[0]
    assert 0 <= there <= 1
    assert there == pytest.approx(back, rel=1e-6, abs=1e-12)


def test_counts_from_sketches_keep_their_level_too():
    """Ranks off by a sketch's error look like drift at 100,000 rows, unless the evidence knows of the error."""
    generator = np.random.default_rng(3)
    error = 1 / 400 + 1 / 800
    pairs = []
    for _ in range(2000):
        # Quantile bins: the sketch claims a tenth of the baseline each, and is wrong by up to its error at each edge.
        true = np.diff(np.concatenate([[0], np.arange(1, 10) / 10 + generator.uniform(-error, error, 9), [1]]))
        pairs.append((np.full(10, 10_000), generator.multinomial(100_000, true)))
    told = drift_p_values(tables_of([FeatureCounts("x", b, c, 10, rank_error=error) for b, c in pairs]))
    assert np.mean(p_values(pairs, 10) < 0.001) > 0.5
    assert np.mean(told < 0.001) <= 0.003
