"""Bins pinned on a baseline: where the rules cut, and that every row is counted once."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modelspan_analyzer.statistics.binning import (
    count_in_bins,
    count_in_categories,
    doane_cut_points,
    equal_width_cut_points,
    freedman_diaconis_cut_points,
    pinned_categories,
    quantile_cut_points,
    sturges_cut_points,
)

few = settings(max_examples=30, deadline=None)
RULES = {"sturges": sturges_cut_points, "doane": doane_cut_points, "fd": freedman_diaconis_cut_points}
rows = st.lists(st.floats(-1e6, 1e6) | st.just(float("nan")), min_size=1, max_size=50)


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("family", ["normal", "exponential", "integers"])
def test_equal_width_rules_cut_where_numpy_cuts(rule, family):
    """Sturges, Doane and Freedman-Diaconis give numpy's histogram, and nothing outside it on the baseline."""
    generator = np.random.default_rng(3)
    sample = {
        "normal": generator.normal(size=700),
        "exponential": generator.exponential(size=700),
        "integers": generator.integers(0, 500, size=700).astype(float),
    }[family]
    counts = count_in_bins(sample, RULES[rule](sample))
    assert counts[0] == counts[-2] == counts[-1] == 0
    assert counts[1:-2] == pytest.approx(np.histogram(sample, bins=rule)[0])


def test_quantile_bins_hold_equal_shares():
    """Ten bins of a hundred rows each; a value that fills several quantiles keeps one bin."""
    counts = count_in_bins(np.arange(1000.0), quantile_cut_points(np.arange(1000.0)))
    assert counts == pytest.approx([100.0] * 10 + [0.0])
    assert quantile_cut_points([0.0] * 95 + [1.0] * 5) == pytest.approx([0.0])


@few
@given(baseline=rows, current=rows)
def test_every_row_is_counted_once(baseline, current):
    """No row falls between bins, outside them, or is lost for being null."""
    if np.all(np.isnan(baseline)):
        return
    for cut_points in (quantile_cut_points(baseline), *(rule(baseline) for rule in RULES.values())):
        assert np.all(np.diff(cut_points) > 0)
        counts = count_in_bins(current, cut_points)
        assert counts.sum() == len(current)
        assert counts[-1] == np.isnan(current).sum()


def test_weights_outside_and_null():
    """Weights add up; what lies outside the baseline's range and what is null have their own bins."""
    cut_points = equal_width_cut_points(0.0, 1.0, 2)
    counts = count_in_bins([-5.0, 0.0, 0.4, 0.5, 1.0, 7.0, np.nan], cut_points, [1, 2, 3, 4, 5, 6, 7])
    assert counts == pytest.approx([1, 5, 9, 6, 7])


def test_constant_and_heavy_tailed_baselines():
    """A constant baseline gets one bin of its own; a tail that asks for millions of bins gets a thousand."""
    assert count_in_bins([2.0, 2.0, 3.0], sturges_cut_points([2.0] * 4))[[0, -2]] == pytest.approx([0, 1])
    heavy = np.append(np.random.default_rng(0).normal(size=999), 1e12)
    assert freedman_diaconis_cut_points(heavy).size == 1001
    with pytest.raises(ValueError, match="no finite value"):
        quantile_cut_points([np.nan])


def test_categories_keep_the_frequent_and_merge_the_rest():
    """Ties go by name; what is not pinned is "other"; nulls come last."""
    categories = pinned_categories({"b": 5, "a": 5, "c": 9, "d": 1}, most=3)
    assert categories == ["c", "a", "b"]
    assert count_in_categories({"a": 2, "d": 3, "new": 4}, categories, 6) == pytest.approx([0, 2, 0, 7, 6])
