"""Without drift PSI and Jensen-Shannon distance follow the scaled chi-squared variables that verdicts take off."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from modelspan_analyzer.statistics.jensen_shannon import jensen_shannon_distance
from modelspan_analyzer.statistics.null_distribution import jensen_shannon_scale, psi_scale
from modelspan_analyzer.statistics.psi import psi

BINS, ROWS = 10, (20_000, 1000)


@pytest.fixture(scope="module")
def pairs():
    """4,000 pairs of samples of one distribution over ten even bins, shape (2, 4000, bins)."""
    generator = np.random.default_rng(0)
    return [generator.multinomial(rows, np.full(BINS, 1 / BINS), size=4000).astype(float) for rows in ROWS]


def test_psi_has_the_mean_and_spread_of_the_scaled_chi_squared(pairs):
    """Yurdakul and Naranjo (2020): mean (1/n + 1/m)(B - 1), variance 2 (1/n + 1/m)² (B - 1)."""
    scale, values = psi_scale(*ROWS), psi(*pairs)
    assert values.mean() == pytest.approx(scale * (BINS - 1), rel=0.03)
    assert values.std() == pytest.approx(scale * np.sqrt(2 * (BINS - 1)), rel=0.06)


def test_their_tails_are_those_of_the_scaled_chi_squared(pairs):
    """Five percent of PSI and of squared Jensen-Shannon distances without drift exceed the scaled 5 % quantile."""
    quantile = stats.chi2(BINS - 1).isf(0.05)
    assert np.mean(psi(*pairs) > psi_scale(*ROWS) * quantile) == pytest.approx(0.05, abs=0.014)
    beyond = jensen_shannon_distance(*pairs) ** 2 > jensen_shannon_scale(*ROWS) * quantile
    assert np.mean(beyond) == pytest.approx(0.05, abs=0.014)
