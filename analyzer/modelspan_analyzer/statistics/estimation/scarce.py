"""Whether enough of a baseline's rows are like a window's to tell what is to be expected of them."""

from __future__ import annotations

from typing import Final

import numpy as np

from modelspan_analyzer.statistics.performance.counts import FloatArray

MOST_BEYOND: Final = 0.05
"""Share of a window's rows that may lie where the baseline has none."""
LEAST_BEHIND: Final = 500
"""Rows of the baseline below which intervals held too seldom where inputs had moved."""


def few_behind(ratio: FloatArray, weight: FloatArray, learnt: float, what: str, least: float = LEAST_BEHIND) -> str:
    """What is said where too few rows of a baseline count where a window's lie; '' where enough do.

    Those that count are `learnt / mean(ratio)`, Kish's effective size (1965) of the baseline when its rows are
    weighted by the ratio. The window's own rows tell it: they are where the ratio is large, whereas of a baseline that
    lacks such rows the weights look as if all were well.

    Args:
        ratio: how much likelier each of the window's rows is there than in the baseline, `(n,)`.
        weight: rows of the window that each stands for, `(n,)`.
        learnt: rows of the baseline.
        what: lies where the baseline has few.
        least: rows that have to count.

    >>> few_behind(np.array([1.0, 4.0]), np.array([100.0, 50.0]), 600.0, "scores")[:84]
    "cannot tell: 50 of the window's 150 rows have scores of which the baseline has few. "
    """
    if not weight.sum():
        return ""
    behind = learnt / float(np.average(ratio, weights=weight))
    if behind >= least:
        return ""
    few = weight[ratio > learnt / least].sum()
    return (
        f"cannot tell: {few:.0f} of the window's {weight.sum():.0f} rows have {what} of which the baseline has few. "
        f"{behind:.0f} of its {learnt:.0f} labelled rows count there, and {least} are needed"
    )
