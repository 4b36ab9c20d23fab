"""How far parts of the baseline itself, one stretch of time each, lie from the rest: what is usual for this model."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from modelspan_analyzer.statistics.counts import Floats
from modelspan_analyzer.statistics.domain_trees import domain_trees
from modelspan_analyzer.verdicts.normal_range import LEAST_CHUNKS, robust_range

CHUNKS = 10
LEAST_ROWS = 40
"""Smallest chunk that says something."""


def stretches(stamps: npt.NDArray[np.datetime64], most: int = CHUNKS) -> list[npt.NDArray[np.intp]]:
    """Places of the rows of up to `most` stretches of time with equally many rows; none where they would be too few."""
    if not stamps.size or stamps.max() == stamps.min():
        return []
    number = min(most, stamps.size // LEAST_ROWS)
    return list(np.array_split(np.argsort(stamps, kind="stable"), number)) if number >= LEAST_CHUNKS else []


def usual_shift(values: Floats, parts: Sequence[npt.NDArray[np.intp]], least: float) -> float:
    """The least standardised change of a mean that is unusual, never less than `least`."""
    spread = float(values.std())
    if not parts or spread == 0:
        return least
    shifts = [standardised_shift(values, values[part]) for part in parts]
    return max(least, robust_range(np.abs(shifts)).upper)


def standardised_shift(reference: Floats, current: Floats) -> float:
    """The change of the mean in the reference's standard deviations, less what chance alone gives; 0 without spread.

    Chance gives a mean absolute difference of sqrt(2/pi · (1/n + 1/m)) standard deviations.
    """
    spread = float(reference.std())
    if spread == 0:
        return 0.0
    shift = (float(current.mean()) - float(reference.mean())) / spread
    chance = float(np.sqrt(2.0 / np.pi * (1.0 / reference.size + 1.0 / current.size)))
    return float(np.sign(shift)) * max(0.0, abs(shift) - chance)


def usual_auc(rows: Floats, parts: Sequence[npt.NDArray[np.intp]], least: float) -> float:
    """The least area that is unusual: stretches of the baseline's time told from its other rows; at least `least`."""
    if not parts:
        return least
    areas = [domain_trees(np.delete(rows, part, axis=0), rows[part]).auc for part in parts]
    return max(least, min(1.0, 0.5 + robust_range(np.maximum(np.array(areas) - 0.5, 0.0)).upper))
