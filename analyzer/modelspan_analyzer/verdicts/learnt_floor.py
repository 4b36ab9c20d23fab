"""An effect floor learnt from the baseline: how far its own chunks, days or weeks, lie from the whole of it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from modelspan_analyzer.verdicts.effect import effects
from modelspan_analyzer.verdicts.normal_range import robust_range
from modelspan_analyzer.verdicts.rule import DriftRule, FeatureCounts
from modelspan_analyzer.verdicts.tables import tables_of


def learn_effect_floor(
    baseline: ArrayLike, chunks: Sequence[ArrayLike], rule: DriftRule, *, deviations: float = 4.0
) -> float:
    """The least excess effect that is unusual for this feature, and never less than the rule's floor.

    `baseline`: counts of shape (bins,); `chunks`: counts over the same bins of at least six parts of it. A feature that
    swings by day or week has chunks far from the whole, so such a swing is not taken for drift. The floor is the median
    of the chunks' excess effects and `deviations` robust standard deviations (see `robust_range`).
    Raises `ValueError` for fewer than six chunks that have rows, or bins that differ.
    """
    parts = [FeatureCounts(f"chunk {i}", baseline, chunk) for i, chunk in enumerate(chunks) if np.sum(chunk) > 0]
    if not parts:
        raise ValueError("no baseline chunk has rows to learn an effect floor from")
    excess = effects(tables_of(parts), rule.measure).excess
    return max(rule.effect_floor, robust_range(excess, deviations=deviations).upper)
