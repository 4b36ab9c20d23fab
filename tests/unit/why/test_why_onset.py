"""When a finding began, and which values are new."""

from __future__ import annotations

import numpy as np
import pytest

from modelspan_analyzer.why.onset import scan
from modelspan_analyzer.why.ratio import absent_weight, category_weights, excess_weights


@pytest.mark.parametrize(("first", "last"), [(60, 100), (30, 45)])
def test_the_stretch_with_the_higher_rate_is_found(first, last):
    """A rise from 2 % to 20 % is located to the bucket, with or without an end."""
    total = np.full(100, 500.0)
    rate = np.full(100, 0.02)
    rate[first:last] = 0.2
    found = scan(np.random.default_rng(1).binomial(500, rate).astype(float), total)
    assert found is not None
    assert (abs(found.first - first) <= 1, abs(found.last - last) <= 1) == (True, True)


def test_a_pause_before_or_after_is_not_part_of_the_stretch():
    """Nothing was predicted just before the rise nor just after it: it begins and ends with predictions."""
    total = np.full(100, 500.0)
    flagged = np.full(100, 10.0)
    flagged[60:80] = 100.0
    total[50:60] = flagged[50:60] = total[80:90] = flagged[80:90] = 0.0
    found = scan(flagged, total)
    assert found is not None
    assert (found.first, found.last) == (60, 80)


@pytest.mark.parametrize("rate", [0.01, 0.1, 0.5])
def test_a_steady_rate_has_no_beginning(rate):
    """Chance alone is called an onset in less than one of a hundred streams."""
    streams = np.random.default_rng(1).binomial(300, rate, (300, 120)).astype(float)
    assert sum(scan(flagged, np.full(120, 300.0)) is not None for flagged in streams) <= 2


def test_equal_distributions_weigh_nothing():
    """Bins that differ by chance have weights near nought."""
    rng = np.random.default_rng(5)
    _, weights = excess_weights(rng.normal(size=20_000), rng.normal(size=20_000))
    assert weights.mean() < 0.01


def test_the_weights_add_up_to_the_part_that_is_new():
    """A fifth of the rows from far away weighs about a fifth."""
    rng = np.random.default_rng(6)
    current = np.concatenate((rng.normal(size=16_000), rng.normal(20, 1, size=4_000)))
    edges, weights = excess_weights(current, rng.normal(size=20_000))
    given_weight = weights[np.searchsorted(edges, current, side="right") - 1]
    assert given_weight.mean() == pytest.approx(0.2, abs=0.02)


def test_new_categories_weigh_one_and_vanished_ones_nothing():
    """An unseen value is new with certainty."""
    values, weights = category_weights(np.array(["a"] * 500 + ["z"] * 500), np.array(["a"] * 500 + ["b"] * 500))
    found = dict(zip(values.tolist(), weights.tolist(), strict=True))
    assert found["z"] > 0.95
    assert found["a"] == found["b"] == 0.0


def test_more_missing_values_than_before_weigh_by_their_excess():
    """From 1 % to 20 % missing: a missing value is new with probability 0.95, less its uncertainty."""
    current, baseline = np.zeros(10_000), np.zeros(10_000)
    current[:2000] = np.nan
    baseline[:100] = np.nan
    assert absent_weight(current, baseline) == pytest.approx(0.94, abs=0.02)
    assert absent_weight(baseline, current) == 0.0
