"""Maximum mean discrepancy of embeddings under a Gaussian kernel (Gretton et al. 2012, JMLR 13:723-773).

Samples are vectors, shapes (n, width) and (m, width), and the kernel has a bandwidth s: exp(-|x - y|² / (2 s²)).
The squared discrepancy is 0 for equal distributions and at most 2. From random Fourier features (Rahimi and Recht 2007)
it costs n + m instead of n · m, and is off the exact one by about 1 / sqrt(features).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from modelspan_analyzer.statistics.counts import Floats
from modelspan_analyzer.statistics.embeddings import bounded_sample, paired_embeddings
from modelspan_analyzer.statistics.special import gammaincc


def median_bandwidth(reference: ArrayLike, current: ArrayLike, *, most: int = 500, seed: int = 0) -> float:
    """The median distance between rows of both samples together (the usual heuristic), from at most `most` rows.

    1 when all rows are equal. Raises `ValueError` as `paired_embeddings` does.

    >>> median_bandwidth([[0.0, 0.0], [3.0, 4.0]], [[0.0, 0.0], [3.0, 4.0]])
    5.0
    """
    rows = bounded_sample(np.concatenate(paired_embeddings(reference, current)), most, seed)
    squared = _squared_distances(rows, rows)[np.triu_indices(rows.shape[0], k=1)]
    median = float(np.sqrt(np.median(squared))) if squared.size else 0.0
    return median if median > 0 else 1.0


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

    >>> rows = np.random.default_rng(0).normal(size=(400, 3))
    >>> same = mmd_random_features_test(rows[:200], rows[200:], 2.0)
    >>> moved = mmd_random_features_test(rows[:200], rows[200:] + 1.0, 2.0)
    >>> same.p_value > 0.05, moved.p_value < 0.001
    (True, True)
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
