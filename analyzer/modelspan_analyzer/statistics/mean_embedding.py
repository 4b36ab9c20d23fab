"""Centroid and cosine measures of embeddings: from mean vectors alone, so that a store can compute their input."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from modelspan_analyzer.statistics.embeddings import paired_embeddings


def centroid_distance(reference_mean: ArrayLike, current_mean: ArrayLike) -> float:
    """Euclidean distance of two mean vectors, shape (width,) each. Range 0 to infinity, 0 for equal means.

    >>> centroid_distance([0, 0], [3, 4])
    5.0
    """
    first, second = paired_embeddings(np.atleast_2d(reference_mean), np.atleast_2d(current_mean))
    return float(np.linalg.norm(first - second))


def centroid_cosine_distance(reference_mean: ArrayLike, current_mean: ArrayLike) -> float:
    """One minus the cosine of the angle between two mean vectors, shape (width,) each.

    Range 0 (same direction) to 2 (opposite). A zero vector has no direction: 0 beside another zero vector, else 1.

    >>> [round(centroid_cosine_distance([1, 0], other), 6) for other in ([2, 0], [0, 1], [-1, 0])]
    [0.0, 1.0, 2.0]
    """
    first, second = paired_embeddings(np.atleast_2d(reference_mean), np.atleast_2d(current_mean))
    norms = float(np.linalg.norm(first)), float(np.linalg.norm(second))
    if 0.0 in norms:
        return 0.0 if norms == (0.0, 0.0) else 1.0
    # From the difference of the unit vectors: exact for small angles, where 1 - cos would cancel.
    return float(np.sum((first / norms[0] - second / norms[1]) ** 2) / 2.0)
