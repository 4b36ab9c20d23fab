"""Maximum mean discrepancy of embeddings under a Gaussian kernel (Gretton et al. 2012, JMLR 13:723-773).

All take samples of vectors, shapes (n, width) and (m, width), and the kernel's bandwidth s in exp(-|x - y|² / (2 s²)).
The squared discrepancy is 0 for equal distributions and at most 2. The exact one costs n · m; the other two cost n.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import gammaincc, ndtr

from modelspan_analyzer.statistics.counts import Floats
from modelspan_analyzer.statistics.embeddings import bounded_sample, paired_embeddings
from modelspan_analyzer.statistics.types import TestResult


def median_bandwidth(reference: ArrayLike, current: ArrayLike, *, most: int = 500, seed: int = 0) -> float:
    """The median distance between rows of both samples together (the usual heuristic), from at most `most` rows.

    1 when all rows are equal. Raises `ValueError` as `paired_embeddings` does.
    """
    rows = bounded_sample(np.concatenate(paired_embeddings(reference, current)), most, seed)
    squared = _squared_distances(rows, rows)[np.triu_indices(rows.shape[0], k=1)]
    median = float(np.sqrt(np.median(squared))) if squared.size else 0.0
    return median if median > 0 else 1.0


def mmd_squared(reference: ArrayLike, current: ArrayLike, bandwidth: float) -> float:
    """The unbiased estimate of the squared discrepancy (lemma 6); slightly negative values are chance.

    Raises `ValueError` as `paired_embeddings` does, or for a sample of fewer than two rows.
    """
    x, y = paired_embeddings(reference, current)
    n, m = x.shape[0], y.shape[0]
    if min(n, m) < 2:
        raise ValueError("the unbiased discrepancy needs at least two rows in each sample")
    within_x = (_kernel(x, x, bandwidth).sum() - n) / (n * (n - 1))
    within_y = (_kernel(y, y, bandwidth).sum() - m) / (m * (m - 1))
    return float(within_x + within_y - 2.0 * _kernel(x, y, bandwidth).mean())


def mmd_linear_time(reference: ArrayLike, current: ArrayLike, bandwidth: float) -> TestResult:
    """The linear-time estimate (lemma 14) with its one-sided p-value (corollary 16), on min(n, m) rows of each.

    Statistic: the mean over disjoint pairs of rows of k(x, x') + k(y, y') - k(x, y') - k(x', y), normal without a
    difference. Rows must be in random order. Raises `ValueError` as above, or for fewer than four rows.
    """
    x, y = paired_embeddings(reference, current)
    pairs = min(x.shape[0], y.shape[0]) // 2
    if pairs < 2:
        raise ValueError("the linear-time discrepancy needs at least four rows in each sample")
    x1, x2, y1, y2 = x[: 2 * pairs : 2], x[1 : 2 * pairs : 2], y[: 2 * pairs : 2], y[1 : 2 * pairs : 2]
    h = sum(
        sign * np.exp(-np.sum((one - other) ** 2, axis=1) / (2.0 * bandwidth**2))
        for sign, one, other in ((1, x1, x2), (1, y1, y2), (-1, x1, y2), (-1, x2, y1))
    )
    values = np.asarray(h, dtype=np.float64)
    mean, error = float(values.mean()), float(values.std(ddof=1) / np.sqrt(pairs))
    if error == 0:
        return TestResult(mean, 1.0 if mean <= 0 else 0.0)
    return TestResult(mean, float(ndtr(-mean / error)))


def mmd_random_features(
    reference: ArrayLike, current: ArrayLike, bandwidth: float, *, features: int = 512, seed: int = 0
) -> float:
    """The squared discrepancy from random Fourier features (Rahimi and Recht 2007), biased as the plain mean is.

    The squared distance between the mean feature vectors; off the exact biased one by about 1 / sqrt(features).
    Raises `ValueError` as `paired_embeddings` does.
    """
    x, y = paired_embeddings(reference, current)
    mapped = _random_features(np.concatenate([x, y]), bandwidth, features, seed)
    return float(np.sum((mapped[: x.shape[0]].mean(axis=0) - mapped[x.shape[0] :].mean(axis=0)) ** 2))


class DiscrepancyTest(NamedTuple):
    """The squared discrepancy from random features, its mean without a difference, and the p-value of as much."""

    statistic: float
    chance: float
    p_value: float


def mmd_random_features_test(
    reference: ArrayLike, current: ArrayLike, bandwidth: float, *, features: int = 256, seed: int = 0
) -> DiscrepancyTest:
    """Test on the squared discrepancy from random features, without permutations.

    Without a difference it is a weighted sum of chi-squared variables with mean (1/n + 1/m) · tr C and variance
    2 · (1/n + 1/m)² · tr C², C the covariance of the pooled features; the p-value is that of the gamma distribution
    with these moments (Gretton et al. 2009, NIPS 22:673-681). 0 and 1 when all rows are equal.
    Raises `ValueError` as `paired_embeddings` does.
    """
    x, y = paired_embeddings(reference, current)
    mapped = _random_features(np.concatenate([x, y]), bandwidth, features, seed)
    statistic = float(np.sum((mapped[: x.shape[0]].mean(axis=0) - mapped[x.shape[0] :].mean(axis=0)) ** 2))
    centred = mapped - mapped.mean(axis=0)
    covariance = centred.T @ centred / centred.shape[0]
    sizes, trace, squares = 1.0 / x.shape[0] + 1.0 / y.shape[0], float(np.trace(covariance)), np.sum(covariance**2)
    if trace <= np.finfo(np.float64).eps:
        return DiscrepancyTest(0.0, 0.0, 1.0)
    mean, variance = sizes * trace, 2.0 * sizes**2 * float(squares)
    return DiscrepancyTest(statistic, mean, float(gammaincc(mean**2 / variance, statistic * mean / variance)))


def _random_features(rows: Floats, bandwidth: float, features: int, seed: int) -> Floats:
    """Cosines and sines along random directions, shape (n, 2 · features): their products approach the kernel."""
    directions = np.random.default_rng(seed).normal(scale=1.0 / bandwidth, size=(rows.shape[1], features))
    along = rows @ directions
    return np.asarray(np.hstack([np.cos(along), np.sin(along)]) / np.sqrt(features), dtype=np.float64)


def _squared_distances(x: Floats, y: Floats) -> Floats:
    squared = np.sum(x**2, axis=1)[:, None] + np.sum(y**2, axis=1)[None, :] - 2.0 * (x @ y.T)
    return np.asarray(np.maximum(squared, 0.0), dtype=np.float64)


def _kernel(x: Floats, y: Floats, bandwidth: float) -> Floats:
    return np.asarray(np.exp(-_squared_distances(x, y) / (2.0 * bandwidth**2)), dtype=np.float64)
