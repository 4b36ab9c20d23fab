"""Hints of poisoning and probing: outlying rows, near duplicates, flipped labels."""

from __future__ import annotations

import numpy as np
import pytest
from near_duplicates import near_duplicate_group_sizes, near_duplicate_share
from sklearn.ensemble import IsolationForest

from modelspan_analyzer.statistics.label_flips import confidence_thresholds, label_flips
from modelspan_analyzer.statistics.outliers import _depths, fit_isolation_forest, fit_robust_distance

FITS = [fit_robust_distance, fit_isolation_forest]


@pytest.fixture(scope="module")
def baseline():
    """Two columns that go together, a heavy-tailed one, a constant one, and 2 % wild rows."""
    generator = np.random.default_rng(8)
    x = generator.normal(size=3000)
    rows = np.column_stack([x, x + 0.2 * generator.normal(size=3000), generator.standard_t(3, 3000), np.ones(3000)])
    rows[:60, :2] = 50 * generator.normal(size=(60, 2))
    return rows


@pytest.mark.parametrize("fit", FITS)
def test_usual_rows_are_rarely_outliers_and_far_ones_are(baseline, fit):
    """About the promised share of usual rows; a row far outside; NaN as the median."""
    model = fit(baseline, share=0.03)
    usual = model.find(baseline[1000:])
    assert usual.share < 0.03
    assert model.find([[40.0, -40.0, 30.0, 1.0]]).outlying.all()
    assert not model.find([[np.nan, np.nan, np.nan, np.nan]]).outlying.any()


def test_robust_distance_sees_a_broken_relation_despite_wild_rows(baseline):
    """Each column is usual, together they are not; wild rows in the baseline do not hide that."""
    model = fit_robust_distance(baseline, share=0.03)
    broken, whole = model.find([[2.0, -2.0, 0.0, 1.0], [2.0, 2.0, 0.0, 1.0]]).scores
    assert broken > 5 * whole


@pytest.mark.parametrize("shape", [(500, 4), (3, 2), (2, 1), (1, 1)])
def test_a_forest_scores_as_scikit_learn_does_to_the_last_bit(shape):
    """Also one of a row or two, which tells nothing apart."""
    generator = np.random.default_rng(10)
    forest = IsolationForest(random_state=0).fit(generator.normal(size=shape))
    rows = generator.normal(scale=3, size=(400, shape[1]))
    np.testing.assert_array_equal(_depths(forest)(rows), -forest.score_samples(rows))


@pytest.mark.parametrize("fit", FITS)
def test_other_columns_are_refused(baseline, fit):
    """The error says how many columns the baseline has."""
    with pytest.raises(ValueError, match="2 columns, the baseline has 4"):
        fit(baseline).find(np.ones((3, 2)))


def test_near_duplicates_are_found_across_cell_borders():
    """A row repeated with small changes forms a group, wherever the grid lies; distinct rows form none."""
    generator = np.random.default_rng(9)
    rows = generator.normal(size=(200, 4))
    burst = np.array([0.5, 0.01, -0.2, 1.0]) + 1e-5 * generator.normal(size=(20, 4))
    burst[:, 3] = np.nan
    sizes = near_duplicate_group_sizes(np.vstack([rows, burst]), np.ones(4))
    assert np.all(sizes[:200] == 1)
    assert np.all(sizes[200:] >= 10)
    assert near_duplicate_share(np.vstack([rows, burst]), np.ones(4)) == pytest.approx(20 / 220)
    assert near_duplicate_share(np.empty((0, 4)), np.ones(4)) == 0.0
    with pytest.raises(ValueError, match="do not fit"):
        near_duplicate_group_sizes(rows, np.ones(3))


def test_label_flips_by_hand():
    """Two confident contradictions in one direction of ten rows."""
    labels = [0] * 6 + [1] * 4
    likely_one = np.array([0.1, 0.1, 0.1, 0.1, 0.9, 0.9, 0.9, 0.9, 0.9, 0.9])
    scores = np.column_stack([1 - likely_one, likely_one])
    found = label_flips(labels, scores)
    assert confidence_thresholds(labels, scores) == pytest.approx([(4 * 0.9 + 2 * 0.1) / 6, 0.9])
    assert found.joint == pytest.approx(np.array([[4, 2], [0, 4]]))
    assert (found.share, found.asymmetry) == pytest.approx((0.2, 1.0))


def test_one_sided_flips_stand_out_from_noise():
    """Flipping a tenth of one class raises share and asymmetry, by thresholds from the clean baseline."""
    generator = np.random.default_rng(10)
    true = generator.integers(0, 2, 5000)
    likely_one = np.clip(np.where(true == 1, 0.85, 0.15) + 0.1 * generator.normal(size=5000), 0, 1)
    scores = np.column_stack([1 - likely_one, likely_one])
    thresholds = confidence_thresholds(true, scores)
    flipped = np.where((true == 1) & (generator.random(5000) < 0.1), 0, true)
    clean, attacked = label_flips(true, scores, thresholds), label_flips(flipped, scores, thresholds)
    assert clean.share < 0.001 < 0.03 < attacked.share
    assert attacked.asymmetry > 0.95
    with pytest.raises(ValueError, match="class number"):
        label_flips([0, 5], [[0.5, 0.5], [0.5, 0.5]])
