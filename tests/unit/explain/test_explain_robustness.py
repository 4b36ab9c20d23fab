"""The feature on which a model hangs is told, and a model that refuses missing values is too."""

from __future__ import annotations

import numpy as np

from modelspan_analyzer.monitors.attribution.robustness import sensitivities


def test_a_feature_that_decides_everything_stands_out() -> None:
    """One standard deviation of the only feature moves predictions by one; missing values may be refused."""
    rows = np.random.default_rng(0).normal(size=(400, 2))

    def predict(given: np.ndarray) -> np.ndarray:
        if np.isnan(given[:, 1]).any():
            raise ValueError("no NaN here")
        return np.nan_to_num(given[:, 0]) * 3

    first, second = (now for now, _ in sensitivities(predict, rows, rows, np.array([False, False]), 10))
    np.testing.assert_allclose(first.shifted.mean, 1.0, rtol=1e-9)
    np.testing.assert_allclose(first.shifted.error, 0.0, atol=1e-9)
    assert 0.7 < first.missing.mean < 0.9
    assert second.shifted.mean == 0.0
    assert np.isnan(second.missing.mean)
    assert list(sensitivities(predict, rows, rows, np.array([False, False]), -1)) == []


def test_both_sides_are_measured_in_the_baselines_unit() -> None:
    """Rows where the model is twice as steep move by two of the baseline's deviations, which move by one."""
    before = np.random.default_rng(1).normal(size=(500, 1))
    after = np.abs(before) + 10

    def predict(given: np.ndarray) -> np.ndarray:
        values = np.nan_to_num(given[:, 0])
        return np.where(values > 5, 2 * values, values)

    ((now, base),) = sensitivities(predict, after, before, np.array([False]), 10)
    np.testing.assert_allclose(base.shifted.mean, 1.0, rtol=1e-9)
    np.testing.assert_allclose(now.shifted.mean, 2.0, rtol=1e-9)
