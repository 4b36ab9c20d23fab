"""The rules by which other tools bin are theirs: where we compare with them, it is on their own terms."""

from __future__ import annotations

import numpy as np
import pytest
from peer_rules import count_in_bins, doane_cut_points, equal_width_cut_points, sturges_cut_points

RULES = {"sturges": sturges_cut_points, "doane": doane_cut_points}


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("family", ["normal", "exponential", "integers"])
def test_equal_width_rules_cut_where_numpy_cuts(rule, family):
    """Sturges and Doane give numpy's histogram, and nothing outside it on the baseline."""
    generator = np.random.default_rng(3)
    sample = {
        "normal": generator.normal(size=700),
        "exponential": generator.exponential(size=700),
        "integers": generator.integers(0, 500, size=700).astype(float),
    }[family]
    counts = count_in_bins(sample, RULES[rule](sample))
    assert counts[0] == counts[-2] == counts[-1] == 0
    assert counts[1:-2] == pytest.approx(np.histogram(sample, bins=rule)[0])


def test_weights_outside_and_null():
    """Weights add up; what lies outside the baseline's range and what is null have their own bins."""
    cut_points = equal_width_cut_points(0.0, 1.0, 2)
    counts = count_in_bins([-5.0, 0.0, 0.4, 0.5, 1.0, 7.0, np.nan], cut_points, [1, 2, 3, 4, 5, 6, 7])
    assert counts == pytest.approx([1, 5, 9, 6, 7])
