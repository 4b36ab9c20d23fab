"""Learnt normal ranges, peers' presets, and the test of two shares."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from modelspan_analyzer.results import Verdict
from modelspan_analyzer.statistics.two_proportions import two_share_test
from modelspan_analyzer.verdicts.normal_range import robust_range, standard_deviation_range
from modelspan_analyzer.verdicts.presets import azure_rule, evidently_rule, nannyml_rule

CHUNKS = [0.1, 0.12, 0.09, 0.11, 0.1, 0.13, 0.1, 0.11]


def usual(normal_range, value):
    """Whether a value lies within the range."""
    return normal_range.lower <= value <= normal_range.upper


def test_standard_deviation_range_by_hand():
    """Mean ± 3 standard deviations, cut to what the measure can take; NaN left out."""
    found = standard_deviation_range([1.0, 3.0, np.nan], least=0.0)
    assert found == pytest.approx((2.0, 0.0, 5.0))
    assert usual(found, 5.0) and not usual(found, 5.1)


def test_one_odd_chunk_widens_the_plain_range_and_not_the_robust_one():
    """A baseline with one incident in it still tells the next one."""
    odd = [*CHUNKS, 0.9]
    assert usual(standard_deviation_range(odd), 0.7)
    assert not usual(robust_range(odd), 0.7)
    assert usual(robust_range(odd), 0.12)


def test_robust_range_is_the_normal_range_for_normal_chunks():
    """Four robust deviations are four standard deviations on a large normal series."""
    series = np.random.default_rng(0).normal(5, 2, size=20_000)
    assert robust_range(series) == pytest.approx((5, -3, 13), abs=0.15)


def test_mostly_equal_chunks_keep_a_width_and_constant_ones_none():
    """Where the median deviation is 0 the mean one steps in; constant chunks allow that constant alone."""
    assert usual(robust_range([0.0] * 6 + [0.1]), 0.05)
    assert robust_range([0.0] * 7) == (0.0, 0.0, 0.0)


@pytest.mark.parametrize(("learn", "least"), [(standard_deviation_range, 2), (robust_range, 6)])
def test_too_few_chunks_are_refused(learn, least):
    """The error says how many values are needed."""
    with pytest.raises(ValueError, match=f"at least {least}"):
        learn([1.0] * (least - 1))


def test_presets_are_the_peers_defaults():
    """Measure, threshold and side as published."""
    assert azure_rule("numeric").measure == "normalized_wasserstein_distance"
    assert azure_rule("categorical").verdict(0.11) is Verdict.ALARM
    assert azure_rule("categorical").verdict(0.1) is Verdict.OK
    small = {"n_reference": 1000}
    assert evidently_rule("numeric", distinct=50, **small).measure == "kolmogorov_smirnov"
    assert evidently_rule("numeric", distinct=50, **small).verdict(0.04) is Verdict.ALARM
    assert evidently_rule("numeric", distinct=5, **small).measure == "chi_squared"
    assert evidently_rule("categorical", distinct=2, **small).measure == "two_proportion"
    assert evidently_rule("numeric", n_reference=1001, distinct=6).measure == "normalized_wasserstein_distance"
    assert evidently_rule("categorical", n_reference=1001, distinct=6).base == "e"
    assert nannyml_rule(CHUNKS).threshold == pytest.approx(np.mean(CHUNKS) + 3 * np.std(CHUNKS))


@pytest.mark.parametrize("share", [0.003, 0.05, 0.5, 0.99])
@pytest.mark.parametrize("rows", [100, 2000])
def test_test_of_two_shares_keeps_its_level(share, rows):
    """However rare or common the event, p-values below 1 % and 0.1 % are no more frequent than that."""
    generator = np.random.default_rng(1)
    first, second = generator.binomial(5000, share, 10_000), generator.binomial(rows, share, 10_000)
    p_values = np.array([two_share_test(k, 5000, j, rows).p_value for k, j in zip(first, second, strict=True)])
    for level in (0.01, 0.001):
        assert np.sum(p_values <= level) <= stats.binom.isf(1e-4, 10_000, 1.15 * level)
