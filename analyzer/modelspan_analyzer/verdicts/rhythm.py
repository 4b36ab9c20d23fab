"""Which earlier windows tell what is usual: those of the same time of the week, of the day, or those just before."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

import numpy as np
from numpy.typing import ArrayLike

from modelspan_analyzer.statistics.robust_deviation import median_deviation

WEEK: Final = timedelta(weeks=1)
DAY: Final = timedelta(days=1)
FEWEST: Final = 3
"""Earlier windows that make a pattern."""
BEFORE: Final = 7
"""Windows just before that are looked at."""


@dataclass(frozen=True, slots=True)
class Pattern:
    """Earlier windows that are like a window."""

    words: str
    shifts: tuple[timedelta, ...]
    """How much earlier each began, the nearest first."""
    just_before: bool = False
    """Whether it is merely the windows just before."""


def patterns(size: timedelta, *, weeks: int = 4, days: int = 7, before: int = BEFORE) -> tuple[Pattern, ...]:
    """Where to look for what is usual of a window of this length, the likest first.

    Args:
        size: length of the windows.
        weeks: how many weeks back the same time of the week is looked at.
        days: how many days back the same time of the day is.
        before: how many windows just before are.
    """
    of_weeks = tuple(WEEK * number for number in range(1, weeks + 1)) if size <= WEEK else ()
    of_days = tuple(DAY * number for number in range(1, days + 1)) if size <= DAY else ()
    return (
        Pattern("the same time of the week", of_weeks),
        Pattern("the same time of the day", of_days),
        Pattern("the windows before", tuple(size * number for number in range(1, before + 1)), True),
    )


def usual_logarithm(logarithms: ArrayLike) -> tuple[float, float]:
    """The median of some logarithms, and their median absolute deviation as a normal standard deviation.

    >>> usual_logarithm([0.0, 1.0, 2.0])
    (1.0, 1.482602218505602)
    """
    values = np.asarray(logarithms, np.float64)
    median = float(np.median(values))
    return median, float(median_deviation(values, median))
