"""Chances as a window's outcomes as a whole bear them out, so that what is left is particular to some of its rows."""

from __future__ import annotations

from typing import Final

import numpy as np

from modelspan_analyzer.statistics.concept.matched import Parts
from modelspan_analyzer.statistics.performance.counts import FloatArray
from modelspan_analyzer.statistics.special import expit, logit

SUREST: Final = 0.002
"""Chances below it, or above one less it, are taken for it: no baseline of some thousand rows knows them better."""
_ITERATIONS: Final = 50


def recalibrated(chance: FloatArray, positive: FloatArray, weight: FloatArray, part: Parts) -> FloatArray:
    """Chances whose log odds are moved by a constant and stretched by a factor as the outcomes have it (Cox 1958).

    A normal prior of one standard deviation around "as they are" keeps few or separated outcomes from running away.

    Args:
        chance: of each row, that it is positive.
        positive: 1 where it is.
        weight: of each row.
        part: rows of one part share a constant and a factor.

    Twice as sure as it should be:

    >>> sure, n = np.repeat([0.1, 0.9], 1000), np.arange(2000)
    >>> recalibrated(sure, (n % 4 == 0) ^ (n >= 1000), np.ones(2000), np.zeros(2000, int))[[0, -1]].round(2).tolist()
    [0.25, 0.75]
    """
    found = np.empty_like(chance)
    for one in np.unique(part):
        here = part == one
        found[here] = _cox(chance[here], positive[here], weight[here])
    return found


def _cox(chance: FloatArray, positive: FloatArray, weight: FloatArray) -> FloatArray:
    odds = logit(np.clip(chance, SUREST, 1 - SUREST))
    design, neutral = np.stack([np.ones_like(odds), odds]), np.array([0.0, 1.0])

    def loss(at: FloatArray) -> float:
        moved = at @ design
        return float((weight * (np.logaddexp(0, moved) - positive * moved)).sum() + ((at - neutral) ** 2).sum() / 2)

    at, lost = neutral, loss(neutral)
    for _ in range(_ITERATIONS):  # Newton's steps, halved while they lead up
        p = expit(at @ design)
        slope = design @ (weight * (p - positive)) + at - neutral
        step = np.linalg.solve((design * (weight * p * (1 - p))) @ design.T + np.eye(2), slope)
        while (there := loss(at - step)) > lost and np.abs(step).max() > 1e-9:
            step = step / 2
        if lost - there < 1e-9:
            break
        at, lost = at - step, there
    return np.asarray(expit(at @ design), np.float64)
