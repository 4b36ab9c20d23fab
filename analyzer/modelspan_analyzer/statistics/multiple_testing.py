"""p-values of many tests, adjusted so that one rule holds for all of them together."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from modelspan_analyzer.statistics.counts import Floats

Correction = Literal["benjamini_hochberg", "benjamini_yekutieli", "holm", "bonferroni", "none"]
CORRECTIONS: tuple[Correction, ...] = ("benjamini_hochberg", "benjamini_yekutieli", "holm", "bonferroni", "none")


def adjusted_p_values(p_values: ArrayLike, correction: Correction = "benjamini_hochberg") -> Floats:
    """Adjusted p-values, shape (tests,): reject where they are at most alpha.

    `benjamini_hochberg` (1995) holds the expected share of false rejections at alpha for independent or positively
    dependent tests, `benjamini_yekutieli` (2001) under any dependence; `holm` (1979) and `bonferroni` hold the
    probability of even one false rejection. `none` returns the values as they are.
    Raises `ValueError` for a value outside 0 to 1 or an unknown correction.

    >>> adjusted_p_values([0.01, 0.04, 0.03, 0.02]).round(6).tolist()
    [0.04, 0.04, 0.04, 0.04]
    """
    p = np.asarray(p_values, dtype=np.float64)
    if p.ndim != 1 or not np.all((p >= 0) & (p <= 1)):
        raise ValueError("expected p-values between 0 and 1 in one dimension")
    if correction not in CORRECTIONS:
        raise ValueError(f"unknown correction {correction!r}, expected one of {', '.join(CORRECTIONS)}")
    if correction == "none" or p.size == 0:
        return p
    if correction == "bonferroni":
        return np.minimum(p * p.size, 1.0)
    order = np.argsort(p)
    rank = np.arange(1, p.size + 1)
    if correction == "holm":
        climbing = np.maximum.accumulate(p[order] * (p.size - rank + 1))
    else:
        dependence = float(np.sum(1.0 / rank)) if correction == "benjamini_yekutieli" else 1.0
        climbing = np.minimum.accumulate((p[order] * (dependence * p.size / rank))[::-1])[::-1]
    adjusted = np.empty_like(p)
    adjusted[order] = np.minimum(climbing, 1.0)
    return adjusted
