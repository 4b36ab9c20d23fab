"""The bounds of a measure computed from sketches hold for anything the sketch may have hidden."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from modelspan_analyzer.statistics.jensen_shannon import jensen_shannon_distance
from modelspan_analyzer.statistics.kolmogorov_smirnov import kolmogorov_smirnov
from modelspan_analyzer.statistics.psi import psi
from modelspan_analyzer.statistics.sketch_error import (
    jensen_shannon_bounds,
    kolmogorov_smirnov_bounds,
    psi_bounds,
    total_variation_bounds,
    wasserstein_bounds,
)
from modelspan_analyzer.statistics.total_variation import total_variation_distance
from modelspan_analyzer.statistics.wasserstein import wasserstein_distance

few = settings(max_examples=30, deadline=None)
ERROR = 0.005
counts = st.lists(st.integers(1, 1000), min_size=5, max_size=5)
nudges = st.lists(st.floats(-ERROR, ERROR), min_size=4, max_size=4)


def sketched(exact, nudge):
    """The counts that a sketch could give: every rank between bins moved by at most the error."""
    ranks = np.cumsum(exact)[:-1] / np.sum(exact) + np.array(nudge)
    shares = np.diff(np.concatenate([[0.0], ranks, [1.0]]))
    assume(np.all(shares > 0))
    return shares * np.sum(exact)


@pytest.mark.parametrize(
    ("measure", "bounds"),
    [
        (psi, psi_bounds),
        (jensen_shannon_distance, jensen_shannon_bounds),
        (total_variation_distance, total_variation_bounds),
    ],
)
@few
@given(reference=counts, current=counts, first=nudges, second=nudges)
def test_exact_value_lies_within_the_bounds_of_the_sketched_one(measure, bounds, reference, current, first, second):
    """Whatever the sketches made of the ranks, the bounds hold the exact value and the sketched one."""
    seen = sketched(reference, first), sketched(current, second)
    found = bounds(*seen, ERROR, ERROR)
    assert found.lower - 1e-9 <= measure(reference, current) <= found.upper + 1e-9
    assert found.lower - 1e-9 <= measure(*seen) <= found.upper + 1e-9


def test_bounds_close_on_the_value_without_error():
    """Exact counts leave no room; a bin that may be empty leaves PSI unbounded above."""
    pair = [50, 30, 20], [20, 30, 50]
    assert psi_bounds(*pair, 0.0, 0.0) == pytest.approx((float(psi(*pair)), float(psi(*pair))))
    assert psi_bounds([99, 1], [98, 2], ERROR, ERROR).upper == math.inf


def test_quantile_grids_keep_values_within_the_bounds():
    """A grid of 200 quantiles is a sketch of rank error 1/400: KS and Wasserstein keep to their bounds."""
    generator = np.random.default_rng(5)
    first, second = generator.normal(size=5000), generator.normal(0.3, size=4000)
    levels = (np.arange(200) + 0.5) / 200
    grids = np.quantile(first, levels), np.quantile(second, levels)
    sizes = {"n_reference": 5000, "n_current": 4000}
    ranks = 1 / 400 + 1 / 4000
    bounds = kolmogorov_smirnov_bounds(kolmogorov_smirnov(*grids, **sizes).statistic, ranks, ranks)
    assert bounds.lower <= kolmogorov_smirnov(first, second, **sizes).statistic <= bounds.upper
    ends = min(first.min(), second.min()), max(first.max(), second.max())
    bounds = wasserstein_bounds(wasserstein_distance(*grids), ranks, ranks, *ends)
    assert bounds.lower <= wasserstein_distance(first, second) <= bounds.upper
