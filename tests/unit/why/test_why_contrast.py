"""The statistics behind "why", against hand-computed tables and scipy."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from modelspan_analyzer.why.contrast import (
    Weights,
    contrast,
    effective_size,
    false_discovery,
    phi,
    risk_ratio,
    two_proportions,
)


def weights(flagged, after=None):
    flagged = np.asarray(flagged, float)
    return Weights.split(
        flagged, 1 - flagged, np.ones(len(flagged), bool) if after is None else np.asarray(after, bool)
    )


def test_phi_is_the_correlation_of_two_properties():
    """Phi from a table equals Pearson's correlation of the two columns of 0 and 1."""
    rng = np.random.default_rng(1)
    flagged = rng.random(500) < 0.3
    shown = rng.random(500) < np.where(flagged, 0.7, 0.2)
    table = np.array([(shown & flagged).sum()], float), np.array([(shown & ~flagged).sum()], float)
    expected = np.corrcoef(shown, flagged)[0, 1]
    assert phi(*table, float(flagged.sum()), float((~flagged).sum())) == pytest.approx(expected)


def test_the_risk_ratio_and_its_interval_follow_katz():
    """A worked table of 30/100 against 10/100, half a count added to each cell."""
    ratio, lower, upper = risk_ratio(np.array([30.0]), np.array([70.0]), 40.0, 160.0, (40.0, 160.0))
    a, b, c, d = 30.5, 70.5, 10.5, 90.5
    error = np.sqrt(b / (a * (a + b)) + d / (c * (c + d)))
    expected = (a / (a + b)) / (c / (c + d))
    assert ratio == pytest.approx(expected)
    assert (lower[0], upper[0]) == pytest.approx((expected * np.exp(-1.96 * error), expected * np.exp(1.96 * error)))


def test_two_proportions_is_the_one_sided_z_test():
    """Close to scipy's chi-squared test without correction, halved for its one side."""
    p = two_proportions(np.array([0.30]), np.array([0.22]), 1000, 1000)
    both = stats.chi2_contingency([[300, 700], [220, 780]], correction=False).pvalue
    assert p == pytest.approx(both / 2, rel=0.05)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=40))
def test_false_discovery_is_scipys(p_values):
    """The adjusted p-values are those of scipy.stats.false_discovery_control."""
    assert false_discovery(np.array(p_values)) == pytest.approx(stats.false_discovery_control(p_values))


@given(st.lists(st.floats(0.01, 100), min_size=1, max_size=50))
def test_an_effective_size_is_at_most_the_number_of_rows(given_weights):
    """Equal weights count in full, unequal ones for less."""
    assert effective_size(np.array(given_weights)) <= len(given_weights) + 1e-6
    assert effective_size(np.full(7, 3.0)) == pytest.approx(7)


def test_what_was_always_so_has_no_share_in_the_excess():
    """A fact with twice the usual rate before and after the onset explains nothing of a rise that hits all alike."""
    rng = np.random.default_rng(2)
    n = 40_000
    after, mobile = rng.random(n) < 0.5, rng.random(n) < 0.4
    flagged = rng.random(n) < np.where(mobile, 0.04, 0.02) + 0.2 * after
    found = contrast(mobile[None, :].astype(np.float32), weights(flagged, after))
    assert abs(found.excess_share[0] - found.other_share[0]) < 0.03


def test_sampling_keeps_the_ratios():
    """Unflagged rows kept at one in ten, weighted by ten, give the same shares as all rows."""
    rng = np.random.default_rng(3)
    n = 200_000
    flagged = rng.random(n) < 0.02
    shown = rng.random(n) < np.where(flagged, 0.8, 0.1)
    kept = flagged | (rng.random(n) < 0.1)
    stands_for = np.where(flagged, 1.0, 10.0)[kept]
    sampled = Weights.split(flagged[kept] * stands_for, ~flagged[kept] * stands_for, np.ones(kept.sum(), bool))
    whole = contrast(shown[None, :].astype(np.float32), weights(flagged))
    part = contrast(shown[None, kept].astype(np.float32), sampled)
    assert part.other_share[0] == pytest.approx(whole.other_share[0], abs=0.01)
    assert part.risk_ratio[0] == pytest.approx(whole.risk_ratio[0], rel=0.1)
