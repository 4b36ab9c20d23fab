"""Measures of embeddings: discrepancy, centroids, reconstruction error."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.decomposition import PCA
from sklearn.metrics.pairwise import rbf_kernel

from modelspan_analyzer.statistics.mean_embedding import centroid_cosine_distance, centroid_distance
from modelspan_analyzer.statistics.mmd import median_bandwidth, mmd_random_features_test
from modelspan_analyzer.statistics.pca_reconstruction import fit_principal_components, frequency_encoded


@pytest.fixture
def vectors():
    """Two samples of one distribution, and one that is shifted; 5 dimensions."""
    generator = np.random.default_rng(11)
    return generator.normal(size=(300, 5)), generator.normal(size=(200, 5)), generator.normal(0.7, size=(200, 5))


def test_discrepancy_tells_a_shift_from_none(vectors):
    """It is near the exact one of the kernel (Gretton et al. 2012), and sure of a shift alone."""
    x, same, shifted = vectors
    s = median_bandwidth(x, shifted)
    found = mmd_random_features_test(x, shifted, s, features=4000)
    kernel = rbf_kernel(np.vstack([x, shifted]), gamma=1 / (2 * s**2))
    signs = np.repeat([1 / len(x), -1 / len(shifted)], [len(x), len(shifted)])
    assert found.statistic == pytest.approx(signs @ kernel @ signs, abs=3 / np.sqrt(4000))
    assert mmd_random_features_test(x, same, s).p_value > 0.01 > found.p_value


def test_equal_and_constant_embeddings():
    """Equal rows everywhere are no discrepancy, not a division by zero."""
    rows = np.ones((10, 3))
    assert median_bandwidth(rows, rows) == 1.0
    assert mmd_random_features_test(rows, rows, 1.0) == (0.0, 0.0, 1.0)


def test_centroid_distances_by_hand():
    """3-4-5 triangle; right angle; opposite; zero vectors."""
    assert centroid_distance([0, 0], [3, 4]) == pytest.approx(5)
    assert centroid_cosine_distance([1, 0], [0, 2]) == pytest.approx(1)
    assert centroid_cosine_distance([1, 1], [-2, -2]) == pytest.approx(2)
    assert centroid_cosine_distance([1, 1], [3, 3]) == pytest.approx(0, abs=1e-15)
    assert centroid_cosine_distance([0, 0], [0, 0]) == 0
    assert centroid_cosine_distance([0, 0], [1, 0]) == 1


@pytest.mark.parametrize(
    ("reference", "current", "complaint"),
    [
        (np.ones((2, 3)), np.ones((2, 4)), "same width"),
        (np.ones((0, 3)), np.ones((2, 3)), "empty"),
        ([[np.nan]], [[1.0]], "NaN"),
    ],
)
def test_unfit_embeddings_are_refused(reference, current, complaint):
    """Errors say what was wrong."""
    with pytest.raises(ValueError, match=complaint):
        mmd_random_features_test(reference, current, 1.0)


def test_reconstruction_error_equals_scikit_learn():
    """The same components and error as PCA(0.65) on standardised rows; NaN counts as the mean."""
    generator = np.random.default_rng(6)
    rows = generator.normal(size=(500, 6)) @ generator.normal(size=(6, 6)) + 3
    scaled = (rows - rows.mean(axis=0)) / rows.std(axis=0)
    pca = PCA(0.65).fit(scaled)
    expected = np.linalg.norm(scaled - pca.inverse_transform(pca.transform(scaled)), axis=1).mean()
    ours = fit_principal_components(rows)
    assert ours.components.shape == pca.components_.shape
    assert ours.reconstruction_error(rows) == pytest.approx(expected, abs=1e-9)
    holed, filled = rows.copy(), rows.copy()
    holed[3, 2], filled[3, 2] = np.nan, ours.mean[2]
    assert ours.reconstruction_error(holed) == pytest.approx(ours.reconstruction_error(filled))


def test_reconstruction_error_of_constant_columns_and_wrong_shapes():
    """A constant column breaks nothing; other columns are refused."""
    components = fit_principal_components([[1.0, 5.0], [2.0, 5.0], [4.0, 5.0]])
    assert np.isfinite(components.reconstruction_error([[1.0, 6.0]]))
    with pytest.raises(ValueError, match="3 columns, the baseline has 2"):
        components.reconstruction_error(np.ones((2, 3)))


def test_categories_become_their_baseline_shares():
    """An unseen category has share 0, also one that sorts last."""
    assert frequency_encoded(["a", "a", "b", "c"], ["a", "c", "zz", "0"]) == pytest.approx([0.5, 0.25, 0, 0])
