"""Outcomes beside what a model expects of them, as residuals: of chances, or of numbers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple, Protocol

import numpy as np

from modelspan_analyzer.statistics.concept.gaps import Residuals
from modelspan_analyzer.statistics.concept.matched import Parts
from modelspan_analyzer.statistics.concept.recalibrated import SUREST, recalibrated
from modelspan_analyzer.statistics.performance.counts import FloatArray, ratios
from modelspan_analyzer.statistics.special import logit

LEAST: Final = 0.03
"""Chances that are nearer to a half, on average, tell no label that is turned from one that is not."""


class Outcomes(Protocol):
    """Labelled rows of the window, or of the baseline."""

    def residuals(self, part: Parts) -> Sequence[Residuals]:
        """Each kind of residual, shape (rows,), with what all rows of a part have in common taken off."""
        ...


class Chances(NamedTuple):
    """Outcomes of two classes, shape (rows,) each."""

    chance: FloatArray
    """Expected to be positive."""
    positive: FloatArray
    """1 where it is."""
    weight: FloatArray

    def residuals(self, part: Parts) -> list[Residuals]:
        """How many more are positive, and how many are the other class than expected.

        The second is `(y - p)` times the log odds against being positive, the score of a factor on all log odds (Cox
        1958): where labels of both classes turn it rises, and the first hardly does. Taken off are label shift, which
        moves all log odds by a constant, and what all scores are off by, which stretches them; not from the log odds
        that weigh, which are one function of the score on both sides: what a model leaves out shows along its features
        in the window as on the baseline, and weighted otherwise it would look changed.
        """
        p = recalibrated(self.chance, self.positive, self.weight, part)
        off, variance = self.positive - p, p * (1 - p)
        against, turned = -logit(np.clip(self.chance, SUREST, 1 - SUREST)), 1 - 2 * self.chance
        size = np.mean(turned * against) / max(np.sqrt(np.mean(turned**2)), LEAST) if p.size else 1.0
        return [
            Residuals(off, variance, self.weight),
            Residuals(off * against, variance * against**2, self.weight, max(float(size), LEAST)),
        ]


class Numbers(NamedTuple):
    """Outcomes that are numbers less the predicted ones, or whether a class was right; shape (rows,) each."""

    error: FloatArray
    weight: FloatArray

    def residuals(self, part: Parts) -> list[Residuals]:
        """Errors beside their mean in each part."""
        weight = np.bincount(part, self.weight)
        mean = np.nan_to_num(ratios(np.bincount(part, self.weight * self.error), weight))
        return [Residuals(self.error - mean[part], None, self.weight)]
