"""The normal range of a measured series, learnt from baseline chunks."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from modelspan_analyzer.statistics.robust_deviation import robust_deviation

LEAST_CHUNKS = 6  # fewer say too little of a spread; NannyML warns below the same number


class NormalRange(NamedTuple):
    """Values that the baseline itself takes: centre, and limits outside which a value is unusual."""

    centre: float
    lower: float
    upper: float


def standard_deviation_range(
    chunks: ArrayLike, *, deviations: float = 3.0, least: float = -np.inf, greatest: float = np.inf
) -> NormalRange:
    """Mean ± `deviations` standard deviations (n in the denominator) of the chunks' values: NannyML's thresholds.

    `chunks`: one value a baseline chunk; NaN, a chunk without a value, is left out. The limits are cut to what the
    measure can take, `least` to `greatest`. Raises `ValueError` for fewer than two values.
    """
    values = _known(chunks, 2)
    centre, spread = float(values.mean()), float(values.std())
    return _limited(centre, deviations * spread, least, greatest)


def robust_range(
    chunks: ArrayLike, *, deviations: float = 4.0, least: float = -np.inf, greatest: float = np.inf
) -> NormalRange:
    """Median ± `deviations` robust standard deviations: one odd chunk in the baseline does not widen it.

    With few chunks the spread is itself uncertain, hence 4 by default. Raises `ValueError` for fewer than six values.
    """
    values = _known(chunks, LEAST_CHUNKS)
    centre = float(np.median(values))
    return _limited(centre, deviations * float(robust_deviation(values, centre)), least, greatest)


def _known(chunks: ArrayLike, least: int) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    values = np.asarray(chunks, dtype=np.float64).ravel()
    values = values[np.isfinite(values)]
    if values.size < least:
        raise ValueError(f"{values.size} baseline chunks have a value, a normal range needs at least {least}")
    return values


def _limited(centre: float, half_width: float, least: float, greatest: float) -> NormalRange:
    return NormalRange(centre, max(least, centre - half_width), min(greatest, centre + half_width))
