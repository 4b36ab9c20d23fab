"""Measures of sorted samples against scipy, on ties, atoms, few values and unequal sizes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from modelspan_analyzer.statistics.sorted_samples import kolmogorov_smirnov_of_sorted, wasserstein_of_sorted


def samples(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Two ascending samples of one of four shapes, some of the same size, some shifted."""
    rng = np.random.default_rng(seed)
    first, second = rng.integers(1, 700, 2)
    shape = (
        lambda size: rng.normal(size=size),
        lambda size: rng.integers(0, 5, size).astype(float),
        lambda size: np.round(rng.normal(size=size), 1),
        lambda size: np.where(rng.random(size) < 0.7, 0.0, rng.normal(size=size)),
    )[seed % 4]
    return np.sort(shape(first)), np.sort(shape(first if seed % 3 == 0 else second) + 0.3 * (seed % 2))


@given(st.integers(0, 2**32 - 1))
def test_both_measures_are_scipy_s(seed: int) -> None:
    """Looking at few points first loses nothing: the values are those of scipy, which looks at all."""
    reference, current = samples(seed)
    with np.errstate(divide="ignore"):  # scipy's p-value, which is not asked for, of one value against one
        statistic = stats.ks_2samp(reference, current, method="asymp").statistic
    assert kolmogorov_smirnov_of_sorted(reference, current) == pytest.approx(statistic, abs=1e-12)
    distance = stats.wasserstein_distance(reference, current)
    assert wasserstein_of_sorted(reference, current) == pytest.approx(distance, rel=1e-9, abs=1e-12)
