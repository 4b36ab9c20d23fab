"""Without drift PSI and Jensen-Shannon distance follow the distributions that the p-values take for granted."""

from __future__ import annotations

import numpy as np
import pytest

from modelspan_analyzer.statistics.jensen_shannon import jensen_shannon_distance
from modelspan_analyzer.statistics.null_distribution import (
    bootstrap_null,
    bootstrap_p_value,
    jensen_shannon_critical_value,
    jensen_shannon_p_value,
    psi_critical_value,
    psi_p_value,
    psi_scale,
)
from modelspan_analyzer.statistics.psi import psi

BINS, REFERENCE, CURRENT = 10, np.full(10, 2000.0), np.full(10, 100.0)
SIZES = REFERENCE.sum(), CURRENT.sum()


@pytest.fixture(scope="module")
def psi_values():
    """PSI of 4,000 pairs of samples without drift."""
    return bootstrap_null(psi, REFERENCE, CURRENT, draws=4000)


def test_psi_has_the_mean_and_spread_of_the_scaled_chi_squared(psi_values):
    """Yurdakul and Naranjo (2020): mean (1/n + 1/m)(B - 1), variance 2 (1/n + 1/m)² (B - 1)."""
    scale = psi_scale(*SIZES)
    assert psi_values.mean() == pytest.approx(scale * (BINS - 1), rel=0.03)
    assert psi_values.std() == pytest.approx(scale * np.sqrt(2 * (BINS - 1)), rel=0.06)


def test_critical_values_are_exceeded_as_often_as_they_say(psi_values):
    """Five percent of PSI and of Jensen-Shannon values without drift exceed the 5 % critical value."""
    assert np.mean(psi_values > psi_critical_value(0.05, *SIZES, BINS)) == pytest.approx(0.05, abs=0.014)
    distances = bootstrap_null(jensen_shannon_distance, REFERENCE, CURRENT, draws=4000)
    critical = jensen_shannon_critical_value(0.05, *SIZES, BINS)
    assert np.mean(distances > critical) == pytest.approx(0.05, abs=0.014)


def test_p_values_invert_critical_values():
    """The p-value of a critical value is its level; one bin can show nothing."""
    for level in (0.5, 0.05, 1e-6):
        assert psi_p_value(psi_critical_value(level, 300, 900, 7), 300, 900, 7) == pytest.approx(level)
        critical = jensen_shannon_critical_value(level, 300, 900, 7, base=np.e)
        assert jensen_shannon_p_value(critical, 300, 900, 7, base=np.e) == pytest.approx(level)
    assert psi_p_value(0.0, 10, 10, 1) == 1.0
    assert psi_critical_value(0.05, 10, 10, 1) == 0.0


def test_published_example_of_fixed_thresholds():
    """A PSI of 0.1 is far beyond chance at 10,000 rows and well within it at 100, in ten bins."""
    assert psi_p_value(0.1, 10_000, 10_000, 10) < 1e-50
    assert psi_p_value(0.1, 100, 100, 10) == pytest.approx(0.834, abs=0.001)


def test_bootstrap_p_value_is_exact_for_few_rows():
    """Equal counts have p 1; shares that no draw reaches have the least p possible, 1 / (draws + 1)."""
    assert bootstrap_p_value(psi, [5, 5, 5], [5, 5, 5], draws=200) == 1.0
    assert bootstrap_p_value(psi, [60, 0], [0, 60], draws=199) == pytest.approx(1 / 200)
