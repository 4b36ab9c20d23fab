"""Measures of the labels alone: what the data says of two groups before any model (Amazon SageMaker Clarify's set).

All take counts of shape `(..., 2, strata, 2)`: group (0 the disadvantaged `d`, 1 the others `a`), stratum, outcome
(1 favourable). Reference: SageMaker Developer Guide, "Measure pre-training bias"; Hardt et al., "Amazon SageMaker
Clarify: machine learning bias detection and explainability in the cloud", KDD 2021.
"""

from __future__ import annotations

import numpy as np

from modelspan_analyzer.statistics.jensen_shannon import jensen_shannon_divergence
from modelspan_analyzer.statistics.performance.counts import FloatArray, ratios
from modelspan_analyzer.statistics.special import rel_entr
from modelspan_analyzer.statistics.total_variation import total_variation_of_shares


def _rates(outcomes: FloatArray) -> FloatArray:
    """Outcome distribution of each group, `(..., 2, 2)`."""
    flat = outcomes.sum(axis=-2)
    return ratios(flat, flat.sum(axis=-1, keepdims=True))


def class_imbalance(outcomes: FloatArray) -> FloatArray:
    """`(n_a − n_d) / (n_a + n_d)`: how much rarer the group is than the others.

    >>> outcomes = np.array([[[15.0, 5.0]], [[40.0, 40.0]]])
    >>> float(class_imbalance(outcomes))
    0.6
    """
    n = outcomes.sum(axis=(-2, -1))
    return ratios(n[..., 1] - n[..., 0], n.sum(axis=-1))


def difference_in_proportions(outcomes: FloatArray) -> FloatArray:
    """`q_a − q_d`, with `q` the share of favourable outcomes.

    >>> outcomes = np.array([[[15.0, 5.0]], [[40.0, 40.0]]])
    >>> float(difference_in_proportions(outcomes))
    0.25
    """
    q = _rates(outcomes)[..., 1]
    return np.asarray(q[..., 1] - q[..., 0])


def kl_divergence(outcomes: FloatArray) -> FloatArray:
    """`Σ_y P_a(y) · ln(P_a(y) / P_d(y))`, in nats.

    >>> outcomes = np.array([[[15.0, 5.0]], [[40.0, 40.0]]])
    >>> round(float(kl_divergence(outcomes)), 4)
    0.1438
    """
    p = _rates(outcomes)
    return np.asarray(np.sum(rel_entr(p[..., 1, :], p[..., 0, :]), axis=-1))


def js_divergence(outcomes: FloatArray) -> FloatArray:
    """`½ KL(P_a ‖ P) + ½ KL(P_d ‖ P)`, with `P` the mean of both, in nats.

    >>> round(float(js_divergence(np.array([[[8.0, 0.0]], [[0.0, 8.0]]]))), 4)
    0.6931
    """
    p = _rates(outcomes)
    return jensen_shannon_divergence(p[..., 1, :], p[..., 0, :])


def lp_norm(outcomes: FloatArray, order: float = 2.0) -> FloatArray:
    """`(Σ_y |P_a(y) − P_d(y)|^p)^(1/p)`, `p` = 2.

    >>> outcomes = np.array([[[15.0, 5.0]], [[40.0, 40.0]]])
    >>> round(float(lp_norm(outcomes)), 4)
    0.3536
    """
    gap = np.abs(np.diff(_rates(outcomes), axis=-2)[..., 0, :])
    return np.asarray((gap**order).sum(axis=-1) ** (1 / order))


def total_variation_distance(outcomes: FloatArray) -> FloatArray:
    """`½ Σ_y |P_a(y) − P_d(y)|`.

    >>> outcomes = np.array([[[15.0, 5.0]], [[40.0, 40.0]]])
    >>> float(total_variation_distance(outcomes))
    0.25
    """
    p = _rates(outcomes)
    return total_variation_of_shares(p[..., 1, :], p[..., 0, :])


def ks_distance(outcomes: FloatArray) -> FloatArray:
    """`max_y |P_a(y) − P_d(y)|`.

    >>> outcomes = np.array([[[15.0, 5.0]], [[40.0, 40.0]]])
    >>> float(ks_distance(outcomes))
    0.25
    """
    return np.asarray(np.abs(np.diff(_rates(outcomes), axis=-2)[..., 0, :]).max(axis=-1))


def conditional_disparity(outcomes: FloatArray) -> FloatArray:
    """`(1/n) Σ_i n_i · DD_i`, with `DD_i` the group's share of the rejected less that of the accepted in stratum `i`.

    A stratum in which nobody was rejected, or nobody accepted, has the share 0 there.

    >>> outcomes = np.array([[[15.0, 5.0]], [[40.0, 40.0]]])
    >>> round(float(conditional_disparity(outcomes)), 4)
    0.1616
    """
    totals = outcomes.sum(axis=-3)
    shares = np.nan_to_num(ratios(outcomes[..., 0, :, :], totals))
    n = totals.sum(axis=-1)
    return ratios((n * (shares[..., 0] - shares[..., 1])).sum(axis=-1), n.sum(axis=-1))
