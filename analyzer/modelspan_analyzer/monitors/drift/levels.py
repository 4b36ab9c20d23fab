"""What may tell how high a column is, so that its earlier windows can show a rhythm or a trend."""

from __future__ import annotations

import numpy as np

from modelspan_analyzer.reading.profiles.binning import Bins
from modelspan_analyzer.reading.profiles.pooling import MEAN, MISSING, Level
from modelspan_analyzer.reading.profiles.profile import Kind
from modelspan_analyzer.reading.profiles.ways import Way
from modelspan_analyzer.statistics.psi import psi
from modelspan_analyzer.verdicts.rule import FeatureCounts


def levels(bins: Bins, counts: FeatureCounts, *, outputs: bool, shape: bool) -> list[Level]:
    """What may tell it, what moved most first: the mean of numbers, or the share of the category that moved most; and
    of a feature of which some is missing, how much.

    Args:
        bins: of the column.
        counts: in the baseline and in the window.
        outputs: whether it is one of the model's outputs.
        shape: whether to ask last how far the whole distribution has gone from the baseline's to the window's, which
            takes reading the values of earlier windows: the mean of what changes its shape may stay.
    """
    before, now = np.asarray(counts.baseline, np.float64), np.asarray(counts.current, np.float64)
    found = [MEAN]
    if bins.kind is Kind.CATEGORICAL and bins.categories:
        apart = np.abs(now / max(now.sum(), 1.0) - before / max(before.sum(), 1.0))[: len(bins.categories)]
        found = [Level(bins.categories[int(np.argmax(apart))])]
    way = Way.between(bins, before, now) if shape else None
    last = [Level(way=way)] if way is not None else []
    if outputs or not before[-1] + now[-1]:
        return [*found, *last]
    values = before[:-1], now[:-1]  # the last bin is of what is missing
    mostly = not all(side.sum() for side in values) or psi(before, now) > 2 * psi(*values)
    return [MISSING, *found, *last] if mostly else [*found, MISSING, *last]
