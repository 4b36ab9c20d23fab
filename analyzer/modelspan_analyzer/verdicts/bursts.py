"""Whether something comes in bursts, such as the predictions of a nightly job: how often, and how long it pauses."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from modelspan_analyzer.statistics.counts import Floats

FEWEST: Final = 3
"""Distances between bursts that make a rhythm."""
REGULAR: Final = 1.5
"""Times longer, or shorter, than usual that a distance may be."""
MOST: Final = 0.75
"""Share of the distances that have to be regular: a batch may have been late, or missing, before."""
LARGEST_SHARE: Final = 0.25
"""Of the time that bursts may take: what takes more is a stream with pauses."""
LATE: Final = 1.1
"""Times the longest pause after which a burst is overdue."""


@dataclass(frozen=True, slots=True)
class Bursts:
    """A rhythm, in seconds."""

    period: float
    """From the beginning of a burst to the next one's, usually."""
    pause: float
    """The longest between two bursts."""
    share: float
    """Of the time that a burst usually takes."""

    @property
    def batches(self) -> bool:
        """Whether it is mostly silent, as a job that runs from time to time is."""
        return self.share <= LARGEST_SHARE

    @property
    def limit(self) -> float:
        """The silence after which the next burst is overdue."""
        return LATE * self.pause


def sporadic(slots: Floats, length: float) -> bool:
    """Whether something came and paused at least twice, and was away most of the time: a silence of it says little.

    Args:
        slots: in order, as for `learnt`, which may not know the rhythm yet.
        length: of a slot.
    """
    pauses = np.diff(slots) - length
    if np.count_nonzero(pauses > 0) < FEWEST - 1:
        return False
    return bool(slots.size * length <= LARGEST_SHARE * (slots[-1] + length - slots[0]))


def told(period: float) -> Bursts:
    """The rhythm of which it is said that a burst comes so often."""
    return Bursts(period, period, 0.0)


def learnt(slots: Floats, length: float) -> Bursts | None:
    """The rhythm of some slots of time, the beginnings of those in which something came; None where there is none.

    Bursts are told apart by pauses that are more than half as long as the longest ones, so that no scale need be given.

    Args:
        slots: in order.
        length: of a slot.
    """
    pauses = np.diff(slots) - length
    if np.count_nonzero(pauses > 0) < FEWEST:
        return None
    places = np.flatnonzero(pauses > np.sort(pauses)[-FEWEST] / 2)
    begins = slots[np.concatenate(([0], places + 1))]
    distances = np.diff(begins)
    usual = float(np.median(distances))
    regular = (distances <= REGULAR * usual) & (distances >= usual / REGULAR)
    if np.count_nonzero(regular) < FEWEST or regular.mean() < MOST:
        return None
    lasted = slots[places] + length - begins[:-1]
    return Bursts(usual, float(pauses[places][regular].max()), float(np.median(lasted)) / usual)
