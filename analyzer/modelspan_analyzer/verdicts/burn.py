"""How fast what an objective allows is used up: burn rates, after The Site Reliability Workbook (2018, ch. 5).

An objective of 95 % allows 5 % of the period to be bad. A burn rate of 1 uses that up in just the period. It is worth a
page where a stretch of time burns so fast that it alone takes 2 % (an hour), 5 % (six hours) or 10 % (three days) of
what is allowed, and the last twelfth of the stretch still does: what is over does not page.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

PERIOD: Final = timedelta(days=30)
STRETCHES: Final = ((timedelta(hours=1), 0.02), (timedelta(hours=6), 0.05), (timedelta(days=3), 0.10))
"""Stretches of time, and the share of what is allowed that each may take."""
LAST: Final = 12
"""The last of so many parts of a stretch has to burn too."""


def burn_worth_a_page(stretch: timedelta, spent: float, period: timedelta = PERIOD) -> float:
    """The burn rate at which a stretch takes that share of what a period allows.

    >>> [round(burn_worth_a_page(*each), 1) for each in STRETCHES]
    [14.4, 6.0, 1.0]
    """
    return spent * (period / stretch)


def allowed_burn(size: timedelta) -> float:
    """The burn rate that is worth a page in one window of this length.

    >>> allowed_burn(timedelta(hours=6))
    6.0
    """
    fitting = next((each for each in STRETCHES if size <= each[0]), STRETCHES[-1])
    return burn_worth_a_page(*fitting)


@dataclass(frozen=True, slots=True)
class Slice:
    """One window, and whether it missed its target."""

    start: datetime
    end: datetime
    bad: bool


@dataclass(frozen=True, slots=True)
class Burn:
    """How fast one stretch burns."""

    stretch: timedelta
    rate: float
    last: float
    """Of the last part of it."""
    allowed: float
    slices: int
    """That were measured in it."""

    @property
    def pages(self) -> bool:
        """Whether both burn too fast."""
        return self.rate >= self.allowed and self.last >= self.allowed


def burns(slices: Sequence[Slice], objective: float, period: timedelta = PERIOD) -> list[Burn]:
    """The burn rate of each stretch that ends with the newest slice, of which at least half was measured.

    Args:
        slices: in the order of their times, of one length.
        objective: share of them that have to be good.
        period: over which it holds; stretches longer than it are left out.

    >>> start, hour = datetime(2026, 1, 1), timedelta(hours=1)
    >>> hours = [Slice(start + at * hour, start + (at + 1) * hour, at >= 70) for at in range(72)]
    >>> [(str(one.stretch), round(one.rate, 1), one.pages) for one in burns(hours, 0.95)]
    [('1:00:00', 20.0, True), ('6:00:00', 6.7, True), ('3 days, 0:00:00', 0.6, False)]
    """
    if not slices:
        return []
    newest, budget = slices[-1], 1 - objective
    size, found = newest.end - newest.start, []
    for stretch, spent in STRETCHES:
        within = [one for one in slices if one.start >= newest.end - stretch]
        if size > stretch or stretch > period or 2 * len(within) * size < stretch:
            continue
        last = [one for one in within if one.start >= newest.end - max(stretch / LAST, size)]
        most = min(burn_worth_a_page(stretch, spent, period), 1 / budget)
        rate, at_last = (sum(one.bad for one in part) / len(part) / budget for part in (within, last))
        found.append(Burn(stretch, rate, at_last, most, len(within)))
    return found
