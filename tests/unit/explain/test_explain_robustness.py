"""The feature on which a model hangs is told, and a model that refuses missing values is too."""

from __future__ import annotations

import numpy as np

from modelspan_analyzer.explain.robustness import sensitivities


def test_a_feature_that_decides_everything_stands_out() -> None:
    """One standard deviation of the only feature moves predictions by one; missing values may be refused."""
    rows = np.random.default_rng(0).normal(size=(400, 2))

    def predict(given: np.ndarray) -> np.ndarray:
        if np.isnan(given[:, 1]).any():
            raise ValueError("no NaN here")
        return np.nan_to_num(given[:, 0]) * 3

    first, second = sensitivities(predict, rows, np.array([False, False]), 10)
    np.testing.assert_allclose(first.shifted, 1.0, rtol=1e-9)
    assert 0.7 < first.missing < 0.9
    assert second.shifted == 0.0
    assert np.isnan(second.missing)
    assert list(sensitivities(predict, rows, np.array([False, False]), -1)) == []
