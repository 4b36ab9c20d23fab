"""Tilting gives a distribution another mean and keeps the rest of it as near as can be."""

from __future__ import annotations

import numpy as np
import pytest

from modelspan_analyzer.statistics.tilting import tilted


def test_a_normal_distribution_is_moved() -> None:
    """Its tilted form is the same one around the new mean (exponential families)."""
    values = np.random.default_rng(3).normal(10, 2, 50_000)
    weights = tilted(values, np.ones(values.size), 11.0)
    assert weights is not None
    assert weights.sum() == pytest.approx(values.size)
    assert np.average(values, weights=weights) == pytest.approx(11.0)
    assert np.average((values - 11.0) ** 2, weights=weights) ** 0.5 == pytest.approx(2.0, rel=0.03)


def test_a_poisson_distribution_becomes_that_of_the_new_mean() -> None:
    """Whole numbers stay whole, and their shares are those of the other rate."""
    values = np.random.default_rng(4).poisson(3.0, 50_000).astype(float)
    weights = tilted(values, np.ones(values.size), 3.6)
    assert weights is not None
    other = np.random.default_rng(5).poisson(3.6, 50_000)
    for count in range(8):
        assert weights[values == count].sum() / weights.sum() == pytest.approx(np.mean(other == count), abs=0.01)


@pytest.mark.parametrize("mean", [5.0, -1.0, 2.99999, float("nan")])
def test_a_mean_that_the_values_do_not_bear_is_refused(mean: float) -> None:
    """Beyond them, or on the few at their end."""
    assert tilted(np.linspace(0, 3, 1000), np.ones(1000), mean) is None


def test_one_value_has_one_mean() -> None:
    """A constant is what it is, or nothing."""
    assert tilted([2.0, 2.0], [1.0, 3.0], 2.0) is not None
    assert tilted([2.0, 2.0], [1.0, 3.0], 2.1) is None
