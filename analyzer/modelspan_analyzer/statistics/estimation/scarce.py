"""Whether enough of a baseline's rows are like a window's to tell what is to be expected of them."""

from __future__ import annotations

from typing import Final

LEAST_BEHIND: Final = 500
"""Rows of the baseline below which intervals held too seldom where inputs had moved."""


def few_behind(behind: float, learnt: float, what: str) -> str:
    """What is said where too few rows of a baseline count where a window's lie; '' where enough do.

    >>> few_behind(420.0, 1000.0, "scores")[:69]
    "the baseline is too small where the window's scores lie: 420 of its 1"
    """
    if behind >= LEAST_BEHIND:
        return ""
    return (
        f"the baseline is too small where the window's {what} lie: {behind:.0f} of its {learnt:.0f} labelled rows "
        f"count there, and {LEAST_BEHIND} are needed"
    )
