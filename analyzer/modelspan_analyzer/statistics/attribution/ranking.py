"""Do a model's reasons keep their order: NDCG of feature importances against the baseline's."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np


def attribution_ndcg(baseline: Mapping[str, float], current: Mapping[str, float]) -> float:
    """NDCG of the current ranking of features, graded by the baseline's importances.

    `Σ a(fᵢ) / log2(i + 1)` over the features in their current order, over the same in the baseline's order, with `a`
    the baseline's mean absolute attribution. 1 where the order is kept; SageMaker and Azure alarm below 0.90. A feature
    that is missing on one side has importance 0 there. NaN where the baseline has no importance at all.
    Reference: SageMaker Developer Guide, "Feature attribution drift for models in production".

    >>> [round(attribution_ndcg({"a": 3, "b": 1}, now), 3) for now in ({"a": 9, "b": 8}, {"a": 1, "b": 2})]
    [1.0, 0.797]
    """
    names = sorted(set(baseline) | set(current))
    gain = np.array([abs(baseline.get(name, 0.0)) for name in names])
    now = np.array([abs(current.get(name, 0.0)) for name in names])
    discount = 1 / np.log2(np.arange(len(names)) + 2)
    best = float((np.sort(gain)[::-1] * discount).sum())
    return float((gain[np.argsort(-now, kind="stable")] * discount).sum()) / best if best else float("nan")
